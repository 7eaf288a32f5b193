/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_rule - a line of a chain as the expressions of nf_tables. See encode_rule.h.
 *
 * What each expression looks like follows nft's own choices, so that nft lists a rule as it would one of its own:
 * values of one byte, ports and addresses are compared as they are on the wire; several values are a set without a
 * name; a match on an address first asks for the family, one on ICMP for family and protocol.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "netseg/encode_rule.h"

enum {
	MATCHES_MAX = 16, /* of a line */
	LO = 1, /* the index of lo in every namespace */
};

/* Not in older headers. */
#define SOCKET_CGROUPV2 3 /* NFT_SOCKET_CGROUPV2, Linux 5.13 */
#define SOCKET_LEVEL 3 /* NFTA_SOCKET_LEVEL */

/* ---- expressions ---- */

struct expr {
	struct nlattr *elem, *data;
};

static struct expr begin(struct enc *x, const char *name)
{
	struct expr ex;

	ex.elem = nlmsg_nest(&x->m, NFTA_LIST_ELEM);
	nlmsg_text(&x->m, NFTA_EXPR_NAME, name);
	ex.data = nlmsg_nest(&x->m, NFTA_EXPR_DATA);
	return ex;
}

static void end(struct enc *x, struct expr ex)
{
	nlmsg_end(&x->m, ex.data);
	nlmsg_end(&x->m, ex.elem);
}

static void value(struct enc *x, uint16_t type, const void *bytes, size_t len)
{
	struct nlattr *nest = nlmsg_nest(&x->m, type);

	nlmsg_put(&x->m, NFTA_DATA_VALUE, bytes, len);
	nlmsg_end(&x->m, nest);
}

static void meta(struct enc *x, uint32_t key, uint32_t reg)
{
	struct expr ex = begin(x, "meta");

	nlmsg_be32(&x->m, NFTA_META_KEY, key);
	nlmsg_be32(&x->m, NFTA_META_DREG, reg);
	end(x, ex);
}

static void payload(struct enc *x, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct expr ex = begin(x, "payload");

	nlmsg_be32(&x->m, NFTA_PAYLOAD_DREG, reg);
	nlmsg_be32(&x->m, NFTA_PAYLOAD_BASE, base);
	nlmsg_be32(&x->m, NFTA_PAYLOAD_OFFSET, offset);
	nlmsg_be32(&x->m, NFTA_PAYLOAD_LEN, len);
	end(x, ex);
}

static void cmp(struct enc *x, uint32_t op, const void *bytes, size_t len)
{
	struct expr ex = begin(x, "cmp");

	nlmsg_be32(&x->m, NFTA_CMP_SREG, NFT_REG_1);
	nlmsg_be32(&x->m, NFTA_CMP_OP, op);
	value(x, NFTA_CMP_DATA, bytes, len);
	end(x, ex);
}

static void same(struct enc *x, bool negated, const void *bytes, size_t len)
{
	cmp(x, negated ? NFT_CMP_NEQ : NFT_CMP_EQ, bytes, len);
}

