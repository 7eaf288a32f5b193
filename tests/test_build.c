/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_build - from sources to a policy: what goes in, and what each mistake is called.
 */
#include "profiles/build.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/policies.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const char *place; /* of the case that runs: its configuration and profiles */

static const char *at(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", place, name);
	return scratch_path(path);
}

static void put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", place, name);
	scratch_write(path, text);
}

/* A new node; MORE: members of its cinch.json, each with a comma behind. */
static void new_node(const char *name, const char *more)
{
	AUTO_STR struct str text = STR_INIT;

	place = name;
	mkdir(scratch_path(name), 0755);
	mkdir(at("profiles"), 0755);
	mkdir(at("profiles/seccomp"), 0755);
	mkdir(at("keys"), 0755);
	str_addf(&text, "{\n%s\n\"profiles\": [\"%s\"],\n\"denied\": [],\n\"keys\": \"%s\"\n}\n",
		more, at("profiles"), at("keys"));
	put("cinch.json", str_text(&text));
}

static void build(struct build *b)
{
	const struct build_from from = {.config = at("cinch.json")};
	struct err e = {0};

	if (!ok(build_policy(&from, b, &e) == 0, "%s: built %s", place, e.msg))
		exit(2);
}

static bool has(const struct strv *list, const char *part)
{
	for (size_t i = 0; i < list->n; i++)
		if (strstr(list->v[i], part))
			return true;
	return false;
}

static void show(const struct build *b)
{
	for (size_t i = 0; i < b->problems.n; i++)
		printf("# problem: %s\n", b->problems.v[i]);
	for (size_t i = 0; i < b->notes.n; i++)
		printf("# note: %s\n", b->notes.v[i]);
}

/* The last case's node has exactly these problems; each is part of one. */
static void problems(const char *const *parts)
{
	AUTO_BUILD struct build b = {0};
	size_t n = 0;

	build(&b);
	for (; parts[n]; n++)
		ok(has(&b.problems, parts[n]), "%s: %s", place, parts[n]);
	if (!ok(b.problems.n == n && (n == 0) == (b.policy.len > 0) && (n == 0) == !!b.digest[0],
		    "%s: %zu problems", place, b.problems.n))
		show(&b);
}

#define PROBLEMS(...) problems((const char *const[]){__VA_ARGS__, NULL})
#define FINE() problems((const char *const[]){NULL})

#define PROFILE(name) "{\"profile\": \"" name "\", \"version\": \"1\"}"

static void note(const char *part)
{
	AUTO_BUILD struct build b = {0};

	build(&b);
	if (!ok(has(&b.notes, part), "%s: noted: %s", place, part))
		show(&b);
}

/* A pack of one profile in DIRECTORY. */
static void put_pack(const char *directory, const char *version)
{
	static const char text[] = PROFILE("acme-web");
	AUTO_STR struct str manifest = STR_INIT, path = STR_INIT;
	char digest[HASH_HEX_SIZE];

	hash_sha256_hex(text, sizeof text - 1, digest);
	str_addf(&manifest,
		"{\"pack\": \"acme\", \"version\": \"%s\", \"files\": {\"acme-web.json\": "
		"\"%s\"}}",
		version, digest);
	str_addf(&path, "profiles/%s", directory);
	mkdir(at(str_text(&path)), 0755);
	str_add(&path, "/manifest.json");
	put(str_text(&path), str_text(&manifest));
	path.len -= strlen("manifest.json");
	str_add(&path, "acme-web.json");
	put(str_text(&path), text);
}

static void take_pack(const char *directory)
{
	AUTO_STR struct str path = STR_INIT;

	str_addf(&path, "profiles/%s/manifest.json", directory);
	unlink(at(str_text(&path)));
	path.len -= strlen("manifest.json");
	str_add(&path, "acme-web.json");
	unlink(at(str_text(&path)));
	str_done(&path);
	str_addf(&path, "profiles/%s", directory);
	rmdir(at(str_text(&path)));
}

