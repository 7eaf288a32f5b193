/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install - a container's rules come into force, and go.
 *
 * The entry is written first and removed last: whatever ends this process in between, the next one that looks for
 * the key finds what there is to be taken away.
 */
#include "netseg/install.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netseg/facts.h"
#include "netseg/members.h"
#include "netseg/space.h"
#include "shim/base/cleanup.h"

enum { LAST_TRIES = 50 };

static bool nothing_to_do(const struct net_want *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->policies[i].mode != NET_OFF)
			return false;
	return w->segments.n == 0;
}

/* The first of several errors counts; the rest is done all the same. */
static int also(int rc, struct err *first, const struct err *now)
{
	if (rc < 0 && first && first->code == 0)
		*first = *now;
	return rc;
}

/* ---- it goes ---- */

/*
 * The rules of its namespace, as they are without it. *NL is the caller's, whatever comes back: to close a socket in whose
 * namespace something was removed waits until the kernel has done with it, some milliseconds, which is not to be under
 * the lock.
 */
static int remove_rules(const struct registry *r, const struct net_entry *n, int *nl, struct err *e)
{
	AUTO_SPACE struct space left = {0};

	if (n->ns.ino == 0)
		return 0;
	if (space_socket(r, &n->ns, nl, e) < 0)
		return e->code == ENOENT ? 0 : -1;
	if (space_load(r, &n->ns, n->host, NULL, n->key, &left, e) < 0)
		return -1;
	return space_commit(&left, *nl, n->key, e);
}

/*
 * Membership first: it is what others still let pass. Everything is tried; the entry stays when something failed that
 * a later call can do better.
 */
static int take_out(const struct registry *r, const struct net_entry *n, int *nl, struct err *why,
	struct err *e)
{
	struct err now = {0}, first = {0};
	int rc = also(members_leave(r, n, why, &now), &first, &now);

	now = (struct err){0};
	rc |= also(remove_rules(r, n, nl, &now), &first, &now);
	if (rc == 0)
		return registry_drop(r, n->key, e);
	if (e)
		*e = first;
	return -1;
}

/* The namespace of this process, which is the host's, has KEY among its containers. */
static bool is_here(const struct registry *r, const char *key, struct netns_id *here)
{
	AUTO_STRV struct strv keys = {0};
	AUTO_FD int own = -1;
	struct err e;
	int back;

	return netns_of(getpid(), &own, &e) == 0 && netns_enter(own, &back, here, &e) == 0 &&
	       netns_leave(&back, &e) == 0 && registry_in(r, here, &keys, &e) == 0 &&
	       strv_has(&keys, key);
}

/*
 * An entry that cannot be read: what its key alone leads to. In the host's namespace, which never goes away, the rules,
 * too; in another one they stay until somebody's rules change there.
 */
static int take_out_damaged(
	const struct registry *r, const char *key, int *nl, struct err *why, struct err *e)
{
	struct net_entry n = {0};

	memcpy(n.key, key, sizeof n.key);
	n.host = is_here(r, key, &n.ns);
	if (!n.host)
		n.ns = (struct netns_id){0};
	return take_out(r, &n, nl, why, e);
}

/* *NL as in remove_rules. */
static int take_out_key(
	const struct registry *r, const char *key, int *nl, struct err *why, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err now = {0};

	if (registry_get(r, key, &n, &now) == 0)
		return take_out(r, &n, nl, why, e);
	if (now.code == ENOENT) /* at most an entry that was about to be written */
		return registry_drop(r, key, e);
	if (now.code == ERR_INPUT)
		return take_out_damaged(r, key, nl, why, e);
	if (e)
		*e = now;
	return -1;
}

/* The process of KEY runs, and began after SINCE. */
static bool lives(const struct registry *r, const char *key, uint64_t since)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err why;

	return registry_get(r, key, &n, &why) == 0 && registry_lives(&n) && n.started > since;
}

/* Runtimes take a process whose first thread has ended for one that has ended, and delete what runs on. */
static bool runs_headless(const struct registry *r, const char *key)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	struct err why;
	char path[64];
	struct stat st;

	if (registry_get(r, key, &n, &why) < 0 || !registry_lives(&n))
		return false;
	snprintf(path, sizeof path, "/proc/%d/ns/net", n.pid);
	return stat(path, &st) < 0 && errno == ENOENT && registry_lives(&n);
}

