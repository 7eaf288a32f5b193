/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine - who launches this container, and what it tells of it: the only place that knows how
 * containerd's CRI, CRI-O, podman and Docker say so.
 *
 * Which engine it is follows from what the engine itself decides (the bundle's path, the caller),
 * never from an annotation alone: a workload's author can write annotations. What cannot be learned
 * stays NULL, and is never guessed. Files of an engine are read only when they are regular, owned by
 * root (or the caller) and bounded.
 */
#ifndef CINCH_ENGINE_H
#define CINCH_ENGINE_H

#include "profiles/image.h"
#include "profiles/rules.h"
#include "shim/base/err.h"
#include "shim/base/json.h"

enum engine_kind {
	ENGINE_UNKNOWN,
	ENGINE_CONTAINERD, /* ctr and other clients of containerd's own API */
	ENGINE_CRI, /* containerd for a kubelet */
	ENGINE_CRIO,
	ENGINE_DOCKER,
	ENGINE_BUILDKIT,
	ENGINE_PODMAN,
	ENGINE_BUILDAH,
	ENGINE_COUNT
};

struct engine {
	enum engine_kind kind;
	bool sandbox; /* the pod's own container, whose image the node chose */
	char *namespace; /* Kubernetes' for CRI, containerd's for ctr */
	char *pod, *container;
	char *pod_uid;
	struct image image;
};

#define AUTO_ENGINE __attribute__((cleanup(engine_done)))

struct engine_call { /* what the runtime was called with; borrowed */
	const char *bundle; /* as given, or "." */
	const char *root; /* --root; NULL */
	const char *id;
	const struct json_doc *doc; /* config.json */
};

/* -1 only when out of memory; what is not known stays empty. */
int engine_read(const struct engine_call *c, struct engine *out, struct err *e);
void engine_done(struct engine *g);
/* "containerd", "cri", "cri-o", "docker", "buildkit", "podman", "buildah", "unknown" */
const char *engine_name(enum engine_kind k);
/* As the select rules see it; borrows from G. */
struct rules_facts engine_facts(const struct engine *g);

#endif
