/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extend - put the profiles of one family on top of each other.
 */
#include "profiles/extend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/paths.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"

enum how {
	HOW_OWN, /* of the profile itself alone */
	HOW_NEVER, /* does not get into what is applied */
	HOW_VALUE,
	HOW_OBJECT,
	HOW_LIST,
	HOW_BY_PATH, /* a list of objects told apart by their "path" */
	HOW_MASKED, /* a list, or "default" */
	HOW_READONLY,
};

/* Every member a profile may have, in canonical order. What is not here is copied, and refused by who
 * reads the result. */
static const struct member {
	const char *path;
	enum how how;
} members[] = {
	{"$schema", HOW_NEVER}, {"extends", HOW_NEVER}, {"profile", HOW_OWN}, {"version", HOW_OWN},
	{"description", HOW_OWN}, {"mode", HOW_OWN}, {"audit", HOW_OWN}, {"capabilities", HOW_LIST},
	{"user", HOW_OBJECT}, {"user/root", HOW_VALUE}, {"user/uid", HOW_VALUE},
	{"user/gid", HOW_VALUE}, {"user/groups", HOW_LIST}, {"noNewPrivileges", HOW_VALUE},
	{"rootfs", HOW_OBJECT}, {"rootfs/readonly", HOW_VALUE}, {"rootfs/writable", HOW_BY_PATH},
	{"mounts", HOW_OBJECT}, {"mounts/sources", HOW_OBJECT}, {"mounts/sources/allow", HOW_LIST},
	{"mounts/sources/deny", HOW_LIST}, {"mounts/writable", HOW_VALUE},
	{"namespaces", HOW_OBJECT}, {"namespaces/host", HOW_LIST}, {"namespaces/add", HOW_LIST},
	{"devices", HOW_BY_PATH}, {"seccomp", HOW_OBJECT}, {"seccomp/profile", HOW_VALUE},
	{"seccomp/deny", HOW_LIST}, {"seccomp/allow", HOW_LIST}, {"paths", HOW_OBJECT},
	{"paths/masked", HOW_MASKED}, {"paths/readonly", HOW_READONLY}, {"sysctl", HOW_LIST},
	{"resources", HOW_OBJECT}, {"resources/pids", HOW_VALUE}, {"resources/memory", HOW_VALUE},
	{"resources/rlimits", HOW_OBJECT}, {"hooks", HOW_OBJECT}, {"hooks/allow", HOW_LIST},
	{"annotations", HOW_OBJECT}, {"annotations/allow", HOW_LIST}, {"env", HOW_OBJECT},
	{"env/deny", HOW_LIST}, {"env/secrets", HOW_VALUE}, {"image", HOW_OBJECT},
	{"image/registries", HOW_LIST}, {"image/digest", HOW_VALUE}, {"image/deny", HOW_LIST},
	{"exec", HOW_OBJECT}, {"exec/allow", HOW_VALUE}, {"exec/terminal", HOW_VALUE},
	{"exec/capabilities", HOW_LIST}, {"exec/commands", HOW_OBJECT},
	{"exec/commands/allow", HOW_LIST}, {"exec/commands/deny", HOW_LIST}, {"flags", HOW_OBJECT},
	{"flags/allow", HOW_LIST}, {"flags/preserveFds", HOW_VALUE}, {"network", HOW_OBJECT},
	{"network/mode", HOW_VALUE}, {"network/preset", HOW_VALUE}, {"network/segment", HOW_VALUE},
	{"network/ingress", HOW_LIST}, {"network/egress", HOW_LIST},
	{"network/metadata", HOW_VALUE}, {"network/lift", HOW_LIST},
	{NULL, HOW_VALUE}, /* all others */
};

enum { PATH_SIZE = 64 };

static const char unknown[] = "?"; /* the path of what is in no table */

static const struct member *find_member(const char *path)
{
	const struct member *m = members;

	while (m->path && strcmp(m->path, path) != 0)
		m++;
	return m;
}

/* The path of KEY below PATH. */
static void join(char place[PATH_SIZE], const char *path, const char *key)
{
	int n = snprintf(place, PATH_SIZE, "%s%s%s", path, *path ? "/" : "", key);

	if (n < 0 || n >= PATH_SIZE) /* longer than any that is known */
		memcpy(place, unknown, sizeof unknown);
}

/* What is being done, for all functions below. */
struct merge {
	struct extend_result *x;
	const struct extend_source *from; /* who speaks now */
	size_t rank;
	struct reader r; /* of its document */
	bool own; /* it is the profile itself */
	struct err *e;
};

