/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ruleset - what policies become: the table as nft lists it and the manual shows it, and what it says of
 * packets.
 *
 * With "--write" the tables of tests/data/ruleset are written anew, to be read by a person.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <linux/netfilter.h> /* behind netinet/in.h */

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "tests/net_rig.h"
#include "tests/tap.h"

#define CASES "tests/data/ruleset"

static bool writing;

/* ---- tables ---- */

static char *slurp(const char *name, const char *suffix)
{
	AUTO_STR struct str path = STR_INIT;
	char *text = NULL;
	size_t len;
	struct err e;

	str_addf(&path, CASES "/%s%s", name, suffix);
	AUTO_FD int fd = open(str_text(&path), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || io_read_all(fd, 1 << 20, &text, &len, &e) < 0)
		return NULL;
	return text;
}

static void write_table(const char *name, const struct str *text)
{
	AUTO_STR struct str path = STR_INIT;

	str_addf(&path, CASES "/%s.nft", name);
	AUTO_FD int fd = open(str_text(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, str_text(text), text->len) != (ssize_t)text->len)
		printf("Bail out! write %s\n", str_text(&path));
}

static void same_lines(const char *name, const char *got, const char *want)
{
	unsigned line = 1;

	while (*got && *want) {
		size_t g = strcspn(got, "\n"), w = strcspn(want, "\n");

		if (g != w || memcmp(got, want, g) != 0)
			break;
		got += g + (got[g] != '\0');
		want += w + (want[w] != '\0');
		line++;
	}
	if (!ok(!*got && !*want, "%s: the table as it should be", name))
		printf("# line %u\n#  got: %.*s\n# want: %.*s\n", line, (int)strcspn(got, "\n"),
			got, (int)strcspn(want, "\n"), want);
}

static void table(const char *name)
{
	AUTO_FREE char *json = slurp(name, ".json"), *want = slurp(name, ".nft");
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	AUTO_STR struct str got = STR_INIT;
	struct err e = {0};

	if (!ok(json && net_rig_read(json, &rig, &e), "%s is read %s", name, e.msg) ||
		!ok(ruleset_build(&rig.s, &r, &e) == 0, "%s is built %s", name, e.msg))
		return;
	ruleset_print(&r, &got);
	if (writing)
		write_table(name, &got);
	else
		same_lines(name, str_text(&got), want ? want : "");
	ok(ruleset_confined(&r) == rig.s.host, "%s: confined as the host's alone", name);
}

static void test_tables(void)
{
	static const char *const names[] = {"single", "pod", "host", "learn", "several"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		table(names[i]);
}

/* ---- the manual ---- */

/* Words of TEXT with one blank between them, appended. */
static void words(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool blank = strchr(" \t\n", text[i]) != NULL;

		if (!blank)
			str_addc(out, text[i]);
		else if (out->len && str_text(out)[out->len - 1] != ' ')
			str_addc(out, ' ');
	}
}

/* What the page shows of tables is in them. */
static void test_page(void)
{
	static const char *const names[] = {"single", "pod", "host"};
	static const char begin[] = ".Bd -literal -offset indent\n";
	AUTO_FD int fd = open("man/cinch-netseg.7", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *page = NULL;
	AUTO_STR struct str tables = STR_INIT;
	unsigned seen = 0;
	size_t len = 0;
	struct err e;

	if (!ok(fd >= 0 && io_read_all(fd, 1 << 20, &page, &len, &e) == 0, "the page is read"))
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_FREE char *text = slurp(names[i], ".nft");

		words(&tables, text ? text : "", text ? strlen(text) : 0);
	}
	for (char *at = page; (at = strstr(at, begin)); at++) {
		const char *text = at + strlen(begin), *end = strstr(text, "\n.Ed");
		AUTO_STR struct str block = STR_INIT;

		words(&block, text, end ? (size_t)(end - text) : 0);
		if (*text == '"' || str_starts(text, "cinchctl"))
			continue;
		seen++;
		ok(strstr(str_text(&tables), str_text(&block)), "%.60s", str_text(&block));
	}
	ok(seen > 20, "%u excerpts", seen);
}

