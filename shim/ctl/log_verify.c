/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log verify - whether the audit log is as it was written: nothing cut, changed, put in or moved.
 */
#include "shim/ctl/commands.h"
#include "shim/ctl/log_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/num.h"
#include "shim/ctl/log_check.h"
#include "shim/ctl/log_read.h"
#include "shim/ctl/table.h"

enum { LOCK_WAIT_MS = 1000, VERIFY_FILES_MAX = 1000 };

struct job {
	char *base; /* beside it lies the head */
	struct strv files, packed;
	struct {
		int fd;
		uint64_t size;
	} open[VERIFY_FILES_MAX]; /* as they were at one moment */
	size_t n_open;
	struct chain_head head;
	bool has_head, damaged, unlocked;
	bool quick; /* nobody has named the files: a pipe in a file's place is not waited for */
	uint64_t lines;
	struct log_check check;
};

static void job_free(struct job **job)
{
	struct job *j = *job;

	if (!j)
		return;
	for (size_t i = 0; i < j->n_open; i++)
		cleanup_fd(&j->open[i].fd);
	free(j->base);
	strv_done(&j->files);
	strv_done(&j->packed);
	log_check_done(&j->check);
	free(j);
}

/* "HASH" or "NUMBER:HASH", as this command prints it. */
static int take_noted(struct job *j, const char *text, struct err *e)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	if (!text)
		return 0;
	if (!hash_from_hex(colon ? colon + 1 : text, j->check.noted))
		return err_set(e, ERR_INPUT,
			"--head is a hash of 64 hexadecimal digits, or NUMBER:HASH as printed by "
			"this command, not \"%.80s\"",
			text);
	j->check.wants_noted = true;
	return 0;
}

static int find_files(struct ctl_call *call, struct job *j, struct err *e)
{
	const char *last = ctl_value(call, "file");

	if (last)
		j->base = strdup(last);
	else if (!(j->base = log_default_file(e)))
		return -1;
	if (!j->base)
		return err_nomem(e);
	if (!ctl_nth(call, "file", 1)) {
		if (*j->base)
			return log_files(j->base, &j->files, &j->packed, e);
		return err_set(e, ERR_INPUT, "this node keeps no audit log in a file (audit.path)");
	}
	for (size_t i = 0; ctl_nth(call, "file", i); i++)
		if (strv_add(&j->files, ctl_nth(call, "file", i)) < 0)
			return err_nomem(e);
	return 0;
}

/* Everything is opened while no writer is at work: lines, sizes and head belong together. */
static int snapshot(struct job *j, struct err *e)
{
	const int extra = j->quick ? O_NONBLOCK : 0;
	bool locked;
	AUTO_FD int head = chain_open_head(j->base, LOCK_WAIT_MS, &locked);
	struct stat st;

	j->unlocked = head >= 0 && !locked;
	if (head >= 0) {
		j->has_head = chain_read_head(head, &j->head);
		j->damaged = !j->has_head && fstat(head, &st) == 0 && st.st_size > 0;
	}
	if (j->files.n > VERIFY_FILES_MAX)
		return err_set(e, ERR_INPUT, "%zu files, limit %d", j->files.n, VERIFY_FILES_MAX);
	for (size_t i = 0; i < j->files.n; i++) {
		int fd = open(j->files.v[i], O_RDONLY | O_CLOEXEC | O_NOCTTY | extra);

		if (fd < 0)
			return err_set(e, errno, "open %.256s", j->files.v[i]);
		j->open[j->n_open].fd = fd;
		if (fstat(fd, &st) < 0)
			return err_set(e, errno, "stat %.256s", j->files.v[i]);
		if (j->quick && !S_ISREG(st.st_mode)) {
			close(fd);
			return err_set(e, ERR_INPUT, "%.256s is not a file", j->files.v[i]);
		}
		j->open[j->n_open++].size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX;
	}
	return 0;
}

static int check_file(struct job *j, size_t i, struct err *e)
{
	AUTO_LOG_READER struct log_reader r = LOG_READER_INIT;
	struct log_text line;
	int more;

	if (log_reader_take(&r, &j->open[i].fd, j->open[i].size, e) < 0)
		return -1;
	log_check_file(&j->check);
	while ((more = log_reader_next(&r, false, &line, e)) > 0) {
		log_check_line(&j->check, line.s, line.len, line.whole);
		j->lines++;
	}
	return more < 0 ? err_wrap(e, "%.256s", j->files.v[i]) : 0;
}

/* ---- the answer ---- */

static const char *const severities[] = {
	[LOG_NOTE] = "note",
	[LOG_GAP] = "gap",
	[LOG_BROKEN] = "broken",
};
static const char *const results[] = {
	[LOG_NOTE] = "whole",
	[LOG_GAP] = "gaps",
	[LOG_BROKEN] = "broken",
};

/* The last number and its hash, for somebody to keep elsewhere. */
static const char *last_line(const struct job *j, char out[96])
{
	char hex[HASH_HEX_SIZE];

	if (!j->check.last_good.line)
		return NULL;
	hash_hex(j->check.last_good.hash, hex);
	snprintf(out, 96, "%" PRIu64 ":%s", j->check.last_good.seq, hex);
	return out;
}

