/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tar - what is read of an archive, what is refused, and that writing is the same every time.
 */
#include "profiles/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "tests/tap.h"

enum { NAME_AT = 0, SIZE_AT = 124, SUM_AT = 148, TYPE_AT = 156, LINK_AT = 157, MAGIC_AT = 257 };
enum { PREFIX_AT = 345 };

/* The sum, as a writer would set it, of the header at AT. */
static void seal(char *bytes, size_t at)
{
	unsigned sum = 0;
	char text[8];

	memset(bytes + at + SUM_AT, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)bytes[at + i];
	snprintf(text, sizeof text, "%06o", sum % 0777777);
	memcpy(bytes + at + SUM_AT, text, 7);
}

/* "name=content name=content ..." of all entries, or the error. */
static const char *list(const char *bytes, size_t len)
{
	static char out[1024];
	/* a copy of its own: the sanitizer sees every byte that is read beyond */
	AUTO_FREE char *copy = malloc(len ? len : 1);
	struct tar t = {.bytes = copy, .len = len};
	struct tar_entry entry;
	struct err e = {0};
	size_t used = 0;
	int more;

	if (!copy)
		return NULL;
	memcpy(copy, bytes, len);
	out[0] = '\0';
	while ((more = tar_next(&t, &entry, &e)) > 0)
		used += (size_t)snprintf(out + used, sizeof out - used, "%s%s=%.*s",
			used ? " " : "", entry.directory ? "dir:" : entry.name,
			(int)(entry.directory ? strlen(entry.name) : entry.len),
			entry.directory ? entry.name : entry.data);
	if (more < 0)
		snprintf(out, sizeof out, "%s", e.msg);
	return out;
}

/* ---- what we write ---- */

static void test_written(void)
{
	AUTO_STR struct str a = STR_INIT, b = STR_INIT, empty = STR_INIT;
	char name[TAR_NAME_SIZE];

	for (int i = 0; i < 2; i++) {
		struct str *s = i ? &b : &a;

		tar_add(s, "manifest.json", "{}", 2);
		tar_add(s, "seccomp/x.json", "", 0);
		tar_end(s);
	}
	ok(a.len == 5 * TAR_BLOCK, "whole blocks: %zu", a.len);
	ok(a.len == b.len && memcmp(a.s, b.s, a.len) == 0, "twice the same");
	tap_same(list(a.s, a.len), "manifest.json={} seccomp/x.json=", "read again");
	tar_end(&empty);
	tap_same(list(empty.s, empty.len), "", "an empty one");
	memset(name, 'n', 100);
	name[100] = '\0';
	str_reset(&b);
	tar_add(&b, name, "x", 1);
	tar_end(&b);
	ok(str_starts(list(b.s, b.len), name) && str_ends(list(b.s, b.len), "n=x"),
		"a name that fills its field");
}

/* ---- what others write ---- */

struct edit {
	const char *what;
	size_t at;
	const char *bytes;
	size_t len;
	const char *want; /* the list, or a part of the error */
};

#define B(s) s, sizeof(s) - 1

