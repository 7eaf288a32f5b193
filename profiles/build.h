/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - from the sources a person edits to the bytes of a policy; everything is checked, all errors are
 * collected, nothing is written.
 *
 * A profile directory has loose profiles (NAME.json), seccomp filters (seccomp/NAME.json) and packs
 * (pack.h). All files and their directories must belong to root (or the caller) and be writable by
 * nobody else. With requireSigned only packs count, each signed by a trusted key and not older than
 * the newest of its name that was ever applied here: a policy keeps the version of packs it has no more.
 * Without it a pack may go back, which is noted, and the newest stays known; but a signature of a trusted
 * key that does not fit is a problem in any case.
 */
#ifndef CINCH_PROFILES_BUILD_H
#define CINCH_PROFILES_BUILD_H

#include "profiles/catalog.h"
#include "profiles/denied.h"
#include "profiles/node.h"
#include "profiles/policy.h"
#include "shim/base/hash.h"

#define BUILD_CONFIG "/etc/cinch/cinch.json"
#define BUILD_PROFILES "/etc/cinch/profiles"

struct build_from {
	const char *config; /* NULL: /etc/cinch/cinch.json, which may be missing */
	struct policy *current; /* what is applied now, for the versions of packs; may be NULL */
};

struct build {
	struct node node;
	struct catalog *catalog;
	struct denied denied;
	struct policy_pack *packs; /* and the retired ones behind them */
	size_t n_packs;
	struct str policy; /* the bytes */
	char digest[HASH_HEX_SIZE]; /* SHA-256 of them: the policy's name */
	struct strv problems; /* each "FILE:L:C: what"; none: it may be applied */
	struct strv notes; /* what the operator should know: a shipped profile is replaced, ... */
};

#define AUTO_BUILD __attribute__((cleanup(build_done)))

/* -1 only when it could not be tried (memory); else see problems. */
int build_policy(const struct build_from *from, struct build *out, struct err *e);
void build_done(struct build *b);

#endif
