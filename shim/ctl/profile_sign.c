/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile sign - make a pack of a directory of profiles: check them, write the manifest, have minisign
 * sign it, put all into an archive.
 *
 * A manifest and a signature that do not belong together are never in the directory, wherever this is
 * stopped: nothing is touched before minisign has come to a good end, then the old signature goes, the
 * manifest is replaced, the new signature comes. In between the pack is unsigned.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "profiles/catalog.h"
#include "profiles/pack.h"
#include "profiles/tar.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/signer.h"
#include "shim/ctl/table.h"

struct work {
	struct pack pack; /* what is in the directory now */
	int dir;
	char *name; /* of the pack */
	const char *version;
	struct str manifest; /* the new one */
	bool same; /* it is the one that is there */
	bool keep; /* so is the signature, which can be read */
	char *signature; /* the new one; NULL: none was made */
	size_t signature_len;
	struct strv notes;
};

static void work_done(struct work *w)
{
	pack_done(&w->pack);
	cleanup_fd(&w->dir);
	free(w->name);
	str_done(&w->manifest);
	free(w->signature);
	strv_done(&w->notes);
}

/* ---- what goes in ---- */

/* --name, or what the directory is called. */
static int choose_name(const struct ctl_call *call, struct work *w, struct err *e)
{
	const char *given = ctl_value(call, "name");
	AUTO_FREE char *real = NULL;

	if (!given) {
		real = realpath(call->operands[0], NULL);
		if (!real)
			return err_set(e, errno, "%.200s", call->operands[0]);
		given = strrchr(real, '/') + 1;
	}
	if (!pack_name_ok(given))
		return err_set(e, ERR_INPUT,
			"\"%.64s\" cannot be the name of a pack: expected 1 to %d of a-z 0-9 . _ - "
			"with a letter or digit first; give one with --name",
			given, PACK_NAME_MAX);
	w->name = strdup(given);
	return w->name ? 0 : err_nomem(e);
}

static int choose_version(const struct ctl_call *call, struct work *w, struct err *e)
{
	w->version = ctl_value(call, "version");
	if (!w->version)
		return err_set(e, ERR_INPUT,
			"--version is missing: nodes refuse a pack that is older than theirs");
	if (!pack_version_ok(w->version))
		return err_set(e, ERR_INPUT,
			"--version \"%.64s\": expected one as semver.org says, \"1.4.0\" or "
			"\"2.0.0-rc.1\"",
			w->version);
	return 0;
}

/* The name in the catalog: that of the file without ".json". */
static char *catalog_name(const struct pack_file *f)
{
	return strndup(f->name, strlen(f->name) - strlen(".json"));
}

static int fill_catalog(const struct work *w, struct catalog *c, struct err *e)
{
	for (size_t i = 0; i < w->pack.n_files; i++) {
		const struct pack_file *f = &w->pack.files[i];
		AUTO_STR struct str file = STR_INIT;
		AUTO_FREE char *name = catalog_name(f);

		str_addf(&file, "%s/%s", w->pack.place, f->name);
		if (!name || str_failed(&file))
			return err_nomem(e);
		if (catalog_add(c, name, str_text(&file), w->name, f->text, f->len, e) < 0)
			return -1;
	}
	return 0;
}

/* Every profile and filter is good, by itself and with what it extends. All that are not are named on
 * standard error. */
static int check_profiles(const struct work *w, struct err *e)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	size_t bad = 0;

	if (!c)
		return err_nomem(e);
	if (w->pack.n_files == 0)
		return err_set(e, ERR_INPUT, "%.200s has no profiles", w->pack.place);
	if (fill_catalog(w, c, e) < 0)
		return -1;
	for (size_t i = 0; i < w->pack.n_files; i++) {
		AUTO_FREE char *name = catalog_name(&w->pack.files[i]);
		struct err why = {0};

		if (!name)
			return err_nomem(e);
		if ((str_starts(name, "seccomp/")
				    ? catalog_check_filter(c, name, &why)
				    : catalog_flatten(c, name, NULL, NULL, &why)) == 0)
			continue;
		fprintf(stderr, "cinchctl: %s\n", why.msg);
		bad++;
	}
	if (bad)
		return err_set(e, ERR_INPUT,
			"%zu of %zu files must be corrected first: nothing was changed", bad,
			w->pack.n_files);
	return 0;
}

/* The version of the manifest that is there; the document owns it. NULL when it says none. */
static const char *old_version(const struct work *w, struct json_doc **doc)
{
	static const struct json_limits limits = {PACK_FILE_MAX, 4, 4 * PACK_FILES_MAX};
	const char *version;

	if (!w->pack.manifest || json_parse(w->pack.manifest, w->pack.manifest_len, &limits,
					 JSON_STRICT, doc, NULL) < 0)
		return NULL;
	version = json_str(json_get(json_root(*doc), "version"));
	return version && pack_version_ok(version) ? version : NULL;
}

