/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon - what a daemon that runs was told.
 */
#include "shim/ctl/daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"

/* The process is root's, in our own root directory: a container may have daemons of the same name, and
 * anybody can give a process any name. */
static bool is_nodes(const char *pid)
{
	struct stat st, own;
	char path[64];

	snprintf(path, sizeof path, "/proc/%.20s", pid);
	if (stat(path, &st) < 0 || st.st_uid != 0)
		return false;
	snprintf(path, sizeof path, "/proc/%.20s/root", pid);
	return stat(path, &st) == 0 && stat("/", &own) == 0 && st.st_dev == own.st_dev &&
	       st.st_ino == own.st_ino;
}

/* The words of FILE, "cmdline" or "environ", of the node's process PID that is called NAME; false: it is
 * not. */
static bool words_of(
	const char *pid, const char *name, const char *file, char *out, size_t size, size_t *len)
{
	char path[300], comm[32];
	AUTO_FD int fd = -1, line = -1;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, comm, sizeof comm - 1);
	if (n <= 0)
		return false;
	comm[n] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	if (strcmp(comm, name) != 0 || !is_nodes(pid))
		return false;
	snprintf(path, sizeof path, "/proc/%.20s/%s", pid, file);
	line = open(path, O_RDONLY | O_CLOEXEC);
	n = line < 0 ? -1 : read(line, out, size - 2);
	if (n <= 0)
		return false;
	out[n] = out[n + 1] = '\0';
	*len = (size_t)n;
	return true;
}

bool daemon_told(const char *name, const char *file, const char *const *words, char out[PATH_MAX])
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	bool found = false;
	char line[16384];
	size_t len;

	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!words_of(entry->d_name, name, file, line, sizeof line, &len))
			continue;
		for (const char *w = line; w < line + len && !found; w += strlen(w) + 1)
			for (size_t i = 0; words[i] && !found; i++) {
				const size_t n = strlen(words[i]);

				if (strncmp(w, words[i], n) != 0 || (w[n] && w[n] != '='))
					continue;
				snprintf(out, PATH_MAX, "%s", w + n + 1); /* behind "=" or NUL */
				found = true;
			}
	}
	if (dir)
		closedir(dir);
	return found;
}
