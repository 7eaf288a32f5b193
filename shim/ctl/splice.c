/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice - a change of a text that can be taken back.
 */
#include "shim/ctl/splice.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"

void splices_done(struct splices *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].removed);
		free(s->v[i].inserted);
	}
	s->n = 0;
}

int splices_add(struct splices *s, size_t at, const char *removed, size_t removed_len,
	const char *inserted, bool keep, struct err *e)
{
	struct splice v = {.at = at, .keep = keep};
	size_t place = s->n;

	if (s->n == SPLICES_MAX)
		return err_set(e, ERR_BUG, "more than %d places to change", SPLICES_MAX);
	v.removed = strndup(removed, removed_len);
	v.inserted = strdup(inserted);
	if (!v.removed || !v.inserted) {
		free(v.removed);
		free(v.inserted);
		return err_nomem(e);
	}
	while (place > 0 && s->v[place - 1].at > at)
		place--;
	memmove(&s->v[place + 1], &s->v[place], (s->n - place) * sizeof v);
	s->v[place] = v;
	s->n++;
	return 0;
}

static bool stands(const char *text, size_t len, size_t at, const char *what)
{
	size_t n = strlen(what);

	return at <= len && len - at >= n && memcmp(text + at, what, n) == 0;
}

/* Replace at each place, which counts in TEXT as it was before any of them. */
static int replace(const struct splices *s, bool back, const char *text, size_t len,
	struct str *out, struct err *e)
{
	size_t done = 0, moved = 0; /* MOVED: wraps round, which is well defined */

	str_add(out, "");
	for (size_t i = 0; i < s->n; i++) {
		const struct splice *v = &s->v[i];
		const char *old = back ? v->inserted : v->removed;
		const char *new = back ? v->removed : v->inserted;
		const size_t at = v->at + moved;

		if (at < done || !stands(text, len, at, old))
			return err_set(e, back ? ERR_INPUT : ERR_BUG,
				"it does not have what it should have at byte %zu", at);
		str_addn(out, text + done, at - done);
		str_add(out, new);
		done = at + strlen(old);
		if (back)
			moved += strlen(old) - strlen(new);
	}
	str_addn(out, text + done, len - done);
	return str_failed(out) ? err_nomem(e) : 0;
}

int splices_apply(
	const struct splices *s, const char *before, size_t len, struct str *out, struct err *e)
{
	return replace(s, false, before, len, out, e);
}

int splices_revert(
	const struct splices *s, const char *after, size_t len, struct str *out, struct err *e)
{
	return replace(s, true, after, len, out, e);
}

/* Where WHAT stands in the text, and how often. */
static size_t find(const char *text, size_t len, const char *what, size_t *at)
{
	const size_t n = strlen(what);
	size_t count = 0;

	for (size_t i = 0; n && i + n <= len; i++)
		if (text[i] == what[0] && memcmp(text + i, what, n) == 0) {
			if (count++ == 0)
				*at = i;
			i += n - 1;
		}
	return count;
}

bool splices_found(const struct splices *s, const char *text, size_t len)
{
	size_t at;

	for (size_t i = 0; i < s->n; i++)
		if (find(text, len, s->v[i].inserted, &at) != 1)
			return false;
	return true;
}

int splices_cut(
	const struct splices *s, const char *text, size_t len, struct str *out, struct err *e)
{
	AUTO_STR struct str now = STR_INIT;

	str_add(&now, "");
	str_addn(&now, text, len);
	for (size_t i = 0; i < s->n; i++) {
		const struct splice *v = &s->v[i];
		AUTO_STR struct str next = STR_INIT;
		size_t at = 0, n;

		if (v->keep)
			continue;
		if (str_failed(&now))
			return err_nomem(e);
		n = find(now.s, now.len, v->inserted, &at);
		if (n != 1)
			return err_set(e, ERR_INPUT, "%s of what was written: %.200s",
				n ? "there is more than one" : "it has been edited in the midst",
				v->inserted + strspn(v->inserted, "\r\n"));
		str_addn(&next, now.s, at);
		str_add(&next, v->removed);
		str_add(&next, now.s + at + strlen(v->inserted));
		str_done(&now);
		now = next;
		next = (struct str)STR_INIT;
	}
	str_addn(out, str_text(&now), now.len);
	return str_failed(out) || str_failed(&now) ? err_nomem(e) : 0;
}

/* ---- for people ---- */

