/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netbench - what network namespaces are worth side by side, in one run: in shuffled order, medians.
 *
 * usage: netbench NAME ROUNDS WHAT ADDRESS SERVER-NS { ARM NS PROCS GOAL }...
 *
 * The server lies in namespace SERVER-NS at ADDRESS. In each round this process takes the place of each arm in turn: it
 * enters the namespace NS and joins the cgroup that PROCS ("-": none) belongs to, and there does WHAT for some
 * milliseconds: "stream" sends through one connection, "connect" makes connections, one byte there and back, and ends
 * them, "ask" sends datagrams, one at a time, and waits for the answer.
 *
 * Both ends are held to one processor: all that is done counts, and nothing depends on who sits where. Prints a line
 * for each arm: what one connection, question or megabyte costs in microseconds of both ends' processor time (who sends
 * a packet also carries it to its receiver), and how much more than the first arm's; how much work that is by the first
 * arm's for the same time, the median of the rounds' own quotients, and the range in which 95 of 100 such medians lie;
 * the goal of this ("-": none); the rate by the clock on the wall, and by the first arm's. The rate also has what the
 * kernel clears away later, and, on a machine that is not idle, everybody else. Exit status 1 when a goal was missed.
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

enum {
	ROUNDS_MAX = 1000,
	ARMS_MAX = 8,
	ARM_ARGS = 4,
	FIRST_ARM = 6, /* in argv */
	STREAM_MS = 80, /* it begins slowly */
	MS = 20, /* shorter than what others may take a processor for */
	CHUNK = 128 << 10,
	PORT = 5001,
	WAIT_MS = 2000,
};

struct arm {
	const char *name, *ns, *procs, *goal;
	/* of each round */
	double cost[ROUNDS_MAX], more[ROUNDS_MAX]; /* microseconds, and over the first arm's */
	double by_cost[ROUNDS_MAX], rate[ROUNDS_MAX], by_rate[ROUNDS_MAX];
};

static struct {
	struct sockaddr_storage to;
	socklen_t len;
	clockid_t clock; /* processor time of the server */
	volatile uint64_t *received; /* bytes, counted by the server */
} s;

static char chunk[CHUNK];

