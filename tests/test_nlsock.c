/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nlsock - what the kernel may answer, played by the test: every answer of a batch is read, a refusal is called by
 * what it is about, dumps that were torn are asked again. And messages that are not whole.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "netseg/nlmsg.h"
#include "netseg/nlsock.h"
#include "tests/net_decode.h"
#include "tests/net_fake.h"
#include "tests/net_sample.h"
#include "tests/tap.h"

/* ---- batches ---- */

static uint32_t seq_of(const struct batch *b, const char *what)
{
	for (size_t i = 0; i < b->n_notes; i++)
		if (strcmp(b->notes[i].what, what) == 0)
			return b->notes[i].seq;
	abort();
}

static const struct nlmsghdr *message(const struct batch *b, uint32_t seq)
{
	const struct nlmsghdr *h = nlmsg_first(b->bytes, b->len);
	size_t left = b->len;

	while (h->nlmsg_seq != seq)
		h = nlmsg_next(h, &left);
	return h;
}

/* Where the first TEXT is in message SEQ. */
static uint32_t offset_of(const struct batch *b, uint32_t seq, const char *text)
{
	const struct nlmsghdr *h = message(b, seq);
	const uint8_t *at = memmem(h, h->nlmsg_len, text, strlen(text) + 1);

	if (!at)
		abort();
	return (uint32_t)(at - (const uint8_t *)h);
}

struct said {
	const char *about; /* a note; NULL ends the list */
	int code;
	const char *text;
	const char *expression; /* at whose place it is */
	bool whole;
};

struct played {
	const struct batch *b;
	const struct said *said;
	bool no_end; /* the last message is not answered, the other end goes */
	size_t len[3];
	char log[2][8192]; /* of each question */
};

static void ack_last(struct fake *f, const struct batch *b)
{
	fake_verdict(f, b->seq - 2, 0, NULL, 0, NULL);
}

static void play(struct fake *f, const struct nlmsghdr *asked, size_t len)
{
	struct played *p = f->arg;
	struct decoded d = {0};

	if (f->questions <= 2) {
		p->len[f->questions] = len;
		/* numbers are left out of a second try: no matter here */
		(void)decode(asked, len, &d);
		snprintf(p->log[f->questions - 1], sizeof *p->log, "%s", str_text(&d.log));
		decoded_done(&d);
	}
	for (const struct said *s = p->said; s->about && f->questions == 1; s++) {
		uint32_t seq = seq_of(p->b, s->about);

		fake_verdict(f, seq, s->code, s->text,
			s->expression ? offset_of(p->b, seq, s->expression) : 0,
			s->whole ? message(p->b, seq) : NULL);
	}
	if (p->no_end)
		shutdown(f->other, SHUT_RDWR);
	else
		ack_last(f, p->b);
}

static int commit(struct played *p, const struct said *said, struct err *e, size_t *questions)
{
	struct fake f;
	int rc;

	*e = (struct err){0};
	p->said = said;
	fake_begin(&f, play, p);
	rc = nlsock_commit(f.fd, p->b, e);
	fake_end(&f);
	if (questions)
		*questions = f.questions;
	return rc;
}

