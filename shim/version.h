/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version - the one place the version string is compiled into; the Makefile owns it.
 */
#ifndef CINCH_VERSION_H
#define CINCH_VERSION_H

extern const char cinch_version[];

#endif
