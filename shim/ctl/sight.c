/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sight - what was seen of one container's network, in memory and as JSON.
 */
#include "shim/ctl/sight.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/clock.h"
#include "shim/base/netword.h"

void sight_done(struct sight *s)
{
	free(s->id);
	free(s->key);
	free(s->name);
	free(s->profile);
	strv_done(&s->segments);
	addrs_done(&s->own);
	addrs_done(&s->hosts);
	addrs_done(&s->resolvers);
	free(s->v);
	*s = (struct sight){0};
}

void sights_done(struct sights *l)
{
	for (size_t i = 0; i < l->n; i++)
		sight_done(&l->v[i]);
	free(l->v);
	*l = (struct sights){0};
}

int sights_add(struct sights *l, struct sight *s, struct err *e)
{
	struct sight *more = reallocarray(l->v, l->n + 1, sizeof *l->v);

	if (!more)
		return err_nomem(e);
	l->v = more;
	l->v[l->n++] = *s;
	*s = (struct sight){0};
	return 0;
}

int sight_id_shown(const char *id)
{
	size_t n = strlen(id);

	return n == 64 && strspn(id, "0123456789abcdef") == n ? 12 : 64;
}

int sight_add(struct sight *s, const struct sight_flow *f, struct err *e)
{
	if (s->n >= SIGHT_FLOWS_MAX)
		return err_set(e, ERR_INPUT, "more than %d flows", SIGHT_FLOWS_MAX);
	if ((s->n & (s->n - 1)) == 0) { /* room for the next power of two */
		struct sight_flow *more = reallocarray(s->v, s->n ? 2 * s->n : 1, sizeof *s->v);

		if (!more)
			return err_nomem(e);
		s->v = more;
	}
	s->v[s->n++] = *f;
	return 0;
}

/* ---- words ---- */

static const char *const directions[] = {[NET_OUT] = "egress", [NET_IN] = "ingress"};

const char *sight_dir_name(enum net_dir d)
{
	return directions[d];
}

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}, {"icmp", IPPROTO_ICMP},
	{"icmp", IPPROTO_ICMPV6}, /* one word for both families, as in a rule */
};
enum { N_PROTOCOLS = sizeof protocols / sizeof *protocols };

static void protocol_text(uint8_t protocol, char out[8])
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == protocol) {
			snprintf(out, 8, "%s", protocols[i].name);
			return;
		}
	snprintf(out, 8, "%u", protocol);
}

void sight_port_text(uint8_t protocol, uint16_t port, char out[SIGHT_PORT_SIZE])
{
	char name[8];

	protocol_text(protocol, name);
	if (port)
		snprintf(out, SIGHT_PORT_SIZE, "%s/%u", name, port);
	else
		snprintf(out, SIGHT_PORT_SIZE, "%s%s", *name <= '9' ? "protocol " : "", name);
}

/* ---- to JSON ---- */

static int put_text(struct json_doc *doc, struct json *o, const char *key, const char *text)
{
	return json_put(doc, o, key, json_string_lossy(doc, text ? text : ""));
}

int sight_put_addrs(struct json_doc *doc, struct json *o, const char *key, const struct addrs *l)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++) {
		char text[ADDR_TEXT_SIZE];

		addr_text(&l->v[i], text);
		if (json_push(list, json_string(doc, text)) < 0)
			return -1;
	}
	return json_put(doc, o, key, list);
}

static int put_time(struct json_doc *doc, struct json *o, const char *key, uint64_t seconds)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text_of((long long)seconds, 0, text);
	return json_put(doc, o, key, json_string(doc, text));
}

static struct json *flow_json(const struct sight_flow *f, struct json_doc *doc)
{
	struct json *o = json_object(doc);
	char peer[ADDR_TEXT_SIZE], protocol[8];

