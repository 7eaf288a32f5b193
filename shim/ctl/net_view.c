/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_view - what the kernel has seen of a container's network: counters and sets of flows of its table.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/learn.h"
#include "shim/ctl/net.h"

void net_view_done(struct net_view *v)
{
	sight_done(&v->seen);
	sight_done(&v->denied);
}

/* ---- who is who ---- */

static bool is_loopback(const struct addr *a)
{
	static const uint8_t six[16] = {[15] = 1};

	return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, six, sizeof six) == 0;
}

static size_t members_of(const struct net_list *l, const char *segment)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += !l->v[i].host && strv_has(&l->v[i].want.segments, segment);
	return n;
}

/* Of several the one that has the fewest members: a rule that names it opens the least. */
static const char *segment_of(const struct net_list *l, const struct addr *a)
{
	const char *best = NULL;
	size_t least = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct net_entry *m = &l->v[i];

		if (m->host || !addrs_has(&m->addresses, a))
			continue;
		for (size_t k = 0; k < m->want.segments.n; k++) {
			const char *name = m->want.segments.v[k];
			size_t n = members_of(l, name);

			if (!best || n < least || (n == least && strcmp(name, best) < 0)) {
				best = name;
				least = n;
			}
		}
	}
	return best;
}

void net_is(const struct net_list *l, const struct net_entry *n, const struct addr *address,
	enum net_dir dir, uint8_t protocol, uint16_t port, char out[SIGHT_IS_SIZE])
{
	const char *segment;
	bool names = dir == NET_OUT && port == 53 &&
		     (protocol == IPPROTO_UDP || protocol == IPPROTO_TCP);
	bool own = is_loopback(address) || addrs_has(&n->addresses, address);

	if (names && addrs_has(&n->resolvers, address))
		snprintf(out, SIGHT_IS_SIZE, "dns");
	else if (own)
		snprintf(out, SIGHT_IS_SIZE, "%s", n->host ? "host" : "self");
	else if (addrs_has(&n->want.metadata, address) || learn_metadata(address))
		snprintf(out, SIGHT_IS_SIZE, "metadata");
	else if ((segment = segment_of(l, address)))
		snprintf(out, SIGHT_IS_SIZE, "segment:%s", segment);
	else
		snprintf(out, SIGHT_IS_SIZE, "%s", addrs_has(&n->hosts, address) ? "host" : "");
}

/* ---- one container ---- */

