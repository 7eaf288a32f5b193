/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack_read - connections and sockets as the kernel tells of them, and what rules say of them.
 *
 * Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h, net/netfilter/nf_conntrack_netlink.c,
 * include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c of Linux 5.13 to 6.18.
 */
#include "netseg/conntrack_work.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/nlmsg.h"

/* ---- a connection ---- */

static void address_of(const struct nlattr *a, uint8_t family, struct addr *out)
{
	size_t size = family == AF_INET ? 4 : 16;

	if (!a || nlattr_len(a) != size)
		return;
	*out = (struct addr){.family = family, .prefix = (uint8_t)(size * 8)};
	memcpy(out->bytes, nlattr_data(a), size);
}

static bool read_tuple(const struct nlattr *tuple, uint8_t *protocol, uint8_t *icmp,
	struct end *from, struct end *to)
{
	const struct nlattr *in[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (!tuple || !nlattr_attrs(tuple, in, CTA_TUPLE_MAX) || !in[CTA_TUPLE_IP] ||
		!in[CTA_TUPLE_PROTO] || !nlattr_attrs(in[CTA_TUPLE_IP], ip, CTA_IP_MAX) ||
		!nlattr_attrs(in[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX))
		return false;
	address_of(ip[CTA_IP_V4_SRC], AF_INET, &from->addr);
	address_of(ip[CTA_IP_V4_DST], AF_INET, &to->addr);
	address_of(ip[CTA_IP_V6_SRC], AF_INET6, &from->addr);
	address_of(ip[CTA_IP_V6_DST], AF_INET6, &to->addr);
	*protocol = nlattr_u8(proto[CTA_PROTO_NUM], 0);
	from->port = nlattr_be16(proto[CTA_PROTO_SRC_PORT], 0);
	to->port = nlattr_be16(proto[CTA_PROTO_DST_PORT], 0);
	*icmp = nlattr_u8(proto[CTA_PROTO_ICMP_TYPE], nlattr_u8(proto[CTA_PROTO_ICMPV6_TYPE], 0));
	return *protocol && from->addr.family != AF_UNSPEC && to->addr.family == from->addr.family;
}

/* Both have closed it, or one has reset it: nothing is transferred any more. */
static bool is_over(const struct nlattr *info)
{
	const struct nlattr *in[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];
	uint8_t state;

	if (!info || !nlattr_attrs(info, in, CTA_PROTOINFO_MAX) || !in[CTA_PROTOINFO_TCP] ||
		!nlattr_attrs(in[CTA_PROTOINFO_TCP], tcp, CTA_PROTOINFO_TCP_MAX))
		return false;
	state = nlattr_u8(tcp[CTA_PROTOINFO_TCP_STATE], 0);
	return state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
}

bool connection_read(const struct nlmsghdr *h, struct connection *out)
{
	const struct nlattr *at[CTA_MAX + 1];
	struct connection c = {.protocol = 0};
	uint8_t protocol = 0, icmp = 0;

	if (!nlmsg_attrs(h, sizeof(struct nfgenmsg), at, CTA_MAX) ||
		!read_tuple(at[CTA_TUPLE_ORIG], &c.protocol, &c.icmp_type, &c.source, &c.dest) ||
		!read_tuple(at[CTA_TUPLE_REPLY], &protocol, &icmp, &c.answerer, &c.answered) ||
		protocol != c.protocol || nlattr_len(at[CTA_TUPLE_ORIG]) > sizeof c.tuple)
		return false;
	c.tuple_len = nlattr_len(at[CTA_TUPLE_ORIG]);
	memcpy(c.tuple, nlattr_data(at[CTA_TUPLE_ORIG]), c.tuple_len);
	c.over = is_over(at[CTA_PROTOINFO]);
	c.id = nlattr_be32(at[CTA_ID], 0);
	c.zone = nlattr_be16(at[CTA_ZONE], 0);
	*out = c;
	return true;
}

static void end_text(const struct end *x, struct str *out)
{
	char text[ADDR_TEXT_SIZE];

	addr_text(&x->addr, text);
	if (!x->port)
		str_add(out, text);
	else
		str_addf(out, x->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, x->port);
}

void connection_text(const struct connection *c, struct str *out)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"},
		{IPPROTO_ICMP, "icmp"}, {IPPROTO_ICMPV6, "icmp"}};
	const char *name = NULL;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].protocol == c->protocol)
			name = names[i].name;
	if (name)
		str_add(out, name);
	else
		str_addf(out, "protocol %u", c->protocol);
	str_addc(out, ' ');
	end_text(&c->source, out);
	str_add(out, " -> ");
	end_text(&c->answerer, out);
}

