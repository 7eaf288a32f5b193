/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_flatten - any family of profiles comes to one that is whole, or is refused with the file that is
 * wrong; what it comes to says the same once more.
 *
 * The input is one to three texts with a NUL between them: the profiles "fuzz", "mother" and "father".
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "profiles/catalog.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"fuzz", "mother", "father"};

/* The flattened TEXT as somebody could have written it. */
static void source(const struct str *text, struct str *out)
{
	static const struct json_limits limits = {1u << 21, 32, 40000};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e;

	assert(json_parse(text->s, text->len, &limits, JSON_STRICT, &doc, &e) == 0);
	assert(!json_member(json_root(doc), "extends") && !json_member(json_root(doc), "$schema"));
	json_remove(json_member(json_root(doc), "lines"));
	json_write(json_root(doc), out);
}

static void flatten_again(const struct str *text, const struct profile *p)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_STR struct str alone = STR_INIT, again = STR_INIT, once_more = STR_INIT;
	AUTO_PROFILE struct profile *q = NULL;
	struct err e;

	source(text, &alone);
	assert(catalog_add(c, "fuzz", "fuzz.json", NULL, alone.s, alone.len, &e) == 0);
	assert(catalog_flatten(c, "fuzz", &again, &q, &e) == 0);
	source(&again, &once_more);
	assert(alone.len == once_more.len && memcmp(alone.s, once_more.s, alone.len) == 0);
	assert(p->capabilities == q->capabilities && p->mode == q->mode && p->audit == q->audit);
	assert(p->mounts.deny.n == q->mounts.deny.n && p->n_devices == q->n_devices);
	assert(p->rootfs.n_writable == q->rootfs.n_writable &&
		p->paths.masked.n == q->paths.masked.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL, *read = NULL;
	AUTO_STR struct str text = STR_INIT;
	const char *at = (const char *)data;
	char digest[HASH_HEX_SIZE];
	struct err e = {0};

	assert(c);
	for (size_t i = 0; i < 3; i++) {
		const char *end = size ? memchr(at, '\0', size) : NULL;
		size_t len = end ? (size_t)(end - at) : size;
		AUTO_STR struct str file = STR_INIT;

		str_addf(&file, "%s.json", names[i]);
		if (catalog_add(c, names[i], str_text(&file), NULL, len ? at : "", len, &e) < 0)
			return 0;
		if (!end)
			break;
		at = end + 1;
		size -= len + 1;
	}
	if (catalog_flatten(c, "fuzz", &text, &p, &e) < 0) {
		assert(!p && text.len == 0 && e.code == ERR_INPUT);
		assert(strstr(e.msg, "fuzz.json") || strstr(e.msg, "mother.json") ||
			strstr(e.msg, "father.json") || strstr(e.msg, "(built in)"));
		return 0;
	}
	assert(strcmp(p->name, "fuzz") == 0);
	hash_sha256_hex(text.s, text.len, digest);
	assert(strcmp(digest, p->digest) == 0);
	for (int i = 0; i < CONTROL_COUNT; i++)
		assert(!p->said_by[i] || (p->line[i] && catalog_find(c, p->said_by[i])));
	assert(profile_parse("fuzz.json", text.s, text.len, &read, &e) == 0);
	flatten_again(&text, p);
	return 0;
}
