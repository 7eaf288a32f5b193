/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu_image - write image files as CRIU does, for tests; knows nothing of the reader it is to judge.
 *
 * Member numbers are those of CRIU's .proto files; checked once against the ones its crit (3.17) reads and writes.
 */
#ifndef CINCH_TESTS_CRIU_IMAGE_H
#define CINCH_TESTS_CRIU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CRIU_MAGIC_CORE 0x55053847u
#define CRIU_MAGIC_USERNS 0x55474906u
#define CRIU_MAGIC_SECCOMP 0x64413049u
#define CRIU_MAGIC_IDS 0x54432030u

struct pb {
	uint8_t b[32768];
	size_t n;
};

static inline void pb_byte(struct pb *p, uint8_t byte)
{
	if (p->n < sizeof p->b)
		p->b[p->n++] = byte;
}

static inline void pb_number(struct pb *p, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		pb_byte(p, (uint8_t)(v | 0x80));
	pb_byte(p, (uint8_t)v);
}

static inline void pb_put(struct pb *p, unsigned member, uint64_t v)
{
	pb_number(p, member << 3);
	pb_number(p, v);
}

static inline void pb_bytes(struct pb *p, unsigned member, const void *bytes, size_t n)
{
	pb_number(p, member << 3 | 2);
	pb_number(p, n);
	for (size_t i = 0; i < n; i++)
		pb_byte(p, ((const uint8_t *)bytes)[i]);
}

static inline void pb_inside(struct pb *p, unsigned member, const struct pb *m)
{
	pb_bytes(p, member, m->b, m->n);
}

/* What a core image is to say. */
struct criu_made {
	uint32_t ids[8]; /* uid, gid, euid, egid, suid, sgid, fsuid, fsgid */
	uint32_t groups[8];
	size_t n_groups;
	uint64_t caps[5]; /* inheritable, permitted, effective, bounding, ambient */
	uint32_t securebits;
	int no_new_privs; /* -1: not said */
	int mode, filter; /* -1: not said */
	const char *label;
	int policy, nice; /* policy -1: neither is said */
	uint64_t rlimits[16][2];
	size_t n_rlimits;
	int oom; /* -2000: not said */
	int state; /* -1: a thread, which has no "tc" */
	int node; /* bits of namespaces that are the node's, for its ids image */
	bool no_creds;
};

static const struct criu_made criu_made_plain = {
	.ids = {65532, 65532, 65532, 65532, 65532, 65532, 65532, 65532},
	.no_new_privs = 1,
	.mode = 2,
	.filter = 0,
	.policy = 0,
	.oom = -2000,
	.state = 1,
};

/* One word of what a core image is to say: "euid=0", "ids=7" (all eight), "group=0" (one more), "prm=0x400",
 * "nnp=-1", "rlimit=7:4097" (the hard one), "creds=no". */
static inline void criu_made_set(struct criu_made *m, const char *word)
{
	static const char *const ids[] = {
		"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"};
	static const char *const caps[] = {"inh", "prm", "eff", "bnd", "amb"};
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
	size_t len = strcspn(word, "=");
	const struct {
		const char *name;
		int *to;
	} ints[] = {{"nnp", &m->no_new_privs}, {"mode", &m->mode}, {"filter", &m->filter},
		{"node", &m->node}, {"policy", &m->policy}, {"nice", &m->nice}, {"oom", &m->oom},
		{"state", &m->state}};
#define CRIU_WORD(text) (strlen(text) == len && strncmp(word, text, len) == 0)
	for (size_t i = 0; i < 8; i++)
		if (CRIU_WORD(ids[i]) || CRIU_WORD("ids"))
			m->ids[i] = (uint32_t)strtoul(value, NULL, 0);
	for (size_t i = 0; i < 5; i++)
		if (CRIU_WORD(caps[i]))
			m->caps[i] = strtoull(value, NULL, 0);
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
		if (CRIU_WORD(ints[i].name))
			*ints[i].to = atoi(value);
	if (CRIU_WORD("group") && m->n_groups < 8)
		m->groups[m->n_groups++] = (uint32_t)strtoul(value, NULL, 0);
	if (CRIU_WORD("secbits"))
		m->securebits = (uint32_t)strtoul(value, NULL, 0);
	if (CRIU_WORD("label"))
		m->label = value;
	if (CRIU_WORD("creds"))
		m->no_creds = strcmp(value, "no") == 0;
	if (CRIU_WORD("rlimit") && strchr(value, ':') && atoi(value) < 16) {
		m->rlimits[atoi(value)][1] = strtoull(strchr(value, ':') + 1, NULL, 0);
		m->n_rlimits = (size_t)atoi(value) + 1;
	}
#undef CRIU_WORD
}

