/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_node - cinch.json: what is read, and what is refused with its place.
 */
#include "profiles/node.h"
#include "shim/base/cleanup.h"
#include "shim/engine.h"
#include "tests/tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Each is refused with a message that begins "cinch.json:" and has WANT in it. */
static const struct {
	const char *text, *want;
} bad[] = {
	{" ", "cinch.json"},
	{"[]", "1:1: a configuration is an object"},
	{"{\"runtime\": \"/a\", \"runtime\": \"/b\"}", "cinch.json:1:19: "},
	{"{\n  \"runtime\": \"/opt/ru", "cinch.json:2:"},
	{"{\n  \"requireSiged\": true}",
		"cinch.json:2:3: unknown key \"requireSiged\", did you mean \"requireSigned\"?"},
	{"{\"nonsense\": 1}", "unknown key \"nonsense\""},
	{"{\"runtime\": \"runc\"}", "1:13: \"runc\" is not a plain absolute path"},
	{"{\"runtime\": \"/usr/../runc\"}", "not a plain absolute path"},
	{"{\"runtime\": \"/\"}", "\"/\" cannot be \"runtime\""},
	{"{\"runtime\": 7}", "\"runtime\" must be a string, not a number"},
	{"{\"runtime\": null}", "must be a string, not null"},
	{"{\"mode\": \"learn\"}", "unknown mode \"learn\", known are: enforce, audit"},
	{"{\"mode\": \"audti\"}", "did you mean \"audit\"?"},
	{"{\"defaultProfile\": \"\"}", "cannot be a profile's name"},
	{"{\"defaultProfile\": \"a/b\"}", "cannot be a profile's name"},
	{"{\"defaultProfile\": \"-a\"}", "cannot be a profile's name"},
	{"{\"keys\": \"keys\"}", "not a plain absolute path"},
	{"{\"requireSigned\": \"yes\"}", "must be true or false"},
	{"{\"profiles\": \"/etc\"}", "must be a list"},
	{"{\"profiles\": [\"etc\"]}", "1:15: \"etc\" is not a plain absolute path"},
	{"{\"profiles\": [\"/a\", \"/a\"]}", "1:21: \"/a\" stands twice"},
	{"{\"denied\": [7]}", "every item here is a string"},
	{"{\"audit\": true}", "must be an object"},
	{"{\"audit\": {\"pth\": \"/a\"}}", "unknown key \"pth\", did you mean \"path\"?"},
	{"{\"audit\": {\"path\": \"a\"}}", "not a plain absolute path"},
	{"{\"audit\": {\"path\": \"\", \"required\": true}}", "written nowhere"},
	{"{\"annotations\": {\"profile\": 1}}", "must be true or false"},
	{"{\"annotations\": {\"record\": [\"\"]}}", "0 bytes"},
	{"{\"select\": {}}", "must be a list"},
	{"{\"select\": [1]}", "a rule is an object"},
	{"{\"select\": [{\"pod\": \"a\"}]}", "\"profile\" is missing"},
	{"{\"select\": [{\"podd\": \"a\", \"profile\": \"x\"}]}", "did you mean \"pod\"?"},
	{"{\"select\": [{\"pod\": \"a\", \"profile\": \"X\"}]}", "cannot be a profile's name"},
	{"{\"select\": [{\"profile\": \"x\"}, {\"pod\": \"a\", \"profile\": \"x\"}]}",
		"1:13: this rule takes every container"},
	{"{\"select\": [{\"pod\": [], \"profile\": \"x\"}]}", "an empty list matches nothing"},
	{"{\"select\": [{\"pod\": [1], \"profile\": \"x\"}]}", "every item here is a string"},
	{"{\"select\": [{\"pod\": {}, \"profile\": \"x\"}]}", "a string or a list of strings"},
	{"{\"select\": [{\"pod\": null, \"profile\": \"x\"}]}", "\"pod\" must be"},
	{"{\"select\": [{\"pod\": \"\", \"profile\": \"x\"}]}", "1:21: 0 bytes"},
	{"{\"select\": [{\"pod\": [\"a\", \"b\", \"a\"], \"profile\": \"x\"}]}",
		"\"a\" stands twice"},
	{"{\"select\": [{\"pod\": \"a/b\", \"profile\": \"x\"}]}", "has \"/\""},
	{"{\"select\": [{\"pod\": \"a b\", \"profile\": \"x\"}]}", "has \" \""},
	{"{\"select\": [{\"namespace\": \"\\u00e9\", \"profile\": \"x\"}]}", "has \"\xc3\xa9\""},
	{"{\"select\": [{\"engine\": \"crio\", \"profile\": \"x\"}]}",
		"unknown engine \"crio\", did you mean \"cri-o\"?"},
	{"{\"select\": [{\"engine\": \"x*\", \"profile\": \"x\"}]}", "matches none of the engines"},
	{"{\"select\": [{\"image\": \"busybox\", \"profile\": \"x\"}]}",
		"did you mean \"docker.io/library/busybox\"?"},
	{"{\"select\": [{\"image\": \"team/app\", \"profile\": \"x\"}]}",
		"did you mean \"docker.io/team/app\"?"},
	{"{\"select\": [{\"image\": \"docker.io/busybox\", \"profile\": \"x\"}]}",
		"did you mean \"docker.io/library/busybox\"?"},
	{"{\"select\": [{\"image\": \"index.docker.io/**\", \"profile\": \"x\"}]}",
		"always told as \"docker.io\""},
	{"{\"select\": [{\"image\": \"r.example/a:v1\", \"profile\": \"x\"}]}",
		"have keys of their own"},
	{"{\"select\": [{\"image\": \"r.example/a@sha256:12\", \"profile\": \"x\"}]}",
		"have keys of their own"},
	{"{\"select\": [{\"image\": \"*\", \"profile\": \"x\"}]}", "one star stops at the slash"},
	{"{\"select\": [{\"image\": \"R.example/*\", \"profile\": \"x\"}]}", "has upper case"},
	{"{\"select\": [{\"image\": \"r.example/\", \"profile\": \"x\"}]}", "empty component"},
	{"{\"select\": [{\"image\": \"r.example//a\", \"profile\": \"x\"}]}", "empty component"},
	{"{\"select\": [{\"registry\": \"r.example/a\", \"profile\": \"x\"}]}", "has \"/\""},
	{"{\"select\": [{\"registry\": \"R.example\", \"profile\": \"x\"}]}", "has upper case"},
	{"{\"select\": [{\"registry\": \"index.docker.io\", \"profile\": \"x\"}]}", "docker.io"},
	{"{\"select\": [{\"repository\": \"/a\", \"profile\": \"x\"}]}", "empty component"},
	{"{\"select\": [{\"repository\": \"A\", \"profile\": \"x\"}]}", "has upper case"},
	{"{\"select\": [{\"tag\": \"a/b\", \"profile\": \"x\"}]}", "has \"/\""},
	{"{\"select\": [{\"tag\": \"" HEX HEX "0\", \"profile\": \"x\"}]}", "129 bytes"},
	{"{\"select\": [{\"digest\": \"" HEX "\", \"profile\": \"x\"}]}", "can match no digest"},
	{"{\"select\": [{\"digest\": \"sha256:12\", \"profile\": \"x\"}]}", "can match no digest"},
	{"{\"select\": [{\"digest\": \"sha256:x*\", \"profile\": \"x\"}]}", "can match no digest"},
	{"{\"select\": [{\"digest\": \"sha512:*\", \"profile\": \"x\"}]}", "can match no digest"},
	{"{\"select\": [\n{\"pod\": [\"a\", \"b\"], \"profile\": \"x\"},\n"
	 "{\"pod\": \"c\", \"profile\": \"x\"},\n{\"pod\": [\"b\", \"a\"], \"profile\": \"y\"}]}",
		"cinch.json:4:1: this rule can never count: the one in line 2"},
	{"{\"select\": [{\"profile\": \"x\"}, {\"profile\": \"y\"}]}", "takes every container"},
};

