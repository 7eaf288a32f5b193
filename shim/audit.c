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
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/base/num.h"
#include "shim/base/str.h"
#include "shim/chain.h"

enum {
	ANCESTORS_MAX = 8,
	PROC_FILE_MAX = 512,
	/* of a record that is too long: bytes of a text, and of a member other than the changes */
	TEXT_SHOWN = 1024,
	MEMBER_SHOWN = 2048,
	/* and of a command, as JSON: what is run may stand behind much that is not worth its place */
	ARGS_HEAD = 24 * 1024,
	ARGS_TAIL = 8 * 1024,
};

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

/* Of /proc/PID/stat: "pid (name) S ppid pgrp session tty ...". */
struct process {
	char name[64];
	int parent;
	unsigned tty; /* its controlling terminal's device; 0: none */
};

/* The name may hold anything, also ") ", so its end is the last ')'. */
static bool process(int pid, struct process *out)
{
	char path[64], text[PROC_FILE_MAX], *begin, *end;
	size_t len;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if (!proc_text(path, text))
		return false;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end || sscanf(end + 1, " %*c %d %*d %*d %u", &out->parent, &out->tty) != 2)
		return false;
	len = (size_t)(end - begin - 1);
	if (len > sizeof out->name - 1)
		len = sizeof out->name - 1;
	memcpy(out->name, begin + 1, len);
	out->name[len] = '\0';
	return true;
}

/* The device of a terminal by the name below /dev that the kernel gives its drivers. */
static int put_tty(struct json_doc *doc, struct json *caller, unsigned device)
{
	enum { CONSOLES = 4, SERIAL_FROM = 64, PTS = 136, PTS_LAST = 143 };
	const unsigned major = (device >> 8) & 0xfff;
	const unsigned minor = (device & 0xff) | ((device >> 12) & 0xfff00);
	char name[32];

	if (!device)
		return 0;
	if (major >= PTS && major <= PTS_LAST)
		snprintf(name, sizeof name, "pts/%u", minor + (major - PTS) * 256);
	else if (major == CONSOLES)
		snprintf(name, sizeof name, minor < SERIAL_FROM ? "tty%u" : "ttyS%u",
			minor < SERIAL_FROM ? minor : minor - SERIAL_FROM);
	else
		snprintf(name, sizeof name, "%u:%u", major, minor);
	return json_put(doc, caller, "tty", json_string(doc, name));
}

static int put_ancestors(struct json_doc *doc, struct json *caller, int pid)
{
	struct json *list = json_array(doc);
	struct process p;

	for (int i = 0; i < ANCESTORS_MAX && pid > 0 && process(pid, &p); i++) {
		if ((i == 0 && put_tty(doc, caller, p.tty) < 0) ||
			json_push(list, json_string_lossy(doc, p.name)) < 0)
			return -1;
		pid = p.parent;
	}
	return json_put(doc, caller, "ancestors", list);
}

/* A number the kernel keeps for who logged in; 4294967295 means that nobody has. */
static int put_login(struct json_doc *doc, struct json *caller, const char *key, const char *path)
{
	char text[PROC_FILE_MAX];
	uint64_t n;

	if (!proc_text(path, text) || !num_u64(text, UINT32_MAX - 1, &n))
		return 0;
	return json_put(doc, caller, key, json_uint(doc, n));
}

/* In a user namespace our uid is what its maker chose; this is whose it is outside. */
static int put_host_uid(struct json_doc *doc, struct json *caller)
{
	char text[PROC_FILE_MAX], *save = NULL;
	const unsigned uid = getuid();

	if (!proc_text("/proc/self/uid_map", text))
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned inside, outside, n;

		if (sscanf(line, " %u %u %u", &inside, &outside, &n) != 3 || uid < inside ||
			uid - inside >= n)
			continue;
		if (inside == 0 && outside == 0 && n == UINT32_MAX) /* not in one */
			return 0;
		return json_put(doc, caller, "hostUid", json_uint(doc, outside + (uid - inside)));
	}
	return 0;
}

static int put_ids(struct json_doc *doc, struct json *caller)
{
	if (json_put(doc, caller, "uid", json_uint(doc, getuid())) < 0 ||
		(geteuid() != getuid() &&
			json_put(doc, caller, "euid", json_uint(doc, geteuid())) < 0))
		return -1;
	if (put_host_uid(doc, caller) < 0 ||
		put_login(doc, caller, "loginuid", "/proc/self/loginuid") < 0 ||
		put_login(doc, caller, "session", "/proc/self/sessionid") < 0)
		return -1;
	return 0;
}

