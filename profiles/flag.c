/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flag - the names of the runtime's options that a profile speaks of.
 */
#include "profiles/profile.h"

#include <string.h>

static const char *const names[FLAG_COUNT] = {
	[FLAG_NO_PIVOT] = "--no-pivot",
	[FLAG_NO_NEW_KEYRING] = "--no-new-keyring",
	[FLAG_IGNORE_PAUSED] = "--ignore-paused",
	[FLAG_ROOTLESS] = "--rootless",
	[FLAG_CGROUP_MANAGER] = "--cgroup-manager",
	[FLAG_MANAGE_CGROUPS_MODE] = "--manage-cgroups-mode",
	[FLAG_LSM_PROFILE] = "--lsm-profile",
};

const char *profile_flag_name(enum profile_flag f)
{
	return names[f];
}

int profile_flag_from_name(const char *name)
{
	for (int i = 0; i < FLAG_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
