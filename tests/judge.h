/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - ask a compiled seccomp filter about one call.
 */
#ifndef CINCH_TESTS_JUDGE_H
#define CINCH_TESTS_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "profiles/sysset.h"

/* Exits loudly on what a test cannot do without. */
struct json_doc *judge_parse(const char *text); /* ' stands for "; comments are fine */

/* NAME's number on ARCH, also of the i386 socket and IPC calls, which libseccomp hides below the
 * multiplexed ones. -1: none. */
int judge_number(const char *arch, const char *name);

/* What P returns (SECCOMP_RET_*) for the call NR on ARCH; a program that misbehaves is 0xffffffff. */
uint32_t judge(const struct sysset_program *p, const char *arch, int nr, const uint64_t *args);

/* A small generator: the same numbers for the same seed. */
struct judge_random {
	uint64_t state;
};
uint64_t judge_next(struct judge_random *r);
unsigned judge_below(struct judge_random *r, unsigned n);

#endif
