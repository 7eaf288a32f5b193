/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_dump - all of the table in a form that compares. See table.h.
 *
 * Of each object what an administrator wrote or could have altered is kept, as the kernel tells it: names, flags, hooks,
 * policies, expressions, elements. What is not known here is not kept, so that a kernel that tells more of itself
 * later changes nothing. Sets without a name are numbered as they come: in place of the number stands what is in them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "netseg/table_ask.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"

struct part { /* a set, with what is in it */
	char *name;
	uint32_t flags;
	struct str bytes;
	struct str *elements;
	size_t n;
};

struct reading {
	struct table_dump out;
	struct part *sets;
	size_t n_sets;
	char *chain; /* of the last rule */
	size_t rule; /* its number */
	size_t begin, begin_sets; /* what there was before this question */
};

static void part_forget(struct part *p)
{
	for (size_t i = 0; i < p->n; i++)
		str_done(&p->elements[i]);
	free(p->elements);
	p->elements = NULL;
	p->n = 0;
}

static void sets_cut(struct reading *r, size_t n)
{
	while (r->n_sets > n) {
		struct part *p = &r->sets[--r->n_sets];

		part_forget(p);
		str_done(&p->bytes);
		free(p->name);
	}
}

static void objects_cut(struct table_dump *d, size_t n)
{
	while (d->n > n)
		free(d->v[--d->n].bytes);
}

void table_dump_done(struct table_dump *d)
{
	objects_cut(d, 0);
	free(d->v);
	*d = (struct table_dump){0};
}

static void reading_done(struct reading *r)
{
	sets_cut(r, 0);
	free(r->sets);
	free(r->chain);
	table_dump_done(&r->out);
}

/* A torn dump is read again from where its question began. */
static void again(void *arg)
{
	struct reading *r = arg;

	objects_cut(&r->out, r->begin);
	sets_cut(r, r->begin_sets);
	free(take_ptr(&r->chain));
	r->rule = 0;
}

/* An object; BYTES are taken over. */
static int object(
	struct reading *r, struct str *bytes, const char *kind, const char *name, struct err *e)
{
	struct table_object *o, *more;

	if ((r->out.n & (r->out.n - 1)) == 0) {
		more = reallocarray(r->out.v, r->out.n ? r->out.n * 2 : 1, sizeof *more);
		if (!more)
			return err_nomem(e);
		r->out.v = more;
	}
	o = &r->out.v[r->out.n];
	snprintf(o->what, sizeof o->what, "%s %s", kind, name);
	o->len = bytes->len;
	if (bytes->len == 0)
		str_addc(bytes, '\0'); /* what is owned is never NULL */
	o->bytes = (uint8_t *)str_take(bytes);
	if (!o->bytes)
		return err_nomem(e);
	r->out.n++;
	return 0;
}

/* An attribute as it is, with its type and length. */
static void keep(struct str *to, const struct nlattr *a)
{
	uint16_t head[2];

	if (!a)
		return;
	head[0] = nlattr_type(a);
	head[1] = (uint16_t)nlattr_len(a);
	str_addn(to, (const char *)head, sizeof head);
	str_addn(to, nlattr_data(a), head[1]);
}

/* ---- sets ---- */

static int on_set(const struct nlmsghdr *h, void *arg, struct err *e)
{
	static const uint16_t kept[] = {NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE,
		NFTA_SET_KEY_LEN, NFTA_SET_DATA_TYPE, NFTA_SET_TIMEOUT};
	const struct nlattr *at[NFTA_SET_MAX + 1], *desc[NFTA_SET_DESC_MAX + 1];
	struct reading *r = arg;
	const char *name;
	struct part *p;

	if (!table_answer(h, NFT_MSG_NEWSET, at, NFTA_SET_MAX, NFTA_SET_TABLE))
		return 0;
	name = nlattr_text(at[NFTA_SET_NAME]);
	if (!name)
		return err_set(e, EBADMSG, "a set without a name");
	if ((r->n_sets & (r->n_sets - 1)) == 0) {
		p = reallocarray(r->sets, r->n_sets ? r->n_sets * 2 : 1, sizeof *p);
		if (!p)
			return err_nomem(e);
		r->sets = p;
	}
	p = &r->sets[r->n_sets];
	*p = (struct part){.name = strdup(name), .flags = nlattr_be32(at[NFTA_SET_FLAGS], 0)};
	if (!p->name)
		return err_nomem(e);
	r->n_sets++;
	for (size_t i = (p->flags & NFT_SET_ANONYMOUS) != 0; i < sizeof kept / sizeof *kept; i++)
		keep(&p->bytes, at[kept[i]]);
	if (at[NFTA_SET_DESC] && nlattr_attrs(at[NFTA_SET_DESC], desc, NFTA_SET_DESC_MAX) &&
		!(p->flags & NFT_SET_ANONYMOUS))
		keep(&p->bytes, desc[NFTA_SET_DESC_SIZE]);
	return str_failed(&p->bytes) ? err_nomem(e) : 0;
}

