/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args - the runtime's command line: parsed once, by one strict grammar, and re-emitted in one
 * canonical form.
 *
 * The readers below us differ. runc up to 1.3 reads with Go's flag package behind a reordering step,
 * runc 1.4 and later with another library, crun with getopt_long: "-bundle X", "-b=X", "--bun X",
 * "--log= X", an option after the id each mean different things to them. A wrapper that judges one
 * bundle while the runtime opens another is no wrapper. So on a governed verb (create, run, restore,
 * exec, update) cinch reads runc's grammar in its unambiguous part:
 *
 *   one dash or two before any whole name; "=" or the next word for the value; a repeated option:
 *   the last one wins (lists collect); booleans bare or "=" 1 t T TRUE true True 0 f F FALSE false
 *   False; "--" ends the options; the first other word ends them, too
 *
 * and refuses by name what any of the readers could take differently: unknown and abbreviated names,
 * empty values, both forms of one option (-b and --bundle), bundled short options, options behind the
 * id, numbers that are not plain decimal. What is left is emitted as "--name value" and bare "--flag"
 * (a lone dash as "--name=-", which early readers took for the first positional) with "--" before the
 * id, which all of them read the same. An option only one runtime knows goes to whichever runtime
 * there is, which then takes or refuses it itself.
 *
 * Refused although a runtime knows them: --config (crun, runc 1.4), because it names another file than
 * the one that was judged, the verb "mounts" (crun 1.20), which mounts into a running container, and, but
 * on update, a path through /dev/fd or /proc/self/fd above 2: the runtime does not inherit it.
 *
 * Every other verb, known or not, and a line without a verb pass byte for byte, without
 * --cinch-profile. The verb is only passed when no reader could find a governed one instead: as soon
 * as something before the verb is not understood (an unknown option may or may not take the next
 * word), or the verb itself is not one we know, the line is refused if any later word is the name
 * of a governed verb, blanks around it not counted (runc 1.4 trims), or is --cinch-profile.
 */
#ifndef CINCH_ARGS_H
#define CINCH_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"

enum args_verb {
	VERB_PASS, /* not governed: the line goes on byte for byte */
	VERB_CREATE,
	VERB_RUN,
	VERB_RESTORE,
	VERB_EXEC,
	VERB_UPDATE,
	VERB_COUNT
};

enum args_opt {
	/* global; ROOT, LOG and LOG_FORMAT are filled for pass-through verbs, too */
	ARG_ROOT,
	ARG_LOG,
	ARG_LOG_FORMAT, /* "text" or "json"; nothing else is accepted on a governed verb */
	ARG_DEBUG,
	ARG_SYSTEMD_CGROUP,
	ARG_ROOTLESS,
	ARG_CRIU,
	ARG_CGROUP_MANAGER, /* crun */
	ARG_LOG_LEVEL, /* crun */
	/* create, run, restore, exec */
	ARG_BUNDLE,
	ARG_PID_FILE,
	ARG_CONSOLE_SOCKET,
	ARG_PIDFD_SOCKET, /* runc 1.2 */
	ARG_PRESERVE_FDS, /* plain decimal, checked */
	ARG_DETACH,
	ARG_KEEP,
	ARG_NO_SUBREAPER,
	ARG_NO_PIVOT,
	ARG_NO_NEW_KEYRING,
	ARG_NO_MOUNT_FALLBACK, /* runc 1.2 */
	/* restore */
	ARG_IMAGE_PATH,
	ARG_WORK_PATH,
	ARG_TCP_ESTABLISHED,
	ARG_EXT_UNIX_SK,
	ARG_SHELL_JOB,
	ARG_FILE_LOCKS,
	ARG_MANAGE_CGROUPS_MODE,
	ARG_EMPTY_NS, /* list */
	ARG_AUTO_DEDUP,
	ARG_LAZY_PAGES,
	ARG_LINK_REMAP,
	ARG_LSM_PROFILE,
	ARG_LSM_MOUNT_CONTEXT,
	/* exec */
	ARG_PROCESS,
	ARG_CWD,
	ARG_ENV, /* list */
	ARG_TTY,
	ARG_USER,
	ARG_ADDITIONAL_GIDS, /* list */
	ARG_CAP, /* list */
	ARG_PROCESS_LABEL,
	ARG_APPARMOR,
	ARG_NO_NEW_PRIVS,
	ARG_CGROUP, /* list */
	ARG_IGNORE_PAUSED,
	/* update; the numbers are plain decimal (memory: bytes; -1 where it means no limit), checked */
	ARG_RESOURCES, /* a path, or "-" for stdin */
	ARG_BLKIO_WEIGHT,
	ARG_CPU_PERIOD,
	ARG_CPU_QUOTA,
	ARG_CPU_BURST,
	ARG_CPU_SHARE,
	ARG_CPU_RT_PERIOD,
	ARG_CPU_RT_RUNTIME,
	ARG_CPU_IDLE,
	ARG_CPUSET_CPUS,
	ARG_CPUSET_MEMS,
	ARG_MEMORY,
	ARG_MEMORY_RESERVATION,
	ARG_MEMORY_SWAP,
	ARG_KERNEL_MEMORY,
	ARG_KERNEL_MEMORY_TCP,
	ARG_PIDS_LIMIT,
	ARG_L3_CACHE_SCHEMA,
	ARG_MEM_BW_SCHEMA,
	ARG_COUNT
};

