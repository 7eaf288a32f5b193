/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime - find the real runtime and become it.
 */
#ifndef CINCH_RUNTIME_H
#define CINCH_RUNTIME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"

/*
 * Find the runtime: CONFIGURED (an absolute path from the node's configuration), or when that is
 * NULL the first good one of runc, then crun, in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin,
 * /sbin, /bin. The environment's PATH is never looked at: its owner is the caller.
 *
 * OUT gets the path as configured or listed, symlinks not resolved, since crun takes a handler from the
 * name it is called by (krun). ERR_NO_RUNTIME says what was wrong with what was found.
 *
 * Good means: all symlinks followed, every directory on the way and the file itself belong to root
 * or to the effective user, and neither group nor others can write them; the file is regular and
 * executable; and it is not cinch.
 *  - The effective user: root on a node; for anybody else a program of his own can do no more than
 *    he can.
 *  - In a user namespace (rootless podman) root of the host has no name: his files show the overflow
 *    uid, as do those of every user who is not mapped. That uid is accepted there. It cannot be told
 *    who it is, but who started the namespace could mount anything over the path anyway.
 *  - Not cinch: not the same inode as /proc/self/exe (symlinks, hard links, bind mounts) and not a
 *    file of equal content (a copy). Another build of cinch under the runtime's name is not seen;
 *    two of them that find each other would exec each other for ever.
 * A listed program that is not good is passed over; a configured one is an error.
 */
int runtime_find(const char *configured, char out[PATH_MAX], struct err *e);

/* RUNTIME (a path; NULL: runc) is of crun's family, by its name: crun, krun, and what begins like them. */
bool runtime_is_crun(const char *runtime);

/* What the runtime inherits above stdin, stdout and stderr. */
struct runtime_fds {
	bool all; /* pass-through and update: everything, as without us */
	unsigned preserve; /* --preserve-fds N */
	const int *keep; /* descriptors opened for the runtime (a sealed memfd) */
	size_t n_keep;
};

/* How many of the caller's descriptors come with socket activation (LISTEN_FDS): runtimes hand them to the
 * container before those of --preserve-fds. */
unsigned runtime_listen_fds(void);
/* The first number above the descriptors that the runtime hands to the container. */
int runtime_fd_from(const struct runtime_fds *fds);

/*
 * Become the runtime at PATH with ARGV; returns -1 only when that failed: ERR_NO_RUNTIME when there is
 * no such program or it cannot be executed, else an errno. Environment, working directory, signal
 * mask and dispositions, stdin, stdout, stderr and limits stay as they are.
 *
 * Unless FDS->all, descriptors from 3 up are marked close-on-exec, but for KEEP (whose mark is
 * removed) and 3 to 2 + LISTEN_FDS + PRESERVE, the ones runc and crun hand to the container. Engines
 * leak theirs (a listening socket, a pipe), and runc before 1.1.12 let a container reach the host
 * through a descriptor that stayed open (CVE-2024-21626).
 */
int runtime_exec(
	const char *path, char *const argv[], const struct runtime_fds *fds, struct err *e);

#endif
