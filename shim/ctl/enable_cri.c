/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_cri - containerd's configuration, as far as it is about runtimes.
 */
#include "shim/ctl/enable_cri.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/num.h"

#define DROP_IN "cinch.toml"

void cri_done(struct cri *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].path);
		enable_text_done(&w->v[i].text);
		toml_done(&w->v[i].toml);
	}
	free(w->drop_in);
}

int cri_wrong(const struct cri_file *f, const struct toml_entry *v, struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT, "%.200s:%u: %s", f->path, v->line, what);
}

char *cri_path(const struct cri *w, const char *below)
{
	AUTO_STR struct str s = STR_INIT;

	str_addf(&s, "plugins" TOML_SEP "%s%s%s", w->plugin, below ? TOML_SEP : "",
		below ? below : "");
	return str_take(&s);
}

const struct toml_entry *cri_find(
	const struct cri *w, const struct cri_file *f, enum toml_kind kind, const char *below)
{
	AUTO_FREE char *path = cri_path(w, below);

	return path ? toml_find(&f->toml, kind, path) : NULL;
}

/* ---- reading ---- */

static int add_file(struct cri *w, const char *path, struct err *e)
{
	struct cri_file *f = &w->v[w->n];

	if (w->n == CRI_FILES_MAX)
		return err_set(e, ERR_INPUT, "%.200s imports more than %d files", w->v[0].path,
			CRI_FILES_MAX - 1);
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].path, path) == 0)
			return 0;
	*f = (struct cri_file){.path = strdup(path)};
	w->n++;
	if (!f->path)
		return err_nomem(e);
	if (enable_read(w->ask, path, &f->text, e) < 0)
		return -1;
	if (toml_parse(f->text.text, f->text.len, &f->toml, e) < 0)
		return err_wrap(e, "%.200s", path);
	return 0;
}

