/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_tree - documents in memory: their arena, looking, making and changing values.
 */
#include "shim/base/json_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/num.h"

enum { CHUNK_SIZE = 32 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[] __attribute__((aligned(16)));
};

void *json_alloc(struct json_doc *doc, size_t size)
{
	struct chunk *c = doc->chunks;
	void *p;

	if (__builtin_add_overflow(size, (size_t)15, &size))
		return NULL;
	size &= ~(size_t)15;
	if (!c || c->size - c->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = malloc(sizeof *c + room);
		if (!c)
			return NULL;
		c->used = 0;
		c->size = room;
		c->next = doc->chunks;
		doc->chunks = c;
	}
	p = c->bytes + c->used;
	c->used += size;
	return p;
}

char *json_copy(struct json_doc *doc, const char *bytes, size_t len)
{
	char *p = json_alloc(doc, len + 1);

	if (!p)
		return NULL;
	memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

struct json_doc *json_new(void)
{
	return calloc(1, sizeof(struct json_doc));
}

void json_free(struct json_doc *doc)
{
	if (!doc)
		return;
	for (struct chunk *c = doc->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(doc);
}

void json_freep(struct json_doc **doc)
{
	json_free(*doc);
}

struct json *json_root(const struct json_doc *doc)
{
	return doc->root;
}

void json_set_root(struct json_doc *doc, struct json *root)
{
	doc->root = root;
}

struct json *json_make(struct json_doc *doc, enum json_type type)
{
	struct json *v = json_alloc(doc, sizeof *v);

	if (!v)
		return NULL;
	memset(v, 0, sizeof *v);
	v->type = type;
	return v;
}

void json_link_last(struct json *container, struct json *v)
{
	v->parent = container;
	v->prev = container->last;
	v->next = NULL;
	if (container->last)
		container->last->next = v;
	else
		container->first = v;
	container->last = v;
	container->count++;
}

/* ---- looking ---- */

bool json_is(const struct json *v, enum json_type type)
{
	return v && v->type == type;
}

static struct json *unless_null(struct json *v)
{
	return v && v->type != JSON_NULL ? v : NULL;
}

struct json *json_member(const struct json *object, const char *key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	json_each (v, object)
		if (strcmp(v->key, key) == 0)
			return v;
	return NULL;
}

struct json *json_get(const struct json *object, const char *key)
{
	return unless_null(json_member(object, key));
}

struct json *json_item(const struct json *array, size_t index)
{
	if (!json_is(array, JSON_ARRAY))
		return NULL;
	json_each (v, array)
		if (index-- == 0)
			return unless_null(v);
	return NULL;
}

/* True when KEY is the reference token of LEN bytes at TOKEN (RFC 6901 section 4). */
static bool is_token(const char *token, size_t len, const char *key)
{
	for (size_t i = 0; i < len; i++, key++) {
		char c = token[i];

		if (c == '~') {
			if (++i == len || (token[i] != '0' && token[i] != '1'))
				return false;
			c = token[i] == '0' ? '~' : '/';
		}
		if (*key != c)
			return false;
	}
	return *key == '\0';
}

static struct json *step(const struct json *v, const char *token, size_t len)
{
	char digits[16];
	uint64_t index;

	if (v->type == JSON_OBJECT) {
		json_each (child, v)
			if (is_token(token, len, child->key))
				return unless_null(child);
		return NULL;
	}
	if (v->type != JSON_ARRAY || len >= sizeof digits)
		return NULL;
	memcpy(digits, token, len);
	digits[len] = '\0';
	return num_u64(digits, UINT32_MAX, &index) ? json_item(v, index) : NULL;
}

struct json *json_at(const struct json *root, const char *pointer)
{
	struct json *v = (struct json *)root;

	while (v && *pointer) {
		size_t len;

		if (*pointer++ != '/')
			return NULL;
		len = strcspn(pointer, "/");
		v = step(v, pointer, len);
		pointer += len;
	}
	return v;
}

const char *json_str(const struct json *v)
{
	return json_is(v, JSON_STRING) ? v->text : NULL;
}

bool json_is_true(const struct json *v)
{
	return json_is(v, JSON_BOOL) && v->flag;
}

bool json_u64(const struct json *v, uint64_t max, uint64_t *out)
{
	return json_is(v, JSON_NUMBER) && num_u64(v->text, max, out);
}

bool json_i64(const struct json *v, int64_t min, int64_t max, int64_t *out)
{
	return json_is(v, JSON_NUMBER) && num_i64(v->text, min, max, out);
}

/* The usual case is the same order: then each member is where the last one was found. */
static bool same_members(const struct json *a, const struct json *b)
{
	const struct json *y = b->first;

	json_each (x, a) {
		if (!y || strcmp(x->key, y->key) != 0)
			y = json_member(b, x->key);
		if (!y || !json_equal(x, y))
			return false;
		y = y->next;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (!a || !b)
		return a == b;
	if (a->type != b->type || a->count != b->count)
		return false;
	switch (a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->flag == b->flag;
	case JSON_NUMBER:
	case JSON_STRING:
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	case JSON_ARRAY:
		for (const struct json *x = a->first, *y = b->first; x; x = x->next, y = y->next)
			if (!json_equal(x, y))
				return false;
		return true;
	case JSON_OBJECT:
		return same_members(a, b);
	}
	return false;
}

/* ---- making ---- */

struct json *json_null(struct json_doc *doc)
{
	return json_make(doc, JSON_NULL);
}

struct json *json_bool(struct json_doc *doc, bool flag)
{
	struct json *v = json_make(doc, JSON_BOOL);

	if (v)
		v->flag = flag;
	return v;
}

static struct json *make_text(
	struct json_doc *doc, enum json_type type, const char *text, size_t len)
{
	struct json *v = json_make(doc, type);

	if (!v)
		return NULL;
	v->len = len;
	v->text = json_copy(doc, text, len);
	return v->text ? v : NULL;
}

static struct json *make_integer(struct json_doc *doc, bool negative, uint64_t n)
{
	char text[24], *p = text + sizeof text;

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (negative)
		*--p = '-';
	return make_text(doc, JSON_NUMBER, p, (size_t)(text + sizeof text - p));
}

struct json *json_int(struct json_doc *doc, int64_t n)
{
	return make_integer(doc, n < 0, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

struct json *json_uint(struct json_doc *doc, uint64_t n)
{
	return make_integer(doc, false, n);
}

struct json *json_string(struct json_doc *doc, const char *text)
{
	size_t bad;

	assert(json_utf8_ok(text, strlen(text), &bad));
	return make_text(doc, JSON_STRING, text, strlen(text));
}

struct json *json_string_lossy(struct json_doc *doc, const char *bytes)
{
	AUTO_STR struct str good = STR_INIT;
	size_t len = strlen(bytes), bad;

	while (!json_utf8_ok(bytes, len, &bad)) {
		str_addn(&good, bytes, bad);
		str_add(&good, "\xef\xbf\xbd");
		bytes += bad + 1;
		len -= bad + 1;
	}
	str_addn(&good, bytes, len);
	return str_failed(&good) ? NULL : make_text(doc, JSON_STRING, str_text(&good), good.len);
}

struct json *json_array(struct json_doc *doc)
{
	return json_make(doc, JSON_ARRAY);
}

struct json *json_object(struct json_doc *doc)
{
	return json_make(doc, JSON_OBJECT);
}

static const char *copy_raw(struct json_doc *doc, const char *raw, size_t len, bool *ok)
{
	const char *copy = raw ? json_copy(doc, raw, len) : NULL;

	if (raw && !copy)
		*ok = false;
	return copy;
}

struct json *json_clone(struct json_doc *doc, const struct json *v)
{
	struct json *copy;
	bool ok = true;

	if (!v)
		return NULL;
	copy = json_make(doc, v->type);
	if (!copy)
		return NULL;
	copy->flag = v->flag;
	copy->len = v->len;
	copy->raw_len = v->raw_len;
	copy->text = copy_raw(doc, v->text, v->len, &ok);
	copy->raw = copy_raw(doc, v->raw, v->raw_len, &ok);
	json_each (child, v) {
		struct json *c = ok ? json_clone(doc, child) : NULL;

		if (!c)
			return NULL;
		if (child->key) {
			c->key = json_copy(doc, child->key, strlen(child->key));
			c->key_raw_len = child->key_raw_len;
			c->key_raw = copy_raw(doc, child->key_raw, child->key_raw_len, &ok);
			if (!c->key)
				ok = false;
		}
		json_link_last(copy, c);
	}
	return ok ? copy : NULL;
}

static void forget_source(struct json *v)
{
	v->from_source = false;
	json_each (child, v)
		forget_source(child);
}

struct json *json_adopt(struct json_doc *doc, struct json_doc **from)
{
	struct json *root = (*from)->root;
	struct chunk *last = (*from)->chunks;

	if (root)
		forget_source(root);
	while (last && last->next)
		last = last->next;
	/* behind DOC's first chunk, which has room left */
	if (last && doc->chunks) {
		last->next = doc->chunks->next;
		doc->chunks->next = (*from)->chunks;
	} else if (last) {
		doc->chunks = (*from)->chunks;
	}
	free(*from);
	*from = NULL;
	return root;
}

/* ---- changing ---- */

int json_put(struct json_doc *doc, struct json *object, const char *key, struct json *v)
{
	struct json *old;

	if (!object || !v)
		return -1;
	assert(object->type == JSON_OBJECT && !v->parent);
	old = json_member(object, key);
	if (old)
		return json_replace(old, v);
	v->key = json_copy(doc, key, strlen(key));
	if (!v->key)
		return -1;
	v->key_raw = NULL;
	json_link_last(object, v);
	return 0;
}

int json_push(struct json *array, struct json *v)
{
	if (!array || !v)
		return -1;
	assert(array->type == JSON_ARRAY && !v->parent);
	json_link_last(array, v);
	return 0;
}

struct json *json_strings(struct json_doc *doc, const struct strv *l)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++)
		if (json_push(list, json_string_lossy(doc, l->v[i])) < 0)
			return NULL;
	return list;
}

int json_insert_before(struct json *sibling, struct json *v)
{
	if (!sibling || !v)
		return -1;
	assert(sibling->parent && sibling->parent->type == JSON_ARRAY && !v->parent);
	v->parent = sibling->parent;
	v->next = sibling;
	v->prev = sibling->prev;
	if (sibling->prev)
		sibling->prev->next = v;
	else
		sibling->parent->first = v;
	sibling->prev = v;
	sibling->parent->count++;
	return 0;
}

int json_replace(struct json *old, struct json *v)
{
	if (!old || !v)
		return -1;
	assert(old->parent && !v->parent);
	v->key = old->key;
	v->key_raw = old->key_raw;
	v->key_raw_len = old->key_raw_len;
	v->parent = old->parent;
	v->prev = old->prev;
	v->next = old->next;
	if (v->prev)
		v->prev->next = v;
	else
		v->parent->first = v;
	if (v->next)
		v->next->prev = v;
	else
		v->parent->last = v;
	old->parent = old->prev = old->next = NULL;
	return 0;
}

void json_remove(struct json *v)
{
	if (!v || !v->parent)
		return;
	if (v->prev)
		v->prev->next = v->next;
	else
		v->parent->first = v->next;
	if (v->next)
		v->next->prev = v->prev;
	else
		v->parent->last = v->prev;
	v->parent->count--;
	v->parent = v->prev = v->next = NULL;
}
