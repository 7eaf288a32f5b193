/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_engine - who launches a container, from bundles and stores laid out as the engines lay them out:
 * every recorded document, what users may write to be taken for somebody else, and damaged stores.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/engine.h"
#include "shim/spec.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define SAMPLES "tests/data/samples"
#define HEX "4f2a9c0000000000000000000000000000000000000000000000000000000001"
#define OTHER "b000000000000000000000000000000000000000000000000000000000000002"
#define TASK "run/containerd/io.containerd.runtime.v2.task/"
#define PODMAN "var/lib/containers/storage/overlay-containers"
#define CRIO "run/containers/storage/overlay-containers"
#define MERGED "var/lib/containers/storage/overlay/aa/merged"
#define DOCKER_ROOT "var/lib/docker/overlay2/aa/merged"

static void make_dirs(const char *name)
{
	AUTO_FREE char *path = strdup(name);

	for (char *p = path; p && (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(scratch_path(path), 0755);
		*p = '/';
	}
	(void)mkdir(scratch_path(path), 0755);
}

static void put(const char *name, const char *text)
{
	AUTO_FREE char *dir = strdup(name);

	*strrchr(dir, '/') = '\0';
	make_dirs(dir);
	chmod(scratch_write(name, text), 0600);
}

/* "KIND ns/pod/container uid [sandbox] image REGISTRY/REPOSITORY:TAG@DIGEST id ID", without what is not
 * told. */
static void describe(const struct engine *g, struct str *out)
{
	const struct {
		const char *mark, *text;
	} parts[] = {{" ns=", g->namespace}, {" pod=", g->pod}, {" ctr=", g->container},
		{" uid=", g->pod_uid}, {g->sandbox ? " sandbox" : "", ""}, {" ", g->image.registry},
		{"/", g->image.repository}, {":", g->image.tag}, {"@", g->image.digest},
		{" id=", g->image.id}};

	str_add(out, engine_name(g->kind));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].text)
			str_addf(out, "%s%s", parts[i].mark, parts[i].text);
}

static char *seen_doc(const char *bundle, const char *id, const struct json_doc *doc)
{
	AUTO_ENGINE struct engine g = {.kind = ENGINE_UNKNOWN};
	AUTO_STR struct str out = STR_INIT;
	struct err e = {0};
	const struct engine_call call = {.bundle = bundle, .id = id, .doc = doc};

	if (engine_read(&call, &g, &e) < 0)
		str_addf(&out, "error: %s", e.msg);
	else
		describe(&g, &out);
	return str_take(&out);
}

/* One case: BUNDLE and ROOT (root.path) are below the scratch directory, ANNOTATIONS is JSON or NULL. */
static void is(const char *bundle, const char *id, const char *root, const char *annotations,
	const char *want, const char *what)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *got = NULL;
	struct err e = {0};

	make_dirs(bundle);
	str_addf(&text, "{\"root\":{\"path\":\"%s%s%s\"},\"annotations\":%s}",
		root ? scratch_dir() : "", root ? "/" : "rootfs", root ? root : "",
		annotations ? annotations : "null");
	if (json_parse(text.s, text.len, &spec_limits, 0, &doc, &e) < 0) {
		ok(false, "%s: the case itself: %s", what, e.msg);
		return;
	}
	got = seen_doc(scratch_path(bundle), id, doc);
	tap_same(got, want, what);
}

/* ---- the recorded documents ---- */

static void put_docker(const char *root, const char *id, const char *name, const char *image)
{
	char path[512], text[1024];

	snprintf(path, sizeof path, "%s/containers/%s/config.v2.json", root, id);
	snprintf(text, sizeof text,
		"{\"StreamConfig\":{},\"ID\":\"%s\",\"Config\":{\"Hostname\":\"x\",\"Image\":\"%"
		"s\"},"
		"\"Image\":\"sha256:" HEX "\",\"Name\":\"/%s\"}",
		id, image, name);
	put(path, text);
}

static void put_podman(const char *dir, const char *id, const char *name, const char *image)
{
	char path[512], text[2048];

	snprintf(path, sizeof path, "%s/containers.json", dir);
	snprintf(text, sizeof text,
		"[{\"id\":\"" OTHER "\",\"names\":[\"{\\\"id\\\":\\\"%s\\\"\"],\"metadata\":\"\"},"
		"{\"id\":\"%s\",\"names\":[\"%s\"],\"image\":\"" HEX "\",\"layer\":\"x\","
		"\"metadata\":\"{\\\"image-name\\\":\\\"%s\\\",\\\"name\\\":\\\"%s\\\"}\","
		"\"flags\":{\"a\":{\"b\":\"}\"}}}]\n",
		id, id, name, image, name);
	put(path, text);
}

