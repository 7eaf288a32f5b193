/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select - which profiles govern this container, and what else the policy in force says of it.
 */
#ifndef CINCH_SELECT_H
#define CINCH_SELECT_H

#include "profiles/denied.h"
#include "profiles/profile.h"
#include "profiles/store.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/engine.h"

enum { SELECT_MAX = 2 };

/* Who is asking for which container; all borrowed. */
struct select_ask {
	const char *store; /* the directory of the policies; NULL: the node's */
	const char *wanted; /* --cinch-profile; NULL: not given */
	const char *program; /* argv[0] */
	const struct engine *engine;
	const struct json_doc *doc; /* config.json */
};

struct selection {
	struct profile *p[SELECT_MAX]; /* applied in this order; owned */
	size_t n;
	/* How the first one was chosen: "--cinch-profile", "program name", "rule cinch.json:12",
	 * "default"; the second one is always the annotation's. */
	char how[48];
	unsigned rule; /* line of the select rule in cinch.json; 0: none */
	/* The image is denied on this node; digest NULL: it is not, or nothing of it is known. */
	struct denied_image denied;
	/* Code not 0: why the annotation would have been refused, were this node not in audit mode. */
	struct err annotation;
};

#define AUTO_SELECTION __attribute__((cleanup(select_done)))

/*
 * The base profile: WANTED or the program's name ("cinch-NAME"), both given and different is refused;
 * else that of the first select rule that matches; else the node's default profile. On top, the one that
 * the annotation io.cinch.profile names: being applied second, it can only tighten. A name that is not in
 * the policy in force is refused, never "none"; so is an annotation where the node allows none.
 *
 * A policy that turns out to be damaged is given up for the one before it, or the built-in one: *A is
 * then another, with a->problem. On a node in audit mode every profile's mode is audit, and no annotation
 * keeps a container from starting. The strings of A live as long as A.
 */
int select_profiles(
	struct applied *a, const struct select_ask *ask, struct selection *out, struct err *e);
void select_done(struct selection *s);
/* Nothing of these profiles can be enforced: all are in audit mode. */
bool select_audits(const struct selection *s);
/* The mode of the node over that of the N profiles: in audit mode it enforces none of them. */
void select_relax(const struct applied *a, struct profile *const *p, size_t n);

#endif
