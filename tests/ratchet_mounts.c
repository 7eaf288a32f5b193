/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratchet_mounts - the judge of mounts: the result's list is the input's with some left out, some
 * restricted, and new tmpfs mounts of our own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/num.h"
#include "tests/ratchet.h"

/* What the options of a mount come to, the last word wins (mount(8), runc's table). */
struct effect {
	bool bind, rec;
	bool restrict_[10]; /* as in pairs[] */
	int propagation; /* 0 private, 1 slave or not said, 2 shared */
	struct strv rest; /* everything else: data for the file system */
};

static const struct {
	const char *on, *off;
} pairs[10] = {
	{"ro", "rw"},
	{"nosuid", "suid"},
	{"nodev", "dev"},
	{"noexec", "exec"},
	{"nosymfollow", "symfollow"},
	{"rro", "rrw"},
	{"rnosuid", "rsuid"},
	{"rnodev", "rdev"},
	{"rnoexec", "rexec"},
	{"rnosymfollow", "rsymfollow"},
};

static const struct {
	const char *word;
	int value;
} propagations[] = {
	{"private", 0},
	{"rprivate", 0},
	{"unbindable", 0},
	{"runbindable", 0},
	{"slave", 1},
	{"rslave", 1},
	{"shared", 2},
	{"rshared", 2},
};

static const char *const harmless[] = {"atime", "noatime", "relatime", "norelatime", "strictatime",
	"nostrictatime", "diratime", "nodiratime", "sync", "async", "dirsync", "defaults", NULL};

static const char *word(const struct json *m, const char *key)
{
	const char *s = json_str(json_get(m, key));

	return s ? s : "";
}

static bool known_option(const char *o, struct effect *f)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (strcmp(o, pairs[i].on) == 0 || strcmp(o, pairs[i].off) == 0) {
			f->restrict_[i] = strcmp(o, pairs[i].on) == 0;
			/* the recursive word is for the top mount, too */
			if (i >= 5)
				f->restrict_[i - 5] = f->restrict_[i];
			return true;
		}
	for (size_t i = 0; i < sizeof propagations / sizeof *propagations; i++)
		if (strcmp(o, propagations[i].word) == 0) {
			f->propagation = propagations[i].value;
			return true;
		}
	if (strcmp(o, "bind") == 0 || strcmp(o, "rbind") == 0) {
		f->bind = true;
		f->rec |= *o == 'r';
		return true;
	}
	return str_in(harmless, o);
}

static struct effect effect_of(const struct json *m)
{
	struct effect f = {.propagation = 1};

	f.bind = strcmp(word(m, "type"), "bind") == 0;
	json_each (o, ratchet_get(m, "options", JSON_ARRAY))
		if (json_str(o) && !known_option(json_str(o), &f) &&
			strv_add(&f.rest, json_str(o)) < 0)
			abort();
	return f;
}

/* "size=64k" as bytes; false when it is not one. */
static bool size_of(const char *option, uint64_t *bytes)
{
	char digits[32];
	size_t n;
	uint64_t scale = 1;

	if (!str_starts(option, "size="))
		return false;
	option += 5;
	n = strspn(option, "0123456789");
	if (n == 0 || n >= sizeof digits)
		return false;
	memcpy(digits, option, n);
	digits[n] = '\0';
	switch (option[n] | 0x20) {
	case 'g':
		scale <<= 10;
		/* fall through */
	case 'm':
		scale <<= 10;
		/* fall through */
	case 'k':
		scale <<= 10;
	}
	return num_u64(digits, UINT64_MAX / scale, bytes) && (*bytes *= scale, true);
}

static const char *find_size(const struct strv *l)
{
	for (size_t i = l->n; i-- > 0;)
		if (str_starts(l->v[i], "size="))
			return l->v[i];
	return NULL;
}

