/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look - whether the registry has somebody who is gone: by who passes, at launches and deletes.
 *
 * A wrong answer costs a run of cinch-hook, or waits for the next one.
 */
#include "netseg/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netseg/roster.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum { NOT_AGAIN = 30 /* seconds, after it was in vain */ };

#define STALE "stale"
#define TRIED "tried"

/* A line of the file of members: KEY PID ... Whether PID is another process by now is not asked here, where it would
 * cost 20 microseconds a member. */
static bool line_stale(const char *line)
{
	const char *p = line + strcspn(line, " \n");
	char *end;
	long pid = strtol(p, &end, 10);

	/* a damaged one is made anew by who has the lock */
	return *end != ' ' || pid <= 0 || (kill((pid_t)pid, 0) < 0 && errno == ESRCH);
}

static bool members_stale(int dir)
{
	AUTO_FREE char *text = NULL;
	struct err e;
	size_t len;

	if (io_read_file_at(dir, "members", ROSTER_MAX, &text, &len, NULL, &e) < 0)
		return false;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (line_stale(line))
			return true;
	return false;
}

static bool tried(int dir)
{
	struct timespec now;
	struct stat st;

	if (fstatat(dir, TRIED, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec >= st.st_mtim.tv_sec && now.tv_sec - st.st_mtim.tv_sec < NOT_AGAIN;
}

bool registry_stale(const char *dir, bool members)
{
	AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 &&
	       (faccessat(fd, STALE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		       (members && members_stale(fd))) &&
	       !tried(fd);
}

static void touch(int dir, const char *name)
{
	AUTO_FD int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)futimens(fd, NULL);
}

void registry_note_gone(int records, const char *root, const char *id)
{
	AUTO_FD int fd = openat(records, "../net", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char name[64] = "containers/";
	struct err e;

	if (fd >= 0 && registry_key(root, id, name + strlen(name), &e) == 0 &&
		faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		touch(fd, STALE);
}

void registry_note_tried(const char *dir, bool in_vain)
{
	AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (in_vain) {
		touch(fd, TRIED);
		return;
	}
	unlinkat(fd, STALE, 0);
	unlinkat(fd, TRIED, 0);
}
