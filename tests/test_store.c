/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store - what governs when the store is whole, damaged in every place, or not there; switching
 * and going back; many at once. tests/test_store_faults.c has what happens when a step fails.
 */
#include "profiles/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "tests/policies.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static const char *store; /* a new one for each group */

static void new_store(void)
{
	static unsigned n;
	static char path[256];
	char name[32];

	snprintf(name, sizeof name, "s%u/policy", ++n);
	snprintf(path, sizeof path, "%s", scratch_path(name));
	store = path;
}

static const char *in_store(const char *name)
{
	static char paths[4][512];
	static unsigned n;
	char *p = paths[n++ % 4];

	snprintf(p, sizeof paths[0], "%s/%s", store, name);
	return p;
}

/* Apply policy NUMBER; its digest. */
static const char *apply(unsigned number)
{
	static char digests[8][HASH_HEX_SIZE];
	static unsigned n;
	char *digest = digests[n++ % 8];
	AUTO_STR struct str bytes = STR_INIT;
	struct err e = {0};
	bool changed = false;

	policies_make(number, &bytes);
	digest[0] = '\0';
	ok(store_apply(store, bytes.s, bytes.len, &changed, digest, &e) == 0 && changed,
		"policy %u is applied %s", number, e.msg);
	return digest;
}

static const char *file_of(const char *digest)
{
	char name[100];

	snprintf(name, sizeof name, "%s/policy", digest);
	return in_store(name);
}

/* What governs; PROBLEM: part of the reason, NULL: there is none. */
static void governs(
	enum applied_from from, const char *digest, const char *problem, const char *what)
{
	AUTO_APPLIED struct applied a = {0};
	AUTO_PROFILE struct profile *p = NULL;
	struct err e = {0};

	if (!ok(store_open(store, &a, &e) == 0, "%s: opened %s", what, e.msg))
		return;
	ok(a.from == from && strcmp(a.digest, digest) == 0 &&
			(a.policy == NULL) == (from == APPLIED_BUILTIN),
		"%s: the %s policy is in force", what, applied_from_name(a.from));
	ok(problem ? a.problem.code != 0 && strstr(a.problem.msg, problem) != NULL
		   : a.problem.code == 0,
		"%s: \"%s\"", what, a.problem.msg);
	ok(a.settings.default_profile && a.settings.audit.path, "%s: with settings", what);
	ok(applied_profile(&a, "restricted", &p, &e) == 0 && strcmp(p->name, "restricted") == 0,
		"%s: and profiles %s", what, e.msg);
}

/* What was made to follow one policy does not follow another. */
static void test_meanwhile(void)
{
	AUTO_STR struct str bytes = STR_INIT;
	char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE], digest[HASH_HEX_SIZE] = "";
	struct err e = {0};
	bool changed;

	new_store();
	policies_make(3, &bytes);
	strcpy(first, apply(1));
	ok(store_apply_after(store, "", bytes.s, bytes.len, &changed, digest, &e) < 0 &&
			e.code == EAGAIN && strstr(e.msg, "applied meanwhile"),
		"the first was not the first: %s", e.msg);
	strcpy(second, apply(2));
	ok(store_apply_after(store, first, bytes.s, bytes.len, &changed, digest, &e) < 0 &&
			e.code == EAGAIN,
		"another came before: %s", e.msg);
	governs(APPLIED_CURRENT, second, NULL, "which stays");
	ok(store_apply_after(store, second, bytes.s, bytes.len, &changed, digest, &e) == 0 &&
			changed,
		"after the right one %s", e.msg);
	ok(store_apply_after(store, first, bytes.s, bytes.len, &changed, digest, &e) == 0 &&
			!changed,
		"the same bytes contradict nobody");
	if (truncate(file_of(digest), 100) < 0)
		exit(2);
	bytes.len = 0;
	policies_make(4, &bytes);
	ok(store_apply_after(store, first, bytes.s, bytes.len, &changed, digest, &e) == 0 &&
			changed,
		"nor does a damaged one %s", e.msg);
}

