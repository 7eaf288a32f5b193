/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_exec - has an exec's process more than was asked for, or than the profile gives?
 */
#include "tests/ratchet_exec.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/capset.h"
#include "tests/ratchet.h"

enum runtime { RUNC, CRUN };

static const char *const runtimes[] = {[RUNC] = "runc", [CRUN] = "crun"};
static const char *const labels[] = {"apparmorProfile", "selinuxLabel"};

static bool is_path(const struct json *v)
{
	return json_str(v) && strncmp(json_str(v), "PATH=", 5) == 0;
}

static struct json *copy(struct json_doc *doc, const struct json *v)
{
	struct json *c = json_clone(doc, v);

	if (!c)
		abort();
	return c;
}

/* The process as RUNTIME starts it, without what is judged by itself: labels and PATH. */
static struct json_doc *started(
	const struct json *process, const struct json *own, enum runtime runtime)
{
	struct json_doc *doc = json_new();
	struct json *root = json_object(doc), *p = copy(doc, process);
	const struct json *limits = json_get(p, "rlimits"), *mine = json_get(own, "rlimits");

	if (!json_get(p, "capabilities") && json_get(own, "capabilities"))
		json_put(doc, p, "capabilities", copy(doc, json_get(own, "capabilities")));
	if (runtime == RUNC && mine && (!limits || !limits->first))
		json_put(doc, p, "rlimits", copy(doc, mine));
	for (size_t i = 0; i < 2; i++)
		if (json_member(p, labels[i]))
			json_remove(json_member(p, labels[i]));
	json_each_safe (v, json_get(p, "env"))
		if (is_path(v))
			json_remove(v);
	if (json_put(doc, root, "process", p) < 0)
		abort();
	json_set_root(doc, root);
	return doc;
}

/* What RUNTIME sets; "": nothing. */
static const char *label(
	const struct json *process, const struct json *own, const char *key, enum runtime runtime)
{
	const char *asked = json_str(json_get(process, key)), *mine = json_str(json_get(own, key));

	if (asked && (*asked || runtime == CRUN))
		return asked;
	return mine ? mine : "";
}

static bool confines(const char *text)
{
	static const char *const types[] = {
		"spc_t", "unconfined_t", "unconfined_service_t", "container_runtime_t", NULL};
	AUTO_STR struct str padded = STR_INIT, type = STR_INIT;

	str_addf(&padded, ":%s:", text);
	for (const char *const *t = types; *t; t++) {
		str_reset(&type);
		str_addf(&type, ":%s:", *t);
		if (strstr(str_text(&padded), str_text(&type)))
			return false;
	}
	return *text && strcmp(text, "unconfined") != 0 && !str_ends(text, "/unconfined") &&
	       !str_ends(text, ":unconfined");
}

static void judge_labels(const struct json *own, const struct json *in, const struct json *out,
	enum runtime runtime, struct strv *bad)
{
	for (size_t i = 0; i < 2; i++) {
		const char *mine = json_str(json_get(own, labels[i]));
		const char *asked = label(in, own, labels[i], runtime);
		const char *is = label(out, own, labels[i], runtime);
		bool strict = mine && confines(mine);

		if (strict ? strcmp(is, mine) != 0 : confines(asked) && strcmp(is, asked) != 0)
			ratchet_bad(bad,
				"%s: %s runs as \"%s\", asked for \"%s\", the container "
				"has \"%s\"",
				labels[i], runtimes[runtime], is, asked, mine ? mine : "");
	}
}

/* PATH is what was asked for, or the container's. */
static void judge_path(
	const struct json *own, const struct json *in, const struct json *out, struct strv *bad)
{
	const char *mine = json_str(json_get(own, "path"));

	json_each (v, json_get(out, "env"))
		if (is_path(v) && !ratchet_has(json_get(in, "env"), v) &&
			(!mine || strcmp(json_str(v) + 5, mine) != 0))
			ratchet_bad(bad, "env: a PATH nobody gave");
}

