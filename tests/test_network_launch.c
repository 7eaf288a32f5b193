/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_network_launch - the built program: what a container whose profile speaks of the network gets from
 * cinch, and what keeps it from starting.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netseg/registry.h"
#include "profiles/store.h"
#include "shim/base/cleanup.h"
#include "shim/spec.h"
#include "shim/state.h"
#include "tests/apply.h"
#include "tests/launch_rig.h"
#include "tests/tap.h"

#define HOOK "/run/cinch-hook" /* beside the program of the rig */
#define ROOT "/run/rt"
#define BUNDLE "/run/b/box"

#define PROFILE(name, more)                                                                        \
	"{\"profile\":\"" name "\",\"version\":\"2\",\"user\":{\"root\":\"allow\"},"               \
	"\"namespaces\":{\"host\":[\"cgroup\",\"network\"]}," more "}"

static const char plain[] = PROFILE("plain", "\"description\":\"of no network\"");
static const char closed[] = PROFILE("closed",
	"\"network\":{\"preset\":\"isolated\",\"segment\":\"web\",\"lift\":[\"dns\"],"
	"\"metadata\":\"allow\",\"egress\":[{\"to\":[\"segment:db\",\"10.0.0.0/8\"],"
	"\"ports\":[\"tcp/5432\",\"icmp\"]}]}");
static const char watched[] = PROFILE("watched",
	"\"audit\":[\"network\"],\"network\":{\"preset\":\"private\",\"segment\":\"watchers\"}");
static const char learner[] = PROFILE("learner", "\"network\":{\"mode\":\"learn\"}");
static const char learns[] = PROFILE("learns", "\"mode\":\"learn\",\"network\":{}");
static const char off[] = PROFILE("off", "\"network\":{\"mode\":\"off\"}");
static const char member[] = PROFILE("member", "\"network\":{\"mode\":\"off\",\"segment\":\"m\"}");
static const char kept[] = PROFILE(
	"kept", "\"audit\":[\"capabilities\",\"exec\"],\"exec\":{\"allow\":true},\"network\":{}");

#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, name, sizeof name - 1                                                       \
	}
static const struct policy_text more[] = {TEXT(plain), TEXT(closed), TEXT(watched), TEXT(learner),
	TEXT(learns), TEXT(off), TEXT(member), TEXT(kept)};

static void apply(const char *node)
{
	apply_policy(STORE_DIR, node, more, sizeof more / sizeof *more, NULL);
}

static void install_hook(mode_t mode)
{
	launch_write(HOOK, "#!/bin/sh\n");
	chmod(HOOK, mode);
}

/* ---- one launch and what it left ---- */

struct outcome {
	struct launched l;
	struct json_doc *config, *state; /* NULL: there is none */
	char record[PATH_MAX], key[NET_KEY_SIZE];
};

static void outcome_done(struct outcome *o)
{
	launched_done(&o->l);
	json_free(o->config);
	json_free(o->state);
}
#define AUTO_OUTCOME __attribute__((cleanup(outcome_done)))

static struct json_doc *parsed(const char *path)
{
	AUTO_FREE char *text = launch_read(path);
	struct json_doc *doc = NULL;
	struct err e;

	if (text)
		(void)json_parse(text, strlen(text), &spec_limits, 0, &doc, &e);
	return doc;
}

/* The bundle as it lies there. */
static struct outcome again(const char *options, const char *verb)
{
	struct outcome o = {.config = NULL};
	char line[256];
	struct err e = {0};

	snprintf(line, sizeof line, "--root " ROOT " %s %s --bundle " BUNDLE " box", options, verb);
	o.l = launch_run(NULL, line);
	o.config = parsed(BUNDLE "/config.json");
	if (state_path(RIG_STATE, ROOT, "box", o.record, &e) < 0 ||
		registry_key(ROOT, "box", o.key, &e) < 0)
		printf("# %s\n", e.msg);
	o.state = parsed(o.record);
	return o;
}

/* The document of an ordinary container, its annotation naming PROFILE (NULL: none); without CAPABILITY (NULL:
 * with all it has). */
