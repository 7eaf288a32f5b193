/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_netpolicy - what the launch wrote of a network is read wholly, or refused; and the nameservers of a
 * resolv.conf.
 */
#include <netinet/in.h>

#include "netseg/policy.h"
#include "shim/base/cleanup.h"
#include "tests/tap.h"

static const struct json_limits limits = {4 << 20, 32, 1 << 20};

/* TEXT with ' for ". */
static struct json_doc *parse(const char *text)
{
	AUTO_FREE char *plain = strdup(text);
	struct json_doc *doc = NULL;
	struct err e = {0};

	for (char *c = plain; c && *c; c++)
		if (*c == '\'')
			*c = '"';
	if (!plain || json_parse(plain, strlen(plain), &limits, JSON_STRICT, &doc, &e) < 0) {
		printf("Bail out! %s: %s\n", e.msg, text);
		exit(1);
	}
	return doc;
}

static bool is_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_SIZE];

	addr_text(a, text);
	return strcmp(text, want) == 0;
}

/* ---- reading ---- */

static void check_rules(const struct net_policy *p)
{
	const struct net_rule *r = p->rules[NET_OUT];

	ok(p->n_rules[NET_OUT] == 3 && p->n_rules[NET_IN] == 1, "its rules");
	ok(r[0].segments.n == 1 && strcmp(r[0].segments.v[0], "db") == 0 && r[0].peers.n == 2 &&
			is_addr(&r[0].peers.v[0], "10.0.0.0/8") &&
			is_addr(&r[0].peers.v[1], "fd00::1") && !r[0].any && !r[0].host &&
			!r[0].dns,
		"peers, a segment once");
	ok(r[0].n_ports == 4 && r[0].ports[0].protocol == IPPROTO_TCP &&
			r[0].ports[0].low == 5432 && r[0].ports[0].high == 5432 &&
			r[0].ports[1].protocol == IPPROTO_UDP && r[0].ports[1].low == 1 &&
			r[0].ports[1].high == 65535 && r[0].ports[2].protocol == IPPROTO_SCTP &&
			r[0].ports[3].protocol == IPPROTO_ICMP && r[0].ports[3].low == 0,
		"ports of each kind");
	ok(r[1].dns && r[1].n_ports == 0 && !r[1].any, "dns");
	ok(r[2].any && r[2].host, "any and host");
	ok(p->rules[NET_IN][0].host && p->rules[NET_IN][0].n_ports == 0, "from host");
}

static void test_whole(void)
{
	AUTO_JSON struct json_doc *doc = parse(
		"{'title': 'default/web', 'policies': [{'profile': 'web', 'mode': 'audit', "
		"'preset': "
		"'private', 'metadata': 'allow', 'lift': ['dns', 'forward'], 'egress': [{'to': "
		"['segment:db', '10.0.0.0/8', 'segment:db', 'fd00::1'], 'ports': ['tcp/5432', "
		"'udp/1-65535', 'sctp/7', 'icmp']}, {'to': ['dns']}, {'to': ['any', 'host']}], "
		"'ingress': [{'from': ['host']}]}, {'profile': 'b', 'mode': 'learn'}], 'segments': "
		"['web', 'api'], 'resolvConf': '/run/x/resolv.conf', 'resolvers': ['10.0.0.10', "
		"'fd00::a'], 'nodeAddresses': ['192.0.2.0/28'], 'metadataAddresses': ['10.9.9.9'], "
		"'netns': '/proc/1/ns/net'}");
	AUTO_NET_WANT struct net_want w = {0};
	AUTO_STRV struct strv names = {NULL, 0};
	struct err e = {0};

	if (!ok(net_want_read(json_root(doc), &w, &e) == 0, "a whole one is read %s", e.msg))
		return;
	tap_same(w.title, "default/web", "title");
	tap_same(w.resolv_conf, "/run/x/resolv.conf", "resolvConf");
	tap_same(w.netns, "/proc/1/ns/net", "netns");
	ok(w.n == 2 && w.segments.n == 2 && strv_has(&w.segments, "api"), "policies, segments");
	ok(w.resolvers.n == 2 && w.node.n == 1 && is_addr(&w.node.v[0], "192.0.2.0/28") &&
			w.metadata.n == 1,
		"addresses of the node");
	tap_same(w.policies[0].profile, "web", "profile");
	ok(w.policies[0].mode == NET_AUDIT && w.policies[0].preset == NET_PRIVATE &&
			w.policies[0].metadata &&
			w.policies[0].lift == (1u << NET_GUARD_DNS | 1u << NET_GUARD_FORWARD),
		"mode, preset, metadata, lift");
	check_rules(&w.policies[0]);
	ok(w.policies[1].mode == NET_LEARN && w.policies[1].preset == NET_NONE &&
			!w.policies[1].metadata && !w.policies[1].lift,
		"what is absent is the strictest");
	ok(!net_want_enforces(&w), "nobody enforces");
	w.policies[1].mode = NET_ENFORCE;
	ok(net_want_enforces(&w), "somebody enforces");
	ok(net_want_mentions(&w, &names) == 0 && names.n == 1 && strv_has(&names, "db"),
		"it mentions db");
}

