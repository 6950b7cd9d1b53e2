/* One writer for each shell; all walk the same two tables. */
#include "agent/completion.h"

#include "agent/cli_command.h"
#include "base/err.h"
#include "config/opt.h"

static bool completion_takes(const struct cli_command *c, const struct opt *o)
{
	return c->groups & (1u << o->group) && !opt_has(o, OPT_NO_FLAG);
}

static bool completion_is_switch(const struct opt *o)
{
	return o->type == OPT_BOOL || opt_has(o, OPT_ASKED);
}

/* The words that may stand behind a command or an option. */
static void completion_words(const char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", words[i]);
}

static void completion_commands(struct buf *out)
{
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
		buf_printf(out, "%s%s", i ? " " : "", cli_commands[i].name);
}

/* What may stand behind a command beside options, where that is known here. */
static bool completion_has_arguments(const struct cli_command *c)
{
	return c == &cli_commands[CLI_COMPLETION] || c == &cli_commands[CLI_HELP];
}

static void completion_arguments(const struct cli_command *c, struct buf *out)
{
	if (c == &cli_commands[CLI_COMPLETION])
		buf_append_str(out, "bash zsh fish");
	else
		completion_commands(out);
}

/* ---- bash ---- */

/* What stands behind an option: files, one of some words, or anything. */
static void completion_bash_value(const struct opt *o, struct buf *out)
{
	if (opt_has(o, OPT_NO_FLAG) || completion_is_switch(o))
		return;
	buf_printf(out, "\t--%s)\n", o->name);
	if (o->type == OPT_FILE) {
		buf_append_str(out, "\t\tCOMPREPLY=($(compgen -P \"$front\" -f -- \"$word\"))\n");
	} else if (o->type == OPT_ENUM) {
		buf_append_str(out, "\t\tCOMPREPLY=($(compgen -P \"$front\" -W \"");
		completion_words(o->values, out);
		buf_append_str(out, "\" -- \"$word\"))\n");
	}
	buf_append_str(out, "\t\treturn ;;\n");
}

static void completion_bash_command(const struct cli_command *c, struct buf *out)
{
	buf_printf(out, "\t%s) words=\"--help", c->name);
	for (size_t i = 0; i < cli_options.count; i++) {
		if (completion_takes(c, &cli_options.opts[i]))
			buf_printf(out, " --%s", cli_options.opts[i].name);
	}
	if (completion_has_arguments(c)) {
		buf_append_char(out, ' ');
		completion_arguments(c, out);
	}
	buf_append_str(out, "\" ;;\n");
}

/* "--option=value" is three words, or one where COMP_WORDBREAKS is without the sign. */
static void completion_bash(struct buf *out)
{
	buf_append_str(out,
		"_adit() {\n"
		"\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
		"\tlocal front= command= words= i\n"
		"\tif [[ $word == --*=* ]]; then\n"
		"\t\tbefore=${word%%=*} front=${word%%=*}= word=${word#*=}\n"
		"\telif [[ $word == = ]]; then\n"
		"\t\tword=\n"
		"\telif [[ $before == = ]]; then\n"
		"\t\tbefore=${COMP_WORDS[COMP_CWORD - 2]}\n"
		"\tfi\n"
		"\tcase $before in\n");
	for (size_t i = 0; i < cli_options.count; i++)
		completion_bash_value(&cli_options.opts[i], out);
	buf_append_str(out,
		"\tesac\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tcase \" ");
	completion_commands(out);
	buf_append_str(out,
		" \" in *\" ${COMP_WORDS[i]} \"*) command=${COMP_WORDS[i]}; break ;; esac\n"
		"\tdone\n"
		"\tcase $command in\n");
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
		completion_bash_command(&cli_commands[i], out);
	buf_append_str(out, "\t*) words=\"--help --version ");
	completion_commands(out);
	buf_append_str(out,
		"\" ;;\n"
		"\tesac\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
		"}\n"
		"complete -o default -F _adit adit\n");
}

/* ---- zsh ---- */

