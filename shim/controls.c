/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controls - is a file of this host one that gives control of the node?
 */
#include "shim/controls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"

enum { MOUNTS_BYTES = 32 << 20 }; /* of /proc/self/mountinfo: some 100,000 mounts */

/*
 * What controls the node: engines and their state, what the kubelet trusts, cinch itself, the kernel.
 * A socket elsewhere is found by being a socket (pass_mounts).
 */
static const struct world_control node_controls[] = {
	{"/run/docker.sock", false},
	{"/var/run/docker.sock", false},
	{"/run/docker", false},
	{"/run/containerd", false},
	{"/run/containerd/containerd.sock", false},
	{"/run/containerd/containerd.sock.ttrpc", false},
	{"/run/k3s/containerd", false},
	{"/run/crio", false},
	{"/run/crio/crio.sock", false},
	{"/run/podman", true},
	{"/run/buildkit", true},
	{"/run/nri", true},
	{"/var/run/nri", true},
	{"/run/cri-dockerd.sock", false},
	{"/run/runc", true},
	{"/run/crun", true},
	{"/run/netns", false},
	{"/run/systemd/private", false},
	{"/run/dbus/system_bus_socket", false},
	{"/run/cinch", true},
	{"/etc/cinch", true},
	{"/var/lib/cinch", true},
	{"/var/lib/docker", false},
	{"/var/lib/containerd", false},
	{"/var/lib/containers", false},
	{"/var/lib/kubelet", false},
	{"/var/lib/kubelet/device-plugins", true},
	{"/var/lib/kubelet/plugins_registry", true},
	{"/var/lib/kubelet/pki", true},
	{"/var/lib/etcd", true},
	{"/etc/kubernetes", true},
	{"/etc/containerd", true},
	{"/etc/docker", true},
	{"/etc/crio", true},
	{"/etc/containers", true},
	{"/etc/cni", true},
	{"/etc/shadow", false},
	{"/proc", true},
	{"/sys", true},
	{"/dev", false},
	{NULL, false},
};

/* File systems whose files are the kernel's controls, wherever they are mounted. */
static const struct {
	unsigned magic;
	const char *type, *name;
} kernel_fs[] = {
	{PROC_SUPER_MAGIC, "proc", "/proc"},
	{SYSFS_MAGIC, "sysfs", "/sys"},
	{CGROUP_SUPER_MAGIC, "cgroup", "/sys/fs/cgroup"},
	{CGROUP2_SUPER_MAGIC, "cgroup2", "/sys/fs/cgroup"},
	{DEBUGFS_MAGIC, "debugfs", "/sys/kernel/debug"},
	{TRACEFS_MAGIC, "tracefs", "/sys/kernel/tracing"},
	{SECURITYFS_MAGIC, "securityfs", "/sys/kernel/security"},
	{SELINUX_MAGIC, "selinuxfs", "/sys/fs/selinux"},
	{BPF_FS_MAGIC, "bpf", "/sys/fs/bpf"},
	{EFIVARFS_MAGIC, "efivarfs", "/sys/firmware/efi/efivars"},
	{NSFS_MAGIC, "nsfs", "/proc"},
};

/* Where engines keep root file systems and what they mount into containers, and nothing of the node's
 * own is mounted below. */
static const char *const engine_dirs[] = {"/run/containerd/io.containerd.", "/var/lib/containerd/",
	"/run/k3s/containerd/", "/var/lib/rancher/k3s/agent/containerd/", "/var/lib/docker/",
	"/var/lib/containers/storage/", "/run/containers/storage/", "/var/lib/kubelet/pods/", NULL};

int controls_real_path(int fd, char out[WORLD_PATH_MAX], struct err *e)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, WORLD_PATH_MAX);
	if (n < 0)
		return err_set(e, errno, "read %s", link);
	if (n >= WORLD_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "read %s", link);
	out[n] = '\0';
	if (out[0] != '/')
		return err_set(e, ERR_INPUT, "\"%s\" has no path on this host", out);
	return 0;
}

int controls_each_prefix(char *real, int (*fn)(void *arg, const char *prefix, bool self), void *arg)
{
	size_t len = strlen(real);
	int rc = fn(arg, "/", len == 1);

	for (size_t i = 1; i <= len && len > 1 && rc == 0; i++) {
		char kept = real[i];

		if (kept != '/' && kept != '\0')
			continue;
		real[i] = '\0';
		rc = fn(arg, real, kept == '\0');
		real[i] = kept;
	}
	return rc;
}

