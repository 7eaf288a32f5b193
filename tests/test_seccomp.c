/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp - the shipped filter call by call, the pass over every sample, and the door to
 * libseccomp.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "profiles/profile.h"
#include "profiles/sysset.h"
#include "shim/base/cleanup.h"
#include "shim/pass.h"
#include "shim/spec.h"
#include "tests/judge.h"
#include "tests/tap.h"

#define SAMPLES "tests/data/samples"

static struct profile profile = {.name = "restricted"};

static void run_pass(struct json_doc *doc, const struct profile *p, struct report *r)
{
	struct edit ed = {
		.doc = doc,
		.root = json_root(doc),
		.report = r,
		.profile = p->name,
		.control = CONTROL_SECCOMP,
		.enforced = true,
	};

	pass_seccomp(&ed, p, NULL);
	if (ed.failed)
		abort();
}

/* The filter of DOC as a runtime loads it. */
static bool load(const struct json_doc *doc, struct sysset_program *out)
{
	struct err e;

	if (sysset_compile(json_at(json_root(doc), "/linux/seccomp"), true, out, &e) == 0)
		return true;
	printf("# %s\n", e.msg);
	return false;
}

/* What the shipped filter must answer. WANT: 0 allowed, else the errno. */
static const struct {
	const char *arch, *call;
	uint64_t args[3];
	int want;
} table[] = {
#define X64 "SCMP_ARCH_X86_64"
#define X86 "SCMP_ARCH_X86"
#define X32 "SCMP_ARCH_X32"
	/* namespaces */
	{X64, "unshare", {0x10000000}, 1},
	{X64, "setns", {3, 0}, 1},
	{X64, "clone", {17}, 0},
	{X64, "clone", {0x10000000 | 17}, 1},
	{X64, "clone", {0x7e020000}, 1},
	{X64, "clone", {0x100020011}, 1},
	{X64, "clone", {0x3d0f00}, 0}, /* pthread_create */
	{X64, "clone3", {0, 88}, 38},
	{X86, "clone", {0x10000000}, 1},
	{X86, "clone3", {0, 88}, 38},
	{X32, "clone", {0x20000000}, 1},
	/* mounts, old and new */
	{X64, "mount", {0}, 1},
	{X64, "umount2", {0}, 1},
	{X86, "umount", {0}, 1},
	{X64, "pivot_root", {0}, 1},
	{X64, "fsopen", {0}, 38},
	{X64, "fsconfig", {0}, 38},
	{X64, "fsmount", {0}, 38},
	{X64, "fspick", {0}, 38},
	{X64, "move_mount", {0}, 38},
	{X64, "open_tree", {0}, 38},
	{X64, "mount_setattr", {0}, 38},
	/* io_uring, keys, machinery of the kernel */
	{X64, "io_uring_setup", {1, 0}, 38},
	{X64, "io_uring_enter", {1, 0}, 38},
	{X86, "io_uring_register", {1, 0}, 38},
	{X64, "keyctl", {0, (uint64_t)-3, 1}, 38},
	{X64, "add_key", {0}, 38},
	{X86, "request_key", {0}, 38},
	{X64, "bpf", {0}, 1},
	{X86, "bpf", {0}, 1},
	{X32, "bpf", {0}, 1},
	{X64, "perf_event_open", {0}, 1},
	{X64, "userfaultfd", {0}, 1},
	{X64, "open_by_handle_at", {0}, 1},
	{X64, "process_vm_readv", {0}, 1},
	{X32, "process_vm_writev", {0}, 1},
	{X64, "kcmp", {0}, 1},
	{X64, "move_pages", {0}, 1},
	{X64, "migrate_pages", {0}, 1},
	{X64, "ptrace", {16, 1}, 1},
	{X32, "ptrace", {16, 1}, 1},
	{X64, "pidfd_getfd", {0}, 1},
	{X64, "init_module", {0}, 1},
	{X64, "finit_module", {0}, 1},
	{X64, "kexec_load", {0}, 1},
	{X64, "kexec_file_load", {0}, 1},
	{X64, "iopl", {3}, 1},
	{X64, "ioperm", {0}, 1},
	{X86, "vm86", {0}, 1},
	{X64, "modify_ldt", {0}, 1},
	{X64, "reboot", {0}, 1},
	{X64, "swapon", {0}, 1},
	{X64, "settimeofday", {0}, 1},
	{X86, "clock_settime64", {0}, 1},
	{X64, "sethostname", {0}, 1},
	{X64, "syslog", {0}, 1},
	{X64, "set_mempolicy", {0}, 38},
	/* the operator's terminal; the kernel looks at 32 bits */
	{X64, "ioctl", {0, 0x5412}, 1},
	{X64, "ioctl", {0, 0x100005412}, 1},
	{X64, "ioctl", {0, 0xffffffff00005412}, 1},
	{X64, "ioctl", {0, 0x541c}, 1},
	{X64, "ioctl", {0, 0x80000000541c}, 1},
	{X86, "ioctl", {0, 0x5412}, 1},
	{X32, "ioctl", {0, 0x541c}, 1},
	{X64, "ioctl", {0, 0x5401}, 0},
	{X64, "ioctl", {0, 0x5411}, 0},
	{X64, "ioctl", {0, 0x5413}, 0},
	{X64, "ioctl", {0, 0x541b}, 0},
	{X64, "ioctl", {0, 0x541d}, 0},
	{X64, "ioctl", {0, 0x5421}, 0},
	{X64, "ioctl", {0, 0}, 0},
	{X64, "ioctl", {0, 0xffffffff}, 0},
	{X64, "ioctl", {0, 0xffffffff80045430}, 0}, /* a C library that extends the sign */
	/* socket families and netlink protocols */
	{X64, "socket", {1, 1, 0}, 0},
	{X64, "socket", {2, 1, 6}, 0},
	{X64, "socket", {10, 2, 17}, 0},
	{X64, "socket", {16, 3, 0}, 0},
	{X64, "socket", {16, 3, 4}, 0},
	{X64, "socket", {16, 3, 9}, 0},
	{X64, "socket", {16, 3, 15}, 0},
	{X64, "socket", {16, 3, 16}, 0},
	{X64, "socket", {16, 3, 6}, 1},
	{X64, "socket", {16, 3, 12}, 1},
	{X64, "socket", {16, 3, 0x10000000c}, 1},
	{X64, "socket", {0x100000010, 3, 6}, 1},
	{X64, "socket", {17, 3, 0}, 1},
	{X64, "socket", {33, 2, 0}, 1},
	{X64, "socket", {38, 5, 0}, 1},
	{X64, "socket", {0x100000026, 5, 0}, 1},
	{X64, "socket", {0xffffffff00000026, 5, 0}, 1},
	{X64, "socket", {40, 1, 0}, 1},
	{X64, "socket", {0x100000028, 1, 0}, 1},
	{X64, "socket", {30, 1, 0}, 97},
	{X64, "socket", {9, 1, 0}, 97},
	{X64, "socket", {44, 1, 0}, 97},
	{X64, "socket", {100, 1, 0}, 38},
	{X86, "socket", {38, 5, 0}, 1},
	{X86, "socket", {2, 1, 0}, 0},
	{X32, "socket", {38, 5, 0}, 1},
	{X32, "socket", {16, 3, 12}, 1},
	{X86, "socketcall", {1}, 1},
	{X86, "socketcall", {3}, 1},
	{X86, "socketcall", {99}, 1},
	{X86, "ipc", {1}, 0},
	{X86, "ipc", {23}, 0},
	{X86, "ipc", {99}, 38},
	/* personality */
	{X64, "personality", {0}, 0},
	{X64, "personality", {8}, 0},
	{X64, "personality", {0x20000}, 0},
	{X64, "personality", {0x20008}, 0},
	{X64, "personality", {0xffffffff}, 0},
	{X64, "personality", {0x0400000}, 38},
	{X64, "personality", {0x0040000}, 38},
	/* what programs live on */
	{X64, "read", {0}, 0},
	{X64, "execve", {0}, 0},
	{X64, "execveat", {0}, 0},
	{X64, "openat2", {0}, 0},
	{X64, "faccessat2", {0}, 0},
	{X64, "statx", {0}, 0},
	{X64, "rseq", {0}, 0},
	{X64, "futex_waitv", {0}, 0},
	{X64, "memfd_create", {0}, 0},
	{X64, "getrandom", {0}, 0},
	{X64, "epoll_pwait2", {0}, 0},
	{X64, "prctl", {0}, 0},
	{X64, "seccomp", {0}, 0},
	{X64, "landlock_create_ruleset", {0}, 0},
	{X64, "capset", {0}, 0},
	{X64, "setgroups", {0}, 0},
	{X64, "shmget", {0}, 0},
	{X64, "io_setup", {0}, 0},
	{X64, "close_range", {0}, 0},
	{X86, "clock_gettime64", {0}, 0},
	{X86, "set_thread_area", {0}, 0},
	{X86, "mmap2", {0}, 0},
	{X32, "rt_sigaction", {0}, 0},
};

