/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_kernel - what the kernel has of that which cinch and the runtimes rest on.
 */
#include "shim/ctl/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"

#define AREA "kernel"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif

enum {
	LANDLOCK_VERSION = 1, /* LANDLOCK_CREATE_RULESET_VERSION: says the ABI, makes nothing */
	CGROUP2_MAGIC = 0x63677270, /* linux/magic.h */
};

/* Of a small file of /proc or /sys, without its newline; "" when there is none. */
static void read_line(const char *path, char *out, size_t size)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void check_seccomp(struct doctor *d)
{
	const uint32_t kill_process = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill_process) == 0)
		doctor_say(d, DOCTOR_OK, AREA, "seccomp", NULL, NULL, "filters work");
	else
		doctor_say(d, DOCTOR_PROBLEM, AREA, "seccomp",
			"profiles have filters, and the runtime refuses to start a container whose "
			"filter "
			"it cannot load",
			"use a kernel of 4.14 or newer with CONFIG_SECCOMP_FILTER",
			"filters are not there: %s", strerror(errno));
}

static void check_openat2(struct doctor *d)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC};
	AUTO_FD int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);

	if (fd >= 0)
		doctor_say(d, DOCTOR_OK, AREA, "openat2", NULL, NULL, "is there");
	else
		doctor_say(d, DOCTOR_NOTE, AREA, "openat2",
			"paths of a container are then followed step by step, which is slower",
			"Linux 5.6 or newer has it", "is not there: %s", strerror(errno));
}

static void check_memfd(struct doctor *d)
{
	AUTO_FD int fd = memfd_create("cinchctl-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char noexec[16];

	if (fd < 0) {
		doctor_say(d, DOCTOR_PROBLEM, AREA, "memfd",
			"what exec and update were judged by is handed to the runtime in a sealed "
			"one; "
			"without it both are refused",
			"Linux 3.17 or newer has it", "is not there: %s", strerror(errno));
		return;
	}
	read_line("/proc/sys/vm/memfd_noexec", noexec, sizeof noexec);
	if (strcmp(noexec, "2") == 0)
		doctor_say(d, DOCTOR_WARNING, AREA, "vm.memfd_noexec",
			"runc before 1.2 runs a copy of itself from one, and cannot start then",
			"set it to 1, or use a newer runc",
			"programs in a memfd cannot be executed (2)");
	else
		doctor_say(d, DOCTOR_OK, AREA, "memfd", NULL, NULL, "is there, and can be sealed");
}

static void check_landlock(struct doctor *d)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);

	if (abi > 0)
		doctor_say(d, DOCTOR_OK, AREA, "Landlock", NULL, NULL, "version %ld", abi);
	else
		doctor_say(d, DOCTOR_NOTE, AREA, "Landlock", "nothing rests on it today", NULL,
			"is not there: %s", strerror(errno));
}

static void check_cgroups(struct doctor *d)
{
	struct statfs fs;

	if (statfs("/sys/fs/cgroup", &fs) < 0) {
		doctor_say(d, DOCTOR_PROBLEM, AREA, "cgroups",
			"runtimes put every container into one", "mount them at /sys/fs/cgroup",
			"/sys/fs/cgroup: %s", strerror(errno));
		return;
	}
	if (fs.f_type == CGROUP2_MAGIC)
		doctor_say(d, DOCTOR_OK, AREA, "cgroups", NULL, NULL, "version 2");
	else if (statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
		doctor_say(d, DOCTOR_NOTE, AREA, "cgroups",
			"limits of containers work, but crun wants version 2 or 1 alone", NULL,
			"both versions (hybrid)");
	else
		doctor_say(d, DOCTOR_NOTE, AREA, "cgroups",
			"newer engines and the kubelet give it up",
			"boot with systemd.unified_cgroup_hierarchy=1", "version 1");
}

static void check_user_namespaces(struct doctor *d)
{
	char most[32], others[16];
	uint64_t n = 0;

	read_line("/proc/sys/user/max_user_namespaces", most, sizeof most);
	read_line("/proc/sys/kernel/unprivileged_userns_clone", others, sizeof others);
	if (access("/proc/self/ns/user", F_OK) < 0 ||
		(*most && num_u64(most, UINT64_MAX, &n) && !n))
		doctor_say(d, DOCTOR_NOTE, AREA, "user namespaces",
			"rootless engines, and containers with users of their own, need them",
			"set user.max_user_namespaces, if that is wanted", "are switched off");
	else if (strcmp(others, "0") == 0)
		doctor_say(d, DOCTOR_NOTE, AREA, "user namespaces", "rootless engines need them",
			"set kernel.unprivileged_userns_clone, if that is wanted",
			"are for root alone");
	else
		doctor_say(d, DOCTOR_OK, AREA, "user namespaces", NULL, NULL, "are there");
}

void doctor_kernel(struct doctor *d)
{
	struct utsname u;

	if (uname(&u) < 0)
		strcpy(u.release, "unknown");
	check_seccomp(d);
	check_openat2(d);
	check_memfd(d);
	check_cgroups(d);
	check_user_namespaces(d);
	check_landlock(d);
	doctor_versions(d, AREA, "Linux", u.release);
}
