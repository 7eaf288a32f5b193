/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_sink - writes down every IP packet that comes into this network namespace, before any of its own rules.
 *
 * usage: prog_sink FILE
 *
 * A line for each, appended at once: "PROTOCOL SOURCE DESTINATION PORT", PORT being the destination's, the type of an
 * ICMP message, or 0; PROTOCOL a name or a number; behind IPv6 extension headers what they lead to; a later
 * fragment is "fragment". Left out is what a host has to say to be one: ARP, neighbour discovery but router
 * advertisements and redirects, multicast listener reports. "ready" is the first line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_BYTES = 256, QUEUE_BYTES = 32 << 20, MLD2_REPORT = 143 };

struct seen {
	int family;
	uint8_t protocol;
	bool later; /* a fragment other than the first */
	const uint8_t *source, *dest, *body;
	size_t len; /* of body */
};

static bool read4(const uint8_t *p, size_t n, struct seen *out)
{
	const struct iphdr *h = (const void *)p;
	size_t size = n < sizeof *h ? 0 : (size_t)h->ihl * 4;

	if (size < sizeof *h || size > n)
		return false;
	*out = (struct seen){AF_INET, h->protocol, (ntohs(h->frag_off) & 0x1fff) != 0,
		(const uint8_t *)&h->saddr, (const uint8_t *)&h->daddr, p + size, n - size};
	return true;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

static bool read6(const uint8_t *p, size_t n, struct seen *out)
{
	const struct ip6_hdr *h = (const void *)p;

	if (n < sizeof *h)
		return false;
	*out = (struct seen){AF_INET6, h->ip6_nxt, false, h->ip6_src.s6_addr, h->ip6_dst.s6_addr,
		p + sizeof *h, n - sizeof *h};
	while (is_extension(out->protocol) && out->len >= 8) {
		bool fragment = out->protocol == IPPROTO_FRAGMENT;
		size_t size = fragment ? 8 : (size_t)out->body[1] * 8 + 8;

		if (fragment && (out->body[2] << 8 | (out->body[3] & 0xf8)) != 0)
			out->later = true;
		out->protocol = out->body[0];
		if (out->later || size > out->len)
			break;
		out->body += size;
		out->len -= size;
	}
	return true;
}

/* What every host on a link says. */
static bool ordinary(const struct seen *s)
{
	if (s->protocol != IPPROTO_ICMPV6 || s->len < 1)
		return s->protocol == IPPROTO_IGMP;
	switch (s->body[0]) {
	case ND_ROUTER_SOLICIT:
	case ND_NEIGHBOR_SOLICIT:
	case ND_NEIGHBOR_ADVERT:
	case MLD_LISTENER_QUERY:
	case MLD_LISTENER_REPORT:
	case MLD_LISTENER_REDUCTION:
	case MLD2_REPORT:
		return true;
	default:
		return false;
	}
}

static unsigned port(const struct seen *s)
{
	switch (s->protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return s->len < 1 ? 0 : s->body[0];
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return s->len < 4 ? 0 : (unsigned)(s->body[2] << 8 | s->body[3]);
	default:
		return 0;
	}
}

static const char *name(const struct seen *s, char room[8])
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {
		{IPPROTO_TCP, "tcp"},
		{IPPROTO_UDP, "udp"},
		{IPPROTO_UDPLITE, "udplite"},
		{IPPROTO_SCTP, "sctp"},
		{IPPROTO_DCCP, "dccp"},
		{IPPROTO_ICMP, "icmp"},
		{IPPROTO_ICMPV6, "icmpv6"},
	};

	if (s->later)
		return "fragment";
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == s->protocol)
			return names[i].name;
	snprintf(room, 8, "%u", s->protocol);
	return room;
}

static void note(int log, const uint8_t *p, size_t n)
{
	char source[INET6_ADDRSTRLEN], dest[INET6_ADDRSTRLEN], room[8], line[192];
	struct seen s;
	int len;

	if (n == 0 || !(p[0] >> 4 == 4 ? read4(p, n, &s) : p[0] >> 4 == 6 && read6(p, n, &s)) ||
		ordinary(&s))
		return;
	inet_ntop(s.family, s.source, source, sizeof source);
	inet_ntop(s.family, s.dest, dest, sizeof dest);
	len = snprintf(line, sizeof line, "%s %s %s %u\n", name(&s, room), source, dest,
		s.later ? 0 : port(&s));
	if (write(log, line, (size_t)len) != len)
		_exit(2);
}

static int fail(const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct tpacket_stats lost;
	socklen_t size = sizeof lost;
	int fd, log, bytes = QUEUE_BYTES;
	uint8_t packet[PACKET_BYTES];

	if (argc != 2) {
		fputs("usage: prog_sink FILE\n", stderr);
		return 2;
	}
	log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (log < 0 || fd < 0)
		return fail(log < 0 ? argv[1] : "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0 ||
		write(log, "ready\n", 6) != 6)
		return fail("begin");
	for (;;) {
		struct sockaddr_ll from = {0};
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno != ENETDOWN)
			return fail("receive");
		/* a sink that loses packets proves nothing */
		if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) < 0 ||
			lost.tp_drops > 0)
			return fail("packets were lost");
		if (n > 0 && from.sll_pkttype != PACKET_OUTGOING && from.sll_ifindex != 1)
			note(log, packet, (size_t)n);
	}
}
