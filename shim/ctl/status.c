/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status - which policy governs this node, since when, and whether it is what the sources say.
 */
#include "shim/ctl/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "profiles/build.h"
#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/ctl/diff.h"
#include "shim/ctl/table.h"

struct state {
	struct applied a;
	struct strv names, modes, versions; /* of the profiles in force */
	struct policy_pack *packs;
	size_t n_packs;
	time_t since; /* 0: never */
	char since_text[CLOCK_TEXT_SIZE];
	char previous[HASH_HEX_SIZE]; /* "": none */
	struct err previous_bad; /* code 0: it is whole */
	struct build build; /* the sources */
	bool same; /* the sources are what is applied */
	struct diff diff;
	struct err audit_bad; /* code 0: the log can be written */
};

static void state_done(struct state *s)
{
	applied_done(&s->a);
	strv_done(&s->names);
	strv_done(&s->modes);
	strv_done(&s->versions);
	policy_packs_free(s->packs, s->n_packs);
	build_done(&s->build);
	diff_done(&s->diff);
}

/* ---- what is the case ---- */

static int add_profile(struct state *s, const char *name, struct err *e)
{
	static const char *const modes[] = {[PROFILE_ENFORCE] = "enforce",
		[PROFILE_AUDIT] = "audit",
		[PROFILE_LEARN] = "learn"};
	AUTO_PROFILE struct profile *p = NULL;

	if (applied_profile(&s->a, name, &p, e) < 0) {
		if (e->code == ENOMEM || s->a.problem.code)
			return -1;
		s->a.problem = *e; /* damage that only shows here */
	}
	if (strv_add(&s->names, name) < 0 ||
		strv_add(&s->versions, p ? p->version : "damaged") < 0 ||
		strv_add(&s->modes, p ? modes[p->mode] : "damaged") < 0)
		return err_nomem(e);
	return 0;
}

static int read_profiles(struct state *s, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	const char *name;

	if (s->a.policy) {
		if (policy_names(s->a.policy, &names, e) < 0 ||
			policy_packs(s->a.policy, &s->packs, &s->n_packs, e) < 0)
			return -1;
	} else {
		for (size_t i = 0; (name = profile_builtin_name(i)); i++)
			if (!strchr(name, '/') && strv_add(&names, name) < 0)
				return err_nomem(e);
	}
	for (size_t i = 0; i < names.n; i++)
		if (add_profile(s, names.v[i], e) < 0)
			return -1;
	return 0;
}

static void read_since(struct state *s, const char *store)
{
	AUTO_STR struct str path = STR_INIT;
	struct stat st;

	if (s->a.from == APPLIED_BUILTIN)
		return;
	str_addf(&path, "%s/%s", store ? store : STORE_DIR, applied_from_name(s->a.from));
	/* a rename, also an exchange of two, sets the time of change */
	if (str_failed(&path) || lstat(path.s, &st) < 0)
		return;
	s->since = st.st_ctim.tv_sec;
	clock_text_of(s->since, 0, s->since_text);
}

static int read_links(struct state *s, const char *store, struct err *e)
{
	AUTO_POLICY struct policy *current = NULL, *previous = NULL;
	char digest[HASH_HEX_SIZE];
	struct err why = {0};

	/* a launch looks at parts, here every byte counts */
	if (s->a.from == APPLIED_CURRENT && !s->a.problem.code &&
		store_link(store, "current", &current, digest, &why) < 0) {
		if (why.code == ENOMEM)
			return err_nomem(e);
		s->a.problem = why;
	}
	if (store_link(store, "previous", &previous, s->previous, &s->previous_bad) < 0 &&
		s->previous_bad.code == ENOMEM)
		return err_nomem(e);
	return 0;
}

/* Can the log be written? Where it is not there yet, the directory it will be made in. */
static void read_audit(struct state *s)
{
	char path[4096];
	char *slash;

	if (!*s->a.settings.audit.path)
		return;
	snprintf(path, sizeof path, "%s", s->a.settings.audit.path);
	while (access(path, W_OK) < 0) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash) {
			err_set(&s->audit_bad, errno, "%.256s", path);
			return;
		}
		*(slash == path ? slash + 1 : slash) = '\0';
	}
}

static int read_sources(struct state *s, const char *config, struct err *e)
{
	const struct build_from from = {.config = config, .current = s->a.policy};
	AUTO_POLICY struct policy *made = NULL;
	struct err why = {0};

	if (build_policy(&from, &s->build, e) < 0)
		return -1;
	if (s->build.problems.n)
		return 0;
	s->same = strcmp(s->build.digest, s->a.digest) == 0;
	if (s->same)
		return 0;
	if (diff_open(s->build.policy.s, s->build.policy.len, &made, e) < 0)
		return -1;
	if (diff_policies(s->a.policy, made, &s->diff, &why) < 0 && why.code == ENOMEM)
		return err_nomem(e);
	return 0;
}

