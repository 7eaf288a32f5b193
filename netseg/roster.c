/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster - who is a member of which segment, and what follows for the sets.
 */
#include "netseg/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/registry_entry.h"
#include "shim/base/cleanup.h"
#include "shim/base/num.h"

enum { FIELDS = 9 };

static const char *const states[] = {"new", "in"};

static void line_done(struct roster_line *l)
{
	strv_done(&l->member);
	strv_done(&l->mentions);
	addrs_done(&l->addresses);
}

void roster_done(struct roster *r)
{
	for (size_t i = 0; i < r->n; i++)
		line_done(&r->v[i]);
	free(r->v);
	*r = (struct roster){0};
}

/* *L becomes the last line, and is empty afterwards. */
static int take_line(struct roster *r, struct roster_line *l, struct err *e)
{
	/* 16, 32, 64, ...: full whenever the number is one of these */
	if (r->n == 0 || (r->n >= 16 && (r->n & (r->n - 1)) == 0)) {
		size_t room = r->n ? 2 * r->n : 16;
		struct roster_line *more = reallocarray(r->v, room, sizeof *more);

		if (!more)
			return err_nomem(e);
		r->v = more;
	}
	r->v[r->n++] = *l;
	memset(l, 0, sizeof *l);
	return 0;
}

/* ---- reading ---- */

