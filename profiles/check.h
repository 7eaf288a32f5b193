/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what is wrong with a profile although every value by itself is right; for who applies it,
 * not for a launch.
 *
 * Names of system calls are looked up in libseccomp, sysctls in a table, and settings that undo each
 * other are refused. Returns 0, or -1 and ERR_INPUT with the place of the value that is wrong.
 */
#ifndef CINCH_PROFILES_CHECK_H
#define CINCH_PROFILES_CHECK_H

#include "profiles/profile.h"
#include "profiles/reader.h"

/* P was read from ROOT, whose places R knows. */
int check_profile(struct reader *r, const struct json *root, const struct profile *p);

#endif
