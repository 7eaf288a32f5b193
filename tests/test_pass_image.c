/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_image - approved registries, required digests, denied images; engines that tell nothing.
 */
#include "tests/pass_rig.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char *globs[] = {(char *)"registry.example.com/team/**", (char *)"docker.io/library/*"};
static char *bad[] = {(char *)A};
static const struct profile none = {.name = "none"};
#define X32 "0123456789abcdef0123456789abcdef"

static const struct profile from = {.name = "from", .image = {.registries = {globs, 2}}};
static const struct profile digest = {.name = "digest", .image = {.digest_required = true}};
static const struct profile deny = {.name = "deny", .image = {.deny = {bad, 1}}};
static const struct profile all = {.name = "all",
	.image = {.registries = {globs, 2}, .digest_required = true, .deny = {bad, 1}}};

static const struct denied_image cve = {
	(char *)A, (char *)"remote code execution", (char *)"CVE-2026-1, CVE-2026-2"};
static const struct denied_image bare = {(char *)A, (char *)"", (char *)""};

static const struct {
	const char *what;
	const struct profile *profile;
	const char *image, *id; /* what the engine tells */
	bool exempt;
	const struct denied_image *denied; /* on this node */
	const char *deny, *note;
} rows[] = {
	{"nothing told, nothing asked", &none, NULL, NULL, false, NULL, NULL, NULL},
	{"told, nothing asked", &none, "evil.example.com/x", B, false, NULL, NULL, NULL},
	{"a repository below a glob", &from, "registry.example.com/team/a/b:1", NULL, false, NULL,
		NULL, NULL},
	{"a short name is docker.io's", &from, "busybox", NULL, false, NULL, NULL, NULL},
	{"another registry", &from, "evil.example.com/team/a:1", NULL, false, NULL,
		"evil.example.com/team/a:1 is not from an approved registry; use one that matches "
		"registry.example.com/team/**, docker.io/library/*",
		NULL},
	{"another repository", &from, "registry.example.com/teams/a", NULL, false, NULL, "approved",
		NULL},
	{"a registry's name inside another's", &from, "evil.com/registry.example.com/team/a", NULL,
		false, NULL, "approved", NULL},
	{"a port is part of the name", &from, "registry.example.com:443/team/a", NULL, false, NULL,
		"approved", NULL},
	{"a user of docker.io", &from, "someone/busybox", NULL, false, NULL, "approved", NULL},
	{"an image by its ID only", &from, NULL, A, false, NULL, "named by its ID", NULL},
	{"the engine tells nothing", &from, NULL, NULL, false, NULL, "does not tell which image",
		NULL},
	{"a sandbox whose image is not told", &all, NULL, NULL, true, NULL, NULL,
		"the node chose it"},
	{"a sandbox nobody asks about", &none, NULL, NULL, true, NULL, NULL, NULL},
	{"a sandbox whose image is told is judged", &from, "evil.example.com/pause", NULL, true,
		NULL, "approved", NULL},
	{"by tag", &digest, "busybox:1", NULL, false, NULL,
		"moved to another image; name it by digest: docker.io/library/busybox@sha256:...",
		NULL},
	{"by tag, though the ID is known", &digest, "busybox:1", B, false, NULL, "tag", NULL},
	{"by digest", &digest, "busybox@" B, NULL, false, NULL, NULL, NULL},
	{"by tag and digest", &digest, "busybox:1@" B, NULL, false, NULL, NULL, NULL},
	{"by a digest no list has", &digest, "busybox@sha512:" X32 X32 X32 X32, B, false, NULL,
		"no list of denied images can have; name it by that of SHA-256: docker.io/", NULL},
	{"by ID", &digest, NULL, B, false, NULL, "named by its ID", NULL},
	{"no digest when nothing is told", &digest, NULL, NULL, false, NULL, "does not tell", NULL},
	{"a denied digest", &deny, "busybox@" A, NULL, false, NULL, "denied by image.deny", NULL},
	{"a denied ID", &deny, "busybox:1", A, false, NULL, "denied by image.deny", NULL},
	{"another one", &deny, "busybox@" B, B, false, NULL, NULL, NULL},
	{"only a tag to compare", &deny, "busybox:1", NULL, false, NULL, NULL,
		"cannot be compared with image.deny"},
	{"nothing to compare", &deny, NULL, NULL, false, NULL, "does not tell", NULL},
	{"denied on the node", &none, "busybox@" A, NULL, false, &cve,
		"is denied on this node: remote code execution (CVE-2026-1, CVE-2026-2); use a "
		"later",
		NULL},
	{"denied without a reason", &none, "busybox@" A, NULL, false, &bare,
		"is denied on this node; use a later", NULL},
	{"all of it", &all, "registry.example.com/team/a@" B, NULL, false, NULL, NULL, NULL},
};

/* Every reason at once. */
static void test_all(const struct world_fake *fake)
{
	AUTO_IMAGE struct image image = {.text = NULL};
	AUTO_REPORT struct report report = {0};
	AUTO_JSON struct json_doc *doc = json_new();
	struct world w = fake->world;
	struct err e = {0};
	struct edit ed = {.doc = doc,
		.root = json_object(doc),
		.report = &report,
		.profile = "all",
		.control = CONTROL_IMAGE,
		.enforced = true};

	ok(image_parse("evil.example.com/x:1", &image, &e) == 0, "an image");
	image.id = strdup(A);
	w.image = &image;
	w.image_denied = &cve;
	pass_image(&ed, &all, &w);
	ok(report_denials(&report) == 4, "%zu reasons of 4", report_denials(&report));
}

int main(void)
{
	AUTO_FAKE struct world_fake fake;

	world_fake_init(&fake);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct pass_row row = {.what = rows[i].what,
			.profile = rows[i].profile,
			.in = "{\"root\":{\"path\":\"rootfs\"}}",
			.deny = rows[i].deny,
			.note = rows[i].note};
		AUTO_IMAGE struct image image = {.text = NULL};
		struct world w = fake.world;
		struct err e = {0};

		if (rows[i].image && image_parse(rows[i].image, &image, &e) < 0)
			ok(false, "the row itself: %s", e.msg);
		if (rows[i].id)
			image.id = strdup(rows[i].id);
		w.image = &image;
		w.image_exempt = rows[i].exempt;
		w.image_denied = rows[i].denied;
		pass_rig(pass_image, &row, 1, &w);
	}
	test_all(&fake);
	return tap_done();
}
