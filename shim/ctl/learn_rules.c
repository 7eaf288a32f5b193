/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_rules - who may be met at which ports, in as few rules as say it.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/netword.h"
#include "shim/ctl/learn_work.h"

/* Segments before the host before addresses. */
static int rank(const char *peer)
{
	return str_starts(peer, "segment:") ? 0 : strcmp(peer, "host") == 0 ? 1 : 2;
}

static int by_peer(const void *a, const void *b)
{
	const struct learn_grant *x = a, *y = b;
	int rc;

	if (x->dir != y->dir)
		return x->dir < y->dir ? -1 : 1;
	rc = rank(x->peer) - rank(y->peer);
	if (rc == 0)
		rc = strcmp(x->peer, y->peer);
	if (rc == 0)
		rc = x->protocol == y->protocol ? 0
		     : x->protocol == IPPROTO_ICMP || y->protocol == IPPROTO_ICMP
			     ? (x->protocol == IPPROTO_ICMP) - (y->protocol == IPPROTO_ICMP)
			     : x->protocol - y->protocol;
	return rc ? rc : (x->port > y->port) - (x->port < y->port);
}

static int by_ports(const void *a, const void *b)
{
	const struct learn_party *x = a, *y = b;
	int rc;

	if (x->dir != y->dir)
		return x->dir < y->dir ? -1 : 1;
	rc = strcmp(x->all, y->all);
	if (rc == 0)
		rc = rank(x->peer) - rank(y->peer);
	return rc ? rc : strcmp(x->peer, y->peer);
}

/* The ports of the N grants of V, of one peer; neighbours in one word. */
static int add_ports(
	struct learn_work *w, struct learn_party *p, const struct learn_grant *v, size_t n)
{
	AUTO_STR struct str all = STR_INIT;

	for (size_t i = 0, run; i < n; i += run) {
		char word[2 * SIGHT_PORT_SIZE];
		size_t len;

		for (run = 1; i + run < n && v[i].protocol == v[i + run].protocol &&
			      v[i].port + run == v[i + run].port;
			run++)
			;
		sight_port_text(v[i].protocol, v[i].port, word);
		len = strlen(word);
		if (run > 1)
			snprintf(word + len, sizeof word - len, "-%u", v[i + run - 1].port);
		str_addf(&all, "%s ", word);
		if (strv_add(&p->ports, word) < 0)
			return err_nomem(w->e);
	}
	p->all = str_take(&all);
	return p->all ? 0 : err_nomem(w->e);
}

static void drop_parties(struct learn_work *w)
{
	for (size_t i = 0; i < w->n_parties; i++) {
		strv_done(&w->parties[i].ports);
		free(w->parties[i].all);
	}
	w->n_parties = 0;
}

/* EACH[D]: in that direction a party is one peer and one port. */
static int gather_parties(struct learn_work *w, const bool each[NET_DIRS])
{
	for (size_t i = 0, n; i < w->n_grants; i += n) {
		struct learn_party *p = &w->parties[w->n_parties];
		const struct learn_grant *g = &w->grants[i];

		for (n = 1; !each[g->dir] && i + n < w->n_grants && g->dir == g[n].dir &&
			    strcmp(g->peer, g[n].peer) == 0;
			n++)
			;
		w->n_parties++;
		p->dir = g->dir;
		p->peer = g->peer;
		if (add_ports(w, p, g, n) < 0)
			return -1;
	}
	qsort(w->parties, w->n_parties, sizeof *w->parties, by_ports);
	return 0;
}

/* The N parties from P on are of one rule; at most LEFT of them are there. */
static size_t alike(const struct learn_party *p, size_t left)
{
	size_t n = 1;

	while (n < NETWORD_PEERS_MAX && n < left && p[n].dir == p->dir &&
		strcmp(p[n].all, p->all) == 0)
		n++;
	return n;
}

