/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_policy - one policy as chains: guards first, then what rules and preset allow, then refusal.
 *
 * A line that lets pass ends the first chain of an owner with "accept" and each of the others with "return";
 * one that does not goes to the policy's refusal. Guards stand before everything that allows.
 *
 * Of a line's matches the cheap ones come first: a port is compared in a tenth of the time that a set of addresses is
 * looked up, and most lines are not about the packet at hand.
 */
#include <netinet/in.h>

#include <linux/netfilter.h> /* behind netinet/in.h */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/ruleset_make.h"
#include "netseg/ruleset_name.h"

enum { DNS_PORT = 53 };

static const uint8_t echo4[] = {ICMP_ECHO, 0}, echo6[] = {ICMP6_ECHO_REQUEST, 0};
static bool lifted(const struct net_policy *p, enum net_guard g)
{
	return p->lift >> g & 1;
}

static bool of_family(const struct addrs *l, int family)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == family)
			return true;
	return false;
}

/* ---- sets and counters ---- */

void policy_sets(struct maker *m, const struct owner_part *part)
{
	for (enum net_dir dir = 0; dir < NET_DIRS; dir++)
		for (size_t i = 0; i < part->p->n_rules[dir]; i++) {
			const struct addrs *peers = &part->p->rules[dir][i].peers;

			MAKE_EACH_FAMILY(f)
			if (of_family(peers, *f))
				make_set(m, part->c->key,
					name_rule_set(part->c->key, part->place, dir, i + 1, *f).s,
					*f, &peers, 1, false);
		}
}

void owner_objects(struct maker *m, const struct owner *o)
{
	bool learns = false, judges = false;

	for (size_t i = 0; i < o->n; i++) {
		learns = learns || o->v[i].p->mode == NET_LEARN;
		judges = judges || o->v[i].p->mode != NET_LEARN;
	}
	for (enum net_dir dir = 0; dir < NET_DIRS; dir++) {
		make_counter(m, o->key, name_counter(o->key, dir, "accepted").s);
		make_counter(m, o->key, name_counter(o->key, dir, "refused").s);
		MAKE_EACH_FAMILY(f)
		{
			enum net_type type = *f == AF_INET ? NET_T_FLOW4 : NET_T_FLOW6;

			if (judges)
				make_flows(m, o->key, name_flows(o->key, "denied", dir, *f).s, type,
					NET_DENIED_KEPT);
			if (learns)
				make_flows(
					m, o->key, name_flows(o->key, "seen", dir, *f).s, type, 0);
		}
	}
}

/* ---- lines ---- */

struct side { /* one chain that is being filled */
	struct maker *m;
	const struct owner *o;
	const struct owner_part *part;
	size_t number; /* of the policy among the owner's, from 1 */
	enum net_dir dir;
	struct net_name refuse;
	char comment[64]; /* for the lines to come */
};

static struct net_line *line(struct side *s)
{
	struct net_line *l = make_line(s->m);

	snprintf(l->comment, sizeof l->comment, "%s", s->comment);
	return l;
}

/* This policy has nothing against it. */
static void pass(struct side *s, struct net_line *l)
{
	if (s->number > 1) {
		l->verdict = NET_V_RETURN;
		return;
	}
	snprintf(
		l->counter, sizeof l->counter, "%s", name_counter(s->o->key, s->dir, "accepted").s);
	l->verdict = NET_V_ACCEPT;
}

static void refuse(struct side *s, struct net_line *l)
{
	make_goto(l, NET_V_GOTO, s->refuse.s);
}

static enum net_match_kind peer_kind(const struct side *s)
{
	return s->dir == NET_OUT ? NET_M_DEST : NET_M_SOURCE;
}

/* What a rule's peer is: a set of a family, this machine, or (family 0) anybody. */
struct peer {
	int family;
	bool local;
	const char *set;
};

static void match_peer(struct side *s, struct net_line *l, const struct peer *peer)
{
	if (peer->local)
		make_match(s->m, l, s->dir == NET_OUT ? NET_M_DEST_LOCAL : NET_M_SOURCE_LOCAL);
	else if (peer->family)
		make_in_set(s->m, l, peer_kind(s), peer->family, peer->set);
}

static void pass_echo(struct side *s, const struct peer *peer)
{
	MAKE_EACH_FAMILY(f)
	{
		struct net_line *l;

		if (peer->family && peer->family != *f)
			continue;
		l = line(s);
		make_icmp(s->m, l, *f, *f == AF_INET ? echo4 : echo6);
		match_peer(s, l, peer);
		pass(s, l);
	}
}

