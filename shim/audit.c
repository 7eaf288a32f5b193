/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit - one JSON line for every governed call.
 */
#include "shim/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/base/io.h"
#include "shim/base/num.h"

enum { ANCESTORS_MAX = 8, PROC_FILE_MAX = 512 };

/* The first bytes of a small /proc file; false when there is none. */
static bool proc_text(const char *path, char text[PROC_FILE_MAX])
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, PROC_FILE_MAX - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* Name and parent of PID from /proc/PID/stat: "pid (name) S ppid ...". The name may hold anything,
 * also ") ", so its end is the last ')'. */
static bool process(int pid, char name[64], int *parent)
{
	char path[64], text[PROC_FILE_MAX], *begin, *end;
	size_t len;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if (!proc_text(path, text))
		return false;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end || sscanf(end + 1, " %*c %d", parent) != 1)
		return false;
	len = (size_t)(end - begin - 1);
	if (len > 63)
		len = 63;
	memcpy(name, begin + 1, len);
	name[len] = '\0';
	return true;
}

static int put_ancestors(struct json_doc *doc, struct json *caller, int pid)
{
	struct json *list = json_array(doc);
	char name[64];

	for (int i = 0; i < ANCESTORS_MAX && pid > 0 && process(pid, name, &pid); i++)
		if (json_push(list, json_string_lossy(doc, name)) < 0)
			return -1;
	return json_put(doc, caller, "ancestors", list);
}

static struct json *make_caller(struct json_doc *doc)
{
	struct json *caller = json_object(doc);
	char path[64], text[PROC_FILE_MAX], program[PATH_MAX];
	int pid = getppid();
	uint64_t loginuid;
	ssize_t n;

	if (json_put(doc, caller, "uid", json_uint(doc, getuid())) < 0)
		return NULL;
	if (proc_text("/proc/self/loginuid", text) && num_u64(text, UINT32_MAX - 1, &loginuid) &&
		json_put(doc, caller, "loginuid", json_uint(doc, loginuid)) < 0)
		return NULL; /* 4294967295 means that nobody has logged in */
	if (json_put(doc, caller, "pid", json_int(doc, pid)) < 0)
		return NULL;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	n = readlink(path, program, sizeof program - 1);
	if (n > 0) {
		program[n] = '\0';
		if (json_put(doc, caller, "program", json_string_lossy(doc, program)) < 0)
			return NULL;
	}
	return put_ancestors(doc, caller, pid) < 0 ? NULL : caller;
}

static struct json *make_time(struct json_doc *doc)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(text);
	return json_string(doc, text);
}

int audit_begin(struct audit *a, const char *verb, struct err *e)
{
	clock_gettime(CLOCK_MONOTONIC, &a->began);
	a->doc = json_new();
	a->record = a->doc ? json_object(a->doc) : NULL;
	if (audit_put(a, "time", a->doc ? make_time(a->doc) : NULL) < 0 ||
		audit_put_text(a, "verb", verb) < 0 ||
		audit_put(a, "caller", make_caller(a->doc)) < 0)
		return err_nomem(e);
	return 0;
}

int audit_put(struct audit *a, const char *key, struct json *v)
{
	return json_put(a->doc, a->record, key, v);
}

int audit_put_text(struct audit *a, const char *key, const char *text)
{
	return text ? audit_put(a, key, json_string_lossy(a->doc, text)) : 0;
}

int audit_put_problem(struct audit *a, const struct err *problem)
{
	return audit_put_text(a, "problem", problem->code ? problem->msg : NULL);
}

void audit_done(struct audit *a)
{
	json_free(a->doc);
	a->doc = NULL;
	a->record = NULL;
}

/* Makes the directory of PATH, one level: /var/log is the distribution's. */
static int make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof dir)
		return -1;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return mkdir(dir, 0700);
}

/* A full disk may have cut the last line: ours must not be glued to what is left of it. */
static bool ends_in_line(const char *path, int fd)
{
	AUTO_FD int in = -1;
	struct stat st;
	char last;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return true;
	in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return in < 0 || pread(in, &last, 1, st.st_size - 1) != 1 || last == '\n';
}

static int append(const char *path, struct str *line, struct err *e)
{
	const int flags =
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	AUTO_FD int fd = open(path, flags, 0600);
	ssize_t n;

	if (fd < 0 && errno == ENOENT && make_parent(path) == 0)
		fd = open(path, flags, 0600);
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (!ends_in_line(path, fd)) {
		AUTO_STR struct str own = *line;

		*line = (struct str)STR_INIT;
		str_addc(line, '\n');
		str_addn(line, str_text(&own), own.len);
		if (str_failed(line))
			return err_nomem(e);
	}
	do
		n = write(fd, line->s, line->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "write %s", path);
	if ((size_t)n < line->len)
		return err_set(e, ENOSPC, "write %s: %zd of %zu bytes", path, n, line->len);
	return 0;
}

static int write_record(struct audit *a, const char *path, struct err *e)
{
	AUTO_STR struct str line = STR_INIT;
	struct timespec now;
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (int64_t)(now.tv_sec - a->began.tv_sec) * 1000000 +
	     (now.tv_nsec - a->began.tv_nsec) / 1000;
	if (audit_put(a, "durationUs", json_int(a->doc, us)) < 0)
		return err_nomem(e);
	json_write(a->record, &line);
	str_addc(&line, '\n');
	if (str_failed(&line))
		return err_nomem(e);
	return append(path, &line, e);
}

int audit_commit(struct audit *a, const struct settings *s, struct err *e)
{
	struct err why = {0};

	if (write_record(a, s->audit.path, &why) == 0)
		return 0;
	err_wrap(&why, "audit record");
	if (s->audit.required) {
		*e = why;
		return -1;
	}
	openlog("cinch", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_ERR, "%s", why.msg);
	closelog();
	return 0;
}
