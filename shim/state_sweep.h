/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_sweep - records of containers that are gone; shared by shim/state*.c alone.
 */
#ifndef CINCH_STATE_SWEEP_H
#define CINCH_STATE_SWEEP_H

#include "shim/base/err.h"
#include "shim/base/json.h"

enum { STATE_NAME_SIZE = 256 };

#define STATE_TEMP ".tmp-"

/* Look at eight entries of DIR, the records of ROOT, beginning behind those of the last call. */
void state_sweep_some(int dir, const char *root);
/* Look at all of them. */
int state_sweep_all(int dir, const char *root, struct err *e);

/* Look at the record NAME alone; of a container that is deleted it may be young. */
void state_sweep_deleted(int dir, const char *root, const char *name);

/* The record NAME in DIR, its members checked. E->code ENOENT: there is none; ERR_INPUT: damaged. */
int state_load(int dir, const char *name, struct json_doc **out, struct err *e);

#endif
