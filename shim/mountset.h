/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountset - the mounts of a document as a runtime will read them: bind or not, read-only or not,
 * and where each one lands in the rootfs.
 */
#ifndef CINCH_MOUNTSET_H
#define CINCH_MOUNTSET_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/json.h"
#include "shim/edit.h"
#include "shim/world.h"

enum { MOUNTSET_MAX = 1024 }; /* every one is compared with every other */

struct mount_at {
	struct json *v; /* the element of "mounts" */
	char *dest; /* resolved in the rootfs, canonical; NULL when that was not possible: WHY */
	struct err why;
	bool bind, readonly;
};

struct mountset {
	struct mount_at *m;
	size_t n;
};

#define AUTO_MOUNTSET __attribute__((cleanup(mountset_done)))

/* Look at all mounts of the document. False when there are more than MOUNTSET_MAX (denied) or memory
 * ran out (ED->failed). */
bool mountset_read(struct mountset *s, struct edit *ed, const struct world *w);
void mountset_done(struct mountset *s);
/* One of S is on PATH. */
bool mountset_has(const struct mountset *s, const char *path);

#endif