static const struct {
	const char *name;
	struct said said[3];
	int code;
	const char *want; /* the message */
} refusals[] = {
	{"a chain", {{"chain output", EEXIST, NULL, NULL, false}}, EEXIST,
		"chain output: the kernel refuses it: File exists"},
	{"with its reason", {{"chain output", EINVAL, "Chain of other type", NULL, false}}, EINVAL,
		"chain output: Chain of other type: Invalid argument"},
	{"with the whole message before the reason",
		{{"set segment_web_4", EINVAL, "Set of other type", NULL, true}}, EINVAL,
		"set segment_web_4: Set of other type: Invalid argument"},
	{"the first of two",
		{{"chain input", EINVAL, NULL, NULL, false},
			{"chain output", EEXIST, NULL, NULL, false}},
		EINVAL, "chain input: the kernel refuses it: Invalid argument"},
	{"no right to", {{"the transaction", EPERM, NULL, NULL, false}}, EPERM,
		"the transaction: nf_tables wants CAP_NET_ADMIN in the namespace: Operation not "
		"permitted"},
	{"somebody's", {{"table inet cinch", EPERM, NULL, NULL, false}}, EPERM,
		"table inet cinch: a program that runs has made the table its own (flag "
		"\"owner\"): Operation not permitted"},
	{"no nf_tables", {{"the transaction", EOPNOTSUPP, NULL, NULL, false}}, EOPNOTSUPP,
		"the transaction: the kernel has no nf_tables with \"inet\": modprobe nf_tables "
		"(CONFIG_NF_TABLES_INET): Operation not supported"},
	{"in use", {{"chain abcdef012345_out", EBUSY, NULL, NULL, false}}, EBUSY,
		"chain abcdef012345_out: something that was not put there by cinch speaks of it "
		"(nft list "
		"table inet cinch): Device or resource busy"},
	{"the commit", {{"the transaction", ENOMEM, NULL, NULL, false}}, ENOMEM,
		"the transaction: the kernel refuses it: Cannot allocate memory"},
	{"no socket expression", {{"rule 5 of chain output", ENOENT, NULL, "socket", false}},
		EOPNOTSUPP,
		"rule 5 of chain output: the kernel has no \"socket cgroupv2\": modprobe "
		"nft_socket (CONFIG_NFT_SOCKET, Linux 5.13): Operation not supported"},
	{"an older socket expression",
		{{"rule 5 of chain output", EOPNOTSUPP, NULL, "socket", true}}, EOPNOTSUPP,
		"rule 5 of chain output: the kernel has no \"socket cgroupv2\": modprobe "
		"nft_socket (CONFIG_NFT_SOCKET, Linux 5.13): Operation not supported"},
	{"no fib", {{"rule 3 of chain abcdef012345_out", ENOENT, NULL, "fib", false}}, EOPNOTSUPP,
		"rule 3 of chain abcdef012345_out: the kernel has no \"fib\": modprobe "
		"nft_fib_inet (CONFIG_NFT_FIB_INET): Operation not supported"},
	{"another expression", {{"rule 5 of chain output", ENOENT, NULL, "cmp", false}}, ENOENT,
		"rule 5 of chain output: its \"cmp\": No such file or directory"},
	{"counters that are there do not hide it",
		{{"counter abcdef012345_out_refused", EOPNOTSUPP, NULL, NULL, false},
			{"chain output", EEXIST, NULL, NULL, false}},
		EEXIST, "chain output: the kernel refuses it: File exists"},
};

static void test_refusals(const struct batch *b)
{
	struct played p = {.b = b};
	struct err e;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		ok(commit(&p, refusals[i].said, &e, NULL) == -1 && e.code == refusals[i].code,
			"refused: %s", refusals[i].name);
		tap_same(e.msg, refusals[i].want, refusals[i].name);
	}
}

static void test_commit(const struct batch *b)
{
	static const struct said nothing[] = {{NULL, 0, NULL, NULL, false}},
				 there[] = {{"counter abcdef012345_out_accepted", EOPNOTSUPP, NULL,
						    NULL, false},
					 {"counter abcdef012345_out_refused", EOPNOTSUPP, NULL,
						 NULL, false},
					 {NULL, 0, NULL, NULL, false}};
	struct played p = {.b = b};
	struct batch empty;
	struct err e;
	size_t n;

	ok(commit(&p, nothing, &e, &n) == 0 && n == 1 && p.len[1] == b->len,
		"all is well, in one piece");
	ok(commit(&p, there, &e, &n) == 0 && n == 2, "counters that are there: %s", e.msg);
	ok(strstr(p.log[0], "new counter abcdef012345_out_accepted\n") &&
			strstr(p.log[0], "new counter abcdef012345_out_refused\n") &&
			!strstr(p.log[1], "counter"),
		"the second try is without them");
	ok(strncmp(p.log[1], "begin\n", 6) == 0 && strstr(p.log[1], "\nend\n") &&
			strstr(p.log[1], "new rule abcdef012345_in\n"),
		"and else the same");
	p.no_end = true;
	ok(commit(&p, nothing, &e, &n) == -1 && e.code == ECONNRESET, "no answer: %s", e.msg);
	batch_init(&empty);
	ok(nlsock_commit(-1, &empty, &e) == 0, "an empty batch is not sent");
	batch_done(&empty);
}

/* ---- answers that are none ---- */

static const struct batch *odd_batch;

