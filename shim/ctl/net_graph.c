/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_graph - containers, segments and the outside as nodes; rules and flows as edges.
 */
#include "shim/ctl/net_graph.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/net_words.h"

struct building {
	const struct net_list *l;
	const bool *chosen; /* by place in L */
	struct graph *g;
	size_t fold;
	size_t *node_of; /* node of the Ith of L; SIZE_MAX: none yet */
	struct err *e;
};

void graph_done(struct graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		free(g->nodes[i].name);
		free(g->nodes[i].label);
		free(g->nodes[i].note);
	}
	for (size_t i = 0; i < g->n_edges; i++)
		strv_done(&g->edges[i].ports);
	free(g->nodes);
	free(g->edges);
	*g = (struct graph){0};
}

const char *graph_edge_name(enum graph_edge_kind k)
{
	static const char *const names[] = {
		[GRAPH_ALLOWED] = "allowed", [GRAPH_SEEN] = "seen", [GRAPH_REFUSED] = "refused"};

	return names[k];
}

void graph_ports(const struct graph_edge *x, size_t most, struct str *out)
{
	for (size_t i = 0; i < x->ports.n && i < most; i++)
		str_addf(out, "%s%s", i ? ", " : "", x->ports.v[i]);
	if (x->ports.n > most)
		str_addf(out, " +%zu", x->ports.n - most);
}

/* ---- nodes ---- */

static int add_node(struct building *b, enum graph_kind kind, const char *name, const char *label,
	const char *note, size_t *at)
{
	struct graph *g = b->g;
	struct graph_node *more, *n;

	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].kind == kind && strcmp(g->nodes[i].name, name) == 0) {
			*at = i;
			return 0;
		}
	more = reallocarray(g->nodes, g->n_nodes + 1, sizeof *more);
	if (!more)
		return err_nomem(b->e);
	g->nodes = more;
	n = &g->nodes[g->n_nodes];
	*n = (struct graph_node){.kind = kind, .segment = SIZE_MAX};
	n->name = strdup(name);
	n->label = strdup(label);
	n->note = strdup(note);
	*at = g->n_nodes++;
	return n->name && n->label && n->note ? 0 : err_nomem(b->e);
}

static int segment_node(struct building *b, const char *name, size_t *at)
{
	AUTO_STR struct str full = STR_INIT;

	str_addf(&full, "segment:%s", name);
	if (str_failed(&full))
		return err_nomem(b->e);
	return add_node(b, GRAPH_SEGMENT, str_text(&full), str_text(&full), "", at);
}

static int outside_node(struct building *b, const char *name, size_t *at)
{
	return add_node(b, GRAPH_OUTSIDE, name, name, "", at);
}

static int container_node(struct building *b, size_t i, size_t *at)
{
	const struct net_entry *n = &b->l->v[i];
	AUTO_STR struct str note = STR_INIT;
	size_t segment = SIZE_MAX;

	if (b->node_of[i] != SIZE_MAX) {
		*at = b->node_of[i];
		return 0;
	}
	for (size_t k = 0; k < n->want.n; k++)
		str_addf(&note, "%s%s", k ? "+" : "", n->want.policies[k].profile);
	str_add(&note, ", ");
	net_modes(n, &note);
	if (n->host)
		str_add(&note, ", host network");
	if (str_failed(&note))
		return err_nomem(b->e);
	if (n->want.segments.n && segment_node(b, n->want.segments.v[0], &segment) < 0)
		return -1;
	if (add_node(b, GRAPH_CONTAINER, n->key, net_name(n), str_text(&note), at) < 0)
		return -1;
	assert(b->g->nodes); /* it has one since */
	b->g->nodes[*at].segment = segment;
	b->g->nodes[*at].chosen = b->chosen[i];
	b->node_of[i] = *at;
	return 0;
}

/* ---- edges ---- */

