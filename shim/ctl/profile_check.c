/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_check - is everything right with these profiles and filters? Nothing is applied.
 *
 * Each is checked as apply would check it, with all it extends, also what is in none of the files named:
 * the configured directories and the shipped ones.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/sources.h"
#include "shim/ctl/table.h"

struct checks {
	struct sources sources;
	struct strv names;
	struct json_doc *doc;
	struct json *list; /* of answers */
	size_t wrong;
};

static void checks_done(struct checks *c)
{
	sources_done(&c->sources);
	strv_done(&c->names);
	json_free(c->doc);
}

static void put_text(struct json_doc *doc, struct json *to, const char *key, const char *text)
{
	if (text)
		json_put(doc, to, key, json_string_lossy(doc, text));
}

/* One line of the answer; WHY NULL: it is right. */
static int answer(struct ctl_call *call, struct checks *c, const char *file, const char *name,
	const char *version, const char *why, struct err *e)
{
	struct json *o = json_object(c->doc);

	c->wrong += why != NULL;
	put_text(c->doc, o, "file", file);
	put_text(c->doc, o, "name", name);
	put_text(c->doc, o, "version", version);
	json_put(c->doc, o, "ok", json_bool(c->doc, !why));
	put_text(c->doc, o, "error", why);
	if (json_push(c->list, o) < 0)
		return err_nomem(e);
	if (call->json)
		return 0;
	if (why) {
		str_add(&call->out, call->colour ? "\033[31m" : "");
		table_text(why, 4000, &call->out);
		str_add(&call->out, call->colour ? "\033[0m\n" : "\n");
	} else {
		table_text(file, 1000, &call->out);
		str_add(&call->out, ": ok, ");
		table_text(name, 100, &call->out);
		str_addf(&call->out, "%s%s\n", version ? " " : "", version ? version : "");
	}
	return 0;
}

static int check_one(struct ctl_call *call, struct checks *c, const char *name, struct err *e)
{
	const struct catalog_entry *entry = catalog_find(c->sources.catalog, name);
	AUTO_PROFILE struct profile *p = NULL;
	struct err why = {0};
	int rc = strchr(name, '/') ? catalog_check_filter(c->sources.catalog, name, &why)
				   : catalog_flatten(c->sources.catalog, name, NULL, &p, &why);

	if (rc < 0 && why.code == ENOMEM) {
		*e = why;
		return -1;
	}
	return answer(call, c, entry ? entry->file : name, name, p ? p->version : NULL,
		rc < 0 ? why.msg : NULL, e);
}

/* Without operands: what apply would read. */
static int list_configured(struct checks *c, struct err *e)
{
	const struct catalog_entry *entry;

	for (size_t i = 0; (entry = catalog_item(c->sources.catalog, i)); i++)
		if (!entry->builtin && strv_add(&c->names, entry->name) < 0)
			return err_nomem(e);
	return 0;
}

static int load(struct ctl_call *call, struct checks *c, struct err *e)
{
	const char *config = ctl_value(call, "config");
	size_t problems;

	if (sources_init(&c->sources, e) < 0)
		return -1;
	for (size_t i = 0; i < call->n_operands; i++)
		if (sources_add(&c->sources, call->operands[i], &c->names, e) < 0)
			return -1;
	problems = c->sources.problems.n;
	if (sources_configured(&c->sources, config, e) < 0)
		return -1;
	if (call->n_operands == 0)
		return list_configured(c, e);
	/* what is wrong elsewhere is not what was asked */
	while (c->sources.problems.n > problems)
		free(c->sources.problems.v[--c->sources.problems.n]);
	return 0;
}

static int finish(struct ctl_call *call, struct checks *c, struct err *e)
{
	struct json *o = json_object(c->doc);
	size_t n = c->list->count;

	if (!call->json) {
		str_addf(&call->out, "%zu %s, %zu wrong\n", n, n == 1 ? "file" : "files", c->wrong);
		return 0;
	}
	if (json_put(c->doc, o, "files", c->list) < 0 ||
		json_put(c->doc, o, "wrong", json_uint(c->doc, c->wrong)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(checks_done))) struct checks c = {.doc = json_new()};

	if (!c.doc || !(c.list = json_array(c.doc)))
		return err_nomem(e);
	if (load(call, &c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.sources.problems.n; i++)
		if (answer(call, &c, NULL, NULL, NULL, c.sources.problems.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < c.names.n; i++)
		if (check_one(call, &c, c.names.v[i], e) < 0)
			return -1;
	if (finish(call, &c, e) < 0)
		return -1;
	return c.sources.unreadable && call->n_operands ? CTL_ERROR
	       : c.wrong                                ? CTL_FINDINGS
							: CTL_OK;
}

const struct ctl_command ctl_profile_check = {
	.name = "profile check",
	.run = run,
	.operands = "[FILE|DIR ...]",
	.most = 4096,
	.word = CTL_FILE,
	.summary = "find what is wrong with profiles and filters",
	.notes = "Without operands: the directories apply would read.\n"
		 "Exit status: 0 all is right, 1 something is wrong, 2 something cannot be read.\n",
	.options = {{"config", "FILE", CTL_FILE, "another cinch.json"}},
};
