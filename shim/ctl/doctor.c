/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - what is wrong with this node, as far as cinch goes, and what to do about it.
 */
#include "shim/ctl/doctor.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiles/build.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/enable.h"
#include "shim/ctl/table.h"
#include "shim/state.h"

static const char *const names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_PROBLEM] = "problem",
};

void doctor_say(struct doctor *d, enum doctor_severity s, const char *area, const char *on,
	const char *why, const char *action, const char *fmt, ...)
{
	struct doctor_finding f = {.severity = s, .area = area};
	struct doctor_finding *v;
	AUTO_FREE char *what = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&what, fmt, ap);
	va_end(ap);
	if (n < 0)
		what = NULL;
	v = reallocarray(d->v, d->n + 1, sizeof *v);
	if (!v) {
		d->failed = true;
		return;
	}
	d->v = v;
	f.on = strdup(on);
	f.why = why ? strdup(why) : NULL;
	f.action = action ? strdup(action) : NULL;
	d->failed |= !what || !f.on || (why && !f.why) || (action && !f.action);
	f.what = take_ptr(&what);
	d->v[d->n++] = f;
}

static void doctor_done(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].on);
		free(d->v[i].what);
		free(d->v[i].why);
		free(d->v[i].action);
	}
	free(d->v);
	applied_done(&d->applied);
}

/* ---- the answer ---- */

static enum doctor_severity worst(const struct doctor *d, size_t counts[DOCTOR_PROBLEM + 1])
{
	enum doctor_severity w = DOCTOR_OK;

	memset(counts, 0, (DOCTOR_PROBLEM + 1) * sizeof *counts);
	for (size_t i = 0; i < d->n; i++) {
		counts[d->v[i].severity]++;
		if (d->v[i].severity > w)
			w = d->v[i].severity;
	}
	return w;
}

static void put_part(const char *label, const char *text, struct str *out)
{
	if (!text)
		return;
	str_addf(out, "         %s", label);
	table_text(text, 2000, out);
	str_addc(out, '\n');
}

static void print(struct ctl_call *c, const struct doctor *d, bool all)
{
	static const char *const colours[] = {"\033[32m", "\033[36m", "\033[33m", "\033[1;31m"};
	size_t counts[DOCTOR_PROBLEM + 1];
	struct str *out = &c->out;

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];

		if (f->severity == DOCTOR_OK && !all)
			continue;
		str_addf(out, "%s%-8s%s ", c->colour ? colours[f->severity] : "",
			names[f->severity], c->colour ? "\033[0m" : "");
		str_addf(out, "%s: ", f->area);
		table_text(f->on, 400, out);
		str_add(out, ": ");
		table_text(f->what, 2000, out);
		str_addc(out, '\n');
		if (f->severity != DOCTOR_OK) {
			put_part("", f->why, out);
			put_part("-> ", f->action, out);
		}
	}
	worst(d, counts);
	str_addf(out, "%zu checks: %zu problem%s, %zu warning%s, %zu note%s\n", d->n,
		counts[DOCTOR_PROBLEM], counts[DOCTOR_PROBLEM] == 1 ? "" : "s",
		counts[DOCTOR_WARNING], counts[DOCTOR_WARNING] == 1 ? "" : "s", counts[DOCTOR_NOTE],
		counts[DOCTOR_NOTE] == 1 ? "" : "s");
}

static struct json *finding_json(const struct doctor_finding *f, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "severity", json_string(doc, names[f->severity])) < 0 ||
		json_put(doc, o, "area", json_string(doc, f->area)) < 0 ||
		json_put(doc, o, "on", json_string_lossy(doc, f->on)) < 0 ||
		json_put(doc, o, "what", json_string_lossy(doc, f->what)) < 0 ||
		(f->why && json_put(doc, o, "why", json_string_lossy(doc, f->why)) < 0) ||
		(f->action && json_put(doc, o, "action", json_string_lossy(doc, f->action)) < 0))
		return NULL;
	return o;
}

static struct json *answer(const struct doctor *d, struct json_doc *doc)
{
	struct json *o = json_object(doc), *list = json_array(doc);
	size_t counts[DOCTOR_PROBLEM + 1];
	const enum doctor_severity w = worst(d, counts);

	for (size_t i = 0; i < d->n; i++)
		if (json_push(list, finding_json(&d->v[i], doc)) < 0)
			return NULL;
	if (json_put(doc, o, "worst", json_string(doc, names[w])) < 0 ||
		json_put(doc, o, "problems", json_uint(doc, counts[DOCTOR_PROBLEM])) < 0 ||
		json_put(doc, o, "warnings", json_uint(doc, counts[DOCTOR_WARNING])) < 0 ||
		json_put(doc, o, "notes", json_uint(doc, counts[DOCTOR_NOTE])) < 0 ||
		json_put(doc, o, "checks", list) < 0)
		return NULL;
	return o;
}

/* ---- the command ---- */

static int find_programs(const char *given, char out[PATH_MAX], struct err *e)
{
	ssize_t n;
	char *slash;

	if (given) {
		snprintf(out, PATH_MAX, "%s", given);
		return 0;
	}
	n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	if (n < 0)
		return err_set(e, ERR_INPUT,
			"cannot find this program; say where cinch is with --programs");
	out[n] = '\0';
	slash = strrchr(out, '/');
	slash[slash == out] = '\0';
	return 0;
}

static int run(struct ctl_call *c, struct err *e)
{
	static void (*const checks[])(struct doctor * d) = {doctor_kernel, doctor_programs,
		doctor_network, doctor_runtime, doctor_policy, doctor_log, doctor_records,
		doctor_engines};
	__attribute__((cleanup(doctor_done))) struct doctor d = {
		.config = ctl_value(c, "config"),
		.store = ctl_value(c, "store"),
		.state = ctl_given(c, "state") ? ctl_value(c, "state") : ENABLE_STATE,
		.records = ctl_given(c, "records") ? ctl_value(c, "records") : STATE_DIR,
	};
	AUTO_JSON struct json_doc *doc = NULL;
	size_t counts[DOCTOR_PROBLEM + 1];
	char programs[PATH_MAX];

	if (find_programs(ctl_value(c, "programs"), programs, e) < 0 ||
		store_open(d.store, &d.applied, e) < 0)
		return -1;
	d.programs = programs;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](&d);
	if (d.failed)
		return err_nomem(e);
	if (c->json) {
		doc = json_new();
		if (ctl_put_json(c, doc ? answer(&d, doc) : NULL, e) < 0)
			return -1;
	} else {
		print(c, &d, ctl_given(c, "all"));
	}
	return worst(&d, counts) >= DOCTOR_WARNING ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_doctor = {
	.name = "doctor",
	.run = run,
	.operands = "",
	.summary = "look for what is wrong on this node, and say what to do",
	.notes = "Nothing is changed. As root; others cannot see everything.\n"
		 "Exit status: 0 all is well (there may be notes), 1 a warning or a problem, 2 an "
		 "error.\n",
	.options =
		{
			{"all", NULL, CTL_NONE, "also what is well"},
			{"config", "FILE", CTL_FILE, "instead of " BUILD_CONFIG},
			{"programs", "DIR", CTL_DIR, "where cinch is; default: beside cinchctl"},
			{"state", "DIR", CTL_DIR, "instead of " ENABLE_STATE},
			{"records", "DIR", CTL_DIR, "instead of " STATE_DIR},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
