/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog - profiles as people wrote them, by name, and what they come to when "extends" is followed.
 *
 * How the members of a family are put on top of each other is told in extend.h.
 */
#include "profiles/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/check.h"
#include "profiles/extend.h"
#include "profiles/filter.h"
#include "profiles/reader.h"
#include "profiles/section.h"
#include "profiles/sysset.h"
#include "shim/base/cleanup.h"

enum {
	LEVELS_MAX = 16, /* of "extends", the profile itself counted */
	PARENTS_MAX = 16,
	FAMILY_MAX = 64,
	SHOWN_MAX = 8, /* names in a message */
};

static const struct json_limits limits = {
	.bytes = CATALOG_TEXT_MAX, .depth = PROFILE_DEPTH_MAX, .values = PROFILE_VALUES_MAX};

struct item { /* what an entry borrows from */
	struct catalog_entry entry;
	char *name, *file, *pack, *text, *place;
};

struct catalog {
	struct item *items; /* sorted by name */
	size_t n, cap;
};

static void item_done(struct item *i)
{
	free(i->name);
	free(i->file);
	free(i->pack);
	free(i->text);
	free(i->place);
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		item_done(&c->items[i]);
	free(c->items);
	free(c);
}

void catalog_freep(struct catalog **c)
{
	catalog_free(*c);
	*c = NULL;
}

const struct catalog_entry *catalog_item(const struct catalog *c, size_t i)
{
	return i < c->n ? &c->items[i].entry : NULL;
}

