/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_reload - a container that runs gets the network its profiles grant by now.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <string.h>

#include "netseg/install.h"
#include "profiles/network.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/lines.h"
#include "shim/ctl/net.h"
#include "shim/ctl/net_bare.h"
#include "shim/ctl/net_record.h"
#include "shim/ctl/table.h"
#include "shim/network.h"
#include "shim/state.h"

struct reload {
	struct applied applied;
	char dir[PATH_MAX], states[PATH_MAX]; /* of the registry, of state records */
	struct net_list list;
};

struct one {
	const struct net_entry *entry;
	bool bare; /* it has no rules */
	struct json_doc *state, *want;
	struct selection profiles;
	struct privileges change; /* for whom the new rules do more, or less */
	struct strv silent; /* profiles that had rules, and say nothing of the network any more */
	struct strv ended;
	const char *result;
};

static void reload_done(struct reload *r)
{
	applied_done(&r->applied);
	net_list_done(&r->list);
}

static void one_done(struct one *o)
{
	json_free(o->state);
	json_free(o->want);
	select_done(&o->profiles);
	privileges_done(&o->change);
	strv_done(&o->silent);
	strv_done(&o->ended);
}

/* What its rules are made of; NULL: it has none. */
static const struct json *before(const struct one *o)
{
	return o->bare || !o->entry->network ? NULL : json_root(o->entry->network);
}

/* ---- what it has to be now ---- */

static int profiles_now(const struct reload *r, struct one *o, struct err *e)
{
	json_each (p, json_get(json_root(o->state), "profiles")) {
		const char *name = json_str(json_get(p, "name"));

		if (!name || o->profiles.n == SELECT_MAX)
			return err_set(e, ERR_INPUT, "its state record names no profiles");
		if (applied_profile(&r->applied, name, &o->profiles.p[o->profiles.n], e) < 0)
			return err_wrap(e, "profile \"%.64s\" in the policy in force", name);
		o->profiles.n++;
	}
	if (o->profiles.n == 0)
		return err_set(e, ERR_INPUT, "its state record names no profiles");
	select_relax(&r->applied, o->profiles.p, o->profiles.n);
	return 0;
}

static bool has_capability(const struct json *state, const char *name)
{
	json_each (set, json_at(state, "/process/capabilities"))
		json_each (v, set)
			if (json_str(v) && strcmp(v->text, name) == 0)
				return true;
	return false;
}

/* What a start would have refused, or taken away, is the container's for as long as it runs. */
static int judge_capabilities(const struct one *o, struct err *e)
{
	bool enforced = false;

	json_each (p, json_get(json_root(o->want), "policies")) {
		const char *mode = json_str(json_get(p, "mode"));

		enforced |= mode && strcmp(mode, "enforce") == 0;
	}
	for (const struct network_master *m = network_masters; enforced && m->name; m++)
		if (has_capability(json_root(o->state), m->name))
			return err_set(e, ERR_DENIED,
				"it was started with %s, and could not be held to enforced rules: "
				"start "
				"it again",
				m->name);
	return 0;
}

static int put_same(struct one *o, struct json *want)
{
	static const char *const of_the_container[] = {"title", "resolvConf", "netns"};
	const struct json *before = json_root(o->entry->network);

	for (size_t i = 0; i < sizeof of_the_container / sizeof *of_the_container; i++) {
		const struct json *v = json_get(before, of_the_container[i]);

		if (v && json_put(o->want, want, of_the_container[i], json_clone(o->want, v)) < 0)
			return -1;
	}
	return 0;
}

/* Which profiles had rules, and are without a section now: forgotten perhaps, and not meant. */
static int find_silent(struct one *o, const struct json *want)
{
	const struct net_want *before = &o->entry->want;

	for (size_t i = 0; i < before->n; i++) {
		bool speaks = false;

		json_each (p, json_get(want, "policies"))
			speaks = speaks || strcmp(json_str(json_get(p, "profile")),
						   before->policies[i].profile) == 0;
		if (!speaks && before->policies[i].mode != NET_OFF &&
			strv_add(&o->silent, before->policies[i].profile) < 0)
			return -1;
	}
	return 0;
}

/* With none that speaks of the network, everything passes. */
static int put_off(struct one *o, struct json *want)
{
	struct json *policies = json_get(want, "policies"), *off;

	if (policies->first)
		return 0;
	off = json_object(o->want);
	return json_put(o->want, off, "profile", json_string(o->want, o->profiles.p[0]->name)) <
				       0 ||
			       json_put(o->want, off, "mode", json_string(o->want, "off")) < 0
		       ? -1
		       : json_push(policies, off);
}

