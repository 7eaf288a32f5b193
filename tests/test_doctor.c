/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_doctor - cinchctl doctor: versions and their flaws, programs that do not answer, and one node after the
 * other with something wrong; what it says, how it exits, and that it changes nothing.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "shim/ctl/doctor.h"
#include "shim/runtime.h"
#include "shim/version.h"
#include "tests/scratch.h"
#include "tests/shell.h"
#include "tests/tap.h"

static char program[4096], runtime[4096]; /* the runtime: nothing on the way to it is for all */

/* ---- versions ---- */

static void forget(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].on);
		free(d->v[i].what);
		free(d->v[i].why);
		free(d->v[i].action);
	}
	free(d->v);
	*d = (struct doctor){.v = NULL};
}

static void test_versions(void)
{
	static const struct {
		const char *kind, *text;
		size_t flaws;
		const char *one; /* of them */
	} cases[] = {
		{"runc", "1.0.0-rc94", 9, "CVE-2021-30465"},
		{"runc", "1.0.3", 6, "CVE-2022-29162"},
		{"runc", "1.1.4", 5, "CVE-2023-27561"},
		{"runc", "1.1.5+ds1", 4, "CVE-2024-21626"},
		{"runc", "1.1.12", 3, "CVE-2024-45310"},
		{"runc", "1.1.15", 2, "CVE-2025-31133"},
		{"runc", "1.2.0", 2, "CVE-2025-52881"},
		{"runc", "1.2.8", 1, "CVE-2026-41579"},
		{"runc", "1.3.2", 2, "CVE-2025-52565"},
		{"runc", "1.3.3", 1, "CVE-2026-41579"},
		{"runc", "1.3.6", 0, NULL},
		{"runc", "1.4.0-rc.2", 2, "CVE-2025-31133"},
		{"runc", "1.4.2", 1, "CVE-2026-41579"},
		{"runc", "1.4.3", 0, NULL},
		{"runc", "1.5.0", 0, NULL},
		{"runc", "2.0", 0, NULL},
		{"crun", "1.4.3", 1, "CVE-2022-27650"},
		{"crun", "1.8.1", 0, NULL},
		{"crun", "1.19", 1, "CVE-2026-30892"},
		{"crun", "1.26.1", 1, "CVE-2026-30892"},
		{"crun", "1.27", 0, NULL},
		{"kernel", "4.8.2-generic", 1, "CVE-2016-5195"},
		{"kernel", "4.9.0", 0, NULL},
		{"kernel", "5.4.0-200-generic", 0, NULL},
		{"kernel", "5.8.0", 1, "CVE-2022-0847"},
		{"kernel", "5.10.101", 1, "CVE-2022-0847"},
		{"kernel", "5.10.102", 0, NULL},
		{"kernel", "5.13.19", 1, "CVE-2022-0847"},
		{"kernel", "5.16.10", 1, "CVE-2022-0847"},
		{"kernel", "5.17.0", 0, NULL},
		{"kernel", "6.18.44", 0, NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct doctor d = {.v = NULL};
		size_t flaws = 0;
		bool found = !cases[i].one;

		doctor_versions(&d, cases[i].kind, "it", cases[i].text);
		for (size_t k = 0; k < d.n; k++) {
			flaws += d.v[k].severity == DOCTOR_WARNING;
			found |= cases[i].one && strstr(d.v[k].what, cases[i].one);
		}
		ok(flaws == cases[i].flaws && found && d.n > 0, "%s %s: %zu flaws, %s (%zu)",
			cases[i].kind, cases[i].text, cases[i].flaws,
			cases[i].one ? cases[i].one : "none", flaws);
		forget(&d);
	}
}

/* ---- programs that are asked ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *script(const char *name, const char *text)
{
	const char *path = scratch_write(name, text);

	chmod(path, 0755);
	return path;
}

static void test_asking(void)
{
	static const struct {
		const char *what, *text;
		const char *want; /* NULL: an error */
		double most;
	} cases[] = {
		{"it answers", "#!/bin/sh\necho runc version 9.8.7\n", "runc version 9.8.7\n", 4},
		{"it is asked for its version", "#!/bin/sh\necho \"$@\"\n", "--version\n", 4},
		{"it sees no environment", "#!/bin/sh\necho \"$HOME\"x\n", "x\n", 4},
		{"it fails", "#!/bin/sh\necho no\nexit 1\n", NULL, 4},
		{"it says nothing", "#!/bin/sh\n", NULL, 4},
		{"it is no program", "\x01\x02", NULL, 4},
		{"it sleeps", "#!/bin/sh\nsleep 1000\n", NULL, 60},
		{"a child of it keeps the pipe", "#!/bin/sh\nsleep 1000 &\necho 1\n", "1\n", 60},
		{"it closes its output and stays", "#!/bin/sh\nexec >&- sleep 1000\n", NULL, 60},
		{"it reads", "#!/bin/sh\nread x; echo \"<$x>\"\n", "<>\n", 4},
	};
	struct err e = {0};
	char out[64];
	double began;

	setenv("HOME", "/secret", 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = script("asked", cases[i].text);
		int rc;

		began = seconds();
		rc = doctor_ask(path, out, sizeof out, &e);
		if (cases[i].want)
			ok(rc == 0 && strcmp(out, cases[i].want) == 0, "asked: %s", cases[i].what);
		else
			ok(rc < 0 && strstr(e.msg, "--version"), "asked: %s: %s", cases[i].what,
				e.msg);
		ok(seconds() - began < cases[i].most, "within %.0f s", cases[i].most);
	}
	began = seconds();
	ok(doctor_ask(script("asked", "#!/bin/sh\nwhile :; do echo y; done\n"), out, sizeof out,
		   &e) < 0 &&
			seconds() - began < 60,
		"asked: it writes without end");
	ok(doctor_ask(scratch_path("nothing"), out, sizeof out, &e) < 0, "asked: it is not there");
}

