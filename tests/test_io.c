/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_io - whole files, paths that stay below a directory, atomic replacement; with openat2 and with
 * a kernel that has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static int top = -1; /* the scratch directory */

static void make_tree(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *huge;

	mkdir(scratch_path("sub"), 0755);
	scratch_write("file", "text");
	scratch_write("sub/inner", "inner");
	scratch_write("empty", "");
	if (symlink("file", scratch_path("link")) < 0 ||
		symlink("sub", scratch_path("dirlink")) < 0 ||
		symlink("/etc/passwd", scratch_path("out")) < 0 ||
		symlink("nowhere", scratch_path("dangling")) < 0 ||
		mkfifo(scratch_path("fifo"), 0644) < 0)
		exit(2);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", scratch_path("sock"));
	if (bind(s, (struct sockaddr *)&sun, sizeof sun) < 0)
		printf("# no socket: %s\n", strerror(errno));
	close(s);
	huge = fopen(scratch_path("huge"), "we");
	if (!huge || ftruncate(fileno(huge), (off_t)1 << 40) < 0)
		printf("# no huge file: %s\n", strerror(errno));
	if (huge)
		fclose(huge);
}

static void *write_slowly(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 100; i++) {
		if (write(fd, "0123456789", 10) != 10)
			break;
		if (i % 10 == 0)
			usleep(1000);
	}
	close(fd);
	return NULL;
}

static void test_read_all(void)
{
	char *text = NULL;
	size_t len = 0;
	struct err e = {0};
	pthread_t writer;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0 || pthread_create(&writer, NULL, write_slowly, &p[1]) != 0)
		exit(2);
	ok(io_read_all(p[0], 1000, &text, &len, &e) == 0 && len == 1000 && text[1000] == '\0' &&
			memcmp(text + 990, "0123456789", 10) == 0,
		"a pipe in pieces, exactly as much as allowed: %s", e.msg);
	pthread_join(writer, NULL);
	close(p[0]);
	free(text);
	text = NULL;
	if (pipe2(p, O_CLOEXEC) < 0 || pthread_create(&writer, NULL, write_slowly, &p[1]) != 0)
		exit(2);
	ok(io_read_all(p[0], 999, &text, &len, &e) < 0 && e.code == ERR_INPUT && !text,
		"one byte too many: %s", e.msg);
	pthread_join(writer, NULL);
	close(p[0]);
	for (size_t max = 0; max < 7; max++) {
		AUTO_FD int fd = openat(top, "file", O_RDONLY | O_CLOEXEC);
		int rc = io_read_all(fd, max, &text, &len, &e);

		ok((rc == 0) == (max >= 4) && (rc < 0 || (len == 4 && strcmp(text, "text") == 0)),
			"a file of 4 bytes, limit %zu", max);
		free(text);
		text = NULL;
	}
	/* more than the first buffer, from something that does not tell its size */
	fflush(stdout);
	if (pipe2(p, O_CLOEXEC) < 0)
		exit(2);
	if (fork() == 0) {
		AUTO_FREE char *big = calloc(1, 200000);

		memset(big, 'b', 200000);
		_exit(io_write_all(p[1], big, 200000, &e) < 0);
	}
	close(p[1]);
	ok(io_read_all(p[0], 200000, &text, &len, &e) == 0 && len == 200000 &&
			strlen(text) == 200000,
		"200,000 bytes from a pipe");
	close(p[0]);
	wait(NULL);
	free(text);
	text = NULL;
	{
		AUTO_FD int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

		ok(io_read_all(fd, 100000, &text, &len, &e) == 0 && len > 100 &&
				strlen(text) == len,
			"a file that says it has no size");
		free(text);
		text = NULL;
	}
	ok(io_read_all(top, 100, &text, &len, &e) < 0 && e.code == EISDIR && !text,
		"a directory: %s", e.msg);
	ok(io_read_all(-1, 100, &text, &len, &e) < 0 && e.code == EBADF, "no descriptor");
}

