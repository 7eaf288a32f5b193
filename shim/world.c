/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - what this host and this rootfs are, asked by descriptor.
 *
 * Everything is opened with O_PATH, which neither blocks on a FIFO nor wakes a device, and judged by
 * fstat of that descriptor.
 */
#include "shim/world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/controls.h"
#include "shim/rootwalk.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { SEEN_MAX = 1024 };

/* Nothing in the rootfs is asked twice: several passes look at the same places, and they shall all
 * judge the same answer. */
struct seen {
	struct seen *next;
	bool exists, symlink;
	mode_t mode;
	const char *real; /* behind PATH */
	char path[];
};

struct host {
	int bundle; /* borrowed */
	int root; /* O_PATH of root.path, or -1 and ROOT_ERR */
	struct err root_err;
	struct stat root_st;
	struct controls controls;
	struct seen *seen; /* answers about the rootfs */
	size_t n_seen;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The file with ST is what REAL names here. A removed file has a name with " (deleted)", and one of
 * another mount namespace is named from the top of its own mount: both may be another file's. */
static bool is_at(const char *real, const struct stat *st)
{
	struct stat again;

	return stat(real, &again) == 0 && same_file(st, &again);
}

static int host_source(void *arg, const char *path, struct world_source *out, struct err *e)
{
	struct host *h = arg;
	AUTO_FD int fd = io_open_no_magic(h->bundle, path, O_PATH);
	struct stat st;
	struct statvfs vfs;

	out->exists = false;
	out->real[0] = out->controls[0] = '\0';
	out->mode = 0;
	out->flags = 0;
	out->mounts_below = false;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		AUTO_FD int link = openat(h->bundle, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		return link < 0 ? 0
				: err_set(e, ERR_INPUT, "%s is a link that leads nowhere", path);
	}
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INPUT,
			"%s is a loop of links or leads through a process (/proc/N/fd, cwd, root)",
			path);
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &vfs) < 0)
		return err_set(e, errno, "look at %s", path);
	if (controls_real_path(fd, out->real, e) < 0)
		return err_wrap(e, "%s", path);
	if (!is_at(out->real, &st))
		return err_set(e, ERR_INPUT, "%s is no longer at %s", path, out->real);
	if (controls_find(&h->controls, fd, &st, out->real, out->controls, &out->mounts_below, e) <
		0)
		return err_wrap(e, "%s", path);
	out->exists = true;
	out->mode = st.st_mode;
	out->flags = vfs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
	return 0;
}

static int remember(struct host *h, const char *path, const struct world_entry *got, struct err *e)
{
	size_t len = strlen(path) + 1;
	struct seen *s = malloc(sizeof *s + len + strlen(got->real) + 1);

	if (!s)
		return err_nomem(e);
	s->exists = got->exists;
	s->symlink = got->symlink;
	s->mode = got->mode;
	s->real = s->path + len;
	memcpy(s->path, path, len);
	memcpy(s->path + len, got->real, strlen(got->real) + 1);
	s->next = h->seen;
	h->seen = s;
	h->n_seen++;
	return 0;
}

static int host_entry(void *arg, const char *path, struct world_entry *out, struct err *e)
{
	struct host *h = arg;

	if (h->root < 0) {
		if (e)
			*e = h->root_err;
		return -1;
	}
	for (const struct seen *s = h->seen; s; s = s->next) {
		if (strcmp(s->path, path) != 0)
			continue;
		out->exists = s->exists;
		out->symlink = s->symlink;
		out->mode = s->mode;
		snprintf(out->real, sizeof out->real, "%s", s->real);
		return 0;
	}
	if (rootwalk(h->root, path, out, e) < 0)
		return -1;
	return h->n_seen < SEEN_MAX ? remember(h, path, out, e) : 0;
}

