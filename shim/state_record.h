/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_record - the text of a record; shared by shim/state*.c alone.
 */
#ifndef CINCH_STATE_RECORD_H
#define CINCH_STATE_RECORD_H

#include "shim/base/str.h"
#include "shim/state.h"
#include "shim/state_sweep.h"

enum {
	STATE_VERSION = 2,
	/* bytes: what a container brings (its PATH, its mappings) is the engine's word and may be long */
	STATE_RECORD_MAX = 256 * 1024,
	STATE_NETWORK_MAX =
		4 << 20, /* of one with rules of the network: two profiles' peers, as written */
};

/* The record of F below ROOT, appended to OUT. ERR_INPUT when it is longer than STATE_RECORD_MAX;
 * with f->network, STATE_NETWORK_MAX. */
int state_record(const struct state_facts *f, const char *root, struct str *out, struct err *e);

/* The directory of the records of ROOT (as for state_forget) in DIR; OWN is where that root is, NAME what ID's record
 * is called in it. -1: there is none. */
int state_open(const char *dir, const char *root, const char *id, char own[PATH_MAX],
	char name[STATE_NAME_SIZE]);
/* The lock under which records are replaced; it goes with FD. */
int state_lock(int fd, struct err *e);
/* NAME in DIR is TEXT from now on, or as it was. */
int state_replace(int dir, const char *name, const struct str *text, struct err *e);

/* TEXT below BASE as a shell's cd would name it. */
int state_absolute(const char *base, const char *text, char out[PATH_MAX], struct err *e);

#endif
