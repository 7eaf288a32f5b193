/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths - the default sets of masked and read-only paths.
 *
 * The union of what containerd, Docker, podman and CRI-O ask for; an engine that forgets one, or a
 * caller that empties the list, gets the whole set back. A path that the kernel at hand does not
 * have is skipped by the runtime.
 */
#include "profiles/paths.h"

#include <stddef.h>

const char *const paths_masked[] = {
	"/proc/acpi", /* firmware switches */
	"/proc/asound", /* the host's sound devices: what is playing */
	"/proc/interrupts", /* key strokes can be timed from it */
	"/proc/kcore", /* the kernel's memory */
	"/proc/keys", /* names of everybody's kernel keys: not namespaced */
	"/proc/latency_stats", /* other processes' kernel stacks */
	"/proc/sched_debug", /* names of the host's processes, kernel addresses */
	"/proc/scsi", /* "remove-single-device" takes a host disk away */
	"/proc/timer_list", /* pids and kernel addresses */
	"/proc/timer_stats",
	"/sys/dev/block", /* the way from a device number to the host's disks */
	"/sys/devices/virtual/powercap", /* energy counters leak keys (CVE-2020-8694) */
	"/sys/firmware", /* ACPI tables, EFI variables */
	"/sys/fs/bpf", /* other people's pinned programs and maps */
	"/sys/fs/pstore", /* the last kernel's crash log */
	"/sys/fs/selinux",
	"/sys/kernel/debug",
	"/sys/kernel/security",
	"/sys/kernel/tracing",
	NULL,
};

const char *const paths_readonly[] = {
	"/proc/asound",
	"/proc/bus", /* PCI configuration space */
	"/proc/fs",
	"/proc/irq",
	"/proc/sys", /* core_pattern and modprobe run programs on the host */
	"/proc/sysrq-trigger",
	NULL,
};
