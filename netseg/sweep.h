/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep - a change of segments' sets, brought into every namespace whose rules mention them.
 *
 * Linux answers a batch that only adds in 10 microseconds. After one that removes anything the socket must not be
 * closed at once: closing waits for what was removed, a whole grace period (14 ms), and once for all that wait
 * together. So sockets are closed at the end.
 */
#ifndef CINCH_NETSEG_SWEEP_H
#define CINCH_NETSEG_SWEEP_H

#include "netseg/registry.h"
#include "netseg/roster.h"

/*
 * To each namespace in which lines of R that are not gone mention a segment of C, what C says of these, as one
 * transaction each. Lines whose process is found to be gone are marked as gone; *FOUND says how many. One that has left
 * its namespace may have others there: what REGISTRY tells leads to it. A namespace that cannot be reached or refuses is an error in WHY (the first), with
 * how many there are, and the others get theirs. The thread that calls stays where it is: others do it.
 */
int sweep(const struct registry *registry, struct roster *r, const struct roster_changes *c,
	size_t *found, struct err *why, struct err *e);

/* A socket for nf_tables in the namespace of L, by its process; the calling thread is in it afterwards. -1 with
 * ESRCH: the process is gone, or not there any more. */
int sweep_enter(const struct roster_line *l, struct err *e);

#endif