static void test_write_all(void)
{
	AUTO_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	AUTO_FREE char *big = calloc(1, 300000), *back = malloc(300001);
	struct err e = {0};
	size_t got = 0;
	int p[2];
	pid_t pid;
	ssize_t n;

	if (full >= 0)
		ok(io_write_all(full, "x", 1, &e) < 0 && e.code == ENOSPC, "%s", e.msg);
	else
		tap_skip("a full disk", "there is no /dev/full");
	ok(io_write_all(full, "", 0, &e) == 0, "nothing to write is no error");
	/* a pipe takes 64 KiB at a time: every write is short */
	memset(big, 'w', 300000);
	if (pipe2(p, O_CLOEXEC) < 0)
		exit(2);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(io_write_all(p[1], big, 300000, &e) < 0);
	close(p[1]);
	while ((n = read(p[0], back + got, 300001 - got)) > 0)
		got += (size_t)n;
	close(p[0]);
	waitpid(pid, NULL, 0);
	ok(got == 300000 && memcmp(big, back, got) == 0, "short writes are carried on");
}

/* Answers openat2 with ENOSYS, as a kernel before 5.6 does. False: not possible here. */
static bool without_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof code / sizeof *code, code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

static void test_beneath(const char *how)
{
	static const struct {
		const char *name;
		int flags;
		bool good;
	} rows[] = {
		{"file", O_RDONLY, true},
		{"sub", O_RDONLY | O_DIRECTORY, true},
		{"sub/", O_RDONLY | O_DIRECTORY, true},
		{"sub/inner", O_RDONLY, true},
		{"sub//inner", O_RDONLY, true},
		{"./sub/./inner", O_RDONLY, true},
		{".", O_RDONLY | O_DIRECTORY, true},
		{"link", O_RDONLY, false},
		{"link", O_RDONLY | O_NOFOLLOW, false},
		{"dirlink", O_RDONLY, false},
		{"dirlink/inner", O_RDONLY, false},
		{"dirlink/", O_RDONLY, false},
		{"out", O_RDONLY, false},
		{"dangling", O_RDONLY | O_CREAT, false},
		{"/etc/passwd", O_RDONLY, false},
		{"../", O_RDONLY, false},
		{"..", O_RDONLY, false},
		{"sub/../../etc", O_RDONLY, false},
		{"sub/../..", O_RDONLY, false},
		{"", O_RDONLY, false},
		{"file/", O_RDONLY, false},
		{"file/x", O_RDONLY, false},
		{"nothing", O_RDONLY, false},
		{"file", O_RDONLY | O_CREAT | O_EXCL, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_FD int fd = -1;

		errno = 0;
		fd = io_open_beneath(top, rows[i].name, rows[i].flags, 0600);
		ok((fd >= 0) == rows[i].good && (fd >= 0 || errno != 0), "%s: \"%s\" is %s", how,
			rows[i].name, rows[i].good ? "opened" : "refused");
		ok(fd < 0 || fcntl(fd, F_GETFD) == FD_CLOEXEC, "%s: close-on-exec", how);
	}
	ok(faccessat(top, "nowhere", F_OK, 0) < 0, "%s: nothing was made through a link", how);
	{
		AUTO_FD int fd = io_open_beneath(top, "sub/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
		struct stat st = {0};

		ok(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640,
			"%s: made with its mode", how);
		unlinkat(top, "sub/new", 0);
	}
	{
		char name[400];

		memset(name, 'n', sizeof name - 1);
		name[sizeof name - 1] = '\0';
		ok(io_open_beneath(top, name, O_RDONLY, 0) < 0 && errno == ENAMETOOLONG,
			"%s: a name of 399 bytes", how);
	}
}

static void test_read_file(const char *how)
{
	static const struct {
		const char *name, *reason;
	} rows[] = {
		{"link", "it is a symbolic link, a regular file is needed"},
		{"out", "it is a symbolic link, a regular file is needed"},
		{"fifo", "it is a FIFO, a regular file is needed"},
		{"sub", "it is a directory, a regular file is needed"},
		{"huge", "1099511627776 bytes, limit 100"},
		{"nothing", "No such file or directory"},
		{"sock", "No such device or address"},
		{"../file", "Invalid cross-device link"},
	};
	AUTO_FREE char *text = NULL;
	AUTO_FD int dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	struct err e = {0};
	size_t len = 0;

	alarm(120); /* a FIFO must not hang us */
	ok(io_read_file_at(top, "file", 4, &text, &len, &st, &e) == 0 && len == 4 &&
			strcmp(text, "text") == 0 && st.st_size == 4,
		"%s: a file of the size allowed", how);
	free(take_ptr(&text));
	ok(io_read_file_at(top, "empty", 4, &text, &len, NULL, &e) == 0 && len == 0 && !*text,
		"%s: an empty file", how);
	free(take_ptr(&text));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		len = 77;
		ok(io_read_file_at(top, rows[i].name, 100, &text, &len, &st, &e) < 0 &&
				strstr(e.msg, rows[i].reason) && strstr(e.msg, rows[i].name) &&
				!text && len == 77,
			"%s: %s", how, e.msg);
	}
	ok(io_read_file_at(dev, "zero", 100, &text, &len, NULL, &e) < 0 &&
			strstr(e.msg, "it is a device"),
		"%s: %s", how, e.msg);
	alarm(0);
}

static void is_now(const char *name, const char *want, mode_t mode, const char *what)
{
	AUTO_FREE char *text = scratch_read(name);
	struct stat st = {0};

	fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW);
	tap_same(text, want, what);
	ok((st.st_mode & 07777) == mode && S_ISREG(st.st_mode), "%s: mode %o", what, st.st_mode);
}

