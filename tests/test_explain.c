/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain - cinchctl explain: the patch gives what tighten gives, the table fits its terminal and
 * cannot be written to by the document, the exit status tells what was found.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/ctl/patch.h"
#include "shim/ctl/table.h"
#include "shim/spec.h"
#include "shim/tighten.h"
#include "tests/apply.h"
#include "tests/scratch.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

static const char samples[] = "tests/data/samples";

/* ---- RFC 6902, read from the standard and from nothing of ours ---- */

/* The next reference token of *POINTER, unescaped (RFC 6901); false at the end. */
static bool next_token(const char **pointer, struct str *token)
{
	const char *p = *pointer;

	str_reset(token);
	str_add(token, "");
	if (*p != '/')
		return false;
	for (p++; *p && *p != '/'; p++) {
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			str_addc(token, *++p == '0' ? '~' : '/');
		else
			str_addc(token, *p);
	}
	*pointer = p;
	return true;
}

static struct json *child(struct json *v, const char *token)
{
	uint64_t index;

	if (v->type == JSON_ARRAY)
		return num_u64(token, UINT32_MAX, &index) ? json_item(v, index) : NULL;
	json_each (m, v)
		if (strcmp(m->key, token) == 0)
			return m;
	return NULL;
}

static bool apply_one(struct json_doc *doc, const struct json *op)
{
	AUTO_STR struct str token = STR_INIT;
	const char *name = json_str(json_get(op, "op")), *path = json_str(json_get(op, "path"));
	struct json *at = json_root(doc), *value = NULL, *old;
	uint64_t index;

	json_each (m, op)
		if (strcmp(m->key, "value") == 0)
			value = json_clone(doc, m);
	if (!name || !path)
		return false;
	for (;;) {
		if (!next_token(&path, &token))
			return false; /* we never replace the whole document */
		if (!*path)
			break;
		at = child(at, str_text(&token));
		if (!at || at->type < JSON_ARRAY)
			return false;
	}
	old = child(at, str_text(&token));
	if (strcmp(name, "remove") == 0) {
		json_remove(old);
		return old && !value;
	}
	if (strcmp(name, "replace") == 0)
		return old && value && json_replace(old, value) == 0;
	if (strcmp(name, "add") != 0 || !value)
		return false;
	if (at->type == JSON_OBJECT)
		return json_put(doc, at, str_text(&token), value) == 0;
	if (!num_u64(str_text(&token), at->count, &index))
		return false;
	return old ? json_insert_before(old, value) == 0 : json_push(at, value) == 0;
}

static bool apply(struct json_doc *doc, const struct json *patch)
{
	json_each (op, patch)
		if (!apply_one(doc, op))
			return false;
	return json_is(patch, JSON_ARRAY);
}

/* ---- the patch ---- */

static struct json_doc *read_doc(const char *dir, const char *name)
{
	AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct json_doc *doc = NULL;
	struct err e = {0};
	size_t len;

	if (io_read_file_at(fd, name, spec_limits.bytes, &text, &len, NULL, &e) < 0 ||
		json_parse(text, len, &spec_limits, JSON_STRICT, &doc, &e) < 0)
		printf("# %s: %s\n", name, e.msg);
	return doc;
}

static void text_of(const struct json_doc *doc, struct str *out)
{
	str_reset(out);
	json_write(json_root(doc), out);
}

/* Tighten NAME; the patch, written and read again, must do the same to a second copy. */
static size_t patch_equals(const char *name, const char *profile)
{
	AUTO_JSON struct json_doc *doc = read_doc(samples, name), *copy = read_doc(samples, name);
	AUTO_JSON struct json_doc *made = json_new(), *patch = NULL;
	AUTO_STR struct str text = STR_INIT, want = STR_INIT, got = STR_INIT;
	AUTO_REPORT struct report report = {.keep_values = true};
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_FAKE struct world_fake fake;
	struct err e = {0};

	world_fake_init(&fake);
	if (!doc || !copy || !made || profile_builtin(profile, &p, &e) < 0)
		return ok(false, "%s: %s", name, e.msg), 0;
	if (tighten(doc, p, &fake.world, &report, &e) < 0 && e.code != ERR_DENIED)
		return ok(false, "%s: %s", name, e.msg), 0;
	json_write(patch_json(&report, made), &text);
	if (!ok(json_parse(str_text(&text), text.len, &spec_limits, JSON_STRICT, &patch, &e) == 0,
		    "%s under %s: the patch is JSON", name, profile))
		return 0;
	if (!ok(apply(copy, json_root(patch)), "%s: every operation applies", name))
		return 0;
	text_of(doc, &want);
	text_of(copy, &got);
	ok(strcmp(str_text(&want), str_text(&got)) == 0, "%s: byte for byte what tighten gives",
		name);
	return json_root(patch)->count;
}

