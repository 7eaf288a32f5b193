/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts_wait - resolvers, from a file system that may not answer.
 *
 * Whoever waits for such a file system cannot always be killed: so another process reads, and is left behind.
 */
#include "netseg/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

/* To TO: an error (code 0: none), and the addresses. */
_Noreturn static void read_for(const struct net_want *w, int to)
{
	AUTO_ADDRS struct addrs l = {0};
	struct err e = {0}, lost;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* who waits for the end of our output is not to wait for this process */
	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	(void)facts_resolvers(w, &l, &e);
	if (io_write_all(to, &e, sizeof e, &lost) == 0 && e.code == 0)
		(void)io_write_all(to, l.v, l.n * sizeof *l.v, &lost);
	_exit(0);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* All that comes until the other end is closed; -1 with errno ETIMEDOUT. */
static int listen_to(int from, int ms, struct str *got)
{
	const long long end = now_ms() + ms;

	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		long long left = end - now_ms();
		char some[4096];
		ssize_t n;

		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(from, some, sizeof some);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			return 0;
		if (n > 0)
			str_addn(got, some, (size_t)n);
	}
}

static int understand(const struct str *got, struct addrs *out, struct err *e)
{
	struct err said;
	struct addr a;

	if (str_failed(got))
		return err_nomem(e);
	if (got->len < sizeof said || (got->len - sizeof said) % sizeof a != 0)
		return err_set(e, EIO, "who reads its resolvers has ended early");
	memcpy(&said, got->s, sizeof said);
	if (said.code) {
		*e = said;
		return -1;
	}
	for (size_t at = sizeof said; at < got->len; at += sizeof a) {
		memcpy(&a, got->s + at, sizeof a);
		if (addrs_push(out, &a) < 0)
			return err_nomem(e);
	}
	return 0;
}

int facts_resolvers_within(const struct net_want *w, int ms, struct addrs *out, struct err *e)
{
	AUTO_FD int from = -1, to = -1;
	AUTO_STR struct str got = STR_INIT;
	int ends[2], rc;
	pid_t pid;

	if (!w->resolv_conf) /* at most the node's own are read */
		return facts_resolvers(w, out, e);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid == 0)
		read_for(w, to);
	if (pid < 0)
		return err_set(e, errno, "fork");
	cleanup_fd(&to);
	to = -1;
	rc = listen_to(from, ms, &got);
	if (rc < 0) {
		err_set(e, errno, "its resolvers: %.256s", w->resolv_conf);
		kill(pid, SIGKILL);
	}
	(void)waitpid(pid, NULL, rc < 0 ? WNOHANG : 0);
	return rc < 0 ? -1 : understand(&got, out, e);
}
