/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit - the only way a pass changes a document: every change is made and recorded in one call.
 */
#include "shim/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"

/* Compact text of V, cut at a character boundary. */
static char *shown(const struct json *v)
{
	struct str s = STR_INIT;

	json_write_start(v, CHANGE_SHOWN_MAX, &s);
	if (!s.failed && s.len > CHANGE_SHOWN_MAX) {
		s.len = CHANGE_SHOWN_MAX;
		while (s.len && ((unsigned char)s.s[s.len] & 0xc0) == 0x80)
			s.len--;
		str_add(&s, "...");
	}
	return str_take(&s);
}

/* A new record in the report, its place, why and rule filled; NULL and ED->failed otherwise. */
__attribute__((format(printf, 4, 0))) static struct change *record(
	struct edit *ed, enum change_kind kind, const char *place, const char *why, va_list ap)
{
	struct report *r = ed->report;
	struct str rule = STR_INIT;
	struct change *c;

	if (ed->failed)
		return NULL;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct change *all = reallocarray(r->changes, cap, sizeof *all);

		if (!all) {
			ed->failed = true;
			return NULL;
		}
		r->changes = all;
		r->cap = cap;
	}
	c = &r->changes[r->n++];
	*c = (struct change){.control = ed->control, .kind = kind, .enforced = ed->enforced};
	str_add(&rule, ed->profile);
	if (ed->line)
		str_addf(&rule, ":%u", ed->line);
	c->rule = str_take(&rule);
	c->place = strdup(place);
	if (vasprintf(&c->why, why, ap) < 0)
		c->why = NULL;
	if (!c->rule || !c->place || !c->why) {
		ed->failed = true;
		return NULL;
	}
	return c;
}

/* The same for a change at V's place (CHILD, when given, is a member or index below it). */
__attribute__((format(printf, 5, 0))) static struct change *record_at(struct edit *ed,
	enum change_kind kind, const struct json *v, const char *child, const char *why, va_list ap)
{
	AUTO_STR struct str place = STR_INIT;

	if (v)
		json_pointer(v, &place);
	if (child) {
		str_addc(&place, '/');
		json_pointer_token(child, &place);
	}
	if (str_failed(&place)) {
		ed->failed = true;
		return NULL;
	}
	return record(ed, kind, str_text(&place), why, ap);
}

/* Fill what was there and what comes; both may be NULL. */
static void fill(
	struct edit *ed, struct change *c, const struct json *before, const struct json *after)
{
	struct report *r = ed->report;

	if (!c)
		return;
	if (before && !(c->before = shown(before)))
		ed->failed = true;
	if (after && !(c->after = shown(after)))
		ed->failed = true;
	if (after && r->keep_values) {
		if (!r->values)
			r->values = json_new();
		c->value = r->values ? json_clone(r->values, after) : NULL;
		if (!c->value)
			ed->failed = true;
	}
}

void edit_put(
	struct edit *ed, struct json *object, const char *key, struct json *v, const char *why, ...)
{
	const struct json *old;
	struct change *c;
	va_list ap;

	if (!object || !v)
		ed->failed = true;
	if (ed->failed)
		return;
	old = json_member(object, key);
	if (json_equal(old, v))
		return;
	va_start(ap, why);
	c = record_at(ed, old ? CHANGE_REPLACE : CHANGE_ADD, object, key, why, ap);
	va_end(ap);
	fill(ed, c, old, v);
	if (!ed->failed && json_put(ed->doc, object, key, v) < 0)
		ed->failed = true;
}

void edit_replace(struct edit *ed, struct json *old, struct json *v, const char *why, ...)
{
	struct change *c;
	va_list ap;

	if (!old || !v)
		ed->failed = true;
	if (ed->failed || json_equal(old, v))
		return;
	va_start(ap, why);
	c = record_at(ed, CHANGE_REPLACE, old, NULL, why, ap);
	va_end(ap);
	fill(ed, c, old, v);
	if (!ed->failed && json_replace(old, v) < 0)
		ed->failed = true;
}

/* TEXT, when given, is what the record shows of V. */
__attribute__((format(printf, 5, 0))) static void push(struct edit *ed, struct json *array,
	struct json *v, const char *text, const char *why, va_list ap)
{
	struct change *c;
	char index[16];

