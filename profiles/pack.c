/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - profiles that travel together: reading them, and what their manifest says.
 */
#include "profiles/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/reader.h"
#include "profiles/tar.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

#define FILTERS "seccomp"

static const struct json_limits manifest_limits = {PACK_FILE_MAX, 4, 4 * PACK_FILES_MAX};

void pack_done(struct pack *p)
{
	for (size_t i = 0; i < p->n_files; i++) {
		free(p->files[i].name);
		free(p->files[i].text);
	}
	free(p->files);
	free(p->place);
	free(p->name);
	free(p->version);
	free(p->manifest);
	free(p->signature);
	*p = (struct pack){0};
}

/* ---- names ---- */

static bool stem_ok(const char *name, size_t len)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

	return len > 0 && len <= PACK_NAME_MAX && strspn(name, good) >= len &&
	       !strchr(".-_", name[0]);
}

bool pack_name_ok(const char *name)
{
	return stem_ok(name, strlen(name));
}

/* "web.json" or "seccomp/x.json", and not one of the pack's own two. */
static bool file_name_ok(const char *name)
{
	if (strcmp(name, PACK_MANIFEST) == 0)
		return false;
	if (str_starts(name, FILTERS "/"))
		name += strlen(FILTERS "/");
	return str_ends(name, ".json") && stem_ok(name, strlen(name) - strlen(".json"));
}

/* ---- collecting ---- */

struct gather {
	struct pack pack;
	size_t bytes;
};

static void gather_done(struct gather *g)
{
	pack_done(&g->pack);
}

#define AUTO_GATHER __attribute__((cleanup(gather_done)))

static int put_own(char **to, size_t *to_len, const char *name, char **text, size_t len, size_t max,
	struct err *e)
{
	if (*to)
		return err_set(e, ERR_INPUT, "%s is there twice", name);
	if (len > max)
		return err_set(e, ERR_INPUT, "%s: %zu bytes, limit %zu", name, len, max);
	*to = take_ptr(text);
	*to_len = len;
	return 0;
}

/* *TEXT becomes the pack's. */
static int put_file(struct gather *g, const char *name, char **text, size_t len, struct err *e)
{
	struct pack *p = &g->pack;
	struct pack_file *bigger;
	char *copy;

	if (strcmp(name, PACK_MANIFEST) == 0)
		return put_own(&p->manifest, &p->manifest_len, name, text, len, PACK_FILE_MAX, e);
	if (strcmp(name, PACK_SIGNATURE) == 0)
		return put_own(
			&p->signature, &p->signature_len, name, text, len, MINISIGN_FILE_MAX, e);
	if (!file_name_ok(name))
		return err_set(e, ERR_INPUT,
			"\"%.128s\" does not belong into a pack: expected NAME.json, "
			"seccomp/NAME.json (a-z 0-9 . _ -), manifest.json, manifest.json.minisig",
			name);
	if (p->n_files == PACK_FILES_MAX)
		return err_set(e, ERR_INPUT, "more than %d files", PACK_FILES_MAX);
	if (len > PACK_FILE_MAX)
		return err_set(e, ERR_INPUT, "%s: %zu bytes, limit %d", name, len, PACK_FILE_MAX);
	g->bytes += len;
	if (g->bytes > PACK_BYTES_MAX)
		return err_set(e, ERR_INPUT, "more than %d bytes in all", PACK_BYTES_MAX);
	bigger = reallocarray(p->files, p->n_files + 1, sizeof *bigger);
	if (!bigger)
		return err_nomem(e);
	p->files = bigger;
	copy = strdup(name);
	if (!copy)
		return err_nomem(e);
	p->files[p->n_files++] =
		(struct pack_file){.name = copy, .text = take_ptr(text), .len = len};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pack_file *)a)->name, ((const struct pack_file *)b)->name);
}

static int sort_files(struct pack *p, struct err *e)
{
	if (p->n_files)
		qsort(p->files, p->n_files, sizeof *p->files, by_name);
	for (size_t i = 1; i < p->n_files; i++)
		if (strcmp(p->files[i - 1].name, p->files[i].name) == 0)
			return err_set(e, ERR_INPUT, "%s is there twice", p->files[i].name);
	return 0;
}

/* ---- from a directory ---- */

static int gather_file(
	struct gather *g, int dirfd, const char *entry, const char *name, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;

	/* a name that does not belong is not even opened */
	if (strcmp(name, PACK_MANIFEST) != 0 && strcmp(name, PACK_SIGNATURE) != 0 &&
		!file_name_ok(name))
		return put_file(g, name, &text, 0, e);
	if (io_read_file_at(dirfd, entry, PACK_FILE_MAX, &text, &len, &st, e) < 0 ||
		io_check_owner(name, &st, e) < 0)
		return -1;
	return put_file(g, name, &text, len, e);
}

static int gather_dir(struct gather *g, int dirfd, const char *below, struct err *e);

