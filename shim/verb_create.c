/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_create - create, run and restore: read the bundle, choose the profile, tighten, write back,
 * record, become the runtime.
 */
#include "shim/verb.h"

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/bundle.h"
#include "shim/runtime.h"
#include "shim/select.h"
#include "shim/tighten.h"

/* What one launch gathers on its way, for the record and for the runtime. */
struct launch {
	struct bundle bundle;
	struct selection profiles;
	struct report report;
	struct world world;
};

static void launch_done(struct launch *l)
{
	bundle_done(&l->bundle);
	select_done(&l->profiles);
	report_done(&l->report);
	world_done(&l->world);
}

static int decide(const struct call *c, struct launch *l, struct err *e)
{
	const char *path = args_value(c->args, ARG_BUNDLE);
	const char *root;

	/* the bundle is the working directory when none is named, as for runc and crun */
	if (bundle_load(path ? path : ".", &l->bundle, e) < 0 ||
		select_profiles(c->args->profile, c->program, l->bundle.doc, &l->profiles, e) < 0)
		return -1;
	root = json_str(json_at(json_root(l->bundle.doc), "/root/path"));
	if (!root)
		return err_set(e, ERR_INPUT, "config.json has no root.path: no root filesystem");
	if (world_host(l->bundle.dir, root, &l->world, e) < 0)
		return -1;
	for (size_t i = 0; i < l->profiles.n; i++)
		if (tighten(l->bundle.doc, l->profiles.p[i], &l->world, &l->report, e) < 0)
			return -1;
	return 0;
}

static struct json *profiles_json(struct json_doc *doc, const struct selection *s)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < s->n; i++) {
		struct json *o = json_object(doc);

		if (json_put(doc, o, "name", json_string(doc, s->p[i]->name)) < 0 ||
			json_put(doc, o, "version", json_string(doc, s->p[i]->version)) < 0 ||
			json_put(doc, o, "digest", json_string(doc, s->p[i]->digest)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

/* FAILED is NULL when the container may be started. */
static int record(const struct call *c, struct audit *a, const struct launch *l,
	const struct err *failed, struct err *e)
{
	const char *result = "unchanged";

	if (failed)
		result = failed->code == ERR_DENIED ? "refused" : "failed";
	else if (report_changes(&l->report))
		result = "changed";
	if (audit_put_text(a, "id", c->args->id) < 0 ||
		audit_put_text(a, "bundle", args_value(c->args, ARG_BUNDLE)) < 0 ||
		audit_put(a, "profiles", profiles_json(a->doc, &l->profiles)) < 0 ||
		audit_put_text(a, "result", result) < 0 ||
		audit_put_text(a, "error", failed ? failed->msg : NULL) < 0 ||
		audit_put(a, "changes", report_json(&l->report, a->doc)) < 0 ||
		audit_put_problem(a, &c->config->problem) < 0)
		return err_nomem(e);
	return audit_commit(a, &c->config->settings, e);
}

static int prepare(const struct call *c, struct err *e)
{
	__attribute__((cleanup(launch_done))) struct launch l = {.bundle = BUNDLE_INIT};
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct err second;

	if (audit_begin(&a, args_verb_name(c->args->verb), e) < 0)
		return -1;
	if (decide(c, &l, e) < 0 || (report_changes(&l.report) && bundle_store(&l.bundle, e) < 0)) {
		/* the refusal is what the user must see, not that its record failed, too */
		(void)record(c, &a, &l, e, &second);
		return -1;
	}
	return record(c, &a, &l, NULL, e);
}

int verb_create(const struct call *c, struct err *e)
{
	const struct runtime_fds fds = {.preserve = verb_preserve_fds(c->args)};
	AUTO_FREE char **argv = args_emit(c->args, c->runtime, e);

	if (!argv)
		return -1;
	if (!c->args->help && prepare(c, e) < 0)
		return -1;
	return runtime_exec(c->runtime, argv, &fds, e);
}
