/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json - what json_parse reads, what it refuses and where it says the fault is; that what was read
 * is written byte for byte.
 */
#include <stdint.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"
#include "tests/tap.h"

static const struct json_limits wide = {1u << 20, 100, 100000};

static struct json_doc *parse_n(const char *text, size_t len, unsigned flags, struct err *e)
{
	struct json_doc *doc = NULL;

	memset(e, 0, sizeof *e);
	if (json_parse(text, len, &wide, flags, &doc, e) < 0)
		return NULL;
	return doc;
}

static struct json_doc *parse(const char *text, struct err *e)
{
	return parse_n(text, strlen(text), JSON_STRICT, e);
}

/* Read and written again: the same bytes, as TEXT has no white space. */
static void test_survival(void)
{
	static const char *const texts[] = {
		"0",
		"-0",
		"1E400",
		"-1e-400",
		"18446744073709551615",
		"18446744073709551616",
		"-9223372036854775808",
		"0.10000000000000000000000000000000000001",
		"1.0",
		"1e5",
		"1E+5",
		"true",
		"false",
		"null",
		"\"\"",
		"\"\\u00e9\"",
		"\"\xc3\xa9\"",
		"\"\\u00E9\"",
		"\"\\/\"",
		"\"/\"",
		"\"\\b\\f\\n\\r\\t\\\\\\\"\"",
		"\"\\ud83d\\ude00\"",
		"\"\\uD83D\\uDE00\"",
		"\"\xf0\x9f\x98\x80\"",
		"\"\x7f\"",
		"\"\xe2\x80\xa8\"",
		"\"\xef\xbf\xbf\"",
		"\"\xf4\x8f\xbf\xbf\"",
		"[]",
		"{}",
		"[[],{},[{}]]",
		"{\"z\":1,\"a\":2,\"m\":3,\"\":4}",
		"{\"\\u0061b\":1,\"a\\/b\":2,\"a\\u002fc\":3}",
		"{\"a\":{\"a\":{\"a\":1E400}},\"b\":[null,true,false,\"x\",-0]}",
		"{\"//\":\"/* no comment */\",\"x\":\"// nor this\"}",
		"[\"\\\\u0000\",\"\\\\\\u0061\"]",
		"{\"K\":1,\"k\":2}",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct err e;
		AUTO_JSON struct json_doc *doc = parse(texts[i], &e);
		AUTO_STR struct str out = STR_INIT;

		if (doc)
			json_write(json_root(doc), &out);
		tap_same(doc ? str_text(&out) : e.msg, texts[i], "survives byte for byte");
	}
}

static void test_white_space(void)
{
	static const char text[] = " \r\n\t{ \"a\" :\t[ 1 , 2 ,\"x y\" ] , \"b\"\n:\n{ } }\r\n ";
	struct err e;
	AUTO_JSON struct json_doc *doc = parse(text, &e);
	AUTO_STR struct str out = STR_INIT, pretty = STR_INIT;

	if (!ok(doc, "white space around every token: %s", e.msg))
		return;
	json_write(json_root(doc), &out);
	tap_same(str_text(&out), "{\"a\":[1,2,\"x y\"],\"b\":{}}", "white space is not kept");
	json_write_pretty(json_root(doc), &pretty);
	tap_same(str_text(&pretty),
		"{\n  \"a\": [\n    1,\n    2,\n    \"x y\"\n  ],\n  \"b\": {}\n}\n", "pretty");
}

