/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args_table - the options of the runtimes and what their values look like.
 */
#include "shim/args_table.h"

#include <stdint.h>
#include <string.h>

#include "shim/base/num.h"
#include "shim/base/str.h"

enum { COUNT_MAX = 1 << 20 };
#define ID_NUMBER_MAX (UINT32_MAX - 1) /* (uid_t)-1 means "leave alone" to the kernel */

enum {
	GLOBAL = ON_GLOBAL,
	CREATE = 1u << VERB_CREATE,
	RUN = 1u << VERB_RUN,
	RESTORE = 1u << VERB_RESTORE,
	EXEC = 1u << VERB_EXEC,
	UPDATE = 1u << VERB_UPDATE,
	VERBS = CREATE | RUN | RESTORE | EXEC | UPDATE
};

/* Sources: --help of runc 1.0 to 1.5 and crun up to 1.20; hidden options included. */
static const struct args_option options[] = {
	{ARG_ROOT, "--root", 0, KIND_TEXT, GLOBAL},
	{ARG_LOG, "--log", 0, KIND_TEXT, GLOBAL},
	{ARG_LOG_FORMAT, "--log-format", 0, KIND_LOG_FORMAT, GLOBAL},
	{ARG_DEBUG, "--debug", 0, KIND_BOOL, GLOBAL},
	{ARG_SYSTEMD_CGROUP, "--systemd-cgroup", 0, KIND_BOOL, GLOBAL},
	{ARG_ROOTLESS, "--rootless", 0, KIND_ROOTLESS, GLOBAL},
	{ARG_CRIU, "--criu", 0, KIND_TEXT, GLOBAL},
	{ARG_CGROUP_MANAGER, "--cgroup-manager", 0, KIND_TEXT, GLOBAL},
	{ARG_LOG_LEVEL, "--log-level", 0, KIND_TEXT, GLOBAL},
	{ARG_COUNT, "--help", 'h', KIND_HELP, GLOBAL | VERBS},
	{ARG_COUNT, "--version", 'v', KIND_HELP, GLOBAL},
	{ARG_COUNT, "--cinch-profile", 0, KIND_PROFILE, GLOBAL},

	{ARG_BUNDLE, "--bundle", 'b', KIND_TEXT, CREATE | RUN | RESTORE},
	{ARG_COUNT, "--config", 'f', KIND_OTHER_FILE, CREATE | RUN | RESTORE},
	{ARG_PID_FILE, "--pid-file", 0, KIND_TEXT, CREATE | RUN | RESTORE | EXEC},
	{ARG_CONSOLE_SOCKET, "--console-socket", 0, KIND_TEXT, CREATE | RUN | RESTORE | EXEC},
	{ARG_PIDFD_SOCKET, "--pidfd-socket", 0, KIND_TEXT, CREATE | RUN | RESTORE | EXEC},
	{ARG_PRESERVE_FDS, "--preserve-fds", 0, KIND_COUNT, CREATE | RUN | EXEC},
	{ARG_DETACH, "--detach", 'd', KIND_BOOL, RUN | RESTORE | EXEC},
	{ARG_KEEP, "--keep", 0, KIND_BOOL, RUN},
	{ARG_NO_SUBREAPER, "--no-subreaper", 0, KIND_BOOL, CREATE | RUN | RESTORE | EXEC},
	{ARG_NO_PIVOT, "--no-pivot", 0, KIND_BOOL, CREATE | RUN | RESTORE},
	{ARG_NO_NEW_KEYRING, "--no-new-keyring", 0, KIND_BOOL, CREATE | RUN},
	{ARG_NO_MOUNT_FALLBACK, "--no-mount-fallback", 0, KIND_BOOL, CREATE | RUN | RESTORE},

	{ARG_IMAGE_PATH, "--image-path", 0, KIND_TEXT, RESTORE},
	{ARG_WORK_PATH, "--work-path", 0, KIND_TEXT, RESTORE},
	{ARG_TCP_ESTABLISHED, "--tcp-established", 0, KIND_BOOL, RESTORE},
	{ARG_EXT_UNIX_SK, "--ext-unix-sk", 0, KIND_BOOL, RESTORE},
	{ARG_SHELL_JOB, "--shell-job", 0, KIND_BOOL, RESTORE},
	{ARG_FILE_LOCKS, "--file-locks", 0, KIND_BOOL, RESTORE},
	{ARG_MANAGE_CGROUPS_MODE, "--manage-cgroups-mode", 0, KIND_TEXT, RESTORE},
	{ARG_EMPTY_NS, "--empty-ns", 0, KIND_LIST, RESTORE},
	{ARG_AUTO_DEDUP, "--auto-dedup", 0, KIND_BOOL, RESTORE},
	{ARG_LAZY_PAGES, "--lazy-pages", 0, KIND_BOOL, RESTORE},
	{ARG_LINK_REMAP, "--link-remap", 0, KIND_BOOL, RESTORE},
	{ARG_LSM_PROFILE, "--lsm-profile", 0, KIND_TEXT, RESTORE},
	{ARG_LSM_MOUNT_CONTEXT, "--lsm-mount-context", 0, KIND_TEXT, RESTORE},

	{ARG_PROCESS, "--process", 'p', KIND_TEXT, EXEC},
	{ARG_CWD, "--cwd", 0, KIND_TEXT, EXEC},
	{ARG_ENV, "--env", 'e', KIND_LIST, EXEC},
	{ARG_TTY, "--tty", 't', KIND_BOOL, EXEC},
	{ARG_USER, "--user", 'u', KIND_USER, EXEC},
	{ARG_ADDITIONAL_GIDS, "--additional-gids", 'g', KIND_GIDS, EXEC},
	{ARG_CAP, "--cap", 'c', KIND_LIST, EXEC},
	{ARG_PROCESS_LABEL, "--process-label", 0, KIND_TEXT, EXEC},
	{ARG_APPARMOR, "--apparmor", 0, KIND_TEXT, EXEC},
	{ARG_NO_NEW_PRIVS, "--no-new-privs", 0, KIND_BOOL, EXEC},
	{ARG_CGROUP, "--cgroup", 0, KIND_LIST, EXEC},
	{ARG_IGNORE_PAUSED, "--ignore-paused", 0, KIND_BOOL, EXEC},

	{ARG_RESOURCES, "--resources", 'r', KIND_TEXT, UPDATE},
	{ARG_BLKIO_WEIGHT, "--blkio-weight", 0, KIND_WEIGHT, UPDATE},
	{ARG_CPU_PERIOD, "--cpu-period", 0, KIND_UNSIGNED, UPDATE},
	{ARG_CPU_QUOTA, "--cpu-quota", 0, KIND_SIGNED, UPDATE},
	{ARG_CPU_BURST, "--cpu-burst", 0, KIND_UNSIGNED, UPDATE},
	{ARG_CPU_SHARE, "--cpu-share", 0, KIND_UNSIGNED, UPDATE},
	{ARG_CPU_RT_PERIOD, "--cpu-rt-period", 0, KIND_UNSIGNED, UPDATE},
	{ARG_CPU_RT_RUNTIME, "--cpu-rt-runtime", 0, KIND_SIGNED, UPDATE},
	{ARG_CPU_IDLE, "--cpu-idle", 0, KIND_SIGNED, UPDATE},
	{ARG_CPUSET_CPUS, "--cpuset-cpus", 0, KIND_TEXT, UPDATE},
	{ARG_CPUSET_MEMS, "--cpuset-mems", 0, KIND_TEXT, UPDATE},
	{ARG_MEMORY, "--memory", 0, KIND_SIGNED, UPDATE},
	{ARG_MEMORY_RESERVATION, "--memory-reservation", 0, KIND_SIGNED, UPDATE},
	{ARG_MEMORY_SWAP, "--memory-swap", 0, KIND_SIGNED, UPDATE},
	{ARG_KERNEL_MEMORY, "--kernel-memory", 0, KIND_SIGNED, UPDATE},
	{ARG_KERNEL_MEMORY_TCP, "--kernel-memory-tcp", 0, KIND_SIGNED, UPDATE},
	{ARG_PIDS_LIMIT, "--pids-limit", 0, KIND_SIGNED, UPDATE},
	{ARG_L3_CACHE_SCHEMA, "--l3-cache-schema", 0, KIND_TEXT, UPDATE},
	{ARG_MEM_BW_SCHEMA, "--mem-bw-schema", 0, KIND_TEXT, UPDATE},
};

