/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_net_graph - containers by name, what an address is to one of them, and the graph of who talks to whom:
 * its edges, and that nothing of a name steers a terminal, Graphviz, Mermaid or a browser.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/net_graph.h"
#include "tests/scratch.h"
#include "tests/shell.h"
#include "tests/tap.h"

static struct addr address(const char *text)
{
	struct addr a = {0};
	struct err e;

	if (addr_parse(text, &a, &e) < 0)
		ok(false, "%s", e.msg);
	return a;
}

/* ---- some containers ---- */

/* With an address, a title, and the text of its network. */
static void add(struct net_list *l, const char *id, const char *at, const char *title,
	const char *segment, const char *policies)
{
	static const struct json_limits limits = {1 << 16, 20, 1000};
	AUTO_STR struct str text = STR_INIT;
	struct net_entry *n = &l->v[l->n];
	struct addr a = address(at);
	struct err e = {0};

	str_add(&text, "{\"title\":");
	json_write_string(title, strlen(title), &text);
	str_addf(&text, ",\"policies\":%s,\"segments\":[%s%s%s],\"resolvers\":[]", policies,
		segment ? "\"" : "", segment ? segment : "", segment ? "\"" : "");
	str_add(&text, ",\"nodeAddresses\":[],\"metadataAddresses\":[\"192.0.2.254\"]}");
	memset(n, 0, sizeof *n);
	n->id = strdup(id);
	n->root = strdup("/run/runc");
	snprintf(n->key, sizeof n->key, "c%011zx", l->n);
	addrs_add(&n->addresses, &a);
	a = address("10.0.0.1");
	addrs_add(&n->hosts, &a);
	addrs_add(&n->resolvers, &a);
	n->since = 1000;
	ok(json_parse(str_text(&text), text.len, &limits, 0, &n->network, &e) == 0 &&
			net_want_read(json_root(n->network), &n->want, &e) == 0,
		"%s: %s", id, e.msg);
	l->n++;
}

static const char evil[] = "evil\033[31m\"];</text><script>alert(1)</script>\\|`--\u202e#]";

static void some(struct net_list *l)
{
	l->v = calloc(8, sizeof *l->v);
	add(l, "lb-0", "10.0.0.10", "shop/lb", "lb",
		"[{\"profile\":\"lb\",\"mode\":\"enforce\",\"preset\":\"isolated\",\"ingress\":[{"
		"\"from\":[\"any\"],\"ports\":[\"tcp/"
		"443\"]}],\"egress\":[{\"to\":[\"segment:web\"],"
		"\"ports\":[\"tcp/8080\"]}]}]");
	add(l, "web-00", "10.0.0.20", "shop/web-0", "web",
		"[{\"profile\":\"web\",\"mode\":\"learn\",\"preset\":\"none\"}]");
	add(l, "web-01", "10.0.0.21", "shop/web-1", "web",
		"[{\"profile\":\"web\",\"mode\":\"enforce\",\"preset\":\"internet\"},{\"profile\":"
		"\"tight\",\"mode\":\"enforce\",\"preset\":\"isolated\",\"ingress\":[{\"from\":["
		"\"segment:lb\",\"10.9.0.0/16\"],\"ports\":[\"tcp/8080\",\"udp/1000-2000\"]}]}]");
	add(l, "db-0", "10.0.0.30", "shop/db", "db",
		"[{\"profile\":\"db\",\"mode\":\"audit\",\"preset\":\"none\",\"ingress\":[{"
		"\"from\":["
		"\"segment:web\",\"host\"],\"ports\":[\"tcp/5432\"]}]}]");
	add(l, "bad", "10.0.0.40", evil, NULL,
		"[{\"profile\":\"web\",\"mode\":\"enforce\",\"preset\":\"open\"}]");
}

/* ---- names ---- */

