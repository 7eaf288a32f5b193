/* SPDX-License-Identifier: Apache-2.0 */
/*
 * affected - which containers that run now would be held to something else if they were started again.
 */
#ifndef CINCH_CTL_AFFECTED_H
#define CINCH_CTL_AFFECTED_H

#include "shim/ctl/diff.h"

struct affected_one {
	char *id, *who; /* "default/web-1 app"; the id where nothing else is known */
	char *now, *then; /* profiles; the same name: what it says is changed */
	const char *refused; /* why it would not start; NULL: it would */
};

struct affected {
	struct affected_one *v;
	size_t n, running;
};

#define AUTO_AFFECTED __attribute__((cleanup(affected_done)))

/*
 * Goes through the records of shim/state.h (DIR) of containers that are still there. A container that was
 * not chosen by a rule, and would not have got its profile by FROM's rules or default either, was named
 * that profile by its engine's configuration and will be again. FROM, TO: as for diff_policies.
 */
int affected_find(const char *dir, struct policy *from, struct policy *to, const struct diff *diff,
	struct affected *out, struct err *e);
void affected_done(struct affected *a);
void affected_table(const struct affected *a, struct str *out);
struct json *affected_json(const struct affected *a, struct json_doc *doc);

#endif
