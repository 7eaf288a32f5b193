/* SPDX-License-Identifier: Apache-2.0 */
/*
 * affected - which containers would be held to something else if they were started again.
 */
#include "shim/ctl/affected.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/table.h"
#include "shim/engine.h"
#include "shim/state.h"

struct search {
	struct policy *from, *to;
	const char *from_default, *to_default;
	const struct strv *names; /* of TO's profiles; NULL: built in */
	bool more_allowed; /* by TO: an annotation may name a profile */
	bool audit; /* TO enforces nothing */
	bool other_mode; /* of the node: everybody is held to less, or to more */
	const struct diff *diff;
	struct affected *out;
};

void affected_done(struct affected *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].id);
		free(a->v[i].who);
		free(a->v[i].now);
		free(a->v[i].then);
	}
	free(a->v);
	*a = (struct affected){0};
}

static const char *text_at(const struct json *v, const char *key)
{
	return json_str(json_get(v, key));
}

static bool is_there(const struct json *record)
{
	const char *root = text_at(record, "root"), *id = text_at(record, "id");
	char path[PATH_MAX];

	if (!root || !id || snprintf(path, sizeof path, "%s/%s", root, id) >= (int)sizeof path)
		return false;
	return access(path, F_OK) == 0;
}

static char *who_is(const struct json *record)
{
	const char *ns = text_at(record, "namespace"), *pod = text_at(record, "pod");
	const char *container = text_at(record, "container"), *id = text_at(record, "id");
	struct str s = STR_INIT;

	if (!pod && !container)
		return strdup(id);
	if (pod)
		str_addf(&s, "%s%s%s", ns ? ns : "", ns ? "/" : "", pod);
	if (container)
		str_addf(&s, "%s%s", pod ? " " : "", container);
	return str_take(&s);
}

/* What POLICY's rules and default say of the container. */
static int choose(struct policy *policy, const char *by_default, const struct rules_facts *facts,
	const char **name, struct err *e)
{
	unsigned line;

	*name = NULL;
	if (policy && policy_select(policy, facts, name, &line, e) < 0)
		return -1;
	if (!*name)
		*name = by_default;
	return 0;
}

static int add(struct search *s, const struct json *record, const char *now, const char *then,
	const char *refused, struct err *e)
{
	struct affected *a = s->out;
	struct affected_one *more = reallocarray(a->v, a->n + 1, sizeof *more), *to;

	if (!more)
		return err_nomem(e);
	a->v = more;
	to = &more[a->n++];
	*to = (struct affected_one){.id = strdup(text_at(record, "id")),
		.who = who_is(record),
		.now = strdup(now),
		.then = strdup(then),
		.refused = refused};
	return to->id && to->who && to->now && to->then ? 0 : err_nomem(e);
}

static bool knows(const struct search *s, const char *name)
{
	size_t len;

	return s->names ? strv_has(s->names, name)
			: !strchr(name, '/') && profile_builtin_text(name, &len) != NULL;
}

/* The image is denied by TO, and was not by FROM. */
static int now_denied(const struct search *s, const char *digest, bool *denied, struct err *e)
{
	struct policy *const both[] = {s->to, s->from};

	*denied = false;
	for (int i = 0; digest && i < 2; i++) {
		struct denied_image d = {.digest = NULL};

		if (both[i] && policy_denied(both[i], digest, &d, e) < 0)
			return -1;
		*denied = i == 0 ? d.digest != NULL : *denied && !d.digest;
		free(d.digest);
		free(d.reason);
		free(d.cves);
	}
	return 0;
}

/* What is denied would be refused under the profile NAME, not only reported. */
static int refuses_images(const struct search *s, const char *name, bool *refuses, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;

	*refuses = false;
	if (s->audit || !s->to)
		return 0;
	if (policy_profile(s->to, name, &p, e) < 0)
		return -1;
	*refuses = p && !profile_audits(p, CONTROL_IMAGE);
	return 0;
}

/* Of the profiles that annotations name on top: one that would be another, or be refused. */
static const char *changed_more(
	const struct search *s, const struct json *record, const char **refused)
{
	const struct json *first = json_at(record, "/profiles/0");

	for (const struct json *v = first ? first->next : NULL; v; v = v->next) {
		const char *name = text_at(v, "name");

		if (!name)
			continue;
		/* in audit mode it would be left out, with a word in the log */
		if (!s->audit && !s->more_allowed)
			*refused = "annotations may not name a profile any more";
		else if (!s->audit && !knows(s, name))
			*refused = "which is not there any more";
		if (*refused || diff_find(s->diff, name))
			return name;
	}
	return NULL;
}