static void test_patch(void)
{
	DIR *d = opendir(samples);
	struct dirent *entry;
	size_t documents = 0, operations = 0;

	while (d && (entry = readdir(d))) {
		if (!str_ends(entry->d_name, ".json") || strstr(entry->d_name, "-process") ||
			strstr(entry->d_name, "-resources"))
			continue;
		operations += patch_equals(entry->d_name, "restricted");
		operations += patch_equals(entry->d_name, "baseline");
		documents++;
	}
	if (d)
		closedir(d);
	ok(documents > 45 && operations > 1000, "%zu documents, %zu operations", documents,
		operations);
}

static void test_patch_selects(void)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str text = STR_INIT;
	struct change changes[] = {
		{CONTROL_USER, CHANGE_REMOVE, true, (char *)"/a~1b", NULL, NULL, (char *)"w",
			(char *)"r", NULL},
		{CONTROL_USER, CHANGE_REMOVE, false, (char *)"/audit", NULL, NULL, (char *)"w",
			(char *)"r", NULL},
		{CONTROL_USER, CHANGE_DENY, true, (char *)"/deny", NULL, NULL, (char *)"w",
			(char *)"r", NULL},
		{CONTROL_USER, CHANGE_NOTE, true, (char *)"/note", NULL, NULL, (char *)"w",
			(char *)"r", NULL},
		{CONTROL_USER, CHANGE_ADD, true, (char *)"/l/0", NULL, NULL, (char *)"w",
			(char *)"r", json_int(doc, 7)},
	};
	struct report r = {.changes = changes, .n = 5};

	json_write(patch_json(&r, doc), &text);
	tap_same(str_text(&text),
		"[{\"op\":\"remove\",\"path\":\"/a~1b\"},"
		"{\"op\":\"add\",\"path\":\"/l/0\",\"value\":7}]",
		"only enforced changes are in the patch");
}

/* ---- the table ---- */

static void test_text(void)
{
	static const struct {
		const char *text;
		size_t width;
		const char *want;
	} rows[] = {
		{"plain", 10, "plain"}, {"0", 1, "0"}, {"exactly ten", 11, "exactly ten"},
		{"eleven char", 10, "eleven ..."}, {"abc", 2, ".."}, {"", 0, ""},
		{"\033[2J\033]0;title\007", 40, "\\u001b[2J\\u001b]0;title\\u0007"},
		{"a\nb\r\tc\177", 40, "a\\u000ab\\u000d\\u0009c\\u007f"},
		{"C1 \302\233"
		 "31m",
			40, "C1 \\u009b31m"},
		{"bidi \342\200\256x", 40, "bidi \\u202ex"},
		{"zero\342\200\213width", 40, "zero\\u200bwidth"},
		{"tag \363\240\201\201", 40, "tag \\U000e0041"},
		{"not UTF-8 \233m \377", 40, "not UTF-8 \\u009bm \\u00ff"},
		{"\xc3\xa4\xc3\xb6\xc3\xbc", 3, "\xc3\xa4\xc3\xb6\xc3\xbc"},
		{"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"
		 "xx",
			5, "\xc3\xa4\xc3\xb6..."},
		{"\033\033", 8, "..."}, /* an escape is never cut in the middle */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_STR struct str out = STR_INIT;

		table_text(rows[i].text, rows[i].width, &out);
		tap_same(str_text(&out), rows[i].want, rows[i].want);
	}
}

#define CHANGE(c, k, e, place, before, after, why)                                                 \
	{                                                                                          \
		c, k, e, (char *)(place), (char *)(before), (char *)(after), (char *)(why),        \
			(char *)"web:7", NULL                                                      \
	}

