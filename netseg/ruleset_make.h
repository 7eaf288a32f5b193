/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_make - what the files that build a ruleset share: adding sets, chains, lines, matches to it.
 *
 * Nothing here returns an error: what failed is remembered in the maker and said once, at the end. What is
 * returned may be written to until the next one of its kind is added.
 */
#ifndef CINCH_NETSEG_RULESET_MAKE_H
#define CINCH_NETSEG_RULESET_MAKE_H

#include "netseg/ruleset.h"

#define NET_SHARED "shared" /* the owner of chains for sockets of no known container */

enum {
	NET_LINES_MAX = 32768, /* of all chains */
	NET_RANGES_MAX = 262144, /* of all interval sets: a batch of them stays below BATCH_MAX */
};

struct maker {
	const struct net_space *s;
	struct ruleset r;
	size_t lines, ranges;
	bool nomem;
	const char *limit; /* "lines": one was passed */
	/* what is given out when there is no memory */
	struct net_line no_line;
	struct net_match no_match;
};

/* 0, or the error that was remembered. */
int make_result(const struct maker *m, struct err *e);

void make_counter(struct maker *m, const char *owner, const char *name);
void make_flows(
	struct maker *m, const char *owner, const char *name, enum net_type type, unsigned timeout);
/* An interval set of those of N lists that are of FAMILY; one of single addresses when SINGLE. */
void make_set(struct maker *m, const char *owner, const char *name, int family,
	const struct addrs *const *lists, size_t n, bool single);
/* An interval set of what is in WHOLE and in none of the lists. */
void make_set_outside(struct maker *m, const char *owner, const char *name,
	const struct addr *whole, const struct addrs *const *lists, size_t n);

/* The sets of protocols that make_protocols lets lines share. */
void make_protocol_sets(struct maker *m);

/* An empty chain; lines are added to the last one. */
void make_chain(struct maker *m, const char *owner, const char *name);
struct net_chain *make_last(struct maker *m);
/* COMMENT is cut, and its bytes that are not printable, or quotes, replaced. */
void make_comment(char to[64], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct net_line *make_line(struct maker *m);
struct net_match *make_match(struct maker *m, struct net_line *l, enum net_match_kind kind);
/* Shorter: a line that goes to CHAIN (formatted); a match of protocols (or of all others), of ICMP
 * types (0 ends both), of a set. */
void make_goto(struct net_line *l, enum net_verdict verdict, const char *chain);
void make_protocols(struct maker *m, struct net_line *l, const uint8_t *values, bool others);
void make_icmp(struct maker *m, struct net_line *l, int family, const uint8_t *values);
void make_in_set(
	struct maker *m, struct net_line *l, enum net_match_kind kind, int family, const char *set);
void make_port(struct maker *m, struct net_line *l, uint16_t port);

extern const int make_families[2];
#define MAKE_EACH_FAMILY(f) for (const int *f = make_families; f < make_families + 2; f++)
extern const uint8_t make_tcp[];
extern const uint8_t make_with_ports[]; /* TCP, UDP, SCTP */
extern const uint8_t make_dns_protocols[]; /* TCP, UDP */

/* ---- what a policy becomes (ruleset_policy.c) ---- */

struct owner_part { /* one policy of an owner */
	const struct net_container *c;
	const struct net_policy *p;
	size_t place; /* of P among C's policies, from 1: names its sets */
};

struct owner {
	const char *key; /* of the container, or NET_SHARED */
	struct owner_part *v;
	size_t n;
};

/* The sets that P's rules speak of, but for the namespace's. */
void policy_sets(struct maker *m, const struct owner_part *part);
/* Counters and dynamic sets of O. */
void owner_objects(struct maker *m, const struct owner *o);
/* All chains of O, one direction. */
void owner_chains(struct maker *m, const struct owner *o, enum net_dir dir);
/* ---- lines that stand in several places ---- */

/* What is known passes. */
void known_established(struct maker *m);
/* Errors about what is known, and neighbour discovery. */
void known_icmp(struct maker *m);
/* The reset that ends a refused connect bears the peer's address and comes over lo, where that does not pass by
 * itself: without this line connect waits. To conntrack it is related to the connection that never was. */
void own_resets(struct maker *m);

#endif