static const char *last_part(const char *path)
{
	return path && strrchr(path, '/') ? strrchr(path, '/') + 1 : "none";
}

/* root.path of an engine with a store of its own, moved below the scratch directory. */
static void move_root(struct json_doc *doc)
{
	struct json *path = json_at(json_root(doc), "/root/path");
	AUTO_STR struct str moved = STR_INIT;

	str_addf(&moved, "%s%s", scratch_dir(), json_str(path));
	json_replace(path, json_string(doc, str_text(&moved)));
}

static void cri_want(const struct json_doc *doc, struct str *want)
{
	const struct json *a = json_get(json_root(doc), "annotations");
	const char *ns = json_str(json_get(a, "io.kubernetes.cri.sandbox-namespace"));
	const char *pod = json_str(json_get(a, "io.kubernetes.cri.sandbox-name"));
	const char *name = json_str(json_get(a, "io.kubernetes.cri.container-name"));
	const char *uid = json_str(json_get(a, "io.kubernetes.cri.sandbox-uid"));
	const char *image = json_str(json_get(a, "io.kubernetes.cri.image-name"));

	str_addf(want, "cri ns=%s pod=%s", ns, pod);
	if (name)
		str_addf(want, " ctr=%s", name);
	str_addf(want, " uid=%s", uid);
	str_addf(want, " %s", image ? image : "sandbox");
}

static void one_sample(const char *name, struct json_doc *doc)
{
	const char *id = last_part(json_str(json_at(json_root(doc), "/linux/cgroupsPath")));
	char bundle[512];
	AUTO_STR struct str want = STR_INIT;
	AUTO_FREE char *got = NULL;

	if (str_starts(id, "libpod-"))
		id += strlen("libpod-");
	if (str_starts(name, "ctr-")) {
		snprintf(bundle, sizeof bundle, TASK "default/%s", id);
		str_add(&want, "containerd ns=default");
	} else if (str_starts(name, "cri-")) {
		snprintf(bundle, sizeof bundle, TASK "k8s.io/%s", id);
		cri_want(doc, &want);
	} else if (strcmp(name, "docker-buildkit.json") == 0) {
		snprintf(bundle, sizeof bundle, "var/lib/docker/buildkit/executor/%s", id);
		str_add(&want, "buildkit");
	} else if (str_starts(name, "docker-")) {
		snprintf(bundle, sizeof bundle, TASK "moby/%s", id);
		put_docker("var/lib/docker", id, "shop", "example.com:5000/team/app:3");
		str_add(&want, "docker ctr=shop example.com:5000/team/app:3 id=sha256:" HEX);
		move_root(doc);
	} else {
		snprintf(bundle, sizeof bundle, PODMAN "/%s/userdata", id);
		put_podman(PODMAN, id, "shop", "quay.io/team/app:3");
		str_add(&want, "podman ctr=shop quay.io/team/app:3 id=sha256:" HEX);
		move_root(doc);
	}
	make_dirs(bundle);
	got = seen_doc(scratch_path(bundle), id, doc);
	tap_same(got, str_text(&want), name);
}

static void test_samples(void)
{
	DIR *dir = opendir(SAMPLES);
	unsigned n = 0;

	for (struct dirent *d; dir && (d = readdir(dir));) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_FREE char *text = NULL;
		struct err e = {0};
		size_t len;

		if (!str_ends(d->d_name, ".json") || str_ends(d->d_name, "-process.json") ||
			str_ends(d->d_name, "-resources.json"))
			continue;
		if (io_read_file_at(dirfd(dir), d->d_name, 4 << 20, &text, &len, NULL, &e) < 0 ||
			json_parse(text, len, &spec_limits, 0, &doc, &e) < 0) {
			ok(false, "%s: %s", d->d_name, e.msg);
			continue;
		}
		one_sample(d->d_name, doc);
		n++;
	}
	if (dir)
		closedir(dir);
	ok(n > 40, "%u documents", n);
}

/* ---- who says he is somebody else ---- */

/* All a user could say who wants to be a pod of kube-system. */
static const char lies[] =
	"{\"io.kubernetes.cri.container-type\":\"container\","
	"\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\","
	"\"io.kubernetes.cri.sandbox-name\":\"cni\",\"io.kubernetes.cri.container-name\":\"cni\","
	"\"io.kubernetes.cri.image-name\":\"registry.k8s.io/cni:1\","
	"\"io.container.manager\":\"cri-o\",\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
	"\"io.kubernetes.cri-o.ImageName\":\"registry.k8s.io/cni:1\","
	"\"io.kubernetes.pod.namespace\":\"kube-system\",\"io.kubernetes.pod.name\":\"cni\","
	"\"io.kubernetes.container.name\":\"cni\"}";

