/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install_change - another policy for a container that runs, and rules that are not what they should be.
 *
 * A container's entry is written before its rules change: whatever ends this process in between, net_check finds
 * rules that are not those of the entry, and puts them right towards what was asked for last.
 */
#include "netseg/install.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netseg/conntrack.h"
#include "netseg/encode.h"
#include "netseg/facts.h"
#include "netseg/members.h"
#include "netseg/nlsock.h"
#include "netseg/space.h"
#include "netseg/table.h"
#include "shim/base/cleanup.h"

#define SEGMENTS_LEFT "the policy is in force, but not all sets of its segments (net sync)"
#define CONNECTIONS_LEFT "the policy is in force, but connections may go on"

/* ---- another policy ---- */

static int put_same(struct json_doc *doc, struct json *to, const char *key, const struct json *from)
{
	const struct json *v = json_get(from, key);

	json_remove(json_get(to, key));
	return v ? json_put(doc, to, key, json_clone(doc, v)) : 0;
}

/* What OLD was started with, but for what NETWORK says. */
static int another_want(const struct net_entry *old, const struct json *network,
	struct net_entry *out, struct err *e)
{
	/* of the container, not of a policy */
	static const char *const same[] = {"title", "resolvConf", "netns"};
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_clone(doc, network) : NULL;

	if (!o)
		return err_nomem(e);
	json_set_root(doc, o);
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (put_same(doc, o, same[i], json_root(old->network)) < 0)
			return err_nomem(e);
	if (net_want_read(o, &out->want, e) < 0)
		return -1;
	out->network = take_ptr(&doc);
	return 0;
}

/* A code to tell by, and words that need no more. */
static int say(struct err *e, int code, const char *text)
{
	err_set(e, ERR_INPUT, "%s", text);
	if (e)
		e->code = code;
	return -1;
}

/* KEY as it is written down, with its process. */
static int find(const struct registry *r, const char *key, struct net_entry *out, struct err *e)
{
	if (registry_get(r, key, out, e) < 0)
		return e->code == ENOENT
			       ? say(e, ENOENT, "it was started without rules of the network")
			       : -1;
	if (!registry_lives(out))
		return say(e, ESRCH, "it is gone, and still written down (net sync forgets it)");
	if (!out->installed)
		return say(e, EBUSY,
			"its start has not come to its end: its hook is at work, or was killed");
	return 0;
}

enum { FILES_WAIT = 2000 /* ms, for the file that names a container's resolvers */ };

/* Who counts as resolver, and as "host". With the lock no file is read: one that does not answer would hold it. */
static int refresh(const struct registry *r, struct net_entry *n, struct err *e)
{
	AUTO_ADDRS struct addrs resolvers = {NULL, 0};

	if (facts_again(n, NULL, e) < 0)
		return -1;
	if (r->lock >= 0)
		return 0;
	if (facts_resolvers_within(&n->want, FILES_WAIT, &resolvers, e) < 0)
		return -1;
	addrs_done(&n->resolvers);
	n->resolvers = resolvers;
	resolvers = (struct addrs){NULL, 0};
	return 0;
}

/* Old and new are both the caller's (net_entry_done). */
static int find_both(const struct registry *r, const char *key, const struct json *network,
	struct net_entry *old, struct net_entry *new, struct err *e)
{
	if (find(r, key, old, e) < 0 || find(r, key, new, e) < 0)
		return -1;
	json_freep(&new->network);
	net_want_done(&new->want);
	new->want = (struct net_want){0};
	if (another_want(old, network, new, e) < 0)
		return err_wrap(e, "the new policy");
	/* what was seen under the old one says nothing of this one */
	if (!json_equal(json_root(old->network), json_root(new->network)))
		new->since = (uint64_t)time(NULL);
	return refresh(r, new, e);
}

/* In the namespace of N, which lives. */
static int enter(const struct net_entry *n, int *back, struct err *e)
{
	struct netns_id id;
	AUTO_FD int fd = -1;

	if (netns_of(n->pid, &fd, e) < 0 || netns_enter(fd, back, &id, e) < 0)
		return -1;
	if (netns_same(&id, &n->ns))
		return 0;
	(void)netns_leave(back, NULL);
	return err_set(e, ERR_INPUT, "process %d is in another network namespace than its rules",
		(int)n->pid);
}

static int end_connections(
	const struct net_entry *n, const struct space *p, struct strv *gone, struct err *e)
{
	AUTO_RULESET struct ruleset rules = {0};
	AUTO_FD int back = -1;
	int done;

	if (ruleset_build(&p->s, &rules, e) < 0 || enter(n, &back, e) < 0)
		return -1;
	done = conntrack_drop_refused(&rules, n->host, gone, e);
	if (netns_leave(&back, done < 0 ? NULL : e) < 0)
		return -1;
	return done;
}

static bool same_names(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!strv_has(b, a->v[i]))
			return false;
	return true;
}