static struct json *make_caller(struct json_doc *doc)
{
	struct json *caller = json_object(doc);
	char path[64], program[PATH_MAX];
	int pid = getppid();
	ssize_t n;

	if (put_ids(doc, caller) < 0 || json_put(doc, caller, "pid", json_int(doc, pid)) < 0)
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
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	clock_gettime(CLOCK_MONOTONIC, &a->began);
	a->ignoring = sigaction(SIGXFSZ, &ignore, &a->at_limit) == 0;
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

void audit_done(struct audit *a)
{
	json_free(a->doc);
	a->doc = NULL;
	a->record = NULL;
	if (a->ignoring)
		sigaction(SIGXFSZ, &a->at_limit, NULL);
	a->ignoring = false;
}

/* ---- a record that is not too long ---- */

/* Bytes of V as JSON, with its name. */
static size_t size_of(const struct json *v)
{
	AUTO_STR struct str text = STR_INIT;

	json_write(v, &text);
	if (v->key)
		json_write_string(v->key, strlen(v->key), &text);
	return str_failed(&text) ? SIZE_MAX / 4 : text.len + 2;
}

/* Strings in V longer than TEXT_SHOWN are cut, but for those in WHOLE. *N counts them; -1: out of memory. */
static int cut_texts(struct json_doc *doc, struct json *v, const struct json *whole, uint64_t *n)
{
	json_each_safe (child, v) {
		AUTO_STR struct str text = STR_INIT;
		struct json *shorter;
		size_t len = TEXT_SHOWN;

		if (child == whole)
			continue;
		if (child->type == JSON_ARRAY || child->type == JSON_OBJECT) {
			if (cut_texts(doc, child, whole, n) < 0)
				return -1;
			continue;
		}
		if (child->type != JSON_STRING || child->len <= TEXT_SHOWN)
			continue;
		while (len > 0 && (child->text[len] & 0xc0) == 0x80) /* within a character */
			len--;
		str_addn(&text, child->text, len);
		str_add(&text, "...");
		shorter = str_failed(&text) ? NULL : json_string(doc, text.s);
		if (!shorter || json_replace(child, shorter) < 0)
			return -1;
		++*n;
	}
	return 0;
}

/* The members of LIST that do not fit into BUDGET go; those of kind "deny" have the first choice. */
static void trim(struct json *list, size_t budget, uint64_t *n)
{
	for (int round = 0; round < 2; round++)
		json_each_safe (child, list) {
			const char *kind = json_str(json_get(child, "kind"));
			bool first = kind && strcmp(kind, "deny") == 0;
			size_t size;

			if (first != (round == 0))
				continue;
			size = size_of(child);
			if (size <= budget) {
				budget -= size;
			} else {
				json_remove(child);
				++*n;
			}
		}
}

/* A place in a list of texts. */
struct place {
	const struct json *item;
	size_t at; /* byte of its text */
};

/* Bytes of C in a JSON string, at most. */
static size_t cost(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? 6 : c == '"' || c == '\\' ? 2 : 1;
}

/* Where BUDGET ends from the front of LIST; item NULL: it is all within. */
static struct place from_front(const struct json *list, size_t budget)
{
	json_each (v, list)
		for (size_t i = 0; i <= v->len; i++) {
			size_t need = i < v->len ? cost(v->text[i]) : 3;

			if (need > budget) {
				while (i && i < v->len && (v->text[i] & 0xc0) == 0x80)
					i--;
				return (struct place){v, i};
			}
			budget -= need;
		}
	return (struct place){NULL, 0};
}

/* Where it begins that it reaches to the end of LIST. */
static struct place from_back(const struct json *list, size_t budget)
{
	for (const struct json *v = list->last; v; v = v->prev)
		for (size_t i = v->len + 1; i-- > 0;) {
			size_t need = i < v->len ? cost(v->text[i]) : 3;

			if (need > budget) {
				i += i < v->len;
				while (i < v->len && (v->text[i] & 0xc0) == 0x80)
					i++;
				return (struct place){v, i};
			}
			budget -= need;
		}
	return (struct place){NULL, 0};
}

static int push_part(struct json_doc *doc, struct json *list, struct str *text)
{
	return str_failed(text) ? -1 : json_push(list, json_string(doc, str_text(text)));
}

/* LIST without what is between FROM and TO. Its texts lose their spelling, which may be six times as long. */
static struct json *without(
	struct json_doc *doc, const struct json *list, struct place from, struct place to)
{
	struct json *kept = json_array(doc);
	bool gap = false;

