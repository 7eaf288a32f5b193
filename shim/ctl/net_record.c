/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_record - who changed the rules of running containers, in the audit log.
 */
#include "shim/ctl/net_record.h"

#include <stdio.h>

#include "shim/audit.h"
#include "shim/network.h"
#include "shim/record.h"
#include "shim/state.h"

enum { LINES_MAX = 100 };

/* What its start wrote down of the container, when that can still be read. */
static int put_container(struct audit *a, const struct net_entry *n)
{
	AUTO_JSON struct json_doc *state = NULL;
	char dir[PATH_MAX];
	struct err why;

	if (audit_put_text(a, "id", n->id) < 0 || audit_put_text(a, "root", n->root) < 0)
		return -1;
	if (state_dir(dir, &why) < 0 || state_read(dir, n->root, n->id, &state, &why) < 0 || !state)
		return 0;
	return record_running(a, json_root(state));
}

static int put_words(struct audit *a, const char *key, const struct json *want)
{
	AUTO_STR struct str words = STR_INIT;

	if (!want)
		return 0;
	network_words(want, &words);
	return str_failed(&words) ? -1 : audit_put_text(a, key, str_text(&words));
}

static int put_lines(struct audit *a, const char *name, const struct strv *lines)
{
	struct json *list = json_array(a->doc);
	char count[64];

	if (!lines || lines->n == 0)
		return 0;
	for (size_t i = 0; i < lines->n && i < LINES_MAX; i++)
		if (json_push(list, json_string_lossy(a->doc, lines->v[i])) < 0)
			return -1;
	snprintf(count, sizeof count, "%sCount", name);
	return audit_put(a, count, json_uint(a->doc, lines->n)) < 0 ? -1 : audit_put(a, name, list);
}

int net_record_change(const struct privileges *p, bool grants, struct strv *out)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].grants == grants && strv_add(out, p->v[i].text) < 0)
			return -1;
	return 0;
}

static int put_change(struct audit *a, const struct privileges *p)
{
	for (int grants = 1; p && grants >= 0; grants--) {
		AUTO_STRV struct strv texts = {NULL, 0};

		if (net_record_change(p, grants, &texts) < 0 ||
			(texts.n && audit_put(a, grants ? "wider" : "narrower",
					    json_strings(a->doc, &texts)) < 0))
			return -1;
	}
	return 0;
}

static int fill(struct audit *a, const struct net_record *r)
{
	/* those of its start are replaced by what holds now */
	return (r->of && put_container(a, r->of) < 0) || record_policy(a, r->applied) < 0 ||
			       (r->profiles && record_profiles(a, r->profiles) < 0) ||
			       audit_put_text(a, "result", r->result) < 0 ||
			       put_words(a, "before", r->before) < 0 ||
			       put_words(a, "network", r->after) < 0 ||
			       put_change(a, r->change) < 0 ||
			       audit_put_text(a, "reason", r->reason) < 0 ||
			       put_lines(a, r->list, r->lines) < 0
		       ? -1
		       : 0;
}

int net_record_write(const struct net_record *r, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (audit_begin(&a, r->verb, e) < 0)
		return -1;
	return fill(&a, r) < 0 ? err_nomem(e) : audit_commit(&a, &r->applied->settings, e);
}
