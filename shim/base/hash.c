/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - digests and signatures; the only door to libsodium.
 */
#include "shim/base/hash.h"

#include <string.h>

#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

void hash_sha256(const void *bytes, size_t len, uint8_t out[HASH_SIZE])
{
	crypto_hash_sha256(out, bytes, len);
}

void hash_hex(const uint8_t bytes[HASH_SIZE], char out[HASH_HEX_SIZE])
{
	sodium_bin2hex(out, HASH_HEX_SIZE, bytes, HASH_SIZE);
}

void hash_sha256_hex(const void *bytes, size_t len, char out[HASH_HEX_SIZE])
{
	uint8_t digest[HASH_SIZE];

	hash_sha256(bytes, len, digest);
	hash_hex(digest, out);
}

bool hash_is_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1 && !text[HASH_HEX_SIZE - 1];
}

bool hash_from_hex(const char *text, uint8_t out[HASH_SIZE])
{
	return hash_is_hex(text) &&
	       sodium_hex2bin(out, HASH_SIZE, text, HASH_HEX_SIZE - 1, NULL, NULL, NULL) == 0;
}

static uint64_t lane_step(uint64_t lane, const char *word)
{
	uint64_t w;

	memcpy(&w, word, sizeof w);
	w = lane ^ (w * 0x9e3779b185ebca87u);
	return (w << 31 | w >> 33) * 0xc2b2ae3d27d4eb4fu;
}

/* Each step can be undone (odd factors), so one changed word always changes its lane. Four lanes, for
 * the processor to work on at once. */
void hash_quick(const void *bytes, size_t len, uint8_t out[HASH_QUICK_SIZE])
{
	uint64_t lane[] = {1, 2, 3, 4, len};
	const char *at = bytes;
	char last[32] = "";

	for (size_t left = len; left; at += sizeof last) {
		if (left < sizeof last) {
			memcpy(last, at, left);
			at = last;
			left = sizeof last;
		}
		for (size_t i = 0; i < 4; i++)
			lane[i] = lane_step(lane[i], at + i * sizeof *lane);
		left -= sizeof last;
	}
	crypto_generichash_blake2b(
		out, HASH_QUICK_SIZE, (const unsigned char *)lane, sizeof lane, NULL, 0);
}

void hash_blake2b(const void *bytes, size_t len, uint8_t out[HASH_BLAKE2B_SIZE])
{
	crypto_generichash_blake2b(out, HASH_BLAKE2B_SIZE, bytes, len, NULL, 0);
}

bool hash_ed25519_ok(const uint8_t signature[HASH_SIGNATURE_SIZE], const void *bytes, size_t len,
	const uint8_t key[HASH_KEY_SIZE])
{
	return crypto_sign_ed25519_verify_detached(signature, bytes, len, key) == 0;
}

bool hash_base64(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t n = 0;
	const char *end = NULL;

	/* libsodium 1.0.18 takes every byte from 0x80 on for a "/" */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7f)
			return false;
	return sodium_base642bin(
		       out, size, text, len, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       n == size && end == text + len;
}
