/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch - a report as a JSON Patch.
 *
 * A change's place is the pointer at the time of the change, and operations are applied one after the
 * other: so the report's order is the patch's order, and no index needs to be moved.
 */
#include "shim/ctl/patch.h"

#include <assert.h>

static struct json *operation(const struct change *c, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "op", json_string(doc, change_kind_name(c->kind))) < 0 ||
		json_put(doc, o, "path", json_string(doc, c->place)) < 0)
		return NULL;
	if (c->kind != CHANGE_REMOVE) {
		assert(c->value);
		if (json_put(doc, o, "value", json_clone(doc, c->value)) < 0)
			return NULL;
	}
	return o;
}

struct json *patch_json(const struct report *r, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->changes[i];

		if (c->enforced && c->kind <= CHANGE_REMOVE &&
			json_push(list, operation(c, doc)) < 0)
			return NULL;
	}
	return list;
}