/* Whose member it is, and whom its rules mention, in the registry and in everybody's sets. */
static int change_segments(const struct registry *r, const struct net_entry *old,
	const struct net_entry *new, struct err *e)
{
	AUTO_STRV struct strv before = {NULL, 0}, after = {NULL, 0};
	struct err why = {0};

	if (net_want_mentions(&old->want, &before) < 0 || net_want_mentions(&new->want, &after) < 0)
		return err_nomem(e);
	if (same_names(&before, &after) && same_names(&old->want.segments, &new->want.segments))
		return 0;
	/* without leaving first: its own sets are told, too, of what it is no member of any more */
	if (members_join(r, new, &why, e) < 0)
		return -1;
	if (why.code == 0)
		return 0;
	*e = why;
	return -1;
}

struct leaving {
	const struct registry *r;
	const struct net_entry *old, *new;
	struct strv *gone;
};

/* N's rules let in, or out, a member of a segment that the container has left. */
static int end_with_left(const struct net_entry *n, void *arg, struct err *e)
{
	const struct leaving *l = arg;
	AUTO_STRV struct strv mentions = {NULL, 0};
	AUTO_SPACE struct space space = {.n = 0};
	bool left = false;

	if (strcmp(n->key, l->new->key) == 0 || !n->installed || !registry_lives(n))
		return 0;
	if (net_want_mentions(&n->want, &mentions) < 0)
		return err_nomem(e);
	for (size_t i = 0; i < l->old->want.segments.n; i++)
		left = left ||
		       (strv_has(&mentions, l->old->want.segments.v[i]) &&
			       !strv_has(&l->new->want.segments, l->old->want.segments.v[i]));
	if (!left)
		return 0;
	return space_load(l->r, &n->ns, n->host, NULL, NULL, &space, e) < 0
		       ? -1
		       : end_connections(n, &space, l->gone, e);
}

/* Its own, and those that others let it have as a member of what it has left. */
static int end_all(const struct registry *r, const struct net_entry *old,
	const struct net_entry *new, const struct space *space, struct strv *gone, struct err *e)
{
	struct leaving l = {r, old, new, gone};
	AUTO_STRV struct strv bad = {NULL, 0};

	if (end_connections(new, space, gone, e) < 0)
		return -1;
	return old->want.segments.n ? registry_each(r, end_with_left, &l, &bad, e) : 0;
}

int net_reload(const char *dir, const char *key, const struct json *network, struct strv *gone,
	struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1}, early = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry old = {.id = NULL}, new = {.id = NULL};
	AUTO_ADDRS struct addrs resolvers = {NULL, 0};
	AUTO_SPACE struct space space = {.n = 0};
	AUTO_FD int nl = -1;

	if (registry_look(dir, &early, e) < 0 || find_both(&early, key, network, &old, &new, e) < 0)
		return -1;
	resolvers = new.resolvers;
	new.resolvers = (struct addrs){NULL, 0};
	net_entry_done(&old);
	net_entry_done(&new);
	if (registry_open(dir, &r, e) < 0 || find_both(&r, key, network, &old, &new, e) < 0)
		return -1;
	addrs_done(&new.resolvers);
	new.resolvers = resolvers;
	resolvers = (struct addrs){NULL, 0};
	if (space_load(&r, &new.ns, new.host, &new, NULL, &space, e) < 0 ||
		space_socket(&r, &new.ns, &nl, e) < 0 || registry_put(&r, &new, e) < 0)
		return -1;
	if (space_commit(&space, nl, key, e) < 0) {
		(void)registry_put(&r, &old, NULL);
		return -1;
	}
	if (change_segments(&r, &old, &new, e) < 0)
		return err_wrap(e, SEGMENTS_LEFT);
	if (end_all(&r, &old, &new, &space, gone, e) < 0)
		return err_wrap(e, CONNECTIONS_LEFT);
	return 0;
}

int net_begin(const struct net_ask *a, struct strv *gone, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {.id = NULL};
	AUTO_SPACE struct space space = {.n = 0};
	char key[NET_KEY_SIZE];
	struct err why = {0};

	if (registry_key(a->root, a->id, key, e) < 0 || net_install(a, &why, e) < 0)
		return -1;
	if (why.code) {
		*e = why;
		return err_wrap(e, SEGMENTS_LEFT);
	}
	if (registry_open(a->dir, &r, e) < 0 || find(&r, key, &n, e) < 0 ||
		space_load(&r, &n.ns, n.host, NULL, NULL, &space, e) < 0 ||
		end_connections(&n, &space, gone, e) < 0)
		return err_wrap(e, CONNECTIONS_LEFT);
	return 0;
}

/* ---- only looking ---- */

static int print(
	const struct registry *r, const struct net_entry *n, struct str *out, struct err *e)
{
	AUTO_SPACE struct space space = {.n = 0};
	AUTO_RULESET struct ruleset rules = {0};

	if (space_load(r, &n->ns, n->host, n, NULL, &space, e) < 0 ||
		ruleset_build(&space.s, &rules, e) < 0)
		return -1;
	ruleset_print(&rules, out);
	return str_failed(out) ? err_nomem(e) : 0;
}

