/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enable_docker - cinch in Docker's daemon.json: one member for each runtime, put in behind the brace
 * that opens "runtimes". All else stays as it is written.
 */
#include "shim/ctl/enable.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"
#include "shim/ctl/daemon.h"
#include "shim/ctl/toml.h"

#define RUNTIMES "runtimes"
#define DEFAULT "default-runtime"

static int parse(const char *text, size_t len, struct json_doc **doc, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = TOML_BYTES_MAX, .depth = 32, .values = 20000};

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return err_set(
			e, ERR_INPUT, "line 1: it begins with a byte order mark; save it without");
	if (json_parse(text, len, &limits, JSON_STRICT, doc, e) < 0)
		return -1;
	if (!json_is(json_root(*doc), JSON_OBJECT))
		return err_set(e, ERR_INPUT, "line 1: expected an object");
	return 0;
}

static int wrong(const char *file, const struct json_doc *doc, const struct json *v,
	const char *what, struct err *e)
{
	unsigned line, col;

	json_line_col(doc, v, &line, &col);
	return err_set(e, ERR_INPUT, "%.200s:%u:%u: %s", file, line, col, what);
}

/* ---- how the file is written ---- */

/* The blanks the first member of O has before it: its own line, or the one it shares. */
struct layout {
	bool lines;
	char eol[3]; /* how a line ends */
	char indent[40];
};

static struct layout layout_of(const char *text, const struct json *o, const char *deeper)
{
	struct layout l = {.lines = true, .eol = "\n"};
	const char *nl = strchr(text, '\n'), *at = text + o->offset + 1, *line;

	if (nl && nl > text && nl[-1] == '\r')
		strcpy(l.eol, "\r\n");
	if (o->first) {
		size_t n = strspn(at, " \t\r\n");

		for (line = at + n; line > at && line[-1] != '\n'; line--)
			;
		l.lines = line > at;
		n = (size_t)(at + n - line);
		if (l.lines && n < sizeof l.indent)
			memcpy(l.indent, line, n);
		return l;
	}
	/* an empty one: as deep as its own line, and one step more */
	for (line = text + o->offset; line > text && line[-1] != '\n'; line--)
		;
	snprintf(l.indent, sizeof l.indent, "%.*s%s", (int)strspn(line, " \t") % 30, line, deeper);
	return l;
}

static void put_runtime(const struct enable_ask *ask, const char *name, struct str *out)
{
	AUTO_STR struct str path = STR_INIT;

	str_addf(&path, "%s/%s", ask->programs, name);
	str_addf(out, "\"%s\": {\"path\": ", name);
	json_write_string(str_text(&path), path.len, out);
	str_add(out, "}");
	out->failed |= str_failed(&path);
}

/* ---- what there is ---- */

struct there {
	struct json_doc *doc;
	struct json *runtimes, *chosen; /* "default-runtime" */
	bool ours; /* both are in it, by somebody else's hand, as we would write them */
};

static bool is_ours(const struct enable_ask *ask, const char *name, const struct json *v)
{
	AUTO_STR struct str path = STR_INIT;
	const char *is = json_str(json_get(v, "path"));

	str_addf(&path, "%s/%s", ask->programs, name);
	return is && v->count == 1 && strcmp(is, str_text(&path)) == 0;
}

static int look(const struct enable_ask *ask, struct there *t, struct err *e)
{
	const struct json *root = json_root(t->doc);
	size_t mine = 0;

	/* Docker refuses other spellings; what it would do with them is not guessed */
	json_each (v, root)
		if (strcmp(v->key, RUNTIMES) != 0 && strcmp(v->key, DEFAULT) != 0 &&
			(strcasecmp(v->key, RUNTIMES) == 0 || strcasecmp(v->key, DEFAULT) == 0))
			return wrong(
				ask->config, t->doc, v, "a key of this spelling is not known", e);
	t->runtimes = json_member(root, RUNTIMES);
	t->chosen = json_member(root, DEFAULT);
	if (t->runtimes && !json_is(t->runtimes, JSON_OBJECT))
		return wrong(
			ask->config, t->doc, t->runtimes, "\"runtimes\": expected an object", e);
	if (t->chosen && !json_str(t->chosen))
		return wrong(ask->config, t->doc, t->chosen,
			"\"default-runtime\": expected a string", e);
	for (size_t i = 0; enable_names[i]; i++) {
		const struct json *v = json_member(t->runtimes, enable_names[i]);

		mine += v && is_ours(ask, enable_names[i], v);
		if (v && !is_ours(ask, enable_names[i], v))
			return wrong(ask->config, t->doc, v,
				"another runtime has this name: rename or remove it", e);
	}
	if (mine == 1)
		return wrong(ask->config, t->doc, t->runtimes,
			"only one of \"cinch\" and \"cinch-baseline\" is here: remove it, then "
			"both are written",
			e);
	t->ours = mine == 2;
	return 0;
}