static void test_lies(void)
{
	is(TASK "default/c1", "c1", NULL, lies, "containerd ns=default", "ctr run --annotation");
	is(TASK "moby/" HEX, HEX, DOCKER_ROOT, lies, "docker", "docker run --annotation");
	put_docker("var/lib/docker", HEX, "mine", "busybox");
	is(TASK "moby/" HEX, HEX, DOCKER_ROOT, lies,
		"docker ctr=mine docker.io/library/busybox:latest id=sha256:" HEX,
		"docker run --annotation, the image is known");
	put_podman(PODMAN, HEX, "mine", "docker.io/library/busybox:latest");
	is(PODMAN "/" HEX "/userdata", HEX, MERGED, lies,
		"podman ctr=mine docker.io/library/busybox:latest id=sha256:" HEX,
		"podman run --annotation");
	is("var/lib/docker/buildkit/executor/b1", "b1", NULL, lies, "buildkit",
		"a step of a build");
	is("var/tmp/buildah123", "b1", NULL, lies, "buildah", "buildah run --annotation");
	is("srv/bundle", "c1", NULL, lies, "unknown", "somebody at a shell");
	is(TASK "k8s.io/other", "c1", NULL, lies, "unknown", "a bundle of another container");
	is("tmp/io.containerd.runtime.v2.task/k8s.io/x/c1", "c1", NULL, lies, "unknown",
		"a directory below a task's");
}

/* What a pod's author may write where the operator lets all annotations through. */
static void test_pods(void)
{
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.container-type\":\"sandbox\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"team-a\","
		"\"io.kubernetes.cri.sandbox-name\":\"web-1\","
		"\"io.kubernetes.cri.container-name\":\"cni\","
		"\"io.kubernetes.cri.image-name\":\"registry.k8s.io/cni:1\","
		"\"io.kubernetes.cri.podsandbox.image-name\":\"registry.k8s.io/cni:1\"}",
		"cri ns=team-a pod=web-1 sandbox", "a sandbox has no image of containerd's");
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\"}", "cri",
		"a container in k8s.io that is not the kubelet's");
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.container-type\":\"Sandbox\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"kube-system\"}",
		"cri", "a type containerd does not write");
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"\","
		"\"io.kubernetes.cri.image-name\":\"Not A Reference\"}",
		"cri", "empty or no reference: not learned");
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.image-name\":\"a.b/c@sha256:" HEX "\"}",
		"cri a.b/c@sha256:" HEX, "an image by digest");
	is(TASK "k8s.io/p1", "p1", NULL,
		"{\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.image-name\":\"sha256:4f2a\"}",
		"cri", "the beginning of an ID is no repository of docker.io");
}

static void test_paths(void)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_FREE char *got = NULL, *none = NULL, *here = NULL, *was = getcwd(NULL, 0);

	make_dirs("srv");
	make_dirs(TASK "default/c1");
	make_dirs(TASK "k8s.io");
	ok(symlink(scratch_path(TASK "default/c1"), scratch_path(TASK "k8s.io/c1")) == 0,
		"a link among the kubelet's bundles");
	got = seen_doc(scratch_path(TASK "k8s.io/c1"), "c1", doc);
	tap_same(got, "containerd ns=default", "links are followed before the path is judged");
	none = seen_doc(scratch_path("nowhere"), "c1", doc);
	tap_same(none, "unknown", "no bundle");
	ok(chdir(scratch_path(TASK "default/c1")) == 0, "in the bundle");
	here = seen_doc(NULL, "c1", doc);
	tap_same(here, "containerd ns=default", "no --bundle is the working directory");
	ok(chdir(was) == 0, "and back");
}

/* ---- Docker ---- */

