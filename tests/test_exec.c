/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exec - the built program, from an exec's line to the process the runtime gets: both forms, every
 * refusal, the record, and that nobody but the runtime sees a value of the environment.
 *
 * The container is made by cinch's create first, so the state record is a real one.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define ROOT "/run/rt"
#define BUNDLE "/run/b/box"
#define LOG "/run/log.json"
#define FILE_AT "/run/p.json"
#define GLOBAL "--root " ROOT " --log " LOG " --log-format json "
#define EXEC GLOBAL "exec "
#define DOCUMENT "\nseals: 15\ndocument: " /* nobody can change it any more */

#define PROFILE(name, more) "{\"profile\":\"" name "\",\"version\":\"2\"," more "}"
#define ROOTED                                                                                     \
	"\"namespaces\":{\"host\":[\"cgroup\"]},\"user\":{\"root\":\"allow\"},"                    \
	"\"capabilities\":[\"CAP_KILL\",\"CAP_CHOWN\"]"

static const char closed[] = PROFILE("closed", ROOTED ",\"exec\":{\"allow\":false}");
static const char loose[] = PROFILE("loose",
	ROOTED ",\"noNewPrivileges\":false,\"exec\":{\"allow\":true,\"terminal\":true,"
	       "\"capabilities\":[\"CAP_KILL\"]},\"flags\":{\"preserveFds\":2}");
static const char probes[] =
	PROFILE("probes", ROOTED ",\"exec\":{\"allow\":true,\"commands\":{\"allow\":[\"/bin/probe "
				 "**\",\"probe\"]}}");
static const char watch[] = PROFILE("watch", "\"mode\":\"audit\"");
static const char partly[] =
	PROFILE("partly", ROOTED ",\"audit\":[\"exec\"],\"exec\":{\"allow\":false}");

#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, name, sizeof name - 1                                                       \
	}
static const struct policy_text more[] = {
	TEXT(closed), TEXT(loose), TEXT(probes), TEXT(watch), TEXT(partly)};

static void apply(const char *node)
{
	apply_policy(STORE_DIR, node, more, sizeof more / sizeof *more, NULL);
}

/* What the runtime was handed: a document, its caller's. NULL: nothing, or no JSON. */
static struct json_doc *handed(void)
{
	AUTO_FREE char *called = launch_read("/run/called");
	char *at = called ? strstr(called, DOCUMENT) : NULL, *end;
	struct json_doc *doc = NULL;
	struct err e = {0};

	at = at ? at + strlen(DOCUMENT) : NULL;
	end = at ? strchr(at, '\n') : NULL;
	if (!end || json_parse(at, (size_t)(end - at), &spec_limits, 0, &doc, &e) < 0)
		return NULL;
	return doc;
}

static bool called_with(const char *text)
{
	AUTO_FREE char *called = launch_read("/run/called");

	return called && strstr(called, text);
}

/* The member at PLACE of what was handed over, as JSON, is WANT; NULL: absent. */
static void gave(const char *place, const char *want)
{
	AUTO_JSON struct json_doc *doc = handed();
	AUTO_STR struct str got = STR_INIT;
	const struct json *v = doc ? json_at(json_root(doc), place) : NULL;

	if (v)
		json_write(v, &got);
	ok(doc && (want ? v && strcmp(str_text(&got), want) == 0 : !v), "%s is %s", place,
		v ? str_text(&got) : "absent");
}

/* The sample, its process with MEMBERS more and the document with MORE; the caller's. */
static char *document(const char *members, const char *more_members)
{
	static const char process[] = "\"process\":{";
	AUTO_FREE char *text = launch_sample("ctr-default.json");
	AUTO_STR struct str out = STR_INIT;
	char *at = strstr(text, process);

	if (!at)
		exit(2);
	str_addf(&out, "{%s%.*s%s%s", more_members, (int)(at - text - 1), text + 1, process,
		members);
	str_add(&out, at + strlen(process));
	return str_take(&out);
}

static char *extra_members, *extra_process; /* of the next containers */

