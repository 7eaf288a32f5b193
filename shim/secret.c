/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret - does a name or a value look like a credential?
 */
#include "shim/secret.h"

#include <ctype.h>
#include <string.h>

#include "shim/base/str.h"

enum { NAME_MAX_LEN = 128 };

/* NAME in upper case, every separator as '_', one in front and one behind: words are "_WORD_". */
static void as_words(const char *name, size_t len, char out[NAME_MAX_LEN + 3])
{
	size_t n = 0;

	out[n++] = '_';
	for (size_t i = 0; i < len && i < NAME_MAX_LEN; i++) {
		unsigned char c = (unsigned char)name[i];

		out[n++] = isalnum(c) ? (char)toupper(c) : '_';
	}
	out[n++] = '_';
	out[n] = '\0';
}

bool secret_name(const char *name, size_t len)
{
	/* a word that ends so: PGPASSWORD, dbPassword */
	static const char *const endings[] = {"PASSWORD_", "PASSWD_", "PASSPHRASE_", "SECRET_",
		"SECRETS_", "APIKEY_", "TOKEN_", "CREDENTIALS_", "CREDENTIAL_", NULL};
	static const char *const words[] = {"_PASS_", "_PSWD_", "_API_KEY_", "_ACCESS_KEY_",
		"_SECRET_KEY_", "_PRIVATE_KEY_", "_SIGNING_KEY_", "_ENCRYPTION_KEY_", "_AUTH_KEY_",
		"_ACCOUNT_KEY_", NULL};
	/* where something else stands: not the credential itself */
	static const char *const elsewhere[] = {"_FILE_", "_PATH_", "_DIR_", "_URL_", "_URI_",
		"_ENDPOINT_", "_NAME_", "_ID_", "_TTL_", "_TYPE_", "_HEADER_", "_LENGTH_", NULL};
	char text[NAME_MAX_LEN + 3];

	as_words(name, len, text);
	for (const char *const *w = elsewhere; *w; w++) {
		if (str_ends(text, *w))
			return false;
	}
	for (const char *const *w = endings; *w; w++) {
		if (strstr(text, *w))
			return true;
	}
	for (const char *const *w = words; *w; w++) {
		if (strstr(text, *w))
			return true;
	}
	return str_ends(text, "_PWD_") && strcmp(text, "_PWD_") != 0;
}

#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM DIGITS UPPER "abcdefghijklmnopqrstuvwxyz"
#define BASE64URL ALNUM "-_"
#define BASE64 ALNUM "+/"
#define HEX DIGITS "abcdef"

/* Tokens whose makers gave them a prefix so that they can be found: at least LEAST bytes follow. */
static const struct {
	const char *prefix, *set, *what;
	size_t least;
} tokens[] = {
	{"AKIA", UPPER DIGITS, "holds what looks like an AWS access key", 16},
	{"ASIA", UPPER DIGITS, "holds what looks like an AWS access key", 16},
	{"ghp_", ALNUM, "holds what looks like a GitHub token", 36},
	{"gho_", ALNUM, "holds what looks like a GitHub token", 36},
	{"ghu_", ALNUM, "holds what looks like a GitHub token", 36},
	{"ghs_", ALNUM, "holds what looks like a GitHub token", 36},
	{"ghr_", ALNUM, "holds what looks like a GitHub token", 36},
	{"github_pat_", ALNUM "_", "holds what looks like a GitHub token", 22},
	{"glpat-", BASE64URL, "holds what looks like a GitLab token", 20},
	{"gldt-", BASE64URL, "holds what looks like a GitLab token", 20},
	{"glrt-", BASE64URL, "holds what looks like a GitLab token", 20},
	{"glptt-", HEX, "holds what looks like a GitLab token", 40},
	{"xoxb-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xoxp-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xoxa-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xoxr-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xoxs-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xapp-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"hooks.slack.com/services/T", ALNUM "/", "holds the address of a Slack webhook", 20},
	{"hooks.slack.com/workflows/T", ALNUM "/", "holds the address of a Slack webhook", 20},
	{"discord.com/api/webhooks/", BASE64URL "/", "holds the address of a Discord webhook", 40},
	{"sk_live_", ALNUM, "holds what looks like a Stripe key", 16},
	{"rk_live_", ALNUM, "holds what looks like a Stripe key", 16},
	{"whsec_", BASE64, "holds what looks like a Stripe key", 24},
	{"AIza", BASE64URL, "holds what looks like a Google API key", 35},
	{"ya29.", BASE64URL ".", "holds what looks like a Google token", 20},
	{"GOCSPX-", BASE64URL, "holds what looks like a Google client secret", 24},
	{"AccountKey=", BASE64, "holds what looks like an Azure storage key", 86},
	{"SharedAccessKey=", BASE64, "holds what looks like an Azure access key", 43},
	{"pypi-AgE", BASE64URL, "holds what looks like a PyPI token", 50},
	{"npm_", ALNUM, "holds what looks like an npm token", 36},
	{"dckr_pat_", BASE64URL, "holds what looks like a Docker Hub token", 20},
	{"hvs.", BASE64URL, "holds what looks like a Vault token", 24},
	{"hvb.", BASE64URL, "holds what looks like a Vault token", 24},
	{"dop_v1_", HEX, "holds what looks like a DigitalOcean token", 64},
	{"hf_", ALNUM, "holds what looks like a Hugging Face token", 34},
	{"sk-ant-", BASE64URL, "holds what looks like an API key", 32},
	{"sk-proj-", BASE64URL, "holds what looks like an API key", 32},
	{"SG.", BASE64URL ".", "holds what looks like a SendGrid key", 60},
	{"shpat_", HEX, "holds what looks like a Shopify token", 32},
	{"ATATT3", BASE64URL, "holds what looks like an Atlassian token", 50},
	{"AGE-SECRET-KEY-1", UPPER DIGITS, "holds what looks like a private key", 50},
	{"PuTTY-User-Key-File-", DIGITS, "holds what looks like a private key", 1},
};

/* The token begins the value or a word in it. */
static bool has_token(const char *value, const char *prefix, const char *set, size_t least)
{
	const char *at = value;

	while ((at = strstr(at, prefix))) {
		bool begins = at == value || !strchr(ALNUM "_", at[-1]);

		at += strlen(prefix);
		if (begins && strspn(at, set) >= least)
			return true;
	}
	return false;
}

/* Three parts of base64url with dots between; the first is a JSON object: "eyJ" is '{"'. As a header
 * has it, "Bearer" stands before. */
static bool is_jwt(const char *value)
{
	const char *p = strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 : value;

	if (!str_starts(p, "eyJ"))
		return false;
	for (int part = 0; part < 3; part++) {
		size_t n = strspn(p, BASE64URL);

		if (n < 8)
			return false;
		p += n;
		if (part < 2 && *p++ != '.')
			return false;
	}
	return *p == '\0';
}

/* A private key as PEM; or that in base64, as it is put into variables: the words begin at a byte that
 * is a multiple of three, so that base64 has one spelling of them. */
static bool is_private_key(const char *value)
{
	static const char *const coded[] = {"LS0tLS1CRUdJTiBQUklWQVRFIEtFW",
		"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRV", "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFW",
		"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0",
		"LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLR", NULL};
	const char *pem = strstr(value, "-----BEGIN ");

	for (const char *const *c = coded; *c; c++)
		if (strstr(value, *c))
			return true;
	return pem && strstr(pem, "PRIVATE KEY-----");
}

/* The value of KEY in "a=b;c=d" or "a=b c=d", letters in any case; NULL: there is none. */
static const char *keyword(const char *value, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = value; (at = strcasestr(at, key)); at += n) {
		const char *p = at + n;

		p += strspn(p, " ");
		if (*p == '=' && (at == value || strchr("; \t", at[-1])) && p[1] && p[1] != ';')
			return p + 1;
	}
	return NULL;
}

