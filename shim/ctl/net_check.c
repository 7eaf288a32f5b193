/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_check - whether the kernel has the rules that running containers should have.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <string.h>

#include "netseg/install.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/net.h"
#include "shim/ctl/net_record.h"
#include "shim/ctl/table.h"

enum { SHOWN_MAX = 40 };

struct checking {
	struct ctl_call *call;
	struct applied applied;
	char dir[PATH_MAX]; /* of the registry */
	struct net_list list;
	struct json_doc *doc;
	struct json *found; /* NULL: for people */
	size_t *chosen, n;
	bool repair, any, stale;
	size_t spaces;
	struct err failed; /* the first of those that could not be looked at, or put right */
};

static void checking_done(struct checking *k)
{
	applied_done(&k->applied);
	net_list_done(&k->list);
	json_free(k->doc);
	free(k->chosen);
}

/* ---- how it is told ---- */

static int put_json(struct checking *k, const struct net_entry *n, const char *result,
	const struct strv *lines, struct err *e)
{
	struct json *o = json_object(k->doc);

	if ((n && (json_put(k->doc, o, "id", json_string_lossy(k->doc, n->id)) < 0 ||
			  json_put(k->doc, o, "name", json_string_lossy(k->doc, net_name(n))) <
				  0)) ||
		json_put(k->doc, o, "result", json_string(k->doc, result)) < 0 ||
		json_put(k->doc, o, "findings", json_strings(k->doc, lines)) < 0 ||
		json_push(k->found, o) < 0)
		return err_nomem(e);
	return 0;
}

static int tell(struct checking *k, const struct net_entry *n, const char *result,
	const struct strv *lines, struct err *e)
{
	struct str *out = &k->call->out;

	k->any = true;
	if (k->found)
		return put_json(k, n, result, lines, e);
	table_text(n ? net_name(n) : "registry", 200, out);
	str_addf(out, ": %s\n", result);
	for (size_t i = 0; i < lines->n && i < SHOWN_MAX; i++) {
		str_add(out, "  ");
		table_text(lines->v[i], 400, out);
		str_addc(out, '\n');
	}
	if (lines->n > SHOWN_MAX)
		str_addf(out, "  and %zu more\n", lines->n - SHOWN_MAX);
	return 0;
}

static int record(const struct checking *k, const struct net_entry *n, const char *result,
	const char *reason, const struct strv *lines, struct err *e)
{
	const struct net_record r = {.verb = "net check",
		.result = result,
		.reason = reason,
		.of = n,
		.applied = &k->applied,
		.list = "problems",
		.lines = lines};

	return net_record_write(&r, e);
}

/* ---- one after the other ---- */

/* Those of one namespace have one table: it was looked at with an earlier one. */
static bool was_checked(const struct checking *k, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (netns_same(&k->list.v[k->chosen[j]].ns, &k->list.v[k->chosen[i]].ns) &&
			registry_lives(&k->list.v[k->chosen[j]]))
			return true;
	return false;
}

/* The others are looked at all the same: who keeps his own table from being put right does so for nobody else. */
static int tell_failed(struct checking *k, const struct net_entry *n, const struct err *why,
	struct strv *lines, struct err *e)
{
	if (lines->n)
		(void)record(k, n, "failed", why->msg, lines, NULL);
	if (!k->failed.code) {
		k->failed = *why;
		err_wrap(&k->failed, "%.64s", net_name(n));
	}
	if (strv_add(lines, why->msg) < 0)
		return err_nomem(e);
	return tell(k, n, "failed", lines, e);
}

/* No trouble of its rules: net sync's to take away. */
static int tell_stale(
	struct checking *k, const struct net_entry *n, const struct err *why, struct err *e)
{
	AUTO_STRV struct strv lines = {NULL, 0};

	k->stale = true;
	if (strv_add(&lines, why->msg) < 0)
		return err_nomem(e);
	return tell(k, n, "left over", &lines, e);
}

static int check_one(struct checking *k, const struct net_entry *n, struct err *e)
{
	AUTO_STRV struct strv lines = {NULL, 0};
	const char *result = k->repair ? "repaired" : "found";
	struct err why = {0};

	if (net_check(k->dir, n->key, k->repair, &lines, &why) < 0) {
		if (why.code == ENOENT) /* it ended meanwhile */
			return 0;
		if (why.code == ESRCH || why.code == EBUSY)
			return tell_stale(k, n, &why, e);
		return tell_failed(k, n, &why, &lines, e);
	}
	k->spaces++;
	if (lines.n == 0)
		return 0;
	if (record(k, n, result, NULL, &lines, e) < 0)
		return -1;
	return tell(k, n, result, &lines, e);
}

/* What is wrong with the registry itself. */
static int tell_registry(struct checking *k, struct err *e)
{
	const struct {
		const struct strv *names;
		const char *what;
	} rows[] = {
		{&k->list.damaged, "entries that cannot be read"}, {&k->list.left, "left over"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows && !k->call->n_operands; i++)
		if (rows[i].names->n) {
			k->stale = true;
			if (tell(k, NULL, rows[i].what, rows[i].names, e) < 0)
				return -1;
		}
	return 0;
}

static int put_away(struct checking *k, struct err *e)
{
	AUTO_STRV struct strv done = {NULL, 0}, left = {NULL, 0};

	if (net_sync(k->dir, &done, &left, e) < 0)
		return err_wrap(e, "what is left over");
	if (left.n && (record(k, NULL, "failed", "not put right", &left, e) < 0 ||
			      tell(k, NULL, "not put right", &left, e) < 0))
		return -1;
	if (done.n == 0)
		return 0;
	return record(k, NULL, "repaired", NULL, &done, e) < 0
		       ? -1
		       : tell(k, NULL, "repaired", &done, e);
}

static int run(struct ctl_call *c, struct err *e)
{
	__attribute__((cleanup(checking_done))) struct checking k = {
		.call = c, .doc = json_new(), .repair = ctl_given(c, "repair")};

	if (!k.doc || (c->json && !(k.found = json_array(k.doc))))
		return err_nomem(e);
	if (store_open(ctl_value(c, "store"), &k.applied, e) < 0 || net_dir(k.dir, e) < 0 ||
		net_list_read(k.dir, &k.list, e) < 0 ||
		net_chosen(c, &k.list, &k.chosen, &k.n, e) < 0)
		return -1;
	for (size_t i = 0; i < k.n; i++)
		if (!was_checked(&k, i) && check_one(&k, &k.list.v[k.chosen[i]], e) < 0)
			return -1;
	if (tell_registry(&k, e) < 0 || (k.stale && k.repair && put_away(&k, e) < 0))
		return -1;
	if (k.found && ctl_put_json(c, k.found, e) < 0)
		return -1;
	if (!k.any && !k.found)
		str_addf(&c->out, "%zu table%s as %s should be\n", k.spaces,
			k.spaces == 1 ? "" : "s", k.spaces == 1 ? "it" : "they");
	if (k.failed.code) {
		*e = k.failed;
		return -1;
	}
	return k.any ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_net_check = {
	.name = "net check",
	.run = run,
	.operands = "[ID ...]",
	.most = 64,
	.word = CTL_TEXT,
	.summary = "find rules of running containers that are missing or altered",
	.notes =
		"Compares the table of each container's network namespace (all of them, when none\n"
		"is named) with what it should be. What is found is recorded in the audit log.\n"
		"Exit status: 0 all is well, 1 something was found, 2 an error.\n",
	.options =
		{
			{"repair", NULL, CTL_NONE,
				"put it right, and end connections that began meanwhile"},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
