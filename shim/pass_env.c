/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_env - denied names removed; credentials reported by name.
 *
 * A value never leaves this file: reports say the name and where it stands. What counts as a
 * credential is in secret.c.
 */
#include "shim/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/secret.h"

enum { NAME_SHOWN = 128 };

struct entry {
	struct json *v;
	size_t name_len, order;
};

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	size_t least = x->name_len < y->name_len ? x->name_len : y->name_len;
	int c = memcmp(x->v->text, y->v->text, least);

	if (c == 0)
		c = (x->name_len > y->name_len) - (x->name_len < y->name_len);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* How much of the name is shown: whole characters. */
static int shown_len(const struct entry *e)
{
	size_t n = e->name_len;

	if (n > NAME_SHOWN) {
		n = NAME_SHOWN;
		while (n && ((unsigned char)e->v->text[n] & 0xc0) == 0x80)
			n--;
	}
	return (int)n;
}

static void remove_named(struct edit *ed, const struct entry *e, const char *why)
{
	char shown[NAME_SHOWN + 2];

	snprintf(shown, sizeof shown, "%.*s=", shown_len(e), e->v->text);
	edit_remove_shown(ed, e->v, shown, "%s", why);
}

/* NAME=value with a name of visible bytes; else it is gone. Nothing of it is shown. */
static bool well_formed(struct edit *ed, struct json *v, size_t *name_len)
{
	const char *eq = strchr(v->text, '=');
	const char *why = NULL;

	*name_len = eq ? (size_t)(eq - v->text) : 0;
	if (!eq)
		why = "an entry without \"=\" is no variable";
	else if (eq == v->text)
		why = "an entry without a name";
	for (size_t i = 0; !why && i < *name_len; i++) {
		if ((unsigned char)v->text[i] < 0x20 || v->text[i] == 0x7f)
			why = "a name with control characters";
	}
	if (why)
		edit_remove_shown(ed, v, "(malformed)", "%s", why);
	return !why;
}

static void judge_secret(struct edit *ed, const struct profile *p, const struct entry *e)
{
	const char *value = e->v->text + e->name_len + 1;
	int shown = shown_len(e);
	const char *what;

	if (p->env.secrets == SECRETS_IGNORE || !*value)
		return;
	what = secret_entry(e->v->text, e->name_len, value);
	if (!what)
		return;
	if (p->env.secrets == SECRETS_DENY)
		edit_deny(ed, e->v,
			"the variable %.*s %s; every child process and crash report would see it: "
			"hand it over as a mounted file (a secret of Kubernetes, Docker or podman)",
			shown, e->v->text, what);
	else
		edit_note(ed, e->v,
			"the variable %.*s %s; a mounted file is seen by fewer processes", shown,
			e->v->text, what);
}

/* The entries that stay, sorted by name; the same name in the order of the document. */
static size_t collect(struct edit *ed, struct json *env, struct entry *all)
{
	size_t n = 0, name_len;

	json_each_safe (v, env) {
		if (well_formed(ed, v, &name_len)) {
			all[n] = (struct entry){v, name_len, n};
			n++;
		}
	}
	qsort(all, n, sizeof *all, by_name);
	return n;
}

void pass_env(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *env = json_at(ed->root, "/process/env");
	AUTO_FREE struct entry *all = NULL;
	size_t n;

	(void)w;
	if (!env || env->count == 0)
		return;
	all = reallocarray(NULL, env->count, sizeof *all);
	if (!all) {
		ed->failed = true;
		return;
	}
	n = collect(ed, env, all);
	for (size_t i = 0; i < n && !ed->failed; i++) {
		const struct entry *e = &all[i], *next = i + 1 < n ? e + 1 : NULL;
		AUTO_FREE char *name = strndup(e->v->text, e->name_len);

		if (!name)
			ed->failed = true;
		else if (strv_glob(&p->env.deny, name))
			remove_named(ed, e, "the profile denies this variable");
		/* getenv takes the first, runc's and the shell's the last: what it takes today stays */
		else if (next && next->name_len == e->name_len &&
			 memcmp(next->v->text, e->v->text, e->name_len) == 0)
			remove_named(ed, e, "set again later: readers differ on which one counts");
		else
			judge_secret(ed, p, e);
	}
}
