/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select - which profiles govern this container.
 */
#include "shim/select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char annotation[] = "io.cinch.profile";
static const char prefix[] = "cinch-";

void select_done(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		profile_free(s->p[i]);
	free(s->denied.digest);
	free(s->denied.reason);
	free(s->denied.cves);
	*s = (struct selection){.n = 0};
}

bool select_audits(const struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->p[i]->mode == PROFILE_ENFORCE)
			return false;
	return true;
}

void select_relax(const struct applied *a, struct profile *const *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i]->mode == PROFILE_ENFORCE)
			p[i]->mode = a->settings.mode;
}

/* "/usr/sbin/cinch-web" names "web"; "cinch" names nothing. */
static const char *from_program(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *base = slash ? slash + 1 : program;

	return base && str_starts(base, prefix) ? base + strlen(prefix) : NULL;
}

/* The annotation's value; NULL when there is none. An empty one is an error, not an absence. */
static const char *from_annotation(const struct json_doc *doc)
{
	const struct json *v = json_member(json_get(json_root(doc), "annotations"), annotation);

	if (!v)
		return NULL;
	return json_str(v) ? json_str(v) : "";
}

static int add(const struct applied *a, const char *name, const char *who, struct selection *s,
	struct err *e)
{
	if (applied_profile(a, name, &s->p[s->n], e) < 0)
		return err_wrap(e, "profile \"%.64s\" named by %s", name, who);
	s->n++;
	return 0;
}

static int damaged(struct err *e)
{
	if (e->code != ENOMEM)
		e->code = EBADMSG; /* it was valid when it was applied */
	return -1;
}

/* *NAME is the first rule's that matches, or the default. */
static int by_rule(const struct applied *a, const struct engine *engine, struct selection *s,
	const char **name, struct err *e)
{
	const struct rules_facts facts = engine_facts(engine);

	if (a->policy && policy_select(a->policy, &facts, name, &s->rule, e) < 0)
		return damaged(e);
	if (*name) {
		snprintf(s->how, sizeof s->how, "rule cinch.json:%u", s->rule);
		return 0;
	}
	s->rule = 0;
	*name = a->settings.default_profile;
	snprintf(s->how, sizeof s->how, "default");
	return 0;
}

static int add_base(
	const struct applied *a, const struct select_ask *ask, struct selection *s, struct err *e)
{
	const char *named = from_program(ask->program), *name = ask->wanted;

	if (name && named && strcmp(name, named) != 0)
		return err_set(e, ERR_INPUT,
			"--cinch-profile says \"%.64s\" and the program's name says \"%.64s\": use "
			"one of them",
			name, named);
	if (name || named)
		snprintf(s->how, sizeof s->how, "%s", name ? "--cinch-profile" : "program name");
	if (!name)
		name = named;
	if (!name && by_rule(a, ask->engine, s, &name, e) < 0)
		return -1;
	return add(a, name, s->how, s, e);
}

static int add_annotated(
	const struct applied *a, const struct select_ask *ask, struct selection *s, struct err *e)
{
	const char *name = from_annotation(ask->doc);

	if (!name)
		return 0;
	if (a->settings.annotations.profile)
		return add(a, name, "annotation io.cinch.profile", s, e);
	return err_set(e, ERR_DENIED,
		"annotation io.cinch.profile names profile \"%.64s\", and this node lets no "
		"container choose: remove the annotation, or set annotations.profile in "
		"cinch.json",
		name);
}

/* What the node denies, by either of the image's digests. */
static int ask_denied(
	const struct applied *a, const struct image *image, struct selection *s, struct err *e)
{
	const char *const digests[] = {image->digest, image->id};

	for (size_t i = 0; a->policy && i < 2 && !s->denied.digest; i++)
		if (digests[i] && policy_denied(a->policy, digests[i], &s->denied, e) < 0)
			return damaged(e);
	return 0;
}

static int ask_policy(
	const struct applied *a, const struct select_ask *ask, struct selection *s, struct err *e)
{
	if (add_base(a, ask, s, e) < 0 || ask_denied(a, &ask->engine->image, s, e) < 0)
		return -1;
	if (add_annotated(a, ask, s, e) < 0) {
		if (a->settings.mode == PROFILE_ENFORCE || e->code == ENOMEM || e->code == EBADMSG)
			return -1;
		s->annotation = *e;
		e->code = 0;
	}
	select_relax(a, s->p, s->n);
	return 0;
}

int select_profiles(
	struct applied *a, const struct select_ask *ask, struct selection *out, struct err *e)
{
	/* current, previous, built-in; the last cannot be damaged */
	for (;;) {
		AUTO_SELECTION struct selection s = {.n = 0};

		if (ask_policy(a, ask, &s, e) == 0) {
			*out = s;
			s = (struct selection){.n = 0};
			return 0;
		}
		if (e->code != EBADMSG || a->from == APPLIED_BUILTIN ||
			store_fall(ask->store, a, e, e) < 0)
			return -1;
	}
}
