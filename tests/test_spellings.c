/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spellings - the second opinion on args: runc and crun themselves.
 *
 * They are run with bundles that do not exist and name in their error the one they read. For every
 * accepted line both must read from the canonical form what args read; and where runc takes the line
 * as it was written, the same again. No container is ever started; no root is needed.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "shim/args.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "tests/tap.h"

enum { WORDS_MAX = 24, RANDOM_LINES = 120 };

static const char *const runtimes[][5] = {
	{"/usr/local/sbin/runc", "/usr/local/bin/runc", "/usr/sbin/runc", "/usr/bin/runc", NULL},
	{"/usr/local/sbin/crun", "/usr/local/bin/crun", "/usr/sbin/crun", "/usr/bin/crun", NULL}};
static char work[] = "/tmp/cinch-spellings-XXXXXX";

static const char *installed(int which)
{
	for (const char *const *p = runtimes[which]; *p; p++)
		if (access(*p, X_OK) == 0)
			return *p;
	return NULL;
}

/* Run PROGRAM and collect what it says; stdin is empty. */
static void run(const char *program, char *const *argv, struct str *said)
{
	char bytes[4096];
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		dup2(null, 0);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		if (chdir(work) == 0)
			execv(program, argv);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
		str_addn(said, bytes, (size_t)n);
	close(ends[0]);
	waitpid(pid, NULL, 0);
}

/* The runtime could not read the line. */
static bool complained(const char *said)
{
	static const char *const words[] = {"Incorrect Usage", "No help topic",
		"unrecognized option", "unknown command", "doesn't allow an argument",
		"requires an argument", "invalid option", "arguments", "USAGE:", "invalid value",
		"ambiguous", NULL};

	for (const char *const *w = words; *w; w++)
		if (strstr(said, *w))
			return true;
	return false;
}

/* What SAID shows when the runtime read what A holds. */
static void expected(const struct args *a, bool crun, struct str *out)
{
	const char *bundle = args_value(a, ARG_BUNDLE), *file = args_value(a, ARG_RESOURCES);

	if (crun && file && strcmp(file, "-") != 0)
		str_addf(out, "`%s`", file); /* opened before the container is looked up */
	else if (a->verb == VERB_EXEC || a->verb == VERB_UPDATE) {
		if (crun)
			str_addf(out, "/state/%s/", a->id);
		else
			str_add(out, "container does not exist");
	} else if (!bundle) {
		str_add(out, "config.json");
	} else if (crun) {
		str_addf(out, "`%s`", bundle);
	} else {
		str_addf(out, "chdir %s:", bundle);
	}
}

static void show(char *const *v, struct str *out)
{
	for (v++; *v; v++)
		str_addf(out, "%s%s", out->len ? " " : "", **v ? *v : "''");
}

/* Judge one line; returns whether it was accepted and compared. */
static bool compare(char **argv, int argc, const char *runc, const char *crun)
{
	AUTO_ARGS struct args a = {0};
	AUTO_STR struct str said = STR_INIT, want = STR_INIT, line = STR_INIT;
	struct err e = {0};

	show(argv, &line);
	if (args_parse(argc, argv, &a, &e) < 0 || a.verb == VERB_PASS || a.help)
		return false;
	for (int which = 0; which < 2; which++) {
		const char *program = which ? crun : runc;
		AUTO_FREE char **canonical = program ? args_emit(&a, program, &e) : NULL;

		if (!canonical || (which && a.verb == VERB_RESTORE))
			continue; /* crun may be built without restore */
		str_reset(&said);
		str_reset(&want);
		run(program, canonical, &said);
		expected(&a, which, &want);
		ok(strstr(str_text(&said), str_text(&want)), "%s reads \"%s\" in: %s",
			which ? "crun" : "runc", str_text(&want), str_text(&line));
		if (!strstr(str_text(&said), str_text(&want)))
			printf("# it said: %.300s\n", str_text(&said));
	}
	if (runc) {
		str_reset(&said);
		str_reset(&want);
		argv[0] = (char *)runc;
		run(runc, argv, &said);
		expected(&a, false, &want);
		if (!complained(str_text(&said)))
			ok(strstr(str_text(&said), str_text(&want)), "as written, too: %s",
				str_text(&line));
	}
	return true;
}

