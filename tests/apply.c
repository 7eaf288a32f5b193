/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - put a policy in force in a directory.
 */
#include "tests/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/store.h"

const char *apply_policy(const char *dir, const char *node, const struct policy_text *more,
	size_t n_more, const struct denied *denied)
{
	enum { TEXTS_MAX = 64 };
	static char digest[HASH_HEX_SIZE];
	const struct denied none = {.n = 0};
	struct policy_text texts[TEXTS_MAX];
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_STR struct str bytes = STR_INIT;
	struct policy_draft draft = {.node = &n, .texts = texts, .denied = denied ? denied : &none};
	struct err e = {0};
	bool changed;

	for (size_t i = 0; i < n_more; i++)
		texts[draft.n_texts++] = more[i];
	for (size_t i = 0; profile_builtin_name(i) && draft.n_texts < TEXTS_MAX; i++) {
		struct policy_text *t = &texts[draft.n_texts++];

		t->name = profile_builtin_name(i);
		t->text = profile_builtin_text(t->name, &t->len);
	}
	if (node_parse("cinch.json", node, strlen(node), &n, &e) < 0 ||
		policy_encode(&draft, &bytes, &e) < 0 ||
		store_apply(dir, bytes.s, bytes.len, &changed, digest, &e) < 0) {
		fprintf(stderr, "apply: %s\n", e.msg);
		exit(2);
	}
	return digest;
}
