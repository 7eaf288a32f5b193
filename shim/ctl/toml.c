/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml - where things stand in a TOML file.
 */
#include "shim/ctl/toml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"

struct reader {
	const char *text;
	size_t len, at;
	unsigned line;
	size_t line_at; /* where it begins */
	unsigned tables; /* [[ ]] so far */
	struct toml *out;
	struct err *e;
};

static int wrong(struct reader *r, const char *what)
{
	return err_set(
		r->e, ERR_INPUT, "line %u, column %zu: %s", r->line, r->at - r->line_at + 1, what);
}

static int peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->len ? (unsigned char)r->text[r->at + ahead] : -1;
}

static bool here(const struct reader *r, const char *word)
{
	size_t n = strlen(word);

	return r->len - r->at >= n && memcmp(r->text + r->at, word, n) == 0;
}

static void skip_blanks(struct reader *r)
{
	while (peek(r, 0) == ' ' || peek(r, 0) == '\t')
		r->at++;
}

static void next_line(struct reader *r)
{
	r->line++;
	r->line_at = r->at;
}

/* "\n" or "\r\n"; true when there was one. */
static bool take_newline(struct reader *r)
{
	size_t n = here(r, "\r\n") ? 2 : peek(r, 0) == '\n' ? 1 : 0;

	r->at += n;
	if (n)
		next_line(r);
	return n != 0;
}

static bool is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct reader *r)
{
	if (peek(r, 0) != '#')
		return 0;
	while (peek(r, 0) >= 0 && peek(r, 0) != '\n' && !here(r, "\r\n")) {
		if (is_control(peek(r, 0)))
			return wrong(r, "a control character in a comment");
		r->at++;
	}
	return 0;
}

/* Blanks, comments and line breaks, as between the items of an array. */
static int skip_all(struct reader *r)
{
	do {
		skip_blanks(r);
		if (skip_comment(r) < 0)
			return -1;
	} while (take_newline(r));
	return 0;
}

/* Behind a header or a value: nothing more on this line. */
static int end_line(struct reader *r)
{
	skip_blanks(r);
	if (skip_comment(r) < 0)
		return -1;
	if (r->at < r->len && !take_newline(r))
		return wrong(r, "expected the end of the line");
	return 0;
}

/* ---- strings ---- */

static void put_utf8(unsigned long c, struct str *out)
{
	if (c < 0x80) {
		str_addc(out, (char)c);
	} else if (c < 0x800) {
		str_addc(out, (char)(0xc0 | c >> 6));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		str_addc(out, (char)(0xe0 | c >> 12));
		str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		str_addc(out, (char)(0xf0 | c >> 18));
		str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static int take_unicode(struct reader *r, unsigned digits, struct str *out)
{
	unsigned long c = 0;

	for (unsigned i = 0; i < digits; i++) {
		static const char hex[] = "0123456789abcdef";
		int d = peek(r, 0);
		const char *at = d > 0 ? strchr(hex, d >= 'A' && d <= 'F' ? d + 32 : d) : NULL;

		if (!at)
			return wrong(r, "expected a hexadecimal digit");
		c = c << 4 | (unsigned long)(at - hex);
		r->at++;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || c < 0x20)
		return wrong(r, "not a character that can be written so");
	put_utf8(c, out);
	return 0;
}

static int take_escape(struct reader *r, bool lines, struct str *out)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	const char *at;
	int c;

	r->at++;
	c = peek(r, 0);
	at = c > 0 ? strchr(names, c) : NULL;
	if (at) {
		str_addc(out, values[at - names]);
		r->at++;
		return 0;
	}
	if (c == 'u' || c == 'U') {
		r->at++;
		return take_unicode(r, c == 'u' ? 4 : 8, out);
	}
	if (lines && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
		skip_blanks(r);
		if (!take_newline(r))
			return wrong(r, "an unknown escape");
		do
			skip_blanks(r);
		while (take_newline(r));
		return 0;
	}
	return wrong(r, "an unknown escape");
}

/* QUOTE is ", ', """ or '''. Stands behind it. */
static int take_quoted(struct reader *r, const char *quote, struct str *out)
{
	const bool lines = quote[1] != '\0', basic = quote[0] == '"';
	const size_t n = strlen(quote);

	if (lines)
		take_newline(r);
	for (;;) {
		int c = peek(r, 0);

		if (c < 0)
			return wrong(r, "a string without an end");
		if (here(r, quote)) {
			/* up to two more of them belong to the text */
			for (int i = 0; lines && i < 2 && peek(r, n) == quote[0]; i++) {
				str_addc(out, quote[0]);
				r->at++;
			}
			r->at += n;
			return 0;
		}
		if (basic && c == '\\') {
			if (take_escape(r, lines, out) < 0)
				return -1;
			continue;
		}
		if (lines && take_newline(r)) {
			str_addc(out, '\n');
			continue;
		}
		if (is_control(c))
			return wrong(r, "a control character in a string");
		str_addc(out, (char)c);
		r->at++;
	}
}

static int take_string(struct reader *r, bool lines, struct str *out)
{
	static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};

	str_add(out, "");
	for (size_t i = lines ? 0 : 2; i < 4; i++)
		if (here(r, quotes[i])) {
			r->at += strlen(quotes[i]);
			return take_quoted(r, quotes[i], out);
		}
	return wrong(r, "expected a string");
}

