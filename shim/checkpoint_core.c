/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_core - one image of a checkpoint against one profile.
 */
#include "shim/checkpoint_core.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "profiles/capset.h"
#include "shim/base/str.h"
#include "shim/checkpoint_filter.h"
#include "shim/limits.h"

void checkpoint_note(struct checkpoint_judge *j, enum checkpoint_kind kind, const char *image,
	const char *fmt, ...)
{
	struct checkpoint_finding *f = &j->found[kind];
	va_list ap;

	if (f->n++)
		return;
	snprintf(f->image, sizeof f->image, "%.*s", NAME_SHOWN - 1, image);
	va_start(ap, fmt);
	(void)vsnprintf(f->what, sizeof f->what, fmt, ap);
	va_end(ap);
}

/* ---- what is allowed ---- */

static uint64_t caps_of(const struct json *caps, const char *set)
{
	uint64_t all = 0;

	json_each (v, json_get(caps, set)) {
		int n = json_str(v) ? capset_number(json_str(v)) : -1;

		if (n >= 0)
			all |= (uint64_t)1 << n;
	}
	return all;
}

static void bound_caps(struct checkpoint_judge *j, const struct json *process)
{
	const struct json *caps = json_get(process, "capabilities");
	uint64_t permitted = caps_of(caps, "permitted"), bounding = caps_of(caps, "bounding");

	/* a set-user-id program gains what is bounding, unless nothing can be gained */
	if (!j->no_new_privs)
		permitted |= bounding;
	j->caps[CRIU_BOUNDING] = (bounding | permitted) & j->p->capabilities;
	j->caps[CRIU_PERMITTED] = j->caps[CRIU_EFFECTIVE] = permitted & j->p->capabilities;
	/* inheritable and ambient are emptied by every profile: nothing is within them */
}

static void bound_rlimits(struct checkpoint_judge *j, const struct json *process)
{
	for (size_t i = 0; i < CRIU_RLIMITS_MAX; i++)
		j->rlimits[i] = UINT64_MAX;
	for (size_t i = 0; limits_rlimits[i].name; i++) {
		uint64_t *limit = &j->rlimits[limits_rlimits[i].number], hard;

		json_each (v, json_get(process, "rlimits")) {
			const char *type = json_str(json_get(v, "type"));

			if (type && strcmp(type, limits_rlimits[i].name) == 0 &&
				json_u64(json_get(v, "hard"), UINT64_MAX, &hard) && hard < *limit)
				*limit = hard;
		}
		for (size_t k = 0; k < j->p->resources.n_rlimits; k++)
			if (strcmp(j->p->resources.rlimits[k].type, limits_rlimits[i].name) == 0 &&
				j->p->resources.rlimits[k].max < *limit)
				*limit = j->p->resources.rlimits[k].max;
	}
}

static const enum ns_type ns_types[CRIU_NAMESPACES] = {
	[CRIU_NS_PID] = NS_PID,
	[CRIU_NS_NETWORK] = NS_NETWORK,
	[CRIU_NS_IPC] = NS_IPC,
	[CRIU_NS_UTS] = NS_UTS,
	[CRIU_NS_MOUNT] = NS_MOUNT,
	[CRIU_NS_USER] = NS_USER,
	[CRIU_NS_CGROUP] = NS_CGROUP,
	[CRIU_NS_TIME] = NS_TIME,
};

/* Those the configuration has, new or joined, but for what may be the host's anyway. */
static void bound_namespaces(struct checkpoint_judge *j, const struct json *root)
{
	json_each (v, json_at(root, "/linux/namespaces")) {
		const char *type = json_str(json_get(v, "type"));

		for (size_t i = 0; type && i < CRIU_NAMESPACES; i++)
			if (strcmp(type, ns_name(ns_types[i])) == 0 &&
				!(j->p->namespaces.host >> ns_types[i] & 1))
				j->own |= 1u << i;
	}
}

static const char *label_asked(const struct json *process)
{
	static const char *const keys[] = {"apparmorProfile", "selinuxLabel"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *text = json_str(json_get(process, keys[i]));

		if (text && *text)
			return text;
	}
	return NULL;
}

void checkpoint_bound(
	struct checkpoint_judge *j, const struct checkpoint_ask *ask, const struct profile *p)
{
	const struct json *root = json_root(ask->doc), *process = json_get(root, "process");

