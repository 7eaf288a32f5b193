/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet - IP packets with every header made by hand, for tests that send what no socket would.
 *
 * All of it is in this header: test programs are linked from one object.
 */
#ifndef CINCH_TESTS_PACKET_H
#define CINCH_TESTS_PACKET_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet {
	uint8_t bytes[256];
	size_t len;
};

enum { PACKET_SOURCE_PORT = 40000, PACKET_FRAGMENT = 8 };

/* The layer above IP, as a template: BODY is LEN bytes, the destination port goes to PORT_AT (0: nowhere), the
 * checksum to SUM_AT (0: none), with PSEUDO over the addresses, too. FRAGMENTS: cut behind PACKET_FRAGMENT bytes. */
struct packet_kind {
	const char *name;
	uint8_t protocol4, protocol6;
	uint8_t body[64];
	size_t len, port_at, sum_at;
	bool pseudo, fragments;
};

static const struct packet_kind packet_kinds[] = {
	{"udp", 17, 17, {0x9c, 0x40, 0, 0, 0, 18, 0, 0, 'c', 'i', 'n', 'c', 'h'}, 18, 2, 6, true,
		false},
	{"tcp", 6, 6, {0x9c, 0x40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff}, 20, 2, 16,
		true, false},
	/* a segment of a connection that is none */
	{"tcp-ack", 6, 6, {0x9c, 0x40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff}, 24, 2,
		16, true, false},
	{"sctp", 132, 132,
		{0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0,
			1, 0, 1, 0, 0, 0, 1},
		32, 2, 0, false, false},
	{"dccp", 33, 33, {0x9c, 0x40, 0, 0, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, 16, 2, 6, true,
		false},
	{"echo", 1, 58, {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'c', 'i', 'n', 'c', 'h'}, 18, 0, 2, false,
		false},
	/* an error message about a connection that is none, data behind its header */
	{"unreachable", 1, 58,
		{3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1,
			192, 0, 2, 2, 0, 9, 0, 9, 0, 8, 0, 0, 'c', 'i', 'n', 'c', 'h'},
		48, 0, 2, false, false},
	{"redirect", 1, 58,
		{5, 1, 0, 0, 10, 0, 0, 66, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1,
			192, 0, 2, 2, 0, 9, 0, 9, 0, 8, 0, 0},
		40, 0, 2, false, false},
	/* a router, for 1800 seconds */
	{"advert", 9, 58, {9, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}, 16, 0, 2, false,
		false},
	{"gre", 47, 47, {0, 0, 0x08, 0, 'c', 'i', 'n', 'c', 'h'}, 16, 0, 0, false, false},
	{"esp", 50, 50, {0, 0, 0, 1, 0, 0, 0, 1, 'c', 'i', 'n', 'c', 'h'}, 16, 0, 0, false, false},
	{"ipip", 4, 4,
		{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9,
			0, 8, 0, 0},
		28, 0, 0, false, false},
	{"6in4", 41, 41, {0x60, 0, 0, 0, 0, 0, 59, 64, 0x20, 1, 0x0d, 0xb8}, 40, 0, 0, false,
		false},
	{"unknown", 253, 253, {'c', 'i', 'n', 'c', 'h'}, 16, 0, 0, false, false},
	/* the second has no ports */
	{"fragments", 17, 17, {0x9c, 0x40, 0, 0, 0, 18, 0, 0, 'c', 'i', 'n', 'c', 'h'}, 18, 2, 6,
		true, true},
};

static inline uint32_t packet_add(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static inline void packet_finish_sum(uint32_t sum, uint8_t *at)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

/* The types of ICMP that mean the same in ICMPv6. */
static inline void packet_to_v6(const struct packet_kind *k, uint8_t *body)
{
	static const uint8_t same[][2] = {{8, 128}, {3, 1}, {5, 137}, {9, 134}};

	for (size_t i = 0; k->protocol6 == 58 && i < sizeof same / sizeof same[0]; i++)
		if (k->body[0] == same[i][0])
			body[0] = same[i][1];
}

static inline void packet_v4(
	struct packet *p, uint8_t protocol, const uint8_t *ends, unsigned fragment)
{
	memset(p->bytes, 0, 20);
	p->bytes[0] = 0x45;
	p->bytes[3] = (uint8_t)p->len;
	p->bytes[4] = 0x77;
	p->bytes[6] = (uint8_t)(fragment >> 8);
	p->bytes[7] = (uint8_t)fragment;
	p->bytes[8] = 64;
	p->bytes[9] = protocol;
	memcpy(p->bytes + 12, ends, 8);
	packet_finish_sum(packet_add(0, p->bytes, 20), p->bytes + 10);
}

static inline void packet_v6(struct packet *p, uint8_t protocol, const uint8_t *ends)
{
	memset(p->bytes, 0, 40);
	p->bytes[0] = 0x60;
	p->bytes[5] = (uint8_t)(p->len - 40);
	p->bytes[6] = protocol;
	p->bytes[7] = protocol == 58 ? 255 : 64; /* as neighbour discovery wants it */
	memcpy(p->bytes + 8, ends, 32);
}

/* Packet I of the COUNT that BODY goes into. */
static inline void packet_cut(struct packet *p, bool v4, uint8_t protocol, const uint8_t *ends,
	const uint8_t *body, size_t len, size_t i, size_t count)
{
	size_t from = i * PACKET_FRAGMENT, header = v4 ? 20 : 40;
	size_t part = i + 1 < count ? PACKET_FRAGMENT : len - from;
	unsigned where = (unsigned)(from / 8);
	bool more = i + 1 < count;
	uint8_t extension[8] = {
		protocol, 0, (uint8_t)(where >> 5), (uint8_t)(where << 3 | more), 0, 0, 0, 0x77};

	if (!v4 && count > 1) {
		memcpy(p->bytes + header, extension, sizeof extension);
		header += sizeof extension;
		protocol = 44;
	}
	memcpy(p->bytes + header, body + from, part);
	p->len = header + part;
	if (v4)
		packet_v4(p, protocol, ends, count > 1 ? where | (more ? 0x2000u : 0) : 0);
	else
		packet_v6(p, protocol, ends);
}

/* *N packets of that kind (two when it is "fragments"). False: no such kind or address. */
static inline bool packet_make(const char *kind, const char *source, const char *dest,
	unsigned port, struct packet p[2], size_t *n)
{
	const struct packet_kind *k = NULL;
	uint8_t ends[32], body[64];
	bool v4 = inet_pton(AF_INET, source, ends) == 1;
	size_t half = v4 ? 4 : 16;
	uint8_t protocol;
	uint32_t sum;

	for (size_t i = 0; i < sizeof packet_kinds / sizeof packet_kinds[0]; i++)
		if (strcmp(kind, packet_kinds[i].name) == 0)
			k = &packet_kinds[i];
	if (!k || (!v4 && inet_pton(AF_INET6, source, ends) != 1) ||
		inet_pton(v4 ? AF_INET : AF_INET6, dest, ends + half) != 1)
		return false;
	memcpy(body, k->body, sizeof body);
	protocol = v4 ? k->protocol4 : k->protocol6;
	if (!v4)
		packet_to_v6(k, body);
	if (k->port_at) {
		body[k->port_at] = (uint8_t)(port >> 8);
		body[k->port_at + 1] = (uint8_t)port;
	}
	sum = packet_add(0, body, k->len);
	if (k->pseudo || protocol == 58)
		sum = packet_add(sum, ends, 2 * half) + protocol + (uint32_t)k->len;
	if (k->sum_at)
		packet_finish_sum(sum, body + k->sum_at);
	*n = k->fragments ? 2 : 1;
	for (size_t i = 0; i < *n; i++)
		packet_cut(&p[i], v4, protocol, ends, body, k->len, i, *n);
	return true;
}

#endif
