/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - what the rules of a container's network are made of: from its profiles, the node's settings and
 * its document.
 */
#include "shim/network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profiles/network.h"
#include "shim/base/cleanup.h"
#include "shim/controls.h"
#include "shim/edit.h"
#include "shim/runtime.h"

static const char capability_sets[][12] = {
	"bounding", "effective", "inheritable", "permitted", "ambient"};

void network_done(struct network *n)
{
	json_free(n->want);
	n->want = NULL;
}

/* ---- what is wanted ---- */

static int put_clone(
	struct json_doc *doc, struct json *to, const char *key, const struct json *from)
{
	return from ? json_put(doc, to, key, json_clone(doc, from)) : 0;
}

static int put_strings(
	struct json_doc *doc, struct json *to, const char *key, const struct strv *from)
{
	return from->n ? json_put(doc, to, key, json_strings(doc, from)) : 0;
}

/* The section of P with its name and the mode it is in force in. */
static struct json *policy_json(struct json_doc *doc, const struct profile *p)
{
	static const char *const same[] = {"preset", "ingress", "egress", "metadata", "lift"};
	const struct json *section = json_root(p->network);
	struct json *o = json_object(doc);

	if (json_put(doc, o, "profile", json_string(doc, p->name)) < 0 ||
		json_put(doc, o, "mode", json_string(doc, network_mode(p))) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (put_clone(doc, o, same[i], json_get(section, same[i])) < 0)
			return NULL;
	return o;
}

/* How the container is called: as a person who looks for it would. */
static int put_title(struct json_doc *doc, struct json *to, const struct network_ask *a)
{
	const char *const parts[] = {a->engine->namespace, a->engine->pod, a->engine->container};
	AUTO_STR struct str title = STR_INIT;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i] && *parts[i])
			str_addf(&title, "%s%.256s", title.len ? "/" : "", parts[i]);
	if (!a->engine->container && !a->engine->pod && a->id)
		str_addf(&title, "%s%.256s", title.len ? "/" : "", a->id);
	return str_failed(&title)
		       ? -1
		       : json_put(doc, to, "title", json_string_lossy(doc, str_text(&title)));
}

/* What is mounted on /etc/resolv.conf, the last one as the runtimes mount one over the other. What the
 * image has there is the image's word, and counts for nothing. */
static int put_resolv_conf(
	struct json_doc *doc, struct json *to, const struct json *config, int bundle)
{
	char dir[WORLD_PATH_MAX] = "", path[2 * WORLD_PATH_MAX];
	const char *source = NULL;
	struct err why;

	json_each (m, json_get(config, "mounts")) {
		const char *at = json_str(json_get(m, "destination"));

		if (at && strcmp(at, "/etc/resolv.conf") == 0)
			source = json_str(json_get(m, "source"));
	}
	if (!source || !*source)
		return 0;
	if (*source != '/' && controls_real_path(bundle, dir, &why) < 0)
		return 0;
	snprintf(path, sizeof path, "%s%s%s", dir, *source == '/' ? "" : "/", source);
	return json_put(doc, to, "resolvConf", json_string_lossy(doc, path));
}

/* A namespace that is not listed is the host's. */
static int put_namespace(struct json_doc *doc, struct json *to, const struct json *config)
{
	const char *path = "/proc/1/ns/net";

	json_each (v, json_at(config, "/linux/namespaces")) {
		const char *type = json_str(json_get(v, "type"));

		if (type && strcmp(type, "network") == 0)
			path = json_str(json_get(v, "path"));
	}
	return path && *path ? json_put(doc, to, "netns", json_string_lossy(doc, path)) : 0;
}

/* A segment is the base profile's to name: what an annotation adds only tightens, and to be a member is to be
 * let in elsewhere. */
static int put_segments(struct json_doc *doc, struct json *to, const struct profile *base)
{
	const struct json *name =
		base->network ? json_get(json_root(base->network), "segment") : NULL;
	struct json *list = json_array(doc);

	if (!name)
		return 0;
	return json_push(list, json_clone(doc, name)) < 0 ? -1
							  : json_put(doc, to, "segments", list);
}

static int put_policies(struct json_doc *doc, struct json *to, const struct selection *s)
{
	struct json *policies = json_array(doc);

	for (size_t i = 0; i < s->n; i++)
		if (s->p[i]->network && json_push(policies, policy_json(doc, s->p[i])) < 0)
			return -1;
	return json_put(doc, to, "policies", policies);
}

static int put_settings(struct json_doc *doc, struct json *to, const struct settings *s)
{
	return put_strings(doc, to, "resolvers", &s->network.resolvers) < 0 ||
			       put_strings(doc, to, "nodeAddresses", &s->network.nodes) < 0 ||
			       put_strings(doc, to, "metadataAddresses", &s->network.metadata) < 0
		       ? -1
		       : 0;
}

struct json *network_policies(
	struct json_doc *doc, const struct selection *profiles, const struct settings *settings)
{
	struct json *o = json_object(doc);

	if (put_policies(doc, o, profiles) < 0 || put_segments(doc, o, profiles->p[0]) < 0 ||
		put_settings(doc, o, settings) < 0)
		return NULL;
	return o;
}

struct json *network_want(
	struct json_doc *doc, const struct network_ask *a, const struct json *config)
{
	struct json *o = network_policies(doc, a->profiles, a->settings);

	if (!o || put_title(doc, o, a) < 0 || put_resolv_conf(doc, o, config, a->bundle) < 0 ||
		put_namespace(doc, o, config) < 0)
		return NULL;
	return o;
}

