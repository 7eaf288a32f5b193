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

struct measure {
	size_t widths[COLUMNS_MAX], n, total;
	bool failed; /* out of memory */
};

static size_t shown(struct measure *m, const char *text)
{
	AUTO_STR struct str s = STR_INIT;
	size_t used = table_text(text, SIZE_MAX, &s);

	m->failed |= str_failed(&s);
	return used;
}

/* As wide as what is in them. */
static struct measure measure(const struct columns *c)
{
	struct measure m = {.n = 0};

	for (; c->heads[m.n]; m.n++)
		m.widths[m.n] = shown(&m, c->heads[m.n]);
	for (size_t i = 0; i < c->cells.n; i++) {
		size_t w = shown(&m, c->cells.v[i]);

		if (w > m.widths[i % m.n])
			m.widths[i % m.n] = w;
	}
	for (size_t i = 0; i < m.n; i++)
		m.total += m.widths[i] + (i ? GAP : 0);
	return m;
}

/* The widest gives way, as long as it is wide. */
static void squeeze(struct measure *m, size_t width)
{
	for (; m->total > width; m->total--) {
		size_t widest = 0;

		for (size_t i = 1; i < m->n; i++)
			if (m->widths[i] > m->widths[widest])
				widest = i;
		if (m->widths[widest] <= LEAST)
			return;
		m->widths[widest]--;
	}
}

size_t columns_width(struct columns *c)
{
	struct measure m = measure(c);

	c->failed |= m.failed;
	return m.total;
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
	struct measure m = measure(c);

	squeeze(&m, style->width);
	if (style->colour)
		str_add(out, "\033[1m");
	for (size_t i = 0; i < m.n; i++)
		put_cell(c->heads[i], m.widths[i], i + 1 == m.n, out);
	str_add(out, style->colour ? "\033[0m\n" : "\n");
	for (size_t i = 0; i < c->cells.n; i++) {
		put_cell(c->cells.v[i], m.widths[i % m.n], (i + 1) % m.n == 0, out);
		if ((i + 1) % m.n == 0)
			str_addc(out, '\n');
	}
	out->failed |= c->failed || m.failed;
}