static void test_least(void)
{
	AUTO_JSON struct json_doc *doc = parse("{'policies': [{'profile': 'p'}]}");
	AUTO_NET_WANT struct net_want w = {0};
	struct err e = {0};

	ok(net_want_read(json_root(doc), &w, &e) == 0 && w.n == 1, "the least is read %s", e.msg);
	ok(w.policies[0].mode == NET_ENFORCE && w.policies[0].preset == NET_NONE,
		"and is the strictest");
	ok(w.title && !*w.title && !w.netns && !w.resolv_conf, "the rest is empty");
}

static void test_mentions(void)
{
	AUTO_JSON struct json_doc *doc = parse(
		"{'policies': [{'profile': 'p', 'egress': [{'to': ['segment:z', 'segment:b']}], "
		"'ingress': [{'from': ['segment:a']}]}, {'profile': 'q', 'egress': [{'to': "
		"['segment:b', 'segment:m']}]}], 'segments': ['own']}");
	AUTO_NET_WANT struct net_want w = {0};
	AUTO_STRV struct strv names = {NULL, 0};
	AUTO_STR struct str all = STR_INIT;
	struct err e;

	net_want_read(json_root(doc), &w, &e);
	ok(net_want_mentions(&w, &names) == 0, "mentions");
	for (size_t i = 0; i < names.n; i++)
		str_addf(&all, "%s ", names.v[i]);
	tap_same(str_text(&all), "a b m z ", "each once, sorted, its own not");
}

#define POLICY(text) "{'policies': [{'profile': 'p', " text "}]}"

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"[]", "network : expected an object"},
		{"{}", "\"policies\" is missing"},
		{"{'policies': null}", "another type"},
		{"{'policies': []}", "expected 1 to 4"},
		{"{'policies': [{'profile': 'a'}, {'profile': 'a'}, {'profile': 'a'}, {'profile': "
		 "'a'}, {'profile': 'a'}]}",
			"5 policies"},
		{"{'policies': [{}]}", "/policies/0: \"profile\" is missing"},
		{"{'policies': ['p']}", "/policies/0: expected an object"},
		{"{'policies': [{'profile': 'p'}], 'policy': 1}", "/policy: unknown key"},
		{POLICY("'Mode': 'off'"), "/policies/0/Mode: unknown key"},
		{POLICY("'mode': 'enforced'"), "/policies/0/mode: unknown word \"enforced\""},
		{POLICY("'mode': null"), "another type"},
		{POLICY("'preset': 'Open'"), "unknown word"},
		{POLICY("'metadata': true"), "another type"},
		{POLICY("'metadata': 'granted'"), "unknown word"},
		{POLICY("'lift': ['everything']"), "/lift/0: unknown word"},
		{POLICY("'lift': ['dns', 'dns', 'dns', 'dns', 'dns', 'dns']"), "6 entries"},
		{POLICY("'segment': 'web'"), "unknown key"},
		{POLICY("'egress': {}"), "another type"},
		{POLICY("'egress': [{}]"), "/egress/0: \"to\" is missing"},
		{POLICY("'egress': [{'from': ['any']}]"), "/egress/0/from: unknown key"},
		{POLICY("'egress': [{'to': []}]"), "an empty list"},
		{POLICY("'egress': [{'to': [1]}]"), "/egress/0/to/0: expected a string"},
		{POLICY("'egress': [{'to': 'any'}]"), "another type"},
		{POLICY("'egress': [{'to': ['any'], 'ports': []}]"), "0 entries"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/0']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/65536']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/80-80']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/80-79']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/80-']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/-80']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['tcp/00000080']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['icmp/8']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['any'], 'ports': ['TCP/8']}]"), "is no port"},
		{POLICY("'egress': [{'to': ['dns'], 'ports': ['tcp/53']}]"), "ports of its own"},
		{POLICY("'ingress': [{'from': ['dns']}]"), "nobody connects from \"dns\""},
		{POLICY("'egress': [{'to': ['segment:']}]"), "is no name of a segment"},
		{POLICY("'egress': [{'to': ['segment:A']}]"), "is no name of a segment"},
		{POLICY("'egress': [{'to': ['segment:-a']}]"), "is no name of a segment"},
		{POLICY("'egress': [{'to': ['segment:a b']}]"), "is no name of a segment"},
		{POLICY("'egress': [{'to': ['segment:"
			"a123456789a123456789a123456789a123456789a123456789a123456789a123']}]"),
			"is no name of a segment"},
		{POLICY("'egress': [{'to': ['10.0.0.1/8']}]"), "bits behind its prefix"},
		{POLICY("'egress': [{'to': ['::ffff:10.0.0.1']}]"), "write it as an IPv4 address"},
		{POLICY("'egress': [{'to': ['example.org']}]"), "example.org"},
		{"{'policies': [{'profile': 'p'}], 'resolvers': ['10.0.0.0/8']}", "one address"},
		{"{'policies': [{'profile': 'p'}], 'resolvConf': 'resolv.conf'}",
			"not an absolute path"},
		{"{'policies': [{'profile': 'p'}], 'netns': ''}", "not an absolute path"},
		{"{'policies': [{'profile': 'p'}], 'segments': ['_']}", "is no name of a segment"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_JSON struct json_doc *doc = parse(rows[i].text);
		struct net_want w = {.n = 77};
		struct err e = {0};

		if (!ok(net_want_read(json_root(doc), &w, &e) < 0 && e.code == ERR_INPUT &&
				    strstr(e.msg, rows[i].why) && w.n == 77,
			    "%s: refused", rows[i].text))
			printf("# %s\n", e.msg);
	}
}

