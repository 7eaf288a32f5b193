/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_command - what a pattern of commands allows, what it denies, and which patterns are none.
 */
#include "profiles/command.h"

#include <time.h>

#include "profiles/profile.h"
#include "shim/base/cleanup.h"
#include "tests/tap.h"

/* Words of a command line, '|' between them: blanks are part of a word. */
struct line {
	const char *v[80];
	size_t n;
	char text[1024];
};

static void split(const char *text, struct line *out)
{
	char *at = out->text;

	snprintf(out->text, sizeof out->text, "%s", text);
	for (out->n = 0; *text; out->n++) {
		char *end = at + strcspn(at, "|");
		bool last = !*end;

		out->v[out->n] = at;
		*end = '\0';
		at = end + 1;
		if (last) {
			out->n++;
			return;
		}
	}
}

static const struct {
	const char *pattern, *line;
	bool allowed, denied;
} cases[] = {
	/* words as they are; to deny, the first of them are enough */
	{"cat /tmp/healthy", "cat|/tmp/healthy", true, true},
	{"cat /tmp/healthy", "cat", false, false},
	{"cat /tmp/healthy", "cat|/tmp/healthy|/etc/passwd", false, true},
	{"cat /tmp/healthy", "cat|/tmp/healthy2", false, false},
	{"cat /tmp/healthy", "cat|/tmp/healthy ", false, false},
	{"cat /tmp/healthy", "cat /tmp/healthy", false, false},
	{"cat", "cat", true, true},
	{"cat", "cat|/x", false, true},
	{"cat", "CAT", false, false},
	{"cat", "", false, false},
	/* any further arguments */
	{"/usr/bin/pg_isready **", "/usr/bin/pg_isready", true, true},
	{"/usr/bin/pg_isready **", "/usr/bin/pg_isready|-U|a b|/x/y", true, true},
	{"/usr/bin/pg_isready **", "pg_isready", false, false},
	{"/usr/bin/pg_isready **", "/usr/bin/pg_isready2", false, false},
	{"sh -c **", "sh|-c", true, true},
	{"sh -c **", "sh", false, false},
	{"sh -c **", "sh|-l", false, false},
	{"**", "anything", true, true},
	{"**", "/any/thing|x", true, true},
	{"**", "", false, false},
	/* globs span one argument and no slash */
	{"/opt/app/*", "/opt/app/run", true, true},
	{"/opt/app/*", "/opt/app/run|x", false, true},
	{"/opt/app/*", "/opt/app/bin/run", false, false},
	{"/opt/app/**", "/opt/app/bin/run", true, true},
	{"cat /tmp/*", "cat|/tmp/a/b", false, false},
	{"cat /**", "cat|/tmp/a/b", true, true},
	{"echo ?", "echo|a", true, true},
	{"echo ?", "echo|/", false, false},
	{"echo *", "echo|a b", true, true},
	{"echo *", "echo|", true, true},
	{"echo *", "echo", false, false},
	{"echo *", "echo|\n", true, true},
	{"echo hello*", "echo|hello world", true, true},
	{"redis-cli -p 6* ping", "redis-cli|-p|6379|ping", true, true},
	{"redis-cli -p 6* ping", "redis-cli|-p|6379|flushall", false, false},
	{"redis-cli -p 6* ping", "redis-cli|-p|6379", false, false},
	/* a name is every program of that name to whom denies, and only the name to whom allows */
	{"sh", "/bin/sh", false, true},
	{"sh", "/bin/sh|-c|ls", false, true},
	{"sh", "/proc/self/root/bin/sh", false, true},
	{"sh", "./sh", false, true},
	{"sh", "/bin/bash", false, false},
	{"sh", "/bin/sh/", false, false},
	{"*sh", "/bin/bash", false, true},
	{"*sh", "zsh", true, true},
	{"/bin/sh", "sh", false, false},
	{"/bin/sh", "/bin/sh", true, true},
	{"/bin/sh", "/usr/bin/sh", false, false},
	/* arguments are no programs */
	{"env sh", "env|/bin/sh", false, false},
	/* what is not the file its words name */
	{"/opt/app/**", "/opt/app/../../bin/sh", false, true},
	{"/opt/app/*", "/opt/app/..", false, true},
	{"/opt/app/**", "/opt//app/run", false, false},
	{"**", "bin/sh", false, true},
	{"**", "./sh", false, true},
	{"**", "//bin/sh", false, true},
	{"*", "sh", true, true},
	{"*", "bin/sh", false, true},
	/* no class, no escape, no quoting */
	{"[s]h", "sh", false, false},
	{"s\\h", "sh", false, false},
	{"'sh'", "sh", false, false},
	{"sh $(id)", "sh|$(id)", true, true},
};

static void test_cases(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_STRV struct strv one = {0};
		struct line line = {.n = 0};

		split(cases[i].line, &line);
		if (strcmp(cases[i].line, "") == 0)
			line.n = 0;
		ok(!command_wrong(cases[i].pattern), "\"%s\" is a pattern: %s", cases[i].pattern,
			command_wrong(cases[i].pattern));
		if (strv_add(&one, cases[i].pattern) < 0)
			exit(2);
		ok(command_allowed(&one, line.v, line.n) == cases[i].allowed,
			"case %zu: %s allows %.20s: %d", i, cases[i].pattern,
			line.n ? line.v[0] : "nothing", cases[i].allowed);
		ok(!command_denied(&one, line.v, line.n) == !cases[i].denied, "and denies it: %d",
			cases[i].denied);
	}
}

