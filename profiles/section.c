/* SPDX-License-Identifier: Apache-2.0 */
/*
 * section - read the sections of a profile, one function and one table of keys each.
 */
#include "profiles/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/capset.h"
#include "profiles/paths.h"
#include "shim/base/cleanup.h"

enum { ID_MAX = INT32_MAX }; /* runc and the kernel's tools take ids as signed 32 bits */

/* A new zeroed item at the end of an array of N items of SIZE bytes; NULL when out of memory. */
static void *append(void *array, size_t *n, size_t size)
{
	void **items = array;
	char *more = reallocarray(*items, *n + 1, size);

	if (!more)
		return NULL;
	*items = more;
	return memset(more + (*n)++ * size, 0, size);
}

bool section_name_ok(const struct json *v)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

	return v->len > 0 && v->len <= 64 && !v->text[strspn(v->text, good)] &&
	       !strchr("-_.", v->text[0]);
}

/* ---- capabilities, user ---- */

int section_capabilities(struct reader *r, const struct json *v, void *to)
{
	json_each (item, v) {
		const char *name = json_str(item), *near;
		int n = name ? capset_number(name) : -1;

		if (n >= 0) {
			*(uint64_t *)to |= (uint64_t)1 << n;
			continue;
		}
		if (!name)
			return reader_fail(
				r, item, "a capability is a string such as \"CAP_CHOWN\"");
		near = capset_nearest(name);
		return near ? reader_fail(r, item,
				      "unknown capability \"%.64s\", did you mean \"%s\"?", name,
				      near)
			    : reader_fail(r, item,
				      "unknown capability \"%.64s\", expected one of "
				      "capabilities(7) such as \"CAP_CHOWN\"",
				      name);
	}
	return 0;
}

static int read_root(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"deny", "remap", "allow", NULL};
	unsigned i;

	if (reader_choice(r, v, "treatment of root", names, &i) < 0)
		return -1;
	*(enum root_policy *)to = (enum root_policy)i;
	return 0;
}

static int read_id(struct reader *r, const struct json *v, void *to)
{
	int64_t id;

	/* 0 would make a profile that moves root to root */
	if (reader_int(r, v, 1, ID_MAX, &id) < 0)
		return -1;
	*(uint32_t *)to = (uint32_t)id;
	return 0;
}

static int read_groups(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;

	json_each (item, v) {
		uint32_t *id = append(&p->user.groups, &p->user.n_groups, sizeof *id);

		if (!id)
			return err_nomem(r->e);
		if (read_id(r, item, id) < 0)
			return -1;
	}
	return 0;
}

static const struct reader_key user_keys[] = {
	{"root", JSON_STRING, read_root, offsetof(struct profile, user.root), false},
	{"uid", JSON_NUMBER, read_id, offsetof(struct profile, user.uid), false},
	{"gid", JSON_NUMBER, read_id, offsetof(struct profile, user.gid), false},
	{"groups", JSON_ARRAY, read_groups, 0, false},
	{0},
};

int section_user(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, user_keys, to);
}

/* ---- rootfs, mounts, namespaces, devices ---- */

static int read_path(struct reader *r, const struct json *v, void *to)
{
	return reader_path(r, v) < 0 ? -1 : reader_string(r, v, to);
}

static int read_size(struct reader *r, const struct json *v, void *to)
{
	uint64_t *size = to;

	if (reader_size(r, v, INT64_MAX, size) < 0)
		return -1;
	if (*size == 0) /* to a tmpfs 0 is "no limit" */
		return reader_fail(r, v, "a size of 0: leave the line out for no ceiling");
	return 0;
}

static const struct reader_key writable_keys[] = {
	{"path", JSON_STRING, read_path, offsetof(struct writable_path, path), true},
	{"size", JSON_NULL, read_size, offsetof(struct writable_path, size), false},
	{"exec", JSON_BOOL, reader_bool, offsetof(struct writable_path, exec), false},
	{"copyUp", JSON_BOOL, reader_bool, offsetof(struct writable_path, copy_up), false},
	{0},
};

