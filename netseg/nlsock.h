/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlsock - netlink with the kernel: send a batch and read every ack; ask, and read every answer.
 *
 * With nlmsg.c the only door to libmnl. A socket belongs to the network namespace it was opened in.
 */
#ifndef CINCH_NETSEG_NLSOCK_H
#define CINCH_NETSEG_NLSOCK_H

#include <stdint.h>

#include "netseg/encode.h"
#include "shim/base/err.h"

struct nlmsghdr;

/* PROTOCOL is NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG. The descriptor is the caller's, close-on-exec,
 * with extended acks and strict checks where the kernel knows them, and never waits longer than
 * NLSOCK_WAIT. -1 and E. */
int nlsock_open(int protocol, struct err *e);
enum { NLSOCK_WAIT = 10 /* seconds for one answer */ };

/*
 * One transaction: all of B, or nothing. Every answer is read until all messages that asked for one have it; after
 * any error nothing was installed, and E says which object the kernel refused, why (its extended ack when there is
 * one), and what helps: "rule 1 of chain output: the kernel has no \"fib\": modprobe nft_fib_inet
 * (CONFIG_NFT_FIB_INET)". E->code is the kernel's errno, but for such an
 * expression EOPNOTSUPP.
 */
int nlsock_commit(int fd, const struct batch *b, struct err *e);
/* Send REQUEST (with NLM_F_DUMP or without) and call FN with each answer. FN returning -1 ends it. A dump that the
 * kernel calls inconsistent (NLM_F_DUMP_INTR) is begun anew after RESET (may be NULL) was called. */
int nlsock_ask(int fd, struct nlmsghdr *request,
	int (*fn)(const struct nlmsghdr *answer, void *arg, struct err *e),
	void (*reset)(void *arg), void *arg, struct err *e);

#endif
