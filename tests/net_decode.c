/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_decode - a second reader of nf_tables batches. See net_decode.h.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_decode.h"

/* ---- bytes ---- */

struct span {
	const uint8_t *p;
	size_t n;
};

static const char *wrong; /* the first thing that is */

static void complain(const char *what)
{
	if (!wrong)
		wrong = what;
}

static unsigned u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* The next attribute of S, which becomes the rest. */
static int next(struct span *s, unsigned *type, struct span *in)
{
	size_t len, step;

	if (s->n == 0)
		return 0;
	if (s->n < 4 || (len = u16(s->p)) < 4 || len > s->n) {
		complain("an attribute that is not whole");
		return 0;
	}
	*type = u16(s->p + 2) & 0x3fff;
	*in = (struct span){s->p + 4, len - 4};
	step = (len + 3) & ~(size_t)3;
	if (step > s->n) {
		complain("an attribute without its padding");
		return 0;
	}
	s->p += step;
	s->n -= step;
	return 1;
}

static struct span find(struct span s, unsigned want)
{
	struct span in, found = {NULL, 0};
	unsigned type;

	while (next(&s, &type, &in)) {
		if (type == want && found.p)
			complain("an attribute twice");
		if (type == want)
			found = in;
	}
	return found;
}

static const char *text(struct span s)
{
	if (!s.p || s.n == 0 || s.p[s.n - 1] || strlen((const char *)s.p) != s.n - 1) {
		complain("a text that is none");
		return "?";
	}
	return (const char *)s.p;
}

static uint32_t be32(struct span s)
{
	uint32_t v = 0;

	if (s.n != 4)
		complain("a number that has not 32 bits");
	else
		memcpy(&v, s.p, 4);
	return ntohl(v);
}

static uint32_t be32_or(struct span s, uint32_t other)
{
	return s.p ? be32(s) : other;
}

/* As libnftnl prints them: words of the machine. */
static void words(struct span s, const char *before, struct str *out)
{
	for (size_t i = 0; i < s.n; i += 4) {
		uint32_t v = 0;

		memcpy(&v, s.p + i, s.n - i < 4 ? s.n - i : 4);
		str_addf(out, "%s%.8x ", before, v);
	}
}

static void userdata(struct span s, struct str *out)
{
	str_add(out, "userdata = { ");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x20 && s.p[i] < 0x7f)
			str_addc(out, (char)s.p[i]);
		else
			str_addf(out, "\\x%02x", s.p[i]);
	str_add(out, " }");
}

/* ---- expressions ---- */

static unsigned reg(struct span s)
{
	unsigned r = be32(s);

	/* the kernel tells those of 32 bits that begin one of 128 by that one's name */
	return r >= NFT_REG32_00 && (r - NFT_REG32_00) % 4 == 0 ? 1 + (r - NFT_REG32_00) / 4 : r;
}

static void ex_meta(struct span d, struct str *out)
{
	static const char *const keys[] = {[NFT_META_IIF] = "iif",
		[NFT_META_OIF] = "oif",
		[NFT_META_NFPROTO] = "nfproto",
		[NFT_META_L4PROTO] = "l4proto"};
	unsigned key = be32(find(d, NFTA_META_KEY));

	str_addf(out, "meta load %s => reg %u",
		key < sizeof keys / sizeof *keys && keys[key] ? keys[key] : "?",
		reg(find(d, NFTA_META_DREG)));
}

static void ex_payload(struct span d, struct str *out)
{
	static const char *const bases[] = {"link", "network", "transport"};
	unsigned base = be32(find(d, NFTA_PAYLOAD_BASE));

	str_addf(out, "payload load %ub @ %s header + %u => reg %u",
		be32(find(d, NFTA_PAYLOAD_LEN)), base < 3 ? bases[base] : "?",
		be32(find(d, NFTA_PAYLOAD_OFFSET)), reg(find(d, NFTA_PAYLOAD_DREG)));
}

static void ex_cmp(struct span d, struct str *out)
{
	static const char *const ops[] = {"eq", "neq", "lt", "lte", "gt", "gte"};
	unsigned op = be32(find(d, NFTA_CMP_OP));

	str_addf(out, "cmp %s reg %u ", op < 6 ? ops[op] : "?", reg(find(d, NFTA_CMP_SREG)));
	words(find(find(d, NFTA_CMP_DATA), NFTA_DATA_VALUE), "0x", out);
	out->len--; /* what stands between them stands behind the last, too */
}

