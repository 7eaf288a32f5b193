/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_net_learn - what containers were seen to do becomes a profile: what its peers become, what is never
 * learned, what is said of it, and that it always is a profile.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/ctl/learn.h"
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

/* ---- prefixes ---- */

static const char *prefixes(const char *const *in, const char *const *avoid)
{
	static char text[4096];
	AUTO_ADDRS struct addrs from = {0}, no = {0}, to = {0};

	for (; *in; in++) {
		struct addr a = address(*in);

		addrs_add(&from, &a);
	}
	for (; avoid && *avoid; avoid++) {
		struct addr a = address(*avoid);

		addrs_add(&no, &a);
	}
	*text = '\0';
	ok(learn_prefixes(&from, &no, &to) == 0, "prefixes");
	for (size_t i = 0; i < to.n; i++) {
		char one[ADDR_TEXT_SIZE];

		addr_text(&to.v[i], one);
		snprintf(
			text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", one);
	}
	return text;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_prefixes(void)
{
	char many[20][32];
	const char *wide[21] = {NULL};

	tap_same(prefixes(LIST("10.0.0.1", "10.0.0.2", "10.0.0.3"), NULL),
		"10.0.0.1 10.0.0.2 10.0.0.3", "three stay three");
	tap_same(prefixes(LIST("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.200"), NULL),
		"10.0.0.0/24", "four become their /24");
	tap_same(prefixes(LIST("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.200", "10.0.1.9",
				  "192.0.2.1"),
			 NULL),
		"10.0.0.0/24 10.0.1.9 192.0.2.1", "others stay what they are");
	tap_same(prefixes(LIST("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.200"),
			 LIST("10.0.0.1")),
		"10.0.0.4/30 10.0.0.200", "not the one with the node in it, but its parts");
	tap_same(prefixes(LIST("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.8", "10.0.0.9"),
			 LIST("10.0.0.7", "10.0.0.1")),
		"10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.8 10.0.0.9", "down to the addresses");
	tap_same(prefixes(LIST("fd00::1", "fd00::2", "fd00::3:4", "fd00::5"), NULL), "fd00::/64",
		"IPv6 too");
	tap_same(prefixes(LIST("224.0.0.1", "224.0.0.2", "224.0.0.3", "224.0.0.4"), NULL),
		"224.0.0.1 224.0.0.2 224.0.0.3 224.0.0.4", "not of multicast");
	tap_same(prefixes(LIST("10.0.0.1"), NULL), "10.0.0.1", "one");
	for (int i = 0; i < 20; i++) {
		snprintf(many[i], sizeof many[i], "10.7.%d.%d", i / 4, i % 4 + 1);
		wide[i] = many[i];
	}
	tap_same(prefixes(wide, NULL), "10.7.0.0/16", "many of several become a wide one");
	tap_same(prefixes(wide, LIST("10.7.200.1")),
		"10.7.0.0/24 10.7.1.0/24 10.7.2.0/24 10.7.3.0/24 10.7.4.0/24",
		"but not one with the node in it");
	for (int i = 0; i < 20; i++)
		snprintf(many[i], sizeof many[i], "8.7.%d.%d", i / 4, i % 4 + 1);
	tap_same(prefixes(wide, NULL), "8.7.0.0/24 8.7.1.0/24 8.7.2.0/24 8.7.3.0/24 8.7.4.0/24",
		"public ones never a wide one");
}

/* What goes in is covered, what is to be avoided is not: for many pseudo-random lists. */
static void test_property(void)
{
	uint32_t seed = 1;
	bool covered = true, avoided = true;

	for (int round = 0; round < 300; round++) {
		AUTO_ADDRS struct addrs from = {0}, no = {0}, to = {0};

		for (int i = 0; i < 60; i++) {
			struct addr a = {.family = AF_INET, .prefix = 32};

			seed = seed * 1103515245 + 12345;
			a.bytes[0] = 10;
			a.bytes[1] = (uint8_t)(seed >> 30);
			a.bytes[2] = (uint8_t)(seed >> 27 & 7);
			a.bytes[3] = (uint8_t)(seed >> 16);
			if (i % 10 == 0 && !addrs_has(&from, &a))
				addrs_add(&no, &a);
			else if (!addrs_has(&no, &a))
				addrs_add(&from, &a);
		}
		if (learn_prefixes(&from, &no, &to) < 0)
			covered = false;
		for (size_t i = 0; i < from.n; i++)
			covered = covered && addrs_cover(&to, &from.v[i]);
		for (size_t i = 0; i < no.n; i++)
			avoided = avoided && !addrs_cover(&to, &no.v[i]);
	}
	ok(covered, "every address is in what it became");
	ok(avoided, "nothing that has to be avoided ever is");
}

/* ---- learning ---- */

static void start(struct sights *l, const char *id, uint64_t seconds)
{
	struct sight s = {.mode = NET_LEARN, .until = seconds};
	struct err e;

	s.id = strdup(id);
	s.key = strdup(id);
	s.name = strdup("");
	s.profile = strdup("web");
	ok(sights_add(l, &s, &e) == 0, "a start: %s", id);
}

/* "egress 10.0.0.1 tcp/80 segment:db" to the last start */
static void flow(
	struct sights *l, const char *dir, const char *peer, const char *port, const char *is)
{
	static const struct {
		const char *name;
		uint8_t four, six;
	} protocols[] = {{"tcp", 6, 6}, {"udp", 17, 17}, {"sctp", 132, 132}, {"icmp", 1, 58},
		{"gre", 47, 47}};
	struct sight_flow f = {.peer = address(peer), .packets = 1, .bytes = 60};
	size_t n = strcspn(port, "/");
	struct err e;

	f.dir = strcmp(dir, "egress") == 0 ? NET_OUT : NET_IN;
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (strncmp(port, protocols[i].name, n) == 0)
			f.protocol =
				f.peer.family == AF_INET ? protocols[i].four : protocols[i].six;
	f.port = port[n] ? (uint16_t)strtoul(port + n + 1, NULL, 10) : 0;
	snprintf(f.is, sizeof f.is, "%s", is);
	if (sight_add(&l->v[l->n - 1], &f, &e) < 0)
		ok(false, "%s", e.msg);
}

static struct learned learn_from(struct sights *l)
{
	struct learned out = {0};
	struct err e = {0};

	ok(learn(l, "audit", &out, &e) == 0, "learned %s", e.msg);
	return out;
}

static bool has(const struct strv *l, const char *part)
{
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->v[i], part))
			return true;
	return false;
}

