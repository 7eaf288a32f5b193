/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path - questions about the text of a path.
 */
#include "shim/base/path.h"

#include <string.h>

static bool is_dots(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

bool path_plain(const char *path)
{
	const char *p = path + (*path == '/');

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && *p == '.') || is_dots(p, n))
			return false;
		p += n + (p[n] == '/');
	}
	return true;
}

bool path_climbs(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (is_dots(p, n))
			return true;
		p += n + (p[n] == '/');
	}
	return false;
}

bool path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1)
		return path[0] == '/' && path[1] != '\0';
	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

bool path_in(const char *path, const char *dir)
{
	return strcmp(path, dir) == 0 || path_below(path, dir);
}
