/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass - one control each: judges a part of the document and narrows it. Pure: a pass looks at the
 * document, the profile and the world, and changes only through edit.h.
 *
 * Every pass only takes away (or adds restrictions); running it twice changes nothing the second
 * time. The sentence beside each name is its promise.
 */
#ifndef CINCH_PASS_H
#define CINCH_PASS_H

#include "profiles/profile.h"
#include "shim/edit.h"
#include "shim/world.h"

typedef void pass_fn(struct edit *ed, const struct profile *p, const struct world *w);

pass_fn pass_image; /* from approved registries, by digest, not denied */
pass_fn pass_unknown; /* members this version cannot judge are removed */
pass_fn pass_process; /* cwd, terminal, labels, scheduling and the rest of process and linux */
pass_fn pass_user; /* root is refused, remapped or allowed; ids are whole and sane */
pass_fn pass_capabilities; /* every set within the profile; inheritable emptied */
pass_fn pass_no_new_privileges; /* set */
pass_fn pass_env; /* denied names removed; credentials reported by name */
pass_fn pass_hooks; /* only allowed, root-owned programs outside the rootfs */
pass_fn pass_annotations; /* keys that steer the runtime removed */
pass_fn pass_namespaces; /* own namespaces; no join of the host's */
pass_fn pass_rootfs; /* read-only, with tmpfs where the profile says; no symlinked /dev */
pass_fn pass_mounts; /* sources, flags and places of every mount */
pass_fn pass_paths; /* the full masked and read-only sets */
pass_fn pass_devices; /* deny all, then the default set and the profile's */
pass_fn pass_sysctl; /* allowed, namespaced keys with clean values */
pass_fn pass_resources; /* ceilings on cgroup limits, and: */
pass_fn pass_rlimits; /* ceilings on rlimits, no better oomScoreAdj */
pass_fn pass_seccomp; /* no filter: ours; a filter: the intersection with ours */

/* For exec alone: allowed at all, the command, a terminal, the profile's bound on an exec's capabilities. */
pass_fn pass_exec;
/* pass_process without what is the container's: its namespaces are made, and its labels are set. */
pass_fn pass_exec_process;
/* Each of the five sets of CAPS, an exec's, within ALLOWED; WHY stands before the names of those that go. */
void pass_capabilities_within(
	struct edit *ed, struct json *caps, uint64_t allowed, const char *why);
/* For update alone: nothing is lifted above the ceilings, and nothing that was not asked for is set. */
pass_fn pass_update;

/* The sysctl that opens ports below 1024 to everybody in a network namespace. To have it and to have
 * CAP_NET_BIND_SERVICE is one right: who may keep the one may have the other. */
extern const char pass_low_ports[];

#endif
