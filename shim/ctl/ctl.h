/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl - the subcommands of cinchctl.
 *
 * Each gets its own words (ARGV[0] is the subcommand), writes what it found to stdout and returns the
 * exit status; or -1 with E, which main prints as "cinchctl: SUBCOMMAND: ..." before it exits with
 * CTL_ERROR.
 */
#ifndef CINCH_CTL_H
#define CINCH_CTL_H

#include "shim/base/err.h"

enum { CTL_OK = 0, CTL_FINDINGS = 1, CTL_ERROR = 2 };

/* What would be changed or refused, and why. CTL_FINDINGS: changes; CTL_ERROR: refused. */
int ctl_explain(int argc, char *argv[], struct err *e);

#endif
