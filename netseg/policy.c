/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - read what the launch wrote of a container's network into structs.
 *
 * The profile was checked where it was applied; this reader is as strict again, for between the two lies
 * a file, and what a rule does not understand it would leave open.
 */
#include "netseg/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/netword.h"

enum {
	SEGMENTS_MAX = 16,
	ADDRESSES_MAX = 1024, /* of the node's settings */
	TEXT_MAX = 1024, /* of a profile, a title */
};

const char *net_mode_name(enum net_mode m)
{
	return netword_modes[m];
}

const char *net_preset_name(enum net_preset p)
{
	return netword_presets[p];
}

const char *net_guard_name(enum net_guard g)
{
	return netword_guards[g];
}

/* ---- one value ---- */

__attribute__((format(printf, 3, 4))) static int bad(
	const struct json *v, struct err *e, const char *fmt, ...)
{
	AUTO_STR struct str place = STR_INIT;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_pointer(v, &place);
	return err_set(e, ERR_INPUT, "network %.120s: %s", str_text(&place), text);
}

struct key {
	const char *name; /* NULL ends the table */
	enum json_type type;
	int (*read)(const struct json *v, void *to, struct err *e);
	bool required;
};

static int read_object(const struct json *v, const struct key *keys, void *to, struct err *e)
{
	if (!json_is(v, JSON_OBJECT))
		return bad(v, e, "expected an object");
	json_each (m, v) {
		const struct key *k = keys;

		while (k->name && strcmp(k->name, m->key) != 0)
			k++;
		if (!k->name)
			return bad(m, e, "unknown key");
		if (m->type != k->type)
			return bad(m, e, "a value of another type was expected");
		if (k->read(m, to, e) < 0)
			return -1;
	}
	for (const struct key *k = keys; k->name; k++)
		if (k->required && !json_get(v, k->name))
			return bad(v, e, "\"%s\" is missing", k->name);
	return 0;
}

static int read_list(const struct json *v, size_t max,
	int (*item)(const struct json *v, void *to, struct err *e), void *to, struct err *e)
{
	if (v->count > max)
		return bad(v, e, "%u entries, at most %zu", v->count, max);
	json_each (one, v) {
		if (one->type != JSON_STRING)
			return bad(one, e, "expected a string");
		if (item(one, to, e) < 0)
			return -1;
	}
	return 0;
}

static int read_choice(const struct json *v, const char *const *names, unsigned *out, struct err *e)
{
	for (unsigned i = 0; names[i]; i++) {
		if (strcmp(names[i], v->text) == 0) {
			*out = i;
			return 0;
		}
	}
	return bad(v, e, "unknown word \"%.40s\"", v->text);
}

static int read_text(const struct json *v, char **out, struct err *e)
{
	if (v->len > TEXT_MAX)
		return bad(v, e, "%zu bytes, at most %d", v->len, TEXT_MAX);
	*out = strdup(v->text);
	return *out ? 0 : err_nomem(e);
}

static int read_path(const struct json *v, char **out, struct err *e)
{
	if (v->text[0] != '/' || v->len >= 4096)
		return bad(v, e, "not an absolute path");
	*out = strdup(v->text);
	return *out ? 0 : err_nomem(e);
}

static int read_address(const struct json *v, void *to, struct err *e)
{
	struct addr a;
	struct err why;

	if (addr_parse(v->text, &a, &why) < 0)
		return bad(v, e, "%s", why.msg);
	return addrs_push(to, &a) < 0 ? err_nomem(e) : 0;
}

static int read_one_address(const struct json *v, void *to, struct err *e)
{
	struct addrs *l = to;

	if (read_address(v, l, e) < 0)
		return -1;
	return addr_is_one(&l->v[l->n - 1]) ? 0 : bad(v, e, "expected one address");
}

static int read_segment_name(const struct json *v, const char *name, struct strv *to, struct err *e)
{
	if (!netword_segment(name))
		return bad(v, e, "\"%.80s\" is no name of a segment", name);
	return strv_has(to, name) || strv_add(to, name) == 0 ? 0 : err_nomem(e);
}

static int read_segment(const struct json *v, void *to, struct err *e)
{
	return read_segment_name(v, v->text, to, e);
}

/* ---- a rule ---- */

