/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_exec - whether a process may be started in the running container, which, and the bound on its
 * capabilities.
 *
 * Values of the environment stay here, as in pass_env.c.
 */
#include "shim/pass.h"

#include <string.h>

#include "profiles/capset.h"
#include "profiles/command.h"
#include "shim/base/cleanup.h"
#include "shim/base/path.h"

static const char path_is[] = "PATH=";

/* ---- the command ---- */

/* The program is found by the PATH that the container was given, not by one that comes along: it would decide
 * which file an allowed name is. Without an environment runc looks nowhere, and crun takes the container's. */
static void keep_path(struct edit *ed, struct json *env, const char *own)
{
	static const char why[] =
		"the allowed commands are found by the container's own PATH, which is "
		"put back";
	AUTO_STR struct str entry = STR_INIT;
	const struct json *kept = NULL;

	if (!env || !env->first)
		return;
	if (own)
		str_addf(&entry, "%s%s", path_is, own);
	if (str_failed(&entry))
		ed->failed = true;
	json_each_safe (v, env) {
		const char *text = json_str(v);

		if (!text || !str_starts(text, path_is))
			continue;
		if (own && !kept && strcmp(text, str_text(&entry)) == 0)
			kept = v;
		else
			edit_remove_shown(ed, v, path_is, why);
	}
	if (own && !kept)
		edit_push_shown(ed, env, json_string(ed->doc, str_text(&entry)), path_is, why);
}

/* With an allow list the program is named so that it can only be one file. */
static void judge_program(struct edit *ed, struct json *process, const struct json *own)
{
	const struct json *first = json_item(json_get(process, "args"), 0);
	const char *program = json_str(first);

	if (!program)
		return;
	if (!strchr(program, '/'))
		keep_path(ed, json_get(process, "env"), json_str(json_get(own, "path")));
	else if (*program != '/' || !path_plain(program) || str_ends(program, "/"))
		edit_deny(ed, first,
			"where only some commands are allowed, %s has to be an absolute path "
			"without "
			"\".\", \"..\" and \"//\"",
			program);
}

static void judge_command(
	struct edit *ed, const struct profile *p, struct json *process, const struct json *own)
{
	const struct json *args = json_get(process, "args");
	AUTO_FREE const char **argv = NULL;
	const char *pattern;
	size_t n = 0;

	if (!p->exec.allow_commands.n && !p->exec.deny_commands.n)
		return;
	argv = calloc((args ? args->count : 0) + 1, sizeof *argv);
	if (!argv) {
		ed->failed = true;
		return;
	}
	json_each (v, args)
		argv[n++] = json_str(v);
	pattern = command_denied(&p->exec.deny_commands, argv, n);
	if (pattern)
		edit_deny(ed, args, "this command is denied: \"%s\"", pattern);
	if (!p->exec.allow_commands.n)
		return;
	/* an empty text lies in the root to a glob */
	if (!command_allowed(&p->exec.allow_commands, argv, n) || !argv[0] || !*argv[0])
		edit_deny(ed, args ? args : process,
			"this command is not among the allowed ones (exec.commands.allow)%s",
			n ? "" : ": there is none");
	judge_program(ed, process, own);
}

/* ---- capabilities ---- */

/* What is not in BOUND is taken out of CAPS, which nobody sees yet. *GONE: their names, each once. */
static int cut(struct json *caps, uint64_t bound, struct str *gone)
{
	uint64_t seen = 0;

	json_each (set, caps)
		json_each_safe (v, set) {
			int n = capset_number(json_str(v));

			if (n >= 0 && (bound >> n & 1))
				continue;
			if (n < 0 || !(seen >> n & 1))
				str_addf(gone, "%s%s", gone->len ? ", " : "", json_str(v));
			if (n >= 0)
				seen |= UINT64_C(1) << n;
			json_remove(v);
		}
	return str_failed(gone) ? -1 : 0;
}

/* Absent means the container's own to runc and crun alike: it is written out where an exec may have less. */
static void write_out(
	struct edit *ed, const struct profile *p, struct json *process, const struct json *own)
{
	struct json *caps = json_clone(ed->doc, own);
	AUTO_STR struct str gone = STR_INIT;

	if (!own)
		return;
	if (!caps || cut(caps, p->exec.capabilities, &gone) < 0) {
		ed->failed = true;
		return;
	}
	if (gone.len)
		edit_put(ed, process, "capabilities", caps,
			"absent means the container's own, of which a process that is started "
			"later "
			"may not have: %s",
			str_text(&gone));
}

void pass_exec(struct edit *ed, const struct profile *p, const struct world *w)
{
	const struct json *own = json_get(w->running, "process");
	struct json *process = json_get(ed->root, "process");
	struct json *caps = json_get(process, "capabilities");

	if (!process)
		return;
	if (!p->exec.allow)
		edit_deny(ed, process,
			"no process may be started in the running container, not for a health "
			"check or "
			"a probe either (exec.allow)");
	if (json_is_true(json_get(process, "terminal")) && !p->exec.terminal)
		edit_deny(ed, json_get(process, "terminal"),
			"no terminal for processes that are started later (exec.terminal)");
	judge_command(ed, p, process, own);
	if (caps)
		pass_capabilities_within(ed, caps, p->exec.capabilities,
			"not allowed for a process that is started later");
	else
		write_out(ed, p, process, json_get(own, "capabilities"));
}
