/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_failures - whatever is wrong with what cinch needs, a start has a defined outcome, and all verbs
 * that are not governed go on working.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define BUNDLE "/run/bundle"
#define CREATE "--root /run/rt create --bundle " BUNDLE " box"

static const char shop_text[] =
	"{\"profile\": \"shop\", \"version\": \"1\", "
	"\"user\": {\"root\": \"allow\"}, \"namespaces\": {\"host\": [\"cgroup\"]}}";
static const struct policy_text shop = {"shop", shop_text, sizeof shop_text - 1};

static char older[HASH_HEX_SIZE], newer[HASH_HEX_SIZE]; /* "previous" has web, "current" shop */
static char *config;

/* ---- a store of two policies, made anew for each row ---- */

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void sh(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (system(line) != 0) {
		printf("# failed: %s\n", line);
		exit(2);
	}
}

static void fresh(void)
{
	sh("rm -rf /var/lib/cinch");
	snprintf(older, sizeof older, "%s",
		apply_policy(STORE_DIR, "{\"defaultProfile\": \"web\"}", NULL, 0, NULL));
	snprintf(newer, sizeof newer, "%s",
		apply_policy(STORE_DIR, "{\"defaultProfile\": \"shop\"}", &shop, 1, NULL));
}

/* Flips a bit at byte AT of the policy; AT < 0 counts from its end. */
static void flip(const char *digest, off_t at)
{
	char path[256], byte;
	AUTO_FD int fd = -1;
	struct stat st;

	snprintf(path, sizeof path, STORE_DIR "/%s/policy", digest);
	chmod(path, 0644);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, &byte, 1, at < 0 ? st.st_size + at : at) != 1)
		exit(2);
	byte ^= 0x10;
	if (pwrite(fd, &byte, 1, at < 0 ? st.st_size + at : at) != 1)
		exit(2);
}

