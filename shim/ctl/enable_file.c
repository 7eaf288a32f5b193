/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_file - an engine's file: read with care, replaced whole.
 */
#include "shim/ctl/enable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/toml.h"

void enable_text_done(struct enable_text *t)
{
	free(t->text);
	*t = (struct enable_text){.text = NULL};
}

char *enable_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	AUTO_STR struct str s = STR_INIT;

	str_addn(&s, path, slash ? (size_t)(slash - path) + 1 : 0);
	str_add(&s, name);
	return str_take(&s);
}

/* The directory of PATH; *NAME is what is behind it. -1 with code ENOENT: there is none. */
static int open_dir(const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = NULL;
	AUTO_FD int fd = -1;
	struct stat st;

	*name = slash ? slash + 1 : path;
	dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	if (!dir)
		return err_nomem(e);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %.256s", dir);
	return io_check_owner(dir, &st, e) < 0 ? -1 : take_fd(&fd);
}

static int check_link(int dir, const char *name, const char *path, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof target - 1);

	if (n < 0)
		return 0;
	target[n] = '\0';
	return err_set(e, ERR_INPUT,
		"%.200s is a symbolic link to %.200s: whoever keeps that file has to change it; or "
		"name the file itself with --config",
		path, target);
}

int enable_text_read(const char *path, struct enable_text *t, struct err *e)
{
	const char *name;
	AUTO_FD int dir = open_dir(path, &name, e);
	struct err why = {0};

	*t = (struct enable_text){.there = false, .text = strdup("")};
	if (!t->text)
		return err_nomem(e);
	if (dir < 0)
		return e->code == ENOENT ? 0 : -1;
	if (check_link(dir, name, path, e) < 0)
		return -1;
	free(take_ptr(&t->text));
	if (io_read_file_at(dir, name, TOML_BYTES_MAX, &t->text, &t->len, &t->st, &why) < 0) {
		t->text = strdup("");
		if (!t->text)
			return err_nomem(e);
		if (why.code == ENOENT)
			return 0;
		*e = why;
		return err_wrap(e, "%.200s", path);
	}
	t->there = true;
	return io_check_owner(path, &t->st, e);
}

int enable_read(
	const struct enable_ask *ask, const char *path, struct enable_text *t, struct err *e)
{
	const struct enable_text *over = ask->over_text;

	if (!ask->over || strcmp(ask->over, path) != 0)
		return enable_text_read(path, t, e);
	*t = *over;
	t->text = malloc(over->len + 1);
	if (!t->text)
		return err_nomem(e);
	memcpy(t->text, over->text, over->len);
	t->text[t->len] = '\0';
	return 0;
}

/* A directory of its own, as a drop-in needs it; what is above has to be there. */
static int make_dir(const char *path, bool *made, struct err *e)
{
	AUTO_FREE char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	*made = false;
	if (!dir)
		return err_nomem(e);
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) == 0)
		*made = true;
	else if (errno != EEXIST)
		return err_set(e, errno, "make the directory %.256s", dir);
	return 0;
}

/* Temporaries of io_replace_at that nobody came to rename. Who is here holds the lock. */
static void sweep(int dirfd, const char *name)
{
	AUTO_STR struct str front = STR_INIT;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	str_addf(&front, ".%s.cinch-", name);
	if (!d && fd >= 0)
		close(fd);
	if (!d)
		return;
	while (!str_failed(&front) && (entry = readdir(d)))
		if (str_starts(entry->d_name, str_text(&front)))
			unlinkat(dirfd, entry->d_name, 0);
	closedir(d);
}

int enable_write(const char *path, const void *bytes, size_t len, const struct stat *like,
	bool is_private, bool *dir_made, struct err *e)
{
	struct stat own = {.st_mode = S_IFREG | (is_private ? 0600 : 0644)};
	const char *name;
	bool made = false;
	AUTO_FD int dir = -1;
	struct stat st;

	if (dir_made && make_dir(path, &made, e) < 0)
		return -1;
	if (dir_made)
		*dir_made = made;
	dir = open_dir(path, &name, e);
	if (dir < 0)
		return -1;
	sweep(dir, name);
	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "stat the directory of %.200s", path);
	own.st_uid = st.st_uid;
	own.st_gid = st.st_gid;
	if (io_replace_at(dir, name, bytes, len, like ? like : &own, e) < 0) {
		if (e->code == EPERM)
			return err_wrap(e,
				"%.200s (has it, or its directory, the attribute \"immutable\"? "
				"see "
				"lsattr(1))",
				path);
		return err_wrap(e, "%.200s", path);
	}
	return 0;
}
