/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits - what create and update judge alike in linux.resources, and the names of the rlimits.
 */
#include "shim/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "shim/base/num.h"
#include "shim/base/str.h"

int64_t limits_memory(const struct json *memory)
{
	int64_t n;

	return json_i64(json_get(memory, "limit"), 1, INT64_MAX, &n) ? n : 0;
}

int64_t limits_memory_most(const struct json *memory, const struct profile *p)
{
	int64_t max = p->resources.memory, total;

	/* the kernel wants memory and swap together no smaller than the memory limit */
	if (max > 0 && json_i64(json_get(memory, "swap"), 1, max, &total))
		max = total;
	return max;
}

void limits_keep_swap(struct edit *ed, struct json *memory, int64_t asked)
{
	int64_t now = limits_memory(memory), total;
	struct json *swap = json_get(memory, "swap");

	if (!asked || !now || now >= asked || !json_i64(swap, now, INT64_MAX, &total))
		return;
	/* less than the limit was an error to the runtimes, and must not become swap */
	edit_replace(ed, swap, json_int(ed->doc, now + (total > asked ? total - asked : 0)),
		"memory and swap together: as much swap above the memory limit as was asked for");
}

/* Files of cgroup2 that limit or weigh, and the two with a ceiling. */
static const char *const unified_known[] = {"cpu.idle", "cpu.max", "cpu.max.burst",
	"cpu.uclamp.max", "cpu.uclamp.min", "cpu.weight", "cpu.weight.nice", "cpuset.cpus",
	"cpuset.mems", "dmem.max", "hugetlb.*.max", "hugetlb.*.rsvd.max", "io.bfq.weight",
	"io.latency", "io.max", "io.weight", "memory.high", "memory.low", "memory.max",
	"memory.min", "memory.oom.group", "memory.swap.high", "memory.swap.max", "memory.zswap.max",
	"misc.max", "pids.max", "rdma.max"};

static bool unified_ok(const char *key, const char *value)
{
	for (const char *p = value; *p; p++) {
		/* io.max and rdma.max take several lines; no other control character belongs there */
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			return false;
	}
	for (size_t i = 0; i < sizeof unified_known / sizeof *unified_known; i++) {
		if (str_glob(unified_known[i], key))
			return true; /* '*' spans no '/' */
	}
	return false;
}

/* A number as the kernel's memparse and kstrtoint take it, but for hexadecimal: digits, perhaps K,
 * M, G or T, white space around; "max" is no limit. */
static bool unified_number(const char *text, uint64_t *out)
{
	static const char space[] = " \t\n", units[] = "KMGT";
	const char *begin = text + strspn(text, space), *unit;
	size_t digits = strspn(begin, "0123456789");
	const char *rest = begin + digits;
	char number[24];
	unsigned shift = 0;

	if (strncmp(begin, "max", 3) == 0) {
		*out = UINT64_MAX;
		return begin[3 + strspn(begin + 3, space)] == '\0';
	}
	if (digits >= sizeof number)
		return false;
	snprintf(number, sizeof number, "%.*s", (int)digits, begin);
	unit = *rest ? strchr(units, *rest >= 'a' ? *rest - 'a' + 'A' : *rest) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		rest++;
	}
	if (!num_u64(number, UINT64_MAX >> shift, out))
		return false;
	*out <<= shift;
	return rest[strspn(rest, space)] == '\0';
}

bool limits_unified_above(const struct json *v, int64_t max)
{
	uint64_t n;

	return unified_number(json_str(v), &n) && n > (uint64_t)max;
}

static void unified_ceiling(struct edit *ed, struct json *v, const char *key, int64_t max)
{
	char text[24];
	uint64_t n;

	if (max < 0 || strcmp(v->key, key) != 0)
		return;
	if (!unified_number(json_str(v), &n)) {
		edit_deny(ed, v,
			"%s cannot be compared with the profile's ceiling of %" PRId64
			"; write it in decimal digits",
			key, max);
	} else if (n > (uint64_t)max) {
		snprintf(text, sizeof text, "%" PRId64, max);
		edit_replace(ed, v, json_string(ed->doc, text), "the profile's ceiling");
	}
}

/* What is not known is refused, not dropped: it may be a limit, and without it there is more. */
static void judge_unified(struct edit *ed, const struct profile *p)
{
	json_each_safe (v, json_at(ed->root, "/linux/resources/unified")) {
		if (!unified_ok(v->key, json_str(v))) {
			edit_deny(ed, v, "not a clean limit or weight of cgroup2; leave it out");
			continue;
		}
		unified_ceiling(ed, v, "pids.max", p->resources.pids);
		unified_ceiling(ed, v, "memory.max", p->resources.memory);
	}
}

void limits_judge(struct edit *ed, const struct profile *p)
{
	static const char *const realtime[] = {
		"/linux/resources/cpu/realtimeRuntime", "/linux/resources/cpu/realtimePeriod"};
	struct json *killer = json_at(ed->root, "/linux/resources/memory/disableOOMKiller");

	if (json_is_true(killer))
		edit_replace(ed, killer, json_bool(ed->doc, false),
			"a container at its memory limit is killed, not frozen");
	judge_unified(ed, p);
	for (size_t i = 0; i < sizeof realtime / sizeof *realtime; i++)
		edit_remove(ed, json_at(ed->root, realtime[i]),
			"real-time processes can starve the node");
}

const struct limits_rlimit limits_rlimits[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
	{NULL, -1},
};

int limits_rlimit_number(const char *type)
{
	size_t i = 0;

	while (limits_rlimits[i].name && (!type || strcmp(limits_rlimits[i].name, type) != 0))
		i++;
	return limits_rlimits[i].number;
}