enum {
	ARGS_ID_MAX = 1024, /* bytes of a container id, as runc */
	ARGS_GIVEN_MAX = 512, /* options on one line, repeated ones of a list included */
};

struct args_given {
	enum args_opt opt;
	const char *value; /* NULL for a boolean; borrowed from argv unless OWNED */
	char *owned;
};

struct args {
	enum args_verb verb;
	const char *verb_name; /* as written; NULL when there is none (--version, no words) */
	const char *profile; /* --cinch-profile, NULL when not given */
	const char *
		unread; /* with VERB_PASS: a word that is not understood, so that any word behind it may
	                     * be the verb; NULL: all are */

	/* governed verbs */
	bool help; /* only help or the version is asked for: args_emit gives "VERB --help", "--help" or
	            * "--version" and nothing else; nothing is to be judged */
	const char *help_word;
	bool help_global;
	const char *id; /* checked: args_id_ok; NULL with help */
	char *const *command; /* exec: the words behind the id, as they are */
	size_t n_command;
	/* in the order of the line; booleans that ended as false are not in */
	struct args_given given[ARGS_GIVEN_MAX];
	size_t n_given;

	char **pass; /* the line without argv[0] and --cinch-profile, for pass-through; owned array */
	size_t n_pass;
};

#define AUTO_ARGS __attribute__((cleanup(args_done)))

/*
 * Read the line (ARGV[0] is the program). *OUT borrows from ARGV, which must stay as it is; end it
 * with args_done. On a refusal (ERR_INPUT, one line that names the word) *OUT still tells what was
 * understood so far: verb, log, log-format and profile, so that the refusal can be written where the
 * caller looks for it; end it as well.
 */
int args_parse(int argc, char *const argv[], struct args *out, struct err *e);
void args_done(struct args *a);

/* The value given last; NULL when not given, or a boolean. */
const char *args_value(const struct args *a, enum args_opt opt);
/* The Ith value (from 0) of a list; NULL behind the last one. */
const char *args_nth(const struct args *a, enum args_opt opt, size_t i);
/* Given at all; for a boolean: given and true. */
bool args_has(const struct args *a, enum args_opt opt);

/* Replace every occurrence of OPT by one with a copy of VALUE (NULL for a boolean: true); before
 * args_emit, when a verb hands another file on than it got. */
int args_set(struct args *a, enum args_opt opt, const char *value, struct err *e);
/* Take OPT out. */
void args_unset(struct args *a, enum args_opt opt);

/*
 * The line for the runtime: ARGV0, then the canonical form of a governed verb, or the same words
 * without --cinch-profile. NULL-terminated; the caller frees the array with free() and nothing in it:
 * the strings belong to A, ARGV and ARGV0. NULL when out of memory.
 */
char **args_emit(const struct args *a, const char *argv0, struct err *e);

/* "create", "--bundle": for messages. */
const char *args_verb_name(enum args_verb v);
/* TEXT is the word NAME to some reader: runc 1.4 takes blanks from around it (unicode's, too: any byte that
 * is not printable ASCII counts as one). */
bool args_word_is(const char *text, const char *name);
const char *args_opt_name(enum args_opt opt);

/* 1 to 1024 bytes of A-Z a-z 0-9 _ + . - and not "." or ".."; the set of runc 1.2 and later (1.1 also
 * lets a comma in, crun everything but '/'). */
int args_id_ok(const char *id, struct err *e);

#endif
