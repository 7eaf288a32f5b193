/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running - the part of a profile that a container is held to while it runs, as a small profile of its own.
 *
 * It goes into the container's state record, so that a policy applied later does not change what exec and
 * update are held to, and need not be there any more. profile_parse_known reads it back: name, version,
 * mode, audit, capabilities, user, noNewPrivileges, resources, env, exec, flags, and the lines they stood on.
 * Everything else of such a profile is the strict default, and not to be asked.
 */
#ifndef CINCH_PROFILES_RUNNING_H
#define CINCH_PROFILES_RUNNING_H

#include "profiles/profile.h"

/* An object of DOC; NULL when out of memory. */
struct json *running_profile(const struct profile *p, struct json_doc *doc);
/* The profile that V, of DOC, is; its digest is DIGEST (NULL, or no digest: not known). The same as
 * profile_parse_known of V's text. *OUT is the caller's. */
int running_parse(const struct json_doc *doc, const struct json *v, const char *digest,
	struct profile **out, struct err *e);

#endif
