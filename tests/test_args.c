/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_args - the command line: every spelling of every option on every verb, and what is refused.
 */
#include "shim/args.h"

#include "shim/args_table.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "tests/tap.h"

enum { WORDS_MAX = 64 };

/* "a b" is two words; within one, ~ is a blank and ^ is nothing (so that "^" is an empty word). */
struct line {
	char *v[WORDS_MAX + 2];
	int n;
	char *text;
};

static void line_done(struct line *l)
{
	free(l->text);
}

#define AUTO_LINE __attribute__((cleanup(line_done)))

static struct line line_of(const char *text)
{
	struct line l = {.text = malloc(2 * strlen(text) + 16)};
	char *to = l.text;

	if (!to)
		abort();
	l.v[l.n++] = strcpy(to, "cinch");
	to += strlen(to) + 1;
	while (*text && l.n < WORDS_MAX) {
		l.v[l.n++] = to;
		for (; *text && *text != ' '; text++)
			if (*text != '^')
				*to++ = *text == '~' ? ' ' : *text;
		*to++ = '\0';
		text += *text == ' ';
	}
	return l;
}

static void join(char *const *v, struct str *out)
{
	for (; *v; v++) {
		if (out->len)
			str_addc(out, ' ');
		if (!**v)
			str_addc(out, '^');
		for (const char *p = *v; *p; p++)
			str_addc(out, *p == ' ' ? '~' : *p);
	}
}

/* What IN becomes: the emitted words, or "!" and the refusal. */
static void read_line(const char *in, struct str *out)
{
	AUTO_LINE struct line l = line_of(in);
	AUTO_ARGS struct args a = {0};
	AUTO_FREE char **v = NULL;
	struct err e = {0};

	if (args_parse(l.n, l.v, &a, &e) < 0) {
		str_addf(out, "!%s", e.msg);
		if (e.code != ERR_INPUT)
			str_addf(out, " (code %d)", e.code);
		return;
	}
	v = args_emit(&a, "rt", &e);
	if (!v)
		str_add(out, "(emit failed)");
	else
		join(v + 1, out);
}

/* WANT beginning with '!': refused, and the message has the rest in it. */
static void check(const char *in, const char *want)
{
	AUTO_STR struct str got = STR_INIT;

	read_line(in, &got);
	if (want[0] == '!')
		ok(str_text(&got)[0] == '!' && strstr(str_text(&got), want + 1), "%s -> %s (%s)",
			in, want, str_text(&got));
	else
		tap_same(str_text(&got), want, in);
}

struct pair {
	const char *in, *want;
};

