/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - SHA-256; the only door to libsodium on the launch path.
 */
#include "shim/base/hash.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

void hash_sha256_hex(const void *bytes, size_t len, char out[HASH_HEX_SIZE])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	/* sodium_init() chooses fast implementations and seeds a generator; SHA-256 needs neither */
	crypto_hash_sha256(digest, bytes, len);
	sodium_bin2hex(out, HASH_HEX_SIZE, digest, sizeof digest);
}
