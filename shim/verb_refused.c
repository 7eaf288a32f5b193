/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_refused - a governed call that came to nothing before its verb could look at it: a line that is
 * not understood, no runtime. Recorded all the same, for a line like that may be somebody's attempt.
 */
#include "shim/verb.h"

#include "shim/record.h"

void verb_refused(const struct call *c, const struct err *why)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct err second;

	if (audit_begin(&a, args_verb_name(c->args->verb), &second) < 0 ||
		audit_put_text(&a, "id", c->args->id) < 0 ||
		audit_put_text(&a, "bundle", args_value(c->args, ARG_BUNDLE)) < 0 ||
		audit_put_text(&a, "result", "failed") < 0 ||
		audit_put_text(&a, "error", why->msg) < 0 || record_policy(&a, c->applied) < 0)
		return;
	/* what the user must see is the first reason */
	(void)audit_commit(&a, &c->applied->settings, &second);
}