/* The container "box" under PROFILE; the runtime knows it when KNOWN. */
static void make_box(const char *profile, bool known)
{
	AUTO_FREE char *text =
		document(extra_process ? extra_process : "", extra_members ? extra_members : "");
	char line[256];

	launch_bundle(BUNDLE, text);
	(void)rmdir(ROOT "/box");
	snprintf(line, sizeof line, "%s%s --root " ROOT " create --bundle " BUNDLE " box",
		profile ? "--cinch-profile " : "", profile ? profile : "");
	{
		AUTO_LAUNCHED struct launched l = launch_run(NULL, line);

		ok(l.status == 0 && l.started, "%s: a container: %s", profile ? profile : "default",
			l.err);
	}
	(void)mkdir(ROOT, 0755);
	if (known)
		(void)mkdir(ROOT "/box", 0755);
}

static struct launched exec_run(const char *line)
{
	unlink(LOG);
	return launch_run(NULL, line);
}

/* The message without its line's end. */
static int told(const struct launched *l)
{
	return (int)strcspn(l->err, "\n");
}

/* Refused: nothing started, one object in the log that says what stderr says, a record. */
static void refused(const char *what, const char *line, const char *why, const char *result)
{
	AUTO_LAUNCHED struct launched l = exec_run(line);
	AUTO_FREE char *log = launch_read(LOG);
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	const char *msg;

	ok(l.status == 1 && !l.started, "%s: refused (%d)", what, l.status);
	ok(strstr(l.err, why) != NULL, "%s: %.*s", what, told(&l), l.err);
	ok(log && json_parse(log, strlen(log), &spec_limits, 0, &doc, &e) == 0,
		"%s: one object in the log", what);
	msg = doc ? json_str(json_get(json_root(doc), "msg")) : NULL;
	ok(msg && strncmp(l.err, msg, strlen(msg)) == 0 && strcmp(l.err + strlen(msg), "\n") == 0,
		"%s: that says the same", what);
	tap_same(launched_text(&l, "/verb"), "exec", "it is recorded");
	tap_same(launched_text(&l, "/result"), result, "result");
	tap_same(launched_text(&l, "/id"), "box", "of which container");
	ok(strstr(launched_text(&l, "/error"), why) != NULL, "%s: and why", what);
}

/* ---- both forms ---- */

#define GREEDY                                                                                     \
	"{\"args\":[\"sh\",\"-c\",\"id\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0},\"env\":["  \
	"\"PATH=/bin\",\"LD_PRELOAD=/sentinel\",\"DB_PASSWORD=sentinel\"],\"capabilities\":{"      \
	"\"bounding\":[\"CAP_SYS_ADMIN\"],\"effective\":[\"CAP_SYS_ADMIN\"],\"permitted\":["       \
	"\"CAP_SYS_ADMIN\"],\"inheritable\":[\"CAP_SYS_ADMIN\"]},\"noNewPrivileges\":false,"       \
	"\"later\":true,\"environment\":[\"TOKEN=sentinel\"]}"

/* No value of the environment is where anybody reads. */
static void no_trace(const struct launched *l)
{
	AUTO_FREE char *audit = launch_read(RIG_AUDIT), *log = launch_read(LOG);

	ok(audit && !strstr(audit, "sentinel") && !strstr(l->err, "sentinel") &&
			(!log || !strstr(log, "sentinel")),
		"no value of the environment in log, record and message");
	ok(strstr(audit, "LD_PRELOAD=") != NULL, "but the name of what was taken out");
}