static void ex_lookup(struct span d, struct str *out)
{
	unsigned flags = be32_or(find(d, NFTA_LOOKUP_FLAGS), 0);

	str_addf(out, "lookup reg %u set %s", reg(find(d, NFTA_LOOKUP_SREG)),
		text(find(d, NFTA_LOOKUP_SET)));
	if (flags)
		str_addf(out, " 0x%x", flags);
}

static void ex_ct(struct span d, struct str *out)
{
	str_addf(out, "ct load %s => reg %u",
		be32(find(d, NFTA_CT_KEY)) == NFT_CT_STATE ? "state" : "?",
		reg(find(d, NFTA_CT_DREG)));
}

static void ex_bitwise(struct span d, struct str *out)
{
	str_addf(out, "bitwise reg %u = ( reg %u & ", reg(find(d, NFTA_BITWISE_DREG)),
		reg(find(d, NFTA_BITWISE_SREG)));
	if (be32(find(d, NFTA_BITWISE_LEN)) != 4)
		complain("a mask of another length");
	words(find(find(d, NFTA_BITWISE_MASK), NFTA_DATA_VALUE), "0x", out);
	str_add(out, ") ^ ");
	words(find(find(d, NFTA_BITWISE_XOR), NFTA_DATA_VALUE), "0x", out);
	out->len--;
}

static struct decoded *current; /* for the level, which libnftnl does not print */

static void ex_socket(struct span d, struct str *out)
{
	current->level = be32(find(d, 3));
	str_addf(out, "socket load %s => reg %u",
		be32(find(d, NFTA_SOCKET_KEY)) == 3 ? "cgroupv2" : "?",
		reg(find(d, NFTA_SOCKET_DREG)));
}

static void ex_fib(struct span d, struct str *out)
{
	unsigned flags = be32(find(d, NFTA_FIB_FLAGS));

	str_addf(out, "fib %s %s => reg %u",
		flags == NFTA_FIB_F_SADDR   ? "saddr"
		: flags == NFTA_FIB_F_DADDR ? "daddr"
					    : "?",
		be32(find(d, NFTA_FIB_RESULT)) == NFT_FIB_RESULT_ADDRTYPE ? "type" : "?",
		reg(find(d, NFTA_FIB_DREG)));
}

static void ex_immediate(struct span d, struct str *out)
{
	struct span data = find(d, NFTA_IMMEDIATE_DATA), v = find(data, NFTA_DATA_VERDICT), chain;
	unsigned to = reg(find(d, NFTA_IMMEDIATE_DREG));
	int code;

	str_addf(out, "immediate reg %u ", to);
	if (!v.p) {
		words(find(data, NFTA_DATA_VALUE), "0x", out);
		out->len--;
		return;
	}
	if (to != NFT_REG_VERDICT)
		complain("a verdict in another register");
	code = (int)be32(find(v, NFTA_VERDICT_CODE));
	chain = find(v, NFTA_VERDICT_CHAIN);
	str_add(out, code == NF_ACCEPT    ? "accept"
		     : code == NF_DROP    ? "drop"
		     : code == NFT_RETURN ? "return"
		     : code == NFT_GOTO   ? "goto"
		     : code == NFT_JUMP   ? "jump"
					  : "?");
	if ((code == NFT_GOTO || code == NFT_JUMP) != !!chain.p)
		complain("a chain without, or not with a jump");
	if (chain.p)
		str_addf(out, " -> %s", text(chain));
}

static void ex_counter(struct span d, struct str *out)
{
	struct span p = find(d, NFTA_COUNTER_PACKETS), b = find(d, NFTA_COUNTER_BYTES);
	static const uint8_t zero[8];

	if (p.n != 8 || b.n != 8 || memcmp(p.p, zero, 8) != 0 || memcmp(b.p, zero, 8) != 0)
		complain("a counter that has counted");
	str_add(out, "counter pkts 0 bytes 0");
}

static void ex_objref(struct span d, struct str *out)
{
	str_addf(out, "objref type %u name %s", be32(find(d, NFTA_OBJREF_IMM_TYPE)),
		text(find(d, NFTA_OBJREF_IMM_NAME)));
}

