/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_name - what sets, counters and chains are called; see "Names" in ruleset.h, and cinch-netseg(7).
 */
#ifndef CINCH_NETSEG_RULESET_NAME_H
#define CINCH_NETSEG_RULESET_NAME_H

#include "netseg/ruleset.h"

struct net_name {
	char s[NET_NAME_SIZE];
};

/* "out", "in". */
const char *name_side(enum net_dir dir);
/* "KEY_WHAT", with N behind it from 2 on: of the N-th policy. */
struct net_name name_numbered(const char *key, const char *what, size_t n);
/* "KEY_WHAT_out4": a dynamic set of flows. */
struct net_name name_flows(const char *key, const char *what, enum net_dir dir, int family);
/* "KEY_out_WHAT". */
struct net_name name_counter(const char *key, enum net_dir dir, const char *what);
/* "KEY_WHAT_4": addresses. */
struct net_name name_set(const char *key, const char *what, int family);
/* "KEY_o3_4": addresses of rule NUMBER (from 1) of the N-th policy. */
struct net_name name_rule_set(
	const char *key, size_t n, enum net_dir dir, size_t number, int family);

#endif
