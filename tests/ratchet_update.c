/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_update - an independent judge of updates.
 */
#include "tests/ratchet_update.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ratchet.h"

#define NONE UINT64_MAX /* no limit */

/* What a cgroup says. */
struct now {
	uint64_t memory;
	uint64_t all; /* memory and swap together: cgroup v1's file */
	uint64_t swap; /* cgroup2's */
	uint64_t pids;
};

enum reader { RUNC, RUNC_1_4, CRUN_V1, CRUN_V2, OF_OLD, READERS };

static const char *const reader_names[READERS] = {
	"runc", "runc 1.4", "crun on v1", "crun on cgroup2", "zero is no limit"};

/* ---- reading a document ---- */

static bool number(const struct json *v, int64_t *n)
{
	return json_i64(v, INT64_MIN, INT64_MAX, n);
}

/* 0 is UNCHANGED for a reader that takes it so. */
static void take(uint64_t *to, const struct json *v, bool zero_counts, bool zero_is_none)
{
	int64_t n;

	if (!number(v, &n) || (n == 0 && !zero_counts && !zero_is_none))
		return;
	*to = n < 0 || (n == 0 && zero_is_none) ? NONE : (uint64_t)n;
}

/* "max", digits with a unit: memparse of the kernel. What it would refuse changes nothing. */
static void take_text(uint64_t *to, const struct json *v)
{
	static const char units[] = "KMGTPE";
	const char *s = json_str(v);
	char *end;
	uint64_t n;

	if (!s)
		return;
	s += strspn(s, " \t\n");
	if (strncmp(s, "max", 3) == 0) {
		*to = NONE;
		return;
	}
	if (*s < '0' || *s > '9')
		return;
	n = strtoull(s, &end, 0);
	for (const char *u = units; *u; u++)
		if (*end == *u || *end == (*u | 0x20)) {
			unsigned shift = 10 * (unsigned)(u - units + 1);

			n = n << shift >> shift == n ? n << shift : NONE;
		}
	*to = n;
}

/* What is left for swap of ALL above LIMIT, as cgroup2 wants it said. */
static uint64_t above(uint64_t all, uint64_t limit)
{
	if (all == NONE)
		return NONE;
	return limit == NONE ? all : all > limit ? all - limit : 0;
}

static struct now overlay(struct now n, const struct json *r, enum reader who)
{
	const struct json *memory = json_get(r, "memory"), *limit = json_get(memory, "limit");
	const struct json *swap = json_get(memory, "swap"), *unified = json_get(r, "unified");
	bool crun = who == CRUN_V1 || who == CRUN_V2, old = who == OF_OLD;
	int64_t l = 0, s = 0;

	take(&n.pids, json_at(r, "/pids/limit"), who == RUNC_1_4, old);
	take(&n.memory, limit, crun, old);
	if (number(swap, &s) && (s || crun || old)) {
		n.all = s < 0 || (s == 0 && old) ? NONE : (uint64_t)s;
		n.swap = above(n.all, n.memory);
	} else if (!crun && number(limit, &l) && l == -1) {
		n.all = n.swap = NONE; /* runc: "-1" alone means both */
	}
	take_text(&n.memory, json_get(unified, "memory.max"));
	take_text(&n.swap, json_get(unified, "memory.swap.max"));
	take_text(&n.pids, json_get(unified, "pids.max"));
	return n;
}

/* ---- more than before ---- */

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t ceiling(int64_t max)
{
	return max < 0 ? NONE : (uint64_t)max;
}

static void gained(const char *what, enum reader who, uint64_t before, uint64_t asked, uint64_t got,
	uint64_t max, struct strv *bad)
{
	if (got > most(before, max))
		ratchet_bad(bad, "%s: %s from %ju to %ju, the ceiling is %ju", reader_names[who],
			what, (uintmax_t)before, (uintmax_t)got, (uintmax_t)max);
	if (got > most(before, asked))
		ratchet_bad(bad, "%s: %s from %ju to %ju, asked for was %ju", reader_names[who],
			what, (uintmax_t)before, (uintmax_t)got, (uintmax_t)asked);
}

static void lost(const char *what, enum reader who, uint64_t before, uint64_t asked, uint64_t got,
	struct strv *bad)
{
	if (got < before && got < asked)
		ratchet_bad(bad, "%s: %s lowered from %ju to %ju, asked for was %ju",
			reader_names[who], what, (uintmax_t)before, (uintmax_t)got,
			(uintmax_t)asked);
}

static void compare(const struct json *asked, const struct json *out, const struct profile *p,
	bool unheld, struct strv *bad)
{
	static const struct now befores[] = {
		{NONE, NONE, NONE, NONE},
		{1 << 20, 1 << 20, 0, 1},
		{1 << 20, NONE, NONE, 10},
		{1 << 30, 1u << 31, 1 << 30, 1000},
		{(uint64_t)1 << 40, (uint64_t)1 << 40, 0, 1 << 20},
	};

	for (size_t i = 0; i < sizeof befores / sizeof *befores; i++)
		for (int w = 0; w < READERS; w++) {
			enum reader who = (enum reader)w;
			struct now was = befores[i], want = overlay(was, asked, who);
			struct now got = overlay(was, out, who);
			bool stays = got.memory == was.memory;

			gained("memory", who, was.memory, want.memory, got.memory,
				ceiling(p->resources.memory), bad);
			gained("processes", who, was.pids, want.pids, got.pids,
				ceiling(p->resources.pids), bad);
			gained("memory and swap", who, was.all, want.all, got.all, NONE, bad);
			/* where a limit stays that was to be changed, swap is reckoned from another */
			if (!stays || want.memory == was.memory)
				gained("swap", who, was.swap, want.swap, got.swap, NONE, bad);
			/* said twice, both ways, the one that stays was asked for as well */
			if (unheld && !json_get(json_get(asked, "unified"), "memory.max"))
				lost("memory", who, was.memory, want.memory, got.memory, bad);
			if (unheld && !json_get(json_get(asked, "unified"), "pids.max"))
				lost("processes", who, was.pids, want.pids, got.pids, bad);
		}
}