int learn_parties(struct learn_work *w)
{
	bool each[NET_DIRS] = {false};
	size_t rules[NET_DIRS] = {0};

	if (w->n_grants)
		qsort(w->grants, w->n_grants, sizeof *w->grants, by_peer);
	w->parties = calloc(w->n_grants + 1, sizeof *w->parties);
	if (!w->parties)
		return err_nomem(w->e);
	if (gather_parties(w, each) < 0)
		return -1;
	for (size_t i = 0; i < w->n_parties; i += alike(&w->parties[i], w->n_parties - i))
		rules[w->parties[i].dir]++;
	/* a rule for each set of ports may be too many where one for each port is not */
	for (int d = 0; d < NET_DIRS; d++)
		each[d] = rules[d] > NETWORD_RULES_MAX;
	if (!each[NET_OUT] && !each[NET_IN])
		return 0;
	drop_parties(w);
	memset(w->parties, 0, (w->n_grants + 1) * sizeof *w->parties);
	return gather_parties(w, each);
}

/* Ports of P from FIRST on, as many as a rule may have. */
static struct json *ports_json(struct learn_work *w, const struct learn_party *p, size_t first)
{
	struct json *list = json_array(w->out->doc);

	for (size_t i = first; i < p->ports.n && i < first + NETWORD_PORTS_MAX; i++)
		if (json_push(list, json_string(w->out->doc, p->ports.v[i])) < 0)
			return NULL;
	return list;
}

/* One rule for the N parties of V, all of the same ports: several, where one would have too many. What a section has no
 * room for adds to *LEFT. */
static int put_rule(
	struct learn_work *w, struct json *to, const struct learn_party *v, size_t n, size_t *left)
{
	struct json_doc *doc = w->out->doc;

	for (size_t port = 0; port < v->ports.n; port += NETWORD_PORTS_MAX) {
		struct json *o = json_object(doc), *peers = json_array(doc);

		if (to->count == NETWORD_RULES_MAX) {
			++*left;
			continue;
		}
		for (size_t i = 0; i < n; i++)
			if (json_push(peers, json_string_lossy(doc, v[i].peer)) < 0)
				return err_nomem(w->e);
		if (json_put(doc, o, v->dir == NET_OUT ? "to" : "from", peers) < 0 ||
			json_put(doc, o, "ports", ports_json(w, v, port)) < 0 ||
			json_push(to, o) < 0)
			return err_nomem(w->e);
		w->out->rules++;
	}
	return 0;
}

struct json *learn_rules(struct learn_work *w, enum net_dir dir)
{
	struct json *list = json_array(w->out->doc);
	size_t left = 0;

	for (size_t i = 0, n; list && i < w->n_parties; i += n) {
		const struct learn_party *p = &w->parties[i];

		n = alike(p, w->n_parties - i);
		if (p->dir == dir && put_rule(w, list, p, n, &left) < 0)
			return NULL;
	}
	if (left && learn_say(w, &w->out->findings,
			    "%s: %zu rules of %zu are left out, which a section has no room for: "
			    "it looks like a scan",
			    sight_dir_name(dir), left, left + NETWORD_RULES_MAX) < 0)
		return NULL;
	return list;
}

int learn_port_counts(struct learn_work *w)
{
	for (size_t i = 0, n; i < w->n_grants; i += n) {
		const struct learn_grant *g = &w->grants[i];
		char first[SIGHT_PORT_SIZE];

		for (n = 1; i + n < w->n_grants && g->dir == g[n].dir &&
			    g->protocol == g[n].protocol && strcmp(g->peer, g[n].peer) == 0;
			n++)
			;
		sight_port_text(g->protocol, g->port, first);
		if (n >= LEARN_PORTS_MANY &&
			learn_say(w, &w->out->findings,
				"%s %s %s at %zu ports from %s to %u: a scan, or ports that are "
				"others each time (passive FTP): those that were not seen are "
				"refused",
				sight_dir_name(g->dir), g->dir == NET_OUT ? "to" : "from", g->peer,
				n, first, g[n - 1].port) < 0)
			return -1;
	}
	return 0;
}
