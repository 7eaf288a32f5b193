/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure - tell the engine and the person behind it why nothing was started.
 */
#include "shim/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/base/io.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

/* What follows is for a JSON reader: bytes that are not UTF-8 must not make the line unreadable. */
static void add_json_text(struct str *line, const char *text)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *v = doc ? json_string_lossy(doc, text) : NULL;

	if (v)
		json_write(v, line);
	else
		str_add(line, "\"out of memory\"");
}

static void log_line(struct str *line, const char *message, bool json)
{
	char when[CLOCK_TEXT_SIZE];

	clock_text(when);
	if (json) {
		str_add(line, "{\"level\":\"error\",\"msg\":");
		add_json_text(line, message);
		str_addf(line, ",\"time\":\"%s\"}\n", when);
	} else {
		str_addf(line, "time=\"%s\" level=error msg=", when);
		add_json_text(line, message);
		str_addc(line, '\n');
	}
}

static int append(const char *log, const struct str *line, struct err *e)
{
	/* NONBLOCK: a FIFO without a reader is an error, not a hang */
	AUTO_FD int fd =
		open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);

	if (fd < 0)
		return err_set(e, errno, "open log %s", log);
	return io_write_all(fd, str_text(line), line->len, e);
}

/* LINE into the new file NAME, of the owner and mode that ST has. */
static int make(const char *name, const struct stat *st, const struct str *line, struct err *e)
{
	AUTO_FD int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 0777) < 0)
		return err_set(e, errno, "make %.256s", name);
	return io_write_all(fd, str_text(line), line->len, e);
}

int failure_replace(
	const char *who, const struct err *of, const char *log, bool json, struct err *e)
{
	char message[ERR_MSG_MAX + 32], name[PATH_MAX];
	AUTO_STR struct str line = STR_INIT;
	struct stat st;

	snprintf(message, sizeof message, "%s: %s", who, of->msg);
	log_line(&line, message, json);
	if (str_failed(&line))
		return err_nomem(e);
	if (snprintf(name, sizeof name, "%s.%d", log, (int)getpid()) >= (int)sizeof name)
		return err_set(e, ENAMETOOLONG, "log %.256s", log);
	if (lstat(log, &st) < 0)
		return err_set(e, errno, "log %.256s", log);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size != 0)
		return err_set(e, ERR_INPUT, "log %.256s: not an empty file", log);
	if (make(name, &st, &line, e) < 0 || rename(name, log) < 0) {
		int code = errno;

		unlink(name);
		return err_set(e, code, "replace log %.256s", log);
	}
	return 0;
}

void failure_tell(const struct err *e, const char *log, bool json)
{
	AUTO_STR struct str line = STR_INIT;
	/* not on the heap: memory may be what is wanting */
	char message[ERR_MSG_MAX + 16], out[2 * sizeof message];
	bool logged;
	struct err not_logged = {0};

	snprintf(message, sizeof message, "cinch: %s", e->msg);
	if (log) {
		log_line(&line, message, json);
		append(log, &line, &not_logged);
	}
	logged = not_logged.code == 0;
	snprintf(out, sizeof out, "%s\n%s%s%s", message,
		logged ? "" : "cinch: ", logged ? "" : not_logged.msg, logged ? "" : "\n");
	/* nobody is left to tell when stderr fails */
	(void)io_write_all(STDERR_FILENO, out, strlen(out), NULL);
}
