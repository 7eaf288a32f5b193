/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_state - any bytes in the place of a state record, and behind a NUL any bytes in the place of what the
 * runtime keeps of the container: a record is used whole or refused with a reason, a process is only
 * believed when it is there, and what a container is held to survives being kept once more.
 */
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiles/running.h"
#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "shim/record.h"
#include "shim/running.h"
#include "tests/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "box"

static char dir[PATH_MAX], root[PATH_MAX], record_path[PATH_MAX + 64];

static void prepare(void)
{
	const struct state_facts f = {.root = root, .id = ID};
	char hash[HASH_HEX_SIZE];
	struct err e = {0};

	if (*dir)
		return;
	snprintf(root, sizeof root, "%s", scratch_path("rt"));
	mkdir(root, 0711);
	mkdir(scratch_path("rt/" ID), 0711);
	snprintf(dir, sizeof dir, "%s", scratch_path("state"));
	if (state_write(dir, &f, &e) < 0)
		abort();
	hash_sha256_hex(root, strlen(root), hash);
	snprintf(record_path, sizeof record_path, "%s/%.16s/" ID ".json", dir, hash);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
}

/* P as it is kept. */
static void encode(const struct profile *p, struct str *out)
{
	AUTO_JSON struct json_doc *doc = json_new();

	json_write(running_profile(p, doc), out);
	assert(!str_failed(out));
}

static void kept_again(const struct profile *p)
{
	AUTO_STR struct str once = STR_INIT, twice = STR_INIT;
	AUTO_PROFILE struct profile *again = NULL;
	struct err e = {0};

	assert(p && p->name && p->version);
	encode(p, &once);
	assert(profile_parse_known("again", once.s, once.len, p->digest, &again, &e) == 0);
	encode(again, &twice);
	assert(strcmp(once.s, twice.s) == 0);
	assert(again->exec.allow == p->exec.allow && again->user.root == p->user.root &&
		again->exec.capabilities == p->exec.capabilities && again->mode == p->mode &&
		again->no_new_privileges == p->no_new_privileges);
}

static void held_to(const struct running *r)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	char at[PATH_MAX];
	struct err e = {0};

	assert(r->record && r->n >= 1 && r->n <= SELECT_MAX);
	for (size_t i = 0; i < r->n; i++)
		kept_again(r->p[i]);
	assert(r->pid >= 0);
	if (r->pid) {
		snprintf(at, sizeof at, "/proc/%d", r->pid);
		assert(access(at, F_OK) == 0);
	}
	assert(running_root(r, at, &e) < 0 ? e.code != 0 : at[0] == '/');
	assert(running_document(r, doc, json_object(doc), &e) == 0);
	assert(json_is(json_at(json_root(doc), "/process"), JSON_OBJECT));
	assert(audit_begin(&a, "exec", &e) == 0);
	assert(record_running(&a, json_root(r->record)) == 0);
	assert(!json_at(a.record, "/profiles/0/running") && !json_get(a.record, "process"));
}

static int count(const struct json *record, void *arg, struct err *e)
{
	(void)e;
	assert(json_str(json_get(record, "id")));
	++*(int *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STRV struct strv bad = {0};
	struct running r = {0};
	struct err e = {0}, why = {0};
	int n = 0;

	prepare();
	put(record_path, data, len);
	unlink(scratch_path("rt/" ID "/state.json"));
	unlink(scratch_path("rt/" ID "/status"));
	if (nul)
		put(scratch_path(len & 1 ? "rt/" ID "/status" : "rt/" ID "/state.json"), nul + 1,
			size - len - 1);

	assert(state_each(dir, count, &n, &bad, &e) == 0 && (size_t)n + bad.n == 1);
	if (state_read(dir, root, ID, &doc, &e) < 0)
		assert(!doc && e.code == ERR_INPUT && e.msg[0]);
	else
		assert(strcmp(json_str(json_get(json_root(doc), "id")), ID) == 0);
	if (running_read_at(dir, root, ID, &r, &why) < 0) {
		assert(!r.record && !r.n && why.code == ERR_INPUT && strstr(why.msg, ID));
		return 0;
	}
	assert(doc);
	held_to(&r);
	running_done(&r);
	return 0;
}