/* Refused, with this message. %s in none of them. */
static const struct {
	const char *text, *message;
} refused[] = {
	/* duplicates, also by another spelling of the same name */
	{"{\"a\":1,\"a\":2}", "line 1, column 8: key \"a\" stands twice in one object"},
	{"{\"a\":1,\"\\u0061\":2}", "line 1, column 8: key \"a\" stands twice in one object"},
	{"{\"a/b\":1,\"a\\/b\":2}", "line 1, column 10: key \"a/b\" stands twice in one object"},
	{"{\"\\u00e9\":1,\n\"\xc3\xa9\":2}",
		"line 2, column 1: key \"\xc3\xa9\" stands twice in one object"},
	{"[{\"x\":{\"\":1,\"\":2}}]", "line 1, column 13: key \"\" stands twice in one object"},
	{"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,"
	 "\"k\":11,\"l\":12,\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"q\":17,\n \"b\":18}",
		"line 2, column 2: key \"b\" stands twice in one object"},
	/* NUL */
	{"\"\\u0000\"", "line 1, column 1: NUL character in a string"},
	{"\"a\\u0000b\"", "line 1, column 1: NUL character in a string"},
	{"{\"a\\u0000\":1}", "line 1, column 2: NUL character in a string"},
	{"{\"a\":1,\n  \"b\\u0000\":1}", "line 2, column 3: NUL character in a string"},
	/* halves of surrogate pairs in every position */
	{"\"\\ud800\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\udc00\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"a\\ud800\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800a\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\uDBFFx\\uDFFF\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800\\ud800\\udc00\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800\\udc00\\udc00\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800\\n\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800\\\\udc00\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\ud800\\u0041\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"\"\\udc00\\ud800\"", "line 1, column 1: half of a surrogate pair in a string"},
	{"{\"\\udFFF\":0}", "line 1, column 2: half of a surrogate pair in a string"},
	/* not UTF-8 */
	{"\"\x80\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xc0\xaf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xc1\xbf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xe0\x80\xaf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xe0\x9f\xbf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xf0\x80\x80\xaf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xf0\x8f\xbf\xbf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xed\xa0\x80\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xed\xbf\xbf\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xf4\x90\x80\x80\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xf8\x88\x80\x80\x80\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xff\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xc3\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xe2\x82\"", "line 1, column 2: not valid UTF-8"},
	{"\"\xf0\x9f\x98\"", "line 1, column 2: not valid UTF-8"},
	{"\"\n\n", "line 1, column 1: lexical error: invalid character inside string."},
	{"1\n\xe2\x82", "line 2, column 1: not valid UTF-8"},
	/* text after the value, or none */
	{"{} {}", "line 1, column 4: parse error: trailing garbage"},
	{"{}x", "line 1, column 3: parse error: trailing garbage"},
	{"1 2", "line 1, column 3: parse error: trailing garbage"},
	{"{}\n]", "line 2, column 1: parse error: trailing garbage"},
	{"", "line 1, column 1: parse error: premature EOF"},
	{" \n ", "line 2, column 2: parse error: premature EOF"},
	{"{", "line 1, column 2: parse error: premature EOF"},
	{"[1,\n2", "line 2, column 2: parse error: premature EOF"},
	{"{\"a\":\n  [\"x\"", "line 2, column 7: parse error: premature EOF"},
	{"\"abc", "line 1, column 5: parse error: premature EOF"},
	/* grammar */
	{"[1,]", "line 1, column 4: parse error: unallowed token at this point in JSON text"},
	{"{\"a\":1,}", "line 1, column 8: parse error: invalid object key (must be a string)"},
	{"{a:1}", "line 1, column 2: lexical error: invalid char in json text."},
	{"{'a':1}", "line 1, column 2: lexical error: invalid char in json text."},
	{"{1:1}", "line 1, column 2: parse error: invalid object key (must be a string)"},
	{"{\"a\" 1}",
		"line 1, column 6: parse error: object key and value must be separated by a colon "
		"(':')"},
	{"[1 2]", "line 1, column 4: parse error: after array element, I expect ',' or ']'"},
	{"[01]", "line 1, column 3: parse error: after array element, I expect ',' or ']'"},
	{"[+1]", "line 1, column 2: lexical error: invalid char in json text."},
	{"[.5]", "line 1, column 2: lexical error: invalid char in json text."},
	{"[1.]", NULL},
	{"[1e]", NULL},
	{"[-]", NULL},
	{"[NaN]", NULL},
	{"[Infinity]", NULL},
	{"[0x10]", NULL},
	{"[True]", NULL},
	{"[nul]", NULL},
	{"[\"\\x41\"]", NULL},
	{"[\"\\u00g0\"]", NULL},
	{"[\"\\u00\"]", NULL},
	{"[\"a\tb\"]", NULL},
	{"[\"a\nb\"]", NULL},
	{"[1}", NULL},
	{"{\"a\":1]", NULL},
	{"[,1]", NULL},
	{"{,}", NULL},
	{"{\"a\"}", NULL},
	{"{\"a\":}", NULL},
	{"]", NULL},
	{":", NULL},
	/* what yajl takes for white space and nobody else does */
	{"[\v1]", "line 1, column 2: only blank, tab and line break may stand between tokens"},
	{"\f{}", "line 1, column 1: only blank, tab and line break may stand between tokens"},
	{"[1\v,2]", "line 1, column 3: only blank, tab and line break may stand between tokens"},
	{"{}\n\f", "line 2, column 1: only blank, tab and line break may stand between tokens"},
	/* comments were not asked for */
	{"/* c */ 1", NULL},
	{"1 // c", NULL},
	{"{\"a\":1 /* c */}", NULL},
	{"# c\n1", NULL},
	/* byte order marks */
	{"\xef\xbb\xbf{}", "line 1, column 1: lexical error: invalid char in json text."},
	{"\xff\xfe{\x01", "line 1, column 1: not valid UTF-8"},
};

