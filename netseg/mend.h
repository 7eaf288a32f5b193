/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mend - an entry of the registry that cannot be read: of whom it was, and whether that one still runs.
 */
#ifndef CINCH_NETSEG_MEND_H
#define CINCH_NETSEG_MEND_H

#include "netseg/registry.h"

#define MENDED "its entry was damaged, and is made anew from its state record"

/*
 * 0: KEY's container is gone: it is in no namespace's list, or its state record leads to what the runtime does not
 * know any more or whose process has ended. Its entry may go.
 *
 * 1: it runs: *OUT, the caller's, is the entry made anew from its state record and its process; with the lock it is
 * written.
 *
 * -1: it cannot be told, or not be made anew: E says why, and what to do.
 */
int mend(const struct registry *r, const char *key, struct net_entry *out, struct err *e);

#endif
