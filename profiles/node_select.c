/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_select - the "select" rules of cinch.json.
 *
 * A pattern that can never match is a rule somebody believes in and nobody is held to: each kind of
 * name has its letters, and what is outside of them is an error.
 */
#include "profiles/node_select.h"

#include <stdlib.h>
#include <string.h>

#include "profiles/image.h"
#include "profiles/rules.h"
#include "shim/base/cleanup.h"

enum { PATTERNS_MAX = 1000, TAG_MAX = 128 };

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WILD "*?"

/* As engine.h spells them. */
static const char *const engines[] = {
	"containerd", "cri-o", "cri", "docker", "buildkit", "podman", "buildah", NULL};

void node_rule_done(struct node_rule *rule)
{
	strv_done(&rule->engine);
	strv_done(&rule->namespace);
	strv_done(&rule->pod);
	strv_done(&rule->container);
	strv_done(&rule->image);
	strv_done(&rule->registry);
	strv_done(&rule->repository);
	strv_done(&rule->tag);
	strv_done(&rule->digest);
	free(rule->profile);
}

/* ---- one pattern ---- */

/* Only bytes of GOOD are in V. */
static int only(struct reader *r, const struct json *v, const char *what, const char *good)
{
	size_t n = strspn(v->text, good);

	if (!v->text[n])
		return 0;
	if (strchr(UPPER, v->text[n]))
		return reader_fail(r, v,
			"\"%.64s\" has upper case, and no %s has: it would never match", v->text,
			what);
	return reader_fail(r, v, "\"%.64s\" has \"%.*s\", and no %s has: it would never match",
		v->text,
		(unsigned char)v->text[n] < 0x80 ? 1
		: (int)strlen(v->text + n) > 4   ? 4
						 : (int)strlen(v->text + n),
		v->text + n, what);
}

static int engine_pattern(struct reader *r, const struct json *v)
{
	unsigned unused;

	if (!strpbrk(v->text, WILD))
		return reader_choice(r, v, "engine", engines, &unused);
	for (const char *const *name = engines; *name; name++)
		if (str_glob(v->text, *name))
			return 0;
	return reader_fail(r, v, "\"%.64s\" matches none of the engines", v->text);
}

/* Of Kubernetes, containerd, Docker and podman. */
static int name_pattern(struct reader *r, const struct json *v)
{
	return only(r, v, "such name", LOWER UPPER DIGITS "_.-" WILD);
}

static int no_old_hub(struct reader *r, const struct json *v)
{
	static const char old[] = "index.docker.io";

	if (str_starts(v->text, old) && (!v->text[strlen(old)] || v->text[strlen(old)] == '/'))
		return reader_fail(r, v, "\"%s\" is always told as \"docker.io\", write that", old);
	return 0;
}

static int registry_pattern(struct reader *r, const struct json *v)
{
	return only(r, v, "registry", LOWER DIGITS ".:[]-" WILD) < 0 ? -1 : no_old_hub(r, v);
}

/* No component is empty. */
static int components(struct reader *r, const struct json *v)
{
	if (v->text[0] == '/' || str_ends(v->text, "/") || strstr(v->text, "//"))
		return reader_fail(
			r, v, "\"%.64s\" has an empty component: it would never match", v->text);
	return 0;
}

static int repository_pattern(struct reader *r, const struct json *v)
{
	return only(r, v, "repository", LOWER DIGITS "._-/" WILD) < 0 ? -1 : components(r, v);
}