static int add_edge(struct building *b, enum graph_edge_kind kind, size_t from, size_t to,
	const char *ports, uint64_t packets, bool would)
{
	struct graph *g = b->g;
	struct graph_edge *x = NULL, *more;

	for (size_t i = 0; i < g->n_edges && !x; i++)
		if (g->edges[i].kind == kind && g->edges[i].from == from && g->edges[i].to == to)
			x = &g->edges[i];
	if (!x) {
		if ((g->n_edges & (g->n_edges - 1)) == 0) { /* room for the next power of two */
			more = reallocarray(
				g->edges, g->n_edges ? 2 * g->n_edges : 1, sizeof *more);
			if (!more)
				return err_nomem(b->e);
			g->edges = more;
		}
		x = &g->edges[g->n_edges++];
		*x = (struct graph_edge){.kind = kind, .from = from, .to = to, .would = would};
	}
	/* both ends count the same packets */
	x->packets = packets > x->packets ? packets : x->packets;
	x->would = x->would && would;
	return strv_has(&x->ports, ports) || strv_add(&x->ports, ports) == 0 ? 0 : err_nomem(b->e);
}

/* From A to the peer, or when it is ingress the other way. */
static int join(struct building *b, enum graph_edge_kind kind, enum net_dir dir, size_t me,
	size_t peer, const char *ports, uint64_t packets, bool would)
{
	return dir == NET_OUT ? add_edge(b, kind, me, peer, ports, packets, would)
			      : add_edge(b, kind, peer, me, ports, packets, would);
}

/* ---- rules ---- */

static int allow(
	struct building *b, enum net_dir dir, size_t me, const char *peer, const char *ports)
{
	size_t at;

	if ((str_starts(peer, "segment:") ? segment_node(b, peer + strlen("segment:"), &at)
					  : outside_node(b, peer, &at)) < 0)
		return -1;
	return join(b, GRAPH_ALLOWED, dir, me, at, ports, 0, false);
}

static int allow_rule(struct building *b, enum net_dir dir, size_t me, const struct net_rule *r)
{
	const struct {
		bool is;
		const char *word;
	} words[] = {{r->any, "any"}, {r->dns, "dns"}, {r->host, "host"}};
	AUTO_STR struct str ports = STR_INIT, name = STR_INIT;
	size_t shown = r->peers.n;

	net_words_ports(r, &ports);
	if (str_failed(&ports))
		return err_nomem(b->e);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].is && allow(b, dir, me, words[i].word, str_text(&ports)) < 0)
			return -1;
	for (size_t i = 0; i < r->segments.n; i++) {
		str_reset(&name);
		str_addf(&name, "segment:%s", r->segments.v[i]);
		if (str_failed(&name))
			return err_nomem(b->e);
		if (allow(b, dir, me, str_text(&name), str_text(&ports)) < 0)
			return -1;
	}
	if (b->fold && shown > b->fold)
		shown = b->fold;
	for (size_t i = 0; i < shown; i++) {
		char text[ADDR_TEXT_SIZE];

		addr_text(&r->peers.v[i], text);
		if (allow(b, dir, me, text, str_text(&ports)) < 0)
			return -1;
	}
	if (shown == r->peers.n)
		return 0;
	str_reset(&name);
	str_addf(&name, "%zu more of a rule", r->peers.n - shown);
	return allow(b, dir, me, str_text(&name), str_text(&ports));
}

static int allow_preset(struct building *b, size_t me, const struct net_policy *p)
{
	static const struct {
		enum net_preset preset;
		enum net_dir dir;
		const char *peer;
	} all[] = {
		{NET_ISOLATED, NET_OUT, "dns"},
		{NET_PRIVATE, NET_OUT, "dns"},
		{NET_PRIVATE, NET_OUT, "private addresses"},
		{NET_PRIVATE, NET_IN, "private addresses"},
		{NET_INTERNET, NET_OUT, "dns"},
		{NET_INTERNET, NET_OUT, "public addresses"},
		{NET_OPEN, NET_OUT, "any"},
		{NET_OPEN, NET_IN, "any"},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].preset == p->preset &&
			allow(b, all[i].dir, me, all[i].peer,
				strcmp(all[i].peer, "dns") == 0 ? "port 53" : "any port") < 0)
			return -1;
	return p->metadata ? allow(b, NET_OUT, me, "metadata", "tcp") : 0;
}

/* A packet passes when every policy lets it: of several the one is drawn that enforces and begins with the least. */
static const struct net_policy *tightest(const struct net_entry *n)
{
	const struct net_policy *best = NULL;

	for (size_t i = 0; i < n->want.n; i++) {
		const struct net_policy *p = &n->want.policies[i];

		if (!best || p->mode < best->mode ||
			(p->mode == best->mode && p->preset <= best->preset))
			best = p;
	}
	return best;
}

