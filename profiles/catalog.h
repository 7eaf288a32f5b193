/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog - profiles as people wrote them, by name, and what they come to when "extends" is followed.
 *
 * The shipped ones are always in; one of the same name from a directory takes its place. Files must be
 * regular, owned by root (or the caller), not writable by others.
 */
#ifndef CINCH_PROFILES_CATALOG_H
#define CINCH_PROFILES_CATALOG_H

#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

enum { CATALOG_MAX = 4096, CATALOG_TEXT_MAX = 1 << 20 };

struct catalog; /* opaque */

struct catalog_entry {
	const char *name; /* "web"; a filter's is "seccomp/NAME" */
	const char *file; /* for messages: "/etc/cinch/profiles/web.json"; "built in" */
	const char *pack; /* the pack it came from; NULL: none */
	const char *text;
	size_t len;
	bool builtin;
};

/* The shipped profiles and filters only. NULL when out of memory. */
struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);
void catalog_freep(struct catalog **c);
#define AUTO_CATALOG __attribute__((cleanup(catalog_freep)))

/* Add one (TEXT is copied). Two of one name that are both not built in are an error that names both
 * files. */
int catalog_add(struct catalog *c, const char *name, const char *file, const char *pack,
	const char *text, size_t len, struct err *e);
/* NULL behind the last; sorted by name. */
const struct catalog_entry *catalog_item(const struct catalog *c, size_t i);
const struct catalog_entry *catalog_find(const struct catalog *c, const char *name);

/*
 * Follow "extends" and give the whole profile: *TEXT as canonical JSON without comments (what is
 * applied, and what the digest is of), *OUT parsed from it with the lines of the file that said it.
 * Both are the caller's; either may be NULL. Errors carry the file, line and column that is wrong:
 * unknown parent, cycle, more than 16 levels, "remove" of what is not there, and all profile_parse
 * finds; names of system calls are checked too.
 */
int catalog_flatten(const struct catalog *c, const char *name, struct str *text,
	struct profile **out, struct err *e);
/* The filter NAME ("seccomp/x") is well-formed and compiles. */
int catalog_check_filter(const struct catalog *c, const char *name, struct err *e);

#endif
