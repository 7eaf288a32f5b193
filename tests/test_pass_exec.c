/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_exec - what is asked of a process that is started in a running container, and what is made of its
 * silence.
 */
#include "tests/pass_rig.h"

#include <errno.h>

#include "shim/tighten.h"

#define PROCESS(members) "{\"process\":{" members "}}"
#define ARGS(list) PROCESS("\"args\":[" list "]")
#define KILL "\"CAP_KILL\""
#define CHOWN "\"CAP_CHOWN\""
#define SETS(list)                                                                                 \
	"\"capabilities\":{\"bounding\":[" list "],\"effective\":[" list "],\"permitted\":[" list  \
	"],\"inheritable\":[" list "],\"ambient\":[" list "]}"

enum { CHOWN_BIT = 1 << 0, KILL_BIT = 1 << 5 };

static char *below[] = {(char *)"/**"};
static char *allow[] = {(char *)"/usr/bin/pg_isready **", (char *)"cat /tmp/healthy",
	(char *)"/opt/*", (char *)"cat /tmp/x/*"};
static char *deny[] = {(char *)"sh", (char *)"/bin/ls /root"};

static const struct profile nothing = {.name = "nothing"};
static const struct profile open_profile = {
	.name = "open", .exec = {.allow = true, .terminal = true, .capabilities = KILL_BIT}};
static const struct profile closed = {.name = "closed", .exec = {.allow = true}};
static const struct profile some = {
	.name = "some", .exec = {.allow = true, .terminal = true, .allow_commands = {allow, 4}}};
static const struct profile most = {
	.name = "most", .exec = {.allow = true, .terminal = true, .deny_commands = {deny, 2}}};
static const struct profile both = {.name = "both",
	.exec = {.allow = true, .allow_commands = {allow, 4}, .deny_commands = {deny, 2}}};

static const struct profile anywhere = {
	.name = "anywhere", .exec = {.allow = true, .allow_commands = {below, 1}}};

#define SAME(what, p, in)                                                                          \
	{                                                                                          \
		what, &p, in, NULL, NULL, NULL, NULL                                               \
	}
#define DENY(what, p, in, text)                                                                    \
	{                                                                                          \
		what, &p, in, NULL, text, NULL, NULL                                               \
	}
#define MAKE(what, p, in, want)                                                                    \
	{                                                                                          \
		what, &p, in, want, NULL, NULL, NULL                                               \
	}

static const struct pass_row rows[] = {
	SAME("no process", nothing, "{}"),
	DENY("exec is not allowed", nothing, ARGS("\"true\""), "health check"),
	SAME("allowed", open_profile, ARGS("\"true\"")),
	SAME("a terminal", open_profile, PROCESS("\"terminal\":true")),
	DENY("no terminal", closed, PROCESS("\"terminal\":true"), "exec.terminal"),
	SAME("terminal false", closed, PROCESS("\"terminal\":false")),

	SAME("an allowed command", some, ARGS("\"/usr/bin/pg_isready\",\"-q\"")),
	SAME("without arguments", some, ARGS("\"/usr/bin/pg_isready\"")),
	SAME("the exact one", some, ARGS("\"cat\",\"/tmp/healthy\"")),
	DENY("another argument", some, ARGS("\"cat\",\"/etc/shadow\""), "exec.commands.allow"),
	DENY("one more argument", some, ARGS("\"cat\",\"/tmp/healthy\",\"/etc/shadow\""),
		"exec.commands.allow"),
	DENY("another program", some, ARGS("\"sh\""), "exec.commands.allow"),
	DENY("no arguments at all", some, PROCESS("\"args\":[]"), "there is none"),
	DENY("absent arguments", some, PROCESS("\"cwd\":\"/\""), "there is none"),
	SAME("an absolute path", some, ARGS("\"/opt/x\"")),
	DENY("it climbs", some, ARGS("\"/opt/..\""), "absolute path without"),
	DENY("another program's directory", some, ARGS("\"/opt/./x\""), "absolute path without"),
	DENY("no name", anywhere, ARGS("\"\""), "exec.commands.allow"),
	DENY("a slash at the end", some, ARGS("\"/opt/\""), "absolute path without"),

	SAME("not denied", most, ARGS("\"/bin/ls\",\"/\"")),
	SAME("a relative path where nothing is allowed by name", most, ARGS("\"./x\"")),
	SAME("no arguments: the runtime says so", most, PROCESS("\"cwd\":\"/\"")),
	DENY("a denied name", most, ARGS("\"sh\",\"-c\",\"ls\""), "denied: \"sh\""),
	DENY("by its path", most, ARGS("\"/usr/local/bin/sh\""), "is denied"),
	DENY("with its argument", most, ARGS("\"/bin/ls\",\"/root\",\"-a\""), "is denied"),
	DENY("deny wins", both, ARGS("\"/opt/sh\""), "is denied"),
};

