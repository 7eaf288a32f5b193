/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - read what cinchctl apply has compiled.
 *
 * One read brings the head and what stands behind it; as a rule settings and rules are in it. Nothing
 * is used before its checksum was compared, and no offset before it was compared with the size.
 */
#include "profiles/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/policy_file.h"
#include "shim/base/cleanup.h"

enum { FIRST = 8192 }; /* bytes of the first read */

struct policy {
	int fd;
	struct policy_head head;
	char *rules; /* checked; NULL: not read yet */
	size_t first; /* bytes in start */
	char start[FIRST];
};

void policy_free(struct policy *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->rules);
	free(p);
}

void policy_freep(struct policy **p)
{
	policy_free(*p);
	*p = NULL;
}

/* ---- bytes ---- */

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT,
		"the applied policy is damaged (%s); \"cinchctl apply\" writes it anew", what);
}

static int read_at(int fd, void *to, size_t len, uint64_t at, struct err *e)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(fd, (char *)to + got, len - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read the applied policy");
		if (n == 0)
			return damaged(e, "it is cut");
		got += (size_t)n;
	}
	return 0;
}

/* LEN bytes at AT of SECTION. */
static int section_read(const struct policy *p, enum policy_section section, uint64_t at, void *to,
	size_t len, struct err *e)
{
	const struct policy_place *s = &p->head.section[section];
	uint64_t from = s->at + at; /* both below POLICY_MAX, see head_ok */

	if (at > s->len || len > s->len - at)
		return damaged(e, "a part lies outside");
	if (from <= p->first && len <= p->first - from) {
		memcpy(to, p->start + from, len);
		return 0;
	}
	return read_at(p->fd, to, len, from, e);
}

static bool sum_ok(const void *bytes, size_t len, const uint8_t sum[HASH_QUICK_SIZE])
{
	uint8_t is[HASH_QUICK_SIZE];

	hash_quick(bytes, len, is);
	return memcmp(is, sum, sizeof is) == 0;
}

/* LEN bytes of a section and a NUL, when their checksum is SUM. NULL and E otherwise. */
static char *part(const struct policy *p, enum policy_section section, uint64_t at, uint64_t len,
	const uint8_t sum[HASH_QUICK_SIZE], struct err *e)
{
	AUTO_FREE char *bytes = NULL;

	if (len > p->head.section[section].len) {
		damaged(e, "a part lies outside");
		return NULL;
	}
	bytes = malloc((size_t)len + 1);
	if (!bytes) {
		err_nomem(e);
		return NULL;
	}
	if (section_read(p, section, at, bytes, (size_t)len, e) < 0)
		return NULL;
	if (!sum_ok(bytes, (size_t)len, sum)) {
		damaged(e, "a checksum is wrong");
		return NULL;
	}
	bytes[len] = '\0';
	return take_ptr(&bytes);
}

static char *whole(const struct policy *p, enum policy_section section, struct err *e)
{
	const struct policy_place *s = &p->head.section[section];

	return part(p, section, 0, s->len, s->sum, e);
}

/* ---- the head ---- */

static int head_ok(const struct policy_head *h, uint64_t size, struct err *e)
{
	uint64_t at = sizeof *h;

	if (memcmp(h->magic, POLICY_MAGIC, sizeof h->magic) != 0)
		return damaged(e, "it does not begin like one");
	if (h->order != POLICY_ORDER)
		return err_set(e, ERR_INPUT,
			"the applied policy was made on a machine of other byte order; "
			"\"cinchctl apply\" writes it anew");
	if (h->format != POLICY_FORMAT)
		return err_set(e, ERR_INPUT,
			"the applied policy has format %u, this cinch reads %d; \"cinchctl apply\" "
			"writes it anew",
			h->format, POLICY_FORMAT);
	if (!sum_ok(h, offsetof(struct policy_head, own), h->own))
		return damaged(e, "the checksum of its head is wrong");
	if (h->size != size)
		return damaged(e, "it is not as long as it was");
	for (int i = 0; i < POLICY_SECTIONS; i++) {
		if (h->section[i].at != at || h->section[i].len > size - at)
			return damaged(e, "a part lies outside");
		at += h->section[i].len;
	}
	if (at != size || h->section[POLICY_TEXTS].len % sizeof(struct policy_text_entry) ||
		h->section[POLICY_DENIED].len % sizeof(struct policy_denied_entry))
		return damaged(e, "its parts do not fill it");
	return 0;
}

