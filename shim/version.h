/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version - the one place the version string is compiled into; the Makefile owns it.
 */
#ifndef CINCH_VERSION_H
#define CINCH_VERSION_H

extern const char cinch_version[];

/* The same in a form that can be found in a program's file: this, and the version behind it. */
#define CINCH_VERSION_MARK "@(#)cinch "
extern const char cinch_version_mark[];

#endif
