/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry - entries come back as they were written, damaged ones are told apart from none, one process at a time
 * changes them, and kill -9 at any call leaves what the next one can use.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netseg/registry_entry.h"
#include "shim/base/cleanup.h"
#include "tests/faults.h"
#include "tests/registry_rig.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define KEY "0123456789ab"
#define OTHER "ba9876543210"

static const char network[] =
	"{\"title\":\"default/web\",\"policies\":[{\"profile\":\"web\",\"mode\":\"enforce\","
	"\"preset\":\"none\",\"egress\":[{\"to\":[\"segment:db\"],\"ports\":[\"tcp/5432\"]}]}],"
	"\"segments\":[\"web\"]}";

static const struct json_limits limits = {1 << 20, JSON_DEPTH_MAX, 1 << 16};

static void add(struct addrs *l, const char *text)
{
	struct addr a;
	struct err e;

	if (addr_parse(text, &a, &e) < 0 || addrs_add(l, &a) < 0)
		exit(2);
}

/* An entry as a start makes it; the caller's. */
static struct net_entry entry(const char *key, uint64_t cookie)
{
	struct net_entry n = {.pid = 4711,
		.started = 123456789012345,
		.ns = {cookie, 4, 4026532000},
		.installed = true,
		.since = 1700000000,
		.cgroup = {.id = UINT64_MAX - 1, .level = 3, .path = "/pods/a"}};
	struct err e;

	memcpy(n.key, key, NET_KEY_SIZE);
	n.id = strdup("web-1");
	n.root = strdup("/run/runc");
	n.record = strdup("/run/cinch/x/web-1.json");
	add(&n.addresses, "10.0.0.5");
	add(&n.addresses, "fd00::5");
	add(&n.resolvers, "10.96.0.10");
	add(&n.hosts, "10.0.0.1");
	if (json_parse(network, strlen(network), &limits, JSON_STRICT, &n.network, &e) < 0)
		exit(2);
	return n;
}

static int put(const struct registry *r, const char *key, uint64_t cookie, bool late)
{
	AUTO_NET_ENTRY struct net_entry n = entry(key, cookie);
	struct err e = {0};

	n.late = late;
	return registry_put(r, &n, &e);
}

static bool there(const char *name)
{
	struct stat st;

	return lstat(scratch_path(name), &st) == 0;
}

static size_t keys_in(const struct registry *r, uint64_t cookie)
{
	AUTO_STRV struct strv keys = {0};
	const struct netns_id ns = {.cookie = cookie, .dev = 4, .ino = 9};
	struct err e;

	return registry_in(r, &ns, &keys, &e) < 0 ? 999 : keys.n;
}

static void test_round(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("round");
	AUTO_NET_ENTRY struct net_entry a = entry(KEY, 7), b = {0};
	AUTO_STR struct str before = STR_INIT, after = STR_INIT;
	struct err e = {0};

	a.late = true;
	ok(registry_put(&r, &a, &e) == 0, "an entry is written: %s", e.msg);
	ok(registry_get(&r, KEY, &b, &e) == 0, "and read: %s", e.msg);
	registry_entry_write(&a, &before, &e);
	registry_entry_write(&b, &after, &e);
	tap_same(str_text(&after), str_text(&before), "all of it comes back");
	ok(b.cgroup.id == UINT64_MAX - 1 && b.started == 123456789012345 && b.pid == 4711,
		"numbers are whole");
	ok(b.want.segments.n == 1 && b.want.n == 1, "its network was read");
	ok(there("round/late/" KEY), "a late one is marked");
	a.late = false;
	ok(registry_put(&r, &a, &e) == 0 && !there("round/late/" KEY), "and no longer");
	ok(keys_in(&r, 7) == 1 && keys_in(&r, 8) == 0, "it is in its namespace");
	a.ns.cookie = 8;
	ok(registry_put(&r, &a, &e) == 0 && keys_in(&r, 8) == 1 && keys_in(&r, 7) == 0,
		"in another namespace it is no longer in the first");
	ok(!there("round/namespaces/7"), "whose file is gone");
	ok(registry_drop(&r, KEY, &e) == 0 && registry_drop(&r, KEY, &e) == 0,
		"it is dropped, twice");
	ok(registry_get(&r, KEY, &b, &e) < 0 && e.code == ENOENT, "then there is none");
	ok(!there("round/namespaces/8") && scratch_entries("round/containers") == 0,
		"and nothing of it");
}

