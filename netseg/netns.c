/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - network namespaces of other processes: by descriptor, told apart for sure.
 */
#include "netseg/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

/* Not /proc/self, which is the first thread's. */
#define OWN_NAMESPACE "/proc/thread-self/ns/net"

enum { STAT_MAX = 4096, PATH_TEXT = 64 };

bool netns_same(const struct netns_id *a, const struct netns_id *b)
{
	if (a->cookie != 0 && b->cookie != 0)
		return a->cookie == b->cookie;
	return a->dev == b->dev && a->ino == b->ino;
}

/* Of a process whose first thread has ended, and others have not. -1 with errno. */
static int of_any_thread(pid_t pid)
{
	char path[PATH_TEXT];
	int fd = -1;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	d = opendir(path);
	for (struct dirent *t; d && fd < 0 && (t = readdir(d));) {
		if (snprintf(path, sizeof path, "%.16s/ns/net", t->d_name) >= (int)sizeof path)
			continue;
		fd = *t->d_name == '.' ? -1 : openat(dirfd(d), path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	if (fd < 0)
		errno = ENOENT;
	return fd;
}

int netns_of(pid_t pid, int *fd, struct err *e)
{
	char path[PATH_TEXT];
	int got;

	if (pid <= 0)
		return err_set(e, ERR_INPUT, "process %d: there is none", (int)pid);
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
	got = open(path, O_RDONLY | O_CLOEXEC);
	if (got < 0 && errno == ENOENT)
		got = of_any_thread(pid);
	if (got < 0)
		return err_set(e, errno, "open %s", path);
	*fd = got;
	return 0;
}

int netns_open(const char *path, int *fd, struct err *e)
{
	AUTO_FD int got = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct statfs fs;

	if (got < 0)
		return err_set(e, errno, "open %s", path);
	if (fstatfs(got, &fs) < 0)
		return err_set(e, errno, "statfs %s", path);
	/* asked second: any other file's ioctl may do anything */
	if (fs.f_type != NSFS_MAGIC || ioctl(got, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, ERR_INPUT, "%s: not a network namespace", path);
	*fd = take_fd(&got);
	return 0;
}

static int file_of(int fd, struct netns_id *id, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat a network namespace");
	*id = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

/* Of the namespace this thread is in. */
static int cookie_here(uint64_t *cookie, struct err *e)
{
	AUTO_FD int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *cookie;

	if (s < 0)
		return err_set(e, errno, "open a socket");
	*cookie = 0;
	if (getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len) < 0 && errno != ENOPROTOOPT)
		return err_set(e, errno, "ask for the cookie of a network namespace");
	return 0;
}

int netns_enter(int fd, int *back, struct netns_id *id, struct err *e)
{
	AUTO_FD int own = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
	struct netns_id found;
	struct err lost;

	if (own < 0)
		return err_set(e, errno, "open %s", OWN_NAMESPACE);
	if (file_of(fd, &found, e) < 0)
		return -1;
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter the network namespace");
	if (cookie_here(&found.cookie, e) < 0) {
		netns_leave(&own, &lost);
		return -1;
	}
	*id = found;
	*back = take_fd(&own);
	return 0;
}

int netns_leave(int *back, struct err *e)
{
	AUTO_FD int fd = take_fd(back);

	if (setns(fd, CLONE_NEWNET) == 0 || (errno == EPERM && io_in_user_ns()))
		return 0;
	return err_set(e, errno, "go back to the network namespace before");
}

/* Whether PATH is the namespace ID; *KNOWN false when it cannot be seen. */
static int is_at(
	const char *path, const struct netns_id *id, bool *same, bool *known, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct netns_id other;

	*known = fd >= 0;
	*same = false;
	if (fd < 0)
		return 0;
	if (file_of(fd, &other, e) < 0)
		return -1;
	*same = other.dev == id->dev && other.ino == id->ino;
	return 0;
}

int netns_is_host(int fd, bool *host, struct err *e)
{
	static const char *const hosts[] = {OWN_NAMESPACE, "/proc/1/ns/net"};
	struct netns_id id;
	bool same = false, known;

	if (file_of(fd, &id, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts && !same; i++) {
		if (is_at(hosts[i], &id, &same, &known, e) < 0)
			return -1;
		/* that of pid 1 is a second look; without the own one nothing can be told */
		if (!known && i == 0)
			return err_set(e, errno, "open %s", hosts[i]);
	}
	*host = same;
	return 0;
}

int netns_is_below(int fd, bool *below, struct err *e)
{
	AUTO_FD int owner = ioctl(fd, NS_GET_USERNS);
	AUTO_FD int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct stat a, b;

	*below = false;
	if (owner < 0 && errno == EPERM) /* above */
		return 0;
	if (owner < 0 || own < 0 || fstat(owner, &a) < 0 || fstat(own, &b) < 0)
		return err_set(e, errno, "whose a network namespace is");
	*below = a.st_ino != b.st_ino || a.st_dev != b.st_dev;
	return 0;
}

uint64_t netns_started(pid_t pid)
{
	AUTO_FD int fd = -1;
	AUTO_FREE char *text = NULL;
	char path[PATH_TEXT], *at, *rest = NULL, *word;
	uint64_t ticks, threads = 0;
	size_t len;
	struct err e;
	bool ended;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 || io_read_all(fd, STAT_MAX, &text, &len, &e) < 0)
		return 0;
	at = strrchr(text, ')'); /* its name may have blanks and brackets */
	word = at ? strtok_r(at + 1, " \n", &rest) : NULL;
	/* a zombie; with threads besides only its first one is, and the process runs on */
	ended = word && strchr("ZXx", *word);
	for (int field = 3; word && field < 22; field++) {
		word = strtok_r(NULL, " \n", &rest);
		if (word && field + 1 == 20 && !num_u64(word, UINT64_MAX, &threads))
			threads = 0;
	}
	if (!word || (ended && threads < 2))
		return 0;
	return num_u64(word, UINT64_MAX, &ticks) ? ticks : 0;
}
