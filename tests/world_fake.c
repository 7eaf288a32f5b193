/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_fake - a struct world that answers from rules and tables.
 */
#include "tests/world_fake.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/json.h"

/* What gives control of the node: sockets, and the directories of cinch itself. */
static const char *const node_controls[] = {
	"/run/docker.sock",
	"/run/containerd/containerd.sock",
	"/run/containerd/containerd.sock.ttrpc",
	"/run/crio/crio.sock",
	"/run/podman/podman.sock",
	"/run/buildkit/buildkitd.sock",
	"/var/lib/kubelet/device-plugins/kubelet.sock",
	"/run/nri/nri.sock",
	"/run/cinch",
	"/var/lib/cinch",
	"/etc/cinch",
	NULL,
};

/* Links every ordinary host has. '*' is one component. */
static const struct {
	const char *from, *to;
} host_links[] = {
	{"/var/run", "/run"},
	{"/proc/*/root", "/"},
	{"/proc/*/cwd", "/"},
	{"/dev/fd", "/proc/self/fd"},
};

static const char *const file_names[] = {
	"hosts",
	"hostname",
	"resolv.conf",
	".containerenv",
	"docker-init",
	"catatonit",
	"passwd",
	"shadow",
	"group",
	NULL,
};

static const char *const dev_dirs[] = {"/dev/shm", "/dev/pts", "/dev/mqueue", "/dev/net",
	"/dev/cpu", "/dev/mapper", "/dev/fd", NULL};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static mode_t guess_mode(const char *path)
{
	const char *name = base_name(path);

	if (str_starts(path, "/dev/") && !str_in(dev_dirs, path)) {
		bool disk = str_starts(name, "sd") || str_starts(name, "vd") ||
			    str_starts(name, "loop") || str_starts(name, "zram") ||
			    str_starts(name, "nvme");

		return (disk && strcmp(name, "loop-control") != 0 ? S_IFBLK : S_IFCHR) | 0660;
	}
	if (str_ends(name, ".sock") || str_ends(name, ".sock.ttrpc"))
		return S_IFSOCK | 0660;
	if (str_in(file_names, name) || str_ends(name, ".conf") || str_starts(name, "hosts."))
		return S_IFREG | 0644;
	return S_IFDIR | 0755;
}

/* True when PATH is DIR or lies below it. */
static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Where a symlink at PATH leads; NULL when there is none. */
typedef const char *link_fn(const void *arg, const char *path);

/*
 * Resolve PATH (absolute, or below BASE) lexically, following the links LINK knows, into OUT of
 * WORLD_PATH_MAX bytes. *SAW: the last component was a link.
 */
static int resolve(const char *base, const char *path, link_fn *link, const void *arg, char *out,
	bool *saw, struct err *e)
{
	char todo[2 * WORLD_PATH_MAX], rest[2 * WORLD_PATH_MAX];
	size_t n = 0;
	int hops = 0;

	*saw = false;
	if ((size_t)snprintf(todo, sizeof todo, "%s/%s", path[0] == '/' ? "" : base, path) >=
		WORLD_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "look at a path of %zu bytes", strlen(path));
	out[0] = '\0';
	for (char *p = todo; *p;) {
		size_t len = strcspn(p, "/");
		const char *target;

		if (len == 0) {
			p++;
			continue;
		}
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			while (n > 0 && out[--n] != '/')
				;
			out[n] = '\0';
			p += len;
			continue;
		}
		if (len == 1 && *p == '.') {
			p += len;
			continue;
		}
		if (n + len + 2 > WORLD_PATH_MAX)
			return err_set(e, ENAMETOOLONG, "look at a resolved path");
		out[n] = '/';
		memcpy(out + n + 1, p, len);
		n += len + 1;
		out[n] = '\0';
		p += len;
		target = link(arg, out);
		if (!target)
			continue;
		*saw |= p[strspn(p, "/")] == '\0';
		if (++hops > 40)
			return err_set(e, ELOOP, "look at %s", out);
		if ((size_t)snprintf(rest, sizeof rest, "%s/%s", target, p) >= sizeof rest)
			return err_set(e, ENAMETOOLONG, "look at a link");
		if (target[0] == '/')
			n = 0;
		else
			while (n > 0 && out[--n] != '/')
				;
		out[n] = '\0';
		memcpy(todo, rest, sizeof todo);
		p = todo;
	}
	if (n == 0)
		memcpy(out, "/", 2);
	return 0;
}

static const struct fake_path *find_glob(const struct fake_path *list, size_t n, const char *path)
{
	while (n-- > 0)
		if (str_glob(list[n].path, path))
			return &list[n];
	return NULL;
}

static const struct fake_path *find_exact(const struct fake_path *list, size_t n, const char *path)
{
	while (n-- > 0)
		if (strcmp(list[n].path, path) == 0)
			return &list[n];
	return NULL;
}