/* ---- packets ---- */

struct row {
	const char *packet; /* "out tcp 10.0.0.1 443", "in icmp6 fd00::1 134" */
	bool accepted;
	const char *comment; /* of the line that decided */
};

static struct addr one(const char *text)
{
	struct addr a = {0};
	struct err e;

	if (addr_parse(text, &a, &e) < 0)
		printf("Bail out! %s\n", e.msg);
	return a;
}

static struct net_packet packet(const char *text)
{
	static const struct {
		const char *name;
		uint8_t protocol;
	} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP},
		{"icmp", IPPROTO_ICMP}, {"icmp6", IPPROTO_ICMPV6}, {"gre", IPPROTO_GRE}};
	struct net_packet p = {.ct = NET_CT_NEW, .sport = 40000};
	char dir[8], protocol[8], peer[64], more[16] = "";
	unsigned number = 0;
	struct addr own;

	sscanf(text, "%7s %7s %63s %u %15s", dir, protocol, peer, &number, more);
	p.dir = dir[0] == 'i' ? NET_IN : NET_OUT;
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (strcmp(protocols[i].name, protocol) == 0)
			p.protocol = protocols[i].protocol;
	own = one(strchr(peer, ':') ? "fd00::77" : "10.0.0.77");
	p.source = p.dir == NET_IN ? one(peer) : own;
	p.dest = p.dir == NET_IN ? own : one(peer);
	p.source_local = p.dir == NET_OUT && strcmp(more, "spoofed") != 0;
	p.dest_local = p.dir == NET_IN;
	p.lo = strstr(more, "lo") != NULL;
	if (strcmp(more, "lo") == 0)
		p.source_local = p.dest_local = true;
	if (strcmp(more, "lo-spoofed") == 0)
		p.source_local = !(p.dest_local = true);
	if (strcmp(more, "known") == 0)
		p.ct = NET_CT_ESTABLISHED;
	if (strcmp(more, "related") == 0)
		p.ct = NET_CT_RELATED;
	p.dport = (uint16_t)number;
	p.icmp_type = (uint8_t)number;
	return p;
}

static void judge_rows(const char *title, const char *policies, const struct row *rows)
{
	AUTO_STR struct str json = STR_INIT;
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct err e = {0};

	str_addf(&json,
		"{'containers': [{'key': 'c1', 'resolvers': ['10.96.0.10', '168.63.129.16'], "
		"'hosts': ['10.0.0.254'], 'want': {'title': 't', 'policies': [%s]}}], "
		"'segments': {'db': ['10.0.0.5', 'fd00::5'], 'lb': ['10.0.0.6']}}",
		policies);
	if (!ok(net_rig_read(str_text(&json), &rig, &e) && ruleset_build(&rig.s, &r, &e) == 0,
		    "%s: built %s", title, e.msg))
		return;
	for (; rows->packet; rows++) {
		struct net_packet p = packet(rows->packet);
		struct net_judgement j;

		ruleset_judge(&r, &p, &j);
		if (!ok(j.accepted == rows->accepted &&
				    (!rows->comment || strcmp(j.comment, rows->comment) == 0),
			    "%s: %s is %s", title, rows->packet,
			    rows->accepted ? "accepted" : "refused"))
			printf("# %s by \"%s\" of %s\n", j.accepted ? "accepted" : "refused",
				j.comment, j.chain);
	}
}

