/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_passthrough - what the runtime sees and gives is what it would have seen and given without us.
 *
 * A fake runtime records how it was started: once directly, once through args_parse, args_emit and
 * runtime_exec, and once through the built program in a namespace of its own where the applied policy
 * names the fake one. The records must be equal byte for byte.
 */
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "profiles/store.h"
#include "shim/args.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"
#include "shim/runtime.h"
#include "tests/apply.h"
#include "tests/tap.h"

static char here[PATH_MAX]; /* the directory of this program */
static char fake[PATH_MAX + 32]; /* the fake runtime beside it */
static char work[] = "/tmp/cinch-passthrough-XXXXXX";

/* How one run is started. */
struct start {
	char *const *words; /* behind argv[0] */
	const char *
		program; /* exec this instead of going through the functions; NULL: the functions */
	struct runtime_fds fds;
	const char *exit_code, *signal, *listen_fds;
	bool open_fds; /* leave 3 to 7 and 100 open */
	bool odd_state; /* blocked and ignored signals, umask, directory */
	bool no_close_range; /* as a kernel that does not know it */
};

/* What came of it. */
struct seen {
	char *record, *out, *err;
	int status;
};

static void seen_done(struct seen *s)
{
	free(s->record);
	free(s->out);
	free(s->err);
}

#define AUTO_SEEN __attribute__((cleanup(seen_done)))

