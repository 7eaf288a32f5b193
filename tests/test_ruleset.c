/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ruleset - what policies become: the table as nft lists it, what it says of packets, and what holds for
 * any of them.
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
	p.lo = strcmp(more, "lo") == 0;
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
			{"in tcp 10.0.0.5 80", false, "nothing allows it"},
			{"out tcp 8.8.8.8 443 known", true, ""},
			{"out icmp 10.0.0.5 3 related", true, ""},
			{"in icmp 10.0.0.5 5 related", false, "guard routerAdvertisements"},
			{"out icmp6 fd00::5 135", true, ""},
			{"in icmp6 fe80::1 134", false, "guard routerAdvertisements"},
			{"out icmp6 fe80::1 137 related", false, "guard routerAdvertisements"},
			{NULL},
		});
	judge_rows("isolated", "{'profile': 'p', 'preset': 'isolated'}",
		(const struct row[]){
			{"out udp 10.96.0.10 53", true, "dns"},
			{"out tcp 168.63.129.16 53", true, "dns"},
			{"out tcp 168.63.129.16 80", false, "metadata"},
			{"out udp 8.8.8.8 53", false, "guard dns"},
			{"out tcp 10.0.0.5 80", false, "nothing allows it"},
			{NULL},
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
			{NULL},
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
			{NULL},
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
			{NULL},
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
			{NULL},
		});
	judge_rows("granted and lifted",
		"{'profile': 'p', 'preset': 'none', 'metadata': 'allow', 'egress': [{'to': "
		"['any'], 'ports': ['udp/1-1000']}, {'to': ['dns']}], 'lift': ['dns', "
		"'sourceAddress', 'routerAdvertisements', 'loopback']}",
		(const struct row[]){
			{"out tcp 169.254.169.254 80", true, "metadata"},
			{"out udp 169.254.169.254 123", true, "egress 1"},
			{"out udp 8.8.8.8 53 spoofed", true, "egress 1"},
			{"out tcp 8.8.8.8 53", false, "nothing allows it"},
			{"out tcp 10.96.0.10 53", true, "dns"},
			{"in icmp6 fe80::1 134", true, "lifted: routerAdvertisements"},
			{"out udp 127.0.0.1 99", true, "egress 1"},
			{NULL},
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
			{NULL},
		});
	judge_rows("learn", learn, (const struct row[]){{"in gre 8.8.8.8 0", true, ""}, {NULL}});
	judge_rows("audit before enforce",
		"{'profile': 'e', 'preset': 'internet'}, {'profile': 'a', 'mode': 'audit', "
		"'preset': 'none'}",
		(const struct row[]){
			{"out tcp 8.8.8.8 443", true, "preset internet"},
			{"out tcp 10.0.0.1 443", false, "nothing allows it"},
			{NULL},
		});
	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'e', "
		     "'preset': 'open'}, {'profile': 'a', 'mode': 'audit', 'preset': 'none'}]}}]}",
		&rig, &e);
	ruleset_build(&rig.s, &r, &e);
	ruleset_judge(&r, &p, &j);
	ok(j.accepted && j.would_refuse, "the audited policy would have refused it");
}

/* ---- what holds for all ---- */

static const struct net_set *find_set(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

static size_t find_chain(const struct ruleset *r, const char *name)
{
	size_t i = 0;

	while (i < r->n_chains && strcmp(r->chains[i].name, name) != 0)
		i++;
	return i;
}

static bool find_counter(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_counters; i++)
		if (strcmp(r->counters[i].name, name) == 0)
			return true;
	return false;
}

static const char *line_wrong(const struct ruleset *r, size_t chain, const struct net_line *l)
{
	bool moves = l->verdict == NET_V_GOTO || l->verdict == NET_V_JUMP;
	const struct net_set *set;

	if (moves != (l->chain[0] != '\0'))
		return "a chain without goto, or the other way round";
	if (moves && (find_chain(r, l->chain) <= chain || find_chain(r, l->chain) == r->n_chains))
		return "goes to an earlier chain, or to none";
	if (l->counter[0] && !find_counter(r, l->counter))
		return "an unknown counter";
	if (l->remember[0] && (!(set = find_set(r, l->remember)) || !set->dynamic))
		return "remembers in no dynamic set";
	for (size_t i = 0; i < l->n; i++) {
		const struct net_match *m = &l->matches[i];

		if (m->kind != NET_M_SOURCE && m->kind != NET_M_DEST)
			continue;
		set = find_set(r, m->set);
		if (!set || set->dynamic ||
			set->type != (m->family == AF_INET ? NET_T_ADDR4 : NET_T_ADDR6))
			return "compares with a set that is not there or of another kind";
	}
	return NULL;
}

