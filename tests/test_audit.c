/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_audit - one whole line for each call, also from many writers at once.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/chain.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const struct json_limits limits = {1024 * 1024, 8, 10000};
static struct journal_sockets sockets = {"/nonexistent/journal", "/nonexistent/log"};

static int write_one(const struct settings *s, const char *id, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	a.sockets = &sockets;
	if (audit_begin(&a, "create", e) < 0 || audit_put_text(&a, "id", id) < 0 ||
		audit_put_text(&a, "absent", NULL) < 0)
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
	ok(stat(scratch_path("log/audit.jsonl"), &st) == 0 && (st.st_mode & 0777) == 0600, "0600");
	ok(stat(scratch_path("log"), &st) == 0 && (st.st_mode & 0777) == 0700, "directory 0700");
	free(line);
}

/* ---- the caller ---- */

/* What FN (in a process of its own) finds as the caller; the text of it in OUT. */
static void caller_of(int (*fn)(void), char out[1024])
{
	int pipes[2];
	ssize_t n = 0, more;
	pid_t pid;

	out[0] = '\0';
	if (pipe(pipes) != 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		_exit(fn());
	}
	close(pipes[1]);
	while (n < 1023 && (more = read(pipes[0], out + n, (size_t)(1023 - n))) > 0)
		n += more;
	out[n] = '\0';
	close(pipes[0]);
	waitpid(pid, NULL, 0);
}

static int print_caller(void)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};

	if (audit_begin(&a, "kill", &e) < 0)
		return 1;
	json_write(json_get(a.record, "caller"), &text);
	return write(1, str_text(&text), text.len) == (ssize_t)text.len ? 0 : 1;
}

/* As a shell at a terminal that runs the runtime. */
static int at_a_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1;
	const char *name = NULL;
	char shown[64];
	pid_t pid;

	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
		name = ptsname(master);
	if (!name || setsid() < 0 || (slave = open(name, O_RDWR)) < 0 ||
		ioctl(slave, TIOCSCTTY, 0) != 0)
		return 1;
	snprintf(shown, sizeof shown, "want \"tty\":\"%s\" ", name + strlen("/dev/"));
	if (write(1, shown, strlen(shown)) < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(print_caller());
	waitpid(pid, NULL, 0);
	return 0;
}

static int logged_in(void)
{
	AUTO_FD int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "1234", 4) == 4 ? print_caller() : 1;
}

static int other_euid(void)
{
	return setresuid(65534, 0, 0) == 0 ? print_caller() : 1;
}

/* Root of a user namespace that is user 4321 (or who runs this) outside. */
static int in_namespace(void)
{
	unsigned outside = geteuid() == 0 ? 4321 : geteuid();
	int ready[2], go[2], status;
	char path[64], map[64], c = 0;
	pid_t pid;

	if (pipe(ready) != 0 || pipe(go) != 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) != 0 || write(ready[1], "x", 1) != 1 ||
			read(go[0], &c, 1) != 1 || setresuid(0, 0, 0) != 0)
			_exit(1);
		_exit(print_caller());
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1) {
		snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
		snprintf(map, sizeof map, "0 %u 1", outside);
		{
			AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

			c = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
		}
		if (write(go[1], "x", 1) != 1)
			return 1;
	}
	waitpid(pid, &status, 0);
	return status;
}

