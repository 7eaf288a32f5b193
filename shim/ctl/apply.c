/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - from cinch.json and the profiles to the policy that governs this node; or only what that would
 * change.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profiles/build.h"
#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/affected.h"
#include "shim/ctl/diff.h"
#include "shim/ctl/record.h"
#include "shim/ctl/table.h"
#include "shim/state.h"

struct work {
	const char *store;
	bool dry, changed;
	struct applied old;
	struct build build;
	struct policy *made; /* the build's bytes */
	struct settings settings; /* of it */
	struct diff diff;
	struct affected affected;
};

static void work_done(struct work *w)
{
	applied_done(&w->old);
	build_done(&w->build);
	policy_free(w->made);
	settings_done(&w->settings);
	diff_done(&w->diff);
	affected_done(&w->affected);
}

static const char *name_of(const char *digest)
{
	return digest[0] ? digest : "built-in";
}

/* ---- the work ---- */

static int note(struct work *w, const char *what, const struct err *why, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;

	str_addf(&text, "%s: %s", what, why->msg);
	if (str_failed(&text) || strv_add(&w->build.notes, text.s) < 0)
		return err_nomem(e);
	return 0;
}

/* What differs. A former policy that is damaged somewhere must not keep the new one from being applied. */
static int compare(struct work *w, struct err *e)
{
	struct err why = {0};

	if (diff_policies(w->old.policy, w->made, &w->diff, &why) < 0) {
		if (why.code == ENOMEM)
			return err_nomem(e);
		return note(w, "what changes is not known", &why, e);
	}
	if (w->dry && affected_find(STATE_DIR, w->old.policy, w->made, &w->diff, &w->affected,
			      &why) < 0) {
		if (why.code == ENOMEM)
			return err_nomem(e);
		return note(w, "which containers are affected is not known", &why, e);
	}
	return 0;
}

static int prepare(const struct ctl_call *c, struct work *w, struct err *e)
{
	struct build_from from = {.config = ctl_value(c, "config")};

	w->store = ctl_value(c, "store");
	w->dry = ctl_given(c, "dry-run");
	if (store_open(w->store, &w->old, e) < 0)
		return -1;
	if (w->old.problem.code && w->old.problem.code != ENOENT)
		fprintf(stderr, "cinchctl: apply: %s\n", w->old.problem.msg);
	from.current = w->old.policy;
	if (build_policy(&from, &w->build, e) < 0)
		return -1;
	if (w->build.problems.n)
		return 0;
	if (diff_open(w->build.policy.s, w->build.policy.len, &w->made, e) < 0 ||
		policy_check(w->made, e) < 0 || policy_settings(w->made, &w->settings, e) < 0)
		return err_wrap(e, "the new policy");
	if (w->old.problem.code && w->old.problem.code != ENOENT && w->build.n_packs &&
		w->settings.require_signed &&
		strv_add(&w->build.notes,
			"what was applied last is damaged: whether its packs were newer than these "
			"is not known, compare their versions") < 0)
		return err_nomem(e);
	w->changed = strcmp(w->old.digest, w->build.digest) != 0;
	return compare(w, e);
}

static int write_record(const struct work *w, const char *result, const char *reason, struct err *e)
{
	const bool ever = w->old.from != APPLIED_BUILTIN;
	const struct record r = {
		.verb = "apply",
		.result = result,
		.former = w->old.digest,
		.policy = w->made ? w->build.digest : NULL,
		.reason = reason,
		.problems = &w->build.problems,
	};

	return record_both(
		&r, ever || !w->made ? &w->old.settings : NULL, w->made ? &w->settings : NULL, e);
}

static int install(struct work *w, struct err *e)
{
	char digest[HASH_HEX_SIZE];
	struct err second;

	if (store_apply_after(w->store, w->old.from == APPLIED_CURRENT ? w->old.digest : "",
		    w->build.policy.s, w->build.policy.len, &w->changed, digest, e) < 0) {
		if (e->code != EAGAIN)
			write_record(w, "failed", e->msg, &second);
		return -1;
	}
	if (write_record(w, w->changed ? "applied" : "unchanged", NULL, e) < 0)
		return err_wrap(e, "the policy %.12s is in force, but not recorded", digest);
	return 0;
}

/* ---- the answer ---- */

static const char *result(const struct work *w)
{
	if (w->build.problems.n)
		return "refused";
	if (w->dry)
		return w->changed ? "differs" : "same";
	return w->changed ? "applied" : "unchanged";
}

