/* SPDX-License-Identifier: Apache-2.0 */
/*
 * away - a world for a document that is explained away from its container: the root filesystem, the
 * volumes, the sandbox's process are not on this host.
 *
 * What is not here is taken as ordinary, so that the answer is about the document and not about the
 * missing files. Never used for a launch.
 */
#ifndef CINCH_CTL_AWAY_H
#define CINCH_CTL_AWAY_H

#include "shim/world.h"

/* True when ROOT_PATH (relative: to the directory BUNDLE) is not a directory. */
bool away_is(int bundle, const char *root_path);
/* A world that asks HOST (borrowed, must outlive it) and fills what HOST does not have. Nothing in it
 * needs world_done. */
struct world away_world(struct world *host);

#endif
