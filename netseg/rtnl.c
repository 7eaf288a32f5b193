/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnl - addresses and gateways of the network namespace this thread is in (rtnetlink(7)).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netseg/netns.h"
#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"

enum { LO = 1 /* the index of lo in every namespace, LOOPBACK_IFINDEX of the kernel */ };

static void forget(void *arg)
{
	struct addrs *found = arg;

	addrs_done(found);
	*found = (struct addrs){0};
}

/* The LEN bytes at DATA, an address of FAMILY; others are passed over. */
static int add(struct addrs *to, uint8_t family, const void *data, size_t len, struct err *e)
{
	struct addr a = {.family = family, .prefix = family == AF_INET ? 32 : 128};
	static const uint8_t nowhere[16];

	if (len != addr_size(&a) || memcmp(data, nowhere, len) == 0)
		return 0;
	memcpy(a.bytes, data, len);
	return addrs_add(to, &a) < 0 ? err_nomem(e) : 0;
}

static bool is_family(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* The attributes behind a header of SIZE bytes by type, borrowed; what is unknown is passed over. */
static bool attributes(
	const struct nlmsghdr *m, size_t size, struct rtattr *out[], unsigned short max)
{
	if (m->nlmsg_len < NLMSG_LENGTH(size))
		return false;
	int len = (int)(m->nlmsg_len - NLMSG_SPACE(size));
	struct rtattr *a = (struct rtattr *)((char *)NLMSG_DATA(m) + NLMSG_ALIGN(size));

	memset(out, 0, (max + 1U) * sizeof *out);
	for (; len > 0 && RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) <= max)
			out[a->rta_type & NLA_TYPE_MASK] = a;
	return true;
}

static int on_address(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct ifaddrmsg *i = NLMSG_DATA(m);
	struct rtattr *a[IFA_MAX + 1];

	if (m->nlmsg_type != RTM_NEWADDR || !attributes(m, sizeof *i, a, IFA_MAX) ||
		!is_family(i->ifa_family) || i->ifa_index == LO || i->ifa_scope > RT_SCOPE_SITE)
		return 0;
	/* of a point-to-point link IFA_ADDRESS is the other end's */
	const struct rtattr *own = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS];

	return own ? add(arg, i->ifa_family, RTA_DATA(own), RTA_PAYLOAD(own), e) : 0;
}

/* RTA_VIA: the gateway's family is another than the route's. */
static int add_via(struct addrs *to, const struct rtattr *a, struct err *e)
{
	struct rtvia via;
	const char *data = RTA_DATA(a);

	if (RTA_PAYLOAD(a) <= sizeof via)
		return 0;
	memcpy(&via, data, sizeof via);
	return is_family((uint8_t)via.rtvia_family)
		       ? add(to, (uint8_t)via.rtvia_family, data + sizeof via,
				 RTA_PAYLOAD(a) - sizeof via, e)
		       : 0;
}

/* A route, or one of several next hops: attributes A to LEN bytes. */
static int add_gateway(
	struct addrs *to, uint8_t family, const struct rtattr *a, int len, struct err *e)
{
	for (; len > 0 && RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		int rc = 0;

		if (a->rta_type == RTA_GATEWAY)
			rc = add(to, family, RTA_DATA(a), RTA_PAYLOAD(a), e);
		else if (a->rta_type == RTA_VIA)
			rc = add_via(to, a, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int add_hops(struct addrs *to, uint8_t family, const struct rtattr *list, struct err *e)
{
	const struct rtnexthop *hop = RTA_DATA(list);
	int len = (int)RTA_PAYLOAD(list);

	for (; len >= (int)sizeof *hop && RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		int inner = hop->rtnh_len - (int)RTNH_LENGTH(0);

		len -= (int)RTNH_ALIGN(hop->rtnh_len);
		if (inner > 0 && add_gateway(to, family, RTNH_DATA(hop), inner, e) < 0)
			return -1;
	}
	return 0;
}

static int on_route(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct rtmsg *r = NLMSG_DATA(m);
	struct rtattr *a[RTA_MAX + 1];

	if (m->nlmsg_type != RTM_NEWROUTE || !attributes(m, sizeof *r, a, RTA_MAX) ||
		!is_family(r->rtm_family) || r->rtm_dst_len != 0 || r->rtm_type != RTN_UNICAST ||
		r->rtm_table == RT_TABLE_LOCAL)
		return 0;
	if (a[RTA_MULTIPATH] && add_hops(arg, r->rtm_family, a[RTA_MULTIPATH], e) < 0)
		return -1;
	return add_gateway(arg, r->rtm_family, RTM_RTA(r), (int)RTM_PAYLOAD(m), e);
}

struct question { /* an ifaddrmsg or rtmsg, of which the kernel wants the family alone */
	struct nlmsghdr head;
	union {
		struct ifaddrmsg address;
		struct rtmsg route;
	};
};

/* Dump TYPE of both families; what FN finds is appended to OUT. */
static int dump(int nl, uint16_t type, size_t size,
	int (*fn)(const struct nlmsghdr *m, void *arg, struct err *e), struct addrs *out,
	struct err *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < sizeof families; i++) {
		AUTO_ADDRS struct addrs found = {0};
		struct question q = {.head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
					     .nlmsg_type = type,
					     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
					     .nlmsg_seq = 1}};

		q.route.rtm_family = families[i]; /* the first byte of both */
		if (nlsock_ask(nl, &q.head, fn, forget, &found, e) < 0)
			return -1;
		for (size_t k = 0; k < found.n; k++)
			if (addrs_add(out, &found.v[k]) < 0)
				return err_nomem(e);
	}
	return 0;
}

int netns_look(struct addrs *addresses, struct addrs *gateways, struct err *e)
{
	AUTO_FD int nl = nlsock_open(NETLINK_ROUTE, e);

	if (nl < 0)
		return -1;
	if (dump(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), on_address, addresses, e) < 0)
		return err_wrap(e, "addresses of the network namespace");
	if (gateways && dump(nl, RTM_GETROUTE, sizeof(struct rtmsg), on_route, gateways, e) < 0)
		return err_wrap(e, "default routes of the network namespace");
	return 0;
}
