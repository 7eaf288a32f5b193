/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_select - which profiles: option, program name, rules, default, and the annotation on top; what is
 * made of a policy that is damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/select.h"
#include "tests/apply.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define BAD "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, "{\"profile\":\"" #name "\",\"version\":\"1\"}",                            \
			sizeof "{\"profile\":\"" #name "\",\"version\":\"1\"}" - 1                 \
	}

static const struct json_limits limits = {4096, 8, 100};
static const struct policy_text more[] = {TEXT(cni), TEXT(shop), TEXT(build), TEXT(fallback)};
static const char learner[] = "{\"profile\":\"learner\",\"version\":\"1\",\"mode\":\"learn\"}";

static const char rules[] =
	"{\"defaultProfile\": \"fallback\", \"select\": [\n"
	"{\"engine\": \"cri\", \"namespace\": \"kube-system\", \"profile\": \"cni\"},\n"
	"{\"image\": \"example.com/shop/**\", \"profile\": \"shop\"},\n"
	"{\"engine\": [\"buildkit\", \"buildah\"], \"profile\": \"build\"}]}";

/* Wildcards that would match the word "unknown". */
static const char any_engine[] = "{\"defaultProfile\": \"fallback\", \"select\": [\n"
				 "{\"engine\": [\"*\", \"*o*\", \"*n*\"], \"profile\": \"cni\"}]}";

static const char none[] = "", closed[] = "{\"annotations\": {\"profile\": false}}",
		  audit[] = "{\"mode\": \"audit\", \"annotations\": {\"profile\": false}}",
		  open_audit[] = "{\"mode\": \"audit\"}";

static const struct engine anybody = {.kind = ENGINE_UNKNOWN};
static const struct engine kube_system = {
	.kind = ENGINE_CRI, .namespace = (char *)"kube-system", .pod = (char *)"cni-1"};
static const struct engine fake_kube = {
	.kind = ENGINE_CONTAINERD, .namespace = (char *)"kube-system"};
static const struct engine team = {.kind = ENGINE_CRI, .namespace = (char *)"team"};
static const struct engine builder = {.kind = ENGINE_BUILDAH};
static const struct engine docker = {.kind = ENGINE_DOCKER,
	.image = {.text = (char *)"example.com/shop/web",
		.registry = (char *)"example.com",
		.repository = (char *)"shop/web",
		.tag = (char *)"latest",
		.id = (char *)BAD}};

struct row {
	const char *node; /* cinch.json; NULL: nothing is applied */
	const struct engine *engine; /* NULL: anybody */
	const char *wanted, *program, *annotation;
	const char *first, *second; /* expected names; FIRST NULL: refused */
	const char *says; /* part of the refusal, or how the first was chosen */
};

