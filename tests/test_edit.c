/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_edit - every change is made and recorded as one; the report tells all of it.
 */
#include "shim/edit.h"
#include "tests/tap.h"

static const struct json_limits limits = {65536, 32, 10000};

struct fixture {
	struct json_doc *doc;
	struct report report;
	struct edit ed;
};

static void begin(struct fixture *f, const char *text)
{
	struct err e = {0};

	*f = (struct fixture){.report = {.keep_values = true}};
	if (json_parse(text, strlen(text), &limits, 0, &f->doc, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
	f->ed = (struct edit){.doc = f->doc,
		.root = json_root(f->doc),
		.report = &f->report,
		.profile = "p",
		.line = 7,
		.control = CONTROL_ENV,
		.enforced = true};
}

static void end(struct fixture *f, const char *want, const char *what)
{
	struct str text = STR_INIT;

	json_write(json_root(f->doc), &text);
	tap_same(str_text(&text), want, what);
	ok(!f->ed.failed, "%s: nothing failed", what);
	str_done(&text);
	report_done(&f->report);
	json_free(f->doc);
}

static void changed(const struct fixture *f, size_t i, enum change_kind kind, const char *place,
	const char *before, const char *after)
{
	const struct change *c = &f->report.changes[i];

	if (!ok(i < f->report.n, "change %zu is there", i))
		return;
	ok(c->kind == kind, "change %zu: %s", i, change_kind_name(c->kind));
	tap_same(c->place, place, "place");
	tap_same(c->before, before, "before");
	tap_same(c->after, after, "after");
	tap_same(c->rule, "p:7", "rule");
	ok((kind == CHANGE_ADD || kind == CHANGE_REPLACE) == (c->value != NULL), "value kept");
}

static void all_kinds(void)
{
	struct fixture f;
	struct json *list;

	begin(&f, "{\"a\":1,\"n\":null,\"x/y~\":{},\"l\":[10,11,12]}");
	edit_put(&f.ed, f.ed.root, "a", json_int(f.doc, 1), "same");
	edit_put(&f.ed, f.ed.root, "a", json_int(f.doc, 2), "because %d", 2);
	edit_put(&f.ed, f.ed.root, "n", json_bool(f.doc, true), "null is replaced");
	edit_put(&f.ed, json_get(f.ed.root, "x/y~"), "k", json_string(f.doc, "v"), "added");
	list = json_get(f.ed.root, "l");
	edit_remove(&f.ed, json_item(list, 0), "gone");
	edit_insert_before(&f.ed, json_item(list, 1), json_int(f.doc, 5), "in between");
	edit_push(&f.ed, list, json_int(f.doc, 6), "at the end");
	edit_replace(&f.ed, json_item(list, 0), json_int(f.doc, 7), "other");
	edit_remove_shown(&f.ed, json_item(list, 1), "hidden", "secret");
	edit_remove(&f.ed, NULL, "nothing");
	edit_note(&f.ed, list, "look");
	edit_deny(&f.ed, list, "no");
	edit_deny_at(&f.ed, "/q", "not there");
	changed(&f, 0, CHANGE_REPLACE, "/a", "1", "2");
	tap_same(f.report.changes[0].why, "because 2", "why");
	changed(&f, 1, CHANGE_REPLACE, "/n", "null", "true");
	changed(&f, 2, CHANGE_ADD, "/x~1y~0/k", NULL, "\"v\"");
	changed(&f, 3, CHANGE_REMOVE, "/l/0", "10", NULL);
	changed(&f, 4, CHANGE_ADD, "/l/1", NULL, "5");
	changed(&f, 5, CHANGE_ADD, "/l/3", NULL, "6");
	changed(&f, 6, CHANGE_REPLACE, "/l/0", "11", "7");
	changed(&f, 7, CHANGE_REMOVE, "/l/1", "hidden", NULL);
	changed(&f, 8, CHANGE_NOTE, "/l", NULL, NULL);
	changed(&f, 9, CHANGE_DENY, "/l", NULL, NULL);
	changed(&f, 10, CHANGE_DENY, "/q", NULL, NULL);
	ok(report_changes(&f.report) == 8 && report_denials(&f.report) == 2, "counted");
	end(&f, "{\"a\":2,\"n\":true,\"x/y~\":{\"k\":\"v\"},\"l\":[7,12,6]}", "all kinds");
}

static void made_on_the_way(void)
{
	struct fixture f;

	begin(&f, "{\"linux\":null}");
	ok(json_is(edit_array(&f.ed, "/linux/resources/devices", "needed"), JSON_ARRAY),
		"array made");
	ok(json_is(edit_object(&f.ed, "/linux/resources", "needed"), JSON_OBJECT), "object found");
	ok(f.report.n == 3, "each step is recorded once: %zu", f.report.n);
	end(&f, "{\"linux\":{\"resources\":{\"devices\":[]}}}", "made on the way");
}

static void audited(void)
{
	struct fixture f;

	begin(&f, "{\"a\":1}");
	f.ed.root = json_clone(f.doc, f.ed.root);
	f.ed.enforced = false;
	edit_remove(&f.ed, json_get(f.ed.root, "a"), "would go");
	edit_deny(&f.ed, NULL, "would be refused");
	ok(report_changes(&f.report) == 0 && report_denials(&f.report) == 0, "nothing counts");
	ok(f.report.n == 2 && !f.report.changes[0].enforced, "both are told");
	end(&f, "{\"a\":1}", "audited");
}

/* One error of at most ERR_MSG_MAX bytes: whole reasons, and how many more there are. */
static void many_reasons(void)
{
	struct err e = {0};
	struct fixture f;

	begin(&f, "{}");
	for (int i = 0; i < 40; i++)
		edit_deny_at(&f.ed, "/mounts/1", "reason number %d is forty bytes long, or so", i);
	ok(report_refuse(&f.report, "p", &e) == -1 && e.code == ERR_DENIED, "refused");
	ok(strncmp(e.msg, "refused by profile p: env: reason number 0 is", 45) == 0, "begins: %s",
		e.msg);
	ok(strstr(e.msg, "more") && !strstr(e.msg, "..."), "ends with a count: %s", e.msg);
	end(&f, "{}", "many reasons");
}

static void long_values(void)
{
	struct fixture f;
	char big[2000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	begin(&f, "{}");
	edit_put(&f.ed, f.ed.root, "k", json_string(f.doc, big), "long");
	ok(strlen(f.report.changes[0].after) == CHANGE_SHOWN_MAX + 3, "shown cut");
	ok(f.report.changes[0].value->len == sizeof big - 1, "kept whole");
	json_remove(json_get(f.ed.root, "k"));
	end(&f, "{}", "long values");
}

int main(void)
{
	all_kinds();
	made_on_the_way();
	audited();
	many_reasons();
	long_values();
	return tap_done();
}
