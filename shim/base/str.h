/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str - a growing byte string, a list of strings, and glob matching for paths and names.
 */
#ifndef CINCH_BASE_STR_H
#define CINCH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/* A growing string, always NUL-terminated once something was added. Zero-initialise it; appending
 * after a failed allocation does nothing, and str_failed() tells at the end. */
struct str {
	char *s;
	size_t len, cap;
	bool failed;
};

#define STR_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}
#define AUTO_STR __attribute__((cleanup(str_done)))

void str_done(struct str *b);
void str_add(struct str *b, const char *text);
void str_addn(struct str *b, const char *bytes, size_t len);
static inline void str_addc(struct str *b, char c)
{
	if (!b->failed && b->cap - b->len > 1) { /* the cap of an empty one is 0 */
		b->s[b->len++] = c;
		b->s[b->len] = '\0';
	} else {
		str_addn(b, &c, 1);
	}
}
void str_addf(struct str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_reset(struct str *b); /* empty again; keeps the memory */
static inline bool str_failed(const struct str *b)
{
	return b->failed;
}
/* The bytes so far, never NULL; borrowed until the next call on B. */
static inline const char *str_text(const struct str *b)
{
	return b->s ? b->s : "";
}
/* The caller owns the result (free); NULL when an allocation failed. B is empty afterwards. */
char *str_take(struct str *b);

/* A list of owned strings. Zero-initialise; done frees all and leaves it empty. */
struct strv {
	char **v;
	size_t n;
};

#define AUTO_STRV __attribute__((cleanup(strv_done)))

int strv_add(struct strv *l, const char *text); /* 0, or -1 when out of memory; l unchanged */
bool strv_has(const struct strv *l, const char *text);
void strv_done(struct strv *l);

/* Exact membership in a NULL-terminated table. */
bool str_in(const char *const *table, const char *text);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/*
 * Glob over slash-separated names: '?' one byte but '/', '*' any run without '/', '**' any run.
 * "/a/b/" + "**" matches everything below /a/b and /a/b itself. A leading "**" followed by "/"
 * matches at any depth, also none. No character classes, no escapes. Linear in the product of both
 * lengths at the worst.
 */
bool str_glob(const char *pattern, const char *text);
/* True when any pattern of the list matches. */
bool strv_glob(const struct strv *patterns, const char *text);

/* Edit distance for suggestions ("did you mean"); stops counting above MAX and returns MAX + 1.
 * Names longer than 64 bytes are never near. */
unsigned str_distance(const char *a, const char *b, unsigned max);

/* Bytes of the character at S, and the character. What is not UTF-8 is one byte. */
size_t str_char(const char *s, unsigned *c);
/* That character would move a terminal's cursor, colour the screen, vanish or turn what follows around. */
bool str_char_unsafe(unsigned c, size_t bytes);

#endif
