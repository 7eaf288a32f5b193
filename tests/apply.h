/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - put a policy in force in a directory, for tests of what a launch makes of it.
 */
#ifndef CINCH_TESTS_APPLY_H
#define CINCH_TESTS_APPLY_H

#include <stddef.h>

#include "profiles/policy.h"

/*
 * Apply the text NODE of a cinch.json to DIR: with all shipped profiles, MORE of the test's own (flattened
 * already) and DENIED images (may be NULL). Exits the test when that fails. The digest, valid until the
 * next call.
 */
const char *apply_policy(const char *dir, const char *node, const struct policy_text *more,
	size_t n_more, const struct denied *denied);

#endif
