/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - a lossless, mutable JSON tree; the only door to yajl (callback API).
 *
 * A document owns one arena: every value, key and string in it lives until json_free(doc). Removing
 * a value only unlinks it. Key order, the source spelling of numbers and strings, and 64-bit values
 * survive a read and a write byte for byte; white space between tokens does not.
 *
 * Reading is strict where readers differ (RFC 8259 leaves it open, runtimes take the last one):
 * duplicate keys, NUL in strings, lone surrogates, invalid UTF-8, text after the value, and more
 * than the limits are refused with line and column.
 */
#ifndef CINCH_BASE_JSON_H
#define CINCH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Read the fields freely; change a tree only through the functions below. */
struct json {
	enum json_type type;
	bool flag; /* JSON_BOOL */
	uint32_t count; /* JSON_ARRAY, JSON_OBJECT: children */
	uint32_t offset; /* where the value begins in the source, for json_line_col */
	bool from_source;
	const char
		*text; /* JSON_STRING: decoded UTF-8; JSON_NUMBER: its spelling; NUL-terminated */
	size_t len;
	const char *raw; /* JSON_STRING from a source: its spelling with quotes, not terminated */
	size_t raw_len;
	const char *key; /* when the parent is an object: the decoded member name */
	const char *key_raw;
	size_t key_raw_len;
	struct json *parent, *first, *last, *prev, *next;
};

struct json_doc; /* owns everything; opaque */

struct json_limits {
	size_t bytes; /* of the text */
	size_t depth; /* nested arrays and objects, at most JSON_DEPTH_MAX */
	size_t values; /* values and keys together */
};

enum { JSON_DEPTH_MAX = 100 }; /* yajl itself has no limit */
enum json_flags { JSON_STRICT = 0, JSON_COMMENTS = 1 }; /* comments: only files we define */

#define AUTO_JSON __attribute__((cleanup(json_freep)))

/*
 * Parse TEXT (copied). *OUT is owned by the caller. On failure *OUT is untouched and the message
 * carries "line L, column C" (bytes, from 1).
 */
int json_parse(const char *text, size_t len, const struct json_limits *limits, unsigned flags,
	struct json_doc **out, struct err *e);
struct json_doc *json_new(void); /* an empty document, root NULL; NULL when out of memory */
void json_free(struct json_doc *doc);
void json_freep(struct json_doc **doc);
struct json *json_root(const struct json_doc *doc);
void json_set_root(struct json_doc *doc, struct json *root);

/* Looking. All accept NULL, and look through a member whose value is null as if it were absent. */
struct json *json_get(const struct json *object, const char *key);
/* The same, but a member whose value is null is there. */
struct json *json_member(const struct json *object, const char *key);
struct json *json_item(const struct json *array, size_t index);
/* By JSON Pointer (RFC 6901), "" is ROOT itself; NULL when any step is absent. */
struct json *json_at(const struct json *root, const char *pointer);
const char *json_str(const struct json *v); /* NULL when it is not a string */
bool json_is_true(const struct json *v);
bool json_u64(
	const struct json *v, uint64_t max, uint64_t *out); /* integers only: no '.', no 'e' */
bool json_i64(const struct json *v, int64_t min, int64_t max, int64_t *out);
bool json_is(const struct json *v, enum json_type type);
/* Same meaning: object members in any order, numbers and strings by decoded text. */
bool json_equal(const struct json *a, const struct json *b);

#define json_each(v, container)                                                                    \
	for (struct json *v = (container) ? (container)->first : NULL; v; v = v->next)
#define json_each_safe(v, container)                                                               \
	for (struct json *v = (container) ? (container)->first : NULL,                             \
			 *v##_next = v ? v->next : NULL;                                           \
		v; v = v##_next, v##_next = v ? v->next : NULL)

/* Making values: NULL when out of memory. Strings are copied and must be UTF-8 without NUL. */
struct json *json_null(struct json_doc *doc);
struct json *json_bool(struct json_doc *doc, bool flag);
struct json *json_int(struct json_doc *doc, int64_t n);
struct json *json_uint(struct json_doc *doc, uint64_t n);
struct json *json_string(struct json_doc *doc, const char *text);
/* Bytes from outside JSON (argv, file names): what is not UTF-8 becomes U+FFFD. */
struct json *json_string_lossy(struct json_doc *doc, const char *bytes);
struct json *json_array(struct json_doc *doc);
/* An array of these, each as json_string_lossy makes it. */
struct json *json_strings(struct json_doc *doc, const struct strv *l);
struct json *json_object(struct json_doc *doc);
/* A deep copy in DOC of a value of any document, detached. */
struct json *json_clone(struct json_doc *doc, const struct json *v);

/* All values of *FROM become DOC's, without a copy: its root, detached. *FROM is gone. Where they stood
 * in their source is forgotten. */
struct json *json_adopt(struct json_doc *doc, struct json_doc **from);

/* Changing. V must be detached; a NULL V or CONTAINER fails as out of memory, so calls can be nested
 * with the makers above and checked once. 0, or -1 with nothing changed. */
int json_put(struct json_doc *doc, struct json *object, const char *key, struct json *v);
int json_push(struct json *array, struct json *v);
int json_insert_before(struct json *sibling, struct json *v); /* within an array */
int json_replace(struct json *old, struct json *v); /* keeps the member name */
void json_remove(struct json *v);

/* Compact text, appended; a failed allocation shows in OUT->failed. */
void json_write(const struct json *v, struct str *out);
/* The same, but no more of a long value than shows its first ENOUGH bytes. */
void json_write_start(const struct json *v, size_t enough, struct str *out);
/* The same with line breaks and two blanks of indent. */
void json_write_pretty(const struct json *v, struct str *out);
/* TEXT as a JSON string with quotes; control bytes as \u00XX. */
void json_write_string(const char *text, size_t len, struct str *out);
/* The JSON Pointer of V from its root, appended. */
void json_pointer(const struct json *v, struct str *out);
/* TEXT as one reference token of a JSON Pointer, appended. */
void json_pointer_token(const char *text, struct str *out);
/* Line and column of V in the source; both 0 for a value that was made, not read. */
void json_line_col(const struct json_doc *doc, const struct json *v, unsigned *line, unsigned *col);
/* The same for the member name of V; of V itself when it has no name from the source. */
void json_key_line_col(
	const struct json_doc *doc, const struct json *v, unsigned *line, unsigned *col);

/* Strict UTF-8 (no overlong forms, no surrogates, up to U+10FFFF). True when LEN bytes are all good;
 * else *BAD is the offset of the first bad one. */
bool json_utf8_ok(const char *bytes, size_t len, size_t *bad);

#endif
