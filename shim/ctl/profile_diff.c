/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_diff - what a container gains and loses when it goes from one profile to another.
 */
#include "shim/ctl/commands.h"

#include "shim/base/cleanup.h"
#include "shim/ctl/privileges.h"
#include "shim/ctl/sources.h"
#include "shim/ctl/table.h"

static int put(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return json_put(doc, o, key, json_string_lossy(doc, text));
}

static struct json *side_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc);

	if (put(doc, o, "profile", p->name) < 0 || put(doc, o, "version", p->version) < 0 ||
		put(doc, o, "digest", p->digest) < 0)
		return NULL;
	return o;
}

static int print_json(struct ctl_call *call, struct profile *const p[2],
	const struct privileges *diff, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *list;

	if (!o)
		return err_nomem(e);
	list = json_array(doc);
	for (size_t i = 0; i < diff->n; i++) {
		const struct privilege *v = &diff->v[i];
		struct json *one = json_object(doc);

		if (put(doc, one, "control", privilege_place(v)) < 0 ||
			put(doc, one, "change", v->grants ? "gained" : "lost") < 0 ||
			put(doc, one, "what", v->text) < 0 || json_push(list, one) < 0)
			return err_nomem(e);
	}
	if (json_put(doc, o, "from", side_json(doc, p[0])) < 0 ||
		json_put(doc, o, "to", side_json(doc, p[1])) < 0 ||
		json_put(doc, o, "changes", list) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

static void print_table(
	struct ctl_call *call, struct profile *const p[2], const struct privileges *diff)
{
	struct str *out = &call->out;
	size_t gained = 0;

	str_addf(
		out, "from %s %s to %s %s\n", p[0]->name, p[0]->version, p[1]->name, p[1]->version);
	for (size_t i = 0; i < diff->n; i++) {
		const struct privilege *v = &diff->v[i];

		gained += v->grants;
		str_addf(out, "%s%s %-16s ",
			!call->colour ? ""
			: v->grants   ? "\033[31m"
				      : "\033[32m",
			v->grants ? "+" : "-", privilege_place(v));
		table_text(v->text, 2000, out);
		str_add(out, call->colour ? "\033[0m\n" : "\n");
	}
	if (diff->n)
		str_addf(out, "%zu gained or other, %zu lost\n", gained, diff->n - gained);
	else
		str_add(out, "a container may do the same under both\n");
}

static int run(struct ctl_call *call, struct err *e)
{
	AUTO_PRIVILEGES struct privileges diff = {.v = NULL};
	AUTO_SOURCES struct sources sources = {.catalog = NULL};
	struct profile *p[2] = {NULL, NULL};
	const char *name;
	int rc = -1;

	if (sources_init(&sources, e) == 0 &&
		sources_configured(&sources, ctl_value(call, "config"), e) == 0 &&
		sources_profile(&sources, call->operands[0], &name, NULL, &p[0], e) == 0 &&
		sources_profile(&sources, call->operands[1], &name, NULL, &p[1], e) == 0)
		rc = privileges_diff(p[0], p[1], &diff, e);
	if (rc == 0 && call->json)
		rc = print_json(call, p, &diff, e);
	else if (rc == 0)
		print_table(call, p, &diff);
	profile_free(p[0]);
	profile_free(p[1]);
	return rc < 0 ? -1 : diff.n ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_profile_diff = {
	.name = "profile diff",
	.run = run,
	.operands = "A B",
	.least = 2,
	.most = 2,
	.word = CTL_PROFILE,
	.summary = "what a container gains and loses from profile A to B",
	.notes = "A and B are names, or with a \"/\" or \".json\" files.\n"
		 "Exit status: 0 the same, 1 they differ, 2 an error.\n",
	.options = {{"config", "FILE", CTL_FILE, "another cinch.json"}},
};
