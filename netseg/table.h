/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - read back what the kernel has in "inet cinch" of the namespace a socket belongs to.
 */
#ifndef CINCH_NETSEG_TABLE_H
#define CINCH_NETSEG_TABLE_H

#include "netseg/ruleset.h"
#include "shim/base/addr.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

struct net_flow { /* an element of a dynamic set */
	struct addr peer;
	uint8_t protocol;
	uint16_t port; /* 0: it has none */
	uint64_t packets, bytes;
	uint64_t expires; /* milliseconds; 0: it does not */
};

struct net_flows { /* zero-initialise */
	struct net_flow *v;
	size_t n;
};

void net_flows_done(struct net_flows *f);
#define AUTO_FLOWS __attribute__((cleanup(net_flows_done)))

/* The elements of the dynamic set NAME, appended; of a segment's (net_set.single) as well: peer alone. ENOENT: there is
 * no such set or table. */
int table_flows(int nl, const char *set, enum net_type type, struct net_flows *out, struct err *e);
/* The named counter. */
int table_counter(int nl, const char *name, uint64_t *packets, uint64_t *bytes, struct err *e);
/* The table is there. */
int table_exists(int nl, bool *there, struct err *e);

/* An object of the table as the kernel tells of it, without what changes by itself (handles, counters, uses,
 * elements of dynamic sets, expiry): for comparing. */
struct table_object {
	char what[NET_NAME_SIZE +
		  32]; /* "chain abc_out", "rule 3 of chain abc_out", "set segment_web_4" */
	uint8_t *bytes; /* owned */
	size_t len;
};

struct table_dump { /* zero-initialise; rules last, by chain and number; the others sorted by what */
	struct table_object *v;
	size_t n;
};

/* Without a table: an empty dump. OUT is the caller's. */
int table_dump(int nl, struct table_dump *out, struct err *e);
void table_dump_done(struct table_dump *d);
/* One line for each object that GOT lacks, has in addition or has otherwise: "rule 3 of chain abc_out is missing",
 * "... was added by somebody else", "... was altered"; appended. -1 when out of memory. */
int table_differences(
	const struct table_dump *want, const struct table_dump *got, struct strv *out);
/*
 * What the kernel would have after R was installed: in a network namespace of a thread's own, made for it, where R
 * is installed and dumped. The same in any namespace: it is what R is, as this kernel tells it.
 */
int table_expected(const struct ruleset *r, struct table_dump *out, struct err *e);

#endif
