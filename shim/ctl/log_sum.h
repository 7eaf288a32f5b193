/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_sum - the audit log in groups, so that a team can decide what to enforce.
 *
 * A group is an image under the same profiles in the same mode. All counts are of starts (create, run,
 * restore): a start in which a control changed nine mounts counts once. Memory is bounded: images, reasons
 * and distinct containers beyond the limits are counted together.
 */
#ifndef CINCH_CTL_LOG_SUM_H
#define CINCH_CTL_LOG_SUM_H

#include <stdint.h>

#include "shim/base/json.h"
#include "shim/base/str.h"

enum {
	LOG_GROUPS_MAX = 512,
	LOG_REASONS_MAX = 24, /* of one group */
	LOG_CONTAINERS_MAX = 1 << 18, /* distinct ones, of all groups */
};

struct log_sum;

struct log_sum *log_sum_new(void); /* NULL: out of memory */
void log_sum_free(struct log_sum *s);
/* Count one record. -1: out of memory. */
int log_sum_add(struct log_sum *s, const struct json *record);
void log_sum_damaged(struct log_sum *s); /* a line that is no record */
/* The groups in order: what would be refused first. Nothing may be added afterwards. */
void log_sum_end(struct log_sum *s);
/* WIDTH columns for people, and as JSON (NULL: out of memory). */
void log_sum_text(const struct log_sum *s, size_t width, bool colour, struct str *out);
struct json *log_sum_json(const struct log_sum *s, struct json_doc *doc);
/* A start was refused or would have been, or a line is damaged. */
bool log_sum_findings(const struct log_sum *s);

#endif
