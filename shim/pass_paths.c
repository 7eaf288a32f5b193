/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_paths - the full masked and read-only sets, also when the caller emptied them
 * (--privileged, crictl and Docker's systempaths=unconfined send none).
 *
 * The profile's lists are already expanded. A path the runtime does not find is no error to it, so
 * the union of what all engines mask does not hurt.
 */
#include "shim/pass.h"

#include <string.h>

static bool has(const struct json *list, const char *path)
{
	json_each (v, list) {
		const char *s = json_str(v);

		if (s && strcmp(s, path) == 0)
			return true;
	}
	return false;
}

static void join(struct edit *ed, const char *place, const struct strv *wanted, const char *why)
{
	struct json *list = json_at(ed->root, place);

	for (size_t i = 0; i < wanted->n; i++) {
		if (has(list, wanted->v[i]))
			continue;
		if (!list)
			list = edit_array(ed, place, why);
		edit_push(ed, list, json_string(ed->doc, wanted->v[i]), "%s", why);
	}
}

void pass_paths(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)w;
	join(ed, "/linux/maskedPaths", &p->paths.masked,
		"what the kernel shows here is not the container's business");
	join(ed, "/linux/readonlyPaths", &p->paths.readonly,
		"what is written here changes the host");
}
