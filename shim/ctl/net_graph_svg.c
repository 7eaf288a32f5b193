/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_graph_svg - a graph of the network as a picture: one SVG file that asks for nothing else.
 *
 * Blocks (a segment with its members, or one node) stand in columns, so that edges mostly go from left to
 * right: who only connects from outside, containers behind those that connect to them, the outside.
 */
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/net_graph.h"
#include "shim/ctl/table.h"

enum {
	NODE_W = 200,
	NODE_H = 38,
	GAP = 14, /* between nodes */
	PAD = 10, /* of a block */
	HEAD = 20, /* of a block with a name */
	BLOCK_GAP = 22,
	COLUMN_GAP = 190,
	MARGIN = 24,
	LEGEND = 34,
	LABEL_MAX = 27,
	NOTE_MAX = 33,
	PORTS_SHOWN = 3,
	SPREAD = 11, /* between the ends of edges at one node */
};

struct box {
	int x, y, w, h;
};

struct drawing {
	const struct graph *g;
	size_t *block; /* of each node: the node that stands for its block */
	size_t *column; /* of each block */
	struct box *box; /* of each node; of a segment with members its frame */
	size_t *ends; /* how many edges begin or end at the node */
	size_t *used; /* of these: drawn already */
	size_t columns;
	int width, height;
	struct str *out;
};

static void drawing_done(struct drawing *d)
{
	free(d->block);
	free(d->column);
	free(d->box);
	free(d->ends);
	free(d->used);
}

/* ---- columns ---- */

/* Nobody who is not placed yet connects to block B. */
static size_t waiting(const struct drawing *d, const bool *placed, size_t b)
{
	size_t n = 0;

	for (size_t i = 0; i < d->g->n_edges; i++) {
		size_t from = d->block[d->g->edges[i].from], to = d->block[d->g->edges[i].to];

		n += to == b && from != b && !placed[from];
	}
	return n;
}

/* Behind all that connect to it. */
static size_t behind(const struct drawing *d, const bool *placed, size_t b)
{
	size_t column = 0;

	for (size_t i = 0; i < d->g->n_edges; i++) {
		size_t from = d->block[d->g->edges[i].from], to = d->block[d->g->edges[i].to];

		if (to == b && from != b && placed[from] && d->column[from] + 1 > column)
			column = d->column[from] + 1;
	}
	return column;
}

/* In a circle somebody has to be first: who waits for the fewest. */
static int place(struct drawing *d, struct err *e)
{
	size_t n = d->g->n_nodes;
	AUTO_FREE bool *placed = calloc(n + 1, sizeof *placed);

	if (!placed)
		return err_nomem(e);
	for (;;) {
		size_t best = SIZE_MAX, least = SIZE_MAX;

		for (size_t i = 0; i < n && least; i++) {
			size_t w =
				d->block[i] == i && !placed[i] ? waiting(d, placed, i) : SIZE_MAX;

			if (w < least) {
				least = w;
				best = i;
			}
		}
		if (best == SIZE_MAX)
			return 0;
		d->column[best] = behind(d, placed, best);
		placed[best] = true;
		if (d->column[best] + 1 > d->columns)
			d->columns = d->column[best] + 1;
	}
}

static bool is_frame(const struct drawing *d, size_t i)
{
	for (size_t k = 0; k < d->g->n_nodes; k++)
		if (d->g->nodes[k].segment == i)
			return true;
	return false;
}

/* Block B at (X, Y); its height. */
static int stand(struct drawing *d, size_t b, int x, int y)
{
	int at = y + HEAD + PAD;

	if (!is_frame(d, b)) {
		d->box[b] = (struct box){x + PAD, y, NODE_W, NODE_H};
		return NODE_H;
	}
	for (size_t i = 0; i < d->g->n_nodes; i++) {
		if (d->g->nodes[i].segment != b)
			continue;
		d->box[i] = (struct box){x + PAD, at, NODE_W, NODE_H};
		at += NODE_H + GAP;
	}
	at += PAD - GAP;
	d->box[b] = (struct box){x, y, NODE_W + 2 * PAD, at - y};
	return at - y;
}

static void stand_all(struct drawing *d)
{
	const int pitch = NODE_W + 2 * PAD + COLUMN_GAP;

	d->height = 0;
	for (size_t c = 0; c < d->columns; c++) {
		int y = MARGIN + LEGEND;

		for (size_t i = 0; i < d->g->n_nodes; i++)
			if (d->block[i] == i && d->column[i] == c)
				y += stand(d, i, MARGIN + (int)c * pitch, y) + BLOCK_GAP;
		d->height = y > d->height ? y : d->height;
	}
	d->height += MARGIN - BLOCK_GAP;
	/* room for edges that go out to the right and come back */
	d->width = 2 * MARGIN + (int)(d->columns ? d->columns : 1) * pitch - COLUMN_GAP + 90;
	d->width = d->width < 420 ? 420 : d->width;
	d->height = d->height < 80 ? 80 : d->height;
}

/* ---- text ---- */