int policy_open(int fd, struct policy **out, struct err *e)
{
	AUTO_POLICY struct policy *p = malloc(sizeof *p);
	struct stat st;

	if (!p) {
		close(fd);
		return err_nomem(e);
	}
	p->fd = fd;
	p->rules = NULL;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat of the applied policy");
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof p->head || st.st_size > POLICY_MAX)
		return damaged(e, "it is no file of the right size");
	p->first = st.st_size < FIRST ? (size_t)st.st_size : FIRST;
	if (read_at(fd, p->start, p->first, 0, e) < 0)
		return -1;
	memcpy(&p->head, p->start, sizeof p->head);
	if (head_ok(&p->head, (uint64_t)st.st_size, e) < 0)
		return -1;
	*out = take_ptr(&p);
	return 0;
}

/* ---- settings, packs ---- */

/* A section that is read from its beginning to its end. */
struct rest {
	const char *at;
	size_t len;
	bool bad; /* it ended too early, or holds what no encoder wrote */
	bool nomem;
};

static uint32_t take_u32(struct rest *r)
{
	uint32_t n;

	if (r->len < sizeof n) {
		r->bad = true;
		return 0;
	}
	memcpy(&n, r->at, sizeof n);
	r->at += sizeof n;
	r->len -= sizeof n;
	return n;
}

static char *take_text(struct rest *r, bool may_be_null)
{
	uint32_t n = take_u32(r);
	char *text;

	if (!r->bad && n == POLICY_NO_TEXT && may_be_null)
		return NULL;
	if (r->bad || n > r->len || memchr(r->at, '\0', n)) {
		r->bad = true;
		return NULL;
	}
	text = strndup(r->at, n);
	if (!text)
		r->nomem = true;
	r->at += n;
	r->len -= n;
	return text;
}

static void take_texts(struct rest *r, struct strv *to)
{
	for (uint32_t n = take_u32(r); n && !r->bad && !r->nomem; n--) {
		AUTO_FREE char *text = take_text(r, false);

		if (text && strv_add(to, text) < 0)
			r->nomem = true;
	}
}

static int rest_end(const struct rest *r, struct err *e)
{
	if (r->nomem)
		return err_nomem(e);
	return r->bad || r->len ? damaged(e, "a part cannot be read") : 0;
}

int policy_settings(struct policy *p, struct settings *out, struct err *e)
{
	AUTO_FREE char *bytes = whole(p, POLICY_SETTINGS, e);
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	struct rest r = {.at = bytes, .len = (size_t)p->head.section[POLICY_SETTINGS].len};
	uint32_t mode, flags;

	if (!bytes)
		return -1;
	mode = take_u32(&r);
	flags = take_u32(&r);
	s.mode = (enum profile_mode)mode;
	s.audit.required = flags & 1;
	s.audit.journald = flags & 2;
	s.audit.syslog = flags & 4;
	s.annotations.profile = flags & 8;
	s.require_signed = flags & 16;
	r.bad |= (mode != PROFILE_ENFORCE && mode != PROFILE_AUDIT) || flags > 63;
	s.runtime = take_text(&r, true);
	s.default_profile = take_text(&r, false);
	s.audit.path = take_text(&r, false);
	take_texts(&r, &s.annotations.record);
	if (flags & 32) {
		take_texts(&r, &s.network.resolvers);
		take_texts(&r, &s.network.nodes);
		take_texts(&r, &s.network.metadata);
	}
	if (rest_end(&r, e) < 0)
		return -1;
	*out = s;
	s = (struct settings){.runtime = NULL};
	return 0;
}