static void test_plain(void)
{
	char links[3][HASH_HEX_SIZE];
	AUTO_STR struct str bytes = STR_INIT;
	struct err e = {0};
	bool changed = true;
	struct stat st;

	new_store();
	governs(APPLIED_BUILTIN, "", "no policy is applied here", "never applied");
	ok(store_rollback(store, links[0], &e) < 0 && strstr(e.msg, "no policy is applied"),
		"rollback of nothing: %s", e.msg);

	strcpy(links[0], apply(1));
	governs(APPLIED_CURRENT, links[0], NULL, "the first");
	ok(stat(store, &st) == 0 && (st.st_mode & 07777) == 0755, "everybody may look");
	ok(stat(in_store(links[0]), &st) == 0 && (st.st_mode & 07777) == 0755,
		"also into the policy");
	ok(stat(file_of(links[0]), &st) == 0 && (st.st_mode & 07777) == 0644, "and its file");
	ok(stat(in_store("lock"), &st) == 0 && (st.st_mode & 07777) == 0600, "but not lock it");
	ok(store_rollback(store, links[1], &e) < 0 && strstr(e.msg, "before this one"),
		"rollback of the first: %s", e.msg);

	policies_make(1, &bytes);
	ok(store_apply(store, bytes.s, bytes.len, &changed, links[1], &e) == 0 && !changed &&
			strcmp(links[0], links[1]) == 0,
		"the same again changes nothing %s", e.msg);

	strcpy(links[1], apply(2));
	strcpy(links[2], apply(3));
	governs(APPLIED_CURRENT, links[2], NULL, "the third");
	ok(access(in_store(links[0]), F_OK) < 0 && access(in_store(links[1]), F_OK) == 0,
		"the first is gone, the second kept");
	ok(store_rollback(store, links[0], &e) == 0 && strcmp(links[0], links[1]) == 0,
		"going back to the second %s", e.msg);
	governs(APPLIED_CURRENT, links[1], NULL, "back");
	ok(store_rollback(store, links[0], &e) == 0 && strcmp(links[0], links[2]) == 0,
		"and forward again %s", e.msg);
	governs(APPLIED_CURRENT, links[2], NULL, "forth");
	strcpy(links[0], apply(2));
	ok(strcmp(links[0], links[1]) == 0, "the previous one may be applied");
	ok(scratch_entries(store + strlen(scratch_dir()) + 1) == 5,
		"two policies, two links, the lock");
}

/* ---- damage ---- */

static void cut(const char *path)
{
	ok(truncate(path, 100) == 0, "cut %s", path + strlen(store));
}

static void flip(const char *path, off_t at)
{
	AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
	char c = 0;

	ok(pread(fd, &c, 1, at) == 1 && (c ^= 1, pwrite(fd, &c, 1, at) == 1), "one bit in %s",
		path + strlen(store));
}

enum harm {
	H_LINK_GONE,
	H_LINK_ODD,
	H_LINK_OTHER,
	H_LINK_UP,
	H_LINK_ABSOLUTE,
	H_LINK_LONG,
	H_LINK_FILE,
	H_LINK_DIR,
	H_LINK_FIFO,
	H_DANGLING,
	H_DIR_LINK,
	H_DIR_WRITABLE,
	H_FILE_GONE,
	H_FILE_CUT,
	H_FILE_EMPTY,
	H_FILE_HEAD,
	H_FILE_FIFO,
	H_FILE_DIR,
	H_FILE_LINK,
	H_FILE_WRITABLE,
	H_COUNT
};

static void relink(const char *link, const char *target)
{
	unlink(in_store(link));
	ok(symlink(target, in_store(link)) == 0, "%s leads to %.20s", link, target);
}