static void network_is(const struct learned *l, const char *want, const char *what)
{
	AUTO_STR struct str text = STR_INIT;

	json_write(l->network, &text);
	tap_same(str_text(&text), want, what);
}

static void test_peers(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};

	start(&l, "web-0", 600);
	strv_add(&l.v[0].segments, "web");
	flow(&l, "egress", "10.0.0.9", "tcp/5432", "segment:db");
	flow(&l, "egress", "10.0.0.10", "tcp/5432", "segment:db");
	flow(&l, "egress", "10.0.0.1", "udp/53", "dns");
	flow(&l, "egress", "192.0.2.7", "tcp/443", "");
	flow(&l, "egress", "2001:db8::7", "tcp/443", "");
	flow(&l, "egress", "192.0.2.7", "tcp/8443", "");
	flow(&l, "egress", "192.0.2.7", "tcp/8444", "");
	flow(&l, "egress", "127.0.0.1", "tcp/1", "self");
	flow(&l, "egress", "10.0.0.1", "icmp", "host");
	flow(&l, "egress", "fd00::1", "icmp", "host");
	flow(&l, "ingress", "10.0.0.1", "tcp/8080", "host");
	flow(&l, "ingress", "10.0.0.30", "tcp/8080", "segment:lb");
	out = learn_from(&l);
	network_is(&out,
		"{\"mode\":\"audit\",\"preset\":\"isolated\",\"segment\":\"web\",\"ingress\":["
		"{\"from\":[\"segment:lb\",\"host\"],\"ports\":[\"tcp/8080\"]}],\"egress\":["
		"{\"to\":[\"host\"],\"ports\":[\"icmp\"]},"
		"{\"to\":[\"2001:db8::7\"],\"ports\":[\"tcp/443\"]},"
		"{\"to\":[\"192.0.2.7\"],\"ports\":[\"tcp/443\",\"tcp/8443-8444\"]},"
		"{\"to\":[\"segment:db\"],\"ports\":[\"tcp/5432\"]}],\"metadata\":\"deny\"}",
		"segments, host, dns, addresses");
	ok(out.findings.n == 0 && out.notes.n == 0, "and nothing to say");
	ok(out.starts == 1 && out.flows == 12 && out.rules == 5 && out.total == 600,
		"what it is worth is counted");
}