static void test_table(const struct sysset_program *p)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint64_t args[6] = {table[i].args[0], table[i].args[1], table[i].args[2]};
		int nr = judge_number(table[i].arch, table[i].call);
		uint32_t want = table[i].want ? SECCOMP_RET_ERRNO | (uint32_t)table[i].want
					      : SECCOMP_RET_ALLOW;
		uint32_t got = judge(p, table[i].arch, nr, args);

		ok(nr >= 0 && got == want, "%s %s(%#lx, %#lx, %#lx): %#x", table[i].arch + 10,
			table[i].call, (unsigned long)args[0], (unsigned long)args[1],
			(unsigned long)args[2], got);
	}
}

/* A call tomorrow's kernel has, and an architecture nobody lists. */
static void test_unknown(const struct sysset_program *p)
{
	uint64_t args[6] = {0};

	ok(judge(p, X64, 600, args) == (SECCOMP_RET_ERRNO | 38), "an unknown number is ENOSYS");
	ok(judge(p, X86, 600, args) == (SECCOMP_RET_ERRNO | 38), "on i386 too");
	ok(judge(p, X32, 0x40000000 | 600, args) == (SECCOMP_RET_ERRNO | 38), "and on x32");
	ok(judge(p, "SCMP_ARCH_AARCH64", 63, args) == SECCOMP_RET_KILL_THREAD,
		"an architecture that is not listed is killed");
}

