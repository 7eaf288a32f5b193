/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_sum - the audit log in groups.
 */
#include "shim/ctl/log_sum.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/control.h"
#include "shim/base/hash.h"
#include "shim/ctl/log_line.h"
#include "shim/ctl/table.h"

enum { NAME_MAX_SHOWN = 300, WHY_MAX = 300, PLACE_MAX = 200, TIME_SIZE = 28 };

/* What a control did in a start. */
enum effect { CHANGED, WOULD_CHANGE, REFUSED, WOULD_REFUSE, NOTED, EFFECTS };

static const char *const effect_keys[EFFECTS] = {
	"changed", "wouldChange", "refused", "wouldRefuse", "noted"};

enum result { UNCHANGED, R_CHANGED, AUDITED, R_REFUSED, FAILED, OTHER, RESULTS };

static const char *const results[RESULTS] = {
	"unchanged", "changed", "audited", "refused", "failed", "other"};

struct reason {
	enum control control;
	char kind[12];
	bool enforced;
	char *place, *why;
	uint64_t starts, seen; /* seen: the record that was counted last */
};

struct group {
	char *image, *profiles;
	bool audit;
	uint64_t starts, containers, by_result[RESULTS], would_refuse;
	char first[TIME_SIZE], last[TIME_SIZE];
	uint64_t controls[CONTROL_COUNT][EFFECTS];
	struct reason reasons[LOG_REASONS_MAX];
	size_t n_reasons;
	uint64_t other_reasons; /* changes whose reason found no place */
};

struct log_sum {
	struct group *groups[LOG_GROUPS_MAX + 1]; /* the last takes what found no place */
	size_t n;
	uint64_t records, starts, damaged;
	char first[TIME_SIZE], last[TIME_SIZE];
	uint64_t *containers; /* hashes of group and id; 0: free */
	size_t n_containers;
	bool containers_full; /* the counts are "at least" */
};

/* ---- making room ---- */

struct log_sum *log_sum_new(void)
{
	struct log_sum *s = calloc(1, sizeof *s);

	if (s && !(s->containers = calloc(2 * LOG_CONTAINERS_MAX, sizeof *s->containers))) {
		free(s);
		return NULL;
	}
	return s;
}

static void group_free(struct group *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_reasons; i++) {
		free(g->reasons[i].place);
		free(g->reasons[i].why);
	}
	free(g->image);
	free(g->profiles);
	free(g);
}

void log_sum_free(struct log_sum *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		group_free(s->groups[i]);
	free(s->containers);
	free(s);
}

static struct group *group_new(
	struct log_sum *s, const char *image, const char *profiles, bool audit)
{
	struct group *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->image = strndup(image, NAME_MAX_SHOWN);
	g->profiles = strdup(profiles);
	g->audit = audit;
	if (!g->image || !g->profiles) {
		group_free(g);
		return NULL;
	}
	s->groups[s->n++] = g;
	return g;
}

static struct group *group_of(
	struct log_sum *s, const char *image, const char *profiles, bool audit)
{
	for (size_t i = 0; i < s->n && i < LOG_GROUPS_MAX; i++) {
		struct group *g = s->groups[i];

		if (g->audit == audit && strncmp(g->image, image, NAME_MAX_SHOWN) == 0 &&
			strcmp(g->profiles, profiles) == 0)
			return g;
	}
	if (s->n > LOG_GROUPS_MAX)
		return s->groups[LOG_GROUPS_MAX];
	if (s->n == LOG_GROUPS_MAX)
		return group_new(s, "(all other images)", "", false);
	return group_new(s, image, profiles, audit);
}

/* True when G has not seen ID before; false also when there is no room to remember it. */
static bool new_container(struct log_sum *s, const struct group *g, const char *id)
{
	uint8_t digest[HASH_QUICK_SIZE];
	AUTO_STR struct str key = STR_INIT;
	size_t size = (size_t)2 * LOG_CONTAINERS_MAX;
	uint64_t h = 0;

	str_addf(&key, "%p %s", (const void *)g, id);
	hash_quick(str_text(&key), key.len, digest);
	memcpy(&h, digest, sizeof h);
	h += h == 0;
	for (size_t i = h % size; s->containers[i] != h; i = (i + 1) % size) {
		if (s->containers[i])
			continue;
		if (s->n_containers == LOG_CONTAINERS_MAX) {
			s->containers_full = true;
			return false;
		}
		s->containers[i] = h;
		s->n_containers++;
		return true;
	}
	return false;
}

