/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_hook - cinch-hook: where it is, its entries in the document, and its run when a start or delete
 * passes.
 *
 * The runtime runs it as root on the host at createRuntime, when cgroup and namespaces are there and nothing
 * of the container has run, and at poststop.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netseg/registry.h"
#include "shim/base/cleanup.h"
#include "shim/edit.h"
#include "shim/journal.h"
#include "shim/network.h"
#include "shim/state.h"

enum {
	TIMEOUT = 10, /* seconds the runtime gives it; its own limit is less */
	WAIT_MS = 9000, /* for one that is run from here */
	REAP_TRIES = 200, /* 5 ms each, for one that was killed */
	FEW = 256, /* descriptors, where close_range is missing (before Linux 5.9) */
};

static const char name[] = "cinch-hook";
static const char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/* ---- where it is ---- */

/* Beside this program, as the kernel knows that one: a link to it, or its removal, does not matter. */
static int beside(char out[WORLD_PATH_MAX], struct err *e)
{
	char self[WORLD_PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return err_set(e, errno, "/proc/self/exe, to find %s beside it", name);
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (*self != '/' || snprintf(out, WORLD_PATH_MAX, "%.*s/%s", (int)(slash - self), self,
				    name) >= WORLD_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "find %s", name);
	return 0;
}

int network_program(const struct world *w, char out[WORLD_PATH_MAX], struct err *e)
{
	char path[WORLD_PATH_MAX];
	struct world_hook what = {.ok = false};

	if (beside(path, e) < 0)
		return -1;
	if (w->hook_ok(w->arg, path, &what, e) < 0)
		return err_wrap(e, "install %s beside cinch", name);
	if (!what.ok)
		return err_set(e, ERR_INPUT,
			"%s must be a program: a regular file, executable, owned by root, not "
			"writable by others and outside the container's root",
			path);
	memcpy(out, path, strlen(path) + 1);
	return 0;
}

/* ---- its entries ---- */

/* Whoever wrote it, and wherever the program was then. */
static bool is_ours(const struct json *hook)
{
	static const char *const verbs[] = {"create", "delete", NULL};
	const struct json *args = json_get(hook, "args");
	const char *path = json_str(json_get(hook, "path"));
	const char *first = json_str(json_item(args, 0)), *verb = json_str(json_item(args, 1));
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && strcmp(slash + 1, name) == 0 && first && strcmp(first, name) == 0 && verb &&
	       str_in(verbs, verb);
}

int network_forget(struct json_doc *doc, struct report *report, struct err *e)
{
	struct json *hooks = json_get(json_root(doc), "hooks");
	struct edit ed = {.doc = doc,
		.root = json_root(doc),
		.report = report,
		.profile = "cinch",
		.control = CONTROL_NETWORK,
		.enforced = true};

	json_each (kind, hooks)
		json_each_safe (hook, kind)
			if (is_ours(hook))
				edit_remove(&ed, hook, "what an earlier start has put there");
	return ed.failed ? err_nomem(e) : 0;
}

/* HOOKS's member KIND, made when there is none. */
static struct json *list_of(struct json_doc *doc, const char *kind)
{
	struct json *root = json_root(doc), *hooks = json_get(root, "hooks"), *list;

	if (!hooks) {
		hooks = json_object(doc);
		if (json_put(doc, root, "hooks", hooks) < 0)
			return NULL;
	}
	list = json_get(hooks, kind);
	if (!list) {
		list = json_array(doc);
		if (json_put(doc, hooks, kind, list) < 0)
			return NULL;
	}
	return list;
}

static struct json *entry_json(struct json_doc *doc, const char *path, const char *const *words)
{
	struct json *o = json_object(doc), *args = json_array(doc), *env = json_array(doc);

	if (json_push(args, json_string(doc, name)) < 0)
		return NULL;
	for (; *words; words++) {
		size_t bad;

		/* it would be another file */
		if (!json_utf8_ok(*words, strlen(*words), &bad) ||
			json_push(args, json_string(doc, *words)) < 0)
			return NULL;
	}
	if (json_put(doc, o, "path", json_string_lossy(doc, path)) < 0 ||
		json_put(doc, o, "args", args) < 0 ||
		json_push(env, json_string(doc, path_variable)) < 0 ||
		json_put(doc, o, "env", env) < 0 ||
		json_put(doc, o, "timeout", json_int(doc, TIMEOUT)) < 0)
		return NULL;
	return o;
}

static int registry_dir(const char *dir, char out[PATH_MAX], struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s/" NETWORK_DIR, dir) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "%.256s", dir);
	return 0;
}

/* The path of LOG for somebody in another directory, as JSON can have it; false: there is none. */
static bool log_path(const char *log, char out[PATH_MAX])
{
	char here[PATH_MAX] = "";
	size_t bad;

	if (!log || !*log || (*log != '/' && !getcwd(here, sizeof here)))
		return false;
	return snprintf(out, PATH_MAX, "%s%s%s", here, *log == '/' ? "" : "/", log) < PATH_MAX &&
	       json_utf8_ok(out, strlen(out), &bad);
}

int network_hook(const struct network *n, struct json_doc *doc, const char *dir, const char *root,
	const char *id, struct report *report, struct err *e)
{
	char record[PATH_MAX], net[PATH_MAX], key[NET_KEY_SIZE], log[PATH_MAX];
	const bool logs = n->enforced && log_path(n->log, log);
	const char *const create[] = {"create", record,
		logs ? (n->log_json ? "json" : "text") : NULL, logs ? log : NULL, NULL};
	const char *const delete[] = {"delete", net, key, NULL};
	const char *said_by = n->by->said_by[CONTROL_NETWORK];
	struct edit ed = {.doc = doc,
		.root = json_root(doc),
		.report = report,
		.profile = said_by ? said_by : n->by->name,
		.line = n->by->line[CONTROL_NETWORK],
		.control = CONTROL_NETWORK,
		.enforced = n->enforced};
	AUTO_STR struct str words = STR_INIT;

	if (state_path(dir, root, id, record, e) < 0 || registry_dir(dir, net, e) < 0 ||
		registry_key(root, id, key, e) < 0)
		return -1;
	network_words(json_root(n->want), &words);
	edit_push(&ed, list_of(doc, "createRuntime"), entry_json(doc, n->hook, create),
		"rules of the network (%s) before the first instruction", str_text(&words));
	edit_push(&ed, list_of(doc, "poststop"), entry_json(doc, n->hook, delete),
		"and their removal");
	return ed.failed || str_failed(&words) ? err_nomem(e) : 0;
}

/* ---- run from here ---- */

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Nothing of the caller's reaches it: descriptors and environment are the engine's and the container's. */
_Noreturn static void become(const char *path, char *const argv[], int err)
{
	static char variable[sizeof path_variable];
	static char *const env[] = {variable, NULL};
	struct sigaction plain = {.sa_handler = SIG_DFL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	memcpy(variable, path_variable, sizeof variable);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGXFSZ, &plain, NULL);
	sigaction(SIGALRM, &plain, NULL);
	if (null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO &&
		dup2(null, STDOUT_FILENO) == STDOUT_FILENO &&
		dup2(err, STDERR_FILENO) == STDERR_FILENO) {
		if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) < 0)
			for (int fd = STDERR_FILENO + 1; fd < FEW; fd++)
				close(fd);
		execve(path, argv, env);
	}
	_exit(127);
}