static const struct row rows[] = {
	{NULL, NULL, NULL, "/usr/sbin/cinch", NULL, "restricted", NULL, "default"},
	{NULL, NULL, NULL, "cinch", NULL, "restricted", NULL, "default"},
	{NULL, NULL, NULL, "/usr/sbin/cinch-baseline", NULL, "baseline", NULL, "program name"},
	{NULL, NULL, NULL, "/cinch-web/runc", NULL, "restricted", NULL, "default"},
	{NULL, NULL, "baseline", "/usr/sbin/cinch", NULL, "baseline", NULL, "--cinch-profile"},
	{NULL, NULL, "baseline", "cinch-baseline", NULL, "baseline", NULL, "--cinch-profile"},
	{NULL, NULL, "baseline", "cinch-restricted", NULL, NULL, NULL, "use one of them"},
	{NULL, NULL, "nothing", "cinch", NULL, NULL, NULL, "\"nothing\" named by --cinch-profile"},
	{NULL, NULL, NULL, "cinch-", NULL, NULL, NULL, "named by program name"},
	{NULL, NULL, NULL, "cinch-../x", NULL, "restricted", NULL, "default"}, /* base name "x" */
	{NULL, NULL, "../restricted", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{NULL, NULL, "seccomp/default", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{NULL, NULL, "", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{NULL, NULL, NULL, "cinch", "\"baseline\"", "restricted", "baseline", "default"},
	{NULL, NULL, "baseline", "cinch", "\"restricted\"", "baseline", "restricted",
		"--cinch-profile"},
	{NULL, NULL, NULL, "cinch", "\"nothing\"", NULL, NULL, "annotation io.cinch.profile"},
	{NULL, NULL, NULL, "cinch", "\"\"", NULL, NULL, "annotation io.cinch.profile"},
	{NULL, NULL, NULL, "cinch", "null", NULL, NULL, "annotation io.cinch.profile"},
	{NULL, NULL, "cni", "cinch", NULL, NULL, NULL, "unknown profile \"cni\""},
	{any_engine, &anybody, NULL, "cinch", NULL, "fallback", NULL, "default"},
	{any_engine, &docker, NULL, "cinch", NULL, "cni", NULL, "rule cinch.json:2"},

	{none, NULL, NULL, "cinch", NULL, "restricted", NULL, "default"},
	{none, NULL, "cni", "cinch", NULL, "cni", NULL, "--cinch-profile"},
	{none, NULL, NULL, "cinch-cni", NULL, "cni", NULL, "program name"},
	{none, NULL, "cnni", "cinch", NULL, NULL, NULL, "did you mean \"cni\""},
	{none, NULL, "seccomp/default", "cinch", NULL, NULL, NULL, "unknown profile"},

	{rules, NULL, NULL, "cinch", NULL, "fallback", NULL, "default"},
	{rules, &kube_system, NULL, "cinch", NULL, "cni", NULL, "rule cinch.json:2"},
	{rules, &docker, NULL, "cinch", NULL, "shop", NULL, "rule cinch.json:3"},
	{rules, &builder, NULL, "cinch", NULL, "build", NULL, "rule cinch.json:4"},
	{rules, &team, NULL, "cinch", NULL, "fallback", NULL, "default"},
	{rules, &fake_kube, NULL, "cinch", NULL, "fallback", NULL, "default"},
	{rules, &kube_system, "shop", "cinch", NULL, "shop", NULL, "--cinch-profile"},
	{rules, &kube_system, NULL, "cinch-shop", NULL, "shop", NULL, "program name"},
	{rules, &team, NULL, "cinch", "\"cni\"", "fallback", "cni", "default"},
	{rules, &team, NULL, "cinch", "\"cn\"", NULL, NULL, "annotation io.cinch.profile"},

	{closed, NULL, NULL, "cinch", NULL, "restricted", NULL, "default"},
	{closed, NULL, NULL, "cinch", "\"baseline\"", NULL, NULL, "lets no container choose"},
	{closed, NULL, "baseline", "cinch", NULL, "baseline", NULL, "--cinch-profile"},
	{audit, NULL, NULL, "cinch", "\"baseline\"", "restricted", NULL, "default"},
	{open_audit, NULL, NULL, "cinch", "\"baseline\"", "restricted", "baseline", "default"},
	{open_audit, NULL, NULL, "cinch", "\"nothing\"", "restricted", NULL, "default"},
	{open_audit, NULL, "nothing", "cinch", NULL, NULL, NULL, "unknown profile"},
};

static const char *store(void)
{
	return scratch_path("policy");
}

static int choose(const struct row *r, struct applied *a, struct selection *s, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct select_ask ask = {.store = store(),
		.wanted = r->wanted,
		.program = r->program,
		.engine = r->engine ? r->engine : &anybody};
	char text[256];

	snprintf(text, sizeof text, "{\"annotations\":{%s%s}}",
		r->annotation ? "\"io.cinch.profile\":" : "", r->annotation ? r->annotation : "");
	if (json_parse(text, strlen(text), &limits, 0, &doc, e) < 0)
		exit(2);
	ask.doc = doc;
	return select_profiles(a, &ask, s, e);
}

static void one_row(size_t i, const struct row *r)
{
	AUTO_APPLIED struct applied a = {.from = APPLIED_BUILTIN};
	AUTO_SELECTION struct selection s = {.n = 0};
	struct err e = {0};
	int rc;

	if (store_open(r->node ? store() : scratch_path("none"), &a, &e) < 0)
		exit(2);
	rc = choose(r, &a, &s, &e);
	if (!r->first) {
		ok(rc < 0 && s.n == 0 && strstr(e.msg, r->says), "row %zu refused: %s", i, e.msg);
		return;
	}
	ok(rc == 0 && s.n == (r->second ? 2 : 1), "row %zu: %zu profiles %s", i, s.n, e.msg);
	if (s.n == 0)
		return;
	tap_same(s.p[0]->name, r->first, "first");
	tap_same(s.how, r->says, "how");
	if (s.n > 1)
		tap_same(s.p[1]->name, r->second, "second");
	if (r->node == audit || r->node == open_audit) {
		ok(select_audits(&s), "row %zu: nothing is enforced", i);
		ok((s.annotation.code != 0) == (s.n == 1 && r->annotation),
			"row %zu: and the annotation is remembered: %s", i, s.annotation.msg);
	}
}

static void test_rows(void)
{
	const char *now = NULL;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].node && rows[i].node != now)
			apply_policy(store(), rows[i].node, more, 4, NULL);
		now = rows[i].node;
		one_row(i, &rows[i]);
	}
}