static void test_never(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};

	start(&l, "web-0", 600);
	flow(&l, "egress", "169.254.169.254", "tcp/80", "metadata");
	flow(&l, "egress", "fd00:ec2::254", "tcp/80", "");
	flow(&l, "egress", "64:ff9b::a9fe:a9fe", "tcp/80", "");
	flow(&l, "egress", "8.8.8.8", "udp/53", "");
	flow(&l, "egress", "10.0.0.5", "tcp/53", "segment:db");
	flow(&l, "egress", "10.0.0.5", "gre", "segment:db");
	flow(&l, "ingress", "10.0.0.7", "tcp/0", "");
	out = learn_from(&l);
	network_is(&out,
		"{\"mode\":\"audit\",\"preset\":\"none\",\"ingress\":[],\"egress\":[],"
		"\"metadata\":\"deny\"}",
		"nothing of it is learned");
	ok(has(&out.findings, "169.254.169.254 (tcp/80), a metadata service") &&
			has(&out.findings, "fd00:ec2::254 (tcp/80), a metadata service") &&
			has(&out.findings, "64:ff9b::a9fe:a9fe (tcp/80), a metadata service"),
		"metadata services are told");
	ok(has(&out.findings, "asked 8.8.8.8 (udp/53), which is none of its resolvers") &&
			has(&out.findings, "asked 10.0.0.5 (tcp/53)"),
		"and foreign resolvers");
	ok(has(&out.findings, "protocol 47 with 10.0.0.5"), "and what no rule can speak of");
	ok(has(&out.findings, "tcp with 10.0.0.7"), "not a port that is none, either");
}

static void test_clients(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};

	start(&l, "web-0", 600);
	flow(&l, "egress", "10.0.0.9", "tcp/5432", "");
	flow(&l, "ingress", "10.0.0.9", "tcp/40001", ""); /* an answer that came late */
	flow(&l, "ingress", "10.0.0.8", "tcp/8080", "");
	flow(&l, "egress", "10.0.0.8", "tcp/51234", ""); /* ours, late */
	flow(&l, "ingress", "10.0.0.7", "tcp/50051", ""); /* a server up there */
	flow(&l, "egress", "10.0.0.6", "udp/40000", ""); /* the same at both: a protocol of peers */
	flow(&l, "ingress", "10.0.0.6", "udp/40000", "");
	out = learn_from(&l);
	network_is(&out,
		"{\"mode\":\"audit\",\"preset\":\"none\",\"ingress\":["
		"{\"from\":[\"10.0.0.7\"],\"ports\":[\"tcp/50051\"]},"
		"{\"from\":[\"10.0.0.8\"],\"ports\":[\"tcp/8080\"]},"
		"{\"from\":[\"10.0.0.6\"],\"ports\":[\"udp/40000\"]}],\"egress\":["
		"{\"to\":[\"10.0.0.9\"],\"ports\":[\"tcp/5432\"]},"
		"{\"to\":[\"10.0.0.6\"],\"ports\":[\"udp/40000\"]}],\"metadata\":\"deny\"}",
		"ports of clients are never rules");
	ok(has(&out.notes, "2 late answers"), "which is said");
}