struct listing {
	struct controls *c;
	const struct world_control *of;
	const char *before; /* the control listed last, with all directories above it */
	struct stat at; /* of the control itself, a link not followed */
};

/* The directory PREFIX is above PATH. */
static bool is_above(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	return strncmp(prefix, path, len) == 0 && (len == 1 || path[len] == '/');
}

static int put_point(const struct listing *l, const struct stat *st, bool self)
{
	struct controls *c = l->c;

	if (c->n_points == CONTROLS_POINTS)
		return -1;
	c->points[c->n_points++] = (struct control_point){st->st_dev, st->st_ino, l->of, self};
	return 0;
}

static int list_prefix(void *arg, const char *prefix, bool self)
{
	const struct listing *l = arg;
	struct stat st;

	if ((!self && is_above(prefix, l->before)) || stat(prefix, &st) < 0)
		return 0;
	return put_point(l, &st, self);
}

/* 1: a link is among them. What is above the one before is none. */
static int list_plain(void *arg, const char *prefix, bool self)
{
	const struct listing *l = arg;
	struct stat st = l->at;

	if (!self && is_above(prefix, l->before))
		return 0;
	if (!self && lstat(prefix, &st) < 0)
		return 1;
	return S_ISLNK(st.st_mode) ? 1 : put_point(l, &st, self);
}

/* REAL gets where the control lies; "": it is not on this node, or out of our own reach as well. */
static int list_control(struct listing *l, char real[WORLD_PATH_MAX], struct err *e)
{
	const size_t listed = l->c->n_points;
	AUTO_FD int fd = -1;
	int rc;

	*real = '\0';
	if (lstat(l->of->path, &l->at) < 0)
		return 0;
	/* most are no links: that costs one call each */
	snprintf(real, WORLD_PATH_MAX, "%s", l->of->path);
	rc = controls_each_prefix(real, list_plain, l);
	if (rc > 0) {
		l->c->n_points = listed;
		*real = '\0';
		fd = open(l->of->path, O_PATH | O_CLOEXEC);
		if (fd < 0)
			return 0;
		if (controls_real_path(fd, real, e) < 0)
			return -1;
		rc = controls_each_prefix(real, list_prefix, l);
	}
	return rc < 0 ? err_set(e, ERR_BUG, "more than %d places that control the node",
				CONTROLS_POINTS)
		      : 0;
}

/* The inodes of all controls that exist and of the directories above them, links followed. */
static int list_points(struct controls *c, struct err *e)
{
	char real[WORLD_PATH_MAX], before[WORLD_PATH_MAX];

	if (c->listed)
		return 0;
	before[0] = '\0';
	for (const struct world_control *of = c->table ? c->table : node_controls; of->path; of++) {
		struct listing l = {.c = c, .of = of, .before = before};

		if (list_control(&l, real, e) < 0)
			return -1;
		if (*real)
			memcpy(before, real, strlen(real) + 1);
	}
	c->listed = true;
	return 0;
}

static const char *find_point(const struct controls *c, const struct stat *st)
{
	for (const struct control_point *p = c->points; p < c->points + c->n_points; p++)
		if (p->dev == st->st_dev && p->ino == st->st_ino)
			return p->of->path;
	return NULL;
}

struct below {
	const struct controls *c;
	const char *found;
};

/* A directory above the source is the root of a tree that counts as a whole. */
static int find_tree(void *arg, const char *prefix, bool self)
{
	struct below *b = arg;
	struct stat st;

	if (self || stat(prefix, &st) < 0)
		return 0;
	for (const struct control_point *p = b->c->points; p < b->c->points + b->c->n_points; p++)
		if (p->self && p->of->tree && p->dev == st.st_dev && p->ino == st.st_ino) {
			b->found = p->of->path;
			return 1;
		}
	return 0;
}

static const char *find_kernel_fs(const struct statfs *fs)
{
	for (size_t i = 0; i < sizeof kernel_fs / sizeof *kernel_fs; i++)
		if ((unsigned)fs->f_type == kernel_fs[i].magic)
			return kernel_fs[i].name;
	return NULL;
}