/* What engines send, and the forms the two readers quarrel about. */
static const struct pair governed[] = {
	{"--root /r --log /l --log-format json create --bundle /b --pid-file /p id",
		"--root /r --log /l --log-format json create --bundle /b --pid-file /p -- id"},
	{"--log-format=json --log /l create --bundle /b --pid-file /p --console-socket /s id",
		"--log-format json --log /l create --bundle /b --pid-file /p --console-socket /s "
		"-- id"},
	{"--root /r exec --process /t/p --detach --pid-file /p id",
		"--root /r exec --process /t/p --detach --pid-file /p -- id"},
	{"restore --image-path i --work-path w --detach --pid-file p -no-subreaper --bundle b id",
		"restore --image-path i --work-path w --detach --pid-file p --no-subreaper "
		"--bundle b -- "
		"id"},
	{"update --resources - id", "update --resources=- -- id"},
	{"update --resources=/var/tmp/podman1 id", "update --resources /var/tmp/podman1 -- id"},
	{"run --bundle x x", "run --bundle x -- x"},
	{"-root /r -debug create -bundle=/b id", "--root /r --debug create --bundle /b -- id"},
	{"create -b=/b id", "create --bundle /b -- id"},
	{"create --b /b id", "create --bundle /b -- id"},
	{"create --bundle a --bundle b id", "create --bundle b -- id"},
	{"create --bundle a --pid-file p --bundle b id", "create --pid-file p --bundle b -- id"},
	{"create --bundle --no-pivot id", "create --bundle --no-pivot -- id"},
	{"create --bundle -- id", "create --bundle -- -- id"},
	{"create --bundle=a=b id", "create --bundle a=b -- id"},
	{"create --bundle a~ id", "create --bundle a~ -- id"},
	{"create -- id", "create -- id"},
	{"create -- -id", "create -- -id"},
	{"-- create id", "create -- id"},
	{"--root create create id", "--root create create -- id"},
	{"create id", "create -- id"},
	{"create --preserve-fds 2 id", "create --preserve-fds 2 -- id"},
	{"exec --env A=1 --env B= --env A=2 id sh", "exec --env A=1 --env B= --env A=2 -- id sh"},
	{"exec -e A=1 -e=B=2 -t -u 0:0 id sh -c exit~1",
		"exec --env A=1 --env B=2 --tty --user 0:0 -- id sh -c exit~1"},
	{"exec id -- ls", "exec -- id -- ls"},
	{"exec -- id ls --tty ^", "exec -- id ls --tty ^"},
	{"exec --process p id ls", "exec --process p -- id ls"},
	{"exec --tty=false id ls", "exec -- id ls"},
	{"exec --tty --tty=0 id ls", "exec -- id ls"},
	{"exec --tty=F -tty=T id ls", "exec --tty -- id ls"},
	{"exec --no-new-privs --no-new-privs=true id ls", "exec --no-new-privs -- id ls"},
	{"--systemd-cgroup=true --debug=false run id", "--systemd-cgroup run -- id"},
	{"--cgroup-manager=cgroupfs --log-level warning run --keep id",
		"--cgroup-manager cgroupfs --log-level warning run --keep -- id"},
	{"update --memory -1 --pids-limit 100 id", "update --memory -1 --pids-limit 100 -- id"},
	{"--cinch-profile baseline create id", "create -- id"},
	{"-cinch-profile=baseline --root /r create id", "--root /r create -- id"},
	{"--root /r --cinch-profile=a --cinch-profile a create id", "--root /r create -- id"},
	{"create --help", "create --help"},
	{"--root /r exec -h", "exec --help"},
	{"--help create id", "--help"},
	{"-v create --bundle x id", "--version"},
	{"--version=false create id", "create -- id"},

	{"create --config /other.json id", "!only config.json of the bundle is judged"},
	{"create -f=/other.json id", "!--config"},
	{"create --bund x id", "!unknown option \"bund\""},
	{"create --bundel x id", "!did you mean --bundle"},
	{"create ---bundle x id", "!unknown option"},
	{"create --=x id", "!unknown option"},
	{"create -= id", "!unknown option"},
	{"create id --bundle x", "!options stand before it"},
	{"create id other", "!stands behind the container id"},
	/* a variable at a wrong place: its value is no part of the message */
	{"update id TOKEN=hunter2", "!\"TOKEN=\" stands behind the container id"},
	{"exec -t TOKEN=hunter2 sh", "!container id \"TOKEN=\": only"},
	{"--env=TOKEN=hunter2 exec id sh", "!\"--env=\" is not understood"},
	{"create - id", "!container id"},
	{"create --root /r id", "!--root stands before the verb"},
	{"create --cinch-profile x id", "!--cinch-profile stands before the verb"},
	{"create --bundle= id", "!needs a value that is not empty"},
	{"create --bundle ^ id", "!needs a value that is not empty"},
	{"create --bundle", "!--bundle: needs a value"},
	{"create", "!create: needs a container id"},
	{"create --no-pivot=maybe id", "!--no-pivot=maybe: not a boolean"},
	{"create --no-pivot= id", "!not a boolean"},
	{"create -b x --bundle y id", "!one option: use one form"},
	{"exec -e A=1 --env B=2 id ls", "!one option: use one form"},
	{"exec -td id ls", "!unknown option \"td\""},
	{"exec id", "!needs a command or --process"},
	{"exec --no-new-privs=false id ls", "!--no-new-privs=false"},
	{"exec --no-new-privs --no-new-privs=0 id ls", "!--no-new-privs=false"},
	{"create --preserve-fds 0x3 id", "!a plain decimal count"},
	{"create --preserve-fds 010 id", "!a plain decimal count"},
	{"create --preserve-fds -1 id", "!a plain decimal count"},
	{"create --preserve-fds 1_0 id", "!a plain decimal count"},
	{"create --preserve-fds 9999999 id", "!a plain decimal count"},
	{"exec --user root id ls", "!UID or UID:GID"},
	{"exec --user +0 id ls", "!UID or UID:GID"},
	{"exec --user 0: id ls", "!UID or UID:GID"},
	{"exec --user 4294967296 id ls", "!UID or UID:GID"},
	{"exec --user 4294967295 id ls", "!UID or UID:GID"},
	{"exec --user 1:2:3 id ls", "!UID or UID:GID"},
	{"exec --additional-gids 1,2 id ls", "!a group number"},
	{"update --memory 512m id", "!no unit"},
	{"update --blkio-weight 65546 id", "!up to 65535"},
	{"update --cpu-period -5 id", "!a plain decimal number"},
	{"--log-format xml create id", "!text or json"},
	{"--rootless maybe create id", "!true, false or auto"},
	{"--root= create id", "!--root"},
	{"--log /dev/fd/3 create id", "!names a descriptor"},
	{"exec --process /proc/self/fd/63 id", "!names a descriptor"},
	{"create --bundle /proc/thread-self/cwd id", "!names a descriptor"},
	{"--log /dev/fd/2 create id", "--log /dev/fd/2 create -- id"},
	{"update -r /dev/fd/63 id", "update --resources /dev/fd/63 -- id"},
	{"--cinch-profile a --cinch-profile b create id", "!two different profiles"},
	{"--cinch-profile= create id", "!--cinch-profile"},
	{"create a/b", "!container id"},
	{"create ..", "!names a directory"},
	{"create .", "!names a directory"},
	{"create ^", "!container id: empty"},
	{"create a,b", "!container id"},
	{"create a~b", "!container id"},
};

