/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update_resources - what an update asks for, as one document, whichever way it was said.
 */
#ifndef CINCH_UPDATE_RESOURCES_H
#define CINCH_UPDATE_RESOURCES_H

#include "shim/args.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

/*
 * Read what A (an update) asks for: the file of --resources, or stdin for "-", else the options that set
 * one limit each, as the runtimes write them down for themselves. *OUT is the caller's; its root is
 * {"linux": {"resources": {...}}}.
 *
 * With --resources both runtimes pay no heed to the other options, and so they are not looked at. The
 * file is opened once and must be a regular one (a FIFO would hang us); it and stdin are read up to
 * spec_limits, and judged as strictly as a config.json. ERR_INPUT says what is wrong.
 */
int update_resources_read(const struct args *a, struct json_doc **out, struct err *e);
/* Replace the options update_resources_read has looked at, or would have, by --resources FILE. Those of cache and
 * memory bandwidth stay, which no such document can say. */
int update_resources_hand_on(struct args *a, const char *file, struct err *e);

#endif
