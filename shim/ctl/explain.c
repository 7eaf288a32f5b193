/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - what a profile would change or refuse in a container, and why; nothing is written.
 *
 * The same steps as a launch: read, check, learn what the engine tells, choose the profiles by the policy
 * in force, tighten. A process document, as engines hand it to exec, is held to what the same profiles let
 * one do that is started later; what a runtime would take from the container is not known here.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/away.h"
#include "shim/ctl/patch.h"
#include "shim/ctl/profile_file.h"
#include "shim/ctl/table.h"
#include "shim/network.h"
#include "shim/record.h"
#include "shim/select.h"
#include "shim/spec.h"
#include "shim/tighten.h"

/* One container and what became of it. */
struct case_file {
	int dir;
	struct json_doc *doc;
	struct applied applied;
	struct engine engine;
	struct selection profiles;
	struct world host, world;
	bool away; /* the container is not on this host */
	bool process; /* not a container's document but that of an exec */
	struct report report;
	struct network network;
	struct err refusal; /* code 0: it may start */
};

static void case_done(struct case_file *c)
{
	cleanup_fd(&c->dir);
	json_free(c->doc);
	engine_done(&c->engine);
	select_done(&c->profiles);
	applied_done(&c->applied);
	world_done(&c->host);
	network_done(&c->network);
	report_done(&c->report);
}

/* ---- the work ---- */

/* Opens the bundle directory of PATH, which is one or lies in one; *NAME is the document in it. */
static int open_bundle(const char *path, const char **name, struct err *e)
{
	AUTO_FREE char *parent = NULL;
	const char *slash = strrchr(path, '/');
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		*name = "config.json";
		return fd;
	}
	if (errno != ENOTDIR)
		return err_set(e, errno, "open %.256s", path);
	parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!parent)
		return err_nomem(e);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %.256s", parent);
	*name = slash ? slash + 1 : path;
	return fd;
}

static bool is_process(const struct json *root)
{
	return json_is(root, JSON_OBJECT) && json_member(root, "args") &&
	       !json_member(root, "process") && !json_member(root, "ociVersion");
}

/* As what the passes judge at exec (running.h), in a container that says nothing. */
static int wrap_process(struct json_doc *doc, struct err *e)
{
	struct json *root = json_object(doc);

	if (json_put(doc, root, "process", json_clone(doc, json_root(doc))) < 0 ||
		json_put(doc, root, "linux", json_object(doc)) < 0)
		return err_nomem(e);
	json_set_root(doc, root);
	return 0;
}

static int load_document(const char *path, struct case_file *c, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const char *name = NULL;
	size_t len;

	c->dir = open_bundle(path, &name, e);
	if (c->dir < 0)
		return -1;
	if (io_read_file_at(c->dir, name, spec_limits.bytes, &text, &len, NULL, e) < 0)
		return -1;
	if (json_parse(text, len, &spec_limits, JSON_STRICT, &c->doc, e) < 0)
		return err_wrap(e, "%s", name);
	c->process = is_process(json_root(c->doc));
	if (spec_check(c->doc, c->process ? spec_process : spec_config, e) < 0)
		return err_wrap(e, "%s", name);
	return c->process ? wrap_process(c->doc, e) : 0;
}

/* What engines name the bundle's container by: the directory's name, podman's is one above. */
static const char *id_of(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash && strcmp(slash, "/userdata") == 0) {
		*slash = '\0';
		slash = strrchr(path, '/');
	}
	return slash && slash[1] ? slash + 1 : NULL;
}

/* What the engine told, as far as the document and the place it lies in show it; or --image. */
static int learn(const struct ctl_call *call, struct case_file *c, struct err *e)
{
	const char *image = ctl_value(call, "image");
	char fd[64], path[PATH_MAX], id[PATH_MAX];
	struct engine_call who = {.bundle = path, .doc = c->doc};

	snprintf(fd, sizeof fd, "/proc/self/fd/%d", c->dir);
	if (realpath(fd, path)) {
		memcpy(id, path, sizeof id);
		who.id = id_of(id);
		if (engine_read(&who, &c->engine, e) < 0)
			return -1;
	}
	if (!image)
		return 0;
	image_done(&c->engine.image);
	return image_parse(image, &c->engine.image, e);
}

