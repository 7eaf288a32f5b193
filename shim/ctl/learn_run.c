/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_run - "learn": print a profile of what containers were seen to do, and say what it is worth.
 *
 * The profile goes to standard output, checked as "profile check" would check it; what there is to say of
 * it to standard error, so that ">profile.json" gets the profile alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/io.h"
#include "shim/ctl/commands.h"
#include "shim/ctl/learn.h"
#include "shim/ctl/net.h"
#include "shim/ctl/sources.h"
#include "shim/ctl/table.h"

enum { SHOWN_MAX = 20, NAME_MAX_BYTES = 64 };

/* ---- what it is learned from ---- */

static bool is_file(const char *word)
{
	return strcmp(word, "-") == 0 || strchr(word, '/') || str_ends(word, ".json");
}

static int from_file(const char *path, struct sights *out, struct err *e)
{
	AUTO_FD int fd = strcmp(path, "-") == 0
				 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return err_set(e, errno, "%.256s: cannot be read", path);
	if (io_read_all(fd, SIGHT_TEXT_MAX, &text, &len, e) < 0 ||
		sights_read(text, len, out, e) < 0)
		return err_wrap(e, "%.256s", path);
	return 0;
}

static int from_container(
	const struct net_list *l, const char *word, struct sights *out, struct err *e)
{
	AUTO_NET_VIEW struct net_view v = {.seen = {0}};
	size_t i;

	if (net_list_find(l, word, &i, e) < 0 || net_view_read(l, i, &v, e) < 0)
		return -1;
	return sights_add(out, &v.seen, e);
}

static int gather(struct ctl_call *c, struct sights *out, struct err *e)
{
	AUTO_NET_LIST struct net_list list = {0};
	char dir[PATH_MAX];
	bool ids = false;

	for (size_t i = 0; i < c->n_operands; i++)
		ids = ids || !is_file(c->operands[i]);
	if (ids && (net_dir(dir, e) < 0 || net_list_read(dir, &list, e) < 0))
		return -1;
	for (size_t i = 0; i < c->n_operands; i++)
		if ((is_file(c->operands[i]) ? from_file(c->operands[i], out, e)
					     : from_container(&list, c->operands[i], out, e)) < 0)
			return -1;
	return 0;
}

/* ---- what the profile is called, and what it is added to ---- */

