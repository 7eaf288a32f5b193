/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the time of day as text, in UTC.
 */
#ifndef CINCH_BASE_CLOCK_H
#define CINCH_BASE_CLOCK_H

enum { CLOCK_TEXT_SIZE = 96 }; /* 28 are used; the compiler counts every digit an int may have */

/* "2026-11-22T04:05:06.123456Z" (RFC 3339). Reads no time zone file, as gmtime_r would. */
void clock_text(char out[CLOCK_TEXT_SIZE]);
/* The same for SECONDS and MICROSECONDS since 1970, which must not be before it. */
void clock_text_of(long long seconds, long microseconds, char out[CLOCK_TEXT_SIZE]);

#endif
