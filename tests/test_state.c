/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_state - records are whole or not there, each container has its own, and those of containers that
 * are gone go, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/args.h"
#include "shim/base/cleanup.h"
#include "shim/state.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const char *dir, *root;

static int write_of(const char *id, const char *of_root, struct err *e)
{
	const struct state_facts f = {
		.id = id, .root = of_root, .runtime = "/usr/bin/runc", .bundle = "/b"};

	return state_write(dir, &f, e);
}

/* The path of the only entry "*.json" in the only directory of records. */
static const char *record_path(const char *id)
{
	static char path[PATH_MAX];
	char command[PATH_MAX];
	FILE *p;

	snprintf(command, sizeof command, "ls -d %s/*/'%s'.json 2>/dev/null", dir, id);
	p = popen(command, "re"); /* NOLINT(cert-env33-c): a test */
	if (!p || !fgets(path, sizeof path, p))
		path[0] = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (p)
		pclose(p);
	return path;
}

static bool there(const char *id)
{
	return record_path(id)[0] != '\0';
}

static void fresh(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s", scratch_path(name));
	dir = path;
}

static const char *member(const struct json_doc *doc, const char *pointer)
{
	return json_str(json_at(json_root(doc), pointer));
}

static void same_root(const char *runtime, const char *given, const char *want)
{
	char out[PATH_MAX] = "";
	struct err e = {0};

	state_root(runtime, given, out, &e);
	tap_same(out, want, given ? given : runtime ? runtime : "no --root");
}

static void roots(void)
{
	char out[PATH_MAX], *huge = malloc(PATH_MAX + 10), cwd[PATH_MAX], want[PATH_MAX + 2];
	struct err e = {0};

	same_root(NULL, "/run/containerd/runc/k8s.io", "/run/containerd/runc/k8s.io");
	same_root(NULL, "//run/./x/../runc/", "/run/runc");
	same_root(NULL, "/../..", "/");
	same_root(NULL, "/a...b/..c/", "/a...b/..c");
	if (getcwd(cwd, sizeof cwd)) {
		snprintf(want, sizeof want, "%s/r", cwd);
		same_root(NULL, "x/../r", want);
	}
	same_root("/usr/bin/crun", "/run/./a..b/", "/run/a..b");
	same_root("/usr/bin/crun", "/../run", "/run");
	ok(state_root("/usr/bin/crun", "/run/link/../x", out, &e) < 0 && e.code == ERR_INPUT &&
			state_root("/usr/bin/crun", "a/..", out, &e) < 0,
		"crun leaves \"..\" to the kernel: %s", e.msg);
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	same_root("/usr/bin/crun", NULL, "/run/user/1000/crun");
	ok(state_dir(out, &e) == 0 &&
			strcmp(out, geteuid() ? "/run/user/1000/cinch" : STATE_DIR) == 0,
		"records are in %s", out);
	unsetenv("XDG_RUNTIME_DIR");
	same_root("/usr/bin/crun", NULL, "/run/crun");
	same_root("/usr/local/sbin/runc", NULL, "/run/runc");
	same_root(NULL, NULL, "/run/runc");
	if (geteuid())
		ok(state_dir(out, &e) < 0 && strstr(e.msg, "XDG_RUNTIME_DIR"),
			"a user needs a directory: %s", e.msg);
	memset(huge, 'x', PATH_MAX + 8);
	huge[0] = '/';
	huge[PATH_MAX + 8] = '\0';
	ok(state_root(NULL, huge, out, &e) < 0, "a root that is no path: %.80s", e.msg);
	free(huge);
}

