/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one_pass - run a single pass over a small document and compare.
 */
#include "tests/one_pass.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

static const struct json_limits limits = {1 << 20, 60, 50000};

static struct json_doc *read_doc(const char *text)
{
	struct json_doc *doc = NULL;
	struct err e = {0};
	AUTO_STR struct str copy = STR_INIT;

	for (; *text; text++)
		str_addc(&copy, *text == '\'' ? '"' : *text);
	assert(json_parse(str_text(&copy), copy.len, &limits, JSON_STRICT, &doc, &e) == 0);
	return doc;
}

static void run(struct json_doc *doc, enum control control, pass_fn *pass, const struct profile *p,
	const struct world *w, struct report *r)
{
	struct edit ed = {.doc = doc,
		.root = json_root(doc),
		.report = r,
		.profile = "test",
		.control = control,
		.enforced = true};

	pass(&ed, p, w);
	assert(!ed.failed);
}

static bool denied_for(const struct report *r, const char *why)
{
	if (!why)
		return report_denials(r) == 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->changes[i].kind == CHANGE_DENY && strstr(r->changes[i].why, why))
			return true;
	return false;
}

static size_t n_edits(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->changes[i].kind <= CHANGE_REMOVE;
	return n;
}

static void tell(const struct report *r, const char *label, struct str *notes)
{
	for (size_t i = 0; i < r->n; i++)
		str_addf(notes, "# %s%s %s: %s\n", label, change_kind_name(r->changes[i].kind),
			r->changes[i].place, r->changes[i].why);
}

bool one_pass(enum control control, pass_fn *pass, const struct profile *p, const struct world *w,
	const struct one_case *c, struct str *notes)
{
	AUTO_JSON struct json_doc *doc = read_doc(c->in);
	AUTO_JSON struct json_doc *in = read_doc(c->in);
	AUTO_JSON struct json_doc *want = read_doc(c->want ? c->want : c->in);
	AUTO_REPORT struct report first = {0}, second = {0};
	bool same, recorded, denied, again;

	run(doc, control, pass, p, w, &first);
	same = json_equal(json_root(doc), json_root(want));
	recorded = (n_edits(&first) == 0) == json_equal(json_root(doc), json_root(in));
	denied = denied_for(&first, c->deny);
	run(doc, control, pass, p, w, &second);
	again = n_edits(&second) == 0 && report_denials(&second) <= report_denials(&first);
	if (same && recorded && denied && again)
		return true;
	str_addf(notes, "# result %d, recorded %d, denial %d, second run %d; now it is\n# ", same,
		recorded, denied, again);
	json_write(json_root(doc), notes);
	str_addc(notes, '\n');
	tell(&first, "", notes);
	tell(&second, "again ", notes);
	return false;
}

bool one_pass_file(pass_fn *pass, const struct profile *p, const struct world *w, const char *path,
	const char *deny, struct str *notes)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report first = {0}, second = {0};
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err e = {0};
	size_t len;

	if (fd < 0 || io_read_all(fd, limits.bytes, &text, &len, &e) < 0 ||
		json_parse(text, len, &limits, JSON_STRICT, &doc, &e) < 0) {
		str_addf(notes, "# %s: %s\n", path, e.msg);
		return false;
	}
	run(doc, CONTROL_UNKNOWN, pass, p, w, &first);
	run(doc, CONTROL_UNKNOWN, pass, p, w, &second);
	if (denied_for(&first, deny) && n_edits(&second) == 0)
		return true;
	tell(&first, "", notes);
	tell(&second, "again ", notes);
	return false;
}
