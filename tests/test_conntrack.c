/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conntrack - connections and sockets from the kernel's messages, and which of them rules refuse.
 */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include "netseg/conntrack_work.h"
#include "netseg/nlmsg.h"
#include "tests/tap.h"

static struct addr addr(const char *text)
{
	struct addr a = {0};
	struct err e;

	if (addr_parse(text, &a, &e) < 0)
		abort();
	return a;
}

/* ---- messages as the kernel makes them ---- */

struct tuple {
	const char *source, *dest;
	uint16_t sport, dport;
	uint8_t icmp;
};

struct room {
	_Alignas(8) uint8_t bytes[1024];
};

static void put_tuple(struct nlmsg *m, uint16_t type, uint8_t protocol, const struct tuple *t)
{
	struct addr from = addr(t->source), to = addr(t->dest);
	bool six = from.family == AF_INET6;
	struct nlattr *all = nlmsg_nest(m, type), *in = nlmsg_nest(m, CTA_TUPLE_IP);

	nlmsg_put(m, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, from.bytes, six ? 16 : 4);
	nlmsg_put(m, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, to.bytes, six ? 16 : 4);
	nlmsg_end(m, in);
	in = nlmsg_nest(m, CTA_TUPLE_PROTO);
	nlmsg_u8(m, CTA_PROTO_NUM, protocol);
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
		nlmsg_u8(m, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, t->icmp);
	} else {
		nlmsg_be16(m, CTA_PROTO_SRC_PORT, t->sport);
		nlmsg_be16(m, CTA_PROTO_DST_PORT, t->dport);
	}
	nlmsg_end(m, in);
	nlmsg_end(m, all);
}

static const struct nlmsghdr *connection(struct room *room, uint8_t protocol, uint8_t state,
	const struct tuple *first, const struct tuple *answer)
{
	struct nlattr *info, *tcp;
	struct nlmsg m;

	memset(room, 0, sizeof *room);
	nlmsg_begin_nf(&m, room->bytes, sizeof room->bytes,
		NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, 0, AF_INET, 0);
	put_tuple(&m, CTA_TUPLE_ORIG, protocol, first);
	put_tuple(&m, CTA_TUPLE_REPLY, protocol, answer);
	nlmsg_be32(&m, CTA_ID, 0x01020304);
	if (state) {
		info = nlmsg_nest(&m, CTA_PROTOINFO);
		tcp = nlmsg_nest(&m, CTA_PROTOINFO_TCP);
		nlmsg_u8(&m, CTA_PROTOINFO_TCP_STATE, state);
		nlmsg_end(&m, tcp);
		nlmsg_end(&m, info);
	}
	return m.h;
}

static void text_is(const struct connection *c, const char *want, const char *what)
{
	AUTO_STR struct str out = STR_INIT;

	connection_text(c, &out);
	tap_same(str_text(&out), want, what);
}

