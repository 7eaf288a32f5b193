/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nomem - every single allocation fails once: a clean error, nothing lost, nothing half done.
 *
 * The linker sends our calls of malloc and its kin here first (-Wl,--wrap); what is not given back is
 * counted, so that leaks show without a sanitizer, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netseg/encode.h"
#include "netseg/ruleset.h"
#include "profiles/catalog.h"
#include "profiles/pack.h"
#include "profiles/policy.h"
#include "profiles/tar.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/checkpoint.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/learn.h"
#include "shim/ctl/net_graph.h"
#include "shim/ctl/ps.h"
#include "shim/ctl/vulnerable.h"
#include "shim/exec_process.h"
#include "shim/network.h"
#include "shim/flags.h"
#include "shim/running.h"
#include "shim/spec.h"
#include "shim/state.h"
#include "shim/tighten.h"
#include "shim/update_resources.h"
#include "shim/verb.h"
#include "tests/criu_image.h"
#include "tests/scratch.h"
#include "tests/tap.h"
#include "tests/world_fake.h"

static long countdown = -1; /* the allocation that fails; -1: none */
static bool failed; /* it has come to that */
static long live; /* blocks that were taken and not given back */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **out, const char *fmt, va_list ap);
int __real___vasprintf_chk(char **out, int flag, const char *fmt, va_list ap);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **out, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int __wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
void __wrap_free(void *p);

static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