	*j = (struct checkpoint_judge){.ask = ask, .p = p};
	j->no_new_privs =
		p->no_new_privileges || json_is_true(json_get(process, "noNewPrivileges"));
	j->filter = !p->seccomp.unconfined || json_at(root, "/linux/seccomp");
	j->floor = checkpoint_filter_floor(ask->doc);
	j->label = ask->relabelled ? NULL : label_asked(process);
	j->nice = getpriority(PRIO_PROCESS, 0);
	if (j->nice > 0)
		j->nice = 0;
	bound_namespaces(j, root);
	bound_caps(j, process);
	bound_rlimits(j, process);
}

/* ---- one process ---- */

/* What ID of the container is on the host. False: its user namespace has no such id. */
static bool outside(
	const struct checkpoint_judge *j, const char *mappings, uint32_t id, uint64_t *out)
{
	const struct json *list = json_at(json_root(j->ask->doc), mappings);
	uint64_t first, host, size;

	*out = id;
	json_each (m, list) {
		first = host = size = 0;
		json_u64(json_get(m, "containerID"), UINT32_MAX, &first);
		json_u64(json_get(m, "hostID"), UINT32_MAX, &host);
		json_u64(json_get(m, "size"), UINT32_MAX, &size);
		if (id >= first && id - first < size) {
			*out = host + (id - first);
			return true;
		}
	}
	return !list || !list->first;
}

static void judge_id(
	struct checkpoint_judge *j, const char *image, const char *what, bool group, uint32_t id)
{
	const char *mappings = group ? "/linux/gidMappings" : "/linux/uidMappings";
	uint64_t host;

	if (id > INT32_MAX)
		checkpoint_note(j, KIND_ID, image, "%s %u, which is above 2147483647", what, id);
	else if (!outside(j, mappings, id, &host))
		checkpoint_note(j, KIND_ID, image,
			"%s %u, which the container's user namespace does not have", what, id);
	else if (j->p->user.root == ROOT_ALLOW)
		return;
	else if (id == 0)
		checkpoint_note(j, KIND_ROOT, image, "%s 0", what);
	else if (host == 0 && !j->ask->in_user_ns)
		checkpoint_note(j, KIND_ROOT, image,
			"%s %u, root of the host by the container's mapping,", what, id);
}

static void judge_ids(struct checkpoint_judge *j, const char *image, const struct criu_core *c)
{
	static const struct {
		const char *name;
		bool group;
	} ids[CRIU_IDS] = {
		[CRIU_UID] = {"uid", false},
		[CRIU_GID] = {"gid", true},
		[CRIU_EUID] = {"effective uid", false},
		[CRIU_EGID] = {"effective gid", true},
		[CRIU_SUID] = {"saved uid", false},
		[CRIU_SGID] = {"saved gid", true},
		[CRIU_FSUID] = {"file system uid", false},
		[CRIU_FSGID] = {"file system gid", true},
	};

	for (size_t i = 0; i < CRIU_IDS; i++)
		judge_id(j, image, ids[i].name, ids[i].group, c->ids[i]);
	for (size_t i = 0; i < c->n_groups; i++)
		judge_id(j, image, "group", true, c->groups[i]);
}

static void judge_caps(struct checkpoint_judge *j, const char *image, const struct criu_core *c)
{
	/* what lets a process keep its rights when its user changes; to lock it is no more */
	static const uint32_t keeps = SECBIT_NO_SETUID_FIXUP, all = 0xff;
	bool more = false;

	for (size_t i = 0; i < CRIU_CAPS; i++) {
		j->more[i] |= c->caps[i] & ~j->caps[i];
		more = more || c->caps[i] & ~j->caps[i];
	}
	if (more)
		checkpoint_note(j, KIND_CAPS, image, "%s", "");
	if ((c->securebits & keeps && !(j->caps[CRIU_PERMITTED] >> CAP_SETPCAP & 1)) ||
		c->securebits & ~all)
		checkpoint_note(j, KIND_SECUREBITS, image, "%#x", c->securebits);
}

/* AppArmor's mode may stand behind its name. */
static bool has_label(const struct criu_core *c, const char *wanted)
{
	static const char mode[] = " (enforce)";
	size_t len = strlen(wanted), n = sizeof mode - 1;

	if (!c->label || c->label_len < len || memcmp(c->label, wanted, len) != 0)
		return false;
	return c->label_len == len ||
	       (c->label_len == len + n && memcmp(c->label + len, mode, n) == 0);
}

