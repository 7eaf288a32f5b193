/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlsock - netlink with the kernel. See nlsock.h.
 *
 * The kernel works a message off within sendmsg: all answers of a batch are there when it returns. nf_tables answers
 * every message that it refuses, asked or not, and goes on with those behind it; what it cannot say of one
 * message (no permission, the commit itself) it says of the batch's begin.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netseg/nlmsg.h"
#include "netseg/nlsock.h"
#include "shim/base/cleanup.h"

enum {
	ANSWER_MAX = 1 << 16, /* bytes of one datagram: a dump's are 32 KiB */
	QUEUE_BYTES = 8 << 20,
	DUMPS_MAX = 20, /* of a table that changes all the time */
};

int nlsock_open(int protocol, struct err *e)
{
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	const struct sockaddr_nl none = {.nl_family = AF_NETLINK}; /* self: any; peer: the kernel */
	const struct timeval wait = {.tv_sec = NLSOCK_WAIT};
	static const int wishes[] = {
		NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}; /* 4.12, 4.2, 4.20 */
	const int on = 1, room = QUEUE_BYTES;

	if (fd < 0 && errno == EPROTONOSUPPORT && protocol == NETLINK_NETFILTER)
		return err_set(e, EPROTONOSUPPORT,
			"the kernel has no netfilter: modprobe nf_tables (CONFIG_NF_TABLES_INET)");
	if (fd < 0)
		return err_set(e, errno, "open a netlink socket (protocol %d)", protocol);
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
		(void)setsockopt(fd, SOL_NETLINK, wishes[i], &on, sizeof on);
	/* beyond the limit of the system for those who may; the others do with less */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
		bind(fd, (const struct sockaddr *)&none, sizeof none) < 0 ||
		connect(fd, (const struct sockaddr *)&none, sizeof none) < 0)
		return err_set(e, errno, "prepare a netlink socket");
	return take_fd(&fd);
}

static int send_all(int fd, const void *bytes, size_t len, struct err *e)
{
	/* the kernel keeps some bytes of the limit for itself, and counts each twice */
	const int room = (int)len + 4096;
	ssize_t n;

	if (len > 1 << 16 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	do {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EMSGSIZE)
		return err_set(e, EMSGSIZE,
			"netlink: %zu bytes at once are more than net.core.wmem_max lets this user "
			"send",
			len);
	return n < 0 ? err_set(e, errno, "netlink: send %zu bytes", len) : 0;
}

/* One datagram of the kernel into BUF (ANSWER_MAX). *LEN 0: none is there (FLAGS MSG_DONTWAIT). */
static int receive(int fd, void *buf, int flags, size_t *len, struct err *e)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {buf, ANSWER_MAX};
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};

	for (;;) {
		ssize_t n = recvmsg(fd, &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && flags & MSG_DONTWAIT) {
			*len = 0;
			return 0;
		}
		if (n < 0 && errno == EAGAIN)
			return err_set(e, ETIMEDOUT, "netlink: no answer within %d s", NLSOCK_WAIT);
		if (n < 0)
			return err_set(e, errno, "netlink: receive an answer");
		if (msg.msg_flags & MSG_TRUNC)
			return err_set(e, EMSGSIZE, "netlink: an answer of more than %d bytes",
				ANSWER_MAX);
		if (n == 0)
			return err_set(e, ECONNRESET, "netlink: the other end is gone");
		if (from.nl_pid != 0) { /* another process may write to us, too */
			msg.msg_namelen = sizeof from;
			continue;
		}
		*len = (size_t)n;
		return 0;
	}
}

/* ---- what the kernel says of a message ---- */

struct verdict {
	int code; /* errno, 0: all is well */
	const char *text; /* borrowed; NULL */
	uint32_t at; /* offset in the message of what is wrong; 0: not told */
};

