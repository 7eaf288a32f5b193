/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the names of what cinch controls.
 */
#include "profiles/control.h"

#include <string.h>

static const char *const names[CONTROL_COUNT] = {
	[CONTROL_UNKNOWN] = "unknown",
	[CONTROL_PROCESS] = "process",
	[CONTROL_USER] = "user",
	[CONTROL_CAPABILITIES] = "capabilities",
	[CONTROL_NO_NEW_PRIVILEGES] = "noNewPrivileges",
	[CONTROL_ENV] = "env",
	[CONTROL_HOOKS] = "hooks",
	[CONTROL_ANNOTATIONS] = "annotations",
	[CONTROL_NAMESPACES] = "namespaces",
	[CONTROL_ROOTFS] = "rootfs",
	[CONTROL_MOUNTS] = "mounts",
	[CONTROL_PATHS] = "paths",
	[CONTROL_DEVICES] = "devices",
	[CONTROL_SYSCTL] = "sysctl",
	[CONTROL_RESOURCES] = "resources",
	[CONTROL_SECCOMP] = "seccomp",
	[CONTROL_IMAGE] = "image",
	[CONTROL_EXEC] = "exec",
	[CONTROL_FLAGS] = "flags",
	[CONTROL_NETWORK] = "network",
};

const char *control_name(enum control c)
{
	return names[c];
}

int control_from_name(const char *name, enum control *out)
{
	for (int i = 0; i < CONTROL_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum control)i;
			return 0;
		}
	return -1;
}
