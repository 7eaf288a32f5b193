/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch_rig - the built program in a world of its own.
 */
#include "tests/launch_rig.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"
#include "shim/spec.h"

#define CALLED "/run/called" /* written by the fake runtime */
#define STDERR "/run/stderr"
#define SAMPLES "/run/samples"

enum { HANGS = 120 /* seconds */, TEXT_MAX = 16 << 20 };

static char cinch[PATH_MAX + 16];

static bool put_map(const char *path, unsigned id)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[64];
	int n = snprintf(text, sizeof text, "0 %u 1", id);

	return fd >= 0 && write(fd, text, (size_t)n) == n;
}

static bool copy(const char *from, const char *to)
{
	AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_FD int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char bytes[65536];
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)n) != n)
			return false;
	return n == 0;
}

static bool cover(const char *path)
{
	return access(path, F_OK) < 0 || mount("tmpfs", path, "tmpfs", 0, "mode=0755") == 0;
}

const char *launch_world(void)
{
	static const char *const empty[] = {
		"/etc", "/var/lib", "/var/log", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin"};
	unsigned uid = geteuid(), gid = getegid();
	char fake[PATH_MAX + 32], here[PATH_MAX], *slash,
		*samples = realpath("tests/data/samples", NULL);
	AUTO_FD int deny = -1;

	if (!samples || !realpath("/proc/self/exe", here) || !(slash = strrchr(here, '/')))
		return "the tests run from the top of the source";
	*slash = '\0';
	snprintf(fake, sizeof fake, "%s/prog_fake_runtime", here);
	snprintf(cinch, sizeof cinch, "%s/../cinch", here);
	if (access(cinch, X_OK) < 0 || access(fake, X_OK) < 0)
		return "the program is not built";
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return "no user namespace";
	deny = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (deny < 0 || write(deny, "deny", 4) != 4 || !put_map("/proc/self/uid_map", uid) ||
		!put_map("/proc/self/gid_map", gid))
		return "the user namespace cannot be mapped";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "nothing can be mounted";
	/* the programs may lie below what is covered next */
	if (!cover("/run") || !copy(cinch, "/run/cinch-under-test") || !copy(fake, "/run/fake") ||
		mkdir(SAMPLES, 0755) < 0 ||
		mount(samples, SAMPLES, NULL, MS_BIND | MS_REC, NULL) < 0)
		return "/run cannot be mounted over";
	free(samples);
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
		if (!cover(empty[i]))
			return "the node's directories cannot be mounted over";
	if (!copy("/run/fake", RIG_RUNTIME) || mkdir("/run/user", 0700) < 0)
		return "the fake runtime cannot be installed";
	snprintf(cinch, sizeof cinch, "/run/cinch-under-test");
	return NULL;
}

void launch_dir(const char *path)
{
	AUTO_FREE char *own = strdup(path);

	for (char *p = own + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(own, 0755);
		*p = '/';
	}
	(void)mkdir(own, 0755);
}

void launch_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(2);
	}
}

char *launch_read(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len;
	struct err e;

	return fd >= 0 && io_read_all(fd, TEXT_MAX, &text, &len, &e) == 0 ? text : NULL;
}

void launch_bundle(const char *bundle, const char *text)
{
	static const char *const dirs[] = {"dev", "proc", "sys", "tmp", "run", "etc"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		snprintf(path, sizeof path, "%s/rootfs/%s", bundle, dirs[i]);
		launch_dir(path);
	}
	snprintf(path, sizeof path, "%s/config.json", bundle);
	launch_write(path, text);
}

char *launch_sample(const char *name)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str out = STR_INIT;
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	struct err e = {0};

	snprintf(path, sizeof path, SAMPLES "/%s", name);
	text = launch_read(path);
	if (!text || json_parse(text, strlen(text), &spec_limits, 0, &doc, &e) < 0) {
		fprintf(stderr, "%s: %s\n", name, e.msg);
		exit(2);
	}
	json_replace(json_at(json_root(doc), "/root/path"), json_string(doc, "rootfs"));
	json_write(json_root(doc), &out);
	return str_take(&out);
}

static void become(const char *program, char *line, const char *input)
{
	static char *env[] = {
		"PATH=/nowhere", "FAKE_RECORD=" CALLED, "XDG_RUNTIME_DIR=/run/user", NULL};
	AUTO_FD int err = open(STDERR, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FD int in = input ? open(input, O_RDONLY | O_CLOEXEC) : -1;
	char *argv[64] = {(char *)program};
	int n = 1;

	for (char *save = NULL, *w = strtok_r(line, " ", &save); w && n < 63;
		w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	dup2(in, 0);
	if (in < 0)
		close(0);
	dup2(null, 1);
	dup2(err, 2);
	alarm(HANGS);
	execve(cinch, argv, env);
	_exit(99);
}

static size_t log_size(void)
{
	struct stat st;

	return stat(RIG_AUDIT, &st) == 0 ? (size_t)st.st_size : 0;
}

/* The last line behind the first SKIP bytes of the log. */
static struct json_doc *last_record(size_t skip)
{
	AUTO_FREE char *text = launch_read(RIG_AUDIT);
	struct json_doc *doc = NULL;
	struct err e = {0};
	char *end, *line;

	if (!text || strlen(text) <= skip || !(end = strrchr(text, '\n')))
		return NULL;
	*end = '\0';
	line = strrchr(text + skip, '\n');
	line = line ? line + 1 : text + skip;
	if (json_parse(line, strlen(line), &spec_limits, 0, &doc, &e) < 0)
		printf("# the record: %s\n", e.msg);
	return doc;
}

struct launched launch_run(const char *program, const char *line)
{
	return launch_run_with(program, line, "/dev/null");
}

struct launched launch_run_with(const char *program, const char *line, const char *input)
{
	AUTO_FREE char *own = strdup(line);
	struct launched l = {.status = -1};
	size_t before = log_size();
	int status;
	pid_t pid;

	unlink(CALLED);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(program ? program : "cinch", own, input);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	l.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	l.started = access(CALLED, F_OK) == 0;
	l.err = launch_read(STDERR);
	l.record = last_record(before);
	return l;
}

char *launch_called(void)
{
	return launch_read(CALLED);
}

char *launch_document(void)
{
	static const char head[] =
		"\nseals: 15\ndocument: "; /* all but the one against executing */
	AUTO_FREE char *text = launch_called();
	char *at = text ? strstr(text, head) : NULL;

	if (!at)
		return NULL;
	at += strlen(head);
	return strndup(at, strcspn(at, "\n"));
}

void launched_done(struct launched *l)
{
	free(l->err);
	json_freep(&l->record);
}

const char *launched_text(const struct launched *l, const char *pointer)
{
	const char *text = l->record ? json_str(json_at(json_root(l->record), pointer)) : NULL;

	return text ? text : "";
}
