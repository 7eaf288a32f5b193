/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisign - read public keys and signature files of minisign(1) and check one against the other.
 *
 * Source of the format: jedisct1.github.io/minisign, "File formats":
 *
 *	a public key		untrusted comment: <any text>
 *				base64("Ed" || key id, 8 bytes || Ed25519 key, 32 bytes)
 *	a signature		untrusted comment: <any text>
 *				base64("ED" or "Ed" || key id || signature, 64 bytes)
 *				trusted comment: <text>
 *				base64(signature of (the 64 bytes above || the text of the trusted comment))
 *
 * "ED" signs the BLAKE2b-512 of the file (the default since minisign 0.10), "Ed" the file itself. A key
 * without its comment line, as minisign -P takes it, is read, too.
 *
 * What is read here is read the same way by minisign 0.11, which takes more: lines that end in CR LF,
 * text after the last line, control characters in comments. These are refused, since a file that has them
 * was changed on its way, or wants to steer the terminal it is shown on. The key id and the untrusted
 * comment are not covered by any signature: the one only finds the key, the other is never shown.
 */
#ifndef CINCH_PROFILES_MINISIGN_H
#define CINCH_PROFILES_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/hash.h"

enum {
	MINISIGN_ID_SIZE = 8,
	MINISIGN_ID_HEX = 17,
	MINISIGN_FILE_MAX = 16384, /* bytes of either file */
	MINISIGN_COMMENT_SIZE = 1024, /* of a comment, with its NUL */
};

struct minisign_key {
	uint8_t id[MINISIGN_ID_SIZE];
	uint8_t key[HASH_KEY_SIZE];
};

struct minisign_signature {
	uint8_t id[MINISIGN_ID_SIZE]; /* of the key that made it */
	char comment
		[MINISIGN_COMMENT_SIZE]; /* the trusted one: covered by the signature once checked */
	uint8_t signature[HASH_SIGNATURE_SIZE], global[HASH_SIGNATURE_SIZE];
	bool prehashed;
};

/* Both: TEXT need not end in NUL; ERR_INPUT says which line is wrong, and *OUT is left alone then. */
int minisign_read_key(const char *text, size_t len, struct minisign_key *out, struct err *e);
int minisign_read_signature(
	const char *text, size_t len, struct minisign_signature *out, struct err *e);
/*
 * S is KEY's signature of the bytes, and its trusted comment is KEY's, too. Else ERR_DENIED; different
 * messages for another key's id, bytes that are not what was signed, a comment that is not.
 */
int minisign_check(const struct minisign_signature *s, const struct minisign_key *key,
	const void *bytes, size_t len, struct err *e);
/* The id as minisign prints it: 16 upper-case hex digits, most significant first. (0.11 and before leave
 * zeros at the front away.) */
void minisign_id(const uint8_t id[MINISIGN_ID_SIZE], char out[MINISIGN_ID_HEX]);

#endif
