/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_cri - containerd's configuration as far as it is about the runtimes of its CRI plugin: the file and
 * those it imports, read and understood, or refused.
 */
#ifndef CINCH_CTL_ENABLE_CRI_H
#define CINCH_CTL_ENABLE_CRI_H

#include <stdint.h>

#include "shim/ctl/enable.h"
#include "shim/ctl/toml.h"

enum { CRI_FILES_MAX = 64 };

struct cri_file {
	char *path;
	struct enable_text text;
	struct toml toml;
	bool own; /* our drop-in */
};

struct cri {
	const struct enable_ask *ask;
	struct cri_file v[CRI_FILES_MAX]; /* the main one, then those it imports, in their order */
	size_t n;
	uint64_t version; /* of the format: 2 or 3 */
	const char *plugin; /* what the CRI plugin is called in it */
	char *drop_in; /* a file that would be imported; NULL: there is no such place */
};

/* Paths below the plugin's own. */
#define CRI_CONTAINERD "containerd"
#define CRI_RUNTIMES CRI_CONTAINERD TOML_SEP "runtimes"
#define CRI_DEFAULT CRI_CONTAINERD TOML_SEP "default_runtime_name"

/* Read the file of W->ask, and learn its version. ERR_INPUT: it is not one to be written into. */
int cri_read(struct cri *w, struct err *e);
/* Read what it imports, and see that all of it is understood. *OURS: how many of our runtimes are there, just
 * as we would write them. One of our names that is another's is ERR_INPUT. */
int cri_check(struct cri *w, size_t *ours, struct err *e);
void cri_done(struct cri *w);

/* "plugins" SEP PLUGIN SEP BELOW; the caller's, NULL when out of memory. BELOW NULL: the plugin's table. */
char *cri_path(const struct cri *w, const char *below);
const struct toml_entry *cri_find(
	const struct cri *w, const struct cri_file *f, enum toml_kind kind, const char *below);
/* "FILE:LINE: WHAT". Returns -1. */
int cri_wrong(
	const struct cri_file *f, const struct toml_entry *v, struct err *e, const char *what);

#endif
