/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netbench - what two network namespaces are worth side by side, in one run: pairs in shuffled order, medians.
 *
 * usage: netbench NAME ROUNDS GOAL WHAT ADDRESS SERVER-NS NS-A PROCS-A NS-B PROCS-B
 *
 * The server lies in namespace SERVER-NS at ADDRESS. In each round this process takes the place of A, then of B, or
 * the other way round: it enters the namespace NS and joins the cgroup that PROCS ("-": none) belongs to, and there does
 * WHAT for MS milliseconds: "stream" sends through one connection, "connect" makes connections, one byte there and
 * back, and ends them, "ask" sends datagrams, one at a time, and waits for the answer. Prints one line of a table: the
 * medians of both, B by A (the median of the rounds' own quotients), the goal ("-": none). Exit status 1 when the
 * goal was missed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 1000, MS = 80, CHUNK = 128 << 10, PORT = 5001, WAIT_MS = 2000 };

struct arm {
	const char *ns, *procs;
	double rate[ROUNDS_MAX];
};

static struct {
	struct sockaddr_storage to;
	socklen_t len;
	volatile uint64_t *received; /* bytes, counted by the server */
} s;

static char chunk[CHUNK];

static void die(const char *what)
{
	fprintf(stderr, "netbench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void enter(const char *ns, const char *procs)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
	if (strcmp(procs, "-") == 0)
		return;
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(procs);
	close(fd);
}

static int new_socket(int type)
{
	struct linger now = {.l_onoff = 1};
	int one = 1, fd = socket(s.to.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (type == SOCK_STREAM) {
		/* no port is kept waiting */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	}
	return fd;
}

/* ---- the server ---- */

/* Answers one byte with one; more is a stream: counted, until it ends. */
static void serve_one(int fd)
{
	static char got[CHUNK];
	ssize_t n = recv(fd, got, sizeof got, 0);

	if (n == 1)
		send(fd, got, 1, MSG_NOSIGNAL);
	while (n > 0) {
		*s.received += (uint64_t)n;
		n = recv(fd, got, sizeof got, 0);
	}
	close(fd);
}

static void serve(int tcp, int udp)
{
	struct pollfd p[2] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
	char got[64];

	while (poll(p, 2, -1) > 0) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		ssize_t n;

		if (p[0].revents)
			serve_one(accept4(tcp, NULL, NULL, SOCK_CLOEXEC));
		while (p[1].revents && (n = recvfrom(udp, got, sizeof got, MSG_DONTWAIT,
						(struct sockaddr *)&from, &len)) > 0)
			sendto(udp, got, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
	_exit(0);
}

static void start_server(const char *ns)
{
	int one = 1, tcp, udp, ready[2];
	char c;

	s.received = mmap(NULL, sizeof *s.received, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.received == MAP_FAILED || pipe(ready) < 0)
		die("server");
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(ns, "-");
		tcp = new_socket(SOCK_STREAM);
		udp = new_socket(SOCK_DGRAM);
		setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(tcp, (struct sockaddr *)&s.to, s.len) < 0 ||
			bind(udp, (struct sockaddr *)&s.to, s.len) < 0 || listen(tcp, 1024) < 0)
			die("bind");
		close(ready[0]);
		close(ready[1]);
		serve(tcp, udp);
	}
	close(ready[1]);
	/* the end of the pipe is the server's word that it listens */
	if (read(ready[0], &c, 1) != 0)
		die("server");
	close(ready[0]);
}

/* ---- the client ---- */

static int new_connection(int type)
{
	int fd = new_socket(type);

	if (connect(fd, (struct sockaddr *)&s.to, s.len) < 0)
		die("connect");
	return fd;
}

static bool answered(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c[2];

	return send(fd, "x", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, WAIT_MS) == 1 &&
	       recv(fd, c, sizeof c, 0) == 1;
}

static double stream(void) /* MB/s */
{
	int fd = new_connection(SOCK_STREAM);
	uint64_t before = *s.received;
	double began = now_ms(), took;

	while (now_ms() - began < MS)
		if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0)
			die("send");
	took = now_ms() - began;
	before = *s.received - before;
	close(fd);
	return (double)before / 1e3 / took;
}

static double connects(void) /* thousands a second */
{
	double began = now_ms(), took;
	unsigned n = 0;

	for (; (took = now_ms() - began) < MS; n++) {
		int fd = new_connection(SOCK_STREAM);

		if (!answered(fd))
			die("no answer");
		close(fd);
	}
	return n / took;
}

static double asks(void) /* thousands a second */
{
	int fd = new_connection(SOCK_DGRAM);
	double began = now_ms(), took;
	unsigned n = 0;

	for (; (took = now_ms() - began) < MS; n++)
		if (!answered(fd))
			die("no answer");
	close(fd);
	return n / took;
}

static const struct {
	const char *name, *unit;
	double (*run)(void);
} kinds[] = {
	{"stream", "MB/s", stream},
	{"connect", "k/s", connects},
	{"ask", "k/s", asks},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void where(const char *address)
{
	struct sockaddr_in *v4 = (void *)&s.to;
	struct sockaddr_in6 *v6 = (void *)&s.to;

	v4->sin_family = AF_INET;
	v4->sin_port = htons(PORT);
	s.len = sizeof *v4;
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
		return;
	v6->sin6_family = AF_INET6;
	s.len = sizeof *v6;
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		die(address);
}

int main(int argc, char **argv)
{
	static struct arm arms[2];
	static double quotient[ROUNDS_MAX];
	size_t kind = 0, rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	double by;

	if (argc != 11 || rounds < 1 || rounds > ROUNDS_MAX) {
		fputs("usage: netbench NAME ROUNDS GOAL WHAT ADDRESS SERVER-NS NS-A PROCS-A NS-B "
		      "PROCS-B\n",
			stderr);
		return 2;
	}
	while (kind < 2 && strcmp(kinds[kind].name, argv[4]) != 0)
		kind++;
	where(argv[5]);
	start_server(argv[6]);
	for (int i = 0; i < 2; i++) {
		arms[i].ns = argv[7 + 2 * i];
		arms[i].procs = argv[8 + 2 * i];
	}
	srandom(20261122);
	/* the first round is to warm up, and is not kept */
	for (size_t r = 0; r <= rounds; r++) {
		long first = random() >> 8 & 1;

		for (int i = 0; i < 2; i++) {
			struct arm *a = &arms[i ^ first];

			enter(a->ns, a->procs);
			a->rate[r ? r - 1 : 0] = kinds[kind].run();
		}
		if (r)
			quotient[r - 1] = arms[1].rate[r - 1] / arms[0].rate[r - 1];
	}
	by = median(quotient, rounds);
	printf("%-44s %9.1f %9.1f %-4s %7.3f %6s%s\n", argv[1], median(arms[0].rate, rounds),
		median(arms[1].rate, rounds), kinds[kind].unit, by, argv[3],
		strcmp(argv[3], "-") != 0 && by < strtod(argv[3], NULL) ? "  MISSED" : "");
	return strcmp(argv[3], "-") != 0 && by < strtod(argv[3], NULL);
}
