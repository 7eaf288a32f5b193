/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install_sync - what was not known when a container began, and what went wrong since: complete, and sync.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netseg/encode.h"
#include "netseg/facts.h"
#include "netseg/install.h"
#include "netseg/members.h"
#include "netseg/nlsock.h"
#include "netseg/registry_entry.h"
#include "netseg/space.h"
#include "netseg/table.h"
#include "netseg/tidy.h"
#include "shim/base/cleanup.h"

/* ---- one container ---- */

static bool same_addrs(const struct addrs *a, const struct addrs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addrs_has(b, &a->v[i]))
			return false;
	return true;
}

/* What was at L is at WAS; L is empty. */
static void put_aside(struct addrs *was, struct addrs *l)
{
	*was = *l;
	*l = (struct addrs){0};
}

/* What N has to have beside its rules: "host" and resolvers are in them. */
static int new_rules(const struct registry *r, const struct net_entry *n, int nl, struct err *e)
{
	AUTO_SPACE struct space all = {0};

	return space_load(r, &n->ns, n->host, n, NULL, &all, e) < 0
		       ? -1
		       : space_commit(&all, nl, n->key, e);
}

/*
 * *CHANGED: something was not as N says. RESOLVERS were read before the lock was taken, for what LOOKED, the same
 * entry, said then; where it says something else now, whoever changed it has read them since.
 */
static int complete(const struct registry *r, struct net_entry *n, const struct net_entry *looked,
	struct addrs *resolvers, bool *changed, struct err *why, struct err *e)
{
	AUTO_ADDRS struct addrs addresses = {0}, hosts = {0};
	AUTO_FD int nl = -1;
	bool late = n->late, moved, rules;

	put_aside(&addresses, &n->addresses);
	put_aside(&hosts, &n->hosts);
	if (facts_again(n, &nl, e) < 0)
		return -1;
	moved = !same_addrs(&n->addresses, &addresses);
	rules = !same_addrs(&n->hosts, &hosts);
	if (json_equal(json_root(n->network), json_root(looked->network)) &&
		!same_addrs(&n->resolvers, resolvers)) {
		const struct addrs old = n->resolvers;

		n->resolvers = *resolvers;
		*resolvers = old;
		rules = true;
	}
	*changed = moved || rules || late != n->late;
	if (rules && new_rules(r, n, nl, e) < 0)
		return -1;
	if (moved && members_join(r, n, why, e) < 0)
		return -1;
	return *changed ? registry_put(r, n, e) : 0;
}