/* ---- counting ---- */

static const char *text_of(const struct json *v, const char *key)
{
	const char *s = json_str(json_get(v, key));

	return s ? s : "";
}

/* Items of a list are one place: /mounts/3/source is / mounts / * / source. */
static void general_place(const char *place, struct str *out)
{
	for (size_t n; *place && out->len < PLACE_MAX; place += n) {
		size_t digits;

		n = 1 + strcspn(place + 1, "/");
		digits = strspn(place + 1, "0123456789");
		if (*place == '/' && digits && digits == n - 1)
			str_add(out, "/*");
		else
			str_addn(out, place, n);
	}
}

static enum effect effect_of(const char *kind, bool enforced)
{
	if (strcmp(kind, "note") == 0)
		return NOTED;
	if (strcmp(kind, "deny") == 0)
		return enforced ? REFUSED : WOULD_REFUSE;
	return enforced ? CHANGED : WOULD_CHANGE;
}

static int count_reason(
	struct log_sum *s, struct group *g, const struct json *c, enum control control)
{
	const char *kind = text_of(c, "kind"), *why = text_of(c, "why");
	bool enforced = json_is_true(json_get(c, "enforced"));
	AUTO_STR struct str place = STR_INIT;
	struct reason *r;

	general_place(text_of(c, "place"), &place);
	for (size_t i = 0; i < g->n_reasons; i++) {
		r = &g->reasons[i];
		if (r->control != control || r->enforced != enforced ||
			strcmp(r->kind, kind) != 0 || strcmp(r->place, str_text(&place)) != 0 ||
			strncmp(r->why, why, WHY_MAX) != 0)
			continue;
		r->starts += r->seen != s->records;
		r->seen = s->records;
		return 0;
	}
	if (g->n_reasons == LOG_REASONS_MAX || strlen(kind) >= sizeof r->kind) {
		g->other_reasons++;
		return 0;
	}
	r = &g->reasons[g->n_reasons];
	r->place = strdup(str_text(&place));
	r->why = strndup(why, WHY_MAX);
	if (!r->place || !r->why || str_failed(&place)) {
		free(r->place);
		free(r->why);
		return -1;
	}
	r->control = control;
	r->enforced = enforced;
	memcpy(r->kind, kind, strlen(kind) + 1);
	r->starts = 1;
	r->seen = s->records;
	g->n_reasons++;
	return 0;
}

static int count_changes(struct log_sum *s, struct group *g, const struct json *changes)
{
	bool had[CONTROL_COUNT][EFFECTS] = {{false}};

	json_each (c, changes) {
		enum control control;
		enum effect effect =
			effect_of(text_of(c, "kind"), json_is_true(json_get(c, "enforced")));

		if (control_from_name(text_of(c, "control"), &control) < 0)
			control = CONTROL_UNKNOWN;
		g->controls[control][effect] += !had[control][effect];
		had[control][effect] = true;
		if (count_reason(s, g, c, control) < 0)
			return -1;
	}
	return 0;
}

static void put_times(const char *time, char first[TIME_SIZE], char last[TIME_SIZE])
{
	if (!*time || strlen(time) >= TIME_SIZE)
		return;
	if (!*first || strcmp(time, first) < 0)
		memcpy(first, time, strlen(time) + 1);
	if (strcmp(time, last) > 0)
		memcpy(last, time, strlen(time) + 1);
}

static enum result result_of(const char *text)
{
	for (int r = 0; r < OTHER; r++)
		if (strcmp(results[r], text) == 0)
			return (enum result)r;
	return OTHER;
}

