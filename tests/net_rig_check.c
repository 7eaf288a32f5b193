/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_rig_check - what holds for every ruleset, and what all policies of a namespace together say of a packet.
 */
#include <netinet/in.h>
#include <string.h>

#include "tests/net_rig.h"

static const struct net_set *find_set(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

static size_t find_chain(const struct ruleset *r, const char *name)
{
	size_t i = 0;

	while (i < r->n_chains && strcmp(r->chains[i].name, name) != 0)
		i++;
	return i;
}

static bool find_counter(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_counters; i++)
		if (strcmp(r->counters[i].name, name) == 0)
			return true;
	return false;
}

static bool same_protocols(const struct net_set *s, const struct net_match *m)
{
	if (!s || s->type != NET_T_PROTOCOL || !s->single || s->n != m->n)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].low[0] != m->values[i] || s->v[i].high[0] != m->values[i])
			return false;
	return true;
}

static const char *line_wrong(const struct ruleset *r, size_t chain, const struct net_line *l)
{
	bool moves = l->verdict == NET_V_GOTO || l->verdict == NET_V_JUMP;
	const struct net_set *set;

	if (moves != (l->chain[0] != '\0'))
		return "a chain without goto, or the other way round";
	if (moves && (find_chain(r, l->chain) <= chain || find_chain(r, l->chain) == r->n_chains))
		return "goes to an earlier chain, or to none";
	if (l->counter[0] && !find_counter(r, l->counter))
		return "an unknown counter";
	if (l->remember[0] && (!(set = find_set(r, l->remember)) || !set->dynamic))
		return "remembers in no dynamic set";
	for (size_t i = 0; i < l->n; i++) {
		const struct net_match *m = &l->matches[i];

		for (size_t k = 1; m->kind == NET_M_DPORTS && k < m->n; k++)
			if (m->ports[k].low <= m->ports[k - 1].high + 1)
				return "ports that are not sorted, or touch";
		if (m->kind == NET_M_CGROUP && m->cgroup == 0)
			return "a match of no cgroup";
		if (m->kind == NET_M_PROTOCOL && *m->set && !same_protocols(find_set(r, m->set), m))
			return "a set of other protocols than the line's";
		if (m->kind != NET_M_SOURCE && m->kind != NET_M_DEST)
			continue;
		set = find_set(r, m->set);
		if (!set || set->dynamic ||
			set->type != (m->family == AF_INET ? NET_T_ADDR4 : NET_T_ADDR6))
			return "compares with a set that is not there or of another kind";
	}
	return NULL;
}

static const char *set_wrong(const struct net_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (memcmp(s->v[i].low, s->v[i].high, 16) > 0)
			return "a range that ends before it begins";
		if (i > 0 && memcmp(s->v[i - 1].high, s->v[i].low, 16) >= 0)
			return "ranges that are not sorted or not apart";
	}
	return NULL;
}

/* Lines the kernel visits when it checks the batch: it follows every goto and jump anew. */
static size_t visits(const struct ruleset *r, size_t chain, unsigned depth, unsigned *deepest)
{
	const struct net_chain *c = &r->chains[chain];
	size_t n = c->n;

	if (depth > *deepest)
		*deepest = depth;
	for (size_t i = 0; depth < 20 && i < c->n; i++)
		if (c->lines[i].chain[0])
			n += visits(r, find_chain(r, c->lines[i].chain), depth + 1, deepest);
	return n;
}

/* The last line of what is not a base chain decides for all packets. */
static bool decides(const struct net_chain *c)
{
	const struct net_line *l = c->n ? &c->lines[c->n - 1] : NULL;

	if (strcmp(c->name, "known_icmp") == 0) /* accepts, and leaves the rest to who asked */
		return true;
	return c->base || (l && l->n == 0 && l->verdict != NET_V_NONE && l->verdict != NET_V_JUMP);
}

const char *net_rig_wrong(const struct ruleset *r)
{
	size_t lines = 0, all = 0;
	unsigned deepest = 0;
	const char *why;

	for (size_t i = 0; i < r->n_sets; i++) {
		if (strlen(r->sets[i].name) >= NET_NAME_SIZE - 1 ||
			find_set(r, r->sets[i].name) != &r->sets[i])
			return "two sets of one name, or a name that was cut";
		if ((why = set_wrong(&r->sets[i])))
			return why;
	}
	for (size_t i = 0; i < r->n_chains; i++) {
		const struct net_chain *c = &r->chains[i];

		if (find_chain(r, c->name) != i)
			return "two chains of one name";
		if (!decides(c))
			return "a chain that leaves packets undecided";
		lines += c->n;
		for (size_t k = 0; k < c->n; k++)
			if ((why = line_wrong(r, i, &c->lines[k])))
				return why;
		if (c->base)
			all += visits(r, i, 1, &deepest);
	}
	if (deepest > 8)
		return "deeper than the kernel likes";
	return all > 60 * lines ? "the kernel's check multiplies" : NULL;
}

/* What the space's containers together say of the packet; AUDITED: somebody would have refused. */
bool net_rig_oracle(const struct net_rig *r, const struct net_packet *p, bool *audited)
{
	const struct net_container *own = NULL;
	bool accepted = true;

	*audited = false;
	for (size_t i = 0; i < r->s.n; i++)
		if (p->cgroup && r->s.containers[i].cgroup == p->cgroup)
			own = &r->s.containers[i];
	if ((r->s.host && !own) || net_rig_known(r, p))
		return true;
	for (size_t i = 0; i < r->s.n; i++) {
		const struct net_container *c = &r->s.containers[i];

		if (own && own != c)
			continue;
		for (size_t k = 0; k < c->want->n; k++) {
			const struct net_policy *one_of = &c->want->policies[k];
			bool good = net_rig_allows(r, c, one_of, p);

			accepted = accepted && (good || one_of->mode != NET_ENFORCE);
			*audited = *audited || (!good && one_of->mode == NET_AUDIT);
		}
	}
	return accepted;
}
