/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling - has the result of tighten() more than the profile allows?
 */
#include "tests/ceiling.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "profiles/capset.h"
#include "shim/base/num.h"
#include "tests/ratchet.h"

struct court {
	const struct json *out;
	const struct profile *p;
	const struct world *w;
	struct strv *bad;
};

static const char *text(const struct json *v, const char *key)
{
	const char *s = json_str(json_get(v, key));

	return s ? s : "";
}

static uint64_t number(const struct json *v, const char *key, uint64_t absent)
{
	uint64_t n;

	return json_u64(json_get(v, key), UINT64_MAX, &n) ? n : absent;
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Absolute, no empty, "." or ".." component, no slash at the end. */
static bool canonical(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	if (*path != '/')
		return false;
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (n == 0 || (n == 1 && *path == '.') || (n == 2 && memcmp(path, "..", 2) == 0))
			return false;
		path += n;
	}
	return true;
}

static void process(const struct court *c)
{
	const struct json *caps = json_at(c->out, "/process/capabilities");
	const struct json *user = json_at(c->out, "/process/user");
	const char *cwd = json_str(json_at(c->out, "/process/cwd"));
	bool root_ok = c->p->user.root == ROOT_ALLOW;

	json_each (set, caps)
		json_each (cap, set) {
			int n = json_str(cap) ? capset_number(json_str(cap)) : -1;

			if (n < 0 || !(c->p->capabilities >> n & 1))
				ratchet_bad(c->bad, "%s holds %s", set->key,
					json_str(cap) ? json_str(cap) : "?");
			if (strcmp(set->key, "inheritable") == 0)
				ratchet_bad(c->bad, "inheritable is not empty");
			if (strcmp(set->key, "ambient") == 0 &&
				!ratchet_has(json_get(caps, "permitted"), cap))
				ratchet_bad(c->bad, "ambient is not within permitted");
		}
	if (!json_at(c->out, "/process"))
		return;
	if (!root_ok && (number(user, "uid", 0) == 0 || number(user, "gid", 0) == 0))
		ratchet_bad(c->bad, "runs as root");
	if (!root_ok)
		json_each (g, json_get(user, "additionalGids"))
			if (json_str(g) || strcmp(g->text ? g->text : "0", "0") == 0)
				ratchet_bad(c->bad, "is in group 0");
	if (c->p->no_new_privileges && !json_is_true(json_at(c->out, "/process/noNewPrivileges")))
		ratchet_bad(c->bad, "may gain privileges");
	if (cwd && *cwd && (!canonical(cwd) || below(cwd, "/proc") || below(cwd, "/dev/fd")))
		ratchet_bad(c->bad, "cwd is %s", cwd);
	json_each (v, json_at(c->out, "/process/env")) {
		const char *s = json_str(v) ? json_str(v) : "";
		AUTO_STR struct str name = STR_INIT;

		str_addn(&name, s, strcspn(s, "="));
		if (strv_glob(&c->p->env.deny, str_text(&name)))
			ratchet_bad(c->bad, "environment has %s", str_text(&name));
	}
}

static void namespaces(const struct court *c)
{
	for (int t = 0; t < NS_COUNT; t++) {
		const struct json *own = NULL;
		enum world_ns what = WORLD_NS_HOST;
		struct err e;

		json_each (v, json_at(c->out, "/linux/namespaces"))
			if (strcmp(text(v, "type"), ns_name((enum ns_type)t)) == 0)
				own = v;
		/* two that nobody uses; what they would keep apart is kept by other controls */
		if (own ? !*text(own, "path") : t == NS_USER || t == NS_TIME)
			continue;
		if (own &&
			c->w->ns_path(c->w->arg, (enum ns_type)t, text(own, "path"), &what, &e) < 0)
			what = WORLD_NS_BAD;
		if (what != WORLD_NS_OTHER && !(c->p->namespaces.host >> t & 1))
			ratchet_bad(c->bad, "the %s namespace is the host's or none",
				ns_name((enum ns_type)t));
	}
}