static void test_replicas(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	AUTO_STR struct str about = STR_INIT;
	char peer[32];

	for (int i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof id, "web-%d", i);
		start(&l, id, 600 + 60 * (uint64_t)i);
		flow(&l, "egress", "10.0.0.9", "tcp/5432", "segment:db");
		snprintf(peer, sizeof peer, "10.1.0.%d", 10 + i);
		flow(&l, "ingress", peer, "tcp/8080", "");
	}
	flow(&l, "egress", "192.0.2.1", "tcp/443", "");
	flow(&l, "ingress", "10.1.0.99", "tcp/8080", "");
	/* the same container once more: no fourth start, and what was told already is no flow more */
	start(&l, "web-0", 30);
	flow(&l, "egress", "10.0.0.9", "tcp/5432", "segment:db");
	flow(&l, "egress", "10.0.0.8", "tcp/6379", "segment:cache");
	l.v[1].full = true;
	out = learn_from(&l);
	network_is(&out,
		"{\"mode\":\"audit\",\"preset\":\"none\",\"ingress\":["
		"{\"from\":[\"10.1.0.0/24\"],\"ports\":[\"tcp/8080\"]}],\"egress\":["
		"{\"to\":[\"192.0.2.1\"],\"ports\":[\"tcp/443\"]},"
		"{\"to\":[\"segment:db\"],\"ports\":[\"tcp/5432\"]},"
		"{\"to\":[\"segment:cache\"],\"ports\":[\"tcp/6379\"]}],\"metadata\":\"deny\"}",
		"what all did, together");
	ok(has(&out.notes, "only web-2 of 3: egress to 192.0.2.1 at tcp/443") &&
			has(&out.notes, "only web-0 of 3: egress to segment:cache at tcp/6379") &&
			!has(&out.notes, "5432"),
		"what only one did is said");
	ok(has(&out.notes, "4 addresses became 10.1.0.0/24 (ingress at tcp/8080)"),
		"and what was generalised");
	ok(out.starts == 3 && out.total == 1980 && out.shortest == 600 && out.longest == 720,
		"three starts");
	learn_coverage(&out, &l, &about);
	tap_same(str_text(&about),
		"Learned from 3 starts (web-0, web-1, web-2), 33 min in all, the shortest 10 min, "
		"the "
		"longest 12 min; 9 flows; A SET WAS FULL: there was more.",
		"the coverage in words");
	ok(has(&out.findings, "web-1: a set of its flows was full"), "a full set is a finding");
}

static void test_public(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	AUTO_STR struct str text = STR_INIT;
	char peer[32];

	start(&l, "web-0", 600);
	for (int i = 0; i < 16; i++) {
		snprintf(peer, sizeof peer, "8.%d.0.1", i);
		flow(&l, "ingress", peer, "tcp/443", "");
		flow(&l, "egress", peer, "tcp/80", "");
	}
	out = learn_from(&l);
	json_write(l.n ? out.network : NULL, &text);
	ok(strstr(str_text(&text), "{\"from\":[\"any\"],\"ports\":[\"tcp/443\"]}"),
		"clients of many networks are any");
	ok(strstr(str_text(&text), "\"8.0.0.1\",\"8.1.0.1\""), "who is connected to never");
	ok(has(&out.notes, "clients of 16 public networks became \"any\"") &&
			has(&out.notes, "\"preset\": \"internet\""),
		"both is said");
}

/* Three hundred peers, each with ports of its own: a rule for each would be too many. */
static void test_many(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	char peer[32], port[16];

	start(&l, "web-0", 600);
	for (int i = 0; i < 512; i++)
		for (int k = 0; k < 9; k++) {
			snprintf(peer, sizeof peer, "8.%d.%d.1", i / 100, 2 * (i % 100));
			snprintf(port, sizeof port, "tcp/%d", 1000 + 2 * k);
			if (i >> k & 1)
				flow(&l, "egress", peer, port, "");
		}
	out = learn_from(&l);
	ok(json_get(out.network, "egress")->count == 9 && out.rules == 9,
		"a rule for each port: %zu", out.rules);
}

/* Ports that a server chooses anew each time are learned as they were seen, and told. */
static void test_port_counts(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	char port[16];

	start(&l, "web-0", 600);
	flow(&l, "egress", "198.51.100.21", "tcp/21", "");
	for (int i = 0; i < LEARN_PORTS_MANY - 1; i++) {
		snprintf(port, sizeof port, "tcp/%d", 40000 + 7 * i);
		flow(&l, "egress", "198.51.100.21", port, "");
		snprintf(port, sizeof port, "udp/%d", 40000 + 7 * i);
		flow(&l, "egress", "198.51.100.22", port, "");
	}
	out = learn_from(&l);
	ok(has(&out.findings, "egress to 198.51.100.21 at 16 ports from tcp/21 to 40098: a scan, "),
		"many ports of one peer are told");
	ok(out.findings.n == 1, "one less is not: %zu", out.findings.n);
}

