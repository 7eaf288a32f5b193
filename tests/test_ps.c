/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ps - cinchctl ps: which containers run, which scanner's report is about which of them, and that
 * nothing of either reaches the terminal as it is.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "profiles/denied.h"
#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/columns.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/ps.h"
#include "shim/ctl/vulnerable.h"
#include "shim/state.h"
#include "tests/apply.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define REPORTS "tests/data/reports/"

/* Digests of the images in tests/data/reports. */
static char db_id[80], cache_index[80], alpine_digest[80];

static char dir[PATH_MAX], root[PATH_MAX], store[PATH_MAX];

/* ---- what a runtime leaves behind ---- */

/* When this process began, as the runtimes write it: field 22 of /proc/PID/stat. */
static unsigned long long began(int pid)
{
	char path[64], line[1024] = "";
	unsigned long long start = 0;
	FILE *f;
	char *p;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f) && (p = strrchr(line, ')')) && (p = p + 2))
		for (int field = 3; field < 22 && (p = strchr(p, ' ')); field++)
			start = strtoull(++p, NULL, 10);
	if (f)
		fclose(f);
	return start;
}

static void runtime_says(const char *id, const char *file, const char *text)
{
	char name[PATH_MAX];

	snprintf(name, sizeof name, "rt/%s", id);
	mkdir(scratch_path(name), 0700);
	snprintf(name, sizeof name, "rt/%s/%s", id, file);
	scratch_write(name, text);
}

static void runc_says(const char *id, int pid, unsigned long long start, const char *more)
{
	char text[1024];

	snprintf(text, sizeof text,
		"{\"id\":\"%s\",\"init_process_pid\":%d,\"init_process_start\":%llu%s}", id, pid,
		start, more);
	runtime_says(id, "state.json", text);
}

static void life_is(const char *id, enum life want, int want_pid)
{
	int pid = -1;
	enum life l = life_of(root, id, &pid);

	ok(l == want && pid == want_pid, "%s: %s, pid %d", id, life_name(l), pid);
}

static void lives(void)
{
	int me = getpid(), status;
	unsigned long long start = began(me);
	char text[PATH_MAX + 256];
	pid_t child;

	runc_says("running", me, start, "");
	life_is("running", LIFE_RUNNING, me);
	runc_says("created", me, start, "");
	mkfifo(scratch_path("rt/created/exec.fifo"), 0600);
	life_is("created", LIFE_CREATED, me);
	runc_says("reused", me, start + 1, "");
	life_is("reused", LIFE_STOPPED, 0);
	child = fork();
	if (child == 0)
		_exit(0);
	while (waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT) != 0)
		;
	runc_says("zombie", child, began(child), "");
	life_is("zombie", LIFE_STOPPED, 0);
	waitpid(child, &status, 0);
	life_is("zombie", LIFE_STOPPED, 0);
	runc_says("no-process", 0, 0, "");
	life_is("no-process", LIFE_STOPPED, 0);
	life_is("gone", LIFE_GONE, 0);

	scratch_write("freezer.state", "FROZEN\n");
	snprintf(text, sizeof text, ",\"cgroup_paths\":{\"freezer\":\"%s\"}", scratch_dir());
	runc_says("paused", me, start, text);
	life_is("paused", LIFE_PAUSED, me);
	scratch_write("freezer.state", "THAWED\n");
	life_is("paused", LIFE_RUNNING, me);
	scratch_write("cgroup.freeze", "1\n");
	snprintf(text, sizeof text, ",\"cgroup_paths\":{\"\":\"%s\"}", scratch_dir());
	runc_says("paused", me, start, text);
	life_is("paused", LIFE_PAUSED, me);

	snprintf(text, sizeof text, "{\"pid\":%d,\"process-start-time\":%llu,\"cgroup-path\":\"\"}",
		me, start);
	runtime_says("crun", "status", text);
	life_is("crun", LIFE_RUNNING, me);
	runtime_says("strange", "state", "{}");
	life_is("strange", LIFE_UNKNOWN, 0);
	runtime_says("cut", "state.json", "{\"init_pro");
	life_is("cut", LIFE_UNKNOWN, 0);
	runtime_says("negative", "state.json", "{\"init_process_pid\": -1}");
	life_is("negative", LIFE_UNKNOWN, 0);
	mkdir(scratch_path("rt/fifo"), 0700);
	mkfifo(scratch_path("rt/fifo/state.json"), 0600);
	life_is("fifo", LIFE_UNKNOWN, 0);
	mkdir(scratch_path("rt/open"), 0700);
	chmod(scratch_path("rt/open"), 0777);
	life_is("open", LIFE_UNKNOWN, 0);
	if (symlink("running", scratch_path("rt/link")) != 0)
		perror("symlink");
	ok(life_of(root, "link", &status) != LIFE_RUNNING, "a symbolic link is not followed");
}

