/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_rootfs - read-only, with tmpfs where the profile says; no symlinked /dev.
 *
 * The runtime makes nodes and mounts below /dev, /proc and /sys of an image as the host's root. An
 * image where one of them is a link has it do so elsewhere: CVE-2025-31133 (/dev/null),
 * CVE-2025-52565 (/dev/console, /dev/pts), CVE-2026-41579 (/dev), CVE-2019-19921 (/proc).
 */
#include "shim/pass.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/path.h"
#include "shim/mountset.h"

static const char root_path[] = "/root/path";

/* The host's own directories are no image: a container whose root they are has what no mount may give
 * it. Of the first nothing below either. */
static bool is_host_dir(const char *real)
{
	static const char *const trees[] = {
		"/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", NULL};
	static const char *const dirs[] = {"/home", "/home/*", "/media", "/mnt", "/opt", "/root",
		"/run", "/srv", "/tmp", "/var", "/var/*", NULL};

	for (const char *const *t = trees; *t; t++)
		if (path_in(real, *t))
			return true;
	for (const char *const *d = dirs; *d; d++)
		if (str_glob(*d, real))
			return true;
	return false;
}

static void judge_path(struct edit *ed, const struct world *w)
{
	struct json *v = json_at(ed->root, root_path);
	const char *path = json_str(v);
	struct world_source src;
	struct err e = {0};

	if (!path || !*path)
		edit_deny_at(ed, root_path, "the container has no root file system");
	else if (w->source(w->arg, path, &src, &e) < 0)
		edit_deny(ed, v, "cannot look at the root file system: %s", e.msg);
	else if (!src.exists || !S_ISDIR(src.mode))
		edit_deny(ed, v, "the root file system %s is not a directory", path);
	else if (src.controls[0])
		edit_deny(ed, v,
			"the root file system would be a part of the host: %s is or contains %s",
			src.real, src.controls);
	else if (is_host_dir(src.real))
		edit_deny(ed, v,
			"the root file system would be a directory of the host's own system: %s",
			src.real);
}

/* What the image has where the runtime is going to work. */
struct wanted {
	const char *path;
	mode_t is, or_is; /* when it exists */
};

static void judge_entries(
	struct edit *ed, const struct world *w, const struct wanted *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct world_entry entry;
		struct err e = {0};
		mode_t type;

		if (w->rootfs_entry(w->arg, list[i].path, &entry, &e) < 0) {
			edit_deny_at(ed, root_path, "cannot look at %s of the image: %s",
				list[i].path, e.msg);
			return; /* the others would say the same */
		}
		type = entry.mode & S_IFMT;
		if (entry.symlink)
			edit_deny_at(ed, root_path,
				"%s of the image is a symlink to %s: the runtime would be led "
				"astray",
				list[i].path, entry.real);
		else if (entry.exists && type != list[i].is && type != list[i].or_is)
			edit_deny_at(ed, root_path, "%s of the image is not what it has to be",
				list[i].path);
	}
}

/* The runtime reads these as root before the program starts. At a FIFO or a terminal it would wait for
 * ever, and with it the engine. */
static void judge_databases(struct edit *ed, const struct world *w)
{
	static const char *const read[] = {"/etc/passwd", "/etc/group", NULL};

	for (const char *const *path = read; *path; path++) {
		struct world_entry entry;

		if (w->rootfs_entry(w->arg, *path, &entry, NULL) < 0)
			continue; /* said by judge_entries, or not to be reached by the runtime */
		if ((entry.exists && !S_ISREG(entry.mode)) || path_in(entry.real, "/dev") ||
			path_in(entry.real, "/proc"))
			edit_deny_at(ed, root_path,
				"%s of the image is no regular file: the runtime would wait for it",
				*path);
	}
}

static void judge_image(struct edit *ed, const struct world *w, const struct mountset *set)
{
	static const struct wanted always[] = {
		{"/dev", S_IFDIR, S_IFDIR},
		{"/proc", S_IFDIR, S_IFDIR},
		{"/sys", S_IFDIR, S_IFDIR},
	};
	/* what a mount on /dev hides; /dev/fd, /dev/stdin and the like are links by nature */
	static const struct wanted in_dev[] = {
		{"/dev/null", S_IFCHR, S_IFCHR},
		{"/dev/zero", S_IFCHR, S_IFCHR},
		{"/dev/full", S_IFCHR, S_IFCHR},
		{"/dev/random", S_IFCHR, S_IFCHR},
		{"/dev/urandom", S_IFCHR, S_IFCHR},
		{"/dev/tty", S_IFCHR, S_IFCHR},
		{"/dev/console", S_IFCHR, S_IFREG},
		{"/dev/pts", S_IFDIR, S_IFDIR},
		{"/dev/shm", S_IFDIR, S_IFDIR},
		{"/dev/mqueue", S_IFDIR, S_IFDIR},
	};

	judge_entries(ed, w, always, sizeof always / sizeof *always);
	if (!mountset_has(set, "/dev"))
		judge_entries(ed, w, in_dev, sizeof in_dev / sizeof *in_dev);
	judge_databases(ed, w);
}

