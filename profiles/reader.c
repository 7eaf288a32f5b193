/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader - read a JSON document of ours by tables.
 */
#include "profiles/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/num.h"
#include "shim/base/path.h"

enum { SHOWN_MAX = 12 }; /* names in a message */

static const char *const type_names[] = {
	[JSON_NULL] = "null",
	[JSON_BOOL] = "true or false",
	[JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string",
	[JSON_ARRAY] = "a list",
	[JSON_OBJECT] = "an object",
};

__attribute__((format(printf, 4, 0))) static void fail_at(
	struct reader *r, const struct json *v, bool key, const char *fmt, va_list ap)
{
	char what[ERR_MSG_MAX] = "";
	const char *name = r->name;
	unsigned line, col;

	if (r->where)
		r->where(r, v, key, &name, &line, &col);
	else if (key)
		json_key_line_col(r->doc, v, &line, &col);
	else
		json_line_col(r->doc, v, &line, &col);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	err_set(r->e, ERR_INPUT, "%s:%u:%u: %s", name, line, col, what);
}

int reader_fail(struct reader *r, const struct json *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_at(r, v, false, fmt, ap);
	va_end(ap);
	return -1;
}

int reader_fail_key(struct reader *r, const struct json *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_at(r, v, true, fmt, ap);
	va_end(ap);
	return -1;
}

/* The JSON reader's "line L, column C: what" in the form of all other messages. */
static int syntax_error(const char *name, struct err *e)
{
	static const char digits[] = "0123456789", before[] = "line ", between[] = ", column ";
	struct err old = *e;
	const char *line = old.msg, *column, *rest;

	if (!str_starts(line, before))
		return err_wrap(e, "%s", name); /* too big, out of memory: no place */
	line += strlen(before);
	column = line + strspn(line, digits);
	if (!str_starts(column, between))
		return err_wrap(e, "%s", name);
	rest = column + strlen(between);
	return err_set(e, old.code, "%s:%.*s:%s", name, (int)(column - line), line, rest);
}

int reader_parse(const char *name, const char *text, size_t len, const struct json_limits *limits,
	struct json_doc **out, struct err *e)
{
	if (json_parse(text, len, limits, JSON_COMMENTS, out, e) < 0)
		return syntax_error(name, e);
	return 0;
}

/* Two slips in a long name, one in a short one. */
static unsigned slips(const char *name)
{
	return strlen(name) > 4 ? 2 : 1;
}

const char *reader_nearest(const char *const *names, const char *name)
{
	unsigned best = slips(name) + 1;
	const char *near = NULL;

	for (; *names; names++) {
		unsigned d = str_distance(*names, name, best);

		if (d < best) {
			best = d;
			near = *names;
		}
	}
	return near;
}

static int unknown_key(struct reader *r, const struct json *v, const struct reader_key *keys)
{
	AUTO_STR struct str list = STR_INIT;
	unsigned best = slips(v->key) + 1;
	const char *near = NULL;

	for (const struct reader_key *k = keys; k->name; k++) {
		unsigned d = str_distance(k->name, v->key, best);

		if (d < best) {
			best = d;
			near = k->name;
		}
	}
	if (near)
		return reader_fail_key(
			r, v, "unknown key \"%.64s\", did you mean \"%s\"?", v->key, near);
	for (size_t i = 0; keys[i].name; i++) {
		if (i == SHOWN_MAX)
			return reader_fail_key(r, v, "unknown key \"%.64s\"", v->key);
		str_addf(&list, "%s%s", i ? ", " : "", keys[i].name);
	}
	return reader_fail_key(
		r, v, "unknown key \"%.64s\", known are: %s", v->key, str_text(&list));
}

int reader_object(
	struct reader *r, const struct json *object, const struct reader_key *keys, void *base)
{
	const struct reader_key *k;

	json_each (v, object) {
		for (k = keys; k->name && strcmp(k->name, v->key) != 0; k++)
			;
		if (!k->name)
			return unknown_key(r, v, keys);
		if (v->type != k->type && (k->type != JSON_NULL || v->type == JSON_NULL))
			return reader_fail(r, v, "\"%s\" must be %s, not %s", k->name,
				type_names[k->type], type_names[v->type]);
		if (k->read(r, v, (char *)base + k->at) < 0)
			return -1;
	}
	for (k = keys; k->name; k++)
		if (k->required && !json_get(object, k->name))
			return reader_fail(r, object, "\"%s\" is missing", k->name);
	return 0;
}

int reader_bool(struct reader *r, const struct json *v, void *to)
{
	(void)r;
	*(bool *)to = v->flag;
	return 0;
}

int reader_string(struct reader *r, const struct json *v, void *to)
{
	char *copy = strdup(v->text);

	if (!copy)
		return err_nomem(r->e);
	free(*(char **)to);
	*(char **)to = copy;
	return 0;
}

int reader_choice(struct reader *r, const struct json *v, const char *what,
	const char *const *names, unsigned *to)
{
	AUTO_STR struct str list = STR_INIT;
	const char *text = json_str(v), *near;

	if (!text)
		return reader_fail(r, v, "a %s is a string, not %s", what, type_names[v->type]);
	for (unsigned i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0) {
			*to = i;
			return 0;
		}
	near = reader_nearest(names, text);
	if (near)
		return reader_fail(
			r, v, "unknown %s \"%.64s\", did you mean \"%s\"?", what, text, near);
	for (unsigned i = 0; names[i]; i++)
		str_addf(&list, "%s%s", i ? ", " : "", names[i]);
	return reader_fail(
		r, v, "unknown %s \"%.64s\", known are: %s", what, text, str_text(&list));
}

int reader_strings(struct reader *r, const struct json *v, struct strv *to,
	int (*item)(struct reader *r, const struct json *v))
{
	json_each (s, v) {
		if (s->type != JSON_STRING)
			return reader_fail(
				r, s, "every item here is a string, not %s", type_names[s->type]);
		if (s->len == 0 || s->len > READER_TEXT_MAX)
			return reader_fail(
				r, s, "%zu bytes, expected 1 to %d", s->len, READER_TEXT_MAX);
		if (item && item(r, s) < 0)
			return -1;
		if (strv_add(to, s->text) < 0)
			return err_nomem(r->e);
	}
	return 0;
}

/* Any other path would never be equal to a resolved one. */
static bool plain(const struct json *v)
{
	return path_plain(v->text) && (v->len == 1 || v->text[v->len - 1] != '/');
}

static int path_glob(struct reader *r, const struct json *v)
{
	if (v->text[0] != '/' && !str_starts(v->text, "**/"))
		return reader_fail(r, v,
			"pattern \"%.64s\" begins neither with \"/\" nor with \"**/\": it would "
			"never "
			"match",
			v->text);
	if (!plain(v))
		return reader_fail(r, v,
			"pattern \"%.64s\" has an empty, \".\" or \"..\" component: it would never "
			"match",
			v->text);
	return 0;
}

int reader_path_globs(struct reader *r, const struct json *v, void *to)
{
	return reader_strings(r, v, to, path_glob);
}

int reader_path(struct reader *r, const struct json *v)
{
	if (v->text[0] != '/' || v->len > READER_TEXT_MAX || !plain(v))
		return reader_fail(r, v,
			"\"%.64s\" is not a plain absolute path (no \"//\", \".\", \"..\" or \"/\" "
			"at the "
			"end)",
			v->text);
	return 0;
}

int reader_int(struct reader *r, const struct json *v, int64_t min, int64_t max, int64_t *to)
{
	if (!json_i64(v, min, max, to))
		return reader_fail(r, v, "a whole number from %lld to %lld was expected",
			(long long)min, (long long)max);
	return 0;
}

int reader_size(struct reader *r, const struct json *v, uint64_t max, uint64_t *to)
{
	if (json_str(v) ? !num_size(v->text, max, to) : !json_u64(v, max, to))
		return reader_fail(r, v,
			"a size was expected: bytes, or a string such as \"64Mi\" (Ki, Mi, Gi, "
			"Ti)");
	return 0;
}