static const char *source_link(const void *arg, const char *path)
{
	const struct world_fake *f = arg;
	const struct fake_path *p = find_glob(f->source, f->n_source, path);

	if (p && p->real)
		return strcmp(p->real, path) == 0 ? NULL : p->real;
	for (size_t i = 0; i < sizeof host_links / sizeof host_links[0]; i++)
		if (str_glob(host_links[i].from, path))
			return host_links[i].to;
	return NULL;
}

static int fake_source(void *arg, const char *path, struct world_source *out, struct err *e)
{
	struct world_fake *f = arg;
	const struct fake_path *p;
	struct world_source s = {.exists = true};
	bool saw;

	f->asked++;
	p = find_glob(f->source, f->n_source, path);
	if (p && p->fail)
		return err_set(e, EACCES, "look at %s", path);
	if (resolve("/bundle", path, source_link, f, s.real, &saw, e) < 0)
		return -1;
	if (!p)
		p = find_glob(f->source, f->n_source, s.real);
	if (!*path || within(s.real, "/nonexistent") || (p && p->missing)) {
		s.exists = false;
		*out = s;
		return 0;
	}
	s.mode = p && p->mode ? p->mode : guess_mode(s.real);
	s.flags = p ? p->flags : 0;
	s.mounts_below = p && p->mounts_below;
	if (p && p->controls) {
		snprintf(s.controls, sizeof s.controls, "%s", p->controls);
	} else {
		for (const char *const *c = node_controls; *c && !s.controls[0]; c++)
			if (within(*c, s.real) || within(s.real, *c))
				snprintf(s.controls, sizeof s.controls, "%s", *c);
	}
	*out = s;
	return 0;
}

static const char *entry_link(const void *arg, const char *path)
{
	const struct world_fake *f = arg;
	const struct fake_path *p = find_exact(f->entry, f->n_entry, path);

	return p ? p->real : NULL;
}

static int fake_entry(void *arg, const char *path, struct world_entry *out, struct err *e)
{
	struct world_fake *f = arg;
	const struct fake_path *p;
	struct world_entry s = {.exists = true};

	f->asked++;
	p = find_exact(f->entry, f->n_entry, path);
	if (p && p->fail)
		return err_set(e, EACCES, "look at %s in the rootfs", path);
	if (resolve("/", path, entry_link, f, s.real, &s.symlink, e) < 0)
		return -1;
	p = find_exact(f->entry, f->n_entry, s.real);
	if (p && p->missing)
		s.exists = false;
	else
		s.mode = p && p->mode ? p->mode : guess_mode(s.real);
	*out = s;
	return 0;
}

/* Names below /proc/PID/ns. */
static const char *const ns_files[NS_COUNT] = {
	[NS_MOUNT] = "mnt",
	[NS_PID] = "pid",
	[NS_NETWORK] = "net",
	[NS_IPC] = "ipc",
	[NS_UTS] = "uts",
	[NS_CGROUP] = "cgroup",
	[NS_USER] = "user",
	[NS_TIME] = "time",
};

static int fake_ns_path(
	void *arg, enum ns_type type, const char *path, enum world_ns *out, struct err *e)
{
	struct world_fake *f = arg;
	const struct fake_path *p;

	f->asked++;
	p = find_glob(f->ns, f->n_ns, path);
	if (p && p->fail)
		return err_set(e, EACCES, "look at namespace %s", path);
	if (p) {
		*out = p->ns;
	} else if (path[0] != '/' || within(path, "/nonexistent")) {
		*out = WORLD_NS_BAD;
	} else if (str_starts(path, "/proc/")) {
		bool host = str_glob("/proc/1/ns/*", path) || str_glob("/proc/self/ns/*", path) ||
			    str_glob("/proc/thread-self/ns/*", path);

		if (!str_glob("/proc/*/ns/*", path) || strcmp(base_name(path), ns_files[type]) != 0)
			*out = WORLD_NS_BAD;
		else
			*out = host ? WORLD_NS_HOST : WORLD_NS_OTHER;
	} else if (str_glob("/run/docker/netns/default", path) ||
		   str_glob("/var/run/docker/netns/default", path)) {
		*out = type == NS_NETWORK ? WORLD_NS_HOST : WORLD_NS_BAD;
	} else {
		*out = WORLD_NS_OTHER;
	}
	return 0;
}

static int fake_hook_ok(void *arg, const char *path, struct world_hook *out, struct err *e)
{
	struct world_fake *f = arg;
	const struct fake_path *p;

	f->asked++;
	p = find_glob(f->hook, f->n_hook, path);
	if (p && p->fail)
		return err_set(e, EACCES, "look at hook %s", path);
	/* the engine whose samples have such a hook */
	snprintf(out->real, sizeof out->real, "%s",
		str_glob("/proc/*/exe", path) ? "/usr/bin/dockerd" : path);
	if (p)
		out->ok = !p->bad_hook;
	else
		out->ok = path[0] == '/' && !within(path, "/tmp") && !within(path, "/rootfs");
	return 0;
}

