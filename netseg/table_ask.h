/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_ask - questions to nf_tables, and the answers that are of our table. For table*.c.
 */
#ifndef CINCH_NETSEG_TABLE_ASK_H
#define CINCH_NETSEG_TABLE_ASK_H

#include "netseg/nlmsg.h"

struct table_question {
	struct nlmsg m; /* attributes are added to it */
	uint8_t bytes[1024] __attribute__((aligned(8)));
};

/* One of NFT_MSG_GET*. */
void table_ask(struct table_question *q, uint16_t type, bool dump);
/* H is an answer of TYPE (NFT_MSG_NEW*) about "inet cinch", which its attribute OF names: its attributes in
 * AT. NULL: it is none. */
const struct nlattr *table_answer(const struct nlmsghdr *h, uint16_t type, const struct nlattr **at,
	uint16_t max, uint16_t of);

/* For qsort: struct table_object. */
int table_order(const void *a, const void *b);

#endif