void extend_done(struct extend_result *x)
{
	json_free(x->doc);
	free(x->places);
	*x = (struct extend_result){0};
}

/* ---- places ---- */

const struct extend_place *extend_place(const struct extend_result *x, const struct json *v)
{
	for (size_t i = x->n; i--;)
		if (x->places[i].made == v)
			return &x->places[i];
	return NULL;
}

static void where(const struct reader *r, const struct json *v, bool key, const char **name,
	unsigned *line, unsigned *col)
{
	const struct extend_place *p = extend_place(r->arg, v);

	*line = *col = 0;
	if (!p)
		return;
	*name = p->from->file;
	if (key)
		json_key_line_col(p->from->doc, p->said, line, col);
	else
		json_line_col(p->from->doc, p->said, line, col);
}

struct reader extend_reader(const struct extend_result *x, struct err *e)
{
	return (struct reader){.name = x->file, .doc = x->doc, .e = e, .where = where, .arg = x};
}

static int note(struct merge *m, const struct json *made, const struct json *said)
{
	struct extend_result *x = m->x;

	if (x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 256;
		struct extend_place *more = reallocarray(x->places, cap, sizeof *more);

		if (!more)
			return err_nomem(m->e);
		x->places = more;
		x->cap = cap;
	}
	x->places[x->n++] = (struct extend_place){made, said, m->from, m->rank};
	return 0;
}

/* ---- copies ---- */

/* A copy of V in the result, strings in their one spelling; NULL when out of memory. */
static struct json *copy(struct merge *m, const struct json *v)
{
	struct json_doc *doc = m->x->doc;
	struct json *made;

	if (v->type == JSON_STRING)
		made = json_string(doc, v->text);
	else if (v->type == JSON_ARRAY)
		made = json_array(doc);
	else if (v->type == JSON_OBJECT)
		made = json_object(doc);
	else
		made = json_clone(doc, v);
	if (!made || note(m, made, v) < 0)
		return NULL;
	if (v->type != JSON_ARRAY && v->type != JSON_OBJECT)
		return made;
	json_each (child, v) {
		struct json *c = copy(m, child);

		if (!c || (v->type == JSON_ARRAY ? json_push(made, c)
						 : json_put(doc, made, child->key, c)) < 0)
			return NULL;
	}
	return made;
}

static int put(struct merge *m, struct json *object, const struct json *v)
{
	struct json *made = copy(m, v);

	if (!made || json_put(m->x->doc, object, v->key, made) < 0)
		return err_nomem(m->e);
	return 0;
}

/* ---- lists ---- */

static const char *path_in_object(const struct json *v)
{
	return json_is(v, JSON_OBJECT) ? json_str(json_get(v, "path")) : NULL;
}

/* A and B are one entry of a list; B may be only the path of one that is told by it. */
static bool same_entry(const struct json *a, const struct json *b, enum how how)
{
	const char *path_a, *path_b;

	if (how != HOW_BY_PATH)
		return json_equal(a, b);
	path_a = path_in_object(a);
	path_b = json_str(b) ? json_str(b) : path_in_object(b);
	return path_a && path_b && strcmp(path_a, path_b) == 0;
}

static struct json *find_entry(const struct json *list, const struct json *v, enum how how)
{
	json_each (item, list)
		if (same_entry(item, v, how))
			return item;
	return NULL;
}

static const char *shown(const struct json *v)
{
	const char *path = path_in_object(v);

	return path ? path : v->type == JSON_STRING || v->type == JSON_NUMBER ? v->text : "{...}";
}

/* No entry of LIST stands twice. */
static int check_list(struct merge *m, const struct json *list, enum how how)
{
	if (list->count > EXTEND_LIST_MAX)
		return reader_fail(&m->r, list, "%u entries, a list may have %d", list->count,
			EXTEND_LIST_MAX);
	json_each (v, list)
		for (const struct json *other = list->first; other != v; other = other->next)
			if (same_entry(other, v, how))
				return reader_fail(
					&m->r, v, "\"%.64s\" stands twice in this list", shown(v));
	return 0;
}

static const char *const *default_paths(enum how how)
{
	static const char *const none[] = {NULL};

	return how == HOW_MASKED ? paths_masked : how == HOW_READONLY ? paths_readonly : none;
}