/* Of one that has rules. */
static int another_want(const struct reload *r, struct one *o, struct err *e)
{
	struct json *want;

	o->want = json_new();
	want = o->want ? network_policies(o->want, &o->profiles, &r->applied.settings) : NULL;
	if (!want || put_same(o, want) < 0 || find_silent(o, want) < 0 || put_off(o, want) < 0)
		return err_nomem(e);
	json_set_root(o->want, want);
	return 0;
}

static int decide(const struct reload *r, struct one *o, struct err *e)
{
	const struct net_entry *n = o->entry;

	if (state_read(r->states, n->root, n->id, &o->state, e) < 0)
		return -1;
	if (!o->state)
		return err_set(e, ERR_INPUT, "it has no state record any more: start it again");
	if (profiles_now(r, o, e) < 0)
		return -1;
	/* what is written down is not of this start, or whoever brought rules in was killed meanwhile */
	o->bare = !n->network ||
		  (!json_get(json_root(o->state), "network") && !registry_lives(n)) ||
		  (!n->installed && json_is_true(json_get(json_root(o->state), "unhooked")));
	if (o->bare) {
		if (net_bare_want(json_root(o->state), &o->profiles, &r->applied.settings, &o->want,
			    e) < 0)
			return -1;
	} else if (another_want(r, o, e) < 0) {
		return -1;
	}
	return privileges_networks(before(o), json_root(o->want), &o->change, e) < 0
		       ? -1
		       : judge_capabilities(o, e);
}

/* Rules, or to be a member. */
static bool wants_any(const struct json *want)
{
	bool any = json_get(want, "segments") != NULL;

	json_each (p, json_get(want, "policies"))
		any = any || strcmp(json_str(json_get(p, "mode")), "off") != 0;
	return any;
}

/* Nothing of what a policy says is another. */
static bool same_want(const struct json *before, const struct json *after)
{
	static const char *const said[] = {
		"policies", "segments", "resolvers", "nodeAddresses", "metadataAddresses"};

	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		const struct json *a = json_get(before, said[i]), *b = json_get(after, said[i]);

		if (a && b ? !json_equal(a, b) : a != b)
			return false;
	}
	return true;
}

static bool unchanged(const struct one *o)
{
	return o->bare ? !wants_any(json_root(o->want)) : same_want(before(o), json_root(o->want));
}

/* ---- what would change ---- */

static int put_lines_json(struct json_doc *doc, struct json *to, const struct lines *l)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++) {
		const struct lines_change *c = &l->v[i];
		AUTO_STR struct str line = STR_INIT, block = STR_INIT;
		struct json *o = json_object(doc);

		str_addn(&line, c->line, c->len);
		str_addn(&block, c->block ? c->block : "", c->block ? c->block_len - 2 : 0);
		if (json_put(doc, o, "in", json_string(doc, str_text(&block))) < 0 ||
			json_put(doc, o, c->added ? "added" : "removed",
				json_string(doc, str_text(&line))) < 0 ||
			json_push(list, o) < 0)
			return -1;
	}
	return json_put(doc, to, "changes", list);
}

/* The line that opens the block of the Ith has come or gone before it: it is not said again. */
static bool is_opened(const struct lines *l, size_t i)
{
	const char *block = l->v[i].block;

	while (i-- > 0)
		if (l->v[i].line == block)
			return true;
	return false;
}

static void print_lines(const struct lines *l, bool colour, struct str *out)
{
	const char *block = "";

	for (size_t i = 0; i < l->n; i++) {
		const struct lines_change *c = &l->v[i];
		AUTO_STR struct str line = STR_INIT;

		/* the block of a line that goes and of one that comes is the same one in two texts */
		if (c->block && strncmp(c->block, block, c->block_len) != 0 && !is_opened(l, i))
			str_addf(out, "  %.*s\n", (int)c->block_len - 2, c->block);
		block = c->block ? c->block : "";
		str_addn(&line, c->line, c->len);
		str_addf(out, "%s%s", colour ? c->added ? "\033[32m" : "\033[31m" : "",
			c->added ? "  + " : "  - ");
		table_text(str_text(&line), 6 * c->len + 1, out);
		str_add(out, colour ? "\033[0m\n" : "\n");
	}
}

/* ---- how it is told ---- */

static int put_change_json(
	struct json_doc *doc, struct json *to, const char *key, const struct one *o, bool grants)
{
	AUTO_STRV struct strv texts = {NULL, 0};

	return net_record_change(&o->change, grants, &texts) < 0
		       ? -1
		       : json_put(doc, to, key, json_strings(doc, &texts));
}

static void print_change(const struct one *o, bool grants, bool colour, struct str *out)
{
	for (size_t i = 0; i < o->change.n; i++) {
		if (o->change.v[i].grants != grants)
			continue;
		str_addf(out, "  %s%s:%s ",
			!colour  ? ""
			: grants ? "\033[31m"
				 : "\033[32m",
			grants ? "wider" : "narrower", colour ? "\033[0m" : "");
		table_text(o->change.v[i].text, 2000, out);
		str_addc(out, '\n');
	}
}

