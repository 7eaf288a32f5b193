/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_rig - one process document through tighten_process(), with every promise of an exec checked.
 */
#include "tests/exec_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/running.h"
#include "shim/running.h"
#include "shim/spec.h"
#include "shim/state_record.h"
#include "shim/tighten.h"
#include "tests/ratchet.h"
#include "tests/ratchet_exec.h"

/* ---- a container ---- */

static void must(bool good)
{
	if (!good)
		abort();
}

/* What create keeps of DOC, the tightened config.json. */
static void record(struct exec_box *box, const struct json_doc *doc, const struct profile *p)
{
	const struct selection selection = {.p = {(struct profile *)p}, .n = 1};
	const struct state_facts facts = {.id = "box",
		.bundle = "/bundle",
		.profiles = &selection,
		.enforced = true,
		.doc = doc};
	AUTO_STR struct str text = STR_INIT;
	const struct json *entry;
	struct err e = {0};

	must(state_record(&facts, "/run/rt", &text, &e) == 0);
	must(json_parse(text.s, text.len, &spec_limits, JSON_STRICT, &box->record, &e) == 0);
	entry = json_at(json_root(box->record), "/profiles/0");
	must(running_parse(box->record, json_get(entry, "running"),
		     json_str(json_get(entry, "digest")), &box->p, &e) == 0);
}

bool exec_box_make(struct exec_box *box, const char *name, const struct json *config,
	const struct profile *p, const struct world *w)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_REPORT struct report report = {0};
	struct err e = {0};

	*box = (struct exec_box){.record = NULL};
	snprintf(box->name, sizeof box->name, "%s", name);
	json_set_root(doc, json_clone(doc, config));
	if (tighten(doc, p, w, &report, &e) < 0)
		return false;
	record(box, doc, p);
	return true;
}

void exec_box_done(struct exec_box *box)
{
	json_free(box->record);
	profile_free(box->p);
	*box = (struct exec_box){.record = NULL};
}

/* ---- a process ---- */

static int read_process(const char *text, size_t len, struct json_doc **doc, struct err *e)
{
	if (json_parse(text, len, &spec_limits, JSON_STRICT, doc, e) < 0)
		return -1;
	return spec_check(*doc, spec_process, e);
}

/* DOC's root becomes the result, or is nothing to rely on. */
static int run(struct json_doc *doc, const struct exec_box *box, struct profile *const *p, size_t n,
	const struct world *w, struct report *report, struct err *e)
{
	const struct running running = {.record = box->record};
	struct json *process;

	must(running_document(&running, doc, json_root(doc), e) == 0);
	for (size_t i = 0; i < n; i++)
		if (tighten_process(doc, p[i], w, report, e) < 0)
			return -1;
	process = json_get(json_root(doc), "process");
	json_remove(process);
	json_set_root(doc, process);
	return 0;
}

static void again(struct exec_rig *r, const struct str *first, const struct exec_box *box,
	struct profile *const *p, size_t n, const struct world *w)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	AUTO_STR struct str second = STR_INIT;
	struct err e = {0};

	if (read_process(first->s, first->len, &doc, &e) < 0) {
		ratchet_bad(&r->bad, "the result is not valid: %s", e.msg);
		return;
	}
	if (run(doc, box, p, n, w, &report, &e) < 0) {
		ratchet_bad(&r->bad, "the result is refused: %s", e.msg);
		return;
	}
	json_write(json_root(doc), &second);
	if (report_changes(&report))
		ratchet_bad(&r->bad, "the second run changes %s %s: %s",
			control_name(report.changes[0].control), report.changes[0].place,
			report.changes[0].why);
	if (strcmp(str_text(&second), str_text(first)) != 0)
		ratchet_bad(&r->bad, "the second run gives other bytes");
}

static void judge(struct exec_rig *r, const struct exec_box *box, struct profile *const *p,
	size_t n, const struct world *w)
{
	const struct json *own = json_get(json_root(box->record), "process");
	AUTO_STR struct str was = STR_INIT, is = STR_INIT;
	size_t enforced = 0;

	if (report_denials(&r->report))
		ratchet_bad(&r->bad, "accepted with denials");
	for (size_t i = 0; i < n; i++) {
		if (p[i]->mode != PROFILE_ENFORCE)
			continue;
		enforced++;
		ceiling_exec(own, json_root(r->doc), p[i], w, &r->bad);
	}
	if (enforced)
		ratchet_exec(own, json_root(r->in), json_root(r->doc), &r->bad);
	json_write(json_root(r->in), &was);
	json_write(json_root(r->doc), &is);
	if (report_changes(&r->report) == 0 && strcmp(str_text(&was), str_text(&is)) != 0)
		ratchet_bad(&r->bad, "changed without a record");
	if (!enforced && report_changes(&r->report))
		ratchet_bad(&r->bad, "changed where nothing is enforced");
	again(r, &is, box, p, n, w);
}

void exec_rig_run(struct exec_rig *r, const char *text, size_t len, const struct exec_box *box,
	struct profile *const *p, size_t n, struct world *w)
{
	const struct json *before = w->running;

	memset(r, 0, sizeof *r);
	if (read_process(text, len, &r->doc, &r->e) < 0) {
		if (r->e.code != ERR_INPUT || !r->e.msg[0])
			ratchet_bad(&r->bad, "refused without a reason");
		return;
	}
	r->in = json_new();
	must(r->in);
	json_set_root(r->in, json_clone(r->in, json_root(r->doc)));
	w->running = json_root(box->record);
	if (run(r->doc, box, p, n, w, &r->report, &r->e) == 0) {
		r->accepted = true;
		judge(r, box, p, n, w);
	} else if (r->e.code != ERR_DENIED || report_denials(&r->report) == 0) {
		ratchet_bad(&r->bad, "failed instead of refusing: %s", r->e.msg);
	}
	w->running = before;
}

void exec_rig_done(struct exec_rig *r)
{
	json_free(r->in);
	json_free(r->doc);
	report_done(&r->report);
	strv_done(&r->bad);
}
