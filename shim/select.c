/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select - which profiles govern this container.
 */
#include "shim/select.h"

#include <string.h>

static const char by_default[] = "restricted";
static const char annotation[] = "io.cinch.profile";
static const char prefix[] = "cinch-";

void select_done(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		profile_free(s->p[i]);
	s->n = 0;
}

/* "/usr/sbin/cinch-web" names "web"; "cinch" names nothing. */
static const char *from_program(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *base = slash ? slash + 1 : program;

	return base && str_starts(base, prefix) ? base + strlen(prefix) : NULL;
}

static int add(struct selection *s, const char *name, const char *who, struct err *e)
{
	if (profile_builtin(name, &s->p[s->n], e) < 0)
		return err_wrap(e, "profile \"%s\" named by %s", name, who);
	s->n++;
	return 0;
}

/* The annotation's value; NULL when there is none. An empty one is an error, not an absence. */
static const char *from_annotation(const struct json_doc *doc)
{
	const struct json *v = json_member(json_get(json_root(doc), "annotations"), annotation);

	if (!v)
		return NULL;
	return json_str(v) ? json_str(v) : "";
}

int select_profiles(const char *wanted, const char *program, const struct json_doc *doc,
	struct selection *out, struct err *e)
{
	const char *named = from_program(program), *more = from_annotation(doc);
	AUTO_SELECTION struct selection s = {.n = 0};
	int rc;

	if (wanted && named && strcmp(wanted, named) != 0)
		return err_set(e, ERR_INPUT,
			"--cinch-profile says \"%s\" and the program's name says \"%s\": use one "
			"of them",
			wanted, named);
	if (wanted)
		rc = add(&s, wanted, "--cinch-profile", e);
	else if (named)
		rc = add(&s, named, "the program's name", e);
	else
		rc = add(&s, by_default, "default", e);
	if (rc == 0 && more)
		rc = add(&s, more, "annotation io.cinch.profile", e);
	if (rc < 0)
		return -1;
	*out = s;
	s.n = 0;
	return 0;
}
