/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_rule - the parts of a batch: its messages one by one, sets' elements, and rules as expressions. For encode.c.
 */
#ifndef CINCH_NETSEG_ENCODE_RULE_H
#define CINCH_NETSEG_ENCODE_RULE_H

#include "netseg/encode.h"
#include "netseg/nlmsg.h"

enum { /* nft's data types, as it lists sets by them (include/datatype.h of nftables) */
	ENC_T_IPV4 = 7,
	ENC_T_IPV6 = 8,
	ENC_T_PROTOCOL = 12,
	ENC_T_SERVICE = 13,
	ENC_T_ICMP = 14,
	ENC_T_ICMPV6 = 29,
	ENC_T_BITS = 6, /* of each, in that of a concatenation */
};

/* A transaction that is being written. Once something failed, everything later is without effect. */
struct enc {
	struct batch *b;
	struct nlmsg m; /* the message that is open */
	size_t last; /* where the last message begins */
	int failed; /* errno; 0: none */
	char what[NET_NAME_SIZE + 32]; /* what failed */
};

/* A message of nf_tables (NFT_MSG_*) begins, about WHAT. */
void enc_open(struct enc *x, uint16_t type, uint16_t flags, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Any message of netfilter's: the begin and end of a batch. */
void enc_open_raw(struct enc *x, uint16_t type, uint16_t flags, uint8_t family, uint16_t res,
	const char *what);
/* What is being written cannot be: CODE is an errno. */
void enc_fail(struct enc *x, int code);
/* It is whole. */
void enc_close(struct enc *x);

/* The key of a set of TYPE: nft's number of its data type, and bytes. */
uint32_t enc_key_type(enum net_type type);
uint32_t enc_key_size(enum net_type type);

/* The attributes of a set, into the open message: a key of nft's TYPE and SIZE bytes. */
void enc_set(
	struct enc *x, const char *name, uint32_t flags, uint32_t type, uint32_t size, uint32_t id);

struct enc_set { /* of elements: the set they are for */
	const char *name;
	uint32_t id; /* of one that has no name yet; 0 */
	size_t size; /* bytes of an address, a port, ...; its ranges' LOW and HIGH have as many */
	bool interval;
};

/* Ranges into a set, in as many messages as it takes; with TYPE NFT_MSG_DELSETELEM out of it. Without intervals it is
 * each range's LOW that counts. */
void enc_elements(struct enc *x, uint16_t type, const struct enc_set *to, const struct net_range *v,
	size_t n, const char *what);

/* Line N (from 0) of C, with the sets it needs that have no name. R is for the types of sets it speaks of. */
void enc_line(struct enc *x, const struct ruleset *r, const struct net_chain *c, size_t n);

/* For people, in the form nft reads: an attribute of TYPE; none when it is empty. */
void enc_comment(struct enc *x, uint16_t type, const char *comment);

#endif
