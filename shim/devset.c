/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devset - the devices every container has.
 */
#include "shim/devset.h"

#include <string.h>

const struct device_rule devset_default[] = {
	{"/dev/null", 'c', 1, 3, "rwm"},
	{"/dev/zero", 'c', 1, 5, "rwm"},
	{"/dev/full", 'c', 1, 7, "rwm"},
	{"/dev/random", 'c', 1, 8, "rwm"},
	{"/dev/urandom", 'c', 1, 9, "rwm"},
	{"/dev/tty", 'c', 5, 0, "rwm"},
	{"/dev/console", 'c', 5, 1, "rwm"},
	{"/dev/ptmx", 'c', 5, 2, "rwm"},
	{NULL, 'c', 136, -1, "rwm"},
};
const size_t devset_default_n = sizeof devset_default / sizeof devset_default[0];

static bool is_node(
	const struct device_rule *d, const char *path, char type, int64_t major, int64_t minor)
{
	if (!d->path || strcmp(d->path, path) != 0)
		return false;
	if (type == 0)
		return true;
	return d->type == type && (d->major < 0 || d->major == major) &&
	       (d->minor < 0 || d->minor == minor);
}

bool devset_node_allowed(
	const struct profile *p, const char *path, char type, int64_t major, int64_t minor)
{
	/* the runtime puts the container's own terminal there; the node is the host's console */
	for (size_t i = 0; i < devset_default_n && strcmp(path, "/dev/console") != 0; i++)
		if (is_node(&devset_default[i], path, type, major, minor))
			return true;
	for (size_t i = 0; i < p->n_devices; i++)
		if (is_node(&p->devices[i], path, type, major, minor))
			return true;
	return false;
}
