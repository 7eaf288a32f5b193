/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_str - growing strings, lists, globs and edit distance.
 */
#include <stdint.h>
#include <time.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "tests/tap.h"

static const struct {
	const char *pattern, *text;
	bool match;
} globs[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "a", true},
	{"a", "ab", false},
	{"ab", "a", false},
	{"?", "a", true},
	{"?", "", false},
	{"?", "/", false},
	{"a?c", "abc", true},
	{"a?c", "a/c", false},
	{"*", "", true},
	{"*", "abc", true},
	{"*", "a/b", false},
	{"*", "/", false},
	{"a*", "a", true},
	{"a*c", "abbbc", true},
	{"a*c", "ab/c", false},
	{"*.sock", "x.sock", true},
	{"*.sock", "/x.sock", false},
	{"a**c", "ab/bc", true},
	{"**", "", true},
	{"**", "a/b/c", true},
	{"/**", "/", true},
	{"/**", "/a/b", true},
	{"/**", "a", false},
	{"/a/b/**", "/a/b", true},
	{"/a/b/**", "/a/b/", true},
	{"/a/b/**", "/a/b/c", true},
	{"/a/b/**", "/a/b/c/d", true},
	{"/a/b/**", "/a/bc", false},
	{"/a/b/**", "/a", false},
	{"/a/*/**", "/a/b", true},
	{"/a/*/**", "/a", false},
	{"/a/*", "/a/", true},
	{"/a/*", "/a/b/c", false},
	{"**/x", "x", true},
	{"**/x", "/x", true},
	{"**/x", "a/b/x", true},
	{"**/x", "ax", false},
	{"**/*.sock", "/run/docker.sock", true},
	{"**/*.sock", "/docker.sock", true},
	{"**/*.sock", "docker.sock", true},
	{"**/*.sock", "/run/docker.sock/x", false},
	{"**/*.sock", "/run/docker.sockx", false},
	{"/a/**/b", "/a/b", true},
	{"/a/**/b", "/a/x/b", true},
	{"/a/**/b", "/a/x/y/b", true},
	{"/a/**/b", "/a/xb", false},
	{"/a/**/b", "/ab", false},
	{"a/**/b/**/c", "a/b/c", true},
	{"a/**/b/**/c", "a/x/b/y/z/c", true},
	{"a/**/b/**/c", "a/x/y/c", false},
	{"x**/y", "x/y", true},
	{"x**/y", "xy", false},
	{"***", "a/b", true},
	{"*a*b*", "xaxbx", true},
	{"*a*b*", "xbxax", false},
	{"*/*", "a/b", true},
	{"*/*", "a/b/c", false},
	{"/proc/*/exe", "/proc/12/exe", true},
	{"/proc/*/exe", "/proc/12/fd/exe", false},
	{"[a]", "a", false}, /* no classes, no escapes */
	{"[a]", "[a]", true},
	{"\\*", "\\x", true},
	{"*.example.com/**", "registry.example.com/team/app", true},
	{"*.example.com/**", "example.com/team/app", false},
	{"LD_*", "LD_PRELOAD", true},
	{"**/**/**", "", true},
	{"**/**/x", "x", true},
	{"a**", "a", true},
	{"**a", "b/a", true},
	{"*\xc3\xa9", "caf\xc3\xa9", true},
};

/* The rule written down once more, slow and obvious: the second opinion. */
static bool slow(const char *p, const char *t, bool at_name)
{
	if (strcmp(p, "/**") == 0 && !*t)
		return true;
	if (!*p)
		return !*t;
	if (p[0] == '*' && p[1] == '*') {
		if (at_name && p[2] == '/' && slow(p + 3, t, true))
			return true;
		for (;; t++) {
			if (slow(p + 2, t, false))
				return true;
			if (!*t)
				return false;
		}
	}
	if (*p == '*') {
		for (;; t++) {
			if (slow(p + 1, t, false))
				return true;
			if (!*t || *t == '/')
				return false;
		}
	}
	if (!*t || (*p == '?' ? *t == '/' : *p != *t))
		return false;
	return slow(p + 1, t + 1, *p == '/');
}

static void test_globs(void)
{
	unsigned seed = 7, wrong = 0;

	for (size_t i = 0; i < sizeof globs / sizeof globs[0]; i++)
		ok(str_glob(globs[i].pattern, globs[i].text) == globs[i].match, "%s %s %s",
			globs[i].pattern, globs[i].match ? "matches" : "does not match",
			globs[i].text);
	for (int round = 0; round < 200000; round++) {
		static const char p_set[] = "ab/*?*/*", t_set[] = "ab/";
		char p[9], t[9];
		size_t pn = (size_t)(rand_r(&seed) % 9), tn = (size_t)(rand_r(&seed) % 9);

		for (size_t i = 0; i < pn; i++)
			p[i] = p_set[rand_r(&seed) % 8];
		for (size_t i = 0; i < tn; i++)
			t[i] = t_set[rand_r(&seed) % 3];
		p[pn] = t[tn] = '\0';
		if (str_glob(p, t) != slow(p, t, true) && wrong++ < 5)
			printf("# pattern \"%s\" text \"%s\": %d\n", p, t, str_glob(p, t));
	}
	ok(wrong == 0, "200,000 random pairs agree with the slow reading of the rule");
}