/* Which of a rule's ports a line is made of: those that say 53 stand before the guard of DNS. */
enum some_ports { ALL_PORTS, PORT_DNS, BUT_DNS };

static bool is_dns(const struct net_port *p)
{
	return p->low == DNS_PORT && p->high == DNS_PORT &&
	       (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP);
}

static bool wanted(const struct net_port *p, enum some_ports some)
{
	return some == ALL_PORTS || is_dns(p) == (some == PORT_DNS);
}

static int by_low_port(const void *a, const void *b)
{
	const struct net_port *x = a, *y = b;

	return x->low != y->low ? (int)x->low - y->low : (int)x->high - y->high;
}

/* The wanted ones of PROTOCOL, ascending and apart. */
static size_t ports_of(const struct net_rule *r, uint8_t protocol, enum some_ports some,
	struct net_port out[NET_LIST_MAX])
{
	size_t n = 0, last = 0;

	for (size_t i = 0; i < r->n_ports && n < NET_LIST_MAX; i++)
		if (r->ports[i].protocol == protocol && wanted(&r->ports[i], some))
			out[n++] = r->ports[i];
	if (n < 2)
		return n;
	qsort(out, n, sizeof *out, by_low_port);
	for (size_t i = 1; i < n; i++) {
		if (out[i].low > out[last].high + 1)
			out[++last] = out[i];
		else if (out[i].high > out[last].high)
			out[last].high = out[i].high;
	}
	return last + 1;
}

static void pass_ports(
	struct side *s, const struct peer *peer, const struct net_rule *r, enum some_ports some)
{
	struct net_port ports[NET_LIST_MAX];

	for (const uint8_t *protocol = make_with_ports; *protocol; protocol++) {
		const uint8_t one[] = {*protocol, 0};
		struct net_match *match;
		struct net_line *l;
		size_t n = ports_of(r, *protocol, some, ports);

		if (n == 0)
			continue;
		l = line(s);
		make_protocols(s->m, l, one, false);
		match = make_match(s->m, l, NET_M_DPORTS);
		for (match->n = 0; match->n < n; match->n++) {
			match->ports[match->n].low = ports[match->n].low;
			match->ports[match->n].high = ports[match->n].high;
		}
		match_peer(s, l, peer);
		pass(s, l);
	}
	if (ports_of(r, IPPROTO_ICMP, some, ports) > 0)
		pass_echo(s, peer);
}

/* PEER at all ports, and its echo requests. */
static void pass_peer(struct side *s, const struct peer *peer)
{
	struct net_line *l = line(s);

	match_peer(s, l, peer);
	make_protocols(s->m, l, make_with_ports, false);
	pass(s, l);
	pass_echo(s, peer);
}

static void pass_rule_to(
	struct side *s, const struct peer *peer, const struct net_rule *r, enum some_ports some)
{
	if (r->n_ports)
		pass_ports(s, peer, r, some);
	else if (some != PORT_DNS)
		pass_peer(s, peer);
}

static void pass_hosts(struct side *s, const struct net_rule *r, enum some_ports some)
{
	if (s->m->s->host) {
		pass_rule_to(s, &(struct peer){.local = true}, r, some);
		return;
	}
	MAKE_EACH_FAMILY(f)
	pass_rule_to(
		s, &(struct peer){*f, false, name_set(s->part->c->key, "host", *f).s}, r, some);
}

static void pass_rule(struct side *s, const struct net_rule *r, size_t number, enum some_ports some)
{
	const char *what = s->dir == NET_OUT ? "egress" : "ingress";
	struct net_name set;

	make_comment(s->comment, "%s %zu", what, number);
	if (r->any) {
		pass_rule_to(s, &(struct peer){0}, r, some);
		return; /* nobody is left */
	}
	MAKE_EACH_FAMILY(f)
	if (of_family(&r->peers, *f)) {
		set = name_rule_set(s->part->c->key, s->part->place, s->dir, number, *f);
		pass_rule_to(s, &(struct peer){*f, false, set.s}, r, some);
	}
	for (size_t i = 0; i < r->segments.n; i++) {
		make_comment(s->comment, "%s %zu, %s", what, number, r->segments.v[i]);
		MAKE_EACH_FAMILY(f)
		{
			set = name_set("segment", r->segments.v[i], *f);
			pass_rule_to(s, &(struct peer){*f, false, set.s}, r, some);
		}
	}
	if (r->host) {
		make_comment(s->comment, "%s %zu, host", what, number);
		pass_hosts(s, r, some);
	}
}

