/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_privileges - what one profile grants beyond another is found, in both directions.
 */
#include "shim/ctl/privileges.h"

#include <stdio.h>
#include <string.h>

#include "shim/base/json.h"
#include "tests/tap.h"

static struct profile *parse(const char *members)
{
	struct profile *p = NULL;
	struct err e = {0};
	char text[2000];

	snprintf(text, sizeof text, "{\"profile\": \"p\", \"version\": \"1\"%s%s}",
		*members ? ", " : "", members);
	if (profile_parse("p.json", text, strlen(text), &p, &e) < 0) {
		printf("not ok - %s\n", e.msg);
		exit(2);
	}
	return p;
}

/* From FROM to TO this is granted, and the other way taken; never the other way round. */
static const struct {
	const char *from, *to, *control, *text;
	bool both; /* counts as granted in either direction */
} cases[] = {
	{"", "\"capabilities\": [\"CAP_NET_RAW\", \"CAP_KILL\"]", "capabilities",
		"CAP_KILL, CAP_NET_RAW", false},
	{"", "\"user\": {\"root\": \"allow\"}", "user", "root is allowed", true},
	{"\"user\": {\"root\": \"remap\", \"uid\": 5, \"gid\": 5}",
		"\"user\": {\"root\": \"remap\", \"uid\": 6, \"gid\": 5}", "user", "root becomes",
		true},
	{"", "\"noNewPrivileges\": false", "noNewPrivileges", "set-user-id", false},
	{"", "\"rootfs\": {\"readonly\": false}", "rootfs", "writing to the root file system",
		false},
	{"", "\"rootfs\": {\"writable\": [{\"path\": \"/a\", \"exec\": true}]}", "rootfs",
		"writing to /a", false},
	{"\"rootfs\": {\"writable\": [{\"path\": \"/a\"}]}",
		"\"rootfs\": {\"writable\": [{\"path\": \"/a\", \"exec\": true}]}", "rootfs",
		"running programs in /a", false},
	{"\"rootfs\": {\"writable\": [{\"path\": \"/a\", \"size\": 5}]}",
		"\"rootfs\": {\"writable\": [{\"path\": \"/a\", \"size\": 6}]}", "rootfs",
		"/a holds", false},
	{"\"rootfs\": {\"writable\": [{\"path\": \"/a\"}]}",
		"\"rootfs\": {\"writable\": [{\"path\": \"/a\", \"copyUp\": true}]}", "rootfs",
		"/a begins", true},
	{"", "\"mounts\": {\"sources\": {\"allow\": [\"/srv/**\"]}}", "mounts", "from /srv/**",
		false},
	{"\"mounts\": {\"sources\": {\"deny\": [\"/etc/**\"]}}", "", "mounts", "/etc/**", false},
	{"", "\"namespaces\": {\"host\": [\"network\"]}", "namespaces",
		"the host's network namespace", false},
	{"",
		"\"devices\": [{\"path\": \"/dev/fuse\", \"type\": \"c\", \"major\": 10, "
		"\"minor\": "
		"229, \"access\": \"rw\"}]",
		"devices", "/dev/fuse", false},
	{"", "\"seccomp\": {\"profile\": \"unconfined\"}", "seccomp", "no filter", false},
	{"", "\"seccomp\": {\"allow\": [\"bpf\"]}", "seccomp", "calls: bpf", false},
	{"\"seccomp\": {\"deny\": [\"getpid\"]}", "", "seccomp", "calls: getpid", false},
	{"", "\"paths\": {\"masked\": []}", "paths", "masked: ", false},
	{"", "\"sysctl\": [\"net.ipv4.ip_unprivileged_port_start\"]", "sysctl", "net.ipv4.ip",
		false},
	{"\"resources\": {\"pids\": 5}", "\"resources\": {\"pids\": 6}", "resources", "processes",
		false},
	{"\"resources\": {\"memory\": \"1Gi\"}", "\"resources\": {\"memory\": \"2Gi\"}",
		"resources", "bytes of memory", false},
	{"\"resources\": {\"rlimits\": {\"RLIMIT_CORE\": 0}}",
		"\"resources\": {\"rlimits\": {\"RLIMIT_CORE\": 1}}", "resources", "RLIMIT_CORE",
		false},
	{"", "\"hooks\": {\"allow\": [\"/usr/bin/x\"]}", "hooks", "/usr/bin/x", false},
	{"\"env\": {\"deny\": [\"LD_PRELOAD\"]}", "", "env", "LD_PRELOAD", false},
	{"\"env\": {\"secrets\": \"deny\"}", "\"env\": {\"secrets\": \"warn\"}", "env",
		"credentials", false},
	{"\"image\": {\"digest\": \"required\"}", "", "image", "without a digest", false},
	{"\"image\": {\"registries\": [\"a/**\"]}", "", "image", "any registry", false},
	{"\"image\": {\"registries\": [\"a/**\"]}",
		"\"image\": {\"registries\": [\"a/**\", \"b/**\"]}", "image", "images of b/**",
		false},
	{"\"exec\": {\"allow\": false}", "\"exec\": {\"allow\": true}", "exec", "exec into it",
		false},
	{"\"exec\": {\"terminal\": false}", "\"exec\": {\"terminal\": true}", "exec",
		"exec with a terminal", false},
	{"", "\"exec\": {\"capabilities\": [\"CAP_KILL\"]}", "exec", "exec with CAP_KILL", false},
	{"\"exec\": {\"commands\": {\"allow\": [\"cat\"]}}",
		"\"exec\": {\"commands\": {\"allow\": [\"cat\", \"sh -c ls\"]}}", "exec",
		"exec of sh -c ls", false},
	{"\"exec\": {\"commands\": {\"allow\": [\"cat\"]}}", "", "exec", "exec of any command",
		false},
	{"\"exec\": {\"commands\": {\"deny\": [\"sh\", \"bash\"]}}",
		"\"exec\": {\"commands\": {\"deny\": [\"sh\"]}}", "exec",
		"no longer refused to exec: bash", false},
	{"", "\"flags\": {\"allow\": [\"--no-pivot\"]}", "flags", "--no-pivot", false},
	{"\"flags\": {\"preserveFds\": 2}", "\"flags\": {\"preserveFds\": 3}", "flags",
		"at most 3 descriptors", false},
	{"\"network\": {\"preset\": \"none\"}", "", "network", "no rules for the network", false},
	{"\"network\": {}", "\"network\": {\"mode\": \"audit\"}", "network",
		"rules are only counted", false},
	{"\"network\": {\"mode\": \"audit\"}", "\"network\": {\"mode\": \"off\"}", "network",
		"without effect", false},
	{"\"network\": {}", "\"network\": {\"preset\": \"isolated\"}", "network",
		"preset isolated (was: none)", false},
	{"\"network\": {\"preset\": \"isolated\"}", "\"network\": {\"preset\": \"private\"}",
		"network", "preset private", false},
	{"\"network\": {\"preset\": \"private\"}", "\"network\": {\"preset\": \"internet\"}",
		"network", "preset internet", true},
	{"\"network\": {\"preset\": \"internet\"}", "\"network\": {\"preset\": \"private\"}",
		"network", "preset private", true},
	{"\"network\": {}", "\"network\": {\"segment\": \"web\"}", "network",
		"member of segment web", false},
	{"\"network\": {\"segment\": \"a\"}", "\"network\": {\"segment\": \"b\"}", "network",
		"member of segment b", true},
	{"\"network\": {}", "\"network\": {\"metadata\": \"allow\"}", "network",
		"metadata services", false},
	{"\"network\": {\"lift\": [\"dns\"]}", "\"network\": {\"lift\": [\"forward\", \"dns\"]}",
		"network", "without the guard forward", false},
	{"\"network\": {\"egress\": [{\"to\": [\"host\"], \"ports\": [\"tcp/1\"]}, {\"to\": "
	 "[\"any\"]}]}",
		"\"network\": {\"egress\": [{\"to\": [\"any\"]}, {\"to\": [\"segment:db\", "
		"\"host\"], \"ports\": [\"tcp/1\"]}]}",
		"network", "to segment:db (tcp/1)", false},
	{"\"network\": {}", "\"network\": {\"ingress\": [{\"from\": [\"10.0.0.0/8\"]}]}", "network",
		"from 10.0.0.0/8 (all ports)", false},
	{"\"network\": {}",
		"\"network\": {\"egress\": [{\"to\": "
		"[\"192.0.2.1\",\"192.0.2.2\",\"192.0.2.3\",\"192.0.2.4\",\"192.0.2.5\",\"192.0.2."
		"6\",\"192.0.2.7\",\"192.0.2.8\",\"192.0.2.9\",\"192.0.2.10\"]}]}",
		"network", " and 2 more", false},
	{"", "\"mode\": \"audit\"", "mode", "only reported", false},
	{"", "\"audit\": [\"rootfs\"]", "rootfs", "only reported", false},
};

