/* Layers of options into one struct, and the checks that need more than one option. */
#include "agent/cli_conf.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "config/env.h"
#include "config/opt_set.h"
#include "config/opt_value.h"
#include "config/yaml.h"
#include "io/loop.h"

#define CLI_FILE_MAX (1u << 20)
#define CLI_SECRET_MIN 32u

struct cli_loader {
	struct opt_set set;
	struct cli_conf *conf;
	char **environ_list;
	struct buf *message;
	struct buf *warnings;
};

static const struct opt *cli_opt(const char *name)
{
	return opt_find(&cli_options, slice_from_str(name));
}

bool cli_conf_path(char **environ_list, const char *kind, const char *name, struct buf *out)
{
	char variable[32];
	const char *base;
	const char *below = strcmp(kind, "STATE") == 0 ? ".local/state" : ".config";

	snprintf(variable, sizeof(variable), "XDG_%s_HOME", kind);
	base = env_get(environ_list, variable);
	if (base && base[0] == '/') {
		buf_printf(out, "%s/adit/%s", base, name);
	} else {
		base = env_get(environ_list, "HOME");
		if (!base || base[0] != '/')
			return false;
		buf_printf(out, "%s/%s/adit/%s", base, below, name);
	}
	buf_append_char(out, '\0');
	return true;
}

/* ---- the command ---- */

static int cli_check_words(struct cli_loader *l)
{
	const struct cli_command *c = l->conf->command;

	if (l->conf->args.word_count < c->min_words) {
		buf_printf(l->message, "adit %s needs to know what: adit %s %s", c->name, c->name,
			c->usage);
		return ERR_SYNTAX;
	}
	if (l->conf->args.word_count > c->max_words) {
		buf_append_str(l->message, "unexpected argument ");
		opt_quote(l->message, slice_from_str(l->conf->args.words[c->max_words]));
		buf_printf(l->message, ": adit %s %s", c->name, c->usage);
		return ERR_SYNTAX;
	}
	return 0;
}

/* An option on the command line that the command does not know. */
static int cli_check_groups(struct cli_loader *l)
{
	const struct cli_command *c = l->conf->command;

	for (size_t i = 0; i < cli_options.count; i++) {
		const struct opt *o = &cli_options.opts[i];

		if (c->groups & (1u << o->group) || !opt_set_has(&l->set, o, OPT_LAYER_FLAG))
			continue;
		buf_printf(l->message, "--%s is no option of adit %s", o->name, c->name);
		for (size_t k = 0; k < CLI_COMMAND_COUNT; k++) {
			if (cli_commands[k].groups & (1u << o->group)) {
				buf_printf(
					l->message, "; it goes with adit %s", cli_commands[k].name);
				break;
			}
		}
		return ERR_SYNTAX;
	}
	return 0;
}

static int cli_read_command(struct cli_loader *l)
{
	struct cli_conf *conf = l->conf;

	if (conf->args.version) {
		conf->command = &cli_commands[CLI_VERSION];
		return 0;
	}
	if (!conf->args.command) {
		if (conf->args.help)
			return 0;
		buf_append_str(l->message,
			"a command is missing: adit http 3000, for example (adit --help lists "
			"them)");
		return ERR_SYNTAX;
	}
	conf->command = cli_command_find(slice_from_str(conf->args.command), l->message);
	if (!conf->command)
		return ERR_NOT_FOUND;
	if (conf->args.help)
		return 0;
	return cli_check_words(l) || cli_check_groups(l) ? ERR_SYNTAX : 0;
}

/* ---- values ---- */

/* The usual file may be missing; one that was named may not. */
static int cli_read_file(struct cli_loader *l)
{
	enum opt_layer layer;
	const char *named = opt_set_get(&l->set, cli_opt("config"), &layer);
	struct buf usual = {0}, content = {0}, why = {0};
	int err = 0;

	if (!named && !cli_conf_path(l->environ_list, "CONFIG", "config.yaml", &usual))
		goto out;
	err = conf_file_read(named ? named : buf_slice(&usual).ptr, CLI_FILE_MAX, &content, &why);
	if (!err)
		err = yaml_read_options(&l->set, named ? named : buf_slice(&usual).ptr,
			buf_slice(&content), l->message);
	else if (!named && err == ERR_NOT_FOUND)
		err = 0;
	else
		buf_printf(l->message, "%s: cannot be read: %.*s",
			named ? named : buf_slice(&usual).ptr, SLICE_ARG(buf_slice(&why)));
out:
	conf_file_forget(&content);
	buf_release(&usual);
	buf_release(&why);
	return err;
}

