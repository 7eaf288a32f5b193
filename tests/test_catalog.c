/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_catalog - profiles by name, and what "extends" makes of them: order, lists, places, limits.
 */
#include "profiles/capset.h"
#include "profiles/catalog.h"
#include "profiles/paths.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "tests/tap.h"
#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

#define BIT(cap) ((uint64_t)1 << capset_number(cap))

/* Add the profile NAME with BODY behind its head; the body begins on line 2. */
static void put(struct catalog *c, const char *name, const char *body)
{
	AUTO_STR struct str text = STR_INIT, file = STR_INIT;
	struct err e = {0};

	str_addf(&text, "{\"profile\": \"%s\", \"version\": \"1\"%s%s}", name, *body ? ",\n" : "",
		body);
	str_addf(&file, "%s.json", name);
	if (catalog_add(c, name, str_text(&file), NULL, str_text(&text), text.len, &e) < 0)
		ok(false, "%s: %s", name, e.msg);
}

static struct profile *flat(const struct catalog *c, const char *name, struct str *text)
{
	struct profile *p = NULL;
	struct err e = {0};

	if (catalog_flatten(c, name, text, &p, &e) < 0)
		ok(false, "%s: %s", name, e.msg);
	return p;
}

/* Flattening NAME fails with MESSAGE. */
static void fails(const struct catalog *c, const char *name, const char *message)
{
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *what = NULL;
	struct err e = {0};
	int rc = catalog_flatten(c, name, &text, &p, &e);

	if (asprintf(&what, "refused: %.60s", message) < 0)
		what = NULL;
	tap_same(rc == 0 ? "(accepted)" : e.msg, message, what);
	ok(rc == 0 || (!p && text.len == 0), "and nothing comes back");
}

static void test_builtin(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	const struct catalog_entry *item, *last = NULL;

	if (!ok(c, "the shipped ones"))
		return;
	for (size_t i = 0; (item = catalog_item(c, i)); i++, last = item) {
		AUTO_PROFILE struct profile *p = NULL, *again = NULL, *plain = NULL;
		AUTO_STR struct str text = STR_INIT;
		char digest[HASH_HEX_SIZE];
		struct err e = {0};

		ok(item->builtin && (!last || strcmp(last->name, item->name) < 0), "%s is built in",
			item->name);
		if (str_starts(item->name, "seccomp/")) {
			ok(catalog_check_filter(c, item->name, &e) == 0, "%s compiles %s",
				item->name, e.msg);
			continue;
		}
		p = flat(c, item->name, &text);
		if (!p || !ok(profile_builtin(item->name, &plain, &e) == 0, "%s: %s", item->name,
				  e.msg))
			continue;
		hash_sha256_hex(text.s, text.len, digest);
		tap_same(p->digest, digest, "the digest is that of the flattened text");
		ok(memcmp(p->line, plain->line, sizeof p->line) == 0 &&
				p->capabilities == plain->capabilities &&
				p->mounts.deny.n == plain->mounts.deny.n,
			"%s: lines and values are those of the file", item->name);
		ok(profile_parse("x", text.s, text.len, &again, &e) == 0, "it can be read: %s",
			e.msg);
	}
}

static void test_order(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_STR struct str text = STR_INIT;

	put(c, "a",
		"\"capabilities\": [\"CAP_KILL\"],\n\"mode\": \"audit\", \"audit\": "
		"[\"seccomp\"],\n"
		"\"resources\": {\"pids\": 1, \"rlimits\": {\"RLIMIT_CORE\": 0}},\n"
		"\"user\": {\"root\": \"deny\", \"uid\": 5}");
	put(c, "b", "\"extends\": [\"a\"],\n\"resources\": {\"pids\": 2}");
	put(c, "c",
		"\"extends\": [\"a\"],\n\"capabilities\": {\"add\": [\"CAP_CHOWN\"]},\n"
		"\"resources\": {\"rlimits\": {\"RLIMIT_AS\": \"1Mi\"}}");
	put(c, "d", "\"extends\": [\"b\", \"c\"],\n// own\n\"user\": {\"uid\": 7}");
	p = flat(c, "d", &text);
	tap_same(str_text(&text),
		"{\"profile\":\"d\",\"version\":\"1\",\"capabilities\":[\"CAP_KILL\",\"CAP_CHOWN\"]"
		","
		"\"user\":{\"root\":\"deny\",\"uid\":7},\"resources\":{\"pids\":2,\"rlimits\":"
		"{\"RLIMIT_AS\":\"1Mi\",\"RLIMIT_CORE\":0}},\"lines\":{\"user\":\"d:4\","
		"\"capabilities\":\"c:3\",\"resources\":\"c:4\"}}\n",
		"a diamond: each once, parents first, members merged");
	if (!p)
		return;
	ok(p->mode == PROFILE_ENFORCE && p->audit == 0, "a parent's audit mode is its own");
	ok(p->line[CONTROL_USER] == 4 && !p->said_by[CONTROL_USER], "its own line");
	ok(p->line[CONTROL_CAPABILITIES] == 3, "the line of a parent");
	tap_same(p->said_by[CONTROL_CAPABILITIES], "c", "and who said it");
}

