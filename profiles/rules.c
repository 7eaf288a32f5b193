/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - the select rules as a launch uses them.
 *
 * A count, then rule after rule:
 *
 *	rule     size, line, number of lists, length of the profile's name; lists; name, NUL
 *	list     field, number of patterns, their size; patterns
 *	pattern  shape, length, where its longest plain part lies; text, NUL
 *
 * Sizes let a match skip what is decided. Lists that are cheap to look at stand first, and the shape
 * of a pattern tells how it is compared: str_glob is for the few that need it.
 */
#include "profiles/rules.h"

#include <stdint.h>
#include <string.h>

enum field { ENGINE, NAMESPACE, POD, CONTAINER, IMAGE, REGISTRY, REPOSITORY, TAG, DIGEST, FIELDS };

/* From cheap to dear. */
enum shape {
	PLAIN, /* no wildcard */
	BELOW, /* plain text and a last "/" + "**" */
	NAME, /* wildcards, no slash */
	OTHER,
	SHAPES
};

struct rule_head {
	uint32_t size; /* of the whole rule */
	uint32_t line;
	uint16_t lists;
	uint16_t profile; /* bytes, without the NUL */
};

struct list_head {
	uint16_t field, n;
	uint32_t size; /* of the patterns */
};

struct pattern_head {
	uint16_t shape, len; /* without the NUL */
	uint16_t plain_at, plain; /* bytes that stand in every text it matches */
};

/* What an engine told, looked at once. */
struct fact {
	const char *text; /* NULL: unknown */
	size_t len;
	bool slash;
};

/* ---- writing ---- */

static enum shape shape_of(const char *pattern)
{
	size_t plain = strcspn(pattern, "*?");

	if (!pattern[plain])
		return PLAIN;
	if (plain > 1 && pattern[plain - 1] == '/' && strcmp(pattern + plain, "**") == 0)
		return BELOW;
	return strchr(pattern, '/') ? OTHER : NAME;
}

/* Nearly all texts that do not match miss the longest part without a wildcard. A slash beside a star is
 * left out: in "**" + "/x" and "x/" + "**" it may stand for nothing. */
static void longest_plain(const char *pattern, struct pattern_head *h)
{
	for (size_t from = 0, end; pattern[from]; from = end + strspn(pattern + end, "*?")) {
		size_t start = from;

		end = from + strcspn(pattern + from, "*?");
		if (from > 0 && pattern[from] == '/')
			start++;
		if (end - start > h->plain) {
			h->plain_at = (uint16_t)start;
			h->plain = (uint16_t)(end - start);
			if (pattern[end] && pattern[end - 1] == '/')
				h->plain--;
		}
	}
}

static enum shape dearest(const struct strv *list)
{
	enum shape worst = PLAIN;

	for (size_t i = 0; i < list->n; i++)
		if (shape_of(list->v[i]) > worst)
			worst = shape_of(list->v[i]);
	return worst;
}

static const struct strv *list_of(const struct node_rule *r, enum field f)
{
	const struct strv *const lists[FIELDS] = {&r->engine, &r->namespace, &r->pod, &r->container,
		&r->image, &r->registry, &r->repository, &r->tag, &r->digest};

	return lists[f];
}

static int encode_list(enum field f, const struct strv *list, struct str *out, struct err *e)
{
	struct list_head h = {.field = (uint16_t)f, .n = (uint16_t)list->n};
	size_t at = out->len;

	if (list->n > UINT16_MAX)
		return err_set(e, ERR_INPUT, "select: %zu patterns in one list", list->n);
	str_addn(out, (const char *)&h, sizeof h);
	for (size_t i = 0; i < list->n; i++) {
		size_t len = strlen(list->v[i]);
		struct pattern_head p = {
			.shape = (uint16_t)shape_of(list->v[i]), .len = (uint16_t)len};

		if (len > UINT16_MAX)
			return err_set(e, ERR_INPUT, "select: a pattern of %zu bytes", len);
		longest_plain(list->v[i], &p);
		str_addn(out, (const char *)&p, sizeof p);
		str_addn(out, list->v[i], len + 1);
	}
	if (str_failed(out))
		return err_nomem(e);
	if (out->len - at - sizeof h > UINT32_MAX / 2)
		return err_set(e, ERR_INPUT, "select: a list of patterns is too long");
	h.size = (uint32_t)(out->len - at - sizeof h);
	memcpy(out->s + at, &h, sizeof h);
	return 0;
}

static int encode_rule(const struct node_rule *r, struct str *out, struct err *e)
{
	size_t at = out->len, name = strlen(r->profile);
	struct rule_head h = {.line = r->line, .profile = (uint16_t)name};

	if (name > UINT16_MAX)
		return err_set(e, ERR_INPUT, "select: a profile's name of %zu bytes", name);
	str_addn(out, (const char *)&h, sizeof h);
	for (int shape = 0; shape < SHAPES; shape++)
		for (int f = 0; f < FIELDS; f++) {
			const struct strv *list = list_of(r, (enum field)f);

			if (!list->n || dearest(list) != (enum shape)shape)
				continue;
			if (encode_list((enum field)f, list, out, e) < 0)
				return -1;
			h.lists++;
		}
	str_addn(out, r->profile, name + 1);
	if (str_failed(out))
		return err_nomem(e);
	if (out->len - at > UINT32_MAX / 2)
		return err_set(e, ERR_INPUT, "select: a rule is too long");
	h.size = (uint32_t)(out->len - at);
	memcpy(out->s + at, &h, sizeof h);
	return 0;
}

