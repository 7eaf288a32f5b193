/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_podman - cinch for podman: a file of its own among those podman reads behind containers.conf.
 *
 * podman asks a runtime for messages in JSON, and shows them, only when its name is in
 * runtime_supports_json. A later file replaces that list: so it is written with all names that any file
 * has, and those podman comes with.
 */
#include "shim/ctl/enable.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/toml.h"

#define ENGINE "engine"
#define RUNTIMES ENGINE TOML_SEP "runtimes"

/* What podman's own list has had in any version; more names do no harm. */
static const char *const json_names[] = {"crun", "crun-vm", "crun-wasm", "kata", "krun", "ocijail",
	"runc", "runj", "runsc", "youki"};

static int wrong(const char *file, const struct toml_entry *v, const char *what, struct err *e)
{
	return err_set(e, ERR_INPUT, "%.200s:%u: %s", file, v->line, what);
}

static int add_name(struct strv *l, const char *name, struct err *e)
{
	if (strv_has(l, name))
		return 0;
	return strv_add(l, name) < 0 ? err_nomem(e) : 0;
}

/* Does this file speak of our names, or of what we have to say? LATER: it is read behind ours. */
static int look(const struct enable_ask *ask, const char *file, const struct toml *t, bool later,
	struct strv *names, struct err *e)
{
	const struct toml_entry *v;

	for (size_t i = 0; enable_names[i]; i++) {
		AUTO_STR struct str path = STR_INIT;

		str_addf(&path, "%s" TOML_SEP "%s", RUNTIMES, enable_names[i]);
		if (str_failed(&path))
			return err_nomem(e);
		v = toml_below(t, path.s);
		if (v)
			return wrong(
				file, v, "another runtime has this name: rename or remove it", e);
	}
	v = toml_find(t, TOML_KEY, ENGINE TOML_SEP "runtime");
	if (v && later && ask->make_default)
		return wrong(file, v,
			"this file is read behind cinch's and sets the default runtime: remove the "
			"line",
			e);
	v = toml_find(t, TOML_KEY, ENGINE TOML_SEP "runtime_supports_json");
	if (!v)
		return 0;
	if (v->type != TOML_ARRAY)
		return wrong(file, v, "expected a list of names", e);
	if (later)
		return wrong(file, v,
			"this file is read behind cinch's and replaces the list of runtimes that "
			"write JSON: add \"cinch\" and \"cinch-baseline\" to it by hand, under "
			"another file name",
			e);
	for (size_t i = 0; i < v->items.n; i++)
		if (add_name(names, v->items.v[i], e) < 0)
			return -1;
	return 0;
}

/* podman reads the files of the directory in the order of their names. */
static bool is_later(const struct enable_ask *ask, const char *file)
{
	const size_t dir = (size_t)(strrchr(ask->config, '/') - ask->config) + 1;

	return strncmp(file, ask->config, dir) == 0 && !strchr(file + dir, '/') &&
	       strcmp(file, ask->config) > 0;
}

static int look_file(
	const struct enable_ask *ask, const char *file, struct strv *names, struct err *e)
{
	struct enable_text text = {.there = false};
	AUTO_TOML struct toml t = {.v = NULL};
	int rc = enable_read(ask, file, &text, e);

	if (rc == 0 && text.there) {
		if (toml_parse(text.text, text.len, &t, e) < 0)
			rc = err_wrap(e, "%.200s", file);
		else
			rc = look(ask, file, &t, is_later(ask, file), names, e);
	}
	enable_text_done(&text);
	return rc;
}

/* containers.conf, and all that lies beside our file. */
static int look_around(const struct enable_ask *ask, struct strv *names, struct err *e)
{
	AUTO_FREE char *main_file = enable_beside(ask->config, "../containers.conf");
	AUTO_FREE char *pattern = enable_beside(ask->config, "*.conf");
	glob_t found = {0};
	int rc = 0;

	if (!main_file || !pattern)
		return err_nomem(e);
	if (look_file(ask, main_file, names, e) < 0)
		return -1;
	switch (glob(pattern, 0, NULL, &found)) {
	case 0:
		for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
			if (strcmp(found.gl_pathv[i], ask->config) != 0)
				rc = look_file(ask, found.gl_pathv[i], names, e);
		break;
	case GLOB_NOMATCH:
		break;
	default:
		rc = err_set(e, errno ? errno : EIO, "list %.200s", pattern);
	}
	globfree(&found);
	return rc;
}

static int compose(
	const struct enable_ask *ask, const struct strv *names, struct str *out, struct err *e)
{
	str_add(out,
		"# Written by \"cinchctl enable podman\", removed by \"cinchctl disable podman\".\n"
		"[engine]\n");
	if (ask->make_default)
		str_add(out, "runtime = \"" ENABLE_NAME "\"\n");
	str_add(out, "# without this podman cannot show why a container was refused\n"
		     "runtime_supports_json = [");
	for (size_t i = 0; i < names->n; i++)
		str_addf(out, "%s\"%s\"", i ? ", " : "", names->v[i]);
	str_add(out, "]\n\n[engine.runtimes]\n");
	for (size_t i = 0; enable_names[i]; i++)
		str_addf(
			out, "%s = [\"%s/%s\"]\n", enable_names[i], ask->programs, enable_names[i]);
	return str_failed(out) ? err_nomem(e) : 0;
}

static int plan(const struct enable_ask *ask, struct enable_plan *p, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	AUTO_STR struct str text = STR_INIT;

	p->file = strdup(ask->config);
	if (!p->file)
		return err_nomem(e);
	if (!strchr(p->file, '/'))
		return err_set(e, ERR_INPUT, "%.200s: expected a path", p->file);
	for (size_t i = 0; i < sizeof json_names / sizeof *json_names; i++)
		if (add_name(&names, json_names[i], e) < 0)
			return -1;
	for (size_t i = 0; enable_names[i]; i++)
		if (add_name(&names, enable_names[i], e) < 0)
			return -1;
	if (enable_read(ask, p->file, &p->before, e) < 0)
		return -1;
	if (p->before.there)
		return err_set(e, ERR_INPUT,
			"%.200s is there, and was not written by this command: move what it says "
			"to "
			"another file",
			p->file);
	if (look_around(ask, &names, e) < 0 || compose(ask, &names, &text, e) < 0)
		return -1;
	if (strv_add(&p->notes, "rootless users have a containers.conf of their own, which is read "
				"behind this one") < 0)
		return err_nomem(e);
	return splices_add(&p->splices, 0, "", 0, text.s, false, e);
}

const struct enable_engine enable_podman = {
	.name = "podman",
	.config = "/etc/containers/containers.conf.d/50-cinch.conf",
	.plan = plan,
	.check = toml_check,
};
