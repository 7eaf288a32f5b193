/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mutate - thousands of random changes to what engines hand over: whatever is accepted keeps
 * every promise.
 *
 * The same documents every time, so that a change is judged by what it did and not by the dice; CINCH_SEED=N makes
 * others, CINCH_SEED=$(date +%s) new ones, CINCH_MUTATIONS=N sets how many. After a failure the story of
 * the document is printed, and the document itself left in CINCH_KEEP=DIR when that is set; CINCH_ONLY=N repeats one of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/spec.h"
#include "tests/mutate.h"
#include "tests/tap.h"
#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

#define SAMPLES "tests/data/samples"

enum { ENOUGH = 20000, SHOWN = 5, SEED = 1795329120 };

static struct sample {
	char name[64];
	struct json_doc *doc;
} samples[64];
static uint32_t n_samples;

static void load(void)
{
	AUTO_FD int dir = open(SAMPLES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = opendir(SAMPLES);
	struct dirent *entry;

	while (d && (entry = readdir(d)) && n_samples < 64) {
		AUTO_FREE char *text = NULL;
		struct sample *s = &samples[n_samples];
		size_t len;
		struct err e;

		if (!str_ends(entry->d_name, ".json") || strstr(entry->d_name, "-process.") ||
			strstr(entry->d_name, "-resources."))
			continue;
		if (io_read_file_at(dir, entry->d_name, 1u << 20, &text, &len, NULL, &e) < 0 ||
			json_parse(text, len, &spec_limits, JSON_STRICT, &s->doc, &e) < 0)
			continue;
		snprintf(s->name, sizeof s->name, "%.63s", entry->d_name);
		n_samples++;
	}
	if (d)
		closedir(d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sample *)a)->name, ((const struct sample *)b)->name);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t n;

	return s && num_u64(s, UINT64_MAX, &n) ? n : otherwise;
}

static void keep(const char *text, uint64_t number)
{
	const char *dir = getenv("CINCH_KEEP");
	char path[300];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof path, "%s/mutant-%ju.json", dir, (uintmax_t)number);
	f = fopen(path, "we");
	if (f) {
		fputs(text, f);
		fclose(f);
		printf("# kept as %s\n", path);
	}
}

struct tally {
	uint64_t accepted, refused, misshapen, broken;
};

/* One mutant, through one profile. */
static void one(uint64_t number, struct dice *d, const struct profile *p, struct tally *t)
{
	const struct sample *s = &samples[dice_roll(d, n_samples)];
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str text = STR_INIT, story = STR_INIT;
	AUTO_FAKE struct world_fake fake;
	AUTO_RIG struct rig r;

	world_fake_init(&fake);
	world_fake_entry(&fake, (struct fake_path){.path = "/srv", .real = "/proc"});
	world_fake_source(&fake, (struct fake_path){.path = "/srv/link", .real = "/run"});
	fake.world.in_user_ns = str_starts(s->name, "podman-rootless");
	fake.world.cgroup_v2 = dice_roll(d, 2);
	json_set_root(doc, json_clone(doc, json_root(s->doc)));
	if (dice_roll(d, 8))
		mutate_shorten(json_root(doc));
	mutate(doc, d, &story);
	json_write(json_root(doc), &text);
	rig_run(&r, text.s, text.len, p, &fake.world);
	t->accepted += r.accepted;
	t->refused += !r.accepted && r.e.code == ERR_DENIED;
	t->misshapen += !r.accepted && r.e.code != ERR_DENIED;
	if (r.bad.n == 0)
		return;
	if (t->broken++ < SHOWN) {
		printf("# document %ju: %s under %s: %s\n", (uintmax_t)number, s->name, p->name,
			str_text(&story));
		for (size_t i = 0; i < r.bad.n && i < 6; i++)
			printf("#   %s\n", r.bad.v[i]);
		keep(str_text(&text), number);
	}
}

/* Every second document; each has its own dice, so that one can be repeated alone. */
static struct tally share(uint64_t first, uint64_t step, uint64_t many, uint64_t seed,
	struct profile *const profiles[2])
{
	struct tally t = {0};

	for (uint64_t i = first; i < many; i += step) {
		struct dice d = {seed * 1000003 + i};

		one(i, &d, profiles[i / 2 % 2], &t);
	}
	return t;
}

/* The other half of the work, on another processor: its tally comes through a pipe. */
static pid_t start_half(uint64_t many, uint64_t seed, struct profile *const profiles[2], int *from)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		exit(2);
	fflush(stdout);
	pid = fork();
	*from = p[0];
	if (pid == 0) {
		struct tally t = share(1, 2, many, seed, profiles);

		fflush(stdout);
		_exit(write(p[1], &t, sizeof t) != sizeof t);
	}
	close(p[1]);
	return pid;
}

static struct tally whole(uint64_t many, uint64_t seed, struct profile *const profiles[2])
{
	int from = -1, status = 0;
	pid_t pid = start_half(many, seed, profiles, &from);
	struct tally t = share(0, 2, many, seed, profiles), other = {0};

	if (read(from, &other, sizeof other) != sizeof other)
		printf("# the second half gave no result\n");
	close(from);
	waitpid(pid, &status, 0);
	ok(status == 0, "both halves came to their end: status %d", status);
	t.accepted += other.accepted;
	t.refused += other.refused;
	t.misshapen += other.misshapen;
	t.broken += other.broken;
	return t;
}

int main(void)
{
	uint64_t seed = setting("CINCH_SEED", SEED);
	uint64_t only = setting("CINCH_ONLY", UINT64_MAX);
	uint64_t many = setting("CINCH_MUTATIONS", ENOUGH);
	struct profile *profiles[2] = {NULL, NULL};
	struct tally t;
	struct err e = {0};

	load();
	qsort(samples, n_samples, sizeof *samples, by_name);
	if (!ok(n_samples == 50 && profile_builtin("restricted", &profiles[0], &e) == 0 &&
			    profile_builtin("baseline", &profiles[1], &e) == 0,
		    "50 samples, two profiles: %s", e.msg))
		return tap_done();
	printf("# CINCH_SEED=%ju CINCH_MUTATIONS=%ju%s\n", (uintmax_t)seed, (uintmax_t)many,
		many < ENOUGH ? ": scaled down" : "");
	if (only != UINT64_MAX)
		t = share(only, 1, only + 1, seed, profiles);
	else
		t = whole(many, seed, profiles);
	printf("# %ju accepted, %ju refused by the profile, %ju of the wrong shape\n",
		(uintmax_t)t.accepted, (uintmax_t)t.refused, (uintmax_t)t.misshapen);
	ok(t.broken == 0, "%ju mutants, %ju broke a promise (CINCH_SEED=%ju)", (uintmax_t)many,
		(uintmax_t)t.broken, (uintmax_t)seed);
	ok(only != UINT64_MAX || (t.accepted > many / 10 && t.refused > many / 10),
		"enough were accepted, and enough refused, for this to mean something");
	profile_free(profiles[0]);
	profile_free(profiles[1]);
	for (uint32_t i = 0; i < n_samples; i++)
		json_free(samples[i].doc);
	return tap_done();
}