/* ---- the command ---- */

struct call {
	struct ctl_call c;
	int status;
	struct err e;
};

static void give(struct ctl_call *c, const char *name, const char *value)
{
	for (const struct ctl_option *o = c->command->options; o->name; o++)
		if (strcmp(o->name, name) == 0) {
			c->given[c->n_given].option = o;
			c->given[c->n_given++].value = value;
			return;
		}
	ok(false, "there is an option --%s", name);
}

/* WORDS: "all", "json", "deny-list", "severity=X"; what has neither is a report. */
static struct call run(const char *const *words)
{
	static char *operands[8];
	struct call call = {.c = {.command = &ctl_ps, .operands = operands}};

	for (; *words; words++) {
		if (strcmp(*words, "json") == 0)
			call.c.json = true;
		else if (strcmp(*words, "all") == 0 || strcmp(*words, "deny-list") == 0 ||
			 strcmp(*words, "outdated") == 0)
			give(&call.c, *words, NULL);
		else if (str_starts(*words, "severity="))
			give(&call.c, "severity", *words + 9);
		else if (**words == '+')
			operands[call.c.n_operands++] = (char *)*words + 1;
		else
			give(&call.c, "vulnerable", *words);
	}
	operands[call.c.n_operands] = NULL;
	call.status = ps_run(&call.c, dir, *store ? store : NULL, &call.e);
	return call;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
#define PS run((const char *const[]){NULL})

static struct json_doc *json_of(const struct call *call)
{
	static const struct json_limits limits = {1 << 20, 32, 100000};
	struct json_doc *doc = NULL;
	struct err e = {0};

	ok(json_parse(str_text(&call->c.out), call->c.out.len, &limits, 0, &doc, &e) == 0,
		"it is JSON: %s", e.msg);
	return doc;
}

static bool says(const struct call *call, const char *text)
{
	return strstr(str_text(&call->c.out), text) != NULL;
}

/* Nothing but text and line ends. */
static bool safe(const struct str *out)
{
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->s[i];

		if ((c < 0x20 && c != '\n') || c == 0x7f ||
			(c == 0xc2 && (unsigned char)out->s[i + 1] < 0xa0))
			return false;
	}
	return !strstr(str_text(out), "\u202e") && !strstr(str_text(out), "\u200b");
}

static void add(const char *id, const char *pod, struct image image, bool enforced)
{
	struct profile p = {.name = "restricted", .version = "1.0.0"};
	struct selection profiles = {.p = {&p}, .n = 1};
	struct engine engine = {.kind = ENGINE_CRI,
		.namespace = "shop",
		.pod = (char *)pod,
		.container = "main",
		.image = image};
	const struct state_facts f = {.root = root,
		.id = id,
		.runtime = "/usr/bin/runc",
		.engine = &engine,
		.profiles = &profiles,
		.enforced = enforced};
	struct err e = {0};

	ok(state_write(dir, &f, &e) == 0, "%s: %s", id, e.msg);
	runc_says(id, getpid(), began(getpid()), "");
}

/* The records the tests below are about. */
static void make_records(void)
{
	add("aaaaaaaaaaaabbbbbbbbbbbb", "db-0",
		(struct image){.text = "registry.example.com/shop/db:16",
			.registry = "registry.example.com",
			.repository = "shop/db",
			.tag = "16",
			.id = db_id},
		true);
	add("by-name", "db-1",
		(struct image){.text = "registry.example.com/shop/db:16",
			.registry = "registry.example.com",
			.repository = "shop/db",
			.tag = "16"},
		true);
	add("cache", "cache-0\033[2J",
		(struct image){.text = "docker.io/library/cache:latest",
			.registry = "docker.io",
			.repository = "library/cache",
			.tag = "latest",
			.digest = cache_index},
		false);
	add("clean", "a", (struct image){.digest = alpine_digest}, true);
	add("no-image", "b", (struct image){.text = NULL}, true);
	add("stopped", "c", (struct image){.id = db_id}, true);
	runc_says("stopped", getpid(), 1, "");
}