/* What would surprise at the roll-out is said now. */
static int note_version(struct work *w, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const char *old = old_version(w, &doc);
	char note[256];

	if (!old || w->same || pack_compare_versions(w->version, old) > 0)
		return 0;
	if (pack_compare_versions(w->version, old) == 0)
		snprintf(note, sizeof note,
			"what was here before has the version %s, too, but is not the same", old);
	else
		snprintf(note, sizeof note,
			"what was here before has the newer version %s: nodes that have it will "
			"refuse this one",
			old);
	return strv_add(&w->notes, note) < 0 ? err_nomem(e) : 0;
}

static int gather(const struct ctl_call *call, struct work *w, struct err *e)
{
	struct pack *p = &w->pack;
	struct minisign_signature s;

	if (choose_version(call, w, e) < 0 || choose_name(call, w, e) < 0 ||
		pack_gather(call->operands[0], p, e) < 0 || check_profiles(w, e) < 0 ||
		pack_manifest(p, w->name, w->version, &w->manifest, e) < 0)
		return -1;
	w->dir = open(call->operands[0], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->dir < 0)
		return err_set(e, errno, "open %.200s", call->operands[0]);
	w->same = p->manifest && p->manifest_len == w->manifest.len &&
		  memcmp(p->manifest, w->manifest.s, w->manifest.len) == 0;
	w->keep = w->same && p->signature &&
		  minisign_read_signature(p->signature, p->signature_len, &s, NULL) == 0;
	return note_version(w, e);
}

/* ---- what comes out ---- */

static int sign(const struct ctl_call *call, struct work *w, struct err *e)
{
	struct minisign_signature s;
	char program[PATH_MAX];

	if (!ctl_given(call, "key"))
		return 0;
	if (signer_find(program, e) < 0 ||
		signer_run(program, ctl_value(call, "key"), PACK_MANIFEST, w->manifest.s,
			w->manifest.len, &w->signature, &w->signature_len, e) < 0)
		return -1;
	/* what a node would not read must not be rolled out */
	if (minisign_read_signature(w->signature, w->signature_len, &s, e) < 0)
		return err_wrap(e, "what %s made", program);
	return 0;
}

static int put(int dir, const char *name, const char *bytes, size_t len, struct err *e)
{
	const struct stat like = {.st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid()};

	return io_replace_at(dir, name, bytes, len, &like, e);
}

/* See the order at the top. */
static int install(struct work *w, struct err *e)
{
	if (w->pack.signature && !w->keep) {
		if ((unlinkat(w->dir, PACK_SIGNATURE, 0) < 0 && errno != ENOENT) ||
			fsync(w->dir) < 0)
			return err_set(e, errno, "remove the old " PACK_SIGNATURE);
		free(take_ptr(&w->pack.signature));
		if (!w->signature &&
			strv_add(&w->notes,
				"the old signature was removed: it is not this manifest's") < 0)
			return err_nomem(e);
	}
	if (!w->same && put(w->dir, PACK_MANIFEST, w->manifest.s, w->manifest.len, e) < 0)
		return -1;
	if (w->signature && put(w->dir, PACK_SIGNATURE, w->signature, w->signature_len, e) < 0)
		return -1;
	return 0;
}

/* The text of the signature that is there now; NULL: none. */
static const char *signature_now(const struct work *w, size_t *len)
{
	*len = w->signature ? w->signature_len : w->pack.signature_len;
	return w->signature ? w->signature : w->pack.signature;
}

/* The directory --output lies in, which is not the pack's: it would be part of it. *NAME is the file. */
static int open_output(const char *path, const struct work *w, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	AUTO_FD int fd = -1;
	struct stat there, pack;

	if (!parent)
		return err_nomem(e);
	*name = slash ? slash + 1 : path;
	if (!str_ends(*name, ".tar"))
		return err_set(e, ERR_INPUT,
			"--output %.200s: the name must end in \".tar\", or no node takes it for a "
			"pack",
			path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &there) < 0 || fstat(w->dir, &pack) < 0)
		return err_set(e, errno, "--output %.200s", path);
	if (there.st_dev == pack.st_dev && there.st_ino == pack.st_ino)
		return err_set(e, ERR_INPUT,
			"--output %.200s is in the pack itself, where it would be an extra file",
			path);
	return take_fd(&fd);
}

/* manifest, signature, profiles sorted by name; the same bytes every time. */
static int write_archive(const struct work *w, int dir, const char *name, struct err *e)
{
	AUTO_STR struct str tar = STR_INIT;
	size_t len;
	const char *signature = signature_now(w, &len);

	tar_add(&tar, PACK_MANIFEST, w->manifest.s, w->manifest.len);
	if (signature)
		tar_add(&tar, PACK_SIGNATURE, signature, len);
	for (size_t i = 0; i < w->pack.n_files; i++)
		tar_add(&tar, w->pack.files[i].name, w->pack.files[i].text, w->pack.files[i].len);
	tar_end(&tar);
	if (str_failed(&tar))
		return err_nomem(e);
	return put(dir, name, tar.s, tar.len, e);
}

