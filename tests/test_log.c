/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log - cinchctl log: which records, how they look, their groups, following, and log verify as a command.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"
#include "shim/chain.h"
#include "shim/ctl/log_line.h"
#include "shim/ctl/log_read.h"
#include "shim/ctl/log_sum.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const struct json_limits limits = {1 << 22, 16, 200000};

static const char *program(void)
{
	static char path[512];
	const char *b = getenv("B");

	snprintf(path, sizeof path, "%s/cinchctl", b ? b : "build");
	return path;
}

/* "cinchctl log ARGS": the exit status, and what it prints. */
static int run(struct str *out, const char *args)
{
	AUTO_STR struct str line = STR_INIT;
	char buf[4096];
	size_t n;
	int status;
	FILE *f;

	str_reset(out);
	str_addf(&line, "NO_COLOR=1 COLUMNS=120 %s log %s 2>&1", program(), args);
	f = popen(str_text(&line), "re");
	if (!f)
		return -1;
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_addn(out, buf, n);
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t lines_of(const struct str *s)
{
	size_t n = 0;

	for (const char *p = str_text(s); *p; p++)
		n += *p == '\n';
	return n;
}

/* ---- a log ---- */

static const char change_audited[] =
	"{\"control\":\"mounts\",\"kind\":\"deny\",\"place\":\"/mounts/%d\",\"why\":\"the source "
	"is not allowed\",\"rule\":\"r:1\",\"enforced\":false}";

static void make_log(void)
{
	AUTO_STR struct str text = STR_INIT;

	for (int i = 0; i < 30; i++) {
		str_addf(&text,
			"{\"time\":\"2026-11-%02dT04:05:06.000001Z\",\"verb\":\"create\",\"id\":"
			"\"box%d\",\"image\":{\"name\":\"registry/web:1\"},\"mode\":\"audit\","
			"\"profiles\":[{\"name\":\"web\",\"version\":\"1\"}],\"result\":"
			"\"audited\"",
			1 + i, i % 10);
		if (i % 3 == 0) {
			str_add(&text, ",\"wouldRefuse\":true,\"changes\":[");
			str_addf(&text, change_audited, i);
			str_addc(&text, ',');
			str_addf(&text, change_audited, i + 1);
			str_addc(&text, ']');
		}
		str_add(&text, "}\n");
	}
	/* of an old version, of an attacker, of a full disk */
	str_add(&text, "{\"time\":\"2026-10-01T00:00:00.000000Z\",\"verb\":\"run\",\"id\":\"old\","
		       "\"result\":\"changed\",\"profiles\":[{\"name\":\"restricted\"}]}\n");
	str_add(&text,
		"{\"time\":\"2026-12-01\\u001b[2J\",\"verb\":\"create\\u001b[31m\",\"id\":"
		"\"\\u202eevil\",\"pod\":\"\\u001b]0;x\\u0007\",\"image\":{\"name\":\"\\n\\n\"},"
		"\"result\":\"refused\",\"error\":\"line\\nbreak\\u009b\",\"changes\":7}\n");
	str_add(&text, "[]\n{\"time\":\"2026-1\n");
	scratch_write("old.log", str_text(&text));
}

static void listing(void)
{
	AUTO_STR struct str out = STR_INIT, args = STR_INIT;
	const char *file = scratch_path("old.log");
	static const struct {
		const char *args;
		int status;
		size_t lines;
	} rows[] = {
		{"", 1, 34},
		{"-n 5", 1, 5},
		{"-n 1 --json", 1, 0},
		{"-n 3 --json", 1, 1},
		{"--json", 1, 32},
		{"--result audited", 0, 30},
		{"--result changed", 0, 1},
		{"--profile web -n 7", 0, 7},
		{"--profile nosuch", 0, 0},
		{"--id box3", 0, 3},
		{"--since 2026-11-21", 0, 11},
		{"--since 2026-11-21T04:05:06", 0, 11},
		{"--since '2026-11-21 05:00' --result audited", 0, 9},
		{"--since 1s --result audited --id box1", 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status;

		str_reset(&args);
		str_addf(&args, "--file %s %s", file, rows[i].args);
		status = run(&out, str_text(&args));
		/* the clock of the machine decides the last row */
		if (!ok((status == rows[i].status && lines_of(&out) == rows[i].lines) ||
				    i + 1 == sizeof rows / sizeof *rows,
			    "log %s: %zu lines, exit status %d", rows[i].args, lines_of(&out),
			    status))
			printf("# %.600s\n", str_text(&out));
	}
	str_reset(&args);
	str_addf(&args, "--file %s", file);
	run(&out, str_text(&args));
	ok(!strchr(str_text(&out), '\x1b') && !strstr(str_text(&out), "\xe2\x80\xae") &&
			!strstr(str_text(&out), "\xc2\x9b") && !strchr(str_text(&out), '\a'),
		"no byte of a record moves the cursor");
	ok(strstr(str_text(&out), "2026-11-01 04:05:06 create     audited   box0 web (audit) "
				  "registry/web:1  mounts (2), would be refused\n") != NULL,
		"a line");
	ok(strstr(str_text(&out), "(damaged line)      {\"time\":\"2026-1\n") != NULL,
		"a damaged line is shown");
}

static void applied(void)
{
	AUTO_STR struct str out = STR_INIT, args = STR_INIT;

	scratch_write("apply.log", "{\"time\":\"2026-11-22T04:05:06.000001Z\",\"verb\":\"apply\","
				   "\"result\":\"refused\",\"former\":{\"from\":\"built-in\"},"
				   "\"policy\":{\"digest\":\"0123456789abcdef0123\"},"
				   "\"reason\":\"not signed\"}\n");
	str_addf(&args, "--file %s", scratch_path("apply.log"));
	run(&out, str_text(&args));
	tap_same(str_text(&out),
		"2026-11-22 04:05:06 apply      refused    policy 0123456789abc...  not signed\n",
		"a policy that was applied");
	str_reset(&out);
	str_reset(&args);
	scratch_write("net.log",
		"{\"time\":\"2026-11-22T04:05:06.000001Z\",\"verb\":\"net reload\","
		"\"result\":\"applied\",\"id\":\"box0\"}\n");
	str_addf(&args, "--file %s", scratch_path("net.log"));
	run(&out, str_text(&args));
	tap_same(str_text(&out), "2026-11-22 04:05:06 net reload applied   box0\n",
		"a verb of two words is whole");
}

static void wrong_use(void)
{
	static const struct {
		const char *args, *says;
	} rows[] = {
		{"--file /nonexistent/x", "open /nonexistent/"},
		{"--file "
		 "tests/nosuchlog",
			"No such file"},
		{"-n many", "-n is a number"},
		{"-n 10001", "-n is a number"},
		{"-x 1", "unknown option -x"},
		{"--since yesterday", "--since is like"},
		{"--summary --follow", "neither"},
		{"word", "too many words"},
		{"verify --head abc", "--head is a hash"},
		{"verify --file /nonexistent/x", "open /nonexistent/"},
	};
	AUTO_STR struct str out = STR_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = run(&out, rows[i].args);

		if (!ok(status == 2 && strstr(str_text(&out), rows[i].says), "log %s",
			    rows[i].args))
			printf("# %d %s\n", status, str_text(&out));
	}
}

static void since(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"90m", "2026-01-01T00:00:00.000000Z"},
		{"1h", "2026-01-01T00:30:00.000000Z"},
		{"0s", "2026-01-01T01:30:00.000000Z"},
		{"1d", "2025-12-31T01:30:00.000000Z"},
		{"1w", "2025-12-25T01:30:00.000000Z"},
		{"99999999w", "1970-01-01T00:00:00.000000Z"},
		{"2026-11-22", "2026-11-22"},
		{"2026-11-22 04", "2026-11-22T04"},
		{"2026-11-22T04:05Z", "2026-11-22T04:05"},
		{"2026-11-22T04:05:06", "2026-11-22T04:05:06"},
		{"", NULL},
		{"m", NULL},
		{"1", NULL},
		{"1y", NULL},
		{"-1d", NULL},
		{"1dd", NULL},
		{"100000000s", NULL},
		{"2026-1-22", NULL},
		{"2026-11-22T", NULL},
		{"2026-11-22T04:05:06.1", NULL},
		{"2026/11/22", NULL},
		{"T026-11-22", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[32] = "";
		struct err e;
		int rc = log_since(rows[i].text, 1767231000, out, &e);

		if (!rows[i].want)
			ok(rc < 0, "--since \"%s\" is refused", rows[i].text);
		else
			tap_same(rc == 0 ? out : "an error", rows[i].want, rows[i].text);
	}
}