static void test_lists(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL, *q = NULL, *r = NULL;

	put(c, "base",
		"\"rootfs\": {\"writable\": [{\"path\": \"/tmp\", \"size\": 1}, {\"path\": "
		"\"/run\"}]},\n"
		"\"user\": {\"groups\": [5, 6]},\n"
		"\"devices\": [{\"path\": \"/dev/fuse\", \"type\": \"c\", \"major\": 10, "
		"\"minor\": 229, "
		"\"access\": \"r\"}],\n"
		"\"network\": {\"egress\": [{\"to\": [\"dns\"]}, {\"to\": [\"10.0.0.0/8\"]}]},\n"
		"\"env\": {\"deny\": [\"A\", \"B\"]}");
	put(c, "edit",
		"\"extends\": [\"base\"],\n"
		"\"rootfs\": {\"writable\": {\"remove\": [\"/run\"], \"add\": [{\"path\": "
		"\"/tmp\", "
		"\"size\": 2}, {\"path\": \"/x\"}]}},\n"
		"\"user\": {\"groups\": {\"remove\": [5], \"add\": [6, 7]}},\n"
		"\"devices\": {\"remove\": [\"/dev/fuse\"]},\n"
		"\"network\": {\"egress\": {\"remove\": [{\"to\": [\"dns\"]}]}},\n"
		"\"paths\": {\"masked\": {\"remove\": [\"/proc/kcore\"], \"add\": [\"/proc/x\"]}, "
		"\"readonly\": {\"add\": [\"/proc/y\"]}},\n"
		"\"env\": {\"deny\": {\"add\": [\"B\", \"C\"]}}");
	put(c, "again",
		"\"extends\": [\"edit\"],\n\"paths\": {\"masked\": {\"add\": [\"/proc/kcore\"]}},\n"
		"\"env\": {\"deny\": []}");
	p = flat(c, "edit", NULL);
	q = flat(c, "again", NULL);
	put(c, "alone", "\"env\": {\"deny\": {\"add\": [\"Z\"]}}");
	r = flat(c, "alone", NULL);
	if (!p || !q || !r)
		return;
	ok(p->rootfs.n_writable == 2 && p->rootfs.writable[0].size == 2 &&
			strcmp(p->rootfs.writable[1].path, "/x") == 0,
		"writable: the entry of a path is replaced, another is gone");
	ok(p->user.n_groups == 2 && p->user.groups[0] == 6 && p->user.groups[1] == 7,
		"numbers, one there already");
	ok(p->n_devices == 0, "a device goes by its path");
	ok(json_at(json_root(p->network), "/egress/0/to/0") &&
			!json_at(json_root(p->network), "/egress/1"),
		"a rule goes when the whole is named");
	ok(!strv_has(&p->paths.masked, "/proc/kcore") && strv_has(&p->paths.masked, "/proc/keys") &&
			strv_has(&p->paths.masked, "/proc/x"),
		"one of the default paths is removed, the others stay");
	ok(strv_has(&p->paths.readonly, "/proc/sys") && strv_has(&p->paths.readonly, "/proc/y"),
		"added to the default paths");
	ok(p->env.deny.n == 3, "what is there already is not there twice");
	ok(strv_has(&q->paths.masked, "/proc/kcore") && q->env.deny.n == 0,
		"a grandchild puts it back; a plain list replaces");
	ok(r->env.deny.n == 1, "without parents \"add\" is the list");
}

