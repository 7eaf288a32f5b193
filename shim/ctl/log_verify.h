/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_verify - a quick look at the audit log, for commands besides "log verify".
 */
#ifndef CINCH_CTL_LOG_VERIFY_H
#define CINCH_CTL_LOG_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/ctl/log_check.h"

struct log_summary {
	bool too_long; /* more than MOST bytes: not looked at */
	uint64_t lines;
	enum log_severity worst;
	char first[400]; /* the first finding of that severity; "" */
};

/* BASE and its rotated files, when they have at most MOST bytes together. -1: they cannot be read. */
int log_verify_quick(const char *base, uint64_t most, struct log_summary *out, struct err *e);

#endif