static void test_presets(void)
{
	judge_rows("none", "{'profile': 'p', 'preset': 'none'}",
		(const struct row[]){
			{"out tcp 10.0.0.5 80", false, "nothing allows it"},
			{"out udp 10.96.0.10 53", false, "guard dns"},
			{"out tcp 127.0.0.1 80 lo", true, ""},
			{"out udp 10.0.0.5 80 lo-outwards", false, "nothing allows it"},
			{"out udp 10.0.0.77 80 lo-spoofed", false, "guard sourceAddress"},
			{"in udp 10.0.0.77 80 lo", true, ""},
			{"in tcp 10.0.0.5 80", false, "nothing allows it"},
			{"out tcp 8.8.8.8 443 known", true, ""},
			{"out icmp 10.0.0.5 3 related", true, ""},
			{"in icmp 10.0.0.5 5 related", false, "guard routerAdvertisements"},
			{"out icmp6 fd00::5 135", true, ""},
			{"in icmp6 fe80::1 134", false, "guard routerAdvertisements"},
			{"out icmp6 fe80::1 137 related", false, "guard routerAdvertisements"},
			{0},
		});
	judge_rows("isolated", "{'profile': 'p', 'preset': 'isolated'}",
		(const struct row[]){
			{"out udp 10.96.0.10 53", true, "dns"},
			{"out tcp 168.63.129.16 53", true, "dns"},
			{"out tcp 168.63.129.16 80", false, "metadata"},
			{"out udp 8.8.8.8 53", false, "guard dns"},
			{"out tcp 10.0.0.5 80", false, "nothing allows it"},
			{0},
		});
	judge_rows("private", "{'profile': 'p', 'preset': 'private'}",
		(const struct row[]){
			{"out tcp 10.0.0.5 80", true, "preset private"},
			{"in tcp 10.0.0.5 80", true, "preset private"},
			{"in icmp6 fd00::5 128", true, "preset private"},
			{"out tcp 169.254.169.254 80", false, "metadata"},
			{"out tcp fd00:ec2::254 80", false, "metadata"},
			{"out tcp 64:ff9b::a9fe:a9fe 80", false, "metadata"},
			{"out tcp 8.8.8.8 443", false, "nothing allows it"},
			{"out gre 10.0.0.5 0", false, "nothing allows it"},
			{0},
		});
	judge_rows("internet", "{'profile': 'p', 'preset': 'internet'}",
		(const struct row[]){
			{"out tcp 8.8.8.8 443", true, "preset internet"},
			{"in tcp 8.8.8.8 443", false, "nothing allows it"},
			{"out tcp 10.0.0.5 443", false, "nothing allows it"},
			{"out udp 8.8.8.8 53", false, "guard dns"},
			{"out tcp 2a00::1 443", true, "preset internet"},
			{"out tcp 2002:a9fe:a9fe::1 443", false, "nothing allows it"},
			{"out tcp 64:ff9b::808:808 443", false, "nothing allows it"},
			{"out udp 224.0.0.251 5353", false, "nothing allows it"},
			{0},
		});
	judge_rows("open", "{'profile': 'p', 'preset': 'open'}",
		(const struct row[]){
			{"out gre 8.8.8.8 0", true, "preset open"},
			{"out udp 8.8.8.8 53", true, "preset open"},
			{"in tcp 8.8.8.8 22", true, "preset open"},
			{"out tcp 169.254.169.254 80", false, "metadata"},
			{"out tcp 8.8.8.8 443 spoofed", false, "guard sourceAddress"},
			{"out icmp6 fe80::1 134", false, "guard routerAdvertisements"},
			{"in tcp 127.0.0.1 22", false, "guard loopback"},
			{0},
		});
}