static const struct edit edits[] = {
	{"as it was", TYPE_AT, B("0"), "web.json=abc"},
	{"the old kind of file", TYPE_AT, B("\0"), "web.json=abc"},
	{"GNU's magic", MAGIC_AT, B("ustar  \0"), "web.json=abc"},
	{"\"./\" before the name", NAME_AT, B("./web.js"), "web.js=abc"},
	{"bsdtar's numbers", SIZE_AT, B("0000000003 \0"), "web.json=abc"},
	{"12 digits", SIZE_AT, B("000000000003"), "web.json=abc"},
	{"no digits", SIZE_AT, B("           \0"), "size is not written in octal"},
	{"blanks before", SIZE_AT, B("         3 \0"), "size is not written in octal"},
	{"text behind", SIZE_AT, B("3 3 3 3 3 3 "), "size is not written in octal"},
	{"a nine", SIZE_AT, B("00000000009\0"), "size is not written in octal"},
	{"base 256", SIZE_AT, B("\x80\0\0\0\0\0\0\0\0\0\0\3"), "size is not written in octal"},
	{"half of the end", SIZE_AT, B("00000002000\0"), "cut off within the end marker"},
	{"the end with it", SIZE_AT, B("00000003000\0"), "cut off, no end marker"},
	{"one byte more", SIZE_AT, B("00000003001\0"), "1537 bytes, but only 1536 follow"},
	{"8 GiB", SIZE_AT, B("77777777777\0"), "8589934591 bytes, but only"},
	{"64 GiB", SIZE_AT, B("777777777777"), "68719476735 bytes, but only"},
	{"a hard link", TYPE_AT, B("1"), "\"web.json\" is a hard link"},
	{"a symbolic link", TYPE_AT, B("2"), "is a symbolic link"},
	{"a device", TYPE_AT, B("3"), "is a device"},
	{"a FIFO", TYPE_AT, B("6"), "is a FIFO"},
	{"a contiguous file", TYPE_AT, B("7"), "is of an unknown kind"},
	{"a sparse file", TYPE_AT, B("S"), "is a sparse file"},
	{"a long name", TYPE_AT, B("L"), "is a name too long for a header"},
	{"a volume label", TYPE_AT, B("V"), "is of an unknown kind"},
	{"where a link leads", LINK_AT, B("x"), "an entry with a link"},
	{"a prefix", PREFIX_AT, B("x"), "a name in two parts"},
	{"no magic", MAGIC_AT, B("\0\0\0\0\0\0\0\0"), "not the header of a tar archive"},
	{"magic of both", MAGIC_AT, B("ustar\0  "), "not the header of a tar archive"},
	{"a directory with content", TYPE_AT, B("5"), "a directory with content"},
	{"no name", NAME_AT, B("\0\0\0\0\0\0\0\0"), "expected a plain one"},
	{"\"./\" alone", NAME_AT, B("./\0\0\0\0\0\0"), "expected a plain one"},
	{"absolute", NAME_AT, B("/eb.json"), "expected a plain one"},
	{"\"..\"", NAME_AT, B("../b.jso"), "expected a plain one"},
	{"\"..\" within", NAME_AT, B("a/../b/c"), "expected a plain one"},
	{"\"./\" twice", NAME_AT, B("././b.js"), "expected a plain one"},
	{"\"./\" and absolute", NAME_AT, B(".//b.jso"), "expected a plain one"},
	{"two slashes", NAME_AT, B("a//.json"), "expected a plain one"},
	{"a slash behind", NAME_AT, B("web.jso/"), "expected a plain one"},
	{"text behind the name", NAME_AT, B("web\0json"), "text behind the name's end"},
};

static char *archive(size_t *len)
{
	struct str s = STR_INIT;

	tar_add(&s, "web.json", "abc", 3);
	tar_end(&s);
	*len = s.len;
	return str_take(&s);
}

static void test_edits(void)
{
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		size_t len;
		AUTO_FREE char *bytes = archive(&len);
		const struct edit *x = &edits[i];
		const char *got;

		memcpy(bytes + x->at, x->bytes, x->len);
		seal(bytes, 0);
		got = list(bytes, len);
		ok(strchr(x->want, '=') ? strcmp(got, x->want) == 0 : strstr(got, x->want) != NULL,
			"%s: %s", x->what, got);
	}
}

static void test_directories(void)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"./", "dir:="},
		{".", "dir:="},
		{"seccomp/", "dir:=seccomp"},
		{"./seccomp/", "dir:=seccomp"},
		{"seccomp", "dir:=seccomp"},
		{"seccomp//", "offset 0: name \"seccomp/\": expected a plain one"},
		{"/", "offset 0: name \"/\": expected a plain one"},
		{".//", "offset 0: name \"./\": expected a plain one"},
		{"..", "offset 0: name \"..\": expected a plain one"},
		{"./../", "offset 0: name \"..\": expected a plain one"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_STR struct str s = STR_INIT;

		tar_add(&s, cases[i].name, NULL, 0);
		tar_end(&s);
		s.s[TYPE_AT] = '5';
		seal(s.s, 0);
		tap_same(list(s.s, s.len), cases[i].want, cases[i].name);
	}
}

/* ---- sums and ends ---- */

static void test_checksum(void)
{
	size_t len, accepted = 0;
	AUTO_FREE char *bytes = archive(&len);

	for (size_t i = 0; i < TAR_BLOCK; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			/* behind its digits the field may have any mix of blanks and NULs */
			bool filler = i == SUM_AT + 6 || i == SUM_AT + 7;

			bytes[i] ^= (char)(1u << bit);
			accepted += !filler && strcmp(list(bytes, len), "web.json=abc") == 0;
			bytes[i] ^= (char)(1u << bit);
		}
	ok(accepted == 0, "no bit of a header may change");
}

