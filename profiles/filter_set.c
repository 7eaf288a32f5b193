/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_set - the arithmetic below filter_meet: sets of arguments a rule can describe.
 */
#include "profiles/filter_set.h"

#include <stdlib.h>
#include <string.h>

#define LOW_MAX UINT64_C(0xffffffff)

/* A test seen as a set: a range, a mask, or all but one value. */
enum shape { RANGE, MASK, HOLE };

/* An "or" of tests of one argument. Only N is ever initialised: this is the hot path. */
struct tests {
	struct filter_test v[2 * 64 + 2];
	unsigned n;
};

void filter_rules_done(struct filter_rules *l)
{
	free(l->v);
	*l = (struct filter_rules){.v = NULL};
}

void filter_rules_add(struct filter_rules *l, const struct filter_rule *r, bool *lossy)
{
	if (l->failed)
		return;
	if (l->n == FILTER_RULES_MAX) {
		*lossy = true;
		return;
	}
	if (l->n == l->cap) {
		unsigned cap = l->cap ? 2 * l->cap : 8;
		struct filter_rule *v = reallocarray(l->v, cap, sizeof *v);

		if (!v) {
			l->failed = true;
			return;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *r;
}

/* The range a test describes; a mask of leading ones is one too. */
static enum shape shape_of(const struct filter_test *t, uint64_t *lo, uint64_t *hi)
{
	*lo = 0;
	*hi = UINT64_MAX;
	switch (t->op) {
	case FILTER_ANY:
		return RANGE;
	case FILTER_NE:
		return HOLE;
	case FILTER_LT:
		*hi = t->a - 1; /* LT 0 never gets here */
		return RANGE;
	case FILTER_LE:
		*hi = t->a;
		return RANGE;
	case FILTER_EQ:
		*lo = *hi = t->a;
		return RANGE;
	case FILTER_GE:
		*lo = t->a;
		return RANGE;
	case FILTER_GT:
		*lo = t->a + 1; /* GT max never gets here */
		return RANGE;
	case FILTER_MASKED:
		break;
	}
	*lo = t->b;
	*hi = t->b | ~t->a;
	return (~t->a & (~t->a + 1)) == 0 ? RANGE : MASK;
}

/* The low half of the constants does not say the same about 32-bit arguments. */
static bool wide(const struct filter_test *t)
{
	uint64_t lo, hi;

	switch (shape_of(t, &lo, &hi)) {
	case HOLE:
		return t->a > LOW_MAX;
	case MASK:
		return t->b > LOW_MAX;
	default:
		return lo > LOW_MAX || (hi > LOW_MAX && hi != UINT64_MAX);
	}
}

bool filter_test_normal(struct filter_test *t)
{
	const struct filter_test any = {.op = FILTER_ANY};

	switch (t->op) {
	case FILTER_LT:
		return t->a != 0;
	case FILTER_GT:
		return t->a != UINT64_MAX;
	case FILTER_LE:
		if (t->a == UINT64_MAX)
			*t = any;
		return true;
	case FILTER_GE:
		if (t->a == 0)
			*t = any;
		return true;
	case FILTER_MASKED:
		t->b &= t->a; /* libseccomp does the same */
		if (t->a == 0)
			*t = any;
		else if (t->a == UINT64_MAX)
			*t = (struct filter_test){.op = FILTER_EQ, .a = t->b};
		return true;
	default:
		return true;
	}
}

bool filter_verdict_equal(struct filter_verdict a, struct filter_verdict b)
{
	return a.action == b.action && a.data == b.data;
}

static bool same_test(const struct filter_test *a, const struct filter_test *b)
{
	return a->op == b->op && (a->op == FILTER_ANY || (a->a == b->a && a->b == b->b));
}

bool filter_same_tests(const struct filter_rule *a, const struct filter_rule *b)
{
	for (unsigned i = 0; i < FILTER_ARGS; i++)
		if (!same_test(&a->arg[i], &b->arg[i]))
			return false;
	return true;
}

static bool test_inside(const struct filter_test *a, const struct filter_test *b)
{
	uint64_t alo, ahi, blo, bhi;
	enum shape as, bs;

	if (b->op == FILTER_ANY || same_test(a, b))
		return true;
	if (a->op == FILTER_ANY || wide(a) || wide(b))
		return false;
	as = shape_of(a, &alo, &ahi);
	bs = shape_of(b, &blo, &bhi);
	if (bs == HOLE)
		return as == HOLE    ? false
		       : as == RANGE ? b->a < alo || b->a > ahi
				     : (b->a & a->a) != a->b;
	if (as == HOLE)
		return false;
	if (bs == RANGE) /* the ends of a mask are its least and greatest member */
		return blo <= alo && ahi <= bhi;
	if (as == MASK)
		return (b->a & ~a->a) == 0 && (a->b & b->a) == b->b;
	/* a range inside a mask: the bits that may differ within the range must be free */
	for (uint64_t bits = alo ^ ahi, m = 0;; m = m << 1 | 1) {
		if ((bits & ~m) == 0)
			return (b->a & m) == 0 && (alo & b->a) == b->b;
	}
}

static void cut_mask(
	struct tests *out, const struct filter_test *m, uint64_t lo, uint64_t hi, bool *lossy);

static bool test_apart(const struct filter_test *a, const struct filter_test *b)
{
	struct tests left;
	uint64_t alo, ahi, blo, bhi;
	enum shape as, bs;
	bool lossy = false;

	left.n = 0;
	if (a->op == FILTER_ANY || b->op == FILTER_ANY || wide(a) || wide(b))
		return false;
	as = shape_of(a, &alo, &ahi);
	bs = shape_of(b, &blo, &bhi);
	if (as == HOLE || bs == HOLE) {
		const struct filter_test *hole = as == HOLE ? a : b, *other = as == HOLE ? b : a;

		return other->op == FILTER_EQ && other->a == hole->a;
	}
	if (ahi < blo || bhi < alo)
		return true;
	if (a->op == FILTER_MASKED && b->op == FILTER_MASKED)
		return ((a->b ^ b->b) & a->a & b->a) != 0;
	if (as == bs)
		return false;
	if (as == MASK)
		cut_mask(&left, a, blo, bhi, &lossy);
	else
		cut_mask(&left, b, alo, ahi, &lossy);
	return left.n == 0 && !lossy;
}

bool filter_inside(const struct filter_rule *a, const struct filter_rule *b)
{
	for (unsigned i = 0; i < FILTER_ARGS; i++)
		if (!test_inside(&a->arg[i], &b->arg[i]))
			return false;
	return true;
}

bool filter_apart(const struct filter_rule *a, const struct filter_rule *b)
{
	for (unsigned i = 0; i < FILTER_ARGS; i++)
		if (test_apart(&a->arg[i], &b->arg[i]))
			return true;
	return false;
}

static void push(struct tests *out, struct filter_test t, bool *lossy)
{
	if (!filter_test_normal(&t))
		return;
	if (out->n == sizeof out->v / sizeof *out->v)
		*lossy = true;
	else
		out->v[out->n++] = t;
}

/* LO..HI as few tests as possible: one when it is open at an end, else aligned blocks. */
static void push_range(struct tests *out, uint64_t lo, uint64_t hi, bool *lossy)
{
	if (lo > hi)
		return;
	if (lo > LOW_MAX || (hi > LOW_MAX && hi != UINT64_MAX))
		*lossy = true;
	else if (lo == hi)
		push(out, (struct filter_test){.op = FILTER_EQ, .a = lo}, lossy);
	else if (hi == UINT64_MAX)
		push(out, (struct filter_test){.op = FILTER_GE, .a = lo}, lossy);
	else if (lo == 0 && hi < LOW_MAX)
		push(out, (struct filter_test){.op = FILTER_LT, .a = hi + 1}, lossy);
	else if (lo == 0)
		push(out, (struct filter_test){.op = FILTER_LE, .a = hi}, lossy);
	else
		while (lo <= hi) {
			uint64_t size = lo & (~lo + 1);

			while (size - 1 > hi - lo)
				size >>= 1;
			push(out,
				(struct filter_test){
					.op = FILTER_MASKED, .a = ~(size - 1), .b = lo},
				lossy);
			lo += size;
		}
}

/* A mask without one of its members, or within a range that cuts it. */
static void cut_mask(
	struct tests *out, const struct filter_test *m, uint64_t lo, uint64_t hi, bool *lossy)
{
	struct tests blocks;

	blocks.n = 0;
	if (hi > LOW_MAX) { /* what lies above cannot be said in blocks */
		*lossy = true;
		hi = LOW_MAX;
	}
	if (lo == 0) /* a half-open range would not be a mask: split it */
		push_range(&blocks, 1, hi, lossy), push_range(&blocks, 0, 0, lossy);
	else
		push_range(&blocks, lo, hi, lossy);
	for (unsigned i = 0; i < blocks.n; i++) {
		struct filter_test *b = &blocks.v[i];
		uint64_t mask = b->op == FILTER_EQ ? UINT64_MAX : b->a;
		uint64_t value = b->op == FILTER_EQ ? b->a : b->b;

		if (((value ^ m->b) & mask & m->a) == 0)
			push(out,
				(struct filter_test){
					.op = FILTER_MASKED, .a = mask | m->a, .b = value | m->b},
				lossy);
	}
}

/* A and B of one argument, appended to OUT. */
static void test_both(
	const struct filter_test *a, const struct filter_test *b, struct tests *out, bool *lossy)
{
	uint64_t alo, ahi, blo, bhi;
	enum shape as, bs;

	if (test_inside(a, b)) {
		push(out, *a, lossy);
		return;
	}
	if (test_inside(b, a)) {
		push(out, *b, lossy);
		return;
	}
	if (wide(a) || wide(b)) {
		*lossy = true;
		return;
	}
	if (test_apart(a, b))
		return;
	as = shape_of(a, &alo, &ahi);
	bs = shape_of(b, &blo, &bhi);
	if (bs == HOLE && as != HOLE) {
		test_both(b, a, out, lossy);
	} else if (as == HOLE && bs == HOLE) {
		uint64_t low = a->a < b->a ? a->a : b->a, high = a->a < b->a ? b->a : a->a;

		if (low > 0)
			push_range(out, 0, low - 1, lossy);
		push_range(out, low + 1, high - 1, lossy);
		push_range(out, high + 1, UINT64_MAX, lossy);
	} else if (as == HOLE && bs == RANGE) {
		if (a->a > 0)
			push_range(out, blo, a->a - 1, lossy);
		push_range(out, a->a + 1, bhi, lossy);
	} else if (as == HOLE) {
		if (a->a > 0)
			cut_mask(out, b, 0, a->a - 1, lossy);
		cut_mask(out, b, a->a + 1, UINT64_MAX, lossy);
	} else if (as == RANGE && bs == RANGE) {
		push_range(out, alo > blo ? alo : blo, ahi < bhi ? ahi : bhi, lossy);
	} else if (as == MASK && bs == MASK) {
		push(out,
			(struct filter_test){
				.op = FILTER_MASKED, .a = a->a | b->a, .b = a->b | b->b},
			lossy);
	} else if (as == MASK) {
		cut_mask(out, a, blo, bhi, lossy);
	} else {
		cut_mask(out, b, alo, ahi, lossy);
	}
}

/* What T does not match, appended to OUT. */
static void test_not(const struct filter_test *t, struct tests *out, bool *lossy)
{
	static const enum filter_op opposite[] = {
		[FILTER_NE] = FILTER_EQ,
		[FILTER_EQ] = FILTER_NE,
		[FILTER_LT] = FILTER_GE,
		[FILTER_GE] = FILTER_LT,
		[FILTER_LE] = FILTER_GT,
		[FILTER_GT] = FILTER_LE,
	};

	if (t->op == FILTER_ANY)
		return;
	if (t->op != FILTER_MASKED) {
		push(out, (struct filter_test){.op = opposite[t->op], .a = t->a}, lossy);
		return;
	}
	/* the lowest differing bit of the mask: pieces that do not overlap */
	for (unsigned i = 0; i < 64; i++) {
		uint64_t bit = UINT64_C(1) << i, below = bit - 1;

		if (!(t->a & bit))
			continue;
		if (bit >
			LOW_MAX) { /* no such bit on a 32-bit architecture: it would hold always */
			*lossy = true;
			return;
		}
		push(out,
			(struct filter_test){.op = FILTER_MASKED,
				.a = t->a & (below | bit),
				.b = (t->b & below) | (~t->b & bit)},
			lossy);
	}
}

void filter_both(const struct filter_rule *a, const struct filter_rule *b, struct filter_verdict v,
	struct filter_rules *out, bool *lossy)
{
	AUTO_RULES struct filter_rules now = {.v = NULL};
	struct filter_rule start = *a;

	start.verdict = v;
	if (filter_apart(a, b))
		return;
	filter_rules_add(&now, &start, lossy);
	for (unsigned i = 0; i < FILTER_ARGS && !now.failed; i++) {
		AUTO_RULES struct filter_rules next = {.v = NULL};
		struct tests t;

		t.n = 0;
		if (b->arg[i].op == FILTER_ANY)
			continue;
		test_both(&a->arg[i], &b->arg[i], &t, lossy);
		for (unsigned k = 0; k < now.n; k++)
			for (unsigned j = 0; j < t.n; j++) {
				struct filter_rule r = now.v[k];

				r.arg[i] = t.v[j];
				filter_rules_add(&next, &r, lossy);
			}
		next.failed = next.failed || now.failed;
		struct filter_rules old = now;
		now = next;
		next = old;
	}
	for (unsigned k = 0; k < now.n; k++)
		filter_rules_add(out, &now.v[k], lossy);
	out->failed = out->failed || now.failed;
}

/* Append A but not B, in pieces that do not overlap: all tests of B before I hold, I does not. */
static void minus_one(const struct filter_rule *a, const struct filter_rule *b,
	struct filter_rules *out, bool *lossy)
{
	struct filter_rule held = {.verdict = a->verdict};

	if (filter_apart(a, b)) {
		filter_rules_add(out, a, lossy);
		return;
	}
	for (unsigned i = 0; i < FILTER_ARGS; i++) {
		struct tests t;

		t.n = 0;
		test_not(&b->arg[i], &t, lossy);
		for (unsigned k = 0; k < t.n; k++) {
			held.arg[i] = t.v[k];
			filter_both(a, &held, a->verdict, out, lossy);
		}
		held.arg[i] = b->arg[i];
	}
}

/* Drop rules that lie inside another one. */
void filter_absorb(struct filter_rules *l)
{
	bool drop[FILTER_RULES_MAX] = {false};
	unsigned kept = 0;

	for (unsigned i = 0; i < l->n; i++)
		for (unsigned k = 0; k < l->n && !drop[i]; k++)
			drop[i] = k != i && !drop[k] &&
				  filter_verdict_equal(l->v[i].verdict, l->v[k].verdict) &&
				  filter_inside(&l->v[i], &l->v[k]);
	for (unsigned i = 0; i < l->n; i++)
		if (!drop[i])
			l->v[kept++] = l->v[i];
	l->n = kept;
}

void filter_minus(const struct filter_rule *a, const struct filter_rule *b, unsigned n,
	struct filter_verdict v, struct filter_rules *out, bool *lossy)
{
	AUTO_RULES struct filter_rules now = {.v = NULL};
	struct filter_rule start = *a;

	start.verdict = v;
	filter_rules_add(&now, &start, lossy);
	for (unsigned i = 0; i < n && !now.failed; i++) {
		AUTO_RULES struct filter_rules next = {.v = NULL};

		for (unsigned k = 0; k < now.n; k++)
			minus_one(&now.v[k], &b[i], &next, lossy);
		filter_absorb(&next);
		struct filter_rules old = now;
		now = next;
		next = old;
	}
	for (unsigned k = 0; k < now.n; k++)
		filter_rules_add(out, &now.v[k], lossy);
	out->failed = out->failed || now.failed;
}

/* Where A and B part, in the order in which arguments are tested. */
static bool clear_pair(const struct filter_rule *a, const struct filter_rule *b)
{
	unsigned i = 0;

	while (i < FILTER_ARGS && same_test(&a->arg[i], &b->arg[i]))
		i++;
	if (i == FILTER_ARGS || test_apart(&a->arg[i], &b->arg[i]))
		return true;
	for (unsigned k = i; k < FILTER_ARGS; k++)
		if ((k > i && a->arg[k].op != FILTER_ANY) || (k > i && b->arg[k].op != FILTER_ANY))
			return false;
	return a->arg[i].op != FILTER_ANY && b->arg[i].op != FILTER_ANY &&
	       filter_verdict_equal(a->verdict, b->verdict);
}

/* More than one test, and one of them not by equality. */
static bool tangled(const struct filter_rule *r)
{
	unsigned tests = 0, others = 0;

	for (unsigned i = 0; i < FILTER_ARGS; i++) {
		tests += r->arg[i].op != FILTER_ANY;
		others += r->arg[i].op != FILTER_ANY && r->arg[i].op != FILTER_EQ &&
			  r->arg[i].op != FILTER_MASKED;
	}
	return tests > 1 && others;
}

bool filter_clear(const struct filter_rule *v, unsigned n)
{
	for (unsigned i = 0; n > FILTER_TANGLED_MAX && i < n; i++)
		if (tangled(&v[i]))
			return false;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			if (!clear_pair(&v[i], &v[k]))
				return false;
	return true;
}
