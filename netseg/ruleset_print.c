/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_print - a ruleset as nft 1.0.6 lists it ("nft -s list ruleset").
 *
 * nft leaves out what another part of a line implies: the family before an address, the protocol before its
 * ports. So does this, or the two could not be compared.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h> /* behind netinet/in.h */

#include "netseg/ruleset.h"

struct word {
	uint8_t value;
	const char *name;
};

static const struct word protocols[] = {{1, "icmp"}, {2, "igmp"}, {6, "tcp"}, {17, "udp"},
	{33, "dccp"}, {47, "gre"}, {50, "esp"}, {58, "ipv6-icmp"}, {132, "sctp"}, {136, "udplite"},
	{0, NULL}};
static const struct word icmp_types[] = {{0, "echo-reply"}, {3, "destination-unreachable"},
	{5, "redirect"}, {8, "echo-request"}, {9, "router-advertisement"},
	{10, "router-solicitation"}, {11, "time-exceeded"}, {12, "parameter-problem"}, {0, NULL}};
static const struct word icmp6_types[] = {{1, "destination-unreachable"}, {2, "packet-too-big"},
	{3, "time-exceeded"}, {4, "parameter-problem"}, {128, "echo-request"}, {129, "echo-reply"},
	{130, "mld-listener-query"}, {131, "mld-listener-report"}, {132, "mld-listener-done"},
	{133, "nd-router-solicit"}, {134, "nd-router-advert"}, {135, "nd-neighbor-solicit"},
	{136, "nd-neighbor-advert"}, {137, "nd-redirect"}, {143, "mld2-listener-report"},
	{0, NULL}};

static void print_word(struct str *out, const struct word *words, uint8_t value)
{
	for (; words->name; words++) {
		if (words->value == value) {
			str_add(out, words->name);
			return;
		}
	}
	str_addf(out, "%u", value);
}

/* ---- sets ---- */

/* The prefix that R is, or -1. */
static int prefix_of(const struct net_range *r, size_t size)
{
	size_t bits = 0, total = 8 * size;

	while (bits < total && !((r->low[bits / 8] ^ r->high[bits / 8]) & (0x80u >> bits % 8)))
		bits++;
	for (size_t i = bits; i < total; i++) {
		unsigned bit = 0x80u >> i % 8;

		if ((r->low[i / 8] & bit) || !(r->high[i / 8] & bit))
			return -1;
	}
	return (int)bits;
}

static void print_range(struct str *out, const struct net_range *r, int family)
{
	size_t size = family == AF_INET ? 4 : 16;
	char low[INET6_ADDRSTRLEN], high[INET6_ADDRSTRLEN];
	int prefix = prefix_of(r, size);

	inet_ntop(family, r->low, low, sizeof low);
	inet_ntop(family, r->high, high, sizeof high);
	if (prefix == (int)(8 * size))
		str_add(out, low);
	else if (prefix >= 0)
		str_addf(out, "%s/%d", low, prefix);
	else
		str_addf(out, "%s-%s", low, high);
}

static void print_set(struct str *out, const struct net_set *s)
{
	static const char *const types[] = {
		[NET_T_ADDR4] = "ipv4_addr",
		[NET_T_ADDR6] = "ipv6_addr",
		[NET_T_FLOW4] = "ipv4_addr . inet_proto . inet_service",
		[NET_T_FLOW6] = "ipv6_addr . inet_proto . inet_service",
		[NET_T_PROTOCOL] = "inet_proto",
	};
	int family = s->type == NET_T_ADDR4 ? AF_INET : AF_INET6;
	size_t a_line = s->type == NET_T_PROTOCOL ? 5 : s->type == NET_T_ADDR4 ? 2 : 1;

	str_addf(out, "\tset %s {\n\t\ttype %s\n", s->name, types[s->type]);
	if (s->dynamic)
		str_addf(out, "\t\tsize %d\n\t\tflags dynamic%s\n", NET_FLOWS_MAX,
			s->timeout ? ",timeout" : "");
	else if (!s->single)
		str_add(out, "\t\tflags interval\n");
	if (s->timeout % (24 * 60 * 60) == 0 && s->timeout)
		str_addf(out, "\t\ttimeout %ud\n", s->timeout / (24 * 60 * 60));
	else if (s->timeout)
		str_addf(out, "\t\ttimeout %us\n", s->timeout);
	for (size_t i = 0; i < s->n; i++) {
		str_add(out, i == 0 ? "\t\telements = { " : i % a_line ? ", " : ",\n\t\t\t     ");
		if (s->type == NET_T_PROTOCOL)
			print_word(out, protocols, s->v[i].low[0]);
		else
			print_range(out, &s->v[i], family);
	}
	str_add(out, s->n ? " }\n\t}\n\n" : "\t}\n\n");
}

