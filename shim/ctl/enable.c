/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable - write cinch into an engine's configuration, and disable - take it out again.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/enable.h"
#include "shim/ctl/table.h"
#include "shim/ctl/toml.h"

struct work {
	const struct enable_engine *engine;
	const char *state;
	bool enable, dry;
	char programs[PATH_MAX];
	struct enable_ask ask;
	struct enable_record record;
	struct enable_now now;
	struct enable_plan plan; /* when it is enabled */
	struct str after; /* the file as it is to be */
	bool after_there, changed, is_default;
	const char *file; /* borrowed */
};

static void work_done(struct work *w)
{
	enable_record_done(&w->record);
	enable_now_done(&w->now);
	enable_plan_done(&w->plan);
	str_done(&w->after);
}

/* ---- what is asked ---- */

/* The directory of cinch, which has to be one that steers the node. */
static int find_programs(const struct ctl_call *c, struct work *w, struct err *e)
{
	const char *given = ctl_value(c, "programs");
	ssize_t n = -1;
	char *slash;

	if (given)
		snprintf(w->programs, sizeof w->programs, "%s", given);
	else
		n = readlink("/proc/self/exe", w->programs, sizeof w->programs - 1);
	if (!given && n < 0)
		return err_set(e, errno, "find this program; say where cinch is with --programs");
	if (n >= 0)
		w->programs[n] = '\0';
	slash = strrchr(w->programs, '/');
	if (w->programs[0] != '/' || strpbrk(w->programs, "\"\\\n\r\t '"))
		return err_set(e, ERR_INPUT,
			"--programs: expected the full path of a directory, without blanks and "
			"quotes");
	if (!given || slash[1] == '\0')
		*slash = '\0';
	w->ask.programs = w->programs;
	return 0;
}

static int check_programs(const struct work *w, struct err *e)
{
	struct stat st;

	if (stat(w->programs, &st) < 0)
		return err_set(e, errno, "%.256s", w->programs);
	if (io_check_owner(w->programs, &st, e) < 0)
		return -1;
	for (size_t i = 0; enable_names[i]; i++) {
		char path[PATH_MAX + 32];

		snprintf(path, sizeof path, "%s/%s", w->programs, enable_names[i]);
		if (stat(path, &st) < 0)
			return err_set(e, errno,
				"%.256s (a link to cinch; \"make install\" makes it, --programs "
				"names "
				"another directory)",
				path);
		if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR))
			return err_set(e, ERR_INPUT, "%.256s is not a program", path);
		if (io_check_owner(path, &st, e) < 0)
			return -1;
	}
	return 0;
}

static int ask(const struct ctl_call *c, struct work *w, struct err *e)
{
	w->engine = enable_engine(c->operands[0], e);
	if (!w->engine)
		return -1;
	w->state = ctl_value(c, "state") ? ctl_value(c, "state") : ENABLE_STATE;
	w->dry = ctl_given(c, "dry-run");
	w->ask.config =
		w->enable && ctl_value(c, "config") ? ctl_value(c, "config") : w->engine->config;
	w->ask.make_default = w->enable && ctl_given(c, "default");
	if (w->state[0] != '/' || w->ask.config[0] != '/')
		return err_set(e, ERR_INPUT, "--state and --config: expected full paths");
	if (find_programs(c, w, e) < 0)
		return -1;
	return w->enable ? check_programs(w, e) : 0;
}

/* ---- what there is to do ---- */

static int altered(const struct work *w, struct err *e)
{
	const struct enable_edit *v = &w->record.v[w->now.edit];
	AUTO_FREE char *backup = enable_backup_path(w->state, w->engine->name);

	if (!backup)
		return err_nomem(e);
	return err_set(e, ERR_INPUT,
		"%.200s has been edited since, where it cannot be told what is cinch's (%.120s): "
		"take it out by hand%s%.100s%s, then remove %.100s/%s.json",
		v->file, w->now.why.msg, v->there ? " (" : "", v->there ? backup : "",
		v->there ? " is the file before)" : "", w->state, w->engine->name);
}

