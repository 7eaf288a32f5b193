/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tighten_rig - one document through the whole of tighten(), with every promise checked.
 */
#include "tests/tighten_rig.h"

#include <string.h>

#include "shim/spec.h"
#include "shim/tighten.h"
#include "tests/ceiling.h"
#include "tests/ratchet.h"

static int read_config(const char *text, size_t len, struct json_doc **doc, struct err *e)
{
	if (json_parse(text, len, &spec_limits, JSON_STRICT, doc, e) < 0)
		return -1;
	return spec_check(*doc, spec_config, e);
}

/* The result once more: still valid, and there is nothing left to do. */
static void again(
	struct rig *r, const struct str *first, const struct profile *p, const struct world *w)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	AUTO_STR struct str second = STR_INIT;
	struct err e = {0};

	if (read_config(first->s, first->len, &doc, &e) < 0) {
		ratchet_bad(&r->bad, "the result is not valid: %s", e.msg);
		return;
	}
	if (tighten(doc, p, w, &report, &e) < 0) {
		ratchet_bad(&r->bad, "the result is refused: %s", e.msg);
		return;
	}
	json_write(json_root(doc), &second);
	if (report_changes(&report))
		ratchet_bad(&r->bad, "the second run changes %s %s: %s",
			control_name(report.changes[0].control), report.changes[0].place,
			report.changes[0].why);
	if (second.len != first->len || strcmp(str_text(&second), str_text(first)) != 0)
		ratchet_bad(&r->bad, "the second run gives other bytes");
}

void rig_run(
	struct rig *r, const char *text, size_t len, const struct profile *p, const struct world *w)
{
	AUTO_STR struct str was = STR_INIT, is = STR_INIT;

	memset(r, 0, sizeof *r);
	if (read_config(text, len, &r->doc, &r->e) < 0) {
		if (r->e.code != ERR_INPUT || !r->e.msg[0])
			ratchet_bad(&r->bad, "refused without a reason");
		return;
	}
	r->in = json_new();
	if (r->in)
		json_set_root(r->in, json_clone(r->in, json_root(r->doc)));
	if (tighten(r->doc, p, w, &r->report, &r->e) < 0) {
		if (r->e.code != ERR_DENIED || report_denials(&r->report) == 0)
			ratchet_bad(&r->bad, "failed instead of refusing: %s", r->e.msg);
		return;
	}
	r->accepted = true;
	if (report_denials(&r->report))
		ratchet_bad(&r->bad, "accepted with denials");
	ratchet(json_root(r->in), json_root(r->doc), &r->bad);
	ceiling(json_root(r->doc), p, w, &r->bad);
	json_write(json_root(r->in), &was);
	json_write(json_root(r->doc), &is);
	if (report_changes(&r->report) == 0 && strcmp(str_text(&was), str_text(&is)) != 0)
		ratchet_bad(&r->bad, "changed without a record");
	again(r, &is, p, w);
}

void rig_done(struct rig *r)
{
	json_free(r->in);
	json_free(r->doc);
	report_done(&r->report);
	strv_done(&r->bad);
}

void rig_changes(const struct rig *r, struct str *out)
{
	for (size_t i = 0; i < r->report.n; i++) {
		const struct change *c = &r->report.changes[i];

		/* which calls is the business of the filter's own tests */
		if (c->control == CONTROL_SECCOMP) {
			str_addf(out, "%s %s %s\n", control_name(c->control),
				change_kind_name(c->kind), c->place);
			continue;
		}
		str_addf(out, "%s %s %s: %s -> %s: %s\n", control_name(c->control),
			change_kind_name(c->kind), c->place, c->before ? c->before : "(nothing)",
			c->after ? c->after : "(nothing)", c->why);
	}
}