static void test_stricter(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL;

	put(c, "wide",
		"\"capabilities\": [\"CAP_KILL\", \"CAP_CHOWN\"],\n"
		"\"exec\": {\"allow\": true, \"capabilities\": [\"CAP_KILL\", \"CAP_CHOWN\"]},\n"
		"\"seccomp\": {\"allow\": [\"bpf\", \"mount\"], \"deny\": [\"ptrace\"]},\n"
		"\"mounts\": {\"sources\": {\"allow\": [\"/a\", \"/b\"]}},\n"
		"\"namespaces\": {\"host\": [\"uts\", \"ipc\"]}");
	put(c, "strict",
		"\"extends\": [\"wide\"],\n\"capabilities\": {\"remove\": [\"CAP_CHOWN\"]},\n"
		"\"seccomp\": {\"deny\": {\"add\": [\"bpf\"]}},\n"
		"\"mounts\": {\"sources\": {\"deny\": [\"/a\"]}},\n"
		"\"namespaces\": {\"add\": [\"uts\"]}");
	p = flat(c, "strict", NULL);
	if (!p)
		return;
	ok(p->exec.capabilities == BIT("CAP_KILL"), "exec loses what the profile loses");
	ok(p->seccomp.allow.n == 1 && p->seccomp.deny.n == 2,
		"a denied call is not allowed any more");
	ok(p->mounts.allow.n == 1 && strv_has(&p->mounts.allow, "/b"), "nor a denied source");
	ok(p->namespaces.host == 1u << NS_IPC && p->namespaces.add == 1u << NS_UTS,
		"nor the host's namespace that is made new");
	put(c, "back",
		"\"extends\": [\"strict\"],\n\"seccomp\": {\"allow\": {\"add\": [\"bpf\"]}}");
	fails(c, "back",
		"back.json:3:31: \"bpf\" stands in \"deny\", too: a call is allowed or denied, not "
		"both");
	put(c, "loose",
		"\"extends\": [\"wide\"],\n\"seccomp\": {\"allow\": {\"add\": [\"ptrace\"]}}");
	fails(c, "loose",
		"loose.json:3:31: \"ptrace\" stands in \"deny\", too: a call is allowed or denied, "
		"not "
		"both");
	put(c, "none", "\"extends\": [\"wide\"],\n\"seccomp\": {\"profile\": \"unconfined\"}");
	fails(c, "none",
		"none.json:3:24: \"ptrace\" would not be denied: the seccomp profile is "
		"\"unconfined\"");
	put(c, "net", "\"capabilities\": [\"CAP_NET_ADMIN\"]");
	put(c, "filtered", "\"extends\": [\"net\"],\n\"network\": {}");
	fails(c, "filtered",
		"filtered.json:3:1: CAP_NET_ADMIN together with an enforced \"network\" is not "
		"possible: the container could flush the rules. Take it out, or set \"mode\" of "
		"\"network\" to \"audit\" or \"off\"");
}

/* Each capability that would undo enforced rules, or go past them. */
static void test_masters(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	static const char *const masters[] = {
		"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_MODULE"};

	for (size_t i = 0; i < sizeof masters / sizeof *masters; i++) {
		char name[16], body[128], start[128];
		struct err e = {0};

		snprintf(name, sizeof name, "master%zu", i);
		snprintf(body, sizeof body,
			"\"capabilities\": [\"%s\"],\n\"network\": {\"mode\": \"audit\"}",
			masters[i]);
		put(c, name, body);
		ok(catalog_flatten(c, name, NULL, NULL, &e) == 0,
			"%s beside rules that only count: %s", masters[i], e.msg);
		snprintf(name, sizeof name, "master%zu-e", i);
		snprintf(body, sizeof body, "\"capabilities\": [\"%s\"],\n\"network\": {}",
			masters[i]);
		put(c, name, body);
		snprintf(start, sizeof start, "%s together with an enforced", masters[i]);
		ok(catalog_flatten(c, name, NULL, NULL, &e) < 0 && strstr(e.msg, start),
			"%s beside enforced ones is refused: %s", masters[i], e.msg);
	}
}

static const char *rule_of(const struct rig *r, enum control control)
{
	for (size_t i = 0; i < r->report.n; i++)
		if (r->report.changes[i].control == control)
			return r->report.changes[i].rule;
	return NULL;
}