/* ---- with the record of a container ---- */

static const char running[] =
	"{\"process\":{\"capabilities\":{\"bounding\":[" CHOWN "," KILL "],\"effective\":[" CHOWN
	"],\"permitted\":[" CHOWN "," KILL
	"]},\"path\":\"/bin:/sentinel\",\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	"\"hard\":64,\"soft\":32}],\"apparmorProfile\":\"own\",\"selinuxLabel\":\"u:r:t:s0:c1,c2\"}"
	"}";
static const char little[] =
	"{\"process\":{\"capabilities\":{\"bounding\":[" KILL "],\"ambient\":[]}}}";
static const char audited[] = "{\"process\":{\"apparmorProfile\":\"unconfined\","
			      "\"selinuxLabel\":\"u:r:spc_t:s0\"}}";

#define HEALTHY "\"args\":[\"cat\",\"/tmp/healthy\"]"

static const struct pass_row running_rows[] = {
	/* capabilities */
	MAKE("within the bound", open_profile, PROCESS(SETS(KILL)), PROCESS(SETS(KILL))),
	MAKE("each set is cut", open_profile, PROCESS(SETS(KILL "," CHOWN)), PROCESS(SETS(KILL))),
	MAKE("to nothing", closed, PROCESS(SETS(KILL)), PROCESS(SETS(""))),
	MAKE("names nobody knows", open_profile, PROCESS(SETS("\"ALL\",\"cap_kill\",\"5\"")),
		PROCESS(SETS(""))),
	SAME("an empty object has none", closed, PROCESS("\"capabilities\":{}")),
	MAKE("absent: the container's, cut", open_profile, PROCESS("\"cwd\":\"/\""),
		PROCESS("\"cwd\":\"/\",\"capabilities\":{\"bounding\":[" KILL
			"],\"effective\":[],\"permitted\":[" KILL "]}")),
	MAKE("null is absent", open_profile, PROCESS("\"capabilities\":null"),
		PROCESS("\"capabilities\":{\"bounding\":[" KILL
			"],\"effective\":[],\"permitted\":[" KILL "]}")),
	/* PATH */
	{"the container's own PATH", &some,
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"PATH=/bin:/sentinel\",\"A=1\"]"),
		NULL, NULL, NULL, NULL},
	{"another PATH", &some,
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"PATH=/sentinel\",\"A=1\"]"),
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"A=1\",\"PATH=/bin:/sentinel\"]"),
		NULL, "put back", "sentinel"},
	{"PATH twice", &some,
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"PATH=/bin:/"
				"sentinel\",\"PATH=/sentinel\"]"),
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"PATH=/bin:/sentinel\"]"), NULL,
		"put back", "sentinel"},
	{"no PATH beside others", &some, PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"A=1\"]"),
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"A=1\",\"PATH=/bin:/sentinel\"]"),
		NULL, "put back", "sentinel"},
	SAME("no environment", some, PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[]")),
	SAME("a path needs no PATH", some,
		PROCESS("\"args\":[\"/opt/x\"],\"capabilities\":{},\"env\":[\"PATH=/x\"]")),
	SAME("PATHS is another variable", most,
		PROCESS("\"args\":[\"x\"],\"capabilities\":{},\"env\":[\"PATH=/x\",\"PATHS=/x\"]")),
};

