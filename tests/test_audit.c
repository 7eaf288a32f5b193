/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_audit - one whole line for each call, also from many writers at once.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/audit.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const struct json_limits limits = {1024 * 1024, 8, 1000};

static const struct err problem = {ERR_INPUT, "configuration x: line 1"};

static int write_one(const struct settings *s, const char *id, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (audit_begin(&a, "create", e) < 0 || audit_put_text(&a, "id", id) < 0 ||
		audit_put_text(&a, "absent", NULL) < 0 || audit_put_problem(&a, &problem) < 0)
		return -1;
	return audit_commit(&a, s, e);
}

static void shape(const struct settings *s)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	const struct json *r, *caller;
	char *line;
	int64_t n;
	struct stat st;

	ok(write_one(s, "box\xff", &e) == 0, "a record is written: %s", e.msg);
	line = scratch_read("log/audit.jsonl");
	if (!ok(line && json_parse(line, strlen(line), &limits, 0, &doc, &e) == 0, "it is JSON")) {
		free(line);
		return;
	}
	ok(strchr(line, '\n') == line + strlen(line) - 1, "it is one line");
	r = json_root(doc);
	caller = json_get(r, "caller");
	tap_same(json_str(json_get(r, "verb")), "create", "verb");
	tap_same(json_str(json_get(r, "id")), "box\xef\xbf\xbd",
		"bytes that are no text are marked");
	ok(!json_get(r, "absent"), "what is not there is not written");
	ok(json_i64(json_get(caller, "pid"), getppid(), getppid(), &n), "the caller is the parent");
	ok(json_is(json_get(caller, "ancestors"), JSON_ARRAY) &&
			json_get(caller, "ancestors")->count > 0,
		"ancestors are named");
	ok(json_i64(json_get(r, "durationUs"), 0, 10000000, &n), "duration");
	ok(strlen(json_str(json_get(r, "time"))) == strlen("2026-01-01T00:00:00.000000Z"), "time");
	tap_same(json_str(json_get(r, "problem")), problem.msg, "configuration problem");
	ok(stat(scratch_path("log/audit.jsonl"), &st) == 0 && (st.st_mode & 0777) == 0600, "0600");
	ok(stat(scratch_path("log"), &st) == 0 && (st.st_mode & 0777) == 0700, "directory 0700");
	free(line);
}

static void many_writers(const struct settings *s)
{
	enum { WRITERS = 20, LINES = 25 };
	struct err e = {0};
	size_t good = 0, lines = 0;
	char *all, *save = NULL;

	unlink(s->audit.path);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			for (int i = 0; i < LINES; i++)
				if (write_one(s, "box", &e) < 0)
					_exit(1);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	all = scratch_read("log/audit.jsonl");
	for (char *l = all ? strtok_r(all, "\n", &save) : NULL; l;
		l = strtok_r(NULL, "\n", &save)) {
		AUTO_JSON struct json_doc *doc = NULL;

		lines++;
		good += json_parse(l, strlen(l), &limits, 0, &doc, &e) == 0;
	}
	free(all);
	ok(lines == WRITERS * LINES && good == lines, "%zu lines of %d writers, %zu whole", lines,
		WRITERS, good);
}

/* What a full disk left of a line stays what it is; the next one is whole. */
static void after_a_cut(const struct settings *s)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	char *text, *second;

	scratch_write("log/audit.jsonl", "{\"time\":\"20");
	ok(write_one(s, "box", &e) == 0, "written behind a cut line");
	text = scratch_read("log/audit.jsonl");
	second = text ? strchr(text, '\n') : NULL;
	ok(second && second - text == 11 &&
			json_parse(second + 1, strlen(second + 1), &limits, 0, &doc, &e) == 0,
		"it is a line of its own: %s", e.msg);
	ok(write_one(s, "box", &e) == 0, "and the next one");
	free(text);
	text = scratch_read("log/audit.jsonl");
	ok(text && !strstr(text, "\n\n"), "without an empty line between");
	free(text);
}

int main(void)
{
	char path[128];
	struct settings c = {.audit.path = path};
	struct err e = {0};

	snprintf(path, sizeof path, "%s/log/audit.jsonl", scratch_dir());
	shape(&c);
	many_writers(&c);
	after_a_cut(&c);

	snprintf(path, sizeof path, "%s/no/such/audit.jsonl", scratch_dir());
	ok(write_one(&c, "box", &e) == 0, "not writable and not required: the container starts");
	c.audit.required = true;
	ok(write_one(&c, "box", &e) < 0 && strstr(e.msg, "audit record: open "), "required: %s",
		e.msg);
	snprintf(path, sizeof path, "/dev/full");
	ok(write_one(&c, "box", &e) < 0 && strstr(e.msg, "No space left"), "full disk: %s", e.msg);
	snprintf(path, sizeof path, "%s/link", scratch_dir());
	if (symlink(scratch_path("target"), path) != 0)
		perror("symlink");
	ok(write_one(&c, "box", &e) < 0, "a symbolic link is not followed: %s", e.msg);
	snprintf(path, sizeof path, "%s/fifo", scratch_dir());
	mkfifo(path, 0600);
	ok(write_one(&c, "box", &e) < 0, "a FIFO does not hang: %s", e.msg);
	return tap_done();
}
