/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tighten - any bytes as config.json, through both built-in profiles: refused with a reason, or a
 * result that keeps every promise.
 *
 * The first byte chooses what the world is like when it is below 0x20 and no white space of JSON's;
 * the seeds, plain JSON, have no such byte.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tighten_rig.h"
#include "tests/world_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct profile *profile(int i)
{
	static const char *const names[] = {"restricted", "baseline"};
	static struct profile *loaded[2];
	struct err e;

	if (!loaded[i] && profile_builtin(names[i], &loaded[i], &e) < 0)
		abort();
	return loaded[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mood = 0;

	if (size > 0 && *data < 0x20 && *data != '\n' && *data != '\r' && *data != '\t') {
		mood = *data++;
		size--;
	}
	for (int i = 0; i < 2; i++) {
		AUTO_FAKE struct world_fake fake;
		AUTO_RIG struct rig r;

		world_fake_init(&fake);
		fake.world.in_user_ns = mood & 1;
		fake.world.cgroup_v2 = mood & 2;
		if (mood & 4)
			world_fake_entry(&fake, (struct fake_path){.path = "/dev", .real = "/etc"});
		if (mood & 16)
			world_fake_entry(&fake, (struct fake_path){.path = "/tmp", .real = "proc"});
		rig_run(&r, (const char *)data, size, profile(i), &fake.world);
		for (size_t k = 0; k < r.bad.n; k++)
			fprintf(stderr, "%s: %s\n", profile(i)->name, r.bad.v[k]);
		if (r.bad.n)
			abort();
	}
	return 0;
}
