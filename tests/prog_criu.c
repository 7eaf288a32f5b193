/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prog_criu - write a checkpoint for a test: prog_criu DIR PID WORD...
 *
 * DIR/core-PID.img says what criu_made_set makes of the words, and is otherwise a process that may be restored
 * under the profile restricted; DIR/ids-PID.img and DIR/inventory.img go with it; DIR/seccomp.img has one filter, which denies everything, or with the word
 * "open" nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/criu_image.h"

/* MAGIC 0: M is the whole file. */
static int save(const char *dir, const char *name, unsigned magic, const struct pb *m)
{
	static struct pb file;
	char path[4096];
	int fd;

	if (magic)
		criu_file(&file, magic, m);
	else
		file = *m;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, file.b, file.n) != (ssize_t)file.n || close(fd) < 0) {
		perror(path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct criu_made m = criu_made_plain;
	static struct pb core, ids, inventory, filters;
	unsigned action = 0x00050001;
	char name[64], beside[64];

	if (argc < 3)
		return 2;
	for (int i = 3; i < argc; i++) {
		criu_made_set(&m, argv[i]);
		if (strcmp(argv[i], "open") == 0)
			action = 0x7fff0000;
	}
	criu_put_core(&core, &m);
	criu_put_filter(&filters, action, -1, -1);
	snprintf(name, sizeof name, "core-%s.img", argv[2]);
	criu_put_ids(&ids, (unsigned)m.node);
	criu_inventory(&inventory, 2);
	snprintf(beside, sizeof beside, "ids-%s.img", argv[2]);
	return save(argv[1], name, CRIU_MAGIC_CORE, &core) ||
	       save(argv[1], beside, CRIU_MAGIC_IDS, &ids) ||
	       save(argv[1], "inventory.img", 0, &inventory) ||
	       save(argv[1], "seccomp.img", CRIU_MAGIC_SECCOMP, &filters);
}
