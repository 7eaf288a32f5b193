/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_process - the process an exec asks for, in whichever form, and the line that hands it on.
 */
#include "shim/exec_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/num.h"
#include "shim/base/path.h"
#include "shim/bundle.h"
#include "shim/edit.h"
#include "shim/spec.h"

/* ---- from a file ---- */

static int read_text(const char *path, char **text, size_t *len, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	AUTO_FD int dir = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!parent)
		return err_nomem(e);
	if (dir < 0)
		return err_set(e, errno, "open %.256s", parent);
	return io_read_file_at(
		dir, slash ? slash + 1 : path, spec_limits.bytes, text, len, NULL, e);
}

static int from_file(const char *path, struct json_doc **out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL;
	size_t len;

	if (read_text(path, &text, &len, e) < 0)
		return -1;
	if (json_parse(text, len, &spec_limits, JSON_STRICT, &doc, e) < 0 ||
		spec_check(doc, spec_process, e) < 0)
		return -1;
	*out = take_ptr(&doc);
	return 0;
}

/* ---- from the options ---- */

/* A process that is put together: a first failure stays. */
struct making {
	struct json_doc *doc;
	struct json *process;
	struct err *e;
	bool failed;
};

static void fail(struct making *m)
{
	if (!m->failed)
		err_nomem(m->e);
	m->failed = true;
}

static struct json *text_of(struct making *m, const char *what, const char *text)
{
	size_t bad;

	if (!m->failed && !json_utf8_ok(text, strlen(text), &bad)) {
		/* not the text itself: it may be a variable's value */
		err_set(m->e, ERR_INPUT, "%s: byte %zu is not UTF-8, and JSON has nothing else",
			what, bad + 1);
		m->failed = true;
	}
	return m->failed ? NULL : json_string(m->doc, text);
}

static void put(struct making *m, struct json *object, const char *key, struct json *v)
{
	if (!m->failed && json_put(m->doc, object, key, v) < 0)
		fail(m);
}

static void push(struct making *m, struct json *list, struct json *v)
{
	if (!m->failed && json_push(list, v) < 0)
		fail(m);
}

/* OBJECT's member, made when there is none. */
static struct json *member(
	struct making *m, struct json *object, const char *key, enum json_type type)
{
	struct json *v = json_get(object, key);

	if (v)
		return v;
	v = type == JSON_ARRAY ? json_array(m->doc) : json_object(m->doc);
	put(m, object, key, v);
	return v;
}

static void put_text(struct making *m, const struct args *a, enum args_opt opt, const char *key)
{
	const char *value = args_value(a, opt);

	if (value)
		put(m, m->process, key, text_of(m, args_opt_name(opt), value));
}

static void add_capabilities(struct making *m, const struct args *a)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "ambient"};
	const char *name;

	for (size_t i = 0; (name = args_nth(a, ARG_CAP, i)); i++) {
		struct json *caps = member(m, m->process, "capabilities", JSON_OBJECT);

		for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
			push(m, member(m, caps, sets[s], JSON_ARRAY), text_of(m, "--cap", name));
	}
}

/* "UID" or "UID:GID", and more groups; args_parse has seen to the digits. */
static void put_user(struct making *m, const struct args *a)
{
	const char *value = args_value(a, ARG_USER), *colon, *gid;
	AUTO_FREE char *uid = NULL;
	uint64_t n = 0;

	for (size_t i = 0; (gid = args_nth(a, ARG_ADDITIONAL_GIDS, i)); i++) {
		struct json *user = member(m, m->process, "user", JSON_OBJECT);

		num_u64(gid, UINT32_MAX, &n);
		push(m, member(m, user, "additionalGids", JSON_ARRAY), json_uint(m->doc, n));
	}
	if (!value)
		return;
	colon = strchr(value, ':');
	uid = colon ? strndup(value, (size_t)(colon - value)) : strdup(value);
	if (!uid) {
		fail(m);
		return;
	}
	num_u64(uid, UINT32_MAX, &n);
	put(m, member(m, m->process, "user", JSON_OBJECT), "uid", json_uint(m->doc, n));
	if (!colon)
		return;
	num_u64(colon + 1, UINT32_MAX, &n);
	put(m, member(m, m->process, "user", JSON_OBJECT), "gid", json_uint(m->doc, n));
}

