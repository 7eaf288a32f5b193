/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet - the judge's table, process and the rest of the document.
 *
 * Every member that has no rule of its own must be the same as in the input, or gone.
 */
#include "tests/ratchet.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ratchet_bad(struct strv *bad, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (strv_add(bad, text) < 0)
		abort();
}

const struct json *ratchet_get(const struct json *v, const char *key, enum json_type type)
{
	const struct json *m = json_get(v, key);

	return json_is(m, type) ? m : NULL;
}

bool ratchet_has_string(const struct json *array, const char *text)
{
	json_each (v, array)
		if (json_str(v) && strcmp(json_str(v), text) == 0)
			return true;
	return false;
}

bool ratchet_has(const struct json *array, const struct json *v)
{
	json_each (u, array)
		if (json_equal(u, v))
			return true;
	return false;
}

static int64_t number(const struct json *v, int64_t absent)
{
	int64_t n = absent;

	json_i64(v, INT64_MIN, INT64_MAX, &n);
	return n;
}

/* ---- process ---- */

/* No object is no capability (runc and crun drop all). */
static void capabilities(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (set, out) {
		const struct json *had = ratchet_get(in, set->key, JSON_ARRAY);

		json_each (cap, set)
			if (json_str(cap) && !ratchet_has_string(had, json_str(cap)))
				ratchet_bad(bad, "capabilities: %s gained in %s", json_str(cap),
					set->key);
	}
}

/* Ids change together, and only when the user was root and is not any more. */
static void user(const struct json *in, const struct json *out, struct strv *bad)
{
	int64_t uid_in = number(json_get(in, "uid"), 0), uid = number(json_get(out, "uid"), 0);
	int64_t gid_in = number(json_get(in, "gid"), 0), gid = number(json_get(out, "gid"), 0);
	bool stepped_down = uid_in == 0 && uid != 0;

	if (uid != uid_in && !stepped_down)
		ratchet_bad(bad, "user: uid %jd became %jd", (intmax_t)uid_in, (intmax_t)uid);
	if (gid != gid_in && (gid == 0 || (gid_in != 0 && !stepped_down)))
		ratchet_bad(bad, "user: gid %jd became %jd", (intmax_t)gid_in, (intmax_t)gid);
	if (uid < 0 || uid > INT32_MAX || gid < 0 || gid > INT32_MAX)
		ratchet_bad(bad, "user: ids %jd:%jd out of range", (intmax_t)uid, (intmax_t)gid);
	json_each (g, ratchet_get(out, "additionalGids", JSON_ARRAY)) {
		int64_t n = number(g, -1);
		bool had = ratchet_has(ratchet_get(in, "additionalGids", JSON_ARRAY), g);

		if (n < 0 || n > INT32_MAX)
			ratchet_bad(bad, "user: group %jd out of range", (intmax_t)n);
		if (!had && (n == 0 || !stepped_down))
			ratchet_bad(bad, "user: group %jd gained", (intmax_t)n);
	}
	json_each (m, out)
		if (strcmp(m->key, "uid") != 0 && strcmp(m->key, "gid") != 0 &&
			strcmp(m->key, "additionalGids") != 0 && m->type != JSON_NULL &&
			!json_equal(m, json_get(in, m->key)))
			ratchet_bad(bad, "user: %s changed", m->key);
}

static void stays_true(const struct json *in, const struct json *out, struct strv *bad)
{
	if (json_is_true(in) && !json_is_true(out))
		ratchet_bad(bad, "%s: was true and is not", in->key);
}

static void never_true(const struct json *in, const struct json *out, struct strv *bad)
{
	if (json_is_true(out) && !json_is_true(in))
		ratchet_bad(bad, "%s: became true", out->key);
}

/* Labels that say "not confined at all". */
static bool no_label(const char *label)
{
	static const char *const types[] = {":spc_t:", ":unconfined_t:", ":unconfined_service_t:",
		":container_runtime_t:", NULL};

	for (const char *const *t = types; *t; t++)
		if (strstr(label, *t))
			return true;
	return !*label || str_ends(label, "unconfined");
}

