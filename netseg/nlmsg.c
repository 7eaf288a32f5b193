/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlmsg - one netlink message, built and read within bounds. See nlmsg.h.
 */
#include <endian.h>
#include <string.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "netseg/nlmsg.h"

/* ---- building ---- */

void nlmsg_begin(struct nlmsg *m, void *bytes, size_t room, uint16_t type, uint16_t flags,
	const void *extra, size_t len)
{
	*m = (struct nlmsg){NULL, room < NLMSG_MAX ? room : NLMSG_MAX, false};
	if (m->room < MNL_NLMSG_HDRLEN || len > m->room - MNL_NLMSG_HDRLEN ||
		MNL_ALIGN(len) > m->room - MNL_NLMSG_HDRLEN) {
		m->full = true;
		return;
	}
	m->h = mnl_nlmsg_put_header(bytes);
	m->h->nlmsg_type = type;
	m->h->nlmsg_flags = NLM_F_REQUEST | flags;
	if (len)
		memcpy(mnl_nlmsg_put_extra_header(m->h, len), extra, len);
}

void nlmsg_begin_nf(struct nlmsg *m, void *bytes, size_t room, uint16_t type, uint16_t flags,
	uint8_t family, uint16_t res_id)
{
	const struct nfgenmsg g = {family, NFNETLINK_V0, htons(res_id)};

	nlmsg_begin(m, bytes, room, type, flags, &g, sizeof g);
}

size_t nlmsg_len(const struct nlmsg *m)
{
	return m->h ? m->h->nlmsg_len : 0;
}

size_t nlmsg_left(const struct nlmsg *m)
{
	return m->full ? 0 : m->room - m->h->nlmsg_len;
}

void nlmsg_put(struct nlmsg *m, uint16_t type, const void *data, size_t len)
{
	size_t pad = MNL_ALIGN(len) - len;

	/* the length first: libmnl adds to it before it compares, and keeps 16 bits of it */
	if (m->full || len > UINT16_MAX - MNL_ATTR_HDRLEN ||
		!mnl_attr_put_check(m->h, m->room, type, len, data))
		m->full = true;
	else /* libmnl before 1.0.5 leaves there what was there */
		memset((uint8_t *)mnl_nlmsg_get_payload_tail(m->h) - pad, 0, pad);
}

void nlmsg_text(struct nlmsg *m, uint16_t type, const char *text)
{
	nlmsg_put(m, type, text, strlen(text) + 1);
}

void nlmsg_u8(struct nlmsg *m, uint16_t type, uint8_t v)
{
	nlmsg_put(m, type, &v, sizeof v);
}

void nlmsg_u32(struct nlmsg *m, uint16_t type, uint32_t v)
{
	nlmsg_put(m, type, &v, sizeof v);
}

void nlmsg_be16(struct nlmsg *m, uint16_t type, uint16_t v)
{
	v = htobe16(v);
	nlmsg_put(m, type, &v, sizeof v);
}

void nlmsg_be32(struct nlmsg *m, uint16_t type, uint32_t v)
{
	v = htobe32(v);
	nlmsg_put(m, type, &v, sizeof v);
}

void nlmsg_be64(struct nlmsg *m, uint16_t type, uint64_t v)
{
	v = htobe64(v);
	nlmsg_put(m, type, &v, sizeof v);
}

struct nlattr *nlmsg_nest(struct nlmsg *m, uint16_t type)
{
	struct nlattr *nest = m->full ? NULL : mnl_attr_nest_start_check(m->h, m->room, type);

	if (!nest)
		m->full = true;
	return nest;
}

void nlmsg_end(struct nlmsg *m, struct nlattr *nest)
{
	if (nest && !m->full)
		mnl_attr_nest_end(m->h, nest);
}

/* ---- reading ---- */

static bool whole(const struct nlmsghdr *h, size_t len)
{
	return len >= MNL_NLMSG_HDRLEN && h->nlmsg_len >= MNL_NLMSG_HDRLEN && h->nlmsg_len <= len;
}

const struct nlmsghdr *nlmsg_first(const void *bytes, size_t len)
{
	return whole(bytes, len) ? bytes : NULL;
}

