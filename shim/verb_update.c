/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_update - update: read the new limits, hold them to what the container was started under, record,
 * become the runtime.
 *
 * Whichever way they were said, the runtime gets them as one document that nobody can change any more.
 */
#include "shim/verb.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"
#include "shim/edit.h"
#include "shim/flags.h"
#include "shim/record.h"
#include "shim/running.h"
#include "shim/runtime.h"
#include "shim/select.h"
#include "shim/tighten.h"
#include "shim/update_resources.h"

struct update {
	struct running running;
	struct selection instead; /* for a container without a record */
	struct err no_record; /* code not 0: why there is none */
	struct profile **p; /* of the one or the other */
	size_t n;
	struct json_doc *doc;
	struct json *asked; /* of the audit record's document */
	struct report report;
	struct world world;
	int document; /* for the runtime */
};

static void update_done(struct update *u)
{
	running_done(&u->running);
	select_done(&u->instead);
	json_free(u->doc);
	report_done(&u->report);
	cleanup_fd(&u->document);
}

/* ---- decide ---- */

/*
 * Without a record there is nothing the container was promised, and its limits may be any. The node's own
 * policy decides then, and nothing is lowered (pass_update.c): a node whose records were lost must go on.
 */
static int choose_instead(const struct call *c, struct update *u, struct err *e)
{
	AUTO_ENGINE struct engine nothing = {.kind = ENGINE_UNKNOWN};
	AUTO_JSON struct json_doc *empty = json_new();
	const struct select_ask ask = {.wanted = c->args->profile,
		.program = c->program,
		.engine = &nothing,
		.doc = empty};

	if (!empty)
		return err_nomem(e);
	if (u->no_record.code == ENOMEM) {
		*e = u->no_record;
		return -1;
	}
	if (select_profiles(c->applied, &ask, &u->instead, e) < 0)
		return -1;
	u->p = u->instead.p;
	u->n = u->instead.n;
	u->world.unheld = true;
	return 0;
}

static int choose(const struct call *c, struct update *u, struct err *e)
{
	const char *root = args_value(c->args, ARG_ROOT);

	if (running_read(c->runtime, root, c->args->id, &u->running, &u->no_record) < 0)
		return choose_instead(c, u, e);
	u->p = u->running.p;
	u->n = u->running.n;
	select_relax(c->applied, u->p, u->n);
	return 0;
}

/* As at create, where linux.intelRdt goes; no document says this, so it is taken off the line. */
static int judge_cache(
	struct args *a, const struct profile *p, struct report *report, struct err *e)
{
	static const enum args_opt cache[] = {ARG_L3_CACHE_SCHEMA, ARG_MEM_BW_SCHEMA};
	const char *said_by = p->said_by[CONTROL_RESOURCES];
	struct edit ed = {
		.report = report,
		.profile = said_by ? said_by : p->name,
		.line = p->line[CONTROL_RESOURCES],
		.control = CONTROL_RESOURCES,
		.enforced = !profile_audits(p, CONTROL_RESOURCES),
	};

	for (size_t i = 0; i < sizeof cache / sizeof *cache; i++) {
		if (!args_has(a, cache[i]))
			continue;
		edit_remove_at(&ed, args_opt_name(cache[i]), args_value(a, cache[i]),
			"cache and memory bandwidth classes belong to the node");
		if (ed.enforced)
			args_unset(a, cache[i]);
	}
	return ed.failed ? err_nomem(e) : 0;
}

static int decide(const struct call *c, struct update *u, struct err *e)
{
	for (size_t i = 0; i < u->n; i++)
		if (flags_judge(c->args, u->p[i], &u->report, e) < 0 ||
			judge_cache(c->args, u->p[i], &u->report, e) < 0 ||
			tighten_resources(u->doc, u->p[i], &u->world, &u->report, e) < 0)
			return -1;
	return 0;
}

/* ---- hand on ---- */

static int seal(const struct call *c, struct update *u, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	char path[32];

	json_write(json_at(json_root(u->doc), "/linux/resources"), &text);
	if (str_failed(&text))
		return err_nomem(e);
	u->document = io_sealed("cinch-resources", text.s, text.len, STDERR_FILENO + 1, e);
	if (u->document < 0)
		return err_wrap(e, "resources for the runtime");
	snprintf(path, sizeof path, "/proc/self/fd/%d", u->document);
	return update_resources_hand_on(c->args, path, e);
}

/* ---- record ---- */

static int put_who(struct audit *a, const struct call *c, const struct update *u)
{
	if (audit_put_text(a, "id", c->args->id) < 0 ||
		audit_put_text(a, "mode", record_mode(c->applied, u->p, u->n)) < 0)
		return -1;
	if (u->running.record)
		return record_running(a, json_root(u->running.record));
	if (record_policy(a, c->applied) < 0 ||
		audit_put_text(a, "state", u->no_record.code ? u->no_record.msg : NULL) < 0)
		return -1;
	if (u->instead.n == 0)
		return 0;
	if (audit_put_text(a, "select", u->instead.how) < 0)
		return -1;
	return record_profiles(a, &u->instead);
}

/* FAILED is NULL when the runtime gets it. */
static int record(const struct call *c, struct audit *a, const struct update *u,
	const struct err *failed, struct err *e)
{
	if (put_who(a, c, u) < 0 || (u->asked && audit_put(a, "asked", u->asked) < 0) ||
		audit_put_text(a, "result", record_result(&u->report, failed)) < 0 ||
		(record_would_refuse(&u->report) &&
			audit_put(a, "wouldRefuse", json_bool(a->doc, true)) < 0) ||
		audit_put_text(a, "error", failed ? failed->msg : NULL) < 0 ||
		audit_put(a, "changes", report_json(&u->report, a->doc)) < 0)
		return err_nomem(e);
	return audit_commit(a, &c->applied->settings, e);
}

/* Before it is judged. */
static int keep_asked(struct audit *a, struct update *u, struct err *e)
{
	u->asked = json_clone(a->doc, json_at(json_root(u->doc), "/linux/resources"));
	return u->asked ? 0 : err_nomem(e);
}

static int prepare(const struct call *c, struct update *u, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct err second;

	if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
		return -1;
	if (choose(c, u, e) < 0 || update_resources_read(c->args, &u->doc, e) < 0 ||
		keep_asked(&a, u, e) < 0 || decide(c, u, e) < 0 || seal(c, u, e) < 0) {
		/* the refusal is what the user must see, not that its record failed, too */
		(void)record(c, &a, u, e, &second);
		return -1;
	}
	return record(c, &a, u, NULL, e);
}

int verb_update(const struct call *c, struct err *e)
{
	__attribute__((cleanup(update_done))) struct update u = {.document = -1};
	const struct runtime_fds fds = {.all = true, .keep = &u.document, .n_keep = 1};
	const struct runtime_fds as_is = {.all = true};
	AUTO_FREE char **argv = NULL;

	if (!c->args->help && prepare(c, &u, e) < 0)
		return -1;
	argv = args_emit(c->args, c->runtime, e);
	return argv ? runtime_exec(c->runtime, argv, c->args->help ? &as_is : &fds, e) : -1;
}
