/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_write - install a policy, and go back to the one before.
 *
 * The order of the steps is what makes it safe to be killed at any of them:
 *
 *	1. .new-PID/policy written, synced        nothing refers to it
 *	2. renamed to its digest, synced          whole before anything can lead to it
 *	3. previous -> what current is            a rollback now would change nothing
 *	4. current -> the new one, synced         in force; both links were made before 3
 *	5. what neither link names is removed     readers of an old one look at the link again
 *
 * All under a lock, so what a killed one left can be swept by the next.
 */
#include "profiles/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "profiles/store_at.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum { DIR_MODE = 0755, FILE_MODE = 0644, LOCK_MODE = 0600 };

#define LOCK_NAME "lock"
#define NEW_NAME ".new-"
#define OLD_NAME ".old"
#define NEW_CURRENT ".link-current"
#define NEW_PREVIOUS ".link-previous"

/* The store while it is ours alone. */
struct hold {
	int dir, lock;
	char current[HASH_HEX_SIZE]; /* "": none that is whole */
	char previous[HASH_HEX_SIZE];
};

#define AUTO_HOLD __attribute__((cleanup(hold_done)))
#define HOLD_INIT                                                                                  \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}

static void hold_done(struct hold *h)
{
	cleanup_fd(&h->lock);
	cleanup_fd(&h->dir);
}

/* ---- the directory and its lock ---- */

/* Make PATH and what is missing above it; each is on the disk before the next is made in it. */
static int make_dirs(const char *path, struct err *e)
{
	AUTO_FREE char *parent = NULL;
	const char *slash = strrchr(path, '/');
	AUTO_FD int fd = -1;
	mode_t mask;
	int rc;

	if (access(path, F_OK) == 0)
		return 0;
	parent = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!parent)
		return err_nomem(e);
	if (strcmp(parent, path) != 0 && make_dirs(parent, e) < 0)
		return -1;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %.256s", parent);
	mask = umask(022); /* a strict one would hide the policy from rootless engines */
	rc = mkdir(path, DIR_MODE) < 0 && errno != EEXIST ? err_set(e, errno, "make %.256s", path)
							  : 0;
	umask(mask);
	if (rc == 0 && fsync(fd) < 0)
		return err_set(e, errno, "write %.256s to disk", parent);
	return rc;
}

/* Who holds it, as the holder wrote it; 0: it did not say. */
static int read_holder(int fd)
{
	char text[16] = "";
	int pid = 0;

	for (ssize_t i = 0, n = pread(fd, text, sizeof text - 1, 0); i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || pid > 99999999)
			break;
		pid = 10 * pid + (text[i] - '0');
	}
	return pid;
}

static int wait_for(int fd, struct err *e)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	enum { TRIES = 10 * 50 };
	int pid;

	for (int i = 0; i < TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, errno, "lock the policy store");
		nanosleep(&pause, NULL);
	}
	pid = read_holder(fd);
	if (pid)
		return err_set(e, ERR_INPUT,
			"process %d is applying a policy; try again when it is done", pid);
	return err_set(e, ERR_INPUT, "somebody else is applying a policy; try again later");
}

/*
 * A file for the lock, since a directory that everybody may read is one that everybody may lock. It is
 * never removed by us; when somebody does, the one that is there now counts.
 */
static int take_lock(int dirfd, struct err *e)
{
	for (int i = 0; i < 100; i++) {
		AUTO_FD int fd = openat(dirfd, LOCK_NAME,
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
			LOCK_MODE);
		char pid[16];
		struct stat st;
		int n;

		if (fd < 0)
			return err_set(e, errno, "open the store's lock");
		if (wait_for(fd, e) < 0)
			return -1;
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(e, ERR_INPUT, "the store's lock is not a regular file");
		if (st.st_nlink == 0)
			continue;
		/* only for the message of another: a full disk does not matter */
		n = snprintf(pid, sizeof pid, "%d\n", getpid());
		if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) < 0)
			errno = 0;
		return take_fd(&fd);
	}
	return err_set(e, ERR_INPUT, "the store's lock is removed again and again");
}

