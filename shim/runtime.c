/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime - find the real runtime and become it.
 */
#include "shim/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"

enum { SYMLINKS_MAX = 40, PRESERVE_MAX = 1 << 20, FIRST_FD = 3 };

static const char *const places[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
static const char *const names[] = {"runc", "crun"};

/* Nobody but root and ourselves can change what ST is of. PATH for the message. */
static int check_owner(const char *path, const struct stat *st, struct err *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid() && !io_unmapped(st->st_uid))
		return err_set(
			e, ERR_NO_RUNTIME, "%s belongs to user %u, not to root", path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, ERR_NO_RUNTIME,
			"%s can be written by others (mode %04o): chmod go-w it", path,
			st->st_mode & 07777);
	return 0;
}

/* The text of the link NAME in DIR, followed by what was left of the way. */
static int splice_link(int dir, const char *name, char left[PATH_MAX], struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof target);
	size_t rest = strlen(left);

	if (n < 0)
		return err_set(e, errno, "read link %s", name);
	if ((size_t)n + 1 + rest >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "follow link %s", name);
	memmove(left + n + 1, left, rest + 1);
	memcpy(left, target, (size_t)n);
	left[n] = '/';
	return 0;
}

/*
 * Open PATH (O_PATH) one component at a time, so that every directory on the way is seen, those that
 * hold a link on the way as well. Returns the descriptor, with *ST, or -1.
 */
static int open_trusted(const char *path, struct stat *st, struct err *e)
{
	AUTO_FD int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char left[PATH_MAX], name[NAME_MAX + 1];
	int links = 0;

	if (at < 0 || strlen(path) >= sizeof left)
		return err_set(e, at < 0 ? errno : ENAMETOOLONG, "%.128s", path);
	memcpy(left, path, strlen(path) + 1);
	if (fstat(at, st) < 0)
		return err_set(e, errno, "/");
	if (check_owner("/", st, e) < 0)
		return -1;
	for (;;) {
		size_t skip = strspn(left, "/"), len = strcspn(left + skip, "/");
		AUTO_FD int next = -1;

		if (len == 0)
			return take_fd(&at);
		if (len > NAME_MAX)
			return err_set(e, ENAMETOOLONG, "%.128s", path);
		memcpy(name, left + skip, len);
		name[len] = '\0';
		memmove(left, left + skip + len, strlen(left + skip + len) + 1);
		next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 || fstat(next, st) < 0)
			return err_set(e, errno, "%.128s", path);
		if (S_ISLNK(st->st_mode)) {
			if (++links > SYMLINKS_MAX)
				return err_set(e, ELOOP, "%.128s", path);
			if (splice_link(at, name, left, e) < 0)
				return -1;
			if (left[0] != '/')
				continue;
			close(next);
			next = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (next < 0 || fstat(next, st) < 0)
				return err_set(e, errno, "/");
		}
		close(at);
		at = take_fd(&next);
		if (check_owner(name, st, e) < 0)
			return err_wrap(e, "on the way to %s", path);
	}
}

/* Both descriptors have the same SIZE bytes. */
static bool same_content(int a, int b, off_t size)
{
	char x[8192], y[sizeof x];

	for (off_t at = 0; at < size;) {
		ssize_t n = pread(a, x, sizeof x, at), m = pread(b, y, sizeof y, at);

		if (n <= 0 || n != m || memcmp(x, y, (size_t)n) != 0)
			return false;
		at += n;
	}
	return true;
}

static int check_not_cinch(const char *path, const struct stat *st, struct err *e)
{
	AUTO_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat me;
	bool same;

	if (self < 0 || fstat(self, &me) < 0)
		return err_set(e, errno, "/proc/self/exe, to tell the runtime from cinch");
	same = st->st_dev == me.st_dev && st->st_ino == me.st_ino;
	if (!same && st->st_size == me.st_size) {
		AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

		same = fd >= 0 && same_content(fd, self, me.st_size);
	}
	return same ? err_set(e, ERR_NO_RUNTIME, "%s is cinch itself", path) : 0;
}