static void test_ends(void)
{
	size_t len, accepted = 0;
	AUTO_FREE char *bytes = archive(&len), *more = calloc(1, 4 * TAR_BLOCK + 20 * TAR_BLOCK);

	for (size_t n = 0; n < len; n++)
		accepted += strcmp(list(bytes, n), "web.json=abc") == 0;
	ok(accepted == 0, "none that is cut");
	ok(strstr(list(bytes, len - 1), "cut off within the end marker"), "%s",
		list(bytes, len - 1));
	ok(strstr(list(bytes, 2 * TAR_BLOCK), "no end marker"), "%s", list(bytes, 2 * TAR_BLOCK));
	memcpy(more, bytes, len);
	tap_same(list(more, 24 * TAR_BLOCK), "web.json=abc", "zeros up to a record, as GNU tar");
	more[24 * TAR_BLOCK - 1] = 'x';
	ok(strstr(list(more, 24 * TAR_BLOCK), "something behind the end marker"), "%s",
		list(more, 24 * TAR_BLOCK));
	memcpy(more + len, bytes, TAR_BLOCK);
	ok(strstr(list(more, 24 * TAR_BLOCK), "something behind the end marker"),
		"a second archive behind the first");
	memcpy(more + len - TAR_BLOCK, bytes, TAR_BLOCK);
	ok(strstr(list(more, 24 * TAR_BLOCK), "something behind the end marker"),
		"a single block of zeros");
	ok(strstr(list("", 0), "cut off"), "nothing");
}

/* ---- pax headers ---- */

static void test_pax(void)
{
	static const struct {
		const char *records, *want;
		char type;
	} cases[] = {
		{"30 mtime=1795331219.314604272\n30 atime=1795331219.318604272\n", "web.json=abc",
			'x'},
		{"", "web.json=abc", 'x'},
		{"52 comment=d788d92000000000000000000000000000000000\n", "web.json=abc", 'g'},
		{"17 path=evil.json\n", "damaged pax", 'x'},
		{"18 path=evil.json\n", "sets \"path\"", 'x'},
		{"18 path=evil.json\n", "sets \"path\"", 'g'},
		{"10 size=4\n", "sets \"size\"", 'x'},
		{"13 linkpath=x\n", "damaged", 'x'},
		{"25 GNU.sparse.realsize=1\n", "sets \"GNU.sparse.realsize\"", 'x'},
		{"23 LIBARCHIVE.xattr.a=x\n", "damaged", 'x'},
		{"11 mtime=1", "damaged", 'x'},
		{"0 mtime=1\n", "damaged", 'x'},
		{"5 mt\n", "damaged", 'x'},
		{" mtime=1\n", "damaged", 'x'},
		{"9999999 mtime=1\n", "damaged", 'x'},
		{"-1 mtime=1\n", "damaged", 'x'},
		{"4 =\n", "sets \"\"", 'x'},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_STR struct str s = STR_INIT;
		const char *got;

		tar_add(&s, "PaxHeaders/web.json", cases[i].records, strlen(cases[i].records));
		s.s[TYPE_AT] = cases[i].type;
		seal(s.s, 0);
		tar_add(&s, "web.json", "abc", 3);
		tar_end(&s);
		got = list(s.s, s.len);
		ok(strcmp(got, cases[i].want) == 0 || strstr(got, cases[i].want), "pax %c %zu: %s",
			cases[i].type, i, got);
	}
}

/* One pax header of LEN bytes before an entry. */
static const char *after_pax(const char *records, size_t len)
{
	AUTO_STR struct str s = STR_INIT;

	tar_add(&s, "x", records, len);
	s.s[TYPE_AT] = 'x';
	seal(s.s, 0);
	tar_add(&s, "web.json", "abc", 3);
	tar_end(&s);
	return list(s.s, s.len);
}

static void test_pax_odd(void)
{
	static const char hidden[] = "15 mtime\0path=\n", line[] = "16 comment=abcd\n";
	AUTO_STR struct str many = STR_INIT;

	ok(strstr(after_pax(hidden, sizeof hidden - 1), "not accepted"), "a key with a NUL in it");
	while (many.len <= 64 * 1024)
		str_addn(&many, line, sizeof line - 1);
	ok(strstr(after_pax(many.s, many.len), "limit 65536"), "a big one: %s",
		after_pax(many.s, many.len));
	tap_same(after_pax(many.s, 64 * 1024), "web.json=abc", "one that is just not");
}

static void test_pax_last(void)
{
	AUTO_STR struct str s = STR_INIT;

	tar_add(&s, "x", "11 mtime=1\n", 11);
	s.s[TYPE_AT] = 'x';
	seal(s.s, 0);
	tar_end(&s);
	ok(strstr(list(s.s, s.len), "not the header"), "a pax header of nothing: %s",
		list(s.s, s.len));
}

int main(void)
{
	test_written();
	test_edits();
	test_directories();
	test_checksum();
	test_ends();
	test_pax();
	test_pax_odd();
	test_pax_last();
	return tap_done();
}
