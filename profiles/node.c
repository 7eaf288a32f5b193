/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - the node's configuration as a person writes it.
 *
 * The select rules are read in node_select.c.
 */
#include "profiles/node.h"

#include <stdlib.h>
#include <string.h>

#include "profiles/node_select.h"
#include "profiles/reader.h"
#include "shim/base/addr.h"
#include "shim/base/cleanup.h"

enum { LIST_MAX = 64 }; /* directories, files, annotation globs */

/* Room for NODE_RULES_MAX rules with a few patterns each. */
static const struct json_limits limits = {.bytes = 8u << 20, .depth = 8, .values = 500000};

static const char default_audit[] = "/var/log/cinch/audit.jsonl";
static const char default_profile[] = "restricted";
static const char default_profiles[] = "/etc/cinch/profiles";
static const char default_denied[] = "/etc/cinch/denied.json";
static const char default_keys[] = "/etc/cinch/keys";

int settings_default(struct settings *out, struct err *e)
{
	struct settings s = {.annotations.profile = true};

	s.audit.path = strdup(default_audit);
	s.default_profile = strdup(default_profile);
	if (!s.audit.path || !s.default_profile) {
		settings_done(&s);
		return err_nomem(e);
	}
	*out = s;
	return 0;
}

void settings_done(struct settings *s)
{
	free(s->runtime);
	free(s->default_profile);
	free(s->audit.path);
	strv_done(&s->annotations.record);
	strv_done(&s->network.resolvers);
	strv_done(&s->network.nodes);
	strv_done(&s->network.metadata);
	*s = (struct settings){0};
}

void node_done(struct node *n)
{
	settings_done(&n->settings);
	for (size_t i = 0; i < n->n_rules; i++)
		node_rule_done(&n->rules[i]);
	free(n->rules);
	strv_done(&n->profiles);
	strv_done(&n->denied);
	free(n->keys);
	*n = (struct node){.keys = NULL};
}

/* ---- values ---- */

static int read_nothing(struct reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)v;
	(void)to;
	return 0;
}

static int read_path(struct reader *r, const struct json *v, void *to)
{
	if (reader_path(r, v) < 0)
		return -1;
	if (!v->text[1])
		return reader_fail(r, v, "\"/\" cannot be \"%s\"", v->key);
	return reader_string(r, v, to);
}

static int read_mode(struct reader *r, const struct json *v, void *to)
{
	static const char *const names[] = {"enforce", "audit", NULL};
	static const enum profile_mode modes[] = {PROFILE_ENFORCE, PROFILE_AUDIT};
	unsigned i;

	if (reader_choice(r, v, "mode", names, &i) < 0)
		return -1;
	*(enum profile_mode *)to = modes[i];
	return 0;
}

static int few(struct reader *r, const struct json *v)
{
	if (v->count > LIST_MAX)
		return reader_fail(r, v, "%u items, limit %d", v->count, LIST_MAX);
	json_each (a, v)
		for (const struct json *b = a->next; b; b = b->next)
			if (json_str(a) && json_str(b) && strcmp(a->text, b->text) == 0)
				return reader_fail(r, b, "\"%.64s\" stands twice", b->text);
	return 0;
}

static int read_paths(struct reader *r, const struct json *v, void *to)
{
	return few(r, v) < 0 ? -1 : reader_strings(r, v, to, reader_path);
}

static int read_globs(struct reader *r, const struct json *v, void *to)
{
	return few(r, v) < 0 ? -1 : reader_strings(r, v, to, NULL);
}

static int read_audit_path(struct reader *r, const struct json *v, void *to)
{
	return v->len ? read_path(r, v, to) : reader_string(r, v, to);
}

static int read_audit(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"path", JSON_STRING, read_audit_path, offsetof(struct settings, audit.path),
			false},
		{"required", JSON_BOOL, reader_bool, offsetof(struct settings, audit.required),
			false},
		{"journald", JSON_BOOL, reader_bool, offsetof(struct settings, audit.journald),
			false},
		{"syslog", JSON_BOOL, reader_bool, offsetof(struct settings, audit.syslog), false},
		{0},
	};
	struct settings *s = to;

	if (reader_object(r, v, keys, s) < 0)
		return -1;
	if (s->audit.required && !*s->audit.path && !s->audit.journald && !s->audit.syslog)
		return reader_fail(r, json_get(v, "required"),
			"\"required\" records are written nowhere: \"path\" is empty, \"journald\" "
			"and \"syslog\" are off");
	return 0;
}

