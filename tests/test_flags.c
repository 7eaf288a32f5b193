/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flags - options that weaken: off the line unless the profile allows them, and told of.
 */
#include "shim/flags.h"

#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/tap.h"

enum { WORDS = 32 };

/* Judges LINE (words, blanks between them) by P; what would go to the runtime is appended to OUT. */
static void judge(const char *line, const struct profile *p, struct report *report, struct str *out)
{
	AUTO_FREE char *words = strdup(line);
	AUTO_FREE char **argv = NULL;
	AUTO_ARGS struct args a = {0};
	char *given[WORDS + 1] = {(char *)"cinch"}, *save = NULL;
	int n = 1;
	struct err e = {0};

	for (char *w = strtok_r(words, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save))
		given[n++] = w;
	if (args_parse(n, given, &a, &e) < 0 || flags_judge(&a, p, report, &e) < 0 ||
		!(argv = args_emit(&a, "rt", &e))) {
		printf("# %s: %s\n", line, e.msg);
		exit(2);
	}
	for (char **w = argv; *w; w++)
		str_addf(out, "%s%s", w == argv ? "" : " ", *w);
}

static const struct change *only(const struct report *r)
{
	return r->n == 1 ? &r->changes[0] : NULL;
}

static bool root_here(void)
{
	return geteuid() == 0 && !io_in_user_ns();
}

/* Each option on a line of its own: OPTION as a profile names it, SHOWN in the record's "before". */
static const struct {
	const char *line, *without, *option, *name, *shown;
	bool root; /* judged for the node's root only */
} weak[] = {
	{"create --no-pivot c", "rt create -- c", "--no-pivot", "--no-pivot", "true", false},
	{"create -no-pivot=1 c", "rt create -- c", "--no-pivot", "--no-pivot", "true", false},
	{"run --no-pivot --bundle b c", "rt run --bundle b -- c", "--no-pivot", "--no-pivot",
		"true", false},
	{"restore --no-pivot c", "rt restore -- c", "--no-pivot", "--no-pivot", "true", false},
	{"create --no-new-keyring c", "rt create -- c", "--no-new-keyring", "--no-new-keyring",
		"true", false},
	{"exec --ignore-paused c id", "rt exec -- c id", "--ignore-paused", "--ignore-paused",
		"true", false},
	{"--rootless true create c", "rt create -- c", "--rootless", "--rootless", "true", true},
	{"--rootless=T update c", "rt update -- c", "--rootless", "--rootless", "T", true},
	{"--rootless 1 exec c id", "rt exec -- c id", "--rootless", "--rootless", "1", true},
	{"--cgroup-manager disabled run c", "rt run -- c", "--cgroup-manager", "--cgroup-manager",
		"disabled", true},
	{"restore --manage-cgroups-mode ignore c", "rt restore -- c", "--manage-cgroups-mode",
		"--manage-cgroups-mode", "ignore", false},
	{"restore --manage-cgroups-mode full c", "rt restore -- c", "--manage-cgroups-mode",
		"--manage-cgroups-mode", "full", false},
	{"restore --manage-cgroups-mode strict c", "rt restore -- c", "--manage-cgroups-mode",
		"--manage-cgroups-mode", "strict", false},
	{"restore --lsm-profile selinux:x c", "rt restore -- c", "--lsm-profile", "--lsm-profile",
		"selinux:x", false},
	{"restore --lsm-mount-context x c", "rt restore -- c", "--lsm-mount-context",
		"--lsm-profile", "x", false},
};