static int read_writable(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;

	json_each (item, v) {
		struct writable_path *w =
			append(&p->rootfs.writable, &p->rootfs.n_writable, sizeof *w);

		if (!w)
			return err_nomem(r->e);
		if (item->type != JSON_OBJECT)
			return reader_fail(r, item, "expected {\"path\": \"/tmp\", ...}");
		if (reader_object(r, item, writable_keys, w) < 0)
			return -1;
		if (strcmp(w->path, "/") == 0)
			return reader_fail(r, item,
				"\"/\" cannot be a writable directory: say \"readonly\": false");
	}
	return 0;
}

static const struct reader_key rootfs_keys[] = {
	{"readonly", JSON_BOOL, reader_bool, offsetof(struct profile, rootfs.readonly), false},
	{"writable", JSON_ARRAY, read_writable, 0, false},
	{0},
};

int section_rootfs(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, rootfs_keys, to);
}

static const struct reader_key source_keys[] = {
	{"allow", JSON_ARRAY, reader_path_globs, offsetof(struct profile, mounts.allow), false},
	{"deny", JSON_ARRAY, reader_path_globs, offsetof(struct profile, mounts.deny), false},
	{0},
};

static int read_sources(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, source_keys, to);
}

/* "nosuid,nodev,noexec": what writable mounts get; "" is none of them. */
static int read_mount_flags(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"nosuid", &p->mounts.nosuid},
		{"nodev", &p->mounts.nodev},
		{"noexec", &p->mounts.noexec},
	};
	const char *s = v->text;

	for (size_t i = 0; i < 3; i++)
		*flags[i].flag = false;
	while (*s) {
		size_t n = strcspn(s, ","), i = 0;

		while (i < 3 && (strlen(flags[i].name) != n || memcmp(flags[i].name, s, n) != 0))
			i++;
		if (i == 3 || (s[n] == ',' && !s[n + 1]))
			return reader_fail(r, v,
				"\"%.64s\": expected a list such as \"nosuid,nodev,noexec\"",
				v->text);
		*flags[i].flag = true;
		s += n + (s[n] == ',');
	}
	return 0;
}

static const struct reader_key mounts_keys[] = {
	{"sources", JSON_OBJECT, read_sources, 0, false},
	{"writable", JSON_STRING, read_mount_flags, 0, false},
	{0},
};

int section_mounts(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, mounts_keys, to);
}

static int read_ns_set(struct reader *r, const struct json *v, void *to)
{
	const char *names[NS_COUNT + 1] = {NULL};
	unsigned i;

	for (int t = 0; t < NS_COUNT; t++)
		names[t] = ns_name((enum ns_type)t);
	*(unsigned *)to = 0;
	json_each (item, v) {
		if (reader_choice(r, item, "namespace", names, &i) < 0)
			return -1;
		*(unsigned *)to |= 1u << i;
	}
	return 0;
}

static int read_ns_host(struct reader *r, const struct json *v, void *to)
{
	if (read_ns_set(r, v, to) < 0)
		return -1;
	if (*(unsigned *)to & (1u << NS_MOUNT))
		return reader_fail(
			r, v, "a container without a mount namespace of its own is not possible");
	return 0;
}

static const struct reader_key namespaces_keys[] = {
	{"host", JSON_ARRAY, read_ns_host, offsetof(struct profile, namespaces.host), false},
	{"add", JSON_ARRAY, read_ns_set, offsetof(struct profile, namespaces.add), false},
	{0},
};

int section_namespaces(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, namespaces_keys, to);
}

static int read_device_path(struct reader *r, const struct json *v, void *to)
{
	if (!str_starts(v->text, "/dev/"))
		return reader_fail(r, v, "\"%.64s\" is not below /dev", v->text);
	return read_path(r, v, to);
}

