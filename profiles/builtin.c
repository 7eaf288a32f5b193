/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin - the profiles and filters inside the binary: the very bytes of profiles/library.
 *
 * Nothing on the disk is needed to confine a container, so nothing on the disk can be removed to
 * unconfine one.
 */
#include <string.h>

#include "profiles/profile.h"
#include "profiles/reader.h"

/* The assembler finds FILE by the compiler's -I options; a NUL follows the text. */
#define EMBED(symbol, file)                                                                        \
	__asm__(".pushsection .rodata." #symbol ",\"a\",%progbits\n"                               \
		"	.globl	" #symbol "\n"                                                     \
		"	.hidden	" #symbol "\n"                                                     \
		"	.type	" #symbol ", %object\n" #symbol ":\n"                              \
		"	.incbin	\"" file "\"\n"                                                    \
		"	.globl	" #symbol "_end\n"                                                 \
		"	.hidden	" #symbol "_end\n" #symbol "_end:\n"                               \
		"	.byte	0\n"                                                                       \
		"	.size	" #symbol ", . - " #symbol "\n"                                    \
		"	.popsection\n");                                                           \
	extern const char symbol[] __attribute__((visibility("hidden")));                          \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

/* make hands over the list of profiles/library: SHIPPED(identifier, "name", "digest") for each file.
 * The digest (SHA-256) is taken there: hashing costs a start a tenth of our time. */
#define SHIPPED(id, name, digest) EMBED(builtin_##id, "profiles/library/" name ".json");
LIBRARY
#undef SHIPPED

static const struct {
	const char *name, *text, *end, *digest;
} texts[] = {
#define SHIPPED(id, name, digest) {name, builtin_##id, builtin_##id##_end, digest},
	LIBRARY
#undef SHIPPED
	{NULL, NULL, NULL, NULL},
};

enum { N_TEXTS = sizeof texts / sizeof *texts - 1 };

static bool is_profile(const char *name)
{
	return !strchr(name, '/');
}

static int find(const char *name)
{
	for (int i = 0; i < N_TEXTS; i++)
		if (strcmp(texts[i].name, name) == 0)
			return i;
	return -1;
}

const char *profile_builtin_name(size_t i)
{
	return i < N_TEXTS ? texts[i].name : NULL;
}

const char *profile_builtin_text(const char *name, size_t *len)
{
	int i = find(name);

	if (i < 0)
		return NULL;
	*len = (size_t)(texts[i].end - texts[i].text);
	return texts[i].text;
}

static int unknown(const char *name, struct err *e)
{
	const char *names[N_TEXTS + 1] = {NULL}, *near;
	AUTO_STR struct str known = STR_INIT;
	size_t n = 0;

	for (int i = 0; i < N_TEXTS; i++)
		if (is_profile(texts[i].name))
			names[n++] = texts[i].name;
	near = reader_nearest(names, name);
	for (size_t i = 0; i < n; i++)
		str_addf(&known, "%s\"%s\"", i ? i + 1 < n ? ", " : " and " : "", names[i]);
	return err_set(e, ERR_INPUT, "unknown profile \"%.64s\"%s%s%s; this cinch has %s", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "",
		str_text(&known));
}

int profile_builtin(const char *name, struct profile **out, struct err *e)
{
	int i = is_profile(name) ? find(name) : -1;

	if (i < 0)
		return unknown(name, e);
	return profile_parse_known(name, texts[i].text, (size_t)(texts[i].end - texts[i].text),
		texts[i].digest, out, e);
}
