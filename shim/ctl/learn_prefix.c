/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_prefix - many addresses as few prefixes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netseg/ruleset.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/learn.h"

/* ---- kinds of addresses ---- */

static bool is_of(const struct addr *a, const char *const *prefixes)
{
	struct addr p;

	for (; *prefixes; prefixes++)
		if (addr_parse(*prefixes, &p, NULL) == 0 && addr_covers(&p, a))
			return true;
	return false;
}

/* Addresses of several nodes' own: what is near in number is not near in meaning. */
static bool is_special(const struct addr *a)
{
	static const char *const special[] = {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",
		"224.0.0.0/3", "::1", "fe80::/10", "ff00::/8", NULL};

	return is_of(a, special);
}

static bool is_private(const struct addr *a)
{
	static const char *const private[] = {
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", NULL};

	return is_of(a, private);
}

bool learn_metadata(const struct addr *a)
{
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	struct addr four = {.family = AF_INET, .prefix = 32};

	if (a->family != AF_INET6 || memcmp(a->bytes, nat64, sizeof nat64) != 0)
		return is_of(a, net_metadata_services);
	memcpy(four.bytes, a->bytes + sizeof nat64, 4);
	return is_of(&four, net_metadata_services);
}

/* ---- prefixes ---- */

static struct addr cut(const struct addr *a, unsigned prefix)
{
	struct addr p = {.family = a->family, .prefix = (uint8_t)prefix};

	memcpy(p.bytes, a->bytes, prefix / 8);
	if (prefix % 8)
		p.bytes[prefix / 8] = (uint8_t)(a->bytes[prefix / 8] & (0xff00 >> (prefix % 8)));
	return p;
}

static int order(const void *a, const void *b)
{
	const struct addr *x = a, *y = b;

	return memcmp(x->bytes, y->bytes, sizeof x->bytes);
}

/* How many different prefixes of that length; V is sorted. */
static size_t distinct(const struct addr *v, size_t n, unsigned prefix)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		struct addr p = cut(&v[i], prefix);

		found += i == 0 || !addr_covers(&p, &v[i - 1]);
	}
	return found;
}

static bool holds_any(const struct addr *prefix, const struct addrs *avoid)
{
	for (size_t i = 0; i < avoid->n; i++)
		if (addr_covers(prefix, &avoid->v[i]) || addr_covers(&avoid->v[i], prefix))
			return true;
	return false;
}

struct job {
	unsigned narrow, wide; /* lengths of prefixes: 24 and 16, 64 and 48 */
	const struct addrs *avoid;
	struct addrs *out;
};

static bool fits(const struct job *j, const struct addr *v, size_t n, unsigned prefix)
{
	struct addr p = cut(&v[0], prefix);

	if (holds_any(&p, j->avoid))
		return false;
	if (prefix >= j->narrow)
		return n >= LEARN_PREFIX_LEAST;
	return prefix == j->wide && n >= LEARN_WIDE_LEAST && is_private(&p) &&
	       distinct(v, n, j->narrow) >= LEARN_PREFIX_LEAST;
}

static int put_each(const struct addr *v, size_t n, struct addrs *out)
{
	for (size_t i = 0; i < n; i++)
		if (addrs_add(out, &v[i]) < 0)
			return -1;
	return 0;
}

/* V, sorted, all of one prefix of that length. No deeper than an address has bits. */
static int cover(const struct job *j, const struct addr *v, size_t n, unsigned prefix)
{
	size_t half = 0;
	struct addr p;

	if (n < LEARN_PREFIX_LEAST || prefix == 8 * addr_size(&v[0]))
		return put_each(v, n, j->out);
	if (fits(j, v, n, prefix)) {
		p = cut(&v[0], prefix);
		return addrs_add(j->out, &p);
	}
	p = cut(&v[0], prefix + 1);
	while (half < n && addr_covers(&p, &v[half]))
		half++;
	if (half && cover(j, v, half, prefix + 1) < 0)
		return -1;
	return half < n ? cover(j, v + half, n - half, prefix + 1) : 0;
}

int learn_prefixes(const struct addrs *in, const struct addrs *avoid, struct addrs *out)
{
	static const struct {
		uint8_t family;
		unsigned narrow, wide;
	} families[] = {{AF_INET, 24, 16}, {AF_INET6, 64, 48}};

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		struct job j = {families[f].narrow, families[f].wide, avoid, out};
		AUTO_FREE struct addr *v = calloc(in->n + 1, sizeof *v);
		size_t n = 0;

		if (!v)
			return -1;
		for (size_t i = 0; i < in->n; i++) {
			const struct addr *a = &in->v[i];

			if (a->family != families[f].family)
				continue;
			if (!is_special(a) && addr_is_one(a))
				v[n++] = *a;
			else if (addrs_add(out, a) < 0)
				return -1;
		}
		qsort(v, n, sizeof *v, order);
		if (cover(&j, v, n, 0) < 0)
			return -1;
	}
	return 0;
}

int learn_networks(const struct addrs *l, size_t *n)
{
	AUTO_ADDRS struct addrs networks = {0};

	for (size_t i = 0; i < l->n; i++) {
		struct addr p;

		if (is_special(&l->v[i]) || is_private(&l->v[i]))
			continue;
		p = cut(&l->v[i], l->v[i].family == AF_INET ? 16 : 32);
		if (addrs_add(&networks, &p) < 0)
			return -1;
	}
	*n = networks.n;
	return 0;
}
