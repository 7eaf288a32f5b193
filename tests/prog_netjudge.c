/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_netjudge - the kernel is asked, and must agree with ruleset_judge: random policies are put in force in a
 * network namespace that is made for it, random packets leave there and arrive there, and what comes out at the
 * interface, or reaches a raw socket, is what the model lets pass. It never touches the namespace it was begun in.
 *
 *	prog_netjudge ROUNDS PACKETS
 *
 * A packet counts when it gets through without rules. Each carries its number behind its headers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netseg/encode.h"
#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"
#include "tests/net_rig.h"

#define OWN4 "10.99.0.1"
#define OWN6 "fd99::1"

enum {
	PACKETS_MAX = 1024,
	HEADER_MAX = 20,
	MAGIC = 0x63696e63,
	NOBODYS_CGROUP = 77,
	QUIET = 30, /* milliseconds: nothing more arrives */
	WIRE_MS = 60000, /* what was sent comes to the other end of the wire */
};

static const uint8_t protocols[] = {
	IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDPLITE};

enum { LISTENERS = 2 * sizeof protocols };

struct world {
	int nl, out4, out6, tap;
	int peer; /* at the other end of the wire */
	struct sockaddr_ll to; /* from there */
	struct pollfd in[LISTENERS];
	unsigned device;
	uint16_t sport; /* another one for each packet: no flow is known */
};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e ? e->msg : strerror(errno));
	exit(1);
}

/* A namespace of its own, and another one at the other end of the wire. */
static void make_wire(struct world *w)
{
	static const char setup[] =
		"other=/proc/%d/fd/%d; "
		"ip link set lo up && ip link add d0 type veth peer name d1 netns $other "
		"&& "
		"ip link set d0 arp off up && nsenter --net=$other ip link set d1 arp off up && "
		"ip addr add " OWN4 "/24 dev d0 && ip addr add " OWN6 "/64 dev d0 nodad && "
		"ip route add default dev d0 && ip -6 route add default dev d0 && "
		"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.d0.rp_filter=0 "
		"net.ipv4.conf.d0.accept_local=1";
	AUTO_STR struct str command = STR_INIT;
	struct ifreq d0 = {.ifr_name = "d0"}, d1 = {.ifr_name = "d1"};
	AUTO_FD int any = -1;
	int other;

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare", NULL);
	other = open("/proc/self/ns/net", O_RDONLY); /* for ip and nsenter, too */
	w->peer = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (other < 0 || w->peer < 0 || unshare(CLONE_NEWNET) < 0)
		die("unshare", NULL);
	str_addf(&command, setup, (int)getpid(), other);
	if (system(str_text(&command)) != 0)
		die("ip", NULL);
	any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (any < 0 || ioctl(any, SIOCGIFHWADDR, &d0) < 0 || ioctl(w->peer, SIOCGIFINDEX, &d1) < 0)
		die("d0", NULL);
	w->to = (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_halen = 6, .sll_ifindex = d1.ifr_ifindex};
	memcpy(w->to.sll_addr, d0.ifr_hwaddr.sa_data, 6);
}

