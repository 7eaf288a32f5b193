/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate - change a document at random, as an attacker or a broken engine might.
 *
 * The same seed gives the same mutations on every machine.
 */
#ifndef CINCH_TESTS_MUTATE_H
#define CINCH_TESTS_MUTATE_H

#include <stdint.h>

#include "shim/base/json.h"

struct dice {
	uint64_t state;
};

/* 0 .. N-1, N above 0. */
uint32_t dice_roll(struct dice *d, uint32_t n);

/*
 * Change DOC in 1 to 4 places: values swapped between places, privileged fragments put in, members
 * removed, emptied, made null or duplicated in arrays, numbers at their limits, odd strings. Most
 * results keep the types of the schema. What was done is appended to STORY.
 */
void mutate(struct json_doc *doc, struct dice *d, struct str *story);

/* Leave eight rules of eight calls of ROOT's filter: the long ones cost nearly all of the time of a test. */
void mutate_shorten(struct json *root);

#endif