/* The first item whose name is not before NAME. */
static size_t lower_bound(const struct catalog *c, const char *name)
{
	size_t from = 0, to = c->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(c->items[mid].name, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static const struct item *find(const struct catalog *c, const char *name)
{
	size_t i = lower_bound(c, name);

	return i < c->n && strcmp(c->items[i].name, name) == 0 ? &c->items[i] : NULL;
}

/* The same, but a filter is none. */
static const struct item *find_profile(const struct catalog *c, const char *name)
{
	return strchr(name, '/') ? NULL : find(c, name);
}

const struct catalog_entry *catalog_find(const struct catalog *c, const char *name)
{
	const struct item *i = find(c, name);

	return i ? &i->entry : NULL;
}

static int item_init(struct item *to, const char *name, const char *file, const char *pack,
	const char *text, size_t len)
{
	struct str place = STR_INIT;

	if (file)
		str_add(&place, file);
	else
		str_addf(&place, "%s.json (built in)", name);
	*to = (struct item){
		.name = strdup(name),
		.file = strdup(file ? file : "built in"),
		.pack = pack ? strdup(pack) : NULL,
		.text = malloc(len + 1),
		.place = str_take(&place),
	};
	if (!to->name || !to->file || (pack && !to->pack) || !to->text || !to->place) {
		item_done(to);
		return -1;
	}
	memcpy(to->text, text, len);
	to->text[len] = '\0';
	to->entry = (struct catalog_entry){
		.name = to->name,
		.file = to->file,
		.pack = to->pack,
		.text = to->text,
		.len = len,
		.builtin = !file,
	};
	return 0;
}

/* FILE NULL: it is built in. */
static int add(struct catalog *c, const char *name, const char *file, const char *pack,
	const char *text, size_t len, struct err *e)
{
	size_t at = lower_bound(c, name);
	struct item new, *old = at < c->n ? &c->items[at] : NULL;

	if (old && strcmp(old->name, name) != 0)
		old = NULL;
	if (old && !old->entry.builtin)
		return err_set(
			e, ERR_INPUT, "%s: there is another \"%.64s\": %s", file, name, old->file);
	if (!old && c->n >= CATALOG_MAX)
		return err_set(
			e, ERR_INPUT, "%s: more than %d profiles and filters", file, CATALOG_MAX);
	if (!old && c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 32;
		struct item *more = reallocarray(c->items, cap, sizeof *more);

		if (!more)
			return err_nomem(e);
		c->items = more;
		c->cap = cap;
	}
	if (item_init(&new, name, file, pack, text, len) < 0)
		return err_nomem(e);
	if (old) {
		item_done(old);
	} else {
		memmove(c->items + at + 1, c->items + at, (c->n - at) * sizeof *c->items);
		c->n++;
	}
	c->items[at] = new;
	return 0;
}

struct catalog *catalog_new(void)
{
	AUTO_CATALOG struct catalog *c = calloc(1, sizeof *c);
	const char *name, *text;
	size_t len = 0;
	struct err e;

	for (size_t i = 0; c && (name = profile_builtin_name(i)); i++) {
		text = profile_builtin_text(name, &len);
		if (add(c, name, NULL, NULL, text, len, &e) < 0)
			return NULL;
	}
	return take_ptr(&c);
}

int catalog_add(struct catalog *c, const char *name, const char *file, const char *pack,
	const char *text, size_t len, struct err *e)
{
	if (len > CATALOG_TEXT_MAX)
		return err_set(
			e, ERR_INPUT, "%s: %zu bytes, limit %d", file, len, CATALOG_TEXT_MAX);
	return add(c, name, file, pack, text, len, e);
}

/* ---- the family ---- */

struct member {
	struct extend_source source;
	unsigned height; /* levels of "extends" below it, itself counted; 0: it is being visited */
};

struct family {
	const struct catalog *catalog;
	struct member *all; /* FAMILY_MAX of them */
	size_t n;
	const struct extend_source *line[FAMILY_MAX]; /* parents before children */
	size_t n_line;
	const struct member *chain[LEVELS_MAX]; /* from the profile to the one being visited */
	size_t n_chain;
	struct err *e;
};

static void family_done(struct family *f)
{
	for (size_t i = 0; i < f->n; i++)
		json_free(f->all[i].source.doc);
	free(f->all);
}

static const char *nearest_profile(const struct catalog *c, const char *name)
{
	unsigned best = strlen(name) > 4 ? 3 : 2;
	const char *near = NULL;

	for (size_t i = 0; i < c->n; i++) {
		unsigned d = strchr(c->items[i].name, '/')
				     ? best
				     : str_distance(c->items[i].name, name, best);

		if (d < best) {
			best = d;
			near = c->items[i].name;
		}
	}
	return near;
}

/* "unknown profile ..." and what may have been meant. */
static void unknown(const struct catalog *c, const char *name, struct str *text)
{
	const char *near = nearest_profile(c, name);
	size_t shown = 0;

	str_addf(text, "unknown profile \"%.64s\", ", name);
	if (near) {
		str_addf(text, "did you mean \"%s\"?", near);
		return;
	}
	for (size_t i = 0; i < c->n && shown < SHOWN_MAX; i++)
		if (!strchr(c->items[i].name, '/'))
			str_addf(text, "%s%s", shown++ ? ", " : "known are: ", c->items[i].name);
	str_add(text, shown == SHOWN_MAX ? ", ..." : "");
}

static int cycle(struct family *f, struct reader *r, const struct json *v)
{
	const char *last = f->chain[f->n_chain - 1]->source.name;
	AUTO_STR struct str chain = STR_INIT;
	bool in = false;
	size_t len;

	for (size_t i = 0; i < f->n_chain; i++) {
		in = in || strcmp(f->chain[i]->source.name, v->text) == 0;
		if (in)
			str_addf(&chain, "%s -> ", f->chain[i]->source.name);
	}
	/* who writes a "restricted" of his own may well want the shipped one below it */
	if (strcmp(last, v->text) == 0 && profile_builtin_text(v->text, &len))
		return reader_fail(r, v,
			"\"extends\" goes round in a circle: %s%s. To build on the shipped \"%s\", "
			"give "
			"this profile another name",
			str_text(&chain), v->text, v->text);
	return reader_fail(
		r, v, "\"extends\" goes round in a circle: %s%s", str_text(&chain), v->text);
}

static int visit(struct family *f, const struct item *item, const struct member **out);

static struct member *find_member(struct family *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->all[i].source.name, name) == 0)
			return &f->all[i];
	return NULL;
}