static int read_peer(const struct json *v, void *to, struct err *e)
{
	struct net_rule *r = to;
	const char *name;

	switch (netword_peer(v->text, &name)) {
	case NETWORD_ANY:
		r->any = true;
		return 0;
	case NETWORD_HOST:
		r->host = true;
		return 0;
	case NETWORD_DNS:
		r->dns = true;
		return 0;
	case NETWORD_SEGMENT:
		return read_segment_name(v, name, &r->segments, e);
	case NETWORD_ADDRESS:
		break;
	}
	return read_address(v, &r->peers, e);
}

static int read_peers(const struct json *v, void *to, struct err *e)
{
	if (!v->first)
		return bad(v, e, "an empty list");
	return read_list(v, NETWORD_PEERS_MAX, read_peer, to, e);
}

static int read_from(const struct json *v, void *to, struct err *e)
{
	if (read_peers(v, to, e) < 0)
		return -1;
	return ((struct net_rule *)to)->dns ? bad(v, e, "nobody connects from \"dns\"") : 0;
}

static int read_port(const struct json *v, void *to, struct err *e)
{
	struct net_rule *r = to;
	struct netword_port p;

	if (!netword_port(v->text, &p))
		return bad(v, e, "\"%.40s\" is no port such as tcp/8080, udp/1000-2000 or icmp",
			v->text);
	r->ports[r->n_ports++] = (struct net_port){p.protocol, p.low, p.high};
	return 0;
}

static int read_ports(const struct json *v, void *to, struct err *e)
{
	struct net_rule *r = to;

	if (!v->first || v->count > NETWORD_PORTS_MAX)
		return bad(v, e, "%u entries, expected 1 to %d", v->count, NETWORD_PORTS_MAX);
	r->ports = calloc(v->count, sizeof *r->ports);
	if (!r->ports)
		return err_nomem(e);
	return read_list(v, NETWORD_PORTS_MAX, read_port, r, e);
}

/* ---- a policy ---- */

static int read_rules(const struct json *v, struct net_policy *p, enum net_dir dir,
	const struct key *keys, struct err *e)
{
	if (v->count > NETWORD_RULES_MAX)
		return bad(v, e, "%u rules, at most %d", v->count, NETWORD_RULES_MAX);
	if (!v->first)
		return 0;
	p->rules[dir] = calloc(v->count, sizeof *p->rules[dir]);
	if (!p->rules[dir])
		return err_nomem(e);
	json_each (item, v) {
		struct net_rule *r = &p->rules[dir][p->n_rules[dir]++];

		if (read_object(item, keys, r, e) < 0)
			return -1;
		if (r->dns && r->ports)
			return bad(item, e, "\"dns\" has ports of its own");
	}
	return 0;
}

static int read_egress(const struct json *v, void *to, struct err *e)
{
	static const struct key keys[] = {
		{"to", JSON_ARRAY, read_peers, true},
		{"ports", JSON_ARRAY, read_ports, false},
		{0},
	};

	return read_rules(v, to, NET_OUT, keys, e);
}

static int read_ingress(const struct json *v, void *to, struct err *e)
{
	static const struct key keys[] = {
		{"from", JSON_ARRAY, read_from, true},
		{"ports", JSON_ARRAY, read_ports, false},
		{0},
	};

	return read_rules(v, to, NET_IN, keys, e);
}

static int read_profile(const struct json *v, void *to, struct err *e)
{
	return read_text(v, &((struct net_policy *)to)->profile, e);
}

static int read_mode(const struct json *v, void *to, struct err *e)
{
	unsigned mode = 0;

	if (read_choice(v, netword_modes, &mode, e) < 0)
		return -1;
	((struct net_policy *)to)->mode = mode;
	return 0;
}

static int read_preset(const struct json *v, void *to, struct err *e)
{
	unsigned preset = 0;

	if (read_choice(v, netword_presets, &preset, e) < 0)
		return -1;
	((struct net_policy *)to)->preset = preset;
	return 0;
}

static int read_metadata(const struct json *v, void *to, struct err *e)
{
	unsigned allow = 0;

	if (read_choice(v, netword_metadata, &allow, e) < 0)
		return -1;
	((struct net_policy *)to)->metadata = allow;
	return 0;
}

static int read_guard(const struct json *v, void *to, struct err *e)
{
	unsigned guard = 0;

	if (read_choice(v, netword_guards, &guard, e) < 0)
		return -1;
	((struct net_policy *)to)->lift |= 1u << guard;
	return 0;
}

static int read_lift(const struct json *v, void *to, struct err *e)
{
	return read_list(v, NET_GUARDS, read_guard, to, e);
}