static int on_element(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_SET_ELEM_LIST_MAX + 1], *of[NFTA_SET_ELEM_MAX + 1];
	struct part *p = arg;

	if (!table_answer(
		    h, NFT_MSG_NEWSETELEM, at, NFTA_SET_ELEM_LIST_MAX, NFTA_SET_ELEM_LIST_TABLE) ||
		!at[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	for (const struct nlattr *a = NULL;
		(a = nlattr_next(at[NFTA_SET_ELEM_LIST_ELEMENTS], a)) != NULL;) {
		struct str *more;

		if (!nlattr_attrs(a, of, NFTA_SET_ELEM_MAX))
			return err_set(e, EBADMSG, "an element that is none");
		if ((p->n & (p->n - 1)) == 0) {
			more = reallocarray(p->elements, p->n ? p->n * 2 : 1, sizeof *more);
			if (!more)
				return err_nomem(e);
			p->elements = more;
		}
		p->elements[p->n] = (struct str)STR_INIT;
		keep(&p->elements[p->n], of[NFTA_SET_ELEM_KEY]);
		keep(&p->elements[p->n], of[NFTA_SET_ELEM_KEY_END]);
		keep(&p->elements[p->n], of[NFTA_SET_ELEM_FLAGS]);
		if (str_failed(&p->elements[p->n++]))
			return err_nomem(e);
	}
	return 0;
}

static void forget_elements(void *arg)
{
	part_forget(arg);
}

static int by_bytes(const void *a, const void *b)
{
	const struct str *l = a, *r = b;
	size_t n = l->len < r->len ? l->len : r->len;
	int diff = n ? memcmp(l->s, r->s, n) : 0;

	return diff ? diff : (l->len > r->len) - (l->len < r->len);
}

static int read_elements(int nl, struct part *p, struct err *e)
{
	struct table_question q;

	if (p->flags & NFT_SET_EVAL) /* filled by rules */
		return 0;
	table_ask(&q, NFT_MSG_GETSETELEM, true);
	nlmsg_text(&q.m, NFTA_SET_ELEM_LIST_TABLE, NET_TABLE);
	nlmsg_text(&q.m, NFTA_SET_ELEM_LIST_SET, p->name);
	if (nlsock_ask(nl, q.m.h, on_element, forget_elements, p, e) < 0)
		return err_wrap(e, "read set %s", p->name);
	if (p->n)
		qsort(p->elements, p->n, sizeof *p->elements, by_bytes);
	for (size_t i = 0; i < p->n; i++)
		str_addn(&p->bytes, str_text(&p->elements[i]), p->elements[i].len);
	part_forget(p);
	return str_failed(&p->bytes) ? err_nomem(e) : 0;
}

/* ---- rules ---- */

static const struct part *set_named(const struct reading *r, const char *name)
{
	for (size_t i = 0; name && i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

/* A set without a name: what is in it stands for it. */
static bool keep_lookup(const struct reading *r, const struct nlattr *data, struct str *to)
{
	const struct nlattr *at[NFTA_LOOKUP_MAX + 1];
	const struct part *p;

	if (!nlattr_attrs(data, at, NFTA_LOOKUP_MAX))
		return false;
	p = set_named(r, nlattr_text(at[NFTA_LOOKUP_SET]));
	if (!p || !(p->flags & NFT_SET_ANONYMOUS))
		return false;
	str_addn(to, str_text(&p->bytes), p->bytes.len);
	keep(to, at[NFTA_LOOKUP_SREG]);
	keep(to, at[NFTA_LOOKUP_DREG]);
	keep(to, at[NFTA_LOOKUP_FLAGS]);
	return true;
}

static void keep_expression(const struct reading *r, const struct nlattr *elem, struct str *to)
{
	const struct nlattr *at[NFTA_EXPR_MAX + 1];
	const char *name;

	if (!nlattr_attrs(elem, at, NFTA_EXPR_MAX) ||
		(name = nlattr_text(at[NFTA_EXPR_NAME])) == NULL)
		return;
	keep(to, at[NFTA_EXPR_NAME]);
	if (!at[NFTA_EXPR_DATA] || strcmp(name, "counter") == 0)
		return; /* its values change by themselves */
	if (strcmp(name, "lookup") != 0 || !keep_lookup(r, at[NFTA_EXPR_DATA], to))
		keep(to, at[NFTA_EXPR_DATA]);
}

static int on_rule(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_RULE_MAX + 1], *list;
	AUTO_STR struct str bytes = STR_INIT;
	struct reading *r = arg;
	const char *chain;
	char kind[40];

	if (!table_answer(h, NFT_MSG_NEWRULE, at, NFTA_RULE_MAX, NFTA_RULE_TABLE))
		return 0;
	chain = nlattr_text(at[NFTA_RULE_CHAIN]);
	list = at[NFTA_RULE_EXPRESSIONS];
	if (!chain)
		return err_set(e, EBADMSG, "a rule without a chain");
	if (!r->chain || strcmp(r->chain, chain) != 0) {
		free(r->chain);
		r->rule = 0;
		r->chain = strdup(chain);
		if (!r->chain)
			return err_nomem(e);
	}
	for (const struct nlattr *a = NULL; list && (a = nlattr_next(list, a)) != NULL;)
		keep_expression(r, a, &bytes);
	keep(&bytes, at[NFTA_RULE_USERDATA]);
	snprintf(kind, sizeof kind, "rule %zu of chain", ++r->rule);
	return str_failed(&bytes) ? err_nomem(e) : object(r, &bytes, kind, chain, e);
}

/* ---- chains, counters, the table ---- */

static int on_chain(const struct nlmsghdr *h, void *arg, struct err *e)
{
	static const uint16_t kept[] = {
		NFTA_CHAIN_POLICY, NFTA_CHAIN_TYPE, NFTA_CHAIN_FLAGS, NFTA_CHAIN_USERDATA};
	const struct nlattr *at[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	AUTO_STR struct str bytes = STR_INIT;
	const char *name;

	if (!table_answer(h, NFT_MSG_NEWCHAIN, at, NFTA_CHAIN_MAX, NFTA_CHAIN_TABLE))
		return 0;
	name = nlattr_text(at[NFTA_CHAIN_NAME]);
	if (!name)
		return err_set(e, EBADMSG, "a chain without a name");
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		keep(&bytes, at[kept[i]]);
	if (at[NFTA_CHAIN_HOOK] && nlattr_attrs(at[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX)) {
		keep(&bytes, hook[NFTA_HOOK_HOOKNUM]);
		keep(&bytes, hook[NFTA_HOOK_PRIORITY]);
	}
	return str_failed(&bytes) ? err_nomem(e) : object(arg, &bytes, "chain", name, e);
}

static int on_object(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_OBJ_MAX + 1];
	AUTO_STR struct str bytes = STR_INIT;
	const char *name;

	if (!table_answer(h, NFT_MSG_NEWOBJ, at, NFTA_OBJ_MAX, NFTA_OBJ_TABLE))
		return 0;
	name = nlattr_text(at[NFTA_OBJ_NAME]);
	if (!name)
		return err_set(e, EBADMSG, "an object without a name");
	keep(&bytes, at[NFTA_OBJ_TYPE]);
	if (str_failed(&bytes))
		return err_nomem(e);
	return object(arg, &bytes,
		nlattr_be32(at[NFTA_OBJ_TYPE], 0) == NFT_OBJECT_COUNTER ? "counter" : "object",
		name, e);
}

static int on_table(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_TABLE_MAX + 1];
	AUTO_STR struct str bytes = STR_INIT;

	if (!table_answer(h, NFT_MSG_NEWTABLE, at, NFTA_TABLE_MAX, NFTA_TABLE_NAME))
		return 0;
	keep(&bytes, at[NFTA_TABLE_FLAGS]); /* a dormant table does nothing */
	return str_failed(&bytes) ? err_nomem(e) : object(arg, &bytes, "table inet", NET_TABLE, e);
}

/* ---- all of it ---- */

static const struct {
	uint16_t get, table; /* attribute that names the table */
	int (*fn)(const struct nlmsghdr *h, void *arg, struct err *e);
	const char *what;
} questions[] = {
	{NFT_MSG_GETTABLE, 0, on_table, "tables"},
	{NFT_MSG_GETSET, NFTA_SET_TABLE, on_set, "sets"},
	{NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, on_chain, "chains"},
	{NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, on_object, "counters"},
	{NFT_MSG_GETRULE, NFTA_RULE_TABLE, on_rule, "rules"},
};

static int ask_all(int nl, struct reading *r, struct err *e)
{
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct table_question q;

		r->begin = r->out.n;
		r->begin_sets = r->n_sets;
		table_ask(&q, questions[i].get, true);
		if (questions[i].table)
			nlmsg_text(&q.m, questions[i].table, NET_TABLE);
		if (nlsock_ask(nl, q.m.h, questions[i].fn, again, r, e) < 0)
			return err_wrap(e, "list %s of table inet " NET_TABLE, questions[i].what);
		if (i == 0 && r->out.n == 0)
			return 0; /* there is none */
		for (size_t s = r->begin_sets; s < r->n_sets; s++)
			if (read_elements(nl, &r->sets[s], e) < 0)
				return -1;
	}
	for (size_t s = 0; s < r->n_sets; s++)
		if (!(r->sets[s].flags & NFT_SET_ANONYMOUS) &&
			object(r, &r->sets[s].bytes, "set", r->sets[s].name, e) < 0)
			return -1;
	return 0;
}

int table_dump(int nl, struct table_dump *out, struct err *e)
{
	__attribute__((cleanup(reading_done))) struct reading r = {0};

	if (ask_all(nl, &r, e) < 0)
		return -1;
	if (r.out.n)
		qsort(r.out.v, r.out.n, sizeof *r.out.v, table_order);
	*out = r.out;
	r.out = (struct table_dump){0};
	return 0;
}
