/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_linux - the judge of namespaces, device rules and limits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ratchet.h"

/* ---- namespaces ---- */

static const struct json *of_type(const struct json *list, const char *type)
{
	json_each (v, list)
		if (json_str(json_get(v, "type")) &&
			strcmp(json_str(json_get(v, "type")), type) == 0)
			return v;
	return NULL;
}

static const char *path_of(const struct json *ns)
{
	const char *p = json_str(json_get(ns, "path"));

	return p && *p ? p : NULL; /* an empty path is none */
}

/* No entry: the host's. No path: a new one. */
void ratchet_namespaces(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (was, in) {
		const char *type = json_str(json_get(was, "type"));

		if (type && !of_type(out, type))
			ratchet_bad(bad, "namespaces: own %s lost", type);
	}
	json_each (is, out) {
		const char *type = json_str(json_get(is, "type")), *path = path_of(is);
		const struct json *was = type ? of_type(in, type) : NULL;

		if (!type || of_type(out, type) != is)
			ratchet_bad(bad, "namespaces: %s stands twice", type ? type : "?");
		if (path && (!was || !path_of(was) || strcmp(path, path_of(was)) != 0))
			ratchet_bad(bad, "namespaces: %s joins another", type ? type : "?");
		if (!was && type && strcmp(type, "user") == 0)
			ratchet_bad(bad, "namespaces: a user namespace was added");
	}
}

/* ---- device rules ---- */

struct dev {
	char type; /* 'a' any */
	int64_t major, minor; /* -1 any */
	unsigned access; /* bits 1 r, 2 w, 4 m */
	bool allow;
};

struct devs {
	struct dev *v;
	size_t n;
};

static struct dev dev_of(const struct json *rule)
{
	struct dev d = {'a', -1, -1, 0, json_is_true(json_get(rule, "allow"))};
	const char *type = json_str(json_get(rule, "type"));
	const char *access = json_str(json_get(rule, "access"));

	if (type && *type)
		d.type = *type == 'u' ? 'c' : *type;
	json_i64(json_get(rule, "major"), INT64_MIN, INT64_MAX, &d.major);
	json_i64(json_get(rule, "minor"), INT64_MIN, INT64_MAX, &d.minor);
	for (const char *c = access ? access : "rwm"; *c; c++)
		d.access |= *c == 'r' ? 1u : *c == 'w' ? 2u : *c == 'm' ? 4u : 0;
	return d;
}

static struct devs devs_of(const struct json *list)
{
	struct devs l = {NULL, 0};

	if (list && list->count)
		l.v = calloc(list->count, sizeof *l.v);
	json_each (rule, list)
		l.v[l.n++] = dev_of(rule);
	return l;
}

/* What the runtimes allow in every container, whatever the rules say (config-linux.md "Default
 * Devices"; runc's AllowedDevices, which has mknod of everything and /dev/net/tun in old versions). */
static const struct dev always[] = {
	{'c', -1, -1, 4, true},
	{'b', -1, -1, 4, true},
	{'c', 1, 3, 7, true},
	{'c', 1, 5, 7, true},
	{'c', 1, 7, 7, true},
	{'c', 1, 8, 7, true},
	{'c', 1, 9, 7, true},
	{'c', 5, 0, 7, true},
	{'c', 5, 1, 7, true},
	{'c', 5, 2, 7, true},
	{'c', 136, -1, 7, true},
};

static bool matches(const struct dev *rule, char type, int64_t major, int64_t minor)
{
	return (rule->type == 'a' || rule->type == type) &&
	       (rule->major == -1 || rule->major == major) &&
	       (rule->minor == -1 || rule->minor == minor);
}

/* The last rule that speaks of it decides, for each of r, w and m; nobody: DEFAULT. */
static unsigned allowed(
	const struct devs *l, char type, int64_t major, int64_t minor, unsigned by_default)
{
	unsigned got = by_default;

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (matches(&always[i], type, major, minor))
			got |= always[i].access;
	for (size_t i = 0; i < l->n; i++)
		if (matches(&l->v[i], type, major, minor))
			got = l->v[i].allow ? got | l->v[i].access : got & ~l->v[i].access;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (matches(&always[i], type, major, minor))
			got |= always[i].access;
	return got;
}

static bool probe(const struct devs *in, const struct devs *out, int64_t major, int64_t minor,
	struct strv *bad)
{
	static const char types[] = "cb";

	for (const char *t = types; *t; t++) {
		/* without rules the input is taken for strict and the output for lax */
		unsigned a = allowed(in, *t, major, minor, 0);
		unsigned b = allowed(out, *t, major, minor, out->n ? 0 : a);

		if (b & ~a) {
			ratchet_bad(bad, "device rules: %c %jd:%jd gained%s%s%s", *t,
				(intmax_t)major, (intmax_t)minor, b & ~a & 1 ? " r" : "",
				b & ~a & 2 ? " w" : "", b & ~a & 4 ? " m" : "");
			return false;
		}
	}
	return true;
}

/*
 * Two lists of rules are compared on every cell that rules can tell apart: the pairs they name, each
 * major with a minor nobody names, and the other way round. FRESH is a number nobody names.
 */
