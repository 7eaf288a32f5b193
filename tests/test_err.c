/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_err - messages: escaped, cut with dots, wrapped; the reason survives a long name.
 */
#include <errno.h>

#include "shim/base/err.h"
#include "shim/base/json.h"
#include "tests/tap.h"

static char *run_of(char c, size_t n)
{
	static char s[4096];

	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void test_set(void)
{
	struct err e = {0};

	ok(err_set(&e, ERR_INPUT, "read %s: %d", "x", 7) == -1, "returns -1");
	ok(e.code == ERR_INPUT, "keeps the code");
	tap_same(e.msg, "read x: 7", "formats; our own codes add nothing");
	err_set(&e, ENOENT, "open %s", "config.json");
	tap_same(e.msg, "open config.json: No such file or directory", "errno adds its text");
	err_set(&e, 99999, "x");
	tap_same(e.msg, "x: unknown error", "an errno nobody knows");
	err_nomem(&e);
	tap_same(e.msg, "allocate memory: Cannot allocate memory", "the allocation's own error");
	ok(e.code == ENOMEM, "and its code");
	ok(err_set(NULL, 1, "x") == -1 && err_wrap(NULL, "x") == -1 && err_nomem(NULL) == -1,
		"nobody wants to know");
	err_set(&e, ERR_INPUT, "%s", e.msg);
	tap_same(e.msg, "allocate memory: Cannot allocate memory", "its own message as argument");
}

static void test_escape(void)
{
	struct err e = {0};

	err_set(&e, ERR_INPUT, "%s", "a\nb\r\t\x1b[2J\x01\x1f\x7f z\xc3\xa9\\");
	tap_same(e.msg, "a\\x0ab\\x0d\\x09\\x1b[2J\\x01\\x1f\\x7f z\xc3\xa9\\", "control bytes");
	err_set(&e, ERR_INPUT, "%s",
		"\xc2\x9b"
		"2J\xe2\x80\xae"
		"b\xff\xc2 \xf3\xa0\x80\x81");
	tap_same(e.msg, "\\u009b2J\\u202eb\\xff\\xc2 \\U000e0001",
		"what steers a terminal beyond ASCII, and what is no character");
	err_set(&e, ERR_INPUT, "%s", "a\nb\r\t\x1b[2J\x01\x1f\x7f z\xc3\xa9\\");
	err_wrap(&e, "in \n");
	tap_same(e.msg, "in \\x0a: a\\x0ab\\x0d\\x09\\x1b[2J\\x01\\x1f\\x7f z\xc3\xa9\\",
		"a wrapped place is escaped, what was escaped is not touched");
}

static void test_cut(void)
{
	struct err e = {0};
	size_t bad, hidden = 0;

	err_set(&e, ERR_INPUT, "%s", run_of('a', ERR_MSG_MAX - 1));
	ok(strlen(e.msg) == ERR_MSG_MAX - 1 && e.msg[ERR_MSG_MAX - 2] == 'a', "just fits");
	err_set(&e, ERR_INPUT, "%s", run_of('a', ERR_MSG_MAX));
	ok(strlen(e.msg) == ERR_MSG_MAX - 1 && strcmp(e.msg + ERR_MSG_MAX - 5, "a...") == 0,
		"one byte too long ends in dots");
	err_set(&e, ERR_INPUT, "%s", run_of('\n', 300));
	ok(strlen(e.msg) <= ERR_MSG_MAX - 1 && strcmp(e.msg + strlen(e.msg) - 3, "...") == 0,
		"too long because of escapes");
	err_set(&e, ENOENT, "open %s", run_of('b', 2000));
	ok(strstr(e.msg, "b...: No such file or directory"),
		"a long name does not hide the reason: %s", e.msg + 450);
	for (size_t n = ERR_MSG_MAX - 40; n < ERR_MSG_MAX + 10; n++) {
		err_set(&e, ENOENT, "%s", run_of('c', n));
		hidden += strlen(e.msg) >= ERR_MSG_MAX ||
			  !strstr(e.msg, ": No such file or directory");
	}
	ok(hidden == 0, "nor does any length around the limit");
	for (size_t n = ERR_MSG_MAX - 10; n < ERR_MSG_MAX + 4; n++) {
		err_set(&e, ERR_INPUT, "%s\xf0\x9f\x98\x80\xf0\x9f\x98\x80", run_of('d', n - 8));
		if (!json_utf8_ok(e.msg, strlen(e.msg), &bad))
			break;
	}
	ok(json_utf8_ok(e.msg, strlen(e.msg), &bad), "no character is cut in halves");
}

static void test_wrap(void)
{
	struct err e = {0};

	err_set(&e, ERR_DENIED, "no");
	ok(err_wrap(&e, "%s %d", "line", 3) == -1 && e.code == ERR_DENIED, "keeps the code");
	tap_same(e.msg, "line 3: no", "place before the message");
	err_wrap(&e, "%s", e.msg);
	tap_same(e.msg, "line 3: no: line 3: no", "its own message as place");
	for (int i = 0; i < 300; i++)
		err_wrap(&e, "again");
	ok(strlen(e.msg) == ERR_MSG_MAX - 1 && strcmp(e.msg + ERR_MSG_MAX - 4, "...") == 0,
		"wrapped for ever");
	err_set(&e, ERR_INPUT, "why");
	err_wrap(&e, "%s", run_of('p', 3000));
	ok(strlen(e.msg) == ERR_MSG_MAX - 1 && strstr(e.msg, "...: why"),
		"a long place does not hide the reason: %s", e.msg + 480);
}

int main(void)
{
	test_set();
	test_escape();
	test_cut();
	test_wrap();
	return tap_done();
}