/* TEXT as XML has it, at most WIDTH characters. */
static void put_text(struct drawing *d, const char *text, size_t width)
{
	AUTO_STR struct str safe = STR_INIT;

	table_text(text, width, &safe);
	for (const char *s = str_text(&safe); *s; s++) {
		switch (*s) {
		case '<':
			str_add(d->out, "&lt;");
			break;
		case '>':
			str_add(d->out, "&gt;");
			break;
		case '&':
			str_add(d->out, "&amp;");
			break;
		case '"':
			str_add(d->out, "&quot;");
			break;
		default:
			str_addc(d->out, *s);
		}
	}
	d->out->failed |= str_failed(&safe);
}

static void put_title(struct drawing *d, const char *a, const char *b)
{
	str_add(d->out, "<title>");
	put_text(d, a, 1000);
	if (*b) {
		str_add(d->out, " (");
		put_text(d, b, 1000);
		str_add(d->out, ")");
	}
	str_add(d->out, "</title>");
}

/* ---- nodes ---- */

static void put_frame(struct drawing *d, size_t i)
{
	const struct box *b = &d->box[i];

	str_addf(d->out, "<g class=\"s\">");
	put_title(d, d->g->nodes[i].label, "");
	str_addf(d->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>"
		"<text x=\"%d\" y=\"%d\" class=\"h\">",
		b->x, b->y, b->w, b->h, b->x + PAD, b->y + 18);
	put_text(d, d->g->nodes[i].label, LABEL_MAX);
	str_add(d->out, "</text></g>\n");
}

static void put_node(struct drawing *d, size_t i)
{
	static const char *const classes[] = {
		[GRAPH_CONTAINER] = "c", [GRAPH_SEGMENT] = "s", [GRAPH_OUTSIDE] = "o"};
	const struct graph_node *n = &d->g->nodes[i];
	const struct box *b = &d->box[i];
	bool two = *n->note != '\0';

	str_addf(d->out, "<g class=\"%s\">", classes[n->kind]);
	put_title(d, n->label, n->note);
	str_addf(d->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>"
		"<text x=\"%d\" y=\"%d\">",
		b->x, b->y, b->w, b->h, n->kind == GRAPH_OUTSIDE ? NODE_H / 2 : 4, b->x + 10,
		b->y + (two ? 16 : 23));
	put_text(d, n->label, LABEL_MAX);
	str_add(d->out, "</text>");
	if (two) {
		str_addf(d->out, "<text x=\"%d\" y=\"%d\" class=\"n\">", b->x + 10, b->y + 30);
		put_text(d, n->note, NOTE_MAX);
		str_add(d->out, "</text>");
	}
	str_add(d->out, "</g>\n");
}

/* ---- edges ---- */

/* Where the next edge meets node I: spread over its side. */
static int end_y(struct drawing *d, size_t i)
{
	const struct box *b = &d->box[i];
	int n = (int)d->ends[i], at = (int)d->used[i]++, step = SPREAD;

	if (n > 1 && step * (n - 1) > b->h - 8)
		step = (b->h - 8) / (n - 1);
	return b->y + b->h / 2 + (2 * at - (n - 1)) * step / 2;
}

/* A point of the curve, T tenths of the way: labels of edges between the same two lie apart. */
static int bend_at(int a, int b, int c, int d, int t)
{
	int u = 10 - t;

	return (u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d) / 1000;
}

static void put_edge(struct drawing *d, const struct graph_edge *x)
{
	static const struct {
		char class;
		int label;
	} kinds[] = {
		[GRAPH_ALLOWED] = {'a', 5}, [GRAPH_SEEN] = {'e', 3}, [GRAPH_REFUSED] = {'r', 7}};
	const char class = kinds[x->kind].class;
	const int t = kinds[x->kind].label;
	const struct box *a = &d->box[x->from], *b = &d->box[x->to];
	size_t from = d->column[d->block[x->from]], to = d->column[d->block[x->to]];
	/* which sides: 1 is the right one */
	int out = from <= to, in = from >= to;
	int x1 = out ? a->x + a->w : a->x, x2 = in ? b->x + b->w : b->x;
	int y1 = end_y(d, x->from), y2 = end_y(d, x->to);
	int bend = from == to ? 70 : COLUMN_GAP / 2;
	int c1 = out ? x1 + bend : x1 - bend, c2 = in ? x2 + bend : x2 - bend;
	AUTO_STR struct str ports = STR_INIT, all = STR_INIT;

	graph_ports(x, PORTS_SHOWN, &ports);
	graph_ports(x, SIZE_MAX, &all);
	str_addf(d->out, "<g class=\"%c\">", class);
	str_add(d->out, "<title>");
	put_text(d, d->g->nodes[x->from].label, 200);
	str_add(d->out, " to ");
	put_text(d, d->g->nodes[x->to].label, 200);
	str_addf(d->out, ", %s: ", x->would ? "would be refused" : graph_edge_name(x->kind));
	put_text(d, str_text(&all), 1000);
	if (x->kind != GRAPH_ALLOWED)
		str_addf(d->out, ", %llu packets", (unsigned long long)x->packets);
	str_addf(d->out,
		"</title><path d=\"M%d %dC%d %d %d %d %d %d\" marker-end=\"url(#m%c)\"/>"
		"<text x=\"%d\" y=\"%d\">",
		x1, y1, c1, y1, c2, y2, x2, y2, class, bend_at(x1, c1, c2, x2, t),
		bend_at(y1, y1, y2, y2, t) - 3);
	put_text(d, str_text(&ports), 34);
	str_add(d->out, "</text></g>\n");
	d->out->failed |= str_failed(&ports) || str_failed(&all);
}

