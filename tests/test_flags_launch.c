/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flags_launch - options that weaken, on the built program's line: what the runtime gets, what is
 * recorded, and that a change of the line alone leaves the bundle as it is.
 */
#include <sys/stat.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define EASY "\"user\":{\"root\":\"allow\"},\"namespaces\":{\"host\":[\"cgroup\"]}"
#define BUNDLE "/run/b/box"
#define CONFIG BUNDLE "/config.json"

static const char easy[] = "{\"profile\":\"easy\",\"version\":\"1\"," EASY "}";
static const char pivot[] = "{\"profile\":\"pivot\",\"version\":\"1\"," EASY
			    ",\"flags\":{\"allow\":[\"--no-pivot\"],\"preserveFds\":1}}";

#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, name, sizeof name - 1                                                       \
	}
static const struct policy_text more[] = {TEXT(easy), TEXT(pivot)};

static void apply(const char *node)
{
	apply_policy(STORE_DIR, node, more, sizeof more / sizeof *more, NULL);
}

static struct launched start(const char *profile, const char *verb, const char *options)
{
	char line[256];

	snprintf(line, sizeof line,
		"--cinch-profile %s --root /run/rt %s %s --bundle " BUNDLE " box", profile, verb,
		options);
	return launch_run(NULL, line);
}

static ino_t config_inode(void)
{
	struct stat st;

	return stat(CONFIG, &st) == 0 ? st.st_ino : 0;
}

/* The change of the control "flags" in the record; NULL: none. */
static const struct json *flag_change(const struct launched *l)
{
	json_each (c, l->record ? json_get(json_root(l->record), "changes") : NULL) {
		const char *control = json_str(json_get(c, "control"));

		if (control && strcmp(control, "flags") == 0)
			return c;
	}
	return NULL;
}

static void test_taken(const char *verb)
{
	AUTO_LAUNCHED struct launched l = start("easy", verb, "--no-pivot --no-new-keyring");
	AUTO_FREE char *called = launch_called();
	const char *place = json_str(json_get(flag_change(&l), "place"));

	ok(l.started && called, "%s: %s", verb, l.err);
	ok(called && !strstr(called, "--no-pivot") && !strstr(called, "--no-new-keyring"),
		"%s: neither is on the line", verb);
	ok(called && strstr(called, "--bundle"), "%s: the others are", verb);
	tap_same(place, "--no-pivot", "recorded with its place");
}

static void test_bundle_stays(void)
{
	ino_t tight = config_inode();
	AUTO_LAUNCHED struct launched l = start("easy", "create", "--no-pivot");

	ok(l.started && flag_change(&l) && config_inode() == tight,
		"a tight bundle stays when only the line is changed");
	tap_same(launched_text(&l, "/result"), "changed", "which is a change all the same");
}

static void test_allowed(void)
{
	AUTO_LAUNCHED struct launched l =
		start("pivot", "create", "--no-pivot --no-new-keyring --preserve-fds 1");
	AUTO_FREE char *called = launch_called();
	const char *place = json_str(json_get(flag_change(&l), "place"));

	ok(called && strstr(called, "--no-pivot") && !strstr(called, "--no-new-keyring"),
		"what the profile allows stays, the other does not");
	tap_same(place, "--no-new-keyring", "and is recorded");
}

static void test_refused(void)
{
	AUTO_LAUNCHED struct launched l = start("easy", "create", "--preserve-fds 1");
	AUTO_LAUNCHED struct launched two = start("pivot", "run", "--preserve-fds 2");

	ok(l.status == 1 && !l.started && strstr(l.err, "refused by profile easy: flags: 1 of"),
		"one descriptor too many: %s", l.err);
	tap_same(launched_text(&l, "/result"), "refused", "recorded");
	ok(two.status == 1 && strstr(two.err, "flags.preserveFds"), "two are: %s", two.err);
}

static void test_audit(void)
{
	AUTO_LAUNCHED struct launched l = {0};
	AUTO_FREE char *called = NULL;

	apply("{\"mode\": \"audit\"}");
	l = start("easy", "create", "--no-pivot --preserve-fds 1");
	called = launch_called();
	ok(l.started && called && strstr(called, "--no-pivot") && strstr(called, "--preserve-fds"),
		"audit mode leaves the line: %s", l.err);
	ok(flag_change(&l) && !json_is_true(json_get(flag_change(&l), "enforced")),
		"recorded, not enforced");
	ok(l.record && json_is_true(json_get(json_root(l.record), "wouldRefuse")),
		"and that it would be refused");
}

int main(void)
{
	const char *why = launch_world();
	AUTO_FREE char *text = NULL;

	if (why) {
		tap_skip("flags", why);
		return tap_done();
	}
	apply("");
	text = launch_sample("ctr-default.json");
	launch_bundle(BUNDLE, text);
	test_taken("create");
	test_taken("run");
	test_bundle_stays();
	test_allowed();
	test_refused();
	test_audit();
	return tap_done();
}
