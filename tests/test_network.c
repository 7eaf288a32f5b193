/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_network - what a launch says of a container's network: from profiles, settings and the document, without
 * any of this host.
 */
#include "shim/network.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "netseg/policy.h"
#include "profiles/network.h"
#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "tests/scratch.h"
#include "tests/tap.h"

static struct profile *profile(const char *name, const char *members)
{
	AUTO_STR struct str text = STR_INIT;
	struct profile *p = NULL;
	struct err e = {0};

	str_addf(&text, "{\"profile\": \"%s\", \"version\": \"1\"%s%s}", name, *members ? ", " : "",
		members);
	if (profile_parse(name, str_text(&text), text.len, &p, &e) < 0) {
		printf("not ok - %s\n", e.msg);
		exit(2);
	}
	return p;
}

static struct json_doc *document(const char *text)
{
	struct json_doc *doc = NULL;
	struct err e = {0};

	if (json_parse(text, strlen(text), &spec_limits, JSON_STRICT, &doc, &e) < 0) {
		printf("not ok - %s\n", e.msg);
		exit(2);
	}
	return doc;
}

/* ---- the world: a hook that is there, or not ---- */

static const char *hook_trouble; /* NULL: it is good; "": it is not trusted */

static int hook_ok(void *arg, const char *path, struct world_hook *out, struct err *e)
{
	(void)arg;
	if (hook_trouble && *hook_trouble)
		return err_set(e, ENOENT, "open hook %s", path);
	out->ok = !hook_trouble;
	snprintf(out->real, sizeof out->real, "%s", path);
	return 0;
}

static const struct world world = {.hook_ok = hook_ok};

/* ---- one decision ---- */

struct decision {
	struct network n;
	struct report report;
	struct json_doc *doc;
	int rc;
	struct err e;
};

static void decision_done(struct decision *d)
{
	network_done(&d->n);
	report_done(&d->report);
	json_free(d->doc);
}
#define AUTO_DECISION __attribute__((cleanup(decision_done)))

static struct decision decide(const struct network_ask *ask, const char *text)
{
	struct decision d = {.doc = document(text)};

	d.rc = network_decide(ask, d.doc, &d.n, &d.report, &d.e);
	return d;
}

/* What the record would say at POINTER, as JSON; "" when nothing. */
static const char *wanted(const struct decision *d, const char *pointer)
{
	static struct str text;
	const struct json *v = d->n.want ? json_at(json_root(d->n.want), pointer) : NULL;

	str_reset(&text);
	if (v)
		json_write(v, &text);
	return str_text(&text);
}

/* ---- what stands in the document ---- */

static void test_document(void)
{
	static const char bundle_of[] = "{\"mounts\": [{\"destination\": \"/etc/resolv.conf\", "
					"\"source\": \"run/resolv.conf\"}]}";
	static const struct {
		const char *doc, *at, *want;
	} rows[] = {
		{"{}", "/resolvConf", ""},
		{"{}", "/netns", "\"/proc/1/ns/net\""},
		{"{\"linux\": {\"namespaces\": [{\"type\": \"pid\"}]}}", "/netns",
			"\"/proc/1/ns/net\""},
		{"{\"linux\": {\"namespaces\": [{\"type\": \"network\"}]}}", "/netns", ""},
		{"{\"linux\": {\"namespaces\": [{\"type\": \"network\", \"path\": \"\"}]}}",
			"/netns", ""},
		{"{\"linux\": {\"namespaces\": [{\"type\": \"network\", \"path\": "
		 "\"/proc/7/ns/net\"}]}}",
			"/netns", "\"/proc/7/ns/net\""},
		{"{\"mounts\": [{\"destination\": \"/etc/resolv.conf\", \"source\": \"/a\"}, "
		 "{\"destination\": \"/etc/hosts\", \"source\": \"/b\"}, "
		 "{\"destination\": \"/etc/resolv.conf\", \"source\": \"/c\"}]}",
			"/resolvConf", "\"/c\""},
		{"{\"mounts\": [{\"destination\": \"/etc/resolv.conf\"}]}", "/resolvConf", ""},
	};
	AUTO_PROFILE struct profile *p = profile("p", "\"network\": {}");
	struct selection s = {.p = {p}, .n = 1};
	struct settings settings = {.runtime = NULL};
	struct engine engine = {.kind = ENGINE_UNKNOWN};
	AUTO_FD int bundle = open(scratch_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct network_ask ask = {.profiles = &s,
		.settings = &settings,
		.engine = &engine,
		.id = "box",
		.bundle = bundle};
	AUTO_DECISION struct decision relative = {.rc = 0};
	char real[PATH_MAX], want[PATH_MAX + 32];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_DECISION struct decision d = decide(&ask, rows[i].doc);

		ok(d.rc == 0 && d.n.enforced, "%s: %s", rows[i].doc, d.e.msg);
		tap_same(wanted(&d, rows[i].at), rows[i].want, rows[i].at);
	}
	relative = decide(&ask, bundle_of);
	if (!realpath(scratch_dir(), real))
		perror(scratch_dir());
	snprintf(want, sizeof want, "\"%s/run/resolv.conf\"", real);
	tap_same(wanted(&relative, "/resolvConf"), want, "from the bundle");
}

