/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members - who is in which segment on this node, and keeping everybody's sets right.
 *
 * The order that makes kill -9 harmless: before a set gets an address, the file says so (a "new" line); a line goes,
 * or loses an address, when no set has it any more. So no set has ever more than the file tells of, and what a
 * file tells that sets do not have is refused, not allowed.
 */
#include "netseg/members.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netseg/registry_entry.h"
#include "netseg/roster.h"
#include "netseg/sweep.h"
#include "shim/base/cleanup.h"

#define MEMBERS "members"

/* ---- the file ---- */

static int save(const struct registry *r, const struct roster *lines, enum roster_which which,
	struct err *e)
{
	AUTO_STR struct str text = STR_INIT;

	if (roster_write(lines, which, &text, e) < 0)
		return -1;
	return registry_write(r, MEMBERS, str_text(&text), text.len, e);
}

static int load_file(const struct registry *r, struct roster *out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (registry_read(r, MEMBERS, ROSTER_MAX, &text, &len, e) < 0)
		return -1;
	if (strlen(text) != len)
		return err_set(e, ERR_INPUT, "%s/" MEMBERS ": it has a NUL", r->dir);
	return roster_read(text, out, e) < 0 ? err_wrap(e, "%s/" MEMBERS, r->dir) : 0;
}

/* ---- from the entries ---- */

struct young { /* what decides who was last */
	uint64_t since;
	char key[NET_KEY_SIZE];
};

struct living {
	struct young *v;
	size_t n;
};

static int put_living(const struct net_entry *n, void *arg, struct err *e)
{
	struct living *l = arg;
	struct young *more;

	if (!n->installed || !registry_lives(n))
		return 0;
	more = reallocarray(l->v, l->n + 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	l->v = more;
	l->v[l->n].since = n->since;
	memcpy(l->v[l->n++].key, n->key, NET_KEY_SIZE);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct young *x = a, *y = b;

	return x->since != y->since ? (x->since < y->since ? -1 : 1) : strcmp(x->key, y->key);
}

static int rebuild(const struct registry *r, struct roster *out, struct strv *bad, struct err *e)
{
	AUTO_FREE struct young *all = NULL;
	struct living l = {0};
	int rc = registry_each(r, put_living, &l, bad, e);

	all = l.v;
	if (rc == 0 && l.n)
		qsort(all, l.n, sizeof *all, by_age);
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		AUTO_NET_ENTRY struct net_entry n = {0};

		rc = registry_get(r, all[i].key, &n, e);
		if (rc == 0)
			rc = roster_add(out, &n, e);
	}
	return rc;
}

/* Lines as the file has them; without one there are none. One that is damaged is made anew. */
static int load(const struct registry *r, struct roster *out, struct err *e)
{
	AUTO_STRV struct strv bad = {0};
	struct err why = {0};

	if (load_file(r, out, &why) == 0 || why.code == ENOENT)
		return 0;
	roster_done(out);
	if (why.code == ERR_INPUT)
		return rebuild(r, out, &bad, e);
	*e = why;
	return -1;
}

/* Lines of processes that are not there any more. A number that was given again is found out by the namespace's
 * cookie, where its set is to be changed. */
static void mark_gone(struct roster *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		struct roster_line *l = &lines->v[i];

		if (!l->gone && kill(l->pid, 0) < 0 && errno == ESRCH)
			l->gone = true;
	}
}

/* Nothing to write down of those that are in no segment and mention none. */
static void mark_idle(struct roster *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		lines->v[i].gone |= !lines->v[i].member.n && !lines->v[i].mentions.n;
}

/* ---- sets and file ---- */

static bool any_new(const struct roster_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].add.n)
			return true;
	return false;
}

static void settle_lines(struct roster *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		lines->v[i].settled = true;
}

/* The file as it was, and behind it the lines that are about to come: what a kill -9 leaves tells of all that any set
 * may have. */
static int announce(const struct registry *r, const struct roster *before,
	const struct roster *after, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;

	if (roster_write(before, ROSTER_ALL, &text, e) < 0 ||
		roster_write(after, ROSTER_NEW, &text, e) < 0)
		return -1;
	return registry_write(r, MEMBERS, str_text(&text), text.len, e);
}

