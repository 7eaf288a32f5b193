/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_net_round - what was seen is learned, is a profile as it is, and passes when that is enforced; what was never
 * to be learned, and what nobody did, is refused.
 *
 * What replicas do is thrown by dice: among it a changing name's addresses, passive FTP, scans, a probe of the node.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/profile.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/learn.h"
#include "tests/net_rig.h"
#include "tests/tap.h"

enum { ROUNDS = 15, REPLICAS = 3 };

static const char *const own[] = {"10.88.1.2", "fd88:1::2"};

static struct addr address(const char *text)
{
	struct addr a = {0};

	if (addr_parse(text, &a, NULL) < 0)
		printf("Bail out! %s\n", text);
	return a;
}

/* ---- what they do ---- */

static void flow(struct sight *s, enum net_dir dir, const char *peer, uint8_t protocol,
	uint32_t port, const char *is)
{
	struct sight_flow f = {.dir = dir,
		.peer = address(peer),
		.protocol = protocol,
		.port = (uint16_t)port,
		.packets = 1};
	struct err e;

	if (protocol == IPPROTO_ICMP && f.peer.family == AF_INET6)
		f.protocol = IPPROTO_ICMPV6;
	snprintf(f.is, sizeof f.is, "%s", is);
	if (sight_add(s, &f, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static void work(struct sight *s, struct dice *d)
{
	char peer[64];

	flow(s, NET_OUT, dice_roll(d, 2) ? "10.88.9.1" : "fd88:9::1", IPPROTO_TCP, 5432,
		"segment:db");
	flow(s, NET_OUT, dice_roll(d, 2) ? "10.88.0.53" : "fd88::53", IPPROTO_UDP, 53, "dns");
	flow(s, NET_IN, dice_roll(d, 2) ? "10.88.1.1" : "fd88:1::1", IPPROTO_TCP, 8080, "host");
	for (uint32_t i = dice_roll(d, 9); i > 0;
		i--) { /* a name that is somewhere else each time */
		snprintf(peer, sizeof peer, dice_roll(d, 2) ? "203.0.%u.%u" : "2001:db8:%u::%u",
			113 + dice_roll(d, 2), 1 + dice_roll(d, 200));
		flow(s, NET_OUT, peer, IPPROTO_TCP, 443, "");
	}
	for (uint32_t i = dice_roll(d, 30); i > 0; i--) { /* clients, from near and far */
		snprintf(peer, sizeof peer, "%u.%u.7.%u", dice_roll(d, 2) ? 10U : 81U,
			dice_roll(d, 40), 1 + dice_roll(d, 30));
		flow(s, NET_IN, peer, dice_roll(d, 2) ? IPPROTO_TCP : IPPROTO_SCTP, 9090, "");
	}
	flow(s, NET_OUT, "198.51.100.21", IPPROTO_TCP, 21, "");
	for (uint32_t i = dice_roll(d, 40); i > 0; i--)
		flow(s, NET_OUT, "198.51.100.21", IPPROTO_TCP, 30000 + dice_roll(d, 30000), "");
	flow(s, dice_roll(d, 2) ? NET_OUT : NET_IN, "192.0.2.8", IPPROTO_ICMP, 0, "");
	flow(s, NET_OUT, "2001:db8:77::8", IPPROTO_ICMP, 0, "");
}

static void mischief(struct sight *s, struct dice *d)
{
	char peer[64];

	flow(s, NET_OUT, "169.254.169.254", IPPROTO_TCP, 80, "metadata");
	flow(s, NET_OUT, "9.9.9.9", IPPROTO_UDP, 53, "");
	if (dice_roll(d, 4) == 0) /* of one, all ports it can have */
		for (uint32_t i = 0; i < 4000; i++)
			flow(s, NET_OUT, "10.66.0.1", IPPROTO_TCP, 1 + 7 * i % 65535, "");
	if (dice_roll(d, 4) == 0) /* of many, another port each */
		for (uint32_t i = 0; i < 900; i++) {
			snprintf(peer, sizeof peer, "10.67.%u.%u", i / 200, 1 + i % 200);
			flow(s, NET_OUT, peer, IPPROTO_UDP, 1000 + i, "");
		}
}

static struct sight replica(size_t i, struct dice *d)
{
	struct sight s = {.mode = NET_LEARN, .until = 600};
	char id[16];

	snprintf(id, sizeof id, "web-%zu", i);
	s.id = strdup(id);
	s.key = strdup(id);
	s.name = strdup("");
	s.profile = strdup("web");
	strv_add(&s.segments, "web");
	work(&s, d);
	if (i == 0)
		mischief(&s, d);
	return s;
}

/* ---- enforced ---- */

static struct net_packet packet_of(const struct sight_flow *f)
{
	const struct addr self = address(own[f->peer.family == AF_INET6]);
	bool icmp = f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6;

	return (struct net_packet){.dir = f->dir,
		.ct = NET_CT_NEW,
		.protocol = f->protocol,
		.source = f->dir == NET_OUT ? self : f->peer,
		.dest = f->dir == NET_OUT ? f->peer : self,
		.sport = 40001,
		.dport = f->port,
		.icmp_type = !icmp                         ? 0
			     : f->protocol == IPPROTO_ICMP ? 8
							   : 128,
		.source_local = f->dir == NET_OUT,
		.dest_local = f->dir == NET_IN};
}

static bool never(const struct sight_flow *f)
{
	return strcmp(f->is, "metadata") == 0 || (f->port == 53 && strcmp(f->is, "dns") != 0);
}

static bool passes(const struct ruleset *r, const struct sight_flow *f)
{
	const struct net_packet p = packet_of(f);
	struct net_judgement j;

	ruleset_judge(r, &p, &j);
	return j.accepted;
}

static bool has(const struct strv *l, const char *part)
{
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->v[i], part))
			return true;
	return false;
}

/* A flow that was seen and is not let pass has to be told; LEFT: there was no room. */
static const char *wrong_with(const struct ruleset *r, const struct sight *s, bool left)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sight_flow f = s->v[i];

		if (passes(r, &f) == never(&f) && !(left && f.dir == NET_OUT))
			return never(&f) ? "what is never learned passes"
					 : "what was seen is refused";
		if (f.port == 0 || strcmp(f.is, "dns") == 0)
			continue;
		f.port = 6; /* a port that nobody spoke of; a scan did of all of 10.66 */
		if (passes(r, &f) && strcmp(f.is, "metadata") != 0 && f.peer.bytes[1] != 66)
			return "a port that was not seen passes";
		f = s->v[i];
		f.peer = address(f.peer.family == AF_INET ? "192.0.2.77" : "2001:db8:6666::1");
		if (f.dir == NET_OUT && passes(r, &f))
			return "a peer that was not seen passes";
	}
	return NULL;
}

