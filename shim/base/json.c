/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - reading; the only door to yajl (callback API).
 */
#include "shim/base/json.h"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "shim/base/cleanup.h"
#include "shim/base/json_tree.h"

bool json_utf8_ok(const char *bytes, size_t len, size_t *bad)
{
	const unsigned char *s = (const unsigned char *)bytes;

	for (size_t i = 0; i < len;) {
		size_t more;
		uint32_t cp, least;

		if (s[i] < 0x80) {
			uint64_t eight;

			/* most of every document is ASCII: eight bytes at a time */
			for (i++; len - i >= sizeof eight; i += sizeof eight) {
				memcpy(&eight, s + i, sizeof eight);
				if (eight & 0x8080808080808080u)
					break;
			}
			continue;
		}
		if ((s[i] & 0xe0) == 0xc0) {
			more = 1, cp = s[i] & 0x1f, least = 0x80;
		} else if ((s[i] & 0xf0) == 0xe0) {
			more = 2, cp = s[i] & 0x0f, least = 0x800;
		} else if ((s[i] & 0xf8) == 0xf0) {
			more = 3, cp = s[i] & 0x07, least = 0x10000;
		} else {
			*bad = i;
			return false;
		}
		if (len - i <= more) {
			*bad = i;
			return false;
		}
		for (size_t k = 1; k <= more; k++) {
			if ((s[i + k] & 0xc0) != 0x80) {
				*bad = i;
				return false;
			}
			cp = cp << 6 | (s[i + k] & 0x3f);
		}
		if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
			*bad = i;
			return false;
		}
		i += more + 1;
	}
	return true;
}

static void line_col(const char *text, size_t offset, unsigned *line, unsigned *col)
{
	size_t begin = 0;

	*line = 1;
	for (size_t i = 0; i < offset; i++)
		if (text[i] == '\n') {
			++*line;
			begin = i + 1;
		}
	*col = (unsigned)(offset - begin) + 1;
}

void json_line_col(const struct json_doc *doc, const struct json *v, unsigned *line, unsigned *col)
{
	*line = *col = 0;
	if (v && v->from_source && doc->source)
		line_col(doc->source, v->offset, line, col);
}

void json_key_line_col(
	const struct json_doc *doc, const struct json *v, unsigned *line, unsigned *col)
{
	*line = *col = 0;
	if (v && v->from_source && v->key_raw && doc->source)
		line_col(doc->source, (size_t)(v->key_raw - doc->source), line, col);
	else
		json_line_col(doc, v, line, col);
}

struct block { /* one allocation of yajl's */
	struct block *next, **link;
	char bytes[] __attribute__((aligned(16)));
};

struct reader {
	struct json_doc *doc;
	const struct json_limits *limits;
	yajl_handle yajl;
	struct block *blocks;
	jmp_buf no_memory;
	bool at_end; /* yajl has seen all of it */
	struct json *open; /* innermost open container */
	size_t depth, values;
	const char *key, *key_raw; /* the member name that waits for its value */
	size_t key_raw_len;
	size_t at; /* end of the previous token, to find where the next begins */
	struct err *e;
};

/*
 * yajl 2.1 does not look at what its allocator returns, so a failure must not come back to it: it
 * jumps to read_all, which gives up all blocks at once. Nothing of ours is on the stack in between.
 */
static void *block_realloc(void *ctx, void *bytes, size_t size)
{
	struct reader *r = ctx;
	struct block *old = bytes ? (struct block *)((char *)bytes - sizeof *old) : NULL;
	struct block *b = NULL;

	if (!__builtin_add_overflow(size, sizeof *b, &size))
		b = realloc(old, size);
	if (!b)
		longjmp(r->no_memory, 1);
	if (!old) {
		b->next = r->blocks;
		b->link = &r->blocks;
	}
	if (b->next)
		b->next->link = &b->next;
	*b->link = b;
	return b->bytes;
}

static void *block_malloc(void *ctx, size_t size)
{
	return block_realloc(ctx, NULL, size);
}

static void block_free(void *ctx, void *bytes)
{
	struct block *b;

	(void)ctx;
	if (!bytes)
		return;
	b = (struct block *)((char *)bytes - sizeof *b);
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
	free(b);
}

static int fail_at(struct reader *r, size_t offset, const char *what)
{
	unsigned line, col;

	line_col(r->doc->source, offset, &line, &col);
	err_set(r->e, ERR_INPUT, "line %u, column %u: %s", line, col, what);
	return 0;
}

/* Begin of the token that ends at END, behind the previous token and what may stand between. */
static size_t token_begin(struct reader *r, size_t end)
{
	const char *s = r->doc->source;
	size_t i = r->at;

	while (i < end) {
		if (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' || s[i] == ',' ||
			s[i] == ':') {
			i++;
		} else if (s[i] == '/' && i + 1 < end && s[i + 1] == '*') {
			for (i += 2; i + 1 < end && !(s[i] == '*' && s[i + 1] == '/'); i++)
				;
			i += 2;
		} else if (s[i] == '/') {
			while (i < end && s[i] != '\n')
				i++;
		} else {
			break;
		}
	}
	return i < end ? i : end;
}