static void whole_record(void)
{
	struct profile restricted = {.name = "restricted", .version = "1.0.0", .digest = "ab"};
	struct profile web = {.name = "web", .version = "2.0.0", .mode = PROFILE_AUDIT};
	struct selection profiles = {.p = {&restricted, &web}, .n = 2};
	struct engine engine = {
		.kind = ENGINE_CRI,
		.namespace = "shop",
		.pod = "db-0\033[2J",
		.container = "db",
		.pod_uid = "u-1",
		.image = {.text = "postgres:16",
			.registry = "docker.io",
			.repository = "library/postgres",
			.tag = "16"},
	};
	const struct state_facts f = {.runtime = "/usr/bin/runc",
		.root = root,
		.id = "box",
		.bundle = "/b\xff",
		.engine = &engine,
		.profiles = &profiles,
		.enforced = true,
		.policy = "cd",
		.rule = 12};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	struct stat st;

	ok(state_write(dir, &f, &e) == 0, "a record is written: %s", e.msg);
	ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "its directory is made, 0700");
	ok(stat(record_path("box"), &st) == 0 && (st.st_mode & 07777) == 0600, "0600");
	if (!ok(state_read(dir, root, "box", &doc, &e) == 0 && doc, "and read: %s", e.msg))
		return;
	tap_same(member(doc, "/id"), "box", "id");
	tap_same(member(doc, "/root"), root, "root");
	tap_same(member(doc, "/bundle"), "/b\xef\xbf\xbd", "bytes that are no text are marked");
	tap_same(member(doc, "/engine"), "cri", "engine");
	tap_same(member(doc, "/namespace"), "shop", "namespace");
	tap_same(member(doc, "/pod"), "db-0\033[2J", "pod, as it was told");
	tap_same(member(doc, "/podUid"), "u-1", "podUid");
	tap_same(member(doc, "/container"), "db", "container");
	tap_same(member(doc, "/image/reference"), "postgres:16", "reference");
	tap_same(member(doc, "/image/tag"), "16", "tag");
	ok(!json_at(json_root(doc), "/image/digest"), "what is not known is left out");
	tap_same(member(doc, "/profiles/0/name"), "restricted", "first profile");
	tap_same(member(doc, "/profiles/0/digest"), "ab", "its digest");
	tap_same(member(doc, "/profiles/1/mode"), "audit", "second profile");
	tap_same(member(doc, "/policy"), "cd", "policy");
	ok(json_is_true(json_at(json_root(doc), "/enforced")), "enforced");
}

/* Raw control characters are not in the file, whatever an engine tells; long text is cut. */
static void hostile_text(void)
{
	struct engine engine = {.kind = ENGINE_DOCKER};
	const struct state_facts f = {.root = root, .id = "hostile", .engine = &engine};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	FILE *file;
	int c, raw = 0;

	engine.container = malloc(100001);
	memset(engine.container, 1, 100000);
	engine.container[100000] = '\0';
	ok(state_write(dir, &f, &e) == 0, "hostile text: %s", e.msg);
	ok(state_read(dir, root, "hostile", &doc, &e) == 0 && doc, "is read: %s", e.msg);
	ok(doc && strlen(member(doc, "/container")) == 1024, "cut");
	file = fopen(record_path("hostile"), "re");
	while (file && (c = getc(file)) != EOF)
		raw += c < 0x20 && c != '\n';
	ok(file && raw == 0, "%d raw control characters", raw);
	if (file)
		fclose(file);
	free(engine.container);
	state_forget(dir, root, "hostile");
}

/* What a container brings may be long; a record that could not be read is not written. */
static void too_large(void)
{
	static const struct json_limits most = {1 << 20, 20, 100};
	AUTO_STR struct str config = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL, *record = NULL;
	struct state_facts f = {.root = root, .id = "large"};
	struct err e = {0};

	str_add(&config, "{\"process\": {\"env\": [\"PATH=");
	for (int i = 0; i < 260 * 1024; i++)
		str_addc(&config, 'x');
	str_add(&config, "\"]}}");
	json_parse(config.s, config.len, &most, 0, &doc, &e);
	f.doc = doc;
	ok(state_write(dir, &f, &e) < 0 && e.code == ERR_INPUT && strstr(e.msg, "limit 262144"),
		"too large: %s", e.msg);
	ok(state_read(dir, root, "large", &record, &e) == 0 && !record, "nothing is written");
}

