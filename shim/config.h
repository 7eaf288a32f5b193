/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the node's configuration, /etc/cinch/cinch.json.
 *
 * A missing file is the default configuration. A broken one is too, because a wrapper that starts
 * nothing when somebody mistypes a comma locks the node up; the problem is kept for the audit
 * record, and nothing in this file can widen what a container gets.
 */
#ifndef CINCH_CONFIG_H
#define CINCH_CONFIG_H

#include "profiles/node.h"
#include "shim/base/err.h"

struct config {
	struct settings settings;
	struct err problem; /* code 0: the file was good or missing */
};

#define AUTO_CONFIG __attribute__((cleanup(config_done)))

/* Read FILE (NULL: /etc/cinch/cinch.json). -1 only when out of memory. The file must be regular,
 * owned by root (or the caller) and not writable by group or others. */
int config_load(const char *file, struct config *c, struct err *e);
void config_done(struct config *c);

#endif