static int read_annotations(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"profile", JSON_BOOL, reader_bool, offsetof(struct settings, annotations.profile),
			false},
		{"record", JSON_ARRAY, read_globs, offsetof(struct settings, annotations.record),
			false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

static int one_address(struct reader *r, const struct json *v)
{
	struct addr a;
	struct err why;

	if (addr_parse(v->text, &a, &why) < 0)
		return reader_fail(r, v, "%s", why.msg);
	return addr_is_one(&a)
		       ? 0
		       : reader_fail(r, v, "\"%.64s\" is a network: expected one address", v->text);
}

static int address_or_network(struct reader *r, const struct json *v)
{
	struct addr a;
	struct err why;

	return addr_parse(v->text, &a, &why) < 0 ? reader_fail(r, v, "%s", why.msg) : 0;
}

static int read_addresses(struct reader *r, const struct json *v, void *to)
{
	return few(r, v) < 0 ? -1 : reader_strings(r, v, to, one_address);
}

static int read_networks(struct reader *r, const struct json *v, void *to)
{
	return few(r, v) < 0 ? -1 : reader_strings(r, v, to, address_or_network);
}

static int read_network(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"resolvers", JSON_ARRAY, read_addresses,
			offsetof(struct settings, network.resolvers), false},
		{"nodeAddresses", JSON_ARRAY, read_addresses,
			offsetof(struct settings, network.nodes), false},
		{"metadataAddresses", JSON_ARRAY, read_networks,
			offsetof(struct settings, network.metadata), false},
		{0},
	};

	return reader_object(r, v, keys, to);
}

/* ---- the whole ---- */

static const struct reader_key node_keys[] = {
	{"$schema", JSON_STRING, read_nothing, 0, false},
	{"runtime", JSON_STRING, read_path, offsetof(struct node, settings.runtime), false},
	{"mode", JSON_STRING, read_mode, offsetof(struct node, settings.mode), false},
	{"defaultProfile", JSON_STRING, node_read_profile,
		offsetof(struct node, settings.default_profile), false},
	{"select", JSON_ARRAY, node_read_select, 0, false},
	{"profiles", JSON_ARRAY, read_paths, offsetof(struct node, profiles), false},
	{"keys", JSON_STRING, read_path, offsetof(struct node, keys), false},
	{"requireSigned", JSON_BOOL, reader_bool, offsetof(struct node, require_signed), false},
	{"denied", JSON_ARRAY, read_paths, offsetof(struct node, denied), false},
	{"audit", JSON_OBJECT, read_audit, offsetof(struct node, settings), false},
	{"annotations", JSON_OBJECT, read_annotations, offsetof(struct node, settings), false},
	{"network", JSON_OBJECT, read_network, offsetof(struct node, settings), false},
	{0},
};

/* What was not said: lists have their defaults only then, an empty one is empty. */
static int set_rest(const struct json *root, struct node *n, struct err *e)
{
	n->denied_default = !json_get(root, "denied");
	if ((!json_get(root, "profiles") && strv_add(&n->profiles, default_profiles) < 0) ||
		(n->denied_default && strv_add(&n->denied, default_denied) < 0) ||
		(!n->keys && !(n->keys = strdup(default_keys))))
		return err_nomem(e);
	return 0;
}

int node_parse(const char *name, const char *text, size_t len, struct node *out, struct err *e)
{
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_JSON struct json_doc *doc = NULL;
	struct reader r = {.name = name, .e = e};
	const struct json *root = NULL;

	if (settings_default(&n.settings, e) < 0)
		return -1;
	if (len > 0) {
		if (reader_parse(name, text, len, &limits, &doc, e) < 0)
			return -1;
		r.doc = doc;
		root = json_root(doc);
		if (!json_is(root, JSON_OBJECT))
			return reader_fail(&r, root, "a configuration is an object: { ... }");
		if (reader_object(&r, root, node_keys, &n) < 0)
			return -1;
		node_note_lines(&n, root, text);
	}
	if (set_rest(root, &n, e) < 0)
		return -1;
	n.settings.require_signed = n.require_signed;
	*out = n;
	n = (struct node){.keys = NULL};
	return 0;
}