static struct outcome create_without(
	const char *options, const char *profile, const char *capability)
{
	AUTO_FREE char *text = launch_sample("ctr-default.json");
	AUTO_JSON struct json_doc *doc = NULL;
	AUTO_STR struct str out = STR_INIT;
	struct err e = {0};
	struct json *notes;

	if (json_parse(text, strlen(text), &spec_limits, 0, &doc, &e) < 0)
		exit(2);
	notes = json_object(doc);
	if (profile)
		json_put(doc, notes, "io.cinch.profile", json_string(doc, profile));
	json_put(doc, json_root(doc), "annotations", notes);
	json_each (set, json_at(json_root(doc), "/process/capabilities"))
		json_each_safe (v, set)
			if (capability && strcmp(v->text, capability) == 0)
				json_remove(v);
	json_write(json_root(doc), &out);
	launch_bundle(BUNDLE, str_text(&out));
	state_forget(RIG_STATE, ROOT, "box");
	return again(options, "create");
}

static struct outcome create(const char *options, const char *profile)
{
	return create_without(options, profile, NULL);
}

static const struct json *config_at(const struct outcome *o, const char *pointer)
{
	return o->config ? json_at(json_root(o->config), pointer) : NULL;
}

static const char *network_text(const struct outcome *o, const char *pointer)
{
	const struct json *v =
		o->state ? json_at(json_get(json_root(o->state), "network"), pointer) : NULL;

	return json_str(v) ? json_str(v) : "";
}

static bool has_network(const struct outcome *o)
{
	return o->state && json_get(json_root(o->state), "network");
}

static size_t hooks(const struct outcome *o)
{
	const struct json *create_runtime = config_at(o, "/hooks/createRuntime");
	const struct json *poststop = config_at(o, "/hooks/poststop");

	return (create_runtime ? create_runtime->count : 0) + (poststop ? poststop->count : 0);
}

static bool notes(const struct outcome *o, const char *words)
{
	json_each (c, o->l.record ? json_get(json_root(o->l.record), "changes") : NULL) {
		const char *why = json_str(json_get(c, "why"));

		if (why && strstr(why, words))
			return true;
	}
	return false;
}

/* ---- what it gets ---- */

static void test_none(void)
{
	static const char *const of[] = {"plain", "off", "restricted"};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char options[64];
		AUTO_OUTCOME struct outcome o = {.config = NULL};

		snprintf(options, sizeof options, "--cinch-profile %s", of[i]);
		o = create(options, NULL);
		ok(o.l.status == 0 && o.l.started, "%s: %s", of[i], o.l.err);
		ok(hooks(&o) == 0 && o.state && !has_network(&o), "no hook and no rules");
	}
}

static void test_enforced(void)
{
	AUTO_OUTCOME struct outcome o = create("--cinch-profile closed", NULL);
	static const struct {
		const char *at, *want;
	} config[] = {{"/hooks/createRuntime/0/path", HOOK},
		{"/hooks/createRuntime/0/args/0", "cinch-hook"},
		{"/hooks/createRuntime/0/args/1", "create"}, {"/hooks/poststop/0/args/1", "delete"},
		{"/hooks/poststop/0/args/2", RIG_STATE "/net"},
		{"/hooks/createRuntime/0/env/0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		{"/hooks/poststop/0/env/0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}},
	  network[] = {{"/title", "box"}, {"/policies/0/profile", "closed"},
		  {"/policies/0/mode", "enforce"}, {"/policies/0/preset", "isolated"},
		  {"/policies/0/metadata", "allow"}, {"/policies/0/lift/0", "dns"},
		  {"/policies/0/egress/0/to/1", "10.0.0.0/8"},
		  {"/policies/0/egress/0/ports/1", "icmp"}, {"/segments/0", "web"},
		  {"/resolvers/0", "10.96.0.10"}, {"/nodeAddresses/0", "192.0.2.7"},
		  {"/metadataAddresses/0", "192.0.2.254"}, {"/netns", ""}};
	const struct json *timeout = config_at(&o, "/hooks/createRuntime/0/timeout");

	ok(o.l.status == 0 && o.l.started, "it starts: %s", o.l.err);
	ok(hooks(&o) == 2, "one hook for the create, one for the end");
	for (size_t i = 0; i < sizeof config / sizeof *config; i++)
		tap_same(json_str(config_at(&o, config[i].at)), config[i].want, config[i].at);
	tap_same(json_str(config_at(&o, "/hooks/createRuntime/0/args/2")), o.record,
		"the record is the one that was written");
	tap_same(json_str(config_at(&o, "/hooks/poststop/0/args/3")), o.key, "and the key its own");
	ok(timeout && strcmp(timeout->text, "10") == 0, "ten seconds");
	for (size_t i = 0; i < sizeof network / sizeof *network; i++)
		tap_same(network_text(&o, network[i].at), network[i].want, network[i].at);
	ok(notes(&o, "enforce, preset isolated, segment web"), "the log says so");
	tap_same(launched_text(&o.l, "/result"), "changed", "result");
}

