/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack_work - connections and sockets as the kernel tells of them; shared by netseg/conntrack*.c alone.
 *
 * A connection has four addresses: those its first packet left with, and those its answers bear. Where addresses are
 * translated they differ. The rules (behind the translation of what leaves and of what arrives) see it go from the first
 * source to whom the answers come from; a socket in front of it knows the first destination.
 */
#ifndef CINCH_NETSEG_CONNTRACK_WORK_H
#define CINCH_NETSEG_CONNTRACK_WORK_H

#include "netseg/ruleset.h"

struct nlmsghdr;

struct end {
	struct addr addr;
	uint16_t port; /* 0 where there are none */
};

struct connection {
	uint8_t protocol, icmp_type;
	struct end source, dest; /* of the first packet */
	struct end answerer, answered; /* source and destination of its answers */
	bool over; /* TCP: it was closed by both, or reset */
	uint32_t id;
	uint16_t zone; /* 0: none */
	size_t tuple_len;
	uint8_t tuple[128]; /* the attributes that say where the first packet went: to name it by */
};

struct conn_socket {
	uint8_t family; /* its own: a socket of IPv6 may talk IPv4 */
	uint8_t protocol;
	struct end local, remote; /* family AF_UNSPEC: any */
	uint64_t cgroup; /* 0: not told */
	uint8_t id[48]; /* struct inet_diag_sockid, to name it by */
};

struct conn_sockets { /* zero-initialise */
	struct conn_socket *v;
	size_t n, cap;
};

#define AUTO_CONN_SOCKETS __attribute__((cleanup(conn_sockets_done)))

/* What an answer of ctnetlink says; false: it is no connection that is understood. */
bool connection_read(const struct nlmsghdr *h, struct connection *out);
/* An answer of sock_diag for PROTOCOL. */
bool conn_socket_read(const struct nlmsghdr *h, uint8_t protocol, struct conn_socket *out);
/* 0, or -1 when out of memory. */
int conn_sockets_add(struct conn_sockets *l, const struct conn_socket *s);
/* After the last one was added, before any is looked for. */
void conn_sockets_sort(struct conn_sockets *l);
void conn_sockets_done(struct conn_sockets *l);

/* Base chains of R choose by this cgroup; by any at all. */
bool conn_cgroup_known(const struct ruleset *r, uint64_t cgroup);
bool conn_cgroup_any(const struct ruleset *r);
/* An end of the connection may be a socket of a cgroup of R. */
bool connection_ours(
	const struct ruleset *r, const struct conn_sockets *sockets, const struct connection *c);

/* What an address is to the namespace. */
enum conn_place {
	CONN_ELSEWHERE,
	CONN_LOCAL, /* its own */
	CONN_MANY, /* of several that may be in it: multicast, broadcast, anycast */
};

enum { CONN_OWNERS = 4 };

/* Sockets that have the connection and no other; borrowed. */
struct conn_owners {
	const struct conn_socket *v[CONN_OWNERS];
	size_t n;
};

/*
 * R refuses the first packet of C, were it to begin now. SOURCE and ANSWERER say what those are here. When it does, OWNERS are
 * the sockets here.
 */
bool connection_refused(const struct ruleset *r, bool host, const struct conn_sockets *sockets,
	const struct connection *c, enum conn_place source, enum conn_place answerer,
	struct conn_owners *owners);
/* "tcp 10.0.0.2:41234 -> 10.0.0.9:5432", as the rules see it; appended. */
void connection_text(const struct connection *c, struct str *out);

#endif