static void find_is(const struct net_list *l, const char *word, const char *want)
{
	size_t i = 99;
	struct err e = {0};
	int rc = net_list_find(l, word, &i, &e);

	if (*want == '!')
		ok(rc < 0 && e.code == ERR_INPUT && strstr(e.msg, want + 1), "\"%s\": %s", word,
			e.msg);
	else
		ok(rc == 0 && strcmp(l->v[i].id, want) == 0, "\"%s\" is %s", word, want);
}

static void test_find(struct net_list *l)
{
	find_is(l, "lb-0", "lb-0");
	find_is(l, "lb", "lb-0");
	find_is(l, "web-01", "web-01");
	find_is(l, l->v[3].key, "db-0");
	find_is(l, "web-0", "!begins the ids of 2 containers: web-00 (shop/web-0), web-01");
	find_is(l, "", "!begins the ids of 5 containers");
	find_is(l, "nobody", "!no container");
	find_is(l, "web-001", "!no container");
	free(l->v[0].id);
	l->v[0].id = strdup("web-0");
	find_is(l, "web-0", "web-0");
	free(l->v[1].id);
	l->v[1].id = strdup("web-0");
	find_is(l, "web-0", "!2 containers of different engines");
	free(l->v[0].id);
	free(l->v[1].id);
	l->v[0].id = strdup("lb-0");
	l->v[1].id = strdup("web-00");
}

static void is_is(const struct net_list *l, const struct net_entry *n, const char *peer,
	enum net_dir dir, uint16_t port, const char *want)
{
	char is[SIGHT_IS_SIZE];
	struct addr a = address(peer);

	net_is(l, n, &a, dir, IPPROTO_UDP, port, is);
	ok(strcmp(is, want) == 0, "%s at %u is \"%s\"", peer, port, is);
}

static void test_is(struct net_list *l)
{
	const struct net_entry *web = &l->v[1];

	is_is(l, web, "10.0.0.20", NET_OUT, 80, "self");
	is_is(l, web, "127.0.0.1", NET_OUT, 80, "self");
	is_is(l, web, "::1", NET_OUT, 80, "self");
	is_is(l, web, "10.0.0.1", NET_OUT, 53, "dns");
	is_is(l, web, "10.0.0.1", NET_IN, 53, "host");
	is_is(l, web, "10.0.0.1", NET_OUT, 80, "host");
	is_is(l, web, "10.0.0.30", NET_OUT, 53, "segment:db");
	is_is(l, web, "10.0.0.21", NET_IN, 80, "segment:web");
	is_is(l, web, "169.254.169.254", NET_OUT, 80, "metadata");
	is_is(l, web, "fd00:ec2::254", NET_OUT, 80, "metadata");
	is_is(l, web, "64:ff9b::a9fe:a9fe", NET_OUT, 80, "metadata");
	is_is(l, web, "192.0.2.254", NET_OUT, 80, "metadata");
	is_is(l, web, "10.0.0.40", NET_OUT, 80, "");
	is_is(l, web, "192.0.2.1", NET_OUT, 53, "");
	l->v[3].host = true;
	is_is(l, web, "10.0.0.30", NET_OUT, 80, "");
	l->v[3].host = false;
}

/* ---- the graph ---- */

static void flow(const struct net_list *l, const struct net_entry *n, struct sight *s,
	enum net_dir dir, const char *peer, uint16_t port, uint64_t packets)
{
	struct net_flow f = {.protocol = IPPROTO_TCP, .port = port, .packets = packets};
	struct net_flows flows = {&f, 1};
	struct err e = {0};

	f.peer = address(peer);
	if (net_view_add(l, n, dir, &flows, false, s, &e) < 0)
		ok(false, "%s", e.msg);
}

