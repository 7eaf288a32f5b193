/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_mounts - sources, flags and places of every mount.
 *
 * A destination is judged where it lands in the rootfs, a source where its links lead on the host.
 * Whether a /proc or /sys may show the host's processes or network is decided by the control
 * namespaces; here it only has to be where it belongs.
 */
#include "shim/pass.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "shim/base/cleanup.h"
#include "shim/base/path.h"
#include "shim/devset.h"
#include "shim/mountopt.h"
#include "shim/mountset.h"

/* Volumes within volumes within volumes: a thousand of them would take minutes. */
enum { LOOKS_MAX = 4096 };

/* What a mount must have at the end. */
enum {
	WANT_RO = 1,
	WANT_NOSUID = 2,
	WANT_NODEV = 4,
	WANT_NOEXEC = 8,
	WANT_ALL = WANT_NOSUID | WANT_NODEV | WANT_NOEXEC,
};

static const struct flag {
	unsigned bit;
	const char *word, *opposite;
	unsigned long st; /* the same in statvfs */
} flag_words[] = {
	{WANT_RO, "ro", "rw", ST_RDONLY},
	{WANT_NOSUID, "nosuid", "suid", ST_NOSUID},
	{WANT_NODEV, "nodev", "dev", ST_NODEV},
	{WANT_NOEXEC, "noexec", "exec", ST_NOEXEC},
};

/* File systems of the kernel: each in one place only. Others than these, tmpfs and binds (overlay, a
 * disk, FUSE, a network) are the engine's to mount before the start. */
static const struct kernel_fs {
	const char *type, *dest;
	unsigned want;
} kernel_fs[] = {
	{"proc", "/proc", WANT_ALL}, {"sysfs", "/sys", WANT_ALL | WANT_RO},
	{"cgroup", "/sys/fs/cgroup", WANT_ALL | WANT_RO},
	{"cgroup2", "/sys/fs/cgroup", WANT_ALL | WANT_RO}, {"mqueue", "/dev/mqueue", WANT_ALL},
	{"devpts", "/dev/pts", WANT_NOSUID | WANT_NOEXEC}, /* its nodes are what it is for */
};

/* Files here belong to the host's own system; a container may read one that is allowed, never write. */
static const char *const system_dirs[] = {"/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64",
	"/boot", "/run/systemd", "/run/resolvconf", "/run/NetworkManager", NULL};

/* One mount being judged. */
struct job {
	struct edit *ed;
	const struct profile *p;
	const struct world *w;
	const struct mountset *set;
	const struct mount_at *m;
	struct world_source src; /* of a bind */
	unsigned *looks; /* below volumes, for all mounts together */
	bool device; /* a bind of an allowed device node */
	bool recursive; /* brings other mounts along, which flags of its own do not reach */
};

static bool in_any(const char *path, const char *const *dirs)
{
	for (; *dirs; dirs++)
		if (path_in(path, *dirs))
			return true;
	return false;
}

/* The destinations nothing but their own file system may be on. */
static bool judge_place(const struct job *j, const char *type)
{
	static const char *const runtime_nodes[] = {"/dev/null", "/dev/zero", "/dev/full",
		"/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/fd",
		"/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/core", NULL};
	const char *dest = j->m->dest, *reason = NULL;

	if (strcmp(dest, "/") == 0)
		reason = "would replace the whole root file system";
	else if (path_in(dest, "/proc"))
		reason = "would hide or forge what /proc says (CVE-2019-16884)";
	else if (path_in(dest, "/sys"))
		reason = "would hide or forge what /sys says";
	else if (j->m->bind && (strcmp(dest, "/dev") == 0 || path_in(dest, "/dev/pts")))
		reason = "would replace the container's own devices";
	else if (strcmp(type, "tmpfs") == 0 && path_in(dest, "/dev/pts"))
		reason = "would replace the container's terminals";
	else if (str_in(runtime_nodes, dest) && !j->device)
		reason = "would replace a device the runtime itself uses (CVE-2025-31133)";
	if (!reason)
		return true;
	edit_deny(j->ed, j->m->v, "a %s mount on %s %s", type, dest, reason);
	return false;
}

