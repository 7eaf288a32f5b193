/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry - which containers have rules in which namespace, and who is in which segment: files below DIR
 * (/run/cinch/net; rootless $XDG_RUNTIME_DIR/cinch/net), read and changed under one lock.
 *
 *	DIR/lock
 *	DIR/containers/KEY		one JSON object (struct net_entry), replaced atomically
 *	DIR/late/KEY			empty, while its entry is late: all that a start has to look for
 *	DIR/namespaces/COOKIE		keys of the containers in it, a line each
 *	DIR/members			a line for each container that is a member of a segment, or whose rules
 *					mention one (roster.h)
 *	DIR/stale			empty: somebody who has an entry was found to be gone
 *	DIR/tried			empty: when it was last tried in vain to take such entries away
 *
 * kill -9 between any two writes leaves files that the next user of the lock sets right: a key is written to its
 * namespace before the entry is there, and removed from it after the entry; a line of members is there
 * before any set has its addresses, and until none has them any more.
 */
#ifndef CINCH_NETSEG_REGISTRY_H
#define CINCH_NETSEG_REGISTRY_H

#include <limits.h>
#include <sys/types.h>

#include "netseg/netns.h"
#include "netseg/ruleset.h"

struct net_entry {
	char key[NET_KEY_SIZE];
	char *id, *root; /* of the runtime */
	char *record; /* path of its state record */
	pid_t pid;
	uint64_t started; /* netns_started(pid) */
	struct netns_id ns;
	bool host;
	struct cgroup_place cgroup;
	struct addrs addresses; /* of its namespace, as last seen */
	struct addrs resolvers, hosts; /* as in struct net_container */
	bool installed; /* false: a start was begun and is not known to have ended */
	bool late; /* it had no address yet: to be completed at start */
	uint64_t since; /* seconds since 1970: when its rules came into force */
	struct json_doc *network; /* the object in force (net_want_read); owned */
	struct net_want want; /* the same, read */
};

#define AUTO_NET_ENTRY __attribute__((cleanup(net_entry_done)))
void net_entry_done(struct net_entry *n);

struct registry {
	char dir[PATH_MAX];
	int lock, fd; /* held; directory */
};

#define AUTO_REGISTRY __attribute__((cleanup(registry_close)))

/* The key of container ID below ROOT (absolute, as state_root gives it): "c" and the first 11 digits of the SHA-256
 * of "ROOT/ID": nft lists names that begin with a digit, but reads none, and "nft list ruleset" into a file is how
 * hosts keep their own rules. -1 when out of memory. */
int registry_key(const char *root, const char *id, char key[NET_KEY_SIZE], struct err *e);
/* Make DIR when missing (0700), take the lock (waiting at most six seconds). DIR must be ours alone to write. */
int registry_open(const char *dir, struct registry *out, struct err *e);
/* For reading, without a lock; ENOENT: there is none, nobody has rules. */
int registry_look(const char *dir, struct registry *out, struct err *e);
void registry_close(struct registry *r);

/* *OUT is the caller's (net_entry_done). ENOENT: there is none; ERR_INPUT: damaged. */
int registry_get(const struct registry *r, const char *key, struct net_entry *out, struct err *e);
/* Write it, and in which namespace it is. */
int registry_put(const struct registry *r, const struct net_entry *n, struct err *e);
int registry_drop(const struct registry *r, const char *key, struct err *e);
/* Every whole entry; damaged ones by name to BAD. */
int registry_each(const struct registry *r,
	int (*fn)(const struct net_entry *n, void *arg, struct err *e), void *arg, struct strv *bad,
	struct err *e);
/* Keys of the containers in the namespace, also those that are gone. */
int registry_in(
	const struct registry *r, const struct netns_id *ns, struct strv *keys, struct err *e);
/* The process of N runs. Where it is now says nothing: the first one of a container may go into a network namespace of
 * its own (with a user namespace anybody may), and leave others behind. */
bool registry_lives(const struct net_entry *n);
/* *YES: KEY stands in some namespace's list. */
int registry_listed(const struct registry *r, const char *key, bool *yes, struct err *e);

/*
 * For launches that have nothing to do with the network: look.c, which needs no lock and reads no entries.
 *
 * Somebody is written down who is gone: it was noted (registry_note_gone) or, with MEMBERS, a member's process has
 * ended, as it has with everybody who ends in order, too, and is about to be deleted. Not when it was tried in vain to
 * put that right within the last half minute (registry_note_tried).
 */
bool registry_stale(const char *dir, bool members);
/* The container ID of ROOT, whose state record was in the directory RECORDS, is gone: noted if it has an entry. */
void registry_note_gone(int records, const char *root, const char *id);
void registry_note_tried(const char *dir, bool in_vain);

#endif
