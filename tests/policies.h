/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies - small policies for the tests of the store: each number another one, always the same bytes.
 */
#ifndef CINCH_TESTS_POLICIES_H
#define CINCH_TESTS_POLICIES_H

#include "shim/base/str.h"

/* The bytes of policy NUMBER, appended; it has the profiles "restricted" and "baseline" and a pack
 * "test" whose version is NUMBER.0.0. Exits the test when it cannot be made. */
void policies_make(unsigned number, struct str *out);

#endif
