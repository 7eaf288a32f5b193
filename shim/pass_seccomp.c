/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_seccomp - no filter: ours; a filter: the intersection with ours.
 *
 * What the profile allows on top widens our filter only; what it denies on top is EPERM. The
 * caller's agent (SCMP_ACT_NOTIFY, listenerPath) is kept where ours allows the call: asking somebody
 * is stricter than allowing. SECCOMP_FILTER_FLAG_SPEC_ALLOW switches a mitigation off and goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/filter.h"
#include "shim/pass.h"

enum { SHOWN_NAMES = 12 }; /* in a sentence */

static const struct json_limits builtin_limits = {.bytes = 1 << 20, .depth = 16, .values = 20000};

/* The filter the profile names: what was applied with it, else as it ships. */
static int parse_ours(const struct profile *p, struct json_doc **doc, struct err *e)
{
	AUTO_STR struct str name = STR_INIT;
	const char *text;
	size_t len = 0;

	str_addf(&name, "seccomp/%s", p->seccomp.profile ? p->seccomp.profile : "default");
	if (str_failed(&name))
		return err_nomem(e);
	text = p->filter;
	len = p->filter_len;
	if (!text)
		text = profile_builtin_text(str_text(&name), &len);
	if (!text)
		return err_set(e, ERR_INPUT, "no filter is named \"%s\"", p->seccomp.profile);
	if (json_parse(text, len, &builtin_limits, JSON_COMMENTS, doc, e) < 0)
		return err_wrap(e, "%s.json", str_text(&name));
	return 0;
}

/* The same with what the profile adds; F borrows from DOC and P. */
static int read_ours(
	const struct profile *p, const struct json_doc *doc, struct filter *f, struct err *e)
{
	if (filter_read(json_root(doc), f, e) < 0)
		return err_wrap(e, "the profile's own filter");
	filter_set_arches(f, filter_native_arches());
	for (size_t i = 0; i < p->seccomp.allow.n; i++)
		if (filter_set(f, p->seccomp.allow.v[i], (struct filter_verdict){FILTER_ALLOW, 0}) <
			0)
			return err_nomem(e);
	for (size_t i = 0; i < p->seccomp.deny.n; i++)
		if (filter_set(f, p->seccomp.deny.v[i], (struct filter_verdict){FILTER_ERRNO, 1}) <
			0)
			return err_nomem(e);
	return 0;
}

/* "3 calls are denied (bpf, mount, ...)": the first few names. */
static void add_names(struct str *s, const char *const *names, size_t n, const char *what)
{
	if (!n)
		return;
	str_addf(s, "%s%zu call%s %s (", s->len ? "; " : "", n, n == 1 ? "" : "s", what);
	for (size_t i = 0; i < n && i < SHOWN_NAMES; i++)
		str_addf(s, "%s%s", i ? ", " : "", names[i]);
	str_add(s, n > SHOWN_NAMES ? ", ...)" : ")");
}

static void sentence(struct str *s, const struct filter_change *ch, const char *profile)
{
	add_names(s, ch->denied, ch->n_denied, "the caller's filter allows are denied");
	add_names(s, ch->narrowed, ch->n_narrowed, "it allows are limited by argument");
	if (ch->arches)
		str_addf(s, "%sfewer architectures", s->len ? "; " : "");
	if (!s->len)
		str_add(s, "calls both deny fail as the profile says");
	str_addf(s, ": what both the caller's filter and %s allow", profile);
}

/* Members of the caller's object that are not rules. */
static void copy_rest(struct edit *ed, const struct json *from, struct json *to)
{
	static const char *const keys[] = {"flags", "listenerPath", "listenerMetadata"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const struct json *v = json_get(from, keys[i]);

		if (v && json_put(ed->doc, to, keys[i], json_clone(ed->doc, v)) < 0)
			ed->failed = true;
	}
}

