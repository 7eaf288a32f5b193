/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - read the "network" section of a profile: who may connect to whom.
 *
 * Addresses are exact: an address with bits behind its prefix is a slip of the pen that would open more,
 * or less, than was meant.
 */
#include <stdio.h>
#include <string.h>

#include "profiles/network.h"
#include "profiles/section.h"
#include "shim/base/addr.h"
#include "shim/base/cleanup.h"
#include "shim/base/netword.h"

enum { MODE_ENFORCE, MODE_AUDIT, MODE_LEARN, MODE_OFF };

const struct network_master network_masters[] = {
	{"CAP_NET_ADMIN", "the container could flush the rules"},
	{"CAP_NET_RAW", "a packet socket sends past the rules"},
	{"CAP_SYS_ADMIN", "the container could enter another network namespace"},
	{"CAP_SYS_MODULE", "the container could change the kernel"},
	{NULL, NULL},
};

struct network {
	unsigned mode;
	const struct json *rules; /* one of the lists of rules that is not empty */
};

struct rule {
	const struct json *peers, *ports;
	bool dns;
};

static int choice(
	struct reader *r, const struct json *v, const char *what, const char *const *names)
{
	unsigned i;

	return reader_choice(r, v, what, names, &i);
}

static int read_mode(struct reader *r, const struct json *v, void *to)
{
	return reader_choice(
		r, v, "mode of the network", netword_modes, &((struct network *)to)->mode);
}

const char *network_mode(const struct profile *p)
{
	const struct json *v = p->network ? json_root(p->network) : NULL;
	const char *said = json_str(json_get(v, "mode"));
	unsigned mode = MODE_ENFORCE, least = MODE_ENFORCE;

	if (!v)
		return NULL;
	while (said && mode < MODE_OFF && strcmp(netword_modes[mode], said) != 0)
		mode++;
	if (p->mode == PROFILE_LEARN)
		least = MODE_LEARN;
	else if (profile_audits(p, CONTROL_NETWORK))
		least = MODE_AUDIT;
	return netword_modes[mode > least ? mode : least];
}

static int read_preset(struct reader *r, const struct json *v, void *to)
{
	(void)to;
	return choice(r, v, "preset", netword_presets);
}

static int read_metadata(struct reader *r, const struct json *v, void *to)
{
	(void)to;
	return choice(r, v, "treatment of metadata", netword_metadata);
}

static int bad_segment(struct reader *r, const struct json *v, const char *name)
{
	return reader_fail(r, v,
		"segment \"%.80s\": expected 1 to %d of a-z 0-9 -, with a letter or digit first "
		"and last",
		name, NETWORD_LABEL_MAX);
}

static int read_segment(struct reader *r, const struct json *v, void *to)
{
	(void)to;
	return netword_segment(v->text) ? 0 : bad_segment(r, v, v->text);
}

static int check_guard(struct reader *r, const struct json *v)
{
	unsigned i;

	return reader_choice(r, v, "guard", netword_guards, &i);
}

/* ---- addresses and ports ---- */

static int bad_peer(struct reader *r, const struct json *v)
{
	return reader_fail(r, v,
		"\"%.64s\": expected \"segment:NAME\", \"host\", \"dns\", \"any\" or an address "
		"such as "
		"\"10.0.0.0/8\"",
		v->text);
}

static int check_address(struct reader *r, const struct json *v)
{
	struct addr a;
	struct err why;

	if (!addr_is(v->text))
		return bad_peer(r, v);
	return addr_parse(v->text, &a, &why) < 0 ? reader_fail(r, v, "%s", why.msg) : 0;
}

static int check_peer(struct reader *r, const struct json *v)
{
	const char *near, *name;
	enum netword_peer is = netword_peer(v->text, &name);

	if (is == NETWORD_SEGMENT)
		return netword_segment(name) ? 0 : bad_segment(r, v, name);
	if (is != NETWORD_ADDRESS)
		return 0;
	near = reader_nearest(netword_peers, v->text);
	if (near)
		return reader_fail(
			r, v, "unknown peer \"%.64s\", did you mean \"%s\"?", v->text, near);
	return check_address(r, v);
}

static int check_port(struct reader *r, const struct json *v)
{
	struct netword_port p;

	if (netword_port(v->text, &p))
		return 0;
	return reader_fail(r, v,
		"\"%.64s\": expected a port as in \"tcp/8080\", \"udp/53\" or "
		"\"sctp/1000-2000\", or \"icmp\"",
		v->text);
}

