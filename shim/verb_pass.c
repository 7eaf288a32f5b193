/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_pass - state, kill, delete, start and all that cinch does not govern: as if it were not there.
 */
#include "shim/verb.h"

#include "shim/base/cleanup.h"
#include "shim/runtime.h"

int verb_pass(const struct call *c, struct err *e)
{
	const struct runtime_fds fds = {.all = true};
	AUTO_FREE char **argv = args_emit(c->args, c->runtime, e);

	return argv ? runtime_exec(c->runtime, argv, &fds, e) : -1;
}