/* Patterns that make a backtracking matcher run for ages. */
static void test_cost(void)
{
	static const char *const units[] = {"*a", "**a", "**/", "*/", "?*", "**/a", "*"};
	AUTO_FREE char *text = malloc(4001), *nearly = malloc(4001);
	struct timespec a, b;
	double ms;

	memset(text, 'a', 4000);
	memset(nearly, 'a', 4000);
	for (int i = 1; i < 4000; i += 2)
		nearly[i] = '/';
	text[4000] = nearly[4000] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		AUTO_STR struct str p = STR_INIT;

		while (p.len + 8 < 1024)
			str_add(&p, units[i]);
		str_add(&p, "!");
		ok(!str_glob(str_text(&p), text) && !str_glob(str_text(&p), nearly),
			"1000 bytes of %s match nothing that lacks the end", units[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	ok(ms < 60000, "in %.0f ms", ms);
	{
		AUTO_STR struct str p = STR_INIT;

		while (p.len < 1024)
			str_add(&p, "a");
		ok(str_glob(str_text(&p), str_text(&p)), "the longest pattern matches itself");
		str_add(&p, "a");
		ok(!str_glob(str_text(&p), str_text(&p)), "a longer one matches nothing");
	}
}

static void test_growing(void)
{
	AUTO_STR struct str s = STR_INIT;
	AUTO_FREE char *taken = NULL, *empty = NULL;

	tap_same(str_text(&s), "", "empty is not NULL");
	str_add(&s, "abc");
	str_addc(&s, 'd');
	str_addn(&s, "ef\0g", 4);
	str_addf(&s, "%d-%s", 42, "x");
	ok(s.len == 12 && memcmp(s.s, "abcdef\0g42-x", 13) == 0, "added in every way");
	for (int i = 0; i < 10000; i++)
		str_addf(&s, "%d", i % 10);
	ok(s.len == 10012 && s.s[10012] == '\0' && s.s[10011] == '9', "grows");
	str_reset(&s);
	ok(s.len == 0 && strcmp(str_text(&s), "") == 0, "reset");
	str_add(&s, "again");
	taken = str_take(&s);
	tap_same(taken, "again", "taken");
	ok(s.s == NULL && s.len == 0 && s.cap == 0, "and empty afterwards");
	empty = str_take(&s);
	tap_same(empty, "", "taking nothing gives an empty string");
	s.failed = true;
	str_add(&s, "x");
	str_addf(&s, "%d", 1);
	ok(s.len == 0 && str_failed(&s), "after a failure nothing is added");
	ok(str_take(&s) == NULL && !str_failed(&s), "and nothing can be taken");
	str_addn(&s, "x", SIZE_MAX);
	ok(str_failed(&s) && s.len == 0, "a size that overflows is a failure");
}

static void test_lists(void)
{
	static const char *const table[] = {"one", "two", NULL};
	AUTO_STRV struct strv l = {NULL, 0};
	bool good = true;

	for (int i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof name, "n%d", i);
		good &= strv_add(&l, name) == 0;
	}
	ok(good && l.n == 100 && strv_has(&l, "n0") && strv_has(&l, "n99") && !strv_has(&l, "n"),
		"a list of 100");
	strv_add(&l, "/x/**");
	ok(strv_glob(&l, "/x/y") && !strv_glob(&l, "/y"), "patterns in it");
	strv_done(&l);
	ok(l.n == 0 && !l.v && !strv_has(&l, "n0"), "done leaves it empty");
	ok(str_in(table, "two") && !str_in(table, "tw") && !str_in(table, ""), "a table");
	ok(str_starts("abc", "ab") && str_starts("a", "") && !str_starts("a", "ab"), "starts");
	ok(str_ends("abc", "bc") && str_ends("a", "") && !str_ends("c", "bc"), "ends");
}

static void test_distance(void)
{
	static const struct {
		const char *a, *b;
		unsigned max, want;
	} rows[] = {
		{"", "", 3, 0},
		{"a", "", 3, 1},
		{"", "abc", 3, 3},
		{"kitten", "sitting", 5, 3},
		{"capabilites", "capabilities", 2, 1},
		{"flaw", "lawn", 3, 2},
		{"abc", "xyz", 2, 3},
		{"abcdef", "x", 2, 3},
		{"ab", "ba", 5, 2},
	};
	char a[66], b[66];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(str_distance(rows[i].a, rows[i].b, rows[i].max) == rows[i].want &&
				str_distance(rows[i].b, rows[i].a, rows[i].max) == rows[i].want,
			"%s to %s: %u", rows[i].a, rows[i].b, rows[i].want);
	memset(a, 'a', 65);
	a[65] = '\0';
	memcpy(b, a, 66);
	ok(str_distance(a, b, 3) == 4, "65 bytes are never near");
	ok(str_distance(a + 1, b + 1, 3) == 0, "64 are");
}

int main(void)
{
	test_globs();
	test_cost();
	test_growing();
	test_lists();
	test_distance();
	return tap_done();
}
