/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_pack - any bytes as an archive: what is read as a pack is whole, and comes to the same when it is
 * written and read again. With the first byte odd the sums of the headers are set right first, or
 * hardly a change would come past them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/pack.h"
#include "profiles/tar.h"
#include "shim/base/cleanup.h"
#include "shim/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_AT = 124, SUM_AT = 148, SUM_SIZE = 8 };

/* Not assert: this must also stop a build without it. */
static void must(bool good)
{
	if (!good)
		abort();
}

static void seal(char *block)
{
	unsigned sum = 0;
	char text[SUM_SIZE];

	memset(block + SUM_AT, ' ', SUM_SIZE);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(text, sizeof text, "%06o", sum & 0777777);
	memcpy(block + SUM_AT, text, SUM_SIZE - 1);
}

static void seal_all(char *bytes, size_t len)
{
	size_t at = 0;

	while (len - at >= TAR_BLOCK && bytes[at]) {
		size_t size = 0;

		seal(bytes + at);
		for (size_t i = at + SIZE_AT; bytes[i] >= '0' && bytes[i] <= '7'; i++)
			size = size << 3 | (size_t)(bytes[i] - '0');
		at += TAR_BLOCK;
		if (size > len - at)
			return;
		at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
		if (at > len)
			return;
	}
}

static bool plain(const char *name)
{
	if (str_starts(name, "seccomp/"))
		name += strlen("seccomp/");
	return *name && name[0] != '.' && !strchr(name, '/') && str_ends(name, ".json");
}

static void check_files(const struct pack *p)
{
	static const struct json_limits limits = {1 << 20, 10, 100000};
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *files;
	char digest[HASH_HEX_SIZE];

	must(json_parse(p->manifest, p->manifest_len, &limits, JSON_STRICT, &doc, NULL) == 0);
	files = json_get(json_root(doc), "files");
	must(files && files->count == p->n_files && p->n_files > 0);
	for (size_t i = 0; i < p->n_files; i++) {
		const struct pack_file *f = &p->files[i];

		must(plain(f->name));
		must(i == 0 || strcmp(p->files[i - 1].name, f->name) < 0);
		hash_sha256_hex(f->text, f->len, digest);
		must(strcmp(json_str(json_get(files, f->name)), digest) == 0);
		must(f->text[f->len] == '\0');
	}
	must(pack_name_ok(p->name) && pack_version_ok(p->version));
	must(pack_compare_versions(p->version, p->version) == 0);
}

static void check_again(const struct pack *p)
{
	AUTO_STR struct str tar = STR_INIT, manifest = STR_INIT;
	AUTO_PACK struct pack again = {0};
	struct err e = {0};

	tar_add(&tar, PACK_MANIFEST, p->manifest, p->manifest_len);
	if (p->signature)
		tar_add(&tar, PACK_SIGNATURE, p->signature, p->signature_len);
	for (size_t i = 0; i < p->n_files; i++)
		tar_add(&tar, p->files[i].name, p->files[i].text, p->files[i].len);
	tar_end(&tar);
	must(pack_read_tar("again", tar.s, tar.len, &again, &e) == 0);
	must(strcmp(again.digest, p->digest) == 0 && again.n_files == p->n_files);
	must(!again.signature == !p->signature);
	must(pack_manifest(p, p->name, p->version, &manifest, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_PACK struct pack p = {0};
	AUTO_FREE char *bytes = NULL;
	const struct pack_keys none = {0};
	struct err e = {0};

	if (size == 0)
		return 0;
	bytes = malloc(size > 1 ? size - 1 : 1); /* exactly: one byte too far is seen */
	must(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	if (data[0] & 1)
		seal_all(bytes, size - 1);
	if (pack_read_tar("fuzz", bytes, size - 1, &p, &e) < 0) {
		must(e.code && e.msg[0] && !p.place && !p.files);
		return 0;
	}
	check_files(&p);
	check_again(&p);
	must(pack_trust(&p, &none, NULL, &e) != PACK_TRUSTED);
	return 0;
}
