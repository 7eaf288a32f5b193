/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launch - the built program, from what an engine hands over to the records: which profile governs,
 * what audit mode leaves alone, which images may start.
 */
#include <dirent.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "shim/tighten.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

#define TASK "/run/containerd/io.containerd.runtime.v2.task/"
#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define PROFILE(name, more) "{\"profile\":\"" name "\",\"version\":\"2\"," more "}"
#define EASY "\"user\":{\"root\":\"allow\"},\"namespaces\":{\"host\":[\"cgroup\"]}"

static const char watch[] = PROFILE("watch", "\"mode\":\"audit\"");
static const char learner[] = PROFILE("learner", "\"mode\":\"learn\"");
static const char partly[] = PROFILE("partly", "\"audit\":[\"rootfs\",\"image\"]," EASY);
static const char tags[] = PROFILE("tags", EASY ",\"image\":{\"registries\":[\"ok.example/**\"]}");
static const char digests[] = PROFILE("digests", EASY ",\"image\":{\"digest\":\"required\"}");

#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, name, sizeof name - 1                                                       \
	}
static const struct policy_text more[] = {
	TEXT(watch), TEXT(learner), TEXT(partly), TEXT(tags), TEXT(digests)};
enum { N_MORE = sizeof more / sizeof *more };

static void apply(const char *node)
{
	struct denied_image v[] = {
		{(char *)A, (char *)"remote code execution", (char *)"CVE-2026-1"}};
	const struct denied denied = {.v = v, .n = 1};

	apply_policy(STORE_DIR, node, more, N_MORE, &denied);
}

/* The recorded document NAME, its annotations replaced by ANNOTATIONS (JSON; NULL: left). */
static char *document(const char *name, const char *annotations)
{
	AUTO_JSON struct json_doc *doc = NULL, *notes = NULL;
	AUTO_FREE char *text = launch_sample(name);
	AUTO_STR struct str out = STR_INIT;
	struct err e = {0};

	if (json_parse(text, strlen(text), &spec_limits, 0, &doc, &e) < 0 ||
		(annotations && json_parse(annotations, strlen(annotations), &spec_limits, 0,
					&notes, &e) < 0)) {
		printf("# %s: %s\n", name, e.msg);
		exit(2);
	}
	if (notes)
		json_put(doc, json_root(doc), "annotations", json_clone(doc, json_root(notes)));
	json_write_pretty(json_root(doc), &out); /* unlike what cinch writes */
	return str_take(&out);
}

static struct launched create(
	const char *options, const char *bundle, const char *id, const char *text)
{
	char line[512];

	launch_bundle(bundle, text);
	snprintf(line, sizeof line, "%s --root /run/rt create --bundle %s %s", options, bundle, id);
	return launch_run(NULL, line);
}

static bool same_document(const char *bundle, const char *text)
{
	char path[256];
	AUTO_FREE char *now = NULL;

	snprintf(path, sizeof path, "%s/config.json", bundle);
	now = launch_read(path);
	return now && strcmp(now, text) == 0;
}

/* How many changes of the record have "enforced": FLAG. */
static unsigned count(const struct launched *l, bool flag)
{
	unsigned n = 0;

	json_each (c, l->record ? json_get(json_root(l->record), "changes") : NULL)
		n += json_is_true(json_get(c, "enforced")) == flag;
	return n;
}

static bool would_refuse(const struct launched *l)
{
	return l->record && json_is_true(json_get(json_root(l->record), "wouldRefuse"));
}

/* ---- audit mode ---- */

static void audited(const char *options, const char *sample, bool refused, const char *what)
{
	AUTO_FREE char *text = document(sample, NULL);
	AUTO_LAUNCHED struct launched l = create(options, "/run/b/box", "box", text);

	ok(l.status == 0 && l.started, "%s, %s: it starts: %s", what, sample, l.err);
	ok(same_document("/run/b/box", text), "with exactly what it asked for");
	tap_same(launched_text(&l, "/result"), "audited", "result");
	tap_same(launched_text(&l, "/mode"), "audit", "mode");
	ok(would_refuse(&l) || !refused, "would be refused: %d", would_refuse(&l));
	ok(count(&l, true) == 0 && count(&l, false) > 0, "%u changes, none enforced",
		count(&l, false));
}