static bool verdict_read(const struct nlmsghdr *h, struct verdict *v)
{
	const struct nlmsgerr *err = nlmsg_payload(h, sizeof *err);
	const struct nlattr *at[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof *err;

	if (!err || err->error > 0 || err->error == INT32_MIN)
		return false;
	*v = (struct verdict){-err->error, NULL, 0};
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return true;
	/* the message itself stands before, unless the kernel leaves it out */
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && err->error && err->msg.nlmsg_len > sizeof err->msg)
		skip += err->msg.nlmsg_len - sizeof err->msg;
	if (nlmsg_attrs(h, skip, at, NLMSGERR_ATTR_MAX)) {
		v->text = nlattr_text(at[NLMSGERR_ATTR_MSG]);
		v->at = nlattr_u32(at[NLMSGERR_ATTR_OFFS], 0);
	}
	return true;
}

/* ---- batches ---- */

static const struct nlmsghdr *message_of(const struct batch *b, uint32_t seq)
{
	const struct nlmsghdr *h = nlmsg_first(b->bytes, b->len);
	size_t left = b->len;

	while (h && h->nlmsg_seq != seq)
		h = nlmsg_next(h, &left);
	return h;
}

/* The name of the expression at OFFSET of the message, when it is one that makes a rule; NULL. */
static const char *expression_at(const struct nlmsghdr *h, uint32_t offset)
{
	const struct nlattr *rule[NFTA_RULE_MAX + 1], *expr[NFTA_EXPR_MAX + 1];
	const uint8_t *bad = (const uint8_t *)h + offset;

	if (!h || offset == 0 || h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ||
		!nlmsg_attrs(h, sizeof(struct nfgenmsg), rule, NFTA_RULE_MAX) ||
		!rule[NFTA_RULE_EXPRESSIONS])
		return NULL;
	for (const struct nlattr *a = NULL;
		(a = nlattr_next(rule[NFTA_RULE_EXPRESSIONS], a)) != NULL;) {
		if (bad < (const uint8_t *)a ||
			bad >= (const uint8_t *)nlattr_data(a) + nlattr_len(a))
			continue;
		return nlattr_attrs(a, expr, NFTA_EXPR_MAX) ? nlattr_text(expr[NFTA_EXPR_NAME])
							    : NULL;
	}
	return NULL;
}

/* What is missing when the kernel does not know an expression, and the module that would bring it: the kernel asks for
 * those by itself, but for one that is not installed, or when loading them is forbidden. */
static const struct {
	const char *expression, *missing;
} configs[] = {
	{"socket", "\"socket cgroupv2\": modprobe nft_socket (CONFIG_NFT_SOCKET, Linux 5.13)"},
	{"fib", "\"fib\": modprobe nft_fib_inet (CONFIG_NFT_FIB_INET)"},
	{"reject", "\"reject\": modprobe nft_reject_inet (CONFIG_NFT_REJECT_INET)"},
	{"ct", "\"ct state\": modprobe nft_ct (CONFIG_NFT_CT)"},
	{"objref", "named counters: modprobe nft_objref (CONFIG_NFT_OBJREF)"},
	{"counter", "counters: modprobe nft_counter (CONFIG_NFT_COUNTER)"},
	{"dynset", "sets that rules fill (CONFIG_NF_TABLES, Linux 5.11)"},
};

static const char *missing(const char *expression)
{
	for (size_t i = 0; expression && i < sizeof configs / sizeof *configs; i++)
		if (strcmp(configs[i].expression, expression) == 0)
			return configs[i].missing;
	return NULL;
}

static const char *note_of(const struct batch *b, uint32_t seq)
{
	for (size_t i = 0; i < b->n_notes; i++)
		if (b->notes[i].seq == seq)
			return b->notes[i].what;
	return "the transaction";
}