/* The digest LINK names when all of that policy is there, else "". -1 only when out of memory. */
static int whole_link(int dirfd, const char *link, char digest[HASH_HEX_SIZE], struct err *e)
{
	struct err why = {0};

	if (store_at_link(dirfd, link, digest, &why) == 0 && digest[0] &&
		store_at_whole(dirfd, digest, digest, NULL, &why) == 0)
		return 0;
	digest[0] = '\0';
	return why.code == ENOMEM ? err_nomem(e) : 0;
}

static int take_hold(const char *dir, struct hold *h, struct err *e)
{
	if (store_at_open(dir, &h->dir, e) < 0)
		return -1;
	h->lock = take_lock(h->dir, e);
	if (h->lock < 0)
		return -1;
	if (whole_link(h->dir, STORE_CURRENT, h->current, e) < 0 ||
		whole_link(h->dir, STORE_PREVIOUS, h->previous, e) < 0)
		return -1;
	return 0;
}

static int sync_dir(int dirfd, struct err *e)
{
	return fsync(dirfd) < 0 ? err_set(e, errno, "write the policy store to disk") : 0;
}

/* ---- removing ---- */

enum { DEPTH_MAX = 8 };

static void remove_tree(int dirfd, const char *name, int depth);

static void remove_content(int fd, int depth)
{
	DIR *d = fdopendir(fd);

	if (!d) {
		close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_tree(dirfd(d), entry->d_name, depth + 1);
	closedir(d);
}

/* What is left over harms nobody: the next apply tries again. */
static void remove_tree(int dirfd, const char *name, int depth)
{
	int fd;

	if (unlinkat(dirfd, name, 0) == 0 || depth > DEPTH_MAX)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		remove_content(fd, depth);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* Remove what killed ones left, and every policy but those that a link names or that is KEEP. What
 * is not ours by its name stays; so do all policies while a link cannot be read. */
static void sweep(int dirfd, const char *keep)
{
	char current[HASH_HEX_SIZE], previous[HASH_HEX_SIZE];
	bool sure = store_at_link(dirfd, STORE_CURRENT, current, NULL) == 0 &&
		    store_at_link(dirfd, STORE_PREVIOUS, previous, NULL) == 0;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		cleanup_fd(&fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
		const char *name = entry->d_name;
		bool temporary = str_starts(name, NEW_NAME) || strcmp(name, OLD_NAME) == 0 ||
				 strcmp(name, NEW_CURRENT) == 0 || strcmp(name, NEW_PREVIOUS) == 0;
		bool unused = sure && hash_is_hex(name) && strcmp(name, keep) != 0 &&
			      strcmp(name, current) != 0 && strcmp(name, previous) != 0;

		if (temporary || unused)
			remove_tree(dirfd, name, 0);
	}
	closedir(d);
}

/* ---- installing ---- */

static int fill(int inner, const void *bytes, size_t len, struct err *e)
{
	AUTO_FD int fd = openat(
		inner, "policy", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);

	if (fd < 0)
		return err_set(e, errno, "make its file");
	if (io_write_all(fd, bytes, len, e) < 0)
		return -1;
	if (fchmod(fd, FILE_MODE) < 0 || fchmod(inner, DIR_MODE) < 0)
		return err_set(e, errno, "set its mode");
	if (fsync(fd) < 0 || fsync(inner) < 0)
		return err_set(e, errno, "write it to disk");
	/* on NFS, and with quotas, this is where some learn that there is no space */
	if (close(take_fd(&fd)) < 0)
		return err_set(e, errno, "close its file");
	return 0;
}

static int make_new(int dirfd, const char *temp, const void *bytes, size_t len, struct err *e)
{
	AUTO_FD int inner = -1;

	if (mkdirat(dirfd, temp, 0700) < 0)
		return err_set(e, errno, "make a directory for it");
	inner = openat(dirfd, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return err_set(e, errno, "open the directory made for it");
	return fill(inner, bytes, len, e);
}

/* Rename TEMP to NAME. Something that stands there and cannot be replaced is damage: it goes. */
static int move_to(int dirfd, const char *temp, const char *name, struct err *e)
{
	if (renameat(dirfd, temp, dirfd, name) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR && errno != EISDIR)
		return err_set(e, errno, "rename it to %.12s", name);
	if (renameat2(dirfd, temp, dirfd, name, RENAME_EXCHANGE) == 0) {
		remove_tree(dirfd, temp, 0);
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return err_set(e, errno, "rename it to %.12s", name);
	remove_tree(dirfd, OLD_NAME, 0);
	if (renameat(dirfd, name, dirfd, OLD_NAME) < 0)
		return err_set(e, errno, "move the damaged %.12s away", name);
	if (renameat(dirfd, temp, dirfd, name) < 0) {
		err_set(e, errno, "rename it to %.12s", name);
		renameat(dirfd, OLD_NAME, dirfd, name);
		return -1;
	}
	remove_tree(dirfd, OLD_NAME, 0);
	return 0;
}

/* The policy is there, whole and on the disk. */
static int install(int dirfd, const char *digest, const void *bytes, size_t len, struct err *e)
{
	struct err why = {0};
	char temp[32];

	if (store_at_whole(dirfd, digest, digest, NULL, &why) == 0)
		return sync_dir(dirfd, e);
	if (why.code == ENOMEM)
		return err_nomem(e);
	snprintf(temp, sizeof temp, NEW_NAME "%d", getpid());
	if (make_new(dirfd, temp, bytes, len, e) < 0 ||
		/* read back what will be relied upon, and as what it will be read */
		store_at_whole(dirfd, temp, digest, NULL, e) < 0 ||
		move_to(dirfd, temp, digest, e) < 0) {
		remove_tree(dirfd, temp, 0);
		return -1;
	}
	return sync_dir(dirfd, e);
}

/* ---- the links ---- */

static int make_link(int dirfd, const char *name, const char *digest, struct err *e)
{
	unlinkat(dirfd, name, 0);
	return symlinkat(digest, dirfd, name) < 0 ? err_set(e, errno, "make the link %s", name) : 0;
}

static void put_back(int dirfd, const char *previous)
{
	if (previous[0] == '\0')
		unlinkat(dirfd, STORE_PREVIOUS, 0);
	else if (make_link(dirfd, NEW_PREVIOUS, previous, NULL) == 0)
		renameat(dirfd, NEW_PREVIOUS, dirfd, STORE_PREVIOUS);
}

/* "previous" becomes FORMER ("": stays what it is), "current" becomes DIGEST. */
static int point(struct hold *h, const char *former, const char *digest, struct err *e)
{
	/* making one needs space on the disk, renaming it does not */
	if (make_link(h->dir, NEW_CURRENT, digest, e) < 0 ||
		(former[0] && make_link(h->dir, NEW_PREVIOUS, former, e) < 0) ||
		(former[0] && move_to(h->dir, NEW_PREVIOUS, STORE_PREVIOUS, e) < 0))
		return -1;
	if (move_to(h->dir, NEW_CURRENT, STORE_CURRENT, e) == 0)
		return 0;
	if (former[0])
		put_back(h->dir, h->previous);
	return -1;
}

static int finish(struct hold *h, const char *digest, struct err *e)
{
	if (sync_dir(h->dir, e) == 0)
		return 0;
	return err_wrap(e, "the policy %.12s is in force, but may not outlive a power cut", digest);
}

/* ---- the two verbs ---- */

int store_apply(const char *dir, const void *bytes, size_t len, bool *changed,
	char digest[HASH_HEX_SIZE], struct err *e)
{
	return store_apply_after(dir, NULL, bytes, len, changed, digest, e);
}

int store_apply_after(const char *dir, const char *former, const void *bytes, size_t len,
	bool *changed, char digest[HASH_HEX_SIZE], struct err *e)
{
	AUTO_HOLD struct hold h = HOLD_INIT;
	char name[HASH_HEX_SIZE];
	int rc = 0;

	if (len > STORE_POLICY_MAX)
		return err_set(
			e, ERR_INPUT, "the policy has %zu bytes, limit %d", len, STORE_POLICY_MAX);
	if (make_dirs(dir ? dir : STORE_DIR, e) < 0 || take_hold(dir, &h, e) < 0)
		return -1;
	hash_sha256_hex(bytes, len, name);
	*changed = strcmp(h.current, name) != 0;
	/* a damaged one is nobody's work */
	if (*changed && former && h.current[0] && strcmp(h.current, former) != 0) {
		err_set(e, ERR_INPUT,
			"another policy (%.12s) was applied meanwhile; look at it, and try again",
			h.current);
		e->code = EAGAIN;
		return -1;
	}
	if (*changed) {
		sweep(h.dir, name); /* first: it may be what fills the disk */
		/* a damaged current is nothing to go back to; then previous stays what it is */
		rc = install(h.dir, name, bytes, len, e);
		rc = rc < 0 || point(&h, h.current, name, e) < 0 ? -1 : finish(&h, name, e);
	}
	sweep(h.dir, "");
	if (rc < 0)
		return err_wrap(e, "store the policy %.12s", name);
	memcpy(digest, name, sizeof name);
	return 0;
}

/* A file system that cannot exchange: in between both links are the policy gone back to. */
static int exchange_slowly(struct hold *h, struct err *e)
{
	if (point(h, "", h->previous, e) < 0 ||
		make_link(h->dir, NEW_PREVIOUS, h->current, e) < 0 ||
		move_to(h->dir, NEW_PREVIOUS, STORE_PREVIOUS, e) < 0)
		return -1;
	return 0;
}

static int exchange(struct hold *h, struct err *e)
{
	if (h->current[0] == '\0') /* damaged: it is not kept */
		return point(h, "", h->previous, e);
	if (renameat2(h->dir, STORE_CURRENT, h->dir, STORE_PREVIOUS, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS)
		return exchange_slowly(h, e);
	return err_set(e, errno, "exchange the links of the policy store");
}

/* Why there is nothing to go back to. */
static int check_previous(const struct hold *h, struct err *e)
{
	char digest[HASH_HEX_SIZE];

	if (h->previous[0] && strcmp(h->previous, h->current) != 0)
		return 0;
	if (h->previous[0])
		return err_set(e, ERR_INPUT,
			"there is nothing to go back to: the previous policy is the one in force "
			"(%.12s), an apply was cut short",
			h->current);
	if (store_at_link(h->dir, STORE_PREVIOUS, digest, e) < 0)
		return err_wrap(e, "cannot go back");
	if (digest[0] == '\0')
		return err_set(e, ERR_INPUT,
			"there is nothing to go back to: no policy was applied before this one");
	if (store_at_whole(h->dir, digest, digest, NULL, e) == 0)
		err_set(e, ERR_INPUT, "the previous policy %.12s could not be read", digest);
	return err_wrap(e, "cannot go back");
}

int store_rollback(const char *dir, char digest[HASH_HEX_SIZE], struct err *e)
{
	AUTO_HOLD struct hold h = HOLD_INIT;
	int rc;

	if (take_hold(dir, &h, e) < 0)
		return e->code == ENOENT && h.dir < 0
			       ? err_set(e, ERR_INPUT,
					 "there is nothing to go back to: no policy is applied "
					 "here")
			       : -1;
	if (check_previous(&h, e) < 0)
		return -1;
	rc = exchange(&h, e) < 0 ? -1 : finish(&h, h.previous, e);
	sweep(h.dir, h.current);
	if (rc < 0)
		return -1;
	memcpy(digest, h.previous, HASH_HEX_SIZE);
	return 0;
}
