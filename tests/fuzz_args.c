/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_args - command lines: the input is split at NUL into words. What was accepted and emitted is
 * read again with the same meaning and comes out byte for byte the same, and a line that goes on
 * unread is the line that came, but for --cinch-profile.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/args.h"
#include "shim/base/cleanup.h"

enum { WORDS_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Every word of the emitted line was in the input, or is a name of ours. */
static void check_pass(const struct args *a, int argc, char *const *argv, char **line)
{
	int from = 1;

	assert(!a->id && !a->command);
	for (char **w = line + 1; *w; w++) {
		while (from < argc && argv[from] != *w)
			from++;
		assert(from < argc); /* the same words in the same order */
		from++;
	}
}

static void check_again(const struct args *a, char **line)
{
	AUTO_ARGS struct args b = {0};
	AUTO_FREE char **again = NULL;
	struct err e = {0};
	int n = 0;

	while (line[n])
		n++;
	assert(args_parse(n, line, &b, &e) == 0);
	assert(a->help == b.help);
	if (a->help_global) {
		assert(b.verb == VERB_PASS);
		return;
	}
	assert(a->verb == b.verb && same(a->id, b.id) && a->n_command == b.n_command);
	for (size_t i = 0; i < a->n_command; i++)
		assert(same(a->command[i], b.command[i]));
	if (!a->help) {
		assert(a->n_given == b.n_given);
		for (int o = 0; o < ARG_COUNT; o++)
			for (size_t i = 0; i <= a->n_given; i++)
				assert(same(args_nth(a, (enum args_opt)o, i),
					args_nth(&b, (enum args_opt)o, i)));
	}
	again = args_emit(&b, line[0], &e);
	assert(again);
	for (int i = 0; i <= n; i++)
		assert(same(again[i], line[i]));
}

/* TEXT is SIZE bytes and a NUL. */
static void judge(char *text, size_t size)
{
	AUTO_FREE char **line = NULL;
	AUTO_ARGS struct args a = {0};
	char *argv[WORDS_MAX + 2] = {"cinch"};
	struct err e = {0};
	int argc = 1;

	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	if (args_parse(argc, argv, &a, &e) < 0) {
		assert(e.code == ERR_INPUT && e.msg[0]);
		return;
	}
	line = args_emit(&a, "cinch", &e);
	assert(line);
	if (a.verb == VERB_PASS)
		check_pass(&a, argc, argv, line);
	else
		check_again(&a, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = malloc(size + 1);

	assert(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	judge(text, size);
	return 0;
}
