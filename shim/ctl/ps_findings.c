/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_findings - what scanners found in the images of containers, shown.
 */
#include "shim/ctl/ps_findings.h"

#include <stdio.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/columns.h"

enum { WORST = 5, CVES_MAX = 100, ID_SHOWN = 12 };

/* ---- for people ---- */

static const struct image *image_of_group(const struct ps_findings *a, const struct ps_group *g)
{
	return &a->list.v[g->members[0]].image;
}

static void put_safe(struct str *out, const char *text, size_t width)
{
	table_text(text, width, out);
}

static void put_counts(const size_t counts[SEVERITY_COUNT], enum severity least, struct str *out)
{
	for (int s = SEVERITY_COUNT - 1; s >= (int)least; s--)
		str_addf(out, "%s%zu %s", s == SEVERITY_COUNT - 1 ? "" : ", ", counts[s],
			severity_name((enum severity)s));
}

static void put_members(const struct ps_findings *a, const struct ps_group *g, struct str *out)
{
	for (size_t i = 0; i < g->n_members; i++) {
		const struct ps_container *c = &a->list.v[g->members[i]];
		const char *id = json_str(json_get(c->record, "id"));
		AUTO_STR struct str name = STR_INIT;

		ps_name(c, &name);
		out->failed |= str_failed(&name);
		str_addf(out, "  %.*s  ", ID_SHOWN, id);
		put_safe(out, name.len ? str_text(&name) : "-", 100);
		str_addf(out, "  %s\n", life_name(c->life));
	}
}

static void put_worst(const struct ps_group *g, const struct table_style *style, struct str *out)
{
	static const char *const heads[] = {
		"  SEVERITY", "ID", "PACKAGE", "INSTALLED", "FIXED IN", NULL};
	AUTO_COLUMNS struct columns columns = {.heads = heads};

	for (size_t i = 0; i < g->found.n && i < WORST; i++) {
		const struct vuln *v = &g->found.v[i];
		char severity[32];

		snprintf(severity, sizeof severity, "  %s", severity_name(v->severity));
		columns_add(&columns, severity);
		columns_add(&columns, v->id);
		columns_add(&columns, v->package);
		columns_add(&columns, v->version);
		columns_add(&columns, v->fixed);
	}
	columns_put(&columns, style, out);
	if (g->found.n > WORST)
		str_addf(out, "  and %zu more\n", g->found.n - WORST);
}

static void put_group(const struct ps_findings *a, const struct ps_group *g,
	const struct table_style *style, struct str *out)
{
	const struct image *i = image_of_group(a, g);

	str_add(out, style->colour ? "\033[1m" : "");
	put_safe(out, i->text ? i->text : i->id ? i->id : "-", style->width);
	str_add(out, style->colour ? "\033[0m: " : ": ");
	put_counts(g->counts, a->least, out);
	if (g->match == VULN_BY_NAME)
		str_add(out,
			"\n  (perhaps: only the name is the same, and the tag may have moved)");
	str_addc(out, '\n');
	put_members(a, g, out);
	put_worst(g, style, out);
	str_addc(out, '\n');
}

struct ps_totals ps_findings_count(const struct ps_findings *a)
{
	struct ps_totals t = {0};

	for (size_t i = 0; i < a->n_groups; i++) {
		const struct ps_group *g = &a->groups[i];

		if (g->match == VULN_OTHER)
			t.unreported += g->n_members;
		else if (g->found.n == 0)
			t.clean += g->n_members;
		else if (g->match == VULN_CERTAIN)
			t.vulnerable += g->n_members;
		else
			t.perhaps += g->n_members;
	}
	return t;
}

void ps_findings_table(struct ctl_call *call, const struct ps_findings *a)
{
	const struct table_style style = {.width = ctl_width(), .colour = call->colour};
	struct ps_totals t = ps_findings_count(a);
	struct str *out = &call->out;

	for (size_t i = 0; i < a->n_groups; i++)
		if (a->groups[i].found.n)
			put_group(a, &a->groups[i], &style, out);
	str_addf(out, "%zu vulnerable, %zu perhaps, %zu clean, %zu without a report\n",
		t.vulnerable, t.perhaps, t.clean, t.unreported);
	for (size_t i = 0; i < a->n_sources; i++) {
		if (a->sources[i].matched)
			continue;
		str_add(out, "about no container here: ");
		put_safe(out, a->sources[i].file, style.width);
		if (*a->sources[i].report.name) {
			str_add(out, " (");
			put_safe(out, a->sources[i].report.name, style.width);
			str_addc(out, ')');
		}
		str_addc(out, '\n');
	}
	for (size_t i = 0; i < a->list.damaged.n; i++) {
		str_add(out, "damaged record: ");
		put_safe(out, a->list.damaged.v[i], style.width);
		str_addc(out, '\n');
	}
}

/* ---- for programs ---- */

static int put(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return text && *text ? json_put(doc, o, key, json_string_lossy(doc, text)) : 0;
}

static struct json *vulns_json(const struct vuln_list *l, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++) {
		const struct vuln *v = &l->v[i];
		struct json *o = json_object(doc);