static int read_policies(const struct json *v, void *to, struct err *e)
{
	static const struct key keys[] = {
		{"profile", JSON_STRING, read_profile, true},
		{"mode", JSON_STRING, read_mode, false},
		{"preset", JSON_STRING, read_preset, false},
		{"ingress", JSON_ARRAY, read_ingress, false},
		{"egress", JSON_ARRAY, read_egress, false},
		{"metadata", JSON_STRING, read_metadata, false},
		{"lift", JSON_ARRAY, read_lift, false},
		{0},
	};
	struct net_want *w = to;

	if (!v->first || v->count > NET_POLICIES_MAX)
		return bad(v, e, "%u policies, expected 1 to %d", v->count, NET_POLICIES_MAX);
	w->policies = calloc(v->count, sizeof *w->policies);
	if (!w->policies)
		return err_nomem(e);
	json_each (item, v)
		if (read_object(item, keys, &w->policies[w->n++], e) < 0)
			return -1;
	return 0;
}

/* ---- the whole ---- */

static int read_title(const struct json *v, void *to, struct err *e)
{
	return read_text(v, &((struct net_want *)to)->title, e);
}

static int read_segments(const struct json *v, void *to, struct err *e)
{
	return read_list(v, SEGMENTS_MAX, read_segment, &((struct net_want *)to)->segments, e);
}

static int read_resolv_conf(const struct json *v, void *to, struct err *e)
{
	return read_path(v, &((struct net_want *)to)->resolv_conf, e);
}

static int read_netns(const struct json *v, void *to, struct err *e)
{
	return read_path(v, &((struct net_want *)to)->netns, e);
}

static int read_resolvers(const struct json *v, void *to, struct err *e)
{
	return read_list(
		v, ADDRESSES_MAX, read_one_address, &((struct net_want *)to)->resolvers, e);
}

static int read_node(const struct json *v, void *to, struct err *e)
{
	return read_list(v, ADDRESSES_MAX, read_address, &((struct net_want *)to)->node, e);
}

static int read_metadata_addresses(const struct json *v, void *to, struct err *e)
{
	return read_list(v, ADDRESSES_MAX, read_address, &((struct net_want *)to)->metadata, e);
}

int net_want_read(const struct json *v, struct net_want *out, struct err *e)
{
	static const struct key keys[] = {
		{"title", JSON_STRING, read_title, false},
		{"policies", JSON_ARRAY, read_policies, true},
		{"segments", JSON_ARRAY, read_segments, false},
		{"resolvConf", JSON_STRING, read_resolv_conf, false},
		{"resolvers", JSON_ARRAY, read_resolvers, false},
		{"nodeAddresses", JSON_ARRAY, read_node, false},
		{"metadataAddresses", JSON_ARRAY, read_metadata_addresses, false},
		{"netns", JSON_STRING, read_netns, false},
		{0},
	};
	AUTO_NET_WANT struct net_want w = {0};

	if (!v)
		return err_set(e, ERR_INPUT, "network: nothing is written of it");
	if (read_object(v, keys, &w, e) < 0)
		return -1;
	if (!w.title && !(w.title = strdup("")))
		return err_nomem(e);
	*out = w;
	w = (struct net_want){0};
	return 0;
}

void net_want_done(struct net_want *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct net_policy *p = &w->policies[i];

		for (size_t d = 0; d < NET_DIRS; d++) {
			for (size_t k = 0; k < p->n_rules[d]; k++) {
				addrs_done(&p->rules[d][k].peers);
				strv_done(&p->rules[d][k].segments);
				free(p->rules[d][k].ports);
			}
			free(p->rules[d]);
		}
		free(p->profile);
	}
	free(w->policies);
	free(w->title);
	free(w->resolv_conf);
	free(w->netns);
	strv_done(&w->segments);
	addrs_done(&w->resolvers);
	addrs_done(&w->node);
	addrs_done(&w->metadata);
	*w = (struct net_want){0};
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int net_want_mentions(const struct net_want *w, struct strv *out)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct net_policy *p = &w->policies[i];

		for (size_t d = 0; d < NET_DIRS; d++)
			for (size_t k = 0; k < p->n_rules[d]; k++)
				for (size_t s = 0; s < p->rules[d][k].segments.n; s++) {
					const char *name = p->rules[d][k].segments.v[s];

					if (!strv_has(out, name) && strv_add(out, name) < 0)
						return -1;
				}
	}
	if (out->n > 1)
		qsort(out->v, out->n, sizeof *out->v, by_text);
	return 0;
}

bool net_want_enforces(const struct net_want *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->policies[i].mode == NET_ENFORCE)
			return true;
	return false;
}
