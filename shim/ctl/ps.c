/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps - list the containers that cinch governs.
 */
#include "shim/ctl/ps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/columns.h"
#include "shim/ctl/commands.h"
#include "shim/state.h"

enum { ID_SHOWN = 12, DIGEST_SHOWN = 12 };

/* ---- one column each ---- */

static void put_id(struct columns *c, const struct ps_container *p)
{
	AUTO_STR struct str s = STR_INIT;
	const char *id = json_str(json_get(p->record, "id"));

	str_addn(&s, id, strnlen(id, ID_SHOWN));
	c->failed |= str_failed(&s);
	columns_add(c, str_text(&s));
}

static void put_engine(struct columns *c, const struct ps_container *p)
{
	columns_add(c, json_str(json_get(p->record, "engine")));
}

static void put_name(struct columns *c, const struct ps_container *p)
{
	AUTO_STR struct str s = STR_INIT;

	ps_name(p, &s);
	c->failed |= str_failed(&s);
	columns_add(c, str_text(&s));
}

static void put_image(struct columns *c, const struct ps_container *p)
{
	columns_add(c, p->image.text ? p->image.text : p->image.id);
}

/* "0123456789ab": enough to be found again. */
static void put_digest(struct columns *c, const struct ps_container *p)
{
	const char *digest = p->image.digest ? p->image.digest : p->image.id;
	const char *colon = digest ? strchr(digest, ':') : NULL;
	char text[64];

	snprintf(text, sizeof text, "%s%.*s", p->image.digest || !colon ? "" : "id ", DIGEST_SHOWN,
		colon ? colon + 1 : "");
	columns_add(c, text);
}

static void put_profiles(struct columns *c, const struct ps_container *p)
{
	AUTO_STR struct str s = STR_INIT;

	json_each (v, json_get(p->record, "profiles")) {
		const char *name = json_str(json_get(v, "name"));

		str_addf(&s, "%s%s", s.len ? "+" : "", name ? name : "?");
	}
	c->failed |= str_failed(&s);
	columns_add(c, str_text(&s));
}

/* What the profiles ask for, as far as anything was enforced at all. */
static void put_mode(struct columns *c, const struct ps_container *p)
{
	bool enforce = false, other = false;

	json_each (v, json_get(p->record, "profiles")) {
		const char *m = json_str(json_get(v, "mode"));

		if (m && strcmp(m, "enforce") == 0)
			enforce = true;
		else
			other = true;
	}
	columns_add(c, !json_is_true(json_get(p->record, "enforced")) ? "audit"
		       : enforce && other                             ? "mixed"
								      : "enforce");
}

/* "45s", "3m", "7h", "12d" */
static void put_age(struct columns *c, const struct ps_container *p)
{
	static const struct {
		long long least, unit;
		char name;
	} units[] = {
		{2 * 86400, 86400, 'd'}, {2 * 3600, 3600, 'h'}, {2 * 60, 60, 'm'}, {0, 1, 's'}};
	char text[32];
	size_t i = 0;

	while (p->age < units[i].least)
		i++;
	snprintf(text, sizeof text, "%lld%c", p->age / units[i].unit, units[i].name);
	columns_add(c, text);
}

static void put_life(struct columns *c, const struct ps_container *p)
{
	columns_add(c, life_name(p->life));
}

static void put_policy(struct columns *c, const struct ps_container *p)
{
	columns_add(c, ps_policy_name(p->policy));
}

static const struct column {
	const char *head;
	void (*put)(struct columns *c, const struct ps_container *p);
	unsigned spare; /* left out when the terminal is too narrow, the highest first */
} table[] = {
	{"ID", put_id, 0},
	{"ENGINE", put_engine, 1},
	{"NAME", put_name, 0},
	{"IMAGE", put_image, 0},
	{"DIGEST", put_digest, 2},
	{"PROFILE", put_profiles, 0},
	{"MODE", put_mode, 0},
	{"POLICY", put_policy, 1},
	{"AGE", put_age, 0},
	{"STATUS", put_life, 0},
};
enum { N_COLUMNS = sizeof table / sizeof *table, SPARE_MOST = 2 };

/* ---- all of them ---- */

/* Nothing is cut for a pipe or a file. */
static size_t width(void)
{
	return isatty(STDOUT_FILENO) || getenv("COLUMNS") ? ctl_width() : 4096;
}

