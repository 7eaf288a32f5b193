/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io - whole files by descriptor, paths that stay below a directory, atomic replacement.
 */
#ifndef CINCH_BASE_IO_H
#define CINCH_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "shim/base/err.h"

/*
 * Read FD from where it stands to its end, at most MAX bytes. *TEXT is the caller's (free),
 * NUL-terminated behind *LEN bytes. More than MAX bytes is ERR_INPUT.
 */
int io_read_all(int fd, size_t max, char **text, size_t *len, struct err *e);
/* Write all bytes, retrying short writes and EINTR. */
int io_write_all(int fd, const void *bytes, size_t len, struct err *e);

/* Open NAME below DIRFD without following any symlink, "..", magic link or mount that leaves it
 * (openat2 RESOLVE_BENEATH|NO_SYMLINKS; where the kernel is older than 5.6 or a filter answers
 * ENOSYS: component by component with O_NOFOLLOW). O_CLOEXEC is always added. -1 and errno. */
int io_open_beneath(int dirfd, const char *name, int flags, mode_t mode);
/* Open PATH as open(2) would, but not through magic links: what /proc/self/fd/3 is differs from one
 * process to the next. Where openat2 is missing, names below /proc and /dev/fd are refused instead.
 * -1 and errno, ELOOP for a magic link. */
int io_open_no_magic(int dirfd, const char *path, int flags);

/* Read the regular file NAME in DIRFD (not a symlink, FIFO, directory or device; opening never
 * blocks), at most MAX bytes. *ST (may be NULL) is the fstat of what was read. */
int io_read_file_at(int dirfd, const char *name, size_t max, char **text, size_t *len,
	struct stat *st, struct err *e);

/* Replace NAME in DIRFD by LEN bytes: O_EXCL temporary, full write, owner and mode of LIKE (may be
 * NULL: 0600), fsync, rename, fsync of the directory. After a failure the old file is untouched
 * and the temporary is gone. */
int io_replace_at(int dirfd, const char *name, const void *bytes, size_t len,
	const struct stat *like, struct err *e);

/* A memfd with these bytes, at their beginning, that nobody can change any more; the caller's. Its number is
 * FROM or higher, its mark close-on-exec. NAME is what /proc shows. */
int io_sealed(const char *name, const void *bytes, size_t len, int from, struct err *e);

/* This process is not in the initial user namespace (rootless). */
bool io_in_user_ns(void);
/* In a user namespace: UID is what owners without a number here read as, the host's root among them. */
bool io_unmapped(uid_t uid);
/* True when what ST describes belongs to root or to our own effective user and nobody else can write
 * it: a file that may steer us. io_unmapped counts as root. */
bool io_owner_trusted(const struct stat *st);
/* The same, for a file somebody has to repair: ERR_INPUT says what is wrong with NAME, and how. */
int io_check_owner(const char *name, const struct stat *st, struct err *e);

#endif
