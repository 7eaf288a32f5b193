/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_criu - any file is read as an image or refused with a reason; what was read is within it, and reading it
 * again says the same. The programs of filters are run.
 */
#include <assert.h>
#include <string.h>

#include "shim/checkpoint_filter.h"
#include "shim/criu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void core(const uint8_t *data, size_t size)
{
	AUTO_CRIU_CORE struct criu_core a = {.groups = NULL}, b = {.groups = NULL};
	struct err e = {0};

	if (criu_core_read(data, size, &a, &e) < 0) {
		assert(e.code == ERR_INPUT && e.msg[0]);
		return;
	}
	assert(!a.label || ((const uint8_t *)a.label >= data &&
				   (const uint8_t *)a.label + a.label_len <= data + size));
	assert(a.n_groups <= CRIU_GROUPS_MAX && a.n_rlimits <= CRIU_RLIMITS_MAX);
	assert(criu_core_read(data, size, &b, &e) == 0);
	assert(memcmp(a.ids, b.ids, sizeof a.ids) == 0 &&
		memcmp(a.caps, b.caps, sizeof a.caps) == 0);
	assert(a.n_groups == b.n_groups && a.dead == b.dead && a.no_new_privs == b.no_new_privs);
	if (a.dead)
		assert(a.n_groups == 0 && a.caps[CRIU_PERMITTED] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CRIU_FILTERS struct criu_filters f = {.v = NULL};
	static struct criu_userns maps;
	struct criu_namespaces ns;
	struct err e = {0};

	core(data, size);
	if (criu_ids_read(data, size, &ns, &e) < 0 || criu_inventory_read(data, size, &ns, &e) < 0)
		assert(e.code == ERR_INPUT && e.msg[0]);
	e = (struct err){0};
	if (criu_userns_read(data, size, &maps, &e) == 0)
		assert(maps.n_uids <= CRIU_EXTENTS_MAX && maps.n_gids <= CRIU_EXTENTS_MAX);
	if (criu_filters_read(data, size, &f, &e) < 0)
		return 0;
	for (size_t i = 0; i < f.n; i++) {
		assert(f.v[i].code >= data && f.v[i].insns > 0 &&
			f.v[i].code + 8 * f.v[i].insns <= data + size);
		assert(!f.v[i].has_before || f.v[i].before < i);
		(void)checkpoint_filter_denies(&f.v[i]);
	}
	return 0;
}
