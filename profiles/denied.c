/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denied - images that must not start here.
 */
#include "profiles/denied.h"

#include <stdlib.h>
#include <string.h>

#include "profiles/image.h"
#include "profiles/reader.h"
#include "shim/base/cleanup.h"

enum { CVES_MAX = 1000, CVE_MAX = 64 };

static const struct json_limits limits = {.bytes = DENIED_BYTES_MAX, .depth = 6, .values = 2000000};

struct item {
	struct denied_image d;
	size_t at; /* which came first */
};

/* What is collected, before it takes the place of what the caller had. */
struct items {
	struct item *v;
	size_t n, cap;
};

#define AUTO_ITEMS __attribute__((cleanup(items_done)))

static void image_free(struct denied_image *d)
{
	free(d->digest);
	free(d->reason);
	free(d->cves);
}

static void items_done(struct items *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_free(&l->v[i].d);
	free(l->v);
}

void denied_done(struct denied *d)
{
	for (size_t i = 0; i < d->n; i++)
		image_free(&d->v[i]);
	free(d->v);
	*d = (struct denied){.n = 0};
}

/* ---- reading ---- */

static int read_nothing(struct reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)v;
	(void)to;
	return 0;
}

static int read_digest(struct reader *r, const struct json *v, void *to)
{
	if (!image_is_digest(v->text))
		return reader_fail(r, v,
			"\"%.80s\" is no digest: expected \"sha256:\" and 64 of 0-9 a-f", v->text);
	return reader_string(r, v, to);
}

static int read_reason(struct reader *r, const struct json *v, void *to)
{
	if (v->len > READER_TEXT_MAX)
		return reader_fail(r, v, "%zu bytes, limit %d", v->len, READER_TEXT_MAX);
	return reader_string(r, v, to);
}

static int check_cve(struct reader *r, const struct json *v)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";

	if (v->len > CVE_MAX || v->text[strspn(v->text, good)])
		return reader_fail(r, v,
			"\"%.64s\" is no identifier such as \"CVE-2026-1234\": expected 1 to %d "
			"letters, digits and - _ . :",
			v->text, CVE_MAX);
	return 0;
}

/* LIST ("A, B") has ID in it. */
static bool listed(const char *list, const char *id, size_t len)
{
	for (size_t n; *list; list += n + strspn(list + n, ", ")) {
		n = strcspn(list, ",");
		if (n == len && memcmp(list, id, n) == 0)
			return true;
	}
	return false;
}

/* Add what MORE lists to S, each once. */
static void join(struct str *s, const char *more)
{
	for (size_t n; *more; more += n + strspn(more + n, ", ")) {
		n = strcspn(more, ",");
		if (listed(str_text(s), more, n))
			continue;
		str_add(s, s->len ? ", " : "");
		str_addn(s, more, n);
	}
}

static int read_cves(struct reader *r, const struct json *v, void *to)
{
	AUTO_STRV struct strv list = {0};
	AUTO_STR struct str all = STR_INIT;

	if (v->count > CVES_MAX)
		return reader_fail(r, v, "%u identifiers, limit %d", v->count, CVES_MAX);
	if (reader_strings(r, v, &list, check_cve) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		join(&all, list.v[i]);
	free(*(char **)to);
	return (*(char **)to = str_take(&all)) ? 0 : err_nomem(r->e);
}

static struct denied_image *add(struct items *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct item *v = reallocarray(l->v, cap, sizeof *v);

		if (!v)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = (struct item){.at = l->n};
	return &l->v[l->n++].d;
}

/* What was not said is "". */
static int add_copy(struct items *l, const struct denied_image *from, struct err *e)
{
	struct denied_image *d = add(l);

	if (!d || !(d->digest = strdup(from->digest)) ||
		!(d->reason = strdup(from->reason ? from->reason : "")) ||
		!(d->cves = strdup(from->cves ? from->cves : "")))
		return err_nomem(e);
	return 0;
}

static int read_denied(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"digest", JSON_STRING, read_digest, offsetof(struct denied_image, digest), true},
		{"reason", JSON_STRING, read_reason, offsetof(struct denied_image, reason), false},
		{"cves", JSON_ARRAY, read_cves, offsetof(struct denied_image, cves), false},
		{0},
	};

	if (v->count > DENIED_MAX)
		return reader_fail(r, v, "%u images, limit %d", v->count, DENIED_MAX);
	json_each (item, v) {
		struct denied_image d = {.digest = NULL};
		int done;

		if (item->type != JSON_OBJECT)
			return reader_fail(r, item,
				"a denied image is an object: {\"digest\": \"sha256:...\"}");
		done = reader_object(r, item, keys, &d);
		if (done == 0)
			done = add_copy(to, &d, r->e);
		image_free(&d);
		if (done < 0)
			return -1;
	}
	return 0;
}

