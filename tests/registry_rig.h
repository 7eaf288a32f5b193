/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_rig - a registry of its own for a test.
 */
#ifndef CINCH_TESTS_REGISTRY_RIG_H
#define CINCH_TESTS_REGISTRY_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "netseg/registry.h"
#include "tests/scratch.h"

/* The one at NAME of the scratch directory, made when it is not there; its lock is held. Ends the test when it cannot. */
static inline struct registry registry_rig(const char *name)
{
	struct registry r = {.lock = -1, .fd = -1};
	struct err e = {0};

	if (registry_open(scratch_path(name), &r, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(2);
	}
	return r;
}

#endif