static const struct pair passing[] = {
	{"", ""},
	{"--version", "--version"},
	{"-v", "-v"},
	{"--help", "--help"},
	{"--root /r state id", "--root /r state id"},
	{"--root=/r -log=/l --log-format json kill --all id 9",
		"--root=/r -log=/l --log-format json kill --all id 9"},
	{"--cinch-profile x --root /r delete --force id", "--root /r delete --force id"},
	{"--root /r --cinch-profile=x -cinch-profile y start id", "--root /r start id"},
	{"--cinch-profile x", ""},
	{"--cinch-profile create list -f json", "list -f json"},
	{"state --cinch-profile x", "state --cinch-profile x"},
	{"kill create KILL", "kill create KILL"},
	{"delete run", "delete run"},
	{"ps exec -ef", "ps exec -ef"},
	{"help create", "help create"},
	{"checkpoint --help", "checkpoint --help"},
	{"--root create state x", "--root create state x"},
	{"-- state create", "-- state create"},
	{"state -- a~b ^", "state -- a~b ^"},
	{"frobnicate --now", "frobnicate --now"},
	{"--bogus state id", "--bogus state id"},
	{"--bogus=create state id", "--bogus=create state id"},
	{"--log-format xml state id", "--log-format xml state id"},
	{"--debug=maybe state id", "--debug=maybe state id"},
	{"--root", "--root"},
	{"--root= state id", "--root= state id"},
	{"^", "^"},
	{"-", "-"},
	{"--", "--"},
	{"state ../../etc", "state ../../etc"},
	{"--log /dev/fd/3 state id", "--log /dev/fd/3 state id"},

	{"--bogus create id", "!whether \"create\" is the verb"},
	{"--bogus x state update", "!whether \"update\" is the verb"},
	{"--roo create exec id", "!whether"},
	{"--root= state create", "!--root"},
	{"--debug=maybe run id", "!--debug=maybe"},
	{"~create id", "!whether \"create\""},
	{"create~ id", "!whether \"create\""},
	{"frobnicate create id", "!whether \"create\""},
	{"^ create id", "!whether \"create\""},
	{"- create id", "!whether \"create\""},
	{"-- --root create id", "!whether \"create\""},
	{"--bogus --cinch-profile x state", "!put it first"},
	{"--bogus mounts add id m.json", "!whether \"mounts\""},
	{"mounts add id m.json", "!mounts: refused"},
	{"--cinch-profile", "!--cinch-profile: needs a value"},
	{"--cinch-profile= state x", "!--cinch-profile"},
};

