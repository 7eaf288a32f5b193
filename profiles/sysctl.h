/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - which settings of the kernel belong to a namespace, and how they are spelled.
 */
#ifndef CINCH_PROFILES_SYSCTL_H
#define CINCH_PROFILES_SYSCTL_H

#include <stdbool.h>

#include "profiles/profile.h"

/* Letters, digits, _ and - with dots between: runc makes a path of it, so no slash and no empty name. */
bool sysctl_key_ok(const char *key);
/* The same with the wildcards * and ?. */
bool sysctl_glob_ok(const char *glob);
/* The namespace KEY belongs to; false: it is the host's. */
bool sysctl_namespace(const char *key, enum ns_type *ns);
/* The key, or some key the glob matches, belongs to a namespace. */
bool sysctl_grantable(const char *glob);
/* The known key that a key without wildcards is a slip of; NULL: it is known, or near none. In
 * sysctl_names.c, which a launch does not need. */
const char *sysctl_misspelled(const char *glob);

#endif
