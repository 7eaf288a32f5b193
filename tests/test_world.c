/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_world - the answers of world_host() about a small tree in a temporary directory.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/world.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const char *base;

static const char *at(const char *rel)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", base, rel);
	return p;
}

static void dir(const char *rel)
{
	assert(mkdir(at(rel), 0755) == 0);
}

static void file(const char *rel, mode_t mode)
{
	int fd = open(at(rel), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert(fd >= 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static void sym(const char *target, const char *rel)
{
	assert(symlink(target, at(rel)) == 0);
}

static void make_tree(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	base = scratch_dir();
	dir("run");
	dir("run/engine");
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", at("run/engine/engine.sock"));
	assert(s >= 0 && bind(s, (struct sockaddr *)&sa, sizeof sa) == 0);
	close(s);
	dir("state");
	dir("state/deep");
	file("state/deep/record", 0600);
	dir("store");
	dir("store/volume");
	dir("hidden");
	dir("hidden/deep");
	dir("hidden/deep/secret");
	dir("porch");
	sym("../hidden/deep", "porch/way");
	dir("vault");
	dir("vault/box");
	sym("vault/box", "to-vault");
	dir("data");
	dir("data/sub");
	file("data/file", 0644);
	assert(mkfifo(at("data/fifo"), 0644) == 0);
	assert(link(at("run/engine/engine.sock"), at("data/hard.sock")) == 0);
	sym("../run", "data/to-run");
	sym("file", "data/to-file");
	sym("loop", "data/loop");
	sym("nowhere", "data/dangling");
	dir("bundle");
	dir("bundle/inner");
	dir("bundle/rootfs");
	sym("../data", "bundle/out");
	dir("bundle/rootfs/etc");
	dir("bundle/rootfs/usr");
	dir("bundle/rootfs/usr/lib");
	file("bundle/rootfs/etc/hosts", 0644);
	assert(mkfifo(at("bundle/rootfs/etc/fifo"), 0644) == 0);
	sym("/etc", "bundle/rootfs/dev");
	sym("../../../../../../etc", "bundle/rootfs/climb");
	sym("usr/lib", "bundle/rootfs/lib");
	sym("../etc/hosts", "bundle/rootfs/usr/names");
	sym("/proc/sys/kernel", "bundle/rootfs/dangling");
	sym("a", "bundle/rootfs/b");
	sym("b", "bundle/rootfs/a");
	dir("bundle/rootfs/chain");
	for (int i = 0; i < 60; i++) {
		char from[32], to[32];

		snprintf(from, sizeof from, "bundle/rootfs/chain/%d", i);
		snprintf(to, sizeof to, "%d", i + 1);
		sym(to, from);
	}
	file("bundle/rootfs/usr/hook", 0755);
	file("good-hook", 0755);
	file("loose-hook", 0775);
	file("not-a-program", 0644);
	sym("good-hook", "hook-link");
}

struct source_case {
	const char *path, *real, *controls; /* below the tree; NULL: none */
	mode_t type; /* 0: does not exist */
};

static void sources(const struct world *w)
{
	static const struct source_case cases[] = {
		{"data", "data", NULL, S_IFDIR},
		{"data/file", "data/file", NULL, S_IFREG},
		{"data/to-file", "data/file", NULL, S_IFREG},
		{"data/../data//sub/", "data/sub", NULL, S_IFDIR},
		{"data/fifo", "data/fifo", NULL, S_IFIFO},
		{"data/none", NULL, NULL, 0},
		{"data/file/none", NULL, NULL, 0},
		{"run/engine/engine.sock", "run/engine/engine.sock", "run/engine/engine.sock",
			S_IFSOCK},
		{"data/hard.sock", "data/hard.sock", "run/engine/engine.sock", S_IFSOCK},
		{"run/engine", "run/engine", "run/engine/engine.sock", S_IFDIR},
		{"run", "run", "run/engine/engine.sock", S_IFDIR},
		{"data/to-run", "run", "run/engine/engine.sock", S_IFDIR},
		{"", "", "run/engine/engine.sock", S_IFDIR},
		{"store", "store", "store", S_IFDIR},
		{"store/volume", "store/volume", NULL, S_IFDIR},
		{"state", "state", "state", S_IFDIR},
		{"state/deep", "state/deep", "state", S_IFDIR},
		{"state/deep/record", "state/deep/record", "state", S_IFREG},
		/* controls behind a link, and what is one: where they lie is what counts */
		{"hidden", "hidden", "porch/way/secret", S_IFDIR},
		{"hidden/deep", "hidden/deep", "porch/way/secret", S_IFDIR},
		{"hidden/deep/secret", "hidden/deep/secret", "porch/way/secret", S_IFDIR},
		{"porch", "porch", NULL, S_IFDIR},
		{"vault", "vault", "to-vault", S_IFDIR},
		{"vault/box", "vault/box", "to-vault", S_IFDIR},
		{"to-vault", "vault/box", "to-vault", S_IFDIR},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct source_case *c = &cases[i];
		struct world_source s;
		struct err e = {0};
		bool good =
			w->source(w->arg, at(c->path), &s, &e) == 0 && s.exists == (c->type != 0);

		if (good && c->type) {
			const char *real = *c->path ? at(c->real) : base;

			good = strcmp(s.real, real) == 0 && (s.mode & S_IFMT) == c->type &&
			       strcmp(s.controls, c->controls ? at(c->controls) : "") == 0;
		}
		if (!ok(good, "source %s", c->path))
			printf("# %s, real %s, controls \"%s\"\n", e.msg, s.real, s.controls);
	}
}

static void odd_sources(const struct world *w)
{
	struct world_source s;
	struct err e = {0};
	char path[600];
	int fd;

	ok(w->source(w->arg, "inner", &s, &e) == 0 && strcmp(s.real, at("bundle/inner")) == 0,
		"a relative source begins at the bundle");
	ok(w->source(w->arg, "out/sub", &s, &e) == 0 && strcmp(s.real, at("data/sub")) == 0,
		"its links are followed");
	ok(w->source(w->arg, "", &s, &e) == 0 && !s.exists, "no source");
	ok(w->source(w->arg, at("data/dangling"), &s, &e) < 0, "a dangling link: %s", e.msg);
	ok(w->source(w->arg, at("data/loop"), &s, &e) < 0 && strstr(e.msg, "loop"), "a loop: %s",
		e.msg);
	snprintf(path, sizeof path, "/proc/self/root%s/data", base);
	ok(w->source(w->arg, path, &s, &e) < 0, "through a magic link: %s", e.msg);
	fd = open(at("data/file"), O_RDONLY | O_CLOEXEC);
	assert(fd >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ok(w->source(w->arg, path, &s, &e) < 0, "a descriptor of this process: %s", e.msg);
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	ok(w->source(w->arg, path, &s, &e) < 0, "by another name: %s", e.msg);
	close(fd);
	ok(w->source(w->arg, "/", &s, &e) == 0 && s.controls[0], "the whole host: %s", s.controls);
	/* without openat2 it is not even looked at */
	ok(w->source(w->arg, "/proc/sys/kernel", &s, &e) < 0 || strcmp(s.controls, "/proc") == 0,
		"a directory of procfs");
	ok(w->source(w->arg, "/proc/self/ns/net", &s, &e) < 0, "a namespace: %s", e.msg);
	ok(w->source(w->arg, at("data"), &s, &e) == 0 && !(s.flags & ST_RDONLY), "not read-only");
}

/* A removed directory's name gets " (deleted)", which may be the name of another. */
static void removed(void)
{
	AUTO_WORLD struct world w = {0};
	AUTO_FD int gone = -1;
	struct world_source s;
	struct err e = {0};

	dir("gone");
	gone = open(at("gone"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert(gone >= 0 && rmdir(at("gone")) == 0);
	dir("gone (deleted)");
	assert(world_host(gone, "rootfs", &w, &e) == 0);
	ok(w.source(w.arg, ".", &s, &e) < 0, "a removed directory is not its neighbour: %s", e.msg);
}

static void built_in(int bundle)
{
	AUTO_WORLD struct world w = {0};
	struct world_source s;
	struct err e = {0};

	assert(world_host(bundle, "rootfs", &w, &e) == 0);
	ok(w.source(w.arg, "/", &s, &e) == 0 && s.controls[0], "built-in: / contains %s",
		s.controls);
	ok(w.source(w.arg, "/dev", &s, &e) == 0 && strcmp(s.controls, "/dev") == 0,
		"built-in: /dev");
	ok(w.source(w.arg, "/sys", &s, &e) == 0 && strcmp(s.controls, "/sys") == 0,
		"built-in: /sys");
	ok(w.source(w.arg, "/etc", &s, &e) == 0 && s.controls[0], "built-in: /etc contains %s",
		s.controls);
	ok(w.source(w.arg, "/etc/hosts", &s, &e) == 0 && !s.controls[0],
		"built-in: not /etc/hosts");
	ok(w.source(w.arg, at("data"), &s, &e) == 0 && !s.controls[0], "built-in: not a plain one");
}

/* In a mount namespace of its own: another bind of a control, and flags of a mount. */
static int in_mount_ns(int bundle, const struct world_control *table)
{
	AUTO_WORLD struct world w = {0};
	struct world_source s;
	struct err e = {0};

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	if (mount(at("run"), at("data/sub"), NULL, MS_BIND, NULL) < 0 ||
		mount(at("state"), at("usr"), NULL, MS_BIND, NULL) < 0 ||
		mount(at("data"), at("ro"), NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, at("ro"), NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC, NULL) < 0)
		return 78;
	if (world_host(bundle, "rootfs", &w, &e) < 0)
		return 1;
	world_host_controls(&w, table);
	if (w.source(w.arg, at("data/sub"), &s, &e) < 0 || !s.controls[0])
		return 2;
	if (w.source(w.arg, at("usr/deep"), &s, &e) < 0 || !s.controls[0])
		return 3;
	if (w.source(w.arg, at("ro/file"), &s, &e) < 0 || s.controls[0] || !(s.flags & ST_RDONLY) ||
		!(s.flags & ST_NOEXEC))
		return 4;
	/* mounts below a source come along */
	if (mkdir(at("jail"), 0755) < 0 || mkdir(at("jail/a b"), 0755) < 0 ||
		mkdir(at("jail2"), 0755) < 0 || mkdir(at("jail2/x"), 0755) < 0 ||
		mount(at("run"), at("jail/a b"), NULL, MS_BIND, NULL) < 0 ||
		mount("t", at("jail2/x"), "tmpfs", 0, NULL) < 0)
		return 79;
	world_done(&w);
	if (world_host(bundle, "rootfs", &w, &e) < 0)
		return 1;
	world_host_controls(&w, table);
	if (w.source(w.arg, at("jail"), &s, &e) < 0 || !s.controls[0])
		return 6;
	if (w.source(w.arg, at("jail2"), &s, &e) < 0 || s.controls[0] || !s.mounts_below)
		return 7;
	if (mkdir(at("jai"), 0755) < 0 || w.source(w.arg, at("jai"), &s, &e) < 0 || s.controls[0] ||
		s.mounts_below)
		return 9;
	if (mount("/proc", at("jail2/x"), NULL, MS_BIND | MS_REC, NULL) < 0)
		return 80;
	world_done(&w);
	if (world_host(bundle, "rootfs", &w, &e) < 0)
		return 1;
	world_host_controls(&w, table);
	if (w.source(w.arg, at("jail2"), &s, &e) < 0 || strcmp(s.controls, "/proc") != 0)
		return 8;
	return w.in_user_ns ? 0 : 5;
}

static void other_binds(int bundle, const struct world_control *table)
{
	int status;
	pid_t pid;

	dir("usr");
	dir("ro");
	fflush(stdout);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0)
		_exit(in_mount_ns(bundle, table));
	assert(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		tap_skip("another bind of a control", "no user and mount namespaces here");
	else
		ok(status == 0, "another bind of a control, a mount's flags, a user namespace (%d)",
			WEXITSTATUS(status));
}

static void rootfs(const struct world *w)
{
	static const struct {
		const char *path, *real;
		mode_t type; /* 0: does not exist */
		bool symlink;
	} cases[] = {
		{"/", "/", S_IFDIR, false},
		{"/etc/hosts", "/etc/hosts", S_IFREG, false},
		{"etc//./hosts", "/etc/hosts", S_IFREG, false},
		{"/etc/../usr/lib/", "/usr/lib", S_IFDIR, false},
		{"/../../etc", "/etc", S_IFDIR, false},
		{"/etc/fifo", "/etc/fifo", S_IFIFO, false},
		{"/dev", "/etc", S_IFDIR, true},
		{"/dev/", "/etc", S_IFDIR, true},
		{"/dev/null", "/etc/null", 0, false},
		{"/dev/hosts", "/etc/hosts", S_IFREG, false},
		{"/climb", "/etc", S_IFDIR, true},
		{"/climb/new/dir", "/etc/new/dir", 0, false},
		{"/lib/x", "/usr/lib/x", 0, false},
		{"/usr/names", "/etc/hosts", S_IFREG, true},
		{"/lib/../names", "/etc/hosts", S_IFREG, true},
		{"/dangling", "/proc/sys/kernel", 0, true},
		{"/dangling/core_pattern", "/proc/sys/kernel/core_pattern", 0, false},
		{"/new/a/b", "/new/a/b", 0, false},
		{"/chain/20", "/chain/60", 0, true},
	};
	static const char *const bad[] = {"/a", "/b/c", "/etc/hosts/x", "/new/../etc", "/chain/19"};
	struct world_entry n;
	char path[WORLD_PATH_MAX + 8];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		bool good = w->rootfs_entry(w->arg, cases[i].path, &n, &e) == 0 &&
			    strcmp(n.real, cases[i].real) == 0 &&
			    n.exists == (cases[i].type != 0) &&
			    (n.mode & S_IFMT) == cases[i].type && n.symlink == cases[i].symlink;

		if (!ok(good, "rootfs %s", cases[i].path))
			printf("# %s, real %s, exists %d, symlink %d\n", e.msg, n.real, n.exists,
				n.symlink);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};

		ok(w->rootfs_entry(w->arg, bad[i], &n, &e) < 0, "rootfs %s: %s", bad[i], e.msg);
	}
	dir("bundle/rootfs/swap");
	ok(w->rootfs_entry(w->arg, "/swap", &n, NULL) == 0 && !n.symlink, "rootfs: /swap");
	assert(rmdir(at("bundle/rootfs/swap")) == 0);
	sym("/etc", "bundle/rootfs/swap");
	ok(w->rootfs_entry(w->arg, "/swap", &n, NULL) == 0 && !n.symlink &&
			strcmp(n.real, "/swap") == 0 && S_ISDIR(n.mode),
		"rootfs: all passes get the same answer");
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	ok(w->rootfs_entry(w->arg, path, &n, NULL) < 0, "rootfs: a path too long");
	for (size_t i = 0; i + 2 < sizeof path; i += 2)
		memcpy(path + i, "/y", 2);
	path[WORLD_PATH_MAX - 1] = '\0';
	ok(w->rootfs_entry(w->arg, path, &n, NULL) == 0, "rootfs: the longest path");
}

/* CVE-2021-30465: over which directories does the way to a mount's destination lead? */
static void crossings(const struct world *w)
{
	static const struct {
		const char *path, *dir;
		bool crosses;
	} cases[] = {
		{"/etc/hosts", "/etc", true},
		{"/etc/hosts", "/usr", false},
		{"/etc", "/etc", false},
		{"/etcetera/x", "/etc", false},
		{"/etc/new/dir", "/etc/new", true},
		{"/lib/x", "/usr/lib", true},
		{"/usr/names", "/usr", true}, /* ends in /etc */
		{"/usr/names", "/etc", true},
		{"/lib/../names", "/usr/lib", true},
		{"/usr/names", "/usr/lib", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool crosses = !cases[i].crosses;
		struct err e = {0};

		ok(w->rootfs_crosses(w->arg, cases[i].path, cases[i].dir, &crosses, &e) == 0 &&
				crosses == cases[i].crosses,
			"the way to %s leads %s %s", cases[i].path,
			cases[i].crosses ? "through" : "not through", cases[i].dir);
	}
}

static void bad_roots(int bundle)
{
	static const char *const bad[] = {
		NULL, "", "none", "..", "../data", "out", "rootfs/etc/hosts"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_WORLD struct world w = {0};
		struct world_entry n;
		struct err e = {0};
		bool made = world_host(bundle, bad[i], &w, &e) == 0;

		ok(made && w.rootfs_entry(w.arg, "/etc", &n, &e) < 0, "root.path %s: %s",
			bad[i] ? bad[i] : "(none)", e.msg);
	}
}

static void namespaces(const struct world *w)
{
	static const struct {
		const char *path;
		enum ns_type type;
		int want; /* -1: an error */
	} cases[] = {
		{"/proc/self/ns/net", NS_NETWORK, WORLD_NS_HOST},
		{"/proc/self/ns/pid", NS_PID, WORLD_NS_HOST},
		{"/proc/self/ns/mnt", NS_MOUNT, WORLD_NS_HOST},
		{"/proc/self/ns/user", NS_USER, WORLD_NS_HOST},
		{"/proc/self/ns/net", NS_PID, WORLD_NS_BAD},
		{"/proc/self/status", NS_PID, WORLD_NS_BAD},
		{"/dev/null", NS_NETWORK, WORLD_NS_BAD},
		{"/nonexistent/ns", NS_NETWORK, -1},
	};
	enum world_ns is;
	struct err e = {0};
	char path[64];
	bool same;
	pid_t pid;
	int ready[2];
	char c;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int rc = w->ns_path(w->arg, cases[i].type, cases[i].path, &is, &e);

		ok(cases[i].want < 0 ? rc < 0 : rc == 0 && (int)is == cases[i].want,
			"namespace %s as type %d", cases[i].path, cases[i].type);
	}
	ok(w->ns_path(w->arg, NS_NETWORK, at("data/fifo"), &is, &e) == 0 && is == WORLD_NS_BAD,
		"a FIFO is no namespace and blocks nobody");
	assert(pipe(ready) == 0);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		c = unshare(CLONE_NEWUSER | CLONE_NEWUTS) == 0 ? 'y' : 'n';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert(read(ready[0], &c, 1) == 1);
	snprintf(path, sizeof path, "/proc/%d/ns/uts", pid);
	if (c == 'y')
		ok(w->ns_path(w->arg, NS_UTS, path, &is, &e) == 0 && is == WORLD_NS_OTHER,
			"another process's own namespace");
	else
		tap_skip("another process's own namespace", "no user namespaces here");
	ok(w->ns_same(w->arg, path, "/proc/self/ns/uts", &same, &e) == 0 && same == (c != 'y'),
		"two of one type");
	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	ok(w->ns_same(w->arg, path, "/proc/self/ns/net", &same, &e) == 0 && same, "the same one");
	ok(w->ns_same(w->arg, at("data/file"), at("data/to-file"), &same, &e) == 0 && !same,
		"one file is not one namespace");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

/* Held open as the program of a process: see hold(). */
static const char hold_word[] = "hold";

/* A process whose program is a copy of this one, in a mount namespace of its own where DIR is another
 * file system; or, DIR NULL, removed after its start. Its pid, once it runs; -1 when that cannot be. */
static pid_t hold(const char *dir)
{
	char path[PATH_MAX], byte;
	int p[2];
	pid_t pid;

	if (pipe(p) < 0)
		return -1;
	if (dir)
		snprintf(path, sizeof path, "%s/held", dir);
	else /* a removed file on the rootfs's device might be the image's */
		snprintf(path, sizeof path, "/dev/shm/cinch-held-%d", getpid());
	pid = fork();
	if (pid == 0) {
		AUTO_STR struct str copy = STR_INIT;

		if (dir && (unshare(CLONE_NEWNS) < 0 ||
				   mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
				   mount("none", dir, "tmpfs", 0, NULL) < 0))
			_exit(1);
		str_addf(&copy, "cp /proc/%d/exe %s && chmod 755 %s", getpid(), path, path);
		if (system(str_text(&copy)) != 0)
			_exit(1);
		dup2(p[1], STDOUT_FILENO);
		execl(path, path, hold_word, NULL);
		_exit(1);
	}
	close(p[1]);
	if (pid > 0 && read(p[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(p[0]);
	if (!dir)
		unlink(path);
	return pid;
}

/* The name of a process's program is not yet the program. */
static void held_hooks(const struct world *w)
{
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		const char *what = elsewhere ? "in another mount namespace" : "removed meanwhile";
		struct world_hook hook = {.ok = !elsewhere};
		struct err e = {0};
		char path[64];
		pid_t pid;

		if (geteuid() != 0) {
			tap_skip(what, "only root's programs are hooks");
			continue;
		}
		(void)mkdir(scratch_path("over"), 0755);
		pid = hold(elsewhere ? scratch_path("over") : NULL);
		if (pid < 0) {
			tap_skip(what, "it cannot be set up here");
			continue;
		}
		snprintf(path, sizeof path, "/proc/%d/exe", pid);
		ok(w->hook_ok(w->arg, path, &hook, &e) == 0 && hook.ok == !elsewhere, "hook %s: %s",
			what, hook.real);
		ok(elsewhere || !strstr(hook.real, "deleted"), "its plain name");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void hooks(const struct world *w)
{
	static const struct {
		const char *path;
		bool good;
	} cases[] = {
		{"good-hook", true},
		{"hook-link", true},
		{"loose-hook", false},
		{"not-a-program", false},
		{"data", false},
		{"data/fifo", false},
		{"bundle/rootfs/usr/hook", false},
	};
	struct err e = {0};
	struct world_hook what;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (geteuid() == 0 || !cases[i].good)
			ok(w->hook_ok(w->arg, at(cases[i].path), &what, &e) == 0 &&
					what.ok == cases[i].good,
				"hook %s", cases[i].path);
		else
			ok(w->hook_ok(w->arg, at(cases[i].path), &what, &e) == 0 && !what.ok,
				"hook %s of a plain user", cases[i].path);
	ok(w->hook_ok(w->arg, "/bin/sh", &what, &e) == 0 && what.ok, "hook /bin/sh");
	ok(w->hook_ok(w->arg, "/proc/self/exe", &what, &e) == 0 &&
			str_ends(what.real, "test_world"),
		"a process's program has its own name: %s", what.real);
	ok(w->hook_ok(w->arg, at("none"), &what, &e) < 0, "hook that is not there: %s", e.msg);
}

int main(int argc, char *argv[])
{
	struct world_control table[7] = {{0}};
	AUTO_WORLD struct world w = {0};
	AUTO_FD int bundle = -1;
	char sock[512], state[512], store[512], hidden[512], vault[512];
	struct err e = {0};

	if (argc == 2 && strcmp(argv[1], hold_word) == 0) {
		if (write(STDOUT_FILENO, "x", 1) != 1)
			return 2;
		pause();
		return 0;
	}
	make_tree();
	snprintf(sock, sizeof sock, "%s", at("run/engine/engine.sock"));
	snprintf(state, sizeof state, "%s", at("state"));
	snprintf(store, sizeof store, "%s", at("store"));
	table[0].path = "/nonexistent/engine.sock";
	table[1] = (struct world_control){sock, false};
	table[2] = (struct world_control){state, true};
	table[3] = (struct world_control){store, false};
	snprintf(hidden, sizeof hidden, "%s", at("porch/way/secret"));
	snprintf(vault, sizeof vault, "%s", at("to-vault"));
	table[4] = (struct world_control){hidden, false};
	table[5] = (struct world_control){vault, false};
	bundle = open(at("bundle"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	ok(bundle >= 0 && world_host(bundle, "rootfs", &w, &e) == 0, "the world of a bundle");
	world_host_controls(&w, table);
	sources(&w);
	odd_sources(&w);
	removed();
	built_in(bundle);
	rootfs(&w);
	crossings(&w);
	bad_roots(bundle);
	namespaces(&w);
	hooks(&w);
	held_hooks(&w);
	other_binds(bundle, table);
	return tap_done();
}
