/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice - a change of a text as the few places where it differs, so that it can be taken back exactly;
 * or, when the text was edited since, as far as those places are still what they were.
 */
#ifndef CINCH_CTL_SPLICE_H
#define CINCH_CTL_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

enum { SPLICES_MAX = 8 };

struct splice {
	size_t at; /* in the text before */
	char *removed, *inserted; /* owned */
	bool keep; /* what was inserted may be needed by others' later edits */
};

/* In the order of the text, none inside of another. */
struct splices {
	struct splice v[SPLICES_MAX];
	size_t n;
};

void splices_done(struct splices *s);
/* Put one where it belongs by AT. The bytes are copied. */
int splices_add(struct splices *s, size_t at, const char *removed, size_t removed_len,
	const char *inserted, bool keep, struct err *e);
/* BEFORE with the change, into OUT. ERR_BUG: it is not what the change was made for. */
int splices_apply(
	const struct splices *s, const char *before, size_t len, struct str *out, struct err *e);
/* The other way. ERR_INPUT: AFTER is not what came out. */
int splices_revert(
	const struct splices *s, const char *after, size_t len, struct str *out, struct err *e);
/*
 * The same for an edited text: each of what was inserted must be found, once; what is to keep stays.
 * ERR_INPUT, with what is not there (or twice), else.
 */
int splices_cut(
	const struct splices *s, const char *text, size_t len, struct str *out, struct err *e);
/* All that was inserted stands in the text, once each. */
bool splices_found(const struct splices *s, const char *text, size_t len);

/* A unified diff with three lines around, without the head of two lines; nothing when they are equal. */
void splice_diff(const char *before, size_t before_len, const char *after, size_t after_len,
	struct str *out);

#endif
