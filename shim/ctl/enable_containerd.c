/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_containerd - cinch among the runtimes of containerd's CRI plugin, which a RuntimeClass names.
 *
 * Three things make this more than adding a table:
 * - A table of runtimes takes the place of the one containerd comes with. Where a file had none, the one
 *   for runc has to be written as well, or no ordinary pod starts any more.
 * - containerd before 2.0 does not merge the sections of imported files: one that has a table of the CRI
 *   plugin replaces all that other files say of that plugin. So the tables go where the plugin's are; a
 *   file of its own is only made for version 3 of the format, which 2.0 brought together with merging.
 * - A pod's cgroup is made by the kubelet; the runtime has to be told how (SystemdCgroup). cinch's tables
 *   get all settings of the runtime that is the default.
 */
#include "shim/ctl/enable_cri.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"

#define SHIM "io.containerd.runc.v2"
#define MARK_BEGIN                                                                                 \
	"# Begin: written by \"cinchctl enable containerd\", removed by \"cinchctl disable "       \
	"containerd\"."
#define MARK_END "# End: written by \"cinchctl enable containerd\"."

/* ---- where ---- */

/* The file the plugin's tables belong into; *COUNT: in how many they are. */
static struct cri_file *target(struct cri *w, size_t *count)
{
	AUTO_FREE char *path = cri_path(w, NULL);
	struct cri_file *found = &w->v[0];

	*count = 0;
	for (size_t i = 0; path && i < w->n; i++)
		if (!w->v[i].own && toml_below(&w->v[i].toml, path)) {
			if (++*count == 1)
				found = &w->v[i];
		}
	return found;
}

static int choose(struct cri *w, struct cri_file **out, struct err *e)
{
	size_t count;
	struct cri_file *f = target(w, &count);

	if (w->version == 2 && count > 1)
		return err_set(e, ERR_INPUT,
			"%.150s and a file it imports both have tables of %s: containerd before "
			"2.0 "
			"heeds only the last file; put them into one",
			f->path, w->plugin);
	*out = w->version == 3 ? &w->v[0] : f;
	return 0;
}

/* ---- the default ---- */

struct chosen {
	const struct cri_file *file; /* where default_runtime_name is; NULL: nowhere */
	const struct toml_entry *key;
	const char *name;
	bool described; /* there is a table for it */
	const struct cri_file *model_file;
	const struct toml_entry *model; /* the table whose settings ours get; NULL: none */
};

/* The table of a runtime that is run as cinch is, by the same shim; the last file's. */
static bool find_model(const struct cri *w, const char *name, struct chosen *c, struct err *e)
{
	AUTO_STR struct str table = STR_INIT, type = STR_INIT;

	str_addf(&table, CRI_RUNTIMES TOML_SEP "%s", name);
	str_addf(&type, "%s" TOML_SEP "runtime_type", str_text(&table));
	if (str_failed(&table) || str_failed(&type))
		return err_nomem(e), false;
	for (size_t i = 0; i < w->n; i++) {
		const struct toml_entry *v = cri_find(w, &w->v[i], TOML_TABLE, table.s);
		const struct toml_entry *is = cri_find(w, &w->v[i], TOML_KEY, type.s);

		if (v && is && is->text && strcmp(is->text, SHIM) == 0) {
			c->model_file = &w->v[i];
			c->model = v;
		}
	}
	return c->model != NULL;
}

static int find_default(const struct cri *w, struct chosen *c, struct err *e)
{
	AUTO_FREE char *runtimes = cri_path(w, CRI_RUNTIMES);
	AUTO_STR struct str below = STR_INIT;
	bool any = false;

	*c = (struct chosen){.name = "runc"};
	for (size_t i = 0; i < w->n; i++) {
		const struct toml_entry *v = cri_find(w, &w->v[i], TOML_KEY, CRI_DEFAULT);

		if (!v)
			continue;
		if (!v->text)
			return cri_wrong(&w->v[i], v, e, "default_runtime_name: expected a string");
		c->file = &w->v[i];
		c->key = v;
		c->name = v->text;
	}
	str_addf(&below, CRI_RUNTIMES TOML_SEP "%s", c->name);
	if (!runtimes || str_failed(&below))
		return err_nomem(e);
	for (size_t i = 0; i < w->n; i++) {
		const struct toml_entry *v = cri_find(w, &w->v[i], TOML_TABLE, below.s);

		any |= toml_below(&w->v[i].toml, runtimes) != NULL;
		c->described |= v != NULL;
	}
	if (!c->described && c->key && strcmp(c->name, "runc") != 0)
		return cri_wrong(c->file, c->key, e,
			"default_runtime_name is a runtime that no table describes");
	if (!c->described && any && c->key)
		return cri_wrong(c->file, c->key, e,
			"default_runtime_name is \"runc\", and there are tables of runtimes, but "
			"none "
			"for runc");
	e->code = 0;
	if (!find_model(w, c->name, c, e) && e->code == 0)
		find_model(w, "runc", c, e);
	return e->code ? -1 : 0;
}

