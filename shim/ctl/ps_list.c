/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps_list - the records of containers, and what became of these.
 */
#include "shim/ctl/ps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shim/base/cleanup.h"
#include "shim/state.h"

struct gathering {
	struct ps_list *list;
	bool all;
	time_t now;
};

static const char *text(const struct ps_container *c, const char *pointer)
{
	return json_str(json_at(c->record, pointer));
}

/* Seconds since 1970 of "2026-11-22T04:05:06.123456Z"; -1 when it is none. */
static long long seconds_of(const char *t)
{
	int year, month, day, hour, minute, second;
	long long days, y;

	if (sscanf(t, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second) !=
			6 ||
		month < 1 || month > 12 || year < 1970)
		return -1;
	/* a year that begins in March has its leap day at its end */
	y = year - (month <= 2);
	days = y * 365 + y / 4 - y / 100 + y / 400 +
	       (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
	return days * 86400 + hour * 3600 + minute * 60 + second;
}

/* Borrows from the record. */
static struct image image_of(const struct ps_container *c)
{
	return (struct image){
		.text = (char *)text(c, "/image/reference"),
		.registry = (char *)text(c, "/image/registry"),
		.repository = (char *)text(c, "/image/repository"),
		.tag = (char *)text(c, "/image/tag"),
		.digest = (char *)text(c, "/image/digest"),
		.id = (char *)text(c, "/image/id"),
	};
}

static int gather(const struct json *record, void *arg, struct err *e)
{
	struct gathering *g = arg;
	struct ps_list *l = g->list;
	struct ps_container c = {0}, *more;
	long long began;

	c.life = life_of(
		json_str(json_get(record, "root")), json_str(json_get(record, "id")), &c.pid);
	if (!g->all && (c.life == LIFE_STOPPED || c.life == LIFE_GONE))
		return 0;
	more = reallocarray(l->v, l->n + 1, sizeof *l->v);
	if (!more)
		return err_nomem(e);
	l->v = more;
	c.record = json_clone(l->doc, record);
	if (!c.record)
		return err_nomem(e);
	began = seconds_of(text(&c, "/created"));
	c.age = began < 0 || began > g->now ? 0 : (long long)g->now - began;
	c.image = image_of(&c);
	l->v[l->n++] = c;
	return 0;
}

static int younger(const void *a, const void *b)
{
	const struct ps_container *x = a, *y = b;
	int order = strcmp(text(y, "/created"), text(x, "/created"));

	if (order == 0)
		order = strcmp(text(x, "/id"), text(y, "/id"));
	return order ? order : strcmp(text(x, "/root"), text(y, "/root"));
}

int ps_list_read(const char *dir, bool all, struct ps_list *out, struct err *e)
{
	struct ps_list l = {.doc = json_new()};
	struct gathering g = {.list = &l, .all = all, .now = time(NULL)};

	if (!l.doc)
		return err_nomem(e);
	if (state_each(dir, gather, &g, &l.damaged, e) < 0) {
		ps_list_done(&l);
		return -1;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, younger);
	*out = l;
	return 0;
}

void ps_list_done(struct ps_list *l)
{
	json_free(l->doc);
	free(l->v);
	strv_done(&l->damaged);
	*l = (struct ps_list){0};
}

void ps_name(const struct ps_container *c, struct str *out)
{
	static const char *const parts[] = {"/namespace", "/pod", "/container"};
	bool any = false;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *part = text(c, parts[i]);

		if (!part)
			continue;
		str_addf(out, "%s%s", any ? "/" : "", part);
		any = true;
	}
	if (json_is_true(json_get(c->record, "sandbox")))
		str_add(out, any ? " (sandbox)" : "(sandbox)");
}

struct json *ps_json(const struct ps_container *c, struct json_doc *doc)
{
	struct json *o = json_clone(doc, c->record);

	/* what these say is for the records' own sake */
	json_remove(json_get(o, "version"));
	json_remove(json_get(o, "pid"));
	json_remove(json_get(o, "ticks"));
	json_remove(json_get(o, "unhooked"));
	json_remove(
		json_at(o, "/process/path")); /* of the environment, which is nobody's business */
	if (json_put(doc, o, "status", json_string(doc, life_name(c->life))) < 0 ||
		(c->pid && json_put(doc, o, "pid", json_int(doc, c->pid)) < 0) ||
		json_put(doc, o, "ageSeconds", json_int(doc, c->age)) < 0 ||
		(c->policy != PS_UNKNOWN &&
			json_put(doc, o, "policyStatus",
				json_string(doc, ps_policy_name(c->policy))) < 0))
		return NULL;
	return o;
}
