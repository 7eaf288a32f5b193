/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling - the other half of the ratchet: has the result of tighten() more than the profile allows?
 *
 * Written from the design and the profile's struct, not from the passes. Only profiles without
 * audited controls can be judged.
 */
#ifndef CINCH_TESTS_CEILING_H
#define CINCH_TESTS_CEILING_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/base/str.h"
#include "shim/world.h"

/* Appends one sentence per violation to BAD; returns how many. */
size_t ceiling(
	const struct json *out, const struct profile *p, const struct world *w, struct strv *bad);

#endif
