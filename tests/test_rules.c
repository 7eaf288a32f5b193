/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rules - which select rule counts, and bytes nobody encoded.
 */
#include <stdint.h>
#include <time.h>

#include "profiles/rules.h"
#include "shim/base/cleanup.h"
#include "tests/mutate.h"
#include "tests/tap.h"

#define SHA "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *list(const char *a, const char *b, struct strv *out)
{
	return strv_add(out, a) == 0 && (!b || strv_add(out, b) == 0) ? out->v[0] : NULL;
}

static void rule_done(struct node_rule *r)
{
	strv_done(&r->engine);
	strv_done(&r->namespace);
	strv_done(&r->pod);
	strv_done(&r->container);
	strv_done(&r->image);
	strv_done(&r->registry);
	strv_done(&r->repository);
	strv_done(&r->tag);
	strv_done(&r->digest);
}

/* ---- one pattern, one fact ---- */

static const struct {
	const char *pattern, *text;
	bool want;
} patterns[] = {
	{"web", "web", true},
	{"web", "webx", false},
	{"web", "we", false},
	{"web*", "web", true},
	{"web*", "webx", true},
	{"web*", "we", false},
	{"*web", "aweb", true},
	{"*web", "webwe", false},
	{"*web", "webweb", true},
	{"w?b", "wxb", true},
	{"w?b", "wb", false},
	{"*a*b*", "xxaxxbxx", true},
	{"*a*b*", "xxbxxaxx", false},
	{"a*b*c", "abbbc", true},
	{"a*b*c", "abbbcd", false},
	{"*", "anything", true},
	{"**", "anything", true},
	{"*", "a/b", false},
	{"**", "a/b", true},
	{"a*", "a/b", false},
	{"a/**", "a", true},
	{"a/**", "a/b/c", true},
	{"a/**", "ab", false},
	{"a/**", "b", false},
	{"a/*", "a/b", true},
	{"a/*", "a/b/c", false},
	{"**/c", "a/b/c", true},
	{"**/c", "c", true},
	{"**/c", "xc", false},
	{"/**", "/a", true},
	{"???", "abc", true},
	{"???", "ab", false},
	{"*?", "a", true},
};

static void check_patterns(void)
{
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		AUTO_STR struct str bytes = STR_INIT;
		struct node_rule r = {.profile = (char *)"p", .line = 7};
		struct rules_facts f = {.pod = patterns[i].text};
		const char *profile = "?";
		unsigned line = 99;
		struct err e = {0};

		list(patterns[i].pattern, NULL, &r.pod);
		ok(rules_encode(&r, 1, &bytes, &e) == 0 &&
				rules_match(bytes.s, bytes.len, &f, &profile, &line, &e) == 0 &&
				(profile != NULL) == patterns[i].want &&
				line == (patterns[i].want ? 7 : 0),
			"\"%s\" %s \"%s\"", patterns[i].pattern,
			patterns[i].want ? "matches" : "does not match", patterns[i].text);
		ok(str_glob(patterns[i].pattern, patterns[i].text) == patterns[i].want,
			"so says str_glob");
		rule_done(&r);
	}
}

/* The shapes are shortcuts: any pattern and any text must come out as str_glob says. */
static void check_shapes(void)
{
	static const char letters[] = "ab/*?**";
	struct dice d = {.state = 20261122};
	unsigned wrong = 0, hits = 0;

	for (int i = 0; i < 50000; i++) {
		AUTO_STR struct str bytes = STR_INIT;
		struct node_rule r = {.profile = (char *)"p"};
		char pattern[9] = "", text[9] = "";
		struct rules_facts f = {.container = text};
		const char *profile = NULL;
		unsigned line;
		struct err e;
		uint32_t n = 1 + dice_roll(&d, 8), m = 1 + dice_roll(&d, 8);

		for (uint32_t k = 0; k < n; k++)
			pattern[k] = letters[dice_roll(&d, 7)];
		for (uint32_t k = 0; k < m; k++)
			text[k] = letters[dice_roll(&d, 3)];
		list(pattern, NULL, &r.container);
		if (rules_encode(&r, 1, &bytes, &e) < 0 ||
			rules_match(bytes.s, bytes.len, &f, &profile, &line, &e) < 0 ||
			(profile != NULL) != str_glob(pattern, text)) {
			wrong++;
			printf("# %s %s\n", pattern, text);
		}
		hits += profile != NULL;
		rule_done(&r);
	}
	ok(!wrong && hits > 1000, "50000 random patterns as str_glob: %u differ, %u match", wrong,
		hits);
}

