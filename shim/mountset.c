/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountset - the mounts of a document as a runtime will read them.
 */
#include "shim/mountset.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/path.h"

/* A runtime takes "rbind" for a bind whatever the type says, and crun the type, too. The last of
 * "ro" and "rw" counts; recursive ones come after all others. */
static void read_options(struct mount_at *m)
{
	const char *type = json_str(json_get(m->v, "type"));
	bool recursive = false;

	m->bind = type && strcmp(type, "bind") == 0;
	json_each (o, json_get(m->v, "options")) {
		const char *s = json_str(o);

		if (!s)
			continue;
		if (strcmp(s, "bind") == 0 || strcmp(s, "rbind") == 0)
			m->bind = true;
		else if (strcmp(s, "ro") == 0)
			m->readonly = true;
		else if (strcmp(s, "rw") == 0)
			m->readonly = false;
		else if (strcmp(s, "rro") == 0)
			recursive = true;
	}
	m->readonly |= recursive;
}

bool mountset_read(struct mountset *s, struct edit *ed, const struct world *w)
{
	const struct json *list = json_get(ed->root, "mounts");
	struct world_entry entry;

	*s = (struct mountset){NULL, 0};
	if (!list || list->count == 0)
		return true;
	if (list->count > MOUNTSET_MAX) {
		edit_deny(ed, list, "%u mounts are more than %d", list->count, MOUNTSET_MAX);
		return false;
	}
	s->m = calloc(list->count, sizeof *s->m);
	if (!s->m) {
		ed->failed = true;
		return false;
	}
	json_each (v, list) {
		struct mount_at *m = &s->m[s->n++];
		const char *dest = json_str(json_get(v, "destination"));

		m->v = v;
		read_options(m);
		if (!dest || !*dest) {
			err_set(&m->why, ERR_INPUT, "the mount has no destination");
			continue;
		}
		/* runtimes differ on whether links or ".." are looked at first */
		if (path_climbs(dest)) {
			err_set(&m->why, ERR_INPUT, "the destination %s contains \"..\"", dest);
			continue;
		}
		if (w->rootfs_entry(w->arg, dest, &entry, &m->why) < 0)
			continue;
		m->dest = strdup(entry.real);
		if (!m->dest) {
			ed->failed = true;
			return false;
		}
	}
	return true;
}

void mountset_done(struct mountset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->m[i].dest);
	free(s->m);
	*s = (struct mountset){NULL, 0};
}

bool mountset_has(const struct mountset *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->m[i].dest && strcmp(s->m[i].dest, path) == 0)
			return true;
	return false;
}
