/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path - questions about the text of a path. What lies there on a disk is asked elsewhere.
 */
#ifndef CINCH_BASE_PATH_H
#define CINCH_BASE_PATH_H

#include <stdbool.h>

/* No component is empty, "." or "..": as it would be written after resolving. It may be relative, and
 * a slash may end it. */
bool path_plain(const char *path);
/* A component is "..". */
bool path_climbs(const char *path);
/* PATH is strictly below DIR; both absolute, plain and without a slash at the end (but for "/"). */
bool path_below(const char *path, const char *dir);
/* PATH is DIR or below it; the same holds for both. */
bool path_in(const char *path, const char *dir);

#endif
