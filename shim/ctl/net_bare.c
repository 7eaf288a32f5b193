/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_bare - containers that run without rules of the network.
 */
#include "shim/ctl/net_bare.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/bundle.h"
#include "shim/life.h"
#include "shim/running.h"
#include "shim/state.h"

/* ---- who they are ---- */

struct gathering {
	const char *dir;
	struct net_list *list;
};

static bool is_listed(const struct net_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return true;
	return false;
}

static int add(const struct json *record, void *arg, struct err *e)
{
	const char *root = json_str(json_get(record, "root"));
	const char *id = json_str(json_get(record, "id"));
	const struct gathering *g = arg;
	AUTO_NET_ENTRY struct net_entry n = {.id = strdup(id), .root = strdup(root)};
	struct net_entry *more;
	char path[PATH_MAX];
	int pid;

	if (!n.id || !n.root)
		return err_nomem(e);
	if (registry_key(root, id, n.key, e) < 0 || state_path(g->dir, root, id, path, e) < 0)
		return -1;
	if (is_listed(g->list, n.key) || (life_of(root, id, &pid), pid == 0))
		return 0;
	n.record = strdup(path);
	if (!n.record)
		return err_nomem(e);
	more = reallocarray(g->list->v, g->list->n + 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	g->list->v = more;
	more[g->list->n++] = n;
	n = (struct net_entry){.id = NULL};
	return 0;
}

int net_bare_add(struct net_list *l, struct err *e)
{
	AUTO_STRV struct strv damaged = {NULL, 0};
	struct gathering g = {.list = l};
	char dir[PATH_MAX];

	l->bare = true;
	g.dir = dir;
	return state_dir(dir, e) < 0 ? -1 : state_each(dir, add, &g, &damaged, e);
}

/* ---- what their rules would be ---- */

static char *text(const struct json *state, const char *key)
{
	return (char *)json_str(json_get(state, key));
}

int net_bare_want(const struct json *state, const struct selection *s,
	const struct settings *settings, struct json_doc **want, struct err *e)
{
	const struct engine engine = {.namespace = text(state, "namespace"),
		.pod = text(state, "pod"),
		.container = text(state, "container")};
	const char *path = text(state, "bundle");
	AUTO_BUNDLE struct bundle bundle = BUNDLE_INIT;
	AUTO_JSON struct json_doc *doc = json_new();
	struct network_ask ask = {
		.profiles = s, .settings = settings, .engine = &engine, .id = text(state, "id")};
	struct json *o;

	if (!path)
		return err_set(e, ERR_INPUT,
			"its state record does not say where its bundle is: start it again");
	if (bundle_load(path, &bundle, e) < 0)
		return err_wrap(e, "its bundle %.256s", path);
	ask.bundle = bundle.dir;
	o = doc ? network_want(doc, &ask, json_root(bundle.doc)) : NULL;
	if (!o)
		return err_nomem(e);
	json_set_root(doc, o);
	*want = take_ptr(&doc);
	return 0;
}

int net_bare_find(const struct net_entry *n, const struct json *state, const struct json *want,
	struct net_bare_ask *out, struct err *e)
{
	int pid;
	enum life life = life_of(n->root, n->id, &pid);

	if (pid == 0)
		return err_set(e, ERR_INPUT, "it does not run (%s)", life_name(life));
	if (!running_is(state, n->root, n->id))
		return err_set(e, ERR_INPUT,
			"its state record is that of an earlier container of the same id: start it "
			"again");
	*out = (struct net_bare_ask){.ask = {.record = n->record,
					     .id = n->id,
					     .root = n->root,
					     .pid = pid,
					     .network = want,
					     .runs = true}};
	if (life_cgroup(n->root, n->id, out->cgroup))
		out->ask.cgroup = out->cgroup;
	return 0;
}
