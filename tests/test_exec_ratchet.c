/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exec_ratchet - what create took away does not come back by exec: every process an engine was seen to
 * hand over, the process of every configuration, and thousands of changed ones, in containers of every
 * sample under every shipped profile and under random ones, are held to every promise.
 *
 * The same documents every time; CINCH_SEED=N makes others, CINCH_MUTATIONS=N sets how many, CINCH_ONLY=N
 * repeats one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "profiles/capset.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/spec.h"
#include "tests/exec_rig.h"
#include "tests/mutate.h"
#include "tests/ratchet_exec.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define SAMPLES "tests/data/samples"

enum {
	ENOUGH = 20000,
	SHOWN = 5,
	SEED = 1795329120,
	MAX_SAMPLES = 96,
	MAX_BOXES = 400,
	MAX_SHIPPED = 16,
	RANDOM_BOXES = 60
};

static struct sample {
	char name[64];
	struct json_doc *doc; /* a config.json, or a process object */
} configs[MAX_SAMPLES], processes[MAX_SAMPLES];
static uint32_t n_configs, n_processes, n_recorded;

static struct exec_box boxes[MAX_BOXES];
static uint32_t n_boxes;
static struct profile *shipped[MAX_SHIPPED];
static size_t n_shipped;

/* ---- documents ---- */

static int is_wanted(const struct dirent *d)
{
	return str_ends(d->d_name, ".json") && !strstr(d->d_name, "-resources.");
}

/* The process of a configuration is one more: ctr, docker and CRI exec what they keep of it. */
static void add_process_of(const struct sample *s)
{
	struct sample *p = &processes[n_processes];
	const struct json *process = json_get(json_root(s->doc), "process");

	if (!process || n_processes == MAX_SAMPLES || !(p->doc = json_new()))
		return;
	json_set_root(p->doc, json_clone(p->doc, process));
	snprintf(p->name, sizeof p->name, "%.63s", s->name);
	n_processes++;
}

static void load(void)
{
	AUTO_FD int dir = open(SAMPLES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **found = NULL;
	int n = scandir(SAMPLES, &found, is_wanted, alphasort);

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *text = NULL;
		bool process = strstr(found[i]->d_name, "-process.") != NULL;
		struct sample *s = process ? &processes[n_processes] : &configs[n_configs];
		size_t len;
		struct err e;

		if (n_configs < MAX_SAMPLES && n_processes < MAX_SAMPLES &&
			io_read_file_at(dir, found[i]->d_name, 1u << 20, &text, &len, NULL, &e) ==
				0 &&
			json_parse(text, len, &spec_limits, JSON_STRICT, &s->doc, &e) == 0) {
			snprintf(s->name, sizeof s->name, "%.63s", found[i]->d_name);
			n_processes += process;
			n_configs += !process;
		}
		free(found[i]);
	}
	free(found);
	n_recorded = n_processes;
	for (uint32_t i = 0; i < n_configs; i++)
		add_process_of(&configs[i]);
}

/* ---- profiles ---- */

static bool chance(struct dice *d, uint32_t percent)
{
	return dice_roll(d, 100) < percent;
}

static const char *flag(struct dice *d, uint32_t percent)
{
	return chance(d, percent) ? "true" : "false";
}

/* Some of NAMES, as the members of a JSON array. */
static void some(struct dice *d, const char *const *names, uint32_t percent, struct str *out)
{
	const char *comma = "";

	for (; *names; names++)
		if (chance(d, percent)) {
			str_addf(out, "%s\"%s\"", comma, *names);
			comma = ",";
		}
}

/* Two sets of capabilities, the second within the first. */
static void capabilities(struct dice *d, struct str *all, struct str *exec)
{
	static const uint32_t percents[] = {0, 10, 50, 90, 100};
	uint32_t first = percents[dice_roll(d, 5)], second = percents[dice_roll(d, 5)];

	for (int i = 0; i < 64 && capset_name(i); i++) {
		if (!chance(d, first))
			continue;
		str_addf(all, "%s\"%s\"", all->len ? "," : "", capset_name(i));
		if (chance(d, second))
			str_addf(exec, "%s\"%s\"", exec->len ? "," : "", capset_name(i));
	}
}

static void rlimits(struct dice *d, struct str *out)
{
	static const char *const types[] = {"RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_NPROC", NULL};
	const char *comma = "";

	for (const char *const *t = types; *t; t++)
		if (chance(d, 40)) {
			str_addf(out, "%s\"%s\":%u", comma, *t, dice_roll(d, 3) * 1000);
			comma = ",";
		}
}

