/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_rig - one process document through tighten_process(), with every promise of an exec checked.
 */
#ifndef CINCH_TESTS_EXEC_RIG_H
#define CINCH_TESTS_EXEC_RIG_H

#include "profiles/profile.h"
#include "shim/base/json.h"
#include "shim/report.h"
#include "shim/world.h"

/* A container that runs: its record and the profile it was started under, both as state.h keeps them. */
struct exec_box {
	char name[64]; /* of the document it was made of */
	struct json_doc *record;
	struct profile *p;
};

/* Make it of CONFIG (a config.json, which is not changed) under P. False when P refuses it. */
bool exec_box_make(struct exec_box *box, const char *name, const struct json *config,
	const struct profile *p, const struct world *w);
void exec_box_done(struct exec_box *box);

struct exec_rig {
	bool accepted;
	struct json_doc *in, *doc; /* process objects; NULL when it is none */
	struct report report;
	struct err e; /* why it was refused */
	struct strv bad; /* promises that were broken, in words */
};

/*
 * Parse TEXT as exec does, tighten it for a process of BOX under each of the N profiles in order, and judge:
 * a refusal is ERR_INPUT or ERR_DENIED with its reasons; a result has no more than was asked for
 * (ratchet_exec) nor than any of the profiles that are enforced gives (ceiling_exec); it is valid; once more changes nothing,
 * byte for byte; nothing changed without a record. W's running is BOX's while it lasts.
 */
void exec_rig_run(struct exec_rig *r, const char *text, size_t len, const struct exec_box *box,
	struct profile *const *p, size_t n, struct world *w);
void exec_rig_done(struct exec_rig *r);
#define AUTO_EXEC_RIG __attribute__((cleanup(exec_rig_done)))

#endif
