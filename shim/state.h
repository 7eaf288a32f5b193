/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what cinch decided for a container, kept while it lives: /run/cinch/<root-hash>/<id>.json.
 *
 * Written before the runtime is started, 0600. Nothing in it is the container's word. It is what exec
 * will be held to, and what cinchctl ps shows.
 *
 * The root is the directory in which the runtime keeps its own state of the container, ROOT/ID: two
 * engines may use the same ids, but not below the same root. The hash is the first 16 digits of the
 * root's SHA-256; an id of more than 200 bytes is named by its hash, too. When ROOT/ID is gone, so is
 * the container, and its record is stale.
 *
 * A record:
 *	{"version": 2, "id", "root", "bundle" (absolute), "runtime", "created", "ticks" (the same moment, as
 *	field 22 of /proc/PID/stat tells time), "restored": true, "pid" (of the cinch that became the
 *	runtime), "engine", "namespace", "pod", "podUid", "container", "sandbox": true,
 *	"image": {"reference", "registry", "repository", "tag", "digest", "id"},
 *	"profiles": [{"name", "version", "digest", "mode", "running": {...} (profiles/running.h)}], "policy",
 *	"rule", "enforced",
 *	"process": {"capabilities", "path" (PATH of the environment), "cwd", "rlimits", "apparmorProfile",
 *	"selinuxLabel"} (of the container's own process, as it was tightened), "rootfs" (absolute),
 *	"uidMappings", "gidMappings", "network" (what its rules are made of: netseg/policy.h), "unhooked": true (these came
 *	when it ran: no hook of it takes them away again)}
 * What is not known is left out; id, root, created, engine, profiles and enforced are always there.
 */
#ifndef CINCH_STATE_H
#define CINCH_STATE_H

#include <limits.h>

#include "profiles/node.h"
#include "shim/engine.h"
#include "shim/select.h"

#define STATE_DIR "/run/cinch"

struct state_facts { /* borrowed */
	const char *runtime, *root; /* --root; NULL: the runtime's default */
	const char *id, *bundle;
	const struct engine *engine;
	const struct selection *profiles;
	bool enforced; /* false: nothing of it was, the node or the profile is in audit mode */
	const char *policy; /* digest of the applied policy; NULL: the built-in one */
	unsigned rule; /* line of the select rule in cinch.json; 0: none matched */
	const struct json_doc *doc; /* config.json as the runtime will read it; NULL: not known */
	bool restored; /* by the verb restore */
	bool starts; /* a start of it follows: the id has to be free */
	const struct json *network; /* network.h; NULL: no rules */
};

/* Where this process keeps records: STATE_DIR; for those who are not the node's root $XDG_RUNTIME_DIR/cinch,
 * and an error when that is not set. */
int state_dir(char out[PATH_MAX], struct err *e);
/*
 * The directory of --root ROOT, absolute, without "." and ".." (by its text: no symlink is followed), as runc
 * reads it. crun leaves ".." to the kernel: behind a name it is ERR_INPUT there.
 * ROOT NULL: where RUNTIME (a path; NULL: runc) keeps its state by itself, read in the source of runc
 * 1.1 (main.go) and crun 1.8 (status.c): /run/runc; without root's rights, or as a root in a user namespace
 * whose USER is not root, $XDG_RUNTIME_DIR/runc. crun takes $XDG_RUNTIME_DIR/crun whenever that is set.
 */
int state_root(const char *runtime, const char *root, char out[PATH_MAX], struct err *e);

/* Where the record of ID below ROOT (as state_root gives it) is, or would be, in DIR. */
int state_path(
	const char *dir, const char *root, const char *id, char out[PATH_MAX], struct err *e);

/*
 * Write the record, atomically: of the same id the old one is replaced. DIR is made when missing (0700,
 * its parent must be there). ERR_INPUT when DIR is not a directory, is not ours alone to write, the id is
 * none, or the record would have more than 256 KiB (4 MiB with rules of the network). Nothing is left behind after a failure.
 *
 * With f->starts, EEXIST when the runtime has a container of this id, EBUSY while another start of it is on
 * its way (its process runs, and its record is less than a minute old): the record there is not this one's to
 * replace.
 *
 * On the way at most eight other records of the same root are looked at, and the stale ones removed:
 * each call goes on where the last one stopped.
 */
int state_write(const char *dir, const struct state_facts *f, struct err *e);
/*
 * Forget ID of ROOT (as state_root gives it; NULL: runc's default); quiet when there is nothing. Only
 * for a start that failed: whether a delete succeeds is not known before the runtime has done it, and
 * until then the record is needed. Stale records go by themselves.
 */
void state_forget(const char *dir, const char *root, const char *id);
/*
 * A delete of ID passes: when the runtime has nothing of it any more, and no start of it is on its way, its
 * record is removed. A few others of ROOT are looked at as state_write does.
 */
void state_collect(const char *dir, const char *root, const char *id);
/*
 * What the rules of a container that runs are made of is another thing now: RECORD, as state_read gave it, has NETWORK
 * in place of its own (NULL: none) and, when UNHOOKED, that. ESTALE when the record is that of another start by now.
 */
int state_put_network(const char *dir, const struct json *record, const struct json *network,
	bool unhooked, struct err *e);
/* The record as a document, the caller's; *OUT NULL with 0: there is none. ERR_INPUT when it is damaged,
 * or that of another container. ROOT as for state_forget. */
int state_read(
	const char *dir, const char *root, const char *id, struct json_doc **out, struct err *e);
/*
 * Calls FN with every whole record, stale or not, in no order; it lives until FN returns. The names
 * ("HASH/NAME") of damaged ones go to BAD. Stops when FN returns -1. Records that come or go meanwhile
 * are seen or not. 0 when DIR is missing.
 */
int state_each(const char *dir, int (*fn)(const struct json *record, void *arg, struct err *e),
	void *arg, struct strv *bad, struct err *e);
/* Remove all stale records of every root. 0 when DIR is missing. */
int state_sweep(const char *dir, struct err *e);

#endif
