/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - which settings of the kernel belong to a namespace, and how they are spelled.
 */
#ifndef CINCH_PROFILES_SYSCTL_H
#define CINCH_PROFILES_SYSCTL_H

#include <stdbool.h>

/* Letters, digits, _ and - with dots between, and the wildcards * and ?. */
bool sysctl_clean(const char *glob);
/* The key, or some key the glob matches, belongs to a network, IPC or UTS namespace. */
bool sysctl_grantable(const char *glob);
/* The known key that a key without wildcards is a slip of; NULL: it is known, or near none. */
const char *sysctl_misspelled(const char *glob);

#endif
