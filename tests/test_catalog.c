/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_catalog - profiles by name, and what "extends" makes of them: order, lists, places, limits.
 */
#include "profiles/capset.h"
#include "profiles/catalog.h"
#include "profiles/paths.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "tests/tap.h"

#define BIT(cap) ((uint64_t)1 << capset_number(cap))

/* Add the profile NAME with BODY behind its head; the body begins on line 2. */
static void put(struct catalog *c, const char *name, const char *body)
{
	AUTO_STR struct str text = STR_INIT, file = STR_INIT;
	struct err e = {0};

	str_addf(&text, "{\"profile\": \"%s\", \"version\": \"1\"%s%s}", name, *body ? ",\n" : "",
		body);
	str_addf(&file, "%s.json", name);
	if (catalog_add(c, name, str_text(&file), NULL, str_text(&text), text.len, &e) < 0)
		ok(false, "%s: %s", name, e.msg);
}

static struct profile *flat(const struct catalog *c, const char *name, struct str *text)
{
	struct profile *p = NULL;
	struct err e = {0};

	if (catalog_flatten(c, name, text, &p, &e) < 0)
		ok(false, "%s: %s", name, e.msg);
	return p;
}

/* Flattening NAME fails with MESSAGE. */
static void fails(const struct catalog *c, const char *name, const char *message)
{
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *what = NULL;
	struct err e = {0};
	int rc = catalog_flatten(c, name, &text, &p, &e);

	if (asprintf(&what, "refused: %.60s", message) < 0)
		what = NULL;
	tap_same(rc == 0 ? "(accepted)" : e.msg, message, what);
	ok(rc == 0 || (!p && text.len == 0), "and nothing comes back");
}

static void test_builtin(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	const struct catalog_entry *item, *last = NULL;

	if (!ok(c, "the shipped ones"))
		return;
	for (size_t i = 0; (item = catalog_item(c, i)); i++, last = item) {
		AUTO_PROFILE struct profile *p = NULL, *again = NULL, *plain = NULL;
		AUTO_STR struct str text = STR_INIT;
		char digest[HASH_HEX_SIZE];
		struct err e = {0};

		ok(item->builtin && (!last || strcmp(last->name, item->name) < 0), "%s is built in",
			item->name);
		if (str_starts(item->name, "seccomp/")) {
			ok(catalog_check_filter(c, item->name, &e) == 0, "%s compiles %s",
				item->name, e.msg);
			continue;
		}
		p = flat(c, item->name, &text);
		if (!p || !ok(profile_builtin(item->name, &plain, &e) == 0, "%s: %s", item->name,
				  e.msg))
			continue;
		hash_sha256_hex(text.s, text.len, digest);
		tap_same(p->digest, digest, "the digest is that of the flattened text");
		ok(memcmp(p->line, plain->line, sizeof p->line) == 0 &&
				p->capabilities == plain->capabilities &&
				p->mounts.deny.n == plain->mounts.deny.n,
			"%s: lines and values are those of the file", item->name);
		ok(profile_parse("x", text.s, text.len, &again, &e) == 0, "it can be read: %s",
			e.msg);
	}
}

static void test_order(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str text = STR_INIT;

	put(c, "a",
		"\"capabilities\": [\"CAP_KILL\"],\n\"mode\": \"audit\", \"audit\": "
		"[\"seccomp\"],\n"
		"\"resources\": {\"pids\": 1, \"rlimits\": {\"RLIMIT_CORE\": 0}},\n"
		"\"user\": {\"root\": \"deny\", \"uid\": 5}");
	put(c, "b", "\"extends\": [\"a\"],\n\"resources\": {\"pids\": 2}");
	put(c, "c",
		"\"extends\": [\"a\"],\n\"capabilities\": {\"add\": [\"CAP_CHOWN\"]},\n"
		"\"resources\": {\"rlimits\": {\"RLIMIT_AS\": \"1Mi\"}}");
	put(c, "d", "\"extends\": [\"b\", \"c\"],\n// own\n\"user\": {\"uid\": 7}");
	p = flat(c, "d", &text);
	tap_same(str_text(&text),
		"{\"profile\":\"d\",\"version\":\"1\",\"capabilities\":[\"CAP_KILL\",\"CAP_CHOWN\"]"
		","
		"\"user\":{\"root\":\"deny\",\"uid\":7},\"resources\":{\"pids\":2,\"rlimits\":"
		"{\"RLIMIT_AS\":\"1Mi\",\"RLIMIT_CORE\":0}},\"lines\":{\"user\":\"d:4\","
		"\"capabilities\":\"c:3\",\"resources\":\"c:4\"}}\n",
		"a diamond: each once, parents first, members merged");
	if (!p)
		return;
	ok(p->mode == PROFILE_ENFORCE && p->audit == 0, "a parent's audit mode is its own");
	ok(p->line[CONTROL_USER] == 4 && !p->said_by[CONTROL_USER], "its own line");
	ok(p->line[CONTROL_CAPABILITIES] == 3, "the line of a parent");
	tap_same(p->said_by[CONTROL_CAPABILITIES], "c", "and who said it");
}

static void test_circles(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();

	put(c, "a", "\"extends\": [\"b\"]");
	put(c, "b", "\"extends\": [\"restricted\", \"d\"]");
	put(c, "d", "\"extends\": [\"b\"]");
	put(c, "e", "\"extends\": [\"e\"]");
	fails(c, "a", "d.json:2:13: \"extends\" goes round in a circle: b -> d -> b");
	fails(c, "e", "e.json:2:13: \"extends\" goes round in a circle: e -> e");
}

int main(void)
{
	test_builtin();
	test_order();
	test_circles();
	return tap_done();
}
