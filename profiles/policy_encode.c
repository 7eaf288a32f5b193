/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_encode - the bytes of a compiled policy.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiles/policy.h"
#include "profiles/policy_file.h"
#include "shim/base/cleanup.h"
#include "shim/base/json.h"

void policy_entry_sum(enum policy_section section, uint64_t place, const void *entry, size_t size,
	uint8_t out[HASH_QUICK_SIZE])
{
	uint8_t all[16 + sizeof(struct policy_text_entry)];
	uint64_t where[2] = {section, place};
	size_t n = size - HASH_QUICK_SIZE;

	assert(size >= HASH_QUICK_SIZE && n <= sizeof all - sizeof where);
	memcpy(all, where, sizeof where);
	memcpy(all + sizeof where, entry, n);
	hash_quick(all, sizeof where + n, out);
}

static void add_u32(struct str *out, uint32_t n)
{
	str_addn(out, (const char *)&n, sizeof n);
}

static int add_text(struct str *out, const char *text, struct err *e)
{
	size_t len = text ? strlen(text) : 0;

	if (len > POLICY_TEXT_MAX)
		return err_set(e, ERR_INPUT, "policy: a text of %zu bytes", len);
	add_u32(out, text ? (uint32_t)len : POLICY_NO_TEXT);
	if (text)
		str_addn(out, text, len);
	return 0;
}

