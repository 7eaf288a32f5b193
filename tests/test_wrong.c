/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wrong - documents with one error each are refused with the place and the sentence that lie
 * beside them; good ones are accepted. The schemas are judged by the same files: test_schema.sh.
 */
#include <dirent.h>
#include <fcntl.h>

#include "profiles/catalog.h"
#include "profiles/node.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/tap.h"

static int profile(const char *file, const char *text, size_t len, struct err *e)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_FREE char *name = strndup(file, strlen(file) - strlen(".json"));

	if (!c || !name)
		return err_nomem(e);
	return catalog_add(c, name, file, NULL, text, len, e) < 0
		       ? -1
		       : catalog_flatten(c, name, NULL, NULL, e);
}

static int node(const char *file, const char *text, size_t len, struct err *e)
{
	AUTO_NODE struct node n = {.keys = NULL};

	return node_parse(file, text, len, &n, e);
}

/* What is said of FILE is what lies in FILE.err; without one it is accepted. */
static void judge(int dir, const char *file, bool good,
	int (*fn)(const char *, const char *, size_t, struct err *))
{
	AUTO_FREE char *text = NULL, *want = NULL;
	AUTO_STR struct str beside = STR_INIT;
	size_t len = 0, want_len = 0;
	struct err e = {0};

	str_addf(&beside, "%.*s.err", (int)(strlen(file) - strlen(".json")), file);
	if (io_read_file_at(dir, file, 1u << 20, &text, &len, NULL, &e) < 0 ||
		(!good && io_read_file_at(
				  dir, str_text(&beside), 4096, &want, &want_len, NULL, &e) < 0)) {
		ok(false, "%s: %s", file, e.msg);
		return;
	}
	e = (struct err){0};
	if (fn(file, text, len, &e) == 0)
		snprintf(e.msg, sizeof e.msg, "(accepted)");
	if (want_len)
		want[strcspn(want, "\n")] = '\0';
	tap_same(e.msg, good ? "(accepted)" : want, file);
}

static unsigned all(
	const char *path, bool good, int (*fn)(const char *, const char *, size_t, struct err *))
{
	AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = opendir(path);
	struct dirent *entry;
	unsigned seen = 0;

	while (fd >= 0 && d && (entry = readdir(d)))
		if (str_ends(entry->d_name, ".json")) {
			judge(fd, entry->d_name, good, fn);
			seen++;
		}
	if (d)
		closedir(d);
	return seen;
}

int main(void)
{
	ok(all("tests/data/wrong-profiles", false, profile) >= 60, "wrong profiles");
	ok(all("tests/data/wrong-profiles-meaning", false, profile) >= 20,
		"profiles no schema can find wrong");
	ok(all("tests/data/good-profiles", true, profile) >= 8, "good profiles");
	ok(all("tests/data/wrong-nodes", false, node) >= 40, "wrong configurations");
	ok(all("tests/data/wrong-nodes-meaning", false, node) >= 5,
		"configurations no schema can find wrong");
	ok(all("tests/data/good-nodes", true, node) >= 5, "good configurations");
	return tap_done();
}
