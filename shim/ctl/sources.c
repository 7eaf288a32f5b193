/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources - the profiles a person edits, for commands that show and check them.
 */
#include "shim/ctl/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "profiles/node.h"
#include "profiles/pack.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

int sources_init(struct sources *out, struct err *e)
{
	*out = (struct sources){.catalog = catalog_new()};
	return out->catalog ? 0 : err_nomem(e);
}

void sources_done(struct sources *s)
{
	catalog_free(s->catalog);
	strv_done(&s->problems);
	*s = (struct sources){0};
}

/* What is being read. */
struct job {
	struct sources *s;
	struct strv *names;
	bool quiet; /* what is there already stays, without a word */
	struct err *e;
};

static int problem(struct job *j, const char *text)
{
	return strv_add(&j->s->problems, text) < 0 ? err_nomem(j->e) : 0;
}

/* Only a problem of this file, unless memory is what is missing. */
static int noted(struct job *j, const struct err *why)
{
	if (why->code == ENOMEM) {
		*j->e = *why;
		return -1;
	}
	j->s->unreadable = j->s->unreadable || why->code != ERR_INPUT;
	return problem(j, why->msg);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int read_text(const char *path, char **text, size_t *len, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "%.256s: cannot be read", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%.256s: not a regular file", path);
	if (io_read_all(fd, CATALOG_TEXT_MAX, text, len, e) < 0)
		return err_wrap(e, "%.256s", path);
	return 0;
}

/* TEXT of FILE, in PACK or none, as NAME without its ".json". */
static int add_text(struct job *j, const char *name, const char *file, const char *pack,
	const char *text, size_t len)
{
	AUTO_STR struct str stem = STR_INIT;
	const struct catalog_entry *old;
	struct err why = {0};

	str_addn(&stem, name, strlen(name) - strlen(".json"));
	if (str_failed(&stem))
		return err_nomem(j->e);
	old = catalog_find(j->s->catalog, str_text(&stem));
	if (j->quiet && old && !old->builtin)
		return 0;
	if (catalog_add(j->s->catalog, str_text(&stem), file, pack, text, len, &why) < 0)
		return noted(j, &why);
	return j->names && strv_add(j->names, str_text(&stem)) < 0 ? err_nomem(j->e) : 0;
}

static int add_read(struct job *j, const char *name, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	size_t len = 0;

	if (read_text(path, &text, &len, &why) < 0)
		return noted(j, &why);
	return add_text(j, name, path, NULL, text, len);
}

/* The file PATH, which is below PREFIX ("seccomp/" or ""). */
static int add_file(struct job *j, const char *path, const char *prefix)
{
	AUTO_STR struct str name = STR_INIT;

	str_addf(&name, "%s%s", prefix, base_name(path));
	return str_failed(&name) ? err_nomem(j->e) : add_read(j, str_text(&name), path);
}

static int add_directory(struct job *j, const char *path, bool top);

static int is_entry(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* A pack of files, each as its manifest says; who signed it is for apply to judge. */
static int add_pack(struct job *j, const char *path)
{
	AUTO_PACK struct pack pack = {.place = NULL};
	struct err why = {0};

	if (pack_read(path, &pack, &why) < 0)
		return noted(j, &why);
	for (size_t i = 0; i < pack.n_files; i++) {
		const struct pack_file *f = &pack.files[i];
		AUTO_STR struct str file = STR_INIT;

		str_addf(&file, "%s/%s", path, f->name);
		if (str_failed(&file))
			return err_nomem(j->e);
		if (str_ends(f->name, ".json") &&
			add_text(j, f->name, str_text(&file), pack.name, f->text, f->len) < 0)
			return -1;
	}
	return 0;
}

/* One entry of a profile directory (TOP), of a pack, or of a directory of filters. */
static int add_entry(struct job *j, const char *directory, const char *entry, bool top)
{
	AUTO_STR struct str path = STR_INIT;
	bool filters = strcmp(base_name(directory), "seccomp") == 0;
	struct stat st;

	str_addf(&path, "%s/%s", directory, entry);
	if (str_failed(&path))
		return err_nomem(j->e);
	if (stat(str_text(&path), &st) < 0)
		return 0;
	if (top && pack_is(str_text(&path)))
		return add_pack(j, str_text(&path));
	if (!S_ISDIR(st.st_mode))
		return str_ends(entry, ".json") && strcmp(entry, "manifest.json") != 0
			       ? add_file(j, str_text(&path), filters ? "seccomp/" : "")
			       : 0;
	return strcmp(entry, "seccomp") == 0 ? add_directory(j, str_text(&path), false) : 0;
}

static int add_directory(struct job *j, const char *path, bool top)
{
	struct dirent **found = NULL;
	int rc = 0, n = scandir(path, &found, is_entry, alphasort);
	struct err why;

	if (n < 0) {
		err_set(&why, errno, "%.256s: cannot be read", path);
		return noted(j, &why);
	}
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = add_entry(j, path, found[i]->d_name, top);
		free(found[i]);
	}
	free(found);
	return rc;
}

int sources_add(struct sources *s, const char *path, struct strv *names, struct err *e)
{
	struct job j = {.s = s, .names = names, .e = e};
	AUTO_STR struct str clean = STR_INIT, above = STR_INIT;
	struct stat st;

	str_addn(&clean, path,
		strlen(path) > 1 && str_ends(path, "/") ? strlen(path) - 1 : strlen(path));
	if (str_failed(&clean))
		return err_nomem(e);
	if (stat(str_text(&clean), &st) < 0)
		return err_set(e, errno, "%.256s: cannot be read", path);
	if (pack_is(str_text(&clean)))
		return add_pack(&j, str_text(&clean));
	if (S_ISDIR(st.st_mode))
		return add_directory(&j, str_text(&clean), true);
	if (!str_ends(path, ".json"))
		return err_set(e, ERR_INPUT,
			"%.256s: expected NAME.json, a directory or a pack (.tar)", path);
	str_addn(&above, path, (size_t)(base_name(path) - path));
	return add_file(&j, path,
		str_ends(str_text(&above), "/seccomp/") || strcmp(str_text(&above), "seccomp/") == 0
			? "seccomp/"
			: "");
}

int sources_configured(struct sources *s, const char *config, struct err *e)
{
	struct job j = {.s = s, .quiet = true, .e = e};
	AUTO_NODE struct node node = {.keys = NULL};
	const char *file = config ? config : SOURCES_CONFIG;
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	struct stat st;
	size_t len = 0;

	if ((config || stat(file, &st) == 0) && read_text(file, &text, &len, &why) < 0 &&
		noted(&j, &why) < 0)
		return -1;
	if (node_parse(file, text ? text : "", len, &node, &why) < 0 &&
		(noted(&j, &why) < 0 || strv_add(&node.profiles, SOURCES_DIR) < 0))
		return -1;
	for (size_t i = 0; i < node.profiles.n; i++) {
		if (stat(node.profiles.v[i], &st) < 0 && errno == ENOENT)
			continue;
		if (add_directory(&j, node.profiles.v[i], true) < 0)
			return -1;
	}
	return 0;
}

int sources_profile(struct sources *s, const char *word, const char **name, struct str *text,
	struct profile **out, struct err *e)
{
	AUTO_STRV struct strv added = {NULL, 0};
	const struct catalog_entry *found;

	if (strchr(word, '/') || str_ends(word, ".json")) {
		size_t before = s->problems.n;

		if (sources_add(s, word, &added, e) < 0)
			return -1;
		if (s->problems.n > before)
			return err_set(e, ERR_INPUT, "%s", s->problems.v[before]);
		if (added.n != 1 || strchr(added.v[0], '/'))
			return err_set(e, ERR_INPUT, "%.256s: not a profile", word);
		word = added.v[0];
	}
	found = strchr(word, '/') ? NULL : catalog_find(s->catalog, word);
	*name = found ? found->name : NULL;
	return catalog_flatten(s->catalog, word, text, out, e);
}