/* A program of ours, or a link to it for another profile, in quotes. */
static bool names_program(const char *text, const char *programs)
{
	char path[PATH_MAX + 32];
	size_t n = (size_t)snprintf(path, sizeof path, "%s/" ENABLE_NAME, programs);

	for (const char *at = text; (at = strstr(at, path)); at += n)
		if (at[n] && strchr("\"'-", at[n]))
			return true;
	return false;
}

/* Nothing was written by us; somebody else may have written what we would. Who then takes the programs
 * away would leave an engine that starts nothing. */
static int check_by_hand(const struct work *w, struct err *e)
{
	const char *file = w->engine->config;
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	size_t len;

	if (strcmp(w->state, ENABLE_STATE) != 0) /* it is of other files */
		return 0;
	/* as the engine reads it, through links, too: it is only looked at */
	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0
							   : err_set(e, errno, "open %.200s", file);
	if (io_read_all(fd, TOML_BYTES_MAX, &text, &len, e) < 0)
		return err_wrap(e, "%.200s", file);
	if (names_program(text, w->programs))
		return err_set(e, ERR_INPUT,
			"%.200s names cinch, and there is no record that \"cinchctl enable\" has "
			"written it: take it out by hand",
			file);
	return 0;
}

static int plan_disable(struct work *w, struct err *e)
{
	const struct enable_now *n = &w->now;
	const struct enable_edit *v = &w->record.v[n->edit];

	if (w->record.n == 0)
		return check_by_hand(w, e);
	if (n->is == ENABLE_ALTERED)
		return altered(w, e);
	if (n->is == ENABLE_OUT)
		return 0;
	w->file = v->file;
	w->changed = true;
	w->after_there = n->base.there;
	str_add(&w->after, "");
	str_addn(&w->after, n->base.text, n->base.len);
	return str_failed(&w->after) ? err_nomem(e) : 0;
}

static int plan_enable(struct work *w, struct err *e)
{
	const struct enable_now *n = &w->now;

	if (n->is == ENABLE_ALTERED)
		return altered(w, e);
	if (n->is != ENABLE_OUT) {
		w->ask.over = w->record.v[n->edit].file;
		w->ask.over_text = &n->base;
	}
	if (w->engine->plan(&w->ask, &w->plan, e) < 0)
		return -1;
	w->file = w->plan.file;
	if (w->ask.over && strcmp(w->ask.over, w->file) != 0)
		return err_set(e, ERR_INPUT,
			"cinch is in %.200s, and would come into %.200s now: run \"cinchctl "
			"disable "
			"%s\" first",
			w->ask.over, w->file, w->engine->name);
	if (enable_after(&w->plan, &w->after, e) < 0)
		return -1;
	w->after_there = true;
	/* what somebody has edited around our part is no reason to move it */
	w->changed =
		n->is == ENABLE_EDITED ? !splices_found(&w->plan.splices, n->text.text, n->text.len)
		: n->is == ENABLE_IN   ? w->after.len != n->text.len ||
					       memcmp(w->after.s, n->text.text, n->text.len) != 0
				     : w->plan.splices.n > 0;
	return 0;
}

/* ---- doing it ---- */

/* Make room for one more edit in front. */
static int put_edit(struct work *w, struct err *e)
{
	struct enable_record *r = &w->record;
	struct enable_edit v = {.there = w->plan.before.there, .is_default = w->ask.make_default};
	struct enable_edit kept = {.file = NULL};

	for (size_t i = 0; i < r->n; i++) {
		if (w->now.is != ENABLE_OUT && i == w->now.edit) {
			kept = r->v[i];
			continue;
		}
		enable_edit_done(&r->v[i]);
	}
	r->n = 0;
	v.dir_made = kept.dir_made;
	v.splices = w->plan.splices;
	w->plan.splices.n = 0;
	v.file = strdup(w->file);
	v.config = strdup(w->ask.config);
	hash_sha256_hex(w->plan.before.text, w->plan.before.len, v.before);
	hash_sha256_hex(w->after.s, w->after.len, v.after);
	r->v[r->n++] = v;
	if (kept.file)
		r->v[r->n++] = kept;
	return v.file && v.config ? 0 : err_nomem(e);
}

