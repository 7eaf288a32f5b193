/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy - any bytes are a policy or refused, and nothing of them leads out of the file.
 *
 * Bytes are tried as they are, and once more with all checksums put right: else the checksums alone
 * would be tested.
 */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "profiles/policy.h"
#include "profiles/policy_file.h"
#include "shim/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void denied_image_done(struct denied_image *d)
{
	free(d->digest);
	free(d->reason);
	free(d->cves);
}

static void use(struct policy *p)
{
	static const char digest[] =
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct image image = {.registry = (char *)"r.example", .repository = (char *)"a"};
	struct rules_facts facts = {.engine = "docker", .namespace = "prod", .image = &image};
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	AUTO_STRV struct strv names = {0};
	struct policy_pack *packs = NULL;
	struct denied_image d = {.digest = NULL};
	const char *profile;
	unsigned line;
	size_t n = 0;
	struct err e = {0};
	bool whole = policy_check(p, &e) == 0;

	if (policy_settings(p, &s, &e) == 0)
		assert(s.default_profile && s.audit.path);
	else
		assert(!whole && !s.default_profile);
	if (policy_select(p, &facts, &profile, &line, &e) == 0 && profile)
		assert(strlen(profile) < POLICY_MAX);
	if (policy_packs(p, &packs, &n, &e) == 0)
		policy_packs_free(packs, n);
	if (policy_denied(p, digest, &d, &e) == 0)
		denied_image_done(&d);
	policy_names(p, &names, &e);
	for (size_t i = 0; i < names.n && i < 8; i++) {
		AUTO_PROFILE struct profile *profile_ = NULL;
		AUTO_FREE char *text = NULL;

		if (policy_profile(p, names.v[i], &profile_, &e) == 0 && whole)
			assert(profile_ && strcmp(profile_->name, names.v[i]) == 0);
		assert(policy_text(p, names.v[i], &text, &n, &e) == 0 || !text);
	}
}

static void try(const uint8_t *data, size_t size)
{
	AUTO_POLICY struct policy *p = NULL;
	struct err e = {0};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	if (policy_open(fd, &p, &e) == 0)
		use(p);
	else
		assert(!p && e.code == ERR_INPUT && e.msg[0]);
}

/* The bytes a place of LEN at AT names, or NULL. */
static uint8_t *bytes_at(uint8_t *all, size_t size, uint64_t at, uint64_t len)
{
	return at <= size && len <= size - at ? all + at : NULL;
}

static void repair_entries(uint8_t *all, size_t size, const struct policy_head *h)
{
	const struct policy_place *texts = &h->section[POLICY_TEXTS];
	const struct policy_place *denied = &h->section[POLICY_DENIED];
	const struct policy_place *blobs = &h->section[POLICY_BLOBS];
	uint8_t *at = bytes_at(all, size, texts->at, texts->len), *b;
	struct policy_text_entry t;
	struct policy_denied_entry d;

	for (uint64_t i = 0; at && i < texts->len / sizeof t; i++, at += sizeof t) {
		memcpy(&t, at, sizeof t);
		b = t.at < POLICY_MAX ? bytes_at(all, size, blobs->at + t.at, t.len) : NULL;
		if (b) {
			hash_quick(b, t.len, t.sum);
			hash_sha256(b, t.len, t.sha256);
		}
		policy_entry_sum(POLICY_TEXTS, i, &t, sizeof t, t.own);
		memcpy(at, &t, sizeof t);
	}
	at = bytes_at(all, size, denied->at, denied->len);
	for (uint64_t i = 0; at && i < denied->len / sizeof d; i++, at += sizeof d) {
		uint64_t len;

		memcpy(&d, at, sizeof d);
		len = (uint64_t)d.reason + d.cves;
		b = d.at < POLICY_MAX ? bytes_at(all, size, blobs->at + d.at, len) : NULL;
		if (b)
			hash_quick(b, len, d.sum);
		policy_entry_sum(POLICY_DENIED, i, &d, sizeof d, d.own);
		memcpy(at, &d, sizeof d);
	}
}

/* What an encoder would have put over these sections; the last one takes what is left. */
static void repair(uint8_t *all, size_t size)
{
	struct policy_head h;
	uint64_t at = sizeof h;

	memcpy(&h, all, sizeof h);
	memcpy(h.magic, POLICY_MAGIC, sizeof h.magic);
	h.format = POLICY_FORMAT;
	h.order = POLICY_ORDER;
	h.size = size;
	for (int i = 0; i < POLICY_SECTIONS; i++) {
		h.section[i].at = at;
		if (i == POLICY_BLOBS || h.section[i].len > size - at)
			h.section[i].len = size - at;
		if (i == POLICY_TEXTS)
			h.section[i].len -= h.section[i].len % sizeof(struct policy_text_entry);
		if (i == POLICY_DENIED)
			h.section[i].len -= h.section[i].len % sizeof(struct policy_denied_entry);
		at += h.section[i].len;
	}
	repair_entries(all, size, &h);
	for (int i = 0; i < POLICY_SECTIONS; i++)
		hash_quick(all + h.section[i].at, h.section[i].len, h.section[i].sum);
	hash_quick(&h, offsetof(struct policy_head, own), h.own);
	memcpy(all, &h, sizeof h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	try(data, size);
	if (size < sizeof(struct policy_head))
		return 0;
	memcpy(copy, data, size);
	repair(copy, size);
	try(copy, size);
	return 0;
}