static void test_table(void)
{
	struct change changes[] = {
		CHANGE(CONTROL_DEVICES, CHANGE_REMOVE, true, "/linux/devices/0",
			"{\"path\":\"/dev/a\"}", NULL, "not allowed"),
		CHANGE(CONTROL_USER, CHANGE_REPLACE, true, "/process/user/uid", "0", "65532",
			"root is remapped, which is a sentence too long for one line of this "
			"table"),
		CHANGE(CONTROL_DEVICES, CHANGE_REMOVE, true, "/linux/devices/0",
			"{\"path\":\"/dev/b\"}", NULL, "not allowed"),
		CHANGE(CONTROL_ROOTFS, CHANGE_ADD, false, "/root/readonly", NULL, "true",
			"read-only"),
		CHANGE(CONTROL_NAMESPACES, CHANGE_DENY, true, "", NULL, NULL, "no"),
		CHANGE(CONTROL_ENV, CHANGE_NOTE, true, "/process/env/3", NULL, NULL, "a password"),
	};
	struct report r = {.changes = changes, .n = 6};
	struct table_style style = {.width = 60};
	AUTO_STR struct str out = STR_INIT;

	table_report(&r, &style, &out);
	tap_same(str_text(&out),
		"\nuser\n"
		"  change  /process/user/uid  0 -> 65532\n"
		"          root is remapped, which is a sentence too long for\n"
		"          one line of this table [web:7]\n"
		"\nenv\n"
		"  note    /process/env/3\n"
		"          a password [web:7]\n"
		"\nnamespaces\n"
		"  REFUSE  (the whole document)\n"
		"          no [web:7]\n"
		"\nrootfs\n"
		"  add     /root/readonly     true\n"
		"          read-only [web:7, only reported]\n"
		"\ndevices\n"
		"  remove  /linux/devices/0   {\"path\":\"/dev/a\"}\n"
		"          not allowed [web:7]\n"
		"  remove  /linux/devices/0   {\"path\":\"/dev/b\"}\n"
		"          not allowed [web:7]\n",
		"grouped by control, aligned, wrapped");
	str_reset(&out);
	table_summary(&r, &out);
	tap_same(str_text(&out), "3 changes, 1 refusal, 1 only reported, 1 note", "summary");
	r.n = 0;
	str_reset(&out);
	table_summary(&r, &out);
	tap_same(str_text(&out), "nothing to change", "summary of nothing");
}

static void test_long_list(void)
{
	struct change many[20];
	struct report r = {.changes = many, .n = 20};
	struct table_style style = {.width = 80};
	AUTO_STR struct str out = STR_INIT;
	size_t lines = 0;

	for (int i = 0; i < 20; i++)
		many[i] = (struct change)CHANGE(
			CONTROL_DEVICES, CHANGE_REMOVE, true, "/linux/devices/0", "1", NULL, "no");
	table_report(&r, &style, &out);
	ok(strstr(str_text(&out), "and 12 more like these"), "a long list is cut");
	for (int i = 0; i < 20; i++)
		many[i].kind = CHANGE_DENY;
	str_reset(&out);
	table_report(&r, &style, &out);
	for (const char *p = str_text(&out); (p = strstr(p, "REFUSE")); p++)
		lines++;
	ok(lines == 20, "refusals are all shown");
}

/* Every width: no line is longer, no byte is unsafe, nothing reads out of bounds. */
static void test_widths(void)
{
	AUTO_JSON struct json_doc *doc = read_doc(samples, "docker-default.json");
	AUTO_REPORT struct report report = {0};
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_FAKE struct world_fake fake;
	struct err e = {0};
	bool fits = true;

	world_fake_init(&fake);
	if (!ok(doc && profile_builtin("restricted", &p, &e) == 0 &&
			    tighten(doc, p, &fake.world, &report, &e) == 0,
		    "docker-default.json starts: %s", e.msg))
		return;
	for (size_t width = 0; width < 250; width++) {
		const struct table_style style = {.width = width};
		size_t most = width < TABLE_NARROW ? TABLE_NARROW : width;
		AUTO_STR struct str out = STR_INIT;
		const char *line, *end;

		table_report(&report, &style, &out);
		for (line = str_text(&out); (end = strchr(line, '\n')); line = end + 1)
			if ((size_t)(end - line) > most) {
				printf("# %zu: %.*s\n", width, (int)(end - line), line);
				fits = false;
			}
	}
	ok(fits, "the table fits every width");
}

