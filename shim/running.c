/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running - what exec and update of a container are held to: read from its state record.
 */
#include "shim/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/running.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"

enum {
	HEAD_MAX = 16 *
		   1024, /* bytes of a runtime's file; paths are the longest part of what we need */
	STAT_MAX = 1024,
	STAT_START = 22, /* field of /proc/PID/stat: start time in clock ticks since boot */
	/* Seconds between the record and the container's first process. The kubelet gives a start two
	 * minutes (runtimeRequestTimeout); what comes before the first process takes a fraction of one. */
	START_WINDOW = 120,
};

/* What the runtime itself knows of the container's first process. */
struct first {
	int64_t pid; /* 0: not known */
	uint64_t start; /* 0: not known */
};

/* Where it is said, relative to ROOT/ID. */
static const struct place {
	const char *file, *pid, *start;
} places[] = {
	{"state.json", "init_process_pid", "init_process_start"}, /* runc */
	{"status", "pid", "process-start-time"}, /* crun */
};

/* ---- what the runtime says ---- */

/* The beginning of the file NAME in DIR; false when it is not one that may be believed. */
static bool head_of(int dir, const char *name, char text[HEAD_MAX + 2])
{
	AUTO_FD int fd = io_open_beneath(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !io_owner_trusted(&st))
		return false;
	n = pread(fd, text, HEAD_MAX, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/*
 * runc's file begins with what is wanted, and goes on with the whole configuration, which is not worth its
 * reading: that begins with a member "config". In a string its quotes would be escaped.
 */
static void cut_config(char *text)
{
	char *config = strstr(text, ",\"config\":");

	if (config)
		memcpy(config, "}", 2);
}

/* *FOUND: it says so. -1 only when out of memory. */
static int read_place(int dir, const struct place *p, struct first *out, bool *found, struct err *e)
{
	static const struct json_limits limits = {HEAD_MAX, 8, 512};
	AUTO_JSON struct json_doc *doc = NULL;
	char text[HEAD_MAX + 2];
	struct err why = {0};
	const struct json *r;

	*found = false;
	if (!head_of(dir, p->file, text))
		return 0;
	cut_config(text);
	if (json_parse(text, strlen(text), &limits, JSON_STRICT, &doc, &why) < 0)
		return why.code == ENOMEM ? err_nomem(e) : 0;
	r = json_root(doc);
	*found = json_i64(json_get(r, p->pid), 1, INT32_MAX, &out->pid) &&
		 json_u64(json_get(r, p->start), UINT64_MAX, &out->start) && out->start;
	return 0;
}

/* *OUT is all zero when it is not known. -1 only when out of memory. */
static int first_process(int dir, struct first *out, struct err *e)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct first f = {0};
		bool found;

		if (read_place(dir, &places[i], &f, &found, e) < 0)
			return -1;
		if (found) {
			*out = f;
			return 0;
		}
	}
	*out = (struct first){0};
	return 0;
}

/* Field 22 of /proc/PID/stat; 0 when there is no such process. The second field, the name, may hold
 * anything and ends at the last ')'. */
static uint64_t start_of(int pid)
{
	char path[64], text[STAT_MAX], *at, *save = NULL;
	AUTO_FD int fd = -1;
	uint64_t start = 0;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strrchr(text, ')');
	at = at ? strtok_r(at + 1, " ", &save) : NULL;
	for (int field = 3; at && field < STAT_START; field++)
		at = strtok_r(NULL, " ", &save);
	return at && num_u64(at, UINT64_MAX, &start) ? start : 0;
}

