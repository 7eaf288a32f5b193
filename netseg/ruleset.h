/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset - table "inet cinch" of one network namespace as data: built from policies, printed, compared,
 * judged. Pure: nothing here asks the kernel.
 *
 * What an administrator sees of it, line by line: cinch-netseg(7).
 *
 * Names. KEY is the container's (registry_key). Chains "input", "output", "forward" (base), "KEY_out",
 * "KEY_in" (first policy), "KEY_out_2" ... (the next ones), "KEY_out_refuse", "KEY_in_refuse" (and "_2", ...);
 * KEY_out jumps to the next ones before its own lines, and they return when they let pass: the kernel follows
 * every goto and jump when it checks a batch, so that gotos from each line of one policy to all of the next would
 * multiply (and end at 16 levels).
 * for sockets of no known container in a namespace that several share, KEY is "shared", and its policies
 * are those of all of them. Sets "KEY_denied_out4", "KEY_seen_in6", "KEY_o1_4" (addresses of the first egress
 * rule), "segment_web_4" (of the namespace). Counters "KEY_out_accepted", "KEY_out_refused", ...
 */
#ifndef CINCH_NETSEG_RULESET_H
#define CINCH_NETSEG_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netseg/policy.h"
#include "shim/base/addr.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

#define NET_TABLE "cinch"

enum {
	NET_KEY_SIZE = 13,
	NET_NAME_SIZE = 96, /* of a chain, set or counter; the kernel takes 256 */
	NET_FLOWS_MAX = 4096, /* elements of a set of flows */
	NET_DENIED_KEPT =
		24 * 60 * 60, /* seconds an element of a "denied" set stays, unless seen again */
	NET_PRIORITY =
		-10, /* of the base chains: after NAT of output (-100), before "filter" (0) */
};

/* ---- what it is built from ---- */

struct net_container {
	char key[NET_KEY_SIZE];
	const struct net_want *want; /* borrowed */
	uint64_t cgroup; /* id in the cgroup2 hierarchy; 0: there is none of its own */
	unsigned level; /* of that cgroup, from the root as this process sees it: 1 is below it */
	struct addrs resolvers; /* all that count: want's and of its resolv.conf */
	struct addrs hosts; /* what "host" is: gateways and node addresses */
};

struct net_segment {
	char *name;
	struct addrs members;
};

struct net_space { /* one network namespace */
	bool host; /* the host's: only traffic of known cgroups is ever touched */
	struct net_container *containers;
	size_t n;
	struct net_segment *segments; /* that rules of the containers speak of */
	size_t n_segments;
};

void net_space_done(struct net_space *s);

/* Metadata services that everybody knows of, NULL behind the last. */
extern const char *const net_metadata_services[];

/* ---- the model ---- */

enum net_type { /* of a set's key */
	NET_T_ADDR4, /* ipv4_addr */
	NET_T_ADDR6, /* ipv6_addr */
	NET_T_FLOW4, /* ipv4_addr . inet_proto . inet_service (0 where there are no ports) */
	NET_T_FLOW6,
	NET_T_PROTOCOL, /* inet_proto, in the first byte of a range that is one value */
};

struct net_range { /* of addresses, both ends in; network order, 4 or 16 bytes */
	uint8_t low[16], high[16];
};

struct net_set {
	char name[NET_NAME_SIZE];
	char owner[NET_KEY_SIZE]; /* container, "shared", or "" for what is the namespace's */
	enum net_type type;
	bool dynamic; /* filled by rules: NET_FLOWS_MAX elements, each with a counter; else an interval set */
	unsigned timeout; /* seconds; 0: none */
	/* No "flags interval", each element one address, adjacent ones are not merged. A segment's members: they come
	 * and go one by one (encode_changes), and of a merged range the kernel gives back no part. And what most new
	 * flows are looked up in: it costs half. */
	bool single;
	struct net_range
		*v; /* sorted, apart and (but for single) not adjacent; of an interval set */
	size_t n;
};

struct net_counter {
	char name[NET_NAME_SIZE];
	char owner[NET_KEY_SIZE];
};

/* Bits of a conntrack state as the kernel has them (enum nft_ct_keys NFT_CT_STATE). */
enum { NET_CT_ESTABLISHED = 2, NET_CT_RELATED = 4, NET_CT_NEW = 8 };