/* What it says until it ends. FROM reads as ended when it has exited, whatever waitpid can tell: whoever called us
 * may ignore SIGCHLD. False: it took too long. */
static bool listen_to(int from, char *text, size_t size)
{
	const long long end = now_ms() + WAIT_MS;
	size_t used = 0;

	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		char scrap[256];
		long long left = end - now_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = used + 1 < size ? read(from, text + used, size - used - 1)
				    : read(from, scrap, sizeof scrap);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (used + 1 < size)
			used += (size_t)n;
		text[used] = '\0';
	}
}

/* It has ended, or was killed; who waits for a file system that does not answer may not even die then. */
static void reap(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (int i = 0; i < REAP_TRIES; i++) {
		pid_t got = waitpid(pid, NULL, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return;
		nanosleep(&pause, NULL);
	}
}

/* KEY may be NULL. False: it said that something went wrong, or could not be run. */
static bool run(const char *verb, const char *dir, const char *key)
{
	char path[WORLD_PATH_MAX], said[400] = "";
	char *const argv[] = {(char *)name, (char *)verb, (char *)dir, (char *)key, NULL};
	AUTO_FD int from = -1;
	struct err why = {0}, second;
	int ends[2];
	pid_t pid;

	if (beside(path, &why) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	from = ends[0];
	pid = fork();
	if (pid == 0)
		become(path, argv, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return false;
	if (!listen_to(from, said, sizeof said)) {
		kill(pid, SIGKILL);
		snprintf(said, sizeof said, "it took more than %d seconds", WAIT_MS / 1000);
	}
	reap(pid);
	said[strcspn(said, "\n")] = '\0';
	if (!*said)
		return true;
	err_set(&why, ERR_INPUT, "%s %s: %s", name, verb, said);
	(void)journal_tell(&journal_sockets, JOURNAL_WARNING, why.msg, &second);
	return false;
}

/* The file KIND/KEY of the container in the registry below DIR. NET and KEY are filled. */
static bool has(const char *dir, const char *root, const char *id, const char *kind,
	char net[PATH_MAX], char key[NET_KEY_SIZE])
{
	char path[PATH_MAX + 64];
	struct err why;

	if (registry_dir(dir, net, &why) < 0 || registry_key(root, id, key, &why) < 0)
		return false;
	snprintf(path, sizeof path, "%s/%s/%s", net, kind, key);
	return access(path, F_OK) == 0;
}

void network_start(const char *dir, const char *root, const char *id)
{
	char net[PATH_MAX], key[NET_KEY_SIZE];

	if (has(dir, root, id, "late", net, key))
		run("start", net, key);
}

void network_delete(const char *dir, const char *root, const char *id)
{
	char net[PATH_MAX], key[NET_KEY_SIZE];

	if (has(dir, root, id, "containers", net, key))
		run("gone", net, key);
}

void network_tidy(const char *dir, bool comes)
{
	char net[PATH_MAX];
	struct err why;

	if (registry_dir(dir, net, &why) == 0 && registry_stale(net, comes) &&
		!run("tidy", net, NULL))
		registry_note_tried(net, true);
}