/* Lenient but in what an exec is held to, so that nearly every sample is let in. */
static void profile_text(struct dice *d, struct str *out)
{
	static const char *const denied[] = {"LD_*", "PATHS", "HOST*", "B", NULL};
	static const char *const allowed[] = {"id", "sh **", "/bin/*", "/**", "sleep *", NULL};
	static const char *const forbidden[] = {"sh", "cat", "/bin/busybox", "true", NULL};
	static const char *const roots[] = {"deny", "remap", "allow", "allow"};
	AUTO_STR struct str all = STR_INIT, exec = STR_INIT;

	capabilities(d, &all, &exec);
	str_addf(out,
		"{\"profile\":\"random\",\"version\":\"1\",\"capabilities\":[%s],\"user\":{"
		"\"root\":"
		"\"%s\",\"uid\":%u},\"noNewPrivileges\":%s,\"rootfs\":{\"readonly\":false},"
		"\"namespaces\":{\"host\":[\"pid\",\"network\",\"ipc\",\"uts\",\"cgroup\",\"user\","
		"\"time\"]},\"mounts\":{\"sources\":{\"allow\":[\"/**\"]}},\"resources\":{"
		"\"rlimits\":{",
		str_text(&all), roots[dice_roll(d, 4)], 1 + dice_roll(d, 70000), flag(d, 50));
	rlimits(d, out);
	str_add(out, "}},\"env\":{\"secrets\":\"ignore\",\"deny\":[");
	some(d, denied, 20, out);
	str_addf(out, "]},\"exec\":{\"allow\":%s,\"terminal\":%s,\"capabilities\":[%s]",
		flag(d, 95), flag(d, 70), str_text(&exec));
	if (chance(d, 40)) {
		str_add(out, ",\"commands\":{\"deny\":[");
		some(d, forbidden, 30, out);
		str_add(out, "]");
		if (chance(d, 50)) {
			str_add(out, ",\"allow\":[\"id\",");
			some(d, allowed + 1, 60, out);
			if (str_text(out)[out->len - 1] == ',')
				str_add(out, "\"date\"");
			str_add(out, "]");
		}
		str_add(out, "}");
	}
	str_add(out, "}}");
}

/* ---- containers ---- */

static void world_for(struct world_fake *fake, const char *name)
{
	world_fake_init(fake);
	/* the image has a link where an exec may want to begin */
	world_fake_entry(fake, (struct fake_path){.path = "/srv", .real = "/proc"});
	fake->world.in_user_ns = str_starts(name, "podman-rootless");
	fake->world.oom_score_adj = -998;
}

static void add_box(const char *name, const struct json *config, const struct profile *p)
{
	AUTO_FAKE struct world_fake fake;

	world_for(&fake, name);
	if (n_boxes < MAX_BOXES && exec_box_make(&boxes[n_boxes], name, config, p, &fake.world))
		n_boxes++;
}

static const char *const apparmor[] = {"", "own", "docker-default", "unconfined", NULL};
static const char *const selinux[] = {
	"", "u:r:own_t:s0:c1,c2", "u:r:own_t:s0:c3,c4", "u:r:spc_t:s0", NULL};

/* Labels, which the machine of the samples had none of. */
static void put_labels(struct json_doc *doc, struct json *process, struct dice *d)
{
	if (!json_is(process, JSON_OBJECT))
		return;
	if (chance(d, 50))
		json_put(doc, process, "apparmorProfile",
			json_string(doc, apparmor[dice_roll(d, 4)]));
	if (chance(d, 50))
		json_put(doc, process, "selinuxLabel", json_string(doc, selinux[dice_roll(d, 4)]));
}

/* Sample S, with labels. */
static void add_labelled(const struct sample *s, const struct profile *p, struct dice *d)
{
	AUTO_JSON struct json_doc *doc = json_new();

	json_set_root(doc, json_clone(doc, json_root(s->doc)));
	put_labels(doc, json_get(json_root(doc), "process"), d);
	add_box(s->name, json_root(doc), p);
}