static void test_no_room(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	char peer[32], port[16];

	start(&l, "web-0", 600);
	for (int i = 0; i < 300; i++) {
		snprintf(peer, sizeof peer, "10.66.%d.%d", i / 100, 1 + i % 100);
		snprintf(port, sizeof port, "udp/%d", 1000 + 2 * i);
		flow(&l, "egress", peer, port, "");
	}
	out = learn_from(&l);
	ok(json_get(out.network, "egress")->count == 256 && out.rules == 256 &&
			has(&out.findings, "egress: 44 rules of 300 are left out"),
		"what a section has no room for is told");
}

/* In a pod of several a socket may be of none of them. */
static void test_shared(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};

	start(&l, "web-0", 600);
	flow(&l, "egress", "198.51.100.21", "tcp/80", "");
	l.v[0].v[0].shared = true;
	out = learn_from(&l);
	network_is(&out,
		"{\"mode\":\"audit\",\"preset\":\"none\",\"ingress\":[],\"egress\":[],"
		"\"metadata\":\"deny\"}",
		"of it no rule is made");
	ok(has(&out.findings,
		   "egress to 198.51.100.21 (tcp/80), by a socket of no known container"),
		"and that is told");
}

static void test_nothing(void)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	struct err e = {0};

	ok(learn(&l, "audit", &out, &e) < 0 && e.code == ERR_INPUT, "from nobody: %s", e.msg);
	start(&l, "web-0", 1);
	l.v[0].mode = NET_ENFORCE;
	ok(learn(&l, "audit", &out, &e) < 0 && strstr(e.msg, "is not in mode \"learn\""),
		"from who does not learn: %s", e.msg);
	l.v[0].mode = NET_LEARN;
	ok(learn(&l, "audit", &out, &e) == 0 && has(&out.findings, "nothing was seen of it"),
		"from who did nothing: said");
	learned_done(&out);
	start(&l, "db-0", 1);
	free(l.v[1].profile);
	l.v[1].profile = strdup("batch");
	strv_add(&l.v[1].segments, "db");
	ok(learn(&l, "audit", &out, &e) == 0 &&
			has(&out.findings, "different profiles: web, batch") &&
			has(&out.findings, "different segments") && !out.profile,
		"different workloads are told");
}

/* ---- JSON and the command ---- */

static char program[4096];

static void test_command(void)
{
	AUTO_SIGHTS struct sights l = {0}, again = {0};
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_STR struct str text = STR_INIT, second = STR_INIT, out = STR_INIT, line = STR_INIT;
	AUTO_FREE char *profile = NULL;
	const char *seen;
	char peer[32];
	struct err e = {0};

	start(&l, "web-0", 600);
	strv_add(&l.v[0].segments, "web");
	for (int i = 0; i < 300; i++) { /* more peers and ports than one rule may have */
		snprintf(peer, sizeof peer, "10.%d.%d.1", i / 100, 2 * (i % 100));
		flow(&l, "ingress", peer, "tcp/8080", "");
	}
	for (int i = 0; i < 150; i++) {
		char port[16];

		snprintf(port, sizeof port, "tcp/%d", 1000 + 2 * i);
		flow(&l, "egress", "10.9.9.9", port, "segment:db");
	}
	flow(&l, "egress", "fd00::7", "icmp", "");
	flow(&l, "egress", "10.9.9.1", "udp/53", "dns");
	l.v[0].until = l.v[0].since + 600;
	json_write(sights_json(&l, doc), &text);
	ok(sights_read(str_text(&text), text.len, &again, &e) == 0 && again.n == 1 &&
			again.v[0].n == l.v[0].n,
		"what was written is read: %s", e.msg);
	if (again.n == 1) {
		again.v[0].since = l.v[0].since;
		json_write(sights_json(&again, doc), &second);
		ok(strcmp(str_text(&second), str_text(&text)) == 0, "and is the same");
	}
	seen = scratch_write("seen.json", str_text(&text));
	str_addf(&line, "%s learn %s --config /nonexistent >%s 2>%s", program, seen,
		scratch_path("web-net.json"), scratch_path("said"));
	ok(shell(&out, str_text(&line)) == 1, "learn from a file: there is something to look at");
	profile = scratch_read("web-net.json");
	ok(profile && strstr(profile, "\"profile\": \"web-net\"") &&
			strstr(profile, "\"extends\": [\n    \"web\"") &&
			strstr(profile,
				"\"description\": \"Learned from 1 start (web-0), 10 min; 452 "
				"flows; no set was full.\""),
		"a profile, called as its file, with what it is worth");
	str_reset(&line);
	str_addf(&line, "%s profile check %s 2>&1", program, scratch_path("web-net.json"));
	ok(shell(&out, str_text(&line)) == 0, "which is right");
	str_reset(&line);
	str_addf(&line, "%s learn %s --name web --config /nonexistent 2>&1", program, seen);
	ok(shell(&out, str_text(&line)) == 2 && strstr(str_text(&out), "(--name)"),
		"it cannot extend itself");
	str_reset(&line);
	str_addf(&line, "%s learn - --section --mode enforce --config /nonexistent <%s 2>/dev/null",
		program, seen);
	ok(shell(&out, str_text(&line)) == 1 &&
			str_starts(str_text(&out), "{\n  \"mode\": \"enforce\""),
		"only its network, from standard input");
	str_reset(&line);
	str_addf(&line, "%s learn %s --json --extends no-such --config /nonexistent 2>&1", program,
		seen);
	ok(shell(&out, str_text(&line)) == 2 && strstr(str_text(&out), "there is no such profile"),
		"what it extends has to be there");
	str_reset(&line);
	str_addf(&line, "%s learn %s --name Bad/Name --config /nonexistent 2>&1", program, seen);
	ok(shell(&out, str_text(&line)) == 2 &&
			strstr(str_text(&out), "what was learned is no profile"),
		"a profile that is not right is not printed");
}

