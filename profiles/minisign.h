/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisign - read public keys and signature files of minisign(1) and check one against the other.
 *
 * Source of the format: jedisct1.github.io/minisign, "File formats". Both kinds are read: "ED" (the
 * BLAKE2b-512 of the file is signed, the default since 0.10) and the old "Ed".
 */
#ifndef CINCH_PROFILES_MINISIGN_H
#define CINCH_PROFILES_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/hash.h"

enum { MINISIGN_ID_SIZE = 8, MINISIGN_ID_HEX = 17, MINISIGN_FILE_MAX = 16384 };

struct minisign_key {
	uint8_t id[MINISIGN_ID_SIZE];
	uint8_t key[HASH_KEY_SIZE];
};

struct minisign_signature {
	uint8_t id[MINISIGN_ID_SIZE]; /* of the key that made it */
	char comment[1024]; /* the trusted one: covered by the signature once checked */
	uint8_t signature[HASH_SIGNATURE_SIZE], global[HASH_SIGNATURE_SIZE];
	int prehashed;
};

int minisign_read_key(const char *text, size_t len, struct minisign_key *out, struct err *e);
int minisign_read_signature(
	const char *text, size_t len, struct minisign_signature *out, struct err *e);
/* S is KEY's signature of the bytes, and its trusted comment is KEY's, too. */
int minisign_check(const struct minisign_signature *s, const struct minisign_key *key,
	const void *bytes, size_t len, struct err *e);
/* The id as minisign prints it: 16 upper-case hex digits, most significant first. */
void minisign_id(const uint8_t id[MINISIGN_ID_SIZE], char out[MINISIGN_ID_HEX]);

#endif
