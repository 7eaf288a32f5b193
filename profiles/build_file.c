/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_file - files that steer the node.
 */
#include "profiles/build_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum { NAMES_MAX = 20000 }; /* in one directory */

static int open_dir(const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %.256s", path);
	return io_check_owner(path, &st, e) < 0 ? -1 : take_fd(&fd);
}

/* The directory PATH lies in lets nobody put another file there. In a sticky one, such as /tmp, only who owns
 * a file may do that. */
static int check_above(const char *path, struct err *e)
{
	AUTO_FREE char *above = strdup(path);
	char *slash = above ? strrchr(above, '/') : NULL;
	struct stat st;

	if (!above)
		return err_nomem(e);
	if (slash)
		slash[slash == above] = '\0';
	if (stat(slash ? above : ".", &st) < 0)
		return err_set(e, errno, "stat the directory of %.256s", path);
	if (st.st_mode & S_ISVTX)
		st.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
	return io_check_owner(slash ? above : ".", &st, e) < 0 ? err_wrap(e, "%.200s", path) : 0;
}

/* Where PATH leads, opened in a directory nobody else can change: no second symlink is followed. */
static int open_file(const char *path, struct err *e)
{
	enum { FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
	int fd = open(path, FLAGS);
	AUTO_FREE char *real = NULL;
	AUTO_FD int dir = -1;
	char *slash;

	if (fd >= 0 && check_above(path, e) == 0)
		return fd;
	if (fd >= 0) {
		close(fd);
		return -1;
	}
	if (errno != ELOOP)
		return err_set(e, errno, "open %.256s", path);
	real = realpath(path, NULL);
	if (!real)
		return err_set(e, errno == ENOENT || errno == ELOOP ? ERR_INPUT : errno,
			"%.256s is a symbolic link that leads nowhere", path);
	slash = strrchr(real, '/');
	*slash = '\0';
	dir = open_dir(slash == real ? "/" : real, e);
	if (dir < 0) {
		if (e->code == ENOENT)
			e->code = ELOOP; /* there is a file, by its name */
		return err_wrap(e, "%.200s", path);
	}
	fd = openat(dir, slash + 1, FLAGS);
	return fd >= 0 ? fd : err_set(e, errno, "open %.256s", path);
}

int build_file_read(const char *path, size_t max, char **text, size_t *len, struct err *e)
{
	AUTO_FD int fd = open_file(path, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat %.256s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%.256s is not a regular file", path);
	if (io_check_owner(path, &st, e) < 0)
		return -1;
	return io_read_all(fd, max, text, len, e) < 0 ? err_wrap(e, "%.256s", path) : 0;
}

/* What editors and package managers leave beside the file they change. */
static bool is_copy(const char *name)
{
	static const char *const ends[] = {"~", ".bak", ".orig", ".rej", ".tmp", ".swp", ".rpmnew",
		".rpmsave", ".rpmorig", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".ucf-old",
		".ucf-dist", NULL};

	for (size_t i = 0; ends[i]; i++)
		if (str_ends(name, ends[i]))
			return true;
	return name[0] == '.' || name[0] == '#';
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(DIR *d, const char *path, struct strv *names, struct err *e)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(d)) != NULL) {
		if (is_copy(entry->d_name))
			continue;
		if (names->n >= NAMES_MAX)
			return err_set(e, ERR_INPUT, "%.256s: more than %d files", path, NAMES_MAX);
		if (strv_add(names, entry->d_name) < 0)
			return err_nomem(e);
	}
	if (errno)
		return err_set(e, errno, "list %.256s", path);
	if (names->n)
		qsort(names->v, names->n, sizeof *names->v, by_name);
	return 0;
}

int build_file_list(const char *path, struct strv *names, struct err *e)
{
	AUTO_STRV struct strv found = {0};
	int fd = open_dir(path, e), rc;
	DIR *d;

	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (!d) {
		err_set(e, errno, "list %.256s", path);
		cleanup_fd(&fd);
		return -1;
	}
	rc = list(d, path, &found, e);
	closedir(d);
	if (rc < 0)
		return -1;
	*names = found;
	found = (struct strv){0};
	return 0;
}
