/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - the select rules as a launch uses them: encoded when they are applied, matched without
 * allocating, so that a thousand of them cost a start less than 0.3 ms.
 */
#ifndef CINCH_PROFILES_RULES_H
#define CINCH_PROFILES_RULES_H

#include "profiles/image.h"
#include "profiles/node.h"

/* What the engine told of one container; NULL: unknown. */
struct rules_facts {
	const char *engine, *namespace, *pod, *container;
	const struct image *image; /* may be NULL */
};

/* Append the encoded rules. -1 when out of memory. */
int rules_encode(const struct node_rule *rules, size_t n, struct str *out, struct err *e);
/*
 * The first rule that matches: *PROFILE borrows from BYTES (NULL: none matches) and *LINE is where it
 * stands in cinch.json. BYTES that rules_encode did not make are an error, never a crash.
 */
int rules_match(const void *bytes, size_t len, const struct rules_facts *facts,
	const char **profile, unsigned *line, struct err *e);

#endif
