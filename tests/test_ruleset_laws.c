/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ruleset_laws - what holds for every table: it is whole, says of any packet what the manual says, several
 * policies are their intersection, and nobody's order matters.
 */
#include "shim/base/cleanup.h"
#include "tests/net_rig.h"
#include "tests/tap.h"

static bool agree(const struct net_rig *rig, const struct ruleset *r, struct dice *d, unsigned n,
	unsigned accepted[2])
{
	while (n-- > 0) {
		struct net_packet p;
		struct net_judgement j;
		AUTO_STR struct str text = STR_INIT;
		bool audited, good;

		net_rig_packet(rig, d, &p);
		good = net_rig_oracle(rig, &p, &audited);
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
		else if (!(why = net_rig_wrong(&r)) && ruleset_confined(&r) != host)
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

static bool has_chain(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (strcmp(r->chains[i].name, name) == 0)
			return true;
	return false;
}

#define RULE(peers, ports) "{'to': [" peers "], 'ports': [" ports "]}"
#define EGRESS(rules) "'preset': 'isolated', 'egress': [" rules "]"
#define PEERS "'10.0.0.0/8', 'segment:db'"
#define PORTS "'tcp/80', 'udp/90-95'"
#define USUAL EGRESS(RULE(PEERS, PORTS))

/* What sockets of no known container are held to: policies that say the same, once; whatever differs, twice. */
static void test_shared(void)
{
	static const struct {
		const char *policy, *container, *want; /* of the second */
		const char *first; /* policy of the first; NULL: USUAL */
	} cases[] = {
		{USUAL, "", "", NULL}, /* the same */
		{"'preset': 'private', 'egress': [" RULE(PEERS, PORTS) "]", "", "", NULL},
		{USUAL ", 'mode': 'audit'", "", "", NULL},
		{USUAL ", 'metadata': 'allow'", "", "", NULL},
		{USUAL ", 'lift': ['loopback']", "", "", NULL},
		{USUAL ", 'ingress': [{'from': ['any']}]", "", "", NULL},
		{EGRESS(RULE(PEERS, PORTS) "," RULE(PEERS, PORTS)), "", "", NULL},
		{EGRESS(RULE("'10.0.0.0/9', 'segment:db'", PORTS)), "", "", NULL},
		{EGRESS(RULE("'10.0.0.0/8'", PORTS)), "", "", NULL},
		{EGRESS(RULE("'10.0.0.0/8', 'segment:lb'", PORTS)), "", "", NULL},
		{EGRESS(RULE(PEERS ", 'any'", PORTS)), "", "", NULL},
		{EGRESS(RULE(PEERS ", 'host'", PORTS)), "", "", NULL},
		{EGRESS("{'to': ['host', 'dns']}"), "", "", EGRESS("{'to': ['host']}")},
		{EGRESS(RULE(PEERS, "'udp/80', 'udp/90-95'")), "", "", NULL},
		{EGRESS(RULE(PEERS, "'tcp/80', 'udp/90-96'")), "", "", NULL},
		{EGRESS(RULE(PEERS, "'tcp/80', 'udp/89-95'")), "", "", NULL},
		{EGRESS(RULE(PEERS, "'tcp/80'")), "", "", NULL},
		{USUAL, ", 'resolvers': ['10.0.0.1']", "", NULL},
		{USUAL, ", 'hosts': ['10.0.0.1']", "", NULL},
		{USUAL, "", ", 'resolvers': ['10.0.0.1']", NULL},
		{USUAL, "", ", 'metadataAddresses': ['10.0.0.1']", NULL},
	};
	static const char *const space =
		"{'containers': [{'key': 'c1', 'cgroup': 7, 'want': {'policies': [{'profile': 'p', "
		"%s}]}}, "
		"{'key': 'c2', 'cgroup': 8%s, 'want': {'policies': [{'profile': 'q', %s}]%s}}], "
		"'segments': {'db': [], 'lb': []}}";

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO_NET_RIG struct net_rig rig = {0};
		AUTO_RULESET struct ruleset r = {0};
		AUTO_STR struct str text = STR_INIT;
		struct err e = {0};
		bool built;

		str_addf(&text, space, cases[i].first ? cases[i].first : USUAL, cases[i].container,
			cases[i].policy, cases[i].want);
		built = net_rig_read(str_text(&text), &rig, &e) &&
			ruleset_build(&rig.s, &r, &e) == 0;
		ok(built && has_chain(&r, "shared_out") &&
				!has_chain(&r, "shared_out_2") == (i == 0),
			"unknown sockets: %s%s%s: %s %s", cases[i].policy, cases[i].container,
			cases[i].want, i == 0 ? "one" : "two", e.msg);
	}
}

int main(void)
{
	test_random("one container, one policy", false, 1, 1, NET_ENFORCE);
	test_random("one container", false, 1, NET_POLICIES_MAX, NET_OFF);
	test_random("a pod", false, 3, 2, NET_OFF);
	test_random("a pod that enforces", false, 3, 2, NET_ENFORCE);
	test_random("the host", true, 2, 2, NET_ENFORCE);
	test_random("the host, any mode", true, 2, 3, NET_OFF);
	test_intersection();
	test_order();
	test_shared();
	return tap_done();
}