static void test_replace(const char *how)
{
	size_t before = scratch_entries("."), in_sub = scratch_entries("sub");
	struct stat like;
	struct err e = {0};

	scratch_write("old", "before");
	before++;
	chmod(scratch_path("old"), 04640);
	fstatat(top, "old", &like, 0);
	ok(io_replace_at(top, "old", "after", 5, &like, &e) == 0, "%s: replaced: %s", how, e.msg);
	is_now("old", "after", 0640, "owner and mode of the old one, set-user-id never");
	ok(io_replace_at(top, "old", "", 0, NULL, &e) == 0, "%s: by nothing", how);
	is_now("old", "", 0600, "without a model");
	ok(scratch_entries(".") == before, "%s: no temporary stays", how);
	unlinkat(top, "old", 0);
	ok(io_replace_at(top, "old", "made", 4, NULL, &e) == 0, "%s: may be new", how);
	is_now("old", "made", 0600, "new");
	/* a link is replaced, what it leads to is not touched */
	unlinkat(top, "old", 0);
	if (symlinkat("file", top, "old") < 0)
		exit(2);
	ok(io_replace_at(top, "old", "own", 3, NULL, &e) == 0, "%s: a link is replaced", how);
	is_now("old", "own", 0600, "instead of the link");
	is_now("file", "text", 0644, "what the link led to");
	ok(io_replace_at(top, "sub", "x", 1, NULL, &e) < 0 && strstr(e.msg, "replace sub"),
		"%s: a directory stays: %s", how, e.msg);
	ok(scratch_entries(".") == before && scratch_entries("sub") == in_sub,
		"%s: no temporary stays after a failure", how);
	unlinkat(top, "old", 0);
}

/* The disk is full in the midst of the write: the old file stays whole, the temporary goes. */
static void test_replace_full(void)
{
	struct rlimit was, small = {100, 100};
	AUTO_FREE char *big = calloc(1, 5000);
	size_t before;
	struct err e = {0};
	AUTO_FD int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	scratch_write("old", "before");
	before = scratch_entries(".");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	fflush(stdout);
	setrlimit(RLIMIT_FSIZE, &small);
	e.code = 0;
	if (io_replace_at(top, "old", big, 5000, NULL, &e) == 0)
		e.code = 0;
	setrlimit(RLIMIT_FSIZE, &was);
	ok(e.code == EFBIG, "no room: %s", e.msg);
	is_now("old", "before", 0644, "the old one after a failed write");
	ok(scratch_entries(".") == before, "the temporary is gone");
	ok(io_replace_at(proc, "old", "x", 1, NULL, &e) < 0, "a directory without writing: %s",
		e.msg);
	unlinkat(top, "old", 0);
}

/* All that opens files once more, where openat2 does not exist. The child's lines count as ours. */
static void without(void)
{
	int counts[2] = {tap_count, tap_failed}, p[2], status = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		exit(2);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!without_openat2())
			_exit(77);
		test_beneath("steps");
		test_read_file("steps");
		test_replace("steps");
		fflush(stdout);
		counts[0] = tap_count;
		counts[1] = tap_failed;
		_exit(write(p[1], counts, sizeof counts) != sizeof counts);
	}
	close(p[1]);
	waitpid(pid, &status, 0);
	if (read(p[0], counts, sizeof counts) == sizeof counts) {
		tap_count = counts[0];
		tap_failed = counts[1];
	}
	close(p[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		tap_skip("without openat2", "no filter can be set here");
	else
		ok(status == 0, "all the same without openat2");
}

int main(void)
{
	top = open(scratch_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_tree();
	test_read_all();
	test_write_all();
	test_beneath("openat2");
	test_read_file("openat2");
	test_replace("openat2");
	test_replace_full();
	without();
	close(top);
	return tap_done();
}
