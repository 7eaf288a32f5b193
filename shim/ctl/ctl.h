/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl - the commands of cinchctl, each described by a table: what it is called, what it takes, what it is
 * for. Reading the line, --help, the list of commands and the shells' completions come from the table.
 *
 * A command writes what it found to stdout and returns the exit status; or -1 with E, which main prints
 * as "cinchctl: COMMAND: ..." before it exits with CTL_ERROR. Every command takes --json, --color and
 * --help besides its own options.
 */
#ifndef CINCH_CTL_H
#define CINCH_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/base/err.h"
#include "shim/base/json.h"
#include "shim/base/str.h"

/* CTL_FINDINGS: it worked, and there is something to look at. */
enum { CTL_OK = 0, CTL_FINDINGS = 1, CTL_ERROR = 2 };

enum { CTL_OPTIONS_MAX = 12, CTL_VALUES_MAX = 32 };

/* What a word on the line is, for completion. */
enum ctl_word { CTL_NONE, CTL_FILE, CTL_DIR, CTL_PROFILE, CTL_TEXT };

struct ctl_option {
	const char *name; /* "profile": --profile */
	const char *value; /* what stands for the value in --help; NULL: a flag */
	enum ctl_word word;
	const char *help;
};

struct ctl_call;

struct ctl_command {
	const char *name; /* one or two words: "apply", "profile check" */
	int (*run)(struct ctl_call *c, struct err *e);
	const char *operands; /* "BUNDLE|FILE"; "" when there are none */
	size_t least, most; /* how many operands */
	enum ctl_word word; /* what they are */
	const char *summary; /* one line, no full stop */
	const char *notes; /* printed below the options, ends with a newline; NULL: none */
	struct ctl_option options[CTL_OPTIONS_MAX]; /* ended by a NULL name */
};

struct ctl_call {
	const struct ctl_command *command;
	bool json, colour;
	size_t n_operands;
	char **operands; /* NULL-terminated */
	struct { /* as given, in order */
		const struct ctl_option *option;
		const char *value;
	} given[CTL_VALUES_MAX];
	size_t n_given;
	struct str out; /* what goes to stdout when the command has come to its end */
};

/* The value given last; NULL when not given. */
const char *ctl_value(const struct ctl_call *c, const char *option);
/* The Ith value of an option that may be repeated; NULL behind the last. */
const char *ctl_nth(const struct ctl_call *c, const char *option, size_t i);
bool ctl_given(const struct ctl_call *c, const char *option);

/* Append V, pretty, and a newline to c->out. V NULL: out of memory. */
int ctl_put_json(struct ctl_call *c, const struct json *v, struct err *e);
/* Columns of the terminal, of $COLUMNS, or 100. */
size_t ctl_width(void);
/* Write out what c->out holds now: for commands that go on for long. */
int ctl_flush(struct ctl_call *c, struct err *e);

/* The table of all commands, ended by a NULL name: shim/ctl/commands.c. */
extern const struct ctl_command *const ctl_commands[];

/* What every command takes; ended by NULL. Those without help are second spellings. */
extern const struct ctl_option *const ctl_common[];

/* Find and run the command of the line; the exit status. Everything but the command's own work. */
int ctl_main(int argc, char *argv[]);

#endif