/* ---- groups ---- */

static void summary(void)
{
	AUTO_STR struct str out = STR_INIT, args = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e;
	const struct json *r, *g, *why;
	uint64_t n = 0;

	str_addf(&args, "--summary --json --file %s", scratch_path("old.log"));
	ok(run(&out, str_text(&args)) == 1, "there is something to look at");
	if (!ok(json_parse(str_text(&out), out.len, &limits, 0, &doc, &e) == 0, "JSON"))
		return;
	r = json_root(doc);
	ok(json_u64(json_get(r, "records"), 100, &n) && n == 32, "32 records");
	ok(json_u64(json_get(r, "damagedLines"), 100, &n) && n == 2, "two damaged lines");
	g = json_at(r, "/groups/0");
	tap_same(
		json_str(json_get(g, "image")), "registry/web:1", "what would be refused is first");
	ok(json_u64(json_get(g, "starts"), 100, &n) && n == 30, "30 starts");
	ok(json_u64(json_get(g, "containers"), 100, &n) && n == 10, "of 10 containers");
	ok(json_u64(json_get(g, "wouldRefuse"), 100, &n) && n == 10, "10 would be refused");
	ok(json_u64(json_at(g, "/controls/mounts/wouldRefuse"), 100, &n) && n == 10,
		"all by mounts, counted as starts");
	why = json_at(g, "/reasons/0");
	tap_same(
		json_str(json_get(why, "place")), "/mounts/*", "one place for all items of a list");
	ok(json_get(g, "reasons")->count == 1 && json_u64(json_get(why, "starts"), 100, &n) &&
			n == 10,
		"one reason, in 10 starts");
	tap_same(json_str(json_get(g, "first")), "2026-11-01T04:05:06.000001Z", "first seen");
	tap_same(json_str(json_get(g, "last")), "2026-11-30T04:05:06.000001Z", "last seen");
	str_reset(&args);
	str_addf(&args, "--summary --file %s", scratch_path("old.log"));
	run(&out, str_text(&args));
	ok(strstr(str_text(&out), "enforcing would refuse 10 of 30 starts and change 20\n") !=
				NULL &&
			strstr(str_text(&out),
				"        10  would refuse  mounts: the source is not allowed  "
				"(/mounts/*)\n"),
		"as text");
	ok(!strchr(str_text(&out), '\x1b') && !strchr(str_text(&out), '\a'),
		"no byte of a record moves the cursor");
	str_reset(&args);
	str_addf(&args, "--summary --result changed --file %s", scratch_path("old.log"));
	ok(run(&out, str_text(&args)) == 1 && strstr(str_text(&out), "1 record, 1 start of"),
		"only those that were asked for");
}

