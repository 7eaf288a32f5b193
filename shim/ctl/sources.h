/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources - the profiles a person edits, for commands that show and check them: shipped ones, those of the
 * directories cinch.json names, and files given on the command line.
 *
 * What is wrong with one file is noted and does not hide the others. Nothing here decides what is applied:
 * build.h does.
 */
#ifndef CINCH_CTL_SOURCES_H
#define CINCH_CTL_SOURCES_H

#include "profiles/catalog.h"
#include "profiles/store.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

#define SOURCES_CONFIG "/etc/cinch/cinch.json"
#define SOURCES_DIR "/etc/cinch/profiles"

struct sources {
	struct catalog *catalog;
	struct strv problems; /* files that could not be taken: "FILE: what" */
	bool unreadable; /* one of them because it could not be read */
};

#define AUTO_SOURCES __attribute__((cleanup(sources_done)))

/* The shipped profiles only. *OUT is the caller's. -1 only when out of memory. */
int sources_init(struct sources *out, struct err *e);
void sources_done(struct sources *s);
/*
 * Add PATH: NAME.json, or a directory with such files, filters below seccomp, and packs. NAMES (may be
 * NULL) gets what was added. -1 when out of memory, and when PATH itself is neither.
 */
int sources_add(struct sources *s, const char *path, struct strv *names, struct err *e);
/* Add the directories of CONFIG (NULL: SOURCES_CONFIG, which may be missing). A name that is there
 * already, and not shipped, stays as it is. -1 only when out of memory. */
int sources_configured(struct sources *s, const char *config, struct err *e);

/*
 * The profile WORD: a name, or with a slash or ".json" a file, which is added. TEXT (may be NULL) gets the
 * flattened text, *OUT (may be NULL) the profile; *NAME, borrowed from S, what it is called.
 */
int sources_profile(struct sources *s, const char *word, const char **name, struct str *text,
	struct profile **out, struct err *e);

#endif
