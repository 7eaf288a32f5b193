/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_exec - exec: recorded, and handed on in the one form all runtimes read the same.
 *
 * The process it brings is not judged yet.
 */
#include "shim/verb.h"

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/record.h"
#include "shim/runtime.h"

/* The words after the id: what exec runs when it is not told by a file. */
static int put_command(struct audit *a, const struct args *args)
{
	struct json *list = json_array(a->doc);

	if (args->n_command == 0)
		return 0;
	for (size_t i = 0; i < args->n_command; i++)
		if (json_push(list, json_string_lossy(a->doc, args->command[i])) < 0)
			return -1;
	return audit_put(a, "args", list);
}

int verb_exec(const struct call *c, struct err *e)
{
	const struct runtime_fds fds = {
		.preserve = verb_preserve_fds(c->args),
	};
	AUTO_FREE char **argv = args_emit(c->args, c->runtime, e);
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (!argv)
		return -1;
	if (!c->args->help) {
		if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
			return -1;
		if (audit_put_text(&a, "id", c->args->id) < 0 || put_command(&a, c->args) < 0 ||
			audit_put_text(&a, "result", "passed") < 0 ||
			record_policy(&a, c->applied) < 0)
			return err_nomem(e);
		if (audit_commit(&a, &c->applied->settings, e) < 0)
			return -1;
	}
	return runtime_exec(c->runtime, argv, &fds, e);
}
