/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_profile - any text is read or refused with a message that names the file; what was read keeps
 * its promises.
 */
#include <assert.h>
#include <string.h>

#include "profiles/capset.h"
#include "profiles/command.h"
#include "profiles/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_PROFILE struct profile *p = NULL, *again = NULL;
	struct err e = {0};

	if (profile_parse("fuzz", (const char *)data, size, &p, &e) < 0) {
		assert(!p && strncmp(e.msg, "fuzz:", 5) == 0);
		return 0;
	}
	assert(e.code == 0 && p->name && p->version);
	assert(p->user.uid > 0 && p->user.gid > 0);
	assert(!(p->capabilities & ~capset_all()) && !(p->exec.capabilities & ~capset_all()));
	assert(!(p->namespaces.host & 1u << NS_MOUNT));
	assert(p->seccomp.unconfined || p->seccomp.profile);
	for (size_t i = 0; i < p->rootfs.n_writable; i++)
		assert(p->rootfs.writable[i].path && p->rootfs.writable[i].path[0] == '/');
	for (size_t i = 0; i < p->n_devices; i++)
		assert(p->devices[i].path && strchr("cb", p->devices[i].type));
	for (size_t i = 0; i < p->exec.allow_commands.n; i++)
		assert(!command_wrong(p->exec.allow_commands.v[i]));
	for (size_t i = 0; i < p->exec.deny_commands.n; i++)
		assert(!command_wrong(p->exec.deny_commands.v[i]));
	assert(p->flags.allow < 1u << FLAG_COUNT);
	assert(p->flags.preserve_fds <= PROFILE_DESCRIPTORS_MAX);
	assert(profile_parse("fuzz", (const char *)data, size, &again, &e) == 0);
	assert(strcmp(p->digest, again->digest) == 0);
	return 0;
}