static int allow_all(struct building *b, size_t me, const struct net_entry *n)
{
	const struct net_policy *p = tightest(n);

	if (!p)
		return 0;
	for (int d = 0; d < NET_DIRS; d++)
		for (size_t i = 0; i < p->n_rules[d]; i++)
			if (allow_rule(b, (enum net_dir)d, me, &p->rules[d][i]) < 0)
				return -1;
	return allow_preset(b, me, p);
}

/* ---- flows ---- */

/* The container that has the address; the first of a pod's. */
static size_t owner_of(
	const struct net_list *l, const struct net_entry *me, const struct sight_flow *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].host && &l->v[i] != me && addrs_has(&l->v[i].addresses, &f->peer))
			return i;
	return SIZE_MAX;
}

static int peer_node(struct building *b, const struct net_entry *me, const struct sight_flow *f,
	size_t *shown, size_t *at)
{
	char text[ADDR_TEXT_SIZE + SIGHT_IS_SIZE];
	AUTO_STR struct str name = STR_INIT;
	size_t owner = owner_of(b->l, me, f), known = b->g->n_nodes;

	if (strcmp(f->is, "host") == 0 || strcmp(f->is, "dns") == 0)
		return outside_node(b, f->is, at);
	if (owner != SIZE_MAX)
		return container_node(b, owner, at);
	addr_text(&f->peer, text);
	if (strcmp(f->is, "metadata") == 0)
		return outside_node(b, "metadata", at);
	if (!b->fold || *shown < b->fold) {
		if (outside_node(b, text, at) < 0)
			return -1;
		*shown += *at == known;
		return 0;
	}
	for (size_t i = 0; i < known; i++)
		if (b->g->nodes[i].kind == GRAPH_OUTSIDE &&
			strcmp(b->g->nodes[i].name, text) == 0) {
			*at = i;
			return 0;
		}
	str_addf(&name, "others of %s", net_name(me));
	return str_failed(&name) ? err_nomem(b->e) : outside_node(b, str_text(&name), at);
}

static int add_flows(struct building *b, size_t me, const struct net_entry *n,
	const struct sight *s, enum graph_edge_kind kind)
{
	size_t shown = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct sight_flow *f = &s->v[i];
		char ports[SIGHT_PORT_SIZE];
		size_t peer;

		if (strcmp(f->is, "self") == 0)
			continue;
		sight_port_text(f->protocol, f->port, ports);
		if (peer_node(b, n, f, &shown, &peer) < 0 ||
			join(b, kind, f->dir, me, peer, ports, f->packets,
				kind == GRAPH_REFUSED && s->mode != NET_ENFORCE) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

static int order(const void *a, const void *b)
{
	const struct graph_edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static int build(struct building *b, const size_t *chosen, struct net_view *const *views, size_t n)
{
	size_t me = 0;

	for (size_t i = 0; i < n; i++)
		if (container_node(b, chosen[i], &me) < 0)
			return -1;
	for (size_t i = 0; i < n; i++) {
		const struct net_entry *entry = &b->l->v[chosen[i]];

		me = b->node_of[chosen[i]];
		if (allow_all(b, me, entry) < 0)
			return -1;
		if (!views[i])
			continue;
		if (add_flows(b, me, entry, &views[i]->seen, GRAPH_SEEN) < 0 ||
			add_flows(b, me, entry, &views[i]->denied, GRAPH_REFUSED) < 0)
			return -1;
	}
	if (b->g->n_edges)
		qsort(b->g->edges, b->g->n_edges, sizeof *b->g->edges, order);
	return 0;
}

int graph_build(const struct net_list *l, const size_t *chosen, struct net_view *const *views,
	size_t n, size_t fold, struct graph *out, struct err *e)
{
	AUTO_GRAPH struct graph g = {0};
	AUTO_FREE bool *asked = calloc(l->n + 1, sizeof *asked);
	AUTO_FREE size_t *node_of = calloc(l->n + 1, sizeof *node_of);
	struct building b = {
		.l = l, .chosen = asked, .g = &g, .fold = fold, .node_of = node_of, .e = e};

	if (!asked || !node_of)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++)
		node_of[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		asked[chosen[i]] = true;
	if (build(&b, chosen, views, n) < 0)
		return -1;
	*out = g;
	g = (struct graph){0};
	return 0;
}