static const char *sample_value(const struct args_option *o)
{
	switch (o->kind) {
	case KIND_LOG_FORMAT:
		return "json";
	case KIND_ROOTLESS:
		return "auto";
	case KIND_TEXT:
	case KIND_LIST:
		return "some/value";
	default:
		return "7";
	}
}

/* One option of one verb in every spelling: WORD comes from FMT with the name and the value. */
static void check_spelling(const char *verb, const struct args_option *o, const char *fmt,
	bool given, const char *name)
{
	AUTO_STR struct str in = STR_INIT, want = STR_INIT;
	const char *value = sample_value(o), *tail = strcmp(verb, "exec") == 0 ? " id cmd" : " id";
	bool global = o->where == ON_GLOBAL;

	if (!global)
		str_addf(&in, "%s ", verb);
	for (const char *p = fmt; *p; p++) {
		if (*p == 'N')
			str_add(&in, name);
		else if (*p == 'V')
			str_add(&in, value);
		else
			str_addc(&in, *p);
	}
	str_addf(&in, "%s%s%s", global ? " " : "", global ? verb : "", tail);
	if (given && global)
		str_addf(&want, "%s%s%s ", o->name, option_is_bool(o) ? "" : " ",
			option_is_bool(o) ? "" : value);
	str_addf(&want, "%s ", verb);
	if (given && !global)
		str_addf(&want, "%s%s%s ", o->name, option_is_bool(o) ? "" : " ",
			option_is_bool(o) ? "" : value);
	str_addf(&want, "--%s", tail);
	check(str_text(&in), str_text(&want));
}

static void check_matrix(const char *verb, const struct args_option *o)
{
	static const char *const valued[] = {"--N V", "--N=V", "-N V", "-N=V", NULL};
	static const char *const on[] = {
		"--N", "-N", "--N=true", "-N=1", "--N=t", "--N=T", "--N=TRUE", "--N=True", NULL};
	static const char *const off[] = {
		"--N=false", "-N=0", "--N=f", "--N=F", "--N=FALSE", "--N=False", "--N -N=0", NULL};
	char alias[2] = {o->alias, '\0'};

	for (int form = 0; form < (o->alias ? 2 : 1); form++) {
		const char *name = form ? alias : o->name + 2;
		const char *const *fmt = option_is_bool(o) ? on : valued;

		for (; *fmt; fmt++)
			check_spelling(verb, o, *fmt, true, name);
		for (fmt = off; option_is_bool(o) && o->opt != ARG_NO_NEW_PRIVS && *fmt; fmt++)
			check_spelling(verb, o, *fmt, false, name);
	}
}

/* Names cut short, options of another verb, and options behind the id are refused by name. */
static void check_refusals(enum args_verb v, const struct args_option *o)
{
	AUTO_STR struct str in = STR_INIT;
	const char *verb = args_verb_name(v), *value = option_is_bool(o) ? "" : " x";
	size_t len = strlen(o->name) - 3;
	bool mine = o->where & (1u << v), global = o->where == ON_GLOBAL;

	if (!mine) {
		str_addf(&in, "%s %s%s id cmd", verb, o->name, value);
		check(str_text(&in), global ? "!stands before the verb" : "!unknown option");
		str_reset(&in);
	}
	if (!global) {
		str_addf(&in, "%s%s %s id cmd", o->name, value, verb);
		check(str_text(&in), "!is not understood");
		str_reset(&in);
	}
	if (mine && v != VERB_EXEC) {
		str_addf(&in, "%s id %s%s", verb, o->name, value);
		check(str_text(&in), "!options stand before it");
		str_reset(&in);
	}
	if (mine && !option_find(o->name + 2, len, 1u << v)) {
		str_addf(&in, "%s --%.*s%s id cmd", verb, (int)len, o->name + 2, value);
		check(str_text(&in), "!unknown option");
	}
}

