/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack - end established connections that rules in force no longer allow (ctnetlink, sock_diag).
 *
 * A connection that is forgotten is judged anew by its next packet, whoever sends it. That alone would let one
 * live on whose refused side waits while the other, which may begin connections, sends: where the kernel can, the
 * container's own socket is ended as well (CONFIG_INET_DIAG_DESTROY), and the peer is told by its reset.
 */
#include "netseg/conntrack.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/conntrack_work.h"
#include "netseg/nlmsg.h"
#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"

enum { CONNECTIONS_MAX = 1 << 20 };

struct message { /* room for any question here */
	_Alignas(struct nlmsghdr) uint8_t bytes[512];
};

struct place {
	struct addr addr;
	enum conn_place place;
};

struct work {
	const struct ruleset *rules;
	bool host;
	int nl, route, diag; /* -1: sockets cannot be asked for */
	struct conn_sockets sockets;
	struct connection *v;
	size_t n, cap;
	struct place *places; /* sorted */
	size_t n_places;
};

static void work_done(struct work *w)
{
	cleanup_fd(&w->nl);
	cleanup_fd(&w->route);
	cleanup_fd(&w->diag);
	conn_sockets_done(&w->sockets);
	free(w->v);
	free(w->places);
}

/* ---- sockets ---- */

struct socket_read {
	struct conn_sockets *list;
	size_t before;
	uint8_t protocol;
};

static int take_socket(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct socket_read *to = arg;
	struct conn_socket s;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || !conn_socket_read(h, to->protocol, &s))
		return 0;
	return conn_sockets_add(to->list, &s) < 0 ? err_nomem(e) : 0;
}

static void forget_sockets(void *arg)
{
	struct socket_read *to = arg;

	to->list->n = to->before;
}

static int read_sockets(struct work *w, uint8_t family, uint8_t protocol, struct err *e)
{
	struct socket_read to = {&w->sockets, w->sockets.n, protocol};
	const struct inet_diag_req_v2 ask = {
		.sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = UINT32_MAX};
	struct message room;
	struct nlmsg m;

	nlmsg_begin(&m, &room, sizeof room, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &ask, sizeof ask);
	if (nlsock_ask(w->diag, m.h, take_socket, forget_sockets, &to, e) == 0)
		return 0;
	/* no such protocol, or no module that could tell of its sockets */
	return e->code == ENOENT || e->code == EINVAL || e->code == EOPNOTSUPP ? 0 : -1;
}

static int read_all_sockets(struct work *w, struct err *e)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	w->diag = nlsock_open(NETLINK_SOCK_DIAG, e);
	if (w->diag < 0)
		/* without sockets nobody's rule counts; in the host's namespace nothing could be told apart */
		return e->code == EPROTONOSUPPORT && !w->host ? 0 : -1;
	for (size_t i = 0; i < sizeof protocols; i++)
		if (read_sockets(w, AF_INET, protocols[i], e) < 0 ||
			read_sockets(w, AF_INET6, protocols[i], e) < 0)
			return err_wrap(e, "sockets of protocol %d", protocols[i]);
	conn_sockets_sort(&w->sockets);
	return 0;
}

/* Quiet when it cannot be done: then the rules have the last word. */
static void destroy(const struct work *w, const struct conn_socket *s)
{
	struct inet_diag_req_v2 ask = {.sdiag_family = s->family,
		.sdiag_protocol = s->protocol,
		.idiag_states = UINT32_MAX};
	struct message room;
	struct nlmsg m;
	struct err why;

	memcpy(&ask.id, s->id, sizeof ask.id);
	nlmsg_begin(&m, &room, sizeof room, SOCK_DESTROY, 0, &ask, sizeof ask);
	(void)nlsock_ask(w->diag, m.h, NULL, NULL, NULL, &why);
}

/* ---- connections ---- */

static int take_connection(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct work *w = arg;
	struct connection c, *more;
	size_t cap = w->cap ? 2 * w->cap : 64;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
		!connection_read(h, &c) || c.over)
		return 0;
	if (w->host && !connection_ours(w->rules, &w->sockets, &c))
		return 0;
	if (w->n == w->cap) {
		if (w->n >= CONNECTIONS_MAX)
			return err_set(e, E2BIG, "more than %d connections", CONNECTIONS_MAX);
		more = reallocarray(w->v, cap, sizeof *more);
		if (!more)
			return err_nomem(e);
		w->v = more;
		w->cap = cap;
	}
	w->v[w->n++] = c;
	return 0;
}

static void forget_connections(void *arg)
{
	((struct work *)arg)->n = 0;
}

