/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str - a growing byte string, a list of strings, and glob matching.
 */
#include "shim/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_done(struct str *b)
{
	free(b->s);
	*b = (struct str)STR_INIT;
}

void str_reset(struct str *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

/* Room for MORE bytes and the NUL. */
static bool grow(struct str *b, size_t more)
{
	size_t need, cap;
	char *s;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, more, &need) ||
		__builtin_add_overflow(need, 1u, &need)) {
		b->failed = true;
		return false;
	}
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2u, &cap))
			cap = need;
	s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void str_addn(struct str *b, const char *bytes, size_t len)
{
	if (!grow(b, len))
		return;
	if (len)
		memcpy(b->s + b->len, bytes, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void str_add(struct str *b, const char *text)
{
	str_addn(b, text, strlen(text));
}

void str_addf(struct str *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

char *str_take(struct str *b)
{
	char *s;

	if (!grow(b, 0)) {
		str_done(b);
		return NULL;
	}
	b->s[b->len] = '\0';
	s = b->s;
	*b = (struct str)STR_INIT;
	return s;
}

int strv_add(struct strv *l, const char *text)
{
	char **v = reallocarray(l->v, l->n + 1, sizeof *v);

	if (!v)
		return -1;
	l->v = v;
	v[l->n] = strdup(text);
	if (!v[l->n])
		return -1;
	l->n++;
	return 0;
}

bool strv_has(const struct strv *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], text) == 0)
			return true;
	return false;
}

void strv_done(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

bool str_in(const char *const *table, const char *text)
{
	for (; *table; table++)
		if (strcmp(*table, text) == 0)
			return true;
	return false;
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

/*
 * A set of pattern positions moves over the text once: no backtracking, so a pattern with many
 * stars cannot be made to cost exponential time. A position on a star is also the one behind it.
 */
enum { GLOB_MAX = 1024 };

/* ARRIVED: position I is reached anew, and not by a star that goes on matching: only then may a
 * double star with its slash stand for nothing, or else "**" + "/x" would match "ax". */
static void glob_reach(const char *pat, size_t len, bool *at, size_t i, bool arrived)
{
	for (; i <= len && !at[i]; arrived = true) {
		at[i] = true;
		if (i < len && strcmp(pat + i, "/**") == 0)
			at[len] = true; /* X followed by that is X itself, too */
		if (i == len || pat[i] != '*')
			return;
		if (i + 1 < len && pat[i + 1] == '*') {
			/* at the start or after '/', a double star with its slash may stand for nothing */
			if (arrived && i + 2 < len && pat[i + 2] == '/' &&
				(i == 0 || pat[i - 1] == '/'))
				glob_reach(pat, len, at, i + 3, true);
			i += 2;
		} else {
			i++;
		}
	}
}

/* Most patterns of a list miss by their plain beginning or end: this is what a start pays for. Moves
 * both texts behind the plain beginning they share. */
static bool glob_may_match(const char **pattern, const char **text)
{
	const char *p = *pattern, *t = *text, *star;

	while (*p && *p != '*' && *p != '?' && *p == *t && strcmp(p, "/**") != 0)
		p++, t++;
	if (*p != '*' && *p != '?' && *p != *t && strcmp(p, "/**") != 0)
		return false;
	/* what "/" + "**" may stand for depends on the byte before it */
	if (p > *pattern)
		p--, t--;
	*pattern = p;
	*text = t;
	star = strrchr(p, '*');
	if (!star || strchr(star, '?'))
		return true;
	star += star[1] == '/' ? 2 : 1; /* that slash may stand for nothing, see glob_reach */
	return str_ends(t, star);
}

bool str_glob(const char *pattern, const char *text)
{
	bool a[GLOB_MAX + 1], b[GLOB_MAX + 1];
	bool *at = a, *next = b, *swap;
	size_t len;

	if (strlen(pattern) > GLOB_MAX || !glob_may_match(&pattern, &text))
		return false;
	len = strlen(pattern);
	memset(at, 0, len + 1);
	glob_reach(pattern, len, at, 0, true);
	for (; *text; text++) {
		memset(next, 0, len + 1);
		for (size_t i = 0; i < len; i++) {
			if (!at[i])
				continue;
			if (pattern[i] == '*') {
				bool deep = (i + 1 < len && pattern[i + 1] == '*');

				if (deep || *text != '/')
					next[i] = true;
			} else if (pattern[i] == '?' ? *text != '/' : pattern[i] == *text) {
				glob_reach(pattern, len, next, i + 1, true);
			}
		}
		/* a star that stays also reaches what is behind it */
		for (size_t i = 0; i < len; i++)
			if (next[i] && pattern[i] == '*') {
				next[i] = false;
				glob_reach(pattern, len, next, i, false);
			}
		swap = at;
		at = next;
		next = swap;
	}
	return at[len];
}

bool strv_glob(const struct strv *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (str_glob(patterns->v[i], text))
			return true;
	return false;
}

unsigned str_distance(const char *a, const char *b, unsigned max)
{
	enum { LONGEST = 64 };
	unsigned row[LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return max + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned up = row[j], best = diag + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = up;
			row[j] = best;
		}
	}
	return row[lb] > max ? max + 1 : row[lb];
}

size_t str_char(const char *s, unsigned *c)
{
	const unsigned char *b = (const unsigned char *)s;
	size_t n = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc2 ? 2 : 1;

	*c = n == 1 ? b[0] : b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80) {
			*c = b[0];
			return 1;
		}
		*c = *c << 6 | (b[i] & 0x3f);
	}
	return n;
}

bool str_char_unsafe(unsigned c, size_t bytes)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (bytes == 1 && c >= 0x80) || c == 0xad ||
	       c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c >= 0xe0000;
}
