/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_graph_text - a graph of the network in lines, in Graphviz's language, in Mermaid's, and as JSON.
 */
#include <ctype.h>
#include <string.h>

#include "shim/ctl/net_graph.h"
#include "shim/ctl/table.h"

enum { PORTS_SHOWN = 4 };

static const char *const colours[] = {
	[GRAPH_ALLOWED] = "#2e7d32", [GRAPH_SEEN] = "#1565c0", [GRAPH_REFUSED] = "#c62828"};

/* ---- for people ---- */

static void put_state(const struct graph_edge *x, const struct table_style *style, struct str *out)
{
	static const char *const codes[] = {[GRAPH_ALLOWED] = "\033[32m",
		[GRAPH_SEEN] = "\033[36m",
		[GRAPH_REFUSED] = "\033[31m"};

	if (style->colour)
		str_add(out, codes[x->kind]);
	str_add(out, x->kind == GRAPH_REFUSED && x->would ? "would be refused"
							  : graph_edge_name(x->kind));
	if (style->colour)
		str_add(out, "\033[0m");
	if (x->kind != GRAPH_ALLOWED)
		str_addf(out, " (%llu)", (unsigned long long)x->packets);
}

static void put_edges(const struct graph *g, size_t me, bool out_edges,
	const struct table_style *style, struct str *out)
{
	for (size_t i = 0; i < g->n_edges; i++) {
		const struct graph_edge *x = &g->edges[i];
		AUTO_STR struct str ports = STR_INIT;
		size_t used;

		if ((out_edges ? x->from : x->to) != me)
			continue;
		str_add(out, out_edges ? "  -> " : "  <- ");
		used = table_text(g->nodes[out_edges ? x->to : x->from].label, 48, out);
		while (used++ < 28)
			str_addc(out, ' ');
		str_addc(out, ' ');
		graph_ports(x, PORTS_SHOWN, &ports);
		used = table_text(str_text(&ports), 200, out);
		while (used++ < 18)
			str_addc(out, ' ');
		str_addc(out, ' ');
		put_state(x, style, out);
		str_addc(out, '\n');
		out->failed |= str_failed(&ports);
	}
}

void graph_text(const struct graph *g, const struct table_style *style, struct str *out)
{
	bool first = true;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct graph_node *n = &g->nodes[i];

		if (n->kind != GRAPH_CONTAINER || !n->chosen)
			continue;
		if (!first)
			str_addc(out, '\n');
		first = false;
		if (style->colour)
			str_add(out, "\033[1m");
		table_text(n->label, 200, out);
		if (style->colour)
			str_add(out, "\033[0m");
		str_add(out, "  (");
		table_text(n->note, 200, out);
		if (n->segment != SIZE_MAX) {
			str_add(out, ", ");
			table_text(g->nodes[n->segment].label, 80, out);
		}
		str_add(out, ")\n");
		put_edges(g, i, true, style, out);
		put_edges(g, i, false, style, out);
	}
	if (first)
		str_add(out, "no containers with rules of the network\n");
}

/* ---- Graphviz ---- */

/* TEXT inside "...": no character of it is one of the language. */
static void dot_text(const char *text, struct str *out)
{
	AUTO_STR struct str safe = STR_INIT;

	table_text(text, 400, &safe);
	for (const char *s = str_text(&safe); *s; s++) {
		if (*s == '"' || *s == '\\')
			str_addc(out, '\\');
		str_addc(out, *s);
	}
	out->failed |= str_failed(&safe);
}

static void dot_node(const struct graph *g, size_t i, const char *indent, struct str *out)
{
	static const char *const shapes[] = {
		[GRAPH_CONTAINER] = "box", [GRAPH_SEGMENT] = "folder", [GRAPH_OUTSIDE] = "ellipse"};
	const struct graph_node *n = &g->nodes[i];

	str_addf(out, "%sn%zu [shape=%s, label=\"", indent, i, shapes[n->kind]);
	dot_text(n->label, out);
	if (*n->note) {
		str_add(out, "\\n");
		dot_text(n->note, out);
	}
	str_add(out, "\"];\n");
}