static void narrow(struct edit *ed, const struct profile *p, struct json *object,
	const struct filter *caller, const struct filter *ours)
{
	AUTO_FILTER_CHANGE struct filter_change ch = {.changed = false};
	AUTO_FILTER struct filter met = FILTER_INIT;
	AUTO_STR struct str why = STR_INIT, vague = STR_INIT;
	struct json *result;
	struct err e;

	if (filter_meet(caller, ours, &met, &ch, &e) < 0) {
		ed->failed = true;
		return;
	}
	if (!ch.changed)
		return;
	add_names(&vague, ch.inexact, ch.n_inexact,
		"judged more strictly than both filters together, for want of a rule that says it "
		"exactly");
	sentence(&why, &ch, p->name);
	if (str_failed(&why) || str_failed(&vague)) {
		ed->failed = true;
		return;
	}
	if (ch.n_inexact)
		edit_note(ed, object, "%s", str_text(&vague));
	result = filter_write(&met, ed->doc);
	if (!result) {
		ed->failed = true;
		return;
	}
	copy_rest(ed, object, result);
	edit_replace(ed, object, result, "%s", str_text(&why));
}

/* Speculation stays mitigated. The list stays, even empty: without one crun sets the flag itself. */
static void drop_flags(struct edit *ed, const struct json *object)
{
	json_each_safe (flag, json_get(object, "flags"))
		if (json_str(flag) && strcmp(json_str(flag), "SECCOMP_FILTER_FLAG_SPEC_ALLOW") == 0)
			edit_remove(ed, flag,
				"this flag switches the mitigation of speculative store bypass "
				"off");
}

/* What a runtime takes for no filter: nothing is said (runc), or the object is absent. */
static bool says_nothing(const struct json *object)
{
	const struct json *calls = json_get(object, "syscalls");

	return !object || (!json_get(object, "defaultAction") && (!calls || !calls->first));
}

/* Our filter for a container that brings none. As a rule nothing is added to what ships, and then it
 * need not be taken apart and put together again: a start is a quarter shorter. Takes *DOC over. */
static struct json *whole_filter(
	struct edit *ed, const struct profile *p, struct json_doc **doc, struct err *e)
{
	AUTO_FILTER struct filter ours = FILTER_INIT;
	struct json *whole, *arches;

	if (p->seccomp.allow.n || p->seccomp.deny.n)
		return read_ours(p, *doc, &ours, e) < 0 ? NULL : filter_write(&ours, ed->doc);
	whole = json_adopt(ed->doc, doc);
	arches = json_array(ed->doc);
	for (const char *const *name = filter_native_arches(); *name; name++)
		if (json_push(arches, json_string(ed->doc, *name)) < 0)
			return NULL;
	return json_put(ed->doc, whole, "architectures", arches) < 0 ? NULL : whole;
}

/* A filter that cannot be read is refused; want of memory is no verdict on it. */
static void refuse(struct edit *ed, const struct json *v, const struct err *e)
{
	if (e->code == ENOMEM)
		ed->failed = true;
	else if (v)
		edit_deny(ed, v, "%s", e->msg);
	else
		edit_deny_at(ed, "/linux/seccomp", "%s", e->msg);
}

void pass_seccomp(struct edit *ed, const struct profile *p, const struct world *w)
{
	AUTO_FILTER struct filter caller = FILTER_INIT, ours = FILTER_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	struct json *object = json_at(ed->root, "/linux/seccomp");
	struct json *whole;
	struct err e = {0};

	(void)w;
	if (p->seccomp.unconfined)
		return;
	if (parse_ours(p, &doc, &e) < 0) {
		refuse(ed, NULL, &e);
		return;
	}
	if (says_nothing(object)) {
		whole = whole_filter(ed, p, &doc, &e);
		if (!whole && e.code != 0)
			refuse(ed, NULL, &e);
		else
			edit_put(ed, edit_object(ed, "/linux", "the place of the seccomp filter"),
				"seccomp", whole, "no seccomp filter: the profile's \"%s\"",
				p->seccomp.profile ? p->seccomp.profile : "default");
		return;
	}
	if (read_ours(p, doc, &ours, &e) < 0 || filter_read(object, &caller, &e) < 0) {
		refuse(ed, object, &e);
		return;
	}
	drop_flags(ed, object);
	narrow(ed, p, object, &caller, &ours);
}
