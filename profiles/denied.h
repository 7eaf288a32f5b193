/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denied - images that must not start here: files of digests that a scanner's job drops in.
 *
 *	{"denied": [{"digest": "sha256:...", "reason": "...", "cves": ["CVE-2026-1"]}]}
 */
#ifndef CINCH_PROFILES_DENIED_H
#define CINCH_PROFILES_DENIED_H

#include <stddef.h>

#include "shim/base/err.h"

struct denied_image {
	char *digest; /* "sha256:...", of a manifest or of a configuration (an image's ID) */
	char *reason; /* "" when none is given */
	char *cves; /* "CVE-2026-1, CVE-2026-2"; "" when none is given */
};

struct denied {
	struct denied_image *v; /* sorted by digest, each once */
	size_t n;
};

enum { DENIED_MAX = 100000, DENIED_BYTES_MAX = 64 << 20 }; /* images; bytes of one file */

#define AUTO_DENIED __attribute__((cleanup(denied_done)))

/* Add what TEXT of the file NAME denies; of a digest given twice the first reason stays and the CVEs are
 * joined. On failure *OUT is as it was. */
int denied_add(const char *name, const char *text, size_t len, struct denied *out, struct err *e);
void denied_done(struct denied *d);

#endif
