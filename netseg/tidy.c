/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tidy - take away what is written down of containers that are gone.
 */
#include "netseg/tidy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/install.h"
#include "netseg/mend.h"
#include "netseg/registry_entry.h"
#include "shim/base/cleanup.h"

void tidy_done(struct tidy *t)
{
	free(t->v);
	t->v = NULL;
	t->n = 0;
}

int tidy_say(struct strv *l, const char *key, const char *id, const char *what, struct err *e)
{
	AUTO_STR struct str line = STR_INIT;

	str_addf(&line, "%s (%.64s): %s", key, id ? id : "?", what);
	return str_failed(&line) || strv_add(l, str_text(&line)) < 0 ? err_nomem(e) : 0;
}

static int put_one(const struct net_entry *n, void *arg, struct err *e)
{
	struct tidy *t = arg;
	struct tidy_one *more = reallocarray(t->v, t->n + 1, sizeof *more);

	if (!more)
		return err_nomem(e);
	t->v = more;
	more += t->n++;
	*more = (struct tidy_one){.lives = registry_lives(n), .installed = n->installed};
	memcpy(more->key, n->key, NET_KEY_SIZE);
	snprintf(more->id, sizeof more->id, "%s", n->id);
	return 0;
}

/* What cannot be read: made anew, or somebody's who is gone, or told why neither. */
static int mend_one(const struct registry *r, const char *key, struct tidy *t, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err why = {0};
	int rc = mend(r, key, &n, &why);

	if (rc < 0)
		return why.code == ENOMEM ? err_nomem(e) : tidy_say(t->left, key, NULL, why.msg, e);
	if (rc > 0 && tidy_say(t->done, key, n.id, MENDED, e) < 0)
		return -1;
	if (rc == 0) {
		memcpy(n.key, key, NET_KEY_SIZE);
		n.id = strdup("?");
		if (!n.id)
			return err_nomem(e);
	}
	return put_one(&n, t, e);
}

/* The registry itself, and everybody in it. */
static int begin(const char *dir, struct tidy *t, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_STRV struct strv bad = {0};
	int rc = 0;

	if (registry_open(dir, &r, e) < 0 || registry_tidy(&r, e) < 0 ||
		registry_each(&r, put_one, t, &bad, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < bad.n; i++)
		rc = mend_one(&r, bad.v[i], t, e);
	return rc;
}

static int remove_one(const char *dir, const struct tidy_one *x, struct tidy *t, struct err *e)
{
	struct err why = {0}, trouble = {0};
	int rc = net_remove_gone(dir, x->key, &trouble, &why);

	if (rc == 1) /* it was started again meanwhile */
		return 0;
	return rc == 0 ? tidy_say(t->done, x->key, x->id, "its process is gone: removed", e)
		       : tidy_say(t->left, x->key, x->id, why.msg, e);
}

int tidy_gone(const char *dir, struct tidy *t, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err why = {0};
	int rc;

	if (registry_look(dir, &r, &why) < 0 && why.code == ENOENT)
		return 0;
	registry_close(&r);
	rc = begin(dir, t, e);
	for (size_t i = 0; rc == 0 && i < t->n; i++)
		if (!t->v[i].lives)
			rc = remove_one(dir, &t->v[i], t, e);
	if (rc == 0)
		registry_note_tried(dir, t->left->n > 0);
	return rc;
}

int net_tidy(const char *dir, struct err *why, struct err *e)
{
	AUTO_STRV struct strv done = {0}, left = {0};
	AUTO_TIDY struct tidy t = {.done = &done, .left = &left};

	if (tidy_gone(dir, &t, e) < 0)
		return -1;
	if (left.n)
		err_set(why, ERR_INPUT, "%s", left.v[0]);
	return 0;
}
