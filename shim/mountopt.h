/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountopt - which mount options there are, and what they would do.
 *
 * Runtimes hand words they do not know to the file system, and some of crun's steer crun itself; so
 * only words of these tables are let through.
 */
#ifndef CINCH_MOUNTOPT_H
#define CINCH_MOUNTOPT_H

#include <stdbool.h>

enum mountopt {
	MOUNTOPT_UNKNOWN,
	MOUNTOPT_PLAIN, /* harmless, or a restriction */
	MOUNTOPT_SHARED, /* mounts made in the container would show on the host */
	MOUNTOPT_LOOSEN, /* takes restrictions of the host's mounts below away: "rrw", "rexec" */
};

/* WORD on a mount of file system TYPE ("bind" for binds). */
enum mountopt mountopt_kind(const char *type, const char *word);

#endif