static int look(const struct json *record, void *arg, struct err *e)
{
	const struct json *image = json_get(record, "image");
	const char *now = text_at(json_at(record, "/profiles/0"), "name"), *old, *then, *more;
	const char *refused = NULL, *engine = text_at(record, "engine");
	bool digest, id, refuses = false;
	struct search *s = arg;
	struct image own = {
		.text = (char *)text_at(image, "reference"),
		.registry = (char *)text_at(image, "registry"),
		.repository = (char *)text_at(image, "repository"),
		.tag = (char *)text_at(image, "tag"),
		.digest = (char *)text_at(image, "digest"),
		.id = (char *)text_at(image, "id"),
	};
	const struct rules_facts facts = {
		.engine =
			engine && strcmp(engine, engine_name(ENGINE_UNKNOWN)) != 0 ? engine : NULL,
		.namespace = text_at(record, "namespace"),
		.pod = text_at(record, "pod"),
		.container = text_at(record, "container"),
		.image = &own,
	};

	if (!now || !is_there(record))
		return 0;
	s->out->running++;
	if (choose(s->from, s->from_default, &facts, &old, e) < 0 ||
		choose(s->to, s->to_default, &facts, &then, e) < 0)
		return -1;
	if (!json_get(record, "rule") && strcmp(old, now) != 0)
		then = now; /* named by the engine's configuration */
	if (now_denied(s, own.digest, &digest, e) < 0 || now_denied(s, own.id, &id, e) < 0)
		return -1;
	if (!knows(s, then))
		return add(s, record, now, then, "which is not there any more", e);
	if ((digest || id) && refuses_images(s, then, &refuses, e) < 0)
		return -1;
	if (refuses)
		return add(s, record, now, then, "its image is denied", e);
	more = changed_more(s, record, &refused);
	if (refused)
		return add(s, record, more, more, refused, e);
	if (strcmp(now, then) != 0 || s->other_mode || diff_find(s->diff, then))
		return add(s, record, now, then, NULL, e);
	return more ? add(s, record, more, more, NULL, e) : 0;
}

static int settings_of(struct policy *p, struct settings *s, struct err *e)
{
	return p ? policy_settings(p, s, e) : settings_default(s, e);
}

int affected_find(const char *dir, struct policy *from, struct policy *to, const struct diff *diff,
	struct affected *out, struct err *e)
{
	AUTO_SETTINGS struct settings old = {.mode = PROFILE_ENFORCE}, new = old;
	AUTO_AFFECTED struct affected found = {0};
	AUTO_STRV struct strv names = {0}, bad = {0};
	struct search s = {.from = from, .to = to, .diff = diff, .out = &found};

	if (settings_of(from, &old, e) < 0 || settings_of(to, &new, e) < 0 ||
		(to && policy_names(to, &names, e) < 0))
		return -1;
	s.from_default = old.default_profile;
	s.to_default = new.default_profile;
	s.more_allowed = new.annotations.profile;
	s.audit = new.mode == PROFILE_AUDIT;
	s.other_mode = old.mode != new.mode;
	s.names = to ? &names : NULL;
	if (state_each(dir, look, &s, &bad, e) < 0)
		return -1;
	*out = found;
	found = (struct affected){0};
	return 0;
}

void affected_table(const struct affected *a, struct str *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct affected_one *one = &a->v[i];

		str_add(out, "  ");
		table_text(one->who, 200, out);
		str_add(out, ": ");
		table_text(one->now, 64, out);
		if (strcmp(one->now, one->then) != 0) {
			str_add(out, " -> ");
			table_text(one->then, 64, out);
		}
		if (one->refused)
			str_addf(out, ", %s: it would not start", one->refused);
		str_addc(out, '\n');
	}
}

struct json *affected_json(const struct affected *a, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < a->n; i++) {
		const struct affected_one *one = &a->v[i];
		struct json *o = json_object(doc);

		if (json_put(doc, o, "id", json_string_lossy(doc, one->id)) < 0 ||
			json_put(doc, o, "container", json_string_lossy(doc, one->who)) < 0 ||
			json_put(doc, o, "now", json_string_lossy(doc, one->now)) < 0 ||
			json_put(doc, o, "then", json_string_lossy(doc, one->then)) < 0 ||
			json_put(doc, o, "refused", json_bool(doc, one->refused != NULL)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}
