/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install - a container's rules come into force, change, and go: what cinch-hook does, and cinchctl net.
 */
#ifndef CINCH_NETSEG_INSTALL_H
#define CINCH_NETSEG_INSTALL_H

#include "netseg/registry.h"

struct net_ask { /* borrowed */
	const char *dir; /* of the registry */
	const char *record; /* path of the state record, for the entry */
	const char *id, *root;
	pid_t pid; /* the container's first process, as this pid namespace sees it */
	const struct json *network; /* what the launch wrote (policy.h) */
	bool runs; /* it has begun: its process may be elsewhere than where its runtime has put it: */
	const char *
		cgroup; /* a directory of the cgroup2 hierarchy, or a path in it; NULL: not known */
};

/*
 * WHY, which is empty before: whose set could not be told who comes, or who goes; it is nobody's failure here, and
 * net sync finds it. May be NULL.
 */

/*
 * The rules of a container come into force in its namespace, in one transaction, and its membership is
 * registered. When this returns 0 the container may begin. On failure everything is as before, and E says what was
 * refused and why. Policies that are all "off", and no segment: nothing is done.
 */
int net_install(const struct net_ask *a, struct err *why, struct err *e);
/* The same for a container that runs already (a->runs), and has no entry. Established connections that its rules do not
 * allow are ended as net_reload does. */
int net_begin(const struct net_ask *a, struct strv *gone, struct err *e);
/* What that would change: as net_reload_show. */
int net_begin_show(const struct net_ask *a, struct str *now, struct str *then, struct err *e);
/* Everything of it goes: rules (of a namespace that still is), membership, entry. Quiet when there is nothing; works
 * without the process and twice. Of an entry that cannot be read the rules go in the host's namespace, and elsewhere
 * with the next change there. A container that began after the calling process keeps what it
 * has: it is another one of that name. */
int net_remove(const char *dir, const char *key, struct err *why, struct err *e);
/* The same when its process is gone. 1: it lives, perhaps a new container of the same name, and keeps what it has. */
int net_remove_gone(const char *dir, const char *key, struct err *why, struct err *e);
/* The network came after the create (Docker 28, ctr --cni): look again at addresses and gateways, and put right what
 * depends on them. */
int net_complete(const char *dir, const char *key, struct err *why, struct err *e);
/*
 * Another policy for a running container, atomically; NETWORK as in struct net_ask, but title, resolvConf and netns
 * are kept. Established connections that it does not allow are ended: GONE gets a line for each.
 */
int net_reload(const char *dir, const char *key, const struct json *network, struct strv *gone,
	struct err *e);
/* What that would change, in nft's own syntax: the table of KEY's namespace as it has to be now, and as it would be;
 * appended. Nothing is changed. */
int net_reload_show(const char *dir, const char *key, const struct json *network, struct str *now,
	struct str *then, struct err *e);
/* The space that KEY is in as it has to be now: its ruleset. For check, show and graph. */
int net_expected(
	const struct registry *r, const struct net_entry *n, struct ruleset *out, struct err *e);
/*
 * FOUND gets what is missing or altered in the kernel, a line each; with REPAIR it is put right in one transaction, and
 * connections that are not allowed, and began meanwhile, are ended and named. ENOENT: it has no rules; ESRCH: it is
 * gone; EBUSY: its start has not come to its end.
 */
int net_check(const char *dir, const char *key, bool repair, struct strv *found, struct err *e);
/* FOUND gets, a line each, addresses of those in the namespace NS that are not as they are written down any more; with
 * REPAIR sets are made to agree, and rules where gateways are others. Their resolvers are not read again. */
int net_outdated(const struct registry *r, const struct netns_id *ns, bool repair,
	struct strv *found, struct err *e);
/* Entries of those that are gone go, with their memberships; damaged ones are mended, or go. WHY as above. */
int net_tidy(const char *dir, struct err *why, struct err *e);
/* That, and all others: complete them, make sets agree with the members. DONE gets a line for
 * each thing that was done, LEFT one for each that is wrong and could not be put right. */
int net_sync(const char *dir, struct strv *done, struct strv *left, struct err *e);

#endif
