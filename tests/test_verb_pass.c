/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_verb_pass - kill, delete, pause, resume and checkpoint are in the log and always reach the runtime;
 * nothing else that passes leaves a trace.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/state.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define ROOT "/run/rt"

static void apply(const char *node)
{
	apply_policy(STORE_DIR, node, NULL, 0, NULL);
}

static void joined(const struct launched *l, struct str *out)
{
	json_each (w, l->record ? json_get(json_root(l->record), "args") : NULL)
		str_addf(out, "%s%s", out->len ? " " : "", json_str(w));
}

static void what_is_recorded(void)
{
	static const struct {
		const char *words; /* behind the verb's own */
		const char *verb, *id; /* id "": it cannot be told */
	} lines[] = {
		{"box KILL", "kill", "box"},
		{"--all box 9", "kill", "box"},
		{"-a box", "kill", "box"},
		{"--all=true box TERM", "kill", "box"},
		{"-all box TERM", "kill", "box"},
		{"box 9 --all", "kill", "box"},
		{"-- box 9", "kill", "box"},
		{"-- --all 9", "kill", "--all"},
		{"--unknown box 9", "kill", ""},
		{"-ar box", "kill", ""},
		{"--regex b.* 9", "kill", ""},
		{"-r b.* 9", "kill", ""},
		{"b.* -r 9", "kill", ""},
		{"", "kill", ""},
		{"box", "delete", "box"},
		{"--force box", "delete", "box"},
		{"-f box", "delete", "box"},
		{"box --force", "delete", "box"},
		{"box", "pause", "box"},
		{"box", "resume", "box"},
		{"--image-path /i --work-path=/w --leave-running box", "checkpoint", "box"},
		{"-image-path /i box", "checkpoint", "box"},
		{"--image-path --help box", "checkpoint", "box"},
		{"--image-path", "checkpoint", ""},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_LAUNCHED struct launched l = {0};
		AUTO_STR struct str argv = STR_INIT;
		char line[256];

		snprintf(line, sizeof line, "--root " ROOT " %s %s", lines[i].verb, lines[i].words);
		l = launch_run(NULL, line);
		joined(&l, &argv);
		ok(l.status == 0 && l.started, "%s: %d %s", line, l.status, l.err);
		tap_same(launched_text(&l, "/verb"), lines[i].verb, "  its verb");
		tap_same(launched_text(&l, "/id"), lines[i].id, "  its id");
		tap_same(launched_text(&l, "/result"), "passed", "  its result");
		tap_same(str_text(&argv), lines[i].words, "  its words");
		ok(l.record && json_at(json_root(l.record), "/caller/pid"), "  its caller");
	}
}

/* crun takes abbreviations, a later runc blanks: what nobody here can read is no way around the log. */
static void what_is_not_understood(void)
{
	static const struct {
		const char *line, *verb;
	} lines[] = {
		{"--roo /run/rt kill box 9", "kill"},
		{"--roo=/run/rt pause box", "pause"},
		{"--deb delete --force box", "delete"},
		{"--root /run/rt --deb resume box", "resume"},
		{"--unknown checkpoint --image-path /i box", "checkpoint"},
		{"\tkill box 9", "kill"},
		{"later kill box 9", "kill"},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(NULL, lines[i].line);
		AUTO_STR struct str argv = STR_INIT;

		joined(&l, &argv);
		ok(l.status == 0 && l.started, "%s: %d %s", lines[i].line, l.status, l.err);
		tap_same(launched_text(&l, "/verb"), lines[i].verb, "  its verb");
		tap_same(launched_text(&l, "/id"), "", "  no id: it cannot be told");
		ok(strstr(launched_text(&l, "/note"), "not understood"), "  and why: %s",
			launched_text(&l, "/note"));
		ok(str_ends(lines[i].line, str_text(&argv)) && strstr(str_text(&argv), "box"),
			"  all words: %s", str_text(&argv));
	}
}

/* Refused before its verb, for the same reason; whoever tried is on record. */
static void governed_and_not_understood(void)
{
	static const struct {
		const char *line, *verb;
	} lines[] = {
		{"--roo /run/rt exec box id", "exec"},
		{"--root= exec box id", "exec"},
		{"--later run box", "run"},
		{"later update box", "update"},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(NULL, lines[i].line);

		ok(l.status == 1 && !l.started, "%s: %d", lines[i].line, l.status);
		tap_same(launched_text(&l, "/verb"), lines[i].verb, "  its verb");
		tap_same(launched_text(&l, "/result"), "failed", "  its result");
	}
}

static void what_is_not(void)
{
	static const char *const lines[] = {"state box", "list", "ps box", "events box", "features",
		"start box", "--version", "spec", "help", "kill --help", "kill -h", "delete -h box",
		"checkpoint --help", "--root /run/rt state kill", "--root kill state box",
		"--unknown state box"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(NULL, lines[i]);

		ok(l.status == 0 && l.started && !l.record, "no record: %s", lines[i]);
	}
}

/* ---- facts of the container ---- */

static bool recorded(const char *id)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};

	return state_read(RIG_STATE, ROOT, id, &doc, &e) == 0 && doc;
}

