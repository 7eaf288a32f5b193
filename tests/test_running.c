/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_running - what a container is held to while it runs: the part of a profile that its record keeps
 * reads back as it was, and a record counts only for the container that the runtime has now.
 */
#include "profiles/running.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "profiles/capset.h"
#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/hash.h"
#include "shim/record.h"
#include "shim/running.h"
#include "tests/scratch.h"
#include "tests/tap.h"

/* ---- the profile ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool same_user(const struct profile *a, const struct profile *b)
{
	if (a->user.root != b->user.root || a->user.uid != b->user.uid ||
		a->user.gid != b->user.gid || a->user.n_groups != b->user.n_groups)
		return false;
	for (size_t i = 0; i < a->user.n_groups; i++)
		if (a->user.groups[i] != b->user.groups[i])
			return false;
	return true;
}

static bool same_resources(const struct profile *a, const struct profile *b)
{
	if (a->resources.pids != b->resources.pids || a->resources.memory != b->resources.memory ||
		a->resources.n_rlimits != b->resources.n_rlimits)
		return false;
	for (size_t i = 0; i < a->resources.n_rlimits; i++)
		if (strcmp(a->resources.rlimits[i].type, b->resources.rlimits[i].type) != 0 ||
			a->resources.rlimits[i].max != b->resources.rlimits[i].max)
			return false;
	return true;
}

static bool same_exec(const struct profile *a, const struct profile *b)
{
	return a->exec.allow == b->exec.allow && a->exec.terminal == b->exec.terminal &&
	       a->exec.capabilities == b->exec.capabilities &&
	       same_list(&a->exec.allow_commands, &b->exec.allow_commands) &&
	       same_list(&a->exec.deny_commands, &b->exec.deny_commands) &&
	       a->flags.allow == b->flags.allow && a->flags.preserve_fds == b->flags.preserve_fds;
}

/* The first member that differs; NULL: none. */
static const char *difference(const struct profile *a, const struct profile *b)
{
	static const enum control lines[] = {CONTROL_CAPABILITIES, CONTROL_USER,
		CONTROL_NO_NEW_PRIVILEGES, CONTROL_RESOURCES, CONTROL_ENV, CONTROL_EXEC,
		CONTROL_FLAGS};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (a->line[lines[i]] != b->line[lines[i]] ||
			!same_text(a->said_by[lines[i]], b->said_by[lines[i]]))
			return control_name(lines[i]);
	return !same_text(a->name, b->name)                   ? "name"
	       : !same_text(a->version, b->version)           ? "version"
	       : a->mode != b->mode                           ? "mode"
	       : a->audit != b->audit                         ? "audit"
	       : strcmp(a->digest, b->digest) != 0            ? "digest"
	       : !same_user(a, b)                             ? "user, inside"
	       : a->no_new_privileges != b->no_new_privileges ? "noNewPrivileges, inside"
	       : !same_resources(a, b)                        ? "resources, inside"
	       : !same_list(&a->env.deny, &b->env.deny) || a->env.secrets != b->env.secrets
		       ? "env, inside"
	       : !same_exec(a, b) ? "exec or flags, inside"
				  : NULL;
}

static void reads_back(const char *what, const struct profile *p)
{
	AUTO_JSON struct json_doc *doc = json_new();
	AUTO_PROFILE struct profile *by_text = NULL, *by_tree = NULL;
	AUTO_STR struct str text = STR_INIT;
	struct json *v = running_profile(p, doc);
	struct err e = {0};
	const char *d;

	if (!ok(v, "%s: is encoded", what))
		return;
	json_write(v, &text);
	ok(profile_parse_known("record", str_text(&text), text.len, p->digest, &by_text, &e) == 0,
		"%s: %zu bytes are read by profile_parse_known: %s", what, text.len, e.msg);
	ok(running_parse(doc, v, p->digest, &by_tree, &e) == 0, "%s: and by running_parse: %s",
		what, e.msg);
	d = by_text ? difference(p, by_text) : "all";
	ok(!d, "%s: the same: %s", what, d ? d : "all");
	d = by_tree ? difference(p, by_tree) : "all";
	ok(!d, "%s: the same as a tree: %s", what, d ? d : "all");
}

static void shipped(void)
{
	const char *name;

	for (size_t i = 0; (name = profile_builtin_name(i)); i++) {
		AUTO_PROFILE struct profile *p = NULL;
		struct err e = {0};

		if (strchr(name, '/'))
			continue;
		if (ok(profile_builtin(name, &p, &e) == 0, "%s: %s", name, e.msg))
			reads_back(name, p);
	}
}

