/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar - the little of tar archives that a pack needs.
 */
#include "profiles/tar.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/path.h"

/* The header block. All members are text, none need end in NUL. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == TAR_BLOCK, "a block");

enum { PAX_MAX = 64 * 1024, PAX_LENGTH_DIGITS = 6, SIZE_DIGITS = 12 };

/* ---- one header ---- */

static bool all_zero(const char *bytes, size_t len)
{
	return len == 0 || (bytes[0] == '\0' && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Octal digits, then spaces and NULs only. The base-256 numbers of GNU tar have the high bit set and are
 * none. */
static bool octal(const char *field, size_t size, uint64_t *out)
{
	size_t i = 0;

	*out = 0;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(field[i] - '0'); /* 12 digits have 36 bits */
	if (i == 0)
		return false;
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	return true;
}

/* The sum of all bytes as unsigned ones, those of the checksum itself counted as blanks. */
static uint64_t checksum(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t sum = sizeof h->checksum * ' ';

	for (size_t i = 0; i < sizeof *h; i++)
		if (i < offsetof(struct header, checksum) || i >= offsetof(struct header, type))
			sum += bytes[i];
	return sum;
}

static int check_header(const struct header *h, size_t at, uint64_t *size, struct err *e)
{
	uint64_t sum;

	if (memcmp(h->magic,
		    "ustar\0"
		    "00",
		    sizeof h->magic) != 0 &&
		memcmp(h->magic, "ustar  ", sizeof h->magic) != 0)
		return err_set(e, ERR_INPUT, "offset %zu: not the header of a tar archive", at);
	if (!octal(h->checksum, sizeof h->checksum, &sum) || sum != checksum(h))
		return err_set(e, ERR_INPUT, "offset %zu: the header's checksum is wrong", at);
	if (!octal(h->size, sizeof h->size, size))
		return err_set(
			e, ERR_INPUT, "offset %zu: the size is not written in octal digits", at);
	if (h->link[0])
		return err_set(e, ERR_INPUT, "offset %zu: an entry with a link", at);
	/* in the GNU format the place has other things, which short names do not need */
	if (h->prefix[0])
		return err_set(e, ERR_INPUT, "offset %zu: a name in two parts", at);
	return 0;
}

static const char *type_text(char type)
{
	switch (type) {
	case '1':
		return "a hard link";
	case '2':
		return "a symbolic link";
	case '3':
	case '4':
		return "a device";
	case '6':
		return "a FIFO";
	case 'S':
		return "a sparse file";
	case 'L':
	case 'K':
		return "a name too long for a header";
	default:
		return "of an unknown kind";
	}
}

/* The name as it is compared: one "./" before it and, of a directory, one "/" behind it are dropped. */
static int read_name(
	const struct header *h, size_t at, bool directory, struct tar_entry *out, struct err *e)
{
	size_t len = strnlen(h->name, sizeof h->name), skip = 0;

	if (!all_zero(h->name + len, sizeof h->name - len))
		return err_set(e, ERR_INPUT, "offset %zu: there is text behind the name's end", at);
	if (directory && len > 1 && h->name[len - 1] == '/')
		len--;
	if (len > 2 && memcmp(h->name, "./", 2) == 0)
		skip = 2;
	else if (directory && len == 1 && h->name[0] == '.')
		skip = 1;
	memcpy(out->name, h->name + skip, len - skip);
	out->name[len - skip] = '\0';
	if ((!directory && !out->name[0]) || out->name[0] == '/' ||
		(out->name[0] && (!path_plain(out->name) || str_ends(out->name, "/"))))
		return err_set(e, ERR_INPUT, "offset %zu: name \"%.100s\": expected a plain one",
			at, h->name[0] ? out->name : "");
	return 0;
}

/* ---- pax headers ---- */

/* One record "LENGTH KEY=VALUE\n" at TEXT; its length, or 0 when it is none. */
static size_t pax_record(const char *text, size_t len, const char **key, size_t *key_len)
{
	size_t n = 0, i = 0;
	const char *equals;

	for (; i < len && i < PAX_LENGTH_DIGITS && text[i] >= '0' && text[i] <= '9'; i++)
		n = n * 10 + (size_t)(text[i] - '0');
	if (i == 0 || i == len || text[i] != ' ' || n > len || n < i + 3 || text[n - 1] != '\n')
		return 0;
	*key = text + i + 1;
	equals = memchr(*key, '=', n - i - 2);
	*key_len = equals ? (size_t)(equals - *key) : 0;
	return equals ? n : 0;
}

/* Records may say what does not change names and content, and nothing else. */
static int check_pax(const char *text, size_t len, size_t at, struct err *e)
{
	static const char *const harmless[] = {
		"atime", "ctime", "mtime", "uid", "gid", "uname", "gname", "comment", NULL};

	if (len > PAX_MAX)
		return err_set(e, ERR_INPUT, "offset %zu: a pax header of %zu bytes, limit %d", at,
			len, PAX_MAX);
	while (len) {
		const char *key = NULL;
		size_t key_len = 0, n = pax_record(text, len, &key, &key_len);
		char name[32];

		if (n == 0)
			return err_set(e, ERR_INPUT, "offset %zu: a damaged pax header", at);
		snprintf(name, sizeof name, "%.*s", (int)(key_len < 31 ? key_len : 31), key);
		if (strlen(name) != key_len || !str_in(harmless, name))
			return err_set(e, ERR_INPUT,
				"offset %zu: a pax header that sets \"%s\": not accepted in a pack",
				at, name);
		text += n;
		len -= n;
	}
	return 0;
}

/* ---- entries ---- */

static int check_end(const struct tar *t, struct err *e)
{
	if (t->len - t->at < 2 * TAR_BLOCK)
		return err_set(e, ERR_INPUT, "offset %zu: cut off within the end marker", t->at);
	if (!all_zero(t->bytes + t->at, t->len - t->at))
		return err_set(e, ERR_INPUT, "offset %zu: there is something behind the end marker",
			t->at);
	return 0;
}

int tar_next(struct tar *t, struct tar_entry *out, struct err *e)
{
	for (bool after_pax = false;;) {
		struct header h;
		size_t at = t->at, room;
		uint64_t size = 0;

		if (t->len - at < TAR_BLOCK)
			return err_set(e, ERR_INPUT, "offset %zu: cut off, no end marker", at);
		memcpy(&h, t->bytes + at, sizeof h);
		if (all_zero((const char *)&h, sizeof h) && !after_pax)
			return check_end(t, e);
		if (check_header(&h, at, &size, e) < 0)
			return -1;
		room = t->len - at - TAR_BLOCK;
		/* 36 bits of octal digits: this cannot wrap */
		if ((size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK > room)
			return err_set(e, ERR_INPUT, "offset %zu: %ju bytes, but only %zu follow",
				at, (uintmax_t)size, room);
		t->at = at + TAR_BLOCK + (size_t)(size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
		out->data = t->bytes + at + TAR_BLOCK;
		out->len = (size_t)size;
		if (h.type == 'x' || h.type == 'g') {
			if (check_pax(out->data, out->len, at, e) < 0)
				return -1;
			after_pax = h.type == 'x'; /* it is about the entry that follows */
			continue;
		}
		out->directory = h.type == '5';
		if (!out->directory && h.type != '0' && h.type != '\0')
			return err_set(e, ERR_INPUT,
				"offset %zu: \"%.100s\" is %s, expected a regular file", at, h.name,
				type_text(h.type));
		if (out->directory && size)
			return err_set(e, ERR_INPUT, "offset %zu: a directory with content", at);
		if (out->directory)
			out->data = NULL;
		return read_name(&h, at, out->directory, out, e) < 0 ? -1 : 1;
	}
}

/* ---- writing ---- */

static void pad(struct str *out, size_t len)
{
	static const char zeros[TAR_BLOCK];

	str_addn(out, zeros, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
}

void tar_add(struct str *out, const char *name, const char *data, size_t len)
{
	struct header h = {.type = '0', .magic = "ustar"};
	char size[SIZE_DIGITS + 1];

	memcpy(h.magic + 6, "00", 2);
	memcpy(h.name, name, strnlen(name, sizeof h.name));
	memcpy(h.mode, "0000644", sizeof h.mode);
	memcpy(h.uid, "0000000", sizeof h.uid);
	memcpy(h.gid, "0000000", sizeof h.gid);
	memcpy(h.mtime, "00000000000", sizeof h.mtime);
	snprintf(size, sizeof size, "%011jo", (uintmax_t)len);
	memcpy(h.size, size, sizeof h.size);
	snprintf(size, sizeof size, "%06jo", (uintmax_t)checksum(&h));
	memcpy(h.checksum, size, 7);
	h.checksum[7] = ' ';
	str_addn(out, (const char *)&h, sizeof h);
	str_addn(out, data, len);
	pad(out, len);
}

void tar_end(struct str *out)
{
	static const char zeros[2 * TAR_BLOCK];

	str_addn(out, zeros, sizeof zeros);
}
