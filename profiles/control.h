/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the names of what cinch controls: the same in profiles, audit records, explain and
 * error messages.
 */
#ifndef CINCH_PROFILES_CONTROL_H
#define CINCH_PROFILES_CONTROL_H

enum control {
	CONTROL_UNKNOWN,
	CONTROL_PROCESS,
	CONTROL_USER,
	CONTROL_CAPABILITIES,
	CONTROL_NO_NEW_PRIVILEGES,
	CONTROL_ENV,
	CONTROL_HOOKS,
	CONTROL_ANNOTATIONS,
	CONTROL_NAMESPACES,
	CONTROL_ROOTFS,
	CONTROL_MOUNTS,
	CONTROL_PATHS,
	CONTROL_DEVICES,
	CONTROL_SYSCTL,
	CONTROL_RESOURCES,
	CONTROL_SECCOMP,
	CONTROL_IMAGE,
	CONTROL_EXEC,
	CONTROL_FLAGS,
	CONTROL_NETWORK,
	CONTROL_COUNT
};

/* "capabilities", "noNewPrivileges", ... Never NULL. */
const char *control_name(enum control c);
/* 0 and *OUT, or -1 when NAME is none of them. */
int control_from_name(const char *name, enum control *out);

#endif
