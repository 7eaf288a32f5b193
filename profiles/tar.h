/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar - the little of tar archives that a pack needs: regular files and directories with short names,
 * read from memory, and written the same way every time.
 *
 * Source of the format: POSIX.1-2024, pax, "ustar Interchange Format" and "pax Header Block"; tar.h of GNU
 * tar for its older magic. Read is what GNU tar (gnu, ustar, posix), busybox tar, bsdtar, Python's tarfile
 * and git archive make of such files. Refused is what two readers could read in two ways: a name given
 * twice, links, devices, sparse files, numbers that are not octal, pax records that change more than
 * times and owners, a checksum that is wrong, no end marker, anything but zeros behind it.
 */
#ifndef CINCH_PROFILES_TAR_H
#define CINCH_PROFILES_TAR_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

enum { TAR_NAME_SIZE = 101, TAR_BLOCK = 512 };

/* Set bytes and len (borrowed, must outlive the reader); the rest is zero. */
struct tar {
	const char *bytes;
	size_t len, at;
};

struct tar_entry {
	char name
		[TAR_NAME_SIZE]; /* without a "./" before or a "/" behind it; "" is the top directory */
	bool directory;
	const char *data; /* in the archive; NULL for a directory */
	size_t len;
};

/* 1 and the next entry; 0 at the end, which is checked; -1: ERR_INPUT with the offset. Whether a name came
 * before is for the caller to ask. */
int tar_next(struct tar *t, struct tar_entry *out, struct err *e);

/* Append an entry (root's, mode 0644, no time: the same input gives the same bytes), and the end marker.
 * NAME has at most 100 bytes. A failed allocation shows in OUT. */
void tar_add(struct str *out, const char *name, const char *data, size_t len);
void tar_end(struct str *out);

#endif
