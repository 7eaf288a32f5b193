/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_user - root is refused, remapped or allowed; ids are whole and sane.
 *
 * Only numbers count, never names and never the image's passwd: an id that overflowed or was looked
 * up has run as root (CVE-2024-40635, CVE-2026-46680). An absent user or id is 0. Unless root is
 * allowed, group 0 counts as root as well, primary or supplementary: what belongs to the group root
 * on the host's volumes is not the container's. uid, gid and additionalGids change together, or a
 * stray group would stay behind (CVE-2022-36109, CVE-2023-25173).
 *
 * With root goes the only way to ports below 1024 that a process without capabilities does not have. Where
 * both the caller and the profile grant them, the sysctl gives them back: see keep_low_ports.
 */
#include "shim/pass.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>

enum { UMASK_MAX = 0777 };

/* An id above 2^31-1 is negative for some reader. False: refused. */
static bool id_sane(struct edit *ed, const struct json *v, const char *what, uint64_t *out)
{
	*out = 0;
	if (!v || json_u64(v, INT32_MAX, out))
		return true;
	edit_deny(ed, v, "%s %s is above 2147483647 (CVE-2024-40635); use a smaller number", what,
		v->text);
	return false;
}

static bool groups_sane(struct edit *ed, const struct json *groups)
{
	bool sane = true;
	uint64_t gid;

	json_each (v, groups) {
		if (v->text[0] == '-') {
			edit_deny(ed, v, "group %s is negative", v->text);
			sane = false;
		} else if (!id_sane(ed, v, "group", &gid)) {
			sane = false;
		}
	}
	return sane;
}

/* The supplementary groups become the profile's, whatever the image's root was a member of. */
static void remap_groups(struct edit *ed, struct json *user, const struct profile *p)
{
	struct json *groups = json_get(user, "additionalGids");
	struct json *mine = json_array(ed->doc);

	for (size_t i = 0; i < p->user.n_groups; i++) {
		if (p->user.groups[i] && json_push(mine, json_uint(ed->doc, p->user.groups[i])) < 0)
			ed->failed = true;
	}
	if (groups || (mine && mine->count))
		edit_put(ed, user, "additionalGids", mine,
			"the groups of root do not go with the remapped user");
}

/* The runtime cannot make a process an id its user namespace does not have; its own message for that
 * helps nobody. */
static bool has_mapping(struct edit *ed, const char *place, uint32_t id)
{
	const struct json *list = json_at(ed->root, place);
	uint64_t first, size;

	json_each (m, list) {
		if (json_u64(json_get(m, "containerID"), UINT32_MAX, &first) &&
			json_u64(json_get(m, "size"), UINT32_MAX, &size) && id >= first &&
			id - first < size)
			return true;
	}
	if (!list || !list->first)
		return true;
	edit_deny(ed, list,
		"root is remapped to %u, which the container's user namespace does not have; map "
		"it, or set another user",
		id);
	return false;
}

static void remap(struct edit *ed, const struct profile *p)
{
	bool uid = has_mapping(ed, "/linux/uidMappings", p->user.uid);
	bool gid = has_mapping(ed, "/linux/gidMappings", p->user.gid);
	struct json *user;

	if (!uid || !gid)
		return;
	user = edit_object(ed, "/process/user", "root is remapped; absent means root");
	if (!user)
		return;
	edit_put(ed, user, "uid", json_uint(ed->doc, p->user.uid),
		"root is remapped; give the image a USER or set runAsUser to choose the number");
	edit_put(ed, user, "gid", json_uint(ed->doc, p->user.gid),
		"root's group is remapped with it");
	remap_groups(ed, user, p);
}

/* The user is not root: neither may its groups be. */
static void drop_group_root(
	struct edit *ed, const struct profile *p, struct json *user, uint64_t gid)
{
	uint64_t extra;

	if (gid == 0)
		edit_put(ed, user, "gid", json_uint(ed->doc, p->user.gid),
			"group 0 counts as root; set runAsGroup to choose another");
	json_each_safe (v, json_get(user, "additionalGids")) {
		if (json_u64(v, UINT64_MAX, &extra) && extra == 0)
			edit_remove(ed, v, "group 0 counts as root");
	}
}

/* A mapping of the container's user namespace makes ID the host's root. */
static bool is_host_root(const struct edit *ed, const char *mappings, uint64_t id)
{
	json_each (m, json_at(ed->root, mappings)) {
		uint64_t inside = 0, outside = 0, size = 0;

		json_u64(json_get(m, "containerID"), UINT64_MAX, &inside);
		json_u64(json_get(m, "hostID"), UINT64_MAX, &outside);
		json_u64(json_get(m, "size"), UINT64_MAX, &size);
		if (outside == 0 && size > 0 && inside == id)
			return true;
	}
	return false;
}

