/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_make - sets, chains, lines and matches are added to a ruleset.
 */
#include "netseg/ruleset_make.h"

#include <netinet/in.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"

enum { MLD_LISTENER_REPORT_V2 = 143 };

const int make_families[] = {AF_INET, AF_INET6};
const uint8_t make_tcp[] = {IPPROTO_TCP, 0};
const uint8_t make_with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 0};
const uint8_t make_dns_protocols[] = {IPPROTO_TCP, IPPROTO_UDP, 0};

/* Most lines are of these: with a set of its own for each line a table costs a fourth more messages. */
static const struct {
	const char *name;
	const uint8_t *values;
} protocol_sets[] = {{"with_ports", make_with_ports}, {"tcp_udp", make_dns_protocols}};

/* Room for one more of SIZE bytes behind N of them at V, zeroed; NULL: no memory, V is as before. */
static void *grown(struct maker *m, void *v, size_t n, size_t size)
{
	if (n == 0 || (n & (n - 1)) == 0) {
		v = reallocarray(v, n ? 2 * n : 1, size);
		if (!v) {
			m->nomem = true;
			return NULL;
		}
	}
	memset((char *)v + n * size, 0, size);
	return v;
}

int make_result(const struct maker *m, struct err *e)
{
	if (m->nomem)
		return err_nomem(e);
	if (m->limit)
		return err_set(e, ERR_INPUT, "the network's rules are too many: %s", m->limit);
	return 0;
}

void make_counter(struct maker *m, const char *owner, const char *name)
{
	struct net_counter *v = grown(m, m->r.counters, m->r.n_counters, sizeof *v);

	if (!v)
		return;
	m->r.counters = v;
	v += m->r.n_counters++;
	snprintf(v->name, sizeof v->name, "%s", name);
	snprintf(v->owner, sizeof v->owner, "%s", owner);
}

static struct net_set *new_set(
	struct maker *m, const char *owner, const char *name, enum net_type type)
{
	struct net_set *v = grown(m, m->r.sets, m->r.n_sets, sizeof *v);

	if (!v)
		return NULL;
	m->r.sets = v;
	v += m->r.n_sets++;
	snprintf(v->name, sizeof v->name, "%s", name);
	snprintf(v->owner, sizeof v->owner, "%s", owner);
	v->type = type;
	return v;
}

void make_flows(
	struct maker *m, const char *owner, const char *name, enum net_type type, unsigned timeout)
{
	struct net_set *set = new_set(m, owner, name, type);

	if (set) {
		set->dynamic = true;
		set->timeout = timeout;
	}
}

void make_protocol_sets(struct maker *m)
{
	for (size_t i = 0; i < sizeof protocol_sets / sizeof *protocol_sets; i++) {
		const uint8_t *values = protocol_sets[i].values;
		struct net_set *set = new_set(m, "", protocol_sets[i].name, NET_T_PROTOCOL);

		if (!set)
			return;
		set->single = true;
		set->v = calloc(strlen((const char *)values), sizeof *set->v);
		if (!set->v) {
			m->nomem = true;
			return;
		}
		for (; values[set->n]; set->n++)
			set->v[set->n].low[0] = set->v[set->n].high[0] = values[set->n];
	}
}

/* ---- ranges ---- */

static void range_of(const struct addr *a, struct net_range *out)
{
	size_t size = addr_size(a);

	*out = (struct net_range){0};
	for (size_t i = 0; i < size; i++) {
		unsigned keep = a->prefix > 8 * i ? a->prefix - 8 * (unsigned)i : 0;

		out->low[i] = a->bytes[i];
		out->high[i] = (uint8_t)(a->bytes[i] | (keep >= 8 ? 0 : 0xffu >> keep));
	}
}

static int by_low(const void *a, const void *b)
{
	const struct net_range *x = a, *y = b;
	int order = memcmp(x->low, y->low, sizeof x->low);

	return order ? order : memcmp(x->high, y->high, sizeof x->high);
}

/* One further up (step 1) or down (-1); false: there is none. */
static bool next_to(uint8_t *bytes, size_t size, int step)
{
	uint8_t carry = step > 0 ? 0 : 0xff;
	size_t i = size;

	while (i > 0) {
		bytes[i - 1] = (uint8_t)(bytes[i - 1] + step);
		if (bytes[i - 1] != carry)
			return true;
		i--;
	}
	return false;
}

