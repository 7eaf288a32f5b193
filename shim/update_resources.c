/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update_resources - what an update asks for, as one document, whichever way it was said.
 */
#include "shim/update_resources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/str.h"
#include "shim/spec.h"

/* runc's update.go and crun's update.c say which is which; crun up to 1.8 writes "share" for shares. */
static const struct limit {
	enum args_opt opt;
	const char *group, *key;
	enum spec_kind kind;
} limits[] = {
	{ARG_BLKIO_WEIGHT, "blockIO", "weight", SPEC_UINT},
	{ARG_CPU_PERIOD, "cpu", "period", SPEC_UINT},
	{ARG_CPU_QUOTA, "cpu", "quota", SPEC_INT},
	{ARG_CPU_BURST, "cpu", "burst", SPEC_UINT},
	{ARG_CPU_SHARE, "cpu", "shares", SPEC_UINT},
	{ARG_CPU_RT_PERIOD, "cpu", "realtimePeriod", SPEC_UINT},
	{ARG_CPU_RT_RUNTIME, "cpu", "realtimeRuntime", SPEC_INT},
	{ARG_CPU_IDLE, "cpu", "idle", SPEC_INT},
	{ARG_CPUSET_CPUS, "cpu", "cpus", SPEC_STRING},
	{ARG_CPUSET_MEMS, "cpu", "mems", SPEC_STRING},
	{ARG_MEMORY, "memory", "limit", SPEC_INT},
	{ARG_MEMORY_RESERVATION, "memory", "reservation", SPEC_INT},
	{ARG_MEMORY_SWAP, "memory", "swap", SPEC_INT},
	{ARG_KERNEL_MEMORY, "memory", "kernel", SPEC_INT},
	{ARG_KERNEL_MEMORY_TCP, "memory", "kernelTCP", SPEC_INT},
	{ARG_PIDS_LIMIT, "pids", "limit", SPEC_INT},
};

static struct json *value_of(struct json_doc *doc, const struct limit *l, const char *text)
{
	uint64_t u = 0;
	int64_t i = 0;

	/* args_parse has seen that they are numbers */
	switch (l->kind) {
	case SPEC_UINT:
		(void)num_u64(text, UINT64_MAX, &u);
		return json_uint(doc, u);
	case SPEC_INT:
		(void)num_i64(text, INT64_MIN, INT64_MAX, &i);
		return json_int(doc, i);
	default:
		return json_string_lossy(doc, text);
	}
}

static int from_options(const struct args *a, struct json_doc *doc, struct err *e)
{
	struct json *root = json_object(doc);

	json_set_root(doc, root);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		const char *text = args_value(a, limits[i].opt);
		struct json *group = json_get(root, limits[i].group);

		if (!text)
			continue;
		if (!group) {
			group = json_object(doc);
			if (json_put(doc, root, limits[i].group, group) < 0)
				return err_nomem(e);
		}
		if (json_put(doc, group, limits[i].key, value_of(doc, &limits[i], text)) < 0)
			return err_nomem(e);
	}
	return root ? 0 : err_nomem(e);
}

static int open_file(const char *path, struct err *e)
{
	/* NONBLOCK: a FIFO must not hang us; NOCTTY: a terminal must not become ours */
	AUTO_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(
			e, ERR_INPUT, "it is no regular file; \"-\" reads from standard input");
	return take_fd(&fd);
}

static int from_file(const char *path, struct json_doc **doc, struct err *e)
{
	AUTO_FD int opened = -1;
	AUTO_FREE char *text = NULL;
	int fd = STDIN_FILENO;
	size_t len;

	if (strcmp(path, "-") != 0)
		fd = opened = open_file(path, e);
	if (fd < 0 || io_read_all(fd, spec_limits.bytes, &text, &len, e) < 0)
		return -1;
	return json_parse(text, len, &spec_limits, JSON_STRICT, doc, e);
}

/* {"linux": {"resources": the root}}, as the passes want it. */
static int wrap(struct json_doc *doc, struct err *e)
{
	struct json *root = json_object(doc), *part = json_object(doc);

	if (json_put(doc, part, "resources", json_root(doc)) < 0 ||
		json_put(doc, root, "linux", part) < 0)
		return err_nomem(e);
	json_set_root(doc, root);
	return 0;
}

int update_resources_read(const struct args *a, struct json_doc **out, struct err *e)
{
	const char *path = args_value(a, ARG_RESOURCES);
	const char *shown = path && strcmp(path, "-") == 0 ? "from standard input" : path;
	AUTO_JSON struct json_doc *doc = NULL;
	int done;

	if (path) {
		done = from_file(path, &doc, e);
	} else {
		doc = json_new();
		done = doc ? from_options(a, doc, e) : err_nomem(e);
	}
	if (done < 0 || spec_check(doc, spec_resources, e) < 0)
		return path ? err_wrap(e, "resources %.256s", shown) : -1;
	if (wrap(doc, e) < 0)
		return -1;
	*out = take_ptr(&doc);
	return 0;
}

int update_resources_hand_on(struct args *a, const char *file, struct err *e)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		args_unset(a, limits[i].opt);
	return args_set(a, ARG_RESOURCES, file, e);
}