static void test_audit(void)
{
	static const char *const samples[] = {"ctr-default.json", "ctr-privileged.json",
		"cri-privileged.json", "docker-default.json", "podman-default.json"};

	apply("{\"mode\": \"audit\"}");
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		audited("", samples[i], false, "node");
	audited("", "ctr-nethost.json", true, "node");
	audited("--cinch-profile digests", "ctr-default.json", true, "node");
	apply("{\"defaultProfile\": \"watch\"}");
	audited("", "ctr-nethost.json", true, "profile");
	audited("--cinch-profile learner", "ctr-nethost.json", true, "profile that learns");
}

static void test_learn_says_so(void)
{
	AUTO_FREE char *text = document("ctr-default.json", NULL);
	AUTO_LAUNCHED struct launched l = {0};

	apply("");
	l = create("--cinch-profile learner", "/run/b/box", "box", text);
	ok(strstr(launched_text(&l, "/note"), "mode learn is the same as audit"), "note: %s",
		launched_text(&l, "/note"));
}

/* Single controls, and two profiles of which one audits. */
static void test_partly(void)
{
	static const struct {
		const char *options, *annotation;
		bool readonly; /* wanted */
		const char *what;
	} rows[] = {
		{"--cinch-profile partly", NULL, false, "a control that only reports"},
		{"--cinch-profile watch", "restricted", true, "one that enforces on top"},
		{"--cinch-profile restricted", "watch", true, "one that audits on top"},
		{"--cinch-profile partly", "watch", false, "audit on top of partly audit"},
	};

	apply("");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char notes[128];
		AUTO_FREE char *text = NULL, *now = NULL;
		AUTO_LAUNCHED struct launched l = {0};
		AUTO_JSON struct json_doc *doc = NULL;
		struct err e = {0};

		snprintf(notes, sizeof notes, "{\"io.cinch.profile\": \"%s\"}", rows[i].annotation);
		text = document("ctr-default.json", rows[i].annotation ? notes : NULL);
		l = create(rows[i].options, "/run/b/box", "box", text);
		now = launch_read("/run/b/box/config.json");
		if (!now || json_parse(now, strlen(now), &spec_limits, 0, &doc, &e) < 0) {
			ok(false, "%s: %s", rows[i].what, l.err);
			continue;
		}
		ok(l.status == 0 && l.started, "%s: %s", rows[i].what, l.err);
		tap_same(launched_text(&l, "/result"), "changed", "result");
		tap_same(launched_text(&l, "/mode"), "enforce", "mode");
		ok(count(&l, true) && count(&l, false), "%u enforced, %u only reported",
			count(&l, true), count(&l, false));
		ok(json_is_true(json_at(json_root(doc), "/root/readonly")) == rows[i].readonly,
			"the root file system is %sread-only", rows[i].readonly ? "" : "not ");
	}
}

/* On a node in audit mode no annotation keeps a container from starting. */
static void test_audit_annotation(void)
{
	AUTO_FREE char *text = document("ctr-default.json", "{\"io.cinch.profile\": \"nobody\"}");
	AUTO_LAUNCHED struct launched l = {0}, enforced = {0}, closed = {0};

	apply("{\"mode\": \"audit\"}");
	l = create("", "/run/b/box", "box", text);
	ok(l.status == 0 && l.started && would_refuse(&l), "reported: %s",
		launched_text(&l, "/changes/0/why"));
	ok(same_document("/run/b/box", text), "and the document is as it was");
	tap_same(launched_text(&l, "/changes/0/place"), "/annotations/io.cinch.profile", "place");
	apply("");
	enforced = create("", "/run/b/box", "box", text);
	ok(enforced.status == 1 && !enforced.started && strstr(enforced.err, "\"nobody\""),
		"enforced: %s", enforced.err);
	apply("{\"annotations\": {\"profile\": false}}");
	closed = create("", "/run/b/box", "box", text);
	ok(closed.status == 1 && strstr(closed.err, "lets no container choose"), "closed: %s",
		closed.err);
	tap_same(launched_text(&closed, "/result"), "refused", "result");
}

