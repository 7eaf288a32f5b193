/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges - what a container may do under one profile and not under another.
 *
 * Calls a filter lets pass are compared in privileges_filter.c, networks in privileges_network.c.
 */
#include "shim/ctl/privileges.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/capset.h"
#include "shim/base/cleanup.h"
#include "shim/ctl/privileges_add.h"

void privileges_done(struct privileges *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].text);
	free(p->v);
	*p = (struct privileges){0};
}

const char *privilege_place(const struct privilege *p)
{
	return p->control == CONTROL_COUNT ? "mode" : control_name(p->control);
}

void privileges_add(struct comparison *c, enum control control, bool grants, const char *fmt, ...)
{
	struct privilege *more, *to;
	va_list ap;
	char *text;
	int n;

	if (c->failed)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	more = n < 0 ? NULL : reallocarray(c->out.v, c->out.n + 1, sizeof *more);
	if (!more) {
		if (n >= 0)
			free(text);
		c->failed = true;
		return;
	}
	c->out.v = more;
	/* by control, what is granted first, else in the order it was found */
	for (to = more + c->out.n; to > more; to--) {
		if (to[-1].control < control ||
			(to[-1].control == control && (to[-1].grants || !grants)))
			break;
		*to = to[-1];
	}
	*to = (struct privilege){.control = control, .text = text, .grants = grants};
	c->out.n++;
}

/* ---- lists of names ---- */

static void only_in(struct comparison *c, enum control control, bool grants, const char *label,
	const struct strv *in, const struct strv *not_in)
{
	AUTO_STR struct str names = STR_INIT;

	for (size_t i = 0; i < in->n; i++)
		if (!strv_has(not_in, in->v[i]))
			str_addf(&names, "%s%s", names.len ? ", " : "", in->v[i]);
	c->failed = c->failed || str_failed(&names);
	if (names.len)
		privileges_add(c, control, grants, "%s%s", label, names.s);
}

/* More names are more rights. */
static void allowed(struct comparison *c, enum control control, const char *label,
	const struct strv *a, const struct strv *b)
{
	only_in(c, control, true, label, b, a);
	only_in(c, control, false, label, a, b);
}

/* The same of lists of which the empty one allows everything, ANY. */
static void open_list(struct comparison *c, enum control control, const char *any,
	const char *label, const struct strv *a, const struct strv *b)
{
	if (!a->n != !b->n)
		privileges_add(c, control, a->n > 0, "%s", any);
	else
		allowed(c, control, label, a, b);
}

/* More names are fewer. */
static void forbidden(struct comparison *c, enum control control, const char *label,
	const struct strv *a, const struct strv *b)
{
	AUTO_STR struct str no_longer = STR_INIT, now = STR_INIT;

	str_addf(&no_longer, "no longer %s", label);
	str_addf(&now, "now %s", label);
	c->failed = c->failed || str_failed(&no_longer) || str_failed(&now);
	only_in(c, control, true, str_text(&no_longer), a, b);
	only_in(c, control, false, str_text(&now), b, a);
}

/* TEXT: what one may do when it is true. */
static void switched(struct comparison *c, enum control control, bool a, bool b, const char *text)
{
	if (a != b)
		privileges_add(c, control, b, "%s", text);
}

/* ---- one after the other ---- */

static void some_caps(
	struct comparison *c, enum control control, bool grants, const char *label, uint64_t bits)
{
	AUTO_STR struct str names = STR_INIT;