int net_reload_show(const char *dir, const char *key, const struct json *network, struct str *now,
	struct str *then, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry old = {.id = NULL}, new = {.id = NULL};

	if (registry_look(dir, &r, e) < 0 || find_both(&r, key, network, &old, &new, e) < 0)
		return -1;
	return print(&r, &old, now, e) < 0 || print(&r, &new, then, e) < 0 ? -1 : 0;
}

int net_begin_show(const struct net_ask *a, struct str *now, struct str *then, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {.id = NULL};
	AUTO_SPACE struct space space = {.n = 0};
	AUTO_RULESET struct ruleset rules = {0};
	AUTO_FD int nl = -1;

	if (facts_find(a, &n, &nl, e) < 0 || registry_open(a->dir, &r, e) < 0 ||
		space_load(&r, &n.ns, n.host, NULL, n.key, &space, e) < 0 ||
		ruleset_build(&space.s, &rules, e) < 0)
		return -1;
	ruleset_print(&rules, now);
	return str_failed(now) ? err_nomem(e) : print(&r, &n, then, e);
}

/* ---- rules that are not what they should be ---- */

/* What NL's namespace has that is not WANT, a line each. */
static int compare(int nl, const struct table_dump *want, struct strv *out, struct err *e)
{
	__attribute__((cleanup(table_dump_done))) struct table_dump got = {NULL, 0};

	if (table_dump(nl, &got, e) < 0)
		return -1;
	return table_differences(want, &got, out) < 0 ? err_nomem(e) : 0;
}

/* The table is made anew, in one transaction: when somebody has put another thing in the place of ours. */
static int replace(const struct space *p, const struct ruleset *rules, int nl, struct err *e)
{
	AUTO_BATCH struct batch b = {0};

	if (p->s.host && !ruleset_confined(rules))
		return err_set(e, ERR_BUG, "these rules would touch the host's own traffic");
	batch_init(&b);
	return encode_replace(&b, rules, e) < 0 ? -1 : nlsock_commit(nl, &b, e);
}

/* First so that counters and flows that were seen are kept. */
static int put_right(const struct space *p, const struct ruleset *rules, int nl,
	const struct table_dump *want, struct err *e)
{
	AUTO_STRV struct strv left = {NULL, 0};

	if (space_commit(p, nl, NULL, e) == 0) {
		if (compare(nl, want, &left, e) < 0)
			return -1;
		if (left.n == 0)
			return 0;
	}
	strv_done(&left);
	if (replace(p, rules, nl, e) < 0 || compare(nl, want, &left, e) < 0)
		return -1;
	return left.n ? err_set(e, ERR_BUG, "the rules are not what they should be: %s", left.v[0])
		      : 0;
}

/* While rules were missing, connections may have begun that they do not allow. */
static int end_stolen(
	const struct net_entry *n, const struct space *p, struct strv *found, struct err *e)
{
	AUTO_STRV struct strv gone = {NULL, 0};

	if (end_connections(n, p, &gone, e) < 0)
		return -1;
	for (size_t i = 0; i < gone.n; i++) {
		AUTO_STR struct str line = STR_INIT;

		str_addf(&line, "%s was not allowed, and is ended", gone.v[i]);
		if (str_failed(&line) || strv_add(found, str_text(&line)) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int append(struct strv *to, const struct strv *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (strv_add(to, from->v[i]) < 0)
			return err_nomem(e);
	return 0;
}

static int check(const struct registry *r, const struct net_entry *n, bool repair,
	struct strv *found, struct err *e)
{
	__attribute__((cleanup(table_dump_done))) struct table_dump want = {NULL, 0};
	AUTO_STRV struct strv differences = {NULL, 0};
	AUTO_RULESET struct ruleset rules = {0};
	AUTO_SPACE struct space space = {.n = 0};
	AUTO_FD int nl = -1;
	int rc = 0;

	if (space_load(r, &n->ns, n->host, NULL, NULL, &space, e) < 0 ||
		ruleset_build(&space.s, &rules, e) < 0 || table_expected(&rules, &want, e) < 0 ||
		space_socket(r, &n->ns, &nl, e) < 0 || compare(nl, &want, &differences, e) < 0)
		return -1;
	if (differences.n && repair) {
		rc = put_right(&space, &rules, nl, &want, e);
		if (rc < 0)
			err_wrap(e, "put it right");
		else
			rc = end_stolen(n, &space, found, e); /* first: they may be few of many */
	}
	return append(found, &differences, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}

int net_check(const char *dir, const char *key, bool repair, struct strv *found, struct err *e)
{
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_ENTRY struct net_entry n = {.id = NULL};

	if (registry_open(dir, &r, e) < 0 || find(&r, key, &n, e) < 0 ||
		net_outdated(&r, &n.ns, repair, found, e) < 0)
		return -1;
	return check(&r, &n, repair, found, e);
}
