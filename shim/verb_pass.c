/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_pass - state, kill, delete, start and all that cinch does not govern: as if it were not there.
 *
 * What ends, stops or copies a container is administrative access, and recorded. Nothing that goes wrong
 * with that is a reason to come back from here without having become the runtime: a node whose log is full
 * must be able to kill.
 *
 * start and delete also tend to the rules of the container's network, within bounds: no start is refused here.
 */
#include "shim/verb.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/audit.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "shim/network.h"
#include "shim/record.h"
#include "shim/running.h"
#include "shim/runtime.h"
#include "shim/state.h"

/* An option of a recorded verb: how its words are to be read on the way to the id. */
struct option {
	const char *name; /* without dashes */
	bool takes; /* a value: behind "=" or the next word */
	bool pattern; /* what stands in the id's place is none */
};

enum { OPTIONS_MAX = 24 };

/* Sources: runc 1.0 to 1.4 (kill.go, delete.go, checkpoint.go ...), crun up to 1.20 (src/kill.c ...). What is
 * not here, and bundled short options, leave the id out of the record; all words are in it anyway. */
static const struct recorded {
	const char *verb;
	struct option options[OPTIONS_MAX];
} recorded[] = {
	{"kill", {{"all", false, false}, {"a", false, false}, {"regex", false, true},
			 {"r", false, true}}},
	{"delete", {{"force", false, false}, {"f", false, false}, {"regex", false, true},
			   {"r", false, true}}},
	{"pause", {{NULL, false, false}}},
	{"resume", {{NULL, false, false}}},
	{"checkpoint", {{"image-path", true, false}, {"work-path", true, false},
			       {"parent-path", true, false}, {"leave-running", false, false},
			       {"tcp-established", false, false},
			       {"tcp-skip-in-flight", false, false}, {"ext-unix-sk", false, false},
			       {"shell-job", false, false}, {"lazy-pages", false, false},
			       {"status-fd", true, false}, {"page-server", true, false},
			       {"file-locks", false, false}, {"pre-dump", false, false},
			       {"manage-cgroups-mode", true, false}, {"empty-ns", true, false},
			       {"auto-dedup", false, false}, {"link-remap", false, false}}},
};

/* An engine's own next step: nothing is recorded. */
static const struct recorded start = {"start", {{NULL, false, false}}};

/* A recorded call. */
struct pass {
	const struct recorded *verb; /* NULL: it is none */
	char *const *words; /* behind the verb */
	size_t n;
	const char *id; /* NULL: it cannot be told */
	bool help; /* asked for, and nothing else */
	const char *unread; /* NULL, or why the verb is only what may be one */
};

/* ---- what is asked ---- */

/* The option that WORD ("-name", "--name", "--name=value") is; NULL: not a known one. */
static const struct option *option_of_word(const struct recorded *r, const char *word, bool *own)
{
	const char *name = word + 1 + (word[1] == '-');
	size_t len = strcspn(name, "=");

	*own = name[len] == '=';
	for (const struct option *o = r->options; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

/* The first word that no reader could take for an option or the value of one. */
static void find_id(struct pass *p)
{
	static const char *const help[] = {"--help", "-help", "-h", NULL};
	bool pattern = false;
	size_t i = 0;

	for (; i < p->n && p->words[i][0] == '-' && p->words[i][1]; i++) {
		const struct option *o;
		bool own;

		if (strcmp(p->words[i], "--") == 0) {
			i++;
			break;
		}
		p->help = str_in(help, p->words[i]);
		o = p->help ? NULL : option_of_word(p->verb, p->words[i], &own);
		if (!o)
			return;
		pattern |= o->pattern;
		i += o->takes && !own;
	}
	for (size_t k = i + 1; k < p->n; k++) /* runc reads options behind the id, too */
		pattern |= strcmp(p->words[k], "-r") == 0 || strcmp(p->words[k], "--regex") == 0;
	if (i < p->n && !pattern)
		p->id = p->words[i];
}

/* Some word may be a verb that is recorded: so it is, with all words of the line. */
static struct pass guess(const struct args *a)
{
	struct pass p = {.words = a->pass, .n = a->n_pass, .unread = a->unread};

	for (size_t at = 0; !p.verb && at < a->n_pass; at++)
		for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++)
			if (args_word_is(a->pass[at], recorded[i].verb))
				p.verb = &recorded[i];
	return p;
}

static struct pass understand(const struct args *a)
{
	struct pass p = {.verb = NULL};
	size_t at = 0;

	if (a->unread)
		return guess(a);
	if (!a->verb_name)
		return p;
	for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++)
		if (strcmp(a->verb_name, recorded[i].verb) == 0)
			p.verb = &recorded[i];
	if (strcmp(a->verb_name, start.verb) == 0)
		p.verb = &start;
	while (p.verb && at < a->n_pass && a->pass[at] != a->verb_name)
		at++;
	if (!p.verb || at == a->n_pass)
		return (struct pass){.verb = NULL};
	p.words = a->pass + at + 1;
	p.n = a->n_pass - at - 1;
	find_id(&p);
	return p;
}

