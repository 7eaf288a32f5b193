/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry - which containers have rules in which namespace.
 *
 * Files are replaced by a rename. The temporary has a fixed name, since the lock is held: what kill -9 leaves of
 * it is taken by the next one. Nothing is written through to a disk: a crash of the node ends the containers, too.
 */
#include "netseg/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netseg/registry_entry.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum {
	LOCK_WAIT = 6, /* seconds; less than cinch-hook has, so that it can say so */
	KEYS_MAX = 1 << 20, /* bytes of a file in namespaces/ */
};

#define CONTAINERS "containers"
#define LATE "late"
#define NAMESPACES "namespaces"

static const char *const rooms[] = {CONTAINERS, LATE, NAMESPACES, NULL};

/* ---- directories and the lock ---- */

/* FD is ours alone to write. */
static int check_dir(int fd, const char *dir, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat %.256s", dir);
	if (!io_owner_trusted(&st))
		return err_set(e, ERR_INPUT,
			"directory %.256s: others than root may write it (owner %u, mode %04o)",
			dir, st.st_uid, st.st_mode & 07777);
	return 0;
}

static int open_dir(const char *dir, struct registry *out, struct err *e)
{
	AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_INPUT, "%.256s is not a directory", dir);
	if (fd < 0)
		return err_set(e, errno, "open directory %.256s", dir);
	if (check_dir(fd, dir, e) < 0)
		return -1;
	if (snprintf(out->dir, sizeof out->dir, "%s", dir) >= (int)sizeof out->dir)
		return err_set(e, ENAMETOOLONG, "directory %.64s", dir);
	out->fd = take_fd(&fd);
	out->lock = -1;
	return 0;
}

/* The file is the one by that name: somebody may have removed it while we waited. */
static bool same_file(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int take_lock(int dir, struct err *e)
{
	struct timespec pause = {.tv_nsec = 500 * 1000}, now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LOCK_WAIT;
	for (;;) {
		AUTO_FD int fd = openat(
			dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_set(e, errno, "open lock");
		while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK && errno != EINTR)
				return err_set(e, errno, "lock");
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec >= end.tv_sec)
				return err_set(e, ETIMEDOUT,
					"another process has held the lock for %d seconds",
					LOCK_WAIT);
			nanosleep(&pause, NULL);
			if (pause.tv_nsec < 8 * 1000 * 1000)
				pause.tv_nsec *= 2;
		}
		if (same_file(dir, "lock", fd))
			return take_fd(&fd);
	}
}

