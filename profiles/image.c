/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image - what is known of the image a container was made from.
 *
 * Source of the grammar: github.com/distribution/reference, regexp.go and normalize.go.
 */
#include "profiles/image.h"

#include <stdlib.h>
#include <string.h>

#include "shim/base/cleanup.h"
#include "shim/base/hash.h"

enum { TEXT_MAX = 1000, REPOSITORY_MAX = 255, TAG_MAX = 128, NAME_SIZE = 1024 };

static const char hub[] = "docker.io", old_hub[] = "index.docker.io", official[] = "library/";
static const char sha256[] = "sha256:";

/* Not ctype.h: its answers depend on the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_low(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

static bool is_alnum(char c)
{
	return is_low(c) || is_upper(c);
}

bool image_is_digest(const char *text)
{
	return str_starts(text, sha256) && hash_is_hex(text + strlen(sha256));
}

/* "sha256:...": each known kind has one length, and only lower-case digits are canonical. */
static bool digest_ok(const char *text)
{
	static const struct {
		const char *prefix;
		size_t digits;
	} kinds[] = {{sha256, 64}, {"sha384:", 96}, {"sha512:", 128}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_starts(text, kinds[i].prefix)) {
			text += strlen(kinds[i].prefix);
			return strspn(text, "0123456789abcdef") == kinds[i].digits &&
			       strlen(text) == kinds[i].digits;
		}
	return false;
}

static bool tag_ok(const char *tag)
{
	size_t n = 0;

	for (; tag[n]; n++)
		if (!is_alnum(tag[n]) && tag[n] != '_' && (n == 0 || !strchr(".-", tag[n])))
			return false;
	return n > 0 && n <= TAG_MAX;
}

/* "a-z0-9" runs with ".", "_", "__" or any number of "-" between them; components split by "/". */
static bool repository_ok(const char *path)
{
	const char *p = path;

	for (;;) {
		if (!is_low(*p))
			return false;
		while (is_low(*p))
			p++;
		if (!*p)
			return p - path <= REPOSITORY_MAX;
		if (*p == '/' || *p == '.')
			p++;
		else if (*p == '_')
			p += p[1] == '_' ? 2 : 1;
		else if (*p == '-')
			p += strspn(p, "-");
		else
			return false;
	}
}

static bool port_ok(const char *port)
{
	size_t n = strspn(port, "0123456789");

	return n > 0 && !port[n];
}

/* A name of letters, digits and inner dashes between dots, or "[IPv6]"; and a port. */
static bool registry_ok(const char *registry)
{
	const char *p = registry;

	if (*p == '[') {
		size_t n = strspn(++p, "0123456789abcdefABCDEF:");

		if (n == 0 || p[n] != ']')
			return false;
		p += n + 1;
		return !*p || (*p == ':' && port_ok(p + 1));
	}
	for (;;) {
		if (!is_alnum(*p))
			return false;
		while (is_alnum(*p) ||
			(*p == '-' && p[strspn(p, "-")] && is_alnum(p[strspn(p, "-")])))
			p++;
		if (!*p)
			return true;
		if (*p == ':')
			return port_ok(p + 1);
		if (*p++ != '.')
			return false;
	}
}

/* What stands before the first slash is a registry only when it looks like one. */
static bool names_registry(const char *first)
{
	bool upper = false;

	for (const char *p = first; *p; p++)
		upper |= is_upper(*p);
	return upper || strpbrk(first, ".:") || strcmp(first, "localhost") == 0;
}

static int refuse(const char *reference, const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "image reference \"%.128s\": %s", reference, why);
}

static char *joined(const char *a, const char *b)
{
	AUTO_STR struct str s = STR_INIT;

	str_add(&s, a);
	str_add(&s, b);
	return str_take(&s);
}

/* NAME is "[registry/]repository"; is cut in place. */
static int split_name(const char *reference, char *name, struct image *out, struct err *e)
{
	char *slash = strchr(name, '/');
	const char *registry = hub, *path = name;

	if (slash)
		*slash = '\0';
	if (slash && names_registry(name)) {
		registry = strcmp(name, old_hub) == 0 ? hub : name;
		path = slash + 1;
	} else if (slash) {
		*slash = '/';
	}
	if (!registry_ok(registry))
		return refuse(reference, "the registry is no host name with an optional port", e);
	if (!repository_ok(path))
		return refuse(reference,
			"the repository is not made of a-z, 0-9 and single separators (. _ - /)",
			e);
	out->registry = strdup(registry);
	out->repository =
		joined(strcmp(registry, hub) == 0 && !strchr(path, '/') ? official : "", path);
	if (!out->registry || !out->repository)
		return err_nomem(e);
	/* host names are the same in either case: a rule for one must not be walked around by the other */
	for (char *p = out->registry; *p; p++)
		if (is_upper(*p))
			*p = (char)(*p - 'A' + 'a');
	return 0;
}

static int parse(const char *reference, struct image *out, struct err *e)
{
	AUTO_FREE char *name = NULL;
	char *at, *colon;

	out->text = strdup(reference);
	if (!out->text)
		return err_nomem(e);
	if (image_is_digest(reference) || hash_is_hex(reference)) {
		out->id = joined(hash_is_hex(reference) ? sha256 : "", reference);
		return out->id ? 0 : err_nomem(e);
	}
	name = strdup(reference);
	if (!name)
		return err_nomem(e);
	at = strchr(name, '@');
	if (at) {
		*at++ = '\0';
		if (!digest_ok(at))
			return refuse(reference, "what follows \"@\" is no digest", e);
		if (!(out->digest = strdup(at)))
			return err_nomem(e);
	}
	colon = strrchr(name, ':');
	if (colon && !strchr(colon, '/')) {
		*colon++ = '\0';
		if (!tag_ok(colon))
			return refuse(reference, "what follows \":\" is no tag", e);
	} else {
		colon = NULL;
	}
	if (colon || !at) {
		out->tag = strdup(colon ? colon : "latest");
		if (!out->tag)
			return err_nomem(e);
	}
	return split_name(reference, name, out, e);
}

int image_parse(const char *reference, struct image *out, struct err *e)
{
	AUTO_IMAGE struct image i = {.text = NULL};

	if (!*reference || strlen(reference) > TEXT_MAX)
		return err_set(e, ERR_INPUT, "image reference: %zu bytes, expected 1 to %d",
			strlen(reference), TEXT_MAX);
	if (parse(reference, &i, e) < 0)
		return -1;
	*out = i;
	i = (struct image){.text = NULL};
	return 0;
}

void image_done(struct image *i)
{
	free(i->text);
	free(i->registry);
	free(i->repository);
	free(i->tag);
	free(i->digest);
	free(i->id);
	*i = (struct image){.text = NULL};
}

bool image_name(const struct image *i, char *out, size_t size)
{
	size_t n, m;

	if (!i || !i->registry || !i->repository)
		return false;
	n = strlen(i->registry);
	m = strlen(i->repository);
	if (n >= size || m >= size - n || m + 2 > size - n)
		return false;
	memcpy(out, i->registry, n);
	out[n] = '/';
	memcpy(out + n + 1, i->repository, m + 1);
	return true;
}

bool image_matches_any(const struct image *i, const struct strv *globs)
{
	char name[NAME_SIZE];

	return image_name(i, name, sizeof name) && strv_glob(globs, name);
}