static int add_texts(struct str *out, const struct strv *l, struct err *e)
{
	add_u32(out, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		if (add_text(out, l->v[i], e) < 0)
			return -1;
	return 0;
}

/* What a node does not say is not there: its launches need not read it. */
static bool has_network(const struct settings *s)
{
	return s->network.resolvers.n || s->network.nodes.n || s->network.metadata.n;
}

static int encode_settings(const struct settings *s, struct str *out, struct err *e)
{
	add_u32(out, (uint32_t)s->mode);
	add_u32(out, s->audit.required | (uint32_t)s->audit.journald << 1 |
			     (uint32_t)s->audit.syslog << 2 |
			     (uint32_t)s->annotations.profile << 3 |
			     (uint32_t)s->require_signed << 4 | (uint32_t)has_network(s) << 5);
	if (add_text(out, s->runtime, e) < 0 || add_text(out, s->default_profile, e) < 0 ||
		add_text(out, s->audit.path, e) < 0 ||
		add_texts(out, &s->annotations.record, e) < 0)
		return -1;
	if (has_network(s) && (add_texts(out, &s->network.resolvers, e) < 0 ||
				      add_texts(out, &s->network.nodes, e) < 0 ||
				      add_texts(out, &s->network.metadata, e) < 0))
		return -1;
	return 0;
}

static int encode_some_packs(
	const struct policy_draft *d, bool retired, struct str *out, struct err *e)
{
	uint32_t n = 0;

	for (size_t i = 0; i < d->n_packs; i++)
		n += d->packs[i].retired == retired;
	if (retired && n == 0)
		return 0;
	add_u32(out, n);
	for (size_t i = 0; i < d->n_packs; i++) {
		const struct policy_pack *p = &d->packs[i];

		if (p->retired == retired &&
			(add_text(out, p->name, e) < 0 || add_text(out, p->version, e) < 0 ||
				add_text(out, p->signer, e) < 0 || add_text(out, p->digest, e) < 0))
			return -1;
	}
	return 0;
}

/* Those it is made from; behind them, when there are any, the retired ones. */
static int encode_packs(const struct policy_draft *d, struct str *out, struct err *e)
{
	return encode_some_packs(d, false, out, e) < 0 || encode_some_packs(d, true, out, e) < 0
		       ? -1
		       : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct policy_text *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/*
 * A launch reads the filter each time: what it means fits in three quarters of what a person wrote.
 * 1: OUT has it; 0: it is kept as it is.
 */
static int compact(const struct policy_text *t, struct str *out, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = POLICY_TEXT_MAX, .depth = 16, .values = 200000};
	AUTO_JSON struct json_doc *doc = NULL;
	struct err why = {0};

	if (!str_starts(t->name, "seccomp/"))
		return 0;
	if (json_parse(t->text, t->len, &limits, JSON_COMMENTS, &doc, &why) < 0)
		return why.code == ENOMEM ? err_nomem(e) : 0;
	json_write(json_root(doc), out);
	return str_failed(out) ? err_nomem(e) : 1;
}

static int encode_text(const struct policy_text *t, uint64_t place, struct str *out,
	struct str *blobs, struct err *e)
{
	AUTO_STR struct str shorter = STR_INIT;
	struct policy_text_entry entry = {.at = blobs->len, .len = t->len};
	const char *text = t->text;
	int shortened;

	if (!*t->name || strlen(t->name) >= sizeof entry.name)
		return err_set(e, ERR_INPUT, "policy: \"%.100s\" is not a name of 1 to %zu bytes",
			t->name, sizeof entry.name - 1);
	if (t->len > POLICY_TEXT_MAX)
		return err_set(e, ERR_INPUT, "policy: \"%s\" has %zu bytes, limit %d", t->name,
			t->len, POLICY_TEXT_MAX);
	shortened = compact(t, &shorter, e);
	if (shortened < 0)
		return -1;
	if (shortened) {
		text = str_text(&shorter);
		entry.len = shorter.len;
	}
	memcpy(entry.name, t->name, strlen(t->name));
	hash_quick(text, entry.len, entry.sum);
	hash_sha256(text, entry.len, entry.sha256);
	policy_entry_sum(POLICY_TEXTS, place, &entry, sizeof entry, entry.own);
	str_addn(out, (const char *)&entry, sizeof entry);
	str_addn(blobs, text, entry.len);
	return 0;
}

static int encode_texts(
	const struct policy_draft *d, struct str *out, struct str *blobs, struct err *e)
{
	AUTO_FREE const struct policy_text **sorted = calloc(d->n_texts + 1, sizeof *sorted);

	if (!sorted)
		return err_nomem(e);
	for (size_t i = 0; i < d->n_texts; i++)
		sorted[i] = &d->texts[i];
	qsort(sorted, d->n_texts, sizeof *sorted, by_name);
	for (size_t i = 0; i < d->n_texts; i++) {
		if (i > 0 && strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			return err_set(e, ERR_INPUT, "policy: two texts are named \"%.100s\"",
				sorted[i]->name);
		if (encode_text(sorted[i], i, out, blobs, e) < 0)
			return -1;
	}
	return 0;
}

static int encode_denied(const struct denied *d, struct str *out, struct str *blobs, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct denied_image *v = &d->v[i];
		struct policy_denied_entry entry = {.at = blobs->len};
		size_t reason = strlen(v->reason), cves = strlen(v->cves);

		if (!image_is_digest(v->digest) ||
			(i > 0 && strcmp(d->v[i - 1].digest, v->digest) >= 0))
			return err_set(e, ERR_BUG, "policy: denied images are not sorted");
		if (reason > POLICY_TEXT_MAX || cves > POLICY_TEXT_MAX)
			return err_set(e, ERR_INPUT, "policy: the reason to deny %s is too long",
				v->digest);
		hash_from_hex(strchr(v->digest, ':') + 1, entry.digest);
		entry.reason = (uint32_t)reason;
		entry.cves = (uint32_t)cves;
		str_addn(blobs, v->reason, reason);
		str_addn(blobs, v->cves, cves);
		if (str_failed(blobs))
			return err_nomem(e);
		hash_quick(str_text(blobs) + entry.at, reason + cves, entry.sum);
		policy_entry_sum(POLICY_DENIED, i, &entry, sizeof entry, entry.own);
		str_addn(out, (const char *)&entry, sizeof entry);
	}
	return 0;
}

static int assemble(const struct str section[POLICY_SECTIONS], struct str *out, struct err *e)
{
	struct policy_head head = {.format = POLICY_FORMAT, .order = POLICY_ORDER};

	memcpy(head.magic, POLICY_MAGIC, sizeof head.magic);
	head.size = sizeof head;
	for (int i = 0; i < POLICY_SECTIONS; i++) {
		if (str_failed(&section[i]))
			return err_nomem(e);
		head.section[i].at = head.size;
		head.section[i].len = section[i].len;
		hash_quick(str_text(&section[i]), section[i].len, head.section[i].sum);
		head.size += section[i].len;
	}
	if (head.size > POLICY_MAX)
		return err_set(e, ERR_INPUT, "policy: %llu bytes, limit %d",
			(unsigned long long)head.size, POLICY_MAX);
	hash_quick(&head, offsetof(struct policy_head, own), head.own);
	str_addn(out, (const char *)&head, sizeof head);
	for (int i = 0; i < POLICY_SECTIONS; i++)
		str_addn(out, str_text(&section[i]), section[i].len);
	return str_failed(out) ? err_nomem(e) : 0;
}

int policy_encode(const struct policy_draft *d, struct str *out, struct err *e)
{
	static const struct denied nothing = {.n = 0};
	struct str s[POLICY_SECTIONS] = {STR_INIT};
	int done = -1;

	if (encode_settings(&d->node->settings, &s[POLICY_SETTINGS], e) == 0 &&
		rules_encode(d->node->rules, d->node->n_rules, &s[POLICY_RULES], e) == 0 &&
		encode_texts(d, &s[POLICY_TEXTS], &s[POLICY_BLOBS], e) == 0 &&
		encode_packs(d, &s[POLICY_PACKS], e) == 0 &&
		encode_denied(d->denied ? d->denied : &nothing, &s[POLICY_DENIED], &s[POLICY_BLOBS],
			e) == 0)
		done = assemble(s, out, e);
	for (int i = 0; i < POLICY_SECTIONS; i++)
		str_done(&s[i]);
	return done;
}
