/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu - read what matters of CRIU's image files: with which rights each process would come back.
 *
 * A file is three numbers of 32 bits in the machine's order (the magic all images share, the one of its
 * kind, the size of what follows) and one protobuf message. Source: criu/include/magic.h and
 * images/{core,creds,inventory,userns,seccomp,rlimit}.proto of CRIU up to 4.1. Images of the older form, whose first
 * number is that of their kind (inventory.img says img_version 1), are refused, and CRIU that reads the one
 * form refuses the other.
 *
 * Two readers of one file must not differ. What protobuf readers resolve by a rule of theirs is refused: a
 * member that stands twice where one belongs, a number beyond its type, a list of numbers in packed form, a
 * group, bytes behind the message; and in the credentials every member that is not known here.
 */
#ifndef CINCH_CRIU_H
#define CINCH_CRIU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/err.h"

enum {
	CRIU_IMAGE_MAX =
		1 << 20, /* bytes of an image that is read; a core image has a few thousand */
	CRIU_SECCOMP_MAX = 16 << 20, /* of seccomp.img: processes may have filters of their own */
	CRIU_FILTERS_MAX = 65536,
	CRIU_GROUPS_MAX = 65536, /* NGROUPS_MAX */
	CRIU_RLIMITS_MAX = 32,
	CRIU_EXTENTS_MAX = 340, /* of one map of ids: user_namespaces(7) */
};

enum criu_id {
	CRIU_UID,
	CRIU_GID,
	CRIU_EUID,
	CRIU_EGID,
	CRIU_SUID,
	CRIU_SGID,
	CRIU_FSUID,
	CRIU_FSGID,
	CRIU_IDS
};

enum criu_caps {
	CRIU_INHERITABLE,
	CRIU_PERMITTED,
	CRIU_EFFECTIVE,
	CRIU_BOUNDING,
	CRIU_AMBIENT,
	CRIU_CAPS
};

/* One core image: a process, or a thread of one. */
struct criu_core {
	bool thread; /* not the first of its process, whose namespaces are also its own */
	bool dead; /* a zombie: it has an exit status to hand over and no rights; the rest is 0 */
	uint32_t ids[CRIU_IDS];
	uint32_t *groups; /* owned */
	size_t n_groups;
	uint64_t caps[CRIU_CAPS];
	uint32_t securebits;
	bool no_new_privs; /* false also for what CRIU before 3.19 wrote, which did not keep it */
	uint32_t seccomp_mode; /* SECCOMP_MODE_*; 0: none */
	bool has_filter;
	uint32_t filter; /* its number in seccomp.img */
	const char *label; /* LABEL_LEN bytes of the image, not NUL-terminated; NULL: none */
	size_t label_len;
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	/* Of a process, not of a thread: */
	struct {
		uint64_t soft, hard;
	} rlimits[CRIU_RLIMITS_MAX]; /* by RLIMIT_*; UINT64_MAX: none */
	size_t n_rlimits;
	bool has_oom;
	int32_t oom;
};

#define AUTO_CRIU_CORE __attribute__((cleanup(criu_core_done)))

/* A core image. OUT is zeroed first and ended by criu_core_done in every case; it borrows from BYTES.
 * ERR_INPUT says what is wrong with it, without its name. */
int criu_core_read(const void *bytes, size_t len, struct criu_core *out, struct err *e);
void criu_core_done(struct criu_core *c);

struct criu_extent {
	uint32_t inside, outside, count;
};

struct criu_userns {
	struct criu_extent uids[CRIU_EXTENTS_MAX], gids[CRIU_EXTENTS_MAX];
	size_t n_uids, n_gids;
};

/* Which namespaces a process was in, as numbers that mean something in this set of images alone; 0: it is
 * not said. CRIU makes a new one where the number is not that of the host the dump was made on, and leaves the
 * process in its own, the node's, where it is. */
enum criu_ns {
	CRIU_NS_PID,
	CRIU_NS_NETWORK,
	CRIU_NS_IPC,
	CRIU_NS_UTS,
	CRIU_NS_MOUNT,
	CRIU_NS_USER,
	CRIU_NS_CGROUP,
	CRIU_NS_TIME,
	CRIU_NAMESPACES
};

struct criu_namespaces {
	uint32_t id[CRIU_NAMESPACES];
};

/* An ids image: those of one process. */
int criu_ids_read(const void *bytes, size_t len, struct criu_namespaces *out, struct err *e);
/* inventory.img: those of the host. The other images are in the form this reads. */
int criu_inventory_read(const void *bytes, size_t len, struct criu_namespaces *out, struct err *e);

/* One filter of seccomp.img; a process has it and those before it. */
struct criu_filter {
	const uint8_t *code; /* of the image: INSNS times struct sock_filter, not aligned */
	size_t insns; /* 1 to BPF_MAXINSNS */
	bool has_before;
	uint32_t before; /* a lower number */
};

struct criu_filters {
	struct criu_filter *v; /* owned */
	size_t n;
};

#define AUTO_CRIU_FILTERS __attribute__((cleanup(criu_filters_done)))

/* seccomp.img; OUT as of criu_core_read. */
int criu_filters_read(const void *bytes, size_t len, struct criu_filters *out, struct err *e);
void criu_filters_done(struct criu_filters *f);

/* A userns image: the maps of a user namespace that is made anew. */
int criu_userns_read(const void *bytes, size_t len, struct criu_userns *out, struct err *e);

#endif
