/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netword - the words that rules of the network are written with, as a profile has them and as a state record carries
 * them to cinch-hook: both read them here, so that neither takes one for what the other does not.
 */
#ifndef CINCH_BASE_NETWORD_H
#define CINCH_BASE_NETWORD_H

#include <stdbool.h>
#include <stdint.h>

enum {
	NETWORD_RULES_MAX = 256, /* of one direction */
	NETWORD_PEERS_MAX = 8192, /* of one rule: a provider's or a country's networks */
	NETWORD_PORTS_MAX = 64,
	NETWORD_LABEL_MAX = 63, /* bytes of a segment's name */
};

/* Ended by NULL; in the order of enum net_mode, net_preset, net_guard of netseg/policy.h. */
extern const char *const netword_modes[], *const netword_presets[], *const netword_guards[];
extern const char *const netword_metadata[]; /* "deny", "allow" */

/* One entry of "ports". ICMP is its echo request, of both families. */
struct netword_port {
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP */
	uint16_t low, high; /* 0 for ICMP */
};

/* "tcp/8080", "udp/1000-2000", "icmp". False: TEXT is none, and *OUT untouched. */
bool netword_port(const char *text, struct netword_port *out);

/* A label as in the names of hosts: it becomes part of a set's name. */
bool netword_segment(const char *name);

enum netword_peer { NETWORD_ANY, NETWORD_HOST, NETWORD_DNS, NETWORD_SEGMENT, NETWORD_ADDRESS };

/* The words of the first three; ended by NULL. */
extern const char *const netword_peers[];
/* What TEXT is by its form. *NAME: behind "segment:", where it is one. An address has yet to be read. */
enum netword_peer netword_peer(const char *text, const char **name);

#endif