static const struct {
	const char *what;
	const char *shell; /* in the store; "$new" and "$old" are the two policies */
	long flip_new, flip_old; /* flip a bit there, too */
	const char *profile, *from, *problem;
} rows[] = {
	{"all is well", ":", 0, 0, "shop", "current", ""},
	{"no policy was ever applied", "rm -rf /var/lib/cinch", 0, 0, "restricted", "built-in",
		"no policy is applied"},
	{"an empty store", "rm -rf *", 0, 0, "restricted", "built-in", "no policy is applied"},
	{"a store without links", "rm current previous", 0, 0, "restricted", "built-in",
		"no policy is applied"},
	{"current is gone", "rm current", 0, 0, "web", "previous", "the link current is missing"},
	{"current dangles", "rm -rf $new", 0, 0, "web", "previous", "No such file"},
	{"current leads out of the store", "ln -sfn ../policy/$new current", 0, 0, "web",
		"previous", "which is no policy's name"},
	{"current is absolute", "ln -sfn /var/lib/cinch/policy/$new current", 0, 0, "web",
		"previous", "which is no policy's name"},
	{"current is a long link", "ln -sfn $new$new$new$new current", 0, 0, "web", "previous",
		"which is no policy's name"},
	{"current is a link to itself", "ln -sfn current current", 0, 0, "web", "previous",
		"which is no policy's name"},
	{"current is a file", "rm current; echo $new >current", 0, 0, "web", "previous",
		"not a symbolic link"},
	{"current is a directory", "rm current; mkdir current", 0, 0, "web", "previous",
		"not a symbolic link"},
	{"current is a FIFO", "rm current; mkfifo current", 0, 0, "web", "previous",
		"not a symbolic link"},
	{"its directory is a file", "rm -rf $new; : >$new", 0, 0, "web", "previous", ""},
	{"its directory is a link", "mv $new x; ln -s x $new", 0, 0, "web", "previous", ""},
	{"others may write its directory", "chmod 777 $new", 0, 0, "web", "previous",
		"must belong to root"},
	{"an empty policy", ": >$new/policy", 0, 0, "web", "previous", ""},
	{"one byte", "printf x >$new/policy", 0, 0, "web", "previous", ""},
	{"cut in its head", "truncate -s 100 $new/policy", 0, 0, "web", "previous", ""},
	{"cut in half", "truncate -s 20000 $new/policy", 0, 0, "web", "previous", ""},
	{"its last byte is missing", "truncate -s -1 $new/policy", 0, 0, "web", "previous", ""},
	{"a byte too many", "echo >>$new/policy", 0, 0, "web", "previous", ""},
	{"no file", "rm $new/policy", 0, 0, "web", "previous", "No such file"},
	{"a link to the file", "mv $new/policy x; ln -s ../x $new/policy", 0, 0, "web", "previous",
		""},
	{"a FIFO", "rm $new/policy; mkfifo $new/policy", 0, 0, "web", "previous",
		"not a regular file"},
	{"a directory", "rm $new/policy; mkdir $new/policy", 0, 0, "web", "previous",
		"not a regular file"},
	{"others may write it", "chmod 666 $new/policy", 0, 0, "web", "previous",
		"must belong to root"},
	{"a bit of its magic", ":", 1, 0, "web", "previous", ""},
	{"a bit of its head", ":", 40, 0, "web", "previous", ""},
	{"a bit of its settings", ":", 250, 0, "web", "previous", ""},
	{"current and previous", ":", 40, 40, "restricted", "built-in", "previous: "},
	{"current damaged, no previous", "rm previous", 40, 0, "restricted", "built-in", ""},
	{"current damaged, previous dangles", "rm -rf $old", 40, 0, "restricted", "built-in",
		"No such file"},
	{"current gone, previous a FIFO", "rm current previous; mkfifo previous", 0, 0,
		"restricted", "built-in", ""},
	{"the store is a file", "cd /; rm -rf /var/lib/cinch/policy; : >/var/lib/cinch/policy", 0,
		0, "restricted", "built-in", "Not a directory"},
	{"the store is a FIFO", "cd /; rm -rf /var/lib/cinch/policy; mkfifo /var/lib/cinch/policy",
		0, 0, "restricted", "built-in", "Not a directory"},
	{"the store is a loop",
		"cd /; rm -rf /var/lib/cinch/policy; ln -s policy /var/lib/cinch/policy", 0, 0,
		"restricted", "built-in", "Too many levels"},
	{"others may write the store", "chmod 777 .", 0, 0, "restricted", "built-in",
		"must belong to root"},
};

/* What is not governed works as if cinch were not there; some of it is recorded where there is a LOG. */
static void check_others_log(const char *what, bool log)
{
	static const struct {
		const char *line;
		bool recorded;
	} others[] = {{"state box", false}, {"kill box 9", true}, {"delete --force box", true},
		{"start box", false}, {"list", false}, {"ps box", false},
		{"events --stats box", false}, {"features", false}, {"--version", false},
		{"pause box", true}};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(NULL, others[i].line);

		if (l.status != 0 || !l.started || !!l.record != (log && others[i].recorded))
			ok(false, "%s: %s: status %d: %s", what, others[i].line, l.status, l.err);
	}
	ok(true, "%s: the other verbs were run", what);
}

static void check_others(const char *what)
{
	check_others_log(what, true);
}

static void one_row(size_t i)
{
	AUTO_LAUNCHED struct launched l = {0};

	fresh();
	launch_bundle(BUNDLE, config);
	sh("cd " STORE_DIR " && new=%s old=%s && %s", newer, older, rows[i].shell);
	if (rows[i].flip_new)
		flip(newer, rows[i].flip_new);
	if (rows[i].flip_old)
		flip(older, rows[i].flip_old);
	l = launch_run(NULL, CREATE);
	ok(l.status == 0 && l.started, "%s: it starts (%d) %s", rows[i].what, l.status, l.err);
	tap_same(launched_text(&l, "/profiles/0/name"), rows[i].profile, rows[i].what);
	tap_same(launched_text(&l, "/policy/from"), rows[i].from, "the policy it was held to");
	tap_same(launched_text(&l, "/policy/digest"),
		rows[i].from[0] == 'c'   ? newer
		: rows[i].from[0] == 'p' ? older
					 : "",
		"its digest");
	ok(strcmp(rows[i].from, "current") == 0
			? !launched_text(&l, "/policy/problem")[0]
			: launched_text(&l, "/policy/problem")[0] &&
				  strstr(launched_text(&l, "/policy/problem"), rows[i].problem),
		"and why: %s", launched_text(&l, "/policy/problem"));
	tap_same(launched_text(&l, "/result"), "changed", "it is confined");
	check_others(rows[i].what);
}