static int host_crosses(void *arg, const char *path, const char *dir, bool *crosses, struct err *e)
{
	const struct host *h = arg;
	struct world_entry entry;

	if (h->root < 0) {
		if (e)
			*e = h->root_err;
		return -1;
	}
	return rootwalk_crosses(h->root, path, dir, &entry, crosses, e);
}

static const struct {
	const char *file; /* below /proc/PID/ns */
	int flag; /* what NS_GET_NSTYPE answers */
} ns_kinds[NS_COUNT] = {
	[NS_MOUNT] = {"mnt", CLONE_NEWNS},
	[NS_PID] = {"pid", CLONE_NEWPID},
	[NS_NETWORK] = {"net", CLONE_NEWNET},
	[NS_IPC] = {"ipc", CLONE_NEWIPC},
	[NS_UTS] = {"uts", CLONE_NEWUTS},
	[NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
	[NS_USER] = {"user", CLONE_NEWUSER},
	[NS_TIME] = {"time", CLONE_NEWTIME},
};

/* An O_PATH descriptor of PATH and its stat. *NSFS: it is a namespace. */
static int open_ns(const char *path, struct stat *st, bool *nsfs, struct err *e)
{
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (fstat(fd, st) < 0 || fstatfs(fd, &fs) < 0)
		return err_set(e, errno, "look at %s", path);
	*nsfs = (unsigned)fs.f_type == NSFS_MAGIC;
	return take_fd(&fd);
}

/* The engine's own namespace (this process was made by it), or that of pid 1 where it may be seen. */
static bool is_host_ns(enum ns_type type, const struct stat *st)
{
	static const char *const of[] = {"self", "1"};
	char path[40];
	struct stat host;

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		snprintf(path, sizeof path, "/proc/%s/ns/%s", of[i], ns_kinds[type].file);
		if (stat(path, &host) == 0 && same_file(st, &host))
			return true;
	}
	return false;
}

