/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life - whether a container runs.
 */
#include "shim/life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netseg/netns.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/json.h"
#include "shim/base/path.h"

enum { STATE_MAX = 4 << 20 };

static const struct json_limits limits = {STATE_MAX, 64, 500000};

/* Where each runtime puts what is needed; the one whose file is there wrote it. */
static const struct layout {
	const char *file, *pid, *start;
} layouts[] = {
	{"state.json", "/init_process_pid", "/init_process_start"},
	{"status", "/pid", "/process-start-time"},
};

/* The process PID is there, and began at START (0: not told) in ticks since boot. */
static bool lives(int pid, uint64_t start)
{
	uint64_t began = netns_started(pid);

	return began && (start == 0 || began == start);
}

/* The first bytes of DIR/NAME are WORD. */
static bool says(const char *dir, const char *name, const char *word)
{
	char path[PATH_MAX], text[16] = "";
	AUTO_FD int fd = -1;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return false;
	return strncmp(text, word, strlen(word)) == 0;
}

static bool frozen(const char *v1, const char *v2)
{
	return (v1 && says(v1, "freezer.state", "FROZEN")) ||
	       (v2 && says(v2, "cgroup.freeze", "1"));
}

static bool paused(const struct json *state)
{
	const char *own = json_str(json_get(state, "cgroup-path"));
	char v1[PATH_MAX], v2[PATH_MAX];

	if (!own)
		return frozen(json_str(json_at(state, "/cgroup_paths/freezer")),
			json_str(json_at(state, "/cgroup_paths/")));
	if (!path_plain(own) ||
		snprintf(v1, sizeof v1, "/sys/fs/cgroup/freezer/%s", own) >= (int)sizeof v1 ||
		snprintf(v2, sizeof v2, "/sys/fs/cgroup/%s", own) >= (int)sizeof v2)
		return false;
	return frozen(v1, v2);
}

static enum life judge(int dir, const struct layout *l, const struct json *state, int *pid)
{
	uint64_t start = 0;
	int64_t number;
	struct stat st;

	if (!json_i64(json_at(state, l->pid), 0, INT_MAX, &number))
		return LIFE_UNKNOWN;
	json_u64(json_at(state, l->start), UINT64_MAX, &start);
	if (number == 0 || !lives((int)number, start))
		return LIFE_STOPPED;
	*pid = (int)number;
	if (fstatat(dir, "exec.fifo", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return LIFE_CREATED;
	return paused(state) ? LIFE_PAUSED : LIFE_RUNNING;
}

static int open_dir(const char *root, const char *id)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof path, "%s/%s", root, id) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !io_owner_trusted(&st))) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

/* What the runtime wrote; *OUT is the caller's. LIFE_RUNNING: it is there. */
static enum life read_state(int dir, const struct layout **layout, struct json_doc **out)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		AUTO_FREE char *text = NULL;
		struct err e = {0};
		size_t len;

		if (io_read_file_at(dir, layouts[i].file, STATE_MAX, &text, &len, NULL, &e) < 0) {
			if (e.code == ENOENT)
				continue;
			return LIFE_UNKNOWN;
		}
		*layout = &layouts[i];
		return json_parse(text, len, &limits, JSON_STRICT, out, &e) < 0 ? LIFE_UNKNOWN
										: LIFE_RUNNING;
	}
	return LIFE_UNKNOWN;
}

enum life life_of(const char *root, const char *id, int *pid)
{
	AUTO_FD int dir = open_dir(root, id);
	AUTO_JSON struct json_doc *doc = NULL;
	const struct layout *layout;

	*pid = 0;
	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? LIFE_GONE : LIFE_UNKNOWN;
	return read_state(dir, &layout, &doc) == LIFE_RUNNING
		       ? judge(dir, layout, json_root(doc), pid)
		       : LIFE_UNKNOWN;
}

bool life_cgroup(const char *root, const char *id, char out[PATH_MAX])
{
	AUTO_FD int dir = open_dir(root, id);
	AUTO_JSON struct json_doc *doc = NULL;
	const struct layout *layout;
	const char *path;

	if (dir < 0 || read_state(dir, &layout, &doc) != LIFE_RUNNING)
		return false;
	path = json_str(json_get(json_root(doc), "cgroup-path"));
	if (!path)
		path = json_str(json_at(json_root(doc), "/cgroup_paths/"));
	return path && snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
}

const char *life_name(enum life l)
{
	static const char *const names[LIFE_COUNT] = {
		[LIFE_CREATED] = "created",
		[LIFE_RUNNING] = "running",
		[LIFE_PAUSED] = "paused",
		[LIFE_STOPPED] = "stopped",
		[LIFE_GONE] = "gone",
		[LIFE_UNKNOWN] = "unknown",
	};

	return names[l];
}
