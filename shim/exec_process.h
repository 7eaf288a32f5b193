/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_process - the process an exec asks for, in whichever form, and the line that hands it on.
 *
 * An exec tells its process in a file (--process) or in options and words behind the id. Both become one
 * document, and the runtime gets that, in the one form that is read alike: read in the sources, runc 1.1 to
 * 1.3 (exec.go) and crun 1.8 (exec.c) ignore all other options of the process, --tty among them, and the
 * words behind the id when --process is given. --console-socket counts with either.
 */
#ifndef CINCH_EXEC_PROCESS_H
#define CINCH_EXEC_PROCESS_H

#include "profiles/profile.h"
#include "shim/args.h"
#include "shim/base/json.h"
#include "shim/report.h"

/*
 * *OUT is the caller's, its root a process object that has passed spec_check.
 *
 * With --process it is the file's: opened once, at most spec_limits, a regular file and itself no symbolic
 * link; nothing blocks. Else the process of config.json in BUNDLE with the options put on top as runc 1.1
 * does, whatever the runtime is: --cwd, --apparmor, --process-label and --user (a group only when it is
 * given) take a member's place, --cap, --env and --additional-gids are added, the terminal is what --tty says
 * and the words are the arguments. (crun begins with an empty process instead: as root, in "/".)
 *
 * ERR_INPUT also for words that are not UTF-8: JSON cannot carry them.
 */
int exec_process_read(
	const struct args *a, const char *bundle, struct json_doc **out, struct err *e);

/*
 * Hold --cgroup to P: "[CONTROLLER,...:]PATH" with a PATH that stays in the container's own cgroup. runc
 * joins the two and compares the beginnings, so that "../ID-2" leads from ID to its neighbour. Denials go to
 * REPORT as those of the control "exec". -1 only when out of memory.
 *
 * Another RUNTIME than runc, which fails when there is no such cgroup, may have "/" alone: crun 1.8 passes
 * over a hierarchy of the first version that lacks PATH, and the process stays in its caller's cgroup there,
 * without the container's limits and devices.
 */
int exec_process_cgroups(const struct args *a, const char *runtime, const struct profile *p,
	struct report *report, struct err *e);

/* Leave of the line what is not the process, with --process PATH. */
int exec_process_line(struct args *a, const char *path, struct err *e);

#endif