/* ---- sockets ---- */

/* An address of a socket; all zero is any. One of IPv4 in an IPv6 socket counts as what it is on the wire. */
static struct addr socket_address(uint8_t family, const uint32_t words[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct addr a = {.family = family};
	size_t size = family == AF_INET ? 4 : 16;
	static const uint8_t none[16];

	memcpy(a.bytes, words, size);
	if (family == AF_INET6 && memcmp(a.bytes, mapped, sizeof mapped) == 0) {
		memmove(a.bytes, a.bytes + sizeof mapped, 4);
		memset(a.bytes + 4, 0, 12);
		a.family = AF_INET;
		size = 4;
	}
	if (memcmp(a.bytes, none, size) == 0)
		return (struct addr){.family = AF_UNSPEC};
	a.prefix = (uint8_t)(size * 8);
	return a;
}

bool conn_socket_read(const struct nlmsghdr *h, uint8_t protocol, struct conn_socket *out)
{
	struct inet_diag_msg m;
	const struct nlattr *at[INET_DIAG_CGROUP_ID + 1];
	const void *payload = nlmsg_payload(h, sizeof m);

	if (!payload || !nlmsg_attrs(h, sizeof m, at, INET_DIAG_CGROUP_ID))
		return false;
	memcpy(&m, payload, sizeof m);
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return false;
	*out = (struct conn_socket){
		.family = m.idiag_family,
		.protocol = protocol,
		.local = {socket_address(m.idiag_family, m.id.idiag_src), ntohs(m.id.idiag_sport)},
		.remote = {socket_address(m.idiag_family, m.id.idiag_dst), ntohs(m.id.idiag_dport)},
		.cgroup = nlattr_u64(at[INET_DIAG_CGROUP_ID], 0),
	};
	_Static_assert(sizeof m.id == sizeof out->id, "a socket's name");
	memcpy(out->id, &m.id, sizeof m.id);
	return true;
}

int conn_sockets_add(struct conn_sockets *l, const struct conn_socket *s)
{
	struct conn_socket *more;
	size_t cap = l->cap ? 2 * l->cap : 64;

	if (l->n == l->cap) {
		more = reallocarray(l->v, cap, sizeof *more);
		if (!more)
			return -1;
		l->v = more;
		l->cap = cap;
	}
	l->v[l->n++] = *s;
	return 0;
}

void conn_sockets_done(struct conn_sockets *l)
{
	free(l->v);
	*l = (struct conn_sockets){NULL, 0, 0};
}

static int by_port(const void *a, const void *b)
{
	const struct conn_socket *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return x->local.port == y->local.port ? 0 : x->local.port < y->local.port ? -1 : 1;
}

void conn_sockets_sort(struct conn_sockets *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_port);
}

