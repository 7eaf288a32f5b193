/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version - the one place the version string is compiled into; the Makefile owns it.
 */
#include "shim/version.h"

const char cinch_version[] = CINCH_VERSION;
const char cinch_version_mark[] = CINCH_VERSION_MARK CINCH_VERSION;
