/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_denied - files of denied images: read, joined, refused.
 */
#include "profiles/denied.h"
#include "shim/base/str.h"
#include "tests/tap.h"

#define SHA(x) "sha256:" x "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *text, *want;
} bad[] = {
	{"", "denied.json"},
	{"[]", "denied.json:1:1: a file of denied images is an object"},
	{"{}", "1:1: \"denied\" is missing"},
	{"{\"denied\": {}}", "must be a list"},
	{"{\"denied\": [1]}", "1:13: a denied image is an object"},
	{"{\"denied\": [{}]}", "\"digest\" is missing"},
	{"{\"denied\": [{\"digest\": 1}]}", "must be a string"},
	{"{\"denied\": [{\"digest\": \"sha256:12\"}]}", "1:24: \"sha256:12\" is no digest"},
	{"{\"denied\": [{\"digest\": \"" SHA("A") "\"}]}", "is no digest"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") " \"}]}", "is no digest"},
	{"{\"denied\": [\n{\"digst\": \"x\"}]}", "denied.json:2:2: unknown key \"digst\", did you"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") "\", \"reason\": 1}]}", "must be a string"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") "\", \"cves\": \"CVE-1\"}]}", "must be a list"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") "\", \"cves\": [1]}]}", "a string"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") "\", \"cves\": [\"CVE 1\"]}]}", "no identifier"},
	{"{\"denied\": [{\"digest\": \"" SHA("0") "\", \"cves\": [\"\"]}]}", "0 bytes"},
	{"{\"denied\": [], \"denid\": []}", "unknown key \"denid\""},
	{"{\"denied\": []", "denied.json:1:"},
};

static int add(struct denied *d, const char *text, struct err *e)
{
	return denied_add("denied.json", text, strlen(text), d, e);
}

static void check_joined(void)
{
	AUTO_DENIED struct denied d = {.n = 0};
	struct err e = {0};

	ok(add(&d, "{\"denied\": []} // none", &e) == 0 && d.n == 0, "none");
	ok(add(&d,
		   "{\"$schema\": \"x\", \"denied\": ["
		   "{\"digest\": \"" SHA(
			   "2") "\"},"
				"{\"digest\": \"" SHA(
					"0") "\", \"cves\": [\"CVE-2026-1\", \"GHSA-a\"]},"
					     "{\"digest\": \"" SHA(
						     "0") "\", \"reason\": \"miner\", \"cves\": "
							  "[\"GHSA-a\", \"CVE-2026-12\", "
							  "\"CVE-2026-12\"]}]}",
		   &e) == 0 &&
			d.n == 2,
		"one file: %s", e.msg);
	ok(add(&d,
		   "{\"denied\": [{\"digest\": \"" SHA(
			   "1") "\", \"reason\": \"one\"},"
				"{\"digest\": \"" SHA("0") "\", \"reason\": \"other\", \"cves\": "
							   "[\"CVE-2026-1\", \"CVE-2026-3\"]}]}",
		   &e) == 0 &&
			d.n == 3,
		"and another: %s", e.msg);
	if (d.n != 3)
		return;
	tap_same(d.v[0].digest, SHA("0"), "sorted");
	tap_same(d.v[0].reason, "miner", "the first reason stays");
	tap_same(d.v[0].cves, "CVE-2026-1, GHSA-a, CVE-2026-12, CVE-2026-3", "CVEs are joined");
	tap_same(d.v[1].reason, "one", "a reason");
	tap_same(d.v[1].cves, "", "no CVEs");
	tap_same(d.v[2].digest, SHA("2"), "sorted");
	tap_same(d.v[2].reason, "", "no reason");
	ok(add(&d, "{\"denied\": [{\"digest\": \"" SHA("3") "\"}, 7]}", &e) < 0 && d.n == 3 &&
			strcmp(d.v[2].digest, SHA("2")) == 0,
		"after a failure nothing is added: %s", e.msg);
}

static void check_limit(void)
{
	AUTO_DENIED struct denied d = {.n = 0};
	AUTO_STR struct str text = STR_INIT;
	struct err e = {0};

	str_add(&text, "{\"denied\": [");
	for (unsigned i = 0; i < DENIED_MAX; i++)
		str_addf(&text, "%s{\"digest\":\"sha256:%064x\",\"reason\":\"r\"}", i ? "," : "",
			i * 7919u % DENIED_MAX);
	str_add(&text, "]}");
	ok(add(&d, text.s, &e) == 0 && d.n == DENIED_MAX, "%zu images: %s", d.n, e.msg);
	ok(add(&d, "{\"denied\": [{\"digest\": \"" SHA("f") "\"}]}", &e) < 0 &&
			strstr(e.msg, "limit 100000") && d.n == DENIED_MAX,
		"one more: %s", e.msg);
}

int main(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_DENIED struct denied d = {.n = 0};
		struct err e = {0};

		ok(add(&d, bad[i].text, &e) < 0 && e.code == ERR_INPUT && !d.v &&
				str_starts(e.msg, "denied.json") && strstr(e.msg, bad[i].want),
			"%s", e.msg);
	}
	check_joined();
	check_limit();
	return tap_done();
}