/* What a start reads is the flattened text; its report names the line somebody wrote. */
static void test_rules(void)
{
	static const char config[] =
		"{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"rootfs\"}, \"process\": "
		"{\"cwd\": \"/\", "
		"\"args\": [\"x\"], \"user\": {\"uid\": 0, \"gid\": 0}, \"capabilities\": "
		"{\"bounding\": "
		"[\"CAP_SYS_ADMIN\"]}}, \"linux\": {\"namespaces\": [{\"type\": \"mount\"}, "
		"{\"type\": "
		"\"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"}, "
		"{\"type\": \"cgroup\"}]}}";
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *p = NULL, *launched = NULL;
	AUTO_FAKE struct world_fake fake;
	AUTO_STR struct str text = STR_INIT;
	AUTO_RIG struct rig rig = {.accepted = false};
	struct err e = {0};

	world_fake_init(&fake);
	put(c, "mother", "// why\n\"user\": {\"root\": \"remap\"}");
	put(c, "kid", "\"extends\": [\"mother\"],\n\n\"capabilities\": {\"add\": [\"CAP_KILL\"]}");
	p = flat(c, "kid", &text);
	if (!ok(p && profile_parse_known("kid", text.s, text.len, p->digest, &launched, &e) == 0,
		    "as a launch reads it: %s", e.msg))
		return;
	rig_run(&rig, config, strlen(config), launched, &fake.world);
	ok(rig.accepted, "tightened: %s", rig.e.msg);
	tap_same(rule_of(&rig, CONTROL_USER), "mother:3", "the line of a parent");
	tap_same(rule_of(&rig, CONTROL_CAPABILITIES), "kid:4", "the line of the profile");
	tap_same(rule_of(&rig, CONTROL_ROOTFS), "kid", "where nobody says anything, the name");
}

/* What is wrong in a parent is said of the parent's file. */
/* Lists of which the empty one allows everything. */
static void test_last_one(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_PROFILE struct profile *other = NULL, *any = NULL, *fewer = NULL;

	put(c, "few", "\"image\": {\"registries\": [\"r.example/**\"]}");
	put(c, "none",
		"\"extends\": [\"few\"],\n\"image\": {\"registries\": {\"remove\": "
		"[\"r.example/**\"]}}");
	fails(c, "none",
		"none.json:3:1: no registry is left in \"registries\", which would allow images of "
		"any; write [\"**\"] if that is what is meant");
	put(c, "other",
		"\"extends\": [\"few\"],\n\"image\": {\"registries\": {\"remove\": "
		"[\"r.example/**\"], \"add\": [\"**\"]}}");
	put(c, "any", "\"image\": {\"registries\": []}");
	other = flat(c, "other", NULL);
	any = flat(c, "any", NULL);
	ok(other && other->image.registries.n == 1 && any && any->image.registries.n == 0,
		"whoever says so may have any");
	put(c, "probes", "\"exec\": {\"commands\": {\"allow\": [\"cat /x\", \"ls\"]}}");
	put(c, "shut",
		"\"extends\": [\"probes\"],\n\"exec\": {\"commands\": {\"allow\": {\"remove\": "
		"[\"cat /x\", \"ls\"]}}}");
	fails(c, "shut",
		"shut.json:3:1: an empty list would allow any command: leave \"allow\" out of "
		"\"commands\" or write [\"**\"] if that is what is meant, and \"allow\": false of "
		"\"exec\" for none");
	put(c, "fewer",
		"\"extends\": [\"probes\"],\n\"exec\": {\"commands\": {\"allow\": {\"remove\": "
		"[\"ls\"]}, \"deny\": {\"add\": [\"cat /x\"]}}}, \"flags\": {\"allow\": {\"add\": "
		"[\"--rootless\"]}, \"preserveFds\": 2}");
	fewer = flat(c, "fewer", NULL);
	ok(fewer && fewer->exec.allow_commands.n == 1 && fewer->exec.deny_commands.n == 1,
		"a command denied later stays listed: denying wins, an empty list would not");
	put(c, "back",
		"\"extends\": [\"fewer\"],\n\"exec\": {\"commands\": {\"allow\": [\"cat /x\"]}}, "
		"\"flags\": {\"allow\": {\"remove\": [\"--rootless\"]}}");
	fails(c, "back",
		"back.json:3:33: \"cat /x\" stands in \"deny\", too: what is denied is never "
		"allowed");
	ok(fewer && fewer->flags.allow == 1u << FLAG_ROOTLESS && fewer->flags.preserve_fds == 2 &&
			fewer->line[CONTROL_FLAGS] == 3,
		"flags are inherited and edited");
}

