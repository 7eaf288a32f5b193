/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_netgrammar - a "network" section is read twice, by apply and from the state record by cinch-hook: what the first
 * lets pass the second reads, and to the same meaning; what the second would refuse never passes the first.
 *
 * Sections are made by chance of good, odd and broken words. What they mean is worked out here a third time.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/policy.h"
#include "profiles/profile.h"
#include "shim/base/cleanup.h"
#include "shim/base/netword.h"
#include "shim/network.h"
#include "tests/tap.h"

enum { ROUNDS = 20000 };

static const struct json_limits limits = {16 << 20, 16, 1 << 20};

static uint32_t seed = 1;

static unsigned chance(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* ---- sections by chance ---- */

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PICK(list) (list)[chance(sizeof(list) / sizeof *(list))]

static const char *const good_peers[] = {"any", "host", "segment:db", "segment:0-a",
	("segment:" A63), "10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0", "::/0", "fd00::/8",
	"2001:db8::1", "fe80::1/128", "192.0.2.128/25"};
static const char *const bad_peers[] = {"", "ANY", " any", "any ", "hosts", "segment",
	"segment:", "segment:-a", "segment:a-", "segment:A", "segment:a b", "segment:a_b",
	("segment:" A63 "a"), "Segment:db", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "10.0.0.0/",
	"10.0.0.0/08", "010.0.0.1", "::ffff:10.0.0.1", "::ffff:0:0/96", "fe80::1%eth0",
	"fd00::/129", "fd00::1/8", "example.org", "dns.", "1.2.3.4/-1", "tcp/80"};
static const char *const good_ports[] = {
	"tcp/80", "udp/1-65535", "sctp/7", "icmp", "tcp/1", "tcp/65535", "udp/53", "tcp/8000-8001"};
static const char *const bad_ports[] = {"", "tcp", "tcp/", "tcp/0", "tcp/65536", "tcp/-1", "tcp/+1",
	"tcp/ 80", "tcp/80 ", "TCP/80", "tcp/80-", "tcp/-80", "tcp/80-80", "tcp/90-80", "tcp/1-2-3",
	"tcp/80,81", "icmp/8", "ICMP", "icmpv6", "tcp/0x50", "tcp/00000080",
	"tcp/99999999999999999999", "udplite/1", "80", "80/tcp"};
static const char *const wrong_types[] = {
	"null", "true", "7", "{}", "[]", "\"\"", "[[]]", "[7]", "[null]", "{\"a\": 1}"};

static bool flaw; /* this section may have some */

static bool flawed(unsigned one_in)
{
	return flaw && chance(one_in) == 0;
}

/* A word, now and then with another byte in it. */
static void put_word(struct str *out, const char *word)
{
	static const char bytes[] = "aZ09-/:. _%\t";
	size_t at = *word && flawed(40) ? chance((unsigned)strlen(word)) : SIZE_MAX;

	str_addc(out, '"');
	for (size_t i = 0; word[i]; i++) {
		char c = i == at ? bytes[chance(sizeof bytes - 1)] : word[i];

		if (c == '\t')
			str_add(out, "\\t");
		else
			str_addc(out, c);
	}
	str_addc(out, '"');
}

/* LIMIT, or one too many, which is to be all that is wrong. */
static size_t at_limit(size_t limit)
{
	size_t n = limit + (size_t)flawed(2);

	flaw = false;
	return n;
}

static size_t how_many(unsigned most, size_t limit)
{
	if (chance(2000) == 0)
		return at_limit(limit);
	return flawed(30) ? 0 : 1 + chance(most);
}

static void put_list(struct str *out, size_t n, const char *(*word)(void))
{
	str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		str_add(out, i ? ", " : "");
		put_word(out, word());
	}
	str_addc(out, ']');
}

static const char *peer(void)
{
	return flawed(20) ? PICK(bad_peers) : PICK(good_peers);
}

static const char *port(void)
{
	return flawed(20) ? PICK(bad_ports) : PICK(good_ports);
}

static const char *dns(void)
{
	return "dns";
}

static const char *guard(void)
{
	return flawed(20) ? "Dns" : netword_guards[chance(5)];
}

static void put_rule(struct str *out, bool egress)
{
	bool names = (egress || flawed(30)) && chance(8) == 0;
	bool right = !flawed(60);

	if (flawed(100)) {
		str_add(out, PICK(wrong_types));
		return;
	}
	str_addf(out, "{\"%s\": ", egress == right ? "to" : "from");
	if (flawed(60))
		str_add(out, PICK(wrong_types));
	else
		put_list(out, names ? 1 : how_many(4, NETWORD_PEERS_MAX), names ? dns : peer);
	if (names ? flawed(4) : chance(3) > 0) {
		str_add(out, ", \"ports\": ");
		if (flawed(60))
			str_add(out, PICK(wrong_types));
		else
			put_list(out, how_many(4, NETWORD_PORTS_MAX), port);
	}
	str_add(out, flawed(100) ? ", \"more\": 1}" : "}");
}

