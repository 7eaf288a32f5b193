/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what is wrong with a profile although every value by itself is right.
 */
#include "profiles/check.h"

#include <stdlib.h>
#include <string.h>

#include "profiles/sysset.h"
#include "shim/base/cleanup.h"

static int check_calls(struct reader *r, const struct json *names)
{
	json_each (v, names) {
		AUTO_FREE char *near = NULL;

		if (!json_str(v) || sysset_known(v->text))
			continue;
		near = sysset_nearest(v->text);
		return reader_fail(r, v, "unknown system call \"%.64s\"%s%s%s", v->text,
			near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
	return 0;
}

int check_profile(struct reader *r, const struct json *root, const struct profile *p)
{
	(void)p;
	if (check_calls(r, json_at(root, "/seccomp/deny")) < 0 ||
		check_calls(r, json_at(root, "/seccomp/allow")) < 0)
		return -1;
	return 0;
}
