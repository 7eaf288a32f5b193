/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_meet - what two filters both allow.
 *
 * Each filter splits the arguments of a call into the regions of its rules and the rest, which gets
 * the default. Two regions, one of each side, meet in the "and" of their tests, with the stricter
 * verdict. Regions whose verdict comes out the same against everything are kept as they are written,
 * so that a second meeting changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "profiles/filter_set.h"

/* One side's view of a call. A call without rules is one region: everything. */
struct side {
	const struct filter_rule *rules;
	unsigned n;
	bool has_rest;
	struct filter_verdict rest;
	struct filter_rule all;
};

void filter_change_done(struct filter_change *c)
{
	free(c->denied);
	free(c->narrowed);
	free(c->inexact);
	memset(c, 0, sizeof *c);
}

/* The stricter one; where both are of one kind, OURS. */
static struct filter_verdict stricter(struct filter_verdict theirs, struct filter_verdict ours)
{
	return theirs.action > ours.action ? theirs : ours;
}

static void side_init(struct side *s, const struct filter *f, const struct filter_call *c)
{
	*s = (struct side){.rest = f->fallback};
	if (c && c->n) {
		s->rules = c->rules;
		s->n = c->n;
		s->has_rest = true;
		return;
	}
	s->all.verdict = c && c->set ? c->plain : f->fallback;
	s->rules = &s->all;
	s->n = 1;
}

static struct filter_verdict side_strictest(const struct side *s)
{
	struct filter_verdict v = s->has_rest ? s->rest : s->rules[0].verdict;

	for (unsigned i = 0; i < s->n; i++)
		if (s->rules[i].verdict.action > v.action)
			v = s->rules[i].verdict;
	return v;
}

static enum filter_action side_loosest(const struct side *s)
{
	enum filter_action a = s->has_rest ? s->rest.action : s->rules[0].verdict.action;

	for (unsigned i = 0; i < s->n; i++)
		if (s->rules[i].verdict.action < a)
			a = s->rules[i].verdict.action;
	return a;
}

/* True when V meets every region of S in the same verdict, *OUT. V is OURS or theirs. */
static bool uniform(
	struct filter_verdict v, bool ours, const struct side *s, struct filter_verdict *out)
{
	for (unsigned i = 0; i < s->n + s->has_rest; i++) {
		struct filter_verdict other = i < s->n ? s->rules[i].verdict : s->rest;
		struct filter_verdict met = ours ? stricter(other, v) : stricter(v, other);

		if (i && !filter_verdict_equal(met, *out))
			return false;
		*out = met;
	}
	return true;
}

/* The work on one call. */
struct meeting {
	const struct side *theirs, *ours;
	struct filter_verdict fallback; /* of the result */
	struct filter_rules out;
	bool coarse; /* regions that differ from the default in errno alone are left to it */
	bool crowded; /* such regions did not fit */
	bool inexact; /* something looser than the default was left to it */
	bool impossible; /* something stricter than the default could not be said */
};

/* Regions of verdict V need no rule. */
static bool by_default(const struct meeting *m, struct filter_verdict v)
{
	return m->coarse ? v.action == m->fallback.action : filter_verdict_equal(v, m->fallback);
}

/* After a step that gave regions of verdict V. */
static void account(struct meeting *m, struct filter_verdict v, bool lossy)
{
	if (!lossy)
		return;
	if (v.action > m->fallback.action)
		m->impossible = true;
	else if (v.action < m->fallback.action)
		m->inexact = true;
	else
		m->crowded = true;
}

/* Rules of SIDE that meet the other side uniformly: as they are. DONE[i] says which. */
static void keep_uniform(
	struct meeting *m, const struct side *side, const struct side *other, bool ours, bool *done)
{
	for (unsigned i = 0; i < side->n; i++) {
		struct filter_rule r = side->rules[i];
		bool lossy = false;

		done[i] = uniform(side->rules[i].verdict, ours, other, &r.verdict);
		if (!done[i] || by_default(m, r.verdict))
			continue;
		filter_rules_add(&m->out, &r, &lossy);
		account(m, r.verdict, lossy);
	}
}

