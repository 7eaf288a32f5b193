/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the audit record says of a launch and of the policy it was held to.
 */
#include "shim/record.h"

#include <string.h>

enum { ANNOTATIONS_MAX = 64 };

static int put(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return text && text[0] ? json_put(doc, o, key, json_string_lossy(doc, text)) : 0;
}

int record_policy(struct audit *a, const struct applied *p)
{
	struct json *o = json_object(a->doc);

	if (put(a->doc, o, "digest", p->digest) < 0 ||
		put(a->doc, o, "from", applied_from_name(p->from)) < 0 ||
		put(a->doc, o, "problem", p->problem.code ? p->problem.msg : NULL) < 0)
		return -1;
	return audit_put(a, "policy", o);
}

static int put_engine(struct audit *a, const struct engine *g)
{
	struct json *image = json_object(a->doc);

	if (audit_put_text(a, "engine", engine_name(g->kind)) < 0 ||
		audit_put_text(a, "namespace", g->namespace) < 0 ||
		audit_put_text(a, "pod", g->pod) < 0 ||
		audit_put_text(a, "container", g->container) < 0 ||
		put(a->doc, image, "name", g->image.text) < 0 ||
		put(a->doc, image, "digest", g->image.digest) < 0 ||
		put(a->doc, image, "id", g->image.id) < 0)
		return -1;
	return image->count ? audit_put(a, "image", image) : 0;
}

static struct json *profiles_json(struct json_doc *doc, const struct selection *s)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < s->n; i++) {
		struct json *o = json_object(doc);

		if (put(doc, o, "name", s->p[i]->name) < 0 ||
			put(doc, o, "version", s->p[i]->version) < 0 ||
			put(doc, o, "digest", s->p[i]->digest) < 0 || json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

int record_profiles(struct audit *a, const struct selection *s)
{
	return audit_put(a, "profiles", profiles_json(a->doc, s));
}

const char *record_mode(const struct applied *a, struct profile *const *p, size_t n)
{
	bool enforce = n == 0;

	for (size_t i = 0; i < n; i++)
		enforce |= p[i]->mode == PROFILE_ENFORCE;
	return enforce && a->settings.mode == PROFILE_ENFORCE ? "enforce" : "audit";
}

static int put_profiles(struct audit *a, const struct record_facts *f)
{
	bool learn = f->applied->settings.mode == PROFILE_LEARN;

	for (size_t i = 0; i < f->profiles->n; i++)
		learn |= f->profiles->p[i]->mode == PROFILE_LEARN;
	if (audit_put_text(a, "mode", record_mode(f->applied, f->profiles->p, f->profiles->n)) <
			0 ||
		(learn && audit_put_text(a, "note",
				  "mode learn is the same as audit in this version, but for the "
				  "network") < 0) ||
		record_policy(a, f->applied) < 0)
		return -1;
	if (f->profiles->n && audit_put_text(a, "select", f->profiles->how) < 0)
		return -1;
	return record_profiles(a, f->profiles);
}

/* Those the node wants to see. */
static int put_annotations(struct audit *a, const struct record_facts *f)
{
	struct json *o = json_object(a->doc);

	if (!f->doc || f->applied->settings.annotations.record.n == 0)
		return 0;
	json_each (v, json_get(json_root(f->doc), "annotations")) {
		if (!o || o->count == ANNOTATIONS_MAX)
			break;
		if (strv_glob(&f->applied->settings.annotations.record, v->key) &&
			json_put(a->doc, o, v->key, json_clone(a->doc, v)) < 0)
			return -1;
	}
	return o && !o->count ? 0 : audit_put(a, "annotations", o);
}

bool record_would_refuse(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->changes[i].enforced && r->changes[i].kind == CHANGE_DENY)
			return true;
	return false;
}

const char *record_result(const struct report *r, const struct err *failed)
{
	if (failed)
		return failed->code == ERR_DENIED ? "refused" : "failed";
	if (report_changes(r))
		return "changed";
	for (size_t i = 0; i < r->n; i++)
		if (!r->changes[i].enforced && r->changes[i].kind != CHANGE_NOTE)
			return "audited";
	return "unchanged";
}

int record_launch(struct audit *a, const struct record_facts *f)
{
	if (put_engine(a, f->engine) < 0 || put_profiles(a, f) < 0 || put_annotations(a, f) < 0 ||
		audit_put_text(a, "result", record_result(f->report, f->failed)) < 0)
		return -1;
	if (record_would_refuse(f->report) &&
		audit_put(a, "wouldRefuse", json_bool(a->doc, true)) < 0)
		return -1;
	if (audit_put_text(a, "error", f->failed ? f->failed->msg : NULL) < 0 ||
		audit_put_text(a, "state", f->no_state->code ? f->no_state->msg : NULL) < 0)
		return -1;
	return audit_put(a, "changes", report_json(f->report, a->doc));
}

/* ---- of a container that runs ---- */

/* FROM's member KEY, when it is a text, becomes TO's member AS. */
static int copy_text(struct json_doc *doc, struct json *to, const char *as, const struct json *from,
	const char *key)
{
	return put(doc, to, as, json_str(json_get(from, key)));
}

static int copy_image(struct audit *a, const struct json *from)
{
	struct json *image = json_object(a->doc);

	if (!image || copy_text(a->doc, image, "name", from, "reference") < 0 ||
		copy_text(a->doc, image, "digest", from, "digest") < 0 ||
		copy_text(a->doc, image, "id", from, "id") < 0)
		return -1;
	return image->count ? audit_put(a, "image", image) : 0;
}

static int copy_profiles(struct audit *a, const struct json *from)
{
	struct json *list = json_array(a->doc);

	json_each (p, from) {
		struct json *o = json_object(a->doc);

		if (!o || copy_text(a->doc, o, "name", p, "name") < 0 ||
			copy_text(a->doc, o, "version", p, "version") < 0 ||
			copy_text(a->doc, o, "digest", p, "digest") < 0 || json_push(list, o) < 0)
			return -1;
	}
	return audit_put(a, "profiles", list);
}

int record_running(struct audit *a, const struct json *record)
{
	static const char *const same[] = {"engine", "namespace", "pod", "container"};
	struct json *policy = json_object(a->doc);

	if (!record)
		return 0;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (copy_text(a->doc, a->record, same[i], record, same[i]) < 0)
			return -1;
	if (copy_image(a, json_get(record, "image")) < 0 ||
		copy_profiles(a, json_get(record, "profiles")) < 0 ||
		copy_text(a->doc, policy, "digest", record, "policy") < 0)
		return -1;
	return policy && policy->count ? audit_put(a, "policy", policy) : 0;
}