/* A container as engines make it; the fake runtime leaves nothing, so ROOT/ID is ours to make. */
static void create(const char *id)
{
	AUTO_FREE char *text = launch_sample("ctr-default.json");
	AUTO_LAUNCHED struct launched l = {0};
	char line[256];

	launch_bundle("/run/b/box", text);
	snprintf(line, sizeof line,
		"--root " ROOT " --cinch-profile baseline create --bundle /run/b/box %s", id);
	l = launch_run(NULL, line);
	ok(l.status == 0 && recorded(id), "%s is made: %s", id, l.err);
}

static const char *runtime_dir(const char *id)
{
	static char path[128];

	snprintf(path, sizeof path, ROOT "/%s", id);
	return path;
}

static void facts(void)
{
	AUTO_LAUNCHED struct launched l = {0};

	create("known");
	mkdir(runtime_dir("known"), 0711);
	l = launch_run(NULL, "--root " ROOT " kill known 9");
	tap_same(
		launched_text(&l, "/profiles/0/name"), "baseline", "the profile it was made under");
	ok(*launched_text(&l, "/engine"), "its engine");
	ok(!json_at(json_root(l.record), "/profiles/0/running"), "and not the profile itself");
}

static void deleted(void)
{
	AUTO_LAUNCHED struct launched a = {0}, b = {0}, c = {0};

	create("going");
	mkdir(runtime_dir("going"), 0711);
	a = launch_run(NULL, "--root " ROOT " delete going");
	ok(a.started && recorded("going"), "a container that is there keeps its record");
	rmdir(runtime_dir("going"));
	b = launch_run(NULL, "--root " ROOT " pause going");
	ok(b.started && recorded("going"), "only delete removes it");
	c = launch_run(NULL, "--root " ROOT " delete --force going");
	ok(c.started && !recorded("going"), "one that is gone loses it");
	tap_same(launched_text(&c, "/profiles/0/name"), "baseline",
		"which is told a last time in the log");
}

/* The record of a start that is on its way is not the delete's to remove. */
static void on_its_way(void)
{
	AUTO_LAUNCHED struct launched l = {0};
	struct err e = {0};
	const struct state_facts f = {.root = ROOT, .id = "soon", .runtime = RIG_RUNTIME};

	ok(state_write(RIG_STATE, &f, &e) == 0, "%s", e.msg); /* by this process, which lives */
	l = launch_run(NULL, "--root " ROOT " delete --force soon");
	ok(l.started && recorded("soon"), "a start on its way keeps its record");
	state_forget(RIG_STATE, ROOT, "soon");
}

/* ---- never gated ---- */

static void passes(const char *what)
{
	static const char *const lines[] = {"--root " ROOT " kill known 9",
		"--root " ROOT " delete --force known", "--root " ROOT " pause known"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(NULL, lines[i]);

		ok(l.status == 0 && l.started && !*l.err, "%s: %s%s", what, lines[i], l.err);
	}
}

static void spoilt(void)
{
	static const char required[] = "{\"audit\": {\"required\": true}}";

	if (system("for f in " RIG_STATE "/*/known.json; do echo x >$f; done") != 0)
		perror("spoil"); /* NOLINT(cert-env33-c): a test */
	passes("a damaged record");
	if (system("mv " RIG_STATE " /run/away && ln -s /run/away " RIG_STATE) != 0)
		perror("link"); /* NOLINT(cert-env33-c): a test */
	passes("a state directory that is a link");
	unlink(RIG_STATE);
	launch_write(RIG_STATE, "x");
	passes("a state directory that is a file");

	apply(required);
	passes("a log that is required and written");
	if (mount("tmpfs", "/var/log/cinch", "tmpfs", MS_RDONLY, "mode=0700") != 0)
		perror("mount");
	passes("a log that is required and cannot be written");
	umount("/var/log/cinch");
	if (mount("tmpfs", "/var/log/cinch", "tmpfs", 0, "mode=0700,nr_inodes=1") != 0)
		perror("mount");
	passes("a full disk");
	umount("/var/log/cinch");
}

/* The caller's limit on the size of files would end whoever writes beyond it by a signal. */
static void limited(void)
{
	struct rlimit before, small;
	AUTO_LAUNCHED struct launched l = {0};
	AUTO_FREE char *called = NULL, *own = launch_read("/proc/self/status"), *want;
	char *filler = malloc(16385);

	memset(filler, 'x', 16383);
	filler[16383] = '\n';
	filler[16384] = '\0';
	launch_write(RIG_AUDIT, filler);
	free(filler);
	chmod(RIG_AUDIT, 0600);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 16384;
	setrlimit(RLIMIT_FSIZE, &small);
	l = launch_run(NULL, "--root " ROOT " kill known 9");
	setrlimit(RLIMIT_FSIZE, &before);
	ok(l.status == 0 && l.started, "a log at the limit of file sizes: %d", l.status);
	called = launch_read("/run/called");
	want = own ? strstr(own, "SigIgn:") : NULL;
	if (want)
		want = strndup(want, strcspn(want, "\n"));
	ok(want && called && strstr(called, want), "and signals are as they were: %s", want);
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("kill, delete, pause, resume, checkpoint", why);
		return tap_done();
	}
	mkdir(ROOT, 0711);
	apply("");
	what_is_recorded();
	what_is_not_understood();
	governed_and_not_understood();
	what_is_not();
	facts();
	deleted();
	on_its_way();
	spoilt();
	apply("");
	limited();
	return tap_done();
}
