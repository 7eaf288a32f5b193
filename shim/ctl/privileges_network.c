/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges_network - whom a container may talk to under one profile and not under another.
 *
 * Compared is who may be talked to at which ports, whatever rules say it. What one network has within another
 * is not worked out: such a peer counts as another one.
 */
#include <stdlib.h>
#include <string.h>

#include "shim/ctl/privileges_add.h"

enum { SHOWN = 8 /* peers of one line */ };

/* In order: each does less than the one before. */
static const struct {
	const char *name, *words;
} modes[] = {{"enforce", "enforced"}, {"audit", "only counted (audit)"},
	{"learn", "only learned from (learn)"}, {"off", "without effect (off)"}};

enum { DNS = 1, PRIVATE = 2, PUBLIC = 4, REST = 8 };

static const struct {
	const char *name;
	unsigned reach;
} presets[] = {{"none", 0}, {"isolated", DNS}, {"private", DNS | PRIVATE},
	{"internet", DNS | PUBLIC}, {"open", DNS | PRIVATE | PUBLIC | REST}};

static const char *text_of(const struct json *section, const char *key, const char *otherwise)
{
	const char *text = json_str(json_get(section, key));

	return text ? text : otherwise;
}

static size_t mode_of(const struct json *section)
{
	const char *name = text_of(section, "mode", modes[0].name);
	size_t i = 0;

	while (i + 1 < sizeof modes / sizeof *modes && strcmp(modes[i].name, name) != 0)
		i++;
	return i;
}

static size_t preset_of(const struct json *section)
{
	const char *name = text_of(section, "preset", presets[0].name);
	size_t i = 0;

	while (i + 1 < sizeof presets / sizeof *presets && strcmp(presets[i].name, name) != 0)
		i++;
	return i;
}

static void compare_modes(struct comparison *c, size_t was, size_t is)
{
	if (was != is)
		privileges_add(c, CONTROL_NETWORK, is > was, "rules are %s (were: %s)",
			modes[is].words, modes[was].words);
}

static void compare_words(struct comparison *c, const struct json *a, const struct json *b)
{
	const char *was = text_of(a, "segment", "none"), *is = text_of(b, "segment", "none");
	size_t i = mode_of(a), k = mode_of(b);

	compare_modes(c, i, k);
	i = preset_of(a);
	k = preset_of(b);
	if (i != k)
		privileges_add(c, CONTROL_NETWORK, presets[k].reach & ~presets[i].reach,
			"preset %s (was: %s)", presets[k].name, presets[i].name);
	/* members are let in elsewhere */
	if (strcmp(was, is) != 0)
		privileges_add(c, CONTROL_NETWORK, json_get(b, "segment") != NULL,
			"member of segment %s (was: %s)", is, was);
	was = text_of(a, "metadata", "deny");
	is = text_of(b, "metadata", "deny");
	if (strcmp(was, is) != 0)
		privileges_add(c, CONTROL_NETWORK, strcmp(is, "allow") == 0,
			"metadata services of the cloud");
}

/* ---- lists ---- */

/* What the rules of KEY, whose peers stand in PEERS, come to: a line for each peer. */
static int add_rules(
	const struct json *section, const char *key, const char *peers, struct strv *out)
{
	json_each (rule, json_get(section, key)) {
		AUTO_STR struct str ports = STR_INIT;

		json_each (p, json_get(rule, "ports"))
			str_addf(&ports, "%s%s", ports.len ? ", " : "", p->text);
		json_each (peer, json_get(rule, peers)) {
			AUTO_STR struct str line = STR_INIT;

			str_addf(&line, "%s %s (%s)", peers, peer->text,
				ports.len ? ports.s : "all ports");
			if (str_failed(&ports) || str_failed(&line) || strv_add(out, line.s) < 0)
				return -1;
		}
	}
	return 0;
}

static int add_strings(const struct json *section, const char *key, struct strv *out)
{
	json_each (v, json_get(section, key))
		if (strv_add(out, v->text) < 0)
			return -1;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_text);
}