static int choose(const struct ctl_call *call, struct case_file *c, struct err *e)
{
	const char *named = ctl_value(call, "profile");
	AUTO_PROFILE struct profile *p = NULL;
	struct select_ask ask = {.store = ctl_value(call, "store"),
		.program = "cinchctl",
		.engine = &c->engine,
		.doc = c->doc};

	if (named && strchr(named, '/') && profile_file_load(named, &p, e) < 0)
		return -1;
	if (!p)
		ask.wanted = named;
	/* what the container's annotation adds comes on top, as in a launch */
	if (store_open(ask.store, &c->applied, e) < 0 ||
		select_profiles(&c->applied, &ask, &c->profiles, e) < 0)
		return -1;
	if (p) {
		select_relax(&c->applied, &p, 1);
		profile_free(c->profiles.p[0]);
		c->profiles.p[0] = take_ptr(&p);
	}
	if (named)
		snprintf(c->profiles.how, sizeof c->profiles.how, "--profile");
	return 0;
}

/* Which rules it gets. Whether this host can put them in force is seen when they are. */
static int look_at_network(struct case_file *c, struct err *e)
{
	const struct network_ask ask = {.profiles = &c->profiles,
		.settings = &c->applied.settings,
		.engine = &c->engine,
		.bundle = c->dir};

	if (network_decide(&ask, c->doc, &c->network, &c->report, &c->refusal) == 0)
		return network_note(&c->network, c->doc, &c->report, e);
	if (c->refusal.code == ERR_DENIED)
		return 0;
	*e = c->refusal;
	return -1;
}

static int decide(const struct ctl_call *call, struct case_file *c, struct err *e)
{
	const char *root;

	if (load_document(call->operands[0], c, e) < 0 || learn(call, c, e) < 0 ||
		choose(call, c, e) < 0)
		return -1;
	root = c->process ? "rootfs" : json_str(json_at(json_root(c->doc), "/root/path"));
	if (!root)
		return err_set(e, ERR_INPUT, "config.json has no root.path: no root filesystem");
	if (world_host(c->dir, root, &c->host, e) < 0)
		return -1;
	c->away = c->process || away_is(c->dir, root);
	c->world = c->away ? away_world(&c->host) : c->host;
	c->world.image = &c->engine.image;
	c->world.image_exempt = c->engine.sandbox;
	c->world.image_denied = &c->profiles.denied;
	c->world.running = c->process ? json_get(json_root(c->doc), "linux") : NULL;
	c->report.keep_values = ctl_given(call, "patch");
	if (!c->process && network_forget(c->doc, &c->report, e) < 0)
		return -1;
	for (size_t i = 0; i < c->profiles.n; i++)
		if ((c->process ? tighten_process : tighten)(
			    c->doc, c->profiles.p[i], &c->world, &c->report, &c->refusal) < 0) {
			if (c->refusal.code == ERR_DENIED)
				break;
			*e = c->refusal;
			return -1;
		}
	return c->process || c->refusal.code ? 0 : look_at_network(c, e);
}

/* ---- the answer ---- */

static int status(const struct case_file *c)
{
	if (c->refusal.code)
		return CTL_ERROR;
	return strcmp(record_result(&c->report, NULL), "unchanged") == 0 ? CTL_OK : CTL_FINDINGS;
}

static struct json *profile_json(struct json_doc *doc, const struct profile *p)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "profile", json_string(doc, p->name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, p->version)) < 0 ||
		json_put(doc, o, "digest", json_string(doc, p->digest)) < 0)
		return NULL;
	return o;
}

static int put(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return text && text[0] ? json_put(doc, o, key, json_string_lossy(doc, text)) : 0;
}

/* How the profiles were come to; the members are those of the audit record. */
static int put_choice(const struct case_file *c, struct json_doc *doc, struct json *o)
{
	const struct applied *a = &c->applied;
	struct json *policy = json_object(doc), *image = json_object(doc);
	const struct engine *g = &c->engine;

	if (put(doc, policy, "digest", a->digest) < 0 ||
		put(doc, policy, "from", applied_from_name(a->from)) < 0 ||
		put(doc, policy, "problem", a->problem.code ? a->problem.msg : NULL) < 0 ||
		put(doc, image, "name", g->image.text) < 0 ||
		put(doc, image, "digest", g->image.digest) < 0 ||
		put(doc, image, "id", g->image.id) < 0)
		return -1;
	if (put(doc, o, "select", c->profiles.how) < 0 ||
		put(doc, o, "mode", select_audits(&c->profiles) ? "audit" : "enforce") < 0 ||
		json_put(doc, o, "policy", policy) < 0 ||
		put(doc, o, "engine", engine_name(g->kind)) < 0 ||
		put(doc, o, "namespace", g->namespace) < 0 || put(doc, o, "pod", g->pod) < 0 ||
		put(doc, o, "container", g->container) < 0)
		return -1;
	return image->count ? json_put(doc, o, "image", image) : 0;
}