/* Below DIR's source REST is what it looks like: no component is a link. */
static bool is_plain(const struct job *j, const struct mount_at *dir, const char *rest)
{
	struct world_source src;
	char path[2 * WORLD_PATH_MAX];
	struct err e;
	const char *source = json_str(json_get(dir->v, "source"));

	if (!source || j->w->source(j->w->arg, source, &src, &e) < 0 || !src.exists)
		return false;
	for (const char *p = rest;;) {
		struct world_source part;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		snprintf(path, sizeof path, "%s%.*s", strcmp(src.real, "/") == 0 ? "" : src.real,
			(int)(p - rest), rest);
		if (++*j->looks > LOOKS_MAX || j->w->source(j->w->arg, path, &part, &e) < 0)
			return false;
		if (!part.exists)
			return true; /* the runtime makes the rest */
		if (strcmp(part.real, path) != 0)
			return false;
		if (*p == '\0')
			return true;
	}
}

/* A link of the image that OTHER hides lies on the way to the destination. */
static bool leads_through(const struct job *j, const struct mount_at *other)
{
	const char *dest = json_str(json_get(j->m->v, "destination"));
	bool crosses = false;

	/* without a link the way is what it looks like, and mount_below has said all */
	if (!j->w->rootfs_crosses || strcmp(other->dest, "/") == 0 || strcmp(dest, j->m->dest) == 0)
		return false;
	return j->w->rootfs_crosses(j->w->arg, dest, other->dest, &crosses, NULL) < 0 || crosses;
}

/*
 * A destination inside another bind is looked up in a tree that somebody else may be changing at that
 * moment (CVE-2021-30465). A read-only one is left alone as long as there is no link in it now, and
 * so is /run/secrets, which CRI-O makes for each container and where Kubernetes puts its token.
 */
