/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_rig - see net_rig.h. The oracle shares no code with the ruleset: prefixes as texts, no sets, no chains.
 */
#include "tests/net_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void net_rig_done(struct net_rig *r)
{
	net_space_done(&r->s);
	for (size_t i = 0; i < NET_RIG_MAX; i++)
		net_want_done(&r->wants[i]);
	*r = (struct net_rig){0};
}

/* ---- from JSON ---- */

static bool read_addresses(const struct json *v, struct addrs *to, struct err *e)
{
	struct addr a;

	json_each (one, v)
		if (!json_str(one) || addr_parse(one->text, &a, e) < 0 || addrs_add(to, &a) < 0)
			return false;
	return true;
}

static bool read_container(const struct json *v, struct net_rig *r, struct err *e)
{
	struct net_container *c = &r->s.containers[r->s.n];
	struct net_want *w = &r->wants[r->s.n];
	const char *key = json_str(json_get(v, "key"));
	uint64_t level = 0;

	snprintf(c->key, sizeof c->key, "%s", key ? key : "cabc0");
	json_u64(json_get(v, "cgroup"), UINT64_MAX, &c->cgroup);
	json_u64(json_get(v, "level"), 100, &level);
	c->level = (unsigned)level;
	if (net_want_read(json_get(v, "want"), w, e) < 0)
		return false;
	c->want = w;
	r->s.n++;
	return read_addresses(json_get(v, "resolvers"), &c->resolvers, e) &&
	       read_addresses(json_get(v, "hosts"), &c->hosts, e);
}

static bool add_segment(struct net_rig *r, const char *name, const struct json *v, struct err *e)
{
	struct net_segment *s =
		reallocarray(r->s.segments, r->s.n_segments + 1, sizeof *r->s.segments);

	if (!s)
		return false;
	r->s.segments = s;
	s += r->s.n_segments++;
	*s = (struct net_segment){strdup(name), {0}};
	return read_addresses(v, &s->members, e);
}

bool net_rig_read(const char *json, struct net_rig *r, struct err *e)
{
	static const struct json_limits limits = {4 << 20, 32, 1 << 20};
	AUTO_JSON struct json_doc *doc = NULL;
	char *text = strdup(json);
	bool good;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	good = json_parse(text, strlen(text), &limits, JSON_STRICT, &doc, e) == 0;
	free(text);
	if (!good)
		return false;
	r->s.host = json_is_true(json_get(json_root(doc), "host"));
	r->s.containers = calloc(NET_RIG_MAX, sizeof *r->s.containers);
	json_each (c, json_get(json_root(doc), "containers"))
		if (r->s.n == NET_RIG_MAX || !read_container(c, r, e))
			return false;
	json_each (s, json_get(json_root(doc), "segments"))
		if (!add_segment(r, s->key, s, e))
			return false;
	return true;
}

/* ---- at random ---- */