static int sum_line(struct log_sum *s, const char *text)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *record = log_record(text, strlen(text), &doc);

	return record ? log_sum_add(s, record) : -1;
}

/* More images, reasons and containers than there is room for. */
static void bounded(void)
{
	struct log_sum *s = log_sum_new();
	AUTO_JSON struct json_doc *doc = json_new();
	const struct json *r, *g;
	uint64_t n = 0, starts = 0;
	int bad = 0;
	char text[400];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof text,
			"{\"verb\":\"create\",\"id\":\"a\",\"image\":{\"name\":\"i%d\"}}", i);
		bad += sum_line(s, text);
	}
	for (int i = 0; i < 300000; i++) {
		snprintf(text, sizeof text,
			"{\"verb\":\"create\",\"id\":\"c%d\",\"image\":{\"name\":\"i1\"},"
			"\"changes\":"
			"[{\"control\":\"user\",\"kind\":\"note\",\"why\":\"w%d\"}]}",
			i, i);
		bad += sum_line(s, text);
	}
	log_sum_end(s);
	r = log_sum_json(s, doc);
	json_each (group, json_get(r, "groups")) {
		json_u64(json_get(group, "starts"), UINT64_MAX, &n);
		starts += n;
	}
	ok(bad == 0 && json_get(r, "groups")->count == LOG_GROUPS_MAX + 1 && starts == 302000,
		"2000 images: %u groups, no start is lost", json_get(r, "groups")->count);
	ok(json_is_true(json_get(r, "containersAtLeast")), "300,000 containers: at least so many");
	g = json_at(r, "/groups/0");
	json_u64(json_get(g, "containers"), UINT64_MAX, &n);
	ok(n > LOG_CONTAINERS_MAX - 2001 && n <= LOG_CONTAINERS_MAX, "%d counted", (int)n);
	ok(json_get(g, "reasons")->count == LOG_REASONS_MAX &&
			json_u64(json_get(g, "otherReasons"), UINT64_MAX, &n) &&
			n == 300000 - LOG_REASONS_MAX,
		"300,000 reasons: the first %d and how many more", LOG_REASONS_MAX);
	log_sum_free(s);
}