static void put_rules(struct str *out, bool egress)
{
	size_t n = chance(300) == 0 ? at_limit(NETWORD_RULES_MAX) : chance(4);

	str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		str_add(out, i ? ", " : "");
		put_rule(out, egress);
	}
	str_addc(out, ']');
}

static void put_choice(struct str *out, const char *const *names)
{
	unsigned n = 0;

	while (names[n])
		n++;
	put_word(out, flawed(30) ? "Deny" : names[chance(n)]);
}

static void put_member(struct str *out, unsigned i)
{
	switch (i) {
	case 0:
		put_choice(out, netword_modes);
		break;
	case 1:
		put_choice(out, netword_presets);
		break;
	case 2:
		put_word(out, flawed(10) ? PICK(bad_peers) : chance(2) ? "db" : A63);
		break;
	case 3:
	case 4:
		put_rules(out, i == 4);
		break;
	case 5:
		put_choice(out, netword_metadata);
		break;
	default:
		put_list(out, chance(6) + (chance(100) == 0) * 3, guard);
	}
}

static void put_section(struct str *out)
{
	static const char *const keys[] = {
		"mode", "preset", "segment", "ingress", "egress", "metadata", "lift"};
	const char *between = "";

	flaw = chance(2);
	str_addc(out, '{');
	for (unsigned i = 0; i < 7; i++) {
		if (chance(2))
			continue;
		str_addf(out, "%s\"%s\": ", between, keys[i]);
		between = ", ";
		if (flawed(60))
			str_add(out, PICK(wrong_types));
		else
			put_member(out, i);
	}
	str_add(out, flawed(100) ? between : "");
	str_add(out, flawed(100) && *between ? "\"egres\": []}" : "}");
}

/* ---- what a section says, read here ---- */

static void add_line(struct strv *to, const char *text)
{
	if (!strv_has(to, text))
		strv_add(to, text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted(struct strv *l, struct str *out)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_text);
	for (size_t i = 0; i < l->n; i++)
		str_addf(out, " %s", l->v[i]);
}

static void told_rule(const struct json *rule, const char *key, struct str *out)
{
	AUTO_STRV struct strv peers = {NULL, 0}, ports = {NULL, 0};

	json_each (p, json_get(rule, key)) {
		char text[ADDR_TEXT_SIZE];
		struct addr a;

		if (p->text[0] < 'g' && addr_parse(p->text, &a, NULL) == 0) {
			addr_text(&a, text);
			add_line(&peers, text);
		} else {
			add_line(&peers, p->text);
		}
	}
	json_each (p, json_get(rule, "ports")) {
		char protocol[8] = "", text[64];
		int low = 0, high = 0, n = sscanf(p->text, "%7[a-z]/%d-%d", protocol, &low, &high);

		snprintf(text, sizeof text, "%s/%d-%d", protocol, low, n == 3 ? high : low);
		add_line(&ports, text);
	}
	str_addf(out, "\n%s", key);
	put_sorted(&peers, out);
	str_add(out, " at");
	put_sorted(&ports, out);
}

static const char *word_of(const struct json *section, const char *key, const char *otherwise)
{
	const char *text = json_str(json_get(section, key));

	return text ? text : otherwise;
}

static void told(const struct json *section, struct str *out)
{
	AUTO_STRV struct strv lifted = {NULL, 0};

	str_addf(out, "%s %s %s [%s]", word_of(section, "mode", "enforce"),
		word_of(section, "preset", "none"), word_of(section, "metadata", "deny"),
		word_of(section, "segment", ""));
	json_each (g, json_get(section, "lift"))
		add_line(&lifted, g->text);
	put_sorted(&lifted, out);
	json_each (r, json_get(section, "egress"))
		told_rule(r, "to", out);
	json_each (r, json_get(section, "ingress"))
		told_rule(r, "from", out);
}

/* ---- what netseg made of it ---- */

