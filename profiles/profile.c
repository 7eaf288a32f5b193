/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - what a container may have at most, read from JSON with comments.
 *
 * What is left out keeps the strict value that set_defaults gave it, so that forgetting a line never
 * grants anything. The sections are read in section.c.
 */
#include "profiles/profile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/reader.h"
#include "profiles/section.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "shim/base/num.h"

enum { NOBODY = 65532 }; /* "nonroot" of the distroless images */

static const struct json_limits limits = {
	.bytes = PROFILE_TEXT_MAX, .depth = PROFILE_DEPTH_MAX, .values = PROFILE_VALUES_MAX};

static const char *const ns_names[NS_COUNT] = {
	[NS_MOUNT] = "mount",
	[NS_PID] = "pid",
	[NS_NETWORK] = "network",
	[NS_IPC] = "ipc",
	[NS_UTS] = "uts",
	[NS_CGROUP] = "cgroup",
	[NS_USER] = "user",
	[NS_TIME] = "time",
};

const char *ns_name(enum ns_type t)
{
	return ns_names[t];
}

int ns_from_name(const char *name)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (strcmp(ns_names[t], name) == 0)
			return t;
	return -1;
}

bool profile_audits(const struct profile *p, enum control c)
{
	return p->mode != PROFILE_ENFORCE || (p->audit & (1u << c));
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->version);
	free(p->description);
	for (int c = 0; c < CONTROL_COUNT; c++)
		free(p->said_by[c]);
	free(p->user.groups);
	for (size_t i = 0; i < p->rootfs.n_writable; i++)
		free(p->rootfs.writable[i].path);
	free(p->rootfs.writable);
	strv_done(&p->mounts.allow);
	strv_done(&p->mounts.deny);
	for (size_t i = 0; i < p->n_devices; i++)
		free(p->devices[i].path);
	free(p->devices);
	free(p->seccomp.profile);
	strv_done(&p->seccomp.deny);
	strv_done(&p->seccomp.allow);
	strv_done(&p->paths.masked);
	strv_done(&p->paths.readonly);
	strv_done(&p->sysctl);
	for (size_t i = 0; i < p->resources.n_rlimits; i++)
		free(p->resources.rlimits[i].type);
	free(p->resources.rlimits);
	strv_done(&p->hooks);
	strv_done(&p->annotations);
	strv_done(&p->env.deny);
	strv_done(&p->image.registries);
	strv_done(&p->image.deny);
	strv_done(&p->exec.allow_commands);
	strv_done(&p->exec.deny_commands);
	json_free(p->network);
	free(p->filter);
	free(p);
}

void profile_freep(struct profile **p)
{
	profile_free(*p);
	*p = NULL;
}

/* ---- names ---- */

static int read_name(struct reader *r, const struct json *v, void *to)
{
	const char *file = strrchr(r->name, '/') ? strrchr(r->name, '/') + 1 : r->name;

	if (!section_name_ok(v))
		return reader_fail(r, v,
			"profile name \"%.64s\": expected 1 to 64 of a-z 0-9 - _ . with a letter "
			"or digit "
			"first",
			v->text);
	if (str_ends(file, ".json") &&
		(strlen(file) != v->len + 5 || strncmp(file, v->text, v->len) != 0))
		return reader_fail(r, v,
			"the profile is named \"%.64s\", the file \"%.64s\": both must be the same",
			v->text, file);
	return reader_string(r, v, to);
}

static int read_version(struct reader *r, const struct json *v, void *to)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+._";

	if (v->len == 0 || v->len > 64 || v->text[strspn(v->text, good)])
		return reader_fail(r, v,
			"version \"%.64s\": expected 1 to 64 letters, digits and - + . _", v->text);
	return reader_string(r, v, to);
}

static int read_description(struct reader *r, const struct json *v, void *to)
{
	if (v->len > READER_TEXT_MAX)
		return reader_fail(
			r, v, "%zu bytes, a description may have %d", v->len, READER_TEXT_MAX);
	return reader_string(r, v, to);
}

static int read_extends(struct reader *r, const struct json *v, void *to)
{
	(void)to;
	return reader_fail_key(r, v,
		"\"extends\" is not followed here: a profile that is read by itself says all it "
		"means");
}

static int read_mode(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"enforce", "audit", "learn", NULL};
	unsigned i;

	if (reader_choice(r, v, "mode", names, &i) < 0)
		return -1;
	*(enum profile_mode *)to = (enum profile_mode)i;
	return 0;
}

static int read_audit(struct reader *r, const struct json *v, void *to)
{
	const char *names[CONTROL_COUNT + 1] = {NULL};
	unsigned i;

	for (int c = 0; c < CONTROL_COUNT; c++)
		names[c] = control_name((enum control)c);
	json_each (item, v) {
		if (reader_choice(r, item, "control", names, &i) < 0)
			return -1;
		*(unsigned *)to |= 1u << i;
	}
	return 0;
}

static int ignore(struct reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)v;
	(void)to;
	return 0;
}

