/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_show - the rules of containers' networks: a line each, or one of them with all it is held to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netseg/install.h"
#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/net.h"
#include "shim/ctl/net_words.h"
#include "shim/ctl/table.h"

/* What is known of one: GONE, or the view. */
struct shown {
	struct net_view view;
	bool gone;
};

static const char *status(const struct net_entry *n, const struct shown *s)
{
	return s->gone ? "gone" : s->view.missing ? "missing" : n->late ? "late" : "in force";
}

static int look(const struct net_list *l, size_t i, struct shown *out, bool *missing, struct err *e)
{
	struct err why = {0};

	*out = (struct shown){.gone = false};
	if (net_view_read(l, i, &out->view, &why) == 0) {
		*missing = *missing || out->view.missing;
		return 0;
	}
	out->gone = why.code == ESRCH;
	if (!out->gone)
		*e = why;
	return out->gone ? 0 : -1;
}

/* ---- all of them ---- */

static void put_count(struct columns *c, const struct shown *s, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	columns_add(c, s->gone ? NULL : text);
}

static void put_text(struct columns *c, struct str *s)
{
	c->failed |= str_failed(s);
	columns_add(c, str_text(s));
	str_reset(s);
}

static void put_row(struct columns *c, const struct net_entry *n, const struct shown *s)
{
	AUTO_STR struct str text = STR_INIT;

	str_addf(&text, "%.*s", SIGHT_ID(n->id));
	put_text(c, &text);
	columns_add(c, n->key);
	columns_add(c, n->want.title);
	for (size_t i = 0; i < n->want.n; i++)
		str_addf(&text, "%s%s", i ? "+" : "", n->want.policies[i].profile);
	put_text(c, &text);
	net_modes(n, &text);
	put_text(c, &text);
	net_words_join(&n->want.segments, &text);
	put_text(c, &text);
	put_count(c, s, s->view.accepted[NET_OUT].packets + s->view.accepted[NET_IN].packets);
	put_count(c, s, s->view.refused[NET_OUT].packets + s->view.refused[NET_IN].packets);
	columns_add(c, status(n, s));
}

static int put_list(struct ctl_call *call, const struct net_list *l, bool *missing, struct err *e)
{
	static const char *const heads[] = {"ID", "KEY", "NAME", "PROFILE", "MODE", "SEGMENT",
		"ACCEPTED", "REFUSED", "RULES", NULL};
	const struct table_style style = net_style(call);
	AUTO_COLUMNS struct columns columns = {.heads = heads};

	if (!l->n) {
		str_add(&call->out, "no containers with rules of the network\n");
		return 0;
	}
	for (size_t i = 0; i < l->n; i++) {
		struct shown s;

		if (look(l, i, &s, missing, e) < 0)
			return -1;
		put_row(&columns, &l->v[i], &s);
		net_view_done(&s.view);
	}
	columns_put(&columns, &style, &call->out);
	return 0;
}

/* ---- one ---- */

static void put_line(struct str *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	str_addf(out, "%-11s", name);
	table_text(text, 4096, out);
	str_addc(out, '\n');
}

static void put_addrs(struct str *out, const char *name, const struct addrs *l)
{
	AUTO_STR struct str s = STR_INIT;

	net_words_addrs(l, &s);
	put_line(out, name, str_text(&s));
	out->failed |= str_failed(&s);
}

static void put_counts(struct str *out, const struct shown *s)
{
	for (int d = 0; d < NET_DIRS; d++) {
		const struct net_count *a = &s->view.accepted[d], *r = &s->view.refused[d];

		str_addf(out, "%-11s%llu packets accepted (%llu bytes), %llu refused\n",
			sight_dir_name((enum net_dir)d), (unsigned long long)a->packets,
			(unsigned long long)a->bytes, (unsigned long long)r->packets);
	}
	if (s->view.denied.n)
		str_addf(out, "%-11s%zu flows (cinchctl net denied)%s\n", "refused",
			s->view.denied.n, s->view.denied.full ? ", the set is full" : "");
	if (s->view.seen.n)
		str_addf(out, "%-11s%zu flows (cinchctl net learned)%s\n", "learned",
			s->view.seen.n, s->view.seen.full ? ", the set is full" : "");
}

