/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_exec - an independent judge: has the process that is handed to the runtime more than the one that was
 * asked for, or more than the profile gives an exec?
 *
 * Written from what runc 1.1 and crun 1.8 make of a process and of its silence, not from the passes. Both
 * take the container's own capabilities and labels where there are none; runc its limits as well, when there
 * is not one, crun no limits then. To crun an empty label is one: no confinement.
 */
#ifndef CINCH_TESTS_RATCHET_EXEC_H
#define CINCH_TESTS_RATCHET_EXEC_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/world.h"

/* OWN is "process" of the container's state record; IN and OUT are process objects that have passed
 * spec_check. One sentence per violation is appended to BAD. */
void ratchet_exec(
	const struct json *own, const struct json *in, const struct json *out, struct strv *bad);
/* OUT within P; W answers where the working directory is. */
void ceiling_exec(const struct json *own, const struct json *out, const struct profile *p,
	const struct world *w, struct strv *bad);

#endif
