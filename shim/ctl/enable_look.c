/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_look - is cinch in an engine's configuration, and is it still as it was written?
 */
#include "shim/ctl/enable.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"

const char *const enable_names[] = {ENABLE_NAME, ENABLE_NAME "-baseline", NULL};

static const struct enable_engine *const engines[] = {
	&enable_containerd, &enable_docker, &enable_podman};

const struct enable_engine *enable_engine(const char *name, struct err *e)
{
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	err_set(e, ERR_INPUT, "expected containerd, docker or podman, not \"%.64s\"", name);
	return NULL;
}

void enable_plan_done(struct enable_plan *p)
{
	free(p->file);
	enable_text_done(&p->before);
	splices_done(&p->splices);
	strv_done(&p->notes);
	str_done(&p->by_hand);
	p->file = NULL;
}

int enable_after(const struct enable_plan *p, struct str *out, struct err *e)
{
	return splices_apply(&p->splices, p->before.text, p->before.len, out, e);
}

void enable_now_done(struct enable_now *n)
{
	enable_text_done(&n->text);
	enable_text_done(&n->base);
}

/* OUT is the file without our part; as it was, there may have been none. */
static int take_base(
	struct enable_now *n, const struct enable_edit *edit, struct str *out, struct err *e)
{
	n->base = n->text;
	n->base.len = out->len;
	n->base.there = n->is == ENABLE_IN ? edit->there : true;
	n->base.text = str_take(out);
	return n->base.text ? 0 : err_nomem(e);
}

static int look_at(const struct enable_engine *engine, const struct enable_edit *v,
	struct enable_now *n, struct err *e)
{
	AUTO_STR struct str out = STR_INIT;
	char sum[HASH_HEX_SIZE];
	struct err why = {0};

	hash_sha256_hex(n->text.text, n->text.len, sum);
	if (!n->text.there || (v->there && strcmp(sum, v->before) == 0)) {
		n->is = ENABLE_OUT;
		return 0;
	}
	if (strcmp(sum, v->after) == 0) {
		char was[HASH_HEX_SIZE];

		n->is = ENABLE_IN;
		if (splices_revert(&v->splices, n->text.text, n->text.len, &out, e) < 0)
			return err_wrap(e, "the record does not fit what it names");
		hash_sha256_hex(out.s, out.len, was);
		if (strcmp(was, v->before) != 0)
			return err_set(e, ERR_INPUT, "the record does not fit what it names");
		return take_base(n, v, &out, e);
	}
	if (!strstr(n->text.text, ENABLE_NAME)) { /* taken out by hand, or another file */
		n->is = ENABLE_OUT;
		return 0;
	}
	n->is = ENABLE_EDITED;
	if (splices_cut(&v->splices, n->text.text, n->text.len, &out, &why) == 0 &&
		engine->check(str_text(&out), out.len, &why) == 0)
		return take_base(n, v, &out, e);
	if (why.code != ERR_INPUT) {
		*e = why;
		return -1;
	}
	str_reset(&out);
	str_add(&out, "");
	if (engine->strip && engine->strip(n->text.text, n->text.len, &v->splices, &out, &why) == 0)
		return take_base(n, v, &out, e);
	n->is = ENABLE_ALTERED;
	n->why = why;
	return 0;
}

int enable_look(const struct enable_engine *engine, const struct enable_record *r,
	struct enable_now *n, struct err *e)
{
	*n = (struct enable_now){.is = ENABLE_OUT};
	for (size_t i = 0; i < r->n; i++) {
		enable_now_done(n);
		*n = (struct enable_now){.edit = i};
		if (enable_text_read(r->v[i].file, &n->text, e) < 0 ||
			look_at(engine, &r->v[i], n, e) < 0)
			return -1;
		/* the one that fits best: of two, one was only about to be made */
		if (n->is == ENABLE_IN || n->is == ENABLE_EDITED)
			return 0;
	}
	return 0;
}