/* May be set where nothing was, never changed or cleared: /process/apparmorProfile and the like. */
static void label(const struct json *in, const struct json *out, struct strv *bad)
{
	if (json_str(in) && !no_label(json_str(in)) && !json_equal(in, out))
		ratchet_bad(bad, "%s: cleared or changed", in->key);
	if (json_str(out) && no_label(json_str(out)) && !json_equal(in, out))
		ratchet_bad(bad, "%s: set to no confinement", out->key);
}

static void same(const struct json *in, const struct json *out, struct strv *bad)
{
	if (!json_equal(in, out))
		ratchet_bad(bad, "%s: changed or removed", in ? in->key : out->key);
}

/* Every string of OUT was in IN, as often; the order stays. */
static void string_subset(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *next = in ? in->first : NULL;

	json_each (v, out) {
		while (next && !json_equal(next, v))
			next = next->next;
		if (!next) {
			ratchet_bad(bad, "%s: a member was added or moved", out->key);
			return;
		}
		next = next->next;
	}
}

static void map_subset(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (v, out)
		if (v->type != JSON_NULL && !json_equal(v, json_get(in, v->key)))
			ratchet_bad(bad, "%s: %s added or changed", out->key, v->key);
}

/* Ports below 1024 by the one sysctl that may be new: see low_ports. */
static const char low_key[] = "net.ipv4.ip_unprivileged_port_start";

static void sysctls(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (v, out)
		if (v->type != JSON_NULL && !json_equal(v, json_get(in, v->key)) &&
			(strcmp(v->key, low_key) != 0 || json_get(in, v->key)))
			ratchet_bad(bad, "sysctl: %s added or changed", v->key);
}

static const struct json *by_type(const struct json *list, const char *type)
{
	json_each (v, list)
		if (json_str(json_get(v, "type")) &&
			strcmp(json_str(json_get(v, "type")), type) == 0)
			return v;
	return NULL;
}

/* A missing limit is the engine's own, which is as good as none. */
static void rlimits(const struct json *in, const struct json *out, struct strv *bad)
{
	static const char *const parts[] = {"hard", "soft"};

	json_each (was, in) {
		const char *type = json_str(json_get(was, "type"));
		const struct json *is = type ? by_type(out, type) : NULL;

		if (type && !is)
			ratchet_bad(bad, "rlimits: %s removed", type);
		for (int i = 0; is && i < 2; i++) {
			uint64_t a = 0, b = 0; /* absent is zero to Go and to C */

			json_u64(json_get(was, parts[i]), UINT64_MAX, &a);
			json_u64(json_get(is, parts[i]), UINT64_MAX, &b);
			if (b > a)
				ratchet_bad(bad, "rlimits: %s %s raised", type, parts[i]);
		}
	}
	json_each (v, out)
		if (json_str(json_get(v, "type")) &&
			by_type(out, json_str(json_get(v, "type"))) != v)
			ratchet_bad(bad, "rlimits: %s twice", json_str(json_get(v, "type")));
}

static void oom_score(const struct json *in, const struct json *out, struct strv *bad)
{
	if (in && (!out || number(out, INT64_MIN) < number(in, INT64_MIN)))
		ratchet_bad(bad, "oomScoreAdj: lowered or removed");
}

/* ---- hooks, paths ---- */

/* A hook stays as it is; only an explicit environment may be given to one that had none. A member the
 * specification does not name says nothing, and may go. */
static bool same_hook(const struct json *in, const struct json *out)
{
	static const char *const members[] = {"path", "args", "env", "timeout", NULL};

	json_each (m, out)
		if (m->type != JSON_NULL && !json_equal(m, json_get(in, m->key)) &&
			(strcmp(m->key, "env") != 0 || json_get(in, "env")))
			return false;
	json_each (m, in)
		if (m->type != JSON_NULL && !json_get(out, m->key) && str_in(members, m->key))
			return false;
	return true;
}