/* ---- what to write ---- */

/* Members M, one after the other, behind the brace that opens O. */
static int put_members(struct enable_plan *p, const struct json *o, const struct layout *l,
	const struct strv *m, struct err *e)
{
	AUTO_STR struct str s = STR_INIT;
	char around[44];

	/* the brace that closes an empty object comes on a line of its own */
	snprintf(around, sizeof around, "%s%.*s", l->eol,
		(int)(strlen(l->indent) > 2 && l->indent[0] == ' ' ? strlen(l->indent) - 2
			: l->indent[0] == '\t'                     ? strlen(l->indent) - 1
								   : 0),
		l->indent);
	for (size_t i = 0; i < m->n; i++) {
		if (l->lines)
			str_addf(&s, "%s%s", l->eol, l->indent);
		str_addf(&s, "%s%s", m->v[i], i + 1 < m->n || o->first ? "," : "");
		if (!l->lines && (i + 1 < m->n || o->first))
			str_add(&s, " ");
	}
	if (!o->first && l->lines) {
		const char *inside = p->before.text + o->offset + 1;
		size_t blanks = strspn(inside, " \t\r\n");

		str_add(&s, around);
		if (str_failed(&s))
			return err_nomem(e);
		return splices_add(&p->splices, o->offset + 1, inside, blanks, s.s, false, e);
	}
	if (str_failed(&s))
		return err_nomem(e);
	return splices_add(&p->splices, o->offset + 1, "", 0, s.s, false, e);
}

/* "runtimes" with both of them, where there is none. */
static void compose_runtimes(const struct enable_ask *ask, const struct layout *l, struct str *out)
{
	const char *step = l->indent[0] == '\t' ? "\t" : l->lines ? l->indent : "";

	str_add(out, "\"" RUNTIMES "\": {");
	for (size_t i = 0; enable_names[i]; i++) {
		if (l->lines)
			str_addf(out, "%s%s%s", l->eol, l->indent, step);
		put_runtime(ask, enable_names[i], out);
		str_add(out, enable_names[i + 1] ? l->lines ? "," : ", " : "");
	}
	if (l->lines)
		str_addf(out, "%s%s", l->eol, l->indent);
	str_add(out, "}");
}

/* The whole member, since a short text cannot be told from others later. */
static int replace_default(struct enable_plan *p, const struct json *chosen, struct err *e)
{
	const char *text = p->before.text;
	size_t at = chosen->offset, end = chosen->offset + chosen->raw_len;

	while (at > 0 && (end - at < chosen->key_raw_len + chosen->raw_len + 1 ||
				 memcmp(text + at, chosen->key_raw, chosen->key_raw_len) != 0))
		at--;
	return splices_add(&p->splices, at, text + at, end - at,
		"\"" DEFAULT "\": \"" ENABLE_NAME "\"", false, e);
}

