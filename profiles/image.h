/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image - what is known of the image a container was made from.
 *
 * References are read as Docker and containerd write them (distribution/reference): "busybox" is
 * registry docker.io, repository library/busybox, tag latest. What is not told stays NULL, and no
 * pattern matches it.
 */
#ifndef CINCH_PROFILES_IMAGE_H
#define CINCH_PROFILES_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

struct image {
	char *text; /* the reference as the engine told it */
	char *registry; /* "registry.example.com:5000" */
	char *repository; /* "team/app" */
	char *tag; /* NULL when only a digest is told */
	char *digest; /* "sha256:..." of the manifest */
	char *id; /* "sha256:..." of the image's configuration, which engines call its ID */
};

#define AUTO_IMAGE __attribute__((cleanup(image_done)))

/* Read REFERENCE; "sha256:HEX" and a bare ID of 64 hex digits fill only id. ERR_INPUT when it is no
 * reference. *OUT must be empty and is the caller's. */
int image_parse(const char *reference, struct image *out, struct err *e);
void image_done(struct image *i);
/* "registry/repository" into OUT; false when either is not known or SIZE is too small (1024 is enough
 * for whatever image_parse read). */
bool image_name(const struct image *i, char *out, size_t size);
/* One of the globs matches "registry/repository", as "registry.example.com/team/" and two stars does. */
bool image_matches_any(const struct image *i, const struct strv *globs);
/* TEXT is "sha256:" and 64 of 0-9 a-f. */
bool image_is_digest(const char *text);

#endif
