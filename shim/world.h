/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - the questions a pass may ask about this host and this rootfs; so that passes stay pure.
 *
 * world_host() answers from the running system, by descriptor. Tests answer from a table.
 */
#ifndef CINCH_WORLD_H
#define CINCH_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profiles/denied.h"
#include "profiles/image.h"
#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

enum { WORLD_PATH_MAX = 4096 };

/* What a mount source is, all symlinks followed. */
struct world_source {
	bool exists;
	mode_t mode; /* S_IFDIR, S_IFREG, S_IFSOCK, ... of the end of the path */
	/* ST_RDONLY, ST_NOSUID, ST_NODEV, ST_NOEXEC of the mount it lies on (statvfs.h): a bind that
	 * is remounted with options of its own loses those it does not repeat */
	unsigned long flags;
	bool mounts_below; /* something is mounted below it, which an rbind takes along */
	char real[WORLD_PATH_MAX]; /* the resolved path */
	/* the node's control it is or contains (an engine's socket, the state of cinch, ...), "" when
	 * none; compared by device and inode, not by name */
	char controls[WORLD_PATH_MAX];
};

/* What a path inside the rootfs is. */
struct world_entry {
	bool exists;
	bool symlink; /* the last component is one */
	mode_t mode;
	char real
		[WORLD_PATH_MAX]; /* resolved inside the rootfs, canonical, begins with '/'; the part
	                            * that does not exist yet is appended as it is */
};

/* What a hook program is, symlinks and /proc/N/exe followed. */
struct world_hook {
	bool ok; /* see hook_ok */
	char real
		[WORLD_PATH_MAX]; /* the program; without " (deleted)" when it was replaced meanwhile */
};

enum world_ns { WORLD_NS_OTHER, WORLD_NS_HOST, WORLD_NS_BAD };

/* Each returns 0, or -1 and E when the question could not be answered: the pass then refuses. */
struct world {
	void *arg;
	/* "." and relative paths are from the bundle (runtime-spec: mounts.source); a link that
	 * leads nowhere, or is another one to each process (/proc/self/fd/3), is an error */
	int (*source)(void *arg, const char *path, struct world_source *out, struct err *e);
	int (*rootfs_entry)(void *arg, const char *path, struct world_entry *out, struct err *e);
	/* the way to PATH in the rootfs leads through DIR (canonical), or what is below it, wherever it
	 * ends; may be NULL: never */
	int (*rootfs_crosses)(
		void *arg, const char *path, const char *dir, bool *crosses, struct err *e);
	/* WORLD_NS_HOST: PATH is the namespace the engine itself is in, or pid 1's. BAD: not a namespace
	 * of this type. */
	int (*ns_path)(
		void *arg, enum ns_type type, const char *path, enum world_ns *out, struct err *e);
	/* a hook program, symlinks followed: regular, owned by root, not writable by others, and not
	 * below the rootfs */
	int (*hook_ok)(void *arg, const char *path, struct world_hook *out, struct err *e);
	/* A and B (paths of any namespaces) are one and the same; may be NULL: never */
	int (*ns_same)(void *arg, const char *a, const char *b, bool *same, struct err *e);
	/* the hard limit a container inherits; RESOURCE is RLIMIT_X. May be NULL: unknown */
	int (*rlimit_hard)(void *arg, int resource, uint64_t *out);
	int oom_score_adj; /* of this process: what a container inherits that says nothing */
	bool in_user_ns; /* rootless: this process is not in the initial user namespace */
	bool cgroup_v2; /* /sys/fs/cgroup is the unified hierarchy */
	/* at update: nobody knows what the container was held to; what it has may be more than the profile
	 * allows */
	bool unheld;
	/* What the engine told of the image, which the document does not; borrowed, set by whoever asked
	 * for the world. NULL: nothing. */
	const struct image *image;
	bool image_exempt; /* a pod's own sandbox, whose image nobody told: the node chose it */
	const struct denied_image
		*image_denied; /* the node denies it; NULL or digest NULL: it does not */
	/* For an exec the state record of the container it goes into (state.h): what a runtime takes from the
	 * container's own process where the new one is silent. Borrowed, set by whoever asked for the world;
	 * NULL: a container is made. */
	const struct json *running;
};

/*
 * Answers from the running system. BUNDLE is a directory descriptor that stays open (borrowed),
 * ROOT_PATH is root.path of the document (relative: to the bundle). *OUT is filled; world_done
 * gives back what it owns.
 */
int world_host(int bundle, const char *root_path, struct world *out, struct err *e);
/* A file or directory of the host that gives control of the node. */
struct world_control {
	const char *path; /* NULL ends a table; what does not exist costs nothing */
	bool tree; /* so does everything below it */
};
/* Another table than the built-in one (borrowed); before the first question. */
void world_host_controls(struct world *w, const struct world_control *table);
void world_done(struct world *w);
#define AUTO_WORLD __attribute__((cleanup(world_done)))

#endif
