/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_record - the text of a record.
 */
#include "shim/state_record.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "profiles/running.h"
#include "shim/base/clock.h"

enum { TEXT_MAX = 1024 /* bytes of what an engine told */ };

static int put_text(struct json_doc *doc, struct json *to, const char *key, const char *text)
{
	char cut[TEXT_MAX + 1];

	if (!text || !*text)
		return 0;
	if (strnlen(text, sizeof cut) == sizeof cut) {
		memcpy(cut, text, TEXT_MAX);
		cut[TEXT_MAX] = '\0';
		text = cut;
	}
	return json_put(doc, to, key, json_string_lossy(doc, text));
}

static int put_engine(struct json_doc *doc, struct json *r, const struct engine *g)
{
	const struct image *i = &g->image;
	struct json *image = json_object(doc);

	if (put_text(doc, r, "namespace", g->namespace) < 0 ||
		put_text(doc, r, "pod", g->pod) < 0 || put_text(doc, r, "podUid", g->pod_uid) < 0 ||
		put_text(doc, r, "container", g->container) < 0 ||
		(g->sandbox && json_put(doc, r, "sandbox", json_bool(doc, true)) < 0))
		return -1;
	if (!image || put_text(doc, image, "reference", i->text) < 0 ||
		put_text(doc, image, "registry", i->registry) < 0 ||
		put_text(doc, image, "repository", i->repository) < 0 ||
		put_text(doc, image, "tag", i->tag) < 0 ||
		put_text(doc, image, "digest", i->digest) < 0 ||
		put_text(doc, image, "id", i->id) < 0)
		return -1;
	return image->count ? json_put(doc, r, "image", image) : 0;
}

static struct json *profiles_json(struct json_doc *doc, const struct selection *s)
{
	static const char *const modes[] = {[PROFILE_ENFORCE] = "enforce",
		[PROFILE_AUDIT] = "audit",
		[PROFILE_LEARN] = "learn"};
	struct json *list = json_array(doc);

	for (size_t i = 0; s && i < s->n; i++) {
		const struct profile *p = s->p[i];
		struct json *o = json_object(doc);

		if (json_put(doc, o, "name", json_string_lossy(doc, p->name)) < 0 ||
			put_text(doc, o, "version", p->version) < 0 ||
			put_text(doc, o, "digest", p->digest) < 0 ||
			put_text(doc, o, "mode", modes[p->mode]) < 0 ||
			json_put(doc, o, "running", running_profile(p, doc)) < 0 ||
			json_push(list, o) < 0)
			return NULL;
	}
	return list;
}

/* PATH of the environment: of several the last one, as the runtime sets one after the other. */
static const char *search_path(const struct json *process)
{
	const char *found = NULL;

	json_each (v, json_get(process, "env")) {
		const char *text = json_str(v);

		if (text && str_starts(text, "PATH="))
			found = text + strlen("PATH=");
	}
	return found;
}

static int put_clone(
	struct json_doc *doc, struct json *to, const char *key, const struct json *from)
{
	return from ? json_put(doc, to, key, json_clone(doc, from)) : 0;
}

/* Of config.json what an exec is compared with. */
static int put_document(struct json_doc *doc, struct json *r, const struct json *config)
{
	static const char *const kept[] = {
		"capabilities", "cwd", "rlimits", "apparmorProfile", "selinuxLabel"};
	const struct json *process = json_get(config, "process");
	const struct json *linux_part = json_get(config, "linux");
	const char *path = search_path(process);
	struct json *o = json_object(doc);

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (put_clone(doc, o, kept[i], json_get(process, kept[i])) < 0)
			return -1;
	if ((path && json_put(doc, o, "path", json_string(doc, path)) < 0) ||
		json_put(doc, r, "process", o) < 0 ||
		put_clone(doc, r, "uidMappings", json_get(linux_part, "uidMappings")) < 0 ||
		put_clone(doc, r, "gidMappings", json_get(linux_part, "gidMappings")) < 0)
		return -1;
	return 0;
}

