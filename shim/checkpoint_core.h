/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_core - one image of a checkpoint against one profile; for checkpoint.c alone.
 */
#ifndef CINCH_CHECKPOINT_CORE_H
#define CINCH_CHECKPOINT_CORE_H

#include "shim/checkpoint.h"
#include "shim/criu.h"

enum checkpoint_kind { /* what may be more than allowed */
	KIND_FORM,
	KIND_LAZY,
	KIND_ROOT,
	KIND_ID,
	KIND_MAP,
	KIND_NAMESPACE,
	KIND_CAPS,
	KIND_SECUREBITS,
	KIND_NO_NEW_PRIVS,
	KIND_SECCOMP,
	KIND_LABEL,
	KIND_RLIMIT,
	KIND_OOM,
	KIND_SCHEDULING,
	KINDS
};

enum { WHAT_MAX = 200, NAME_SHOWN = 64 };

struct checkpoint_finding {
	size_t n; /* images it was found in */
	char image[NAME_SHOWN]; /* the first */
	char what[WHAT_MAX]; /* in that one */
};

/* One profile, what it and the configuration allow, and what was found beyond that. */
struct checkpoint_judge {
	const struct checkpoint_ask *ask;
	const struct profile *p;
	unsigned own; /* namespaces (bits of enum criu_ns) that must not be the node's */
	uint64_t caps[CRIU_CAPS];
	bool no_new_privs, filter;
	uint64_t floor; /* calls the configuration's filter denies (checkpoint_filter.h) */
	const char *label; /* NULL: none is asked for */
	uint64_t rlimits[CRIU_RLIMITS_MAX]; /* hard; UINT64_MAX: not limited here */
	int nice; /* what a start would inherit, if that is below 0 */
	uint64_t more[CRIU_CAPS]; /* all that was found beyond CAPS */
	struct checkpoint_finding found[KINDS];
	bool failed; /* out of memory: something may be missing in FOUND */
};

/* What each filter of seccomp.img denies, with those before it. */
struct checkpoint_filters {
	uint64_t *denied; /* owned by who scans */
	size_t n;
};

/* What P and the configuration of ASK allow; nothing is found yet. */
void checkpoint_bound(
	struct checkpoint_judge *j, const struct checkpoint_ask *ask, const struct profile *p);
/* IMAGE has too much of KIND; what that is is kept of the first one. */
void checkpoint_note(struct checkpoint_judge *j, enum checkpoint_kind kind, const char *image,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Note what C, read from IMAGE, has beyond what is allowed. */
void checkpoint_core(struct checkpoint_judge *j, const char *image, const struct criu_core *c,
	const struct checkpoint_filters *filters);
/* The process of IMAGE was in the namespaces OF, where the host's were HOST. */
void checkpoint_namespaces(struct checkpoint_judge *j, const char *image,
	const struct criu_namespaces *of, const struct criu_namespaces *host);
void checkpoint_maps(struct checkpoint_judge *j, const char *image, const struct criu_userns *maps);

#endif
