/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_minisign - keys and signatures that minisign 0.11 made (tests/data/packs), and every way to
 * change them.
 */
#include "profiles/minisign.h"

#include <fcntl.h>
#include <stdlib.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/tap.h"

#define DATA "tests/data/packs/"

static const char key_line[] = "RWT6NWQRm0xDO4mF/p8A5ucLrsPczFZaTSI5zwSUBo+eAeV41r8BiLLn";
static const char id_text[] = "3B434C9B116435FA"; /* as minisign wrote it into the key file */

struct text {
	char *s;
	size_t len;
};

static struct text manifest, signature, legacy, foreign, key_file, other_file;
static struct minisign_key key, other;

static void load(const char *path, struct text *t)
{
	struct err e = {0};

	if (io_read_file_at(AT_FDCWD, path, 1 << 20, &t->s, &t->len, NULL, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
}

/* Read and check as a pack does. */
static int accept(const char *sig, size_t len, const char *bytes, size_t bytes_len, struct err *e)
{
	struct minisign_signature s;

	if (minisign_read_signature(sig, len, &s, e) < 0)
		return -1;
	return minisign_check(&s, &key, bytes, bytes_len, e);
}

/* ---- base64 ---- */

static void test_base64(void)
{
	size_t accepted = 0, values = 0;
	bool seen[64] = {false};

	for (int c = 0; c < 256; c++) {
		const char text[4] = {(char)c, 'A', 'A', 'A'};
		uint8_t out[3];

		if (!hash_base64(text, sizeof text, out, sizeof out))
			continue;
		accepted++;
		values += !seen[out[0] >> 2];
		seen[out[0] >> 2] = true;
	}
	ok(accepted == 64 && values == 64, "64 bytes are digits of base64, each of another value");
}

/* ---- what minisign made ---- */

static void test_good(void)
{
	struct minisign_signature s;
	char id[MINISIGN_ID_HEX];
	struct err e = {0};

	ok(minisign_read_key(key_file.s, key_file.len, &key, &e) == 0, "the key %s", e.msg);
	minisign_id(key.id, id);
	tap_same(id, id_text, "its id");
	ok(minisign_read_key(other_file.s, other_file.len, &other, &e) == 0, "the other key");
	ok(minisign_read_signature(signature.s, signature.len, &s, &e) == 0, "a signature");
	ok(s.prehashed, "of the new kind");
	tap_same(s.comment, "acme 1.4.0, released by the fixture", "its comment");
	ok(minisign_check(&s, &key, manifest.s, manifest.len, &e) == 0, "is good %s", e.msg);
	ok(minisign_read_signature(legacy.s, legacy.len, &s, &e) == 0, "one of the old kind");
	ok(!s.prehashed, "it says so");
	ok(strchr(s.comment, '\t') != NULL, "a comment with minisign's tabs: %s", s.comment);
	ok(minisign_check(&s, &key, manifest.s, manifest.len, &e) == 0, "is good %s", e.msg);
}

static void test_wrong_key(void)
{
	struct minisign_signature s;
	struct minisign_key liar = other;
	struct err e = {0};

	ok(minisign_read_signature(foreign.s, foreign.len, &s, &e) == 0 &&
			minisign_check(&s, &key, manifest.s, manifest.len, &e) < 0,
		"another's signature");
	ok(strstr(e.msg, id_text) && strstr(e.msg, "signed by key"), "names both: %s", e.msg);
	memcpy(liar.id, key.id, sizeof liar.id);
	ok(minisign_read_signature(signature.s, signature.len, &s, &e) == 0 &&
			minisign_check(&s, &liar, manifest.s, manifest.len, &e) < 0,
		"another's key under the id: %s", e.msg);
}

/* The signature of one file says nothing of another's comment. */
static void test_mixed(void)
{
	struct minisign_signature a, b;
	struct err e = {0};

	if (minisign_read_signature(signature.s, signature.len, &a, &e) < 0 ||
		minisign_read_signature(legacy.s, legacy.len, &b, &e) < 0)
		return;
	memcpy(a.global, b.global, sizeof a.global);
	memcpy(a.comment, b.comment, sizeof a.comment);
	ok(minisign_check(&a, &key, manifest.s, manifest.len, &e) < 0 && strstr(e.msg, "comment"),
		"the comment of another signature of this key: %s", e.msg);
}

/* ---- every byte ---- */

static void test_flips(void)
{
	size_t first = (size_t)(strchr(signature.s, '\n') - signature.s), accepted = 0,
	       other_text = 0;
	size_t prefix = strlen("untrusted comment: ");
	struct err e = {0};

	for (size_t i = 0; i < signature.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct text t = {strdup(signature.s), signature.len};
			bool good;

			t.s[i] ^= (char)(1u << bit);
			good = accept(t.s, t.len, manifest.s, manifest.len, &e) == 0;
			if (i >= prefix && i < first)
				other_text += good;
			else
				accepted += good;
			free(t.s);
		}
	ok(accepted == 0, "no bit of the signature file may change");
	ok(other_text > 0, "but those of the untrusted comment, which nothing covers");
	accepted = 0;
	for (size_t i = 0; i < manifest.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			manifest.s[i] ^= (char)(1u << bit);
			accepted += accept(signature.s, signature.len, manifest.s, manifest.len,
					    &e) == 0;
			accepted += accept(legacy.s, legacy.len, manifest.s, manifest.len, &e) == 0;
			manifest.s[i] ^= (char)(1u << bit);
		}
	ok(accepted == 0, "no bit of what is signed may change");
	ok(accept(signature.s, signature.len, manifest.s, manifest.len, &e) == 0,
		"unchanged it is good");
}

static void test_lengths(void)
{
	struct err e = {0};
	size_t accepted = 0;

	for (size_t len = 0; len + 1 < signature.len; len++)
		accepted += accept(signature.s, len, manifest.s, manifest.len, &e) == 0;
	ok(accepted == 0, "no signature that is cut");
	ok(accept(signature.s, signature.len - 1, manifest.s, manifest.len, &e) == 0,
		"but for the last newline");
	accepted = 0;
	for (size_t len = 0; len < manifest.len; len++)
		accepted += accept(signature.s, signature.len, manifest.s, len, &e) == 0;
	ok(accepted == 0, "nothing signed that is cut");
}

/* ---- other shapes ---- */

/* SIG with the first FROM in it changed to TO; the caller frees it. */
static char *changed(const char *sig, const char *from, const char *to)
{
	const char *at = strstr(sig, from);
	char *out = NULL;

	if (!at || asprintf(&out, "%.*s%s%s", (int)(at - sig), sig, to, at + strlen(from)) < 0)
		return NULL;
	return out;
}

static void test_shapes(void)
{
	static const struct {
		const char *what, *from, *to, *says;
	} cases[] = {
		{"CR LF", "\n", "\r\n", "line 1 ends in a carriage return"},
		{"no comment", "untrusted comment: ", "comment: ", "line 1 does not begin with"},
		{"another case", "\ntrusted", "\nTrusted", "line 3 does not begin with"},
		{"an escape", "released", "\033[31m", "line 3 has control characters"},
		{"U+009B, as good as one", "released",
			"\xc2\x9b"
			"31m",
			"line 3 has control"},
		{"a delete", "released", "\x7f", "line 3 has control characters"},
		{"not UTF-8", "released", "\xff", "line 3 has control characters or is not UTF-8"},
		{"an empty line", "\n", "\n\n", "text behind line 4"},
		{"blank before base64", "\nRU", "\n RU", "line 2 is not the base64"},
		{"an unknown algorithm", "\nRUT6", "\nRVT6", "algorithm is neither"},
		{"base64 of too much", "=\n", "AAAA\n", "line 2 is not the base64"},
		{"no padding", "=\n", "\n", "line 2 is not the base64"},
		{"base64 with bits to spare", "wE=", "wF=", "line 2 is not the base64"},
	};
	char *more = NULL, *big = calloc(1, MINISIGN_FILE_MAX + 2), *said = calloc(1, 1100);
	struct err e = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_FREE char *t = changed(signature.s, cases[i].from, cases[i].to);

		e = (struct err){0};
		ok(t && accept(t, strlen(t), manifest.s, manifest.len, &e) < 0 &&
				strstr(e.msg, cases[i].says),
			"%s: %s", cases[i].what, e.msg);
	}
	ok(asprintf(&more, "%sx", signature.s) > 0 &&
			accept(more, strlen(more), manifest.s, manifest.len, &e) < 0,
		"text behind it: %s", e.msg);
	free(more);
	memset(said, 'x', MINISIGN_COMMENT_SIZE);
	more = changed(signature.s, "acme 1.4.0", said);
	ok(accept(more, strlen(more), manifest.s, manifest.len, &e) < 0 &&
			strstr(e.msg, "limit 1023"),
		"a long comment: %s", e.msg);
	free(more);
	memset(big, 'x', MINISIGN_FILE_MAX + 1);
	ok(accept(big, MINISIGN_FILE_MAX + 1, "", 0, &e) < 0 && strstr(e.msg, "limit"),
		"a big file: %s", e.msg);
	ok(accept("", 0, "", 0, &e) < 0, "an empty file: %s", e.msg);
	ok(accept(key_file.s, key_file.len, "", 0, &e) < 0, "a key: %s", e.msg);
	free(said);
	free(big);
}

static void test_keys(void)
{
	static const struct {
		const char *what, *text;
		bool good;
	} cases[] = {
		{"the line alone", "%s", true},
		{"and its newline", "%s\n", true},
		{"any comment", "untrusted comment: \n%s\n", true},
		{"CR LF", "untrusted comment: x\r\n%s\r\n", false},
		{"a comment of another kind", "comment: x\n%s\n", false},
		{"a line more", "untrusted comment: x\n%s\nx\n", false},
		{"an empty line", "\n%s\n", false},
		{"a blank", " %s\n", false},
		{"two in one line", "%s %1$s\n", false},
		{"cut", "untrusted comment: x\n%.55s\n", false},
		{"nothing", "", false},
		{"a comment alone", "untrusted comment: x\n", false},
	};
	struct minisign_key k;
	char wrong[64];
	struct err e = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];

		if (strstr(cases[i].text, "%1$s"))
			snprintf(text, sizeof text, "%s %s\n", key_line, key_line);
		else if (strstr(cases[i].text, "%.55s"))
			snprintf(text, sizeof text, "untrusted comment: x\n%.55s\n", key_line);
		else {
			AUTO_FREE char *t = changed(cases[i].text, "%s", key_line);

			snprintf(text, sizeof text, "%s", t ? t : cases[i].text);
		}
		e = (struct err){0};
		memset(&k, 0, sizeof k);
		ok((minisign_read_key(text, strlen(text), &k, &e) == 0) == cases[i].good,
			"key, %s: %s", cases[i].what, e.msg);
		ok((memcmp(&k, &key, sizeof k) == 0) == cases[i].good, "and its bytes");
	}
	ok(minisign_read_key(signature.s, signature.len, &k, &e) < 0, "a signature: %s", e.msg);
	ok(minisign_read_key("RUT6", 4, &k, &e) < 0, "four digits: %s", e.msg);
	snprintf(wrong, sizeof wrong, "RU%s", key_line + 2); /* "ED", which no key is */
	ok(minisign_read_key(wrong, strlen(wrong), &k, &e) < 0 && strstr(e.msg, "algorithm"),
		"another algorithm: %s", e.msg);
}

int main(void)
{
	load(DATA "acme/manifest.json", &manifest);
	load(DATA "acme/manifest.json.minisig", &signature);
	load(DATA "legacy.minisig", &legacy);
	load(DATA "other.minisig", &foreign);
	load(DATA "key.pub", &key_file);
	load(DATA "other.pub", &other_file);
	test_base64();
	test_good();
	test_wrong_key();
	test_mixed();
	test_flips();
	test_lengths();
	test_shapes();
	test_keys();
	free(manifest.s);
	free(signature.s);
	free(legacy.s);
	free(foreign.s);
	free(key_file.s);
	free(other_file.s);
	return tap_done();
}