static void apply(struct making *m, const struct args *a)
{
	struct json *words = json_array(m->doc);
	const char *value;

	for (size_t i = 0; i < a->n_command; i++)
		push(m, words, text_of(m, "the command", a->command[i]));
	put(m, m->process, "args", words);
	put_text(m, a, ARG_CWD, "cwd");
	put_text(m, a, ARG_APPARMOR, "apparmorProfile");
	put_text(m, a, ARG_PROCESS_LABEL, "selinuxLabel");
	add_capabilities(m, a);
	for (size_t i = 0; (value = args_nth(a, ARG_ENV, i)); i++)
		push(m, member(m, m->process, "env", JSON_ARRAY), text_of(m, "--env", value));
	put(m, m->process, "terminal", json_bool(m->doc, args_has(a, ARG_TTY)));
	if (args_has(a, ARG_NO_NEW_PRIVS))
		put(m, m->process, "noNewPrivileges", json_bool(m->doc, true));
	put_user(m, a);
}

static int from_options(
	const struct args *a, const char *bundle, struct json_doc **out, struct err *e)
{
	AUTO_BUNDLE struct bundle b = BUNDLE_INIT;
	struct making m = {.e = e};

	if (!bundle)
		return err_set(e, ERR_INPUT,
			"the container's bundle is not known, and with it not the process to begin "
			"with; give --process");
	if (bundle_load(bundle, &b, e) < 0)
		return -1;
	m.doc = b.doc;
	m.process = json_get(json_root(b.doc), "process");
	if (!m.process)
		return err_set(e, ERR_INPUT,
			"bundle %.256s: config.json has no process to begin with", bundle);
	json_remove(m.process);
	json_set_root(b.doc, m.process);
	apply(&m, a);
	if (m.failed || spec_check(b.doc, spec_process, e) < 0)
		return -1;
	*out = take_ptr(&b.doc);
	return 0;
}

int exec_process_read(
	const struct args *a, const char *bundle, struct json_doc **out, struct err *e)
{
	const char *path = args_value(a, ARG_PROCESS);

	if (!path)
		return from_options(a, bundle, out, e);
	if (from_file(path, out, e) < 0)
		return err_wrap(e, "--process %.256s", path);
	return 0;
}

/* ---- the rest of the line ---- */

/* What is wrong with "[CONTROLLER,...:]PATH"; NULL: nothing. */
static const char *cgroup_wrong(const char *value)
{
	const char *colon = strchr(value, ':'), *path = colon ? colon + 1 : value;

	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "it has a control character";
	if (colon && strchr(path, ':'))
		return "more than one \":\"";
	return *path && strcmp(path, "/") != 0 && !path_plain(path)
		       ? "write the path without \".\", \"..\" and \"//\""
		       : NULL;
}

static bool is_runc(const char *runtime)
{
	const char *slash = strrchr(runtime, '/');

	return strstr(slash ? slash : runtime, "runc") != NULL;
}

int exec_process_cgroups(const struct args *a, const char *runtime, const struct profile *p,
	struct report *report, struct err *e)
{
	const char *said_by = p->said_by[CONTROL_EXEC];
	struct edit ed = {
		.report = report,
		.profile = said_by ? said_by : p->name,
		.line = p->line[CONTROL_EXEC],
		.control = CONTROL_EXEC,
		.enforced = !profile_audits(p, CONTROL_EXEC),
	};
	const char *value;

	for (size_t i = 0; (value = args_nth(a, ARG_CGROUP, i)); i++) {
		const char *wrong = cgroup_wrong(value);

		if (wrong)
			edit_deny_at(&ed, args_opt_name(ARG_CGROUP),
				"the process stays in the container's own cgroup, and \"%.256s\" "
				"may "
				"lead out of it: %s",
				value, wrong);
		else if (strcmp(value, "/") != 0 && !is_runc(runtime))
			edit_deny_at(&ed, args_opt_name(ARG_CGROUP),
				"%s leaves a process in its caller's cgroup where there is no "
				"\"%.256s\": start it without --cgroup",
				runtime, value);
	}
	return ed.failed ? err_nomem(e) : 0;
}

int exec_process_line(struct args *a, const char *path, struct err *e)
{
	static const enum args_opt ignored[] = {ARG_CWD, ARG_ENV, ARG_TTY, ARG_USER,
		ARG_ADDITIONAL_GIDS, ARG_CAP, ARG_PROCESS_LABEL, ARG_APPARMOR, ARG_NO_NEW_PRIVS};

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		args_unset(a, ignored[i]);
	a->n_command = 0;
	return args_set(a, ARG_PROCESS, path, e);
}
