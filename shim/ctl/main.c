/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cinchctl - the operator's tool: asks what cinch would do and did, and decides what it will do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shim/ctl/ctl.h"

int main(int argc, char *argv[])
{
	int status = ctl_main(argc, argv);

	/* a table cut short by a full disk is not an answer */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status != CTL_ERROR) {
		fprintf(stderr, "cinchctl: cannot write to standard output: %m\n");
		status = CTL_ERROR;
	}
	exit(status);
}
