/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_apply_faults - the whole program "cinchctl apply": killed before each of its system calls, and
 * each of them failing, from the loader's first to the last. What is in force then is the old or the new
 * policy, whole; exit status 0 means the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/build.h"
#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "tests/faults.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static char program[4096], config[4096], store[4096];
static char old[HASH_HEX_SIZE], new[HASH_HEX_SIZE];
static struct str old_bytes;

static int become(void *arg)
{
	char *const line[] = {
		program,
		(char[]){"apply"},
		(char[]){"--config"},
		config,
		(char[]){"--store"},
		store,
		NULL,
	};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)arg;
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot work under a tracer */
	if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return 125;
	execv(program, line);
	return 125;
}

static void put(const char *file, const char *version)
{
	char text[300];

	snprintf(text, sizeof text,
		"{\"profile\": \"app\", \"version\": \"%s\", \"extends\": [\"restricted\"]}",
		version);
	scratch_write(file, text);
}

static void build(struct str *bytes, char digest[HASH_HEX_SIZE])
{
	const struct build_from from = {.config = config};
	AUTO_BUILD struct build b = {0};
	struct err e = {0};

	if (build_policy(&from, &b, &e) < 0 || b.problems.n) {
		fprintf(stderr, "%s\n", b.problems.n ? b.problems.v[0] : e.msg);
		exit(2);
	}
	if (bytes)
		str_addn(bytes, b.policy.s, b.policy.len);
	memcpy(digest, b.digest, HASH_HEX_SIZE);
}

static void prepare(void)
{
	AUTO_STR struct str text = STR_INIT;

	snprintf(config, sizeof config, "%s", scratch_path("cinch.json"));
	mkdir(scratch_path("p"), 0755);
	str_addf(&text,
		"{\"profiles\": [\"%s\"], \"keys\": \"%s\", \"denied\": [], "
		"\"audit\": {\"path\": \"%s\"}}",
		scratch_path("p"), scratch_path("k"), scratch_path("log/audit.jsonl"));
	scratch_write("cinch.json", str_text(&text));
	put("p/app.json", "1");
	build(&old_bytes, old);
	put("p/app.json", "2");
	build(NULL, new);
}

static void reset(unsigned at)
{
	char digest[HASH_HEX_SIZE], name[64];
	struct err e = {0};
	bool changed;

	snprintf(name, sizeof name, "s%u/policy", at);
	snprintf(store, sizeof store, "%s", scratch_path(name));
	if (store_apply(store, old_bytes.s, old_bytes.len, &changed, digest, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
}

static bool holds(const struct faults_run *run, unsigned at)
{
	AUTO_APPLIED struct applied a = {0};
	AUTO_POLICY struct policy *whole = NULL;
	char digest[HASH_HEX_SIZE] = "";
	const char *wrong = NULL;
	struct err e = {0};
	bool changed;

	if (store_open(store, &a, &e) < 0 || a.from != APPLIED_CURRENT || a.problem.code ||
		store_link(store, "current", &whole, digest, &e) < 0 || !whole)
		wrong = "not whole";
	else if (strcmp(digest, old) != 0 && strcmp(digest, new) != 0)
		wrong = "neither the old nor the new one";
	else if (run->ended && run->status == 0 && strcmp(digest, new) != 0)
		wrong = "it claims to have been applied";
	else if (store_apply(store, old_bytes.s, old_bytes.len, &changed, digest, &e) < 0)
		wrong = "the next apply fails";
	else if (scratch_entries(store + strlen(scratch_dir()) + 1) > 5)
		wrong = "something is left over";
	if (wrong)
		printf("# call %u (number %ld), status %d: %s %s\n", at, run->call, run->status,
			wrong, e.msg);
	return !wrong;
}

static void walk(const char *how, const int *faults, unsigned n)
{
	unsigned at, bad = 0;

	for (at = 1; at < 20000 && bad < 5; at++) {
		struct faults_run run;

		reset(at);
		run = faults_run(become, NULL, at, faults[at % n]);
		bad += !holds(&run, at);
		if (run.hit)
			continue;
		bad += !run.ended || run.status != 0;
		break;
	}
	ok(!bad && at > 100, "cinchctl apply: %s at each of %u system calls", how, at - 1);
}

int main(void)
{
	static const int killed[] = {FAULT_KILL}, errors[] = {ENOSPC, EIO, EDQUOT};
	const char *b = getenv("B"), *why;

	umask(022);
	snprintf(program, sizeof program, "%s/cinchctl", b ? b : "build");
	if (!faults_work(&why)) {
		tap_skip("a fault at every system call of cinchctl apply", why);
		return tap_done();
	}
	if (access(program, X_OK) < 0) {
		perror(program);
		return 2;
	}
	prepare();
	if (!getenv("CINCH_MUTATIONS")) /* a slow build asks for less; its sanitizers end a program */
		walk("an error", errors, 3);
	walk("killed", killed, 1);
	str_done(&old_bytes);
	return tap_done();
}