/* "Server=db;User Id=app;Password=..." and libpq's "host=db password=...". */
static bool connection_string(const char *value)
{
	static const char *const where[] = {
		"server", "data source", "host", "hostaddr", "addr", "address", NULL};

	if (!keyword(value, "password") && !keyword(value, "pwd"))
		return false;
	for (const char *const *w = where; *w; w++)
		if (keyword(value, *w))
			return true;
	return false;
}

/* Docker's config.json, and a service account of Google's. */
static const char *json_credentials(const char *value)
{
	if (strstr(value, "\"auths\"") &&
		(strstr(value, "\"auth\"") || strstr(value, "\"password\"") ||
			strstr(value, "\"identitytoken\"")))
		return "holds the log-in of a registry";
	if (strstr(value, "\"service_account\"") && strstr(value, "\"private_key"))
		return "holds a service account with its key";
	return NULL;
}

/* A signed address of Azure storage: version, expiry and signature. */
static bool signed_address(const char *value)
{
	return strstr(value, "://") && strstr(value, "sig=") && strstr(value, "sv=") &&
	       strstr(value, "se=");
}

/* scheme://name:password@host */
static bool url_with_password(const char *value)
{
	const char *p = strstr(value, "://");
	size_t user, password;

	if (!p)
		return false;
	p += 3;
	user = strcspn(p, ":/@?# ");
	if (p[user] != ':')
		return false;
	p += user + 1;
	password = strcspn(p, "/@?# ");
	return password > 0 && p[password] == '@';
}

const char *secret_value(const char *value)
{
	const char *what = json_credentials(value);

	if (what)
		return what;
	if (is_private_key(value))
		return "holds what looks like a private key";
	if (is_jwt(value))
		return "holds what looks like a JSON web token";
	if (url_with_password(value))
		return "holds an address with a password in it";
	if (signed_address(value))
		return "holds an address with a signature in it";
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		if (has_token(value, tokens[i].prefix, tokens[i].set, tokens[i].least))
			return tokens[i].what;
	}
	return connection_string(value) ? "holds a connection string with a password in it" : NULL;
}

/* Forty characters of base64 and not of a narrower kind: the half of an AWS key that has no prefix. */
static bool is_aws_secret(const char *value)
{
	return strspn(value, BASE64) == 40 && value[40] == '\0' && *value != '/' &&
	       strpbrk(value, UPPER) && strpbrk(value, "abcdefghijklmnopqrstuvwxyz") &&
	       strpbrk(value, DIGITS);
}

const char *secret_entry(const char *name, size_t len, const char *value)
{
	char text[NAME_MAX_LEN + 3];

	if (secret_name(name, len))
		return "has the name of a credential";
	as_words(name, len, text);
	if (strstr(text, "_AWS_") && is_aws_secret(value))
		return "holds what looks like an AWS secret key";
	return secret_value(value);
}