/* ---- the program ---- */

static const char *program(void)
{
	static char path[256];
	const char *b = getenv("B");

	snprintf(path, sizeof path, "%s/cinchctl", b ? b : "build");
	return path;
}

/* Run with ARGS; *OUT gets stdout and stderr. The exit status. */
static int run_program(const char *args, struct str *out)
{
	AUTO_STR struct str line = STR_INIT;
	char buffer[4096];
	FILE *f;
	size_t n;
	int status;

	str_reset(out);
	str_addf(&line, "%s %s 2>&1", program(), args);
	f = popen(str_text(&line), "re");
	if (!f)
		return -1;
	while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
		str_addn(out, buffer, n);
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A bundle whose config.json is the sample NAME; TIGHT: what restricted makes of it. */
static const char *make_bundle(const char *name, bool tight)
{
	AUTO_JSON struct json_doc *doc = read_doc(samples, name);
	AUTO_REPORT struct report report = {0};
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_FAKE struct world_fake fake;
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};

	world_fake_init(&fake);
	if (!doc || profile_builtin("restricted", &p, &e) < 0)
		return "";
	if (tight && tighten(doc, p, &fake.world, &report, &e) < 0)
		printf("# %s: %s\n", name, e.msg);
	json_write(json_root(doc), &text);
	scratch_write("config.json", str_text(&text));
	return scratch_dir();
}

static void test_program(void)
{
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	static const char *const dirs[] = {
		"rootfs", "rootfs/dev", "rootfs/proc", "rootfs/sys", "rootfs/tmp"};
	int status;

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		mkdir(scratch_path(dirs[i]), 0755);

	str_addf(&args, "explain %s", make_bundle("ctr-default.json", false));
	status = run_program(str_text(&args), &out);
	ok(status == 1 && strstr(str_text(&out), " changes under restricted 1.0.0\n"),
		"changes: 1 (%d)", status);
	ok(!strchr(str_text(&out), '\033'), "no colours in a pipe");
	ok(strstr(str_text(&out), "/process/user/uid") && strstr(str_text(&out), "0 -> 65532") &&
			strstr(str_text(&out), "[restricted:"),
		"place, values and rule are shown");
	str_add(&args, "/config.json --profile=baseline");
	status = run_program(str_text(&args), &out);
	ok(status == 1 && strstr(str_text(&out), " under baseline 1.0.0\n"),
		"a file and another profile (%d)", status);
	str_add(&args, " --color always");
	run_program(str_text(&args), &out);
	ok(strstr(str_text(&out), "\033["), "colours when asked for");

	str_reset(&args);
	str_addf(&args, "explain --json %s", make_bundle("ctr-default.json", true));
	status = run_program(str_text(&args), &out);
	ok(status == 0 && strstr(str_text(&out), "\"result\": \"unchanged\""),
		"nothing to change: 0 (%d)", status);
	ok(strstr(str_text(&out), "\"rootfs\": \"present\""), "its root filesystem is here");
	if (status)
		printf("# %s\n", str_text(&out));
}

/* Which rules of the network it would get. */
static void test_network(void)
{
	static const char profile[] =
		"{\"profile\": \"net\", \"version\": \"1\", \"user\": {\"root\": \"allow\"},"
		"\"namespaces\": {\"host\": [\"cgroup\"]}, \"audit\": [\"capabilities\"], "
		"\"network\": {\"mode\": \"%s\", "
		"\"preset\": \"isolated\", \"segment\": \"web\"}}";
	AUTO_STR struct str args = STR_INIT, out = STR_INIT, text = STR_INIT;
	const char *bundle = make_bundle("ctr-default.json", false);
	int status;

	str_addf(&text, profile, "audit");
	scratch_write("net.json", str_text(&text));
	str_addf(&args, "explain --profile %s %s", scratch_path("net.json"), bundle);
	status = run_program(str_text(&args), &out);
	ok(status == 1 && strstr(str_text(&out), "audit, preset isolated, segment web"),
		"the rules are noted (%d)", status);
	str_reset(&text);
	str_addf(&text, profile, "enforce");
	scratch_write("net.json", str_text(&text));
	status = run_program(str_text(&args), &out);
	ok(status == 2 && strstr(str_text(&out), "CAP_NET_RAW stays"),
		"what a launch would refuse (%d)", status);
}

