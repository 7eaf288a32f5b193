/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - how one policy differs from another: its profiles, what they grant, what the node says.
 */
#ifndef CINCH_CTL_DIFF_H
#define CINCH_CTL_DIFF_H

#include "profiles/policy.h"
#include "shim/base/json.h"
#include "shim/ctl/privileges.h"

enum diff_kind { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

struct diff_profile { /* of one profile */
	enum diff_kind kind;
	char *name;
	char *before, *after; /* versions; NULL: it was not, will not be there */
	struct privileges privileges; /* empty for what was changed in words only */
};

struct diff {
	struct diff_profile *v; /* sorted by name */
	size_t n;
	struct strv node; /* "mode: enforce -> audit", "pack acme: 1.0.0 -> 1.1.0" */
	size_t n_profiles; /* of the new policy */
};

#define AUTO_DIFF __attribute__((cleanup(diff_done)))

/* From FROM to TO; NULL: the built-in policy. *OUT is the caller's. */
int diff_policies(struct policy *from, struct policy *to, struct diff *out, struct err *e);
void diff_done(struct diff *c);
/* The change of the profile NAME; NULL: there is none. */
const struct diff_profile *diff_find(const struct diff *c, const char *name);

/* What build_policy made, opened as a policy without being stored. */
int diff_open(const void *bytes, size_t len, struct policy **out, struct err *e);

/* Appended: one line each change; with DETAIL what is gained and lost, too. */
void diff_table(const struct diff *c, bool detail, bool colour, struct str *out);
/* {"profiles": [...], "node": [...]}; NULL when out of memory. */
struct json *diff_json(const struct diff *c, struct json_doc *doc);

#endif
