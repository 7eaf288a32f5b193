/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - who changed the policy of this node.
 */
#include "shim/ctl/record.h"

#include <string.h>

#include "shim/audit.h"

enum { PROBLEMS_MAX = 20 };

/* In the shape the record of a start has it. */
static int put_policy(struct audit *a, const char *key, const char *digest)
{
	struct json *o = json_object(a->doc);

	if (json_put(a->doc, o, *digest ? "digest" : "from",
		    json_string(a->doc, *digest ? digest : "built-in")) < 0)
		return -1;
	return audit_put(a, key, o);
}

static int fill(struct audit *a, const struct record *r, struct err *e)
{
	struct json *list;

	if (audit_put_text(a, "result", r->result) < 0 || put_policy(a, "former", r->former) < 0 ||
		(r->policy && put_policy(a, "policy", r->policy) < 0) ||
		audit_put_text(a, "reason", r->reason) < 0)
		return err_nomem(e);
	if (!r->problems || r->problems->n == 0)
		return 0;
	list = json_array(a->doc);
	for (size_t i = 0; i < r->problems->n && i < PROBLEMS_MAX; i++)
		if (json_push(list, json_string_lossy(a->doc, r->problems->v[i])) < 0)
			return err_nomem(e);
	if (audit_put(a, "problemCount", json_uint(a->doc, r->problems->n)) < 0 ||
		audit_put(a, "problems", list) < 0)
		return err_nomem(e);
	return 0;
}

int record_write(const struct record *r, const struct settings *s, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (audit_begin(&a, r->verb, e) < 0 || fill(&a, r, e) < 0)
		return -1;
	return audit_commit(&a, s, e);
}

int record_both(const struct record *r, const struct settings *old, const struct settings *new,
	struct err *e)
{
	if (old && record_write(r, old, e) < 0)
		return -1;
	if (!new || (old && strcmp(old->audit.path, new->audit.path) == 0))
		return 0;
	return record_write(r, new, e);
}