/* ---- several lists ---- */

static void check_choice(void)
{
	struct node_rule r[6] = {{.profile = (char *)"one", .line = 1},
		{.profile = (char *)"two", .line = 2}, {.profile = (char *)"three", .line = 3},
		{.profile = (char *)"four", .line = 4}, {.profile = (char *)"five", .line = 5},
		{.profile = (char *)"rest", .line = 6}};
	AUTO_IMAGE struct image pinned = {.text = NULL}, tagged = {.text = NULL},
				id = {.text = NULL};
	AUTO_STR struct str bytes = STR_INIT;
	struct err e = {0};

	list("prod", "stage-*", &r[0].namespace);
	list("web-*", NULL, &r[0].pod);
	list("r.example/**", "docker.io/team/*", &r[0].image);
	list("docker", "podman", &r[1].engine);
	list("docker.io", NULL, &r[1].registry);
	list("v*", NULL, &r[1].tag);
	list(SHA, NULL, &r[2].digest);
	list("sha256:*", NULL, &r[3].digest);
	list("**/app", NULL, &r[4].repository);
	ok(image_parse("r.example/team/app@" SHA, &pinned, &e) == 0 &&
			image_parse("team/app:v1", &tagged, &e) == 0 &&
			image_parse(SHA, &id, &e) == 0 && rules_encode(r, 6, &bytes, &e) == 0,
		"setup");

	const struct {
		struct rules_facts f;
		const char *want, *what;
	} cases[] = {
		{{.namespace = "prod", .pod = "web-1", .image = &pinned}, "one", "all three lists"},
		{{.namespace = "stage-2", .pod = "web-", .image = &tagged}, "one",
			"the second pattern of a list"},
		{{.namespace = "prod", .image = &pinned}, "three",
			"a pattern never matches what is not told"},
		{{.namespace = "prod", .pod = "", .image = &tagged}, "five", "nor nothing"},
		{{.namespace = "prod", .pod = "db-1", .image = &tagged}, "five",
			"one list says no"},
		{{.engine = "docker", .image = &tagged}, "two", "engine, registry and tag"},
		{{.engine = "cri", .image = &tagged}, "five", "another engine"},
		{{.engine = "docker", .image = &id}, "three", "a whole digest may be the ID"},
		{{.engine = "docker"}, "rest", "no image told"},
		{{.engine = NULL}, "rest", "nothing told"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *profile = NULL;
		unsigned line = 0;

		ok(rules_match(bytes.s, bytes.len, &cases[i].f, &profile, &line, &e) == 0 &&
				line > 0,
			"%s", cases[i].what);
		tap_same(profile, cases[i].want, "profile");
	}
	rule_done(&r[2]);
	str_reset(&bytes);
	const struct rules_facts only_id = {.image = &id}, none = {.image = NULL};
	const char *profile = NULL;
	unsigned line;

	ok(rules_encode(r + 3, 1, &bytes, &e) == 0 &&
			rules_match(bytes.s, bytes.len, &only_id, &profile, &line, &e) == 0 &&
			!profile,
		"an ID is not pinned by digest");
	str_reset(&bytes);
	ok(rules_encode(NULL, 0, &bytes, &e) == 0 &&
			rules_match(bytes.s, bytes.len, &none, &profile, &line, &e) == 0 &&
			!profile,
		"no rules");
	for (size_t i = 0; i < 6; i++)
		rule_done(&r[i]);
}

/* ---- bytes nobody encoded ---- */

static int match_copy(const char *bytes, size_t len, const struct rules_facts *f)
{
	char *copy = malloc(len ? len : 1); /* so that a sanitizer sees a read behind the end */
	const char *profile = NULL;
	unsigned line;
	struct err e = {0};
	int got;

	if (!copy)
		return -2;
	if (len)
		memcpy(copy, bytes, len);
	got = rules_match(copy, len, f, &profile, &line, &e);
	if (got == 0 && profile && (profile < copy || profile + strlen(profile) >= copy + len))
		got = -2;
	if (got < 0 && e.code != ERR_INPUT)
		got = -2;
	free(copy);
	return got;
}

static void check_hostile(void)
{
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_IMAGE struct image image = {.text = NULL};
	struct node_rule r[2] = {
		{.profile = (char *)"one", .line = 1}, {.profile = (char *)"two", .line = 2}};
	struct rules_facts f = {.namespace = "prod", .pod = "web-1", .image = &image};
	unsigned bad = 0, refused = 0, cut = 0;
	struct err e = {0};

	list("prod-*", "x?", &r[0].namespace);
	list("r.example/**", "**/app", &r[0].image);
	list("**/a?p", NULL, &r[1].image); /* str_glob's kind */
	ok(image_parse("r.example/team/app", &image, &e) == 0 &&
			rules_encode(r, 2, &bytes, &e) == 0 &&
			match_copy(bytes.s, bytes.len, &f) == 0,
		"setup");
	for (size_t n = 0; n < bytes.len; n++)
		cut += match_copy(bytes.s, n, &f) == -1;
	ok(cut == bytes.len, "every cut is refused: %u of %zu", cut, bytes.len);
	for (size_t at = 0; at < bytes.len; at++)
		for (unsigned v = 1; v < 256; v++) {
			int got;

			bytes.s[at] ^= (char)v;
			got = match_copy(bytes.s, bytes.len, &f);
			bytes.s[at] ^= (char)v;
			bad += got == -2;
			refused += got == -1;
		}
	ok(!bad && refused > 1000, "every byte changed: no way out, %u refused", refused);
	/* texts without an end: with the check of it taken out, a sanitizer sees the read */
	bad = 0;
	for (size_t i = 0; i < bytes.len; i++)
		for (size_t k = 0; !bytes.s[i] && k < i; k++) {
			if (bytes.s[k])
				continue;
			bytes.s[i] = bytes.s[k] = 'x';
			bad += match_copy(bytes.s, bytes.len, &f) == -2;
			bytes.s[i] = bytes.s[k] = '\0';
		}
	ok(!bad, "any two NULs changed: no way out");
	rule_done(&r[0]);
	rule_done(&r[1]);
}

/* ---- a thousand ---- */

/* Each rule has PATTERN with its number for #. */
static void check_thousand(const char *pattern)
{
	enum { RULES = 1000, ROUNDS = 200 };
	struct node_rule *r = calloc(RULES, sizeof *r);
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_IMAGE struct image image = {.text = NULL};
	struct rules_facts f = {
		.namespace = "team-999", .pod = "web-999-5f6b7c8d9-x2x4z", .image = &image};
	struct timespec from, to;
	const char *profile = NULL;
	unsigned line = 0;
	struct err e = {0};

	if (!r || image_parse("registry.example.com/team-999/web:1.2.3", &image, &e) < 0)
		abort();
	for (unsigned i = 0; i < RULES; i++) {
		char text[64];

		snprintf(text, sizeof text, "team-%u", i);
		if (pattern[0] == 'r')
			list(text, NULL, &r[i].namespace);
		snprintf(text, sizeof text, "web-%u-*", i);
		if (pattern[0] == 'r')
			list(text, NULL, &r[i].pod);
		text[0] = '\0';
		for (const char *p = pattern; *p; p++)
			snprintf(text + strlen(text), sizeof text - strlen(text),
				*p == '#' ? "%u" : "%c", *p == '#' ? i : (unsigned)*p);
		list(text, NULL, &r[i].image);
		r[i].profile = (char *)"restricted";
		r[i].line = i;
	}
	ok(rules_encode(r, RULES, &bytes, &e) == 0, "a thousand rules");
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < ROUNDS; i++)
		if (rules_match(bytes.s, bytes.len, &f, &profile, &line, &e) < 0)
			abort();
	clock_gettime(CLOCK_MONOTONIC, &to);
	ok(line == 999, "the last matches");
	printf("# %s: %zu bytes, %.1f us a match\n", pattern, bytes.len,
		((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
			1e3 / ROUNDS);
	for (unsigned i = 0; i < RULES; i++)
		rule_done(&r[i]);
	free(r);
}

int main(void)
{
	check_patterns();
	check_shapes();
	check_choice();
	check_hostile();
	check_thousand("registry.example.com/team-#/**");
	check_thousand("**/team-#/w?b"); /* nothing plain at its beginning */
	return tap_done();
}