/* Options runc 1.1 and crun 1.8 both know, in spellings at least one of them takes. */
static const char *const lines[] = {
	"create --bundle /none/a id",
	"create -bundle /none/a id",
	"create -b /none/a id",
	"create -b=/none/a id",
	"create --b=/none/a id",
	"create --bundle=/none/a --bundle=/none/b id",
	"create --bundle --no-pivot id",
	"create --bundle -b id",
	"create --bundle -- id",
	"create --bundle - id",
	"create --bundle -b=/none/c id",
	"create --bundle=/none/a=b -- -id",
	"create --no-pivot -- --bundle",
	"create --no-pivot=true --pid-file /none/p --bundle /none/a id",
	"create --bundle /none/a --no-pivot=false --no-new-keyring=T id",
	"create --preserve-fds 2 --bundle /none/a -- id",
	"create --console-socket /none/s id",
	"create id",
	"run --detach --bundle /none/a id",
	"run -d -b /none/a id",
	"run -d=false -bundle=/none/a --no-subreaper id",
	"restore -no-subreaper --bundle /none/a id",
	"restore --detach=0 --image-path img --bundle /none/a -- id",
	"exec id ls -l",
	"exec -t -e A=1 -e B= -u 0:0 -c CAP_KILL id ls --tty",
	"exec --process /none/p --detach id",
	"exec --cwd - --env=A=B=C id -- ls",
	"exec -no-new-privs=1 -tty=F -- -id ls",
	"update --resources - id",
	"update -r /none/r id",
	"update --memory -1 --cpu-quota=-1 --pids-limit 100 --cpu-share 5 id",
	"update --cpuset-cpus - --cpuset-mems -- id",
};

/* Words that make trouble together. */
static const char *const pool[] = {"--bundle", "-bundle", "-b", "--bundle=/none/1", "-b=/none/2",
	"--b", "/none/3", "--pid-file", "-pid-file=/none/4", "--no-pivot", "-no-pivot=f",
	"--no-pivot=1", "--no-new-keyring", "--preserve-fds", "2", "--", "-", "id", "-id",
	"--console-socket=/none/5", "--bund", "-bX", "=", "--bundle=-"};

static int split(char *text, char **argv, int n)
{
	for (char *w = strtok(text, " "); w && n < WORDS_MAX; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
	return n;
}

/* Every line begins with a state directory of our own. */
static int begin(char **argv, char *root)
{
	argv[0] = (char *)"cinch";
	argv[1] = (char *)"--root";
	argv[2] = root;
	return 3;
}

int main(void)
{
	const char *runc = installed(0), *crun = installed(1);
	char root[sizeof work + 16], *argv[WORDS_MAX + 1];
	unsigned seed = 1, compared = 0;

	if (!mkdtemp(work))
		return 2;
	snprintf(root, sizeof root, "%s/state", work);
	if (mkdir(root, 0700) < 0)
		return 2;
	for (int which = 0; which < 2; which++)
		if (!(which ? crun : runc))
			tap_skip("the runtime's own reading", which ? "no crun" : "no runc");
	for (size_t i = 0; (runc || crun) && i < sizeof lines / sizeof lines[0]; i++) {
		AUTO_FREE char *text = strdup(lines[i]);
		int argc = split(text, argv, begin(argv, root));

		if (!compare(argv, argc, runc, crun))
			ok(false, "accepted: %s", lines[i]);
	}
	for (int i = 0; (runc || crun) && i < RANDOM_LINES; i++) {
		int argc = begin(argv, root), words = 1 + rand_r(&seed) % 6;

		argv[argc++] = (char *)(rand_r(&seed) % 2 ? "create" : "run");
		while (words-- > 0)
			argv[argc++] = (char *)
				pool[(unsigned)rand_r(&seed) % (sizeof pool / sizeof pool[0])];
		if (rand_r(&seed) % 4)
			argv[argc++] = (char *)"id";
		argv[argc] = NULL;
		compared += compare(argv, argc, runc, crun);
	}
	if (runc || crun)
		ok(compared >= 10, "%u of %d random lines were accepted", compared, RANDOM_LINES);
	rmdir(root);
	for (const char *const *d = (const char *const[]){"img", "checkpoint", "", NULL}; *d; d++) {
		snprintf(root, sizeof root, "%s/%s", work, *d);
		rmdir(root);
	}
	return tap_done();
}