static bool has(const struct privileges *p, const char *control, const char *text, bool grants)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].grants == grants && strcmp(privilege_place(&p->v[i]), control) == 0 &&
			strstr(p->v[i].text, text))
			return true;
	return false;
}

static void show(const struct privileges *p)
{
	for (size_t i = 0; i < p->n; i++)
		printf("# %s %s: %s\n", p->v[i].grants ? "gains" : "loses",
			privilege_place(&p->v[i]), p->v[i].text);
}

static void try(size_t i)
{
	AUTO_PROFILE struct profile *from = parse(cases[i].from), *to = parse(cases[i].to);
	AUTO_PRIVILEGES struct privileges there = {0}, back = {0}, same = {0};
	const char *text = cases[i].text;
	struct err e = {0};

	if (!ok(privileges_diff(from, to, &there, &e) == 0 &&
			    privileges_diff(to, from, &back, &e) == 0 &&
			    privileges_diff(to, to, &same, &e) == 0,
		    "case %zu: compared %s", i, e.msg))
		return;
	if (!ok(has(&there, cases[i].control, text, true), "%s: %s is gained", cases[i].control,
		    text) ||
		(!cases[i].both &&
			!ok(!has(&there, cases[i].control, text, false), "and not lost")))
		show(&there);
	/* what is said of a change may be in other words on the way back, but it is said */
	if (!ok(back.n > 0 && (cases[i].both || !back.v[0].grants), "%s: lost again",
		    cases[i].control))
		show(&back);
	if (!ok(same.n == 0, "nothing is gained from itself"))
		show(&same);
}

