/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_netreply - any bytes as what the kernel answers: to a batch, to questions about flows, counters and the whole
 * table. What comes of it is an error with a reason, or something that holds together.
 *
 * The first byte says which question. Then records: a kind, a length of two bytes (little endian), and as many bytes of
 * a datagram, or what is left. KIND & 1: messages in it get the number of the question; KIND & 2: the question's answers end
 * with it. That they end at all is seen to here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/nlmsg.h"
#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "tests/net_fake.h"
#include "tests/net_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORD_HEAD = 3, QUESTIONS = 5 };

struct script {
	const uint8_t *p;
	size_t left;
	const struct batch *batch; /* NULL: questions */
};

static void must(bool good)
{
	if (!good)
		abort();
}

static void number(uint8_t *bytes, size_t len, uint32_t seq)
{
	size_t left = len;

	for (const struct nlmsghdr *h = nlmsg_first(bytes, len); h; h = nlmsg_next(h, &left))
		((struct nlmsghdr *)h)->nlmsg_seq = seq;
}

/* One record; false: the answers end. */
static bool record(struct fake *f, struct script *s, uint32_t seq)
{
	uint8_t kind, *bytes;
	size_t len;

	if (s->left <= RECORD_HEAD)
		return false;
	kind = s->p[0];
	len = (size_t)s->p[1] | (size_t)s->p[2] << 8;
	s->p += RECORD_HEAD;
	s->left -= RECORD_HEAD;
	if (len > s->left)
		len = s->left;
	bytes = malloc(len ? len : 1);
	must(bytes != NULL);
	memcpy(bytes, s->p, len);
	s->p += len;
	s->left -= len;
	if (kind & 1)
		number(bytes, len, seq);
	if (len)
		fake_send(f, bytes, len);
	free(bytes);
	return !(kind & 2);
}

static void answer(struct fake *f, const struct nlmsghdr *asked, size_t len)
{
	struct script *s = f->arg;

	(void)len;
	while (record(f, s, asked->nlmsg_seq))
		;
	if (s->batch)
		fake_verdict(f, s->batch->seq - 2, 0, NULL, 0, NULL);
	else
		fake_done(f, asked->nlmsg_seq, 0);
}

static void check_flows(int nl, enum net_type type)
{
	AUTO_FLOWS struct net_flows flows = {0};
	struct err e = {0};

	if (table_flows(nl, "any", type, &flows, &e) < 0) {
		must(e.code && e.msg[0] && flows.n == 0);
		return;
	}
	for (size_t i = 0; i < flows.n; i++)
		must(flows.v[i].peer.family == (type == NET_T_FLOW4 ? 2 : 10) &&
			addr_is_one(&flows.v[i].peer));
}

static void check_counter(int nl)
{
	uint64_t packets = 1, bytes = 2;
	struct err e = {0};
	bool there = false;

	if (table_counter(nl, "any", &packets, &bytes, &e) < 0)
		must(e.code && e.msg[0] && packets == 1 && bytes == 2);
	e = (struct err){0};
	if (table_exists(nl, &there, &e) < 0)
		must(e.code && e.msg[0] && !there);
}

static void check_dump(int nl)
{
	AUTO_STRV struct strv lines = {NULL, 0};
	struct table_dump d = {0}, none = {0};
	struct err e = {0};

	if (table_dump(nl, &d, &e) < 0) {
		must(e.code && e.msg[0] && !d.v && !d.n);
		return;
	}
	for (size_t i = 0; i < d.n; i++)
		must(d.v[i].bytes && memchr(d.v[i].what, '\0', sizeof d.v[i].what));
	must(table_differences(&d, &d, &lines) == 0 && lines.n == 0);
	must(table_differences(&d, &none, &lines) == 0 && lines.n == (d.n > 0));
	table_dump_done(&d);
}

static const struct batch *a_batch(void)
{
	static struct batch b;
	AUTO_RULESET struct ruleset r = {0};

	if (b.len)
		return &b;
	net_sample(&r, 7, 0);
	batch_init(&b);
	must(encode_install(&b, &r, NULL, 0, NULL, NULL) == 0);
	return &b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data + 1, size - 1, NULL};
	struct err e = {0};
	struct fake f;

	if (size == 0)
		return 0;
	if (data[0] % QUESTIONS == 0)
		s.batch = a_batch();
	fake_begin(&f, answer, &s);
	switch (data[0] % QUESTIONS) {
	case 0:
		must(nlsock_commit(f.fd, s.batch, &e) == 0 || (e.code && e.msg[0]));
		break;
	case 1:
		check_dump(f.fd);
		break;
	case 2:
		check_flows(f.fd, NET_T_FLOW4);
		break;
	case 3:
		check_flows(f.fd, NET_T_FLOW6);
		break;
	default:
		check_counter(f.fd);
		break;
	}
	fake_end(&f);
	return 0;
}