/* Any bit of the whole file: never anything but one of the three policies, and never unconfined. */
static void test_every_part(void)
{
	AUTO_STR struct str path = STR_INIT;
	struct stat st;
	unsigned n[3] = {0};

	fresh();
	str_addf(&path, STORE_DIR "/%s/policy", newer);
	if (stat(str_text(&path), &st) < 0)
		exit(2);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 150) {
		AUTO_LAUNCHED struct launched l = {0};
		const char *from, *profile;

		launch_bundle(BUNDLE, config);
		flip(newer, at);
		l = launch_run(NULL, CREATE);
		flip(newer, at); /* back */
		chmod(str_text(&path), 0444);
		from = launched_text(&l, "/policy/from");
		profile = launched_text(&l, "/profiles/0/name");
		n[0] += strcmp(from, "current") == 0 && strcmp(profile, "shop") == 0;
		n[1] += strcmp(from, "previous") == 0 && strcmp(profile, "web") == 0;
		n[2]++;
		if (l.status != 0 || strcmp(launched_text(&l, "/result"), "changed") != 0)
			ok(false, "a bit of byte %ld: %d %s", (long)at, l.status, l.err);
	}
	ok(n[0] + n[1] == n[2] && n[0] > 0 && n[1] > 2,
		"%u bits: not seen, because not used %u, previous in force %u", n[2], n[0], n[1]);
}

/* ---- names ---- */

static void test_names(void)
{
	static const struct {
		const char *program, *line, *says;
	} missing[] = {
		{NULL, "--cinch-profile nobody " CREATE, "\"nobody\" named by --cinch-profile"},
		{"cinch-nobody", CREATE, "\"nobody\" named by program name"},
		{NULL, "--cinch-profile seccomp/default " CREATE, "unknown profile"},
		{NULL, "--cinch-profile ../shop " CREATE, "unknown profile"},
	};

	fresh();
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
		AUTO_LAUNCHED struct launched l = launch_run(missing[i].program, missing[i].line);

		ok(l.status == 1 && !l.started && strstr(l.err, missing[i].says), "refused: %s",
			l.err);
		tap_same(launched_text(&l, "/result"), "failed", "and recorded");
	}
	/* a name of the policy that was, when that is in force again, is none of the built-in ones */
	flip(newer, 40);
	flip(older, 40);
	AUTO_LAUNCHED struct launched l = launch_run(NULL, "--cinch-profile shop " CREATE);

	ok(l.status == 1 && !l.started && strstr(l.err, "this cinch has"),
		"a profile of a damaged policy is refused: %s", l.err);
	check_others("a named profile is missing");
}

/* ---- what is written and what is run ---- */

static void test_audit(void)
{
	for (int required = 0; required < 2; required++) {
		AUTO_LAUNCHED struct launched l = {0};

		apply_policy(STORE_DIR,
			required ? "{\"audit\": {\"path\": \"/dev/null/x\", \"required\": true}}"
				 : "{\"audit\": {\"path\": \"/dev/null/x\"}}",
			NULL, 0, NULL);
		launch_bundle(BUNDLE, config);
		l = launch_run(NULL, CREATE);
		ok(l.status == required && l.started == !required,
			"no audit log, %s: status %d: %s", required ? "required" : "not required",
			l.status, l.err);
		if (required)
			ok(strstr(l.err, "audit record"), "the reason");
		check_others_log("no audit log", false);
	}
}

