/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_record - what was written into an engine's configuration.
 */
#include "shim/ctl/enable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/json.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 8 << 20 };

void enable_edit_done(struct enable_edit *v)
{
	free(v->file);
	free(v->config);
	splices_done(&v->splices);
}

void enable_record_done(struct enable_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		enable_edit_done(&r->v[i]);
	r->n = 0;
}

static char *path_of(const char *state, const char *engine, const char *end)
{
	AUTO_STR struct str s = STR_INIT;

	str_addf(&s, "%s/%s%s", state, engine, end);
	return str_take(&s);
}

char *enable_backup_path(const char *state, const char *engine)
{
	return path_of(state, engine, ".before");
}

/* ---- reading ---- */

static int read_splices(const struct json *list, struct splices *s, struct err *e)
{
	json_each (v, list) {
		const char *removed = json_str(json_get(v, "removed"));
		const char *inserted = json_str(json_get(v, "inserted"));
		uint64_t at;

		if (!removed || !inserted || s->n == SPLICES_MAX ||
			!json_u64(json_get(v, "at"), RECORD_MAX, &at))
			return err_set(e, ERR_INPUT, "a change is not as it should be");
		if (splices_add(s, (size_t)at, removed, strlen(removed), inserted,
			    json_is_true(json_get(v, "keep")), e) < 0)
			return -1;
	}
	return 0;
}

static int read_edit(const struct json *o, struct enable_edit *v, struct err *e)
{
	const char *file = json_str(json_get(o, "file"));
	const char *before = json_str(json_get(o, "before"));
	const char *after = json_str(json_get(o, "after"));
	const char *config = json_str(json_get(o, "config"));

	if (!file || file[0] != '/' || !before || !after || !hash_is_hex(before) ||
		!hash_is_hex(after))
		return err_set(e, ERR_INPUT, "file, before or after is not as it should be");
	v->file = strdup(file);
	v->config = strdup(config ? config : file);
	if (!v->file || !v->config)
		return err_nomem(e);
	memcpy(v->before, before, HASH_HEX_SIZE);
	memcpy(v->after, after, HASH_HEX_SIZE);
	v->there = json_is_true(json_get(o, "there"));
	v->dir_made = json_is_true(json_get(o, "directoryMade"));
	v->is_default = json_is_true(json_get(o, "default"));
	return read_splices(json_get(o, "changes"), &v->splices, e);
}

