/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit - one JSON line for every governed call: who asked for what, and what became of it.
 *
 * The file is opened for each line, so logrotate needs no signal. A line is one write() to an
 * O_APPEND descriptor: lines of several processes do not mix. Each carries its number and the hash of
 * the one before (chain.h). The journal and syslog get the record as well when the node's settings say
 * so. Values of environment variables are not in it (edit_remove_shown).
 *
 * A record is at most CHAIN_LINE_MAX bytes: of a longer one long texts and the middle of the command are cut
 * and the last changes left out, those that refuse last of all; "truncated" counts what is not whole.
 */
#ifndef CINCH_AUDIT_H
#define CINCH_AUDIT_H

#include <signal.h>
#include <time.h>

#include "profiles/node.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/journal.h"

struct audit {
	struct json_doc *doc; /* owns the record */
	struct json *record;
	struct timespec began; /* CLOCK_MONOTONIC */
	const struct journal_sockets *sockets; /* NULL: those of the system */
	struct sigaction at_limit; /* the caller's, of SIGXFSZ */
	bool ignoring;
};

#define AUDIT_INIT                                                                                 \
	{                                                                                          \
		.doc = NULL                                                                        \
	}
#define AUTO_AUDIT __attribute__((cleanup(audit_done)))

/*
 * Begin the record of VERB: its time and the caller. That is uid, euid when it is another, hostUid in a user
 * namespace; loginuid and session, which stay with who logged in through su and sudo; of the parent process
 * pid, program and terminal, and up to eight ancestors' names. All of it is from the kernel, nothing from the
 * environment or anybody's arguments, which may hold secrets. What cannot be read is left out.
 */
int audit_begin(struct audit *a, const char *verb, struct err *e);
/* Add a member; V is made in a->doc. -1 when V is NULL or the memory is out. */
int audit_put(struct audit *a, const char *key, struct json *v);
int audit_put_text(struct audit *a, const char *key, const char *text); /* NULL: nothing is added */
/*
 * Add the duration and append the line to s->audit.path (made 0600, its directory 0700; "": no file),
 * and hand it to journald and syslog when they are asked for. Nothing here waits longer than
 * chain.h says for anybody.
 *
 * When the file cannot be written, the journal or else syslog is told. -1 only when s->audit.required
 * and no place that is asked for has taken the record.
 */
int audit_commit(struct audit *a, const struct settings *s, struct err *e);
void audit_done(struct audit *a);

#endif