	addr_text(&f->peer, peer);
	protocol_text(f->protocol, protocol);
	if (put_text(doc, o, "direction", sight_dir_name(f->dir)) < 0 ||
		put_text(doc, o, "peer", peer) < 0 ||
		(*f->is && put_text(doc, o, "is", f->is) < 0) ||
		put_text(doc, o, "protocol", protocol) < 0 ||
		(f->port && json_put(doc, o, "port", json_uint(doc, f->port)) < 0) ||
		json_put(doc, o, "packets", json_uint(doc, f->packets)) < 0 ||
		json_put(doc, o, "bytes", json_uint(doc, f->bytes)) < 0 ||
		(f->ago && json_put(doc, o, "agoSeconds", json_uint(doc, f->ago)) < 0) ||
		(f->shared && json_put(doc, o, "shared", json_bool(doc, true)) < 0))
		return NULL;
	return o;
}

static struct json *sight_json(const struct sight *s, struct json_doc *doc)
{
	struct json *o = json_object(doc), *flows = json_array(doc);

	for (size_t i = 0; i < s->n; i++)
		if (json_push(flows, flow_json(&s->v[i], doc)) < 0)
			return NULL;
	if (put_text(doc, o, "id", s->id) < 0 || put_text(doc, o, "key", s->key) < 0 ||
		put_text(doc, o, "name", s->name) < 0 ||
		put_text(doc, o, "profile", s->profile) < 0 ||
		put_text(doc, o, "mode", net_mode_name(s->mode)) < 0 ||
		json_put(doc, o, "segments", json_strings(doc, &s->segments)) < 0 ||
		put_time(doc, o, "since", s->since) < 0 ||
		put_time(doc, o, "until", s->until) < 0 ||
		json_put(doc, o, "seconds",
			json_uint(doc, s->until > s->since ? s->until - s->since : 0)) < 0 ||
		json_put(doc, o, "full", json_bool(doc, s->full)) < 0 ||
		sight_put_addrs(doc, o, "addresses", &s->own) < 0 ||
		sight_put_addrs(doc, o, "host", &s->hosts) < 0 ||
		sight_put_addrs(doc, o, "resolvers", &s->resolvers) < 0 ||
		json_put(doc, o, "flows", flows) < 0)
		return NULL;
	return o;
}

struct json *sights_json(const struct sights *l, struct json_doc *doc)
{
	struct json *o = json_object(doc), *list = json_array(doc);

	for (size_t i = 0; i < l->n; i++)
		if (json_push(list, sight_json(&l->v[i], doc)) < 0)
			return NULL;
	return json_put(doc, o, "containers", list) < 0 ? NULL : o;
}

/* ---- from JSON ---- */

static int wrong(const char *key, struct err *e)
{
	return err_set(
		e, ERR_INPUT, "\"%s\" is missing, or is not what \"net learned\" writes", key);
}

static int get_text(const struct json *o, const char *key, char **out, struct err *e)
{
	const char *text = json_str(json_get(o, key));

	if (!text)
		return wrong(key, e);
	*out = strdup(text);
	return *out ? 0 : err_nomem(e);
}

