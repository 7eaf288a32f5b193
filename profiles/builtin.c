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

EMBED(builtin_restricted, "profiles/library/restricted.json");
EMBED(builtin_baseline, "profiles/library/baseline.json");
EMBED(builtin_seccomp_default, "profiles/library/seccomp/default.json");

static const struct {
	const char *name, *text, *end;
	const char *digest; /* SHA-256, taken by make: hashing costs a start a tenth of our time */
} texts[] = {
	{"restricted", builtin_restricted, builtin_restricted_end, DIGEST_restricted},
	{"baseline", builtin_baseline, builtin_baseline_end, DIGEST_baseline},
	{"seccomp/default", builtin_seccomp_default, builtin_seccomp_default_end, NULL},
};

static const char *const names[] = {"restricted", "baseline", NULL};

static int find(const char *name)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(texts[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *profile_builtin_text(const char *name, size_t *len)
{
	int i = find(name);

	if (i < 0)
		return NULL;
	*len = (size_t)(texts[i].end - texts[i].text);
	return texts[i].text;
}

int profile_builtin(const char *name, struct profile **out, struct err *e)
{
	AUTO_STR struct str known = STR_INIT;
	const char *near;
	int found = str_in(names, name) ? find(name) : -1;

	if (found >= 0)
		return profile_parse_known(name, texts[found].text,
			(size_t)(texts[found].end - texts[found].text), texts[found].digest, out,
			e);
	near = reader_nearest(names, name);
	for (size_t i = 0; names[i]; i++)
		str_addf(&known, "%s\"%s\"", i ? " and " : "", names[i]);
	return err_set(e, ERR_INPUT, "unknown profile \"%.64s\"%s%s%s; this cinch has %s", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "",
		str_text(&known));
}