/* Addresses that rules, sets and guards speak of, their neighbours, and others. */
static const char *const world[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.2.3",
	"10.255.255.255", "11.0.0.0", "172.15.255.255", "172.16.0.0", "172.31.255.255",
	"172.32.0.0", "192.168.7.7", "100.64.0.1", "100.100.100.200", "169.254.169.254",
	"169.254.169.253", "168.63.129.16", "127.0.0.1", "127.0.0.53", "8.8.8.8", "1.1.1.1",
	"198.51.100.9", "203.0.113.1", "198.18.0.1", "198.20.0.0", "192.0.0.8", "192.0.1.0",
	"0.0.0.0", "224.0.0.1", "255.255.255.255", "223.255.255.255", "fd00::1", "fd00::2",
	"fd00:1::7", "fd00:ec2::254", "fe80::1", "fe80::a9fe:a9fe", "2001:db8::1", "2001:db8::2",
	"2001::1", "2001:1::1", "2002:a9fe:a9fe::1", "2a00::1", "3fff::1", "4000::1",
	"64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "::1", "ff02::1", "::ffff:10.0.0.1"};
static const char *const prefixes[] = {"10.0.0.0/8", "10.0.0.1", "10.0.0.0/31", "192.168.0.0/16",
	"0.0.0.0/0", "198.51.100.0/24", "8.8.8.8", "127.0.0.0/8", "169.254.169.254", "fd00::/8",
	"fd00::1", "2001:db8::/32", "::/0", "2a00::/16", "1.0.0.0/8", "224.0.0.0/4"};
static const char *const segments[] = {"db", "lb", "web-1"};
static const uint16_t ports[] = {1, 53, 54, 80, 81, 443, 853, 1000, 1500, 2000, 5432, 65535};

#define PICK(d, table) ((table)[dice_roll(d, sizeof(table) / sizeof *(table))])

static struct addr address(const char *text)
{
	struct addr a = {AF_INET, 32, {0}};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		return a;
	a.family = AF_INET6;
	a.prefix = 128;
	if (inet_pton(AF_INET6, text, a.bytes) != 1)
		abort();
	return a;
}

static void some_addresses(struct dice *d, struct addrs *to, unsigned most)
{
	for (uint32_t n = dice_roll(d, most + 1); n > 0; n--) {
		struct addr a = address(PICK(d, world));

		addrs_add(to, &a);
	}
}

static void random_peers(struct dice *d, enum net_dir dir, bool *dns, struct str *out)
{
	for (uint32_t i = 0, n = 1 + dice_roll(d, 3); i < n; i++) {
		str_add(out, i ? ", " : "");
		switch (dice_roll(d, 8)) {
		case 0:
			str_add(out, "\"any\"");
			break;
		case 1:
			str_add(out, "\"host\"");
			break;
		case 2:
			if (dir == NET_OUT) {
				str_add(out, "\"dns\"");
				*dns = true;
				break;
			} /* fall through */
		case 3:
		case 4:
			str_addf(out, "\"segment:%s\"", PICK(d, segments));
			break;
		default:
			str_addf(out, "\"%s\"", PICK(d, prefixes));
		}
	}
}

static void random_ports(struct dice *d, struct str *out)
{
	static const char *const protocols[] = {"tcp", "tcp", "udp", "sctp"};

	str_add(out, ", \"ports\": [");
	for (uint32_t i = 0, n = 1 + dice_roll(d, 4); i < n; i++) {
		uint16_t low = PICK(d, ports), high = PICK(d, ports);

		str_add(out, i ? ", " : "");
		if (dice_roll(d, 6) == 0)
			str_add(out, "\"icmp\"");
		else if (high > low && dice_roll(d, 2))
			str_addf(out, "\"%s/%u-%u\"", PICK(d, protocols), low, high);
		else
			str_addf(out, "\"%s/%u\"", PICK(d, protocols), low);
	}
	str_add(out, "]");
}

static void random_rules(struct dice *d, enum net_dir dir, struct str *out)
{
	str_addf(out, ", \"%s\": [", dir == NET_OUT ? "egress" : "ingress");
	for (uint32_t i = 0, n = dice_roll(d, 4); i < n; i++) {
		bool dns = false;

		str_addf(out, "%s{\"%s\": [", i ? ", " : "", dir == NET_OUT ? "to" : "from");
		random_peers(d, dir, &dns, out);
		str_add(out, "]");
		if (!dns && dice_roll(d, 3))
			random_ports(d, out);
		str_add(out, "}");
	}
	str_add(out, "]");
}

static void random_policy(struct dice *d, enum net_mode mode, struct str *out)
{
	const char *comma = "";

	if (mode == NET_OFF)
		mode = (enum net_mode)dice_roll(d, NET_OFF);
	str_addf(out,
		"{\"profile\": \"p%u\", \"mode\": \"%s\", \"preset\": \"%s\", \"metadata\": \"%s\"",
		dice_roll(d, 100), net_mode_name(mode),
		net_preset_name((enum net_preset)dice_roll(d, NET_OPEN + 1)),
		dice_roll(d, 3) ? "deny" : "allow");
	random_rules(d, NET_OUT, out);
	random_rules(d, NET_IN, out);
	str_add(out, ", \"lift\": [");
	for (enum net_guard g = 0; g < NET_GUARDS; g++)
		if (dice_roll(d, 4) == 0) {
			str_addf(out, "%s\"%s\"", comma, net_guard_name(g));
			comma = ", ";
		}
	str_add(out, "]}");
}

static void random_container(struct net_rig *r, struct dice *d, size_t most, enum net_mode mode)
{
	struct net_container *c = &r->s.containers[r->s.n];
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str text = STR_INIT;
	static const struct json_limits limits = {1 << 20, 32, 1 << 16};
	struct err e;

	str_addf(&text, "{\"title\": \"c%zu\", \"policies\": [", r->s.n);
	for (uint32_t i = 0, n = 1 + dice_roll(d, (uint32_t)most); i < n; i++) {
		str_add(&text, i ? ", " : "");
		random_policy(d, mode, &text);
	}
	str_add(&text, "]}");
	if (json_parse(str_text(&text), text.len, &limits, JSON_STRICT, &doc, &e) < 0 ||
		net_want_read(json_root(doc), &r->wants[r->s.n], &e) < 0) {
		printf("Bail out! %s: %s\n", e.msg, str_text(&text));
		exit(1);
	}
	c->want = &r->wants[r->s.n];
	snprintf(c->key, sizeof c->key, "c%03u%08x", dice_roll(d, 1000), (unsigned)r->s.n);
	c->cgroup = r->s.host || dice_roll(d, 5) ? 1000 + r->s.n : 0;
	c->level = 2;
	some_addresses(d, &c->resolvers, 3);
	some_addresses(d, &c->hosts, 2);
	some_addresses(d, &r->wants[r->s.n].metadata, 1);
	some_addresses(d, &r->wants[r->s.n].resolvers, 1);
	r->s.n++;
}

void net_rig_random(
	struct net_rig *r, struct dice *d, bool host, size_t n, size_t most, enum net_mode mode)
{
	struct err e;

	r->s.host = host;
	r->s.containers = calloc(NET_RIG_MAX, sizeof *r->s.containers);
	for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
		add_segment(r, segments[i], NULL, &e);
		some_addresses(d, &r->s.segments[i].members, 4);
	}
	while (r->s.n < n && r->s.n < NET_RIG_MAX)
		random_container(r, d, most, mode);
}

