/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges_add - what the parts of privileges_diff share.
 */
#ifndef CINCH_CTL_PRIVILEGES_ADD_H
#define CINCH_CTL_PRIVILEGES_ADD_H

#include "shim/ctl/privileges.h"

struct comparison {
	const struct profile *a, *b;
	struct privileges out;
	bool failed; /* out of memory */
	struct err e; /* code not 0: a filter cannot be read */
};

void privileges_add(struct comparison *c, enum control control, bool grants, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The calls that the profiles' seccomp filters let pass. */
void privileges_filter(struct comparison *c);
/* Whom the profiles' "network" sections let it talk to. */
void privileges_network(struct comparison *c);

#endif
