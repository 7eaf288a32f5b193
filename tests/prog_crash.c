/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_crash - run a program and kill it with SIGKILL at a chosen system call, unless it has become another
 * program by then.
 *
 * usage: prog_crash N PROGRAM [ARG...]
 *
 * System calls of all its threads count, each twice, on its way in and out: killed at an odd count it has not happened. Exit
 * status: that of the program, or 137 when it was killed. N "count": nothing is killed, and the number
 * of counts until it became another program goes to the file that CRASH_COUNT names.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLED = 128 + SIGKILL, BROKEN = 125 };

static int status_of(pid_t pid)
{
	int status;
	pid_t who;

	/* its end is not told before that of its threads was taken note of */
	while ((who = waitpid(-1, &status, __WALL)) > 0)
		if (who == pid && (WIFEXITED(status) || WIFSIGNALED(status)))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return BROKEN;
}

static void tell(long n)
{
	const char *path = getenv("CRASH_COUNT");
	FILE *f = path ? fopen(path, "we") : NULL;

	if (f) {
		fprintf(f, "%ld\n", n);
		fclose(f);
	}
}

/* A stop of WHO, of PID's or one of its threads, that is no system call: the signal to go on with. */
static int other_stop(pid_t who, pid_t pid, int status)
{
	if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_CLONE << 8)))
		return 0;
	if (who != pid && WSTOPSIG(status) == SIGSTOP) /* a new thread */
		return 0;
	return WSTOPSIG(status);
}

/* PID stops at its system calls; at the Nth it is killed (N < 0: at none). */
static int follow(pid_t pid, long n)
{
	long seen = 0;
	int status, deliver = 0;
	pid_t who = pid;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, who, NULL, deliver) < 0 && who == pid)
			return BROKEN;
		do {
			who = waitpid(-1, &status, __WALL);
			if (who < 0)
				return BROKEN;
		} while (who != pid && !WIFSTOPPED(status));
		if (!WIFSTOPPED(status)) {
			tell(seen);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		deliver = 0;
		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
			tell(seen);
			ptrace(PTRACE_DETACH, pid, NULL, 0);
			return status_of(pid);
		}
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			deliver = other_stop(who, pid, status);
		} else if (++seen == n) {
			kill(pid, SIGKILL);
			return status_of(pid);
		}
	}
}

int main(int argc, char **argv)
{
	long n = argc > 1 && strcmp(argv[1], "count") != 0 ? atol(argv[1]) : -1;
	int status;
	pid_t pid;

	if (argc < 3 || n == 0) {
		fprintf(stderr, "usage: prog_crash N|count PROGRAM [ARG...]\n");
		return BROKEN;
	}
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execv(argv[2], argv + 2);
		fprintf(stderr, "prog_crash: %s: %s\n", argv[2], strerror(errno));
		_exit(BROKEN);
	}
	/* it stops behind its execv */
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return BROKEN;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
		PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
			PTRACE_O_EXITKILL);
	return follow(pid, n);
}
