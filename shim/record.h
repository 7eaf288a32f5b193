/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the audit record says of a launch and of the policy it was held to.
 */
#ifndef CINCH_RECORD_H
#define CINCH_RECORD_H

#include "profiles/store.h"
#include "shim/audit.h"
#include "shim/engine.h"
#include "shim/report.h"
#include "shim/select.h"

/* Borrowed; what is not known yet is empty. */
struct record_facts {
	const struct applied *applied;
	const struct engine *engine;
	const struct selection *profiles;
	const struct report *report;
	const struct json_doc *doc; /* config.json; NULL: it was not read */
	const struct err *failed; /* NULL: the container may be started */
	const struct err *no_state; /* code not 0: why there is no state record */
};

/* "policy": {"digest", "from", "problem"}. -1 when out of memory. */
int record_policy(struct audit *a, const struct applied *p);
/*
 * "engine", "namespace", "pod", "container", "image", "mode", "policy", "select", "profiles", "annotations",
 * "result", "wouldRefuse", "error", "state", "changes". -1 when out of memory.
 */
int record_launch(struct audit *a, const struct record_facts *f);
/* What a state record says of the container: "engine", "namespace", "pod", "container", "image", "profiles",
 * "policy" (the digest it was started under). RECORD NULL: nothing is added. -1 when out of memory. */
int record_running(struct audit *a, const struct json *record);
/* "profiles": name, version and digest of each. -1 when out of memory. */
int record_profiles(struct audit *a, const struct selection *s);
/* "enforce"; "audit" when nothing of the N profiles P can be enforced on this node. */
const char *record_mode(const struct applied *a, struct profile *const *p, size_t n);
/* "unchanged", "changed", "audited" (changes or refusals, none enforced), "refused", "failed". */
const char *record_result(const struct report *r, const struct err *failed);
/* Something would have been refused, were it enforced. */
bool record_would_refuse(const struct report *r);

#endif