/* Rules of SIDE that lie inside one rule of the other side meet nothing else: as they are. */
static void keep_inside(
	struct meeting *m, const struct side *side, const struct side *other, bool ours, bool *done)
{
	for (unsigned i = 0; i < side->n; i++)
		for (unsigned k = 0; k < other->n && !done[i]; k++) {
			struct filter_rule r = side->rules[i];
			bool lossy = false;

			if (!filter_inside(&side->rules[i], &other->rules[k]))
				continue;
			done[i] = true;
			r.verdict = ours ? stricter(other->rules[k].verdict, r.verdict)
					 : stricter(r.verdict, other->rules[k].verdict);
			if (by_default(m, r.verdict))
				continue;
			filter_rules_add(&m->out, &r, &lossy);
			account(m, r.verdict, lossy);
		}
}

/* Rules of SIDE not done, against what the other side leaves to its default. */
static void meet_rest(struct meeting *m, const struct side *side, const struct side *other,
	bool ours, const bool *done)
{
	for (unsigned i = 0; other->has_rest && i < side->n; i++) {
		struct filter_verdict mine = side->rules[i].verdict;
		struct filter_verdict v =
			ours ? stricter(other->rest, mine) : stricter(mine, other->rest);
		bool lossy = false;

		if (done[i] || by_default(m, v))
			continue;
		filter_minus(&side->rules[i], other->rules, other->n, v, &m->out, &lossy);
		account(m, v, lossy);
	}
}

/* Is this list one that libseccomp gets right: clear, or as one of the sides wrote it? */
static bool dependable(const struct filter_rules *l, const struct side *s)
{
	bool same = s->n == l->n;

	for (unsigned i = 0; i < l->n; i++) {
		same = same && filter_same_tests(&l->v[i], &s->rules[i]) &&
		       filter_verdict_equal(l->v[i].verdict, l->v[0].verdict);
		for (unsigned k = 0; k < i; k++)
			if (!filter_verdict_equal(l->v[i].verdict, l->v[k].verdict) &&
				!filter_apart(&l->v[i], &l->v[k]))
				return false;
	}
	return same || filter_clear(l->v, l->n);
}

static void meet_regions(struct meeting *m)
{
	bool theirs_done[FILTER_RULES_MAX] = {false}, ours_done[FILTER_RULES_MAX] = {false};

	keep_uniform(m, m->theirs, m->ours, false, theirs_done);
	keep_uniform(m, m->ours, m->theirs, true, ours_done);
	keep_inside(m, m->theirs, m->ours, false, theirs_done);
	keep_inside(m, m->ours, m->theirs, true, ours_done);
	for (unsigned i = 0; i < m->theirs->n; i++)
		for (unsigned k = 0; !theirs_done[i] && k < m->ours->n; k++) {
			struct filter_verdict v =
				stricter(m->theirs->rules[i].verdict, m->ours->rules[k].verdict);
			bool lossy = false;

			if (ours_done[k] || by_default(m, v))
				continue;
			filter_both(&m->theirs->rules[i], &m->ours->rules[k], v, &m->out, &lossy);
			account(m, v, lossy);
		}
	meet_rest(m, m->theirs, m->ours, false, theirs_done);
	meet_rest(m, m->ours, m->theirs, true, ours_done);
	filter_absorb(&m->out);
	if (m->out.n && !dependable(&m->out, m->theirs))
		m->impossible = true;
}

static unsigned first_tested(const struct filter_rule *r)
{
	unsigned i = 0;

	while (i < FILTER_ARGS && r->arg[i].op == FILTER_ANY)
		i++;
	return i;
}

/*
 * The rules of S in pieces that do not overlap, those that test lower arguments first: podman's
 * "socket but for NETLINK_AUDIT" says (0 != 16) or (2 != 9). False when that is not possible.
 */
static bool untangle(const struct side *s, struct filter_rules *out)
{
	bool lossy = false;

	for (unsigned at = 0; at < FILTER_ARGS; at++)
		for (unsigned i = 0; i < s->n; i++) {
			unsigned before = out->n;

			if (first_tested(&s->rules[i]) != at)
				continue;
			filter_minus(
				&s->rules[i], out->v, before, s->rules[i].verdict, out, &lossy);
		}
	return !lossy && !out->failed && filter_clear(out->v, out->n);
}