int rules_encode(const struct node_rule *rules, size_t n, struct str *out, struct err *e)
{
	uint32_t count = (uint32_t)n;

	if (n > UINT32_MAX)
		return err_set(e, ERR_INPUT, "select: %zu rules", n);
	str_addn(out, (const char *)&count, sizeof count);
	for (size_t i = 0; i < n; i++)
		if (encode_rule(&rules[i], out, e) < 0)
			return -1;
	return str_failed(out) ? err_nomem(e) : 0;
}

/* ---- matching ---- */

/* Bytes not looked at yet. */
struct rest {
	const char *at;
	size_t len;
};

/* The next SIZE bytes; NULL when there are fewer. */
static const char *take(struct rest *r, size_t size)
{
	const char *at = r->at;

	if (r->len < size)
		return NULL;
	r->at += size;
	r->len -= size;
	return at;
}

static bool take_copy(struct rest *r, void *to, size_t size)
{
	const char *at = take(r, size);

	if (at)
		memcpy(to, at, size);
	return at != NULL;
}

/* Wildcards over texts without a slash, where one star means the same as two: the last star is the
 * only one that must be tried again. */
static bool name_glob(const char *p, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*p == '*') {
			star = ++p;
			again = text;
		} else if (*p && (*p == '?' || *p == *text)) {
			p++;
			text++;
		} else if (star) {
			p = star;
			text = ++again;
		} else {
			return false;
		}
	}
	return p[strspn(p, "*")] == '\0';
}

static bool matches(const struct pattern_head *h, const char *pattern, const struct fact *f)
{
	size_t plain;

	switch (h->shape) {
	case PLAIN:
		return h->len == f->len && memcmp(pattern, f->text, f->len) == 0;
	case BELOW: /* what is before the slash is matched, too */
		if (h->len < 3)
			return false;
		plain = h->len - 3u;
		return f->len >= plain && memcmp(pattern, f->text, plain) == 0 &&
		       (f->len == plain || f->text[plain] == '/');
	case NAME:
		if (!f->slash)
			return name_glob(pattern, f->text);
		return str_glob(pattern, f->text);
	default:
		return memmem(f->text, f->len, pattern + h->plain_at, h->plain) &&
		       str_glob(pattern, f->text);
	}
}

/* A whole digest may also be the image's ID: it is all that Docker tells. A wildcard may not, or it
 * would call every image pinned. */
static bool list_matches(enum field field, const struct pattern_head *h, const char *pattern,
	const struct fact *facts, const struct fact *id)
{
	if (facts[field].text && matches(h, pattern, &facts[field]))
		return true;
	return field == DIGEST && id->text && h->shape == PLAIN && matches(h, pattern, id);
}

struct told {
	struct fact facts[FIELDS];
	struct fact id;
	char image[1024]; /* "registry/repository" */
};

/* 1: a pattern matches; 0: none; -1: not the bytes of a list. */
static int match_list(struct rest *r, const struct told *told)
{
	struct list_head h;
	struct rest in;

	if (!take_copy(r, &h, sizeof h) || h.field >= FIELDS || !(in.at = take(r, h.size)))
		return -1;
	in.len = h.size;
	if (!told->facts[h.field].text && !(h.field == DIGEST && told->id.text))
		return 0;
	for (unsigned i = 0; i < h.n; i++) {
		struct pattern_head p;
		const char *text;

		if (!take_copy(&in, &p, sizeof p) || !(text = take(&in, p.len + (size_t)1)) ||
			text[p.len] || p.plain_at + p.plain > p.len)
			return -1;
		if (list_matches((enum field)h.field, &p, text, told->facts, &told->id))
			return 1;
	}
	return 0;
}

static void fact_set(struct fact *f, const char *text)
{
	if (text && !*text)
		text = NULL; /* nothing is nothing told */
	f->text = text;
	f->len = text ? strlen(text) : 0;
	f->slash = text && memchr(text, '/', f->len);
}

static void look(const struct rules_facts *facts, struct told *out)
{
	const struct image *i = facts->image;

	*out = (struct told){.id = {.text = NULL}};
	fact_set(&out->facts[ENGINE], facts->engine);
	fact_set(&out->facts[NAMESPACE], facts->namespace);
	fact_set(&out->facts[POD], facts->pod);
	fact_set(&out->facts[CONTAINER], facts->container);
	if (!i)
		return;
	fact_set(&out->facts[REGISTRY], i->registry);
	fact_set(&out->facts[REPOSITORY], i->repository);
	fact_set(&out->facts[TAG], i->tag);
	fact_set(&out->facts[DIGEST], i->digest);
	fact_set(&out->id, i->id);
	if (image_name(i, out->image, sizeof out->image))
		fact_set(&out->facts[IMAGE], out->image);
}

int rules_match(const void *bytes, size_t len, const struct rules_facts *facts,
	const char **profile, unsigned *line, struct err *e)
{
	static const char damaged[] = "the select rules of the policy are damaged";
	struct rest all = {bytes, len};
	struct told told;
	uint32_t count;

	if (!take_copy(&all, &count, sizeof count))
		return err_set(e, ERR_INPUT, "%s", damaged);
	look(facts, &told);
	while (count--) {
		struct rest rule = all;
		struct rule_head h;
		const char *name;
		int found = 1;

		if (!take_copy(&rule, &h, sizeof h) || !take(&all, h.size) ||
			h.size < sizeof h + h.profile + 1)
			return err_set(e, ERR_INPUT, "%s", damaged);
		rule.len = h.size - sizeof h - h.profile - 1;
		name = rule.at + rule.len;
		for (unsigned i = 0; i < h.lists && found > 0; i++)
			found = match_list(&rule, &told);
		if (found < 0 || name[h.profile] || memchr(name, '\0', h.profile))
			return err_set(e, ERR_INPUT, "%s", damaged);
		if (found) {
			*profile = name;
			*line = h.line;
			return 0;
		}
	}
	*profile = NULL;
	*line = 0;
	return 0;
}
