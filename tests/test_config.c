/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config - the node's configuration: good, missing and broken files.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "shim/config.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const struct {
	const char *text;
	const char *runtime; /* wanted */
	const char *audit;
	bool required;
	const char *problem; /* wanted part of the message; NULL: none */
} cases[] = {
	{"{}", NULL, "/var/log/cinch/audit.jsonl", false, NULL},
	{"{\"runtime\": \"/opt/runc\"} // mine", "/opt/runc", "/var/log/cinch/audit.jsonl", false,
		NULL},
	{"{\"audit\": {\"path\": \"/a/b\", \"required\": true}}", NULL, "/a/b", true, NULL},
	/* a half-good file counts for nothing: what was read before the error is forgotten */
	{"{\"runtime\": \"/opt/runc\", \"audit\": {\"pth\": \"/a\"}}", NULL,
		"/var/log/cinch/audit.jsonl", false, "line 1, column 43: \"pth\" is unknown"},
	{"{\"runtime\": \"runc\"}", NULL, "/var/log/cinch/audit.jsonl", false,
		"\"runtime\" must be an absolute path"},
	{"{\"runtime\": 7}", NULL, "/var/log/cinch/audit.jsonl", false, "must be an absolute path"},
	{"{\"audit\": true}", NULL, "/var/log/cinch/audit.jsonl", false,
		"\"audit\" must be an object"},
	{"{\"audit\": {\"required\": \"yes\"}}", NULL, "/var/log/cinch/audit.jsonl", false,
		"\"required\" must be true or false"},
	{"{\"runtime\": \"/a\", \"runtime\": \"/b\"}", NULL, "/var/log/cinch/audit.jsonl", false,
		"stands twice"},
	{"[]", NULL, "/var/log/cinch/audit.jsonl", false, "must be an object"},
	{"", NULL, "/var/log/cinch/audit.jsonl", false, "configuration "},
	{"{\"runtime\": \"/opt/ru", NULL, "/var/log/cinch/audit.jsonl", false, "line 1"},
};

static void check(const char *file, const char *runtime, const char *audit, bool required,
	const char *problem, const char *what)
{
	AUTO_CONFIG struct config c = {.problem = {0}};
	struct err e = {0};

	ok(config_load(file, &c, &e) == 0, "%s: loads", what);
	tap_same(c.settings.runtime, runtime, "runtime");
	tap_same(c.settings.audit.path, audit, "audit path");
	ok(c.settings.audit.required == required, "%s: audit required", what);
	if (problem)
		ok(c.problem.code && strstr(c.problem.msg, problem), "%s: says: %s", what,
			c.problem.msg);
	else
		ok(!c.problem.code, "%s: no problem: %s", what, c.problem.msg);
}

int main(void)
{
	const char *audit = "/var/log/cinch/audit.jsonl";
	const char *good = "{\"runtime\": \"/opt/runc\"}";
	const char *path;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(scratch_write("cinch.json", cases[i].text), cases[i].runtime, cases[i].audit,
			cases[i].required, cases[i].problem, cases[i].text);
	check(scratch_path("none.json"), NULL, audit, false, NULL, "missing file");
	path = scratch_write("cinch.json", good);
	chmod(path, 0666);
	check(path, NULL, audit, false, "not be writable", "a file others can write");
	chmod(path, 0620);
	check(path, NULL, audit, false, "not be writable", "a file the group can write");
	check(scratch_dir(), NULL, audit, false, "not a regular file", "a directory");
	path = scratch_path("fifo");
	mkfifo(path, 0600);
	check(path, NULL, audit, false, "not a regular file", "a FIFO does not hang");
	return tap_done();
}