/* NAME below the bundle, by its text, as the runtimes join them. What cannot be said is left out. */
static int put_path(
	struct json_doc *doc, struct json *r, const char *key, const char *base, const char *name)
{
	char at[PATH_MAX];
	struct err why;
	size_t bad;

	if (state_absolute(base, name, at, &why) < 0)
		return 0;
	return json_utf8_ok(at, strlen(at), &bad) ? json_put(doc, r, key, json_string(doc, at)) : 0;
}

static int put_places(struct json_doc *doc, struct json *r, const struct state_facts *f)
{
	const char *root = f->doc ? json_str(json_at(json_root(f->doc), "/root/path")) : NULL;
	char cwd[PATH_MAX], bundle[PATH_MAX];
	struct err why;

	if (!f->bundle)
		return 0;
	if (*f->bundle != '/' && !getcwd(cwd, sizeof cwd))
		return json_put(doc, r, "bundle", json_string_lossy(doc, f->bundle));
	if (state_absolute(*f->bundle == '/' ? "/" : cwd, f->bundle, bundle, &why) < 0)
		return 0;
	if (json_put(doc, r, "bundle", json_string_lossy(doc, bundle)) < 0)
		return -1;
	return root ? put_path(doc, r, "rootfs", bundle, root) : 0;
}

/* Now, on the clock that /proc/PID/stat tells the start of a process by. */
static uint64_t now_ticks(void)
{
	const uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * hz + (uint64_t)now.tv_nsec * hz / 1000000000;
}

static int put_call(
	struct json_doc *doc, struct json *r, const struct state_facts *f, const char *root)
{
	char now[CLOCK_TEXT_SIZE];

	clock_text(now);
	if (json_put(doc, r, "version", json_int(doc, STATE_VERSION)) < 0 ||
		json_put(doc, r, "id", json_string(doc, f->id)) < 0 ||
		json_put(doc, r, "root", json_string_lossy(doc, root)) < 0 ||
		(f->runtime &&
			json_put(doc, r, "runtime", json_string_lossy(doc, f->runtime)) < 0) ||
		json_put(doc, r, "created", json_string(doc, now)) < 0 ||
		json_put(doc, r, "ticks", json_uint(doc, now_ticks())) < 0 ||
		(f->restored && json_put(doc, r, "restored", json_bool(doc, true)) < 0) ||
		json_put(doc, r, "pid", json_int(doc, getpid())) < 0)
		return -1;
	return put_places(doc, r, f);
}

static int put_decision(struct json_doc *doc, struct json *r, const struct state_facts *f)
{
	const enum engine_kind kind = f->engine ? f->engine->kind : ENGINE_UNKNOWN;

	if (json_put(doc, r, "engine", json_string(doc, engine_name(kind))) < 0 ||
		(f->engine && put_engine(doc, r, f->engine) < 0) ||
		json_put(doc, r, "profiles", profiles_json(doc, f->profiles)) < 0 ||
		put_text(doc, r, "policy", f->policy) < 0 ||
		(f->rule && json_put(doc, r, "rule", json_uint(doc, f->rule)) < 0) ||
		json_put(doc, r, "enforced", json_bool(doc, f->enforced)) < 0)
		return -1;
	return f->doc ? put_document(doc, r, json_root(f->doc)) : 0;
}

int state_record(const struct state_facts *f, const char *root, struct str *out, struct err *e)
{
	const size_t most = f->network ? STATE_NETWORK_MAX : STATE_RECORD_MAX;
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *r = doc ? json_object(doc) : NULL;

	if (!r || put_call(doc, r, f, root) < 0 || put_decision(doc, r, f) < 0 ||
		put_clone(doc, r, "network", f->network) < 0)
		return err_nomem(e);
	json_write(r, out);
	str_addc(out, '\n');
	if (str_failed(out))
		return err_nomem(e);
	if (out->len > most)
		return err_set(e, ERR_INPUT, "state record: %zu bytes, limit %zu", out->len, most);
	return 0;
}