static struct json *answer_json(const struct case_file *c, struct json_doc *doc)
{
	struct json *o = profile_json(doc, c->profiles.p[0]);
	const char *result = record_result(&c->report, c->refusal.code ? &c->refusal : NULL);

	if (c->profiles.n > 1 && json_put(doc, o, "and", profile_json(doc, c->profiles.p[1])) < 0)
		return NULL;
	if (put_choice(c, doc, o) < 0 ||
		json_put(doc, o, "rootfs", json_string(doc, c->away ? "absent" : "present")) < 0 ||
		json_put(doc, o, "result", json_string(doc, result)) < 0 ||
		(record_would_refuse(&c->report) &&
			json_put(doc, o, "wouldRefuse", json_bool(doc, true)) < 0))
		return NULL;
	if (c->refusal.code &&
		json_put(doc, o, "error", json_string_lossy(doc, c->refusal.msg)) < 0)
		return NULL;
	if (json_put(doc, o, "changes", report_json(&c->report, doc)) < 0)
		return NULL;
	return o;
}

static int print_json(struct ctl_call *call, const struct case_file *c, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *v = NULL;

	if (doc)
		v = ctl_given(call, "patch") ? patch_json(&c->report, doc) : answer_json(c, doc);
	return ctl_put_json(call, v, e);
}

static void print_choice(const struct case_file *c, struct str *out)
{
	const struct applied *a = &c->applied;

	str_addf(out, "Chosen by: %s. Policy: %s", c->profiles.how, applied_from_name(a->from));
	if (a->digest[0])
		str_addf(out, " %.12s", a->digest);
	str_add(out, ".\n");
	if (select_audits(&c->profiles))
		str_addf(out, "Audit mode: nothing of it is enforced%s.\n",
			record_would_refuse(&c->report) ? ", enforced it would be refused" : "");
	if (a->problem.code) {
		table_text(a->problem.msg, ERR_MSG_MAX, out);
		str_addc(out, '\n');
	}
}

static void print_table(struct ctl_call *call, const struct case_file *c)
{
	const struct table_style style = {.width = ctl_width(), .colour = call->colour};
	struct str *out = &call->out;

	table_text(call->operands[0], style.width, out);
	str_addc(out, '\n');
	if (c->process)
		str_add(out,
			"(A process that is started in a running container: it would be held to\n"
			"what the container was started under. Taken here is what follows.)\n");
	else if (c->away)
		str_add(out, "(Its root filesystem is not here: files, volumes and\n"
			     "namespaces that are missing are taken as ordinary.)\n");
	table_report(&c->report, &style, out);
	str_addc(out, '\n');
	table_summary(&c->report, out);
	str_add(out, " under");
	for (size_t i = 0; i < c->profiles.n; i++)
		str_addf(out, "%s %s %s", i ? " and" : "", c->profiles.p[i]->name,
			c->profiles.p[i]->version);
	if (c->refusal.code)
		str_addf(out, ": the %s would not start", c->process ? "process" : "container");
	str_addc(out, '\n');
	print_choice(c, out);
}

static int run(struct ctl_call *call, struct err *e)
{
	__attribute__((cleanup(case_done))) struct case_file c = {.dir = -1};

	if (call->json && ctl_given(call, "patch"))
		return err_set(e, ERR_INPUT, "--json and --patch exclude each other");
	if (decide(call, &c, e) < 0)
		return -1;
	if (ctl_given(call, "patch") && c.process)
		return err_set(e, ERR_INPUT, "--patch is for the document of a container");
	if (ctl_given(call, "patch") && c.refusal.code) { /* half a patch would be misunderstood */
		*e = c.refusal;
		return -1;
	}
	if (!call->json && !ctl_given(call, "patch"))
		print_table(call, &c);
	else if (print_json(call, &c, e) < 0)
		return -1;
	return status(&c);
}

const struct ctl_command ctl_explain = {
	.name = "explain",
	.run = run,
	.operands = "BUNDLE|FILE",
	.least = 1,
	.most = 1,
	.word = CTL_FILE,
	.summary = "what a profile would change in a container, and why",
	.notes = "Exit status: 0 nothing to change, 1 changes, 2 refused or an error.\n",
	.options =
		{
			{"profile", "NAME|FILE", CTL_PROFILE,
				"a profile by name; with a \"/\" in it, a file"},
			{"image", "REFERENCE", CTL_TEXT, "take it as made from this image"},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
			{"patch", NULL, CTL_NONE, "an RFC 6902 patch"},
		},
};