static void ex_dynset(struct span d, struct str *out)
{
	struct span e = find(d, NFTA_DYNSET_EXPR);

	str_addf(out, "dynset %s reg_key %u set %s",
		be32(find(d, NFTA_DYNSET_OP)) == NFT_DYNSET_OP_UPDATE ? "update" : "?",
		reg(find(d, NFTA_DYNSET_SREG_KEY)), text(find(d, NFTA_DYNSET_SET_NAME)));
	if (strcmp(text(find(e, NFTA_EXPR_NAME)), "counter") == 0)
		str_add(out, " expr [ counter pkts 0 bytes 0 ]");
}

static void ex_reject(struct span d, struct str *out)
{
	str_addf(out, "reject type %u code 0", be32(find(d, NFTA_REJECT_TYPE)));
}

static const struct {
	const char *name;
	void (*print)(struct span d, struct str *out);
} expressions[] = {
	{"meta", ex_meta},
	{"payload", ex_payload},
	{"cmp", ex_cmp},
	{"lookup", ex_lookup},
	{"ct", ex_ct},
	{"bitwise", ex_bitwise},
	{"socket", ex_socket},
	{"fib", ex_fib},
	{"immediate", ex_immediate},
	{"counter", ex_counter},
	{"objref", ex_objref},
	{"dynset", ex_dynset},
	{"reject", ex_reject},
};

static void expression(struct span elem, struct str *out)
{
	const char *name = text(find(elem, NFTA_EXPR_NAME));
	size_t i = 0;

	while (i < sizeof expressions / sizeof *expressions &&
		strcmp(expressions[i].name, name) != 0)
		i++;
	if (i == sizeof expressions / sizeof *expressions) {
		complain("an expression nobody knows");
		return;
	}
	str_add(out, "  [ ");
	expressions[i].print(find(elem, NFTA_EXPR_DATA), out);
	str_add(out, " ]\n");
}

static void rule(struct span s, struct str *out)
{
	struct span list = find(s, NFTA_RULE_EXPRESSIONS), elem, u = find(s, NFTA_RULE_USERDATA);
	unsigned type;

	str_addf(out, "inet %s %s\n", text(find(s, NFTA_RULE_TABLE)),
		text(find(s, NFTA_RULE_CHAIN)));
	while (next(&list, &type, &elem))
		expression(elem, out);
	if (u.p) {
		str_add(out, "  ");
		userdata(u, out);
		str_add(out, "\n");
	}
}

/* ---- sets ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The set that is open is whole: its elements in order. */
static void set_close(struct decoded *d)
{
	struct str *out = strcmp(d->set, "__set%d") == 0 ? &d->anonymous : &d->sets;
	char *lines[4096], *save = NULL;
	size_t n = 0;

	if (!*d->set)
		return;
	str_addf(out, "inet cinch @%s\n", d->set);
	for (char *p = d->elements.len ? strtok_r(d->elements.s, "\n", &save) : NULL; p && n < 4096;
		p = strtok_r(NULL, "\n", &save))
		lines[n++] = p;
	if (n)
		qsort(lines, n, sizeof *lines, by_text);
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%s\n", lines[i]);
	str_reset(&d->elements);
	d->set[0] = '\0';
}

