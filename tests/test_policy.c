/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy - the compiled policy: what goes in comes out, and no damage goes unseen.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "profiles/policy.h"
#include "profiles/policy_file.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "tests/scratch.h"
#include "tests/tap.h"

#define D1 "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D2 "sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D3 "sha256:2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D4 "sha256:3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char web[] =
	"{\"profile\":\"web\",\"version\":\"1\",\"capabilities\":[\"CAP_NET_BIND_SERVICE\"],"
	"\"seccomp\":{\"profile\":\"mine\"}}";
static const char db[] = "{\"profile\":\"db\",\"version\":\"2\",\"mode\":\"audit\"}";
static const char open_[] =
	"{\"profile\":\"open\",\"version\":\"3\",\"seccomp\":{\"profile\":\"unconfined\"}}";
static const char written[] = "{ // mine\n  \"defaultAction\": \"SCMP_ACT_ERRNO\" }";
static const char mine[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}"; /* as it is kept */

static const char config[] =
	"{\"runtime\": \"/opt/runc\", \"defaultProfile\": \"db\", \"mode\": \"audit\",\n"
	"\"select\": [{\"namespace\": \"prod\", \"image\": \"r.example/**\", \"profile\": "
	"\"web\"},\n"
	"{\"engine\": \"docker\", \"profile\": \"open\"}],\n"
	"\"audit\": {\"path\": \"/a/b\", \"journald\": true, \"required\": true},\n"
	"\"annotations\": {\"profile\": false, \"record\": [\"a*\", \"b\"]},\n"
	"\"network\": {\"resolvers\": [\"10.0.0.10\", \"fd00::a\"], \"metadataAddresses\": "
	"[\"192.0.2.0/24\"]}}";

static int encode(struct str *out, struct err *e)
{
	/* not in order: the encoder sorts */
	static const struct policy_text texts[] = {
		{"web", web, sizeof web - 1},
		{"seccomp/mine", written, sizeof written - 1},
		{"open", open_, sizeof open_ - 1},
		{"db", db, sizeof db - 1},
	};
	static const struct policy_pack packs[] = {
		{(char *)"acme", (char *)"1.4.0", (char *)"00112233AABBCCDD", (char *)"ff", false},
		{(char *)"gone", (char *)"3", NULL, (char *)"dd", true},
		{(char *)"loose", (char *)"2", NULL, (char *)"ee", false},
	};
	struct denied_image images[] = {
		{(char *)D1, (char *)"miner inside", (char *)"CVE-2026-1, CVE-2026-2"},
		{(char *)D2, (char *)"", (char *)""},
		{(char *)D4, (char *)"old", (char *)""},
	};
	const struct denied denied = {.v = images, .n = 3};
	AUTO_NODE struct node n = {.keys = NULL};
	struct policy_draft d = {.node = &n,
		.texts = texts,
		.n_texts = 4,
		.packs = packs,
		.n_packs = 3,
		.denied = &denied};

	return node_parse("cinch.json", config, sizeof config - 1, &n, e) < 0 ||
			       policy_encode(&d, out, e) < 0
		       ? -1
		       : 0;
}

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("policy", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		abort();
	return fd;
}

/* ---- what goes in comes out ---- */

static void check_settings(struct policy *p)
{
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	struct err e = {0};

	if (!ok(policy_settings(p, &s, &e) == 0, "settings: %s", e.msg))
		return;
	tap_same(s.runtime, "/opt/runc", "runtime");
	tap_same(s.default_profile, "db", "default profile");
	tap_same(s.audit.path, "/a/b", "audit path");
	ok(s.mode == PROFILE_AUDIT && s.audit.required && s.audit.journald && !s.audit.syslog &&
			!s.annotations.profile && s.annotations.record.n == 2 &&
			strv_has(&s.annotations.record, "b"),
		"the rest");
	ok(s.network.resolvers.n == 2 && strv_has(&s.network.resolvers, "fd00::a") &&
			s.network.nodes.n == 0 && s.network.metadata.n == 1 &&
			strv_has(&s.network.metadata, "192.0.2.0/24"),
		"addresses of the network");
}

