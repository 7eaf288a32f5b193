/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_words - a container's network policy in the words a profile has for it.
 */
#ifndef CINCH_CTL_NET_WORDS_H
#define CINCH_CTL_NET_WORDS_H

#include "netseg/policy.h"
#include "shim/base/str.h"

/* All appended. "tcp/80, udp/1000-2000, icmp"; "any port" when there are none. */
void net_words_ports(const struct net_rule *r, struct str *out);
/* "segment:db, host, 10.0.0.0/8" */
void net_words_peers(const struct net_rule *r, struct str *out);
void net_words_addrs(const struct addrs *l, struct str *out);
void net_words_join(const struct strv *l, struct str *out);

#endif
