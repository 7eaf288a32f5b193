/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysset - system calls by name and number, and filters as the kernel gets them; the only door to
 * libseccomp.
 *
 * Not on the launch path: tests judge with it what a filter really does. Source of how a filter is
 * built: runc 1.1 (libcontainer/seccomp), which crun follows but for the ENOSYS prologue.
 */
#ifndef CINCH_PROFILES_SYSSET_H
#define CINCH_PROFILES_SYSSET_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/json.h"

struct sock_filter; /* <linux/filter.h> */

struct sysset_program {
	struct sock_filter *insn; /* owned */
	size_t n;
};

void sysset_program_done(struct sysset_program *p);
#define AUTO_PROGRAM __attribute__((cleanup(sysset_program_done)))

/* True when libseccomp has a call of this name on any architecture this machine runs. */
bool sysset_known(const char *name);
/* The number NAME has on ARCH ("SCMP_ARCH_X86"; x32 numbers carry bit 30). False: it has none there;
 * also for calls that exist only below a multiplexed one. */
bool sysset_number(const char *arch, const char *name, int *out);
/* The nearest known name for "did you mean", the caller's to free; NULL when none is near. */
char *sysset_nearest(const char *name);

/*
 * The BPF program a runtime would load for the OCI linux.seccomp OBJECT. PROLOGUE: with runc's check
 * that answers ENOSYS for calls newer than any the filter names. -1 when a runtime would refuse it.
 */
int sysset_compile(
	const struct json *object, bool prologue, struct sysset_program *out, struct err *e);

#endif