/* Try to say it in rules: first as it is, then with less regard to errno values. */
static bool say(struct meeting *m, const struct side *theirs, const struct side *ours,
	struct filter_verdict fallback)
{
	AUTO_RULES struct filter_rules pieces = {.v = NULL};
	struct side plain_theirs = *theirs;

	if (theirs->has_rest && ours->has_rest && !filter_clear(theirs->rules, theirs->n)) {
		if (!untangle(theirs, &pieces))
			return false;
		plain_theirs.rules = pieces.v;
		plain_theirs.n = pieces.n;
		theirs = &plain_theirs;
	}
	for (int coarse = 0; coarse < 2; coarse++) {
		filter_rules_done(&m->out);
		*m = (struct meeting){
			.theirs = theirs, .ours = ours, .fallback = fallback, .coarse = coarse};
		meet_regions(m);
		if (m->out.failed || (!m->impossible && !m->crowded))
			return true;
	}
	return !m->impossible;
}

/* No region of OURS is stricter than what THEIRS says there; errno values aside. */
static bool within(const struct side *theirs, const struct side *ours)
{
	for (unsigned i = 0; i < theirs->n + theirs->has_rest; i++) {
		const struct filter_rule *r = i < theirs->n ? &theirs->rules[i] : NULL;
		enum filter_action mine = r ? r->verdict.action : theirs->rest.action;
		bool settled = false, good = !ours->has_rest || ours->rest.action <= mine;

		for (unsigned k = 0; k < ours->n && !settled; k++) {
			bool loose = ours->rules[k].verdict.action <= mine;

			settled = loose && r && filter_inside(r, &ours->rules[k]);
			good &= loose || (r && filter_apart(r, &ours->rules[k]));
		}
		if (!settled && !good)
			return false;
	}
	return true;
}

static int copy_side(const struct side *s, struct filter_verdict fallback, struct filter_call *out)
{
	if (!s->has_rest) {
		out->plain = s->rules[0].verdict;
		out->set = !filter_verdict_equal(out->plain, fallback);
		return 0;
	}
	out->rules = reallocarray(NULL, s->n, sizeof *out->rules);
	if (!out->rules)
		return -1;
	memcpy(out->rules, s->rules, s->n * sizeof *out->rules);
	out->n = out->cap = s->n;
	return 0;
}

/*
 * What a caller's rules may cost, in pairs of rules that meet. Pieces of pieces grow like a power of
 * that: 160 rules for one call, six tests each, kept a start busy for minutes. Docker's default
 * filter spends 130 on all its calls together.
 */
enum { PATIENCE_CALL = 400, PATIENCE = 4000 };

static bool worth_it(const struct side *theirs, const struct side *ours, unsigned *patience)
{
	unsigned pairs = theirs->n * (theirs->n + ours->n);

	if (pairs > PATIENCE_CALL || pairs > *patience)
		return false;
	*patience -= pairs;
	return true;
}

/* Fill OUT (zeroed but for its name). CALM: the caller's default stays. -1: out of memory. */
static int meet_call(const struct side *theirs, const struct side *ours, bool calm,
	struct filter_verdict fallback, unsigned *patience, struct filter_call *out)
{
	static const struct filter_rule all;
	struct meeting m = {.out = {.v = NULL}};

	out->plain = fallback;
	if (!theirs->has_rest && !ours->has_rest) {
		out->plain = stricter(theirs->rules[0].verdict, ours->rules[0].verdict);
		out->set = !filter_verdict_equal(out->plain, fallback);
		return 0;
	}
	/* nothing to take away: a second run must not argue about errno values */
	if (calm && filter_clear(theirs->rules, theirs->n) && within(theirs, ours))
		return copy_side(theirs, fallback, out);
	if (!worth_it(theirs, ours, patience) || !say(&m, theirs, ours, fallback)) {
		out->plain = stricter(side_strictest(theirs), side_strictest(ours));
		out->set = out->inexact = true;
		filter_rules_done(&m.out);
		return 0;
	}
	if (m.out.failed) {
		filter_rules_done(&m.out);
		return -1;
	}
	out->inexact = m.inexact;
	for (unsigned i = 0; i < m.out.n; i++)
		if (filter_same_tests(&m.out.v[i], &all)) {
			out->plain = m.out.v[i].verdict;
			out->set = true;
			filter_rules_done(&m.out);
			return 0;
		}
	out->rules = m.out.v;
	out->n = m.out.n;
	out->cap = m.out.cap;
	return 0;
}

