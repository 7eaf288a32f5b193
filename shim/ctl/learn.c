/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn - from what was seen to what is allowed: which flows count, and what their peers become.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/ruleset.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/learn_work.h"

void learned_done(struct learned *l)
{
	json_free(l->doc);
	strv_done(&l->findings);
	strv_done(&l->notes);
	free(l->profile);
	*l = (struct learned){0};
}

static void work_done(struct learn_work *w)
{
	addrs_done(&w->avoid);
	free(w->obs);
	free(w->grants);
	for (size_t i = 0; i < w->n_parties; i++) {
		strv_done(&w->parties[i].ports);
		free(w->parties[i].all);
	}
	free(w->parties);
}

int learn_say(struct learn_work *w, struct strv *to, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (strv_has(to, text))
		return 0;
	return strv_add(to, text) < 0 ? err_nomem(w->e) : 0;
}

/* ---- what was seen ---- */

/* The protocol as a rule speaks of it. */
static uint8_t plain_protocol(uint8_t p)
{
	return p == IPPROTO_ICMPV6 ? IPPROTO_ICMP : p;
}

/* Port 0 is no port of a rule, but anybody can send to it. */
static bool has_word(const struct sight_flow *f)
{
	if (plain_protocol(f->protocol) == IPPROTO_ICMP)
		return true;
	return f->port && (f->protocol == IPPROTO_TCP || f->protocol == IPPROTO_UDP ||
				  f->protocol == IPPROTO_SCTP);
}

/* What no rule is made of: *OVER, when it was told or needs no word. */
static int pass_over(
	struct learn_work *w, const struct sight *s, const struct sight_flow *f, bool *over)
{
	struct strv *findings = &w->out->findings;
	char peer[ADDR_TEXT_SIZE], port[SIGHT_PORT_SIZE];
	bool names = f->dir == NET_OUT && f->port == 53 &&
		     (f->protocol == IPPROTO_TCP || f->protocol == IPPROTO_UDP);

	addr_text(&f->peer, peer);
	sight_port_text(f->protocol, f->port, port);
	*over = true;
	if (strcmp(f->is, "self") == 0)
		return 0;
	if (strcmp(f->is, "dns") == 0 && names) {
		w->dns = true;
		return 0;
	}
	if (f->shared)
		return learn_say(w, findings,
			"%.*s: %s %s (%s), by a socket of no known container: not learned, every "
			"container of its namespace would have to allow it",
			SIGHT_ID(s->id), f->dir == NET_OUT ? "egress to" : "ingress from", peer,
			port);
	if (strcmp(f->is, "metadata") == 0 || learn_metadata(&f->peer))
		return learn_say(w, findings,
			"%.*s: %s %s (%s), a metadata service: never learned; \"metadata\": "
			"\"allow\" would let it",
			SIGHT_ID(s->id), f->dir == NET_OUT ? "egress to" : "ingress from", peer,
			port);
	if (names)
		return learn_say(w, findings,
			"%.*s: asked %s (%s), which is none of its resolvers: never learned; a "
			"rule that names this port would let it",
			SIGHT_ID(s->id), peer, port);
	if (!has_word(f))
		return learn_say(w, findings, "%.*s: %s with %s: no rule can speak of it",
			SIGHT_ID(s->id), port, peer);
	*over = false;
	return 0;
}

/* The first of L that is of the same container as the Ith. */
static size_t start_of(const struct sights *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(l->v[k].key, l->v[i].key) == 0 && strcmp(l->v[k].id, l->v[i].id) == 0)
			return k;
	return i;
}

static int collect_one(struct learn_work *w, size_t i)
{
	const struct sight *s = &w->from->v[i];
	size_t start = start_of(w->from, i);

	for (size_t k = 0; k < s->n; k++) {
		const struct sight_flow *f = &s->v[k];
		bool over;

		if (pass_over(w, s, f, &over) < 0)
			return -1;
		if (over)
			continue;
		w->obs[w->n_obs++] = (struct learn_obs){
			.dir = f->dir,
			.protocol = plain_protocol(f->protocol),
			.port = plain_protocol(f->protocol) == IPPROTO_ICMP ? 0 : f->port,
			.is = strcmp(f->is, "dns") == 0 ? "" : f->is,
			.peer = f->peer,
			.start = start,
		};
	}
	return 0;
}

static int avoid_all(struct learn_work *w, const struct addrs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (addrs_add(&w->avoid, &l->v[i]) < 0)
			return err_nomem(w->e);
	return 0;
}

static int avoid_services(struct learn_work *w)
{
	struct addr a;

	for (const char *const *s = net_metadata_services; *s; s++)
		if (addr_parse(*s, &a, w->e) < 0 || addrs_add(&w->avoid, &a) < 0)
			return err_nomem(w->e);
	return 0;
}