static void option(struct edit *ed, struct json *list, bool *bad, const char *text)
{
	*bad = *bad || json_push(list, json_string(ed->doc, text)) < 0;
}

/* A mount entry: tmpfs on DEST for UID and GID (runc before 1.2 takes the mode from the directory that
 * is there, so a user who is not root needs to own it). */
static struct json *make_tmpfs(struct edit *ed, const struct writable_path *path, const char *dest,
	uint64_t uid, uint64_t gid)
{
	struct json_doc *doc = ed->doc;
	struct json *v = json_object(doc), *options = json_array(doc);
	char text[64];
	bool bad = false;

	option(ed, options, &bad, "rprivate");
	option(ed, options, &bad, "nosuid");
	option(ed, options, &bad, "nodev");
	if (!path->exec)
		option(ed, options, &bad, "noexec");
	option(ed, options, &bad, "mode=1777");
	if (uid) {
		snprintf(text, sizeof text, "uid=%ju", (uintmax_t)uid);
		option(ed, options, &bad, text);
		snprintf(text, sizeof text, "gid=%ju", (uintmax_t)gid);
		option(ed, options, &bad, text);
	}
	if (path->size) {
		snprintf(text, sizeof text, "size=%ju", (uintmax_t)path->size);
		option(ed, options, &bad, text);
	}
	if (path->copy_up)
		option(ed, options, &bad, "tmpcopyup");
	if (bad || json_put(doc, v, "destination", json_string(doc, dest)) < 0 ||
		json_put(doc, v, "type", json_string(doc, "tmpfs")) < 0 ||
		json_put(doc, v, "source", json_string(doc, "tmpfs")) < 0 ||
		json_put(doc, v, "options", options) < 0)
		return NULL;
	return v;
}

/* Where the new mount goes: before the first one below it, which it would hide; NULL: at the end.
 * *COVERED: there is one on DEST or above it, and with it what the caller wants there. */
static struct json *place_for(const struct mountset *set, const char *dest, bool *covered)
{
	struct json *before = NULL;

	*covered = false;
	for (size_t i = 0; i < set->n; i++) {
		const char *other = set->m[i].dest;

		if (!other)
			continue;
		*covered = *covered || path_in(dest, other);
		if (!before && path_below(other, dest))
			before = set->m[i].v;
	}
	return before;
}

static void add_writable(struct edit *ed, const struct world *w, const struct writable_path *path)
{
	AUTO_MOUNTSET struct mountset set = {NULL, 0};
	struct json *before, *user = json_at(ed->root, "/process/user");
	struct world_entry entry;
	struct err e = {0};
	uint64_t uid = 0, gid = 0;
	bool covered;

	/* read again for every path: the one before may have become a mount */
	if (!mountset_read(&set, ed, w))
		return;
	if (w->rootfs_entry(w->arg, path->path, &entry, &e) < 0) {
		edit_deny_at(ed, root_path, "cannot make %s writable: %s", path->path, e.msg);
		return;
	}
	before = place_for(&set, entry.real, &covered);
	if (covered)
		return;
	if (strcmp(entry.real, "/") == 0 || path_in(entry.real, "/proc") ||
		path_in(entry.real, "/sys") || path_in(entry.real, "/dev")) {
		edit_deny_at(ed, root_path, "%s of the image leads to %s", path->path, entry.real);
		return;
	}
	if (entry.exists && !S_ISDIR(entry.mode)) {
		edit_note(ed, json_at(ed->root, root_path),
			"%s of the image is no directory: not writable", path->path);
		return;
	}
	json_u64(json_get(user, "uid"), UINT32_MAX, &uid);
	json_u64(json_get(user, "gid"), UINT32_MAX, &gid);
	if (before)
		edit_insert_before(ed, before, make_tmpfs(ed, path, entry.real, uid, gid),
			"%s stays writable, in memory", path->path);
	else
		edit_push(ed, edit_array(ed, "/mounts", "a list for what stays writable"),
			make_tmpfs(ed, path, entry.real, uid, gid), "%s stays writable, in memory",
			path->path);
}

void pass_rootfs(struct edit *ed, const struct profile *p, const struct world *w)
{
	AUTO_MOUNTSET struct mountset set = {NULL, 0};
	struct json *root = json_get(ed->root, "root");

	judge_path(ed, w);
	if (!mountset_read(&set, ed, w))
		return;
	judge_image(ed, w, &set);
	/* a caller who asked for read-only himself has said what shall be writable: adding to that would
	 * be giving */
	if (!root || !p->rootfs.readonly || json_is_true(json_get(root, "readonly")))
		return;
	edit_put(ed, root, "readonly", json_bool(ed->doc, true),
		"the image's files must not be changed");
	for (size_t i = 0; i < p->rootfs.n_writable && !ed->failed; i++)
		add_writable(ed, w, &p->rootfs.writable[i]);
}
