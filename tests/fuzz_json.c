/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json - any bytes through json_parse: what is read is written the same, twice, and every value
 * can be named and found again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {1u << 20, 64, 20000};

/* Not assert: this must also stop a build without it. */
static void must(bool good)
{
	if (!good)
		abort();
}

static void check_places(
	const struct json_doc *doc, const struct json *root, const struct json *v, unsigned budget)
{
	AUTO_STR struct str pointer = STR_INIT;
	unsigned line, col;

	json_line_col(doc, v, &line, &col);
	must(line > 0 && col > 0);
	if (v->type != JSON_NULL) {
		json_pointer(v, &pointer);
		must(json_at(root, str_text(&pointer)) == v);
	}
	json_each (c, v)
		if (budget-- > 0)
			check_places(doc, root, c, budget < 20 ? budget : 20);
		else
			break;
}

static void check(const struct json_doc *doc, bool again)
{
	AUTO_STR struct str compact = STR_INIT, pretty = STR_INIT, second = STR_INIT;
	AUTO_JSON struct json_doc *reread = NULL, *repretty = NULL, *other = json_new();
	struct err e = {0};

	json_write(json_root(doc), &compact);
	json_write_pretty(json_root(doc), &pretty);
	must(!str_failed(&compact) && !str_failed(&pretty));
	must(json_parse(compact.s, compact.len, &limits, JSON_STRICT, &reread, &e) == 0);
	must(json_equal(json_root(doc), json_root(reread)));
	json_write(json_root(reread), &second);
	must(strcmp(str_text(&compact), str_text(&second)) == 0);
	if (again && pretty.len <= limits.bytes) {
		must(json_parse(pretty.s, pretty.len, &limits, JSON_STRICT, &repretty, &e) == 0);
		must(json_equal(json_root(doc), json_root(repretty)));
	}
	must(json_equal(json_clone(other, json_root(doc)), json_root(doc)));
	check_places(doc, json_root(doc), json_root(doc), 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned flags = JSON_STRICT; flags <= JSON_COMMENTS; flags++) {
		AUTO_JSON struct json_doc *doc = NULL;
		struct err e = {0};

		if (json_parse((const char *)data, size, &limits, flags, &doc, &e) == 0)
			check(doc, true);
		else
			must(e.code == ERR_INPUT && e.msg[0]);
	}
	return 0;
}
