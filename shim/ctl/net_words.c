/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_words - a container's network policy in the words a profile has for it.
 */
#include "shim/ctl/net_words.h"

#include "shim/ctl/sight.h"

static void comma(struct str *out, size_t from)
{
	if (out->len > from)
		str_add(out, ", ");
}

void net_words_ports(const struct net_rule *r, struct str *out)
{
	size_t from = out->len;

	for (size_t i = 0; i < r->n_ports; i++) {
		const struct net_port *p = &r->ports[i];
		char text[SIGHT_PORT_SIZE];

		sight_port_text(p->protocol, p->low, text);
		comma(out, from);
		str_add(out, text);
		if (p->high > p->low)
			str_addf(out, "-%u", p->high);
	}
	if (!r->n_ports)
		str_add(out, r->dns ? "port 53" : "any port");
}

void net_words_addrs(const struct addrs *l, struct str *out)
{
	size_t from = out->len;

	for (size_t i = 0; i < l->n; i++) {
		char text[ADDR_TEXT_SIZE];

		addr_text(&l->v[i], text);
		comma(out, from);
		str_add(out, text);
	}
}

void net_words_join(const struct strv *l, struct str *out)
{
	for (size_t i = 0; i < l->n; i++)
		str_addf(out, "%s%s", i ? ", " : "", l->v[i]);
}

void net_words_peers(const struct net_rule *r, struct str *out)
{
	const struct {
		bool is;
		const char *word;
	} words[] = {{r->any, "any"}, {r->dns, "dns"}, {r->host, "host"}};
	size_t from = out->len;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].is) {
			comma(out, from);
			str_add(out, words[i].word);
		}
	for (size_t i = 0; i < r->segments.n; i++) {
		comma(out, from);
		str_addf(out, "segment:%s", r->segments.v[i]);
	}
	if (r->peers.n)
		comma(out, from);
	net_words_addrs(&r->peers, out);
}