static int refused(const struct batch *b, uint32_t seq, const struct verdict *v, struct err *e)
{
	const char *what = note_of(b, seq), *expr = expression_at(message_of(b, seq), v->at);
	const char *none = missing(expr);
	bool unknown = v->code == ENOENT || v->code == EOPNOTSUPP || v->code == EINVAL;

	if (v->code == EPERM && seq != b->first) /* it was let in, and the table is somebody's */
		return err_set(e, EPERM,
			"%s: a program that runs has made the table its own (flag \"owner\")",
			what);
	if (v->code == EPERM)
		return err_set(
			e, EPERM, "%s: nf_tables wants CAP_NET_ADMIN in the namespace", what);
	if (v->code == EOPNOTSUPP && seq <= b->first + 1) /* the table is the first object */
		return err_set(e, EOPNOTSUPP,
			"%s: the kernel has no nf_tables with \"inet\": modprobe nf_tables "
			"(CONFIG_NF_TABLES_INET)",
			what);
	if (v->code == EBUSY)
		return err_set(e, EBUSY,
			"%s: something that was not put there by cinch speaks of it (nft list "
			"table inet " NET_TABLE ")",
			what);
	if (unknown && none) /* podman takes "No such file" for a program that is missing */
		return err_set(e, EOPNOTSUPP, "%s: the kernel has no %s", what, none);
	if (v->text)
		return err_set(e, v->code, "%s: %s", what, v->text);
	if (expr)
		return err_set(e, v->code, "%s: its \"%s\"", what, expr);
	return err_set(e, v->code, "%s: the kernel refuses it", what);
}

/*
 * From Linux 5.4 on, until a later one took it for what it is, to make a counter that is there was EOPNOTSUPP. It is
 * there: the batch without that message is what was meant.
 */
static bool is_there(const struct batch *b, uint32_t seq, const struct verdict *v)
{
	const struct nlmsghdr *h = message_of(b, seq);

	return v->code == EOPNOTSUPP && h &&
	       h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ);
}

struct outcome {
	bool last; /* the last message was answered */
	bool failed;
	struct err why;
	bool *there; /* by number in the batch: objects that are there already */
	size_t n_there;
};

/* The answers in one datagram: the last message's own, and the first that is an error. */
static int answers(
	const struct batch *b, const void *buf, size_t len, struct outcome *o, struct err *e)
{
	size_t left = len;
	struct verdict v;

	for (const struct nlmsghdr *h = nlmsg_first(buf, len); h; h = nlmsg_next(h, &left)) {
		uint32_t seq = h->nlmsg_seq;

		if (h->nlmsg_type != NLMSG_ERROR || seq < b->first || seq >= b->seq)
			continue; /* of an earlier question */
		if (!verdict_read(h, &v))
			return err_set(e, EBADMSG, "netlink: an answer that is none");
		if (is_there(b, seq, &v)) {
			o->n_there += !o->there[seq - b->first];
			o->there[seq - b->first] = true;
		} else if (v.code && !o->failed) {
			o->failed = true;
			refused(b, seq, &v, &o->why);
		}
		o->last |= seq == b->seq - 2 || (v.code && seq == b->first);
	}
	return 0;
}

static int commit_once(int fd, const struct batch *b, void *buf, struct outcome *o, struct err *e)
{
	size_t len = 0;

	o->last = o->failed = false;
	o->n_there = 0;
	if (send_all(fd, b->bytes, b->len, e) < 0)
		return -1;
	do {
		if (receive(fd, buf, o->last ? MSG_DONTWAIT : 0, &len, e) < 0 ||
			answers(b, buf, len, o, e) < 0)
			return -1;
	} while (!o->last || len > 0);
	if (!o->failed)
		return 0;
	if (e)
		*e = o->why;
	return -1;
}

/* B without what is there already. The last message before the end stays: it is answered in any case. */
static int leave_out(const struct batch *b, const bool *there, struct batch *out, struct err *e)
{
	const struct nlmsghdr *h = nlmsg_first(b->bytes, b->len);
	size_t left = b->len;

	*out = *b; /* notes and numbers are the same */
	out->len = 0;
	out->bytes = malloc(b->len);
	if (!out->bytes)
		return err_nomem(e);
	for (; h; h = nlmsg_next(h, &left)) {
		if (there[h->nlmsg_seq - b->first] && h->nlmsg_seq != b->seq - 2)
			continue;
		memcpy(out->bytes + out->len, h, h->nlmsg_len);
		out->len += h->nlmsg_len;
	}
	return 0;
}