static int cli_read_secret(struct cli_loader *l)
{
	struct cli_values *v = &l->conf->values;
	struct buf content = {0}, why = {0};
	struct slice line;
	int err;

	if (v->hmac_secret || !v->hmac_secret_file)
		return 0;
	err = conf_file_read(v->hmac_secret_file, 65536, &content, &why);
	if (err) {
		buf_printf(l->message, "--hmac-secret-file: %.*s", SLICE_ARG(buf_slice(&why)));
	} else {
		line = slice_trim_lines(buf_slice(&content));
		line = slice_trim_lines(slice_first(line, slice_find(line, '\n')));
		v->hmac_secret = mem_dup_str(line.ptr, line.len);
	}
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static void cli_warn_of_gate(struct cli_loader *l)
{
	const struct cli_command *c = l->conf->command;
	const struct opt_origin *literal =
		&l->conf->origins[opt_index(&cli_options, cli_opt("password"))];

	if (literal->layer == OPT_LAYER_FLAG && strcmp(l->conf->values.password, "-") != 0)
		buf_append_str(l->warnings,
			"--password: the history of your shell keeps what was typed there; "
			"--password-prompt, --password-file and ADIT_PASSWORD leave no trace\n");
	if (c->groups & (1u << CLI_GROUP_GATE))
		return;
	for (size_t i = 0; i < cli_options.count; i++) {
		const struct opt *o = &cli_options.opts[i];

		if (o->group == CLI_GROUP_GATE && opt_set_has(&l->set, o, OPT_LAYER_ENV))
			buf_printf(l->warnings,
				"%s has no effect: adit %s does not take --%s from the "
				"environment\n",
				l->conf->origins[i].where, c->name, o->name);
	}
}

static int cli_check(struct cli_loader *l)
{
	struct cli_values *v = &l->conf->values;
	int err = cli_read_secret(l);

	if (err)
		return err;
	if (v->hmac_secret && strlen(v->hmac_secret) < CLI_SECRET_MIN) {
		buf_printf(l->message, "the HMAC secret is shorter than %u characters",
			CLI_SECRET_MIN);
		return ERR_RANGE;
	}
	cli_warn_of_gate(l);
	if (v->insecure)
		buf_append_str(l->warnings,
			"--insecure: the relay's certificate is not checked; whoever is on the way "
			"can read and change everything\n");
	return v->relay ? cli_conf_set_relay(l->conf, slice_from_str(v->relay), l->message) : 0;
}

static int cli_load(struct cli_loader *l)
{
	const struct opt_report report = {l->message, l->warnings};
	int err;

	env_read(&l->set, l->environ_list, l->warnings);
	env_forget_secrets(&cli_options, l->environ_list);
	err = cli_read_file(l);
	if (err)
		return err;
	l->conf->origins = mem_zero(cli_options.count * sizeof(*l->conf->origins));
	err = opt_set_apply(&l->set, &l->conf->values, l->conf->origins, &report);
	l->conf->values.json |= l->conf->args.json;
	return err ? err : cli_check(l);
}

int cli_conf_load(const struct cli_arguments *arguments, struct cli_conf *conf, struct buf *message,
	struct buf *warnings)
{
	struct cli_loader loader = {.conf = conf,
		.environ_list = arguments->environ_list,
		.message = message,
		.warnings = warnings};
	const struct args_line line = {
		.argc = arguments->argc, .argv = arguments->argv, .max_words = ARGS_WORDS_MAX};
	int err;

	*conf = (struct cli_conf) {0};
	opt_set_init(&loader.set, &cli_options);
	err = args_read(&loader.set, &line, &conf->args, message);
	if (!err)
		err = cli_read_command(&loader);
	if (!err && !conf->args.help && conf->command->groups)
		err = cli_load(&loader);
	opt_set_deinit(&loader.set);
	return err;
}

void cli_conf_end_loop(struct cli_conf *conf, struct loop **loop)
{
	if (!loop_has_orphans(*loop)) {
		loop_free(loop);
		return;
	}
	conf->is_asking = true;
	*loop = NULL;
}

void cli_conf_deinit(struct cli_conf *conf)
{
	opt_set_free_values(&cli_options, &conf->values);
	opt_origins_free(&conf->origins, cli_options.count);
	relay_url_deinit(&conf->relay);
}

int cli_conf_set_relay(struct cli_conf *conf, struct slice text, struct buf *message)
{
	struct buf why = {0};
	int err;

	if (conf->relay.host)
		return 0;
	err = relay_url_parse(text, &conf->relay, &why);
	if (err)
		buf_printf(message, "--relay: %.*s", SLICE_ARG(buf_slice(&why)));
	buf_release(&why);
	return err;
}

int cli_conf_need_relay(const struct cli_conf *conf, struct buf *message)
{
	if (conf->relay.host)
		return 0;
	buf_append_str(message,
		"no relay is known. Name one with --relay https://relay.example.com, with "
		"ADIT_RELAY "
		"in the environment, or with a line \"relay: ...\" in ~/.config/adit/config.yaml");
	return ERR_NOT_FOUND;
}
