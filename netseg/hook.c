/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook - cinch-hook: what a runtime runs at createRuntime and poststop, and cinch at start.
 */
#include <stdio.h>

int main(void)
{
	fputs("cinch-hook: this build has no rules yet\n", stderr);
	return 1;
}
