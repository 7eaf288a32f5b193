/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tighten - run the passes over a document, in fixed order, and collect the report.
 */
#include "shim/tighten.h"

#include "shim/edit.h"
#include "shim/pass.h"

/*
 * The order matters where one pass looks at another's result: unknown members go before all that look
 * at the document, so that nobody meets them; user comes before capabilities; namespaces before the
 * mounts and sysctls whose reach they bound; mounts after rootfs, so that our own tmpfs mounts are judged
 * like all others. The image comes first because it is the first reason a reader wants to see.
 */
struct step {
	enum control control;
	pass_fn *run;
};

static const struct step create_steps[] = {
	{CONTROL_IMAGE, pass_image},
	{CONTROL_UNKNOWN, pass_unknown},
	{CONTROL_PROCESS, pass_process},
	{CONTROL_USER, pass_user},
	{CONTROL_CAPABILITIES, pass_capabilities},
	{CONTROL_NO_NEW_PRIVILEGES, pass_no_new_privileges},
	{CONTROL_ENV, pass_env},
	{CONTROL_HOOKS, pass_hooks},
	{CONTROL_ANNOTATIONS, pass_annotations},
	{CONTROL_NAMESPACES, pass_namespaces},
	{CONTROL_ROOTFS, pass_rootfs},
	{CONTROL_MOUNTS, pass_mounts},
	{CONTROL_PATHS, pass_paths},
	{CONTROL_DEVICES, pass_devices},
	{CONTROL_SYSCTL, pass_sysctl},
	{CONTROL_RESOURCES, pass_resources},
	{CONTROL_SECCOMP, pass_seccomp},
};

/* Exec comes first: whether it may be at all is the first reason to see; and before capabilities, which it
 * writes out where the process is silent. */
static const struct step process_steps[] = {
	{CONTROL_EXEC, pass_exec},
	{CONTROL_UNKNOWN, pass_unknown},
	{CONTROL_PROCESS, pass_exec_process},
	{CONTROL_USER, pass_user},
	{CONTROL_CAPABILITIES, pass_capabilities},
	{CONTROL_NO_NEW_PRIVILEGES, pass_no_new_privileges},
	{CONTROL_ENV, pass_env},
	{CONTROL_RESOURCES, pass_rlimits},
};

static const struct step update_steps[] = {
	{CONTROL_UNKNOWN, pass_unknown},
	{CONTROL_RESOURCES, pass_update},
};

static int take(const struct step *steps, size_t n, struct json_doc *doc, const struct profile *p,
	const struct world *w, struct report *report, struct err *e)
{
	struct json *copy = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *said_by = p->said_by[steps[i].control];
		struct edit ed = {
			.doc = doc,
			.root = json_root(doc),
			.report = report,
			.profile = said_by ? said_by : p->name,
			.line = p->line[steps[i].control],
			.control = steps[i].control,
			.enforced = !profile_audits(p, steps[i].control),
		};

		/* Under audit a pass works on a copy that is thrown away. Where nothing is enforced all
		 * share one, and so report what they would were they enforced. */
		if (!ed.enforced) {
			if (!copy || p->mode == PROFILE_ENFORCE)
				copy = json_clone(doc, ed.root);
			ed.root = copy;
		}
		if (!ed.root)
			return err_nomem(e);
		steps[i].run(&ed, p, w);
		if (ed.failed)
			return err_nomem(e);
	}
	return report_denials(report) ? report_refuse(report, p->name, e) : 0;
}

int tighten(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e)
{
	return take(create_steps, sizeof create_steps / sizeof *create_steps, doc, p, w, report, e);
}

int tighten_process(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e)
{
	return take(
		process_steps, sizeof process_steps / sizeof *process_steps, doc, p, w, report, e);
}

int tighten_resources(struct json_doc *doc, const struct profile *p, const struct world *w,
	struct report *report, struct err *e)
{
	return take(update_steps, sizeof update_steps / sizeof *update_steps, doc, p, w, report, e);
}