void ratchet_exec(
	const struct json *own, const struct json *in, const struct json *out, struct strv *bad)
{
	for (int r = RUNC; r <= CRUN; r++) {
		AUTO_JSON struct json_doc *was = started(in, own, (enum runtime)r);
		AUTO_JSON struct json_doc *is = started(out, own, (enum runtime)r);

		ratchet(json_root(was), json_root(is), bad);
		judge_labels(own, in, out, (enum runtime)r, bad);
	}
	judge_path(own, in, out, bad);
	/* the container's own, which may be a worse one */
	if (!json_get(in, "oomScoreAdj") && json_get(out, "oomScoreAdj"))
		ratchet_bad(bad, "oomScoreAdj: put in");
}

/* ---- the profile ---- */

static void bound_capabilities(
	const struct json *own, const struct json *out, const struct profile *p, struct strv *bad)
{
	const struct json *caps = json_get(out, "capabilities");

	json_each (set, caps ? caps : json_get(own, "capabilities"))
		json_each (v, set) {
			int n = json_str(v) ? capset_number(json_str(v)) : -1;
			uint64_t bit = n < 0 ? 0 : UINT64_C(1) << n;

			if (!(p->exec.capabilities & bit) || !(p->capabilities & bit))
				ratchet_bad(bad, "%s holds %s", set->key, json_str(v));
			if (strcmp(set->key, "inheritable") == 0 ||
				strcmp(set->key, "ambient") == 0)
				ratchet_bad(bad, "%s is not empty", set->key);
		}
}

static uint64_t number(const struct json *v, uint64_t absent)
{
	uint64_t n = absent;

	json_u64(v, UINT64_MAX, &n);
	return n;
}

static void bound_user(const struct json *out, const struct profile *p, struct strv *bad)
{
	const struct json *user = json_get(out, "user");

	if (p->user.root == ROOT_ALLOW)
		return;
	if (number(json_get(user, "uid"), 0) == 0 || number(json_get(user, "gid"), 0) == 0)
		ratchet_bad(bad, "runs as root");
	json_each (g, json_get(user, "additionalGids"))
		if (number(g, 1) == 0)
			ratchet_bad(bad, "is in group 0");
}

static void bound_rlimits(const struct json *out, const struct profile *p, struct strv *bad)
{
	const struct json *list = json_get(out, "rlimits");

	for (size_t i = 0; i < p->resources.n_rlimits; i++) {
		const struct rlimit_ceiling *c = &p->resources.rlimits[i];
		bool found = false;

		json_each (v, list) {
			if (!json_str(json_get(v, "type")) ||
				strcmp(json_str(json_get(v, "type")), c->type) != 0)
				continue;
			found = true;
			if (number(json_get(v, "hard"), 0) > c->max ||
				number(json_get(v, "soft"), 0) > c->max)
				ratchet_bad(bad, "%s is above %ju", c->type, (uintmax_t)c->max);
		}
		/* crun sets what is in the list and nothing else */
		if (!found)
			ratchet_bad(bad, "%s has no limit", c->type);
	}
}

/* ---- the command ---- */

/* "**": anything, "*": anything without "/", "?": one byte but "/". */
static bool like(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (strncmp(pattern, "**", 2) == 0)
		return like(pattern + 2, text) || (*text && like(pattern, text + 1));
	if (*pattern == '*')
		return like(pattern + 1, text) ||
		       (*text && *text != '/' && like(pattern, text + 1));
	if (!*text || (*pattern == '?' ? *text == '/' : *pattern != *text))
		return false;
	return like(pattern + 1, text + 1);
}

/* Words of PATTERN against ARGS; DENY: fewer words are enough, and a bare name is the file's name. */
static bool fits(const char *pattern, const struct json *args, bool deny)
{
	char words[256];
	const struct json *arg = args ? args->first : NULL;
	bool first = true;

	snprintf(words, sizeof words, "%s", pattern);
	for (char *save = NULL, *w = strtok_r(words, " ", &save); w;
		w = strtok_r(NULL, " ", &save), first = false) {
		const char *text = json_str(arg), *slash = text ? strrchr(text, '/') : NULL;

		if (strcmp(w, "**") == 0 && !*save)
			return true;
		if (!text)
			return false;
		if (!like(w, text) &&
			!(deny && first && slash && !strchr(w, '/') && like(w, slash + 1)))
			return false;
		arg = arg->next;
	}
	return deny || !arg;
}

