/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook - cinch-hook: what a runtime runs at createRuntime and poststop, and cinch at start and delete.
 *
 *	cinch-hook create RECORD [json|text LOG]
 *					RECORD is the state record; the container's state (OCI) is on stdin. LOG is the
 *					runtime's, which itself would only say there that a hook has failed
 *	cinch-hook delete DIR KEY	DIR is the registry, KEY the container's in it
 *	cinch-hook gone DIR KEY		the same, unless its process lives
 *	cinch-hook start DIR KEY	its network is complete by now
 *	cinch-hook tidy DIR		whoever is gone is taken out of it
 *
 * One line on stderr says what was the matter: the runtime puts it into its own error. Runtimes kill a hook that
 * takes too long without a word, so this one ends by itself before.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netseg/install.h"
#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/base/json.h"
#include "shim/failure.h"
#include "shim/journal.h"

enum {
	DEADLINE = 8, /* seconds; the hook's entry says 10 */
	START_DEADLINE = 4,
	STATE_MAX = 1 << 20,
	HEAP = 1 << 20,
	RECORD_MAX = 8 << 20,
	USAGE = 2,
};

static const struct json_limits limits = {RECORD_MAX, 64, 1 << 20};

/* What a failure ends with: that of a container nothing is refused to never keeps it from starting. */
static volatile sig_atomic_t failed = 1;

/* Where a failure of create has to be said, too: a format and a path. */
static char *const *runtimes_log;

#define TOO_LATE "cinch-hook: the rules of the network were not in force in time"

/* As journal_tell does, which cannot be called in a signal's handler: it may have come amidst of malloc. */
static void tell_too_late(void)
{
	static const struct {
		struct sockaddr_un at;
		const char *text;
		size_t len;
	} ways[] = {
		{{AF_UNIX, "/run/systemd/journal/socket"},
			"MESSAGE=" TOO_LATE "\nPRIORITY=4\nSYSLOG_IDENTIFIER=cinch\n",
			sizeof "MESSAGE=" TOO_LATE "\nPRIORITY=4\nSYSLOG_IDENTIFIER=cinch\n" - 1},
		{{AF_UNIX, "/dev/log"}, "<84>cinch: " TOO_LATE, sizeof "<84>cinch: " TOO_LATE - 1},
	};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	for (size_t i = 0; fd >= 0 && i < sizeof ways / sizeof *ways; i++)
		if (sendto(fd, ways[i].text, ways[i].len, MSG_NOSIGNAL | MSG_DONTWAIT,
			    (const struct sockaddr *)&ways[i].at, sizeof ways[i].at) >= 0)
			return;
}

static void too_late(int signal)
{
	static const char line[] = TOO_LATE "\n";

	(void)signal;
	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	tell_too_late();
	_exit(failed);
}

