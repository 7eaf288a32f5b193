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
} texts[] = {
	{"restricted", builtin_restricted, builtin_restricted_end},
	{"baseline", builtin_baseline, builtin_baseline_end},
	{"seccomp/default", builtin_seccomp_default, builtin_seccomp_default_end},
};

static const char *const names[] = {"restricted", "baseline", NULL};

const char *const *profile_builtin_names(void)
{
	return names;
}

const char *profile_builtin_text(const char *name, size_t *len)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(texts[i].name, name) == 0) {
			*len = (size_t)(texts[i].end - texts[i].text);
			return texts[i].text;
		}
	return NULL;
}

int profile_builtin(const char *name, struct profile **out, struct err *e)
{
	AUTO_STR struct str known = STR_INIT;
	const char *text = NULL, *near = reader_nearest(names, name);
	size_t len;

	if (str_in(names, name))
		text = profile_builtin_text(name, &len);
	if (text)
		return profile_parse(name, text, len, out, e);
	for (size_t i = 0; names[i]; i++)
		str_addf(&known, "%s\"%s\"", i ? " and " : "", names[i]);
	return err_set(e, ERR_INPUT, "unknown profile \"%.64s\"%s%s%s; this cinch has %s", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "",
		str_text(&known));
}