	if (!array || !v)
		ed->failed = true;
	if (ed->failed)
		return;
	snprintf(index, sizeof index, "%u", array->count);
	c = record_at(ed, CHANGE_ADD, array, index, why, ap);
	if (!text)
		fill(ed, c, NULL, v);
	else if (c && !(c->after = strdup(text)))
		ed->failed = true;
	if (!ed->failed && json_push(array, v) < 0)
		ed->failed = true;
}

void edit_push(struct edit *ed, struct json *array, struct json *v, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	push(ed, array, v, NULL, why, ap);
	va_end(ap);
}

void edit_push_shown(
	struct edit *ed, struct json *array, struct json *v, const char *text, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	push(ed, array, v, text, why, ap);
	va_end(ap);
}

void edit_insert_before(struct edit *ed, struct json *sibling, struct json *v, const char *why, ...)
{
	struct change *c;
	va_list ap;

	if (!sibling || !v)
		ed->failed = true;
	if (ed->failed)
		return;
	va_start(ap, why);
	c = record_at(ed, CHANGE_ADD, sibling, NULL, why, ap);
	va_end(ap);
	fill(ed, c, NULL, v);
	if (!ed->failed && json_insert_before(sibling, v) < 0)
		ed->failed = true;
}

void edit_remove(struct edit *ed, struct json *v, const char *why, ...)
{
	struct change *c;
	va_list ap;

	if (!v || ed->failed)
		return;
	va_start(ap, why);
	c = record_at(ed, CHANGE_REMOVE, v, NULL, why, ap);
	va_end(ap);
	fill(ed, c, v, NULL);
	if (!ed->failed)
		json_remove(v);
}

void edit_remove_shown(struct edit *ed, struct json *v, const char *text, const char *why, ...)
{
	struct change *c;
	va_list ap;

	if (!v || ed->failed)
		return;
	va_start(ap, why);
	c = record_at(ed, CHANGE_REMOVE, v, NULL, why, ap);
	va_end(ap);
	if (c && !(c->before = strdup(text)))
		ed->failed = true;
	if (!ed->failed)
		json_remove(v);
}

void edit_remove_at(struct edit *ed, const char *place, const char *before, const char *why, ...)
{
	struct change *c;
	va_list ap;

	va_start(ap, why);
	c = record(ed, CHANGE_REMOVE, place, why, ap);
	va_end(ap);
	if (c && !(c->before = strdup(before)))
		ed->failed = true;
}

void edit_deny(struct edit *ed, const struct json *v, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	record_at(ed, CHANGE_DENY, v, NULL, why, ap);
	va_end(ap);
}

void edit_deny_at(struct edit *ed, const char *place, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	record(ed, CHANGE_DENY, place, why, ap);
	va_end(ap);
}

void edit_note(struct edit *ed, const struct json *v, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	record_at(ed, CHANGE_NOTE, v, NULL, why, ap);
	va_end(ap);
}

/* Walks "/a/b"; every step but the last is an object, the last is of TYPE. */
static struct json *ensure(
	struct edit *ed, const char *pointer, enum json_type type, const char *why)
{
	struct json *v = ed->root;
	char step[64];

	while (v && *pointer && !ed->failed) {
		size_t len = strcspn(++pointer, "/");
		bool last = pointer[len] == '\0';
		struct json *next;

		if (len >= sizeof step)
			return NULL;
		memcpy(step, pointer, len);
		step[len] = '\0';
		pointer += len;
		next = json_get(v, step);
		if (!next) {
			next = last && type == JSON_ARRAY ? json_array(ed->doc)
							  : json_object(ed->doc);
			edit_put(ed, v, step, next, "%s", why);
		}
		v = next;
	}
	return ed->failed ? NULL : v;
}

struct json *edit_object(struct edit *ed, const char *pointer, const char *why)
{
	return ensure(ed, pointer, JSON_OBJECT, why);
}

struct json *edit_array(struct edit *ed, const char *pointer, const char *why)
{
	return ensure(ed, pointer, JSON_ARRAY, why);
}
