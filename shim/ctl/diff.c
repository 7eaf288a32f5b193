/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - how one policy differs from another.
 *
 * How it is shown is in diff_show.c.
 */
#include "shim/ctl/diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiles/catalog.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

/* One of the two; the built-in policy is its catalog. */
struct side {
	struct policy *policy;
	struct catalog *catalog;
	struct strv names;
	struct settings settings;
	struct policy_pack *packs;
	size_t n_packs;
};

static void side_done(struct side *s)
{
	catalog_free(s->catalog);
	strv_done(&s->names);
	settings_done(&s->settings);
	policy_packs_free(s->packs, s->n_packs);
}

#define AUTO_SIDE __attribute__((cleanup(side_done)))

static int side_builtin(struct side *s, struct err *e)
{
	const struct catalog_entry *entry;

	s->catalog = catalog_new();
	if (!s->catalog)
		return err_nomem(e);
	for (size_t i = 0; (entry = catalog_item(s->catalog, i)); i++)
		if (!strchr(entry->name, '/') && strv_add(&s->names, entry->name) < 0)
			return err_nomem(e);
	return settings_default(&s->settings, e);
}

static int side_open(struct policy *p, struct side *s, struct err *e)
{
	s->policy = p;
	if (!p)
		return side_builtin(s, e);
	if (policy_names(p, &s->names, e) < 0 || policy_settings(p, &s->settings, e) < 0 ||
		policy_packs(p, &s->packs, &s->n_packs, e) < 0)
		return -1;
	return 0;
}

static int side_profile(const struct side *s, const char *name, struct profile **out, struct err *e)
{
	return s->policy ? policy_profile(s->policy, name, out, e)
			 : catalog_flatten(s->catalog, name, NULL, out, e);
}

/* A policy has its filters without comments and blanks. */
static int add_filter(const char *text, size_t len, struct str *out, struct err *e)
{
	static const struct json_limits limits = {
		PROFILE_TEXT_MAX, PROFILE_DEPTH_MAX, PROFILE_VALUES_MAX};
	AUTO_JSON struct json_doc *doc = NULL;

	if (json_parse(text, len, &limits, JSON_COMMENTS, &doc, e) < 0)
		return -1;
	json_write(json_root(doc), out);
	return 0;
}

/* The text of the profile and of its filter, as what it comes to. */
static int side_text(const struct side *s, const char *name, const struct profile *p,
	struct str *out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const char *filter = p->filter;
	size_t len = 0, filter_len = p->filter_len;
	char full[128];

	if (!s->policy) {
		if (catalog_flatten(s->catalog, name, out, NULL, e) < 0)
			return -1;
	} else {
		if (policy_text(s->policy, name, &text, &len, e) < 0)
			return -1;
		str_addn(out, text ? text : "", len);
	}
	snprintf(full, sizeof full, "seccomp/%s",
		p->seccomp.profile ? p->seccomp.profile : "default");
	if (!filter && !p->seccomp.unconfined)
		filter = profile_builtin_text(full, &filter_len);
	if (filter && add_filter(filter, filter_len, out, e) < 0)
		return -1;
	return str_failed(out) ? err_nomem(e) : 0;
}

/* ---- profiles ---- */

void diff_done(struct diff *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].before);
		free(c->v[i].after);
		privileges_done(&c->v[i].privileges);
	}
	free(c->v);
	strv_done(&c->node);
	*c = (struct diff){0};
}

const struct diff_profile *diff_find(const struct diff *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}

/* BEFORE or AFTER may be NULL. */
static struct diff_profile *add_change(struct diff *c, const char *name,
	const struct profile *before, const struct profile *after, struct err *e)
{
	struct diff_profile *more = reallocarray(c->v, c->n + 1, sizeof *more), *to;

	if (!more) {
		err_nomem(e);
		return NULL;
	}
	c->v = more;
	to = &more[c->n++];
	*to = (struct diff_profile){
		.kind = !before  ? DIFF_ADDED
			: !after ? DIFF_REMOVED
				 : DIFF_CHANGED,
		.name = strdup(name),
		.before = before ? strdup(before->version) : NULL,
		.after = after ? strdup(after->version) : NULL,
	};
	if (to->name && (!before || to->before) && (!after || to->after))
		return to;
	err_nomem(e);
	return NULL;
}