static bool fits_any(const struct strv *patterns, const struct json *args, bool deny)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (fits(patterns->v[i], args, deny))
			return true;
	return false;
}

/* Absolute, no component empty, "." or "..", no slash at the end. */
static bool canonical(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	return *path == '/' && !strstr(path, "//") && !strstr(path, "/./") &&
	       !strstr(path, "/../") && !str_ends(path, "/.") && !str_ends(path, "/..") &&
	       !str_ends(path, "/");
}

static void bound_command(
	const struct json *own, const struct json *out, const struct profile *p, struct strv *bad)
{
	const struct json *args = json_get(out, "args"), *env = json_get(out, "env");
	const char *program = json_str(json_item(args, 0));
	const char *mine = json_str(json_get(own, "path"));
	size_t paths = 0;

	if (fits_any(&p->exec.deny_commands, args, true))
		ratchet_bad(bad, "args: a denied command");
	if (!p->exec.allow_commands.n)
		return;
	if (!fits_any(&p->exec.allow_commands, args, false))
		ratchet_bad(bad, "args: a command that is not allowed");
	if (program && strchr(program, '/') && !canonical(program))
		ratchet_bad(bad, "args: %s may be another file", program);
	if (!program || strchr(program, '/') || !env || !env->first)
		return;
	json_each (v, env) {
		paths += is_path(v);
		if (is_path(v) && (!mine || strcmp(json_str(v) + 5, mine) != 0))
			ratchet_bad(bad, "env: another PATH than the container's");
	}
	if (paths > 1 || (mine && !paths))
		ratchet_bad(bad, "env: %zu times PATH", paths);
}

static void bound_cwd(const struct json *out, const struct world *w, struct strv *bad)
{
	const char *cwd = json_str(json_get(out, "cwd"));
	struct world_entry entry;
	struct err e = {0};
	char plain[WORLD_PATH_MAX];

	if (!cwd || !*cwd)
		return;
	snprintf(plain, sizeof plain, "%s", cwd);
	if (plain[1] && str_ends(plain, "/"))
		plain[strlen(plain) - 1] = '\0';
	if (!canonical(plain) || w->rootfs_entry(w->arg, cwd, &entry, &e) < 0 ||
		strncmp(entry.real, "/proc/", 6) == 0 || strcmp(entry.real, "/proc") == 0 ||
		strncmp(entry.real, "/dev/fd/", 8) == 0)
		ratchet_bad(bad, "cwd is %s", cwd);
}

void ceiling_exec(const struct json *own, const struct json *out, const struct profile *p,
	const struct world *w, struct strv *bad)
{
	if (!p->exec.allow)
		ratchet_bad(bad, "no exec is allowed");
	if (!p->exec.terminal && json_is_true(json_get(out, "terminal")))
		ratchet_bad(bad, "a terminal");
	if (p->no_new_privileges && !json_is_true(json_get(out, "noNewPrivileges")))
		ratchet_bad(bad, "may gain privileges");
	json_each (v, json_get(out, "env")) {
		AUTO_STR struct str name = STR_INIT;

		str_addn(&name, json_str(v), strcspn(json_str(v), "="));
		for (size_t i = 0; i < p->env.deny.n; i++)
			if (like(p->env.deny.v[i], str_text(&name)))
				ratchet_bad(bad, "environment has %s", str_text(&name));
	}
	bound_capabilities(own, out, p, bad);
	bound_user(out, p, bad);
	bound_rlimits(out, p, bad);
	bound_command(own, out, p, bad);
	bound_cwd(out, w, bad);
	for (size_t i = 0; i < 2; i++) {
		const char *asked = json_str(json_get(out, labels[i]));

		if (asked && !confines(asked))
			ratchet_bad(bad, "%s: \"%s\" confines nothing", labels[i], asked);
	}
}