static void test_file(void)
{
	AUTO_LAUNCHED struct launched l = {0};
	AUTO_FREE char *after = NULL;

	make_box(NULL, true);
	launch_write(FILE_AT, GREEDY);
	l = exec_run(EXEC "--process " FILE_AT " --detach --pid-file /run/pid box");
	ok(l.status == 0 && l.started, "--process: %s", l.err);
	ok(called_with("argv 0 (14): " RIG_RUNTIME "\nargv 1 (6): --root\nargv 2 (7): " ROOT
		       "\nargv 3 (5): --log\nargv 4 (13): " LOG
		       "\nargv 5 (12): --log-format\nargv 6 (4): json\nargv 7 (4): exec\n"
		       "argv 8 (8): --detach\nargv 9 (10): --pid-file\nargv 10 (8): /run/pid\n"
		       "argv 11 (9): --process\nargv 12 (15): /proc/self/fd/") &&
			called_with("\nargv 13 (2): --\nargv 14 (3): box" DOCUMENT "{"),
		"one canonical line, and a file nobody can change any more");
	gave("/args", "[\"sh\",\"-c\",\"id\"]");
	gave("/user", "{\"uid\":65532,\"gid\":65532}");
	gave("/capabilities", "{\"bounding\":[],\"effective\":[],\"permitted\":[],\"inheritable\":["
			      "]}");
	gave("/noNewPrivileges", "true");
	gave("/env", "[\"PATH=/bin\",\"DB_PASSWORD=sentinel\"]");
	gave("/later", NULL);
	after = launch_read(FILE_AT);
	tap_same(after, GREEDY, "the caller's file is as it was");
	no_trace(&l);
	tap_same(launched_text(&l, "/result"), "changed", "result");
	tap_same(launched_text(&l, "/mode"), "enforce", "mode");
	tap_same(launched_text(&l, "/user"), "65532:65532", "user");
	tap_same(launched_text(&l, "/cwd"), "/", "cwd");
	tap_same(launched_text(&l, "/args/2"), "id", "args");
	tap_same(launched_text(&l, "/profiles/0/name"), "restricted", "profile");
	ok(json_is(json_at(json_root(l.record), "/tty"), JSON_BOOL), "tty");
	ok(launched_text(&l, "/policy/digest")[0] != '\0', "the policy it was started under");
}

static void test_options(void)
{
	AUTO_LAUNCHED struct launched l = {0}, same = {0};
	AUTO_JSON struct json_doc *doc = NULL, *file = NULL;
	AUTO_STR struct str text = STR_INIT, again = STR_INIT;

	l = exec_run(EXEC "-t -c CAP_SYS_ADMIN -c ALL -u 0:0 -g 0 -g 5 -e LD_PRELOAD=/sentinel "
			  "-e A=sentinel --cwd /tmp --no-new-privs box sh -c id");
	ok(l.status == 0 && l.started, "options: %s", l.err);
	gave("/user", "{\"uid\":65532,\"gid\":65532,\"additionalGids\":[]}");
	gave("/capabilities/bounding", "[]");
	gave("/capabilities/ambient", "[]");
	gave("/terminal", "true");
	gave("/cwd", "\"/tmp\"");
	no_trace(&l);
	doc = handed();
	json_write(doc ? json_root(doc) : NULL, &text);
	launch_write(FILE_AT, str_text(&text));
	same = exec_run(EXEC "--process " FILE_AT " box");
	file = handed();
	json_write(file ? json_root(file) : NULL, &again);
	tap_same(str_text(&again), str_text(&text), "the other form of it gives the same");
	tap_same(launched_text(&same, "/result"), "unchanged", "and there is nothing left to do");
}

/* What create took away does not come back by being silent. */
static void test_silence(void)
{
	AUTO_LAUNCHED struct launched l = {0};

	make_box("loose", true);
	launch_write(FILE_AT, "{\"args\":[\"id\"],\"cwd\":\"/\"}");
	l = exec_run(EXEC "--process " FILE_AT " box");
	ok(l.status == 0, "nothing but a command: %s", l.err);
	gave("/capabilities/bounding", "[\"CAP_KILL\"]");
	gave("/rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}]");
	gave("/noNewPrivileges", NULL);
}

/* The record keeps the labels of the container's own process. */
static void test_labels(void)
{
	AUTO_LAUNCHED struct launched l = {0}, same = {0};

	extra_process = (char *)"\"apparmorProfile\":\"own\",\"selinuxLabel\":\"u:r:t:s0:c1,c2\",";
	make_box(NULL, true);
	extra_process = NULL;
	launch_write(FILE_AT, "{\"args\":[\"id\"],\"cwd\":\"/\",\"apparmorProfile\":\"other\","
			      "\"selinuxLabel\":\"u:r:t:s0:c3,c4\"}");
	l = exec_run(EXEC "--process " FILE_AT " box");
	ok(l.status == 0, "other labels: %.*s", told(&l), l.err);
	gave("/apparmorProfile", NULL);
	gave("/selinuxLabel", NULL);
	same = exec_run(EXEC "--apparmor own --process-label u:r:t:s0:c1,c2 box id");
	ok(same.status == 0, "its own: %.*s", told(&same), same.err);
	gave("/apparmorProfile", "\"own\"");
	gave("/selinuxLabel", "\"u:r:t:s0:c1,c2\"");
}

