/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_update - update: recorded, and handed on in the one form all runtimes read the same.
 *
 * The resources it brings are not judged yet.
 */
#include "shim/verb.h"

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/record.h"
#include "shim/runtime.h"

int verb_update(const struct call *c, struct err *e)
{
	const struct runtime_fds fds = {
		.all = true,
	};
	AUTO_FREE char **argv = args_emit(c->args, c->runtime, e);
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (!argv)
		return -1;
	if (!c->args->help) {
		if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
			return -1;
		if (audit_put_text(&a, "id", c->args->id) < 0 ||
			audit_put_text(&a, "result", "passed") < 0 ||
			record_policy(&a, c->applied) < 0)
			return err_nomem(e);
		if (audit_commit(&a, &c->applied->settings, e) < 0)
			return -1;
	}
	return runtime_exec(c->runtime, argv, &fds, e);
}
