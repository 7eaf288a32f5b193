/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure - tell the engine and the person behind it why nothing was started.
 *
 * Engines read the reason from the file they named with --log: containerd takes the last line of
 * level "error", podman wants exactly one JSON object. ctr, buildah and people at a shell see stderr.
 */
#ifndef CINCH_FAILURE_H
#define CINCH_FAILURE_H

#include <stdbool.h>

#include "shim/base/err.h"

/*
 * Append the one line to the file LOG (NULL: none; JSON: as runc's --log-format json, else logrus's
 * text form) and write "cinch: MESSAGE" to stderr. What cannot be written to LOG is said on stderr.
 */
void failure_tell(const struct err *e, const char *log, bool json);

/*
 * For a program that a runtime runs, and whose words that runtime keeps to itself (crun: a hook's): LOG becomes
 * another file, whose one line is "WHO: MESSAGE". The runtime has the old one open, and what it adds there has no name any
 * more: it would be a second object, and podman shows neither of two. Only a LOG that is a file and empty, which an
 * engine made for this one call, is replaced: ERR_INPUT where it is not.
 */
int failure_replace(
	const char *who, const struct err *of, const char *log, bool json, struct err *e);

#endif