/* What is wrong with LINK, which leads to DIGEST. */
static void harm(enum harm h, const char *link, const char *digest)
{
	char odd[3 * HASH_HEX_SIZE], aside[HASH_HEX_SIZE + 8];
	const char *at = in_store(link), *file = file_of(digest), *inner = in_store(digest);

	snprintf(aside, sizeof aside, "x%s", digest);
	switch (h) {
	case H_LINK_GONE:
		unlink(at);
		break;
	case H_LINK_ODD:
		relink(link, "policy");
		break;
	case H_LINK_OTHER: /* a whole policy, but not under its name */
		snprintf(aside, sizeof aside, "x%.20s", digest);
		rename(inner, in_store(aside));
		relink(link, aside);
		break;
	case H_LINK_UP:
		snprintf(odd, sizeof odd, "../policy/%s", digest);
		relink(link, odd);
		break;
	case H_LINK_ABSOLUTE:
		relink(link, inner);
		break;
	case H_LINK_LONG:
		snprintf(odd, sizeof odd, "%s0", digest);
		relink(link, odd);
		break;
	case H_LINK_FILE:
		unlink(at);
		fclose(fopen(at, "w"));
		break;
	case H_LINK_DIR:
		unlink(at);
		mkdir(at, 0755);
		break;
	case H_LINK_FIFO:
		unlink(at);
		mkfifo(at, 0644);
		break;
	case H_DANGLING:
		rename(inner, in_store(aside));
		break;
	case H_DIR_LINK: /* the right content behind a symlink */
		rename(inner, in_store(aside));
		relink(digest, aside);
		break;
	case H_DIR_WRITABLE:
		chmod(inner, 0775);
		break;
	case H_FILE_GONE:
		unlink(file);
		break;
	case H_FILE_CUT:
		cut(file);
		break;
	case H_FILE_EMPTY:
		ok(truncate(file, 0) == 0, "emptied");
		break;
	case H_FILE_HEAD:
		flip(file, 9);
		break;
	case H_FILE_FIFO:
		unlink(file);
		mkfifo(file, 0644);
		break;
	case H_FILE_DIR:
		unlink(file);
		mkdir(file, 0755);
		break;
	case H_FILE_LINK: /* the right content again */
		rename(file, in_store(aside));
		snprintf(odd, sizeof odd, "../%s", aside);
		ok(symlink(odd, file) == 0, "a link for a file");
		break;
	case H_FILE_WRITABLE:
		chmod(file, 0666);
		break;
	case H_COUNT:
		break;
	}
}

/* The directory again as it should be: after an apply nothing of the damage matters. */
static void repaired(unsigned number)
{
	const char *digest = apply(number);

	governs(APPLIED_CURRENT, digest, NULL, "repaired");
}

static void test_damage(void)
{
	for (enum harm h = 0; h < H_COUNT; h++) {
		char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE], back[HASH_HEX_SIZE];
		struct err e = {0};

		new_store();
		strcpy(first, apply(1));
		strcpy(second, apply(2));
		printf("# harm %d\n", h);
		harm(h, "current", second);
		alarm(120); /* nothing may block */
		governs(APPLIED_PREVIOUS, first, "the previous one", "current damaged");
		if (h % 2)
			repaired(2); /* by the very same policy */
		else if (h % 4)
			repaired(3);
		else
			ok(store_rollback(store, back, &e) == 0 && strcmp(back, first) == 0,
				"rollback leaves the damaged one %s", e.msg);

		new_store();
		strcpy(first, apply(1));
		strcpy(second, apply(2));
		harm(h, "previous", first);
		governs(APPLIED_CURRENT, second, NULL, "previous damaged");
		ok(store_rollback(store, back, &e) < 0 &&
				(h == H_LINK_GONE || strstr(e.msg, "cannot go back")),
			"no rollback to damage: %s", e.msg);
		governs(APPLIED_CURRENT, second, NULL, "rollback refused");
		harm(h, "current", second);
		governs(APPLIED_BUILTIN, "", h == H_LINK_GONE ? "no policy" : "built-in",
			"both damaged");
		repaired(h % 2 ? 1 : 2);
		alarm(0);
	}
}

