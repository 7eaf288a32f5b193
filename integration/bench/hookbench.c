/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookbench - what cinch-hook costs by itself: create and delete in a network namespace that is new each time, of
 * several programs in shuffled order.
 *
 * usage: hookbench ROUNDS RECORD ID NET KEY PROGRAM...
 *
 * RECORD is the state record of container ID, NET the registry, KEY the container's in it. Prints a line for each
 * program and verb: wall clock and time of the processor, medians in ms, and by how much they are over those of the first
 * program in the same round. Time of the processor tells more on a machine that does other things, too.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 5000, PROGRAMS_MAX = 8, VERBS = 2, CLOCKS = 2, WARM = 3 };

struct arm {
	const char *program;
	double ms[VERBS][CLOCKS][ROUNDS_MAX];
};

static struct arm arms[PROGRAMS_MAX];
static const char *const verbs[VERBS] = {"create", "delete"};

static void die(const char *what)
{
	fprintf(stderr, "hookbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double time_ms(const struct timeval *t)
{
	return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3;
}

/* In the child: a namespace of its own with lo up, then nothing. */
static void stand(int told)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int s;

	if (unshare(CLONE_NEWNET) < 0 || (s = socket(AF_INET, SOCK_DGRAM, 0)) < 0 ||
		ioctl(s, SIOCSIFFLAGS, &lo) < 0 || write(told, "x", 1) != 1)
		_exit(1);
	close(s);
	pause();
	_exit(0);
}

static pid_t container(void)
{
	int ends[2];
	pid_t pid;
	char c;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0)
		stand(ends[1]);
	close(ends[1]);
	if (read(ends[0], &c, 1) != 1)
		die("a network namespace");
	close(ends[0]);
	return pid;
}

/* What the runtime says of it, on a descriptor to be its standard input. */
static int state(const char *id, pid_t pid)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0 ||
		dprintf(fd,
			"{\"ociVersion\": \"1.0.2\", \"id\": \"%s\", \"status\": \"creating\", "
			"\"pid\": %d, \"bundle\": \"/\"}",
			id, (int)pid) < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)
		die("memfd");
	return fd;
}

static void call(struct arm *a, int verb, int round, char *const argv[], int in)
{
	static char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	double began = now_ms();
	struct rusage use;
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		if (in >= 0)
			dup2(in, STDIN_FILENO);
		execve(a->program, argv, env);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		die(a->program);
	if (status != 0) {
		fprintf(stderr, "hookbench: %s %s: wait status %#x\n", a->program, verbs[verb],
			status);
		exit(1);
	}
	if (round < 0)
		return;
	a->ms[verb][0][round] = now_ms() - began;
	a->ms[verb][1][round] = time_ms(&use.ru_utime) + time_ms(&use.ru_stime);
}

static void one(struct arm *a, int round, char *const args[4])
{
	char *const create[] = {"cinch-hook", "create", args[0], NULL};
	char *const delete[] = {"cinch-hook", "delete", args[2], args[3], NULL};
	pid_t pid = container();
	int in = state(args[1], pid);

	call(a, 0, round, create, in);
	call(a, 1, round, delete, -1);
	close(in);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void measure(int rounds, int n, char *const args[4])
{
	uint32_t seed = 2463534242u;
	int order[PROGRAMS_MAX];

	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int r = -WARM; r < rounds; r++) {
		for (int i = n - 1; i > 0; i--) {
			int k, kept = order[i];

			seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
			k = (int)(seed % (uint32_t)(i + 1));
			order[i] = order[k];
			order[k] = kept;
		}
		for (int i = 0; i < n; i++)
			one(&arms[order[i]], r, args);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of A[i] - B[i]; of A when B is NULL. */
static double median(const double *a, const double *b, int rounds)
{
	static double v[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++)
		v[i] = a[i] - (b ? b[i] : 0);
	qsort(v, (size_t)rounds, sizeof v[0], by_size);
	return v[rounds / 2];
}

int main(int argc, char **argv)
{
	int n = argc - 6, rounds = argc > 6 ? (int)strtol(argv[1], NULL, 10) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX || n > PROGRAMS_MAX) {
		fprintf(stderr, "usage: hookbench ROUNDS RECORD ID NET KEY PROGRAM...\n");
		return 2;
	}
	for (int i = 0; i < n; i++)
		arms[i].program = argv[6 + i];
	measure(rounds, n, argv + 2);
	for (int v = 0; v < VERBS; v++)
		for (int i = 0; i < n; i++) {
			printf("%-7s %-36s", verbs[v], arms[i].program);
			for (int c = 0; c < CLOCKS; c++)
				printf(" %8.2f %+8.2f", median(arms[i].ms[v][c], NULL, rounds),
					median(arms[i].ms[v][c], arms[0].ms[v][c], rounds));
			putchar('\n');
		}
	return 0;
}