static struct json_doc *with_filter(const char *seccomp)
{
	AUTO_STR struct str text = STR_INIT;

	str_addf(&text, "{'linux':{%s%s}}", seccomp ? "'seccomp':" : "", seccomp ? seccomp : "");
	return judge_parse(str_text(&text));
}

/* True when the pass answers NR on x86_64 with RET under P, and a second run changes nothing. */
static bool answers(const char *seccomp, const struct profile *p, const char *call, uint64_t arg,
	uint32_t ret, size_t records)
{
	AUTO_JSON struct json_doc *doc = with_filter(seccomp);
	AUTO_REPORT struct report first = {0}, second = {0};
	AUTO_PROGRAM struct sysset_program program = {.insn = NULL};
	uint64_t args[6] = {arg};
	uint32_t got;

	run_pass(doc, p, &first);
	run_pass(doc, p, &second);
	if (!load(doc, &program))
		return false;
	got = judge(&program, X64, judge_number(X64, call), args);
	if (got != ret || first.n != records || second.n) {
		printf("# %s: %#x, records %zu, then %zu\n", call, got, first.n, second.n);
		return false;
	}
	return true;
}

static void test_profile(void)
{
	char *denied[] = {"getpid", "read", NULL}, *allowed[] = {"bpf", "read", NULL};
	struct profile p = {.name = "restricted"};
	const char *all = "{'defaultAction':'SCMP_ACT_ALLOW'}";
	const char *few = "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],"
			  "'action':'SCMP_ACT_ALLOW'}]}";

	p.seccomp.deny = (struct strv){denied, 2};
	p.seccomp.allow = (struct strv){allowed, 2};
	ok(answers(NULL, &p, "getpid", 0, SECCOMP_RET_ERRNO | 1, 1), "deny on top is EPERM");
	ok(answers(NULL, &p, "bpf", 0, SECCOMP_RET_ALLOW, 1), "allow on top widens ours");
	ok(answers(NULL, &p, "read", 0, SECCOMP_RET_ERRNO | 1, 1), "deny wins over allow");
	ok(answers(all, &p, "bpf", 0, SECCOMP_RET_ALLOW, 1),
		"and counts against a caller's filter");
	ok(answers(few, &p, "bpf", 0, SECCOMP_RET_ERRNO | 1, 1),
		"but never adds to the caller's filter");
	ok(answers("{}", &profile, "bpf", 0, SECCOMP_RET_ERRNO | 1, 1),
		"an empty object is no filter, as for runc");
	p.seccomp.unconfined = true;
	{
		AUTO_JSON struct json_doc *doc = with_filter(NULL);
		AUTO_REPORT struct report r = {0};

		run_pass(doc, &p, &r);
		ok(r.n == 0, "unconfined leaves an absent filter absent");
	}
}

