/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion - what a shell needs to complete cinchctl's line, made from the table of commands.
 *
 * Neither script needs the bash-completion package, and neither runs anything but cinchctl itself, for the
 * names of profiles.
 */
#include "shim/ctl/commands.h"

#include <string.h>

/* ---- both ---- */

/* "auto always never": words a value is one of; NULL: it is something else. */
static const char *choices(const char *name, const char *value)
{
	return value && strcmp(name, "color") == 0 ? "auto always never" : NULL;
}

/* OPERANDS is a choice of small letters, as "bash|zsh": the same with blanks. */
static bool is_choice(const char *operands)
{
	return strchr(operands, '|') &&
	       strspn(operands, "abcdefghijklmnopqrstuvwxyz|") == strlen(operands);
}

static void words_of(const char *operands, struct str *out)
{
	for (; *operands; operands++)
		str_addc(out, *operands == '|' ? ' ' : *operands);
}

/* The length of the first word of a command's name; GROUP: there is a second. */
static size_t first_word(const struct ctl_command *c, bool *group)
{
	const char *space = strchr(c->name, ' ');

	*group = space != NULL;
	return space ? (size_t)(space - c->name) : strlen(c->name);
}

/* The command is the first whose name begins with its first word. */
static bool is_first(const struct ctl_command *const *at)
{
	bool group;
	size_t n = first_word(*at, &group);

	for (const struct ctl_command *const *c = ctl_commands; c != at; c++)
		if (strncmp((*c)->name, (*at)->name, n) == 0 &&
			((*c)->name[n] == ' ' || (*c)->name[n] == '\0'))
			return false;
	return true;
}

/* ---- bash ---- */

static const char *bash_kind(enum ctl_word word)
{
	static const char *const kinds[] = {
		[CTL_NONE] = "",
		[CTL_FILE] = "_cinchctl_files",
		[CTL_DIR] = "_cinchctl_dirs",
		[CTL_PROFILE] = "_cinchctl_profiles",
		[CTL_TEXT] = "",
	};

	return kinds[word];
}

/* C NULL: of every command. */
static void bash_value(const struct ctl_command *c, const struct ctl_option *o, struct str *out)
{
	const char *words = choices(o->name, o->value);

	if (!o->value)
		return;
	if (c)
		str_addf(out, "\t'%s:--%s') ", c->name, o->name);
	else
		str_addf(out, "\t*':--%s') ", o->name);
	if (words)
		str_addf(out, "_cinchctl_words '%s'", words);
	else
		str_add(out, *bash_kind(o->word) ? bash_kind(o->word) : ":");
	str_add(out, "; return ;;\n");
}

static void bash_command(const struct ctl_command *c, struct str *out)
{
	str_addf(out, "\t'%s')\n\t\toptions='", c->name);
	for (const struct ctl_option *o = c->options; o->name; o++)
		str_addf(out, "--%s ", o->name);
	for (const struct ctl_option *const *o = ctl_common; *o; o++)
		if ((*o)->help)
			str_addf(out, "--%s ", (*o)->name);
	str_add(out, "'");
	if (is_choice(c->operands)) {
		str_add(out, " operand=_cinchctl_words words='");
		words_of(c->operands, out);
		str_add(out, "'");
	} else if (c->most && *bash_kind(c->word)) {
		str_addf(out, " operand=%s", bash_kind(c->word));
	}
	str_add(out, " ;;\n");
}

static void bash_names(struct str *out)
{
	bool group;

	str_add(out, "\tif ((COMP_CWORD == 1)); then\n\t\t_cinchctl_words '");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		if (is_first(c))
			str_addf(out, "%.*s ", (int)first_word(*c, &group), (*c)->name);
	str_add(out, "--help --version'\n\t\treturn\n\tfi\n\tcase $first in\n");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++) {
		size_t n = first_word(*c, &group);

		if (!group || !is_first(c))
			continue;
		str_addf(out, "\t%.*s)\n\t\tif ((COMP_CWORD == 2)); then\n\t\t\t_cinchctl_words '",
			(int)n, (*c)->name);
		for (const struct ctl_command *const *k = ctl_commands; *k; k++)
			if (strncmp((*k)->name, (*c)->name, n + 1) == 0)
				str_addf(out, "%s ", (*k)->name + n + 1);
		str_add(out, "--help'\n\t\t\treturn\n\t\tfi\n"
			     "\t\tcommand=\"$first ${COMP_WORDS[2]}\" ;;\n");
	}
	str_add(out, "\tesac\n");
}

