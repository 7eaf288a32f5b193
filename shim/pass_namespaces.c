/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_namespaces - own namespaces; no join of the host's.
 *
 * A type that is not listed is the host's (config-linux.md), and so is a path to the host's: Docker's
 * --network host and the containers of a pod with hostNetwork have one. Names tell nothing, the
 * world compares inodes.
 *
 * user and time are left out on every ordinary start. Without a user namespace the container's root is
 * the host's, which is what the controls user and capabilities are for; the clocks' offsets of the
 * host are nobody's secret. So a missing one is no finding.
 */
#include "shim/pass.h"

#include <stdio.h>
#include <string.h>

static const char place[] = "/linux/namespaces";

/* What to do about a type that is not listed: "host" and "add" of the profile decide, but for these. */
static const unsigned always_added = 1u << NS_MOUNT; /* no runtime works without one */
static const unsigned may_be_absent = 1u << NS_USER | 1u << NS_TIME;

/* The members of a pod share these with its sandbox; who joins one of them, and by the same process
 * also its pid or user namespace, is a member. */
static const unsigned of_sandbox = 1u << NS_NETWORK | 1u << NS_IPC | 1u << NS_UTS;
static const unsigned only_in_pod = 1u << NS_PID | 1u << NS_USER;

static bool in(unsigned mask, int type)
{
	return mask & 1u << type;
}

/* The length of "/proc/N/ns/" when PATH is "/proc/N/ns/NAME", N a number; else 0. */
static size_t proc_prefix(const char *path)
{
	size_t digits;

	if (!str_starts(path, "/proc/"))
		return 0;
	digits = strspn(path + 6, "0123456789");
	if (digits == 0 || !str_starts(path + 6 + digits, "/ns/"))
		return 0;
	return 6 + digits + 4;
}

/* A path that leads the runtime elsewhere than us: descriptors, above all. */
static bool is_own_view(const char *path)
{
	if (str_starts(path, "/proc/self/ns/") || proc_prefix(path))
		return false;
	return str_starts(path, "/proc/") || str_starts(path, "/dev/");
}

/* A and B are two namespaces of one sandbox: of one process, or pinned by CRI-O as DIR/netns/NAME and
 * DIR/userns/NAME. */
static bool same_sandbox(const char *a, const char *b)
{
	size_t n = proc_prefix(a);
	const char *name_a, *name_b, *dir_a, *dir_b;

	if (n)
		return strncmp(a, b, n) == 0;
	name_a = strrchr(a, '/');
	name_b = strrchr(b, '/');
	if (!name_a || !name_b || name_a[1] == '\0' || strcmp(name_a, name_b) != 0 ||
		proc_prefix(b))
		return false;
	dir_a = memrchr(a, '/', (size_t)(name_a - a));
	dir_b = memrchr(b, '/', (size_t)(name_b - b));
	return dir_a && dir_b && dir_a - a == dir_b - b && dir_a != a &&
	       strncmp(a, b, (size_t)(dir_a - a)) == 0;
}

/* PATH and OTHER (types TYPE and OTHER_TYPE) are of one sandbox, by name or because OTHER is what the
 * process of PATH has (CRI-O: the pid namespace by process, the network namespace pinned). */
static bool related(const struct world *w, const char *path, int other_type, const char *other)
{
	static const char *const files[NS_COUNT] = {
		[NS_NETWORK] = "net", [NS_IPC] = "ipc", [NS_UTS] = "uts"};
	size_t n = proc_prefix(path);
	char of_process[64];
	bool same = false;

	if (same_sandbox(path, other))
		return true;
	if (!n || n + 4 > sizeof of_process || !w->ns_same)
		return false;
	snprintf(of_process, sizeof of_process, "%.*s%s", (int)n, path, files[other_type]);
	return w->ns_same(w->arg, of_process, other, &same, NULL) == 0 && same;
}

