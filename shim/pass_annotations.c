/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_annotations - keys that steer the runtime removed.
 *
 * To an engine annotations are labels, and a workload's owner may often choose them. To a runtime
 * some are orders: set properties of a systemd unit (CVE-2024-3154), read a CRIU configuration,
 * replace the seccomp filter, write a file of the host. Labels stay, io.cinch.profile too.
 */
#include "shim/pass.h"

#include <string.h>

/* Lower case. runc: the first three, as its features call them potentially unsafe. crun: the rest. */
static const char *const steering[] = {
	"bundle", "org.systemd.property.**", "org.criu.**", "org.opencontainers.runc.**",
	"run.oci.**", "io.crun.**", "krun.**",
	"module.wasm.image/**", /* chooses another handler than the kernel */
};

static bool steers(const char *key)
{
	char lower[256];
	size_t len = strlen(key);

	/* the patterns are prefixes: what is cut off does not matter */
	if (len >= sizeof lower)
		len = sizeof lower - 1;
	for (size_t i = 0; i < len; i++)
		lower[i] = key[i] >= 'A' && key[i] <= 'Z' ? (char)(key[i] - 'A' + 'a') : key[i];
	lower[len] = '\0';
	for (size_t i = 0; i < sizeof steering / sizeof *steering; i++) {
		if (str_glob(steering[i], lower))
			return true;
	}
	return false;
}

void pass_annotations(struct edit *ed, const struct profile *p, const struct world *w)
{
	(void)w;
	json_each_safe (v, json_get(ed->root, "annotations")) {
		if (steers(v->key) && !strv_glob(&p->annotations, v->key))
			edit_remove(ed, v,
				"this key steers the runtime; to grant it, add it to "
				"annotations.allow of the profile");
	}
}
