/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_filter - does a filter of system calls from a checkpoint deny what the configuration denies?
 *
 * Not all of it can be compared. A few dozen calls are, which no container of ours should have: each is run
 * through the program as the kernel would, with arguments of 0, for the machine's own kind of system call. A
 * filter made to look like one, or of a far weaker container, does not pass.
 */
#ifndef CINCH_CHECKPOINT_FILTER_H
#define CINCH_CHECKPOINT_FILTER_H

#include <stdint.h>

#include "shim/base/json.h"
#include "shim/base/str.h"
#include "shim/criu.h"

/* Bit i: the filter in the config.json DOC denies the call i of the table, whatever its arguments. */
uint64_t checkpoint_filter_floor(const struct json_doc *doc);
/* Bit i: F denies it. */
uint64_t checkpoint_filter_denies(const struct criu_filter *f);
/* Appended: the names of the calls of BITS. */
void checkpoint_filter_names(uint64_t bits, struct str *out);

#endif