static int visit_parent(struct family *f, struct reader *r, const struct json *v, unsigned *height)
{
	AUTO_STR struct str text = STR_INIT;
	const struct member *parent;
	const struct item *item;

	if (!json_str(v))
		return reader_fail(r, v, "a profile's name was expected, as in [\"restricted\"]");
	for (const struct json *other = v->prev; other; other = other->prev)
		if (strcmp(other->text, v->text) == 0)
			return reader_fail(r, v, "\"%.64s\" stands twice in this list", v->text);
	item = find_profile(f->catalog, v->text);
	if (!item) {
		unknown(f->catalog, v->text, &text);
		return reader_fail(r, v, "%s", str_text(&text));
	}
	parent = find_member(f, v->text);
	if (parent && parent->height == 0)
		return cycle(f, r, v);
	if (!parent && f->n_chain == LEVELS_MAX)
		return reader_fail(r, v, "more than %d levels of \"extends\"", LEVELS_MAX);
	if (!parent && f->n == FAMILY_MAX)
		return reader_fail(r, v, "more than %d profiles in one family", FAMILY_MAX);
	if (!parent && visit(f, item, &parent) < 0)
		return -1;
	if (parent->height >= LEVELS_MAX)
		return reader_fail(r, v, "more than %d levels of \"extends\"", LEVELS_MAX);
	if (parent->height >= *height)
		*height = parent->height + 1;
	return 0;
}

/* What a source alone must not say. */
static int check_source(struct reader *r, const char *name, const struct json *root)
{
	const struct json *v;

	if (!json_is(root, JSON_OBJECT))
		return reader_fail(r, root, "a profile is an object: { ... }");
	if ((v = json_member(root, "lines")))
		return reader_fail_key(r, v, "unknown key \"lines\": only what is applied has it");
	if ((v = json_member(root, "$schema")) && v->type != JSON_STRING)
		return reader_fail(r, v, "\"$schema\" must be a string");
	v = json_get(root, "profile");
	if (json_str(v) && strcmp(v->text, name) != 0)
		return reader_fail(r, v,
			"the profile is named \"%.64s\", the file \"%.64s.json\": both must be the "
			"same",
			v->text, name);
	return 0;
}

/* ITEM and all it extends become part of the family. */
static int visit(struct family *f, const struct item *item, const struct member **out)
{
	struct member *m = &f->all[f->n];
	struct reader r = {.name = item->place, .e = f->e};
	const struct json *extends;
	unsigned height = 1;

	*m = (struct member){.source = {.name = item->name, .file = item->place}};
	if (reader_parse(item->place, item->text, item->entry.len, &limits, &m->source.doc, f->e) <
		0)
		return -1;
	f->n++;
	r.doc = m->source.doc;
	if (check_source(&r, item->name, json_root(r.doc)) < 0)
		return -1;
	f->chain[f->n_chain++] = m;
	extends = json_member(json_root(r.doc), "extends");
	if (extends && extends->type != JSON_ARRAY)
		return reader_fail(
			&r, extends, "\"extends\" must be a list of names, as in [\"restricted\"]");
	if (extends && extends->count > PARENTS_MAX)
		return reader_fail(&r, extends, "%u parents, a profile may have %d", extends->count,
			PARENTS_MAX);
	json_each (v, extends)
		if (visit_parent(f, &r, v, &height) < 0)
			return -1;
	m->height = height;
	f->n_chain--;
	f->line[f->n_line++] = &m->source;
	*out = m;
	return 0;
}

/* ---- flatten ---- */

/* "lines": who said it, and where. */
static int add_lines(struct extend_result *x, struct err *e)
{
	struct json *lines = json_object(x->doc);

	for (int c = 0; lines && c < CONTROL_COUNT; c++) {
		const struct extend_place *p = &x->controls[c];
		AUTO_STR struct str text = STR_INIT;
		unsigned line, col;

		if (!p->from)
			continue;
		json_key_line_col(p->from->doc, p->said, &line, &col);
		str_addf(&text, "%s:%u", p->from->name, line);
		if (str_failed(&text) || json_put(x->doc, lines, control_name((enum control)c),
						 json_string(x->doc, str_text(&text))) < 0)
			return err_nomem(e);
	}
	if (json_put(x->doc, json_root(x->doc), "lines", lines) < 0)
		return err_nomem(e);
	return 0;
}

/* A filter the profile names that does not ship is a file of the operator's. */
static int check_filter_name(
	const struct catalog *c, const struct profile *p, struct reader *r, const struct json *root)
{
	const struct json *v = json_at(root, "/seccomp/profile");
	AUTO_STR struct str name = STR_INIT, known = STR_INIT;

	if (p->seccomp.unconfined || !v)
		return 0;
	str_addf(&name, "seccomp/%s", p->seccomp.profile);
	if (str_failed(&name))
		return err_nomem(r->e);
	if (find(c, str_text(&name)))
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (str_starts(c->items[i].name, "seccomp/"))
			str_addf(&known, "%s, ", c->items[i].name + strlen("seccomp/"));
	return reader_fail(r, v, "unknown seccomp profile \"%.64s\", known are: %sunconfined",
		p->seccomp.profile, str_text(&known));
}