static void views_of(const struct net_list *l, struct net_view *v)
{
	struct err e = {0};

	for (size_t i = 0; i < l->n; i++)
		if (net_view_head(&l->v[i], &v[i].seen, &e) < 0 ||
			net_view_head(&l->v[i], &v[i].denied, &e) < 0)
			ok(false, "%s", e.msg);
	flow(l, &l->v[1], &v[1].seen, NET_OUT, "10.0.0.30", 5432, 7);
	flow(l, &l->v[1], &v[1].seen, NET_IN, "10.0.0.10", 8080, 9);
	flow(l, &l->v[1], &v[1].seen, NET_OUT, "10.0.0.1", 53, 3);
	flow(l, &l->v[1], &v[1].seen, NET_OUT, "127.0.0.1", 99, 3);
	flow(l, &l->v[3], &v[3].seen, NET_IN, "10.0.0.20", 5432,
		6); /* the other end of the first */
	flow(l, &l->v[2], &v[2].denied, NET_OUT, "169.254.169.254", 80, 2);
	flow(l, &l->v[3], &v[3].denied, NET_OUT, "192.0.2.8", 443, 1);
	for (int i = 0; i < 20; i++) {
		char peer[32];

		snprintf(peer, sizeof peer, "198.51.100.%d", i);
		flow(l, &l->v[4], &v[4].denied, NET_IN, peer, (uint16_t)(1000 + i), 1);
	}
}

/* "FROM TO KIND PORTS PACKETS" of all edges, a line each. */
static void lines_of(const struct graph *g, struct str *out)
{
	for (size_t i = 0; i < g->n_edges; i++) {
		const struct graph_edge *x = &g->edges[i];

		str_addf(out, "%s > %s %s ", g->nodes[x->from].label, g->nodes[x->to].label,
			graph_edge_name(x->kind));
		graph_ports(x, 100, out);
		str_addf(
			out, " %llu%s\n", (unsigned long long)x->packets, x->would ? " would" : "");
	}
}

static void test_edges(const struct graph *g)
{
	static const char *const want[] = {"any > shop/lb allowed tcp/443 0",
		"shop/lb > segment:web allowed tcp/8080 0", "shop/lb > dns allowed port 53 0",
		"shop/lb > shop/web-0 seen tcp/8080 9", "shop/web-0 > shop/db seen tcp/5432 7",
		"shop/web-0 > dns seen tcp/53 3",
		"segment:lb > shop/web-1 allowed tcp/8080, udp/1000-2000 0",
		"10.9.0.0/16 > shop/web-1 allowed tcp/8080, udp/1000-2000 0",
		"shop/web-1 > metadata refused tcp/80 2", "host > shop/db allowed tcp/5432 0",
		"shop/db > 192.0.2.8 refused tcp/443 1 would", NULL};
	AUTO_STR struct str text = STR_INIT;

	lines_of(g, &text);
	for (const char *const *w = want; *w; w++) {
		AUTO_STR struct str line = STR_INIT;

		str_addf(&line, "%s\n", *w);
		ok(strstr(str_text(&text), str_text(&line)), "%s", *w);
	}
	ok(!strstr(str_text(&text), "public addresses"),
		"of two profiles the tighter one is drawn");
	ok(!strstr(str_text(&text), "127.0.0.1"), "what a container says to itself is nothing");
	ok(strstr(str_text(&text), "others of evil"), "many addresses are one from the 13th on");
	if (tap_failed)
		printf("# %zu edges\n", g->n_edges);
}

/* Nothing but text and line ends; no character that turns the line around. */
static bool safe(const struct str *s)
{
	for (size_t i = 0; i < s->len; i++)
		if ((unsigned char)s->s[i] < 0x20 && s->s[i] != '\n' && s->s[i] != '\t')
			return false;
	return !strstr(str_text(s), "\u202e");
}

