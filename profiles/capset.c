/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capset - capability names and numbers.
 *
 * The table is ours: libcap allocates, and knows the names of its own day. A test compares the two,
 * name by name.
 */
#include "profiles/capset.h"

#include <stddef.h>
#include <string.h>

#include <linux/capability.h>

#include "shim/base/str.h"

static const char *const names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[38] = "CAP_PERFMON", /* by number: headers before 5.8 and 5.9 lack these three */
	[39] = "CAP_BPF",
	[40] = "CAP_CHECKPOINT_RESTORE",
};

enum { COUNT = sizeof names / sizeof *names };
_Static_assert(COUNT < 64, "a set fits in 64 bits");

int capset_number(const char *name)
{
	for (int n = 0; n < COUNT; n++) {
		if (strcmp(names[n], name) == 0)
			return n;
	}
	return -1;
}

const char *capset_name(int number)
{
	return number >= 0 && number < COUNT ? names[number] : NULL;
}

uint64_t capset_all(void)
{
	return (UINT64_C(1) << COUNT) - 1;
}

/* NAME in upper case with CAP_ before it when that is missing. False when it does not fit. */
static bool normalise(const char *name, char *out, size_t size)
{
	size_t len = 0;

	if (strncasecmp(name, "CAP_", 4) != 0) {
		memcpy(out, "CAP_", 4);
		len = 4;
	}
	for (; *name; name++) {
		if (len + 1 >= size)
			return false;
		out[len++] = *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
	}
	out[len] = '\0';
	return true;
}

const char *capset_nearest(const char *name)
{
	enum { NEAR = 3 };
	char wanted[64];
	const char *best = NULL;
	unsigned best_distance = NEAR + 1;

	if (!normalise(name, wanted, sizeof wanted))
		return NULL;
	for (int n = 0; n < COUNT; n++) {
		unsigned d = str_distance(wanted, names[n], NEAR);

		if (d < best_distance) {
			best_distance = d;
			best = names[n];
		}
	}
	return best;
}