/* The registry a pattern begins with, when it is spelled out, must be one that references name. */
int node_image_pattern(struct reader *r, const struct json *v)
{
	const char *slash = strchr(v->text, '/'), *last = strrchr(v->text, '/');
	size_t first = strcspn(v->text, "/");
	const char *end = last ? last : v->text;

	if (strchr(end, '@') || strchr(end, ':'))
		return reader_fail(r, v,
			"\"%.64s\": an image is matched as registry/repository; \"tag\" and "
			"\"digest\" have keys of their own",
			v->text);
	if (only(r, v, "registry/repository", LOWER DIGITS "._:[]-/" WILD) < 0 ||
		components(r, v) < 0 || no_old_hub(r, v) < 0)
		return -1;
	if (strcspn(v->text, WILD) < first)
		return slash || strstr(v->text, "**")
			       ? 0
			       : reader_fail(r, v,
					 "\"%.64s\" would never match: one star stops at the slash "
					 "behind the registry",
					 v->text);
	if (!slash)
		return reader_fail(r, v,
			"\"%.64s\" names no registry, did you mean \"docker.io/library/%.64s\"?",
			v->text, v->text);
	if (!memchr(v->text, '.', first) && !memchr(v->text, ':', first) &&
		strncmp(v->text, "localhost/", 10) != 0)
		return reader_fail(r, v,
			"\"%.64s\" names no registry, did you mean \"docker.io/%.64s\"?", v->text,
			v->text);
	if (str_starts(v->text, "docker.io/") && last == slash && !strstr(slash, "**"))
		return reader_fail(r, v,
			"\"%.64s\" would never match, did you mean \"docker.io/library/%.64s\"?",
			v->text, slash + 1);
	return 0;
}

static int tag_pattern(struct reader *r, const struct json *v)
{
	if (!strpbrk(v->text, WILD) && v->len > TAG_MAX)
		return reader_fail(r, v, "%zu bytes, no tag is longer than %d", v->len, TAG_MAX);
	return only(r, v, "tag", LOWER UPPER DIGITS "_.-" WILD);
}

static int digest_pattern(struct reader *r, const struct json *v)
{
	static const char sha256[] = "sha256:";
	const char *hex = v->text + strlen(sha256);

	if (!str_starts(v->text, sha256) || hex[strspn(hex, "0123456789abcdef" WILD)] ||
		(!strpbrk(hex, WILD) && strlen(hex) != 64) || strlen(hex) > 64)
		return reader_fail(r, v,
			"\"%.80s\" can match no digest: expected \"sha256:\" and 64 of 0-9 a-f, or "
			"wildcards among them",
			v->text);
	return 0;
}

/* ---- one rule ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A string or a list of them. */
static int patterns(struct reader *r, const struct json *v, struct strv *to,
	int (*check)(struct reader *r, const struct json *v))
{
	struct json one = *v;
	struct json list = {.type = JSON_ARRAY, .count = 1, .first = &one, .last = &one};

	one.next = NULL;
	if (v->type != JSON_STRING && v->type != JSON_ARRAY)
		return reader_fail(r, v, "\"%s\" must be a string or a list of strings", v->key);
	if (v->type == JSON_ARRAY && !v->count)
		return reader_fail(r, v,
			"an empty list matches nothing; leave \"%s\" out to match everything",
			v->key);
	if (v->count > PATTERNS_MAX)
		return reader_fail(r, v, "%u patterns, limit %d", v->count, PATTERNS_MAX);
	if (reader_strings(r, v->type == JSON_ARRAY ? v : &list, to, check) < 0)
		return -1;
	qsort(to->v, to->n, sizeof *to->v, by_text); /* their order means nothing, see twice() */
	for (size_t i = 1; i < to->n; i++)
		if (strcmp(to->v[i - 1], to->v[i]) == 0)
			return reader_fail(r, v, "pattern \"%.64s\" stands twice", to->v[i]);
	return 0;
}

#define PATTERNS(kind, check)                                                                      \
	static int read_##kind(struct reader *r, const struct json *v, void *to)                   \
	{                                                                                          \
		return patterns(r, v, to, check);                                                  \
	}
PATTERNS(engine, engine_pattern)
PATTERNS(names, name_pattern)
PATTERNS(image, node_image_pattern)
PATTERNS(registry, registry_pattern)
PATTERNS(repository, repository_pattern)
PATTERNS(tag, tag_pattern)
PATTERNS(digest, digest_pattern)

