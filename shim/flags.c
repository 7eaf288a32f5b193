/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags - options of the command line that weaken what holds a container: taken out, bounded or refused.
 *
 * Read in the sources of runc 1.0 to 1.4 and crun up to 1.20. Looked at and left alone, because they give
 * the container nothing or name what only root's own command line could name: --criu, --systemd-cgroup,
 * --keep, --no-subreaper, --no-mount-fallback (which is stricter), and restore's --tcp-established,
 * --ext-unix-sk, --shell-job, --file-locks, --link-remap, --auto-dedup, --empty-ns. --lazy-pages is
 * checkpoint.c's to refuse.
 */
#include "shim/flags.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/args_table.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"
#include "shim/edit.h"
#include "shim/runtime.h"

/* A rootless caller has no more than his own rights, and often no cgroup he could be given. */
static bool nodes_root(void)
{
	return geteuid() == 0 && !io_in_user_ns();
}

static bool means_rootless(const char *value)
{
	bool on = false;

	return option_bool(value, &on) && on && nodes_root();
}

static bool means_no_cgroup(const char *value)
{
	return strcmp(value, "disabled") == 0 && nodes_root();
}

/* "soft", the runtimes' default, makes the cgroup of the configuration */
static bool means_other_cgroups(const char *value)
{
	return strcmp(value, "soft") != 0;
}

static const struct {
	enum args_opt opt;
	enum profile_flag flag;
	bool (*weakens)(const char *value); /* NULL: whatever the value is */
	const char *why;
} rows[] = {
	{ARG_NO_PIVOT, FLAG_NO_PIVOT, NULL,
		"with chroot in place of pivot_root the node's own root stays within reach"},
	{ARG_NO_NEW_KEYRING, FLAG_NO_NEW_KEYRING, NULL,
		"the container would share a session keyring with the engine"},
	{ARG_IGNORE_PAUSED, FLAG_IGNORE_PAUSED, NULL,
		"nothing is started in a container that somebody has paused"},
	{ARG_ROOTLESS, FLAG_ROOTLESS, means_rootless,
		"limits that cannot be set would be passed over in silence"},
	{ARG_CGROUP_MANAGER, FLAG_CGROUP_MANAGER, means_no_cgroup,
		"a container without a cgroup has no limits"},
	{ARG_MANAGE_CGROUPS_MODE, FLAG_MANAGE_CGROUPS_MODE, means_other_cgroups,
		"cgroups and limits would be those of the image, or none"},
	{ARG_LSM_PROFILE, FLAG_LSM_PROFILE, NULL,
		"labels are those of the configuration that was judged"},
	{ARG_LSM_MOUNT_CONTEXT, FLAG_LSM_PROFILE, NULL,
		"labels are those of the configuration that was judged"},
};

static void judge_options(struct edit *ed, struct args *a, const struct profile *p)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *value = args_value(a, rows[i].opt);

		if (!args_has(a, rows[i].opt) || p->flags.allow & 1u << rows[i].flag ||
			(rows[i].weakens && !rows[i].weakens(value)))
			continue;
		edit_remove_at(
			ed, args_opt_name(rows[i].opt), value ? value : "true", "%s", rows[i].why);
		if (ed->enforced)
			args_unset(a, rows[i].opt);
	}
}

/* They are another process's (sd_listen_fds(3)): runc looks at LISTEN_PID, crun does not. */
static bool listen_fds_stale(void)
{
	const char *text = getenv("LISTEN_PID");
	uint64_t pid;

	return text && (!num_u64(text, INT32_MAX, &pid) || (pid_t)pid != getpid());
}

/* To us it counts nothing, and to the runtimes a number: runc takes signs and zeros in front, crun (strtoll)
 * blanks and what is behind, too. They would hand out what they opened themselves. */
static bool listen_fds_odd(void)
{
	const char *text = getenv("LISTEN_FDS");

	return text && *text && !runtime_listen_fds() && strcmp(text, "0") != 0;
}

static void judge_descriptors(struct edit *ed, const struct args *a, const struct profile *p)
{
	const char *option = args_opt_name(ARG_PRESERVE_FDS);
	uint64_t asked = 0, listen = runtime_listen_fds();
	char number[24];

	if (args_has(a, ARG_PRESERVE_FDS))
		(void)num_u64(args_value(a, ARG_PRESERVE_FDS), UINT32_MAX, &asked);
	if (listen_fds_odd()) {
		edit_remove_at(ed, "LISTEN_FDS", "(no plain number)",
			"runtimes read a number in it, each another one");
		if (ed->enforced)
			unsetenv("LISTEN_FDS");
	}
	if (asked + listen <= p->flags.preserve_fds)
		return;
	if (listen && listen_fds_stale()) {
		snprintf(number, sizeof number, "%" PRIu64, listen);
		edit_remove_at(ed, "LISTEN_FDS", number,
			"it is meant for a process that LISTEN_PID names");
		if (ed->enforced)
			unsetenv("LISTEN_FDS");
		listen = 0;
	}
	if (asked + listen <= p->flags.preserve_fds)
		return;
	edit_deny_at(ed, asked ? option : "LISTEN_FDS",
		"%" PRIu64
		" of the caller's descriptors would go to the container, the profile allows "
		"%u: start it without %s, or set flags.preserveFds",
		asked + listen, p->flags.preserve_fds, asked ? option : "LISTEN_FDS");
}

/* Verbs that start something in the container. */
static bool hands_on(enum args_verb v)
{
	return v != VERB_UPDATE && v != VERB_PASS;
}

int flags_judge(struct args *a, const struct profile *p, struct report *report, struct err *e)
{
	const char *said_by = p->said_by[CONTROL_FLAGS];
	struct edit ed = {
		.report = report,
		.profile = said_by ? said_by : p->name,
		.line = p->line[CONTROL_FLAGS],
		.control = CONTROL_FLAGS,
		.enforced = !profile_audits(p, CONTROL_FLAGS),
	};

	judge_options(&ed, a, p);
	if (hands_on(a->verb))
		judge_descriptors(&ed, a, p);
	return ed.failed ? err_nomem(e) : 0;
}