static void test_mode(void)
{
	const struct policy_text one = {"learner", learner, sizeof learner - 1};
	const struct row r = {
		.wanted = "learner", .program = "cinch", .annotation = "\"baseline\""};
	AUTO_APPLIED struct applied a = {.from = APPLIED_BUILTIN};
	AUTO_SELECTION struct selection s = {.n = 0};
	struct err e = {0};

	apply_policy(store(), "", &one, 1, NULL);
	ok(store_open(store(), &a, &e) == 0 && choose(&r, &a, &s, &e) == 0 && s.n == 2,
		"a profile that learns, one that enforces on top %s", e.msg);
	ok(!select_audits(&s) && s.p[0]->mode == PROFILE_LEARN && s.p[1]->mode == PROFILE_ENFORCE,
		"the one on top is enforced");
}

static void test_denied(void)
{
	struct denied_image v[] = {{(char *)BAD, (char *)"old", (char *)"CVE-2026-1"}};
	const struct denied list = {.v = v, .n = 1};
	const struct row r = {.engine = &docker, .program = "cinch"};
	const struct row other = {.engine = &team, .program = "cinch"};
	AUTO_APPLIED struct applied a = {.from = APPLIED_BUILTIN};
	AUTO_SELECTION struct selection s = {.n = 0}, t = {.n = 0};
	struct err e = {0};

	apply_policy(store(), "", NULL, 0, &list);
	ok(store_open(store(), &a, &e) == 0 && choose(&r, &a, &s, &e) == 0, "chosen %s", e.msg);
	tap_same(s.denied.digest, BAD, "the image's ID is denied on this node");
	tap_same(s.denied.reason, "old", "with the reason");
	tap_same(s.denied.cves, "CVE-2026-1", "and the CVEs");
	ok(choose(&other, &a, &t, &e) == 0 && !t.denied.digest, "an image nobody knows is not");
}

/* Turns the last bit of every byte of the policy DIGEST from AT on. */
static void damage(const char *digest, off_t at)
{
	AUTO_STR struct str name = STR_INIT;
	AUTO_FD int fd = -1;
	char bytes[4096];
	ssize_t n;

	str_addf(&name, "policy/%s", digest);
	chmod(scratch_path(str_text(&name)), 0700);
	str_add(&name, "/policy");
	chmod(scratch_path(str_text(&name)), 0600);
	fd = open(scratch_path(str_text(&name)), O_RDWR | O_CLOEXEC);
	while (fd >= 0 && (n = pread(fd, bytes, sizeof bytes, at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			bytes[i] ^= 1;
		if (pwrite(fd, bytes, (size_t)n, at) != n)
			break;
		at += n;
	}
	chmod(scratch_path(str_text(&name)), 0444);
	*strrchr(name.s, '/') = '\0';
	chmod(scratch_path(name.s), 0555);
}

/* A launch finds damage where it reads: behind the head and the settings, whatever else is there. */
static void test_damage(void)
{
	char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE];
	const struct row r = {.engine = &builder, .program = "cinch"};

	snprintf(first, sizeof first, "%s", apply_policy(store(), "", more, 4, NULL));
	snprintf(second, sizeof second, "%s", apply_policy(store(), rules, more, 4, NULL));
	for (int which = 0; which < 2; which++) {
		AUTO_APPLIED struct applied a = {.from = APPLIED_BUILTIN};
		AUTO_SELECTION struct selection s = {.n = 0};
		struct err e = {0};

		/* the texts: far behind the head */
		damage(which ? first : second, 4096);
		ok(store_open(store(), &a, &e) == 0 && a.from == APPLIED_CURRENT,
			"damage %d: not seen when it is opened", which);
		ok(choose(&r, &a, &s, &e) == 0 && s.n == 1, "damage %d: still one profile %s",
			which, e.msg);
		if (s.n)
			tap_same(s.p[0]->name, "restricted", "of the policy before");
		tap_same(applied_from_name(a.from), which ? "built-in" : "previous", "from");
		ok(a.problem.code && a.problem.code != ENOENT, "the reason: %s", a.problem.msg);
	}
}

int main(void)
{
	test_rows();
	test_mode();
	test_denied();
	test_damage();
	return tap_done();
}