static void judge_nesting(const struct job *j)
{
	for (size_t i = 0; i < j->set->n; i++) {
		const struct mount_at *other = &j->set->m[i];

		if (other == j->m || !other->bind || !other->dest)
			continue;
		if (!path_below(j->m->dest, other->dest)) {
			/* over a link of the image that the volume hides: what is there instead? */
			if (!leads_through(j, other))
				continue;
			edit_deny(j->ed, j->m->v,
				"the way to the mount on %s leads through a link below the volume "
				"on %s, "
				"which could lead it elsewhere (CVE-2021-30465)",
				json_str(json_get(j->m->v, "destination")), other->dest);
			return;
		}
		if ((other->readonly || strcmp(other->dest, "/run/secrets") == 0) &&
			is_plain(j, other, j->m->dest + strlen(other->dest)))
			continue;
		edit_deny(j->ed, j->m->v,
			"the mount on %s lies inside the %s volume on %s, where a link could lead "
			"it "
			"elsewhere (CVE-2021-30465)",
			j->m->dest, other->readonly ? "linked" : "writable", other->dest);
		return;
	}
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

/* What the profile says of the source that was found. NULL: it may be mounted. */
static const char *refusal(const struct job *j)
{
	const struct profile *p = j->p;
	const struct world_source *src = &j->src;

	if (!src->exists)
		return "it does not exist";
	/* the host's shared memory goes with the host's IPC namespace */
	if (strcmp(src->real, "/dev/shm") == 0 && (p->namespaces.host & 1u << NS_IPC))
		return NULL;
	/* a glob that happens to fit does not open the node's controls; the path itself does */
	if (src->controls[0] && !strv_has(&p->mounts.allow, src->real))
		return "it is, contains or lies in what controls the node";
	if (strv_glob(&p->mounts.deny, src->real))
		return "the profile denies this source (mounts.sources.deny)";
	if (strv_glob(&p->mounts.allow, src->real))
		return NULL;
	if (S_ISSOCK(src->mode))
		return "it is a socket of the host, and mounts.sources.allow has none";
	return "the profile does not allow this source (mounts.sources.allow)";
}

/* False when there is nothing left to judge. */
static bool judge_source(struct job *j)
{
	struct json *v = json_get(j->m->v, "source");
	const char *source = json_str(v), *why;
	struct err e = {0};
	bool named;

	if (!source || !*source) {
		edit_deny(j->ed, j->m->v, "the bind mount on %s has no source", j->m->dest);
		return false;
	}
	if (j->w->source(j->w->arg, source, &j->src, &e) < 0) {
		edit_deny(j->ed, v, "cannot look at the mount source: %s", e.msg);
		return false;
	}
	if (j->src.exists && is_device(j->src.mode)) {
		j->device = devset_node_allowed(j->p, j->src.real, 0, -1, -1);
		if (!j->device)
			edit_remove(j->ed, j->m->v, "device %s is not one the profile allows",
				j->src.real);
		return j->device;
	}
	why = refusal(j);
	if (!why)
		return true;
	named = !j->src.exists || strcmp(source, j->src.real) == 0;
	edit_deny(j->ed, v, "mount of %s%s%s%s on %s: %s%s%s", source, named ? "" : ", which is ",
		named ? "" : j->src.real, named ? "" : ",", j->m->dest, why,
		j->src.controls[0] ? ": " : "", j->src.controls);
	return false;
}

static struct json *options_of(struct edit *ed, struct json *mount, const char *why)
{
	struct json *list = json_get(mount, "options");

	if (!list) {
		list = json_array(ed->doc);
		edit_put(ed, mount, "options", list, "%s", why);
	}
	return list;
}

static struct json *find_word(const struct json *list, const char *word)
{
	json_each (v, list) {
		const char *s = json_str(v);

		if (s && strcmp(s, word) == 0)
			return v;
	}
	return NULL;
}

/* Every option is one of ours to know; those that undo restrictions go. */
static void judge_options(const struct job *j, const char *type)
{
	const struct json *list = json_get(j->m->v, "options");

	json_each_safe (v, list) {
		const char *word = json_is(v, JSON_STRING) ? json_str(v) : "";

		switch (mountopt_kind(type, word)) {
		case MOUNTOPT_PLAIN:
			break;
		case MOUNTOPT_UNKNOWN:
			edit_deny(j->ed, v, "option \"%s\" of the %s mount on %s is not known",
				word, type, j->m->dest);
			break;
		case MOUNTOPT_LOOSEN:
			edit_remove(j->ed, v, "would undo restrictions of the mounts below");
			break;
		case MOUNTOPT_SHARED:
			edit_replace(j->ed, v,
				json_string(j->ed->doc, word[0] == 'r' ? "rslave" : "slave"),
				"mounts made in the container would show on the host");
			break;
		}
	}
}

static void require_word(const struct job *j, const char *word)
{
	static const char why[] = "the profile asks for this on such a mount";

	if (!find_word(json_get(j->m->v, "options"), word))
		edit_push(j->ed, options_of(j->ed, j->m->v, why), json_string(j->ed->doc, word),
			"%s", why);
}

static void require(const struct job *j, unsigned want)
{
	struct edit *ed = j->ed;

	for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++) {
		const struct flag *f = &flag_words[i];
		struct json *list = json_get(j->m->v, "options"), *v;
		char recursive[16];

		if (!(want & f->bit))
			continue;
		while (!ed->failed && (v = find_word(list, f->opposite)) != NULL)
			edit_remove(ed, v, "\"%s\" is wanted here", f->word);
		require_word(j, f->word);
		snprintf(recursive, sizeof recursive, "r%s", f->word);
		if (j->recursive)
			require_word(j, recursive);
	}
}

/* The tmpfs on DEST is one of the profile's own that may hold programs. */
static bool may_exec(const struct job *j)
{
	const struct profile *p = j->p;

	for (size_t i = 0; i < p->rootfs.n_writable; i++) {
		struct world_entry entry;

		if (p->rootfs.writable[i].exec &&
			j->w->rootfs_entry(j->w->arg, p->rootfs.writable[i].path, &entry, NULL) ==
				0 &&
			strcmp(entry.real, j->m->dest) == 0)
			return true;
	}
	return false;
}