/* What audit mode reports is what enforcing does, change by change. */
static void same_report(const char *name, const char *profile)
{
	AUTO_JSON struct json_doc *a = NULL, *b = NULL;
	AUTO_REPORT struct report ra = {0}, rb = {0};
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_FREE char *text = launch_sample(name);
	AUTO_STR struct str before = STR_INIT, after = STR_INIT;
	AUTO_FAKE struct world_fake fake;
	struct err e = {0};
	size_t i = 0;

	world_fake_init(&fake);
	if (json_parse(text, strlen(text), &spec_limits, 0, &a, &e) < 0 ||
		json_parse(text, strlen(text), &spec_limits, 0, &b, &e) < 0 ||
		profile_builtin(profile, &p, &e) < 0) {
		ok(false, "%s: %s", name, e.msg);
		return;
	}
	p->mode = PROFILE_ENFORCE;
	tighten(a, p, &fake.world, &ra, &e);
	p->mode = PROFILE_AUDIT;
	json_write(json_root(b), &before);
	ok(tighten(b, p, &fake.world, &rb, &e) == 0, "%s: %s: audit refuses nothing", profile,
		name);
	json_write(json_root(b), &after);
	tap_same(str_text(&after), str_text(&before), "and changes nothing");
	while (i < ra.n && i < rb.n && ra.changes[i].kind == rb.changes[i].kind &&
		strcmp(ra.changes[i].place, rb.changes[i].place) == 0 &&
		strcmp(ra.changes[i].why, rb.changes[i].why) == 0 && ra.changes[i].enforced &&
		!rb.changes[i].enforced)
		i++;
	ok(i == ra.n && i == rb.n, "and reports the same %zu changes (%zu, %zu)", i, ra.n, rb.n);
}

static void test_same_report(void)
{
	DIR *dir = opendir("/run/samples");

	for (struct dirent *d; dir && (d = readdir(dir));)
		if (strstr(d->d_name, ".json") && !strstr(d->d_name, "-process") &&
			!strstr(d->d_name, "-resources")) {
			same_report(d->d_name, "restricted");
			same_report(d->d_name, "baseline");
		}
	if (dir)
		closedir(dir);
}

/* ---- who is who ---- */

#define POD                                                                                        \
	"\"io.kubernetes.cri.container-type\": \"container\","                                     \
	"\"io.kubernetes.cri.sandbox-namespace\": \"kube-system\","                                \
	"\"io.kubernetes.cri.sandbox-name\": \"cni-1\","                                           \
	"\"io.kubernetes.cri.container-name\": \"cni\","                                           \
	"\"io.kubernetes.cri.sandbox-uid\": \"1234\","                                             \
	"\"io.kubernetes.cri.image-name\": \"ok.example/cni:1\""

static const char by_rules[] = "{\"select\": [\n"
			       "{\"namespace\": \"kube-system\", \"profile\": \"watch\"}],\n"
			       "\"annotations\": {\"record\": [\"example.org/*\"]}}";

static void test_facts(void)
{
	static const struct {
		const char *pointer, *want;
	} wanted[] = {{"/engine", "cri"}, {"/namespace", "kube-system"}, {"/pod", "cni-1"},
		{"/container", "cni"}, {"/image/name", "ok.example/cni:1"}, {"/mode", "audit"},
		{"/policy/from", "current"}, {"/select", "rule cinch.json:2"},
		{"/profiles/0/name", "watch"}, {"/profiles/0/version", "2"},
		{"/annotations/example.org~1owner", "me"}, {"/annotations/example.net~1x", ""},
		{"/id", "box"}, {"/verb", "create"}, {"/bundle", TASK "k8s.io/box"}};
	AUTO_FREE char *text = document("ctr-default.json",
		"{" POD ", \"example.org/owner\": \"me\", \"example.net/x\": \"no\"}");
	AUTO_FREE char *state = NULL;
	AUTO_LAUNCHED struct launched l = {0};

	apply(by_rules);
	l = create("", TASK "k8s.io/box", "box", text);
	ok(l.status == 0 && l.started, "a container of a pod: %s", l.err);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		tap_same(launched_text(&l, wanted[i].pointer), wanted[i].want, wanted[i].pointer);
	ok(strlen(launched_text(&l, "/policy/digest")) == 64, "the policy's digest");
	if (system("cat " RIG_STATE "/*/box.json >/run/state.json") == 0)
		state = launch_read("/run/state.json");
	ok(state && strstr(state, "\"pod\":\"cni-1\"") && strstr(state, "\"rule\":2") &&
			strstr(state, "\"enforced\":false") &&
			strstr(state, launched_text(&l, "/policy/digest")),
		"the state record: %s", state ? state : "none");
}

