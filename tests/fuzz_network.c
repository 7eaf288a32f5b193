/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_network - any bytes as what a launch wrote of a container's network: refused with a reason, or a table that
 * is whole, that can be printed, and that says of packets what the policies say.
 *
 * The first byte chooses where the container is when it is below 0x20 and no white space of JSON's: bit 0 the host's
 * network, bit 1 beside another container, bits 2 and 3 of what the packets are made.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {1 << 18, 16, 1 << 14};

__attribute__((noreturn)) static void broken(const char *why, const struct ruleset *r)
{
	AUTO_STR struct str text = STR_INIT;

	ruleset_print(r, &text);
	fprintf(stderr, "%s\n%s\n", why, str_text(&text));
	abort();
}

/* A second container of the same policies, and members of all segments. */
static void furnish(struct net_rig *rig, const struct json *v, bool host, bool pod)
{
	static const char servers[] = "nameserver 10.0.0.1\nnameserver fd00::1\n";
	AUTO_STRV struct strv names = {NULL, 0};
	struct net_segment *s;
	struct err e;

	rig->s.host = host;
	rig->s.containers = calloc(2, sizeof *rig->s.containers);
	if (!rig->s.containers)
		abort();
	for (rig->s.n = 0; rig->s.n < (pod ? 2 : 1); rig->s.n++) {
		struct net_container *c = &rig->s.containers[rig->s.n];

		if (rig->s.n > 0 && net_want_read(v, &rig->wants[1], &e) < 0)
			abort();
		*c = (struct net_container){.want = &rig->wants[rig->s.n], .level = 1};
		c->cgroup = 1000 + rig->s.n;
		snprintf(c->key, sizeof c->key, "c%zu", rig->s.n);
		if (net_resolv_conf(servers, &c->resolvers) < 0 ||
			net_resolv_conf(servers, &c->hosts) < 0)
			abort();
	}
	if (net_want_mentions(&rig->wants[0], &names) < 0 ||
		(names.n && !(rig->s.segments = calloc(names.n, sizeof *s))))
		abort();
	for (size_t i = 0; i < names.n; i++) {
		s = &rig->s.segments[rig->s.n_segments++];
		s->name = strdup(names.v[i]);
		if (!s->name || net_resolv_conf(servers, &s->members) < 0)
			abort();
	}
}

static void judge(const struct net_rig *rig, const struct ruleset *r, uint64_t seed)
{
	struct dice d = {seed};

	for (unsigned i = 0; i < 16; i++) {
		struct net_packet p;
		struct net_judgement j;
		bool audited;

		net_rig_packet(rig, &d, &p);
		ruleset_judge(r, &p, &j);
		if (j.accepted != net_rig_oracle(rig, &p, &audited)) {
			AUTO_STR struct str text = STR_INIT;

			net_rig_describe(&p, &text);
			broken(str_text(&text), r);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_NET_RIG struct net_rig rig = {0};
	AUTO_RULESET struct ruleset r = {0};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};
	uint8_t mood = 0;
	const char *why;

	if (size > 0 && *data < 0x20 && *data != '\n' && *data != '\r' && *data != '\t') {
		mood = *data++;
		size--;
	}
	if (json_parse((const char *)data, size, &limits, JSON_STRICT, &doc, &e) < 0)
		return 0;
	if (net_want_read(json_root(doc), &rig.wants[0], &e) < 0) {
		if (e.code != ERR_INPUT || !e.msg[0])
			abort();
		return 0;
	}
	furnish(&rig, json_root(doc), mood & 1, mood & 2);
	if (ruleset_build(&rig.s, &r, &e) < 0) {
		if (e.code != ERR_INPUT || !e.msg[0])
			abort();
		return 0;
	}
	why = net_rig_wrong(&r);
	if (why)
		broken(why, &r);
	if (r.n_chains && ruleset_confined(&r) != rig.s.host)
		broken("confined", &r);
	ruleset_print(&r, &text);
	if (strlen(str_text(&text)) != text.len)
		abort();
	judge(&rig, &r, 1 + (mood >> 2));
	return 0;
}