/* What each verb takes, from the help of runc 1.0 to 1.5 and crun; written apart from args_table.c. */
static const char *const takes[VERB_COUNT] = {
	[VERB_PASS] =
		"root log log-format debug systemd-cgroup rootless criu cgroup-manager log-level "
		"help h version v cinch-profile",
	[VERB_CREATE] =
		"bundle b config f console-socket pidfd-socket pid-file no-pivot no-new-keyring "
		"no-subreaper no-mount-fallback preserve-fds help h",
	[VERB_RUN] =
		"bundle b config f console-socket pidfd-socket pid-file no-pivot no-new-keyring "
		"no-subreaper no-mount-fallback preserve-fds detach d keep help h",
	[VERB_RESTORE] =
		"bundle b config f console-socket pidfd-socket pid-file image-path work-path "
		"tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode detach d "
		"no-subreaper no-pivot empty-ns auto-dedup lazy-pages link-remap lsm-profile "
		"lsm-mount-context no-mount-fallback help h",
	[VERB_EXEC] =
		"console-socket pidfd-socket cwd env e tty t user u additional-gids g process p "
		"detach d pid-file process-label apparmor no-new-privs cap c preserve-fds cgroup "
		"ignore-paused no-subreaper help h",
	[VERB_UPDATE] =
		"resources r blkio-weight cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period "
		"cpu-rt-runtime cpu-idle cpuset-cpus cpuset-mems memory memory-reservation "
		"memory-swap kernel-memory kernel-memory-tcp pids-limit l3-cache-schema "
		"mem-bw-schema help h",
};

static void test_table(void)
{
	for (int v = 0; v < VERB_COUNT; v++) {
		AUTO_LINE struct line own = line_of(takes[v]);

		for (int other = 0; other < VERB_COUNT; other++) {
			AUTO_LINE struct line all = line_of(takes[other]);

			for (int i = 1; i < all.n; i++) {
				bool want = false;

				for (int k = 1; k < own.n; k++)
					want = want || strcmp(own.v[k], all.v[i]) == 0;
				if ((option_find(all.v[i], strlen(all.v[i]), 1u << v) != NULL) !=
					want)
					ok(false, "%s takes %s%s",
						args_verb_name((enum args_verb)v), all.v[i],
						want ? "" : ", which it should not");
			}
		}
		ok(true, "the options of %s were compared", args_verb_name((enum args_verb)v));
	}
}

static void test_matrix(void)
{
	for (int v = VERB_CREATE; v < VERB_COUNT; v++)
		for (int i = 0; i < ARG_COUNT; i++) {
			const struct args_option *o = option_of((enum args_opt)i);

			if (!ok(o != NULL, "option %d has a row", i))
				continue;
			if (o->where == ON_GLOBAL || (o->where & (1u << v)))
				check_matrix(args_verb_name((enum args_verb)v), o);
			check_refusals((enum args_verb)v, o);
		}
}

