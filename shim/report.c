/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what was changed, refused or only noticed, in order.
 */
#include "shim/report.h"

#include <stdlib.h>
#include <string.h>

void report_done(struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct change *c = &r->changes[i];

		free(c->place);
		free(c->before);
		free(c->after);
		free(c->why);
		free(c->rule);
	}
	free(r->changes);
	json_free(r->values);
	r->changes = NULL;
	r->values = NULL;
	r->n = r->cap = 0;
}

size_t report_denials(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->changes[i].enforced && r->changes[i].kind == CHANGE_DENY;
	return n;
}

size_t report_changes(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->changes[i].enforced && r->changes[i].kind <= CHANGE_REMOVE;
	return n;
}

int report_refuse(const struct report *r, const char *profile, struct err *e)
{
	AUTO_STR struct str all = STR_INIT;
	size_t shown = 0, denials = report_denials(r);

	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->changes[i];
		size_t before = all.len;

		if (!c->enforced || c->kind != CHANGE_DENY)
			continue;
		str_addf(&all, "%s%s: %s", shown ? "; " : "", control_name(c->control), c->why);
		if (c->place[0])
			str_addf(&all, " (%s)", c->place);
		/* whole reasons only: what does not fit is counted, not cut */
		if (shown && all.len + strlen(profile) + 64 > ERR_MSG_MAX) {
			all.len = before;
			str_addf(&all, "; and %zu more", denials - shown);
			break;
		}
		shown++;
	}
	if (str_failed(&all))
		return err_nomem(e);
	return err_set(e, ERR_DENIED, "refused by profile %s: %s", profile, str_text(&all));
}

const char *change_kind_name(enum change_kind k)
{
	static const char *const names[] = {
		[CHANGE_ADD] = "add",
		[CHANGE_REPLACE] = "replace",
		[CHANGE_REMOVE] = "remove",
		[CHANGE_DENY] = "deny",
		[CHANGE_NOTE] = "note",
	};

	return names[k];
}

static int put_text(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return text ? json_put(doc, o, key, json_string_lossy(doc, text)) : 0;
}

struct json *report_json(const struct report *r, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->changes[i];
		struct json *o = json_object(doc);

		if (put_text(doc, o, "control", control_name(c->control)) < 0 ||
			put_text(doc, o, "kind", change_kind_name(c->kind)) < 0 ||
			put_text(doc, o, "place", c->place) < 0 ||
			put_text(doc, o, "before", c->before) < 0 ||
			put_text(doc, o, "after", c->after) < 0 ||
			put_text(doc, o, "why", c->why) < 0 ||
			put_text(doc, o, "rule", c->rule) < 0 ||
			json_put(doc, o, "enforced", json_bool(doc, c->enforced)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}
