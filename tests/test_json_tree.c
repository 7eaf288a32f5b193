/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json_tree - looking at a JSON tree, changing it, writing it, naming places in it.
 */
#include <inttypes.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"
#include "tests/tap.h"

static struct json_doc *parse(const char *text)
{
	static const struct json_limits wide = {1u << 20, 100, 100000};
	struct json_doc *doc = NULL;
	struct err e;

	if (json_parse(text, strlen(text), &wide, JSON_STRICT, &doc, &e) < 0) {
		printf("# %s\n", e.msg);
		return NULL;
	}
	return doc;
}

static void same(const struct json *v, const char *want, const char *what)
{
	AUTO_STR struct str out = STR_INIT;

	if (v)
		json_write(v, &out);
	tap_same(v ? str_text(&out) : "(nothing)", want, what);
}

/* The links of a tree are whole: parent, prev, next, first, last and count agree everywhere. */
static bool whole(const struct json *v)
{
	const struct json *prev = NULL;
	uint32_t n = 0;

	for (const struct json *c = v->first; c; prev = c, c = c->next, n++)
		if (c->parent != v || c->prev != prev || !whole(c) ||
			(v->type == JSON_OBJECT && !c->key))
			return false;
	return v->last == prev && v->count == n;
}

static void test_looking(void)
{
	AUTO_JSON struct json_doc *doc = parse("{\"a\":{\"b\":[10,null,{\"c\":\"x\"}]},\"n\":null,"
					       "\"\":1,\"s/~\":2,\"m~1\":3,\"f\":1.0}");
	const struct json *root = json_root(doc);

	ok(json_at(root, "") == root, "the empty pointer is the root");
	same(json_at(root, "/a/b/2/c"), "\"x\"", "through objects and arrays");
	ok(!json_at(root, "/a/b/1"), "null is absent in an array");
	ok(!json_at(root, "/n") && !json_get(root, "n"), "null is absent in an object");
	ok(!json_at(root, "/n/x") && !json_at(root, "/a/b/0/x"), "nothing below null and numbers");
	ok(!json_at(root, "/a/b/3") && !json_at(root, "/a/b/-") && !json_at(root, "/a/b/00") &&
			!json_at(root, "/a/b/+1") && !json_at(root, "/a/b/"),
		"indexes that are none");
	same(json_at(root, "/"), "1", "the empty name");
	same(json_at(root, "/s~1~0"), "2", "escaped slash and tilde");
	same(json_at(root, "/m~01"), "3", "~01 is ~1, not a slash");
	ok(!json_at(root, "/m~") && !json_at(root, "/m~2") && !json_at(root, "a"),
		"malformed pointers are absent");
	ok(!json_get(NULL, "a") && !json_item(NULL, 0) && !json_at(NULL, "/a") && !json_str(NULL) &&
			!json_is_true(NULL) && !json_is(NULL, JSON_NULL),
		"all accept NULL");
	ok(!json_get(json_at(root, "/a/b"), "0") && !json_item(root, 0), "wrong containers");
}

static void test_long_pointer(void)
{
	AUTO_STR struct str text = STR_INIT, pointer = STR_INIT, back = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *v;

	str_add(&text, "{\"");
	for (int i = 0; i < 1000; i++)
		str_add(&text, "k");
	str_add(&text, "/\":7}");
	doc = parse(str_text(&text));
	v = json_root(doc)->first;
	json_pointer(v, &pointer);
	ok(json_at(json_root(doc), str_text(&pointer)) == v, "a name of 1001 bytes is found");
	json_pointer(json_root(doc), &back);
	tap_same(str_text(&back), "", "the pointer of the root");
}

/* json_pointer of every value leads back to it. */
static bool leads_back(const struct json *root, const struct json *v)
{
	AUTO_STR struct str p = STR_INIT;

	json_pointer(v, &p);
	if (v->type != JSON_NULL && json_at(root, str_text(&p)) != v)
		return false;
	json_each (c, v)
		if (!leads_back(root, c))
			return false;
	return true;
}