static int read_record(const char *text, size_t len, struct enable_record *r, struct err *e)
{
	static const struct json_limits limits = {.bytes = RECORD_MAX, .depth = 8, .values = 500};
	AUTO_JSON struct json_doc *doc = NULL;
	uint64_t version;

	if (json_parse(text, len, &limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	if (!json_u64(json_get(json_root(doc), "version"), 1000, &version) ||
		version != RECORD_VERSION)
		return err_set(e, ERR_INPUT, "written by another cinchctl");
	json_each (v, json_get(json_root(doc), "edits")) {
		if (r->n == ENABLE_EDITS)
			return err_set(e, ERR_INPUT, "more than %d edits", ENABLE_EDITS);
		r->n++;
		if (read_edit(v, &r->v[r->n - 1], e) < 0)
			return -1;
	}
	return r->n ? 0 : err_set(e, ERR_INPUT, "nothing in it");
}

int enable_record_read(
	const char *state, const char *engine, struct enable_record *r, struct err *e)
{
	AUTO_FREE char *path = path_of(state, engine, ".json");
	AUTO_FREE char *text = NULL;
	AUTO_FD int dir = -1;
	struct stat st;
	size_t len;

	*r = (struct enable_record){.n = 0};
	if (!path)
		return err_nomem(e);
	dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_set(e, errno, "open %.256s", state);
	if (io_check_owner(state, &st, e) < 0)
		return -1;
	if (io_read_file_at(dir, path + strlen(state) + 1, RECORD_MAX, &text, &len, &st, e) < 0) {
		if (e->code != ENOENT)
			return err_wrap(e, "%.256s", state);
		e->code = 0;
		return 0;
	}
	if (io_check_owner(path, &st, e) < 0)
		return -1;
	if (read_record(text, len, r, e) < 0) {
		enable_record_done(r);
		return err_wrap(e, "the record %.256s", path);
	}
	return 0;
}

/* ---- writing ---- */

static struct json *splices_json(const struct splices *s, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < s->n; i++) {
		struct json *o = json_object(doc);

		if (json_put(doc, o, "at", json_uint(doc, s->v[i].at)) < 0 ||
			json_put(doc, o, "removed", json_string(doc, s->v[i].removed)) < 0 ||
			json_put(doc, o, "inserted", json_string(doc, s->v[i].inserted)) < 0 ||
			json_put(doc, o, "keep", json_bool(doc, s->v[i].keep)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

static struct json *edit_json(const struct enable_edit *v, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "file", json_string(doc, v->file)) < 0 ||
		json_put(doc, o, "config", json_string(doc, v->config)) < 0 ||
		json_put(doc, o, "there", json_bool(doc, v->there)) < 0 ||
		json_put(doc, o, "directoryMade", json_bool(doc, v->dir_made)) < 0 ||
		json_put(doc, o, "default", json_bool(doc, v->is_default)) < 0 ||
		json_put(doc, o, "before", json_string(doc, v->before)) < 0 ||
		json_put(doc, o, "after", json_string(doc, v->after)) < 0 ||
		json_put(doc, o, "changes", splices_json(&v->splices, doc)) < 0)
		return NULL;
	return o;
}

int enable_record_write(
	const char *state, const char *engine, const struct enable_record *r, struct err *e)
{
	AUTO_FREE char *path = path_of(state, engine, ".json");
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str text = STR_INIT;
	struct json *o = doc ? json_object(doc) : NULL, *list = doc ? json_array(doc) : NULL;

	for (size_t i = 0; doc && i < r->n; i++)
		if (json_push(list, edit_json(&r->v[i], doc)) < 0)
			return err_nomem(e);
	if (!path || !doc || json_put(doc, o, "version", json_uint(doc, RECORD_VERSION)) < 0 ||
		json_put(doc, o, "engine", json_string(doc, engine)) < 0 ||
		json_put(doc, o, "edits", list) < 0)
		return err_nomem(e);
	json_write_pretty(o, &text);
	str_addc(&text, '\n');
	if (str_failed(&text))
		return err_nomem(e);
	return enable_write(path, text.s, text.len, NULL, true, NULL, e);
}

int enable_backup(
	const char *state, const char *engine, const struct enable_text *before, struct err *e)
{
	AUTO_FREE char *path = enable_backup_path(state, engine);

	if (!path)
		return err_nomem(e);
	if (!before->there) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove %.256s", path);
		return 0;
	}
	/* it may hold credentials of registries */
	return enable_write(path, before->text, before->len, NULL, true, NULL, e);
}

int enable_record_remove(const char *state, const char *engine, struct err *e)
{
	static const char *const ends[] = {
		".before", ".json"}; /* the record last: it knows what is left to do */

	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *path = path_of(state, engine, ends[i]);

		if (!path)
			return err_nomem(e);
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove %.256s", path);
	}
	return 0;
}

/* ---- one at a time ---- */

static int make_dirs(const char *path, struct err *e)
{
	AUTO_FREE char *part = strdup(path);

	if (!part)
		return err_nomem(e);
	for (char *at = part + 1;; at++) {
		const char c = *at;

		if (c && c != '/')
			continue;
		*at = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "make the directory %.256s", part);
		*at = c;
		if (!c)
			return 0;
	}
}

int enable_lock(const char *state, struct err *e)
{
	enum { TRIES = 200, WAIT_MS = 50 };
	AUTO_FD int fd = -1;
	struct stat st;

	if (make_dirs(state, e) < 0)
		return -1;
	fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %.256s", state);
	if (io_check_owner(state, &st, e) < 0)
		return -1;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000L};

		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, errno, "lock %.256s", state);
		if (i == TRIES)
			return err_set(e, ERR_INPUT, "somebody else is at work in %.256s", state);
		nanosleep(&wait, NULL);
	}
	return take_fd(&fd);
}
