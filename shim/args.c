/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args - the runtime's command line: parsed once, by one strict grammar, and re-emitted in one
 * canonical form.
 */
#include "shim/args.h"

#include <stdlib.h>
#include <string.h>

#include "shim/args_table.h"
#include "shim/base/cleanup.h"
#include "shim/base/str.h"

static const char *const verbs[VERB_COUNT] = {
	[VERB_CREATE] = "create",
	[VERB_RUN] = "run",
	[VERB_RESTORE] = "restore",
	[VERB_EXEC] = "exec",
	[VERB_UPDATE] = "update",
};

static const char *const pass_verbs[] = {"state", "kill", "delete", "start", "list", "ps", "events",
	"features", "spec", "pause", "resume", "checkpoint", "help", "h", "init", NULL};

/* What one word of the form -name, --name or --name=value says. */
struct word {
	const struct args_option *option; /* NULL: not one of ours */
	const char *name; /* behind the dashes */
	size_t name_len;
	const char *value; /* behind '='; NULL when there is none */
};

struct reader {
	struct args *a;
	char *const *argv;
	size_t argc, i;
	/* which name of an option was used: runc refuses both in one line, crun takes the last */
	unsigned char forms[ARG_COUNT];
	bool two_profiles;
};

enum { FORM_LONG = 1, FORM_ALIAS = 2 };

const char *args_verb_name(enum args_verb v)
{
	return v < VERB_COUNT && verbs[v] ? verbs[v] : "pass-through";
}

const char *args_opt_name(enum args_opt opt)
{
	const struct args_option *o = option_of(opt);

	return o ? o->name : "(no option)";
}

/* So much of a word that was not understood is shown, in messages that reach logs: behind a "=" may stand
 * the value of a variable. */
static int shown_len(const char *word)
{
	enum { WORD_SHOWN = 128 };
	size_t n = strcspn(word, "=");

	n += word[n] == '=';
	return n < WORD_SHOWN ? (int)n : WORD_SHOWN;
}

int args_id_ok(const char *id, struct err *e)
{
	size_t len = strnlen(id, ARGS_ID_MAX + 1);

	if (len == 0)
		return err_set(e, ERR_INPUT, "container id: empty");
	if (len > ARGS_ID_MAX)
		return err_set(e, ERR_INPUT, "container id: longer than %d bytes", ARGS_ID_MAX);
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return err_set(e, ERR_INPUT, "container id \"%s\": names a directory", id);
	for (const char *p = id; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

		if (!letter && !(*p >= '0' && *p <= '9') && !strchr("_+.-", *p))
			return err_set(e, ERR_INPUT,
				"container id \"%.*s\": only A-Z a-z 0-9 _ + . - are allowed",
				shown_len(id), id);
	}
	return 0;
}

/* True when TEXT can only be an option or "--"; a lone dash is a word. */
static bool looks_like_option(const char *text)
{
	return text[0] == '-' && text[1] != '\0';
}

static struct word read_word(const char *text, unsigned where)
{
	struct word w = {.name = text + 1 + (text[1] == '-')};
	const char *eq = strchr(w.name, '=');

	w.name_len = eq ? (size_t)(eq - w.name) : strlen(w.name);
	w.value = eq ? eq + 1 : NULL;
	w.option = option_find(w.name, w.name_len, where);
	return w;
}

/* Drop every entry of OPT. */
static void forget(struct args *a, enum args_opt opt)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n_given; i++) {
		if (a->given[i].opt == opt)
			free(a->given[i].owned);
		else
			a->given[kept++] = a->given[i];
	}
	a->n_given = kept;
}

static int remember(struct args *a, enum args_opt opt, const char *value, struct err *e)
{
	if (a->n_given == ARGS_GIVEN_MAX)
		return err_set(e, ERR_INPUT, "more than %d options", ARGS_GIVEN_MAX);
	a->given[a->n_given++] = (struct args_given){.opt = opt, .value = value};
	return 0;
}

