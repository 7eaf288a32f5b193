/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_resources - any bytes as the document of an update, through all shipped profiles and one with low
 * ceilings, with and without a record: refused with a reason, or a result that lifts nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "shim/tighten.h"
#include "tests/ratchet_update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROFILES_MAX = 16 };

static struct profile *profiles[PROFILES_MAX];
static size_t n_profiles;

static void load(void)
{
	static struct profile low = {.name = (char *)"low", .resources = {100, 1024, NULL, 0}};
	const char *name;
	struct err e;

	profiles[n_profiles++] = &low;
	for (size_t i = 0; (name = profile_builtin_name(i)) && n_profiles < PROFILES_MAX; i++)
		if (!strchr(name, '/') && profile_builtin(name, &profiles[n_profiles++], &e) < 0)
			abort();
}

static struct json_doc *parse(const char *text, size_t len, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (json_parse(text, len, &spec_limits, JSON_STRICT, &doc, e) < 0 ||
		spec_check(doc, spec_resources, e) < 0)
		return NULL;
	return take_ptr(&doc);
}

static void fail(const char *what, const struct profile *p)
{
	fprintf(stderr, "%s: %s\n", p->name, what);
	abort();
}

static void hold(const struct json *asked, const struct profile *p, bool no_record)
{
	const struct world w = {.unheld = no_record};
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_REPORT struct report report = {0}, again = {0};
	AUTO_STRV struct strv bad = {NULL, 0};
	struct json *root = json_object(doc), *part = json_object(doc);
	const struct json *got;
	struct err e = {0};

	if (json_put(doc, part, "resources", json_clone(doc, asked)) < 0 ||
		json_put(doc, root, "linux", part) < 0)
		abort();
	json_set_root(doc, root);
	if (tighten_resources(doc, p, &w, &report, &e) < 0) {
		if (e.code != ERR_DENIED || !*e.msg || report_denials(&report) == 0)
			fail("refused without a reason", p);
		return;
	}
	got = json_at(json_root(doc), "/linux/resources");
	if (p->mode == PROFILE_ENFORCE)
		ratchet_update(asked, got, p, no_record, &bad);
	else if (!json_equal(asked, got))
		fail("changed in audit mode", p);
	for (size_t i = 0; i < bad.n; i++)
		fprintf(stderr, "%s: %s\n", p->name, bad.v[i]);
	if (bad.n)
		abort();
	if (tighten_resources(doc, p, &w, &again, &e) < 0 || report_changes(&again))
		fail("the second run is not the first", p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	AUTO_JSON struct json_doc *asked = parse((const char *)data, size, &e);

	if (n_profiles == 0)
		load();
	if (!asked) {
		if (e.code != ERR_INPUT || !*e.msg)
			abort();
		return 0;
	}
	for (size_t i = 0; i < n_profiles; i++) {
		hold(json_root(asked), profiles[i], false);
		hold(json_root(asked), profiles[i], true);
	}
	return 0;
}
