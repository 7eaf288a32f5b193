/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_filter - does a filter of system calls from a checkpoint deny what the configuration denies?
 */
#include "shim/checkpoint_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
enum { NATIVE = 1 };
static const uint32_t arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
enum { NATIVE = 1 };
static const uint32_t arch = AUDIT_ARCH_AARCH64;
#else /* nothing is compared */
enum { NATIVE = 0 };
static const uint32_t arch;
#endif

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, SYS_##name                                                                  \
	}

static const struct {
	const char *name;
	uint32_t number;
} calls[] = {CALL(acct), CALL(add_key), CALL(bpf), CALL(delete_module), CALL(finit_module),
	CALL(fsconfig), CALL(fsmount), CALL(fsopen), CALL(init_module), CALL(io_uring_setup),
	CALL(kexec_load), CALL(keyctl), CALL(mount), CALL(move_mount), CALL(name_to_handle_at),
	CALL(open_by_handle_at), CALL(open_tree), CALL(perf_event_open), CALL(pivot_root),
	CALL(process_vm_writev), CALL(ptrace), CALL(quotactl), CALL(reboot), CALL(request_key),
	CALL(setns), CALL(settimeofday), CALL(swapoff), CALL(swapon), CALL(syslog), CALL(umount2),
	CALL(unshare), CALL(userfaultfd)};

enum { CALLS = sizeof calls / sizeof *calls };
_Static_assert(CALLS <= 64, "one bit each");

/* ---- the configuration ---- */

static bool lets_pass(const char *action)
{
	return !action ||
	       !(str_starts(action, "SCMP_ACT_KILL") || strcmp(action, "SCMP_ACT_ERRNO") == 0 ||
		       strcmp(action, "SCMP_ACT_TRAP") == 0);
}

uint64_t checkpoint_filter_floor(const struct json_doc *doc)
{
	const struct json *filter = json_at(json_root(doc), "/linux/seccomp");
	uint64_t denied = 0;

	if (!NATIVE || !filter || lets_pass(json_str(json_get(filter, "defaultAction"))))
		return 0;
	for (size_t i = 0; i < CALLS; i++)
		denied |= (uint64_t)1 << i;
	json_each (rule, json_get(filter, "syscalls")) {
		if (!lets_pass(json_str(json_get(rule, "action"))))
			continue;
		json_each (name, json_get(rule, "names"))
			for (size_t i = 0; i < CALLS; i++)
				if (json_str(name) && strcmp(json_str(name), calls[i].name) == 0)
					denied &= ~((uint64_t)1 << i);
	}
	return denied;
}

/* ---- the program ---- */

struct machine {
	struct seccomp_data data;
	uint32_t a, x, memory[BPF_MEMWORDS];
	bool broken; /* the kernel would not have taken this program */
};

static uint32_t arithmetic(struct machine *m, uint16_t code, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return m->a + operand;
	case BPF_SUB:
		return m->a - operand;
	case BPF_MUL:
		return m->a * operand;
	case BPF_DIV:
		m->broken = m->broken || operand == 0;
		return operand ? m->a / operand : 0;
	case BPF_OR:
		return m->a | operand;
	case BPF_AND:
		return m->a & operand;
	case BPF_XOR:
		return m->a ^ operand;
	case BPF_LSH:
		return operand < 32 ? m->a << operand : 0;
	case BPF_RSH:
		return operand < 32 ? m->a >> operand : 0;
	case BPF_NEG:
		return -m->a;
	default:
		m->broken = true;
		return 0;
	}
}

static bool jumps(struct machine *m, uint16_t code, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return m->a == operand;
	case BPF_JGT:
		return m->a > operand;
	case BPF_JGE:
		return m->a >= operand;
	case BPF_JSET:
		return m->a & operand;
	default:
		m->broken = true;
		return false;
	}
}

static uint32_t load(struct machine *m, const struct sock_filter *f)
{
	uint32_t word = 0;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		return f->k;
	case BPF_LEN:
		return sizeof m->data;
	case BPF_MEM:
		if (f->k < BPF_MEMWORDS)
			return m->memory[f->k];
		break;
	case BPF_ABS:
		if (BPF_CLASS(f->code) == BPF_LD && BPF_SIZE(f->code) == BPF_W && f->k % 4 == 0 &&
			f->k <= sizeof m->data - sizeof word) {
			memcpy(&word, (const char *)&m->data + f->k, sizeof word);
			return word;
		}
		break;
	default:
		break;
	}
	m->broken = true;
	return 0;
}

/* One instruction that neither jumps nor returns. */
static void step(struct machine *m, const struct sock_filter *f)
{
	uint32_t operand = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		m->a = load(m, f);
		break;
	case BPF_LDX:
		m->x = load(m, f);
		break;
	case BPF_ST:
	case BPF_STX:
		if (f->k < BPF_MEMWORDS)
			m->memory[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		else
			m->broken = true;
		break;
	case BPF_ALU:
		m->a = arithmetic(m, f->code, operand);
		break;
	default: /* BPF_MISC */
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		break;
	}
}

/* What the kernel would do with the call NUMBER; a program it would not take lets everything pass. */
static uint32_t run(const struct criu_filter *f, uint32_t number)
{
	struct machine m = {.data = {.nr = (int)number, .arch = arch}};
	struct sock_filter insn;

	for (size_t pc = 0; pc < f->insns && !m.broken; pc++) {
		memcpy(&insn, f->code + pc * sizeof insn, sizeof insn);
		if (BPF_CLASS(insn.code) == BPF_RET)
			return BPF_RVAL(insn.code) == BPF_A ? m.a : insn.k;
		if (BPF_CLASS(insn.code) != BPF_JMP)
			step(&m, &insn);
		else if (BPF_OP(insn.code) == BPF_JA)
			pc = insn.k < f->insns ? pc + insn.k : f->insns;
		else
			pc += jumps(&m, insn.code, BPF_SRC(insn.code) == BPF_X ? m.x : insn.k)
				      ? insn.jt
				      : insn.jf;
	}
	return SECCOMP_RET_ALLOW;
}

uint64_t checkpoint_filter_denies(const struct criu_filter *f)
{
	uint64_t denied = 0;

	for (size_t i = 0; i < CALLS; i++) {
		uint32_t action = run(f, calls[i].number) & SECCOMP_RET_ACTION_FULL;

		if (action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD ||
			action == SECCOMP_RET_TRAP || action == SECCOMP_RET_ERRNO)
			denied |= (uint64_t)1 << i;
	}
	return denied;
}

void checkpoint_filter_names(uint64_t bits, struct str *out)
{
	enum { SHOWN = 5 };
	unsigned n = 0;

	for (size_t i = 0; i < CALLS; i++)
		if (bits >> i & 1 && n++ < SHOWN)
			str_addf(out, "%s%s", n > 1 ? ", " : "", calls[i].name);
	if (n > SHOWN)
		str_addf(out, " and %u more", n - SHOWN);
}