/* What the container's annotation names comes on top of the profile, as in a launch. */
static void test_on_top(void)
{
	AUTO_JSON struct json_doc *doc = read_doc(samples, "ctr-default.json");
	AUTO_STR struct str text = STR_INIT, args = STR_INIT, out = STR_INIT;
	struct json *notes = json_object(doc);

	json_put(doc, notes, "io.cinch.profile", json_string(doc, "restricted"));
	json_put(doc, json_root(doc), "annotations", notes);
	json_write(json_root(doc), &text);
	scratch_write("config.json", str_text(&text));
	str_addf(&args, "explain --profile baseline %s", scratch_dir());
	run_program(str_text(&args), &out);
	ok(strstr(str_text(&out), " under baseline 1.0.0 and restricted 1.0.0\n") &&
			strstr(str_text(&out), "[baseline:") &&
			strstr(str_text(&out), "0 -> 65532"),
		"the annotation's profile comes on top");
}

static void test_refused(void)
{
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	const char *bundle = make_bundle("ctr-nethost.json", false);
	int status;

	str_addf(&args, "explain %s --json", bundle);
	status = run_program(str_text(&args), &out);
	if (!ok(status == 2 && json_parse(str_text(&out), out.len, &spec_limits, JSON_STRICT, &doc,
				       &e) == 0,
		    "refused: 2 (%d), still JSON %s", status, e.msg))
		return;
	tap_same(json_str(json_at(json_root(doc), "/profile")), "restricted", "profile");
	tap_same(json_str(json_at(json_root(doc), "/version")), "1.0.0", "version");
	ok(strlen(json_str(json_at(json_root(doc), "/digest"))) == 64, "digest");
	tap_same(json_str(json_at(json_root(doc), "/result")), "refused", "result");
	ok(json_is(json_at(json_root(doc), "/changes/0"), JSON_OBJECT), "changes");
	ok(strstr(json_str(json_at(json_root(doc), "/error")), "refused by profile restricted: "),
		"the words a launch would use");

	str_reset(&args);
	str_addf(&args, "explain %s --patch", bundle);
	status = run_program(str_text(&args), &out);
	ok(status == 2 && str_starts(str_text(&out),
				  "cinchctl: explain: refused by profile restricted: "),
		"no patch for what is refused (%d)", status);
}

/* A document of another host is judged by what it says, not by what is missing here. */
static void test_away(void)
{
	static const char *const ordinary[] = {"ctr-default", "ctr-tty", "ctr-cni", "ctr-with-ns",
		"cri-default-sandbox", "cri-default", "cri-nonroot", "cri-rofs", "cri-seccomp",
		"docker-default", "docker-tty", "docker-init", "docker-readonly", "docker-userimg",
		"podman-default", "podman-readonly", "podman-init", "podman-pod-ctr",
		"podman-rootless"};
	static const char *const refused[] = {
		"ctr-nethost", "cri-hostns-sandbox", "docker-pidhost", "podman-nethost"};
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	int status;

	for (size_t i = 0; i < sizeof ordinary / sizeof *ordinary; i++) {
		str_reset(&args);
		str_addf(&args, "explain %s/%s.json", samples, ordinary[i]);
		status = run_program(str_text(&args), &out);
		if (!ok(status == 1 && strstr(str_text(&out), "(Its root filesystem is not here"),
			    "%s starts (%d)", ordinary[i], status))
			printf("# %s\n", strstr(str_text(&out), "REFUSE"));
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		str_reset(&args);
		str_addf(&args, "explain %s/%s.json", samples, refused[i]);
		status = run_program(str_text(&args), &out);
		ok(status == 2 && strstr(str_text(&out), "REFUSE"), "%s is refused (%d)",
			refused[i], status);
	}
	run_program("explain --json tests/data/samples/ctr-default.json", &out);
	ok(strstr(str_text(&out), "\"rootfs\": \"absent\""), "JSON says so, too");
}