static void test_documents(void)
{
	static const char *const bad[] = {"", "{", "{\"root\":{\"path\":\"a\"},\"root\":{}}",
		"{\"Root\":{\"path\":\"rootfs\"}}", "{\"root\":{}}", "[]", "{\"root\":7}"};

	fresh();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_LAUNCHED struct launched l = {0};

		launch_bundle(BUNDLE, bad[i]);
		l = launch_run(NULL, CREATE);
		ok(l.status == 1 && !l.started, "config.json %s: refused: %s", bad[i], l.err);
	}
	check_others("config.json is malformed");
}

static void test_runtime(void)
{
	AUTO_LAUNCHED struct launched l = {0}, m = {0};

	launch_bundle(BUNDLE, config);
	apply_policy(STORE_DIR, "{\"runtime\": \"/usr/bin/nobody\"}", NULL, 0, NULL);
	l = launch_run(NULL, CREATE);
	ok(l.status == 127 && !l.started, "no such runtime: %d %s", l.status, l.err);
	tap_same(launched_text(&l, "/result"), "failed", "and recorded");
	m = launch_run(NULL, "state box");
	ok(m.status == 127 && !m.started, "nothing to pass to: %d", m.status);
}

/* ---- the state record ---- */

static bool has_record(void)
{
	return system("test -n \"$(find " RIG_STATE " -name box.json 2>/dev/null)\"") == 0;
}

static void test_state(void)
{
	AUTO_LAUNCHED struct launched good = {0}, full = {0}, odd = {0}, old = {0}, taken = {0};

	fresh();
	sh("rm -rf " RIG_STATE);
	launch_bundle(BUNDLE, config);
	good = launch_run(NULL, CREATE);
	ok(good.status == 0 && has_record(), "a start has a state record");
	tap_same(launched_text(&good, "/state"), "", "and nothing to complain about");

	/* a full file system: the old record goes, the container starts */
	sh("rm -rf " RIG_STATE "; mount -t tmpfs -o nr_inodes=12,mode=700 x /run/user");
	launch_bundle(BUNDLE, config);
	launched_done(&good);
	good = launch_run(NULL, CREATE);
	ok(has_record(), "a record before /run is full");
	sh("i=0; while mkdir /run/user/$i 2>/dev/null; do i=$((i+1)); done");
	launch_bundle(BUNDLE, config);
	full = launch_run(NULL, CREATE);
	ok(full.status == 0 && full.started && !has_record(), "/run is full: it starts: %s",
		full.err);
	ok(strstr(launched_text(&full, "/state"), "No space left"), "the record says so: %s",
		launched_text(&full, "/state"));
	check_others("/run is full");
	sh("umount /run/user");

	sh("rm -rf " RIG_STATE "; : >" RIG_STATE);
	launch_bundle(BUNDLE, config);
	odd = launch_run(NULL, CREATE);
	ok(odd.status == 0 && odd.started &&
			strstr(launched_text(&odd, "/state"), "is not a directory"),
		"a file in its place: it starts: %s", launched_text(&odd, "/state"));
	sh("rm " RIG_STATE);

	/* a record that can be neither replaced nor removed would be taken for this container's */
	launch_bundle(BUNDLE, config);
	launched_done(&good);
	good = launch_run(NULL, CREATE);
	sh("mount --bind /run/user /run/user && mount -o remount,bind,ro /run/user");
	launch_bundle(BUNDLE, config);
	old = launch_run(NULL, CREATE);
	ok(old.status == 1 && !old.started && strstr(old.err, "cannot be replaced"),
		"an old record that stays: refused: %s", old.err);
	sh("umount /run/user");

	/* the runtime has such a container, and its record stays */
	sh("mkdir -p /run/rt/box; rm -rf " RIG_STATE);
	launch_bundle(BUNDLE, config);
	taken = launch_run(NULL, CREATE);
	ok(taken.status == 1 && !taken.started && strstr(taken.err, "has one of this id") &&
			!has_record(),
		"an id that is taken: %s", taken.err);
	sh("rm -r /run/rt/box");
}

