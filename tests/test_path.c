/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_path - the text of paths, as refusals depend on it.
 */
#include "shim/base/path.h"
#include "tests/tap.h"

static const struct {
	const char *path;
	bool plain, climbs;
} texts[] = {
	{"/", true, false},
	{"/a", true, false},
	{"/a/b/", true, false},
	{"a/b", true, false},
	{"**/x", true, false},
	{"/a..b/..c/d..", true, false},
	{"/.../.a", true, false},
	{"//", false, false},
	{"//a", false, false},
	{"/a//", false, false},
	{"/a//b", false, false},
	{"/.", false, false},
	{"/a/./b", false, false},
	{"./a", false, false},
	{"..", false, true},
	{"/..", false, true},
	{"../a", false, true},
	{"/a/../b", false, true},
	{"/a/..", false, true},
	{"/a//../", false, true},
};

static const struct {
	const char *path, *dir;
	bool below, in;
} pairs[] = {
	{"/a/b", "/a", true, true},
	{"/a", "/a", false, true},
	{"/ab", "/a", false, false},
	{"/a", "/a/b", false, false},
	{"/a", "/", true, true},
	{"/", "/", false, true},
	{"/", "/a", false, false},
};

int main(void)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ok(path_plain(texts[i].path) == texts[i].plain &&
				path_climbs(texts[i].path) == texts[i].climbs,
			"\"%s\": %s, %s", texts[i].path, texts[i].plain ? "plain" : "not plain",
			texts[i].climbs ? "climbs" : "does not climb");
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		ok(path_below(pairs[i].path, pairs[i].dir) == pairs[i].below &&
				path_in(pairs[i].path, pairs[i].dir) == pairs[i].in,
			"%s and %s", pairs[i].path, pairs[i].dir);
	return tap_done();
}