static void hooks(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (list, out) {
		const struct json *was = ratchet_get(in, list->key, JSON_ARRAY);
		const struct json *next = was ? was->first : NULL;

		json_each (hook, list) {
			while (next && !same_hook(next, hook))
				next = next->next;
			if (!next) {
				ratchet_bad(
					bad, "hooks: %s has one that was not asked for", list->key);
				break;
			}
			next = next->next;
		}
	}
}

/* maskedPaths and readonlyPaths together: masked is the stronger of the two. */
static void linux_paths(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *masked = ratchet_get(out, "maskedPaths", JSON_ARRAY);
	const struct json *readonly = ratchet_get(out, "readonlyPaths", JSON_ARRAY);

	json_each (v, ratchet_get(in, "maskedPaths", JSON_ARRAY))
		if (json_str(v) && !ratchet_has_string(masked, json_str(v)))
			ratchet_bad(bad, "maskedPaths: %s is not masked any more", json_str(v));
	json_each (v, ratchet_get(in, "readonlyPaths", JSON_ARRAY))
		if (json_str(v) && !ratchet_has_string(masked, json_str(v)) &&
			!ratchet_has_string(readonly, json_str(v)))
			ratchet_bad(
				bad, "readonlyPaths: %s is not read-only any more", json_str(v));
}

static void devices(const struct json *in, const struct json *out, struct strv *bad)
{
	json_each (v, out)
		if (!ratchet_has(in, v))
			ratchet_bad(bad, "devices: a node that was not asked for");
}

/* Absent is slave or private, as the runtime likes. */
static int propagation(const struct json *v)
{
	const char *s = json_str(v);

	if (!s || strcmp(s, "slave") == 0 || strcmp(s, "rslave") == 0)
		return 1;
	return str_ends(s, "private") || str_ends(s, "unbindable") ? 0 : 2;
}

static void root_propagation(const struct json *in, const struct json *out, struct strv *bad)
{
	if (propagation(out) > propagation(in))
		ratchet_bad(bad, "rootfsPropagation: more than before");
	if (out && !in && propagation(out) > 1)
		ratchet_bad(bad, "rootfsPropagation: shared added");
}

/* The three numbers of each entry; what else stands there means nothing to a runtime. */
static bool same_mappings(const struct json *a, const struct json *b)
{
	static const char *const keys[] = {"containerID", "hostID", "size"};
	const struct json *y = b ? b->first : NULL;

	json_each (x, a) {
		for (int i = 0; i < 3; i++)
			if (!y || !json_equal(json_get(x, keys[i]), json_get(y, keys[i])))
				return false;
		y = y->next;
	}
	return a && b && a->count == b->count;
}

static bool in_set(const struct json *process, const char *set)
{
	const struct json *caps = json_get(process, "capabilities");

	return ratchet_has_string(ratchet_get(caps, set, JSON_ARRAY), "CAP_NET_BIND_SERVICE");
}

/* capabilities(7), "Transformation of capabilities during execve()", and for what the runtime can raise
 * in the ambient set before. */
static bool binds_low(const struct json *process)
{
	bool permitted = in_set(process, "permitted"), inherits = in_set(process, "inheritable");

	if (number(json_at(process, "/user/uid"), 0) != 0)
		return permitted && inherits && in_set(process, "ambient");
	if (json_is_true(json_get(process, "noNewPrivileges")) && !permitted)
		return false;
	return inherits || in_set(process, "bounding");
}

/* The sysctl opens the ports to everybody in the namespace: only where nobody else is, and who is there
 * could bind them before. */
