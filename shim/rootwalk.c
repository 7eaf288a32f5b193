/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwalk - resolve a path as a process with another root would.
 *
 * One component at a time and none of them followed by the kernel: a link leads where it would lead
 * the container, never out, whoever renames what meanwhile.
 */
#include "shim/rootwalk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum { LINKS_MAX = 40 }; /* as the kernel */

/* A path being resolved inside the rootfs. */
struct walk {
	int root; /* borrowed */
	int at; /* the directory reached, or the file at the end; owned. -1: ROOT */
	char todo[2 * WORLD_PATH_MAX]; /* what is still to come */
	char *next; /* in todo */
	size_t len; /* of OUT->real, "" being the root */
	int links;
	const char *
		watch; /* NULL, or the directory of which CROSSED tells that a name was looked up there */
	bool crossed;
	struct world_entry *out;
};

/* Go on from the directory OUT->real names; nothing in it is a link. */
static int walk_to_real(struct walk *k, struct err *e)
{
	cleanup_fd(&k->at);
	k->at = -1;
	k->out->real[k->len] = '\0';
	if (k->len == 0)
		return 0;
	k->at = io_open_beneath(k->root, k->out->real + 1, O_PATH, 0);
	if (k->at < 0)
		return err_set(e, errno, "open %s in the rootfs", k->out->real);
	return 0;
}

static int walk_up(struct walk *k, struct err *e)
{
	if (!k->out->exists)
		return err_set(
			e, ERR_INPUT, "\"..\" behind %s, which does not exist", k->out->real);
	while (k->len > 0 && k->out->real[--k->len] != '/')
		;
	return walk_to_real(k, e);
}

/* FD is a link: its target comes before what is still to come. */
static int walk_link(struct walk *k, int fd, struct err *e)
{
	char target[WORLD_PATH_MAX], rest[WORLD_PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target);

	if (n < 0)
		return err_set(e, errno, "read a link below %s in the rootfs", k->out->real);
	if (n == 0 || (size_t)n >= sizeof target || strlen(k->next) >= sizeof rest)
		return err_set(e, ENAMETOOLONG, "follow a link in the rootfs");
	if (++k->links > LINKS_MAX)
		return err_set(e, ELOOP, "follow links in the rootfs");
	target[n] = '\0';
	if (k->next[strspn(k->next, "/")] == '\0')
		k->out->symlink = true;
	memcpy(rest, k->next, strlen(k->next) + 1);
	snprintf(k->todo, sizeof k->todo, "%s/%s", target, rest);
	k->next = k->todo;
	if (target[0] != '/')
		return 0;
	k->len = 0;
	return walk_to_real(k, e);
}

/* One component, neither "." nor "..", into the directory reached. */
static int walk_into(struct walk *k, const char *name, size_t n, struct err *e)
{
	AUTO_FD int fd = -1;
	struct stat st;

	if (k->out->exists) {
		fd = openat(k->at < 0 ? k->root : k->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return err_set(e, errno, "open %s in %s of the rootfs", name,
				k->len ? k->out->real : "/");
		k->out->exists = fd >= 0;
		k->out->mode = 0;
	}
	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			return err_set(e, errno, "look at %s in the rootfs", name);
		if (S_ISLNK(st.st_mode))
			return walk_link(k, fd, e);
		k->out->mode = st.st_mode;
		cleanup_fd(&k->at);
		k->at = take_fd(&fd);
	}
	if (k->len + n + 2 > sizeof k->out->real)
		return err_set(e, ENAMETOOLONG, "resolve a path in the rootfs");
	k->out->real[k->len++] = '/';
	memcpy(k->out->real + k->len, name, n + 1);
	k->len += n;
	return 0;
}

/*
 * As a process with this root would resolve PATH, and as runtimes do: a link at the end is followed
 * also when its target does not exist, for they would create it. That is why this is not one
 * openat2(RESOLVE_IN_ROOT), which fails there; it needs no kernel 5.6 either.
 */
static int walk_all(struct walk *k, struct err *e)
{
	char name[256];

	while (*(k->next += strspn(k->next, "/"))) {
		size_t n = strcspn(k->next, "/");
		int rc = 0;

		if (k->watch && k->len >= strlen(k->watch) &&
			memcmp(k->out->real, k->watch, strlen(k->watch)) == 0 &&
			(k->len == strlen(k->watch) || k->out->real[strlen(k->watch)] == '/'))
			k->crossed = true;

		if (n >= sizeof name)
			return err_set(e, ENAMETOOLONG, "resolve a path in the rootfs");
		memcpy(name, k->next, n);
		name[n] = '\0';
		k->next += n;
		if (strcmp(name, "..") == 0)
			rc = walk_up(k, e);
		else if (strcmp(name, ".") != 0)
			rc = walk_into(k, name, n, e);
		if (rc < 0)
			return -1;
	}
	if (k->len == 0) {
		k->out->real[k->len++] = '/';
		k->out->mode = S_IFDIR;
	}
	k->out->real[k->len] = '\0';
	return 0;
}

int rootwalk(int root, const char *path, struct world_entry *out, struct err *e)
{
	return rootwalk_crosses(root, path, NULL, out, NULL, e);
}

int rootwalk_crosses(int root, const char *path, const char *dir, struct world_entry *out,
	bool *crosses, struct err *e)
{
	struct walk k;
	int rc;

	/* not an initialiser: that would clear todo, eight kilobytes for each question */
	k.root = root;
	k.at = -1;
	k.len = 0;
	k.links = 0;
	k.watch = dir;
	k.crossed = false;
	k.out = out;
	out->symlink = false;
	out->exists = true;
	out->mode = 0;
	out->real[0] = '\0';
	if (strlen(path) >= WORLD_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "resolve a path in the rootfs");
	memcpy(k.todo, path, strlen(path) + 1);
	k.next = k.todo;
	rc = walk_all(&k, e);
	cleanup_fd(&k.at);
	if (crosses)
		*crosses = k.crossed;
	return rc;
}
