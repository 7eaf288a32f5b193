/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch_rig - the built program in a world of its own: its real paths, a fake runtime, nothing of the
 * host's.
 *
 * In user and mount namespaces of its own the process is root of an empty /etc, /run, /var/lib and /var/log;
 * the only runtime that can be found is prog_fake_runtime, as /usr/sbin/runc.
 */
#ifndef CINCH_TESTS_LAUNCH_RIG_H
#define CINCH_TESTS_LAUNCH_RIG_H

#include <stdbool.h>

#include "shim/base/json.h"

#define RIG_RUNTIME "/usr/sbin/runc"
#define RIG_AUDIT "/var/log/cinch/audit.jsonl" /* the default place */
#define RIG_STATE "/run/user/cinch" /* $XDG_RUNTIME_DIR is /run/user */

/* Enter it; NULL, or why that cannot be done here. */
const char *launch_world(void);

/* Make the directory BUNDLE (its parents, too) with a root filesystem beside config.json, which is TEXT;
 * root.path must be "rootfs". */
void launch_bundle(const char *bundle, const char *text);
/* The text of a recorded document with root.path "rootfs"; the caller frees it. */
char *launch_sample(const char *name);
/* Make the directory PATH, its parents, too. */
void launch_dir(const char *path);
void launch_write(const char *path, const char *text);
/* NULL when there is none; the caller frees it. */
char *launch_read(const char *path);

struct launched {
	int status; /* exit status; 128 + N when it was killed by signal N (14: it hung) */
	bool started; /* the runtime was */
	char *err; /* stderr */
	struct json_doc
		*record; /* the last line of the audit log that this call wrote; NULL: none */
};

/* Run cinch with the words of LINE, split at blanks, as PROGRAM ("cinch"; NULL is that). */
struct launched launch_run(const char *program, const char *line);
/* The same with stdin from INPUT (a path, opened for reading; NULL: closed). */
struct launched launch_run_with(const char *program, const char *line, const char *input);
/* What the runtime was started with, as prog_fake_runtime wrote it; the caller frees it. */
char *launch_called(void);
/* The document it was handed as /proc/self/fd/N; the caller frees it. NULL: none, or one that could still
 * be changed. */
char *launch_document(void);
void launched_done(struct launched *l);
#define AUTO_LAUNCHED __attribute__((cleanup(launched_done)))

/* The text at POINTER of the record; "" when there is none. */
const char *launched_text(const struct launched *l, const char *pointer);

#endif
