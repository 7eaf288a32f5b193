/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line - one record of the audit log: is it wanted, and how is it shown to people.
 *
 * Records may be of older versions: a member that is not there is left out. Their texts are of whoever
 * started the container, and reach the terminal only by table_text.
 */
#ifndef CINCH_CTL_LOG_LINE_H
#define CINCH_CTL_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

struct log_filter { /* NULL: any */
	const char *result;
	const char *profile; /* one of the record's */
	const char *id; /* its beginning is enough */
	char since[32]; /* "": from the beginning; compares with "time" byte for byte */
};

/* TEXT is a date, a date and time, or a time span before NOW (seconds since 1970): "2026-11-22",
 * "2026-11-22T04:05", "90m". All in UTC. */
int log_since(const char *text, int64_t now, char out[32], struct err *e);
/* The record of a line; NULL when it is none. The caller frees *DOC. */
const struct json *log_record(const char *line, size_t len, struct json_doc **doc);
bool log_wanted(const struct log_filter *f, const struct json *record);
/* What the image is called; "" when nobody told. Borrowed. */
const char *log_image(const struct json *record);
/* Append the record as one line. */
void log_print(const struct json *record, bool colour, struct str *out);

#endif
