/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_journal - what arrives at the sockets, and that nothing waits when nobody reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/journal.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static int receiver(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		perror(path);
	return fd;
}

static void fields(int fd, const char *path)
{
	static const char value[] = "two\nlines", want[] = "MESSAGE=hello\nA_1\n"
							   "\x09\0\0\0\0\0\0\0two\nlines\nEMPTY=\n";
	const struct journal_field f[] = {
		{"MESSAGE", "hello", 5},
		{"A_1", value, sizeof value - 1},
		{"LEFT_OUT", NULL, 0},
		{"EMPTY", "", 0},
	};
	struct err e = {0};
	char got[256];
	ssize_t n;

	ok(journal_send(path, f, 4, &e) == 0, "sent: %s", e.msg);
	n = recv(fd, got, sizeof got, 0);
	ok(n == sizeof want - 1 && memcmp(got, want, sizeof want - 1) == 0,
		"plain fields, one with a line break, an empty one: %zd bytes", n);
}

/* A record larger than the socket takes comes as a descriptor that nobody can change any more. */
static void large(int fd, const char *path)
{
	enum { SIZE = 4 << 20 };
	AUTO_FREE char *value = malloc(SIZE), *text = NULL;
	const struct journal_field f = {"CINCH_RECORD", value, SIZE};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes};
	struct err e = {0};
	AUTO_FD int mem = -1;
	struct cmsghdr *c;
	size_t len = 0;

	memset(value, 'x', SIZE);
	ok(journal_send(path, &f, 1, &e) == 0, "four megabytes: %s", e.msg);
	ok(recvmsg(fd, &m, MSG_CMSG_CLOEXEC) == 0, "an empty datagram");
	c = CMSG_FIRSTHDR(&m);
	if (!ok(c && c->cmsg_type == SCM_RIGHTS, "with a descriptor"))
		return;
	memcpy(&mem, CMSG_DATA(c), sizeof mem);
	ok(fcntl(mem, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
		"sealed");
	lseek(mem, 0, SEEK_SET);
	ok(io_read_all(mem, 2 * SIZE, &text, &len, &e) == 0 && len == SIZE + 14 &&
			strncmp(text, "CINCH_RECORD=xxx", 16) == 0 && text[len - 1] == '\n',
		"with the whole entry in it");
}

static void syslog_line(int fd, const char *path)
{
	char got[2048], pid[32], big[3000];
	struct err e = {0};
	ssize_t n;

	ok(journal_syslog(path, JOURNAL_WARNING, "a\nforged <0>line\x1b[2J", &e) == 0, "sent: %s",
		e.msg);
	n = recv(fd, got, sizeof got - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	snprintf(pid, sizeof pid, " cinch[%d]: ", getpid());
	ok(strncmp(got, "<84>", 4) == 0, "authpriv, warning: %s", got);
	ok(n > 20 && got[7] == ' ' && got[10] == ' ' && got[13] == ':' && got[16] == ':' &&
			strncmp(got + 19, pid, strlen(pid)) == 0,
		"time, program and process");
	ok(n > 0 && !strchr(got, '\n') && strstr(got, ": a forged <0>line [2J"),
		"a line break cannot forge a message");
	memset(big, 'y', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	ok(journal_syslog(path, JOURNAL_INFO, big, &e) == 0 && recv(fd, got, sizeof got, 0) == 1023,
		"a long one is cut");
}

static void full(const char *path)
{
	const struct journal_field f = {"MESSAGE", "x", 1};
	struct err e = {0};
	int n = 0;

	while (n < 100000 && journal_send(path, &f, 1, &e) == 0)
		n++;
	ok(n > 0 && n < 100000 && e.code == EAGAIN, "nobody reads: full after %d, at once: %s", n,
		e.msg);
	ok(journal_syslog(path, JOURNAL_INFO, "x", &e) < 0 && e.code == EAGAIN, "syslog, too");
}

int main(void)
{
	char path[128], second[128];
	const struct journal_field f = {"MESSAGE", "x", 1};
	struct journal_sockets s = {path, second};
	struct err e = {0};
	AUTO_FD int fd = -1, other = -1;
	char got[256], deep[200];
	ssize_t n;

	snprintf(path, sizeof path, "%s/one", scratch_dir());
	snprintf(second, sizeof second, "%s/two", scratch_dir());
	ok(journal_send(path, &f, 1, &e) < 0 && e.code == ENOENT, "no socket: %s", e.msg);
	fd = receiver(path);
	other = receiver(second);
	fields(fd, path);
	large(fd, path);
	syslog_line(fd, path);
	ok(journal_tell(&s, JOURNAL_ERR, "oh", &e) == 0, "told");
	n = recv(fd, got, sizeof got - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	tap_same(got, "MESSAGE=oh\nPRIORITY=3\nSYSLOG_IDENTIFIER=cinch\n", "to the journal");
	full(path);
	ok(journal_tell(&s, JOURNAL_ERR, "oh", &e) == 0 && recv(other, got, sizeof got, 0) > 0,
		"or else to syslog");
	memset(deep, 'a', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	ok(journal_send(deep, &f, 1, &e) < 0 && e.code == ENAMETOOLONG, "too long a path");
	return tap_done();
}