static void add_random(uint64_t seed)
{
	for (uint32_t i = 0; i < 3 * RANDOM_BOXES && n_boxes < MAX_BOXES; i++) {
		struct dice d = {seed * 31 + i};
		AUTO_STR struct str text = STR_INIT;
		AUTO_PROFILE struct profile *p = NULL;
		struct err e = {0};

		profile_text(&d, &text);
		if (profile_parse("random", str_text(&text), text.len, &p, &e) < 0) {
			ok(false, "a random profile: %s: %s", e.msg, str_text(&text));
			return;
		}
		add_labelled(&configs[dice_roll(&d, n_configs)], p, &d);
	}
}

static void make_boxes(uint64_t seed)
{
	const char *name;
	struct err e = {0};

	for (size_t i = 0; (name = profile_builtin_name(i)) && n_shipped < MAX_SHIPPED; i++)
		if (!strchr(name, '/') && profile_builtin(name, &shipped[n_shipped], &e) == 0)
			n_shipped++;
	for (size_t p = 0; p < n_shipped; p++)
		for (uint32_t i = 0; i < n_configs; i++)
			add_box(configs[i].name, json_root(configs[i].doc), shipped[p]);
	printf("# %u containers of %u samples under %zu shipped profiles\n", n_boxes, n_configs,
		n_shipped);
	add_random(seed);
}

/* ---- what was seen ---- */

struct tally {
	uint64_t accepted, refused, misshapen, broken;
};

static void complain(struct tally *t, const struct exec_rig *r, const char *what,
	const struct exec_box *box, const char *story)
{
	if (r->bad.n == 0 || t->broken++ >= SHOWN)
		return;
	printf("# %s in %s under %s: %s\n", what, box->name, box->p->name, story);
	for (size_t i = 0; i < r->bad.n && i < 6; i++)
		printf("#   %s\n", r->bad.v[i]);
}

static void count(struct tally *t, const struct exec_rig *r)
{
	t->accepted += r->accepted;
	t->refused += !r->accepted && r->e.code == ERR_DENIED;
	t->misshapen += !r->accepted && r->e.code != ERR_DENIED;
}

static void run(const struct json *process, const struct exec_box *box, struct profile *const *p,
	size_t n, struct exec_rig *r)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_FAKE struct world_fake fake;

	world_for(&fake, box->name);
	json_write(process, &text);
	exec_rig_run(r, str_text(&text), text.len, box, p, n, &fake.world);
}

/* Every process that was seen, in the container of every sample under every shipped profile. */
static void test_samples(void)
{
	struct tally t = {0}, recorded = {0};

	for (uint32_t i = 0; i < n_processes; i++)
		for (uint32_t b = 0; b < n_boxes; b++) {
			AUTO_EXEC_RIG struct exec_rig r;

			run(json_root(processes[i].doc), &boxes[b], &boxes[b].p, 1, &r);
			count(&t, &r);
			if (i < n_recorded && strcmp(boxes[b].p->name, "random") != 0)
				count(&recorded, &r);
			complain(&t, &r, processes[i].name, &boxes[b], r.e.msg);
		}
	printf("# %ju accepted, %ju refused\n", (uintmax_t)t.accepted, (uintmax_t)t.refused);
	ok(t.broken == 0, "%u processes in %u containers, %ju broke a promise", n_processes,
		n_boxes, (uintmax_t)t.broken);
	ok(t.misshapen == 0, "all have the shape we know");
	/* an engine's own exec works in every container that was let in */
	ok(recorded.refused == 0 && recorded.accepted > 1000,
		"the %u processes that engines were seen to hand over start: %ju times, %ju "
		"refused",
		n_recorded, (uintmax_t)recorded.accepted, (uintmax_t)recorded.refused);
}

/* Audit mode: as it came, whatever it is. */
static void test_audit(void)
{
	uint32_t same = 0, all = 0;

	for (uint32_t i = 0; i < n_processes; i++)
		for (uint32_t b = 0; b < n_boxes; b++) {
			AUTO_EXEC_RIG struct exec_rig r = {.accepted = false};

			if (strcmp(boxes[b].p->name, "privileged-audit") != 0)
				continue;
			run(json_root(processes[i].doc), &boxes[b], &boxes[b].p, 1, &r);
			all++;
			same += r.accepted && json_equal(json_root(r.in), json_root(r.doc));
		}
	ok(all > 1000 && same == all, "in audit mode %u of %u are as they came", same, all);
}

/* ---- mutants ---- */

