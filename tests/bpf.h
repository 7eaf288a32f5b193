/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf - run a seccomp program without a kernel.
 */
#ifndef CINCH_TESTS_BPF_H
#define CINCH_TESTS_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What INSN (N of them) returns for DATA. False when it does what seccomp does not allow: another
 * instruction, a load outside DATA, a jump outside the program, no return. */
bool bpf_run(
	const struct sock_filter *insn, size_t n, const struct seccomp_data *data, uint32_t *out);

/* The kernel's order of return values: the higher one wins (seccomp(2)). */
int bpf_rank(uint32_t ret);

#endif