/* yajl turns a lone surrogate into '?': two readers would see two names. */
static bool surrogates_paired(const char *raw, size_t len)
{
	bool high = false;

	for (size_t i = 0; i < len; i++) {
		bool is_high = false, is_low = false;

		if (raw[i] == '\\' && i + 1 < len) {
			if (raw[i + 1] == 'u' && i + 5 < len && (raw[i + 2] | 0x20) == 'd') {
				is_high = strchr("89abAB", raw[i + 3]) != NULL;
				is_low = strchr("cdefCDEF", raw[i + 3]) != NULL;
			}
			if (high != is_low)
				return false;
			i += raw[i + 1] == 'u' ? 5 : 1;
		} else if (high) {
			return false;
		}
		high = is_high;
	}
	return !high;
}

static bool count_value(struct reader *r, size_t begin)
{
	if (++r->values > r->limits->values) {
		char what[80];

		snprintf(what, sizeof what, "more than %zu values", r->limits->values);
		fail_at(r, begin, what);
		return false;
	}
	return true;
}

/* Begins a value of TYPE in the tree; NULL when the limits or the memory say no. */
static struct json *begin_value(struct reader *r, enum json_type type, size_t *begin)
{
	size_t end = yajl_get_bytes_consumed(r->yajl);
	struct json *v;

	*begin = token_begin(r, end);
	r->at = end;
	if (!count_value(r, *begin))
		return NULL;
	v = json_make(r->doc, type);
	if (!v) {
		err_nomem(r->e);
		return NULL;
	}
	v->offset = (uint32_t)*begin;
	v->from_source = true;
	v->key = r->key;
	v->key_raw = r->key_raw;
	v->key_raw_len = r->key_raw_len;
	r->key = r->key_raw = NULL;
	r->key_raw_len = 0;
	if (r->open)
		json_link_last(r->open, v);
	else
		r->doc->root = v;
	return v;
}

static int on_null(void *ctx)
{
	size_t begin;

	return begin_value(ctx, JSON_NULL, &begin) != NULL;
}

static int on_bool(void *ctx, int flag)
{
	size_t begin;
	struct json *v = begin_value(ctx, JSON_BOOL, &begin);

	if (!v)
		return 0;
	v->flag = flag;
	return 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct reader *r = ctx;
	size_t begin;
	struct json *v = begin_value(r, JSON_NUMBER, &begin);

	if (!v)
		return 0;
	v->len = len;
	v->text = json_copy(r->doc, text, len);
	return v->text ? 1 : (err_nomem(r->e), 0);
}

/* The decoded form of a string or key token; NULL with the error set when it is not acceptable. */
static const char *decoded(
	struct reader *r, const unsigned char *s, size_t len, size_t begin, size_t end)
{
	const char *raw = r->doc->source + begin;
	char *copy;

	if (memchr(s, '\0', len)) {
		fail_at(r, begin, "NUL character in a string");
		return NULL;
	}
	if (memchr(raw, '\\', end - begin) && !surrogates_paired(raw, end - begin)) {
		fail_at(r, begin, "half of a surrogate pair in a string");
		return NULL;
	}
	copy = json_copy(r->doc, (const char *)s, len);
	if (!copy)
		err_nomem(r->e);
	return copy;
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	struct reader *r = ctx;
	size_t begin;
	struct json *v = begin_value(r, JSON_STRING, &begin);

	if (!v)
		return 0;
	v->raw = r->doc->source + begin;
	v->raw_len = r->at - begin;
	v->len = len;
	v->text = decoded(r, s, len, begin, r->at);
	return v->text != NULL;
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
	struct reader *r = ctx;
	size_t end = yajl_get_bytes_consumed(r->yajl);
	size_t begin = token_begin(r, end);

	r->at = end;
	if (!count_value(r, begin))
		return 0;
	r->key_raw = r->doc->source + begin;
	r->key_raw_len = end - begin;
	r->key = decoded(r, s, len, begin, end);
	return r->key != NULL;
}

static int open_container(struct reader *r, enum json_type type)
{
	size_t begin;
	struct json *v = begin_value(r, type, &begin);

	if (!v)
		return 0;
	if (++r->depth > r->limits->depth || r->depth > JSON_DEPTH_MAX) {
		char what[80];

		snprintf(what, sizeof what, "nested deeper than %zu levels", r->depth - 1);
		return fail_at(r, begin, what);
	}
	r->open = v;
	return 1;
}

