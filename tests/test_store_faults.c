/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_faults - every system call of an apply and of a rollback fails once, and the program is
 * killed before each of them once: the policy in force is then the old or the new one, whole, and the
 * next apply finds its way and leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "tests/faults.h"
#include "tests/policies.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static char store[256];
static char digests[8][HASH_HEX_SIZE]; /* of policy number I */
static struct str bytes[8];
static unsigned n_stores;

static void apply(unsigned number)
{
	char digest[HASH_HEX_SIZE];
	struct err e = {0};
	bool changed;

	if (store_apply(store, bytes[number].s, bytes[number].len, &changed, digest, &e) < 0) {
		fprintf(stderr, "apply %u: %s\n", number, e.msg);
		exit(2);
	}
}

/* ---- what is walked ---- */

enum { DONE = 0, FAILED = 1, IN_FORCE = 2 }; /* IN_FORCE: failed at the very last step */

static int verdict(int rc, const struct err *e)
{
	if (rc == 0)
		return DONE;
	return strstr(e->msg, "in force, but") ? IN_FORCE : FAILED;
}

static int do_apply(void *arg)
{
	unsigned number = *(const unsigned *)arg;
	char digest[HASH_HEX_SIZE];
	struct err e = {0};
	bool changed;

	return verdict(
		store_apply(store, bytes[number].s, bytes[number].len, &changed, digest, &e), &e);
}

static int do_rollback(void *arg)
{
	char digest[HASH_HEX_SIZE];
	struct err e = {0};

	(void)arg;
	return verdict(store_rollback(store, digest, &e), &e);
}

/* ---- what stands before it ---- */

static void empty(void)
{
}

static void two(void)
{
	apply(1);
	apply(2);
}