/* ---- member by member ---- */

static const char *const groups[] = {
	"memory", "cpu", "pids", "blockIO", "hugepageLimits", "network", "rdma", "unified", NULL};

/* May differ, in the ways compare() has judged. */
static bool is_bounded(const char *group, const char *key)
{
	static const char *const pairs[][2] = {{"memory", "limit"}, {"memory", "swap"},
		{"memory", "disableOOMKiller"}, {"pids", "limit"}, {"unified", "memory.max"},
		{"unified", "pids.max"}};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (strcmp(pairs[i][0], group) == 0 && strcmp(pairs[i][1], key) == 0)
			return true;
	return false;
}

/* What config-linux.md knows of GROUP (1.0 to 1.3), but for real time; NULL: any key. */
static const char *const *keys_of(const char *group)
{
	static const char *const memory[] = {"limit", "reservation", "swap", "kernel", "kernelTCP",
		"swappiness", "disableOOMKiller", "useHierarchy", "checkBeforeUpdate", NULL};
	static const char *const cpu[] = {
		"shares", "quota", "burst", "period", "cpus", "mems", "idle", NULL};
	static const char *const pids[] = {"limit", NULL};
	static const char *const block[] = {"weight", "leafWeight", "weightDevice",
		"throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice",
		"throttleWriteIOPSDevice", NULL};
	static const char *const network[] = {"classID", "priorities", NULL};
	static const char *const *const all[] = {
		memory, cpu, pids, block, NULL, network, NULL, NULL};

	for (size_t i = 0; groups[i]; i++)
		if (strcmp(groups[i], group) == 0)
			return all[i];
	return NULL;
}

static bool is_known(const char *group, const char *key)
{
	const char *const *keys = keys_of(group);

	return !keys || str_in(keys, key);
}

/* May be gone: of no effect, or a bound that stays as it is in the container. */
static bool may_go(const char *group, const struct json *v, const struct profile *p, bool unheld)
{
	int64_t n;

	if (v->type == JSON_NULL || !is_known(group, v->key))
		return true;
	if (unheld && is_bounded(group, v->key) && strcmp(v->key, "disableOOMKiller") != 0)
		return true;
	return strcmp(v->key, "limit") == 0 && number(v, &n) && n == 0 &&
	       (strcmp(group, "pids") == 0 ? p->resources.pids : p->resources.memory) >= 0;
}

static void group(const char *name, const struct json *asked, const struct json *out,
	const struct profile *p, bool unheld, struct strv *bad)
{
	if (!json_is(out, JSON_OBJECT) || !json_is(asked, JSON_OBJECT)) {
		/* lists: members of their objects may be unknown and go */
		if (json_is(out, JSON_ARRAY) != json_is(asked, JSON_ARRAY))
			ratchet_bad(bad, "%s is another thing now", name);
		return;
	}
	json_each (v, out) {
		const struct json *was = json_member(asked, v->key);

		if (v->type == JSON_NULL)
			continue;
		if (!is_known(name, v->key))
			ratchet_bad(bad, "%s.%s is not to be in an update", name, v->key);
		if (!was)
			ratchet_bad(bad, "%s.%s was not asked for", name, v->key);
		else if (!json_is(v, JSON_ARRAY) && !json_is(v, JSON_OBJECT) &&
			 !json_equal(v, was) && !is_bounded(name, v->key))
			ratchet_bad(bad, "%s.%s changed", name, v->key);
	}
	json_each (v, asked)
		if (!json_member(out, v->key) && !may_go(name, v, p, unheld))
			ratchet_bad(bad, "%s.%s is gone", name, v->key);
}

void ratchet_update(const struct json *asked, const struct json *out, const struct profile *p,
	bool unheld, struct strv *bad)
{
	json_each (v, out) {
		if (v->type == JSON_NULL)
			continue;
		if (!str_in(groups, v->key))
			ratchet_bad(bad, "%s in an update", v->key);
		else if (!json_member(asked, v->key))
			ratchet_bad(bad, "%s was not asked for", v->key);
		else
			group(v->key, json_member(asked, v->key), v, p, unheld, bad);
	}
	json_each (v, asked)
		if (str_in(groups, v->key) && v->type != JSON_NULL && !json_member(out, v->key))
			ratchet_bad(bad, "%s is gone", v->key);
	if (json_is_true(json_at(out, "/memory/disableOOMKiller")))
		ratchet_bad(bad, "the OOM killer is switched off");
	compare(asked, out, p, unheld, bad);
}
