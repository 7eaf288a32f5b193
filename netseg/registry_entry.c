/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_entry - an entry of the registry as one JSON object.
 *
 *	{"version": 1, "key", "id", "root", "record", "pid", "started", "host",
 *	 "namespace": {"cookie", "dev", "ino"}, "cgroup": {"id", "level", "path"},
 *	 "addresses": [...], "resolvers": [...], "hosts": [...], "installed", "late", "since", "network": {...}}
 */
#include "netseg/registry_entry.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"

enum { VERSION = 1 };

static const struct json_limits limits = {
	REGISTRY_ENTRY_MAX, JSON_DEPTH_MAX, REGISTRY_ENTRY_MAX / 2};

void net_entry_done(struct net_entry *n)
{
	free(n->id);
	free(n->root);
	free(n->record);
	addrs_done(&n->addresses);
	addrs_done(&n->resolvers);
	addrs_done(&n->hosts);
	net_want_done(&n->want);
	json_freep(&n->network);
	memset(n, 0, sizeof *n);
}

/* ---- writing ---- */

static struct json *addresses(struct json_doc *doc, const struct addrs *l)
{
	struct json *v = json_array(doc);
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; v && i < l->n; i++) {
		addr_text(&l->v[i], text);
		if (json_push(v, json_string(doc, text)) < 0)
			return NULL;
	}
	return v;
}

static struct json *namespace_of(struct json_doc *doc, const struct netns_id *ns)
{
	struct json *v = json_object(doc);

	if (json_put(doc, v, "cookie", json_uint(doc, ns->cookie)) < 0 ||
		json_put(doc, v, "dev", json_uint(doc, ns->dev)) < 0 ||
		json_put(doc, v, "ino", json_uint(doc, ns->ino)) < 0)
		return NULL;
	return v;
}

static struct json *cgroup_json(struct json_doc *doc, const struct cgroup_place *c)
{
	struct json *v = json_object(doc);

	if (json_put(doc, v, "id", json_uint(doc, c->id)) < 0 ||
		json_put(doc, v, "level", json_uint(doc, c->level)) < 0 ||
		json_put(doc, v, "path", json_string_lossy(doc, c->path)) < 0)
		return NULL;
	return v;
}

int registry_entry_write(const struct net_entry *n, struct str *out, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL;
	size_t before = out->len;

	if (!o || json_put(doc, o, "version", json_uint(doc, VERSION)) < 0 ||
		json_put(doc, o, "key", json_string(doc, n->key)) < 0 ||
		json_put(doc, o, "id", json_string_lossy(doc, n->id ? n->id : "")) < 0 ||
		json_put(doc, o, "root", json_string_lossy(doc, n->root ? n->root : "")) < 0 ||
		json_put(doc, o, "record", json_string_lossy(doc, n->record ? n->record : "")) <
			0 ||
		json_put(doc, o, "pid", json_int(doc, n->pid)) < 0 ||
		json_put(doc, o, "started", json_uint(doc, n->started)) < 0 ||
		json_put(doc, o, "host", json_bool(doc, n->host)) < 0 ||
		json_put(doc, o, "namespace", namespace_of(doc, &n->ns)) < 0 ||
		json_put(doc, o, "cgroup", cgroup_json(doc, &n->cgroup)) < 0 ||
		json_put(doc, o, "addresses", addresses(doc, &n->addresses)) < 0 ||
		json_put(doc, o, "resolvers", addresses(doc, &n->resolvers)) < 0 ||
		json_put(doc, o, "hosts", addresses(doc, &n->hosts)) < 0 ||
		json_put(doc, o, "installed", json_bool(doc, n->installed)) < 0 ||
		json_put(doc, o, "late", json_bool(doc, n->late)) < 0 ||
		json_put(doc, o, "since", json_uint(doc, n->since)) < 0 ||
		json_put(doc, o, "network",
			json_clone(doc, n->network ? json_root(n->network) : NULL)) < 0)
		return err_nomem(e);
	json_write(o, out);
	str_addc(out, '\n');
	if (str_failed(out))
		return err_nomem(e);
	if (out->len - before > REGISTRY_ENTRY_MAX)
		return err_set(e, ERR_INPUT, "the network of a container has more than %d bytes",
			REGISTRY_ENTRY_MAX);
	return 0;
}

/* ---- reading ---- */

static int read_text(const struct json *o, const char *name, char **out, struct err *e)
{
	const char *text = json_str(json_get(o, name));

	if (!text)
		return err_set(e, ERR_INPUT, "it has no \"%s\"", name);
	*out = strdup(text);
	return *out ? 0 : err_nomem(e);
}