/* How the profiles were come to, by a policy of the test's own. */
static void test_choice(void)
{
	static const char config[] = "{\"mode\": \"audit\", \"select\": [\n"
				     "{\"image\": \"quay.io/team/*\", \"profile\": \"baseline\"}]}";
	static const struct {
		const char *pointer, *want;
	} wanted[] = {{"/profile", "baseline"}, {"/select", "rule cinch.json:2"},
		{"/mode", "audit"}, {"/policy/from", "current"}, {"/engine", "unknown"},
		{"/image/name", "quay.io/team/app:1"}, {"/result", "audited"}};
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	int status;

	apply_policy(scratch_path("store"), config, NULL, 0, NULL);
	str_addf(&args, "explain --store %s --image quay.io/team/app:1 ", scratch_path("store"));
	str_addf(&args, "%s/ctr-nethost.json", samples);
	status = run_program(str_text(&args), &out);
	ok(status == 1 &&
			strstr(str_text(&out), "Chosen by: rule cinch.json:2. Policy: current ") &&
			strstr(str_text(&out), "enforced it would be refused"),
		"a table says so (%d)", status);
	str_add(&args, " --json");
	status = run_program(str_text(&args), &out);
	if (!ok(status == 1 && json_parse(str_text(&out), out.len, &spec_limits, JSON_STRICT, &doc,
				       &e) == 0,
		    "JSON (%d) %s", status, e.msg))
		return;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		tap_same(json_str(json_at(json_root(doc), wanted[i].pointer)), wanted[i].want,
			wanted[i].pointer);
	ok(json_is_true(json_at(json_root(doc), "/wouldRefuse")), "it would be refused");
}

/* A profile that extends another one beside it. */
static void test_extends(void)
{
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	int status;

	mkdir(scratch_path("mine"), 0755);
	scratch_write("mine/parent.json", "{\"profile\": \"parent\", \"version\": \"1\", "
					  "\"image\": {\"registries\": [\"a.example/**\"]}}");
	scratch_write("mine/child.json",
		"{\"profile\": \"child\", \"version\": \"3\", \"extends\": [\"parent\"]}");
	scratch_write("mine/broken.json", "{");
	str_addf(&args, "explain --profile %s --image b.example/x %s/ctr-default.json",
		scratch_path("mine/child.json"), samples);
	status = run_program(str_text(&args), &out);
	ok(status == 2 && strstr(str_text(&out), " under child 3: the container would not start") &&
			strstr(str_text(&out), "not from an approved registry"),
		"it is followed (%d)", status);
}

/* What engines hand to exec is judged as exec does it. */
static void test_process(void)
{
	static const char probes[] =
		"{\"profile\": \"probes\", \"version\": \"1\", \"extends\": [\"restricted\"],\n"
		"\"exec\": {\"terminal\": false, \"commands\": {\"allow\": [\"cat /tmp/x\"]}}}";
	static const char sample[] = "tests/data/samples/cri-exec-tty-process.json";
	AUTO_STR struct str args = STR_INIT, out = STR_INIT;
	int status;

	str_addf(&args, "explain %s", sample);
	status = run_program(str_text(&args), &out);
	ok(status == 1 &&
			strstr(str_text(&out),
				"it would be held to\nwhat the container was started "
				"under") &&
			strstr(str_text(&out), "\nexec\n") &&
			strstr(str_text(&out), "/process/capabilities/bounding") &&
			strstr(str_text(&out), "changes under restricted 1.0.0\n"),
		"a process document: %d", status);
	ok(!strstr(str_text(&out), "namespaces") && !strstr(str_text(&out), "rootfs"),
		"and nothing of what is a container's");
	str_reset(&args);
	str_addf(&args, "explain --profile %s %s", scratch_write("probes.json", probes), sample);
	status = run_program(str_text(&args), &out);
	ok(status == 2 &&
			strstr(str_text(&out),
				"not among the allowed ones (exec.commands.allow)") &&
			strstr(str_text(&out), "(exec.terminal)") &&
			strstr(str_text(&out), "the process would not start"),
		"a command and a terminal it may not have: %d", status);
	str_reset(&args);
	str_addf(&args, "explain --profile %s --json %s", scratch_path("probes.json"), sample);
	status = run_program(str_text(&args), &out);
	ok(status == 2 && strstr(str_text(&out), "\"refused by profile probes: exec: "),
		"in the words of an exec: %d", status);
	str_reset(&args);
	str_addf(&args, "explain --patch %s", sample);
	status = run_program(str_text(&args), &out);
	ok(status == 2 && strstr(str_text(&out), "--patch is for the document of a container"),
		"no patch of it: %d", status);
}