/* The record says what was last; when the file could not be written, this is it. */
static void take_back(struct work *w)
{
	struct enable_record *r = &w->record;
	struct err second;

	enable_edit_done(&r->v[0]);
	if (r->n == 2) {
		r->v[0] = r->v[1];
		r->n = 1;
		enable_record_write(w->state, w->engine->name, r, &second);
	} else {
		r->n = 0;
		enable_record_remove(w->state, w->engine->name, &second);
	}
}

/* The last step may fail, which brings a directory to the disk: the file is there then. */
static bool is_written(const struct work *w)
{
	struct enable_text now = {.there = false};
	struct err why = {0};
	bool same = enable_text_read(w->file, &now, &why) == 0 && now.there &&
		    now.len == w->after.len && memcmp(now.text, w->after.s, now.len) == 0;

	enable_text_done(&now);
	return same;
}

static int do_enable(struct work *w, struct err *e)
{
	const char *name = w->engine->name;
	const struct stat *like = w->plan.before.there ? &w->plan.before.st : NULL;
	struct enable_record *r = &w->record;
	bool made = false;

	if (enable_backup(w->state, name, &w->plan.before, e) < 0 || put_edit(w, e) < 0)
		return -1;
	if (enable_record_write(w->state, name, r, e) < 0) {
		take_back(w);
		return -1;
	}
	if (enable_write(w->file, w->after.s, w->after.len, like, false, &made, e) < 0) {
		if (!is_written(w))
			take_back(w);
		return -1;
	}
	r->v[0].dir_made |= made;
	if (r->n == 2) {
		enable_edit_done(&r->v[1]);
		r->n = 1;
	} else if (!made) {
		return 0;
	}
	return enable_record_write(w->state, name, r, e);
}

