/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_update - an independent judge of updates: can a container come out of one with more than it had,
 * than was asked for, or than the profile allows?
 *
 * Written from what the runtimes do with the document (runc 1.1 and 1.4, crun on either kind of cgroup, and
 * one that reads zero as "no limit", as the specification once did), not from the pass: the document is laid
 * over limits of many kinds, as each of them would, before and after it was judged.
 */
#ifndef CINCH_TESTS_RATCHET_UPDATE_H
#define CINCH_TESTS_RATCHET_UPDATE_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

/*
 * Judge OUT against ASKED, both linux.resources objects that passed spec_check; P enforces. UNHELD: the
 * container's record is missing, so nothing may be lowered that was not asked to be. Appends one sentence per
 * violation to BAD.
 */
void ratchet_update(const struct json *asked, const struct json *out, const struct profile *p,
	bool unheld, struct strv *bad);

#endif
