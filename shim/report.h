/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what was changed, refused or only noticed, in order.
 *
 * One list feeds the audit record, cinchctl explain and the error message.
 */
#ifndef CINCH_REPORT_H
#define CINCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/control.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

enum change_kind {
	CHANGE_ADD, /* a value that was not there */
	CHANGE_REPLACE, /* another value */
	CHANGE_REMOVE, /* the value is gone */
	CHANGE_DENY, /* the container is refused */
	CHANGE_NOTE, /* a warning: nothing was changed */
};

struct change {
	enum control control;
	enum change_kind kind;
	bool enforced; /* false: audit mode, the document was left as it was */
	char *place; /* JSON Pointer at the time of the change */
	char *before; /* compact JSON, cut to CHANGE_SHOWN_MAX bytes; NULL: nothing */
	char *after; /* the same */
	char *why; /* one sentence, no full stop */
	char *rule; /* "restricted:12" (profile and line) */
	struct json *value; /* ADD and REPLACE, when REPORT.keep_values: a copy of what was put */
};

enum { CHANGE_SHOWN_MAX = 300 };

struct report {
	struct change *changes;
	size_t n, cap;
	bool keep_values; /* keep whole values, for an RFC 6902 patch */
	struct json_doc *values; /* owns them */
};

#define AUTO_REPORT __attribute__((cleanup(report_done)))

void report_done(struct report *r);
/* How many enforced denials, how many enforced changes. */
size_t report_denials(const struct report *r);
size_t report_changes(const struct report *r);
/* All enforced denials as one ERR_DENIED error: "refused by profile restricted: CONTROL: WHY (PLACE);
 * ...". Returns -1. */
int report_refuse(const struct report *r, const char *profile, struct err *e);
/* The changes as a JSON array made in DOC: objects with control, kind, place, before, after, why,
 * rule, enforced. NULL when out of memory. */
struct json *report_json(const struct report *r, struct json_doc *doc);
const char *change_kind_name(enum change_kind k);

#endif
