/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err - one error: a code and a message, owned by the caller, never on the heap.
 *
 * A function that can fail returns 0 or -1 and fills its last parameter. The message is set where
 * the failure happens and gains its place on the way up; only main prints it.
 */
#ifndef CINCH_BASE_ERR_H
#define CINCH_BASE_ERR_H

#include <stddef.h>

/* Positive codes are errno values. The negative ones are ours: their message stands alone. */
enum {
	ERR_INPUT = -1, /* a document, argument or file from outside is not acceptable */
	ERR_DENIED = -2, /* the policy says no */
	ERR_NO_RUNTIME = -3, /* there is no real runtime to become: exit status 127 */
	ERR_BUG = -4, /* a promise inside the program was broken */
};

enum { ERR_MSG_MAX = 512 };

struct err {
	int code; /* 0: no error */
	char msg[ERR_MSG_MAX]; /* one line, no trailing newline; cut with "..." when too long */
};

/*
 * Set the error. A positive CODE appends ": " and the system's text for that errno. Bytes below
 * 0x20 and 0x7f in the formatted message are written as \xHH, so that a name from outside cannot
 * forge a log line. Returns -1, so that "return err_set(...)" reads well. E may be NULL.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "PLACE: " before the message that is already there. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The ordinary error of a failed allocation. Returns -1. */
int err_nomem(struct err *e);

#endif
