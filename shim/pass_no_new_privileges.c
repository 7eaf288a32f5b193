/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_no_new_privileges - set: setuid programs and file capabilities give nothing.
 */
#include "shim/pass.h"

void pass_no_new_privileges(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *process = json_get(ed->root, "process");

	(void)w;
	if (!p->no_new_privileges || !process)
		return;
	edit_put(ed, process, "noNewPrivileges", json_bool(ed->doc, true),
		"setuid programs in the image must not give privileges");
}