static void test_pointers(void)
{
	AUTO_JSON struct json_doc *doc = parse(
		"{\"\":{\"\":[[0],{\"a/b\":{\"~\":[1,2,{\"~1\":3,\"/\":4,\"\\u00e9\":5}]}}]}}");
	AUTO_STR struct str token = STR_INIT;

	ok(leads_back(json_root(doc), json_root(doc)), "every value's pointer leads to it");
	json_pointer_token("a/b~c~1", &token);
	tap_same(str_text(&token), "a~1b~0c~01", "a token escaped");
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool u_ok, i_ok;
		uint64_t u;
		int64_t i;
	} rows[] = {
		{"0", true, true, 0, 0},
		{"-0", false, false, 0, 0},
		{"1", true, true, 1, 1},
		{"-1", false, true, 0, -1},
		{"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
		{"9223372036854775808", true, false, (uint64_t)INT64_MAX + 1, 0},
		{"-9223372036854775808", false, true, 0, INT64_MIN},
		{"-9223372036854775809", false, false, 0, 0},
		{"18446744073709551615", true, false, UINT64_MAX, 0},
		{"18446744073709551616", false, false, 0, 0},
		{"1.0", false, false, 0, 0},
		{"1e2", false, false, 0, 0},
		{"\"1\"", false, false, 0, 0},
		{"true", false, false, 0, 0},
	};

	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
		AUTO_JSON struct json_doc *doc = parse(rows[k].text);
		uint64_t u = 77;
		int64_t i = 77;
		bool u_ok = json_u64(json_root(doc), UINT64_MAX, &u);
		bool i_ok = json_i64(json_root(doc), INT64_MIN, INT64_MAX, &i);

		ok(u_ok == rows[k].u_ok && u == (u_ok ? rows[k].u : 77), "json_u64 of %s",
			rows[k].text);
		ok(i_ok == rows[k].i_ok && i == (i_ok ? rows[k].i : 77), "json_i64 of %s",
			rows[k].text);
	}
}

static void test_equal(void)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true},
		{"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":2}", true},
		{"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
		{"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
		{"{\"a\":null}", "{}", false},
		{"[1,2]", "[2,1]", false},
		{"[1,2]", "[1,2,3]", false},
		{"\"a\"", "\"\\u0061\"", true},
		{"\"1\"", "1", false},
		{"1", "1.0", false},
		{"true", "false", false},
		{"null", "null", true},
		{"[]", "{}", false},
	};
	AUTO_JSON struct json_doc *doc = json_new();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO_JSON struct json_doc *a = parse(rows[i].a), *b = parse(rows[i].b);

		ok(json_equal(json_root(a), json_root(b)) == rows[i].equal &&
				json_equal(json_root(b), json_root(a)) == rows[i].equal,
			"%s and %s are %s", rows[i].a, rows[i].b,
			rows[i].equal ? "equal" : "different");
	}
	ok(json_equal(NULL, NULL) && !json_equal(NULL, json_null(doc)), "nothing equals nothing");
}

