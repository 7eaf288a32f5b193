/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_samples - every document recorded from an engine, through both built-in profiles.
 *
 * What comes out is compared with tests/data/golden/PROFILE/SAMPLE.json: the result (the filter only
 * in numbers), every change in words, or the refusal. UPDATE_GOLDEN=1 writes the files anew; read the
 * difference before you commit it.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/spec.h"
#include "tests/ratchet.h"
#include "tests/tap.h"
#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

#include <fcntl.h>

#define SAMPLES "tests/data/samples"
#define GOLDEN "tests/data/golden"

/* Everything else is ordinary and must start. The words must be in the reason. */
static const struct {
	const char *sample;
	const char *restricted, *baseline; /* NULL: starts */
} refused[] = {
	{"ctr-nethost", "host's network namespace", "host's network namespace"},
	{"cri-hostns-sandbox", "host's network namespace", "host's network namespace"},
	{"docker-nethost", "host's network namespace", "host's network namespace"},
	{"docker-pidhost", "host's pid namespace", "host's pid namespace"},
	{"podman-nethost", "host's network namespace", "host's network namespace"},
};

static int root_dir = AT_FDCWD;

static const char *expected(const char *sample, const char *profile)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(refused[i].sample, sample) == 0)
			return strcmp(profile, "restricted") == 0 ? refused[i].restricted
								  : refused[i].baseline;
	return NULL;
}

static char *read_text(const char *path, size_t *len)
{
	char *text = NULL;
	struct err e;

	return io_read_file_at(root_dir, path, 4u << 20, &text, len, NULL, &e) < 0 ? NULL : text;
}

/* Hundreds of names in a hundred files help no reader: the filter in numbers. */
static void summarise_filter(struct json_doc *doc, struct json *root)
{
	struct json *filter = json_at(root, "/linux/seccomp");
	AUTO_STR struct str s = STR_INIT;
	size_t rules = 0, names = 0;

	if (!filter)
		return;
	json_each (rule, json_get(filter, "syscalls")) {
		rules++;
		json_each (name, json_get(rule, "names"))
			names += json_str(name) != NULL;
	}
	str_addf(
		&s, "%s, %s", json_str(json_get(filter, "defaultAction")), rules ? "" : "no rules");
	if (rules)
		str_addf(&s, "%zu rules or more, %zu names or more", rules - rules % 10,
			names - names % 100);
	json_replace(filter, json_string(doc, str_text(&s)));
}

/* The golden text of a run; the caller frees it. */
static char *golden_text(const struct rig *r)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str lines = STR_INIT, out = STR_INIT;
	struct json *top = json_object(doc), *changes = json_array(doc);

	rig_changes(r, &lines);
	if (!r->accepted)
		json_put(doc, top, "refused", json_string_lossy(doc, r->e.msg));
	json_put(doc, top, "changes", changes);
	for (char *line = lines.s, *end; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		json_push(changes, json_string_lossy(doc, line));
	}
	if (r->accepted) {
		struct json *result = json_clone(doc, json_root(r->doc));

		json_put(doc, top, "result", result);
		summarise_filter(doc, top->last);
	}
	json_write_pretty(top, &out);
	return str_take(&out);
}

static void compare(const char *sample, const char *profile, const struct rig *r)
{
	AUTO_STR struct str path = STR_INIT, what = STR_INIT;
	AUTO_FREE char *got = golden_text(r), *want = NULL;
	const char *update = getenv("UPDATE_GOLDEN");
	size_t len, line = 1, i = 0;

	str_addf(&path, "%s/%s/%s.json", GOLDEN, profile, sample);
	if (update && strcmp(update, "1") == 0) {
		FILE *f = fopen(str_text(&path), "we");

		if (f)
			fputs(got, f);
		if (f)
			fclose(f);
	}
	want = read_text(str_text(&path), &len);
	if (ok(want && strcmp(got, want) == 0, "%s under %s is as it was", sample, profile))
		return;
	for (; want && got[i] && got[i] == want[i]; i++)
		line += got[i] == '\n';
	printf("# %s differs from line %zu on; UPDATE_GOLDEN=1 writes it anew\n", str_text(&path),
		line);
	str_addf(&what, "# now: %.*s\n", (int)strcspn(got + i, "\n"), got + i);
	fputs(str_text(&what), stdout);
}

static const char *compact(const struct json *v, struct str *out)
{
	str_reset(out);
	json_write(v, out);
	return str_text(out);
}