/* A profile is called as its file is: NAME.json, into which standard output goes. */
static void name_of_output(char out[NAME_MAX_BYTES + 1])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	char path[PATH_MAX];
	struct stat st;
	ssize_t n = readlink("/proc/self/fd/1", path, sizeof path - 1);
	const char *slash, *name;
	size_t len;

	snprintf(out, NAME_MAX_BYTES + 1, "learned");
	if (n <= 0 || fstat(STDOUT_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	name = slash ? slash + 1 : path;
	if (!str_ends(name, ".json"))
		return;
	len = strlen(name) - strlen(".json");
	if (len == 0 || len > NAME_MAX_BYTES || strspn(name, good) < len || strchr("-_.", *name))
		return;
	memcpy(out, name, len);
	out[len] = '\0';
}

struct making {
	const char *name;
	const struct learned *learned;
	const struct sights *from;
	struct sources sources;
	const char *base; /* what it extends; NULL: nothing */
	struct profile *profile; /* that */
	struct strv *findings;
};

static void making_done(struct making *m)
{
	sources_done(&m->sources);
	profile_free(m->profile);
}

/* All else of what holds the containers stays as it is. */
static int find_base(struct ctl_call *c, struct making *m, struct err *e)
{
	const char *asked = ctl_value(c, "extends"), *word = asked ? asked : m->learned->profile;

	if (!word || !*word)
		return 0;
	if (sources_init(&m->sources, e) < 0 ||
		sources_configured(&m->sources, ctl_value(c, "config"), e) < 0)
		return -1;
	if (!catalog_find(m->sources.catalog, word)) {
		if (asked)
			return err_set(
				e, ERR_INPUT, "--extends %.64s: there is no such profile", word);
		return 0;
	}
	if (strcmp(word, m->name) == 0)
		return err_set(e, ERR_INPUT,
			"the profile cannot be called \"%.64s\" and extend \"%.64s\", under which "
			"the containers run: call it something else (--name), or see --section",
			m->name, word);
	if (catalog_flatten(m->sources.catalog, word, NULL, &m->profile, e) < 0)
		return err_wrap(e, "profile %.64s, which this one extends", word);
	m->base = word;
	return 0;
}

/* ---- the profile ---- */

static const char *const modes[] = {
	[PROFILE_ENFORCE] = "enforce", [PROFILE_AUDIT] = "audit", [PROFILE_LEARN] = "audit"};

/* "mode" and "audit" are a profile's own, never its parent's: what was only reported stays so. */
static int put_base(const struct making *m, struct json_doc *doc, struct json *o)
{
	struct json *extends = json_array(doc), *audit = json_array(doc);

	if (!m->base)
		return 0;
	for (int c = 0; c < CONTROL_COUNT; c++)
		if ((m->profile->audit & (1u << c)) && c != CONTROL_NETWORK &&
			json_push(audit, json_string(doc, control_name((enum control)c))) < 0)
			return -1;
	if (json_push(extends, json_string_lossy(doc, m->base)) < 0 ||
		json_put(doc, o, "extends", extends) < 0 ||
		json_put(doc, o, "mode", json_string(doc, modes[m->profile->mode])) < 0)
		return -1;
	return audit->first ? json_put(doc, o, "audit", audit) : 0;
}

static struct json *profile_json(const struct making *m, struct json_doc *doc)
{
	struct json *o = json_object(doc);
	AUTO_STR struct str about = STR_INIT;

	learn_coverage(m->learned, m->from, &about);
	if (str_failed(&about) ||
		json_put(doc, o, "profile", json_string_lossy(doc, m->name)) < 0 ||
		json_put(doc, o, "version", json_string(doc, "0.1.0")) < 0 ||
		json_put(doc, o, "description", json_string_lossy(doc, str_text(&about))) < 0 ||
		put_base(m, doc, o) < 0 ||
		json_put(doc, o, "network", json_clone(doc, m->learned->network)) < 0)
		return NULL;
	return o;
}

/* As "profile check" would, beside all that is configured. */
static int check(
	struct ctl_call *c, const struct making *m, const struct json *profile, struct err *e)
{
	AUTO_SOURCES struct sources s = {.catalog = NULL};
	AUTO_STR struct str text = STR_INIT;

	json_write(profile, &text);
	if (str_failed(&text))
		return err_nomem(e);
	if (sources_init(&s, e) < 0 ||
		catalog_add(s.catalog, m->name, "the learned profile", NULL, str_text(&text),
			text.len, e) < 0 ||
		sources_configured(&s, ctl_value(c, "config"), e) < 0)
		return -1;
	return catalog_flatten(s.catalog, m->name, NULL, NULL, e);
}

/* ---- what there is to say ---- */

static void say_lines(const char *head, const struct strv *l)
{
	for (size_t i = 0; i < l->n && i < SHOWN_MAX; i++) {
		AUTO_STR struct str line = STR_INIT;

		table_text(l->v[i], ERR_MSG_MAX, &line);
		fprintf(stderr, "%s: %s\n", head, str_text(&line));
	}
	if (l->n > SHOWN_MAX)
		fprintf(stderr, "%s: and %zu more (--json)\n", head, l->n - SHOWN_MAX);
}

static void say(const struct making *m)
{
	AUTO_STR struct str about = STR_INIT, safe = STR_INIT;

	learn_coverage(m->learned, m->from, &about);
	table_text(str_text(&about), 1000, &safe);
	fprintf(stderr, "%s %zu rule%s.\n", str_text(&safe), m->learned->rules,
		m->learned->rules == 1 ? "" : "s");
	say_lines("look", &m->learned->findings);
	say_lines("note", &m->learned->notes);
}

static struct json *all_json(const struct making *m, struct json_doc *doc, struct json *body)
{
	const struct learned *l = m->learned;
	struct json *o = json_object(doc), *c = json_object(doc);

	if (json_put(doc, c, "starts", json_uint(doc, l->starts)) < 0 ||
		json_put(doc, c, "flows", json_uint(doc, l->flows)) < 0 ||
		json_put(doc, c, "rules", json_uint(doc, l->rules)) < 0 ||
		json_put(doc, c, "seconds", json_uint(doc, l->total)) < 0 ||
		json_put(doc, c, "shortestSeconds", json_uint(doc, l->shortest)) < 0 ||
		json_put(doc, c, "longestSeconds", json_uint(doc, l->longest)) < 0 ||
		json_put(doc, c, "full", json_bool(doc, l->full)) < 0 ||
		json_put(doc, o, "profile", body) < 0 || json_put(doc, o, "coverage", c) < 0 ||
		json_put(doc, o, "findings", json_strings(doc, &l->findings)) < 0 ||
		json_put(doc, o, "notes", json_strings(doc, &l->notes)) < 0)
		return NULL;
	return o;
}

static int put(struct ctl_call *c, const struct making *m, struct err *e)
{
	AUTO_JSON struct json_doc *doc = json_new();
	struct json *body = doc ? profile_json(m, doc) : NULL;

	if (!body)
		return err_nomem(e);
	if (check(c, m, body, e) < 0)
		return err_wrap(e, "what was learned is no profile");
	if (ctl_given(c, "section"))
		body = json_clone(doc, m->learned->network);
	if (c->json)
		return ctl_put_json(c, all_json(m, doc, body), e);
	say(m);
	return ctl_put_json(c, body, e);
}

static int check_line(struct ctl_call *c, const char **mode, struct err *e)
{
	*mode = ctl_value(c, "mode") ? ctl_value(c, "mode") : "audit";
	if (strcmp(*mode, "audit") != 0 && strcmp(*mode, "enforce") != 0)
		return err_set(e, ERR_INPUT, "--mode is audit or enforce, not \"%.64s\"", *mode);
	return 0;
}

static int run(struct ctl_call *c, struct err *e)
{
	AUTO_SIGHTS struct sights from = {0};
	AUTO_LEARNED struct learned learned = {0};
	__attribute__((cleanup(making_done))) struct making m = {
		.from = &from, .learned = &learned};
	char name[NAME_MAX_BYTES + 1];
	const char *mode;

	name_of_output(name);
	m.name = ctl_value(c, "name") ? ctl_value(c, "name") : name;
	if (check_line(c, &mode, e) < 0 || gather(c, &from, e) < 0 ||
		learn(&from, mode, &learned, e) < 0 || find_base(c, &m, e) < 0)
		return -1;
	if (!m.base && !ctl_given(c, "section") &&
		strv_add(&learned.findings,
			"it extends nothing: all but the network is at its strictest (--extends, "
			"--section)") < 0)
		return err_nomem(e);
	if (put(c, &m, e) < 0)
		return -1;
	return learned.findings.n ? CTL_FINDINGS : CTL_OK;
}

const struct ctl_command ctl_learn = {
	.name = "learn",
	.run = run,
	.operands = "ID|FILE ...",
	.least = 1,
	.most = 4096,
	.word = CTL_FILE,
	.summary = "print a profile of whom containers in mode learn talked to",
	.notes = "A FILE is what \"cinchctl net learned --json\" printed, \"-\" one from standard "
		 "input.\n"
		 "Exit status: 0, 1 there is something to look at before it is used, 2 an "
		 "error.\n",
	.options =
		{
			{"name", "NAME", CTL_TEXT,
				"what it is called; default: as the file it goes into, or learned"},
			{"extends", "PROFILE", CTL_PROFILE,
				"what it adds the rules to; default: what the containers run "
				"under"},
			{"mode", "MODE", CTL_TEXT, "audit (default) or enforce, of its network"},
			{"section", NULL, CTL_NONE, "print only what stands in \"network\""},
			{"config", "FILE", CTL_FILE, "another cinch.json"},
		},
};
