/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one_pass - run a single pass over a small document and compare: tables of cases for one control.
 */
#ifndef CINCH_TESTS_ONE_PASS_H
#define CINCH_TESTS_ONE_PASS_H

#include "profiles/profile.h"
#include "shim/pass.h"
#include "shim/world.h"

struct one_case {
	const char *what;
	const char *in; /* the document; ' stands for " */
	const char *want; /* the result; NULL: as IN */
	const char *deny; /* part of the reason of a denial; NULL: no denial may be there */
};

/*
 * True when PASS makes WANT of IN, with the denial; nothing changed without a record; and a second
 * run changes nothing and denies nothing new. Else NOTES says in TAP's comment lines what differs.
 */
bool one_pass(enum control control, pass_fn *pass, const struct profile *p, const struct world *w,
	const struct one_case *c, struct str *notes);

/* The same of the file at PATH, whatever the changes are, but all must be gone in a second run. */
bool one_pass_file(pass_fn *pass, const struct profile *p, const struct world *w, const char *path,
	const char *deny, struct str *notes);

/* One "ok" line for each case of a table; for programs that include tap.h. */
#define one_pass_all(control, pass, p, w, table)                                                   \
	do {                                                                                       \
		for (size_t i_ = 0; i_ < sizeof(table) / sizeof *(table); i_++) {                  \
			AUTO_STR struct str notes_ = STR_INIT;                                     \
			bool good_ = one_pass(control, pass, p, w, &(table)[i_], &notes_);         \
			ok(good_, "%s: %s", control_name(control), (table)[i_].what);              \
			fputs(str_text(&notes_), stdout);                                          \
		}                                                                                  \
	} while (0)

#endif
