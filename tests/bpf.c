/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf - run a seccomp program without a kernel.
 */
#include "tests/bpf.h"

#include <string.h>

static bool jump(const struct sock_filter *p, uint32_t a, bool *taken)
{
	switch (BPF_OP(p->code)) {
	case BPF_JEQ:
		*taken = a == p->k;
		return true;
	case BPF_JGT:
		*taken = a > p->k;
		return true;
	case BPF_JGE:
		*taken = a >= p->k;
		return true;
	case BPF_JSET:
		*taken = (a & p->k) != 0;
		return true;
	default:
		return false;
	}
}

bool bpf_run(
	const struct sock_filter *insn, size_t n, const struct seccomp_data *data, uint32_t *out)
{
	uint32_t a = 0;
	bool taken;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *p = &insn[pc];

		switch (p->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (p->k % 4 || p->k + 4 > sizeof *data)
				return false;
			memcpy(&a, (const char *)data + p->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= p->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += p->k;
			break;
		case BPF_RET | BPF_K:
			*out = p->k;
			return true;
		default:
			if (BPF_CLASS(p->code) != BPF_JMP || BPF_SRC(p->code) != BPF_K ||
				!jump(p, a, &taken))
				return false;
			pc += taken ? p->jt : p->jf;
		}
	}
	return false;
}

int bpf_rank(uint32_t ret)
{
	static const uint32_t order[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRACE,
		SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP,
		SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS};

	for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
		if ((ret & SECCOMP_RET_ACTION_FULL) == order[i])
			return i;
	return 99;
}