/* As many values as fit into the largest record. */
static void many_values(void)
{
	static const struct json_limits most = {1 << 20, 20, 200000};
	AUTO_STR struct str config = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL, *record = NULL;
	struct state_facts f = {.root = root, .id = "many"};
	struct err e = {0};

	str_add(&config, "{\"linux\": {\"uidMappings\": [1");
	for (int i = 0; i < 130000; i++)
		str_add(&config, ",1");
	str_add(&config, "]}}");
	json_parse(config.s, config.len, &most, 0, &doc, &e);
	f.doc = doc;
	ok(doc && state_write(dir, &f, &e) == 0, "130,000 values: %s", e.msg);
	ok(state_read(dir, root, "many", &record, &e) == 0 && record, "are read: %s", e.msg);
	state_forget(dir, root, "many");
}

static void ids(void)
{
	char longest[ARGS_ID_MAX + 2], other[ARGS_ID_MAX + 2];
	AUTO_JSON struct json_doc *doc = NULL, *second = NULL;
	static const char *const wrong[] = {"", ".", "..", "a/b", "../x", "~x", "a b", "\xff"};
	struct err e = {0};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ok(write_of(wrong[i], root, &e) < 0 && e.code == ERR_INPUT, "refused: %s", e.msg);
	memset(longest, 'a', ARGS_ID_MAX);
	longest[ARGS_ID_MAX] = '\0';
	memcpy(other, longest, sizeof longest);
	other[ARGS_ID_MAX - 1] = 'b';
	ok(write_of(longest, root, &e) == 0 && write_of(other, root, &e) == 0, "1024 bytes: %s",
		e.msg);
	ok(state_read(dir, root, longest, &doc, &e) == 0 && doc &&
			strcmp(member(doc, "/id"), longest) == 0,
		"found");
	ok(state_read(dir, root, other, &second, &e) == 0 && second &&
			strcmp(member(second, "/id"), other) == 0,
		"each its own");
	state_forget(dir, root, longest);
	state_forget(dir, root, other);
	longest[ARGS_ID_MAX] = 'a';
	longest[ARGS_ID_MAX + 1] = '\0';
	ok(write_of(longest, root, &e) < 0, "1025: %.60s", e.msg);
	ok(write_of("x", "/run/\xff", &e) < 0 && e.code == ERR_INPUT, "a root that is no text: %s",
		e.msg);
}

static void two_roots(void)
{
	AUTO_JSON struct json_doc *a = NULL, *b = NULL, *none = NULL;
	struct err e = {0};

	ok(write_of("same", "/run/a", &e) == 0 && write_of("same", "/run/b/../b", &e) == 0,
		"one id, two engines: %s", e.msg);
	ok(state_read(dir, "/run/a", "same", &a, &e) == 0 && a &&
			strcmp(member(a, "/root"), "/run/a") == 0,
		"the first");
	ok(state_read(dir, "/run/b", "same", &b, &e) == 0 && b &&
			strcmp(member(b, "/root"), "/run/b") == 0,
		"the second");
	state_forget(dir, "/run/a", "same");
	json_free(a);
	a = NULL;
	ok(state_read(dir, "/run/a", "same", &a, &e) == 0 && !a, "forgotten");
	ok(state_read(dir, "/run/b", "same", &none, &e) == 0 && none, "the other is there");
	state_forget(dir, "/run/a", "same");
	state_forget(dir, "/run/nowhere", "same");
	state_forget(dir, "/run/b", "same");
}

/* ---- what is wrong with the directory ---- */

static void refused_as(const char *what, const char *word)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0}, r = {0};

	ok(write_of("box", root, &e) < 0 && strstr(e.msg, word), "%s: %s", what, e.msg);
	ok(state_read(dir, root, "box", &doc, &r) < 0 && strstr(r.msg, word), "%s, read: %s", what,
		r.msg);
	state_forget(dir, root, "box");
}

static int count_one(const struct json *record, void *arg, struct err *e)
{
	(void)e;
	(void)record;
	++*(int *)arg;
	return 0;
}