static void die(const char *what)
{
	fprintf(stderr, "netbench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double clock_ms(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		die("clock");
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static double both_ends_ms(void)
{
	return clock_ms(CLOCK_PROCESS_CPUTIME_ID) + clock_ms(s.clock);
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
	pid_t pid;
	char c;

	s.received = mmap(NULL, sizeof *s.received, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.received == MAP_FAILED || pipe(ready) < 0)
		die("server");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
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
	if (read(ready[0], &c, 1) != 0 || clock_getcpuclockid(pid, &s.clock) != 0)
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

/* Each gives how much it did. */

static double stream(void) /* MB */
{
	int fd = new_connection(SOCK_STREAM);
	uint64_t before = *s.received;
	double end = now_ms() + STREAM_MS;

	while (now_ms() < end)
		if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0)
			die("send");
	before = *s.received - before;
	close(fd);
	return (double)before / 1e6;
}

static double connects(void)
{
	double end = now_ms() + MS;
	unsigned n = 0;

	for (; now_ms() < end; n++) {
		int fd = new_connection(SOCK_STREAM);

		if (!answered(fd))
			die("no answer");
		close(fd);
	}
	return n;
}

static double asks(void)
{
	int fd = new_connection(SOCK_DGRAM);
	double end = now_ms() + MS;
	unsigned n = 0;

	for (; now_ms() < end; n++)
		if (!answered(fd))
			die("no answer");
	close(fd);
	return n;
}

static const struct {
	const char *name, *unit;
	double scale; /* of what a second brings */
	double (*run)(void);
} kinds[] = {
	{"stream", "MB/s", 1, stream},
	{"connect", "k/s", 1e-3, connects},
	{"ask", "k/s", 1e-3, asks},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts V; OF 0 is the least, 1 the greatest. */
static double quantile(double *v, size_t n, double of)
{
	double at = of < 0 ? 0 : of > 1 ? (double)(n - 1) : of * (double)(n - 1);
	size_t i = (size_t)at;

	qsort(v, n, sizeof *v, by_value);
	return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

static double median(double *v, size_t n)
{
	return quantile(v, n, 0.5);
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

static void measure(struct arm *a, size_t kind, size_t round)
{
	double began, cpu, units;

	enter(a->ns, a->procs);
	began = now_ms();
	cpu = both_ends_ms();
	units = kinds[kind].run();
	a->cost[round] = (both_ends_ms() - cpu) * 1e3 / units;
	a->rate[round] = units / (now_ms() - began) * 1e3 * kinds[kind].scale;
}

/* false: the goal was missed. */
static bool report(struct arm *a, const char *unit, size_t rounds)
{
	double by = median(a->by_cost, rounds), root = 1, spread;
	bool missed = strcmp(a->goal, "-") != 0 && by < strtod(a->goal, NULL);

	while (root * root < (double)rounds)
		root++;
	spread = 0.98 / root; /* of ranks, by the binomial distribution */
	printf("  %-22s %9.2f %+8.2f %6.3f (%.3f-%.3f) %5s%-8s %9.1f %-5s %6.3f\n", a->name,
		median(a->cost, rounds), median(a->more, rounds), by,
		quantile(a->by_cost, rounds, 0.5 - spread),
		quantile(a->by_cost, rounds, 0.5 + spread), a->goal, missed ? " MISSED" : "",
		median(a->rate, rounds), unit, median(a->by_rate, rounds));
	return !missed;
}

static void one_processor(void)
{
	cpu_set_t all, one;
	int last = CPU_SETSIZE - 1;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof all, &all) < 0)
		die("processors");
	while (last > 0 && !CPU_ISSET(last, &all))
		last--;
	CPU_SET(last, &one);
	if (sched_setaffinity(0, sizeof one, &one) < 0)
		die("one processor");
}

/* All arms, each round in another order. */
static void run_round(struct arm *arms, size_t n, size_t kind, size_t round)
{
	size_t order[ARMS_MAX];

	for (size_t i = 0; i < n; i++) {
		size_t other = (size_t)random() % (i + 1);

		order[i] = i;
		if (other < i) {
			order[i] = order[other];
			order[other] = i;
		}
	}
	for (size_t i = 0; i < n; i++)
		measure(&arms[order[i]], kind, round);
	for (size_t i = 0; i < n; i++) {
		arms[i].by_rate[round] = arms[i].rate[round] / arms->rate[round];
		arms[i].by_cost[round] = arms->cost[round] / arms[i].cost[round];
		arms[i].more[round] = arms[i].cost[round] - arms->cost[round];
	}
}

int main(int argc, char **argv)
{
	static struct arm arms[ARMS_MAX];
	size_t kind = 0, rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, n;
	bool met = true;

	n = argc > FIRST_ARM ? (size_t)(argc - FIRST_ARM) / ARM_ARGS : 0;
	if (n < 1 || n > ARMS_MAX || (argc - FIRST_ARM) % ARM_ARGS != 0 || rounds < 1 ||
		rounds > ROUNDS_MAX) {
		fputs("usage: netbench NAME ROUNDS WHAT ADDRESS SERVER-NS { ARM NS PROCS GOAL "
		      "}...\n",
			stderr);
		return 2;
	}
	while (kind < 2 && strcmp(kinds[kind].name, argv[3]) != 0)
		kind++;
	where(argv[4]);
	one_processor();
	start_server(argv[5]);
	for (size_t i = 0; i < n; i++) {
		char **of = argv + FIRST_ARM + i * ARM_ARGS;

		arms[i] = (struct arm){.name = of[0], .ns = of[1], .procs = of[2], .goal = of[3]};
	}
	srandom(20261122);
	/* the first round is to warm up, and is not kept */
	for (size_t r = 0; r <= rounds; r++)
		run_round(arms, n, kind, r ? r - 1 : 0);
	printf("%s\n", argv[1]);
	for (size_t i = 0; i < n; i++)
		met = report(&arms[i], kinds[kind].unit, rounds) && met;
	return !met;
}