/* What is not 0 inside must not be 0 outside; the user is what it will be. */
static void judge_mapped(struct edit *ed, const struct json *user)
{
	static const char uids[] = "/linux/uidMappings", gids[] = "/linux/gidMappings";
	static const char why[] = "%s %" PRIu64 " of the container is root on the host (hostID 0)";
	uint64_t uid = 0, gid = 0, extra;

	json_u64(json_get(user, "uid"), UINT64_MAX, &uid);
	json_u64(json_get(user, "gid"), UINT64_MAX, &gid);
	if (is_host_root(ed, uids, uid))
		edit_deny_at(ed, uids, why, "user", uid);
	if (is_host_root(ed, gids, gid))
		edit_deny_at(ed, gids, why, "group", gid);
	json_each (v, json_get(user, "additionalGids"))
		if (json_u64(v, UINT64_MAX, &extra) && is_host_root(ed, gids, extra))
			edit_deny_at(ed, gids, why, "group", extra);
}

/* ---- ports below 1024 ---- */

static bool holds(const struct json *caps, const char *set, const char *name)
{
	json_each (v, json_get(caps, set))
		if (json_str(v) && strcmp(json_str(v), name) == 0)
			return true;
	return false;
}

/* The program the caller asked for would have the capability in effect: execve(2) gives root what is
 * permitted and bounding, anybody else what is ambient (capabilities(7)). */
static bool binds_low_ports(const struct edit *ed, bool root)
{
	static const char *const sets[] = {
		"bounding", "permitted", "effective", "inheritable", "ambient"};
	const struct json *caps = json_at(ed->root, "/process/capabilities");

	for (size_t i = 0; i < (root ? 3 : 5); i++)
		if (!holds(caps, sets[i], "CAP_NET_BIND_SERVICE"))
			return false;
	return true;
}

/* A network namespace that is made for this container. One that is joined has others in it, who would
 * gain; so has, a moment later, the one of a pod's sandbox. */
static bool is_alone(const struct edit *ed)
{
	static const char *const kinds[] = {
		"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};
	const struct json *annotations = json_get(ed->root, "annotations");
	unsigned made = 0, other = 0;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (json_get(annotations, kinds[i]))
			return false;
	json_each (v, json_at(ed->root, "/linux/namespaces")) {
		const char *type = json_str(json_get(v, "type"));
		const char *path = json_str(json_get(v, "path"));

		if (type && strcmp(type, ns_name(NS_NETWORK)) == 0)
			path &&*path ? other++ : made++;
	}
	return made == 1 && other == 0;
}

/* A process that is not root has no capability in effect once the ambient set is empty. What the caller
 * could bind, and the profile lets a container bind, stays: by the sysctl. */
static void keep_low_ports(struct edit *ed, const struct profile *p, bool root)
{
	const struct json *set = json_at(ed->root, "/linux/sysctl");

	if (!(p->capabilities >> CAP_NET_BIND_SERVICE & 1) ||
		(set && json_member(set, pass_low_ports)) || !binds_low_ports(ed, root) ||
		!is_alone(ed))
		return;
	edit_put(ed, edit_object(ed, "/linux/sysctl", "a place for the container's sysctls"),
		pass_low_ports, json_string(ed->doc, "0"),
		"the process is not root: ports below 1024, which it could bind by "
		"CAP_NET_BIND_SERVICE, stay open to it");
}

void pass_user(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *process = json_get(ed->root, "process");
	struct json *user = json_get(process, "user");
	struct json *umask = json_get(user, "umask");
	uint64_t uid, gid, mask;
	bool sane;

	if (!process)
		return;
	sane = id_sane(ed, json_get(user, "uid"), "uid", &uid);
	sane = id_sane(ed, json_get(user, "gid"), "gid", &gid) && sane;
	sane = groups_sane(ed, json_get(user, "additionalGids")) && sane;
	if (umask && !json_u64(umask, UMASK_MAX, &mask))
		edit_deny(ed, umask, "umask %s is above 0777", umask->text);
	if (!sane)
		return;
	if (uid != 0 || p->user.root == ROOT_REMAP)
		keep_low_ports(ed, p, uid == 0);
	if (p->user.root == ROOT_ALLOW)
		return;
	if (uid != 0)
		drop_group_root(ed, p, user, gid);
	else if (p->user.root == ROOT_REMAP)
		remap(ed, p);
	else
		edit_deny_at(ed, "/process/user/uid",
			"the process would run as root (uid 0); give the image a USER other than "
			"root or set runAsUser to a number other than 0");
	/* rootless, the one who started it is 0 outside */
	if (!w->in_user_ns)
		judge_mapped(ed, json_get(process, "user"));
}