static void bad_directory(void)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STRV struct strv bad = {0};
	struct err e = {0};
	char hash[PATH_MAX], *slash;
	int n = 0;

	fresh("missing");
	ok(state_read(dir, root, "box", &doc, &e) == 0 && !doc && !e.code, "missing: no record");
	ok(state_each(dir, count_one, &n, &bad, &e) == 0 && n == 0 && !e.code, "missing: none");
	ok(state_sweep(dir, &e) == 0 && !e.code, "missing: nothing to remove");
	state_forget(dir, root, "box");
	fresh("missing/deeper");
	ok(write_of("box", root, &e) < 0 && e.code == ENOENT, "no parent: %s", e.msg);

	fresh("file");
	scratch_write("file", "x");
	refused_as("a file", "is not a directory");
	e = (struct err){0};
	ok(state_each(dir, count_one, &n, &bad, &e) < 0, "a file, listed: %s", e.msg);
	fresh("link");
	mkdir(scratch_path("target"), 0700);
	if (symlink(scratch_path("target"), dir) != 0)
		perror("symlink");
	refused_as("a symbolic link", "is not a directory");
	ok(scratch_entries("target") == 0, "nothing was written behind it");
	fresh("open");
	mkdir(dir, 0700);
	chmod(dir, 0777);
	refused_as("everybody's", "may write it");
	chmod(dir, 0755);
	e = (struct err){0};
	ok(write_of("box", root, &e) == 0, "readable by others only: %s", e.msg);
	snprintf(hash, sizeof hash, "%s", record_path("box"));
	slash = strrchr(hash, '/');
	*slash = '\0';
	chmod(hash, 0770);
	refused_as("the group's", "may write it");
	unlink(record_path("box"));
}

/* With rules of the network a record may be as long as two profiles' peers. */
static void long_network(void)
{
	static const struct {
		size_t peers;
		bool network, good;
	} rows[] = {{20000, true, true}, {20000, false, false}, {400000, true, false}};

	fresh("long");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_JSON struct json_doc *doc = json_new(), *back = NULL;
		struct json *list = json_array(doc), *o = json_object(doc);
		struct state_facts f = {
			.id = "box", .root = root, .runtime = "/usr/bin/runc", .bundle = "/b"};
		struct err e = {0};

		for (size_t k = 0; k < rows[i].peers; k++)
			json_push(list, json_string(doc, "192.0.2.255/32"));
		json_put(doc, o, rows[i].network ? "policies" : "sources", list);
		json_set_root(doc, o);
		if (rows[i].network) {
			f.network = o;
		} else {
			json_put(doc, o, "process", json_object(doc));
			json_put(doc, json_get(o, "process"), "rlimits", json_clone(doc, list));
			f.doc = doc;
		}
		ok((state_write(dir, &f, &e) == 0) == rows[i].good, "%zu peers: %s", rows[i].peers,
			e.msg);
		if (rows[i].good)
			ok(state_read(dir, root, "box", &back, &e) == 0 && back &&
					json_equal(json_get(json_root(back), "network"), o),
				"and read back: %s", e.msg);
		else
			ok(e.code == ERR_INPUT && strstr(e.msg, "limit"), "and says so");
	}
}

/* Without "network" and "unhooked", as text. */
static char *rest_of(struct json_doc *doc)
{
	struct str text = STR_INIT;

	json_remove(json_get(json_root(doc), "network"));
	json_remove(json_get(json_root(doc), "unhooked"));
	json_write(json_root(doc), &text);
	return str_take(&text);
}