static void test_making(void)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc), *a = json_array(doc);
	bool good = true;

	ok(json_root(doc) == NULL, "a new document has no root");
	json_set_root(doc, o);
	good &= json_put(doc, o, "i", json_int(doc, INT64_MIN)) == 0;
	good &= json_put(doc, o, "u", json_uint(doc, UINT64_MAX)) == 0;
	good &= json_put(doc, o, "t", json_bool(doc, true)) == 0;
	good &= json_put(doc, o, "f", json_bool(doc, false)) == 0;
	good &= json_put(doc, o, "n", json_null(doc)) == 0;
	good &= json_put(doc, o, "s\"\n", json_string(doc, "\xc3\xa9\"\\\x01\x1f\x7f/")) == 0;
	good &= json_put(doc, o, "a", a) == 0;
	good &= json_push(a, json_object(doc)) == 0;
	ok(good && whole(o), "everything can be made");
	same(o,
		"{\"i\":-9223372036854775808,\"u\":18446744073709551615,\"t\":true,\"f\":false,"
		"\"n\":null,\"s\\\"\\u000a\":\"\xc3\xa9\\\"\\\\\\u0001\\u001f\\u007f/"
		"\",\"a\":[{}]}",
		"and is written");
	ok(json_put(doc, o, "x", NULL) < 0 && json_put(doc, NULL, "x", json_null(doc)) < 0 &&
			json_push(NULL, json_null(doc)) < 0 && json_push(a, NULL) < 0 &&
			json_replace(a, NULL) < 0 && json_replace(NULL, json_null(doc)) < 0 &&
			json_insert_before(NULL, json_null(doc)) < 0 &&
			json_insert_before(a->first, NULL) < 0,
		"NULL fails and changes nothing");
	json_remove(NULL);
	ok(whole(o) && o->count == 7 && a->count == 1, "nothing was changed");
}

static void test_changing(void)
{
	AUTO_JSON struct json_doc *doc = parse("{\"\\u0061\":1,\"b\":[1,2,3],\"c\":{\"x\":null}}");
	struct json *root = json_root(doc), *b = json_get(root, "b"), *moved;

	json_put(doc, root, "a", json_int(doc, 9));
	same(root, "{\"\\u0061\":9,\"b\":[1,2,3],\"c\":{\"x\":null}}",
		"put keeps the place and the spelling of the name");
	json_put(doc, json_get(root, "c"), "x", json_bool(doc, true));
	same(json_get(root, "c"), "{\"x\":true}", "put replaces a null member");
	json_insert_before(b->first, json_int(doc, 0));
	json_insert_before(b->last, json_string(doc, "mid"));
	json_push(b, json_null(doc));
	same(b, "[0,1,2,\"mid\",3,null]", "insert at the begin and in the middle, push");
	json_remove(b->first);
	json_remove(b->last);
	json_remove(b->first->next);
	same(b, "[1,\"mid\",3]", "remove first, last and from the middle");
	json_replace(b->first, json_array(doc));
	json_replace(b->last, json_object(doc));
	same(b, "[[],\"mid\",{}]", "replace first and last");
	ok(whole(root), "the links are whole");
	moved = json_get(root, "c");
	json_remove(moved);
	ok(!moved->parent && !moved->next && !moved->prev && whole(moved), "removed is detached");
	json_remove(moved);
	json_push(b, moved);
	same(root, "{\"\\u0061\":9,\"b\":[[],\"mid\",{},{\"x\":true}]}",
		"and can be put elsewhere");
	json_remove(moved);
	json_put(doc, root, "d/", moved);
	same(root, "{\"\\u0061\":9,\"b\":[[],\"mid\",{}],\"d/\":{\"x\":true}}",
		"also under a new name");
	json_each_safe (v, b)
		json_remove(v);
	ok(b->count == 0 && !b->first && !b->last && whole(root), "emptied in a loop");
	same(b, "[]", "empty");
	json_remove(root);
	ok(json_root(doc) == root, "the root cannot be removed");
}

static void test_clone(void)
{
	static const char text[] =
		"{\"\\u0061\":[1E400,\"\\u00e9\\/\",null,true,{}],\"b\":{\"c\":[[]]}}";
	AUTO_JSON struct json_doc *other = json_new();
	struct json *copy;
	unsigned line, col;

	{
		AUTO_JSON struct json_doc *doc = parse(text);

		copy = json_clone(other, json_root(doc));
		json_remove(json_at(json_root(doc), "/b/c/0"));
		copy = json_clone(other, copy); /* a copy of the copy */
	}
	same(copy, text, "a copy lives on without its source, with all spellings");
	ok(whole(copy) && !copy->parent && !copy->key, "detached and whole");
	json_line_col(other, copy, &line, &col);
	ok(line == 0 && col == 0, "it has no place in a source");
	ok(!json_clone(other, NULL), "a copy of nothing");
}