static bool in_order(const struct state *s)
{
	return !s->a.problem.code && s->same && s->a.settings.mode == PROFILE_ENFORCE &&
	       !s->previous_bad.code && !s->audit_bad.code;
}

/* ---- for people ---- */

static void put_text(struct str *out, const char *label, const char *text)
{
	str_addf(out, "%-10s", label);
	table_text(text, 2000, out);
	str_addc(out, '\n');
}

static void put_since(const struct state *s, struct str *out)
{
	long long age = (long long)time(NULL) - (long long)s->since;

	if (!s->since)
		return;
	str_addf(out, "%-10s%.19sZ, ", "since", s->since_text);
	if (age < 120)
		str_addf(out, "%lld seconds\n", age < 0 ? 0 : age);
	else if (age < 2 * 3600)
		str_addf(out, "%lld minutes\n", age / 60);
	else if (age < 2 * 86400)
		str_addf(out, "%lld hours\n", age / 3600);
	else
		str_addf(out, "%lld days\n", age / 86400);
}

static void put_sources(const struct state *s, bool colour, struct str *out)
{
	const struct build *b = &s->build;

	if (b->problems.n) {
		str_addf(out, "%-10scannot be applied, %zu problem%s:\n", "sources", b->problems.n,
			b->problems.n == 1 ? "" : "s");
		for (size_t i = 0; i < b->problems.n; i++) {
			str_add(out, "  ");
			table_text(b->problems.v[i], 2000, out);
			str_addc(out, '\n');
		}
		return;
	}
	str_addf(out, "%-10s%s, signatures %srequired\n", "sources",
		s->same ? "what is applied" : "not what is applied (cinchctl apply --dry-run)",
		b->node.require_signed ? "" : "not ");
	if (!s->same && s->diff.n == 0 && s->diff.node.n == 0)
		str_add(out, "  nothing that a container would notice\n");
	diff_table(&s->diff, false, colour, out);
}

static void put_profiles(const struct state *s, struct str *out)
{
	size_t width = 0;

	for (size_t i = 0; i < s->names.n; i++)
		if (strlen(s->names.v[i]) > width)
			width = strlen(s->names.v[i]);
	for (size_t i = 0; i < s->names.n; i++) {
		str_addf(out, "%-10s%-*s  ", i ? "" : "profiles", (int)width, s->names.v[i]);
		table_text(s->versions.v[i], 64, out);
		str_addf(out, "  %s\n", s->modes.v[i]);
	}
}

static void put_packs(const struct state *s, struct str *out)
{
	const char *label = "";

	for (size_t i = 0; i < s->n_packs; i++) {
		const struct policy_pack *p = &s->packs[i];
		const char *is = p->retired ? "retired" : "packs";

		str_addf(
			out, "%-10s%s %s, ", strcmp(is, label) == 0 ? "" : is, p->name, p->version);
		if (p->retired)
			str_add(out, "applied here before, an older one is not\n");
		else
			str_addf(out, "%s%s\n", p->signer ? "signed by " : "not signed",
				p->signer ? p->signer : "");
		label = is;
	}
}

static void print(struct ctl_call *c, const struct state *s)
{
	const char *red = c->colour ? "\033[31m" : "", *off = c->colour ? "\033[0m" : "";
	const bool audit = s->a.settings.mode == PROFILE_AUDIT;
	struct str *out = &c->out;

	str_addf(out, "%-10s%s, %s\n", "policy", s->a.digest[0] ? s->a.digest : "built-in",
		s->a.from == APPLIED_BUILTIN ? "nothing else is applied"
					     : applied_from_name(s->a.from));
	put_since(s, out);
	if (s->a.problem.code) {
		str_add(out, red);
		put_text(out, "problem", s->a.problem.msg);
		str_add(out, off);
	}
	if (s->previous_bad.code)
		put_text(out, "previous", s->previous_bad.msg);
	else
		put_text(out, "previous", s->previous[0] ? s->previous : "none");
	put_text(out, "mode", audit ? "audit: no profile is enforced on this node" : "enforce");
	put_text(out, "default", s->a.settings.default_profile);
	put_profiles(s, out);
	put_packs(s, out);
	if (s->audit_bad.code)
		put_text(out, "audit log", s->audit_bad.msg);
	else
		put_text(out, "audit log",
			*s->a.settings.audit.path ? s->a.settings.audit.path : "no file");
	put_sources(s, c->colour, out);
}

/* ---- for programs ---- */

