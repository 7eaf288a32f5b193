/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - which settings of the kernel belong to a namespace.
 */
#include "profiles/sysctl.h"

#include <string.h>

#include "shim/base/str.h"

/* All others are the host's. Source: the kernel's ipc, uts and net tables, and what runc accepts for
 * them. */
static const struct {
	const char *glob;
	enum ns_type ns;
} namespaced[] = {
	{"net.**", NS_NETWORK},
	{"fs.mqueue.**", NS_IPC},
	{"kernel.msgmax", NS_IPC},
	{"kernel.msgmnb", NS_IPC},
	{"kernel.msgmni", NS_IPC},
	{"kernel.sem", NS_IPC},
	{"kernel.shmall", NS_IPC},
	{"kernel.shmmax", NS_IPC},
	{"kernel.shmmni", NS_IPC},
	{"kernel.shm_rmid_forced", NS_IPC},
	{"kernel.hostname", NS_UTS},
	{"kernel.domainname", NS_UTS},
};

enum { NAMESPACED = sizeof namespaced / sizeof *namespaced };

#define GOOD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static bool dotted(const char *text, const char *good)
{
	return *text && *text != '.' && !text[strspn(text, good)] && !strstr(text, "..") &&
	       !str_ends(text, ".");
}

bool sysctl_key_ok(const char *key)
{
	return dotted(key, GOOD);
}

bool sysctl_glob_ok(const char *glob)
{
	return dotted(glob, GOOD "*?");
}

bool sysctl_namespace(const char *key, enum ns_type *ns)
{
	for (size_t i = 0; i < NAMESPACED; i++)
		if (str_glob(namespaced[i].glob, key)) {
			*ns = namespaced[i].ns;
			return true;
		}
	return false;
}

bool sysctl_grantable(const char *glob)
{
	size_t literal = strcspn(glob, "*?");
	enum ns_type ns;

	if (!glob[literal])
		return sysctl_namespace(glob, &ns);
	for (size_t i = 0; i < NAMESPACED; i++) {
		const char *other = namespaced[i].glob;
		size_t n = strcspn(other, "*");

		/* two patterns meet when what they begin with does */
		if (other[n] ? strncmp(glob, other, n < literal ? n : literal) == 0
			     : str_glob(glob, other))
			return true;
	}
	return false;
}
