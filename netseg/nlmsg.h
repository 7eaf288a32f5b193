/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nlmsg - one netlink message: built within a given room, and read with every length checked. Pure.
 *
 * With nlsock.c the only door to libmnl, to which the format itself is left, although it makes cinch-hook the one
 * program on the way to a start that is loaded dynamically (0.4 ms; Debian has no archive of it). Numbers in attributes: "be" is network byte order (nf_tables, ctnetlink), the
 * others are the machine's (rtnetlink, sock_diag).
 */
#ifndef CINCH_NETSEG_NLMSG_H
#define CINCH_NETSEG_NLMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

/* The longest message that is built: an attribute with others in it has a length of 16 bits. */
enum { NLMSG_MAX = 65532 };

/* ---- building ---- */

struct nlmsg { /* borrowed room */
	struct nlmsghdr *h;
	size_t room; /* for all of it */
	bool full; /* something did not fit: the message is without meaning */
};

/*
 * A message of TYPE begins at BYTES (aligned to 4), where it may take ROOM bytes (no more than NLMSG_MAX are used); EXTRA
 * of LEN bytes is its family's header. NLM_F_REQUEST is set. Whatever does not fit sets M->full, and nothing is
 * written behind the room; everything later is without effect.
 */
void nlmsg_begin(struct nlmsg *m, void *bytes, size_t room, uint16_t type, uint16_t flags,
	const void *extra, size_t len);
/* As nlmsg_begin, for netfilter's families: struct nfgenmsg. */
void nlmsg_begin_nf(struct nlmsg *m, void *bytes, size_t room, uint16_t type, uint16_t flags,
	uint8_t family, uint16_t res_id);
/* Bytes of it so far. */
size_t nlmsg_len(const struct nlmsg *m);
/* Bytes that still fit. */
size_t nlmsg_left(const struct nlmsg *m);

void nlmsg_put(struct nlmsg *m, uint16_t type, const void *data, size_t len);
void nlmsg_text(struct nlmsg *m, uint16_t type, const char *text); /* with its NUL */
void nlmsg_u8(struct nlmsg *m, uint16_t type, uint8_t v);
void nlmsg_u32(struct nlmsg *m, uint16_t type, uint32_t v);
void nlmsg_be16(struct nlmsg *m, uint16_t type, uint16_t v);
void nlmsg_be32(struct nlmsg *m, uint16_t type, uint32_t v);
void nlmsg_be64(struct nlmsg *m, uint16_t type, uint64_t v);
/* What follows until nlmsg_end is inside it. NULL when M is full, which nlmsg_end takes. */
struct nlattr *nlmsg_nest(struct nlmsg *m, uint16_t type);
void nlmsg_end(struct nlmsg *m, struct nlattr *nest);

/* ---- reading ---- */

/* The first message of LEN bytes at BYTES, when it is whole; NULL. */
const struct nlmsghdr *nlmsg_first(const void *bytes, size_t len);
/* The one behind H, in *LEFT bytes from H on, which become those from the next on. */
const struct nlmsghdr *nlmsg_next(const struct nlmsghdr *h, size_t *left);
/* The payload of H when it has at least LEN bytes (aligned to 4); NULL. */
const void *nlmsg_payload(const struct nlmsghdr *h, size_t len);

/*
 * The attributes of H behind EXTRA bytes of its family's header, by type: AT[type], for types up to MAX (AT has MAX + 1
 * places); NULL: not there. Types above are passed over, of several of one type the last counts. False: they do
 * not fit into the message.
 */
bool nlmsg_attrs(const struct nlmsghdr *h, size_t extra, const struct nlattr **at, uint16_t max);
/* The same of the attributes inside A. */
bool nlattr_attrs(const struct nlattr *a, const struct nlattr **at, uint16_t max);
/* Each attribute inside A in turn: PREV NULL gives the first; NULL: no more, or no whole one. */
const struct nlattr *nlattr_next(const struct nlattr *a, const struct nlattr *prev);

uint16_t nlattr_type(const struct nlattr *a); /* without the flags */
size_t nlattr_len(const struct nlattr *a); /* of what is in it */
const void *nlattr_data(const struct nlattr *a);
/* What A holds; of a NULL or of another length: OTHER. */
uint8_t nlattr_u8(const struct nlattr *a, uint8_t other);
uint32_t nlattr_u32(const struct nlattr *a, uint32_t other);
uint64_t nlattr_u64(const struct nlattr *a, uint64_t other);
uint16_t nlattr_be16(const struct nlattr *a, uint16_t other);
uint32_t nlattr_be32(const struct nlattr *a, uint32_t other);
uint64_t nlattr_be64(const struct nlattr *a, uint64_t other);
/* A's text when it ends with a NUL and has no other; NULL. */
const char *nlattr_text(const struct nlattr *a);

#endif