static void callers(void)
{
	char text[1024], want[64], *end;

	caller_of(print_caller, text);
	ok(strstr(text, "\"program\":\"/") && !strstr(text, "\"euid\"") &&
			(io_in_user_ns() || !strstr(text, "\"hostUid\"")),
		"an ordinary caller: %s", text);
	caller_of(at_a_terminal, text);
	end = strchr(text, '{');
	if (!end) {
		tap_skip("the caller's terminal", "there are no terminals here");
	} else {
		snprintf(want, sizeof want, "%.*s", (int)(end - text - 6), text + 5);
		ok(strstr(end, want), "the caller's terminal: %s", text);
	}
	caller_of(logged_in, text);
	if (!*text)
		tap_skip("who logged in", "this system does not let us say that somebody has");
	else
		ok(strstr(text, "\"loginuid\":1234,\"session\":"), "who logged in: %s", text);
	caller_of(other_euid, text);
	if (!*text)
		tap_skip("uid and euid", "needs root");
	else
		ok(strstr(text, "\"uid\":65534,\"euid\":0,"), "uid and euid: %s", text);
	caller_of(in_namespace, text);
	snprintf(want, sizeof want, "\"uid\":0,\"hostUid\":%u,", geteuid() ? geteuid() : 4321);
	if (!*text)
		tap_skip("a rootless engine", "no user namespace");
	else
		ok(strstr(text, want), "a rootless engine: %s", text);
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

/* ---- a record that is too long ---- */

static struct json *change(struct json_doc *doc, int i)
{
	struct json *o = json_object(doc);
	char place[40];

	snprintf(place, sizeof place, "/mounts/%d", i);
	if (json_put(doc, o, "control", json_string(doc, "mounts")) < 0 ||
		json_put(doc, o, "kind", json_string(doc, i == 4999 ? "deny" : "remove")) < 0 ||
		json_put(doc, o, "place", json_string(doc, place)) < 0)
		return NULL;
	return o;
}

static void too_long(const struct settings *s)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	static char text[70001];
	struct err e = {0};
	struct json *list, *args;
	const struct json *r, *kept;
	uint64_t truncated = 0;
	char *line;

	unlink(s->audit.path);
	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = i % 2 ? '\xa9' : '\xc3';
	audit_begin(&a, "create", &e);
	list = json_array(a.doc);
	args = json_array(a.doc);
	for (int i = 0; i < 5000; i++) {
		json_push(list, change(a.doc, i));
		json_push(args, json_string(a.doc, "an argument"));
	}
	audit_put(&a, "changes", list);
	audit_put(&a, "args", args);
	audit_put_text(&a, "error", text);
	ok(audit_commit(&a, s, &e) == 0, "5000 changes, 5000 arguments, a text of 70,000 bytes: %s",
		e.msg);
	line = scratch_read("log/audit.jsonl");
	if (!ok(line && strlen(line) <= CHAIN_LINE_MAX, "one line of %zu bytes",
		    line ? strlen(line) : 0)) {
		free(line);
		return;
	}
	ok(line && json_parse(line, strlen(line), &limits, 0, &doc, &e) == 0, "which is JSON: %s",
		e.msg);
	r = json_root(doc);
	kept = json_get(r, "changes");
	ok(kept && kept->count > 500 && kept->count < 5000, "%u changes are left",
		kept ? kept->count : 0);
	tap_same(kept && kept->last ? json_str(json_get(kept->last, "kind")) : NULL, "deny",
		"the refusal is among them");
	ok(json_u64(json_get(r, "truncated"), 20000, &truncated) &&
			kept->count + json_get(r, "args")->count + truncated == 10000 + 1,
		"what is not whole is counted: %d", (int)truncated);
	ok(json_get(r, "error")->len == 1024 + 3, "the text is cut between characters");
	free(line);
}

/* A record of PARSED's words, which are too many; what is left of them, one behind the other. */
static void long_command(const struct settings *s, const char *what, const char *parsed,
	const char *begins, const char *ends)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	AUTO_JSON struct json_doc *doc = NULL, *from = NULL;
	AUTO_FREE char *line = NULL;
	AUTO_STR struct str got = STR_INIT;
	struct err e = {0};
	uint64_t n = 0;

	unlink(s->audit.path);
	audit_begin(&a, "exec", &e);
	if (json_parse(parsed, strlen(parsed), &limits, 0, &from, &e) < 0)
		exit(2);
	audit_put(&a, "args", json_clone(a.doc, json_root(from)));
	ok(audit_commit(&a, s, &e) == 0, "%s: %s", what, e.msg);
	line = scratch_read("log/audit.jsonl");
	ok(line && strlen(line) <= CHAIN_LINE_MAX &&
			json_parse(line, strlen(line), &limits, 0, &doc, &e) == 0,
		"one line of %zu bytes: %s", line ? strlen(line) : 0, e.msg);
	if (!doc)
		return;
	json_each (v, json_get(json_root(doc), "args"))
		str_addf(&got, "%s|", json_str(v));
	ok(str_starts(str_text(&got), begins), "%s: its beginning", what);
	ok(str_ends(str_text(&got), ends), "%s: its end", what);
	ok(got.len > 5000 && json_u64(json_get(json_root(doc), "truncated"), 20000, &n),
		"%s: %zu bytes are left, and the record says so", what, got.len);
}

/* Whoever pads a command must not so keep it out of the log. */
static void long_commands(const struct settings *s)
{
	AUTO_STR struct str words = STR_INIT, blanks = STR_INIT, control = STR_INIT, raw = STR_INIT,
			    wide = STR_INIT;

	str_add(&words, "[\"env\"");
	for (int i = 0; i < 70; i++)
		str_addf(&words, ",\"V%d=%01000d\"", i, 0);
	str_add(&words, ",\"sh\",\"-c\",\"it\"]");
	str_addf(&blanks, "[\"sh\",\"-c\",\"%0100000d; it\"]", 0);
	str_add(&control, "[\"sh\",\"-c\",\"it; : ");
	for (int i = 0; i < 16000; i++)
		str_add(&control, "\\u0001");
	str_add(&control, "\"]");
	str_add(&raw, "[\"sh\",\"-c\"");
	for (int i = 0; i < 700; i++)
		str_add(&raw,
			",\"\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074"
			"\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074\\u0069\\u0074\"");
	str_add(&raw, "]");
	str_add(&wide, "[\"it\",\"");
	for (int i = 0; i < 50000; i++)
		str_add(&wide, i % 2 ? "\xc3\xa9" : "\xe2\x82\xac");
	str_add(&wide, "it\"]");
	long_command(s, "a command behind 70 variables", str_text(&words), "env|V0=", "|sh|-c|it|");
	long_command(s, "a command behind blanks", str_text(&blanks), "sh|-c|0000", "00; it|");
	long_command(s, "before control characters", str_text(&control), "sh|-c|it; : ", "\001|");
	long_command(s, "words spelled at length", str_text(&raw), "sh|-c|itit", "itit|");
	long_command(s, "wide characters", str_text(&wide), "it|", "\xc3\xa9it|");
}