static int get_addrs(const struct json *o, const char *key, struct addrs *out, struct err *e)
{
	const struct json *list = json_get(o, key);
	struct addr a;

	if (!json_is(list, JSON_ARRAY))
		return wrong(key, e);
	json_each (v, list) {
		if (!json_str(v) || addr_parse(json_str(v), &a, NULL) < 0)
			return wrong(key, e);
		if (addrs_add(out, &a) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int get_segments(const struct json *o, struct strv *out, struct err *e)
{
	const struct json *list = json_get(o, "segments");

	if (!json_is(list, JSON_ARRAY))
		return wrong("segments", e);
	json_each (v, list) {
		if (!json_str(v) || !netword_segment(json_str(v)))
			return wrong("segments", e);
		if (strv_add(out, json_str(v)) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int get_mode(const struct json *o, enum net_mode *out, struct err *e)
{
	const char *text = json_str(json_get(o, "mode"));

	for (int m = NET_ENFORCE; text && m <= NET_OFF; m++)
		if (strcmp(text, net_mode_name((enum net_mode)m)) == 0) {
			*out = (enum net_mode)m;
			return 0;
		}
	return wrong("mode", e);
}

static bool get_protocol(const struct json *o, const struct sight_flow *f, uint8_t *out)
{
	const char *text = json_str(json_get(o, "protocol"));

	for (size_t i = 0; text && i < N_PROTOCOLS; i++) {
		bool six = protocols[i].number == IPPROTO_ICMPV6;

		if (strcmp(text, protocols[i].name) != 0 || (six && f->peer.family == AF_INET) ||
			(protocols[i].number == IPPROTO_ICMP && f->peer.family != AF_INET))
			continue;
		*out = protocols[i].number;
		return true;
	}
	for (unsigned n = 0; text && n <= UINT8_MAX; n++) {
		char number[8];

		snprintf(number, sizeof number, "%u", n);
		if (strcmp(text, number) == 0) {
			*out = (uint8_t)n;
			return true;
		}
	}
	return false;
}

/* What an address can be. */
static bool is_ok(const char *text)
{
	static const char *const words[] = {"", "self", "metadata", "dns", "host", NULL};
	static const char segment[] = "segment:";

	return str_in(words, text) ||
	       (str_starts(text, segment) && netword_segment(text + strlen(segment)));
}

static int get_flow(const struct json *o, struct sight *s, struct err *e)
{
	struct sight_flow f = {.dir = NET_OUT};
	const char *dir = json_str(json_get(o, "direction")), *is = json_str(json_get(o, "is"));
	const char *peer = json_str(json_get(o, "peer"));
	uint64_t port = 0;

	if (!dir || (strcmp(dir, "egress") != 0 && strcmp(dir, "ingress") != 0))
		return wrong("direction", e);
	f.dir = strcmp(dir, "egress") == 0 ? NET_OUT : NET_IN;
	if (!peer || addr_parse(peer, &f.peer, NULL) < 0 || !addr_is_one(&f.peer))
		return wrong("peer", e);
	if (is && !is_ok(is))
		return wrong("is", e);
	snprintf(f.is, sizeof f.is, "%s", is ? is : "");
	if (!get_protocol(o, &f, &f.protocol))
		return wrong("protocol", e);
	if (json_get(o, "port") && !json_u64(json_get(o, "port"), UINT16_MAX, &port))
		return wrong("port", e);
	f.port = (uint16_t)port;
	f.shared = json_is_true(json_get(o, "shared"));
	if (!json_u64(json_get(o, "packets"), UINT64_MAX, &f.packets) ||
		!json_u64(json_get(o, "bytes"), UINT64_MAX, &f.bytes))
		return wrong("packets", e);
	return sight_add(s, &f, e);
}

static int get_container(const struct json *o, struct sights *out, struct err *e)
{
	AUTO_SIGHT struct sight s = {0};
	const struct json *flows = json_get(o, "flows");
	uint64_t seconds = 0;

	if (get_text(o, "id", &s.id, e) < 0 || get_text(o, "key", &s.key, e) < 0 ||
		get_text(o, "name", &s.name, e) < 0 || get_text(o, "profile", &s.profile, e) < 0 ||
		get_mode(o, &s.mode, e) < 0 || get_segments(o, &s.segments, e) < 0 ||
		get_addrs(o, "addresses", &s.own, e) < 0 || get_addrs(o, "host", &s.hosts, e) < 0 ||
		get_addrs(o, "resolvers", &s.resolvers, e) < 0)
		return -1;
	if (!json_u64(json_get(o, "seconds"), UINT32_MAX, &seconds))
		return wrong("seconds", e);
	/* how long is all that counts */
	s.until = seconds;
	s.full = json_is_true(json_get(o, "full"));
	if (!json_is(flows, JSON_ARRAY))
		return wrong("flows", e);
	json_each (f, flows)
		if (get_flow(f, &s, e) < 0)
			return -1;
	return sights_add(out, &s, e);
}

int sights_read(const char *text, size_t len, struct sights *out, struct err *e)
{
	static const struct json_limits limits = {SIGHT_TEXT_MAX, 8, 4 << 20};
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *list;

	if (json_parse(text, len, &limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	list = json_get(json_root(doc), "containers");
	if (!json_is(list, JSON_ARRAY))
		return wrong("containers", e);
	json_each (v, list)
		if (get_container(v, out, e) < 0)
			return -1;
	return 0;
}
