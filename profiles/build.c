/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - from the sources a person edits to the bytes of a policy.
 *
 * The files of the profile directories are read in build_sources.c.
 */
#include "profiles/build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiles/build_file.h"
#include "profiles/build_work.h"
#include "profiles/reader.h"
#include "shim/base/cleanup.h"

enum { CONFIG_MAX = 8 << 20, PROBLEMS_MAX = 500 };

void build_done(struct build *b)
{
	node_done(&b->node);
	catalog_freep(&b->catalog);
	denied_done(&b->denied);
	policy_packs_free(b->packs, b->n_packs);
	b->packs = NULL;
	b->n_packs = 0;
	str_done(&b->policy);
	strv_done(&b->problems);
	strv_done(&b->notes);
}

static void work_done(struct build_work *w)
{
	pack_keys_done(&w->keys);
	policy_packs_free(w->applied, w->n_applied);
	strv_done(&w->places);
	strv_done(&w->filters);
	for (size_t i = 0; w->flat && i < w->n_texts; i++)
		str_done(&w->flat[i]);
	free(w->flat);
	free(w->texts);
}

/* ---- complaints ---- */

static int add_text(struct build_work *w, struct strv *to, const char *text)
{
	return strv_add(to, text) < 0 ? err_nomem(w->e) : 0;
}

__attribute__((format(printf, 3, 0))) static int say(
	struct build_work *w, struct strv *to, const char *fmt, va_list ap)
{
	char *text;
	int rc;

	if (to->n > PROBLEMS_MAX)
		return 0;
	if (to->n == PROBLEMS_MAX)
		return add_text(w, to, "and more");
	if (vasprintf(&text, fmt, ap) < 0)
		return err_nomem(w->e);
	rc = add_text(w, to, text);
	free(text);
	return rc;
}

int build_problem(struct build_work *w, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = say(w, &w->b->problems, fmt, ap);
	va_end(ap);
	return rc;
}

int build_note(struct build_work *w, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = say(w, &w->b->notes, fmt, ap);
	va_end(ap);
	return rc;
}

int build_failed(struct build_work *w, const struct err *why)
{
	if (why->code == ENOMEM)
		return err_nomem(w->e);
	return build_problem(w, "%s", why->msg);
}

/* ---- cinch.json ---- */

/* *TEXT is the caller's; NULL: it could not be read, which is a problem by now. */
static int read_config(struct build_work *w, char **text, size_t *len)
{
	struct err why = {0};

	if (build_file_read(w->config, CONFIG_MAX, text, len, &why) == 0 && *len > 0)
		return 0;
	/* what a full disk or a power cut leaves must not switch requireSigned off */
	if (!why.code)
		err_set(&why, ERR_INPUT,
			"%s is empty: write {} for a node where nothing is configured, or remove "
			"it",
			w->config);
	cleanup_free(text);
	*text = NULL;
	if (why.code != ENOENT || w->from->config)
		return build_failed(w, &why);
	*len = 0;
	*text = strdup("");
	return *text ? 0 : err_nomem(w->e);
}

static unsigned default_line(const char *text, size_t len)
{
	static const struct json_limits limits = {CONFIG_MAX, 64, 1000000};
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *v;
	struct err ignored;
	unsigned line = 0, col;

	if (len == 0 || json_parse(text, len, &limits, JSON_COMMENTS, &doc, &ignored) < 0)
		return 0;
	v = json_get(json_root(doc), "defaultProfile");
	if (v)
		json_line_col(doc, v, &line, &col);
	return line;
}

static int unknown_profile(struct build_work *w, const char *what, const char *name, unsigned line)
{
	AUTO_FREE const char **names = NULL;
	const struct catalog_entry *entry;
	size_t n = 0, used = 0;
	const char *near;

	while (catalog_item(w->b->catalog, n))
		n++;
	names = calloc(n + 1, sizeof *names);
	if (!names)
		return err_nomem(w->e);
	for (size_t i = 0; (entry = catalog_item(w->b->catalog, i)); i++)
		if (!strchr(entry->name, '/'))
			names[used++] = entry->name;
	near = reader_nearest(names, name);
	return build_problem(w, "%s:%u: %s names an unknown profile \"%.64s\"%s%s%s", w->config,
		line, what, name, near ? ", did you mean \"" : "", near ? near : "",
		near ? "\"?" : "");
}

static bool is_profile(const struct build_work *w, const char *name)
{
	return !strchr(name, '/') && catalog_find(w->b->catalog, name);
}

static int check_names(struct build_work *w, const char *text, size_t len)
{
	const struct node *node = &w->b->node;

	if (!is_profile(w, node->settings.default_profile) &&
		unknown_profile(w, "defaultProfile", node->settings.default_profile,
			default_line(text, len)) < 0)
		return -1;
	for (size_t i = 0; i < node->n_rules; i++)
		if (!is_profile(w, node->rules[i].profile) &&
			unknown_profile(
				w, "this rule", node->rules[i].profile, node->rules[i].line) < 0)
			return -1;
	return 0;
}

