/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch - a report as a JSON Patch (RFC 6902).
 */
#ifndef CINCH_CTL_PATCH_H
#define CINCH_CTL_PATCH_H

#include "shim/base/json.h"
#include "shim/report.h"

/*
 * The enforced changes of R, which was collected with keep_values, as an array of operations made in
 * DOC. Applied in order to the document that tighten() got, they give the document it left, order of
 * members included. NULL when out of memory.
 */
struct json *patch_json(const struct report *r, struct json_doc *doc);

#endif
