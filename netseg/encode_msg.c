/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_msg - the messages of a batch, and sets' elements in them. See encode_rule.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netseg/encode_rule.h"

enum {
	ELEMENT_ROOM = 160, /* two elements of 16 bytes, and what is around them */
	NOTES_STEP = 64,
	/* what nft keeps for itself in userdata: libnftnl's udata.h */
	U_COMMENT = 0,
	U_KEY_ORDER = 0,
	U_BIG_ENDIAN = 2,
	U_ELEMENT_FLAGS = 1,
	U_INTERVAL_OPEN = 1,
};

/* ---- messages ---- */

void enc_fail(struct enc *x, int code)
{
	if (!x->failed)
		x->failed = code;
}

/* Room for another message of any length, of a batch that grows. */
static void reserve(struct enc *x)
{
	struct batch *b = x->b;
	size_t want = b->len + NLMSG_MAX + 4;
	uint8_t *more;

	if (x->failed || !b->grows || b->cap >= want)
		return;
	want = want * 2 < BATCH_MAX ? want * 2 : BATCH_MAX;
	more = realloc(b->bytes, want);
	if (!more) {
		enc_fail(x, ENOMEM);
		return;
	}
	b->bytes = more;
	b->cap = want;
}

void enc_open_raw(struct enc *x, uint16_t type, uint16_t flags, uint8_t family, uint16_t res,
	const char *what)
{
	if (!x->failed)
		snprintf(x->what, sizeof x->what, "%s", what);
	reserve(x);
	x->m = (struct nlmsg){.full = true};
	if (x->failed)
		return;
	nlmsg_begin_nf(
		&x->m, x->b->bytes + x->b->len, x->b->cap - x->b->len, type, flags, family, res);
}

void enc_open(struct enc *x, uint16_t type, uint16_t flags, const char *fmt, ...)
{
	char what[sizeof x->what];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	enc_open_raw(x, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0, what);
}

void enc_close(struct enc *x)
{
	struct batch *b = x->b;

	if (x->m.full)
		enc_fail(x, ENOSPC);
	if (x->failed)
		return;
	if (b->n_notes % NOTES_STEP == 0) {
		struct batch_note *more =
			reallocarray(b->notes, b->n_notes + NOTES_STEP, sizeof *more);

		if (!more) {
			enc_fail(x, ENOMEM);
			return;
		}
		b->notes = more;
	}
	b->notes[b->n_notes].seq = b->seq;
	memcpy(b->notes[b->n_notes++].what, x->what, sizeof x->what);
	x->m.h->nlmsg_seq = b->seq++;
	x->last = b->len;
	b->len += nlmsg_len(&x->m);
}

void enc_comment(struct enc *x, uint16_t type, const char *comment)
{
	uint8_t tlv[2 + sizeof((struct net_line *)0)->comment];
	size_t len = strlen(comment) + 1;

	if (len == 1)
		return;
	tlv[0] = U_COMMENT;
	tlv[1] = (uint8_t)len;
	memcpy(tlv + 2, comment, len);
	nlmsg_put(&x->m, type, tlv, len + 2);
}

/* ---- sets ---- */

void enc_set(
	struct enc *x, const char *name, uint32_t flags, uint32_t type, uint32_t size, uint32_t id)
{
	static const uint8_t order[] = {U_KEY_ORDER, 4, U_BIG_ENDIAN, 0, 0, 0};

	nlmsg_text(&x->m, NFTA_SET_TABLE, NET_TABLE);
	nlmsg_text(&x->m, NFTA_SET_NAME, name);
	if (flags)
		nlmsg_be32(&x->m, NFTA_SET_FLAGS, flags);
	nlmsg_be32(&x->m, NFTA_SET_KEY_TYPE, type);
	nlmsg_be32(&x->m, NFTA_SET_KEY_LEN, size);
	nlmsg_be32(&x->m, NFTA_SET_ID, id);
	nlmsg_put(&x->m, NFTA_SET_USERDATA, order, sizeof order);
}

static const struct {
	uint32_t type, size;
} keys[] = {
	[NET_T_ADDR4] = {ENC_T_IPV4, 4},
	[NET_T_ADDR6] = {ENC_T_IPV6, 16},
	[NET_T_FLOW4] = {(ENC_T_IPV4 << ENC_T_BITS | ENC_T_PROTOCOL) << ENC_T_BITS | ENC_T_SERVICE,
		12},
	[NET_T_FLOW6] = {(ENC_T_IPV6 << ENC_T_BITS | ENC_T_PROTOCOL) << ENC_T_BITS | ENC_T_SERVICE,
		24},
	[NET_T_PROTOCOL] = {ENC_T_PROTOCOL, 1},
};

uint32_t enc_key_type(enum net_type type)
{
	return keys[type].type;
}

uint32_t enc_key_size(enum net_type type)
{
	return keys[type].size;
}

static void element(struct enc *x, const uint8_t *key, size_t size, uint32_t flags, bool open)
{
	static const uint8_t is_open[] = {U_ELEMENT_FLAGS, 4, U_INTERVAL_OPEN, 0, 0, 0};
	struct nlattr *elem = nlmsg_nest(&x->m, NFTA_LIST_ELEM);
	struct nlattr *k = nlmsg_nest(&x->m, NFTA_SET_ELEM_KEY);

	nlmsg_put(&x->m, NFTA_DATA_VALUE, key, size);
	nlmsg_end(&x->m, k);
	if (flags)
		nlmsg_be32(&x->m, NFTA_SET_ELEM_FLAGS, flags);
	if (open)
		nlmsg_put(&x->m, NFTA_SET_ELEM_USERDATA, is_open, sizeof is_open);
	nlmsg_end(&x->m, elem);
}

/* The key behind HIGH; false: there is none. */
static bool behind(const uint8_t *high, size_t size, uint8_t *out)
{
	memcpy(out, high, size);
	while (size > 0)
		if (++out[--size] != 0)
			return true;
	return false;
}

static void range(struct enc *x, const struct enc_set *to, const struct net_range *v)
{
	uint8_t end[sizeof v->high];
	bool closed;

	if (!to->interval) {
		element(x, v->low, to->size, 0, false);
		return;
	}
	closed = behind(v->high, to->size, end);
	element(x, v->low, to->size, 0, !closed);
	if (closed)
		element(x, end, to->size, NFT_SET_ELEM_INTERVAL_END, false);
}

void enc_elements(struct enc *x, uint16_t type, const struct enc_set *to, const struct net_range *v,
	size_t n, const char *what)
{
	uint16_t flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;

	for (size_t i = 0; i < n && !x->failed;) {
		struct nlattr *list;

		enc_open(x, type, flags, "elements of %s", what);
		nlmsg_text(&x->m, NFTA_SET_ELEM_LIST_TABLE, NET_TABLE);
		nlmsg_text(&x->m, NFTA_SET_ELEM_LIST_SET, to->name);
		if (to->id)
			nlmsg_be32(&x->m, NFTA_SET_ELEM_LIST_SET_ID, to->id);
		list = nlmsg_nest(&x->m, NFTA_SET_ELEM_LIST_ELEMENTS);
		do {
			range(x, to, &v[i++]);
		} while (i < n && nlmsg_left(&x->m) >= ELEMENT_ROOM);
		nlmsg_end(&x->m, list);
		enc_close(x);
	}
}