/* Damage that only shows in the part that is read. */
static void test_deep_damage(void)
{
	static const char text[] = "\"profile\": \"restricted\"";
	AUTO_APPLIED struct applied a = {0};
	AUTO_POLICY struct policy *whole = NULL;
	AUTO_PROFILE struct profile *p = NULL;
	char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE], digest[HASH_HEX_SIZE];
	AUTO_STR struct str bytes = STR_INIT;
	struct err e = {0};
	char *at;

	new_store();
	strcpy(first, apply(1));
	strcpy(second, apply(2));
	policies_make(2, &bytes);
	at = memmem(bytes.s, bytes.len, text, strlen(text));
	if (!ok(at != NULL, "the profile's text is in the policy as it is"))
		return;
	flip(file_of(second), at - bytes.s + 15);
	ok(store_link(store, "current", &whole, digest, &e) < 0 && strcmp(digest, second) == 0,
		"store_link finds it: %s", e.msg);
	if (store_open(store, &a, &e) < 0 || a.from != APPLIED_CURRENT)
		return; /* found at once: just as well */
	ok(applied_profile(&a, "restricted", &p, &e) < 0 && e.code == EBADMSG,
		"found when it is read: %s", e.msg);
	ok(store_fall(store, &a, &e, &e) == 0 && a.from == APPLIED_PREVIOUS &&
			strcmp(a.digest, first) == 0 && a.problem.code,
		"fallen to the previous one: %s", a.problem.msg);
	ok(applied_profile(&a, "restricted", &p, &e) == 0, "which has it");
	ok(store_fall(store, &a, &a.problem, &e) == 0 && a.from == APPLIED_BUILTIN &&
			a.digest[0] == '\0' && a.problem.code,
		"then to the built-in one: %s", a.problem.msg);
	ok(store_fall(store, &a, &a.problem, &e) == 0 && a.from == APPLIED_BUILTIN,
		"and no further");
}

static void test_names(void)
{
	AUTO_APPLIED struct applied a = {0};
	struct profile *p = NULL;
	struct err e = {0};

	new_store();
	apply(1);
	ok(store_open(store, &a, &e) == 0, "opened");
	ok(applied_profile(&a, "restrictd", &p, &e) < 0 && e.code == ERR_INPUT &&
			strstr(e.msg, "did you mean \"restricted\""),
		"%s", e.msg);
	ok(applied_profile(&a, "seccomp/default", &p, &e) < 0 && e.code == ERR_INPUT,
		"a filter is no profile: %s", e.msg);
	applied_done(&a);
	ok(store_open(scratch_path("none"), &a, &e) == 0 &&
			applied_profile(&a, "baselin", &p, &e) < 0 &&
			strstr(e.msg, "did you mean \"baseline\""),
		"%s", e.msg);
}

/* ---- others ---- */

static void test_trust(void)
{
	AUTO_STR struct str bytes = STR_INIT;
	char digest[HASH_HEX_SIZE];
	struct err e = {0};
	const char *first;
	bool changed;

	new_store();
	first = apply(1);
	chmod(store, 0775);
	governs(APPLIED_BUILTIN, "", "writable by nobody else", "a store others may write");
	policies_make(2, &bytes);
	ok(store_apply(store, bytes.s, bytes.len, &changed, digest, &e) < 0,
		"not written either: %s", e.msg);
	chmod(store, 0755);
	governs(APPLIED_CURRENT, first, NULL, "its mode put right");
	if (geteuid() == 0) {
		ok(lchown(in_store(first), 12345, 12345) == 0, "owned by a stranger");
		governs(APPLIED_BUILTIN, "", "must belong to root", "a stranger's policy");
		ok(lchown(in_store(first), 0, 0) == 0, "and back");
	}
	umask(077);
	first = apply(2);
	governs(APPLIED_CURRENT, first, NULL, "a strict umask");
	umask(022);
}

