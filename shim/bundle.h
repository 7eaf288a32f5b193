/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - open a container's bundle directory and replace its config.json safely.
 *
 * Owns the directory descriptor. Trusts nothing inside it: config.json is read by descriptor, must
 * be a regular file and within spec_limits. What the settings mean is not decided here.
 */
#ifndef CINCH_BUNDLE_H
#define CINCH_BUNDLE_H

#include <sys/stat.h>

#include "shim/base/err.h"
#include "shim/base/json.h"

struct bundle {
	int dir; /* -1: not open */
	struct json_doc *doc; /* config.json, checked for its shape */
	struct stat st; /* of config.json as it was read */
};

#define BUNDLE_INIT                                                                                \
	{                                                                                          \
		-1, NULL,                                                                          \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define AUTO_BUNDLE __attribute__((cleanup(bundle_done)))

/* Open the directory PATH (the engine's own path: symlinks are followed), read and check its
 * config.json. On failure B holds nothing. */
int bundle_load(const char *path, struct bundle *b, struct err *e);
/* Write B->doc back over config.json, atomically, owner and mode kept; see io_replace_at. */
int bundle_store(const struct bundle *b, struct err *e);
void bundle_done(struct bundle *b);

#endif