static void test_places(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();

	put(c, "a", "\"seccomp\": {\n\"deny\": [\"mount\", \"mounnt\"]}");
	put(c, "b", "\"extends\": [\"a\"],\n\"seccomp\": {\"deny\": {\"add\": [\"ptrace\"]}}");
	fails(c, "b", "a.json:3:19: unknown system call \"mounnt\", did you mean \"mount\"?");
	put(c, "d",
		"\"extends\": [\"b\"],\n\"user\": {\"uid\": \"x\"},\n\"seccomp\": {\"deny\": []}");
	fails(c, "d", "d.json:3:17: \"uid\" must be a number, not a string");
	put(c, "e",
		"\"extends\": [\"restricted\"],\n\"capabilities\": {\"remove\": [\"CAP_KILL\"]}");
	fails(c, "e", "e.json:3:29: \"CAP_KILL\" is not there to be removed");
	put(c, "f", "\"extends\": [\"g\"]");
	put(c, "g", "\"extends\": [\"batc\"]");
	fails(c, "f", "g.json:2:13: unknown profile \"batc\", did you mean \"batch\"?");
	fails(c, "z0", "unknown profile \"z0\", known are: a, b, baseline, batch, d, e, f, g, ...");
	fails(c, "seccomp/default",
		"unknown profile \"seccomp/default\", known are: a, b, baseline, batch, d, e, f, "
		"g, ...");
}

/* However it is spelled, what is applied is spelled in one way. */
static void test_spelling(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new(), *d = catalog_new();
	AUTO_PROFILE struct profile *p = NULL, *q = NULL;

	put(c, "a",
		"\"seccomp\": {\"deny\": [\"\\u0062pf\"], \"profile\": \"default\"}, /* x */ "
		"\"sysctl\": []");
	put(d, "a", "\"sysctl\": [], \"seccomp\": {\"profile\": \"default\", \"deny\": [\"bpf\"]}");
	p = flat(c, "a", NULL);
	q = flat(d, "a", NULL);
	if (p && q)
		tap_same(p->digest, q->digest, "order, comments and escapes make no difference");
}

static void test_circles(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();

	put(c, "a", "\"extends\": [\"b\"]");
	put(c, "b", "\"extends\": [\"restricted\", \"d\"]");
	put(c, "d", "\"extends\": [\"b\"]");
	put(c, "e", "\"extends\": [\"e\"]");
	fails(c, "a", "d.json:2:13: \"extends\" goes round in a circle: b -> d -> b");
	fails(c, "e", "e.json:2:13: \"extends\" goes round in a circle: e -> e");
	put(c, "web", "\"extends\": [\"web\"]");
	fails(c, "web",
		"web.json:2:13: \"extends\" goes round in a circle: web -> web. To build on the "
		"shipped "
		"\"web\", give this profile another name");
}

static void test_limits(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_STR struct str many = STR_INIT, list = STR_INIT;
	AUTO_PROFILE struct profile *p = NULL;
	char name[16], body[64];

	put(c, "l0", "");
	for (int i = 1; i < 17; i++) {
		snprintf(name, sizeof name, "l%d", i);
		snprintf(body, sizeof body, "\"extends\": [\"l%d\"]", i - 1);
		put(c, name, body);
	}
	p = flat(c, "l15", NULL);
	ok(p, "sixteen levels");
	fails(c, "l16", "l1.json:2:13: more than 16 levels of \"extends\"");
	/* seen from below first, the chain is as long */
	put(c, "l17", "\"extends\": [\"l14\", \"l16\"]");
	fails(c, "l17", "l16.json:2:13: more than 16 levels of \"extends\"");

	for (int i = 0; i < 5; i++) {
		AUTO_STR struct str parents = STR_INIT;

		str_addf(&many, "%s\"m%d\"", i ? ", " : "\"extends\": [", i);
		for (int k = 0; k < 15; k++) {
			snprintf(name, sizeof name, "n%d-%d", i, k);
			put(c, name, "");
			str_addf(&parents, "%s\"%s\"", k ? ", " : "\"extends\": [", name);
		}
		str_addc(&parents, ']');
		snprintf(name, sizeof name, "m%d", i);
		put(c, name, str_text(&parents));
	}
	str_addc(&many, ']');
	put(c, "many", str_text(&many));
	fails(c, "many", "m3.json:2:129: more than 64 profiles in one family");

	for (int i = 0; i < 1200; i++)
		str_addf(&list, "%s\"A%d\"", i ? ", " : "\"env\": {\"deny\": [", i);
	str_add(&list, "]}");
	put(c, "long", str_text(&list));
	str_reset(&list);
	for (int i = 0; i < 1200; i++)
		str_addf(&list, "%s\"B%d\"",
			i ? ", " : "\"extends\": [\"long\"],\n\"env\": {\"deny\": {\"add\": [", i);
	str_add(&list, "]}}");
	put(c, "longer", str_text(&list));
	fails(c, "longer",
		"longer.json:3:6316: with what it extends, the list has more than 2000 entries");
	str_reset(&list);
	for (int i = 0; i < 2001; i++)
		str_addf(&list, "%s\"B%d\"", i ? ", " : "\"env\": {\"deny\": [", i);
	str_add(&list, "]}");
	put(c, "longest", str_text(&list));
	fails(c, "longest", "longest.json:2:17: 2001 entries, a list may have 2000");
}