void ratchet_device_rules(const struct json *in, const struct json *out, struct strv *bad)
{
	enum { FRESH = 987654 };
	struct devs a = devs_of(in), b = devs_of(out);
	const struct devs *both[2] = {&a, &b};
	bool good = probe(&a, &b, FRESH, FRESH, bad);

	for (int k = 0; good && k < 2; k++)
		for (size_t i = 0; good && i < both[k]->n; i++) {
			const struct dev *d = &both[k]->v[i];
			int64_t major = d->major == -1 ? FRESH : d->major;
			int64_t minor = d->minor == -1 ? FRESH : d->minor;

			good = probe(&a, &b, major, minor, bad) && probe(&a, &b, major, FRESH, bad);
			/* "any major, this minor" meets every major that is named */
			for (int m = 0; good && d->major == -1 && d->minor != -1 && m < 2; m++)
				for (size_t j = 0; good && j < both[m]->n; j++)
					if (both[m]->v[j].major != -1)
						good = probe(
							&a, &b, both[m]->v[j].major, minor, bad);
		}
	free(a.v);
	free(b.v);
}

/* ---- limits ---- */

/* A ceiling as a number; nothing, zero and negative are no ceiling. */
static uint64_t ceiling(const struct json *v)
{
	uint64_t n;

	return json_u64(v, UINT64_MAX, &n) && n > 0 ? n : UINT64_MAX;
}

