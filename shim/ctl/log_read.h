/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_read - the files of an audit log, oldest first, and their lines, in bounded memory.
 */
#ifndef CINCH_CTL_LOG_READ_H
#define CINCH_CTL_LOG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

enum { LOG_LINE_MAX = 1 << 20 }; /* sixteen times what is ever written */

/* Where this node keeps its log: the caller's (free); "" when there is no file. NULL: out of memory. */
char *log_default_file(struct err *e);

/*
 * The files of the log BASE, in the order they were written: BASE-20260131 and the like, BASE.2,
 * BASE.1, BASE itself if it is there. PACKED gets those with one more ending, such as ".gz", which
 * cannot be read here.
 */
int log_files(const char *base, struct strv *files, struct strv *packed, struct err *e);

struct log_reader {
	int fd;
	char *buf;
	size_t begin, end;
	uint64_t line; /* of the file, from 1: the line given last */
	uint64_t left; /* bytes that are still to be read; UINT64_MAX: to the end */
	bool skipping; /* in the rest of a line that was too long */
};

#define AUTO_LOG_READER __attribute__((cleanup(log_reader_done)))
#define LOG_READER_INIT                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

struct log_text {
	const char *s; /* borrowed until the next call; not NUL-terminated */
	size_t len;
	bool whole; /* a newline ended it */
	bool too_long; /* only its first LOG_LINE_MAX bytes */
};

/* Open NAME, also a pipe. -1 with E. */
int log_reader_open(struct log_reader *r, const char *name, struct err *e);
/* Read from *FD, which is R's then, at most SIZE bytes. */
int log_reader_take(struct log_reader *r, int *fd, uint64_t size, struct err *e);
/* The next line: 1, 0 at the end, -1 with E. With MORE the file may still grow: a line without its
 * newline is kept for the next call. */
int log_reader_next(struct log_reader *r, bool more, struct log_text *out, struct err *e);
void log_reader_done(struct log_reader *r);

#endif
