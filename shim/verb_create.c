/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_create - create, run and restore: read the bundle, choose the profiles, tighten, write back,
 * record, become the runtime.
 */
#include "shim/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/bundle.h"
#include "shim/checkpoint.h"
#include "shim/edit.h"
#include "shim/flags.h"
#include "shim/network.h"
#include "shim/record.h"
#include "shim/runtime.h"
#include "shim/select.h"
#include "shim/state.h"
#include "shim/tighten.h"

/* What one launch gathers on its way, for the records and for the runtime. */
struct launch {
	struct bundle bundle;
	struct engine engine;
	struct selection profiles;
	struct report report;
	size_t off_line; /* changes of it that are not in the bundle */
	struct world world;
	char state[PATH_MAX], root[PATH_MAX]; /* where its state record is */
	bool kept; /* that record is written */
	struct err no_state; /* code not 0: why it is not */
	int images; /* restore: the directory of the checkpoint, as it was judged; or -1 */
	const char *checkpoint; /* and its path, as it was given */
	struct network network;
	bool hooked; /* its hooks are in the document */
};

static void launch_done(struct launch *l)
{
	bundle_done(&l->bundle);
	engine_done(&l->engine);
	select_done(&l->profiles);
	report_done(&l->report);
	world_done(&l->world);
	network_done(&l->network);
	if (l->images >= 0)
		close(l->images);
}

static const char *bundle_of(const struct call *c)
{
	const char *path = args_value(c->args, ARG_BUNDLE);

	/* the working directory when none is named, as for runc and crun */
	return path ? path : ".";
}

/* ---- decide ---- */

static int choose(const struct call *c, struct launch *l, struct err *e)
{
	const struct engine_call who = {.bundle = bundle_of(c),
		.root = args_value(c->args, ARG_ROOT),
		.id = c->args->id,
		.doc = l->bundle.doc};
	const struct select_ask ask = {.wanted = c->args->profile,
		.program = c->program,
		.engine = &l->engine,
		.doc = l->bundle.doc};

	if (engine_read(&who, &l->engine, e) < 0)
		return -1;
	return select_profiles(c->applied, &ask, &l->profiles, e);
}

/* On a node in audit mode an annotation that is wrong is only reported. */
static int report_annotation(struct launch *l, struct err *e)
{
	struct edit ed = {.doc = l->bundle.doc,
		.root = json_root(l->bundle.doc),
		.report = &l->report,
		.profile = "cinch.json",
		.control = CONTROL_ANNOTATIONS};

	if (l->profiles.annotation.code)
		edit_deny_at(
			&ed, "/annotations/io.cinch.profile", "%s", l->profiles.annotation.msg);
	return ed.failed ? err_nomem(e) : 0;
}

/* What a restore would bring back, whatever config.json says; and the runtime gets what was looked at. */
static int judge_images(const struct call *c, struct launch *l, const char *profile, struct err *e)
{
	const struct checkpoint_ask ask = {.path = args_value(c->args, ARG_IMAGE_PATH),
		.lazy = args_has(c->args, ARG_LAZY_PAGES),
		.relabelled = args_has(c->args, ARG_LSM_PROFILE),
		.in_user_ns = l->world.in_user_ns,
		.doc = l->bundle.doc,
		.p = l->profiles.p,
		.n = l->profiles.n};
	const struct runtime_fds fds = {.preserve = verb_preserve_fds(c->args)};
	AUTO_FD int dir = -1;
	char path[32];

	l->checkpoint = ask.path;
	if (checkpoint_judge(&ask, &dir, &l->report, e) < 0)
		return -1;
	if (report_denials(&l->report))
		return report_refuse(&l->report, profile, e);
	if (dir < 0)
		return 0; /* nothing is enforced: the runtime says it in its own words */
	l->images = fcntl(dir, F_DUPFD_CLOEXEC, runtime_fd_from(&fds));
	if (l->images < 0)
		return err_set(e, errno, "keep the checkpoint's directory");
	snprintf(path, sizeof path, "/proc/self/fd/%d", l->images);
	return args_set(c->args, ARG_IMAGE_PATH, path, e);
}

static int choose_network(const struct call *c, struct launch *l, struct err *e)
{
	const char *format = args_value(c->args, ARG_LOG_FORMAT);
	const struct network_ask ask = {.profiles = &l->profiles,
		.settings = &c->applied->settings,
		.engine = &l->engine,
		.id = c->args->id,
		.world = &l->world,
		.bundle = l->bundle.dir,
		.restore = c->args->verb == VERB_RESTORE,
		.runtime = c->runtime,
		.log = args_value(c->args, ARG_LOG),
		.log_json = format && strcmp(format, "json") == 0};

	return network_decide(&ask, l->bundle.doc, &l->network, &l->report, e);
}