/* A profile of its own text, and the same flattened from parents, with each member at its limits. */
static void every_member(void)
{
	static const char *const texts[] = {
		"{\"profile\": \"a\", \"version\": \"1\"}",
		"{\"profile\": \"a\", \"version\": \"1.2.3-rc+x\", \"mode\": \"audit\",\n"
		"\"audit\": [\"unknown\", \"exec\", \"flags\", \"network\", \"user\"],\n"
		"\"user\": {\"root\": \"deny\", \"uid\": 2147483647, \"gid\": 1,\n"
		"  \"groups\": [1, 2, 2147483647]},\n"
		"\"noNewPrivileges\": false,\n"
		"\"resources\": {\"pids\": 4194304, \"memory\": 9223372036854775807,\n"
		"  \"rlimits\": {\"RLIMIT_CORE\": 0, \"RLIMIT_AS\": 18446744073709551615,\n"
		"  \"RLIMIT_NOFILE\": 1024}},\n"
		"\"env\": {\"deny\": [\"LD_*\", \"\\u00e4\\\"\\\\\", \"*\"], \"secrets\": "
		"\"deny\"},\n"
		"\n\n\"exec\": {\"allow\": true, \"terminal\": true,\n"
		"  \"capabilities\": [\"CAP_CHOWN\", \"CAP_CHECKPOINT_RESTORE\"]}}",
		"{\"profile\": \"a\", \"version\": \"1\", \"mode\": \"learn\",\n"
		"\"user\": {\"root\": \"allow\"}, \"resources\": {\"pids\": 1, \"memory\": "
		"\"1Ki\"},\n"
		"\"env\": {\"secrets\": \"ignore\"}, \"exec\": {\"allow\": false},\n"
		"\"lines\": {\"user\": \"baseline:12\", \"exec\": \"a:7\", \"env\": "
		"\"base:4294967295\"}}",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		AUTO_PROFILE struct profile *p = NULL;
		struct err e = {0};
		char what[32];

		snprintf(what, sizeof what, "text %zu", i);
		if (ok(profile_parse("a.json", texts[i], strlen(texts[i]), &p, &e) == 0, "%s: %s",
			    what, e.msg))
			reads_back(what, p);
	}
}

/* What the language may not be able to say yet is in the form it will be said in. */
static void commands_and_flags(void)
{
	struct profile p = {.name = "a", .version = "1"};
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *v;

	p.user.uid = p.user.gid = 1;
	p.resources.pids = p.resources.memory = -1;
	v = running_profile(&p, doc);
	ok(v && !json_get(v, "flags") && !json_at(v, "/exec/commands"), "nothing to say");
	strv_add(&p.exec.allow_commands, "/bin/healthy **");
	strv_add(&p.exec.deny_commands, "sh");
	p.flags.allow = (1u << FLAG_COUNT) - 1;
	p.flags.preserve_fds = 3;
	v = running_profile(&p, doc);
	tap_same(json_str(json_at(v, "/exec/commands/allow/0")), "/bin/healthy **", "allow");
	tap_same(json_str(json_at(v, "/exec/commands/deny/0")), "sh", "deny");
	tap_same(json_str(json_at(v, "/flags/allow/0")), "--no-pivot", "flags");
	ok(json_get(json_get(v, "flags"), "allow")->count == FLAG_COUNT, "all flags");
	strv_done(&p.exec.allow_commands);
	strv_done(&p.exec.deny_commands);
}

/* ---- the container ---- */

static char root[PATH_MAX], dir[PATH_MAX];

static const char restricted_text[] =
	"{\"profile\": \"tight\", \"version\": \"1\", \"exec\": {\"allow\": true}}";

static const char config[] =
	"{\"process\": {\"cwd\": \"/srv\", \"env\": [\"PATH=/first\", \"DB_PASSWORD=hunter2\", "
	"\"PATH=/usr/bin:/bin\"], \"capabilities\": {\"bounding\": [\"CAP_CHOWN\"]}}, "
	"\"root\": {\"path\": \"fs/../rootfs\"}, \"linux\": {\"uidMappings\": [{\"containerID\": "
	"0, "
	"\"hostID\": 100000, \"size\": 65536}]}}";

