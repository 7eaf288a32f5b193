/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell - run a line of the shell and keep what it prints.
 */
#include "tests/shell.h"

#include <stdio.h>
#include <sys/wait.h>

int shell(struct str *out, const char *line)
{
	char part[4096];
	size_t n;
	FILE *f;
	int status;

	str_reset(out);
	str_add(out, "");
	fflush(stdout);
	f = popen(line, "re");
	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		str_addn(out, part, n);
	status = f ? pclose(f) : -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
