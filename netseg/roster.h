/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster - who is a member of which segment, whose rules mention which, and what follows for the sets. Pure.
 *
 * DIR/members of the registry (registry.h), a line each:
 *
 *	KEY PID COOKIE DEV INO STATE MEMBER MENTIONS ADDRESSES
 *
 * The last three are lists with commas, "-" for an empty one. STATE is "new" until every set has the addresses, then
 * "in". The later line wins: one of the same key makes the earlier one obsolete, and an address of a new line belongs to
 * nobody before it, unless it is in the same network namespace (a pod's containers have their address in common).
 */
#ifndef CINCH_NETSEG_ROSTER_H
#define CINCH_NETSEG_ROSTER_H

#include <sys/types.h>

#include "netseg/netns.h"
#include "netseg/ruleset.h"
#include "shim/base/addr.h"
#include "shim/base/str.h"

struct net_entry;

struct roster_line {
	char key[NET_KEY_SIZE];
	pid_t pid;
	struct netns_id ns;
	bool settled; /* every set has its addresses */
	bool gone; /* it goes, and its addresses */
	struct strv member, mentions; /* names of segments */
	struct addrs addresses; /* none twice */
};

struct roster { /* zero-initialise */
	struct roster_line *v;
	size_t n;
};

#define AUTO_ROSTER __attribute__((cleanup(roster_done)))

enum { ROSTER_MAX = 64 << 20 /* bytes */ };

/* ERR_INPUT: damaged. Appends; on failure OUT is the caller's to free all the same. */
int roster_read(const char *text, struct roster *out, struct err *e);
enum roster_which {
	ROSTER_ALL,
	ROSTER_STAY, /* not gone */
	ROSTER_NEW, /* not gone, not settled */
};

/* Appended. ERR_INPUT: a segment's name that cannot be written. */
int roster_write(const struct roster *r, enum roster_which which, struct str *out, struct err *e);
void roster_done(struct roster *r);
/* A line for N behind all others, not settled. One of the host's namespace is a member of no segment. */
int roster_add(struct roster *r, const struct net_entry *n, struct err *e);
int roster_copy(const struct roster *from, struct roster *to, struct err *e);
/* What the later lines mean for the earlier ones. TAKEN (may be NULL) gets a line of text for each address that was
 * taken from a container. */
int roster_normalise(struct roster *r, struct strv *taken, struct err *e);

/* A segment's set: what has to come and to go. */
struct roster_change {
	const char *segment; /* borrowed of the rosters */
	struct addrs add, remove;
};

struct roster_changes { /* zero-initialise */
	struct roster_change *v;
	size_t n;
};

#define AUTO_CHANGES __attribute__((cleanup(roster_changes_done)))

/* From sets that have at most what BEFORE says to those that have what AFTER says (normalised): removed is what AFTER
 * does not have, added is what lines of AFTER have that are not settled. */
int roster_changes(const struct roster *before, const struct roster *after,
	struct roster_changes *out, struct err *e);
void roster_changes_done(struct roster_changes *c);

/* Addresses of the members of SEGMENT whose line is not gone, sorted, none twice; appended to OUT, which is empty. */
int roster_members(const struct roster *r, const char *segment, struct addrs *out, struct err *e);

/* Order of addresses. */
int addr_order(const void *a, const void *b);

#endif
