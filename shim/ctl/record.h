/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - who changed the policy of this node, in the audit log.
 */
#ifndef CINCH_CTL_RECORD_H
#define CINCH_CTL_RECORD_H

#include "profiles/node.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

struct record {
	const char *verb; /* "apply", "rollback" */
	const char *result; /* "applied", "unchanged", "refused", "failed" */
	const char *former; /* digest; "": the built-in one */
	const char *policy; /* digest; NULL: it did not come to one */
	const char *reason; /* why not; NULL */
	const struct strv *problems; /* NULL */
};

/* Write it as SETTINGS say. -1 when they demand it and it cannot be done. */
int record_write(const struct record *r, const struct settings *s, struct err *e);
/* To the log of the policy that was in force, and to that of the new one when it is another: a change
 * of the log shows in both. OLD or NEW may be NULL. */
int record_both(const struct record *r, const struct settings *old, const struct settings *new,
	struct err *e);

#endif