static void elements(struct span s, struct decoded *d)
{
	struct span list = find(s, NFTA_SET_ELEM_LIST_ELEMENTS), elem;
	const char *name = text(find(s, NFTA_SET_ELEM_LIST_SET));
	unsigned type;

	if (strcmp(name, d->set) != 0) {
		set_close(d);
		snprintf(d->set, sizeof d->set, "%s", name);
	}
	while (next(&list, &type, &elem)) {
		struct span u = find(elem, NFTA_SET_ELEM_USERDATA);

		str_add(&d->elements, "\telement ");
		words(find(find(elem, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE), "", &d->elements);
		str_addf(&d->elements, " : %u [end]", be32_or(find(elem, NFTA_SET_ELEM_FLAGS), 0));
		if (u.p) {
			str_add(&d->elements, "  ");
			userdata(u, &d->elements);
		}
		str_add(&d->elements, "\n");
	}
}

/* ---- messages ---- */

static const struct {
	const char *verb, *kind;
	unsigned name; /* attribute */
} messages[] = {
	[NFT_MSG_NEWTABLE] = {"new", "table", NFTA_TABLE_NAME},
	[NFT_MSG_DELTABLE] = {"delete", "table", NFTA_TABLE_NAME},
	[NFT_MSG_NEWCHAIN] = {"new", "chain", NFTA_CHAIN_NAME},
	[NFT_MSG_DELCHAIN] = {"delete", "chain", NFTA_CHAIN_NAME},
	[NFT_MSG_NEWRULE] = {"new", "rule", NFTA_RULE_CHAIN},
	[NFT_MSG_DELRULE] = {"delete", "rules", NFTA_RULE_CHAIN},
	[NFT_MSG_NEWSET] = {"new", "set", NFTA_SET_NAME},
	[NFT_MSG_DELSET] = {"delete", "set", NFTA_SET_NAME},
	[NFT_MSG_NEWSETELEM] = {"new", "elements", NFTA_SET_ELEM_LIST_SET},
	[NFT_MSG_DELSETELEM] = {"delete", "elements", NFTA_SET_ELEM_LIST_SET},
	[NFT_MSG_NEWOBJ] = {"new", "counter", NFTA_OBJ_NAME},
	[NFT_MSG_DELOBJ] = {"delete", "counter", NFTA_OBJ_NAME},
};

static void one(const struct nlmsghdr *h, const uint8_t *bytes, struct decoded *d)
{
	struct span s = {bytes + 20, h->nlmsg_len - 20};
	unsigned type = h->nlmsg_type & 0xff;

	if (h->nlmsg_type == NFNL_MSG_BATCH_BEGIN || h->nlmsg_type == NFNL_MSG_BATCH_END) {
		str_addf(&d->log, "%s\n", h->nlmsg_type == NFNL_MSG_BATCH_END ? "end" : "begin");
		if (bytes[18] != 0 || bytes[19] != NFNL_SUBSYS_NFTABLES || s.n)
			complain("a batch of something else");
		return;
	}
	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || bytes[16] != NFPROTO_INET ||
		type >= sizeof messages / sizeof *messages || !messages[type].verb) {
		complain("a message of something else");
		return;
	}
	/* the first attribute of each is the table's name */
	if (strcmp(text(find(s, 1)), "cinch") != 0)
		complain("another table");
	str_addf(&d->log, "%s %s %s%s\n", messages[type].verb, messages[type].kind,
		text(find(s, messages[type].name)),
		type == NFT_MSG_DELSETELEM && !find(s, NFTA_SET_ELEM_LIST_ELEMENTS).p ? ": all"
										      : "");
	if (type == NFT_MSG_NEWSET)
		set_close(d);
	if (type == NFT_MSG_NEWRULE)
		rule(s, &d->rules);
	else if (type == NFT_MSG_NEWSETELEM)
		elements(s, d);
}

const char *decode(const void *all, size_t len, struct decoded *d)
{
	const uint8_t *bytes = all;
	uint32_t seq = 0;

	*d = (struct decoded){0};
	wrong = NULL;
	current = d;
	while (len > 0 && !wrong) {
		struct nlmsghdr h;

		if (len < 20)
			return "bytes behind the last message";
		memcpy(&h, bytes, sizeof h);
		if (h.nlmsg_len < 20 || h.nlmsg_len > len || h.nlmsg_len % 4)
			return "a message that is not whole";
		if (h.nlmsg_seq < seq)
			return "numbers that do not ascend";
		if (!(h.nlmsg_flags & NLM_F_REQUEST))
			return "no request";
		seq = h.nlmsg_seq + 1;
		d->messages++;
		d->acks += (h.nlmsg_flags & NLM_F_ACK) != 0;
		if (h.nlmsg_len > d->longest)
			d->longest = h.nlmsg_len;
		one(&h, bytes, d);
		bytes += h.nlmsg_len;
		len -= h.nlmsg_len;
	}
	set_close(d);
	return wrong;
}

void decoded_done(struct decoded *d)
{
	str_done(&d->log);
	str_done(&d->rules);
	str_done(&d->sets);
	str_done(&d->anonymous);
	str_done(&d->elements);
}
