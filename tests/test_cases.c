/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cases - hostile and odd documents as data: one folder of tests/cases for each.
 *
 *   in.json       the document, as an engine or an attacker would write it
 *   profile.name  a built-in profile ("restricted" when there is no such file), or
 *   profile.json  one of its own
 *   world         what the host and the rootfs look like (tests/world_fake.h), may be missing
 *   want.err      refused: every line must be a part of the message
 *   want.json     accepted: what is in it must be in the result. Objects are compared member by
 *                 member, null means absent; arrays and all else must be the same
 *
 * A new case is a new folder. Every case also has to keep the promises the rig checks.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/tap.h"
#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

#define CASES "tests/cases"

static char *text_of(int dir, const char *name, size_t *len)
{
	char *text = NULL;
	struct err e;

	return io_read_file_at(dir, name, 4u << 20, &text, len, NULL, &e) < 0 ? NULL : text;
}

static int load_profile(int dir, struct profile **p, struct err *e)
{
	size_t len = 0;
	AUTO_FREE char *own = text_of(dir, "profile.json", &len);
	AUTO_FREE char *name = NULL;

	if (own)
		return profile_parse("profile.json", own, len, p, e);
	name = text_of(dir, "profile.name", &len);
	if (name)
		name[strcspn(name, "\n")] = '\0';
	return profile_builtin(name ? name : "restricted", p, e);
}

/* The first place where GOT is not what WANT says; false when there is none. */
static bool differs(const struct json *want, const struct json *got, struct str *where)
{
	if (json_is(want, JSON_NULL) && (!got || got->type == JSON_NULL))
		return false;
	if (json_is(want, JSON_OBJECT) && json_is(got, JSON_OBJECT)) {
		json_each (v, want)
			if (differs(v, json_get(got, v->key), where))
				return true;
		return false;
	}
	if (json_equal(want, got))
		return false;
	json_pointer(want, where);
	str_add(where, " is ");
	if (got)
		json_write(got, where);
	else
		str_add(where, "absent");
	return true;
}

static void check_accepted(const char *name, const struct rig *r, const char *want, size_t len)
{
	static const struct json_limits limits = {1u << 20, 50, 20000};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str where = STR_INIT;
	struct err e = {0};
	bool wrong;

	if (!ok(r->accepted, "%s: accepted: %s", name, r->e.msg))
		return;
	if (!ok(json_parse(want, len, &limits, JSON_COMMENTS, &doc, &e) == 0, "%s: want.json: %s",
		    name, e.msg))
		return;
	wrong = differs(json_root(doc), json_root(r->doc), &where);
	ok(!wrong, "%s: the result %s", name, wrong ? str_text(&where) : "is as wanted");
}

static void check_refused(const char *name, const struct rig *r, char *want)
{
	ok(!r->accepted, "%s: refused", name);
	for (char *line = strtok(want, "\n"); line; line = strtok(NULL, "\n"))
		if (!ok(strstr(r->e.msg, line), "%s: %s", name, line))
			printf("#  got: %s\n", r->e.msg);
}

static void one(const char *name)
{
	AUTO_STR struct str path = STR_INIT;
	AUTO_FD int dir = -1;
	AUTO_FREE char *in = NULL, *world = NULL, *err = NULL, *want = NULL;
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_FAKE struct world_fake fake;
	AUTO_RIG struct rig r = {.accepted = false};
	struct err e = {0};
	size_t in_len = 0, len = 0;

	str_addf(&path, "%s/%s", CASES, name);
	dir = open(str_text(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	world_fake_init(&fake);
	in = text_of(dir, "in.json", &in_len);
	world = text_of(dir, "world", &len);
	if (!ok(in && load_profile(dir, &p, &e) == 0 &&
			    (!world || world_fake_load(&fake, world, len, &e) == 0),
		    "%s: can be read: %s", name, e.msg))
		return;
	rig_run(&r, in, in_len, p, &fake.world);
	if (!ok(r.bad.n == 0, "%s: keeps every promise", name))
		for (size_t i = 0; i < r.bad.n; i++)
			printf("# %s\n", r.bad.v[i]);
	err = text_of(dir, "want.err", &len);
	if (err)
		check_refused(name, &r, err);
	want = text_of(dir, "want.json", &len);
	if (want)
		check_accepted(name, &r, want, len);
	ok(!err != !want, "%s: has a want.err or a want.json", name);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.' && (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN);
}

int main(int argc, char **argv)
{
	struct dirent **found = NULL;
	int n;

	for (int i = 1; i < argc; i++)
		one(argv[i]);
	if (argc > 1)
		return tap_done();
	n = scandir(CASES, &found, visible, alphasort);
	ok(n > 0, "there are cases");
	for (int i = 0; i < n; i++) {
		one(found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return tap_done();
}
