/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr - addresses of both families, prefixes of them, lists of either.
 */
#ifndef CINCH_BASE_ADDR_H
#define CINCH_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"

enum { ADDR_TEXT_SIZE = 64 /* "…/128" and its end */ };

/* An address, or all those that begin with the first PREFIX bits of it; bits behind are 0. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t prefix; /* 32 or 128: this address alone */
	uint8_t bytes[16]; /* network order; of IPv4 the first 4 */
};

struct addrs { /* zero-initialise */
	struct addr *v;
	size_t n;
};

#define AUTO_ADDRS __attribute__((cleanup(addrs_done)))

/* 4 or 16. */
size_t addr_size(const struct addr *a);
/* This one address, no prefix of several. */
bool addr_is_one(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* B, wholly, is what A speaks of. */
bool addr_covers(const struct addr *a, const struct addr *b);

/* TEXT is an address, whatever stands behind a slash. */
bool addr_is(const char *text);
/*
 * TEXT is "10.0.0.0/8", "10.1.2.3", "fd00::/8" and so on; nothing else (no name, no zone, no spaces). Bits
 * behind the prefix, and IPv4 addresses written as IPv6 (::ffff:0:0/96), are refused with what to write.
 * ERR_INPUT: a message that stands alone. On failure OUT is untouched.
 */
int addr_parse(const char *text, struct addr *out, struct err *e);
/* As nft writes it: without the prefix when it is one address. */
void addr_text(const struct addr *a, char out[ADDR_TEXT_SIZE]);

/* A is there afterwards, once. 0, or -1 when out of memory. */
int addrs_add(struct addrs *l, const struct addr *a);
/* The same without a look whether it is there: for long lists. */
int addrs_push(struct addrs *l, const struct addr *a);
bool addrs_has(const struct addrs *l, const struct addr *a);
/* Some prefix of L covers A. */
bool addrs_cover(const struct addrs *l, const struct addr *a);
void addrs_done(struct addrs *l);

#endif