static void *taken(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : taken(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_realloc(p, size) : taken(__real_realloc(NULL, size));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_reallocarray(p, n, size) : taken(__real_reallocarray(NULL, n, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : taken(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : taken(__real_strndup(s, n));
}

int __wrap_vasprintf(char **out, const char *fmt, va_list ap)
{
	int n = fails() ? -1 : __real_vasprintf(out, fmt, ap);

	live += n >= 0;
	return n;
}

/* what vasprintf is called in a fortified build */
int __wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list ap)
{
	int n = fails() ? -1 : __real___vasprintf_chk(out, flag, fmt, ap);

	live += n >= 0;
	return n;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

/* ---- what is tried ---- */

struct attempt {
	const char *text;
	size_t len;
	const struct profile *profile;
	const struct world *world;
};

static int try_parse(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	return json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e);
}

static int try_spec(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	return spec_check(doc, spec_config, e);
}

static int try_write(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL, *copy = json_new();
	AUTO_STR struct str out = STR_INIT, pretty = STR_INIT;
	struct json *root;

	if (!copy)
		return err_nomem(e);
	if (json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	root = json_clone(copy, json_root(doc));
	if (!root)
		return err_nomem(e);
	json_write(root, &out);
	json_write_pretty(root, &pretty);
	return str_failed(&out) || str_failed(&pretty) ? err_nomem(e) : 0;
}

static int try_profile(const struct attempt *t, struct err *e)
{
	AUTO_PROFILE struct profile *p = NULL;

	return profile_builtin(t->text, &p, e);
}

static int try_flatten(const struct attempt *t, struct err *e)
{
	AUTO_CATALOG struct catalog *c = catalog_new();
	AUTO_STR struct str text = STR_INIT;
	AUTO_PROFILE struct profile *p = NULL;

	if (!c)
		return err_nomem(e);
	if (catalog_add(c, "child", "child.json", NULL, t->text, t->len, e) < 0)
		return -1;
	return catalog_flatten(c, "child", &text, &p, e);
}

static int try_tighten(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {.keep_values = true};
	AUTO_STR struct str out = STR_INIT;
	struct json *changes;
	int rc;

	if (json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	rc = tighten(doc, t->profile, t->world, &report, e);
	if (rc < 0)
		return rc;
	changes = report_json(&report, doc);
	if (!changes)
		return err_nomem(e);
	json_write(changes, &out);
	return str_failed(&out) ? err_nomem(e) : 0;
}

/* TEXT is the document of an update; NULL: the limits are on the line. */
static int try_update(const struct attempt *t, struct err *e)
{
	static char *file[] = {(char *)"cinch", (char *)"update", (char *)"-r", NULL, (char *)"c"};
	static char *line[] = {(char *)"cinch", (char *)"--rootless=1", (char *)"update",
		(char *)"--memory=-1", (char *)"--cpuset-cpus=0", (char *)"--pids-limit=0",
		(char *)"c"};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	AUTO_ARGS struct args a = {0};
	AUTO_FREE char **argv = NULL;

	file[3] = (char *)t->text;
	if ((t->text ? args_parse(5, file, &a, e) : args_parse(7, line, &a, e)) < 0 ||
		update_resources_read(&a, &doc, e) < 0 ||
		flags_judge(&a, t->profile, &report, e) < 0 ||
		tighten_resources(doc, t->profile, t->world, &report, e) < 0 ||
		update_resources_hand_on(&a, "/proc/self/fd/3", e) < 0)
		return -1;
	argv = args_emit(&a, "rt", e);
	return argv ? 0 : -1;
}

/* A checkpoint with something wrong in every way. */
static void make_checkpoint(void)
{
	static const char *const words[] = {"uid=0", "group=0", "group=5", "group=6",
		"prm=0x200000", "nnp=0", "oom=-1", "nice=-20", "rlimit=4:5", "node=7", "label=x"};
	struct criu_made m = criu_made_plain;
	struct pb core = {.n = 0}, ids = {.n = 0}, filters = {.n = 0}, map = {.n = 0}, file[5];
	static const char *const names[] = {"checkpoint/core-1.img", "checkpoint/ids-1.img",
		"checkpoint/seccomp.img", "checkpoint/userns-1.img", "checkpoint/inventory.img"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		criu_made_set(&m, words[i]);
	criu_put_core(&core, &m);
	criu_put_ids(&ids, (unsigned)m.node);
	criu_put_filter(&filters, 0x7fff0000, -1, -1);
	criu_put_extent(&map, 1, 0, 0, 1);
	criu_file(&file[0], CRIU_MAGIC_CORE, &core);
	criu_file(&file[1], CRIU_MAGIC_IDS, &ids);
	criu_file(&file[2], CRIU_MAGIC_SECCOMP, &filters);
	criu_file(&file[3], CRIU_MAGIC_USERNS, &map);
	criu_inventory(&file[4], 2);
	if (mkdir(scratch_path("checkpoint"), 0700) < 0)
		exit(2);
	for (size_t i = 0; i < 5; i++) {
		AUTO_FD int fd = open(scratch_path(names[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || write(fd, file[i].b, file[i].n) != (ssize_t)file[i].n)
			exit(2);
	}
}

/* TEXT is the config.json it is judged by. */
static int try_checkpoint(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	struct profile *both[] = {(struct profile *)t->profile, (struct profile *)t->profile};
	struct checkpoint_ask ask = {
		.path = scratch_path("checkpoint"), .lazy = true, .p = both, .n = 2};
	AUTO_FD int dir = -1;

	if (json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	ask.doc = doc;
	if (checkpoint_judge(&ask, &dir, &report, e) < 0)
		return -1;
	return report_denials(&report) >= 10 ? 0 : err_set(e, ERR_INPUT, "too little was found");
}

/* The process of an exec, by options on the bundle in the scratch directory, or of the file TEXT. */
static int try_exec(const struct attempt *t, struct err *e)
{
	static char *file[] = {
		(char *)"cinch", (char *)"exec", (char *)"--process", NULL, (char *)"c"};
	static char *line[] = {(char *)"cinch", (char *)"exec", (char *)"-u=0:0", (char *)"-g=0",
		(char *)"-c=CAP_SYS_ADMIN", (char *)"-e=PATH=/x", (char *)"--cwd=/tmp",
		(char *)"--apparmor=x", (char *)"--cgroup=../x", (char *)"c", (char *)"id",
		(char *)"-u"};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	AUTO_ARGS struct args a = {0};
	struct json *root;

	file[3] = (char *)t->text;
	if ((t->text ? args_parse(5, file, &a, e) : args_parse(12, line, &a, e)) < 0 ||
		exec_process_read(&a, scratch_path("exec"), &doc, e) < 0)
		return -1;
	root = json_object(doc);
	if (json_put(doc, root, "process", json_root(doc)) < 0)
		return err_nomem(e);
	json_set_root(doc, root);
	if (exec_process_cgroups(&a, "/usr/sbin/crun", t->profile, &report, e) < 0 ||
		tighten_process(doc, t->profile, t->world, &report, e) < 0)
		return -1;
	return exec_process_line(&a, "/proc/self/fd/3", e);
}

/* The archive TEXT is a pack, whose manifest can be made again. Its key is in the scratch directory. */
static int try_pack(const struct attempt *t, struct err *e)
{
	AUTO_PACK struct pack p = {.n_files = 0};
	AUTO_KEYS struct pack_keys keys = {.n = 0};
	AUTO_STR struct str manifest = STR_INIT;

	if (pack_read_tar("acme.tar", t->text, t->len, &p, e) < 0 ||
		pack_read_keys(scratch_dir(), &keys, e) < 0 ||
		pack_trust(&p, &keys, NULL, e) != PACK_TRUSTED)
		return -1;
	return pack_manifest(&p, p.name, p.version, &manifest, e);
}

/* The signed pack of tests/data as an archive, and the key of its signature. */
static void make_pack(struct str *tar)
{
	static const char *const names[] = {
		PACK_MANIFEST, PACK_SIGNATURE, "seccomp/tiny.json", "web.json", "key.pub"};
	AUTO_FD int dir = open("tests/data/packs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_STR struct str path = STR_INIT;
		AUTO_FREE char *text = NULL;
		size_t len;
		bool key = str_ends(names[i], ".pub");

		str_addf(&path, "%s%s", key ? "" : "acme/", names[i]);
		if (!ok(io_read_file_at(dir, str_text(&path), 1u << 20, &text, &len, NULL, NULL) ==
				    0,
			    "%s", names[i]))
			continue;
		if (key)
			scratch_write("key.pub", text);
		else
			tar_add(tar, names[i], text, len);
	}
	tar_end(tar);
}

/* The configuration TEXT is compiled with a profile and a filter, and all of it is read. */
static int try_policy(const struct attempt *t, struct err *e)
{
	static const char denied[] =
		"{\"denied\": [{\"digest\": \"sha256:"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
		" \"reason\": \"r\", \"cves\": [\"a\", \"b\"]}]}";
	static const struct policy_text texts[] = {
		{"web", "{\"profile\":\"web\",\"version\":\"1\"}", 31},
		{"seccomp/default", "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}", 35},
	};
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_DENIED struct denied d = {.n = 0};
	AUTO_IMAGE struct image image = {.text = NULL};
	AUTO_STR struct str bytes = STR_INIT;
	AUTO_POLICY struct policy *p = NULL;
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	AUTO_PROFILE struct profile *profile = NULL;
	AUTO_STRV struct strv names = {0};
	struct policy_pack pack = {(char *)"a", (char *)"1", NULL, (char *)"f", false},
			   *packs = NULL;
	struct policy_draft draft = {.node = &n,
		.texts = texts,
		.n_texts = 2,
		.packs = &pack,
		.n_packs = 1,
		.denied = &d};
	struct rules_facts facts = {.engine = "docker", .image = &image};
	struct denied_image found = {.digest = NULL};
	const char *name;
	size_t n_packs = 0;
	unsigned line;
	int fd, rc;

	if (node_parse("cinch.json", t->text, t->len, &n, e) < 0 ||
		denied_add("denied.json", denied, sizeof denied - 1, &d, e) < 0 ||
		image_parse("r.example/team/app:1", &image, e) < 0 ||
		policy_encode(&draft, &bytes, e) < 0)
		return -1;
	fd = memfd_create("policy", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes.s, bytes.len) != (ssize_t)bytes.len)
		return -2;
	if (policy_open(fd, &p, e) < 0 || policy_check(p, e) < 0 || policy_settings(p, &s, e) < 0 ||
		policy_select(p, &facts, &name, &line, e) < 0 ||
		policy_profile(p, "web", &profile, e) < 0 || policy_names(p, &names, e) < 0 ||
		policy_packs(p, &packs, &n_packs, e) < 0)
		return -1;
	policy_packs_free(packs, n_packs);
	rc = policy_denied(p, d.v[0].digest, &found, e);
	free(found.digest);
	free(found.reason);
	free(found.cves);
	return rc < 0 ? -1 : profile && profile->filter && names.n == 1;
}

static int try_report(const struct attempt *t, struct err *e)
{
	AUTO_VULN_REPORT struct vuln_report r = {.tool = NULL};

	return vuln_report_parse("report.json", t->text, t->len, &r, e);
}

/* A record of an image is written, and listed with the report that the file TEXT holds. */
static int try_ps(const struct attempt *t, struct err *e)
{
	static char registry[] = "registry.example.com", repository[] = "shop/db", tag[] = "16";
	struct engine engine = {.kind = ENGINE_CRI,
		.container = tag,
		.image = {.registry = registry, .repository = repository, .tag = tag}};
	const struct state_facts f = {
		.root = "/run/runc", .id = "box", .runtime = "/usr/bin/runc", .engine = &engine};
	struct ctl_call c = {.command = &ctl_ps, .json = t->len & 1};
	char dir[4096];
	int rc;

	for (const struct ctl_option *o = ctl_ps.options; t->text && o->name; o++)
		if (strcmp(o->name, "vulnerable") == 0 ||
			(t->len == 2 && strcmp(o->name, "deny-list") == 0)) {
			c.given[c.n_given].option = o;
			c.given[c.n_given++].value = t->text;
		}
	c.given[c.n_given++].option = &ctl_ps.options[0]; /* --all: it does not run */
	snprintf(dir, sizeof dir, "%s/state", scratch_dir());
	if (state_write(dir, &f, e) < 0)
		return -1;
	rc = ps_run(&c, dir, NULL, e);
	if (str_failed(&c.out))
		rc = err_nomem(e);
	str_done(&c.out);
	return rc;
}

/* What a container is held to is read back. */
static int try_running(const struct attempt *t, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;
	struct running r = {0};
	char dir[4096], root[4096];

	(void)t;
	snprintf(dir, sizeof dir, "%s/state", scratch_dir());
	snprintf(root, sizeof root, "%s/rt", scratch_dir());
	if (running_read_at(dir, root, "box", &r, e) < 0)
		return -1;
	doc = json_new();
	if (!doc || running_document(&r, doc, json_object(doc), e) < 0) {
		running_done(&r);
		return err_nomem(e);
	}
	running_done(&r);
	return 0;
}

static bool make_running(void)
{
	AUTO_PROFILE struct profile *p = NULL;
	struct selection s = {.n = 1};
	char dir[4096], root[4096];
	struct err e;

	snprintf(dir, sizeof dir, "%s/state", scratch_dir());
	snprintf(root, sizeof root, "%s/rt", scratch_dir());
	mkdir(root, 0700);
	mkdir(scratch_path("rt/box"), 0700);
	scratch_write("rt/box/status", "{\"pid\": 1, \"process-start-time\": 0}");
	if (profile_builtin("baseline", &p, &e) < 0)
		return false;
	s.p[0] = p;
	return state_write(dir, &(struct state_facts){.root = root, .id = "box", .profiles = &s},
		       &e) == 0;
}

/* Whatever allocation fails, a kill comes to the runtime, which is not there. */
static void kills(void)
{
	char *argv[] = {(char *)"cinch", (char *)"kill", (char *)"box", (char *)"9"};
	static char log[4096];
	struct settings settings = {.audit = {.path = log, .required = true}};
	struct applied applied = {.from = APPLIED_BUILTIN, .settings = settings};
	long n = 0, wrong = 0;

	snprintf(log, sizeof log, "%s/log/audit.jsonl", scratch_dir());
	for (failed = true; failed; n++) {
		AUTO_ARGS struct args args = {0};
		struct err e = {0};
		const struct call c = {
			.args = &args, .applied = &applied, .runtime = "/nonexistent/runc"};
		long before;

		if (args_parse(4, argv, &args, &e) < 0)
			break;
		before = live;
		countdown = n;
		failed = false;
		wrong += verb_pass(&c, &e) != -1 || e.code != ERR_NO_RUNTIME;
		countdown = -1;
		wrong += live != before;
	}
	ok(wrong == 0 && n > 10, "each of %ld allocations of a kill: the runtime is reached", n);
}

/* What a launch does for the network of the document TEXT. */
static int try_network(const struct attempt *t, struct err *e)
{
	static const char text[] =
		"{\"profile\": \"net\", \"version\": \"1\", \"network\": {\"segment\": \"web\", "
		"\"egress\": [{\"to\": [\"dns\", \"10.0.0.0/8\"]}], \"lift\": [\"dns\"]}}";
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_REPORT struct report report = {0};
	__attribute__((cleanup(network_done))) struct network n = {.want = NULL};
	struct engine engine = {.kind = ENGINE_UNKNOWN};
	struct settings settings = {.runtime = NULL};
	struct network_ask ask = {
		.settings = &settings, .engine = &engine, .id = "b", .bundle = -1};
	struct selection s = {.n = 1};

	if (profile_parse("net", text, sizeof text - 1, &p, e) < 0 ||
		json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	s.p[0] = p;
	ask.profiles = &s;
	if (network_forget(doc, &report, e) < 0 || network_decide(&ask, doc, &n, &report, e) < 0)
		return -1;
	return network_hook(&n, doc, "/run/cinch", "/run/runc", "b", &report, e);
}

/* A policy becomes a table, and that a batch; t->len: in the host's network. */
static int try_ruleset(const struct attempt *t, struct err *e)
{
	static char name[] = "db";
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_NET_WANT struct net_want want = {0};
	AUTO_ADDRS struct addrs resolvers = {0};
	AUTO_STRV struct strv mentioned = {NULL, 0};
	AUTO_RULESET struct ruleset r = {0};
	AUTO_STR struct str text = STR_INIT;
	AUTO_BATCH struct batch b = {0};
	struct net_container c = {.key = "c1", .want = &want, .cgroup = 7, .level = 1};
	struct net_segment segment = {name, {0}};
	struct net_space s = {t->len, &c, 1, &segment, 1};

	if (json_parse(t->text, strlen(t->text), &spec_limits, JSON_STRICT, &doc, e) < 0 ||
		net_want_read(json_root(doc), &want, e) < 0)
		return -1;
	if (net_want_mentions(&want, &mentioned) < 0 ||
		net_resolv_conf("nameserver 10.0.0.10\nnameserver fd00::a\n", &resolvers) < 0)
		return err_nomem(e);
	c.resolvers = c.hosts = segment.members = resolvers;
	if (ruleset_build(&s, &r, e) < 0)
		return -1;
	ruleset_print(&r, &text);
	if (str_failed(&text))
		return err_nomem(e);
	batch_init(&b);
	if (encode_install(&b, &r, NULL, 0, &r, e) < 0)
		return -1;
	batch_done(&b);
	batch_init(&b);
	return encode_elements(&b, "segment_db_4", NET_T_ADDR4, &resolvers, &resolvers, e);
}

/* What was seen becomes a profile's network. */
static int try_learn(const struct attempt *t, struct err *e)
{
	AUTO_SIGHTS struct sights from = {0};
	AUTO_LEARNED struct learned l = {0};
	AUTO_STR struct str text = STR_INIT;
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *all;

	if (!doc)
		return err_nomem(e);
	if (sights_read(t->text, t->len, &from, e) < 0 || learn(&from, "audit", &l, e) < 0)
		return -1;
	learn_coverage(&l, &from, &text);
	all = sights_json(&from, doc);
	if (!all)
		return err_nomem(e);
	json_write(all, &text);
	json_write(l.network, &text);
	return str_failed(&text) ? err_nomem(e) : 0;
}

/* Two containers, one rule, some flows: drawn in every way. */
static int try_graph(const struct attempt *t, struct err *e)
{
	const size_t chosen[] = {0, 1};
	AUTO_NET_LIST struct net_list l = {.v = calloc(2, sizeof *l.v)};
	AUTO_NET_VIEW struct net_view v = {.seen = {0}};
	struct net_view *const views[] = {&v, NULL};
	AUTO_GRAPH struct graph g = {0};
	AUTO_STR struct str text = STR_INIT;
	AUTO_JSON struct json_doc *doc = json_new();
	const struct table_style style = {.width = 80, .colour = true};
	struct net_flow flows[20];
	struct net_flows all = {flows, 20};

	if (!doc || !l.v)
		return err_nomem(e);
	for (l.n = 0; l.n < 2;) {
		struct net_entry *n = &l.v[l.n++];

		snprintf(n->key, sizeof n->key, "c%011zu", l.n);
		n->id = strdup("id");
		if (!n->id)
			return err_nomem(e);
		if (json_parse(t->text, t->len, &spec_limits, JSON_STRICT, &n->network, e) < 0 ||
			net_want_read(json_root(n->network), &n->want, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < 20; i++)
		flows[i] = (struct net_flow){.peer = {AF_INET, 32, {10, 0, 0, (uint8_t)i}},
			.protocol = 6,
			.port = (uint16_t)i};
	if (net_view_head(&l.v[0], &v.seen, e) < 0 || net_view_head(&l.v[0], &v.denied, e) < 0 ||
		net_view_add(&l, &l.v[0], NET_OUT, &all, false, &v.seen, e) < 0 ||
		net_view_add(&l, &l.v[0], NET_IN, &all, true, &v.denied, e) < 0 ||
		graph_build(&l, chosen, views, 2, 12, &g, e) < 0 || graph_svg(&g, &text, e) < 0)
		return -1;
	graph_text(&g, &style, &text);
	graph_dot(&g, &text);
	graph_mermaid(&g, &text);
	return str_failed(&text) || !graph_json(&g, doc) ? err_nomem(e) : 0;
}

/* Fail the Nth allocation for every N of a stride. WANT is what the call answers undisturbed. */
static void every(const char *what, int (*run)(const struct attempt *t, struct err *e),
	const struct attempt *t, long stride)
{
	struct err quiet = {0};
	int want = run(t, &quiet);
	long before = live, n = 0, wrong = 0;

	for (;; n += stride) {
		struct err e = {0};
		int rc;

		countdown = n;
		failed = false;
		rc = run(t, &e);
		countdown = -1;
		if (!failed)
			break;
		if (rc != -1 || e.code != ENOMEM || !e.msg[0]) {
			if (wrong++ < 5)
				printf("# %s: allocation %ld: %d, code %d, %s\n", what, n, rc,
					e.code, e.msg);
		}
		if (live != before && wrong++ < 5)
			printf("# %s: allocation %ld: %ld blocks lost\n", what, n, live - before);
		live = before;
	}
	ok(wrong == 0 && n > 0, "%s: each of %ld allocations%s fails cleanly", what, n,
		stride > 1 ? " (some left out)" : "");
	ok(run(t, &quiet) == want && live == before, "%s: as always afterwards", what);
}

static void rulesets(void)
{
	static const char text[] =
		"{\"title\": \"t\", \"policies\": [{\"profile\": \"p\", \"preset\": \"internet\", "
		"\"egress\": [{\"to\": [\"segment:db\", \"10.0.0.0/8\", \"fd00::/8\", \"host\"], "
		"\"ports\": [\"tcp/80\", \"icmp\"]}]}, {\"profile\": \"q\", \"mode\": \"audit\"}, "
		"{\"profile\": \"r\", \"mode\": \"learn\"}], \"segments\": [\"web\"], \"netns\": "
		"\"/x\", \"resolvConf\": \"/y\", \"resolvers\": [\"1.1.1.1\"]}";

	every("a table", try_ruleset, &(struct attempt){.text = text, .len = 0}, 1);
	every("the host's table", try_ruleset, &(struct attempt){.text = text, .len = 1}, 1);
}

static void networks(void)
{
	static const char text[] =
		"{\"title\": \"t\", \"policies\": [{\"profile\": \"p\", \"preset\": \"internet\", "
		"\"egress\": [{\"to\": [\"segment:db\", \"10.0.0.0/8\", \"host\"], \"ports\": "
		"[\"tcp/80\"]}]}], \"segments\": [\"web\"]}";
	static const char *const seen[] = {"two.json", "prefixes.json"};
	AUTO_FD int dir = open("tests/corpus/learn", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	every("net graph", try_graph, &(struct attempt){.text = text, .len = sizeof text - 1}, 1);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		AUTO_FREE char *bytes = NULL;
		struct attempt t = {.text = NULL};
		struct err e;

		if (!ok(io_read_file_at(dir, seen[i], 1u << 20, &bytes, &t.len, NULL, &e) == 0,
			    "%s", seen[i]))
			continue;
		t.text = bytes;
		every("learn", try_learn, &t, 1);
	}
}

/* An exec that is let in with much to change, and one that is refused for much. */
static void execs(struct world *w)
{
	static const char text[] = "{\"profile\":\"few\",\"version\":\"1\","
				   "\"capabilities\":[\"CAP_KILL\"],\"user\":{"
				   "\"root\":\"remap\"},\"audit\":[\"exec\"],\"env\":{"
				   "\"deny\":[\"A\"]},\"resources\":"
				   "{"
				   "\"rlimits\":{\"RLIMIT_CORE\":0}},\"exec\":{\"allow\":"
				   "true,\"commands\":{\"allow\":"
				   "["
				   "\"id **\"],\"deny\":[\"sh\"]}}}";
	static const char record[] =
		"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},\"path\":\"/"
		"bin\","
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":9,\"soft\":9}],"
		"\"apparmorProfile\":\"own\"}}";
	AUTO_PROFILE struct profile *p = NULL;
	AUTO_JSON struct json_doc *running = NULL;
	struct attempt t = {.world = w};
	char path[4096]; /* of scratch_path only eight live */
	struct err e;

	mkdir(scratch_path("exec"), 0755);
	scratch_write("exec/config.json", "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"x\"],"
					  "\"cwd\":\"/\",\"env\":[\"A="
					  "b\"]}}");
	scratch_write("exec/p.json", "{\"args\":[\"id\"],\"cwd\":\"/"
				     "\",\"env\":[\"A=b\",\"PATH=/x\"],\"later\":1}");
	if (!ok(profile_parse("few", text, sizeof text - 1, &p, &e) == 0 &&
			    json_parse(record, sizeof record - 1, &spec_limits, 0, &running, &e) ==
				    0,
		    "a profile and a record: %s", e.msg))
		return;
	w->running = json_root(running);
	t.profile = p;
	for (int audit = 1; audit >= 0; audit--) {
		if (!audit)
			p->audit = 0;
		t.text = NULL;
		every(audit ? "exec by options, audited" : "exec by options", try_exec, &t, 1);
		snprintf(path, sizeof path, "%s", scratch_path("exec/p.json"));
		t.text = path;
		every(audit ? "exec by file, audited" : "exec by file", try_exec, &t, 1);
	}
	w->running = NULL;
}

static char *sample(const char *name, size_t *len)
{
	AUTO_FD int dir = open("tests/data/samples", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *text = NULL;
	struct err e;

	return io_read_file_at(dir, name, 1u << 20, &text, len, NULL, &e) < 0 ? NULL : text;
}

int main(void)
{
	static const char *const names[] = {"podman-default.json", "cri-privileged.json",
		"ctr-nethost.json", "docker-readonly.json"};
	static const char *const reports[] = {"trivy-shop-db.json", "grype-cache.json"};
	static const char restored[] =
		"{\"process\": {}, \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, "
		"{\"type\": "
		"\"network\"}], \"seccomp\": {\"defaultAction\": \"SCMP_ACT_ERRNO\"}}}";
	static const char hooked[] =
		"{\"mounts\": [{\"destination\": \"/etc/resolv.conf\", \"source\": \"/r\"}], "
		"\"hooks\": {\"poststop\": [{\"path\": \"/x/cinch-hook\", \"args\": "
		"[\"cinch-hook\", \"delete\"]}]}}";
	static const char report[] = "tests/data/reports/trivy-shop-db.json";
	AUTO_FAKE struct world_fake fake;
	AUTO_PROFILE struct profile *p = NULL;
	static const char family[] = "{\"profile\": \"child\", \"version\": \"1\", \"extends\": "
				     "[\"restricted\"],"
				     " \"paths\": {\"masked\": {\"remove\": [\"/proc/kcore\"]}},"
				     " \"network\": {\"egress\": [{\"to\": [\"dns\"]}]},"
				     " \"capabilities\": {\"add\": [\"CAP_KILL\"]}}";
	struct attempt profile = {.text = "restricted"};
	struct attempt child = {.text = family, .len = sizeof family - 1};
	static const char config[] =
		"{\"runtime\": \"/r\", \"select\": [{\"engine\": [\"docker\", \"cri\"], "
		"\"image\": "
		"\"r.example/**\", \"profile\": \"web\"}, {\"profile\": \"rest\"}], "
		"\"annotations\": {\"record\": [\"a\", \"b\"]}}";
	struct attempt node = {.text = config, .len = sizeof config - 1};
	AUTO_STR struct str tar = STR_INIT;
	struct attempt pack = {.text = NULL};
	struct err e;

	make_pack(&tar);
	pack.text = tar.s;
	pack.len = tar.len;
	ok(try_pack(&pack, &e) == 0, "the pack is good");
	every("pack_read, pack_read_keys, pack_trust", try_pack, &pack, 1);
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		AUTO_FREE char *text = NULL;
		struct attempt t = {.text = NULL};
		AUTO_FD int dir = open("tests/data/reports", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (ok(io_read_file_at(dir, reports[i], 1u << 20, &text, &t.len, NULL, &e) == 0,
			    "%s", reports[i])) {
			t.text = text;
			every(reports[i], try_report, &t, 1);
		}
	}
	every("state_write, ps", try_ps, &(struct attempt){.len = 0}, 1);
	every("ps --json", try_ps, &(struct attempt){.len = 1}, 1);
	every("ps --vulnerable", try_ps, &(struct attempt){.text = report, .len = 0}, 1);
	every("ps --vulnerable --json", try_ps, &(struct attempt){.text = report, .len = 1}, 1);
	every("ps --deny-list", try_ps, &(struct attempt){.text = report, .len = 2}, 1);
	if (ok(make_running(), "a record to be read"))
		every("running_read", try_running, &(struct attempt){.len = 0}, 1);
	kills();
	every("network_decide, network_hook", try_network,
		&(struct attempt){.text = hooked, .len = sizeof hooked - 1}, 1);
	rulesets();
	networks();
	make_checkpoint();
	world_fake_init(&fake);
	every("profile_builtin", try_profile, &profile, 1);
	every("catalog_flatten", try_flatten, &child, 1);
	every("node_parse, policy", try_policy, &node, 1);
	if (!ok(profile_builtin("restricted", &p, &e) == 0, "the profile"))
		return tap_done();
	every("update, a file", try_update,
		&(struct attempt){.text = "tests/data/samples/cri-update-resources.json",
			.profile = p,
			.world = &fake.world},
		1);
	execs(&fake.world);
	every("update, options", try_update, &(struct attempt){.profile = p, .world = &fake.world},
		1);
	every("checkpoint_judge", try_checkpoint,
		&(struct attempt){.text = restored, .len = sizeof restored - 1, .profile = p}, 1);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_FREE char *text = NULL;
		struct attempt t = {.profile = p, .world = &fake.world};

		text = sample(names[i], &t.len);
		t.text = text;
		if (!ok(text, "%s", names[i]))
			continue;
		every("json_parse", try_parse, &t, 1);
		every("spec_check", try_spec, &t, 1);
		every("json_clone, json_write", try_write, &t, 1);
		every(names[i], try_tighten, &t, 1);
	}
	return tap_done();
}
