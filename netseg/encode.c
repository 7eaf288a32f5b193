/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode - a ruleset as one nf_tables transaction. See encode.h; rules are encode_rule.c's.
 *
 * The kernel works the messages off in their order and makes all of it visible at once. So: what is spoken of comes
 * before what speaks of it, lines go before what they speak of, and a chain that is filled anew is first emptied
 * in the same transaction: no packet ever sees it empty.
 */
#include <errno.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netseg/encode.h"
#include "netseg/encode_rule.h"

/* ---- the batch ---- */

void batch_init(struct batch *b)
{
	*b = (struct batch){.grows = true, .first = 1, .seq = 1};
}

void batch_fixed(struct batch *b, void *bytes, size_t len)
{
	*b = (struct batch){.bytes = bytes, .cap = len, .first = 1, .seq = 1};
}

void batch_done(struct batch *b)
{
	if (b->grows)
		free(b->bytes);
	free(b->notes);
	*b = (struct batch){0};
}

static void start(struct enc *x, struct batch *b)
{
	assert(b->len == 0); /* the kernel reads one batch of what is sent at once */
	*x = (struct enc){.b = b};
	enc_open_raw(
		x, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "the transaction");
	enc_close(x);
}

/* The last message before the end is answered in any case: that is how the answers' end is known. */
static int finish(struct enc *x, struct err *e)
{
	if (!x->failed)
		((struct nlmsghdr *)(x->b->bytes + x->last))->nlmsg_flags |= NLM_F_ACK;
	enc_open_raw(
		x, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, "the transaction's end");
	enc_close(x);
	if (x->failed == ENOMEM)
		return err_nomem(e);
	if (x->failed == ENOSPC)
		return err_set(e, ENOSPC, "network rules: %s does not fit into %zu bytes", x->what,
			x->b->grows ? (size_t)BATCH_MAX : x->b->cap);
	return x->failed ? err_set(e, x->failed, "network rules: %s", x->what) : 0;
}

/* ---- objects ---- */

static void table_with(struct enc *x, uint16_t type, uint16_t flags)
{
	enc_open(x, type, flags, "table inet " NET_TABLE);
	nlmsg_text(&x->m, NFTA_TABLE_NAME, NET_TABLE);
	if (type == NFT_MSG_NEWTABLE)
		nlmsg_be32(&x->m, NFTA_TABLE_FLAGS, 0);
	enc_close(x);
}