static int read_device_type(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"c", "b", NULL};
	unsigned i;

	if (reader_choice(r, v, "device type", names, &i) < 0)
		return -1;
	*(char *)to = *names[i];
	return 0;
}

/* Twelve bits of major and twenty of minor are what the kernel has; -1 is any. */
static int read_device_number(struct reader *r, const struct json *v, void *to)
{
	return reader_int(r, v, -1, (1 << 20) - 1, to);
}

static int read_access(struct reader *r, const struct json *v, void *to)
{
	char *access = to;

	if (v->len == 0 || v->len > 3 || v->text[strspn(v->text, "rwm")])
		return reader_fail(r, v, "access \"%.64s\": expected some of \"rwm\"", v->text);
	for (size_t i = 0; i < v->len; i++)
		if (strchr(v->text + i + 1, v->text[i]))
			return reader_fail(
				r, v, "access \"%s\" names '%c' twice", v->text, v->text[i]);
	memcpy(access, v->text, v->len + 1);
	return 0;
}

static const struct reader_key device_keys[] = {
	{"path", JSON_STRING, read_device_path, offsetof(struct device_rule, path), true},
	{"type", JSON_STRING, read_device_type, offsetof(struct device_rule, type), true},
	{"major", JSON_NUMBER, read_device_number, offsetof(struct device_rule, major), true},
	{"minor", JSON_NUMBER, read_device_number, offsetof(struct device_rule, minor), true},
	{"access", JSON_STRING, read_access, offsetof(struct device_rule, access), true},
	{0},
};

int section_devices(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;

	json_each (item, v) {
		struct device_rule *d = append(&p->devices, &p->n_devices, sizeof *d);

		if (!d)
			return err_nomem(r->e);
		if (item->type != JSON_OBJECT)
			return reader_fail(r, item,
				"expected {\"path\": \"/dev/fuse\", \"type\": \"c\", \"major\": "
				"10, "
				"\"minor\": 229, \"access\": \"rw\"}");
		if (reader_object(r, item, device_keys, d) < 0)
			return -1;
	}
	return 0;
}

/* ---- seccomp, paths, sysctl, resources ---- */

/* Whether there is a filter of that name is known to who applies the profile, and to who uses it. */
static int read_seccomp_profile(struct reader *r, const struct json *v, void *to)
{
	struct profile *p = to;

	p->seccomp.unconfined = strcmp(v->text, "unconfined") == 0;
	if (p->seccomp.unconfined)
		return 0;
	if (!section_name_ok(v))
		return reader_fail(r, v,
			"seccomp profile \"%.64s\": expected \"default\", \"unconfined\" or the "
			"name of "
			"a filter",
			v->text);
	return reader_string(r, v, &p->seccomp.profile);
}