static void test_rules(void)
{
	judge_rows("rules",
		"{'profile': 'p', 'preset': 'isolated', 'egress': ["
		"{'to': ['segment:db'], 'ports': ['tcp/5432', 'tcp/5433-5440', 'icmp']},"
		"{'to': ['198.51.100.0/24', 'fd00:2::/32']}, {'to': ['any'], 'ports': ['tcp/53']},"
		"{'to': ['169.254.169.254'], 'ports': ['tcp/80']}], 'ingress': ["
		"{'from': ['segment:lb', 'host'], 'ports': ['tcp/8080']}]}",
		(const struct row[]){
			{"out tcp 10.0.0.5 5432", true, "egress 1, db"},
			{"out tcp 10.0.0.5 5440", true, "egress 1, db"},
			{"out tcp fd00::5 5433", true, "egress 1, db"},
			{"out tcp 10.0.0.5 5441", false, NULL},
			{"out udp 10.0.0.5 5432", false, NULL},
			{"out icmp 10.0.0.5 8", true, "egress 1, db"},
			{"out icmp 10.0.0.5 13", false, NULL},
			{"out icmp6 fd00::5 128", true, "egress 1, db"},
			{"out icmp6 10.0.0.5 128", false, NULL},
			{"out tcp 10.0.0.6 5432", false, NULL},
			{"out sctp 198.51.100.200 1", true, "egress 2"},
			{"out udp 198.51.100.200 53", false, "guard dns"},
			{"out tcp 198.51.101.0 1", false, NULL},
			{"out tcp fd00:2:3::1 1", true, "egress 2"},
			{"out tcp 8.8.8.8 53", true, "egress 3"},
			{"out udp 8.8.8.8 53", false, "guard dns"},
			{"out tcp 169.254.169.254 80", false, "metadata"},
			{"in tcp 10.0.0.6 8080", true, "ingress 1, lb"},
			{"in tcp 10.0.0.254 8080", true, "ingress 1, host"},
			{"in tcp 10.0.0.5 8080", false, "nothing allows it"},
			{"in tcp 10.0.0.6 8081", false, "nothing allows it"},
			{0},
		});
	judge_rows("granted and lifted",
		"{'profile': 'p', 'preset': 'none', 'metadata': 'allow', 'egress': [{'to': "
		"['any'], 'ports': ['udp/1-1000']}, {'to': ['dns']}], 'lift': ['dns', "
		"'sourceAddress', 'routerAdvertisements', 'loopback']}",
		(const struct row[]){
			{"out tcp 169.254.169.254 80", true, "metadata"},
			{"out udp 169.254.169.254 123", true, "egress 1"},
			{"out udp 8.8.8.8 53 spoofed", true, "egress 1"},
			{"out udp 10.0.0.77 80 lo-spoofed", false, "guard sourceAddress"},
			{"out tcp 8.8.8.8 53", false, "nothing allows it"},
			{"out tcp 10.96.0.10 53", true, "dns"},
			{"in icmp6 fe80::1 134", true, "lifted: routerAdvertisements"},
			{"out udp 127.0.0.1 99", true, "egress 1"},
			{0},
		});
}

static void test_modes(void)
{
	static const char audit[] = "{'profile': 'p', 'mode': 'audit', 'preset': 'none'}",
			  learn[] = "{'profile': 'p', 'mode': 'learn', 'preset': 'none'}";
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct net_packet p = packet("out tcp 8.8.8.8 443");
	struct net_judgement j;
	struct err e;

	judge_rows("audit", audit,
		(const struct row[]){
			{"out tcp 8.8.8.8 443", true, "nothing allows it"},
			{"out tcp 169.254.169.254 80", true, "metadata"},
			{0},
		});
	judge_rows("learn", learn, (const struct row[]){{"in gre 8.8.8.8 0", true, ""}, {0}});
	judge_rows("audit before enforce",
		"{'profile': 'e', 'preset': 'internet'}, {'profile': 'a', 'mode': 'audit', "
		"'preset': 'none'}",
		(const struct row[]){
			{"out tcp 8.8.8.8 443", true, "preset internet"},
			{"out tcp 10.0.0.1 443", false, "nothing allows it"},
			{0},
		});
	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'e', "
		     "'preset': 'open'}, {'profile': 'a', 'mode': 'audit', 'preset': 'none'}]}}]}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	ruleset_judge(&r, &p, &j);
	ok(j.accepted && j.would_refuse, "the audited policy would have refused it");
}

/* ---- sets ---- */