static void check_texts(struct policy *p)
{
	AUTO_PROFILE struct profile *a = NULL, *b = NULL, *c = NULL, *none = NULL;
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *text = NULL;
	char digest[HASH_HEX_SIZE];
	size_t len = 9;
	struct err e = {0};

	ok(policy_profile(p, "web", &a, &e) == 0 && a, "a profile: %s", e.msg);
	if (a) {
		hash_sha256_hex(web, sizeof web - 1, digest);
		tap_same(a->digest, digest, "its digest");
		tap_same(a->filter, mine, "its filter");
		ok(a->filter_len == sizeof mine - 1, "the filter's length");
	}
	ok(policy_profile(p, "db", &b, &e) == 0 && b && !b->filter && b->mode == PROFILE_AUDIT,
		"a profile with the built-in filter");
	ok(policy_profile(p, "open", &c, &e) == 0 && c && !c->filter, "one without a filter");
	ok(policy_profile(p, "nobody", &none, &e) == 0 && !none, "none of that name");
	ok(policy_profile(p, "", &none, &e) == 0 && !none, "no name");
	ok(policy_profile(p, "seccomp/mine", &none, &e) == 0 && !none, "a filter is no profile");
	ok(policy_text(p, "web", &text, &len, &e) == 0 && len == sizeof web - 1, "a text");
	tap_same(text, web, "as it was");
	free(text);
	ok(policy_text(p, "we", &text, &len, &e) == 0 && !text && !len, "no text");
	ok(policy_names(p, &names, &e) == 0 && names.n == 3, "three names");
	tap_same(names.v[0], "db", "sorted");
	tap_same(names.v[2], "web", "sorted");
}

static void check_rest(struct policy *p)
{
	AUTO_IMAGE struct image image = {.text = NULL};
	struct rules_facts prod = {.namespace = "prod", .image = &image}, other = {.pod = "x"};
	struct policy_pack *packs = NULL;
	struct denied_image d = {.digest = NULL};
	const char *profile = NULL;
	unsigned line = 0;
	size_t n = 0;
	struct err e = {0};

	ok(image_parse("r.example/a", &image, &e) == 0 &&
			policy_select(p, &prod, &profile, &line, &e) == 0 && line == 2,
		"select");
	tap_same(profile, "web", "the profile of the rule");
	ok(policy_select(p, &other, &profile, &line, &e) == 0 && !profile, "no rule");
	ok(policy_packs(p, &packs, &n, &e) == 0 && n == 3, "packs");
	tap_same(packs[0].signer, "00112233AABBCCDD", "signed");
	tap_same(packs[1].signer, NULL, "not signed");
	tap_same(packs[1].name, "loose", "name");
	ok(!packs[0].retired && !packs[1].retired, "they are what it is made from");
	tap_same(packs[2].name, "gone", "the retired one is the last");
	ok(packs[2].retired && strcmp(packs[2].version, "3") == 0, "it is told apart");
	policy_packs_free(packs, n);
	for (int i = 0; i < 2; i++) {
		ok(policy_denied(p, i ? D4 : D1, &d, &e) == 0 && d.digest, "denied");
		tap_same(d.reason, i ? "old" : "miner inside", "reason");
		tap_same(d.cves, i ? "" : "CVE-2026-1, CVE-2026-2", "CVEs");
		free(d.digest);
		free(d.reason);
		free(d.cves);
	}
	ok(policy_denied(p, D3, &d, &e) == 0 && !d.digest, "not denied");
	ok(policy_denied(p, NULL, &d, &e) == 0 && !d.digest, "no digest");
	ok(policy_denied(p, "sha256:12", &d, &e) == 0 && !d.digest, "what is no digest");
}

/* ---- damage ---- */

/* All a launch may do with a policy; what it gets must be what was applied. False: something else. */
static bool use(struct policy *p)
{
	static const char *const names[] = {"web", "db", "open", "nobody"};
	AUTO_SETTINGS struct settings s = {.runtime = NULL};
	AUTO_STRV struct strv all = {0};
	struct rules_facts facts = {.engine = "docker"};
	struct denied_image d = {.digest = NULL};
	const char *profile = NULL;
	unsigned line;
	bool good = true;
	struct err e;

	if (policy_settings(p, &s, &e) == 0)
		good &= strcmp(s.runtime, "/opt/runc") == 0 && s.mode == PROFILE_AUDIT;
	if (policy_select(p, &facts, &profile, &line, &e) == 0)
		good &= profile && strcmp(profile, "open") == 0 && line == 3;
	for (int i = 0; i < 4; i++) {
		AUTO_PROFILE struct profile *got = NULL;

		if (policy_profile(p, names[i], &got, &e) == 0)
			good &= (got != NULL) == (i < 3) &&
				(!got || strcmp(got->name, names[i]) == 0) &&
				(i != 0 || strcmp(got->filter, mine) == 0);
	}
	if (policy_denied(p, D1, &d, &e) == 0) {
		good &= d.digest && strcmp(d.reason, "miner inside") == 0;
		free(d.digest);
		free(d.reason);
		free(d.cves);
	}
	if (policy_denied(p, D3, &d, &e) == 0)
		good &= !d.digest;
	if (policy_names(p, &all, &e) == 0)
		good &= all.n == 3;
	return good;
}

