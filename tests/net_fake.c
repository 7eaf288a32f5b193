/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_fake - the other end of a netlink socket. See net_fake.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net_fake.h"

enum { QUESTION_MAX = 1 << 17 };

static void *play(void *arg)
{
	struct fake *f = arg;
	char *buf = malloc(QUESTION_MAX);
	ssize_t n;

	if (!buf)
		abort();
	while ((n = recv(f->other, buf, QUESTION_MAX, 0)) > 0) {
		f->questions++;
		f->answer(f, (const struct nlmsghdr *)buf, (size_t)n);
	}
	free(buf);
	return NULL;
}

void fake_begin(
	struct fake *f, void (*answer)(struct fake *, const struct nlmsghdr *, size_t), void *arg)
{
	int pair[2], room = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	for (int i = 0; i < 2; i++)
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	*f = (struct fake){.fd = pair[0], .other = pair[1], .answer = answer, .arg = arg};
	if (pthread_create(&f->thread, NULL, play, f) != 0)
		abort();
}

void fake_end(struct fake *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	close(f->other);
}

void fake_send(struct fake *f, const void *bytes, size_t len)
{
	/* who asks may be gone by now */
	(void)!send(f->other, bytes, len, MSG_NOSIGNAL);
}

static size_t attribute(uint8_t *to, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};

	memcpy(to, &a, sizeof a);
	memcpy(to + sizeof a, data, len);
	memset(to + sizeof a + len, 0, -len & 3);
	return sizeof a + ((len + 3) & ~(size_t)3);
}

void fake_verdict(struct fake *f, uint32_t seq, int code, const char *text, uint32_t offset,
	const struct nlmsghdr *whole)
{
	struct nlmsgerr err = {
		.error = -code, .msg = {.nlmsg_len = sizeof err.msg, .nlmsg_seq = seq}};
	struct nlmsghdr h = {.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = seq};
	uint8_t buf[8192] = {0};
	size_t n = sizeof h + sizeof err;

	if (whole) {
		err.msg = *whole;
		memcpy(buf + n, whole + 1, whole->nlmsg_len - sizeof *whole);
		n += whole->nlmsg_len - sizeof *whole;
	} else {
		h.nlmsg_flags |= NLM_F_CAPPED;
	}
	if (text || offset)
		h.nlmsg_flags |= NLM_F_ACK_TLVS;
	if (text)
		n += attribute(buf + n, NLMSGERR_ATTR_MSG, text, strlen(text) + 1);
	if (offset)
		n += attribute(buf + n, NLMSGERR_ATTR_OFFS, &offset, sizeof offset);
	h.nlmsg_len = (uint32_t)n;
	memcpy(buf, &h, sizeof h);
	memcpy(buf + sizeof h, &err, sizeof err);
	fake_send(f, buf, n);
}

void fake_done(struct fake *f, uint32_t seq, int code)
{
	struct {
		struct nlmsghdr h;
		int code;
	} m = {{.nlmsg_len = sizeof m, .nlmsg_type = NLMSG_DONE, .nlmsg_seq = seq}, -code};

	fake_send(f, &m, sizeof m);
}