static int flatten(
	struct family *f, const struct item *item, struct str *text, struct profile **out)
{
	AUTO_EXTEND struct extend_result x = {.doc = NULL};
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str flat = STR_INIT;
	const struct member *self = NULL;
	struct reader r;

	if (visit(f, item, &self) < 0 || extend_merge(f->line, f->n_line, &x, f->e) < 0)
		return -1;
	r = extend_reader(&x, f->e);
	if (profile_read(&r, json_root(x.doc), &p) < 0 || check_profile(&x, p, f->e) < 0 ||
		check_filter_name(f->catalog, p, &r, json_root(x.doc)) < 0)
		return -1;
	if (add_lines(&x, f->e) < 0)
		return -1;
	json_write(json_root(x.doc), &flat);
	str_addc(&flat, '\n');
	if (str_failed(&flat))
		return err_nomem(f->e);
	profile_free(p);
	p = NULL;
	/* what is applied is what was checked: it is read once more as a launch will read it */
	if (profile_parse(item->place, flat.s, flat.len, &p, f->e) < 0)
		return err_wrap(f->e, "with all it extends");
	if (text)
		str_addn(text, flat.s, flat.len);
	if (text && str_failed(text))
		return err_nomem(f->e);
	if (out)
		*out = take_ptr(&p);
	return 0;
}

int catalog_flatten(const struct catalog *c, const char *name, struct str *text,
	struct profile **out, struct err *e)
{
	struct family f = {.catalog = c, .e = e};
	const struct item *item = find_profile(c, name);
	AUTO_STR struct str what = STR_INIT;
	int rc;

	if (!item) {
		unknown(c, name, &what);
		return err_set(e, ERR_INPUT, "%s", str_text(&what));
	}
	f.all = calloc(FAMILY_MAX, sizeof *f.all);
	if (!f.all)
		return err_nomem(e);
	rc = flatten(&f, item, text, out);
	family_done(&f);
	return rc;
}

/* A runtime would take OBJECT. */
static int try_filter(const struct json *object, struct err *e)
{
	AUTO_PROGRAM struct sysset_program program = {.insn = NULL};
	AUTO_FILTER struct filter filter = FILTER_INIT;

	return filter_read(object, &filter, e) < 0 ? -1 : sysset_compile(object, true, &program, e);
}

/* ROOT was refused for the reason in R->e: because of which rule? Each is tried alone. */
static int blame(struct reader *r, const struct json *root)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *object = doc ? json_clone(doc, root) : NULL;
	struct json *list = json_get(object, "syscalls"), *alone;
	struct err why = *r->e, ignored = {0};

	if (!object || why.code == ENOMEM)
		return err_nomem(r->e);
	if (!json_is(list, JSON_ARRAY))
		return reader_fail(r, root, "%s", why.msg);
	json_each_safe (rule, list)
		json_remove(rule);
	if (try_filter(object, &ignored) < 0)
		return reader_fail(r, root, "%s", why.msg);
	json_each (rule, json_get(root, "syscalls")) {
		alone = json_clone(doc, rule);
		if (json_push(list, alone) < 0)
			return err_nomem(r->e);
		if (try_filter(object, &ignored) < 0)
			return reader_fail(r, rule, "%s", why.msg);
		json_remove(alone);
	}
	return reader_fail(r, root, "%s", why.msg);
}

int catalog_check_filter(const struct catalog *c, const char *name, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const struct item *i = str_starts(name, "seccomp/") ? find(c, name) : NULL;
	struct reader r = {.e = e};

	if (!i)
		return err_set(e, ERR_INPUT, "unknown filter \"%.80s\"", name);
	if (reader_parse(i->place, i->text, i->entry.len, &limits, &doc, e) < 0)
		return -1;
	r.name = i->place;
	r.doc = doc;
	if (!json_is(json_root(doc), JSON_OBJECT))
		return reader_fail(&r, json_root(doc), "a filter is an object: { ... }");
	return try_filter(json_root(doc), e) < 0 ? blame(&r, json_root(doc)) : 0;
}