void policy_packs_free(struct policy_pack *packs, size_t n)
{
	for (size_t i = 0; packs && i < n; i++) {
		free(packs[i].name);
		free(packs[i].version);
		free(packs[i].signer);
		free(packs[i].digest);
	}
	free(packs);
}

/* A count and as many packs behind the *N of *PACKS. */
static void take_packs(struct rest *r, bool retired, struct policy_pack **packs, size_t *n)
{
	uint32_t count = take_u32(r);
	struct policy_pack *more;

	if (r->bad || count > r->len / 16 || (retired && count == 0)) { /* four lengths each */
		r->bad = true;
		return;
	}
	more = reallocarray(*packs, *n + count + 1, sizeof *more);
	if (!more) {
		r->nomem = true;
		return;
	}
	*packs = more;
	for (; count; count--, (*n)++) {
		more[*n].name = take_text(r, false);
		more[*n].version = take_text(r, false);
		more[*n].signer = take_text(r, true);
		more[*n].digest = take_text(r, false);
		more[*n].retired = retired;
	}
}

int policy_packs(struct policy *p, struct policy_pack **out, size_t *n, struct err *e)
{
	AUTO_FREE char *bytes = whole(p, POLICY_PACKS, e);
	struct rest r = {.at = bytes, .len = (size_t)p->head.section[POLICY_PACKS].len};
	struct policy_pack *packs = NULL;
	size_t count = 0;

	if (!bytes)
		return -1;
	take_packs(&r, false, &packs, &count);
	if (r.len && !r.bad && !r.nomem)
		take_packs(&r, true, &packs, &count);
	if (rest_end(&r, e) < 0) {
		policy_packs_free(packs, count);
		return -1;
	}
	*out = packs;
	*n = count;
	return 0;
}

/* ---- rules ---- */

static int load_rules(struct policy *p, struct err *e)
{
	if (!p->rules)
		p->rules = whole(p, POLICY_RULES, e);
	return p->rules ? 0 : -1;
}

int policy_select(struct policy *p, const struct rules_facts *facts, const char **profile,
	unsigned *line, struct err *e)
{
	if (load_rules(p, e) < 0)
		return -1;
	return rules_match(
		p->rules, (size_t)p->head.section[POLICY_RULES].len, facts, profile, line, e);
}

int policy_rules(struct policy *p, struct policy_rules *out, struct err *e)
{
	const struct policy_place *s = &p->head.section[POLICY_RULES];
	uint32_t n;

	if (load_rules(p, e) < 0)
		return -1;
	if (s->len < sizeof n)
		return damaged(e, "a part cannot be read");
	memcpy(&n, p->rules, sizeof n);
	out->n = n;
	memcpy(out->sum, s->sum, sizeof out->sum);
	return 0;
}

/* ---- entries ---- */

static uint64_t entries(const struct policy *p, enum policy_section section, size_t size)
{
	return p->head.section[section].len / size;
}

/* Entry number PLACE, when it is as it was written there. */
static int entry_at(const struct policy *p, enum policy_section section, uint64_t place,
	void *entry, size_t size, struct err *e)
{
	uint8_t own[HASH_QUICK_SIZE];

	if (section_read(p, section, place * size, entry, size, e) < 0)
		return -1;
	policy_entry_sum(section, place, entry, size, own);
	if (memcmp(own, (char *)entry + size - sizeof own, sizeof own) != 0)
		return damaged(e, "a checksum is wrong");
	return 0;
}

/* The entry that begins with KEY: 1, and 0 when there is none. */
static int entry_find(const struct policy *p, enum policy_section section, const void *key,
	size_t key_size, void *entry, size_t size, struct err *e)
{
	uint64_t low = 0, high = entries(p, section, size);

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		int order;

		if (entry_at(p, section, middle, entry, size, e) < 0)
			return -1;
		order = memcmp(key, entry, key_size);
		if (order == 0)
			return 1;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return 0;
}

