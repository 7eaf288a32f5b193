/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_of - the runtime that keeps a container, where that is not the one the policy names.
 */
#include "shim/runtime_of.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim/runtime.h"
#include "shim/state.h"

enum { WORDS_MAX = 16 }; /* looked at for an id */

enum family { RUNC, CRUN };

static const char *const programs[] = {[RUNC] = "runc", [CRUN] = "crun"};
static const char *const files[] = {[RUNC] = "state.json", [CRUN] = "status"};

static enum family family_of(const char *runtime)
{
	return runtime_is_crun(runtime) ? CRUN : RUNC;
}

/* Runtimes of family F keep the container ID; ROOT is where. */
static bool keeps(enum family f, const char *given, const char *id, char root[PATH_MAX])
{
	char path[PATH_MAX + ARGS_ID_MAX + 16];
	struct err why;

	if (state_root(programs[f], given, root, &why) < 0)
		return false;
	snprintf(path, sizeof path, "%s/%s/%s", root, id, files[f]);
	return access(path, F_OK) == 0;
}

static bool recorded(const char *root, const char *id, enum family f, char out[PATH_MAX])
{
	AUTO_JSON struct json_doc *doc = NULL;
	char dir[PATH_MAX];
	struct err why;
	const char *runtime;

	if (state_dir(dir, &why) < 0 || state_read(dir, root, id, &doc, &why) < 0 || !doc)
		return false;
	runtime = json_str(json_get(json_root(doc), "runtime"));
	if (!runtime || family_of(runtime) != f || strlen(runtime) >= PATH_MAX)
		return false;
	memcpy(out, runtime, strlen(runtime) + 1);
	return true;
}

static bool of_other(const struct args *a, const char *id, enum family own, char out[PATH_MAX])
{
	const enum family other = own == RUNC ? CRUN : RUNC;
	const char *given = args_value(a, ARG_ROOT);
	char root[PATH_MAX];
	struct err why;

	if (args_id_ok(id, &why) < 0 || keeps(own, given, id, root))
		return false;
	return keeps(other, given, id, root) && recorded(root, id, other, out);
}

bool runtime_of(const struct args *a, const char *runtime, char out[PATH_MAX])
{
	const enum family own = family_of(runtime);
	size_t i = 0;

	if (a->help || a->verb == VERB_CREATE || a->verb == VERB_RUN || a->verb == VERB_RESTORE ||
		!a->verb_name)
		return false;
	if (a->verb != VERB_PASS)
		return of_other(a, a->id, own, out);
	while (i < a->n_pass && a->pass[i] != a->verb_name)
		i++;
	/* which of the words behind the verb is the id is the runtime's to know: the one that is kept */
	for (size_t n = 0; ++i < a->n_pass && n < WORDS_MAX; n++)
		if (a->pass[i][0] != '-' && of_other(a, a->pass[i], own, out))
			return true;
	return false;
}
