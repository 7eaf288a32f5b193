/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members - who is in which segment on this node, and keeping everybody's sets right.
 *
 * All under the registry's lock, but for looking. A set in a namespace whose processes are gone needs no care: it went
 * with it. What cannot be reached otherwise is an error for net sync, and a line in WHY for a start: nobody else's
 * trouble keeps a container from starting.
 *
 * Whoever changes anything also ends what a kill -9 has left half done: members whose process is gone are taken
 * out of every set, and those that were not known to be in every set are added to all of them again.
 */
#ifndef CINCH_NETSEG_MEMBERS_H
#define CINCH_NETSEG_MEMBERS_H

#include "netseg/registry.h"

/* For the segments that rules of the containers in S->containers mention: names and members' addresses, from the
 * registry, living ones alone. Fills S->segments, which is empty before. */
int members_fill(const struct registry *r, struct net_space *s, struct err *e);
/*
 * N is in force: it is written down as a member of its segments with its addresses, and as a user of those its rules
 * mention; the sets of exactly those that mention its segments get its addresses, its own namespace's, too. An address
 * that is written down for a container of another namespace (that is gone, or has left it: addresses are used
 * again) is taken from it, everywhere. With other addresses or segments than before: the sets lose what it had.
 * A host-network container is nobody's member: its addresses are the node's.
 */
int members_join(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e);
/* N goes: its lines are removed, and its addresses from everybody's sets, unless another member has them too (a pod). */
int members_leave(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e);

/* The file of members anew from the entries: those that live. DONE (may be NULL) gets a line for each address that was
 * taken from a container. What a damaged file said of the sets nobody knows: net sync looks at them. */
int members_rebuild(const struct registry *r, struct strv *done, struct err *e);

#endif