static bool joins_sandbox(const struct json *list, const struct world *w, const char *path)
{
	json_each (v, list) {
		const char *type = json_str(json_get(v, "type"));
		const char *other = json_str(json_get(v, "path"));
		int t = type ? ns_from_name(type) : -1;

		if (t >= 0 && in(of_sandbox, t) && other && related(w, path, t, other))
			return true;
	}
	return false;
}

/* An entry with a path: what it joins. */
static void judge_join(struct edit *ed, const struct profile *p, const struct world *w,
	const struct json *list, struct json *entry, int type)
{
	struct json *v = json_get(entry, "path");
	const char *path = json_str(v);
	enum world_ns is = WORLD_NS_BAD;
	struct err e = {0};

	if (!path || !*path)
		return; /* a new one */
	if (is_own_view(path)) {
		edit_deny(ed, v, "%s is not the same namespace to every process", path);
	} else if (*path != '/') {
		edit_deny(ed, v, "the %s namespace's path \"%s\" is not absolute",
			ns_name((enum ns_type)type), path);
	} else if (w->ns_path(w->arg, (enum ns_type)type, path, &is, &e) < 0) {
		edit_deny(ed, v, "cannot tell whose %s namespace this is: %s",
			ns_name((enum ns_type)type), e.msg);
	} else if (is == WORLD_NS_BAD) {
		edit_deny(ed, v, "%s is not a %s namespace", path, ns_name((enum ns_type)type));
	} else if (is == WORLD_NS_HOST && !in(p->namespaces.host, type)) {
		if (in(p->namespaces.add, type))
			edit_remove(ed, v, "%s is the host's %s namespace: a new one instead", path,
				ns_name((enum ns_type)type));
		else
			edit_deny(ed, v, "the host's %s namespace is not allowed: %s is it",
				ns_name((enum ns_type)type), path);
	} else if (type == NS_MOUNT && is != WORLD_NS_HOST) {
		edit_deny(ed, v, "joining another mount namespace is not allowed");
	} else if (in(only_in_pod, type) && !(type == NS_PID && in(p->namespaces.host, NS_PID)) &&
		   !joins_sandbox(list, w, path)) {
		edit_deny(ed, v,
			"joining the %s namespace of another container is allowed only together "
			"with its "
			"network, ipc or uts namespace, as in a pod",
			ns_name((enum ns_type)type));
	}
}

static void judge_missing(struct edit *ed, const struct profile *p, int type)
{
	const char *name = ns_name((enum ns_type)type);
	struct json *entry;

	if (in(always_added | (p->namespaces.add & ~(1u << NS_USER)), type)) {
		entry = json_object(ed->doc);
		if (json_put(ed->doc, entry, "type", json_string(ed->doc, name)) < 0)
			entry = NULL;
		edit_push(ed, edit_array(ed, place, "a list for the container's own namespaces"),
			entry, "without this it would have the host's %s namespace", name);
	} else if (!in(may_be_absent, type)) {
		edit_deny_at(ed, place,
			"the host's %s namespace is not allowed: the container asks for none of "
			"its own",
			name);
	}
}

void pass_namespaces(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *list = json_at(ed->root, place);
	unsigned seen = 0;

	json_each (v, list) {
		const char *name = json_str(json_get(v, "type"));
		int type = name ? ns_from_name(name) : -1;

		if (type < 0) {
			edit_deny(ed, v, "namespace type \"%s\" is not known", name ? name : "");
			continue;
		}
		/* runtimes differ on which of two entries counts */
		if (in(seen, type))
			edit_deny(ed, v, "there are two entries for the %s namespace", name);
		seen |= 1u << type;
		judge_join(ed, p, w, list, v, type);
	}
	for (int type = 0; type < NS_COUNT; type++)
		if (!in(seen | p->namespaces.host, type) || (in(always_added & ~seen, type)))
			judge_missing(ed, p, type);
}
