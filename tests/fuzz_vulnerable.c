/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_vulnerable - any text is read as a scanner's report or refused with a message that names the file;
 * what was read keeps its promises.
 */
#include <assert.h>
#include <string.h>

#include "shim/base/json.h"
#include "shim/ctl/vulnerable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_VULN_REPORT struct vuln_report r = {0};
	struct vuln_list twice = {0};
	size_t counts[SEVERITY_COUNT], sum = 0, bad;
	struct err e = {0};

	if (vuln_report_parse("fuzz", (const char *)data, size, &r, &e) < 0) {
		assert(e.code && strncmp(e.msg, "report fuzz: ", 13) == 0 && !r.tool);
		return 0;
	}
	assert(e.code == 0 && r.tool && r.name);
	assert(!r.image_id || image_is_digest(r.image_id));
	for (size_t i = 0; i < r.digests.n; i++) {
		const struct image same = {.digest = r.digests.v[i]};

		assert(image_is_digest(r.digests.v[i]));
		assert(vuln_report_match(&r, &same) == VULN_CERTAIN);
	}
	for (size_t i = 0; i < r.n_names; i++) {
		assert(r.names[i].repository && r.names[i].tag);
		assert(vuln_report_match(&r, &r.names[i]) != VULN_OTHER);
	}
	for (size_t i = 0; i < r.found.n; i++) {
		const struct vuln *v = &r.found.v[i];

		assert(!i || r.found.v[i - 1].severity >= v->severity);
		assert(strlen(v->id) <= 128 && strlen(v->title) <= 256);
		assert(json_utf8_ok(v->title, strlen(v->title), &bad));
	}
	vuln_list_count(&r.found, counts);
	for (int s = 0; s < SEVERITY_COUNT; s++)
		sum += counts[s];
	assert(sum == r.found.n);
	assert(vuln_list_add(&twice, &r.found, SEVERITY_UNKNOWN, &e) == 0);
	assert(vuln_list_add(&twice, &r.found, SEVERITY_UNKNOWN, &e) == 0);
	vuln_list_sort(&twice);
	assert(twice.n == r.found.n);
	vuln_list_done(&twice);
	return 0;
}
