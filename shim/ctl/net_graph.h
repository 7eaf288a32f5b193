/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_graph - who may talk to whom on this node, who did, and who was kept from it: a graph of containers,
 * segments and the outside, and ways to draw it.
 *
 * An edge goes from who connects to whom. What two containers both allow or both saw is one edge.
 */
#ifndef CINCH_CTL_NET_GRAPH_H
#define CINCH_CTL_NET_GRAPH_H

#include "shim/ctl/net.h"

enum graph_kind { GRAPH_CONTAINER, GRAPH_SEGMENT, GRAPH_OUTSIDE, GRAPH_KINDS };
enum graph_edge_kind { GRAPH_ALLOWED, GRAPH_SEEN, GRAPH_REFUSED, GRAPH_EDGE_KINDS };

struct graph_node {
	enum graph_kind kind;
	char *name; /* unique: key of a container, "segment:web", "10.0.0.0/8", "host", ... */
	char *label; /* for people; from outside: escape it */
	char *note; /* a second line, may be "" */
	size_t segment; /* of a container: its node; SIZE_MAX: none */
	bool chosen; /* a container that was asked for */
};

struct graph_edge {
	enum graph_edge_kind kind;
	size_t from, to;
	struct strv ports; /* "tcp/80", each once */
	uint64_t packets; /* of those seen or refused */
	bool would; /* refused in mode audit: it passed */
};

struct graph { /* zero-initialise */
	struct graph_node *nodes;
	size_t n_nodes;
	struct graph_edge *edges; /* sorted by from, to, kind */
	size_t n_edges;
};

#define AUTO_GRAPH __attribute__((cleanup(graph_done)))
void graph_done(struct graph *g);

/* Of what a container has to do with single addresses outside so many are shown, and the rest as one. */
enum { GRAPH_FOLD = 12 };

/*
 * The graph of the N containers CHOSEN of L. VIEWS[i] is what the kernel says of CHOSEN[i], NULL when it is
 * gone. FOLD 0: every address is shown.
 */
int graph_build(const struct net_list *l, const size_t *chosen, struct net_view *const *views,
	size_t n, size_t fold, struct graph *out, struct err *e);

/* All appended. */
void graph_text(const struct graph *g, const struct table_style *style, struct str *out);
void graph_dot(const struct graph *g, struct str *out);
void graph_mermaid(const struct graph *g, struct str *out);
/* A picture that needs nothing else: no script, no font, no address; -1 when out of memory. */
int graph_svg(const struct graph *g, struct str *out, struct err *e);
struct json *graph_json(const struct graph *g, struct json_doc *doc);

/* "allowed", "seen", "refused". */
const char *graph_edge_name(enum graph_edge_kind k);
/* The ports of an edge, at most MOST of them, and how many more. */
void graph_ports(const struct graph_edge *x, size_t most, struct str *out);

#endif
