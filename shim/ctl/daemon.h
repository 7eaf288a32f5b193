/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon - what a daemon that runs was told, on its line or by its environment.
 *
 * Believed are root's processes in our own root directory; others may have any name, and any words.
 */
#ifndef CINCH_CTL_DAEMON_H
#define CINCH_CTL_DAEMON_H

#include <limits.h>
#include <stdbool.h>

/*
 * The first of WORDS (ended by NULL) that a process called NAME has in FILE, "cmdline" or "environ" of its
 * directory in /proc: "--config FILE" and "--config=FILE" alike. What stands behind it is copied to OUT. Nothing
 * beyond the first 16 KiB is seen.
 */
bool daemon_told(const char *name, const char *file, const char *const *words, char out[PATH_MAX]);

#endif