static int check(const char *path, struct err *e)
{
	AUTO_FD int fd = -1;
	struct stat st;

	fd = open_trusted(path, &st, e);
	if (fd < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return err_set(e, ERR_NO_RUNTIME, "%s is not an executable file", path);
	return check_not_cinch(path, &st, e);
}

static int find_configured(const char *path, char out[PATH_MAX], struct err *e)
{
	if (path[0] != '/')
		return err_set(e, ERR_NO_RUNTIME, "runtime \"%.128s\": not an absolute path", path);
	if (strlen(path) >= PATH_MAX)
		return err_set(e, ERR_NO_RUNTIME, "runtime: the path is longer than %d bytes",
			PATH_MAX - 1);
	if (check(path, e) < 0) {
		if (e)
			e->code = ERR_NO_RUNTIME;
		return err_wrap(e, "configured runtime");
	}
	memcpy(out, path, strlen(path) + 1);
	return 0;
}

int runtime_find(const char *configured, char out[PATH_MAX], struct err *e)
{
	struct err first = {0};

	if (configured)
		return find_configured(configured, out, e);
	for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
		for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
			struct err why = {0};
			char path[64];

			snprintf(path, sizeof path, "%s/%s", places[p], names[n]);
			if (access(path, F_OK) < 0)
				continue;
			if (check(path, &why) == 0) {
				memcpy(out, path, strlen(path) + 1);
				return 0;
			}
			if (!first.code)
				first = why;
		}
	return err_set(e, ERR_NO_RUNTIME,
		"no runtime found: %s%slooked for runc and crun in /usr/local/sbin, "
		"/usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin; install one or set "
		"\"runtime\" in cinch.json",
		first.code ? first.msg : "", first.code ? "; " : "");
}

bool runtime_is_crun(const char *runtime)
{
	const char *slash = runtime ? strrchr(runtime, '/') : NULL;
	const char *name = slash ? slash + 1 : runtime;

	return name && (str_starts(name, "crun") || str_starts(name, "krun"));
}

/* Without close_range's flag (before Linux 5.11): every descriptor there is. */
static int mark_each(unsigned from, struct err *e)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	uint64_t fd;

	if (!dir)
		return err_set(e, errno, "/proc/self/fd, to close what must not reach a container");
	while ((d = readdir(dir)))
		if (num_u64(d->d_name, INT_MAX, &fd) && fd >= from)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	closedir(dir);
	return 0;
}

unsigned runtime_listen_fds(void)
{
	const char *text = getenv("LISTEN_FDS");
	uint64_t n;

	return text && num_u64(text, PRESERVE_MAX, &n) ? (unsigned)n : 0;
}

/* As runc counts them: those of socket activation first, then those of --preserve-fds. */
static unsigned passed_on(const struct runtime_fds *fds)
{
	return runtime_listen_fds() + (fds->preserve < PRESERVE_MAX ? fds->preserve : PRESERVE_MAX);
}

int runtime_fd_from(const struct runtime_fds *fds)
{
	return (int)(FIRST_FD + passed_on(fds));
}

static int mark_descriptors(const struct runtime_fds *fds, struct err *e)
{
	unsigned from = FIRST_FD + passed_on(fds);

	if (!fds->all && syscall(SYS_close_range, from, ~0U, CLOSE_RANGE_CLOEXEC) < 0 &&
		mark_each(from, e) < 0)
		return -1;
	for (size_t i = 0; i < fds->n_keep; i++)
		if (fcntl(fds->keep[i], F_SETFD, 0) < 0)
			return err_set(e, errno, "descriptor %d for the runtime", fds->keep[i]);
	return 0;
}

int runtime_exec(const char *path, char *const argv[], const struct runtime_fds *fds, struct err *e)
{
	static const int missing[] = {ENOENT, ENOTDIR, EACCES, ENOEXEC, ELOOP, EISDIR, ELIBBAD};

	if (mark_descriptors(fds, e) < 0)
		return -1;
	execv(path, argv);
	for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
		if (errno == missing[i])
			return err_set(e, ERR_NO_RUNTIME, "runtime %s: %s", path, strerror(errno));
	return err_set(e, errno, "runtime %s", path);
}