static const char full[] =
	"// all of it\n"
	"{\n"
	"  \"$schema\": \"cinch.schema.json\",\n"
	"  \"runtime\": \"/opt/runc\",\n"
	"  \"mode\": \"audit\",\n"
	"  \"defaultProfile\": \"baseline\",\n"
	"  \"select\": [\n"
	"    {\"engine\": \"docker\", \"image\": [\"r.example:5000/team/**\", \"*/x\"],\n"
	"      \"profile\": \"web\"},\n"
	"    /* two */\n"
	"    {\"namespace\": \"kube-*\", \"pod\": \"a\", \"container\": \"B_c\", \"profile\": "
	"\"p\"},\n"
	"    {\"registry\": \"localhost:*\", \"repository\": \"library/*\", \"tag\": \"v?\",\n"
	"      \"digest\": [\"sha256:*\", \"sha256:" HEX "\"], \"profile\": \"q\"},\n"
	"    {\"engine\": \"cri*\", \"image\": \"docker.io/**\", \"profile\": \"p\"},\n"
	"    {\"profile\": \"rest\"}\n"
	"  ],\n"
	"  \"profiles\": [\"/etc/a\", \"/etc/b\"],\n"
	"  \"keys\": \"/etc/k\",\n"
	"  \"requireSigned\": true,\n"
	"  \"denied\": [],\n"
	"  \"audit\": {\"path\": \"\", \"journald\": true, \"syslog\": true, \"required\": true},\n"
	"  \"annotations\": {\"profile\": false, \"record\": [\"io.kubernetes.*\", \"**\"]}\n"
	"}\n";