/* No room for the file as it has to be: the next one makes it anew from the entries, for it is damaged then. */
static int spoil(const struct registry *r, struct err *e)
{
	AUTO_FD int fd = openat(r->fd, MEMBERS, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, "!", 1, 0) != 1)
		return err_set(e, errno, "write %s/" MEMBERS, r->dir);
	return 0;
}

/* From the lines of the file to AFTER, which is normalised: sets, then the file. With LEAVING nobody comes whom the file
 * does not tell of: no room is needed. */
static int settle(const struct registry *r, const struct roster *before, struct roster *after,
	bool leaving, struct err *why, struct err *e)
{
	const struct roster *from = before;
	AUTO_ROSTER struct roster last = {0};
	struct err full = {0};
	size_t found = 1;

	while (found) { /* each time at least one line less: that of a process which ended meanwhile */
		AUTO_CHANGES struct roster_changes c = {0};

		if (roster_changes(from, after, &c, e) < 0 ||
			(!leaving && any_new(&c) && announce(r, before, after, e) < 0) ||
			sweep(r, after, &c, &found, why, e) < 0)
			return -1;
		settle_lines(after);
		if (found) { /* what these had is to be removed; the rest is done */
			roster_done(&last);
			if (roster_copy(after, &last, e) < 0)
				return -1;
			from = &last;
		}
	}
	if (save(r, after, ROSTER_STAY, &full) == 0)
		return 0;
	if (leaving && (full.code == ENOSPC || full.code == EDQUOT))
		return spoil(r, e);
	if (e)
		*e = full;
	return -1;
}

int members_join(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e)
{
	AUTO_ROSTER struct roster before = {0}, after = {0};

	assert_locked(r);
	if (load(r, &before, e) < 0 || roster_copy(&before, &after, e) < 0 ||
		roster_add(&after, n, e) < 0)
		return -1;
	mark_gone(&after);
	after.v[after.n - 1].gone = false; /* who asks knows that it is there */
	if (roster_normalise(&after, NULL, e) < 0)
		return -1;
	mark_idle(&after);
	return settle(r, &before, &after, false, why, e);
}

int members_leave(
	const struct registry *r, const struct net_entry *n, struct err *why, struct err *e)
{
	AUTO_ROSTER struct roster before = {0}, after = {0};
	bool any = false;

	assert_locked(r);
	if (load(r, &before, e) < 0 || roster_copy(&before, &after, e) < 0)
		return -1;
	mark_gone(&after);
	for (size_t i = 0; i < after.n; i++)
		after.v[i].gone |= strcmp(after.v[i].key, n->key) == 0;
	if (roster_normalise(&after, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < after.n; i++)
		any |= after.v[i].gone || !after.v[i].settled;
	return any ? settle(r, &before, &after, true, why, e) : 0;
}

int members_rebuild(const struct registry *r, struct strv *done, struct err *e)
{
	AUTO_ROSTER struct roster lines = {0};
	AUTO_STRV struct strv bad = {0};

	assert_locked(r);
	if (rebuild(r, &lines, &bad, e) < 0 || roster_normalise(&lines, done, e) < 0)
		return -1;
	mark_idle(&lines);
	settle_lines(&lines);
	return save(r, &lines, ROSTER_STAY, e);
}

/* ---- for a ruleset ---- */

static int put_segment(
	const struct roster *lines, const char *name, struct net_space *s, struct err *e)
{
	struct net_segment *more = reallocarray(s->segments, s->n_segments + 1, sizeof *more);
	struct net_segment *x;

	if (!more)
		return err_nomem(e);
	s->segments = more;
	x = &more[s->n_segments];
	*x = (struct net_segment){.name = strdup(name)};
	if (!x->name)
		return err_nomem(e);
	s->n_segments++;
	return roster_members(lines, name, &x->members, e);
}

int members_fill(const struct registry *r, struct net_space *s, struct err *e)
{
	AUTO_ROSTER struct roster lines = {0};
	AUTO_STRV struct strv names = {0};
	int rc = 0;

	for (size_t i = 0; i < s->n; i++)
		if (net_want_mentions(s->containers[i].want, &names) < 0)
			return err_nomem(e);
	if (!names.n)
		return 0;
	if (load(r, &lines, e) < 0)
		return -1;
	mark_gone(&lines);
	if (roster_normalise(&lines, NULL, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = put_segment(&lines, names.v[i], s, e);
	return rc;
}
