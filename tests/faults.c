/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults - one system call of a child fails.
 */
#include "tests/faults.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/ptrace.h has it, and cannot be included beside sys/ptrace.h */
struct call_info {
	unsigned char op;
	unsigned char pad[3];
	unsigned arch;
	unsigned long long instruction, stack;
	unsigned long long nr, args[6];
};

enum { OP_ENTRY = 1, OP_EXIT = 2 };

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- the registers ---- */

#if defined(__x86_64__)

static void set_registers(pid_t pid, const long *call, const long *count, const long *result)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		die("PTRACE_GETREGS");
	if (call)
		regs.orig_rax = (unsigned long)*call;
	if (count)
		regs.rdx = (unsigned long)*count;
	if (result)
		regs.rax = (unsigned long)*result;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) < 0)
		die("PTRACE_SETREGS");
}

#elif defined(__aarch64__)

static void set_registers(pid_t pid, const long *call, const long *count, const long *result)
{
	struct user_regs_struct regs;
	struct iovec all = {&regs, sizeof regs};
	int nr = call ? (int)*call : 0;
	struct iovec number = {&nr, sizeof nr};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all) < 0)
		die("PTRACE_GETREGSET");
	if (count)
		regs.regs[2] = (unsigned long)*count;
	if (result)
		regs.regs[0] = (unsigned long)*result;
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all) < 0 ||
		(call && ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &number) < 0))
		die("PTRACE_SETREGSET");
}

#else
#define NO_REGISTERS 1
static void set_registers(pid_t pid, const long *call, const long *count, const long *result)
{
	(void)pid, (void)call, (void)count, (void)result;
	abort();
}
#endif

/* ---- the walk ---- */

/* The library's function takes pointers where these take numbers. */
static long trace(int request, pid_t pid, unsigned long address, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

static pid_t start(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(125);
		raise(SIGSTOP);
		_exit(fn(arg));
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) {
		errno = EPERM;
		return -1;
	}
	if (trace(PTRACE_SETOPTIONS, pid, 0,
		    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC) < 0)
		die("PTRACE_SETOPTIONS");
	return pid;
}

extern void __asan_init(void) __attribute__((weak)); /* is it there? */

/* The sanitizers end the program when these fail. */
static bool spared(unsigned long long call)
{
	return __asan_init &&
	       (call == SYS_brk || call == SYS_mmap || call == SYS_munmap || call == SYS_madvise ||
		       call == SYS_mprotect || call == SYS_mremap || call == SYS_prctl ||
		       call == SYS_sigaltstack);
}

/* The child stands before a call: do what FAULT says. False: it is dead. */
static bool strike(pid_t pid, const struct call_info *info, int fault, bool *pending)
{
	static const long none = -1, one = 1;

	switch (fault) {
	case FAULT_KILL:
		kill(pid, SIGKILL);
		return false;
	case FAULT_SHORT:
		if (info->nr == SYS_write && info->args[2] > 1)
			set_registers(pid, NULL, &one, NULL);
		return true;
	default:
		if (spared(info->nr))
			return true;
		set_registers(pid, &none, NULL, NULL);
		*pending = true;
		return true;
	}
}

struct faults_run faults_run(int (*fn)(void *arg), void *arg, unsigned at, int fault)
{
	struct faults_run run = {.call = -1};
	pid_t pid = start(fn, arg);
	unsigned n = 0;
	int status, deliver = 0;
	bool pending = false;

	if (pid < 0)
		die("ptrace");
	for (;;) {
		struct call_info info = {0};
		long result = -fault;

		if (trace(PTRACE_SYSCALL, pid, 0, (unsigned long)deliver) < 0 && errno != ESRCH)
			die("PTRACE_SYSCALL");
		if (waitpid(pid, &status, 0) < 0)
			die("waitpid");
		if (!WIFSTOPPED(status))
			break;
		deliver = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			deliver = status >> 16 ? 0 : WSTOPSIG(status);
			continue;
		}
		if (trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info) < 0)
			die("PTRACE_GET_SYSCALL_INFO");
		if (info.op == OP_EXIT && pending) {
			set_registers(pid, NULL, NULL, &result);
			pending = false;
		}
		if (info.op != OP_ENTRY || ++n != at)
			continue;
		run.hit = true;
		run.call = (long)info.nr;
		if (!strike(pid, &info, fault, &pending)) {
			waitpid(pid, &status, 0);
			break;
		}
	}
	run.ended = WIFEXITED(status);
	run.status = run.ended ? WEXITSTATUS(status) : -1;
	return run;
}

static int seven(void *arg)
{
	(void)arg;
	return 7;
}

bool faults_work(const char **why)
{
#ifdef NO_REGISTERS
	*why = "not written for this architecture";
	return false;
#else
	int status;
	pid_t pid;

	fflush(NULL); /* or faults_run, in the child, prints what is ours once more */
	pid = fork();
	/* a child of its own to find out: what start() meets where tracing is forbidden */
	if (pid == 0)
		_exit(faults_run(seven, NULL, 0, 0).status);
	*why = "ptrace is not allowed here";
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 7;
#endif
}
