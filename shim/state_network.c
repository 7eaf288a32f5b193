/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_network - another network in the record of a container that runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/state_record.h"

/* Of one start: no two records are written in one tick under one id. */
static bool same_start(const struct json *a, const struct json *b)
{
	static const char *const of[] = {"created", "ticks", "pid"};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		const struct json *x = json_get(a, of[i]), *y = json_get(b, of[i]);

		if (x && y ? !json_equal(x, y) : x != y)
			return false;
	}
	return true;
}

static int change(struct json_doc *doc, const struct json *network, bool unhooked, struct str *out)
{
	struct json *r = json_root(doc);

	json_remove(json_get(r, "network"));
	json_remove(json_get(r, "unhooked"));
	if ((network && json_put(doc, r, "network", json_clone(doc, network)) < 0) ||
		(unhooked && json_put(doc, r, "unhooked", json_bool(doc, true)) < 0))
		return -1;
	json_write(r, out);
	str_addc(out, '\n');
	return str_failed(out) ? -1 : 0;
}

int state_put_network(const char *dir, const struct json *record, const struct json *network,
	bool unhooked, struct err *e)
{
	const char *root = json_str(json_get(record, "root"));
	const char *id = json_str(json_get(record, "id"));
	char own[PATH_MAX], name[STATE_NAME_SIZE];
	AUTO_FD int fd = state_open(dir, root, id, own, name);
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str text = STR_INIT;
	struct stat st;

	if (fd < 0)
		return err_set(e, ENOENT, "the state records of %.256s", root);
	if (state_lock(fd, e) < 0)
		return -1;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "state record %s/.../%s", dir, name);
	if (state_load(fd, name, &doc, e) < 0)
		return err_wrap(e, "state record %s/.../%s", dir, name);
	if (!same_start(json_root(doc), record))
		return err_set(e, ESTALE, "the container was started again meanwhile");
	if (change(doc, network, unhooked, &text) < 0)
		return err_nomem(e);
	if (text.len > STATE_NETWORK_MAX)
		return err_set(e, ERR_INPUT, "its state record would have more than %d bytes",
			STATE_NETWORK_MAX);
	if (state_replace(fd, name, &text, e) < 0)
		return err_wrap(e, "state record %s/.../%s", dir, name);
	/* how young a record is says whether its start may still be on its way */
	(void)utimensat(
		fd, name, (const struct timespec[]){st.st_atim, st.st_mtim}, AT_SYMLINK_NOFOLLOW);
	return 0;
}