/* ---- rules ---- */

static int read_list(struct reader *r, const struct json *v, size_t max,
	int (*item)(struct reader *r, const struct json *v))
{
	AUTO_STRV struct strv all = {NULL, 0};

	if (!v->first)
		return reader_fail(
			r, v, "an empty list: leave \"%s\" out, or name something", v->key);
	if (v->count > max)
		return reader_fail(r, v, "%u entries, \"%s\" may have %zu", v->count, v->key, max);
	return reader_strings(r, v, &all, item);
}

static int read_peers(struct reader *r, const struct json *v, void *to)
{
	struct rule *rule = to;

	rule->peers = v;
	if (read_list(r, v, NETWORD_PEERS_MAX, check_peer) < 0)
		return -1;
	json_each (peer, v)
		rule->dns = rule->dns || strcmp(peer->text, "dns") == 0;
	return 0;
}

static int read_from(struct reader *r, const struct json *v, void *to)
{
	struct rule *rule = to;

	if (read_peers(r, v, to) < 0)
		return -1;
	return rule->dns ? reader_fail(r, v, "\"dns\" is somebody to connect to, not from") : 0;
}

static int read_ports(struct reader *r, const struct json *v, void *to)
{
	((struct rule *)to)->ports = v;
	return read_list(r, v, NETWORD_PORTS_MAX, check_port);
}

static int read_rules(
	struct reader *r, const struct json *v, struct network *n, const struct reader_key *keys)
{
	if (v->count > NETWORD_RULES_MAX)
		return reader_fail(
			r, v, "%u rules, \"%s\" may have %d", v->count, v->key, NETWORD_RULES_MAX);
	if (v->first)
		n->rules = v;
	json_each (item, v) {
		struct rule rule = {NULL, NULL, false};

		if (item->type != JSON_OBJECT)
			return reader_fail(r, item,
				"expected {\"%s\": [\"segment:db\"], \"ports\": [\"tcp/5432\"]}",
				keys[0].name);
		if (reader_object(r, item, keys, &rule) < 0)
			return -1;
		if (rule.dns && rule.ports)
			return reader_fail(r, rule.ports,
				"\"dns\" has ports of its own: give it a rule without \"ports\"");
	}
	return 0;
}

static int read_ingress(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"from", JSON_ARRAY, read_from, 0, true},
		{"ports", JSON_ARRAY, read_ports, 0, false},
		{0},
	};

	return read_rules(r, v, to, keys);
}

static int read_egress(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"to", JSON_ARRAY, read_peers, 0, true},
		{"ports", JSON_ARRAY, read_ports, 0, false},
		{0},
	};

	return read_rules(r, v, to, keys);
}

static int read_lift(struct reader *r, const struct json *v, void *to)
{
	AUTO_STRV struct strv all = {NULL, 0};
	size_t n = 0;

	(void)to;
	while (netword_guards[n])
		n++;
	if (v->count > n)
		return reader_fail(r, v, "%u entries, there are %zu guards", v->count, n);
	return reader_strings(r, v, &all, check_guard);
}

int section_network(struct reader *r, const struct json *v, void *to)
{
	static const struct reader_key keys[] = {
		{"mode", JSON_STRING, read_mode, 0, false},
		{"preset", JSON_STRING, read_preset, 0, false},
		{"segment", JSON_STRING, read_segment, 0, false},
		{"ingress", JSON_ARRAY, read_ingress, 0, false},
		{"egress", JSON_ARRAY, read_egress, 0, false},
		{"metadata", JSON_STRING, read_metadata, 0, false},
		{"lift", JSON_ARRAY, read_lift, 0, false},
		{0},
	};
	AUTO_JSON struct json_doc *doc = NULL;
	struct network n = {MODE_ENFORCE, NULL};
	struct json *copy;

	if (reader_object(r, v, keys, &n) < 0)
		return -1;
	if (n.mode == MODE_OFF && n.rules)
		return reader_fail_key(
			r, n.rules, "rules have no effect while \"mode\" is \"off\"");
	doc = json_new();
	copy = doc ? json_clone(doc, v) : NULL;
	if (!copy)
		return err_nomem(r->e);
	json_set_root(doc, copy);
	json_free(*(struct json_doc **)to);
	*(struct json_doc **)to = take_ptr(&doc);
	return 0;
}