static int find_text(
	const struct policy *p, const char *name, struct policy_text_entry *entry, struct err *e)
{
	char key[POLICY_NAME_SIZE] = "";

	if (!*name || strlen(name) >= sizeof key)
		return 0;
	(void)snprintf(key, sizeof key, "%s", name);
	return entry_find(p, POLICY_TEXTS, key, sizeof key, entry, sizeof *entry, e);
}

static char *entry_text(
	const struct policy *p, const struct policy_text_entry *entry, struct err *e)
{
	return part(p, POLICY_BLOBS, entry->at, entry->len, entry->sum, e);
}

int policy_text(struct policy *p, const char *name, char **text, size_t *len, struct err *e)
{
	struct policy_text_entry entry;
	int found = find_text(p, name, &entry, e);
	char *bytes = NULL;

	if (found < 0)
		return -1;
	if (found && !(bytes = entry_text(p, &entry, e)))
		return -1;
	*text = bytes;
	*len = found ? (size_t)entry.len : 0;
	return 0;
}

/* The filter that P names; one that is not there may be the built-in one. */
static int attach_filter(struct policy *policy, struct profile *p, struct err *e)
{
	AUTO_STR struct str name = STR_INIT;

	if (p->seccomp.unconfined || !p->seccomp.profile)
		return 0;
	str_addf(&name, "seccomp/%s", p->seccomp.profile);
	if (str_failed(&name))
		return err_nomem(e);
	return policy_text(policy, str_text(&name), &p->filter, &p->filter_len, e);
}

int policy_profile(struct policy *p, const char *name, struct profile **out, struct err *e)
{
	AUTO_PROFILE struct profile *profile = NULL;
	AUTO_FREE char *text = NULL;
	struct policy_text_entry entry;
	char digest[HASH_HEX_SIZE], file[POLICY_NAME_SIZE + sizeof ".json"];
	int found = strchr(name, '/') ? 0 : find_text(p, name, &entry, e);

	if (found < 0)
		return -1;
	if (!found) {
		*out = NULL;
		return 0;
	}
	text = entry_text(p, &entry, e);
	if (!text)
		return -1;
	hash_hex(entry.sha256, digest);
	(void)snprintf(file, sizeof file, "%s.json", name);
	if (profile_parse_known(file, text, (size_t)entry.len, digest, &profile, e) < 0 ||
		attach_filter(p, profile, e) < 0)
		return err_wrap(e, "applied policy");
	*out = take_ptr(&profile);
	return 0;
}

