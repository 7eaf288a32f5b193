/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line - cinchctl's command line: find the command, read its options by its table, run it, print.
 */
#include "shim/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shim/base/num.h"
#include "shim/ctl/table.h"
#include "shim/version.h"

static const struct ctl_option json_option = {"json", NULL, CTL_NONE, "one JSON document"};
static const struct ctl_option color_option = {
	"color", "WHEN", CTL_TEXT, "auto, always or never; auto: on a terminal"};
static const struct ctl_option colour_option = {"colour", "WHEN", CTL_TEXT, NULL};
static const struct ctl_option help_option = {"help", NULL, CTL_NONE, "this"};
const struct ctl_option *const ctl_common[] = {
	&json_option, &color_option, &colour_option, &help_option, NULL};

/* ---- what a command asks ---- */

const char *ctl_nth(const struct ctl_call *c, const char *option, size_t i)
{
	for (size_t k = 0; k < c->n_given; k++)
		if (strcmp(c->given[k].option->name, option) == 0 && i-- == 0)
			return c->given[k].value ? c->given[k].value : "";
	return NULL;
}

const char *ctl_value(const struct ctl_call *c, const char *option)
{
	for (size_t k = c->n_given; k-- > 0;)
		if (strcmp(c->given[k].option->name, option) == 0)
			return c->given[k].value ? c->given[k].value : "";
	return NULL;
}

bool ctl_given(const struct ctl_call *c, const char *option)
{
	return ctl_value(c, option) != NULL;
}

int ctl_put_json(struct ctl_call *c, const struct json *v, struct err *e)
{
	if (!v)
		return err_nomem(e);
	json_write_pretty(v, &c->out);
	return str_failed(&c->out) ? err_nomem(e) : 0;
}

size_t ctl_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns && num_u64(columns, 1000, &n) && n > 0 ? (size_t)n : TABLE_WIDTH;
}

int ctl_flush(struct ctl_call *c, struct err *e)
{
	if (str_failed(&c->out))
		return err_nomem(e);
	fwrite(str_text(&c->out), 1, c->out.len, stdout);
	str_reset(&c->out);
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_set(e, errno, "cannot write to standard output");
	return 0;
}

/* ---- help ---- */

static void option_line(const struct ctl_option *o, FILE *to)
{
	char left[64];

	snprintf(left, sizeof left, "%s%s%s%s", o->name[1] ? "--" : "-", o->name,
		o->value ? " " : "", o->value ? o->value : "");
	fprintf(to, "  %-20s %s\n", left, o->help);
}

static void usage_line(const struct ctl_command *c, FILE *to)
{
	fprintf(to, "usage: cinchctl %s [OPTION ...]%s%s\n", c->name, *c->operands ? " " : "",
		c->operands);
}

static void command_help(const struct ctl_command *c)
{
	usage_line(c, stdout);
	printf("\n%s.\n\n", c->summary);
	for (const struct ctl_option *o = c->options; o->name; o++)
		option_line(o, stdout);
	for (const struct ctl_option *const *o = ctl_common; *o; o++)
		if ((*o)->help)
			option_line(*o, stdout);
	if (c->notes)
		printf("\n%s", c->notes);
}

static void help(FILE *to)
{
	fprintf(to, "usage: cinchctl COMMAND [ARGUMENT ...]\n\n");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		fprintf(to, "  %-16s %s\n", (*c)->name, (*c)->summary);
	fprintf(to, "\n\"cinchctl COMMAND --help\" tells more, cinchctl(8) everything.\n");
}

/* ---- the line ---- */

/* How many words of ARGV name C: 0 when they do not. */
static int named(const struct ctl_command *c, int argc, char *argv[])
{
	const char *space = strchr(c->name, ' ');

	if (!space)
		return strcmp(c->name, argv[0]) == 0;
	return argc > 1 && strlen(argv[0]) == (size_t)(space - c->name) &&
			       strncmp(c->name, argv[0], (size_t)(space - c->name)) == 0 &&
			       strcmp(space + 1, argv[1]) == 0
		       ? 2
		       : 0;
}

static const struct ctl_command *find(int argc, char *argv[], int *words)
{
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		if ((*words = named(*c, argc, argv)))
			return *c;
	return NULL;
}

/* ARGV[0] begins the name of several: their help. */
static bool group_help(const char *word, FILE *to)
{
	size_t len = strlen(word);
	bool any = false;

	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		if (strncmp((*c)->name, word, len) == 0 && (*c)->name[len] == ' ') {
			fprintf(to, "%scinchctl %-16s %s\n",
				any ? "       " : "usage: ", (*c)->name, (*c)->summary);
			any = true;
		}
	return any;
}