int log_sum_add(struct log_sum *s, const struct json *record)
{
	static const char *const starts[] = {"create", "run", "restore", NULL};
	const char *image = log_image(record), *time = text_of(record, "time");
	AUTO_STR struct str profiles = STR_INIT;
	struct group *g;

	s->records++;
	put_times(time, s->first, s->last);
	if (!str_in(starts, text_of(record, "verb")))
		return 0;
	s->starts++;
	json_each (p, json_get(record, "profiles"))
		str_addf(&profiles, "%s%.64s %.32s", profiles.len ? " + " : "", text_of(p, "name"),
			text_of(p, "version"));
	if (str_failed(&profiles))
		return -1;
	g = group_of(s, *image ? image : "(image not known)", str_text(&profiles),
		strcmp(text_of(record, "mode"), "audit") == 0);
	if (!g)
		return -1;
	g->starts++;
	g->by_result[result_of(text_of(record, "result"))]++;
	g->would_refuse += json_is_true(json_get(record, "wouldRefuse"));
	g->containers += new_container(s, g, text_of(record, "id"));
	put_times(time, g->first, g->last);
	return count_changes(s, g, json_get(record, "changes"));
}

void log_sum_damaged(struct log_sum *s)
{
	s->damaged++;
}

/* ---- in order ---- */

static int by_weight(const void *a, const void *b)
{
	const struct group *x = *(const struct group *const *)a;
	const struct group *y = *(const struct group *const *)b;

	if (x->would_refuse != y->would_refuse)
		return x->would_refuse > y->would_refuse ? -1 : 1;
	if (x->by_result[R_REFUSED] != y->by_result[R_REFUSED])
		return x->by_result[R_REFUSED] > y->by_result[R_REFUSED] ? -1 : 1;
	if (x->starts != y->starts)
		return x->starts > y->starts ? -1 : 1;
	return strcmp(x->image, y->image);
}

static int by_severity(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;
	bool deny_x = strcmp(x->kind, "deny") == 0, deny_y = strcmp(y->kind, "deny") == 0;

	if (deny_x != deny_y)
		return deny_x ? -1 : 1;
	if (x->starts != y->starts)
		return x->starts > y->starts ? -1 : 1;
	return strcmp(x->why, y->why);
}

void log_sum_end(struct log_sum *s)
{
	qsort(s->groups, s->n < LOG_GROUPS_MAX ? s->n : LOG_GROUPS_MAX, sizeof(struct group *),
		by_weight);
	for (size_t i = 0; i < s->n; i++)
		qsort(s->groups[i]->reasons, s->groups[i]->n_reasons, sizeof(struct reason),
			by_severity);
}

bool log_sum_findings(const struct log_sum *s)
{
	bool any = s->damaged > 0;

	for (size_t i = 0; i < s->n; i++)
		any |= s->groups[i]->would_refuse || s->groups[i]->by_result[R_REFUSED];
	return any;
}

/* In how many starts, and of how many groups, CONTROL had EFFECT. */
static uint64_t total(const struct log_sum *s, int control, enum effect effect)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->groups[i]->controls[control][effect];
	return n;
}

static uint64_t groups_with(const struct log_sum *s, int control)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t any = 0;

		for (int e = 0; e < EFFECTS; e++)
			any += s->groups[i]->controls[control][e];
		n += any > 0;
	}
	return n;
}

/* ---- for people ---- */

/* "2026-11-22 04:05" */
static void put_minute(const char *time, struct str *out)
{
	if (strlen(time) < 16) {
		str_add(out, "?");
		return;
	}
	str_addn(out, time, 10);
	str_addc(out, ' ');
	str_addn(out, time + 11, 5);
}

static void put_span(const char *first, const char *last, struct str *out)
{
	AUTO_STR struct str text = STR_INIT;

	put_minute(first, &text);
	str_add(&text, " to ");
	put_minute(last, &text);
	table_text(str_text(&text), 64, out);
}

static const char *one(uint64_t n, const char *word_one, const char *word_many)
{
	return n == 1 ? word_one : word_many;
}