/* One that was killed has its other threads end a moment later than the first. */
static bool goes_on(const struct registry *r, const char *key)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (int tries = 0; tries < LAST_TRIES; tries++) {
		if (!runs_headless(r, key))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static int remove_it(
	const char *dir, const char *key, uint64_t since, struct err *why, struct err *e)
{
	AUTO_FD int nl = -1; /* closed behind the lock */
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	struct err none = {0};

	if (strspn(key, "0123456789abcdef") != NET_KEY_SIZE - 1 || key[NET_KEY_SIZE - 1])
		return err_set(e, ERR_INPUT, "\"%.64s\" is not the key of a container", key);
	/* where nobody ever had rules nothing is made */
	if (registry_look(dir, &r, &none) < 0 && none.code == ENOENT)
		return 0;
	if (none.code == 0 && since && goes_on(&r, key))
		return err_set(e, EBUSY,
			"its process runs on without its first thread, and its rules stay: kill "
			"it, "
			"then cinchctl net sync takes them away");
	registry_close(&r);
	if (registry_open(dir, &r, e) < 0)
		return -1;
	return lives(&r, key, since) ? 1 : take_out_key(&r, key, &nl, why, e);
}

/* Whoever began after this process is not whom it was called for: that one's name was free again meanwhile. */
int net_remove(const char *dir, const char *key, struct err *why, struct err *e)
{
	return remove_it(dir, key, netns_started(getpid()), why, e) < 0 ? -1 : 0;
}

int net_remove_gone(const char *dir, const char *key, struct err *why, struct err *e)
{
	return remove_it(dir, key, 0, why, e);
}

/* ---- it comes ---- */

/* *BEGUN: somebody else may know of it by now. */
static int bring_in(const struct registry *r, struct net_entry *n, int nl, bool *begun,
	struct err *why, struct err *e)
{
	AUTO_SPACE struct space all = {0};

	if (registry_put(r, n, e) < 0 || space_load(r, &n->ns, n->host, n, NULL, &all, e) < 0 ||
		space_commit(&all, nl, n->key, e) < 0)
		return -1;
	*begun = true;
	if (members_join(r, n, why, e) < 0)
		return -1;
	n->installed = true;
	n->since = (uint64_t)time(NULL);
	return registry_put(r, n, e);
}

/*
 * Who had the name before may run still, where the runtime lost its state: it is nobody's member any more, but the
 * rules in its own namespace stay as long as that.
 */
static int take_out_earlier(const struct registry *r, const struct net_entry *n, int *nl,
	struct err *why, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry old = {0};
	struct err none;

	if (registry_get(r, n->key, &old, &none) < 0 || !old.installed || !registry_lives(&old) ||
		netns_same(&old.ns, &n->ns))
		return take_out_key(r, n->key, nl, why, e);
	return members_leave(r, &old, why, e) < 0 ? -1 : registry_drop(r, n->key, e);
}

int net_install(const struct net_ask *a, struct err *why, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_FD int nl = -1, before = -1, again = -1; /* closed behind the lock */
	AUTO_REGISTRY struct registry r = {.lock = -1, .fd = -1};
	AUTO_NET_WANT struct net_want want = {0};
	bool begun = false;
	struct err second;

	if (net_want_read(a->network, &want, e) < 0)
		return -1;
	if (nothing_to_do(&want))
		return 0;
	if (facts_find(a, &n, &nl, e) < 0 || registry_open(a->dir, &r, e) < 0)
		return -1;
	if (!registry_lives(&n)) /* the lock may have taken seconds */
		return err_set(e, ERR_INPUT, "process %d is gone", (int)n.pid);
	/* of a start of this id that did not come to its end, or a delete */
	if (take_out_earlier(&r, &n, &before, why, e) < 0)
		return err_wrap(e, "what an earlier container of this name has left");
	if (bring_in(&r, &n, nl, &begun, why, e) == 0)
		return 0;
	n.installed = false;
	if (begun)
		take_out(&r, &n, &again, why, &second);
	else
		registry_drop(&r, n.key, &second);
	return -1;
}

int net_expected(
	const struct registry *r, const struct net_entry *n, struct ruleset *out, struct err *e)
{
	AUTO_SPACE struct space all = {0};

	if (space_load(r, &n->ns, n->host, NULL, NULL, &all, e) < 0)
		return -1;
	return ruleset_build(&all.s, out, e);
}
