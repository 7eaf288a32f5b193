/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - patterns of what exec may run.
 */
#include "profiles/command.h"

#include <string.h>

#include "shim/base/path.h"

/* An argument beyond this is not compared with wildcards: the caller chooses it, and comparing costs the
 * product of both lengths. It counts as what is stricter. */
enum { ARGUMENT_MAX = 4096 };

static const char rest[] = "**"; /* as the last word: any further arguments */

/* The word at AT and its length; *AT moves behind it and its blank. */
static size_t next_word(const char **at, char word[COMMAND_PATTERN_MAX + 1])
{
	size_t n = strcspn(*at, " ");

	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n + ((*at)[n] == ' ');
	return n;
}

static const char *program_wrong(const char *word)
{
	bool last_slash = word[strlen(word) - 1] == '/';

	if (strcmp(word, rest) == 0)
		return NULL;
	if (*word != '/' && strchr(word, '/'))
		return "begins with a path that is not absolute: write it from \"/\", or the name "
		       "alone";
	if (*word != '/' && strstr(word, rest))
		return "has \"**\" in a program's name, where it would span directories, too: "
		       "write \"*\", or an absolute path";
	if (*word == '/' && (last_slash || !path_plain(word)))
		return "begins with a path that has an empty, \".\" or \"..\" component: it would "
		       "never match";
	return NULL;
}

const char *command_wrong(const char *pattern)
{
	char word[COMMAND_PATTERN_MAX + 1];
	const char *at = pattern, *wrong;
	size_t words = 0;

	if (!*pattern)
		return "is empty";
	if (strlen(pattern) > COMMAND_PATTERN_MAX)
		return "is longer than 1024 bytes";
	for (const char *c = pattern; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "has a control character: \"?\" stands for any byte";
	if (*pattern == ' ' || pattern[strlen(pattern) - 1] == ' ' || strstr(pattern, "  "))
		return "has a blank too many: one stands between two words";
	while (*at) {
		next_word(&at, word);
		if (++words > COMMAND_WORDS_MAX)
			return "has more than 64 words";
		if (words == 1 && (wrong = program_wrong(word)))
			return wrong;
		if (*at && strcmp(word, rest) == 0)
			return "has words behind \"**\", which stands for all further arguments; "
			       "within a word it spans \"/\", as in \"/**\"";
	}
	return NULL;
}

/* DENY: what cannot be told counts as equal. */
static bool word_is(const char *word, const char *arg, bool deny)
{
	if (!strpbrk(word, "*?"))
		return strcmp(word, arg) == 0;
	if (strnlen(arg, ARGUMENT_MAX + 1) > ARGUMENT_MAX)
		return deny;
	return str_glob(word, arg);
}

static bool program_is(const char *word, const char *program, bool deny)
{
	const char *slash = strrchr(program, '/');

	if (strcmp(word, rest) == 0)
		return true;
	if (word_is(word, program, deny))
		return true;
	return deny && slash && !strchr(word, '/') && word_is(word, slash + 1, deny);
}

static bool matches(const char *pattern, const char *const *argv, size_t n, bool deny)
{
	char word[COMMAND_PATTERN_MAX + 1];
	size_t i = 0;

	if (strlen(pattern) > COMMAND_PATTERN_MAX)
		return deny;
	for (const char *at = pattern; *at; i++) {
		next_word(&at, word);
		if (!*at && strcmp(word, rest) == 0)
			return true;
		if (i == n)
			return false;
		if (i == 0 ? !program_is(word, argv[0], deny) : !word_is(word, argv[i], deny))
			return false;
	}
	return deny || i == n;
}

bool command_allowed(const struct strv *patterns, const char *const *argv, size_t n)
{
	/* "/opt/app/../../bin/sh" is not below /opt/app, and "bin/sh" is wherever the caller says */
	if (n == 0 || (strchr(argv[0], '/') && (argv[0][0] != '/' || !path_plain(argv[0]))))
		return false;
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(patterns->v[i], argv, n, false))
			return true;
	return false;
}

const char *command_denied(const struct strv *patterns, const char *const *argv, size_t n)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (n > 0 && matches(patterns->v[i], argv, n, true))
			return patterns->v[i];
	return NULL;
}