static void test_title(void)
{
	static const struct {
		const char *namespace, *pod, *container, *want;
	} rows[] = {
		{NULL, NULL, NULL, "\"box\""},
		{"default", NULL, NULL, "\"default/box\""},
		{"shop", "web-1", "nginx", "\"shop/web-1/nginx\""},
		{"shop", "web-1", NULL, "\"shop/web-1\""},
		{NULL, NULL, "db", "\"db\""},
	};
	AUTO_PROFILE struct profile *p = profile("p", "\"network\": {}");
	struct selection s = {.p = {p}, .n = 1};
	struct settings settings = {.runtime = NULL};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine engine = {.namespace = (char *)rows[i].namespace,
			.pod = (char *)rows[i].pod,
			.container = (char *)rows[i].container};
		struct network_ask ask = {.profiles = &s,
			.settings = &settings,
			.engine = &engine,
			.id = "box",
			.bundle = -1};
		AUTO_DECISION struct decision d = decide(&ask, "{}");

		tap_same(wanted(&d, "/title"), rows[i].want, "title");
	}
}

/* What a launch writes, the reader of the rules reads. */
static void test_read_back(void)
{
	static const char section[] =
		"\"network\": {\"preset\": \"internet\", \"segment\": \"web\", \"metadata\": "
		"\"allow\", \"lift\": [\"sourceAddress\", \"routerAdvertisements\", \"loopback\", "
		"\"forward\", \"dns\"], \"ingress\": [{\"from\": [\"segment:lb\", \"host\", "
		"\"any\", \"10.0.0.0/8\"], \"ports\": [\"tcp/80\", \"icmp\"]}], \"egress\": "
		"[{\"to\": [\"dns\"]}, {\"to\": [\"fd00::/8\"], \"ports\": [\"udp/1-2\", "
		"\"sctp/9\"]}]}";
	AUTO_PROFILE struct profile *a = profile("a", section);
	AUTO_PROFILE struct profile *b = profile("b", "\"mode\": \"learn\", \"network\": {}");
	struct selection s = {.p = {a, b}, .n = 2};
	AUTO_SETTINGS struct settings settings = {.runtime = NULL};
	struct engine engine = {.kind = ENGINE_UNKNOWN};
	struct network_ask ask = {.profiles = &s,
		.settings = &settings,
		.engine = &engine,
		.id = "box",
		.bundle = -1};
	AUTO_NET_WANT struct net_want w = {.title = NULL};
	AUTO_DECISION struct decision d = {.rc = 0};
	struct err e = {0};

	strv_add(&settings.network.resolvers, "10.96.0.10");
	strv_add(&settings.network.nodes, "192.0.2.1");
	strv_add(&settings.network.metadata, "192.0.2.0/24");
	d = decide(&ask, "{}");
	if (!ok(net_want_read(json_root(d.n.want), &w, &e) == 0, "it is read: %s", e.msg))
		return;
	ok(w.n == 2 && w.policies[0].mode == NET_ENFORCE && w.policies[1].mode == NET_LEARN,
		"two policies and their modes");
	ok(w.policies[0].preset == NET_INTERNET && w.policies[0].metadata &&
			w.policies[0].lift == (1u << NET_GUARDS) - 1,
		"preset, metadata, every guard by its name");
	ok(w.policies[0].n_rules[NET_IN] == 1 && w.policies[0].n_rules[NET_OUT] == 2 &&
			w.policies[0].rules[NET_IN][0].n_ports == 2,
		"rules");
	ok(w.segments.n == 1 && strv_has(&w.segments, "web"), "the segment of the first");
	ok(w.resolvers.n == 1 && w.node.n == 1 && w.metadata.n == 1, "addresses of the node");
}