static void check_full(void)
{
	static const unsigned lines[] = {8, 11, 12, 14, 15};
	AUTO_NODE struct node n = {.keys = NULL};
	struct err e = {0};

	if (!ok(node_parse("cinch.json", full, strlen(full), &n, &e) == 0, "all keys: %s", e.msg))
		return;
	tap_same(n.settings.runtime, "/opt/runc", "runtime");
	ok(n.settings.mode == PROFILE_AUDIT, "mode");
	tap_same(n.settings.default_profile, "baseline", "default profile");
	ok(n.n_rules == 5, "five rules");
	for (size_t i = 0; i < 5; i++)
		ok(n.rules[i].line == lines[i], "rule %zu is in line %u", i, n.rules[i].line);
	ok(n.rules[0].image.n == 2 && strv_has(&n.rules[0].image, "*/x"), "a list of patterns");
	tap_same(n.rules[0].profile, "web", "profile of a rule");
	tap_same(n.rules[0].engine.v[0], "docker", "engine");
	tap_same(n.rules[1].namespace.v[0], "kube-*", "namespace");
	tap_same(n.rules[1].pod.v[0], "a", "pod");
	tap_same(n.rules[1].container.v[0], "B_c", "container");
	tap_same(n.rules[2].registry.v[0], "localhost:*", "registry");
	tap_same(n.rules[2].repository.v[0], "library/*", "repository");
	tap_same(n.rules[2].tag.v[0], "v?", "tag");
	ok(n.rules[2].digest.n == 2, "digest");
	ok(n.profiles.n == 2, "directories");
	tap_same(n.keys, "/etc/k", "keys");
	ok(n.require_signed, "signatures");
	ok(n.denied.n == 0 && !n.denied_default, "an empty list is empty");
	tap_same(n.settings.audit.path, "", "no audit file");
	ok(n.settings.audit.required && n.settings.audit.journald && n.settings.audit.syslog,
		"audit");
	ok(!n.settings.annotations.profile && n.settings.annotations.record.n == 2, "annotations");
}

