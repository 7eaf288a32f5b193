/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_resources - ceilings on cgroup limits and rlimits.
 *
 * Shares, quotas, block I/O, huge pages, network classes and rdma are left as asked: they divide what
 * the parent cgroup has, and take nothing from it.
 */
#include "shim/pass.h"

#include <string.h>

#include "shim/limits.h"

/* Rootless without a cgroup of its own: a runtime fails on any limit it is given there. */
static bool no_cgroup(struct edit *ed, const struct world *w)
{
	const char *path = json_str(json_at(ed->root, "/linux/cgroupsPath"));

	return w->in_user_ns && (!w->cgroup_v2 || !path || !*path);
}

/* OBJECT[key] within 1..CEILING; absent, 0 and negative mean no limit to a runtime. */
static void ceiling(struct edit *ed, const struct world *w, const char *object, const char *key,
	int64_t max, const char *what)
{
	AUTO_STR struct str pointer = STR_INIT;
	const struct json *v;
	struct json *parent;
	int64_t n;

	if (max < 0)
		return;
	str_addf(&pointer, "%s/%s", object, key);
	if (str_failed(&pointer)) {
		ed->failed = true;
		return;
	}
	v = json_at(ed->root, str_text(&pointer));
	if (v && json_i64(v, 1, max, &n))
		return;
	if (!v && no_cgroup(ed, w)) {
		edit_note(ed, json_at(ed->root, "/linux"),
			"rootless without a cgroup: the ceiling on %s cannot be set", what);
		return;
	}
	parent = edit_object(ed, object, "for the profile's ceiling");
	edit_put(ed, parent, key, json_int(ed->doc, max),
		"the profile's ceiling on %s; absent, 0 and negative mean none", what);
}

static void judge_memory(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *memory = json_at(ed->root, "/linux/resources/memory");
	int64_t asked = limits_memory(memory);

	ceiling(ed, w, "/linux/resources/memory", "limit", limits_memory_most(memory, p), "memory");
	limits_keep_swap(ed, memory, asked);
}

static void judge_cgroup(struct edit *ed, const struct profile *p, const struct world *w)
{
	ceiling(ed, w, "/linux/resources/pids", "limit", p->resources.pids, "processes");
	judge_memory(ed, p, w);
	limits_judge(ed, p);
}

static struct json *rlimit_entry(const struct json *list, const char *type)
{
	json_each (v, list) {
		const char *t = json_str(json_get(v, "type"));

		if (t && strcmp(t, type) == 0)
			return v;
	}
	return NULL;
}

/* Unknown or repeated types are refused: which one counts differs, and dropping a limit widens. */
static void judge_rlimit_types(struct edit *ed, const struct json *list)
{
	json_each (v, list) {
		const char *type = json_str(json_get(v, "type"));

		if (limits_rlimit_number(type) < 0)
			edit_deny(ed, v,
				"there is no rlimit \"%s\"; names are RLIMIT_NOFILE and the like",
				type ? type : "");
		else if (rlimit_entry(list, type) != v)
			edit_deny(ed, v, "%s is given twice; keep one", type);
	}
}

static void lower(struct edit *ed, struct json *entry, const char *key, uint64_t max)
{
	const struct json *v = json_get(entry, key);
	uint64_t n;

	if (v && !json_u64(v, max, &n))
		edit_put(ed, entry, key, json_uint(ed->doc, max), "the profile's ceiling");
}

/* Adds a limit, but never one above what the container would inherit: that would raise it. */
static void add_rlimit(
	struct edit *ed, const struct world *w, struct json *list, const struct rlimit_ceiling *c)
{
	struct json *entry = json_object(ed->doc);
	uint64_t hard, max = c->max;
	int number = limits_rlimit_number(c->type);

	if (number < 0)
		return;
	if (w->rlimit_hard && w->rlimit_hard(w->arg, number, &hard) == 0 && hard < max)
		max = hard;
	if (json_put(ed->doc, entry, "type", json_string(ed->doc, c->type)) < 0 ||
		json_put(ed->doc, entry, "hard", json_uint(ed->doc, max)) < 0 ||
		json_put(ed->doc, entry, "soft", json_uint(ed->doc, max)) < 0)
		ed->failed = true;
	edit_push(ed, list, entry, "the profile's ceiling");
}

/* Without a list runc takes all of the container's own, crun 1.8 none: they are written out, or the ones
 * that are added here would be all there are. */
static void keep_rlimits(struct edit *ed, const struct world *w)
{
	struct json *process = json_get(ed->root, "process"), *list = json_get(process, "rlimits");
	const struct json *own = json_at(w->running, "/process/rlimits");

	if (own && own->first && (!list || !list->first))
		edit_put(ed, process, "rlimits", json_clone(ed->doc, own),
			"absent means the container's own");
}

static void judge_rlimits(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *list;

	keep_rlimits(ed, w);
	list = json_at(ed->root, "/process/rlimits");
	judge_rlimit_types(ed, list);
	for (size_t i = 0; i < p->resources.n_rlimits; i++) {
		const struct rlimit_ceiling *c = &p->resources.rlimits[i];
		struct json *entry = rlimit_entry(list, c->type);

		if (entry) {
			lower(ed, entry, "hard", c->max);
			lower(ed, entry, "soft", c->max);
			continue;
		}
		if (!list)
			list = edit_array(ed, "/process/rlimits", "for the profile's ceilings");
		add_rlimit(ed, w, list, c);
	}
}

void pass_rlimits(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *process = json_get(ed->root, "process");
	struct json *score = json_get(process, "oomScoreAdj");
	int64_t n;

	if (!process)
		return;
	judge_rlimits(ed, p, w);
	/* containerd's shims are at -998; an exec that says nothing gets the container's */
	if (!score && w->oom_score_adj < 0 && !w->running)
		edit_put(ed, process, "oomScoreAdj", json_int(ed->doc, 0),
			"the engine's own score, below 0, would be inherited");
	else if (score && !json_i64(score, 0, INT64_MAX, &n))
		edit_replace(ed, score, json_int(ed->doc, 0),
			"below 0 others on the node are killed first");
}

void pass_resources(struct edit *ed, const struct profile *p, const struct world *w)
{
	judge_cgroup(ed, p, w);
	pass_rlimits(ed, p, w);
}
