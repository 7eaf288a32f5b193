/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint - whether what a restore would bring back is within what a start would be given.
 *
 * CRIU gives every process the user, groups, capabilities, limits, label, filter and namespaces its image says,
 * not those of config.json: a dump of a weaker container, or a forged one, is a way around every control of create
 * (CVE-2026-53488 and others of the kind). So each core image is held to the tightened config.json and to the
 * profile. What is more, cannot be read, or is of a form not known here, is refused; and so are no images at
 * all, a directory others can write, and --lazy-pages, with which the memory comes from a socket.
 *
 * The directory is opened once; the runtime gets that descriptor, not the path again. It and all in it belong
 * to root (or to the caller) and nobody else can write them; who is root can change it after the look.
 *
 * What cannot be told from the images, and is not promised:
 *  - what the processes will do: memory, registers and open files run with the rights that were judged, and
 *    code that was never in the container's image may be in them;
 *  - mounts, sockets, cgroups and what is set in a namespace: CRIU makes them as the images say, as the node's root, before it
 *    gives the processes their rights: whoever can write an image can have that;
 *  - whether a filter of system calls is as strict as the configuration's: it has to be there, and not let
 *    pass what no shipped profile lets pass.
 * A dump of a process that has less than config.json says is restored with less.
 */
#ifndef CINCH_CHECKPOINT_H
#define CINCH_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/report.h"

enum {
	CHECKPOINT_FILES_MAX = 200000, /* of the directory */
	CHECKPOINT_CORES_MAX = 65536, /* processes and threads */
	CHECKPOINT_PARENTS_MAX = 64, /* dumps the memory of this one builds upon */
};

struct checkpoint_ask {
	const char *path; /* --image-path; NULL: not given */
	bool lazy; /* --lazy-pages */
	bool relabelled; /* --lsm-profile was given, and the profile lets it: labels are not the images' */
	bool in_user_ns; /* rootless: who started it is 0 inside */
	const struct json_doc *doc; /* config.json, tightened */
	struct profile *const *p;
	size_t n; /* of P */
};

/*
 * Judge. Denials of each profile go to REPORT, with the name of the first image they are about as their place;
 * a control the profile only audits is reported as not enforced. *DIR is the directory, the caller's to close,
 * or -1 when it could not be opened (which is denied, too). -1 only when out of memory.
 */
int checkpoint_judge(
	const struct checkpoint_ask *ask, int *dir, struct report *report, struct err *e);

#endif
