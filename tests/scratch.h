/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - a directory of its own for one test program, removed when the program ends.
 */
#ifndef CINCH_TESTS_SCRATCH_H
#define CINCH_TESTS_SCRATCH_H

#include <stddef.h>

/* The directory's path; made on the first call (exits the test when that fails). */
const char *scratch_dir(void);
/* "DIR/NAME"; valid until the eighth next call. */
const char *scratch_path(const char *name);
/* Write TEXT to NAME (made or truncated, mode 0644) and give its path. */
const char *scratch_write(const char *name, const char *text);
/* The whole text of NAME; the caller frees it. NULL when there is none. */
char *scratch_read(const char *name);
/* How many entries the directory NAME has ("." for the scratch directory itself). */
size_t scratch_entries(const char *name);

#endif