/* ---- refusals ---- */

/* A second profile, which the container's own annotation named, holds as well. */
static void test_two_profiles(void)
{
	AUTO_LAUNCHED struct launched l = {0};

	extra_members = (char *)"\"annotations\":{\"io.cinch.profile\":\"closed\"},";
	make_box("loose", true);
	refused("the second profile", EXEC "box id", "refused by profile closed", "refused");
	extra_members = (char *)"\"annotations\":{\"io.cinch.profile\":\"restricted\"},";
	make_box("loose", true);
	extra_members = NULL;
	l = exec_run(EXEC "-u 0 box id");
	ok(l.status == 0, "both let it in: %.*s", told(&l), l.err);
	gave("/user", "{\"uid\":65532,\"gid\":65532,\"additionalGids\":[]}");
	gave("/capabilities/bounding", "[]");
	gave("/noNewPrivileges", "true");
	tap_same(launched_text(&l, "/profiles/1/name"), "restricted", "both are recorded");
}

static void test_files(void)
{
	AUTO_STR struct str big = STR_INIT;

	make_box(NULL, true);
	launch_write(FILE_AT, "{\"args\":[\"a\"],\"Args\":[\"b\"]}");
	refused("two spellings", EXEC "--process " FILE_AT " box", "Args", "failed");
	launch_write(FILE_AT, "{\"args\":[\"a\"]} {}");
	refused("two documents", EXEC "--process " FILE_AT " box", "--process " FILE_AT, "failed");
	for (int i = 0; i < 70000; i++)
		str_add(&big, "                                                                ");
	launch_write(FILE_AT, str_text(&big));
	refused("too long", EXEC "--process " FILE_AT " box", "limit", "failed");
	refused("none", EXEC "--process /run/none box", "No such file", "failed");
	unlink("/run/fifo");
	if (mkfifo("/run/fifo", 0600) < 0 || symlink(FILE_AT, "/run/link") < 0)
		exit(2);
	refused("a FIFO", EXEC "--process /run/fifo box", "a FIFO", "failed");
	refused("a link", EXEC "--process /run/link box", "a symbolic link", "failed");
	refused("the bundle is gone", EXEC "--cwd /../x box id", "not absolute and canonical",
		"refused");
}

static void test_policy(void)
{
	make_box("closed", true);
	refused("no exec", EXEC "box id", "no process may be started", "refused");
	refused("every reason at once",
		EXEC "-t --cwd /proc/1/cwd --cgroup ../x --preserve-fds 3 box id",
		"exec: no process may", "refused");
	make_box("loose", true);
	refused("more descriptors", EXEC "--preserve-fds 3 box id", "flags.preserveFds", "refused");
	refused("a neighbour's cgroup", EXEC "--cgroup ../box-2 box id",
		"the container's own cgroup", "refused");
	make_box("probes", true);
	refused("another command", EXEC "box sh", "not among the allowed", "refused");
	refused("a terminal", EXEC "-t box probe", "no terminal", "refused");
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "-e PATH=/sentinel box probe");

		ok(l.status == 0 && l.started, "the probe: %s", l.err);
		ok(!called_with("\"PATH=/sentinel\""), "by the container's PATH");
	}
}

