/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack - profiles that travel together: a directory or .tar with a manifest of SHA-256 digests, which
 * minisign signs.
 *
 *	manifest.json           {"pack": "acme", "version": "1.4.0", "files": {"web.json": "<hex>"}}
 *	manifest.json.minisig   optional: minisign's signature of manifest.json
 *	web.json                a profile; its name has 1 to 64 of a-z 0-9 . _ - before ".json", with
 *	                        a letter or digit first
 *	seccomp/x.json          a seccomp filter, the only directory
 *
 * Nothing else may be there, and everything must be in "files", which has nothing more: what the
 * signature of the manifest covers is the whole pack. JSON has no comments here and no key twice; the
 * version is one of semver.org 2.0.0, since an older pack than the one in force is refused.
 *
 * A directory and all in it must be owned by root or the caller and be writable by nobody else; symbolic
 * links are not followed. Each file is opened once, read whole, and judged by the bytes in memory, which
 * are what the caller gets: what somebody writes meanwhile changes nothing. A .tar is read once the same
 * way; see tar.h for what it may be.
 */
#ifndef CINCH_PROFILES_PACK_H
#define CINCH_PROFILES_PACK_H

#include <stdbool.h>

#include "profiles/minisign.h"
#include "shim/base/err.h"
#include "shim/base/str.h"

enum {
	PACK_FILES_MAX = 1024,
	PACK_FILE_MAX = 1 << 20, /* bytes of one file */
	PACK_BYTES_MAX = 64 << 20, /* of all */
	PACK_NAME_MAX = 64, /* of the pack, of a profile */
	PACK_KEYS_MAX = 256,
};

#define PACK_MANIFEST "manifest.json"
#define PACK_SIGNATURE "manifest.json.minisig"

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
	struct pack_file *files; /* sorted by name, each as the manifest says; manifest and
				    signature are not among them */
	size_t n_files;
};

#define AUTO_PACK __attribute__((cleanup(pack_done)))

/* Keys that are trusted: all *.pub of a directory. */
struct pack_keys {
	struct pack_key {
		char *file; /* with its directory */
		struct minisign_key key;
	} * v; /* sorted by file */
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
/* The same of a .tar in memory; PLACE is for messages. */
int pack_read_tar(
	const char *place, const char *bytes, size_t len, struct pack *out, struct err *e);
/* What PATH, a directory, has of a pack that is still to be made: files, and manifest and signature when
 * they are there. Nothing is compared; name and version are NULL. */
int pack_gather(const char *path, struct pack *out, struct err *e);
void pack_done(struct pack *p);

/* The text of a manifest for the files of P, appended: the same files give the same bytes. */
int pack_manifest(const struct pack *p, const char *name, const char *version, struct str *out,
	struct err *e);
/* NAME can be a pack's. */
bool pack_name_ok(const char *name);

/* A directory that does not exist is no keys. A key file others can write to is an error. */
int pack_read_keys(const char *directory, struct pack_keys *out, struct err *e);
void pack_keys_done(struct pack_keys *k);

enum pack_trust {
	PACK_TRUSTED,
	PACK_UNSIGNED, /* there is no signature */
	PACK_NO_KEYS, /* it is signed, but no key is trusted */
	PACK_UNKNOWN_KEY, /* signed by another key than those trusted */
	PACK_WRONG, /* altered after signing, or not a signature at all */
};

/* What the signature of the manifest is worth. *SIGNER (may be NULL) gets the key when it is trusted,
 * and else E says why it is not, in another message for each. */
enum pack_trust pack_trust(const struct pack *p, const struct pack_keys *keys,
	const struct pack_key **signer, struct err *e);

/* By semver.org 2.0.0, 11: 1.10.0 is newer than 1.9.3, pre-releases come before their release, what
 * follows a "+" does not count. Negative, 0, positive. What is no version is older than all that are. */
int pack_compare_versions(const char *a, const char *b);
/* TEXT has the form of a version this can compare: semver.org 2.0.0, at most 64 characters. */
bool pack_version_ok(const char *text);

#endif
