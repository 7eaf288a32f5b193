/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench - what two programs cost side by side, in one run: pairs in shuffled order, medians, p95.
 *
 * usage: bench NAME ROUNDS GOAL-MS RSS-GOAL-KIB FRESH STEPS ALONE THROUGH ROOT BUNDLE ID
 *
 * ALONE and THROUGH are programs. A round runs STEPS, verbs separated by commas, with each of the two, which
 * of them first being random; a verb with "-" before it is run behind the measured time. Before that FRESH ("-": nothing) is copied over the bundle's config.json,
 * outside the measured time; and when the environment has BENCH_LINK="PATH X Y", PATH becomes a symbolic
 * link to X (ALONE) or Y (THROUGH). The verb exec starts "true", or with BENCH_PROCESS=FILE in the environment
 * what that file says. Prints one line of the table ("-": no goal). A step that fails ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 5000, STEPS_MAX = 8, ARGS_MAX = 24, CONFIG_MAX = 1 << 20 };

struct arm {
	const char *program;
	double ms[ROUNDS_MAX];
	long rss; /* KiB, the highest of all calls: wrapper and runtime, which share a process */
};

static struct arm arms[2];
static char config[CONFIG_MAX];
static char *steps[STEPS_MAX];
static const char *bundle, *root, *id;

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void renew(const char *fresh)
{
	char path[4096];
	ssize_t n;
	int fd;

	if (strcmp(fresh, "-") == 0)
		return;
	fd = open(fresh, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (n = read(fd, config, sizeof(config))) <= 0)
		die(fresh);
	close(fd);
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, config, (size_t)n) != n)
		die(path);
	close(fd);
}

/* ARM 0 or 1 */
static void relink(int arm)
{
	static char path[1024], next[1032], target[2][1024];
	const char *how = getenv("BENCH_LINK");

	if (!how)
		return;
	if (sscanf(how, "%1023s %1023s %1023s", path, target[0], target[1]) != 3)
		die("BENCH_LINK");
	snprintf(next, sizeof(next), "%s.new", path);
	if (symlink(target[arm], next) < 0 || rename(next, path) < 0)
		die(path);
}

static void call(struct arm *a, const char *verb)
{
	const char *argv[ARGS_MAX] = {a->program, "--root", root, verb};
	const char *process = getenv("BENCH_PROCESS");
	int exec = strcmp(verb, "exec") == 0;
	struct rusage use;
	int n = 4, status = 0;
	pid_t pid;

	if (strcmp(verb, "create") == 0 || strcmp(verb, "run") == 0) {
		argv[n++] = "--bundle";
		argv[n++] = bundle;
	} else if (strcmp(verb, "delete") == 0) {
		argv[n++] = "--force";
	} else if (exec && process) {
		argv[n++] = "--process";
		argv[n++] = process;
	}
	argv[n++] = id;
	if (exec && !process)
		argv[n++] = "true";
	argv[n] = NULL;
	pid = vfork(); /* the child must not begin with a copy of these arrays */
	if (pid == 0) {
		execv(a->program, (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		die(a->program);
	if (status != 0) {
		fprintf(stderr, "bench: %s %s: wait status %#x\n", a->program, verb, status);
		exit(1);
	}
	if (use.ru_maxrss > a->rss)
		a->rss = use.ru_maxrss;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, int percent)
{
	int i = (n * percent + 99) / 100 - 1;

	return sorted[i < 0 ? 0 : i];
}

static void measure(const char *fresh, int rounds)
{
	uint32_t seed = 2463534242u;

	for (int i = -3; i < rounds; i++) { /* the first three warm up */
		int first;

		seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
		first = (int)(seed >> 16 & 1);
		for (int k = 0; k < 2; k++) {
			struct arm *a = &arms[k ^ first];
			double began;

			renew(fresh);
			relink(k ^ first);
			began = now_ms();
			for (int s = 0; steps[s]; s++)
				if (*steps[s] != '-')
					call(a, steps[s]);
			if (i >= 0)
				a->ms[i] = now_ms() - began;
			for (int s = 0; steps[s]; s++)
				if (*steps[s] == '-')
					call(a, steps[s] + 1);
		}
	}
}

/* The container's output is not the table's: file descriptors 0 to 2 of the children are /dev/null. */
static FILE *keep_table(void)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_RDWR);

	if (out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("/dev/null");
	return fdopen(out, "w");
}

int main(int argc, char **argv)
{
	double over[ROUNDS_MAX];
	char goal[32] = "", rss_goal[32] = "";
	int rounds, n = 0;
	FILE *table;

	if (argc != 12) {
		fprintf(stderr, "usage: bench NAME ROUNDS GOAL-MS RSS-GOAL-KIB FRESH STEPS ALONE "
				"THROUGH ROOT BUNDLE ID\n");
		return 2;
	}
	rounds = (int)strtol(argv[2], NULL, 10);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (char *s = strtok(argv[6], ","); s && n < STEPS_MAX - 1; s = strtok(NULL, ","))
		steps[n++] = s;
	arms[0].program = argv[7];
	arms[1].program = argv[8];
	root = argv[9];
	bundle = argv[10];
	id = argv[11];
	table = keep_table();
	if (!table)
		die("table");
	measure(argv[5], rounds);
	for (int i = 0; i < rounds; i++)
		over[i] = arms[1].ms[i] - arms[0].ms[i];
	qsort(over, (size_t)rounds, sizeof(over[0]), by_size);
	for (int k = 0; k < 2; k++)
		qsort(arms[k].ms, (size_t)rounds, sizeof(double), by_size);
	if (strcmp(argv[3], "-") != 0)
		snprintf(goal, sizeof(goal), "<= %s", argv[3]);
	if (strcmp(argv[4], "-") != 0)
		snprintf(rss_goal, sizeof(rss_goal), "<= %s", argv[4]);
	fprintf(table, "%-27s %5d %7.2f %7.2f %7.2f %7.2f %6.2f %7.2f %-7s %6ld %s\n", argv[1],
		rounds, quantile(arms[0].ms, rounds, 50), quantile(arms[0].ms, rounds, 95),
		quantile(arms[1].ms, rounds, 50), quantile(arms[1].ms, rounds, 95),
		quantile(arms[1].ms, rounds, 50) / quantile(arms[0].ms, rounds, 50),
		quantile(over, rounds, 50), goal, arms[1].rss, rss_goal);
	return fclose(table) != 0;
}