static int keep(const char *id, bool restored, struct err *e)
{
	static const struct json_limits limits = {4096, 20, 200};
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_PROFILE struct profile *p = NULL;
	struct selection s = {.n = 1};
	struct engine engine = {.kind = ENGINE_CRI, .pod = "db-0", .image = {.text = "postgres"}};

	if (profile_parse("tight.json", restricted_text, strlen(restricted_text), &p, e) < 0 ||
		json_parse(config, strlen(config), &limits, 0, &doc, e) < 0)
		return -1;
	s.p[0] = p;
	return state_write(dir,
		&(struct state_facts){.id = id,
			.root = root,
			.bundle = "/run/../run/b",
			.engine = &engine,
			.profiles = &s,
			.policy = "cd",
			.doc = doc,
			.enforced = true,
			.restored = restored},
		e);
}

static uint64_t ticks_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK) +
	       (uint64_t)now.tv_nsec / (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Field 22 of our own, by another way than the code. */
static uint64_t own_start(pid_t pid)
{
	unsigned long long start = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, /* NOLINT(cert-err34-c): the kernel wrote it */
			  "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			  "%*d %*d %*d %llu",
			  &start) != 1)
		start = 0;
	if (f)
		fclose(f);
	return start;
}

/* ROOT/ID as the runtimes make it. */
static void runc_says(const char *id, long long pid, uint64_t start)
{
	char name[256], text[1024];

	snprintf(name, sizeof name, "runtime/%s", id);
	mkdir(scratch_path(name), 0711);
	snprintf(text, sizeof text,
		"{\"id\":\"%s\",\"init_process_pid\":%lld,\"init_process_start\":%llu,"
		"\"created\":\"2026-11-22T09:57:14.539753508Z\",\"config\":{\"no_pivot_root\":"
		"false,"
		"\"init_process_pid\":1}}",
		id, pid, (unsigned long long)start);
	snprintf(name, sizeof name, "runtime/%s/state.json", id);
	scratch_write(name, text);
}

static void crun_says(const char *id, long long pid, uint64_t start)
{
	char name[256], text[1024];

	snprintf(name, sizeof name, "runtime/%s", id);
	mkdir(scratch_path(name), 0711);
	snprintf(text, sizeof text,
		"{\n    \"pid\": %lld,\n    \"process-start-time\": %llu,\n    \"cgroup-path\": "
		"\"\",\n    \"rootfs\": \"rootfs\",\n    \"bundle\": \"/run/t/b\",\n    "
		"\"external_descriptors\": \"[\\\"/dev/null\\\"]\"\n}\n",
		pid, (unsigned long long)start);
	snprintf(name, sizeof name, "runtime/%s/status", id);
	scratch_write(name, text);
}

static bool read_of(const char *id, struct running *r, struct err *e)
{
	*e = (struct err){0};
	return running_read_at(dir, root, id, r, e) == 0;
}

static void refused(const char *id, const char *word, const char *what)
{
	struct running r = {0};
	struct err e = {0};

	ok(!read_of(id, &r, &e) && e.code == ERR_INPUT && strstr(e.msg, word) &&
			strstr(e.msg, "restart it through cinch"),
		"%s: %s", what, e.msg);
	ok(!r.record && !r.n, "%s: nothing is handed out", what);
	running_done(&r);
}