/* ---- journald and syslog ---- */

static int receiver(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval wait = {5, 0};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0)
		perror(path);
	return fd;
}

static bool received(int fd, char *text, size_t size)
{
	ssize_t n = recv(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sinks(const struct settings *file)
{
	struct settings s = *file;
	char journal[128], log[128], got[8192], want[200], none[] = "";
	AUTO_FD int j = -1, l = -1;
	struct err e = {0};
	struct chain_link link;
	char *line, hash[HASH_HEX_SIZE];
	double began;
	size_t n;

	snprintf(journal, sizeof journal, "%s/journal", scratch_dir());
	snprintf(log, sizeof log, "%s/devlog", scratch_dir());
	j = receiver(journal);
	l = receiver(log);
	sockets = (struct journal_sockets){journal, log};
	s.audit.journald = s.audit.syslog = true;
	unlink(s.audit.path);
	ok(write_one(&s, "box", &e) == 0, "to file, journal and syslog: %s", e.msg);
	line = scratch_read("log/audit.jsonl");
	n = line ? strlen(line) - 1 : 0;
	hash_sha256_hex(line, n, hash);
	chain_read(line, n, &link);
	ok(received(j, got, sizeof got) && strstr(got, "MESSAGE=create of box\n") &&
			strstr(got, "\nCINCH_VERB=create\n") && strstr(got, "\nPRIORITY=6\n"),
		"the journal's entry");
	ok(line && strstr(strstr(got, "\nCINCH_RECORD="), line), "has the line of the file in it");
	snprintf(want, sizeof want, "\nCINCH_HASH=%s\n", hash);
	ok(strstr(got, want) != NULL, "and its hash");
	snprintf(want, sizeof want, "[%d %s] create of box", (int)link.seq, hash);
	ok(received(l, got, sizeof got) && strncmp(got, "<86>", 4) == 0 && strstr(got, want),
		"the message to syslog: %s", got);
	free(line);

	s.audit.path = none;
	ok(write_one(&s, "box", &e) == 0 && received(j, got, sizeof got) &&
			strstr(got, "\nCINCH_RECORD={\"time\":") && !strstr(got, "CINCH_SEQ"),
		"without a file the record goes to the journal alone");
	received(l, got, sizeof got);
	s.audit.required = true;
	ok(write_one(&s, "box", &e) == 0, "which is enough when a record is required");
	received(j, got, sizeof got);
	received(l, got, sizeof got);

	/* nobody reads: the sockets fill, and nothing waits */
	s.audit.required = false;
	began = seconds();
	for (int i = 0; i < 1500; i++)
		n = (size_t)write_one(&s, "box", &e);
	ok(n == 0 && seconds() - began < 120, "1500 records nobody reads: %.2f s",
		seconds() - began);
	s.audit.required = true;
	ok(write_one(&s, "box", &e) < 0 && strstr(e.msg, "neither journald nor syslog"),
		"required and full: %s", e.msg);
	s.audit.path = file->audit.path;
	ok(write_one(&s, "box", &e) == 0, "required, full, and the file takes it");
	{
		bool locked;
		AUTO_FD int head = chain_open_head(s.audit.path, 100, &locked);
		struct chain_head h = {0};

		ok(head >= 0 && chain_read_head(head, &h) && h.lost > 0,
			"the head counts what was not taken: %d", (int)h.lost);
	}
	s.audit.path = none;
	s.audit.journald = s.audit.syslog = false;
	ok(write_one(&s, "box", &e) < 0 && strstr(e.msg, "no place"), "required and no place: %s",
		e.msg);
	s.audit.required = false;
	ok(write_one(&s, "box", &e) == 0, "not required and no place");
}

/* The complaint that the file cannot be written. */
static void complaint(const struct settings *s)
{
	char log[128], got[2048];
	AUTO_FD int l = -1;
	struct err e = {0};

	snprintf(log, sizeof log, "%s/devlog2", scratch_dir());
	l = receiver(log);
	sockets = (struct journal_sockets){"/nonexistent", log};
	ok(write_one(s, "box", &e) == 0 && received(l, got, sizeof got) &&
			strncmp(got, "<83>", 4) == 0 && strstr(got, "audit record: open "),
		"syslog is told: %s", got);
	sockets = (struct journal_sockets){"/nonexistent", "/nonexistent"};
}

int main(void)
{
	char path[128];
	struct settings c = {.audit.path = path};
	struct err e = {0};

	snprintf(path, sizeof path, "%s/log/audit.jsonl", scratch_dir());
	shape(&c);
	callers();
	many_writers(&c);
	after_a_cut(&c);
	too_long(&c);
	long_commands(&c);
	sinks(&c);

	snprintf(path, sizeof path, "%s/no/such/audit.jsonl", scratch_dir());
	ok(write_one(&c, "box", &e) == 0, "not writable and not required: the container starts");
	complaint(&c);
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
