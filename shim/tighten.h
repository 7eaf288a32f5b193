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
/*
 * The same for a process that is started in a running container: DOC holds {"process", "linux"} as
 * running_document makes it. What a runtime would take from the container when the process is silent of
 * it is written out where the profile wants less (capabilities).
 */
int tighten_process(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e);
/*
 * The same for new limits of a running container: DOC holds {"linux": {"resources"}}. What is not in it
 * stays as it is in the container, and is not added here; what would lift a limit is lowered to the
 * profile's ceiling or taken out.
 */
int tighten_resources(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e);

#endif