/* The bundle of an earlier start. */
static void test_twice(void)
{
	AUTO_OUTCOME struct outcome first = create("--cinch-profile closed", NULL);
	AUTO_OUTCOME struct outcome second = {.config = NULL}, third = {.config = NULL};

	second = again("--cinch-profile closed", "run");
	ok(second.l.started && hooks(&second) == 2, "the entries stand once: %zu (%s)",
		hooks(&second), second.l.err);
	ok(first.config && second.config &&
			json_equal(json_root(first.config), json_root(second.config)),
		"and the document is the same");
	third = again("--cinch-profile plain", "create");
	ok(third.l.started && hooks(&third) == 0, "a profile of no network: they are gone: %s",
		third.l.err);
}

/* Only what looks like ours in every way is ours. */
static void test_foreign(void)
{
	AUTO_OUTCOME struct outcome o = {.config = NULL};
	AUTO_OUTCOME struct outcome first = create("--cinch-profile closed", NULL);
	AUTO_STR struct str out = STR_INIT;
	struct json *args;

	if (!first.config) {
		ok(false, "%s", first.l.err);
		return;
	}
	args = (struct json *)config_at(&first, "/hooks/createRuntime/0/args/1");
	json_replace(args, json_string(first.config, "serve"));
	json_write(json_root(first.config), &out);
	launch_write(BUNDLE "/config.json", str_text(&out));
	o = again("--cinch-profile closed", "create");
	ok(!o.l.started && strstr(o.l.err, "cinch-hook is not allowed"), "refused: %s", o.l.err);
}

