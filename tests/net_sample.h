/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_sample - a ruleset that has every kind of object, match, verdict and remark in it: for tests of what is sent to the
 * kernel and read from it.
 */
#ifndef CINCH_TESTS_NET_SAMPLE_H
#define CINCH_TESTS_NET_SAMPLE_H

#include "netseg/ruleset.h"

/* CGROUP 0: without matches on a cgroup. RANGES: elements of an interval set of each family, besides the few of the others.
 * Exits when out of memory. */
void net_sample(struct ruleset *out, uint64_t cgroup, size_t ranges);

#endif