static void another_network(void)
{
	AUTO_JSON struct json_doc *want = json_new(), *first = NULL, *second = NULL, *third = NULL;
	AUTO_FREE char *was = NULL, *is = NULL;
	struct json *o = json_object(want);
	struct stat before = {0}, after = {0};
	struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000, .tv_nsec = 77}};
	struct err e = {0};

	fresh("network");
	json_set_root(want, o);
	json_put(want, o, "title", json_string(want, "box"));
	if (!ok(write_of("box", root, &e) == 0 && state_read(dir, root, "box", &first, &e) == 0 &&
			    utimensat(AT_FDCWD, record_path("box"), old, 0) == 0 &&
			    stat(record_path("box"), &before) == 0,
		    "a record: %s", e.msg))
		return;
	ok(state_put_network(dir, json_root(first), o, true, &e) == 0 &&
			state_read(dir, root, "box", &second, &e) == 0 &&
			json_equal(json_get(json_root(second), "network"), o) &&
			json_is_true(json_get(json_root(second), "unhooked")),
		"gets a network: %s", e.msg);
	ok(stat(record_path("box"), &after) == 0 && after.st_mode == before.st_mode &&
			after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
			after.st_mtim.tv_nsec == before.st_mtim.tv_nsec,
		"and is as old as it was");
	was = rest_of(first);
	is = rest_of(second);
	tap_same(is, was, "nothing else of it is changed");
	ok(state_put_network(dir, json_root(first), NULL, false, &e) == 0 &&
			state_read(dir, root, "box", &third, &e) == 0 &&
			!json_get(json_root(third), "network") &&
			!json_get(json_root(third), "unhooked"),
		"and none again: %s", e.msg);
	write_of("box", root, &e);
	ok(state_put_network(dir, json_root(first), o, true, &e) < 0 && e.code == ESTALE,
		"not that of another start: %s", e.msg);
	state_forget(dir, root, "box");
	ok(state_put_network(dir, json_root(first), o, true, &e) < 0 && e.code == ENOENT,
		"nor one that is gone: %s", e.msg);
	ok(!there("box"), "which does not come back");
}

/* Calls FN as somebody who may not do everything; its exit status. */
static int as_nobody(int (*fn)(void))
{
	int status = -1;
	pid_t pid;

	chmod(scratch_dir(), 0711);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(geteuid() == 0 && seteuid(65534) != 0 ? 99 : fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int write_readonly(void)
{
	struct err e = {0};

	return write_of("box", root, &e) < 0 && e.code == EACCES ? 0 : 1;
}

static int write_full(void)
{
	const struct rlimit small = {10, 10};
	struct err e = {0};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	if (write_of("box", root, &e) == 0 || e.code != EFBIG)
		return 1;
	return 0;
}

static void cannot_write(void)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};

	fresh("readonly");
	mkdir(dir, 0500);
	if (geteuid() == 0 && chown(dir, 65534, 65534) != 0)
		perror("chown");
	ok(as_nobody(write_readonly) == 0, "a directory that cannot be written");

	fresh("full");
	ok(write_of("box", root, &e) == 0, "%s", e.msg);
	{
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(write_full());
		waitpid(pid, &status, 0);
		ok(status == 0, "a record that cannot be written to its end");
	}
	ok(state_read(dir, root, "box", &doc, &e) == 0 && doc, "leaves the old one whole");
	{
		char sub[PATH_MAX], *slash;

		snprintf(sub, sizeof sub, "%s", record_path("box") + strlen(scratch_dir()) + 1);
		slash = strrchr(sub, '/');
		*slash = '\0';
		ok(scratch_entries(sub) == 2, "and nothing else: %zu", scratch_entries(sub));
	}
}

/* ---- what is wrong with a record ---- */

static void spoil(const char *text)
{
	FILE *f = fopen(record_path("box"), "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		perror("spoil");
}

static void spoilt(const char *what)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STRV struct strv bad = {0};
	struct err e = {0};
	int n = 0;

	ok(state_read(dir, root, "box", &doc, &e) < 0 && e.code == ERR_INPUT, "%s: %s", what,
		e.msg);
	ok(state_each(dir, count_one, &n, &bad, &e) == 0 && n == 1 && bad.n == 1 &&
			str_ends(bad.v[0], "/box.json"),
		"%s: listed as damaged, the other one is seen", what);
	e = (struct err){0};
	ok(write_of("box", root, &e) == 0, "%s: written anew: %s", what, e.msg);
}

/* Carried over from another root: what it says of "box" is not of this one. */
static void carried(void)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	char *text, *at;

	fresh("carried");
	write_of("box", root, &e);
	ok(state_read(dir, root, "box", &doc, &e) == 0 && doc, "a record of this root: %s", e.msg);
	json_free(doc);
	doc = NULL;
	text = scratch_read(record_path("box") + strlen(scratch_dir()) + 1);
	at = text ? strstr(text, "\"root\":\"/") : NULL;
	if (at)
		at[9] ^= 1;
	spoil(text ? text : "");
	free(text);
	ok(state_read(dir, root, "box", &doc, &e) < 0 && e.code == ERR_INPUT && !doc,
		"a record of another root: %s", e.msg);
}