static void put_policy(struct str *out, const struct net_policy *p)
{
	str_addf(out, "\nprofile %s: mode %s, preset %s%s\n", p->profile, net_mode_name(p->mode),
		net_preset_name(p->preset), p->metadata ? ", metadata services allowed" : "");
	for (int g = 0; g < NET_GUARDS; g++)
		if (p->lift & (1u << g))
			str_addf(
				out, "  without the guard %s\n", net_guard_name((enum net_guard)g));
	for (int d = 0; d < NET_DIRS; d++)
		for (size_t i = 0; i < p->n_rules[d]; i++) {
			AUTO_STR struct str peers = STR_INIT, ports = STR_INIT;

			net_words_peers(&p->rules[d][i], &peers);
			net_words_ports(&p->rules[d][i], &ports);
			str_addf(out, "  %-8s%s ", sight_dir_name((enum net_dir)d),
				d == NET_OUT ? "to" : "from");
			table_text(str_text(&peers), 4096, out);
			str_addf(out, " at %s\n", str_text(&ports));
			out->failed |= str_failed(&peers) || str_failed(&ports);
		}
}

static void put_one(struct str *out, const struct net_list *l, size_t i, const struct shown *s)
{
	const struct net_entry *n = &l->v[i];
	char since[CLOCK_TEXT_SIZE];
	AUTO_STR struct str with = STR_INIT, segments = STR_INIT;

	clock_text_of((long long)n->since, 0, since);
	since[19] = 'Z', since[20] = '\0';
	for (size_t k = 0; k < l->n; k++)
		if (k != i && netns_same(&l->v[k].ns, &n->ns))
			str_addf(&with, "%s%s", with.len ? ", " : "", net_name(&l->v[k]));
	net_words_join(&n->want.segments, &segments);
	put_line(out, "id", n->id);
	put_line(out, "name", n->want.title);
	put_line(out, "key", n->key);
	put_line(out, "rules",
		s->gone           ? "its process is gone, and they with it"
		: s->view.missing ? "missing (cinchctl net check --repair)"
		: n->late         ? "in force; its network was not there yet"
				  : "in force");
	put_line(out, "since", since);
	put_line(out, "namespace", n->host ? "the host's" : "its own or its pod's");
	put_line(out, "with", str_text(&with));
	put_line(out, "cgroup",
		*n->cgroup.path ? n->cgroup.path : "none of its own: rules are the namespace's");
	put_line(out, "segment", str_text(&segments));
	put_addrs(out, "addresses", &n->addresses);
	put_addrs(out, "host", &n->hosts);
	put_addrs(out, "resolvers", &n->resolvers);
	if (!s->gone)
		put_counts(out, s);
	for (size_t k = 0; k < n->want.n; k++)
		put_policy(out, &n->want.policies[k]);
	out->failed |= str_failed(&with) || str_failed(&segments);
}

/* ---- JSON ---- */

static int put_count_json(
	struct json_doc *doc, struct json *o, const char *key, const struct net_count v[NET_DIRS])
{
	struct json *c = json_object(doc);

	for (int d = 0; d < NET_DIRS; d++) {
		struct json *n = json_object(doc);

		if (json_put(doc, n, "packets", json_uint(doc, v[d].packets)) < 0 ||
			json_put(doc, n, "bytes", json_uint(doc, v[d].bytes)) < 0 ||
			json_put(doc, c, sight_dir_name((enum net_dir)d), n) < 0)
			return -1;
	}
	return json_put(doc, o, key, c);
}

static struct json *one_json(struct json_doc *doc, const struct net_entry *n, const struct shown *s)
{
	struct json *o = json_object(doc);
	char since[CLOCK_TEXT_SIZE];