static void hooks(const struct court *c)
{
	json_each (list, json_get(c->out, "hooks"))
		json_each (hook, list) {
			const char *path = text(hook, "path");
			const struct json *env = ratchet_get(hook, "env", JSON_ARRAY);
			const char *first = json_str(json_item(json_get(hook, "args"), 0));
			bool inside = strcmp(list->key, "createContainer") == 0 ||
				      strcmp(list->key, "startContainer") == 0;
			struct world_hook what = {.ok = false};
			struct err e;

			if (c->w->hook_ok(c->w->arg, path, &what, &e) < 0 || !what.ok ||
				!strv_glob(&c->p->hooks, what.real))
				ratchet_bad(c->bad, "%s hook %s", list->key, path);
			/* any other first word is a daemon's */
			if (str_ends(what.real, "/dockerd") &&
				(!first || strcmp(first, "libnetwork-setkey") != 0))
				ratchet_bad(c->bad, "%s hook starts a dockerd", list->key);
			if (inside && (!env || env->count == 0))
				ratchet_bad(
					c->bad, "%s hook %s without environment", list->key, path);
		}
}

static void annotations(const struct court *c)
{
	static const char *const steering[] = {
		"org.systemd.property.", "run.oci.", "org.criu.", "krun.", NULL};

	json_each (v, json_get(c->out, "annotations"))
		for (const char *const *s = steering; *s; s++)
			if (str_starts(v->key, *s) && !strv_glob(&c->p->annotations, v->key))
				ratchet_bad(c->bad, "annotation %s", v->key);
}

/* The kernel's own file systems and where alone they may be. */
static const struct {
	const char *type, *place;
} kinds[] = {
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"cgroup", "/sys/fs/cgroup"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"mqueue", "/dev/mqueue"},
	{"devpts", "/dev/pts"},
	{"tmpfs", NULL},
};

static bool option(const struct json *m, const char *on, const char *off)
{
	bool is = false;

	json_each (o, json_get(m, "options"))
		if (json_str(o) && (strcmp(json_str(o), on) == 0 || strcmp(json_str(o), off) == 0))
			is = strcmp(json_str(o), on) == 0;
	return is;
}