enum net_match_kind {
	NET_M_LO, /* the packet's interface (out or in as the hook) is lo */
	NET_M_CT, /* ct state has one of BITS */
	NET_M_CGROUP, /* socket cgroupv2 level LEVEL is CGROUP */
	NET_M_FAMILY, /* meta nfproto is FAMILY */
	NET_M_PROTOCOL, /* meta l4proto is one of PROTOCOLS (n of them) */
	NET_M_SOURCE,
	NET_M_DEST, /* address of FAMILY in the set SET */
	NET_M_SPORTS,
	NET_M_DPORTS, /* th port is in one of PORTS (n of them) */
	NET_M_ICMP, /* icmp type is one of TYPES; FAMILY AF_INET6: icmpv6 type */
	NET_M_SOURCE_LOCAL, /* fib saddr type is local */
	NET_M_DEST_LOCAL, /* fib daddr type is local */
	NET_M_SOURCE_LOOPBACK,
	NET_M_DEST_LOOPBACK, /* address is in 127.0.0.0/8 */
};

enum { NET_LIST_MAX = 64 };

struct net_match {
	enum net_match_kind kind;
	bool not ; /* the opposite; LO, CT, CGROUP, SOURCE, DEST, PROTOCOL, *_LOCAL */
	uint8_t family; /* AF_INET, AF_INET6 */
	unsigned bits, level;
	uint64_t cgroup;
	char set[NET_NAME_SIZE]; /* of PROTOCOL: "" or a set that has VALUES */
	size_t n; /* of these: */
	uint8_t values[NET_LIST_MAX]; /* protocols or ICMP types, ascending */
	struct {
		uint16_t low, high;
	} ports[NET_LIST_MAX]; /* ascending, apart */
};

enum net_verdict {
	NET_V_NONE,
	NET_V_ACCEPT,
	NET_V_DROP,
	NET_V_GOTO,
	NET_V_RESET, /* reject with tcp reset */
	NET_V_JUMP, /* and back at the line behind, when nothing was decided */
	NET_V_RETURN,
};

/* Matches, then: remember, count, decide. */
struct net_line {
	struct net_match *matches; /* owned */
	size_t n;
	char remember
		[NET_NAME_SIZE]; /* "" or a dynamic set: the flow's peer (OUT: daddr, IN: saddr), l4proto, dport */
	enum net_dir remember_dir;
	bool ports; /* remembered with its destination port, else with 0 */
	bool counted; /* an anonymous counter */
	char counter[NET_NAME_SIZE]; /* "" or a named one */
	enum net_verdict verdict;
	char chain[NET_NAME_SIZE]; /* of NET_V_GOTO and NET_V_JUMP */
	char comment[64]; /* printable ASCII; for people */
};

struct net_chain {
	char name[NET_NAME_SIZE];
	char owner[NET_KEY_SIZE];
	char comment[64];
	bool base; /* filter chain at NET_PRIORITY */
	unsigned
		hook; /* NF_INET_LOCAL_IN, _FORWARD, _LOCAL_OUT; of others the one they are reached from */
	bool drop; /* policy of a base chain */
	struct net_line *lines;
	size_t n;
};

struct ruleset {
	struct net_set *sets;
	size_t n_sets;
	struct net_counter *counters;
	size_t n_counters;
	struct net_chain *
		chains; /* base chains first; no chain goes to an earlier one but to those behind it */
	size_t n_chains;
};

#define AUTO_RULESET __attribute__((cleanup(ruleset_done)))

/*
 * The whole table of S. A space without containers is the empty ruleset (no table). ERR_INPUT when limits
 * are passed. With S->host every container must have a cgroup, or it is an error that says so.
 */
int ruleset_build(const struct net_space *s, struct ruleset *out, struct err *e);
void ruleset_done(struct ruleset *r);
/* The table in nft's own syntax, as nft 1.0.6 lists it without counters' values, elements of dynamic sets
 * and handles; appended. */
void ruleset_print(const struct ruleset *r, struct str *out);
/* Every base chain accepts by policy, and each of its lines begins with NET_M_CGROUP (not negated): it cannot
 * touch what is not of these cgroups. The check before anything is sent to the host's namespace. */
bool ruleset_confined(const struct ruleset *r);

/* ---- what it says of a packet ---- */

struct net_packet {
	enum net_dir dir;
	bool lo; /* over lo */
	unsigned ct; /* NET_CT_NEW, ... */
	uint64_t cgroup; /* of its socket; 0: none */
	uint8_t protocol;
	struct addr source, dest; /* one family */
	uint16_t sport, dport;
	uint8_t icmp_type;
	bool source_local, dest_local;
};

struct net_judgement {
	bool accepted;
	bool would_refuse; /* some policy in audit mode refuses it */
	char chain[NET_NAME_SIZE]; /* where it was decided */
	char comment[64];
};

void ruleset_judge(const struct ruleset *r, const struct net_packet *p, struct net_judgement *out);

#endif
