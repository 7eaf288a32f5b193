/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - which of the applied policies governs now.
 */
#include "profiles/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/reader.h"
#include "profiles/store_at.h"
#include "shim/base/cleanup.h"

const char *applied_from_name(enum applied_from f)
{
	static const char *const names[] = {
		[APPLIED_CURRENT] = STORE_CURRENT,
		[APPLIED_PREVIOUS] = STORE_PREVIOUS,
		[APPLIED_BUILTIN] = "built-in",
	};

	return names[f];
}

void applied_done(struct applied *a)
{
	policy_freep(&a->policy);
	settings_done(&a->settings);
	a->digest[0] = '\0';
}

/* ---- one link ---- */

/* The policy LINK names with its settings. *FOUND false with 0: there is no such link. */
static int open_link(int dirfd, const char *link, struct applied *out, bool *found, struct err *e)
{
	enum { TRIES = 16 };
	char digest[HASH_HEX_SIZE], again[HASH_HEX_SIZE] = "";

	*found = false;
	for (int i = 0; i < TRIES; i++) {
		AUTO_POLICY struct policy *p = NULL;

		if (store_at_link(dirfd, link, digest, e) < 0)
			return -1;
		if (digest[0] == '\0')
			return 0;
		if (store_at_policy(dirfd, digest, &p, e) == 0) {
			if (policy_settings(p, &out->settings, e) < 0)
				return err_wrap(e, "policy %.12s", digest);
			out->policy = take_ptr(&p);
			memcpy(out->digest, digest, sizeof digest);
			*found = true;
			return 0;
		}
		/* between the two steps it may have become an old policy, and been removed */
		if (strcmp(digest, again) == 0)
			return -1;
		memcpy(again, digest, sizeof again);
	}
	return -1;
}

int store_link(const char *dir, const char *link, struct policy **out, char digest[HASH_HEX_SIZE],
	struct err *e)
{
	AUTO_FD int dirfd = -1;
	struct err why;

	*out = NULL;
	digest[0] = '\0';
	if (store_at_open(dir, &dirfd, &why) < 0) {
		if (why.code == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	if (store_at_link(dirfd, link, digest, e) < 0)
		return -1;
	return digest[0] ? store_at_whole(dirfd, digest, digest, out, e) : 0;
}

/* ---- what governs ---- */

static int take_builtin(struct applied *a, struct err *e)
{
	a->from = APPLIED_BUILTIN;
	return settings_default(&a->settings, e);
}

static int not_applied(struct applied *a, struct err *e)
{
	err_set(&a->problem, ERR_INPUT, "no policy is applied here, the built-in one is in force");
	a->problem.code = ENOENT; /* set last: the system's words for it would only alarm */
	return take_builtin(a, e);
}

/* After "current" was given up: "previous", else what is in the binary. WHY names what was wrong. */
static int take_previous(int dirfd, struct applied *a, const struct err *why, struct err *e)
{
	struct err other = {0};
	bool found = false;

	if (dirfd >= 0 && open_link(dirfd, STORE_PREVIOUS, a, &found, &other) < 0 &&
		other.code == ENOMEM) {
		*e = other;
		return -1;
	}
	if (found) {
		a->from = APPLIED_PREVIOUS;
		err_set(&a->problem, ERR_INPUT,
			"the applied policy is not usable, the previous one (%.12s) is in "
			"force: %s",
			a->digest, why->msg);
		return 0;
	}
	err_set(&a->problem, ERR_INPUT,
		"the applied policy is not usable, the built-in one is in force: %s%s%s", why->msg,
		other.code ? "; " STORE_PREVIOUS ": " : "", other.msg);
	return take_builtin(a, e);
}

/* The directory is there: what do its links say? */
static int choose(int dirfd, struct applied *a, struct err *e)
{
	char previous[HASH_HEX_SIZE];
	struct err why = {0};
	bool found;

	if (open_link(dirfd, STORE_CURRENT, a, &found, &why) == 0) {
		if (found)
			return 0;
		/* neither link: the first apply has not come to its end */
		if (store_at_link(dirfd, STORE_PREVIOUS, previous, &why) == 0 && !previous[0])
			return not_applied(a, e);
		err_set(&why, ERR_INPUT, "the link " STORE_CURRENT " is missing");
	}
	if (why.code == ENOMEM) {
		*e = why;
		return -1;
	}
	return take_previous(dirfd, a, &why, e);
}

int store_open(const char *dir, struct applied *out, struct err *e)
{
	struct applied a = {.from = APPLIED_CURRENT};
	AUTO_FD int dirfd = -1;
	struct err why = {0};
	int rc;

	if (store_at_open(dir, &dirfd, &why) == 0)
		rc = choose(dirfd, &a, e);
	else
		rc = why.code == ENOENT ? not_applied(&a, e) : take_previous(-1, &a, &why, e);
	if (rc < 0) {
		applied_done(&a);
		return -1;
	}
	*out = a;
	return 0;
}

int store_fall(const char *dir, struct applied *a, const struct err *why, struct err *e)
{
	enum applied_from from = a->from;
	AUTO_FD int dirfd = -1;
	struct err ignored, found = *why; /* WHY may be a->problem */

	applied_done(a);
	if (from != APPLIED_CURRENT || store_at_open(dir, &dirfd, &ignored) < 0)
		dirfd = -1;
	return take_previous(dirfd, a, &found, e);
}

/* ---- a profile of it ---- */

static int no_such(const struct applied *a, const char *name, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	AUTO_FREE const char **table = NULL;
	const char *near;

	if (policy_names(a->policy, &names, e) < 0) {
		if (e->code != ENOMEM)
			e->code = EBADMSG;
		return -1;
	}
	table = calloc(names.n + 1, sizeof *table);
	if (!table)
		return err_nomem(e);
	for (size_t i = 0; i < names.n; i++)
		table[i] = names.v[i];
	near = reader_nearest(table, name);
	return err_set(e, ERR_INPUT,
		"unknown profile \"%.64s\"%s%s%s; the %s policy %.12s has %zu profiles", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "",
		applied_from_name(a->from), a->digest, names.n);
}

int applied_profile(const struct applied *a, const char *name, struct profile **out, struct err *e)
{
	struct profile *p = NULL;

	if (!a->policy)
		return profile_builtin(name, out, e);
	/* a filter's name has a slash */
	if (!strchr(name, '/') && policy_profile(a->policy, name, &p, e) < 0) {
		/* it was valid when it was applied: whatever is wrong now, the file is not what it was */
		if (e->code != ENOMEM)
			e->code = EBADMSG;
		return err_wrap(e, "policy %.12s", a->digest);
	}
	if (!p)
		return no_such(a, name, e);
	*out = p;
	return 0;
}
