/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_select - which profile: option, program name, default, and the annotation on top.
 */
#include "shim/select.h"
#include "tests/tap.h"

static const struct json_limits limits = {4096, 8, 100};

static const struct {
	const char *wanted, *program, *annotation;
	const char *first, *second; /* expected names; FIRST NULL: refused */
	const char *message; /* part of the refusal */
} cases[] = {
	{NULL, "/usr/sbin/cinch", NULL, "restricted", NULL, NULL},
	{NULL, "cinch", NULL, "restricted", NULL, NULL},
	{NULL, "/usr/sbin/cinch-baseline", NULL, "baseline", NULL, NULL},
	{NULL, "/cinch-web/runc", NULL, "restricted", NULL, NULL},
	{"baseline", "/usr/sbin/cinch", NULL, "baseline", NULL, NULL},
	{"baseline", "cinch-baseline", NULL, "baseline", NULL, NULL},
	{"baseline", "cinch-restricted", NULL, NULL, NULL, "use one of them"},
	{"nothing", "cinch", NULL, NULL, NULL, "\"nothing\" named by --cinch-profile"},
	{NULL, "cinch-", NULL, NULL, NULL, "named by the program's name"},
	{NULL, "cinch-../x", NULL, "restricted", NULL, NULL}, /* the base name is "x" */
	{"../restricted", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{"seccomp/default", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{"", "cinch", NULL, NULL, NULL, "named by --cinch-profile"},
	{NULL, "cinch", "\"baseline\"", "restricted", "baseline", NULL},
	{"baseline", "cinch", "\"restricted\"", "baseline", "restricted", NULL},
	{NULL, "cinch", "\"nothing\"", NULL, NULL, "annotation io.cinch.profile"},
	{NULL, "cinch", "\"\"", NULL, NULL, "annotation io.cinch.profile"},
	{NULL, "cinch", "null", NULL, NULL, "annotation io.cinch.profile"},
};

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_SELECTION struct selection s = {.n = 0};
		struct err e = {0};
		char text[256];
		int rc;

		snprintf(text, sizeof text, "{\"annotations\":{%s%s}}",
			cases[i].annotation ? "\"io.cinch.profile\":" : "",
			cases[i].annotation ? cases[i].annotation : "");
		if (json_parse(text, strlen(text), &limits, 0, &doc, &e) < 0)
			return 2;
		rc = select_profiles(cases[i].wanted, cases[i].program, doc, &s, &e);
		if (!cases[i].first) {
			ok(rc < 0 && s.n == 0 && strstr(e.msg, cases[i].message),
				"case %zu refused: %s", i, e.msg);
			continue;
		}
		ok(rc == 0 && s.n == (cases[i].second ? 2 : 1), "case %zu: %zu profiles %s", i, s.n,
			e.msg);
		if (s.n > 0)
			tap_same(s.p[0]->name, cases[i].first, "first");
		if (s.n > 1)
			tap_same(s.p[1]->name, cases[i].second, "second");
	}
	return tap_done();
}
