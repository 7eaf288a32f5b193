/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysset - system calls by name and number, and filters as the kernel gets them; the only door to
 * libseccomp.
 */
#include "profiles/sysset.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"

enum { NUMBERS = 600, X32_BIT = 0x40000000, ARGS = 6 };

#define AUTO_CTX __attribute__((cleanup(ctx_release)))

static void ctx_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

void sysset_program_done(struct sysset_program *p)
{
	free(p->insn);
	*p = (struct sysset_program){.insn = NULL};
}

/* The architectures of this machine, and the others we build for. */
static const struct {
	const char *name;
	uint32_t token, audit;
} arches[] = {
#if defined(__x86_64__)
	{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64},
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM},
#else
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM},
	{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64},
#endif
};

enum { N_ARCHES = sizeof arches / sizeof *arches };

static int arch_index(const char *name)
{
	for (int i = 0; i < N_ARCHES; i++)
		if (strcmp(arches[i].name, name) == 0)
			return i;
	return -1;
}

bool sysset_number(const char *arch, const char *name, int *out)
{
	int a = arch_index(arch), nr;

	if (a < 0)
		return false;
	nr = seccomp_syscall_resolve_name_arch(arches[a].token, name);
	if (nr < 0)
		return false;
	*out = nr;
	return true;
}

bool sysset_known(const char *name)
{
	/* natively known or, as a pseudo number, known elsewhere */
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

char *sysset_nearest(const char *name)
{
	unsigned best = strlen(name) > 4 ? 2 : 1;
	char *found = NULL;

	for (int a = 0; a < N_ARCHES; a++)
		for (int nr = 0; nr < NUMBERS; nr++) {
			AUTO_FREE char *other = seccomp_syscall_resolve_num_arch(arches[a].token,
				arches[a].token == SCMP_ARCH_X32 ? nr | X32_BIT : nr);
			unsigned d = other ? str_distance(name, other, best) : best + 1;

			if (d > best || (found && d == best))
				continue;
			free(found);
			best = d;
			found = take_ptr(&other);
		}
	return found;
}

static const struct {
	const char *name;
	uint32_t action;
} actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

/* False: no such action. */
static bool action_of(
	const struct json *object, const char *key, const char *errno_key, uint32_t *out)
{
	const char *name = json_str(json_get(object, key));
	uint64_t data = EPERM;

	json_u64(json_get(object, errno_key), UINT32_MAX, &data);
	for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, name) == 0) {
			uint32_t a = actions[i].action;

			*out = a == SCMP_ACT_ERRNO(0) || a == SCMP_ACT_TRACE(0)
				       ? a | (uint32_t)(data & 0xffff)
				       : a;
			return true;
		}
	return false;
}

static bool test_of(const struct json *object, struct scmp_arg_cmp *out)
{
	const char *name = json_str(json_get(object, "op"));
	uint64_t index = 0, a = 0, b = 0;

	json_u64(json_get(object, "index"), UINT64_MAX, &index);
	json_u64(json_get(object, "value"), UINT64_MAX, &a);
	json_u64(json_get(object, "valueTwo"), UINT64_MAX, &b);
	for (size_t i = 0; name && index < ARGS && i < sizeof operators / sizeof *operators; i++)
		if (strcmp(operators[i].name, name) == 0) {
			*out = (struct scmp_arg_cmp){
				.arg = (unsigned)index,
				.op = operators[i].op,
				.datum_a = a,
				.datum_b = b,
			};
			return true;
		}
	return false;
}

/* One "syscalls" entry for one call. */
static int add_rule(scmp_filter_ctx ctx, uint32_t action, const char *name,
	const struct scmp_arg_cmp *tests, unsigned n, struct err *e)
{
	unsigned times[ARGS] = {0};
	bool twice = false;
	int nr = seccomp_syscall_resolve_name(name), rc = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0; /* runtimes pass over names they do not know */
	for (unsigned i = 0; i < n; i++)
		twice |= ++times[tests[i].arg] > 1;
	if (!twice)
		rc = seccomp_rule_add_array(ctx, action, nr, n, tests);
	for (unsigned i = 0; twice && rc == 0 && i < n; i++)
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &tests[i]);
	return rc < 0 ? err_set(e, -rc, "seccomp rule for %s", name) : 0;
}

static int add_rules(
	scmp_filter_ctx ctx, const struct json *object, uint32_t fallback, struct err *e)
{
	json_each (entry, json_get(object, "syscalls")) {
		struct scmp_arg_cmp tests[64];
		uint32_t action;
		unsigned n = 0;

		if (!action_of(entry, "action", "errnoRet", &action))
			return err_set(e, ERR_INPUT, "seccomp: unknown action");
		json_each (arg, json_get(entry, "args")) {
			if (n == 64 || !test_of(arg, &tests[n]))
				return err_set(e, ERR_INPUT, "seccomp: a test of an argument");
			n++;
		}
		if (action == fallback)
			continue;
		json_each (name, json_get(entry, "names"))
			if (add_rule(ctx, action, json_str(name), tests, n, e) < 0)
				return -1;
	}
	return 0;
}