static const struct pass_row little_rows[] = {
	SAME("absent, and the container's is within the bound", open_profile,
		PROCESS("\"cwd\":\"/\"")),
	MAKE("no own PATH: then none", some,
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"PATH=/x\",\"A=1\"]"),
		PROCESS(HEALTHY ",\"capabilities\":{},\"env\":[\"A=1\"]")),
};

static const struct pass_row label_rows[] = {
	SAME("no label", nothing, PROCESS("\"cwd\":\"/\"")),
	SAME("the container's own", nothing,
		PROCESS("\"apparmorProfile\":\"own\",\"selinuxLabel\":\"u:r:t:s0:c1,c2\"")),
	MAKE("others", nothing,
		PROCESS("\"apparmorProfile\":\"other\",\"selinuxLabel\":\"u:r:t:s0:c3,c4\""),
		PROCESS("")),
	MAKE("empty ones", nothing, PROCESS("\"apparmorProfile\":\"\",\"selinuxLabel\":\"\""),
		PROCESS("")),
	MAKE("none at all", nothing,
		PROCESS("\"apparmorProfile\":\"unconfined\",\"selinuxLabel\":\"u:r:spc_t:s0\""),
		PROCESS("")),
	DENY("a descriptor as directory", nothing, PROCESS("\"cwd\":\"/proc/self/fd/7\""),
		"CVE-2024-21626"),
	MAKE("a real-time policy", nothing,
		PROCESS("\"scheduler\":{\"policy\":\"SCHED_FIFO\"},\"ioPriority\":{\"class\":"
			"\"IOPRIO_CLASS_RT\"},\"execCPUAffinity\":{\"initial\":\"0\"}"),
		PROCESS("")),
	/* what is the container's is not the exec's to judge */
	SAME("the mappings", nothing,
		"{\"process\":{},\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1,"
		"\"size\":9}]}}"),
};

static const struct pass_row bare_rows[] = {
	SAME("a label where the container has none", nothing,
		PROCESS("\"apparmorProfile\":\"x\",\"selinuxLabel\":\"u:r:t:s0\"")),
	MAKE("an empty one", nothing, PROCESS("\"apparmorProfile\":\"\",\"selinuxLabel\":\"\""),
		PROCESS("")),
};

static const struct pass_row audited_rows[] = {
	SAME("a label in a container that has none", nothing,
		PROCESS("\"apparmorProfile\":\"x\",\"selinuxLabel\":\"u:r:t:s0\"")),
};

static const struct pass_row way_rows[] = {
	SAME("a way of its own", nothing, PROCESS("\"cwd\":\"/srv\"")),
	DENY("a way through /proc that ends elsewhere", nothing, PROCESS("\"cwd\":\"/way/out\""),
		"leads through /proc"),
	DENY("a way that cannot be told", nothing, PROCESS("\"cwd\":\"/lost\""),
		"leads through /proc"),
};

static int crosses_proc(void *arg, const char *path, const char *dir, bool *crosses, struct err *e)
{
	(void)arg;
	*crosses = strcmp(dir, "/proc") == 0 && strcmp(path, "/way/out") == 0;
	return strcmp(path, "/lost") == 0 ? err_set(e, EIO, "lost") : 0;
}

static struct rlimit_ceiling core[] = {{(char *)"RLIMIT_CORE", 0}};
static struct rlimit_ceiling files[] = {{(char *)"RLIMIT_NOFILE", 16}};
static const struct profile no_core = {
	.name = "core", .resources = {.rlimits = core, .n_rlimits = 1}};
static const struct profile few_files = {
	.name = "files", .resources = {.rlimits = files, .n_rlimits = 1}};

#define NOFILE(n, m) "{\"type\":\"RLIMIT_NOFILE\",\"hard\":" #n ",\"soft\":" #m "}"
#define NO_CORE "{\"type\":\"RLIMIT_CORE\",\"hard\":0,\"soft\":0}"