int node_read_profile(struct reader *r, const struct json *v, void *to)
{
	if (v->len == 0 || v->len > 64 || v->text[strspn(v->text, LOWER DIGITS "-_.")] ||
		strchr("-_.", v->text[0]))
		return reader_fail(r, v,
			"\"%.64s\" cannot be a profile's name: expected 1 to 64 of a-z 0-9 - _ . "
			"with "
			"a letter or digit first",
			v->text);
	return reader_string(r, v, to);
}

#define KEY(name, read, member)                                                                    \
	{                                                                                          \
		name, JSON_NULL, read, offsetof(struct node_rule, member), false                   \
	}
static const struct reader_key rule_keys[] = {
	KEY("engine", read_engine, engine),
	KEY("namespace", read_names, namespace),
	KEY("pod", read_names, pod),
	KEY("container", read_names, container),
	KEY("image", read_image, image),
	KEY("registry", read_registry, registry),
	KEY("repository", read_repository, repository),
	KEY("tag", read_tag, tag),
	KEY("digest", read_digest, digest),
	{"profile", JSON_STRING, node_read_profile, offsetof(struct node_rule, profile), true},
	{0},
};

/* ---- all rules ---- */

struct seen { /* what a rule asks for, as bytes */
	struct str asks;
	size_t at;
	const struct json *v;
};

static int by_asks(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	size_t least = x->asks.len < y->asks.len ? x->asks.len : y->asks.len;
	int order = memcmp(str_text(&x->asks), str_text(&y->asks), least);

	if (order)
		return order;
	if (x->asks.len != y->asks.len)
		return x->asks.len < y->asks.len ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Two rules that ask for the same: the second never counts. */
static int twice(struct reader *r, const struct json *v, const struct node *n)
{
	struct seen *seen = calloc(n->n_rules + 1, sizeof *seen);
	size_t i = 0;
	int done = 0;

	if (!seen)
		return err_nomem(r->e);
	json_each (item, v) {
		struct node_rule asks = n->rules[i];

		asks.profile = (char *)"";
		asks.line = 0;
		seen[i].at = i;
		seen[i].v = item;
		if (!done && rules_encode(&asks, 1, &seen[i].asks, r->e) < 0)
			done = -1;
		i++;
	}
	if (!done)
		qsort(seen, n->n_rules, sizeof *seen, by_asks);
	for (i = 1; !done && i < n->n_rules; i++)
		if (seen[i].asks.len == seen[i - 1].asks.len &&
			memcmp(seen[i].asks.s, seen[i - 1].asks.s, seen[i].asks.len) == 0) {
			unsigned line, col;

			json_line_col(r->doc, seen[i - 1].v, &line, &col);
			done = reader_fail(r, seen[i].v,
				"this rule can never count: the one in line %u asks for the same",
				line);
		}
	for (i = 0; i < n->n_rules; i++)
		str_done(&seen[i].asks);
	free(seen);
	return done;
}

int node_read_select(struct reader *r, const struct json *v, void *to)
{
	struct node *n = to;

	if (v->count > NODE_RULES_MAX)
		return reader_fail(r, v, "%u rules, limit %d", v->count, NODE_RULES_MAX);
	n->rules = calloc(v->count + (size_t)1, sizeof *n->rules);
	if (!n->rules)
		return err_nomem(r->e);
	json_each (item, v) {
		if (item->type != JSON_OBJECT)
			return reader_fail(r, item, "a rule is an object: { ... }");
		if (reader_object(r, item, rule_keys, &n->rules[n->n_rules++]) < 0)
			return -1;
		if (item->count == 1 && item->next)
			return reader_fail(r, item,
				"this rule takes every container: those behind it can never count");
	}
	return twice(r, v, n);
}

/* Rules stand in the order of the text, so one walk over it counts all lines. */
void node_note_lines(struct node *n, const struct json *root, const char *text)
{
	const char *at = text, *end;
	unsigned line = 1;
	size_t i = 0;

	json_each (item, json_get(root, "select")) {
		for (end = text + item->offset; (at = memchr(at, '\n', (size_t)(end - at))); at++)
			line++;
		at = end;
		n->rules[i++].line = line;
	}
}
