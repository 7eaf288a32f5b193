/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_enable - cinchctl enable and disable, over files as they are found on nodes: exact undo, also around
 * other people's edits; refusals; killed, or an error, at each system call.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "shim/ctl/splice.h"
#include "shim/ctl/toml.h"
#include "tests/faults.h"
#include "tests/scratch.h"
#include "tests/shell.h"
#include "tests/tap.h"

static char program[4096], programs[4096], store[4096], state[4096], file[4096];

static int enable(struct str *out, const char *engine, const char *more)
{
	char line[40000];

	snprintf(line, sizeof line,
		"%s enable %s --programs %s --state %s --store %s --config %s %s 2>&1 </dev/null",
		program, engine, programs, state, store, file, more);
	return shell(out, line);
}

static int disable(struct str *out, const char *engine, const char *more)
{
	char line[40000];

	snprintf(line, sizeof line, "%s disable %s --state %s --store %s %s 2>&1 </dev/null",
		program, engine, state, store, more);
	return shell(out, line);
}

static void read_bytes(const char *path, struct str *out)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	str_reset(out);
	str_add(out, "");
	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		str_addn(out, part, n);
	if (f)
		fclose(f);
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
		perror(path);
		exit(2);
	}
	chmod(path, 0644);
}

static bool holds(const struct str *want)
{
	AUTO_STR struct str now = STR_INIT;

	read_bytes(file, &now);
	return now.len == want->len && memcmp(str_text(&now), str_text(want), now.len) == 0;
}

static bool has(const char *text)
{
	AUTO_STR struct str now = STR_INIT;

	read_bytes(file, &now);
	return strstr(str_text(&now), text) != NULL;
}

static size_t entries(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	size_t n = 0;

	while (d && (entry = readdir(d)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (d)
		closedir(d);
	return n;
}

static void place(const char *name)
{
	snprintf(file, sizeof file, "%s", scratch_path(name));
}

/* ---- TOML ---- */

static void test_toml(void)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{"", NULL},
		{"a = 1\nb.c = 'x'\n[t]\n[t.u.\"v w\"]\nk = [1, [2, 'x'], # c\n\n{q = 1}]\n", NULL},
		{"a = \"\"\"\nx\\\n  y\"\"\"\"\nb = '''c''''\nc = ''\n", NULL},
		{"d = 1979-05-27 07:32:00Z\ne = -1e+5\nf = +inf\ng = 0xdead_beef\n", NULL},
		{"[a.b]\n[a]\nc = 1\n[a.d]\n", NULL},
		{"[[a]]\nb = 1\n[[a]]\nb = 2\n", NULL},
		{"a = 1\r\n[b]\r\nc = 2", NULL},
		{"a.b = 1\na.c = 2\n", NULL},
		{"a = {b = 1, c.d = 2, e = {f = []}}\n", NULL},
		{"a = 1\na = 2\n", "line 2: \"a\" is defined in line 1 already"},
		{"[a]\n[b]\n[a]\n", "line 3: \"a\" is defined in line 1 already"},
		{"a = 1\n[a]\n", "line 2: \"a\""},
		{"[a]\nb = 1\n[a.b.c]\n", "line 3: \"c\""},
		{"a = {b = 1}\n[a.c]\n", "line 2: \"c\""},
		{"a = {b = 1, b = 2}\n", "line 1: \"b\""},
		{"a = {b = 1}\na.c = 2\n", "line 2: \"c\""},
		{"a.b = 1\n[a]\n", "line 2: \"a\""},
		{"[a]\nb.c = 1\n[a.b]\n", "line 3: \"b\""},
		{"[a]\n[[a]]\n", "line 2: \"a\""},
		{"\"a\" = 1\n'a' = 2\n", "line 2: \"a\""},
		{"\"\\u0061\" = 1\na = 2\n", "line 2: \"a\""},
		{"a = word\n", "line 1, column 5: expected a value"},
		{"a = 1 b = 2\n", "line 1, column 7: expected the end of the line"},
		{"a 1\n", "line 1, column 3: expected = behind a key"},
		{"[a\n", "line 1, column 3: expected ]"},
		{"[a]]\n", "line 1, column 4: expected the end"},
		{"[[a]\n", "line 1, column 4: expected ]]"},
		{"= 1\n", "line 1, column 1: expected a key"},
		{"[\"\".a]\n", "line 1, column 4: an empty key"},
		{"a = \"x\ny\"\n", "line 1, column 7: a control character"},
		{"a = \"x", "a string without an end"},
		{"a = '''x", "a string without an end"},
		{"a = \"\\q\"\n", "an unknown escape"},
		{"a = \"\\ud800\"\n", "not a character"},
		{"a = [1 2]\n", "expected , or ]"},
		{"a = [1", "expected , or ]"},
		{"a = {b = 1\n}\n", "expected , or }"},
		{"a = {b = 1,}\n", "expected a key"},
		{"# \x01\n", "a control character in a comment"},
		{"a = 1\rb = 2\n", "expected the end of the line"},
		{"\xef\xbb\xbf"
		 "a = 1\n",
			"byte order mark"},
		{"a = '\xff'\n", "not a text in UTF-8"},
	};
	AUTO_STR struct str deep = STR_INIT;
	AUTO_TOML struct toml t = {.v = NULL};
	struct err e = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_TOML struct toml one = {.v = NULL};
		int rc;

		e = (struct err){0};
		rc = toml_parse(cases[i].text, strlen(cases[i].text), &one, &e);
		if (!cases[i].wrong)
			ok(rc == 0, "toml %zu is read (%s)", i, e.msg);
		else
			ok(rc < 0 && strstr(e.msg, cases[i].wrong), "toml %zu: %s (%s)", i,
				cases[i].wrong, e.msg);
	}
	str_add(&deep, "a = ");
	for (int i = 0; i < 5000; i++)
		str_add(&deep, "[");
	ok(toml_parse(deep.s, deep.len, &t, &e) < 0 && strstr(e.msg, "deeper"), "toml: depth");
	toml_done(&t);
	str_reset(&deep);
	for (int i = 0; i < TOML_ENTRIES_MAX + 1; i++)
		str_addf(&deep, "k%d = 1\n", i);
	ok(toml_parse(deep.s, deep.len, &t, &e) < 0 && strstr(e.msg, "more keys"), "toml: keys");
	toml_done(&t);
	ok(toml_parse("[a.\"b.c\"]\nd = \"x\\ty\"\n", 21, &t, &e) == 0 &&
			toml_find(&t, TOML_KEY, "a" TOML_SEP "b.c" TOML_SEP "d"),
		"toml: paths are kept by part");
	tap_same(t.n == 2 ? t.v[1].text : NULL, "x\ty", "toml: a string's text");
}