static int syscall_name(struct reader *r, const struct json *v)
{
	if (v->text[strspn(v->text, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return reader_fail(r, v, "\"%.64s\" is not the name of a system call", v->text);
	return 0;
}

static int read_syscalls(struct reader *r, const struct json *v, void *to)
{
	return reader_strings(r, v, to, syscall_name);
}

static const struct reader_key seccomp_keys[] = {
	{"profile", JSON_STRING, read_seccomp_profile, 0, false},
	{"deny", JSON_ARRAY, read_syscalls, offsetof(struct profile, seccomp.deny), false},
	{"allow", JSON_ARRAY, read_syscalls, offsetof(struct profile, seccomp.allow), false},
	{0},
};

int section_seccomp(struct reader *r, const struct json *v, void *to)
{
	return reader_object(r, v, seccomp_keys, to);
}

static int add_all(struct reader *r, struct strv *to, const char *const *paths)
{
	for (; *paths; paths++)
		if (!strv_has(to, *paths) && strv_add(to, *paths) < 0)
			return err_nomem(r->e);
	return 0;
}

int section_default_paths(struct reader *r, struct profile *p)
{
	return add_all(r, &p->paths.masked, paths_masked) < 0 ||
			       add_all(r, &p->paths.readonly, paths_readonly) < 0
		       ? -1
		       : 0;
}

/* A list of paths in which "default" stands for DEFAULTS. */
static int read_path_set(
	struct reader *r, const struct json *v, struct strv *to, const char *const *defaults)
{
	strv_done(to);
	json_each (item, v) {
		if (!json_str(item))
			return reader_fail(r, item, "a path or \"default\" was expected");
		if (strcmp(item->text, "default") == 0) {
			if (add_all(r, to, defaults) < 0)
				return -1;
			continue;
		}
		if (reader_path(r, item) < 0)
			return -1;
		if (!strv_has(to, item->text) && strv_add(to, item->text) < 0)
			return err_nomem(r->e);
	}
	return 0;
}

int section_paths(struct reader *r, const struct json *object, void *to)
{
	struct profile *p = to;
	const struct {
		const char *key;
		struct strv *to;
		const char *const *defaults;
	} sets[] = {
		{"masked", &p->paths.masked, paths_masked},
		{"readonly", &p->paths.readonly, paths_readonly},
	};

	json_each (v, object) {
		size_t i = 0;

		while (i < 2 && strcmp(sets[i].key, v->key) != 0)
			i++;
		if (i == 2)
			return reader_fail_key(
				r, v, "unknown key \"%.64s\", known are: masked, readonly", v->key);
		if (json_str(v) && strcmp(v->text, "default") == 0)
			continue; /* as it is without the key */
		if (v->type != JSON_ARRAY)
			return reader_fail(r, v, "\"%s\" is \"default\" or a list", v->key);
		if (read_path_set(r, v, sets[i].to, sets[i].defaults) < 0)
			return -1;
	}
	return 0;
}

int section_names(struct reader *r, const struct json *v, void *to)
{
	return reader_strings(r, v, to, NULL);
}

static int read_pids(struct reader *r, const struct json *v, void *to)
{
	return reader_int(r, v, 1, 1 << 22, to); /* PID_MAX_LIMIT of the kernel */
}

static int read_memory(struct reader *r, const struct json *v, void *to)
{
	uint64_t bytes;

	if (reader_size(r, v, INT64_MAX, &bytes) < 0)
		return -1;
	if (bytes == 0) /* to a runtime 0 is "no limit" */
		return reader_fail(
			r, v, "a memory ceiling of 0: leave the line out for no ceiling");
	*(int64_t *)to = (int64_t)bytes;
	return 0;
}

static int read_rlimits(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA",
		"RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
		"RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
		"RLIMIT_SIGPENDING", "RLIMIT_STACK", NULL};
	struct profile *p = to;

	json_each (item, v) {
		struct rlimit_ceiling *l;

		if (!str_in(names, item->key)) {
			const char *near = reader_nearest(names, item->key);

			return reader_fail_key(r, item, "unknown rlimit \"%.64s\", %s \"%s\"%s",
				item->key, near ? "did you mean" : "expected one such as",
				near ? near : "RLIMIT_NOFILE", near ? "?" : "");
		}
		l = append(&p->resources.rlimits, &p->resources.n_rlimits, sizeof *l);
		if (!l)
			return err_nomem(r->e);
		if (!(l->type = strdup(item->key)))
			return err_nomem(r->e);
		if (reader_size(r, item, UINT64_MAX, &l->max) < 0)
			return -1;
	}
	return 0;
}

int section_resources(struct reader *r, const struct json *object, void *to)
{
	static const struct reader_key keys[] = {
		{"pids", JSON_NUMBER, read_pids, offsetof(struct profile, resources.pids), false},
		{"rlimits", JSON_OBJECT, read_rlimits, 0, false},
		{"memory", JSON_NULL, read_memory, offsetof(struct profile, resources.memory),
			false},
		{0},
	};

	return reader_object(r, object, keys, to);
}