static void print_text(struct ctl_call *call, const struct job *j)
{
	static const char *const colours[] = {"\033[36m", "\033[33m", "\033[1;31m"};
	struct str *out = &call->out;
	char last[96];

	for (size_t i = 0; i < j->check.n_found; i++) {
		const struct log_finding *f = &j->check.found[i];

		table_text(j->files.v[f->file], 256, out);
		if (f->line)
			str_addf(out, ":%" PRIu64, f->line);
		str_addf(out, ": %s%s%s: ", call->colour ? colours[f->severity] : "",
			severities[f->severity], call->colour ? "\033[0m" : "");
		table_text(f->text, 512, out);
		str_addc(out, '\n');
	}
	if (j->check.more)
		str_addf(out, "and %" PRIu64 " more\n", j->check.more);
	for (size_t i = 0; i < j->packed.n; i++) {
		table_text(j->packed.v[i], 256, out);
		str_add(out, ": note: packed, not read\n");
	}
	if (j->unlocked)
		str_add(out, "a writer held the lock all the time: the end may be half written\n");
	str_addf(out,
		"%s: %" PRIu64 " lines in %zu %s, %" PRIu64 " in the chain, %" PRIu64 " not\n",
		results[j->check.worst], j->lines, j->files.n, j->files.n == 1 ? "file" : "files",
		j->check.linked, j->check.outside);
	if (last_line(j, last))
		str_addf(out, "last: %s\n", last);
}

static struct json *finding_json(
	const struct job *j, const struct log_finding *f, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "severity", json_string(doc, severities[f->severity])) < 0 ||
		json_put(doc, o, "kind", json_string(doc, f->kind)) < 0 ||
		json_put(doc, o, "file", json_string_lossy(doc, j->files.v[f->file])) < 0 ||
		(f->line && json_put(doc, o, "line", json_uint(doc, f->line)) < 0) ||
		json_put(doc, o, "text", json_string_lossy(doc, f->text)) < 0)
		return NULL;
	return o;
}

static struct json *answer_json(const struct job *j, struct json_doc *doc)
{
	const struct log_check *c = &j->check;
	struct json *o = json_object(doc), *found = json_array(doc);
	char last[96];

	for (size_t i = 0; i < c->n_found; i++)
		if (json_push(found, finding_json(j, &c->found[i], doc)) < 0)
			return NULL;
	if (json_put(doc, o, "result", json_string(doc, results[c->worst])) < 0 ||
		json_put(doc, o, "files", json_strings(doc, &j->files)) < 0 ||
		json_put(doc, o, "packed", json_strings(doc, &j->packed)) < 0 ||
		json_put(doc, o, "lines", json_uint(doc, j->lines)) < 0 ||
		json_put(doc, o, "linked", json_uint(doc, c->linked)) < 0 ||
		json_put(doc, o, "outside", json_uint(doc, c->outside)) < 0 ||
		json_put(doc, o, "beforeChain", json_uint(doc, c->before)) < 0 ||
		(last_line(j, last) && json_put(doc, o, "last", json_string(doc, last)) < 0) ||
		json_put(doc, o, "findings", found) < 0 ||
		json_put(doc, o, "moreFindings", json_uint(doc, c->more)) < 0)
		return NULL;
	return o;
}

static int check_all(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->files.n; i++)
		if (check_file(j, i, e) < 0)
			return -1;
	log_check_end(&j->check, j->has_head ? &j->head : NULL, j->damaged);
	return j->check.failed ? err_nomem(e) : 0;
}

int log_verify_quick(const char *base, uint64_t most, struct log_summary *out, struct err *e)
{
	__attribute__((cleanup(job_free))) struct job *j = calloc(1, sizeof *j);
	uint64_t bytes = 0;

	*out = (struct log_summary){.worst = LOG_NOTE};
	if (j)
		j->quick = true;
	if (!j || !(j->base = strdup(base)))
		return err_nomem(e);
	if (log_files(base, &j->files, &j->packed, e) < 0 || snapshot(j, e) < 0)
		return -1;
	for (size_t i = 0; i < j->n_open; i++)
		if (j->open[i].size > most || (bytes += j->open[i].size) > most) {
			out->too_long = true;
			return 0;
		}
	if (check_all(j, e) < 0)
		return -1;
	out->lines = j->lines;
	out->worst = j->check.worst;
	for (size_t i = 0; i < j->check.n_found && !*out->first; i++)
		if (j->check.found[i].severity == out->worst)
			snprintf(out->first, sizeof out->first, "line %" PRIu64 ": %s",
				j->check.found[i].line, j->check.found[i].text);
	return 0;
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(job_free))) struct job *j = calloc(1, sizeof *j);

	if (!j)
		return err_nomem(e);
	if (take_noted(j, ctl_value(call, "head"), e) < 0 || find_files(call, j, e) < 0 ||
		snapshot(j, e) < 0)
		return -1;
	if (check_all(j, e) < 0)
		return -1;
	if (call->json) {
		AUTO_JSON struct json_doc *doc = json_new();

		if (ctl_put_json(call, doc ? answer_json(j, doc) : NULL, e) < 0)
			return -1;
	} else {
		print_text(call, j);
	}
	return j->check.worst == LOG_NOTE ? CTL_OK : CTL_FINDINGS;
}

const struct ctl_command ctl_log_verify = {
	.name = "log verify",
	.run = run,
	.operands = "",
	.summary = "whether the audit log is as it was written",
	.notes = "Exit status: 0 whole, 1 gaps or broken, 2 it cannot be read.\n",
	.options =
		{
			{"file", "FILE", CTL_FILE,
				"a log, with its rotated files; several: these, in this order"},
			{"head", "HASH", CTL_TEXT,
				"a line that must be there: HASH or NUMBER:HASH noted elsewhere"},
		},
};
