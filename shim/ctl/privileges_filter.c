/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges_filter - which system calls one profile's filter lets pass and the other's does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profiles/filter.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/privileges_add.h"

enum { SHOWN = 12 };

/* How far a call gets. */
enum reach { REACH_NONE, REACH_SOME, REACH_ALL };

struct side {
	struct json_doc *doc;
	struct filter filter;
	bool any; /* no filter at all: everything passes */
};

static void side_done(struct side *s)
{
	filter_done(&s->filter);
	json_free(s->doc);
}

#define AUTO_SIDE __attribute__((cleanup(side_done)))

static int set_all(struct filter *f, const struct strv *names, enum filter_action action)
{
	const struct filter_verdict v = {
		.action = action, .data = action == FILTER_ERRNO ? EPERM : 0};

	for (size_t i = 0; i < names->n; i++)
		if (filter_set(f, names->v[i], v) < 0)
			return -1;
	return 0;
}

static int side_read(const struct profile *p, struct side *s, struct err *e)
{
	static const struct json_limits limits = {
		PROFILE_TEXT_MAX, PROFILE_DEPTH_MAX, PROFILE_VALUES_MAX};
	const char *name = p->seccomp.profile ? p->seccomp.profile : "default";
	const char *text = p->filter;
	size_t len = p->filter_len;
	char full[128];

	s->any = p->seccomp.unconfined;
	snprintf(full, sizeof full, "seccomp/%s", name);
	if (!s->any && !text)
		text = profile_builtin_text(full, &len);
	if (s->any) {
		s->filter.fallback.action = FILTER_ALLOW;
	} else if (!text) {
		return err_set(e, ERR_INPUT, "no filter is named \"%.64s\"", name);
	} else if (json_parse(text, len, &limits, JSON_COMMENTS, &s->doc, e) < 0 ||
		   filter_read(json_root(s->doc), &s->filter, e) < 0) {
		return err_wrap(e, "filter \"%.64s\"", name);
	}
	if (set_all(&s->filter, &p->seccomp.allow, FILTER_ALLOW) < 0 ||
		set_all(&s->filter, &p->seccomp.deny, FILTER_ERRNO) < 0)
		return err_nomem(e);
	return 0;
}

static enum reach reach_of(struct filter_verdict v)
{
	return v.action <= FILTER_LOG    ? REACH_ALL
	       : v.action < FILTER_ERRNO ? REACH_SOME
					 : REACH_NONE;
}

static enum reach reach(const struct side *s, const char *name)
{
	const struct filter_call *call = filter_find(&s->filter, name);

	if (!call)
		return reach_of(s->filter.fallback);
	return call->n ? REACH_SOME : reach_of(call->plain);
}

static bool same_rule(const struct filter_rule *a, const struct filter_rule *b)
{
	for (int i = 0; i < FILTER_ARGS; i++)
		if (a->arg[i].op != b->arg[i].op || a->arg[i].a != b->arg[i].a ||
			a->arg[i].b != b->arg[i].b)
			return false;
	return a->verdict.action == b->verdict.action;
}

static bool same_rules(const struct side *a, const struct side *b, const char *name)
{
	const struct filter_call *x = filter_find(&a->filter, name);
	const struct filter_call *y = filter_find(&b->filter, name);

	if (!x || !y || x->n != y->n)
		return !x && !y;
	for (unsigned i = 0; i < x->n; i++)
		if (!same_rule(&x->rules[i], &y->rules[i]))
			return false;
	return true;
}

struct names {
	struct str text;
	unsigned n;
};

static void add_name(struct names *to, const char *name)
{
	if (to->n++ < SHOWN)
		str_addf(&to->text, "%s%s", to->n > 1 ? ", " : "", name);
}

static void say(struct comparison *c, bool grants, const char *label, struct names *names)
{
	c->failed = c->failed || str_failed(&names->text);
	if (names->n > SHOWN)
		str_addf(&names->text, " and %u more", names->n - SHOWN);
	if (names->n)
		privileges_add(c, CONTROL_SECCOMP, grants, "%s%s", label, str_text(&names->text));
	str_done(&names->text);
}

static void compare(struct comparison *c, const struct side *a, const struct side *b)
{
	struct names more = {.n = 0}, less = {.n = 0}, other = {.n = 0};
	const struct side *const sides[] = {a, b};

	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->filter.n; i++) {
			const char *name = sides[s]->filter.calls[i].name;
			enum reach was = reach(a, name), is = reach(b, name);

			if (s == 1 && filter_find(&a->filter, name))
				continue; /* had its turn */
			if (is != was)
				add_name(is > was ? &more : &less, name);
			else if (is == REACH_SOME && !same_rules(a, b, name))
				add_name(&other, name);
		}
	say(c, true, "calls: ", &more);
	say(c, true, "calls with other arguments: ", &other);
	say(c, false, "calls: ", &less);
}

void privileges_filter(struct comparison *c)
{
	AUTO_SIDE struct side a = {.any = false}, b = {.any = false};
	enum reach was, is;

	if (side_read(c->a, &a, &c->e) < 0 || side_read(c->b, &b, &c->e) < 0)
		return;
	was = reach_of(a.filter.fallback);
	is = reach_of(b.filter.fallback);
	if (a.any != b.any)
		privileges_add(c, CONTROL_SECCOMP, b.any, "no filter of system calls");
	else if (was != is)
		privileges_add(c, CONTROL_SECCOMP, is > was, "calls the filter does not name");
	if (a.any == b.any)
		compare(c, &a, &b);
}
