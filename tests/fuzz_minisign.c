/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_minisign - a key file, a line "%" and a signature file: what is read means what it says, and of
 * the fixture's manifest only the fixture's signatures are good.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/minisign.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert: this must also stop a build without it. */
static void must(bool good)
{
	if (!good)
		abort();
}

/* RFC 4648, written here from the standard: the second opinion on what was decoded. */
static void encode(const uint8_t *bytes, size_t len, struct str *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t n = (uint32_t)bytes[i] << 16;

		if (i + 1 < len)
			n |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			n |= bytes[i + 2];
		str_addc(out, digits[n >> 18]);
		str_addc(out, digits[n >> 12 & 63]);
		str_addc(out, i + 1 < len ? digits[n >> 6 & 63] : '=');
		str_addc(out, i + 2 < len ? digits[n & 63] : '=');
	}
}

/* The text ends as WANT does, but for a newline. */
static bool ends(const char *text, size_t len, const struct str *want)
{
	if (len && text[len - 1] == '\n')
		len--;
	return len >= want->len && memcmp(text + len - want->len, want->s, want->len) == 0;
}

static void check_key(const char *text, size_t len, const struct minisign_key *k)
{
	AUTO_STR struct str want = STR_INIT;
	uint8_t bytes[2 + sizeof k->id + sizeof k->key] = "Ed";

	memcpy(bytes + 2, k->id, sizeof k->id);
	memcpy(bytes + 2 + sizeof k->id, k->key, sizeof k->key);
	encode(bytes, sizeof bytes, &want);
	must(ends(text, len, &want));
}

static void check_signature(const char *text, size_t len, const struct minisign_signature *s)
{
	AUTO_STR struct str want = STR_INIT;
	uint8_t bytes[2 + sizeof s->id + sizeof s->signature] = "Ed";

	if (s->prehashed)
		bytes[1] = 'D';
	memcpy(bytes + 2, s->id, sizeof s->id);
	memcpy(bytes + 2 + sizeof s->id, s->signature, sizeof s->signature);
	str_addc(&want, '\n');
	encode(bytes, sizeof bytes, &want);
	str_add(&want, "\ntrusted comment: ");
	str_add(&want, s->comment);
	str_addc(&want, '\n');
	encode(s->global, sizeof s->global, &want);
	must(ends(text, len, &want));
	for (const char *p = s->comment; *p; p++)
		must((unsigned char)*p >= 0x20 || *p == '\t');
}

struct fixture {
	char *manifest;
	size_t len;
	struct minisign_key key, other;
	struct minisign_signature made[3];
};

static void load(const char *path, char **text, size_t *len)
{
	must(io_read_file_at(AT_FDCWD, path, 1 << 16, text, len, NULL, NULL) == 0);
}

static const struct fixture *fixture(void)
{
	static const char *const names[] = {"tests/data/packs/acme/manifest.json.minisig",
		"tests/data/packs/legacy.minisig", "tests/data/packs/other.minisig"};
	static struct fixture f;
	AUTO_FREE char *key = NULL, *other = NULL;
	size_t len;

	if (f.manifest)
		return &f;
	load("tests/data/packs/acme/manifest.json", &f.manifest, &f.len);
	load("tests/data/packs/key.pub", &key, &len);
	must(minisign_read_key(key, len, &f.key, NULL) == 0);
	load("tests/data/packs/other.pub", &other, &len);
	must(minisign_read_key(other, len, &f.other, NULL) == 0);
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *text = NULL;

		load(names[i], &text, &len);
		must(minisign_read_signature(text, len, &f.made[i], NULL) == 0);
	}
	return &f;
}

static bool same(const struct minisign_signature *a, const struct minisign_signature *b)
{
	return memcmp(a->id, b->id, sizeof a->id) == 0 && strcmp(a->comment, b->comment) == 0 &&
	       memcmp(a->signature, b->signature, sizeof a->signature) == 0 &&
	       memcmp(a->global, b->global, sizeof a->global) == 0 && a->prehashed == b->prehashed;
}

static void check_good(const struct minisign_signature *s, const struct minisign_key *k)
{
	const struct fixture *f = fixture();

	if (minisign_check(s, k, f->manifest, f->len, NULL) < 0)
		return;
	must(same(s, &f->made[0]) || same(s, &f->made[1]) || same(s, &f->made[2]));
	must(memcmp(k, &f->key, sizeof *k) == 0 || memcmp(k, &f->other, sizeof *k) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *cut = size ? memmem(text, size, "\n%\n", 3) : NULL;
	size_t key_len = cut ? (size_t)(cut - text) + 1 : 0;
	const char *rest = cut ? cut + 3 : text;
	size_t rest_len = size - (size_t)(rest - text);
	struct minisign_key key;
	struct minisign_signature signature;
	struct err e = {0};
	bool has_key = minisign_read_key(text, key_len, &key, &e) == 0;

	if (has_key)
		check_key(text, key_len, &key);
	else
		must(e.code && e.msg[0]);
	if (minisign_read_signature(rest, rest_len, &signature, &e) < 0) {
		must(e.code && e.msg[0]);
		return 0;
	}
	check_signature(rest, rest_len, &signature);
	if (has_key)
		check_good(&signature, &key);
	check_good(&signature, &fixture()->key);
	return 0;
}