/* Undo mountinfo's \ooo for blank, tab, newline and backslash, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

struct mount_line {
	dev_t dev;
	char path[WORLD_PATH_MAX], type[64];
};

static bool device_number(char *text, dev_t *out)
{
	char *colon = strchr(text, ':');
	uint64_t major, minor;

	if (!colon)
		return false;
	*colon = '\0';
	if (!num_u64(text, UINT32_MAX, &major) || !num_u64(colon + 1, UINT32_MAX, &minor))
		return false;
	*out = makedev((unsigned)major, (unsigned)minor);
	return true;
}

/* One line of /proc/PID/mountinfo (proc(5)): id, parent, device, root, mount point, options, any
 * number of tags, "-", type. False when it is longer than any honest one. */
static bool parse_line(const char *line, size_t len, struct mount_line *out)
{
	char text[4 * WORLD_PATH_MAX], *save = NULL, *word;
	bool good = true;

	if (len >= sizeof text)
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	word = strtok_r(text, " ", &save);
	for (int field = 0; word && good; field++) {
		if (field == 2)
			good = device_number(word, &out->dev);
		else if (field == 4)
			good = (size_t)snprintf(out->path, sizeof out->path, "%s", word) <
			       sizeof out->path;
		else if (field > 5 && strcmp(word, "-") == 0)
			break;
		word = strtok_r(NULL, " ", &save);
	}
	word = word && good ? strtok_r(NULL, " ", &save) : NULL;
	if (!word)
		return false;
	snprintf(out->type, sizeof out->type, "%s", word);
	unescape(out->path);
	return true;
}

/* Asks nothing of a file system no control lies on: it may be a server that does not answer. (A btrfs
 * subvolume has another device number than its mount.) */
static const char *judge_line(const struct controls *c, const struct mount_line *m)
{
	bool near = strcmp(m->type, "btrfs") == 0;
	struct stat st;

	for (size_t i = 0; i < sizeof kernel_fs / sizeof *kernel_fs; i++)
		if (strcmp(kernel_fs[i].type, m->type) == 0)
			return kernel_fs[i].name;
	for (const struct control_point *p = c->points; p < c->points + c->n_points; p++)
		near = near || p->dev == m->dev;
	return near && stat(m->path, &st) == 0 ? find_point(c, &st) : NULL;
}

static int read_mounts(struct controls *c, struct err *e)
{
	AUTO_FD int fd = -1;
	size_t len;

	if (c->mounts)
		return 0;
	fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open /proc/self/mountinfo");
	return io_read_all(fd, MOUNTS_BYTES, &c->mounts, &len, e);
}

/* What an rbind of the directory REAL would take along: a mount below it that is a control. */
static int find_below(
	struct controls *c, const char *real, const char **found, bool *below, struct err *e)
{
	size_t n = strlen(real);
	struct mount_line m;

	if (n == 1)
		n = 0; /* all of "/x" is below "/" */
	if (read_mounts(c, e) < 0)
		return -1;
	for (const char *line = c->mounts; *line && !*found;) {
		size_t len = strcspn(line, "\n");

		if (!parse_line(line, len, &m))
			return err_set(e, ERR_INPUT, "/proc/self/mountinfo has a strange line");
		if (strncmp(m.path, real, n) == 0 && m.path[n] == '/' && m.path[n + 1])
			*below = true, *found = judge_line(c, &m);
		line += len + (line[len] == '\n');
	}
	return 0;
}

static bool is_engines(const char *real)
{
	for (const char *const *p = engine_dirs; *p; p++)
		if (str_starts(real, *p))
			return true;
	return false;
}

int controls_find(struct controls *c, int fd, const struct stat *st, char *real,
	char out[WORLD_PATH_MAX], bool *below, struct err *e)
{
	struct below b = {c, NULL};
	const char *found;
	struct statfs fs;

	*below = false;
	if (list_points(c, e) < 0)
		return -1;
	found = find_point(c, st);
	if (!found && fstatfs(fd, &fs) == 0)
		found = find_kernel_fs(&fs);
	if (!found) {
		controls_each_prefix(real, find_tree, &b);
		found = b.found;
	}
	/* a node has thousands of mounts: only for directories a person has named */
	if (!found && S_ISDIR(st->st_mode) && !is_engines(real) &&
		find_below(c, real, &found, below, e) < 0)
		return -1;
	snprintf(out, WORLD_PATH_MAX, "%s", found ? found : "");
	return 0;
}

void controls_done(struct controls *c)
{
	free(c->mounts);
	c->mounts = NULL;
}