static void low_ports(const struct json *in, const struct json *out, struct strv *bad)
{
	static const char *const kinds[] = {
		"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};
	const struct json *is = json_get(json_at(out, "/linux/sysctl"), low_key);
	const struct json *ns = by_type(json_at(out, "/linux/namespaces"), "network");
	const char *joined = json_str(json_get(ns, "path"));

	if (!is || json_get(json_at(in, "/linux/sysctl"), low_key))
		return;
	if (!json_str(is) || strcmp(json_str(is), "0") != 0)
		ratchet_bad(bad, "sysctl: %s is not 0", low_key);
	if (!binds_low(json_get(in, "process")))
		ratchet_bad(bad, "sysctl: low ports were not open to the process");
	if (!ns || (joined && *joined))
		ratchet_bad(bad, "sysctl: low ports in a network that others have");
	for (int i = 0; i < 2; i++) {
		const char *kind = json_str(json_get(json_get(in, "annotations"), kinds[i]));

		if (kind && strcmp(kind, "sandbox") == 0)
			ratchet_bad(bad, "sysctl: low ports for a whole pod");
	}
}

/* They say who root is outside: with a user namespace they stay as they are. */
static void id_mappings(const struct json *in, const struct json *out, struct strv *bad)
{
	static const char *const keys[] = {"uidMappings", "gidMappings"};
	const struct json *ns = by_type(ratchet_get(in, "namespaces", JSON_ARRAY), "user");

	for (int i = 0; i < 2; i++) {
		const struct json *was = json_get(in, keys[i]), *is = json_get(out, keys[i]);

		if (is ? !same_mappings(was, is) : was && ns)
			ratchet_bad(bad, "%s: changed or removed", keys[i]);
	}
}

static void spoken_for(const struct json *in, const struct json *out, struct strv *bad)
{
	(void)in, (void)out, (void)bad;
}

/* ---- the document ---- */

static const struct rule {
	const char *place;
	ratchet_fn *judge;
} rules[] = {
	{"/ociVersion", same},
	{"/hostname", same},
	{"/domainname", same},
	{"/root/path", same},
	{"/root/readonly", stays_true},
	{"/mounts", ratchet_mounts},
	{"/hooks", hooks},
	{"/annotations", map_subset},
	{"/process/args", same},
	{"/process/cwd", same},
	{"/process/env", string_subset},
	{"/process/terminal", never_true},
	{"/process/user", user},
	{"/process/capabilities", capabilities},
	{"/process/noNewPrivileges", stays_true},
	{"/process/apparmorProfile", label},
	{"/process/selinuxLabel", label},
	{"/process/rlimits", rlimits},
	{"/process/oomScoreAdj", oom_score},
	{"/linux/mountLabel", label},
	{"/linux/uidMappings", spoken_for}, /* by id_mappings */
	{"/linux/gidMappings", spoken_for},
	{"/linux/namespaces", ratchet_namespaces},
	{"/linux/devices", devices},
	{"/linux/resources", ratchet_resources},
	{"/linux/seccomp", ratchet_seccomp},
	{"/linux/sysctl", sysctls},
	{"/linux/rootfsPropagation", root_propagation},
	{"/linux/maskedPaths", spoken_for}, /* by linux_paths */
	{"/linux/readonlyPaths", spoken_for},
};

static bool has_rule(const char *place)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strcmp(rules[i].place, place) == 0)
			return true;
	return false;
}

/* What no rule speaks of: the same, or gone. An object may be made, empty or for what rules add. */
static void rest(const struct json *in, const struct json *out, const char *place, struct strv *bad)
{
	json_each (v, out) {
		const struct json *was = json_get(in, v->key);
		AUTO_STR struct str here = STR_INIT;

		str_add(&here, place);
		str_addc(&here, '/');
		json_pointer_token(v->key, &here);
		if (v->type == JSON_NULL || has_rule(str_text(&here)))
			continue;
		if (v->type == JSON_OBJECT && (!was || was->type == JSON_OBJECT))
			rest(was, v, str_text(&here), bad);
		else if (!json_equal(was, v))
			ratchet_bad(bad, "%s: new or changed", str_text(&here));
	}
}

size_t ratchet(const struct json *in, const struct json *out, struct strv *bad)
{
	size_t before = bad->n;

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct json *was = json_at(in, rules[i].place);
		const struct json *is = json_at(out, rules[i].place);

		if (was || is)
			rules[i].judge(was, is, bad);
	}
	linux_paths(json_get(in, "linux"), json_get(out, "linux"), bad);
	id_mappings(json_get(in, "linux"), json_get(out, "linux"), bad);
	low_ports(in, out, bad);
	rest(in, out, "", bad);
	return bad->n - before;
}
