/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_judge - what a ruleset says of a packet, as the kernel would: first line that matches and decides.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h> /* behind netinet/in.h */

#include "netseg/ruleset.h"

enum { DEEPEST = 16 /* NFT_JUMP_STACK_SIZE */ };

static const struct net_set *set_named(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

static const struct net_chain *chain_named(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (strcmp(r->chains[i].name, name) == 0)
			return &r->chains[i];
	return NULL;
}

static bool in_set(const struct ruleset *r, const char *name, const struct addr *a)
{
	const struct net_set *s = set_named(r, name);
	size_t size = addr_size(a), low = 0, high = s ? s->n : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(s->v[middle].low, a->bytes, size) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && memcmp(a->bytes, s->v[low - 1].high, size) <= 0;
}

static bool has_value(const struct net_match *m, uint8_t value)
{
	return memchr(m->values, value, m->n) != NULL;
}

static bool has_port(const struct net_match *m, const struct net_packet *p)
{
	uint16_t port = m->kind == NET_M_SPORTS ? p->sport : p->dport;

	for (size_t i = 0; i < m->n; i++)
		if (port >= m->ports[i].low && port <= m->ports[i].high)
			return true;
	return false;
}

static bool is_icmp(const struct net_match *m, const struct net_packet *p)
{
	uint8_t protocol = m->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	return p->source.family == m->family && p->protocol == protocol &&
	       has_value(m, p->icmp_type);
}

static bool is_loopback(const struct addr *a)
{
	return a->family == AF_INET && a->bytes[0] == 127;
}

static bool matches(const struct ruleset *r, const struct net_match *m, const struct net_packet *p)
{
	const struct addr *a = m->kind == NET_M_SOURCE ? &p->source : &p->dest;

	switch (m->kind) {
	case NET_M_LO:
		return p->lo != m->not ;
	case NET_M_CT:
		return ((p->ct & m->bits) != 0) != m->not ;
	case NET_M_CGROUP:
		/* of no socket the expression says nothing, and the line does not match */
		return p->cgroup != 0 && (p->cgroup == m->cgroup) != m->not ;
	case NET_M_FAMILY:
		return p->source.family == m->family;
	case NET_M_PROTOCOL:
		return has_value(m, p->protocol) != m->not ;
	case NET_M_SOURCE:
	case NET_M_DEST:
		return a->family == m->family && in_set(r, m->set, a) != m->not ;
	case NET_M_SPORTS:
	case NET_M_DPORTS:
		return has_port(m, p);
	case NET_M_ICMP:
		return is_icmp(m, p);
	case NET_M_SOURCE_LOCAL:
		return p->source_local != m->not ;
	case NET_M_DEST_LOCAL:
		return p->dest_local != m->not ;
	case NET_M_SOURCE_LOOPBACK:
		return is_loopback(&p->source);
	case NET_M_DEST_LOOPBACK:
		return is_loopback(&p->dest);
	}
	return false;
}

static bool line_matches(
	const struct ruleset *r, const struct net_line *l, const struct net_packet *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (!matches(r, &l->matches[i], p))
			return false;
	return true;
}

static bool ends(const char *text, const char *tail)
{
	size_t n = strlen(text), k = strlen(tail);

	return n >= k && strcmp(text + n - k, tail) == 0;
}

struct judge {
	const struct ruleset *r;
	const struct net_packet *p;
	struct net_judgement *out;
	bool refusing; /* a line has sent it to a refusal: that is where it was decided */
};

static void note(struct judge *j, const struct net_chain *c, const struct net_line *l)
{
	if (j->refusing)
		return;
	snprintf(j->out->chain, sizeof j->out->chain, "%s", c->name);
	snprintf(j->out->comment, sizeof j->out->comment, "%s", l ? l->comment : "policy");
}

enum outcome { UNDECIDED, ACCEPTED, REFUSED };

static enum outcome run(struct judge *j, const struct net_chain *c, unsigned depth);

static enum outcome follow(
	struct judge *j, const struct net_chain *c, const struct net_line *l, unsigned depth)
{
	const struct net_chain *next = chain_named(j->r, l->chain);
	enum outcome result;
	bool refusal = next && strstr(next->name, "_refuse") != NULL;

	if (refusal) {
		note(j, c, l);
		j->refusing = true;
	}
	result = next && depth < DEEPEST ? run(j, next, depth + 1) : REFUSED;
	if (refusal && result == UNDECIDED)
		j->refusing = false; /* audited; others go on */
	return result;
}

static enum outcome run(struct judge *j, const struct net_chain *c, unsigned depth)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct net_line *l = &c->lines[i];
		enum outcome result;

		if (!line_matches(j->r, l, j->p))
			continue;
		if (ends(l->counter, "_refused") && l->verdict != NET_V_DROP &&
			l->verdict != NET_V_RESET)
			j->out->would_refuse = true;
		switch (l->verdict) {
		case NET_V_NONE:
			break;
		case NET_V_ACCEPT:
			note(j, c, l);
			return ACCEPTED;
		case NET_V_DROP:
		case NET_V_RESET:
			note(j, c, l);
			return REFUSED;
		case NET_V_RETURN:
			return UNDECIDED;
		case NET_V_GOTO:
			return follow(j, c, l, depth);
		case NET_V_JUMP:
			result = follow(j, c, l, depth);
			if (result != UNDECIDED)
				return result;
			break;
		}
	}
	return UNDECIDED;
}

void ruleset_judge(const struct ruleset *r, const struct net_packet *p, struct net_judgement *out)
{
	struct judge j = {.r = r, .p = p};
	unsigned hook = p->dir == NET_OUT ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN;

	*out = (struct net_judgement){.accepted = true};
	j.out = out;
	for (size_t i = 0; i < r->n_chains; i++) {
		const struct net_chain *c = &r->chains[i];
		enum outcome result;

		if (!c->base || c->hook != hook)
			continue;
		result = run(&j, c, 1);
		if (result == UNDECIDED)
			note(&j, c, NULL);
		out->accepted = result == ACCEPTED || (result == UNDECIDED && !c->drop);
		return;
	}
}