static int refuse_generated(const struct cri_file *f, struct err *e)
{
	static const char *const words[] = {"DO NOT EDIT", "do not edit", "Do not edit"};
	const char *at = f->text.text ? f->text.text : "";
	unsigned line = 1;

	for (; *at == '#' || *at == '\n' || *at == '\r'; line++) {
		AUTO_FREE char *text = strndup(at, strcspn(at, "\n"));

		if (!text)
			return err_nomem(e);
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (strstr(text, words[i]))
				return err_set(e, ERR_INPUT,
					"%.200s:%u: the file says that it is made by a program "
					"(k3s and RKE2 "
					"do so, from config.toml.tmpl): change what it is made "
					"from",
					f->path, line);
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return 0;
}

static int read_version(struct cri *w, struct err *e)
{
	const struct cri_file *f = &w->v[0];
	const struct toml_entry *v = toml_find(&f->toml, TOML_KEY, "version");
	char text[8] = "";

	w->version = 2;
	if (!v && f->toml.n)
		return err_set(e, ERR_INPUT,
			"%.200s:%u: there is no version before this line, so it is of version 1, "
			"which containerd 2 does not read any more: write it anew with \"version = "
			"2\" "
			"and the plugins' full names (containerd config migrate)",
			f->path, f->toml.v[0].line);
	if (v && v->value_end - v->value < sizeof text)
		memcpy(text, f->text.text + v->value, v->value_end - v->value);
	if (v && (!num_u64(text, 3, &w->version) || w->version < 2))
		return cri_wrong(f, v, e, "only version 2 and 3 of the format are known");
	w->plugin = w->version == 3 ? "io.containerd.cri.v1.runtime" : "io.containerd.grpc.v1.cri";
	return 0;
}

/* One element of imports. */
static int import(struct cri *w, const char *word, struct err *e)
{
	AUTO_FREE char *pattern = word[0] == '/' ? strdup(word) : enable_beside(w->v[0].path, word);
	AUTO_FREE char *own = pattern ? enable_beside(pattern, DROP_IN) : NULL;
	const char *slash;
	glob_t found = {0};
	int rc = 0;

	if (!pattern || !own)
		return err_nomem(e);
	if (!strchr(pattern, '*'))
		return add_file(w, pattern, e);
	slash = strrchr(own, '/');
	if (!w->drop_in && slash && !memchr(own, '*', (size_t)(slash - own)) &&
		fnmatch(pattern, own, FNM_PATHNAME | FNM_PERIOD) == 0)
		w->drop_in = take_ptr(&own);
	switch (glob(pattern, 0, NULL, &found)) {
	case 0:
		for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = add_file(w, found.gl_pathv[i], e);
		break;
	case GLOB_NOMATCH:
		break;
	default:
		rc = err_set(e, errno ? errno : EIO, "list %.200s", pattern);
	}
	globfree(&found);
	return rc;
}

static int read_imports(struct cri *w, struct err *e)
{
	const struct toml_entry *v = toml_find(&w->v[0].toml, TOML_KEY, "imports");

	if (v && v->type != TOML_ARRAY)
		return cri_wrong(&w->v[0], v, e, "imports: expected a list of files");
	for (size_t i = 0; v && i < v->items.n; i++)
		if (import(w, v->items.v[i], e) < 0)
			return -1;
	for (size_t i = 1; i < w->n; i++) {
		w->v[i].own = w->drop_in && strcmp(w->v[i].path, w->drop_in) == 0;
		v = toml_find(&w->v[i].toml, TOML_KEY, "imports");
		if (v && v->items.n)
			return cri_wrong(&w->v[i], v, e,
				"an imported file that imports others is not followed");
	}
	return 0;
}

/* ---- is it understood? ---- */

/* Of what is about runtimes only plain tables and keys. */
static int check_shape(const struct cri *w, const struct cri_file *f, struct err *e)
{
	AUTO_FREE char *containerd = cri_path(w, CRI_CONTAINERD),
		       *runtimes = cri_path(w, CRI_RUNTIMES);
	size_t depth;

	if (!containerd || !runtimes)
		return err_nomem(e);
	depth = strlen(runtimes);
	for (size_t i = 0; i < f->toml.n; i++) {
		const struct toml_entry *v = &f->toml.v[i];
		const size_t n = strlen(v->path);
		const bool on_the_way = strncmp(runtimes, v->path, n) == 0 &&
					(runtimes[n] == '\0' || runtimes[n] == *TOML_SEP);
		const bool below =
			strncmp(v->path, runtimes, depth) == 0 && v->path[depth] == *TOML_SEP;

		if (on_the_way && v->kind != TOML_TABLE)
			return cri_wrong(f, v, e,
				"written as a value, where only a table [...] is understood");
		if (below && (v->kind == TOML_INNER || v->kind == TOML_TABLES))
			return cri_wrong(f, v, e,
				"written as { } or [[ ]], where only tables [...] are understood");
		if (below && v->kind == TOML_KEY && v->head <= depth)
			return cri_wrong(f, v, e,
				"written with dots, where only tables [...] are understood");
	}
	return 0;
}

static int check_disabled(const struct cri *w, struct err *e)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct toml_entry *v = toml_find(&w->v[i].toml, TOML_KEY, "disabled_plugins");

		if (v && (strv_has(&v->items, "cri") || strv_has(&v->items, w->plugin) ||
				 strv_has(&v->items, "io.containerd.grpc.v1.cri")))
			return cri_wrong(&w->v[i], v, e,
				"the CRI plugin is switched off here, and nothing else uses these "
				"runtimes: take it out of the list; for Docker, see \"cinchctl "
				"enable "
				"docker\"");
	}
	return 0;
}

/* A runtime of one of our names, from another hand. *OURS: how many are just what we would write. */
static int check_names(const struct cri *w, size_t *ours, struct err *e)
{
	*ours = 0;
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; enable_names[k]; k++) {
			AUTO_STR struct str below = STR_INIT, path = STR_INIT;
			AUTO_FREE char *full = NULL;
			const struct toml_entry *v, *program;

			str_addf(&below, CRI_RUNTIMES TOML_SEP "%s", enable_names[k]);
			str_addf(&path, "%s/%s", w->ask->programs, enable_names[k]);
			full = str_failed(&below) ? NULL : cri_path(w, below.s);
			if (!full || str_failed(&path))
				return err_nomem(e);
			v = toml_below(&w->v[i].toml, full);
			str_add(&below, TOML_SEP "options" TOML_SEP "BinaryName");
			program = cri_find(w, &w->v[i], TOML_KEY, str_text(&below));
			if (v && (!program || !program->text || strcmp(program->text, path.s) != 0))
				return cri_wrong(&w->v[i], v, e,
					"another runtime has this name: rename or remove it");
			*ours += v != NULL;
		}
	return 0;
}

int cri_read(struct cri *w, struct err *e)
{
	if (add_file(w, w->ask->config, e) < 0 || refuse_generated(&w->v[0], e) < 0)
		return -1;
	return read_version(w, e);
}

int cri_check(struct cri *w, size_t *ours, struct err *e)
{
	if (read_imports(w, e) < 0 || check_disabled(w, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n; i++)
		if (check_shape(w, &w->v[i], e) < 0)
			return -1;
	return check_names(w, ours, e);
}
