/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns - rows of text from outside, aligned, within the width of the terminal (see table_text).
 */
#ifndef CINCH_CTL_COLUMNS_H
#define CINCH_CTL_COLUMNS_H

#include "shim/base/str.h"
#include "shim/ctl/table.h"

enum { COLUMNS_MAX = 16 };

struct columns {
	const char *const *heads; /* NULL-terminated; at most COLUMNS_MAX */
	struct strv cells; /* row by row */
	bool failed; /* out of memory */
};

#define AUTO_COLUMNS __attribute__((cleanup(columns_done)))

/* The next cell; NULL or "" is shown as "-". */
void columns_add(struct columns *c, const char *text);
/* What columns_put would need to cut nothing. */
size_t columns_width(struct columns *c);
/* Append the heads and all rows. When they are too wide, the widest columns are cut with "...". */
void columns_put(const struct columns *c, const struct table_style *style, struct str *out);
void columns_done(struct columns *c);

#endif
