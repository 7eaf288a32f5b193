/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_list - all profiles there are: where each comes from, and whether it is what governs.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/sources.h"
#include "shim/ctl/table.h"

struct row {
	char *name, *mode, *from;
	const char *applied; /* "yes", "no", "differs" */
	struct profile *profile; /* NULL: it is wrong */
	char *problem;
	const struct catalog_entry *entry; /* NULL: only in the policy */
};

struct listing {
	struct applied applied;
	struct sources sources;
	struct row *rows;
	size_t n;
};

static void listing_done(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].name);
		free(l->rows[i].mode);
		free(l->rows[i].from);
		free(l->rows[i].problem);
		profile_free(l->rows[i].profile);
	}
	free(l->rows);
	applied_done(&l->applied);
	sources_done(&l->sources);
}

static struct row *new_row(struct listing *l)
{
	struct row *all = reallocarray(l->rows, l->n + 1, sizeof *all);

	if (!all)
		return NULL;
	l->rows = all;
	l->rows[l->n] = (struct row){.applied = "no"};
	return &l->rows[l->n++];
}

/* "enforce", "audit", "enforce, audit: rootfs mounts" */
static char *mode_text(const struct profile *p)
{
	static const char *const names[] = {[PROFILE_ENFORCE] = "enforce",
		[PROFILE_AUDIT] = "audit",
		[PROFILE_LEARN] = "learn"};
	struct str s = STR_INIT;

	str_add(&s, names[p->mode]);
	for (int c = 0, n = 0; p->mode == PROFILE_ENFORCE && c < CONTROL_COUNT; c++)
		if (p->audit & 1u << c)
			str_addf(&s, "%s %s", n++ ? "" : ", audit:", control_name((enum control)c));
	return str_take(&s);
}

static char *from_text(const struct catalog_entry *entry)
{
	struct str s = STR_INIT;

	if (entry->pack)
		str_addf(&s, "pack %s", entry->pack);
	else
		str_add(&s, entry->file);
	return str_take(&s);
}

/* Is what the sources come to, in FLAT, what governs? */
static int compare(struct listing *l, struct row *r, const struct str *flat, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	if (!l->applied.policy && r->entry->builtin) {
		/* with the digest that is in the records */
		r->applied = "yes";
		profile_free(r->profile);
		r->profile = NULL;
		return profile_builtin(r->name, &r->profile, e);
	}
	if (!l->applied.policy)
		return 0;
	if (policy_text(l->applied.policy, r->name, &text, &len, e) < 0)
		return -1;
	if (text)
		r->applied = len == flat->len && memcmp(text, str_text(flat), len) == 0 ? "yes"
											: "differs";
	return 0;
}

static int add_source(struct listing *l, const struct catalog_entry *entry, struct err *e)
{
	AUTO_STR struct str flat = STR_INIT;
	struct row *r = new_row(l);
	struct err why = {0};

	if (!r || !(r->name = strdup(entry->name)) || !(r->from = from_text(entry)))
		return err_nomem(e);
	r->entry = entry;
	if (catalog_flatten(l->sources.catalog, entry->name, &flat, &r->profile, &why) < 0) {
		if (why.code == ENOMEM || !(r->problem = strdup(why.msg)))
			return err_nomem(e);
	} else if (!(r->mode = mode_text(r->profile))) {
		return err_nomem(e);
	}
	return compare(l, r, &flat, e);
}

/* What governs although its source is gone. */
static int add_orphans(struct listing *l, struct err *e)
{
	AUTO_STRV struct strv names = {NULL, 0};

	if (!l->applied.policy)
		return 0;
	if (policy_names(l->applied.policy, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct row *r;

		if (strchr(names.v[i], '/') || catalog_find(l->sources.catalog, names.v[i]))
			continue;
		r = new_row(l);
		if (!r || !(r->name = strdup(names.v[i])) ||
			!(r->from = strdup("only in the applied policy")))
			return err_nomem(e);
		r->applied = "yes";
		if (applied_profile(&l->applied, r->name, &r->profile, e) < 0)
			return -1;
		if (!r->profile || !(r->mode = mode_text(r->profile)))
			return err_nomem(e);
	}
	return 0;
}

/* ---- the answer ---- */

static void column(struct str *out, const char *text, size_t width, size_t most)
{
	size_t n = table_text(text, most, out);

	while (n++ < width + 2)
		str_addc(out, ' ');
}

static size_t shown(const char *text)
{
	AUTO_STR struct str s = STR_INIT;

	return table_text(text, 60, &s);
}

static void print_table(struct ctl_call *call, const struct listing *l)
{
	static const char *const heads[] = {"NAME", "VERSION", "MODE", "APPLIED", "DIGEST", "FROM"};
	size_t width[5] = {4, 7, 4, 7, 12};
	struct str *out = &call->out;

	for (size_t i = 0; i < l->n; i++) {
		const struct row *r = &l->rows[i];
		const char *text[] = {r->name, r->profile ? r->profile->version : "?",
			r->mode ? r->mode : "wrong"};

		for (int k = 0; k < 3; k++)
			width[k] = shown(text[k]) > width[k] ? shown(text[k]) : width[k];
	}
	for (int k = 0; k < 5; k++)
		column(out, heads[k], width[k], 60);
	str_addf(out, "%s\n", heads[5]);
	for (size_t i = 0; i < l->n; i++) {
		const struct row *r = &l->rows[i];
		const char *red = call->colour && r->problem ? "\033[31m" : "";

		str_add(out, red);
		column(out, r->name, width[0], 60);
		column(out, r->profile ? r->profile->version : "?", width[1], 60);
		column(out, r->mode ? r->mode : "wrong", width[2], 60);
		column(out, r->applied, width[3], 60);
		str_addf(out, "%-12.12s  ", r->profile ? r->profile->digest : "");
		table_text(r->from, 1000, out);
		str_addf(out, "%s\n", *red ? "\033[0m" : "");
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].problem) {
			str_addc(out, '\n');
			table_text(l->rows[i].problem, 4000, out);
			str_addc(out, '\n');
		}
	for (size_t i = 0; i < l->sources.problems.n; i++) {
		str_addc(out, '\n');
		table_text(l->sources.problems.v[i], 4000, out);
		str_addc(out, '\n');
	}
}