static void bash(struct str *out)
{
	str_add(out, "# bash completion for cinchctl; made by \"cinchctl completion bash\"\n\n"
		     "_cinchctl_add() {\n"
		     "\tlocal line\n"
		     "\twhile IFS= read -r line; do COMPREPLY+=(\"$line\"); done\n"
		     "}\n"
		     "_cinchctl_words() { _cinchctl_add < <(compgen -W \"$1\" -- \"$cur\"); }\n"
		     "_cinchctl_files() {\n"
		     "\tcompopt -o filenames 2>/dev/null\n"
		     "\t_cinchctl_add < <(compgen -f -- \"$cur\")\n"
		     "}\n"
		     "_cinchctl_dirs() {\n"
		     "\tcompopt -o filenames 2>/dev/null\n"
		     "\t_cinchctl_add < <(compgen -d -- \"$cur\")\n"
		     "}\n"
		     "_cinchctl_profiles() {\n"
		     "\tif [[ $cur == */* ]]; then\n"
		     "\t\t_cinchctl_files\n"
		     "\telse\n"
		     "\t\t_cinchctl_words \"$(\"$program\" profile list --names 2>/dev/null)\"\n"
		     "\tfi\n"
		     "}\n\n"
		     "_cinchctl() {\n"
		     "\tlocal program=$1 cur=${COMP_WORDS[COMP_CWORD]} "
		     "prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		     "\tlocal first=${COMP_WORDS[1]-} command=${COMP_WORDS[1]-}\n"
		     "\tlocal options='' operand=: words=''\n"
		     "\tCOMPREPLY=()\n"
		     "\t# --option=value stands in three words\n"
		     "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
		     "\t[[ $cur == = ]] && cur=''\n");
	bash_names(out);
	str_add(out, "\tcase $command:$prev in\n");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		for (const struct ctl_option *o = (*c)->options; o->name; o++)
			bash_value(*c, o, out);
	for (const struct ctl_option *const *o = ctl_common; *o; o++)
		if ((*o)->help)
			bash_value(NULL, *o, out);
	str_add(out, "\tesac\n\tcase $command in\n");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		bash_command(*c, out);
	str_add(out, "\tesac\n"
		     "\tif [[ $cur == -* ]]; then _cinchctl_words \"$options\"; else $operand "
		     "\"$words\"; fi\n"
		     "}\n\n"
		     "complete -F _cinchctl cinchctl\n");
}

/* ---- zsh ---- */

/* TEXT inside '...' and, for _arguments, inside a part that ':' and ']' would end. */
static void zsh_text(const char *text, struct str *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			str_add(out, "'\\'");
		else if (strchr(":[]\\", *text))
			str_addc(out, '\\');
		str_addc(out, *text);
	}
}

static const char *zsh_kind(enum ctl_word word)
{
	static const char *const kinds[] = {
		[CTL_NONE] = " ",
		[CTL_FILE] = "_files",
		[CTL_DIR] = "_files -/",
		[CTL_PROFILE] = "_cinchctl_profiles",
		[CTL_TEXT] = " ",
	};

	return kinds[word];
}

static void zsh_option(const struct ctl_option *o, struct str *out)
{
	const char *words = choices(o->name, o->value);

	str_addf(out, " \\\n\t\t\t'*--%s%s[", o->name, o->value ? "=" : "");
	zsh_text(o->help, out);
	str_add(out, "]");
	if (o->value) {
		str_add(out, ":");
		zsh_text(o->value, out);
		str_addf(out, ":%s%s%s", words ? "(" : "", words ? words : zsh_kind(o->word),
			words ? ")" : "");
	}
	str_add(out, "'");
}

