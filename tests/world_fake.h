/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_fake - a struct world that answers from rules and tables: no host, no rootfs, no root.
 *
 * Without overrides:
 *  - every source exists and is a directory; names such as hosts, resolv.conf, hostname or *.conf are
 *    files, *.sock sockets, /dev/NAME device nodes; /var/run is a link to /run, /proc/PID/root to "/",
 *    /proc/PID/cwd to "/"; relative paths begin at /bundle; "" and what lies below /nonexistent does
 *    not exist;
 *  - a source that is, contains or lies in one of the node's controls (the engines' sockets, the
 *    directories of cinch) names it in `controls`;
 *  - everything exists in the rootfs, nothing is a symlink; "." and ".." are resolved as in a root;
 *  - /proc/1/ns, /proc/self/ns, /proc/thread-self/ns and Docker's netns/default are the host's
 *    namespaces; any other absolute path is OTHER; /proc/PID/ns/NAME of another type, a relative
 *    path and what does not look like a namespace below /proc is BAD;
 *  - every hook with an absolute path is good, unless it lies below /tmp or /rootfs.
 */
#ifndef CINCH_TESTS_WORLD_FAKE_H
#define CINCH_TESTS_WORLD_FAKE_H

#include "shim/world.h"

enum { FAKE_MAX = 32 };

/* An override: the last added one whose PATH (a glob for sources, namespaces and hooks; a plain path
 * for the rootfs) fits wins. */
struct fake_path {
	const char *path;
	bool missing; /* does not exist */
	bool fail; /* the question cannot be answered: -1 and an error */
	mode_t mode; /* 0: as without the override */
	const char *real; /* NULL: itself. In the rootfs: the target of a symlink at PATH */
	unsigned long flags; /* sources: ST_RDONLY ... of the mount */
	bool mounts_below; /* sources */
	const char *controls; /* sources: NULL means by the built-in list */
	enum world_ns ns; /* namespaces */
	bool bad_hook; /* hooks */
};

struct world_fake {
	struct world world; /* hand this to tighten() */
	struct fake_path source[FAKE_MAX], entry[FAKE_MAX], ns[FAKE_MAX], hook[FAKE_MAX];
	size_t n_source, n_entry, n_ns, n_hook;
	struct json_doc *loaded; /* owns the strings of world_fake_load */
	unsigned asked; /* how many questions there were */
};

/* The struct must not move afterwards: world.arg points to it. */
void world_fake_init(struct world_fake *f);
void world_fake_done(struct world_fake *f);
#define AUTO_FAKE __attribute__((cleanup(world_fake_done)))

/* Strings are borrowed. More than FAKE_MAX of a kind is an assertion. */
void world_fake_source(struct world_fake *f, struct fake_path p);
void world_fake_entry(struct world_fake *f, struct fake_path p);
void world_fake_ns(struct world_fake *f, struct fake_path p);
void world_fake_hook(struct world_fake *f, struct fake_path p);

/*
 * Overrides from JSON (with comments), for tests/cases:
 *   {"sources": [{"path": "/link", "real": "/run", "type": "dir|file|sock|chr|blk|fifo",
 *                 "missing": true, "fail": true, "controls": "/run/x.sock"}],
 *    "rootfs":  [{"path": "/dev", "real": "/etc", "type": ..., "missing": true, "fail": true}],
 *    "ns":      [{"path": "/x", "is": "host|bad|other", "fail": true}],
 *    "hooks":   [{"path": "/x", "ok": false, "fail": true}],
 *    "inUserNs": true, "cgroupV2": true}
 * Unknown words are ERR_INPUT. 0 or -1.
 */
int world_fake_load(struct world_fake *f, const char *text, size_t len, struct err *e);

#endif
