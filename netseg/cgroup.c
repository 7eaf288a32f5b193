/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - the cgroup2 cgroup of a process, when rules can tell its sockets by it.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst, cgroups(7); net/netfilter/nft_socket.c for how the level is counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "netseg/netns.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"

enum {
	FILE_MAX = 64 * 1024,
	FAMILY_DEPTH = 64, /* generations of processes that are looked up */
	ID_BYTES = 8, /* of a file handle of cgroupfs: the cgroup's id */
	/* The inode of the first cgroup namespace, PROC_CGROUP_INIT_INO of include/linux/proc_ns.h */
	FIRST_CGROUP_NS = 0xEFFFFFFB,
};

static int read_text(const char *path, char **text, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	return io_read_all(fd, FILE_MAX, text, &len, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

/* The line "0::PATH" of /proc/PID/cgroup; "" when there is none. */
static int place_of(const char *pid, char *out, size_t size, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char path[64], *rest = NULL;

	snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
	if (read_text(path, &text, e) < 0)
		return -1;
	*out = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!str_starts(line, "0::/"))
			continue;
		if ((size_t)snprintf(out, size, "%s", line + strlen("0::")) >= size)
			return err_set(e, ERR_INPUT, "%s: a name is too long", path);
		return 0;
	}
	return 0;
}

/* The root of the hierarchy; -1 with errno when it is nowhere. */
static int hierarchy(void)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		AUTO_FD int fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return take_fd(&fd);
	}
	errno = ENOENT;
	return -1;
}

static uint64_t id_of(int dir)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	uint64_t id;
	struct stat st;
	int mount;

	if (name_to_handle_at(dir, "", &u.handle, &mount, AT_EMPTY_PATH) == 0 &&
		u.handle.handle_bytes == ID_BYTES) {
		memcpy(&id, u.handle.f_handle, sizeof id);
		return id;
	}
	/* a filter around us may refuse handles; where inodes have 64 bits they are the same */
	return sizeof st.st_ino == sizeof id && fstat(dir, &st) == 0 ? st.st_ino : 0;
}

static pid_t parent_of(pid_t pid)
{
	AUTO_FREE char *text = NULL;
	char path[64];
	const char *at;
	struct err e;
	int parent;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (read_text(path, &text, &e) < 0 || (at = strrchr(text, ')')) == NULL ||
		sscanf(at + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

/* P is PID, or descends from it, or has ended meanwhile. */
static bool of_family(pid_t p, pid_t pid)
{
	for (int i = 0; i < FAMILY_DEPTH; i++) {
		if (p == pid)
			return true;
		p = parent_of(p);
		if (p <= 1)
			return p < 0;
	}
	return false;
}

/* What was executed in a container that runs: its mounts are the container's, which no other container has. */
static bool of_its_mounts(pid_t p, pid_t pid)
{
	struct stat own, its, others;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
	if (stat("/proc/self/ns/mnt", &own) < 0 || stat(path, &its) < 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)p);
	return stat(path, &others) == 0 && its.st_ino != own.st_ino &&
	       its.st_ino == others.st_ino && its.st_dev == others.st_dev;
}

/* PID is in DIR, and nobody but its family. */
static bool is_its_own(int dir, pid_t pid, struct err *why)
{
	AUTO_FREE char *text = NULL;
	char *rest = NULL;
	bool there = false;
	size_t len;
	AUTO_FD int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		err_set(why, errno, "open its cgroup.procs");
		return false;
	}
	if (io_read_all(fd, FILE_MAX, &text, &len, why) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uint64_t p = 0;

		/* 0: a process outside of this pid namespace */
		if (!num_u64(line, INT32_MAX, &p) || p == 0 ||
			(!of_family((pid_t)p, pid) && !of_its_mounts((pid_t)p, pid))) {
			err_set(why, ERR_INPUT, "process %s is in its cgroup, too", line);
			return false;
		}
		there |= (pid_t)p == pid;
	}
	if (!there)
		err_set(why, ERR_INPUT, "its cgroup2 cgroup is not to be found where it should be");
	return there;
}

/* This kernel is of before MAJOR.MINOR, or says nothing that is understood. */
static bool is_before(const struct utsname *u, int major, int minor)
{
	int is_major, is_minor;

	return sscanf(u->release, "%d.%d", &is_major, &is_minor) != 2 || is_major < major ||
	       (is_major == major && is_minor < minor);
}

static bool in_first_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) < 0 || st.st_ino == FIRST_CGROUP_NS;
}

/*
 * Rules count levels from the root of the cgroup namespace of who installs them since Linux 6.12 (and its stable
 * siblings), before that from the very root, which cannot be seen from inside.
 */
static bool kernel_can(struct err *why)
{
	struct utsname u;

	if (uname(&u) < 0)
		u.release[0] = '\0';
	if (is_before(&u, 5, 13))
		err_set(why, ERR_INPUT,
			"rules of this kernel (%s) cannot ask for a socket's cgroup, those of "
			"Linux "
			"5.13 can",
			u.release);
	else if (!in_first_namespace() && is_before(&u, 6, 12))
		err_set(why, ERR_INPUT,
			"inside a cgroup namespace this kernel (%s) counts levels from a root that "
			"cannot be seen",
			u.release);
	else
		return true;
	return false;
}

/* OUTER is INNER, or above it. */
static bool holds(const char *outer, const char *inner)
{
	size_t len = strlen(outer);

	return strncmp(outer, inner, len) == 0 && (inner[len] == '\0' || inner[len] == '/');
}

/* PATH, of PID, can tell it from others; OWN is this process' path. */
static bool can_tell(const char *path, const char *own, struct err *why)
{
	if (!*path)
		err_set(why, ERR_INPUT, "the kernel has no cgroup2 hierarchy");
	else if (strcmp(path, "/") == 0)
		err_set(why, ERR_INPUT, "it has no cgroup2 cgroup of its own: it is in the root");
	else if (str_starts(path, "/.."))
		err_set(why, ERR_INPUT, "its cgroup2 cgroup is outside of this cgroup namespace");
	else if (str_ends(path, " (deleted)"))
		err_set(why, ERR_INPUT, "its cgroup2 cgroup was removed");
	else if (holds(path, own))
		err_set(why, ERR_INPUT,
			"it has no cgroup2 cgroup of its own: its runtime is in it, too");
	else
		return kernel_can(why);
	return false;
}

int cgroup_of(pid_t pid, struct cgroup_place *out, struct err *why, struct err *e)
{
	AUTO_FD int root = hierarchy(), dir = -1;
	struct cgroup_place found = {0};
	char number[16], own[sizeof found.path];

	snprintf(number, sizeof number, "%d", (int)pid);
	if (place_of(number, found.path, sizeof found.path, e) < 0 ||
		place_of("self", own, sizeof own, e) < 0)
		return -1;
	*out = (struct cgroup_place){0};
	if (!can_tell(found.path, own, why))
		return 0;
	if (root < 0) {
		err_set(why, ERR_INPUT, "no cgroup2 hierarchy is mounted at /sys/fs/cgroup");
		return 0;
	}
	dir = io_open_beneath(root, found.path + 1, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0) {
		err_set(why, errno, "open its cgroup2 cgroup %s", found.path);
		return 0;
	}
	if (!is_its_own(dir, pid, why))
		return 0;
	found.id = id_of(dir);
	if (found.id == 0) {
		err_set(why, ERR_INPUT, "the id of its cgroup2 cgroup cannot be read");
		return 0;
	}
	for (const char *p = found.path; (p = strchr(p, '/')) != NULL; p++)
		found.level++;
	*out = found;
	return 0;
}
