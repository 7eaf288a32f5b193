/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap - the test output we need, and no framework: every check is one "ok" or "not ok" line.
 *
 * A test program calls ok() and friends, and returns tap_done(). A skip says why; with MUST_RUN=1 in
 * the environment it is a failure.
 */
#ifndef CINCH_TESTS_TAP_H
#define CINCH_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(cond, ...) tap_ok((cond), #cond, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static inline bool tap_ok(
	bool good, const char *expr, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("# %s:%d: %s\n", file, line, expr);
	}
	return good;
}

/* Strings that must be the same; shows both when they are not. */
static inline bool tap_same(const char *got, const char *want, const char *what)
{
	bool good = got && want ? strcmp(got, want) == 0 : got == want;

	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, what);
	if (!good) {
		tap_failed++;
		printf("#  got: %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
	}
	return good;
}

static inline void tap_skip(const char *what, const char *why)
{
	const char *must = getenv("MUST_RUN");
	bool fail = must && strcmp(must, "1") == 0;

	printf("%sok %d - %s # SKIP %s\n", fail ? "not " : "", ++tap_count, what, why);
	tap_failed += fail;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
