/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - what a container may have at most, as one struct; read from JSON with comments.
 *
 * A profile knows nothing of bundles or engines. Every member is a ceiling: the passes intersect it
 * with what was asked. profile_parse fills defaults so that a member left out is the strict choice.
 */
#ifndef CINCH_PROFILES_PROFILE_H
#define CINCH_PROFILES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiles/control.h"
#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

enum profile_mode { PROFILE_ENFORCE, PROFILE_AUDIT, PROFILE_LEARN };

/* What happens to a process that would run as uid 0 (or with gid 0). */
enum root_policy { ROOT_DENY, ROOT_REMAP, ROOT_ALLOW };

/* How the credentials found in the environment are treated. */
enum secret_policy { SECRETS_IGNORE, SECRETS_WARN, SECRETS_DENY };

/* Namespace types, in runtime-spec's names; bit masks are 1u << NS_X. */
enum ns_type {
	NS_MOUNT,
	NS_PID,
	NS_NETWORK,
	NS_IPC,
	NS_UTS,
	NS_CGROUP,
	NS_USER,
	NS_TIME,
	NS_COUNT
};

struct writable_path { /* a tmpfs over the read-only root filesystem */
	char *path; /* absolute, canonical */
	uint64_t size; /* bytes; 0: no limit of ours */
	bool exec; /* false: noexec */
	bool copy_up; /* runc's tmpcopyup: begin with what the image has there */
};

struct device_rule { /* beyond the OCI default set */
	char *path; /* absolute, "/dev/fuse" */
	char type; /* 'c' or 'b' */
	int64_t major, minor; /* -1: any */
	char access[4]; /* subset of "rwm" */
};

/* Options of the runtime's command line that weaken what holds a container; bit masks are 1u << FLAG_X. */
enum profile_flag {
	FLAG_NO_PIVOT, /* "--no-pivot": chroot in place of pivot_root; the old root stays reachable */
	FLAG_NO_NEW_KEYRING, /* "--no-new-keyring": the engine's session keyring is shared */
	FLAG_IGNORE_PAUSED, /* "--ignore-paused": exec into a paused container */
	FLAG_ROOTLESS, /* "--rootless": root's cgroup errors are ignored, and limits with them */
	FLAG_CGROUP_MANAGER, /* "--cgroup-manager": crun's "disabled" is a container without limits */
	FLAG_MANAGE_CGROUPS_MODE, /* "--manage-cgroups-mode": restore into cgroups of the image's choice */
	FLAG_LSM_PROFILE, /* "--lsm-profile", "--lsm-mount-context": restore under another label */
	FLAG_COUNT
};

struct rlimit_ceiling {
	char *type; /* "RLIMIT_CORE" */
	uint64_t max;
};

struct profile {
	char *name, *version, *description;
	enum profile_mode mode;
	unsigned audit; /* 1u << CONTROL_X: this control only reports */
	unsigned line[CONTROL_COUNT]; /* where the profile speaks of it; 0: by default */
	char *said_by[CONTROL_COUNT]; /* the parent whose line it is; NULL: this profile */
	char digest[65]; /* lower-case hex SHA-256 of the text */