static int change(
	const struct enable_ask *ask, const struct there *t, struct enable_plan *p, struct err *e)
{
	const struct json *root = json_root(t->doc);
	const bool choose =
		ask->make_default && !(t->chosen && strcmp(json_str(t->chosen), ENABLE_NAME) == 0);
	const struct layout top = layout_of(p->before.text, root, "  ");
	AUTO_STRV struct strv members = {0}, inner = {0};
	AUTO_STR struct str s = STR_INIT;

	if (!t->runtimes) {
		compose_runtimes(ask, &top, &s);
		if (str_failed(&s) || strv_add(&members, s.s) < 0)
			return err_nomem(e);
	} else if (!t->ours) {
		const struct layout l =
			layout_of(p->before.text, t->runtimes, top.indent[0] ? top.indent : "  ");

		for (size_t i = 0; enable_names[i]; i++) {
			str_reset(&s);
			put_runtime(ask, enable_names[i], &s);
			if (str_failed(&s) || strv_add(&inner, s.s) < 0)
				return err_nomem(e);
		}
		if (put_members(p, t->runtimes, &l, &inner, e) < 0)
			return -1;
	}
	if (choose && t->chosen) {
		if (replace_default(p, t->chosen, e) < 0)
			return -1;
	} else if (choose && strv_add(&members, "\"" DEFAULT "\": \"" ENABLE_NAME "\"") < 0) {
		return err_nomem(e);
	}
	return members.n ? put_members(p, root, &top, &members, e) : 0;
}

static void by_hand(const struct enable_ask *ask, struct str *out)
{
	struct layout l = {.lines = true, .eol = "\n", .indent = "  "};

	str_addf(out, "By hand, in %s:\n  ", ask->config);
	compose_runtimes(ask, &l, out);
	str_addc(out, '\n');
	if (ask->make_default)
		str_add(out, "  \"" DEFAULT "\": \"" ENABLE_NAME "\"\n");
}

/* The result is the file it was, and our members; nothing else. */
static int prove(
	const struct enable_ask *ask, struct enable_plan *p, const struct there *t, struct err *e)
{
	AUTO_STR struct str after = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	struct json *root, *runtimes;

	if (enable_after(p, &after, e) < 0 || parse(after.s, after.len, &doc, e) < 0)
		return err_wrap(e, "the new file");
	root = json_root(doc);
	runtimes = json_member(root, RUNTIMES);
	for (size_t i = 0; enable_names[i]; i++) {
		struct json *v = json_member(runtimes, enable_names[i]);

		if (!v || !is_ours(ask, enable_names[i], v))
			return err_set(
				e, ERR_BUG, "the new file has no runtime %s", enable_names[i]);
		if (!t->ours)
			json_remove(v);
	}
	if (ask->make_default) {
		struct json *v = json_member(root, DEFAULT);

		if (!json_str(v) || strcmp(json_str(v), ENABLE_NAME) != 0)
			return err_set(e, ERR_BUG, "the new file has another default");
		if (t->chosen)
			json_replace(v, json_clone(doc, t->chosen));
		else
			json_remove(v);
	}
	if (!t->runtimes)
		json_remove(runtimes);
	return json_equal(root, json_root(t->doc))
		       ? 0
		       : err_set(e, ERR_BUG, "the new file differs in more than it should");
}

static int plan_with(
	const struct enable_ask *ask, struct enable_plan *p, struct there *t, struct err *e)
{
	if (parse(p->before.text, p->before.len, &t->doc, e) < 0)
		return err_wrap(e, "%.200s", ask->config);
	if (look(ask, t, e) < 0 || change(ask, t, p, e) < 0)
		return -1;
	return prove(ask, p, t, e);
}

/* With it in both places dockerd does not start, at the next restart of the node at the latest. Runtimes
 * themselves may be in both. */
static int check_line(const struct enable_ask *ask, struct err *e)
{
	static const char *const words[] = {"--" DEFAULT, NULL};
	char value[PATH_MAX];

	if (!ask->make_default || strcmp(ask->config, enable_docker.config) != 0 ||
		!daemon_told("dockerd", "cmdline", words, value))
		return 0;
	return err_set(e, ERR_INPUT,
		"dockerd runs with --" DEFAULT " %.100s on its command line, and does not start "
		"when %.200s names one as well: take it out of the unit",
		value, ask->config);
}

