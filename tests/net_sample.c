/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_sample - a ruleset with everything in it. See net_sample.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_sample.h"

static void *grow(void *v, size_t n, size_t size)
{
	/* a power of two is full */
	void *more = n & (n - 1) ? v : reallocarray(v, n ? n * 2 : 1, size);

	if (!more)
		abort();
	memset((char *)more + n * size, 0, size);
	return more;
}

static struct net_set *set(
	struct ruleset *r, const char *owner, const char *name, enum net_type type)
{
	struct net_set *s;

	r->sets = grow(r->sets, r->n_sets, sizeof *r->sets);
	s = &r->sets[r->n_sets++];
	snprintf(s->name, sizeof s->name, "%s", name);
	snprintf(s->owner, sizeof s->owner, "%s", owner);
	s->type = type;
	return s;
}

static void range(struct net_set *s, const char *low, const char *high)
{
	int family = s->type == NET_T_ADDR4 ? AF_INET : AF_INET6;

	s->v = grow(s->v, s->n, sizeof *s->v);
	if (inet_pton(family, low, s->v[s->n].low) != 1 ||
		inet_pton(family, high, s->v[s->n].high) != 1)
		abort();
	s->n++;
}

static struct net_chain *chain(
	struct ruleset *r, const char *owner, const char *name, unsigned hook)
{
	struct net_chain *c;

	r->chains = grow(r->chains, r->n_chains, sizeof *r->chains);
	c = &r->chains[r->n_chains++];
	snprintf(c->name, sizeof c->name, "%s", name);
	snprintf(c->owner, sizeof c->owner, "%s", owner);
	c->hook = hook;
	return c;
}

static struct net_line *line(struct net_chain *c, enum net_verdict verdict, const char *to)
{
	struct net_line *l;

	c->lines = grow(c->lines, c->n, sizeof *c->lines);
	l = &c->lines[c->n++];
	l->verdict = verdict;
	snprintf(l->chain, sizeof l->chain, "%s", to);
	return l;
}

static struct net_match *match(struct net_line *l, enum net_match_kind kind)
{
	l->matches = grow(l->matches, l->n, sizeof *l->matches);
	l->matches[l->n].kind = kind;
	return &l->matches[l->n++];
}

static void protocols(struct net_line *l, bool negated, size_t n, const uint8_t *v)
{
	struct net_match *m = match(l, NET_M_PROTOCOL);

	m->not = negated;
	m->n = n;
	memcpy(m->values, v, n);
}

static void ports(struct net_line *l, enum net_match_kind kind, size_t n, const uint16_t (*v)[2])
{
	struct net_match *m = match(l, kind);

	m->n = n;
	for (size_t i = 0; i < n; i++) {
		m->ports[i].low = v[i][0];
		m->ports[i].high = v[i][1];
	}
}

static void icmp(struct net_line *l, uint8_t family, size_t n, const uint8_t *v)
{
	struct net_match *m = match(l, NET_M_ICMP);

	m->family = family;
	m->n = n;
	memcpy(m->values, v, n);
}

static void peers(struct net_line *l, enum net_match_kind kind, uint8_t family, bool negated,
	const char *name)
{
	struct net_match *m = match(l, kind);

	m->family = family;
	m->not = negated;
	snprintf(m->set, sizeof m->set, "%s", name);
}

