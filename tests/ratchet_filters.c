/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_filters - the judge of seccomp filters: compiled as a runtime does it and asked call by call.
 */
#include <string.h>

#include "profiles/sysset.h"
#include "tests/bpf.h"
#include "tests/judge.h"
#include "tests/ratchet.h"

enum { VALUES_MAX = 120, CALLS = 480 };

struct values {
	uint64_t v[VALUES_MAX];
	size_t n;
};

static void add_value(struct values *l, uint64_t v)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == v)
			return;
	if (l->n < VALUES_MAX)
		l->v[l->n++] = v;
}

/* What a filter compares with, and both neighbours. */
static void collect(const struct json *filter, struct values *l)
{
	json_each (rule, json_get(filter, "syscalls"))
		json_each (arg, json_get(rule, "args")) {
			static const char *const keys[] = {"value", "valueTwo"};
			uint64_t v;

			for (int k = 0; k < 2; k++)
				for (uint64_t d = 0; d < 3; d++)
					if (json_u64(json_get(arg, keys[k]), UINT64_MAX, &v))
						add_value(l, v + d - 1);
		}
}

struct two {
	struct sysset_program was, is;
};

/* Whether any rule looks at arguments of this call; i386 has two that stand for many others. */
static bool looks_at_arguments(const struct json *filter, const char *arch, int nr)
{
	if (strcmp(arch, "SCMP_ARCH_X86") == 0 && (nr == 102 || nr == 117))
		return true;
	json_each (rule, json_get(filter, "syscalls"))
		if (json_get(rule, "args") && json_get(rule, "args")->count)
			json_each (name, json_get(rule, "names"))
				if (json_str(name) && judge_number(arch, json_str(name)) == nr)
					return true;
	return false;
}

/* False after the first call of this number that gained. */
static bool one_call(const struct two *f, const char *arch, int nr, const struct values *l,
	size_t n, struct strv *bad)
{
	for (size_t i = 0; i < n; i++)
		for (int place = -1; place < 6; place++) {
			uint64_t args[6] = {0};

			for (int k = 0; k < 6; k++)
				args[k] = place < 0 || place == k ? l->v[i] : 0;
			if (bpf_rank(judge(&f->is, arch, nr, args)) >=
				bpf_rank(judge(&f->was, arch, nr, args)))
				continue;
			ratchet_bad(bad, "seccomp: %s call %d gained with argument %#jx at %d",
				arch, nr, (uintmax_t)l->v[i], place);
			return false;
		}
	return true;
}

size_t ratchet_filters(const struct json *in, const struct json *out, struct strv *bad)
{
	static const struct {
		const char *name;
		int base;
	} arches[] = {
		{"SCMP_ARCH_X86_64", 0},
		{"SCMP_ARCH_X86", 0},
		{"SCMP_ARCH_X32", 0x40000000},
	};
	const struct json *was = json_at(in, "/linux/seccomp"),
			  *is = json_at(out, "/linux/seccomp");
	struct two f = {{NULL, 0}, {NULL, 0}};
	struct values l = {{0, 1, UINT64_MAX, (uint64_t)1 << 32}, 4};
	size_t before = bad->n;
	struct err e = {0};

	if (!was || !json_get(was, "defaultAction"))
		return 0;
	if (!is || sysset_compile(was, true, &f.was, &e) < 0 ||
		sysset_compile(is, true, &f.is, &e) < 0) {
		ratchet_bad(bad, "seccomp: cannot be compiled: %s", e.msg);
	} else {
		collect(was, &l);
		collect(is, &l);
		for (size_t a = 0; a < sizeof arches / sizeof *arches; a++)
			for (int k = 0; k < CALLS + 80; k++) {
				const char *arch = arches[a].name;
				int nr = arches[a].base + k;
				bool all = looks_at_arguments(was, arch, nr) ||
					   looks_at_arguments(is, arch, nr);

				one_call(&f, arch, nr, &l, all ? l.n : 1, bad);
			}
	}
	sysset_program_done(&f.was);
	sysset_program_done(&f.is);
	return bad->n - before;
}
