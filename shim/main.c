/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cinch - an OCI runtime that makes a container smaller and then becomes the real runtime.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "profiles/store.h"
#include "shim/args.h"
#include "shim/failure.h"
#include "shim/runtime.h"
#include "shim/runtime_of.h"
#include "shim/verb.h"
#include "shim/version.h"

/* --version is the runtime's: cinchctl doctor looks for this in the file */
__attribute__((used)) static const char *const version_mark = cinch_version_mark;

enum { EXIT_REFUSED = 1, EXIT_NO_RUNTIME = 127 }; /* as runc, and as a shell */

static int (*const verbs[VERB_COUNT])(const struct call *c, struct err *e) = {
	[VERB_PASS] = verb_pass,
	[VERB_CREATE] = verb_create,
	[VERB_RUN] = verb_create,
	[VERB_RESTORE] = verb_create,
	[VERB_EXEC] = verb_exec,
	[VERB_UPDATE] = verb_update,
};

/* The policy's runtime; that of the container where it can only be another. */
static int find_runtime(
	const struct args *args, const struct applied *applied, char out[PATH_MAX], struct err *e)
{
	char former[PATH_MAX], found[PATH_MAX];
	struct err why;

	if (runtime_find(applied->settings.runtime, out, e) < 0)
		return -1;
	if (runtime_of(args, out, former) && runtime_find(former, found, &why) == 0)
		memcpy(out, found, sizeof found);
	return 0;
}

/*
 * A caller that has closed one of the first three descriptors would get the runtime's own files there: its
 * log, open for writing, was a container's standard input. Ours neither.
 */
static void fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return;
}

/* Returns only when the runtime was not started. */
static void run(int argc, char *argv[], struct args *args, struct err *e)
{
	AUTO_APPLIED struct applied applied = {.from = APPLIED_BUILTIN};
	char runtime[PATH_MAX];
	struct call call = {
		.args = args, .applied = &applied, .program = argv[0], .runtime = runtime};
	struct err no_memory;
	bool ready = args_parse(argc, argv, args, e) == 0;

	if (args->verb != VERB_PASS)
		fill_standard();
	/* the policy also says where a refusal is recorded */
	if (store_open(NULL, &applied, ready ? e : &no_memory) < 0)
		return;
	if (ready && find_runtime(args, &applied, runtime, e) == 0)
		verbs[args->verb](&call, e);
	else if (args->verb != VERB_PASS)
		verb_refused(&call, e);
}

int main(int argc, char *argv[])
{
	AUTO_ARGS struct args args = {0};
	struct err e = {0};
	const char *format;

	run(argc, argv, &args, &e);
	signal(SIGXFSZ,
		SIG_IGN); /* a log at the caller's limit of file sizes must not hide the reason */
	format = args_value(&args, ARG_LOG_FORMAT);
	failure_tell(&e, args_value(&args, ARG_LOG), format && strcmp(format, "json") == 0);
	return e.code == ERR_NO_RUNTIME ? EXIT_NO_RUNTIME : EXIT_REFUSED;
}
