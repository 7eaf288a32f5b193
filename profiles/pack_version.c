/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - versions as semver.org 2.0.0 writes and orders them.
 */
#include "profiles/pack.h"

#include <string.h>

enum { VERSION_MAX = 64, NUMBERS = 3 };

static const char digits[] = "0123456789";
static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";

static bool number_ok(const char *text, size_t len)
{
	return len > 0 && strspn(text, digits) >= len && (len == 1 || text[0] != '0');
}

/* Identifiers with dots between them up to one of STOP; a pre-release's numbers have no leading zero. */
static bool identifiers_ok(const char **text, const char *stop, bool pre_release)
{
	for (const char *p = *text;; p++) {
		size_t len = strspn(p, letters);

		if (len == 0)
			return false;
		if (pre_release && strspn(p, digits) == len && !number_ok(p, len))
			return false;
		p += len;
		if (*p == '.')
			continue;
		*text = p;
		return strchr(stop, *p) != NULL; /* its NUL as well */
	}
}

bool pack_version_ok(const char *text)
{
	if (strlen(text) > VERSION_MAX)
		return false;
	for (int i = 0; i < NUMBERS; i++) {
		size_t len = strspn(text, digits);

		if (!number_ok(text, len))
			return false;
		text += len;
		if (i < NUMBERS - 1 && *text++ != '.')
			return false;
	}
	if (*text == '-' && (text++, !identifiers_ok(&text, "+", true)))
		return false;
	if (*text == '+' && (text++, !identifiers_ok(&text, "", false)))
		return false;
	return *text == '\0';
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Numbers of any length: the longer is the greater, neither has leading zeros. */
static int compare_numbers(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return sign(memcmp(a, b, a_len));
}

static int compare_identifiers(const char *a, size_t a_len, const char *b, size_t b_len)
{
	bool a_number = strspn(a, digits) >= a_len, b_number = strspn(b, digits) >= b_len;
	int order;

	if (a_number && b_number)
		return compare_numbers(a, a_len, b, b_len);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	if (order == 0 && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return sign(order);
}

/* From behind the "-" on; the one with more identifiers is newer when all before are equal. */
static int compare_pre_releases(const char *a, const char *b)
{
	for (;;) {
		size_t a_len = strspn(a, letters), b_len = strspn(b, letters);
		int order = compare_identifiers(a, a_len, b, b_len);
		bool a_more, b_more;

		if (order)
			return order;
		a += a_len;
		b += b_len;
		a_more = *a == '.';
		b_more = *b == '.';
		if (!a_more || !b_more)
			return a_more - b_more;
		a++;
		b++;
	}
}

int pack_compare_versions(const char *a, const char *b)
{
	bool a_ok = pack_version_ok(a), b_ok = pack_version_ok(b);

	if (!a_ok || !b_ok)
		return a_ok - b_ok;
	for (int i = 0; i < NUMBERS; i++) {
		size_t a_len = strspn(a, digits), b_len = strspn(b, digits);
		int order = compare_numbers(a, a_len, b, b_len);

		if (order)
			return order;
		a += a_len + (i < NUMBERS - 1);
		b += b_len + (i < NUMBERS - 1);
	}
	if (*a != '-' || *b != '-') /* a release is newer than what came before it */
		return (*a != '-') - (*b != '-');
	return compare_pre_releases(a + 1, b + 1);
}