struct lines {
	const char **v; /* each begins here, and ends where the next begins */
	size_t n;
};

static bool split(const char *text, size_t len, struct lines *l)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	l->v = calloc(n + 1, sizeof *l->v);
	if (!l->v)
		return false;
	l->n = 0;
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);

		l->v[l->n++] = text + at;
		at = end ? (size_t)(end - text) + 1 : len;
	}
	l->v[l->n] = text + len;
	return true;
}

static bool same_line(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	size_t n = (size_t)(a->v[i + 1] - a->v[i]);

	return n == (size_t)(b->v[k + 1] - b->v[k]) && memcmp(a->v[i], b->v[k], n) == 0;
}

static void put_line(char mark, const struct lines *l, size_t i, struct str *out)
{
	size_t n = (size_t)(l->v[i + 1] - l->v[i]);
	bool ended = n && l->v[i][n - 1] == '\n';

	str_addc(out, mark);
	str_addn(out, l->v[i], ended ? n - 1 : n);
	str_add(out, ended ? "\n" : "\n\\ No newline at end of file\n");
}

/* How many lines the next stretch of differences takes on both sides: the shortest after which a line
 * is the same again, with the one behind it. */
static void stretch(
	const struct lines *a, size_t i, const struct lines *b, size_t k, size_t *da, size_t *db)
{
	for (size_t sum = 1; sum <= a->n - i + b->n - k; sum++)
		for (size_t x = 0; x <= sum; x++) {
			size_t p = i + x, q = k + (sum - x);

			if (p > a->n || q > b->n)
				continue;
			if ((p == a->n) != (q == b->n))
				continue;
			if (p < a->n &&
				(!same_line(a, p, b, q) || (p + 1 < a->n && q + 1 < b->n &&
								   !same_line(a, p + 1, b, q + 1))))
				continue;
			*da = x;
			*db = sum - x;
			return;
		}
	*da = a->n - i;
	*db = b->n - k;
}

enum { AROUND = 3, STRETCHES_MAX = 256 };

struct stretch {
	size_t a, b, da, db;
};

/* N stretches whose surroundings touch. */
static void hunk(const struct lines *a, const struct lines *b, const struct stretch *s, size_t n,
	struct str *out)
{
	const struct stretch *last = &s[n - 1];
	const size_t end = last->a + last->da, front = s->a < AROUND ? s->a : AROUND;
	const size_t rest = a->n - end < AROUND ? a->n - end : AROUND;
	const size_t na = front + end - s->a + rest, nb = front + last->b + last->db - s->b + rest;
	size_t at = s->a - front;

	str_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", na ? at + 1 : 0, na, nb ? s->b - front + 1 : 0,
		nb);
	for (size_t i = 0; i < n; i++) {
		for (; at < s[i].a; at++)
			put_line(' ', a, at, out);
		for (; at < s[i].a + s[i].da; at++)
			put_line('-', a, at, out);
		for (size_t k = 0; k < s[i].db; k++)
			put_line('+', b, s[i].b + k, out);
	}
	for (; at < end + rest; at++)
		put_line(' ', a, at, out);
}

static size_t compare(const struct lines *a, const struct lines *b, struct stretch *s)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n || k < b->n) {
		if (i < a->n && k < b->n && same_line(a, i, b, k)) {
			i++, k++;
			continue;
		}
		s[n] = (struct stretch){.a = i, .b = k};
		if (n + 1 < STRETCHES_MAX)
			stretch(a, i, b, k, &s[n].da, &s[n].db);
		else
			s[n].da = a->n - i, s[n].db = b->n - k;
		i += s[n].da;
		k += s[n].db;
		n++;
	}
	return n;
}

void splice_diff(
	const char *before, size_t before_len, const char *after, size_t after_len, struct str *out)
{
	struct lines a = {0}, b = {0};
	struct stretch s[STRETCHES_MAX];

	str_add(out, "");
	if (!split(before, before_len, &a) || !split(after, after_len, &b)) {
		out->failed = true;
	} else {
		const size_t n = compare(&a, &b, s);

		for (size_t i = 0, m; i < n; i += m) {
			for (m = 1; i + m < n; m++)
				if (s[i + m].a - (s[i + m - 1].a + s[i + m - 1].da) > 2 * AROUND)
					break;
			hunk(&a, &b, s + i, m, out);
		}
	}
	free(a.v);
	free(b.v);
}
