/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controls - is a file of this host one that gives control of the node?
 *
 * By device and inode, so that a symlink, another bind, a hard link or a directory above is found as
 * well: who can talk to docker.sock under whatever name is root on the node.
 */
#ifndef CINCH_CONTROLS_H
#define CINCH_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "shim/base/err.h"
#include "shim/world.h"

enum { CONTROLS_POINTS = 512 };

/* A control, or a directory above one. */
struct control_point {
	dev_t dev;
	ino_t ino;
	const struct world_control *of;
	bool self;
};

struct controls {
	const struct world_control *table; /* NULL: the built-in one */
	struct control_point points[CONTROLS_POINTS];
	size_t n_points;
	char *mounts; /* /proc/self/mountinfo, once it was needed */
	bool listed;
};

void controls_done(struct controls *c);

/*
 * The control that FD (an O_PATH descriptor, its stat ST, its path REAL) is, contains, lies in, or
 * has mounted somewhere below: its name in OUT, "" when it is none. REAL is changed only meanwhile.
 * *BELOW: anything is mounted below it; not asked of engines' own directories.
 * 0, or -1 when that cannot be told.
 */
int controls_find(struct controls *c, int fd, const struct stat *st, char *real,
	char out[WORLD_PATH_MAX], bool *below, struct err *e);

/* Where FD is, as this process sees it. 0, or -1 when it has no path. */
int controls_real_path(int fd, char out[WORLD_PATH_MAX], struct err *e);
/* Call FN for "/", "/a", "/a/b" ... of REAL, which is changed only meanwhile; SELF for the last.
 * Stops at the first that is not 0 and returns it. */
int controls_each_prefix(
	char *real, int (*fn)(void *arg, const char *prefix, bool self), void *arg);

#endif
