/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff_show - how one policy differs from another, for people and for programs.
 */
#include <stdio.h>

#include "shim/base/err.h"
#include "shim/ctl/diff.h"
#include "shim/ctl/table.h"

static const char *const kinds[] = {
	[DIFF_ADDED] = "added", [DIFF_REMOVED] = "removed", [DIFF_CHANGED] = "changed"};

static void put_privilege(const struct privilege *p, bool colour, struct str *out)
{
	const char *on = !colour ? "" : p->grants ? "\033[31m" : "\033[32m";

	str_addf(out, "    %s%s%s %s: ", on, p->grants ? "gains" : "loses", colour ? "\033[0m" : "",
		privilege_place(p));
	table_text(p->text, 2000, out);
	str_addc(out, '\n');
}

static void put_change(const struct diff_profile *c, bool detail, bool colour, struct str *out)
{
	size_t gains = 0;

	str_addf(out, "  %-7s ", kinds[c->kind]);
	table_text(c->name, 64, out);
	str_addc(out, ' ');
	table_text(c->before ? c->before : c->after, 64, out);
	if (c->kind == DIFF_CHANGED) {
		str_add(out, " -> ");
		table_text(c->after, 64, out);
		for (size_t i = 0; i < c->privileges.n; i++)
			gains += c->privileges.v[i].grants;
		if (c->privileges.n == 0)
			str_add(out, ", the same rights");
		else if (!detail)
			str_addf(out, ", gains %zu, loses %zu", gains, c->privileges.n - gains);
	}
	str_addc(out, '\n');
	for (size_t i = 0; detail && i < c->privileges.n; i++)
		put_privilege(&c->privileges.v[i], colour, out);
}

void diff_table(const struct diff *c, bool detail, bool colour, struct str *out)
{
	for (size_t i = 0; i < c->n; i++)
		put_change(&c->v[i], detail, colour, out);
	for (size_t i = 0; i < c->node.n; i++) {
		str_add(out, "  ");
		table_text(c->node.v[i], 2000, out);
		str_addc(out, '\n');
	}
}

static struct json *privileges_json(const struct privileges *p, bool grants, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < p->n; i++) {
		struct json *o;

		if (p->v[i].grants != grants)
			continue;
		o = json_object(doc);
		if (json_put(doc, o, "control", json_string(doc, privilege_place(&p->v[i]))) < 0 ||
			json_put(doc, o, "what", json_string_lossy(doc, p->v[i].text)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

static struct json *change_json(const struct diff_profile *c, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "profile", json_string(doc, c->name)) < 0 ||
		json_put(doc, o, "change", json_string(doc, kinds[c->kind])) < 0 ||
		(c->before && json_put(doc, o, "before", json_string_lossy(doc, c->before)) < 0) ||
		(c->after && json_put(doc, o, "after", json_string_lossy(doc, c->after)) < 0) ||
		json_put(doc, o, "gains", privileges_json(&c->privileges, true, doc)) < 0 ||
		json_put(doc, o, "loses", privileges_json(&c->privileges, false, doc)) < 0)
		return NULL;
	return o;
}

struct json *diff_json(const struct diff *c, struct json_doc *doc)
{
	struct json *o = json_object(doc), *list = json_array(doc), *node = json_array(doc);

	for (size_t i = 0; i < c->n; i++)
		if (json_push(list, change_json(&c->v[i], doc)) < 0)
			return NULL;
	for (size_t i = 0; i < c->node.n; i++)
		if (json_push(node, json_string_lossy(doc, c->node.v[i])) < 0)
			return NULL;
	if (json_put(doc, o, "profiles", list) < 0 || json_put(doc, o, "node", node) < 0)
		return NULL;
	return o;
}
