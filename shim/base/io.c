/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io - whole files by descriptor, paths that stay below a directory, atomic replacement.
 */
#include "shim/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/base/cleanup.h"

int io_read_all(int fd, size_t max, char **text, size_t *len, struct err *e)
{
	AUTO_FREE char *buf = NULL;
	size_t used = 0, size = 0, cap = 16 * 1024;
	struct stat st;

	/* one read is enough for a regular file that does not grow meanwhile */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (st.st_size > 0 && (uint64_t)st.st_size > max)
			return err_set(
				e, ERR_INPUT, "%jd bytes, limit %zu", (intmax_t)st.st_size, max);
		if (st.st_size > 0) /* files of /proc say 0 */
			cap = (size_t)st.st_size + 2;
	}
	for (;;) {
		ssize_t n;

		if (!buf || size < cap) {
			char *bigger = realloc(buf, cap);

			if (!bigger)
				return err_nomem(e);
			buf = bigger;
			size = cap;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read");
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return err_set(e, ERR_INPUT, "more than %zu bytes", max);
		if (used + 1 >= cap)
			cap = cap > max ? max + 2 : 2 * cap;
	}
	buf[used] = '\0';
	*text = take_ptr(&buf);
	*len = used;
	return 0;
}

int io_write_all(int fd, const void *bytes, size_t len, struct err *e)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int open_how(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	/* O_TMPFILE has the bit of O_DIRECTORY in it; a mode without a new file is EINVAL */
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = makes ? mode : 0,
		.resolve = resolve,
	};
	long fd;

	/* EAGAIN: something was renamed while the kernel walked; it asks for another try */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

/* For kernels before 5.6: every component by itself, none of them a symlink. */
static int open_by_steps(int dirfd, const char *name, int flags, mode_t mode)
{
	AUTO_FD int held = -1;
	char part[256];

	if (*name == '/' || *name == '\0') {
		errno = EXDEV;
		return -1;
	}
	for (;;) {
		size_t len = strcspn(name, "/");
		const char *rest = name + len + strspn(name + len, "/");
		int fd;

		if (len >= sizeof part) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, name, len);
		part[len] = '\0';
		if (strcmp(part, "..") == 0) {
			errno = EXDEV;
			return -1;
		}
		if (*rest == '\0')
			return openat(held >= 0 ? held : dirfd, part,
				flags | O_NOFOLLOW | O_CLOEXEC | (name[len] ? O_DIRECTORY : 0),
				mode);
		fd = openat(held >= 0 ? held : dirfd, part,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -1;
		cleanup_fd(&held);
		held = fd;
		name = rest;
	}
}

int io_open_beneath(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd = open_how(dirfd, name, flags, mode,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_steps(dirfd, name, flags, mode); /* EPERM: an old container filter */
	return fd;
}

int io_open_no_magic(int dirfd, const char *path, int flags)
{
	static const char *const magic[] = {"/proc/", "/dev/fd/", "/dev/std"};
	int fd = open_how(dirfd, path, flags, 0, RESOLVE_NO_MAGICLINKS);

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
		if (strncmp(path, magic[i], strlen(magic[i])) == 0) {
			errno = ELOOP;
			return -1;
		}
	return openat(dirfd, path, flags | O_CLOEXEC);
}

static const char *file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "of an unknown kind";
	}
}

int io_read_file_at(int dirfd, const char *name, size_t max, char **text, size_t *len,
	struct stat *st, struct err *e)
{
	/* NONBLOCK: a FIFO must not hang us; NOCTTY: a terminal must not become ours */
	AUTO_FD int fd = io_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat own;

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INPUT,
			"read %s: it is a symbolic link, a regular file is needed", name);
	if (fd < 0)
		return err_set(e, errno, "open %s", name);
	if (fstat(fd, &own) < 0)
		return err_set(e, errno, "stat %s", name);
	if (!S_ISREG(own.st_mode))
		return err_set(e, ERR_INPUT, "read %s: it is %s, a regular file is needed", name,
			file_kind(own.st_mode));
	if (io_read_all(fd, max, text, len, e) < 0)
		return err_wrap(e, "read %s", name);
	if (st)
		*st = own;
	return 0;
}

/* A temporary beside NAME, made new; *TEMP (of SIZE) is its name. */
static int open_temp(int dirfd, const char *name, char *temp, size_t size, struct err *e)
{
	int fd = -1;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(temp, size, ".%s.cinch-%d-%u", name, getpid(), i);
		fd = io_open_beneath(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd >= 0 ? fd : err_set(e, errno, "create a new file beside %s", name);
}

static int fill_temp(int fd, const void *bytes, size_t len, const struct stat *like, struct err *e)
{
	if (io_write_all(fd, bytes, len, e) < 0)
		return -1;
	if (like && fchown(fd, like->st_uid, like->st_gid) < 0)
		return err_set(e, errno, "keep its owner");
	if (fchmod(fd, like ? like->st_mode & 0777 : 0600) < 0)
		return err_set(e, errno, "keep its mode");
	if (fsync(fd) < 0)
		return err_set(e, errno, "write to disk");
	return 0;
}

int io_replace_at(int dirfd, const char *name, const void *bytes, size_t len,
	const struct stat *like, struct err *e)
{
	char temp[300];
	AUTO_FD int fd = open_temp(dirfd, name, temp, sizeof temp, e);

	if (fd < 0)
		return -1;
	if (fill_temp(fd, bytes, len, like, e) < 0) {
		unlinkat(dirfd, temp, 0);
		return err_wrap(e, "replace %s", name);
	}
	if (renameat(dirfd, temp, dirfd, name) < 0) {
		err_set(e, errno, "replace %s", name);
		unlinkat(dirfd, temp, 0);
		return -1;
	}
	if (fsync(dirfd) < 0)
		return err_set(e, errno, "replace %s: write the directory to disk", name);
	return 0;
}

int io_sealed(const char *name, const void *bytes, size_t len, int from, struct err *e)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int high;

	if (fd < 0)
		return err_set(e, errno, "memfd");
	if (io_write_all(fd, bytes, len, e) < 0)
		return err_wrap(e, "memfd");
	if (fcntl(fd, F_ADD_SEALS, seals) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "seal a memfd");
	if (fd >= from)
		return take_fd(&fd);
	high = fcntl(fd, F_DUPFD_CLOEXEC, from);
	return high < 0 ? err_set(e, errno, "memfd") : high;
}

bool io_in_user_ns(void)
{
	static const ino_t initial = 0xeffffffd; /* PROC_USER_INIT_INO, kernel ABI */
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != initial;
}

bool io_unmapped(uid_t uid)
{
	enum { OVERFLOW_UID = 65534 }; /* kernel.overflowuid, unless somebody changed it */

	return uid == OVERFLOW_UID && io_in_user_ns();
}

bool io_owner_trusted(const struct stat *st)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return false;
	return st->st_uid == 0 || st->st_uid == geteuid() || io_unmapped(st->st_uid);
}

int io_check_owner(const char *name, const struct stat *st, struct err *e)
{
	if (io_owner_trusted(st))
		return 0;
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, ERR_INPUT,
			"%.256s can be written by others (mode %04o): chmod go-w it", name,
			st->st_mode & 07777);
	return err_set(e, ERR_INPUT, "%.256s belongs to user %u, not to root", name, st->st_uid);
}