static const struct net_set *find_set(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

static bool set_has(const struct ruleset *r, const char *name, const char *address)
{
	const struct net_set *s = find_set(r, name);
	struct addr a = one(address);
	size_t hits = 0;

	for (size_t i = 0; s && i < s->n; i++)
		hits += memcmp(s->v[i].low, a.bytes, addr_size(&a)) <= 0 &&
			memcmp(s->v[i].high, a.bytes, addr_size(&a)) >= 0;
	return hits == 1;
}

static void test_world(void)
{
	static const char *const public[] = {"1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2000::", "2001:1::", "2001:ffff::1", "2003::", "3fff:ffff::1"};
	static const char *const special[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.255.255.255",
		"169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
		"192.0.0.255", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
		"224.0.0.0", "255.255.255.255", "::", "::1", "64:ff9b::808:808", "1fff:ffff::1",
		"2001::", "2001:0:ffff::1", "2002::", "2002:ffff::1", "4000::", "fc00::1",
		"fe80::1", "ff02::1"};
	static const char *const private[] = {"10.0.0.0", "10.255.255.255", "172.16.0.0",
		"172.31.255.255", "192.168.255.255", "100.64.0.0", "169.254.1.1",
		"fc00::", "fdff::1", "fe80::", "febf::1"};
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct err e;

	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': ["
		     "{'profile': 'p', 'preset': 'private'},"
		     "{'profile': 'q', 'preset': 'internet'}]}}]}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	for (size_t i = 0; i < sizeof public / sizeof *public; i++)
		ok(set_has(&r, strchr(public[i], ':') ? "public_6" : "public_4", public[i]),
			"%s is public", public[i]);
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		ok(!set_has(&r, strchr(special[i], ':') ? "public_6" : "public_4", special[i]),
			"%s is not public", special[i]);
	for (size_t i = 0; i < sizeof private / sizeof *private; i++)
		ok(set_has(&r, strchr(private[i], ':') ? "private_6" : "private_4", private[i]),
			"%s is private", private[i]);
}

/* Each set costs the start of a container: those that no line speaks of are not made. */
static void test_idle_sets(void)
{
	static const struct {
		const char *preset;
		bool private, public;
	} cases[] = {{"none", false, false}, {"isolated", false, false}, {"private", true, false},
		{"internet", false, true}, {"open", false, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_NET_RIG struct net_rig rig = {0};
		AUTO_RULESET struct ruleset r = {0};
		char text[160];
		struct err e;

		snprintf(text, sizeof text,
			"{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p', "
			"'preset': '%s'}]}}]}",
			cases[i].preset);
		ok(net_rig_read(text, &rig, &e) && ruleset_build(&rig.s, &r, &e) == 0,
			"a container with the preset %s", cases[i].preset);
		ok(set_has(&r, "private_4", "10.0.0.0") == cases[i].private, "private addresses");
		ok(set_has(&r, "private_6", "fc00::1") == cases[i].private, "of IPv6, too");
		ok(set_has(&r, "public_4", "1.1.1.1") == cases[i].public, "public addresses");
		ok(set_has(&r, "public_6", "2000::") == cases[i].public, "of IPv6, too");
	}
}

static void test_ranges(void)
{
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	const struct net_set *set;
	struct err e;

	net_rig_read(
		"{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p', 'egress': "
		"[{'to': ['10.0.0.2', '10.0.0.0/31', '10.0.0.3', '10.0.0.0/30', '10.0.0.5', "
		"'255.255.255.255', '0.0.0.0/8', 'ffff::/16', '::/1', '8000::/1']}]}]}}], "
		"'segments': {'s': ['10.0.0.2', '10.0.0.1', '10.0.0.1', '10.0.0.4/30']}}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	set = find_set(&r, "c1_o1_4");
	ok(set && set->n == 4 && !set->single, "ranges that touch are one");
	set = find_set(&r, "c1_o1_6");
	ok(set && set->n == 1, "all of IPv6 is one");
	set = find_set(&r, "segment_s_4");
	ok(set && set->n == 2 && set->single, "members are single, each once");
	ok(find_set(&r, "segment_s_6"), "and of both families, whether there are any");
}

/* Of the services that a node names, networks are guarded as addresses are, through NAT64 too. */
static void test_metadata(void)
{
	static const char *const refused[] = {"out tcp 192.0.2.99 80", "out tcp 192.0.2.3 80",
		"out tcp 64:ff9b::c000:203 80", "out tcp fd00:9::1 80"};
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	const struct net_set *set;
	struct err e;

	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p', "
		     "'preset': 'open'}], 'metadataAddresses': ['192.0.2.0/28', '192.0.2.99', "
		     "'fd00:9::/64']}}]}",
		&rig, &e);
	ok(ruleset_build(&rig.s, &r, &e) == 0, "metadata services of the node's own");
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct net_packet p = packet(refused[i]);
		struct net_judgement j;

		ruleset_judge(&r, &p, &j);
		ok(!j.accepted && strcmp(j.comment, "metadata") == 0, "%s is refused", refused[i]);
	}
	set = find_set(&r, "c1_metadata_4");
	ok(set && set->single, "addresses have a set without intervals");
	set = find_set(&r, "c1_metadata_nets_4");
	ok(set && !set->single && set->n == 1, "networks one with them");
}

/* ---- refusals and edges ---- */

static void test_nobody(void)
{
	AUTO_NET_RIG struct net_rig off = {0}, half = {0}, bare = {0};
	AUTO_RULESET struct ruleset none = {0}, r = {0}, pod = {0}, bad = {0};
	AUTO_STR struct str text = STR_INIT;
	struct net_space empty = {0};
	struct err e = {0};

	ok(ruleset_build(&empty, &none, &e) == 0 && none.n_chains == 0 && none.n_sets == 0,
		"no container, no table");
	ruleset_print(&none, &text);
	tap_same(str_text(&text), "", "which is printed as nothing");
	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p', 'mode': "
		     "'off'}]}}]}",
		&off, &e);
	ok(ruleset_build(&off.s, &r, &e) == 0 && r.n_chains == 0, "nobody judges: no table");
	net_rig_read("{'containers': [{'key': 'c1', 'cgroup': 7, 'level': 2, 'want': {'policies': "
		     "[{'profile': 'p', 'mode': 'off'}]}}, {'key': 'c2', 'cgroup': 8, 'want': "
		     "{'policies': [{'profile': 'p', 'preset': 'none'}]}}]}",
		&half, &e);
	ok(ruleset_build(&half.s, &pod, &e) == 0, "one of two judges");
	for (uint64_t cgroup = 6; cgroup <= 8; cgroup++) {
		struct net_packet p = packet("out tcp 8.8.8.8 443");
		struct net_judgement j;

		p.cgroup = cgroup;
		ruleset_judge(&pod, &p, &j);
		ok(j.accepted == (cgroup == 7), "cgroup %u: %s", (unsigned)cgroup,
			j.accepted ? "passes" : "refused");
	}
	net_rig_read(
		"{'host': true, 'containers': [{'key': 'c1', 'want': {'title': 'box', 'policies': "
		"[{'profile': 'p'}]}}]}",
		&bare, &e);
	ok(ruleset_build(&bare.s, &bad, &e) < 0 && e.code == ERR_INPUT &&
			strstr(e.msg, "\"box\"") && !bad.n_chains,
		"the host's network without a cgroup: %s", e.msg);
}