static void mutant(const struct sample *s, struct dice *d, struct json_doc *doc, struct str *story)
{
	struct json *root = json_object(doc);

	json_put(doc, root, "process", json_clone(doc, json_root(s->doc)));
	json_set_root(doc, root);
	if (chance(d, 25))
		put_labels(doc, json_get(root, "process"), d);
	/* half of what is put in goes elsewhere */
	mutate(doc, d, story);
	if (json_is(json_root(doc), JSON_OBJECT) && chance(d, 50))
		mutate(doc, d, story);
}

/* One after the other is what both allow, in either order. */
static void both(struct tally *t, const struct json *process, const struct exec_box *box,
	struct profile *q, const char *story)
{
	struct profile *const forth[] = {box->p, q}, *const back[] = {q, box->p};
	AUTO_EXEC_RIG struct exec_rig a;
	AUTO_EXEC_RIG struct exec_rig b;
	bool enforced = q->mode == PROFILE_ENFORCE;

	run(process, box, forth, 2, &a);
	run(process, box, back, 2, &b);
	if (a.accepted && b.accepted && enforced &&
		!json_equal(json_get(json_root(a.doc), "capabilities"),
			json_get(json_root(b.doc), "capabilities")) &&
		strv_add(&a.bad, "the order of two profiles matters to capabilities") < 0)
		abort();
	complain(t, &a, "two profiles", box, story);
	complain(t, &b, "two profiles, back", box, story);
}

static void one(uint64_t number, uint64_t seed, struct tally *t)
{
	struct dice d = {seed * 1000003 + number};
	const struct exec_box *box = &boxes[dice_roll(&d, n_boxes)];
	const struct sample *s = &processes[dice_roll(&d, n_processes)];
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str story = STR_INIT;
	AUTO_EXEC_RIG struct exec_rig r;
	const struct json *process;

	str_addf(&story, "document %ju, %s: ", (uintmax_t)number, s->name);
	mutant(s, &d, doc, &story);
	process = json_get(json_root(doc), "process");
	if (!process)
		process = json_object(doc);
	run(process, box, &box->p, 1, &r);
	count(t, &r);
	complain(t, &r, "mutant", box, str_text(&story));
	/* a container under audit was not made smaller: what it has is not a part of any profile */
	if (chance(&d, 10) && box->p->mode == PROFILE_ENFORCE)
		both(t, process, box, boxes[dice_roll(&d, n_boxes)].p, str_text(&story));
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t n;

	return s && num_u64(s, UINT64_MAX, &n) ? n : otherwise;
}

static void test_mutants(void)
{
	uint64_t seed = setting("CINCH_SEED", SEED), many = setting("CINCH_MUTATIONS", ENOUGH);
	uint64_t only = setting("CINCH_ONLY", UINT64_MAX);
	struct tally t = {0};

	printf("# CINCH_SEED=%ju CINCH_MUTATIONS=%ju%s\n", (uintmax_t)seed, (uintmax_t)many,
		many < ENOUGH ? ": scaled down" : "");
	for (uint64_t i = 0; i < many; i++)
		if (only == UINT64_MAX || only == i)
			one(i, seed, &t);
	printf("# %ju accepted, %ju refused by the profile, %ju of the wrong shape\n",
		(uintmax_t)t.accepted, (uintmax_t)t.refused, (uintmax_t)t.misshapen);
	ok(t.broken == 0, "%ju mutants, %ju broke a promise (CINCH_SEED=%ju)", (uintmax_t)many,
		(uintmax_t)t.broken, (uintmax_t)seed);
	ok(only != UINT64_MAX || (t.accepted > many / 10 && t.refused > many / 20),
		"enough were accepted, and enough refused, for this to mean something");
}

int main(void)
{
	load();
	if (!ok(n_configs == 50 && n_recorded == 9, "%u configurations, %u processes", n_configs,
		    n_recorded))
		return tap_done();
	make_boxes(setting("CINCH_SEED", SEED));
	ok(n_boxes > 200, "%u containers", n_boxes);
	test_samples();
	test_audit();
	test_mutants();
	for (uint32_t i = 0; i < n_boxes; i++)
		exec_box_done(&boxes[i]);
	for (size_t i = 0; i < n_shipped; i++)
		profile_free(shipped[i]);
	for (uint32_t i = 0; i < n_configs; i++)
		json_free(configs[i].doc);
	for (uint32_t i = 0; i < n_processes; i++)
		json_free(processes[i].doc);
	return tap_done();
}
