/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - digests and signatures; the only door to libsodium.
 *
 * Nothing here can fail but a signature that is not good, and nothing needs sodium_init(): that chooses
 * faster implementations and seeds a generator, and none of these uses one.
 */
#ifndef CINCH_BASE_HASH_H
#define CINCH_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HASH_HEX_SIZE = 65,
	HASH_SIZE = 32,
	HASH_QUICK_SIZE = 16,
	HASH_BLAKE2B_SIZE = 64,
	HASH_KEY_SIZE = 32, /* an Ed25519 public key */
	HASH_SIGNATURE_SIZE = 64,
};

/* Lower-case hexadecimal SHA-256 of the bytes, NUL-terminated. */
void hash_sha256_hex(const void *bytes, size_t len, char out[HASH_HEX_SIZE]);
void hash_sha256(const void *bytes, size_t len, uint8_t out[HASH_SIZE]);
/* TEXT is exactly 64 of 0-9 a-f. */
bool hash_is_hex(const char *text);
void hash_hex(const uint8_t bytes[HASH_SIZE], char out[HASH_HEX_SIZE]);
/* False when TEXT is not hash_is_hex. */
bool hash_from_hex(const char *text, uint8_t out[HASH_SIZE]);

/* For finding damage, of which it misses none within eight bytes; thirty times as fast as SHA-256. No
 * protection against anybody who can write the bytes, and its value differs between byte orders. */
void hash_quick(const void *bytes, size_t len, uint8_t out[HASH_QUICK_SIZE]);

/* BLAKE2b-512 (RFC 7693), which minisign signs instead of the file. */
void hash_blake2b(const void *bytes, size_t len, uint8_t out[HASH_BLAKE2B_SIZE]);
/* The Ed25519 signature (RFC 8032) of the bytes by the owner of KEY is good. */
bool hash_ed25519_ok(const uint8_t signature[HASH_SIGNATURE_SIZE], const void *bytes, size_t len,
	const uint8_t key[HASH_KEY_SIZE]);
/* Standard base64 with padding, nothing else in TEXT; exactly SIZE bytes come out. */
bool hash_base64(const char *text, size_t len, uint8_t *out, size_t size);

#endif