static const char *set_wrong(const struct net_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (memcmp(s->v[i].low, s->v[i].high, 16) > 0)
			return "a range that ends before it begins";
		if (i > 0 && memcmp(s->v[i - 1].high, s->v[i].low, 16) >= 0)
			return "ranges that are not sorted or not apart";
	}
	return NULL;
}

/* Lines the kernel visits when it checks the batch: it follows every goto and jump anew. */
static size_t visits(const struct ruleset *r, size_t chain, unsigned depth, unsigned *deepest)
{
	const struct net_chain *c = &r->chains[chain];
	size_t n = c->n;

	if (depth > *deepest)
		*deepest = depth;
	for (size_t i = 0; depth < 20 && i < c->n; i++)
		if (c->lines[i].chain[0])
			n += visits(r, find_chain(r, c->lines[i].chain), depth + 1, deepest);
	return n;
}

/* The last line of what is not a base chain decides for all packets. */
static bool decides(const struct net_chain *c)
{
	const struct net_line *l = c->n ? &c->lines[c->n - 1] : NULL;

	return c->base || (l && l->n == 0 && l->verdict != NET_V_NONE && l->verdict != NET_V_JUMP);
}

static const char *wrong(const struct ruleset *r)
{
	size_t lines = 0, all = 0;
	unsigned deepest = 0;
	const char *why;

	for (size_t i = 0; i < r->n_sets; i++) {
		if (strlen(r->sets[i].name) >= NET_NAME_SIZE - 1 ||
			find_set(r, r->sets[i].name) != &r->sets[i])
			return "two sets of one name, or a name that was cut";
		if ((why = set_wrong(&r->sets[i])))
			return why;
	}
	for (size_t i = 0; i < r->n_chains; i++) {
		const struct net_chain *c = &r->chains[i];

		if (find_chain(r, c->name) != i)
			return "two chains of one name";
		if (!decides(c))
			return "a chain that leaves packets undecided";
		lines += c->n;
		for (size_t k = 0; k < c->n; k++)
			if ((why = line_wrong(r, i, &c->lines[k])))
				return why;
		if (c->base)
			all += visits(r, i, 1, &deepest);
	}
	if (deepest > 8)
		return "deeper than the kernel likes";
	return all > 60 * lines ? "the kernel's check multiplies" : NULL;
}

/* What the space's containers together say of the packet; AUDITED: somebody would have refused. */
static bool oracle(const struct net_rig *r, const struct net_packet *p, bool *audited)
{
	const struct net_container *own = NULL;
	bool accepted = true;

	*audited = false;
	for (size_t i = 0; i < r->s.n; i++)
		if (p->cgroup && r->s.containers[i].cgroup == p->cgroup)
			own = &r->s.containers[i];
	if ((r->s.host && !own) || net_rig_known(r, p))
		return true;
	for (size_t i = 0; i < r->s.n; i++) {
		const struct net_container *c = &r->s.containers[i];

		if (own && own != c)
			continue;
		for (size_t k = 0; k < c->want->n; k++) {
			const struct net_policy *one_of = &c->want->policies[k];
			bool good = net_rig_allows(r, c, one_of, p);

			accepted = accepted && (good || one_of->mode != NET_ENFORCE);
			*audited = *audited || (!good && one_of->mode == NET_AUDIT);
		}
	}
	return accepted;
}

static bool agree(const struct net_rig *rig, const struct ruleset *r, struct dice *d, unsigned n,
	unsigned accepted[2])
{
	while (n-- > 0) {
		struct net_packet p;
		struct net_judgement j;
		AUTO_STR struct str text = STR_INIT;
		bool audited, good;

		net_rig_packet(rig, d, &p);
		good = oracle(rig, &p, &audited);
		ruleset_judge(r, &p, &j);
		accepted[good]++;
		/* one that is refused by an earlier policy is not shown to the later ones */
		if (j.accepted == good && (j.would_refuse == audited || (!good && audited)))
			continue;
		net_rig_describe(&p, &text);
		printf("# %s: %s, should be %s%s; by \"%s\" of %s\n", str_text(&text),
			j.accepted ? "accepted" : "refused", good ? "accepted" : "refused",
			audited ? " and audited" : "", j.comment, j.chain);
		return false;
	}
	return true;
}