static const struct pass_row rlimit_rows[] = {
	MAKE("absent: the container's own are written out", nothing, PROCESS("\"cwd\":\"/\""),
		PROCESS("\"cwd\":\"/\",\"rlimits\":[" NOFILE(64, 32) "]")),
	MAKE("empty", nothing, PROCESS("\"rlimits\":[]"),
		PROCESS("\"rlimits\":[" NOFILE(64, 32) "]")),
	MAKE("with the ceiling on top", no_core, PROCESS("\"rlimits\":null"),
		PROCESS("\"rlimits\":[" NOFILE(64, 32) "," NO_CORE "]")),
	MAKE("and the ceiling within", few_files, PROCESS("\"cwd\":\"/\""),
		PROCESS("\"cwd\":\"/\",\"rlimits\":[" NOFILE(16, 16) "]")),
	MAKE("given", no_core, PROCESS("\"rlimits\":[" NOFILE(99, 99) "]"),
		PROCESS("\"rlimits\":[" NOFILE(99, 99) "," NO_CORE "]")),
	SAME("no score is put in", nothing,
		PROCESS("\"rlimits\":[" NOFILE(64, 32) "]")), /* the world's is -998 */
	MAKE("a better one is taken away", nothing,
		PROCESS("\"oomScoreAdj\":-5,\"rlimits\":[" NOFILE(64, 32) "]"),
		PROCESS("\"oomScoreAdj\":0,\"rlimits\":[" NOFILE(64, 32) "]")),
};

static void rig_with(const char *record, pass_fn *pass, const struct pass_row *table, size_t n)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FAKE struct world_fake fake;
	struct err e = {0};

	world_fake_init(&fake);
	if (!ok(json_parse(record, strlen(record), &spec_limits, 0, &doc, &e) == 0, "a record: %s",
		    e.msg))
		return;
	fake.world.running = json_root(doc);
	fake.world.oom_score_adj = -998;
	pass_rig(pass, table, n, &fake.world);
}

#define RIG_WITH(record, pass, table) rig_with(record, pass, table, sizeof(table) / sizeof *(table))

/* All of it in order: every reason at once, and in audit mode nothing but words. */
static void test_order(void)
{
	static const char text[] = PROCESS(
		"\"args\":[\"sh\"],\"terminal\":true,\"cwd\":\"/proc/self/fd/7\"," SETS(CHOWN));
	struct profile p = {.name = (char *)"strict",
		.exec = {.deny_commands = {deny, 2}},
		.no_new_privileges = true};
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	for (int audit = 0; audit < 2; audit++) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_REPORT struct report report = {0};
		AUTO_STR struct str out = STR_INIT;
		struct err e = {0};
		int rc;

		if (json_parse(text, strlen(text), &spec_limits, 0, &doc, &e) < 0)
			exit(2);
		p.mode = audit ? PROFILE_AUDIT : PROFILE_ENFORCE;
		rc = tighten_process(doc, &p, &fake.world, &report, &e);
		json_write(json_root(doc), &out);
		if (audit) {
			ok(rc == 0, "in audit mode it is let go: %s", e.msg);
			tap_same(str_text(&out), text, "as it came");
			ok(report.n >= 5 && report_changes(&report) == 0 &&
					report_denials(&report) == 0,
				"all is said, nothing done");
			continue;
		}
		ok(rc < 0 && e.code == ERR_DENIED && strstr(e.msg, "health check") &&
				strstr(e.msg, "exec.terminal") && strstr(e.msg, "\"sh\"") &&
				report_denials(&report) == 5,
			"every reason at once (%zu): %s", report_denials(&report), e.msg);
	}
}

static void test_way(void)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	fake.world.rootfs_crosses = crosses_proc;
	pass_rig(pass_exec_process, way_rows, sizeof way_rows / sizeof *way_rows, &fake.world);
	pass_rig(pass_process, way_rows, sizeof way_rows / sizeof *way_rows, &fake.world);
}

int main(void)
{
	PASS_RIG(pass_exec, rows);
	RIG_WITH(running, pass_exec, running_rows);
	RIG_WITH(little, pass_exec, little_rows);
	RIG_WITH(running, pass_exec_process, label_rows);
	RIG_WITH(little, pass_exec_process, bare_rows);
	RIG_WITH(audited, pass_exec_process, audited_rows);
	RIG_WITH(running, pass_rlimits, rlimit_rows);
	test_way();
	test_order();
	return tap_done();
}
