/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn - from what was seen of one or several replicas to the rules of a profile. Pure.
 *
 * A peer becomes, in this order: nothing (the container itself, metadata services, and port 53 of who is no
 * resolver of it are told and never learned); "dns"; "segment:NAME" of a member; "host" of the node; else its
 * address. Four and more addresses of one /24 (IPv6: /64) become that prefix, sixteen and more of four
 * prefixes of one private /16 (/48) that; never one in which the node, a resolver or a metadata service
 * lies: then the parts of it without them, down to the addresses. Clients from sixteen and more public networks
 * are "any". Ports are never widened; those of clients are never learned: a flow to a port above 32767 of somebody
 * who was talked to the other way round, by nobody else, is the late answer of a connection that was forgotten. What a socket of no known container did in a
 * namespace of several is told, for all of them would have to allow it. Rules that a section has no room for are left
 * out, and told.
 */
#ifndef CINCH_CTL_LEARN_H
#define CINCH_CTL_LEARN_H

#include "shim/ctl/sight.h"

enum {
	LEARN_PREFIX_LEAST = 4, /* addresses of a prefix */
	LEARN_WIDE_LEAST = 16, /* addresses of a wide one, which are of four prefixes */
	LEARN_NETWORKS_LEAST = 16, /* public networks of clients that are "any" */
	LEARN_PORTS_MANY = 16, /* of one peer: a look at them is worth it */
	LEARN_EPHEMERAL = 32768, /* where the ports of clients begin (ip_local_port_range) */
};

struct learned { /* zero-initialise */
	struct json_doc *doc;
	struct json *network; /* the object of a profile, of DOC */
	struct strv findings; /* what needs a look */
	struct strv notes; /* what was generalised or left out, and what only one did */
	size_t starts, flows, rules;
	uint64_t shortest, longest, total; /* seconds */
	bool full;
	char *profile; /* of all; NULL: they have several */
};

#define AUTO_LEARNED __attribute__((cleanup(learned_done)))
void learned_done(struct learned *l);

/* MODE: "audit" or "enforce". ERR_INPUT when there is nothing to learn from. */
int learn(const struct sights *from, const char *mode, struct learned *out, struct err *e);
/* "Learned from 3 starts, ...": a sentence or two, appended. */
void learn_coverage(const struct learned *l, const struct sights *from, struct str *out);

/* IN in as few prefixes as the rules above allow (learn_prefix.c); appended. -1 when out of memory. */
int learn_prefixes(const struct addrs *in, const struct addrs *avoid, struct addrs *out);
/* *N: of how many public networks (/16, /32) addresses of L are. -1 when out of memory. */
int learn_networks(const struct addrs *l, size_t *n);
/* A is of the metadata services everybody knows. */
bool learn_metadata(const struct addr *a);

#endif