const struct nlmsghdr *nlmsg_next(const struct nlmsghdr *h, size_t *left)
{
	size_t step = MNL_ALIGN((size_t)h->nlmsg_len);

	if (step >= *left)
		return NULL;
	*left -= step;
	h = (const struct nlmsghdr *)((const uint8_t *)h + step);
	return whole(h, *left) ? h : NULL;
}

const void *nlmsg_payload(const struct nlmsghdr *h, size_t len)
{
	return h->nlmsg_len - MNL_NLMSG_HDRLEN < len ? NULL : mnl_nlmsg_get_payload(h);
}

static bool attr_ok(const struct nlattr *a, size_t left)
{
	return left >= MNL_ATTR_HDRLEN && a->nla_len >= MNL_ATTR_HDRLEN && a->nla_len <= left;
}

static bool collect(const uint8_t *bytes, size_t left, const struct nlattr **at, uint16_t max)
{
	for (size_t i = 0; i <= max; i++)
		at[i] = NULL;
	while (left > 0) {
		const struct nlattr *a = (const struct nlattr *)bytes;
		size_t step;

		if (!attr_ok(a, left))
			return false;
		if (nlattr_type(a) <= max)
			at[nlattr_type(a)] = a;
		step = MNL_ALIGN((size_t)a->nla_len);
		if (step >= left)
			break;
		bytes += step;
		left -= step;
	}
	return true;
}

bool nlmsg_attrs(const struct nlmsghdr *h, size_t extra, const struct nlattr **at, uint16_t max)
{
	size_t skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(extra);

	if (h->nlmsg_len < skip)
		return collect(NULL, 0, at, max) && h->nlmsg_len == MNL_NLMSG_HDRLEN + extra;
	return collect((const uint8_t *)h + skip, h->nlmsg_len - skip, at, max);
}

bool nlattr_attrs(const struct nlattr *a, const struct nlattr **at, uint16_t max)
{
	return collect(a ? nlattr_data(a) : NULL, nlattr_len(a), at, max);
}

const struct nlattr *nlattr_next(const struct nlattr *a, const struct nlattr *prev)
{
	const uint8_t *end = (const uint8_t *)nlattr_data(a) + nlattr_len(a);
	const uint8_t *at = nlattr_data(a);

	if (prev) {
		size_t step = MNL_ALIGN((size_t)prev->nla_len);

		if (step >= (size_t)(end - (const uint8_t *)prev))
			return NULL;
		at = (const uint8_t *)prev + step;
	}
	return attr_ok((const struct nlattr *)at, (size_t)(end - at)) ? (const struct nlattr *)at
								      : NULL;
}

uint16_t nlattr_type(const struct nlattr *a)
{
	return mnl_attr_get_type(a);
}

size_t nlattr_len(const struct nlattr *a)
{
	return a ? mnl_attr_get_payload_len(a) : 0;
}

const void *nlattr_data(const struct nlattr *a)
{
	return mnl_attr_get_payload(a);
}

static bool take(const struct nlattr *a, void *out, size_t len)
{
	if (nlattr_len(a) != len)
		return false;
	memcpy(out, nlattr_data(a), len);
	return true;
}

uint8_t nlattr_u8(const struct nlattr *a, uint8_t other)
{
	uint8_t v;

	return take(a, &v, sizeof v) ? v : other;
}

uint32_t nlattr_u32(const struct nlattr *a, uint32_t other)
{
	uint32_t v;

	return take(a, &v, sizeof v) ? v : other;
}

uint64_t nlattr_u64(const struct nlattr *a, uint64_t other)
{
	uint64_t v;

	return take(a, &v, sizeof v) ? v : other;
}

uint16_t nlattr_be16(const struct nlattr *a, uint16_t other)
{
	uint16_t v;

	return take(a, &v, sizeof v) ? be16toh(v) : other;
}

uint32_t nlattr_be32(const struct nlattr *a, uint32_t other)
{
	uint32_t v;

	return take(a, &v, sizeof v) ? be32toh(v) : other;
}

uint64_t nlattr_be64(const struct nlattr *a, uint64_t other)
{
	uint64_t v;

	return take(a, &v, sizeof v) ? be64toh(v) : other;
}

const char *nlattr_text(const struct nlattr *a)
{
	size_t len = nlattr_len(a);
	const char *s = a ? nlattr_data(a) : NULL;

	return s && len && !s[len - 1] && strlen(s) == len - 1 ? s : NULL;
}