/* libseccomp writes to a descriptor; CTX as a program with room for HEAD instructions in front. */
static int export(scmp_filter_ctx ctx, size_t head, struct sysset_program *out, struct err *e)
{
	AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
	AUTO_FREE struct sock_filter *insn = NULL;
	off_t len;
	int rc;

	if (fd < 0)
		return err_set(e, errno, "memfd_create");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0)
		return err_set(e, -rc, "export the seccomp program");
	len = lseek(fd, 0, SEEK_END);
	if (len < 0 || len % (off_t)sizeof *insn)
		return err_set(e, ERR_BUG, "the seccomp program has %lld bytes", (long long)len);
	out->n = head + (size_t)len / sizeof *insn;
	insn = calloc(out->n, sizeof *insn);
	if (!insn)
		return err_nomem(e);
	if (pread(fd, insn + head, (size_t)len, 0) != len)
		return err_set(e, errno, "read the seccomp program");
	out->insn = take_ptr(&insn);
	return 0;
}

/* The highest number on architecture A of the calls OBJECT names; 0: none. */
static uint32_t highest(const struct json *object, int a)
{
	int max = 0;

	json_each (entry, json_get(object, "syscalls"))
		json_each (name, json_get(entry, "names")) {
			int nr = seccomp_syscall_resolve_name_arch(arches[a].token, json_str(name));

			if (nr > max)
				max = nr;
		}
	return (uint32_t)max;
}

enum { PROLOGUE_INSNS = 7 }; /* per architecture */

/*
 * For each architecture: number above the highest named one -> ENOSYS. x86_64 and x32 share an audit
 * number and differ by bit 30.
 */
static size_t prologue(
	const struct json *object, const int *list, size_t n_list, struct sock_filter *p)
{
	const struct sock_filter load_arch = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4);
	const struct sock_filter load_nr = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	const struct sock_filter enosys = BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(ENOSYS));
	size_t n = 0;

	for (size_t i = 0; i < n_list; i++) {
		int a = list[i];
		uint32_t max = highest(object, a);
		bool x32 = arches[a].token == SCMP_ARCH_X32;

		if (!max)
			continue;
		p[n++] = load_arch;
		p[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, arches[a].audit, 0, 5);
		p[n++] = load_nr;
		if (arches[a].audit == AUDIT_ARCH_X86_64)
			p[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JSET | BPF_K, X32_BIT, x32 ? 0 : 3, x32 ? 3 : 0);
		else
			p[n++] = load_nr; /* keeps the jumps the same */
		p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, max, 0, 2);
		p[n++] = enosys;
		p[n++] = load_nr;
	}
	return n;
}

int sysset_compile(
	const struct json *object, bool with_prologue, struct sysset_program *out, struct err *e)
{
	struct sock_filter head[N_ARCHES * PROLOGUE_INSNS];
	struct sysset_program program = {.insn = NULL};
	AUTO_CTX scmp_filter_ctx ctx = NULL;
	int list[N_ARCHES];
	size_t n_list = 0, n_head = 0;
	uint32_t fallback;

	if (!action_of(object, "defaultAction", "defaultErrnoRet", &fallback))
		return err_set(e, ERR_INPUT, "seccomp: unknown defaultAction");
	ctx = seccomp_init(fallback);
	if (!ctx)
		return err_set(e, ERR_INPUT, "seccomp: the default action is not possible");
	json_each (v, json_get(object, "architectures")) {
		int a = arch_index(json_str(v) ? json_str(v) : ""), rc;

		if (a < 0 || n_list == N_ARCHES)
			return err_set(e, ERR_INPUT, "seccomp: unknown architecture");
		rc = seccomp_arch_add(ctx, arches[a].token);
		if (rc < 0 && rc != -EEXIST)
			return err_set(e, -rc, "seccomp: add %s", arches[a].name);
		list[n_list++] = a;
	}
	if (add_rules(ctx, object, fallback, e) < 0)
		return -1;
	/* runc leaves the prologue out where the default lets calls pass */
	if (with_prologue && fallback != SCMP_ACT_ALLOW && fallback != SCMP_ACT_LOG &&
		(fallback & 0xffff0000) != SCMP_ACT_TRACE(0))
		n_head = prologue(object, list, n_list, head);
	if (export(ctx, n_head, &program, e) < 0)
		return -1;
	memcpy(program.insn, head, n_head * sizeof *head);
	*out = program;
	return 0;
}
