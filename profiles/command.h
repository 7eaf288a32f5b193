/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - patterns of what exec may run.
 *
 * A pattern is words with single blanks between them. Each word is a glob (str_glob: "*" spans no "/",
 * "**" does) for the argument at its place. A last word "**" stands for any further arguments, none
 * included; without it the number of arguments has to be that of the words.
 *	"/usr/bin/pg_isready **"   "cat /tmp/healthy"   "/opt/app/bin/check-*"
 * To deny, the leading words are enough ("sh" denies "sh -c ls"), and a first word without "/" is also
 * compared with what is behind the last "/" of the program: a name is easily written another way. What
 * denies is a fence for habits, not for an adversary (a shell has many names, and starts what it likes);
 * what allows is a bound on the words, not on the file that stands behind a name in the container.
 *
 * What cannot be told is judged strictly: an argument of more than 4096 bytes equals no word with wildcards
 * where patterns allow, and every one where they deny.
 */
#ifndef CINCH_PROFILES_COMMAND_H
#define CINCH_PROFILES_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/str.h"

enum { COMMAND_PATTERN_MAX = 1024, COMMAND_WORDS_MAX = 64 };

/* NULL, or what is wrong with PATTERN, to be said right behind it: empty, too long, too many words, "**"
 * and others not last, a first word with a "/" that is not absolute and canonical, or with "**" and not
 * absolute, blanks at the ends or two in a row, control characters. */
const char *command_wrong(const char *pattern);
/* ARGV has N words. False for N == 0, and for a program with a "/" whose path is not absolute and canonical
 * (also under the pattern "**"). */
bool command_allowed(const struct strv *patterns, const char *const *argv, size_t n);
/* The first pattern that denies it; NULL: none. */
const char *command_denied(const struct strv *patterns, const char *const *argv, size_t n);

#endif