/* ---- the network of a container that runs ---- */

#define WEB(members) "{\"policies\": [{\"profile\": \"web\", " members "}]"

static const struct {
	const char *from, *to, *text; /* what is gained, and lost on the way back */
} running[] = {
	{WEB("\"mode\": \"enforce\"") "}", WEB("\"mode\": \"audit\"") "}",
		"rules are only counted (audit) (were: enforced)"},
	{WEB("\"mode\": \"enforce\", \"egress\": [{\"to\": [\"any\"]}]") "}",
		WEB("\"mode\": \"off\"") "}", "rules are without effect (off) (were: enforced)"},
	{WEB("\"mode\": \"enforce\"") "}",
		WEB("\"mode\": \"enforce\", \"egress\": [{\"to\": [\"any\"]}]") "}",
		"to any (all ports)"},
	{"{\"policies\": [{\"profile\": \"web\"}, {\"profile\": \"more\"}]}",
		"{\"policies\": [{\"profile\": \"web\"}]}", "no rules of profile more any more"},
	{"{\"policies\": [{\"profile\": \"web\"}]}",
		"{\"policies\": [{\"profile\": \"web\"}], "
		"\"segments\": [\"db\"]}",
		"member of segment db"},
	{"{\"policies\": [{\"profile\": \"web\"}]}",
		"{\"policies\": [{\"profile\": \"web\"}], \"resolvers\": [\"9.9.9.9\"], "
		"\"nodeAddresses\": []}",
		"resolver 9.9.9.9"},
	{"{\"policies\": [{\"profile\": \"web\"}]}",
		"{\"policies\": [{\"profile\": \"web\"}], \"nodeAddresses\": [\"10.0.0.1\"]}",
		"address of the node 10.0.0.1"},
	{"{\"policies\": [{\"profile\": \"web\"}], \"metadataAddresses\": [\"10.0.0.2\"]}",
		"{\"policies\": [{\"profile\": \"web\"}]}", "metadata service 10.0.0.2"},
};

static struct json_doc *read(const char *text)
{
	static const struct json_limits limits = {4096, 10, 200};
	struct json_doc *doc = NULL;
	struct err e = {0};

	if (json_parse(text, strlen(text), &limits, JSON_STRICT, &doc, &e) < 0)
		printf("not ok - %s\n", e.msg);
	return doc;
}

static void try_running(size_t i)
{
	AUTO_JSON struct json_doc *from = read(running[i].from), *to = read(running[i].to);
	AUTO_PRIVILEGES struct privileges there = {0}, back = {0}, same = {0};
	const char *text = running[i].text;
	struct err e = {0};

	if (!ok(privileges_networks(json_root(from), json_root(to), &there, &e) == 0 &&
			    privileges_networks(json_root(to), json_root(from), &back, &e) == 0 &&
			    privileges_networks(json_root(to), json_root(to), &same, &e) == 0,
		    "running %zu: compared %s", i, e.msg))
		return;
	if (!ok(there.n == 1 && has(&there, "network", text, true), "%s is all that is gained",
		    text))
		show(&there);
	if (!ok(back.n == 1 && !back.v[0].grants, "and all that is lost on the way back"))
		show(&back);
	ok(same.n == 0, "nothing is gained from itself");
}

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		try(i);
	for (size_t i = 0; i < sizeof running / sizeof *running; i++)
		try_running(i);
	return tap_done();
}
