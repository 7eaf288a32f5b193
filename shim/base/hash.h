/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - SHA-256; the only door to libsodium on the launch path.
 */
#ifndef CINCH_BASE_HASH_H
#define CINCH_BASE_HASH_H

#include <stddef.h>

enum { HASH_HEX_SIZE = 65 };

/* Lower-case hexadecimal SHA-256 of the bytes, NUL-terminated. Cannot fail. */
void hash_sha256_hex(const void *bytes, size_t len, char out[HASH_HEX_SIZE]);

#endif