enum { N_OPTIONS = sizeof options / sizeof options[0] };

const struct args_option *option_of(enum args_opt opt)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].opt == opt && opt != ARG_COUNT)
			return &options[i];
	return NULL;
}

bool option_is_list(const struct args_option *o)
{
	return o->kind == KIND_LIST || o->kind == KIND_GIDS;
}

bool option_is_bool(const struct args_option *o)
{
	return o->kind == KIND_BOOL || o->kind == KIND_HELP;
}

const struct args_option *option_find(const char *name, size_t len, unsigned where)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct args_option *o = &options[i];

		if (!(o->where & where))
			continue;
		if ((len == 1 && o->alias == name[0]) ||
			(strlen(o->name) == len + 2 && memcmp(o->name + 2, name, len) == 0))
			return o;
	}
	return NULL;
}

const char *option_near(const char *name, size_t len, unsigned where)
{
	char text[64];
	const char *near = NULL;
	unsigned best = 3;

	if (len >= sizeof text)
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	for (size_t i = 0; i < N_OPTIONS; i++) {
		unsigned d;

		if (!(options[i].where & where))
			continue;
		d = str_distance(options[i].name + 2, text, 2);
		if (d < best) {
			best = d;
			near = options[i].name;
		}
	}
	return near;
}

