/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - what cinch decided for a container, kept while it lives: /run/cinch/<root-hash>/<id>.json.
 *
 * Written before the runtime is started, 0600. Nothing in it is the container's word. It is what exec
 * will be held to, and what cinchctl ps shows.
 */
#ifndef CINCH_STATE_H
#define CINCH_STATE_H

#include "profiles/node.h"
#include "shim/engine.h"
#include "shim/select.h"

#define STATE_DIR "/run/cinch"

struct state_facts { /* borrowed */
	const char *runtime, *root; /* --root; NULL: the runtime's default */
	const char *id, *bundle;
	const struct engine *engine;
	const struct selection *profiles;
	bool enforced; /* false: nothing of it was, the node or the profile is in audit mode */
};

/* Write the record, atomically; of the same id the old one is replaced. Removes a few records whose
 * containers are gone on the way. */
int state_write(const char *dir, const struct state_facts *f, struct err *e);
/* Forget ID of ROOT; quiet when there is nothing. */
void state_forget(const char *dir, const char *root, const char *id);
/* The record as a document; *OUT NULL with 0: there is none. ERR_INPUT when it is damaged. */
int state_read(
	const char *dir, const char *root, const char *id, struct json_doc **out, struct err *e);
/* Calls FN with every whole record; names of damaged ones go to BAD. Stops when FN returns -1. */
int state_each(const char *dir, int (*fn)(const struct json *record, void *arg, struct err *e),
	void *arg, struct strv *bad, struct err *e);

#endif
