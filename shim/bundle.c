/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - open a container's bundle directory and replace its config.json safely.
 */
#include "shim/bundle.h"

#include <errno.h>
#include <fcntl.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/str.h"
#include "shim/spec.h"

static const char config[] = "config.json";

void bundle_done(struct bundle *b)
{
	cleanup_fd(&b->dir);
	b->dir = -1;
	json_free(b->doc);
	b->doc = NULL;
}

int bundle_load(const char *path, struct bundle *b, struct err *e)
{
	AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json_doc *doc = NULL;
	struct stat st;
	size_t len;

	if (dir < 0)
		return err_set(e, errno, "open bundle %s", path);
	if (io_read_file_at(dir, config, spec_limits.bytes, &text, &len, &st, e) < 0)
		return err_wrap(e, "bundle %s", path);
	if (json_parse(text, len, &spec_limits, JSON_STRICT, &doc, e) < 0 ||
		spec_check(doc, spec_config, e) < 0)
		return err_wrap(e, "bundle %s: %s", path, config);
	b->dir = take_fd(&dir);
	b->doc = take_ptr(&doc);
	b->st = st;
	return 0;
}

int bundle_store(const struct bundle *b, struct err *e)
{
	AUTO_STR struct str text = STR_INIT;

	json_write(json_root(b->doc), &text);
	if (str_failed(&text))
		return err_nomem(e);
	return io_replace_at(b->dir, config, text.s, text.len, &b->st, e);
}