static void data_options(
	const char *dest, const struct effect *was, const struct effect *is, struct strv *bad)
{
	const char *size_was = find_size(&was->rest), *size_is = find_size(&is->rest);
	uint64_t a, b;

	if (size_was &&
		(!size_is || (strcmp(size_was, size_is) != 0 &&
				     (!size_of(size_was, &a) || !size_of(size_is, &b) || b > a))))
		ratchet_bad(bad, "mounts: %s may be bigger", dest);
	for (size_t i = 0; i < is->rest.n; i++)
		if (!str_starts(is->rest.v[i], "size=") && !strv_has(&was->rest, is->rest.v[i]))
			ratchet_bad(bad, "mounts: %s has a new option %s", dest, is->rest.v[i]);
	/* what is dropped may have been a restriction: mode=, uid=, gid=, hidepid=, newinstance */
	for (size_t i = 0; i < was->rest.n; i++)
		if (!str_starts(was->rest.v[i], "size=") && !strv_has(&is->rest, was->rest.v[i]) &&
			(str_starts(was->rest.v[i], "mode=") ||
				str_starts(was->rest.v[i], "hidepid=") ||
				strcmp(was->rest.v[i], "newinstance") == 0))
			ratchet_bad(bad, "mounts: %s lost option %s", dest, was->rest.v[i]);
}

static void pair(const struct json *in, const struct json *out, struct strv *bad)
{
	struct effect was = effect_of(in), is = effect_of(out);
	const char *dest = word(out, "destination");

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (was.restrict_[i] && !is.restrict_[i])
			ratchet_bad(bad, "mounts: %s lost %s", dest, pairs[i].on);
	if (is.bind != was.bind || (is.rec && !was.rec))
		ratchet_bad(bad, "mounts: %s binds more", dest);
	if (is.propagation > was.propagation)
		ratchet_bad(bad, "mounts: %s propagates more", dest);
	data_options(dest, &was, &is, bad);
	json_each (m, out)
		if (strcmp(m->key, "options") != 0 && m->type != JSON_NULL &&
			!json_equal(m, json_get(in, m->key)))
			ratchet_bad(bad, "mounts: %s has another %s", dest, m->key);
	if (!json_equal(json_get(in, "uidMappings"), json_get(out, "uidMappings")) ||
		!json_equal(json_get(in, "gidMappings"), json_get(out, "gidMappings")))
		ratchet_bad(bad, "mounts: %s maps ids otherwise", dest);
	strv_done(&was.rest);
	strv_done(&is.rest);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Ours: a tmpfs, set[ug]id and devices off, outside what the kernel shows of itself. */
static void new_mount(const struct json *m, struct strv *bad)
{
	static const char *const never[] = {"/proc", "/sys", "/dev", NULL};
	struct effect f = effect_of(m);
	const char *dest = word(m, "destination");

	if (strcmp(word(m, "type"), "tmpfs") != 0 || f.bind)
		ratchet_bad(bad, "mounts: %s was not asked for and is no tmpfs", dest);
	if (!f.restrict_[1] || !f.restrict_[2])
		ratchet_bad(bad, "mounts: new %s is not nosuid,nodev", dest);
	if (f.propagation > 1)
		ratchet_bad(bad, "mounts: new %s is shared", dest);
	if (dest[0] != '/' || strcmp(dest, "/") == 0)
		ratchet_bad(bad, "mounts: new mount at \"%s\"", dest);
	for (const char *const *p = never; *p; p++)
		if (below(dest, *p))
			ratchet_bad(bad, "mounts: new %s lies in %s", dest, *p);
	strv_done(&f.rest);
}

static bool same_place(const struct json *a, const struct json *b)
{
	return strcmp(word(a, "destination"), word(b, "destination")) == 0 &&
	       strcmp(word(a, "source"), word(b, "source")) == 0 &&
	       strcmp(word(a, "type"), word(b, "type")) == 0;
}

/* A mount that is left out must not uncover what it hid: a bind that stays, at or above its place. */
static void left_out(const struct json *gone, const struct json *out, struct strv *bad)
{
	json_each (m, out) {
		struct effect f = effect_of(m);

		if (f.bind && below(word(gone, "destination"), word(m, "destination")) &&
			strcmp(word(gone, "destination"), word(m, "destination")) != 0)
			ratchet_bad(bad, "mounts: without %s, %s shows what it hid",
				word(gone, "destination"), word(m, "destination"));
		strv_done(&f.rest);
	}
}

void ratchet_mounts(const struct json *in, const struct json *out, struct strv *bad)
{
	const struct json *next = in ? in->first : NULL;

	json_each (m, out) {
		const struct json *found = next;

		while (found && !same_place(found, m))
			found = found->next;
		if (!found) {
			new_mount(m, bad);
			continue;
		}
		for (; next != found; next = next->next)
			left_out(next, out, bad);
		pair(found, m, bad);
		next = found->next;
	}
	for (; next; next = next->next)
		left_out(next, out, bad);
}
