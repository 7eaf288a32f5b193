/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_capset - our names against libcap's, and what is not a name.
 */
#include "profiles/capset.h"

#include <sys/capability.h>

#include "shim/base/cleanup.h"
#include "tests/tap.h"

static void test_names(void)
{
	int n = 0;

	for (; capset_name(n); n++) {
		cap_value_t theirs = -1;
		const char *name = capset_name(n);

		ok(cap_from_name(name, &theirs) == 0 && theirs == n, "%s is %d for libcap", name,
			n);
		ok(capset_number(name) == n, "and here");
	}
	ok(n == 41, "41 names, the last one is CAP_CHECKPOINT_RESTORE");
	ok(!capset_name(-1) && !capset_name(64) && !capset_name(1 << 30), "no more names");
	ok(capset_all() == (UINT64_C(1) << 41) - 1, "all of them");
}

static void test_not_names(void)
{
	static const char *const no[] = {"", "cap_kill", "CAP_kill", "KILL", "5", "CAP_",
		"CAP_KILL ", " CAP_KILL", "CAP_KILLS", "CAP_KIL", "ALL", "CAP_ALL", "-1", "0"};

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		ok(capset_number(no[i]) == -1, "\"%s\" is no name", no[i]);
}

static const struct {
	const char *wrong, *right;
} near[] = {
	{"CAP_NET_BIND_SERVCE", "CAP_NET_BIND_SERVICE"},
	{"NET_ADMIN", "CAP_NET_ADMIN"},
	{"sys_admin", "CAP_SYS_ADMIN"},
	{"cap_chown", "CAP_CHOWN"},
	{"CAP_SYS_ADMN", "CAP_SYS_ADMIN"},
	{"nonsense", NULL},
	{"CAP_"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaa",
		NULL},
};

int main(void)
{
	test_names();
	test_not_names();
	for (size_t i = 0; i < sizeof near / sizeof *near; i++)
		tap_same(capset_nearest(near[i].wrong), near[i].right, near[i].wrong);
	return tap_done();
}