static void test_values(void)
{
	AUTO_LINE struct line l = line_of("--root /r --log l --cinch-profile p exec -e A=1 -e B=2 "
					  "--process f --tty id cmd arg");
	AUTO_ARGS struct args a = {0};
	AUTO_FREE char **v = NULL;
	AUTO_STR struct str text = STR_INIT;
	char path[] = "/memfd";
	struct err e = {0};

	ok(args_parse(l.n, l.v, &a, &e) == 0, "parse: %s", e.msg);
	ok(a.verb == VERB_EXEC && a.n_command == 2, "verb and command");
	tap_same(a.id, "id", "id");
	tap_same(a.profile, "p", "profile");
	tap_same(args_value(&a, ARG_ROOT), "/r", "root");
	tap_same(args_value(&a, ARG_CWD), NULL, "cwd is not given");
	tap_same(args_nth(&a, ARG_ENV, 1), "B=2", "second variable");
	tap_same(args_nth(&a, ARG_ENV, 2), NULL, "no third variable");
	ok(args_has(&a, ARG_TTY) && !args_has(&a, ARG_DETACH), "booleans");
	ok(args_set(&a, ARG_PROCESS, path, &e) == 0 && args_set(&a, ARG_CWD, "-", &e) == 0 &&
			args_set(&a, ARG_DETACH, NULL, &e) == 0,
		"values are replaced and added");
	path[1] = 'X'; /* a copy was taken */
	args_unset(&a, ARG_ENV);
	a.n_command = 0;
	v = args_emit(&a, "/usr/bin/runc", &e);
	if (v)
		join(v, &text);
	tap_same(str_text(&text),
		"/usr/bin/runc --root /r --log l exec --tty --process /memfd --cwd=- --detach -- "
		"id",
		"emitted with the new values");
}

/* A refusal must reach the caller's log: what was understood is there. */
static void test_refused_tells(void)
{
	AUTO_LINE struct line l =
		line_of("--log /l --log-format json --cinch-profile p create --bogus id");
	AUTO_ARGS struct args a = {0};
	struct err e = {0};

	ok(args_parse(l.n, l.v, &a, &e) < 0, "refused");
	tap_same(e.msg, "create: unknown option \"bogus\"", "message");
	tap_same(args_value(&a, ARG_LOG), "/l", "log of a refused line");
	tap_same(args_value(&a, ARG_LOG_FORMAT), "json", "log format of a refused line");
	ok(a.verb == VERB_CREATE, "verb of a refused line");
}

static void test_many(void)
{
	char *v[2 * ARGS_GIVEN_MAX + 8] = {"cinch", "exec"};
	int n = 2;

	for (int options = 0; options <= ARGS_GIVEN_MAX; options++) {
		AUTO_ARGS struct args a = {0};
		struct err e = {0};

		v[n] = "id";
		v[n + 1] = "cmd";
		if (options >= ARGS_GIVEN_MAX - 1)
			ok(args_parse(n + 2, v, &a, &e) == 0 && a.n_given == (size_t)options,
				"%d options: %s", options, e.msg);
		v[n++] = "-e";
		v[n++] = "A=1";
	}
	{
		AUTO_ARGS struct args a = {0};
		struct err e = {0};

		ok(args_parse(n, v, &a, &e) < 0 && strstr(e.msg, "more than 512 options"),
			"one more is refused: %s", e.msg);
	}
}

static void test_id(void)
{
	char id[ARGS_ID_MAX + 2];
	struct err e = {0};

	memset(id, 'a', sizeof id);
	id[ARGS_ID_MAX] = '\0';
	ok(args_id_ok(id, &e) == 0, "1024 bytes are an id");
	id[ARGS_ID_MAX] = 'a';
	id[ARGS_ID_MAX + 1] = '\0';
	ok(args_id_ok(id, &e) < 0 && strstr(e.msg, "longer than 1024"), "1025 bytes are not: %s",
		e.msg);
	for (int c = 1; c < 256; c++) {
		char one[] = {'x', (char)c, '\0'};
		bool want = strchr(
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-", c);

		if ((args_id_ok(one, &e) == 0) != want)
			ok(false, "byte 0x%02x in an id", c);
	}
	ok(true, "every byte in an id was judged");
}

int main(void)
{
	struct args a = {0};
	struct err e = {0};
	char *const none[] = {NULL};

	for (size_t i = 0; i < sizeof governed / sizeof governed[0]; i++)
		check(governed[i].in, governed[i].want);
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
		check(passing[i].in, passing[i].want);
	test_table();
	test_matrix();
	test_values();
	test_refused_tells();
	test_many();
	test_id();
	ok(args_parse(0, none, &a, &e) == 0 && a.verb == VERB_PASS, "no words at all");
	args_done(&a);
	return tap_done();
}
