/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_update_launch - the built program's update: held to the container's record, whatever the policy says
 * by now, and handed on as one document that nobody can change.
 */
#include <glob.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define PROFILE(name, more) "{\"profile\":\"" name "\",\"version\":\"2\"," more "}"
#define EASY "\"user\":{\"root\":\"allow\"},\"namespaces\":{\"host\":[\"cgroup\"]}"
#define BUNDLE "/run/b/box"

static const char small[] =
	PROFILE("small", EASY ",\"resources\":{\"pids\":100,\"memory\":\"1Mi\"}");
static const char large[] =
	PROFILE("large", EASY ",\"resources\":{\"pids\":9000,\"memory\":\"1Gi\"}");
static const char watch[] = PROFILE(
	"watch", EASY ",\"mode\":\"audit\",\"resources\":{\"pids\":100,\"memory\":\"1Mi\"}");

#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, name, sizeof name - 1                                                       \
	}
static const struct policy_text more[] = {TEXT(small), TEXT(large), TEXT(watch)};

static void apply(const char *node)
{
	apply_policy(STORE_DIR, node, more, sizeof more / sizeof *more, NULL);
}

/* The container "box" as cinch starts it under PROFILE, and SECOND if not NULL; to the runtime's files it is
 * there. */
static void start_under(const char *profile, const char *second)
{
	AUTO_FREE char *sample = launch_sample("ctr-default.json");
	AUTO_STR struct str text = STR_INIT;
	AUTO_LAUNCHED struct launched l = {0};
	char line[256];

	(void)rmdir("/run/rt/box");
	str_add(&text, "{");
	if (second)
		str_addf(&text, "\"annotations\":{\"io.cinch.profile\":\"%s\"},", second);
	str_add(&text, sample ? strchr(sample, '{') + 1 : "");
	launch_bundle(BUNDLE, str_text(&text));
	snprintf(line, sizeof line,
		"--cinch-profile %s --root /run/rt create --bundle " BUNDLE " box", profile);
	l = launch_run(NULL, line);
	ok(l.started, "box is started under %s: %s", profile, l.err);
	launch_dir("/run/rt/box");
}

static void start(const char *profile)
{
	start_under(profile, NULL);
}

static unsigned changes(const struct launched *l)
{
	const struct json *list = l->record ? json_get(json_root(l->record), "changes") : NULL;

	return list ? list->count : 0;
}

static void update(const char *line, const char *want, const char *result, const char *what)
{
	AUTO_LAUNCHED struct launched l = launch_run(NULL, line);
	AUTO_FREE char *document = launch_document();

	ok(l.status == 0 && l.started, "%s: the runtime is called: %s", what, l.err);
	tap_same(document, want, what);
	tap_same(launched_text(&l, "/verb"), "update", "recorded");
	tap_same(launched_text(&l, "/id"), "box", "with its id");
	tap_same(launched_text(&l, "/result"), result, "and what became of it");
	tap_same(launched_text(&l, "/mode"), strcmp(result, "audited") == 0 ? "audit" : "enforce",
		"in which mode");
}

static void test_record_counts(void)
{
	static const char *const nodes[] = {
		"{\"defaultProfile\": \"large\"}", "{\"defaultProfile\": \"restricted\"}", ""};

	apply("{\"defaultProfile\": \"small\"}");
	start("small");
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		apply(nodes[i]);
		update("--root /run/rt update --memory -1 --memory-swap -1 --pids-limit 101 box",
			"{\"memory\":{\"limit\":1048576,\"swap\":-1},\"pids\":{\"limit\":100}}",
			"changed", "held to what it was started under");
		update("--root /run/rt --cinch-profile large update --pids-limit 5 box",
			"{\"pids\":{\"limit\":5}}", "unchanged", "an update within");
		update("--root /run/rt update box", "{}", "unchanged", "nothing asked for");
	}
}