static const char *in_work(const char *name)
{
	static char path[4][PATH_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", work, name);
	return path[turn];
}

static char *slurp(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_STR struct str text = STR_INIT;
	char bytes[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
		str_addn(&text, bytes, (size_t)n);
	return str_take(&text);
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
		fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

static void copy_file(const char *from, const char *to)
{
	AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_FD int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char bytes[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		abort();
	while ((n = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)n) != n)
			abort();
}

static void move_fd(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || (fd != to && dup2(fd, to) < 0))
		_exit(97);
	if (fd != to)
		close(fd);
}

static void hide_close_range(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof code / sizeof code[0], code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(96);
}

static void become(const struct start *s)
{
	char *argv[32] = {"cinch"};
	struct args a = {0};
	struct err e = {0};
	char **line;
	int n = 1;

	for (char *const *w = s->words; *w; w++)
		argv[n++] = *w;
	if (s->program) {
		argv[0] = (char *)s->program;
		execv(s->program, argv);
		_exit(95);
	}
	if (args_parse(n, argv, &a, &e) < 0 || !(line = args_emit(&a, fake, &e)) ||
		runtime_exec(fake, line, &s->fds, &e) < 0)
		dprintf(2, "%s\n", e.msg);
	_exit(94);
}

static void child(const struct start *s)
{
	static char *env[] = {
		"PATH=/nowhere:.:", "EMPTY=", "NOEQUALS", "EMPTY=twice", "LD_PRELOAD_=x", NULL};

	closefrom(3);
	move_fd(in_work("in"), O_RDONLY, 0);
	move_fd(in_work("out"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 1);
	move_fd(in_work("err"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 2);
	for (int fd = 3; s->open_fds && fd < 8; fd++)
		move_fd(in_work("in"), fd % 2 ? O_RDONLY : O_WRONLY, fd);
	if (s->open_fds)
		move_fd(in_work("in"), O_RDWR, 100);
	environ = env;
	setenv("FAKE_RECORD", in_work("record"), 1);
	if (s->exit_code)
		setenv("FAKE_EXIT", s->exit_code, 1);
	if (s->signal)
		setenv("FAKE_SIGNAL", s->signal, 1);
	if (s->listen_fds)
		setenv("LISTEN_FDS", s->listen_fds, 1);
	if (s->odd_state) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGRTMIN + 3);
		sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		umask(0137);
		if (chdir("/proc") < 0 || setsid() < 0)
			_exit(93);
	}
	if (s->no_close_range)
		hide_close_range();
	become(s);
}

static struct seen run(const struct start *s)
{
	struct seen seen = {0};
	pid_t pid;

	unlink(in_work("record"));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(s);
	if (pid < 0 || waitpid(pid, &seen.status, 0) != pid)
		abort();
	seen.record = slurp(in_work("record"));
	seen.out = slurp(in_work("out"));
	seen.err = slurp(in_work("err"));
	return seen;
}

/* Started directly as DIRECT and as S: no difference. PROGRAM NULL: through the functions. */
static void same_run(struct start s, const char *direct, const char *program, char *const *words,
	const char *what)
{
	AUTO_SEEN struct seen want = {0}, got = {0};

	s.program = direct;
	want = run(&s);
	s.program = program;
	s.words = words;
	got = run(&s);
	if (want.record[0] && strcmp(want.record, got.record) == 0 &&
		strcmp(want.out, got.out) == 0 && strcmp(want.err, got.err) == 0 &&
		want.status == got.status) {
		ok(true, "%s", what);
		return;
	}
	tap_same(got.record, want.record, what);
	tap_same(got.err, want.err, "stderr");
	ok(got.status == want.status, "status %x, not %x", got.status, want.status);
}

static char *const plain[] = {"state", "--x y\nz", "", "\xff\x01", "create", NULL};
static char *const ours[] = {
	"--cinch-profile", "baseline", "state", "--x y\nz", "", "\xff\x01", "create", NULL};

/* Everything a pass-through verb can show, as SAME_RUN compares it. */
static void same_everywhere(const char *direct, const char *program, const char *by)
{
	const struct start base = {.words = plain, .fds.all = true};
	struct start s = base;
	char number[8], what[80];

	snprintf(what, sizeof what, "%s: argv, environment, directory, stdio", by);
	same_run(s, direct, program, plain, what);
	snprintf(what, sizeof what, "%s: --cinch-profile is gone", by);
	same_run(s, direct, program, ours, what);
	s.open_fds = true;
	s.listen_fds = "2";
	snprintf(what, sizeof what, "%s: open descriptors", by);
	same_run(s, direct, program, plain, what);
	s.odd_state = true;
	snprintf(what, sizeof what, "%s: signals, umask, directory, session", by);
	same_run(s, direct, program, plain, what);
	s = base;
	s.exit_code = number;
	for (int i = 0; i < 256; i++) {
		AUTO_SEEN struct seen got = {0};

		snprintf(number, sizeof number, "%d", i);
		s.program = program;
		got = run(&s);
		if (!WIFEXITED(got.status) || WEXITSTATUS(got.status) != i)
			ok(false, "%s: exit status %d came as %x", by, i, got.status);
	}
	ok(true, "%s: exit statuses 0 to 255 were compared", by);
	s.exit_code = NULL;
	s.signal = number;
	for (int i = 1; i <= 31; i++) {
		AUTO_SEEN struct seen got = {0};

		if (i == SIGCHLD || i == SIGCONT || i == SIGURG || i == SIGWINCH || i == SIGSTOP ||
			i == SIGTSTP || i == SIGTTIN || i == SIGTTOU)
			continue; /* nobody dies of these */
		snprintf(number, sizeof number, "%d", i);
		s.program = program;
		got = run(&s);
		if (!WIFSIGNALED(got.status) || WTERMSIG(got.status) != i)
			ok(false, "%s: death by signal %d came as %x", by, i, got.status);
	}
	ok(true, "%s: deaths by signal were compared", by);
}

/* The numbers of the descriptors above stdio in a record: "3 4". */
static void fds_of(const char *record, struct str *out)
{
	for (const char *p = strstr(record, "\nfd "); p; p = strstr(p + 1, "\nfd ")) {
		int fd = atoi(p + 4);

		if (fd > 2)
			str_addf(out, "%s%d", out->len ? " " : "", fd);
	}
}

static void check_fds(struct start s, const char *want, const char *what)
{
	AUTO_STR struct str got = STR_INIT;
	AUTO_SEEN struct seen seen = {0};

	s.words = plain;
	s.open_fds = true;
	seen = run(&s);
	fds_of(seen.record, &got);
	tap_same(str_text(&got), want, what);
}

static void test_descriptors(bool no_close_range)
{
	static const int keep[] = {7, 100};
	struct start s = {.no_close_range = no_close_range};

	check_fds(s, "", "nothing leaks into create");
	s.fds.preserve = 2;
	check_fds(s, "3 4", "--preserve-fds 2");
	s.listen_fds = "1";
	check_fds(s, "3 4 5", "--preserve-fds 2 and LISTEN_FDS=1");
	s.listen_fds = "-1";
	check_fds(s, "3 4", "LISTEN_FDS that is no number counts nothing");
	s.listen_fds = NULL;
	s.fds = (struct runtime_fds){.keep = keep, .n_keep = 2};
	check_fds(s, "7 100", "descriptors made for the runtime");
	s.fds = (struct runtime_fds){.all = true};
	check_fds(s, "3 4 5 6 7 100", "all of them");
	s.fds = (struct runtime_fds){.preserve = 4000000000u};
	check_fds(s, "3 4 5 6 7 100", "an absurd count overflows nothing");
}

static void found(const char *path, const char *want)
{
	char out[PATH_MAX] = "";
	struct err e = {0};

	if (runtime_find(path, out, &e) == 0)
		ok(!want && strcmp(out, path) == 0, "%s is a runtime", path);
	else
		ok(want && e.code == ERR_NO_RUNTIME && strstr(e.msg, want), "refused: %s", e.msg);
}

static void test_find(const char *good)
{
	char dir[PATH_MAX + 16], path[PATH_MAX + 96], other[PATH_MAX + 64];

	snprintf(dir, sizeof dir, "%s/find", here);
	snprintf(path, sizeof path, "%s/sub", dir);
	(void)mkdir(dir, 0755);
	(void)mkdir(path, 0755);
	found(good, NULL);
	found("runc", "not an absolute path");
	found("", "not an absolute path");
	found("/nowhere/at/all", "No such file");
	found(dir, "not an executable file");
	found("/proc/self/exe", "is cinch itself");
	snprintf(path, sizeof path, "%s/sub/fake", dir);
	unlink(path); /* of an earlier run, which gave it away */
	copy_file(fake, path);
	found(path, NULL);
	chmod(path, 0775);
	found(path, "can be written by others");
	chmod(path, 0644);
	found(path, "not an executable file");
	chmod(path, 0755);
	snprintf(other, sizeof other, "%s/link", dir);
	unlink(other);
	ok(symlink("sub/../sub//fake", other) == 0, "a link to it");
	found(other, NULL);
	snprintf(path, sizeof path, "%s/sub", dir);
	chmod(path, 0777);
	found(other, "can be written by others");
	chmod(path, 0755);
	found(other, NULL);
	unlink(other);
	ok(symlink("link", other) == 0, "a link to itself");
	found(other, "Too many levels");
	unlink(other);
	snprintf(path, sizeof path, "%s/test_passthrough", here);
	ok(link(path, other) == 0, "a hard link to this program");
	found(other, "is cinch itself");
	unlink(other);
	copy_file(path, other);
	found(other, "is cinch itself");
	unlink(other);
	ok(symlink("/tmp/", other) == 0, "a link to a directory anybody can write");
	snprintf(path, sizeof path, "%s/x", other);
	found(path, "can be written by others");
	unlink(other);
	snprintf(path, sizeof path, "%s/sub/fake", dir);
	if (geteuid() == 0 && chown(path, 1000, 1000) == 0)
		found(path, "belongs to user 1000");
	else
		tap_skip("a runtime of another user", "only root can make one");
}

static void test_exec_missing(void)
{
	const struct runtime_fds fds = {.all = true};
	struct err e = {0};

	ok(runtime_exec("/nowhere/runc", plain, &fds, &e) < 0 && e.code == ERR_NO_RUNTIME,
		"no such program: %s", e.msg);
	put_file(in_work("script"), "no magic", 0700);
	ok(runtime_exec(in_work("script"), plain, &fds, &e) < 0 && e.code == ERR_NO_RUNTIME,
		"not a program: %s", e.msg);
}

static bool put_map(const char *path, unsigned id)
{
	char text[64];
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof text, "0 %u 1", id);

	return fd >= 0 && write(fd, text, (size_t)n) == n;
}

/* A user and mount namespace whose /etc/cinch makes the fake runtime ours. NULL, or what failed. */
static const char *own_etc(void)
{
	unsigned uid = geteuid(), gid = getegid();
	AUTO_FD int deny = -1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return "no user namespace";
	deny = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (deny < 0 || write(deny, "deny", 4) != 4 || !put_map("/proc/self/uid_map", uid) ||
		!put_map("/proc/self/gid_map", gid))
		return "the user namespace cannot be mapped";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") < 0 ||
		mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") < 0 ||
		mkdir("/etc/cinch", 0755) < 0)
		return "/etc and /var/lib cannot be mounted over";
	copy_file(fake, "/etc/cinch/real");
	apply_policy(STORE_DIR,
		"{\"runtime\": \"/etc/cinch/real\", \"audit\": {\"path\": \"/etc/cinch/audit\"}}",
		NULL, 0, NULL);
	return NULL;
}

