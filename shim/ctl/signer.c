/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer - let the stock minisign program sign something.
 */
#include "shim/ctl/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "profiles/minisign.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

/* ---- finding it ---- */

static int check(const char *directory, const char *path, struct err *e)
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return err_set(e, errno, "%s", directory);
	if (!io_owner_trusted(&st))
		return err_set(
			e, ERR_INPUT, "%s is not run: others can write to %s", path, directory);
	if (stat(path, &st) < 0)
		return err_set(e, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return err_set(e, ERR_INPUT, "%s is not an executable file", path);
	if (!io_owner_trusted(&st))
		return err_set(e, ERR_INPUT, "%s is not run: others can change it", path);
	return 0;
}

int signer_find(char out[PATH_MAX], struct err *e)
{
	static const char *const places[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	struct err first = {0};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct err why = {0};
		char path[64];

		snprintf(path, sizeof path, "%s/minisign", places[i]);
		if (access(path, F_OK) < 0)
			continue;
		if (check(places[i], path, &why) == 0) {
			memcpy(out, path, strlen(path) + 1);
			return 0;
		}
		if (!first.code)
			first = why;
	}
	if (first.code) {
		*e = first;
		return -1;
	}
	return err_set(e, ERR_INPUT,
		"minisign is not installed (looked in /usr/local/sbin, /usr/local/bin, /usr/sbin, "
		"/usr/bin, /sbin, /bin): install the package minisign, or leave --key away and "
		"sign "
		"where it is");
}

/* ---- a place to work in ---- */

struct place {
	char path[PATH_MAX];
	int dir;
	const char *name;
};

static void place_done(struct place *p)
{
	char signature[NAME_MAX];

	if (p->dir < 0)
		return;
	snprintf(signature, sizeof signature, "%.200s.minisig", p->name);
	unlinkat(p->dir, p->name, 0);
	unlinkat(p->dir, signature, 0);
	cleanup_fd(&p->dir);
	rmdir(p->path);
}

static int place_make(struct place *p, const void *bytes, size_t len, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	AUTO_FD int fd = -1;

	if (!tmp || tmp[0] != '/' || strlen(tmp) > PATH_MAX / 2)
		tmp = "/tmp";
	snprintf(p->path, sizeof p->path, "%.*s/cinchctl-sign-XXXXXX", PATH_MAX / 2, tmp);
	if (!mkdtemp(p->path))
		return err_set(e, errno, "make a directory in %.200s to sign in", tmp);
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->dir < 0) {
		err_set(e, errno, "open %.200s", p->path);
		rmdir(p->path);
		return -1;
	}
	fd = openat(p->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create %.200s/%s", p->path, p->name);
	return io_write_all(fd, bytes, len, e);
}

/* ---- the run ---- */

/* Only what minisign and the terminal need. */
static void short_environment(char *out[], size_t n)
{
	static const char *const names[] = {
		"HOME", "TERM", "LANG", "LC_ALL", "LC_CTYPE", "MINISIGN_CONFIG_DIR", NULL};
	size_t used = 0;

	out[used++] = (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (char **v = environ; v && *v && used + 1 < n; v++)
		for (const char *const *name = names; *name; name++) {
			size_t len = strlen(*name);

			if (strncmp(*v, *name, len) == 0 && (*v)[len] == '=' && used + 1 < n)
				out[used++] = *v;
		}
	out[used] = NULL;
}

/* The child: never returns. */
__attribute__((noreturn)) static void become(
	const char *program, char *const argv[], const sigset_t *mask)
{
	char *environment[16];

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* standard output is cinchctl's own, perhaps a JSON document */
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	short_environment(environment, sizeof environment / sizeof *environment);
	execve(program, argv, environment);
	_exit(127);
}

/* Like system(3): ^C is for the child, and we live on to clean up. */
static int run(const char *program, char *const argv[], int *status, struct err *e)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, was_int, was_quit;
	struct termios terminal;
	bool has_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
	sigset_t mask;
	pid_t pid, ended = -1;

	sigaction(SIGINT, &ignore, &was_int);
	sigaction(SIGQUIT, &ignore, &was_quit);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	pid = fork();
	if (pid == 0)
		become(program, argv, &mask);
	if (pid < 0)
		err_set(e, errno, "start %s", program);
	else
		while ((ended = waitpid(pid, status, 0)) < 0 && errno == EINTR)
			;
	if (pid > 0 && ended < 0)
		err_set(e, errno, "wait for %s", program);
	/* killed while it read a password, it leaves the terminal without echo */
	if (has_terminal && ended > 0 && WIFSIGNALED(*status))
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	sigaction(SIGINT, &was_int, NULL);
	sigaction(SIGQUIT, &was_quit, NULL);
	return ended > 0 ? 0 : -1;
}

static int judge_status(const char *program, int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, ERR_INPUT, "%s was ended by a signal (%s): nothing was changed",
			program, strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_INPUT,
			"%s did not sign (exit status %d, see above): nothing was changed", program,
			WEXITSTATUS(status));
	return 0;
}

int signer_run(const char *program, const char *key, const char *name, const void *bytes,
	size_t len, char **signature, size_t *signature_len, struct err *e)
{
	__attribute__((cleanup(place_done))) struct place p = {.dir = -1, .name = name};
	char file[PATH_MAX + NAME_MAX], result[NAME_MAX];
	char *argv[] = {(char *)"minisign", (char *)"-S", (char *)"-s", (char *)key, (char *)"-m",
		file, NULL};
	int status = 0;

	if (place_make(&p, bytes, len, e) < 0)
		return -1;
	snprintf(file, sizeof file, "%s/%.200s", p.path, name);
	snprintf(result, sizeof result, "%.200s.minisig", name);
	if (run(program, argv, &status, e) < 0 || judge_status(program, status, e) < 0)
		return -1;
	if (io_read_file_at(p.dir, result, MINISIGN_FILE_MAX, signature, signature_len, NULL, e) <
		0)
		return err_wrap(e, "%s left no signature", program);
	return 0;
}