static int decide(const struct call *c, struct launch *l, struct err *e)
{
	bool restore = c->args->verb == VERB_RESTORE;
	const char *root;

	if (bundle_load(bundle_of(c), &l->bundle, e) < 0 || choose(c, l, e) < 0 ||
		network_forget(l->bundle.doc, &l->report, e) < 0)
		return -1;
	root = json_str(json_at(json_root(l->bundle.doc), "/root/path"));
	if (!root)
		return err_set(e, ERR_INPUT, "config.json has no root.path: no root filesystem");
	if (world_host(l->bundle.dir, root, &l->world, e) < 0)
		return -1;
	l->world.image = &l->engine.image;
	l->world.image_exempt = l->engine.sandbox;
	l->world.image_denied = &l->profiles.denied;
	if (report_annotation(l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->profiles.n; i++) {
		const struct profile *p = l->profiles.p[i];
		size_t before = report_changes(&l->report);

		if (flags_judge(c->args, p, &l->report, e) < 0)
			return -1;
		l->off_line += report_changes(&l->report) - before;
		if (tighten(l->bundle.doc, p, &l->world, &l->report, e) == 0)
			continue;
		return restore && e->code == ERR_DENIED ? judge_images(c, l, p->name, e) : -1;
	}
	if (choose_network(c, l, e) < 0)
		return -1;
	return restore ? judge_images(c, l, l->profiles.p[0]->name, e) : 0;
}

/* ---- keep the state record ---- */

/*
 * Write what exec will be held to. When that fails (a full /run, no place for a rootless caller) the
 * container starts all the same: a node whose /run is full must be able to start what cleans it up, and
 * its own configuration is tightened with or without a record. But an old record of the same id must
 * not be taken for this container's: it is removed, or the container does not start. Nor does it when the
 * id is somebody's: the runtime would say so, but for a moment too late, and the record would be another's.
 */
static int keep_state(const struct call *c, struct launch *l, struct err *e)
{
	const struct state_facts facts = {.runtime = c->runtime,
		.root = args_value(c->args, ARG_ROOT),
		.id = c->args->id,
		.bundle = bundle_of(c),
		.engine = &l->engine,
		.profiles = &l->profiles,
		.enforced = !select_audits(&l->profiles),
		.policy = c->applied->digest[0] ? c->applied->digest : NULL,
		.rule = l->profiles.rule,
		.doc = l->bundle.doc,
		.restored = c->args->verb == VERB_RESTORE,
		.starts = true,
		.network = l->network.want ? json_root(l->network.want) : NULL};
	AUTO_JSON struct json_doc *old = NULL;
	struct err why = {0};

	if (state_root(c->runtime, facts.root, l->root, &l->no_state) < 0 ||
		state_dir(l->state, &l->no_state) < 0)
		return 0; /* nobody could find an old one there either */
	l->kept = state_write(l->state, &facts, &l->no_state) == 0;
	if (l->kept)
		return 0;
	if (l->no_state.code == EEXIST || l->no_state.code == EBUSY) {
		*e = l->no_state;
		return -1;
	}
	state_forget(l->state, l->root, c->args->id);
	/* what cannot be read now counts for nothing at exec either */
	if (state_read(l->state, l->root, c->args->id, &old, &why) < 0 || !old)
		return 0;
	*e = l->no_state;
	return err_wrap(e, "the state record of an earlier container %.64s cannot be replaced",
		c->args->id);
}

/*
 * Have the runtime run cinch-hook, which reads the state record. Without a record there are no rules, and so no
 * container when they are to be enforced.
 */
static int keep_network(const struct call *c, struct launch *l, struct err *e)
{
	if (!l->network.want || (!l->kept && !l->network.enforced))
		return 0;
	if (!l->kept) {
		*e = l->no_state;
		return err_wrap(e, "rules of the network need a state record");
	}
	l->hooked = true;
	return network_hook(
		&l->network, l->bundle.doc, l->state, l->root, c->args->id, &l->report, e);
}

/* It comes to nothing after all. */
static void forget_state(const struct call *c, struct launch *l)
{
	if (l->kept)
		state_forget(l->state, l->root, c->args->id);
	l->kept = false;
}

/* ---- record ---- */

/* FAILED is NULL when the container may be started. */
static int record(const struct call *c, struct audit *a, const struct launch *l,
	const struct err *failed, struct err *e)
{
	const struct record_facts facts = {.applied = c->applied,
		.engine = &l->engine,
		.profiles = &l->profiles,
		.report = &l->report,
		.doc = l->bundle.doc,
		.failed = failed,
		.no_state = &l->no_state};

	if (audit_put_text(a, "id", c->args->id) < 0 ||
		audit_put_text(a, "bundle", args_value(c->args, ARG_BUNDLE)) < 0 ||
		audit_put_text(a, "checkpoint", l->checkpoint) < 0 || record_launch(a, &facts) < 0)
		return err_nomem(e);
	return audit_commit(a, &c->applied->settings, e);
}

static int prepare(const struct call *c, struct launch *l, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct err second;

	if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
		return -1;
	if (decide(c, l, e) < 0 || keep_state(c, l, e) < 0 || keep_network(c, l, e) < 0 ||
		((l->hooked || report_changes(&l->report) > l->off_line) &&
			bundle_store(&l->bundle, e) < 0)) {
		/* the refusal is what the user must see, not that its record failed, too */
		(void)record(c, &a, l, e, &second);
		return -1;
	}
	return record(c, &a, l, NULL, e);
}

int verb_create(const struct call *c, struct err *e)
{
	AUTO_FREE char **argv = NULL;
	__attribute__((cleanup(launch_done))) struct launch l = {
		.bundle = BUNDLE_INIT, .images = -1};
	struct runtime_fds fds = {.keep = &l.images};

	/* the line is only what it will be once it was judged */
	if ((c->args->help || prepare(c, &l, e) == 0) &&
		(argv = args_emit(c->args, c->runtime, e)) != NULL) {
		/* one that has a hook does the same by that */
		if (*l.state && !l.hooked)
			network_tidy(l.state, true);
		fds.preserve = verb_preserve_fds(c->args);
		fds.n_keep = l.images >= 0;
		runtime_exec(c->runtime, argv, &fds, e);
	}
	forget_state(c, &l);
	return -1;
}