static void test_names(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	static const char text[] = "{\"profile\": \"web\", \"version\": \"9\"}";
	AUTO_PROFILE struct profile *p = NULL;
	struct err e = {0};
	char *big;

	ok(catalog_add(c, "web", "/etc/cinch/profiles/web.json", NULL, text, strlen(text), &e) ==
				0 &&
			!catalog_find(c, "web")->builtin,
		"a file takes the place of a shipped profile");
	p = flat(c, "web", NULL);
	ok(p && strcmp(p->version, "9") == 0, "and is what counts");
	ok(catalog_add(c, "web", "/opt/p/web.json", "acme", text, strlen(text), &e) < 0, "but one");
	tap_same(e.msg, "/opt/p/web.json: there is another \"web\": /etc/cinch/profiles/web.json",
		"both files are named");
	ok(catalog_add(c, "own", "/opt/p/own.json", "acme", text, strlen(text), &e) == 0 &&
			strcmp(catalog_find(c, "own")->pack, "acme") == 0,
		"of a pack");
	fails(c, "own",
		"/opt/p/own.json:1:13: the profile is named \"web\", the file \"own.json\": both "
		"must "
		"be the same");
	ok(!catalog_find(c, "none") && !catalog_item(c, 1000), "what is not there");
	big = calloc(1, CATALOG_TEXT_MAX + 1);
	ok(big && catalog_add(c, "big", "big.json", NULL, big, CATALOG_TEXT_MAX + 1, &e) < 0,
		"too big: %s", e.msg);
	free(big);
}

static void test_filters(void)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	static const char good[] =
		"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": "
		"[\"read\", \"call_of_tomorrow\"], \"action\": \"SCMP_ACT_ALLOW\"}]}";
	static const char bad[] = "{\"defaultAction\": \"SCMP_ACT_MAYBE\"}";
	static const char rule[] = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n"
				   "{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\"},\n"
				   " {\"names\": [\"write\"], \"action\": \"SCMP_ACT_ALOW\"},\n"
				   "{\"names\": [\"open\"], \"action\": \"SCMP_ACT_ALLOW\"}]}";
	AUTO_PROFILE struct profile *p = NULL;
	struct err e = {0};

	ok(catalog_add(c, "seccomp/own", "seccomp/own.json", NULL, good, strlen(good), &e) == 0 &&
			catalog_check_filter(c, "seccomp/own", &e) == 0,
		"a filter: %s", e.msg);
	put(c, "a", "\"seccomp\": {\"profile\": \"own\"}");
	p = flat(c, "a", NULL);
	ok(p && strcmp(p->seccomp.profile, "own") == 0, "a profile names it");
	put(c, "b", "\"seccomp\": {\"profile\": \"on\"}");
	fails(c, "b",
		"b.json:2:24: unknown seccomp profile \"on\", known are: default, own, unconfined");
	ok(catalog_add(c, "seccomp/bad", "seccomp/bad.json", NULL, bad, strlen(bad), &e) == 0 &&
			catalog_check_filter(c, "seccomp/bad", &e) < 0 &&
			str_starts(e.msg, "seccomp/bad.json:1:1: "),
		"refused: %s", e.msg);
	ok(catalog_add(c, "seccomp/rule", "seccomp/rule.json", NULL, rule, strlen(rule), &e) == 0 &&
			catalog_check_filter(c, "seccomp/rule", &e) < 0 &&
			str_starts(e.msg, "seccomp/rule.json:3:2: "),
		"the rule that is wrong: %s", e.msg);
	ok(catalog_check_filter(c, "seccomp/none", &e) < 0, "%s", e.msg);
	ok(catalog_check_filter(c, "restricted", &e) < 0, "%s", e.msg);
}

int main(void)
{
	test_builtin();
	test_order();
	test_spelling();
	test_lists();
	test_stricter();
	test_masters();
	test_rules();
	test_places();
	test_last_one();
	test_circles();
	test_limits();
	test_names();
	test_filters();
	return tap_done();
}