static int read_file(
	const char *name, const char *text, size_t len, struct items *to, struct err *e)
{
	static const struct reader_key keys[] = {
		{"$schema", JSON_STRING, read_nothing, 0, false},
		{"denied", JSON_ARRAY, read_denied, 0, true},
		{0},
	};
	AUTO_JSON struct json_doc *doc = NULL;
	struct reader r = {.name = name, .e = e};

	if (reader_parse(name, text, len, &limits, &doc, e) < 0)
		return -1;
	r.doc = doc;
	if (!json_is(json_root(doc), JSON_OBJECT))
		return reader_fail(&r, json_root(doc),
			"a file of denied images is an object: {\"denied\": [ ... ]}");
	return reader_object(&r, json_root(doc), keys, to);
}

/* ---- merging ---- */

static int by_digest(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->d.digest, y->d.digest);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* TO takes what FROM, of the same digest, says besides. */
static int merge(struct denied_image *to, struct denied_image *from, struct err *e)
{
	AUTO_STR struct str cves = STR_INIT;
	char *text;

	join(&cves, to->cves);
	join(&cves, from->cves);
	text = str_take(&cves);
	if (!text)
		return err_nomem(e);
	free(to->cves);
	to->cves = text;
	if (!*to->reason) {
		free(to->reason);
		to->reason = take_ptr(&from->reason);
	}
	return 0;
}

/* Sort L and make one of those with the same digest. */
static int unite(struct items *l, struct err *e)
{
	size_t last = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_digest);
	for (size_t i = 1; i < l->n; i++) {
		struct denied_image *to = &l->v[last].d, *from = &l->v[i].d;

		if (strcmp(to->digest, from->digest) != 0) {
			struct denied_image d = *from;

			*from = (struct denied_image){.digest = NULL};
			l->v[++last].d = d;
			continue;
		}
		if (merge(to, from, e) < 0)
			return -1;
		image_free(from);
		*from = (struct denied_image){.digest = NULL};
	}
	if (l->n)
		l->n = last + 1;
	return 0;
}

int denied_add(const char *name, const char *text, size_t len, struct denied *out, struct err *e)
{
	AUTO_ITEMS struct items l = {.n = 0};
	struct denied_image *v;

	for (size_t i = 0; i < out->n; i++)
		if (add_copy(&l, &out->v[i], e) < 0)
			return -1;
	if (read_file(name, text, len, &l, e) < 0 || unite(&l, e) < 0)
		return -1;
	if (l.n > DENIED_MAX)
		return err_set(e, ERR_INPUT,
			"%s: %zu denied images with those of other files, "
			"limit %d",
			name, l.n, DENIED_MAX);
	v = calloc(l.n + 1, sizeof *v);
	if (!v)
		return err_nomem(e);
	denied_done(out);
	for (size_t i = 0; i < l.n; i++)
		v[i] = l.v[i].d;
	out->v = v;
	out->n = l.n;
	l.n = 0; /* theirs now */
	return 0;
}