/* Engines have no words on the line: what is let go, and recorded, is what the file said. */
static void unheld_file(void)
{
	static const char text[] =
		"{\"args\":[\"sh\",\"-c\",\"x\"],\"cwd\":\"/tmp\",\"user\":{\"uid\":7},"
		"\"terminal\":true,\"env\":[\"A=sentinel\"],\"later\":1}";

	launch_write(FILE_AT, text);
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "--process " FILE_AT " box");
		AUTO_JSON struct json_doc *doc = handed();
		AUTO_STR struct str got = STR_INIT;

		ok(l.status == 0 && l.started, "its process from a file: %s", l.err);
		if (doc)
			json_write(json_root(doc), &got);
		tap_same(str_text(&got), text, "as it came");
		tap_same(launched_text(&l, "/args/2"), "x", "args");
		tap_same(launched_text(&l, "/user"), "7:0", "user");
		tap_same(launched_text(&l, "/cwd"), "/tmp", "cwd");
		tap_same(launched_text(&l, "/result"), "audited", "result");
		ok(l.record && json_is_true(json_at(json_root(l.record), "/tty")), "tty");
	}
	launch_write(FILE_AT, "{\"args\":[\"sh\"],\"Args\":[\"id\"]}");
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "--process " FILE_AT " box");

		ok(l.status == 0 && l.started && called_with("--process\nargv 9 ") &&
				called_with(FILE_AT),
			"one that cannot be read is the runtime's: %s", l.err);
		ok(strstr(launched_text(&l, "/note"), "Args"), "and the record has why: %s",
			launched_text(&l, "/note"));
	}
}

/* The record is all that counts. */
static void test_record(void)
{
	static const char *const shells[] = {"rm -rf " RIG_STATE, "rm -f " RIG_STATE "/*/box.json",
		"truncate -s 0 " RIG_STATE "/*/box.json",
		"truncate -s 100 " RIG_STATE "/*/box.json",
		"sed -i 's/\"version\":2/\"version\":1/' " RIG_STATE "/*/box.json",
		"chmod 666 " RIG_STATE "/*/box.json"};

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		make_box(NULL, true);
		if (system(shells[i]) != 0) /* NOLINT(cert-env33-c): a fixed text */
			exit(2);
		refused(shells[i], EXEC "box id", "restart it through cinch", "refused");
	}
	apply("{\"mode\": \"audit\"}");
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "-u 0 box id");

		ok(l.status == 0 && l.started, "a node in audit mode lets it go: %s", l.err);
		ok(called_with("argv 8 (6): --user\nargv 9 (1): 0\n") && !called_with("document: "),
			"as it came");
		tap_same(launched_text(&l, "/result"), "audited", "result");
		tap_same(launched_text(&l, "/mode"), "audit", "mode");
		tap_same(launched_text(&l, "/args/0"), "id", "args");
		ok(strstr(launched_text(&l, "/state"), "restart it") != NULL, "and why: %s",
			launched_text(&l, "/state"));
		tap_same(launched_text(&l, "/user"), "0", "user");
	}
	unheld_file();
	apply("{}");
	launch_write(
		FILE_AT, "{\"args\":[\"sh\",\"-c\",\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":7}}");
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "--process " FILE_AT " box");

		ok(l.status == 1 && !l.started, "refused again: %s", l.err);
		tap_same(launched_text(&l, "/args/2"), "x", "what was wanted is recorded");
		tap_same(launched_text(&l, "/user"), "7:0", "and as whom");
	}
}

/* The runtime knows no such container, and it is the one to say so, of nothing that could run. */
static void test_unknown(void)
{
	AUTO_LAUNCHED struct launched l = {0};

	make_box(NULL, false);
	l = exec_run(EXEC "-e A=b box id");
	ok(l.status == 0 && l.started, "an unknown container is the runtime's: %s", l.err);
	ok(called_with("argv 8 (9): --process\nargv 9 (15): /proc/self/fd/") &&
			called_with(DOCUMENT "\n") && !called_with("A=b"),
		"with no process");
	tap_same(launched_text(&l, "/result"), "failed", "result");
	tap_same(launched_text(&l, "/args/0"), "id", "what was asked is recorded");
}

/* ---- modes ---- */

