/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_graph_run - "net graph": read what there is, draw it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/net_graph.h"

/* The views of those that are there; NULL in place of those that are gone. */
struct views {
	struct net_view *all, **v;
	size_t n;
};

static void views_done(struct views *v)
{
	for (size_t i = 0; i < v->n; i++)
		net_view_done(&v->all[i]);
	free(v->all);
	free(v->v);
}

static int look(
	const struct net_list *l, const size_t *chosen, size_t n, struct views *out, struct err *e)
{
	struct err why = {0};

	out->all = calloc(n + 1, sizeof *out->all);
	out->v = calloc(n + 1, sizeof *out->v);
	if (!out->all || !out->v)
		return err_nomem(e);
	for (out->n = 0; out->n < n; out->n++) {
		if (net_view_read(l, chosen[out->n], &out->all[out->n], &why) == 0) {
			out->v[out->n] = &out->all[out->n];
		} else if (why.code != ESRCH) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

static int put_as_json(struct ctl_call *c, const struct graph *g, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();

	return doc ? ctl_put_json(c, graph_json(g, doc), e) : err_nomem(e);
}

static int draw(struct ctl_call *c, const struct graph *g, struct err *e)
{
	const struct table_style style = net_style(c);

	if (c->json)
		return put_as_json(c, g, e);
	if (ctl_given(c, "svg"))
		return graph_svg(g, &c->out, e);
	if (ctl_given(c, "dot"))
		graph_dot(g, &c->out);
	else if (ctl_given(c, "mermaid"))
		graph_mermaid(g, &c->out);
	else
		graph_text(g, &style, &c->out);
	return 0;
}

static bool any_refused(const struct graph *g)
{
	for (size_t i = 0; i < g->n_edges; i++)
		if (g->edges[i].kind == GRAPH_REFUSED)
			return true;
	return false;
}

static int run(struct ctl_call *c, struct err *e)
{
	AUTO_NET_LIST struct net_list list = {0};
	AUTO_FREE size_t *chosen = NULL;
	__attribute__((cleanup(views_done))) struct views views = {.n = 0};
	AUTO_GRAPH struct graph g = {0};
	char dir[PATH_MAX];
	size_t n = 0;

	if (c->json + ctl_given(c, "dot") + ctl_given(c, "mermaid") + ctl_given(c, "svg") > 1)
		return err_set(e, ERR_INPUT, "--json, --dot, --mermaid and --svg are four answers");
	if (net_dir(dir, e) < 0 || net_list_read(dir, &list, e) < 0 ||
		net_chosen(c, &list, &chosen, &n, e) < 0 || look(&list, chosen, n, &views, e) < 0 ||
		graph_build(&list, chosen, views.v, n, ctl_given(c, "all") ? 0 : GRAPH_FOLD, &g,
			e) < 0 ||
		draw(c, &g, e) < 0)
		return -1;
	return any_refused(&g) ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_net_graph = {
	.name = "net graph",
	.run = run,
	.operands = "[ID ...]",
	.most = 4096,
	.word = CTL_TEXT,
	.summary = "who may talk to whom, who did, and who was kept from it",
	.notes = "Exit status: 0, 1 something was refused, or in mode audit would have been, 2 an "
		 "error.\n",
	.options =
		{
			{"dot", NULL, CTL_NONE, "in the language of Graphviz"},
			{"mermaid", NULL, CTL_NONE, "in the language of Mermaid"},
			{"svg", NULL, CTL_NONE, "a picture that needs nothing else"},
			{"all", NULL, CTL_NONE,
				"every address, where else those behind the 12th are one"},
		},
};
