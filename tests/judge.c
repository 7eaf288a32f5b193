/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - ask a compiled seccomp filter about one call.
 */
#include "tests/judge.h"

#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "tests/bpf.h"

struct json_doc *judge_parse(const char *text)
{
	static const struct json_limits limits = {.bytes = 4 << 20, .depth = 50, .values = 200000};
	AUTO_FREE char *copy = strdup(text);
	struct json_doc *doc = NULL;
	struct err e;

	if (!copy)
		abort();
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (json_parse(copy, strlen(copy), &limits, JSON_COMMENTS, &doc, &e) < 0) {
		fprintf(stderr, "%s: %s\n", e.msg, copy);
		exit(1);
	}
	return doc;
}

int judge_number(const char *arch, const char *name)
{
	/* arch/x86/entry/syscalls/syscall_32.tbl, Linux 4.3 and 5.1 */
	static const struct {
		const char *name;
		int nr;
	} direct[] = {{"socket", 359}, {"socketpair", 360}, {"bind", 361}, {"connect", 362},
		{"listen", 363}, {"accept4", 364}, {"getsockopt", 365}, {"setsockopt", 366},
		{"getsockname", 367}, {"getpeername", 368}, {"sendto", 369}, {"sendmsg", 370},
		{"recvfrom", 371}, {"recvmsg", 372}, {"shutdown", 373}, {"semget", 393},
		{"semctl", 394}, {"shmget", 395}, {"shmctl", 396}, {"shmat", 397}, {"shmdt", 398},
		{"msgget", 399}, {"msgsnd", 400}, {"msgrcv", 401}, {"msgctl", 402}};
	int nr;

	if (sysset_number(arch, name, &nr))
		return nr;
	for (size_t i = 0; strcmp(arch, "SCMP_ARCH_X86") == 0 && i < sizeof direct / sizeof *direct;
		i++)
		if (strcmp(direct[i].name, name) == 0)
			return direct[i].nr;
	return -1;
}

uint32_t judge(const struct sysset_program *p, const char *arch, int nr, const uint64_t *args)
{
	struct seccomp_data data = {.nr = nr, .instruction_pointer = 0x1234};
	bool narrow = false;
	uint32_t ret;

	if (strcmp(arch, "SCMP_ARCH_X86") == 0) {
		data.arch = AUDIT_ARCH_I386;
		narrow = true;
	} else if (strcmp(arch, "SCMP_ARCH_AARCH64") == 0) {
		data.arch = AUDIT_ARCH_AARCH64;
	} else {
		data.arch = AUDIT_ARCH_X86_64;
	}
	for (int i = 0; i < 6; i++)
		data.args[i] = narrow ? args[i] & 0xffffffff : args[i];
	return bpf_run(p->insn, p->n, &data, &ret) ? ret : 0xffffffff;
}

uint64_t judge_next(struct judge_random *r)
{
	/* splitmix64: a published, trivial mixer */
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned judge_below(struct judge_random *r, unsigned n)
{
	return (unsigned)(judge_next(r) % n);
}
