/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capset - capability names and numbers.
 *
 * Names are matched exactly (libcap's cap_from_name also takes lower case and bare numbers, which an
 * allow-list must not).
 */
#ifndef CINCH_PROFILES_CAPSET_H
#define CINCH_PROFILES_CAPSET_H

#include <stdint.h>

/* The number of "CAP_CHOWN" (upper case, whole name) or -1. */
int capset_number(const char *name);
/* "CAP_CHOWN" of 0 ...; NULL above the last one known (CAP_CHECKPOINT_RESTORE, 40). */
const char *capset_name(int number);
/* All known capabilities. */
uint64_t capset_all(void);
/* The nearest known name, for "did you mean"; NULL when none is near. */
const char *capset_nearest(const char *name);

#endif
