/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass_env - denied names, malformed entries, credentials; and that no value is ever reported.
 */
#include "tests/pass_rig.h"

#include "shim/secret.h"

#define ENV(list) "{\"process\":{\"env\":[" list "]}}"

static char *denied[] = {(char *)"LD_*", (char *)"DEBUG"};
static const struct profile ignore = {
	.name = "ignore",
	.env = {.deny = {denied, 2}, .secrets = SECRETS_IGNORE},
};
static const struct profile warn = {.name = "warn", .env = {.secrets = SECRETS_WARN}};
static const struct profile deny = {.name = "deny", .env = {.secrets = SECRETS_DENY}};

static const struct pass_row rows[] = {
	{"no process", &warn, "{}", NULL, NULL, NULL, NULL},
	{"no env", &warn, "{\"process\":{\"env\":null}}", NULL, NULL, NULL, NULL},
	{"an empty env", &warn, ENV(""), NULL, NULL, NULL, NULL},
	{"ordinary", &deny, ENV("\"PATH=/bin\",\"HOME=/\",\"TERM=xterm\",\"A=\",\"B=x=y\""), NULL,
		NULL, NULL, NULL},
	{"denied names", &ignore,
		ENV("\"LD_PRELOAD=/sentinel\",\"A=1\",\"DEBUG=sentinel\",\"DEBUGX=1\""),
		ENV("\"A=1\",\"DEBUGX=1\""), NULL, "the profile denies", "sentinel"},
	{"a denied name twice", &ignore, ENV("\"DEBUG=1\",\"DEBUG=2\""), ENV(""), NULL, NULL, NULL},
	{"no =", &ignore, ENV("\"sentinel\",\"A=1\""), ENV("\"A=1\""), NULL, "without \"=\"",
		"sentinel"},
	{"no name", &ignore, ENV("\"=sentinel\",\"A=1\""), ENV("\"A=1\""), NULL, "without a name",
		"sentinel"},
	{"a newline in the name", &ignore, ENV("\"A\\nB=sentinel\""), ENV(""), NULL, "control",
		"sentinel"},
	{"a newline in the value", &warn, ENV("\"CERT=a\\nb\""), NULL, NULL, NULL, NULL},
	{"twice: the last one stays", &warn, ENV("\"A=sentinel\",\"B=1\",\"A=2\",\"A=3\",\"AA=1\""),
		ENV("\"B=1\",\"A=3\",\"AA=1\""), NULL, "set again later", "sentinel"},
	{"a prefix is another name", &warn, ENV("\"AB=1\",\"A=1\",\"ABC=1\""), NULL, NULL, NULL,
		NULL},
	{"a credential by name", &warn, ENV("\"DB_PASSWORD=sentinel\""), NULL, NULL, "DB_PASSWORD",
		"sentinel"},
	{"refused by name", &deny, ENV("\"DB_PASSWORD=sentinel\""), NULL, "DB_PASSWORD", NULL,
		"sentinel"},
	{"nobody asked", &ignore, ENV("\"DB_PASSWORD=x\",\"K=AKIAABCDEFGHIJKLMNOP\""), NULL, NULL,
		NULL, NULL},
	{"an empty credential", &deny, ENV("\"DB_PASSWORD=\""), NULL, NULL, NULL, NULL},
	{"a credential by value", &warn, ENV("\"X=AKIAABCDEFGHIJKLMNOP\""), NULL, NULL, "AWS",
		"AKIAABCD"},
	{"refused by value", &deny, ENV("\"X=postgres://me:sentinel@db/x\""), NULL, "address", NULL,
		"sentinel"},
};

static const struct {
	const char *name;
	bool secret;
} names[] = {
	{"DB_PASSWORD", true},
	{"PGPASSWORD", true},
	{"dbPassword", true},
	{"SECRET", true},
	{"CLIENT_SECRET_V2", true},
	{"GITHUB_TOKEN", true},
	{"API_KEY", true},
	{"api-key", true},
	{"STRIPE_APIKEY", true},
	{"AWS_SECRET_ACCESS_KEY", true},
	{"SSH_PRIVATE_KEY", true},
	{"DB_PASS", true},
	{"DB_PWD", true},
	{"GOOGLE_APPLICATION_CREDENTIALS", true},
	{"PWD", false},
	{"OLDPWD", false},
	{"PATH", false},
	{"COMPASS_MODE", false},
	{"TOKENIZERS_PARALLELISM", false},
	{"POSTGRES_PASSWORD_FILE", false},
	{"TOKEN_URL", false},
	{"SECRET_NAME", false},
	{"KEYBOARD", false},
	{"PUBLIC_KEY", false},
	{"", false},
};

#define TEN "abcdefghij"

static const struct {
	const char *value;
	bool secret;
} values[] = {
	{"AKIAABCDEFGHIJKLMNOP", true},
	{"key=AKIAABCDEFGHIJKLMNOP;", true},
	{"AKIAABCDEFGHIJKLMNO", false},
	{"xAKIAABCDEFGHIJKLMNOP", false},
	{"AKIAabcdefghijklmnop", false},
	{"ghp_" TEN TEN TEN "abcdef", true},
	{"ghp_" TEN TEN TEN "abcde", false},
	{"github_pat_" TEN TEN "ab", true},
	{"glpat-" TEN TEN, true},
	{"xoxb-1234567890-1234567890", true},
	{"-----BEGIN RSA PRIVATE KEY-----\nx", true},
	{"-----BEGIN CERTIFICATE-----\nx", false},
	{"eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", true},
	{"eyJhbGciOiJI.eyJzdWIiOiIx", false},
	{"eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl.more", false},
	{"abJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", false},
	{"https://user:pw@host/x", true},
	{"https://user:@host/x", false},
	{"https://host:8080/a@b", false},
	{"https://user@host/", false},
	{"redis://:pw@host", true},
	{"", false},
	{"/usr/bin:/bin", false},
};

/* More entries than a pair-wise comparison could bear. */
static void test_many(void)
{
	AUTO_STR struct str text = STR_INIT;
	struct pass_row row = {
		"15000 entries of one name length", &warn, NULL, NULL, NULL, NULL, NULL};

	str_add(&text, "{\"process\":{\"env\":[\"V00000=\"");
	for (int i = 1; i < 15000; i++)
		str_addf(&text, ",\"V%05d=\"", i);
	str_add(&text, "]}}");
	row.in = str_text(&text);
	pass_rig(pass_env, &row, 1, NULL);
}

int main(void)
{
	PASS_RIG(pass_env, rows);
	test_many();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ok(secret_name(names[i].name, strlen(names[i].name)) == names[i].secret, "name %s",
			names[i].name);
	ok(!secret_name("X_TOKEN", 3), "only the given length counts");
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		ok((secret_value(values[i].value) != NULL) == values[i].secret, "value %zu", i);
	return tap_done();
}