static int compare_profile(
	struct diff *c, const struct side *a, const struct side *b, const char *name, struct err *e)
{
	AUTO_PROFILE struct profile *before = NULL, *after = NULL;
	AUTO_STR struct str old = STR_INIT, new = STR_INIT;
	struct diff_profile *change;

	if ((strv_has(&a->names, name) && side_profile(a, name, &before, e) < 0) ||
		(strv_has(&b->names, name) && side_profile(b, name, &after, e) < 0))
		return err_wrap(e, "profile %.64s", name);
	if (before && after) {
		if (side_text(a, name, before, &old, e) < 0 ||
			side_text(b, name, after, &new, e) < 0)
			return err_wrap(e, "profile %.64s", name);
		if (old.len == new.len && memcmp(str_text(&old), str_text(&new), new.len) == 0)
			return 0;
	}
	change = add_change(c, name, before, after, e);
	if (!change)
		return -1;
	return before && after ? privileges_diff(before, after, &change->privileges, e) : 0;
}

/* Both lists are sorted: so is what comes out. */
static int compare_profiles(
	struct diff *c, const struct side *a, const struct side *b, struct err *e)
{
	size_t i = 0, k = 0;

	while (i < a->names.n || k < b->names.n) {
		int order = i == a->names.n   ? 1
			    : k == b->names.n ? -1
					      : strcmp(a->names.v[i], b->names.v[k]);
		const char *name = order <= 0 ? a->names.v[i] : b->names.v[k];

		if (compare_profile(c, a, b, name, e) < 0)
			return -1;
		i += order <= 0;
		k += order >= 0;
	}
	c->n_profiles = b->names.n;
	return 0;
}

/* ---- the node ---- */

__attribute__((format(printf, 3, 4))) static int add_line(
	struct diff *c, struct err *e, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_nomem(e);
	rc = strv_add(&c->node, text) < 0 ? err_nomem(e) : 0;
	free(text);
	return rc;
}

static int differs(struct diff *c, const char *what, const char *a, const char *b, struct err *e)
{
	a = a ? a : "(none)";
	b = b ? b : "(none)";
	return strcmp(a, b) == 0 ? 0 : add_line(c, e, "%s: %s -> %s", what, a, b);
}

static const char *yes(bool on)
{
	return on ? "on" : "off";
}

static int differ(
	struct diff *c, const char *what, const struct strv *a, const struct strv *b, struct err *e)
{
	AUTO_STR struct str was = STR_INIT, is = STR_INIT;

	for (size_t i = 0; i < a->n; i++)
		str_addf(&was, "%s%s", i ? ", " : "", a->v[i]);
	for (size_t i = 0; i < b->n; i++)
		str_addf(&is, "%s%s", i ? ", " : "", b->v[i]);
	if (str_failed(&was) || str_failed(&is))
		return err_nomem(e);
	return differs(c, what, was.len ? was.s : NULL, is.len ? is.s : NULL, e);
}

static int compare_settings(
	struct diff *c, const struct settings *a, const struct settings *b, struct err *e)
{
	const char *was = a->mode == PROFILE_AUDIT ? "audit" : "enforce";
	const char *is = b->mode == PROFILE_AUDIT ? "audit" : "enforce";

	if (differs(c, "mode of the node", was, is, e) < 0 ||
		differs(c, "requireSigned", yes(a->require_signed), yes(b->require_signed), e) <
			0 ||
		differs(c, "defaultProfile", a->default_profile, b->default_profile, e) < 0 ||
		differs(c, "runtime", a->runtime, b->runtime, e) < 0 ||
		differs(c, "audit.path", a->audit.path, b->audit.path, e) < 0 ||
		differs(c, "audit.required", yes(a->audit.required), yes(b->audit.required), e) <
			0 ||
		differs(c, "audit.journald", yes(a->audit.journald), yes(b->audit.journald), e) <
			0 ||
		differs(c, "audit.syslog", yes(a->audit.syslog), yes(b->audit.syslog), e) < 0 ||
		differs(c, "annotations.profile", yes(a->annotations.profile),
			yes(b->annotations.profile), e) < 0)
		return -1;
	return differ(c, "annotations.record", &a->annotations.record, &b->annotations.record, e) <
				       0 ||
			       differ(c, "network.resolvers", &a->network.resolvers,
				       &b->network.resolvers, e) < 0 ||
			       differ(c, "network.nodeAddresses", &a->network.nodes,
				       &b->network.nodes, e) < 0
		       ? -1
		       : differ(c, "network.metadataAddresses", &a->network.metadata,
				 &b->network.metadata, e);
}

