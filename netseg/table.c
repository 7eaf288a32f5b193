/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - read back what the kernel has. See table.h; comparing is table_compare.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netseg/nlsock.h"
#include "netseg/table.h"
#include "netseg/table_ask.h"
#include "shim/base/cleanup.h"

/* ---- questions ---- */

void table_ask(struct table_question *q, uint16_t type, bool dump)
{
	nlmsg_begin_nf(&q->m, q->bytes, sizeof q->bytes,
		(uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), dump ? NLM_F_DUMP : 0, NFPROTO_INET,
		0);
}

const struct nlattr *table_answer(const struct nlmsghdr *h, uint16_t type, const struct nlattr **at,
	uint16_t max, uint16_t of)
{
	const struct nfgenmsg *g = nlmsg_payload(h, sizeof *g);
	const char *name;

	if (!g || g->nfgen_family != NFPROTO_INET ||
		h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type) ||
		!nlmsg_attrs(h, sizeof *g, at, max))
		return NULL;
	name = nlattr_text(at[of]);
	return name && strcmp(name, NET_TABLE) == 0 ? at[of] : NULL;
}

/* ---- flows ---- */

void net_flows_done(struct net_flows *f)
{
	free(f->v);
	*f = (struct net_flows){0};
}

struct flows {
	struct net_flows *out;
	size_t before; /* what was there */
	enum net_type type;
};

static void forget_flows(void *arg)
{
	struct flows *f = arg;

	f->out->n = f->before;
}

static void counted(const struct nlattr *expr, uint64_t *packets, uint64_t *bytes)
{
	const struct nlattr *at[NFTA_EXPR_MAX + 1], *c[NFTA_COUNTER_MAX + 1];
	const char *name;

	if (!expr || !nlattr_attrs(expr, at, NFTA_EXPR_MAX))
		return;
	name = nlattr_text(at[NFTA_EXPR_NAME]);
	if (!name || strcmp(name, "counter") != 0 ||
		!nlattr_attrs(at[NFTA_EXPR_DATA], c, NFTA_COUNTER_MAX))
		return;
	*packets = nlattr_be64(c[NFTA_COUNTER_PACKETS], 0);
	*bytes = nlattr_be64(c[NFTA_COUNTER_BYTES], 0);
}

/* Address, and of a flow protocol and port, each filled up to 4 bytes. */
static bool flow_key(enum net_type type, const struct nlattr *elem_key, struct net_flow *out)
{
	const struct nlattr *at[NFTA_DATA_MAX + 1];
	bool six = type == NET_T_FLOW6 || type == NET_T_ADDR6;
	bool flow = type == NET_T_FLOW4 || type == NET_T_FLOW6;
	size_t size = six ? 16 : 4;
	const uint8_t *key;

	if (!elem_key || !nlattr_attrs(elem_key, at, NFTA_DATA_MAX) ||
		nlattr_len(at[NFTA_DATA_VALUE]) != size + (flow ? 8 : 0))
		return false;
	key = nlattr_data(at[NFTA_DATA_VALUE]);
	out->peer.family = six ? AF_INET6 : AF_INET;
	out->peer.prefix = six ? 128 : 32;
	memcpy(out->peer.bytes, key, size);
	if (!flow)
		return true;
	out->protocol = key[size];
	out->port = (uint16_t)(key[size + 4] << 8 | key[size + 5]);
	return true;
}

static int flow_of(const struct flows *f, const struct nlattr *elem, struct err *e)
{
	const struct nlattr *at[NFTA_SET_ELEM_MAX + 1];
	struct net_flow flow = {0}, *more;

	if (!nlattr_attrs(elem, at, NFTA_SET_ELEM_MAX) ||
		!flow_key(f->type, at[NFTA_SET_ELEM_KEY], &flow))
		return err_set(e, EBADMSG, "an element that is no flow");
	counted(at[NFTA_SET_ELEM_EXPR], &flow.packets, &flow.bytes);
	flow.expires = nlattr_be64(at[NFTA_SET_ELEM_EXPIRATION], 0);
	/* a power of two is full */
	if ((f->out->n & (f->out->n - 1)) == 0) {
		more = reallocarray(f->out->v, f->out->n ? f->out->n * 2 : 1, sizeof *more);
		if (!more)
			return err_nomem(e);
		f->out->v = more;
	}
	f->out->v[f->out->n++] = flow;
	return 0;
}

