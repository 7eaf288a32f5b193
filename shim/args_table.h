/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args_table - the options of the runtimes and what their values look like; for args.c and flags.c.
 *
 * A new option of a new runtime is one row here.
 */
#ifndef CINCH_ARGS_TABLE_H
#define CINCH_ARGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/args.h"

enum option_kind {
	KIND_TEXT,
	KIND_BOOL,
	KIND_LIST, /* text, collected */
	KIND_GIDS, /* list of group numbers */
	KIND_USER, /* UID or UID:GID */
	KIND_ROOTLESS, /* auto or a boolean */
	KIND_LOG_FORMAT,
	KIND_COUNT, /* 0 .. COUNT_MAX */
	KIND_WEIGHT, /* 0 .. 65535: runc cuts to 16 bits */
	KIND_UNSIGNED,
	KIND_SIGNED,
	KIND_HELP,
	KIND_PROFILE,
	KIND_OTHER_FILE, /* refused: see args.h */
};

enum { ON_GLOBAL = 1u << VERB_PASS };

struct args_option {
	enum args_opt opt; /* ARG_COUNT: none of the values a caller can ask for */
	const char *name; /* with two dashes */
	char alias;
	enum option_kind kind;
	unsigned where; /* ON_GLOBAL, or 1u << the verbs that take it */
};

/* The row of OPT; NULL when there is none. */
const struct args_option *option_of(enum args_opt opt);
/* The row NAME (LEN bytes, without dashes, or one letter) is, among those allowed at WHERE. */
const struct args_option *option_find(const char *name, size_t len, unsigned where);
/* The name at WHERE that NAME was probably meant to be; NULL when none is near. */
const char *option_near(const char *name, size_t len, unsigned where);
bool option_is_list(const struct args_option *o);
bool option_is_bool(const struct args_option *o);

/* NULL when VALUE is good for O, else what would be: "a plain decimal number". */
const char *option_wrong(const struct args_option *o, const char *value);
/* Go's strconv.ParseBool: what runc takes (crun takes no value at all); NULL is true. False when TEXT
 * is no boolean. */
bool option_bool(const char *text, bool *out);

#endif
