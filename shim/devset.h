/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devset - the devices every container has (runtime-spec, config-linux.md, Default Devices).
 *
 * Two controls ask: devices for nodes and cgroup rules, mounts for device nodes that are bound.
 */
#ifndef CINCH_DEVSET_H
#define CINCH_DEVSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiles/profile.h"

/* The table; /dev/pts slaves are in it by number only (path NULL). access is "rwm". */
extern const struct device_rule devset_default[];
extern const size_t devset_default_n;

/* A node at PATH may exist: it is one of the default set or of the profile's. TYPE 0 and numbers -1:
 * whatever is at PATH. */
bool devset_node_allowed(
	const struct profile *p, const char *path, char type, int64_t major, int64_t minor);

#endif
