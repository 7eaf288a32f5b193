/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tighten_rig - one document through the whole of tighten(), with every promise checked.
 */
#ifndef CINCH_TESTS_TIGHTEN_RIG_H
#define CINCH_TESTS_TIGHTEN_RIG_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/report.h"
#include "shim/world.h"

struct rig {
	bool accepted;
	struct json_doc *in, *doc; /* input and result; NULL when it is not JSON */
	struct report report;
	struct err e; /* why it was refused */
	struct strv bad; /* promises that were broken, in words */
};

/*
 * Parse TEXT, check its shape, tighten it, and judge: a refusal is ERR_INPUT or ERR_DENIED with its
 * reasons; a result has no more than the input (ratchet) nor than the profile (ceiling); it is
 * valid; tightening it again changes nothing, byte for byte; nothing changed without a record.
 */
void rig_run(struct rig *r, const char *text, size_t len, const struct profile *p,
	const struct world *w);
void rig_done(struct rig *r);
#define AUTO_RIG __attribute__((cleanup(rig_done)))

/* The changes and notes as lines "control kind place: before -> after: why", appended. */
void rig_changes(const struct rig *r, struct str *out);

#endif