static void listing(void)
{
	struct call c = PS;
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *list;

	ok(c.status == CTL_OK, "exit status %d %s", c.status, c.e.msg);
	ok(says(&c, "aaaaaaaaaaaa ") && !says(&c, "aaaaaaaaaaaab"), "ids are short");
	ok(says(&c, "shop/db-0/main"), "the container's name");
	ok(says(&c, "registry.example.com/shop/db:16"), "its image");
	ok(says(&c, "running") && !says(&c, "stopped"), "only what runs");
	ok(says(&c, "audit") && says(&c, "enforce"), "how the profile is applied");
	ok(safe(&c.c.out), "nothing of it moves the cursor");
	str_done(&c.c.out);
	setenv("COLUMNS", "80", 1);
	c = PS;
	unsetenv("COLUMNS");
	ok(!says(&c, "ENGINE") && !says(&c, "DIGEST") && says(&c, "shop/cache-...") &&
			!says(&c, "POLICY"),
		"a narrow terminal shows less");
	for (const char *p = str_text(&c.c.out); *p; p += strcspn(p, "\n") + 1)
		ok(strcspn(p, "\n") <= 80, "%.*s", (int)strcspn(p, "\n"), p);
	str_done(&c.c.out);
	c = RUN("all");
	ok(says(&c, "stopped"), "all of them");
	str_done(&c.c.out);
	c = RUN("json", "all");
	doc = json_of(&c);
	str_done(&c.c.out);
	list = json_get(json_root(doc), "containers");
	ok(list && list->count == 6, "six containers");
	json_each (v, list) {
		int64_t n;

		if (strcmp(json_str(json_get(v, "id")), "cache") != 0)
			continue;
		tap_same(json_str(json_get(v, "pod")), "cache-0\033[2J", "JSON has it as it is");
		tap_same(json_str(json_at(v, "/image/digest")), cache_index, "digest");
		tap_same(json_str(json_get(v, "status")), "running", "status");
		tap_same(json_str(json_at(v, "/profiles/0/name")), "restricted", "profile");
		ok(json_i64(json_get(v, "pid"), getpid(), getpid(), &n), "pid");
		ok(json_i64(json_get(v, "ageSeconds"), 0, 1000, &n), "age");
	}
}

/* The record at PATH says that it was made then. */
static bool made(const char *path, time_t then)
{
	AUTO_FREE char *old = scratch_read(path);
	char when[64], *at = old ? strstr(old, "\"created\":\"") : NULL;
	struct tm tm;

	if (!at)
		return false;
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&then, &tm));
	at += strlen("\"created\":\"");
	for (const char *c = when; *c; c++)
		*at++ = *c;
	scratch_write(path, old);
	return true;
}

static void times(void)
{
	static const struct {
		long ago;
		const char *shown;
	} cases[] = {{50, "50s"}, {150, "2m"}, {3 * 3600, "3h"}, {40L * 86400, "40d"}};
	char path[PATH_MAX], command[PATH_MAX * 2];
	FILE *p;

	snprintf(command, sizeof command, "ls %s/*/clean.json", dir);
	p = popen(command, "re"); /* NOLINT(cert-env33-c): a test */
	if (!ok(p && fgets(path, sizeof path, p) && pclose(p) == 0, "a record"))
		return;
	path[strcspn(path, "\n")] = '\0';
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct call c;
		time_t then;
		bool shown;

		do { /* again where the clock has gone on to the next second meanwhile */
			then = time(NULL) - cases[i].ago;
			if (!made(path + strlen(scratch_dir()) + 1, then)) {
				ok(false, "created");
				return;
			}
			c = PS;
			shown = says(&c, cases[i].shown);
			str_done(&c.c.out);
		} while (!shown && time(NULL) - then != cases[i].ago);
		ok(shown, "%ld seconds are %s", cases[i].ago, cases[i].shown);
	}
}