static int read_connections(struct work *w, struct err *e)
{
	struct message room;
	struct nlmsg m;

	nlmsg_begin_nf(&m, &room, sizeof room, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
		NLM_F_DUMP, AF_UNSPEC, 0);
	if (nlsock_ask(w->nl, m.h, take_connection, forget_connections, w, e) == 0)
		return 0;
	return err_wrap(e, "connections (modprobe nf_conntrack_netlink, CONFIG_NF_CT_NETLINK)");
}

/* C alone, not one that began since and is named alike. */
static int forget(const struct work *w, const struct connection *c, struct err *e)
{
	struct message room;
	struct nlmsg m;

	nlmsg_begin_nf(&m, &room, sizeof room, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0,
		c->source.addr.family, 0);
	nlmsg_put(&m, CTA_TUPLE_ORIG | NLA_F_NESTED, c->tuple, c->tuple_len);
	nlmsg_be32(&m, CTA_ID, c->id);
	if (c->zone)
		nlmsg_be16(&m, CTA_ZONE, c->zone);
	return nlsock_ask(w->nl, m.h, NULL, NULL, NULL, e) < 0 && e->code != ENOENT ? -1 : 0;
}

/* ---- addresses ---- */

static int take_route(const struct nlmsghdr *h, void *arg, struct err *e)
{
	enum conn_place *place = arg;
	const struct rtmsg *m = nlmsg_payload(h, sizeof *m);

	(void)e;
	if (h->nlmsg_type != RTM_NEWROUTE || !m)
		return 0;
	if (m->rtm_type == RTN_LOCAL)
		*place = CONN_LOCAL;
	else if (m->rtm_type == RTN_BROADCAST || m->rtm_type == RTN_MULTICAST ||
		 m->rtm_type == RTN_ANYCAST)
		*place = CONN_MANY;
	return 0;
}

/* What "fib daddr type" would say: also of addresses that are on no interface. */
static int ask_place(
	const struct work *w, const struct addr *a, enum conn_place *place, struct err *e)
{
	/* the kernel has these for an address that leads nowhere */
	static const int nowhere[] = {ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL};
	const struct rtmsg ask = {.rtm_family = a->family,
		.rtm_dst_len = (uint8_t)(8 * addr_size(a)),
		.rtm_flags = RTM_F_FIB_MATCH};
	struct message room;
	struct nlmsg m;

	nlmsg_begin(&m, &room, sizeof room, RTM_GETROUTE, 0, &ask, sizeof ask);
	nlmsg_put(&m, RTA_DST, a->bytes, addr_size(a));
	*place = CONN_ELSEWHERE;
	if (nlsock_ask(w->route, m.h, take_route, NULL, place, e) == 0)
		return 0;
	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
		if (e->code == nowhere[i])
			return 0;
	return err_wrap(e, "what an address is");
}

static int place_of(struct work *w, const struct addr *a, enum conn_place *place, struct err *e)
{
	size_t low = 0, high = w->n_places;
	struct place *more;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(&w->places[middle].addr, a, sizeof *a);

		if (order == 0) {
			*place = w->places[middle].place;
			return 0;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (ask_place(w, a, place, e) < 0)
		return -1;
	more = reallocarray(w->places, w->n_places + 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	w->places = more;
	memmove(more + low + 1, more + low, (w->n_places++ - low) * sizeof *more);
	more[low] = (struct place){*a, *place};
	return 0;
}

/* ---- all of it ---- */

static int judge(struct work *w, const struct connection *c, struct strv *gone, struct err *e)
{
	enum conn_place source, answerer;
	AUTO_STR struct str text = STR_INIT;
	struct conn_owners owners;

	if (place_of(w, &c->source.addr, &source, e) < 0 ||
		place_of(w, &c->answerer.addr, &answerer, e) < 0)
		return -1;
	if (!connection_refused(w->rules, w->host, &w->sockets, c, source, answerer, &owners))
		return 0;
	/* first: its reset still passes as a part of the connection */
	for (size_t i = 0; i < owners.n; i++)
		destroy(w, owners.v[i]);
	connection_text(c, &text);
	if (forget(w, c, e) < 0)
		return err_wrap(e, "end %s", str_text(&text));
	return str_failed(&text) || strv_add(gone, str_text(&text)) < 0 ? err_nomem(e) : 0;
}

int conntrack_drop_refused(const struct ruleset *r, bool host, struct strv *gone, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {
		.rules = r, .host = host, .nl = -1, .route = -1, .diag = -1};

	w.nl = nlsock_open(NETLINK_NETFILTER, e);
	if (w.nl < 0)
		return -1;
	w.route = nlsock_open(NETLINK_ROUTE, e);
	if (w.route < 0 || read_all_sockets(&w, e) < 0 || read_connections(&w, e) < 0)
		return -1;
	for (size_t i = 0; i < w.n; i++)
		if (judge(&w, &w.v[i], gone, e) < 0)
			return -1;
	return 0;
}