static void put_controls(const struct log_sum *s, struct str *out)
{
	bool head = false;

	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (groups_with(s, c) == 0)
			continue;
		if (!head)
			str_addf(out, "\n%-16s %12s %12s %12s %12s %8s\n", "starts, by control",
				"would refuse", "would change", "refused", "changed", "groups");
		head = true;
		str_addf(out,
			"%-18s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %8" PRIu64
			"\n",
			control_name((enum control)c), total(s, c, WOULD_REFUSE),
			total(s, c, WOULD_CHANGE), total(s, c, REFUSED), total(s, c, CHANGED),
			groups_with(s, c));
	}
}

static void put_reason(const struct reason *r, size_t width, struct str *out)
{
	AUTO_STR struct str text = STR_INIT;
	bool note = strcmp(r->kind, "note") == 0;

	str_addf(&text, "%s%s  %s: %s", r->enforced || note ? "" : "would ",
		strcmp(r->kind, "deny") == 0 ? "refuse" : r->kind, control_name(r->control),
		r->why);
	if (*r->place)
		str_addf(&text, "  (%s)", r->place);
	str_addf(out, "  %8" PRIu64 "  ", r->starts);
	table_text(str_text(&text), width > 52 ? width - 12 : 40, out);
	str_addc(out, '\n');
}

/* What the team has to know of a group before it enforces, or after it has. */
static void put_verdict(const struct group *g, struct str *out)
{
	uint64_t changed = g->by_result[AUDITED] > g->would_refuse
				   ? g->by_result[AUDITED] - g->would_refuse
				   : 0;

	if (g->would_refuse)
		str_addf(out,
			"  enforcing would refuse %" PRIu64 " of %" PRIu64
			" starts and change %" PRIu64 "\n",
			g->would_refuse, g->starts, changed);
	else if (g->audit)
		str_addf(out, "  enforcing would refuse nothing, and change %" PRIu64 " starts\n",
			changed);
	if (g->by_result[R_REFUSED] || g->by_result[R_CHANGED] || g->by_result[FAILED])
		str_addf(out,
			"  refused %" PRIu64 ", changed %" PRIu64 ", failed %" PRIu64
			", unchanged %" PRIu64 "\n",
			g->by_result[R_REFUSED], g->by_result[R_CHANGED], g->by_result[FAILED],
			g->by_result[UNCHANGED]);
}

static void put_group(
	const struct log_sum *s, const struct group *g, size_t width, bool colour, struct str *out)
{
	str_add(out, colour ? "\n\033[1m" : "\n");
	table_text(g->image, width, out);
	str_add(out, colour ? "\033[0m\n  " : "\n  ");
	table_text(*g->profiles ? g->profiles : "(no profile)", 128, out);
	str_addf(out, "%s: %" PRIu64 " %s of %s%" PRIu64 " %s, ", g->audit ? ", audit mode" : "",
		g->starts, one(g->starts, "start", "starts"), s->containers_full ? "at least " : "",
		g->containers, one(g->containers, "container", "containers"));
	put_span(g->first, g->last, out);
	str_addc(out, '\n');
	put_verdict(g, out);
	for (size_t i = 0; i < g->n_reasons; i++)
		put_reason(&g->reasons[i], width, out);
	if (g->other_reasons)
		str_addf(out, "            and %" PRIu64 " changes for other reasons\n",
			g->other_reasons);
}

void log_sum_text(const struct log_sum *s, size_t width, bool colour, struct str *out)
{
	str_addf(out, "%" PRIu64 " %s, %" PRIu64 " %s of containers", s->records,
		one(s->records, "record", "records"), s->starts, one(s->starts, "start", "starts"));
	if (s->damaged)
		str_addf(out, ", %" PRIu64 " damaged %s", s->damaged,
			one(s->damaged, "line", "lines"));
	if (s->records) {
		str_add(out, ", ");
		put_span(s->first, s->last, out);
	}
	str_addc(out, '\n');
	put_controls(s, out);
	for (size_t i = 0; i < s->n; i++)
		put_group(s, s->groups[i], width, colour, out);
}

