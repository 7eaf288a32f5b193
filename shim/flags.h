/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags - options of the command line that weaken what holds a container: taken out, bounded or refused.
 */
#ifndef CINCH_FLAGS_H
#define CINCH_FLAGS_H

#include "profiles/profile.h"
#include "shim/args.h"
#include "shim/report.h"

/*
 * Hold the line in A to p->flags. Changes and denials (more descriptors than preserveFds) go to REPORT as
 * those of the control "flags", their place the option's name; in audit mode A stays as it is. Call it
 * before tighten, whose refusal then tells all reasons at once. -1 only when out of memory.
 */
int flags_judge(struct args *a, const struct profile *p, struct report *report, struct err *e);

#endif
