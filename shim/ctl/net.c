/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net - the containers that have rules, by name.
 */
#include "shim/ctl/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/life.h"
#include "shim/state.h"

int net_dir(char out[PATH_MAX], struct err *e)
{
	char dir[PATH_MAX];
	int n;

	if (state_dir(dir, e) < 0)
		return -1;
	n = snprintf(out, PATH_MAX, "%s/net", dir);
	return n < PATH_MAX ? 0 : err_set(e, ENAMETOOLONG, "%.64s", dir);
}

/* ---- the list ---- */

void net_list_done(struct net_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		net_entry_done(&l->v[i]);
	free(l->v);
	strv_done(&l->damaged);
	strv_done(&l->left);
	*l = (struct net_list){0};
}

static int note_key(const struct net_entry *n, void *arg, struct err *e)
{
	return strv_add(arg, n->key) < 0 ? err_nomem(e) : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct net_entry *x = a, *y = b;
	int rc = strcmp(net_name(x), net_name(y));

	return rc ? rc : strcmp(x->key, y->key);
}

/* Nothing of it is there any more, but what is written down here. */
static bool is_left(const struct net_entry *n)
{
	int pid;

	return !registry_lives(n) && life_of(n->root, n->id, &pid) == LIFE_GONE;
}

static int take_entry(const struct registry *r, const char *key, struct net_list *l, struct err *e)
{
	struct net_entry *n = &l->v[l->n];
	struct err why = {0};
	int rc;

	if (registry_get(r, key, n, &why) < 0) {
		if (why.code == ENOENT) /* what went meanwhile is no trouble */
			return 0;
		*e = why;
		return -1;
	}
	if (!is_left(n)) {
		l->n++;
		return 0;
	}
	rc = strv_add(&l->left, net_name(n));
	net_entry_done(n);
	return rc < 0 ? err_nomem(e) : 0;
}

int net_list_read(const char *dir, struct net_list *out, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_LIST struct net_list l = {0};
	AUTO_STRV struct strv keys = {0};
	struct err why = {0};

	if (registry_look(dir, &r, &why) < 0) {
		if (why.code == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	if (registry_each(&r, note_key, &keys, &l.damaged, e) < 0)
		return -1;
	l.v = calloc(keys.n + 1, sizeof *l.v);
	if (!l.v)
		return err_nomem(e);
	for (size_t i = 0; i < keys.n; i++)
		if (take_entry(&r, keys.v[i], &l, e) < 0)
			return -1;
	qsort(l.v, l.n, sizeof *l.v, by_name);
	*out = l;
	l = (struct net_list){0};
	return 0;
}

static int ambiguous(const struct net_list *l, const char *word, struct err *e)
{
	AUTO_STR struct str names = STR_INIT;
	size_t shown = 0;

	for (size_t i = 0; i < l->n; i++)
		if (str_starts(l->v[i].id, word) && shown++ < 4)
			str_addf(&names, "%s%.*s (%.64s)", names.len ? ", " : "",
				SIGHT_ID(l->v[i].id), net_name(&l->v[i]));
	return err_set(e, ERR_INPUT, "\"%.64s\" begins the ids of %zu containers: %s%s", word,
		shown, str_text(&names), shown > 4 ? ", ..." : "");
}

/* The same id below several roots. */
static int several(const struct net_list *l, const char *word, struct err *e)
{
	AUTO_STR struct str keys = STR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].id, word) == 0 && n++ < 4)
			str_addf(&keys, "%s%s (%.64s)", keys.len ? ", " : "", l->v[i].key,
				l->v[i].root);
	return err_set(e, ERR_INPUT,
		"%zu containers of different engines have the id \"%.64s\": name one by its key: "
		"%s%s",
		n, word, str_text(&keys), n > 4 ? ", ..." : "");
}

int net_list_find(const struct net_list *l, const char *word, size_t *i, struct err *e)
{
	size_t same = 0, begins = 0, at = 0;

	for (size_t k = 0; k < l->n; k++)
		if (strcmp(l->v[k].key, word) == 0) {
			*i = k;
			return 0;
		}
	for (size_t k = 0; k < l->n; k++) {
		bool whole = strcmp(l->v[k].id, word) == 0;

		if (whole ? same++ == 0 : str_starts(l->v[k].id, word) && !same)
			at = k;
		begins += str_starts(l->v[k].id, word);
	}
	if (same > 1)
		return several(l, word, e);
	if (same == 1 || (begins == 1 && *word)) {
		*i = at;
		return 0;
	}
	if (begins)
		return ambiguous(l, word, e);
	return err_set(e, ERR_INPUT,
		"no container %s has an id that begins with \"%.64s\" (cinchctl %s lists them)",
		l->bare ? "that runs and was started through cinch" : "with rules of the network",
		word, l->bare ? "ps" : "net show");
}

int net_chosen(
	const struct ctl_call *c, const struct net_list *l, size_t **out, size_t *n, struct err *e)
{
	AUTO_FREE size_t *chosen = calloc(l->n + c->n_operands + 1, sizeof *chosen);
	size_t count = 0;

	if (!chosen)
		return err_nomem(e);
	for (size_t i = 0; i < c->n_operands; i++) {
		size_t at, k = 0;

		if (net_list_find(l, c->operands[i], &at, e) < 0)
			return -1;
		while (k < count && chosen[k] != at)
			k++;
		if (k == count)
			chosen[count++] = at;
	}
	if (c->n_operands == 0)
		while (count < l->n) {
			chosen[count] = count;
			count++;
		}
	*out = take_ptr(&chosen);
	*n = count;
	return 0;
}

/* ---- words ---- */

const char *net_name(const struct net_entry *n)
{
	return n->want.title && *n->want.title ? n->want.title : n->id;
}

enum net_mode net_mode_of(const struct net_entry *n)
{
	enum net_mode mode = NET_OFF;

	for (size_t i = 0; i < n->want.n; i++) {
		if (n->want.policies[i].mode == NET_LEARN)
			return NET_LEARN;
		if (n->want.policies[i].mode < mode)
			mode = n->want.policies[i].mode;
	}
	return mode;
}

void net_modes(const struct net_entry *n, struct str *out)
{
	for (size_t i = 0; i < n->want.n; i++)
		str_addf(out, "%s%s", i ? "+" : "", net_mode_name(n->want.policies[i].mode));
}

struct table_style net_style(const struct ctl_call *c)
{
	/* nothing is cut for a pipe or a file */
	bool narrow = isatty(STDOUT_FILENO) || getenv("COLUMNS");

	return (struct table_style){.width = narrow ? ctl_width() : 4096, .colour = c->colour};
}

void net_span(uint64_t seconds, char out[32])
{
	static const struct {
		uint64_t least, unit;
		char name;
	} units[] = {
		{2 * 86400, 86400, 'd'}, {2 * 3600, 3600, 'h'}, {2 * 60, 60, 'm'}, {0, 1, 's'}};
	size_t i = 0;

	while (seconds < units[i].least)
		i++;
	snprintf(out, 32, "%llu%c", (unsigned long long)(seconds / units[i].unit), units[i].name);
}