static struct json *profiles_json(const struct state *s, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < s->names.n; i++) {
		struct json *o = json_object(doc);

		if (json_put(doc, o, "name", json_string(doc, s->names.v[i])) < 0 ||
			json_put(doc, o, "version", json_string_lossy(doc, s->versions.v[i])) < 0 ||
			json_put(doc, o, "mode", json_string(doc, s->modes.v[i])) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

static struct json *packs_json(const struct state *s, bool retired, struct json_doc *doc)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < s->n_packs; i++) {
		const struct policy_pack *p = &s->packs[i];
		struct json *o;

		if (p->retired != retired)
			continue;
		o = json_object(doc);
		if (json_put(doc, o, "name", json_string_lossy(doc, p->name)) < 0 ||
			json_put(doc, o, "version", json_string_lossy(doc, p->version)) < 0 ||
			json_put(doc, o, "signer",
				p->signer ? json_string_lossy(doc, p->signer) : json_null(doc)) <
				0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

static struct json *sources_json(const struct state *s, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "applied", json_bool(doc, s->same)) < 0 ||
		json_put(doc, o, "policy",
			s->build.digest[0] ? json_string(doc, s->build.digest) : json_null(doc)) <
			0 ||
		json_put(doc, o, "requireSigned", json_bool(doc, s->build.node.require_signed)) <
			0 ||
		json_put(doc, o, "problems", json_strings(doc, &s->build.problems)) < 0 ||
		json_put(doc, o, "changes", diff_json(&s->diff, doc)) < 0)
		return NULL;
	return o;
}

static int put_error(struct json_doc *doc, struct json *o, const char *key, const struct err *why)
{
	return why->code ? json_put(doc, o, key, json_string_lossy(doc, why->msg)) : 0;
}

static struct json *answer(const struct state *s, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "inOrder", json_bool(doc, in_order(s))) < 0 ||
		json_put(doc, o, "policy",
			json_string(doc, s->a.digest[0] ? s->a.digest : "built-in")) < 0 ||
		json_put(doc, o, "from", json_string(doc, applied_from_name(s->a.from))) < 0 ||
		(s->since && json_put(doc, o, "since", json_string(doc, s->since_text)) < 0) ||
		put_error(doc, o, "problem", &s->a.problem) < 0 ||
		(s->previous[0] &&
			json_put(doc, o, "previous", json_string(doc, s->previous)) < 0) ||
		put_error(doc, o, "previousProblem", &s->previous_bad) < 0 ||
		json_put(doc, o, "mode",
			json_string(doc,
				s->a.settings.mode == PROFILE_AUDIT ? "audit" : "enforce")) < 0 ||
		json_put(doc, o, "defaultProfile",
			json_string_lossy(doc, s->a.settings.default_profile)) < 0 ||
		json_put(doc, o, "profiles", profiles_json(s, doc)) < 0 ||
		json_put(doc, o, "packs", packs_json(s, false, doc)) < 0 ||
		json_put(doc, o, "retiredPacks", packs_json(s, true, doc)) < 0 ||
		json_put(doc, o, "auditLog", json_string_lossy(doc, s->a.settings.audit.path)) <
			0 ||
		put_error(doc, o, "auditProblem", &s->audit_bad) < 0 ||
		json_put(doc, o, "sources", sources_json(s, doc)) < 0)
		return NULL;
	return o;
}

static int run(struct ctl_call *c, struct err *e)
{
	__attribute__((cleanup(state_done))) struct state s = {.since = 0};
	const char *store = ctl_value(c, "store");
	AUTO_JSON struct json_doc *doc = NULL;

	if (store_open(store, &s.a, e) < 0 || read_profiles(&s, e) < 0 ||
		read_links(&s, store, e) < 0 || read_sources(&s, ctl_value(c, "config"), e) < 0)
		return -1;
	read_since(&s, store);
	read_audit(&s);
	if (!c->json) {
		print(c, &s);
		return in_order(&s) ? CTL_OK : CTL_FINDINGS;
	}
	doc = json_new();
	if (ctl_put_json(c, doc ? answer(&s, doc) : NULL, e) < 0)
		return -1;
	return in_order(&s) ? CTL_OK : CTL_FINDINGS;
}

const struct ctl_command ctl_status = {
	.name = "status",
	.run = run,
	.operands = "",
	.summary = "which policy governs this node, and whether the sources differ",
	.notes =
		"Exit status: 0 all is in order, 1 something to look at (nothing applied, damage,\n"
		"sources that differ, a node in audit mode), 2 an error.\n",
	.options =
		{
			{"config", "FILE", CTL_FILE, "instead of " BUILD_CONFIG},
			{"store", "DIR", CTL_DIR, "another store of applied policies"},
		},
};
