/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu - read what matters of CRIU's image files.
 */
#include "shim/criu.h"

#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COMMON_MAGIC = 0x54564319,
	CORE_MAGIC = 0x55053847,
	USERNS_MAGIC = 0x55474906,
	SECCOMP_MAGIC = 0x64413049,
	IDS_MAGIC = 0x54432030,
	INVENTORY_MAGIC = 0x58313116,
	IMAGES_V1_1 = 2,
	TASK_ALIVE = 1,
	TASK_DEAD = 2,
	TASK_STOPPED = 3,
};

/* ---- protobuf: what is on the wire ---- */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct message {
	const uint8_t *at, *end;
	const char *name; /* for errors: "creds" */
	uint32_t seen; /* bit n: member n was there */
	struct err *e;
};

struct member {
	uint64_t number, value;
	enum wire wire;
	const uint8_t *bytes;
	size_t len;
};

static int fail(struct message *m, const char *what)
{
	return err_set(m->e, ERR_INPUT, "\"%s\" %s", m->name, what);
}

static bool read_varint(struct message *m, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && m->at < m->end; shift += 7) {
		uint8_t byte = *m->at++;

		if (shift == 63 && byte > 1)
			return false;
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static bool skip(struct message *m, size_t n)
{
	if ((size_t)(m->end - m->at) < n)
		return false;
	m->at += n;
	return true;
}

/* 1 and *OUT; 0 at the end; -1. */
static int next_member(struct message *m, struct member *out)
{
	uint64_t tag, len;

	if (m->at == m->end)
		return 0;
	if (!read_varint(m, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
		return fail(m, "is cut or damaged");
	*out = (struct member){.number = tag >> 3, .wire = (enum wire)(tag & 7)};
	switch (out->wire) {
	case WIRE_VARINT:
		return read_varint(m, &out->value) ? 1 : fail(m, "is cut or damaged");
	case WIRE_BYTES:
		if (!read_varint(m, &len) || len > (size_t)(m->end - m->at))
			return fail(m, "is cut or damaged");
		out->bytes = m->at;
		out->len = (size_t)len;
		m->at += out->len;
		return 1;
	case WIRE_64:
	case WIRE_32:
		return skip(m, out->wire == WIRE_64 ? 8 : 4) ? 1 : fail(m, "is cut or damaged");
	default:
		return fail(m, "has a member of an unknown form");
	}
}

/* V may stand once, and in the form WIRE. */
static int once(struct message *m, const struct member *v, enum wire wire)
{
	if (v->wire != wire)
		return fail(m, "has a member of another form than it should have");
	if (m->seen >> v->number & 1)
		return fail(m, "has a member twice");
	m->seen |= 1u << v->number;
	return 0;
}

static int once_u32(struct message *m, const struct member *v, uint32_t *out)
{
	if (once(m, v, WIRE_VARINT) < 0)
		return -1;
	if (v->value > UINT32_MAX)
		return fail(m, "has a number beyond 32 bits");
	*out = (uint32_t)v->value;
	return 0;
}

/* A signed number as protobuf's int32: ten bytes when it is negative. */
static int once_i32(struct message *m, const struct member *v, int32_t *out)
{
	int64_t n = (int64_t)v->value;

	if (once(m, v, WIRE_VARINT) < 0)
		return -1;
	if (n < INT32_MIN || n > INT32_MAX)
		return fail(m, "has a number beyond 32 bits");
	*out = (int32_t)n;
	return 0;
}

/* The same as sint32: the sign is the lowest bit. */
static int once_s32(struct message *m, const struct member *v, int32_t *out)
{
	uint32_t n = 0;

	if (once_u32(m, v, &n) < 0)
		return -1;
	*out = (int32_t)(n >> 1) ^ -(int32_t)(n & 1);
	return 0;
}

static struct message inside(const struct message *m, const struct member *v, const char *name)
{
	/* what is no message has no bytes */
	const uint8_t *end = v->len ? v->bytes + v->len : v->bytes;

	return (struct message){.at = v->bytes, .end = end, .name = name, .e = m->e};
}

/* ---- credentials ---- */

/* One more word of a capability set; a third one has no kernel that knows it. */
static int add_caps(struct message *m, const struct member *v, uint64_t *set, unsigned *words)
{
	if (v->wire != WIRE_VARINT || v->value > UINT32_MAX)
		return fail(m, "has a capability set of an unknown form");
	if (*words < 2)
		*set |= v->value << 32 * *words;
	else if (v->value)
		return fail(m, "has capabilities beyond 64");
	++*words;
	return 0;
}

static int add_group(struct message *m, const struct member *v, struct criu_core *c)
{
	uint32_t *more;

	if (v->wire != WIRE_VARINT || v->value > UINT32_MAX)
		return fail(m, "has a list of groups of an unknown form");
	if (c->n_groups == CRIU_GROUPS_MAX)
		return fail(m, "has more than 65536 groups");
	if ((c->n_groups & (c->n_groups - 1)) == 0) { /* 0 and the powers of two */
		size_t cap = c->n_groups ? 2 * c->n_groups : 1;

		more = reallocarray(c->groups, cap, sizeof *more);
		if (!more)
			return err_nomem(m->e);
		c->groups = more;
	}
	c->groups[c->n_groups++] = (uint32_t)v->value;
	return 0;
}

enum creds_member {
	CREDS_UID = 1,
	CREDS_FSGID = 8,
	CREDS_INHERITABLE = 9,
	CREDS_BOUNDING = 12,
	CREDS_SECUREBITS = 13,
	CREDS_GROUPS = 14,
	CREDS_LABEL = 15,
	CREDS_SOCKET_LABEL = 16,
	CREDS_NO_NEW_PRIVS = 18,
	CREDS_AMBIENT = 19,
};

static int read_creds(struct message *m, struct criu_core *c)
{
	/* uid, gid, euid, ... are all required, and so are the securebits */
	static const uint32_t required = ((1u << (CREDS_FSGID + 1)) - 2) | 1u << CREDS_SECUREBITS;
	unsigned words[CRIU_CAPS] = {0};
	uint32_t flag;
	struct member v;
	int rc;

	while ((rc = next_member(m, &v)) > 0) {
		size_t set = v.number == CREDS_AMBIENT ? CRIU_AMBIENT
						       : (size_t)v.number - CREDS_INHERITABLE;

		if (v.number <= CREDS_FSGID) {
			rc = once_u32(m, &v, &c->ids[v.number - CREDS_UID]);
		} else if (v.number <= CREDS_BOUNDING || v.number == CREDS_AMBIENT) {
			rc = add_caps(m, &v, &c->caps[set], &words[set]);
		} else if (v.number == CREDS_SECUREBITS) {
			rc = once_u32(m, &v, &c->securebits);
		} else if (v.number == CREDS_GROUPS) {
			rc = add_group(m, &v, c);
		} else if (v.number == CREDS_LABEL) {
			rc = once(m, &v, WIRE_BYTES);
			c->label = (const char *)v.bytes;
			c->label_len = v.len;
		} else if (v.number == CREDS_SOCKET_LABEL) {
			rc = once(m, &v, WIRE_BYTES);
		} else if (v.number == CREDS_NO_NEW_PRIVS) {
			rc = once_u32(m, &v, &flag);
			c->no_new_privs = rc == 0 && flag == 1;
		} else {
			return fail(m, "has a member this version does not know");
		}
		if (rc < 0)
			return -1;
	}
	if (rc == 0 && (m->seen & required) != required)
		return fail(m, "lacks an id or the securebits");
	return rc;
}

/* ---- thread, process ---- */

static int read_thread(struct message *m, struct criu_core *c, bool *has_creds)
{
	enum { NICE = 3, POLICY = 4, CREDS = 10, MODE = 11, FILTER = 12 };
	struct message creds;
	struct member v;
	int rc;

	while ((rc = next_member(m, &v)) > 0) {
		switch (v.number) {
		case NICE:
			rc = once_s32(m, &v, &c->nice);
			break;
		case POLICY:
			rc = once_u32(m, &v, &c->policy);
			break;
		case CREDS:
			rc = once(m, &v, WIRE_BYTES);
			creds = inside(m, &v, "creds");
			if (rc == 0)
				rc = read_creds(&creds, c);
			*has_creds = true;
			break;
		case MODE:
			rc = once_u32(m, &v, &c->seccomp_mode);
			break;
		case FILTER:
			rc = once_u32(m, &v, &c->filter);
			c->has_filter = true;
			break;
		default: /* registers, signals, names: no rights */
			break;
		}
		if (rc < 0)
			return -1;
	}
	return rc;
}

static int read_rlimit(struct message *m, struct criu_core *c)
{
	enum { SOFT = 1, HARD = 2 };
	struct member v;
	int rc;

	if (c->n_rlimits == CRIU_RLIMITS_MAX)
		return fail(m, "is one too many");
	c->rlimits[c->n_rlimits].soft = c->rlimits[c->n_rlimits].hard = 0;
	while ((rc = next_member(m, &v)) > 0) {
		if (v.number != SOFT && v.number != HARD)
			return fail(m, "has a member this version does not know");
		if (once(m, &v, WIRE_VARINT) < 0)
			return -1;
		if (v.number == SOFT)
			c->rlimits[c->n_rlimits].soft = v.value;
		else
			c->rlimits[c->n_rlimits].hard = v.value;
	}
	c->n_rlimits++;
	return rc;
}

static int read_rlimits(struct message *m, struct criu_core *c)
{
	struct message one;
	struct member v;
	int rc;

	while ((rc = next_member(m, &v)) > 0) {
		if (v.number != 1 || v.wire != WIRE_BYTES)
			return fail(m, "has a member this version does not know");
		one = inside(m, &v, "rlimit");
		if (read_rlimit(&one, c) < 0)
			return -1;
	}
	return rc;
}

static int read_task(struct message *m, struct criu_core *c, uint32_t *state)
{
	enum { STATE = 1, RLIMITS = 8, OOM = 14 };
	struct message rlimits;
	struct member v;
	int rc;

	while ((rc = next_member(m, &v)) > 0) {
		switch (v.number) {
		case STATE:
			rc = once_u32(m, &v, state);
			break;
		case RLIMITS:
			rc = once(m, &v, WIRE_BYTES);
			rlimits = inside(m, &v, "rlimits");
			if (rc == 0)
				rc = read_rlimits(&rlimits, c);
			break;
		case OOM:
			rc = once_i32(m, &v, &c->oom);
			c->has_oom = true;
			break;
		default:
			break;
		}
		if (rc < 0)
			return -1;
	}
	return rc;
}

/* ---- images ---- */

/* The message of the image of the kind MAGIC in BYTES. */
static int open_image(const void *bytes, size_t len, uint32_t magic, const char *name,
	struct message *out, struct err *e)
{
	uint32_t head[3];

	if (len < sizeof head)
		return err_set(e, ERR_INPUT, "is cut: it has %zu bytes", len);
	memcpy(head, bytes, sizeof head);
	if (head[0] == magic)
		return err_set(e, ERR_INPUT, "is in the form of an old CRIU (img_version 1)");
	if (head[0] != COMMON_MAGIC || head[1] != magic)
		return err_set(e, ERR_INPUT, "is not the image its name says");
	if (head[2] != len - sizeof head)
		return err_set(e, ERR_INPUT, "has %zu bytes where its head says %u",
			len - sizeof head, head[2]);
	*out = (struct message){.at = (const uint8_t *)bytes + sizeof head,
		.end = (const uint8_t *)bytes + len,
		.name = name,
		.e = e};
	return 0;
}

int criu_core_read(const void *bytes, size_t len, struct criu_core *out, struct err *e)
{
	enum { TASK = 3, THREAD = 5 };
	struct message m, part;
	uint32_t state = 0;
	bool has_creds = false;
	struct member v;
	int rc;

	*out = (struct criu_core){.thread = true};
	if (open_image(bytes, len, CORE_MAGIC, "core", &m, e) < 0)
		return -1;
	while ((rc = next_member(&m, &v)) > 0) {
		if (v.number != TASK && v.number != THREAD)
			continue; /* registers */
		if (once(&m, &v, WIRE_BYTES) < 0)
			return -1;
		part = inside(&m, &v, v.number == TASK ? "tc" : "thread_core");
		if (v.number == TASK)
			out->thread = false;
		if ((v.number == TASK ? read_task(&part, out, &state)
				      : read_thread(&part, out, &has_creds)) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (!out->thread && state != TASK_ALIVE && state != TASK_STOPPED && state != TASK_DEAD)
		return err_set(e, ERR_INPUT, "\"task_state\" is %u, which is not known", state);
	out->dead = state == TASK_DEAD && !has_creds;
	if (!out->dead && !has_creds)
		return err_set(e, ERR_INPUT, "has no credentials");
	return 0;
}

void criu_core_done(struct criu_core *c)
{
	free(c->groups);
	*c = (struct criu_core){.groups = NULL};
}

static int read_extent(
	const struct message *map, const struct member *v, struct criu_extent *all, size_t *n)
{
	enum { INSIDE = 1, OUTSIDE = 2, COUNT = 3, ALL = 1u << 1 | 1u << 2 | 1u << 3 };
	struct message m;
	struct member x;
	int rc;

	m = inside(map, v, "uid_gid_extent");
	if (v->wire != WIRE_BYTES)
		return fail(&m, "is of an unknown form");
	if (*n == CRIU_EXTENTS_MAX)
		return fail(&m, "is one too many");
	while ((rc = next_member(&m, &x)) > 0) {
		uint32_t *to = x.number == INSIDE    ? &all[*n].inside
			       : x.number == OUTSIDE ? &all[*n].outside
						     : &all[*n].count;

		if (x.number > COUNT)
			return fail(&m, "has a member this version does not know");
		if (once_u32(&m, &x, to) < 0)
			return -1;
	}
	if (rc == 0 && m.seen != ALL)
		return fail(&m, "lacks a number");
	++*n;
	return rc;
}

int criu_userns_read(const void *bytes, size_t len, struct criu_userns *out, struct err *e)
{
	struct message m;
	struct member v;
	int rc;

	out->n_uids = out->n_gids = 0;
	if (open_image(bytes, len, USERNS_MAGIC, "userns", &m, e) < 0)
		return -1;
	while ((rc = next_member(&m, &v)) > 0) {
		if (v.number > 2)
			return fail(&m, "has a member this version does not know");
		rc = v.number == 1 ? read_extent(&m, &v, out->uids, &out->n_uids)
				   : read_extent(&m, &v, out->gids, &out->n_gids);
		if (rc < 0)
			return -1;
	}
	return rc;
}

/* Room for one more. */
static int more_filters(struct criu_filters *f, struct err *e)
{
	struct criu_filter *more;

	if (f->n & (f->n - 1))
		return 0;
	more = reallocarray(f->v, f->n ? 2 * f->n : 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	f->v = more;
	return 0;
}

static int read_filter(const struct message *all, const struct member *v, struct criu_filters *f)
{
	enum { CODE = 1, BEFORE = 2, FLAGS = 3 };
	struct message m = inside(all, v, "seccomp_filter");
	struct criu_filter *to;
	struct member x;
	uint32_t flags;
	int rc;

	if (v->number != 1 || v->wire != WIRE_BYTES)
		return fail(&m, "is of an unknown form");
	if (f->n == CRIU_FILTERS_MAX)
		return fail(&m, "is one too many");
	if (more_filters(f, m.e) < 0)
		return -1;
	to = &f->v[f->n];
	*to = (struct criu_filter){.code = NULL};
	while ((rc = next_member(&m, &x)) > 0) {
		if (x.number == CODE) {
			rc = once(&m, &x, WIRE_BYTES);
			to->code = x.bytes;
			to->insns = x.len / sizeof(struct sock_filter);
			if (rc == 0 && (x.len % sizeof(struct sock_filter) || to->insns == 0 ||
					       to->insns > BPF_MAXINSNS))
				return fail(&m, "is no program of the kernel's");
		} else if (x.number == BEFORE) {
			rc = once_u32(&m, &x, &to->before);
			to->has_before = true;
		} else if (x.number == FLAGS) {
			rc = once_u32(&m, &x, &flags);
		} else {
			return fail(&m, "has a member this version does not know");
		}
		if (rc < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (!to->code || (to->has_before && to->before >= f->n))
		return fail(&m, "has no program, or follows one that is not before it");
	f->n++;
	return 0;
}

int criu_filters_read(const void *bytes, size_t len, struct criu_filters *out, struct err *e)
{
	struct message m;
	struct member v;
	int rc;

	*out = (struct criu_filters){.v = NULL};
	if (open_image(bytes, len, SECCOMP_MAGIC, "seccomp", &m, e) < 0)
		return -1;
	while ((rc = next_member(&m, &v)) > 0)
		if (read_filter(&m, &v, out) < 0)
			return -1;
	return rc;
}

void criu_filters_done(struct criu_filters *f)
{
	free(f->v);
	*f = (struct criu_filters){.v = NULL};
}

static int read_namespaces(struct message *m, struct criu_namespaces *out)
{
	enum { FIRST = 5 }; /* before it: memory, files, directories, signals */
	struct member v;
	int rc;

	*out = (struct criu_namespaces){0};
	while ((rc = next_member(m, &v)) > 0)
		if (v.number >= FIRST && v.number < FIRST + CRIU_NAMESPACES &&
			once_u32(m, &v, &out->id[v.number - FIRST]) < 0)
			return -1;
	return rc;
}

int criu_ids_read(const void *bytes, size_t len, struct criu_namespaces *out, struct err *e)
{
	struct message m;

	return open_image(bytes, len, IDS_MAGIC, "ids", &m, e) < 0 ? -1 : read_namespaces(&m, out);
}

int criu_inventory_read(const void *bytes, size_t len, struct criu_namespaces *out, struct err *e)
{
	enum { VERSION = 1, ROOT = 3 };
	uint32_t head[2], version = 0;
	struct message m, ids;
	bool has_ids = false;
	struct member v;
	int rc;

	/* it alone has no magic that all share */
	if (len < sizeof head)
		return err_set(e, ERR_INPUT, "is cut: it has %zu bytes", len);
	memcpy(head, bytes, sizeof head);
	if (head[0] != INVENTORY_MAGIC)
		return err_set(e, ERR_INPUT, "is not the image its name says");
	if (head[1] != len - sizeof head)
		return err_set(e, ERR_INPUT, "has %zu bytes where its head says %u",
			len - sizeof head, head[1]);
	m = (struct message){.at = (const uint8_t *)bytes + sizeof head,
		.end = (const uint8_t *)bytes + len,
		.name = "inventory",
		.e = e};
	while ((rc = next_member(&m, &v)) > 0) {
		if (v.number == VERSION) {
			rc = once_u32(&m, &v, &version);
		} else if (v.number == ROOT) {
			rc = once(&m, &v, WIRE_BYTES);
			ids = inside(&m, &v, "root_ids");
			if (rc == 0)
				rc = read_namespaces(&ids, out);
			has_ids = true;
		}
		if (rc < 0)
			return -1;
	}
	if (rc == 0 && version != IMAGES_V1_1)
		return err_set(
			e, ERR_INPUT, "is of images in another form (img_version %u)", version);
	if (rc == 0 && !has_ids)
		return err_set(e, ERR_INPUT, "does not say which namespaces are the host's");
	return rc;
}
