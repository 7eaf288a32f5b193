/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - is this node fit for cinch, and is cinch on it as it should be? One check after the other, each with
 * what was found. Nothing is changed, no module loaded, nothing waited for longer than DOCTOR_WAIT_MS.
 */
#ifndef CINCH_CTL_DOCTOR_H
#define CINCH_CTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "profiles/store.h"
#include "shim/base/err.h"
#include "shim/ctl/ctl.h"

enum { DOCTOR_WAIT_MS = 3000 };

enum doctor_severity {
	DOCTOR_OK,
	DOCTOR_NOTE, /* worth knowing, nothing is wrong */
	DOCTOR_WARNING, /* weaker than it could be, or soon to be a problem */
	DOCTOR_PROBLEM, /* containers do not start, or are not held to what they should be */
};

struct doctor_finding {
	enum doctor_severity severity;
	const char *area; /* "kernel", ... */
	char *on, *what; /* owned */
	char *why, *action; /* owned; NULL: nothing to add */
};

struct doctor {
	const char *config, *store, *state, *records; /* NULL: those of this node */
	const char *programs; /* the directory of cinch */
	struct applied applied;
	struct doctor_finding *v;
	size_t n;
	bool failed; /* out of memory */
};

/* One more finding; ON is what it is about, WHY it matters, ACTION what to do (both may be NULL). */
void doctor_say(struct doctor *d, enum doctor_severity s, const char *area, const char *on,
	const char *why, const char *action, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

/* The checks. D->applied is open. */
void doctor_kernel(struct doctor *d);
void doctor_runtime(struct doctor *d);
void doctor_engines(struct doctor *d);
void doctor_policy(struct doctor *d);
void doctor_log(struct doctor *d);
void doctor_records(struct doctor *d);
void doctor_programs(struct doctor *d);
void doctor_network(struct doctor *d);

/* What a runtime's --version (TEXT) or a kernel's release says of known vulnerabilities that cinch cannot
 * stop. KIND is "runc", "crun" or "kernel". */
void doctor_versions(struct doctor *d, const char *kind, const char *on, const char *text);
/*
 * Run "PROGRAM --version" and read what it says, at most SIZE - 1 bytes. -1 when it does not end within
 * DOCTOR_WAIT_MS (it is killed), fails, or says nothing.
 */
int doctor_ask(const char *program, char *out, size_t size, struct err *e);

/* The version that was compiled into the program at PATH; false when it is not cinch. */
bool doctor_cinch_version(const char *path, char *out, size_t size);

#endif