static int copy_addrs(const struct addrs *from, struct addrs *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (addrs_add(to, &from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

int net_view_head(const struct net_entry *n, struct sight *s, struct err *e)
{
	s->id = strdup(n->id);
	s->key = strdup(n->key);
	s->name = strdup(n->want.title ? n->want.title : "");
	s->profile = strdup(n->want.n ? n->want.policies[0].profile : "");
	if (!s->id || !s->key || !s->name || !s->profile)
		return err_nomem(e);
	for (size_t i = 0; i < n->want.segments.n; i++)
		if (strv_add(&s->segments, n->want.segments.v[i]) < 0)
			return err_nomem(e);
	s->mode = net_mode_of(n);
	s->since = n->since;
	s->until = (uint64_t)time(NULL);
	if (copy_addrs(&n->addresses, &s->own, e) < 0 || copy_addrs(&n->hosts, &s->hosts, e) < 0)
		return -1;
	return copy_addrs(&n->resolvers, &s->resolvers, e);
}

int net_view_add(const struct net_list *l, const struct net_entry *n, enum net_dir dir,
	const struct net_flows *f, bool shared, struct sight *s, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct net_flow *k = &f->v[i];
		uint64_t kept = NET_DENIED_KEPT, left = k->expires / 1000;
		struct sight_flow flow = {
			.dir = dir,
			.peer = k->peer,
			.protocol = k->protocol,
			.port = k->port,
			.packets = k->packets,
			.bytes = k->bytes,
			.ago = k->expires && left < kept ? kept - left : 0,
			.shared = shared,
		};

		net_is(l, n, &k->peer, dir, k->protocol, k->port, flow.is);
		if (sight_add(s, &flow, e) < 0)
			return -1;
	}
	s->full |= f->n >= NET_FLOWS_MAX;
	return 0;
}

static const char *const directions[] = {[NET_OUT] = "out", [NET_IN] = "in"};

/* A set that is not there holds nothing: what a container does not need is not made. */
static int read_set(int nl, const char *owner, const char *kind, enum net_dir dir, bool six,
	struct net_flows *out, struct err *e)
{
	char name[NET_NAME_SIZE];
	struct err why = {0};

	snprintf(name, sizeof name, "%s_%s_%s%c", owner, kind, directions[dir], six ? '6' : '4');
	if (table_flows(nl, name, six ? NET_T_FLOW6 : NET_T_FLOW4, out, &why) == 0 ||
		why.code == ENOENT)
		return 0;
	*e = why;
	return -1;
}

/* The sets NAME of OWNER, both ways, both families. */
static int read_flows(int nl, const struct net_list *l, const struct net_entry *n,
	const char *owner, const char *kind, struct sight *to, struct err *e)
{
	for (int way = 0; way < 2 * NET_DIRS; way++) {
		AUTO_FLOWS struct net_flows f = {0};
		enum net_dir dir = (enum net_dir)(way / 2);

		if (read_set(nl, owner, kind, dir, way % 2, &f, e) < 0 ||
			net_view_add(l, n, dir, &f, strcmp(owner, "shared") == 0, to, e) < 0)
			return -1;
	}
	return 0;
}

/* Whoever has rules has all four of them. */
static int read_counter(int nl, const char *key, enum net_dir dir, const char *what,
	struct net_count *out, bool *absent, struct err *e)
{
	char name[NET_NAME_SIZE];
	struct err why = {0};

	snprintf(name, sizeof name, "%s_%s_%s", key, directions[dir], what);
	if (table_counter(nl, name, &out->packets, &out->bytes, &why) == 0)
		return 0;
	if (why.code != ENOENT) {
		*e = why;
		return -1;
	}
	*absent = true;
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct sight_flow *x = a, *y = b;

	if (x->dir != y->dir)
		return x->dir < y->dir ? -1 : 1;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	if (x->peer.family != y->peer.family)
		return x->peer.family < y->peer.family ? -1 : 1;
	if (!addr_equal(&x->peer, &y->peer))
		return memcmp(x->peer.bytes, y->peer.bytes, sizeof x->peer.bytes);
	return x->protocol != y->protocol ? x->protocol - y->protocol : x->port - y->port;
}

static int read_table(
	const struct net_list *l, const struct net_entry *n, struct net_view *v, struct err *e)
{
	AUTO_FD int nl = nlsock_open(NETLINK_NETFILTER, e);
	bool absent = false;

	if (nl < 0)
		return -1;
	for (int d = 0; d < NET_DIRS; d++) {
		enum net_dir dir = (enum net_dir)d;

		if (read_counter(nl, n->key, dir, "accepted", &v->accepted[d], &absent, e) < 0 ||
			read_counter(nl, n->key, dir, "refused", &v->refused[d], &absent, e) < 0)
			return -1;
	}
	v->missing = absent && net_mode_of(n) != NET_OFF;
	if (read_flows(nl, l, n, n->key, "seen", &v->seen, e) < 0 ||
		read_flows(nl, l, n, "shared", "seen", &v->seen, e) < 0 ||
		read_flows(nl, l, n, n->key, "denied", &v->denied, e) < 0 ||
		read_flows(nl, l, n, "shared", "denied", &v->denied, e) < 0)
		return -1;
	if (v->seen.n)
		qsort(v->seen.v, v->seen.n, sizeof *v->seen.v, order);
	if (v->denied.n)
		qsort(v->denied.v, v->denied.n, sizeof *v->denied.v, order);
	return 0;
}

static int gone(const struct net_entry *n, const char *how, struct err *e)
{
	err_set(e, ERR_INPUT, "%.*s %s", SIGHT_ID(n->id), how);
	e->code = ESRCH;
	return -1;
}

int net_view_read(const struct net_list *l, size_t i, struct net_view *out, struct err *e)
{
	const struct net_entry *n = &l->v[i];
	AUTO_NET_VIEW struct net_view v = {.seen = {0}};
	AUTO_FD int ns = -1, back = -1;
	struct netns_id id;
	struct err second;
	int rc;

	if (net_view_head(n, &v.seen, e) < 0 || net_view_head(n, &v.denied, e) < 0)
		return -1;
	if (!registry_lives(n))
		return gone(n,
			"is gone, and nothing can be read of it any more (cinchctl net sync "
			"forgets it)",
			e);
	if (netns_of(n->pid, &ns, e) < 0 || netns_enter(ns, &back, &id, e) < 0)
		return -1;
	rc = netns_same(&id, &n->ns) ? read_table(l, n, &v, e)
				     : gone(n,
					       "has moved to another network namespace; its rules "
					       "hold what it has left behind, and are not read "
					       "(stop it to be rid of both)",
					       e);
	if (netns_leave(&back, rc < 0 ? &second : e) < 0 || rc < 0)
		return -1;
	*out = v;
	v = (struct net_view){.seen = {0}};
	return 0;
}
