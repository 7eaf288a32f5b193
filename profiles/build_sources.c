/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_sources - from the profile directories into the catalog: loose files and packs, and what
 * requireSigned makes of them.
 */
#include "profiles/build_work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "profiles/build_file.h"
#include "shim/base/cleanup.h"

#define FILTERS "seccomp"

/* Name, without ".json", of the profile in the file NAME; NULL: no profile can be called that. */
static char *profile_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(name) - strlen(".json");
	char *own = strndup(name, len);

	if (own && (len == 0 || len > 64 || own[strspn(own, good)] || strchr("-_.", own[0])))
		own[0] = '\0';
	return own;
}

/* PACK NULL: a loose file. */
static int add(struct build_work *w, const char *name, const char *file, const char *pack,
	const char *text, size_t len)
{
	const struct catalog_entry *old = catalog_find(w->b->catalog, name);
	bool replaces = old && old->builtin;
	struct err why = {0};

	if (catalog_add(w->b->catalog, name, file, pack, text, len, &why) < 0)
		return build_failed(w, &why);
	return replaces ? build_note(w, "%s takes the place of the shipped \"%s\"", file, name) : 0;
}

/* ---- loose files ---- */

static int read_and_add(struct build_work *w, const char *name, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	size_t len;

	if (build_file_read(path, CATALOG_TEXT_MAX, &text, &len, &why) < 0)
		return build_failed(w, &why);
	return add(w, name, path, NULL, text, len);
}

/* PREFIX is "" or "seccomp/". */
static int add_file(struct build_work *w, const char *dir, const char *prefix, const char *file)
{
	AUTO_STR struct str path = STR_INIT, name = STR_INIT;
	AUTO_FREE char *own = profile_name(file);

	str_addf(&path, "%s/%s", dir, file);
	str_addf(&name, "%s%s", prefix, own ? own : "");
	if (!own || str_failed(&path) || str_failed(&name))
		return err_nomem(w->e);
	if (!own[0])
		return build_problem(w,
			"%s: no profile can have this name: 1 to 64 of a-z 0-9 . _ -, a letter or "
			"digit first",
			path.s);
	if (w->b->node.require_signed)
		return build_problem(w,
			"%s: a loose file is not signed, and %s requires signatures "
			"(requireSigned): put it into a signed pack",
			path.s, w->config);
	return read_and_add(w, name.s, path.s);
}