static int read_uint(
	const struct json *o, const char *name, uint64_t max, uint64_t *out, struct err *e)
{
	if (!json_u64(json_get(o, name), max, out))
		return err_set(e, ERR_INPUT, "it has no number \"%s\"", name);
	return 0;
}

static int read_bool(const struct json *o, const char *name, bool *out, struct err *e)
{
	const struct json *v = json_get(o, name);

	if (!json_is(v, JSON_BOOL))
		return err_set(e, ERR_INPUT, "\"%s\" is neither true nor false", name);
	*out = v->flag;
	return 0;
}

static int read_addresses(const struct json *o, const char *name, struct addrs *out, struct err *e)
{
	const struct json *l = json_get(o, name);

	if (!json_is(l, JSON_ARRAY))
		return err_set(e, ERR_INPUT, "it has no list \"%s\"", name);
	json_each (v, l) {
		const char *text = json_str(v);
		struct addr a;

		if (!text)
			return err_set(e, ERR_INPUT, "\"%s\" has what is no string", name);
		if (addr_parse(text, &a, e) < 0)
			return err_wrap(e, "\"%s\"", name);
		if (addrs_add(out, &a) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int read_place(const struct json *o, struct net_entry *n, struct err *e)
{
	const struct json *ns = json_get(o, "namespace"), *cgroup = json_get(o, "cgroup");
	const char *path = json_str(json_get(cgroup, "path"));
	uint64_t level;

	if (read_uint(ns, "cookie", UINT64_MAX, &n->ns.cookie, e) < 0 ||
		read_uint(ns, "dev", UINT64_MAX, &n->ns.dev, e) < 0 ||
		read_uint(ns, "ino", UINT64_MAX, &n->ns.ino, e) < 0)
		return err_wrap(e, "\"namespace\"");
	if (read_uint(cgroup, "id", UINT64_MAX, &n->cgroup.id, e) < 0 ||
		read_uint(cgroup, "level", UINT8_MAX, &level, e) < 0)
		return err_wrap(e, "\"cgroup\"");
	if (!path || strlen(path) >= sizeof n->cgroup.path)
		return err_set(e, ERR_INPUT, "\"cgroup\": it has no path");
	n->cgroup.level = (unsigned)level;
	memcpy(n->cgroup.path, path, strlen(path) + 1);
	return 0;
}

static int read_network(const struct json *o, struct net_entry *n, struct err *e)
{
	const struct json *v = json_get(o, "network");
	struct json *own;

	if (!json_is(v, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "it has no \"network\"");
	n->network = json_new();
	own = n->network ? json_clone(n->network, v) : NULL;
	if (!own)
		return err_nomem(e);
	json_set_root(n->network, own);
	return net_want_read(own, &n->want, e);
}

static int read_entry(const struct json *o, struct net_entry *n, struct err *e)
{
	const char *key = json_str(json_get(o, "key"));
	uint64_t version, pid;

	if (!json_is(o, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "not an object");
	if (read_uint(o, "version", UINT64_MAX, &version, e) < 0)
		return -1;
	if (version != VERSION)
		return err_set(e, ERR_INPUT, "version %ju was written by another cinch",
			(uintmax_t)version);
	if (!key || !registry_is_key(key))
		return err_set(e, ERR_INPUT, "it has no key");
	memcpy(n->key, key, NET_KEY_SIZE);
	if (read_text(o, "id", &n->id, e) < 0 || read_text(o, "root", &n->root, e) < 0 ||
		read_text(o, "record", &n->record, e) < 0 ||
		read_uint(o, "pid", INT32_MAX, &pid, e) < 0 ||
		read_uint(o, "started", UINT64_MAX, &n->started, e) < 0 ||
		read_uint(o, "since", UINT64_MAX, &n->since, e) < 0 ||
		read_bool(o, "host", &n->host, e) < 0 ||
		read_bool(o, "installed", &n->installed, e) < 0 ||
		read_bool(o, "late", &n->late, e) < 0 || read_place(o, n, e) < 0 ||
		read_addresses(o, "addresses", &n->addresses, e) < 0 ||
		read_addresses(o, "resolvers", &n->resolvers, e) < 0 ||
		read_addresses(o, "hosts", &n->hosts, e) < 0 || read_network(o, n, e) < 0)
		return -1;
	n->pid = (pid_t)pid;
	return 0;
}

int registry_entry_read(const char *text, size_t len, struct net_entry *out, struct err *e)
{
	AUTO_NET_ENTRY struct net_entry n = {0};
	AUTO_JSON struct json_doc *doc = NULL;

	if (json_parse(text, len, &limits, JSON_STRICT, &doc, e) < 0 ||
		read_entry(json_root(doc), &n, e) < 0)
		return -1;
	*out = n;
	memset(&n, 0, sizeof n);
	return 0;
}
