/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mend - an entry of the registry that cannot be read.
 *
 * Nothing of what is left of it is believed. Its key is made of the runtime's root and the container's id, and so
 * leads to the state record; that to what the runtime has of it, and to its process.
 */
#include "netseg/mend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "netseg/facts.h"
#include "netseg/registry_entry.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/life.h"

enum { RECORD_MAX = 8 << 20, ROOT_HASH = 16 /* digits of a directory of records */ };

static const struct json_limits limits = {RECORD_MAX, 64, 1 << 20};

/* The record NAME of the directory FD leads to KEY; what is no record leads nowhere. */
static struct json_doc *leads_to(int fd, const char *name, const char *key)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL;
	char own[NET_KEY_SIZE];
	const char *root, *id;
	struct stat st;
	struct err e;
	size_t len;

	if (io_read_file_at(fd, name, RECORD_MAX, &text, &len, &st, &e) < 0 ||
		!io_owner_trusted(&st) || json_parse(text, len, &limits, JSON_STRICT, &doc, &e) < 0)
		return NULL;
	root = json_str(json_get(json_root(doc), "root"));
	id = json_str(json_get(json_root(doc), "id"));
	if (!root || !id || registry_key(root, id, own, &e) < 0 || strcmp(own, key) != 0)
		return NULL;
	return take_ptr(&doc);
}

/* In the directory NAME of TOP; PATH, which is that of TOP, becomes that of the record. */
static struct json_doc *find_in(int top, const char *name, const char *key, char path[PATH_MAX])
{
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct json_doc *found = NULL;
	size_t len = strlen(path);

	if (fd >= 0 && !d)
		close(fd);
	for (struct dirent *x; d && !found && (x = readdir(d));)
		if (str_ends(x->d_name, ".json") && (found = leads_to(fd, x->d_name, key)))
			snprintf(path + len, PATH_MAX - len, "/%s/%s", name, x->d_name);
	if (d)
		closedir(d);
	return found;
}

/* The state record that leads to KEY, and its PATH: the registry lies in their directory. NULL: there is none. */
static struct json_doc *find_record(const struct registry *r, const char *key, char path[PATH_MAX])
{
	struct json_doc *found = NULL;
	DIR *d;

	snprintf(path, PATH_MAX, "%s", r->dir);
	*strrchr(path, '/') = '\0';
	d = opendir(path);
	for (struct dirent *x; d && !found && (x = readdir(d));)
		if (strspn(x->d_name, "0123456789abcdef") == ROOT_HASH && !x->d_name[ROOT_HASH])
			found = find_in(dirfd(d), x->d_name, key, path);
	if (d)
		closedir(d);
	return found;
}

static int make_anew(const struct registry *r, const struct json *record, const char *path,
	pid_t pid, const char *key, struct net_entry *out, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_STRV struct strv keys = {0};
	AUTO_FD int nl = -1;
	struct net_ask ask = {.dir = r->dir,
		.record = path,
		.id = json_str(json_get(record, "id")),
		.root = json_str(json_get(record, "root")),
		.pid = pid,
		.network = json_get(record, "network")};

	if (!json_is(ask.network, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "its state record has no rules");
	if (facts_find(&ask, &n, &nl, e) < 0 || registry_in(r, &n.ns, &keys, e) < 0)
		return -1;
	if (!strv_has(&keys, key))
		return err_set(e, ERR_INPUT, "it is in another network namespace than its rules");
	if (n.cgroup.id == 0 && keys.n > 1)
		return err_set(e, ERR_INPUT,
			"nothing tells its sockets from those of others in its network namespace");
	n.installed = true;
	n.since = (uint64_t)time(NULL);
	if (r->lock >= 0 && registry_put(r, &n, e) < 0)
		return -1;
	*out = n;
	n = (struct net_entry){0};
	return 1;
}

static int judge(const struct registry *r, const char *key, struct net_entry *out, struct err *e)
{
	AUTO_JSON struct json_doc *record = NULL;
	char path[PATH_MAX];
	bool listed;
	int pid;

	if (registry_listed(r, key, &listed, e) < 0)
		return -1;
	if (!listed) /* written before the entry, and removed after it: this one is nobody's */
		return 0;
	record = find_record(r, key, path);
	if (!record)
		return err_set(e, ERR_INPUT, "no state record leads to its container");
	switch (life_of(json_str(json_get(json_root(record), "root")),
		json_str(json_get(json_root(record), "id")), &pid)) {
	case LIFE_GONE:
	case LIFE_STOPPED:
		return 0;
	case LIFE_CREATED:
	case LIFE_RUNNING:
	case LIFE_PAUSED:
		return make_anew(r, json_root(record), path, pid, key, out, e);
	default:
		return err_set(
			e, ERR_INPUT, "what its runtime has written of it is not understood");
	}
}

int mend(const struct registry *r, const char *key, struct net_entry *out, struct err *e)
{
	struct err why = {0};
	int rc;

	if (!registry_is_key(key))
		return err_set(e, ERR_INPUT, "no container has such a key: remove %.256s", r->dir);
	rc = judge(r, key, out, &why);
	if (rc < 0 && why.code == ENOMEM)
		return err_nomem(e);
	return rc < 0 ? err_set(e, ERR_INPUT,
				"its entry is damaged (%.200s); it goes when the container is "
				"deleted, or, if "
				"that is gone, by cinch-hook delete %.128s %s",
				why.msg, r->dir, key)
		      : rc;
}