static void test_lossy(void)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
		{"", "\"\""},
		{"plain \xc3\xa9", "\"plain \xc3\xa9\""},
		{"\xff", "\"\xef\xbf\xbd\""},
		{"a\x80z", "\"a\xef\xbf\xbdz\""},
		{"\xc3", "\"\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"x\xe2\x82", "\"x\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\x1b[31m\n", "\"\\u001b[31m\\u000a\""},
	};
	AUTO_JSON struct json_doc *doc = json_new();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		same(json_string_lossy(doc, rows[i].bytes), rows[i].want, "bytes from outside");
}

static void test_utf8_edges(void)
{
	size_t bad = 99, wrong = 0;

	/* every sequence of two bytes against a plain reading of the rule */
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char s[2] = {(char)a, (char)b};
			bool want = (a < 0x80 && b < 0x80) ||
				    (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);

			wrong += json_utf8_ok(s, 2, &bad) != want;
		}
	ok(wrong == 0, "all pairs of bytes");
	ok(!json_utf8_ok("ab\xc3\x28", 4, &bad) && bad == 2, "the offset of the first bad byte");
	ok(json_utf8_ok("", 0, &bad) && json_utf8_ok("a\0b", 3, &bad), "empty; NUL is a character");
}

static void test_pretty(void)
{
	AUTO_JSON struct json_doc *doc =
		parse("{\"a\":{},\"b\":[],\"c\":[{\"d\":[1,{}]}],\"e\":\"\"}");
	AUTO_STR struct str out = STR_INIT;

	json_write_pretty(json_root(doc), &out);
	tap_same(str_text(&out),
		"{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    {\n      \"d\": [\n        1,\n"
		"        {}\n      ]\n    }\n  ],\n  \"e\": \"\"\n}\n",
		"pretty text");
}

/* A value that moves to another document lives on with it, and no longer says where it was read. */
static void test_adopt(void)
{
	static const struct json_limits limits = {65536, 16, 1000};
	AUTO_JSON struct json_doc *doc = json_new(), *bare = json_new();
	struct json_doc *other = NULL;
	struct str text = STR_INIT;
	unsigned line, col;
	struct err e = {0};
	struct json *moved;

	json_set_root(doc, json_object(doc));
	for (int i = 0; i < 3; i++) {
		const char *source = "{\"k\\u00e9\": [1.50, \"\\/\"]}";

		if (json_parse(source, strlen(source), &limits, 0, &other, &e) < 0)
			exit(2);
		moved = json_adopt(doc, &other);
		ok(!other, "the other document is gone");
		json_line_col(doc, moved->first->first, &line, &col);
		ok(line == 0 && col == 0, "its places, too");
		json_put(doc, json_root(doc), i == 0 ? "a" : i == 1 ? "b" : "c", moved);
	}
	json_write(json_root(doc), &text);
	tap_same(str_text(&text),
		"{\"a\":{\"k\\u00e9\":[1.50,\"\\/\"]},\"b\":{\"k\\u00e9\":[1.50,\"\\/\"]},"
		"\"c\":{\"k\\u00e9\":[1.50,\"\\/\"]}}",
		"three adopted values, spelled as they were");
	str_done(&text);
	other = json_new();
	ok(!json_adopt(bare, &other) && !other, "an empty one gives nothing");
}

int main(void)
{
	test_looking();
	test_long_pointer();
	test_pointers();
	test_numbers();
	test_equal();
	test_making();
	test_changing();
	test_clone();
	test_lossy();
	test_utf8_edges();
	test_pretty();
	test_adopt();
	return tap_done();
}