	uint64_t capabilities; /* bit n: capability number n may be kept */
	struct {
		enum root_policy root;
		uint32_t uid, gid; /* what root is remapped to; never 0 */
		uint32_t *groups; /* supplementary groups of a remapped user */
		size_t n_groups;
	} user;
	bool no_new_privileges;
	struct {
		bool readonly;
		struct writable_path *writable;
		size_t n_writable;
	} rootfs;
	struct {
		struct strv allow, deny; /* globs over the resolved source path; deny wins */
		bool nosuid, nodev, noexec; /* added to every writable bind and tmpfs */
	} mounts;
	struct {
		unsigned host; /* may be the host's */
		unsigned add; /* when missing: make a new one; else missing is refused */
	} namespaces;
	struct device_rule *devices;
	size_t n_devices;
	struct {
		bool unconfined; /* the profile brings no filter of its own */
		char *profile; /* name under library/seccomp: "default" */
		struct strv deny; /* syscall names on top: EPERM */
		struct strv allow; /* added to the named filter, never to the caller's */
	} seccomp;
	struct {
		struct strv masked, readonly; /* "default" is expanded */
	} paths;
	struct strv sysctl; /* globs of namespaced keys: "net.ipv4.ip_local_port_range" */
	struct {
		int64_t pids; /* -1: no ceiling */
		int64_t memory; /* bytes; -1: no ceiling */
		struct rlimit_ceiling *rlimits;
		size_t n_rlimits;
	} resources;
	struct strv hooks; /* globs of hook programs, symlinks and /proc/N/exe followed */
	struct strv annotations; /* globs of keys that may steer the runtime */
	struct {
		struct strv deny; /* globs of names */
		enum secret_policy secrets;
	} env;
	struct {
		struct strv registries; /* globs; empty: any */
		bool digest_required;
		struct strv deny; /* sha256:... */
	} image;
	struct {
		bool allow, terminal;
		uint64_t capabilities;
		/* Patterns of commands (profiles/command.h). allow empty: any; deny wins. */
		struct strv allow_commands, deny_commands;
	} exec;
	struct {
		unsigned allow; /* these are kept; others of enum profile_flag are taken out */
		unsigned
			preserve_fds; /* at most so many descriptors for the container; more is refused */
	} flags;
	struct json_doc *network; /* the "network" object as written, or NULL */
	char *filter; /* text of the filter seccomp.profile names; NULL: the built-in one */
	size_t filter_len;
};

enum { PROFILE_TEXT_MAX = 1 << 20, PROFILE_DEPTH_MAX = 20, PROFILE_VALUES_MAX = 20000 };
/* The most of flags.preserveFds: more than a program of sockets has, less than a slip of the key. */
enum { PROFILE_DESCRIPTORS_MAX = 256 };

/*
 * Parse TEXT of the file NAME ("restricted.json", only for messages). It must stand alone: "extends"
 * is followed by catalog_flatten, whose result may say in "lines" where each control was written
 * ({"capabilities": "baseline:12"}). *OUT is the caller's (profile_free). Unknown keys, wrong types, unknown capabilities are errors of the form
 * "restricted.json:12:3: unknown key \"capabilites\", did you mean \"capabilities\"?".
 */
int profile_parse(
	const char *name, const char *text, size_t len, struct profile **out, struct err *e);
/* The same for a text whose digest is known (HASH_HEX_SIZE bytes); NULL: not known. */
int profile_parse_known(const char *name, const char *text, size_t len, const char *digest,
	struct profile **out, struct err *e);
void profile_free(struct profile *p);
void profile_freep(struct profile **p);
#define AUTO_PROFILE __attribute__((cleanup(profile_freep)))

/* One of the profiles in the binary ("restricted", "web", ...). ERR_INPUT and a list of the known
 * names when there is none of that name. */
int profile_builtin(const char *name, struct profile **out, struct err *e);
/* The shipped text of a built-in profile or of "seccomp/default"; NULL when there is none. */
const char *profile_builtin_text(const char *name, size_t *len);
/* The names of all of them, filters ("seccomp/...") behind the profiles; NULL behind the last. */
const char *profile_builtin_name(size_t i);

/* True when the profile reports this control but does not enforce it. */
bool profile_audits(const struct profile *p, enum control c);

/* "--no-pivot", ...: the first name of each; -1 when NAME is none. */
const char *profile_flag_name(enum profile_flag f);
int profile_flag_from_name(const char *name);

/* "mount", "pid", ... as runtime-spec spells them; -1 when NAME is none. */
const char *ns_name(enum ns_type t);
int ns_from_name(const char *name);

#endif
