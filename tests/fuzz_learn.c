/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_learn - any text is what containers were seen to do, or refused; what is learned from it is a
 * profile, opens nothing that nobody was seen at, and no metadata service, and is told in words that are text.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "profiles/profile.h"
#include "shim/ctl/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RULES_MAX = 256 };

/* A peer of a rule is a word, or covers somebody who was seen. */
static void check_peer(const struct sights *from, const char *peer, enum net_dir dir)
{
	struct addr a;
	bool seen = false;

	if (str_starts(peer, "segment:") || strcmp(peer, "host") == 0)
		return;
	if (strcmp(peer, "any") == 0) {
		assert(dir == NET_IN);
		return;
	}
	assert(addr_parse(peer, &a, NULL) == 0 && !learn_metadata(&a));
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < from->v[i].n; k++)
			seen = seen || (from->v[i].v[k].dir == dir &&
					       addr_covers(&a, &from->v[i].v[k].peer));
	assert(seen);
}

static void check(const struct sights *from, const struct learned *l)
{
	static const char head[] = "{\"profile\":\"fuzz\",\"version\":\"1\",\"description\":";
	AUTO_STR struct str text = STR_INIT, about = STR_INIT;
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_PROFILE struct profile *p = NULL;
	const struct json *in = json_get(l->network, "ingress");
	const struct json *out = json_get(l->network, "egress");
	struct err e = {0};

	assert(doc && in && out && l->rules == in->count + out->count);
	json_each (rule, in)
		json_each (peer, json_get(rule, "from"))
			check_peer(from, json_str(peer), NET_IN);
	json_each (rule, out)
		json_each (peer, json_get(rule, "to"))
			check_peer(from, json_str(peer), NET_OUT);
	learn_coverage(l, from, &about);
	str_add(&text, head);
	json_write(json_string_lossy(doc, str_text(&about)), &text);
	str_add(&text, ",\"network\":");
	json_write(l->network, &text);
	str_add(&text, "}");
	assert(!str_failed(&text));
	if (in->count <= RULES_MAX && out->count <= RULES_MAX)
		assert(profile_parse("fuzz", str_text(&text), text.len, &p, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SIGHTS struct sights from = {0};
	AUTO_LEARNED struct learned l = {0};
	struct err e = {0};

	if (sights_read((const char *)data, size, &from, &e) < 0) {
		assert(e.code == ERR_INPUT);
		return 0;
	}
	if (learn(&from, "enforce", &l, &e) < 0) {
		assert(e.code == ERR_INPUT && !l.doc);
		return 0;
	}
	check(&from, &l);
	return 0;
}
