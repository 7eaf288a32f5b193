/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub - stands in for the runtime where only the cost of the wrapper is to be seen: does nothing.
 */
int main(void)
{
	return 0;
}
