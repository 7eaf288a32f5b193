/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_at - the parts of an applied policy on the disk: the directory, its links, its files. For
 * reading (store.c) and for changing (store_write.c).
 *
 * Everything is opened once, checked by descriptor, and used by that descriptor. No symlink is
 * followed; the two links are read, and nothing but the plain name of a policy in them is taken.
 */
#ifndef CINCH_PROFILES_STORE_AT_H
#define CINCH_PROFILES_STORE_AT_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/policy.h"
#include "shim/base/hash.h"

enum { STORE_POLICY_MAX = 256 << 20 };

#define STORE_CURRENT "current"
#define STORE_PREVIOUS "previous"

/* The directory. -1 with code ENOENT when there is none; every other failure is damage. */
int store_at_open(const char *dir, int *fd, struct err *e);
/* The policy LINK names; "" when there is no such link. -1: what is there is not a link of ours. */
int store_at_link(int dirfd, const char *link, char digest[HASH_HEX_SIZE], struct err *e);
/* Open the policy DIGEST; its head is checked. */
int store_at_policy(int dirfd, const char *digest, struct policy **out, struct err *e);
/* The same, and every byte is as it should be. NAME: the directory it lies in; DIGEST, mostly. OUT may
 * be NULL. */
int store_at_whole(
	int dirfd, const char *name, const char *digest, struct policy **out, struct err *e);

#endif
