/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_image - references as engines write them, and what is none.
 */
#include "profiles/image.h"
#include "shim/base/cleanup.h"
#include "tests/tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA "sha256:" HEX
#define TEN(x) x x x x x x x x x x

static const struct {
	const char *reference, *registry, *repository, *tag, *digest, *id;
} good[] = {
	{"busybox", "docker.io", "library/busybox", "latest", NULL, NULL},
	{"busybox:1.36", "docker.io", "library/busybox", "1.36", NULL, NULL},
	{"library/busybox", "docker.io", "library/busybox", "latest", NULL, NULL},
	{"team/app", "docker.io", "team/app", "latest", NULL, NULL},
	{"team/a/b/c:x", "docker.io", "team/a/b/c", "x", NULL, NULL},
	{"docker.io/busybox", "docker.io", "library/busybox", "latest", NULL, NULL},
	{"docker.io/library/busybox:x", "docker.io", "library/busybox", "x", NULL, NULL},
	{"index.docker.io/busybox", "docker.io", "library/busybox", "latest", NULL, NULL},
	{"index.docker.io/team/app", "docker.io", "team/app", "latest", NULL, NULL},
	{"localhost/app", "localhost", "app", "latest", NULL, NULL},
	{"localhost:5000/app", "localhost:5000", "app", "latest", NULL, NULL},
	{"localhost:5000/app:5000", "localhost:5000", "app", "5000", NULL, NULL},
	{"localhost:5000", "docker.io", "library/localhost", "5000", NULL, NULL},
	{"registry.example.com/app", "registry.example.com", "app", "latest", NULL, NULL},
	{"registry.example.com:5000/team/app:v1", "registry.example.com:5000", "team/app", "v1",
		NULL, NULL},
	{"quay.io/podman/hello@" SHA, "quay.io", "podman/hello", NULL, SHA, NULL},
	{"quay.io/podman/hello:v1@" SHA, "quay.io", "podman/hello", "v1", SHA, NULL},
	{"busybox@" SHA, "docker.io", "library/busybox", NULL, SHA, NULL},
	{"busybox@sha512:" HEX HEX, "docker.io", "library/busybox", NULL, "sha512:" HEX HEX, NULL},
	{SHA, NULL, NULL, NULL, NULL, SHA},
	{HEX, NULL, NULL, NULL, NULL, SHA},
	{"10.0.0.1/app", "10.0.0.1", "app", "latest", NULL, NULL},
	{"10.0.0.1:80/app:t", "10.0.0.1:80", "app", "t", NULL, NULL},
	{"[::1]:5000/app", "[::1]:5000", "app", "latest", NULL, NULL},
	{"[2001:DB8::1]/app:x", "[2001:db8::1]", "app", "x", NULL, NULL},
	/* host names are the same in either case, repositories have none */
	{"REGISTRY.Example.com/app", "registry.example.com", "app", "latest", NULL, NULL},
	{"Team/app", "team", "app", "latest", NULL, NULL},
	{"DOCKER.io/busybox", "docker.io", "busybox", "latest", NULL, NULL},
	{"my-registry.a--b.example/x", "my-registry.a--b.example", "x", "latest", NULL, NULL},
	{"a.b/c_d/e__f/g-h/i---j/k.l", "a.b", "c_d/e__f/g-h/i---j/k.l", "latest", NULL, NULL},
	{"app:_x.y-z", "docker.io", "library/app", "_x.y-z", NULL, NULL},
	{"app:V1", "docker.io", "library/app", "V1", NULL, NULL},
	{"k8s.gcr.io/pause:3.9", "k8s.gcr.io", "pause", "3.9", NULL, NULL},
	{"registry.k8s.io/coredns/coredns:v1.11.1", "registry.k8s.io", "coredns/coredns", "v1.11.1",
		NULL, NULL},
	{"xn--bcher-kva.example/app", "xn--bcher-kva.example", "app", "latest", NULL, NULL},
	{"0", "docker.io", "library/0", "latest", NULL, NULL},
	/* one digit more or less than an ID is a name like any other */
	{HEX "0", "docker.io", "library/" HEX "0", "latest", NULL, NULL},
	{"sha256:" HEX "0", "docker.io", "library/sha256", HEX "0", NULL, NULL},
};