/* ---- splices ---- */

static void test_diff(void)
{
	static const struct {
		const char *a, *b, *want;
	} cases[] = {
		{"", "", ""},
		{"a\n", "a\n", ""},
		{"", "a\n", "@@ -0,0 +1,1 @@\n+a\n"},
		{"a\nb\nc\n", "a\nc\n", "@@ -1,3 +1,2 @@\n a\n-b\n c\n"},
		{"a", "a\nb\n", "@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n1\n2\n3\n4\n5\n6\n7\n8\ny\n",
			"@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n@@ -6,4 +7,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
		{"1\n2\n3\n4\n", "x\n1\n2\n3\ny\n", "@@ -1,4 +1,5 @@\n+x\n 1\n 2\n 3\n-4\n+y\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_STR struct str out = STR_INIT;
		char what[32];

		snprintf(what, sizeof what, "diff %zu", i);
		splice_diff(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b), &out);
		tap_same(str_text(&out), cases[i].want, what);
	}
}

/* ---- every file of the corpus ---- */

struct engine {
	const char *name, *end; /* of its files */
	const char *comment; /* what somebody may add at the end; NULL: not there */
};

static const struct engine containerd = {"containerd", ".toml", "\n[metrics]\n  address = \"\"\n"};
static const struct engine docker = {"docker", ".json", NULL};

/* As other editors write it: CRLF; without a last newline. */
enum form { AS_IS, CRLF, NO_NEWLINE, FORMS };
static const char *const form_names[] = {"as it is", "with CRLF", "without a last newline"};

static bool reform(enum form form, struct str *s)
{
	AUTO_STR struct str out = STR_INIT;

	str_add(&out, "");
	if (form == CRLF)
		for (size_t i = 0; i < s->len; i++)
			str_addf(&out, s->s[i] == '\n' ? "\r\n" : "%c", s->s[i]);
	else
		str_addn(&out, str_text(s), s->len);
	if (form == NO_NEWLINE && (out.len == 0 || out.s[out.len - 1] != '\n'))
		return false;
	if (form == NO_NEWLINE)
		out.s[--out.len] = '\0';
	str_done(s);
	*s = out;
	out = (struct str)STR_INIT;
	return true;
}

static void test_undo(const struct engine *en, const char *name, enum form form, const char *more)
{
	AUTO_STR struct str before = STR_INIT, after = STR_INIT, out = STR_INIT;
	char what[400];
	bool good, crlf;

	snprintf(what, sizeof what, "%s %s, %s", name, form_names[form], *more ? more : "offered");
	read_bytes(file, &before);
	if (!reform(form, &before))
		return;
	write_bytes(file, str_text(&before), before.len);
	snprintf(state, sizeof state, "%s", scratch_path("state"));

	good = enable(&out, en->name, "--dry-run") == 1 && holds(&before) &&
	       access(state, F_OK) < 0;
	ok(good, "%s: a dry run shows and changes nothing", what);
	if (!ok(enable(&out, en->name, more) == 0, "%s: enabled", what))
		printf("# %s\n", str_text(&out));
	read_bytes(file, &after);
	ok(strstr(str_text(&after), "cinch-baseline") && strstr(str_text(&after), programs),
		"%s: it is in the file", what);
	ok(form != CRLF || !strstr(str_text(&after), "n\n"), "%s: one kind of line ends", what);
	good = enable(&out, en->name, more) == 0 && strstr(str_text(&out), "already") &&
	       holds(&after);
	ok(good, "%s: again changes nothing", what);
	/* the other way, and back */
	good = enable(&out, en->name, *more ? "" : "--default") == 0 &&
	       enable(&out, en->name, more) == 0 && holds(&after);
	ok(good, "%s: other options and back", what);
	good = disable(&out, en->name, "--dry-run") == 1 && holds(&after);
	ok(good, "%s: disable --dry-run", what);
	good = disable(&out, en->name, "") == 0 && holds(&before) && entries(state) == 0;
	ok(good, "%s: disabled, every byte", what);
	good = disable(&out, en->name, "") == 0 && holds(&before);
	ok(good, "%s: again changes nothing", what);
	if (!en->comment) {
		rmdir(state);
		return;
	}

	/* somebody edits below and above */
	crlf = form == CRLF && before.len;
	enable(&out, en->name, more);
	read_bytes(file, &after);
	str_reset(&out);
	str_add(&out, crlf ? "# mine\r\n" : "# mine\n");
	str_addn(&out, str_text(&after), after.len);
	str_add(&out, en->comment);
	write_bytes(file, out.s, out.len);
	str_done(&after);
	read_bytes(file, &after);
	good = enable(&out, en->name, more) == 0 && strstr(str_text(&out), "already") &&
	       holds(&after);
	ok(good, "%s, edited: still enabled", what);
	str_reset(&after);
	str_add(&after, crlf ? "# mine\r\n" : "# mine\n");
	if (!before.len || strstr(str_text(&before), "version") == NULL)
		str_add(&after, crlf ? "version = 2\r\n" : "version = 2\n");
	str_addn(&after, str_text(&before), before.len);
	str_add(&after, en->comment);
	good = disable(&out, en->name, "") == 0;
	ok(good && holds(&after), "%s, edited: only our part goes", what);
	rmdir(state);
}

static void test_corpus(const struct engine *en)
{
	char dir[100];
	struct dirent **list;
	int n, used = 0;

	snprintf(dir, sizeof dir, "tests/data/enable/%s", en->name);
	n = scandir(dir, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		AUTO_STR struct str bytes = STR_INIT;
		char path[400];

		snprintf(path, sizeof path, "%s/%s", dir, name);
		if (!str_ends(name, en->end) || str_starts(name, "no-"))
			continue;
		used++;
		for (enum form form = AS_IS; form < FORMS; form++)
			for (int d = 0; d < (form == AS_IS ? 2 : 1); d++) {
				read_bytes(path, &bytes);
				write_bytes(file, str_text(&bytes), bytes.len);
				test_undo(en, name, form, d ? "--default" : "");
			}
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	ok(used > 5, "%d files of %s", used, en->name);
}

static void test_refused(void)
{
	static const struct {
		const char *engine, *name, *want;
	} cases[] = {
		{"containerd", "no-docker-package.toml", ":3: there is no version"},
		{"containerd", "no-cri.toml", ":2: the CRI plugin is switched off"},
		{"containerd", "no-k3s.toml", ":1: the file says that it is made by a program"},
		{"containerd", "no-version1.toml", ":1: there is no version"},
		{"containerd", "no-version9.toml", ":1: only version 2 and 3"},
		{"containerd", "no-inline.toml", ":4: written as { } or [[ ]]"},
		{"containerd", "no-inline-plugins.toml", ":2: written as a value"},
		{"containerd", "no-dotted.toml", ":3: written with dots"},
		{"containerd", "no-twice.toml", "line 4: \"cni\" is defined in line 2 already"},
		{"containerd", "no-key-twice.toml", "line 4: \"sandbox_image\" is defined"},
		{"containerd", "no-foreign.toml", ":4: another runtime has this name"},
		{"containerd", "no-default.toml", ":3: default_runtime_name is a runtime that no"},
		{"containerd", "no-runc.toml", ":3: default_runtime_name is \"runc\", and there"},
		{"containerd", "no-bom.toml", "line 1: it begins with a byte order mark"},
		{"containerd", "no-latin1.toml", "not a text in UTF-8"},
		{"containerd", "no-broken.toml", "line 2, column 9: expected ]"},
		{"containerd", "no-quotes.toml", "line 2, column 8: expected a value"},
		{"containerd", "no-two-on-a-line.toml", "line 2, column 12: expected the end"},
		{"docker", "no-comment.json", "line 2"},
		{"docker", "no-array.json", "line 1: expected an object"},
		{"docker", "no-twice.json", "line 1"},
		{"docker", "no-spelling.json", ":1:14: a key of this spelling"},
		{"docker", "no-runtimes-array.json", "\"runtimes\": expected an object"},
		{"docker", "no-foreign.json", ":1:24: another runtime has this name"},
		{"docker", "no-broken.json", "line 2"},
		{"docker", "no-default-number.json", "\"default-runtime\": expected a string"},
		{"docker", "no-bom.json", "line 1: it begins with a byte order mark"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_STR struct str before = STR_INIT, out = STR_INIT;
		char path[200];
		bool good;

		snprintf(path, sizeof path, "tests/data/enable/%s/%s", cases[i].engine,
			cases[i].name);
		read_bytes(path, &before);
		write_bytes(file, str_text(&before), before.len);
		good = enable(&out, cases[i].engine, "") == 2 &&
		       strstr(str_text(&out), cases[i].want) && strstr(str_text(&out), file) &&
		       holds(&before) && entries(state) == 0;
		if (!ok(good, "%s: refused: %s", cases[i].name, cases[i].want))
			printf("# %s\n", str_text(&out));
	}
	rmdir(state);
}

/* ---- what the file is ---- */

static void expect(const char *engine, const char *what, const char *want)
{
	AUTO_STR struct str out = STR_INIT;
	int rc = enable(&out, engine, "");

	if (!ok(rc == 2 && strstr(str_text(&out), want) && entries(state) == 0, "%s: %s", what,
		    want))
		printf("# %d %s\n", rc, str_text(&out));
}

static void test_places(void)
{
	AUTO_STR struct str out = STR_INIT;
	char target[4096];

	place("etc/config.toml");
	unlink(file);
	snprintf(target, sizeof target, "%s", scratch_path("etc/real.toml"));
	scratch_write("etc/real.toml", "version = 2\n");
	ok(symlink(target, file) == 0, "a symlink");
	expect("containerd", "a symlink", "is a symbolic link to");
	unlink(file);
	mkdir(file, 0755);
	expect("containerd", "a directory", "it is a directory");
	rmdir(file);
	mkfifo(file, 0644);
	expect("containerd", "a FIFO", "it is a FIFO");
	unlink(file);
	scratch_write("etc/config.toml", "version = 2\n");
	chmod(file, 0666);
	expect("containerd", "a file for all", "can be written by others");
	chmod(file, 0644);
	chmod(scratch_path("etc"), 0777);
	expect("containerd", "a directory for all", "can be written by others");
	chmod(scratch_path("etc"), 0755);
	if (geteuid() == 0) {
		ok(chown(file, 1, 1) == 0, "another's file");
		expect("containerd", "another's file", "belongs to user 1");
	}
	unlink(file);
	unlink(target);
	place("nowhere/at/all/config.toml");
	ok(enable(&out, "containerd", "") == 2 && strstr(str_text(&out), "make the directory"),
		"no directory, and none above it");
	place("etc/config.toml");
	ok(enable(&out, "cri-o", "") == 2 && strstr(str_text(&out), "expected containerd, docker"),
		"an unknown engine");
	ok(enable(&out, "docker", "--programs /nowhere") == 2 &&
			strstr(str_text(&out), "/nowhere: No such file"),
		"no programs there");
	rmdir(state);
}

/* Files that are made, and their directory. */
static void test_made(void)
{
	AUTO_STR struct str out = STR_INIT;
	static const char *const engines[] = {"containerd", "docker", "podman"};
	static const char *const files[] = {
		"made/config.toml", "made/daemon.json", "made/50-cinch.conf"};
	struct stat st;

	for (int i = 0; i < 3; i++) {
		place(files[i]);
		ok(enable(&out, engines[i], "") == 0 && has("cinch-baseline"), "%s: made",
			engines[i]);
		ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0644, "%s: mode", engines[i]);
		ok(enable(&out, engines[i], "--default") == 0 && enable(&out, engines[i], "") == 0,
			"%s: changed twice", engines[i]);
		ok(disable(&out, engines[i], "") == 0 && access(file, F_OK) < 0 &&
				access(scratch_path("made"), F_OK) < 0,
			"%s: gone, with its directory", engines[i]);
	}
	rmdir(state);
}

/* Our own part was edited. */
static void test_altered(void)
{
	AUTO_STR struct str out = STR_INIT, now = STR_INIT;
	char *at;
	bool good;

	place("etc/config.toml");
	scratch_write("etc/config.toml", "version = 2\n");
	enable(&out, "containerd", "");
	read_bytes(file, &now);
	at = strstr(now.s, "pod_annotations");
	*at = 'P';
	write_bytes(file, now.s, now.len);
	good = disable(&out, "containerd", "") == 2 && strstr(str_text(&out), "by hand") &&
	       strstr(str_text(&out), "containerd.before") && holds(&now);
	ok(good, "our part was edited: refused, and the way out is said");
	good = enable(&out, "containerd", "") == 2 && holds(&now);
	ok(good, "our part was edited: enable refuses, too");
	write_bytes(file, "version = 2\n#\n", 14);
	good = enable(&out, "containerd", "") == 0 && has("runtimes.cinch]");
	ok(good, "another file in its place: enable begins anew");
	write_bytes(file, "version = 2\n#\n", 14);
	good = disable(&out, "containerd", "") == 0 && entries(state) == 0;
	ok(good, "put back by hand: the record goes");
	unlink(file);

	/* JSON is understood: blanks do not matter */
	place("etc/daemon.json");
	scratch_write("etc/daemon.json", "{\"debug\": true, \"default-runtime\": \"runc\"}");
	enable(&out, "docker", "--default");
	scratch_write("etc/daemon.json", "");
	str_reset(&now);
	str_addf(&now,
		"{\"default-runtime\": \"cinch\", \"runtimes\": {\"x\": {\"path\": \"/x\"},\n"
		"\"cinch-baseline\": {\"path\": \"%s/cinch-baseline\"},\n"
		"\"cinch\": { \"path\":\"%s/cinch\" }}, \"debug\": false}",
		programs, programs);
	write_bytes(file, now.s, now.len);
	ok(disable(&out, "docker", "") == 0, "written anew by a program: disabled");
	read_bytes(file, &now);
	tap_same(str_text(&now),
		"{\n  \"runtimes\": {\n    \"x\": {\n      \"path\": \"/x\"\n    }\n  },\n"
		"  \"debug\": false,\n  \"default-runtime\": \"runc\"\n}\n\n",
		"written anew by a program: what is left");
	write_bytes(file, "{}", 2);
	enable(&out, "docker", "");
	str_reset(&now);
	str_addf(&now, "{\"runtimes\": {\"cinch\": {\"path\": \"%s/cinch\", \"args\": []}}}",
		programs);
	write_bytes(file, now.s, now.len);
	good = disable(&out, "docker", "") == 2 &&
	       strstr(str_text(&out), "is not what was written") && holds(&now);
	ok(good, "our member was edited: refused");
	unlink(file);
	disable(&out, "docker", "");
	rmdir(state);
}

/* ---- containerd's imports ---- */

static void test_imports(void)
{
	AUTO_STR struct str out = STR_INIT, text = STR_INIT;
	char drop_in[4096];

	mkdir(scratch_path("etc/conf.d"), 0755);
	snprintf(drop_in, sizeof drop_in, "%s", scratch_path("etc/conf.d/cinch.toml"));
	place("etc/config.toml");
	scratch_write("etc/config.toml", "version = 3\nimports = [\"conf.d/*.toml\"]\n");
	ok(enable(&out, "containerd", "--default") == 0 && !has("cinch"),
		"version 3: the file itself stays");
	read_bytes(drop_in, &text);
	ok(strstr(str_text(&text), "\nversion = 3\n") &&
			strstr(str_text(&text),
				"[plugins.\"io.containerd.cri.v1.runtime\".containerd]\n"
				"  default_runtime_name = \"cinch\"") &&
			strstr(str_text(&text), "runtimes.runc]"),
		"version 3: a file of its own");
	ok(enable(&out, "containerd", "--default") == 0 && strstr(str_text(&out), "already"),
		"version 3: again");
	ok(disable(&out, "containerd", "") == 0 && access(drop_in, F_OK) < 0,
		"version 3: and gone");
	scratch_write("etc/conf.d/cinch.toml", "version = 3\n");
	ok(enable(&out, "containerd", "") == 2 && strstr(str_text(&out), "not written by this"),
		"version 3: another's file of that name");
	unlink(drop_in);

	/* 1.x heeds only the last file that has a table of the plugin */
	scratch_write("etc/config.toml", "version = 2\nimports = [\"conf.d/*.toml\"]\n");
	ok(enable(&out, "containerd", "") == 0 && has("runtimes.cinch]"),
		"version 2: into the file itself");
	disable(&out, "containerd", "");
	scratch_write("etc/conf.d/cri.toml",
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"x\"\n");
	ok(enable(&out, "containerd", "") == 0 && !has("cinch"),
		"version 2: into the file that has the plugin");
	str_reset(&text);
	read_bytes(scratch_path("etc/conf.d/cri.toml"), &text);
	ok(strstr(str_text(&text), "runtimes.cinch]") != NULL, "version 2: there it is");
	disable(&out, "containerd", "");
	scratch_write("etc/config.toml",
		"version = 2\nimports = [\"conf.d/*.toml\"]\n"
		"[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"y\"\n");
	ok(enable(&out, "containerd", "") == 2 &&
			strstr(str_text(&out), "heeds only the last file"),
		"version 2: two files with it");
	scratch_write("etc/conf.d/cri.toml", "version = 2\nimports = [\"more.toml\"]\n");
	ok(enable(&out, "containerd", "") == 2 && strstr(str_text(&out), "imports others"),
		"imports of imports");
	unlink(file);
	ok(enable(&out, "containerd", "") == 2 &&
			strstr(str_text(&out), "reads by itself from 2.2"),
		"drop-ins without a file");
	unlink(scratch_path("etc/conf.d/cri.toml"));
	rmdir(scratch_path("etc/conf.d"));
	rmdir(state);
}

static void test_podman(void)
{
	AUTO_STR struct str out = STR_INIT;

	mkdir(scratch_path("etc/d"), 0755);
	place("etc/d/50-cinch.conf");
	scratch_write("etc/containers.conf",
		"[engine]\nruntime_supports_json = [\"my-runtime\", {append=true}]\n");
	scratch_write("etc/d/10.conf", "[engine]\nruntime = \"crun\"\n");
	ok(enable(&out, "podman", "--default") == 0 && has("\"my-runtime\"") &&
			has("runtime = \"cinch\"") && has("\"cinch-baseline\", \"my-runtime\"]"),
		"podman: the list has what others have");
	disable(&out, "podman", "");
	scratch_write("etc/d/60.conf", "[engine]\nruntime = \"crun\"\n");
	ok(enable(&out, "podman", "") == 0, "podman: a later file with another default");
	disable(&out, "podman", "");
	ok(enable(&out, "podman", "--default") == 2 &&
			strstr(str_text(&out), "60.conf:2: this file is"),
		"podman: which wins, so --default is refused");
	scratch_write("etc/d/60.conf", "[engine]\nruntime_supports_json = [\"runc\"]\n");
	ok(enable(&out, "podman", "") == 2 && strstr(str_text(&out), "60.conf:2: this file is"),
		"podman: a later list");
	scratch_write("etc/d/60.conf", "[engine.runtimes]\ncinch = [\"/x\"]\n");
	ok(enable(&out, "podman", "") == 2 &&
			strstr(str_text(&out), "another runtime has this name"),
		"podman: another's name");
	unlink(scratch_path("etc/d/60.conf"));
	scratch_write("etc/d/50-cinch.conf", "");
	ok(enable(&out, "podman", "") == 2 && strstr(str_text(&out), "not written by this"),
		"podman: another's file");
	unlink(file);
	rmdir(state);
}

/* ---- killed, and errors ---- */

struct call {
	const char *engine, *before; /* the file; NULL: none */
	bool enable;
	struct str old, new; /* what the file may be */
	bool new_there;
};

static bool isolate;

static bool try_isolation(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static int become(void *arg)
{
	const struct call *c = arg;
	char *const on[] = {program, (char[]){"enable"}, (char *)c->engine, (char[]){"--state"},
		state, (char[]){"--store"}, store, (char[]){"--programs"}, programs,
		(char[]){"--config"}, file, NULL};
	char *const off[] = {program, (char[]){"disable"}, (char *)c->engine, (char[]){"--state"},
		state, (char[]){"--store"}, store, NULL};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* who cannot read the policy records in the node's own log */
	if (isolate && (unshare(CLONE_NEWNS) < 0 ||
			       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			       mount("tmpfs", "/var/log", "tmpfs", 0, NULL) < 0))
		return 125;
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot work under a tracer */
	if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return 125;
	execv(program, c->enable ? on : off);
	return 125;
}

/* STATE and FILE as they are before the call. */
static void reset(struct call *c, unsigned at)
{
	AUTO_STR struct str out = STR_INIT;
	char name[64];

	snprintf(name, sizeof name, "w%u", at);
	mkdir(scratch_path(name), 0755);
	snprintf(name, sizeof name, "w%u/state", at);
	snprintf(state, sizeof state, "%s", scratch_path(name));
	snprintf(name, sizeof name, "w%u/file", at);
	place(name);
	if (c->before)
		write_bytes(file, c->before, strlen(c->before));
	if (!c->enable)
		enable(&out, c->engine, "");
}

static bool is(const struct str *want, bool there)
{
	return there ? access(file, F_OK) == 0 && holds(want) : access(file, F_OK) < 0;
}

static bool whole(struct call *c, const struct faults_run *run, unsigned at)
{
	AUTO_STR struct str out = STR_INIT;
	const bool old_there = c->enable ? c->before != NULL : true;
	const char *wrong = NULL;
	char dir[64];

	snprintf(dir, sizeof dir, "w%u", at);
	if (!is(&c->old, old_there) && !is(&c->new, c->new_there))
		wrong = "neither the old nor the new one";
	else if (run->ended && run->status == 0 && !is(&c->new, c->new_there))
		wrong = "it claims to be done";
	else if ((c->enable ? enable(&out, c->engine, "") : disable(&out, c->engine, "")) != 0)
		wrong = "the next call fails";
	else if (!is(&c->new, c->new_there))
		wrong = "the next call does not finish it";
	else if (disable(&out, c->engine, "") != 0 ||
		 !is(c->enable ? &c->old : &c->new, c->before != NULL))
		wrong = "it cannot be taken out again";
	else if (entries(state) != 0 || entries(scratch_path(dir)) != (c->before ? 2 : 1))
		wrong = "something is left over";
	if (wrong)
		printf("# call %u (number %ld), status %d: %s: %s\n", at, run->call, run->status,
			wrong, str_text(&out));
	return !wrong;
}

/* From call number FROM on: the first ones are the loader's. */
static void walk(struct call *c, const char *how, unsigned from, const int *faults, unsigned n)
{
	static unsigned base;
	unsigned at, bad = 0;

	for (at = from; at < 20000 && bad < 5; at++) {
		struct faults_run run;

		reset(c, base + at);
		run = faults_run(become, c, at, faults[at % n]);
		bad += !whole(c, &run, base + at);
		if (run.hit)
			continue;
		bad += !run.ended || run.status != 0;
		break;
	}
	base += at;
	ok(!bad && at > 50, "%s %s: %s at each of %u system calls",
		c->enable ? "enable" : "disable", c->engine, how, at - 1);
}

static void test_faults(const char *engine, const char *before, bool all)
{
	enum { LOADER = 40 };
	static const int killed[] = {FAULT_KILL}, errors[] = {ENOSPC, EIO, EDQUOT};
	struct call on = {.engine = engine, .before = before, .enable = true, .new_there = true};
	struct call off = {.engine = engine, .before = before, .new_there = before != NULL};
	static unsigned first = 1000000;
	AUTO_STR struct str out = STR_INIT;

	/* what it has to come to */
	reset(&on, first);
	str_add(&on.old, before ? before : "");
	enable(&out, engine, "");
	read_bytes(file, &on.new);
	disable(&out, engine, "");
	str_add(&off.new, before ? before : "");
	str_addn(&off.old, on.new.s, on.new.len);
	first++;
	walk(&on, "killed", all ? 1 : LOADER, killed, 1);
	walk(&off, "killed", LOADER, killed, 1);
	isolate = geteuid() == 0;
	if (isolate && !try_isolation()) {
		tap_skip("errors of enable and disable", "root cannot make a mount namespace here");
	} else if (all && !getenv("CINCH_MUTATIONS")) { /* a slow build asks for less */
		walk(&on, "an error", LOADER, errors, 3);
		walk(&off, "an error", LOADER, errors, 3);
	}
	isolate = false;
	str_done(&on.old);
	str_done(&on.new);
	str_done(&off.old);
	str_done(&off.new);
}

/* ---- */

static void prepare(void)
{
	const char *b = getenv("B");
	AUTO_STR struct str out = STR_INIT;
	char line[16000];

	snprintf(program, sizeof program, "%s/cinchctl", b ? b : "build");
	if (access(program, X_OK) < 0) {
		perror(program);
		exit(2);
	}
	mkdir(scratch_path("bin"), 0755);
	mkdir(scratch_path("etc"), 0755);
	snprintf(programs, sizeof programs, "%s", scratch_path("bin"));
	snprintf(store, sizeof store, "%s", scratch_path("policy"));
	snprintf(state, sizeof state, "%s", scratch_path("state"));
	chmod(scratch_write("bin/cinch", "x"), 0755);
	if (symlink("cinch", scratch_path("bin/cinch-baseline")) < 0)
		exit(2);
	/* the audit log of the node is not for tests */
	snprintf(line, sizeof line, "{\"audit\": {\"path\": \"%s\"}}",
		scratch_path("log/audit.jsonl"));
	scratch_write("cinch.json", line);
	snprintf(line, sizeof line, "%s apply --config %s --store %s 2>&1", program,
		scratch_path("cinch.json"), store);
	if (shell(&out, line) != 0) {
		fprintf(stderr, "%s\n", str_text(&out));
		exit(2);
	}
}

static void test_recorded(void)
{
	AUTO_FREE char *log = NULL;
	AUTO_STR struct str out = STR_INIT;

	unlink(scratch_path("log/audit.jsonl"));
	place("etc/daemon.json");
	enable(&out, "docker", "--default");
	disable(&out, "docker", "");
	scratch_write("etc/daemon.json", "[]");
	enable(&out, "docker", "");
	log = scratch_read("log/audit.jsonl");
	ok(log && strstr(log, "\"verb\":\"enable\"") && strstr(log, "\"verb\":\"disable\"") &&
			strstr(log, "\"result\":\"enabled\",\"engine\":\"docker\"") &&
			strstr(log, "\"result\":\"refused\"") && strstr(log, "expected an object"),
		"each is in the audit log");
	unlink(file);
	ok(enable(&out, "docker", "--json --dry-run") == 1 &&
			strstr(str_text(&out), "\"result\": \"differs\"") &&
			strstr(str_text(&out), "\"next\": \"systemctl reload docker\""),
		"--json");
	rmdir(state);
}

int main(void)
{
	const char *why;

	umask(022);
	prepare();
	test_toml();
	test_diff();
	place("etc/config.toml");
	test_corpus(&containerd);
	place("etc/daemon.json");
	test_corpus(&docker);
	test_refused();
	test_places();
	test_made();
	test_altered();
	test_imports();
	test_podman();
	test_recorded();
	fflush(stdout); /* the child that tries it would print it, too */
	if (!faults_work(&why)) {
		tap_skip("a fault at every system call of enable and disable", why);
		return tap_done();
	}
	test_faults("containerd", "version = 2\nroot = \"/x\"\n", true);
	if (!getenv("CINCH_MUTATIONS")) {
		test_faults("docker", "{\"default-runtime\": \"runc\"}\n", false);
		test_faults("podman", NULL, false);
	}
	return tap_done();
}