static void damaged_record(void)
{
	struct call c;
	char command[PATH_MAX * 2];

	snprintf(command, sizeof command, "echo '{' >$(ls %s/*/no-image.json)", dir);
	if (system(command) != 0) /* NOLINT(cert-env33-c): a test */
		perror("system");
	c = PS;
	ok(c.status == CTL_FINDINGS && says(&c, "damaged record: ") && says(&c, "/no-image.json"),
		"a damaged record is shown, exit status %d", c.status);
	ok(says(&c, "shop/db-0/main"), "and the others");
	str_done(&c.c.out);
	c = RUN(REPORTS "trivy-clean.json");
	ok(c.status == CTL_FINDINGS && says(&c, "damaged record: "), "also with a report");
	str_done(&c.c.out);
	add("no-image", "b", (struct image){.text = NULL}, true);
}

static void wrong_lines(void)
{
	static const struct {
		const char *words[3], *want;
	} cases[] = {
		{{"severity=high"}, "--severity goes with --vulnerable"},
		{{"deny-list"}, "--deny-list goes with --vulnerable"},
		{{"+web"}, "named behind --vulnerable"},
		{{"severity=dire", REPORTS "trivy-clean.json"}, "not \"dire\""},
		{{"/nowhere/report.json"}, "open report /nowhere"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct call c = run(cases[i].words);

		ok(c.status < 0 && strstr(c.e.msg, cases[i].want), "refused: %s", c.e.msg);
		str_done(&c.c.out);
	}
}

/* ---- reports ---- */

static void read_report(const char *file, struct vuln_report *r)
{
	AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (!ok(fd >= 0 && io_read_all(fd, VULN_REPORT_MAX, &text, &len, &e) == 0 &&
			    vuln_report_parse(file, text, len, r, &e) == 0,
		    "%s: %s", file, e.msg))
		exit(tap_done());
}

static void formats(void)
{
	AUTO_VULN_REPORT struct vuln_report t = {0}, g = {0}, clean = {0}, evil = {0};
	size_t n[SEVERITY_COUNT];

	read_report(REPORTS "trivy-shop-db.json", &t);
	tap_same(t.tool, "trivy", "the tool");
	tap_same(t.name, "registry.example.com/shop/db:16", "what it looked at");
	ok(t.digests.n == 1 && t.n_names == 3, "a digest and the tags");
	snprintf(db_id, sizeof db_id, "%s", t.image_id);
	vuln_list_count(&t.found, n);
	ok(t.found.n == 8 && n[SEVERITY_CRITICAL] == 2 && n[SEVERITY_HIGH] == 3 &&
			n[SEVERITY_MEDIUM] == 1 && n[SEVERITY_LOW] == 1 && n[SEVERITY_UNKNOWN] == 1,
		"all it found");
	tap_same(t.found.v[0].id, "CVE-2026-10001", "the worst comes first");
	tap_same(t.found.v[0].package, "libexample1", "package");
	tap_same(t.found.v[0].version, "3.0.1", "installed");
	tap_same(t.found.v[0].fixed, "3.0.2", "fixed in");
	tap_same(t.found.v[2].fixed, "", "not fixed");

	read_report(REPORTS "grype-cache.json", &g);
	tap_same(g.tool, "grype", "the tool");
	ok(g.found.n == 3, "found in two places is found once: %zu", g.found.n);
	tap_same(g.found.v[0].fixed, "7.2.4, 8.0.0", "fixed in");
	ok(g.found.v[2].severity == SEVERITY_LOW, "negligible is low");
	ok(g.digests.n == 2 && g.n_names == 2, "%zu digests, %zu names", g.digests.n, g.n_names);
	tap_same(g.n_names ? g.names[0].repository : NULL, "library/cache",
		"a name behind where it was looked for");
	snprintf(cache_index, sizeof cache_index, "%s", g.digests.n > 1 ? g.digests.v[1] : "");

	read_report(REPORTS "trivy-clean.json", &clean);
	ok(clean.found.n == 0, "nothing found");
	snprintf(alpine_digest, sizeof alpine_digest, "%s", clean.digests.v[0]);
	read_report(REPORTS "hostile.json", &evil);
	ok(evil.found.n == 2, "what has no name is one: %zu", evil.found.n);
	ok(strlen(evil.found.v[0].id) <= 128 && strlen(evil.found.v[0].title) <= 256, "cut");
}

static void not_reports(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "line 1"},
		{"[{\"Target\": \"x\"}]", "before 0.20"},
		{"{}", "another document; expected the output of \"trivy image"},
		{"\"x\"", "another document"},
		{"{\"bomFormat\": \"CycloneDX\"}", "a CycloneDX document"},
		{"{\"version\": \"2.1.0\", \"runs\": []}", "a SARIF document"},
		{"{\"SchemaVersion\": 3, \"ArtifactName\": \"x\"}", "other than 2"},
		{"{\"SchemaVersion\": 2, \"ArtifactName\": \"x\", \"ArtifactType\": "
		 "\"filesystem\"}",
			"of a \"filesystem\""},
		{"{\"matches\": [], \"source\": {\"type\": \"directory\", \"target\": \"/\"},"
		 "\"descriptor\": {\"name\": \"grype\"}}",
			"of a \"directory\""},
		{"{\"matches\": [], \"descriptor\": {\"name\": \"other\"}}", "another document"},
		{"{\"matches\": [], \"descriptor\": {\"name\": \"grype\"}, \"matches\": []}",
			"line 1"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_VULN_REPORT struct vuln_report r = {0};
		struct err e = {0};

		ok(vuln_report_parse("r.json", cases[i].text, strlen(cases[i].text), &r, &e) < 0 &&
				str_starts(e.msg, "report r.json: ") &&
				strstr(e.msg, cases[i].want),
			"%s", e.msg);
	}
}