/* The first at the port, and behind the last one. */
static const struct conn_socket *at_port(
	const struct conn_sockets *l, uint8_t protocol, uint16_t port, size_t *n)
{
	const struct conn_socket key = {.protocol = protocol, .local = {.port = port}};
	size_t low = 0, high = l->n, from;

	*n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_port(&l->v[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (from = low; low < l->n && by_port(&l->v[low], &key) == 0; low++)
		++*n;
	return l->v ? l->v + from : NULL;
}

/* How near S is to having the connection: 0 not at all, 3 that and no other. */
static int nearness(const struct conn_socket *s, const struct end *local, const struct end *remote)
{
	bool bound = s->local.addr.family != AF_UNSPEC;

	if (bound ? !addr_equal(&s->local.addr, &local->addr)
		  : s->family == AF_INET && local->addr.family != AF_INET)
		return 0;
	if (s->remote.port == 0 && s->remote.addr.family == AF_UNSPEC)
		return bound ? 2 : 1;
	return s->remote.port == remote->port && addr_equal(&s->remote.addr, &remote->addr) ? 3 : 0;
}

bool conn_cgroup_known(const struct ruleset *r, uint64_t cgroup)
{
	for (size_t i = 0; i < r->n_chains && r->chains[i].base; i++)
		for (size_t k = 0; k < r->chains[i].n; k++) {
			const struct net_line *line = &r->chains[i].lines[k];

			for (size_t m = 0; m < line->n; m++)
				if (line->matches[m].kind == NET_M_CGROUP &&
					!line->matches[m].not &&(
						!cgroup || line->matches[m].cgroup == cgroup))
					return true;
		}
	return false;
}

bool conn_cgroup_any(const struct ruleset *r)
{
	return conn_cgroup_known(r, 0);
}

bool connection_ours(
	const struct ruleset *r, const struct conn_sockets *sockets, const struct connection *c)
{
	const uint16_t ports[] = {c->source.port, c->answerer.port};

	for (size_t i = 0; i < 2; i++) {
		size_t n;
		const struct conn_socket *s = at_port(sockets, c->protocol, ports[i], &n);

		for (; n; n--, s++)
			if (s->cgroup && conn_cgroup_known(r, s->cgroup))
				return true;
	}
	return false;
}

/* ---- what the rules say ---- */

static bool packet_refused(const struct ruleset *r, struct net_packet *p, uint64_t cgroup)
{
	struct net_judgement j;

	p->cgroup = cgroup;
	ruleset_judge(r, p, &j);
	return !j.accepted;
}

/*
 * P, as any of the sockets at LOCAL would have sent or got it: which of several at one port it was cannot be known
 * afterwards, so it is refused when one of them may not.
 */
static bool refused_at(const struct ruleset *r, bool host, const struct conn_sockets *sockets,
	struct net_packet *p, const struct end *local, const struct end *remote,
	struct conn_owners *owners)
{
	size_t n, found = 0;
	const struct conn_socket *s = at_port(sockets, p->protocol, local->port, &n);
	bool refused = false, cgroups = conn_cgroup_any(r);
	int best = 0;

	for (size_t i = 0; i < n; i++)
		best = nearness(&s[i], local, remote) > best ? nearness(&s[i], local, remote)
							     : best;
	for (size_t i = 0; best && i < n; i++) {
		if (nearness(&s[i], local, remote) != best)
			continue;
		if (best == 3 && owners->n < CONN_OWNERS)
			owners->v[owners->n++] = &s[i];
		found++;
		if (host && !(s[i].cgroup && conn_cgroup_known(r, s[i].cgroup)))
			continue;
		refused = refused || packet_refused(r, p, cgroups ? s[i].cgroup : 0);
	}
	return found || host ? refused : packet_refused(r, p, 0);
}

bool connection_refused(const struct ruleset *r, bool host, const struct conn_sockets *sockets,
	const struct connection *c, enum conn_place source, enum conn_place answerer,
	struct conn_owners *owners)
{
	struct net_packet p = {.lo = source == CONN_LOCAL && answerer == CONN_LOCAL,
		.ct = NET_CT_NEW,
		.protocol = c->protocol,
		.source = c->source.addr,
		.dest = c->answerer.addr,
		.sport = c->source.port,
		.dport = c->answerer.port,
		.icmp_type = c->icmp_type,
		.source_local = source == CONN_LOCAL,
		.dest_local = answerer == CONN_LOCAL};
	bool refused = false;

	*owners = (struct conn_owners){.n = 0};
	if (source == CONN_LOCAL) {
		p.dir = NET_OUT;
		refused = refused_at(r, host, sockets, &p, &c->source, &c->dest, owners);
	}
	if (answerer == CONN_LOCAL || (source != CONN_LOCAL && answerer == CONN_MANY)) {
		p.dir = NET_IN;
		refused |= refused_at(r, host, sockets, &p, &c->answerer, &c->answered, owners);
	}
	return refused;
}
