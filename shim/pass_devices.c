/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_devices - deny all, then the default set and the profile's.
 *
 * linux.devices are nodes to make; linux.resources.devices are the cgroup's rules, the later one
 * wins. Runtimes append rules for the default devices to whatever the list says (runc 1.1.5
 * does, seen), so a list of nothing but "deny all" is a complete one. An allow rule is kept when one rule
 * of the default set or of the profile covers it; a wider one gives way to those of both that it
 * covers. Those of the default set are said although runtimes append them: runc 1.1 does not for a
 * device that linux.devices names, as a privileged container's does, and then /dev/null cannot be opened.
 */
#include "shim/pass.h"

#include <stdio.h>
#include <string.h>

#include "shim/devset.h"

static const char nodes[] = "/linux/devices";
static const char rules[] = "/linux/resources/devices";

static const int64_t any = -1;
static const char letters[] = "rwm";

/* The number at KEY; MISSING when absent; -2 (fits nothing) when it is none a device has. */
static int64_t number(const struct json *object, const char *key, int64_t missing)
{
	const struct json *v = json_get(object, key);
	int64_t n;

	if (!v)
		return missing;
	return json_i64(v, any, UINT32_MAX, &n) ? n : -2;
}

/* 'c' for "c" and "u" (unbuffered is the same), 'b', 'a' for all or absent; else 0. */
static char type_of(const struct json *v)
{
	const char *type = json_str(json_get(v, "type"));

	if (!type || !*type)
		return 'a';
	if (type[1] != '\0' || !strchr("abcu", *type))
		return 0;
	return *type == 'u' ? 'c' : *type;
}

static void judge_nodes(struct edit *ed, const struct profile *p)
{
	struct json *list = json_at(ed->root, nodes);

	json_each_safe (v, list) {
		const char *path = json_str(json_get(v, "path"));
		char type = type_of(v);
		int64_t major = number(v, "major", 0), minor = number(v, "minor", 0);

		if (!path || type == 0 || major < 0 || minor < 0 ||
			!devset_node_allowed(p, path, type, major, minor))
			edit_remove(ed, v, "device %s is not one the profile allows",
				path ? path : "without a path");
	}
}

/* A bit for each of r, w, m; absent is all of them; 0 when there is another letter. */
static unsigned access_bits(const char *text)
{
	unsigned bits = 0;

	if (!text || !*text)
		return 7;
	for (; *text; text++) {
		const char *at = strchr(letters, *text);

		if (!at)
			return 0;
		bits |= 1u << (at - letters);
	}
	return bits;
}

static void access_text(unsigned bits, char out[4])
{
	for (int i = 0; i < 3; i++)
		if (bits & 1u << i)
			*out++ = letters[i];
	*out = '\0';
}

/* A number of a rule, WIDE (-1: any) covers N. */
static bool covers_number(int64_t wide, int64_t n)
{
	return wide == any || wide == n;
}

static bool covers(const struct device_rule *wide, char type, int64_t major, int64_t minor)
{
	return wide->type == type && covers_number(wide->major, major) &&
	       covers_number(wide->minor, minor);
}

/* What of this device the default set and the profile allow together. */
static unsigned allowed_access(const struct profile *p, char type, int64_t major, int64_t minor)
{
	unsigned bits = 0;

	for (size_t i = 0; i < devset_default_n; i++)
		if (covers(&devset_default[i], type, major, minor))
			bits |= access_bits(devset_default[i].access);
	for (size_t i = 0; i < p->n_devices; i++)
		if (covers(&p->devices[i], type, major, minor))
			bits |= access_bits(p->devices[i].access);
	return bits;
}

static struct json *make_rule(struct edit *ed, const struct device_rule *d, const char *access)
{
	struct json *v = json_object(ed->doc);
	struct json_doc *doc = ed->doc;
	char type[2] = {d->type, '\0'};

