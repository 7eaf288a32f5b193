/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_exec - exec: read what the container is held to and the process that is asked for, tighten, record,
 * become the runtime with the result in a sealed file.
 */
#include "shim/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/exec_process.h"
#include "shim/flags.h"
#include "shim/network.h"
#include "shim/record.h"
#include "shim/running.h"
#include "shim/runtime.h"
#include "shim/select.h"
#include "shim/tighten.h"

/* What one exec gathers on its way, for the record and for the runtime. */
struct exec {
	struct running running;
	struct json_doc *doc; /* what the passes judge */
	struct json *process; /* of DOC */
	struct report report;
	struct world world;
	struct err no_state; /* code not 0: why the container's record is of no use */
	struct err unread; /* code not 0: why what is asked for is not on the record then */
	char *const *command; /* the words of the line, as they came */
	size_t n_command;
	bool unknown; /* the runtime has no such container, and is asked to say so */
	int fd; /* the process for the runtime; -1: the line as it came */
};

static void exec_done(struct exec *x)
{
	running_done(&x->running);
	json_free(x->doc);
	report_done(&x->report);
	world_done(&x->world);
	cleanup_fd(&x->fd);
}

static struct runtime_fds fds_of(const struct call *c, const struct exec *x)
{
	return (struct runtime_fds){
		.preserve = verb_preserve_fds(c->args), .keep = &x->fd, .n_keep = x->fd >= 0};
}

/* ---- decide ---- */

/* The runtime keeps nothing of this id, and would say so. */
static bool unknown(const struct call *c)
{
	char root[PATH_MAX], path[2 * PATH_MAX];
	struct stat st;
	struct err why;

	if (state_root(c->runtime, args_value(c->args, ARG_ROOT), root, &why) < 0)
		return false;
	snprintf(path, sizeof path, "%s/%s", root, c->args->id);
	return lstat(path, &st) < 0 && errno == ENOENT;
}

