/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl - every command of cinchctl, by its table: help, wrong lines, the manual, what shells complete;
 * and the commands on profiles.
 *
 * A command or option that is added without its manual fails here.
 */
#include <ctype.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/cleanup.h"
#include "shim/base/str.h"
#include "shim/ctl/ctl.h"
#include "tests/scratch.h"
#include "tests/shell.h"
#include "tests/tap.h"

static char program[4096];

__attribute__((format(printf, 2, 3))) static int ctl(struct str *out, const char *fmt, ...)
{
	char arguments[4096], line[8400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(arguments, sizeof arguments, fmt, ap);
	va_end(ap);
	snprintf(line, sizeof line, "%s %s 2>&1 </dev/null", program, arguments);
	return shell(out, line);
}

/* ---- the table ---- */

static bool good_sentence(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < 90 && text[n - 1] != '.' && !isupper((unsigned char)text[0]);
}

static void test_lines(const struct ctl_command *c)
{
	AUTO_STR struct str out = STR_INIT;

	ok(good_sentence(c->summary), "%s: a summary of one line, without a full stop", c->name);
	ok(ctl(&out, "%s --help", c->name) == 0 && strstr(str_text(&out), c->summary),
		"%s --help says what it is for", c->name);
	ok(ctl(&out, "%s -h", c->name) == 0, "%s -h as well", c->name);
	for (const struct ctl_option *o = c->options; o->name; o++)
		ok(ctl(&out, "%s --help", c->name) == 0 && strstr(str_text(&out), o->name) &&
				good_sentence(o->help),
			"%s: --%s is in the help", c->name, o->name);
	ok(ctl(&out, "%s --no-such-option", c->name) == 2 &&
			strstr(str_text(&out), "unknown option --no-such-option"),
		"%s: an unknown option is an error", c->name);
	if (c->most < 100) {
		AUTO_STR struct str words = STR_INIT;

		for (size_t i = 0; i <= c->most; i++)
			str_add(&words, " x");
		ok(ctl(&out, "%s%s", c->name, str_text(&words)) == 2 &&
				strstr(str_text(&out), "too many words"),
			"%s: a word too many is an error", c->name);
	}
	if (c->least > 0)
		ok(ctl(&out, "%s", c->name) == 2 && strstr(str_text(&out), "something is missing"),
			"%s: nothing is an error", c->name);
}

/* The part of the manual below ".Ss NAME"; NULL: there is none. */
static char *section(const char *manual, const char *name)
{
	AUTO_STR struct str head = STR_INIT;
	const char *at, *end, *next;

	str_addf(&head, "\n.Ss %s\n", name);
	at = strstr(manual, str_text(&head));
	if (!at)
		return NULL;
	at += head.len - 1;
	end = strstr(at, "\n.Sh ");
	next = strstr(at, "\n.Ss ");
	if (!end || (next && next < end))
		end = next;
	return strndup(at, end ? (size_t)(end - at) : strlen(at));
}

/* The lines of the manual's synopsis for the command NAME; "" when there are none. */
static void synopsis(const char *manual, const char *name, struct str *out)
{
	AUTO_STR struct str head = STR_INIT;
	const char *at = strstr(manual, "\n.Sh SYNOPSIS\n"), *end, *next;

	str_add(out, "");
	str_addf(&head, "\n.Nm\n.Cm %s\n", name);
	end = at ? strstr(at, "\n.Sh DESCRIPTION\n") : NULL;
	while (end && (at = strstr(at, str_text(&head))) && at < end) {
		at += strlen("\n.Nm");
		next = strstr(at, "\n.Nm\n");
		str_addn(out, at, (size_t)((next && next < end ? next : end) - at));
	}
}

/* As mdoc(7) says it, Fl being the first of the dashes. */
static bool has_flag(const char *text, const char *option)
{
	const char *dash = option[1] ? "-" : "";
	static const char after[] = " \n";

	for (const char *a = after; *a; a++) {
		AUTO_STR struct str flag = STR_INIT;

		str_addf(&flag, "Fl %s%s%c", dash, option, *a);
		if (strstr(text, str_text(&flag)))
			return true;
	}
	return false;
}

static void test_manual(const struct ctl_command *c, const char *manual)
{
	AUTO_FREE char *text = section(manual, c->name);
	AUTO_STR struct str line = STR_INIT;

	synopsis(manual, c->name, &line);
	ok(line.len > 0, "the synopsis of cinchctl(8) has \"%s\"", c->name);
	if (!ok(text, "cinchctl(8) has a subsection \"%s\"", c->name))
		return;
	for (const struct ctl_option *o = c->options; o->name; o++) {
		ok(has_flag(text, o->name), "and says there what --%s is (%s)", o->name, c->name);
		ok(has_flag(str_text(&line), o->name), "and the synopsis has it");
	}
}

static char *read_page(const char *path)
{
	FILE *f = fopen(path, "re");
	AUTO_STR struct str s = STR_INIT;
	char part[4096];
	size_t n;

	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		str_addn(&s, part, n);
	if (f)
		fclose(f);
	return str_take(&s);
}

/* ---- shells ---- */

/* What bash would offer when the last word of LINE is being typed, in one line. */
static void completes(const char *line, const char *want)
{
	AUTO_STR struct str script = STR_INIT, out = STR_INIT;

	str_addf(&script,
		"bash -c 'source <(%s completion bash); compopt() { :; }; COMP_WORDS=(%s); "
		"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cinchctl %s; echo \"${COMPREPLY[*]}\"' "
		"2>&1",
		program, line, program);
	shell(&out, str_text(&script));
	if (out.len && out.s[out.len - 1] == '\n')
		out.s[--out.len] = '\0';
	if (want[0] == '*')
		ok(strstr(str_text(&out), want + 1) != NULL, "%s<TAB>: %s", line, str_text(&out));
	else
		tap_same(str_text(&out), want, line);
}

static void test_completion(void)
{
	AUTO_STR struct str out = STR_INIT;

	if (shell(&out, "bash -c true") != 0) {
		tap_skip("completion in bash", "no bash");
		return;
	}
	completes("cinchctl expl", "explain");
	completes("cinchctl \"\"", "*log profile");
	completes("cinchctl profile li", "list");
	completes("cinchctl explain --pat", "--patch");
	completes("cinchctl explain --profile restr", "restricted");
	completes("cinchctl explain --profile = restr", "restricted");
	completes("cinchctl explain --color \"\"", "auto always never");
	completes("cinchctl completion \"\"", "bash zsh");
	completes("cinchctl profile show privileged", "privileged-audit");
	completes("cinchctl explain tests/test_ct", "tests/test_ctl.c");
	completes("cinchctl profile list --config tests/test_ct", "tests/test_ctl.c");
	completes("cinchctl no-such-command \"\"", "");
	ok(ctl(&out, "completion zsh") == 0 && str_starts(str_text(&out), "#compdef cinchctl\n"),
		"a script for zsh");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		for (const struct ctl_option *o = (*c)->options; o->name; o++) {
			AUTO_STR struct str spec = STR_INIT;

			str_addf(&spec, "'*--%s%s[", o->name, o->value ? "=" : "");
			ok(strstr(str_text(&out), str_text(&spec)) != NULL, "that knows --%s of %s",
				o->name, (*c)->name);
		}
	ok(ctl(&out, "completion fish") == 2 && strstr(str_text(&out), "expected bash or zsh"),
		"no other shell");
}

/* ---- profiles ---- */

#define NONE "--config %s --store %s"

static void test_list(const char *config, const char *store)
{
	AUTO_STR struct str out = STR_INIT;

	ok(ctl(&out, "profile list " NONE, config, store) == 0, "list: all is well");
	ok(str_starts(str_text(&out), "NAME ") && strstr(str_text(&out), "privileged-audit  1.0.0"),
		"list: a table");
	ok(strstr(str_text(&out), "mine ") && strstr(str_text(&out), "mine.json"),
		"list: a profile of a directory, and its file");
	ok(ctl(&out, "profile list --names " NONE, config, store) == 0, "list: names");
	tap_same(str_text(&out), "baseline\nbatch\nmine\nprivileged-audit\nrestricted\nweb\n",
		"list: sorted, nothing else");
	ok(ctl(&out, "profile list --json " NONE, config, store) == 0 &&
			strstr(str_text(&out), "\"applied\": \"no\"") &&
			strstr(str_text(&out), "\"policy\": \"built-in\""),
		"list: what is not applied");
	scratch_write("dir/bad.json", "{\"profile\":\"bad\",\"version\":\"1\",\"mod\":\"audit\"}");
	ok(ctl(&out, "profile list " NONE, config, store) == 1 &&
			strstr(str_text(&out), "bad.json:1:32: unknown key \"mod\"") &&
			strstr(str_text(&out), "restricted"),
		"list: a wrong one is a finding, the others are listed");
	unlink(scratch_path("dir/bad.json"));
}

static void test_show(const char *config, const char *store)
{
	AUTO_STR struct str out = STR_INIT;

	ok(ctl(&out, "profile show mine " NONE, config, store) == 0 &&
			strstr(str_text(&out), "\"root\": \"remap\"") &&
			strstr(str_text(&out), "\"CAP_KILL\"") &&
			!strstr(str_text(&out), "\"extends\""),
		"show: with all it extends");
	ok(str_starts(str_text(&out), "// mine 2.0, "), "show: a remark is a comment");
	scratch_write("again.json", "");
	{
		FILE *f = fopen(scratch_path("mine.json"), "we");

		fputs(str_text(&out), f);
		fclose(f);
	}
	ok(ctl(&out, "profile check %s", scratch_path("mine.json")) == 0,
		"show: what is printed is a profile");
	ok(ctl(&out, "profile show --source mine " NONE, config, store) == 0 &&
			strstr(str_text(&out), "// why\n") && strstr(str_text(&out), "extends"),
		"show: the source, comments and all");
	ok(ctl(&out, "profile show --json %s", scratch_path("mine.json")) == 0 &&
			strstr(str_text(&out), "\"profile\": {") &&
			strstr(str_text(&out), "\"applied\": false"),
		"show: a file, as JSON");
	ok(ctl(&out, "profile show min " NONE, config, store) == 2 &&
			strstr(str_text(&out), "did you mean \"mine\""),
		"show: a name that is nearly there");
	ok(ctl(&out, "profile show web") == 0 && strstr(str_text(&out), "// web "),
		"show: a shipped one");
	scratch_write("esc.json", "// \033[31m\xc2\x9b\n{}\n");
	ok(ctl(&out, "profile show --source %s", scratch_path("esc.json")) == 0 &&
			!strchr(str_text(&out), '\033') && strstr(str_text(&out), "\\u001b"),
		"show: nothing of a file steers the terminal");
}

static void test_check(void)
{
	AUTO_STR struct str out = STR_INIT;

	ok(ctl(&out, "profile check %s", scratch_path("dir")) == 0 &&
			strstr(str_text(&out), "1 file, 0 wrong"),
		"check: a directory");
	scratch_write("two/a.json",
		"{\"profile\":\"a\",\"version\":\"1\",\n \"capabilities\":[\"CAP_NET_RAV\"]}");
	scratch_write("two/b.json", "{\"profile\":\"b\",\"version\":\"1\",\"extends\":[\"a\"]}");
	scratch_write("two/c.json", "{\"profile\":\"c\",\"version\":\"1\",\"sysctl\":7}");
	scratch_write("two/d.json", "{\"profile\":\"d\",\"version\":\"1\"}");
	ok(ctl(&out, "profile check %s", scratch_path("two")) == 1, "check: findings are status 1");
	ok(strstr(str_text(&out), "two/a.json:2:18: ") && strstr(str_text(&out), "CAP_NET_RAW"),
		"check: the place and the nearest name");
	ok(strstr(str_text(&out), "two/c.json:1:") && strstr(str_text(&out), "d.json: ok, d 1") &&
			strstr(str_text(&out), "4 files, 3 wrong"),
		"check: all files, not only the first that is wrong");
	ok(ctl(&out, "profile check --json %s", scratch_path("two")) == 1 &&
			strstr(str_text(&out), "\"wrong\": 3"),
		"check: as JSON");
	ok(ctl(&out, "profile check %s", scratch_path("two/nothing.json")) == 2 &&
			strstr(str_text(&out), "cannot be read"),
		"check: what is not there is status 2");
	ok(ctl(&out, "profile check profiles/library") == 0, "check: the library is right");
}

/* The example of cinch-profile(5) is a profile. */
static void test_example(void)
{
	AUTO_FREE char *page = read_page("man/cinch-profile.5");
	AUTO_STR struct str out = STR_INIT;
	char *begin = page ? strstr(page, "\n// app - ") : NULL;
	char *end = begin ? strstr(begin, "\n}\n") : NULL;

	if (!ok(end, "cinch-profile(5) has an example"))
		return;
	end[2] = '\0';
	ok(ctl(&out, "profile check %s", scratch_write("app.json", begin)) == 0, "which is right");
}

static void test_diff(const char *config)
{
	AUTO_STR struct str out = STR_INIT;

	ok(ctl(&out, "profile diff restricted restricted") == 0, "diff: a profile is like itself");
	ok(ctl(&out, "profile diff restricted mine --config %s", config) == 1 &&
			strstr(str_text(&out), "+ capabilities") &&
			strstr(str_text(&out), "CAP_KILL"),
		"diff: what is gained");
	ok(ctl(&out, "profile diff mine restricted --config %s", config) == 1 &&
			strstr(str_text(&out), "- capabilities"),
		"diff: and lost, the other way round");
	ok(ctl(&out, "profile diff --json restricted %s", scratch_path("mine.json")) == 1 &&
			strstr(str_text(&out), "\"change\": \"gained\""),
		"diff: a file, as JSON");
	ok(ctl(&out, "profile diff restricted privileged-audit") == 1 &&
			strstr(str_text(&out), "+ mode ") && !strstr(str_text(&out), "null"),
		"diff: what is only reported from now on");
	ok(ctl(&out, "profile diff --json restricted privileged-audit") == 1 &&
			strstr(str_text(&out), "\"control\": \"mode\""),
		"diff: the same as JSON");
	ok(ctl(&out, "profile diff restricted nothing") == 2, "diff: what is not there");
}

static void test_profiles(void)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_FREE char *config = NULL, *store = strdup(scratch_path("store"));

	mkdir(scratch_path("dir"), 0755);
	mkdir(scratch_path("two"), 0755);
	scratch_write("dir/mine.json", "// why\n{\"profile\":\"mine\",\"version\":\"2.0\","
				       "\"extends\":[\"restricted\"],"
				       "\"capabilities\":{\"add\":[\"CAP_KILL\"]}}\n");
	str_addf(&text, "{\"profiles\": [\"%s\"]}", scratch_path("dir"));
	config = strdup(scratch_write("cinch.json", str_text(&text)));
	test_list(config, store);
	test_show(config, store);
	test_check();
	test_example();
	test_diff(config);
}

int main(void)
{
	const char *b = getenv("B");
	AUTO_FREE char *manual = read_page("man/cinchctl.8");
	size_t n = 0;

	snprintf(program, sizeof program, "%s/cinchctl", b && *b ? b : "build");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++, n++) {
		test_lines(*c);
		test_manual(*c, manual);
	}
	ok(n > 3, "%zu commands", n);
	test_completion();
	test_profiles();
	return tap_done();
}
