/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_check - is a log whole? Lines go in, in order; what is wrong with them comes out.
 *
 * A line's number and hash are judged against the line before, the line after and, at the end, the head
 * (chain.h). Where it was one of two lines, both are named. Memory is bounded whatever the log holds.
 */
#ifndef CINCH_CTL_LOG_CHECK_H
#define CINCH_CTL_LOG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/chain.h"

enum {
	LOG_FINDINGS_MAX = 1000, /* more are only counted */
	LOG_EARLY_MAX = 64, /* lines that are too far to the front, at one time */
	LOG_MISSING_MAX = 256, /* runs of missing lines that may still turn up */
};

enum log_severity {
	LOG_NOTE, /* happens; nothing is lost, or what is lost is vouched for */
	LOG_GAP, /* not vouched for, and what did it was perhaps nobody */
	LOG_BROKEN, /* no writer does this */
};

struct log_finding {
	enum log_severity severity;
	const char *kind; /* one word: "changed", "missing", "inserted", "moved", "cut", ... */
	size_t file; /* index into the files as they were begun */
	uint64_t line; /* 0: the file as a whole */
	char *text;
};

struct log_place {
	size_t file;
	uint64_t line; /* 0: nowhere */
	uint64_t seq;
	uint8_t hash[HASH_SIZE], prev[HASH_SIZE];
};

struct log_check {
	size_t file; /* of the line at hand; files are counted from 0 */
	bool any_file, any_line; /* a file was begun; it had a line */
	uint64_t lines, linked, outside, before; /* before: before the chain */
	struct log_place cur,
		back; /* the last line in order; the one before a jump, line 0: none */
	struct log_place last_good; /* the highest number in order */
	bool jumped; /* cur came too early or lines are missing before it */
	bool doubted; /* cur does not continue the one before: pending is that one */
	struct log_place pending;
	bool blamed; /* cur is reported already */
	struct log_place other; /* a second line with cur's number; line 0: none */
	struct log_place early[LOG_EARLY_MAX];
	size_t n_early;
	struct log_run {
		uint64_t from, to;
		struct log_place next; /* the line behind them */
		bool beginning; /* nothing of the chain stood before */
		bool cut; /* and the file did not begin with that line */
	} missing[LOG_MISSING_MAX];
	size_t n_missing;
	struct { /* since the last line in order: what is outside the chain */
		uint64_t n, cut, foreign;
		struct log_place first, last;
		uint8_t gap[HASH_SIZE];
		char words[CHAIN_WORDS_MAX];
	} outsiders;
	bool wants_noted;
	uint8_t noted[HASH_SIZE]; /* a hash somebody kept */
	struct log_place noted_at;
	struct log_finding found[LOG_FINDINGS_MAX];
	size_t n_found;
	uint64_t more; /* findings that found no place */
	enum log_severity worst;
	bool failed; /* out of memory */
};

/* Zero-initialise C (it is large: not on the stack). */
void log_check_file(struct log_check *c);
void log_check_line(struct log_check *c, const char *line, size_t len, bool whole);
/* HEAD NULL: there is none, or (DAMAGED) it is none. */
void log_check_end(struct log_check *c, const struct chain_head *head, bool damaged);
void log_check_done(struct log_check *c);

#endif
