/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_rig - containers of a network namespace for tests: read from JSON, or made at random; packets at random;
 * and what a policy says of a packet, worked out without a ruleset.
 */
#ifndef CINCH_TESTS_NET_RIG_H
#define CINCH_TESTS_NET_RIG_H

#include "netseg/ruleset.h"
#include "tests/mutate.h"

enum { NET_RIG_MAX = 4 };

struct net_rig { /* zero-initialise */
	struct net_space s;
	struct net_want wants[NET_RIG_MAX]; /* of s.containers, in their order */
	char title[80]; /* what it is for */
};

#define AUTO_NET_RIG __attribute__((cleanup(net_rig_done)))
void net_rig_done(struct net_rig *r);

/*
 * {"host": false, "containers": [{"key", "cgroup", "level", "resolvers": [...], "hosts": [...], "want": {...}}],
 * "segments": {"db": ["10.0.0.1"]}}; quotes may be single ones. False and E: it is not such.
 */
bool net_rig_read(const char *json, struct net_rig *r, struct err *e);
/* N containers of at most MOST policies in MODE (NET_OFF: any but that). Of the same dice the same. */
void net_rig_random(
	struct net_rig *r, struct dice *d, bool host, size_t n, size_t most, enum net_mode mode);
/* A packet that some rule of the rig may speak of; CGROUP is one of theirs, 0 or of nobody. */
void net_rig_packet(const struct net_rig *r, struct dice *d, struct net_packet *p);
/* The packet as text, appended. */
void net_rig_describe(const struct net_packet *p, struct str *out);

/* What P, a policy of C, says of the packet, as the manual has it. Mode audit: what it would say. */
bool net_rig_allows(const struct net_rig *r, const struct net_container *c,
	const struct net_policy *p, const struct net_packet *k);
/* What passes before any policy is asked. */
bool net_rig_known(const struct net_rig *r, const struct net_packet *k);

/* What all policies that the packet meets say; AUDITED: one in mode audit would have refused it. */
bool net_rig_oracle(const struct net_rig *r, const struct net_packet *p, bool *audited);
/* What is the matter with R, however it was made: names, sets, gotos, packets that nobody decides about, work
 * for the kernel's check; NULL: nothing. */
const char *net_rig_wrong(const struct ruleset *r);

#endif