void net_rig_packet(const struct net_rig *r, struct dice *d, struct net_packet *p)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP,
		IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE,
		IPPROTO_UDPLITE};
	static const uint8_t types4[] = {0, 3, 5, 8, 9, 11},
			     types6[] = {1, 128, 129, 133, 134, 135, 137};
	static const unsigned states[] = {NET_CT_NEW, NET_CT_NEW, NET_CT_NEW, NET_CT_NEW,
		NET_CT_NEW, NET_CT_ESTABLISHED, NET_CT_RELATED, 1 /* invalid */,
		64 /* untracked */};

	*p = (struct net_packet){.dir = (enum net_dir)dice_roll(d, NET_DIRS)};
	p->lo = dice_roll(d, 10) == 0;
	p->ct = PICK(d, states);
	p->cgroup = dice_roll(d, 4) == 0 ? (dice_roll(d, 2) ? 0 : 77)
					 : 1000 + dice_roll(d, (uint32_t)r->s.n + 1);
	p->protocol = PICK(d, protocols);
	p->dest = address(PICK(d, world));
	do
		p->source = address(PICK(d, world));
	while (p->source.family != p->dest.family);
	p->sport = PICK(d, ports);
	p->dport = PICK(d, ports);
	p->icmp_type = p->protocol == IPPROTO_ICMPV6 ? PICK(d, types6) : PICK(d, types4);
	p->source_local = p->dir == NET_OUT ? dice_roll(d, 8) != 0 : dice_roll(d, 8) == 0;
	p->dest_local = p->dir == NET_IN ? dice_roll(d, 8) != 0 : dice_roll(d, 8) == 0;
}

