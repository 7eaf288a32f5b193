/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the applied policies: /var/lib/cinch/policy/<sha256>/policy, the links "current" and
 * "previous", and which of them governs now.
 *
 * A policy directory is written whole under a temporary name, synced, renamed, and never changed
 * again. Whatever happens in between (kill -9, a full disk, a second writer), "current" is the old or
 * the new policy, whole. Everybody may read it (a rootless engine's containers are held to the same
 * policy, and there is no secret in it), only root may write.
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
	/* Why it is not what "current" names. Code 0: all is well. ENOENT: nothing was ever applied here,
	 * which is no damage but worth a record. Any other: damage. */
	struct err problem;
};

#define AUTO_APPLIED __attribute__((cleanup(applied_done)))

/*
 * What governs this node: "current"; when that is damaged, "previous"; else, and without a store, the
 * built-in policy. DIR NULL: STORE_DIR. Directories and files must belong to root (or the caller) and
 * be writable by nobody else. -1 only when out of memory.
 */
int store_open(const char *dir, struct applied *out, struct err *e);
/*
 * A launch reads and checks a policy piece by piece; one that turns out to be damaged (policy_select,
 * applied_profile with code EBADMSG) is given up for the next: from "current" to "previous", from there
 * to the built-in one. WHY is what was found. The launch then begins again with its selection. What was
 * borrowed from the old policy is gone. -1 only when out of memory.
 */
int store_fall(const char *dir, struct applied *a, const struct err *why, struct err *e);
void applied_done(struct applied *a);
/* A profile of the policy in force; from the binary when that is the built-in one. ERR_INPUT, with the
 * nearest name, when there is none; EBADMSG when the policy is damaged there (store_fall). */
int applied_profile(const struct applied *a, const char *name, struct profile **out, struct err *e);
const char *applied_from_name(enum applied_from f); /* "current", "previous", "built-in" */

/* The policy that a link names, fully checked; *OUT NULL with 0: there is no such link. LINK is
 * "current" or "previous". */
int store_link(const char *dir, const char *link, struct policy **out, char digest[HASH_HEX_SIZE],
	struct err *e);
/*
 * Install the bytes and switch "current" to them; "previous" becomes what current was, unless that was
 * damaged. Policies but these two, and what killed ones left, are removed. *CHANGED false: they were
 * current already. A second one at the same time waits for up to ten seconds, then fails. After a
 * failure current is as it was, but for the very last step, and then the message says so.
 */
int store_apply(const char *dir, const void *bytes, size_t len, bool *changed,
	char digest[HASH_HEX_SIZE], struct err *e);
/*
 * The same for a policy that was made to follow FORMER ("": none). -1 with code EAGAIN, and nothing is
 * changed, when another one has come in force meanwhile: what was compared with FORMER, the versions of
 * packs above all, must be compared with that.
 */
int store_apply_after(const char *dir, const char *former, const void *bytes, size_t len,
	bool *changed, char digest[HASH_HEX_SIZE], struct err *e);
/* "current" and "previous" change places in one step; a damaged current is left behind. */
int store_rollback(const char *dir, char digest[HASH_HEX_SIZE], struct err *e);

#endif