static int on_flows(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_SET_ELEM_LIST_MAX + 1], *list;
	const struct flows *f = arg;

	if (!table_answer(
		    h, NFT_MSG_NEWSETELEM, at, NFTA_SET_ELEM_LIST_MAX, NFTA_SET_ELEM_LIST_TABLE))
		return 0;
	list = at[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (const struct nlattr *a = NULL; list && (a = nlattr_next(list, a)) != NULL;)
		if (flow_of(f, a, e) < 0)
			return -1;
	return 0;
}

int table_flows(int nl, const char *set, enum net_type type, struct net_flows *out, struct err *e)
{
	struct flows f = {out, out->n, type};
	struct table_question q;

	/* so that it is full at a power of two, whoever filled it before */
	if (out->n) {
		size_t cap = 1;
		struct net_flow *more;

		while (cap < out->n)
			cap *= 2;
		more = reallocarray(out->v, cap, sizeof *more);
		if (!more)
			return err_nomem(e);
		out->v = more;
	}
	table_ask(&q, NFT_MSG_GETSETELEM, true);
	nlmsg_text(&q.m, NFTA_SET_ELEM_LIST_TABLE, NET_TABLE);
	nlmsg_text(&q.m, NFTA_SET_ELEM_LIST_SET, set);
	if (nlsock_ask(nl, q.m.h, on_flows, forget_flows, &f, e) < 0) {
		out->n = f.before;
		return err_wrap(e, "read set %s", set);
	}
	return 0;
}

/* ---- counters, and the table itself ---- */

struct sums {
	uint64_t packets, bytes;
	bool found;
};

static int on_counter(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_OBJ_MAX + 1], *c[NFTA_COUNTER_MAX + 1];
	struct sums *s = arg;

	if (!table_answer(h, NFT_MSG_NEWOBJ, at, NFTA_OBJ_MAX, NFTA_OBJ_TABLE))
		return 0;
	if (!at[NFTA_OBJ_DATA] || !nlattr_attrs(at[NFTA_OBJ_DATA], c, NFTA_COUNTER_MAX))
		return err_set(e, EBADMSG, "a counter without values");
	s->packets = nlattr_be64(c[NFTA_COUNTER_PACKETS], 0);
	s->bytes = nlattr_be64(c[NFTA_COUNTER_BYTES], 0);
	s->found = true;
	return 0;
}

int table_counter(int nl, const char *name, uint64_t *packets, uint64_t *bytes, struct err *e)
{
	struct sums s = {0};
	struct table_question q;

	table_ask(&q, NFT_MSG_GETOBJ, false);
	nlmsg_text(&q.m, NFTA_OBJ_TABLE, NET_TABLE);
	nlmsg_text(&q.m, NFTA_OBJ_NAME, name);
	nlmsg_be32(&q.m, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (nlsock_ask(nl, q.m.h, on_counter, NULL, &s, e) < 0)
		return err_wrap(e, "read counter %s", name);
	if (!s.found)
		return err_set(e, ENOENT, "read counter %s", name);
	*packets = s.packets;
	*bytes = s.bytes;
	return 0;
}

static int on_table(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *at[NFTA_TABLE_MAX + 1];
	bool *there = arg;

	(void)e;
	if (table_answer(h, NFT_MSG_NEWTABLE, at, NFTA_TABLE_MAX, NFTA_TABLE_NAME))
		*there = true;
	return 0;
}

int table_exists(int nl, bool *there, struct err *e)
{
	struct table_question q;
	struct err why = {0};
	bool found = false;

	table_ask(&q, NFT_MSG_GETTABLE, false);
	nlmsg_text(&q.m, NFTA_TABLE_NAME, NET_TABLE);
	if (nlsock_ask(nl, q.m.h, on_table, NULL, &found, &why) < 0 && why.code != ENOENT) {
		if (e)
			*e = why;
		return err_wrap(e, "look for table inet " NET_TABLE);
	}
	*there = found;
	return 0;
}
