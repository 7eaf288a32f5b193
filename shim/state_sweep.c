/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_sweep - records of containers that are gone.
 */
#include "shim/state_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "netseg/registry.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"

enum {
	AT_ONCE = 8,
	YOUNG = STATE_YOUNG, /* seconds: the runtime may not have made its directory yet */
	ENTRIES_MAX = 1 << 20, /* of one directory, should it never end */
	BUFFER_SIZE = 1024,
};

/* Where the next call goes on: the kernel's position in the directory (d_off). What it means after entries
 * came and went is up to the file system; a wrong one costs nothing but a turn. */
#define CURSOR ".cursor"
#define SUFFIX ".json"

struct entry { /* linux_dirent64 */
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

bool state_in_flight(const struct json *record)
{
	int64_t pid;

	return json_i64(json_get(record, "pid"), 1, INT32_MAX, &pid) &&
	       (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

bool state_unknown(const char *root, const char *id, size_t len)
{
	char path[PATH_MAX + 1024 + 2];
	struct stat st;

	if (snprintf(path, sizeof path, "%s/%.*s", root, (int)len, id) >= (int)sizeof path)
		return false;
	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	       (errno == ENOENT || errno == ENOTDIR);
}

/* The ordinary case, decided without reading it: the container is there. */
static bool alive(const char *root, const char *name)
{
	return name[0] != '~' && str_ends(name, SUFFIX) &&
	       !state_unknown(root, name, strlen(name) - strlen(SUFFIX));
}

/* Whether the record NAME, not alive, is of a container that is gone. One with rules of the network may have left them,
 * which another program takes away: that it has to is noted, also when it is killed before the record goes. */
static bool record_stale(int dir, const char *root, const char *name)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};
	const char *id;

	if (state_load(dir, name, &doc, &e) < 0)
		return e.code == ERR_INPUT && name[0] != '~'; /* damaged, and nobody needs it */
	id = json_str(json_get(json_root(doc), "id"));
	if (!state_unknown(root, id, strlen(id)) || state_in_flight(json_root(doc)))
		return false;
	if (json_get(json_root(doc), "network") || json_get(json_root(doc), "unhooked"))
		registry_note_gone(dir, root, id);
	return true;
}

static bool stale(int dir, const char *root, const char *name, struct stat *st)
{
	struct timespec now;

	if (alive(root, name) || fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(st->st_mode))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec - st->st_mtim.tv_sec < YOUNG) /* also when it is from the future */
		return false;
	return str_ends(name, SUFFIX) ? record_stale(dir, root, name)
				      : str_starts(name, STATE_TEMP);
}

/* Remove NAME, which was judged as ST. Meanwhile it may have become the record of a new container of
 * the same id: so it is first moved out of everybody's way and looked at again. */
static void discard(int dir, const char *name, const struct stat *st)
{
	char temp[64];
	struct stat now;

	snprintf(temp, sizeof temp, STATE_TEMP "%d-gone", getpid());
	if (renameat(dir, name, dir, temp) < 0)
		return;
	if (fstatat(dir, temp, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		(now.st_ino != st->st_ino || now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
			now.st_mtim.tv_nsec != st->st_mtim.tv_nsec) &&
		renameat2(dir, temp, dir, name, RENAME_NOREPLACE) == 0)
		return;
	unlinkat(dir, temp, 0);
}

static void look_at(int dir, const char *root, const char *name)
{
	struct stat st;

	if (stale(dir, root, name, &st))
		discard(dir, name, &st);
}

void state_sweep_deleted(int dir, const char *root, const char *name)
{
	struct stat st;

	if (!alive(root, name) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode) && record_stale(dir, root, name))
		discard(dir, name, &st);
}

static bool counts(const char *name)
{
	return str_ends(name, SUFFIX) || str_starts(name, STATE_TEMP);
}

/* Up to MAX entries from position *AT on; *AT is where to go on, 0 at the end. Returns how many there
 * were, -1 with errno. */
static int look_from(int dir, const char *root, int64_t *at, int max)
{
	alignas(struct entry) char buffer[BUFFER_SIZE];
	int seen = 0;
	long n;

	if (lseek(dir, *at, SEEK_SET) < 0)
		return -1;
	n = syscall(SYS_getdents64, dir, buffer, sizeof buffer);
	if (n < 0)
		return -1;
	if (n == 0)
		*at = 0;
	for (long used = 0; used < n && seen < max;) {
		const struct entry *entry = (const struct entry *)(buffer + used);

		*at = entry->next;
		used += entry->size;
		if (counts(entry->name)) {
			look_at(dir, root, entry->name);
			seen++;
		}
	}
	return n == 0 ? 0 : seen ? seen : 1;
}

void state_sweep_some(int dir, const char *root)
{
	AUTO_FD int cursor = openat(dir, CURSOR, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int64_t at = 0;

	if (cursor < 0)
		return;
	if (pread(cursor, &at, sizeof at, 0) != sizeof at || at < 0)
		at = 0;
	if (look_from(dir, root, &at, AT_ONCE) < 0)
		at = 0;
	if (pwrite(cursor, &at, sizeof at, 0) != sizeof at)
		unlinkat(dir, CURSOR, 0); /* a full disk: begin anew the next time */
}

int state_sweep_all(int dir, const char *root, struct err *e)
{
	int64_t at = 0;
	int n, total = 0;

	do {
		n = look_from(dir, root, &at, INT_MAX);
		if (n < 0)
			return err_set(e, errno, "list the state directory");
		total += n;
	} while (n > 0 && total < ENTRIES_MAX);
	return 0;
}
