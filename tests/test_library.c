/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_library - what every shipped profile must be, and what each of them promises in its first lines.
 *
 * The profiles are written out whole, so that each can be read alone; what they have in common is
 * compared here, so that it stays in common.
 */
#include <dirent.h>
#include <fcntl.h>

#include "profiles/capset.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/tighten.h"
#include "tests/judge.h"
#include "tests/tap.h"
#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

#define SAMPLES "tests/data/samples"

static int is_config(const struct dirent *d)
{
	return str_ends(d->d_name, ".json") && !str_ends(d->d_name, "-process.json") &&
	       !str_ends(d->d_name, "-resources.json");
}

static char *sample(const struct dirent *d, size_t *len)
{
	AUTO_STR struct str path = STR_INIT;
	char *text = NULL;
	struct err e;

	str_addf(&path, SAMPLES "/%s", d->d_name);
	return io_read_file_at(AT_FDCWD, str_text(&path), 4u << 20, &text, len, NULL, &e) < 0
		       ? NULL
		       : text;
}

/* ---- the texts ---- */

/* Every line that says something has a comment on it, above it, or above the list it is in. */
static void test_comments(const char *name, const char *text)
{
	size_t comments = 0, lines = 0;

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		lines++;
		comments += strncmp(at + strspn(at, " \t"), "//", 2) == 0;
	}
	ok(str_starts(text, "// ") && strncmp(text + 3, name, strlen(name)) == 0,
		"%s: the first line says what it is for", name);
	ok(comments * 5 > lines, "%s: %zu lines of reasons among %zu", name, comments, lines);
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static void test_kinship(const struct profile *p, const struct profile *of)
{
	ok(same_list(&p->mounts.allow, &of->mounts.allow) &&
			same_list(&p->mounts.deny, &of->mounts.deny),
		"%s: mount sources are those of %s", p->name, of->name);
	ok(same_list(&p->hooks, &of->hooks) && same_list(&p->env.deny, &of->env.deny) &&
			same_list(&p->annotations, &of->annotations),
		"%s: hooks, environment, annotations are those of %s", p->name, of->name);
	ok(same_list(&p->paths.masked, &of->paths.masked) &&
			same_list(&p->paths.readonly, &of->paths.readonly),
		"%s: paths are those of %s", p->name, of->name);
	ok(p->user.root == of->user.root && p->user.uid == of->user.uid &&
			p->no_new_privileges == of->no_new_privileges &&
			p->rootfs.readonly == of->rootfs.readonly &&
			p->namespaces.host == of->namespaces.host && p->n_devices == 0 &&
			!p->seccomp.unconfined && p->seccomp.allow.n == 0,
		"%s: user, root filesystem, namespaces, devices are those of %s", p->name,
		of->name);
	ok(!(p->capabilities & ~of->capabilities) &&
			!(p->exec.capabilities & ~of->exec.capabilities),
		"%s: no capability more than %s", p->name, of->name);
}

/* ---- over all samples ---- */

static void test_starts(const struct profile *p, struct dirent **found, int n)
{
	AUTO_FAKE struct world_fake fake;
	int accepted = 0;

	world_fake_init(&fake);
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *text = NULL;
		AUTO_RIG struct rig r;
		size_t len = 0;

		text = sample(found[i], &len);
		fake.world.in_user_ns = str_starts(found[i]->d_name, "podman-rootless");
		rig_run(&r, text ? text : "", len, p, &fake.world);
		accepted += r.accepted;
		if (!ok(r.bad.n == 0, "%s under %s keeps every promise", found[i]->d_name, p->name))
			for (size_t k = 0; k < r.bad.n; k++)
				printf("# %s\n", r.bad.v[k]);
		ok(r.accepted || strstr(r.e.msg, "the host's "),
			"%s starts under %s, or asks for a part of the host: %s", found[i]->d_name,
			p->name, r.e.msg);
	}
	ok(n == 50 && accepted == 45, "%d of %d samples start under %s", accepted, n, p->name);
}

/* Nothing is changed, everything is said. */
static void test_audit(
	const struct profile *p, const struct profile *baseline, struct dirent **found, int n)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	for (int i = 0; i < n; i++) {
		AUTO_STR struct str was = STR_INIT, is = STR_INIT;
		AUTO_FREE char *text = NULL;
		AUTO_RIG struct rig would;
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_REPORT struct report report = {0};
		static const struct json_limits limits = {4u << 20, 64, 100000};
		struct err e = {0};
		size_t len = 0, enforced = 0;

		text = sample(found[i], &len);
		fake.world.in_user_ns = str_starts(found[i]->d_name, "podman-rootless");
		rig_run(&would, text ? text : "", len, baseline, &fake.world);
		if (!ok(text && json_parse(text, len, &limits, JSON_STRICT, &doc, &e) == 0,
			    "%s: %s", found[i]->d_name, e.msg))
			continue;
		json_write(json_root(doc), &was);
		ok(tighten(doc, p, &fake.world, &report, &e) == 0, "%s starts under %s %s",
			found[i]->d_name, p->name, e.msg);
		json_write(json_root(doc), &is);
		tap_same(str_text(&is), str_text(&was), "byte for byte as it was");
		for (size_t k = 0; k < report.n; k++)
			enforced += report.changes[k].enforced;
		ok(report.n > 0 && enforced == 0, "with %zu records, none enforced", report.n);
		/* a pass that sees what the others left undone may say a little more */
		ok(report.n >= would.report.n, "all that baseline says (%zu) is said",
			would.report.n);
	}
}