static void matching(void)
{
	AUTO_VULN_REPORT struct vuln_report t = {0};
	static char other_id[] =
		"sha256:0000000000000000000000000000000000000000000000000000000000000000";
	static char registry[] = "registry.example.com", repository[] = "shop/db", tag[] = "16.2",
		    other_tag[] = "17";
	const struct {
		struct image i;
		enum vuln_match want;
		const char *what;
	} cases[] = {
		{{.id = t.image_id}, VULN_OTHER, "nothing known"},
		{{.id = db_id}, VULN_CERTAIN, "the same ID"},
		{{.registry = registry, .repository = repository, .tag = tag}, VULN_BY_NAME,
			"another of its tags"},
		{{.registry = registry, .repository = repository, .tag = other_tag}, VULN_OTHER,
			"no tag of it"},
		{{.registry = registry, .repository = repository}, VULN_OTHER, "no tag"},
		{{.registry = registry, .repository = repository, .tag = tag, .id = other_id},
			VULN_OTHER, "its name, but another ID: the tag was moved"},
		{{.registry = registry, .repository = repository, .tag = tag, .digest = other_id},
			VULN_BY_NAME, "its name, and a digest that may be an index's"},
	};

	read_report(REPORTS "trivy-shop-db.json", &t);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(vuln_report_match(&t, &cases[i].i) == cases[i].want, "%s", cases[i].what);
	ok(vuln_report_match(&t, &(struct image){.digest = t.digests.v[0]}) == VULN_CERTAIN,
		"the same digest");
	ok(vuln_report_match(&t, &(struct image){.id = t.digests.v[0]}) == VULN_CERTAIN,
		"an engine that calls the digest an ID");
}