static void odd(struct fake *f, const struct nlmsghdr *asked, size_t len)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = {{sizeof m, NLMSG_ERROR, 0, asked->nlmsg_seq + 1, 0}, {.error = -EINVAL}};
	int which = *(int *)f->arg;

	(void)len;
	switch (which) {
	case 0: /* too short for a header */
		fake_send(f, &m, 7);
		break;
	case 1: /* longer than there are bytes */
		m.h.nlmsg_len = 9999;
		fake_send(f, &m, sizeof m);
		break;
	case 2: /* of another question */
		m.h.nlmsg_seq = 77777;
		fake_send(f, &m, sizeof m);
		break;
	case 3: /* no error at all */
		m.h.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE;
		fake_send(f, &m, sizeof m);
		break;
	case 4: /* an error without its number */
		m.h.nlmsg_len = sizeof m.h + 2;
		fake_send(f, &m, m.h.nlmsg_len);
		break;
	case 5: /* a number that is none */
		m.e.error = 5;
		fake_send(f, &m, sizeof m);
		break;
	case 6:
		m.e.error = INT32_MIN;
		fake_send(f, &m, sizeof m);
		break;
	case 7: /* an extended ack behind the end */
		m.h.nlmsg_flags = NLM_F_ACK_TLVS;
		m.e.msg.nlmsg_len = 60000;
		fake_send(f, &m, sizeof m);
		break;
	default:
		break;
	}
	ack_last(f, odd_batch);
}

static void test_odd(const struct batch *b)
{
	static const int codes[] = {0, 0, 0, 0, EBADMSG, EBADMSG, EBADMSG, EINVAL};
	struct err e;

	odd_batch = b;
	for (int i = 0; i < 8; i++) {
		struct fake f;
		int rc;

		e = (struct err){0};
		fake_begin(&f, odd, &i);
		rc = nlsock_commit(f.fd, b, &e);
		fake_end(&f);
		ok(e.code == codes[i] && (rc == 0) == (e.code == 0), "odd answer %d: %s", i, e.msg);
	}
}

/* ---- questions ---- */

struct dump {
	int torn; /* so many times */
	int code; /* of the end */
	bool dump;
	size_t called, resets, fail_at;
};

static void tell(struct fake *f, const struct nlmsghdr *asked, size_t len)
{
	struct dump *d = f->arg;
	struct nlmsghdr m[2] = {{sizeof *m, 1 << 8, NLM_F_MULTI, asked->nlmsg_seq, 0},
		{sizeof *m, 2 << 8, NLM_F_MULTI, asked->nlmsg_seq, 0}};
	struct nlmsghdr foreign = {sizeof foreign, 3 << 8, 0, asked->nlmsg_seq + 1, 0};

	(void)len;
	fake_send(f, &foreign, sizeof foreign);
	if (d->torn-- > 0)
		m[1].nlmsg_flags |= NLM_F_DUMP_INTR;
	fake_send(f, m, sizeof m);
	fake_send(f, m, sizeof *m);
	if (d->dump)
		fake_done(f, asked->nlmsg_seq, d->code);
	else
		fake_verdict(f, asked->nlmsg_seq, d->code, d->code ? "why" : NULL, 0, NULL);
}

static int count(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct dump *d = arg;

	(void)h;
	return ++d->called == d->fail_at ? err_set(e, ERR_INPUT, "enough") : 0;
}

static void again(void *arg)
{
	struct dump *d = arg;

	d->called = 0;
	d->resets++;
}

static int ask(struct dump *d, struct err *e)
{
	struct fake f;
	struct nlmsghdr q = {.nlmsg_len = sizeof q, .nlmsg_flags = d->dump ? NLM_F_DUMP : 0};
	int rc;

	*e = (struct err){0};
	fake_begin(&f, tell, d);
	rc = nlsock_ask(f.fd, &q, count, again, d, e);
	/* the next question gets its own answers */
	if (rc < 0 && d->fail_at) {
		d->called = d->fail_at = 0;
		if (nlsock_ask(f.fd, &q, count, again, d, NULL) < 0 || d->called != 3)
			rc = -2;
	}
	fake_end(&f);
	return rc;
}

