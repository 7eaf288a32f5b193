/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - what is different in two texts, line by line.
 */
#ifndef CINCH_CTL_LINES_H
#define CINCH_CTL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/str.h"

struct lines_change {
	const char *line; /* without its newline; borrowed from the text */
	size_t len;
	bool added; /* else it goes */
	const char *
		block; /* the line that opens the block it is in ("chain x {"), of its own text; NULL: none */
	size_t block_len;
};

struct lines { /* zero-initialise */
	struct lines_change *v;
	size_t n;
};

#define AUTO_LINES __attribute__((cleanup(lines_done)))
void lines_done(struct lines *l);

enum { LINES_CELLS_MAX = 16 << 20 };

/*
 * The fewest lines that go and come between A and B; where both are so different that this would cost more than
 * LINES_CELLS_MAX steps, all in between. White space before a line does not count. A and B must outlive OUT
 * (lines_done).
 */
int lines_compare(const char *a, const char *b, struct lines *out, struct err *e);

#endif