/* L's rules, of one container of those; false: they are no profile, or no rules. */
static bool enforce(const struct learned *l, struct net_rig *rig, struct ruleset *r, struct err *e)
{
	AUTO_STR struct str text = STR_INIT, policy = STR_INIT;
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = json_clone(doc, l->network);

	str_add(&text, "{\"profile\": \"web\", \"version\": \"1\", \"network\": ");
	json_write(l->network, &text);
	str_addc(&text, '}');
	if (profile_parse("web.json", text.s, text.len, &p, e) < 0)
		return false;
	json_remove(json_get(o, "segment"));
	json_put(doc, o, "profile", json_string(doc, "web"));
	json_write(o, &policy);
	str_reset(&text);
	str_addf(&text,
		"{'containers': [{'key': 'c0', 'resolvers': ['10.88.0.53', 'fd88::53'], 'hosts': "
		"['10.88.1.1', 'fd88:1::1'], 'want': {'policies': [%s], 'segments': ['web']}}], "
		"'segments': {'db': ['10.88.9.1', 'fd88:9::1']}}",
		policy.s);
	return net_rig_read(text.s, rig, e) && ruleset_build(&rig->s, r, e) == 0;
}

static void one_round(struct dice *d, size_t *bad)
{
	AUTO_SIGHTS struct sights l = {0};
	AUTO_LEARNED struct learned out = {0};
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	const char *why = NULL;
	struct err e = {0};
	bool left;

	for (size_t i = 0; i < REPLICAS; i++) {
		struct sight s = replica(i, d);

		if (sights_add(&l, &s, &e) < 0)
			why = e.msg;
	}
	if (learn(&l, "enforce", &out, &e) < 0 || !enforce(&out, &rig, &r, &e))
		why = e.msg;
	left = has(&out.findings, "left out, which a section has no room for");
	for (size_t i = 0; !why && i < l.n; i++)
		why = wrong_with(&r, &l.v[i], left);
	if (!why && !(has(&out.findings, "169.254.169.254") && has(&out.findings, "9.9.9.9")))
		why = "what is never learned is not told";
	if (why && (*bad)++ < 3)
		printf("# %s\n", why);
}

int main(void)
{
	struct dice d = {20261122};
	size_t bad = 0;

	for (int i = 0; i < ROUNDS; i++)
		one_round(&d, &bad);
	ok(bad == 0, "learned, a profile, enforced, %d times: the same passes (%zu not)", ROUNDS,
		bad);
	return tap_done();
}