static void test_docker(void)
{
	static const char root[] = "data/docker/165536.165536";
	const char *bundle = TASK "moby/" HEX;
	char merged[128], file[256];

	/* a file of the user's, where the file bound over /etc/hostname would lead to */
	put_docker("home/u", HEX, "lie", "approved.example.com/app:1");
	snprintf(merged, sizeof merged, "%s/overlay2/aa/merged", root);
	is(bundle, HEX, merged, NULL, "docker", "no file of dockerd's");
	put_docker(root, HEX, "real", "evil.example.com/app:1");
	is(bundle, HEX, merged, NULL, "docker ctr=real evil.example.com/app:1 id=sha256:" HEX,
		"a data root of a user namespace");
	snprintf(merged, sizeof merged, "%s/rootfs/overlayfs/" HEX, root);
	is(bundle, HEX, merged, NULL, "docker ctr=real evil.example.com/app:1 id=sha256:" HEX,
		"containerd's snapshots");
	put_docker(root, HEX, "real", "4f2a9c");
	is(bundle, HEX, merged, NULL, "docker ctr=real id=sha256:" HEX,
		"an image by the beginning of its ID is no repository");
	put_docker(root, HEX, "real", "sha256:4f2a9c");
	is(bundle, HEX, merged, NULL, "docker ctr=real id=sha256:" HEX, "nor with its algorithm");
	put_docker(root, HEX, "real", "b00");
	is(bundle, HEX, merged, NULL, "docker ctr=real docker.io/library/b00:latest id=sha256:" HEX,
		"another image's ID would be a repository");
	/* inside the root filesystem everything is the image's */
	put_docker(DOCKER_ROOT, OTHER, "lie", "approved.example.com/app:1");
	is(TASK "moby/" OTHER, OTHER, DOCKER_ROOT, NULL, "docker",
		"files of the image are not read");
	snprintf(file, sizeof file, "%s/containers/" OTHER "/config.v2.json", root);
	put(file, "{\"ID\":\"" HEX "\",\"Name\":\"/other\"}");
	is(TASK "moby/" OTHER, OTHER, merged, NULL, "docker", "the file of another container");
}

/* ---- podman and CRI-O ---- */

static void put_crio(const char *dir, const char *name, const char *pod)
{
	char path[512], text[2048];

	snprintf(path, sizeof path, "%s/containers.json", dir);
	snprintf(text, sizeof text,
		"[{\"id\":\"" HEX "\",\"names\":[\"%s\"],\"image\":\"" HEX "\",\"metadata\":\""
		"{%s\\\"pod-name\\\":\\\"x\\\",\\\"pod-id\\\":\\\"" OTHER
		"\\\",\\\"image-name\\\":\\\"quay.io/a/b@sha256:" OTHER
		"\\\",\\\"name\\\":\\\"%s\\\"}\"}]",
		name, pod, name);
	put(path, text);
}

static void test_storage(void)
{
	const char *crio = CRIO "/" HEX "/userdata", *podman = PODMAN "/" HEX "/userdata";

	put_crio(PODMAN, "k8s_app_web-1_team-a_1234_0", "");
	is(crio, HEX, MERGED, lies,
		"cri-o ns=team-a pod=web-1 ctr=app uid=1234 quay.io/a/b@sha256:" OTHER
		" id=sha256:" HEX,
		"CRI-O; annotations count for nothing");
	put_crio(PODMAN, "k8s_POD_web-1_team-a_1234_0", "\\\"pod\\\":true,");
	is(crio, HEX, MERGED, NULL,
		"cri-o ns=team-a pod=web-1 uid=1234 sandbox quay.io/a/b@sha256:" OTHER
		" id=sha256:" HEX,
		"its sandbox");
	put_crio(PODMAN, "k8s_app_web_1_team-a_1234_0", "");
	is(crio, HEX, MERGED, NULL, "cri-o quay.io/a/b@sha256:" OTHER " id=sha256:" HEX,
		"a name that is not Kubernetes'");
	/* podman --rootfs: no entry, and the user says where the root filesystem is */
	put_crio("home/u/store/overlay-containers", "k8s_app_cni_kube-system_1_0", "");
	put(PODMAN "/containers.json", "[]");
	is(podman, HEX, "home/u/store/overlay/aa/merged", lies, "podman",
		"podman run --rootfs beside a store of the user's");
	unlink(scratch_path(PODMAN "/containers.json"));
	make_dirs("var/lib/containers/storage/overlay-images");
	is(podman, HEX, "home/u/store/overlay/aa/merged", lies, "podman",
		"the same before podman's first container");
	is("srv/x-containers/" HEX "/userdata", HEX, NULL, lies, "unknown",
		"a bundle in no store at all");
	put(PODMAN "/containers.json", "[]");
	put(PODMAN "/volatile-containers.json",
		"[{\"id\":\"" HEX "\",\"names\":[\"rm\"],\"image\":\"" HEX "\"}]");
	is(podman, HEX, MERGED, NULL, "podman ctr=rm id=sha256:" HEX, "podman run --rm");
	unlink(scratch_path(PODMAN "/volatile-containers.json"));
	put(PODMAN "/containers.json",
		"[ {\"names\": [\"blanks\"], \"image\": \"" HEX "\", \"id\": \"" HEX "\"} ]");
	is(podman, HEX, MERGED, NULL, "podman ctr=blanks id=sha256:" HEX,
		"a small list that is not written as the library does");
}

