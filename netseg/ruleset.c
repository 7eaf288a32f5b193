/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset - from the containers of a namespace to its table: sets, base chains, and who is sent where.
 */
#include "netseg/ruleset.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h> /* behind netinet/in.h */

#include "netseg/ruleset_make.h"
#include "shim/base/cleanup.h"

#define ICMP_CHAIN "known_icmp"

/* ---- addresses of the world ---- */

/* Private use (RFC 1918), of carriers (RFC 6598), link-local (RFC 3927, 4291), unique local (RFC 4193). */
static const char *const private[] = {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10", NULL};

/* What is not public, beside those: "this network", loopback, protocol assignments (RFC 6890), benchmarks
 * (RFC 2544), multicast and reserved; and of IPv6 Teredo and 6to4, which carry IPv4 addresses of any kind. All
 * outside of 2000::/3 is not public either, NAT64 (RFC 6052) with it. */
static const char *const special[] = {"0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15",
	"224.0.0.0/3", "2001::/32", "2002::/16", NULL};
static const char *const unicast[] = {"0.0.0.0/0", "2000::/3", NULL};

/* Credentials of the node and the like: AWS, GCP, Azure and others; AWS for tasks and pods; Oracle; Alibaba;
 * Azure's wire server; Tencent; Scaleway; and over IPv6 AWS, its pods, GCP, Scaleway, OpenStack. */
const char *const net_metadata_services[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23",
	"192.0.0.192", "100.100.100.200", "168.63.129.16", "169.254.0.23", "169.254.42.42",
	"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe", NULL};

static int add_texts(struct addrs *to, const char *const *texts)
{
	struct addr a;

	for (; *texts; texts++)
		if (addr_parse(*texts, &a, NULL) < 0 || addrs_add(to, &a) < 0)
			return -1;
	return 0;
}

/* Those of IPv4 as a NAT64 gateway would reach them (64:ff9b::/96). */
static int add_nat64(struct addrs *to)
{
	for (size_t i = 0, n = to->n; i < n; i++) {
		struct addr a = {AF_INET6, 128, {0x00, 0x64, 0xff, 0x9b}};

		if (to->v[i].family != AF_INET)
			continue;
		a.prefix = (uint8_t)(96 + to->v[i].prefix);
		memcpy(a.bytes + 12, to->v[i].bytes, 4);
		if (addrs_add(to, &a) < 0)
			return -1;
	}
	return 0;
}

static void both(struct maker *m, const char *owner, const char *name, const struct addrs *a,
	const struct addrs *more, bool single)
{
	const struct addrs *const lists[] = {a, more};
	char full[NET_NAME_SIZE];

	snprintf(full, sizeof full, "%s_4", name);
	make_set(m, owner, full, AF_INET, lists, more ? 2 : 1, single);
	snprintf(full, sizeof full, "%s_6", name);
	make_set(m, owner, full, AF_INET6, lists, more ? 2 : 1, single);
}

static void world_sets(struct maker *m)
{
	AUTO_ADDRS struct addrs own = {0}, other = {0}, whole = {0};
	const struct addrs *const not_public[] = {&own, &other};

	if (add_texts(&own, private) < 0 || add_texts(&other, special) < 0 ||
		add_texts(&whole, unicast) < 0) {
		m->nomem = true;
		return;
	}
	both(m, "", "private", &own, NULL, false);
	make_set_outside(m, "", "public_4", &whole.v[0], not_public, 2);
	make_set_outside(m, "", "public_6", &whole.v[1], not_public, 2);
	make_protocol_sets(m);
}

/* ---- sets of containers ---- */

static void container_sets(struct maker *m, const struct net_container *c)
{
	AUTO_ADDRS struct addrs services = {0}, nets = {0};
	bool hosts = false, judges = false;
	char name[NET_NAME_SIZE];
	size_t place = 0;

	for (size_t i = 0; i < c->want->n; i++) {
		const struct net_policy *p = &c->want->policies[i];
		struct owner_part part = {c, p, ++place};

		if (p->mode == NET_OFF || p->mode == NET_LEARN)
			continue; /* no line of theirs has an address */
		judges = true;
		policy_sets(m, &part);
		for (enum net_dir d = 0; d < NET_DIRS; d++)
			for (size_t k = 0; k < p->n_rules[d]; k++)
				hosts = hosts || p->rules[d][k].host;
	}
	if (!judges)
		return;
	if (add_texts(&services, net_metadata_services) < 0) {
		m->nomem = true;
		return;
	}
	for (size_t i = 0; i < c->want->metadata.n; i++)
		m->nomem = addrs_add(addr_is_one(&c->want->metadata.v[i]) ? &services : &nets,
				   &c->want->metadata.v[i]) < 0 ||
			   m->nomem;
	m->nomem = add_nat64(&services) < 0 || add_nat64(&nets) < 0 || m->nomem;
	snprintf(name, sizeof name, "%s_dns", c->key);
	both(m, c->key, name, &c->resolvers, &c->want->resolvers, false);
	snprintf(name, sizeof name, "%s_metadata", c->key);
	both(m, c->key, name, &services, NULL, true);
	snprintf(name, sizeof name, "%s_metadata_nets", c->key);
	if (nets.n)
		both(m, c->key, name, &nets, NULL, false);
	snprintf(name, sizeof name, "%s_host", c->key);
	if (hosts && !m->s->host)
		both(m, c->key, name, &c->hosts, NULL, false);
}

/* ---- the namespace ---- */

struct work {
	struct maker m;
	const struct net_container **all; /* by key */
	struct owner *owners; /* one for each of them; n 0: nothing of it judges */
	struct owner shared;
	size_t n, active;
	const struct owner *only; /* when active is 1 */
	bool enforces, forwards;
};

static void work_done(struct work *w)
{
	for (size_t i = 0; w->owners && i < w->n; i++)
		free(w->owners[i].v);
	free(w->owners);
	free(w->shared.v);
	free(w->all);
	free(w->m.no_line.matches);
	ruleset_done(&w->m.r);
}

static int by_key(const void *a, const void *b)
{
	const struct net_container *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static bool same_addrs(const struct addrs *a, const struct addrs *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (!addr_equal(&a->v[i], &b->v[i]))
			return false;
	return a->n == b->n;
}

static bool same_rule(const struct net_rule *a, const struct net_rule *b)
{
	if (a->any != b->any || a->host != b->host || a->dns != b->dns ||
		a->segments.n != b->segments.n || a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->segments.n; i++)
		if (strcmp(a->segments.v[i], b->segments.v[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (a->ports[i].protocol != b->ports[i].protocol ||
			a->ports[i].low != b->ports[i].low || a->ports[i].high != b->ports[i].high)
			return false;
	return same_addrs(&a->peers, &b->peers);
}

/* They say the same of every packet. */
static bool same_part(const struct owner_part *a, const struct owner_part *b)
{
	const struct net_policy *p = a->p, *q = b->p;

	if (p->mode != q->mode || p->preset != q->preset || p->metadata != q->metadata ||
		p->lift != q->lift)
		return false;
	for (enum net_dir d = 0; d < NET_DIRS; d++) {
		if (p->n_rules[d] != q->n_rules[d])
			return false;
		for (size_t i = 0; i < p->n_rules[d]; i++)
			if (!same_rule(&p->rules[d][i], &q->rules[d][i]))
				return false;
	}
	return same_addrs(&a->c->resolvers, &b->c->resolvers) &&
	       same_addrs(&a->c->hosts, &b->c->hosts) &&
	       same_addrs(&a->c->want->resolvers, &b->c->want->resolvers) &&
	       same_addrs(&a->c->want->metadata, &b->c->want->metadata);
}

/* Containers of a pod often have one profile: asked once, so that the many do not make each start dearer. */
static void take_shared(struct owner *shared, const struct owner_part *part)
{
	for (size_t i = 0; i < shared->n; i++)
		if (same_part(&shared->v[i], part))
			return;
	shared->v[shared->n++] = *part;
}

static void take_policy(struct work *w, struct owner *o, const struct owner_part *part)
{
	o->v[o->n++] = *part;
	take_shared(&w->shared, part);
	if (part->p->mode == NET_ENFORCE) {
		w->enforces = true;
		w->forwards = w->forwards && (part->p->lift >> NET_GUARD_FORWARD & 1);
	}
}

/* Who has policies that do something; in an order that does not depend on the caller's. */
static int collect(struct work *w, const struct net_space *s, struct err *e)
{
	size_t policies = 0;

	w->n = s->n;
	w->forwards = true;
	for (size_t i = 0; i < s->n; i++)
		policies += s->containers[i].want->n;
	w->all = calloc(s->n + 1, sizeof(struct net_container *));
	w->owners = calloc(s->n + 1, sizeof *w->owners);
	w->shared = (struct owner){NET_SHARED, calloc(policies + 1, sizeof *w->shared.v), 0};
	if (!w->all || !w->owners || !w->shared.v)
		return err_nomem(e);
	for (size_t i = 0; i < s->n; i++)
		w->all[i] = &s->containers[i];
	if (s->n > 1)
		qsort(w->all, s->n, sizeof *w->all, by_key);
	for (size_t i = 0; i < s->n; i++) {
		const struct net_container *c = w->all[i];
		struct owner *o = &w->owners[i];

		*o = (struct owner){c->key, calloc(c->want->n + 1, sizeof *o->v), 0};
		if (!o->v)
			return err_nomem(e);
		for (size_t k = 0; k < c->want->n; k++)
			if (c->want->policies[k].mode != NET_OFF)
				take_policy(w, o,
					&(struct owner_part){c, &c->want->policies[k], k + 1});
		if (o->n == 0)
			continue;
		if (s->host && c->cgroup == 0)
			return err_set(e, ERR_INPUT,
				"\"%.64s\" has no cgroup2 cgroup of its own: in the host's network "
				"its packets cannot be told from others'",
				c->want->title ? c->want->title : c->key);
		w->active++;
		w->only = o;
	}
	return 0;
}

static void base_chain(struct work *w, const char *name, unsigned hook)
{
	struct net_chain *c;

	make_chain(&w->m, "", name);
	c = make_last(&w->m);
	if (!c)
		return;
	c->base = true;
	c->hook = hook;
	c->drop = w->enforces && !w->m.s->host;
}

static struct net_match *cgroup_line(
	struct work *w, const struct net_container *c, struct net_line **l)
{
	struct net_match *match;

	*l = make_line(&w->m);
	match = make_match(&w->m, *l, NET_M_CGROUP);
	match->cgroup = c->cgroup;
	match->level = c->level;
	make_comment((*l)->comment, "%s", c->want->title ? c->want->title : "");
	return match;
}

/* Sockets of known containers go to their chains. */
static void send_known(struct work *w, const char *dir)
{
	char chain[NET_NAME_SIZE];
	struct net_line *l;

	for (size_t i = 0; i < w->n; i++) {
		const struct net_container *c = w->all[i];
		bool judged = w->owners[i].n > 0;

		/* A single one gets all that nobody else is excused from; and the host's are not ours. */
		if (c->cgroup == 0 || (w->m.s->host ? !judged : judged && w->active == 1))
			continue;
		cgroup_line(w, c, &l);
		snprintf(chain, sizeof chain, "%s_%s", c->key, dir);
		if (judged)
			make_goto(l, NET_V_GOTO, chain);
		else
			l->verdict = NET_V_ACCEPT;
	}
}

/* What is no known container's socket: of the only one, or held to what all of them allow. */
static void send_unknown(struct work *w, const char *dir)
{
	const struct owner *o = w->active == 1 ? w->only : &w->shared;
	struct net_line *l = make_line(&w->m);
	char chain[NET_NAME_SIZE];

	snprintf(chain, sizeof chain, "%s_%s", o->key, dir);
	make_goto(l, NET_V_GOTO, chain);
	if (w->active == 1)
		make_comment(l->comment, "%s", o->v->c->want->title ? o->v->c->want->title : "");
	else
		make_comment(l->comment, "sockets of no known container");
}

/*
 * What begins a base chain, all of it accepting, so that the order is free: nearly every packet ends at the first line.
 *
 * What the namespace says to itself passes. But a packet can be sent over lo that begins a flow with somebody else: under
 * the peer's address (IPV6_FREEBIND), or to it (SO_BINDTODEVICE). Conntrack knows no interfaces, so that flow would be
 * an established one outside, too: it is judged as if it left.
 */
static void known_flows(struct maker *m, unsigned hook)
{
	static const uint8_t icmp[][2] = {{IPPROTO_ICMP, 0}, {IPPROTO_ICMPV6, 0}};
	struct net_line *l;

	known_established(m);
	l = make_line(m);

	make_match(m, l, NET_M_LO);
	if (hook == NF_INET_LOCAL_OUT) {
		make_match(m, l, NET_M_SOURCE_LOCAL);
		make_match(m, l, NET_M_DEST_LOCAL);
	}
	l->verdict = NET_V_ACCEPT;
	if (hook == NF_INET_LOCAL_OUT)
		own_resets(m);
	for (size_t i = 0; i < 2; i++) {
		l = make_line(m);
		make_protocols(m, l, icmp[i], false);
		make_goto(l, NET_V_JUMP, ICMP_CHAIN);
	}
}

static void base_chains(struct work *w)
{
	static const struct {
		const char *name, *dir;
		unsigned hook;
	} sides[] = {{"output", "out", NF_INET_LOCAL_OUT}, {"input", "in", NF_INET_LOCAL_IN}};
	struct net_line *l;

	for (size_t i = 0; i < 2; i++) {
		base_chain(w, sides[i].name, sides[i].hook);
		if (!w->m.s->host)
			known_flows(&w->m, sides[i].hook);
		send_known(w, sides[i].dir);
		if (!w->m.s->host)
			send_unknown(w, sides[i].dir);
	}
	if (w->m.s->host)
		return;
	base_chain(w, "forward", NF_INET_FORWARD);
	if (make_last(&w->m) && w->forwards)
		make_last(&w->m)->drop = false;
	l = make_line(&w->m);
	l->counted = true;
	make_comment(l->comment, "from one interface to another");
	make_chain(&w->m, "", ICMP_CHAIN);
	known_icmp(&w->m);
}

static int by_name(const void *a, const void *b)
{
	const struct net_segment *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void segment_sets(struct maker *m)
{
	AUTO_FREE const struct net_segment **all =
		calloc(m->s->n_segments + 1, sizeof(struct net_segment *));
	char name[NET_NAME_SIZE];

	if (!all) {
		m->nomem = true;
		return;
	}
	for (size_t i = 0; i < m->s->n_segments; i++)
		all[i] = &m->s->segments[i];
	if (m->s->n_segments > 1)
		qsort(all, m->s->n_segments, sizeof *all, by_name);
	for (size_t i = 0; i < m->s->n_segments; i++) {
		snprintf(name, sizeof name, "segment_%.64s", all[i]->name);
		both(m, "", name, &all[i]->members, NULL, true);
	}
}

static bool is_spoken_of(const struct ruleset *r, const char *set)
{
	for (size_t i = 0; i < r->n_chains; i++)
		for (size_t k = 0; k < r->chains[i].n; k++) {
			const struct net_line *l = &r->chains[i].lines[k];

			for (size_t x = 0; x < l->n; x++)
				if (strcmp(l->matches[x].set, set) == 0)
					return true;
		}
	return false;
}

/* Of the first N sets, the world's, stay those that a line speaks of: each costs the start of a container. */
static void drop_idle_sets(struct ruleset *r, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_sets; i++) {
		if (i < n && !is_spoken_of(r, r->sets[i].name))
			free(r->sets[i].v);
		else
			r->sets[kept++] = r->sets[i];
	}
	r->n_sets = kept;
}

static void fill(struct work *w)
{
	size_t worlds;

	world_sets(&w->m);
	worlds = w->m.r.n_sets;
	segment_sets(&w->m);
	for (size_t i = 0; i < w->n; i++)
		container_sets(&w->m, w->all[i]);
	for (size_t i = 0; i < w->n; i++)
		if (w->owners[i].n)
			owner_objects(&w->m, &w->owners[i]);
	if (w->active > 1 && !w->m.s->host)
		owner_objects(&w->m, &w->shared);
	base_chains(w);
	for (size_t i = 0; i < w->n; i++)
		for (enum net_dir d = 0; w->owners[i].n && d < NET_DIRS; d++)
			owner_chains(&w->m, &w->owners[i], d);
	for (enum net_dir d = 0; w->active > 1 && !w->m.s->host && d < NET_DIRS; d++)
		owner_chains(&w->m, &w->shared, d);
	drop_idle_sets(&w->m.r, worlds);
}

int ruleset_build(const struct net_space *s, struct ruleset *out, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {.m.s = s};

	if (collect(&w, s, e) < 0)
		return -1;
	if (w.active > 0)
		fill(&w);
	if (make_result(&w.m, e) < 0)
		return -1;
	*out = w.m.r;
	w.m.r = (struct ruleset){0};
	return 0;
}

bool ruleset_confined(const struct ruleset *r)
{
	for (size_t i = 0; i < r->n_chains; i++) {
		const struct net_chain *c = &r->chains[i];

		if (!c->base)
			continue;
		if (c->drop)
			return false;
		for (size_t k = 0; k < c->n; k++) {
			const struct net_line *l = &c->lines[k];

			if (l->n == 0 || l->matches[0].kind != NET_M_CGROUP || l->matches[0].not ||
				l->matches[0].cgroup == 0)
				return false;
		}
	}
	return true;
}

void net_space_done(struct net_space *s)
{
	for (size_t i = 0; i < s->n; i++) {
		addrs_done(&s->containers[i].resolvers);
		addrs_done(&s->containers[i].hosts);
	}
	for (size_t i = 0; i < s->n_segments; i++) {
		free(s->segments[i].name);
		addrs_done(&s->segments[i].members);
	}
	free(s->containers);
	free(s->segments);
	*s = (struct net_space){0};
}
