/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_update - new limits of a running container: nothing above the profile's ceilings.
 *
 * What is not in the document stays as it is in the container. So nothing is added, and a zero is taken
 * out, not raised to the ceiling: runc up to 1.3 reads it as "unchanged", crun writes it, and so does runc
 * 1.4 for processes. What divides the parent cgroup's share is left, as at create (pass_resources.c).
 *
 * An engine sends all limits with every update. Of a container without a record those above the ceiling
 * are therefore taken out, not lowered: it has them, and may be using them.
 */
#include "shim/pass.h"

#include "shim/limits.h"

static const char unheld[] =
	"above the profile's ceiling, and what this container was held to is not known: what it "
	"has stays";

static void ceiling(
	struct edit *ed, const struct world *w, const char *object, int64_t max, const char *what)
{
	struct json *parent = json_at(ed->root, object), *v = json_get(parent, "limit");
	int64_t n;

	if (!v || max < 0 || json_i64(v, 1, max, &n))
		return;
	if (json_i64(v, 0, 0, &n))
		edit_remove(ed, v, "zero changes nothing, or another thing with each runtime");
	else if (w->unheld)
		edit_remove(ed, v, "%s", unheld);
	else
		edit_put(ed, parent, "limit", json_int(ed->doc, max),
			"the profile's ceiling on %s; negative means none", what);
}

static void judge_memory(struct edit *ed, const struct profile *p, const struct world *w)
{
	struct json *memory = json_at(ed->root, "/linux/resources/memory");
	bool limited = json_get(memory, "limit") != NULL;
	int64_t asked = limits_memory(memory);

	ceiling(ed, w, "/linux/resources/memory", limits_memory_most(memory, p), "memory");
	if (!w->unheld)
		limits_keep_swap(ed, memory, asked);
	else if (limited && !json_get(memory, "limit")) /* it counts from that limit */
		edit_remove(ed, json_get(memory, "swap"), "%s", unheld);
}

static void leave_unified(struct edit *ed, const char *key, int64_t max)
{
	struct json *v = json_get(json_at(ed->root, "/linux/resources/unified"), key);

	if (max >= 0 && v && limits_unified_above(v, max))
		edit_remove(ed, v, "%s", unheld);
}

void pass_update(struct edit *ed, const struct profile *p, const struct world *w)
{
	ceiling(ed, w, "/linux/resources/pids", p->resources.pids, "processes");
	judge_memory(ed, p, w);
	if (w->unheld) {
		leave_unified(ed, "pids.max", p->resources.pids);
		leave_unified(ed, "memory.max", p->resources.memory);
	}
	limits_judge(ed, p);
	edit_remove(ed, json_at(ed->root, "/linux/resources/devices"),
		"devices are given at create and stay as they are");
}
