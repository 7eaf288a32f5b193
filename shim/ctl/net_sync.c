/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_sync - make what is written down of networks agree with the containers that are there.
 */
#include "shim/ctl/commands.h"

#include <errno.h>

#include "netseg/install.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/net.h"
#include "shim/ctl/net_record.h"
#include "shim/ctl/table.h"

static int put_json(
	struct ctl_call *c, const struct strv *done, const struct strv *left, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL;

	if (!o || json_put(doc, o, "done", json_strings(doc, done)) < 0 ||
		json_put(doc, o, "left", json_strings(doc, left)) < 0)
		return err_nomem(e);
	return ctl_put_json(c, o, e);
}

static void print(struct ctl_call *c, const struct strv *lines, const char *head)
{
	for (size_t i = 0; i < lines->n; i++) {
		str_add(&c->out, head);
		table_text(lines->v[i], 400, &c->out);
		str_addc(&c->out, '\n');
	}
}

static int record(
	const struct applied *a, const struct strv *done, const char *failed, struct err *e)
{
	const struct net_record r = {.verb = "net sync",
		.result = failed ? "failed" : "done",
		.reason = failed,
		.applied = a,
		.list = "done",
		.lines = done};

	return net_record_write(&r, e);
}

static int run(struct ctl_call *c, struct err *e)
{
	AUTO_APPLIED struct applied applied = {.policy = NULL};
	AUTO_STRV struct strv done = {NULL, 0}, left = {NULL, 0};
	char dir[PATH_MAX];

	if (store_open(ctl_value(c, "store"), &applied, e) < 0 || net_dir(dir, e) < 0)
		return -1;
	if (net_sync(dir, &done, &left, e) < 0) {
		(void)record(&applied, &done, e->msg, NULL);
		return -1;
	}
	if ((done.n || left.n) && record(&applied, &done, left.n ? left.v[0] : NULL, e) < 0)
		return err_wrap(e, "it is done, but not recorded");
	if (c->json) {
		if (put_json(c, &done, &left, e) < 0)
			return -1;
	} else {
		print(c, &done, "");
		print(c, &left, "not put right: ");
		if (done.n + left.n == 0)
			str_add(&c->out, "nothing to do\n");
	}
	return left.n ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_net_sync = {
	.name = "net sync",
	.run = run,
	.operands = "",
	.summary = "forget containers that are gone, and put segments right",
	.notes = "Needed after cinch-hook or cinchctl were killed, and when a container was taken "
		 "away\n"
		 "without its runtime: otherwise the next start does the same.\n"
		 "Exit status: 0 all is as it has to be, 1 something could not be put right, 2 an "
		 "error.\n",
	.options =
		{
			{"store", "DIR", CTL_DIR,
				"where the policy in force is, for its audit log"},
		},
};
