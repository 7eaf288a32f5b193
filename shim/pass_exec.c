/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_exec - whether a process may be started in the running container, and the bound on its capabilities.
 */
#include "shim/pass.h"

void pass_exec(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)w;
	if (!p->exec.allow)
		edit_deny(ed, json_get(ed->root, "process"),
			"no process may be started in a running container");
}
