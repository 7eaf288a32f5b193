/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_process - cwd, labels, scheduling and the rest of process and linux that has no pass of its own.
 *
 * terminal, consoleSize and args are left as asked, but by pass_exec. process.rlimits and oomScoreAdj belong
 * to pass_resources, rootfsPropagation to pass_mounts.
 */
#include "shim/pass.h"

#include <string.h>

#include "shim/base/path.h"

/* Control bytes would forge lines in the files of procfs and cgroupfs these texts are written to. */
static bool has_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static bool leaks_descriptor(const char *path)
{
	return path_in(path, "/proc") || path_in(path, "/dev/fd");
}

/* What a link below /proc leads to is another place to each process, so its text says nothing. */
static bool through_proc(const struct world *w, const char *path)
{
	bool crosses = false;
	struct err e;

	return w->rootfs_crosses &&
	       (w->rootfs_crosses(w->arg, path, "/proc", &crosses, &e) < 0 || crosses);
}

/*
 * A working directory that names an open descriptor of the runtime is a directory of the host
 * (CVE-2024-21626). The image may reach it through a symlink too.
 */
static void judge_cwd(struct edit *ed, const struct json *v, const struct world *w)
{
	const char *cwd = json_str(v);
	struct world_entry entry;
	struct err e = {0};

	if (!cwd || !*cwd)
		return; /* runc refuses it, crun takes "/" */
	if (*cwd != '/' || !path_plain(cwd))
		edit_deny(ed, v,
			"the working directory %s is not absolute and canonical; write it without "
			"\".\", \"..\" and \"//\"",
			cwd);
	else if (leaks_descriptor(cwd))
		edit_deny(ed, v,
			"the working directory %s may be an open directory of the host "
			"(CVE-2024-21626); set WORKDIR or workingDir to one of the image",
			cwd);
	else if (w->rootfs_entry(w->arg, cwd, &entry, &e) < 0)
		edit_deny(ed, v, "the working directory %s cannot be looked at: %s", cwd, e.msg);
	else if (leaks_descriptor(entry.real))
		edit_deny(ed, v,
			"the working directory %s is a symlink to %s, which may be an open "
			"directory of the host (CVE-2024-21626); the image is not to be trusted",
			cwd, entry.real);
	else if (through_proc(w, cwd))
		edit_deny(ed, v,
			"the way to the working directory %s leads through /proc, where a link may "
			"be a directory of the host (CVE-2024-21626); the image is not to be "
			"trusted",
			cwd);
}

static bool apparmor_unconfined(const char *name)
{
	return strcmp(name, "unconfined") == 0 || str_ends(name, "/unconfined") ||
	       str_ends(name, ":unconfined");
}

static void judge_apparmor(struct edit *ed, struct json *v)
{
	const char *name = json_str(v);

	if (!name)
		return;
	if (has_control(name))
		edit_deny(ed, v, "an AppArmor profile name has no control characters");
	else if (apparmor_unconfined(name))
		edit_remove(ed, v,
			"a label may be set, not cleared: the runtime's own AppArmor confinement "
			"holds");
}

/* The type of "user:role:type:level" is one under which SELinux confines nothing. */
static bool selinux_unconfined(const char *label)
{
	static const char *const types[] = {
		"spc_t", "unconfined_t", "unconfined_service_t", "container_runtime_t", NULL};

	for (const char *const *t = types; *t; t++) {
		const char *at = strstr(label, *t);
		size_t len = strlen(*t);

		if (at && (at == label || at[-1] == ':') && (at[len] == '\0' || at[len] == ':'))
			return true;
	}
	return false;
}

/* A quote or blank would end the context="..." option that a runtime makes of it. */
static bool label_clean(const char *label)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:,-";

	return label[strspn(label, ok)] == '\0';
}

static void judge_selinux(struct edit *ed, struct json *v)
{
	const char *label = json_str(v);

	if (!label)
		return;
	if (!label_clean(label))
		edit_deny(ed, v, "an SELinux label has only letters, digits and _ . : , -");
	else if (selinux_unconfined(label))
		edit_remove(ed, v,
			"a label may be set, not cleared: under this type SELinux confines "
			"nothing");
}

static void judge_scheduler(struct edit *ed, struct json *v)
{
	static const char *const fair[] = {"SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE", NULL};
	const char *policy = json_str(json_get(v, "policy"));
	struct json *nice = json_get(v, "nice");
	int64_t n;

	if (!v)
		return;
	if (!policy || !str_in(fair, policy)) {
		edit_remove(ed, v,
			"a real-time policy can starve the node; use SCHED_OTHER, SCHED_BATCH or "
			"SCHED_IDLE");
		return;
	}
	if (nice && !json_i64(nice, 0, INT32_MAX, &n))
		edit_put(ed, v, "nice", json_int(ed->doc, 0), "no better priority than others");
	json_each_safe (flag, json_get(v, "flags")) {
		if (strcmp(json_str(flag), "SCHED_FLAG_RESET_ON_FORK") != 0)
			edit_remove(ed, flag, "only SCHED_FLAG_RESET_ON_FORK gives nothing away");
	}
}