void world_fake_init(struct world_fake *f)
{
	memset(f, 0, sizeof *f);
	f->world.arg = f;
	f->world.source = fake_source;
	f->world.rootfs_entry = fake_entry;
	f->world.ns_path = fake_ns_path;
	f->world.hook_ok = fake_hook_ok;
}

void world_fake_done(struct world_fake *f)
{
	json_free(f->loaded);
	f->loaded = NULL;
}

void world_fake_source(struct world_fake *f, struct fake_path p)
{
	assert(f->n_source < FAKE_MAX);
	f->source[f->n_source++] = p;
}

void world_fake_entry(struct world_fake *f, struct fake_path p)
{
	assert(f->n_entry < FAKE_MAX);
	f->entry[f->n_entry++] = p;
}

void world_fake_ns(struct world_fake *f, struct fake_path p)
{
	assert(f->n_ns < FAKE_MAX);
	f->ns[f->n_ns++] = p;
}

void world_fake_hook(struct world_fake *f, struct fake_path p)
{
	assert(f->n_hook < FAKE_MAX);
	f->hook[f->n_hook++] = p;
}

static int read_type(const char *word, mode_t *mode, struct err *e)
{
	static const struct {
		const char *word;
		mode_t mode;
	} types[] = {
		{"dir", S_IFDIR | 0755},
		{"file", S_IFREG | 0644},
		{"sock", S_IFSOCK | 0660},
		{"chr", S_IFCHR | 0660},
		{"blk", S_IFBLK | 0660},
		{"fifo", S_IFIFO | 0644},
	};

	for (size_t i = 0; word && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].word, word) == 0) {
			*mode = types[i].mode;
			return 0;
		}
	return err_set(
		e, ERR_INPUT, "type \"%s\" is not one of the fake world's", word ? word : "");
}

static int read_ns(const char *word, enum world_ns *out, struct err *e)
{
	static const char *const words[] = {
		[WORLD_NS_OTHER] = "other",
		[WORLD_NS_HOST] = "host",
		[WORLD_NS_BAD] = "bad",
	};

	for (int i = 0; word && i < 3; i++)
		if (strcmp(words[i], word) == 0) {
			*out = (enum world_ns)i;
			return 0;
		}
	return err_set(
		e, ERR_INPUT, "namespace \"%s\" is not one of the fake world's", word ? word : "");
}

static int read_override(const struct json *v, struct fake_path *out, struct err *e)
{
	json_each (m, v) {
		if (strcmp(m->key, "path") == 0)
			out->path = json_str(m);
		else if (strcmp(m->key, "real") == 0)
			out->real = json_str(m);
		else if (strcmp(m->key, "controls") == 0)
			out->controls = json_str(m);
		else if (strcmp(m->key, "missing") == 0)
			out->missing = json_is_true(m);
		else if (strcmp(m->key, "fail") == 0)
			out->fail = json_is_true(m);
		else if (strcmp(m->key, "ok") == 0)
			out->bad_hook = !json_is_true(m);
		else if (strcmp(m->key, "type") == 0 && read_type(json_str(m), &out->mode, e) < 0)
			return -1;
		else if (strcmp(m->key, "is") == 0 && read_ns(json_str(m), &out->ns, e) < 0)
			return -1;
		else if (strcmp(m->key, "type") != 0 && strcmp(m->key, "is") != 0)
			return err_set(e, ERR_INPUT, "the fake world knows no \"%s\"", m->key);
	}
	if (!out->path)
		return err_set(e, ERR_INPUT, "an override of the fake world without a path");
	return 0;
}

int world_fake_load(struct world_fake *f, const char *text, size_t len, struct err *e)
{
	static const struct json_limits limits = {65536, 8, 2000};
	static const struct {
		const char *key;
		void (*add)(struct world_fake *f, struct fake_path p);
	} lists[] = {
		{"sources", world_fake_source},
		{"rootfs", world_fake_entry},
		{"ns", world_fake_ns},
		{"hooks", world_fake_hook},
	};

	if (json_parse(text, len, &limits, JSON_COMMENTS, &f->loaded, e) < 0)
		return err_wrap(e, "world");
	json_each (m, json_root(f->loaded)) {
		size_t i = 0;

		while (i < 4 && strcmp(lists[i].key, m->key) != 0)
			i++;
		if (strcmp(m->key, "inUserNs") == 0)
			f->world.in_user_ns = json_is_true(m);
		else if (strcmp(m->key, "cgroupV2") == 0)
			f->world.cgroup_v2 = json_is_true(m);
		else if (i == 4)
			return err_set(e, ERR_INPUT, "the fake world knows no \"%s\"", m->key);
		if (i == 4)
			continue;
		json_each (v, m) {
			struct fake_path p = {.path = NULL};

			if (read_override(v, &p, e) < 0)
				return -1;
			lists[i].add(f, p);
		}
	}
	return 0;
}