/* 1: opened and checked; 0: damage was seen; -1: a launch would have taken it for what it is not. */
static int judge(const char *bytes, size_t len)
{
	AUTO_POLICY struct policy *p = NULL;
	struct err e = {0};
	bool good;

	if (policy_open(file_of(bytes, len), &p, &e) < 0)
		return e.code == ERR_INPUT && !p ? 0 : -1;
	good = use(p);
	if (policy_check(p, &e) == 0)
		return good ? 1 : -1;
	return good && e.code == ERR_INPUT ? 0 : -1;
}

static void check_damage(const struct str *policy)
{
	AUTO_FREE char *copy = malloc(policy->len + 100);
	unsigned unseen = 0, cut = 0;

	if (!copy)
		abort();
	memcpy(copy, policy->s, policy->len);
	memset(copy + policy->len, 0, 100);
	ok(judge(copy, policy->len) == 1, "%zu bytes, whole", policy->len);
	for (size_t at = 0; at < policy->len; at++) {
		static const char flips[] = {1, (char)0x80, (char)0xff};

		for (size_t i = 0; i < sizeof flips; i++) {
			copy[at] ^= flips[i];
			unseen += judge(copy, policy->len) != 0;
			copy[at] ^= flips[i];
		}
	}
	ok(!unseen, "every byte changed: %u not seen", unseen);
	for (size_t n = 0; n < policy->len; n++)
		cut += judge(copy, n) == 0;
	ok(cut == policy->len, "cut at every length: %u of %zu seen", cut, policy->len);
	ok(judge(copy, policy->len + 1) == 0 && judge(copy, policy->len + 100) == 0, "grown");
}

/* Damage behind an open policy: a reader sees it when it gets there. */
static void check_later(void)
{
	AUTO_STR struct str big = STR_INIT;
	AUTO_POLICY struct policy *p = NULL;
	AUTO_PROFILE struct profile *got = NULL;
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_STR struct str text = STR_INIT;
	struct policy_text one;
	struct policy_draft d = {.node = &n, .texts = &one, .n_texts = 1};
	struct err e = {0};
	int fd;

	str_add(&text, "{\"profile\":\"a\",\"version\":\"1\"");
	for (int i = 0; i < 20000; i++)
		str_add(&text, " ");
	str_add(&text, "}");
	one = (struct policy_text){"a", text.s, text.len};
	ok(node_parse("c", "", 0, &n, &e) == 0 && policy_encode(&d, &big, &e) == 0, "a long text");
	fd = file_of(big.s, big.len);
	ok(policy_open(fd, &p, &e) == 0 && policy_profile(p, "a", &got, &e) == 0, "is read");
	profile_freep(&got);
	ok(pwrite(fd, "!", 1, (off_t)big.len - 100) == 1 && policy_profile(p, "a", &got, &e) < 0 &&
			!got && strstr(e.msg, "checksum"),
		"changed after opening: %s", e.msg);
	ok(ftruncate(fd, (off_t)big.len - 200) == 0 && policy_profile(p, "a", &got, &e) < 0 &&
			strstr(e.msg, "cut"),
		"cut after opening: %s", e.msg);
}

/* Whole entries in each other's place: a search must not pass over what it looks for. */
static void check_swapped(const struct str *policy)
{
	AUTO_FREE char *copy = malloc(policy->len);
	const struct policy_place *texts;
	struct policy_head head;
	unsigned lost = 0, seen = 0;

	if (!copy)
		abort();
	memcpy(&head, policy->s, sizeof head);
	texts = &head.section[POLICY_TEXTS];
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++) {
			static const char *const names[] = {"web", "db", "open"};
			const size_t size = sizeof(struct policy_text_entry);
			AUTO_POLICY struct policy *p = NULL;
			struct err e = {0};

			memcpy(copy, policy->s, policy->len);
			memcpy(copy + texts->at + i * size, policy->s + texts->at + k * size, size);
			memcpy(copy + texts->at + k * size, policy->s + texts->at + i * size, size);
			if (policy_open(file_of(copy, policy->len), &p, &e) < 0)
				abort(); /* the head is whole */
			for (size_t n = 0; n < 3; n++) {
				AUTO_PROFILE struct profile *got = NULL;

				lost += policy_profile(p, names[n], &got, &e) == 0 &&
					(!got || strcmp(got->name, names[n]) != 0);
			}
			seen += policy_check(p, &e) < 0;
		}
	ok(!lost && seen == 6, "entries changed places: %u lost, %u of 6 seen", lost, seen);
}

/* ---- odd drafts ---- */