/* Some profile speaks of the network in a mode that does something, or makes the container a member. */
static bool is_wanted(const struct selection *s, struct network *out)
{
	bool wanted = false;

	for (size_t i = 0; i < s->n; i++) {
		const char *mode = network_mode(s->p[i]);

		if (!mode)
			continue;
		if (!out->by)
			out->by = s->p[i];
		wanted |= strcmp(mode, "off") != 0 ||
			  (i == 0 && json_get(json_root(s->p[i]->network), "segment"));
		out->enforced |= strcmp(mode, "enforce") == 0;
	}
	return wanted;
}

/* ---- what stands against it ---- */

static struct edit edit_of(
	const struct network *n, struct json_doc *doc, struct report *report, bool enforced)
{
	const char *said_by = n->by->said_by[CONTROL_NETWORK];

	return (struct edit){.doc = doc,
		.root = json_root(doc),
		.report = report,
		.profile = said_by ? said_by : n->by->name,
		.line = n->by->line[CONTROL_NETWORK],
		.control = CONTROL_NETWORK,
		.enforced = enforced};
}

/* The place of the first set of PROCESS that has NAME. */
static const struct json *find_capability(const struct json *process, const char *name)
{
	const struct json *sets = json_get(process, "capabilities");

	for (size_t i = 0; i < sizeof capability_sets / sizeof *capability_sets; i++)
		json_each (v, json_get(sets, capability_sets[i]))
			if (json_str(v) && strcmp(v->text, name) == 0)
				return v;
	return NULL;
}

/* apply refuses a profile that says both; what is left are controls in audit mode, and exceptions of two
 * profiles, of which only one speaks of the network. */
static void judge_capabilities(struct edit *ed, const struct json *process)
{
	for (const struct network_master *m = network_masters; m->name; m++) {
		const struct json *v = find_capability(process, m->name);

		if (v)
			edit_deny(ed, v,
				"%s stays, and with it the rules of the network could not be "
				"enforced: %s",
				m->name, m->why);
	}
}

static bool is_enforced(const struct json *policy)
{
	const char *mode = json_str(json_get(policy, "mode"));

	return mode && strcmp(mode, "enforce") == 0;
}

int network_process(struct json_doc *doc, const struct json *process, const struct json *record,
	struct report *report, struct err *e)
{
	struct edit ed = {.doc = doc,
		.root = json_root(doc),
		.report = report,
		.control = CONTROL_NETWORK,
		.enforced = true};

	json_each (p, json_at(record, "/network/policies"))
		if (!ed.profile && is_enforced(p))
			ed.profile = json_str(json_get(p, "profile"));
	if (!ed.profile)
		return 0;
	judge_capabilities(&ed, process);
	if (ed.failed)
		return err_nomem(e);
	return report_denials(report) ? report_refuse(report, ed.profile, e) : 0;
}

/* Not on this host, or not with this runtime: then nothing is counted either, and it is said. */
static int judge_host(
	const struct network_ask *a, struct network *n, struct edit *ed, struct err *e)
{
	struct err why = {0};

	if (!a->world)
		return 0;
	if (a->restore && runtime_is_crun(a->runtime))
		err_set(&why, ERR_INPUT,
			"crun runs no hooks at restore, and the rules could not be in force before "
			"the first instruction");
	else if (network_program(a->world, n->hook, &why) == 0)
		return 0;
	if (n->enforced) {
		*e = why;
		return err_wrap(e, "the network of profile %.64s is enforced", n->by->name);
	}
	edit_note(ed, NULL, "nothing of the network is counted or learned: %s", why.msg);
	network_done(n);
	return ed->failed ? err_nomem(e) : 0;
}

int network_decide(const struct network_ask *ask, struct json_doc *doc, struct network *out,
	struct report *report, struct err *e)
{
	const struct json *config = json_root(doc);
	struct json *want;
	struct edit ed;

	*out = (struct network){.want = NULL};
	if (!is_wanted(ask->profiles, out))
		return 0;
	out->want = json_new();
	want = out->want ? network_want(out->want, ask, config) : NULL;
	if (!want)
		return err_nomem(e);
	json_set_root(out->want, want);
	/* crun says of a hook that fails that it did, and no more */
	if (runtime_is_crun(ask->runtime)) {
		out->log = ask->log;
		out->log_json = ask->log_json;
	}
	ed = edit_of(out, doc, report, out->enforced);
	if (out->enforced)
		judge_capabilities(&ed, json_get(config, "process"));
	if (ed.failed)
		return err_nomem(e);
	if (judge_host(ask, out, &ed, e) < 0)
		return -1;
	return report_denials(report) ? report_refuse(report, out->by->name, e) : 0;
}

int network_note(
	const struct network *n, struct json_doc *doc, struct report *report, struct err *e)
{
	AUTO_STR struct str words = STR_INIT;
	struct edit ed;

	if (!n->want)
		return 0;
	ed = edit_of(n, doc, report, n->enforced);
	network_words(json_root(n->want), &words);
	edit_note(&ed, NULL, "rules before the first instruction: %s", str_text(&words));
	return ed.failed || str_failed(&words) ? err_nomem(e) : 0;
}

/* ---- in words ---- */

static void add_policy(const struct json *p, struct str *out)
{
	const char *mode = json_str(json_get(p, "mode"));
	const char *preset = json_str(json_get(p, "preset"));

	str_addf(out, "%s, preset %s", mode, preset ? preset : "none");
}

void network_words(const struct json *want, struct str *out)
{
	const char *between = "";

	json_each (p, json_get(want, "policies")) {
		str_add(out, between);
		add_policy(p, out);
		between = "; ";
	}
	json_each (s, json_get(want, "segments"))
		str_addf(out, ", segment %s", s->text);
}