/* Both are sorted: there may be thousands. */
static void only_in(struct comparison *c, bool grants, const char *label, const struct strv *in,
	const struct strv *not_in)
{
	AUTO_STR struct str names = STR_INIT;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < in->n; i++) {
		if (i && strcmp(in->v[i], in->v[i - 1]) == 0)
			continue;
		while (k < not_in->n && strcmp(not_in->v[k], in->v[i]) < 0)
			k++;
		if (k < not_in->n && strcmp(not_in->v[k], in->v[i]) == 0)
			continue;
		if (n++ < SHOWN)
			str_addf(&names, "%s%s", names.len ? ", " : "", in->v[i]);
	}
	if (n > SHOWN)
		str_addf(&names, " and %zu more", n - SHOWN);
	c->failed = c->failed || str_failed(&names);
	if (n)
		privileges_add(c, CONTROL_NETWORK, grants, "%s%s", label, str_text(&names));
}

static void compare_lists(struct comparison *c, const char *label, struct strv *a, struct strv *b)
{
	sort(a);
	sort(b);
	only_in(c, true, label, b, a);
	only_in(c, false, label, a, b);
}

/* The strings of KEY, of which more are more rights. */
static void compare_strings(struct comparison *c, const char *label, const struct json *a,
	const struct json *b, const char *key)
{
	AUTO_STRV struct strv was = {NULL, 0}, is = {NULL, 0};

	if (add_strings(a, key, &was) < 0 || add_strings(b, key, &is) < 0)
		c->failed = true;
	else
		compare_lists(c, label, &was, &is);
}

static void compare_rules(struct comparison *c, const struct json *a, const struct json *b)
{
	AUTO_STRV struct strv was = {NULL, 0}, is = {NULL, 0};

	if (add_rules(a, "ingress", "from", &was) < 0 || add_rules(b, "ingress", "from", &is) < 0 ||
		add_rules(a, "egress", "to", &was) < 0 || add_rules(b, "egress", "to", &is) < 0) {
		c->failed = true;
		return;
	}
	compare_lists(c, "", &was, &is);
	compare_strings(c, "without the guard ", a, b, "lift");
}

void privileges_network(struct comparison *c)
{
	const struct json *a = c->a->network ? json_root(c->a->network) : NULL;
	const struct json *b = c->b->network ? json_root(c->b->network) : NULL;

	if (!a && !b)
		return;
	if (!a || !b) {
		privileges_add(c, CONTROL_NETWORK, !b,
			b ? "a network without rules" : "no rules for the network");
		return;
	}
	compare_words(c, a, b);
	compare_rules(c, a, b);
}

/* ---- of a container that runs ---- */

static const struct json *policy_of(const struct json *want, const char *profile)
{
	json_each (p, json_get(want, "policies"))
		if (strcmp(text_of(p, "profile", ""), profile) == 0)
			return p;
	return NULL;
}

/* Rules that have no effect, before or after, let nobody in or out. */
static void compare_policies(struct comparison *c, const struct json *a, const struct json *b)
{
	const size_t off = sizeof modes / sizeof *modes - 1;

	if ((mode_of(a) == off) != (mode_of(b) == off)) {
		compare_modes(c, mode_of(a), mode_of(b));
		return;
	}
	compare_words(c, a, b);
	compare_rules(c, a, b);
}

int privileges_networks(
	const struct json *a, const struct json *b, struct privileges *out, struct err *e)
{
	struct comparison c = {.a = NULL};

	json_each (p, json_get(a, "policies")) {
		const char *name = text_of(p, "profile", "");

		if (!policy_of(b, name))
			privileges_add(&c, CONTROL_NETWORK, true,
				"no rules of profile %.64s any more", name);
	}
	json_each (p, json_get(b, "policies")) {
		const char *name = text_of(p, "profile", "");
		const struct json *before = policy_of(a, name);

		if (before)
			compare_policies(&c, before, p);
		else
			privileges_add(&c, CONTROL_NETWORK, false, "rules of profile %.64s", name);
	}
	compare_strings(&c, "member of segment ", a, b, "segments");
	compare_strings(&c, "resolver ", a, b, "resolvers");
	compare_strings(&c, "address of the node ", a, b, "nodeAddresses");
	/* more of them are fewer who may be talked to */
	compare_strings(&c, "metadata service ", b, a, "metadataAddresses");
	if (c.failed) {
		privileges_done(&c.out);
		return err_nomem(e);
	}
	*out = c.out;
	return 0;
}