/* ---- what to write ---- */

/* [plugins."NAME".containerd...] */
static void put_table(const struct cri *w, const char *below, struct str *out)
{
	str_addf(out, "[plugins.\"%s\".%s]\n", w->plugin, below);
}

/* A key, quoted where it has to be. */
static void put_key(const char *key, struct str *out)
{
	static const char bare[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	if (key[strspn(key, bare)] == '\0')
		str_add(out, key);
	else if (!strchr(key, '\'')) /* containerd 1.6 reads no escapes in a key */
		str_addf(out, "'%s'", key);
	else
		json_write_string(key, strlen(key), out);
}

/* The keys right below TABLE of C's file, but those named in EXCEPT. */
static int copy_keys(const struct chosen *c, const char *table, const char *indent,
	const char *const *except, struct str *out, struct err *e)
{
	const struct toml *t = &c->model_file->toml;
	const size_t n = strlen(table);

	for (size_t i = 0; i < t->n; i++) {
		const struct toml_entry *v = &t->v[i];

		if (v->kind != TOML_KEY || strncmp(v->path, table, n) != 0 ||
			v->path[n] != *TOML_SEP || v->head != n)
			continue;
		if (strchr(v->path + n + 1, *TOML_SEP))
			return cri_wrong(c->model_file, v, e,
				"written with dots, where only tables [...] are understood");
		if (str_in(except, v->path + n + 1))
			continue;
		str_add(out, indent);
		put_key(v->path + n + 1, out);
		str_addf(out, " = %.*s\n", (int)(v->value_end - v->value),
			c->model_file->text.text + v->value);
	}
	return 0;
}

/* Tables below the default's that are not its options would be left out: say so. */
static int check_tables(const struct chosen *c, const char *options, struct err *e)
{
	const struct toml *t = &c->model_file->toml;
	const size_t n = strlen(c->model->path);

	for (size_t i = 0; i < t->n; i++) {
		const struct toml_entry *v = &t->v[i];

		if (v->kind == TOML_TABLE && strncmp(v->path, c->model->path, n) == 0 &&
			v->path[n] == *TOML_SEP && strcmp(v->path, options) != 0)
			return cri_wrong(c->model_file, v, e,
				"a table whose meaning for a runtime is not known");
	}
	return 0;
}

/* What the model lets through, and ours: a pod may name one more profile to be held to. */
static int put_annotations(const struct chosen *c, const char *key, struct str *out, struct err *e)
{
	static const char ours[] = "io.cinch.*";
	AUTO_STR struct str path = STR_INIT;
	const struct toml_entry *v = NULL;

	str_addf(out, "  %s = [", key);
	if (c->model) {
		str_addf(&path, "%s" TOML_SEP "%s", c->model->path, key);
		if (str_failed(&path))
			return err_nomem(e);
		v = toml_find(&c->model_file->toml, TOML_KEY, path.s);
	}
	if (v && v->type != TOML_ARRAY)
		return cri_wrong(c->model_file, v, e, "expected a list of names");
	for (size_t i = 0; v && i < v->items.n; i++) {
		if (strcmp(v->items.v[i], ours) == 0)
			continue;
		json_write_string(v->items.v[i], strlen(v->items.v[i]), out);
		str_add(out, ", ");
	}
	str_addf(out, "\"%s\"]\n", ours);
	return 0;
}

static int put_runtime(const struct cri *w, const struct chosen *c, const char *name,
	struct str *out, struct err *e)
{
	static const char *const own[] = {"runtime_type", "pod_annotations",
		"container_annotations", "runtime_path", "runtime_engine", "runtime_root", NULL};
	static const char *const own_options[] = {"BinaryName", NULL};
	AUTO_STR struct str below = STR_INIT, options = STR_INIT;

	str_addf(&below, CRI_CONTAINERD ".runtimes.%s", name);
	str_addc(out, '\n');
	put_table(w, str_text(&below), out);
	str_add(out, "  runtime_type = \"" SHIM "\"\n");
	if (c->model) {
		str_addf(&options, "%s" TOML_SEP "options", c->model->path);
		if (str_failed(&options))
			return err_nomem(e);
		if (check_tables(c, options.s, e) < 0)
			return -1;
	}
	if (put_annotations(c, "pod_annotations", out, e) < 0 ||
		put_annotations(c, "container_annotations", out, e) < 0)
		return -1;
	if (c->model && copy_keys(c, c->model->path, "  ", own, out, e) < 0)
		return -1;
	str_add(out, "  ");
	str_add(&below, ".options");
	put_table(w, str_text(&below), out);
	str_addf(out, "    BinaryName = \"%s/%s\"\n", w->ask->programs, name);
	if (c->model && copy_keys(c, options.s, "    ", own_options, out, e) < 0)
		return -1;
	return str_failed(&below) ? err_nomem(e) : 0;
}

/* The tables; with that of runc where no runtime has one. */
static int compose(const struct cri *w, const struct chosen *c, bool with_default, struct str *out,
	struct err *e)
{
	if (with_default) {
		str_addc(out, '\n');
		put_table(w, CRI_CONTAINERD, out);
		str_add(out, "  default_runtime_name = \"" ENABLE_NAME "\"\n");
	}
	if (!c->described) {
		str_add(out, "\n# a table of runtimes replaces containerd's own, which has runc\n");
		put_table(w, CRI_CONTAINERD ".runtimes.runc", out);
		str_add(out, "  runtime_type = \"" SHIM "\"\n");
	}
	for (size_t i = 0; enable_names[i]; i++)
		if (put_runtime(w, c, enable_names[i], out, e) < 0)
			return -1;
	return str_failed(out) ? err_nomem(e) : 0;
}

/* All line ends as the file has them. */
static void put_lines(const char *text, bool crlf, struct str *out)
{
	for (; *text; text++) {
		if (text[0] == '\r' && text[1] == '\n')
			continue; /* in a value that was copied */
		if (crlf && *text == '\n')
			str_addc(out, '\r');
		str_addc(out, *text);
	}
}

static int add_block(const struct cri *w, const struct cri_file *f, const struct chosen *c,
	bool with_default, struct enable_plan *p, struct err *e)
{
	AUTO_STR struct str tables = STR_INIT, block = STR_INIT;
	const struct enable_text *t = &p->before;
	const bool crlf = f->toml.crlf;

	if (compose(w, c, with_default, &tables, e) < 0)
		return -1;
	if (t->len && t->text[t->len - 1] != '\n')
		put_lines("\n", crlf, &block);
	if (t->len)
		put_lines("\n", crlf, &block);
	put_lines(MARK_BEGIN, crlf, &block);
	put_lines("\n", crlf, &block);
	put_lines(tables.s + (tables.s[0] == '\n'), crlf, &block);
	put_lines(MARK_END "\n", crlf, &block);
	if (str_failed(&block))
		return err_nomem(e);
	return splices_add(&p->splices, t->len, "", 0, block.s, false, e);
}

/* Make ours the default where another one is, or nothing is said in the plugin's table. */
static int change_default(const struct cri_file *f, const struct chosen *c,
	const struct toml_entry *table, struct enable_plan *p, struct err *e)
{
	const char *text = f->text.text;
	AUTO_STR struct str line = STR_INIT;
	size_t at, end, indent;

	if (c->key) {
		at = c->key->at;
		end = c->key->end;
		indent = strspn(text + at, " \t");
		while (end > at && (text[end - 1] == '\n' || text[end - 1] == '\r'))
			end--;
		if (memchr(text + at, '\n', end - at))
			return cri_wrong(f, c->key, e, "default_runtime_name: expected one line");
		str_addf(&line,
			"%.*sdefault_runtime_name = \"" ENABLE_NAME
			"\" # cinchctl enable containerd --default; before: %.*s",
			(int)indent, text + at, (int)(end - at - indent), text + at + indent);
	} else {
		at = end = table->end;
		if (at && text[at - 1] != '\n')
			put_lines("\n", f->toml.crlf, &line);
		str_add(&line, "  default_runtime_name = \"" ENABLE_NAME
			       "\" # cinchctl enable containerd --default");
		put_lines("\n", f->toml.crlf, &line);
	}
	if (str_failed(&line))
		return err_nomem(e);
	return splices_add(&p->splices, at, text + at, end - at, line.s, false, e);
}

/* ---- is it what it should be? ---- */

static bool same_value(const struct cri_file *f, const struct toml_entry *a, const char *after,
	const struct toml_entry *b)
{
	size_t n = a->value_end - a->value;

	return n == b->value_end - b->value &&
	       memcmp(f->text.text + a->value, after + b->value, n) == 0;
}

/* The new file is read again: all that was there is there, and ours. */
static int prove(const struct cri *w, const struct cri_file *f, const struct chosen *c,
	const struct enable_plan *p, struct err *e)
{
	AUTO_STR struct str after = STR_INIT;
	AUTO_TOML struct toml t = {.v = NULL};

	if (enable_after(p, &after, e) < 0 || toml_parse(after.s, after.len, &t, e) < 0)
		return err_wrap(e, "%.200s as it would be", p->file);
	for (size_t i = 0; i < f->toml.n; i++) {
		const struct toml_entry *v = &f->toml.v[i];
		const struct toml_entry *n = toml_find(&t, v->kind, v->path);

		if (!n || (!same_value(f, v, after.s, n) && v != c->key))
			return cri_wrong(f, v, e, "this line would be lost");
	}
	for (size_t i = 0; enable_names[i]; i++) {
		AUTO_STR struct str below = STR_INIT, path = STR_INIT;
		AUTO_FREE char *full = NULL;
		const struct toml_entry *v;

		str_addf(&below,
			CRI_RUNTIMES TOML_SEP "%s" TOML_SEP "options" TOML_SEP "BinaryName",
			enable_names[i]);
		str_addf(&path, "%s/%s", w->ask->programs, enable_names[i]);
		full = str_failed(&below) ? NULL : cri_path(w, below.s);
		if (!full || str_failed(&path))
			return err_nomem(e);
		v = toml_find(&t, TOML_KEY, full);
		if (!v || !v->text || strcmp(v->text, path.s) != 0)
			return err_set(e, ERR_BUG, "%.200s would have no runtime %s", p->file,
				enable_names[i]);
	}
	return 0;
}

/* ---- the plan ---- */

static int into_file(const struct cri *w, const struct cri_file *f, const struct chosen *c,
	struct enable_plan *p, struct err *e)
{
	const struct toml_entry *table = cri_find(w, f, TOML_TABLE, CRI_CONTAINERD);
	const bool choose_it = w->ask->make_default && strcmp(c->name, ENABLE_NAME) != 0;
	const bool in_block = choose_it && !c->key && !table;

	if (choose_it && c->key && c->file != f)
		return cri_wrong(c->file, c->key, e,
			"the default is chosen in this file, which is not the one that is changed");
	if (choose_it && !in_block && change_default(f, c, table, p, e) < 0)
		return -1;
	if (f->toml.n == 0 &&
		splices_add(&p->splices, 0, "", 0,
			f->toml.crlf ? "version = 2\r\n" : "version = 2\n", true, e) < 0)
		return -1;
	if (add_block(w, f, c, in_block, p, e) < 0)
		return -1;
	return prove(w, f, c, p, e);
}

static int into_drop_in(
	const struct cri *w, const struct chosen *c, struct enable_plan *p, struct err *e)
{
	const bool choose_it = w->ask->make_default && strcmp(c->name, ENABLE_NAME) != 0;
	AUTO_STR struct str s = STR_INIT;

	if (choose_it && c->key)
		return cri_wrong(c->file, c->key, e,
			"the default is chosen here: change it to \"" ENABLE_NAME
			"\" by hand, and leave --default away");
	free(take_ptr(&p->file));
	enable_text_done(&p->before);
	p->file = strdup(w->drop_in);
	if (!p->file)
		return err_nomem(e);
	if (enable_read(w->ask, p->file, &p->before, e) < 0)
		return -1;
	if (p->before.there)
		return err_set(e, ERR_INPUT,
			"%.200s is there, and was not written by this command: move what it says "
			"to "
			"another file",
			p->file);
	str_addf(&s, MARK_BEGIN "\nversion = %u\n", (unsigned)w->version);
	if (compose(w, c, choose_it, &s, e) < 0)
		return -1;
	return splices_add(&p->splices, 0, "", 0, s.s, false, e);
}

static int by_hand(const struct cri *w, const struct chosen *c, const char *file,
	struct enable_plan *p, struct err *e)
{
	str_addf(&p->by_hand, "By hand, in %s:\n", file);
	return compose(w, c, false, &p->by_hand, e);
}

/* cinch becomes the runtime its own configuration names, not the one containerd had. */
static int note_program(
	const struct cri *w, const struct chosen *c, struct enable_plan *p, struct err *e)
{
	AUTO_STR struct str note = STR_INIT, path = STR_INIT;
	const struct toml_entry *v = NULL;

	if (c->model) {
		str_addf(&path, "%s" TOML_SEP "options" TOML_SEP "BinaryName", c->model->path);
		v = toml_find(&c->model_file->toml, TOML_KEY, str_text(&path));
	}
	if (v && v->text && *v->text)
		str_addf(&note, "%s runs %s; cinch runs the runtime that cinch.json names, or runc",
			toml_name(c->model), v->text);
	if (str_failed(&note) || str_failed(&path) || (note.len && strv_add(&p->notes, note.s) < 0))
		return err_nomem(e);
	if (w->version == 2 && w->drop_in &&
		strv_add(&p->notes,
			"the directory that is imported is not used: before 2.0, containerd "
			"would forget what other files say of the CRI plugin") < 0)
		return err_nomem(e);
	return 0;
}

static int plan_with(struct cri *w, struct enable_plan *p, struct err *e)
{
	const struct enable_ask *ask = w->ask;
	struct chosen c = {.name = "runc"};
	struct cri_file *f = NULL;
	size_t ours;

	if (cri_read(w, e) < 0)
		return -1;
	/* from here on it can be said what to write */
	if (by_hand(w, &c, ask->config, p, e) < 0 || cri_check(w, &ours, e) < 0 ||
		choose(w, &f, e) < 0 || find_default(w, &c, e) < 0)
		return -1;
	str_reset(&p->by_hand);
	if (by_hand(w, &c, f->path, p, e) < 0 || note_program(w, &c, p, e) < 0)
		return -1;
	p->file = strdup(f->path);
	if (!p->file)
		return err_nomem(e);
	if (enable_read(ask, f->path, &p->before, e) < 0)
		return -1;
	if (ours == 2 && (!ask->make_default || strcmp(c.name, ENABLE_NAME) == 0))
		return 0;
	if (ours)
		return err_set(e, ERR_INPUT,
			"%.200s: cinch is in it by somebody else's hand, but not as it is wanted: "
			"change it there, or remove it",
			f->path);
	return w->version == 3 && w->drop_in ? into_drop_in(w, &c, p, e)
					     : into_file(w, f, &c, p, e);
}

/* Nothing to write into, and yet drop-ins that a newer containerd reads by itself. */
static int refuse_unseen(const struct enable_ask *ask, struct err *e)
{
	AUTO_FREE char *pattern = enable_beside(ask->config, "conf.d/*.toml");
	glob_t found = {0};
	int rc;

	if (!pattern)
		return err_nomem(e);
	rc = glob(pattern, 0, NULL, &found);
	if (rc == 0)
		err_set(e, ERR_INPUT,
			"there is no %.150s, but %.150s, which containerd reads by itself from 2.2 "
			"on: "
			"write a %.100s that imports it",
			ask->config, found.gl_pathv[0], ask->config);
	globfree(&found);
	return rc == 0 ? -1 : 0;
}

static int plan(const struct enable_ask *ask, struct enable_plan *p, struct err *e)
{
	struct cri w = {.ask = ask};
	struct enable_text main_file = {.there = false};
	int rc = enable_read(ask, ask->config, &main_file, e);

	if (rc == 0 && !main_file.there)
		rc = refuse_unseen(ask, e);
	if (rc == 0)
		rc = plan_with(&w, p, e);
	enable_text_done(&main_file);
	cri_done(&w);
	return rc;
}

const struct enable_engine enable_containerd = {
	.name = "containerd",
	.config = "/etc/containerd/config.toml",
	.reread = "systemctl restart containerd",
	.forget = "systemctl restart containerd",
	.plan = plan,
	.check = toml_check,
};
