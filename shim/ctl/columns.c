/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns - rows of text from outside, aligned.
 */
#include "shim/ctl/columns.h"

#include <stdint.h>

enum { GAP = 2, LEAST = 8 };

void columns_add(struct columns *c, const char *text)
{
	if (strv_add(&c->cells, text && *text ? text : "-") < 0)
		c->failed = true;
}

void columns_done(struct columns *c)
{
	strv_done(&c->cells);
}

static size_t shown(const char *text)
{
	AUTO_STR struct str s = STR_INIT;

	return table_text(text, SIZE_MAX, &s);
}

/* As wide as what is in them; returns how many there are, *TOTAL is what they take. */
static size_t measure(const struct columns *c, size_t *widths, size_t *total)
{
	size_t n = 0;

	for (; c->heads[n]; n++)
		widths[n] = shown(c->heads[n]);
	for (size_t i = 0; i < c->cells.n; i++) {
		size_t w = shown(c->cells.v[i]);

		if (w > widths[i % n])
			widths[i % n] = w;
	}
	*total = 0;
	for (size_t i = 0; i < n; i++)
		*total += widths[i] + (i ? GAP : 0);
	return n;
}

/* The widest gives way, as long as it is wide. */
static void squeeze(size_t *widths, size_t n, size_t total, size_t width)
{
	for (; total > width; total--) {
		size_t widest = 0;

		for (size_t i = 1; i < n; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= LEAST)
			return;
		widths[widest]--;
	}
}

size_t columns_width(const struct columns *c)
{
	size_t widths[COLUMNS_MAX], total;

	measure(c, widths, &total);
	return total;
}

/* Nothing pads the end of a line. */
static void put_cell(const char *text, size_t width, bool last, struct str *out)
{
	size_t used = table_text(text, width, out);

	while (!last && used++ < width + GAP)
		str_addc(out, ' ');
}

void columns_put(const struct columns *c, const struct table_style *style, struct str *out)
{
	size_t widths[COLUMNS_MAX], total, n = measure(c, widths, &total);

	squeeze(widths, n, total, style->width);
	if (style->colour)
		str_add(out, "\033[1m");
	for (size_t i = 0; i < n; i++)
		put_cell(c->heads[i], widths[i], i + 1 == n, out);
	str_add(out, style->colour ? "\033[0m\n" : "\n");
	for (size_t i = 0; i < c->cells.n; i++) {
		put_cell(c->cells.v[i], widths[i % n], (i + 1) % n == 0, out);
		if ((i + 1) % n == 0)
			str_addc(out, '\n');
	}
	if (c->failed)
		out->failed = true;
}