/* The caller may have the signal blocked. */
static void set_deadline(void)
{
	const struct sigaction late = {.sa_handler = too_late};
	sigset_t set;

	sigaction(SIGALRM, &late, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm(DEADLINE);
}

/* To stderr, and to the journal: crun leaves a hook's words out of its own error, and runc those of one that ends
 * well. */
static void tell(const char *verb, int level, const char *text, const char *then)
{
	AUTO_STR struct str line = STR_INIT;
	struct err why;

	fprintf(stderr, "cinch-hook: %s\n", text);
	str_addf(&line, "cinch-hook %s: %s%s", verb, text, then);
	if (!str_failed(&line))
		(void)journal_tell(&journal_sockets, level, str_text(&line), &why);
}

static int report(const char *verb, const struct err *e)
{
	const char *then = failed ? ""
			   : strcmp(verb, "start") == 0
				   ? "; the container starts, cinchctl net sync completes it"
				   : "; nothing of its network is refused: it starts";

	tell(verb, failed ? JOURNAL_ERR : JOURNAL_WARNING, e->msg, then);
	if (failed && runtimes_log)
		(void)failure_replace("cinch-hook", e, runtimes_log[1],
			strcmp(runtimes_log[0], "json") == 0, NULL);
	return failed;
}

/* ---- create ---- */

static int read_state(struct json_doc **out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (io_read_all(STDIN_FILENO, STATE_MAX, &text, &len, e) < 0 ||
		json_parse(text, len, &limits, JSON_STRICT, out, e) < 0)
		return err_wrap(e, "the container's state on stdin");
	return 0;
}

static int read_record(const char *path, struct json_doc **out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	struct stat st;
	size_t len;

	if (*path != '/')
		return err_set(e, ERR_INPUT, "%.256s: not an absolute path", path);
	fd = io_open_no_magic(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open the container's record %.256s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%.256s: not a file", path);
	if (io_check_owner(path, &st, e) < 0)
		return -1;
	if (io_read_all(fd, RECORD_MAX, &text, &len, e) < 0 ||
		json_parse(text, len, &limits, JSON_STRICT, out, e) < 0)
		return err_wrap(e, "%.256s", path);
	return 0;
}

/* DIR/HASH/ID.json is a record: DIR/net is the registry. */
static int registry_of(const char *record, char out[PATH_MAX], struct err *e)
{
	const char *end = strrchr(record, '/');

	while (end && end > record && *--end != '/')
		;
	if (!end || end == record ||
		snprintf(out, PATH_MAX, "%.*s/net", (int)(end - record), record) >= PATH_MAX)
		return err_set(e, ERR_INPUT, "%.256s: not the path of a record", record);
	return 0;
}

static int ask_of(
	const struct json *record, const struct json *state, struct net_ask *a, struct err *e)
{
	const char *id = json_str(json_get(state, "id"));
	int64_t pid;

	a->id = json_str(json_get(record, "id"));
	a->root = json_str(json_get(record, "root"));
	a->network = json_get(record, "network");
	if (!a->id || !a->root || !json_is(a->network, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "%.256s: not the record of a container with a network",
			a->record);
	if (!id || strcmp(id, a->id) != 0)
		return err_set(e, ERR_INPUT,
			"the state on stdin is of \"%.128s\", the record of \"%.128s\"",
			id ? id : "", a->id);
	if (!json_i64(json_get(state, "pid"), 1, INT32_MAX, &pid))
		return err_set(e, ERR_INPUT, "the state on stdin has no process");
	a->pid = (pid_t)pid;
	return 0;
}

/* Unless it is known that nothing is refused, a failure counts. */
static void look_what_counts(const struct json *network)
{
	AUTO_NET_WANT struct net_want want = {0};
	struct err why;

	failed = net_want_read(network, &want, &why) < 0 || net_want_enforces(&want);
}

static int create(char *const args[], struct err *why, struct err *e)
{
	AUTO_JSON struct json_doc *state = NULL, *record = NULL;
	struct net_ask a = {.record = args[0]};
	char dir[PATH_MAX];

	if (args[1])
		runtimes_log = args + 1;
	if (read_record(args[0], &record, e) < 0)
		return -1;
	look_what_counts(json_get(json_root(record), "network"));
	if (read_state(&state, e) < 0 || registry_of(args[0], dir, e) < 0 ||
		ask_of(json_root(record), json_root(state), &a, e) < 0)
		return -1;
	a.dir = dir;
	return net_install(&a, why, e);
}

/* ---- the others ---- */

static int remove_all(char *const args[], struct err *why, struct err *e)
{
	return net_remove(args[0], args[1], why, e);
}

/* What the runtime knows nothing of any more may run all the same, or be a new one of that name. */
static int remove_gone(char *const args[], struct err *why, struct err *e)
{
	return net_remove_gone(args[0], args[1], why, e);
}

/* It never keeps a container from starting. */
static int start(char *const args[], struct err *why, struct err *e)
{
	failed = 0;
	alarm(START_DEADLINE);
	return net_complete(args[0], args[1], why, e);
}

static int tidy(char *const args[], struct err *why, struct err *e)
{
	return net_tidy(args[0], why, e);
}

static const struct {
	const char *name;
	int n_args;
	int (*fn)(char *const args[], struct err *why, struct err *e);
} verbs[] = {
	{"create", 1, create},
	{"create", 3, create},
	{"delete", 2, remove_all},
	{"gone", 2, remove_gone},
	{"start", 2, start},
	{"tidy", 1, tidy},
};

static int run(size_t verb, char *const args[])
{
	struct err why = {0}, e = {0};
	int rc = verbs[verb].fn(args, &why, &e);

	if (rc < 0) /* in one line */
		return report(verbs[verb].name, &e);
	if (why.code) { /* nobody's failure here */
		if (verbs[verb].fn != tidy)
			err_wrap(&why, "a segment's set could not be changed");
		tell(verbs[verb].name, JOURNAL_WARNING, why.msg, "; cinchctl net sync does it");
	}
	return 0;
}

/* What is allocated and freed again is not given back and asked for each time. */
static void keep_heap(void)
{
#ifdef M_TOP_PAD /* of glibc */
	mallopt(M_TOP_PAD, HEAP);
	mallopt(M_TRIM_THRESHOLD, 2 * HEAP);
	mallopt(M_MMAP_THRESHOLD, HEAP);
#endif
}

int main(int argc, char *argv[])
{
	keep_heap();
	set_deadline();
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (argc == verbs[i].n_args + 2 && strcmp(argv[1], verbs[i].name) == 0)
			return run(i, argv + 2);
	fputs("usage: cinch-hook create RECORD [json|text LOG] | delete DIR KEY | gone DIR KEY | "
	      "start DIR KEY | tidy DIR\n",
		stderr);
	return USAGE;
}