static int by_key(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

static int refuse_duplicate(struct reader *r, const struct json *later)
{
	struct str what = STR_INIT;

	str_addf(&what, "key \"%.64s\" stands twice in one object", later->key);
	fail_at(r, (size_t)(later->key_raw - r->doc->source), str_text(&what));
	str_done(&what);
	return 0;
}

/* Sorted, so that an object made of thousands of keys costs n log n and not its square. */
static int check_duplicates(struct reader *r, const struct json *object)
{
	AUTO_FREE const struct json **sorted = NULL;
	size_t n = 0;

	if (object->count < 2)
		return 1;
	if (object->count <= 16) {
		json_each (v, object)
			for (const struct json *u = object->first; u != v; u = u->next)
				if (strcmp(u->key, v->key) == 0)
					return refuse_duplicate(r, v);
		return 1;
	}
	sorted = reallocarray(NULL, object->count, sizeof(*sorted));
	if (!sorted)
		return err_nomem(r->e), 0;
	json_each (v, object)
		sorted[n++] = v;
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 1; i < n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return refuse_duplicate(r, sorted[i]);
	return 1;
}

static int close_container(struct reader *r)
{
	struct json *v = r->open;

	r->at = yajl_get_bytes_consumed(r->yajl);
	r->depth--;
	r->open = v->parent;
	return v->type == JSON_OBJECT ? check_duplicates(r, v) : 1;
}

static int on_open_object(void *ctx)
{
	return open_container(ctx, JSON_OBJECT);
}

static int on_open_array(void *ctx)
{
	return open_container(ctx, JSON_ARRAY);
}

static int on_close(void *ctx)
{
	return close_container(ctx);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_open_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close,
};

/* yajl's own words for a syntax error, without its multi-line drawing. A lexical error is at the last
 * byte it looked at, an error of grammar at the begin of the token. */
static void syntax_error(struct reader *r)
{
	unsigned char *words = yajl_get_error(r->yajl, 0, NULL, 0);
	const char *text = words ? (const char *)words : "not JSON";
	size_t end = r->at_end ? r->doc->source_len : yajl_get_bytes_consumed(r->yajl);
	size_t at = end;
	char what[160];

	if (!r->at_end && end > 0) {
		at = str_starts(text, "lexical") ? end - 1 : token_begin(r, end);
		if (at == end)
			at = end - 1;
	}
	snprintf(what, sizeof what, "%.*s", (int)strcspn(text, "\n"), text);
	fail_at(r, at < r->doc->source_len ? at : r->doc->source_len, what);
	if (words)
		yajl_free_error(r->yajl, words);
}

/* Run yajl over the source. False: the error is set. */
static bool read_all(struct reader *r, unsigned flags)
{
	yajl_alloc_funcs alloc = {block_malloc, block_realloc, block_free, r};
	yajl_status status;

	if (setjmp(r->no_memory))
		return err_nomem(r->e) == 0;
	r->yajl = yajl_alloc(&callbacks, &alloc, r);
	yajl_config(r->yajl, yajl_allow_comments, (flags & JSON_COMMENTS) ? 1 : 0);
	yajl_config(
		r->yajl, yajl_dont_validate_strings, 1); /* json_utf8_ok is the stricter judge */
	/* with the blank behind the text, so that a number at its end is met here, where positions
	 * count from the begin of the text */
	status = yajl_parse(r->yajl, (const unsigned char *)r->doc->source, r->doc->source_len + 1);
	if (status == yajl_status_ok) {
		r->at_end = true;
		status = yajl_complete_parse(r->yajl);
	}
	if (status == yajl_status_error)
		syntax_error(r);
	return status == yajl_status_ok; /* a callback that stopped the parser has set the error */
}

/* TEXT and a blank. */
static const char *copy_source(struct json_doc *doc, const char *text, size_t len)
{
	char *copy = json_alloc(doc, len + 2);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	memcpy(copy + len, " ", 2);
	return copy;
}

/* Bytes that may stand nowhere in JSON, but which yajl takes for white space. */
static const char *odd_space(const char *text, size_t len)
{
	const char *vt = len ? memchr(text, '\v', len) : NULL;
	const char *ff = len ? memchr(text, '\f', len) : NULL;

	return !vt || (ff && ff < vt) ? ff : vt;
}

int json_parse(const char *text, size_t len, const struct json_limits *limits, unsigned flags,
	struct json_doc **out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct reader r = {.doc = doc, .limits = limits, .e = e};
	const char *odd;
	size_t bad;
	bool good;

	if (!doc)
		return err_nomem(e);
	if (len > limits->bytes || len > UINT32_MAX)
		return err_set(e, ERR_INPUT, "%zu bytes, limit %zu", len, limits->bytes);
	doc->source = copy_source(doc, text, len);
	if (!doc->source)
		return err_nomem(e);
	doc->source_len = len;
	if (!json_utf8_ok(doc->source, len, &bad)) {
		fail_at(&r, bad, "not valid UTF-8");
		return -1;
	}
	odd = odd_space(doc->source, len);
	if (odd) {
		fail_at(&r, (size_t)(odd - doc->source),
			"only blank, tab and line break may stand between tokens");
		return -1;
	}
	good = read_all(&r, flags);
	while (r.blocks)
		block_free(&r, r.blocks->bytes);
	if (!good)
		return -1;
	assert(doc->root);
	*out = take_ptr(&doc);
	return 0;
}