/* ---- the answer ---- */

/* TEXT as one word of a shell. */
static void quote(const char *text, struct str *out)
{
	str_addc(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			str_add(out, "'\\''");
		else
			str_addc(out, *text);
	str_addc(out, '\'');
}

/* What is to be run where the secret key is; "" when it is signed. */
static void next_command(const struct work *w, struct str *out)
{
	AUTO_STR struct str path = STR_INIT;
	size_t len;

	if (signature_now(w, &len))
		return;
	str_add(&path, w->pack.place);
	str_add(&path, "/" PACK_MANIFEST);
	str_add(out, "minisign -S -s SECRET-KEY -m ");
	quote(str_text(&path), out);
}

/* The id of the key that signed it, as the signature says; "" when it is unsigned or not readable. */
static void signer_id(const struct work *w, char id[MINISIGN_ID_HEX])
{
	struct minisign_signature s;
	size_t len;
	const char *text = signature_now(w, &len);

	id[0] = '\0';
	if (text && minisign_read_signature(text, len, &s, NULL) == 0)
		minisign_id(s.id, id);
}

static int print_json(struct ctl_call *call, const struct work *w, const char *digest,
	const char *id, const char *next, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	const char *output = ctl_value(call, "output");
	struct json *o;

	if (!doc)
		return err_nomem(e);
	o = json_object(doc);
	if (json_put(doc, o, "pack", json_string(doc, w->name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, w->version)) < 0 ||
		json_put(doc, o, "digest", json_string(doc, digest)) < 0 ||
		json_put(doc, o, "files", json_uint(doc, w->pack.n_files)) < 0 ||
		json_put(doc, o, "signer", *id ? json_string(doc, id) : json_null(doc)) < 0 ||
		json_put(doc, o, "next", *next ? json_string_lossy(doc, next) : json_null(doc)) <
			0 ||
		json_put(doc, o, "output",
			output ? json_string_lossy(doc, output) : json_null(doc)) < 0 ||
		json_put(doc, o, "notes", json_strings(doc, &w->notes)) < 0)
		return err_nomem(e);
	return ctl_put_json(call, o, e);
}

static int answer(struct ctl_call *call, const struct work *w, struct err *e)
{
	AUTO_STR struct str next = STR_INIT;
	struct str *out = &call->out;
	char digest[HASH_HEX_SIZE], id[MINISIGN_ID_HEX];

	hash_sha256_hex(w->manifest.s, w->manifest.len, digest);
	signer_id(w, id);
	next_command(w, &next);
	if (call->json)
		return print_json(call, w, digest, id, str_text(&next), e);
	str_addf(out, "%s %s: %zu file%s\n", w->name, w->version, w->pack.n_files,
		w->pack.n_files == 1 ? "" : "s");
	for (size_t i = 0; i < w->notes.n; i++)
		str_addf(out, "note: %s\n", w->notes.v[i]);
	if (*id)
		str_addf(out,
			w->signature ? "signed by key %s\n"
				     : "the manifest is what it was, its signature by key %s "
				       "stays\n",
			id);
	else
		str_add(out, "not signed; where the secret key is, run:\n  ");
	table_text(str_text(&next), next.len, out);
	if (next.len)
		str_addc(out, '\n');
	if (ctl_given(call, "output")) {
		str_add(out, "written to ");
		table_text(ctl_value(call, "output"), PATH_MAX, out);
		str_add(out, *id ? "\n" : ", unsigned\n");
	}
	return 0;
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(work_done))) struct work w = {.dir = -1};
	AUTO_FD int output_dir = -1;
	const char *output = ctl_value(call, "output"), *name = NULL;

	if (gather(call, &w, e) < 0)
		return -1;
	if (output) {
		output_dir = open_output(output, &w, &name, e);
		if (output_dir < 0)
			return -1;
	}
	if (sign(call, &w, e) < 0 || install(&w, e) < 0 ||
		(output && write_archive(&w, output_dir, name, e) < 0))
		return -1;
	return answer(call, &w, e) < 0 ? -1 : CTL_OK;
}

const struct ctl_command ctl_profile_sign = {
	.name = "profile sign",
	.run = run,
	.operands = "DIRECTORY",
	.least = 1,
	.most = 1,
	.word = CTL_DIR,
	.summary = "make a pack of a directory of profiles, and have minisign sign it",
	.notes = "The secret key is minisign's to read, which also asks for its password. Without\n"
		 "--key the command to run elsewhere is printed; run this again afterwards for an\n"
		 "archive with the signature in it.\n",
	.options =
		{
			{"version", "VERSION", CTL_TEXT,
				"of the pack, as semver.org says (needed)"},
			{"name", "NAME", CTL_TEXT, "of the pack; default: that of the directory"},
			{"key", "FILE", CTL_FILE, "minisign's secret key"},
			{"output", "FILE.tar", CTL_FILE, "write the whole pack to one file, too"},
		},
};
