/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_policy - which containers run under something else than the policy in force.
 */
#include "shim/ctl/ps.h"

#include <errno.h>
#include <string.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"

/* What the profiles read now, each looked up once. */
struct now {
	struct applied applied;
	struct strv names, digests; /* "": there is none of that name */
};

static void now_done(struct now *n)
{
	applied_done(&n->applied);
	strv_done(&n->names);
	strv_done(&n->digests);
}

/* The digest of the profile NAME as the policy in force has it. NULL with code 0: it cannot be told. */
static const char *digest_now(struct now *n, const char *name, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;
	struct err why = {0};

	for (size_t i = 0; i < n->names.n; i++)
		if (strcmp(n->names.v[i], name) == 0)
			return n->digests.v[i];
	if (applied_profile(&n->applied, name, &p, &why) < 0 && why.code != ERR_INPUT) {
		if (why.code == ENOMEM)
			*e = why;
		return NULL;
	}
	if (strv_add(&n->names, name) < 0 || strv_add(&n->digests, p ? p->digest : "") < 0) {
		err_nomem(e);
		return NULL;
	}
	return n->digests.v[n->digests.n - 1];
}

static int judge(struct now *n, struct ps_container *c, struct err *e)
{
	const char *policy = json_str(json_get(c->record, "policy"));

	if (strcmp(policy ? policy : "", n->applied.digest) == 0) {
		c->policy = PS_CURRENT;
		return 0;
	}
	c->policy = PS_OLDER;
	json_each (p, json_get(c->record, "profiles")) {
		const char *name = json_str(json_get(p, "name"));
		const char *was = json_str(json_get(p, "digest")), *is;

		if (!name || !was)
			continue;
		is = digest_now(n, name, e);
		if (e->code)
			return -1;
		if (is && strcmp(is, was) != 0)
			c->policy = PS_CHANGED;
	}
	return 0;
}

int ps_compare(struct ps_list *l, const char *store, struct err *e)
{
	__attribute__((cleanup(now_done))) struct now n = {.applied = {.from = APPLIED_BUILTIN}};
	struct err why = {0};

	if (l->n == 0)
		return 0;
	if (store_open(store, &n.applied, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (judge(&n, &l->v[i], &why) < 0) {
			*e = why;
			return -1;
		}
	return 0;
}

static bool is_outdated(const struct ps_container *c)
{
	return c->policy == PS_OLDER || c->policy == PS_CHANGED;
}

size_t ps_outdated(const struct ps_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += is_outdated(&l->v[i]);
	return n;
}

void ps_keep_outdated(struct ps_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (is_outdated(&l->v[i]))
			l->v[kept++] = l->v[i];
	l->n = kept;
}

const char *ps_policy_name(enum ps_policy p)
{
	static const char *const names[] = {
		[PS_UNKNOWN] = "unknown",
		[PS_CURRENT] = "current",
		[PS_OLDER] = "older",
		[PS_CHANGED] = "changed",
	};

	return names[p];
}