static void made_rule(const struct net_rule *r, const char *key, struct str *out)
{
	AUTO_STRV struct strv peers = {NULL, 0}, ports = {NULL, 0};
	char text[128];

	for (size_t i = 0; i < r->peers.n; i++) {
		addr_text(&r->peers.v[i], text);
		add_line(&peers, text);
	}
	for (size_t i = 0; i < r->segments.n; i++) {
		snprintf(text, sizeof text, "segment:%s", r->segments.v[i]);
		add_line(&peers, text);
	}
	if (r->any)
		add_line(&peers, "any");
	if (r->host)
		add_line(&peers, "host");
	if (r->dns)
		add_line(&peers, "dns");
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct net_port *p = &r->ports[i];

		snprintf(text, sizeof text, "%s/%d-%d",
			p->protocol == IPPROTO_TCP    ? "tcp"
			: p->protocol == IPPROTO_UDP  ? "udp"
			: p->protocol == IPPROTO_SCTP ? "sctp"
						      : "icmp",
			p->low, p->high);
		add_line(&ports, text);
	}
	str_addf(out, "\n%s", key);
	put_sorted(&peers, out);
	str_add(out, " at");
	put_sorted(&ports, out);
}

static void made(const struct net_want *w, struct str *out)
{
	const struct net_policy *p = &w->policies[0];
	AUTO_STRV struct strv lifted = {NULL, 0};

	str_addf(out, "%s %s %s [%s]", net_mode_name(p->mode), net_preset_name(p->preset),
		p->metadata ? "allow" : "deny", w->segments.n ? w->segments.v[0] : "");
	for (int g = 0; g < NET_GUARDS; g++)
		if (p->lift & (1u << g))
			add_line(&lifted, net_guard_name((enum net_guard)g));
	put_sorted(&lifted, out);
	for (size_t i = 0; i < p->n_rules[NET_OUT]; i++)
		made_rule(&p->rules[NET_OUT][i], "to", out);
	for (size_t i = 0; i < p->n_rules[NET_IN]; i++)
		made_rule(&p->rules[NET_IN][i], "from", out);
}

/* ---- both ---- */

static struct {
	size_t accepted, refused, disagree;
} count;

static void disagree(const char *what, const char *section, const char *more)
{
	if (count.disagree++ < 5)
		printf("# %s: %.600s\n#   %.600s\n", what, section, more);
}

/* As a launch writes it. */
static void accepted(const struct profile *p, const char *section)
{
	AUTO_JSON struct json_doc *doc = json_new();
	const struct selection s = {.p = {(struct profile *)p}, .n = 1};
	const struct settings settings = {.mode = PROFILE_ENFORCE};
	AUTO_NET_WANT struct net_want want = {0};
	AUTO_STR struct str here = STR_INIT, there = STR_INIT;
	struct err e = {0};

	count.accepted++;
	if (net_want_read(network_policies(doc, &s, &settings), &want, &e) < 0) {
		disagree("passes apply, and no container would start", section, e.msg);
		return;
	}
	told(json_root(p->network), &here);
	made(&want, &there);
	if (strcmp(str_text(&here), str_text(&there)) != 0)
		disagree(str_text(&here), section, str_text(&there));
}

/* The same members in a record, where no profile was read before. */
static void refused(const char *section, const struct json *v, const struct err *why)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *o = json_object(doc), *list = json_array(doc), *policy = json_clone(doc, v);
	struct json *segments = json_array(doc);
	AUTO_NET_WANT struct net_want want = {0};
	struct err e;

	count.refused++;
	json_put(doc, policy, "profile", json_string(doc, "p"));
	if (json_get(v, "segment")) {
		json_push(segments, json_clone(doc, json_get(v, "segment")));
		json_put(doc, o, "segments", segments);
	}
	json_remove(json_get(policy, "segment"));
	json_push(list, policy);
	json_put(doc, o, "policies", list);
	/* that rules are of no use is for people alone */
	if (net_want_read(o, &want, &e) == 0 && !strstr(why->msg, "rules have no effect"))
		disagree("apply refuses it, and a record may say it", section, why->msg);
}

static void one_round(void)
{
	AUTO_STR struct str section = STR_INIT, text = STR_INIT;
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_PROFILE struct profile *p = NULL;
	struct err e = {0}, second = {0};

	put_section(&section);
	if (json_parse(section.s, section.len, &limits, JSON_STRICT, &doc, &second) < 0)
		return;
	str_addf(&text, "{\"profile\": \"p\", \"version\": \"1\", \"network\": %s}", section.s);
	if (profile_parse("p.json", text.s, text.len, &p, &e) == 0)
		accepted(p, section.s);
	else
		refused(section.s, json_root(doc), &e);
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? (uint32_t)strtoul(given, NULL, 10) : 20261122;
	for (int i = 0; i < ROUNDS; i++)
		one_round();
	printf("# %zu accepted, %zu refused\n", count.accepted, count.refused);
	ok(count.accepted > ROUNDS / 4 && count.refused > ROUNDS / 8, "sections of both kinds");
	ok(count.disagree == 0, "both readers agree on %d sections (%zu not)", ROUNDS,
		count.disagree);
	return tap_done();
}