static bool has_members(const struct graph *g, size_t segment)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].segment == segment)
			return true;
	return false;
}

static void dot_segment(const struct graph *g, size_t s, struct str *out)
{
	str_addf(out, "\tsubgraph cluster_%zu {\n\t\tlabel=\"", s);
	dot_text(g->nodes[s].label, out);
	/* what the ends of edges to the segment as a whole are */
	str_addf(out, "\";\n\t\tstyle=rounded;\n\t\tn%zu [shape=point, style=invis];\n", s);
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].segment == s)
			dot_node(g, i, "\t\t", out);
	str_add(out, "\t}\n");
}

static void dot_edge(const struct graph *g, const struct graph_edge *x, struct str *out)
{
	static const char *const styles[] = {
		[GRAPH_ALLOWED] = "solid", [GRAPH_SEEN] = "bold", [GRAPH_REFUSED] = "dashed"};
	AUTO_STR struct str ports = STR_INIT;

	graph_ports(x, PORTS_SHOWN, &ports);
	str_addf(out, "\tn%zu -> n%zu [label=\"", x->from, x->to);
	dot_text(str_text(&ports), out);
	str_addf(out, "\", color=\"%s\", fontcolor=\"%s\", style=%s", colours[x->kind],
		colours[x->kind], styles[x->kind]);
	if (has_members(g, x->from))
		str_addf(out, ", ltail=cluster_%zu", x->from);
	if (has_members(g, x->to))
		str_addf(out, ", lhead=cluster_%zu", x->to);
	str_add(out, "];\n");
	out->failed |= str_failed(&ports);
}