static void test_taken(void)
{
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
		struct profile p = {.name = (char *)"strict"};
		AUTO_REPORT struct report report = {0}, allowed = {0}, watched = {0}, again = {0};
		AUTO_STR struct str out = STR_INIT, as_is = STR_INIT, kept = STR_INIT,
				    twice = STR_INIT;
		int flag = profile_flag_from_name(weak[i].name);
		const struct change *c;

		if (weak[i].root && !root_here()) {
			judge(weak[i].line, &p, &report, &out);
			ok(report.n == 0, "%s: not root's, left alone", weak[i].line);
			continue;
		}
		p.line[CONTROL_FLAGS] = 9;
		judge(weak[i].line, &p, &report, &out);
		tap_same(str_text(&out), weak[i].without, weak[i].line);
		c = only(&report);
		ok(c && c->kind == CHANGE_REMOVE && c->enforced && c->control == CONTROL_FLAGS &&
				strcmp(c->place, weak[i].option) == 0 &&
				strcmp(c->before, weak[i].shown) == 0 && !c->after && *c->why &&
				strcmp(c->rule, "strict:9") == 0,
			"%s: recorded, once", weak[i].line);
		/* what is left is as the runtime would get it from somebody who never asked */
		judge(str_text(&out) + 3, &p, &again, &twice);
		ok(again.n == 0, "%s: the second time there is nothing", weak[i].line);

		ok(flag >= 0 && strcmp(profile_flag_name((enum profile_flag)flag), weak[i].name) ==
					0,
			"%s has a name", weak[i].name);
		p.flags.allow = 1u << flag;
		judge(weak[i].line, &p, &allowed, &as_is);
		ok(allowed.n == 0 && strstr(str_text(&as_is), weak[i].option),
			"%s: allowed by name", weak[i].line);
		p.flags.allow = ~0u & ~(1u << flag);
		p.audit = 1u << CONTROL_FLAGS;
		judge(weak[i].line, &p, &watched, &kept);
		c = only(&watched);
		ok(c && !c->enforced && strcmp(str_text(&kept), str_text(&as_is)) == 0,
			"%s: audited, and on the line", weak[i].line);
	}
	ok(profile_flag_from_name("--no-pivo") < 0 && profile_flag_from_name("no-pivot") < 0,
		"other names are none");
}

/* Weakens nothing, or stands for the strict choice. */
static void test_left(void)
{
	static const char *const lines[] = {"--rootless false create c", "--rootless auto create c",
		"--rootless 0 create c", "--cgroup-manager systemd create c",
		"--cgroup-manager cgroupfs create c", "--systemd-cgroup create c",
		"--criu /usr/sbin/criu restore c", "create --no-mount-fallback c", "run --keep c",
		"restore --manage-cgroups-mode soft c",
		"restore --tcp-established --ext-unix-sk --shell-job --file-locks c",
		"create --preserve-fds 0 c", "exec --no-new-privs --cap CAP_KILL c id"};
	const struct profile p = {.name = (char *)"strict"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		AUTO_REPORT struct report report = {0};
		AUTO_STR struct str out = STR_INIT;

		judge(lines[i], &p, &report, &out);
		ok(report.n == 0, "%s: nothing to say", lines[i]);
	}
}

static void test_together(void)
{
	const struct profile p = {.name = (char *)"strict"};
	AUTO_REPORT struct report report = {0};
	AUTO_STR struct str out = STR_INIT;

	judge("--log l create --no-pivot --bundle b --no-new-keyring --pid-file p c", &p, &report,
		&out);
	tap_same(str_text(&out), "rt --log l create --bundle b --pid-file p -- c",
		"two go, the others stay in order");
	ok(report_changes(&report) == 2 && report_denials(&report) == 0, "two changes");
}

struct fds_row {
	const char *what, *line, *listen, *pid;
	unsigned allowed;
	const char *deny; /* a part of the reason; NULL: none */
	bool gone; /* LISTEN_FDS is, afterwards */
};

