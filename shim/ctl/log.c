/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - the audit log for people: its records as lines, as they come, or in groups.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/num.h"
#include "shim/ctl/log_line.h"
#include "shim/ctl/log_read.h"
#include "shim/ctl/log_sum.h"
#include "shim/ctl/table.h"

enum {
	LAST_MAX = 10000, /* of -n */
	LAST_BYTES = 64 << 20, /* and of what is kept for it */
	FOLLOW_LAST = 10,
	FLUSH_AT = 64 * 1024,
	NAP_MS = 200,
};

struct job {
	struct ctl_call *call;
	struct log_filter filter;
	bool filters; /* FILTER is not empty: lines have to be read to be chosen */
	bool follow;
	struct log_sum *sum; /* NULL: lines are printed */
	char *base;
	struct strv files, packed;
	uint64_t damaged;
	char **last; /* a ring of LAST_N lines; NULL: all are printed at once */
	size_t last_n, last_at, last_bytes;
	bool none; /* -n 0 */
};

static void job_done(struct job *j)
{
	for (size_t i = 0; j->last && i < j->last_n; i++)
		free(j->last[i]);
	free(j->last);
	free(j->base);
	strv_done(&j->files);
	strv_done(&j->packed);
	log_sum_free(j->sum);
}

/* ---- one line ---- */

static int print_line(struct job *j, const char *line, size_t len, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *record = NULL;
	struct str *out = &j->call->out;
	char text[128];

	record = log_record(line, len, &doc);
	j->damaged += !record;
	if (record && j->call->json) {
		str_addn(out, line, len);
		str_addc(out, '\n');
	} else if (record) {
		log_print(record, j->call->colour, out);
	} else if (!j->call->json) {
		snprintf(text, sizeof text, "%.*s", len < 100 ? (int)len : 100, line);
		str_add(out, "(damaged line)      ");
		table_text(text, 80, out);
		str_addc(out, '\n');
	}
	return out->len > FLUSH_AT || str_failed(out) ? ctl_flush(j->call, e) : 0;
}

/* The line takes the place of the oldest that is kept. */
static int keep_line(struct job *j, const char *line, size_t len, struct err *e)
{
	char **slot = &j->last[j->last_at];
	char *copy = malloc(len + 1);

	if (!copy)
		return err_nomem(e);
	memcpy(copy, line, len);
	copy[len] = '\0';
	j->last_bytes += len;
	if (*slot)
		j->last_bytes -= strlen(*slot);
	free(*slot);
	*slot = copy;
	j->last_at = (j->last_at + 1) % j->last_n;
	if (j->last_bytes > LAST_BYTES)
		return err_set(e, ERR_INPUT, "the last %zu lines are more than %d bytes", j->last_n,
			LAST_BYTES);
	return 0;
}

static int print_kept(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->last_n; i++) {
		char **slot = &j->last[(j->last_at + i) % j->last_n];

		if (*slot && !j->none && print_line(j, *slot, strlen(*slot), e) < 0)
			return -1;
		free(*slot);
		*slot = NULL;
	}
	return 0;
}

static int take_line(struct job *j, const struct log_text *line, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *record = NULL;
	bool parse = j->filters || j->sum;

	if (line->len == 0)
		return 0;
	if (parse && !line->too_long)
		record = log_record(line->s, line->len, &doc);
	if (j->sum) {
		if (!record)
			log_sum_damaged(j->sum);
		else if (log_wanted(&j->filter, record) && log_sum_add(j->sum, record) < 0)
			return err_nomem(e);
		return 0;
	}
	/* a line that cannot be read is none that somebody asked for */
	if (j->filters && (!record || !log_wanted(&j->filter, record)))
		return 0;
	return j->last ? keep_line(j, line->s, line->len, e) : print_line(j, line->s, line->len, e);
}

static int read_file(struct job *j, const char *name, struct err *e)
{
	AUTO_LOG_READER struct log_reader r = LOG_READER_INIT;
	struct log_text line;
	int more;

	if (log_reader_open(&r, name, e) < 0)
		return -1;
	while ((more = log_reader_next(&r, false, &line, e)) > 0)
		if (take_line(j, &line, e) < 0)
			return -1;
	return more < 0 ? err_wrap(e, "%.256s", name) : 0;
}

/* ---- as it grows ---- */

static void nap(void)
{
	const struct timespec t = {0, NAP_MS * 1000000L};

	nanosleep(&t, NULL);
}

static int drain(struct job *j, struct log_reader *r, struct err *e)
{
	struct log_text line;
	int more;

	while ((more = log_reader_next(r, true, &line, e)) > 0)
		if (take_line(j, &line, e) < 0)
			return -1;
	return more < 0 ? -1 : 0;
}

/* The file R reads is not the log any more: renamed, removed, or emptied in place. */
static bool moved_on(const struct job *j, const struct log_reader *r)
{
	struct stat mine, now;
	off_t at = lseek(r->fd, 0, SEEK_CUR);

	if (fstat(r->fd, &mine) < 0)
		return true;
	if (at > mine.st_size)
		return true;
	return stat(j->base, &now) == 0 && (now.st_ino != mine.st_ino || now.st_dev != mine.st_dev);
}

/* Never ends but by a signal, or when standard output is gone. */
static int follow(struct job *j, struct log_reader *r, struct err *e)
{
	for (;;) {
		bool moved = r->fd >= 0 && moved_on(j, r);

		/* what was written before the move is still in the old file */
		if (r->fd >= 0 && drain(j, r, e) < 0)
			return -1;
		if (moved)
			log_reader_done(r);
		if (ctl_flush(j->call, e) < 0)
			return -1;
		if (r->fd < 0 && access(j->base, F_OK) == 0) {
			if (log_reader_open(r, j->base, e) < 0)
				return -1;
			continue;
		}
		nap();
	}
}