/* ---- the command ---- */

/* cinchctl VERB with this node's files, OUT as one line without blanks between. */
static int ctl(struct str *out, const char *verb)
{
	AUTO_STR struct str line = STR_INIT;

	str_addf(&line, "%s %s --config %s --store %s", program, verb, scratch_path("cinch.json"),
		scratch_path("policy"));
	if (str_starts(verb, "doctor"))
		str_addf(&line, " --programs %s --records %s --state %s", scratch_path("bin"),
			scratch_path("records"), scratch_path("enabled"));
	str_add(&line, " 2>&1 </dev/null");
	return shell(out, str_text(&line));
}

/* The finding of AREA whose "what" has WHAT is of that severity. */
static bool says(const char *out, const char *severity, const char *area, const char *what)
{
	static const struct json_limits limits = {.bytes = 1 << 20, .depth = 10, .values = 10000};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e;

	if (json_parse(out, strlen(out), &limits, JSON_STRICT, &doc, &e) < 0)
		return false;
	json_each (v, json_get(json_root(doc), "checks")) {
		if (strcmp(json_str(json_get(v, "severity")), severity) == 0 &&
			strcmp(json_str(json_get(v, "area")), area) == 0 &&
			strstr(json_str(json_get(v, "what")), what))
			return strcmp(severity, "ok") == 0 || strcmp(severity, "note") == 0 ||
			       (json_get(v, "why") && json_get(v, "action"));
	}
	return false;
}

static void expect(
	const char *what, int status, const char *severity, const char *area, const char *text)
{
	AUTO_STR struct str out = STR_INIT;
	const int rc = ctl(&out, "doctor --json");

	if (!ok(rc == status && says(str_text(&out), severity, area, text), "%s: %s: %s", what,
		    severity, text))
		printf("# exit status %d: %s\n", rc, str_text(&out));
}

static void configure(const char *more)
{
	AUTO_STR struct str s = STR_INIT;

	str_addf(&s,
		"{\"profiles\": [\"%s\"], \"denied\": [], \"runtime\": \"%s\", "
		"\"audit\": {\"path\": \"%s\"}%s}",
		scratch_path("p"), runtime, scratch_path("log/audit.jsonl"), more);
	scratch_write("cinch.json", str_text(&s));
}

static void set_runtime(const char *text)
{
	FILE *f = fopen(runtime, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(runtime, 0755) < 0) {
		perror(runtime);
		exit(2);
	}
}

/* Root has a place of its own, which goes with this process. */
static bool own_place(char dir[4096])
{
	snprintf(dir, 4096, "/mnt");
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("doctor", dir, "tmpfs", 0, "mode=755") == 0;
}

static bool beside_program(char dir[4096])
{
	char *slash;

	if (!realpath("/proc/self/exe", dir) || !(slash = strrchr(dir, '/')))
		return false;
	snprintf(slash, 40, "/doctor-XXXXXX");
	return mkdtemp(dir) && chmod(dir, 0755) == 0;
}

/* In DIR; false: others can write on the way to it, so no runtime is taken there. */
static bool make_runtime(char dir[4096])
{
	struct err e = {0};
	char found[PATH_MAX];

	if (!own_place(dir) && !beside_program(dir))
		return false;
	snprintf(runtime, sizeof runtime, "%.4000s/runc", dir);
	set_runtime("#!/bin/sh\necho runc version 1.4.3\n");
	return runtime_find(runtime, found, &e) == 0;
}