static void vulnerable(void)
{
	struct call c = RUN(REPORTS "trivy-shop-db.json");

	ok(c.status == CTL_FINDINGS, "exit status %d: %s", c.status, c.e.msg);
	ok(says(&c, "1 vulnerable, 1 perhaps, 0 clean, 3 without a report"), "counted");
	ok(says(&c, "2 critical, 3 high, 1 medium, 1 low, 1 unknown"), "by severity");
	ok(says(&c, "CVE-2026-10001") && says(&c, "3.0.2"), "the worst, and what helps");
	ok(says(&c, "and 3 more") && !says(&c, "CVE-2026-10005"), "not everything");
	ok(says(&c, "the tag may have moved"), "what is not certain is marked");
	if (tap_failed)
		fputs(str_text(&c.c.out), stdout);
	str_done(&c.c.out);

	c = RUN(REPORTS "trivy-shop-db.json", "severity=critical");
	ok(c.status == CTL_FINDINGS && says(&c, ": 2 critical\n") && !says(&c, "CVE-2026-10002"),
		"only the critical ones");
	str_done(&c.c.out);
	c = RUN(REPORTS "grype-cache.json", "severity=critical");
	ok(c.status == CTL_OK && says(&c, "0 vulnerable, 0 perhaps, 1 clean"), "none is critical");
	str_done(&c.c.out);
	c = RUN(REPORTS "trivy-clean.json");
	ok(c.status == CTL_OK && says(&c, "1 clean, 4 without"), "nothing found");
	str_done(&c.c.out);
	c = RUN(REPORTS "hostile.json");
	ok(c.status == CTL_OK &&
			says(&c, "about no container here: " REPORTS "hostile.json (evil:1"),
		"a report about nothing here");
	ok(safe(&c.c.out), "nothing of it moves the cursor");
	str_done(&c.c.out);
	c = RUN("tests/data/reports");
	ok(c.status == CTL_FINDINGS && says(&c, "2 vulnerable, 1 perhaps, 1 clean, 1 without"),
		"a directory of reports: %s", c.e.msg);
	str_done(&c.c.out);
	c = RUN(REPORTS "trivy-clean.json", "+" REPORTS "grype-cache.json");
	ok(c.status == CTL_FINDINGS && says(&c, "1 vulnerable, 0 perhaps, 1 clean"),
		"more words are more reports");
	str_done(&c.c.out);
	add("evil", "e",
		(struct image){.registry = "docker.io", .repository = "library/evil", .tag = "1"},
		true);
	c = RUN(REPORTS "hostile.json", "all");
	ok(c.status == CTL_FINDINGS && says(&c, "1 high") && safe(&c.c.out),
		"hostile text in a table");
	str_done(&c.c.out);
	state_forget(dir, root, "evil");
}

static void vulnerable_json(void)
{
	struct call c = RUN(REPORTS "trivy-shop-db.json", REPORTS "hostile.json", "json");
	AUTO_JSON struct json_doc *doc = json_of(&c);
	const struct json *r = json_root(doc);
	int64_t n;

	str_done(&c.c.out);
	ok(c.status == CTL_FINDINGS, "exit status %d", c.status);
	tap_same(json_str(json_at(r, "/images/0/match")), "certain", "match");
	tap_same(json_str(json_at(r, "/images/0/containers/0/pod")), "db-0", "container");
	tap_same(json_str(json_at(r, "/images/1/match")), "name", "match by name");
	ok(json_i64(json_at(r, "/images/0/counts/critical"), 2, 2, &n), "counts");
	ok(json_at(r, "/images/0/vulnerabilities") &&
			json_at(r, "/images/0/vulnerabilities")->count == 8,
		"all vulnerabilities");
	tap_same(json_str(json_at(r, "/images/0/vulnerabilities/0/fixedIn")), "3.0.2", "fixedIn");
	ok(json_at(r, "/reports") && json_at(r, "/reports")->count == 2 &&
			!json_is_true(json_at(r, "/reports/1/matched")),
		"reports");
	ok(json_at(r, "/unreported") && json_at(r, "/unreported")->count == 3, "the rest");
}

/* What is printed is what cinchctl apply takes. */
static void deny_list(void)
{
	struct call c = RUN(REPORTS "trivy-shop-db.json", REPORTS "grype-cache.json",
		REPORTS "hostile.json", REPORTS "trivy-clean.json", "deny-list");
	AUTO_DENIED struct denied d = {0};
	struct err e = {0};
	bool found = false;

	ok(c.status == CTL_OK, "exit status %d: %s", c.status, c.e.msg);
	ok(denied_add("denied.json", str_text(&c.c.out), c.c.out.len, &d, &e) == 0,
		"apply takes it: %s", e.msg);
	ok(d.n == 2 + 3 + 1, "every digest of the three bad images: %zu", d.n);
	for (size_t i = 0; i < d.n; i++) {
		if (strcmp(d.v[i].digest, db_id) != 0)
			continue;
		found = true;
		tap_same(d.v[i].reason,
			"registry.example.com/shop/db:16, trivy: 2 critical, 3 high", "reason");
		tap_same(d.v[i].cves,
			"CVE-2026-10001, GHSA-abcd-efgh-ijkl, CVE-2026-10002, CVE-2026-10006",
			"identifiers, each once");
	}
	ok(found, "by its ID");
	ok(safe(&c.c.out), "printable");
	str_done(&c.c.out);
	c = RUN(REPORTS "grype-cache.json", "deny-list", "severity=critical");
	ok(c.status == CTL_OK && says(&c, "\"denied\": []"), "nothing so bad");
	str_done(&c.c.out);
	scratch_write("nameless.json",
		"{\"SchemaVersion\": 2, \"ArtifactName\": \"a.tar\", \"Results\": "
		"[{\"Vulnerabilities\": "
		"[{\"VulnerabilityID\": \"CVE-1\", \"Severity\": \"HIGH\"}]}]}");
	c = RUN(scratch_path("nameless.json"), "deny-list");
	ok(c.status < 0 && strstr(c.e.msg, "cannot be denied"), "no digest: %s", c.e.msg);
	str_done(&c.c.out);
}

