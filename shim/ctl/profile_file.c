/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_file - a profile that is being written, read from its file with all it extends.
 */
#include "shim/ctl/profile_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "profiles/catalog.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

static const char suffix[] = ".json";

static int read_file(const char *path, char **text, size_t *len, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open profile %.256s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "profile %.256s is not a regular file", path);
	if (io_read_all(fd, CATALOG_TEXT_MAX, text, len, e) < 0)
		return err_wrap(e, "profile %.256s", path);
	return 0;
}

static int add_file(struct catalog *c, const char *name, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	return read_file(path, &text, &len, e) < 0 ? -1
						   : catalog_add(c, name, path, NULL, text, len, e);
}

/* What else DIR has, as PREFIX + NAME, but OWN. What cannot be read is missed only by who needs it. */
static void add_beside(struct catalog *c, const char *dir, const char *prefix, const char *own)
{
	DIR *d = opendir(dir);
	struct err ignored;

	for (struct dirent *f; d && (f = readdir(d));) {
		AUTO_STR struct str name = STR_INIT, path = STR_INIT;
		size_t len = strlen(f->d_name);

		if (!str_ends(f->d_name, suffix) || len == strlen(suffix))
			continue;
		str_add(&name, prefix);
		str_addn(&name, f->d_name, len - strlen(suffix));
		str_addf(&path, "%s/%s", dir, f->d_name);
		if (!str_failed(&name) && !str_failed(&path) && strcmp(str_text(&name), own) != 0)
			(void)add_file(c, str_text(&name), str_text(&path), &ignored);
	}
	if (d)
		closedir(d);
}

int profile_file_load(const char *path, struct profile **out, struct err *e)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_STR struct str name = STR_INIT, dir = STR_INIT, filters = STR_INIT;
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(base);

	if (str_ends(base, suffix))
		len -= strlen(suffix);
	str_addn(&name, base, len);
	str_addn(&dir, slash ? path : "./", slash ? (size_t)(slash - path) + 1 : 2);
	str_addf(&filters, "%sseccomp", str_text(&dir));
	if (!c || str_failed(&name) || str_failed(&dir) || str_failed(&filters))
		return err_nomem(e);
	if (add_file(c, str_text(&name), path, e) < 0)
		return -1;
	add_beside(c, str_text(&dir), "", str_text(&name));
	add_beside(c, str_text(&filters), "seccomp/", "");
	return catalog_flatten(c, str_text(&name), NULL, out, e);
}