static void pass_rules(struct side *s, enum some_ports some)
{
	for (size_t i = 0; i < s->part->p->n_rules[s->dir]; i++)
		pass_rule(s, &s->part->p->rules[s->dir][i], i + 1, some);
}

/* ---- guards ---- */

static void guard_router(struct side *s)
{
	static const uint8_t types4[] = {ICMP_REDIRECT, 9 /* router advertisement */, 0};
	static const uint8_t types6[] = {ND_ROUTER_ADVERT, ND_REDIRECT, 0};
	bool lift = lifted(s->part->p, NET_GUARD_ROUTER);

	make_comment(
		s->comment, "%s%s", lift ? "lifted: " : "guard ", net_guard_name(NET_GUARD_ROUTER));
	MAKE_EACH_FAMILY(f)
	{
		struct net_line *l = line(s);

		make_icmp(s->m, l, *f, *f == AF_INET ? types4 : types6);
		if (lift)
			pass(s, l);
		else
			refuse(s, l);
	}
}

/* Lifted, it still holds over lo, where nobody is deceived but conntrack: what is said there in the name of a peer
 * makes all that goes to this peer an answer. */
static void guard_source(struct side *s)
{
	struct net_line *l;

	if (s->dir != NET_OUT)
		return;
	make_comment(s->comment, "guard %s", net_guard_name(NET_GUARD_SOURCE));
	l = line(s);
	if (lifted(s->part->p, NET_GUARD_SOURCE))
		make_match(s->m, l, NET_M_LO);
	make_match(s->m, l, NET_M_SOURCE_LOCAL)->not = true;
	refuse(s, l);
}

static void guard_loopback(struct side *s)
{
	static const enum net_match_kind kinds[] = {NET_M_DEST_LOOPBACK, NET_M_SOURCE_LOOPBACK};

	if (lifted(s->part->p, NET_GUARD_LOOPBACK))
		return;
	make_comment(s->comment, "guard %s", net_guard_name(NET_GUARD_LOOPBACK));
	for (size_t i = 0; i < 2; i++) {
		struct net_line *l = line(s);

		if (s->m->s->host) /* elsewhere what it says to itself passes before */
			make_match(s->m, l, NET_M_LO)->not = true;
		make_match(s->m, l, kinds[i]);
		refuse(s, l);
	}
}

static void match_dns(struct side *s, struct net_line *l)
{
	make_port(s->m, l, DNS_PORT);
	make_protocols(s->m, l, make_dns_protocols, false);
}

static void pass_dns(struct side *s)
{
	const struct net_policy *p = s->part->p;
	bool any = p->preset != NET_NONE;

	for (size_t i = 0; !any && i < p->n_rules[NET_OUT]; i++)
		any = p->rules[NET_OUT][i].dns;
	if (!any)
		return;
	make_comment(s->comment, "dns");
	MAKE_EACH_FAMILY(f)
	{
		struct net_line *l = line(s);

		match_dns(s, l);
		make_in_set(s->m, l, NET_M_DEST, *f, name_set(s->part->c->key, "dns", *f).s);
		pass(s, l);
	}
}

static void guard_metadata_set(struct side *s, const char *set)
{
	MAKE_EACH_FAMILY(f)
	{
		struct net_line *l = line(s);

		make_in_set(s->m, l, NET_M_DEST, *f, name_set(s->part->c->key, set, *f).s);
		if (s->part->p->metadata) {
			make_protocols(s->m, l, make_tcp, false);
			pass(s, l);
		} else {
			refuse(s, l);
		}
	}
}

/* Networks among them have a set of their own: that of the addresses is the faster for it. */
static void guard_metadata(struct side *s)
{
	const struct addrs *more = &s->part->c->want->metadata;
	bool nets = false;

	for (size_t i = 0; i < more->n; i++)
		nets = nets || !addr_is_one(&more->v[i]);
	make_comment(s->comment, "metadata");
	guard_metadata_set(s, "metadata");
	if (nets)
		guard_metadata_set(s, "metadata_nets");
}

static void guard_dns(struct side *s)
{
	struct net_line *l;

	make_comment(s->comment, "guard %s", net_guard_name(NET_GUARD_DNS));
	l = line(s);
	match_dns(s, l);
	refuse(s, l);
}

/* ---- chains ---- */

