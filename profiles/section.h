/* SPDX-License-Identifier: Apache-2.0 */
/*
 * section - read the sections of a profile.
 *
 * Each function takes the section's value, whose JSON type is right, and fills TO: the whole struct
 * profile, or the member named behind it.
 */
#ifndef CINCH_PROFILES_SECTION_H
#define CINCH_PROFILES_SECTION_H

#include "profiles/profile.h"
#include "profiles/reader.h"

/* The whole profile: all but its lines and its digest. *OUT is the caller's. */
int profile_read(struct reader *r, const struct json *root, struct profile **out);

/* The string V is 1 to 64 of a-z 0-9 - _ . with a letter or digit first. */
bool section_name_ok(const struct json *v);

int section_capabilities(struct reader *r, const struct json *v, void *to); /* uint64_t */
int section_user(struct reader *r, const struct json *v, void *to);
int section_rootfs(struct reader *r, const struct json *v, void *to);
int section_mounts(struct reader *r, const struct json *v, void *to);
int section_namespaces(struct reader *r, const struct json *v, void *to);
int section_devices(struct reader *r, const struct json *v, void *to);
int section_seccomp(struct reader *r, const struct json *v, void *to);
int section_paths(struct reader *r, const struct json *v, void *to);
int section_resources(struct reader *r, const struct json *v, void *to);
int section_hooks(struct reader *r, const struct json *v, void *to);
int section_annotations(struct reader *r, const struct json *v, void *to);
int section_env(struct reader *r, const struct json *v, void *to);
int section_image(struct reader *r, const struct json *v, void *to);
int section_exec(struct reader *r, const struct json *v, void *to);
int section_flags(struct reader *r, const struct json *v, void *to);
int section_network(struct reader *r, const struct json *v, void *to); /* struct json_doc * */
/* A list of strings of any kind; TO: struct strv. */
int section_names(struct reader *r, const struct json *v, void *to);

/* The full default sets of masked and read-only paths, added to P. */
int section_default_paths(struct reader *r, struct profile *p);

#endif