static int by_port(const void *a, const void *b)
{
	const struct learn_obs *x = a, *y = b;
	int rc;

	if (x->dir != y->dir)
		return x->dir < y->dir ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	rc = strcmp(x->is, y->is);
	if (rc == 0)
		rc = x->peer.family - y->peer.family;
	if (rc == 0)
		rc = memcmp(x->peer.bytes, y->peer.bytes, sizeof x->peer.bytes);
	return rc ? rc : (x->start > y->start) - (x->start < y->start);
}

/* What there is to say of the whole of S. */
static int judge(struct learn_work *w, const struct sight *s)
{
	struct learned *out = w->out;

	out->full |= s->full;
	if (s->full)
		return learn_say(w, &out->findings,
			"%.*s: a set of its flows was full: there was more than is learned here",
			SIGHT_ID(s->id));
	if (s->n)
		return 0;
	if (s->mode != NET_LEARN)
		return err_set(w->e, ERR_INPUT,
			"%.*s is not in mode \"learn\", and nothing was seen of it: give its "
			"profile \"network\": {\"mode\": \"learn\"}, apply, and net reload",
			SIGHT_ID(s->id));
	return learn_say(w, &out->findings, "%.*s: nothing was seen of it", SIGHT_ID(s->id));
}

static int collect(struct learn_work *w)
{
	size_t all = 1;

	for (size_t i = 0; i < w->from->n; i++)
		all += w->from->v[i].n;
	w->obs = calloc(all, sizeof *w->obs);
	if (!w->obs)
		return err_nomem(w->e);
	if (avoid_services(w) < 0)
		return -1;
	for (size_t i = 0; i < w->from->n; i++) {
		const struct sight *s = &w->from->v[i];

		if (judge(w, s) < 0 || avoid_all(w, &s->hosts) < 0 ||
			avoid_all(w, &s->resolvers) < 0 || collect_one(w, i) < 0)
			return -1;
	}
	qsort(w->obs, w->n_obs, sizeof *w->obs, by_port);
	return 0;
}

/* ---- peers of one port ---- */

static int add_grant(struct learn_work *w, const struct learn_obs *o, const char *peer)
{
	struct learn_grant *g;

	if (w->n_grants == w->cap_grants) {
		size_t cap = w->cap_grants ? 2 * w->cap_grants : 64;
		struct learn_grant *more = reallocarray(w->grants, cap, sizeof *more);

		if (!more)
			return err_nomem(w->e);
		w->grants = more;
		w->cap_grants = cap;
	}
	g = &w->grants[w->n_grants++];
	*g = (struct learn_grant){.dir = o->dir, .protocol = o->protocol, .port = o->port};
	snprintf(g->peer, sizeof g->peer, "%s", peer);
	return 0;
}

/* The flow is one of those that PEER, an address when COVER is there, stands for. */
static bool stands_for(const char *peer, const struct addr *cover, const struct learn_obs *o)
{
	if (cover)
		return !*o->is && addr_covers(cover, &o->peer);
	return strcmp(peer, "any") == 0 ? !*o->is : strcmp(o->is, peer) == 0;
}

/* Of the N flows of V, of one port, those of PEER: when one start of several had them, say so. */
static int say_only(struct learn_work *w, const struct learn_obs *v, size_t n, const char *peer,
	const struct addr *cover)
{
	size_t only = SIZE_MAX;
	char port[SIGHT_PORT_SIZE];

	if (w->out->starts < 2)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!stands_for(peer, cover, &v[i]))
			continue;
		if (only != SIZE_MAX && only != v[i].start)
			return 0;
		only = v[i].start;
	}
	if (only == SIZE_MAX)
		return 0;
	sight_port_text(v->protocol, v->port, port);
	return learn_say(w, &w->out->notes, "only %.*s of %zu: %s %s %s at %s",
		SIGHT_ID(w->from->v[only].id), w->out->starts, sight_dir_name(v->dir),
		v->dir == NET_OUT ? "to" : "from", peer, port);
}

static int grant_prefixes(
	struct learn_work *w, const struct learn_obs *v, size_t n, const struct addrs *plain)
{
	AUTO_ADDRS struct addrs prefixes = {0};
	char text[ADDR_TEXT_SIZE], port[SIGHT_PORT_SIZE];