/* ---- for programs ---- */

static int put_number(struct json_doc *doc, struct json *o, const char *key, uint64_t n)
{
	return json_put(doc, o, key, json_uint(doc, n));
}

static int put_text(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return json_put(doc, o, key, *text ? json_string_lossy(doc, text) : json_null(doc));
}

static struct json *control_json(const struct log_sum *s, int control, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (put_text(doc, o, "control", control_name((enum control)control)) < 0)
		return NULL;
	for (int e = 0; e < EFFECTS; e++)
		if (put_number(doc, o, effect_keys[e], total(s, control, (enum effect)e)) < 0)
			return NULL;
	return put_number(doc, o, "groups", groups_with(s, control)) < 0 ? NULL : o;
}

static struct json *reason_json(const struct reason *r, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (put_text(doc, o, "control", control_name(r->control)) < 0 ||
		put_text(doc, o, "kind", r->kind) < 0 ||
		json_put(doc, o, "enforced", json_bool(doc, r->enforced)) < 0 ||
		put_text(doc, o, "place", r->place) < 0 || put_text(doc, o, "why", r->why) < 0 ||
		put_number(doc, o, "starts", r->starts) < 0)
		return NULL;
	return o;
}

static struct json *group_json(const struct group *g, struct json_doc *doc)
{
	struct json *o = json_object(doc), *by = json_object(doc), *controls = json_object(doc);
	struct json *reasons = json_array(doc);

	for (int r = 0; r < RESULTS; r++)
		if (put_number(doc, by, results[r], g->by_result[r]) < 0)
			return NULL;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct json *one_control = json_object(doc);
		uint64_t any = 0;

		for (int e = 0; e < EFFECTS; e++) {
			any += g->controls[c][e];
			if (put_number(doc, one_control, effect_keys[e], g->controls[c][e]) < 0)
				return NULL;
		}
		if (any && json_put(doc, controls, control_name((enum control)c), one_control) < 0)
			return NULL;
	}
	for (size_t i = 0; i < g->n_reasons; i++)
		if (json_push(reasons, reason_json(&g->reasons[i], doc)) < 0)
			return NULL;
	if (put_text(doc, o, "image", g->image) < 0 ||
		put_text(doc, o, "profiles", g->profiles) < 0 ||
		put_text(doc, o, "mode", g->audit ? "audit" : "enforce") < 0 ||
		put_number(doc, o, "starts", g->starts) < 0 ||
		put_number(doc, o, "containers", g->containers) < 0 ||
		put_text(doc, o, "first", g->first) < 0 || put_text(doc, o, "last", g->last) < 0 ||
		json_put(doc, o, "results", by) < 0 ||
		put_number(doc, o, "wouldRefuse", g->would_refuse) < 0 ||
		json_put(doc, o, "controls", controls) < 0 ||
		json_put(doc, o, "reasons", reasons) < 0 ||
		put_number(doc, o, "otherReasons", g->other_reasons) < 0)
		return NULL;
	return o;
}

struct json *log_sum_json(const struct log_sum *s, struct json_doc *doc)
{
	struct json *o = json_object(doc), *controls = json_array(doc), *groups = json_array(doc);

	for (int c = 0; c < CONTROL_COUNT; c++)
		if (groups_with(s, c) && json_push(controls, control_json(s, c, doc)) < 0)
			return NULL;
	for (size_t i = 0; i < s->n; i++)
		if (json_push(groups, group_json(s->groups[i], doc)) < 0)
			return NULL;
	if (put_number(doc, o, "records", s->records) < 0 ||
		put_number(doc, o, "starts", s->starts) < 0 ||
		put_number(doc, o, "damagedLines", s->damaged) < 0 ||
		put_text(doc, o, "first", s->first) < 0 || put_text(doc, o, "last", s->last) < 0 ||
		json_put(doc, o, "containersAtLeast", json_bool(doc, s->containers_full)) < 0 ||
		json_put(doc, o, "controls", controls) < 0 ||
		json_put(doc, o, "groups", groups) < 0)
		return NULL;
	return o;
}