	json_each (v, list) {
		AUTO_STR struct str text = STR_INIT;

		if (v == from.item) {
			gap = true;
			str_addn(&text, v->text, from.at);
			str_add(&text, "...");
		}
		if (v == to.item) {
			gap = false;
			str_addf(&text, "%s%s", v == from.item ? "" : "...", v->text + to.at);
		}
		if (gap && v != from.item)
			continue;
		if (v != from.item && v != to.item)
			str_addn(&text, v->text, v->len);
		if (push_part(doc, kept, &text) < 0)
			return NULL;
	}
	return kept;
}

/* Of a long command the beginning and the end. */
static int cut_args(struct audit *a, uint64_t *n)
{
	struct json *args = json_get(a->record, "args"), *kept;
	struct place from, to;
	uint32_t before;

	if (!json_is(args, JSON_ARRAY) || size_of(args) <= ARGS_HEAD + ARGS_TAIL + 64)
		return 0;
	from = from_front(args, ARGS_HEAD);
	to = from.item ? from_back(args, ARGS_TAIL) : from;
	before = args->count;
	kept = without(a->doc, args, from, to);
	if (!kept || audit_put(a, "args", kept) < 0)
		return -1;
	*n += before > kept->count ? before - kept->count : from.item != NULL;
	return 0;
}

/* Makes the record of A fit into a line. */
static int shorten(struct audit *a)
{
	const struct json *args, *changes;
	size_t others = 64; /* "truncated" itself */
	uint64_t n = 0;

	if (cut_args(a, &n) < 0)
		return -1;
	args = json_get(a->record, "args");
	if (cut_texts(a->doc, a->record, args, &n) < 0)
		return -1;
	changes = json_get(a->record, "changes");
	json_each (v, a->record) {
		if (v == changes)
			continue;
		if (v != args && (v->type == JSON_ARRAY || v->type == JSON_OBJECT))
			trim(v, MEMBER_SHOWN, &n);
		others += size_of(v);
	}
	if (changes && others < CHAIN_OBJECT_MAX)
		trim(json_get(a->record, "changes"), CHAIN_OBJECT_MAX - others, &n);
	return audit_put(a, "truncated", json_uint(a->doc, n));
}

static int render(struct audit *a, struct str *out, struct err *e)
{
	struct timespec now;
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (int64_t)(now.tv_sec - a->began.tv_sec) * 1000000 +
	     (now.tv_nsec - a->began.tv_nsec) / 1000;
	if (audit_put(a, "durationUs", json_int(a->doc, us)) < 0)
		return err_nomem(e);
	json_write(a->record, out);
	if (out->len > CHAIN_OBJECT_MAX) {
		str_reset(out);
		if (shorten(a) < 0)
			return err_nomem(e);
		json_write(a->record, out);
	}
	if (str_failed(out))
		return err_nomem(e);
	if (out->len > CHAIN_OBJECT_MAX)
		return err_set(e, ERR_BUG, "%zu bytes, limit %d", out->len, CHAIN_OBJECT_MAX);
	return 0;
}

/* ---- journald and syslog ---- */

/* One line for people: what was asked, for which container, and what became of it. */
static void summarize(const struct audit *a, const char *profiles, struct str *out)
{
	const char *verb = json_str(json_get(a->record, "verb"));
	const char *id = json_str(json_get(a->record, "id"));
	const char *result = json_str(json_get(a->record, "result"));
	const char *error = json_str(json_get(a->record, "error"));
	const char *reason = json_str(json_get(a->record, "reason")); /* of an apply */
	const struct json *changes = json_get(a->record, "changes");

	str_add(out, verb ? verb : "call");
	if (id)
		str_addf(out, " of %s", id);
	if (result)
		str_addf(out, ": %s", result);
	if (*profiles)
		str_addf(out, " by %s", profiles);
	if (changes && changes->count)
		str_addf(out, ", %u changes and notes", changes->count);
	if (json_is_true(json_get(a->record, "wouldRefuse")))
		str_add(out, ", would be refused if it were enforced");
	if (error || reason)
		str_addf(out, ": %s", error ? error : reason);
}

static enum journal_level level_of(const struct audit *a)
{
	const char *result = json_str(json_get(a->record, "result"));

