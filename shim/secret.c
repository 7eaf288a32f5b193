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
	{"xoxb-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"xoxp-", ALNUM "-", "holds what looks like a Slack token", 20},
	{"sk_live_", ALNUM, "holds what looks like a Stripe key", 16},
	{"rk_live_", ALNUM, "holds what looks like a Stripe key", 16},
	{"AIza", BASE64URL, "holds what looks like a Google API key", 35},
	{"npm_", ALNUM, "holds what looks like an npm token", 36},
	{"dckr_pat_", BASE64URL, "holds what looks like a Docker Hub token", 20},
	{"hvs.", BASE64URL, "holds what looks like a Vault token", 24},
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

/* Three parts of base64url with dots between; the first is a JSON object: "eyJ" is '{"'. */
static bool is_jwt(const char *value)
{
	const char *p = value;

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
	const char *pem = strstr(value, "-----BEGIN ");

	if (pem && strstr(pem, "PRIVATE KEY-----"))
		return "holds what looks like a private key";
	if (is_jwt(value))
		return "holds what looks like a JSON web token";
	if (url_with_password(value))
		return "holds an address with a password in it";
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		if (has_token(value, tokens[i].prefix, tokens[i].set, tokens[i].least))
			return tokens[i].what;
	}
	return NULL;
}
