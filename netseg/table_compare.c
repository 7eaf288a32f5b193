/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_compare - what differs between two dumps of the table, and what a dump of a ruleset is. See table.h.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netlink.h>

#include "netseg/encode.h"
#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "netseg/table_ask.h"
#include "shim/base/cleanup.h"

/* ---- order ---- */

/* The chain that WHAT is a rule of, and its number; else WHAT and 0. */
static const char *place(const char *what, unsigned long *number)
{
	static const char of[] = " of chain ";
	char *rest = NULL;

	*number = 0;
	if (!str_starts(what, "rule "))
		return what;
	*number = strtoul(what + strlen("rule "), &rest, 10);
	return str_starts(rest, of) ? rest + strlen(of) : what;
}

static bool is_rule(const char *what)
{
	unsigned long n;

	(void)place(what, &n);
	return n > 0;
}

/* Rules are behind everything else, by chain, each chain's in their order. */
int table_order(const void *a, const void *b)
{
	const struct table_object *l = a, *r = b;
	unsigned long nl, nr;
	const char *pl = place(l->what, &nl), *pr = place(r->what, &nr);
	int diff;

	if ((nl > 0) != (nr > 0))
		return nl > 0 ? 1 : -1;
	diff = strcmp(pl, pr);
	return diff ? diff : (nl > nr) - (nl < nr);
}

/* ---- differences ---- */

static bool equal(const struct table_object *a, const struct table_object *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int say(struct strv *out, const char *what, const char *how)
{
	AUTO_STR struct str line = STR_INIT;

	str_addf(&line, "%s %s", what, how);
	return str_failed(&line) ? -1 : strv_add(out, str_text(&line));
}

#define MISSING "is missing"
#define ADDITIONAL "was added by somebody else"
#define DIFFERENT "was altered"

struct part {
	const struct table_object *v;
	size_t n;
};

static struct part rest(struct part p, size_t skip, size_t drop)
{
	return (struct part){p.v + skip, p.n - skip - drop};
}

/*
 * The rules of one chain. One that was put in or taken out moves those behind it, which are as they were: what is equal
 * at both ends is left out first.
 */
static int rules_differ(struct part want, struct part got, struct strv *out)
{
	size_t head = 0, tail = 0, most = want.n < got.n ? want.n : got.n;

	while (head < most && equal(&want.v[head], &got.v[head]))
		head++;
	while (tail < most - head && equal(&want.v[want.n - 1 - tail], &got.v[got.n - 1 - tail]))
		tail++;
	want = rest(want, head, tail);
	got = rest(got, head, tail);
	for (size_t i = 0; i < want.n || i < got.n; i++)
		if (i >= got.n        ? say(out, want.v[i].what, MISSING) < 0
			: i >= want.n ? say(out, got.v[i].what, ADDITIONAL) < 0
				      : !equal(&want.v[i], &got.v[i]) &&
						say(out, want.v[i].what, DIFFERENT) < 0)
			return -1;
	return 0;
}

/* The leading rules of P's chain. */
static struct part one_chain(struct part p)
{
	unsigned long n;
	struct part c = {p.v, 0};

	while (c.n < p.n && strcmp(place(p.v[c.n].what, &n), place(p.v[0].what, &n)) == 0)
		c.n++;
	return c;
}

static int all_rules(struct part want, struct part got, struct strv *out)
{
	static const struct part none = {0};
	unsigned long n;

	while (want.n || got.n) {
		int order = !want.n  ? 1
			    : !got.n ? -1
				     : strcmp(place(want.v->what, &n), place(got.v->what, &n));
		struct part w = order <= 0 ? one_chain(want) : none;
		struct part g = order >= 0 ? one_chain(got) : none;

		if (rules_differ(w, g, out) < 0)
			return -1;
		want = rest(want, w.n, 0);
		got = rest(got, g.n, 0);
	}
	return 0;
}

static size_t before_rules(const struct table_dump *d)
{
	size_t n = 0;

	while (n < d->n && !is_rule(d->v[n].what))
		n++;
	return n;
}

int table_differences(const struct table_dump *want, const struct table_dump *got, struct strv *out)
{
	size_t nw = before_rules(want), ng = before_rules(got), w = 0, g = 0;

	if (!want->n && !got->n)
		return 0;
	if (!got->n)
		return say(out, "table inet " NET_TABLE, MISSING);
	if (!want->n)
		return say(out, "table inet " NET_TABLE, ADDITIONAL);
	while (w < nw || g < ng) {
		int order = w >= nw ? 1 : g >= ng ? -1 : table_order(&want->v[w], &got->v[g]);

		if (order < 0       ? say(out, want->v[w].what, MISSING) < 0
			: order > 0 ? say(out, got->v[g].what, ADDITIONAL) < 0
				    : !equal(&want->v[w], &got->v[g]) &&
					      say(out, want->v[w].what, DIFFERENT) < 0)
			return -1;
		w += order <= 0;
		g += order >= 0;
	}
	return all_rules((struct part){want->v + nw, want->n - nw},
		(struct part){got->v + ng, got->n - ng}, out);
}

/* ---- what has to be there ---- */

struct elsewhere {
	int nl; /* socket of a namespace of its own, which lives as long as the socket */
	struct err e;
};

/* A thread of its own is moved, and ends: the caller stays where it is, whatever happens. */
static void *open_elsewhere(void *arg)
{
	struct elsewhere *w = arg;

	if (unshare(CLONE_NEWNET) < 0)
		err_set(&w->e, errno, "make a network namespace");
	else
		w->nl = nlsock_open(NETLINK_NETFILTER, &w->e);
	return NULL;
}

int table_expected(const struct ruleset *r, struct table_dump *out, struct err *e)
{
	struct elsewhere w = {.nl = -1};
	AUTO_BATCH struct batch b;
	AUTO_FD int nl = -1;
	pthread_t thread;
	int rc;

	batch_init(&b);
	if (r->n_chains == 0) { /* no table */
		*out = (struct table_dump){0};
		return 0;
	}
	rc = pthread_create(&thread, NULL, open_elsewhere, &w);
	if (rc != 0)
		return err_set(e, rc, "begin a thread");
	pthread_join(thread, NULL);
	nl = w.nl;
	if (nl < 0) {
		if (e)
			*e = w.e;
		return -1;
	}
	if (encode_install(&b, r, NULL, 0, NULL, e) < 0 || nlsock_commit(nl, &b, e) < 0)
		return -1;
	return table_dump(nl, out, e);
}