static inline void criu_put_creds(struct pb *out, const struct criu_made *m)
{
	static const unsigned sets[5] = {9, 10, 11, 12, 19};

	for (unsigned i = 0; i < 8; i++)
		pb_put(out, i + 1, m->ids[i]);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 4 && !m->caps[i])
			continue; /* as CRIU before 4.0 */
		pb_put(out, sets[i], m->caps[i] & UINT32_MAX);
		pb_put(out, sets[i], m->caps[i] >> 32);
	}
	pb_put(out, 13, m->securebits);
	for (size_t i = 0; i < m->n_groups; i++)
		pb_put(out, 14, m->groups[i]);
	if (m->label)
		pb_bytes(out, 15, m->label, strlen(m->label));
	if (m->no_new_privs >= 0)
		pb_put(out, 18, (uint64_t)m->no_new_privs);
}

static inline void criu_put_core(struct pb *out, const struct criu_made *m)
{
	struct pb task = {.n = 0}, thread = {.n = 0}, creds = {.n = 0}, limits = {.n = 0};

	pb_put(out, 1, 1);
	pb_bytes(out, 100, "registers", 9);
	if (m->state >= 0) {
		pb_put(&task, 1, (uint64_t)m->state);
		pb_put(&task, 2, 0);
		pb_put(&task, 3, 0);
		pb_put(&task, 4, 0x404000);
		pb_put(&task, 5, UINT64_MAX);
		pb_bytes(&task, 6, "sh", 2);
		for (size_t i = 0; i < m->n_rlimits; i++) {
			struct pb one = {.n = 0};

			pb_put(&one, 1, m->rlimits[i][0]);
			pb_put(&one, 2, m->rlimits[i][1]);
			pb_inside(&limits, 1, &one);
		}
		if (m->n_rlimits)
			pb_inside(&task, 8, &limits);
		if (m->oom != -2000)
			pb_put(&task, 14, (uint64_t)(int64_t)m->oom);
		pb_inside(out, 3, &task);
	}
	pb_put(&thread, 1, 0);
	pb_put(&thread, 2, 24);
	if (m->policy >= 0) {
		pb_put(&thread, 3,
			m->nice < 0 ? 2 * (uint64_t)-m->nice - 1 : 2 * (uint64_t)m->nice);
		pb_put(&thread, 4, (uint64_t)m->policy);
	}
	if (!m->no_creds) {
		criu_put_creds(&creds, m);
		pb_inside(&thread, 10, &creds);
	}
	if (m->mode >= 0)
		pb_put(&thread, 11, (uint64_t)m->mode);
	if (m->filter >= 0)
		pb_put(&thread, 12, (uint64_t)m->filter);
	if (!m->no_creds || m->state < 0)
		pb_inside(out, 5, &thread);
}

/* A program that answers every call with ACTION, but the call EXCEPT with "allow"; -1: none. */
static inline void criu_put_filter(struct pb *out, uint32_t action, int except, int before)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} code[] = {
		{0x20, 0, 0, 0}, /* the number of the call */
		{0x15, 0, 1, (uint32_t)except},
		{0x06, 0, 0, 0x7fff0000},
		{0x06, 0, 0, action},
	};
	struct pb one = {.n = 0};

	pb_bytes(&one, 1, code, sizeof code);
	if (before >= 0)
		pb_put(&one, 2, (uint64_t)before);
	pb_put(&one, 3, 0);
	pb_inside(out, 1, &one);
}

static inline void criu_put_extent(
	struct pb *out, unsigned map, uint32_t inside, uint32_t outside, uint32_t count)
{
	struct pb one = {.n = 0};

	pb_put(&one, 1, inside);
	pb_put(&one, 2, outside);
	pb_put(&one, 3, count);
	pb_inside(out, map, &one);
}

/* The namespaces of a process: those of NODE (bits of enum criu_ns) are the host's, which are 1 to 8. */
static inline void criu_put_ids(struct pb *out, unsigned node)
{
	for (unsigned i = 1; i <= 4; i++)
		pb_put(out, i, 1);
	for (unsigned i = 0; i < 8; i++)
		pb_put(out, 5 + i, node >> i & 1 ? i + 1 : i + 20);
}

static inline void criu_inventory(struct pb *out, unsigned version)
{
	struct pb m = {.n = 0}, root = {.n = 0};
	uint32_t head[2] = {0x58313116u, 0};

	criu_put_ids(&root, 0xff);
	pb_put(&m, 1, version);
	pb_put(&m, 2, 1);
	pb_inside(&m, 3, &root);
	pb_put(&m, 4, 1);
	head[1] = (uint32_t)m.n;
	out->n = 0;
	for (size_t i = 0; i < sizeof head; i++)
		pb_byte(out, ((const uint8_t *)head)[i]);
	for (size_t i = 0; i < m.n; i++)
		pb_byte(out, m.b[i]);
}

/* The file of the kind MAGIC whose message is M. */
static inline void criu_file(struct pb *out, uint32_t magic, const struct pb *m)
{
	const uint32_t head[3] = {0x54564319u, magic, (uint32_t)m->n};

	memcpy(out->b, head, sizeof head);
	memcpy(out->b + sizeof head, m->b,
		m->n < sizeof out->b - sizeof head ? m->n : sizeof out->b - sizeof head);
	out->n = m->n + sizeof head;
}

#endif
