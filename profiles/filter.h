/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - an OCI seccomp object as a table of calls; read, intersect, write.
 *
 * The meaning given to an object is what runc and crun make of it with libseccomp (runtime-spec,
 * config-linux.md#seccomp, leaves it open):
 *  - a rule whose action equals the default is skipped;
 *  - two tests of one argument in one rule are two rules: "or", not "and";
 *  - the first rule of a call without tests wins over all others of that call, wherever they stand;
 *  - a call whose rules overlap with different actions depends on the library: here it gets the
 *    strictest of its actions, and is counted as not expressible;
 *  - 32-bit architectures see the low half of every value.
 *
 * Knows names only, no numbers: what the machine does with a name is sysset.h.
 */
#ifndef CINCH_PROFILES_FILTER_H
#define CINCH_PROFILES_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"
#include "shim/base/json.h"

/* What the kernel does, in its order: the later one wins where several filters judge one call. */
enum filter_action {
	FILTER_ALLOW,
	FILTER_LOG,
	FILTER_TRACE,
	FILTER_NOTIFY, /* the agent at listenerPath decides */
	FILTER_ERRNO,
	FILTER_TRAP,
	FILTER_KILL_THREAD,
	FILTER_KILL_PROCESS,
};

struct filter_verdict {
	enum filter_action action;
	uint16_t data; /* errno of ERRNO and TRACE, else 0 */
};

enum filter_op {
	FILTER_ANY, /* no test */
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_EQ,
	FILTER_GE,
	FILTER_GT,
	FILTER_MASKED, /* (argument & a) == b */
};

struct filter_test {
	enum filter_op op;
	uint64_t a, b;
};

enum { FILTER_ARGS = 6, FILTER_RULES_MAX = 160, FILTER_CALLS_MAX = 4096 };

struct filter_rule { /* holds when all tests hold */
	struct filter_verdict verdict;
	struct filter_test arg[FILTER_ARGS];
};

/* One call. Without rules PLAIN decides; with rules the default decides where none holds. Rules with
 * different verdicts never overlap. */
struct filter_call {
	const char *name; /* borrowed from the document it was read from */
	struct filter_verdict plain;
	struct filter_rule *rules;
	unsigned n, cap;
	bool set; /* a rule without tests was seen: PLAIN; else PLAIN is the default */
	bool inexact; /* judged more strictly than the object says */
};

enum { FILTER_ARCHES = 24 };

struct filter {
	struct filter_verdict fallback; /* of calls and arguments nothing is said about */
	const char *arches[FILTER_ARCHES]; /* SCMP_ARCH_X; none: the native one alone */
	size_t n_arches;
	struct filter_call *calls; /* in order of first appearance */
	size_t n, cap;
	uint32_t *index; /* hash table: place in calls + 1 */
	size_t index_cap; /* a power of two */
};

#define AUTO_FILTER __attribute__((cleanup(filter_done)))
#define FILTER_INIT                                                                                \
	{                                                                                          \
		.n = 0                                                                             \
	}

void filter_done(struct filter *f);

/*
 * Read the linux.seccomp OBJECT into the zeroed F, which borrows its strings. -1 and ERR_INPUT when a
 * runtime would refuse it: unknown action, operator or architecture, argument index above 5, ...
 */
int filter_read(const struct json *object, struct filter *f, struct err *e);

/* The call NAME; NULL when nothing is said about it. */
const struct filter_call *filter_find(const struct filter *f, const char *name);
/* NAME gets V for all arguments, whatever was said before. NAME is borrowed. -1: out of memory. */
int filter_set(struct filter *f, const char *name, struct filter_verdict v);
/* The architectures of the machine this was built for: NULL-terminated. */
const char *const *filter_native_arches(void);
/* Give F the architectures in NAMES (NULL-terminated, borrowed), at most FILTER_ARCHES. */
void filter_set_arches(struct filter *f, const char *const *names);

/* How the two differ, for a report. */
struct filter_change {
	const char **denied; /* calls the caller allows and the result never does; borrowed names */
	size_t n_denied;
	const char **narrowed; /* calls now limited by argument, or that fail differently */
	size_t n_narrowed;
	const char **inexact; /* judged more strictly than either filter asks */
	size_t n_inexact;
	bool fallback; /* the default action is stricter */
	bool arches; /* fewer architectures */
	bool changed; /* anything at all */
};

void filter_change_done(struct filter_change *c);
#define AUTO_FILTER_CHANGE __attribute__((cleanup(filter_change_done)))

/*
 * *OUT (zeroed) is what both CALLER and OURS allow; it borrows names from both. Where both deny with
 * an errno, it is ours. Never more permissive than either, on every architecture and in the order of
 * filter_action; exact but for the calls CHANGE lists as inexact. When CHANGE.changed is false the
 * result means what CALLER means. -1: out of memory.
 */
int filter_meet(const struct filter *caller, const struct filter *ours, struct filter *out,
	struct filter_change *change, struct err *e);

/* F as an OCI object made in DOC, valid for runc and crun; NULL when out of memory. */
struct json *filter_write(const struct filter *f, struct json_doc *doc);

#endif