static void whole(void)
{
	struct running r = {0};
	AUTO_JSON struct json_doc *doc = json_new();
	char at[PATH_MAX], want[64], hash[HASH_HEX_SIZE];
	struct err e = {0};
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	hash_sha256_hex(restricted_text, strlen(restricted_text), hash);
	usleep(20000); /* more than a tick: the record is written later than the process began */
	ok(keep("box", false, &e) == 0, "kept: %s", e.msg);
	refused("box", "the runtime has no such container", "before the runtime has it");
	mkdir(scratch_path("runtime/box"), 0711);
	if (!ok(read_of("box", &r, &e), "a runtime that says nothing: %s", e.msg))
		return;
	ok(r.n == 1 && strcmp(r.p[0]->name, "tight") == 0 && r.p[0]->exec.allow &&
			strcmp(r.p[0]->digest, hash) == 0 && r.pid == 0,
		"the profile it was made under");
	tap_same(json_str(json_at(json_root(r.record), "/bundle")), "/run/b", "bundle");
	tap_same(json_str(json_at(json_root(r.record), "/rootfs")), "/run/b/rootfs", "rootfs");
	tap_same(json_str(json_at(json_root(r.record), "/process/path")), "/usr/bin:/bin",
		"of two PATHs the last");
	tap_same(json_str(json_at(json_root(r.record), "/process/cwd")), "/srv", "cwd");
	tap_same(json_str(json_at(json_root(r.record), "/process/capabilities/bounding/0")),
		"CAP_CHOWN", "capabilities");
	ok(running_root(&r, at, &e) == 0 && strcmp(at, "/run/b/rootfs") == 0,
		"without a process its root is where it was made from");
	ok(running_document(&r, doc, json_object(doc), &e) == 0, "document: %s", e.msg);
	{
		uint64_t host = 0;

		ok(json_at(json_root(doc), "/process") &&
				json_u64(json_at(json_root(doc), "/linux/uidMappings/0/hostID"),
					UINT64_MAX, &host) &&
				host == 100000 && !json_at(json_root(doc), "/linux/gidMappings"),
			"what passes judge");
	}
	running_done(&r);

	for (int i = 0; i < 2; i++) {
		const char *id = i ? "crun-box" : "box";

		if (i)
			crun_says(id, child, own_start(child));
		else
			runc_says(id, child, own_start(child));
		ok(keep(id, false, &e) == 0, "%s", e.msg);
		refused(id, "an earlier container", "an older process");
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(want, sizeof want, "/proc/%d/root", (int)child);
	for (int i = 0; i < 2; i++) {
		const char *id = i ? "crun-box" : "box";

		if (i)
			crun_says(id, child, own_start(child));
		else
			runc_says(id, child, own_start(child));
		ok(read_of(id, &r, &e) && r.pid == child, "%s: its process is known: %s", id,
			e.msg);
		ok(running_root(&r, at, &e) == 0 && strcmp(at, want) == 0, "%s: its root is %s", id,
			at);
		running_done(&r);
		if (i)
			crun_says(id, child, own_start(child) + 1);
		else
			runc_says(id, child, own_start(child) + 1);
		ok(read_of(id, &r, &e) && r.pid == 0, "%s: a pid that was used again is not", id);
		running_done(&r);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void another_container(void)
{
	const uint64_t second = (uint64_t)sysconf(_SC_CLK_TCK);
	struct running r = {0};
	struct err e = {0};
	uint64_t now;

	ok(keep("again", false, &e) == 0, "%s", e.msg);
	now = ticks_now();
	runc_says("again", 0x7ffffff0, now + 100 * second);
	ok(read_of("again", &r, &e), "a slow start: %s", e.msg);
	running_done(&r);
	runc_says("again", 0x7ffffff0, now + 200 * second);
	refused("again", "an earlier container", "the id was used again");
	runc_says("again", 0x7ffffff0, now - 2 * second);
	refused("again", "an earlier container", "one that was there before");
	ok(keep("again", true, &e) == 0, "%s", e.msg);
	runc_says("again", 0x7ffffff0, now + 200 * second);
	ok(read_of("again", &r, &e), "a slow restore: %s", e.msg);
	running_done(&r);
	runc_says("again", 0x7ffffff0, now - 2 * second);
	refused("again", "an earlier container", "restored after it");
}

/* What cannot be believed is as if it were not there: the record counts, the process is not known. */
static void odd_runtime(void)
{
	static const char *const odd[] = {"", "{", "[]", "{\"init_process_pid\":\"1\"}",
		"{\"init_process_pid\":1,\"init_process_start\":0}",
		"{\"init_process_pid\":-1,\"init_process_start\":5}",
		"{\"init_process_pid\":1,\"init_process_pid\":2,\"init_process_start\":5}"};
	struct running r = {0};
	struct err e = {0};
	char *huge = malloc(100001);

	ok(keep("odd", false, &e) == 0, "%s", e.msg);
	mkdir(scratch_path("runtime/odd"), 0711);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		scratch_write("runtime/odd/state.json", odd[i]);
		ok(read_of("odd", &r, &e) && r.pid == 0, "runtime says %s", odd[i]);
		running_done(&r);
	}
	memset(huge, ' ', 100000);
	huge[100000] = '\0';
	scratch_write("runtime/odd/state.json", huge);
	ok(read_of("odd", &r, &e) && r.pid == 0, "a file that does not end");
	running_done(&r);
	free(huge);
	runc_says("odd", 1, 1);
	chmod(scratch_path("runtime/odd/state.json"), 0666);
	ok(read_of("odd", &r, &e) && r.pid == 0, "a file that anybody may write");
	running_done(&r);
	unlink(scratch_path("runtime/odd/state.json"));
	mkfifo(scratch_path("runtime/odd/state.json"), 0600);
	ok(read_of("odd", &r, &e) && r.pid == 0, "a FIFO");
	running_done(&r);
	unlink(scratch_path("runtime/odd/state.json"));
	runc_says("else", 1, 1);
	if (symlink("../else/state.json", scratch_path("runtime/odd/state.json")) != 0)
		perror("symlink");
	ok(read_of("odd", &r, &e) && r.pid == 0, "a symbolic link");
	running_done(&r);
}

/* Two engines may use one id; each has its own container. */
static void two_roots(void)
{
	static const char text[] = "{\"profile\": \"loose\", \"version\": \"1\"}";
	AUTO_PROFILE struct profile *p = NULL;
	struct selection s = {.n = 1};
	struct running a = {0}, b = {0};
	char second[PATH_MAX];
	struct err e = {0};

	snprintf(second, sizeof second, "%s", scratch_path("second"));
	mkdir(second, 0711);
	mkdir(scratch_path("second/same"), 0711);
	mkdir(scratch_path("runtime/same"), 0711);
	keep("same", false, &e);
	if (profile_parse("loose.json", text, strlen(text), &p, &e) < 0)
		return;
	s.p[0] = p;
	state_write(dir, &(struct state_facts){.root = second, .id = "same", .profiles = &s}, &e);
	ok(read_of("same", &a, &e) && strcmp(a.p[0]->name, "tight") == 0, "of the first: %s",
		e.msg);
	ok(running_read_at(dir, second, "same", &b, &e) == 0 && strcmp(b.p[0]->name, "loose") == 0,
		"of the second: %s", e.msg);
	running_done(&a);
	running_done(&b);
}

static void no_record(void)
{
	mkdir(scratch_path("runtime/stranger"), 0711);
	refused("stranger", "no state record", "not of ours");
	refused("../x", "container id", "no id");
}

static void replaced(const char *id, const char *from, const char *to, const char *word)
{
	char command[4 * PATH_MAX];
	struct err e = {0};

	keep(id, false, &e);
	snprintf(command, sizeof command, "sed -i 's|%s|%s|' %s/cinch/*/%s.json", from, to,
		scratch_dir(), id);
	if (system(command) != 0) /* NOLINT(cert-env33-c): a test */
		perror("sed");
	refused(id, word, to);
}

static void damaged(void)
{
	mkdir(scratch_path("runtime/cut"), 0711);
	replaced("cut", "\"version\":2", "\"version\":1", "another cinch");
	replaced("cut", "\"version\":2", "\"version\":3", "another cinch");
	replaced("cut", "\"running\":", "\"runing\":", "not those of a container");
	replaced("cut", "\"exec\":", "\"exce\":", "unknown key");
	replaced("cut", "\"name\":\"tight\"", "\"name\":\"loose\"", "recorded as");
	replaced("cut", "\"profiles\":\\[.*\\],\"policy\"", "\"profiles\":[],\"policy\"",
		"names no profile");
	replaced("cut", "}$", "", "container cut");
}

/* ---- the record of the call ---- */

static void audited(void)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;
	AUTO_STR struct str text = STR_INIT;
	struct running r = {0};
	struct err e = {0};

	mkdir(scratch_path("runtime/seen"), 0711);
	keep("seen", false, &e);
	if (!ok(read_of("seen", &r, &e) && audit_begin(&a, "exec", &e) == 0, "%s", e.msg))
		return;
	ok(record_running(&a, NULL) == 0 && !json_get(a.record, "engine"), "nothing is known");
	ok(record_running(&a, json_root(r.record)) == 0, "facts of the container");
	tap_same(json_str(json_get(a.record, "engine")), "cri", "engine");
	tap_same(json_str(json_get(a.record, "pod")), "db-0", "pod");
	tap_same(json_str(json_at(a.record, "/image/name")), "postgres", "image");
	tap_same(json_str(json_at(a.record, "/profiles/0/name")), "tight", "profile");
	tap_same(json_str(json_at(a.record, "/policy/digest")), "cd", "policy");
	json_write(a.record, &text);
	ok(!strstr(str_text(&text), "/usr/bin:/bin") && !strstr(str_text(&text), "running"),
		"neither PATH nor the profile itself");
	running_done(&r);
}

static void cost(void)
{
	enum { TIMES = 2000 };
	struct timespec from, to;
	struct err e = {0};

	keep("quick", false, &e);
	runc_says("quick", getpid(), ticks_now());
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < TIMES; i++) {
		struct running r = {0};

		if (read_of("quick", &r, &e))
			running_done(&r);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("# %.1f us to read what a container is held to\n",
		((double)(to.tv_sec - from.tv_sec) * 1e6 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e3) /
			TIMES);
}

int main(void)
{
	shipped();
	every_member();
	commands_and_flags();

	snprintf(root, sizeof root, "%s", scratch_path("runtime"));
	mkdir(root, 0711);
	snprintf(dir, sizeof dir, "%s", scratch_path("cinch"));
	whole();
	another_container();
	odd_runtime();
	two_roots();
	no_record();
	damaged();
	audited();
	cost();
	return tap_done();
}