		if (!o || put(doc, o, "id", v->id) < 0 ||
			put(doc, o, "severity", severity_name(v->severity)) < 0 ||
			put(doc, o, "package", v->package) < 0 ||
			put(doc, o, "installed", v->version) < 0 ||
			put(doc, o, "fixedIn", v->fixed) < 0 ||
			put(doc, o, "title", v->title) < 0 || json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

static struct json *counts_json(const size_t counts[SEVERITY_COUNT], struct json_doc *doc)
{
	struct json *o = json_object(doc);

	for (int s = SEVERITY_COUNT - 1; s >= 0; s--)
		if (json_put(doc, o, severity_name((enum severity)s), json_uint(doc, counts[s])) <
			0)
			return NULL;
	return o;
}

static struct json *source_json(const struct ps_source *s, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (!o || put(doc, o, "file", s->file) < 0 || put(doc, o, "tool", s->report.tool) < 0 ||
		put(doc, o, "artifact", s->report.name) < 0 ||
		put(doc, o, "imageId", s->report.image_id) < 0 ||
		json_put(doc, o, "digests", json_strings(doc, &s->report.digests)) < 0 ||
		json_put(doc, o, "matched", json_bool(doc, s->matched)) < 0)
		return NULL;
	return o;
}

static struct json *members_json(
	const struct ps_findings *a, const struct ps_group *g, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < g->n_members; i++)
		if (json_push(list, ps_json(&a->list.v[g->members[i]], doc)) < 0)
			return NULL;
	return list;
}

static struct json *group_json(
	const struct ps_findings *a, const struct ps_group *g, struct json_doc *doc)
{
	struct json *o = json_object(doc), *files = json_array(doc);

	for (size_t i = 0; i < g->n_sources; i++)
		if (json_push(files, json_string_lossy(doc, a->sources[g->sources[i]].file)) < 0)
			return NULL;
	if (!o || put(doc, o, "match", g->match == VULN_CERTAIN ? "certain" : "name") < 0 ||
		json_put(doc, o, "containers", members_json(a, g, doc)) < 0 ||
		json_put(doc, o, "reports", files) < 0 ||
		json_put(doc, o, "counts", counts_json(g->counts, doc)) < 0 ||
		json_put(doc, o, "vulnerabilities", vulns_json(&g->found, doc)) < 0)
		return NULL;
	return o;
}

int ps_findings_json(struct ctl_call *call, const struct ps_findings *a, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *images, *reports, *rest;

	if (!o)
		return err_nomem(e);
	images = json_array(doc);
	reports = json_array(doc);
	rest = json_array(doc);
	for (size_t i = 0; i < a->n_groups; i++) {
		const struct ps_group *g = &a->groups[i];

		if (g->match == VULN_OTHER)
			rest = members_json(a, g, doc);
		else if (json_push(images, group_json(a, g, doc)) < 0)
			return err_nomem(e);
	}
	for (size_t i = 0; i < a->n_sources; i++)
		if (json_push(reports, source_json(&a->sources[i], doc)) < 0)
			return err_nomem(e);
	if (json_put(doc, o, "images", images) < 0 || json_put(doc, o, "unreported", rest) < 0 ||
		json_put(doc, o, "reports", reports) < 0 ||
		json_put(doc, o, "damaged", json_strings(doc, &a->list.damaged)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

/* ---- a list of images to deny ---- */

/* As profiles/denied.c takes it: what a report calls an identifier may be anything. */
static bool is_identifier(const char *id)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
	size_t len = strlen(id);

	return len > 0 && len <= 64 && strspn(id, good) == len;
}

static struct json *cves_json(const struct vuln_list *l, struct json_doc *doc)
{
	struct json *list = json_array(doc);
	struct strv seen = {0};

	for (size_t i = 0; list && i < l->n && seen.n < CVES_MAX; i++) {
		if (!is_identifier(l->v[i].id) || strv_has(&seen, l->v[i].id))
			continue;
		if (strv_add(&seen, l->v[i].id) < 0 ||
			json_push(list, json_string_lossy(doc, l->v[i].id)) < 0)
			list = NULL;
	}
	strv_done(&seen);
	return list;
}

static int deny(struct json_doc *doc, struct json *list, const char *digest, const char *reason,
	const struct vuln_list *found)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "digest", json_string(doc, digest)) < 0 ||
		json_put(doc, o, "reason", json_string_lossy(doc, reason)) < 0 ||
		json_put(doc, o, "cves", cves_json(found, doc)) < 0)
		return -1;
	return json_push(list, o);
}

/* Every digest the image of S is known by. */
static int deny_source(struct json_doc *doc, struct json *list, const struct ps_source *s,
	enum severity least, struct err *e)
{
	const struct vuln_report *r = &s->report;
	AUTO_STR struct str reason = STR_INIT;
	struct vuln_list found = {0};
	size_t counts[SEVERITY_COUNT];
	int rc = vuln_list_add(&found, &r->found, least, e);

	if (rc == 0 && found.n && !r->image_id && !r->digests.n)
		rc = err_set(e, ERR_INPUT,
			"report %.256s: it names neither an image ID nor a digest, so that its "
			"image cannot be denied",
			s->file);
	if (rc == 0 && found.n) {
		vuln_list_count(&found, counts);
		put_safe(&reason, r->name, 100);
		str_addf(&reason, "%s%s: ", reason.len ? ", " : "", r->tool);
		put_counts(counts, least, &reason);
		rc = str_failed(&reason) ? -1 : 0;
		if (rc == 0 && r->image_id)
			rc = deny(doc, list, r->image_id, str_text(&reason), &found);
		for (size_t i = 0; rc == 0 && i < r->digests.n; i++)
			rc = deny(doc, list, r->digests.v[i], str_text(&reason), &found);
		if (rc < 0)
			err_nomem(e);
	}
	vuln_list_done(&found);
	return rc;
}

int ps_findings_denied(struct ctl_call *c, const struct ps_findings *a, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL, *list;

	if (!o)
		return err_nomem(e);
	list = json_array(doc);
	for (size_t i = 0; i < a->n_sources; i++)
		if (deny_source(doc, list, &a->sources[i], a->least, e) < 0)
			return -1;
	if (json_put(doc, o, "denied", list) < 0)
		return err_nomem(e);
	return ctl_put_json(c, o, e);
}