static void test_bad(void)
{
	static const struct {
		const char *args, *says;
	} rows[] = {
		{"", "usage: cinchctl COMMAND"},
		{"explian", "unknown command \"explian\", did you mean \"explain\"?"},
		{"explain", "cinchctl: explain: something is missing; usage: cinchctl explain"},
		{"explain a b", "cinchctl: explain: too many words; usage"},
		{"explain --jsn x", "unknown option --jsn"},
		{"explain --json --patch x", "--json and --patch exclude each other"},
		{"explain --color=maybe x", "not \"maybe\""},
		{"explain x --profile", "--profile needs a value"},
		{"explain /nonexistent", "open /nonexistent: No such file or directory"},
		{"explain --profile restrictd tests/data/samples/ctr-default.json",
			"unknown profile \"restrictd\", did you mean \"restricted\"?"},
		{"explain --profile ./none.json tests/data/samples/ctr-default.json",
			"./none.json: cannot be read: No such file or directory"},
		{"explain --profile tests/corpus/profile/unknown-key.json "
		 "tests/data/samples/ctr-default.json",
			"the profile is named \"x\", the file \"unknown-key.json\""},
		{"explain tests/run", "cinchctl: explain: run: line 1, column "},
		{"explain tests", "config.json"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_STR struct str out = STR_INIT;
		int status = run_program(rows[i].args, &out);

		if (!ok(status == 2 && strstr(str_text(&out), rows[i].says), "cinchctl %s",
			    rows[i].args))
			printf("# %d: %s\n", status, str_text(&out));
	}
}

static void test_good(void)
{
	AUTO_STR struct str out = STR_INIT;

	ok(run_program("--version", &out) == 0 && str_starts(str_text(&out), "cinchctl 0."),
		"--version");
	ok(run_program("--help", &out) == 0 && strstr(str_text(&out), "explain"), "--help");
	ok(run_program("explain --help", &out) == 0 && strstr(str_text(&out), "--patch"),
		"explain --help");
	ok(run_program("--help >/dev/full", &out) == 2, "a full disk is an error");
}

/* On a terminal of WIDTH columns. */
static void run_on_terminal(const char *bundle, unsigned short width, struct str *out)
{
	const struct winsize size = {.ws_col = width, .ws_row = 24};
	char buffer[4096];
	ssize_t n;
	int fd;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);

	if (pid == 0) {
		execl(program(), "cinchctl", "explain", bundle, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return;
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		str_addn(out, buffer, (size_t)n);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void test_terminal(void)
{
	AUTO_STR struct str wide = STR_INIT, plain = STR_INIT;
	const char *bundle = make_bundle("ctr-default.json", false);
	size_t longest = 0;

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	run_on_terminal(bundle, 90, &wide);
	ok(strstr(str_text(&wide), "\033[1muser\033[0m"), "colours on a terminal");
	setenv("NO_COLOR", "1", 1);
	run_on_terminal(bundle, 64, &plain);
	ok(plain.len && !strchr(str_text(&plain), '\033'), "none with NO_COLOR");
	for (const char *p = str_text(&plain), *end; (end = strchr(p, '\r')); p = end + 2)
		if ((size_t)(end - p) > longest)
			longest = (size_t)(end - p);
	ok(longest > 50 && longest <= 64, "the terminal's width is kept (%zu)", longest);
	unsetenv("NO_COLOR");
}

int main(void)
{
	test_patch();
	test_patch_selects();
	test_text();
	test_table();
	test_long_list();
	test_widths();
	test_program();
	test_network();
	test_on_top();
	test_refused();
	test_away();
	test_choice();
	test_extends();
	test_process();
	test_bad();
	test_good();
	test_terminal();
	return tap_done();
}
