/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space - the containers of one network namespace, and the change of its table that makes it so: what install,
 * reload, check and sync have in common.
 *
 * All under the registry's lock, but for looking.
 */
#ifndef CINCH_NETSEG_SPACE_H
#define CINCH_NETSEG_SPACE_H

#include "netseg/registry.h"
#include "netseg/ruleset.h"

struct space { /* zero-initialise */
	struct net_space s; /* with its segments; ready for ruleset_build */
	struct net_entry *entries; /* owned; what s.containers speak of, but for WITH */
	size_t n;
	bool fresh; /* nobody has rules there yet, as far as is written down */
};

#define AUTO_SPACE __attribute__((cleanup(space_done)))
void space_done(struct space *p);

/*
 * Those that are written down in NS, are in force and live. WITH (borrowed as long as OUT lives; may be NULL) stands
 * for its own entry, in force or not; the container WITHOUT (a key, or NULL) is left out. On failure OUT is
 * untouched.
 */
int space_load(const struct registry *r, const struct netns_id *ns, bool host,
	const struct net_entry *with, const char *without, struct space *out, struct err *e);
/*
 * A socket for nf_tables in the namespace NS (the caller's), reached by the process of an entry in it that lives, by
 * the path that one of them was told, because it is the host's, or by any process in one that was joined. ENOENT:
 * nothing leads there any more: it is gone. The calling thread is where it was.
 */
int space_socket(const struct registry *r, const struct netns_id *ns, int *nl, struct err *e);
/*
 * P's table comes into force in NL's namespace, in one transaction: what is the namespace's own, what is OWNER's
 * (NULL: everybody's) and what belongs to sockets of nobody; the chains, sets and counters of those that are
 * in the table and not in P go. Without containers the table goes. What somebody else's rules should have had and is
 * missing in the kernel is put right. In the host's namespace nothing is sent that ruleset_confined does not pass.
 */
int space_commit(const struct space *p, int nl, const char *owner, struct err *e);

#endif