static void test_several(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("several");
	struct err e = {0};

	put(&r, KEY, 7, false);
	put(&r, OTHER, 7, true);
	put(&r, "aaaaaaaaaaaa", 0, false);
	ok(keys_in(&r, 7) == 2, "two of a pod");
	ok(there("several/namespaces/4-4026532000"), "without a cookie device and inode name it");
	registry_drop(&r, KEY, &e);
	ok(keys_in(&r, 7) == 1 && there("several/late/" OTHER), "one goes, the other stays");
	unlink(scratch_path("several/containers/" OTHER));
	ok(keys_in(&r, 7) == 0, "a key without an entry counts for nothing");
	ok(registry_tidy(&r, &e) == 0 && !there("several/namespaces/7") &&
			!there("several/late/" OTHER),
		"and is tidied away: %s", e.msg);
	ok(there("several/namespaces/4-4026532000"), "what has an entry stays");
}

static int count(const struct net_entry *n, void *arg, struct err *e)
{
	(void)n;
	(void)e;
	++*(int *)arg;
	return 0;
}

static void test_damage(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{\"version\":2}",
		"{\"version\":1,\"key\":\"0123456789ab\"}",
		"{\"version\":1,\"key\":\"../../../etc\"}",
	};
	AUTO_REGISTRY struct registry r = registry_rig("damage");
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *text = NULL;
	struct err e = {0};
	int seen = 0;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		scratch_write("damage/containers/" KEY, bad[i]);
		ok(registry_get(&r, KEY, &n, &e) < 0 && e.code == ERR_INPUT, "damaged: %s", e.msg);
	}
	put(&r, OTHER, 7, false);
	text = scratch_read("damage/containers/" OTHER);
	for (size_t cut = 0; cut < strlen(text) - 1; cut += 7) {
		AUTO_FREE char *part = strndup(text, cut);

		scratch_write("damage/containers/" OTHER, part);
		if (registry_get(&r, OTHER, &n, &e) == 0 || e.code != ERR_INPUT) {
			ok(false, "cut at %zu: %s", cut, e.msg);
			break;
		}
	}
	scratch_write("damage/containers/" OTHER, text);
	scratch_write("damage/containers/aaaaaaaaaaaa", text);
	ok(registry_get(&r, "aaaaaaaaaaaa", &n, &e) < 0 && e.code == ERR_INPUT,
		"that of another: %s", e.msg);
	ok(registry_each(&r, count, &seen, &names, &e) == 0 && seen == 1 && names.n == 2,
		"whole ones are shown, damaged ones named");
	ok(registry_get(&r, "../lock", &n, &e) < 0 && e.code == ERR_INPUT, "no path: %s", e.msg);
	ok(registry_drop(&r, "../lock", &e) < 0 && there("damage/lock"), "nor here");
	ok(registry_drop(&r, KEY, &e) == 0 && !there("damage/containers/" KEY),
		"a damaged one can be dropped");
	scratch_write("damage/containers/" OTHER, "{");
	ok(registry_drop(&r, OTHER, &e) == 0 && keys_in(&r, 7) == 0 &&
			!there("damage/namespaces/7"),
		"and goes from its namespace, too");
}

static void test_place(void)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err e = {0};

	ok(registry_look(scratch_path("none"), &r, &e) < 0 && e.code == ENOENT && !there("none"),
		"looking makes nothing");
	ok(registry_open(scratch_path("no/where"), &r, &e) < 0 && e.code == ENOENT, "no parent: %s",
		e.msg);
	scratch_write("file", "");
	ok(registry_open(scratch_path("file"), &r, &e) < 0 && e.code == ERR_INPUT, "a file: %s",
		e.msg);
	mkdir(scratch_path("open"), 0700);
	chmod(scratch_path("open"), 0777);
	ok(registry_open(scratch_path("open"), &r, &e) < 0 && e.code == ERR_INPUT,
		"others may write it: %s", e.msg);
	ok(symlink(scratch_path("round"), scratch_path("link")) == 0 &&
			registry_open(scratch_path("link"), &r, &e) < 0 && e.code == ERR_INPUT,
		"a link: %s", e.msg);
	ok(r.fd == -1 && r.lock == -1, "nothing is open");
}

/* ---- one at a time ---- */

/* Process PID has the lock's file open: it is waiting. */
static bool waits(pid_t pid)
{
	for (int fd = 3; fd < 64; fd++) {
		char path[64], to[PATH_MAX] = "";

		snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
		if (readlink(path, to, sizeof to - 1) > 0 && strstr(to, "/lock/lock"))
			return true;
	}
	return false;
}

static int second(struct registry *first, int tell)
{
	struct registry mine = {.lock = -1, .fd = -1};
	struct err e;

	registry_close(first); /* a lock is of the open file, which this process has, too */
	if (write(tell, "", 1) != 1)
		return 2;
	if (registry_open(scratch_path("lock"), &mine, &e) < 0)
		return 3;
	/* the other has written before it let go */
	return faccessat(mine.fd, "proof", F_OK, 0) == 0 ? 0 : 4;
}

