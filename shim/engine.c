/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine - who launches this container, and what it tells of it.
 *
 * Sources: the bundles and stores that containerd 1.6, Docker 20.10 and podman 4.3 were seen to use, and
 * for newer ones and CRI-O what their source writes (containers/storage: containers.go; CRI-O:
 * internal/storage/runtime.go).
 *
 * What a workload's author can write, and therefore counts for nothing here: every annotation of Docker
 * and podman (--annotation), of ctr, and the binds over /etc/hostname.
 */
#include "shim/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

enum {
	TEXT_MAX = 4096, /* of one name: longer ones are not learned */
	DOCKER_FILE_MAX = 1 << 20,
	STORE_FILE_MAX = 16 << 20,
	STORE_PARSE_MAX = 1 << 20, /* of a store that is not written as its library does */
	CLIMB_MAX = 6, /* directories above a root filesystem */
	TAIL_MAX = 4,
};

static const struct json_limits entry_limits = {
	.bytes = STORE_PARSE_MAX, .depth = 32, .values = 100000};

static const char *const names[ENGINE_COUNT] = {
	[ENGINE_UNKNOWN] = "unknown",
	[ENGINE_CONTAINERD] = "containerd",
	[ENGINE_CRI] = "cri",
	[ENGINE_CRIO] = "cri-o",
	[ENGINE_DOCKER] = "docker",
	[ENGINE_BUILDKIT] = "buildkit",
	[ENGINE_PODMAN] = "podman",
	[ENGINE_BUILDAH] = "buildah",
};

const char *engine_name(enum engine_kind k)
{
	return names[k];
}

void engine_done(struct engine *g)
{
	free(g->namespace);
	free(g->pod);
	free(g->container);
	free(g->pod_uid);
	image_done(&g->image);
	*g = (struct engine){.kind = ENGINE_UNKNOWN};
}

struct rules_facts engine_facts(const struct engine *g)
{
	return (struct rules_facts){
		/* no name: a rule for "*" is not for what is not known */
		.engine = g->kind == ENGINE_UNKNOWN ? NULL : engine_name(g->kind),
		.namespace = g->namespace,
		.pod = g->pod,
		.container = g->container,
		.image = &g->image,
	};
}

/* ---- what is learned ---- */

static int learn_n(char **to, const char *text, size_t len, struct err *e)
{
	if (len == 0 || len > TEXT_MAX)
		return 0;
	*to = strndup(text, len);
	return *to ? 0 : err_nomem(e);
}

static int learn(char **to, const char *text, struct err *e)
{
	return text ? learn_n(to, text, strlen(text), e) : 0;
}

/* TEXT is how a person points at an image by its ID: the ID or the beginning of it. */
static bool points_at(const char *text, const char *id)
{
	static const char algorithm[] = "sha256:";

	if (str_starts(text, algorithm))
		text += strlen(algorithm);
	if (str_starts(id, algorithm))
		id += strlen(algorithm);
	return text[0] && str_starts(id, text);
}

/* The beginning of an ID with its algorithm; a whole ID is image_parse's. */
static bool is_short_id(const char *text)
{
	return str_starts(text, "sha256:") && !strchr(text, '@') && !image_is_digest(text);
}

/* REFERENCE and ID as the engine keeps them; both may be NULL. */
static int learn_image(const char *reference, const char *id, struct image *image, struct err *e)
{
	AUTO_FREE char *known = NULL;
	struct err why = {0};

	if (id && id[0]) {
		AUTO_STR struct str full = STR_INIT;

		if (!str_starts(id, "sha256:"))
			str_add(&full, "sha256:");
		str_add(&full, id);
		if (str_failed(&full))
			return err_nomem(e);
		if (image_is_digest(str_text(&full)))
			image->id = str_take(&full);
	}
	/* "docker run 4f2a", and "sha256:4f2a" of a pod (the CRI hands on what its author wrote, and looks
	 * among the IDs when there is no such name): read as a reference it would be a repository of docker.io
	 * that somebody approves of */
	if (!reference || !reference[0] || strlen(reference) > TEXT_MAX ||
		(image->id && points_at(reference, image->id)) || is_short_id(reference))
		return 0;
	known = take_ptr(&image->id);
	if (image_parse(reference, image, &why) < 0 && why.code == ENOMEM) {
		*e = why;
		return -1;
	}
	if (known) {
		free(image->id);
		image->id = take_ptr(&known);
	}
	return 0;
}

/* ---- files of an engine ---- */