/*
 * On 32-bit x86 the calls below are also reached through one multiplexed call, and libseccomp makes
 * a rule for it of each rule of theirs, without the test of the first argument. A rule of its own
 * for the multiplexed call, without tests, wins over those.
 */
static const char *const socket_family[] = {"socket", "bind", "connect", "listen", "accept",
	"getsockname", "getpeername", "socketpair", "send", "recv", "sendto", "recvfrom",
	"shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg",
	"sendmmsg", NULL};
static const char *const ipc_family[] = {"semop", "semget", "semctl", "semtimedop", "msgsnd",
	"msgrcv", "msgget", "msgctl", "shmat", "shmdt", "shmget", "shmctl", NULL};

/* Is there a rule of its own, and does it take anything away? */
static bool speaks(const struct filter_call *c, bool *limits)
{
	bool set = c && (c->set || c->n);

	*limits = set && (c->n || c->plain.action != FILTER_ALLOW);
	return set;
}

/* The strictest verdict F has for NAME. */
static struct filter_verdict strictest_of(const struct filter *f, const char *name)
{
	struct side s;

	side_init(&s, f, filter_find(f, name));
	return side_strictest(&s);
}

/* A verdict at least as strict as *V that is not the default, which libseccomp would skip. */
static bool other_than(struct filter_verdict fallback, struct filter_verdict *v)
{
	if (!filter_verdict_equal(*v, fallback))
		return true;
	switch (v->action) {
	case FILTER_ERRNO:
		v->data = v->data == 1 ? 38 : 1;
		return true;
	case FILTER_TRAP:
		v->action = FILTER_KILL_THREAD;
		return true;
	case FILTER_KILL_THREAD:
		v->action = FILTER_KILL_PROCESS;
		return true;
	default:
		return false;
	}
}

static void drop_arch(struct filter *f, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n_arches; i++)
		if (strcmp(f->arches[i], name) != 0)
			f->arches[kept++] = f->arches[i];
	f->n_arches = kept;
}

static int meet_multiplexed(const struct filter *caller, const struct filter *ours,
	struct filter *out, const char *name, const char *const *family)
{
	const struct filter_call *met = filter_find(out, name);
	bool theirs_limits, mine_limits, tested = false;
	bool theirs_speaks = speaks(filter_find(caller, name), &theirs_limits);
	bool mine_speaks = speaks(filter_find(ours, name), &mine_limits);
	struct filter_verdict v = {FILTER_ERRNO, 1};

	for (size_t i = 0; family[i]; i++) {
		const struct filter_call *c = filter_find(out, family[i]);

		tested |= c && c->n;
	}
	if (!theirs_limits && !mine_limits && !tested) {
		/* one side allows, the other leaves it to the members: so does the result */
		for (size_t i = 0; theirs_speaks != mine_speaks && i < out->n; i++)
			if (&out->calls[i] == met)
				out->calls[i].set = false;
		return 0;
	}
	v = stricter(strictest_of(caller, name), stricter(strictest_of(ours, name), v));
	for (size_t i = 0; family[i]; i++)
		v = stricter(strictest_of(caller, family[i]), v);
	if (!other_than(out->fallback, &v))
		drop_arch(out, "SCMP_ARCH_X86");
	return filter_set(out, met ? met->name : name, v);
}