/* ---- keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* A dotted key, appended to PATH. */
static int take_key(struct reader *r, struct str *path)
{
	for (;;) {
		if (path->len)
			str_add(path, TOML_SEP);
		skip_blanks(r);
		if (peek(r, 0) == '"' || peek(r, 0) == '\'') {
			size_t from = path->len;

			if (take_string(r, false, path) < 0)
				return -1;
			if (path->len == from) /* a path could not be told from one without it */
				return wrong(r, "an empty key is not looked at");
			for (size_t i = from; i < path->len; i++)
				if (is_control(path->s[i]))
					return wrong(r, "a control character in a key");
		} else if (is_bare(peek(r, 0))) {
			while (is_bare(peek(r, 0)))
				str_addc(path, r->text[r->at++]);
		} else {
			return wrong(r, "expected a key");
		}
		skip_blanks(r);
		if (peek(r, 0) != '.')
			return 0;
		r->at++;
	}
}

/* ---- entries ---- */

/* The entry of the path at [FROM, end of PATH); NULL with an error. */
static struct toml_entry *add_entry(
	struct reader *r, enum toml_kind kind, const struct str *path, size_t head)
{
	struct toml *t = r->out;
	struct toml_entry *v;

	if (t->n >= TOML_ENTRIES_MAX) {
		wrong(r, "more keys and tables than are looked at");
		return NULL;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;

		v = reallocarray(t->v, cap, sizeof *v);
		if (!v) {
			err_nomem(r->e);
			return NULL;
		}
		t->v = v;
		t->cap = cap;
	}
	v = &t->v[t->n];
	*v = (struct toml_entry){.kind = kind, .type = TOML_OTHER, .line = r->line, .head = head};
	v->at = r->line_at;
	v->path = str_failed(path) ? NULL : strdup(str_text(path));
	if (!v->path) {
		err_nomem(r->e);
		return NULL;
	}
	t->n++;
	return v;
}

static int take_value(struct reader *r, size_t self, const char *path, unsigned depth, bool own);

static int take_array(struct reader *r, size_t self, const char *path, unsigned depth)
{
	for (r->at++;;) {
		if (skip_all(r) < 0)
			return -1;
		if (peek(r, 0) == ']')
			break;
		if (take_value(r, self, path, depth + 1, false) < 0 || skip_all(r) < 0)
			return -1;
		if (peek(r, 0) == ']')
			break;
		if (peek(r, 0) != ',')
			return wrong(r, "expected , or ] in an array");
		r->at++;
	}
	r->at++;
	return 0;
}

static int take_pair(struct reader *r, enum toml_kind kind, const char *table, unsigned depth);

/* OWN false: an item of an array, which is a table of its own. */
static int take_inline(struct reader *r, const char *table, unsigned depth, bool own)
{
	AUTO_STR struct str path = STR_INIT;

	str_add(&path, table);
	if (!own)
		str_addf(&path, " %u", ++r->tables);
	r->at++;
	skip_blanks(r);
	if (peek(r, 0) == '}') {
		r->at++;
		return 0;
	}
	for (;;) {
		if (take_pair(r, TOML_INNER, str_text(&path), depth + 1) < 0)
			return -1;
		skip_blanks(r);
		if (peek(r, 0) == '}')
			break;
		if (peek(r, 0) != ',')
			return wrong(r, "expected , or } in an inline table");
		r->at++;
		skip_blanks(r);
	}
	r->at++;
	return 0;
}