static int host_ns_path(
	void *arg, enum ns_type type, const char *path, enum world_ns *out, struct err *e)
{
	struct stat st;
	bool nsfs = false;
	AUTO_FD int fd = open_ns(path, &st, &nsfs, e);
	AUTO_FD int ns = -1;
	char link[40];

	(void)arg;
	if (fd < 0)
		return -1;
	*out = WORLD_NS_BAD;
	if (!nsfs)
		return 0;
	/* only now that it is known to be no FIFO and no device may it really be opened */
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ns = open(link, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return err_set(e, errno, "open %s", path);
	if (ioctl(ns, NS_GET_NSTYPE) == ns_kinds[type].flag)
		*out = is_host_ns(type, &st) ? WORLD_NS_HOST : WORLD_NS_OTHER;
	return 0;
}

static int host_rlimit_hard(void *arg, int resource, uint64_t *out)
{
	struct rlimit now;

	(void)arg;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -1;
	*out = now.rlim_max; /* RLIM_INFINITY is the largest number */
	return 0;
}

static int host_ns_same(void *arg, const char *a, const char *b, bool *same, struct err *e)
{
	struct stat st_a, st_b;
	bool ns_a = false, ns_b = false;
	AUTO_FD int fd_a = open_ns(a, &st_a, &ns_a, e);
	AUTO_FD int fd_b = fd_a < 0 ? -1 : open_ns(b, &st_b, &ns_b, e);

	(void)arg;
	if (fd_a < 0 || fd_b < 0)
		return -1;
	*same = ns_a && ns_b && same_file(&st_a, &st_b);
	return 0;
}

struct hook_walk {
	const struct host *host;
	bool inside;
};

static int find_root(void *arg, const char *prefix, bool self)
{
	struct hook_walk *k = arg;
	struct stat st;

	(void)self;
	k->inside = k->inside || (stat(prefix, &st) == 0 && same_file(&st, &k->host->root_st));
	return 0;
}

/* A removed file of which REAL was the name: it lies on the device of its directory. Takes
 * " (deleted)" off. */
static bool was_at(char *real, const struct stat *st)
{
	static const char mark[] = " (deleted)";
	char *slash = strrchr(real, '/');
	struct stat dir;
	bool same;

	if (st->st_nlink != 0 || !slash || slash == real || !str_ends(real, mark))
		return false;
	real[strlen(real) - strlen(mark)] = '\0';
	*slash = '\0';
	same = stat(real, &dir) == 0 && dir.st_dev == st->st_dev;
	*slash = '/';
	return same;
}

static int host_hook_ok(void *arg, const char *path, struct world_hook *out, struct err *e)
{
	struct host *h = arg;
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
	struct hook_walk k = {h, false};
	struct stat st;

	if (fd < 0)
		return err_set(e, errno, "open hook %s", path);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at hook %s", path);
	if (controls_real_path(fd, out->real, e) < 0)
		return err_wrap(e, "hook %s", path);
	out->ok = false;
	/* the host's root is a stranger inside a user namespace */
	if (!S_ISREG(st.st_mode) || (st.st_mode & 022) || !(st.st_mode & 0111) ||
		!(st.st_uid == 0 || io_unmapped(st.st_uid)))
		return 0;
	/* dockerd replaced while it runs: "/proc/N/exe" is then a file without a name, and without a
	 * name it lies below nothing; an image's file is on the rootfs's own device */
	if (h->root >= 0 && st.st_nlink == 0)
		k.inside = st.st_dev == h->root_st.st_dev;
	else if (h->root >= 0)
		controls_each_prefix(out->real, find_root, &k);
	out->ok = !k.inside && (is_at(out->real, &st) || was_at(out->real, &st));
	return 0;
}

static void open_root(struct host *h, const char *path)
{
	AUTO_FD int fd = -1;

	if (!path || !*path) {
		err_set(&h->root_err, ERR_INPUT, "root.path is missing");
		return;
	}
	fd = path[0] == '/' ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)
			    : io_open_beneath(h->bundle, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && errno == EXDEV)
		err_set(&h->root_err, ERR_INPUT, "root.path %s leaves the bundle", path);
	else if (fd < 0 || fstat(fd, &h->root_st) < 0)
		err_set(&h->root_err, errno, "open root.path %s", path);
	else
		h->root = take_fd(&fd);
}

/* 0 when it cannot be read. */
static int own_oom_score(void)
{
	AUTO_FD int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	int64_t n = 0;
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return num_i64(text, -1000, 1000, &n) ? (int)n : 0;
}

int world_host(int bundle, const char *root_path, struct world *out, struct err *e)
{
	struct host *h = calloc(1, sizeof *h);
	struct statfs fs;

	if (!h)
		return err_nomem(e);
	h->bundle = bundle;
	h->root = -1;
	open_root(h, root_path); /* a failure answers the questions about the rootfs */
	*out = (struct world){
		.arg = h,
		.source = host_source,
		.rootfs_entry = host_entry,
		.ns_path = host_ns_path,
		.hook_ok = host_hook_ok,
		.ns_same = host_ns_same,
		.rlimit_hard = host_rlimit_hard,
		.rootfs_crosses = host_crosses,
		.oom_score_adj = own_oom_score(),
		.in_user_ns = io_in_user_ns(),
		.cgroup_v2 = statfs("/sys/fs/cgroup", &fs) == 0 &&
			     (unsigned)fs.f_type == CGROUP2_SUPER_MAGIC,
	};
	return 0;
}

void world_host_controls(struct world *w, const struct world_control *table)
{
	struct host *h = w->arg;

	h->controls.table = table;
}

void world_done(struct world *w)
{
	struct host *h = w->arg;

	if (!h)
		return;
	if (h->root >= 0)
		close(h->root);
	controls_done(&h->controls);
	while (h->seen) {
		struct seen *next = h->seen->next;

		free(h->seen);
		h->seen = next;
	}
	free(h);
	w->arg = NULL;
}