static const struct fds_row fds_rows[] = {
	{"none", "create c", NULL, NULL, 0, NULL, true},
	{"one", "create --preserve-fds 1 c", NULL, NULL, 0, "without --preserve-fds", true},
	{"one, allowed", "create --preserve-fds 1 c", NULL, NULL, 1, NULL, true},
	{"one too many", "run --preserve-fds 3 c", NULL, NULL, 2, "3 of the caller's", true},
	{"exec", "exec --preserve-fds 1 c id", NULL, NULL, 0, "flags.preserveFds", true},
	{"activation", "create c", "1", NULL, 0, "without LISTEN_FDS", false},
	{"activation, our own", "create c", "2", "self", 0, "2 of the caller's", false},
	{"activation, allowed", "create c", "2", "self", 2, NULL, false},
	{"both together", "create --preserve-fds 1 c", "1", "self", 1, "2 of the caller's", false},
	{"both together, allowed", "create --preserve-fds 1 c", "1", NULL, 2, NULL, false},
	{"somebody else's activation", "create c", "3", "1", 0, NULL, true},
	{"and a count of our own", "create --preserve-fds 1 c", "3", "1", 0, "1 of the caller's",
		true},
	{"restore", "restore c", "1", NULL, 0, "LISTEN_FDS", false},
	{"update takes none", "update c", "1", NULL, 0, NULL, false},
	{"no number", "create c", "x", NULL, 0, NULL, true},
	{"a sign", "create c", "+3", "self", 0, NULL, true},
	{"a zero in front", "exec c id", "03", "self", 3, NULL, true},
	{"a blank in front", "run c", " 3", NULL, 0, NULL, true},
	{"something behind it", "run c", "3x", NULL, 9, NULL, true},
	{"more than can be", "exec c id", "1048577", NULL, 0, NULL, true},
	{"a sign, and a count of our own", "create --preserve-fds 1 c", "+3", NULL, 0,
		"1 of the caller's", true},
	{"nothing in it", "create c", "", NULL, 0, NULL, false},
	{"none of it", "create c", "0", NULL, 0, NULL, false},
	{"as many as can be", "create --preserve-fds 1048576 c", "1048576", "self", 2097151,
		"2097152 of", false},
};

static void set(const char *name, const char *value)
{
	char self[16];

	snprintf(self, sizeof self, "%d", getpid());
	if (value)
		setenv(name, strcmp(value, "self") == 0 ? self : value, 1);
	else
		unsetenv(name);
}

static void fds_row(const struct fds_row *row, bool audited)
{
	const struct profile p = {.name = (char *)"strict",
		.mode = audited ? PROFILE_AUDIT : PROFILE_ENFORCE,
		.flags = {.preserve_fds = row->allowed}};
	AUTO_REPORT struct report report = {0};
	AUTO_STR struct str out = STR_INIT;
	const struct change *last;
	bool denied = false;

	set("LISTEN_FDS", row->listen);
	set("LISTEN_PID", row->pid);
	judge(row->line, &p, &report, &out);
	last = report.n ? &report.changes[report.n - 1] : NULL;
	denied = last && last->kind == CHANGE_DENY;
	ok(row->deny ? denied && strstr(last->why, row->deny) : !denied, "%s: %s", row->what,
		denied ? last->why : "not refused");
	ok(report_denials(&report) == (denied && !audited), "%s: %senforced", row->what,
		audited ? "not " : "");
	ok((getenv("LISTEN_FDS") == NULL) == (audited ? !row->listen : row->gone),
		"%s: LISTEN_FDS is %s", row->what, getenv("LISTEN_FDS") ? "there" : "not there");
	ok(!!strstr(str_text(&out), "preserve") == !!strstr(row->line, "preserve"),
		"%s: the line as it was", row->what);
}

static void test_descriptors(void)
{
	for (size_t i = 0; i < sizeof fds_rows / sizeof *fds_rows; i++) {
		fds_row(&fds_rows[i], false);
		fds_row(&fds_rows[i], true);
	}
	set("LISTEN_FDS", NULL);
	set("LISTEN_PID", NULL);
}

int main(void)
{
	set("LISTEN_FDS", NULL);
	test_taken();
	test_left();
	test_together();
	test_descriptors();
	return tap_done();
}
