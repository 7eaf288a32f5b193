/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select - which profiles govern this container.
 */
#ifndef CINCH_SELECT_H
#define CINCH_SELECT_H

#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

enum { SELECT_MAX = 2 };

struct selection {
	struct profile *p[SELECT_MAX]; /* applied in this order; owned */
	size_t n;
};

#define AUTO_SELECTION __attribute__((cleanup(select_done)))

/*
 * The base profile: WANTED (--cinch-profile; NULL: not given) or the program's name ("cinch-NAME");
 * both given and different is refused; neither: "restricted". On top, the one that the annotation
 * io.cinch.profile names: being applied second, it can only tighten. DOC is the container's
 * configuration. A name that is not known is refused, never "none".
 */
int select_profiles(const char *wanted, const char *program, const struct json_doc *doc,
	struct selection *out, struct err *e);
void select_done(struct selection *s);

#endif