/* LOW begins inside of what ends at HIGH, or right behind it. */
static bool touches(const uint8_t *high, const uint8_t *low, size_t size)
{
	uint8_t next[16];

	if (memcmp(low, high, size) <= 0)
		return true;
	memcpy(next, high, size);
	return next_to(next, size, 1) && memcmp(low, next, size) == 0;
}

/* Sorted, apart; adjacent ones are one unless SINGLE. */
static void tidy(struct net_set *set, size_t size, bool single)
{
	size_t n = 0;

	if (set->n < 2)
		return;
	qsort(set->v, set->n, sizeof *set->v, by_low);
	for (size_t i = 1; i < set->n; i++) {
		struct net_range *last = &set->v[n];
		const struct net_range *r = &set->v[i];

		if (single ? memcmp(r, last, sizeof *r) != 0 : !touches(last->high, r->low, size))
			set->v[++n] = *r;
		else if (memcmp(r->high, last->high, size) > 0)
			memcpy(last->high, r->high, size);
	}
	set->n = n + 1;
}

void make_set(struct maker *m, const char *owner, const char *name, int family,
	const struct addrs *const *lists, size_t n, bool single)
{
	struct net_set *set =
		new_set(m, owner, name, family == AF_INET ? NET_T_ADDR4 : NET_T_ADDR6);
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most += lists[i]->n;
	if (!set)
		return;
	set->single = single;
	if (most == 0)
		return;
	set->v = calloc(most, sizeof *set->v);
	if (!set->v) {
		m->nomem = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lists[i]->n; k++) {
			const struct addr *a = &lists[i]->v[k];

			if (a->family == family && (!single || addr_is_one(a)))
				range_of(a, &set->v[set->n++]);
		}
	tidy(set, family == AF_INET ? 4 : 16, single);
	m->ranges += set->n;
	if (m->ranges > NET_RANGES_MAX)
		m->limit = "addresses of all rules";
}

void make_set_outside(struct maker *m, const char *owner, const char *name,
	const struct addr *whole, const struct addrs *const *lists, size_t n)
{
	size_t size = addr_size(whole), gaps = 0;
	AUTO_FREE struct net_range *gap = NULL;
	struct net_range rest, *taken;
	struct net_set *set;
	bool more = true;

	make_set(m, owner, name, whole->family, lists, n, false);
	set = m->r.n_sets ? &m->r.sets[m->r.n_sets - 1] : NULL;
	gap = set ? calloc(set->n + 1, sizeof *gap) : NULL;
	if (!gap) {
		m->nomem = true;
		return;
	}
	range_of(whole, &rest);
	for (taken = set->v; more && taken < set->v + set->n; taken++) {
		if (memcmp(taken->high, rest.low, size) < 0 ||
			memcmp(taken->low, rest.high, size) > 0)
			continue;
		if (memcmp(taken->low, rest.low, size) > 0) {
			gap[gaps] = (struct net_range){0};
			memcpy(gap[gaps].low, rest.low, size);
			memcpy(gap[gaps].high, taken->low, size);
			next_to(gap[gaps++].high, size, -1);
		}
		memcpy(rest.low, taken->high, size);
		more = next_to(rest.low, size, 1) && memcmp(rest.low, rest.high, size) <= 0;
	}
	if (more)
		gap[gaps++] = rest;
	free(set->v);
	set->v = take_ptr(&gap);
	set->n = gaps;
}

/* ---- chains ---- */

void make_chain(struct maker *m, const char *owner, const char *name)
{
	struct net_chain *v = grown(m, m->r.chains, m->r.n_chains, sizeof *v);

	if (!v)
		return;
	m->r.chains = v;
	v += m->r.n_chains++;
	snprintf(v->name, sizeof v->name, "%s", name);
	snprintf(v->owner, sizeof v->owner, "%s", owner);
}

struct net_chain *make_last(struct maker *m)
{
	return m->r.n_chains ? &m->r.chains[m->r.n_chains - 1] : NULL;
}