static int run_follow(struct job *j, struct err *e)
{
	AUTO_LOG_READER struct log_reader r = LOG_READER_INIT;

	if (access(j->base, F_OK) == 0 &&
		(log_reader_open(&r, j->base, e) < 0 || drain(j, &r, e) < 0))
		return -1;
	if (print_kept(j, e) < 0)
		return -1;
	free(j->last); /* emptied by print_kept */
	j->last = NULL;
	return follow(j, &r, e);
}

/* ---- the line ---- */

static int take_last(struct job *j, struct err *e)
{
	const char *n = ctl_value(j->call, "n");
	uint64_t last = FOLLOW_LAST;

	if (n && !num_u64(n, LAST_MAX, &last))
		return err_set(e, ERR_INPUT, "-n is a number up to %d, not \"%.40s\"", LAST_MAX, n);
	if (!n && !j->follow)
		return 0;
	j->none = last == 0;
	j->last_n = last ? (size_t)last : 1;
	j->last = calloc(j->last_n, sizeof *j->last);
	return j->last ? 0 : err_nomem(e);
}

static int take_options(struct job *j, struct err *e)
{
	struct ctl_call *c = j->call;
	const char *since = ctl_value(c, "since");

	j->follow = ctl_given(c, "follow");
	if (ctl_given(c, "summary") && (j->follow || ctl_given(c, "n")))
		return err_set(e, ERR_INPUT, "--summary goes with neither --follow nor -n");
	if (j->follow && ctl_nth(c, "file", 1))
		return err_set(e, ERR_INPUT, "--follow reads one file");
	j->filter.result = ctl_value(c, "result");
	j->filter.profile = ctl_value(c, "profile");
	j->filter.id = ctl_value(c, "id");
	if (since && log_since(since, time(NULL), j->filter.since, e) < 0)
		return -1;
	j->filters = j->filter.result || j->filter.profile || j->filter.id || since;
	if (ctl_given(c, "summary") && !(j->sum = log_sum_new()))
		return err_nomem(e);
	return take_last(j, e);
}

static int find_files(struct job *j, struct err *e)
{
	const char *given = ctl_value(j->call, "file");

	if (given && !(j->base = strdup(given)))
		return err_nomem(e);
	if (!given && !(j->base = log_default_file(e)))
		return -1;
	if (!*j->base)
		return err_set(e, ERR_INPUT, "this node keeps no audit log in a file (audit.path)");
	if (j->follow)
		return 0;
	if (!ctl_nth(j->call, "file", 1))
		return log_files(j->base, &j->files, &j->packed, e);
	for (size_t i = 0; ctl_nth(j->call, "file", i); i++)
		if (strv_add(&j->files, ctl_nth(j->call, "file", i)) < 0)
			return err_nomem(e);
	return 0;
}

static int answer(struct job *j, struct err *e)
{
	struct str *out = &j->call->out;
	AUTO_JSON struct json_doc *doc = NULL;

	if (j->sum && j->call->json) {
		doc = json_new();
		log_sum_end(j->sum);
		if (ctl_put_json(j->call, doc ? log_sum_json(j->sum, doc) : NULL, e) < 0)
			return -1;
	} else if (j->sum) {
		log_sum_end(j->sum);
		log_sum_text(j->sum, ctl_width(), j->call->colour, out);
	} else if (j->last && print_kept(j, e) < 0) {
		return -1;
	}
	for (size_t i = 0; i < j->packed.n && !j->call->json; i++) {
		str_add(out, "not read, it is packed: ");
		table_text(j->packed.v[i], 256, out);
		str_addc(out, '\n');
	}
	if (j->sum)
		return log_sum_findings(j->sum) ? CTL_FINDINGS : CTL_OK;
	return j->damaged ? CTL_FINDINGS : CTL_OK;
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(job_done))) struct job j = {.call = call};

	if (take_options(&j, e) < 0 || find_files(&j, e) < 0)
		return -1;
	if (j.follow)
		return run_follow(&j, e);
	for (size_t i = 0; i < j.files.n; i++)
		if (read_file(&j, j.files.v[i], e) < 0)
			return -1;
	return answer(&j, e);
}

const struct ctl_command ctl_log = {
	.name = "log",
	.run = run,
	.operands = "",
	.summary = "what was started, changed and refused on this node",
	.notes = "\"cinchctl log verify\" checks the log itself. Times are UTC. --json prints the "
		 "records,\none a line; with --summary one document.\n"
		 "Exit status: 0; 1 with damaged lines, with --summary also with refusals; 2 an "
		 "error.\n",
	.options =
		{
			{"summary", NULL, CTL_NONE, "in groups: by control, image and reason"},
			{"follow", NULL, CTL_NONE, "go on with new records, also over rotation"},
			{"n", "N", CTL_TEXT, "the last N of the records"},
			{"since", "TIME", CTL_TEXT,
				"from 2026-11-22, 2026-11-22T04:05 or 2h ago on"},
			{"result", "WORD", CTL_TEXT,
				"unchanged, changed, audited, refused, failed, passed"},
			{"profile", "NAME", CTL_TEXT, "under this profile"},
			{"id", "ID", CTL_TEXT, "of containers whose id begins so"},
			{"file", "FILE", CTL_FILE,
				"a log, with its rotated files; several: these, in this order"},
		},
};