/* Waits as long as it takes, so it is done beside the other tests: the child's exit status says. */
static pid_t test_lock(void)
{
	AUTO_STR struct str bytes = STR_INIT;
	char digest[HASH_HEX_SIZE], pid[16];
	AUTO_FD int fd = -1;
	struct err e = {0};
	bool changed;
	pid_t child;

	new_store();
	apply(1);
	policies_make(2, &bytes);
	fflush(stdout);
	child = fork();
	if (child != 0)
		return child;
	fd = open(in_store("lock"), O_RDWR | O_CLOEXEC);
	snprintf(pid, sizeof pid, "%d\n", getpid());
	if (flock(fd, LOCK_EX) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		_exit(2);
	snprintf(pid, sizeof pid, "process %d ", getpid());
	_exit(!(store_apply(store, bytes.s, bytes.len, &changed, digest, &e) < 0 &&
		strstr(e.msg, pid)));
}

/* Ten seconds are not for ever where a disk is slow: then it says what to do, and that is done. */
#define PATIENTLY(call)                                                                            \
	({                                                                                         \
		int rc_;                                                                           \
		do                                                                                 \
			rc_ = (call);                                                              \
		while (rc_ < 0 && strstr(e.msg, "; try again"));                                   \
		rc_;                                                                               \
	})

/* Children apply while we look: whatever is in force is whole. */
static void test_many(void)
{
	enum { WRITERS = 20, ROUNDS = 5 };
	pid_t writers[WRITERS];
	struct err e = {0};
	unsigned looks = 0;
	int left = WRITERS, status, bad = 0, failed = 0;

	new_store();
	apply(99);
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		if (writers[i] != 0)
			continue;
		for (unsigned r = 0; r < ROUNDS; r++) {
			AUTO_STR struct str bytes = STR_INIT;
			char digest[HASH_HEX_SIZE];
			bool changed;

			policies_make(100 + i * ROUNDS + r, &bytes);
			if (PATIENTLY(store_apply(
				    store, bytes.s, bytes.len, &changed, digest, &e)) < 0 ||
				(r % 2 && PATIENTLY(store_rollback(store, digest, &e)) < 0)) {
				fprintf(stderr, "writer %u: %s\n", i, e.msg);
				_exit(1);
			}
		}
		_exit(0);
	}
	while (left) {
		AUTO_APPLIED struct applied a = {0};
		struct profile *p = NULL;

		if (store_open(store, &a, &e) < 0 || a.from != APPLIED_CURRENT || a.problem.code ||
			policy_check(a.policy, &e) < 0 ||
			applied_profile(&a, "baseline", &p, &e) < 0) {
			printf("# %s %s\n", a.problem.msg, e.msg);
			bad++;
		}
		profile_free(p);
		looks++;
		for (unsigned i = 0; i < WRITERS; i++)
			if (writers[i] && waitpid(writers[i], &status, WNOHANG) > 0) {
				writers[i] = 0;
				left--;
				failed += status != 0;
			}
	}
	ok(!bad, "%u looks meanwhile, each found a whole policy", looks);
	ok(!failed, "all writers came to their turn");
	ok(scratch_entries(store + strlen(scratch_dir()) + 1) == 5, "nothing is left over");
}

int main(void)
{
	int status = -1;
	pid_t child;

	umask(022);
	child = test_lock();
	test_plain();
	test_meanwhile();
	test_damage();
	test_deep_damage();
	test_names();
	test_trust();
	test_many();
	ok(waitpid(child, &status, 0) == child && status == 0,
		"with the lock held apply gives up in the end and names the holder");
	return tap_done();
}