static struct json *answer(const struct work *w, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "result", json_string(doc, result(w))) < 0 ||
		json_put(doc, o, "former", json_string(doc, name_of(w->old.digest))) < 0 ||
		json_put(doc, o, "problems", json_strings(doc, &w->build.problems)) < 0 ||
		json_put(doc, o, "notes", json_strings(doc, &w->build.notes)) < 0)
		return NULL;
	if (w->build.problems.n)
		return o;
	if (json_put(doc, o, "policy", json_string(doc, w->build.digest)) < 0 ||
		json_put(doc, o, "profiles", json_uint(doc, w->diff.n_profiles)) < 0 ||
		json_put(doc, o, "changes", diff_json(&w->diff, doc)) < 0)
		return NULL;
	if (w->dry && (json_put(doc, o, "running", json_uint(doc, w->affected.running)) < 0 ||
			      json_put(doc, o, "affected", affected_json(&w->affected, doc)) < 0))
		return NULL;
	return o;
}

static void put_list(
	const char *label, const char *on, const char *off, const struct strv *l, struct str *out)
{
	for (size_t i = 0; i < l->n; i++) {
		str_addf(out, "%s%s%s ", on, label, off);
		table_text(l->v[i], 2000, out);
		str_addc(out, '\n');
	}
}

static void print_running(const struct work *w, struct str *out)
{
	const struct affected *a = &w->affected;

	if (a->running == 0)
		str_add(out, "No container runs that this would affect.\n");
	else
		str_addf(out, "Running containers: %zu; others at their next start: %zu%s\n",
			a->running, a->n, a->n ? ":" : "");
	affected_table(a, out);
}

static void print(struct ctl_call *c, const struct work *w)
{
	const char *red = c->colour ? "\033[31m" : "", *off = c->colour ? "\033[0m" : "";
	struct str *out = &c->out;

	put_list("problem:", red, off, &w->build.problems, out);
	put_list("note:", "", "", &w->build.notes, out);
	if (w->build.problems.n)
		return;
	if (!w->changed) {
		str_addf(out, "%s %.12s, %zu profiles\n",
			w->dry ? "nothing would change:" : "already applied:", w->build.digest,
			w->diff.n_profiles);
		return;
	}
	str_addf(out, "%s %.12s, %zu profiles (%s %.12s)\n", w->dry ? "would apply" : "applied",
		w->build.digest, w->diff.n_profiles,
		w->dry ? "now:" : "before:", name_of(w->old.digest));
	diff_table(&w->diff, w->dry, c->colour, out);
	if (w->diff.n == 0 && w->diff.node.n == 0)
		str_add(out, "  nothing that a container would notice\n");
	if (w->dry)
		print_running(w, out);
}

static int put_answer(struct ctl_call *c, const struct work *w, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (!c->json) {
		print(c, w);
		return 0;
	}
	doc = json_new();
	return ctl_put_json(c, doc ? answer(w, doc) : NULL, e);
}

static int try(struct ctl_call *c, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {.store = NULL};
	struct err second;

	if (prepare(c, &w, e) < 0)
		return -1;
	if (w.build.problems.n) {
		if (!w.dry)
			write_record(&w, "refused", NULL, &second);
		if (put_answer(c, &w, e) < 0)
			return -1;
		return err_set(e, ERR_INPUT, "%zu problem%s, nothing is changed",
			w.build.problems.n, w.build.problems.n == 1 ? "" : "s");
	}
	if (!w.dry && install(&w, e) < 0)
		return -1;
	if (put_answer(c, &w, e) < 0)
		return -1;
	return w.dry && w.changed ? CTL_FINDINGS : CTL_OK;
}

static int run(struct ctl_call *c, struct err *e)
{
	enum { TRIES = 100 };
	int rc = -1;

	/* each time somebody else has come to an end */
	for (int i = 0; i < TRIES; i++) {
		rc = try(c, e);
		if (rc >= 0 || e->code != EAGAIN)
			break;
	}
	return rc;
}

const struct ctl_command ctl_apply = {
	.name = "apply",
	.run = run,
	.operands = "",
	.summary = "check cinch.json and the profiles, and put them in force",
	.notes = "Exit status: 0 in force; with --dry-run 0 no difference, 1 differences;\n"
		 "2 a problem or an error, and nothing is changed.\n",
	.options =
		{
			{"dry-run", NULL, CTL_NONE,
				"only what would change, and for which containers"},
			{"config", "FILE", CTL_FILE, "instead of " BUILD_CONFIG},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