/* ---- what stands against it ---- */

static void test_refusals(void)
{
	static const char caps[] = "{\"process\": {\"capabilities\": {\"ambient\": [\"CAP_CHOWN\", "
				   "\"CAP_SYS_MODULE\"]}}}";
	static const struct {
		const char *members, *doc, *runtime, *hook, *want; /* NULL: it starts */
		bool restore, rules; /* it has some */
	} rows[] = {
		{"\"network\": {}", "{}", "/usr/bin/runc", NULL, NULL, false, true},
		{"\"network\": {}", "{}", "/usr/bin/runc", NULL, NULL, true, true},
		{"\"network\": {}", "{}", "/usr/bin/crun", NULL, NULL, false, true},
		{"\"network\": {}", "{}", "/usr/bin/crun", NULL, "crun runs no hooks", true, false},
		{"\"network\": {\"mode\": \"audit\"}", "{}", "/usr/bin/crun", NULL, NULL, true,
			false},
		{"\"network\": {}", "{}", "/usr/bin/runc", "none", "install cinch-hook beside",
			false, false},
		{"\"network\": {}", "{}", "/usr/bin/runc", "", "must be a program", false, false},
		{"\"network\": {\"mode\": \"learn\"}", "{}", "/usr/bin/runc", "none", NULL, false,
			false},
		{"\"network\": {}", caps, "/usr/bin/runc", NULL,
			"CAP_SYS_MODULE stays, and with it", false, false},
		{"\"network\": {\"mode\": \"audit\"}", caps, "/usr/bin/runc", NULL, NULL, false,
			true},
		{"\"network\": {\"mode\": \"off\"}", caps, "/usr/bin/runc", "none", NULL, false,
			false},
	};
	struct settings settings = {.runtime = NULL};
	struct engine engine = {.kind = ENGINE_UNKNOWN};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_PROFILE struct profile *p = profile("p", rows[i].members);
		struct selection s = {.p = {p}, .n = 1};
		struct network_ask ask = {.profiles = &s,
			.settings = &settings,
			.engine = &engine,
			.id = "box",
			.world = &world,
			.bundle = -1,
			.restore = rows[i].restore,
			.runtime = rows[i].runtime};
		AUTO_DECISION struct decision d = {.rc = 0};

		hook_trouble = rows[i].hook;
		d = decide(&ask, rows[i].doc);
		ok(rows[i].want ? d.rc < 0 && strstr(d.e.msg, rows[i].want) : d.rc == 0,
			"case %zu: %s", i, d.e.msg);
		if (!rows[i].want)
			ok(!d.n.want == !rows[i].rules, "with rules or without");
		if (!rows[i].want && !rows[i].rules && !strstr(rows[i].members, "off"))
			ok(d.report.n == 1 && d.report.changes[0].kind == CHANGE_NOTE,
				"and it is said that nothing is counted");
	}
	hook_trouble = NULL;
}

/* A process that is to run in the container. */
static void test_process(void)
{
	static const char record[] =
		"{\"network\": {\"policies\": [{\"profile\": \"a\", \"mode\": \"audit\"}, "
		"{\"profile\": \"b\", \"mode\": \"%s\"}]}}";
	static const char process[] =
		"{\"process\": {\"capabilities\": {\"effective\": [\"CAP_NET_RAW\"]}}}";
	static const char *const modes[] = {"enforce", "audit", "learn", "off"};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		AUTO_JSON struct json_doc *doc = document(process), *of = NULL;
		AUTO_REPORT struct report report = {0};
		char text[sizeof record + 16];
		struct err e = {0};
		int rc;

		snprintf(text, sizeof text, record, modes[i]);
		of = document(text);
		rc = network_process(
			doc, json_get(json_root(doc), "process"), json_root(of), &report, &e);
		ok((rc < 0) == (i == 0), "%s: %s", modes[i], e.msg);
		ok(i || strstr(e.msg, "refused by profile b: network: CAP_NET_RAW"), "by whom");
	}
}

/* ---- hooks of ours ---- */