int registry_open(const char *dir, struct registry *out, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory %.256s", dir);
	if (open_dir(dir, &r, e) < 0)
		return -1;
	r.lock = take_lock(r.fd, e);
	if (r.lock < 0)
		return err_wrap(e, "%.256s", dir);
	for (size_t i = 0; rooms[i]; i++)
		if (mkdirat(r.fd, rooms[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory %.256s/%s", dir, rooms[i]);
	*out = r;
	r.fd = r.lock = -1;
	return 0;
}

int registry_look(const char *dir, struct registry *out, struct err *e)
{
	return open_dir(dir, out, e);
}

void registry_close(struct registry *r)
{
	cleanup_fd(&r->lock);
	cleanup_fd(&r->fd);
	r->lock = r->fd = -1;
}

/* ---- files ---- */

int registry_write(
	const struct registry *r, const char *name, const char *text, size_t len, struct err *e)
{
	char temp[PATH_MAX];
	AUTO_FD int fd = -1;

	assert_locked(r);
	snprintf(temp, sizeof temp, "%s" REGISTRY_TEMP, name);
	fd = openat(r->fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		0600);
	if (fd < 0)
		return err_set(e, errno, "make %s/%s", r->dir, temp);
	if (io_write_all(fd, text, len, e) < 0)
		err_wrap(e, "%s/%s", r->dir, temp);
	else if (renameat(r->fd, temp, r->fd, name) < 0)
		err_set(e, errno, "rename %s/%s", r->dir, temp);
	else
		return 0;
	unlinkat(r->fd, temp, 0);
	return -1;
}

int registry_read(const struct registry *r, const char *name, size_t max, char **text, size_t *len,
	struct err *e)
{
	struct stat st;
	AUTO_FREE char *got = NULL;
	size_t n;

	if (io_read_file_at(r->fd, name, max, &got, &n, &st, e) < 0)
		return err_wrap(e, "%s", r->dir);
	if (io_check_owner(name, &st, e) < 0)
		return err_wrap(e, "%s", r->dir);
	*text = take_ptr(&got);
	*len = n;
	return 0;
}

static int remove_file(const struct registry *r, const char *name, struct err *e)
{
	if (unlinkat(r->fd, name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove %s/%s", r->dir, name);
	return 0;
}

bool registry_is_key(const char *text)
{
	return strspn(text, "0123456789abcdef") == NET_KEY_SIZE - 1 && !text[NET_KEY_SIZE - 1];
}

static int name_of(const char *room, const char *key, char out[64], struct err *e)
{
	if (!registry_is_key(key))
		return err_set(e, ERR_INPUT, "\"%.64s\" is not the key of a container", key);
	snprintf(out, 64, "%s/%s", room, key);
	return 0;
}

/* ---- who is in a namespace ---- */

static void namespace_name(const struct netns_id *ns, char out[64])
{
	if (ns->cookie)
		snprintf(out, 64, NAMESPACES "/%" PRIu64, ns->cookie);
	else
		snprintf(out, 64, NAMESPACES "/%" PRIu64 "-%" PRIu64, ns->dev, ns->ino);
}

/* Lines of the file NAME that are keys; none when there is no file. */
static int read_keys(const struct registry *r, const char *name, struct strv *out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	size_t len;

	if (registry_read(r, name, KEYS_MAX, &text, &len, &why) < 0) {
		if (why.code == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		if (registry_is_key(line) && !strv_has(out, line) && strv_add(out, line) < 0)
			return err_nomem(e);
	return 0;
}

/* KEY stands in the file NAME no more, where there is no room for another file: its line is none any more. */
static int blank_key(const struct registry *r, const char *name, const char *key, struct err *e)
{
	static const char none[NET_KEY_SIZE] = "------------";
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	const char *at;
	size_t len;

	if (registry_read(r, name, KEYS_MAX, &text, &len, e) < 0)
		return -1;
	at = strstr(text, key);
	fd = openat(r->fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || (at && pwrite(fd, none, NET_KEY_SIZE - 1, at - text) != NET_KEY_SIZE - 1))
		return err_set(e, errno, "write %s/%s", r->dir, name);
	return 0;
}

/* KEY stands in the file NAME, or does not. A file without a line goes. */
static int write_keys(
	const struct registry *r, const char *name, const char *key, bool there, struct err *e)
{
	AUTO_STRV struct strv keys = {0};
	AUTO_STR struct str text = STR_INIT;
	struct err why = {0};

	if (read_keys(r, name, &keys, e) < 0)
		return -1;
	if (strv_has(&keys, key) == there)
		return 0;
	for (size_t i = 0; i < keys.n; i++)
		if (strcmp(keys.v[i], key) != 0)
			str_addf(&text, "%s\n", keys.v[i]);
	if (there)
		str_addf(&text, "%s\n", key);
	if (str_failed(&text))
		return err_nomem(e);
	if (!text.len)
		return remove_file(r, name, e);
	if (registry_write(r, name, text.s, text.len, &why) == 0)
		return 0;
	if (!there && (why.code == ENOSPC || why.code == EDQUOT))
		return blank_key(r, name, key, e);
	if (e)
		*e = why;
	return -1;
}

int registry_in(
	const struct registry *r, const struct netns_id *ns, struct strv *keys, struct err *e)
{
	AUTO_STRV struct strv all = {0};
	char name[64];

	namespace_name(ns, name);
	if (read_keys(r, name, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		/* written before the entry, and removed after it: one without the other is none */
		snprintf(name, sizeof name, CONTAINERS "/%s", all.v[i]);
		if (faccessat(r->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
			strv_add(keys, all.v[i]) < 0)
			return err_nomem(e);
	}
	return 0;
}

/* ---- entries ---- */

static int damaged(const struct registry *r, const char *name, struct err *e)
{
	return err_wrap(e, "%s/%s is damaged", r->dir, name);
}

int registry_get(const struct registry *r, const char *key, struct net_entry *out, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_FREE char *text = NULL;
	char name[64];
	size_t len = 0;

	if (name_of(CONTAINERS, key, name, e) < 0 ||
		registry_read(r, name, REGISTRY_ENTRY_MAX, &text, &len, e) < 0)
		return -1;
	if (registry_entry_read(text, len, &n, e) < 0)
		return e->code == ERR_INPUT ? damaged(r, name, e) : -1;
	if (strcmp(n.key, key) != 0) {
		err_set(e, ERR_INPUT, "it is that of %s", n.key);
		return damaged(r, name, e);
	}
	*out = n;
	memset(&n, 0, sizeof n);
	return 0;
}

/* DIR/late/KEY is there when N is late. */
static int mark_late(const struct registry *r, const struct net_entry *n, struct err *e)
{
	char name[64];
	AUTO_FD int fd = -1;

	if (name_of(LATE, n->key, name, e) < 0)
		return -1;
	if (!n->late)
		return remove_file(r, name, e);
	fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "make %s/%s", r->dir, name) : 0;
}

/* The namespace that the entry NAME names now, when there is one. */
static bool old_namespace(const struct registry *r, const char *key, struct netns_id *out)
{
	AUTO_NET_ENTRY struct net_entry old = {0};
	struct err why;

	if (registry_get(r, key, &old, &why) < 0)
		return false;
	*out = old.ns;
	return true;
}

int registry_put(const struct registry *r, const struct net_entry *n, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;
	char name[64], place[64], before[64];
	struct netns_id old;
	struct err lost;
	bool had, moved = false;

	if (name_of(CONTAINERS, n->key, name, e) < 0 || registry_entry_write(n, &text, e) < 0)
		return -1;
	namespace_name(&n->ns, place);
	had = old_namespace(r, n->key, &old);
	if (had) {
		namespace_name(&old, before);
		moved = strcmp(before, place) != 0;
	}
	if (write_keys(r, place, n->key, true, e) < 0 ||
		registry_write(r, name, text.s, text.len, e) < 0) {
		if (!had)
			(void)write_keys(r, place, n->key, false, &lost);
		return -1;
	}
	if (mark_late(r, n, e) < 0)
		return -1;
	return moved ? write_keys(r, before, n->key, false, e) : 0;
}

/* Names in the directory ROOM that do not begin with a dot. */
static int list_room(const struct registry *r, const char *room, struct strv *out, struct err *e)
{
	AUTO_FD int fd = openat(r->fd, room, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d;
	int rc = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_set(e, errno, "list %s/%s", r->dir, room);
	take_fd(&fd);
	for (struct dirent *entry; rc == 0 && (entry = readdir(d));)
		if (entry->d_name[0] != '.' && strv_add(out, entry->d_name) < 0)
			rc = err_nomem(e);
	closedir(d);
	return rc;
}

/* KEY out of every file in namespaces/; NULL: all keys that have no entry. */
static int sweep_namespaces(const struct registry *r, const char *key, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	if (list_room(r, NAMESPACES, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_STRV struct strv keys = {0};
		char name[PATH_MAX], entry[64];

		snprintf(name, sizeof name, NAMESPACES "/%s", names.v[i]);
		if (str_ends(name, REGISTRY_TEMP)) {
			if (remove_file(r, name, e) < 0)
				return -1;
			continue;
		}
		if (read_keys(r, name, &keys, e) < 0)
			return -1;
		for (size_t k = 0; k < keys.n; k++) {
			snprintf(entry, sizeof entry, CONTAINERS "/%s", keys.v[k]);
			if (key ? strcmp(key, keys.v[k]) == 0
				: faccessat(r->fd, entry, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
				if (write_keys(r, name, keys.v[k], false, e) < 0)
					return -1;
		}
		if (!keys.n && remove_file(r, name, e) < 0)
			return -1;
	}
	return 0;
}

int registry_drop(const struct registry *r, const char *key, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	char name[64], late[64], temp[80], place[64];
	struct err why = {0};
	bool whole, any;

	assert_locked(r);
	if (name_of(CONTAINERS, key, name, e) < 0 || name_of(LATE, key, late, e) < 0)
		return -1;
	whole = registry_get(r, key, &n, &why) == 0;
	any = whole || why.code != ENOENT;
	snprintf(temp, sizeof temp, "%s" REGISTRY_TEMP, name);
	if (remove_file(r, late, e) < 0 || remove_file(r, temp, e) < 0 ||
		(any && remove_file(r, name, e) < 0))
		return -1;
	if (whole) {
		namespace_name(&n.ns, place);
		return write_keys(r, place, key, false, e);
	}
	return any ? sweep_namespaces(r, key, e) : 0;
}

int registry_each(const struct registry *r,
	int (*fn)(const struct net_entry *n, void *arg, struct err *e), void *arg, struct strv *bad,
	struct err *e)
{
	AUTO_STRV struct strv names = {0};

	if (list_room(r, CONTAINERS, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_NET_ENTRY struct net_entry n = {0};
		struct err why = {0};

		if (str_ends(names.v[i], REGISTRY_TEMP))
			continue;
		why.code = ERR_INPUT;
		if (registry_is_key(names.v[i]) && registry_get(r, names.v[i], &n, &why) == 0) {
			if (fn(&n, arg, e) < 0)
				return -1;
		} else if (why.code == ERR_INPUT) {
			if (strv_add(bad, names.v[i]) < 0)
				return err_nomem(e);
		} else if (why.code != ENOENT) { /* gone while we looked */
			*e = why;
			return -1;
		}
	}
	return 0;
}

int registry_listed(const struct registry *r, const char *key, bool *yes, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	*yes = false;
	if (list_room(r, NAMESPACES, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n && !*yes; i++) {
		AUTO_STRV struct strv keys = {0};
		char name[PATH_MAX];

		snprintf(name, sizeof name, NAMESPACES "/%s", names.v[i]);
		if (!str_ends(name, REGISTRY_TEMP) && read_keys(r, name, &keys, e) < 0)
			return -1;
		*yes = strv_has(&keys, key);
	}
	return 0;
}

int registry_tidy(const struct registry *r, struct err *e)
{
	static const char *const more[] = {CONTAINERS, LATE, NULL};

	assert_locked(r);
	for (size_t i = 0; more[i]; i++) {
		AUTO_STRV struct strv names = {0};

		if (list_room(r, more[i], &names, e) < 0)
			return -1;
		for (size_t k = 0; k < names.n; k++) {
			char name[PATH_MAX], entry[PATH_MAX];

			snprintf(name, sizeof name, "%s/%s", more[i], names.v[k]);
			snprintf(entry, sizeof entry, CONTAINERS "/%s", names.v[k]);
			if ((str_ends(name, REGISTRY_TEMP) ||
				    faccessat(r->fd, entry, F_OK, AT_SYMLINK_NOFOLLOW) < 0) &&
				remove_file(r, name, e) < 0)
				return -1;
		}
	}
	return sweep_namespaces(r, NULL, e);
}

bool registry_lives(const struct net_entry *n)
{
	return n->pid > 0 && n->started && netns_started(n->pid) == n->started;
}
