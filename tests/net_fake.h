/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_fake - the other end of a netlink socket, played by a thread: what is asked goes to a function of the test,
 * which answers.
 */
#ifndef CINCH_TESTS_NET_FAKE_H
#define CINCH_TESTS_NET_FAKE_H

#include <linux/netlink.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct fake {
	int fd; /* of who asks: in place of nlsock_open's */
	int other;
	pthread_t thread;
	void (*answer)(struct fake *f, const struct nlmsghdr *asked, size_t len);
	void *arg; /* the test's */
	size_t questions;
};

/* Exits when it cannot. */
void fake_begin(
	struct fake *f, void (*answer)(struct fake *, const struct nlmsghdr *, size_t), void *arg);
void fake_end(struct fake *f);

/* Of an answer: one datagram. */
void fake_send(struct fake *f, const void *bytes, size_t len);
/* An ack (CODE 0) or error for message SEQ; TEXT (may be NULL) and OFFSET (0: none) as the extended ack has them.
 * WHOLE (may be NULL): the message itself is in it. */
void fake_verdict(struct fake *f, uint32_t seq, int code, const char *text, uint32_t offset,
	const struct nlmsghdr *whole);
/* The end of a dump. */
void fake_done(struct fake *f, uint32_t seq, int code);

#endif
