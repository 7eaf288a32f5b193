/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_bare - containers that run without rules of the network: found by their state records, and what rules would be
 * made of. They have no hooks: what brings them rules also has their delete take these away.
 */
#ifndef CINCH_CTL_NET_BARE_H
#define CINCH_CTL_NET_BARE_H

#include "netseg/install.h"
#include "shim/ctl/net.h"
#include "shim/network.h"

/* To L, which has those with rules, those without: entries with key, id, root and record alone. */
int net_bare_add(struct net_list *l, struct err *e);

struct net_bare_ask { /* zero-initialise */
	struct net_ask ask; /* for net_begin, but for dir */
	char cgroup[PATH_MAX];
};

/* What N's rules are made of, of the profiles S, as *WANT (the caller's): STATE is its record, and its bundle says the
 * rest. */
int net_bare_want(const struct json *state, const struct selection *s,
	const struct settings *settings, struct json_doc **want, struct err *e);
/* OUT for N, whose record is STATE, with the network WANT, as its runtime tells of it now. ERR_INPUT when it does not
 * run. */
int net_bare_find(const struct net_entry *n, const struct json *state, const struct json *want,
	struct net_bare_ask *out, struct err *e);

#endif
