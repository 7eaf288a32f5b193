/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts - what there is to be found out about a container before its rules can be made: its namespace, cgroup,
 * addresses, resolvers, and who "host" is to it.
 */
#ifndef CINCH_NETSEG_FACTS_H
#define CINCH_NETSEG_FACTS_H

#include "netseg/install.h"

/*
 * All of OUT but installed and since, and a socket for nf_tables in its namespace (the caller's). The thread is in
 * the namespace it was in before. A container in the host's namespace without a cgroup of its own is ERR_INPUT:
 * rules could not tell its traffic from the host's.
 */
int facts_find(const struct net_ask *a, struct net_entry *out, int *nl, struct err *e);
/*
 * Addresses, gateways and node addresses of N, whose process lives, again: addresses, hosts and late of N are
 * replaced. *NL (may be NULL) as above.
 */
int facts_again(struct net_entry *n, int *nl, struct err *e);
/* All that count as resolvers of W, as its files say now; appended. */
int facts_resolvers(const struct net_want *w, struct addrs *out, struct err *e);
/* The same, but a file system that does not answer within MS milliseconds is ETIMEDOUT. Not to be called with the
 * registry's lock, whose descriptor the process that is left behind would have. */
int facts_resolvers_within(const struct net_want *w, int ms, struct addrs *out, struct err *e);

#endif
