/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - the shape of an OCI runtime configuration: which members there are and of which type.
 *
 * Shapes only, no opinions. Source: runtime-spec 1.0 to 1.3 (config.md, config-linux.md), and what
 * runc's decoder does with it: keys match case-insensitively, the last one wins, null is absent.
 */
#ifndef CINCH_SPEC_H
#define CINCH_SPEC_H

#include <stdbool.h>

#include "shim/base/err.h"
#include "shim/base/json.h"

enum spec_kind {
	SPEC_STRING,
	SPEC_BOOL,
	SPEC_INT, /* -2^63 .. 2^63-1, no fraction, no exponent */
	SPEC_UINT, /* 0 .. 2^64-1 */
	SPEC_OBJECT, /* members are FIELDS; others are unknown */
	SPEC_OBJECTS, /* array of such objects */
	SPEC_STRINGS, /* array of strings */
	SPEC_INTS, /* array of integers */
	SPEC_MAP, /* free-form names, string values (annotations, sysctl, unified) */
	SPEC_MAP_OBJECTS, /* free-form names, each value an object of FIELDS (rdma, netDevices) */
};

struct spec_field {
	const char *name; /* NULL ends the table */
	enum spec_kind kind;
	const struct spec_field *fields;
	unsigned max; /* bytes of a string, elements of an array or map; 0: the default of spec.c */
};

/* The tables of a config.json, of a process object (exec --process) and of a linux.resources object
 * (update --resources). */
extern const struct spec_field spec_config[];
extern const struct spec_field spec_process[];
extern const struct spec_field spec_resources[];

/* Documents from engines: 4 MiB, JSON's own depth limit, 200,000 values. */
extern const struct json_limits spec_limits;

/*
 * Check every known member's type and refuse keys that fold to a known key but are not spelled like
 * it (ASCII case, U+017F for s and U+212A for K: what encoding/json folds). Unknown members are left
 * for the pass "unknown". Messages carry line, column and JSON Pointer.
 */
int spec_check(const struct json_doc *doc, const struct spec_field *fields, struct err *e);

/* The row of KEY (spelled exactly so), or NULL. */
const struct spec_field *spec_find(const struct spec_field *fields, const char *key);

/* True when A and B are one key to a case-folding reader. */
bool spec_key_folds(const char *a, const char *b);

#endif
