/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bundle - reading config.json and replacing it: all of it or nothing.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/bundle.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const char text[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\\u00e9\"},"
			   "\"annotations\":{\"Zz\":\"1\",\"aA\":\"2\"}}";

static void refused(const char *want, const char *what)
{
	AUTO_BUNDLE struct bundle b = BUNDLE_INIT;
	struct err e = {0};

	ok(bundle_load(scratch_path("b"), &b, &e) < 0 && strstr(e.msg, want), "%s: %s", what,
		e.msg);
	ok(b.dir == -1 && !b.doc, "%s: nothing is held", what);
}

static void replace_config(void (*make)(const char *path))
{
	const char *path = scratch_path("b/config.json");

	unlink(path);
	rmdir(path);
	if (make)
		make(path);
}

static void make_link(const char *path)
{
	if (symlink(scratch_write("elsewhere", text), path) != 0)
		perror("symlink");
}

static void make_fifo(const char *path)
{
	mkfifo(path, 0600);
}

static void make_dir(const char *path)
{
	mkdir(path, 0700);
}

static void make_huge(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || ftruncate(fileno(f), 100 * 1024 * 1024) != 0)
		perror("ftruncate");
	if (f)
		fclose(f);
}

/* A limit on file size makes the write fail half-way, as a full disk does. */
static void full_disk(struct bundle *b)
{
	struct rlimit old, small = {16, 16};
	struct err e = {0};
	char *now;

	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	ok(bundle_store(b, &e) < 0 && strstr(e.msg, "replace config.json"), "short write: %s",
		e.msg);
	setrlimit(RLIMIT_FSIZE, &old);
	now = scratch_read("b/config.json");
	tap_same(now, text, "after a failed write the original is whole");
	free(now);
	ok(scratch_entries("b") == 1, "and no temporary is left");
}

int main(void)
{
	AUTO_BUNDLE struct bundle b = BUNDLE_INIT;
	struct err e = {0};
	struct stat st;
	char *now;

	refused("open bundle", "no bundle");
	mkdir(scratch_path("b"), 0700);
	refused("open config.json: No such file", "no config.json");
	replace_config(make_link);
	refused("it is a symbolic link", "symlink");
	replace_config(make_fifo);
	refused("it is a FIFO", "FIFO");
	replace_config(make_dir);
	refused("it is a directory", "directory");
	replace_config(make_huge);
	refused("104857600 bytes, limit 4194304", "100 MB");
	replace_config(NULL);
	scratch_write("b/config.json", "{\"ociVersion\":\"1.0.2\",\"Process\":{},\"process\":{}}");
	refused("line 1, column", "a key that folds to another");

	scratch_write("b/config.json", text);
	chmod(scratch_path("b/config.json"), 0640);
	ok(bundle_load(scratch_path("b"), &b, &e) == 0, "loads: %s", e.msg);
	full_disk(&b);
	ok(bundle_store(&b, &e) == 0, "stores: %s", e.msg);
	now = scratch_read("b/config.json");
	tap_same(now, text, "unchanged byte for byte");
	free(now);
	ok(stat(scratch_path("b/config.json"), &st) == 0 && (st.st_mode & 0777) == 0640,
		"mode kept");
	ok(scratch_entries("b") == 1, "no temporary is left");
	return tap_done();
}