/* The container whose first process is FIRST may be that of RECORD. */
static bool same_container(const struct json *record, const struct first *first)
{
	const uint64_t window = (uint64_t)START_WINDOW * (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t ticks;

	if (!first->start || !json_u64(json_get(record, "ticks"), UINT64_MAX, &ticks))
		return true; /* it cannot be told */
	if (first->start < ticks)
		return false;
	return json_is_true(json_get(record, "restored")) || first->start - ticks <= window;
}

/* ---- the record ---- */

static int take_profile(const struct json *entry, struct running *r, struct err *e)
{
	const char *name = json_str(json_get(entry, "name"));
	const struct json *running = json_get(entry, "running");
	struct profile *p = NULL;

	if (!running || r->n == SELECT_MAX)
		return err_set(e, ERR_INPUT, "its profiles are not those of a container");
	if (running_parse(r->record, running, json_str(json_get(entry, "digest")), &p, e) < 0)
		return -1;
	r->p[r->n++] = p;
	if (!name || strcmp(name, p->name) != 0)
		return err_set(e, ERR_INPUT, "profile %.64s is recorded as \"%.64s\"", p->name,
			name ? name : "");
	return 0;
}

static int take_profiles(struct running *r, struct err *e)
{
	json_each (entry, json_get(json_root(r->record), "profiles"))
		if (take_profile(entry, r, e) < 0)
			return -1;
	return r->n ? 0 : err_set(e, ERR_INPUT, "it names no profile");
}

/* The directory in which the runtime keeps the container. -1 and errno. */
static int open_container(const char *root, const char *id)
{
	char path[PATH_MAX + 1100];

	snprintf(path, sizeof path, "%s/%s", root, id);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool running_is(const struct json *record, const char *root, const char *id)
{
	AUTO_FD int dir = open_container(root, id);
	struct first first = {0};
	struct err why;

	if (dir >= 0 && first_process(dir, &first, &why) < 0)
		return true;
	return same_container(record, &first);
}

static int compare(const char *root, const char *id, struct running *r, struct err *e)
{
	AUTO_FD int dir = open_container(root, id);
	struct first first = {0};

	if (dir < 0 && errno == ENOENT)
		return err_set(e, ERR_INPUT, "the runtime has no such container in %.256s", root);
	if (dir >= 0 && first_process(dir, &first, e) < 0)
		return -1;
	if (!same_container(json_root(r->record), &first))
		return err_set(e, ERR_INPUT,
			"its state record is that of an earlier container of the same id");
	if (first.start && start_of((int)first.pid) == first.start)
		r->pid = (int)first.pid;
	return 0;
}

static int find(const char *dir, const char *root, const char *id, struct running *r, struct err *e)
{
	if (state_read(dir, root, id, &r->record, e) < 0)
		return -1;
	if (!r->record)
		return err_set(e, ERR_INPUT,
			"it has no state record: it was not started through cinch, or the record "
			"was lost");
	if (compare(root, id, r, e) < 0)
		return -1;
	if (take_profiles(r, e) < 0)
		return err_wrap(e, "its state record");
	return 0;
}

/* What to do about WHY. */
static int unusable(const char *id, const struct err *why, struct err *e)
{
	if (why->code == ENOMEM)
		return err_nomem(e);
	return err_set(e, ERR_INPUT,
		"container %.64s: %.300s; restart it through cinch (cinchctl ps lists those with a "
		"record)",
		id, why->msg);
}

int running_read_at(
	const char *dir, const char *root, const char *id, struct running *out, struct err *e)
{
	struct running r = {0};
	struct err why = {0};

	if (find(dir, root, id, &r, &why) < 0) {
		running_done(&r);
		return unusable(id, &why, e);
	}
	*out = r;
	return 0;
}

int running_read(
	const char *runtime, const char *root, const char *id, struct running *out, struct err *e)
{
	char dir[PATH_MAX], at[PATH_MAX];
	struct err why = {0};

	if (state_root(runtime, root, at, &why) < 0 || state_dir(dir, &why) < 0)
		return unusable(id, &why, e);
	return running_read_at(dir, at, id, out, e);
}

void running_done(struct running *r)
{
	for (size_t i = 0; i < r->n; i++)
		profile_free(r->p[i]);
	json_free(r->record);
	*r = (struct running){0};
}

/* ---- what is made of it ---- */

int running_document(
	const struct running *r, struct json_doc *doc, struct json *process, struct err *e)
{
	static const char *const mappings[] = {"uidMappings", "gidMappings"};
	struct json *root = json_object(doc), *part = json_object(doc);

	for (size_t i = 0; i < 2; i++) {
		const struct json *v = json_get(json_root(r->record), mappings[i]);

		if (v && json_put(doc, part, mappings[i], json_clone(doc, v)) < 0)
			return err_nomem(e);
	}
	if (json_put(doc, root, "process", process) < 0 || json_put(doc, root, "linux", part) < 0)
		return err_nomem(e);
	json_set_root(doc, root);
	return 0;
}

int running_root(const struct running *r, char out[PATH_MAX], struct err *e)
{
	const char *rootfs = json_str(json_get(json_root(r->record), "rootfs"));

	if (r->pid) {
		snprintf(out, PATH_MAX, "/proc/%d/root", r->pid);
		return 0;
	}
	if (!rootfs || *rootfs != '/')
		return err_set(e, ERR_INPUT, "the root filesystem of the container is not known");
	if (strlen(rootfs) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "root filesystem %.64s", rootfs);
	memcpy(out, rootfs, strlen(rootfs) + 1);
	return 0;
}
