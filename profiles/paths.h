/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths - what "default" means in a profile's paths: the places of /proc and /sys that no ordinary
 * container should read, and those it should not write.
 */
#ifndef CINCH_PROFILES_PATHS_H
#define CINCH_PROFILES_PATHS_H

/* NULL-terminated, absolute, canonical. */
extern const char *const paths_masked[];
extern const char *const paths_readonly[];

#endif