/* A start that comes to nothing leaves no record. */
static void test_no_trace(void)
{
	AUTO_LAUNCHED struct launched refused = {0}, unrecorded = {0};
	AUTO_FREE char *host = launch_sample("ctr-nethost.json");

	fresh();
	sh("rm -rf " RIG_STATE);
	launch_bundle(BUNDLE, host);
	refused = launch_run(NULL, CREATE);
	ok(refused.status == 1 && !has_record(), "refused: no state record: %s", refused.err);
	tap_same(launched_text(&refused, "/result"), "refused", "result");
	apply_policy(STORE_DIR, "{\"audit\": {\"path\": \"/dev/null/x\", \"required\": true}}",
		NULL, 0, NULL);
	launch_bundle(BUNDLE, config);
	unrecorded = launch_run(NULL, CREATE);
	ok(unrecorded.status == 1 && !has_record(), "not recorded: no state record");
}

/* The runtime that LINE reached; the caller frees it. */
static char *reached(const char *line)
{
	AUTO_LAUNCHED struct launched l = {0};
	AUTO_FREE char *called = NULL;
	const char *begin, *end;

	sh("rm -f /run/called");
	l = launch_run(NULL, line);
	called = l.started ? launch_called() : NULL;
	if (!l.started)
		printf("# exit status %d: %s\n", l.status, l.err);
	begin = called ? strstr(called, "argv 0 (") : NULL;
	begin = begin ? strstr(begin, "): ") : NULL;
	end = begin ? strchr(begin, '\n') : NULL;
	return end ? strndup(begin + 3, (size_t)(end - begin - 3)) : strdup("none");
}

static void reaches(const char *line, const char *want, const char *what)
{
	AUTO_FREE char *got = reached(line);

	if (!ok(strcmp(got, want) == 0, "%s: %s", what, line))
		printf("#  got: %s\n# want: %s\n", got, want);
}

/* The policy that named crun is lost, or names runc now: a container crun keeps stays in its hands. */
static void test_former_runtime(void)
{
	static const char *const lines[] = {"--root /run/rt kill box 9",
		"--root /run/rt delete --force box", "--root /run/rt state box",
		"--root /run/rt start box", "--root /run/rt pause box",
		"--root /run/rt exec box true", "--root /run/rt update --memory 1 box"};
	static const char crun[] = "/usr/sbin/crun";
	AUTO_LAUNCHED struct launched l = {0};
	char what[] = "crun's container";

	sh("rm -rf " RIG_STATE " /run/rt /var/lib/cinch; cp " RIG_RUNTIME " %s", crun);
	apply_policy(STORE_DIR, "{\"runtime\": \"/usr/sbin/crun\"}", NULL, 0, NULL);
	launch_bundle(BUNDLE, config);
	l = launch_run(NULL, CREATE);
	ok(l.started && has_record(), "a container of crun");
	sh("rm -rf /var/lib/cinch; mkdir -p /run/rt/box; echo '{}' >/run/rt/box/status");
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		reaches(lines[i], crun, what);
	launch_bundle(BUNDLE, config);
	reaches("--root /run/rt create --bundle " BUNDLE " other", RIG_RUNTIME, "a new one");
	reaches("--root /run/rt list", RIG_RUNTIME, "no container");
	reaches("--root /run/rt kill box2 9", RIG_RUNTIME, "an unknown container");
	reaches("--root /run/rx kill box 9", RIG_RUNTIME, "another root");

	sh("mv /run/rt/box/status /run/rt/box/state.json");
	reaches(lines[0], RIG_RUNTIME, "runc's container, whatever the record says");
	sh("mv /run/rt/box/state.json /run/rt/box/status; chmod 777 %s", crun);
	reaches(lines[0], RIG_RUNTIME, "a runtime others may write is not taken from a record");
	sh("rm %s", crun);
	reaches(lines[0], RIG_RUNTIME, "it is gone");
	sh("rm -rf " RIG_STATE);
	reaches(lines[0], RIG_RUNTIME, "no record");
	sh("rm -rf /run/rt");
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("the built program", why);
		return tap_done();
	}
	config = launch_sample("ctr-default.json");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		one_row(i);
	test_every_part();
	test_names();
	test_audit();
	test_documents();
	test_runtime();
	test_state();
	test_no_trace();
	test_former_runtime();
	free(config);
	return tap_done();
}