static int gather_filters(struct gather *g, int dirfd, struct err *e)
{
	AUTO_FD int fd = openat(
		dirfd, FILTERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open directory " FILTERS);
	if (io_check_owner(FILTERS, &st, e) < 0)
		return -1;
	return gather_dir(g, fd, FILTERS "/", e);
}

static int gather_entry(
	struct gather *g, int dirfd, const char *below, const char *entry, struct err *e)
{
	char name[NAME_MAX + sizeof FILTERS + 1];

	if (!*below && strcmp(entry, FILTERS) == 0)
		return gather_filters(g, dirfd, e);
	snprintf(name, sizeof name, "%s%s", below, entry);
	return gather_file(g, dirfd, entry, name, e);
}

/* Everything in the directory DIRFD, whose name in the pack is BELOW ("" or "seccomp/"). */
static int gather_dir(struct gather *g, int dirfd, const char *below, struct err *e)
{
	int copy = fcntl(dirfd, F_DUPFD_CLOEXEC, 0), result = 0;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *d;

	if (!dir) {
		err_set(e, errno, "list the directory");
		cleanup_fd(&copy);
		return -1;
	}
	while (result == 0 && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			result = gather_entry(g, dirfd, below, d->d_name, e);
	if (result == 0 && errno)
		result = err_set(e, errno, "list the directory");
	closedir(dir);
	return result;
}

/* ---- from an archive ---- */

static int gather_tar_entry(struct gather *g, const struct tar_entry *entry, struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (entry->directory) {
		if (!entry->name[0] || strcmp(entry->name, FILTERS) == 0)
			return 0;
		return err_set(e, ERR_INPUT,
			"directory \"%s\" does not belong into a pack: its files are at the top "
			"(tar -C DIRECTORY -cf FILE.tar .)",
			entry->name);
	}
	if (entry->len > PACK_FILE_MAX)
		return err_set(e, ERR_INPUT, "%s: %zu bytes, limit %d", entry->name, entry->len,
			PACK_FILE_MAX);
	text = malloc(entry->len + 1);
	if (!text)
		return err_nomem(e);
	memcpy(text, entry->data, entry->len);
	text[entry->len] = '\0';
	return put_file(g, entry->name, &text, entry->len, e);
}

static int gather_tar(struct gather *g, const char *bytes, size_t len, struct err *e)
{
	struct tar tar = {.bytes = bytes, .len = len};
	struct tar_entry entry;
	int more;

	while ((more = tar_next(&tar, &entry, e)) > 0)
		if (gather_tar_entry(g, &entry, e) < 0)
			return -1;
	return more;
}

/* ---- the manifest ---- */

struct manifest {
	char *name, *version;
	const struct json *files;
};

static void manifest_done(struct manifest *m)
{
	free(m->name);
	free(m->version);
}

static int read_pack(struct reader *r, const struct json *v, void *to)
{
	if (!pack_name_ok(v->text))
		return reader_fail(r, v,
			"pack name \"%.64s\": expected 1 to %d of a-z 0-9 . _ - with a letter or "
			"digit first",
			v->text, PACK_NAME_MAX);
	return reader_string(r, v, to);
}

static int read_version(struct reader *r, const struct json *v, void *to)
{
	if (!pack_version_ok(v->text))
		return reader_fail(r, v,
			"version \"%.64s\": expected one as semver.org says, \"1.4.0\" or "
			"\"2.0.0-rc.1\"",
			v->text);
	return reader_string(r, v, to);
}

static int read_files(struct reader *r, const struct json *v, void *to)
{
	if (v->count == 0)
		return reader_fail(r, v, "\"files\" is empty: a pack has at least one profile");
	json_each (f, v) {
		if (!file_name_ok(f->key))
			return reader_fail_key(r, f,
				"file \"%.128s\": expected NAME.json or seccomp/NAME.json, in a-z "
				"0-9 . _ -",
				f->key);
		if (f->type != JSON_STRING || !hash_is_hex(f->text))
			return reader_fail(r, f,
				"\"%s\": expected a SHA-256 digest, 64 lower-case hexadecimal "
				"digits",
				f->key);
	}
	*(const struct json **)to = v;
	return 0;
}

static const struct reader_key manifest_keys[] = {
	{"pack", JSON_STRING, read_pack, offsetof(struct manifest, name), true},
	{"version", JSON_STRING, read_version, offsetof(struct manifest, version), true},
	{"files", JSON_OBJECT, read_files, offsetof(struct manifest, files), true},
	{NULL, JSON_NULL, NULL, 0, false},
};

static struct pack_file *find_file(const struct pack *p, const char *name)
{
	struct pack_file key = {.name = (char *)name};

	return p->n_files ? bsearch(&key, p->files, p->n_files, sizeof key, by_name) : NULL;
}

/* Files and manifest are the same set, and every digest is right. */
static int compare(const struct pack *p, const struct json *files, struct err *e)
{
	char digest[HASH_HEX_SIZE];

	json_each (v, files) {
		const struct pack_file *f = find_file(p, v->key);

		if (!f)
			return err_set(e, ERR_INPUT,
				"%s is missing: " PACK_MANIFEST
				" lists it, the pack does not have it",
				v->key);
		hash_sha256_hex(f->text, f->len, digest);
		if (strcmp(digest, v->text) != 0)
			return err_set(e, ERR_INPUT,
				"%s was altered: its SHA-256 is %s, " PACK_MANIFEST " says %s",
				v->key, digest, v->text);
	}
	for (size_t i = 0; i < p->n_files; i++)
		if (!json_member(files, p->files[i].name))
			return err_set(e, ERR_INPUT,
				"%s is not in " PACK_MANIFEST
				": a pack has nothing that is not listed "
				"there",
				p->files[i].name);
	return 0;
}

static int check_manifest(struct pack *p, struct err *e)
{
	__attribute__((cleanup(manifest_done))) struct manifest m = {0};
	AUTO_JSON struct json_doc *doc = NULL;
	struct reader r = {.name = PACK_MANIFEST, .e = e};

	if (!p->manifest)
		return err_set(e, ERR_INPUT,
			"no " PACK_MANIFEST ": not a pack yet, make it one with `cinchctl profile "
			"sign`");
	if (json_parse(p->manifest, p->manifest_len, &manifest_limits, JSON_STRICT, &doc, e) < 0)
		return err_wrap(e, PACK_MANIFEST);
	r.doc = doc;
	if (!json_is(json_root(doc), JSON_OBJECT))
		return reader_fail(&r, json_root(doc), "expected an object");
	if (reader_object(&r, json_root(doc), manifest_keys, &m) < 0 || compare(p, m.files, e) < 0)
		return -1;
	p->name = take_ptr(&m.name);
	p->version = take_ptr(&m.version);
	hash_sha256_hex(p->manifest, p->manifest_len, p->digest);
	return 0;
}

int pack_manifest(
	const struct pack *p, const char *name, const char *version, struct str *out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *root, *files;
	char digest[HASH_HEX_SIZE];

	if (!doc)
		return err_nomem(e);
	root = json_object(doc);
	files = json_object(doc);
	for (size_t i = 0; i < p->n_files; i++) {
		hash_sha256_hex(p->files[i].text, p->files[i].len, digest);
		if (json_put(doc, files, p->files[i].name, json_string(doc, digest)) < 0)
			return err_nomem(e);
	}
	if (json_put(doc, root, "pack", json_string(doc, name)) < 0 ||
		json_put(doc, root, "version", json_string(doc, version)) < 0 ||
		json_put(doc, root, "files", files) < 0)
		return err_nomem(e);
	json_write_pretty(root, out);
	return str_failed(out) ? err_nomem(e) : 0;
}

/* ---- the doors ---- */

bool pack_is(const char *path)
{
	AUTO_FD int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dir >= 0)
		return fstatat(dir, PACK_MANIFEST, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return errno == ENOTDIR && str_ends(path, ".tar");
}

/* What was gathered becomes *OUT; CHECK it against its manifest first. */
static int finish(struct gather *g, const char *place, bool check, struct pack *out, struct err *e)
{
	struct pack *p = &g->pack;

	if (sort_files(p, e) < 0 || (check && check_manifest(p, e) < 0))
		return -1;
	p->place = strdup(place);
	if (!p->place)
		return err_nomem(e);
	*out = *p;
	*p = (struct pack){0};
	return 0;
}

int pack_read_tar(const char *place, const char *bytes, size_t len, struct pack *out, struct err *e)
{
	AUTO_GATHER struct gather g = {0};

	if (gather_tar(&g, bytes, len, e) < 0 || finish(&g, place, true, out, e) < 0)
		return err_wrap(e, "%.200s", place);
	return 0;
}

/* The directory or file PATH, which is no link, and which nobody else can change. */
static int open_place(const char *path, struct stat *st, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INPUT,
			"%.200s is a symbolic link: a pack is a directory or a .tar file itself",
			path);
	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(e, errno, "open pack %.200s", path);
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return err_set(
			e, ERR_INPUT, "%.200s is neither a directory nor a regular file", path);
	if (io_check_owner(path, st, e) < 0)
		return -1;
	return take_fd(&fd);
}

static int read_directory(const char *path, int fd, bool check, struct pack *out, struct err *e)
{
	AUTO_GATHER struct gather g = {0};

	if (gather_dir(&g, fd, "", e) < 0 || finish(&g, path, check, out, e) < 0)
		return err_wrap(e, "%.200s", path);
	return 0;
}

int pack_read(const char *path, struct pack *out, struct err *e)
{
	AUTO_FREE char *bytes = NULL;
	struct stat st;
	AUTO_FD int fd = open_place(path, &st, e);
	size_t len;

	if (fd < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return read_directory(path, fd, true, out, e);
	if (io_read_all(fd, PACK_BYTES_MAX, &bytes, &len, e) < 0)
		return err_wrap(e, "%.200s", path);
	return pack_read_tar(path, bytes, len, out, e);
}

int pack_gather(const char *path, struct pack *out, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = open_place(path, &st, e);

	if (fd < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "%.200s is not a directory", path);
	return read_directory(path, fd, false, out, e);
}
