/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_set - the arithmetic below filter_meet: sets of arguments a rule can describe.
 *
 * A rule is an "and" of at most one test per argument; a list of rules is their "or". All functions
 * give lists whose union lies inside the true answer, and set *LOSSY when it is smaller. Tests with
 * constants above 32 bits mean something else on 32-bit architectures, so no two of them are ever
 * combined on one argument.
 */
#ifndef CINCH_PROFILES_FILTER_SET_H
#define CINCH_PROFILES_FILTER_SET_H

#include "profiles/filter.h"

struct filter_rules {
	struct filter_rule *v;
	unsigned n, cap;
	bool failed; /* out of memory */
};

void filter_rules_done(struct filter_rules *l);
#define AUTO_RULES __attribute__((cleanup(filter_rules_done)))
/* Append; more than FILTER_RULES_MAX set *LOSSY instead. */
void filter_rules_add(struct filter_rules *l, const struct filter_rule *r, bool *lossy);

/* Same test in the plainest form: what always holds is ANY. False: it never holds. */
bool filter_test_normal(struct filter_test *t);
bool filter_verdict_equal(struct filter_verdict a, struct filter_verdict b);
/* Same tests, whatever the verdicts. */
bool filter_same_tests(const struct filter_rule *a, const struct filter_rule *b);
/* Every argument A matches is surely matched by B. */
bool filter_inside(const struct filter_rule *a, const struct filter_rule *b);
/* Surely no argument matches both, on any architecture. */
bool filter_apart(const struct filter_rule *a, const struct filter_rule *b);
/* Drop rules that lie inside another one of the same verdict. */
void filter_absorb(struct filter_rules *l);
/* Append A and B, with V. */
void filter_both(const struct filter_rule *a, const struct filter_rule *b, struct filter_verdict v,
	struct filter_rules *out, bool *lossy);
/* Append A but not the union of the N rules of B, with V. */
void filter_minus(const struct filter_rule *a, const struct filter_rule *b, unsigned n,
	struct filter_verdict v, struct filter_rules *out, bool *lossy);
/*
 * True when the rules form a tree over the arguments in order: two of them either are apart at the
 * first argument they test differently, or both end there with one verdict. Of other lists
 * libseccomp 2.5 makes programs that miss some of the rules, or never stops making one; the latter
 * also of long lists that compare ranges beside other arguments.
 */
enum { FILTER_TANGLED_MAX = 6 };
bool filter_clear(const struct filter_rule *v, unsigned n);

#endif
