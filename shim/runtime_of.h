/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_of - the runtime that keeps a container, where that is not the one the policy names.
 *
 * runc and crun cannot read each other's state. On a node whose policy went from one to the other, or
 * was lost, a container of the former one could otherwise neither be entered nor killed.
 */
#ifndef CINCH_RUNTIME_OF_H
#define CINCH_RUNTIME_OF_H

#include <limits.h>
#include <stdbool.h>

#include "shim/args.h"

/*
 * RUNTIME (a path) is of another family than the one whose state of the container that A speaks of lies
 * below the root, and the container's record says which program that was: OUT is its path, to be judged by
 * runtime_find as a configured one. False: RUNTIME is right, or nothing better is known. Never for create, run
 * and restore.
 *
 * Which one keeps the container is seen by its file, ROOT/ID/state.json (runc) or ROOT/ID/status (crun): two
 * look-ups, and no more where all is as it should be.
 */
bool runtime_of(const struct args *a, const char *runtime, char out[PATH_MAX]);

#endif