static void test_modes(void)
{
	static const struct {
		const char *profile, *mode, *segment;
	} rows[] = {{"watched", "audit", "watchers"}, {"learner", "learn", ""},
		{"learns", "learn", ""}, {"member", "off", "m"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char options[64];
		AUTO_OUTCOME struct outcome o = {.config = NULL};

		snprintf(options, sizeof options, "--cinch-profile %s", rows[i].profile);
		o = create(options, NULL);
		ok(o.l.status == 0 && o.l.started && hooks(&o) == 2, "%s: %s", rows[i].profile,
			o.l.err);
		tap_same(network_text(&o, "/policies/0/mode"), rows[i].mode, "mode");
		tap_same(network_text(&o, "/segments/0"), rows[i].segment, "segment");
	}
}

/* An annotation adds a policy and makes nobody a member. */
static void test_two(void)
{
	AUTO_OUTCOME struct outcome both = create("--cinch-profile closed", "watched");
	AUTO_OUTCOME struct outcome other = create("--cinch-profile plain", "closed");

	ok(both.l.started && hooks(&both) == 2, "two profiles: %s", both.l.err);
	tap_same(network_text(&both, "/policies/0/mode"), "enforce", "the first enforces");
	tap_same(network_text(&both, "/policies/1/mode"), "audit", "the second audits");
	tap_same(network_text(&both, "/segments/0"), "web", "segment of the first");
	tap_same(network_text(&both, "/segments/1"), "", "and of no other");
	ok(other.l.started && hooks(&other) == 2, "the annotation's alone: %s", other.l.err);
	tap_same(network_text(&other, "/policies/0/profile"), "closed", "its policy");
	tap_same(network_text(&other, "/segments/0"), "", "not its segment");
}

/* ---- what keeps it from starting ---- */

static void test_no_hook(void)
{
	AUTO_OUTCOME struct outcome missing = {.config = NULL}, watching = {.config = NULL};
	AUTO_OUTCOME struct outcome writable = {.config = NULL}, none = {.config = NULL};

	unlink(HOOK);
	missing = create("--cinch-profile closed", NULL);
	ok(missing.l.status == 1 && !missing.l.started &&
			strstr(missing.l.err, "install cinch-hook beside cinch"),
		"missing: %s", missing.l.err);
	ok(!missing.state && hooks(&missing) == 0, "nothing is left of it");
	tap_same(launched_text(&missing.l, "/result"), "failed", "result");
	watching = create("--cinch-profile watched", NULL);
	ok(watching.l.started && hooks(&watching) == 0 && !has_network(&watching) &&
			notes(&watching, "nothing of the network is counted"),
		"where nothing is refused, it starts without: %s", watching.l.err);
	none = create("--cinch-profile plain", NULL);
	ok(none.l.started, "and who needs no rules, too: %s", none.l.err);
	install_hook(0777);
	writable = create("--cinch-profile closed", NULL);
	ok(!writable.l.started && strstr(writable.l.err, "not writable by others"),
		"one that anybody may write: %s", writable.l.err);
	install_hook(0755);
}

static void test_no_record(void)
{
	AUTO_OUTCOME struct outcome enforced = {.config = NULL}, watching = {.config = NULL};

	if (rename(RIG_STATE, RIG_STATE ".away") < 0)
		perror(RIG_STATE);
	launch_write(RIG_STATE, "no directory");
	enforced = create("--cinch-profile closed", NULL);
	ok(!enforced.l.started && strstr(enforced.l.err, "need a state record"),
		"no record, no start: %s", enforced.l.err);
	watching = create("--cinch-profile watched", NULL);
	ok(watching.l.started && hooks(&watching) == 0, "but where nothing is refused: %s",
		watching.l.err);
	unlink(RIG_STATE);
	if (rename(RIG_STATE ".away", RIG_STATE) < 0)
		perror(RIG_STATE);
}

static void test_capabilities(void)
{
	AUTO_OUTCOME struct outcome o = create("--cinch-profile kept", NULL);

	ok(o.l.status == 1 && !o.l.started &&
			strstr(o.l.err, "network: CAP_NET_RAW stays, and with it"),
		"what would go past the rules is refused: %s", o.l.err);
	ok(!o.state, "and no record is left");
}

#define PROCESS(caps)                                                                              \
	"{\"args\":[\"sh\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0},"                         \
	"\"capabilities\":{\"bounding\":[" caps "],\"effective\":[" caps "],"                      \
	"\"permitted\":[" caps "]}}"

/* What create took away, exec does not bring back. */
static void test_exec(void)
{
	static const struct {
		const char *text, *refused;
	} rows[] = {{PROCESS("\"CAP_CHOWN\""), NULL},
		{PROCESS("\"CAP_CHOWN\",\"CAP_NET_ADMIN\""),
			"kept: network: CAP_NET_ADMIN stays, and with it"}};
	AUTO_OUTCOME struct outcome o = create_without("--cinch-profile kept", NULL, "CAP_NET_RAW");

	ok(o.l.started && hooks(&o) == 2, "a container whose capabilities are only reported: %s",
		o.l.err);
	launch_dir(ROOT "/box");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO_LAUNCHED struct launched l = {0};

		launch_write("/run/p.json", rows[i].text);
		l = launch_run(NULL, "--root " ROOT " exec --process /run/p.json box");
		ok(l.started == !rows[i].refused &&
				(!rows[i].refused || strstr(l.err, rows[i].refused)),
			"exec: %s", l.err);
	}
	rmdir(ROOT "/box");
}

