/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_rig - one pass on one document, as rows of a table.
 *
 * Every row is also held to the promises of all passes: no failed allocation, the second run changes
 * nothing, and a document that is only refused stays as it was. All in this header, because the
 * counters of tap.h belong to one file.
 */
#ifndef CINCH_TESTS_PASS_RIG_H
#define CINCH_TESTS_PASS_RIG_H

#include <stdlib.h>

#include "shim/base/cleanup.h"
#include "shim/pass.h"
#include "shim/spec.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

struct pass_row {
	const char *what; /* the test's name */
	const struct profile *profile;
	const char *in; /* JSON text */
	const char *want; /* JSON text; NULL: as it was */
	const char *deny; /* part of the text of a denial; NULL: there must be none */
	const char *note; /* part of a note's or change's text; NULL: any */
	const char *never; /* must not be anywhere in the report */
};

static void run(pass_fn *pass, const struct pass_row *row, const struct world *w,
	struct json_doc *doc, struct report *report)
{
	struct edit ed = {
		.doc = doc,
		.root = json_root(doc),
		.report = report,
		.profile = row->profile->name,
		.line = 7,
		.control = CONTROL_PROCESS,
		.enforced = true,
	};

	pass(&ed, row->profile, w);
	ok(!ed.failed, "%s: no failed allocation", row->what);
}

/* True when TEXT is part of why a change of KIND was made (KIND < 0: any kind but a denial). */
static bool says(const struct report *r, int kind, const char *text)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->changes[i];

		if (kind < 0 ? c->kind != CHANGE_DENY : (int)c->kind == kind)
			if (strstr(c->why, text))
				return true;
	}
	return false;
}

static void no_trace(const struct pass_row *row, const struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->changes[i];

		ok(!strstr(c->why, row->never) && !strstr(c->place, row->never) &&
				(!c->before || !strstr(c->before, row->never)) &&
				(!c->after || !strstr(c->after, row->never)),
			"%s: the value is not in the report", row->what);
	}
}

static void diagnose(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		printf("# %s %s: %s\n", change_kind_name(r->changes[i].kind), r->changes[i].place,
			r->changes[i].why);
}

static char *text_of(const struct json_doc *doc)
{
	struct str s = STR_INIT;

	json_write(json_root(doc), &s);
	return str_take(&s);
}

static void row_run(pass_fn *pass, const struct pass_row *row, const struct world *w)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_JSON struct json_doc *want = NULL;
	AUTO_REPORT struct report report = {0};
	AUTO_REPORT struct report again = {0};
	AUTO_FREE char *before = NULL;
	AUTO_FREE char *after = NULL;
	AUTO_FREE char *twice = NULL;
	const char *wanted = row->want ? row->want : row->in;
	struct err e = {0};

	if (json_parse(row->in, strlen(row->in), &spec_limits, 0, &doc, &e) < 0 ||
		json_parse(wanted, strlen(wanted), &spec_limits, 0, &want, &e) < 0) {
		ok(false, "%s: the row itself: %s", row->what, e.msg);
		return;
	}
	before = text_of(doc);
	run(pass, row, w, doc, &report);
	after = text_of(doc);
	if (!ok(json_equal(json_root(doc), json_root(want)), "%s: result", row->what)) {
		printf("#  got: %s\n# want: %s\n", after, wanted);
		diagnose(&report);
	}
	if (!row->want)
		tap_same(after, before, "and byte for byte as it was");
	if (!row->want && !row->deny && !row->note)
		ok(report.n == 0, "%s: nothing to say", row->what);
	if (row->deny ? !ok(says(&report, CHANGE_DENY, row->deny), "%s: refused", row->what)
		      : !ok(report_denials(&report) == 0, "%s: not refused", row->what))
		diagnose(&report);
	if (row->note && !ok(says(&report, -1, row->note), "%s: reported", row->what))
		diagnose(&report);
	if (row->never)
		no_trace(row, &report);
	run(pass, row, w, doc, &again);
	twice = text_of(doc);
	tap_same(twice, after, "the second run changes nothing");
	ok(report_changes(&again) == 0 && report_denials(&again) == report_denials(&report),
		"%s: and says so", row->what);
}

/* Run all N rows with the fake world W (NULL: a fresh one without overrides). */
static void pass_rig(pass_fn *pass, const struct pass_row *rows, size_t n, const struct world *w)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	for (size_t i = 0; i < n; i++)
		row_run(pass, &rows[i], w ? w : &fake.world);
}

#define PASS_RIG(pass, rows) pass_rig(pass, rows, sizeof(rows) / sizeof *(rows), NULL)

#endif
