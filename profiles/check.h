/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what is wrong with a profile although every value by itself is right; for who applies it,
 * not for a launch.
 *
 * Names of system calls are looked up in libseccomp, sysctls in a table. Settings that undo each other
 * are refused, but for those that a child makes stricter: see extend.h.
 */
#ifndef CINCH_PROFILES_CHECK_H
#define CINCH_PROFILES_CHECK_H

#include "profiles/extend.h"
#include "profiles/profile.h"

/* P was read from X. What a stricter child overrules is taken out of X. -1 and ERR_INPUT with the place
 * of the value that is wrong. */
int check_profile(struct extend_result *x, const struct profile *p, struct err *e);

#endif