static int add_filters(struct build_work *w, const char *dir)
{
	AUTO_STRV struct strv names = {0};
	struct err why = {0};

	if (build_file_list(dir, &names, &why) < 0)
		return build_failed(w, &why);
	for (size_t i = 0; i < names.n; i++) {
		if (str_ends(names.v[i], ".json")
				? add_file(w, dir, FILTERS "/", names.v[i]) < 0
				: build_note(w,
					  "%s/%s is not looked at: its name does not end in "
					  ".json",
					  dir, names.v[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- packs ---- */

static void pack_free(struct policy_pack *p)
{
	free(p->name);
	free(p->version);
	free(p->signer);
	free(p->digest);
	*p = (struct policy_pack){0};
}

/* The newest pack NAME that was ever applied here, as far as the policy in force knows. */
static const struct policy_pack *newest_applied(const struct build_work *w, const char *name)
{
	const struct policy_pack *newest = NULL;

	for (size_t i = 0; i < w->n_applied; i++)
		if (strcmp(w->applied[i].name, name) == 0 &&
			(!newest ||
				pack_compare_versions(w->applied[i].version, newest->version) > 0))
			newest = &w->applied[i];
	return newest;
}

/* An attacker who has only an old signed pack must not get its old holes back. */
static int judge_version(struct build_work *w, const struct pack *p)
{
	int (*complain)(struct build_work *, const char *, ...) =
		w->b->node.require_signed ? build_problem : build_note;
	const struct policy_pack *old = newest_applied(w, p->name);
	int order;

	if (!old)
		return 0;
	order = pack_compare_versions(p->version, old->version);
	if (order < 0)
		return complain(w, "%s: pack \"%s\" %s is older than %s, which %s%s", p->place,
			p->name, p->version, old->version,
			old->retired ? "was applied here before" : "is applied",
			w->b->node.require_signed
				? ": sign it anew with a newer version, or go back with \"cinchctl "
				  "rollback\""
				: "");
	if (order == 0 && strcmp(p->digest, old->digest) != 0)
		return complain(w,
			"%s: pack \"%s\" %s is not what %s under that version: a changed pack "
			"needs a new one",
			p->place, p->name, p->version,
			old->retired ? "was applied here before" : "is applied");
	return 0;
}

/* *SIGNER is the key's id, the caller's; NULL: nobody who is trusted. */
static int judge_signature(struct build_work *w, const struct pack *p, char **signer)
{
	const struct pack_key *key = NULL;
	struct err why = {0};

	switch (pack_trust(p, &w->keys, &key, &why)) {
	case PACK_TRUSTED:
		*signer = calloc(1, MINISIGN_ID_HEX);
		if (!*signer)
			return err_nomem(w->e);
		minisign_id(key->key.id, *signer);
		return 0;
	case PACK_WRONG:
		return build_failed(w, &why);
	case PACK_UNSIGNED:
		if (!w->b->node.require_signed)
			return 0;
		break;
	case PACK_NO_KEYS:
	case PACK_UNKNOWN_KEY:
		if (!w->b->node.require_signed)
			return build_note(w, "%s", why.msg);
		break;
	}
	return build_problem(w, "%s; %s requires signatures (requireSigned)", why.msg, w->config);
}

/* Take P's head into the build; SIGNER becomes the build's. */
static int keep_pack(struct build_work *w, const struct pack *p, char **signer)
{
	struct build *b = w->b;
	struct policy_pack *more, *to;

	for (size_t i = 0; i < b->n_packs; i++)
		if (strcmp(b->packs[i].name, p->name) == 0)
			return build_problem(w, "%s: there is another pack \"%s\": %s", p->place,
				p->name, w->places.v[i]);
	more = reallocarray(b->packs, b->n_packs + 1, sizeof *more);
	if (!more)
		return err_nomem(w->e);
	b->packs = more;
	to = &more[b->n_packs];
	*to = (struct policy_pack){.name = strdup(p->name),
		.version = strdup(p->version),
		.signer = take_ptr(signer),
		.digest = strdup(p->digest)};
	if (!to->name || !to->version || !to->digest || strv_add(&w->places, p->place) < 0) {
		pack_free(to);
		return err_nomem(w->e);
	}
	b->n_packs++;
	return 0;
}

static int add_pack(struct build_work *w, const char *path)
{
	AUTO_PACK struct pack p = {0};
	AUTO_FREE char *signer = NULL;
	struct err why = {0};

	if (pack_read(path, &p, &why) < 0)
		return build_failed(w, &why);
	if (judge_signature(w, &p, &signer) < 0 || judge_version(w, &p) < 0 ||
		keep_pack(w, &p, &signer) < 0)
		return -1;
	for (size_t i = 0; i < p.n_files; i++) {
		AUTO_STR struct str file = STR_INIT, name = STR_INIT;

		str_addf(&file, "%s/%s", p.place, p.files[i].name);
		str_addn(&name, p.files[i].name, strlen(p.files[i].name) - strlen(".json"));
		if (str_failed(&file) || str_failed(&name))
			return err_nomem(w->e);
		if (add(w, name.s, file.s, p.name, p.files[i].text, p.files[i].len) < 0)
			return -1;
	}
	return 0;
}

/* ---- directories ---- */

static int add_entry(struct build_work *w, const char *dir, const char *name)
{
	AUTO_STR struct str path = STR_INIT;
	struct stat st;

	str_addf(&path, "%s/%s", dir, name);
	if (str_failed(&path))
		return err_nomem(w->e);
	if (strcmp(name, FILTERS) == 0)
		return add_filters(w, path.s);
	if (pack_is(path.s))
		return add_pack(w, path.s);
	if (str_ends(name, ".json"))
		return add_file(w, dir, "", name);
	if (stat(path.s, &st) == 0 && S_ISDIR(st.st_mode))
		return build_note(
			w, "%s is not looked at: no " PACK_MANIFEST " makes it a pack", path.s);
	return build_note(
		w, "%s is not looked at: its name ends neither in .json nor in .tar", path.s);
}

static int add_directory(struct build_work *w, const char *dir)
{
	AUTO_STRV struct strv names = {0};
	struct err why = {0};

	if (build_file_list(dir, &names, &why) < 0) {
		/* the usual one need not be there: then the shipped profiles are all there is */
		if (why.code == ENOENT && strcmp(dir, BUILD_PROFILES) == 0)
			return 0;
		return build_failed(w, &why);
	}
	for (size_t i = 0; i < names.n; i++)
		if (add_entry(w, dir, names.v[i]) < 0)
			return -1;
	return 0;
}

/* ---- what was applied before ---- */

static int read_applied(struct build_work *w)
{
	struct err why = {0};

	if (!w->from->current ||
		policy_packs(w->from->current, &w->applied, &w->n_applied, &why) == 0)
		return 0;
	return why.code == ENOMEM
		       ? err_nomem(w->e)
		       : build_note(
				 w, "the packs of the policy in force are not known: %s", why.msg);
}

/* The policy that is made must know it, too. */
static bool must_be_kept(const struct build_work *w, const struct policy_pack *old)
{
	const struct build *b = w->b;

	if (newest_applied(w, old->name) != old)
		return false;
	for (size_t i = 0; i < b->n_packs; i++)
		if (strcmp(b->packs[i].name, old->name) == 0 && !b->packs[i].retired)
			return pack_compare_versions(b->packs[i].version, old->version) < 0;
	return true;
}

static int by_pack(const void *a, const void *b)
{
	return strcmp(((const struct policy_pack *)a)->name, ((const struct policy_pack *)b)->name);
}

/*
 * A pack that is taken away leaves its version behind: else to take it away and to bring an older one would
 * be a way around judge_version. Each name stands there once, so it does not grow with each version.
 */
static int keep_versions(struct build_work *w)
{
	struct build *b = w->b;
	size_t present = b->n_packs;
	struct policy_pack *more;

	if (!w->n_applied)
		return 0;
	more = reallocarray(b->packs, present + w->n_applied, sizeof *more);
	if (!more)
		return err_nomem(w->e);
	b->packs = more;
	for (size_t i = 0; i < w->n_applied; i++) {
		struct policy_pack *old = &w->applied[i];

		if (!must_be_kept(w, old))
			continue;
		more[b->n_packs] = (struct policy_pack){.name = strdup(old->name),
			.version = strdup(old->version),
			.signer = old->signer ? strdup(old->signer) : NULL,
			.digest = strdup(old->digest),
			.retired = true};
		old = &more[b->n_packs++];
		if (!old->name || !old->version || !old->digest ||
			(w->applied[i].signer && !old->signer))
			return err_nomem(w->e);
	}
	qsort(more + present, b->n_packs - present, sizeof *more, by_pack);
	return 0;
}

int build_sources(struct build_work *w)
{
	const struct node *node = &w->b->node;
	struct err why = {0};

	if (read_applied(w) < 0)
		return -1;
	if (pack_read_keys(node->keys, &w->keys, &why) < 0 && build_failed(w, &why) < 0)
		return -1;
	for (size_t i = 0; i < node->profiles.n; i++)
		if (add_directory(w, node->profiles.v[i]) < 0)
			return -1;
	return keep_versions(w);
}
