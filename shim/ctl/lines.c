/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - what is different in two texts, line by line.
 */
#include "shim/ctl/lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"

struct line {
	const char *text;
	size_t len, block; /* number of the line that opens its block; SIZE_MAX: none */
};

struct text {
	struct line *v;
	size_t n;
};

static void text_done(struct text *t)
{
	free(t->v);
}

#define AUTO_TEXT __attribute__((cleanup(text_done)))

void lines_done(struct lines *l)
{
	free(l->v);
	*l = (struct lines){NULL, 0};
}

static bool opens(const struct line *l)
{
	return l->len > 1 && l->text[l->len - 1] == '{' && l->text[l->len - 2] == ' ' &&
	       !memchr(l->text, '=', l->len);
}

static int split(const char *s, struct text *out, struct err *e)
{
	size_t n = 0, block = SIZE_MAX;

	for (const char *p = s; *p; p++)
		n += *p == '\n';
	out->v = calloc(n + 2, sizeof *out->v);
	if (!out->v)
		return err_nomem(e);
	while (*s) {
		size_t len = strcspn(s, "\n");
		struct line *l = &out->v[out->n++];

		*l = (struct line){s, len, block};
		while (l->len && (*l->text == ' ' || *l->text == '\t'))
			l->text++, l->len--;
		if (opens(l))
			block = out->n - 1;
		s += len + (s[len] == '\n');
	}
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void put(struct lines *out, const struct text *t, size_t i, bool added)
{
	const struct line *l = &t->v[i], *block = l->block == SIZE_MAX ? NULL : &t->v[l->block];

	out->v[out->n++] = (struct lines_change){
		l->text, l->len, added, block ? block->text : NULL, block ? block->len : 0};
}

/*
 * Lines FROM to A->n - BEHIND of A against those of B. CELL[i][j] is the length of the longest sequence that those from
 * i of A and from j of B have in common.
 */
static int between(const struct text *a, const struct text *b, size_t from, size_t behind,
	struct lines *out, struct err *e)
{
	size_t n = a->n - from - behind, m = b->n - from - behind, wide = m + 1, i = 0, j = 0;
	bool all = n > UINT16_MAX || m > UINT16_MAX || (n + 1) * wide > LINES_CELLS_MAX;
	AUTO_FREE uint16_t *cell = calloc(all ? 1 : (n + 1) * wide, sizeof *cell);

	if (!cell)
		return err_nomem(e);
	for (size_t x = all ? 0 : n; x-- > 0;)
		for (size_t y = m; y-- > 0;) {
			uint16_t down = cell[(x + 1) * wide + y], right = cell[x * wide + y + 1];
			uint16_t both = (uint16_t)(cell[(x + 1) * wide + y + 1] + 1);
			uint16_t longer = down > right ? down : right;

			cell[x * wide + y] = same(&a->v[from + x], &b->v[from + y]) ? both : longer;
		}
	while (i < n || j < m)
		if (!all && i < n && j < m && same(&a->v[from + i], &b->v[from + j]))
			i++, j++;
		else if (i < n &&
			 (all || j == m || cell[(i + 1) * wide + j] >= cell[i * wide + j + 1]))
			put(out, a, from + i++, false);
		else
			put(out, b, from + j++, true);
	return 0;
}

int lines_compare(const char *a, const char *b, struct lines *out, struct err *e)
{
	AUTO_TEXT struct text x = {NULL, 0}, y = {NULL, 0};
	size_t from = 0, behind = 0, least;

	if (split(a, &x, e) < 0 || split(b, &y, e) < 0)
		return -1;
	least = x.n < y.n ? x.n : y.n;
	while (from < least && same(&x.v[from], &y.v[from]))
		from++;
	while (behind < least - from && same(&x.v[x.n - 1 - behind], &y.v[y.n - 1 - behind]))
		behind++;
	*out = (struct lines){calloc(x.n + y.n + 1, sizeof *out->v), 0};
	if (!out->v)
		return err_nomem(e);
	if (between(&x, &y, from, behind, out, e) == 0)
		return 0;
	lines_done(out);
	return -1;
}
