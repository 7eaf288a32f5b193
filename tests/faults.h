/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults - run something in a child and make exactly one of its system calls fail, or kill it right
 * before that call; whatever the call is. By ptrace, so nothing has to be linked differently.
 */
#ifndef CINCH_TESTS_FAULTS_H
#define CINCH_TESTS_FAULTS_H

#include <stdbool.h>

enum {
	FAULT_KILL = -1,
	FAULT_SHORT = -2
}; /* besides errno values; SHORT: write() takes one byte */

struct faults_run {
	bool ended; /* the child has come to its end by itself: STATUS is its exit status */
	int status;
	bool hit; /* the call was reached and the fault made */
	long call; /* its number in the kernel's table */
};

/* Tracing works here; else the reason is in *WHY. */
bool faults_work(const char **why);
/* FN(ARG) in a child, its result is the exit status; FAULT at its call number AT, counted from 1; 0: none.
 * Under a sanitizer, calls it cannot live without do not fail. Exits the test when tracing breaks. */
struct faults_run faults_run(int (*fn)(void *arg), void *arg, unsigned at, int fault);

#endif