/* ---- reading ---- */

static void reader(void)
{
	AUTO_LOG_READER struct log_reader r = LOG_READER_INIT;
	AUTO_STRV struct strv files = {0}, packed = {0};
	AUTO_FREE char *big = malloc(3 * LOG_LINE_MAX);
	struct log_text line;
	struct err e = {0};
	static const char *const made[] = {"r.log", "r.log.1", "r.log.2", "r.log.10",
		"r.log-20260101", "r.log-20260102", "r.log.3.gz", "r.logx", "r.log.head", "r.log.",
		"r.log.1x"};
	static const char *const want[] = {
		"r.log-20260101", "r.log-20260102", "r.log.10", "r.log.2", "r.log.1", "r.log"};

	memset(big, 'x', 3 * LOG_LINE_MAX);
	big[3] = big[4] = '\n';
	big[5 + LOG_LINE_MAX] = '\n'; /* as long as may be, without its newline */
	memcpy(big + (size_t)3 * LOG_LINE_MAX - 6, "\nend", 5);
	scratch_write("big.log", big);
	ok(log_reader_open(&r, scratch_path("big.log"), &e) == 0, "open");
	ok(log_reader_next(&r, false, &line, &e) == 1 && line.len == 3 && line.whole, "a line");
	ok(log_reader_next(&r, false, &line, &e) == 1 && line.len == 0 && r.line == 2,
		"an empty line");
	ok(log_reader_next(&r, false, &line, &e) == 1 && line.len == LOG_LINE_MAX,
		"a line of a megabyte");
	ok(log_reader_next(&r, false, &line, &e) == 1 && line.too_long, "one that is too long");
	ok(log_reader_next(&r, true, &line, &e) == 0, "a line that may still grow is not given");
	ok(log_reader_next(&r, false, &line, &e) == 1 && line.len == 3 && !line.whole &&
			strncmp(line.s, "end", 3) == 0,
		"the next one, without its newline");
	ok(log_reader_next(&r, false, &line, &e) == 0, "the end");
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		scratch_write(made[i], "");
	ok(log_files(scratch_path("r.log"), &files, &packed, &e) == 0 && packed.n == 1 &&
			files.n == sizeof want / sizeof *want,
		"%zu files of a log", files.n);
	for (size_t i = 0; i < files.n && i < sizeof want / sizeof *want; i++)
		tap_same(strrchr(files.v[i], '/') + 1, want[i], "oldest first");
}

/* ---- as it grows ---- */

static char follow_path[300];

static void put(int n)
{
	AUTO_CHAIN_ENTRY struct chain_entry x = {.line = STR_INIT};
	char text[64];
	struct err e;

	snprintf(text, sizeof text, "{\"verb\":\"run\",\"id\":\"f%d\"}", n);
	if (chain_append(follow_path, text, strlen(text), &x, &e) < 0)
		printf("# %s\n", e.msg);
}

