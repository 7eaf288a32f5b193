/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr - addresses of both families, prefixes of them, lists of either.
 */
#include "shim/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/num.h"

size_t addr_size(const struct addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

bool addr_is_one(const struct addr *a)
{
	return a->prefix == 8 * addr_size(a);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       memcmp(a->bytes, b->bytes, addr_size(a)) == 0;
}

/* Clears all bits of the address behind PREFIX; true when one was set. */
static bool cut(uint8_t *bytes, size_t size, unsigned prefix)
{
	bool any = false;

	for (size_t i = 0; i < size; i++) {
		unsigned keep = prefix > 8 * i ? prefix - 8 * (unsigned)i : 0;
		unsigned mask = keep >= 8 ? 0xffu : (0xff00u >> keep) & 0xffu;

		any = any || (bytes[i] & ~mask);
		bytes[i] = (uint8_t)(bytes[i] & mask);
	}
	return any;
}

bool addr_covers(const struct addr *a, const struct addr *b)
{
	struct addr c = *b;

	if (a->family != b->family || a->prefix > b->prefix)
		return false;
	cut(c.bytes, addr_size(&c), a->prefix);
	return memcmp(a->bytes, c.bytes, addr_size(a)) == 0;
}

/* The address in TEXT without its prefix; *SLASH is where that begins, or NULL. */
static bool read_one(const char *text, struct addr *a, const char **slash)
{
	char one[INET6_ADDRSTRLEN + 1];
	size_t n = strcspn(text, "/");

	*slash = text[n] ? text + n : NULL;
	a->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (n >= sizeof one)
		return false;
	memcpy(one, text, n);
	one[n] = '\0';
	return inet_pton(a->family, one, a->bytes) == 1;
}

bool addr_is(const char *text)
{
	struct addr a = {0};
	const char *slash;

	return read_one(text, &a, &slash);
}

int addr_parse(const char *text, struct addr *out, struct err *e)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct addr a = {0};
	const char *slash;
	uint64_t prefix;
	char plain[INET6_ADDRSTRLEN] = "";

	if (!read_one(text, &a, &slash))
		return err_set(e, ERR_INPUT,
			"\"%.64s\": expected an address such as \"10.0.0.0/8\" or \"fd00::/8\"",
			text);
	prefix = 8 * addr_size(&a);
	if (slash && !num_u64(slash + 1, prefix, &prefix))
		return err_set(e, ERR_INPUT, "\"%.64s\": the prefix is a number from 0 to %d", text,
			(int)prefix);
	if (cut(a.bytes, addr_size(&a), (unsigned)prefix)) {
		inet_ntop(a.family, a.bytes, plain, sizeof plain);
		return err_set(e, ERR_INPUT,
			"\"%.64s\" has bits behind its prefix, did you mean \"%s/%u\"?", text,
			plain, (unsigned)prefix);
	}
	if (a.family == AF_INET6 && prefix >= 96 && memcmp(a.bytes, mapped, sizeof mapped) == 0)
		return err_set(e, ERR_INPUT, "\"%.64s\": write it as an IPv4 address", text);
	a.prefix = (uint8_t)prefix;
	*out = a;
	return 0;
}

void addr_text(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(a->family, a->bytes, text, sizeof text);
	if (addr_is_one(a))
		snprintf(out, ADDR_TEXT_SIZE, "%s", text);
	else
		snprintf(out, ADDR_TEXT_SIZE, "%s/%u", text, a->prefix);
}

int addrs_add(struct addrs *l, const struct addr *a)
{
	return addrs_has(l, a) ? 0 : addrs_push(l, a);
}

int addrs_push(struct addrs *l, const struct addr *a)
{
	struct addr *v;

	if ((l->n & (l->n - 1)) == 0) { /* room for the next power of two */
		v = reallocarray(l->v, l->n ? 2 * l->n : 1, sizeof *v);
		if (!v)
			return -1;
		l->v = v;
	}
	l->v[l->n++] = *a;
	return 0;
}

bool addrs_has(const struct addrs *l, const struct addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_equal(&l->v[i], a))
			return true;
	return false;
}

bool addrs_cover(const struct addrs *l, const struct addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_covers(&l->v[i], a))
			return true;
	return false;
}

void addrs_done(struct addrs *l)
{
	free(l->v);
	*l = (struct addrs){NULL, 0};
}
