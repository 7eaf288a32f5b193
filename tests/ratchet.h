/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet - an independent judge: has the result of tighten() more than its input?
 *
 * Written from runtime-spec, the kernel's and the runtimes' rules and the promises of the design,
 * not from the passes. It knows nothing of profiles: whatever a profile says, nobody may gain.
 * "Absent" always means what the runtime makes of it: no namespace entry is the host's namespace, no
 * limit is no limit, no capability object is no capability.
 */
#ifndef CINCH_TESTS_RATCHET_H
#define CINCH_TESTS_RATCHET_H

#include "shim/base/json.h"
#include "shim/base/str.h"

/*
 * Judge OUT against IN, both the root of a config.json; appends one sentence per violation to BAD.
 * Returns how many. Documents must have passed spec_check.
 */
size_t ratchet(const struct json *in, const struct json *out, struct strv *bad);

/*
 * The filters of IN and OUT (/linux/seccomp) compiled and asked: every call of every architecture,
 * with arguments from the edges of what either filter compares. Some ten milliseconds, and therefore
 * not a part of ratchet().
 */
size_t ratchet_filters(const struct json *in, const struct json *out, struct strv *bad);

/* ---- the parts, each file of the judge has some ---- */

/* "PLACE: what is wrong", formatted, to BAD. */
void ratchet_bad(struct strv *bad, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A member that is of TYPE, else NULL: the wrong shape counts as absent. */
const struct json *ratchet_get(const struct json *v, const char *key, enum json_type type);
/* Whether ARRAY has a string / a value equal to this one. */
bool ratchet_has_string(const struct json *array, const char *text);
bool ratchet_has(const struct json *array, const struct json *v);

/* IN or OUT may be NULL: absent or null. */
typedef void ratchet_fn(const struct json *in, const struct json *out, struct strv *bad);

ratchet_fn ratchet_mounts; /* /mounts */
ratchet_fn ratchet_namespaces; /* /linux/namespaces */
ratchet_fn ratchet_device_rules; /* /linux/resources/devices */
ratchet_fn ratchet_resources; /* /linux/resources */
ratchet_fn ratchet_seccomp; /* /linux/seccomp, by name and action */

#endif