/* Reads from FD until WANT has come; a minute. */
static bool comes(int fd, struct str *got, const char *want)
{
	while (!strstr(str_text(got), want)) {
		struct pollfd p = {fd, POLLIN, 0};
		char buf[1024];
		ssize_t n;

		if (poll(&p, 1, 60000) <= 0 || (n = read(fd, buf, sizeof buf)) <= 0)
			return false;
		str_addn(got, buf, (size_t)n);
	}
	return true;
}

static void follow(void)
{
	AUTO_STR struct str got = STR_INIT;
	char old[310];
	int fds[2];
	pid_t pid;

	snprintf(follow_path, sizeof follow_path, "%s/f/log", scratch_dir());
	snprintf(old, sizeof old, "%s.1", follow_path);
	for (int i = 0; i < 20; i++)
		put(i);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl(program(), "cinchctl", "log", "--follow", "-n", "3", "--file", follow_path,
			(char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	ok(comes(fds[0], &got, " f19\n"), "the last ones");
	ok(lines_of(&got) == 3, "three of them");
	put(20);
	ok(comes(fds[0], &got, " f20\n"), "a new one");
	put(21);
	ok(rename(follow_path, old) == 0, "renamed");
	put(22);
	ok(comes(fds[0], &got, " f21\n") && comes(fds[0], &got, " f22\n"), "over a rotation");
	put(23);
	ok(comes(fds[0], &got, " f23\n"), "one more");
	/* the one line in it is less than was read, whenever it is looked at */
	ok(truncate(follow_path, 0) == 0, "emptied");
	put(24);
	ok(comes(fds[0], &got, " f24\n") && lines_of(&got) == 8, "each once: %zu lines",
		lines_of(&got));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(fds[0]);
}

/* ---- verify, as a command ---- */

static void verify(void)
{
	AUTO_STR struct str out = STR_INIT, args = STR_INIT;
	AUTO_FREE char *text = NULL;
	char old[310], last[128] = "";
	const char *at;

	snprintf(follow_path, sizeof follow_path, "%s/v/log", scratch_dir());
	snprintf(old, sizeof old, "%s.1", follow_path);
	for (int i = 0; i < 5; i++)
		put(i);
	rename(follow_path, old);
	str_addf(&args, "verify --file %s", follow_path);
	if (!ok(run(&out, str_text(&args)) == 0, "between rename and the next line"))
		printf("# %s\n", str_text(&out));
	for (int i = 5; i < 10; i++)
		put(i);
	ok(run(&out, str_text(&args)) == 0 &&
			strstr(str_text(&out), "whole: 10 lines in 2 files, 10 in the chain"),
		"a rotated log is whole");
	at = strstr(str_text(&out), "last: ");
	if (at)
		snprintf(last, sizeof last, "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
	put(10);
	str_addf(&args, " --head %s", last);
	ok(run(&out, str_text(&args)) == 0, "with a hash that was noted");
	at = strchr(last, ':');
	str_reset(&args);
	str_addf(&args, "verify --file %s --head %s", old, at ? at + 1 : "");
	ok(run(&out, str_text(&args)) == 1 &&
			strstr(str_text(&out), "the line whose hash was noted is not there"),
		"which is not in the older file");
	str_reset(&args);
	str_addf(&args, "verify --file %s --file %s --json", old, follow_path);
	ok(run(&out, str_text(&args)) == 0 && strstr(str_text(&out), "\"result\": \"whole\""),
		"as JSON");
	text = scratch_read("v/log.1");
	if (text)
		text[strlen(text) - 4] ^= 1;
	scratch_write("v/log.1", text ? text : "");
	str_reset(&args);
	str_addf(&args, "verify --file %s", follow_path);
	ok(run(&out, str_text(&args)) == 1 &&
			strstr(str_text(&out),
				"/v/log.1:5: broken: changed after it was written\n"),
		"a change in the older file shows by the newer one");
}

int main(void)
{
	make_log();
	listing();
	applied();
	wrong_use();
	since();
	summary();
	bounded();
	reader();
	follow();
	verify();
	return tap_done();
}