static void directories(void)
{
	struct call c;

	mkdir(scratch_path("reports"), 0700);
	c = RUN(scratch_path("reports"));
	ok(c.status < 0 && strstr(c.e.msg, "no *.json"), "an empty directory: %s", c.e.msg);
	str_done(&c.c.out);
	scratch_write("reports/b.json", "{}");
	scratch_write("reports/a.txt", "x");
	c = RUN(scratch_path("reports"));
	ok(c.status < 0 && strstr(c.e.msg, "reports/b.json: neither"), "nothing is passed over: %s",
		c.e.msg);
	str_done(&c.c.out);
}

/* ---- columns ---- */

static void narrow(void)
{
	static const char *const heads[] = {"A", "LONG", "C", NULL};
	const struct table_style style = {.width = 40};
	AUTO_COLUMNS struct columns c = {.heads = heads};
	AUTO_STR struct str out = STR_INIT;

	for (int i = 0; i < 3; i++) {
		columns_add(&c, "a");
		columns_add(&c, "a text that is much too long for so narrow a terminal as this");
		columns_add(&c, NULL);
	}
	columns_put(&c, &style, &out);
	for (const char *p = str_text(&out); *p; p += strcspn(p, "\n") + 1)
		ok(strcspn(p, "\n") <= 40 && p[strcspn(p, "\n") - 1] != ' ', "%.*s",
			(int)strcspn(p, "\n"), p);
}

/* ---- under which policy ---- */

#define OWN(name, more) "{\"profile\":\"" name "\",\"version\":\"1\"" more "}"

/* Apply NODE with the profiles "mine" (of the text MINE) and, when OTHER, "other". */
static void apply(const char *node, const char *mine, bool other)
{
	static const char text[] = OWN("other", "");
	const struct policy_text more[] = {
		{"mine", mine, strlen(mine)}, {"other", text, sizeof text - 1}};

	apply_policy(store, node, more, other ? 2 : 1, NULL);
}

/* A container under the profile NAME of what is in force now. */
static void start(const char *id, const char *name)
{
	AUTO_APPLIED struct applied now = {.from = APPLIED_BUILTIN};
	AUTO_PROFILE struct profile *p = NULL;
	struct selection s = {.n = 1};
	struct err e = {0};

	ok(store_open(store, &now, &e) == 0 && applied_profile(&now, name, &p, &e) == 0, "%s: %s",
		name, e.msg);
	s.p[0] = p;
	ok(state_write(dir,
		   &(struct state_facts){.root = root,
			   .id = id,
			   .profiles = &s,
			   .enforced = true,
			   .policy = now.digest[0] ? now.digest : NULL},
		   &e) == 0,
		"%s: %s", id, e.msg);
	runc_says(id, getpid(), began(getpid()), "");
}

/* "mine=older other=changed", in the order of their ids. */
static void policies_are(const char *want, const char *when)
{
	static const char *const ids[] = {"first", "mine", "other"};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str got = STR_INIT;
	struct call c = RUN("json");

	doc = json_of(&c);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		json_each (v, json_get(json_root(doc), "containers"))
			if (strcmp(json_str(json_get(v, "id")), ids[i]) == 0)
				str_addf(&got, "%s%s=%s", got.len ? " " : "", ids[i],
					json_str(json_get(v, "policyStatus")));
	tap_same(str_text(&got), want, when);
	str_done(&c.c.out);
}