static void zsh_command(const struct ctl_command *c, struct str *out)
{
	str_addf(out, "\t'%s')\n\t\t_arguments", c->name);
	for (const struct ctl_option *o = c->options; o->name; o++)
		zsh_option(o, out);
	for (const struct ctl_option *const *o = ctl_common; *o; o++)
		if ((*o)->help)
			zsh_option(*o, out);
	if (c->most) {
		str_add(out, " \\\n\t\t\t'*:");
		zsh_text(*c->operands ? c->operands : "word", out);
		if (is_choice(c->operands)) {
			str_add(out, ":(");
			words_of(c->operands, out);
			str_add(out, ")'");
		} else {
			str_addf(out, ":%s'", zsh_kind(c->word));
		}
	}
	str_add(out, " ;;\n");
}

/* The commands whose names begin with the N bytes of PREFIX, for _describe. */
static void zsh_names(const char *prefix, size_t n, struct str *out)
{
	bool group;

	for (const struct ctl_command *const *c = ctl_commands; *c; c++) {
		size_t first = first_word(*c, &group);

		if (strncmp((*c)->name, prefix, n) != 0 || (!n && !is_first(c)))
			continue;
		str_addf(out, "\n\t\t\t'%.*s:", n ? 100 : (int)first, (*c)->name + n);
		if (!n && group)
			str_addf(out, "%.*s commands", (int)first, (*c)->name);
		else
			zsh_text((*c)->summary, out);
		str_add(out, "'");
	}
	str_add(out, ")\n\t\t_describe command names\n\t\treturn\n\tfi\n");
}

static void zsh(struct str *out)
{
	bool group;

	str_add(out, "#compdef cinchctl\n"
		     "# zsh completion for cinchctl; made by \"cinchctl completion zsh\"\n\n"
		     "_cinchctl_profiles() {\n"
		     "\tlocal -a names\n"
		     "\tnames=(${(f)\"$(_call_program profiles $service profile list --names "
		     "2>/dev/null)\"})\n"
		     "\t_alternative 'profiles:profile:compadd -a names' 'files:file:_files'\n"
		     "}\n\n"
		     "_cinchctl() {\n"
		     "\tlocal command=$words[2]\n"
		     "\tlocal -a names\n"
		     "\tif (( CURRENT == 2 )); then\n"
		     "\t\tnames=(");
	zsh_names("", 0, out);
	for (const struct ctl_command *const *c = ctl_commands; *c; c++) {
		size_t n = first_word(*c, &group);

		if (!group || !is_first(c))
			continue;
		str_addf(out,
			"\tif [[ $command == %.*s ]] && (( CURRENT == 3 )); then\n\t\tnames=(",
			(int)n, (*c)->name);
		zsh_names((*c)->name, n + 1, out);
		str_addf(out,
			"\tif [[ $command == %.*s ]]; then\n"
			"\t\tcommand+=\" $words[3]\"\n\t\tshift words; (( CURRENT-- ))\n\tfi\n",
			(int)n, (*c)->name);
	}
	str_add(out, "\tshift words; (( CURRENT-- ))\n\tcase $command in\n");
	for (const struct ctl_command *const *c = ctl_commands; *c; c++)
		zsh_command(*c, out);
	str_add(out, "\tesac\n}\n\n"
		     "if [[ $funcstack[1] == _cinchctl ]]; then _cinchctl \"$@\"; else compdef "
		     "_cinchctl cinchctl; fi\n");
}

static int run(struct ctl_call *call, struct err *e)
{
	const char *shell = call->operands[0];

	if (call->json)
		return err_set(e, ERR_INPUT, "a script is no JSON");
	if (strcmp(shell, "bash") == 0)
		bash(&call->out);
	else if (strcmp(shell, "zsh") == 0)
		zsh(&call->out);
	else
		return err_set(e, ERR_INPUT, "\"%.64s\": expected bash or zsh", shell);
	return str_failed(&call->out) ? err_nomem(e) : CTL_OK;
}

const struct ctl_command ctl_completion = {
	.name = "completion",
	.run = run,
	.operands = "bash|zsh",
	.least = 1,
	.most = 1,
	.word = CTL_TEXT,
	.summary = "the script with which a shell completes cinchctl's line",
	.notes = "To try it: source <(cinchctl completion bash)\n",
};