static void test_drawings(const struct graph *g)
{
	const struct table_style style = {.width = 100};
	AUTO_STR struct str text = STR_INIT, dot = STR_INIT, mermaid = STR_INIT, svg = STR_INIT;
	AUTO_STR struct str out = STR_INIT, line = STR_INIT;
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = graph_json(g, doc);
	struct err e = {0};

	graph_text(g, &style, &text);
	graph_dot(g, &dot);
	graph_mermaid(g, &mermaid);
	ok(graph_svg(g, &svg, &e) == 0, "a picture");
	ok(safe(&text) && safe(&dot) && safe(&mermaid) && safe(&svg), "no name steers a terminal");
	ok(strstr(str_text(&text), "shop/db  (db, audit, segment:db)\n"), "text: who it is");
	ok(strstr(str_text(&text), "would be refused (1)\n"), "text: what audit would refuse");
	ok(!strstr(str_text(&dot), "evil\\u001b[31m\"]"), "Graphviz: quotes are escaped");
	ok(strstr(str_text(&dot), "label=\"segment:web\"") &&
			strstr(str_text(&dot), "lhead=cluster_"),
		"Graphviz: a segment is a cluster, and edges end at it");
	ok(strstr(str_text(&mermaid), "    subgraph n") &&
			strstr(str_text(&mermaid),
				"[\"evil#92;u001b#91;31m#34;#93;#59;#60;/text#62;"),
		"Mermaid: what could be of the language is a number");
	ok(!strstr(str_text(&svg), "<script") && strstr(str_text(&svg), "&lt;script&gt;") &&
			!strstr(str_text(&svg), "href"),
		"SVG: nothing runs, nothing is fetched");
	ok(json_get(o, "nodes")->count == g->n_nodes && json_get(o, "edges")->count == g->n_edges,
		"JSON: all of it");
	scratch_write("graph.svg", str_text(&svg));
	scratch_write("graph.dot", str_text(&dot));
	if (getenv("CINCH_KEEP_GRAPH")) {
		str_addf(&line, "cp %s %s %s", scratch_path("graph.svg"), scratch_path("graph.dot"),
			getenv("CINCH_KEEP_GRAPH"));
		shell(&out, str_text(&line));
	}
	if (shell(&out, "python3 -c 'import xml.dom.minidom' 2>&1") != 0) {
		tap_skip("SVG is XML", "no python3");
		return;
	}
	str_reset(&line);
	str_addf(&line,
		"python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' %s 2>&1",
		scratch_path("graph.svg"));
	ok(shell(&out, str_text(&line)) == 0, "SVG is XML");
}

static void test_fold(const struct net_list *l, struct net_view *const *views)
{
	const size_t chosen[] = {4};
	struct net_view *const one[] = {views[4]};
	AUTO_GRAPH struct graph g = {0}, empty = {0};
	AUTO_STR struct str text = STR_INIT;
	const struct table_style style = {.width = 100};
	size_t refused = 0;
	struct err e = {0};

	ok(graph_build(l, chosen, one, 1, 0, &g, &e) == 0, "one of them, every address");
	for (size_t i = 0; i < g.n_edges; i++)
		refused += g.edges[i].kind == GRAPH_REFUSED;
	ok(refused == 20, "%zu addresses", refused);
	ok(graph_build(l, chosen, one, 0, 0, &empty, &e) == 0 && empty.n_nodes == 0,
		"none of them");
	graph_text(&empty, &style, &text);
	ok(strstr(str_text(&text), "no containers"), "is said");
	str_reset(&text);
	ok(graph_svg(&empty, &text, &e) == 0, "and drawn");
}

int main(void)
{
	AUTO_NET_LIST struct net_list l = {0};
	AUTO_GRAPH struct graph g = {0};
	struct net_view views[8] = {{.seen = {0}}}, *there[8];
	size_t chosen[8];
	struct err e = {0};

	some(&l);
	test_find(&l);
	test_is(&l);
	views_of(&l, views);
	for (size_t i = 0; i < l.n; i++) {
		chosen[i] = i;
		there[i] = &views[i];
	}
	ok(graph_build(&l, chosen, there, l.n, GRAPH_FOLD, &g, &e) == 0, "a graph %s", e.msg);
	test_edges(&g);
	test_drawings(&g);
	test_fold(&l, there);
	for (size_t i = 0; i < l.n; i++)
		net_view_done(&views[i]);
	return tap_done();
}
