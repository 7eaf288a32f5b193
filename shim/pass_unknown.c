/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_unknown - members this version cannot judge are removed.
 *
 * A later runtime may give a new member power over the host, or an engine may write one of another
 * system. Free-form maps (annotations, sysctl, unified) have passes of their own.
 *
 * What is not known where the environment is told may be another way to tell it: such values stay here.
 */
#include "shim/pass.h"

#include <string.h>

#include "shim/spec.h"

static void walk(struct edit *ed, struct json *object, const struct spec_field *fields);

static const char why[] =
	"not part of the runtime specification 1.0 to 1.3 for Linux as this version "
	"knows it: what cannot be judged is not granted";

static bool may_be_secret(const struct edit *ed, const struct json *v)
{
	static const char *const parts[] = {"process", "hooks"};

	if (v->type == JSON_NUMBER || v->type == JSON_BOOL)
		return false;
	for (; v->parent && v->parent != ed->root; v = v->parent)
		;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (v->key && strcmp(v->key, parts[i]) == 0)
			return true;
	return false;
}

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
		else if (may_be_secret(ed, v))
			edit_remove_shown(ed, v, "(not shown)", "%s", why);
		else
			edit_remove(ed, v, "%s", why);
	}
}

void pass_unknown(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)p;
	(void)w;
	walk(ed, ed->root, spec_config);
}
