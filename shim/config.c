/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the node's configuration, /etc/cinch/cinch.json.
 */
#include "shim/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

static const char default_file[] = "/etc/cinch/cinch.json";
static const struct json_limits limits = {.bytes = 1024 * 1024, .depth = 16, .values = 20000};

void config_done(struct config *c)
{
	settings_done(&c->settings);
}

static int complain(
	const struct json_doc *doc, const struct json *v, const char *what, struct err *e)
{
	unsigned line, col;

	json_line_col(doc, v, &line, &col);
	return err_set(e, ERR_INPUT, "line %u, column %u: \"%s\" %s", line, col,
		v->key ? v->key : "", what);
}

static int take_path(const struct json_doc *doc, const struct json *v, char **out, struct err *e)
{
	const char *path = json_str(v);

	if (!path || path[0] != '/')
		return complain(doc, v, "must be an absolute path", e);
	free(*out);
	*out = strdup(path);
	return *out ? 0 : err_nomem(e);
}

static int read_audit(
	const struct json_doc *doc, const struct json *audit, struct config *c, struct err *e)
{
	json_each (v, audit) {
		if (strcmp(v->key, "path") == 0) {
			if (take_path(doc, v, &c->settings.audit.path, e) < 0)
				return -1;
		} else if (strcmp(v->key, "required") == 0) {
			if (!json_is(v, JSON_BOOL))
				return complain(doc, v, "must be true or false", e);
			c->settings.audit.required = v->flag;
		} else {
			return complain(doc, v, "is unknown; audit has path and required", e);
		}
	}
	return 0;
}

static int read_all(const struct json_doc *doc, struct config *c, struct err *e)
{
	const struct json *root = json_root(doc);

	if (!json_is(root, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "must be an object");
	json_each (v, root) {
		if (strcmp(v->key, "runtime") == 0) {
			if (take_path(doc, v, &c->settings.runtime, e) < 0)
				return -1;
		} else if (strcmp(v->key, "audit") == 0) {
			if (!json_is(v, JSON_OBJECT))
				return complain(doc, v, "must be an object", e);
			if (read_audit(doc, v, c, e) < 0)
				return -1;
		} else {
			return complain(doc, v, "is unknown; known are runtime and audit", e);
		}
	}
	return 0;
}

static int load(const char *file, struct config *c, struct err *e)
{
	AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_doc *doc = NULL;
	struct stat st;
	size_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open");
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "it is not a regular file");
	if (!io_owner_trusted(&st))
		return err_set(e, ERR_INPUT,
			"it must belong to root and not be writable by group or others");
	if (io_read_all(fd, limits.bytes, &text, &len, e) < 0 ||
		json_parse(text, len, &limits, JSON_COMMENTS, &doc, e) < 0)
		return -1;
	return read_all(doc, c, e);
}

int config_load(const char *file, struct config *c, struct err *e)
{
	*c = (struct config){.problem = {0}};
	if (settings_default(&c->settings, e) < 0)
		return -1;
	if (!file)
		file = default_file;
	if (load(file, c, &c->problem) == 0)
		return 0;
	err_wrap(&c->problem, "configuration %s", file);
	settings_done(&c->settings); /* all of it or nothing */
	return settings_default(&c->settings, e);
}