static void test_refusals(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct err e;
		AUTO_JSON struct json_doc *doc = parse(refused[i].text, &e);
		char what[160];

		snprintf(what, sizeof what, "refused: %zu", i);
		if (!ok(!doc && e.code == ERR_INPUT, "%s is ERR_INPUT: %s", what, e.msg))
			printf("# text: %s\n", refused[i].text);
		else if (refused[i].message)
			tap_same(e.msg, refused[i].message, what);
		else
			ok(strncmp(e.msg, "line 1, column ", 15) == 0, "%s: %s", what, e.msg);
	}
}

static void test_nul_bytes(void)
{
	struct err e;
	struct json_doc *kept = NULL, *doc;

	ok(!parse_n("[1]\0", 4, JSON_STRICT, &e), "NUL behind the value: %s", e.msg);
	ok(!parse_n("[\0 1]", 5, JSON_STRICT, &e), "NUL between tokens: %s", e.msg);
	ok(!parse_n("[\"a\0b\"]", 7, JSON_STRICT, &e), "NUL in a string: %s", e.msg);
	ok(!parse_n("", 0, JSON_STRICT, &e), "nothing: %s", e.msg);
	ok(!parse_n(NULL, 0, JSON_STRICT, &e), "no text at all: %s", e.msg);
	doc = kept;
	ok(json_parse("[", 1, &wide, 0, &kept, &e) < 0 && kept == doc,
		"*OUT is untouched after a failure");
	ok(json_parse("[", 1, &wide, 0, &kept, NULL) < 0, "no error struct is fine");
}

static char *nested(size_t depth, char open, char close)
{
	char *s = malloc(2 * depth + 1);

	memset(s, open, depth);
	memset(s + depth, close, depth);
	s[2 * depth] = '\0';
	return s;
}

static bool accepted(const char *text, size_t bytes, size_t depth, size_t values, struct err *e)
{
	struct json_limits limits = {bytes, depth, values};
	AUTO_JSON struct json_doc *doc = NULL;

	return json_parse(text, strlen(text), &limits, 0, &doc, e) == 0;
}

