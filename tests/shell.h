/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell - run a line of the shell and keep what it prints.
 */
#ifndef CINCH_TESTS_SHELL_H
#define CINCH_TESTS_SHELL_H

#include "shim/base/str.h"

/* LINE through /bin/sh, its stdout in OUT in place of what was there; the exit status, or -1 when it was
 * killed or could not be run. */
int shell(struct str *out, const char *line);

#endif