int nlsock_commit(int fd, const struct batch *b, struct err *e)
{
	AUTO_FREE void *buf = malloc(ANSWER_MAX);
	AUTO_FREE bool *there = calloc(b->n_notes + 1, sizeof *there);
	struct outcome o = {.there = there};
	struct batch less;
	int rc;

	if (b->len == 0)
		return 0;
	if (!buf || !there)
		return err_nomem(e);
	if (commit_once(fd, b, buf, &o, e) < 0)
		return -1;
	if (o.n_there == 0)
		return 0;
	if (leave_out(b, there, &less, e) < 0)
		return -1;
	rc = commit_once(fd, &less, buf, &o, e);
	if (rc == 0 && o.n_there)
		rc = err_set(e, EOPNOTSUPP, "%s: the kernel refuses it", note_of(b, b->first));
	free(less.bytes);
	return rc;
}

/* ---- questions ---- */

struct asking {
	int (*fn)(const struct nlmsghdr *answer, void *arg, struct err *e);
	void *arg;
	uint32_t seq;
	bool dump, done, torn, failed; /* torn: what was dumped changed meanwhile */
};

static int end_of(struct asking *q, const struct nlmsghdr *h, struct err *e)
{
	const int *code = nlmsg_payload(h, sizeof *code);
	struct verdict v = {0};

	q->done = true;
	if (h->nlmsg_type == NLMSG_DONE)
		v.code = code && *code < 0 && *code != INT32_MIN ? -*code : 0;
	else if (!verdict_read(h, &v))
		return err_set(e, EBADMSG, "netlink: an answer that is none");
	if (v.code == EINTR && q->dump) {
		q->torn = true;
		return 0;
	}
	if (v.code == 0)
		return 0;
	return v.text ? err_set(e, v.code, "%s", v.text)
		      : err_set(e, v.code, "the kernel's answer");
}

static int one_datagram(struct asking *q, const void *buf, size_t len, struct err *e)
{
	size_t left = len;

	for (const struct nlmsghdr *h = nlmsg_first(buf, len); h && !q->done;
		h = nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != q->seq)
			continue;
		q->torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			struct err why = {0};

			if (end_of(q, h, &why) < 0 && !q->failed) {
				q->failed = true;
				if (e)
					*e = why;
			}
		} else if (h->nlmsg_type >= NLMSG_MIN_TYPE && !q->failed && !q->torn) {
			/* what is left of a dump is read, so that the next question has its own */
			q->failed = q->fn && q->fn(h, q->arg, e) < 0;
		}
	}
	return 0;
}

static int ask_once(int fd, struct nlmsghdr *request, struct asking *q, void *buf, struct err *e)
{
	struct timespec now = {0};
	size_t len = 0;

	/* unlike that of any earlier question on this socket */
	clock_gettime(CLOCK_MONOTONIC, &now);
	q->seq = (uint32_t)now.tv_nsec + (uint32_t)now.tv_sec * 1000000007u;
	q->done = q->torn = q->failed = false;
	request->nlmsg_seq = q->seq;
	if (send_all(fd, request, request->nlmsg_len, e) < 0)
		return -1;
	while (!q->done)
		if (receive(fd, buf, 0, &len, e) < 0 || one_datagram(q, buf, len, e) < 0)
			return -1;
	return q->failed ? -1 : 0;
}

int nlsock_ask(int fd, struct nlmsghdr *request,
	int (*fn)(const struct nlmsghdr *answer, void *arg, struct err *e),
	void (*reset)(void *arg), void *arg, struct err *e)
{
	AUTO_FREE void *buf = malloc(ANSWER_MAX);
	struct asking q = {.fn = fn, .arg = arg};

	if (!buf)
		return err_nomem(e);
	q.dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	request->nlmsg_flags |= NLM_F_REQUEST | (q.dump ? 0 : NLM_F_ACK);
	for (int i = 0; i < DUMPS_MAX; i++) {
		if (ask_once(fd, request, &q, buf, e) < 0 && !q.torn)
			return -1;
		if (!q.torn)
			return 0;
		if (reset)
			reset(arg);
	}
	return err_set(
		e, EINTR, "the kernel's tables changed during each of %d readings", DUMPS_MAX);
}
