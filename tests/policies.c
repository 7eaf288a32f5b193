/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies - small policies for the tests of the store.
 */
#include "tests/policies.h"

#include <stdio.h>
#include <stdlib.h>

#include "profiles/policy.h"

void policies_make(unsigned number, struct str *out)
{
	static const char *const names[] = {"baseline", "restricted"};
	enum { N = sizeof names / sizeof *names };
	struct policy_text texts[N];
	char version[16], pack[] = "test", digest[] = "";
	struct policy_pack packs = {.name = pack, .version = version, .digest = digest};
	struct denied denied = {0};
	struct node node = {0};
	struct err e = {0};

	snprintf(version, sizeof version, "%u.0.0", number);
	for (size_t i = 0; i < N; i++) {
		texts[i].name = names[i];
		texts[i].text = profile_builtin_text(names[i], &texts[i].len);
	}
	if (node_parse("cinch.json", "", 0, &node, &e) < 0 ||
		policy_encode(&(struct policy_draft){.node = &node,
				      .texts = texts,
				      .n_texts = N,
				      .packs = &packs,
				      .n_packs = 1,
				      .denied = &denied},
			out, &e) < 0) {
		fprintf(stderr, "policy %u: %s\n", number, e.msg);
		exit(2);
	}
	node_done(&node);
}