static void test_node_audits(void)
{
	AUTO_OUTCOME struct outcome o = {.config = NULL}, caps = {.config = NULL};

	apply("{\"mode\": \"audit\"}");
	o = create("--cinch-profile closed", NULL);
	ok(o.l.started && hooks(&o) == 2, "it starts, with hooks: %s", o.l.err);
	tap_same(network_text(&o, "/policies/0/mode"), "audit", "that only count");
	tap_same(launched_text(&o.l, "/result"), "audited", "result");
	caps = create("--cinch-profile kept", NULL);
	ok(caps.l.started, "no capability keeps it from starting: %s", caps.l.err);
}

/* ---- verbs that pass ---- */

#define HOOKED "/run/hooked"

/* A hook that writes down how it was called, reads what it can get hold of, and does what it is called for as far as
 * that makes a difference here; but not when /run/lazy is there. */
static void telling_hook(void)
{
	launch_write(HOOK,
		"#!/bin/sh\n"
		"[ -e /run/lazy ] || case $1 in gone) rm -f \"$2/containers/$3\" ;;\n"
		"tidy) rm -f \"$2/stale\" \"$2/members\"; : >" HOOKED "; exit 0 ;; esac\n"
		"{ echo \"$@\"; tr '\\0' ' ' </proc/$$/environ; echo; ls /proc/$$/fd | tr "
		"'\\n' ' '; cat; } >" HOOKED "\n"
		"echo last words >&2; exit 3\n");
	chmod(HOOK, 0755);
	unlink(HOOKED);
}

/* What the hook wrote down when VERB passed; NULL: it was not run. */
static char *hooked_by(const char *verb)
{
	char line[128];
	AUTO_LAUNCHED struct launched l = {0};

	snprintf(line, sizeof line, "--root " ROOT " %s%s", verb, strchr(verb, ' ') ? "" : " box");
	l = launch_run_with(NULL, line, "/etc");
	ok(l.status == 0 && l.started && !*l.err, "%s: the runtime, and nothing on stderr: %s",
		verb, l.err);
	return launch_read(HOOKED);
}

static void entry(const char *kind, bool there)
{
	char path[PATH_MAX], key[NET_KEY_SIZE];
	struct err e;

	registry_key(ROOT, "box", key, &e);
	snprintf(path, sizeof path, RIG_STATE "/net/%s", kind);
	launch_dir(path);
	snprintf(path, sizeof path, RIG_STATE "/net/%s/%s", kind, key);
	if (there)
		launch_write(path, "");
	else
		unlink(path);
}

static void test_start(void)
{
	char want[256], key[NET_KEY_SIZE];
	AUTO_FREE char *none = NULL, *late = NULL, *gone = NULL;
	struct err e;

	registry_key(ROOT, "box", key, &e);
	snprintf(want, sizeof want,
		"start " RIG_STATE "/net %s\nPATH=/usr/sbin:/usr/bin:/sbin:/bin \n", key);
	telling_hook();
	if (dup2(STDOUT_FILENO, 5) != 5) /* the engine's, for the runtime */
		perror("dup2");
	none = hooked_by("start");
	ok(!none, "a start with its network needs nothing: %s", none ? none : "");
	entry("late", true);
	late = hooked_by("start");
	ok(late && str_starts(late, want),
		"a late one is completed, with that environment alone: %s", late ? late : "");
	/* sh itself has some from 10 on */
	ok(late && strstr(late, "\n0 1 1") && !strstr(late, " 5 "),
		"with none of the engine's descriptors");
	close(5);
	unlink(HOOK);
	unlink(HOOKED);
	gone = hooked_by("start");
	ok(!gone, "no hook, and it starts all the same");
	entry("late", false);
}

static void test_delete(void)
{
	char want[256], key[NET_KEY_SIZE];
	AUTO_FREE char *living = NULL, *none = NULL, *vanished = NULL;
	struct err e;

	registry_key(ROOT, "box", key, &e);
	snprintf(want, sizeof want, "gone " RIG_STATE "/net %s\n", key);
	telling_hook();
	entry("containers", true);
	launch_dir(ROOT "/box");
	living = hooked_by("delete");
	ok(!living, "what the runtime knows has its own hooks: %s", living ? living : "");
	rmdir(ROOT "/box");
	vanished = hooked_by("delete --force box");
	ok(vanished && str_starts(vanished, want), "what vanished is taken away: %s",
		vanished ? vanished : "");
	unlink(HOOKED);
	entry("containers", false);
	none = hooked_by("delete");
	ok(!none, "nothing known, nothing done");
	install_hook(0755);
}

