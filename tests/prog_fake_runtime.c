/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_fake_runtime - stands in for the real runtime: writes down all it was started with, copies its
 * stdin to stdout, and ends as it is told. A document it is handed as /proc/self/fd/N is written down, too.
 *
 * FAKE_RECORD names the file to write, FAKE_EXIT the exit status, FAKE_SIGNAL a signal to die by.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void record_fds(FILE *out)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	struct stat st;
	char seen[1024] = {0};

	while (dir && (d = readdir(dir))) {
		int fd = atoi(d->d_name);

		if (d->d_name[0] != '.' && fd != dirfd(dir) && fd != fileno(out) && fd >= 0 &&
			fd < (int)sizeof seen)
			seen[fd] = 1;
	}
	for (int fd = 0; fd < (int)sizeof seen; fd++)
		if (seen[fd] && fstat(fd, &st) == 0)
			fprintf(out, "fd %d: %lx:%lx flags %x\n", fd, (long)st.st_dev,
				(long)st.st_ino, (unsigned)fcntl(fd, F_GETFL));
	if (dir)
		closedir(dir);
}

static void record_status(FILE *out)
{
	static const char *const wanted[] = {"Name:", "Umask:", "SigBlk:", "SigIgn:", "SigCgt:",
		"NoNewPrivs:", "Seccomp:", "CapEff:", "Uid:", "Gid:", "Groups:", "PPid:"};
	FILE *in = fopen("/proc/self/status", "re");
	char line[512];

	while (in && fgets(line, sizeof line, in))
		for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				fprintf(out, "status %s", line);
	if (in)
		fclose(in);
}

/* What a document handed over by its descriptor says, and that nobody could still change it. */
static void record_document(FILE *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	char bytes[4096];
	ssize_t n;

	fprintf(out, "seals: %d\ndocument: ", seals);
	while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
		fwrite(bytes, 1, (size_t)n, out);
	fprintf(out, "\n");
	if (fd >= 0)
		close(fd);
}

static void record(FILE *out, int argc, char **argv)
{
	char cwd[4096];
	struct rlimit nofile = {0};

	for (int i = 0; i < argc; i++)
		fprintf(out, "argv %d (%zu): %s\n", i, strlen(argv[i]), argv[i]);
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "/proc/self/fd/", 14) == 0)
			record_document(out, argv[i]);
	for (char **e = environ; *e; e++)
		fprintf(out, "env: %s\n", *e);
	fprintf(out, "cwd: %s\n", getcwd(cwd, sizeof cwd) ? cwd : "(gone)");
	getrlimit(RLIMIT_NOFILE, &nofile);
	fprintf(out, "nofile: %lu %lu\n", (unsigned long)nofile.rlim_cur,
		(unsigned long)nofile.rlim_max);
	fprintf(out, "pgrp: %d own %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	fprintf(out, "dumpable: %d\n", prctl(PR_GET_DUMPABLE));
	record_fds(out);
	record_status(out);
}

int main(int argc, char **argv)
{
	const char *path = getenv("FAKE_RECORD"), *code = getenv("FAKE_EXIT"),
		   *sig = getenv("FAKE_SIGNAL");
	char bytes[4096];
	ssize_t n;

	if (path) {
		FILE *out = fopen(path, "we");

		if (!out)
			return 99;
		record(out, argc, argv);
		fclose(out);
	}
	while ((n = read(0, bytes, sizeof bytes)) > 0)
		if (write(1, bytes, (size_t)n) != n)
			return 98;
	if (sig) {
		sigset_t one;

		signal(atoi(sig), SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, atoi(sig));
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		raise(atoi(sig));
	}
	return code ? atoi(code) : 0;
}
