/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what is wrong with a profile although every value by itself is right.
 */
#include "profiles/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/capset.h"
#include "profiles/network.h"
#include "profiles/node_select.h"
#include "profiles/sysctl.h"
#include "profiles/sysset.h"
#include "shim/base/cleanup.h"
#include "shim/base/path.h"

/* What is being judged. */
struct check {
	struct extend_result *x;
	struct reader *r;
	const struct json *root;
	const struct profile *p;
};

/* ---- entries of lists ---- */

static int check_call(struct reader *r, const struct json *v)
{
	AUTO_FREE char *near = NULL;

	if (sysset_known(v->text))
		return 0;
	near = sysset_nearest(v->text);
	return reader_fail(r, v, "unknown system call \"%.64s\"%s%s%s", v->text,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int check_sysctl(struct reader *r, const struct json *v)
{
	const char *near;

	if (!sysctl_glob_ok(v->text))
		return reader_fail(r, v,
			"sysctl \"%.64s\": expected letters, digits, _ and - with dots between, as "
			"in "
			"\"net.ipv4.ip_forward\"; * and ? stand for others",
			v->text);
	near = sysctl_misspelled(v->text);
	if (near)
		return reader_fail(
			r, v, "unknown sysctl \"%.64s\", did you mean \"%s\"?", v->text, near);
	if (!sysctl_grantable(v->text))
		return reader_fail(r, v,
			"the sysctl \"%.64s\" is the host's: a container may have net.*, "
			"fs.mqueue.*, "
			"and of kernel.* msgmax, msgmnb, msgmni, sem, shmall, shmmax, shmmni, "
			"shm_rmid_forced, hostname and domainname",
			v->text);
	return 0;
}

static int check_env(struct reader *r, const struct json *v)
{
	if (strchr(v->text, '='))
		return reader_fail(r, v, "\"%.64s\": a variable's name has no \"=\"", v->text);
	return 0;
}

/* "registry.example.com/team/app" with wildcards; tags and digests are no part of it. */
static int check_registry(struct reader *r, const struct json *v)
{
	const char *path = strchr(v->text, '/');

	if (strstr(v->text, "://"))
		return reader_fail(r, v, "\"%.64s\": without the \"%.*s\"", v->text,
			(int)(strstr(v->text, "://") - v->text + 3), v->text);
	if (strchr(v->text, '@') || (path && strchr(path, ':')))
		return reader_fail(r, v,
			"\"%.64s\": a registry and repository, without tag and digest", v->text);
	return node_image_pattern(r, v);
}

static const struct {
	const char *at;
	int (*check)(struct reader *r, const struct json *v);
} lists[] = {
	{"/seccomp/deny", check_call},
	{"/seccomp/allow", check_call},
	{"/sysctl", check_sysctl},
	{"/env/deny", check_env},
	{"/image/registries", check_registry},
};

static int check_lists(const struct check *c)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		json_each (v, json_at(c->root, lists[i].at))
			if (lists[i].check(c->r, v) < 0)
				return -1;
	return 0;
}

/* ---- what undoes something else ---- */

/* How late V was said. */
static size_t rank(const struct check *c, const struct json *v)
{
	const struct extend_place *p = extend_place(c->x, v);

	return p ? p->rank : 0;
}

static const struct json *later(const struct check *c, const struct json *a, const struct json *b)
{
	return rank(c, a) >= rank(c, b) ? a : b;
}

/* Fail where CONTROL was spoken of last. */
static int fail_control(const struct check *c, enum control control, const char *what)
{
	const struct extend_place *p = &c->x->controls[control];
	struct reader r = {.name = p->from->file, .doc = p->from->doc, .e = c->r->e};

	return reader_fail_key(&r, p->said, "%s", what);
}

static const struct json *find_equal(const struct json *list, const struct json *v)
{
	json_each (item, list)
		if (json_equal(item, v))
			return item;
	return NULL;
}

/* No entry of the list at WIDE stands in the one at STRICT, which is the later one's right to say. */
static int apart(const struct check *c, const char *wide, const char *strict, const char *why)
{
	const struct json *other = json_at(c->root, strict);

	json_each_safe (v, json_at(c->root, wide)) {
		const struct json *same = find_equal(other, v);

		if (!same)
			continue;
		if (rank(c, same) <= rank(c, v))
			return reader_fail(c->r, v, "\"%.64s\" stands in \"%s\", too: %s", v->text,
				strrchr(strict, '/') + 1, why);
		json_remove(v);
	}
	return 0;
}

static int check_exec(const struct check *c)
{
	size_t said = c->x->controls[CONTROL_CAPABILITIES].rank;

	json_each_safe (v, json_at(c->root, "/exec/capabilities")) {
		if (c->p->capabilities & (uint64_t)1 << capset_number(v->text))
			continue;
		if (rank(c, v) >= said)
			return reader_fail(c->r, v,
				"exec cannot have %s: it is not among the profile's capabilities",
				v->text);
		json_remove(v);
	}
	return 0;
}

/* What is denied wins anyway, so the parent's entry may stay; and has to: no command listed means any. */
static int check_commands(const struct check *c)
{
	static const char any[] = "an empty list would allow any command: leave \"allow\" out of "
				  "\"commands\" or write [\"**\"] if that is what is meant, and "
				  "\"allow\": false of \"exec\" for none";
	const struct json *list = json_at(c->root, "/exec/commands/allow");
	const struct extend_place *p = list ? extend_place(c->x, list) : NULL;

	if (list && !list->first)
		return p && p->said->type == JSON_ARRAY && !p->said->first
			       ? reader_fail(c->r, list, "%s", any)
			       : fail_control(c, CONTROL_EXEC, any);
	json_each (v, list) {
		const struct json *same = find_equal(json_at(c->root, "/exec/commands/deny"), v);

		if (same && rank(c, same) <= rank(c, v))
			return reader_fail(c->r, v,
				"\"%.64s\" stands in \"deny\", too: what is denied is never "
				"allowed",
				v->text);
	}
	return 0;
}

/* No registry listed means any: to take the last one away would not be what it looks like. */
static int check_image(const struct check *c)
{
	const struct json *list = json_at(c->root, "/image/registries");
	const struct extend_place *p = list ? extend_place(c->x, list) : NULL;

	if (!list || list->first || !p || (p->said->type == JSON_ARRAY && !p->said->first))
		return 0;
	return fail_control(c, CONTROL_IMAGE,
		"no registry is left in \"registries\", which would allow images of any; write "
		"[\"**\"] if that is what is meant");
}

static int check_network(const struct check *c)
{
	const struct json *network = json_get(c->root, "network");
	const char *mode = json_str(json_get(network, "mode"));

	if (!network || (mode && strcmp(mode, "enforce") != 0) ||
		profile_audits(c->p, CONTROL_NETWORK))
		return 0;
	json_each (v, json_get(c->root, "capabilities"))
		for (const struct network_master *m = network_masters; m->name; m++) {
			char what[ERR_MSG_MAX];

			if (strcmp(v->text, m->name) != 0)
				continue;
			snprintf(what, sizeof what,
				"%s together with an enforced \"network\" is not possible: %s. "
				"Take it "
				"out, or set \"mode\" of \"network\" to \"audit\" or \"off\"",
				v->text, m->why);
			return c->x->controls[CONTROL_NETWORK].rank > rank(c, v)
				       ? fail_control(c, CONTROL_NETWORK, what)
				       : reader_fail(c->r, v, "%s", what);
		}
	return 0;
}

static int check_seccomp(const struct check *c)
{
	const struct json *deny = json_at(c->root, "/seccomp/deny");
	const struct json *name = json_at(c->root, "/seccomp/profile");

	if (c->p->seccomp.unconfined && deny && deny->first)
		return reader_fail(c->r, later(c, deny->first, name),
			"\"%.64s\" would not be denied: the seccomp profile is \"unconfined\"",
			deny->first->text);
	return apart(c, "/seccomp/allow", "/seccomp/deny", "a call is allowed or denied, not both");
}

static int check_sources(const struct check *c)
{
	return apart(c, "/mounts/sources/allow", "/mounts/sources/deny",
		"what is denied is never allowed");
}

static int check_namespaces(const struct check *c)
{
	json_each (v, json_at(c->root, "/namespaces/add"))
		if (strcmp(v->text, "user") == 0)
			return reader_fail(c->r, v,
				"a user namespace cannot be added: only the engine knows which ids "
				"it "
				"may map");
	return apart(c, "/namespaces/host", "/namespaces/add",
		"a namespace is the host's or a new one, not both");
}

/* A tmpfs on the one would hide the other, or what the runtime makes there. */
static int check_writable(const struct check *c)
{
	static const char *const reserved[] = {"/proc", "/sys", "/dev", NULL};
	const struct json *list = json_at(c->root, "/rootfs/writable");

	json_each (v, list) {
		const struct json *path = json_get(v, "path");

		for (size_t i = 0; reserved[i]; i++)
			if (path_in(path->text, reserved[i]))
				return reader_fail(c->r, path,
					"\"%.64s\" cannot be made writable: %s is the runtime's",
					path->text, reserved[i]);
		json_each (other, list) {
			const struct json *above = json_get(other, "path");

			if (path_below(path->text, above->text))
				return reader_fail(c->r, later(c, path, above),
					"\"%.64s\" lies in \"%.64s\": only one of them can be "
					"writable "
					"by itself",
					path->text, above->text);
		}
	}
	return 0;
}

int check_profile(struct extend_result *x, const struct profile *p, struct err *e)
{
	static int (*const checks[])(const struct check *c) = {
		check_lists,
		check_exec,
		check_commands,
		check_network,
		check_image,
		check_seccomp,
		check_sources,
		check_namespaces,
		check_writable,
	};
	struct reader r = extend_reader(x, e);
	const struct check c = {x, &r, json_root(x->doc), p};

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		if (checks[i](&c) < 0)
			return -1;
	return 0;
}