/* Numbers, dates, true and false: told from other words, not read. */
static int take_word(struct reader *r)
{
	static const char *const words[] = {
		"true", "false", "inf", "+inf", "-inf", "nan", "+nan", "-nan", NULL};
	const size_t from = r->at;
	char word[80];
	size_t n;

	while (is_bare(peek(r, 0)) || peek(r, 0) == '+' || peek(r, 0) == '.' || peek(r, 0) == ':')
		r->at++;
	/* a date and a time with a blank between them */
	if (r->at - from == 10 && r->text[from + 4] == '-' && peek(r, 0) == ' ' &&
		peek(r, 1) >= '0' && peek(r, 1) <= '9')
		for (r->at++; is_bare(peek(r, 0)) || peek(r, 0) == '.' || peek(r, 0) == ':' ||
			      peek(r, 0) == '+';)
			r->at++;
	n = r->at - from;
	if (n > 0 && n < sizeof word) {
		const char *digits = word + 1;

		memcpy(word, r->text + from, n);
		word[n] = '\0';
		if (str_in(words, word) || (word[0] >= '0' && word[0] <= '9'))
			return 0;
		if ((word[0] == '+' || word[0] == '-') && *digits >= '0' && *digits <= '9')
			return 0;
	}
	r->at = from;
	return wrong(r, "expected a value");
}

/* SELF: the number of the entry whose value it is, or is part of (OWN false). */
static int take_value(struct reader *r, size_t self, const char *path, unsigned depth, bool own)
{
	const int c = peek(r, 0);
	enum toml_type type = TOML_OTHER;
	AUTO_STR struct str text = STR_INIT;
	struct toml_entry *v;
	int rc;

	if (depth > TOML_DEPTH_MAX)
		return wrong(r, "nested deeper than is looked at");
	if (c == '"' || c == '\'') {
		type = TOML_STRING;
		rc = take_string(r, true, &text);
	} else if (c == '[') {
		type = TOML_ARRAY;
		rc = take_array(r, self, path, depth);
	} else if (c == '{') {
		type = TOML_INLINE;
		rc = take_inline(r, path, depth, own);
	} else {
		rc = take_word(r);
	}
	if (rc < 0)
		return -1;
	v = &r->out->v[self]; /* the list may have moved */
	if (own)
		v->type = type;
	if (type != TOML_STRING)
		return 0;
	if (str_failed(&text))
		return err_nomem(r->e);
	if (own)
		v->text = str_take(&text);
	else if (strv_add(&v->items, str_text(&text)) < 0)
		return err_nomem(r->e);
	return 0;
}

static int take_pair(struct reader *r, enum toml_kind kind, const char *table, unsigned depth)
{
	AUTO_STR struct str path = STR_INIT;
	const size_t self = r->out->n;
	struct toml_entry *v;
	size_t value;

	if (depth > TOML_DEPTH_MAX)
		return wrong(r, "nested deeper than is looked at");
	str_add(&path, table);
	if (take_key(r, &path) < 0)
		return -1;
	if (peek(r, 0) != '=')
		return wrong(r, "expected = behind a key");
	if (!add_entry(r, kind, &path, strlen(table)))
		return -1;
	r->at++;
	skip_blanks(r);
	value = r->at;
	if (take_value(r, self, str_text(&path), depth, true) < 0)
		return -1;
	v = &r->out->v[self];
	v->value = value;
	v->value_end = r->at;
	return 0;
}

/* [a.b] and [[a.b]]; TABLE becomes its path. */
static int take_header(struct reader *r, struct str *table)
{
	const bool many = peek(r, 1) == '[';
	struct toml_entry *v;

	r->at += many ? 2 : 1;
	str_reset(table);
	str_add(table, "");
	if (take_key(r, table) < 0)
		return -1;
	if (!here(r, many ? "]]" : "]"))
		return wrong(r, many ? "expected ]]" : "expected ]");
	r->at += many ? 2 : 1;
	/* each of them is a table of its own */
	v = add_entry(r, many ? TOML_TABLES : TOML_TABLE, table, table->len);
	if (!v)
		return -1;
	if (many)
		str_addf(table, " %u", ++r->tables);
	return 0;
}

