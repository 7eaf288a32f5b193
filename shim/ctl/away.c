/* SPDX-License-Identifier: Apache-2.0 */
/*
 * away - a world for a document that is explained away from its container.
 */
#include "shim/ctl/away.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/str.h"

bool away_is(int bundle, const char *root_path)
{
	struct stat st;

	return fstatat(bundle, root_path, &st, 0) < 0 || !S_ISDIR(st.st_mode);
}

/* "/a/../b//c/." becomes "/b/c". Always absolute; false when it is too long. */
static bool lexical(const char *path, char out[WORLD_PATH_MAX])
{
	size_t len = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0) {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			if (len + n + 2 > WORLD_PATH_MAX)
				return false;
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return true;
}

/* Names that are files wherever engines use them; all else is taken for a directory. */
static mode_t guess(const char *path)
{
	static const char *const files[] = {"/hosts", "/hostname", "/resolv.conf", "/.containerenv",
		"/passwd", "/group", "-init", "/catatonit", "/tini", NULL};
	static const char *const dirs[] = {
		"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages", NULL};

	if (str_ends(path, ".sock"))
		return S_IFSOCK;
	if (str_starts(path, "/dev/"))
		return str_in(dirs, path) ? S_IFDIR : S_IFCHR;
	for (size_t i = 0; files[i]; i++)
		if (str_ends(path, files[i]))
			return S_IFREG;
	return S_IFDIR;
}

static int away_source(void *arg, const char *path, struct world_source *out, struct err *e)
{
	const struct world *host = arg;
	AUTO_STR struct str full = STR_INIT;

	if (host->source(host->arg, path, out, e) < 0)
		return -1;
	if (out->exists)
		return 0;
	if (path[0] != '/') /* the bundle's own directory matches no pattern of a profile */
		str_add(&full, "/the bundle/");
	str_add(&full, path);
	if (str_failed(&full) || !lexical(str_text(&full), out->real))
		return err_set(e, ERR_INPUT, "path too long");
	out->exists = true;
	out->mode = guess(out->real);
	return 0;
}

static int away_entry(void *arg, const char *path, struct world_entry *out, struct err *e)
{
	(void)arg;
	*out = (struct world_entry){.exists = true};
	if (!lexical(path, out->real))
		return err_set(e, ERR_INPUT, "path too long");
	out->mode = guess(out->real);
	return 0;
}

/* Of another host's process nothing is known here, and its number may be somebody else's. */
static bool of_process(const char *path)
{
	return str_starts(path, "/proc/") && path[6] >= '0' && path[6] <= '9' &&
	       !str_starts(path, "/proc/1/");
}

static int away_ns(
	void *arg, enum ns_type type, const char *path, enum world_ns *out, struct err *e)
{
	const struct world *host = arg;

	if (!of_process(path) && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
		return host->ns_path(host->arg, type, path, out, e);
	*out = WORLD_NS_OTHER;
	return 0;
}

static int away_hook(void *arg, const char *path, struct world_hook *out, struct err *e)
{
	const struct world *host = arg;

	if (!of_process(path) && faccessat(AT_FDCWD, path, F_OK, 0) == 0)
		return host->hook_ok(host->arg, path, out, e);
	out->ok = true;
	/* on its own host it is Docker's, what else would have such a hook */
	snprintf(out->real, sizeof out->real, "%s", of_process(path) ? "/usr/bin/dockerd" : path);
	return 0;
}

struct world away_world(struct world *host)
{
	return (struct world){
		.arg = host,
		.source = away_source,
		.rootfs_entry = away_entry,
		.ns_path = away_ns,
		.hook_ok = away_hook,
		.in_user_ns = host->in_user_ns,
		.cgroup_v2 = host->cgroup_v2,
	};
}