/* Same meaning as CALLER's own call? */
static bool same_call(const struct filter *caller, const struct filter_call *theirs,
	const struct filter *out, const struct filter_call *met)
{
	struct side a, b;

	side_init(&a, caller, theirs);
	side_init(&b, out, met);
	if ((theirs && theirs->inexact) || a.n != b.n || a.has_rest != b.has_rest)
		return false;
	if (!(theirs && (theirs->set || theirs->n)) && !(met && (met->set || met->n)))
		return true; /* both leave it to the default, which is compared by itself */
	for (unsigned i = 0; i < a.n; i++) {
		bool found = false;

		for (unsigned k = 0; k < b.n && !found; k++)
			found = filter_verdict_equal(a.rules[i].verdict, b.rules[k].verdict) &&
				filter_same_tests(&a.rules[i], &b.rules[k]);
		if (!found)
			return false;
	}
	return true;
}

static int describe(const struct filter *caller, const struct filter *out, struct filter_change *ch)
{
	ch->denied = calloc(out->n + 1, sizeof *ch->denied);
	ch->narrowed = calloc(out->n + 1, sizeof *ch->narrowed);
	ch->inexact = calloc(out->n + 1, sizeof *ch->inexact);
	if (!ch->denied || !ch->narrowed || !ch->inexact)
		return -1;
	ch->fallback = !filter_verdict_equal(caller->fallback, out->fallback);
	ch->arches = caller->n_arches != out->n_arches;
	ch->changed = ch->fallback || ch->arches;
	for (size_t i = 0; i < out->n; i++) {
		const struct filter_call *met = &out->calls[i];
		const struct filter_call *theirs = filter_find(caller, met->name);
		struct side a, b;

		if (met->inexact || (theirs && theirs->inexact))
			ch->inexact[ch->n_inexact++] = met->name;
		if (same_call(caller, theirs, out, met))
			continue;
		ch->changed = true;
		side_init(&a, caller, theirs);
		side_init(&b, out, met);
		if (side_loosest(&a) >= FILTER_ERRNO)
			continue; /* denied before, in another way */
		if (!met->set && !met->n && strcmp(met->name, "ipc") == 0)
			continue; /* follows its members */
		if (side_loosest(&b) >= FILTER_ERRNO)
			ch->denied[ch->n_denied++] = met->name;
		else
			ch->narrowed[ch->n_narrowed++] = met->name;
	}
	return 0;
}

static int meet_all(const struct filter *caller, const struct filter *ours, struct filter *out)
{
	bool calm = filter_verdict_equal(caller->fallback, out->fallback);
	unsigned patience = PATIENCE;

	for (size_t i = 0; i < caller->n + ours->n; i++) {
		bool first = i < caller->n;
		const struct filter_call *c =
			first ? &caller->calls[i] : &ours->calls[i - caller->n];
		const struct filter_call *theirs = first ? c : NULL;
		const struct filter_call *mine = first ? filter_find(ours, c->name) : c;
		struct filter_call met = {.name = c->name};
		struct side a, b;

		if (!first && filter_find(caller, c->name))
			continue;
		side_init(&a, caller, theirs);
		side_init(&b, ours, mine);
		if (meet_call(&a, &b, calm, out->fallback, &patience, &met) < 0)
			return -1;
		if (!first && !met.set && !met.n)
			continue; /* named by ours alone, and gets the default */
		if (filter_set(out, c->name, met.plain) < 0) {
			free(met.rules);
			return -1;
		}
		out->calls[out->n - 1] = met;
	}
	return 0;
}

int filter_meet(const struct filter *caller, const struct filter *ours, struct filter *out,
	struct filter_change *change, struct err *e)
{
	out->fallback = stricter(caller->fallback, ours->fallback);
	for (size_t i = 0; i < caller->n_arches; i++)
		for (size_t k = 0; k < ours->n_arches; k++)
			if (strcmp(caller->arches[i], ours->arches[k]) == 0)
				out->arches[out->n_arches++] = caller->arches[i];
	if (meet_all(caller, ours, out) < 0 ||
		meet_multiplexed(caller, ours, out, "socketcall", socket_family) < 0 ||
		meet_multiplexed(caller, ours, out, "ipc", ipc_family) < 0 ||
		describe(caller, out, change) < 0)
		return err_nomem(e);
	return 0;
}
