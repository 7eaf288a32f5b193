/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cinchctl - the operator's tool: asks what cinch would do and did; starts nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/str.h"
#include "shim/ctl/ctl.h"
#include "shim/version.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char *argv[], struct err *e);
	const char *help;
} commands[] = {
	{"explain", ctl_explain, "what a profile would change in a container, and why"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *to)
{
	fprintf(to, "usage: cinchctl COMMAND [ARGUMENT ...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n\"cinchctl COMMAND --help\" tells more, cinchctl(8) everything.\n");
}

static int unknown(const char *name)
{
	const char *near = NULL;
	struct err e;

	for (size_t i = 0; i < COMMANDS; i++)
		if (str_distance(commands[i].name, name, 2) <= 2)
			near = commands[i].name;
	err_set(&e, ERR_INPUT, "unknown command \"%.64s\"%s%s%s; \"cinchctl --help\" lists them",
		name, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	fprintf(stderr, "cinchctl: %s\n", e.msg);
	return CTL_ERROR;
}

static int run(int argc, char *argv[])
{
	struct err e = {0};
	int status;

	if (argc < 2) {
		usage(stderr);
		return CTL_ERROR;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return CTL_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("cinchctl %s\n", cinch_version);
		return CTL_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		status = commands[i].run(argc - 1, argv + 1, &e);
		if (status < 0)
			fprintf(stderr, "cinchctl: %s: %s\n", commands[i].name, e.msg);
		return status < 0 ? CTL_ERROR : status;
	}
	return unknown(argv[1]);
}

int main(int argc, char *argv[])
{
	int status = run(argc, argv);

	/* a table cut short by a full disk is not an answer */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "cinchctl: cannot write to standard output: %m\n");
		status = CTL_ERROR;
	}
	exit(status);
}