static void test_limits(void)
{
	struct err e = {0};
	AUTO_FREE char *deep = nested(100, '[', ']'), *deeper = nested(101, '[', ']');
	AUTO_FREE char *abyss = nested(10000, '[', ']');

	ok(accepted("[1,2,3]", 7, 9, 9, &e), "as many bytes as allowed");
	ok(!accepted("[1,2,3]", 6, 9, 9, &e), "one byte more");
	tap_same(e.msg, "7 bytes, limit 6", "says both numbers");
	ok(accepted("[[[1]]]", 99, 3, 9, &e), "as deep as allowed");
	ok(!accepted("[[[[1]]]]", 99, 3, 9, &e), "one level more");
	tap_same(e.msg, "line 1, column 4: nested deeper than 3 levels", "says where");
	ok(!accepted("{\"a\":[{\"b\":[]}]}", 99, 3, 9, &e), "objects and arrays count alike");
	ok(accepted("[[1],[2],[[3]],{}]", 99, 3, 20, &e), "siblings are not depth");
	ok(accepted("[1,2,3]", 99, 9, 4, &e), "as many values as allowed");
	ok(!accepted("[1,2,3]", 99, 9, 3, &e), "one value more");
	tap_same(e.msg, "line 1, column 6: more than 3 values", "says where");
	ok(accepted("{\"a\":1}", 99, 9, 3, &e), "keys count");
	ok(!accepted("{\"a\":1}", 99, 9, 2, &e), "keys count, one more");
	ok(accepted(deep, 9999, 1000, 9999, &e), "JSON_DEPTH_MAX levels");
	ok(!accepted(deeper, 9999, 1000, 9999, &e), "one more, whatever the limits say: %s", e.msg);
	ok(!accepted(abyss, 99999, 100000, 99999, &e), "10,000 levels: %s", e.msg);
}

static void test_comments(void)
{
	static const char text[] =
		"// first\n{ /* in */ \"a\" /*x*/ : // y\n [ 1 /* ** / */ , \"/*s*/\" "
		"] /* end\n*/,\"b\":2}\n// last";
	struct err e;
	AUTO_JSON struct json_doc *doc = parse_n(text, strlen(text), JSON_COMMENTS, &e);
	AUTO_STR struct str out = STR_INIT;
	unsigned line, col;

	if (!ok(doc, "comments when asked for: %s", e.msg))
		return;
	json_write(json_root(doc), &out);
	tap_same(str_text(&out), "{\"a\":[1,\"/*s*/\"],\"b\":2}", "are not kept");
	json_line_col(doc, json_at(json_root(doc), "/a/0"), &line, &col);
	ok(line == 3 && col == 4, "position behind comments: %u:%u", line, col);
	json_line_col(doc, json_at(json_root(doc), "/b"), &line, &col);
	ok(line == 4 && col == 8, "position behind a comment of two lines: %u:%u", line, col);
	ok(!parse_n("/* open", 7, JSON_COMMENTS, &e), "comment without end: %s", e.msg);
	ok(!parse_n("// only", 7, JSON_COMMENTS, &e), "only a comment: %s", e.msg);
	ok(!parse_n("[1 / 2]", 7, JSON_COMMENTS, &e), "half a comment: %s", e.msg);
	ok(!parse_n("[1,/*\v*/2,\v3]", 13, JSON_COMMENTS, &e), "no vertical tab: %s", e.msg);
}

static void check_place(
	const struct json_doc *doc, const char *pointer, unsigned line, unsigned col)
{
	unsigned l = 99, c = 99;

	json_line_col(doc, json_at(json_root(doc), pointer), &l, &c);
	if (!ok(l == line && c == col, "%s is at %u:%u", pointer, line, col))
		printf("#  got: %u:%u\n", l, c);
}

/* Every kind of token is where we say: yajl's position in a callback is the end of the token, for
 * numbers too, although it had to look at the character behind them. */