/* ---- what is defined twice ---- */

/* PATH begins with FRONT, and the next part begins there; equal paths not included. */
static bool is_below(const char *path, const char *front)
{
	size_t n = strlen(front);

	return strncmp(path, front, n) == 0 && path[n] == *TOML_SEP;
}

static bool is_value(const struct toml_entry *v)
{
	return v->kind == TOML_KEY || v->kind == TOML_INNER;
}

static bool is_implied(const struct toml_entry *key, const char *path)
{
	return is_value(key) && is_below(key->path, path) && strlen(path) > key->head;
}

static bool collide(const struct toml_entry *a, const struct toml_entry *b)
{
	const bool same = strcmp(a->path, b->path) == 0;

	if (same && a->kind == TOML_TABLES && b->kind == TOML_TABLES)
		return false;
	if (same)
		return true;
	/* a value has nothing below it, but what stands in its own braces */
	if (is_value(a) && is_below(b->path, a->path))
		return b->kind != TOML_INNER || a->type != TOML_INLINE;
	/* a.b = 1 makes a table a, to which no header can add */
	return (b->kind == TOML_TABLE && is_implied(a, b->path)) ||
	       (a->kind == TOML_TABLE && is_implied(b, a->path) && b->head < strlen(a->path));
}

static int check_twice(struct reader *r)
{
	const struct toml *t = r->out;

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < i; k++)
			if (collide(&t->v[k], &t->v[i]))
				return err_set(r->e, ERR_INPUT,
					"line %u: \"%s\" is defined in line %u already",
					t->v[i].line, toml_name(&t->v[i]), t->v[k].line);
	return 0;
}

/* ---- the file ---- */

static int take_line(struct reader *r, struct str *table)
{
	const size_t self = r->out->n;

	skip_blanks(r);
	if (peek(r, 0) == '[') {
		if (take_header(r, table) < 0)
			return -1;
	} else if (peek(r, 0) >= 0 && peek(r, 0) != '#' && peek(r, 0) != '\n' && !here(r, "\r\n")) {
		if (take_pair(r, TOML_KEY, str_text(table), 0) < 0)
			return -1;
	}
	if (end_line(r) < 0)
		return -1;
	if (r->out->n > self)
		r->out->v[self].end = r->at;
	return str_failed(table) ? err_nomem(r->e) : 0;
}

int toml_parse(const char *text, size_t len, struct toml *out, struct err *e)
{
	struct reader r = {.text = text, .len = len, .line = 1, .out = out, .e = e};
	const char *first = memchr(text, '\n', len);
	AUTO_STR struct str table = STR_INIT;
	size_t bad;

	*out = (struct toml){.crlf = first && first > text && first[-1] == '\r'};
	if (len > TOML_BYTES_MAX)
		return err_set(e, ERR_INPUT, "%zu bytes, limit %d", len, TOML_BYTES_MAX);
	if (memchr(text, '\0', len) || !json_utf8_ok(text, len, &bad))
		return err_set(e, ERR_INPUT, "it is not a text in UTF-8");
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return err_set(
			e, ERR_INPUT, "line 1: it begins with a byte order mark; save it without");
	str_add(&table, "");
	while (r.at < r.len)
		if (take_line(&r, &table) < 0)
			return -1;
	return check_twice(&r);
}

void toml_done(struct toml *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].path);
		free(t->v[i].text);
		strv_done(&t->v[i].items);
	}
	free(t->v);
	*t = (struct toml){.v = NULL};
}

int toml_check(const char *text, size_t len, struct err *e)
{
	AUTO_TOML struct toml t = {.v = NULL};

	return toml_parse(text, len, &t, e);
}

const struct toml_entry *toml_find(const struct toml *t, enum toml_kind kind, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].kind == kind && strcmp(t->v[i].path, path) == 0)
			return &t->v[i];
	return NULL;
}

const struct toml_entry *toml_below(const struct toml *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].path, path) == 0 || is_below(t->v[i].path, path))
			return &t->v[i];
	return NULL;
}

const char *toml_name(const struct toml_entry *v)
{
	const char *sep = strrchr(v->path, *TOML_SEP);

	return sep ? sep + 1 : v->path;
}