static void check_drafts(void)
{
	static const char long_name[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const struct policy_text two[] = {{"a", "1", 1}, {"b", "2", 1}, {"a", "3", 1}};
	static const struct policy_text bad_name[] = {{long_name, "1", 1}};
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_STR struct str out = STR_INIT;
	struct policy_draft d = {.node = &n, .texts = two, .n_texts = 3};
	AUTO_POLICY struct policy *p = NULL;
	AUTO_STRV struct strv names = {0};
	struct policy_pack *packs = NULL;
	struct denied_image image = {.digest = NULL};
	size_t count = 9;
	struct err e = {0};

	ok(node_parse("c", "", 0, &n, &e) == 0, "setup");
	ok(policy_encode(&d, &out, &e) < 0 && strstr(e.msg, "two texts"), "%s", e.msg);
	d.texts = bad_name;
	d.n_texts = 1;
	ok(policy_encode(&d, &out, &e) < 0 && strstr(e.msg, "not a name"), "%s", e.msg);
	d.n_texts = 0;
	ok(!out.len && policy_encode(&d, &out, &e) == 0 &&
			policy_open(file_of(out.s, out.len), &p, &e) == 0 &&
			policy_check(p, &e) == 0 && policy_names(p, &names, &e) == 0 && !names.n &&
			policy_packs(p, &packs, &count, &e) == 0 && !count &&
			policy_denied(p, D1, &image, &e) == 0 && !image.digest,
		"an empty one");
	policy_packs_free(packs, count);
}

/* One changed byte changes the sum, wherever it stands; so do its place and the length. */
static void check_sum(void)
{
	char bytes[100] = "";
	uint8_t zero[HASH_QUICK_SIZE], sum[HASH_QUICK_SIZE];
	unsigned same = 0;

	for (size_t len = 0; len < sizeof bytes; len++) {
		hash_quick(bytes, len, zero);
		hash_quick(bytes, len + 1, sum);
		same += memcmp(zero, sum, sizeof sum) == 0;
		for (size_t at = 0; at < len; at++)
			for (int v = 1; v < 256; v += v) {
				bytes[at] = (char)v;
				hash_quick(bytes, len, sum);
				same += memcmp(zero, sum, sizeof sum) == 0;
				bytes[at] = 0;
			}
	}
	ok(!same, "a sum for each bit of each length: %u alike", same);
}

static double seconds(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from->tv_sec) + (double)(to.tv_nsec - from->tv_nsec) / 1e9;
}

static void check_many(void)
{
	enum { PROFILES = 300 };
	struct policy_text *texts = calloc(PROFILES, sizeof *texts);
	AUTO_NODE struct node n = {.keys = NULL};
	AUTO_STR struct str out = STR_INIT;
	struct policy_draft d = {.node = &n, .texts = texts, .n_texts = PROFILES};
	AUTO_POLICY struct policy *p = NULL;
	unsigned found = 0;
	struct err e = {0};

	if (!texts || node_parse("c", "", 0, &n, &e) < 0)
		abort();
	for (unsigned i = 0; i < PROFILES; i++) {
		char *name = NULL, *text = NULL;

		if (asprintf(&name, "p%u", i * 7919 % PROFILES) < 0 ||
			asprintf(&text, "{\"profile\":\"%s\",\"version\":\"1\"}", name) < 0)
			abort();
		texts[i] = (struct policy_text){name, text, strlen(text)};
	}
	ok(policy_encode(&d, &out, &e) == 0 && policy_open(file_of(out.s, out.len), &p, &e) == 0 &&
			policy_check(p, &e) == 0,
		"%d profiles are %zu bytes", PROFILES, out.len);
	for (unsigned i = 0; i < PROFILES; i++) {
		AUTO_PROFILE struct profile *got = NULL;

		found += policy_profile(p, texts[i].name, &got, &e) == 0 && got &&
			 strcmp(got->name, texts[i].name) == 0;
		free((char *)texts[i].name);
		free((char *)texts[i].text);
	}
	ok(found == PROFILES, "all are found: %u", found);
	free(texts);
}

int main(void)
{
	AUTO_STR struct str policy = STR_INIT, again = STR_INIT;
	AUTO_POLICY struct policy *p = NULL;
	struct timespec from;
	int ends[2];
	struct err e = {0};

	if (!ok(encode(&policy, &e) == 0 && encode(&again, &e) == 0, "encode: %s", e.msg))
		return tap_done();
	ok(policy.len == again.len && memcmp(policy.s, again.s, policy.len) == 0,
		"the same draft gives the same bytes");
	if (!ok(policy_open(file_of(policy.s, policy.len), &p, &e) == 0, "open: %s", e.msg))
		return tap_done();
	ok(policy_check(p, &e) == 0, "check: %s", e.msg);
	check_settings(p);
	check_texts(p);
	check_rest(p);
	clock_gettime(CLOCK_MONOTONIC, &from);
	check_damage(&policy);
	printf("# damage: %.2f s\n", seconds(&from));
	check_swapped(&policy);
	check_later();
	check_drafts();
	check_many();
	check_sum();
	policy_freep(&p);
	ok(pipe2(ends, O_CLOEXEC) == 0 && policy_open(ends[0], &p, &e) < 0 && !p, "a pipe: %s",
		e.msg);
	close(ends[1]);
	return tap_done();
}