	if (json_put(doc, v, "allow", json_bool(doc, true)) < 0 ||
		json_put(doc, v, "type", json_string(doc, type)) < 0 ||
		(d->major >= 0 && json_put(doc, v, "major", json_int(doc, d->major)) < 0) ||
		(d->minor >= 0 && json_put(doc, v, "minor", json_int(doc, d->minor)) < 0) ||
		json_put(doc, v, "access", json_string(doc, access)) < 0)
		return NULL;
	return v;
}

/* Of what RULE allows (TYPE, MAJOR, MINOR, BITS), the part that D allows, too, before RULE. */
static void keep_part(struct edit *ed, const struct device_rule *d, struct json *rule, char type,
	int64_t major, int64_t minor, unsigned bits)
{
	unsigned both = bits & access_bits(d->access);
	char access[4];

	if ((type != 'a' && type != d->type) || (type != 'a' && !covers_number(major, d->major)) ||
		(type != 'a' && !covers_number(minor, d->minor)) || !both)
		return;
	access_text(both, access);
	edit_insert_before(
		ed, rule, make_rule(ed, d, access), "what the profile allows of a wider rule");
}

/* RULE allows more than any one rule may: those of the default set and the profile's that lie in it
 * take its place. */
static void shrink(struct edit *ed, const struct profile *p, struct json *rule, char type,
	int64_t major, int64_t minor, unsigned bits)
{
	for (size_t i = 0; i < devset_default_n; i++)
		keep_part(ed, &devset_default[i], rule, type, major, minor, bits);
	for (size_t i = 0; i < p->n_devices; i++)
		keep_part(ed, &p->devices[i], rule, type, major, minor, bits);
	edit_remove(ed, rule, "allows more devices than the default set and the profile's");
}

static void judge_rule(struct edit *ed, const struct profile *p, struct json *rule)
{
	struct json *v = json_get(rule, "access");
	unsigned bits = access_bits(json_str(v)), good = 0;
	int64_t major = number(rule, "major", any), minor = number(rule, "minor", any);
	char type = type_of(rule), access[4];

	if (!json_is_true(json_get(rule, "allow")))
		return;
	if (type == 'c' || type == 'b')
		good = bits & allowed_access(p, type, major, minor);
	if (good == 0) {
		shrink(ed, p, rule, type, major, minor, bits);
	} else if (good != bits) {
		access_text(good, access);
		edit_put(ed, rule, "access", json_string(ed->doc, access),
			"the profile does not allow more of this device");
	}
}

static bool denies_all(const struct json *rule)
{
	const struct json *allow = json_get(rule, "allow");

	return rule && !json_is_true(allow) && type_of(rule) == 'a' &&
	       number(rule, "major", any) == any && number(rule, "minor", any) == any &&
	       access_bits(json_str(json_get(rule, "access"))) == 7;
}

static struct json *make_deny_all(struct edit *ed)
{
	struct json *v = json_object(ed->doc);

	if (json_put(ed->doc, v, "allow", json_bool(ed->doc, false)) < 0 ||
		json_put(ed->doc, v, "access", json_string(ed->doc, "rwm")) < 0)
		return NULL;
	return v;
}

void pass_devices(struct edit *ed, const struct profile *p, const struct world *w)
{
	static const char why[] = "what is not allowed by a later rule is denied";
	struct json *list = json_at(ed->root, rules);

	judge_nodes(ed, p);
	json_each_safe (v, list)
		judge_rule(ed, p, v);
	/* rootless engines send no rules: the kernel would not take them from a user namespace, and
	 * there the container can open no device its user could not */
	if (!list && w->in_user_ns)
		return;
	if (list && list->first && !denies_all(list->first))
		edit_insert_before(ed, list->first, make_deny_all(ed), "%s", why);
	else if (!list || !list->first)
		edit_push(ed, edit_array(ed, rules, why), make_deny_all(ed), "%s", why);
}