/* ---- what each promises ---- */

static uint32_t verdict(const struct json *filter, const char *arch, const char *name)
{
	AUTO_PROGRAM struct sysset_program program = {NULL, 0};
	static const uint64_t args[6] = {2, 1, 0, 0, 0, 0}; /* AF_INET, SOCK_STREAM */
	struct err e = {0};

	if (sysset_compile(filter, true, &program, &e) < 0) {
		printf("# %s\n", e.msg);
		return 0;
	}
	return judge(&program, arch, judge_number(arch, name), args);
}

static void test_batch(const struct profile *batch, const struct profile *restricted)
{
	static const char in[] =
		"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
		"\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},"
		"{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]}"
		"}";
	static const uint32_t eperm = 0x00050001, allow = 0x7fff0000;
	AUTO_FAKE struct world_fake fake;
	AUTO_RIG struct rig r, other;
	const struct json *filter;

	world_fake_init(&fake);
	rig_run(&r, in, sizeof in - 1, batch, &fake.world);
	rig_run(&other, in, sizeof in - 1, restricted, &fake.world);
	if (!ok(r.accepted && other.accepted, "a job starts: %s", r.e.msg))
		return;
	filter = json_at(json_root(r.doc), "/linux/seccomp");
#ifdef __x86_64__
	ok(verdict(filter, "SCMP_ARCH_X86_64", "socket") == eperm, "batch: socket is EPERM");
	ok(verdict(filter, "SCMP_ARCH_X86", "socket") == eperm, "and for 32 bits");
	ok(verdict(filter, "SCMP_ARCH_X86", "socketcall") == eperm, "by socketcall, too");
	ok(verdict(filter, "SCMP_ARCH_X86_64", "io_uring_setup") != allow, "no ring makes one");
	ok(verdict(filter, "SCMP_ARCH_X86_64", "socketpair") == allow, "socketpair stays");
	filter = json_at(json_root(other.doc), "/linux/seccomp");
	ok(verdict(filter, "SCMP_ARCH_X86_64", "socket") == allow, "restricted: socket stays");
#else
	(void)filter, (void)verdict, (void)eperm, (void)allow;
#endif
	ok(batch->capabilities == 0, "batch: no capability");
	tap_same(json_str(json_at(json_root(batch->network), "/preset")), "none",
		"batch: no network once rules are enforced");
}

int main(void)
{
	static const char *const wanted[] = {
		"baseline", "batch", "privileged-audit", "restricted", "web", NULL};
	AUTO_PROFILE struct profile *restricted = NULL, *baseline = NULL;
	struct dirent **found = NULL;
	struct err e = {0};
	size_t profiles = 0, len;
	int n = scandir(SAMPLES, &found, is_config, alphasort);

	if (!ok(profile_builtin("restricted", &restricted, &e) == 0 &&
			    profile_builtin("baseline", &baseline, &e) == 0,
		    "the two that others are like: %s", e.msg))
		return tap_done();
	for (size_t i = 0; profile_builtin_name(i); i++) {
		const char *name = profile_builtin_name(i);
		AUTO_PROFILE struct profile *p = NULL;

		if (strchr(name, '/'))
			continue;
		ok(wanted[profiles] && strcmp(name, wanted[profiles]) == 0, "%s is shipped", name);
		profiles++;
		if (!ok(profile_builtin(name, &p, &e) == 0, "%s can be read: %s", name, e.msg))
			continue;
		test_comments(name, profile_builtin_text(name, &len));
		if (p->mode == PROFILE_AUDIT) {
			ok(strcmp(name, "privileged-audit") == 0, "only one that only reports");
			test_kinship(p, baseline);
			test_audit(p, baseline, found, n);
			continue;
		}
		ok(p->mode == PROFILE_ENFORCE && p->audit == 0, "%s enforces", name);
		test_starts(p, found, n);
		if (strcmp(name, "baseline") != 0)
			test_kinship(p, restricted);
		if (strcmp(name, "batch") == 0)
			test_batch(p, restricted);
	}
	ok(!wanted[profiles], "all that should be shipped are");
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	return tap_done();
}