	if (learn_prefixes(plain, &w->avoid, &prefixes) < 0)
		return err_nomem(w->e);
	sight_port_text(v->protocol, v->port, port);
	for (size_t i = 0; i < prefixes.n; i++) {
		size_t held = 0;

		addr_text(&prefixes.v[i], text);
		for (size_t k = 0; k < plain->n; k++)
			held += addr_covers(&prefixes.v[i], &plain->v[k]);
		if (!addr_is_one(&prefixes.v[i]) &&
			learn_say(w, &w->out->notes, "%zu addresses became %s (%s at %s)", held,
				text, sight_dir_name(v->dir), port) < 0)
			return -1;
		if (add_grant(w, v, text) < 0 || say_only(w, v, n, text, &prefixes.v[i]) < 0)
			return -1;
	}
	return 0;
}

/* Addresses that are nothing else. */
static int grant_plain(struct learn_work *w, const struct learn_obs *v, size_t n)
{
	AUTO_ADDRS struct addrs plain = {0};
	char port[SIGHT_PORT_SIZE];
	size_t networks = 0;

	for (size_t i = 0; i < n; i++)
		if (!*v[i].is && addrs_add(&plain, &v[i].peer) < 0)
			return err_nomem(w->e);
	if (learn_networks(&plain, &networks) < 0)
		return err_nomem(w->e);
	if (networks < LEARN_NETWORKS_LEAST)
		return grant_prefixes(w, v, n, &plain);
	sight_port_text(v->protocol, v->port, port);
	if (v->dir == NET_OUT)
		return learn_say(w, &w->out->notes,
			       "egress at %s goes to %zu public networks: if it has to reach any, "
			       "\"preset\": \"internet\" says so",
			       port, networks) < 0
			       ? -1
			       : grant_prefixes(w, v, n, &plain);
	if (learn_say(w, &w->out->notes,
		    "clients of %zu public networks became \"any\" (ingress at %s)", networks,
		    port) < 0 ||
		say_only(w, v, n, "any", NULL) < 0)
		return -1;
	return add_grant(w, v, "any");
}

/* The only flow at this port, high up, with somebody who was met the other way round: the answer to a connection
 * that the kernel no longer remembers. */
static bool is_answer(const struct learn_work *w, const struct learn_obs *v, size_t n)
{
	const struct sight *s = &w->from->v[v->start];

	if (n != 1 || v->port < LEARN_EPHEMERAL ||
		(v->protocol != IPPROTO_TCP && v->protocol != IPPROTO_UDP))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].dir != v->dir && s->v[i].protocol == v->protocol &&
			s->v[i].port != v->port && addr_equal(&s->v[i].peer, &v->peer))
			return true;
	return false;
}

/* The N flows of V are all that was seen at one port in one direction. */
static int grant_port(struct learn_work *w, const struct learn_obs *v, size_t n)
{
	const char *last = "";

	if (is_answer(w, v, n)) {
		w->answers++;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (!*v[i].is || strcmp(v[i].is, last) == 0)
			continue;
		last = v[i].is;
		if (add_grant(w, v, last) < 0 || say_only(w, v, n, last, NULL) < 0)
			return -1;
	}
	return grant_plain(w, v, n);
}

static bool same_port(const struct learn_obs *a, const struct learn_obs *b)
{
	return a->dir == b->dir && a->protocol == b->protocol && a->port == b->port;
}

static int grant_all(struct learn_work *w)
{
	for (size_t i = 0, n; i < w->n_obs; i += n) {
		for (n = 1; i + n < w->n_obs && same_port(&w->obs[i], &w->obs[i + n]); n++)
			;
		if (grant_port(w, &w->obs[i], n) < 0)
			return -1;
	}
	if (w->answers)
		return learn_say(w, &w->out->notes,
			"%zu late answers to ports of clients were left out", w->answers);
	return 0;
}

/* ---- all together ---- */

/* The one segment that all are in; NULL: there is none, or they differ, which is told. */
static int common_segment(struct learn_work *w, const char **out)
{
	const struct sights *l = w->from;

	*out = l->v[0].segments.n ? l->v[0].segments.v[0] : NULL;
	for (size_t i = 0; i < l->n; i++) {
		const struct strv *s = &l->v[i].segments;
		const char *name = s->n ? s->v[0] : NULL;

		if (s->n < 2 && (name == *out || (name && *out && strcmp(name, *out) == 0)))
			continue;
		*out = NULL;
		return learn_say(w, &w->out->findings,
			"the containers are of different segments: \"segment\" is left out");
	}
	return 0;
}

static int common_profile(struct learn_work *w)
{
	const struct sights *l = w->from;

	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->v[i].profile, l->v[0].profile) != 0)
			return learn_say(w, &w->out->findings,
				"the containers run under different profiles: %.64s, %.64s",
				l->v[0].profile, l->v[i].profile);
	w->out->profile = strdup(l->v[0].profile);
	return w->out->profile ? 0 : err_nomem(w->e);
}