static void test_confined(void)
{
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	struct net_match *m;
	struct err e;

	net_rig_read("{'host': true, 'containers': [{'key': 'c1', 'cgroup': 7, 'level': 2, 'want': "
		     "{'policies': [{'profile': 'p'}]}}]}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	ok(ruleset_confined(&r), "the host's table is confined");
	r.chains[0].drop = true;
	ok(!ruleset_confined(&r), "not when a chain drops by policy");
	r.chains[0].drop = false;
	m = &r.chains[1].lines[0].matches[0];
	m->not = true;
	ok(!ruleset_confined(&r), "not when a line is of all but a cgroup");
	m->not = false;
	m->kind = NET_M_LO;
	ok(!ruleset_confined(&r), "not when a line does not begin with a cgroup");
	m->kind = NET_M_CGROUP;
	m->cgroup = 0;
	ok(!ruleset_confined(&r), "not when the cgroup is none");
	m->cgroup = 7;
	r.chains[1].lines[0].n = 0;
	ok(!ruleset_confined(&r), "not when a line is of everybody");
	r.chains[1].lines[0].n = 1;
	ok(ruleset_confined(&r), "and is again");
}

static void test_forward(void)
{
	static const struct {
		const char *policies;
		bool drop, input;
	} rows[] = {
		{"{'profile': 'p'}", true, true},
		{"{'profile': 'p', 'lift': ['forward']}", false, true},
		{"{'profile': 'p', 'lift': ['forward']}, {'profile': 'q'}", true, true},
		{"{'profile': 'p'}, {'profile': 'q', 'lift': ['forward']}", true, true},
		{"{'profile': 'p', 'mode': 'audit'}", false, false},
		{"{'profile': 'p', 'lift': ['forward']}, {'profile': 'q', 'mode': 'audit'}", false,
			true},
		{"{'profile': 'p', 'mode': 'learn'}", false, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_STR struct str json = STR_INIT;
		AUTO_NET_RIG struct net_rig rig = {0};
		AUTO_RULESET struct ruleset r = {0};
		struct err e;

		str_addf(&json, "{'containers': [{'key': 'c1', 'want': {'policies': [%s]}}]}",
			rows[i].policies);
		net_rig_read(str_text(&json), &rig, &e);
		ruleset_build(&rig.s, &r, &e);
		ok(r.n_chains > 2 && r.chains[2].hook == NF_INET_FORWARD &&
				r.chains[2].drop == rows[i].drop &&
				r.chains[0].drop == rows[i].input &&
				r.chains[1].drop == rows[i].input,
			"chains of %s", rows[i].policies);
	}
}

static void test_limits(void)
{
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	AUTO_STR struct str json = STR_INIT;
	struct err e = {0};

	str_add(&json,
		"{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p', 'egress': [");
	for (unsigned i = 0; i < 256; i++) {
		str_add(&json, i ? ", {'to': [" : "{'to': [");
		for (unsigned k = 0; k < 40; k++)
			str_addf(&json, "%s'segment:s%u'", k ? ", " : "", k);
		str_add(&json, "], 'ports': ['tcp/1', 'udp/1', 'sctp/1', 'icmp']}");
	}
	str_add(&json, "]}]}}]}");
	ok(net_rig_read(str_text(&json), &rig, &e), "many rules are read %s", e.msg);
	ok(ruleset_build(&rig.s, &r, &e) < 0 && e.code == ERR_INPUT && strstr(e.msg, "lines") &&
			!r.n_chains,
		"too many: %s", e.msg);
}

/* Words from outside stay words. */
static void test_comments(void)
{
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	AUTO_STR struct str text = STR_INIT;
	struct err e;

	net_rig_read("{'containers': [{'key': 'c1', 'want': {'title': 'a\\\"b\\\\c\\n\\u00e4 d "
		     "0123456789012345678901234567890123456789012345678901234567890123456789', "
		     "'policies': [{'profile': 'p\\\"; drop'}]}}]}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	ruleset_print(&r, &text);
	ok(strstr(str_text(&text),
		   "goto c1_out comment \"a?b?c??? d "
		   "0123456789012345678901234567890123456789012345678...\"\n") != NULL,
		"a title is cut and made harmless");
	ok(strstr(str_text(&text), "comment \"profile p?; drop, enforce, none\"\n") != NULL,
		"a profile's name, too");
}

int main(int argc, char **argv)
{
	writing = argc > 1 && strcmp(argv[1], "--write") == 0;
	test_tables();
	test_page();
	test_presets();
	test_rules();
	test_modes();
	test_world();
	test_idle_sets();
	test_ranges();
	test_metadata();
	test_nobody();
	test_confined();
	test_forward();
	test_limits();
	test_comments();
	return tap_done();
}
