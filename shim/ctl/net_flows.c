/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_flows - "net denied" and "net learned": the flows that containers' rules remember.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/net.h"

enum { KIND_SEEN, KIND_DENIED };

/* The flows of the containers of the line. Those that are gone meanwhile are passed over, unless they were named. */
static int gather(
	struct ctl_call *c, const struct net_list *l, int kind, struct sights *out, struct err *e)
{
	AUTO_FREE size_t *chosen = NULL;
	size_t n = 0;

	if (net_chosen(c, l, &chosen, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		AUTO_NET_VIEW struct net_view v = {.seen = {0}};
		struct err why = {0};

		if (net_view_read(l, chosen[i], &v, &why) < 0) {
			if (why.code == ESRCH && c->n_operands == 0)
				continue;
			*e = why;
			return -1;
		}
		/* of all, those that learn */
		if (kind == KIND_SEEN && c->n_operands == 0 && v.seen.mode != NET_LEARN &&
			!v.seen.n)
			continue;
		if (sights_add(out, kind == KIND_SEEN ? &v.seen : &v.denied, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the table ---- */

static void put_number(struct columns *c, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	columns_add(c, text);
}

static void put_what(struct columns *c, const struct sight_flow *f)
{
	char text[SIGHT_IS_SIZE + 32];

	snprintf(text, sizeof text, "%s%s%s", f->is, f->shared && *f->is ? ", " : "",
		f->shared ? "of no known container" : "");
	columns_add(c, text);
}

static void put_flow(struct columns *c, const struct sight *s, const struct sight_flow *f, int kind,
	bool several)
{
	char text[ADDR_TEXT_SIZE], port[SIGHT_PORT_SIZE], ago[32];

	if (several)
		columns_add(c, *s->name ? s->name : s->id);
	columns_add(c, f->dir == NET_OUT ? "to" : "from");
	addr_text(&f->peer, text);
	columns_add(c, text);
	put_what(c, f);
	sight_port_text(f->protocol, f->port, port);
	columns_add(c, port);
	put_number(c, f->packets);
	put_number(c, f->bytes);
	if (kind != KIND_DENIED)
		return;
	net_span(f->ago, ago);
	columns_add(c, ago);
	columns_add(c, s->mode == NET_ENFORCE ? "refused" : "would be");
}

static size_t flows_of(const struct sights *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].n;
	return n;
}

static void put_table(struct ctl_call *call, const struct sights *l, int kind)
{
	static const char *const all[] = {"CONTAINER", "WAY", "PEER", "IS", "PORT", "PACKETS",
		"BYTES", "AGO", "REFUSED", NULL};
	const struct table_style style = net_style(call);
	bool several = l->n != 1;
	const char *heads[COLUMNS_MAX + 1] = {NULL};
	AUTO_COLUMNS struct columns columns = {.heads = heads};
	size_t n = 0;

	for (size_t i = several ? 0 : 1; all[i] && (kind == KIND_DENIED || i < 7); i++)
		heads[n++] = all[i];
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->v[i].n; k++)
			put_flow(&columns, &l->v[i], &l->v[i].v[k], kind, several);
	columns_put(&columns, &style, &call->out);
}

/* What was seen is worth as much as how long was looked. */
static void put_coverage(struct ctl_call *call, const struct sights *l, int kind)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct sight *s = &l->v[i];
		char span[32];

		net_span(s->until > s->since ? s->until - s->since : 0, span);
		if (kind == KIND_SEEN && s->mode != NET_LEARN)
			str_addf(&call->out, "%.*s: mode \"%s\", nothing is being learned\n",
				SIGHT_ID(s->id), net_mode_name(s->mode));
		else if (kind == KIND_SEEN)
			str_addf(&call->out, "%.*s: %zu flow%s in %s\n", SIGHT_ID(s->id), s->n,
				s->n == 1 ? "" : "s", span);
		if (s->full)
			str_addf(&call->out, "%.*s: a set is full (%d flows): there was more\n",
				SIGHT_ID(s->id), NET_FLOWS_MAX);
	}
}

static bool any_full(const struct sights *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].full)
			return true;
	return false;
}

static int show(struct ctl_call *c, int kind, const char *none, struct err *e)
{
	AUTO_NET_LIST struct net_list list = {0};
	AUTO_SIGHTS struct sights sights = {0};
	AUTO_JSON struct json_doc *doc = NULL;
	char dir[PATH_MAX];
	size_t flows;

	if (net_dir(dir, e) < 0 || net_list_read(dir, &list, e) < 0 ||
		gather(c, &list, kind, &sights, e) < 0)
		return -1;
	flows = flows_of(&sights);
	if (c->json) {
		doc = json_new();
		if (!doc)
			return err_nomem(e);
		if (ctl_put_json(c, sights_json(&sights, doc), e) < 0)
			return -1;
	} else {
		if (flows)
			put_table(c, &sights, kind);
		else
			str_addf(&c->out, "%s\n", none);
		put_coverage(c, &sights, kind);
	}
	return any_full(&sights) || (kind == KIND_DENIED && flows) ? CTL_FINDINGS : CTL_OK;
}

static int run_denied(struct ctl_call *c, struct err *e)
{
	return show(c, KIND_DENIED, "nothing was refused", e);
}

static int run_learned(struct ctl_call *c, struct err *e)
{
	return show(c, KIND_SEEN, "nothing was seen", e);
}

const struct ctl_command ctl_net_denied = {
	.name = "net denied",
	.run = run_denied,
	.operands = "[ID ...]",
	.most = 4096,
	.word = CTL_TEXT,
	.summary = "what containers' rules refused, or in mode audit would have",
	.notes = "An ID is that of a container with rules, the beginning of it, or its key in "
		 "\"nft list\n"
		 "ruleset\"; without one all of them. What is a day old is forgotten.\n"
		 "Exit status: 0 nothing was refused, 1 something was, 2 an error.\n",
	.options = {{0}},
};

const struct ctl_command ctl_net_learned = {
	.name = "net learned",
	.run = run_learned,
	.operands = "[ID ...]",
	.most = 4096,
	.word = CTL_TEXT,
	.summary = "whom containers in mode learn talked to",
	.notes = "What --json prints can be kept and given to \"cinchctl learn\" later.\n"
		 "Exit status: 0, 1 a set of flows is full, 2 an error.\n",
	.options = {{0}},
};
