/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_netns - namespaces are told apart, processes' beginnings are read, and a cgroup that is not its own is named.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netseg/netns.h"
#include "shim/base/cleanup.h"
#include "tests/tap.h"

static void test_same(void)
{
	static const struct {
		struct netns_id a, b;
		bool same;
		const char *what;
	} cases[] = {
		{{7, 4, 100}, {7, 4, 100}, true, "all the same"},
		{{7, 4, 100}, {8, 4, 100}, false, "an inode that was used again"},
		{{7, 4, 100}, {7, 5, 200}, true, "the cookie decides"},
		{{0, 4, 100}, {8, 4, 100}, true, "without a cookie the inode"},
		{{0, 4, 100}, {0, 4, 101}, false, "another inode"},
		{{0, 4, 100}, {0, 5, 100}, false, "another device"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(netns_same(&cases[i].a, &cases[i].b) == cases[i].same &&
				netns_same(&cases[i].b, &cases[i].a) == cases[i].same,
			"%s", cases[i].what);
}

static void test_open(void)
{
	AUTO_FD int own = -1, by_path = -1, other = -1;
	struct err e = {0};
	bool host = false;

	ok(netns_of(getpid(), &own, &e) == 0, "the namespace of a process: %s", e.msg);
	ok(netns_is_host(own, &host, &e) == 0 && host, "ours is the host's");
	ok(netns_open("/proc/self/ns/net", &by_path, &e) == 0, "by its path: %s", e.msg);
	ok(netns_is_host(by_path, &host, &e) == 0 && host, "the same");
	ok(netns_open("/proc/self/ns/mnt", &other, &e) < 0 && e.code == ERR_INPUT,
		"another kind of namespace: %s", e.msg);
	ok(netns_open("/proc/self/stat", &other, &e) < 0 && e.code == ERR_INPUT,
		"no namespace at all: %s", e.msg);
	ok(netns_open("/nowhere", &other, &e) < 0 && e.code == ENOENT, "nothing: %s", e.msg);
	ok(other == -1, "the descriptor is untouched");
	ok(netns_of(0, &other, &e) < 0 && netns_of(-1, &other, &e) < 0, "no process");
}

/* In a child: a namespace of its own; the answers are bits of the exit status. */
static int enter_another(void)
{
	AUTO_FD int first = -1, second = -1, back = -1;
	struct netns_id a = {0}, b = {0};
	struct err e;
	bool host = true, again = false;
	int good = 0;

	if (netns_of(getpid(), &first, &e) < 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 0x80;
	if (netns_of(getpid(), &second, &e) < 0 || netns_enter(second, &back, &a, &e) < 0)
		return 0;
	good |= a.ino != 0 && a.dev != 0 ? 1 : 0;
	/* the namespace it is in now is what it takes for its own */
	good |= netns_is_host(second, &again, &e) == 0 && again ? 2 : 0;
	good |= netns_leave(&back, &e) == 0 && back == -1 ? 4 : 0;
	if (unshare(CLONE_NEWNET) < 0)
		return good;
	good |= netns_is_host(second, &host, &e) == 0 && !host ? 8 : 0;
	if (netns_enter(second, &back, &b, &e) < 0)
		return good;
	good |= netns_same(&a, &b) && a.ino == b.ino && a.cookie == b.cookie ? 16 : 0;
	return good;
}

static void test_enter(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(enter_another());
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status), "a child");
	if (WEXITSTATUS(status) == 0x80)
		tap_skip("enter a namespace", "this system makes none for us");
	else
		ok(WEXITSTATUS(status) == 31, "it enters, leaves and knows it again: %d",
			WEXITSTATUS(status));
}

static void test_started(void)
{
	uint64_t own = netns_started(getpid());
	int status, ready[2];
	char c;
	pid_t pid;

	ok(own > 0 && own == netns_started(getpid()), "we began at %llu", (unsigned long long)own);
	ok(netns_started(1) > 0 && netns_started(1) <= own, "the first process was before");
	ok(netns_started(0) == 0 && netns_started(-5) == 0, "no process");
	ok(pipe2(ready, O_CLOEXEC) == 0, "a pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, ") 1 (2 3");
		_exit(write(ready[1], "x", 1) == 1 ? 0 : 1);
	}
	ok(read(ready[0], &c, 1) == 1, "a child with a name like fields");
	siginfo_t info;

	ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0, "has ended");
	ok(netns_started(pid) == 0, "a zombie is gone");
	waitpid(pid, &status, 0);
	ok(netns_started(pid) == 0, "and gone");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, ") 1 (2 3");
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	ok(read(ready[0], &c, 1) == 1 && netns_started(pid) >= own,
		"its name does not move the fields: %llu", (unsigned long long)netns_started(pid));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A process is there as long as any of its threads. */
static void test_headless(void)
{
	pthread_t thread;
	AUTO_FD int fd = -1;
	ino_t its;
	char path[64];
	struct stat st;
	struct err e = {0};
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
			_exit(1);
		syscall(SYS_exit, 0); /* of this thread */
	}
	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	while (pid > 0 && stat(path, &st) == 0)
		usleep(1000);
	ok(netns_started(pid) > 0, "without its first thread a process runs on");
	ok(netns_of(pid, &fd, &e) == 0 && fstat(fd, &st) == 0, "in its namespace: %s", e.msg);
	its = st.st_ino;
	ok(stat("/proc/self/ns/net", &st) == 0 && st.st_ino == its, "which is the right one");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	cleanup_fd(&fd);
	ok(netns_started(pid) == 0 && netns_of(pid, &fd, &e) < 0 && e.code == ENOENT,
		"then it is gone: %s", e.msg);
}

static void test_cgroup(void)
{
	struct cgroup_place at = {.id = 5};
	struct err why = {0}, e = {0};

	ok(cgroup_of(getpid(), &at, &why, &e) == 0, "our cgroup: %s", e.msg);
	ok(at.id == 0 && at.level == 0 && *at.path == '\0', "is not our own");
	ok(why.code != 0 && *why.msg, "why: %s", why.msg);
	ok(cgroup_of(INT32_MAX, &at, &why, &e) < 0 && e.code == ENOENT, "no process: %s", e.msg);
}

int main(void)
{
	test_same();
	test_open();
	test_enter();
	test_started();
	test_headless();
	test_cgroup();
	return tap_done();
}