static void test_audit_mode(void)
{
	AUTO_LAUNCHED struct launched l = {0}, part = {0}, node = {0};
	AUTO_STR struct str got = STR_INIT;

	make_box("watch", true);
	launch_write(FILE_AT, GREEDY);
	l = exec_run(EXEC "--process " FILE_AT " --ignore-paused --cgroup ../x box");
	ok(l.status == 0, "a profile in audit mode: %s", l.err);
	{
		AUTO_JSON struct json_doc *doc = handed();

		json_write(doc ? json_root(doc) : NULL, &got);
	}
	tap_same(str_text(&got), GREEDY, "as it was asked for");
	ok(called_with("--ignore-paused"), "and the line");
	tap_same(launched_text(&l, "/result"), "audited", "result");
	tap_same(launched_text(&l, "/mode"), "audit", "mode");
	ok(json_is_true(json_get(json_root(l.record), "wouldRefuse")), "would be refused");

	make_box("partly", true);
	part = exec_run(EXEC "--process " FILE_AT " box");
	ok(part.status == 0, "one control in audit mode: %s", part.err);
	gave("/capabilities/bounding", "[]");
	gave("/noNewPrivileges", "true");

	make_box("closed", true);
	apply("{\"mode\": \"audit\"}");
	node = exec_run(EXEC "box id");
	ok(node.status == 0 && strcmp(launched_text(&node, "/result"), "audited") == 0,
		"a node that is in audit mode now refuses nobody: %s", node.err);
	apply("{}");
}

/* As created: another policy, none, or no such profile any more. */
static void test_as_created(void)
{
	make_box("closed", true);
	apply_policy(STORE_DIR, "{\"defaultProfile\": \"baseline\"}", NULL, 0, NULL);
	refused("another policy", EXEC "box id", "refused by profile closed", "refused");
	if (system("rm -rf /var/lib/cinch") != 0) /* NOLINT(cert-env33-c): a fixed text */
		exit(2);
	refused("no policy", EXEC "box id", "refused by profile closed", "refused");
	apply("{}");
}

static void test_audit_required(void)
{
	apply("{\"audit\": {\"required\": true, \"path\": \"/dev/full/x\"}}");
	{
		AUTO_LAUNCHED struct launched l = exec_run(EXEC "box id");

		ok(l.status == 1 && !l.started, "without its record it is not started: %.*s",
			told(&l), l.err);
	}
	apply("{}");
}

/* Not ended by a signal without a word, and the runtime has the signal as it was. */
static void test_file_sizes(void)
{
	AUTO_LAUNCHED struct launched small = {0}, large = {0};
	AUTO_FREE char *own = launch_read("/proc/self/status"), *want = NULL;
	struct rlimit before, limit;
	const char *line = own ? strstr(own, "SigIgn:") : NULL;

	fflush(stdout);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 256; /* more than the message, less than the process */
	setrlimit(RLIMIT_FSIZE, &limit);
	small = launch_run(NULL, EXEC "box id");
	limit.rlim_cur = 16384; /* more than the process, less than the log */
	if (truncate(RIG_AUDIT, 20000) < 0)
		exit(2);
	setrlimit(RLIMIT_FSIZE, &limit);
	large = launch_run(NULL, EXEC "box id");
	setrlimit(RLIMIT_FSIZE, &before);
	unlink(RIG_AUDIT);
	ok(small.status == 1 && !small.started && strstr(small.err, "File too large"),
		"the caller's limit on file sizes: %d, %s", small.status, small.err);
	ok(large.status == 0 && large.started, "a log at that limit: %d, %s", large.status,
		large.err);
	if (line)
		want = strndup(line, strcspn(line, "\n"));
	ok(want && called_with(want), "signals are as they were: %s", want);
}

static void test_help(void)
{
	AUTO_LAUNCHED struct launched l = launch_run(NULL, "--root " ROOT " exec --help");

	ok(l.status == 0 && l.started && called_with("argv 1 (4): exec\nargv 2 (6): --help\n"),
		"--help goes to the runtime");
	ok(!l.record, "without a record");
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("exec through the program", why);
		return tap_done();
	}
	apply("{}");
	test_file();
	test_options();
	test_silence();
	test_labels();
	test_two_profiles();
	test_files();
	test_policy();
	test_record();
	test_unknown();
	test_audit_mode();
	test_as_created();
	make_box(NULL, true);
	test_audit_required();
	test_file_sizes();
	test_help();
	return tap_done();
}