static unsigned wanted(const struct job *j)
{
	const struct profile *p = j->p;
	unsigned want = (p->mounts.nosuid ? WANT_NOSUID : 0) | (p->mounts.nodev ? WANT_NODEV : 0);
	bool readonly = j->m->readonly;

	if (j->m->bind) {
		/* a bind that gets options is remounted with just these: without this, what the host
		 * mounted read-only would become writable by our adding nosuid */
		for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++)
			if (j->src.flags & flag_words[i].st)
				want |= flag_words[i].bit;
		if (in_any(j->src.real, system_dirs))
			want |= WANT_RO;
		if (j->recursive && readonly)
			want |= WANT_RO; /* what lies below may be writable */
		readonly |= (want & WANT_RO) != 0;
	}
	if (p->mounts.noexec && !readonly && !(!j->m->bind && may_exec(j)))
		want |= WANT_NOEXEC;
	/* the runtime makes the devices here */
	if (j->device || (!j->m->bind && strcmp(j->m->dest, "/dev") == 0))
		want &= ~(unsigned)WANT_NODEV;
	return want;
}

/* Without a user namespace of the container's own, a mapping would make somebody else's files, root's
 * among them, the container's. */
static void judge_mappings(const struct job *j)
{
	static const char *const keys[] = {"uidMappings", "gidMappings"};

	json_each (v, json_at(j->ed->root, "/linux/namespaces")) {
		const char *type = json_str(json_get(v, "type"));

		if (type && strcmp(type, "user") == 0)
			return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const struct json *v = json_get(j->m->v, keys[i]);

		if (v)
			edit_deny(j->ed, v,
				"owners on the mount on %s would be mapped, which needs a user "
				"namespace of the container's own",
				j->m->dest);
	}
}

static void judge(struct job *j)
{
	const char *type = json_str(json_get(j->m->v, "type"));

	if (!j->m->dest) {
		edit_deny(j->ed, j->m->v, "%s", j->m->why.msg);
		return;
	}
	if (j->m->bind)
		type = "bind";
	for (size_t i = 0; type && i < sizeof kernel_fs / sizeof *kernel_fs; i++) {
		const struct kernel_fs *fs = &kernel_fs[i];

		if (strcmp(fs->type, type) != 0)
			continue;
		if (strcmp(fs->dest, j->m->dest) != 0)
			edit_deny(j->ed, j->m->v, "%s belongs on %s, not on %s", type, fs->dest,
				j->m->dest);
		judge_options(j, type);
		require(j, fs->want);
		return;
	}
	if (!type || (strcmp(type, "tmpfs") != 0 && !j->m->bind)) {
		edit_deny(j->ed, j->m->v, "file system type \"%s\" on %s is not allowed",
			type ? type : "", j->m->dest);
		return;
	}
	if (j->m->bind && !judge_source(j))
		return;
	if (!judge_place(j, type))
		return;
	judge_nesting(j);
	judge_mappings(j);
	judge_options(j, type);
	j->recursive = j->m->bind && j->src.mounts_below &&
		       find_word(json_get(j->m->v, "options"), "rbind");
	require(j, wanted(j));
}

/* How mounts of the host and the container show in each other; unset is rslave or rprivate. A word
 * without "r" is of "/" alone: volumes on mounts of their own stay shared. */
static void judge_propagation(struct edit *ed)
{
	static const struct {
		const char *from, *to;
	} words[] = {
		{"rprivate", "rprivate"},
		{"private", "rprivate"},
		{"rslave", "rslave"},
		{"runbindable", "runbindable"},
		{"unbindable", "runbindable"},
		{"", ""},
	};
	struct json *v = json_at(ed->root, "/linux/rootfsPropagation");
	const char *word = json_str(v), *to = "rslave";

	if (!v)
		return;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].from, word) == 0)
			to = words[i].to;
	edit_replace(ed, v, json_string(ed->doc, to),
		"mounts made in the container would show on the host");
}

void pass_mounts(struct edit *ed, const struct profile *p, const struct world *w)
{
	AUTO_MOUNTSET struct mountset set = {NULL, 0};
	unsigned looks = 0;

	judge_propagation(ed);
	if (!mountset_read(&set, ed, w))
		return;
	for (size_t i = 0; i < set.n && !ed->failed; i++) {
		struct job j = {
			.ed = ed, .p = p, .w = w, .set = &set, .m = &set.m[i], .looks = &looks};

		judge(&j);
	}
}
