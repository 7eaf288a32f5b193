/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_file - files that steer the node: read only when nobody but root (or the caller) can change them.
 */
#ifndef CINCH_PROFILES_BUILD_FILE_H
#define CINCH_PROFILES_BUILD_FILE_H

#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

/*
 * Read the regular file PATH, at most MAX bytes; *TEXT is the caller's. Opening never blocks. A symlink
 * is followed, as those Kubernetes makes for a ConfigMap: then the directory in which the file really
 * lies must be as trusted as the file. -1 with code ENOENT: there is none.
 */
int build_file_read(const char *path, size_t max, char **text, size_t *len, struct err *e);
/* The names in the directory PATH, sorted; without hidden ones and editors' copies. The directory must
 * be trusted. -1 with code ENOENT: there is none. */
int build_file_list(const char *path, struct strv *names, struct err *e);

#endif