/* Take the option of W with VALUE (checked for form). */
static int take(struct reader *r, const struct word *w, const char *value, struct err *e)
{
	const struct args_option *o = w->option;
	struct args *a = r->a;
	bool on = true;

	if (option_is_bool(o) && !option_bool(value, &on))
		return err_set(
			e, ERR_INPUT, "%s=%s: not a boolean, say true or false", o->name, value);
	if (o->kind == KIND_HELP) {
		if (on && !a->help) {
			a->help = true;
			a->help_word = o->name;
			a->help_global = a->verb == VERB_PASS;
		}
		return 0;
	}
	if (o->kind == KIND_PROFILE && value) {
		r->two_profiles = r->two_profiles || (a->profile && strcmp(a->profile, value) != 0);
		a->profile = value;
		return 0;
	}
	r->forms[o->opt] |= w->name_len == 1 ? FORM_ALIAS : FORM_LONG;
	if (r->forms[o->opt] == (FORM_ALIAS | FORM_LONG))
		return err_set(
			e, ERR_INPUT, "%s and -%c are one option: use one form", o->name, o->alias);
	if (!option_is_list(o))
		forget(a, o->opt);
	if (option_is_bool(o))
		return on ? remember(a, o->opt, NULL, e) : 0;
	return remember(a, o->opt, value, e);
}

/* The value of W: its own, or the next word. 0 and *OUT (NULL for a bare boolean), or -1 when there
 * is none or it is empty. */
static int word_value(struct reader *r, const struct word *w, const char **out, struct err *e)
{
	const char *wrong;

	*out = w->value;
	if (option_is_bool(w->option))
		return 0;
	if (!w->value) {
		if (r->i + 1 >= r->argc)
			return err_set(e, ERR_INPUT, "%s: needs a value", w->option->name);
		*out = r->argv[++r->i];
	}
	wrong = option_wrong(w->option, *out);
	if (wrong)
		return err_set(
			e, ERR_INPUT, "%s \"%.128s\": needs %s", w->option->name, *out, wrong);
	return 0;
}

bool args_word_is(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *at = text;

	while (*at && (*at <= ' ' || *at > '~'))
		at++;
	if (strncmp(at, name, len) != 0)
		return false;
	for (at += len; *at; at++)
		if (*at > ' ' && *at <= '~')
			return false;
	return true;
}

static enum args_verb governed(const char *text)
{
	for (int v = VERB_CREATE; v < VERB_COUNT; v++)
		if (strcmp(text, verbs[v]) == 0)
			return (enum args_verb)v;
	return VERB_PASS;
}

/* Mounts into a running container (crun 1.20): a door of its own, which nothing here judges yet. */
static const char mounts_verb[] = "mounts";

static bool is_profile_option(const char *text)
{
	return looks_like_option(text) && str_starts(text + 1 + (text[1] == '-'), "cinch-profile");
}

/*
 * WORD is not understood, or not a verb we know: the line may only go on when no word from FROM on
 * could be a governed verb to some reader, or ours to strip.
 */
static int pass_unknown(const struct reader *r, const char *word, size_t from, struct err *e)
{
	for (size_t i = from; i < r->argc; i++) {
		const char *text = r->argv[i], *hidden = NULL;

		for (int v = VERB_CREATE; v < VERB_COUNT; v++)
			if (args_word_is(text, verbs[v])) {
				hidden = verbs[v];
				r->a->verb = (enum args_verb)v; /* somebody's attempt at it */
			}
		if (args_word_is(text, mounts_verb))
			hidden = mounts_verb;
		if (hidden)
			return err_set(e, ERR_INPUT,
				"\"%.*s\" is not understood, so it cannot be told whether \"%s\" "
				"is the verb",
				shown_len(word), word, hidden);
		if (is_profile_option(text))
			return err_set(e, ERR_INPUT,
				"--cinch-profile stands behind \"%.*s\", which is not "
				"understood: put it first",
				shown_len(word), word);
	}
	return 0;
}

/* Words I up to but not TO go on as they are. */
static void pass_words(struct reader *r, size_t i, size_t to)
{
	for (; i < to; i++)
		r->a->pass[r->a->n_pass++] = r->argv[i];
}

/*
 * Up to the verb, which r->i is at then; at the end of the line when there is none, or when what is
 * left goes on unread.
 */
static int read_globals(struct reader *r, struct err *e)
{
	for (; r->i < r->argc && looks_like_option(r->argv[r->i]); r->i++) {
		size_t start = r->i;
		const char *text = r->argv[start], *value;
		struct err why = {0}, hidden = {0};
		struct word w;

		if (strcmp(text, "--") == 0) {
			pass_words(r, start, start + 1);
			r->i++;
			return 0;
		}
		w = read_word(text, ON_GLOBAL);
		if (w.option && word_value(r, &w, &value, &why) == 0 &&
			take(r, &w, value, &why) == 0) {
			if (w.option->kind != KIND_PROFILE)
				pass_words(r, start, r->i + 1);
			continue;
		}
		if (pass_unknown(r, text, start + 1, &hidden) < 0 ||
			(w.option && w.option->kind == KIND_PROFILE)) {
			*e = w.option ? why : hidden;
			return -1;
		}
		r->a->unread = text;
		pass_words(r, start, r->argc);
		r->i = r->argc;
	}
	return 0;
}