static void test_nothing(void)
{
	struct net_want w = {.n = 77};
	struct err e = {0};

	ok(net_want_read(NULL, &w, &e) < 0 && e.code == ERR_INPUT, "nothing at all: %s", e.msg);
	w = (struct net_want){0};
	net_want_done(&w);
	ok(w.n == 0, "nothing to give back");
}

/* As many as a profile may have, in no time. */
static void test_many(void)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_NET_WANT struct net_want w = {0};
	struct err e = {0};

	for (unsigned n = 8192; n <= 8193; n++) {
		str_reset(&text);
		str_add(&text, "{'policies': [{'profile': 'p', 'egress': [{'to': [");
		for (unsigned i = 0; i < n; i++)
			str_addf(&text, "%s'10.%u.%u.0/24'", i ? "," : "", i / 256, i % 256);
		str_add(&text, "]}]}]}");
		AUTO_JSON struct json_doc *doc = parse(str_text(&text));

		if (n == 8192)
			ok(net_want_read(json_root(doc), &w, &e) == 0 &&
					w.policies[0].rules[NET_OUT][0].peers.n == n,
				"%u peers %s", n, e.msg);
		else
			ok(net_want_read(json_root(doc), &w, &e) < 0 &&
					strstr(e.msg, "at most 8192"),
				"%u peers: %s", n, e.msg);
	}
}

static void refused_long(const char *what, const char *before, const char *again, unsigned times,
	const char *after, const char *why)
{
	AUTO_STR struct str text = STR_INIT;
	struct net_want w = {.n = 77};
	struct err e = {0};

	str_add(&text, before);
	for (unsigned i = 0; i < times; i++)
		str_add(&text, again);
	str_add(&text, after);
	AUTO_JSON struct json_doc *doc = parse(str_text(&text));

	ok(net_want_read(json_root(doc), &w, &e) < 0 && e.code == ERR_INPUT && w.n == 77 &&
			strstr(e.msg, why),
		"%s: %s", what, e.msg);
}

