/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode - a ruleset, or a change of one, as one nf_tables batch. Pure and bounded: bytes in, bytes out.
 *
 * Source of the messages: include/uapi/linux/netfilter/nf_tables.h and net/netfilter/nf_tables_api.c of
 * Linux 5.13 (the first that matches "socket cgroupv2") to 6.18. Byte orders are nf_tables': attributes big endian,
 * registers as the expression loads them.
 */
#ifndef CINCH_NETSEG_ENCODE_H
#define CINCH_NETSEG_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "netseg/ruleset.h"
#include "shim/base/err.h"

/* What each message is about, for the kernel's error: the N-th message of a batch (its sequence number is
 * batch.first + N). */
struct batch_note {
	uint32_t seq;
	char what[NET_NAME_SIZE + 32]; /* "chain abc_out", "rule 3 of chain abc_out", "set ..." */
};

struct batch {
	uint8_t *bytes; /* owned by the caller of batch_init, or by the batch when it grows */
	size_t len, cap;
	bool grows; /* else what does not fit is ENOSPC */
	uint32_t first, seq;
	struct batch_note *notes;
	size_t n_notes;
};

#define AUTO_BATCH __attribute__((cleanup(batch_done)))

enum { BATCH_MAX = 32 << 20 };

/* An empty batch that grows up to BATCH_MAX. */
void batch_init(struct batch *b);
/* One of at most LEN bytes at BYTES (borrowed): for tests of every size. */
void batch_fixed(struct batch *b, void *bytes, size_t len);
void batch_done(struct batch *b);

/*
 * Each fills an empty batch (begin to end): one transaction. ENOSPC or out of memory leaves B without
 * meaning; nothing was sent. A message has at most 64 KiB, elements go into as many as they need.
 */

/*
 * R comes into force for OWNER (a container's key, "shared"): the table, base chains, segments' sets and all
 * that belongs to "" are made when missing and filled anew, OWNER's sets, counters and chains too; dynamic sets
 * and counters that are there keep what they hold. OWNER NULL: for every owner. What others own is not touched.
 * GONE (may be NULL): chains, sets and counters that go in the same transaction; their names count, all of them
 * are there (as the kernel was asked), and what R has, too, stays.
 */
int encode_install(struct batch *b, const struct ruleset *r, const char *const *owners,
	size_t n_owners, const struct ruleset *gone, struct err *e);
/* The table goes, with all in it, and R's takes its place: nothing is kept, whatever was there. */
int encode_replace(struct batch *b, const struct ruleset *r, struct err *e);
/* The same where there is no table yet (EEXIST: there is). Nothing in it removes anything: closing a socket waits for what
 * was removed, a whole grace period of the kernel (5 to 25 ms). */
int encode_first(struct batch *b, const struct ruleset *r, struct err *e);
/* The table goes, with all in it. Not being there is no error to the kernel (created, then deleted). */
int encode_remove(struct batch *b, struct err *e);
/* Add to and remove from the set NAME of the table (net_set.single); both families of addresses by the set's type:
 * those of the other family are passed over. An element that is there already is no error. Those to be removed are
 * added first, in the same transaction, so that one that is not there is no error either. */
int encode_elements(struct batch *b, const char *set, enum net_type type, const struct addrs *add,
	const struct addrs *remove, struct err *e);

struct set_change { /* borrowed */
	const char *set; /* net_set.single */
	enum net_type type;
	const struct addrs *add, *remove; /* may be NULL */
};

/* The same for N sets, as one transaction. Nothing to do is an empty batch (b->len 0). */
int encode_changes(struct batch *b, const struct set_change *v, size_t n, struct err *e);

#endif