static void outdated(void)
{
	static const char old[] = OWN("mine", ""), newer[] = OWN("mine", ",\"mode\":\"audit\"");
	struct call c;

	snprintf(dir, sizeof dir, "%s", scratch_path("policies"));
	snprintf(store, sizeof store, "%s", scratch_path("store"));
	start("first", "restricted");
	policies_are("first=current", "the policy in the program");
	c = RUN("outdated");
	ok(c.status == CTL_OK && says(&c, "no containers"), "nothing is outdated: %d %s", c.status,
		c.e.msg);
	str_done(&c.c.out);
	apply("", old, true);
	policies_are("first=older", "a policy in which the profile reads the same");
	start("mine", "mine");
	start("other", "other");
	policies_are("first=older mine=current other=current", "started under it");
	apply("{\"mode\": \"audit\"}", old, true);
	policies_are("first=older mine=older other=older", "another node configuration");
	c = PS;
	ok(c.status == CTL_OK && says(&c, "\n3 under another policy"), "it is said below: %d",
		c.status);
	str_done(&c.c.out);
	apply("", newer, true);
	policies_are("first=older mine=changed other=older", "another text");
	apply("", old, false);
	policies_are("first=older mine=older other=changed", "a profile that is gone");
	c = RUN("outdated");
	ok(c.status == CTL_FINDINGS && says(&c, "changed") && says(&c, "POLICY"), "findings: %d",
		c.status);
	str_done(&c.c.out);
	apply("", old, true);
	c = RUN("outdated");
	ok(c.status == CTL_FINDINGS && says(&c, "older") && !says(&c, "current"),
		"those that are current are not shown");
	str_done(&c.c.out);
	c = RUN("outdated", REPORTS "trivy-shop-db.json");
	ok(c.status < 0 && says(&c, ""), "not with a report: %s", c.e.msg);
	str_done(&c.c.out);
	store[0] = '\0';
}

/* What is in the record for exec alone is not for everybody's eyes. */
static void no_path(void)
{
	static const char config[] =
		"{\"process\": {\"cwd\": \"/srv\", \"env\": [\"PATH=/opt/secret/bin\"]}}";
	static const struct json_limits limits = {4096, 20, 200};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	struct call c;

	snprintf(dir, sizeof dir, "%s", scratch_path("paths"));
	json_parse(config, strlen(config), &limits, 0, &doc, &e);
	ok(state_write(dir, &(struct state_facts){.root = root, .id = "p", .doc = doc}, &e) == 0,
		"%s", e.msg);
	runc_says("p", getpid(), began(getpid()), "");
	c = RUN("json");
	ok(says(&c, "/srv") && !says(&c, "secret"), "PATH is not shown: %s", str_text(&c.c.out));
	str_done(&c.c.out);
	c = PS;
	ok(!says(&c, "secret"), "nor in the table");
	str_done(&c.c.out);
}

/* ---- many ---- */

static void many(void)
{
	enum { CONTAINERS = 500 };
	struct timespec a, b;
	struct call c;
	char id[80];
	double s;

	snprintf(dir, sizeof dir, "%s", scratch_path("many"));
	for (int i = 0; i < CONTAINERS; i++) {
		const struct state_facts f = {.root = root, .id = id};
		struct err e = {0};

		snprintf(id, sizeof id, "%064d", i);
		if (state_write(dir, &f, &e) < 0)
			ok(false, "%s", e.msg);
		runc_says(id, getpid(), began(getpid()), "");
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	c = RUN("json");
	clock_gettime(CLOCK_MONOTONIC, &b);
	s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	ok(c.status == CTL_OK && s < 60, "%d containers in %.3f s", CONTAINERS, s);
	str_done(&c.c.out);
}

int main(void)
{
	snprintf(dir, sizeof dir, "%s", scratch_path("state"));
	snprintf(root, sizeof root, "%s", scratch_path("rt"));
	mkdir(root, 0700);
	lives();
	formats();
	not_reports();
	matching();
	make_records();
	listing();
	wrong_lines();
	vulnerable();
	vulnerable_json();
	deny_list();
	directories();
	damaged_record();
	times();
	narrow();
	outdated();
	no_path();
	many();
	return tap_done();
}
