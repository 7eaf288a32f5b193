/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_show - a profile as it governs, with all it extends; or as somebody wrote it.
 *
 * What is printed without --json is a profile again: the remarks are comments.
 */
#include "shim/ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/sources.h"
#include "shim/ctl/table.h"

/* What is to be shown. */
struct view {
	struct applied applied;
	struct sources sources;
	struct str text;
	const char *name, *from; /* where it comes from, for people */
	struct profile *profile;
	bool in_force;
};

static void view_done(struct view *v)
{
	applied_done(&v->applied);
	sources_done(&v->sources);
	str_done(&v->text);
	profile_free(v->profile);
}

/* The flattened text in the policy in force; *FOUND false when it has none of that name. */
static int from_policy(struct view *v, const char *name, bool *found, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	*found = false;
	if (strchr(name, '/') || !v->applied.policy)
		return 0;
	if (policy_text(v->applied.policy, name, &text, &len, e) < 0)
		return -1;
	if (!text)
		return 0;
	str_addn(&v->text, text, len);
	v->name = name;
	v->from = "as applied";
	v->in_force = *found = true;
	return str_failed(&v->text) ? err_nomem(e) : profile_parse(name, text, len, &v->profile, e);
}

static int from_sources(struct view *v, const struct ctl_call *call, bool flat, struct err *e)
{
	const char *word = call->operands[0];
	const struct catalog_entry *entry;
	AUTO_STR struct str text = STR_INIT;

	if (sources_configured(&v->sources, ctl_value(call, "config"), e) < 0)
		return -1;
	if (sources_profile(&v->sources, word, &v->name, &text, &v->profile, e) < 0) {
		/* what is wrong with it does not keep anybody from looking at it */
		if (flat || !v->name)
			return -1;
	}
	entry = catalog_find(v->sources.catalog, v->name);
	v->from = entry->file;
	str_addn(&v->text, flat ? str_text(&text) : entry->text, flat ? text.len : entry->len);
	return str_failed(&v->text) ? err_nomem(e) : 0;
}

static int parse(struct json_doc **doc, const struct str *text, struct err *e)
{
	static const struct json_limits limits = {
		CATALOG_TEXT_MAX, PROFILE_DEPTH_MAX, PROFILE_VALUES_MAX};

	return json_parse(text->s, text->len, &limits, JSON_COMMENTS, doc, e);
}

static int print_json(struct ctl_call *call, const struct view *v, bool source, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new(), *flat = NULL;
	struct json *o = doc ? json_object(doc) : NULL, *body;

	if (!source && parse(&flat, &v->text, e) < 0)
		return -1;
	body = source ? json_string_lossy(doc, str_text(&v->text))
		      : json_clone(doc, json_root(flat));
	if (json_put(doc, o, "name", json_string(doc, v->name)) < 0 ||
		json_put(doc, o, "from", json_string_lossy(doc, v->from)) < 0 ||
		json_put(doc, o, "applied", json_bool(doc, v->in_force)) < 0 ||
		(v->profile &&
			json_put(doc, o, "digest", json_string(doc, v->profile->digest)) < 0) ||
		json_put(doc, o, source ? "text" : "profile", body) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

/* Line by line as a terminal may see it; a tab stays one. */
static void print_source(struct ctl_call *call, const struct str *text)
{
	const char *at = str_text(text);

	while (*at) {
		AUTO_STR struct str line = STR_INIT;
		size_t n = strcspn(at, "\n"), done = 0;

		while (done < n) {
			size_t part = strcspn(at + done, "\t\n");

			str_reset(&line);
			str_addn(&line, at + done, part);
			/* an escape is six characters */
			table_text(str_text(&line), 6 * part + 1, &call->out);
			done += part;
			if (done < n)
				str_addc(&call->out, '\t'), done++;
		}
		str_addc(&call->out, '\n');
		at += n + (at[n] == '\n');
	}
}

static int print_flat(struct ctl_call *call, const struct view *v, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str pretty = STR_INIT;

	if (parse(&doc, &v->text, e) < 0)
		return -1;
	/* where each line was written: for records, not for who reads it here */
	json_remove(json_get(json_root(doc), "lines"));
	json_write_pretty(json_root(doc), &pretty);
	str_add(&call->out, "// ");
	table_text(v->name, 100, &call->out);
	str_addf(&call->out, " %s, ", v->profile->version);
	table_text(v->from, 1000, &call->out);
	str_addf(&call->out, "\n// sha256:%s\n", v->profile->digest);
	print_source(call, &pretty);
	return str_failed(&pretty) ? err_nomem(e) : 0;
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(view_done))) struct view v = {.text = STR_INIT};
	bool source = ctl_given(call, "source"), found = false;

	if (store_open(ctl_value(call, "store"), &v.applied, e) < 0 ||
		sources_init(&v.sources, e) < 0)
		return -1;
	if (!source && from_policy(&v, call->operands[0], &found, e) < 0)
		return -1;
	if (!found && from_sources(&v, call, !source, e) < 0)
		return -1;
	if (call->json)
		return print_json(call, &v, source, e) < 0 ? -1 : CTL_OK;
	if (source)
		print_source(call, &v.text);
	else if (print_flat(call, &v, e) < 0)
		return -1;
	return CTL_OK;
}

const struct ctl_command ctl_profile_show = {
	.name = "profile show",
	.run = run,
	.operands = "NAME|FILE",
	.least = 1,
	.most = 1,
	.word = CTL_PROFILE,
	.summary = "a profile with all it extends, as it governs",
	.notes = "As it was applied; when it is not in the applied policy, from the sources.\n",
	.options =
		{
			{"source", NULL, CTL_NONE, "as it was written, comments and all"},
			{"config", "FILE", CTL_FILE, "another cinch.json"},
			{"store", "DIR", CTL_DIR, "another place of the applied policies"},
		},
};
