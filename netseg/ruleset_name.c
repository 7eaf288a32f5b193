/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_name - names of what a table has.
 */
#include "netseg/ruleset_name.h"

#include <stdio.h>
#include <sys/socket.h>

static char digit(int family)
{
	return family == AF_INET ? '4' : '6';
}

const char *name_side(enum net_dir dir)
{
	return dir == NET_OUT ? "out" : "in";
}

struct net_name name_numbered(const char *key, const char *what, size_t n)
{
	struct net_name out;

	if (n > 1)
		snprintf(out.s, sizeof out.s, "%s_%s_%zu", key, what, n);
	else
		snprintf(out.s, sizeof out.s, "%s_%s", key, what);
	return out;
}

struct net_name name_flows(const char *key, const char *what, enum net_dir dir, int family)
{
	struct net_name out;

	snprintf(out.s, sizeof out.s, "%s_%s_%s%c", key, what, name_side(dir), digit(family));
	return out;
}

struct net_name name_counter(const char *key, enum net_dir dir, const char *what)
{
	struct net_name out;

	snprintf(out.s, sizeof out.s, "%s_%s_%s", key, name_side(dir), what);
	return out;
}

struct net_name name_set(const char *key, const char *what, int family)
{
	struct net_name out;

	snprintf(out.s, sizeof out.s, "%s_%s_%c", key, what, digit(family));
	return out;
}

struct net_name name_rule_set(
	const char *key, size_t n, enum net_dir dir, size_t number, int family)
{
	char what[48];

	snprintf(what, sizeof what, "%c%zu_%c", dir == NET_OUT ? 'o' : 'i', number, digit(family));
	return name_numbered(key, what, n);
}
