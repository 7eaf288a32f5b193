/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollback - back to the policy that was applied before this one.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <string.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/diff.h"
#include "shim/ctl/record.h"

static int put_json(struct ctl_call *c, const struct applied *old, const struct applied *new,
	const struct diff *diff, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL;

	if (!o || json_put(doc, o, "result", json_string(doc, "applied")) < 0 ||
		json_put(doc, o, "former",
			json_string(doc, old->digest[0] ? old->digest : "built-in")) < 0 ||
		json_put(doc, o, "policy", json_string(doc, new->digest)) < 0 ||
		json_put(doc, o, "profiles", json_uint(doc, diff->n_profiles)) < 0 ||
		json_put(doc, o, "changes", diff_json(diff, doc)) < 0)
		return err_nomem(e);
	return ctl_put_json(c, o, e);
}

static int answer(
	struct ctl_call *c, const struct applied *old, const struct applied *new, struct err *e)
{
	AUTO_DIFF struct diff diff = {.n = 0};
	struct err why = {0};

	if (diff_policies(old->policy, new->policy, &diff, &why) < 0 && why.code == ENOMEM)
		return err_nomem(e);
	if (c->json)
		return put_json(c, old, new, &diff, e);
	str_addf(&c->out, "went back to %.12s, %zu profiles (before: %.12s)\n", new->digest,
		diff.n_profiles, old->digest[0] ? old->digest : "built-in");
	diff_table(&diff, false, c->colour, &c->out);
	return 0;
}

static int run(struct ctl_call *c, struct err *e)
{
	const char *store = ctl_value(c, "store");
	AUTO_APPLIED struct applied old = {.policy = NULL}, new = old;
	struct record r = {.verb = "rollback", .result = "applied"};
	char digest[HASH_HEX_SIZE] = "";
	struct err second;

	if (store_open(store, &old, e) < 0)
		return -1;
	r.former = old.digest;
	r.policy = digest;
	if (store_rollback(store, digest, e) < 0) {
		r.policy = NULL;
		r.result = "failed";
		r.reason = e->msg;
		record_write(&r, &old.settings, &second);
		return -1;
	}
	if (store_open(store, &new, e) < 0)
		return -1;
	if (record_both(&r, old.policy ? &old.settings : NULL, &new.settings, e) < 0)
		return err_wrap(e, "the policy %.12s is in force, but not recorded", digest);
	return answer(c, &old, &new, e) < 0 ? -1 : CTL_OK;
}

const struct ctl_command ctl_rollback = {
	.name = "rollback",
	.run = run,
	.operands = "",
	.summary = "put the policy that was applied before this one in force again",
	.notes = "Once more goes forth again. The sources stay as they are: \"cinchctl status\"\n"
		 "tells that they differ.\n"
		 "Exit status: 0 it is in force, 2 an error, and nothing is changed.\n",
	.options =
		{
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