static void test_forget(void)
{
	static const char before[] =
		"{\"hooks\":{\"createRuntime\":["
		"{\"path\":\"/a/cinch-hook\",\"args\":[\"cinch-hook\",\"create\",\"/r\"]},"
		"{\"path\":\"/a/other\",\"args\":[\"cinch-hook\",\"create\",\"/r\"]},"
		"{\"path\":\"/a/cinch-hook\",\"args\":[\"cinch-hook\"]},"
		"{\"path\":\"/a/cinch-hook\"}],"
		"\"poststop\":[{\"path\":\"/b/"
		"cinch-hook\",\"args\":[\"cinch-hook\",\"delete\"]}]}}";
	static const char after[] =
		"{\"hooks\":{\"createRuntime\":["
		"{\"path\":\"/a/other\",\"args\":[\"cinch-hook\",\"create\",\"/r\"]},"
		"{\"path\":\"/a/cinch-hook\",\"args\":[\"cinch-hook\"]},"
		"{\"path\":\"/a/cinch-hook\"}],\"poststop\":[]}}";
	AUTO_JSON struct json_doc *doc = document(before);
	AUTO_REPORT struct report report = {0};
	AUTO_STR struct str out = STR_INIT;
	struct err e = {0};

	ok(network_forget(doc, &report, &e) == 0 && report.n == 2, "two are taken out");
	json_write(json_root(doc), &out);
	tap_same(str_text(&out), after, "and nothing else");
}

/* crun alone leaves out what a hook says; then the hook is told of the log. */
static void test_log(void)
{
	static const struct {
		const char *members, *runtime, *log, *want; /* the words behind the record */
		bool json;
	} rows[] = {
		{"\"network\": {}", "/usr/bin/crun", "/l", "[\"json\",\"/l\"]", true},
		{"\"network\": {}", "/usr/bin/krun", "/l", "[\"text\",\"/l\"]", false},
		{"\"network\": {}", "/usr/bin/crun", "l", "[\"json\",\"/dev/l\"]", true},
		{"\"network\": {}", "/usr/bin/crun", "/\xff", "[]", true},
		{"\"network\": {}", "/usr/bin/crun", NULL, "[]", true},
		{"\"network\": {}", "/usr/bin/runc", "/l", "[]", true},
		{"\"network\": {\"mode\": \"audit\"}", "/usr/bin/crun", "/l", "[]", true},
	};
	struct settings settings = {.runtime = NULL};
	struct engine engine = {.kind = ENGINE_UNKNOWN};

	if (chdir("/dev") < 0)
		return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_PROFILE struct profile *p = profile("p", rows[i].members);
		struct selection s = {.p = {p}, .n = 1};
		const struct network_ask ask = {.profiles = &s,
			.settings = &settings,
			.engine = &engine,
			.world = &world,
			.bundle = -1,
			.runtime = rows[i].runtime,
			.log = rows[i].log,
			.log_json = rows[i].json};
		AUTO_DECISION struct decision d = decide(&ask, "{}");
		AUTO_STR struct str out = STR_INIT;
		struct json *args;

		ok(network_hook(&d.n, d.doc, "/run/cinch", "/run/runc", "box", &d.report, &d.e) ==
				0,
			"log %zu: %s", i, d.e.msg);
		args = json_at(json_root(d.doc), "/hooks/createRuntime/0/args");
		for (int n = 0; n < 3 && args; n++)
			json_remove(json_item(args, 0));
		json_write(args, &out);
		tap_same(str_text(&out), rows[i].want, rows[i].log ? rows[i].log : "none");
	}
}

/* ---- modes ---- */

static void test_mode(void)
{
	static const struct {
		const char *members, *want;
	} rows[] = {
		{"", NULL},
		{"\"network\": {}", "enforce"},
		{"\"network\": {\"mode\": \"audit\"}", "audit"},
		{"\"mode\": \"audit\", \"network\": {}", "audit"},
		{"\"audit\": [\"network\"], \"network\": {}", "audit"},
		{"\"audit\": [\"rootfs\"], \"network\": {}", "enforce"},
		{"\"mode\": \"learn\", \"network\": {}", "learn"},
		{"\"mode\": \"learn\", \"network\": {\"mode\": \"audit\"}", "learn"},
		{"\"mode\": \"audit\", \"network\": {\"mode\": \"learn\"}", "learn"},
		{"\"mode\": \"audit\", \"network\": {\"mode\": \"off\"}", "off"},
		{"\"mode\": \"learn\", \"network\": {\"mode\": \"off\"}", "off"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_PROFILE struct profile *p = profile("p", rows[i].members);

		tap_same(network_mode(p), rows[i].want, rows[i].members);
	}
}

int main(void)
{
	test_mode();
	test_document();
	test_title();
	test_read_back();
	test_refusals();
	test_process();
	test_forget();
	test_log();
	return tap_done();
}