static void check_default(const char *text)
{
	AUTO_NODE struct node n = {.keys = NULL};
	struct err e = {0};

	if (!ok(node_parse("cinch.json", text, strlen(text), &n, &e) == 0, "\"%s\": %s", text,
		    e.msg))
		return;
	ok(!n.settings.runtime && n.settings.mode == PROFILE_ENFORCE && !n.n_rules &&
			!n.require_signed && n.settings.annotations.profile &&
			!n.settings.audit.required && !n.settings.audit.journald &&
			!n.settings.audit.syslog,
		"defaults");
	tap_same(n.settings.default_profile, "restricted", "default profile");
	tap_same(n.settings.audit.path, "/var/log/cinch/audit.jsonl", "audit");
	tap_same(n.keys, "/etc/cinch/keys", "keys");
	ok(n.profiles.n == 1 && n.denied.n == 1 && n.denied_default, "one directory, one file");
	tap_same(n.profiles.v[0], "/etc/cinch/profiles", "profiles");
	tap_same(n.denied.v[0], "/etc/cinch/denied.json", "denied images");
}

static void check_limits(void)
{
	AUTO_STR struct str text = STR_INIT;
	struct node n;
	struct err e = {0};

	for (unsigned rules = NODE_RULES_MAX; rules <= NODE_RULES_MAX + 1; rules++) {
		str_reset(&text);
		str_add(&text, "{\"select\": [");
		for (unsigned i = 0; i < rules; i++)
			str_addf(&text,
				"%s\n{\"namespace\": \"n%u\", \"pod\": [\"a-%u\", \"b*\"], "
				"\"profile\": \"p\"}",
				i ? "," : "", i, i);
		str_add(&text, "]}");
		if (rules > NODE_RULES_MAX) {
			ok(node_parse("cinch.json", text.s, text.len, &n, &e) < 0 &&
					strstr(e.msg, "10001 rules, limit 10000"),
				"%s", e.msg);
		} else if (ok(node_parse("cinch.json", text.s, text.len, &n, &e) == 0, "%u rules",
				   rules)) {
			ok(n.rules[rules - 1].line == rules + 1, "the last one's line");
			node_done(&n);
		}
	}
	str_reset(&text);
	str_add(&text, "{\"select\": [{\"pod\": [\"a\"");
	for (unsigned i = 0; i < 1000; i++)
		str_addf(&text, ",\"a%u\"", i);
	str_add(&text, "], \"profile\": \"p\"}]}");
	ok(node_parse("cinch.json", text.s, text.len, &n, &e) < 0 &&
			strstr(e.msg, "1001 patterns, limit 1000"),
		"%s", e.msg);
}

/* The names in cinch.json are those the launch path tells. */
static void check_engines(void)
{
	for (int k = ENGINE_UNKNOWN + 1; k < ENGINE_COUNT; k++) {
		AUTO_STR struct str text = STR_INIT;
		AUTO_NODE struct node n = {.keys = NULL};
		struct err e = {0};

		str_addf(&text, "{\"select\": [{\"engine\": \"%s\", \"profile\": \"p\"}]}",
			engine_name((enum engine_kind)k));
		ok(node_parse("cinch.json", text.s, text.len, &n, &e) == 0, "engine %s",
			engine_name((enum engine_kind)k));
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_NODE struct node n = {.keys = NULL};
		struct err e = {0};

		ok(node_parse("cinch.json", bad[i].text, strlen(bad[i].text), &n, &e) < 0 &&
				e.code == ERR_INPUT && str_starts(e.msg, "cinch.json:") &&
				strstr(e.msg, bad[i].want) && !n.keys,
			"%s", e.msg);
	}
	check_full();
	check_default("");
	check_default("{}");
	check_default("/* nothing */ {} // said");
	check_limits();
	check_engines();
	return tap_done();
}
