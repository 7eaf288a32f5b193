/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit - the only way a pass changes a document: every change is made and recorded in one call.
 *
 * A pass does not know whether it is enforced. Under audit, tighten() gives it a copy of the document
 * and throws the copy away; the record says enforced: false.
 *
 * The first failed allocation is kept in ED and makes all later calls do nothing, so a pass reads as
 * a list of rules without error handling; tighten() looks once at the end of each pass. WHY is a
 * printf format: one sentence for the person who must understand the refusal or the change; never a
 * value of an environment variable.
 */
#ifndef CINCH_EDIT_H
#define CINCH_EDIT_H

#include <stdbool.h>

#include "profiles/control.h"
#include "shim/base/json.h"
#include "shim/report.h"

struct edit {
	struct json_doc *doc; /* owner of new values */
	struct json *root; /* the document the pass works on */
	struct report *report;
	const char *profile; /* name, for change.rule */
	unsigned line;
	enum control control;
	bool enforced;
	bool failed; /* out of memory */
};

#define EDIT_WHY(n) __attribute__((format(printf, n, n + 1)))

/* Set OBJECT[key] = V (detached; NULL counts as a failed allocation). Nothing is recorded when the
 * value is already the same. */
void edit_put(struct edit *ed, struct json *object, const char *key, struct json *v,
	const char *why, ...) EDIT_WHY(5);
/* V takes the place of OLD. */
void edit_replace(struct edit *ed, struct json *old, struct json *v, const char *why, ...)
	EDIT_WHY(4);
void edit_push(struct edit *ed, struct json *array, struct json *v, const char *why, ...)
	EDIT_WHY(4);
void edit_insert_before(struct edit *ed, struct json *sibling, struct json *v, const char *why, ...)
	EDIT_WHY(4);
/* Unlink V. NULL does nothing. */
void edit_remove(struct edit *ed, struct json *v, const char *why, ...) EDIT_WHY(3);
/* The same, and edit_push, but the record shows SHOWN (plain text, not JSON) instead of the value: for
 * secrets. */
void edit_remove_shown(struct edit *ed, struct json *v, const char *shown, const char *why, ...)
	EDIT_WHY(4);
void edit_push_shown(struct edit *ed, struct json *array, struct json *v, const char *shown,
	const char *why, ...) EDIT_WHY(5);
/* What is taken out of something that is not the document; only the record is made. BEFORE is plain text. */
void edit_remove_at(struct edit *ed, const char *place, const char *before, const char *why, ...)
	EDIT_WHY(4);
/* Refuse the container because of V; V NULL: because of what is missing at PLACE. The other calls
 * may go on, so that the user sees every reason at once. */
void edit_deny(struct edit *ed, const struct json *v, const char *why, ...) EDIT_WHY(3);
void edit_deny_at(struct edit *ed, const char *place, const char *why, ...) EDIT_WHY(3);
/* Nothing changes, but the operator should know. */
void edit_note(struct edit *ed, const struct json *v, const char *why, ...) EDIT_WHY(3);

/* ROOT's member at POINTER, made (as objects, recorded as changes with WHY) when absent or null.
 * NULL after a failure. For "/linux/resources" and the like. */
struct json *edit_object(struct edit *ed, const char *pointer, const char *why);
/* The same for an array as the last step. */
struct json *edit_array(struct edit *ed, const char *pointer, const char *why);

#endif