static void test_members(void)
{
	AUTO_JSON struct json_doc *doc =
		with_filter("{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_LOG',"
			    "'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],'listenerPath':'/run/a','syscalls':["
			    "{'names':['mkdir','mount'],'action':'SCMP_ACT_NOTIFY'}]}");
	AUTO_JSON struct json_doc *bad = with_filter("{'defaultAction':'SCMP_ACT_FOO'}");
	AUTO_REPORT struct report r = {0}, refused = {0};
	AUTO_STR struct str flags = STR_INIT;
	const struct json *s;

	run_pass(doc, &profile, &r);
	s = json_at(json_root(doc), "/linux/seccomp");
	json_write(json_get(s, "flags"), &flags);
	tap_same(str_text(&flags), "[\"SECCOMP_FILTER_FLAG_LOG\"]",
		"the flag that weakens a mitigation goes, the others stay");
	tap_same(json_str(json_get(s, "listenerPath")), "/run/a", "the agent stays");
	run_pass(bad, &profile, &refused);
	ok(report_denials(&refused) == 1, "what a runtime cannot read is refused: %s",
		refused.n ? refused.changes[0].why : "");
}

static char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 4 << 20);

	if (fd < 0 || !text || read(fd, text, (4 << 20) - 1) <= 0)
		abort();
	close(fd);
	return text;
}

/* One sample: valid for a runtime, idempotent, small, and explained in one record. */
static void test_sample(const char *name)
{
	AUTO_REPORT struct report first = {0}, second = {0};
	AUTO_PROGRAM struct sysset_program program = {.insn = NULL};
	AUTO_STR struct str path = STR_INIT, once = STR_INIT, twice = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL;
	uint64_t args[6] = {0}, inet[6] = {2, 1, 0};
	struct err e;

	str_addf(&path, SAMPLES "/%s", name);
	text = slurp(str_text(&path));
	if (json_parse(text, strlen(text), &spec_limits, JSON_STRICT, &doc, &e) < 0)
		abort();
	if (!json_at(json_root(doc), "/linux"))
		return; /* a process, or resources */
	run_pass(doc, &profile, &first);
	json_write(json_root(doc), &once);
	run_pass(doc, &profile, &second);
	json_write(json_root(doc), &twice);
	ok(load(doc, &program) && first.n >= 1 && first.n <= 2 && second.n == 0 &&
			strcmp(str_text(&once), str_text(&twice)) == 0 && once.len < 64 << 10 &&
			judge(&program, X64, judge_number(X64, "read"), args) ==
				SECCOMP_RET_ALLOW &&
			judge(&program, X64, judge_number(X64, "bpf"), args) != SECCOMP_RET_ALLOW &&
			judge(&program, X64, judge_number(X64, "socket"), inet) ==
				SECCOMP_RET_ALLOW,
		"%s: %s", name, first.n ? first.changes[first.n - 1].why : "nothing");
}

static void test_samples(void)
{
	struct dirent **list;
	int n = scandir(SAMPLES, &list, NULL, alphasort);

	ok(n > 40, "the samples are there");
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(list[i]->d_name, '.');

		if (dot && strcmp(dot, ".json") == 0)
			test_sample(list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void test_names(void)
{
	AUTO_FREE char *near = sysset_nearest("io_urin_setup"),
		       *none = sysset_nearest("xyzzyplugh");

	ok(sysset_known("bpf") && sysset_known("socketcall") && !sysset_known("bpff"),
		"names are known exactly");
	tap_same(near, "io_uring_setup", "did you mean");
	tap_same(none, NULL, "nothing is near");
}

int main(void)
{
	AUTO_JSON struct json_doc *doc = with_filter(NULL);
	AUTO_REPORT struct report r = {0};
	AUTO_PROGRAM struct sysset_program program = {.insn = NULL};

	run_pass(doc, &profile, &r);
	if (ok(r.n == 1 && load(doc, &program), "no filter: ours")) {
		test_table(&program);
		test_unknown(&program);
	}
	test_profile();
	test_members();
	test_samples();
	test_names();
	return tap_done();
}