/* What is there now, where *CURRENT is in force; it is in force then. */
static void build_on(struct policy **current, struct build *b)
{
	const struct build_from from = {.config = at("cinch.json"), .current = *current};
	AUTO_FD int fd = -1;
	struct err e = {0};

	if (!ok(build_policy(&from, b, &e) == 0 && b->problems.n == 0, "%s: built %s", place,
		    e.msg)) {
		show(b);
		exit(2);
	}
	policy_freep(current);
	put("policy", "");
	fd = open(at("policy"), O_RDWR | O_CLOEXEC);
	if (io_write_all(fd, b->policy.s, b->policy.len, &e) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
		policy_open(take_fd(&fd), current, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
}

/* The packs of a policy, as "acme 1.0.0, acme 2.0.0 (retired)". */
static void same_packs(const struct build *b, const char *want, const char *what)
{
	AUTO_STR struct str is = STR_INIT;

	for (size_t i = 0; i < b->n_packs; i++)
		str_addf(&is, "%s%s %s%s", i ? ", " : "", b->packs[i].name, b->packs[i].version,
			b->packs[i].retired ? " (retired)" : "");
	tap_same(str_text(&is), want, what);
}

/* To take a pack away, to apply, and to bring an older one is no way back. */
static void test_versions(void)
{
	static const char *const steps[][4] = {
		/* version of the pack that is there, packs of the policy, part of a note */
		{"2.0.0", "acme 2.0.0", NULL},
		{NULL, "acme 2.0.0 (retired)", NULL},
		{NULL, "acme 2.0.0 (retired)", NULL},
		{"1.0.0", "acme 1.0.0, acme 2.0.0 (retired)",
			"1.0.0 is older than 2.0.0, which was applied here before"},
		{"1.0.0", "acme 1.0.0, acme 2.0.0 (retired)", "1.0.0 is older than 2.0.0"},
		{"1.5.0", "acme 1.5.0, acme 2.0.0 (retired)", "1.5.0 is older than 2.0.0"},
		{NULL, "acme 2.0.0 (retired)", NULL},
		{"2.0.0", "acme 2.0.0", NULL},
		{NULL, "acme 2.0.0 (retired)", NULL},
		{"2.1.0", "acme 2.1.0", NULL},
		{"2.0.9", "acme 2.0.9, acme 2.1.0 (retired)", "2.0.9 is older than 2.1.0"},
	};
	AUTO_POLICY struct policy *current = NULL;
	char before[HASH_HEX_SIZE] = "";

	new_node("versions", "");
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		const char *const *s = steps[i];
		AUTO_BUILD struct build b = {0};

		if (s[0])
			put_pack("acme", s[0]);
		else
			take_pack("acme");
		build_on(&current, &b);
		same_packs(&b, s[1], "the packs");
		ok(s[2] ? has(&b.notes, s[2]) : b.notes.n == 0, "step %zu: the notes", i);
		if (i > 0 && s[0] == steps[i - 1][0])
			tap_same(b.digest, before, "what did not change gives the same policy");
		memcpy(before, b.digest, sizeof before);
	}
}

static void test_good(void)
{
	AUTO_BUILD struct build b = {0}, again = {0};

	new_node("empty", "");
	FINE();
	put("cinch.json", "");
	PROBLEMS("cinch.json is empty: write {}");
	put("cinch.json", "{}");
	chmod(scratch_path("empty"), 0777);
	PROBLEMS("empty can be written by others (mode 0777)");
	chmod(scratch_path("empty"), 0755);

	new_node("good", "\"defaultProfile\": \"web-acme\",\n"
			 "\"select\": [{\"namespace\": [\"x\"], \"profile\": \"tight\"}],");
	put("profiles/web-acme.json", "{\"profile\": \"web-acme\", \"version\": \"1\",\n"
				      "\"extends\": [\"baseline\"], // comment\n"
				      "\"seccomp\": {\"profile\": \"own\"}}");
	put("profiles/tight.json", PROFILE("tight"));
	put("profiles/restricted.json", PROFILE("restricted"));
	put("profiles/seccomp/own.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
	put("profiles/README.md", "x");
	put("profiles/.hidden.json", "x");
	put("profiles/tight.json~", "x");
	put("profiles/#tight.json#", "x");
	put("profiles/tight.json.bak", "x");
	build(&b);
	build(&again);
	ok(b.problems.n == 0 && b.policy.len > 0, "a policy is made");
	ok(strcmp(b.digest, again.digest) == 0, "the same one each time");
	ok(has(&b.notes, "restricted.json takes the place of the shipped"),
		"a replaced one is said");
	ok(has(&b.notes, "README.md is not looked at"), "so is a file of no use");
	if (!ok(b.notes.n == 2, "nothing else is said: %zu notes", b.notes.n))
		show(&b);
	ok(memmem(b.policy.s, b.policy.len, "seccomp/own", 11) != NULL, "its own filter is in");
	put("profiles/tight.json", PROFILE("tight") "\n\n");
	build_done(&again);
	build(&again);
	ok(strcmp(b.digest, again.digest) == 0, "blanks make no other policy");
	put("profiles/tight.json", "{\"profile\": \"tight\", \"version\": \"2\"}");
	build_done(&again);
	build(&again);
	ok(strcmp(b.digest, again.digest) != 0, "another version does");
}

static void test_config(void)
{
	struct build_from from = {.config = scratch_path("nowhere.json")};
	AUTO_BUILD struct build b = {0};
	struct err e = {0};

	ok(build_policy(&from, &b, &e) == 0 && b.problems.n == 1 &&
			has(&b.problems, "nowhere.json: No such file"),
		"a configuration that is named has to be there");

	new_node("syntax", "\"mode\": \"enforced\",");
	PROBLEMS("cinch.json:2:9: ");
	new_node("names", "\"defaultProfile\": \"restrictd\",\n\"select\": [\n"
			  "{\"pod\": [\"a\"], \"profile\": \"nothing-like-it\"},\n"
			  "{\"pod\": [\"b\"], \"profile\": \"baseline\"},\n"
			  "{\"pod\": [\"c\"], \"profile\": \"seccomp\"}],");
	PROBLEMS("cinch.json:2: defaultProfile names an unknown profile \"restrictd\", did you "
		 "mean \"restricted\"",
		"cinch.json:4: this rule names an unknown profile \"nothing-like-it\"",
		"cinch.json:6: this rule names an unknown profile \"seccomp\"");
	new_node("audit", "\"mode\": \"audit\",");
	FINE();
	note("the node is in audit mode");
	new_node("runtime", "\"runtime\": \"/nowhere/runc\",");
	note("runtime /nowhere/runc: No such file");
	new_node("nodir", "");
	rmdir(at("profiles/seccomp"));
	rmdir(at("profiles"));
	PROBLEMS("profiles: No such file");
	new_node("open", "");
	chmod(at("cinch.json"), 0666);
	PROBLEMS("can be written by others (mode 0666)");
	new_node("fifo", "");
	unlink(at("cinch.json"));
	mkfifo(at("cinch.json"), 0644);
	alarm(120);
	PROBLEMS("is not a regular file");
	alarm(0);
	if (geteuid() == 0) {
		new_node("stranger", "");
		ok(chown(at("cinch.json"), 1234, 1234) == 0, "another's");
		PROBLEMS("belongs to user 1234");
	}
}

static void test_profiles(void)
{
	new_node("all", "");
	put("profiles/a.json", "{\"profile\": \"a\", \"version\": \"1\", \"capabilites\": []}");
	put("profiles/b.json", "{\"profile\": \"x\", \"version\": \"1\"}");
	put("profiles/c.json", "{\"profile\": \"c\", \"version\": \"1\", \"extends\": [\"c\"]}");
	put("profiles/d.json", "{");
	put("profiles/e.json", "{\"profile\": \"e\", \"version\": \"1\",\n"
			       "\"seccomp\": {\"profile\": \"missing\"}}");
	put("profiles/Upper.json", PROFILE("Upper"));
	put("profiles/seccomp/bad.json", "{\"defaultAction\": \"SCMP_ACT_NOTHING\"}");
	put("profiles/good.json", PROFILE("good"));
	PROBLEMS("a.json:1:", "b.json:1:", "c.json:1:", "d.json:", "e.json:2:",
		"Upper.json: no profile can have this name", "bad.json");

	new_node("modes", "");
	put("profiles/a.json", PROFILE("a"));
	chmod(at("profiles/a.json"), 0664);
	put("profiles/b.json", PROFILE("b"));
	chmod(at("profiles/seccomp"), 0777);
	PROBLEMS("a.json can be written by others (mode 0664)",
		"seccomp can be written by others (mode 0777)");

	new_node("twice", "");
	put("profiles/a.json", PROFILE("a"));
	mkdir(scratch_path("twice/second"), 0755);
	put("second/a.json", PROFILE("a"));
	{
		AUTO_STR struct str text = STR_INIT;

		str_addf(&text, "{\"profiles\": [\"%s\", \"%s\"]}", at("profiles"), at("second"));
		put("cinch.json", str_text(&text));
	}
	PROBLEMS("there is another \"a\"");
}

/* As Kubernetes lays out a ConfigMap. */
static void test_links(void)
{
	new_node("links", "");
	mkdir(at("profiles/..2026_11"), 0755);
	put("profiles/..2026_11/a.json", PROFILE("a"));
	ok(symlink("..2026_11", at("profiles/..data")) == 0 &&
			symlink("..data/a.json", at("profiles/a.json")) == 0,
		"links to links");
	FINE();
	chmod(at("profiles/..2026_11"), 0777);
	PROBLEMS("can be written by others (mode 0777)");
	chmod(at("profiles/..2026_11"), 0755);
	chmod(at("profiles/..2026_11/a.json"), 0646);
	PROBLEMS("can be written by others (mode 0646)");
	unlink(at("profiles/..2026_11/a.json"));
	PROBLEMS("a symbolic link that leads nowhere");
}

static void test_signed(void)
{
	new_node("signed", "\"requireSigned\": true,");
	FINE(); /* what ships is trusted */
	put("profiles/a.json", PROFILE("a"));
	put("profiles/seccomp/b.json", "{}");
	PROBLEMS("a.json: a loose file is not signed", "b.json: a loose file is not signed");
}

static void test_denied(void)
{
	AUTO_STR struct str text = STR_INIT;

	new_node("denied", "");
	put("d1.json", "{\"denied\": [{\"digest\": \"sha256:zz\"}]}");
	str_addf(&text, "{\"denied\": [\"%s\", \"%s\"]}", at("d1.json"), at("d2.json"));
	put("cinch.json", str_text(&text));
	PROBLEMS("d1.json:1:", "d2.json: No such file");

	/* a scanner's list may be longer than a configuration */
	str_reset(&text);
	while (text.len < 9u << 20)
		str_add(&text, "                                                                ");
	str_add(&text, "{\"denied\": []}");
	put("d1.json", str_text(&text));
	put("d2.json", "{\"denied\": []}");
	FINE();
}

int main(void)
{
	umask(022);
	test_good();
	test_versions();
	test_config();
	test_profiles();
	test_links();
	test_signed();
	test_denied();
	return tap_done();
}
