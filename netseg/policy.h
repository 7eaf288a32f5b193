/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - who may talk to whom, of one container: the "network" sections of its profiles, as structs.
 *
 * A container has one policy for each profile that speaks of the network. A packet passes when every one of
 * them lets it pass: two profiles are their intersection, without any algebra.
 *
 * Sections were checked by profiles/network.c, which reads their words as this does (netword.h); here they are read
 * again from the state record, and what is not understood is an error, never left out.
 */
#ifndef CINCH_NETSEG_POLICY_H
#define CINCH_NETSEG_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/addr.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

enum net_dir { NET_OUT, NET_IN, NET_DIRS };

/* Ordered: what a policy in a later mode does is less. */
enum net_mode {
	NET_ENFORCE, /* what is not allowed is refused */
	NET_AUDIT, /* counted and remembered as refused, and passes */
	NET_LEARN, /* every new flow is remembered, all pass */
	NET_OFF, /* no rules */
};

enum net_preset {
	NET_NONE, /* loopback alone; rules may add */
	NET_ISOLATED, /* and DNS, to the container's own resolvers */
	NET_PRIVATE, /* and both ways with private addresses */
	NET_INTERNET, /* and out to public addresses; as NET_ISOLATED for private ones */
	NET_OPEN, /* everything but what the guards hold; foreign resolvers, too */
};

/* Guards: always there, in every preset, unless "lift" names them; bit masks are 1u << NET_GUARD_X. */
enum net_guard {
	NET_GUARD_SOURCE, /* "sourceAddress": packets leave with an address of this namespace */
	NET_GUARD_ROUTER, /* "routerAdvertisements": neither sent nor taken; ICMP redirects, too */
	NET_GUARD_LOOPBACK, /* "loopback": nothing for or from 127/8 but over lo */
	NET_GUARD_FORWARD, /* "forward": the namespace is no router */
	NET_GUARD_DNS, /* "dns": port 53 (UDP, TCP) of the resolvers alone, unless a rule names port 53 */
	NET_GUARDS
};

/* One entry of "ports". ICMP is its echo request, of both families. */
struct net_port {
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP */
	uint16_t low, high; /* 0 for ICMP */
};

/* One entry of "ingress" or "egress": any of the peers, at any of the ports. */
struct net_rule {
	struct addrs peers; /* addresses and prefixes */
	struct strv segments;
	bool any, host, dns; /* the words */
	struct net_port *ports; /* none: every port of TCP, UDP, SCTP, and ICMP echo */
	size_t n_ports;
};

struct net_policy {
	char *profile; /* its name, for comments and messages */
	enum net_mode mode;
	enum net_preset preset;
	bool metadata; /* the metadata services may be talked to (TCP) */
	unsigned lift; /* guards that do not hold */
	struct net_rule *rules[NET_DIRS];
	size_t n_rules[NET_DIRS];
};

enum { NET_POLICIES_MAX = 4 };

/*
 * What the launch wrote for this container, "network" of its state record:
 *
 *	{"title": "default/web-7f/nginx" (for people),
 *	 "policies": [{"profile": "web", "mode": "enforce" (as it is in force: also audit of the profile, of
 *	    the control or of the node), "preset", "ingress", "egress", "metadata", "lift"}, ...]
 *	 "segments": ["web"] (it is a member of: the base profile's, for an annotation only tightens),
 *	 "resolvConf": "/path" (source of the mount on /etc/resolv.conf; absent: none is known),
 *	 "resolvers": [...], "nodeAddresses": [...], "metadataAddresses": [...] (of cinch.json, also "path"
 *	    of the namespace:) "netns": "/proc/1/ns/net" (absent: a new one)}
 */
struct net_want {
	char *title;
	struct net_policy *policies;
	size_t n;
	struct strv segments;
	char *resolv_conf, *netns; /* NULL */
	struct addrs resolvers, node, metadata;
};

#define AUTO_NET_WANT __attribute__((cleanup(net_want_done)))

/* V is such an object. ERR_INPUT when it is not. OUT is untouched on failure, else net_want_done. */
int net_want_read(const struct json *v, struct net_want *out, struct err *e);
void net_want_done(struct net_want *w);
/* The names of the segments that rules of W speak of; each once, sorted. -1 when out of memory. */
int net_want_mentions(const struct net_want *w, struct strv *out);
/* Some policy refuses: a failure to install it fails the create. */
bool net_want_enforces(const struct net_want *w);

const char *net_mode_name(enum net_mode m); /* "enforce", ... */
const char *net_preset_name(enum net_preset p); /* "none", ... */
const char *net_guard_name(enum net_guard g); /* "sourceAddress", ... */

/*
 * Nameservers of the text of a resolv.conf, IPv4 and IPv6 (of "fe80::1%eth0" the address); lines that are
 * none are passed over. Docker's "# ExtServers: [host(1.1.1.1) 8.8.8.8]" (25 and later) counts, for the embedded
 * resolver asks them from inside the container's namespace. -1 when out of memory.
 */
int net_resolv_conf(const char *text, struct addrs *out);

#endif