/* A raw socket for each protocol of each family: it gets what input lets through. */
static void listen_all(struct world *w)
{
	int big = 1 << 20;

	for (size_t i = 0; i < LISTENERS; i++) {
		w->in[i].events = POLLIN;
		w->in[i].fd = socket(i % 2 ? AF_INET6 : AF_INET,
			SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocols[i / 2]);
		if (w->in[i].fd < 0 ||
			setsockopt(w->in[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) < 0)
			die("raw sockets", NULL);
	}
}

static void make_world(struct world *w)
{
	int big = 4 << 20, one = 1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct err e = {0};

	make_wire(w);
	w->nl = nlsock_open(NETLINK_NETFILTER, &e);
	if (w->nl < 0)
		die("socket", &e);
	w->device = if_nametoindex("d0");
	w->out4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	w->out6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	w->tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	at.sll_ifindex = (int)w->device;
	if (w->out4 < 0 || w->out6 < 0 || w->tap < 0 ||
		setsockopt(w->tap, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) < 0 ||
		setsockopt(w->out4, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0 ||
		bind(w->tap, (struct sockaddr *)&at, sizeof at) < 0)
		die("raw sockets", NULL);
	listen_all(w);
}

/* ---- rules ---- */

static void put_in_force(const struct world *w, const struct ruleset *r)
{
	struct err e = {0};
	AUTO_BATCH struct batch none = {0};
	AUTO_BATCH struct batch b = {0};

	batch_init(&none);
	batch_init(&b);
	if (encode_remove(&none, &e) < 0 || nlsock_commit(w->nl, &none, &e) < 0)
		die("remove", &e);
	if (r && (encode_install(&b, r, NULL, 0, NULL, &e) < 0 || nlsock_commit(w->nl, &b, &e) < 0))
		die("install", &e);
}

/* ---- packets ---- */

static struct addr own(int family)
{
	struct addr a = {0};
	struct err e;

	if (addr_parse(family == AF_INET ? OWN4 : OWN6, &a, &e) < 0)
		die("address", &e);
	return a;
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, one, 16) == 0;
}

/* A random packet that can leave from here, or arrive; what the kernel will see is what P says. */
static void packet(
	const struct net_rig *rig, struct dice *d, enum net_dir dir, struct net_packet *p)
{
	static const uint8_t zero[16];

	do
		net_rig_packet(rig, d, p);
	while (is_loopback(&p->dest) || memcmp(p->dest.bytes, zero, 16) == 0 ||
		(dir == NET_OUT && p->dir == NET_IN));
	p->lo = p->dest_local = false;
	p->ct = NET_CT_NEW;
	p->cgroup = NOBODYS_CGROUP;
	if (dir == NET_IN && p->protocol == IPPROTO_GRE)
		p->protocol = IPPROTO_UDP;
	p->dir = dir;
	if (dir == NET_IN) {
		p->dest = own(p->source.family);
		p->dest_local = true;
		p->source_local = false;
		return;
	}
	/* without ports an earlier packet the other way would make this one an answer */
	if (dice_roll(d, 6) || memcmp(p->source.bytes, zero, 16) == 0 || p->protocol == IPPROTO_GRE)
		p->source = own(p->dest.family);
	p->source_local = is_loopback(&p->source) || p->source.bytes[1] == 99 ||
			  (p->source.family == AF_INET6 && p->source.bytes[1] == 0x99);
}

static size_t transport(const struct net_packet *p, uint16_t sport, uint8_t *to)
{
	memset(to, 0, HEADER_MAX);
	if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6) {
		to[0] = p->icmp_type;
		memcpy(to + 4, &sport, 2); /* its identifier */
		return 8;
	}
	if (p->protocol == IPPROTO_GRE)
		return 8;
	to[0] = (uint8_t)(sport >> 8);
	to[1] = (uint8_t)sport;
	to[2] = (uint8_t)(p->dport >> 8);
	to[3] = (uint8_t)p->dport;
	if (p->protocol == IPPROTO_TCP) {
		to[12] = 5 << 4;
		to[13] = 2; /* SYN */
		return 20;
	}
	if (p->protocol == IPPROTO_SCTP)
		return 12;
	to[5] = 16; /* of UDP: header and number */
	return 8;
}

static uint32_t sum(uint32_t so_far, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i + 1 < n; i += 2)
		so_far += (uint32_t)b[i] << 8 | b[i + 1];
	return so_far;
}

static uint16_t folded(uint32_t all)
{
	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return htons((uint16_t)~all);
}

static void arrive(const struct world *w, int ethertype, const uint8_t *whole, size_t n)
{
	struct sockaddr_ll to = w->to;

	to.sll_protocol = htons((uint16_t)ethertype);
	(void)!sendto(w->peer, whole, n, 0, (struct sockaddr *)&to, sizeof to);
}

static void send4(const struct world *w, const struct net_packet *p, const uint8_t *text, size_t n)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint8_t whole[64] = {0};
	struct iphdr *h = (struct iphdr *)whole;

	h->version = 4;
	h->ihl = 5;
	h->ttl = 64;
	h->protocol = p->protocol;
	h->tot_len = htons((uint16_t)(sizeof *h + n));
	memcpy(&h->saddr, p->source.bytes, 4);
	memcpy(&h->daddr, p->dest.bytes, 4);
	memcpy(&to.sin_addr, p->dest.bytes, 4);
	memcpy(whole + sizeof *h, text, n);
	h->check = folded(sum(0, h, sizeof *h));
	if (p->dir == NET_IN) {
		arrive(w, ETH_P_IP, whole, sizeof *h + n);
		return;
	}
	(void)!sendto(w->out4, whole, sizeof *h + n, 0, (struct sockaddr *)&to, sizeof to);
}

static void send6(const struct world *w, const struct net_packet *p, const uint8_t *text, size_t n)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = w->device};
	uint8_t whole[96] = {0};
	struct ip6_hdr *h = (struct ip6_hdr *)whole;

	h->ip6_vfc = 6 << 4;
	h->ip6_hlim = 64;
	h->ip6_nxt = p->protocol;
	h->ip6_plen = htons((uint16_t)n);
	memcpy(&h->ip6_src, p->source.bytes, 16);
	memcpy(&h->ip6_dst, p->dest.bytes, 16);
	memcpy(&to.sin6_addr, p->dest.bytes, 16);
	memcpy(whole + sizeof *h, text, n);
	if (p->protocol == IPPROTO_ICMPV6) { /* raw sockets ask for it */
		uint16_t check = folded(sum(IPPROTO_ICMPV6 + (uint32_t)n, &h->ip6_src, 32 + n));

		memcpy(whole + sizeof *h + 2, &check, sizeof check);
	}
	if (p->dir == NET_IN) {
		arrive(w, ETH_P_IPV6, whole, sizeof *h + n);
		return;
	}
	(void)!sendto(w->out6, whole, sizeof *h + n, 0, (struct sockaddr *)&to, sizeof to);
}

