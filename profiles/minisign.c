/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisign - read public keys and signature files of minisign(1) and check one against the other.
 */
#include "profiles/minisign.h"

#include <string.h>

#include "shim/base/json.h"

enum { ALGORITHM_SIZE = 2, LINES_MAX = 4 };
enum { HEAD_SIZE = ALGORITHM_SIZE + MINISIGN_ID_SIZE };
enum { KEY_BYTES = HEAD_SIZE + HASH_KEY_SIZE, SIGNATURE_BYTES = HEAD_SIZE + HASH_SIGNATURE_SIZE };

static const char untrusted[] = "untrusted comment: ", trusted[] = "trusted comment: ";

struct line {
	const char *text;
	size_t len;
};

/* ---- lines ---- */

/* What a comment must not have: it is shown to people. Tabs are minisign's own. */
static bool line_clean(const struct line *l)
{
	const unsigned char *s = (const unsigned char *)l->text;
	size_t bad;

	for (size_t i = 0; i < l->len; i++) {
		if ((s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return false;
		/* U+0080 to U+009F, the other control characters */
		if (s[i] == 0xc2 && i + 1 < l->len && s[i + 1] < 0xa0)
			return false;
	}
	return json_utf8_ok(l->text, l->len, &bad);
}

/* Cut TEXT into at most LINES_MAX lines; the last may lack its newline. *N is how many. */
static int split(
	const char *text, size_t len, struct line lines[LINES_MAX], size_t *n, struct err *e)
{
	const char *end = text + len;

	if (len > MINISIGN_FILE_MAX)
		return err_set(e, ERR_INPUT, "%zu bytes, limit %d", len, MINISIGN_FILE_MAX);
	*n = 0;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct line l = {text, (size_t)((stop ? stop : end) - text)};

		if (*n == LINES_MAX)
			return err_set(e, ERR_INPUT, "there is text behind line %d", LINES_MAX);
		if (l.len && l.text[l.len - 1] == '\r')
			return err_set(e, ERR_INPUT,
				"line %zu ends in a carriage return: the file was converted on its "
				"way, take it as it was made",
				*n + 1);
		if (!line_clean(&l))
			return err_set(e, ERR_INPUT,
				"line %zu has control characters or is not UTF-8", *n + 1);
		lines[(*n)++] = l;
		text = stop ? stop + 1 : end;
	}
	return 0;
}

/* Line NUMBER is a comment that begins with PREFIX; *OUT is what follows. */
static int comment(
	const struct line *l, size_t number, const char *prefix, struct line *out, struct err *e)
{
	size_t skip = strlen(prefix);

	if (l->len < skip || memcmp(l->text, prefix, skip) != 0)
		return err_set(e, ERR_INPUT, "line %zu does not begin with \"%s\"", number, prefix);
	out->text = l->text + skip;
	out->len = l->len - skip;
	if (out->len >= MINISIGN_COMMENT_SIZE)
		return err_set(e, ERR_INPUT, "line %zu: a comment of %zu bytes, limit %d", number,
			out->len, MINISIGN_COMMENT_SIZE - 1);
	return 0;
}

static int decode(const struct line *l, size_t number, const char *what, uint8_t *out, size_t size,
	struct err *e)
{
	if (!hash_base64(l->text, l->len, out, size))
		return err_set(e, ERR_INPUT, "line %zu is not the base64 of %s (%zu bytes)", number,
			what, size);
	return 0;
}

/* ---- the two files ---- */

int minisign_read_key(const char *text, size_t len, struct minisign_key *out, struct err *e)
{
	struct line lines[LINES_MAX], ignored;
	uint8_t bytes[KEY_BYTES];
	size_t n = 0;

	if (split(text, len, lines, &n, e) < 0)
		return err_wrap(e, "not a minisign public key");
	if (n != 1 && n != 2)
		return err_set(e, ERR_INPUT,
			"not a minisign public key: %zu lines, expected a comment and the key", n);
	if ((n == 2 && comment(&lines[0], 1, untrusted, &ignored, e) < 0) ||
		decode(&lines[n - 1], n, "a public key", bytes, sizeof bytes, e) < 0)
		return err_wrap(e, "not a minisign public key");
	if (memcmp(bytes, "Ed", ALGORITHM_SIZE) != 0)
		return err_set(
			e, ERR_INPUT, "not a minisign public key: its algorithm is not \"Ed\"");
	memcpy(out->id, bytes + ALGORITHM_SIZE, sizeof out->id);
	memcpy(out->key, bytes + HEAD_SIZE, sizeof out->key);
	return 0;
}

int minisign_read_signature(
	const char *text, size_t len, struct minisign_signature *out, struct err *e)
{
	static const char what[] = "not a minisign signature";
	struct line lines[LINES_MAX], ignored, said;
	uint8_t bytes[SIGNATURE_BYTES], global[HASH_SIGNATURE_SIZE];
	size_t n = 0;

	if (split(text, len, lines, &n, e) < 0)
		return err_wrap(e, what);
	if (n != LINES_MAX)
		return err_set(e, ERR_INPUT, "%s: %zu lines, expected %d", what, n, LINES_MAX);
	if (comment(&lines[0], 1, untrusted, &ignored, e) < 0 ||
		decode(&lines[1], 2, "a signature", bytes, sizeof bytes, e) < 0 ||
		comment(&lines[2], 3, trusted, &said, e) < 0 ||
		decode(&lines[3], 4, "the comment's signature", global, sizeof global, e) < 0)
		return err_wrap(e, what);
	if (bytes[0] != 'E' || (bytes[1] != 'D' && bytes[1] != 'd'))
		return err_set(
			e, ERR_INPUT, "%s: its algorithm is neither \"ED\" nor \"Ed\"", what);
	out->prehashed = bytes[1] == 'D';
	memcpy(out->id, bytes + ALGORITHM_SIZE, sizeof out->id);
	memcpy(out->signature, bytes + HEAD_SIZE, sizeof out->signature);
	memcpy(out->global, global, sizeof out->global);
	memcpy(out->comment, said.text, said.len);
	out->comment[said.len] = '\0';
	return 0;
}

/* ---- the check ---- */

static bool comment_ok(const struct minisign_signature *s, const struct minisign_key *key)
{
	uint8_t signed_text[HASH_SIGNATURE_SIZE + MINISIGN_COMMENT_SIZE];
	size_t len = strlen(s->comment);

	memcpy(signed_text, s->signature, HASH_SIGNATURE_SIZE);
	memcpy(signed_text + HASH_SIGNATURE_SIZE, s->comment, len);
	return hash_ed25519_ok(s->global, signed_text, HASH_SIGNATURE_SIZE + len, key->key);
}

int minisign_check(const struct minisign_signature *s, const struct minisign_key *key,
	const void *bytes, size_t len, struct err *e)
{
	uint8_t digest[HASH_BLAKE2B_SIZE];
	char theirs[MINISIGN_ID_HEX], ours[MINISIGN_ID_HEX];

	if (memcmp(s->id, key->id, MINISIGN_ID_SIZE) != 0) {
		minisign_id(s->id, theirs);
		minisign_id(key->id, ours);
		return err_set(e, ERR_DENIED, "signed by key %s, this is key %s", theirs, ours);
	}
	if (s->prehashed) {
		hash_blake2b(bytes, len, digest);
		bytes = digest;
		len = sizeof digest;
	}
	if (!hash_ed25519_ok(s->signature, bytes, len, key->key))
		return err_set(e, ERR_DENIED,
			"not what was signed: it or its signature was altered afterwards");
	if (!comment_ok(s, key))
		return err_set(e, ERR_DENIED,
			"the trusted comment of the signature was altered after signing");
	return 0;
}

void minisign_id(const uint8_t id[MINISIGN_ID_SIZE], char out[MINISIGN_ID_HEX])
{
	static const char digits[] = "0123456789ABCDEF";

	/* a little-endian number */
	for (size_t i = 0; i < MINISIGN_ID_SIZE; i++) {
		uint8_t byte = id[MINISIGN_ID_SIZE - 1 - i];

		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[MINISIGN_ID_HEX - 1] = '\0';
}
