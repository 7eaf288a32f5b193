/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_unknown - members this version cannot judge are removed.
 *
 * A later runtime may give a new member power over the host, or an engine may write one of another
 * system. Free-form maps (annotations, sysctl, unified) have passes of their own.
 */
#include "shim/pass.h"
#include "shim/spec.h"

static void walk(struct edit *ed, struct json *object, const struct spec_field *fields);

static void walk_value(struct edit *ed, struct json *v, const struct spec_field *f)
{
	switch (f->kind) {
	case SPEC_OBJECT:
		walk(ed, v, f->fields);
		break;
	case SPEC_OBJECTS:
	case SPEC_MAP_OBJECTS:
		json_each (item, v)
			walk(ed, item, f->fields);
		break;
	default:
		break;
	}
}

static void walk(struct edit *ed, struct json *object, const struct spec_field *fields)
{
	if (!json_is(object, JSON_OBJECT))
		return;
	json_each_safe (v, object) {
		const struct spec_field *f = spec_find(fields, v->key);

		if (f)
			walk_value(ed, v, f);
		else if (v->type == JSON_NULL)
			edit_remove(ed, v, "not known to this version, and empty");
		else
			edit_remove(ed, v,
				"not part of the runtime specification 1.0 to 1.3 for Linux as "
				"this version knows it: what cannot be judged is not granted");
	}
}

void pass_unknown(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)p;
	(void)w;
	walk(ed, ed->root, spec_config);
}