/* As the host's own table is: everybody's packets but the containers' pass. */
static void test_random(
	const char *what, bool host, size_t containers, size_t policies, enum net_mode mode)
{
	struct dice d = {4711};
	unsigned accepted[2] = {0, 0}, rounds = 0, bad = 0;

	for (; rounds < 400 && !bad; rounds++) {
		AUTO_NET_RIG struct net_rig rig = {0};
		AUTO_RULESET struct ruleset r = {0};
		struct err e = {0};
		const char *why = NULL;

		net_rig_random(&rig, &d, host, containers, policies, mode);
		if (ruleset_build(&rig.s, &r, &e) < 0)
			why = e.msg;
		else if (!(why = wrong(&r)) && ruleset_confined(&r) != host)
			why = "confined";
		else if (!why && !agree(&rig, &r, &d, 60, accepted))
			why = "judges otherwise than the manual";
		if (why) {
			AUTO_STR struct str text = STR_INIT;

			ruleset_print(&r, &text);
			printf("# round %u: %s\n# %.12000s\n", rounds, why, str_text(&text));
			bad++;
		}
	}
	ok(!bad, "%s: tables whole and as the manual has it", what);
	ok(accepted[0] > 100 || mode != NET_ENFORCE, "%s: %u packets refused", what, accepted[0]);
	ok(accepted[1] > 100, "%s: %u packets accepted", what, accepted[1]);
}

/* ---- two policies ---- */

/* The rig's container with its policies FROM up to TO alone. */
static bool judged(const struct net_rig *rig, size_t from, size_t to, const struct net_packet *p)
{
	struct net_want want = rig->wants[0];
	struct net_container c = rig->s.containers[0];
	struct net_space s = rig->s;
	AUTO_RULESET struct ruleset r = {0};
	struct net_judgement j;
	struct err e;

	want.policies += from;
	want.n = to - from;
	c.want = &want;
	s.containers = &c;
	if (ruleset_build(&s, &r, &e) < 0)
		return false;
	ruleset_judge(&r, p, &j);
	return j.accepted;
}

static void test_intersection(void)
{
	struct dice d = {99};
	unsigned bad = 0, both = 0, either = 0;

	for (unsigned i = 0; i < 600 && !bad; i++) {
		AUTO_NET_RIG struct net_rig rig = {0};

		net_rig_random(&rig, &d, i % 3 == 0, 1, NET_POLICIES_MAX, NET_ENFORCE);
		if (rig.wants[0].n < 2)
			continue;
		for (unsigned k = 0; k < 10; k++) {
			struct net_packet p;
			bool every = true, some = false;

			net_rig_packet(&rig, &d, &p);
			p.cgroup = rig.s.containers[0].cgroup;
			for (size_t n = 0; n < rig.wants[0].n; n++) {
				bool good = judged(&rig, n, n + 1, &p);

				every = every && good;
				some = some || good;
			}
			bad += judged(&rig, 0, rig.wants[0].n, &p) != every;
			both += every;
			either += some && !every;
		}
	}
	ok(!bad, "several policies allow what each of them allows, and no more");
	ok(both > 100 && either > 100, "of %u all agreed, of %u they did not", both, either);
}

/* The order in which the containers of a namespace are given is nothing to it. */
static void test_order(void)
{
	struct dice d = {5};
	unsigned bad = 0;

	for (unsigned i = 0; i < 50; i++) {
		AUTO_NET_RIG struct net_rig rig = {0};
		AUTO_RULESET struct ruleset one_way = {0}, other = {0};
		AUTO_STR struct str a = STR_INIT, b = STR_INIT;
		struct net_container c;
		struct net_segment s;
		struct err e;

		net_rig_random(&rig, &d, false, 3, 2, NET_OFF);
		ruleset_build(&rig.s, &one_way, &e);
		c = rig.s.containers[0];
		rig.s.containers[0] = rig.s.containers[2];
		rig.s.containers[2] = c;
		s = rig.s.segments[0];
		rig.s.segments[0] = rig.s.segments[1];
		rig.s.segments[1] = s;
		ruleset_build(&rig.s, &other, &e);
		ruleset_print(&one_way, &a);
		ruleset_print(&other, &b);
		bad += strcmp(str_text(&a), str_text(&b)) != 0;
	}
	ok(!bad, "the order of containers and segments is nothing to the table");
}

/* ---- sets ---- */

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

	net_rig_read("{'containers': [{'key': 'c1', 'want': {'policies': [{'profile': 'p'}]}}]}",
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
	test_presets();
	test_rules();
	test_modes();
	test_random("one container, one policy", false, 1, 1, NET_ENFORCE);
	test_random("one container", false, 1, NET_POLICIES_MAX, NET_OFF);
	test_random("a pod", false, 3, 2, NET_OFF);
	test_random("a pod that enforces", false, 3, 2, NET_ENFORCE);
	test_random("the host", true, 2, 2, NET_ENFORCE);
	test_random("the host, any mode", true, 2, 3, NET_OFF);
	test_intersection();
	test_order();
	test_world();
	test_ranges();
	test_nobody();
	test_confined();
	test_forward();
	test_limits();
	test_comments();
	return tap_done();
}