/* ---- the page ---- */

static const char style[] =
	"<style>"
	"svg{background:#fff;font:12px sans-serif}"
	"rect{stroke-width:1;stroke:#607d8b}"
	".c rect{fill:#e8f0fe}.o rect{fill:#f5f5f5}.s rect{fill:#f1f8e9;stroke-dasharray:3 2}"
	"text{fill:#212121}.n{font-size:10px;fill:#616161}.h{font-weight:bold}"
	"path{fill:none;stroke-width:1.5}"
	".a path{stroke:#2e7d32}.e path{stroke:#1565c0;stroke-width:2.5}"
	".r path{stroke:#c62828;stroke-dasharray:6 3}"
	".a text,.e text,.r text{font-size:10px;text-anchor:middle;paint-order:stroke;"
	"stroke:#fff;stroke-width:3px}"
	".a text{fill:#2e7d32}.e text{fill:#1565c0}.r text{fill:#c62828}"
	".l{font-size:11px}"
	"@media(prefers-color-scheme:dark){svg{background:#1b1b1b}text{fill:#eee}.n{fill:#bbb}"
	".c rect{fill:#20304a}.o rect{fill:#2c2c2c}.s rect{fill:#22301c}"
	".a text,.e text,.r text{stroke:#1b1b1b}"
	".a path{stroke:#81c784}.e path{stroke:#64b5f6}.r path{stroke:#ef9a9a}"
	".a text{fill:#81c784}.e text{fill:#64b5f6}.r text{fill:#ef9a9a}}"
	"</style>\n";

static void put_head(struct drawing *d)
{
	static const struct {
		char class;
		const char *colour, *word;
	} kinds[] = {
		{'a', "#2e7d32", "allowed"}, {'e', "#1565c0", "seen"}, {'r', "#c62828", "refused"}};

	str_addf(d->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\">\n<title>network of the containers</title>\n",
		d->width, d->height, d->width, d->height);
	str_add(d->out, style);
	str_add(d->out, "<defs>");
	for (size_t i = 0; i < 3; i++)
		str_addf(d->out,
			"<marker id=\"m%c\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
			"markerWidth=\"7\" markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" "
			"orient=\"auto\"><polygon points=\"0,0 8,4 0,8\" fill=\"%s\"/></marker>",
			kinds[i].class, kinds[i].colour);
	str_add(d->out, "</defs>\n");
	for (int i = 0; i < 3; i++)
		str_addf(d->out,
			"<g class=\"%c\"><path d=\"M%d 24h40\" marker-end=\"url(#m%c)\"/></g>"
			"<text class=\"l\" x=\"%d\" y=\"28\">%s</text>\n",
			kinds[i].class, MARGIN + i * 120, kinds[i].class, MARGIN + i * 120 + 46,
			kinds[i].word);
}

static int prepare(struct drawing *d, struct err *e)
{
	size_t n = d->g->n_nodes + 1;

	d->block = calloc(n, sizeof *d->block);
	d->column = calloc(n, sizeof *d->column);
	d->box = calloc(n, sizeof *d->box);
	d->ends = calloc(n, sizeof *d->ends);
	d->used = calloc(n, sizeof *d->used);
	if (!d->block || !d->column || !d->box || !d->ends || !d->used)
		return err_nomem(e);
	for (size_t i = 0; i < d->g->n_nodes; i++)
		d->block[i] = d->g->nodes[i].segment != SIZE_MAX ? d->g->nodes[i].segment : i;
	for (size_t i = 0; i < d->g->n_edges; i++) {
		d->ends[d->g->edges[i].from]++;
		d->ends[d->g->edges[i].to]++;
	}
	if (place(d, e) < 0)
		return -1;
	stand_all(d);
	return 0;
}

int graph_svg(const struct graph *g, struct str *out, struct err *e)
{
	__attribute__((cleanup(drawing_done))) struct drawing d = {.g = g, .out = out};

	if (prepare(&d, e) < 0)
		return -1;
	put_head(&d);
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].kind == GRAPH_SEGMENT && is_frame(&d, i))
			put_frame(&d, i);
	for (size_t i = 0; i < g->n_edges; i++)
		put_edge(&d, &g->edges[i]);
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].kind != GRAPH_SEGMENT || !is_frame(&d, i))
			put_node(&d, i);
	str_add(out, "</svg>\n");
	return str_failed(out) ? err_nomem(e) : 0;
}
