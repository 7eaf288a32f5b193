/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml - where things stand in a TOML 1.0 file, so that a few lines of it can be changed and the rest
 * stays as it is, byte for byte.
 *
 * The grammar is checked strictly, and so is what readers differ about: a key or table that is
 * defined twice, a table that is also a value. What values mean is not looked at, but for strings.
 */
#ifndef CINCH_CTL_TOML_H
#define CINCH_CTL_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

enum { TOML_BYTES_MAX = 1 << 20, TOML_ENTRIES_MAX = 8192, TOML_DEPTH_MAX = 32 };

enum toml_kind {
	TOML_TABLE, /* [a.b] */
	TOML_TABLES, /* [[a.b]] */
	TOML_KEY, /* a.b = ... */
	TOML_INNER, /* the same, inside of { } */
};
enum toml_type { TOML_STRING, TOML_ARRAY, TOML_INLINE, TOML_OTHER };

/* Between the parts of a path; no key has it. */
#define TOML_SEP "\x1f"

struct toml_entry {
	enum toml_kind kind;
	enum toml_type type; /* of the value */
	char *path; /* from the root, with TOML_SEP; below [[a]] a part has a number behind it */
	size_t head; /* how much of it is the table's */
	unsigned line; /* from 1 */
	size_t at, end; /* the line it begins in, and behind the line it ends in */
	size_t value, value_end; /* the text of the value */
	char *text; /* TOML_STRING: what it says */
	struct strv items; /* TOML_ARRAY: its strings, those of arrays inside of it, too */
};

struct toml {
	struct toml_entry *v;
	size_t n, cap;
	bool crlf; /* its first line ends so */
};

#define AUTO_TOML __attribute__((cleanup(toml_done)))

/* -1 with "line L, column C: ..."; *OUT is then to be done with as well. */
int toml_parse(const char *text, size_t len, struct toml *out, struct err *e);
void toml_done(struct toml *t);
/* Whether it can be read, and no more. */
int toml_check(const char *text, size_t len, struct err *e);
/* The entry of that very path and kind; NULL. */
const struct toml_entry *toml_find(const struct toml *t, enum toml_kind kind, const char *path);
/* Anything at PATH or below it; the first. NULL: nothing. */
const struct toml_entry *toml_below(const struct toml *t, const char *path);
/* The last part of the entry's path. */
const char *toml_name(const struct toml_entry *v);

#endif
