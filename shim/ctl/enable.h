/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable - cinch in an engine's configuration: what would be written (the engines), what is there now,
 * and how it is taken out again.
 *
 * An engine's file is changed in as few places as can be, and each place is kept in a record below
 * ENABLE_STATE. The record is on the disk before the file is replaced, and says what the file was and
 * what it becomes: whatever happens in between, the file is the old or the new one, whole, and the next
 * call knows which.
 */
#ifndef CINCH_CTL_ENABLE_H
#define CINCH_CTL_ENABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "shim/base/err.h"
#include "shim/base/hash.h"
#include "shim/base/str.h"
#include "shim/ctl/splice.h"

#define ENABLE_STATE "/var/lib/cinch/enabled"

/* The runtimes that are offered: the program of that name, beside cinch. */
#define ENABLE_NAME "cinch"
extern const char *const enable_names[]; /* ended by NULL; the first is ENABLE_NAME */

/* ---- one file ---- */

struct enable_text {
	bool there;
	char *text; /* owned; "" when it is not there */
	size_t len;
	struct stat st;
};

void enable_text_done(struct enable_text *t);
/*
 * Read PATH, a regular file that nobody but root (or the caller) can change, nor put another in its
 * place. A symlink is refused: what is managed so is another's to change. No file, and no directory, is no
 * error: t->there is false.
 */
int enable_text_read(const char *path, struct enable_text *t, struct err *e);

/* ---- what an engine wants ---- */

struct enable_ask {
	const char *config; /* the engine's file */
	const char *programs; /* the directory of cinch */
	bool make_default;
	/* What the file OVER has to be taken for, if it is not NULL: our part is taken out of it. */
	const char *over;
	const struct enable_text *over_text;
};

struct enable_plan {
	char *file; /* the one to change: not always ask->config */
	struct enable_text before;
	struct splices splices; /* none: all is there, by somebody else's hand */
	struct strv notes;
	struct str by_hand; /* what to write where, when it is refused */
};

void enable_plan_done(struct enable_plan *p);
/* enable_text_read, or what ASK says the file is to be taken for. */
int enable_read(
	const struct enable_ask *ask, const char *path, struct enable_text *t, struct err *e);
/* What BEFORE becomes, into OUT. */
int enable_after(const struct enable_plan *p, struct str *out, struct err *e);
/* "DIR/NAME"; NULL when out of memory. */
char *enable_beside(const char *path, const char *name);

struct enable_engine {
	const char *name;
	const char *config; /* where its file is */
	const char *reread; /* what makes it read the file; NULL: it always does */
	const char *forget; /* the same when our part is gone */
	/*
	 * What there is to do. -1 with ERR_INPUT: the file is not understood, or what is in it is somebody
	 * else's; the message has file and line, and p->by_hand may say what to do. P is to be done with
	 * in any case.
	 */
	int (*plan)(const struct enable_ask *ask, struct enable_plan *p, struct err *e);
	/* TEXT, in which somebody has edited since, without our part, when splices_cut cannot tell.
	 * NULL: there is no such way. */
	int (*strip)(const char *text, size_t len, const struct splices *s, struct str *out,
		struct err *e);
	/* The engine can read this. */
	int (*check)(const char *text, size_t len, struct err *e);
};

extern const struct enable_engine enable_containerd, enable_docker, enable_podman;
/* By its name; NULL with an error. */
const struct enable_engine *enable_engine(const char *name, struct err *e);

/* ---- the record ---- */

/* One change that was made, or was about to be made. */
struct enable_edit {
	char *file;
	char *config; /* what was asked for, --config or the usual one */
	bool there; /* before */
	bool dir_made;
	bool is_default;
	char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE];
	struct splices splices;
};

enum { ENABLE_EDITS = 2 };

struct enable_record {
	struct enable_edit v[ENABLE_EDITS]; /* the newest first */
	size_t n; /* 0: there is no record */
};

void enable_edit_done(struct enable_edit *v);
void enable_record_done(struct enable_record *r);
/* The record of ENGINE below STATE. One that cannot be read is ERR_INPUT. */
int enable_record_read(
	const char *state, const char *engine, struct enable_record *r, struct err *e);
int enable_record_write(
	const char *state, const char *engine, const struct enable_record *r, struct err *e);
/* With the copy of the file as it was. */
int enable_record_remove(const char *state, const char *engine, struct err *e);
/* That copy, for people; where it is, into PATH when that is not NULL. */
int enable_backup(
	const char *state, const char *engine, const struct enable_text *before, struct err *e);
char *enable_backup_path(const char *state, const char *engine);
/* Make STATE, and wait until nobody else is at work below it. The lock; close it when done. */
int enable_lock(const char *state, struct err *e);

/* ---- what is there now ---- */

enum enable_is {
	ENABLE_OUT, /* nothing of ours is in it */
	ENABLE_IN, /* the very file that was written */
	ENABLE_EDITED, /* our part is in it, and somebody has edited around it */
	ENABLE_ALTERED, /* our part has been altered: WHY */
};

struct enable_now {
	enum enable_is is;
	size_t edit; /* which of the record; when not ENABLE_OUT */
	struct enable_text text; /* the file */
	struct enable_text base; /* without our part; not when ENABLE_ALTERED */
	struct err why;
};

void enable_now_done(struct enable_now *n);
/* -1 only when the file cannot be read or the memory is out. */
int enable_look(const struct enable_engine *engine, const struct enable_record *r,
	struct enable_now *n, struct err *e);

/*
 * Put the bytes where the file is, with the owner and mode of LIKE; LIKE NULL: that of its directory, 0644, or 0600 when it
 * IS_PRIVATE. What a killed one left beside it goes. DIR_MADE not NULL: its directory is made when it is not
 * there, and *DIR_MADE says so.
 */
int enable_write(const char *path, const void *bytes, size_t len, const struct stat *like,
	bool is_private, bool *dir_made, struct err *e);

#endif