/* A line that is not understood never comes to its verb, and is in the record all the same. */
static void test_refused_line(const char *program)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	pid_t pid = fork();
	struct err e;
	size_t len;
	int status = -1;

	if (pid == 0) {
		AUTO_FD int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		execl(program, "cinch", "create", "--bundel", "/b", "box", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
		"a line that is not understood: status %#x", status);
	fd = open("/etc/cinch/audit", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		io_read_all(fd, 1 << 20, &text, &len, &e);
	ok(text && strstr(text, "\"result\":\"failed\"") && strstr(text, "bundel"),
		"it is in the record: %.200s", text ? text : "nothing is");
}

static void test_program(void)
{
	char path[PATH_MAX + 16];
	const char *why;

	snprintf(path, sizeof path, "%s/../cinch", here);
	why = access(path, X_OK) == 0 ? own_etc() : "the program is not built";
	if (why) {
		tap_skip("the built program", why);
		return;
	}
	test_refused_line(path);
	same_everywhere("/etc/cinch/real", path, "program");
	found("/etc/cinch/real", NULL);
	if (access("/bin/sh", X_OK) == 0 && geteuid() == 0)
		found("/bin/sh",
			NULL); /* owned by root, who has no name in here for an ordinary user */
}

static const char yard[] = "/run/cinch-passthrough-XXXXXX";

/* No runtime may lie below a directory others can write, such as a clone in /tmp. Root goes on from a copy
 * of all programs elsewhere, "YARD/tests"; returns only when it does not. */
static void move_to_yard(void)
{
	static const char *const files[] = {
		"cinch", "tests/test_passthrough", "tests/prog_fake_runtime", NULL};
	char dir[sizeof yard], from[PATH_MAX + 64], to[PATH_MAX];

	memcpy(dir, yard, sizeof yard);
	if (geteuid() != 0 || !mkdtemp(dir) || chmod(dir, 0755) < 0)
		return;
	snprintf(to, sizeof to, "%s/tests", dir);
	if (mkdir(to, 0755) < 0)
		return;
	for (const char *const *f = files; *f; f++) {
		snprintf(from, sizeof from, "%s/../%s", here, *f);
		snprintf(to, sizeof to, "%s/%s", dir, *f);
		copy_file(from, to);
	}
	snprintf(to, sizeof to, "%s/%s", dir, files[1]);
	rmdir(work);
	execl(to, files[1], NULL);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void leave_yard(void)
{
	if (strncmp(here, yard, strcspn(yard, "X")) != 0)
		return;
	*strrchr(here, '/') = '\0';
	ok(nftw(here, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "the copies are gone");
}

int main(void)
{
	char *slash;
	struct err e = {0};
	char out[PATH_MAX];

	if (!realpath("/proc/self/exe", here) || !(slash = strrchr(here, '/')) || !mkdtemp(work))
		return 2;
	*slash = '\0';
	snprintf(fake, sizeof fake, "%s/prog_fake_runtime", here);
	if (runtime_find(fake, out, &e) < 0)
		move_to_yard();
	put_file(in_work("in"), "bytes for stdin\n", 0600);
	same_everywhere(fake, NULL, "functions");
	test_descriptors(false);
	test_descriptors(true);
	test_exec_missing();
	if (runtime_find(fake, out, &e) == 0)
		test_find(fake);
	else
		tap_skip("where a runtime may be", e.msg);
	test_program();
	for (const char *const *f =
			(const char *const[]){"in", "out", "err", "record", "script", NULL};
		*f; f++)
		unlink(in_work(*f));
	rmdir(work);
	leave_yard();
	return tap_done();
}
