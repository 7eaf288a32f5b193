/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_hooks - only allowed, root-owned programs outside the rootfs.
 *
 * A hook runs as root on the host. The program is judged by where it really is: Docker names its own
 * "/proc/N/exe", and any process has such a name. One that is not allowed refuses the container and is not removed:
 * without Docker's prestart hook a container runs with no network and nobody is told.
 *
 * dockerd is two programs: called as "libnetwork-setkey" it hands a namespace to the daemon that runs, by
 * any other name it is a daemon, with options of whoever wrote the hook, as root on the host. Profiles
 * allow it for the former.
 */
#include "shim/pass.h"

#include <stdio.h>
#include <string.h>

#include "shim/base/path.h"

enum { DOCKER_ID_MAX = 128 };

/* Loaders and shells run code that these name before the hook's own first line. */
static const char *const loader_names[] = {"LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "BASH_ENV",
	"ENV", "PYTHON*", "PERL5*", "RUBY*", "NODE_OPTIONS", NULL};

static const struct {
	const char *kind;
	bool in_container; /* runs among the container's mounts, with its environment if it has none */
} kinds[] = {
	{"prestart", false},
	{"createRuntime", false},
	{"createContainer", true},
	{"startContainer", true},
	{"poststart", false},
	{"poststop", false},
};

static bool is_id(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= DOCKER_ID_MAX &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == len;
}

/* "libnetwork-setkey [-exec-root=DIRECTORY] ID ID": of the container or build step, and of the daemon's
 * network controller; without the option up to Docker 18.06. */
static bool is_setkey(const struct json *args)
{
	static const char option[] = "-exec-root=";
	const char *word = json_str(json_item(args, 0));
	size_t at = 1;

	if (!word || strcmp(word, "libnetwork-setkey") != 0)
		return false;
	word = json_str(json_item(args, at));
	if (word && str_starts(word, option)) {
		word += strlen(option);
		if (*word != '/' || !path_plain(word))
			return false;
		at++;
	}
	return args->count == at + 2 && is_id(json_str(json_item(args, at))) &&
	       is_id(json_str(json_item(args, at + 1)));
}

static void judge_dockerd(struct edit *ed, const struct json *hook, const char *real)
{
	const struct json *args = json_get(hook, "args");

	if (str_ends(real, "/dockerd") && !is_setkey(args))
		edit_deny(ed, args ? args : hook,
			"the hook %s is allowed as Docker calls it, libnetwork-setkey, and with no "
			"other arguments",
			real);
}

static void judge_path(
	struct edit *ed, const struct profile *p, const struct world *w, const struct json *hook)
{
	const struct json *v = json_get(hook, "path");
	const char *path = json_str(v);
	struct world_hook what;
	struct err e = {0};

	if (!path || *path != '/' || !path_plain(path))
		edit_deny(ed, v ? v : hook, "a hook needs an absolute, canonical path, not \"%s\"",
			path ? path : "");
	else if (w->hook_ok(w->arg, path, &what, &e) < 0)
		edit_deny(ed, v, "the hook %s cannot be looked at: %s", path, e.msg);
	else if (!strv_glob(&p->hooks, what.real))
		edit_deny(ed, v,
			"the hook %s is not allowed; when it is to be trusted with root on the "
			"host, add it to hooks.allow of the profile",
			what.real);
	else if (!what.ok)
		edit_deny(ed, v,
			"the hook %s must be a regular file owned by root, not writable by others "
			"and outside the container's root",
			path);
	else
		judge_dockerd(ed, hook, what.real);
}

static void judge_environment(struct edit *ed, const struct json *hook, bool in_container)
{
	const struct json *env = json_get(hook, "env");

	if (in_container && (!env || env->count == 0))
		edit_deny(ed, hook,
			"a hook of this kind without env inherits the container's, LD_PRELOAD "
			"included (CVE-2025-23266); give it a non-empty env");
	json_each (v, env) {
		const char *text = json_str(v);
		char name[64];

		snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
		for (const char *const *l = loader_names; *l; l++) {
			if (str_glob(*l, name))
				edit_deny(
					ed, v, "a variable %s can run other code in the hook", *l);
		}
	}
}

void pass_hooks(struct edit *ed, const struct profile *p, const struct world *w)
{
	const struct json *hooks = json_get(ed->root, "hooks");

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		json_each (hook, json_get(hooks, kinds[i].kind)) {
			judge_path(ed, p, w, hook);
			judge_environment(ed, hook, kinds[i].in_container);
		}
	}
}
