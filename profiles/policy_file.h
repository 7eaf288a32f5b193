/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_file - the layout of a compiled policy, for policy.c and policy_encode.c alone.
 *
 *	head      what sections there are, where, and their checksums; a checksum of itself
 *	settings  what a launch needs of the node
 *	rules     see rules.c
 *	texts     one entry for each profile and filter, sorted by name
 *	packs     where they came from
 *	denied    one entry for each denied image, sorted by digest
 *	blobs     what the entries of texts and denied point to
 *
 * Sections follow one another without gaps. An entry carries a checksum of itself and its place, so
 * that a binary search trusts only what it has looked at, and one of what it points to.
 */
#ifndef CINCH_PROFILES_POLICY_FILE_H
#define CINCH_PROFILES_POLICY_FILE_H

#include <stdint.h>

#include "shim/base/hash.h"

enum policy_section {
	POLICY_SETTINGS,
	POLICY_RULES,
	POLICY_TEXTS,
	POLICY_PACKS,
	POLICY_DENIED,
	POLICY_BLOBS,
	POLICY_SECTIONS
};

enum {
	POLICY_FORMAT = 1,
	POLICY_ORDER = 0x01020304, /* reads otherwise on a machine of other byte order */
	POLICY_MAX = 256 << 20, /* bytes of a file */
	POLICY_TEXT_MAX = 1 << 20,
	POLICY_NAME_SIZE = 80, /* "seccomp/" and 64 bytes, padded with NULs */
};

#define POLICY_MAGIC "cinchpol"
#define POLICY_NO_TEXT UINT32_MAX /* length of a NULL string */

struct policy_place {
	uint64_t at, len; /* AT counts from the start of the file */
	uint8_t sum[HASH_QUICK_SIZE];
};

struct policy_head {
	char magic[8];
	uint32_t format, order;
	uint64_t size; /* of the file */
	struct policy_place section[POLICY_SECTIONS];
	uint8_t own[HASH_QUICK_SIZE]; /* of all before */
};

struct policy_text_entry {
	char name[POLICY_NAME_SIZE];
	uint64_t at, len; /* AT counts from the start of the blobs */
	uint8_t sum[HASH_QUICK_SIZE];
	uint8_t sha256[HASH_SIZE];
	uint8_t own[HASH_QUICK_SIZE]; /* policy_entry_sum */
};

struct policy_denied_entry {
	uint8_t digest[HASH_SIZE];
	uint64_t at; /* reason, then CVEs */
	uint32_t reason, cves; /* bytes */
	uint8_t sum[HASH_QUICK_SIZE];
	uint8_t own[HASH_QUICK_SIZE];
};

_Static_assert(sizeof(struct policy_head) == 24 + 32 * POLICY_SECTIONS + 16, "no padding");
_Static_assert(sizeof(struct policy_text_entry) == 160, "no padding");
_Static_assert(sizeof(struct policy_denied_entry) == 80, "no padding");

/* The checksum of entry number PLACE of SECTION: of all its SIZE bytes but the last, which hold it. */
void policy_entry_sum(enum policy_section section, uint64_t place, const void *entry, size_t size,
	uint8_t out[HASH_QUICK_SIZE]);

#endif