static void judge_io_priority(struct edit *ed, struct json *v)
{
	static const char *const fair[] = {"IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", NULL};
	const char *class = json_str(json_get(v, "class"));

	if (v && (!class || !str_in(fair, class)))
		edit_remove(ed, v,
			"real-time I/O can starve the node; use IOPRIO_CLASS_BE or "
			"IOPRIO_CLASS_IDLE");
}

/* Flags switch off address randomisation and the like; other domains are other systems. */
static void judge_personality(struct edit *ed, struct json *v)
{
	static const char *const domains[] = {"LINUX", "LINUX32", NULL};
	const char *domain = json_str(json_get(v, "domain"));
	const struct json *flags = json_get(v, "flags");

	if (v && (!domain || !str_in(domains, domain) || (flags && flags->count)))
		edit_remove(ed, v, "only the domains LINUX and LINUX32, without flags");
}

static void judge_cgroups_path(struct edit *ed, const struct json *v)
{
	const char *path = json_str(v);

	if (!path || !*path)
		return; /* the runtime makes one of the container's id */
	if (path[strspn(path, "/.")] == '\0')
		edit_deny(ed, v,
			"the container would be in the root cgroup, where no limit holds and whose "
			"files are the node's; give it a cgroup of its own");
	else if (has_control(path) || path_climbs(path))
		edit_deny(ed, v,
			"the cgroup path leads out of its place (\"..\" or a control character)");
}

static bool makes_namespace(const struct json *namespaces, const char *type, bool or_joins)
{
	json_each (v, namespaces) {
		const char *t = json_str(json_get(v, "type"));
		const char *path = json_str(json_get(v, "path"));

		if (t && strcmp(t, type) == 0)
			return or_joins || !path || !*path;
	}
	return false;
}

/* Members nobody needs for a container that is confined: gone when they say anything. */
static const struct {
	const char *place, *why;
} unwanted[] = {
	{"/linux/netDevices", "network devices of the host stay there"},
	{"/linux/intelRdt", "cache and memory bandwidth classes belong to the node"},
	{"/linux/memoryPolicy", "memory placement belongs to the node"},
};

static void judge_linux(struct edit *ed, const struct json *linux_object)
{
	static const char *const mappings[] = {"uidMappings", "gidMappings"};
	const struct json *namespaces = json_get(linux_object, "namespaces");
	struct json *label = json_get(linux_object, "mountLabel");

	judge_personality(ed, json_get(linux_object, "personality"));
	judge_cgroups_path(ed, json_get(linux_object, "cgroupsPath"));
	if (label && !label_clean(json_str(label)))
		edit_deny(ed, label, "an SELinux label has only letters, digits and _ . : , -");
	if (!makes_namespace(namespaces, "time", false))
		edit_remove(ed, json_get(linux_object, "timeOffsets"),
			"clocks are shifted only in a time namespace of the container's own");
	if (makes_namespace(namespaces, "user", true))
		return;
	for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++)
		edit_remove(ed, json_get(linux_object, mappings[i]),
			"ids are mapped only in a user namespace");
}

static void judge_process(struct edit *ed, const struct json *process, const struct world *w)
{
	judge_cwd(ed, json_get(process, "cwd"), w);
	judge_apparmor(ed, json_get(process, "apparmorProfile"));
	judge_selinux(ed, json_get(process, "selinuxLabel"));
	judge_scheduler(ed, json_get(process, "scheduler"));
	judge_io_priority(ed, json_get(process, "ioPriority"));
	edit_remove(
		ed, json_get(process, "execCPUAffinity"), "processes run where the cpuset says");
}

void pass_process(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)p;
	judge_process(ed, json_get(ed->root, "process"), w);
	judge_linux(ed, json_get(ed->root, "linux"));
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
		edit_remove(ed, json_at(ed->root, unwanted[i].place), "%s", unwanted[i].why);
}

/* Where the process says nothing, runc and crun take the container's own label, which holds for all its
 * processes when it confines; an empty text is a label to crun: none. */
static void keep_label(
	struct edit *ed, struct json *v, const char *own, bool (*unconfined)(const char *))
{
	const char *label = json_str(v);

	if (!label)
		return;
	if (!*label)
		edit_remove(ed, v, "a label may be set, not cleared: the container's own holds");
	else if (own && *own && !unconfined(own) && strcmp(own, label) != 0)
		edit_remove(
			ed, v, "the container's own label holds for all its processes: %s", own);
}

void pass_exec_process(struct edit *ed, const struct profile *p, const struct world *w)
{
	static const char apparmor[] = "apparmorProfile", selinux[] = "selinuxLabel";
	const struct json *own = json_get(w->running, "process");
	const struct json *process = json_get(ed->root, "process");

	(void)p;
	judge_process(ed, process, w);
	keep_label(ed, json_get(process, apparmor), json_str(json_get(own, apparmor)),
		apparmor_unconfined);
	keep_label(ed, json_get(process, selinux), json_str(json_get(own, selinux)),
		selinux_unconfined);
}