/* "default" as the word's meaning, path by path, in LIST. */
static int spell_out(struct merge *m, struct json *list, struct json *word, enum how how)
{
	const char *const *paths = default_paths(how);
	const struct extend_place *said = extend_place(m->x, word);
	const struct json *from = said ? said->said : word;

	for (; *paths; paths++) {
		struct json *v = json_string(m->x->doc, *paths);

		if (find_entry(list, v, how))
			continue;
		if (!v || json_push(list, v) < 0 || note(m, v, from) < 0)
			return err_nomem(m->e);
	}
	json_remove(word);
	return 0;
}

/* The entry of LIST nearest to what somebody wanted to remove. */
static const char *nearest(const struct json *list, const struct json *wanted, enum how how)
{
	const char *text = json_str(wanted), *near = NULL;
	unsigned best = text && strlen(text) > 4 ? 3 : 2;

	if (text && (near = reader_nearest(default_paths(how), text)))
		return near;
	json_each (item, text ? list : NULL) {
		const char *other = shown(item);
		unsigned d = str_distance(other, text, best);

		if (d < best) {
			best = d;
			near = other;
		}
	}
	return near;
}

static int remove_entry(struct merge *m, struct json *list, const struct json *v, enum how how)
{
	struct json *found = find_entry(list, v, how), *word = NULL;
	const char *near;

	if (how == HOW_BY_PATH && !json_str(v))
		return reader_fail(&m->r, v, "to remove an entry here, name its path, as in \"%s\"",
			strcmp(v->parent->parent->key, "devices") == 0 ? "/dev/fuse" : "/tmp");
	if (!found && json_str(v) && str_in(default_paths(how), v->text)) {
		json_each (item, list)
			if (json_str(item) && strcmp(item->text, "default") == 0)
				word = item;
		if (word && spell_out(m, list, word, how) < 0)
			return -1;
		found = find_entry(list, v, how);
	}
	if (found) {
		json_remove(found);
		return 0;
	}
	near = nearest(list, v, how);
	if (near)
		return reader_fail(&m->r, v,
			"\"%.64s\" is not there to be removed, did you mean \"%.64s\"?", shown(v),
			near);
	return reader_fail(&m->r, v, "\"%.64s\" is not there to be removed%s", shown(v),
		list->count ? "" : ": so far the list is empty");
}

static int add_entry(struct merge *m, struct json *list, const struct json *v, enum how how)
{
	struct json *old = find_entry(list, v, how), *made;

	if (!old && list->count >= EXTEND_LIST_MAX)
		return reader_fail(&m->r, v,
			"with what it extends, the list has more than %d entries", EXTEND_LIST_MAX);
	made = copy(m, v);
	if (!made || (old ? json_replace(old, made) : json_push(list, made)) < 0)
		return err_nomem(m->e);
	return 0;
}

/* The list that EDIT changes, in OBJECT: what was said before, or what holds when nothing is. */
static struct json *list_before(
	struct merge *m, struct json *object, const struct json *edit, enum how how)
{
	struct json *list = json_member(object, edit->key), *word;

	if (json_is(list, JSON_ARRAY))
		return list;
	word = json_string(m->x->doc, "default");
	list = json_array(m->x->doc);
	if (!word || !list || note(m, list, edit) < 0 || note(m, word, edit) < 0)
		return NULL;
	if ((how == HOW_MASKED || how == HOW_READONLY) && json_push(list, word) < 0)
		return NULL;
	return json_put(m->x->doc, object, edit->key, list) < 0 ? NULL : list;
}

static int read_edit(struct reader *r, const struct json *v, void *to)
{
	(void)r;
	*(const struct json **)to = v;
	return 0;
}

/* {"add": [...], "remove": [...]} where a list may stand. */
static int edit_list(struct merge *m, struct json *object, const struct json *edit, enum how how)
{
	struct {
		const struct json *add, *remove;
	} parts = {NULL, NULL};
	static const struct reader_key keys[] = {
		{"add", JSON_ARRAY, read_edit, 0, false},
		{"remove", JSON_ARRAY, read_edit, sizeof(void *), false},
		{0},
	};
	struct json *list;

	if (!json_member(edit, "add") && !json_member(edit, "remove") && edit->count != 1)
		return reader_fail(&m->r, edit,
			"\"%s\" is a list, or an object with \"add\", \"remove\" or both",
			edit->key);
	if (reader_object(&m->r, edit, keys, &parts) < 0)
		return -1;
	if ((parts.add && check_list(m, parts.add, how) < 0) ||
		(parts.remove && check_list(m, parts.remove, HOW_LIST) < 0))
		return -1;
	json_each (v, parts.add)
		json_each (gone, parts.remove)
			if (same_entry(v, gone, how))
				return reader_fail(&m->r, v,
					"\"%.64s\" is added and removed at once", shown(v));
	if (!(list = list_before(m, object, edit, how)))
		return err_nomem(m->e);
	json_each (v, parts.remove)
		if (remove_entry(m, list, v, how) < 0)
			return -1;
	json_each (v, parts.add)
		if (add_entry(m, list, v, how) < 0)
			return -1;
	return 0;
}