static void test_line(void)
{
	AUTO_LAUNCHED struct launched l = launch_run(NULL,
		"--root /run/rt --log /run/log --log-format json --rootless auto update "
		"--cpu-share 5 "
		"--l3-cache-schema L3:0=f --mem-bw-schema MB:0=9 --kernel-memory 0 box");
	AUTO_FREE char *called = launch_called(), *document = launch_document();

	ok(l.started && called, "%s", l.err);
	ok(called && !strstr(called, "schema") && !strstr(called, "--cpu-share"),
		"neither the options nor the cache's classes are on the line");
	ok(called && strstr(called, ": --resources\n"), "but one document is");
	tap_same(document, "{\"cpu\":{\"shares\":5},\"memory\":{\"kernel\":0}}", "with the rest");
	tap_same(launched_text(&l, "/changes/0/place"), "--l3-cache-schema", "told by its option");
	tap_same(launched_text(&l, "/changes/0/control"), "resources", "as a resource");
	tap_same(launched_text(&l, "/changes/1/place"), "--mem-bw-schema", "both of them");
	ok(changes(&l) == 2, "two changes");
	tap_same(launched_text(&l, "/profiles/0/name"), "small", "the profile of the record");
	ok(l.record && json_at(json_root(l.record), "/asked/memory/kernel"), "what was asked for");
}

static void test_inputs(void)
{
	static const char line[] = "--root /run/rt update --resources - box";
	AUTO_FREE char *document = NULL;
	AUTO_LAUNCHED struct launched l = {0}, zero = {0}, none = {0};

	launch_write("/run/in.json",
		"{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}],\"pids\":{\"limit\":0},"
		"\"memory\":{\"limit\":2097152,\"swap\":2097152},\"vm\":1}\n");
	l = launch_run_with(NULL, line, "/run/in.json");
	document = launch_document();
	tap_same(document, "{\"pids\":{},\"memory\":{\"limit\":1048576,\"swap\":1048576}}",
		"from standard input");
	ok(changes(&l) == 5, "%u changes", changes(&l));
	update("--root /run/rt update --memory 5 --resources /run/in.json box",
		"{\"pids\":{},\"memory\":{\"limit\":1048576,\"swap\":1048576}}", "changed",
		"from a file; other options count for nothing beside it");

	zero = launch_run_with(NULL, line, "/dev/zero");
	ok(zero.status == 1 && !zero.started && strstr(zero.err, "more than 4194304 bytes"),
		"without an end: %s", zero.err);
	tap_same(launched_text(&zero, "/result"), "failed", "recorded");
	none = launch_run_with(NULL, line, NULL);
	ok(none.status == 1 && !none.started, "standard input closed: %s", none.err);
	ok(strstr(launched_text(&none, "/error"), "standard input") != NULL, "recorded");
}

static void refused(const char *text, const char *why, const char *result)
{
	AUTO_LAUNCHED struct launched l = {0};

	launch_write("/run/bad.json", text);
	l = launch_run(NULL, "--root /run/rt update --resources /run/bad.json box");
	ok(l.status == 1 && !l.started && strstr(l.err, why), "%s: %s", text, l.err);
	tap_same(launched_text(&l, "/result"), result, "recorded");
	tap_same(launched_text(&l, "/engine"), "unknown", "with what is known of the container");
}

static void test_refused(void)
{
	refused("{\"pids\":{\"limit\":5},\"pids\":{\"limit\":6}}", "pids", "failed");
	refused("{\"Pids\":{\"limit\":5}}", "Pids", "failed");
	refused("{\"unified\":{\"cgroup.procs\":\"1\"}}",
		"refused by profile small: resources: ", "refused");
	refused("{\"unified\":{\"cgroup.procs\":\"1\",\"memory.max\":\"0x1\"}}",
		"cannot be compared", "refused");
}

