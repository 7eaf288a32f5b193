/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running - what exec and update of a container are held to: read from its state record.
 *
 * Nothing but the record counts: not the policy in force now, not the profile's name.
 */
#ifndef CINCH_RUNNING_H
#define CINCH_RUNNING_H

#include "profiles/profile.h"
#include "shim/select.h"
#include "shim/state.h"

struct running {
	struct json_doc *record; /* as state.h says; owned. NULL: there is none */
	struct profile *p[SELECT_MAX]; /* in the order they were applied; owned */
	size_t n;
	int pid; /* of its first process, as the runtime's own state says; 0: not known, or it is gone */
};

#define AUTO_RUNNING __attribute__((cleanup(running_done)))

/*
 * The container ID of --root ROOT under the runtime at RUNTIME (both as state_root). -1 with ERR_INPUT
 * and what to do next when there is no record, or none that can be used: exec is then refused. OUT holds
 * nothing then.
 *
 * A record of a container that is not the one the runtime has now (the id was used again behind our back)
 * is none. It is told by the start of its first process, which runc (ROOT/ID/state.json, up to 1.3) and crun
 * (ROOT/ID/status, since 0.20) keep: it began after the record was written and no more than two minutes
 * after, or at any time after when it was restored. What another runtime keeps is not known; there the
 * record is believed.
 */
int running_read(
	const char *runtime, const char *root, const char *id, struct running *out, struct err *e);
/* The same with the records in DIR (state_read) and the absolute directory ROOT (state_root). */
int running_read_at(
	const char *dir, const char *root, const char *id, struct running *out, struct err *e);
void running_done(struct running *r);
/* RECORD may be that of the container which the runtime has as ROOT/ID now: it is, or it cannot be told, or
 * there is none. */
bool running_is(const struct json *record, const char *root, const char *id);
/*
 * DOC's root becomes what the passes judge at exec: {"process": PROCESS, "linux": {"uidMappings",
 * "gidMappings"} of the record}. PROCESS is of DOC. -1 when out of memory.
 */
int running_document(
	const struct running *r, struct json_doc *doc, struct json *process, struct err *e);
/* The container's root as it sees it, /proc/PID/root of its first process when that can be told, else the
 * record's rootfs. */
int running_root(const struct running *r, char out[PATH_MAX], struct err *e);

#endif
