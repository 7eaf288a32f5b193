/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life - whether a container runs, from what its runtime wrote down and from /proc.
 *
 * The runtime's own "state" command would say the same at the cost of a process for each container, and
 * would have to be found by a path out of a record. What is read instead, by descriptor, below ROOT/ID:
 *	runc	state.json: init_process_pid, init_process_start, cgroup_paths (libcontainer/container.go)
 *	crun	status: pid, process-start-time, cgroup-path (src/libcrun/status.c)
 *	both	exec.fifo: there as long as the container was created, but not started
 * A process is the container's when it began when the runtime says: pids are used again.
 */
#ifndef CINCH_LIFE_H
#define CINCH_LIFE_H

#include <limits.h>
#include <stdbool.h>

enum life {
	LIFE_CREATED,
	LIFE_RUNNING,
	LIFE_PAUSED,
	LIFE_STOPPED,
	LIFE_GONE, /* the runtime knows nothing of it (any more) */
	LIFE_UNKNOWN, /* the runtime wrote what is not understood here, or must not be read */
	LIFE_COUNT
};

/* *PID is that of the first process in it; 0 when there is none. */
enum life life_of(const char *root, const char *id, int *pid);
/* Where the runtime has put it: a directory of the cgroup2 hierarchy (runc), or a path in it (crun). False: it does not
 * say. */
bool life_cgroup(const char *root, const char *id, char out[PATH_MAX]);
/* "running" */
const char *life_name(enum life l);

#endif
