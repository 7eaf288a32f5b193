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
#define MIX "aB3+eF6/hI" /* base64 */

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
	{"glrt-" TEN TEN, true},
	{"xoxs-1234567890-1234567890", true},
	{"https://hooks.slack.com/services/T00000000/B00000000/" TEN TEN, true},
	{"https://hooks.slack.com/services/", false},
	{"https://discord.com/api/webhooks/123456789012345678/" TEN TEN TEN, true},
	{"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" MIX MIX MIX MIX MIX MIX MIX MIX
	 "aB3+eF==",
		true},
	{"DefaultEndpointsProtocol=https;AccountName=a", false},
	{"Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=" MIX MIX MIX MIX "aB3=", true},
	{"https://a.blob.core.windows.net/c?sv=2022-11-02&se=2030-01-01&sig=x%3D", true},
	{"https://host/?version=1&search=x", false},
	{"{\"type\": \"service_account\", \"private_key_id\": \"x\"}", true},
	{"{\"type\": \"service_account\"}", false},
	{"{\"auths\":{\"r.example\":{\"auth\":\"eHg6eXk=\"}}}", true},
	{"{\"auths\":{}}", false},
	{"ya29." TEN TEN TEN, true},
	{"GOCSPX-" TEN TEN TEN, true},
	{"npm_" TEN TEN TEN "abcdef", true},
	{"npm_config_registry", false},
	{"pypi-AgEIcHlwaS5vcmc" TEN TEN TEN TEN TEN, true},
	{"pypi-proxy.example.com", false},
	{"-----BEGIN OPENSSH PRIVATE KEY-----\nx", true},
	{"PuTTY-User-Key-File-3: ssh-ed25519", true},
	{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" TEN TEN TEN, false},
	{"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K", true},
	{"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=", true},
	{"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg==", true},
	{"LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCg==", true},
	{"LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVktLS0tLQo=", true},
	{"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", false}, /* a certificate */
	{"Bearer eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", true},
	{"Server=db;Database=x;User Id=app;Password=pw;", true},
	{"host=db port=5432 user=app password=pw", true},
	{"Data Source=db; PWD = pw", true},
	{"Server=db;Integrated Security=true;Password=;", false},
	{"host=db port=5432", false},
	{"password=pw", false},
	{"show_password=1;host=x", false},
	{"sk-ant-" TEN TEN TEN TEN, true},
	{"sk-learn", false},
	{"hf_" TEN TEN TEN "abcd", true},
	{"hf_home", false},
	{"AGE-SECRET-KEY-1"
	 "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGHIJABCDEFGH",
		true},
	/* ordinary things that are long */
	{"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", false},
	{"550e8400-e29b-41d4-a716-446655440000", false},
	{"-Xms512m -Xmx2g -XX:+UseG1GC -Dspring.profiles.active=prod", false},
	{"https://registry.npmjs.org/", false},
	{"server=1;path=/x", false},
	{"C.UTF-8", false},
	{"", false},
	{"/usr/bin:/bin", false},
};

/* Name and value together. */
static const struct {
	const char *name, *value;
	bool secret;
} entries[] = {
	{"AWS_SK", MIX MIX MIX MIX, true},
	{"MY_AWS_VALUE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true},
	{"BUILD_ID", MIX MIX MIX MIX, false},
	{"AWS_COMMIT", "da39a3ee5e6b4b0d3255bfef95601890afd80709", false},
	{"AWS_HOME", "/home/Operator1/aws/configuration/of/xyz", false},
	{"AWS_REGION", "eu-central-1", false},
	{"X", "AKIAABCDEFGHIJKLMNOP", true},
	{"DB_PASSWORD", "x", true},
	{"DB_PASSWORD_FILE", "/run/secrets/db", false},
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
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		ok((secret_entry(entries[i].name, strlen(entries[i].name), entries[i].value) !=
			   NULL) == entries[i].secret,
			"entry %s %zu", entries[i].name, i);
	return tap_done();
}