static void reading(void)
{
	const struct tuple out = {"10.0.0.2", "10.96.0.1", 40000, 443, 0};
	const struct tuple translated = {"192.0.2.7", "10.0.0.2", 6443, 40000, 0};
	const struct tuple six = {"fd00::2", "fd00::9", 40001, 80, 0};
	const struct tuple back = {"fd00::9", "fd00::2", 80, 40001, 0};
	const struct tuple ping = {"10.0.0.2", "10.0.0.9", 0, 0, 8};
	const struct tuple pong = {"10.0.0.9", "10.0.0.2", 0, 0, 0};
	struct connection c = {0};
	const struct nlmsghdr *h;
	bool whole = true;
	struct room room;
	size_t len;

	h = connection(&room, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, &out, &translated);
	ok(connection_read(h, &c), "a connection");
	text_is(&c, "tcp 10.0.0.2:40000 -> 192.0.2.7:6443",
		"it goes where the rules see it go, behind the translation");
	ok(c.dest.port == 443 && c.answered.port == 40000 && !c.over,
		"and was asked for elsewhere");
	ok(c.id == 0x01020304 && c.tuple_len > 0, "with what it is named by");
	len = h->nlmsg_len;
	for (size_t n = 0; n < len; n++) {
		struct room cut;
		struct connection x = {0};

		memcpy(&cut, &room, sizeof cut);
		((struct nlmsghdr *)cut.bytes)->nlmsg_len = (uint32_t)n;
		/* read or not: within its bounds */
		if (connection_read((struct nlmsghdr *)cut.bytes, &x))
			whole = whole && x.protocol == IPPROTO_TCP && x.answerer.addr.family;
	}
	ok(whole, "cut anywhere it is none, or has both its ends");
	for (size_t n = 8 * sizeof(struct nlmsghdr); n < 8 * len; n++) {
		struct room other;
		struct connection x = {0};

		memcpy(&other, &room, sizeof other);
		other.bytes[n / 8] ^= (uint8_t)(1u << n % 8);
		if (connection_read((struct nlmsghdr *)other.bytes, &x))
			whole = whole && x.source.addr.family && x.tuple_len <= sizeof x.tuple;
	}
	ok(whole, "with any bit turned, too");

	h = connection(&room, IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT, &six, &back);
	ok(connection_read(h, &c) && c.over, "one that is over");
	text_is(&c, "tcp [fd00::2]:40001 -> [fd00::9]:80", "of IPv6");
	h = connection(&room, IPPROTO_ICMP, 0, &ping, &pong);
	ok(connection_read(h, &c) && c.icmp_type == 8, "an echo");
	text_is(&c, "icmp 10.0.0.2 -> 10.0.0.9", "without ports");
	h = connection(&room, 47, 0, &ping, &pong);
	ok(connection_read(h, &c), "of a protocol without ports");
	text_is(&c, "protocol 47 10.0.0.2 -> 10.0.0.9", "by its number");
	h = connection(&room, IPPROTO_UDP, 0, &out, &back);
	ok(connection_read(h, &c), "families are each tuple's own");
}

/* ---- sockets ---- */

static struct conn_socket socket_of(uint8_t family, const char *local, uint16_t lport,
	const char *remote, uint16_t rport, uint64_t cgroup)
{
	struct inet_diag_msg d = {.idiag_family = family};
	struct conn_socket s = {0};
	struct room room = {{0}};
	struct nlmsg m;

	d.id.idiag_sport = htons(lport);
	d.id.idiag_dport = htons(rport);
	if (local)
		inet_pton(family, local, d.id.idiag_src);
	if (remote)
		inet_pton(family, remote, d.id.idiag_dst);
	nlmsg_begin(&m, room.bytes, sizeof room.bytes, SOCK_DIAG_BY_FAMILY, 0, &d, sizeof d);
	if (cgroup)
		nlmsg_put(&m, INET_DIAG_CGROUP_ID, &cgroup, sizeof cgroup);
	if (!conn_socket_read(m.h, IPPROTO_TCP, &s))
		abort();
	return s;
}

static void reading_sockets(void)
{
	struct conn_socket s = socket_of(AF_INET, "10.0.0.2", 40000, "10.0.0.9", 80, 77);
	struct addr a = addr("10.0.0.2");

	ok(addr_equal(&s.local.addr, &a) && s.local.port == 40000 && s.remote.port == 80 &&
			s.cgroup == 77,
		"a socket with its cgroup");
	s = socket_of(AF_INET6, "::ffff:10.0.0.2", 40000, "::ffff:10.0.0.9", 80, 0);
	ok(addr_equal(&s.local.addr, &a) && s.family == AF_INET6 && s.cgroup == 0,
		"IPv4 in a socket of IPv6 is what it is on the wire");
	s = socket_of(AF_INET6, NULL, 80, NULL, 0, 5);
	ok(s.local.addr.family == AF_UNSPEC && s.remote.addr.family == AF_UNSPEC,
		"one that listens everywhere");
}

/* ---- what rules say ---- */

enum { WEB = 11, DB = 22 };

/*
 * By hand: cgroup WEB may connect to port 80, DB to none; both may be connected to at 5432; nobody's sockets may
 * connect to port 443.
 */