static int put(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return text ? json_put(doc, o, key, json_string_lossy(doc, text)) : 0;
}

static struct json *row_json(const struct row *r, struct json_doc *doc)
{
	const struct catalog_entry *entry = r->entry;
	struct json *o = json_object(doc), *audit = json_array(doc);

	for (int c = 0; r->profile && c < CONTROL_COUNT; c++)
		if (profile_audits(r->profile, (enum control)c) &&
			json_push(audit, json_string(doc, control_name((enum control)c))) < 0)
			return NULL;
	if (put(doc, o, "name", r->name) < 0 ||
		put(doc, o, "version", r->profile ? r->profile->version : NULL) < 0 ||
		put(doc, o, "description", r->profile ? r->profile->description : NULL) < 0 ||
		put(doc, o, "mode", r->mode) < 0 || json_put(doc, o, "audit", audit) < 0 ||
		json_put(doc, o, "builtin", json_bool(doc, entry && entry->builtin)) < 0 ||
		put(doc, o, "file", entry && !entry->builtin ? entry->file : NULL) < 0 ||
		put(doc, o, "pack", entry ? entry->pack : NULL) < 0 ||
		put(doc, o, "digest", r->profile ? r->profile->digest : NULL) < 0 ||
		put(doc, o, "applied", r->applied) < 0 || put(doc, o, "problem", r->problem) < 0)
		return NULL;
	return o;
}

static int print_json(struct ctl_call *call, const struct listing *l, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *all;

	if (!o)
		return err_nomem(e);
	all = json_array(doc);
	for (size_t i = 0; i < l->n; i++)
		if (json_push(all, row_json(&l->rows[i], doc)) < 0)
			return err_nomem(e);
	if (put(doc, o, "policy", applied_from_name(l->applied.from)) < 0 ||
		json_put(doc, o, "profiles", all) < 0 ||
		json_put(doc, o, "problems", json_strings(doc, &l->sources.problems)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(listing_done))) struct listing l = {.rows = NULL};
	const struct catalog_entry *entry;
	bool wrong;

	if (store_open(ctl_value(call, "store"), &l.applied, e) < 0 ||
		sources_init(&l.sources, e) < 0 ||
		sources_configured(&l.sources, ctl_value(call, "config"), e) < 0)
		return -1;
	for (size_t i = 0; (entry = catalog_item(l.sources.catalog, i)); i++)
		if (!strchr(entry->name, '/') && add_source(&l, entry, e) < 0)
			return -1;
	if (add_orphans(&l, e) < 0)
		return -1;
	qsort(l.rows, l.n, sizeof *l.rows, by_name);
	if (ctl_given(call, "names"))
		for (size_t i = 0; i < l.n; i++) {
			table_text(l.rows[i].name, 100, &call->out);
			str_addc(&call->out, '\n');
		}
	else if (!call->json)
		print_table(call, &l);
	else if (print_json(call, &l, e) < 0)
		return -1;
	wrong = l.sources.problems.n > 0;
	for (size_t i = 0; i < l.n; i++)
		wrong = wrong || l.rows[i].problem;
	return wrong ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_profile_list = {
	.name = "profile list",
	.run = run,
	.operands = "",
	.summary = "all profiles, where they come from, and which are applied",
	.notes = "Exit status: 0 all can be used, 1 some are wrong, 2 an error.\n",
	.options =
		{
			{"names", NULL, CTL_NONE, "the names alone"},
			{"config", "FILE", CTL_FILE, "another cinch.json"},
			{"store", "DIR", CTL_DIR, "another place of the applied policies"},
		},
};