static void table(struct enc *x, uint16_t type)
{
	table_with(x, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
}

static void chain_named(struct enc *x, uint16_t type, const struct net_chain *c)
{
	enc_open(x, type, type == NFT_MSG_NEWCHAIN ? NLM_F_CREATE : 0, "chain %s", c->name);
	nlmsg_text(&x->m, NFTA_CHAIN_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_CHAIN_NAME, c->name);
}

static void chain_new(struct enc *x, const struct net_chain *c)
{
	chain_named(x, NFT_MSG_NEWCHAIN, c);
	if (c->base) {
		struct nlattr *hook = nlmsg_nest(&x->m, NFTA_CHAIN_HOOK);

		nlmsg_be32(&x->m, NFTA_HOOK_HOOKNUM, c->hook);
		nlmsg_be32(&x->m, NFTA_HOOK_PRIORITY, (uint32_t)NET_PRIORITY);
		nlmsg_end(&x->m, hook);
		nlmsg_be32(&x->m, NFTA_CHAIN_POLICY, c->drop ? NF_DROP : NF_ACCEPT);
		nlmsg_text(&x->m, NFTA_CHAIN_TYPE, "filter");
	}
	enc_comment(x, NFTA_CHAIN_USERDATA, c->comment);
	enc_close(x);
}

static void chain_empty(struct enc *x, const struct net_chain *c)
{
	enc_open(x, NFT_MSG_DELRULE, 0, "rules of chain %s", c->name);
	nlmsg_text(&x->m, NFTA_RULE_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_RULE_CHAIN, c->name);
	enc_close(x);
}

static void chain_delete(struct enc *x, const struct net_chain *c)
{
	chain_named(x, NFT_MSG_DELCHAIN, c);
	enc_close(x);
}

/*
 * A chain that was there keeps its comment, whatever a NEWCHAIN says. So an owner's are made anew; nothing speaks of them
 * by now. Those of nobody have no comment, and stay: who has a hook is never away, and the listing keeps its order.
 */
static void chain_anew(struct enc *x, const struct net_chain *c)
{
	if (!*c->owner)
		return;
	chain_delete(x, c);
	chain_new(x, c);
}

static bool has_intervals(const struct net_set *s)
{
	return !s->dynamic && !s->single;
}

static void set_new(struct enc *x, const struct net_set *s)
{
	uint32_t flags = (has_intervals(s) ? NFT_SET_INTERVAL : 0) |
			 (s->dynamic ? NFT_SET_EVAL : 0) | (s->timeout ? NFT_SET_TIMEOUT : 0);

	enc_open(x, NFT_MSG_NEWSET, NLM_F_CREATE, "set %s", s->name);
	enc_set(x, s->name, flags, enc_key_type(s->type), enc_key_size(s->type), x->b->seq);
	if (s->timeout)
		nlmsg_be64(&x->m, NFTA_SET_TIMEOUT, (uint64_t)s->timeout * 1000);
	if (s->dynamic) {
		struct nlattr *desc = nlmsg_nest(&x->m, NFTA_SET_DESC);

		nlmsg_be32(&x->m, NFTA_SET_DESC_SIZE, NET_FLOWS_MAX);
		nlmsg_end(&x->m, desc);
	}
	enc_close(x);
}

static void set_delete(struct enc *x, const struct net_set *s)
{
	enc_open(x, NFT_MSG_DELSET, 0, "set %s", s->name);
	nlmsg_text(&x->m, NFTA_SET_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_SET_NAME, s->name);
	enc_close(x);
}

static void set_empty(struct enc *x, const struct net_set *s)
{
	enc_open(x, NFT_MSG_DELSETELEM, 0, "elements of set %s", s->name);
	nlmsg_text(&x->m, NFTA_SET_ELEM_LIST_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_SET_ELEM_LIST_SET, s->name);
	enc_close(x);
}

/* Everything that is in it goes unless it is NEW, and what S has comes. */
static void set_fill(struct enc *x, const struct net_set *s, bool is_new)
{
	const struct enc_set to = {s->name, 0, enc_key_size(s->type), has_intervals(s)};
	char what[sizeof x->what];

	if (s->dynamic)
		return;
	if (!is_new)
		set_empty(x, s);
	snprintf(what, sizeof what, "set %s", s->name);
	enc_elements(x, NFT_MSG_NEWSETELEM, &to, s->v, s->n, what);
}

static void counter_named(struct enc *x, uint16_t type, const struct net_counter *c)
{
	enc_open(x, type, type == NFT_MSG_NEWOBJ ? NLM_F_CREATE : 0, "counter %s", c->name);
	nlmsg_text(&x->m, NFTA_OBJ_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_OBJ_NAME, c->name);
	nlmsg_be32(&x->m, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (type == NFT_MSG_NEWOBJ) {
		struct nlattr *data = nlmsg_nest(&x->m, NFTA_OBJ_DATA);

		nlmsg_be64(&x->m, NFTA_COUNTER_BYTES, 0);
		nlmsg_be64(&x->m, NFTA_COUNTER_PACKETS, 0);
		nlmsg_end(&x->m, data);
	}
	enc_close(x);
}

/* ---- an installation ---- */

struct install {
	struct enc x;
	const struct ruleset *r, *gone;
	const char *const *owners;
	size_t n_owners;
	bool first; /* there is no table yet */
};

static bool mine(const struct install *in, const char *owner)
{
	if (!*owner || !in->owners)
		return true;
	for (size_t i = 0; i < in->n_owners; i++)
		if (strcmp(in->owners[i], owner) == 0)
			return true;
	return false;
}

/* What of GONE is in R, too, stays. */
static bool chain_stays(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (strcmp(r->chains[i].name, name) == 0)
			return true;
	return false;
}

static bool set_stays(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return true;
	return false;
}

static bool counter_stays(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_counters; i++)
		if (strcmp(r->counters[i].name, name) == 0)
			return true;
	return false;
}

/* FN for each chain of R that is to be filled, or of GONE that is to go. */
static void each_mine(struct install *in, void (*fn)(struct enc *x, const struct net_chain *c))
{
	for (size_t i = 0; i < in->r->n_chains; i++)
		if (mine(in, in->r->chains[i].owner))
			fn(&in->x, &in->r->chains[i]);
}

static void each_gone(struct install *in, void (*fn)(struct enc *x, const struct net_chain *c))
{
	for (size_t i = 0; in->gone && i < in->gone->n_chains; i++)
		if (!chain_stays(in->r, in->gone->chains[i].name))
			fn(&in->x, &in->gone->chains[i]);
}

static void remove_gone(struct install *in)
{
	const struct ruleset *g = in->gone;

	each_gone(in, chain_delete);
	for (size_t i = 0; g && i < g->n_sets; i++)
		if (!set_stays(in->r, g->sets[i].name))
			set_delete(&in->x, &g->sets[i]);
	for (size_t i = 0; g && i < g->n_counters; i++)
		if (!counter_stays(in->r, g->counters[i].name))
			counter_named(&in->x, NFT_MSG_DELOBJ, &g->counters[i]);
}

static void fill(struct install *in)
{
	const struct ruleset *r = in->r;

	for (size_t i = 0; i < r->n_sets; i++)
		if (mine(in, r->sets[i].owner))
			set_new(&in->x, &r->sets[i]);
	for (size_t i = 0; i < r->n_counters; i++)
		if (mine(in, r->counters[i].owner))
			counter_named(&in->x, NFT_MSG_NEWOBJ, &r->counters[i]);
	for (size_t i = 0; i < r->n_sets; i++)
		if (mine(in, r->sets[i].owner))
			set_fill(&in->x, &r->sets[i], in->first);
	for (size_t i = 0; i < r->n_chains; i++)
		if (mine(in, r->chains[i].owner))
			for (size_t l = 0; l < r->chains[i].n && !in->x.failed; l++)
				enc_line(&in->x, r, &r->chains[i], l);
}

int encode_install(struct batch *b, const struct ruleset *r, const char *const *owners,
	size_t n_owners, const struct ruleset *gone, struct err *e)
{
	struct install in = {.r = r, .gone = gone, .owners = owners, .n_owners = n_owners};

	start(&in.x, b);
	table(&in.x, NFT_MSG_NEWTABLE);
	each_mine(&in, chain_new);
	each_mine(&in, chain_empty);
	/* those that go may speak of each other, and of sets and counters that go */
	each_gone(&in, chain_empty);
	each_mine(&in, chain_anew);
	remove_gone(&in);
	fill(&in);
	return finish(&in.x, e);
}

int encode_first(struct batch *b, const struct ruleset *r, struct err *e)
{
	struct install in = {.r = r, .first = true};

	start(&in.x, b);
	table_with(&in.x, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	each_mine(&in, chain_new);
	fill(&in);
	return finish(&in.x, e);
}

int encode_replace(struct batch *b, const struct ruleset *r, struct err *e)
{
	struct install in = {.r = r};

	start(&in.x, b);
	table(&in.x, NFT_MSG_NEWTABLE); /* one that is not there cannot be deleted */
	table(&in.x, NFT_MSG_DELTABLE);
	table(&in.x, NFT_MSG_NEWTABLE);
	each_mine(&in, chain_new);
	fill(&in);
	return finish(&in.x, e);
}

int encode_remove(struct batch *b, struct err *e)
{
	struct enc x;

	start(&x, b);
	table(&x, NFT_MSG_NEWTABLE);
	table(&x, NFT_MSG_DELTABLE);
	return finish(&x, e);
}

/* ---- single elements ---- */

/* Those of L that are of S's family, as ranges; *OUT is the caller's. */
static int single(
	enum net_type type, const struct addrs *l, struct net_range **out, size_t *n, struct err *e)
{
	uint8_t family = type == NET_T_ADDR4 ? AF_INET : AF_INET6;

	*n = 0;
	*out = NULL;
	if (!l || l->n == 0)
		return 0;
	*out = calloc(l->n, sizeof **out);
	if (!*out)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == family)
			memcpy((*out)[(*n)++].low, l->v[i].bytes, addr_size(&l->v[i]));
	return 0;
}

/* All that goes is there, once it was added: nobody has to know. What goes and comes, comes. */
static int change(struct enc *x, const struct set_change *c, struct err *e)
{
	const struct enc_set to = {c->set, 0, enc_key_size(c->type), false};
	struct net_range *add = NULL, *remove = NULL;
	size_t n_add, n_remove;
	char what[sizeof x->what];
	int rc = -1;

	if (single(c->type, c->add, &add, &n_add, e) < 0 ||
		single(c->type, c->remove, &remove, &n_remove, e) < 0)
		goto out;
	snprintf(what, sizeof what, "set %s", c->set);
	enc_elements(x, NFT_MSG_NEWSETELEM, &to, remove, n_remove, what);
	enc_elements(x, NFT_MSG_DELSETELEM, &to, remove, n_remove, what);
	enc_elements(x, NFT_MSG_NEWSETELEM, &to, add, n_add, what);
	rc = 0;
out:
	free(add);
	free(remove);
	return rc;
}

int encode_changes(struct batch *b, const struct set_change *v, size_t n, struct err *e)
{
	struct enc x;

	start(&x, b);
	for (size_t i = 0; i < n; i++)
		if (change(&x, &v[i], e) < 0)
			return -1;
	if (!x.failed && b->n_notes == 1) { /* nothing but the begin */
		b->len = 0;
		b->n_notes = 0;
		b->seq = b->first;
		return 0;
	}
	return finish(&x, e);
}

int encode_elements(struct batch *b, const char *set, enum net_type type, const struct addrs *add,
	const struct addrs *remove, struct err *e)
{
	const struct set_change c = {set, type, add, remove};

	return encode_changes(b, &c, 1, e);
}