	for (int n = 0; n < 64; n++) {
		const char *name = bits >> n & 1 ? capset_name(n) : NULL;

		if (name)
			str_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	c->failed = c->failed || str_failed(&names);
	if (names.len)
		privileges_add(c, control, grants, "%s%s", label, names.s);
}

static void compare_caps(struct comparison *c)
{
	uint64_t a = c->a->capabilities, b = c->b->capabilities;

	some_caps(c, CONTROL_CAPABILITIES, true, "", b & ~a);
	some_caps(c, CONTROL_CAPABILITIES, false, "", a & ~b);
}

static bool same_groups(const struct profile *a, const struct profile *b)
{
	return a->user.n_groups == b->user.n_groups &&
	       (a->user.n_groups == 0 || memcmp(a->user.groups, b->user.groups,
						 a->user.n_groups * sizeof *a->user.groups) == 0);
}

static void compare_user(struct comparison *c)
{
	static const char *const names[] = {
		[ROOT_DENY] = "refused", [ROOT_REMAP] = "remapped", [ROOT_ALLOW] = "allowed"};
	const struct profile *a = c->a, *b = c->b;

	if (a->user.root != b->user.root)
		privileges_add(c, CONTROL_USER, b->user.root > a->user.root, "root is %s (was: %s)",
			names[b->user.root], names[a->user.root]);
	if (b->user.root == ROOT_REMAP &&
		(a->user.uid != b->user.uid || a->user.gid != b->user.gid || !same_groups(a, b)))
		privileges_add(c, CONTROL_USER, true,
			"root becomes %u:%u with %zu groups (was: %u:%u with %zu)", b->user.uid,
			b->user.gid, b->user.n_groups, a->user.uid, a->user.gid, a->user.n_groups);
	switched(c, CONTROL_NO_NEW_PRIVILEGES, !a->no_new_privileges, !b->no_new_privileges,
		"gaining privileges by set-user-id programs");
}

static const struct writable_path *find_writable(const struct profile *p, const char *path)
{
	for (size_t i = 0; i < p->rootfs.n_writable; i++)
		if (strcmp(p->rootfs.writable[i].path, path) == 0)
			return &p->rootfs.writable[i];
	return NULL;
}

static void compare_rootfs(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	switched(c, CONTROL_ROOTFS, !a->rootfs.readonly, !b->rootfs.readonly,
		"writing to the root file system");
	for (size_t i = 0; i < b->rootfs.n_writable; i++) {
		const struct writable_path *to = &b->rootfs.writable[i];
		const struct writable_path *from = find_writable(a, to->path);

		if (!from) {
			privileges_add(c, CONTROL_ROOTFS, true, "writing to %s%s", to->path,
				to->exec ? ", running programs in it" : "");
			continue;
		}
		if (from->exec != to->exec)
			privileges_add(
				c, CONTROL_ROOTFS, to->exec, "running programs in %s", to->path);
		if (from->copy_up != to->copy_up)
			privileges_add(c, CONTROL_ROOTFS, true, "%s begins %s", to->path,
				to->copy_up ? "with what the image has there (was: empty)"
					    : "empty (was: with what the image has there)");
		if (from->size != to->size)
			privileges_add(c, CONTROL_ROOTFS,
				to->size == 0 || (from->size && to->size > from->size),
				"%s holds %llu bytes (was: %llu; 0: no limit)", to->path,
				(unsigned long long)to->size, (unsigned long long)from->size);
	}
	for (size_t i = 0; i < a->rootfs.n_writable; i++)
		if (!find_writable(b, a->rootfs.writable[i].path))
			privileges_add(c, CONTROL_ROOTFS, false, "writing to %s",
				a->rootfs.writable[i].path);
}

static void compare_mounts(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	allowed(c, CONTROL_MOUNTS, "from ", &a->mounts.allow, &b->mounts.allow);
	forbidden(c, CONTROL_MOUNTS, "refused from ", &a->mounts.deny, &b->mounts.deny);
	switched(c, CONTROL_MOUNTS, !a->mounts.nosuid, !b->mounts.nosuid,
		"set-user-id programs in writable mounts");
	switched(c, CONTROL_MOUNTS, !a->mounts.nodev, !b->mounts.nodev,
		"devices in writable mounts");
	switched(c, CONTROL_MOUNTS, !a->mounts.noexec, !b->mounts.noexec,
		"running programs in writable mounts");
}

static void compare_namespaces(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	for (int t = 0; t < NS_COUNT; t++) {
		bool was = a->namespaces.host >> t & 1, is = b->namespaces.host >> t & 1;

		if (was != is)
			privileges_add(c, CONTROL_NAMESPACES, is, "the host's %s namespace",
				ns_name((enum ns_type)t));
		was = a->namespaces.add >> t & 1;
		is = b->namespaces.add >> t & 1;
		if (was != is)
			privileges_add(c, CONTROL_NAMESPACES, is, "a missing %s namespace is %s",
				ns_name((enum ns_type)t), is ? "made" : "refused");
	}
}

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return strcmp(a->path, b->path) == 0 && a->type == b->type && a->major == b->major &&
	       a->minor == b->minor && strcmp(a->access, b->access) == 0;
}

static void some_devices(
	struct comparison *c, bool grants, const struct profile *in, const struct profile *not_in)
{
	for (size_t i = 0; i < in->n_devices; i++) {
		const struct device_rule *d = &in->devices[i];
		bool found = false;

		for (size_t k = 0; k < not_in->n_devices; k++)
			found = found || same_device(d, &not_in->devices[k]);
		if (!found)
			privileges_add(c, CONTROL_DEVICES, grants, "%s (%c %lld:%lld %s)", d->path,
				d->type, (long long)d->major, (long long)d->minor, d->access);
	}
}

/* A and B: ceilings, negative for none. */
static void ceiling(struct comparison *c, const char *what, int64_t a, int64_t b)
{
	char was[32] = "no limit";

	if (a == b || (a < 0 && b < 0))
		return;
	if (a >= 0)
		snprintf(was, sizeof was, "%lld", (long long)a);
	if (b < 0)
		privileges_add(c, CONTROL_RESOURCES, true, "%s without limit (was: %s)", what, was);
	else
		privileges_add(c, CONTROL_RESOURCES, a >= 0 && b > a, "at most %lld %s (was: %s)",
			(long long)b, what, was);
}

static int64_t find_rlimit(const struct profile *p, const char *type)
{
	for (size_t i = 0; i < p->resources.n_rlimits; i++)
		if (strcmp(p->resources.rlimits[i].type, type) == 0)
			return p->resources.rlimits[i].max > INT64_MAX
				       ? -1
				       : (int64_t)p->resources.rlimits[i].max;
	return -1;
}