/* ---- stores that are not as they should be ---- */

static const char *const damaged[] = {"", "[", "{}", "null", "[{\"id\":\"" HEX "\"",
	"[{\"id\":\"" HEX "\",\"names\":7,\"image\":{},\"metadata\":[]}]",
	"[{\"id\":\"" HEX "\",\"metadata\":\"{\\\"image-name\\\":\"}]",
	"[{\"id\":\"" HEX "\",\"image\":\"" HEX "\",\"image\":\"" OTHER "\"}]"};

static void test_damaged(void)
{
	const char *list = PODMAN "/containers.json", *bundle = PODMAN "/" HEX "/userdata";

	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		put(list, damaged[i]);
		is(bundle, HEX, MERGED, NULL, "podman", damaged[i][0] ? damaged[i] : "empty");
	}
	put_podman(PODMAN, HEX, "x", "busybox");
	chmod(scratch_path(list), 0620);
	is(bundle, HEX, MERGED, NULL, "podman", "a list the group can write");
	if (geteuid() == 0 && chmod(scratch_path(list), 0600) == 0 &&
		chown(scratch_path(list), 1000, 1000) == 0)
		is(bundle, HEX, MERGED, NULL, "podman", "a list of another user");
	else
		tap_skip("a list of another user", "only root can make one");
	rename(scratch_path(list), scratch_path(PODMAN "/elsewhere.json"));
	ok(symlink("elsewhere.json", scratch_path(list)) == 0, "the list is a link");
	is(bundle, HEX, MERGED, NULL, "podman", "a link is not followed");
	unlink(scratch_path(list));
	ok(mkfifo(scratch_path(list), 0600) == 0, "the list is a FIFO");
	is(bundle, HEX, MERGED, NULL, "podman", "which does not hang");
	unlink(scratch_path(list));
	make_dirs(list);
	is(bundle, HEX, MERGED, NULL, "podman", "a directory");
	rmdir(scratch_path(list));
}

/* A list of SIZE bytes and more with HEX at its end, written with or without blanks. */
static void put_large(size_t size, const char *blank)
{
	AUTO_STR struct str text = STR_INIT;

	str_addc(&text, '[');
	for (unsigned i = 0; text.len < size; i++)
		str_addf(&text,
			"{\"id\":%s\"%064x\",\"names\":[\"n%u\"],\"image\":\"" OTHER
			"\",\"metadata\":\"{\\\"image-name\\\":\\\"docker.io/library/a:1\\\"}\"},",
			blank, i, i);
	str_addf(
		&text, "{\"id\":%s\"" HEX "\",\"names\":[\"last\"],\"image\":\"" HEX "\"}]", blank);
	put(PODMAN "/containers.json", str_text(&text));
}

static void test_large(void)
{
	const char *bundle = PODMAN "/" HEX "/userdata";
	struct timespec a, b;
	double ms;

	put_large(15u << 20, "");
	clock_gettime(CLOCK_MONOTONIC, &a);
	is(bundle, HEX, MERGED, NULL, "podman ctr=last id=sha256:" HEX, "a list of 15 MiB");
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	printf("# %.1f ms\n", ms);
	put_large(17u << 20, "");
	is(bundle, HEX, MERGED, NULL, "podman", "a list of 17 MiB is not read");
	put_large(2u << 20, " ");
	is(bundle, HEX, MERGED, NULL, "podman", "nor one of 2 MiB that has blanks");
	put_large(1000, " ");
	is(bundle, HEX, MERGED, NULL, "podman ctr=last id=sha256:" HEX, "a small one is");
}

static void test_names(void)
{
	static const char *const want[] = {
		"unknown", "containerd", "cri", "cri-o", "docker", "buildkit", "podman", "buildah"};

	ok(sizeof want / sizeof *want == ENGINE_COUNT, "all engines have names");
	for (int i = 0; i < ENGINE_COUNT; i++)
		tap_same(engine_name((enum engine_kind)i), want[i], "name");
}

int main(void)
{
	test_names();
	test_samples();
	test_lies();
	test_pods();
	test_paths();
	test_docker();
	test_storage();
	test_damaged();
	test_large();
	return tap_done();
}
