/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay - give every seed of a fuzz target to it once, with any compiler and without a fuzzer.
 *
 * The program is called replay_NAME and reads tests/corpus/NAME/ below the current directory, or the
 * files named as arguments. A seed that breaks a promise aborts, which the caller sees.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "tests/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE uint8_t *data = NULL;
	struct stat st;
	size_t got = 0;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	/* exactly as many bytes as there are, so that a sanitizer sees a read behind the end */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		return false;
	while (got < (size_t)st.st_size && (n = read(fd, data + got, (size_t)st.st_size - got)) > 0)
		got += (size_t)n;
	if (n < 0)
		return false;
	return LLVMFuzzerTestOneInput(data, got) == 0;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "replay_");
	AUTO_STR struct str dir = STR_INIT;
	struct dirent **found = NULL;
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0); /* what was printed stays when a seed aborts */
	for (int i = 1; i < argc; i++)
		ok(replay(argv[i]), "%s", argv[i]);
	if (argc > 1)
		return tap_done();
	for (const char *later = name; later; later = strstr(later + 1, "replay_"))
		name = later;
	str_addf(&dir, "tests/corpus/%s", name ? name + strlen("replay_") : "");
	n = scandir(str_text(&dir), &found, visible, alphasort);
	ok(n > 0, "%s has seeds", str_text(&dir));
	for (int i = 0; i < n; i++) {
		AUTO_STR struct str path = STR_INIT;

		str_addf(&path, "%s/%s", str_text(&dir), found[i]->d_name);
		ok(replay(str_text(&path)), "%s", str_text(&path));
		free(found[i]);
	}
	free(found);
	return tap_done();
}