/* What every container has anyway; rootless engines bind it, because they cannot make nodes. */
static bool ordinary_node(const char *path)
{
	static const char *const nodes[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom", "/dev/tty", NULL};

	return str_in(nodes, path);
}

/* A device of the profile's, bound by an engine that cannot make the node. */
static bool granted_node(const struct profile *p, const char *path, mode_t mode)
{
	for (size_t i = 0; i < p->n_devices; i++)
		if (strcmp(p->devices[i].path, path) == 0 &&
			(p->devices[i].type == 'c' ? S_ISCHR(mode) : S_ISBLK(mode)))
			return true;
	return false;
}

/* Of a device node no flag is asked: nodev would take it away. */
static bool is_node(const struct court *c, const char *path)
{
	return ordinary_node(path) || granted_node(c->p, path, S_IFCHR) ||
	       granted_node(c->p, path, S_IFBLK);
}

static void bind_source(const struct court *c, const struct json *m)
{
	struct world_source s;
	struct err e;

	if (c->w->source(c->w->arg, text(m, "source"), &s, &e) < 0)
		ratchet_bad(c->bad, "bind of %s, which nobody can judge", text(m, "source"));
	else if (s.controls[0] || S_ISSOCK(s.mode))
		ratchet_bad(c->bad, "bind of %s: controls %s", s.real, s.controls);
	else if ((ordinary_node(s.real) && S_ISCHR(s.mode)) || granted_node(c->p, s.real, s.mode))
		return;
	else if (!strv_glob(&c->p->mounts.allow, s.real) || strv_glob(&c->p->mounts.deny, s.real))
		ratchet_bad(c->bad, "bind of %s", s.real);
}

static void one_mount(const struct court *c, const struct json *m)
{
	static const char *const shared[] = {"shared", "rshared", NULL};
	const char *dest = text(m, "destination"), *type = text(m, "type");
	struct world_entry at = {.exists = false};
	bool bind = strcmp(type, "bind") == 0, known = false, ro = option(m, "ro", "rw");
	struct err e;

	json_each (o, json_get(m, "options")) {
		bind |= json_str(o) &&
			(strcmp(json_str(o), "bind") == 0 || strcmp(json_str(o), "rbind") == 0);
		if (json_str(o) && str_in(shared, json_str(o)))
			ratchet_bad(c->bad, "%s is shared", dest);
	}
	if (c->w->rootfs_entry(c->w->arg, dest, &at, &e) < 0)
		ratchet_bad(c->bad, "a mount at %s, which nobody can judge", dest);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		known |= strcmp(type, kinds[i].type) == 0 &&
			 (!kinds[i].place || strcmp(at.real, kinds[i].place) == 0);
	if (!bind && !known)
		ratchet_bad(c->bad, "a %s at %s", type, dest);
	if (strcmp(at.real, "/") == 0)
		ratchet_bad(c->bad, "a mount over everything: %s", dest);
	if ((below(dest, "/proc") || below(at.real, "/proc")) &&
		(strcmp(type, "proc") != 0 || bind))
		ratchet_bad(c->bad, "a mount in /proc: %s", dest);
	if (bind)
		bind_source(c, m);
	if (ro || (!bind && strcmp(type, "tmpfs") != 0) || strcmp(at.real, "/dev") == 0 ||
		(bind && is_node(c, text(m, "source"))))
		return;
	if ((c->p->mounts.nosuid && !option(m, "nosuid", "suid")) ||
		(c->p->mounts.nodev && !option(m, "nodev", "dev")) ||
		(c->p->mounts.noexec && bind && !option(m, "noexec", "exec")))
		ratchet_bad(c->bad, "writable %s lacks flags", dest);
}

static void rootfs(const struct court *c)
{
	const char *spread = json_str(json_at(c->out, "/linux/rootfsPropagation"));

	if (c->p->rootfs.readonly && json_get(c->out, "root") &&
		!json_is_true(json_at(c->out, "/root/readonly")))
		ratchet_bad(c->bad, "the root file system is writable");
	if (spread && (strcmp(spread, "shared") == 0 || strcmp(spread, "rshared") == 0))
		ratchet_bad(c->bad, "mounts spread to the host");
	json_each (m, json_get(c->out, "mounts"))
		one_mount(c, m);
}

static void linux_paths(const struct court *c)
{
	const struct json *masked = json_at(c->out, "/linux/maskedPaths");
	const struct json *readonly = json_at(c->out, "/linux/readonlyPaths");

	for (size_t i = 0; i < c->p->paths.masked.n; i++)
		if (!ratchet_has_string(masked, c->p->paths.masked.v[i]))
			ratchet_bad(c->bad, "%s is not masked", c->p->paths.masked.v[i]);
	for (size_t i = 0; i < c->p->paths.readonly.n; i++)
		if (!ratchet_has_string(readonly, c->p->paths.readonly.v[i]) &&
			!ratchet_has_string(masked, c->p->paths.readonly.v[i]))
			ratchet_bad(c->bad, "%s is not read-only", c->p->paths.readonly.v[i]);
}

/* The default set of config-linux.md, "Default Devices". */
static bool ordinary_device(const struct json *v)
{
	static const uint64_t minors[] = {3, 5, 7, 8, 9};
	uint64_t major = number(v, "major", 0), minor = number(v, "minor", 0);

	if (strcmp(text(v, "type"), "c") != 0)
		return strcmp(text(v, "type"), "p") == 0;
	for (size_t i = 0; major == 1 && i < 5; i++)
		if (minor == minors[i])
			return true;
	return major == 136 || (major == 5 && minor <= 2);
}

/* A node the profile names: of this type, its numbers or any. */
static bool granted_device(const struct profile *p, const struct json *v)
{
	for (size_t i = 0; i < p->n_devices; i++) {
		const struct device_rule *d = &p->devices[i];

		if (*text(v, "type") == d->type &&
			(d->major < 0 || number(v, "major", 0) == (uint64_t)d->major) &&
			(d->minor < 0 || number(v, "minor", 0) == (uint64_t)d->minor))
			return true;
	}
	return false;
}

/* The profile's devices as an engine would ask for them, behind a denial of all. */
static struct json_doc *most_devices(const struct profile *p)
{
	static const struct json_limits small = {100000, 9, 9999};
	AUTO_STR struct str s = STR_INIT;
	struct json_doc *doc = NULL;
	struct err e;

	str_add(&s, "[{\"allow\":false,\"access\":\"rwm\"}");
	for (size_t i = 0; i < p->n_devices; i++)
		str_addf(&s,
			",{\"allow\":true,\"type\":\"%c\",\"major\":%jd,\"minor\":%jd,\"access\":"
			"\"%s\"}",
			p->devices[i].type, (intmax_t)p->devices[i].major,
			(intmax_t)p->devices[i].minor, p->devices[i].access);
	str_add(&s, "]");
	return json_parse(s.s, s.len, &small, JSON_STRICT, &doc, &e) == 0 ? doc : NULL;
}

static void devices(const struct court *c)
{
	AUTO_JSON struct json_doc *most = most_devices(c->p);
	const struct json *rules = json_at(c->out, "/linux/resources/devices");

	json_each (v, json_at(c->out, "/linux/devices"))
		if (!ordinary_device(v) && !granted_device(c->p, v))
			ratchet_bad(c->bad, "device %s", text(v, "path"));
	if (!c->w->in_user_ns && json_get(c->out, "linux") &&
		(!rules || !rules->first || json_is_true(json_get(rules->first, "allow"))))
		ratchet_bad(c->bad, "device rules do not begin with a denial");
	if (!most)
		ratchet_bad(c->bad, "the profile's devices cannot be judged");
	else
		ratchet_device_rules(json_root(most), rules, c->bad);
}

/* An absent limit is zero to a runtime written in Go; crun refuses the document. */
static bool at_most(const struct json *limit, uint64_t max)
{
	uint64_t n;

	return !limit || json_u64(limit, max, &n);
}

static void limits(const struct court *c)
{
	const struct json *pids = json_at(c->out, "/linux/resources/pids");
	const struct json *memory = json_at(c->out, "/linux/resources/memory");
	const struct json *rlimits = json_at(c->out, "/process/rlimits");
	uint64_t most;

	json_each (v, json_at(c->out, "/linux/sysctl")) {
		/* low ports by the one or by the other */
		bool low = strcmp(v->key, "net.ipv4.ip_unprivileged_port_start") == 0 &&
			   c->p->capabilities >> 10 & 1;

		if (!low && !strv_glob(&c->p->sysctl, v->key))
			ratchet_bad(c->bad, "sysctl %s", v->key);
		if (json_str(v) && strpbrk(json_str(v), "\n+="))
			ratchet_bad(c->bad, "sysctl %s has an odd value", v->key);
	}
	if (c->p->resources.pids >= 0 && !c->w->in_user_ns &&
		(!json_u64(json_get(pids, "limit"), (uint64_t)c->p->resources.pids, &most) ||
			most == 0))
		ratchet_bad(c->bad, "no or too high a limit of pids");
	if (c->p->resources.memory >= 0 && !c->w->in_user_ns &&
		(!json_u64(json_get(memory, "limit"), (uint64_t)c->p->resources.memory, &most) ||
			most == 0))
		ratchet_bad(c->bad, "no or too high a limit of memory");
	for (size_t i = 0; i < c->p->resources.n_rlimits && json_get(c->out, "process"); i++) {
		const struct rlimit_ceiling *r = &c->p->resources.rlimits[i];
		bool held = false;

		json_each (v, rlimits)
			held |= strcmp(text(v, "type"), r->type) == 0 &&
				at_most(json_get(v, "hard"), r->max) &&
				at_most(json_get(v, "soft"), r->max);
		if (!held)
			ratchet_bad(c->bad, "%s is not held", r->type);
	}
}

static void seccomp(const struct court *c)
{
	const char *action = json_str(json_at(c->out, "/linux/seccomp/defaultAction"));

	if (c->p->seccomp.unconfined)
		return;
	if (!action ||
		(strcmp(action, "SCMP_ACT_ERRNO") != 0 && !str_starts(action, "SCMP_ACT_KILL")))
		ratchet_bad(c->bad, "the filter's default is %s", action ? action : "missing");
}

size_t ceiling(
	const struct json *out, const struct profile *p, const struct world *w, struct strv *bad)
{
	struct court c = {out, p, w, bad};
	size_t before = bad->n;

	process(&c);
	namespaces(&c);
	hooks(&c);
	annotations(&c);
	rootfs(&c);
	linux_paths(&c);
	devices(&c);
	limits(&c);
	seccomp(&c);
	return bad->n - before;
}