/* Mark those that FD has; of the other direction are answers with the same bytes. */
static void collect(int fd, const struct net_packet *v, uint32_t n, enum net_dir dir, bool *came)
{
	uint8_t got[256];
	ssize_t len;

	while ((len = recv(fd, got, sizeof got, 0)) > 0) {
		uint32_t number[2];

		if ((size_t)len < sizeof number)
			continue;
		memcpy(number, got + len - sizeof number, sizeof number);
		if (number[0] == MAGIC && number[1] < n && v[number[1]].dir == dir)
			came[number[1]] = true;
	}
}

/*
 * The kernel brings in what was sent when it comes to it, on a busy machine much later. The tap has each packet before
 * the rules have: when it has them all no more than the last ones are still on their way through these.
 */
static void await_wire(struct world *w, const struct net_packet *v, uint32_t n)
{
	struct pollfd p = {w->tap, POLLIN, 0};
	bool there[PACKETS_MAX] = {false};
	uint32_t missing = n;

	while (missing > 0 && poll(&p, 1, WIRE_MS) > 0) {
		collect(w->tap, v, n, NET_IN, there);
		missing = 0;
		for (uint32_t i = 0; i < n; i++)
			missing += !there[i];
	}
	if (missing > 0)
		die("packets are lost on the wire", NULL);
}

/* All of them, of one direction, are sent; CAME says which got through. */
static void send_all(struct world *w, const struct net_packet *v, uint32_t n, bool *came)
{
	uint8_t text[HEADER_MAX + 8];

	memset(came, 0, n);
	/* what multicast has brought back before, and answers */
	for (size_t i = 0; i < LISTENERS; i++)
		collect(w->in[i].fd, v, 0, NET_IN, came);
	collect(w->tap, v, 0, NET_OUT, came);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t number[2] = {MAGIC, i};
		size_t header = transport(&v[i], w->sport++, text);

		memcpy(text + header, number, sizeof number);
		if (v[i].dest.family == AF_INET)
			send4(w, &v[i], text, header + sizeof number);
		else
			send6(w, &v[i], text, header + sizeof number);
	}
	if (n > 0 && v->dir == NET_OUT)
		collect(w->tap, v, n, NET_OUT, came);
	if (n > 0 && v->dir == NET_IN)
		await_wire(w, v, n);
	while (n > 0 && v->dir == NET_IN && poll(w->in, LISTENERS, QUIET) > 0)
		for (size_t i = 0; i < LISTENERS; i++)
			collect(w->in[i].fd, v, n, NET_IN, came);
}

/* ---- rounds ---- */

struct tally {
	unsigned passed, refused, lost, wrong;
};

static void one_round(struct world *w, struct dice *d, unsigned round, uint32_t n, struct tally *t)
{
	static struct net_packet v[PACKETS_MAX];
	static bool can[PACKETS_MAX], came[PACKETS_MAX];
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct err e = {0};

	net_rig_random(&rig, d, false, 1 + round % 3, 3, NET_OFF);
	for (size_t i = 0; i < rig.s.n; i++)
		rig.s.containers[i].cgroup += (uint64_t)1 << 60; /* of nobody here */
	if (ruleset_build(&rig.s, &r, &e) < 0)
		die("build", &e);
	for (uint32_t i = 0; i < n; i++)
		packet(&rig, d, round % 2 ? NET_IN : NET_OUT, &v[i]);
	put_in_force(w, NULL);
	send_all(w, v, n, can);
	put_in_force(w, &r);
	send_all(w, v, n, came);
	for (uint32_t i = 0; i < n; i++) {
		AUTO_STR struct str text = STR_INIT;
		struct net_judgement j;

		ruleset_judge(&r, &v[i], &j);
		t->lost += !can[i];
		t->passed += can[i] && came[i];
		t->refused += can[i] && !came[i];
		if (!can[i] || came[i] == j.accepted || t->wrong++ > 5)
			continue;
		net_rig_describe(&v[i], &text);
		printf("round %u: %s: %s by \"%s\" of %s, but the kernel lets it %s\n", round,
			str_text(&text), j.accepted ? "accepted" : "refused", j.comment, j.chain,
			came[i] ? "pass" : "not pass");
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	uint32_t packets = argc > 2 ? (uint32_t)atoi(argv[2]) : 200;
	struct world w = {.sport = 1024};
	struct dice d = {2026};
	struct tally t = {0};

	if (packets > PACKETS_MAX)
		packets = PACKETS_MAX;
	make_world(&w);
	for (unsigned i = 0; i < rounds; i++)
		one_round(&w, &d, i, packets, &t);
	printf("%u passed, %u refused, %u do not get through, %u judged otherwise\n", t.passed,
		t.refused, t.lost, t.wrong);
	return t.wrong || !t.passed || !t.refused;
}