static void preset(struct side *s)
{
	static const char *const sets[][2] = {
		[NET_PRIVATE] = {"private_4", "private_6"},
		[NET_INTERNET] = {"public_4", "public_6"},
		[NET_OPEN] = {NULL},
	};
	enum net_preset p = s->part->p->preset;

	make_comment(s->comment, "preset %s", net_preset_name(p));
	if (p == NET_OPEN)
		pass(s, line(s));
	else if (p == NET_PRIVATE || (p == NET_INTERNET && s->dir == NET_OUT))
		for (size_t i = 0; i < 2; i++)
			pass_peer(s, &(struct peer){make_families[i], false, sets[p][i]});
}

/* A line for each kind of flow that puts it into a dynamic set. */
static void remember(struct side *s, const char *what)
{
	for (int ports = 1; ports >= 0; ports--)
		MAKE_EACH_FAMILY(f)
		{
			struct net_line *l = line(s);

			make_match(s->m, l, NET_M_FAMILY)->family = (uint8_t)*f;
			make_protocols(s->m, l, make_with_ports, !ports);
			snprintf(l->remember, sizeof l->remember, "%s",
				name_flows(s->o->key, what, s->dir, *f).s);
			l->remember_dir = s->dir;
			l->ports = ports;
		}
}

static void learn_chain(struct side *s)
{
	s->comment[0] = '\0';
	remember(s, "seen");
	pass(s, line(s));
}

static void judge_chain(struct side *s)
{
	const struct net_policy *p = s->part->p;
	bool dns_held = s->dir == NET_OUT && p->preset != NET_OPEN && !lifted(p, NET_GUARD_DNS);

	guard_router(s);
	guard_source(s);
	guard_loopback(s);
	if (s->dir == NET_OUT) {
		pass_dns(s);
		guard_metadata(s);
	}
	if (dns_held) {
		pass_rules(s, PORT_DNS);
		guard_dns(s);
	}
	pass_rules(s, dns_held ? BUT_DNS : ALL_PORTS);
	preset(s);
	if (p->preset != NET_OPEN) {
		make_comment(s->comment, "nothing allows it");
		refuse(s, line(s));
	}
}

static struct net_line *counted(struct side *s)
{
	struct net_line *l = line(s);

	snprintf(l->counter, sizeof l->counter, "%s", name_counter(s->o->key, s->dir, "refused").s);
	return l;
}

static void refuse_chain(struct side *s)
{
	s->comment[0] = '\0';
	remember(s, "denied");
	if (s->part->p->mode == NET_AUDIT) {
		counted(s)->verdict = s->number > 1 ? NET_V_RETURN : NET_V_ACCEPT;
		return;
	}
	if (s->dir == NET_OUT) { /* a connect fails at once */
		struct net_line *l = counted(s);

		make_protocols(s->m, l, make_tcp, false);
		l->verdict = NET_V_RESET;
	}
	counted(s)->verdict = NET_V_DROP;
}

static void begin_chain(struct side *s, const char *name, const char *what)
{
	struct net_chain *c;

	make_chain(s->m, s->o->key, name);
	c = make_last(s->m);
	if (!c)
		return;
	c->hook = s->dir == NET_OUT ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN;
	make_comment(c->comment, "%s%s, %s, %s", what,
		s->part->p->profile ? s->part->p->profile : "", net_mode_name(s->part->p->mode),
		net_preset_name(s->part->p->preset));
}

static struct side side_of(struct maker *m, const struct owner *o, size_t number, enum net_dir dir)
{
	struct side s = {m, o, &o->v[number - 1], number, dir, {""}, ""};
	char what[16];

	snprintf(what, sizeof what, "%s_refuse", name_side(dir));
	s.refuse = name_numbered(o->key, what, number);
	return s;
}

void owner_chains(struct maker *m, const struct owner *o, enum net_dir dir)
{
	for (size_t i = 1; i <= o->n; i++) {
		struct side s = side_of(m, o, i, dir);

		begin_chain(&s, name_numbered(o->key, name_side(dir), i).s, "profile ");
		if (i == 1 && m->s->host) {
			known_established(m);
			known_icmp(m);
		}
		if (i == 1 && m->s->host && dir == NET_IN)
			own_resets(m);
		for (size_t k = 2; i == 1 && k <= o->n; k++)
			make_goto(make_line(m), NET_V_JUMP,
				name_numbered(o->key, name_side(dir), k).s);
		if (s.part->p->mode == NET_LEARN)
			learn_chain(&s);
		else
			judge_chain(&s);
	}
	for (size_t i = 1; i <= o->n; i++) {
		struct side s = side_of(m, o, i, dir);

		if (s.part->p->mode == NET_LEARN)
			continue;
		begin_chain(&s, s.refuse.s, "refused by profile ");
		refuse_chain(&s);
	}
}