static uint64_t unified(const struct json *resources, const char *key)
{
	const struct json *v = json_get(json_get(resources, "unified"), key);
	uint64_t n = UINT64_MAX;
	const char *s = json_str(v);

	if (s && *s && strspn(s, "0123456789") == strlen(s) && strlen(s) < 19)
		sscanf(s, "%ju", (uintmax_t *)&n);
	return n;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_rule(const char *where)
{
	static const char *const own[] = {"/devices", "/unified", "/memory/limit", "/memory/swap",
		"/memory/disableOOMKiller", "/pids/limit", NULL};

	return str_in(own, where);
}

/* Memory and swap together may be lowered with the limit; what is left for swap, which is what counts on
 * cgroup2, must not grow. 0 and -1 have meanings of their own, and stay. */
static void swap(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *was = json_get(in, "swap"), *is = json_get(out, "swap");
	uint64_t limit_in, limit_out, all_in, all_out;
	bool counts = json_u64(json_get(in, "limit"), INT64_MAX, &limit_in) && limit_in > 0 &&
		      json_u64(was, INT64_MAX, &all_in) && all_in > 0;

	if (json_equal(was, is) && !counts)
		return;
	if (!json_u64(is, INT64_MAX, &all_out) || (was && !json_u64(was, INT64_MAX, &all_in)) ||
		!was || all_out > all_in || all_out == 0)
		ratchet_bad(bad, "resources: swap new, raised or changed");
	else if (counts && (!json_u64(json_get(out, "limit"), INT64_MAX, &limit_out) ||
				   (all_out != all_in && all_out < limit_out) ||
				   (all_out > limit_out &&
					   all_out - limit_out >
						   (all_in > limit_in ? all_in - limit_in : 0))))
		ratchet_bad(bad, "resources: more swap than before");
}

/* What takes something away by being there (config-linux.md, "Control groups"). */
static bool is_limit(const char *key)
{
	static const char *const limits[] = {"shares", "quota", "burst", "period",
		"realtimeRuntime", "realtimePeriod", "cpus", "mems", "idle", "reservation", "swap",
		"kernel", "kernelTCP", "swappiness", "weight", "leafWeight", "weightDevice",
		"throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice",
		"throttleWriteIOPSDevice", "hugepageLimits", "classID", "priorities", "rdma", NULL};

	return str_in(limits, key);
}

/* A member of resources the specification has; what it does not have limits nothing. */
static bool is_known(const char *where)
{
	static const char *const groups[] = {"/cpu", "/memory", "/blockIO", "/network", "/pids",
		"/hugepageLimits", "/rdma", "/devices", "/unified", NULL};
	size_t end = 1 + strcspn(where + 1, "/");

	for (const char *const *g = groups; *g; g++)
		if (strlen(*g) == end && strncmp(*g, where, end) == 0)
			return true;
	return false;
}

/* What the two ceilings do not speak of stays: a limit that goes away is a gain, and so may any
 * other number be. */
static void unchanged(
	const struct json *in, const struct json *out, const char *where, struct strv *bad)
{
	json_each (v, in) {
		AUTO_STR struct str place = STR_INIT;
		const struct json *is = json_get(out, v->key);

		str_addf(&place, "%s/%s", where, v->key);
		if (is_rule(str_text(&place)) || !is_known(str_text(&place)))
			continue;
		if (v->type == JSON_OBJECT && (!is || is->type == JSON_OBJECT))
			unchanged(v, is, str_text(&place), bad);
		else if (v->type != JSON_NULL && !is && is_limit(v->key))
			ratchet_bad(bad, "resources: %s removed", str_text(&place));
	}
	json_each (v, out) {
		AUTO_STR struct str place = STR_INIT;
		const struct json *was = json_get(in, v->key);

		str_addf(&place, "%s/%s", where, v->key);
		if (v->type == JSON_NULL || is_rule(str_text(&place)))
			continue;
		if (v->type != JSON_OBJECT ? !json_equal(v, was) : was && was->type != JSON_OBJECT)
			ratchet_bad(bad, "resources: %s new or changed", str_text(&place));
		else if (!was && v->type == JSON_OBJECT)
			unchanged(NULL, v, str_text(&place), bad);
	}
}

void ratchet_resources(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *mem_in = json_get(in, "memory"), *mem = json_get(out, "memory");
	const struct json *uni_in = json_get(in, "unified"), *uni = json_get(out, "unified");

	ratchet_device_rules(ratchet_get(in, "devices", JSON_ARRAY),
		ratchet_get(out, "devices", JSON_ARRAY), bad);
	if (least(ceiling(json_get(mem, "limit")), unified(out, "memory.max")) >
		least(ceiling(json_get(mem_in, "limit")), unified(in, "memory.max")))
		ratchet_bad(bad, "resources: memory limit raised");
	if (least(ceiling(json_at(out, "/pids/limit")), unified(out, "pids.max")) >
		least(ceiling(json_at(in, "/pids/limit")), unified(in, "pids.max")))
		ratchet_bad(bad, "resources: pids limit raised");
	if (json_is_true(json_get(mem, "disableOOMKiller")) &&
		!json_is_true(json_get(mem_in, "disableOOMKiller")))
		ratchet_bad(bad, "resources: disableOOMKiller set");
	swap(mem_in, mem, bad);
	unchanged(in, out, "", bad);
	json_each (v, uni)
		if (v->type != JSON_NULL && !json_equal(v, json_get(uni_in, v->key)) &&
			strcmp(v->key, "memory.max") != 0 && strcmp(v->key, "pids.max") != 0)
			ratchet_bad(bad, "resources: unified %s new or changed", v->key);
	json_each (v, uni_in)
		if (!json_get(uni, v->key) && str_ends(v->key, ".max") &&
			strcmp(v->key, "memory.max") != 0 && strcmp(v->key, "pids.max") != 0)
			ratchet_bad(bad, "resources: unified %s removed", v->key);
}

/* ---- seccomp, coarsely: by name and action; conditions are judged by compiling the filters ---- */

/* From the kernel's order of precedence: the smaller, the stricter. */
static int rank(const char *action)
{
	static const char *const order[] = {"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL",
		"SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY",
		"SCMP_ACT_TRACE", "SCMP_ACT_LOG", "SCMP_ACT_ALLOW"};

	for (int i = 0; action && i < 9; i++)
		if (strcmp(order[i], action) == 0)
			return i == 2 ? 1 : i;
	return 9;
}

/* The most that any rule, or the default, gives this name. */
static int best(const struct json *filter, const char *name)
{
	int most = -1, dflt = rank(json_str(json_get(filter, "defaultAction")));
	bool whole = false;

	json_each (rule, ratchet_get(filter, "syscalls", JSON_ARRAY)) {
		const struct json *args = ratchet_get(rule, "args", JSON_ARRAY);
		int r = rank(json_str(json_get(rule, "action")));

		if (!ratchet_has_string(json_get(rule, "names"), name))
			continue;
		whole |= !args || args->count == 0;
		most = r > most ? r : most;
	}
	return whole || most > dflt ? most : dflt;
}

void ratchet_seccomp(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *arches = ratchet_get(in, "architectures", JSON_ARRAY);

	/* a filter without default action and rules is none to runc */
	if (!in || (!json_get(in, "defaultAction") && !json_get(in, "syscalls")))
		return;
	if (!out) {
		ratchet_bad(bad, "seccomp: the filter is gone");
		return;
	}
	if (rank(json_str(json_get(out, "defaultAction"))) >
		rank(json_str(json_get(in, "defaultAction"))))
		ratchet_bad(bad, "seccomp: the default action is laxer");
	json_each (rule, ratchet_get(out, "syscalls", JSON_ARRAY)) {
		int r = rank(json_str(json_get(rule, "action")));

		json_each (name, ratchet_get(rule, "names", JSON_ARRAY))
			if (r > rank("SCMP_ACT_ERRNO") && json_str(name) &&
				r > best(in, json_str(name)))
				ratchet_bad(bad, "seccomp: %s gained", json_str(name));
	}
	json_each (v, ratchet_get(out, "architectures", JSON_ARRAY))
		if (arches && arches->count && json_str(v) &&
			!ratchet_has_string(arches, json_str(v)))
			ratchet_bad(bad, "seccomp: architecture %s added", json_str(v));
	json_each (v, ratchet_get(out, "flags", JSON_ARRAY))
		if (!ratchet_has(ratchet_get(in, "flags", JSON_ARRAY), v))
			ratchet_bad(bad, "seccomp: a flag was added");
	if (json_get(out, "listenerPath") &&
		!json_equal(json_get(in, "listenerPath"), json_get(out, "listenerPath")))
		ratchet_bad(bad, "seccomp: another listener");
}