static int check_node(struct build_work *w)
{
	const struct settings *s = &w->b->node.settings;

	if (s->mode == PROFILE_AUDIT &&
		build_note(w, "%s: the node is in audit mode: no profile is enforced", w->config) <
			0)
		return -1;
	if (s->runtime && access(s->runtime, X_OK) < 0)
		return build_note(
			w, "%s: runtime %.256s: %s", w->config, s->runtime, strerrordesc_np(errno));
	return 0;
}

static int read_denied(struct build_work *w)
{
	const struct node *node = &w->b->node;

	for (size_t i = 0; i < node->denied.n; i++) {
		AUTO_FREE char *text = NULL;
		struct err why = {0};
		size_t len;

		if (build_file_read(node->denied.v[i], DENIED_BYTES_MAX, &text, &len, &why) < 0) {
			if (why.code == ENOENT && node->denied_default)
				continue;
			if (build_failed(w, &why) < 0)
				return -1;
			continue;
		}
		if (denied_add(node->denied.v[i], text, len, &w->b->denied, &why) < 0 &&
			build_failed(w, &why) < 0)
			return -1;
	}
	return 0;
}

/* ---- profiles and filters ---- */

static int flatten(struct build_work *w, const struct catalog_entry *entry)
{
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str filter = STR_INIT;
	struct str *flat = &w->flat[w->n_texts];
	struct err why = {0};

	if (catalog_flatten(w->b->catalog, entry->name, flat, &p, &why) < 0)
		return build_failed(w, &why);
	w->texts[w->n_texts++] =
		(struct policy_text){.name = entry->name, .text = flat->s, .len = flat->len};
	if (p->seccomp.unconfined)
		return 0;
	str_addf(&filter, "seccomp/%s", p->seccomp.profile ? p->seccomp.profile : "default");
	if (str_failed(&filter))
		return err_nomem(w->e);
	if (!strv_has(&w->filters, filter.s) && strv_add(&w->filters, filter.s) < 0)
		return err_nomem(w->e);
	return 0;
}

/* Those that are used go in; those somebody wrote are checked, used or not. */
static int take_filter(struct build_work *w, const struct catalog_entry *entry)
{
	struct err why = {0};

	if (!entry->builtin && catalog_check_filter(w->b->catalog, entry->name, &why) < 0)
		return build_failed(w, &why);
	if (strv_has(&w->filters, entry->name))
		w->texts[w->n_texts++] = (struct policy_text){
			.name = entry->name, .text = entry->text, .len = entry->len};
	else if (!entry->builtin)
		return build_note(w, "%s: no profile uses this filter", entry->file);
	return 0;
}

static int take_texts(struct build_work *w)
{
	const struct catalog_entry *entry;
	size_t n = 0;

	while (catalog_item(w->b->catalog, n))
		n++;
	w->texts = calloc(n + 1, sizeof *w->texts);
	w->flat = calloc(n + 1, sizeof *w->flat);
	if (!w->texts || !w->flat)
		return err_nomem(w->e);
	for (size_t i = 0; (entry = catalog_item(w->b->catalog, i)); i++)
		if (!strchr(entry->name, '/') && flatten(w, entry) < 0)
			return -1;
	for (size_t i = 0; (entry = catalog_item(w->b->catalog, i)); i++)
		if (strchr(entry->name, '/') && take_filter(w, entry) < 0)
			return -1;
	return 0;
}

/* ---- the whole ---- */

static int encode(struct build_work *w)
{
	struct build *b = w->b;
	const struct policy_draft draft = {
		.node = &b->node,
		.texts = w->texts,
		.n_texts = w->n_texts,
		.packs = b->packs,
		.n_packs = b->n_packs,
		.denied = &b->denied,
	};
	struct err why = {0};

	if (policy_encode(&draft, &b->policy, &why) < 0)
		return build_failed(w, &why);
	hash_sha256_hex(b->policy.s, b->policy.len, b->digest);
	return 0;
}

static int work(struct build_work *w)
{
	AUTO_FREE char *text = NULL;
	struct err why = {0};
	size_t len;

	if (read_config(w, &text, &len) < 0)
		return -1;
	/* where the profiles are is not known without it: more complaints would be guesses */
	if (!text)
		return 0;
	if (node_parse(w->config, text, len, &w->b->node, &why) < 0)
		return build_failed(w, &why);
	if (build_sources(w) < 0 || take_texts(w) < 0 || check_names(w, text, len) < 0 ||
		read_denied(w) < 0 || check_node(w) < 0)
		return -1;
	return w->b->problems.n ? 0 : encode(w);
}

int build_policy(const struct build_from *from, struct build *out, struct err *e)
{
	AUTO_BUILD struct build b = {.catalog = catalog_new()};
	struct build_work w = {.from = from, .b = &b, .e = e};
	int rc;

	w.config = from->config ? from->config : BUILD_CONFIG;
	if (!b.catalog)
		return err_nomem(e);
	rc = work(&w);
	work_done(&w);
	if (rc < 0)
		return -1;
	*out = b;
	b = (struct build){.catalog = NULL};
	return 0;
}
