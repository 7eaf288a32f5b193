/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwalk - resolve a path as a process with another root would, trusting nothing in it.
 */
#ifndef CINCH_ROOTWALK_H
#define CINCH_ROOTWALK_H

#include "shim/base/err.h"
#include "shim/world.h"

/*
 * What PATH (relative ones begin at the root, too) is below the directory ROOT, all links followed,
 * also a last one that leads nowhere yet. At most WORLD_PATH_MAX bytes and 40 links. 0, or -1 and E;
 * OUT is then not to be used.
 */
int rootwalk(int root, const char *path, struct world_entry *out, struct err *e);

/* The same; *CROSSES: a name was looked up in DIR (canonical, not "/") or below it, wherever the way
 * ended. */
int rootwalk_crosses(int root, const char *path, const char *dir, struct world_entry *out,
	bool *crosses, struct err *e);

#endif