static struct json *one_json(struct json_doc *doc, const struct one *o, const struct lines *lines)
{
	AUTO_STR struct str was = STR_INIT, is = STR_INIT;
	struct json *j = json_object(doc);

	if (before(o))
		network_words(before(o), &was);
	network_words(json_root(o->want), &is);
	if (json_put(doc, j, "id", json_string_lossy(doc, o->entry->id)) < 0 ||
		json_put(doc, j, "name", json_string_lossy(doc, net_name(o->entry))) < 0 ||
		json_put(doc, j, "result", json_string(doc, o->result)) < 0 ||
		json_put(doc, j, "before", json_string_lossy(doc, str_text(&was))) < 0 ||
		json_put(doc, j, "network", json_string_lossy(doc, str_text(&is))) < 0 ||
		put_change_json(doc, j, "wider", o, true) < 0 ||
		put_change_json(doc, j, "narrower", o, false) < 0 ||
		json_put(doc, j, "silent", json_strings(doc, &o->silent)) < 0 ||
		(lines ? put_lines_json(doc, j, lines)
		       : json_put(doc, j, "ended", json_strings(doc, &o->ended))) < 0)
		return NULL;
	return j;
}

static void print_one(struct ctl_call *c, const struct one *o, const struct lines *lines)
{
	AUTO_STR struct str words = STR_INIT;

	network_words(json_root(o->want), &words);
	table_text(net_name(o->entry), 200, &c->out);
	str_addf(&c->out, ": %s: ", o->result);
	table_text(words.len ? str_text(&words) : "no rules", 1000, &c->out);
	str_addc(&c->out, '\n');
	print_change(o, true, c->colour, &c->out);
	print_change(o, false, c->colour, &c->out);
	if (lines)
		for (size_t i = 0; i < o->silent.n; i++)
			str_addf(&c->out,
				"  profile %s says nothing of the network any more: done with "
				"--lift alone\n",
				o->silent.v[i]);
	if (lines)
		print_lines(lines, c->colour, &c->out);
	for (size_t i = 0; i < o->ended.n; i++)
		str_addf(&c->out, "  ended %s\n", o->ended.v[i]);
}

/* LIST NULL: for people. */
static int tell(struct ctl_call *c, struct json_doc *doc, struct json *list, const struct one *o,
	const struct lines *lines, struct err *e)
{
	if (list)
		return json_push(list, one_json(doc, o, lines)) < 0 ? err_nomem(e) : 0;
	print_one(c, o, lines);
	return 0;
}

/* ---- the command ---- */

static int record(const struct reload *r, const struct one *o, const char *result,
	const char *reason, struct err *e)
{
	const struct net_record n = {.verb = "net reload",
		.result = result,
		.reason = reason,
		.of = o->entry,
		.applied = &r->applied,
		.profiles = o->profiles.n ? &o->profiles : NULL,
		.before = before(o),
		.after = o->want ? json_root(o->want) : NULL,
		.change = &o->change,
		.list = "ended",
		.lines = &o->ended};

	return net_record_write(&n, e);
}

/* WANT is what the registry has of it, whatever went wrong after it was written. */
static bool is_in_force(const struct reload *r, const struct one *o)
{
	AUTO_REGISTRY struct registry reg = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {.id = NULL};
	struct err why;

	return registry_look(r->dir, &reg, &why) == 0 &&
	       registry_get(&reg, o->entry->key, &n, &why) == 0 &&
	       same_want(json_root(n.network), json_root(o->want));
}

static int put_rules(const struct reload *r, struct one *o, struct err *e)
{
	struct net_bare_ask bare;

	if (!o->bare)
		return net_reload(r->dir, o->entry->key, json_root(o->want), &o->ended, e);
	if (net_bare_find(o->entry, json_root(o->state), json_root(o->want), &bare, e) < 0)
		return -1;
	bare.ask.dir = r->dir;
	return net_begin(&bare.ask, &o->ended, e);
}

/* The state record first: exec is held to it, and delete takes away what has no hook. */
static int put_in_force(const struct reload *r, struct one *o, struct err *e)
{
	const struct json *state = json_root(o->state);
	bool unhooked = json_is_true(json_get(state, "unhooked"));
	struct err why;

	if (o->bare && !wants_any(json_root(o->want)))
		return 0;
	if (state_put_network(r->states, state, json_root(o->want), unhooked || o->bare, e) < 0)
		return -1;
	if (put_rules(r, o, e) == 0)
		return 0;
	if (!is_in_force(r, o))
		(void)state_put_network(
			r->states, state, json_get(state, "network"), unhooked, &why);
	return -1;
}