/*
 * The file NAME below the directory DIR: regular, no symlinks below DIR, root's (or the caller's), at
 * most MAX bytes. *TEXT NULL with 0: there is none that can be believed.
 */
static int read_store(
	const char *dir, const char *name, size_t max, char **text, size_t *len, struct err *e)
{
	AUTO_FD int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *got = NULL;
	struct err why = {0};
	struct stat st;

	if (fd < 0)
		return 0;
	if (io_read_file_at(fd, name, max, &got, len, &st, &why) < 0) {
		if (why.code == ENOMEM) {
			*e = why;
			return -1;
		}
		return 0;
	}
	if (io_owner_trusted(&st))
		*text = take_ptr(&got);
	return 0;
}

/* The root of TEXT, in *DOC; *ROOT NULL with 0: it is damaged. */
static int parse(const char *text, size_t len, struct json_doc **doc, const struct json **root,
	struct err *e)
{
	struct err why = {0};

	if (json_parse(text, len, &entry_limits, JSON_STRICT, doc, &why) == 0) {
		*root = json_root(*doc);
		return 0;
	}
	if (why.code != ENOMEM)
		return 0;
	*e = why;
	return -1;
}

static const char *text_of(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

/* ---- the bundle's path ---- */

struct place {
	char path[PATH_MAX]; /* resolved */
	char *tail[TAIL_MAX]; /* its last components, the last first; "" when there are fewer */
	char text[PATH_MAX]; /* which they point into */
};

static bool place_of(const char *bundle, struct place *p)
{
	static char none[] = "";

	if (!realpath(bundle, p->path))
		return false;
	memcpy(p->text, p->path, sizeof p->text);
	for (size_t i = 0; i < TAIL_MAX; i++) {
		char *slash = strrchr(p->text, '/');

		p->tail[i] = slash ? slash + 1 : none;
		if (slash)
			*slash = '\0';
	}
	return true;
}

/* The path without its last N components; "/" at least. */
static void up(const char *path, size_t n, char out[PATH_MAX])
{
	size_t len = strlen(path);

	while (n--)
		while (len > 0 && path[--len] != '/')
			;
	if (len == 0)
		len = 1;
	memcpy(out, path, len);
	out[len] = '\0';
}

/* root.path, when it tells where an engine keeps its things. */
static const char *root_of(const struct engine_call *c)
{
	const char *root = json_str(json_at(json_root(c->doc), "/root/path"));

	return root && root[0] == '/' && strlen(root) < PATH_MAX ? root : NULL;
}

/* ---- containerd, alone and for a kubelet ---- */

/*
 * containerd puts the keys below in after it has copied what the operator lets through of the pod's own
 * annotations (pod_annotations, container_annotations; sandbox_run and container_create of the CRI
 * plugin, 1.6 to 2.1), so a pod cannot choose their values, not even where everything is let through.
 * That holds for the keys it always writes: a sandbox has no image-name and no container-name of
 * containerd's, so there they could be the pod's and are not looked at.
 */
static int read_cri(const struct engine_call *c, struct engine *g, struct err *e)
{
	const struct json *a = json_get(json_root(c->doc), "annotations");
	const char *type = text_of(a, "io.kubernetes.cri.container-type");

	g->sandbox = type && strcmp(type, "sandbox") == 0;
	if (!type || (!g->sandbox && strcmp(type, "container") != 0))
		return 0;
	if (learn(&g->namespace, text_of(a, "io.kubernetes.cri.sandbox-namespace"), e) < 0 ||
		learn(&g->pod, text_of(a, "io.kubernetes.cri.sandbox-name"), e) < 0 ||
		learn(&g->pod_uid, text_of(a, "io.kubernetes.cri.sandbox-uid"), e) < 0)
		return -1;
	if (g->sandbox)
		return 0;
	if (learn(&g->container, text_of(a, "io.kubernetes.cri.container-name"), e) < 0)
		return -1;
	return learn_image(text_of(a, "io.kubernetes.cri.image-name"), NULL, &g->image, e);
}

/* ---- Docker ---- */

static int take_docker(const struct json *root, const char *id, struct engine *g, struct err *e)
{
	const char *own = text_of(root, "ID"), *name = text_of(root, "Name");

	if (!own || strcmp(own, id) != 0)
		return 0;
	if (learn(&g->container, name && name[0] == '/' ? name + 1 : name, e) < 0)
		return -1;
	return learn_image(
		text_of(json_get(root, "Config"), "Image"), text_of(root, "Image"), &g->image, e);
}

/*
 * The container's own file, DATAROOT/containers/ID/config.v2.json. DATAROOT is above the root filesystem,
 * whose place dockerd alone decides; the directory of the file bound over /etc/hostname is usually the
 * right one, too, but a user may bind a file of his own there.
 */
static int read_docker(const struct engine_call *c, struct engine *g, struct err *e)
{
	AUTO_STR struct str name = STR_INIT;
	const char *root = root_of(c);
	char dir[PATH_MAX];

	str_addf(&name, "containers/%s/config.v2.json", c->id);
	if (str_failed(&name))
		return err_nomem(e);
	for (size_t i = 1; root && i <= CLIMB_MAX; i++) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_FREE char *text = NULL;
		const struct json *file = NULL;
		size_t len;

		up(root, i, dir);
		if (read_store(dir, str_text(&name), DOCKER_FILE_MAX, &text, &len, e) < 0)
			return -1;
		if (text)
			return parse(text, len, &doc, &file, e) < 0
				       ? -1
				       : take_docker(file, c->id, g, e);
		if (!dir[1])
			break;
	}
	return 0;
}

