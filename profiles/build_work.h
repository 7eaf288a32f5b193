/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_work - what the parts of build_policy share: the build and how to complain.
 */
#ifndef CINCH_PROFILES_BUILD_WORK_H
#define CINCH_PROFILES_BUILD_WORK_H

#include "profiles/build.h"
#include "profiles/pack.h"

struct build_work {
	const struct build_from *from;
	const char *config; /* its path */
	struct build *b;
	struct pack_keys keys;
	struct strv places; /* of b->packs */
	struct policy_pack *applied; /* of the policy in force */
	size_t n_applied;
	struct policy_text *texts; /* what they borrow is in FLAT and the catalog */
	struct str *flat;
	size_t n_texts;
	struct strv filters; /* named by a profile: "seccomp/default" */
	struct err *e; /* only for what ends the build: no memory */
};

/* Both 0, or -1 when out of memory (then W->e says so). */
int build_problem(struct build_work *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int build_note(struct build_work *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* WHY went wrong: a problem, or the end when there is no memory. */
int build_failed(struct build_work *w, const struct err *why);

/* All profiles and filters of the node's directories into the catalog, packs into B->packs. */
int build_sources(struct build_work *w);

#endif