static void install(const char *version)
{
	AUTO_STR struct str s = STR_INIT;

	str_addf(&s, "#!/bin/sh\n# %s%s", CINCH_VERSION_MARK, version);
	script("bin/cinch", str_text(&s));
	script("bin/cinch-hook", "#!/bin/sh\n");
}

static void fresh(void)
{
	AUTO_STR struct str out = STR_INIT;

	configure("");
	install(cinch_version);
	set_runtime("#!/bin/sh\necho runc version 1.4.3\n");
	chmod(scratch_path("records"), 0700);
	if (ctl(&out, "apply") != 0)
		printf("# %s\n", str_text(&out));
}

static void test_well(void)
{
	AUTO_STR struct str out = STR_INIT;
	int rc = ctl(&out, "doctor");

	ok(rc == 0 && strstr(str_text(&out), " 0 problems, 0 warnings"), "all is well");
	if (rc)
		printf("# %s\n", str_text(&out));
	ok(!strstr(str_text(&out), "\nok "), "what is well is not said");
	ok(ctl(&out, "doctor --all") == 0 && strstr(str_text(&out), "is whole"), "but with --all");
	expect("well", 0, "ok", "programs", "version ");
	expect("well", 0, "ok", "network", "is there");
	expect("well", 0, "ok", "policy", "the sources are what is applied");
	expect("well", 0, "ok", "log", "whole");
	expect("well", 0, "ok", "runc", "none of the known flaws");
	expect("well", 0, "ok", "kernel", "filters work");
}

static void test_programs(void)
{
	char version[64];

	mkfifo(scratch_path("pipe"), 0755);
	ok(!doctor_cinch_version(scratch_path("pipe"), version, sizeof version),
		"a pipe is not cinch, and not waited for");
	install("0.0.0-other");
	expect("another version", 1, "warning", "programs", "version 0.0.0-other, and cinchctl is");
	script("bin/cinch", "#!/bin/sh\n");
	expect("another program", 1, "problem", "programs", "it is not cinch");
	install(cinch_version);
	chmod(scratch_path("bin/cinch"), 0777);
	expect("anybody's program", 1, "problem", "programs", "others can change it");
	chmod(scratch_path("bin/cinch"), 0644);
	expect("not executable", 1, "problem", "programs", "it is not a program");
	chmod(scratch_path("bin/cinch-hook"), 0777);
	expect("anybody's hook", 1, "problem", "network", "others can change it");
	unlink(scratch_path("bin/cinch-hook"));
	expect("no hook", 1, "problem", "network", "No such file");
	unlink(scratch_path("bin/cinch"));
	expect("no program", 1, "problem", "programs", "No such file");
	fresh();
	set_runtime("#!/bin/sh\necho runc version 1.1.5\n");
	expect("an old runtime", 1, "warning", "runc", "CVE-2024-21626");
	set_runtime("#!/bin/sh\nsleep 1000\n");
	expect("a runtime that hangs", 1, "problem", "runtime", "did not end within 3 s");
	set_runtime("#!/bin/sh\necho youki 0.3\n");
	expect("another runtime", 0, "note", "runtime", "neither runc nor crun");
	unlink(runtime);
	expect("no runtime", 1, "problem", "runtime", "runc");
	fresh();
}

static void test_policy(void)
{
	AUTO_STR struct str out = STR_INIT, line = STR_INIT;

	configure(", \"mode\": \"audit\"");
	expect("sources differ", 1, "warning", "policy", "the sources are not what is applied");
	ctl(&out, "apply");
	expect("audit mode", 1, "warning", "policy", "audit");
	configure(", \"mod\": 1");
	expect("wrong sources", 1, "problem", "policy", "1 problem: ");
	fresh();
	chmod(scratch_path("cinch.json"), 0666);
	expect("anybody's sources", 1, "problem", "policy", "others can change it");
	chmod(scratch_path("cinch.json"), 0644);
	str_addf(&line, "for f in %s/*/policy; do echo x >>$f; done", scratch_path("policy"));
	shell(&out, str_text(&line));
	expect("damage", 1, "problem", "policy", "nothing that is whole: ");
	str_reset(&line);
	str_addf(&line, "rm -r %s", scratch_path("policy"));
	shell(&out, str_text(&line));
	expect("nothing applied", 1, "warning", "policy", "nothing");
	fresh();
}