static void damaged(void)
{
	struct err e = {0};
	char other[PATH_MAX];
	char *text;

	fresh("damaged");
	write_of("box", root, &e);
	write_of("other", root, &e);
	snprintf(other, sizeof other, "%s", record_path("other"));
	text = scratch_read(other + strlen(scratch_dir()) + 1);
	spoil("");
	spoilt("empty");
	spoil("{\"version\": 2, \"id\": \"bo");
	spoilt("cut");
	spoil("[]");
	spoilt("another value");
	spoil("{\"version\": 1}");
	spoilt("another version");
	spoil("{\"version\": 2, \"id\": \"box\"}");
	spoilt("half of it");
	spoil(text ? text : "");
	spoilt("that of another container");
	free(text);
	if (truncate(record_path("box"), 300 * 1024) != 0)
		perror("truncate");
	spoilt("huge");
	chmod(record_path("box"), 0622);
	spoilt("writable by others");
	if (geteuid() != 0) {
		tap_skip("a record of somebody else", "needs root");
	} else {
		if (chown(record_path("box"), 65534, 65534) != 0)
			perror("chown");
		spoilt("of somebody else");
	}
	unlink(record_path("box"));
	{
		char path[PATH_MAX];

		snprintf(path, sizeof path, "%.*s/box.json", (int)(strrchr(other, '/') - other),
			other);
		if (symlink("other.json", path) != 0)
			perror("symlink");
		spoilt("a symbolic link");
		unlink(path);
		mkfifo(path, 0600);
		spoilt("a FIFO");
		unlink(path);
		if (mknod(path, S_IFSOCK | 0600, 0) != 0)
			perror("mknod");
		spoilt("a socket");
	}
}

/* ---- the stale ones ---- */

/* A start of ID that has come to its end: its process is gone. */
static void past_start(const char *id)
{
	struct err e = {0};
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(write_of(id, root, &e) < 0);
	waitpid(pid, &status, 0);
	if (status != 0)
		printf("# %s could not be written\n", id);
}

/* The record of ID was written SECONDS ago. */
static void age(const char *id, long seconds)
{
	const struct timespec then = {.tv_sec = time(NULL) - seconds};
	const struct timespec times[2] = {then, then};

	if (utimensat(AT_FDCWD, record_path(id), times, 0) != 0)
		printf("# %s: %s\n", id, strerror(errno));
}

static const char *runtime_dir(const char *id)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", root, id);
	return path;
}

static int count_records(void)
{
	AUTO_STRV struct strv bad = {0};
	struct err e = {0};
	int n = 0;

	ok(state_each(dir, count_one, &n, &bad, &e) == 0 && bad.n == 0, "all whole: %s", e.msg);
	return n;
}