static void rules(struct ruleset *r, bool confined)
{
	static struct net_match web = {.kind = NET_M_CGROUP, .cgroup = WEB, .level = 1};
	static struct net_match db = {.kind = NET_M_CGROUP, .cgroup = DB, .level = 1};
	static struct net_match lo = {.kind = NET_M_LO};
	static struct net_match http = {.kind = NET_M_DPORTS, .n = 1, .ports = {{80, 80}}};
	static struct net_match https = {.kind = NET_M_DPORTS, .n = 1, .ports = {{443, 443}}};
	static struct net_match sql = {.kind = NET_M_DPORTS, .n = 1, .ports = {{5432, 5432}}};
	static struct net_line out[4] = {
		{.matches = &lo, .n = 1, .verdict = NET_V_ACCEPT},
		{.matches = &web, .n = 1, .verdict = NET_V_GOTO, .chain = "web_out"},
		{.matches = &db, .n = 1, .verdict = NET_V_GOTO, .chain = "db_out"},
		{.verdict = NET_V_GOTO, .chain = "shared_out"},
	};
	static struct net_line in[1] = {{.matches = &sql, .n = 1, .verdict = NET_V_ACCEPT}};
	static struct net_line web_out[2] = {
		{.matches = &http, .n = 1, .verdict = NET_V_ACCEPT}, {.verdict = NET_V_DROP}};
	static struct net_line db_out[1] = {{.verdict = NET_V_DROP}};
	static struct net_line shared_out[2] = {
		{.matches = &https, .n = 1, .verdict = NET_V_ACCEPT}, {.verdict = NET_V_DROP}};
	static struct net_chain chains[5] = {
		{.name = "input", .base = true, .hook = 1, .drop = true, .lines = in, .n = 1},
		{.name = "output", .base = true, .hook = 3, .drop = true, .lines = out, .n = 4},
		{.name = "web_out", .lines = web_out, .n = 2},
		{.name = "db_out", .lines = db_out, .n = 1},
		{.name = "shared_out", .lines = shared_out, .n = 2},
	};

	/* in the host's namespace: by cgroup alone */
	chains[0].drop = chains[1].drop = !confined;
	chains[1].lines = confined ? out + 1 : out;
	chains[1].n = confined ? 2 : 4;
	*r = (struct ruleset){.chains = chains, .n_chains = 5};
}

struct world {
	struct ruleset r;
	struct conn_sockets sockets;
	bool host;
};

static bool refused(const struct world *w, const char *from, uint16_t sport, const char *to,
	uint16_t dport, enum conn_place source, enum conn_place answerer, size_t *owners)
{
	struct connection c = {.protocol = IPPROTO_TCP,
		.source = {addr(from), sport},
		.dest = {addr(to), dport},
		.answerer = {addr(to), dport},
		.answered = {addr(from), sport}};
	struct conn_owners found = {.n = 0};
	bool answer = connection_refused(&w->r, w->host, &w->sockets, &c, source, answerer, &found);

	if (owners)
		*owners = found.n;
	return answer;
}

static void add(struct world *w, uint8_t family, const char *local, uint16_t lport,
	const char *remote, uint16_t rport, uint64_t cgroup)
{
	struct conn_socket s = socket_of(family, local, lport, remote, rport, cgroup);

	if (conn_sockets_add(&w->sockets, &s) < 0)
		abort();
}