void net_rig_describe(const struct net_packet *p, struct str *out)
{
	char from[ADDR_TEXT_SIZE], to[ADDR_TEXT_SIZE];

	addr_text(&p->source, from);
	addr_text(&p->dest, to);
	str_addf(out, "%s%s ct %u cgroup %llu protocol %u %s%s:%u -> %s%s:%u type %u",
		p->dir == NET_OUT ? "out" : "in", p->lo ? " lo" : "", p->ct,
		(unsigned long long)p->cgroup, p->protocol, from, p->source_local ? "(local)" : "",
		p->sport, to, p->dest_local ? "(local)" : "", p->dport, p->icmp_type);
}

/* ---- the oracle ---- */

static bool is_in(const struct addr *a, const char *const *texts)
{
	for (; *texts; texts++) {
		struct addr prefix;

		if (addr_parse(*texts, &prefix, NULL) == 0 && addr_covers(&prefix, a))
			return true;
	}
	return false;
}

static const char *const private_prefixes[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10", NULL};
static const char *const not_public[] = {"0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24",
	"198.18.0.0/15", "224.0.0.0/3", "2002::/16", "2001::/32", NULL};
static const char *const unicast[] = {"0.0.0.0/0", "2000::/3", NULL};
static const char *const services[] = {"169.254.169.254", "100.100.100.200", "168.63.129.16",
	"192.0.0.192", "169.254.170.2", "169.254.170.23", "169.254.0.23", "169.254.42.42",
	"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe", NULL};
static const char *const loopback[] = {"127.0.0.0/8", NULL};

static bool is_public(const struct addr *a)
{
	return is_in(a, unicast) && !is_in(a, not_public) && !is_in(a, private_prefixes);
}

static bool is_metadata(const struct net_container *c, const struct addr *a)
{
	struct addr through, nat64;

	addr_parse("64:ff9b::/96", &nat64, NULL);
	if (is_in(a, services) || addrs_cover(&c->want->metadata, a))
		return true;
	if (!addr_covers(&nat64, a))
		return false;
	through = (struct addr){AF_INET, 32, {0}};
	memcpy(through.bytes, a->bytes + 12, 4);
	return is_in(&through, services) || addrs_cover(&c->want->metadata, &through);
}

static bool has_ports(const struct net_packet *k)
{
	return k->protocol == IPPROTO_TCP || k->protocol == IPPROTO_UDP ||
	       k->protocol == IPPROTO_SCTP;
}

static bool is_echo(const struct net_packet *k)
{
	return k->dest.family == AF_INET ? k->protocol == IPPROTO_ICMP && k->icmp_type == 8
					 : k->protocol == IPPROTO_ICMPV6 && k->icmp_type == 128;
}

static bool is_dns(const struct net_packet *k)
{
	return (k->protocol == IPPROTO_TCP || k->protocol == IPPROTO_UDP) && k->dport == 53;
}

static bool peer_of(const struct net_rig *r, const struct net_container *c,
	const struct net_rule *rule, const struct net_packet *k)
{
	const struct addr *peer = k->dir == NET_OUT ? &k->dest : &k->source;

	if (rule->any || addrs_cover(&rule->peers, peer))
		return true;
	if (rule->host && (r->s.host ? (k->dir == NET_OUT ? k->dest_local : k->source_local)
				     : addrs_cover(&c->hosts, peer)))
		return true;
	for (size_t i = 0; i < r->s.n_segments; i++)
		if (strv_has(&rule->segments, r->s.segments[i].name) &&
			addrs_cover(&r->s.segments[i].members, peer))
			return true;
	return false;
}

static bool port_of(const struct net_rule *rule, const struct net_packet *k, bool named_dns)
{
	if (rule->n_ports == 0)
		return !named_dns && (has_ports(k) || is_echo(k));
	for (size_t i = 0; i < rule->n_ports; i++) {
		const struct net_port *p = &rule->ports[i];

		if (named_dns && (p->low != 53 || p->high != 53))
			continue;
		if (p->protocol == IPPROTO_ICMP ? is_echo(k)
						: p->protocol == k->protocol &&
							  k->dport >= p->low && k->dport <= p->high)
			return true;
	}
	return false;
}

static bool by_rule(const struct net_rig *r, const struct net_container *c,
	const struct net_policy *p, const struct net_packet *k, bool named_dns)
{
	for (size_t i = 0; i < p->n_rules[k->dir]; i++)
		if (peer_of(r, c, &p->rules[k->dir][i], k) &&
			port_of(&p->rules[k->dir][i], k, named_dns))
			return true;
	return false;
}

static bool speaks_of_dns(const struct net_policy *p)
{
	bool any = p->preset != NET_NONE;

	for (size_t i = 0; i < p->n_rules[NET_OUT]; i++)
		any = any || p->rules[NET_OUT][i].dns;
	return any;
}

static bool of_router(const struct net_packet *k)
{
	return k->dest.family == AF_INET
		       ? k->protocol == IPPROTO_ICMP && (k->icmp_type == 5 || k->icmp_type == 9)
		       : k->protocol == IPPROTO_ICMPV6 &&
				 (k->icmp_type == 134 || k->icmp_type == 137);
}

bool net_rig_known(const struct net_rig *r, const struct net_packet *k)
{
	bool v4 = k->dest.family == AF_INET;

	if (k->ct == NET_CT_ESTABLISHED)
		return true;
	if (k->lo && !r->s.host && (k->dir == NET_IN || (k->source_local && k->dest_local)))
		return true;
	if (k->lo && (k->dir == NET_IN || !r->s.host) && k->ct == NET_CT_RELATED &&
		k->protocol == IPPROTO_TCP)
		return true; /* the reset of a refused connection */
	if (k->ct == NET_CT_RELATED && k->protocol == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
		(v4 ? k->icmp_type == 3 || k->icmp_type == 11 || k->icmp_type == 12
		    : k->icmp_type >= 1 && k->icmp_type <= 4))
		return true;
	return !v4 && k->protocol == IPPROTO_ICMPV6 &&
	       ((k->icmp_type >= 130 && k->icmp_type <= 133) || k->icmp_type == 135 ||
		       k->icmp_type == 136 || k->icmp_type == 143);
}

bool net_rig_allows(const struct net_rig *r, const struct net_container *c,
	const struct net_policy *p, const struct net_packet *k)
{
	const struct addr *peer = k->dir == NET_OUT ? &k->dest : &k->source;
	bool held = k->dir == NET_OUT && p->preset != NET_OPEN && !(p->lift & 1u << NET_GUARD_DNS);

	if (p->mode == NET_LEARN || p->mode == NET_OFF)
		return true;
	if (of_router(k))
		return p->lift & 1u << NET_GUARD_ROUTER;
	if (k->dir == NET_OUT && !k->source_local && (k->lo || !(p->lift & 1u << NET_GUARD_SOURCE)))
		return false;
	if (!(k->lo && r->s.host) && !(p->lift & 1u << NET_GUARD_LOOPBACK) &&
		(is_in(&k->source, loopback) || is_in(&k->dest, loopback)))
		return false;
	if (k->dir == NET_OUT && is_dns(k) && speaks_of_dns(p) &&
		(addrs_cover(&c->resolvers, &k->dest) ||
			addrs_cover(&c->want->resolvers, &k->dest)))
		return true;
	if (k->dir == NET_OUT && is_metadata(c, &k->dest)) {
		if (!p->metadata)
			return false;
		if (k->protocol == IPPROTO_TCP)
			return true;
	}
	if (held && is_dns(k))
		return by_rule(r, c, p, k, true);
	if (p->preset == NET_OPEN || by_rule(r, c, p, k, false))
		return true;
	if (!has_ports(k) && !is_echo(k))
		return false;
	return (p->preset == NET_PRIVATE && is_in(peer, private_prefixes)) ||
	       (p->preset == NET_INTERNET && k->dir == NET_OUT && is_public(peer));
}