static void what_is_stale(void)
{
	static const char *const alive[] = {"lives", "damaged-but-lives", ".tmp-1-1"};
	static const char *const dead[] = {"gone", "young", "future", "damaged"};
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	static const char *const cut[] = {"damaged", "damaged-but-lives"};
	AUTO_JSON struct json_doc *doc = NULL;
	char hashed[300], temp[PATH_MAX];
	struct err e = {0};

	fresh("stale");
	mkdir(root, 0700);
	for (size_t i = 0; i < 3; i++) {
		mkdir(runtime_dir(alive[i]), 0700);
		past_start(alive[i]);
	}
	for (size_t i = 0; i < 4; i++)
		past_start(dead[i]);
	write_of("in-flight", root, &e); /* by this process, which lives */
	memset(hashed, 'h', 299);
	hashed[299] = '\0';
	write_of(hashed, root, &e);
	snprintf(temp, sizeof temp, "%s", record_path("gone"));
	strcpy(strrchr(temp, '/'), "/.tmp-1-0");
	close(open(temp, O_CREAT | O_WRONLY, 0600));
	utimensat(AT_FDCWD, temp, old, 0);
	for (size_t i = 0; i < 2; i++)
		if (truncate(record_path(cut[i]), 5) != 0)
			perror(cut[i]);
	for (size_t i = 0; i < 3; i++)
		age(alive[i], 3600);
	age("gone", 3600);
	age("young", 10);
	age("future", -3600);
	age("damaged", 3600);
	age("in-flight", 3600);

	ok(state_sweep(dir, &e) == 0, "sweep: %s", e.msg);
	ok(there("lives"), "a container that lives keeps its record");
	ok(!there("gone"), "one that is gone loses it");
	ok(there("young") && there("future"), "one whose start is on its way keeps it");
	ok(there("in-flight"), "also when the start takes an hour");
	ok(!there("damaged") && there("damaged-but-lives"),
		"a damaged one is kept while the container lives");
	ok(state_read(dir, root, hashed, &doc, &e) == 0 && doc, "a long name");
	ok(there(".tmp-1-1"), "an id may look like a temporary");
	ok(access(temp, F_OK) != 0, "what a killed start left is removed");
}

/* Nothing else tells whose directory it is. */
static void of_another_version(void)
{
	static const char *const ids[] = {"lives", "gone", "cut"};
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};

	fresh("version");
	mkdir(root, 0700);
	mkdir(runtime_dir("lives"), 0700);
	str_addf(&text, "{\"version\": 1, \"root\": \"%s\"}", root);
	for (size_t i = 0; i < 3; i++) {
		FILE *f;

		past_start(ids[i]);
		f = fopen(record_path(ids[i]), "we");
		if (!f || fputs(i < 2 ? str_text(&text) : "{", f) < 0 || fclose(f) != 0)
			perror(ids[i]);
		age(ids[i], 3600);
	}
	ok(state_sweep(dir, &e) == 0 && !there("gone") && !there("cut"),
		"records of another version go with their containers: %s", e.msg);
	ok(there("lives"), "and stay with them");
}

/* Each write looks at eight, and in the end at all. */
static void a_few_at_a_time(void)
{
	enum { LIVE = 100, GONE = 60 };
	int n, before, most = 0, writes = 0;
	struct err e = {0};
	char id[32];

	fresh("few");
	for (int i = 0; i < LIVE + GONE; i++) {
		snprintf(id, sizeof id, "box-%d", i);
		if (i % 8 >= 3)
			mkdir(runtime_dir(id), 0700);
		past_start(id);
	}
	for (int i = 0; i < LIVE + GONE; i++) {
		snprintf(id, sizeof id, "box-%d", i);
		age(id, 3600);
	}
	n = count_records();
	ok(n == LIVE + GONE, "%d records", n);
	for (; writes < 100 && n > LIVE + 1; writes++) {
		AUTO_STRV struct strv bad = {0};

		before = n;
		n = 0;
		write_of("new", root, &e);
		state_each(dir, count_one, &n, &bad, &e);
		if (before - n > most)
			most = before - n;
	}
	ok(n == LIVE + 1, "all stale ones are gone after %d writes", writes);
	ok(most > 0 && most <= 8, "at most %d of them at a time", most);
}

static void at_once(void)
{
	enum { WRITERS = 4, ROUNDS = 200 };
	AUTO_STRV struct strv bad = {0};
	struct err e = {0};
	int n = 0, failed = 0, status;

	fresh("at-once");
	fflush(stdout);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			char id[32];

			for (int i = 0; i < ROUNDS; i++) {
				snprintf(id, sizeof id, "box-%d", i % 7);
				if (write_of(id, root, &e) < 0)
					_exit(1);
				if (i % 3 == 0)
					state_forget(dir, root, id);
			}
			_exit(0);
		}
	for (int i = 0; i < 50; i++)
		failed += state_each(dir, count_one, &n, &bad, &e) < 0;
	while (wait(&status) > 0)
		failed += status != 0;
	ok(failed == 0 && bad.n == 0, "%d writers and a reader: %s%s", WRITERS, e.msg,
		bad.n ? bad.v[0] : "");
}

