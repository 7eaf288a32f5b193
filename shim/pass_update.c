/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_update - new limits of a running container: nothing above the profile's ceilings.
 */
#include "shim/pass.h"

void pass_update(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)p;
	(void)w;
	edit_remove(ed, json_at(ed->root, "/linux/resources/devices"),
		"devices are given at create only");
}
