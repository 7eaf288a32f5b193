/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lines - the difference of two texts.
 */
#include "shim/ctl/lines.h"
#include "tests/tap.h"

/* As "-gone" and "+come", a line each. */
static void show(const char *a, const char *b, bool blocks, struct str *out)
{
	AUTO_LINES struct lines l = {NULL, 0};
	struct err e = {0};

	if (lines_compare(a, b, &l, &e) < 0) {
		str_add(out, e.msg);
		return;
	}
	for (size_t i = 0; i < l.n; i++) {
		if (blocks)
			str_addf(out, "[%.*s]", (int)l.v[i].block_len,
				l.v[i].block ? l.v[i].block : "");
		str_addf(out, "%c%.*s\n", l.v[i].added ? '+' : '-', (int)l.v[i].len, l.v[i].line);
	}
}

static void check(const char *a, const char *b, const char *want, const char *what)
{
	AUTO_STR struct str out = STR_INIT;

	show(a, b, false, &out);
	tap_same(str_text(&out), want, what);
}

/* Whatever is compared: A without what goes, with what comes, is B. */
static bool leads(const char *a, const char *b)
{
	AUTO_LINES struct lines l = {NULL, 0};
	struct err e = {0};
	size_t gone = 0, come = 0, in_a = 0, in_b = 0;

	if (lines_compare(a, b, &l, &e) < 0)
		return false;
	for (const char *p = a; *p; p++)
		in_a += *p == '\n';
	for (const char *p = b; *p; p++)
		in_b += *p == '\n';
	for (size_t i = 0; i < l.n; i++) {
		come += l.v[i].added;
		gone += !l.v[i].added;
	}
	return in_a - gone == in_b - come;
}

static void long_ones(void)
{
	AUTO_STR struct str a = STR_INIT, b = STR_INIT;

	for (int i = 0; i < 9000; i++) {
		str_addf(&a, "line %d\n", i);
		str_addf(&b, "line %d\n", i + 9000);
	}
	ok(leads(str_text(&a), str_text(&b)),
		"texts without anything in common, too long to compare");
	str_reset(&b);
	for (int i = 0; i < 9000; i++)
		if (i != 4500)
			str_addf(&b, "line %d\n", i);
	check(str_text(&a), str_text(&b), "-line 4500\n", "one line of many");
}

int main(void)
{
	AUTO_STR struct str out = STR_INIT;

	check("", "", "", "two empty texts");
	check("a\nb\n", "a\nb\n", "", "the same");
	check("", "a\nb\n", "+a\n+b\n", "all come");
	check("a\nb", "", "-a\n-b\n", "all go, the last without its newline");
	check("a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n", "one in the middle");
	check("a\na\n", "a\n", "-a\n", "one of two that are the same");
	check("a\nb\nc\nd\n", "b\nc\ne\nd\n", "-a\n+e\n", "the fewest");
	check("a\n", "\t  a\n", "", "white space in front does not count");
	show("table t {\n\tchain x {\n\t\told\n\t}\n\tchain y {\n\t\tsame\n\t}\n}\n",
		"table t {\n\tchain x {\n\t\tnew\n\t}\n\tchain y {\n\t\tsame\n\t\telements = "
		"{\n\t\tmore\n"
		"\t}\n}\n",
		true, &out);
	tap_same(str_text(&out),
		"[chain x {]-old\n[chain x {]+new\n[chain y {]+elements = {\n[chain y {]+more\n",
		"the block a line is in");
	long_ones();
	return tap_done();
}
