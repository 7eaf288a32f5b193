/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits - what create and update judge alike in linux.resources, and the names of the rlimits.
 *
 * The two differ in what absence means: at create no limit, at update the limit there is.
 */
#ifndef CINCH_LIMITS_H
#define CINCH_LIMITS_H

#include "profiles/profile.h"
#include "shim/edit.h"

/* The limit MEMORY (linux.resources.memory; may be NULL) asks for; 0: none, or no limit at all. */
int64_t limits_memory(const struct json *memory);
/* The most that limit may be: P's ceiling, or what MEMORY says of memory and swap together when that is
 * less. -1: no ceiling. */
int64_t limits_memory_most(const struct json *memory, const struct profile *p);
/*
 * After the limit was lowered from ASKED (limits_memory, before): lower "swap", which is memory and swap
 * together, by the same. On cgroup2 the difference is what the container may swap, and runtimes reckon it
 * from these two: who asked for none would get all that was taken from his memory.
 */
void limits_keep_swap(struct edit *ed, struct json *memory, int64_t asked);
/* A value of unified that is "max" or a number above MAX; false for what is no clear number. */
bool limits_unified_above(const struct json *v, int64_t max);
/* unified, the OOM killer and real-time CPU. */
void limits_judge(struct edit *ed, const struct profile *p);

/* The rlimits of Linux; the last has no name. */
extern const struct limits_rlimit {
	const char *name; /* "RLIMIT_NOFILE" */
	int number; /* the kernel's */
} limits_rlimits[];
/* -1: none of them (or NULL). */
int limits_rlimit_number(const char *type);

#endif