/* Without the columns above SPARE; false when it is too wide and more can be left out. */
static bool put_table(
	const struct ps_list *l, const struct table_style *style, unsigned spare, struct str *out)
{
	const char *heads[N_COLUMNS + 1];
	AUTO_COLUMNS struct columns columns = {.heads = heads};
	size_t n = 0;

	for (size_t i = 0; i < N_COLUMNS; i++)
		if (table[i].spare <= spare)
			heads[n++] = table[i].head;
	heads[n] = NULL;
	for (size_t c = 0; c < l->n; c++)
		for (size_t i = 0; i < N_COLUMNS; i++)
			if (table[i].spare <= spare)
				table[i].put(&columns, &l->v[c]);
	if (spare && columns_width(&columns) > style->width)
		return false;
	columns_put(&columns, style, out);
	return true;
}

/* Where the column may be left out, too. */
static void put_outdated(struct ctl_call *call, const struct ps_list *l)
{
	size_t n = ps_outdated(l);

	if (n && !ctl_given(call, "outdated"))
		str_addf(&call->out,
			"%zu under another policy than the one in force (--outdated)\n", n);
}

static void print_table(struct ctl_call *call, const struct ps_list *l)
{
	const struct table_style style = {.width = width(), .colour = call->colour};
	unsigned spare = SPARE_MOST;

	if (!l->n)
		str_add(&call->out, "no containers\n");
	else
		while (!put_table(l, &style, spare, &call->out))
			spare--;
	put_outdated(call, l);
	for (size_t i = 0; i < l->damaged.n; i++) {
		str_add(&call->out, "damaged record: ");
		table_text(l->damaged.v[i], style.width, &call->out);
		str_addc(&call->out, '\n');
	}
}

static int print_json(struct ctl_call *call, const struct ps_list *l, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *list;

	if (!o)
		return err_nomem(e);
	list = json_array(doc);
	for (size_t i = 0; i < l->n; i++)
		if (json_push(list, ps_json(&l->v[i], doc)) < 0)
			return err_nomem(e);
	if (json_put(doc, o, "containers", list) < 0 ||
		json_put(doc, o, "damaged", json_strings(doc, &l->damaged)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

/* What only goes with --vulnerable. */
static int check_line(const struct ctl_call *c, struct err *e)
{
	static const char *const more[] = {"severity", "deny-list"};

	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		if (ctl_given(c, more[i]))
			return err_set(e, ERR_INPUT, "--%s goes with --vulnerable", more[i]);
	if (c->n_operands)
		return err_set(e, ERR_INPUT,
			"\"%.64s\": a report is named behind --vulnerable, nothing else is",
			c->operands[0]);
	return 0;
}

int ps_run(struct ctl_call *c, const char *dir, const char *store, struct err *e)
{
	AUTO_PS_LIST struct ps_list list = {0};
	bool outdated = ctl_given(c, "outdated");

	if (ctl_given(c, "vulnerable")) {
		if (outdated)
			return err_set(
				e, ERR_INPUT, "--outdated and --vulnerable are two questions");
		return ps_run_vulnerable(c, dir, e);
	}
	if (check_line(c, e) < 0 || ps_list_read(dir, ctl_given(c, "all"), &list, e) < 0 ||
		ps_compare(&list, store, e) < 0 || state_sweep(dir, e) < 0)
		return -1;
	if (outdated)
		ps_keep_outdated(&list);
	if (!c->json)
		print_table(c, &list);
	else if (print_json(c, &list, e) < 0)
		return -1;
	return list.damaged.n || (outdated && list.n) ? CTL_FINDINGS : CTL_OK;
}

static int run(struct ctl_call *c, struct err *e)
{
	char dir[PATH_MAX];

	if (state_dir(dir, e) < 0)
		return -1;
	return ps_run(c, dir, NULL, e);
}

const struct ctl_command ctl_ps = {
	.name = "ps",
	.run = run,
	.operands = "[REPORT ...]",
	.most = 4096,
	.word = CTL_FILE,
	.summary = "the containers cinch governs, and which of them are vulnerable",
	.notes = "A REPORT is what \"trivy image --format json\" or \"grype --output json\" wrote, "
		 "a\n"
		 "directory of such, or \"-\" for one from standard input.\n"
		 "Exit status: 0 all is well, 1 vulnerable or outdated containers or damaged "
		 "records,\n"
		 "2 an error.\n",
	.options =
		{
			{"all", NULL, CTL_NONE, "also those that are stopped or gone"},
			{"outdated", NULL, CTL_NONE,
				"only those that run under another policy than the one in force"},
			{"vulnerable", "REPORT", CTL_FILE,
				"which containers run what a scanner complains of; several may be "
				"given"},
			{"severity", "LEVEL", CTL_TEXT,
				"only critical, high, medium, low or unknown, and what is worse"},
			{"deny-list", NULL, CTL_NONE,
				"print a denied.json of the reports' images that have such"},
		},
};