static void measure(struct learn_work *w)
{
	struct learned *out = w->out;

	out->shortest = UINT64_MAX;
	for (size_t i = 0; i < w->from->n; i++) {
		uint64_t most = 0;

		if (start_of(w->from, i) != i)
			continue;
		for (size_t k = i; k < w->from->n; k++) {
			const struct sight *s = &w->from->v[k];

			if (start_of(w->from, k) == i && s->until > s->since &&
				s->until - s->since > most)
				most = s->until - s->since;
		}
		out->starts++;
		out->total += most;
		out->shortest = most < out->shortest ? most : out->shortest;
		out->longest = most > out->longest ? most : out->longest;
	}
}

/* What was looked at twice, in a file and now, was seen once. */
static int count_flows(struct learn_work *w)
{
	const struct sights *l = w->from;
	AUTO_FREE struct learn_obs *all = NULL;
	size_t n = 1;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].n;
	all = calloc(n, sizeof *all);
	if (!all)
		return err_nomem(w->e);
	n = 0;
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->v[i].n; k++) {
			const struct sight_flow *f = &l->v[i].v[k];

			all[n++] = (struct learn_obs){
				.dir = f->dir,
				.protocol = f->protocol,
				.port = f->port,
				.is = f->shared ? "shared" : "",
				.peer = f->peer,
				.start = start_of(l, i),
			};
		}
	qsort(all, n, sizeof *all, by_port);
	for (size_t i = 0; i < n; i++)
		w->out->flows += i == 0 || by_port(&all[i - 1], &all[i]) != 0;
	return 0;
}

static int put_network(struct learn_work *w, const char *mode)
{
	struct json_doc *doc = w->out->doc = json_new();
	struct json *o = doc ? json_object(doc) : NULL;
	const char *segment = NULL;

	if (!o)
		return err_nomem(w->e);
	if (common_segment(w, &segment) < 0)
		return -1;
	if (json_put(doc, o, "mode", json_string(doc, mode)) < 0 ||
		json_put(doc, o, "preset", json_string(doc, w->dns ? "isolated" : "none")) < 0 ||
		(segment && json_put(doc, o, "segment", json_string_lossy(doc, segment)) < 0) ||
		json_put(doc, o, "ingress", learn_rules(w, NET_IN)) < 0 ||
		json_put(doc, o, "egress", learn_rules(w, NET_OUT)) < 0 ||
		json_put(doc, o, "metadata", json_string(doc, "deny")) < 0)
		return err_nomem(w->e);
	w->out->network = o;
	return 0;
}

int learn(const struct sights *from, const char *mode, struct learned *out, struct err *e)
{
	struct learned l = {0};
	__attribute__((cleanup(work_done))) struct learn_work w = {.from = from, .out = &l, .e = e};

	if (!from->n)
		return err_set(e, ERR_INPUT, "there is no container to learn from");
	measure(&w);
	if (count_flows(&w) < 0 || collect(&w) < 0 || grant_all(&w) < 0 || learn_parties(&w) < 0 ||
		learn_port_counts(&w) < 0 || common_profile(&w) < 0 || put_network(&w, mode) < 0) {
		learned_done(&l);
		return -1;
	}
	*out = l;
	return 0;
}

/* "2 d 3 h", "17 min", "40 s": two of them at the most */
static void put_span(uint64_t seconds, struct str *out)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (i < 3 && seconds < units[i].unit)
		i++;
	str_addf(out, "%llu %s", (unsigned long long)(seconds / units[i].unit), units[i].name);
	if (i < 3 && seconds % units[i].unit / units[i + 1].unit)
		str_addf(out, " %llu %s",
			(unsigned long long)(seconds % units[i].unit / units[i + 1].unit),
			units[i + 1].name);
}

void learn_coverage(const struct learned *l, const struct sights *from, struct str *out)
{
	enum { NAMED = 3 };
	size_t named = 0;

	str_addf(out, "Learned from %zu start%s (", l->starts, l->starts == 1 ? "" : "s");
	for (size_t i = 0; i < from->n && named < NAMED; i++)
		if (start_of(from, i) == i)
			str_addf(out, "%s%.*s", named++ ? ", " : "", SIGHT_ID(from->v[i].id));
	str_addf(out, "%s), ", l->starts > NAMED ? ", ..." : "");
	put_span(l->total, out);
	if (l->starts > 1) {
		str_add(out, " in all, the shortest ");
		put_span(l->shortest, out);
		str_add(out, ", the longest ");
		put_span(l->longest, out);
	}
	str_addf(out, "; %zu flow%s", l->flows, l->flows == 1 ? "" : "s");
	str_add(out, l->full ? "; A SET WAS FULL: there was more." : "; no set was full.");
}