static void compare_resources(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	ceiling(c, "processes", a->resources.pids, b->resources.pids);
	ceiling(c, "bytes of memory", a->resources.memory, b->resources.memory);
	for (size_t i = 0; i < b->resources.n_rlimits; i++) {
		const char *type = b->resources.rlimits[i].type;

		ceiling(c, type, find_rlimit(a, type), find_rlimit(b, type));
	}
	for (size_t i = 0; i < a->resources.n_rlimits; i++) {
		const char *type = a->resources.rlimits[i].type;
		bool seen = false;

		for (size_t k = 0; k < b->resources.n_rlimits; k++)
			seen = seen || strcmp(b->resources.rlimits[k].type, type) == 0;
		if (!seen)
			ceiling(c, type, find_rlimit(a, type), -1);
	}
}

static void compare_image(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	switched(c, CONTROL_IMAGE, !a->image.digest_required, !b->image.digest_required,
		"images without a digest");
	open_list(c, CONTROL_IMAGE, "images of any registry", "images of ", &a->image.registries,
		&b->image.registries);
	forbidden(c, CONTROL_IMAGE, "refused: ", &a->image.deny, &b->image.deny);
}

static void compare_exec(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	switched(c, CONTROL_EXEC, a->exec.allow, b->exec.allow, "exec into it");
	switched(c, CONTROL_EXEC, a->exec.terminal, b->exec.terminal, "exec with a terminal");
	some_caps(
		c, CONTROL_EXEC, true, "exec with ", b->exec.capabilities & ~a->exec.capabilities);
	some_caps(
		c, CONTROL_EXEC, false, "exec with ", a->exec.capabilities & ~b->exec.capabilities);
	open_list(c, CONTROL_EXEC, "exec of any command", "exec of ", &a->exec.allow_commands,
		&b->exec.allow_commands);
	forbidden(c, CONTROL_EXEC, "refused to exec: ", &a->exec.deny_commands,
		&b->exec.deny_commands);
}

static void compare_flags(struct comparison *c)
{
	const struct profile *a = c->a, *b = c->b;

	for (int f = 0; f < FLAG_COUNT; f++)
		switched(c, CONTROL_FLAGS, a->flags.allow >> f & 1, b->flags.allow >> f & 1,
			profile_flag_name((enum profile_flag)f));
	if (a->flags.preserve_fds != b->flags.preserve_fds)
		privileges_add(c, CONTROL_FLAGS, b->flags.preserve_fds > a->flags.preserve_fds,
			"at most %u descriptors of the caller's (was: %u)", b->flags.preserve_fds,
			a->flags.preserve_fds);
}

static void compare_modes(struct comparison *c)
{
	static const char *const names[] = {[PROFILE_ENFORCE] = "enforced",
		[PROFILE_AUDIT] = "only reported (audit)",
		[PROFILE_LEARN] = "only learned from"};
	const struct profile *a = c->a, *b = c->b;

	if (a->mode != b->mode)
		privileges_add(c, CONTROL_COUNT, b->mode != PROFILE_ENFORCE, "is %s (was: %s)",
			names[b->mode], names[a->mode]);
	for (int i = 0; i < CONTROL_COUNT; i++) {
		bool was = a->audit >> i & 1, is = b->audit >> i & 1;

		if (was != is)
			privileges_add(c, (enum control)i, is, "%s",
				is ? "only reported, not enforced" : "enforced, not only reported");
	}
}

int privileges_diff(
	const struct profile *a, const struct profile *b, struct privileges *out, struct err *e)
{
	struct comparison c = {.a = a, .b = b};

	compare_caps(&c);
	compare_user(&c);
	compare_rootfs(&c);
	compare_mounts(&c);
	compare_namespaces(&c);
	some_devices(&c, true, b, a);
	some_devices(&c, false, a, b);
	privileges_filter(&c);
	forbidden(&c, CONTROL_PATHS, "masked: ", &a->paths.masked, &b->paths.masked);
	forbidden(&c, CONTROL_PATHS, "read-only: ", &a->paths.readonly, &b->paths.readonly);
	allowed(&c, CONTROL_SYSCTL, "", &a->sysctl, &b->sysctl);
	compare_resources(&c);
	allowed(&c, CONTROL_HOOKS, "", &a->hooks, &b->hooks);
	allowed(&c, CONTROL_ANNOTATIONS, "", &a->annotations, &b->annotations);
	forbidden(&c, CONTROL_ENV, "removed: ", &a->env.deny, &b->env.deny);
	if (a->env.secrets != b->env.secrets)
		privileges_add(&c, CONTROL_ENV, b->env.secrets < a->env.secrets,
			"credentials are %s",
			b->env.secrets == SECRETS_IGNORE ? "ignored"
			: b->env.secrets == SECRETS_WARN ? "warned of"
							 : "refused");
	compare_image(&c);
	compare_exec(&c);
	compare_flags(&c);
	privileges_network(&c);
	compare_modes(&c);
	if (c.failed || c.e.code) {
		privileges_done(&c.out);
		if (c.failed)
			return err_nomem(e);
		*e = c.e;
		return -1;
	}
	*out = c.out;
	return 0;
}