/* ---- containers/storage: podman, CRI-O ---- */

/* The end of the object that begins at TEXT; NULL when it has none. */
static const char *object_end(const char *text, const char *end)
{
	bool quoted = false;
	size_t depth = 0;

	for (const char *p = text; p < end; p++) {
		if (quoted) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				quoted = false;
		} else if (*p == '"') {
			quoted = true;
		} else if (*p == '{') {
			depth++;
		} else if (*p == '}' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

/*
 * The entry of ID in a store's list, in *DOC; *OUT NULL with 0: there is none. The library writes the
 * list without blanks and "id" first in each entry, and in a string its quotes would be escaped: so the
 * entry is found without reading a list that may be large.
 */
static int find_entry(const char *text, size_t len, const char *id, struct json_doc **doc,
	const struct json **out, struct err *e)
{
	AUTO_STR struct str head = STR_INIT;
	const struct json *list = NULL;
	const char *begin, *end;

	str_addf(&head, "{\"id\":\"%s\"", id);
	if (str_failed(&head))
		return err_nomem(e);
	begin = memmem(text, len, head.s, head.len);
	end = begin ? object_end(begin, text + len) : NULL;
	if (end)
		return parse(begin, (size_t)(end - begin), doc, out, e);
	if (len > STORE_PARSE_MAX)
		return 0;
	if (parse(text, len, doc, &list, e) < 0)
		return -1;
	json_each (v, list)
		if (text_of(v, "id") && strcmp(text_of(v, "id"), id) == 0)
			*out = v;
	return 0;
}

/* The Ith part of a name of CRI-O, k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT; names of Kubernetes have no
 * '_'. NULL when it is not such a name. */
static const char *crio_part(const char *name, size_t want, size_t *len)
{
	const char *at = NULL;
	size_t parts = 0;

	for (const char *p = name; p; p = strchr(p, '_') ? strchr(p, '_') + 1 : NULL) {
		if (parts == want) {
			at = p;
			*len = strcspn(p, "_");
		}
		parts++;
	}
	return parts == 6 && str_starts(name, "k8s_") ? at : NULL;
}

static int take_crio(const struct json *meta, struct engine *g, struct err *e)
{
	const char *name = text_of(meta, "name");
	const struct {
		char **to;
		size_t part;
	} want[] = {{&g->container, 1}, {&g->pod, 2}, {&g->namespace, 3}, {&g->pod_uid, 4}};

	g->kind = ENGINE_CRIO;
	g->sandbox = json_is_true(json_get(meta, "pod"));
	for (size_t i = g->sandbox ? 1 : 0; name && i < sizeof want / sizeof *want; i++) {
		size_t len = 0;
		const char *part = crio_part(name, want[i].part, &len);

		if (part && learn_n(want[i].to, part, len, e) < 0)
			return -1;
	}
	return 0;
}

/* The entry's "metadata" is a document in a string. CRI-O's always has a pod's ID, podman's never; both
 * are written by the engine from a struct, so no user of podman can put one in. */
static int take_entry(const struct json *entry, struct engine *g, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	const char *text = text_of(entry, "metadata");
	const struct json *meta = NULL;

	if (text && parse(text, strlen(text), &doc, &meta, e) < 0)
		return -1;
	if (text_of(meta, "pod-id")) {
		if (take_crio(meta, g, e) < 0)
			return -1;
	} else {
		g->kind = ENGINE_PODMAN;
		if (learn(&g->container, json_str(json_item(json_get(entry, "names"), 0)), e) < 0)
			return -1;
	}
	return learn_image(text_of(meta, "image-name"), text_of(entry, "image"), &g->image, e);
}

/* *THERE: DIR has a list of containers; what it says of ID goes into G. */
static int read_lists(const char *dir, const char *id, struct engine *g, bool *there, struct err *e)
{
	/* the second: those made with --rm, since podman 4.4 */
	static const char *const lists[] = {"containers.json", "volatile-containers.json"};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		AUTO_JSON struct json_doc *doc = NULL;
		AUTO_FREE char *text = NULL;
		const struct json *entry = NULL;
		size_t len;

		if (read_store(dir, lists[i], STORE_FILE_MAX, &text, &len, e) < 0)
			return -1;
		if (!text)
			continue;
		*there = true;
		if (find_entry(text, len, id, &doc, &entry, e) < 0)
			return -1;
		if (entry)
			return take_entry(entry, g, e);
	}
	return 0;
}

static bool is_dir(const char *path, const char *suffix)
{
	char whole[PATH_MAX + 16];
	struct stat st;

	snprintf(whole, sizeof whole, "%s%s", path, suffix);
	return stat(whole, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * podman's bundles lie in its store, GRAPHROOT/overlay-containers/ID/userdata, beside the list; CRI-O's in
 * the same place below /run, and the list is above the root filesystem. The root filesystem is only
 * asked where the bundle is in no store: with podman run --rootfs a user says where it is.
 */
static int read_storage(
	const struct engine_call *c, const struct place *p, struct engine *g, struct err *e)
{
	char dir[PATH_MAX], store[PATH_MAX + 32];
	const char *root = root_of(c), *driver = p->tail[2]; /* "overlay-containers" */
	bool there = false;

	up(p->path, 2, dir);
	if (read_lists(dir, c->id, g, &there, e) < 0)
		return -1;
	if (g->kind != ENGINE_UNKNOWN)
		return 0;
	dir[strlen(dir) - strlen("-containers")] = '\0';
	if (there || is_dir(dir, "-images")) {
		g->kind = ENGINE_PODMAN; /* without an image of its own: --rootfs */
		return 0;
	}
	for (size_t i = 1; root && !there && i <= CLIMB_MAX; i++) {
		up(root, i, dir);
		snprintf(store, sizeof store, "%s/%.24s", dir, driver);
		if (read_lists(store, c->id, g, &there, e) < 0)
			return -1;
		if (!dir[1])
			break;
	}
	return 0;
}

/* ---- all of them ---- */

static bool all_digits(const char *text)
{
	return text[0] && text[strspn(text, "0123456789")] == '\0';
}

int engine_read(const struct engine_call *c, struct engine *out, struct err *e)
{
	AUTO_ENGINE struct engine g = {.kind = ENGINE_UNKNOWN};
	struct place p;
	char *const *t = p.tail;
	int rc = 0;

	*out = g;
	if (!c->id || !place_of(c->bundle ? c->bundle : ".", &p))
		return 0;
	if (strcmp(t[0], c->id) == 0 &&
		(strcmp(t[2], "io.containerd.runtime.v2.task") == 0 ||
			strcmp(t[2], "io.containerd.runtime.v1.linux") == 0)) {
		if (strcmp(t[1], "moby") == 0) {
			g.kind = ENGINE_DOCKER;
			rc = read_docker(c, &g, e);
		} else if (strcmp(t[1], "k8s.io") == 0) {
			g.kind = ENGINE_CRI;
			rc = read_cri(c, &g, e);
		} else {
			g.kind = ENGINE_CONTAINERD;
			rc = learn(&g.namespace, t[1], e);
		}
	} else if (strcmp(t[0], c->id) == 0 && strcmp(t[1], "executor") == 0 &&
		   (strcmp(t[2], "buildkit") == 0 || str_starts(t[2], "runc-"))) {
		g.kind = ENGINE_BUILDKIT;
	} else if (strcmp(t[0], "userdata") == 0 && strcmp(t[1], c->id) == 0 &&
		   str_ends(t[2], "-containers")) {
		rc = read_storage(c, &p, &g, e);
	} else if (str_starts(t[0], "buildah") && all_digits(t[0] + strlen("buildah"))) {
		g.kind = ENGINE_BUILDAH;
	}
	if (rc < 0)
		return -1;
	*out = g;
	g = (struct engine){.kind = ENGINE_UNKNOWN};
	return 0;
}
