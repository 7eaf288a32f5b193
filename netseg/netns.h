/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - network namespaces and cgroups of other processes: by descriptor, told apart for sure.
 */
#ifndef CINCH_NETSEG_NETNS_H
#define CINCH_NETSEG_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/base/addr.h"
#include "shim/base/err.h"

/* A namespace, never mistaken for a later one that got its inode: the cookie (SO_NETNS_COOKIE, Linux 5.14) is unique
 * as long as the kernel runs. 0 where the kernel has none. */
struct netns_id {
	uint64_t cookie, dev, ino;
};

bool netns_same(const struct netns_id *a, const struct netns_id *b);

/* /proc/PID/ns/net, of this pid namespace, or where its first thread has ended that of another one; the descriptor
 * is the caller's. */
int netns_of(pid_t pid, int *fd, struct err *e);
/* PATH, which must be a network namespace (NSFS; NS_GET_NSTYPE says CLONE_NEWNET). */
int netns_open(const char *path, int *fd, struct err *e);
/*
 * Enter FD. *BACK gets the one before (the caller's; netns_leave). Device and inode of ID are as seen before, its cookie
 * as seen inside. The calling thread alone is moved.
 */
int netns_enter(int fd, int *back, struct netns_id *id, struct err *e);
/* A root in a user namespace has no right to the host's, which it began in: it stays in the one it entered, and may
 * enter others from there. Nothing of the host's network may be asked then. */
int netns_leave(int *back, struct err *e);
/* FD is the namespace this process began in, or that of pid 1 when it can be seen. */
int netns_is_host(int fd, bool *host, struct err *e);

/* FD belongs to a user namespace below that of this process: whoever is in one can have made it. */
int netns_is_below(int fd, bool *below, struct err *e);

/* When process PID began, field 22 of /proc/PID/stat; 0: it is gone. One whose first thread has ended runs on as long
 * as others do, though /proc calls it a zombie. */
uint64_t netns_started(pid_t pid);

struct cgroup_place {
	uint64_t id; /* 0: no cgroup2 hierarchy, or none of its own */
	unsigned level;
	char path[4096]; /* below the hierarchy's root; "" */
};

/*
 * The cgroup2 cgroup of PID, when it is its own: not the root, not one this process is in or below, and no process in
 * it but PID, its children, and who shares its mounts. WHY says in words what is the matter when
 * out->id is 0. Works with cgroup2 at /sys/fs/cgroup, at /sys/fs/cgroup/unified, and not at all.
 */
int cgroup_of(pid_t pid, struct cgroup_place *out, struct err *why, struct err *e);

/* Addresses of global (and site) scope on interfaces other than lo of the namespace this thread is in, and unless
 * GATEWAYS is NULL those of its default routes, both families; appended. */
int netns_look(struct addrs *addresses, struct addrs *gateways, struct err *e);

#endif
