/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extend - put the profiles of one family on top of each other.
 *
 * The family is the profile and all it extends, each once, parents before children, in the order
 * "extends" names them. They are applied one after the other to an empty profile:
 *
 *  - an object is merged member by member, however deep it lies;
 *  - a value (string, number, true or false) takes the place of the one before;
 *  - a plain list takes the place of the one before;
 *  - {"add": [...], "remove": [...]}, either or both, in place of a list changes the one before. What is
 *    added and there already stays where it is; in rootfs.writable and devices the new entry takes the
 *    place of the one with the same path. What is removed has to be there: a text (in rootfs.writable
 *    and devices the path, in network.ingress and network.egress the whole rule). Nothing may stand in
 *    both, or twice in one list;
 *  - where nothing was said before, a list is empty, but paths.masked and paths.readonly are "default";
 *    to remove one of the default paths spells the others out;
 *  - where two lists contradict each other, what was said later and is stricter holds: a call that is
 *    denied, a source that is denied, a namespace that is made new leaves the list of what is allowed,
 *    and a capability the profile no longer has leaves exec.capabilities. Said at once, or the other way
 *    round, it is an error (check.h); a command that is denied later stays in the list of what exec may
 *    run, where what denies wins: an empty list would allow any;
 *  - profile, version, description, mode and audit are the profile's own and never come from a parent:
 *    whether something is enforced has to be seen in the file itself. "audit" is a plain list.
 */
#ifndef CINCH_PROFILES_EXTEND_H
#define CINCH_PROFILES_EXTEND_H

#include <stddef.h>

#include "profiles/control.h"
#include "profiles/reader.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

enum { EXTEND_LIST_MAX = 2000 }; /* entries of one list */

struct extend_source { /* one profile as it is written */
	const char *name; /* "web" */
	const char *file; /* for messages */
	struct json_doc *doc; /* its root is an object */
};

struct extend_place { /* where a value of the result was said */
	const struct json *made, *said;
	const struct extend_source *from;
	size_t rank; /* of FROM in the line: 0 spoke first */
};

struct extend_result {
	struct json_doc *doc;
	const char *file; /* of the profile itself */
	struct extend_place *places;
	size_t n, cap;
	struct extend_place controls[CONTROL_COUNT]; /* who spoke last of each; FROM NULL: nobody */
};

#define AUTO_EXTEND __attribute__((cleanup(extend_done)))

/*
 * Apply the N sources of LINE in order; the last is the profile itself. *OUT (zeroed) is the caller's in
 * every case and borrows from LINE. Members and items are in canonical order; whether their values are
 * right is not judged here. ERR_INPUT with the place in the file that is wrong.
 */
int extend_merge(const struct extend_source *const *line, size_t n, struct extend_result *out,
	struct err *e);
void extend_done(struct extend_result *x);
/* Where V of OUT->doc was said; NULL: V was not read from a source. */
const struct extend_place *extend_place(const struct extend_result *x, const struct json *v);
/* A reader of OUT->doc whose messages name the file that said it. */
struct reader extend_reader(const struct extend_result *x, struct err *e);

#endif
