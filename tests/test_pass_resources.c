/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_resources - ceilings on processes, memory, unified keys and rlimits.
 */
#include "tests/pass_rig.h"

#include <sys/resource.h>

#define SAME(what, p, in)                                                                          \
	{                                                                                          \
		what, p, in, NULL, NULL, NULL, NULL                                                \
	}
#define MAKE(what, p, in, want)                                                                    \
	{                                                                                          \
		what, p, in, want, NULL, NULL, NULL                                                \
	}
#define DENY(what, p, in, text)                                                                    \
	{                                                                                          \
		what, p, in, NULL, text, NULL, NULL                                                \
	}
#define RES(members) "{\"linux\":{\"resources\":{" members "}}}"
#define PROCESS(members) "{\"process\":{" members "}}"
#define RLIMIT(type, hard, soft)                                                                   \
	"{\"type\":\"RLIMIT_" type "\",\"hard\":" hard ",\"soft\":" soft "}"

static struct rlimit_ceiling limits[] = {
	{(char *)"RLIMIT_CORE", 0},
	{(char *)"RLIMIT_NOFILE", 1024},
};
static const struct profile free_hand = {.name = "free", .resources = {-1, -1, NULL, 0}};
static const struct profile pids = {.name = "pids", .resources = {100, -1, NULL, 0}};
static const struct profile memory = {.name = "memory", .resources = {-1, 1000, NULL, 0}};
static const struct profile rlimit = {.name = "rlimit", .resources = {-1, -1, limits, 2}};

static const struct pass_row rows[] = {
	SAME("nothing", &free_hand, "{}"),
	SAME("no ceilings", &free_hand,
		RES("\"pids\":{\"limit\":-1},\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{"
		    "\"shares\":9},"
		    "\"unified\":{\"pids.max\":\"max\",\"memory.max\":\"max\"}")),
	MAKE("pids absent", &pids, "{\"linux\":{}}", RES("\"pids\":{\"limit\":100}")),
	MAKE("no linux", &pids, "{}", RES("\"pids\":{\"limit\":100}")),
	MAKE("pids null", &pids, RES("\"pids\":null"), RES("\"pids\":{\"limit\":100}")),
	MAKE("pids 0 is none", &pids, RES("\"pids\":{\"limit\":0}"),
		RES("\"pids\":{\"limit\":100}")),
	MAKE("pids -1", &pids, RES("\"pids\":{\"limit\":-1}"), RES("\"pids\":{\"limit\":100}")),
	MAKE("pids above", &pids, RES("\"pids\":{\"limit\":101}"), RES("\"pids\":{\"limit\":100}")),
	SAME("pids at", &pids, RES("\"pids\":{\"limit\":100}")),
	SAME("pids below", &pids, RES("\"pids\":{\"limit\":1}")),
	MAKE("memory absent", &memory, RES(""), RES("\"memory\":{\"limit\":1000}")),
	MAKE("memory -1", &memory, RES("\"memory\":{\"limit\":-1,\"swap\":-1}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":-1}")),
	MAKE("memory above, as much swap above it as before", &memory,
		RES("\"memory\":{\"limit\":2000,\"swap\":4000}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":3000}")),
	MAKE("memory above without swap gets none", &memory,
		RES("\"memory\":{\"limit\":2000,\"swap\":2000}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":1000}")),
	MAKE("less swap than memory is none", &memory,
		RES("\"memory\":{\"limit\":4000,\"swap\":2000}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":1000}")),
	MAKE("no limit, some swap", &memory, RES("\"memory\":{\"limit\":-1,\"swap\":4000}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":4000}")),
	MAKE("all there can be", &memory,
		RES("\"memory\":{\"limit\":9223372036854775806,\"swap\":9223372036854775807}"),
		RES("\"memory\":{\"limit\":1000,\"swap\":1001}")),
	MAKE("swap below the ceiling bounds memory", &memory, RES("\"memory\":{\"swap\":500}"),
		RES("\"memory\":{\"swap\":500,\"limit\":500}")),
	SAME("memory below", &memory, RES("\"memory\":{\"limit\":999,\"swap\":999}")),
	MAKE("a killer switched off", &free_hand, RES("\"memory\":{\"disableOOMKiller\":true}"),
		RES("\"memory\":{\"disableOOMKiller\":false}")),
	SAME("and on", &free_hand, RES("\"memory\":{\"disableOOMKiller\":false}")),
	MAKE("real time", &free_hand,
		RES("\"cpu\":{\"realtimeRuntime\":1,\"realtimePeriod\":2,\"quota\":3}"),
		RES("\"cpu\":{\"quota\":3}")),
	MAKE("unified pids", &pids,
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"max\",\"cpu.weight\":"
		    "\"9\"}"),
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"100\",\"cpu.weight\":"
		    "\"9\"}")),
	MAKE("unified pids above", &pids,
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"101\"}"),
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"100\"}")),
	SAME("unified pids below", &pids,
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"99\"}")),
	MAKE("unified memory", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"2000\"}"),
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"1000\"}")),
	SAME("unified with a unit", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\" 512 \\n\"}")),
	MAKE("a unit counts", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"1k\"}"),
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"1000\"}")),
	MAKE("a large unit", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"1T\"}"),
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"1000\"}")),
	DENY("hexadecimal", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"0x10\"}"),
		"cannot be compared"),
	DENY("a number too large", &memory,
		RES("\"memory\":{\"limit\":9},\"unified\":{\"memory.max\":\"99999999999999T\"}"),
		"cannot be compared"),
	DENY("no number", &pids, RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"\"}"),
		"cannot be compared"),
	DENY("two words", &pids, RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"max 1\"}"),
		"cannot be compared"),
	SAME("limits and weights", &free_hand,
		RES("\"unified\":{\"hugetlb.2MB.max\":\"1\",\"io.max\":\"8:0 rbps=1\\n8:1 x\","
		    "\"memory.low\":\"0x1\"}")),
	{"one that is replaced does not hide the next", &pids,
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"max\",\"cgroup.procs\":"
		    "\"0\"}"),
		RES("\"pids\":{\"limit\":9},\"unified\":{\"pids.max\":\"100\",\"cgroup.procs\":"
		    "\"0\"}"),
		"not a clean limit", NULL, NULL},
	DENY("cgroup.procs", &free_hand, RES("\"unified\":{\"cgroup.procs\":\"0\"}"),
		"not a clean limit"),
	DENY("a path", &free_hand, RES("\"unified\":{\"hugetlb.a/b.max\":\"1\"}"),
		"not a clean limit"),
	DENY("a partition of CPUs", &free_hand,
		RES("\"unified\":{\"cpuset.cpus.partition\":\"root\"}"), "not a clean limit"),
	DENY("a control character", &free_hand, RES("\"unified\":{\"memory.low\":\"1\\u0001\"}"),
		"not a clean limit"),
	MAKE("rlimits absent", &rlimit, PROCESS(""),
		PROCESS("\"rlimits\":[" RLIMIT("CORE", "0", "0") "," RLIMIT(
			"NOFILE", "1024", "1024") "]")),
	SAME("no process", &rlimit, "{}"),
	MAKE("rlimits above", &rlimit,
		PROCESS("\"rlimits\":[" RLIMIT("NOFILE", "4096", "2048") "," RLIMIT(
			"NPROC", "9", "8") "," RLIMIT("CORE", "18446744073709551615", "0") "]"),
		PROCESS("\"rlimits\":[" RLIMIT("NOFILE", "1024", "1024") "," RLIMIT(
			"NPROC", "9", "8") "," RLIMIT("CORE", "0", "0") "]")),
	SAME("rlimits below", &rlimit,
		PROCESS("\"rlimits\":[" RLIMIT("NOFILE", "1024", "512") "," RLIMIT(
			"CORE", "0", "0") "]")),
	DENY("no such rlimit", &free_hand, PROCESS("\"rlimits\":[" RLIMIT("FOO", "1", "1") "]"),
		"no rlimit \"RLIMIT_FOO\""),
	DENY("no type", &free_hand, PROCESS("\"rlimits\":[{\"hard\":1}]"), "no rlimit \"\""),
	DENY("twice", &free_hand,
		PROCESS("\"rlimits\":[" RLIMIT("CPU", "1", "1") "," RLIMIT("CPU", "9", "9") "]"),
		"RLIMIT_CPU is given twice"),
	MAKE("killed after others", &free_hand, PROCESS("\"oomScoreAdj\":-998"),
		PROCESS("\"oomScoreAdj\":0")),
	SAME("killed before others", &free_hand, PROCESS("\"oomScoreAdj\":500")),
	SAME("as anybody", &free_hand, PROCESS("\"oomScoreAdj\":0")),
};