/* Policy 3 is there already, but damaged; and what a killed one left. */
static void leftovers(void)
{
	char path[512];

	two();
	snprintf(path, sizeof path, "%s/%s", store, digests[3]);
	mkdir(path, 0755);
	strcat(path, "/policy");
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	snprintf(path, sizeof path, "%s/.new-1", store);
	mkdir(path, 0755);
	strcat(path, "/policy");
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

/* What is current is not whole. */
static void damaged(void)
{
	char path[512];

	two();
	snprintf(path, sizeof path, "%s/%s/policy", store, digests[2]);
	if (truncate(path, 1000) < 0)
		exit(2);
}

static const struct walk {
	const char *name;
	void (*before)(void);
	int (*act)(void *arg);
	unsigned number; /* what is applied */
	unsigned old; /* in force before; 0: the built-in one */
	unsigned now; /* in force behind it */
	bool either; /* in force, too, when it failed: what was repaired is current by its name */
} walks[] = {
	{"the first apply", empty, do_apply, 1, 0, 1, false},
	{"apply", two, do_apply, 3, 2, 3, false},
	{"apply of the previous one", two, do_apply, 1, 2, 1, false},
	{"apply of the current one", two, do_apply, 2, 2, 2, false},
	{"apply over leftovers", leftovers, do_apply, 3, 2, 3, false},
	{"apply over damage", damaged, do_apply, 2, 1, 2, true},
	{"rollback", two, do_rollback, 0, 2, 1, false},
	{"rollback from damage", damaged, do_rollback, 0, 1, 1, false},
};

/* ---- what must hold behind it ---- */

/* The number of the policy in force; 0: the built-in one; -1: not whole, or nothing known. */
static int in_force(void)
{
	AUTO_APPLIED struct applied a = {0};
	AUTO_POLICY struct policy *whole = NULL;
	char digest[HASH_HEX_SIZE];
	struct err e = {0};

	if (store_open(store, &a, &e) < 0)
		return -1;
	if (a.from == APPLIED_BUILTIN)
		return a.problem.code == ENOENT ? 0 : -1;
	if (store_link(store, applied_from_name(a.from), &whole, digest, &e) < 0 || !whole)
		return -1;
	for (int i = 1; i < 8; i++)
		if (strcmp(a.digest, digests[i]) == 0)
			return i;
	return -1;
}

static size_t entries(void)
{
	return scratch_entries(store + strlen(scratch_dir()) + 1);
}

static bool complain(
	const struct walk *w, const struct faults_run *run, unsigned at, int now, const char *what)
{
	printf("# %s, call %u (number %ld), %s %d: policy %d is in force, %zu entries: %s\n",
		w->name, at, run->call, run->ended ? "exit status" : "killed,", run->status, now,
		entries(), what);
	return false;
}

/* The next apply finds its way. */
static bool goes_on(const struct walk *w, const struct faults_run *run, unsigned at, int now)
{
	char digest[HASH_HEX_SIZE];
	struct err e = {0};
	bool changed;

	if (store_apply(store, bytes[5].s, bytes[5].len, &changed, digest, &e) < 0 ||
		in_force() != 5)
		return complain(w, run, at, now, e.msg[0] ? e.msg : "the next apply did nothing");
	if (entries() != (now ? 5 : 3))
		return complain(w, run, at, now, "something is left over");
	if (now && (store_rollback(store, digest, &e) < 0 || in_force() != now))
		return complain(w, run, at, now, "it cannot be gone back to");
	return true;
}

static void previous(char digest[HASH_HEX_SIZE])
{
	AUTO_POLICY struct policy *p = NULL;
	struct err ignored;

	store_link(store, "previous", &p, digest, &ignored);
}

/* BEFORE: what "previous" led to. */
static bool holds(const struct walk *w, const struct faults_run *run, unsigned at, int fault,
	const char *before)
{
	char behind[HASH_HEX_SIZE];
	int now = in_force();

	previous(behind);
	if (run->ended && run->status == FAILED && strcmp(before, behind) != 0)
		return complain(w, run, at, now, "what could be gone back to is lost");
	if (fault == FAULT_SHORT && run->status != DONE)
		return complain(w, run, at, now, "a short write is not a failure");

	if (now != (int)w->old && now != (int)w->now)
		return complain(w, run, at, now, "neither the old nor the new one");
	if (fault != FAULT_KILL && !run->ended)
		return complain(w, run, at, now, "it died");
	if (run->ended && run->status > IN_FORCE)
		return complain(w, run, at, now, "it died");
	if (run->ended && now != (int)(run->status == FAILED ? w->old : w->now) &&
		!(run->status == FAILED && w->either))
		return complain(w, run, at, now, "it does not say what it did");
	return goes_on(w, run, at, now);
}

static void walk(const struct walk *w, const char *how, const int *faults, unsigned n_faults)
{
	unsigned number = w->number, at, bad = 0;

	for (at = 1; at < 5000; at++) {
		int fault = faults[at % n_faults];
		char before[HASH_HEX_SIZE];
		struct faults_run run;

		snprintf(store, sizeof store, "%s/%u/policy", scratch_dir(), ++n_stores);
		w->before();
		previous(before);
		run = faults_run(w->act, &number, at, fault);
		if (!run.hit) {
			bad += !holds(w, &run, at, fault, before) || run.status != DONE;
			break;
		}
		if (!holds(w, &run, at, fault, before) && ++bad > 5)
			break;
	}
	ok(!bad && at > 20, "%s: %s at each of %u system calls", w->name, how, at - 1);
}

int main(void)
{
	static const int killed[] = {FAULT_KILL}, interrupted[] = {EINTR}, cut[] = {FAULT_SHORT};
	static const int errors[] = {ENOSPC, EIO, EDQUOT};
	const char *why;

	umask(022);
	if (!faults_work(&why)) {
		tap_skip("a fault at every system call", why);
		return tap_done();
	}
	for (unsigned i = 1; i < 8; i++) {
		policies_make(i, &bytes[i]);
		hash_sha256_hex(bytes[i].s, bytes[i].len, digests[i]);
	}
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		const struct walk *w = &walks[i];
		bool all = getenv("CINCH_FAULTS") != NULL; /* takes a minute */
		bool plain = w->before == two && w->number != 1 && w->number != 2;

		if (!plain && getenv("CINCH_MUTATIONS")) /* a slow build asks for less */
			continue;
		walk(w, "killed", killed, 1);
		for (unsigned f = 0; all && f < 3; f++)
			walk(w, "one error", errors + f, 1);
		walk(w, "an error", errors, 3);
		if (all || plain)
			walk(w, "EINTR", interrupted, 1);
		if (all || (plain && w->number))
			walk(w, "a short write", cut, 1);
	}
	for (unsigned i = 1; i < 8; i++)
		str_done(&bytes[i]);
	return tap_done();
}