static void judging(void)
{
	struct world w = {.host = false};
	size_t n = 0;

	rules(&w.r, false);
	add(&w, AF_INET, "10.0.0.2", 40000, "10.0.0.9", 80, WEB);
	add(&w, AF_INET, "10.0.0.2", 40001, "10.0.0.9", 80, DB);
	add(&w, AF_INET6, "::ffff:10.0.0.2", 40002, "::ffff:10.0.0.9", 80, DB);
	add(&w, AF_INET, "10.0.0.2", 5000, NULL, 0, WEB);
	add(&w, AF_INET6, NULL, 5000, NULL, 0, DB);
	add(&w, AF_INET6, NULL, 5001, NULL, 0, DB);
	add(&w, AF_INET6, NULL, 5001, NULL, 0, WEB);
	conn_sockets_sort(&w.sockets);
#define OUT CONN_LOCAL, CONN_ELSEWHERE
#define IN CONN_ELSEWHERE, CONN_LOCAL
	ok(!refused(&w, "10.0.0.2", 40000, "10.0.0.9", 80, OUT, NULL),
		"by its socket's cgroup: allowed");
	ok(refused(&w, "10.0.0.2", 40001, "10.0.0.9", 80, OUT, &n) && n == 1,
		"by its socket's cgroup: refused, and the socket is named");
	ok(refused(&w, "10.0.0.2", 40002, "10.0.0.9", 80, OUT, &n) && n == 1,
		"through a socket of IPv6");
	ok(refused(&w, "10.0.0.2", 40003, "10.0.0.9", 80, OUT, &n) && n == 0,
		"of no socket that is found: nobody's rules");
	ok(!refused(&w, "10.0.0.2", 40003, "10.0.0.9", 443, OUT, NULL), "which may allow it, too");
	ok(!refused(&w, "10.0.0.2", 5000, "10.0.0.9", 80, OUT, &n) && n == 0,
		"bound to the address goes before bound to any, and neither is ended");
	ok(refused(&w, "10.0.0.2", 5001, "10.0.0.9", 80, OUT, NULL),
		"of two at one port the one that may not decides");
	ok(!refused(&w, "10.0.0.9", 40000, "10.0.0.2", 5432, IN, NULL), "what comes: allowed");
	ok(refused(&w, "10.0.0.9", 40000, "10.0.0.2", 22, IN, NULL), "what comes: refused");
	ok(refused(&w, "10.0.0.9", 40000, "224.0.0.1", 22, CONN_ELSEWHERE, CONN_MANY, NULL),
		"what comes to many");
	ok(!refused(&w, "10.0.0.8", 1, "10.0.0.9", 1, CONN_ELSEWHERE, CONN_ELSEWHERE, NULL),
		"what only passes is for forward to say");
	conn_sockets_done(&w.sockets);
}

static void judging_on_the_host(void)
{
	struct world w = {.host = true};
	struct connection c = {.protocol = IPPROTO_TCP,
		.source = {addr("10.0.0.2"), 40001},
		.answerer = {addr("10.0.0.9"), 80}};

	rules(&w.r, true);
	add(&w, AF_INET, "10.0.0.2", 40000, "10.0.0.9", 443, 99);
	add(&w, AF_INET, "10.0.0.2", 40001, "10.0.0.9", 443, DB);
	add(&w, AF_INET, "10.0.0.2", 40004, NULL, 0, DB);
	add(&w, AF_INET, "10.0.0.2", 40004, "10.0.0.9", 443, 99);
	conn_sockets_sort(&w.sockets);
	ok(conn_cgroup_any(&w.r) && conn_cgroup_known(&w.r, DB) && !conn_cgroup_known(&w.r, 99),
		"the cgroups that rules choose by");
	ok(connection_ours(&w.r, &w.sockets, &c), "a connection of such a cgroup");
	c.source.port = 40000;
	ok(!connection_ours(&w.r, &w.sockets, &c), "one of another");
	ok(refused(&w, "10.0.0.2", 40001, "10.0.0.9", 443, OUT, NULL),
		"the container's is refused");
	ok(!refused(&w, "10.0.0.2", 40000, "10.0.0.9", 443, OUT, NULL),
		"the host's is not looked at");
	ok(!refused(&w, "10.0.0.2", 40003, "10.0.0.9", 443, OUT, NULL),
		"nor what no socket is found for");
	ok(!refused(&w, "10.0.0.2", 40004, "10.0.0.9", 443, OUT, NULL),
		"nor the host's at a port that the container has, too");
	conn_sockets_done(&w.sockets);
}

int main(void)
{
	reading();
	reading_sockets();
	judging();
	judging_on_the_host();
	return tap_done();
}
