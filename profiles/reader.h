/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader - read a JSON document of ours by tables: every key known, every type right, every error
 * with its line and column.
 *
 * Errors are ERR_INPUT, "NAME:LINE:COLUMN: what, what was expected, did you mean". All read functions
 * return 0 or -1; what they filled before a failure belongs to the caller's struct as always.
 */
#ifndef CINCH_PROFILES_READER_H
#define CINCH_PROFILES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

/* Longest pattern and path that is accepted: str_glob never matches a longer pattern, and a denied
 * pattern that never matches would be a hole. */
enum { READER_TEXT_MAX = 1000 };

struct reader {
	const char *name; /* of the file, for messages */
	const struct json_doc *doc;
	struct err *e;
	/* Where V (KEY: its name) was said, when DOC was put together from several files; NULL: in DOC
	 * itself. */
	void (*where)(const struct reader *r, const struct json *v, bool key, const char **name,
		unsigned *line, unsigned *col);
	const void *arg;
};

/* Parse TEXT of the file NAME, comments allowed. *OUT is the caller's (json_free). A syntax error has
 * the form of all other messages. */
int reader_parse(const char *name, const char *text, size_t len, const struct json_limits *limits,
	struct json_doc **out, struct err *e);

/* READ gets the value, whose type is already right (TYPE JSON_NULL: any, READ looks itself), and the
 * struct member at BASE + AT. */
struct reader_key {
	const char *name;
	enum json_type type;
	int (*read)(struct reader *r, const struct json *v, void *to);
	size_t at;
	bool required;
};

/* Fail because of V's value (of its key: reader_fail_key). Always -1. */
int reader_fail(struct reader *r, const struct json *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int reader_fail_key(struct reader *r, const struct json *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Read every member of OBJECT by the table KEYS (ended by a NULL name). */
int reader_object(
	struct reader *r, const struct json *object, const struct reader_key *keys, void *base);

/* TO: bool. */
int reader_bool(struct reader *r, const struct json *v, void *to);
/* TO: char *, freed and replaced. */
int reader_string(struct reader *r, const struct json *v, void *to);
/* One of the NULL-terminated NAMES: its index in *TO. WHAT names the kind ("mode") in messages. */
int reader_choice(struct reader *r, const struct json *v, const char *what,
	const char *const *names, unsigned *to);
/* An array of strings, each checked by ITEM (may be NULL). TO: struct strv, appended. */
int reader_strings(struct reader *r, const struct json *v, struct strv *to,
	int (*item)(struct reader *r, const struct json *v));
/* An array of globs over absolute paths ("/x/..." or "**" and a slash first). TO: struct strv. */
int reader_path_globs(struct reader *r, const struct json *v, void *to);
/* V is an absolute path without "//", "/./", "/../" and trailing slash. */
int reader_path(struct reader *r, const struct json *v);
/* An integer MIN..MAX. */
int reader_int(struct reader *r, const struct json *v, int64_t min, int64_t max, int64_t *to);
/* A number of bytes, or a string with Ki, Mi, Gi, Ti. TO: uint64_t */
int reader_size(struct reader *r, const struct json *v, uint64_t max, uint64_t *to);

/* The name in NAMES nearest to NAME, NULL when none is near. */
const char *reader_nearest(const char *const *names, const char *name);

#endif