/* The verb at r->i; with VERB_PASS the rest of the line goes on. */
static int read_verb(struct reader *r, struct err *e)
{
	struct args *a = r->a;
	const char *text;

	if (r->i >= r->argc)
		return 0;
	text = a->verb_name = r->argv[r->i];
	a->verb = governed(text);
	if (a->verb != VERB_PASS) {
		r->i++;
		return 0;
	}
	if (strcmp(text, mounts_verb) == 0)
		return err_set(e, ERR_INPUT,
			"mounts: refused, nothing judges mounts into a running container");
	if (!str_in(pass_verbs, text)) {
		if (pass_unknown(r, text, r->i, e) < 0)
			return -1;
		a->unread = text;
	}
	pass_words(r, r->i, r->argc);
	return 0;
}

static int unknown_option(const struct word *w, unsigned where, struct err *e)
{
	const char *near = option_near(w->name, w->name_len, where);

	if (option_find(w->name, w->name_len, ON_GLOBAL))
		return err_set(e, ERR_INPUT, "option --%.*s stands before the verb",
			(int)w->name_len, w->name);
	return err_set(e, ERR_INPUT, "unknown option \"%.*s\"%s%s",
		w->name_len < 128 ? (int)w->name_len : 128, w->name, near ? ", did you mean " : "",
		near ? near : "");
}

/* The options behind the verb; r->i is at the first word behind them then. */
static int read_options(struct reader *r, struct err *e)
{
	unsigned where = 1u << r->a->verb;

	for (; r->i < r->argc && looks_like_option(r->argv[r->i]); r->i++) {
		const char *value;
		struct word w;

		if (strcmp(r->argv[r->i], "--") == 0) {
			r->i++;
			return 0;
		}
		w = read_word(r->argv[r->i], where);
		if (!w.option)
			return unknown_option(&w, where, e);
		if (w.option->kind == KIND_OTHER_FILE)
			return err_set(e, ERR_INPUT,
				"%s: refused, only config.json of the bundle is judged",
				w.option->name);
		if (word_value(r, &w, &value, e) < 0 || take(r, &w, value, e) < 0)
			return -1;
		/* a mere absence would mean the container's own setting, which may be true */
		if (w.option->opt == ARG_NO_NEW_PRIVS && !args_has(r->a, ARG_NO_NEW_PRIVS))
			return err_set(
				e, ERR_INPUT, "--no-new-privs=false: refused, it can only be set");
	}
	return 0;
}

/*
 * No value may name a descriptor by its number: the runtime does not inherit it (runtime.h), and what
 * it has under that number is another file than the one that was judged.
 */
static int check_descriptor_paths(const struct args *a, struct err *e)
{
	static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/"};

	for (size_t i = 0; i < a->n_given && a->verb != VERB_UPDATE; i++)
		for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
			const struct args_given *g = &a->given[i];
			const char *rest;

			if (!g->value || !str_starts(g->value, prefixes[p]))
				continue;
			rest = g->value + strlen(prefixes[p]);
			if (rest[0] >= '0' && rest[0] <= '2' && rest[1] == '\0')
				continue;
			return err_set(e, ERR_INPUT,
				"%s \"%.128s\": names a descriptor the runtime does not inherit; "
				"give a "
				"path",
				args_opt_name(g->opt), g->value);
		}
	return 0;
}

/* The id and, for exec, the command. */
static int read_words(struct reader *r, struct err *e)
{
	struct args *a = r->a;

	if (r->i >= r->argc)
		return err_set(e, ERR_INPUT, "needs a container id");
	if (args_id_ok(r->argv[r->i], e) < 0)
		return -1;
	a->id = r->argv[r->i++];
	if (a->verb == VERB_EXEC) {
		a->command = r->argv + r->i;
		a->n_command = r->argc - r->i;
		if (a->n_command == 0 && !args_has(a, ARG_PROCESS))
			return err_set(e, ERR_INPUT, "needs a command or --process");
		return 0;
	}
	if (r->i < r->argc)
		return err_set(e, ERR_INPUT, "\"%.*s\" stands behind the container id%s",
			shown_len(r->argv[r->i]), r->argv[r->i],
			looks_like_option(r->argv[r->i]) ? ": options stand before it" : "");
	return 0;
}

