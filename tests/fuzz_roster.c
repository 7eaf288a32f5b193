/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_roster - any bytes in the place of the file of members: refused with a reason, or lines that, normalised and
 * written, are read as the same; and sets that follow the changes have what these lines say.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netseg/roster.h"
#include "shim/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes is a member's, what goes is nobody's. */
static void check_changes(const struct roster_changes *c, const struct roster *after)
{
	struct err e = {0};

	for (size_t i = 0; i < c->n; i++) {
		AUTO_ADDRS struct addrs members = {0};

		assert(roster_members(after, c->v[i].segment, &members, &e) == 0);
		for (size_t k = 0; k < c->v[i].add.n; k++)
			assert(addrs_has(&members, &c->v[i].add.v[k]));
		for (size_t k = 0; k < c->v[i].remove.n; k++)
			assert(!addrs_has(&members, &c->v[i].remove.v[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ROSTER struct roster before = {0}, after = {0}, again = {0};
	AUTO_CHANGES struct roster_changes c = {0};
	AUTO_STR struct str text = STR_INIT, same = STR_INIT;
	AUTO_FREE char *copy = size < 1 << 16 ? strndup((const char *)data, size) : NULL;
	struct err e = {0};

	if (!copy)
		return 0;
	if (roster_read(copy, &before, &e) < 0) {
		assert(e.code != 0 && *e.msg);
		return 0;
	}
	assert(roster_copy(&before, &after, &e) == 0 && roster_normalise(&after, NULL, &e) == 0);
	assert(roster_changes(&before, &after, &c, &e) == 0);
	check_changes(&c, &after);
	if (roster_write(&after, ROSTER_STAY, &text, &e) < 0)
		return 0;
	assert(roster_read(str_text(&text), &again, &e) == 0);
	assert(roster_write(&again, ROSTER_ALL, &same, &e) == 0);
	assert(strcmp(str_text(&text), str_text(&same)) == 0);
	return 0;
}