/* ---- members ---- */

static int merge_object(
	struct merge *m, struct json *to, const struct json *from, const char *path);

static int merge_member(struct merge *m, struct json *to, const struct json *v, const char *path)
{
	enum how how = find_member(path)->how;
	struct json *old = json_member(to, v->key);

	if (how == HOW_NEVER || (how == HOW_OWN && !m->own))
		return 0;
	if (how == HOW_OBJECT && v->type == JSON_OBJECT) {
		if (!json_is(old, JSON_OBJECT)) {
			old = json_object(m->x->doc);
			if (!old || note(m, old, v) < 0 || json_put(m->x->doc, to, v->key, old) < 0)
				return err_nomem(m->e);
		}
		return merge_object(m, old, v, path);
	}
	if (how >= HOW_LIST && v->type == JSON_OBJECT)
		return edit_list(m, to, v, how);
	if (strcmp(path, "audit") == 0 && v->type == JSON_OBJECT)
		return reader_fail(&m->r, v,
			"\"audit\" is never inherited: write the whole list, as in [\"seccomp\"]");
	if (v->type == JSON_ARRAY && check_list(m, v, how) < 0)
		return -1;
	return put(m, to, v);
}

static int merge_object(struct merge *m, struct json *to, const struct json *from, const char *path)
{
	char place[PATH_SIZE];

	json_each (v, from) {
		join(place, path, v->key);
		if (merge_member(m, to, v, place) < 0)
			return -1;
	}
	return 0;
}

/* ---- canonical order ---- */

struct ranked {
	size_t rank;
	struct json *v;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->v->key, y->v->key);
}

static int sort_object(struct merge *m, struct json *object, const char *path);

/* Members of every object: by the table, then by name; also within the entries of lists. */
static int sort_members(struct merge *m, struct json *v, const char *path)
{
	if (v->type == JSON_OBJECT)
		return sort_object(m, v, path);
	json_each (item, v->type == JSON_ARRAY ? v : NULL)
		if (sort_members(m, item, unknown) < 0)
			return -1;
	return 0;
}

static int sort_object(struct merge *m, struct json *object, const char *path)
{
	AUTO_FREE struct ranked *all = calloc(object->count + 1, sizeof *all);
	char place[PATH_SIZE];
	size_t n = 0;

	if (!all)
		return err_nomem(m->e);
	json_each_safe (v, object) {
		join(place, path, v->key);
		all[n++] = (struct ranked){(size_t)(find_member(place) - members), v};
		json_remove(v);
	}
	qsort(all, n, sizeof *all, by_rank);
	for (size_t i = 0; i < n; i++) {
		join(place, path, all[i].v->key);
		if (json_put(m->x->doc, object, all[i].v->key, all[i].v) < 0)
			return err_nomem(m->e);
		if (sort_members(m, all[i].v, place) < 0)
			return -1;
	}
	return 0;
}

/* ---- the whole ---- */

static void note_controls(struct merge *m, const struct json *root)
{
	enum control c;

	json_each (v, root)
		if (control_from_name(v->key, &c) == 0)
			m->x->controls[c] = (struct extend_place){v, v, m->from, m->rank};
}

int extend_merge(
	const struct extend_source *const *line, size_t n, struct extend_result *out, struct err *e)
{
	struct merge m = {.x = out, .e = e};
	struct json *root;

	out->file = line[n - 1]->file;
	out->doc = json_new();
	root = out->doc ? json_object(out->doc) : NULL;
	if (!root)
		return err_nomem(e);
	json_set_root(out->doc, root);
	for (size_t i = 0; i < n; i++) {
		const struct json *from = json_root(line[i]->doc);

		m.from = line[i];
		m.rank = i;
		m.own = i + 1 == n;
		m.r = (struct reader){.name = line[i]->file, .doc = line[i]->doc, .e = e};
		if (m.own && note(&m, root, from) < 0)
			return -1;
		if (merge_object(&m, root, from, "") < 0)
			return -1;
		note_controls(&m, from);
	}
	return sort_members(&m, root, "");
}
