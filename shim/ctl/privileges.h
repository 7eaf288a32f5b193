/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges - what a container may do under one profile and not under another, for those who review
 * a change: compared is what the profiles come to, not how they are written.
 */
#ifndef CINCH_CTL_PRIVILEGES_H
#define CINCH_CTL_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/profile.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

struct privilege {
	enum control control; /* CONTROL_COUNT: the whole profile (its mode) */
	char *text; /* "CAP_NET_RAW", "may run as root (was: refused)", "calls: io_uring_setup" */
	bool grants; /* B allows what A does not; false: B takes away what A allows */
};

struct privileges {
	struct privilege *v; /* in the order of enum control; what is granted first */
	size_t n;
};

#define AUTO_PRIVILEGES __attribute__((cleanup(privileges_done)))

/* What changes when a container goes from A to B. A change that is neither more nor less (another uid)
 * counts as granted: somebody has to look at it. *OUT is the caller's. */
int privileges_diff(
	const struct profile *a, const struct profile *b, struct privileges *out, struct err *e);
/* What changes for a container that runs when its rules of the network go from A to B, both "network" of its state
 * record (netseg/policy.h), or NULL: none. *OUT is the caller's. */
int privileges_networks(
	const struct json *a, const struct json *b, struct privileges *out, struct err *e);
void privileges_done(struct privileges *p);
/* "capabilities", ...; "mode" for the whole profile. */
const char *privilege_place(const struct privilege *p);

#endif