/* ---- whoever is gone ---- */

#define MEMBERS RIG_STATE "/net/members"

/* A line of a member whose process is PID. */
static void write_member(pid_t pid)
{
	char line[128];

	snprintf(line, sizeof line, "c123456789ab %d 7 4 9 in web - 10.0.0.1\n", (int)pid);
	launch_write(MEMBERS, line);
}

static pid_t ended(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static bool tidied(const char *options, const char *why)
{
	AUTO_OUTCOME struct outcome o = {.config = NULL};
	AUTO_FREE char *ran = NULL;

	unlink(HOOKED);
	o = create(options, NULL);
	ok(o.l.status == 0 && o.l.started, "%s: it starts: %s", why, o.l.err);
	ran = launch_read(HOOKED);
	return ran != NULL;
}

/* Whom a vanished member's address may be given to next, whatever profile it has. */
static void test_tidy(void)
{
	static const char any[] = "--cinch-profile plain";
	AUTO_FREE char *run = NULL;

	telling_hook();
	launch_dir(RIG_STATE "/net");
	ok(!tidied(any, "no members"), "nothing is run");
	write_member(getpid());
	ok(!tidied(any, "a member lives"), "nothing is run");
	write_member(ended());
	run = hooked_by("delete other");
	ok(!run, "a delete: whoever has ended may be about to be deleted: %s", run ? run : "");
	ok(tidied(any, "a member has ended"), "it is taken out");
	ok(!tidied(any, "no longer"), "once");
	write_member(ended());
	ok(!tidied("--cinch-profile closed", "a member has ended"),
		"who has hooks does the same by them");
	launch_write(MEMBERS, "nonsense\n");
	ok(tidied(any, "a damaged file"), "it is looked at");
	launch_write("/run/lazy", "");
	write_member(ended());
	ok(tidied(any, "it is of no use"), "it is tried");
	ok(!tidied(any, "and again"), "not every time");
	unlink("/run/lazy");
	unlink(RIG_STATE "/net/tried");
	unlink(MEMBERS);
}

/* Nobody told the runtime, which has nothing of it any more: the record goes at the next launch or delete, and what
 * was written down of its rules with it. */
static void test_record_gone(void)
{
	AUTO_OUTCOME struct outcome o = create("--cinch-profile closed", NULL);
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	AUTO_FREE char *run = NULL, *later = NULL;

	telling_hook();
	entry("containers", true);
	utimensat(AT_FDCWD, o.record, old, 0);
	launch_write("/run/lazy", "");
	run = hooked_by("delete other");
	ok(run && str_starts(run, "tidy " RIG_STATE "/net\n"),
		"rules of a container whose record goes are taken away: %s", run ? run : "");
	ok(access(o.record, F_OK) < 0 && access(RIG_STATE "/net/stale", F_OK) == 0,
		"in vain: it is not forgotten");
	unlink("/run/lazy");
	unlink(RIG_STATE "/net/tried");
	unlink(HOOKED);
	later = hooked_by("delete other");
	ok(later && access(RIG_STATE "/net/stale", F_OK) < 0, "the next one does it");
	entry("containers", false);
	install_hook(0755);
}

int main(void)
{
	const char *why = launch_world();

	if (why) {
		tap_skip("launches", why);
		return tap_done();
	}
	install_hook(0755);
	apply("{\"network\": {\"resolvers\": [\"10.96.0.10\"], \"nodeAddresses\": [\"192.0.2.7\"],"
	      " \"metadataAddresses\": [\"192.0.2.254\"]}}");
	test_none();
	test_enforced();
	test_twice();
	test_foreign();
	test_modes();
	test_two();
	test_no_hook();
	test_no_record();
	test_capabilities();
	test_exec();
	test_start();
	test_delete();
	test_tidy();
	test_record_gone();
	test_node_audits();
	return tap_done();
}