/* ---- lines ---- */

static void print_ct(struct str *out, const struct net_match *m)
{
	static const struct word states[] = {{NET_CT_NEW, "new"},
		{NET_CT_ESTABLISHED, "established"}, {NET_CT_RELATED, "related"}};
	const char *comma = "";

	str_addf(out, "ct state %s", m->not ? "! " : "");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (m->bits & states[i].value) {
			str_addf(out, "%s%s", comma, states[i].name);
			comma = ",";
		}
	}
}

static void print_values(struct str *out, const struct net_match *m, const struct word *words)
{
	if (m->not )
		str_add(out, "!= ");
	if (m->n == 1) {
		print_word(out, words, m->values[0]);
		return;
	}
	for (size_t i = 0; i < m->n; i++) {
		str_add(out, i == 0 ? "{ " : ", ");
		print_word(out, words, m->values[i]);
	}
	str_add(out, " }");
}

static void print_ports(struct str *out, const struct net_match *m)
{
	for (size_t i = 0; i < m->n; i++) {
		str_add(out, i > 0 ? ", " : m->n > 1 ? "{ " : "");
		if (m->ports[i].low == m->ports[i].high)
			str_addf(out, "%u", m->ports[i].low);
		else
			str_addf(out, "%u-%u", m->ports[i].low, m->ports[i].high);
	}
	if (m->n > 1)
		str_add(out, " }");
}

static bool of_ports(const struct net_match *m)
{
	return m->kind == NET_M_SPORTS || m->kind == NET_M_DPORTS;
}

static bool names_protocol(const struct net_match *m)
{
	return m->kind == NET_M_PROTOCOL && m->n == 1 &&
	       !m->not &&(m->values[0] == IPPROTO_TCP || m->values[0] == IPPROTO_UDP ||
			  m->values[0] == IPPROTO_SCTP || m->values[0] == IPPROTO_DCCP);
}

/* Another part of L says the same. */
static bool implied(const struct net_line *l, size_t i)
{
	const struct net_match *m = &l->matches[i];

	if (names_protocol(m))
		return i + 1 < l->n && of_ports(&m[1]);
	if (m->kind != NET_M_FAMILY)
		return false;
	if (l->remember[0])
		return true;
	for (size_t k = i + 1; k < l->n; k++)
		if ((l->matches[k].kind == NET_M_SOURCE || l->matches[k].kind == NET_M_DEST ||
			    l->matches[k].kind == NET_M_ICMP) &&
			l->matches[k].family == m->family)
			return true;
	return false;
}

static void print_match(
	struct str *out, const struct net_chain *c, const struct net_line *l, size_t i)
{
	const struct net_match *m = &l->matches[i];
	const char *not = m->not ? "!= " : "";