static void test_ask(void)
{
	struct dump d = {.dump = true};
	struct err e;

	ok(ask(&d, &e) == 0 && d.called == 3 && d.resets == 0, "a dump: three answers");
	d = (struct dump){.dump = true, .torn = 2};
	ok(ask(&d, &e) == 0 && d.called == 3 && d.resets == 2, "torn twice, asked three times");
	d = (struct dump){.dump = true, .torn = 1000};
	ok(ask(&d, &e) == -1 && e.code == EINTR, "torn for ever: %s", e.msg);
	d = (struct dump){.dump = true, .code = ENOENT};
	ok(ask(&d, &e) == -1 && e.code == ENOENT, "a dump that ends badly: %s", e.msg);
	d = (struct dump){.dump = true, .fail_at = 2};
	ok(ask(&d, &e) == -1 && e.code == ERR_INPUT, "who is told says no: %s", e.msg);
	d = (struct dump){.dump = false};
	ok(ask(&d, &e) == 0 && d.called == 3, "a question without a dump");
	d = (struct dump){.dump = false, .code = ENOENT};
	ok(ask(&d, &e) == -1 && e.code == ENOENT && strstr(e.msg, "why"), "refused: %s", e.msg);
}

/* ---- messages ---- */

static void test_messages(void)
{
	uint8_t room[64] __attribute__((aligned(8)));
	const struct nlattr *at[4], *in[4];
	struct nlattr *nest;
	struct nlmsg m;
	uint16_t cut;

	memset(room, 0xa5, sizeof room);
	nlmsg_begin(&m, room, sizeof room, 16, 0, "abc", 3);
	nlmsg_u8(&m, 1, 7);
	nest = nlmsg_nest(&m, 2);
	nlmsg_be32(&m, 1, 0x01020304);
	nlmsg_text(&m, 3, "hi");
	nlmsg_end(&m, nest);
	ok(!m.full && nlmsg_len(&m) == 48, "a message of %zu bytes", nlmsg_len(&m));
	ok(nlmsg_attrs(m.h, 3, at, 3) && nlattr_u8(at[1], 0) == 7 && !at[3], "read");
	ok(nlattr_attrs(at[2], in, 3) && nlattr_be32(in[1], 0) == 0x01020304 &&
			strcmp(nlattr_text(in[3]), "hi") == 0,
		"inside, too");
	ok(nlattr_u32(in[3], 9) == 9 && nlattr_be64(in[1], 9) == 9 && nlattr_be16(NULL, 9) == 9 &&
			!nlattr_text(in[1]) && !nlattr_text(NULL),
		"what has another size is not taken for it");
	ok(nlattr_next(at[2], NULL) == in[1] && nlattr_next(at[2], in[1]) == in[3] &&
			!nlattr_next(at[2], in[3]),
		"one after the other");
	cut = at[2]->nla_len;
	((struct nlattr *)at[2])->nla_len = 200;
	ok(!nlmsg_attrs(m.h, 3, in, 3), "an attribute longer than the message");
	((struct nlattr *)at[2])->nla_len = 3;
	ok(!nlmsg_attrs(m.h, 3, in, 3), "shorter than its head");
	((struct nlattr *)at[2])->nla_len = cut;
	nlmsg_put(&m, 1, room, 17);
	ok(m.full && nlmsg_left(&m) == 0, "more than fits");
	nlmsg_u8(&m, 1, 1);
	nlmsg_end(&m, nlmsg_nest(&m, 1));
	ok(nlmsg_len(&m) == 48, "and nothing is added any more");
	for (size_t n = 0; n < 20; n++) {
		nlmsg_begin_nf(&m, room, n, 1, 0, 0, 0);
		nlmsg_u8(&m, 1, 1);
		if (!m.full)
			break;
	}
	ok(m.full, "no room for a header");
	nlmsg_begin(&m, room, SIZE_MAX, 1, 0, NULL, 0);
	nlmsg_put(&m, 1, room, 70000);
	ok(m.full, "an attribute beyond 16 bits");
	nlmsg_begin(&m, room, sizeof room, 1, 0, NULL, SIZE_MAX - 2);
	ok(m.full, "a header beyond everything");
}

int main(void)
{
	AUTO_RULESET struct ruleset r = {0};
	AUTO_BATCH struct batch b;
	struct err e = {0};

	net_sample(&r, 12345, 0);
	batch_init(&b);
	if (encode_install(&b, &r, NULL, 0, NULL, &e) < 0)
		abort();
	test_commit(&b);
	test_refusals(&b);
	test_odd(&b);
	test_ask();
	test_messages();
	return tap_done();
}