/* The container inherits 512 open files at most. */
static int hard_512(void *arg, int resource, uint64_t *out)
{
	(void)arg;
	*out = resource == RLIMIT_NOFILE ? 512 : 4096;
	return 0;
}

static const struct pass_row inherit_rows[] = {
	MAKE("an added limit never raises", &rlimit, PROCESS(""),
		PROCESS("\"rlimits\":[" RLIMIT("CORE", "0", "0") "," RLIMIT(
			"NOFILE", "512", "512") "]")),
};

static const struct pass_row shim_rows[] = {
	MAKE("the shim's own score is not inherited", &free_hand, PROCESS(""),
		PROCESS("\"oomScoreAdj\":0")),
	SAME("what was asked for stays", &free_hand, PROCESS("\"oomScoreAdj\":500")),
};

static const struct pass_row rootless_rows[] = {
	{"nothing can be set", &pids, "{\"linux\":{}}", NULL, NULL, "rootless", NULL},
	MAKE("what was asked can", &pids, RES("\"pids\":{\"limit\":2048}"),
		RES("\"pids\":{\"limit\":100}")),
	{"no cgroup2", &pids, "{\"linux\":{\"cgroupsPath\":\"/x\"}}", NULL, NULL, "rootless", NULL},
};

static const struct pass_row delegated_rows[] = {
	MAKE("a cgroup of its own", &pids, "{\"linux\":{\"cgroupsPath\":\"/x\"}}",
		"{\"linux\":{\"cgroupsPath\":\"/x\",\"resources\":{\"pids\":{\"limit\":100}}}}"),
	{"none asked for", &pids, "{\"linux\":{}}", NULL, NULL, "rootless", NULL},
};

static void test_worlds(void)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	fake.world.rlimit_hard = hard_512;
	pass_rig(pass_resources, inherit_rows, 1, &fake.world);
	fake.world.oom_score_adj = -998;
	pass_rig(pass_resources, shim_rows, 2, &fake.world);
	fake.world.oom_score_adj = 0;
	fake.world.in_user_ns = true;
	fake.world.cgroup_v2 = false;
	pass_rig(pass_resources, rootless_rows, 3, &fake.world);
	fake.world.cgroup_v2 = true;
	pass_rig(pass_resources, delegated_rows, 2, &fake.world);
}

int main(void)
{
	PASS_RIG(pass_resources, rows);
	test_worlds();
	return tap_done();
}