static void test_too_many(void)
{
	refused_long("rules", "{'policies': [{'profile': 'p', 'ingress': [{'from': ['any']}",
		", {'from': ['any']}", 256, "]}]}", "257 rules, at most 256");
	refused_long("ports",
		"{'policies': [{'profile': 'p', 'egress': [{'to': ['any'], 'ports': ['icmp'",
		", 'tcp/1'", 64, "]}]}]}", "65 entries");
	refused_long("a title", "{'policies': [{'profile': 'p'}], 'title': '", "x", 1025, "'}",
		"1025 bytes, at most 1024");
	refused_long("a path", "{'policies': [{'profile': 'p'}], 'netns': '/", "x", 4096, "'}",
		"not an absolute path");
	refused_long("segments", "{'policies': [{'profile': 'p'}], 'segments': ['a'", ", 'a'", 16,
		"]}", "17 entries");
	refused_long("resolvers", "{'policies': [{'profile': 'p'}], 'resolvers': ['10.0.0.1'",
		", '10.0.0.1'", 1024, "]}", "1025 entries");
}

/* ---- names ---- */

static void test_names(void)
{
	tap_same(net_mode_name(NET_ENFORCE), "enforce", "mode");
	tap_same(net_mode_name(NET_OFF), "off", "mode");
	tap_same(net_preset_name(NET_NONE), "none", "preset");
	tap_same(net_preset_name(NET_OPEN), "open", "preset");
	tap_same(net_guard_name(NET_GUARD_SOURCE), "sourceAddress", "guard");
	tap_same(net_guard_name(NET_GUARD_DNS), "dns", "guard");
}

/* ---- resolv.conf ---- */

static void test_resolv_conf(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"nameserver 10.96.0.10\n", "10.96.0.10 "},
		{"nameserver 10.96.0.10", "10.96.0.10 "},
		{"search a b\nnameserver\t1.1.1.1  \noptions ndots:5\nnameserver 1.0.0.1 # x\n",
			"1.1.1.1 1.0.0.1 "},
		{"nameserver 1.1.1.1\r\nnameserver 1.1.1.1\r\n", "1.1.1.1 "},
		{"  nameserver 9.9.9.9\n", "9.9.9.9 "},
		{"nameserver fe80::1%eth0\nnameserver fd00::a\n", "fe80::1 fd00::a "},
		{"nameserver ::ffff:10.0.0.1\n", "10.0.0.1 "},
		{"#nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver1.1.1.1\nnameservers "
		 "1.1.1.1\n",
			""},
		{"nameserver\nnameserver \nnameserver x\nnameserver 1.1.1\nnameserver "
		 "1.1.1.1.1\nnameserver 10.0.0.0/8\n",
			""},
		{"nameserver 1.1.1.1 2.2.2.2\n", "1.1.1.1 "},
		{"nameserver 127.0.0.11\n# ExtServers: [host(1.1.1.1) 8.8.8.8 host(fd00::1)]\n",
			"127.0.0.11 1.1.1.1 8.8.8.8 fd00::1 "},
		{"# ExtServers:[9.9.9.9]\n", "9.9.9.9 "},
		{"# Based on host file: '/etc/resolv.conf' (internal 1.1.1.1)\n# ExtServers\n", ""},
		{"nameserver 11111111111111111111111111111111111111111111111111111111111111\n", ""},
		{"\n\n\nnameserver 1.1.1.1\n\n", "1.1.1.1 "},
		{"\f\nnameserver\f1.1.1.1", "1.1.1.1 "},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_ADDRS struct addrs found = {0};
		AUTO_STR struct str got = STR_INIT, what = STR_INIT;

		ok(net_resolv_conf(rows[i].text, &found) == 0, "read");
		for (size_t k = 0; k < found.n; k++) {
			char text[ADDR_TEXT_SIZE];

			addr_text(&found.v[k], text);
			str_addf(&got, "%s ", text);
		}
		str_addf(&what, "resolv.conf %zu", i);
		tap_same(str_text(&got), rows[i].want, str_text(&what));
	}
}

static void test_many_servers(void)
{
	AUTO_ADDRS struct addrs found = {0};
	AUTO_STR struct str text = STR_INIT;

	for (unsigned i = 0; i < 1000; i++)
		str_addf(&text, "nameserver 10.0.%u.%u\n", i / 250, i % 250);
	ok(net_resolv_conf(str_text(&text), &found) == 0 && found.n == 64, "%zu of a thousand",
		found.n);
}

int main(void)
{
	test_whole();
	test_least();
	test_mentions();
	test_refused();
	test_nothing();
	test_many();
	test_too_many();
	test_names();
	test_resolv_conf();
	test_many_servers();
	return tap_done();
}