/* The text for the runtime, in a file nobody can change any more. */
static int hand_over(
	const struct call *c, struct exec *x, const char *text, size_t len, struct err *e)
{
	const struct runtime_fds fds = fds_of(c, x);
	char path[32];

	x->fd = io_sealed("cinch-process", text, len, runtime_fd_from(&fds), e);
	if (x->fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", x->fd);
	return exec_process_line(c->args, path, e);
}

static int hand_over_process(const struct call *c, struct exec *x, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;

	json_write(x->process, &text);
	if (str_failed(&text))
		return err_nomem(e);
	return hand_over(c, x, str_text(&text), text.len, e);
}

/* Nothing is judged without a record; but who asks for what is to be known, and what is started is that. */
static int look_at_process(const struct call *c, struct exec *x, struct err *e)
{
	if (!args_has(c->args, ARG_PROCESS))
		return 0;
	if (exec_process_read(c->args, NULL, &x->doc, &x->unread) < 0)
		return x->unread.code == ENOMEM ? err_nomem(e) : 0;
	x->process = json_root(x->doc);
	return 0;
}

/*
 * No record of the container that can be used. Of a container there is not, the runtime's own message is the
 * right one; it gets a process that is none, for there may be a container by the time it looks.
 */
static int without_record(const struct call *c, struct exec *x, struct err *e)
{
	if (look_at_process(c, x, e) < 0)
		return -1;
	if (unknown(c)) {
		x->unknown = true;
		return hand_over(c, x, "", 0, e);
	}
	if (c->applied->settings.mode != PROFILE_ENFORCE)
		return x->process ? hand_over_process(c, x, e) : 0;
	*e = x->no_state;
	return -1;
}

static int read_process(const struct call *c, struct exec *x, struct err *e)
{
	const char *bundle = json_str(json_get(json_root(x->running.record), "bundle"));

	if (exec_process_read(c->args, bundle, &x->doc, e) < 0)
		return -1;
	x->process = json_root(x->doc);
	return running_document(&x->running, x->doc, x->process, e);
}

static int judge(const struct call *c, struct exec *x, struct err *e)
{
	char root[PATH_MAX];

	if (running_root(&x->running, root, e) < 0 || world_host(-1, root, &x->world, e) < 0)
		return -1;
	x->world.running = json_root(x->running.record);
	/* the node's mode is the one of today, what holds the container that of its start */
	select_relax(c->applied, x->running.p, x->running.n);
	for (size_t i = 0; i < x->running.n; i++) {
		const struct profile *p = x->running.p[i];

		if (flags_judge(c->args, p, &x->report, e) < 0 ||
			exec_process_cgroups(c->args, c->runtime, p, &x->report, e) < 0 ||
			tighten_process(x->doc, p, &x->world, &x->report, e) < 0)
			return -1;
	}
	/* not on a node that has come to audit alone */
	return c->applied->settings.mode == PROFILE_ENFORCE
		       ? network_process(
				 x->doc, x->process, json_root(x->running.record), &x->report, e)
		       : 0;
}

static int decide(const struct call *c, struct exec *x, struct err *e)
{
	if (running_read(c->runtime, args_value(c->args, ARG_ROOT), c->args->id, &x->running,
		    &x->no_state) < 0)
		return without_record(c, x, e);
	if (read_process(c, x, e) < 0 || judge(c, x, e) < 0)
		return -1;
	return hand_over_process(c, x, e);
}

/* ---- record ---- */

/* There is no document: what the line itself says. Beside --process nobody looks at its options. */
static int put_line(struct audit *a, const struct call *c, const struct exec *x)
{
	struct json *list = json_array(a->doc);

	for (size_t i = 0; i < x->n_command; i++)
		if (json_push(list, json_string_lossy(a->doc, x->command[i])) < 0)
			return -1;
	if (x->n_command && audit_put(a, "args", list) < 0)
		return -1;
	if (args_has(c->args, ARG_PROCESS))
		return audit_put_text(a, "note", x->unread.code ? x->unread.msg : NULL);
	return audit_put_text(a, "user", args_value(c->args, ARG_USER)) < 0 ||
			       audit_put(a, "tty", json_bool(a->doc, args_has(c->args, ARG_TTY))) <
				       0
		       ? -1
		       : audit_put_text(a, "cwd", args_value(c->args, ARG_CWD));
}

/* Who it is, in what: as it is handed on; as it was asked for, when it is refused. */
static int put_process(struct audit *a, const struct json *process)
{
	const struct json *args = json_get(process, "args"), *user = json_get(process, "user");
	uint64_t uid = 0, gid = 0;
	char ids[48];

	json_u64(json_get(user, "uid"), UINT64_MAX, &uid);
	json_u64(json_get(user, "gid"), UINT64_MAX, &gid);
	snprintf(ids, sizeof ids, "%" PRIu64 ":%" PRIu64, uid, gid);
	if ((args && audit_put(a, "args", json_clone(a->doc, args)) < 0) ||
		audit_put_text(a, "user", ids) < 0 ||
		audit_put(a, "tty",
			json_bool(a->doc, json_is_true(json_get(process, "terminal")))) < 0)
		return -1;
	return audit_put_text(a, "cwd", json_str(json_get(process, "cwd")));
}

static const char *result(const struct exec *x, const struct err *failed)
{
	if (x->no_state.code && !failed)
		return x->unknown ? "failed" : "audited";
	if (x->no_state.code && !x->unknown && x->no_state.code != ENOMEM)
		return "refused";
	return record_result(&x->report, failed);
}

/* FAILED is NULL when the process may be started. */
static int record(const struct call *c, struct audit *a, const struct exec *x,
	const struct err *failed, struct err *e)
{
	const struct json *of = x->running.record ? json_root(x->running.record) : NULL;
	const struct err *no_state = x->unknown ? NULL : &x->no_state;
	struct json *changes = report_json(&x->report, a->doc);

	if (audit_put_text(a, "id", c->args->id) < 0 || record_running(a, of) < 0 ||
		(!of && record_policy(a, c->applied) < 0) ||
		audit_put_text(a, "mode", record_mode(c->applied, x->running.p, x->running.n)) < 0)
		return err_nomem(e);
	if ((x->process ? put_process(a, x->process) : put_line(a, c, x)) < 0)
		return err_nomem(e);
	if (audit_put_text(a, "result", result(x, failed)) < 0 ||
		(record_would_refuse(&x->report) &&
			audit_put(a, "wouldRefuse", json_bool(a->doc, true)) < 0) ||
		audit_put_text(a, "error", failed ? failed->msg : NULL) < 0 ||
		audit_put_text(a, "state", no_state && no_state->code ? no_state->msg : NULL) < 0 ||
		audit_put(a, "changes", changes) < 0)
		return err_nomem(e);
	return audit_commit(a, &c->applied->settings, e);
}

static int prepare(const struct call *c, struct exec *x, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct err second;

	x->command = c->args->command;
	x->n_command = c->args->n_command;
	if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
		return -1;
	if (decide(c, x, e) < 0) {
		/* the refusal is what the user must see, not that its record failed, too */
		(void)record(c, &a, x, e, &second);
		return -1;
	}
	return record(c, &a, x, NULL, e);
}

int verb_exec(const struct call *c, struct err *e)
{
	__attribute__((cleanup(exec_done))) struct exec x = {.fd = -1};
	AUTO_FREE char **argv = NULL;
	struct runtime_fds fds;

	if (!c->args->help && prepare(c, &x, e) < 0)
		return -1;
	argv = args_emit(c->args, c->runtime, e);
	if (!argv)
		return -1;
	fds = fds_of(c, &x);
	return runtime_exec(c->runtime, argv, &fds, e);
}