/* Addresses of NOW that BEFORE has not, as WHAT. */
static int say_addrs(const char *key, const struct addrs *now, const struct addrs *before,
	const char *what, struct strv *found, struct err *e)
{
	for (size_t i = 0; i < now->n; i++) {
		char text[ADDR_TEXT_SIZE], line[ADDR_TEXT_SIZE + 64];

		if (addrs_has(before, &now->v[i]))
			continue;
		addr_text(&now->v[i], text);
		snprintf(line, sizeof line, "%s: %s %s", key, text, what);
		if (strv_add(found, line) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int outdated(
	const struct registry *r, const char *key, bool repair, struct strv *found, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0}, now = {0};
	struct err why = {0}, trouble = {0};
	bool changed;

	if (registry_get(r, key, &n, &why) < 0 || registry_get(r, key, &now, &why) < 0 ||
		!n.installed || !registry_lives(&n) || facts_again(&now, NULL, &why) < 0)
		return why.code == ENOMEM ? err_nomem(e) : 0; /* told by who looks at its rules */
	if (say_addrs(key, &now.addresses, &n.addresses, "is its address by now", found, e) < 0 ||
		say_addrs(key, &n.addresses, &now.addresses, "is its address no more", found, e) <
			0)
		return -1;
	if (!repair)
		return 0;
	if (complete(r, &n, &n, &n.resolvers, &changed, &trouble, e) < 0)
		return -1;
	if (trouble.code)
		*e = trouble;
	return trouble.code ? -1 : 0;
}

int net_outdated(const struct registry *r, const struct netns_id *ns, bool repair,
	struct strv *found, struct err *e)
{
	AUTO_STRV struct strv keys = {0};

	if (registry_in(r, ns, &keys, e) < 0)
		return -1;
	for (size_t i = 0; i < keys.n; i++)
		if (outdated(r, keys.v[i], repair, found, e) < 0)
			return -1;
	return 0;
}

/* The entry of KEY without the lock: each is whole at any time. 0: there is none. */
static int look(const char *dir, const char *key, struct net_entry *out, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err why = {0};

	if (registry_look(dir, &r, &why) == 0 && registry_get(&r, key, out, &why) == 0)
		return 1;
	if (why.code == ENOENT)
		return 0;
	*e = why;
	return -1;
}

int net_complete(const char *dir, const char *key, struct err *why, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry looked = {0}, n = {0};
	AUTO_ADDRS struct addrs resolvers = {0};
	struct err now = {0};
	bool changed;
	int rc = look(dir, key, &looked, e);

	if (rc <= 0) /* where nobody ever had rules nothing is made */
		return rc;
	if (facts_resolvers(&looked.want, &resolvers, e) < 0 || registry_open(dir, &r, e) < 0)
		return -1;
	if (registry_get(&r, key, &n, &now) < 0) {
		if (now.code == ENOENT)
			return 0;
		*e = now;
		return -1;
	}
	if (!n.installed || !registry_lives(&n))
		return err_set(e, ERR_INPUT, "container %.64s has no rules in force", n.id);
	return complete(&r, &n, &looked, &resolvers, &changed, why, e);
}

/* ---- all of them ---- */

enum { FILES_WAIT = 2000 /* ms, for the file that names a container's resolvers */ };

/* A failure with one container is told, and the others have their turn. */
static int sync_one(const char *dir, const struct tidy_one *x, const struct tidy *t, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry looked = {0}, n = {0};
	AUTO_ADDRS struct addrs resolvers = {0};
	struct err why = {0}, trouble = {0};
	bool changed = false;
	int rc;

	if (!x->installed) /* of a process that runs nothing is opened */
		return tidy_say(t->left, x->key, x->id,
			"its start did not come to its end; it is removed when its process is gone",
			e);
	rc = look(dir, x->key, &looked, &why);
	if (rc == 0)
		return 0;
	if (rc < 0 || facts_resolvers_within(&looked.want, FILES_WAIT, &resolvers, &why) < 0)
		return tidy_say(t->left, x->key, x->id, why.msg, e);
	if (registry_open(dir, &r, e) < 0)
		return -1;
	if (registry_get(&r, x->key, &n, &why) < 0 ||
		complete(&r, &n, &looked, &resolvers, &changed, &trouble, &why) < 0)
		return why.code == ENOENT ? 0 : tidy_say(t->left, x->key, x->id, why.msg, e);
	if (changed && tidy_say(t->done, x->key, x->id, "addresses or gateways were others", e) < 0)
		return -1;
	return trouble.code ? tidy_say(t->left, x->key, x->id, trouble.msg, e) : 0;
}

/* ---- sets against members ---- */

/* The addresses of the segment's set in NL's namespace that are not in WANT, and those of WANT that are not in it. */
static int compare_set(int nl, const char *set, enum net_type type, const struct addrs *want,
	struct addrs *add, struct addrs *remove, struct err *e)
{
	const uint8_t family = type == NET_T_ADDR4 ? AF_INET : AF_INET6;
	AUTO_FLOWS struct net_flows got = {0};
	AUTO_ADDRS struct addrs have = {0};

	if (table_flows(nl, set, type, &got, e) < 0)
		return -1;
	for (size_t i = 0; i < got.n; i++) {
		if (addrs_add(&have, &got.v[i].peer) < 0 ||
			(!addrs_has(want, &got.v[i].peer) && addrs_add(remove, &got.v[i].peer) < 0))
			return err_nomem(e);
	}
	for (size_t i = 0; i < want->n; i++)
		if (want->v[i].family == family && !addrs_has(&have, &want->v[i]) &&
			addrs_add(add, &want->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

static int say_set(const struct tidy_one *x, const char *set, const struct addrs *l,
	const char *what, struct strv *done, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		char text[ADDR_TEXT_SIZE], line[NET_NAME_SIZE + ADDR_TEXT_SIZE + 32];

		addr_text(&l->v[i], text);
		snprintf(line, sizeof line, "set %s: %s %s", set, text, what);
		if (tidy_say(done, x->key, x->id, line, e) < 0)
			return -1;
	}
	return 0;
}

static int sync_set(int nl, const struct tidy_one *x, const struct net_segment *s, bool four,
	struct strv *done, struct err *e)
{
	const enum net_type type = four ? NET_T_ADDR4 : NET_T_ADDR6;
	AUTO_ADDRS struct addrs add = {0}, gone = {0};
	AUTO_BATCH struct batch b = {0};
	char set[NET_NAME_SIZE];

	batch_init(&b);
	snprintf(set, sizeof set, "segment_%s_%c", s->name, four ? '4' : '6');
	if (compare_set(nl, set, type, &s->members, &add, &gone, e) < 0 ||
		encode_elements(&b, set, type, &add, &gone, e) < 0 || nlsock_commit(nl, &b, e) < 0)
		return err_wrap(e, "set %s", set);
	if (say_set(x, set, &add, "was missing", done, e) < 0)
		return -1;
	return say_set(x, set, &gone, "is no member's", done, e);
}

static int sync_sets(const char *dir, const struct tidy_one *x, const struct tidy *t, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_SPACE struct space all = {0};
	struct err why = {0};
	AUTO_FD int nl = -1;

	if (registry_open(dir, &r, e) < 0)
		return -1;
	if (registry_get(&r, x->key, &n, &why) < 0)
		return why.code == ENOENT ? 0 : tidy_say(t->left, x->key, x->id, why.msg, e);
	if (space_load(&r, &n.ns, n.host, NULL, NULL, &all, &why) < 0 ||
		(all.s.n_segments && space_socket(&r, &n.ns, &nl, &why) < 0))
		return tidy_say(t->left, x->key, x->id, why.msg, e);
	for (size_t i = 0; i < all.s.n_segments; i++)
		for (int four = 1; four >= 0; four--)
			if (sync_set(nl, x, &all.s.segments[i], four, t->done, &why) < 0)
				return tidy_say(t->left, x->key, x->id, why.msg, e);
	return 0;
}

static int rebuild(const char *dir, struct strv *done, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};

	return registry_open(dir, &r, e) < 0 ? -1 : members_rebuild(&r, done, e);
}

int net_sync(const char *dir, struct strv *done, struct strv *left, struct err *e)
{
	AUTO_TIDY struct tidy t = {.done = done, .left = left};
	int rc = tidy_gone(dir, &t, e);

	/* the lock is given back in between: starts are not to wait for all of it */
	for (size_t i = 0; rc == 0 && i < t.n; i++)
		if (t.v[i].lives)
			rc = sync_one(dir, &t.v[i], &t, e);
	if (rc == 0)
		rc = rebuild(dir, done, e);
	for (size_t i = 0; rc == 0 && i < t.n; i++)
		if (t.v[i].lives && t.v[i].installed)
			rc = sync_sets(dir, &t.v[i], &t, e);
	return rc;
}