/* Within single quotes, and within a specification of _arguments. */
static void completion_zsh_text(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_append_str(out, "'\\''");
		else if (strchr("[]:\\", *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_append_char(out, *text);
	}
}

static void completion_zsh_option(const struct opt *o, struct buf *out)
{
	/* With the sign in its name, a value may be the next word or stand behind the sign. */
	buf_printf(out, " \\\n\t\t\t'--%s%s[", o->name, completion_is_switch(o) ? "" : "=");
	completion_zsh_text(o->doc, out);
	buf_append_char(out, ']');
	if (o->type == OPT_FILE)
		buf_append_str(out, ":file:_files");
	else if (o->type == OPT_ENUM) {
		buf_append_str(out, ":value:(");
		completion_words(o->values, out);
		buf_append_char(out, ')');
	} else if (!completion_is_switch(o)) {
		buf_append_str(out, ":value: ");
	}
	buf_append_char(out, '\'');
}

/* Without a word about arguments, options would not be offered behind the first one. */
static void completion_zsh_command(const struct cli_command *c, struct buf *out)
{
	buf_printf(out, "\t%s)\n\t\t_arguments '--help[explain the command]'", c->name);
	for (size_t i = 0; i < cli_options.count; i++) {
		if (completion_takes(c, &cli_options.opts[i]))
			completion_zsh_option(&cli_options.opts[i], out);
	}
	buf_append_str(out, " \\\n\t\t\t'1: : ' '*: :");
	if (completion_has_arguments(c)) {
		buf_append_char(out, '(');
		completion_arguments(c, out);
		buf_append_char(out, ')');
	} else {
		buf_append_char(out, ' ');
	}
	buf_append_str(out, "' ;;\n");
}

static void completion_zsh(struct buf *out)
{
	buf_append_str(out,
		"#compdef adit\n"
		"_adit() {\n"
		"\tlocal -a commands\n"
		"\tcommands=(\n");
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
		buf_printf(out, "\t\t'%s:", cli_commands[i].name);
		completion_zsh_text(cli_commands[i].summary, out);
		buf_append_str(out, "'\n");
	}
	buf_append_str(out,
		"\t)\n"
		"\tif ((CURRENT == 2)); then\n"
		"\t\t_describe command commands\n"
		"\t\treturn\n"
		"\tfi\n"
		"\tcase $words[2] in\n");
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
		completion_zsh_command(&cli_commands[i], out);
	/* A file of $fpath is run when it is wanted for the first time; one that is sourced is not.
	 */
	buf_append_str(out,
		"\tesac\n"
		"}\n"
		"if [[ ${funcstack[1]} == _adit ]]; then\n"
		"\t_adit \"$@\"\n"
		"else\n"
		"\tcompdef _adit adit\n"
		"fi\n");
}

/* ---- fish ---- */

static void completion_fish_text(const char *text, struct buf *out)
{
	buf_append_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, *text);
	}
	buf_append_char(out, '\'');
}

static void completion_fish_option(
	const struct cli_command *c, const struct opt *o, struct buf *out)
{
	buf_printf(out, "complete -c adit -n '__fish_seen_subcommand_from %s' -l %s", c->name,
		o->name);
	if (o->type == OPT_FILE)
		buf_append_str(out, " -r -F");
	else if (!completion_is_switch(o))
		buf_append_str(out, " -x");
	if (o->type == OPT_ENUM) {
		buf_append_str(out, " -a '");
		completion_words(o->values, out);
		buf_append_char(out, '\'');
	}
	buf_append_str(out, " -d ");
	completion_fish_text(o->doc, out);
	buf_append_char(out, '\n');
}

static void completion_fish(struct buf *out)
{
	buf_append_str(out, "complete -c adit -f\n");
	for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
		const struct cli_command *c = &cli_commands[i];

		buf_printf(out, "complete -c adit -n __fish_use_subcommand -a %s -d ", c->name);
		completion_fish_text(c->summary, out);
		buf_append_char(out, '\n');
		for (size_t k = 0; k < cli_options.count; k++) {
			if (completion_takes(c, &cli_options.opts[k]))
				completion_fish_option(c, &cli_options.opts[k], out);
		}
		if (!completion_has_arguments(c))
			continue;
		buf_printf(
			out, "complete -c adit -n '__fish_seen_subcommand_from %s' -a '", c->name);
		completion_arguments(c, out);
		buf_append_str(out, "'\n");
	}
}

int completion_print(struct slice shell, struct buf *out, struct buf *why_out)
{
	if (slice_eq(shell, SLICE("bash"))) {
		completion_bash(out);
	} else if (slice_eq(shell, SLICE("zsh"))) {
		completion_zsh(out);
	} else if (slice_eq(shell, SLICE("fish"))) {
		completion_fish(out);
	} else {
		buf_append_str(why_out, "there are completions for bash, zsh and fish, not for ");
		opt_quote(why_out, shell);
		return ERR_NOT_FOUND;
	}
	return 0;
}