static int change(const struct reload *r, struct one *o, struct err *e)
{
	o->result = o->silent.n ? "lifted" : unchanged(o) ? "unchanged" : "applied";
	if (put_in_force(r, o, e) < 0) {
		(void)record(r, o, "failed", e->msg, NULL);
		return -1;
	}
	if (record(r, o, o->result, NULL, e) < 0)
		return err_wrap(e, "it is in force, but not recorded");
	return 0;
}

static int rules_then(const struct reload *r, const struct one *o, struct str *now,
	struct str *then, struct err *e)
{
	struct net_bare_ask bare;

	if (!o->bare)
		return net_reload_show(r->dir, o->entry->key, json_root(o->want), now, then, e);
	if (!wants_any(json_root(o->want)))
		return 0;
	if (net_bare_find(o->entry, json_root(o->state), json_root(o->want), &bare, e) < 0)
		return -1;
	bare.ask.dir = r->dir;
	return net_begin_show(&bare.ask, now, then, e);
}

static int show(const struct reload *r, struct ctl_call *c, struct json_doc *doc, struct json *list,
	struct one *o, bool *differs, struct err *e)
{
	AUTO_STR struct str now = STR_INIT, then = STR_INIT;
	AUTO_LINES struct lines lines = {NULL, 0};

	if (rules_then(r, o, &now, &then, e) < 0 ||
		lines_compare(str_text(&now), str_text(&then), &lines, e) < 0)
		return -1;
	o->result = lines.n ? "would be changed" : "unchanged";
	*differs = *differs || lines.n > 0;
	return tell(c, doc, list, o, &lines, e);
}

/* A section that got lost while a profile was edited must not take the rules with it. */
static int refuse_silent(const struct one *o, struct err *e)
{
	return err_set(e, ERR_DENIED,
		"profile \"%.64s\" says nothing of the network any more, and its rules would go: "
		"they stay as they are; if that is meant, say \"network\": {\"mode\": "
		"\"off\"} in the profile, or --lift",
		o->silent.v[0]);
}

static int each(const struct reload *r, struct ctl_call *c, struct json_doc *doc, struct json *list,
	const struct net_entry *entry, bool *differs, struct err *e)
{
	__attribute__((cleanup(one_done))) struct one o = {.entry = entry};
	bool dry = ctl_given(c, "dry-run");
	int rc = decide(r, &o, e);

	if (rc == 0 && o.silent.n && !dry && !ctl_given(c, "lift"))
		rc = refuse_silent(&o, e);
	if (rc < 0 && !dry)
		(void)record(r, &o, "refused", e->msg, NULL);
	if (rc < 0)
		return -1;
	if (dry)
		return show(r, c, doc, list, &o, differs, e);
	return change(r, &o, e) < 0 ? -1 : tell(c, doc, list, &o, NULL, e);
}

static int run(struct ctl_call *c, struct err *e)
{
	__attribute__((cleanup(reload_done))) struct reload r = {.list = {0}};
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *list = doc && c->json ? json_array(doc) : NULL;
	AUTO_FREE size_t *chosen = NULL;
	bool differs = false;
	size_t n = 0;

	if (!doc || (c->json && !list))
		return err_nomem(e);
	if (store_open(ctl_value(c, "store"), &r.applied, e) < 0 || net_dir(r.dir, e) < 0 ||
		state_dir(r.states, e) < 0 || net_list_read(r.dir, &r.list, e) < 0 ||
		net_bare_add(&r.list, e) < 0 || net_chosen(c, &r.list, &chosen, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct net_entry *entry = &r.list.v[chosen[i]];

		if (each(&r, c, doc, list, entry, &differs, e) == 0)
			continue;
		/* what was done before is done, and told */
		(void)(list ? ctl_put_json(c, list, NULL) : 0);
		return err_wrap(e, "%.64s", net_name(entry));
	}
	if (list && ctl_put_json(c, list, e) < 0)
		return -1;
	return differs ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_net_reload = {
	.name = "net reload",
	.run = run,
	.operands = "ID ...",
	.least = 1,
	.most = 64,
	.word = CTL_TEXT,
	.summary = "give running containers the network their profiles grant by now",
	.notes = "The profiles a container was started with, as they are in the policy in force. "
		 "Its\n"
		 "rules change in one transaction, and established connections that they do not\n"
		 "allow are ended. Everything else of a profile counts from the next start on.\n"
		 "Where a profile lost its section \"network\" the rules stay, and it is an error, "
		 "unless\n"
		 "--lift says that it is meant.\n"
		 "Exit status: 0 done, 1 with --dry-run: rules would change, 2 an error; then the\n"
		 "rules of that container, and of those behind it on the line, are as they were,\n"
		 "unless it could only not be recorded or told.\n",
	.options =
		{
			{"dry-run", NULL, CTL_NONE, "only show which rules would change"},
			{"lift", NULL, CTL_NONE,
				"also when a profile says nothing of the network any more"},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
