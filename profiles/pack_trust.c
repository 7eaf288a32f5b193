/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - whose signature is trusted: the keys of a node, and what a pack's signature is worth.
 */
#include "profiles/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"

void pack_keys_done(struct pack_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].file);
	free(k->v);
	*k = (struct pack_keys){0};
}

/* ---- keys ---- */

static int add_key(
	struct pack_keys *k, int dirfd, const char *directory, const char *name, struct err *e)
{
	AUTO_STR struct str file = STR_INIT;
	AUTO_FREE char *text = NULL;
	struct pack_key *bigger, *key;
	struct stat st;
	size_t len;

	if (k->n == PACK_KEYS_MAX)
		return err_set(e, ERR_INPUT, "more than %d keys", PACK_KEYS_MAX);
	if (io_read_file_at(dirfd, name, MINISIGN_FILE_MAX, &text, &len, &st, e) < 0 ||
		io_check_owner(name, &st, e) < 0)
		return -1;
	str_addf(&file, "%s/%s", directory, name);
	bigger = reallocarray(k->v, k->n + 1, sizeof *bigger);
	if (!bigger)
		return err_nomem(e);
	k->v = bigger;
	key = &k->v[k->n];
	if (minisign_read_key(text, len, &key->key, e) < 0)
		return err_wrap(e, "%s", name);
	key->file = str_take(&file);
	if (!key->file)
		return err_nomem(e);
	k->n++;
	return 0;
}

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct pack_key *)a)->file, ((const struct pack_key *)b)->file);
}

static int read_all(struct pack_keys *k, int dirfd, const char *directory, struct err *e)
{
	int copy = fcntl(dirfd, F_DUPFD_CLOEXEC, 0), result = 0;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *d;

	if (!dir) {
		err_set(e, errno, "list the directory");
		cleanup_fd(&copy);
		return -1;
	}
	while (result == 0 && (errno = 0, d = readdir(dir)))
		if (d->d_name[0] != '.' && str_ends(d->d_name, ".pub"))
			result = add_key(k, dirfd, directory, d->d_name, e);
	if (result == 0 && errno)
		result = err_set(e, errno, "list the directory");
	closedir(dir);
	return result;
}

int pack_read_keys(const char *directory, struct pack_keys *out, struct err *e)
{
	AUTO_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_KEYS struct pack_keys k = {0};
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		*out = k;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open the directory of keys %.200s", directory);
	if (io_check_owner("the directory", &st, e) < 0 || read_all(&k, fd, directory, e) < 0)
		return err_wrap(e, "keys %.200s", directory);
	if (k.n)
		qsort(k.v, k.n, sizeof *k.v, by_file);
	*out = k;
	k = (struct pack_keys){0};
	return 0;
}

/* ---- what a signature is worth ---- */

enum pack_trust pack_trust(const struct pack *p, const struct pack_keys *keys,
	const struct pack_key **signer, struct err *e)
{
	struct minisign_signature s;
	char id[MINISIGN_ID_HEX];
	bool known = false;

	if (!p->signature) {
		err_set(e, ERR_DENIED, "%.200s: not signed: it has no " PACK_SIGNATURE, p->place);
		return PACK_UNSIGNED;
	}
	if (minisign_read_signature(p->signature, p->signature_len, &s, e) < 0) {
		err_wrap(e, "%.200s: " PACK_SIGNATURE, p->place);
		return PACK_WRONG;
	}
	minisign_id(s.id, id);
	if (keys->n == 0) {
		err_set(e, ERR_DENIED,
			"%.200s: signed by key %s, but no key is trusted: there is no *.pub in the "
			"directory of keys",
			p->place, id);
		return PACK_NO_KEYS;
	}
	/* two keys of one id: eight random bytes do not do that, but a person might */
	for (size_t i = 0; i < keys->n; i++) {
		if (memcmp(keys->v[i].key.id, s.id, sizeof s.id) != 0)
			continue;
		known = true;
		if (minisign_check(&s, &keys->v[i].key, p->manifest, p->manifest_len, e) == 0) {
			if (signer)
				*signer = &keys->v[i];
			return PACK_TRUSTED;
		}
	}
	if (known) {
		err_wrap(e, "%.200s: " PACK_MANIFEST, p->place);
		return PACK_WRONG;
	}
	err_set(e, ERR_DENIED,
		"%.200s: signed by key %s, which is none of the %zu trusted: if it should be, put "
		"its "
		"*.pub into the directory of keys",
		p->place, id, keys->n);
	return PACK_UNKNOWN_KEY;
}