/* REMOVED: meanwhile the file is taken away and made anew, so that the lock that is waited for is worth nothing. */
static void test_lock(bool removed)
{
	struct registry r = registry_rig("lock");
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	AUTO_FD int held = -1;
	int status = 1, tell[2];
	pid_t child = pipe(tell) == 0 ? fork() : -1;
	char byte;

	if (child == 0)
		_exit(second(&r, tell[1]));
	if (child < 0 || read(tell[0], &byte, 1) != 1)
		exit(2);
	close(tell[0]);
	close(tell[1]);
	while (!waits(child) && kill(child, 0) == 0)
		nanosleep(&pause, NULL);
	if (removed) {
		unlink(scratch_path("lock/lock"));
		scratch_write("lock/lock", "");
		held = open(scratch_path("lock/lock"), O_RDWR | O_CLOEXEC);
		flock(held, LOCK_EX);
		registry_close(&r);
		/* who takes the old one's for the lock is at its end soon, without a proof */
		for (int i = 0; i < 30 && waits(child); i++)
			nanosleep(&pause, NULL);
	}
	scratch_write("lock/proof", "");
	cleanup_fd(&held);
	held = -1;
	registry_close(&r);
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the lock is waited for (status %d)",
		status);
	unlink(scratch_path("lock/proof"));
}

/* ---- kill -9 ---- */

static int change(void *arg)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = entry(KEY, 7);
	struct err e;

	(void)arg;
	if (registry_open(scratch_path("killed"), &r, &e) < 0 || registry_put(&r, &n, &e) < 0)
		return 1;
	n.late = true;
	n.ns.cookie = 8;
	if (registry_put(&r, &n, &e) < 0)
		return 1;
	return registry_drop(&r, KEY, &e) < 0;
}

/* The next one finds an entry, whole and in its namespace, or none; and can go on. */
static bool usable(void)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_STRV struct strv keys = {0};
	struct err e = {0};
	bool any;

	if (registry_open(scratch_path("killed"), &r, &e) < 0)
		return false;
	any = registry_get(&r, KEY, &n, &e) == 0;
	if (!any && e.code != ENOENT)
		return false;
	if (any && (registry_in(&r, &n.ns, &keys, &e) < 0 || !strv_has(&keys, KEY)))
		return false;
	if (put(&r, KEY, 9, false) < 0 || keys_in(&r, 9) != 1 || registry_drop(&r, KEY, &e) < 0 ||
		registry_tidy(&r, &e) < 0)
		return false;
	return scratch_entries("killed/containers") == 0 &&
	       scratch_entries("killed/namespaces") == 0 && scratch_entries("killed/late") == 0;
}

static void first_entry(void)
{
	AUTO_REGISTRY struct registry r = registry_rig("killed");

	put(&r, KEY, 7, false);
}

static int replace(void *arg)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err e;

	(void)arg;
	if (registry_open(scratch_path("killed"), &r, &e) < 0)
		return 1;
	return put(&r, KEY, 8, true) < 0;
}

/* One that was there is there, as it was or as it is to be. */
static bool replaced(void)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err e = {0};

	if (registry_open(scratch_path("killed"), &r, &e) < 0 ||
		registry_get(&r, KEY, &n, &e) < 0 || (n.ns.cookie != 7 && n.ns.cookie != 8) ||
		keys_in(&r, n.ns.cookie) != 1)
		return false;
	return registry_drop(&r, KEY, &e) == 0 && put(&r, KEY, 7, false) == 0;
}

static void each_call(int (*fn)(void *arg), bool (*good_after)(void), const char *what)
{
	static const int faults[] = {FAULT_KILL, ENOSPC, EIO, FAULT_SHORT};

	for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
		bool good = true, hit = true;
		unsigned at = 1;

		for (; hit && at < 2000 && good; at++) {
			hit = faults_run(fn, NULL, at, faults[f]).hit;
			good = good_after();
		}
		ok(good && at > 20, "%s: fault %d at each of %u calls", what, faults[f], at - 1);
	}
}

static void test_kill(void)
{
	const char *why;

	if (!faults_work(&why)) {
		tap_skip("every call fails, and is killed", why);
		return;
	}
	mkdir(scratch_path("killed"), 0700);
	each_call(change, usable, "a life");
	first_entry();
	each_call(replace, replaced, "another entry in its place");
}

int main(void)
{
	test_round();
	test_several();
	test_damage();
	test_place();
	test_lock(false);
	test_lock(true);
	test_kill();
	return tap_done();
}