void graph_dot(const struct graph *g, struct str *out)
{
	str_add(out, "digraph cinch {\n\trankdir=LR;\n\tcompound=true;\n"
		     "\tnode [fontname=\"sans-serif\", fontsize=11];\n"
		     "\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].kind == GRAPH_SEGMENT && has_members(g, i))
			dot_segment(g, i, out);
		else if (g->nodes[i].segment == SIZE_MAX)
			dot_node(g, i, "\t", out);
	for (size_t i = 0; i < g->n_edges; i++)
		dot_edge(g, &g->edges[i], out);
	str_add(out, "}\n");
}

/* ---- Mermaid ---- */

/* Whatever could be of the language is written as its number. */
static void mermaid_text(const char *text, struct str *out)
{
	AUTO_STR struct str safe = STR_INIT;
	size_t bytes;

	table_text(text, 400, &safe);
	for (const char *s = str_text(&safe); *s; s += bytes) {
		unsigned c;

		bytes = str_char(s, &c);
		if (bytes == 1 && (isalnum((unsigned char)*s) || strchr(" .,:/+-_()", *s)))
			str_addc(out, *s);
		else
			str_addf(out, "#%u;", c);
	}
	out->failed |= str_failed(&safe);
}

static void mermaid_node(const struct graph *g, size_t i, const char *indent, struct str *out)
{
	static const char *const open[] = {
		[GRAPH_CONTAINER] = "[\"", [GRAPH_SEGMENT] = "[[\"", [GRAPH_OUTSIDE] = "([\""};
	static const char *const close[] = {
		[GRAPH_CONTAINER] = "\"]", [GRAPH_SEGMENT] = "\"]]", [GRAPH_OUTSIDE] = "\"])"};
	const struct graph_node *n = &g->nodes[i];

	str_addf(out, "%sn%zu%s", indent, i, open[n->kind]);
	mermaid_text(n->label, out);
	if (*n->note) {
		str_add(out, "<br>");
		mermaid_text(n->note, out);
	}
	str_addf(out, "%s\n", close[n->kind]);
}

void graph_mermaid(const struct graph *g, struct str *out)
{
	static const char *const arrows[] = {
		[GRAPH_ALLOWED] = "-->", [GRAPH_SEEN] = "==>", [GRAPH_REFUSED] = "-.->"};

	str_add(out, "flowchart LR\n");
	for (size_t i = 0; i < g->n_nodes; i++) {
		if (g->nodes[i].kind == GRAPH_SEGMENT && has_members(g, i)) {
			str_addf(out, "    subgraph n%zu[\"", i);
			mermaid_text(g->nodes[i].label, out);
			str_add(out, "\"]\n");
			for (size_t k = 0; k < g->n_nodes; k++)
				if (g->nodes[k].segment == i)
					mermaid_node(g, k, "        ", out);
			str_add(out, "    end\n");
		} else if (g->nodes[i].segment == SIZE_MAX) {
			mermaid_node(g, i, "    ", out);
		}
	}
	for (size_t i = 0; i < g->n_edges; i++) {
		const struct graph_edge *x = &g->edges[i];
		AUTO_STR struct str ports = STR_INIT;

		graph_ports(x, PORTS_SHOWN, &ports);
		str_addf(out, "    n%zu %s|\"", x->from, arrows[x->kind]);
		mermaid_text(str_text(&ports), out);
		str_addf(out, "\"| n%zu\n", x->to);
		out->failed |= str_failed(&ports);
	}
	for (size_t i = 0; i < g->n_edges; i++)
		str_addf(out, "    linkStyle %zu stroke:%s\n", i, colours[g->edges[i].kind]);
}

/* ---- JSON ---- */

static struct json *node_json(const struct graph *g, size_t i, struct json_doc *doc)
{
	static const char *const kinds[] = {[GRAPH_CONTAINER] = "container",
		[GRAPH_SEGMENT] = "segment",
		[GRAPH_OUTSIDE] = "outside"};
	const struct graph_node *n = &g->nodes[i];
	struct json *o = json_object(doc);

	if (json_put(doc, o, "name", json_string_lossy(doc, n->name)) < 0 ||
		json_put(doc, o, "kind", json_string(doc, kinds[n->kind])) < 0 ||
		json_put(doc, o, "label", json_string_lossy(doc, n->label)) < 0 ||
		(*n->note && json_put(doc, o, "note", json_string_lossy(doc, n->note)) < 0) ||
		(n->segment != SIZE_MAX &&
			json_put(doc, o, "segment",
				json_string_lossy(doc, g->nodes[n->segment].name)) < 0))
		return NULL;
	return o;
}

static struct json *edge_json(
	const struct graph *g, const struct graph_edge *x, struct json_doc *doc)
{
	struct json *o = json_object(doc);

	if (json_put(doc, o, "from", json_string_lossy(doc, g->nodes[x->from].name)) < 0 ||
		json_put(doc, o, "to", json_string_lossy(doc, g->nodes[x->to].name)) < 0 ||
		json_put(doc, o, "kind", json_string(doc, graph_edge_name(x->kind))) < 0 ||
		json_put(doc, o, "ports", json_strings(doc, &x->ports)) < 0)
		return NULL;
	if (x->kind == GRAPH_ALLOWED)
		return o;
	if (json_put(doc, o, "packets", json_uint(doc, x->packets)) < 0 ||
		(x->kind == GRAPH_REFUSED &&
			json_put(doc, o, "enforced", json_bool(doc, !x->would)) < 0))
		return NULL;
	return o;
}

struct json *graph_json(const struct graph *g, struct json_doc *doc)
{
	struct json *o = json_object(doc), *nodes = json_array(doc), *edges = json_array(doc);

	for (size_t i = 0; i < g->n_nodes; i++)
		if (json_push(nodes, node_json(g, i, doc)) < 0)
			return NULL;
	for (size_t i = 0; i < g->n_edges; i++)
		if (json_push(edges, edge_json(g, &g->edges[i], doc)) < 0)
			return NULL;
	return json_put(doc, o, "nodes", nodes) < 0 || json_put(doc, o, "edges", edges) < 0 ? NULL
											    : o;
}
