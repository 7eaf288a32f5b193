/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_sweep - records of containers that are gone; shared by shim/state*.c alone.
 */
#ifndef CINCH_STATE_SWEEP_H
#define CINCH_STATE_SWEEP_H

#include "shim/base/err.h"
#include "shim/base/json.h"

enum {
	STATE_NAME_SIZE = 256,
	STATE_YOUNG = 60, /* seconds in which a start may still be on its way */
};

#define STATE_TEMP ".tmp-"

/* Look at eight entries of DIR, the records of ROOT, beginning behind those of the last call. */
void state_sweep_some(int dir, const char *root);
/* Look at all of them. */
int state_sweep_all(int dir, const char *root, struct err *e);

/* Look at the record NAME alone; of a container that is deleted it may be young. */
void state_sweep_deleted(int dir, const char *root, const char *name);

/* The start that wrote the record is still on its way: cinch, or what it became, runs. */
bool state_in_flight(const struct json *record);
/* Whether the runtime has nothing of the id that NAME begins with, LEN bytes, below ROOT. */
bool state_unknown(const char *root, const char *id, size_t len);

/* The record NAME in DIR, its members checked. E->code ENOENT: there is none; ERR_INPUT: damaged. */
int state_load(int dir, const char *name, struct json_doc **out, struct err *e);

#endif