/* What is equal in meaning is equal in bytes: nothing was written anew without need. */
static bool untouched(const struct json *in, const struct json *out, struct str *where)
{
	AUTO_STR struct str a = STR_INIT, b = STR_INIT;

	if (json_equal(in, out) && strcmp(compact(in, &a), compact(out, &b)) != 0) {
		json_pointer(out, where);
		return false;
	}
	if (in->type != JSON_OBJECT || out->type != JSON_OBJECT)
		return true;
	json_each (v, out) {
		const struct json *was = json_get(in, v->key);

		if (was && v->key_raw &&
			(was->key_raw_len != v->key_raw_len ||
				memcmp(was->key_raw, v->key_raw, v->key_raw_len) != 0)) {
			json_pointer(v, where);
			return false;
		}
		if (was && !untouched(was, v, where))
			return false;
	}
	return true;
}

/* Members that stay keep their order, whatever was put in or taken out between them. */
static bool in_order(const struct json *in, const struct json *out)
{
	const struct json *next = in->first;

	json_each (v, out) {
		const struct json *was = json_get(in, v->key);

		if (!was)
			continue;
		while (next && next != was)
			next = next->next;
		if (!next ||
			(v->type == JSON_OBJECT && was->type == JSON_OBJECT && !in_order(was, v)))
			return false;
	}
	return true;
}

static void one(const char *sample, const char *text, size_t len, const struct profile *p,
	const struct world *w)
{
	const char *reason = expected(sample, p->name);
	AUTO_STR struct str where = STR_INIT;
	AUTO_RIG struct rig r;

	rig_run(&r, text, len, p, w);
	if (r.accepted)
		ratchet_filters(json_root(r.in), json_root(r.doc), &r.bad);
	if (reason)
		ok(!r.accepted && strstr(r.e.msg, reason), "%s is refused by %s: %s", sample,
			p->name, r.e.msg);
	else
		ok(r.accepted, "%s starts under %s: %s", sample, p->name, r.e.msg);
	if (!ok(r.bad.n == 0, "%s under %s keeps every promise", sample, p->name))
		for (size_t i = 0; i < r.bad.n; i++)
			printf("# %s\n", r.bad.v[i]);
	if (r.accepted) {
		bool same = untouched(json_root(r.in), json_root(r.doc), &where);

		ok(same, "%s under %s: what is the same has the same bytes %s", sample, p->name,
			str_text(&where));
		ok(in_order(json_root(r.in), json_root(r.doc)),
			"%s under %s: members keep their order", sample, p->name);
	}
	compare(sample, p->name, &r);
}

static int is_sample(const struct dirent *d)
{
	return str_ends(d->d_name, ".json");
}

/* exec's and update's documents have the shapes we know. */
static void other_shapes(const char *name, const char *text, size_t len)
{
	const struct spec_field *fields =
		str_ends(name, "-process") ? spec_process : spec_resources;
	AUTO_JSON struct json_doc *doc = NULL;
	struct err e = {0};

	ok(json_parse(text, len, &spec_limits, JSON_STRICT, &doc, &e) == 0 &&
			spec_check(doc, fields, &e) == 0,
		"%s has a shape we know: %s", name, e.msg);
}

int main(void)
{
	AUTO_FAKE struct world_fake fake;
	AUTO_PROFILE struct profile *restricted = NULL, *baseline = NULL;
	struct dirent **found = NULL;
	struct err e = {0};
	int n, configs = 0;

	root_dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdir(GOLDEN, 0755);
	mkdir(GOLDEN "/restricted", 0755);
	mkdir(GOLDEN "/baseline", 0755);
	world_fake_init(&fake);
	if (!ok(profile_builtin("restricted", &restricted, &e) == 0 &&
			    profile_builtin("baseline", &baseline, &e) == 0,
		    "both built-in profiles: %s", e.msg))
		return tap_done();
	n = scandir(SAMPLES, &found, is_sample, alphasort);
	for (int i = 0; i < n; i++) {
		AUTO_STR struct str path = STR_INIT, name = STR_INIT;
		AUTO_FREE char *text = NULL;
		size_t len = 0;

		str_addf(&path, "%s/%s", SAMPLES, found[i]->d_name);
		str_addn(&name, found[i]->d_name, strlen(found[i]->d_name) - strlen(".json"));
		text = read_text(str_text(&path), &len);
		free(found[i]);
		if (!ok(text, "%s can be read", str_text(&path)))
			continue;
		if (str_ends(str_text(&name), "-process") ||
			str_ends(str_text(&name), "-resources")) {
			other_shapes(str_text(&name), text, len);
			continue;
		}
		configs++;
		fake.world.in_user_ns = str_starts(str_text(&name), "podman-rootless");
		one(str_text(&name), text, len, restricted, &fake.world);
		one(str_text(&name), text, len, baseline, &fake.world);
	}
	free(found);
	ok(configs == 50 && n == 61, "all 61 samples were there");
	close(root_dir);
	return tap_done();
}