static const struct {
	const char *reference, *why;
} bad[] = {
	{"", "0 bytes"},
	{TEN(TEN(TEN("a"))) "a", "1001 bytes"},
	{"a/" TEN(TEN("bbb")), "repository"},
	{"app:" TEN("0123456789abc"), "no tag"},
	{"App", "repository"},
	{"team/App", "repository"},
	{"registry.example.com/App", "repository"},
	{"app:", "no tag"},
	{"app:.x", "no tag"},
	{"app:-x", "no tag"},
	{"app:a b", "no tag"},
	{"app@", "no digest"},
	{"@" SHA, "repository"},
	{"@sha256:", "no digest"},
	{"app@sha256:" HEX "0", "no digest"},
	{"app@sha256:0123", "no digest"},
	{"app@sha256:G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"no digest"},
	{"app@SHA256:" HEX, "no digest"},
	{"app@md5:" HEX, "no digest"},
	{"app@" HEX, "no digest"},
	{"app@" SHA "@" SHA, "no digest"},
	{"app:x:y", "repository"},
	{"/app", "repository"},
	{"app/", "repository"},
	{"a//b", "repository"},
	{"a.b//c", "repository"},
	{"../etc/passwd", "registry"},
	{"a/../b", "repository"},
	{"./a", "registry"},
	{"-a.b/c", "registry"},
	{"a-.b/c", "registry"},
	{"a..b/c", "registry"},
	{"a.b:/c", "registry"},
	{"a.b:x/c", "registry"},
	{"a.b:80x/c", "registry"},
	{"[::1/app", "registry"},
	{"[]/a", "repository"},
	{"[::1]x/a", "registry"},
	{"a___b", "repository"},
	{"a._b", "repository"},
	{"a_", "repository"},
	{"a-", "repository"},
	{".a", "repository"},
	{"_a", "repository"},
	{"a b", "repository"},
	{" app", "repository"},
	{"app\n", "repository"},
	{"app:x\n", "no tag"},
	{"a\x01/b", "\\x01"},
	{"\xc3\xa9/b", "repository"},
	{"https://registry.example.com/app", "registry"},
	{"docker://busybox", "registry"},
	{"user:pw@registry.example.com/app", "no digest"},
	{"app*", "repository"},
	{"**", "repository"},
};

static const struct {
	const char *reference, *glob;
	bool want;
} globs[] = {
	{"registry.example.com/team/app", "registry.example.com/**", true},
	{"registry.example.com/team/app", "registry.example.com/team/*", true},
	{"registry.example.com/team/app", "registry.example.com/*", false},
	{"registry.example.com.evil.org/team/app", "registry.example.com/**", false},
	{"busybox", "docker.io/library/*", true},
	{"busybox:latest", "busybox", false},
	{SHA, "**", false},
};

int main(void)
{
	AUTO_IMAGE struct image full = {.text = NULL};
	char small[17];
	struct err e = {0};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		AUTO_IMAGE struct image im = {.text = NULL};

		e.code = 0;
		if (!ok(image_parse(good[i].reference, &im, &e) == 0, "%s", good[i].reference)) {
			printf("# %s\n", e.msg);
			continue;
		}
		tap_same(im.text, good[i].reference, "text");
		tap_same(im.registry, good[i].registry, "registry");
		tap_same(im.repository, good[i].repository, "repository");
		tap_same(im.tag, good[i].tag, "tag");
		tap_same(im.digest, good[i].digest, "digest");
		tap_same(im.id, good[i].id, "id");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_IMAGE struct image im = {.text = NULL};

		e = (struct err){0};
		ok(image_parse(bad[i].reference, &im, &e) < 0 && e.code == ERR_INPUT &&
				strstr(e.msg, bad[i].why) && !im.text && !im.id && !im.tag,
			"refused (%s): %s", bad[i].why, e.msg);
	}
	for (size_t i = 0; i < sizeof globs / sizeof *globs; i++) {
		AUTO_IMAGE struct image im = {.text = NULL};
		AUTO_STRV struct strv one = {0};

		ok(image_parse(globs[i].reference, &im, &e) == 0 && strv_add(&one, "x") == 0 &&
				strv_add(&one, globs[i].glob) == 0 &&
				image_matches_any(&im, &one) == globs[i].want,
			"%s %s %s", globs[i].reference, globs[i].want ? "is" : "is not",
			globs[i].glob);
	}
	ok(image_parse("a.example/b/c123", &full, &e) == 0 &&
			image_name(&full, small, sizeof small) &&
			!image_name(&full, small, sizeof small - 1) && !image_name(&full, small, 0),
		"a name that just fits, and one that does not");
	ok(image_is_digest(SHA) && !image_is_digest(HEX) && !image_is_digest("sha256:12") &&
			!image_is_digest("sha512:" HEX HEX) && !image_is_digest(SHA "0"),
		"what a digest is");
	return tap_done();
}
