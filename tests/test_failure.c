/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_failure - the one line an engine reads, and what stderr says.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/json.h"
#include "shim/failure.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const struct json_limits limits = {4096, 4, 100};

/* What failure_tell writes to stderr; the caller frees it. */
static char *tell(const struct err *e, const char *log, bool json)
{
	int saved = dup(STDERR_FILENO);
	int fd = open(scratch_path("stderr"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	dup2(fd, STDERR_FILENO);
	failure_tell(e, log, json);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	return scratch_read("stderr");
}

static void json_form(const char *msg, const char *want)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {.code = ERR_DENIED}, bad = {0};
	char *err, *log;

	unlink(scratch_path("log"));
	snprintf(e.msg, sizeof e.msg, "%s", msg);
	err = tell(&e, scratch_path("log"), true);
	log = scratch_read("log");
	ok(log && strchr(log, '\n') == log + strlen(log) - 1, "one line");
	ok(log && json_parse(log, strlen(log), &limits, 0, &doc, &bad) == 0, "it is JSON: %s",
		bad.msg);
	if (doc) {
		tap_same(json_str(json_get(json_root(doc), "level")), "error", "level");
		tap_same(json_str(json_get(json_root(doc), "msg")), want, "msg");
	}
	ok(err && strncmp(err, "cinch: ", 7) == 0 && strstr(err, msg), "stderr says the same");
	free(err);
	free(log);
}

/* A log that a runtime has open while we say in it what the runtime does not. */
static void test_replace(void)
{
	const struct err of = {.code = ENOENT, .msg = "no \"fib\""};
	int runtime = open(scratch_write("log", ""), O_WRONLY | O_APPEND | O_CLOEXEC);
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	struct stat st;
	char *log;

	chmod(scratch_path("log"), 0640);
	ok(failure_replace("cinch-hook", &of, scratch_path("log"), true, &e) == 0, "replaced: %s",
		e.msg);
	ok(write(runtime, "{\"level\":\"error\"}\n", 18) == 18, "the runtime writes, too");
	close(runtime);
	log = scratch_read("log");
	ok(log && json_parse(log, strlen(log), &limits, 0, &doc, &e) == 0, "one object: %s", e.msg);
	if (doc)
		tap_same(json_str(json_get(json_root(doc), "msg")), "cinch-hook: no \"fib\"",
			"ours");
	ok(stat(scratch_path("log"), &st) == 0 && (st.st_mode & 0777) == 0640, "its mode");
	free(log);

	ok(failure_replace("cinch-hook", &of, scratch_path("log"), true, &e) < 0 &&
			e.code == ERR_INPUT && strstr(e.msg, "not an empty file"),
		"a log with something in it stays: %s", e.msg);
	unlink(scratch_path("log"));
	ok(failure_replace("cinch-hook", &of, scratch_path("log"), true, &e) < 0 &&
			e.code == ENOENT,
		"no log: none is made: %s", e.msg);
	(void)!symlink(scratch_write("other", ""), scratch_path("log"));
	ok(failure_replace("cinch-hook", &of, scratch_path("log"), true, &e) < 0, "nor a link");
	unlink(scratch_path("log"));
	mkfifo(scratch_path("log"), 0600);
	ok(failure_replace("cinch-hook", &of, scratch_path("log"), true, &e) < 0, "nor a FIFO");
	unlink(scratch_path("log"));
	unlink(scratch_path("other"));
	ok(scratch_entries(".") == 0, "nothing else is left: %zu", scratch_entries("."));
}

int main(void)
{
	struct err e = {.code = ERR_DENIED, .msg = "no \"way\""};
	char *err, *log;

	test_replace();
	json_form("refused by profile restricted", "cinch: refused by profile restricted");
	json_form("name \"x\" \\ y", "cinch: name \"x\" \\ y");
	json_form("bytes \xff\xfe here", "cinch: bytes \xef\xbf\xbd\xef\xbf\xbd here");

	unlink(scratch_path("log"));
	free(tell(&e, scratch_path("log"), false));
	log = scratch_read("log");
	ok(log && strncmp(log, "time=\"20", 8) == 0 &&
			strstr(log, "\" level=error msg=\"cinch: no \\\"way\\\"\"\n"),
		"text form: %s", log);
	free(log);

	scratch_write("log", "before\n");
	free(tell(&e, scratch_path("log"), true));
	log = scratch_read("log");
	ok(log && strncmp(log, "before\n{", 8) == 0, "appended, nothing lost");
	free(log);

	err = tell(&e, scratch_path("no/such/dir"), true);
	ok(err && strstr(err, "cinch: no \"way\"\n") == err && strstr(err, "No such file"),
		"a log that cannot be opened is said on stderr");
	free(err);
	mkfifo(scratch_path("fifo"), 0600);
	err = tell(&e, scratch_path("fifo"), true);
	ok(err && strstr(err, "open log"), "a FIFO nobody reads does not hang");
	free(err);
	err = tell(&e, NULL, true);
	tap_same(err, "cinch: no \"way\"\n", "no log: stderr only");
	free(err);
	return tap_done();
}