	clock_text_of((long long)n->since, 0, since);
	if (json_put(doc, o, "id", json_string_lossy(doc, n->id)) < 0 ||
		json_put(doc, o, "root", json_string_lossy(doc, n->root)) < 0 ||
		json_put(doc, o, "key", json_string(doc, n->key)) < 0 ||
		json_put(doc, o, "name",
			json_string_lossy(doc, n->want.title ? n->want.title : "")) < 0 ||
		json_put(doc, o, "status", json_string(doc, status(n, s))) < 0 ||
		json_put(doc, o, "pid", json_int(doc, n->pid)) < 0 ||
		json_put(doc, o, "since", json_string(doc, since)) < 0 ||
		json_put(doc, o, "hostNetwork", json_bool(doc, n->host)) < 0 ||
		json_put(doc, o, "cgroup", json_string_lossy(doc, n->cgroup.path)) < 0 ||
		json_put(doc, o, "mode", json_string(doc, net_mode_name(net_mode_of(n)))) < 0 ||
		json_put(doc, o, "segments", json_strings(doc, &n->want.segments)) < 0 ||
		sight_put_addrs(doc, o, "addresses", &n->addresses) < 0 ||
		sight_put_addrs(doc, o, "host", &n->hosts) < 0 ||
		sight_put_addrs(doc, o, "resolvers", &n->resolvers) < 0 ||
		json_put(doc, o, "network", json_clone(doc, json_root(n->network))) < 0)
		return NULL;
	if (s->gone)
		return o;
	if (put_count_json(doc, o, "accepted", s->view.accepted) < 0 ||
		put_count_json(doc, o, "refused", s->view.refused) < 0 ||
		json_put(doc, o, "deniedFlows", json_uint(doc, s->view.denied.n)) < 0 ||
		json_put(doc, o, "learnedFlows", json_uint(doc, s->view.seen.n)) < 0)
		return NULL;
	return o;
}

static int put_json(struct ctl_call *call, const struct net_list *l, const size_t *chosen, size_t n,
	bool *missing, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *list = doc ? json_array(doc) : NULL;

	for (size_t i = 0; i < n; i++) {
		struct shown s;
		int rc;

		if (look(l, chosen[i], &s, missing, e) < 0)
			return -1;
		rc = json_push(list, one_json(doc, &l->v[chosen[i]], &s));
		net_view_done(&s.view);
		if (rc < 0)
			return err_nomem(e);
	}
	if (json_put(doc, o, "containers", list) < 0 ||
		json_put(doc, o, "damaged", json_strings(doc, &l->damaged)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

/* ---- the table in nft's syntax ---- */

static int put_rules(
	struct ctl_call *call, const char *dir, const struct net_entry *n, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_RULESET struct ruleset rules = {0};

	if (call->json)
		return err_set(e, ERR_INPUT, "--rules is in nft's syntax, not JSON");
	if (registry_look(dir, &r, e) < 0 || net_expected(&r, n, &rules, e) < 0)
		return -1;
	ruleset_print(&rules, &call->out);
	return 0;
}

static int run_on(struct ctl_call *c, const char *dir, const struct net_list *l,
	const size_t *chosen, size_t n, bool *missing, struct err *e)
{
	if (ctl_given(c, "rules") && n != 1)
		return err_set(e, ERR_INPUT, "--rules goes with one container");
	if (ctl_given(c, "rules"))
		return put_rules(c, dir, &l->v[chosen[0]], e);
	if (c->json)
		return put_json(c, l, chosen, n, missing, e);
	if (c->n_operands == 0 && put_list(c, l, missing, e) < 0)
		return -1;
	for (size_t i = 0; c->n_operands && i < n; i++) {
		struct shown s;

		if (look(l, chosen[i], &s, missing, e) < 0)
			return -1;
		if (i)
			str_addc(&c->out, '\n');
		put_one(&c->out, l, chosen[i], &s);
		net_view_done(&s.view);
	}
	for (size_t i = 0; i < l->damaged.n; i++) {
		str_add(&c->out, "damaged entry: ");
		table_text(l->damaged.v[i], 200, &c->out);
		str_add(&c->out, " (cinchctl net sync)\n");
	}
	return 0;
}

static int run(struct ctl_call *c, struct err *e)
{
	AUTO_NET_LIST struct net_list list = {0};
	AUTO_FREE size_t *chosen = NULL;
	char dir[PATH_MAX];
	bool missing = false;
	size_t n = 0;

	if (net_dir(dir, e) < 0 || net_list_read(dir, &list, e) < 0 ||
		net_chosen(c, &list, &chosen, &n, e) < 0 ||
		run_on(c, dir, &list, chosen, n, &missing, e) < 0)
		return -1;
	return list.damaged.n || missing ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_net_show = {
	.name = "net show",
	.run = run,
	.operands = "[ID ...]",
	.most = 4096,
	.word = CTL_TEXT,
	.summary = "which containers have rules of the network, and what these are",
	.notes =
		"Without an ID: a line each. An ID is that of a container with rules, the "
		"beginning of\n"
		"it, or its key in \"nft list ruleset\".\n"
		"Exit status: 0 all is well, 1 rules are missing or entries damaged, 2 an error.\n",
	.options =
		{
			{"rules", NULL, CTL_NONE,
				"the whole table of its namespace as it has to be, in nft's "
				"syntax"},
		},
};