int policy_names(struct policy *p, struct strv *out, struct err *e)
{
	struct policy_text_entry entry;

	for (uint64_t i = 0; i < entries(p, POLICY_TEXTS, sizeof entry); i++) {
		if (entry_at(p, POLICY_TEXTS, i, &entry, sizeof entry, e) < 0)
			return -1;
		if (!memchr(entry.name, '\0', sizeof entry.name))
			return damaged(e, "a name has no end");
		if (!strchr(entry.name, '/') && strv_add(out, entry.name) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int read_denied(const struct policy *p, const char *digest,
	const struct policy_denied_entry *entry, struct denied_image *out, struct err *e)
{
	AUTO_FREE char *text = part(
		p, POLICY_BLOBS, entry->at, (uint64_t)entry->reason + entry->cves, entry->sum, e);
	struct denied_image d;

	if (!text)
		return -1;
	d.digest = strdup(digest);
	d.reason = strndup(text, entry->reason);
	d.cves = strndup(text + entry->reason, entry->cves);
	if (!d.digest || !d.reason || !d.cves) {
		free(d.digest);
		free(d.reason);
		free(d.cves);
		return err_nomem(e);
	}
	*out = d;
	return 0;
}

int policy_denied(struct policy *p, const char *digest, struct denied_image *out, struct err *e)
{
	struct policy_denied_entry entry;
	uint8_t key[HASH_SIZE];
	int found = 0;

	if (digest && image_is_digest(digest) && hash_from_hex(strchr(digest, ':') + 1, key)) {
		found = entry_find(p, POLICY_DENIED, key, sizeof key, &entry, sizeof entry, e);
		if (found < 0)
			return -1;
	}
	if (found)
		return read_denied(p, digest, &entry, out, e);
	*out = (struct denied_image){.digest = NULL};
	return 0;
}

int policy_denied_all(struct policy *p, struct strv *out, struct err *e)
{
	struct policy_denied_entry entry;
	char text[sizeof "sha256:" + HASH_HEX_SIZE] = "sha256:";

	for (uint64_t i = 0; i < entries(p, POLICY_DENIED, sizeof entry); i++) {
		if (entry_at(p, POLICY_DENIED, i, &entry, sizeof entry, e) < 0)
			return -1;
		hash_hex(entry.digest, text + strlen("sha256:"));
		if (strv_add(out, text) < 0)
			return err_nomem(e);
	}
	return 0;
}

/* ---- all of it ---- */

/* As find_text looks for it: not empty, and NULs behind it. */
static bool name_ok(const char name[POLICY_NAME_SIZE])
{
	char padded[POLICY_NAME_SIZE] = "";
	size_t n = strnlen(name, sizeof padded);

	memcpy(padded, name, n);
	return n > 0 && n < sizeof padded && memcmp(padded, name, sizeof padded) == 0;
}

static int check_texts(const struct policy *p, struct err *e)
{
	struct policy_text_entry entry, before = {.name = ""};
	uint8_t sha256[HASH_SIZE];

	for (uint64_t i = 0; i < entries(p, POLICY_TEXTS, sizeof entry); i++) {
		AUTO_FREE char *text = NULL;

		if (entry_at(p, POLICY_TEXTS, i, &entry, sizeof entry, e) < 0 ||
			!(text = entry_text(p, &entry, e)))
			return -1;
		hash_sha256(text, (size_t)entry.len, sha256);
		if (memcmp(sha256, entry.sha256, sizeof sha256) != 0)
			return damaged(e, "a digest is wrong");
		if (!name_ok(entry.name))
			return damaged(e, "a name is none");
		if (memcmp(before.name, entry.name, sizeof entry.name) >= 0)
			return damaged(e, "its names are not sorted");
		before = entry;
	}
	return 0;
}

static int check_denied(const struct policy *p, struct err *e)
{
	struct policy_denied_entry entry, before = {.at = 0};

	for (uint64_t i = 0; i < entries(p, POLICY_DENIED, sizeof entry); i++) {
		AUTO_FREE char *text = NULL;

		if (entry_at(p, POLICY_DENIED, i, &entry, sizeof entry, e) < 0 ||
			!(text = part(p, POLICY_BLOBS, entry.at,
				  (uint64_t)entry.reason + entry.cves, entry.sum, e)))
			return -1;
		if (i > 0 && memcmp(before.digest, entry.digest, sizeof entry.digest) >= 0)
			return damaged(e, "its denied images are not sorted");
		before = entry;
	}
	return 0;
}

int policy_check(struct policy *p, struct err *e)
{
	static const struct rules_facts nothing = {.engine = NULL};
	AUTO_SETTINGS struct settings settings = {.runtime = NULL};
	struct policy_pack *packs = NULL;
	const char *profile;
	unsigned line;
	size_t n = 0;

	for (int i = 0; i < POLICY_SECTIONS; i++) {
		AUTO_FREE char *bytes = whole(p, (enum policy_section)i, e);

		if (!bytes)
			return -1;
	}
	if (policy_settings(p, &settings, e) < 0 || policy_packs(p, &packs, &n, e) < 0)
		return -1;
	policy_packs_free(packs, n);
	if (policy_select(p, &nothing, &profile, &line, e) < 0 || check_texts(p, e) < 0)
		return -1;
	return check_denied(p, e);
}