static void judge_scheduling(
	struct checkpoint_judge *j, const char *image, const struct criu_core *c)
{
	if (j->caps[CRIU_PERMITTED] >> CAP_SYS_NICE & 1)
		return;
	if (c->policy != SCHED_OTHER && c->policy != SCHED_BATCH && c->policy != SCHED_IDLE)
		checkpoint_note(
			j, KIND_SCHEDULING, image, "real-time scheduling (policy %u)", c->policy);
	else if (c->nice < j->nice)
		checkpoint_note(
			j, KIND_SCHEDULING, image, "nice %d, ahead of others on the node", c->nice);
}

static void judge_limits(struct checkpoint_judge *j, const char *image, const struct criu_core *c)
{
	for (size_t i = 0; limits_rlimits[i].name; i++) {
		size_t number = (size_t)limits_rlimits[i].number;

		if (number < c->n_rlimits && c->rlimits[number].hard > j->rlimits[number])
			checkpoint_note(j, KIND_RLIMIT, image, "%s above %llu",
				limits_rlimits[i].name, (unsigned long long)j->rlimits[number]);
	}
	if (c->has_oom && c->oom < 0)
		checkpoint_note(j, KIND_OOM, image, "oom_score_adj %d", c->oom);
}

static void judge_filter(struct checkpoint_judge *j, const char *image, const struct criu_core *c,
	const struct checkpoint_filters *filters)
{
	AUTO_STR struct str names = STR_INIT;

	if (!j->filter)
		return;
	if (c->seccomp_mode != SECCOMP_MODE_FILTER || !c->has_filter) {
		checkpoint_note(j, KIND_SECCOMP, image, "no filter of system calls (mode %u)",
			c->seccomp_mode);
	} else if (c->filter >= filters->n) {
		checkpoint_note(j, KIND_SECCOMP, image,
			"a filter of system calls (%u) that seccomp.img does not have", c->filter);
	} else if (j->floor & ~filters->denied[c->filter]) {
		checkpoint_filter_names(j->floor & ~filters->denied[c->filter], &names);
		j->failed = j->failed || str_failed(&names);
		checkpoint_note(
			j, KIND_SECCOMP, image, "a filter that lets pass %s", str_text(&names));
	}
}

void checkpoint_core(struct checkpoint_judge *j, const char *image, const struct criu_core *c,
	const struct checkpoint_filters *filters)
{
	if (c->dead)
		return;
	judge_ids(j, image, c);
	judge_caps(j, image, c);
	if (j->no_new_privs && !c->no_new_privs)
		checkpoint_note(j, KIND_NO_NEW_PRIVS, image, "%s", "");
	judge_filter(j, image, c, filters);
	if (j->label && !has_label(c, j->label))
		checkpoint_note(
			j, KIND_LABEL, image, "another label than %.64s, or none", j->label);
	judge_limits(j, image, c);
	judge_scheduling(j, image, c);
}

/* ---- namespaces ---- */

void checkpoint_namespaces(struct checkpoint_judge *j, const char *image,
	const struct criu_namespaces *of, const struct criu_namespaces *host)
{
	AUTO_STR struct str names = STR_INIT;

	for (size_t i = 0; i < CRIU_NAMESPACES; i++)
		if (j->own >> i & 1 && of->id[i] == host->id[i])
			str_addf(&names, "%s%s", names.len ? ", " : "", ns_name(ns_types[i]));
	j->failed = j->failed || str_failed(&names);
	if (names.len)
		checkpoint_note(j, KIND_NAMESPACE, image, "%s", str_text(&names));
}

static void judge_extents(struct checkpoint_judge *j, const char *image, const char *mappings,
	const struct criu_extent *all, size_t n)
{
	const struct json *list = json_at(json_root(j->ask->doc), mappings);

	for (size_t i = 0; i < n; i++) {
		bool within = false;

		json_each (m, list) {
			uint64_t first = 0, host = 0, size = 0;

			json_u64(json_get(m, "containerID"), UINT32_MAX, &first);
			json_u64(json_get(m, "hostID"), UINT32_MAX, &host);
			json_u64(json_get(m, "size"), UINT32_MAX, &size);
			within = within ||
				 (all[i].inside >= first &&
					 (uint64_t)all[i].inside + all[i].count <= first + size &&
					 all[i].inside - first + host == all[i].outside);
		}
		if (!within)
			checkpoint_note(j, KIND_MAP, image, "%u becomes %u of the host (%u ids)",
				all[i].inside, all[i].outside, all[i].count);
	}
}

void checkpoint_maps(struct checkpoint_judge *j, const char *image, const struct criu_userns *maps)
{
	judge_extents(j, image, "/linux/uidMappings", maps->uids, maps->n_uids);
	judge_extents(j, image, "/linux/gidMappings", maps->gids, maps->n_gids);
}