/* Nobody knows what it was held to: it goes on, and nothing of it is lowered or lifted. */
static void test_no_record(void)
{
	AUTO_LAUNCHED struct launched l = {0};
	AUTO_FREE char *document = NULL;

	apply("{\"defaultProfile\": \"small\"}");
	l = launch_run(NULL, "--root /run/elsewhere update --memory 2097152 --pids-limit 5 box");
	document = launch_document();
	tap_same(document, "{\"memory\":{},\"pids\":{\"limit\":5}}", "what it may not have stays");
	ok(strstr(launched_text(&l, "/state"), "no state record") &&
			strstr(launched_text(&l, "/state"), "restart it"),
		"recorded why, and what to do: %s", launched_text(&l, "/state"));
	tap_same(launched_text(&l, "/profiles/0/name"), "small", "held to the node's profile");
	tap_same(launched_text(&l, "/select"), "default", "which is the default");
	update("--root /run/elsewhere --cinch-profile large update --pids-limit 9000 box",
		"{\"pids\":{\"limit\":9000}}", "unchanged", "or the one that is named");
	launched_done(&l);
	l = launch_run(NULL, "--root /run/elsewhere --cinch-profile nosuch update box");
	ok(l.status == 1 && !l.started && strstr(l.err, "nosuch"), "one that is not there: %s",
		l.err);
}

static void test_damaged(void)
{
	static const char *const texts[] = {"", "{", "{}", "{\"version\":1}", "[]"};
	glob_t found = {0};

	apply("{\"defaultProfile\": \"large\"}");
	start("small");
	if (!ok(glob(RIG_STATE "/*/box.json", 0, NULL, &found) == 0 && found.gl_pathc == 1,
		    "its record"))
		return;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		AUTO_LAUNCHED struct launched l = {0};
		AUTO_FREE char *document = NULL;

		launch_write(found.gl_pathv[0], texts[i]);
		l = launch_run(NULL, "--root /run/rt update --memory -1 --pids-limit 9000 box");
		document = launch_document();
		tap_same(document, "{\"memory\":{},\"pids\":{\"limit\":9000}}",
			"a damaged record is none");
		ok(*launched_text(&l, "/state"), "recorded: %s", launched_text(&l, "/state"));
	}
	globfree(&found);
}

static void test_audit(void)
{
	static const char as_asked[] = "{\"memory\":{\"limit\":-1},\"pids\":{\"limit\":101}}";
	AUTO_FREE char *called = NULL;

	apply("");
	start("watch");
	update("--root /run/rt update --memory -1 --pids-limit 101 box", as_asked, "audited",
		"a profile in audit mode");
	start_under("small", "watch");
	update("--root /run/rt update --pids-limit 101 box", "{\"pids\":{\"limit\":100}}",
		"changed", "a profile in audit mode on top of one that is enforced");
	apply("{\"defaultProfile\": \"small\"}");
	start("small");
	apply("{\"mode\": \"audit\"}");
	update("--root /run/rt update --memory -1 --pids-limit 101 --l3-cache-schema x box",
		as_asked, "audited", "a node in audit mode");
	called = launch_called();
	ok(called && strstr(called, "--l3-cache-schema"), "with all that was on the line");
	launch_write("/run/bad.json", "{\"unified\":{\"cgroup.procs\":\"1\"}}");
	update("--root /run/rt update --resources /run/bad.json box",
		"{\"unified\":{\"cgroup.procs\":\"1\"}}", "audited", "what would be refused");
}

static void test_help(void)
{
	AUTO_LAUNCHED struct launched l = launch_run(NULL, "update --help");
	AUTO_FREE char *called = launch_called();

	ok(l.started && called && !strstr(called, "--resources") && !l.record,
		"help is the runtime's, and not recorded");
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("update", why);
		return tap_done();
	}
	test_record_counts();
	test_line();
	test_inputs();
	test_refused();
	test_no_record();
	test_damaged();
	test_audit();
	test_help();
	return tap_done();
}