	switch (m->kind) {
	case NET_M_LO:
		str_addf(out, "%s %s\"lo\"", c->hook == NF_INET_LOCAL_OUT ? "oif" : "iif", not );
		break;
	case NET_M_CT:
		print_ct(out, m);
		break;
	case NET_M_CGROUP:
		str_addf(out, "socket cgroupv2 level %u %s%llu", m->level, not,
			(unsigned long long)m->cgroup);
		break;
	case NET_M_FAMILY:
		str_addf(out, "meta nfproto %s", m->family == AF_INET ? "ipv4" : "ipv6");
		break;
	case NET_M_PROTOCOL:
		str_add(out, "meta l4proto ");
		if (*m->set)
			str_addf(out, "%s@%s", not, m->set);
		else
			print_values(out, m, protocols);
		break;
	case NET_M_SOURCE:
	case NET_M_DEST:
		str_addf(out, "%s %s %s@%s", m->family == AF_INET ? "ip" : "ip6",
			m->kind == NET_M_SOURCE ? "saddr" : "daddr", not, m->set);
		break;
	case NET_M_SPORTS:
	case NET_M_DPORTS:
		if (i > 0 && names_protocol(&m[-1]))
			print_word(out, protocols, m[-1].values[0]);
		else
			str_add(out, "th");
		str_add(out, m->kind == NET_M_SPORTS ? " sport " : " dport ");
		print_ports(out, m);
		break;
	case NET_M_ICMP:
		str_add(out, m->family == AF_INET ? "icmp type " : "icmpv6 type ");
		print_values(out, m, m->family == AF_INET ? icmp_types : icmp6_types);
		break;
	case NET_M_SOURCE_LOCAL:
	case NET_M_DEST_LOCAL:
		str_addf(out, "fib %s type %slocal",
			m->kind == NET_M_SOURCE_LOCAL ? "saddr" : "daddr", not );
		break;
	case NET_M_SOURCE_LOOPBACK:
	case NET_M_DEST_LOOPBACK:
		str_addf(out, "ip %s 127.0.0.0/8",
			m->kind == NET_M_SOURCE_LOOPBACK ? "saddr" : "daddr");
		break;
	}
}

static int family_of_set(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return r->sets[i].type == NET_T_FLOW4 ? AF_INET : AF_INET6;
	return AF_INET;
}

static void print_line(struct str *out, const struct ruleset *r, const struct net_chain *c,
	const struct net_line *l)
{
	static const char *const verdicts[] = {
		[NET_V_ACCEPT] = "accept",
		[NET_V_DROP] = "drop",
		[NET_V_GOTO] = "goto ",
		[NET_V_RESET] = "reject with tcp reset",
		[NET_V_JUMP] = "jump ",
		[NET_V_RETURN] = "return",
	};
	const char *blank = "";

	str_add(out, "\t\t");
	for (size_t i = 0; i < l->n; i++) {
		if (implied(l, i))
			continue;
		str_add(out, blank);
		print_match(out, c, l, i);
		blank = " ";
	}
	if (l->remember[0]) {
		str_addf(out, "%supdate @%s { %s %s . meta l4proto . %s counter }", blank,
			l->remember, family_of_set(r, l->remember) == AF_INET ? "ip" : "ip6",
			l->remember_dir == NET_OUT ? "daddr" : "saddr",
			l->ports ? "th dport" : "0");
		blank = " ";
	}
	if (l->counter[0])
		str_addf(out, "%scounter name \"%s\"", blank, l->counter);
	else if (l->counted)
		str_addf(out, "%scounter", blank);
	if (l->counter[0] || l->counted)
		blank = " ";
	if (l->verdict != NET_V_NONE)
		str_addf(out, "%s%s%s", blank, verdicts[l->verdict], l->chain);
	if (l->comment[0])
		str_addf(out, " comment \"%s\"", l->comment);
	str_add(out, "\n");
}

static void print_chain(struct str *out, const struct ruleset *r, const struct net_chain *c)
{
	static const char *const hooks[] = {
		[NF_INET_LOCAL_IN] = "input",
		[NF_INET_FORWARD] = "forward",
		[NF_INET_LOCAL_OUT] = "output",
	};

	str_addf(out, "\tchain %s {\n", c->name);
	if (c->comment[0])
		str_addf(out, "\t\tcomment \"%s\"\n", c->comment);
	if (c->base)
		str_addf(out, "\t\ttype filter hook %s priority filter - %d; policy %s;\n",
			hooks[c->hook], -NET_PRIORITY, c->drop ? "drop" : "accept");
	for (size_t i = 0; i < c->n; i++)
		print_line(out, r, c, &c->lines[i]);
	str_add(out, "\t}\n");
}

void ruleset_print(const struct ruleset *r, struct str *out)
{
	if (r->n_chains == 0)
		return;
	str_addf(out, "table inet %s {\n", NET_TABLE);
	for (size_t i = 0; i < r->n_counters; i++)
		str_addf(out, "\tcounter %s {\n\t}\n\n", r->counters[i].name);
	for (size_t i = 0; i < r->n_sets; i++)
		print_set(out, &r->sets[i]);
	for (size_t i = 0; i < r->n_chains; i++) {
		if (i > 0)
			str_add(out, "\n");
		print_chain(out, r, &r->chains[i]);
	}
	str_add(out, "}\n");
}
