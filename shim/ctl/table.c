/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - a report for people.
 */
#include "shim/ctl/table.h"

#include <stdio.h>
#include <string.h>

enum { LIKE_MAX = 8, KIND_WIDTH = 8, PLACE_MIN = 16, VALUE_MIN = 24, INDENT = 2 };

static const struct {
	const char *word, *colour;
} kinds[] = {
	[CHANGE_ADD] = {"add", "\033[32m"},
	[CHANGE_REPLACE] = {"change", "\033[33m"},
	[CHANGE_REMOVE] = {"remove", "\033[31m"},
	[CHANGE_DENY] = {"REFUSE", "\033[1;31m"},
	[CHANGE_NOTE] = {"note", "\033[36m"},
};

static const char bold[] = "\033[1m", dim[] = "\033[2m", plain[] = "\033[0m";

/* ---- text ---- */

/* One character as it is shown. Returns the columns it takes; TO may be NULL. */
static size_t put_char(const char *s, size_t *bytes, struct str *to)
{
	char shown[16];
	unsigned c;

	*bytes = str_char(s, &c);
	if (!str_char_unsafe(c, *bytes)) {
		if (to)
			str_addn(to, s, *bytes);
		return 1;
	}
	snprintf(shown, sizeof shown, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
	if (to)
		str_add(to, shown);
	return strlen(shown);
}

static size_t columns(const char *text)
{
	size_t n = 0, bytes;

	for (; *text; text += bytes)
		n += put_char(text, &bytes, NULL);
	return n;
}

size_t table_text(const char *text, size_t width, struct str *out)
{
	bool whole = columns(text) <= width;
	size_t used = 0, bytes, fits = whole ? width : width > 3 ? width - 3 : 0;

	for (; *text; text += bytes) {
		if (used + put_char(text, &bytes, NULL) > fits)
			break;
		used += put_char(text, &bytes, out);
	}
	if (whole)
		return used;
	for (size_t i = 0; i < 3 && used < width; i++, used++)
		str_addc(out, '.');
	return used;
}

static void pad(struct str *out, size_t n)
{
	while (n--)
		str_addc(out, ' ');
}

static void colour(const struct table_style *style, const char *code, struct str *out)
{
	if (style->colour)
		str_add(out, code);
}

/* ---- rows ---- */

static bool same_reason(const struct change *a, const struct change *b)
{
	return strcmp(a->why, b->why) == 0;
}

/* A and B are two of a list: done for one reason, or to neighbours by one rule. */
static bool alike(const struct change *a, const struct change *b)
{
	const char *end_a = strrchr(a->place, '/'), *end_b = strrchr(b->place, '/');

	if (a->control != b->control || a->kind != b->kind || a->enforced != b->enforced ||
		strcmp(a->rule, b->rule) != 0)
		return false;
	if (same_reason(a, b))
		return true;
	return end_a && end_b && end_a - a->place == end_b - b->place &&
	       memcmp(a->place, b->place, (size_t)(end_a - a->place)) == 0;
}

/* "before -> after" in WIDTH columns; each may have what the other leaves, at least half. */
static void put_values(const struct change *c, size_t width, struct str *out)
{
	size_t room = width - 4, before, after;

	if (!c->before || !c->after) {
		table_text(c->before ? c->before : c->after ? c->after : "", width, out);
		return;
	}
	before = columns(c->before);
	after = columns(c->after);
	if (before + after > room) {
		size_t most = after < room - room / 2 ? room - after : room / 2;

		if (before > most)
			before = most;
		after = room - before;
	}
	table_text(c->before, before, out);
	str_add(out, " -> ");
	table_text(c->after, after, out);
}

static void put_row(const struct change *c, size_t place_width, const struct table_style *style,
	struct str *out)
{
	const char *nowhere = c->control == CONTROL_IMAGE ? "(the image)" : "(the whole document)";
	const char *place = *c->place ? c->place : nowhere;
	size_t left = INDENT + KIND_WIDTH, used, room;

	pad(out, INDENT);
	colour(style, kinds[c->kind].colour, out);
	str_add(out, kinds[c->kind].word);
	colour(style, plain, out);
	pad(out, KIND_WIDTH - strlen(kinds[c->kind].word));
	if (!c->before && !c->after) {
		table_text(place, style->width - left, out);
		str_addc(out, '\n');
		return;
	}
	used = table_text(place, style->width - left, out);
	if (used <= place_width && style->width - left - place_width >= VALUE_MIN + 2) {
		pad(out, place_width - used + 2);
		room = style->width - left - place_width - 2;
	} else {
		str_addc(out, '\n');
		pad(out, left + 2);
		room = style->width - left - 2;
	}
	put_values(c, room, out);
	str_addc(out, '\n');
}

/* TEXT broken at blanks, every line behind LEFT blanks; then the rule. */
static void put_why(const struct change *c, const struct table_style *style, struct str *out)
{
	size_t left = INDENT + KIND_WIDTH, room = style->width - left, at = 0;
	AUTO_STR struct str text = STR_INIT, word = STR_INIT;
	const char *s;

	str_addf(&text, "%s  [%s%s]", c->why, c->rule, c->enforced ? "" : ", only reported");
	pad(out, left);
	colour(style, dim, out);
	for (s = str_text(&text); *s;) {
		size_t n = strcspn(s, " "), w;

		str_reset(&word);
		str_addn(&word, s, n);
		w = columns(str_text(&word));
		if (at && at + 1 + w > room) {
			str_addc(out, '\n');
			pad(out, left);
			at = 0;
		} else if (at) {
			str_addc(out, ' ');
			at++;
		}
		at += table_text(str_text(&word), w < room ? w + 3 : room, out);
		s += n;
		while (*s == ' ')
			s++;
	}
	colour(style, plain, out);
	str_addc(out, '\n');
}

/* The widest place that still leaves room for values beside it. */
static size_t place_column(const struct report *r, const struct table_style *style)
{
	size_t widest = PLACE_MIN, most = style->width / 2;

	for (size_t i = 0; i < r->n; i++) {
		size_t n = columns(r->changes[i].place);

		if (n > widest && n <= most)
			widest = n;
	}
	return widest;
}

static void put_control(const struct report *r, enum control control, size_t place_width,
	const struct table_style *style, struct str *out)
{
	bool head = false;

	for (size_t i = 0, next; i < r->n; i = next) {
		const struct change *c = &r->changes[i];
		size_t shown;

		next = i + 1;
		if (c->control != control)
			continue;
		if (!head) {
			str_addc(out, '\n');
			colour(style, bold, out);
			str_add(out, control_name(control));
			colour(style, plain, out);
			str_addc(out, '\n');
			head = true;
		}
		while (next < r->n && alike(&r->changes[next - 1], &r->changes[next]))
			next++;
		/* every refusal is shown; and one more line says no less than "and 1 more" */
		shown = c->kind == CHANGE_DENY || next - i <= LIKE_MAX + 1 ? next : i + LIKE_MAX;
		for (size_t k = i; k < shown; k++) {
			put_row(&r->changes[k], place_width, style, out);
			if (k + 1 == shown || !same_reason(&r->changes[k], &r->changes[k + 1]))
				put_why(&r->changes[k], style, out);
		}
		if (shown < next) {
			pad(out, INDENT + KIND_WIDTH);
			str_addf(out, "and %zu more like these\n", next - shown);
		}
	}
}

void table_report(const struct report *r, const struct table_style *style, struct str *out)
{
	struct table_style s = *style;
	size_t place_width;

	if (s.width < TABLE_NARROW)
		s.width = TABLE_NARROW;
	place_width = place_column(r, &s);
	for (int c = 0; c < CONTROL_COUNT; c++)
		put_control(r, (enum control)c, place_width, &s, out);
}

static void count(struct str *out, size_t n, const char *one, const char *many)
{
	if (n == 0)
		return;
	str_addf(out, "%s%zu %s", out->len ? ", " : "", n, n == 1 ? one : many);
}

void table_summary(const struct report *r, struct str *out)
{
	AUTO_STR struct str s = STR_INIT;
	size_t notes = 0, reported = 0;

	for (size_t i = 0; i < r->n; i++) {
		reported += !r->changes[i].enforced && r->changes[i].kind != CHANGE_NOTE;
		notes += r->changes[i].kind == CHANGE_NOTE;
	}
	count(&s, report_changes(r), "change", "changes");
	count(&s, report_denials(r), "refusal", "refusals");
	count(&s, reported, "only reported", "only reported");
	count(&s, notes, "note", "notes");
	str_add(out, s.len ? str_text(&s) : "nothing to change");
}