/* Go's strconv.ParseBool: what runc takes; crun takes no value at all. */
bool option_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True", NULL};
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False", NULL};

	if (!text || str_in(yes, text))
		*out = true;
	else if (str_in(no, text))
		*out = false;
	else
		return false;
	return true;
}

static bool user_value(const char *text)
{
	const char *colon = strchr(text, ':');
	char uid[16];
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t n;

	if (len >= sizeof uid)
		return false;
	memcpy(uid, text, len);
	uid[len] = '\0';
	return num_u64(uid, ID_NUMBER_MAX, &n) && (!colon || num_u64(colon + 1, ID_NUMBER_MAX, &n));
}

/* NULL when VALUE is good for O, else what would be. */
const char *option_wrong(const struct args_option *o, const char *value)
{
	uint64_t u;
	int64_t s;
	bool b;

	if (value[0] == '\0')
		return "a value that is not empty";
	switch (o->kind) {
	case KIND_ROOTLESS:
		return strcmp(value, "auto") == 0 || option_bool(value, &b) ? NULL
									    : "true, false or auto";
	case KIND_LOG_FORMAT:
		return strcmp(value, "text") == 0 || strcmp(value, "json") == 0 ? NULL
										: "text or json";
	case KIND_GIDS:
		return num_u64(value, ID_NUMBER_MAX, &u) ? NULL : "a group number";
	case KIND_USER:
		return user_value(value) ? NULL : "UID or UID:GID in plain digits";
	case KIND_COUNT:
		return num_u64(value, COUNT_MAX, &u) ? NULL : "a plain decimal count";
	case KIND_WEIGHT:
		return num_u64(value, UINT16_MAX, &u) ? NULL : "a plain decimal number up to 65535";
	case KIND_UNSIGNED:
		return num_u64(value, UINT64_MAX, &u) ? NULL : "a plain decimal number";
	case KIND_SIGNED:
		return num_i64(value, INT64_MIN, INT64_MAX, &s)
			       ? NULL
			       : "a plain decimal number (no unit, no leading zero)";
	default:
		return NULL;
	}
}
