/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running - the part of a profile that a container is held to while it runs, as a small profile of its own.
 */
#include "profiles/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/capset.h"
#include "profiles/section.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"

/* Those whose line a message about exec or update may name. */
static const enum control spoken_of[] = {CONTROL_CAPABILITIES, CONTROL_USER,
	CONTROL_NO_NEW_PRIVILEGES, CONTROL_RESOURCES, CONTROL_ENV, CONTROL_EXEC, CONTROL_FLAGS};

/* ---- writing ---- */

static struct json *strings_json(struct json_doc *doc, const struct strv *l)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++)
		if (json_push(list, json_string(doc, l->v[i])) < 0)
			return NULL;
	return list;
}

static struct json *capabilities_json(struct json_doc *doc, uint64_t set)
{
	struct json *list = json_array(doc);
	const char *name;

	for (int n = 0; (name = capset_name(n)); n++)
		if ((set & ((uint64_t)1 << n)) && json_push(list, json_string(doc, name)) < 0)
			return NULL;
	return list;
}

static struct json *audit_json(struct json_doc *doc, unsigned set)
{
	struct json *list = json_array(doc);

	for (int c = 0; c < CONTROL_COUNT; c++)
		if ((set & (1u << c)) &&
			json_push(list, json_string(doc, control_name((enum control)c))) < 0)
			return NULL;
	return list;
}

static struct json *user_json(struct json_doc *doc, const struct profile *p)
{
	static const char *const roots[] = {
		[ROOT_DENY] = "deny", [ROOT_REMAP] = "remap", [ROOT_ALLOW] = "allow"};
	struct json *o = json_object(doc), *groups = json_array(doc);

	for (size_t i = 0; i < p->user.n_groups; i++)
		if (json_push(groups, json_uint(doc, p->user.groups[i])) < 0)
			return NULL;
	if (json_put(doc, o, "root", json_string(doc, roots[p->user.root])) < 0 ||
		json_put(doc, o, "uid", json_uint(doc, p->user.uid)) < 0 ||
		json_put(doc, o, "gid", json_uint(doc, p->user.gid)) < 0 ||
		json_put(doc, o, "groups", groups) < 0)
		return NULL;
	return o;
}

static struct json *resources_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc), *limits = json_object(doc);

	for (size_t i = 0; i < p->resources.n_rlimits; i++)
		if (json_put(doc, limits, p->resources.rlimits[i].type,
			    json_uint(doc, p->resources.rlimits[i].max)) < 0)
			return NULL;
	if ((p->resources.pids >= 0 &&
		    json_put(doc, o, "pids", json_int(doc, p->resources.pids)) < 0) ||
		(p->resources.memory >= 0 &&
			json_put(doc, o, "memory", json_int(doc, p->resources.memory)) < 0) ||
		json_put(doc, o, "rlimits", limits) < 0)
		return NULL;
	return o;
}

static struct json *env_json(struct json_doc *doc, const struct profile *p)
{
	static const char *const secrets[] = {
		[SECRETS_IGNORE] = "ignore", [SECRETS_WARN] = "warn", [SECRETS_DENY] = "deny"};
	struct json *o = json_object(doc);

	if (json_put(doc, o, "deny", strings_json(doc, &p->env.deny)) < 0 ||
		json_put(doc, o, "secrets", json_string(doc, secrets[p->env.secrets])) < 0)
		return NULL;
	return o;
}

static int put_commands(struct json_doc *doc, struct json *exec, const struct profile *p)
{
	struct json *o = json_object(doc);

	if (!p->exec.allow_commands.n && !p->exec.deny_commands.n)
		return 0;
	if (json_put(doc, o, "allow", strings_json(doc, &p->exec.allow_commands)) < 0 ||
		json_put(doc, o, "deny", strings_json(doc, &p->exec.deny_commands)) < 0)
		return -1;
	return json_put(doc, exec, "commands", o);
}

static struct json *exec_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "allow", json_bool(doc, p->exec.allow)) < 0 ||
		json_put(doc, o, "capabilities", capabilities_json(doc, p->exec.capabilities)) <
			0 ||
		json_put(doc, o, "terminal", json_bool(doc, p->exec.terminal)) < 0 ||
		put_commands(doc, o, p) < 0)
		return NULL;
	return o;
}

static int put_flags(struct json_doc *doc, struct json *to, const struct profile *p)
{
	struct json *o = json_object(doc), *allow = json_array(doc);

	if (!p->flags.allow && !p->flags.preserve_fds)
		return 0;
	for (int f = 0; f < FLAG_COUNT; f++)
		if ((p->flags.allow & (1u << f)) &&
			json_push(allow,
				json_string(doc, profile_flag_name((enum profile_flag)f))) < 0)
			return -1;
	if (json_put(doc, o, "allow", allow) < 0 ||
		json_put(doc, o, "preserveFds", json_uint(doc, p->flags.preserve_fds)) < 0)
		return -1;
	return json_put(doc, to, "flags", o);
}

/* Also when none is known: lines that are not said would be counted in the text. */
static struct json *lines_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc);

	for (size_t i = 0; i < sizeof spoken_of / sizeof *spoken_of; i++) {
		enum control c = spoken_of[i];
		char place[96]; /* a name has at most 64 bytes */

		if (!p->line[c])
			continue;
		snprintf(place, sizeof place, "%.64s:%u", p->said_by[c] ? p->said_by[c] : p->name,
			p->line[c]);
		if (json_put(doc, o, control_name(c), json_string(doc, place)) < 0)
			return NULL;
	}
	return o;
}

struct json *running_profile(const struct profile *p, struct json_doc *doc)
{
	static const char *const modes[] = {[PROFILE_ENFORCE] = "enforce",
		[PROFILE_AUDIT] = "audit",
		[PROFILE_LEARN] = "learn"};
	struct json *o = json_object(doc);

	if (json_put(doc, o, "profile", json_string(doc, p->name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, p->version ? p->version : "0")) < 0 ||
		json_put(doc, o, "mode", json_string(doc, modes[p->mode])) < 0 ||
		(p->audit && json_put(doc, o, "audit", audit_json(doc, p->audit)) < 0) ||
		json_put(doc, o, "capabilities", capabilities_json(doc, p->capabilities)) < 0 ||
		json_put(doc, o, "user", user_json(doc, p)) < 0 ||
		json_put(doc, o, "noNewPrivileges", json_bool(doc, p->no_new_privileges)) < 0 ||
		json_put(doc, o, "resources", resources_json(doc, p)) < 0 ||
		json_put(doc, o, "env", env_json(doc, p)) < 0 ||
		json_put(doc, o, "exec", exec_json(doc, p)) < 0 || put_flags(doc, o, p) < 0 ||
		json_put(doc, o, "lines", lines_json(doc, p)) < 0)
		return NULL;
	return o;
}

/* ---- reading ---- */

int running_parse(const struct json_doc *doc, const struct json *v, const char *digest,
	struct profile **out, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;
	struct reader r = {.name = "the state record", .doc = doc, .e = e};

	if (profile_read(&r, v, &p) < 0)
		return -1;
	for (int c = 0; c < CONTROL_COUNT; c++)
		if (p->said_by[c] && strcmp(p->said_by[c], p->name) == 0) {
			free(p->said_by[c]);
			p->said_by[c] = NULL;
		}
	if (digest && hash_is_hex(digest))
		memcpy(p->digest, digest, sizeof p->digest);
	*out = take_ptr(&p);
	return 0;
}