static void test_places(void)
{
	static const char text[] =
		"  {\"a\" : 12,\n"
		"\"b\":-0.5e3 ,\"c\":true,\"d\" :\tfalse\n"
		",\"e\":null, \"f\": \"x\", \"g\":[],\"h\":{},\r\n"
		"\"i\":[1,2 ,3\n,[4],{\"j\":5}], \"\xc3\xa9\": \"\xc3\xa9\", \"k\":1}";
	static const char lone[] = " \n  12";
	static const struct {
		const char *pointer;
		unsigned line, col;
	} places[] = {
		{"", 1, 3},
		{"/a", 1, 10},
		{"/b", 2, 5},
		{"/c", 2, 17},
		{"/d", 2, 28},
		{"/f", 3, 17},
		{"/g", 3, 26},
		{"/h", 3, 33},
		{"/i", 4, 5},
		{"/i/0", 4, 6},
		{"/i/1", 4, 8},
		{"/i/2", 4, 11},
		{"/i/3", 5, 2},
		{"/i/3/0", 5, 3},
		{"/i/4", 5, 6},
		{"/i/4/j", 5, 11},
		{"/\xc3\xa9", 5, 22},
		{"/k", 5, 32},
	};
	struct err e;
	AUTO_JSON struct json_doc *doc = parse(text, &e), *root = NULL;
	unsigned line, col;

	if (!ok(doc, "a value of every kind: %s", e.msg))
		return;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		check_place(doc, places[i].pointer, places[i].line, places[i].col);
	root = parse(lone, &e);
	if (ok(root, "a number alone: %s", e.msg))
		check_place(root, "", 2, 3);
	json_line_col(doc, json_int(doc, 1), &line, &col);
	ok(line == 0 && col == 0, "a value that was made has no place");
	json_line_col(doc, NULL, &line, &col);
	ok(line == 0 && col == 0, "nor has nothing");
}

static void test_decoding(void)
{
	static const struct {
		const char *text, *want;
	} strings[] = {
		{"\"\\u0061\\/\\\\\\\"\"", "a/\\\""},
		{"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t"},
		{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
		{"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
		{"\"\\u07ff\\u0800\\uffff\"", "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
		{"\"\\u007f\\u0080\"", "\x7f\xc2\x80"},
		{"\"\\\\ud800\"", "\\ud800"},
		{"\"?\"", "?"},
	};
	struct err e;

	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		AUTO_JSON struct json_doc *doc = parse(strings[i].text, &e);
		const struct json *v = doc ? json_root(doc) : NULL;

		tap_same(json_str(v), strings[i].want, "decoded");
		ok(v && v->len == strlen(strings[i].want), "length of the decoded text");
	}
}

/* Thousands of members must not cost their square. */
static void test_many_keys(void)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL, *twice = NULL;
	struct json_limits limits = {8u << 20, 10, 500000};
	struct err e = {0};

	str_add(&text, "{");
	for (int i = 0; i < 100000; i++)
		str_addf(&text, "%s\"key%d\":%d", i ? "," : "", i, i);
	str_add(&text, "}");
	ok(json_parse(str_text(&text), text.len, &limits, 0, &doc, &e) == 0,
		"an object of 100,000 members: %s", e.msg);
	text.len--;
	str_add(&text, ",\"key54321\":0}");
	ok(json_parse(str_text(&text), text.len, &limits, 0, &twice, &e) < 0 &&
			strstr(e.msg, "key \"key54321\" stands twice"),
		"and a duplicate among them: %s", e.msg);
	if (doc) {
		AUTO_JSON struct json_doc *other = json_new();

		ok(json_equal(json_root(doc), json_clone(other, json_root(doc))),
			"compared with its copy");
	}
}

/* Every prefix of a document is refused, none crashes (ASan sees reads behind the end). */
static void test_prefixes(void)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"b\":{"
				   "\"c\":null},\"d\":true}";
	size_t good = 0;

	for (size_t n = 0; n < strlen(text); n++) {
		AUTO_FREE char *cut = malloc(n ? n : 1);
		AUTO_JSON struct json_doc *doc = NULL;
		struct err e;

		memcpy(cut, text, n);
		doc = parse_n(cut, n, JSON_STRICT, &e);
		good += doc != NULL || e.code != ERR_INPUT;
	}
	ok(good == 0, "every proper prefix is refused");
}

int main(void)
{
	test_survival();
	test_white_space();
	test_refusals();
	test_nul_bytes();
	test_limits();
	test_comments();
	test_places();
	test_decoding();
	test_many_keys();
	test_prefixes();
	return tap_done();
}
