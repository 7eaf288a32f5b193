/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountopt - which mount options there are.
 *
 * Flags: "runc features" of 1.1 to 1.3 and crun's table of mount flags. Data: the options each file
 * system reads (kernel, Documentation/filesystems).
 */
#include "shim/mountopt.h"

#include <string.h>

#include "shim/base/str.h"

static const char *const flags[] = {"acl", "async", "atime", "bind", "defaults", "dev", "diratime",
	"dirsync", "exec", "idmap", "iversion", "lazytime", "loud", "mand", "noacl", "noatime",
	"nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime",
	"nostrictatime", "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdiratime",
	"relatime", "ridmap", "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime",
	"rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rslave",
	"rstrictatime", "rsymfollow", "runbindable", "rw", "silent", "slave", "strictatime", "suid",
	"symfollow", "sync", "unbindable", NULL};

static const char *const shared[] = {"shared", "rshared", NULL};
static const char *const loosen[] = {"rdev", "rexec", "rrw", "rsuid", NULL};

/* Words and keys ("size" of "size=64m") of one file system. */
static const struct {
	const char *type;
	const char *const words[4], *const keys[12];
} data[] = {
	{"tmpfs", {"tmpcopyup", "noswap", NULL},
		{"size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge", "mpol", NULL}},
	{"devpts", {"newinstance", NULL}, {"ptmxmode", "mode", "uid", "gid", "max", NULL}},
	{"proc", {NULL}, {"hidepid", "gid", "subset", NULL}},
};

static bool is_data(const char *type, const char *word)
{
	size_t key = strcspn(word, "=");

	for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
		if (strcmp(data[i].type, type) != 0)
			continue;
		if (str_in(data[i].words, word))
			return true;
		for (const char *const *k = data[i].keys; word[key] && *k; k++)
			if (strlen(*k) == key && memcmp(*k, word, key) == 0)
				return true;
	}
	return false;
}

enum mountopt mountopt_kind(const char *type, const char *word)
{
	/* the words reach the kernel joined by commas */
	if (strchr(word, ','))
		return MOUNTOPT_UNKNOWN;
	if (str_in(shared, word))
		return MOUNTOPT_SHARED;
	if (str_in(loosen, word))
		return MOUNTOPT_LOOSEN;
	if (str_in(flags, word) || is_data(type, word) || str_starts(word, "X-mount.mkdir"))
		return MOUNTOPT_PLAIN;
	return MOUNTOPT_UNKNOWN;
}