static const struct {
	const char *pattern, *wrong;
} wrong[] = {
	{"", "empty"},
	{" sh", "blank"},
	{"sh ", "blank"},
	{"sh  -c", "blank"},
	{" ", "blank"},
	{"sh\t-c", "control"},
	{"sh\n", "control"},
	{"sh \x7f", "control"},
	{"bin/sh", "absolute"},
	{"./sh", "absolute"},
	{"**/sh", "absolute"},
	{"*/sh", "absolute"},
	{"**sh", "span directories"},
	{"s**", "span directories"},
	{"** sh", "behind"},
	{"sh ** x", "behind"},
	{"/bin/../sh", "never match"},
	{"/bin//sh", "never match"},
	{"/bin/sh/", "never match"},
	{"/", "never match"},
	{"/./sh", "never match"},
	{"/ **", "never match"},
};

static void test_wrong(void)
{
	AUTO_STR struct str many = STR_INIT, most = STR_INIT, long_one = STR_INIT;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *what = command_wrong(wrong[i].pattern);

		ok(what && strstr(what, wrong[i].wrong), "wrong %zu: %s", i,
			what ? what : "(accepted)");
	}
	for (int i = 0; i < COMMAND_WORDS_MAX; i++)
		str_addf(&most, "%sa", i ? " " : "");
	ok(!command_wrong(str_text(&most)), "64 words");
	str_addf(&many, "%s a", str_text(&most));
	ok(command_wrong(str_text(&many)), "65 are too many");
	while (long_one.len < COMMAND_PATTERN_MAX)
		str_addc(&long_one, 'a');
	ok(!command_wrong(str_text(&long_one)), "1024 bytes");
	str_addc(&long_one, 'a');
	ok(command_wrong(str_text(&long_one)), "1025 are too many");
}

/* A pattern nobody checked is judged strictly, and the first that denies is told. */
static void test_lists(void)
{
	AUTO_STRV struct strv two = {0}, huge = {0}, none = {0};
	AUTO_STR struct str text = STR_INIT;
	const char *const argv[] = {"/bin/bash", "-l"};

	if (strv_add(&two, "sh") < 0 || strv_add(&two, "bash") < 0)
		exit(2);
	tap_same(command_denied(&two, argv, 2), "bash", "which one denies");
	ok(!command_denied(&none, argv, 2) && !command_allowed(&none, argv, 2),
		"no pattern denies or allows anything");
	while (text.len <= COMMAND_PATTERN_MAX)
		str_addc(&text, '*');
	if (strv_add(&huge, str_text(&text)) < 0)
		exit(2);
	ok(command_denied(&huge, argv, 2) && !command_allowed(&huge, argv, 2),
		"one that is too long allows nothing and denies everything");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The caller chooses the arguments: however long, comparing them takes no time worth speaking of. */
static void test_time(void)
{
	enum { BIG = 4 << 20 };
	AUTO_STRV struct strv nasty = {0};
	AUTO_STR struct str stars = STR_INIT;
	AUTO_FREE char *big = malloc(BIG + 1);
	const char *argv[] = {"sh", big};
	double from = seconds();

	str_add(&stars, "sh ");
	while (stars.len < 900)
		str_add(&stars, "a*");
	str_addc(&stars, 'b');
	if (!big || strv_add(&nasty, str_text(&stars)) < 0)
		exit(2);
	memset(big, 'a', BIG);
	big[BIG] = '\0';
	ok(!command_allowed(&nasty, argv, 2) && command_denied(&nasty, argv, 2),
		"4 MiB of argument: not allowed, and denied");
	big[4097] = '\0';
	ok(!command_allowed(&nasty, argv, 2) && command_denied(&nasty, argv, 2), "as 4097 bytes");
	big[4096] = '\0';
	ok(!command_allowed(&nasty, argv, 2) && !command_denied(&nasty, argv, 2),
		"4096 bytes are compared");
	big[4095] = 'b';
	ok(command_allowed(&nasty, argv, 2) && command_denied(&nasty, argv, 2), "and found");
	ok(seconds() - from < 60, "in %.3f s", seconds() - from);
}

/* As a profile says it. */
static void test_profile(void)
{
	static const char text[] =
		"{\"profile\": \"x\", \"version\": \"1\",\n\"exec\": {\"commands\": {\"allow\": "
		"[\"cat /**\"], \"deny\": [\"sh\", \"cat /etc/**\"]}},\n\"flags\": {\"allow\": "
		"[\"--no-pivot\", \"--lsm-profile\"], \"preserveFds\": 3}}";
	static const char *const good[] = {"cat", "/tmp/x"}, *const bad[] = {"cat", "/etc/shadow"};
	AUTO_PROFILE struct profile *p = NULL;
	struct err e = {0};

	if (!ok(profile_parse("x.json", text, sizeof text - 1, &p, &e) == 0, "read: %s", e.msg))
		return;
	ok(command_allowed(&p->exec.allow_commands, good, 2) &&
			!command_denied(&p->exec.deny_commands, good, 2),
		"a command of the profile's");
	ok(command_allowed(&p->exec.allow_commands, bad, 2) &&
			command_denied(&p->exec.deny_commands, bad, 2),
		"one that is allowed and denied");
	ok(p->flags.allow == (1u << FLAG_NO_PIVOT | 1u << FLAG_LSM_PROFILE) &&
			p->flags.preserve_fds == 3,
		"flags and descriptors");
	ok(p->line[CONTROL_EXEC] == 2 && p->line[CONTROL_FLAGS] == 3, "and the lines they are on");
}

int main(void)
{
	test_cases();
	test_wrong();
	test_lists();
	test_time();
	test_profile();
	return tap_done();
}
