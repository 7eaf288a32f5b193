/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - a directory of its own for one test program, removed when the program ends.
 */
#include "tests/scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void clean(void)
{
	if (getpid() == owner)
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_dir(void)
{
	if (dir[0])
		return dir;
	snprintf(dir, sizeof dir, "/tmp/cinch-test-XXXXXX");
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		exit(2);
	}
	owner = getpid();
	atexit(clean);
	return dir;
}

const char *scratch_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", scratch_dir(), name);
	return path;
}

const char *scratch_write(const char *name, const char *text)
{
	const char *path = scratch_path(name);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0644) != 0) {
		perror(path);
		exit(2);
	}
	return path;
}

char *scratch_read(const char *name)
{
	FILE *f = fopen(scratch_path(name), "re");
	size_t size = 0;
	char *text = NULL;

	if (!f)
		return NULL;
	if (getdelim(&text, &size, '\0', f) < 0 && text)
		text[0] = '\0';
	fclose(f);
	return text;
}

size_t scratch_entries(const char *name)
{
	DIR *d = opendir(scratch_path(name));
	size_t n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}