	if (result && strcmp(result, "failed") == 0)
		return JOURNAL_ERR;
	if ((result && strcmp(result, "refused") == 0) ||
		json_is_true(json_get(a->record, "wouldRefuse")))
		return JOURNAL_WARNING;
	return JOURNAL_INFO;
}

static struct journal_field field(const char *name, const char *value)
{
	return (struct journal_field){name, value, value ? strlen(value) : 0};
}

/* The record for those who keep it elsewhere; with number and hash of the line, they can tell later
 * whether the file still holds it. Returns how many took it; *LOST counts those that did not. */
static int hand_on(const struct audit *a, const struct settings *s, const struct chain_entry *x,
	const char *record, int *lost)
{
	const struct journal_sockets *to = a->sockets ? a->sockets : &journal_sockets;
	AUTO_STR struct str text = STR_INIT, profiles = STR_INIT;
	const char priority[] = {(char)('0' + (int)level_of(a)), '\0'};
	char seq[24] = "";
	struct err e;
	int taken = 0;

	json_each (p, json_get(a->record, "profiles")) {
		const char *name = json_str(json_get(p, "name"));

		str_addf(&profiles, "%s%s", profiles.len ? "," : "", name ? name : "");
	}
	summarize(a, str_text(&profiles), &text);
	if (x->seq)
		snprintf(seq, sizeof seq, "%" PRIu64, x->seq);
	if (s->audit.journald) {
		const struct journal_field fields[] = {
			field("MESSAGE", str_text(&text)),
			field("PRIORITY", priority),
			field("SYSLOG_IDENTIFIER", "cinch"),
			field("CINCH_VERB", json_str(json_get(a->record, "verb"))),
			field("CINCH_ID", json_str(json_get(a->record, "id"))),
			field("CINCH_RESULT", json_str(json_get(a->record, "result"))),
			field("CINCH_PROFILE", profiles.len ? str_text(&profiles) : NULL),
			field("CINCH_SEQ", x->seq ? seq : NULL),
			field("CINCH_HASH", x->seq ? x->hash : NULL),
			field("CINCH_RECORD", record),
		};

		if (journal_send(to->journald, fields, sizeof fields / sizeof *fields, &e) == 0)
			taken++;
		else
			++*lost;
	}
	if (s->audit.syslog) {
		AUTO_STR struct str line = STR_INIT;

		/* in front, where a long reason cannot push it out */
		if (x->seq)
			str_addf(&line, "[%s %s] ", seq, x->hash);
		str_addn(&line, str_text(&text), text.len);
		if (journal_syslog(to->syslog, level_of(a), str_text(&line), &e) == 0)
			taken++;
		else
			++*lost;
	}
	return taken;
}

int audit_commit(struct audit *a, const struct settings *s, struct err *e)
{
	const struct journal_sockets *to = a->sockets ? a->sockets : &journal_sockets;
	AUTO_STR struct str object = STR_INIT;
	AUTO_CHAIN_ENTRY struct chain_entry x = {.line = STR_INIT};
	bool file = *s->audit.path != '\0', rendered, written = false;
	struct err why = {0}, second;
	int taken = 0, lost = 0;

	if (!file && !s->audit.journald && !s->audit.syslog) {
		if (!s->audit.required)
			return 0;
		return err_set(
			e, ERR_INPUT, "audit record: it is required, and there is no place for it");
	}
	rendered = render(a, &object, &why) == 0;
	if (rendered && file)
		written = chain_append(s->audit.path, object.s, object.len, &x, &why) == 0;
	if (rendered)
		taken = hand_on(a, s, &x, str_text(written ? &x.line : &object), &lost);
	if (written && lost)
		chain_note_lost(s->audit.path);
	if (written || (rendered && !file && taken))
		return 0;
	if (!why.code)
		err_set(&why, ERR_INPUT, "neither journald nor syslog took it");
	err_wrap(&why, "audit record");
	if (s->audit.required && taken == 0) {
		*e = why;
		return -1;
	}
	(void)journal_tell(to, JOURNAL_ERR, why.msg, &second);
	return 0;
}
