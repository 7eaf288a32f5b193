/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - profiles that travel together: a directory or .tar with a manifest of SHA-256 digests, which
 * minisign signs.
 *
 *	manifest.json           {"pack": "acme", "version": "1.4.0", "files": {"web.json": "<hex>"}}
 *	manifest.json.minisig   optional
 *	web.json, seccomp/x.json ...
 */
#ifndef CINCH_PROFILES_PACK_H
#define CINCH_PROFILES_PACK_H

#include <stdbool.h>

#include "profiles/minisign.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

enum { PACK_FILES_MAX = 1024, PACK_BYTES_MAX = 64 << 20 };

struct pack_file {
	char *name; /* "web.json", "seccomp/x.json" */
	char *text;
	size_t len;
};

struct pack {
	char *place; /* where it was read from */
	char *name, *version;
	char digest[HASH_HEX_SIZE]; /* of manifest.json */
	char *manifest;
	size_t manifest_len;
	char *signature; /* text of manifest.json.minisig; NULL: not signed */
	size_t signature_len;
	struct pack_file
		*files; /* each is as the manifest says; manifest and signature not among them */
	size_t n_files;
};

#define AUTO_PACK __attribute__((cleanup(pack_done)))

/* Keys that are trusted: all *.pub of a directory. */
struct pack_keys {
	struct pack_key {
		char *file;
		struct minisign_key key;
	} * v;
	size_t n;
};

#define AUTO_KEYS __attribute__((cleanup(pack_keys_done)))

/* True when PATH is a directory with a manifest.json, or a file whose name ends in ".tar". */
bool pack_is(const char *path);
/*
 * Read and check the whole pack: every file is as its digest says, every file is in the manifest and
 * nothing else is there. Each way to be wrong has its own message. The signature is not judged here.
 */
int pack_read(const char *path, struct pack *out, struct err *e);
void pack_done(struct pack *p);

/* A directory that does not exist is no keys. A key file others can write to is an error. */
int pack_read_keys(const char *directory, struct pack_keys *out, struct err *e);
void pack_keys_done(struct pack_keys *k);
/*
 * The manifest is signed by one of KEYS: *SIGNER (may be NULL) gets the key. Messages differ for: no
 * signature, no keys, signed by an unknown key (its id), altered after signing, not a signature.
 */
int pack_verify(const struct pack *p, const struct pack_keys *keys, const struct pack_key **signer,
	struct err *e);

/* 1.10.0 is newer than 1.9.3 (semver.org, pre-releases before releases): negative, 0, positive. */
int pack_compare_versions(const char *a, const char *b);
/* TEXT has the form of a version this can compare. */
bool pack_version_ok(const char *text);

#endif