/* ---- its record ---- */

static struct json *words_json(struct json_doc *doc, const struct pass *p)
{
	struct json *list = json_array(doc);

	for (size_t i = 0; i < p->n; i++)
		if (json_push(list, json_string_lossy(doc, p->words[i])) < 0)
			return NULL;
	return list;
}

/* What the record of ID says; *OUT NULL: nothing that counts. */
static void look_up(const struct call *c, const char *id, struct json_doc **out)
{
	char dir[PATH_MAX], root[PATH_MAX];
	struct err why;

	if (args_id_ok(id, &why) < 0 ||
		state_root(c->runtime, args_value(c->args, ARG_ROOT), root, &why) < 0 ||
		state_dir(dir, &why) < 0 || state_read(dir, root, id, out, &why) < 0 || !*out)
		return;
	if (!running_is(json_root(*out), root, id)) {
		json_free(*out);
		*out = NULL;
	}
}

static int put_unread(struct audit *a, const char *word)
{
	AUTO_STR struct str note = STR_INIT;

	if (!word)
		return 0;
	str_addf(&note,
		"\"%.128s\" is not understood: the verb is what may be one, the words are those of "
		"the whole line",
		word);
	return audit_put_text(a, "note", str_text(&note));
}

static int record(
	const struct call *c, const struct pass *p, const struct json_doc *about, struct err *e)
{
	AUTO_AUDIT struct audit a = AUDIT_INIT;

	if (audit_begin(&a, p->verb->verb, e) < 0)
		return -1;
	if (audit_put_text(&a, "id", p->id) < 0 ||
		audit_put(&a, "args", words_json(a.doc, p)) < 0 || put_unread(&a, p->unread) < 0 ||
		record_running(&a, about ? json_root(about) : NULL) < 0 ||
		audit_put_text(&a, "result", "passed") < 0)
		return err_nomem(e);
	return audit_commit(&a, &c->applied->settings, e);
}

/* The runtime has nothing of it any more. */
static bool is_gone(const char *root, const char *id)
{
	char path[PATH_MAX + 1100];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", root, id);
	return lstat(path, &st) < 0 && errno == ENOENT;
}

/* A container that came late to its network; one that vanished without its hooks, or has none (cinch-hook looks whether
 * it still runs), and what is kept of others. */
static void tend(const struct call *c, const struct pass *p, bool unhooked)
{
	char dir[PATH_MAX], root[PATH_MAX];
	struct err why;

	if (!p->id || args_id_ok(p->id, &why) < 0 ||
		state_root(c->runtime, args_value(c->args, ARG_ROOT), root, &why) < 0 ||
		state_dir(dir, &why) < 0)
		return;
	if (p->verb == &start)
		network_start(dir, root, p->id);
	if (strcmp(p->verb->verb, "delete") != 0)
		return;
	/* rules first: of a record that goes before them it would be noted that they are left */
	if (unhooked || is_gone(root, p->id))
		network_delete(dir, root, p->id);
	state_collect(dir, root, p->id);
	network_tidy(dir, false);
}

/* Whatever comes of it, the caller goes on. *UNHOOKED: see state.h. */
static void note(const struct call *c, const struct pass *p, bool *unhooked)
{
	AUTO_JSON struct json_doc *about = NULL;
	struct err why = {0}, second;

	if (p->id)
		look_up(c, p->id, &about);
	*unhooked = about && json_is_true(json_get(json_root(about), "unhooked"));
	if (record(c, p, about, &why) < 0)
		(void)journal_tell(&journal_sockets, JOURNAL_ERR, why.msg, &second);
}

static void note_and_tend(const struct call *c, const struct pass *p)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	/* a log at the caller's limit of file sizes would end us here */
	bool changed = sigaction(SIGXFSZ, &ignore, &before) == 0, unhooked = false;

	if (p->verb != &start)
		note(c, p, &unhooked);
	tend(c, p, unhooked);
	if (changed)
		sigaction(SIGXFSZ, &before, NULL);
}

/* The line for the runtime, without asking for memory: there is room for its name in front, since the
 * program's own was not taken over (args.h). */
static char **line_for(struct args *a, const char *runtime)
{
	memmove(a->pass + 1, a->pass, a->n_pass * sizeof *a->pass);
	a->pass[0] = (char *)runtime;
	a->pass[++a->n_pass] = NULL;
	return a->pass;
}

int verb_pass(const struct call *c, struct err *e)
{
	const struct runtime_fds fds = {.all = true};
	const struct pass p = understand(c->args);
	AUTO_FREE char **argv = NULL;

	if (p.verb) {
		if (!p.help)
			note_and_tend(c, &p);
		return runtime_exec(c->runtime, line_for(c->args, c->runtime), &fds, e);
	}
	argv = args_emit(c->args, c->runtime, e);
	return argv ? runtime_exec(c->runtime, argv, &fds, e) : -1;
}