static int plan(const struct enable_ask *ask, struct enable_plan *p, struct err *e)
{
	struct there t = {.doc = NULL};
	int rc = 0;

	p->file = strdup(ask->config);
	if (!p->file)
		return err_nomem(e);
	by_hand(ask, &p->by_hand);
	if (str_failed(&p->by_hand) ||
		strv_add(&p->notes,
			"docker build with BuildKit calls \"runc\" from dockerd's PATH, "
			"whatever runtime is configured: what a build runs is not held "
			"to a profile by this") < 0)
		return err_nomem(e);
	if (check_line(ask, e) < 0 || enable_read(ask, p->file, &p->before, e) < 0)
		return -1;
	if (p->before.len == strspn(p->before.text, " \t\r\n")) {
		AUTO_STR struct str s = STR_INIT;
		const struct layout l = {.lines = true, .eol = "\n", .indent = "  "};

		str_add(&s, "{\n  ");
		compose_runtimes(ask, &l, &s);
		if (ask->make_default)
			str_add(&s, ",\n  \"" DEFAULT "\": \"" ENABLE_NAME "\"");
		str_add(&s, "\n}\n");
		if (str_failed(&s))
			return err_nomem(e);
		return splices_add(&p->splices, p->before.len, "", 0, s.s, false, e);
	}
	rc = plan_with(ask, p, &t, e);
	json_free(t.doc);
	return rc;
}

/* ---- out again, where the text is not what it was ---- */

/* Take V out of OBJECT where it stands as it was written. */
static int take_out(struct json *object, const struct json *v, struct err *e)
{
	struct json *is = json_member(object, v->key);

	if (!is)
		return 0;
	if (!json_equal(is, v))
		return err_set(e, ERR_INPUT, "\"%s\" is not what was written", v->key);
	json_remove(is);
	return 0;
}

static int take_out_all(struct json *root, const struct json *written, struct err *e)
{
	json_each (v, written) {
		struct json *runtimes = json_member(root, RUNTIMES);

		if (strcmp(v->key, RUNTIMES) == 0) {
			json_each (one, v)
				if (take_out(runtimes, one, e) < 0)
					return -1;
			if (runtimes && !runtimes->first)
				json_remove(runtimes);
		} else if (take_out(strcmp(v->key, DEFAULT) == 0 ? root : runtimes, v, e) < 0) {
			return -1;
		}
	}
	return 0;
}

/* "X" is members and commas, or a whole file: as one object. NULL: it is not. */
static struct json_doc *members_of(const char *x, struct err *e)
{
	AUTO_STR struct str s = STR_INIT;
	struct json_doc *doc = NULL;

	x += strspn(x, " \t\r\n,");
	str_addf(&s, *x == '{' ? "%s" : "{%s", x);
	while (s.len && strchr(" \t\r\n,", s.s[s.len - 1]))
		s.len--;
	if (*x != '{')
		str_addc(&s, '}');
	if (str_failed(&s))
		err_nomem(e);
	else if (parse(s.s, s.len, &doc, e) < 0)
		err_wrap(e, "the record");
	return doc;
}

static int strip_one(struct json_doc *doc, const struct splice *v, struct err *e)
{
	AUTO_JSON struct json_doc *written = members_of(v->inserted, e);
	AUTO_JSON struct json_doc *was = NULL;
	struct json *root = json_root(doc);
	const struct json *old;

	if (!written || take_out_all(root, json_root(written), e) < 0)
		return -1;
	if (strspn(v->removed, " \t\r\n") == strlen(v->removed))
		return 0;
	was = members_of(v->removed, e);
	if (!was)
		return -1;
	old = json_member(json_root(was), DEFAULT);
	if (old && !json_member(root, DEFAULT) &&
		json_put(doc, root, DEFAULT, json_clone(doc, old)) < 0)
		return err_nomem(e);
	return 0;
}

static int strip(
	const char *text, size_t len, const struct splices *s, struct str *out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (parse(text, len, &doc, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (strip_one(doc, &s->v[i], e) < 0)
			return -1;
	json_write_pretty(json_root(doc), out);
	str_addc(out, '\n');
	return str_failed(out) ? err_nomem(e) : 0;
}

static int check(const char *text, size_t len, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	return len == strspn(text, " \t\r\n") ? 0 : parse(text, len, &doc, e);
}

const struct enable_engine enable_docker = {
	.name = "docker",
	.config = "/etc/docker/daemon.json",
	.reread = "systemctl reload docker",
	/* a reload keeps runtimes that the file does not name any more */
	.forget = "systemctl restart docker",
	.plan = plan,
	.strip = strip,
	.check = check,
};