static int unknown(int argc, char *argv[])
{
	bool group = argc > 1 && group_help(argv[0], stderr);
	const char *near = NULL;
	char name[80];
	struct err e;

	snprintf(
		name, sizeof name, "%.32s%s%.32s", argv[0], group ? " " : "", group ? argv[1] : "");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		if (str_distance((*c)->name, name, 2) <= 2)
			near = (*c)->name;
	err_set(&e, ERR_INPUT, "unknown command \"%s\"%s%s%s; \"cinchctl --help\" lists them", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	fprintf(stderr, "cinchctl: %s\n", e.msg);
	return CTL_ERROR;
}

static const struct ctl_option *option_of(const struct ctl_command *c, const char *name, size_t len)
{
	for (const struct ctl_option *o = c->options; o->name; o++)
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	for (const struct ctl_option *const *o = ctl_common; *o; o++)
		if (strlen((*o)->name) == len && strncmp((*o)->name, name, len) == 0)
			return *o;
	return NULL;
}

static int take_colour(struct ctl_call *c, struct err *e)
{
	const char *when = ctl_value(c, "color") ? ctl_value(c, "color") : ctl_value(c, "colour");
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!when || strcmp(when, "auto") == 0)
		c->colour = isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
			    !(term && strcmp(term, "dumb") == 0);
	else if (strcmp(when, "always") == 0)
		c->colour = true;
	else if (strcmp(when, "never") != 0)
		return err_set(
			e, ERR_INPUT, "--color is auto, always or never, not \"%.64s\"", when);
	return 0;
}

/* One option at ARGV[*I] ("--name", or "-n" when its name is one letter), its value behind "=" or in the next word. */
static int take_option(struct ctl_call *c, char *argv[], int *i, struct err *e)
{
	const char *word = argv[*i] + (argv[*i][1] == '-' ? 2 : 1), *eq = strchr(word, '=');
	const struct ctl_option *o =
		option_of(c->command, word, eq ? (size_t)(eq - word) : strlen(word));

	if (!o)
		return err_set(e, ERR_INPUT,
			"unknown option %.64s; \"cinchctl %s --help\" lists them", argv[*i],
			c->command->name);
	if (!o->value && eq)
		return err_set(e, ERR_INPUT, "--%s takes no value", o->name);
	if (o->value && !eq && !argv[*i + 1])
		return err_set(e, ERR_INPUT, "--%s needs a value", o->name);
	if (c->n_given == CTL_VALUES_MAX)
		return err_set(e, ERR_INPUT, "more than %d options", CTL_VALUES_MAX);
	c->given[c->n_given].option = o;
	c->given[c->n_given++].value = !o->value ? NULL : eq ? eq + 1 : argv[++*i];
	return 0;
}

/* Options stand anywhere; what is behind "--" is an operand. */
static int take_line(struct ctl_call *c, int argc, char *argv[], struct err *e)
{
	bool only_operands = false;

	for (int i = 0; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			c->operands[c->n_operands++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			only_operands = true;
		} else if (strcmp(argv[i], "-h") == 0) {
			c->given[0].option = &help_option;
			c->n_given = 1;
			return 0;
		} else if (argv[i][1] != '-' && !argv[i][2] &&
			   option_of(c->command, argv[i] + 1, 1)) {
			if (take_option(c, argv, &i, e) < 0)
				return -1;
		} else if (argv[i][1] != '-') {
			return err_set(e, ERR_INPUT,
				"unknown option %.64s; \"cinchctl %s --help\" lists them", argv[i],
				c->command->name);
		} else if (take_option(c, argv, &i, e) < 0) {
			return -1;
		}
	}
	c->json = ctl_given(c, "json");
	return take_colour(c, e);
}

static int count_operands(const struct ctl_call *c, struct err *e)
{
	const struct ctl_command *d = c->command;

	if (c->n_operands >= d->least && c->n_operands <= d->most)
		return 0;
	return err_set(e, ERR_INPUT, "%s; usage: cinchctl %s [OPTION ...]%s%s",
		c->n_operands < d->least ? "something is missing" : "too many words", d->name,
		*d->operands ? " " : "", d->operands);
}

static int run(const struct ctl_command *command, int argc, char *argv[])
{
	struct ctl_call c = {.command = command};
	struct err e = {0}, second;
	int status = -1;

	c.operands = calloc((size_t)argc + 1, sizeof *c.operands);
	if (!c.operands)
		err_nomem(&e);
	else if (take_line(&c, argc, argv, &e) < 0)
		;
	else if (ctl_given(&c, "help"))
		command_help(command), status = CTL_OK;
	else if (count_operands(&c, &e) == 0)
		status = command->run(&c, &e);
	if (ctl_flush(&c, status < 0 ? &second : &e) < 0)
		status = -1;
	if (status < 0)
		fprintf(stderr, "cinchctl: %s: %s\n", command->name, e.msg);
	str_done(&c.out);
	free(c.operands);
	return status < 0 ? CTL_ERROR : status;
}

int ctl_main(int argc, char *argv[])
{
	const struct ctl_command *c;
	int words;

	if (argc < 2) {
		help(stderr);
		return CTL_ERROR;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return CTL_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("cinchctl %s\n", cinch_version);
		return CTL_OK;
	}
	c = find(argc - 1, argv + 1, &words);
	if (c)
		return run(c, argc - 1 - words, argv + 1 + words);
	if (argc == 2 && group_help(argv[1], stderr))
		return CTL_ERROR;
	if (argc == 3 && strcmp(argv[2], "--help") == 0 && group_help(argv[1], stdout))
		return CTL_OK;
	return unknown(argc - 1, argv + 1);
}
