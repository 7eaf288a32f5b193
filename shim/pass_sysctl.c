/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_sysctl - allowed, namespaced keys with clean values.
 *
 * A key of the workload's own namespace that the profile does not list is removed. What would change
 * the host, or tries to smuggle a second setting through a value (CVE-2022-0811), refuses the
 * container: somebody meant it.
 */
#include <linux/capability.h>
#include <string.h>

#include "profiles/sysctl.h"
#include "shim/pass.h"

const char pass_low_ports[] = "net.ipv4.ip_unprivileged_port_start";

enum { VALUE_MAX = 256 };

static bool made_of(const char *text, const char *extra)
{
	for (; *text; text++) {
		bool alnum = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			     (*text >= '0' && *text <= '9');

		if (!alnum && !strchr(extra, *text))
			return false;
	}
	return true;
}

static bool value_clean(const char *value)
{
	return *value && strlen(value) <= VALUE_MAX && made_of(value, " \t.,:_-");
}

/* The container has a namespace of this type that is not the host's. */
static bool has_own(struct edit *ed, const struct world *w, enum ns_type type)
{
	json_each (v, json_at(ed->root, "/linux/namespaces")) {
		const char *name = json_str(json_get(v, "type"));
		const char *path = json_str(json_get(v, "path"));
		enum world_ns is = WORLD_NS_BAD;
		struct err e = {0};

		if (!name || strcmp(name, ns_name(type)) != 0)
			continue;
		if (!path || !*path)
			return true;
		return w->ns_path(w->arg, type, path, &is, &e) == 0 && is == WORLD_NS_OTHER;
	}
	return false;
}

static bool granted(const struct profile *p, const char *key)
{
	return strv_glob(&p->sysctl, key) ||
	       (strcmp(key, pass_low_ports) == 0 && p->capabilities >> CAP_NET_BIND_SERVICE & 1);
}

static void judge(struct edit *ed, const struct profile *p, const struct world *w, struct json *v)
{
	enum ns_type ns;

	if (!sysctl_key_ok(v->key)) {
		edit_deny(ed, v,
			"a sysctl is letters, digits, _ and - with dots between, as in "
			"net.ipv4.ip_forward");
		return;
	}
	if (!sysctl_namespace(v->key, &ns))
		edit_deny(ed, v,
			"the sysctl %s is the host's; set it on the node, not in a container",
			v->key);
	else if (!has_own(ed, w, ns))
		edit_deny(ed, v,
			"the sysctl %s would change the host: the container has no %s namespace of "
			"its own",
			v->key, ns_name(ns));
	else if (!value_clean(json_str(v)))
		edit_deny(ed, v,
			"the value of the sysctl %s has characters a setting does not need "
			"(CVE-2022-0811)",
			v->key);
	else if (!granted(p, v->key))
		edit_remove(ed, v,
			"not among the profile's; to grant it, add %s to sysctl of the profile",
			v->key);
}

void pass_sysctl(struct edit *ed, const struct profile *p, const struct world *w)
{
	json_each_safe (v, json_at(ed->root, "/linux/sysctl"))
		judge(ed, p, w, v);
}