static int read_names(char *field, struct strv *out, struct err *e)
{
	if (strcmp(field, "-") == 0)
		return 0;
	for (char *name; (name = strsep(&field, ","));) {
		if (!*name)
			return err_set(e, ERR_INPUT, "an empty name");
		if (strv_add(out, name) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int read_addresses(char *field, struct addrs *out, struct err *e)
{
	if (strcmp(field, "-") == 0)
		return 0;
	for (char *text; (text = strsep(&field, ","));) {
		struct addr a;

		if (addr_parse(text, &a, e) < 0)
			return -1;
		if (addrs_add(out, &a) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int read_line(char *text, struct roster_line *l, struct err *e)
{
	char *field[FIELDS];
	uint64_t pid;
	size_t n = 0;

	for (char *next = text; n < FIELDS && (field[n] = strsep(&next, " ")); n++)
		if (n == FIELDS - 1 && next)
			return err_set(e, ERR_INPUT, "more than %d fields", FIELDS);
	if (n < FIELDS)
		return err_set(e, ERR_INPUT, "%zu fields instead of %d", n, FIELDS);
	if (!registry_is_key(field[0]))
		return err_set(e, ERR_INPUT, "\"%.20s\" is no key", field[0]);
	memcpy(l->key, field[0], NET_KEY_SIZE);
	if (!num_u64(field[1], INT32_MAX, &pid) || !num_u64(field[2], UINT64_MAX, &l->ns.cookie) ||
		!num_u64(field[3], UINT64_MAX, &l->ns.dev) ||
		!num_u64(field[4], UINT64_MAX, &l->ns.ino))
		return err_set(e, ERR_INPUT, "a number is none");
	l->pid = (pid_t)pid;
	l->settled = strcmp(field[5], states[1]) == 0;
	if (!l->settled && strcmp(field[5], states[0]) != 0)
		return err_set(e, ERR_INPUT, "\"%.20s\" is no state", field[5]);
	if (read_names(field[6], &l->member, e) < 0 || read_names(field[7], &l->mentions, e) < 0)
		return -1;
	return read_addresses(field[8], &l->addresses, e);
}

int roster_read(const char *text, struct roster *out, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	size_t number = 1;

	if (!copy)
		return err_nomem(e);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n")); number++) {
		struct roster_line l = {0};

		if (!*line)
			continue;
		if (read_line(line, &l, e) < 0 || take_line(out, &l, e) < 0) {
			line_done(&l);
			return err_wrap(e, "line %zu", number);
		}
	}
	return 0;
}

/* ---- writing ---- */

static int write_names(const struct strv *names, struct str *out, struct err *e)
{
	if (!names->n)
		str_addc(out, '-');
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i];

		if (!*name || strcmp(name, "-") == 0 || name[strcspn(name, " ,\n")])
			return err_set(e, ERR_INPUT, "segment \"%.64s\": not a name", name);
		if (i)
			str_addc(out, ',');
		str_add(out, name);
	}
	str_addc(out, ' ');
	return 0;
}

int roster_write(const struct roster *r, enum roster_which which, struct str *out, struct err *e)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < r->n; i++) {
		const struct roster_line *l = &r->v[i];

		if ((which != ROSTER_ALL && l->gone) || (which == ROSTER_NEW && l->settled))
			continue;
		str_addf(out, "%s %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %s ", l->key, l->pid,
			l->ns.cookie, l->ns.dev, l->ns.ino, states[l->settled]);
		if (write_names(&l->member, out, e) < 0 || write_names(&l->mentions, out, e) < 0)
			return -1;
		if (!l->addresses.n)
			str_addc(out, '-');
		for (size_t k = 0; k < l->addresses.n; k++) {
			addr_text(&l->addresses.v[k], text);
			str_addf(out, "%s%s", k ? "," : "", text);
		}
		str_addc(out, '\n');
	}
	return str_failed(out) ? err_nomem(e) : 0;
}

/* ---- lines ---- */

static int copy_names(const struct strv *from, struct strv *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (!strv_has(to, from->v[i]) && strv_add(to, from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

static int copy_addresses(const struct addrs *from, struct addrs *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (addrs_add(to, &from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

int roster_add(struct roster *r, const struct net_entry *n, struct err *e)
{
	struct roster_line l = {.pid = n->pid, .ns = n->ns};

	memcpy(l.key, n->key, NET_KEY_SIZE);
	if (net_want_mentions(&n->want, &l.mentions) < 0)
		err_nomem(e);
	else if ((n->host || copy_names(&n->want.segments, &l.member, e) == 0) &&
		 (n->host || copy_addresses(&n->addresses, &l.addresses, e) == 0) &&
		 take_line(r, &l, e) == 0)
		return 0;
	line_done(&l);
	return -1;
}

int roster_copy(const struct roster *from, struct roster *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct roster_line *f = &from->v[i];
		struct roster_line l = {
			.pid = f->pid, .ns = f->ns, .settled = f->settled, .gone = f->gone};

		memcpy(l.key, f->key, NET_KEY_SIZE);
		if (copy_names(&f->member, &l.member, e) < 0 ||
			copy_names(&f->mentions, &l.mentions, e) < 0 ||
			copy_addresses(&f->addresses, &l.addresses, e) < 0 ||
			take_line(to, &l, e) < 0) {
			line_done(&l);
			return -1;
		}
	}
	return 0;
}

static bool take_address(struct roster_line *from, const struct addr *a)
{
	for (size_t i = 0; i < from->addresses.n; i++)
		if (addr_equal(&from->addresses.v[i], a)) {
			from->addresses.v[i] = from->addresses.v[--from->addresses.n];
			return true;
		}
	return false;
}

/* What is new in LATER is taken from EARLIER. */
static int outrank(struct roster_line *earlier, const struct roster_line *later, struct strv *taken,
	struct err *e)
{
	if (strcmp(earlier->key, later->key) == 0) {
		earlier->gone = true;
		return 0;
	}
	if (netns_same(&earlier->ns, &later->ns))
		return 0;
	for (size_t i = 0; i < later->addresses.n; i++) {
		char text[ADDR_TEXT_SIZE], line[256];

		if (!take_address(earlier, &later->addresses.v[i]) || !taken)
			continue;
		addr_text(&later->addresses.v[i], text);
		snprintf(line, sizeof line, "%s is %s's now, and no longer that of %s", text,
			later->key, earlier->key);
		if (strv_add(taken, line) < 0)
			return err_nomem(e);
	}
	return 0;
}

int roster_normalise(struct roster *r, struct strv *taken, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < i && !r->v[i].settled && !r->v[i].gone; k++)
			if (!r->v[k].gone && outrank(&r->v[k], &r->v[i], taken, e) < 0)
				return -1;
	return 0;
}

/* ---- what follows for the sets ---- */

/* A pair to look for: sorted by segment, then address. */
struct pair {
	const char *segment;
	const struct addr *a;
};

struct pairs {
	struct pair *v;
	size_t n, room;
};

static void pairs_done(struct pairs *p)
{
	free(p->v);
}
#define AUTO_PAIRS __attribute__((cleanup(pairs_done)))

int addr_order(const void *a, const void *b)
{
	const struct addr *x = a, *y = b;
	int diff;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	diff = memcmp(x->bytes, y->bytes, addr_size(x));
	return diff ? diff : (int)x->prefix - (int)y->prefix;
}

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int diff = strcmp(x->segment, y->segment);

	return diff ? diff : addr_order(x->a, y->a);
}

static int pairs_of_line(const struct roster_line *l, struct pairs *p, struct err *e)
{
	size_t more = l->member.n * l->addresses.n;

	if (!more)
		return 0;
	if (!p->v || p->n + more > p->room) {
		size_t room = 2 * (p->n + more);
		struct pair *v = reallocarray(p->v, room, sizeof *v);

		if (!v)
			return err_nomem(e);
		p->v = v;
		p->room = room;
	}
	for (size_t i = 0; i < l->member.n; i++)
		for (size_t k = 0; k < l->addresses.n; k++)
			p->v[p->n++] = (struct pair){l->member.v[i], &l->addresses.v[k]};
	return 0;
}

/* Pairs of the lines of R that are not gone, or of all with ALL; of those only that are not settled with FRESH. */
static int pairs_of(const struct roster *r, bool all, bool fresh, struct pairs *p, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		if ((all || !r->v[i].gone) && !(fresh && r->v[i].settled) &&
			pairs_of_line(&r->v[i], p, e) < 0)
			return -1;
	if (p->n)
		qsort(p->v, p->n, sizeof *p->v, pair_order);
	return 0;
}

static bool pairs_have(const struct pairs *p, const struct pair *x)
{
	return p->n && bsearch(x, p->v, p->n, sizeof *p->v, pair_order);
}

void roster_changes_done(struct roster_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		addrs_done(&c->v[i].add);
		addrs_done(&c->v[i].remove);
	}
	free(c->v);
	*c = (struct roster_changes){0};
}

static struct roster_change *change_of(struct roster_changes *c, const char *segment, struct err *e)
{
	struct roster_change *more;

	/* pairs come sorted by segment, first those to add, then those to remove */
	for (size_t i = c->n; i > 0; i--)
		if (strcmp(c->v[i - 1].segment, segment) == 0)
			return &c->v[i - 1];
	more = reallocarray(c->v, c->n + 1, sizeof *more);
	if (!more) {
		err_nomem(e);
		return NULL;
	}
	c->v = more;
	c->v[c->n] = (struct roster_change){.segment = segment};
	return &c->v[c->n++];
}

static int put_changes(const struct pairs *from, const struct pairs *but,
	struct roster_changes *out, bool add, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct pair *x = &from->v[i];
		struct roster_change *c;

		if ((i && pair_order(x - 1, x) == 0) || (but && pairs_have(but, x)))
			continue;
		c = change_of(out, x->segment, e);
		if (!c)
			return -1;
		/* the pairs are sorted, none comes twice: addrs_add would look through all of them */
		if (addrs_push(add ? &c->add : &c->remove, x->a) < 0)
			return err_nomem(e);
	}
	return 0;
}

int roster_changes(const struct roster *before, const struct roster *after,
	struct roster_changes *out, struct err *e)
{
	AUTO_PAIRS struct pairs was = {0}, is = {0}, fresh = {0};

	if (pairs_of(before, true, false, &was, e) < 0 ||
		pairs_of(after, false, false, &is, e) < 0 ||
		pairs_of(after, false, true, &fresh, e) < 0)
		return -1;
	if (put_changes(&fresh, NULL, out, true, e) < 0)
		return -1;
	return put_changes(&was, &is, out, false, e);
}

int roster_members(const struct roster *r, const char *segment, struct addrs *out, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].gone && strv_has(&r->v[i].member, segment))
			n += r->v[i].addresses.n;
	if (!n)
		return 0;
	out->v = calloc(n, sizeof *out->v);
	if (!out->v)
		return err_nomem(e);
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].gone && strv_has(&r->v[i].member, segment))
			for (size_t k = 0; k < r->v[i].addresses.n; k++)
				out->v[out->n++] = r->v[i].addresses.v[k];
	qsort(out->v, out->n, sizeof *out->v, addr_order);
	n = 1;
	for (size_t i = 1; i < out->n; i++)
		if (!addr_equal(&out->v[i], &out->v[n - 1]))
			out->v[n++] = out->v[i];
	out->n = n;
	return 0;
}
