/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tighten - run the passes over a document, in fixed order, and collect the report.
 */
#ifndef CINCH_TIGHTEN_H
#define CINCH_TIGHTEN_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/report.h"
#include "shim/world.h"

/*
 * Narrow the config.json in DOC to what P allows. Returns 0 when the document may be used: it then
 * holds the result, and REPORT every change. Returns -1 with ERR_DENIED when P refuses it (REPORT has
 * all reasons) or with another code when it failed; the document is then not to be used.
 *
 * Promises, held by tests over every sample and over mutated documents: the result never has more
 * than the input; a second run with the same P changes nothing; parts no pass speaks of stay byte
 * for byte.
 */
int tighten(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e);

#endif
