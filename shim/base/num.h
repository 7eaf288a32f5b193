/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num - numbers from outside: digits only, in range, nothing after them.
 *
 * Sloppy number parsing has run processes as the wrong user (CVE-2026-30892), so there is one
 * strict reader and nobody calls strtol.
 */
#ifndef CINCH_BASE_NUM_H
#define CINCH_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* TEXT is one or more decimal digits without sign, space or needless leading zero, and at most
 * MAX. False otherwise, and OUT is left alone. */
bool num_u64(const char *text, uint64_t max, uint64_t *out);

/* The same with an optional leading '-'; "-0" is refused. */
bool num_i64(const char *text, int64_t min, int64_t max, int64_t *out);

/* Digits with an optional suffix Ki Mi Gi Ti (powers of 1024): "64Mi" is 67108864. */
bool num_size(const char *text, uint64_t max, uint64_t *out);

#endif