void make_comment(char to[64], const char *fmt, ...)
{
	char text[128];
	va_list ap;
	size_t i;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (i = 0; i < 63 && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		to[i] = (char)(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
	}
	to[i] = '\0';
	if (n > 63)
		memcpy(to + 60, "...", 4);
}

struct net_line *make_line(struct maker *m)
{
	struct net_chain *c = make_last(m);
	struct net_line *v;

	if (m->lines >= NET_LINES_MAX)
		m->limit = "lines of all chains";
	v = c && !m->limit ? grown(m, c->lines, c->n, sizeof *v) : NULL;
	if (!v) {
		free(m->no_line.matches);
		m->no_line = (struct net_line){0};
		return &m->no_line;
	}
	m->lines++;
	c->lines = v;
	return &v[c->n++];
}

struct net_match *make_match(struct maker *m, struct net_line *l, enum net_match_kind kind)
{
	struct net_match *v = grown(m, l->matches, l->n, sizeof *v);

	if (!v) {
		m->no_match = (struct net_match){.kind = kind};
		return &m->no_match;
	}
	l->matches = v;
	v += l->n++;
	v->kind = kind;
	return v;
}

void make_goto(struct net_line *l, enum net_verdict verdict, const char *chain)
{
	l->verdict = verdict;
	snprintf(l->chain, sizeof l->chain, "%s", chain);
}

void make_protocols(struct maker *m, struct net_line *l, const uint8_t *values, bool others)
{
	struct net_match *match = make_match(m, l, NET_M_PROTOCOL);

	match->not = others;
	while (values[match->n] && match->n < NET_LIST_MAX) {
		match->values[match->n] = values[match->n];
		match->n++;
	}
	for (size_t i = 0; i < sizeof protocol_sets / sizeof *protocol_sets; i++)
		if (values == protocol_sets[i].values)
			snprintf(match->set, sizeof match->set, "%s", protocol_sets[i].name);
}

void make_icmp(struct maker *m, struct net_line *l, int family, const uint8_t *values)
{
	struct net_match *match = make_match(m, l, NET_M_ICMP);

	match->family = (uint8_t)family;
	while (values[match->n] && match->n < NET_LIST_MAX) {
		match->values[match->n] = values[match->n];
		match->n++;
	}
}

void make_in_set(
	struct maker *m, struct net_line *l, enum net_match_kind kind, int family, const char *set)
{
	struct net_match *match = make_match(m, l, kind);

	match->family = (uint8_t)family;
	snprintf(match->set, sizeof match->set, "%s", set);
}

void make_port(struct maker *m, struct net_line *l, uint16_t port)
{
	struct net_match *match = make_match(m, l, NET_M_DPORTS);

	match->n = 1;
	match->ports[0].low = match->ports[0].high = port;
}

/* ---- lines that stand in several places ---- */

void known_established(struct maker *m)
{
	struct net_line *l = make_line(m);

	make_match(m, l, NET_M_CT)->bits = NET_CT_ESTABLISHED;
	l->verdict = NET_V_ACCEPT;
}

void known_icmp(struct maker *m)
{
	/* Errors alone: a redirect of a known flow would move it (CVE-2020-10749's cousin of IPv4). */
	static const uint8_t errors4[] = {
		ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, 0};
	static const uint8_t errors6[] = {
		ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB, 0};
	static const uint8_t neighbours[] = {MLD_LISTENER_QUERY, MLD_LISTENER_REPORT,
		MLD_LISTENER_REDUCTION, ND_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT,
		MLD_LISTENER_REPORT_V2, 0};
	struct net_line *l;

	MAKE_EACH_FAMILY(f)
	{
		l = make_line(m);
		make_match(m, l, NET_M_CT)->bits = NET_CT_RELATED;
		make_icmp(m, l, *f, *f == AF_INET ? errors4 : errors6);
		l->verdict = NET_V_ACCEPT;
	}
	l = make_line(m);
	make_icmp(m, l, AF_INET6, neighbours);
	l->verdict = NET_V_ACCEPT;
}

void own_resets(struct maker *m)
{
	struct net_line *l = make_line(m);

	make_match(m, l, NET_M_LO);
	make_match(m, l, NET_M_CT)->bits = NET_CT_RELATED;
	make_protocols(m, l, make_tcp, false);
	l->verdict = NET_V_ACCEPT;
	make_comment(l->comment, "resets of refused connections");
}

void ruleset_done(struct ruleset *r)
{
	for (size_t i = 0; i < r->n_sets; i++)
		free(r->sets[i].v);
	for (size_t i = 0; i < r->n_chains; i++) {
		for (size_t k = 0; k < r->chains[i].n; k++)
			free(r->chains[i].lines[k].matches);
		free(r->chains[i].lines);
	}
	free(r->sets);
	free(r->counters);
	free(r->chains);
	*r = (struct ruleset){0};
}
