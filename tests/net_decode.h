/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_decode - a second reader of nf_tables batches, which shares nothing with the one that writes them: no libmnl, no
 * header of netseg's, every length looked at.
 */
#ifndef CINCH_TESTS_NET_DECODE_H
#define CINCH_TESTS_NET_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "shim/base/str.h"

enum { DECODE_SETS_MAX = 256 };

struct decoded {
	size_t messages;
	size_t longest; /* bytes of a message */
	size_t acks; /* messages that ask for one */
	struct str log; /* a line for each message: what it does to what */
	struct str rules; /* as `nft --debug=netlink` tells them */
	struct str sets; /* the same, elements sorted; those without a name last */
	struct str anonymous; /* of those alone */
	struct str elements; /* of the set that is open */
	char set[128];
	unsigned level; /* of the last socket expression */
};

/* NULL, or what is wrong with the LEN bytes at BYTES (static). D is decoded_done's. */
const char *decode(const void *bytes, size_t len, struct decoded *d);
void decoded_done(struct decoded *d);

#endif