static void test_log(void)
{
	AUTO_STR struct str out = STR_INIT, line = STR_INIT;

	str_addf(
		&line, "sed -i 's/\"uid\":[0-9]*/\"uid\":77/' %s", scratch_path("log/audit.jsonl"));
	shell(&out, str_text(&line));
	expect("a log that was changed", 1, "problem", "log", "it is broken: line ");
	chmod(scratch_path("log/audit.jsonl"), 0644);
	expect("a log for all", 1, "warning", "log", "others can open it");
	unlink(scratch_path("log/audit.jsonl"));
	mkfifo(scratch_path("log/audit.jsonl"), 0600);
	expect("a pipe in the log's place", 1, "warning", "log", "it cannot be checked: ");
	unlink(scratch_path("log/audit.jsonl"));
	unlink(scratch_path("log/audit.jsonl.head"));
	rmdir(scratch_path("log"));
	scratch_write("log", "");
	expect("a log that cannot be written", 1, "warning", "log", "Not a directory");
	unlink(scratch_path("log"));
	configure("");
	fresh();
	expect("a new log", 0, "ok", "log", "whole");
}

static void test_records(void)
{
	chmod(scratch_path("records"), 0755);
	expect("records for all", 1, "problem", "records", "others can open it");
	chmod(scratch_path("records"), 0700);
	mkdir(scratch_path("records/0123456789abcdef"), 0700);
	chmod(scratch_write("records/0123456789abcdef/c1.json", "{"), 0600);
	expect("a damaged record", 1, "warning", "records", "the record is damaged");
	unlink(scratch_path("records/0123456789abcdef/c1.json"));
	rmdir(scratch_path("records/0123456789abcdef"));
}

/* The record says where the file is, so any file will do. */
static void test_engines(void)
{
	AUTO_STR struct str out = STR_INIT, line = STR_INIT, text = STR_INIT;
	const char *config = scratch_path("config.toml");
	AUTO_FREE char *was = NULL;

	scratch_write("config.toml",
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
		"  runtime_type = \"io.containerd.runc.v2\"\n"
		"  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
		"    SystemdCgroup = false\n");
	str_addf(&line, "%s enable containerd --config %s --programs %s --state %s --store %s 2>&1",
		program, config, scratch_path("bin"), scratch_path("enabled"),
		scratch_path("policy"));
	ok(shell(&out, str_text(&line)) == 0, "enabled: %s", str_text(&out));
	expect("enabled", 0, "ok", "engines", "cinch is in ");
	was = scratch_read("config.toml");
	/* the kubelet's driver is changed, in runc's table alone */
	str_add(&text, was);
	memcpy(strstr(text.s, "SystemdCgroup = false"), "SystemdCgroup = true ", 21);
	scratch_write("config.toml", text.s);
	expect("drift", 1, "warning", "engines", "not what would be written today");
	str_reset(&text);
	str_addf(
		&text, "%s[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n", was);
	scratch_write("config.toml", text.s);
	expect("a table twice", 1, "warning", "engines", "is defined in line 2 already");
	str_reset(&text);
	str_add(&text, was);
	memcpy(strstr(text.s, "BinaryName"), "BinaryNAME", 10);
	scratch_write("config.toml", text.s);
	expect("altered", 1, "warning", "engines", "cinch's part of ");
	scratch_write("config.toml", "version = 2\n");
	expect("gone", 1, "warning", "engines", "cinch is not in ");
	scratch_write("enabled/containerd.json", "{");
	expect("a record that is damaged", 1, "problem", "engines", "the record ");
	unlink(scratch_path("enabled/containerd.json"));
	unlink(scratch_path("enabled/containerd.before"));
}

/* Names, sizes and times of all of it. */
static void look(struct str *out)
{
	AUTO_STR struct str line = STR_INIT;

	str_addf(&line, "find %s -printf '%%p %%s %%m %%T@ %%C@\\n' | sort", scratch_dir());
	shell(out, str_text(&line));
}

int main(void)
{
	AUTO_STR struct str before = STR_INIT, after = STR_INIT, out = STR_INIT;
	const char *b = getenv("B");

	char dir[4096];

	umask(022);
	snprintf(program, sizeof program, "%s/cinchctl", b ? b : "build");
	if (access(program, X_OK) < 0) {
		perror(program);
		return 2;
	}
	test_versions();
	test_asking();
	mkdir(scratch_path("bin"), 0755);
	mkdir(scratch_path("p"), 0755);
	mkdir(scratch_path("records"), 0700);
	if (symlink("cinch", scratch_path("bin/cinch-baseline")) < 0)
		return 2;
	if (!make_runtime(dir)) {
		tap_skip("the command", "others can write on the way to where this is built");
		return tap_done();
	}
	fresh();
	test_well();
	look(&before);
	ctl(&out, "doctor");
	look(&after);
	tap_same(str_text(&after), str_text(&before), "nothing is changed");
	test_programs();
	test_policy();
	test_log();
	test_records();
	test_engines();
	unlink(runtime);
	rmdir(dir);
	return tap_done();
}