static long cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

/* Among 100 others that live. */
static void cost(void)
{
	enum { TIMES = 2000 };
	struct err e = {0};
	long began;

	fresh("few");
	began = cpu_us();
	for (int i = 0; i < TIMES; i++)
		write_of("box-7", root, &e);
	printf("# %.1f us a record\n", (double)(cpu_us() - began) / TIMES);
}

/* FN says stop. */
static int stop(const struct json *record, void *arg, struct err *e)
{
	++*(int *)arg;
	return err_set(e, ERR_INPUT, "stop at %s", json_str(json_get(record, "id")));
}

static void stopped(void)
{
	AUTO_STRV struct strv bad = {0};
	struct err e = {0};
	int n = 0;

	fresh("damaged");
	ok(state_each(dir, stop, &n, &bad, &e) < 0 && n == 1, "the caller stops it: %s", e.msg);
}

/* ---- one start at a time ---- */

static int start_of(const char *id, struct err *e)
{
	const struct state_facts f = {
		.id = id, .root = root, .runtime = "/usr/bin/runc", .bundle = "/b", .starts = true};

	return state_write(dir, &f, e);
}

/* What a start of "box" by another process comes to: 0, or the error's code. */
static int other_start(void)
{
	pid_t pid = fork();
	struct err e = {0};
	int status;

	if (pid == 0)
		_exit(start_of("box", &e) == 0 ? 0 : e.code);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int one_of_many(void)
{
	enum { STARTS = 20 };
	int go[2], told[2], won = 0;
	char answer = 0;
	struct err e = {0};

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < STARTS; i++)
		if (fork() == 0) {
			close(go[1]);
			answer = start_of("many", &e) == 0                ? 'y'
				 : e.code == EBUSY || e.code == ETIMEDOUT ? 'n'
									  : '?';
			if (write(told[1], &answer, 1) != 1)
				_exit(1);
			/* whoever won is on its way until all have tried */
			_exit((int)read(go[0], &answer, 1));
		}
	close(told[1]);
	for (int i = 0; i < STARTS && read(told[0], &answer, 1) == 1; i++)
		won += answer == 'y' ? 1 : answer == 'n' ? 0 : STARTS;
	close(go[1]);
	while (wait(NULL) > 0)
		;
	close(go[0]);
	close(told[0]);
	return won;
}

static void one_start(void)
{
	char path[PATH_MAX], *slash;
	AUTO_FD int held = -1;
	struct err e = {0};

	fresh("starts");
	ok(start_of("box", &e) == 0, "an id that is free: %s", e.msg);
	ok(other_start() == EBUSY, "another start while this one is on its way");
	age("box", 3600);
	ok(other_start() == 0, "not for an hour, if its number is somebody else's by now");
	ok(other_start() == 0, "nor when it is over");
	snprintf(path, sizeof path, "%s/box", root);
	mkdir(root, 0700);
	mkdir(path, 0700);
	ok(start_of("box", &e) < 0 && e.code == EEXIST && strstr(e.msg, root),
		"the runtime has one: %s", e.msg);
	ok(there("box"), "whose record stays");
	rmdir(path);
	ok(one_of_many() == 1, "one of twenty at once");
	snprintf(path, sizeof path, "%s", record_path("box"));
	slash = strrchr(path, '/');
	*slash = '\0';
	held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(held >= 0 && flock(held, LOCK_EX) == 0 && start_of("box", &e) < 0 && e.code == ETIMEDOUT,
		"a lock that is not given back: %s", e.msg);
}

int main(void)
{
	char at[PATH_MAX];

	snprintf(at, sizeof at, "%s", scratch_path("runtime"));
	root = at;
	roots();
	fresh("whole");
	whole_record();
	hostile_text();
	too_large();
	many_values();
	fresh("ids");
	ids();
	fresh("roots");
	two_roots();
	bad_directory();
	long_network();
	another_network();
	cannot_write();
	damaged();
	carried();
	stopped();
	what_is_stale();
	of_another_version();
	a_few_at_a_time();
	one_start();
	at_once();
	cost();
	return tap_done();
}