/* The same annotations from somebody who may write them. */
static void test_lies(void)
{
	static const struct {
		const char *bundle, *engine;
	} places[] = {{TASK "default/box", "containerd"}, {TASK "moby/box", "docker"},
		{"/run/b/box", "unknown"}, {"/var/lib/x/buildkit/executor/box", "buildkit"},
		{"/var/lib/s/overlay-containers/box/userdata", "unknown"}};
	AUTO_FREE char *text =
		document("ctr-default.json", "{" POD ", \"io.container.manager\": \"cri-o\","
					     " \"io.kubernetes.pod.namespace\": \"kube-system\"}");

	apply(by_rules);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		AUTO_LAUNCHED struct launched l = create("", places[i].bundle, "box", text);

		ok(l.status == 0 && l.started, "%s: %s", places[i].engine, l.err);
		tap_same(launched_text(&l, "/engine"), places[i].engine, "engine");
		tap_same(launched_text(&l, "/profiles/0/name"), "restricted", "profile");
		tap_same(launched_text(&l, "/select"), "default", "select");
		ok(!launched_text(&l, "/pod")[0] && !launched_text(&l, "/image/name")[0],
			"nothing of it is believed");
	}
}

/* ---- images ---- */

static void image_row(const char *profile, const char *type, const char *image, const char *refused)
{
	char notes[512], options[64];
	AUTO_FREE char *text = NULL;
	AUTO_LAUNCHED struct launched l = {0};

	snprintf(notes, sizeof notes,
		"{\"io.kubernetes.cri.container-type\": \"%s\","
		"\"io.kubernetes.cri.image-name\": \"%s\"}",
		type, image);
	snprintf(options, sizeof options, "--cinch-profile %s", profile);
	text = document("ctr-default.json", notes);
	l = create(options, TASK "k8s.io/box", "box", text);
	if (refused)
		ok(l.status == 1 && !l.started && strstr(l.err, refused), "%s: %s: %s", profile,
			image, l.err);
	else
		ok(l.status == 0 && l.started, "%s: %s starts: %s", profile, image, l.err);
	if (!refused || strcmp(type, "sandbox") == 0)
		return;
	tap_same(launched_text(&l, "/changes/0/control"), "image", "control");
	tap_same(launched_text(&l, "/image/name"), image, "the image is in the record");
}

static void test_images(void)
{
	AUTO_FREE char *text = document("ctr-default.json", NULL);
	AUTO_LAUNCHED struct launched untold = {0};

	apply("");
	image_row("tags", "container", "ok.example/shop:1", NULL);
	image_row("tags", "container", "no.example/shop:1", "not from an approved registry");
	image_row("tags", "sandbox", "no.example/shop:1", NULL);
	image_row("digests", "container", "ok.example/shop:1", "named by a tag");
	image_row("digests", "container", "ok.example/shop@" B, NULL);
	image_row("restricted", "container", "ok.example/shop@" A,
		"denied on this node: remote code execution (CVE-2026-1)");
	image_row("partly", "container", "ok.example/shop@" A, NULL); /* image only reports */
	untold = create("--cinch-profile tags", TASK "default/box", "box", text);
	ok(untold.status == 1 && strstr(untold.err, "does not tell which image"),
		"an engine that tells nothing: %s", untold.err);
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("the built program", why);
		return tap_done();
	}
	test_audit();
	test_learn_says_so();
	test_partly();
	test_audit_annotation();
	test_same_report();
	test_facts();
	test_lies();
	test_images();
	return tap_done();
}
