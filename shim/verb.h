/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb - what cinch does for each verb of the runtime's command line.
 *
 * A verb's function ends by becoming the runtime; it returns, with -1 and the reason, only when
 * nothing was started.
 */
#ifndef CINCH_VERB_H
#define CINCH_VERB_H

#include <limits.h>

#include "profiles/store.h"
#include "shim/args.h"
#include "shim/base/err.h"
#include "shim/base/num.h"

struct call {
	struct args *args;
	struct applied
		*applied; /* the policy in force; a launch may find it damaged and take another */
	const char *program; /* argv[0] */
	const char *runtime; /* the real runtime's path */
};

/* create, run, restore: tighten the bundle's config.json, record, become the runtime. */
int verb_create(const struct call *c, struct err *e);
/* exec: hold the new process to what the container's record says, record, become the runtime. */
int verb_exec(const struct call *c, struct err *e);
/* update: hold new limits to the same, record, become the runtime. */
int verb_update(const struct call *c, struct err *e);
/* A governed verb that was not come to: record WHY, if that can be done. */
void verb_refused(const struct call *c, const struct err *why);
/*
 * All other verbs: hand on byte for byte. kill, delete, pause, resume and checkpoint are recorded, whatever
 * comes of the record: nothing keeps them from the runtime.
 */
int verb_pass(const struct call *c, struct err *e);

/* How many descriptors above stderr the engine hands to the container; args_parse has checked it. */
static inline unsigned verb_preserve_fds(const struct args *a)
{
	uint64_t n = 0;

	return num_u64(args_value(a, ARG_PRESERVE_FDS), INT_MAX, &n) ? (unsigned)n : 0;
}

#endif