static int remove_file(const struct enable_edit *v, struct err *e)
{
	AUTO_FREE char *dir = enable_beside(v->file, "");

	if (!dir)
		return err_nomem(e);
	if (unlink(v->file) < 0)
		return err_set(e, errno, "remove %.256s", v->file);
	if (v->dir_made && rmdir(dir) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		return err_set(e, errno, "remove the directory %.256s", dir);
	return 0;
}

static int do_disable(struct work *w, struct err *e)
{
	const struct enable_edit *v = &w->record.v[w->now.edit];

	if (w->now.is != ENABLE_OUT && !w->after_there && remove_file(v, e) < 0)
		return -1;
	if (w->now.is != ENABLE_OUT && w->after_there &&
		enable_write(v->file, w->after.s, w->after.len, &w->now.text.st, false, NULL, e) <
			0)
		return -1;
	return enable_record_remove(w->state, w->engine->name, e);
}

/* ---- who did it ---- */

static int write_record(const struct ctl_call *c, const struct work *w, const char *result,
	const char *why, struct err *e)
{
	AUTO_APPLIED struct applied applied = {.policy = NULL};
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	struct json *names;

	if (store_open(ctl_value(c, "store"), &applied, e) < 0 ||
		audit_begin(&a, w->enable ? "enable" : "disable", e) < 0)
		return -1;
	names = json_array(a.doc);
	for (size_t i = 0; w->enable && enable_names[i]; i++)
		if (json_push(names, json_string(a.doc, enable_names[i])) < 0)
			return err_nomem(e);
	if (audit_put_text(&a, "result", result) < 0 ||
		audit_put_text(&a, "engine", w->engine->name) < 0 ||
		audit_put_text(&a, "file", w->file) < 0 ||
		(w->enable && (audit_put(&a, "runtimes", names) < 0 ||
				      audit_put(&a, "default",
					      json_bool(a.doc, w->ask.make_default)) < 0)) ||
		audit_put_text(&a, "reason", why) < 0)
		return err_nomem(e);
	return audit_commit(&a, &applied.settings, e);
}

/* ---- the answer ---- */

static const char *result(const struct work *w)
{
	if (w->dry)
		return w->changed ? "differs" : "same";
	if (!w->changed)
		return "unchanged";
	return w->enable ? "enabled" : "disabled";
}

/* What to run, so that the engine heeds it. */
static const char *next_of(const struct work *w)
{
	return w->enable ? w->engine->reread : w->engine->forget;
}

static void make_diff(const struct work *w, struct str *out)
{
	AUTO_STR struct str lines = STR_INIT;
	const struct enable_text *old =
		w->enable && w->now.is == ENABLE_OUT ? &w->plan.before : &w->now.text;

	splice_diff(old->text ? old->text : "", old->len, str_text(&w->after),
		w->after_there ? w->after.len : 0, &lines);
	str_addf(out, "--- %s%s\n+++ %s%s\n", w->file, old->there ? "" : " (not there)", w->file,
		w->after_there ? "" : " (removed)");
	/* names and comments from outside: as a terminal may see them */
	for (const char *at = str_text(&lines); *at;) {
		size_t n = strcspn(at, "\n");
		AUTO_FREE char *line = strndup(at, n && at[n - 1] == '\r' ? n - 1 : n);

		if (!line) {
			out->failed = true;
			return;
		}
		for (char *tab = line; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		table_text(line, 2000, out);
		str_addc(out, '\n');
		at += n + (at[n] == '\n');
	}
}

static struct json *answer(const struct work *w, const char *why, struct json_doc *doc)
{
	AUTO_FREE char *backup = enable_backup_path(w->state, w->engine->name);
	AUTO_STR struct str diff = STR_INIT;
	struct json *o = json_object(doc);

	if (w->changed && !why)
		make_diff(w, &diff);
	if (json_put(doc, o, "result", json_string(doc, why ? "refused" : result(w))) < 0 ||
		json_put(doc, o, "engine", json_string(doc, w->engine->name)) < 0 ||
		(w->file && json_put(doc, o, "file", json_string_lossy(doc, w->file)) < 0) ||
		(w->enable &&
			json_put(doc, o, "default", json_bool(doc, w->ask.make_default)) < 0) ||
		(why && json_put(doc, o, "reason", json_string_lossy(doc, why)) < 0) ||
		(why && w->plan.by_hand.len &&
			json_put(doc, o, "byHand", json_string_lossy(doc, w->plan.by_hand.s)) <
				0) ||
		json_put(doc, o, "notes", json_strings(doc, &w->plan.notes)) < 0)
		return NULL;
	if (why || !w->changed)
		return o;
	if (str_failed(&diff) || !backup ||
		(w->enable && !w->dry && w->record.v[0].there &&
			json_put(doc, o, "backup", json_string_lossy(doc, backup)) < 0) ||
		(next_of(w) && json_put(doc, o, "next", json_string(doc, next_of(w))) < 0) ||
		json_put(doc, o, "diff", json_string_lossy(doc, diff.s)) < 0)
		return NULL;
	return o;
}

static void print(struct ctl_call *c, const struct work *w)
{
	AUTO_FREE char *backup = enable_backup_path(w->state, w->engine->name);
	struct str *out = &c->out;

	if (!w->changed && w->enable)
		str_addf(out, "%s: cinch is in %s already\n", w->engine->name, w->file);
	else if (!w->changed)
		str_addf(out, "%s: nothing of cinch's is in its configuration\n", w->engine->name);
	else if (w->dry)
		make_diff(w, out);
	else
		str_addf(out, "%s: cinch is %s %s\n", w->engine->name,
			w->enable ? "in" : "taken out of", w->file);
	if (w->changed && !w->dry && w->enable && backup && w->record.v[0].there)
		str_addf(out, "as it was: %s\n", backup);
	for (size_t i = 0; w->enable && i < w->plan.notes.n; i++) {
		str_add(out, "note: ");
		table_text(w->plan.notes.v[i], 2000, out);
		str_addc(out, '\n');
	}
	if (w->changed && next_of(w))
		str_addf(out, "%s: %s\n", w->dry ? "then" : "now run", next_of(w));
}

static int put_answer(struct ctl_call *c, const struct work *w, const char *why, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (!c->json && why) {
		str_add(&c->out, str_text(&w->plan.by_hand));
		return 0;
	}
	if (!c->json) {
		print(c, w);
		return str_failed(&c->out) ? err_nomem(e) : 0;
	}
	doc = json_new();
	return ctl_put_json(c, doc ? answer(w, why, doc) : NULL, e);
}

/* ---- the commands ---- */

static int work_out(struct work *w, struct err *e)
{
	if (enable_record_read(w->state, w->engine->name, &w->record, e) < 0 ||
		enable_look(w->engine, &w->record, &w->now, e) < 0)
		return -1;
	return w->enable ? plan_enable(w, e) : plan_disable(w, e);
}

static int try(struct ctl_call *c, struct work *w, struct err *e)
{
	AUTO_FD int lock = w->dry ? -1 : enable_lock(w->state, e);
	struct err second;
	int rc;

	if (!w->dry && lock < 0)
		return -1;
	if (work_out(w, e) < 0) {
		if (!w->dry)
			write_record(c, w, "refused", e->msg, &second);
		if (e->code == ERR_INPUT)
			put_answer(c, w, e->msg, &second);
		return -1;
	}
	if (w->dry || (!w->changed && (w->enable || w->record.n == 0)))
		return 0;
	rc = w->enable ? do_enable(w, e) : do_disable(w, e);
	if (rc < 0) {
		write_record(c, w, "failed", e->msg, &second);
		return -1;
	}
	if (w->changed && write_record(c, w, result(w), NULL, e) < 0)
		return err_wrap(e, "%.200s is changed, but that is not recorded", w->file);
	return 0;
}

static int run(struct ctl_call *c, bool enable, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {.enable = enable};

	if (ask(c, &w, e) < 0 || try(c, &w, e) < 0 || put_answer(c, &w, NULL, e) < 0)
		return -1;
	return w.dry && w.changed ? CTL_FINDINGS : CTL_OK;
}

static int run_enable(struct ctl_call *c, struct err *e)
{
	return run(c, true, e);
}

static int run_disable(struct ctl_call *c, struct err *e)
{
	return run(c, false, e);
}

#define STATUS                                                                                     \
	"Exit status: 0 done, or there was nothing to do; with --dry-run 0 no difference, 1 "      \
	"one;\n"                                                                                   \
	"2 refused or an error, and nothing is changed.\n"

const struct ctl_command ctl_enable = {
	.name = "enable",
	.run = run_enable,
	.operands = "containerd|docker|podman",
	.least = 1,
	.most = 1,
	.summary = "write cinch into an engine's configuration",
	.notes = "The engine is not restarted; what has to be run is printed.\n" STATUS,
	.options =
		{
			{"default", NULL, CTL_NONE,
				"containers that name no runtime get cinch, too"},
			{"dry-run", NULL, CTL_NONE, "only what would change"},
			{"config", "FILE", CTL_FILE, "the engine's file; default: the usual one"},
			{"programs", "DIR", CTL_DIR, "where cinch is; default: beside cinchctl"},
			{"state", "DIR", CTL_DIR, "instead of " ENABLE_STATE},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};

const struct ctl_command ctl_disable = {
	.name = "disable",
	.run = run_disable,
	.operands = "containerd|docker|podman",
	.least = 1,
	.most = 1,
	.summary = "take cinch out of an engine's configuration again",
	.notes = "A file that was not edited since becomes what it was, byte for byte.\n" STATUS,
	.options =
		{
			{"dry-run", NULL, CTL_NONE, "only what would change"},
			{"state", "DIR", CTL_DIR, "instead of " ENABLE_STATE},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