static void test_bad_files(void)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"containers\": {}}",
		"{\"containers\": [{}]}", "{\"containers\": [{\"id\": \"a\"}]}",
		"{\"containers\": [{\"id\":\"a\",\"key\":\"a\",\"name\":\"\",\"profile\":\"web\","
		"\"mode\":\"lern\",\"segments\":[],\"addresses\":[],\"host\":[],\"resolvers\":[],"
		"\"seconds\":1,\"flows\":[]}]}",
		"{\"containers\": [{\"id\":\"a\",\"key\":\"a\",\"name\":\"\",\"profile\":\"web\","
		"\"mode\":\"learn\",\"segments\":[\"A b\"],\"addresses\":[],\"host\":[],"
		"\"resolvers\":[],\"seconds\":1,\"flows\":[]}]}",
		"{\"containers\": [{\"id\":\"a\",\"key\":\"a\",\"name\":\"\",\"profile\":\"web\","
		"\"mode\":\"learn\",\"segments\":[],\"addresses\":[],\"host\":[],\"resolvers\":[],"
		"\"seconds\":1,\"flows\":[{\"direction\":\"up\"}]}]}",
		"{\"containers\": [{\"id\":\"a\",\"key\":\"a\",\"name\":\"\",\"profile\":\"web\","
		"\"mode\":\"learn\",\"segments\":[],\"addresses\":[],\"host\":[],\"resolvers\":[],"
		"\"seconds\":1,\"flows\":[{\"direction\":\"egress\",\"peer\":\"10.0.0.0/8\","
		"\"protocol\":\"tcp\",\"port\":1,\"packets\":1,\"bytes\":1}]}]}",
		"{\"containers\": [{\"id\":\"a\",\"key\":\"a\",\"name\":\"\",\"profile\":\"web\","
		"\"mode\":\"learn\",\"segments\":[],\"addresses\":[],\"host\":[],\"resolvers\":[],"
		"\"seconds\":1,\"flows\":[{\"direction\":\"egress\",\"peer\":\"10.0.0.1\","
		"\"protocol\":\"tcp\",\"port\":65536,\"packets\":1,\"bytes\":1}]}]}",
		NULL};

	for (const char *const *b = bad; *b; b++) {
		AUTO_SIGHTS struct sights l = {0};
		struct err e = {0};

		ok(sights_read(*b, strlen(*b), &l, &e) < 0 && e.code == ERR_INPUT && l.n == 0,
			"not what was seen: %s", e.msg);
	}
}

int main(void)
{
	const char *build = getenv("B");

	snprintf(program, sizeof program, "%s/cinchctl", build ? build : "build");
	test_prefixes();
	test_property();
	test_peers();
	test_never();
	test_clients();
	test_replicas();
	test_public();
	test_many();
	test_port_counts();
	test_no_room();
	test_shared();
	test_nothing();
	test_command();
	test_bad_files();
	return tap_done();
}
