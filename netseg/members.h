/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members - who is in which segment on this node, and keeping everybody's sets right.
 *
 * All under the registry's lock. A set in a namespace whose processes are gone needs no care: it went with it. What
 * cannot be reached otherwise is an error for net sync, and a line in WHY for a start: nobody else's trouble keeps
 * a container from starting.
 */
#ifndef CINCH_NETSEG_MEMBERS_H
#define CINCH_NETSEG_MEMBERS_H

#include "netseg/registry.h"

/* For the segments that rules of the containers in S->containers mention: names and members' addresses, from the
 * registry, living ones alone. Fills S->segments. */
int members_fill(const struct registry *r, struct net_space *s, struct err *e);
/*
 * N is in force: it is written down as a member of its segments with its addresses, and as a user of those its rules
 * mention; the sets of exactly those that mention its segments get its addresses. An address that is
 * written down for another container (that is gone: addresses are used again) is first taken from it, everywhere.
 * A host-network container is nobody's member: its addresses are the node's.
 */
int members_join(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e);
/* N goes: its lines are removed, and its addresses from everybody's sets, unless another member has them too (a pod). */
int members_leave(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e);

#endif