/* {"capabilities": "baseline:12"}: the profile and line that said it. */
static int read_lines(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;

	json_each (item, v) {
		const char *text = json_str(item), *colon = text ? strrchr(text, ':') : NULL;
		enum control c;
		uint64_t line;

		if (control_from_name(item->key, &c) < 0)
			return reader_fail_key(r, item, "unknown control \"%.64s\"", item->key);
		if (!colon || colon == text || !num_u64(colon + 1, UINT32_MAX, &line))
			return reader_fail(r, item, "expected a place such as \"baseline:12\"");
		p->line[c] = (unsigned)line;
		free(p->said_by[c]);
		p->said_by[c] = strndup(text, (size_t)(colon - text));
		if (!p->said_by[c])
			return err_nomem(r->e);
	}
	return 0;
}

/* ---- the whole ---- */

static const struct reader_key profile_keys[] = {
	{"$schema", JSON_STRING, ignore, 0, false}, /* for editors */
	{"profile", JSON_STRING, read_name, offsetof(struct profile, name), true},
	{"version", JSON_STRING, read_version, offsetof(struct profile, version), true},
	{"description", JSON_STRING, read_description, offsetof(struct profile, description),
		false},
	{"extends", JSON_ARRAY, read_extends, 0, false},
	{"mode", JSON_STRING, read_mode, offsetof(struct profile, mode), false},
	{"audit", JSON_ARRAY, read_audit, offsetof(struct profile, audit), false},
	{"capabilities", JSON_ARRAY, section_capabilities, offsetof(struct profile, capabilities),
		false},
	{"user", JSON_OBJECT, section_user, 0, false},
	{"noNewPrivileges", JSON_BOOL, reader_bool, offsetof(struct profile, no_new_privileges),
		false},
	{"rootfs", JSON_OBJECT, section_rootfs, 0, false},
	{"mounts", JSON_OBJECT, section_mounts, 0, false},
	{"namespaces", JSON_OBJECT, section_namespaces, 0, false},
	{"devices", JSON_ARRAY, section_devices, 0, false},
	{"seccomp", JSON_OBJECT, section_seccomp, 0, false},
	{"paths", JSON_OBJECT, section_paths, 0, false},
	{"sysctl", JSON_ARRAY, section_names, offsetof(struct profile, sysctl), false},
	{"resources", JSON_OBJECT, section_resources, 0, false},
	{"hooks", JSON_OBJECT, section_hooks, 0, false},
	{"annotations", JSON_OBJECT, section_annotations, 0, false},
	{"env", JSON_OBJECT, section_env, 0, false},
	{"image", JSON_OBJECT, section_image, 0, false},
	{"exec", JSON_OBJECT, section_exec, 0, false},
	{"flags", JSON_OBJECT, section_flags, 0, false},
	{"network", JSON_OBJECT, section_network, offsetof(struct profile, network), false},
	{"lines", JSON_OBJECT, read_lines, 0, false},
	{0},
};

/* The strict choice in everything a profile may leave out. */
static int set_defaults(struct reader *r, struct profile *p)
{
	p->user.root = ROOT_DENY;
	p->user.uid = p->user.gid = NOBODY;
	p->no_new_privileges = true;
	p->rootfs.readonly = true;
	p->mounts.nosuid = p->mounts.nodev = p->mounts.noexec = true;
	p->resources.pids = p->resources.memory = -1;
	p->env.secrets = SECRETS_WARN;
	if (!(p->seccomp.profile = strdup("default")))
		return err_nomem(r->e);
	return section_default_paths(r, p);
}

/* Members stand in the order of the text, so one walk over it counts all lines. A text that was put
 * together from several says them itself; what it says of itself is no parent's. */
static void note_lines(struct profile *p, const struct json *root, const char *text)
{
	const char *at = text, *end;
	enum control c;
	unsigned line = 1;

	for (int i = 0; i < CONTROL_COUNT; i++)
		if (p->said_by[i] && strcmp(p->said_by[i], p->name) == 0) {
			free(p->said_by[i]);
			p->said_by[i] = NULL;
		}
	if (json_get(root, "lines"))
		return;
	json_each (v, root) {
		for (end = text + v->offset; (at = memchr(at, '\n', (size_t)(end - at))); at++)
			line++;
		at = end;
		if (control_from_name(v->key, &c) == 0)
			p->line[c] = line;
	}
}

int profile_read(struct reader *r, const struct json *root, struct profile **out)
{
	AUTO_PROFILE struct profile *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(r->e);
	if (!json_is(root, JSON_OBJECT))
		return reader_fail(r, root, "a profile is an object: { ... }");
	if (set_defaults(r, p) < 0 || reader_object(r, root, profile_keys, p) < 0)
		return -1;
	*out = take_ptr(&p);
	return 0;
}

int profile_parse_known(const char *name, const char *text, size_t len, const char *digest,
	struct profile **out, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_JSON struct json_doc *doc = NULL;
	struct reader r = {.name = name, .e = e};

	if (reader_parse(name, text, len, &limits, &doc, e) < 0)
		return -1;
	r.doc = doc;
	if (profile_read(&r, json_root(doc), &p) < 0)
		return -1;
	assert(p);
	note_lines(p, json_root(doc), text);
	if (digest)
		memcpy(p->digest, digest, sizeof p->digest);
	else
		hash_sha256_hex(text, len, p->digest);
	*out = take_ptr(&p);
	return 0;
}

int profile_parse(
	const char *name, const char *text, size_t len, struct profile **out, struct err *e)
{
	return profile_parse_known(name, text, len, NULL, out, e);
}
