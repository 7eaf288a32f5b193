/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_at - the parts of an applied policy on the disk.
 */
#include "profiles/store_at.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"

/* A launch must not hang, whatever lies where a file should. */
enum { OPEN_SAFELY = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int check_owner(int fd, mode_t kind, const char *what, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat %s", what);
	if ((st.st_mode & S_IFMT) != kind)
		return err_set(e, ERR_INPUT, "%s is not a %s", what,
			kind == S_IFDIR ? "directory" : "regular file");
	if (!io_owner_trusted(&st))
		return err_set(e, ERR_INPUT,
			"%s must belong to root and be writable by nobody else: "
			"owner %u, mode %04o",
			what, st.st_uid, st.st_mode & 07777);
	return 0;
}

int store_at_open(const char *dir, int *fd, struct err *e)
{
	const char *path = dir ? dir : STORE_DIR;
	AUTO_FD int own = open(path, OPEN_SAFELY | O_DIRECTORY);

	if (own < 0)
		return err_set(e, errno, "open %.256s", path);
	if (check_owner(own, S_IFDIR, path, e) < 0)
		return -1;
	*fd = take_fd(&own);
	return 0;
}

int store_at_link(int dirfd, const char *link, char digest[HASH_HEX_SIZE], struct err *e)
{
	char text[HASH_HEX_SIZE + 1];
	ssize_t n = readlinkat(dirfd, link, text, sizeof text - 1);

	digest[0] = '\0';
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0 && errno == EINVAL)
		return err_set(e, ERR_INPUT, "%s is not a symbolic link", link);
	if (n < 0)
		return err_set(e, errno, "read the link %s", link);
	text[n] = '\0';
	if (!hash_is_hex(text))
		return err_set(e, ERR_INPUT, "%s leads to \"%.70s\", which is no policy's name",
			link, text);
	memcpy(digest, text, HASH_HEX_SIZE);
	return 0;
}

static int open_file(int dirfd, const char *digest, struct err *e)
{
	AUTO_FD int inner = openat(dirfd, digest, OPEN_SAFELY | O_DIRECTORY | O_NOFOLLOW);
	AUTO_FD int fd = -1;

	if (inner < 0)
		return err_set(e, errno, "open policy %.12s", digest);
	if (check_owner(inner, S_IFDIR, "its directory", e) < 0)
		return err_wrap(e, "policy %.12s", digest);
	fd = openat(inner, "policy", OPEN_SAFELY | O_NOFOLLOW);
	if (fd < 0)
		return err_set(e, errno, "open the file of policy %.12s", digest);
	if (check_owner(fd, S_IFREG, "its file", e) < 0)
		return err_wrap(e, "policy %.12s", digest);
	return take_fd(&fd);
}

int store_at_policy(int dirfd, const char *digest, struct policy **out, struct err *e)
{
	int fd = open_file(dirfd, digest, e);

	if (fd < 0)
		return -1;
	return policy_open(fd, out, e) < 0 ? err_wrap(e, "policy %.12s", digest) : 0;
}

int store_at_whole(
	int dirfd, const char *name, const char *digest, struct policy **out, struct err *e)
{
	AUTO_FD int fd = open_file(dirfd, name, e);
	AUTO_POLICY struct policy *p = NULL;
	AUTO_FREE char *bytes = NULL;
	char real[HASH_HEX_SIZE];
	size_t len;

	if (fd < 0)
		return -1;
	if (io_read_all(fd, STORE_POLICY_MAX, &bytes, &len, e) < 0)
		return err_wrap(e, "policy %.12s", name);
	hash_sha256_hex(bytes, len, real);
	if (strcmp(real, digest) != 0)
		return err_set(
			e, ERR_INPUT, "policy %.12s: its content is that of %.12s", digest, real);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "policy %.12s", name);
	if (policy_open(take_fd(&fd), &p, e) < 0 || policy_check(p, e) < 0)
		return err_wrap(e, "policy %.12s", name);
	if (out)
		*out = take_ptr(&p);
	return 0;
}
