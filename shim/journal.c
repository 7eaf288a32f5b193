/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - a record to systemd's journal, or to whatever reads /dev/log.
 */
#include "shim/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"

enum { AUTHPRIV = 10, SYSLOG_MAX = 1024 };

const struct journal_sockets journal_sockets = {
	.journald = "/run/systemd/journal/socket",
	.syslog = "/dev/log",
};

static int address(const char *path, struct sockaddr_un *out, struct err *e)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof out->sun_path)
		return err_set(e, ENAMETOOLONG, "socket %s", path);
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

static int open_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? err_set(e, errno, "socket") : fd;
}

static ssize_t send_one(int fd, const struct msghdr *m)
{
	ssize_t n;

	do
		n = sendmsg(fd, m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* ---- the journal ---- */

/* NAME=VALUE and a newline; a value with a newline in it goes with its length in front. */
static void put_field(struct str *out, const struct journal_field *f)
{
	uint64_t len = f->len;

	str_add(out, f->name);
	if (!memchr(f->value, '\n', f->len)) {
		str_addc(out, '=');
	} else {
		str_addc(out, '\n');
		for (int i = 0; i < 8; i++) /* little endian on any machine */
			str_addc(out, (char)(len >> (8 * i) & 0xff));
	}
	str_addn(out, f->value, f->len);
	str_addc(out, '\n');
}

/* The journal reads a memfd that is sealed, for nobody can change it under its eyes. */
static int send_memfd(int fd, const struct sockaddr_un *to, const struct str *text, struct err *e)
{
	AUTO_FD int mem = io_sealed("cinch-journal", text->s, text->len, 0, e);
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr m = {
		.msg_name = (void *)to,
		.msg_namelen = sizeof *to,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (mem < 0)
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &mem, sizeof mem);
	return send_one(fd, &m) < 0 ? err_set(e, errno, "send to %s", to->sun_path) : 0;
}

int journal_send(const char *path, const struct journal_field *fields, size_t n, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	struct sockaddr_un to;
	AUTO_FD int fd = -1;
	struct iovec iov;
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};

	for (size_t i = 0; i < n; i++)
		if (fields[i].value)
			put_field(&text, &fields[i]);
	if (str_failed(&text))
		return err_nomem(e);
	if (address(path, &to, e) < 0 || (fd = open_socket(e)) < 0)
		return -1;
	iov = (struct iovec){.iov_base = text.s, .iov_len = text.len};
	if (send_one(fd, &m) >= 0)
		return 0;
	if (errno == EMSGSIZE || errno == ENOBUFS)
		return send_memfd(fd, &to, &text, e);
	return err_set(e, errno, "send to %s", path);
}

/* ---- syslog ---- */

int journal_syslog(const char *path, enum journal_level level, const char *text, struct err *e)
{
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char line[SYSLOG_MAX];
	time_t now = time(NULL);
	struct sockaddr_un to;
	AUTO_FD int fd = -1;
	struct tm tm;
	int n;

	if (!localtime_r(&now, &tm)) /* the format knows no time zone: it is the node's */
		return err_set(e, errno, "local time");
	n = snprintf(line, sizeof line, "<%d>%s %2d %02d:%02d:%02d cinch[%d]: %s",
		AUTHPRIV * 8 + (int)level, months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, getpid(), text);
	if (n >= (int)sizeof line)
		n = (int)sizeof line - 1;
	for (int i = 0; i < n; i++) /* a line break would forge a message */
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	if (address(path, &to, e) < 0 || (fd = open_socket(e)) < 0)
		return -1;
	if (send_one(fd, &(struct msghdr){.msg_name = &to,
				 .msg_namelen = sizeof to,
				 .msg_iov = &(struct iovec){line, (size_t)n},
				 .msg_iovlen = 1}) < 0)
		return err_set(e, errno, "send to %s", path);
	return 0;
}

int journal_tell(
	const struct journal_sockets *s, enum journal_level level, const char *text, struct err *e)
{
	const char priority = (char)('0' + (int)level);
	const struct journal_field fields[] = {
		{"MESSAGE", text, strlen(text)},
		{"PRIORITY", &priority, 1},
		{"SYSLOG_IDENTIFIER", "cinch", 5},
	};

	if (journal_send(s->journald, fields, sizeof fields / sizeof *fields, e) == 0)
		return 0;
	return journal_syslog(s->syslog, level, text, e);
}
