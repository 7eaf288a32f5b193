/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - everything a launch needs, checked and flattened, as the bytes of one file.
 *
 * Made by cinchctl apply, never edited. Each part carries a checksum of its own, so that a launch
 * reads and checks only what it uses: settings, rules, one profile and its filter. Numbers are those
 * of the machine: the file does not travel.
 */
#ifndef CINCH_PROFILES_POLICY_H
#define CINCH_PROFILES_POLICY_H

#include "profiles/denied.h"
#include "profiles/node.h"
#include "profiles/profile.h"
#include "profiles/rules.h"
#include "shim/base/hash.h"

struct policy_text { /* a flattened profile, or a seccomp filter it names */
	const char *name; /* "web"; a filter's is "seccomp/NAME" */
	const char *text;
	size_t len;
};

struct policy_pack { /* a pack some of the profiles came from */
	char *name, *version;
	char *signer; /* hexadecimal key id; NULL: it was not signed */
	char *digest; /* hexadecimal SHA-256 of its manifest */
	/* Not a part of this policy: the newest of its name ever applied here, so that an older one is
	 * still told for what it is when the pack comes back. */
	bool retired;
};

/* What a policy is made of; all borrowed. */
struct policy_draft {
	const struct node *node;
	const struct policy_text *texts; /* profiles and filters */
	size_t n_texts;
	const struct policy_pack *packs;
	size_t n_packs;
	const struct denied *denied;
};

/* Append the file's bytes. The same draft gives the same bytes. Profiles are kept as they are; filters
 * lose comments and white space. */
int policy_encode(const struct policy_draft *d, struct str *out, struct err *e);

struct policy; /* an open one; opaque */

/*
 * Open the policy in FD (which it takes: closed in every case by policy_free or on failure). Reads and
 * checks the head only. -1 when it is not whole, or of another version.
 */
int policy_open(int fd, struct policy **out, struct err *e);
void policy_free(struct policy *p);
void policy_freep(struct policy **p);
#define AUTO_POLICY __attribute__((cleanup(policy_freep)))

/* Every part is as it was written. */
int policy_check(struct policy *p, struct err *e);
/* Fill *OUT, the caller's (settings_done). */
int policy_settings(struct policy *p, struct settings *out, struct err *e);
/* See rules_match; *PROFILE lives as long as P. */
int policy_select(struct policy *p, const struct rules_facts *facts, const char **profile,
	unsigned *line, struct err *e);
/* What tells its rules from those of another policy: how many, and a checksum, lines and all. */
struct policy_rules {
	size_t n;
	uint8_t sum[HASH_QUICK_SIZE];
};
int policy_rules(struct policy *p, struct policy_rules *out, struct err *e);
/* The text of a profile or filter; *TEXT is the caller's (free), NULL with return 0: there is none. */
int policy_text(struct policy *p, const char *name, char **text, size_t *len, struct err *e);
/* The profile NAME, its filter with it. *OUT NULL with return 0: there is none of that name. */
int policy_profile(struct policy *p, const char *name, struct profile **out, struct err *e);
/* Names of all profiles, sorted. */
int policy_names(struct policy *p, struct strv *out, struct err *e);
/* Is DIGEST ("sha256:...") denied on this node? *OUT's strings are the caller's; digest NULL: no. */
int policy_denied(struct policy *p, const char *digest, struct denied_image *out, struct err *e);
/* All that are denied, sorted. */
int policy_denied_all(struct policy *p, struct strv *out, struct err *e);
/* The packs it was made from, then the retired ones. *OUT (an array of *N) is the caller's:
 * policy_packs_free. */
int policy_packs(struct policy *p, struct policy_pack **out, size_t *n, struct err *e);
void policy_packs_free(struct policy_pack *packs, size_t n);

#endif
