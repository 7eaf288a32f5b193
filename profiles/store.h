/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the applied policies: /var/lib/cinch/policy/<sha256>/policy, the links "current" and
 * "previous", and which of them governs now.
 *
 * A policy directory is written whole under a temporary name, synced, renamed, and never changed
 * again. Whatever happens in between (kill -9, a full disk, a second writer), "current" is the old or
 * the new policy, whole.
 */
#ifndef CINCH_PROFILES_STORE_H
#define CINCH_PROFILES_STORE_H

#include "profiles/policy.h"
#include "shim/base/hash.h"

#define STORE_DIR "/var/lib/cinch/policy"

enum applied_from { APPLIED_CURRENT, APPLIED_PREVIOUS, APPLIED_BUILTIN };

struct applied {
	enum applied_from from;
	struct policy *policy; /* NULL: the built-in one */
	char digest[HASH_HEX_SIZE]; /* "" for the built-in one */
	struct settings settings;
	struct err problem; /* why it is not what "current" names; code 0: all is well */
};

#define AUTO_APPLIED __attribute__((cleanup(applied_done)))

/*
 * What governs this node: "current"; when that is damaged, "previous"; else, and without a store, the
 * built-in policy. DIR NULL: STORE_DIR. Directories and files must belong to root (or the caller) and
 * be writable by nobody else. -1 only when out of memory.
 */
int store_open(const char *dir, struct applied *out, struct err *e);
void applied_done(struct applied *a);
/* A profile of the policy in force; from the binary when that is the built-in one. ERR_INPUT, with the
 * nearest name, when there is none. */
int applied_profile(const struct applied *a, const char *name, struct profile **out, struct err *e);
const char *applied_from_name(enum applied_from f); /* "current", "previous", "built-in" */

/* The policy that a link names, fully checked; *OUT NULL with 0: there is no such link. LINK is
 * "current" or "previous". */
int store_link(const char *dir, const char *link, struct policy **out, char digest[HASH_HEX_SIZE],
	struct err *e);
/* Install the bytes and switch "current" to them; "previous" becomes what current was. Old policies
 * but these two are removed. *CHANGED false: they were current already. */
int store_apply(const char *dir, const void *bytes, size_t len, bool *changed,
	char digest[HASH_HEX_SIZE], struct err *e);
/* "current" and "previous" change places. */
int store_rollback(const char *dir, char digest[HASH_HEX_SIZE], struct err *e);

#endif