static void sets(struct ruleset *r, size_t ranges)
{
	struct net_set *s = set(r, "", "segment_web_4", NET_T_ADDR4);

	s->single = true;
	range(s, "10.0.0.7", "10.0.0.7");
	range(s, "10.0.0.8", "10.0.0.8");
	s = set(r, "", "segment_web_6", NET_T_ADDR6);
	s->single = true;
	range(s, "fd00::7", "fd00::7");
	s = set(r, "abcdef012345", "abcdef012345_o1_4", NET_T_ADDR4);
	range(s, "0.0.0.0", "0.255.255.255");
	for (size_t i = 0; i < ranges; i++) {
		char low[INET_ADDRSTRLEN], high[INET_ADDRSTRLEN];

		snprintf(low, sizeof low, "10.%zu.%zu.0", i / 256 % 256, i % 256);
		snprintf(high, sizeof high, "10.%zu.%zu.127", i / 256 % 256, i % 256);
		range(s, low, high);
	}
	range(s, "192.168.1.1", "192.168.1.1");
	range(s, "224.0.0.0", "255.255.255.255");
	s = set(r, "abcdef012345", "abcdef012345_o1_6", NET_T_ADDR6);
	range(s, "::", "::");
	for (size_t i = 0; i < ranges; i++) {
		char low[INET6_ADDRSTRLEN], high[INET6_ADDRSTRLEN];

		snprintf(low, sizeof low, "2001:db8:%x::", (unsigned)i & 0xffff);
		snprintf(high, sizeof high, "2001:db8:%x:0:ffff:ffff:ffff:ffff",
			(unsigned)i & 0xffff);
		range(s, low, high);
	}
	range(s, "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	range(s, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	s = set(r, "abcdef012345", "abcdef012345_denied_out4", NET_T_FLOW4);
	s->dynamic = true;
	s->timeout = NET_DENIED_KEPT;
	s = set(r, "abcdef012345", "abcdef012345_denied_out6", NET_T_FLOW6);
	s->dynamic = true;
	s->timeout = NET_DENIED_KEPT;
	s = set(r, "abcdef012345", "abcdef012345_seen_in4", NET_T_FLOW4);
	s->dynamic = true;
	s = set(r, "abcdef012345", "abcdef012345_seen_in6", NET_T_FLOW6);
	s->dynamic = true;
}

static void counters(struct ruleset *r)
{
	static const char *const names[] = {
		"abcdef012345_out_accepted", "abcdef012345_out_refused"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		r->counters = grow(r->counters, r->n_counters, sizeof *r->counters);
		snprintf(r->counters[i].name, sizeof r->counters[i].name, "%s", names[i]);
		snprintf(r->counters[i].owner, sizeof r->counters[i].owner, "abcdef012345");
		r->n_counters++;
	}
}

static void base(struct ruleset *r, const char *name, unsigned hook, uint64_t cgroup)
{
	struct net_chain *c = chain(r, "", name, hook);
	struct net_match *m;
	struct net_line *l;

	c->base = c->drop = true;
	match(line(c, NET_V_ACCEPT, ""), NET_M_LO);
	match(line(c, NET_V_ACCEPT, ""), NET_M_CT)->bits = NET_CT_ESTABLISHED | NET_CT_RELATED;
	l = line(c, NET_V_DROP, "");
	m = match(l, NET_M_CT);
	m->bits = NET_CT_NEW;
	m->not = true;
	icmp(line(c, NET_V_ACCEPT, ""), AF_INET6, 4, (const uint8_t[]){130, 131, 135, 136});
	if (cgroup) {
		l = line(c, NET_V_GOTO,
			hook == NF_INET_LOCAL_OUT ? "abcdef012345_out" : "abcdef012345_in");
		m = match(l, NET_M_CGROUP);
		m->cgroup = cgroup;
		m->level = 1;
	}
	l = line(c, NET_V_GOTO, hook == NF_INET_LOCAL_OUT ? "abcdef012345_out" : "abcdef012345_in");
	l->counted = true;
}

static void remember(
	struct net_chain *c, uint8_t family, bool with_ports, enum net_dir dir, const char *name)
{
	struct net_line *l = line(c, NET_V_NONE, "");

	match(l, NET_M_FAMILY)->family = family;
	protocols(l, !with_ports, 3, (const uint8_t[]){6, 17, 132});
	l->ports = with_ports;
	l->remember_dir = dir;
	snprintf(l->remember, sizeof l->remember, "%s", name);
}

static void out(struct ruleset *r)
{
	struct net_chain *c = chain(r, "abcdef012345", "abcdef012345_out", NF_INET_LOCAL_OUT);
	struct net_line *l;

	snprintf(c->comment, sizeof c->comment, "default/web/nginx: enforce");
	line(c, NET_V_JUMP, "abcdef012345_out_2");
	match(line(c, NET_V_DROP, ""), NET_M_LO)->not = true;
	match(line(c, NET_V_DROP, ""), NET_M_SOURCE_LOCAL)->not = true;
	match(line(c, NET_V_ACCEPT, ""), NET_M_DEST_LOCAL);
	l = line(c, NET_V_ACCEPT, "");
	peers(l, NET_M_DEST, AF_INET, false, "abcdef012345_o1_4");
	protocols(l, false, 2, (const uint8_t[]){6, 17});
	ports(l, NET_M_DPORTS, 1, (const uint16_t[][2]){{53, 53}});
	snprintf(l->counter, sizeof l->counter, "abcdef012345_out_accepted");
	snprintf(l->comment, sizeof l->comment, "egress 1");
	l = line(c, NET_V_ACCEPT, "");
	peers(l, NET_M_DEST, AF_INET6, true, "abcdef012345_o1_6");
	protocols(l, false, 1, (const uint8_t[]){6});
	ports(l, NET_M_DPORTS, 3, (const uint16_t[][2]){{0, 0}, {80, 90}, {65000, 65535}});
	l = line(c, NET_V_ACCEPT, "");
	peers(l, NET_M_DEST, AF_INET, false, "segment_web_4");
	protocols(l, false, 1, (const uint8_t[]){132});
	ports(l, NET_M_SPORTS, 1, (const uint16_t[][2]){{1024, 65535}});
	icmp(line(c, NET_V_ACCEPT, ""), AF_INET, 1, (const uint8_t[]){8});
	protocols(line(c, NET_V_DROP, ""), true, 1, (const uint8_t[]){47});
	line(c, NET_V_GOTO, "abcdef012345_out_refuse");
	c = chain(r, "abcdef012345", "abcdef012345_out_2", NF_INET_LOCAL_OUT);
	l = line(c, NET_V_RETURN, "");
	peers(l, NET_M_SOURCE, AF_INET6, false, "segment_web_6");
	protocols(l, false, 1, (const uint8_t[]){17});
	ports(l, NET_M_DPORTS, 2, (const uint16_t[][2]){{1, 1}, {3, 3}});
	c = chain(r, "abcdef012345", "abcdef012345_out_refuse", NF_INET_LOCAL_OUT);
	remember(c, AF_INET, true, NET_OUT, "abcdef012345_denied_out4");
	remember(c, AF_INET, false, NET_OUT, "abcdef012345_denied_out4");
	remember(c, AF_INET6, true, NET_OUT, "abcdef012345_denied_out6");
	remember(c, AF_INET6, false, NET_OUT, "abcdef012345_denied_out6");
	l = line(c, NET_V_RESET, "");
	protocols(l, false, 1, (const uint8_t[]){6});
	snprintf(l->counter, sizeof l->counter, "abcdef012345_out_refused");
	l = line(c, NET_V_DROP, "");
	snprintf(l->counter, sizeof l->counter, "abcdef012345_out_refused");
}

static void in(struct ruleset *r)
{
	struct net_chain *c = chain(r, "abcdef012345", "abcdef012345_in", NF_INET_LOCAL_IN);

	remember(c, AF_INET, true, NET_IN, "abcdef012345_seen_in4");
	remember(c, AF_INET6, true, NET_IN, "abcdef012345_seen_in6");
	match(line(c, NET_V_DROP, ""), NET_M_LO)->not = true;
	match(line(c, NET_V_DROP, ""), NET_M_SOURCE_LOOPBACK);
	match(line(c, NET_V_DROP, ""), NET_M_DEST_LOOPBACK);
	line(c, NET_V_ACCEPT, "");
}

void net_sample(struct ruleset *to, uint64_t cgroup, size_t ranges)
{
	struct ruleset r = {0};

	sets(&r, ranges);
	counters(&r);
	base(&r, "input", NF_INET_LOCAL_IN, cgroup);
	base(&r, "output", NF_INET_LOCAL_OUT, cgroup);
	chain(&r, "", "forward", NF_INET_FORWARD)->base = true;
	out(&r);
	in(&r);
	*to = r;
}