int args_parse(int argc, char *const argv[], struct args *out, struct err *e)
{
	struct reader r = {.a = out, .argv = argv, .argc = argc > 0 ? (size_t)argc : 0, .i = 1};

	*out = (struct args){.verb = VERB_PASS};
	out->pass = calloc(r.argc + 1, sizeof *out->pass);
	if (!out->pass)
		return err_nomem(e);
	if (read_globals(&r, e) < 0 || read_verb(&r, e) < 0)
		return -1;
	if (out->verb == VERB_PASS)
		return 0;
	if (r.two_profiles)
		return err_set(e, ERR_INPUT, "--cinch-profile: two different profiles are named");
	if (read_options(&r, e) < 0 || check_descriptor_paths(out, e) < 0 ||
		(!out->help && read_words(&r, e) < 0))
		return err_wrap(e, "%s", out->verb_name);
	return 0;
}

void args_done(struct args *a)
{
	for (size_t i = 0; i < a->n_given; i++)
		free(a->given[i].owned);
	free(a->pass);
	*a = (struct args){.verb = VERB_PASS};
}

const char *args_value(const struct args *a, enum args_opt opt)
{
	for (size_t i = a->n_given; i-- > 0;)
		if (a->given[i].opt == opt)
			return a->given[i].value;
	return NULL;
}

const char *args_nth(const struct args *a, enum args_opt opt, size_t i)
{
	for (size_t k = 0; k < a->n_given; k++)
		if (a->given[k].opt == opt && i-- == 0)
			return a->given[k].value;
	return NULL;
}

bool args_has(const struct args *a, enum args_opt opt)
{
	for (size_t i = 0; i < a->n_given; i++)
		if (a->given[i].opt == opt)
			return true;
	return false;
}

int args_set(struct args *a, enum args_opt opt, const char *value, struct err *e)
{
	AUTO_FREE char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return err_nomem(e);
	if (remember(a, opt, copy, e) < 0)
		return -1;
	/* the new entry is the last one: take it off, drop the old ones, put it back */
	a->n_given--;
	forget(a, opt);
	a->given[a->n_given++] = (struct args_given){.opt = opt, .value = copy, .owned = copy};
	copy = NULL;
	return 0;
}

void args_unset(struct args *a, enum args_opt opt)
{
	forget(a, opt);
}

/* The options given at WHERE, from LINE on. A lone dash needs a word of its own, made in *TEXT. */
static size_t emit_options(
	const struct args *a, bool global, const char **line, size_t n, char **text)
{
	for (size_t i = 0; i < a->n_given; i++) {
		const struct args_given *g = &a->given[i];
		const struct args_option *o = option_of(g->opt);

		if (!o || (o->where == ON_GLOBAL) != global)
			continue;
		if (g->value && strcmp(g->value, "-") == 0) {
			line[n++] = *text;
			*text = stpcpy(stpcpy(*text, o->name), "=-") + 1;
			continue;
		}
		line[n++] = o->name;
		if (g->value)
			line[n++] = g->value;
	}
	return n;
}

char **args_emit(const struct args *a, const char *argv0, struct err *e)
{
	enum { WORD_MAX = 32 }; /* the longest option name, "=-" and the NUL */
	size_t max = a->n_pass + 2 * a->n_given + a->n_command + 6, n = 0;
	const char **line = malloc(max * sizeof *line + a->n_given * WORD_MAX);
	char *text;

	if (!line) {
		err_nomem(e);
		return NULL;
	}
	text = (char *)(line + max);
	line[n++] = argv0;
	if (a->verb == VERB_PASS) {
		for (size_t i = 0; i < a->n_pass; i++)
			line[n++] = a->pass[i];
	} else if (a->help) {
		if (!a->help_global)
			line[n++] = verbs[a->verb];
		line[n++] = a->help_word;
	} else {
		n = emit_options(a, true, line, n, &text);
		line[n++] = verbs[a->verb];
		n = emit_options(a, false, line, n, &text);
		line[n++] = "--";
		line[n++] = a->id;
		for (size_t i = 0; i < a->n_command; i++)
			line[n++] = a->command[i];
	}
	line[n] = NULL;
	return (char **)line;
}