static void lookup(struct enc *x, const char *set, uint32_t id, bool negated)
{
	struct expr ex = begin(x, "lookup");

	nlmsg_text(&x->m, NFTA_LOOKUP_SET, set);
	nlmsg_be32(&x->m, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (id)
		nlmsg_be32(&x->m, NFTA_LOOKUP_SET_ID, id);
	if (negated)
		nlmsg_be32(&x->m, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end(x, ex);
}

/* ---- matches ---- */

struct line {
	struct enc *x;
	const struct ruleset *r;
	const struct net_chain *chain;
	const struct net_line *l;
	uint32_t ids[MATCHES_MAX]; /* of the sets without a name; 0: none */
	uint8_t family, protocol; /* that a packet has by now; 0: any */
};

#define ANONYMOUS "__set%d" /* the kernel puts a number there */

static void want_family(struct line *p, uint8_t family)
{
	const uint8_t nfproto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (p->family == family)
		return;
	meta(p->x, NFT_META_NFPROTO, NFT_REG_1);
	same(p->x, false, &nfproto, 1);
	p->family = family;
}

static void want_protocol(struct line *p, uint8_t protocol)
{
	if (p->protocol == protocol)
		return;
	meta(p->x, NFT_META_L4PROTO, NFT_REG_1);
	same(p->x, false, &protocol, 1);
	p->protocol = protocol;
}

static void match_lo(struct line *p, const struct net_match *m, uint32_t id)
{
	const uint32_t lo = LO;

	(void)id;
	meta(p->x, p->chain->hook == NF_INET_LOCAL_OUT ? NFT_META_OIF : NFT_META_IIF, NFT_REG_1);
	same(p->x, m->not, &lo, sizeof lo);
}

static void match_ct(struct line *p, const struct net_match *m, uint32_t id)
{
	const uint32_t bits = m->bits, none = 0;
	struct expr ex = begin(p->x, "ct");

	(void)id;
	nlmsg_be32(&p->x->m, NFTA_CT_KEY, NFT_CT_STATE);
	nlmsg_be32(&p->x->m, NFTA_CT_DREG, NFT_REG_1);
	end(p->x, ex);
	ex = begin(p->x, "bitwise");
	nlmsg_be32(&p->x->m, NFTA_BITWISE_SREG, NFT_REG_1);
	nlmsg_be32(&p->x->m, NFTA_BITWISE_DREG, NFT_REG_1);
	nlmsg_be32(&p->x->m, NFTA_BITWISE_LEN, sizeof bits);
	value(p->x, NFTA_BITWISE_MASK, &bits, sizeof bits);
	value(p->x, NFTA_BITWISE_XOR, &none, sizeof none);
	end(p->x, ex);
	same(p->x, !m->not, &none, sizeof none);
}

static void match_cgroup(struct line *p, const struct net_match *m, uint32_t id)
{
	struct expr ex = begin(p->x, "socket");

	(void)id;
	nlmsg_be32(&p->x->m, NFTA_SOCKET_KEY, SOCKET_CGROUPV2);
	nlmsg_be32(&p->x->m, NFTA_SOCKET_DREG, NFT_REG_1);
	nlmsg_be32(&p->x->m, SOCKET_LEVEL, m->level);
	end(p->x, ex);
	same(p->x, m->not, &m->cgroup, sizeof m->cgroup);
}

static void match_family(struct line *p, const struct net_match *m, uint32_t id)
{
	(void)id;
	want_family(p, m->family);
}

static void match_protocol(struct line *p, const struct net_match *m, uint32_t id)
{
	if (!id && !m->not &&!*m->set) {
		want_protocol(p, m->values[0]);
		return;
	}
	meta(p->x, NFT_META_L4PROTO, NFT_REG_1);
	if (id || *m->set)
		lookup(p->x, id ? ANONYMOUS : m->set, id, m->not );
	else
		same(p->x, true, m->values, 1);
}

static void address(struct line *p, uint8_t family, bool dest, uint32_t reg)
{
	if (family == AF_INET)
		payload(p->x, NFT_PAYLOAD_NETWORK_HEADER, dest ? 16 : 12, 4, reg);
	else
		payload(p->x, NFT_PAYLOAD_NETWORK_HEADER, dest ? 24 : 8, 16, reg);
}

static void match_address(struct line *p, const struct net_match *m, uint32_t id)
{
	(void)id;
	want_family(p, m->family);
	address(p, m->family, m->kind == NET_M_DEST, NFT_REG_1);
	lookup(p->x, m->set, 0, m->not );
}

static void match_ports(struct line *p, const struct net_match *m, uint32_t id)
{
	const uint16_t low = htons(m->ports[0].low), high = htons(m->ports[0].high);

	payload(p->x, NFT_PAYLOAD_TRANSPORT_HEADER, m->kind == NET_M_DPORTS ? 2 : 0, 2, NFT_REG_1);
	if (id) {
		lookup(p->x, ANONYMOUS, id, false);
	} else if (low == high) {
		same(p->x, false, &low, sizeof low);
	} else {
		cmp(p->x, NFT_CMP_GTE, &low, sizeof low);
		cmp(p->x, NFT_CMP_LTE, &high, sizeof high);
	}
}

static void match_icmp(struct line *p, const struct net_match *m, uint32_t id)
{
	want_family(p, m->family);
	want_protocol(p, m->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	payload(p->x, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	if (id)
		lookup(p->x, ANONYMOUS, id, false);
	else
		same(p->x, false, m->values, 1);
}

static void match_local(struct line *p, const struct net_match *m, uint32_t id)
{
	const uint32_t local = RTN_LOCAL;
	struct expr ex = begin(p->x, "fib");

	(void)id;
	nlmsg_be32(&p->x->m, NFTA_FIB_DREG, NFT_REG_1);
	nlmsg_be32(&p->x->m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nlmsg_be32(&p->x->m, NFTA_FIB_FLAGS,
		m->kind == NET_M_SOURCE_LOCAL ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR);
	end(p->x, ex);
	same(p->x, m->not, &local, sizeof local);
}

static void match_loopback(struct line *p, const struct net_match *m, uint32_t id)
{
	const uint8_t first = 127;

	(void)id;
	want_family(p, AF_INET);
	payload(p->x, NFT_PAYLOAD_NETWORK_HEADER, m->kind == NET_M_DEST_LOOPBACK ? 16 : 12, 1,
		NFT_REG_1);
	same(p->x, false, &first, 1);
}

static void (*const matchers[])(struct line *p, const struct net_match *m, uint32_t id) = {
	[NET_M_LO] = match_lo,
	[NET_M_CT] = match_ct,
	[NET_M_CGROUP] = match_cgroup,
	[NET_M_FAMILY] = match_family,
	[NET_M_PROTOCOL] = match_protocol,
	[NET_M_SOURCE] = match_address,
	[NET_M_DEST] = match_address,
	[NET_M_SPORTS] = match_ports,
	[NET_M_DPORTS] = match_ports,
	[NET_M_ICMP] = match_icmp,
	[NET_M_SOURCE_LOCAL] = match_local,
	[NET_M_DEST_LOCAL] = match_local,
	[NET_M_SOURCE_LOOPBACK] = match_loopback,
	[NET_M_DEST_LOOPBACK] = match_loopback,
};

/* ---- sets without a name ---- */

/* The values of M as ranges; *SIZE bytes each, of nft's data type *TYPE. */
static void values_of(
	const struct net_match *m, struct net_range *v, uint32_t *size, uint32_t *type)
{
	bool ports = m->kind == NET_M_SPORTS || m->kind == NET_M_DPORTS;

	*size = ports ? 2 : 1;
	*type = ports                   ? ENC_T_SERVICE
		: m->kind != NET_M_ICMP ? ENC_T_PROTOCOL
		: m->family == AF_INET  ? ENC_T_ICMP
					: ENC_T_ICMPV6;
	for (size_t i = 0; i < m->n; i++) {
		const uint16_t low = htons(m->ports[i].low), high = htons(m->ports[i].high);

		memcpy(v[i].low, ports ? (const void *)&low : &m->values[i], *size);
		memcpy(v[i].high, ports ? (const void *)&high : &m->values[i], *size);
	}
}

/* The set for M when it has several values; its id, or 0. */
static uint32_t anonymous(struct enc *x, const struct net_match *m, const char *rule)
{
	struct net_range v[NET_LIST_MAX];
	bool many = m->kind == NET_M_PROTOCOL || m->kind == NET_M_SPORTS ||
		    m->kind == NET_M_DPORTS || m->kind == NET_M_ICMP;
	uint32_t size, type, id = x->b->seq, flags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT;
	struct enc_set to = {ANONYMOUS, id, 0, false};

	if (!many || m->n < 2 || *m->set)
		return 0;
	values_of(m, v, &size, &type);
	to.size = size;
	for (size_t i = 0; i < m->n; i++)
		to.interval |= memcmp(v[i].low, v[i].high, size) != 0;
	enc_open(x, NFT_MSG_NEWSET, NLM_F_CREATE, "%s", rule);
	enc_set(x, ANONYMOUS, flags | (to.interval ? NFT_SET_INTERVAL : 0), type, size, id);
	enc_close(x);
	enc_elements(x, NFT_MSG_NEWSETELEM, &to, v, m->n, rule);
	return id;
}

/* ---- what happens to a packet ---- */

static const struct net_set *set_of(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

static void counter(struct enc *x)
{
	struct expr ex = begin(x, "counter");

	nlmsg_be64(&x->m, NFTA_COUNTER_BYTES, 0);
	nlmsg_be64(&x->m, NFTA_COUNTER_PACKETS, 0);
	end(x, ex);
}

static void immediate(struct enc *x, uint32_t reg, const void *bytes, size_t len)
{
	struct expr ex = begin(x, "immediate");

	nlmsg_be32(&x->m, NFTA_IMMEDIATE_DREG, reg);
	value(x, NFTA_IMMEDIATE_DATA, bytes, len);
	end(x, ex);
}

/* "update @set { ip daddr . meta l4proto . th dport counter }". Each part of a key has registers of 32 bits of its own. */
static void remember(struct line *p)
{
	const struct net_set *s = set_of(p->r, p->l->remember);
	uint8_t family = s && s->type == NET_T_FLOW6 ? AF_INET6 : AF_INET;
	uint32_t next = NFT_REG32_00 + (family == AF_INET ? 1 : 4);
	const uint16_t none = 0;
	struct expr ex;
	struct nlattr *nest;

	if (!s || !s->dynamic) {
		enc_fail(p->x, EINVAL);
		return;
	}
	want_family(p, family);
	address(p, family, p->l->remember_dir == NET_OUT, NFT_REG_1);
	meta(p->x, NFT_META_L4PROTO, next);
	if (p->l->ports)
		payload(p->x, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next + 1);
	else
		immediate(p->x, next + 1, &none, sizeof none);
	ex = begin(p->x, "dynset");
	nlmsg_text(&p->x->m, NFTA_DYNSET_SET_NAME, p->l->remember);
	nlmsg_be32(&p->x->m, NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nlmsg_be32(&p->x->m, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	nest = nlmsg_nest(&p->x->m, NFTA_DYNSET_EXPR);
	nlmsg_text(&p->x->m, NFTA_EXPR_NAME, "counter");
	nlmsg_end(&p->x->m, nest);
	end(p->x, ex);
}

static void counter_named(struct enc *x, const char *name)
{
	struct expr ex = begin(x, "objref");

	nlmsg_be32(&x->m, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nlmsg_text(&x->m, NFTA_OBJREF_IMM_NAME, name);
	end(x, ex);
}

static void verdict(struct enc *x, int code, const char *chain)
{
	struct expr ex = begin(x, "immediate");
	struct nlattr *data, *nest;

	nlmsg_be32(&x->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nlmsg_nest(&x->m, NFTA_IMMEDIATE_DATA);
	nest = nlmsg_nest(&x->m, NFTA_DATA_VERDICT);
	nlmsg_be32(&x->m, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nlmsg_text(&x->m, NFTA_VERDICT_CHAIN, chain);
	nlmsg_end(&x->m, nest);
	nlmsg_end(&x->m, data);
	end(x, ex);
}

static void reset(struct enc *x)
{
	struct expr ex = begin(x, "reject");

	nlmsg_be32(&x->m, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	nlmsg_u8(&x->m, NFTA_REJECT_ICMP_CODE, 0);
	end(x, ex);
}

static void decide(struct line *p)
{
	const struct net_line *l = p->l;

	switch (l->verdict) {
	case NET_V_NONE:
		break;
	case NET_V_ACCEPT:
		verdict(p->x, NF_ACCEPT, NULL);
		break;
	case NET_V_DROP:
		verdict(p->x, NF_DROP, NULL);
		break;
	case NET_V_GOTO:
		verdict(p->x, NFT_GOTO, l->chain);
		break;
	case NET_V_JUMP:
		verdict(p->x, NFT_JUMP, l->chain);
		break;
	case NET_V_RETURN:
		verdict(p->x, NFT_RETURN, NULL);
		break;
	case NET_V_RESET:
		reset(p->x);
		break;
	}
}

void enc_line(struct enc *x, const struct ruleset *r, const struct net_chain *c, size_t n)
{
	struct line p = {.x = x, .r = r, .chain = c, .l = &c->lines[n]};
	char what[sizeof x->what];
	struct nlattr *list;

	snprintf(what, sizeof what, "rule %zu of chain %s", n + 1, c->name);
	if (p.l->n > MATCHES_MAX) {
		memcpy(x->what, what, sizeof what);
		enc_fail(x, EINVAL);
	}
	for (size_t i = 0; i < p.l->n && !x->failed; i++)
		p.ids[i] = anonymous(x, &p.l->matches[i], what);
	enc_open(x, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "%s", what);
	nlmsg_text(&x->m, NFTA_RULE_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_RULE_CHAIN, c->name);
	list = nlmsg_nest(&x->m, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < p.l->n && !x->failed; i++)
		matchers[p.l->matches[i].kind](&p, &p.l->matches[i], p.ids[i]);
	if (*p.l->remember)
		remember(&p);
	if (p.l->counted)
		counter(x);
	if (*p.l->counter)
		counter_named(x, p.l->counter);
	decide(&p);
	nlmsg_end(&x->m, list);
	enc_comment(x, NFTA_RULE_USERDATA, p.l->comment);
	enc_close(x);
}