/* Which container gets what: as much a right as what a profile grants. */
static int compare_rules(struct diff *c, struct policy *from, struct policy *to, struct err *e)
{
	struct policy_rules a = {.n = 0}, b = {.n = 0};

	if ((from && policy_rules(from, &a, e) < 0) || (to && policy_rules(to, &b, e) < 0))
		return -1;
	if (a.n != b.n)
		return add_line(c, e, "select: %zu -> %zu rules", a.n, b.n);
	if (a.n && memcmp(a.sum, b.sum, sizeof a.sum) != 0)
		return add_line(c, e, "select: %zu rules, other ones or in other lines", b.n);
	return 0;
}

/* One line for what is in A and not in B; both are sorted. */
static int only_denied_in(
	struct diff *c, const char *what, const struct strv *a, const struct strv *b, struct err *e)
{
	enum { SHOWN = 5 };
	AUTO_STR struct str names = STR_INIT;
	size_t n = 0;

	for (size_t i = 0, k = 0; i < a->n; i++) {
		while (k < b->n && strcmp(b->v[k], a->v[i]) < 0)
			k++;
		if (k < b->n && strcmp(b->v[k], a->v[i]) == 0)
			continue;
		if (n++ < SHOWN)
			str_addf(&names, "%s%s", n > 1 ? ", " : "", a->v[i]);
	}
	if (n > SHOWN)
		str_addf(&names, " and %zu more", n - SHOWN);
	if (str_failed(&names))
		return err_nomem(e);
	return n ? add_line(c, e, "images %s: %s", what, str_text(&names)) : 0;
}

static int compare_denied(struct diff *c, struct policy *from, struct policy *to, struct err *e)
{
	AUTO_STRV struct strv a = {0}, b = {0};

	if ((from && policy_denied_all(from, &a, e) < 0) ||
		(to && policy_denied_all(to, &b, e) < 0))
		return -1;
	return only_denied_in(c, "no longer denied", &a, &b, e) < 0 ||
			       only_denied_in(c, "now denied", &b, &a, e) < 0
		       ? -1
		       : 0;
}

static const struct policy_pack *find_pack(const struct side *s, const char *name)
{
	for (size_t i = 0; i < s->n_packs; i++)
		if (!s->packs[i].retired && strcmp(s->packs[i].name, name) == 0)
			return &s->packs[i];
	return NULL;
}

static int compare_packs(struct diff *c, const struct side *a, const struct side *b, struct err *e)
{
	for (size_t i = 0; i < b->n_packs; i++) {
		const struct policy_pack *is = &b->packs[i], *was = find_pack(a, is->name);
		const char *old = was ? was->version : "(none)";

		if (!is->retired && (!was || strcmp(was->digest, is->digest) != 0) &&
			add_line(c, e, "pack %s: %s -> %s, %s%s", is->name, old, is->version,
				is->signer ? "signed by " : "not signed",
				is->signer ? is->signer : "") < 0)
			return -1;
	}
	for (size_t i = 0; i < a->n_packs; i++)
		if (!a->packs[i].retired && !find_pack(b, a->packs[i].name) &&
			add_line(c, e, "pack %s: %s -> (none)", a->packs[i].name,
				a->packs[i].version) < 0)
			return -1;
	return 0;
}

int diff_policies(struct policy *from, struct policy *to, struct diff *out, struct err *e)
{
	AUTO_SIDE struct side a = {.policy = from}, b = {.policy = to};
	AUTO_DIFF struct diff c = {0};

	if (side_open(from, &a, e) < 0 || side_open(to, &b, e) < 0 ||
		compare_profiles(&c, &a, &b, e) < 0 ||
		compare_settings(&c, &a.settings, &b.settings, e) < 0 ||
		compare_rules(&c, from, to, e) < 0 || compare_denied(&c, from, to, e) < 0 ||
		compare_packs(&c, &a, &b, e) < 0)
		return -1;
	*out = c;
	c = (struct diff){0};
	return 0;
}

int diff_open(const void *bytes, size_t len, struct policy **out, struct err *e)
{
	AUTO_FD int fd = memfd_create("cinch-policy", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open a file in memory");
	if (io_write_all(fd, bytes, len, e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "open a file in memory");
	return policy_open(take_fd(&fd), out, e);
}
