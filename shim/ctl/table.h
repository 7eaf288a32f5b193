/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - a report for people: grouped by control, aligned, wrapped to the width of the terminal.
 *
 * Text from the document never reaches the terminal as it is: control characters, also those of
 * Unicode's C1 block, and the marks that turn the direction of writing are shown as \uXXXX.
 */
#ifndef CINCH_CTL_TABLE_H
#define CINCH_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/str.h"
#include "shim/report.h"

enum { TABLE_WIDTH = 100, TABLE_NARROW = 40 }; /* not a terminal; the least that is honoured */

struct table_style {
	size_t width; /* columns */
	bool colour;
};

/* Append the changes of R. A reason is said once for all that share it; of a long list of
 * changes (not of refusals) eight are shown and the rest is counted. */
void table_report(const struct report *r, const struct table_style *style, struct str *out);
/* Append "3 changes, 1 refusal"; "nothing to change" when there is nothing. */
void table_summary(const struct report *r, struct str *out);
/* Append TEXT as a terminal may see it, at most WIDTH characters, the last three "..." when there
 * were more. Returns how many it took. */
size_t table_text(const char *text, size_t width, struct str *out);

#endif
