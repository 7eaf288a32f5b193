/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_versions - vulnerabilities that only a newer runtime or kernel fixes, by version; and how to ask a
 * program for its version without waiting for ever.
 */
#include "shim/ctl/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"

/* ---- versions ---- */

struct version {
	unsigned part[3];
	bool pre; /* a release candidate: before the version itself */
	bool more; /* something behind it: a distributor's own */
};

enum { FIXES_MAX = 4 };

/* Fixed in each of these branches from that version on, and in all branches behind the last. */
struct flaw {
	const char *kind, *names, *what;
	unsigned since[3]; /* not in versions before; 0.0.0: in all */
	unsigned fixed[FIXES_MAX][3]; /* 0.0.0 ends them */
};

static const struct flaw flaws[] = {
	{"runc", "CVE-2019-5736", "a container can overwrite the runtime's program", {0},
		{{1, 0, 0}}},
	{"runc", "CVE-2021-30465",
		"volumes that two containers share let one mount the node's files", {0},
		{{1, 0, 0}}},
	{"runc", "CVE-2021-43784", "a long path in a configuration changes others", {0},
		{{1, 0, 3}}},
	{"runc", "CVE-2022-29162", "exec gives capabilities that stay inheritable", {0},
		{{1, 1, 2}}},
	{"runc", "CVE-2023-25809, CVE-2023-27561, CVE-2023-28642",
		"an image with links at /proc or /sys escapes security modules", {0}, {{1, 1, 5}}},
	{"runc", "CVE-2024-21626", "a descriptor that stays open leads to the node's files", {0},
		{{1, 1, 12}}},
	{"runc", "CVE-2024-45310", "empty files and directories can be made on the node", {0},
		{{1, 1, 14}, {1, 2, 0}}},
	{"runc", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
		"races while /proc is masked and the console is mounted lead to the node", {0},
		{{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}},
	{"runc", "CVE-2026-41579", "an image whose /dev is a link writes on the node", {0},
		{{1, 3, 6}, {1, 4, 3}}},
	{"crun", "CVE-2022-27650", "exec gives capabilities that stay inheritable", {0},
		{{1, 4, 4}}},
	{"crun", "CVE-2026-30892", "exec with some users runs as root", {1, 19, 0}, {{1, 27, 0}}},
	{"kernel", "CVE-2016-5195", "any process can write read-only files (Dirty COW)", {0},
		{{4, 4, 26}, {4, 7, 9}, {4, 8, 3}}},
	{"kernel", "CVE-2022-0847",
		"any process can write read-only files, layers of images among them (Dirty Pipe)",
		{5, 8, 0}, {{5, 10, 102}, {5, 15, 25}, {5, 16, 11}}},
};

static bool read_version(const char *text, struct version *v)
{
	int n = 0;

	*v = (struct version){.part = {0}};
	if (sscanf(text, "%5u.%5u%n", &v->part[0], &v->part[1], &n) < 2)
		return false;
	text += n;
	if (sscanf(text, ".%5u%n", &v->part[2], &n) == 1)
		text += n;
	v->pre = text[0] == '-' && text[1] == 'r' && text[2] == 'c';
	v->more = *text && *text != '\n' && *text != ' ';
	return true;
}

static int compare(const unsigned *a, const unsigned *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static bool is_fixed(const struct flaw *f, const struct version *v)
{
	const unsigned *last = f->fixed[0];

	if (f->since[0] && compare(v->part, f->since, 3) < 0)
		return true;
	for (size_t i = 0; i < FIXES_MAX && f->fixed[i][0]; i++) {
		const int order = compare(v->part, f->fixed[i], 3);

		last = f->fixed[i];
		if (compare(v->part, last, 2) == 0)
			return order > 0 || (order == 0 && !v->pre);
	}
	return compare(v->part, last, 2) > 0;
}

void doctor_versions(struct doctor *d, const char *kind, const char *on, const char *text)
{
	struct version v;
	size_t found = 0;

	if (!read_version(text, &v)) {
		doctor_say(d, DOCTOR_NOTE, kind, on, NULL, NULL,
			"its version is not understood: %.80s", text);
		return;
	}
	for (size_t i = 0; i < sizeof flaws / sizeof *flaws; i++) {
		const struct flaw *f = &flaws[i];
		AUTO_STR struct str todo = STR_INIT;

		if (strcmp(f->kind, kind) != 0 || is_fixed(f, &v))
			continue;
		found++;
		str_addf(&todo, "install %s ", kind);
		for (size_t k = 0; k < FIXES_MAX && f->fixed[k][0]; k++)
			str_addf(&todo, "%s%u.%u.%u", k ? " or " : "", f->fixed[k][0],
				f->fixed[k][1], f->fixed[k][2]);
		str_add(&todo, " or newer");
		if (v.more)
			str_add(&todo,
				"; or see whether your distributor has put the fix into this one");
		doctor_say(d, DOCTOR_WARNING, kind, on, f->what, str_text(&todo),
			"version %.60s has %s, which only an update fixes", text, f->names);
	}
	if (!found)
		doctor_say(d, DOCTOR_OK, kind, on, NULL, NULL,
			"version %.60s: none of the known flaws that only an update fixes", text);
}

/* ---- asking a program ---- */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void become(const char *program, int out)
{
	char *const argv[] = {(char *)program, (char[]){"--version"}, NULL};
	char *const env[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	const int null = open("/dev/null", O_RDWR);

	/* a group of its own, so that what it starts goes with it */
	if (setpgid(0, 0) < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0)
		_exit(126);
	execve(program, argv, env);
	_exit(127);
}

/* What comes out of FD until its end, SIZE or the time is over; false: time is over. */
static bool listen_to(int fd, char *out, size_t size)
{
	const long end = now_ms() + DOCTOR_WAIT_MS;
	size_t n = 0;

	out[0] = '\0';
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const long left = end - now_ms();
		ssize_t got;

		if (left <= 0 || (poll(&p, 1, (int)left) == 0))
			return false;
		got = read(fd, out + n, size - n - 1);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return true;
		n += (size_t)got;
		out[n] = '\0';
		if (n + 1 >= size)
			return true;
	}
}

/* Its status, or -1 when it had to be killed. */
static int wait_for(pid_t pid, bool in_time)
{
	const long end = now_ms() + (in_time ? DOCTOR_WAIT_MS : 0);
	const struct timespec tick = {.tv_nsec = 2000000};
	siginfo_t info = {.si_pid = 0};
	bool late = false;
	int status = 0;

	/* not reaped before its group is dead: until then nobody else has its number */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
		if (now_ms() >= end) {
			late = true;
			break;
		}
		nanosleep(&tick, NULL);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return late ? -1 : status;
}

int doctor_ask(const char *program, char *out, size_t size, struct err *e)
{
	int ends[2], status;
	bool in_time;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	pid = fork();
	if (pid == 0)
		become(program, ends[1]);
	if (pid > 0)
		setpgid(pid, pid); /* as the child does: whoever comes first */
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_set(e, errno, "fork");
	}
	in_time = listen_to(ends[0], out, size);
	close(ends[0]);
	status = wait_for(pid, in_time);
	if (status < 0)
		return err_set(e, ERR_INPUT, "\"%.200s --version\" did not end within %d s",
			program, DOCTOR_WAIT_MS / 1000);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !*out)
		return err_set(e, ERR_INPUT, "\"%.200s --version\" failed", program);
	return 0;
}
